/*
 * kernel.h -- the interface between plan and providers: what a kernel call is, and who takes what.
 *
 * The plan offers a call (op, attributes, operand shapes and strides) to the context's providers in order; the first that
 * returns a kernel gets it. A call runs in up to three phases (pack, main, combine); the parts of a phase may run at the same
 * time on several threads, phases one after the other. The number of parts depends on shapes alone, never on threads,
 * but for parts that only copy.
 *
 * An operand that stays the same from run to run (`fixed`) may be kept in an order of the kernel's own: a phase before all
 * others, SD_KEEP, makes that copy at the first run, and again when the operand has changed.
 *
 * What all parts of phase 0 read may be made by every thread for itself: phase SD_OWN, before a thread's first part. Two cores
 * that share no cache need 30 ns to write a line that the other has had since (measured on a Zen 4), but 3 to read one that it
 * has written. So few threads copy an operand sooner for themselves than for each other.
 */
#ifndef SD_OPS_KERNEL_H
#define SD_OPS_KERNEL_H

#include "base/cpu.h"
#include "graph/op.h"

#define SD_MAX_PHASES 3
#define SD_KEEP (-1)
#define SD_OWN (-2)

/* What a kernel sees when it runs one part. Operands may be strided as the kernel's find() accepted them; results are dense. */
typedef struct sd_args {
    const sd_op *op;
    int n_in, n_out;
    const sd_tensor *in;  /* [n_in] */
    const sd_tensor *out; /* [n_out] */
    const void *attr;
    const void *state; /* made by prepare() */
    void *scratch;     /* 64-byte aligned, sd_work.scratch bytes, shared by the parts and phases of this call */
    void *kept;        /* 64-byte aligned, sd_work.kept bytes, which nobody else writes between runs */
    void *own;         /* 64-byte aligned, sd_work.own bytes for each thread, in phases SD_OWN and 0 */
    int phase, part;
} sd_args;

/* A call before it has memory: data pointers are NULL. */
typedef struct sd_call {
    const sd_op *op;
    const void *attr;
    int n_in, n_out;
    const sd_tensor *in;
    const sd_tensor *out;
    sd_level level; /* highest CPU level the context allows */
    unsigned fixed; /* operands that stay the same from run to run, bits: 1 << operand */
    int threads;    /* of the context: they may change who copies what, never what is computed; 0: unknown */
} sd_call;

/* How a kernel wants to be run. Preset to one phase of one part without scratch or state. */
typedef struct sd_work {
    int phases;
    int parts[SD_MAX_PHASES];
    unsigned falling; /* phases whose parts threads take from the last to the first (base/pool.h), bits: 1 << phase */
    size_t scratch;   /* bytes */
    size_t kept;      /* bytes; 0: there is no phase SD_KEEP */
    int keepers;      /* parts of that phase */
    size_t own;       /* bytes a thread; 0: there is no phase SD_OWN */
    void *state;      /* freed by kernel->release */
} sd_work;

typedef struct sd_kernel {
    const char *name;
    sd_status (*prepare)(const sd_call *call, sd_work *work); /* NULL: the preset */
    sd_kernel_run *run;
    void (*release)(void *state); /* NULL: nothing to free */
    /*
     * Operand whose memory result 0 may share if that operand dies here (same shape and dtype, dense); -1:
     * none. Bits: 1 << operand.
     */
    unsigned in_place;
} sd_kernel;

typedef struct sd_provider {
    const char *name;
    /* The kernel for this call with these very strides, or NULL. */
    const sd_kernel *(*find)(const sd_call *call);
    bool fuses; /* wants clusters of elementwise nodes (ops/cluster.h) */
} sd_provider;

/* True if the strides are those of row-major order (axes of size 1 do not matter). */
bool sd__dense(const sd_tensor *t);

/* Cuts n items into parts [begin,end) whose number depends on n and the cost of one item (about nanoseconds) alone. */
int sd__parts(int64_t n, double cost);
static inline void sd__part(int64_t n, int parts, int part, int64_t *begin, int64_t *end)
{
    *begin = n * part / parts;
    *end = n * (part + 1) / parts;
}

/* At most so many: one, two or a multiple of four, which two and four threads share evenly. */
static inline int64_t sd__even(int64_t parts) { return parts < 4 ? (parts < 2 ? parts : 2) : parts / 4 * 4; }

#endif
