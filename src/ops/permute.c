/* permute.c -- the axes of a value in another order. */
#include "ops/op.h"

typedef struct permute_attr {
    int64_t perm[SD_MAX_RANK]; /* axis i of the result is axis perm[i] of the operand; the unused tail is 0 */
} permute_attr;

static sd_status infer(sd_infer *c)
{
    const permute_attr *attr = c->attr;
    sd_shape in = c->in[0].shape;
    char text[SD_SHAPE_TEXT];
    unsigned seen = 0;
    c->out[0] = c->in[0];
    for (int i = 0; i < in.rank; i++) {
        int64_t axis = attr->perm[i];
        if (axis < 0 || axis >= in.rank || seen & SD_AXIS(axis))
            return sd__infer_fail(c, SD_EINVAL, "entry %d of the permutation is %lld; every axis of %s must occur once", i,
                                  (long long)axis, sd_shape_text(in, text));
        seen |= SD_AXIS(axis);
        c->out[0].shape.dim[i] = in.dim[axis];
    }
    return SD_OK;
}

static bool view(const sd_tensor *in, const void *attr, sd_tensor *out)
{
    *out = *in;
    for (int i = 0; i < in->shape.rank; i++) {
        int64_t axis = ((const permute_attr *)attr)->perm[i];
        out->shape.dim[i] = in->shape.dim[axis];
        out->stride[i] = in->stride[axis];
    }
    return true;
}

static void vjp(sd_vjp_rule *r)
{
    const permute_attr *attr = sd__attr(r->y);
    int inverse[SD_MAX_RANK] = {0};
    for (int i = 0; i < sd_node_shape(r->y).rank; i++)
        inverse[attr->perm[i]] = i;
    r->grad[0] = sd_permute(r->dy[0], inverse);
}

static void print(const void *attr, sd_string *text)
{
    sd__string_add(text, " perm=");
    for (int i = 0; i < SD_MAX_RANK; i++)
        sd__string_add(text, "%s%d", i ? "," : "", (int)((const permute_attr *)attr)->perm[i]);
}

static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 2);
    int perm[SD_MAX_RANK] = {0, 1, 2, 3, 4, 5};
    for (int i = shape.rank - 1; i > 0; i--) {
        int k = sd__example_int(e, 0, i), swap = perm[i];
        perm[i] = perm[k];
        perm[k] = swap;
    }
    if (perm[0] == 0 && perm[1] == 1) /* as good as no permutation: turn the first two */
        perm[0] = 1, perm[1] = 0;
    return sd_permute(sd__example_real(e, shape), perm);
}

const sd_op sd__op_permute = {
    .name = "permute",
    .doc = "the axes in another order",
    .kind = SD_VIEW,
    .arity = 1,
    .attr_size = sizeof(permute_attr),
    .infer = infer,
    .vjp = vjp,
    .view = view,
    .flops = sd__no_flops,
    .print = print,
    .example = example,
};

sd_node sd_permute(sd_node x, const int *perm)
{
    permute_attr attr = {{0}};
    bool identity = true;
    for (int i = 0; i < sd_node_shape(x).rank; i++) {
        attr.perm[i] = perm[i];
        identity = identity && perm[i] == i;
    }
    return identity ? x : sd__append1(&sd__op_permute, &attr, x);
}

sd_node sd_transpose(sd_node x)
{
    int rank = sd_node_shape(x).rank, perm[SD_MAX_RANK] = {0, 1, 2, 3, 4, 5};
    if (!sd__has(x))
        return x;
    if (rank < 2)
        return sd_graph_fail(x.graph, SD_ESHAPE, "transpose: the operand has %d axes; it must have two at least", rank);
    perm[rank - 1] = rank - 2;
    perm[rank - 2] = rank - 1;
    return sd_permute(x, perm);
}
