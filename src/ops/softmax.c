/*
 * softmax.c -- softmax and its logarithm along the last axis.
 *
 * Both subtract the row's maximum first, so that exp never overflows. The result does not depend on what is subtracted,
 * hence no derivative flows through the maximum.
 */
#include "ops/softmax.h"

#include "ops/check.h"
#include "ops/op.h"

static sd_status infer_rows(sd_infer *c)
{
    SD_TRY(sd__check_real(c, (1u << c->n_in) - 1));
    if (c->in[0].shape.rank < 1)
        return sd__infer_fail(c, SD_ESHAPE, "operand 0 is a scalar; it must have a last axis to normalise along");
    c->out[0] = c->in[0];
    return SD_OK;
}

sd_node sd__shifted_by_max(sd_node x)
{
    return sd_sub(x, sd_stop_gradient(sd_reduce_max(x, sd__last_axis(sd_node_shape(x)), true)));
}

sd_node sd__sum_last(sd_node x, bool keep) { return sd_sum(x, sd__last_axis(sd_node_shape(x)), keep); }

static double row_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 5.0 * (double)sd_shape_count(in[0].shape);
}

static sd_node example_rows(sd_example *e)
{
    sd_shape shape = sd__example_shape(e, sd__example_int(e, 1, 3), 9);
    return sd__append1(e->op, NULL, sd__example_real(e, shape));
}

/* ---- softmax ---- */

static void softmax_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node power = sd_exp(sd__shifted_by_max(in[0]));
    result[0] = sd_div(power, sd__sum_last(power, true));
}

static void softmax_vjp(sd_vjp_rule *r) { r->grad[0] = sd__softmax_grad(r->y, r->dy[0]); }

sd_node sd_softmax(sd_node x) { return sd__append1(&sd__op_softmax, NULL, x); }

const sd_op sd__op_softmax = {
    .name = "softmax",
    .doc = "e^x / sum e^x along the last axis",
    .source = "Bridle 1990, Probabilistic interpretation of feedforward classification network outputs",
    .kind = SD_COMPOSITE,
    .arity = 1,
    .infer = infer_rows,
    .vjp = softmax_vjp,
    .decompose = softmax_decompose,
    .flops = row_flops,
    .example = example_rows,
};

/* ---- softmax_grad: from y = softmax(x) and dy to dx = y (dy - sum y dy) ---- */

static sd_status grad_infer(sd_infer *c)
{
    SD_TRY(infer_rows(c));
    return sd__check_shape(c, 1, "dy", c->in[0].shape, "the shape of y");
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node y = in[0], dy = in[1];
    result[0] = sd_mul(y, sd_sub(dy, sd__sum_last(sd_mul(y, dy), true)));
}

sd_node sd__softmax_grad(sd_node y, sd_node dy) { return sd__append2(&sd__op_softmax_grad, NULL, y, dy); }

static sd_node grad_example(sd_example *e)
{
    sd_shape shape = sd__example_shape(e, sd__example_int(e, 1, 3), 9);
    sd_node y = sd__example_input(e, e->dtype, shape, 0, 1);
    return sd__softmax_grad(y, sd__example_real(e, shape));
}

const sd_op sd__op_softmax_grad = {
    .name = "softmax_grad",
    .doc = "y (dy - sum y dy) along the last axis: the derivative of softmax from its result",
    .kind = SD_COMPOSITE,
    .arity = 2,
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = row_flops,
    .example = grad_example,
};

/* ---- log_softmax ---- */

static void log_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node shifted = sd__shifted_by_max(in[0]);
    result[0] = sd_sub(shifted, sd_log(sd__sum_last(sd_exp(shifted), true)));
}

static void log_vjp(sd_vjp_rule *r)
{
    sd_node dy = r->dy[0];
    r->grad[0] = sd_sub(dy, sd_mul(sd_exp(r->y), sd__sum_last(dy, true)));
}

sd_node sd_log_softmax(sd_node x) { return sd__append1(&sd__op_log_softmax, NULL, x); }

const sd_op sd__op_log_softmax = {
    .name = "log_softmax",
    .doc = "x - log sum e^x along the last axis",
    .kind = SD_COMPOSITE,
    .arity = 1,
    .infer = infer_rows,
    .vjp = log_vjp,
    .decompose = log_decompose,
    .flops = row_flops,
    .example = example_rows,
};
