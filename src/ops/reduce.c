/* reduce.c -- shape rule, loops and examples of reductions over a set of axes. */
#include "ops/reduce.h"

sd_shape sd__shape_kept(sd_shape shape, uint32_t axes)
{
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = axes & SD_AXIS(i) ? 1 : shape.dim[i];
    return shape;
}

static sd_shape shape_dropped(sd_shape shape, uint32_t axes)
{
    sd_shape result = sd_scalar_shape();
    for (int i = 0; i < shape.rank; i++)
        if (!(axes & SD_AXIS(i)))
            result.dim[result.rank++] = shape.dim[i];
    return result;
}

sd_status sd__infer_reduce(sd_infer *c)
{
    const sd_reduce_attr *attr = c->attr;
    char text[SD_SHAPE_TEXT];
    if (!sd_dtype_is_real(c->in[0].dtype))
        return sd__infer_fail(c, SD_EDTYPE, "the operand is %s; it must be f32 or f64 (see sd_cast)",
                              sd_dtype_name(c->in[0].dtype));
    if (attr->axes >> c->in[0].shape.rank)
        return sd__infer_fail(c, SD_EINVAL, "the set of axes 0x%x names an axis that %s does not have", attr->axes,
                              sd_shape_text(c->in[0].shape, text));
    c->out[0].dtype = c->in[0].dtype;
    c->out[0].shape = attr->keep ? sd__shape_kept(c->in[0].shape, attr->axes) : shape_dropped(c->in[0].shape, attr->axes);
    return SD_OK;
}

double sd__flops_reduce(const sd_type *in, const sd_type *out, const void *attr) { return (double)sd_shape_count(in[0].shape); }

void sd__print_reduce(const void *attr, sd_string *text)
{
    const sd_reduce_attr *reduce = attr;
    const char *comma = "";
    sd__string_add(text, " axes=");
    for (int i = 0; i < SD_MAX_RANK; i++)
        if (reduce->axes & SD_AXIS(i)) {
            sd__string_add(text, "%s%d", comma, i);
            comma = ",";
        }
    sd__string_add(text, " keep=%d", (int)reduce->keep);
}

sd_node sd__append_reduce(const sd_op *op, sd_node x, uint32_t axes, bool keep)
{
    if (!sd__has(x))
        return x;
    if (axes == SD_ALL_AXES)
        axes = (1u << sd_node_shape(x).rank) - 1;
    sd_reduce_attr attr = {.axes = axes, .keep = keep};
    return axes ? sd__append1(op, &attr, x) : x;
}

/* Where the last axis of more than one element is reduced, the run begins at the axis returned; else rank. */
static int run_start(sd_shape shape, uint32_t axes)
{
    int start = shape.rank;
    while (start > 0 && (axes & SD_AXIS(start - 1) || shape.dim[start - 1] == 1))
        start--;
    return start;
}

static void append_axis(sd_tensor *to, const sd_tensor *from, int axis)
{
    to->shape.dim[to->shape.rank] = from->shape.dim[axis];
    to->stride[to->shape.rank++] = from->stride[axis];
}

sd_reduction sd__reduction(const sd_tensor *x, uint32_t axes)
{
    sd_reduction r = {.x = {.dtype = x->dtype, .data = x->data}, .kept = 1, .terms = 1, .run = 1};
    int start = run_start(x->shape, axes);
    for (int i = 0; i < start; i++)
        if (!(axes & SD_AXIS(i))) {
            append_axis(&r.x, x, i);
            r.kept *= x->shape.dim[i];
        }
    for (int i = 0; i < start; i++)
        if (axes & SD_AXIS(i)) {
            append_axis(&r.x, x, i);
            r.terms *= x->shape.dim[i];
        }
    r.dense = true;
    r.head = r.x.shape.rank;
    for (int i = start; i < x->shape.rank; i++) {
        append_axis(&r.x, x, i);
        r.run *= x->shape.dim[i];
    }
    for (int64_t i = r.x.shape.rank - 1, dense = 1; i >= r.head; dense *= r.x.shape.dim[i--])
        r.dense = r.dense && (r.x.shape.dim[i] == 1 || r.x.stride[i] == dense);
    return r;
}

sd_node sd__example_reduce(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    uint32_t axes = (uint32_t)sd__example_int(e, 1, (1 << shape.rank) - 1);
    bool keep = sd__example_int(e, 0, 1);
    return sd__append_reduce(e->op, sd__example_real(e, shape), axes, keep);
}
