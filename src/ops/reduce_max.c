/*
 * reduce_max.c -- maximum over axes, and the place of the maximum along one axis.
 *
 * The first of equals counts; a NaN counts as largest.
 */
#include "ops/reduce.h"

/* True if x beats the best so far: larger, or the first NaN. */
#define BEATS(x, best) ((x) > (best) || ((x) != (x) && (best) == (best)))

/* Where the last axis is kept, whole rows are compared, in the order in which they lie in memory. */
#define REDUCE_MAX(suffix, type)                                                                  \
    static void max_rows_##suffix(const sd_tensor *in, uint32_t axes, type *y)                    \
    {                                                                                             \
        sd_tensor heads = *in; /* the first element of each row */                                \
        int64_t columns = in->shape.dim[--heads.shape.rank], step = in->stride[heads.shape.rank]; \
        sd_reduction r = sd__reduction(&heads, axes);                                             \
        sd_walk walk = sd__walk(r.x.shape, 1, (const sd_tensor *[]){&r.x});                       \
        for (int64_t i = 0; i < r.kept; i++, y += columns)                                        \
            for (int64_t k = 0; k < r.terms * r.run; k++, sd__walk_next(&walk)) {                 \
                const type *x = (const type *)r.x.data + walk.offset[0];                          \
                for (int64_t c = 0; c < columns; c++)                                             \
                    y[c] = k == 0 || BEATS(x[c * step], y[c]) ? x[c * step] : y[c];               \
            }                                                                                     \
    }                                                                                             \
    static void max_runs_##suffix(const sd_tensor *in, uint32_t axes, type *y)                    \
    {                                                                                             \
        sd_reduction r = sd__reduction(in, axes);                                                 \
        sd_walk walk = sd__walk(r.x.shape, 1, (const sd_tensor *[]){&r.x});                       \
        const type *x = r.x.data;                                                                 \
        for (int64_t i = 0; i < r.kept; i++) {                                                    \
            y[i] = x[walk.offset[0]];                                                             \
            for (int64_t k = 0; k < r.terms * r.run; k++, sd__walk_next(&walk))                   \
                if (BEATS(x[walk.offset[0]], y[i]))                                               \
                    y[i] = x[walk.offset[0]];                                                     \
        }                                                                                         \
    }                                                                                             \
    static void reduce_max_##suffix(const sd_args *args)                                          \
    {                                                                                             \
        uint32_t axes = ((const sd_reduce_attr *)args->attr)->axes;                               \
        bool rows = !(axes & SD_AXIS(args->in[0].shape.rank - 1));                                \
        (rows ? max_rows_##suffix : max_runs_##suffix)(&args->in[0], axes, args->out[0].data);    \
    }
REDUCE_MAX(f32, float)
REDUCE_MAX(f64, double)

/* Permutation that puts the axes of the set last, in order; returns how many axes stay in front. */
static int reduced_last(int rank, uint32_t axes, int *perm)
{
    int kept = 0, n = 0;
    for (int i = 0; i < rank; i++)
        if (!(axes & SD_AXIS(i)))
            perm[kept++] = i;
    for (int i = 0; i < rank; i++)
        if (axes & SD_AXIS(i))
            perm[kept + n++] = i;
    return kept;
}

/*
 * The cotangent goes to the first of equals: with the reduced axes moved last and joined into one, argmax names the winner, and
 * comparing it with a count along that axis marks it.
 */
static void vjp(sd_vjp_rule *r)
{
    const sd_reduce_attr *attr = sd__attr(r->y);
    sd_node x = sd__operand(r->y, 0);
    sd_shape shape = sd_node_shape(x);
    int perm[SD_MAX_RANK] = {0}, back[SD_MAX_RANK] = {0};
    int kept = reduced_last(shape.rank, attr->axes, perm);
    for (int i = 0; i < shape.rank; i++)
        back[perm[i]] = i;

    sd_node moved = sd_permute(x, perm);
    sd_shape joined = sd_shape_make(kept + 1, sd_node_shape(moved).dim);
    joined.dim[kept] = 1;
    joined.dim[kept] = sd_shape_count(shape) / sd_shape_count(joined);
    sd_shape column = joined;
    column.dim[kept] = 1;

    sd_node winner = sd_reshape(sd_argmax(sd_reshape(moved, joined), kept), column);
    sd_node wins = sd_compare(sd_iota(x.graph, SD_I32, joined, kept), SD_EQ, winner);
    sd_node dy = sd_broadcast(sd_reshape(r->dy[0], column), joined);
    sd_node dx = sd_select(wins, dy, sd_constant_like(dy, 0));
    r->grad[0] = sd_permute(sd_reshape(dx, sd_node_shape(moved)), back);
}

const sd_op sd__op_reduce_max = {
    .name = "reduce_max",
    .doc = "maximum over a set of axes; the derivative goes to the first of equals",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(sd_reduce_attr),
    .infer = sd__infer_reduce,
    .vjp = vjp,
    .kernel = {[SD_F32] = reduce_max_f32, [SD_F64] = reduce_max_f64},
    .flops = sd__flops_reduce,
    .print = sd__print_reduce,
    .example = sd__example_reduce,
    .sample = {.ties = true},
};

sd_node sd_reduce_max(sd_node x, uint32_t axes, bool keep) { return sd__append_reduce(&sd__op_reduce_max, x, axes, keep); }

typedef struct argmax_attr {
    int64_t axis;
} argmax_attr;

static sd_status infer_argmax(sd_infer *c)
{
    int64_t axis = ((const argmax_attr *)c->attr)->axis;
    sd_dtype dtype = c->in[0].dtype;
    char text[SD_SHAPE_TEXT];
    if (!sd_dtype_is_real(dtype) && dtype != SD_I32)
        return sd__infer_fail(c, SD_EDTYPE, "the operand is %s; it must be f32, f64 or i32", sd_dtype_name(dtype));
    if (axis < 0 || axis >= c->in[0].shape.rank)
        return sd__infer_fail(c, SD_EINVAL, "%s has no axis %lld", sd_shape_text(c->in[0].shape, text), (long long)axis);
    if (c->in[0].shape.dim[axis] > INT32_MAX)
        return sd__infer_fail(c, SD_ESHAPE, "axis %lld of %s is too long for an i32 index", (long long)axis,
                              sd_shape_text(c->in[0].shape, text));
    c->out[0] = (sd_type){SD_I32, sd_scalar_shape()};
    for (int i = 0; i < c->in[0].shape.rank; i++)
        if (i != axis)
            c->out[0].shape.dim[c->out[0].shape.rank++] = c->in[0].shape.dim[i];
    return SD_OK;
}

#define ARGMAX(suffix, type)                                                \
    static void argmax_##suffix(const sd_args *args)                        \
    {                                                                       \
        int64_t axis = ((const argmax_attr *)args->attr)->axis;             \
        sd_reduction r = sd__reduction(&args->in[0], SD_AXIS(axis));        \
        int64_t length = args->in[0].shape.dim[axis];                       \
        sd_walk walk = sd__walk(r.x.shape, 1, (const sd_tensor *[]){&r.x}); \
        const type *x = r.x.data;                                           \
        int32_t *y = args->out[0].data;                                     \
        for (int64_t i = 0; i < r.kept; i++) {                              \
            type best = x[walk.offset[0]];                                  \
            y[i] = 0;                                                       \
            for (int64_t k = 0; k < length; k++, sd__walk_next(&walk))      \
                if (BEATS(x[walk.offset[0]], best)) {                       \
                    best = x[walk.offset[0]];                               \
                    y[i] = (int32_t)k;                                      \
                }                                                           \
        }                                                                   \
    }
ARGMAX(f32, float)
ARGMAX(f64, double)
ARGMAX(i32, int32_t)

static void argmax(const sd_args *args)
{
    if (args->in[0].dtype == SD_F32)
        argmax_f32(args);
    else if (args->in[0].dtype == SD_F64)
        argmax_f64(args);
    else
        argmax_i32(args);
}

static void print_argmax(const void *attr, sd_string *text)
{
    sd__string_add(text, " axis=%d", (int)((const argmax_attr *)attr)->axis);
}

/* Integers of a small range, so that equals occur; or reals. */
static sd_node example_argmax(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    sd_node x = sd__example_int(e, 0, 2) ? sd__example_real(e, shape) : sd__example_input(e, SD_I32, shape, -3, 3);
    return sd_argmax(x, sd__example_int(e, 0, shape.rank - 1));
}

const sd_op sd__op_argmax = {
    .name = "argmax",
    .doc = "index of the first maximum along an axis, i32; derivative zero",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(argmax_attr),
    .infer = infer_argmax,
    .kernel = {[SD_I32] = argmax},
    .flops = sd__flops_reduce,
    .print = print_argmax,
    .example = example_argmax,
    .sample = {.ties = true},
};

sd_node sd_argmax(sd_node x, int axis)
{
    argmax_attr attr = {.axis = axis};
    return sd__append1(&sd__op_argmax, &attr, x);
}
