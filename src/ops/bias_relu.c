/* bias_relu.c -- relu(x + bias) as one node, and its derivative, for kernels that add and clip while they store. */
#include "ops/check.h"
#include "ops/op.h"

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 2.0 * (double)sd_shape_count(in[0].shape);
}

/* Inputs away from the kink on both sides: numbers in [0.6,2], and for each a second factor of -1 (or 0) or 1. */
static sd_node example_sided(sd_example *e, sd_shape shape, double low)
{
    sd_node size = sd__example_input(e, e->dtype, shape, 0.6, 2);
    sd_node side = sd_cast(sd__example_input(e, SD_I32, shape, 0, 1), e->dtype);
    return sd_mul(size, sd_shift(sd_scale(side, 1 - low), low));
}

/* ---- bias_relu ---- */

/* x [...,C], bias [C] */
static sd_status infer(sd_infer *c)
{
    SD_TRY(sd__check_real(c, 3));
    if (c->in[0].shape.rank < 1)
        return sd__infer_fail(c, SD_ESHAPE, "x is a scalar; it must have a last axis for the channels");
    SD_TRY(sd__check_shape(c, 1, "bias", SD_SHAPE(sd__last(c->in[0].shape)), "one number a channel, the last axis of x"));
    c->out[0] = c->in[0];
    return SD_OK;
}

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    result[0] = sd_relu(sd_add(in[0], in[1]));
}

/* From the result, not from x: where y > 0, x + bias is. */
static void vjp(sd_vjp_rule *r)
{
    sd_node grad = sd__append2(&sd__op_bias_relu_grad, NULL, r->y, r->dy[0]);
    r->grad[0] = grad;
    r->grad[1] = sd_node_result(grad, 1);
}

sd_node sd_bias_relu(sd_node x, sd_node bias) { return sd__append2(&sd__op_bias_relu, NULL, x, bias); }

static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_shape(e, sd__example_int(e, 1, 4), 9);
    sd_node x = example_sided(e, shape, -1);
    return sd_bias_relu(x, sd__example_input(e, e->dtype, SD_SHAPE(sd__last(shape)), -0.5, 0.5));
}

const sd_op sd__op_bias_relu = {
    .name = "bias_relu",
    .doc = "max(x + bias, 0), the bias along the last axis; derivative at 0 is 0",
    .kind = SD_COMPOSITE,
    .arity = 2,
    .infer = infer,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .example = example,
};

/* ---- bias_relu_grad: y, dy -> dx [...,C], dbias [C] ---- */

static sd_status grad_infer(sd_infer *c)
{
    SD_TRY(sd__check_real(c, 3));
    if (c->in[0].shape.rank < 1)
        return sd__infer_fail(c, SD_ESHAPE, "y is a scalar; it must have a last axis for the channels");
    SD_TRY(sd__check_shape(c, 1, "dy", c->in[0].shape, "the shape of y"));
    c->n_out = 2;
    c->out[0] = c->in[0];
    c->out[1] = (sd_type){c->in[0].dtype, SD_SHAPE(sd__last(c->in[0].shape))};
    return SD_OK;
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    result[0] = sd_mul(in[1], sd_step(in[0]));
    result[1] = sd_sum(result[0], sd__leading_axes(sd_node_shape(in[0])), false);
}

static sd_node grad_example(sd_example *e)
{
    sd_shape shape = sd__example_shape(e, sd__example_int(e, 1, 4), 9);
    sd_node y = example_sided(e, shape, 0);
    return sd__append2(&sd__op_bias_relu_grad, NULL, y, sd__example_real(e, shape));
}

const sd_op sd__op_bias_relu_grad = {
    .name = "bias_relu_grad",
    .doc = "derivative of bias_relu: dx and dbias from its result and dy",
    .kind = SD_COMPOSITE,
    .arity = 2,
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = flops,
    .example = grad_example,
};
