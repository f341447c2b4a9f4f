/*
 * op.h -- what an op is: one constant record with its shape rule, its derivative rule, its reference kernels.
 *
 * The graph stores a pointer to the record in every node and calls its shape rule; autodiff calls its derivative rule; the
 * plan asks the providers for a kernel, and the reference provider finds its kernel here. No code switches over op names.
 */
#ifndef SD_GRAPH_OP_H
#define SD_GRAPH_OP_H

#include <sonde/graph.h>

#include "base/arena.h"
#include "base/base.h"

#define SD_MAX_IN 64     /* operands of one node (concat) */
#define SD_MAX_OUT 4     /* results of one node */
#define SD_VARIADIC (-1) /* as .arity */

struct sd_args;    /* ops/kernel.h */
struct sd_example; /* ops/op.h */
struct sd_op;

typedef struct sd_type {
    sd_dtype dtype;
    sd_shape shape;
} sd_type;

typedef enum sd_op_kind {
    SD_LEAF,        /* bound from outside */
    SD_ELEMENTWISE, /* one result; all operands have its shape; has .tile */
    SD_VIEW,        /* the operand's elements under other strides; has .view */
    SD_COMPUTE,     /* anything else; has .kernel */
    SD_COMPOSITE    /* has .decompose; may have .kernel */
} sd_op_kind;

/* What a shape rule sees, and fills: n_out and out[]. */
typedef struct sd_infer {
    sd_graph *graph;
    const struct sd_op *op;
    const void *attr;
    int n_in;
    const sd_type *in;
    int n_out; /* preset to 1 */
    sd_type out[SD_MAX_OUT];
} sd_infer;

/* Latches "LAYER: OP: MESSAGE" in the graph; returns status, so a rule can `return sd__infer_fail(c, SD_ESHAPE, ...)`. */
sd_status sd__infer_fail(sd_infer *c, sd_status status, const char *format, ...) SD_PRINTF(3, 4);

/* What a derivative rule sees and fills. Gradients not set are zero by definition. */
typedef struct sd_vjp_rule {
    sd_node y;         /* result 0 of the node */
    const sd_node *dy; /* cotangent of every result; poisoned (id 0) where it is zero: check with sd__has() */
    int n_in;
    sd_node *grad;          /* [n_in] preset to id 0 = zero */
    const char **undefined; /* [n_in] set to a reason where the derivative does not exist */
} sd_vjp_rule;

/* Contiguous elementwise kernel: n elements of every operand in, n elements out. out may be the same memory as an operand. */
typedef void sd_tile(size_t n, const void *const *in, void *out, const void *attr);

typedef void sd_kernel_run(const struct sd_args *args);

typedef struct sd_op {
    const char *name;
    const char *doc;    /* one line: what it computes */
    const char *source; /* paper and equation, or NULL for school mathematics */
    sd_op_kind kind;
    int arity;        /* operands, or SD_VARIADIC */
    size_t attr_size; /* bytes of the attribute struct, 0: none. Attributes are compared and hashed as bytes: no padding */

    /* Shapes and dtypes of the results; SD_OK or what sd__infer_fail() returned. */
    sd_status (*infer)(sd_infer *c);

    /* Emits the nodes of the vector-Jacobian product. NULL: zero by definition, or (composite) expand and go on. */
    void (*vjp)(sd_vjp_rule *r);

    /* Composite: emits the defining nodes, one handle a result. operands: the node's operands; attr: its attributes. */
    void (*decompose)(sd_graph *graph, const sd_node *operand, const void *attr, sd_node *result);

    /* View: strides of the result over the operand's memory; false if only a dense copy of the operand could be viewed. */
    bool (*view)(const sd_tensor *in, const void *attr, sd_tensor *out);

    sd_tile *tile[SD_DTYPE_COUNT];         /* elementwise, by dtype of operand 0 */
    sd_kernel_run *kernel[SD_DTYPE_COUNT]; /* reference, by dtype of result 0; takes any strides; one part, one phase */

    /* Floating-point operations of one run; NULL: one a result element (elementwise) or none. */
    double (*flops)(const sd_type *in, const sd_type *out, const void *attr);

    /* Appends " axes=.. keep=.." for the printer. NULL: nothing. */
    void (*print)(const void *attr, sd_string *text);

    /* Appends one random, valid instance to the graph: what the generic tests run. NULL only for leaves. */
    sd_node (*example)(struct sd_example *e);

    struct {
        double lo, hi;  /* domain of operands in tests; both 0: [-2, 2] */
        double kink[2]; /* points that tests keep away from by 1e-3, n_kinks of them */
        int n_kinks;
        bool ties; /* kinks lie where operands are equal */
    } sample;

    bool barrier; /* passes neither share nor fold nor fuse across it */
    bool random;  /* results differ by key: never folded */
} sd_op;

/* One operand: result `result` of node `id`. */
typedef struct sd_ref {
    uint32_t id, result;
} sd_ref;

/* A node as the graph stores it. id 0 is unused, so that a zero handle is poisoned. */
typedef struct sd_node_data {
    const sd_op *op;
    uint32_t n_in, n_out;
    const sd_ref *in;   /* [n_in] */
    const sd_type *out; /* [n_out] */
    const void *attr;   /* attr_size bytes, or NULL */
    const char *path;   /* scope, e.g. "block1/conv" */
} sd_node_data;

/*
 * Appends a node: copies attr and operands, runs the shape rule, latches what it finds wrong. A poisoned operand gives a
 * poisoned result without a further message. n_in operands of one graph. The handle is result 0.
 */
sd_node sd__append(sd_graph *graph, const sd_op *op, const void *attr, int n_in, const sd_node *in);

/* Convenience for builders of one, two, three operands. */
sd_node sd__append1(const sd_op *op, const void *attr, sd_node a);
sd_node sd__append2(const sd_op *op, const void *attr, sd_node a, sd_node b);
sd_node sd__append3(const sd_op *op, const void *attr, sd_node a, sd_node b, sd_node c);

const sd_node_data *sd__data(sd_node node); /* of a node that is not poisoned */
sd_node sd__operand(sd_node node, int i);   /* operand i of the node */
const void *sd__attr(sd_node node);         /* its attributes */
sd_type sd__type(sd_node node);             /* of this result */
static inline bool sd__has(sd_node node) { return node.id != 0; }

/* A 64-bit key for a random node: hash of the open scope and the ordinal of random nodes in it. */
uint64_t sd__random_key(sd_graph *graph);

#endif
