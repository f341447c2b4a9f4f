/* concat.c -- values one after the other along an axis. */
#include "ops/op.h"

typedef struct concat_attr {
    int64_t axis;
} concat_attr;

static sd_status infer(sd_infer *c)
{
    char text[SD_SHAPE_TEXT], other[SD_SHAPE_TEXT];
    sd_shape shape = c->in[0].shape;
    int64_t axis = ((const concat_attr *)c->attr)->axis;
    if (axis < 0 || axis >= shape.rank)
        return sd__infer_fail(c, SD_EINVAL, "%s has no axis %lld", sd_shape_text(shape, text), (long long)axis);
    for (int i = 1; i < c->n_in; i++) {
        sd_shape rest = c->in[i].shape;
        int64_t size = rest.rank == shape.rank ? rest.dim[axis] : 0;
        rest.dim[axis] = shape.dim[axis];
        if (!sd_shape_equal(rest, shape))
            return sd__infer_fail(c, SD_ESHAPE, "operand %d is %s, the ones before it join to %s; only axis %lld may differ", i,
                                  sd_shape_text(c->in[i].shape, other), sd_shape_text(shape, text), (long long)axis);
        if (c->in[i].dtype != c->in[0].dtype)
            return sd__infer_fail(c, SD_EDTYPE, "operand 0 is %s, operand %d is %s; they must agree (see sd_cast)",
                                  sd_dtype_name(c->in[0].dtype), i, sd_dtype_name(c->in[i].dtype));
        shape.dim[axis] += size;
    }
    c->out[0] = (sd_type){c->in[0].dtype, shape};
    return sd__infer_shape(c, shape);
}

static void concat(const sd_args *args)
{
    int64_t axis = ((const concat_attr *)args->attr)->axis;
    int64_t index[SD_MAX_RANK] = {0};
    for (int i = 0; i < args->n_in; i++) {
        sd_tensor place = sd__subtensor(&args->out[0], index, args->in[i].shape, NULL);
        sd__copy(&args->in[i], &place);
        index[axis] += args->in[i].shape.dim[axis];
    }
}

static void vjp(sd_vjp_rule *r)
{
    int64_t axis = ((const concat_attr *)sd__attr(r->y))->axis;
    int64_t start[SD_MAX_RANK] = {0}, stop[SD_MAX_RANK];
    for (int i = 0; i < r->n_in; i++) {
        sd_shape shape = sd_node_shape(sd__operand(r->y, i));
        memcpy(stop, shape.dim, sizeof stop);
        stop[axis] = start[axis] + shape.dim[axis];
        r->grad[i] = sd_slice_of(r->dy[0], start, stop, NULL);
        start[axis] = stop[axis];
    }
}

static void print(const void *attr, sd_string *text)
{
    sd__string_add(text, " axis=%d", (int)((const concat_attr *)attr)->axis);
}

/* Two to four operands, one of them twice now and then. */
static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 1);
    int axis = sd__example_int(e, 0, shape.rank - 1), n = sd__example_int(e, 2, 4);
    sd_node x[4];
    for (int i = 0; i < n; i++) {
        shape.dim[axis] = sd__example_int(e, 1, 9);
        x[i] = i && sd__example_int(e, 0, 5) == 0 ? x[i - 1] : sd__example_real(e, shape);
    }
    return sd_concat(n, x, axis);
}

const sd_op sd__op_concat = {
    .name = "concat",
    .doc = "values one after the other along an axis",
    .kind = SD_COMPUTE,
    .arity = SD_VARIADIC,
    .attr_size = sizeof(concat_attr),
    .infer = infer,
    .vjp = vjp,
    .kernel = {[SD_F32] = concat, [SD_F64] = concat, [SD_I32] = concat, [SD_U8] = concat, [SD_BF16] = concat},
    .flops = sd__no_flops,
    .print = print,
    .example = example,
};

sd_node sd_concat(int n, const sd_node *x, int axis)
{
    concat_attr attr = {.axis = axis};
    if (n < 1 || n > SD_MAX_IN)
        return n < 1 ? (sd_node){0}
                     : sd_graph_fail(x[0].graph, SD_EINVAL, "concat: %d operands given; it takes 1 to %d", n, SD_MAX_IN);
    return n == 1 ? x[0] : sd__append(x[0].graph, &sd__op_concat, &attr, n, x);
}
