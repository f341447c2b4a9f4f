/* dense.c -- x times w plus bias: the fully connected layer as one node, for kernels that add the bias while they multiply. */
#include "ops/check.h"
#include "ops/op.h"

/* x [B,I], w [I,O], bias [O] -> [B,O] */
static sd_status infer(sd_infer *c)
{
    SD_TRY(sd__check_real(c, 7));
    SD_TRY(sd__check_rank(c, 0, "x", 2, "[B,I]"));
    SD_TRY(sd__check_rank(c, 1, "w", 2, "[I,O]"));
    sd_shape x = c->in[0].shape, w = c->in[1].shape;
    if (x.dim[1] != w.dim[0]) {
        char left[SD_SHAPE_TEXT], right[SD_SHAPE_TEXT];
        return sd__infer_fail(c, SD_ESHAPE, "x %s, w %s: x has %lld columns, so w must have as many rows, not %lld",
                              sd_shape_text(x, left), sd_shape_text(w, right), (long long)x.dim[1], (long long)w.dim[0]);
    }
    SD_TRY(sd__check_shape(c, 2, "bias", sd_shape_make(1, &w.dim[1]), "one number a column of w"));
    c->out[0] = c->in[0];
    c->out[0].shape.dim[1] = w.dim[1];
    return sd__infer_shape(c, c->out[0].shape);
}

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    result[0] = sd_add(sd_matmul(in[0], false, in[1], false), in[2]);
}

static void vjp(sd_vjp_rule *r)
{
    sd_node x = sd__operand(r->y, 0), w = sd__operand(r->y, 1), dy = r->dy[0];
    r->grad[2] = sd_sum(dy, SD_AXIS(0), false); /* first, while dy is in the cache: nodes run in the order they are made */
    r->grad[0] = sd_matmul(dy, false, w, true);
    r->grad[1] = sd_matmul(x, true, dy, false);
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return (2.0 * (double)in[0].shape.dim[1] + 1) * (double)sd_shape_count(out[0].shape);
}

sd_node sd_dense(sd_node x, sd_node w, sd_node bias) { return sd__append3(&sd__op_dense, NULL, x, w, bias); }

static sd_node example(sd_example *e)
{
    int rows = sd__example_int(e, 1, 9), in = sd__example_int(e, 1, 19), out = sd__example_int(e, 1, 19);
    sd_node x = sd__example_real(e, SD_SHAPE(rows, in));
    sd_node w = sd__example_real(e, SD_SHAPE(in, out));
    return sd_dense(x, w, sd__example_real(e, SD_SHAPE(out)));
}

const sd_op sd__op_dense = {
    .name = "dense",
    .doc = "x times w plus bias",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .infer = infer,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .example = example,
};
