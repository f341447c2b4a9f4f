/* reshape.c -- the same elements, in row-major order, under another shape. */
#include "ops/op.h"

static sd_status infer(sd_infer *c)
{
    char from[SD_SHAPE_TEXT], to[SD_SHAPE_TEXT];
    c->out[0] = (sd_type){c->in[0].dtype, sd__attr_shape(*(const sd_shape_attr *)c->attr)};
    SD_TRY(sd__infer_shape(c, c->out[0].shape));
    int64_t count = sd_shape_count(c->in[0].shape), wanted = sd_shape_count(c->out[0].shape);
    if (count != wanted)
        return sd__infer_fail(c, SD_ESHAPE, "%s has %lld elements, %s has %lld", sd_shape_text(c->in[0].shape, from),
                              (long long)count, sd_shape_text(c->out[0].shape, to), (long long)wanted);
    return SD_OK;
}

/* The axes of `in` that have more than one element, as a tensor. */
static sd_tensor squeezed(const sd_tensor *in)
{
    sd_tensor t = {.dtype = in->dtype, .data = in->data};
    for (int i = 0; i < in->shape.rank; i++)
        if (in->shape.dim[i] != 1) {
            t.stride[t.shape.rank] = in->stride[i];
            t.shape.dim[t.shape.rank++] = in->shape.dim[i];
        }
    return t;
}

/* True if axes [begin,end) can be walked as one axis. */
static bool mergeable(const sd_tensor *t, int begin, int end)
{
    for (int i = begin; i + 1 < end; i++)
        if (t->stride[i] != t->shape.dim[i + 1] * t->stride[i + 1])
            return false;
    return true;
}

/*
 * Groups of axes of old and new shape with equal products are matched from the left; within a group the old axes must merge
 * into one, which the new axes then split.
 */
static bool view(const sd_tensor *in, const void *attr, sd_tensor *out)
{
    sd_tensor old = squeezed(in);
    *out = (sd_tensor){.dtype = in->dtype, .shape = sd__attr_shape(*(const sd_shape_attr *)attr), .data = in->data};
    int from = 0, to = 0;
    while (to < out->shape.rank) {
        int first_old = from, first_new = to;
        int64_t old_count = 1, new_count = out->shape.dim[to++];
        while (old_count != new_count)
            if (old_count < new_count)
                old_count *= old.shape.dim[from++];
            else
                new_count *= out->shape.dim[to++];
        if (!mergeable(&old, first_old, from))
            return false;
        int64_t stride = from > first_old ? old.stride[from - 1] : 1;
        for (int i = to - 1; i >= first_new; i--) {
            out->stride[i] = stride;
            stride *= out->shape.dim[i];
        }
    }
    return true;
}

static void vjp(sd_vjp_rule *r) { r->grad[0] = sd_reshape(r->dy[0], sd_node_shape(sd__operand(r->y, 0))); }

/* Joins all axes, turns the order of the sizes round, or appends an axis; sometimes over a transposed operand. */
static sd_node example(sd_example *e)
{
    sd_node x = sd__example_real(e, sd__example_any_shape(e, 1));
    if (sd_node_shape(x).rank > 1 && sd__example_int(e, 0, 1))
        x = sd_transpose(x);
    sd_shape shape = sd_node_shape(x), target = shape;
    int kind = sd__example_int(e, 0, 2);
    if (kind == 0)
        target = SD_SHAPE(sd_shape_count(shape));
    for (int i = 0; kind == 1 && i < shape.rank; i++)
        target.dim[i] = shape.dim[shape.rank - 1 - i];
    if (sd_shape_equal(target, shape))
        target.dim[target.rank++] = 1;
    return sd_reshape(x, target);
}

const sd_op sd__op_reshape = {
    .name = "reshape",
    .doc = "the same elements in row-major order under another shape",
    .kind = SD_VIEW,
    .arity = 1,
    .attr_size = sizeof(sd_shape_attr),
    .infer = infer,
    .vjp = vjp,
    .view = view,
    .flops = sd__no_flops,
    .example = example,
};

/* Replaces one -1 by the size that makes the counts agree; a target that does not fit is left to the shape rule. */
static sd_shape resolved(sd_shape target, int64_t count)
{
    int open = -1;
    int64_t rest = 1;
    for (int i = 0; i < target.rank; i++)
        if (target.dim[i] == -1 && open < 0)
            open = i;
        else if (target.dim[i] < 1 || target.dim[i] > count / rest)
            return target;
        else
            rest *= target.dim[i];
    if (open >= 0 && count % rest == 0)
        target.dim[open] = count / rest;
    return target;
}

sd_node sd_reshape(sd_node x, sd_shape shape)
{
    if (!sd__has(x))
        return x;
    shape = resolved(shape, sd_shape_count(sd_node_shape(x)));
    sd_shape_attr attr = sd__shape_attr(shape);
    return sd_shape_equal(shape, sd_node_shape(x)) ? x : sd__append1(&sd__op_reshape, &attr, x);
}
