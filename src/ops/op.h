/* op.h -- all that the file of one op includes. */
#ifndef SD_OPS_OP_H
#define SD_OPS_OP_H

#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <string.h>

#include "base/philox.h"
#include "graph/op.h"
#include "ops/kernel.h"

/* The table: every op, in the order of ops.def. */
#define SD_OP(name) extern const sd_op sd__op_##name;
#include "ops/ops.def"
#undef SD_OP
extern const sd_op *const sd__ops[];
extern const int sd__n_ops;

/* What an example draws from; failures print the seed. */
typedef struct sd_example {
    sd_graph *graph;
    sd_random random;
    sd_dtype dtype; /* real dtype of this trial: f32 or f64 */
    enum {
        SD_EXAMPLE_DENSE,
        SD_EXAMPLE_STRIDED,
        SD_EXAMPLE_FRESH
    } memory;        /* operands as bound, as a view, or as a value that dies */
    int n_inputs;    /* inputs made so far */
    const sd_op *op; /* the op under test */
    struct {
        sd_node node;
        double lo, hi; /* real inputs: uniform; integer inputs: lo..hi inclusive */
    } input[SD_MAX_IN];
} sd_example;

/* A fresh input of the example, filled by the test with numbers in [lo,hi] (integers: both ends included). */
sd_node sd__example_input(sd_example *e, sd_dtype dtype, sd_shape shape, double lo, double hi);
/* The same over the op's .sample domain, in the example's dtype. */
sd_node sd__example_real(sd_example *e, sd_shape shape);
/* A shape of `rank` axes, each 1..max. */
sd_shape sd__example_shape(sd_example *e, int rank, int max);
int sd__example_int(sd_example *e, int lo, int hi); /* lo..hi inclusive */
/* A shape of `lowest`..4 axes with sizes around those at which kernels change loops: 1, 3, 16, 17, 33, ... */
sd_shape sd__example_any_shape(sd_example *e, int lowest);
/* For elementwise ops: `arity` inputs of one random shape. */
sd_node sd__example_elementwise(sd_example *e);

/* Shape rules that many ops share. */
sd_status sd__infer_same(sd_infer *c); /* all operands real, of one dtype and shape, which is the result's */

/* Refuses a result shape with a wrong rank, a size below 1, or too many elements. */
sd_status sd__infer_shape(sd_infer *c, sd_shape shape);

/* Brings operands to one shape by broadcasting; false (latched) if they do not fit, false if one is poisoned. */
bool sd__broadcast_together(const char *op, int n, sd_node *operand);

/* What a builder returns when its operand is poisoned already. */
static inline sd_node sd__poison(sd_node operand) { return (sd_node){.graph = operand.graph}; }

/* A shape as an attribute: without the padding that sd_shape has, so that it can be compared as bytes. */
typedef struct sd_shape_attr {
    int64_t rank, dim[SD_MAX_RANK];
} sd_shape_attr;
sd_shape_attr sd__shape_attr(sd_shape shape);
sd_shape sd__attr_shape(sd_shape_attr attr);

/* FLOPs of ops that move or convert elements. */
double sd__no_flops(const sd_type *in, const sd_type *out, const void *attr);

/* Walks all index tuples of a shape in row-major order, with offsets into up to four strided tensors. */
typedef struct sd_walk {
    int rank, n;
    int64_t dim[SD_MAX_RANK], index[SD_MAX_RANK];
    int64_t stride[4][SD_MAX_RANK];
    int64_t offset[4];
    int64_t left; /* elements not yet visited, the current one included */
} sd_walk;
sd_walk sd__walk(sd_shape shape, int n, const sd_tensor *const *tensor); /* tensors broadcast to shape by their strides */
void sd__walk_next(sd_walk *walk);

/* Element [index...] of `t` as the origin of a tensor of `shape` whose axis i goes in steps of step[i] (NULL: 1). */
sd_tensor sd__subtensor(const sd_tensor *t, const int64_t *index, sd_shape shape, const int64_t *step);
/* Copies elements of any dtype between tensors of one shape and any strides, which do not overlap. */
void sd__copy(const sd_tensor *from, const sd_tensor *to);
/* All bytes of a dense tensor become 0. */
void sd__clear(const sd_tensor *t);

#endif
