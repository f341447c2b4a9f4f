/* broadcast.c -- a value repeated along new axes and along axes of size 1. */
#include "ops/op.h"

static sd_status infer(sd_infer *c)
{
    char from[SD_SHAPE_TEXT], to[SD_SHAPE_TEXT];
    sd_shape in = c->in[0].shape, out = sd__attr_shape(*(const sd_shape_attr *)c->attr);
    SD_TRY(sd__infer_shape(c, out));
    bool fits = in.rank <= out.rank;
    for (int i = 0; fits && i < in.rank; i++)
        fits = in.dim[i] == 1 || in.dim[i] == out.dim[i + out.rank - in.rank];
    if (!fits)
        return sd__infer_fail(c, SD_ESHAPE, "%s does not repeat to %s; sizes must agree from the last axis on, or be 1",
                              sd_shape_text(in, from), sd_shape_text(out, to));
    c->out[0] = (sd_type){c->in[0].dtype, out};
    return SD_OK;
}

static bool view(const sd_tensor *in, const void *attr, sd_tensor *out)
{
    *out = (sd_tensor){.dtype = in->dtype, .shape = sd__attr_shape(*(const sd_shape_attr *)attr), .data = in->data};
    int shift = out->shape.rank - in->shape.rank;
    for (int i = 0; i < in->shape.rank; i++)
        out->stride[i + shift] = in->shape.dim[i] == out->shape.dim[i + shift] ? in->stride[i] : 0;
    return true;
}

/* Each element was used as often as it was repeated: the cotangents add up. */
static void vjp(sd_vjp_rule *r)
{
    sd_shape in = sd_node_shape(sd__operand(r->y, 0)), out = sd_node_shape(r->y);
    int shift = out.rank - in.rank;
    uint32_t axes = 0;
    for (int i = 0; i < out.rank; i++)
        if (i < shift || in.dim[i - shift] != out.dim[i])
            axes |= SD_AXIS(i);
    r->grad[0] = sd_reshape(sd_sum(r->dy[0], axes, false), in);
}

/* Some axes of a random shape are set to 1 or left out at the front, then repeated to it. */
static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    int skip = sd__example_int(e, 0, shape.rank);
    sd_shape small = sd_shape_make(shape.rank - skip, shape.dim + skip);
    for (int i = 0; i < small.rank; i++)
        if (sd__example_int(e, 0, 1))
            small.dim[i] = 1;
    if (sd_shape_equal(small, shape))
        small = sd_scalar_shape();
    return sd_broadcast(sd__example_real(e, small), shape);
}

const sd_op sd__op_broadcast = {
    .name = "broadcast",
    .doc = "repeated along new axes and axes of size 1",
    .kind = SD_VIEW,
    .arity = 1,
    .attr_size = sizeof(sd_shape_attr),
    .infer = infer,
    .vjp = vjp,
    .view = view,
    .flops = sd__no_flops,
    .example = example,
};

sd_node sd_broadcast(sd_node x, sd_shape shape)
{
    if (!sd__has(x) || sd_shape_equal(sd_node_shape(x), shape))
        return x;
    sd_shape_attr attr = sd__shape_attr(shape);
    return sd__append1(&sd__op_broadcast, &attr, x);
}
