/*
 * piecewise.h -- a model read as steps that are linear but for kinks: the program on which linear regions are counted.
 *
 * A kink is an op whose units each *choose*: a ReLU between 0 and its operand, max pooling between the elements of
 * its window. All choices together are the activation pattern. While no unit chooses otherwise, every value is one
 * affine function of the input.
 */
#ifndef SD_PROBE_PIECEWISE_H
#define SD_PROBE_PIECEWISE_H

#include <sonde/probe.h>

#include "base/arena.h"
#include "plan/program.h"

typedef enum sd_kink {
    SD_LINEAR, /* no kink: a change of an operand changes the result in proportion */
    SD_SIGN,   /* a unit an element; choice 1 where the operand is positive, else 0 */
    SD_WINDOW  /* choice j where candidate j is the largest (min: smallest), the first of equals */
} sd_kink;

/* For each of n things the numbers member[start[i] .. start[i+1]). */
typedef struct sd_incidence {
    int64_t *start, *member;
    double *weight; /* of each member; NULL: 1 */
} sd_incidence;

/* An operand of a piece: the result of an earlier one, or numbers that do not depend on the input. */
typedef struct sd_piece_in {
    int step;               /* -1: constant */
    const double *constant; /* [n] */
    sd_shape shape;
    int64_t n;
    double factor;        /* elementwise: what a change is multiplied by ... */
    const double *weight; /* ... and by this, element by element; NULL: nothing */
    sd_incidence route;   /* elements of the result that each of the operand reaches; windows: the other way round */
    sd_incidence watched; /* windows: blocks of the result that look at each block of the operand */
} sd_piece_in;

typedef struct sd_piece_user {
    int step, operand;
} sd_piece_user;

/* One step of the program. */
typedef struct sd_piece {
    const struct sd_rule *rule; /* NULL: the input */
    const void *attr;
    const char *path, *op; /* layer and op, for messages */
    sd_shape shape;
    int64_t n, block; /* elements; elements of the last axis, which are marked together as changed */
    int n_in, users;
    sd_piece_in *in;         /* [n_in] */
    sd_piece_user *user;     /* [users] who reads the result */
    bool kept;               /* somebody looks at the result itself, not at its changes alone */
    int64_t first_unit;      /* kinks: n units, of which this is the first */
    double gain[2], jump[2]; /* SD_SIGN: the result is gain * operand + jump, by choice */
    bool paired, smallest;   /* SD_WINDOW: candidate j of unit i is element i of operand j, else from in[0].route; a minimum */
} sd_piece;

typedef struct sd_piecewise {
    sd_arena arena;
    sd_program program; /* owns attributes and paths */
    sd_piece *step;
    int steps, output; /* step 0 is the input */
    int64_t inputs, outputs, units;
    double *constants;
} sd_piecewise;

/*
 * Reads the subject's model, in eval mode and f64. SD_EINVAL names the layer that is not piecewise affine. To
 * be freed; NULL is allowed.
 */
sd_status sd__piecewise_new(const sd_subject *subject, sd_piecewise **net);
void sd__piecewise_free(sd_piecewise *net);

/*
 * What it reads: the nodes that lead to the model's output in eval mode, composites decomposed. To be
 * freed, also after an error.
 */
sd_status sd__piecewise_program(const sd_subject *subject, sd_dtype dtype, int64_t batch, sd_program *program);

/* The step that each node becomes, [graph->count], -1 where it does not depend on the input. Returns the number of steps. */
int sd__piecewise_number(const sd_graph *graph, int *step_of);

/* ---- rules: what an op is here (rules.c) --------------------------------------------------------------------------------- */

/* Elements [begin,end) of an operand change: plane k of element i by change[k * stride + i]. */
typedef struct sd_push {
    const sd_piece *step;
    const sd_piece_in *in;
    int operand, planes;
    int64_t begin, end;
    const double *change;
    int64_t stride;
    double *out; /* [planes][step->n] what the result changes by: to be added to */
    struct sd_forms *forms;
    int to; /* number of the step */
} sd_push;

typedef struct sd_rule {
    const sd_op *op;
    sd_kink kink;
    bool adds; /* a constant operand is a term, else a coefficient */
    sd_status (*prepare)(sd_context *context, sd_arena *arena, sd_piece *step); /* NULL: nothing to do */
    void (*push)(const sd_push *p);
} sd_rule;

/* NULL: not piecewise affine. */
const sd_rule *sd__rule_of(const sd_op *op);

/* True for composites that become steps by their decomposition. */
bool sd__rule_expands(const sd_op *op);

/* "linear regions do not apply: layer tanh1 has tanh, WHY" */
sd_status sd__no_regions(const char *path, const char *op, const char *why);

#endif
