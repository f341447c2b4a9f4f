/* gather.c -- slices picked by an index along an axis, and the adjoint: slices added to where an index says. */
#include "ops/op.h"

typedef struct gather_attr {
    int64_t axis;
} gather_attr;

typedef struct scatter_attr {
    int64_t axis, size;
} scatter_attr;

static sd_status check(sd_infer *c, int64_t axis)
{
    char text[SD_SHAPE_TEXT];
    if (c->in[1].dtype != SD_I32 || c->in[1].shape.rank != 1)
        return sd__infer_fail(c, c->in[1].dtype != SD_I32 ? SD_EDTYPE : SD_ESHAPE, "the index is %s %s; it must be i32 [M]",
                              sd_dtype_name(c->in[1].dtype), sd_shape_text(c->in[1].shape, text));
    if (axis < 0 || axis >= c->in[0].shape.rank)
        return sd__infer_fail(c, SD_EINVAL, "%s has no axis %lld", sd_shape_text(c->in[0].shape, text), (long long)axis);
    c->out[0] = c->in[0];
    return SD_OK;
}

/* Slice `index` of t along `axis`; that axis keeps size 1. */
static sd_tensor slice_at(const sd_tensor *t, int64_t axis, int64_t index)
{
    int64_t origin[SD_MAX_RANK] = {0};
    sd_shape shape = t->shape;
    origin[axis] = index;
    shape.dim[axis] = 1;
    return sd__subtensor(t, origin, shape, NULL);
}

static sd_status infer_gather(sd_infer *c)
{
    int64_t axis = ((const gather_attr *)c->attr)->axis;
    SD_TRY(check(c, axis));
    c->out[0].shape.dim[axis] = c->in[1].shape.dim[0];
    return sd__infer_shape(c, c->out[0].shape);
}

static void gather(const sd_args *args)
{
    int64_t axis = ((const gather_attr *)args->attr)->axis;
    const sd_tensor *x = &args->in[0], *y = &args->out[0];
    const int32_t *index = args->in[1].data;
    sd__clear(y);
    for (int64_t i = 0; i < y->shape.dim[axis]; i++) {
        int64_t from = index[i * args->in[1].stride[0]];
        if (from < 0 || from >= x->shape.dim[axis])
            continue;
        sd_tensor source = slice_at(x, axis, from), target = slice_at(y, axis, i);
        sd__copy(&source, &target);
    }
}

static void vjp_gather(sd_vjp_rule *r)
{
    int64_t axis = ((const gather_attr *)sd__attr(r->y))->axis;
    int64_t size = sd_node_shape(sd__operand(r->y, 0)).dim[axis];
    r->grad[0] = sd_scatter_add(r->dy[0], sd__operand(r->y, 1), (int)axis, size);
}

static void print_gather(const void *attr, sd_string *text)
{
    sd__string_add(text, " axis=%d", (int)((const gather_attr *)attr)->axis);
}

/* The index leaves the range now and then, and repeats. */
static sd_node example_gather(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    int axis = sd__example_int(e, 0, shape.rank - 1);
    sd_node x = sd__example_real(e, shape);
    return sd_gather(x, sd__example_input(e, SD_I32, sd__example_shape(e, 1, 17), -1, (double)shape.dim[axis]), axis);
}

const sd_op sd__op_gather = {
    .name = "gather",
    .doc = "slices along an axis at the given indices",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(gather_attr),
    .infer = infer_gather,
    .vjp = vjp_gather,
    .kernel = {[SD_F32] = gather, [SD_F64] = gather, [SD_I32] = gather, [SD_U8] = gather, [SD_BF16] = gather},
    .flops = sd__no_flops,
    .print = print_gather,
    .example = example_gather,
};

sd_node sd_gather(sd_node x, sd_node index, int axis)
{
    gather_attr attr = {.axis = axis};
    return sd__append2(&sd__op_gather, &attr, x, index);
}

static sd_status infer_scatter(sd_infer *c)
{
    const scatter_attr *attr = c->attr;
    char text[SD_SHAPE_TEXT];
    SD_TRY(check(c, attr->axis));
    if (!sd_dtype_is_real(c->in[0].dtype))
        return sd__infer_fail(c, SD_EDTYPE, "the operand is %s; it must be f32 or f64 (see sd_cast)",
                              sd_dtype_name(c->in[0].dtype));
    if (c->in[0].shape.dim[attr->axis] != c->in[1].shape.dim[0])
        return sd__infer_fail(c, SD_ESHAPE, "axis %lld of %s needs as many indices, not %lld", (long long)attr->axis,
                              sd_shape_text(c->in[0].shape, text), (long long)c->in[1].shape.dim[0]);
    c->out[0].shape.dim[attr->axis] = attr->size;
    return sd__infer_shape(c, c->out[0].shape);
}

#define ADD_SLICE(suffix, type)                                                                                \
    static void add_slice_##suffix(const sd_tensor *from, const sd_tensor *to)                                 \
    {                                                                                                          \
        const type *x = from->data;                                                                            \
        type *y = to->data;                                                                                    \
        for (sd_walk w = sd__walk(from->shape, 2, (const sd_tensor *[]){from, to}); w.left; sd__walk_next(&w)) \
            y[w.offset[1]] += x[w.offset[0]];                                                                  \
    }
ADD_SLICE(f32, float)
ADD_SLICE(f64, double)

static void scatter_add(const sd_args *args)
{
    int64_t axis = ((const scatter_attr *)args->attr)->axis;
    const sd_tensor *x = &args->in[0], *y = &args->out[0];
    const int32_t *index = args->in[1].data;
    sd__clear(y);
    for (int64_t i = 0; i < x->shape.dim[axis]; i++) {
        int64_t to = index[i * args->in[1].stride[0]];
        if (to < 0 || to >= y->shape.dim[axis])
            continue;
        sd_tensor source = slice_at(x, axis, i), target = slice_at(y, axis, to);
        if (x->dtype == SD_F32)
            add_slice_f32(&source, &target);
        else
            add_slice_f64(&source, &target);
    }
}

static void vjp_scatter(sd_vjp_rule *r)
{
    const scatter_attr *attr = sd__attr(r->y);
    r->grad[0] = sd_gather(r->dy[0], sd__operand(r->y, 1), (int)attr->axis);
}

static double flops_scatter(const sd_type *in, const sd_type *out, const void *attr)
{
    return (double)sd_shape_count(in[0].shape);
}

static void print_scatter(const void *attr, sd_string *text)
{
    const scatter_attr *scatter = attr;
    sd__string_add(text, " axis=%d size=%lld", (int)scatter->axis, (long long)scatter->size);
}

static sd_node example_scatter(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    int axis = sd__example_int(e, 0, shape.rank - 1), size = sd__example_int(e, 1, 9);
    sd_node x = sd__example_real(e, shape);
    return sd_scatter_add(x, sd__example_input(e, SD_I32, SD_SHAPE(shape.dim[axis]), -1, size), axis, size);
}

const sd_op sd__op_scatter_add = {
    .name = "scatter_add",
    .doc = "zeros, to which slices along an axis are added at the given indices, in order",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(scatter_attr),
    .infer = infer_scatter,
    .vjp = vjp_scatter,
    .kernel = {[SD_F32] = scatter_add, [SD_F64] = scatter_add},
    .flops = flops_scatter,
    .print = print_scatter,
    .example = example_scatter,
};

sd_node sd_scatter_add(sd_node x, sd_node index, int axis, int64_t size)
{
    scatter_attr attr = {.axis = axis, .size = size};
    return sd__append2(&sd__op_scatter_add, &attr, x, index);
}

/* Compares a count along a new last axis with the labels. */
sd_node sd_one_hot(sd_node labels, int64_t classes, sd_dtype dtype)
{
    sd_shape shape = sd_node_shape(labels);
    if (!sd__has(labels))
        return labels;
    if (sd_node_dtype(labels) != SD_I32 || shape.rank != 1 || classes < 1)
        return sd_graph_fail(labels.graph, SD_ESHAPE,
                             "one_hot: labels of rank %d and type %s, %lld classes; i32 [B] and at least one class are needed",
                             shape.rank, sd_dtype_name(sd_node_dtype(labels)), (long long)classes);
    sd_node count = sd_iota(labels.graph, SD_I32, SD_SHAPE(shape.dim[0], classes), 1);
    return sd_cast(sd_compare(count, SD_EQ, sd_reshape(labels, SD_SHAPE(shape.dim[0], 1))), dtype);
}
