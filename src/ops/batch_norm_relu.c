/*
 * batch_norm_relu.c -- relu(batch_norm(x)) as one node, and its derivative, for kernels that clip while they normalise.
 *
 * The plan makes both (plan/norm.c) after differentiation; no builder does, so neither has a derivative rule: whoever
 * differentiates one anyway goes through its decomposition.
 */
#include "ops/check.h"
#include "ops/norm.h"

/* ---- batch_norm_relu: x, scale, offset -> relu(y), mean, variance ---- */

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node norm = sd_batch_norm(in[0], in[1], in[2], *(const double *)attr);
    result[0] = sd_relu(norm);
    result[1] = sd_node_result(norm, 1);
    result[2] = sd_node_result(norm, 2);
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 7.0 * (double)sd_shape_count(in[0].shape);
}

/* |u| <= sqrt(m - 1) for m values normalised, of which an example has at most 112 a channel; scaled, |scale u| < 22. */
static sd_node example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 2, false);
    sd_node in[] = {sd__example_real(e, n.shape), sd__example_input(e, e->dtype, n.channels, -2, 2), {0}};
    in[2] = sd__example_far_offset(e, n.channels);
    return sd__append(e->graph, &sd__op_batch_norm_relu, &n.epsilon, 3, in);
}

const sd_op sd__op_batch_norm_relu = {
    .name = "batch_norm_relu",
    .doc = "batch norm, then max(y, 0); mean and variance of the batch are results 1 and 2",
    .source = "Ioffe & Szegedy 2015, algorithm 1",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(double),
    .infer = sd__infer_batch_norm,
    .decompose = decompose,
    .flops = flops,
    .print = sd__print_epsilon,
    .example = example,
};

/* ---- batch_norm_relu_grad: x, scale, offset, mean, variance, dy -> dx, dscale, doffset ---- */

static sd_status grad_infer(sd_infer *c)
{
    static const char *const name[] = {"scale", "offset", "mean", "variance"};
    SD_TRY(sd__check_norm(c, 2));
    SD_TRY(sd__check_per_channel(c, 4, name));
    SD_TRY(sd__check_shape(c, 5, "dy", c->in[0].shape, "the shape of x"));
    sd__norm_results(c, c->in[1].shape);
    return SD_OK;
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node y = sd_batch_norm_eval(in[0], in[1], in[2], in[3], in[4], *(const double *)attr);
    sd_node norm[] = {in[0], in[1], in[3], in[4], sd_mul(in[5], sd_step(y))};
    sd_node grad = sd__append(graph, &sd__op_batch_norm_grad, attr, 5, norm);
    for (int i = 0; i < 3; i++)
        result[i] = sd_node_result(grad, i);
}

static double grad_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 13.0 * (double)sd_shape_count(in[0].shape);
}

static sd_node grad_example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 2, false);
    sd_node in[6];
    in[0] = sd__example_real(e, n.shape);
    in[1] = sd__example_real(e, n.channels);
    in[2] = sd__example_far_offset(e, n.channels);
    in[3] = sd__example_real(e, n.channels);
    in[4] = sd__example_variance(e, n.channels);
    in[5] = sd__example_real(e, n.shape);
    return sd__append(e->graph, &sd__op_batch_norm_relu_grad, &n.epsilon, 6, in);
}

const sd_op sd__op_batch_norm_relu_grad = {
    .name = "batch_norm_relu_grad",
    .doc = "derivative of batch_norm_relu: dx, dscale and doffset from x, scale, offset, mean, variance and dy",
    .source = "Ioffe & Szegedy 2015, section 3",
    .kind = SD_COMPOSITE,
    .arity = 6,
    .attr_size = sizeof(double),
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = grad_flops,
    .print = sd__print_epsilon,
    .example = grad_example,
};
