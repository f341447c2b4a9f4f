/*
 * layer_norm.c -- layer norm: each row (last axis) normalised by its own mean and variance, then scaled and shifted.
 *
 * With u = (x - mean) / sqrt(var + epsilon), y = scale u + offset and g = scale dy, the derivative is
 *     dx = (g - mean(g) - u mean(u g)) / sqrt(var + epsilon),  dscale = sum(u dy),  doffset = sum(dy),
 * means over a row, sums over the rows. As in batch_norm.c, mean and variance are results that the derivative starts from.
 */
#include "ops/check.h"
#include "ops/norm.h"

/* ---- layer_norm ---- */

static sd_status infer(sd_infer *c)
{
    static const char *const name[] = {"scale", "offset"};
    SD_TRY(sd__check_norm(c, 1));
    SD_TRY(sd__check_per_channel(c, 2, name));
    sd__norm_results(c, sd__leading(c->in[0].shape));
    return SD_OK;
}

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    double epsilon = *(const double *)attr;
    sd_shape shape = sd_node_shape(in[0]);
    uint32_t last = sd__last_axis(shape);
    sd_node mean = sd_mean(in[0], last, true), centred = sd_sub(in[0], mean);
    sd_node variance = sd_mean(sd_square(centred), last, true);
    sd_node u = sd_mul(centred, sd_rsqrt(sd_shift(variance, epsilon)));
    result[0] = sd_add(sd_mul(u, in[1]), in[2]);
    result[1] = sd_reshape(mean, sd__leading(shape));
    result[2] = sd_reshape(variance, sd__leading(shape));
}

static void vjp(sd_vjp_rule *r)
{
    sd_node x = sd__operand(r->y, 0), mean = sd_node_result(r->y, 1);
    sd_shape shape = sd_node_shape(x);
    double per_number = 1 / (double)sd__last(shape);
    sd__norm_vjp(r, &sd__op_layer_norm_grad);
    if (sd__has(r->dy[1]))
        sd__norm_add(r, sd_broadcast(sd__column(sd_scale(r->dy[1], per_number)), shape));
    if (sd__has(r->dy[2]))
        sd__norm_add(r, sd_mul(sd_sub(x, sd__column(mean)), sd__column(sd_scale(r->dy[2], 2 * per_number))));
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 7.0 * (double)sd_shape_count(in[0].shape);
}

sd_node sd_layer_norm(sd_node x, sd_node scale, sd_node offset, double epsilon)
{
    return sd__append3(&sd__op_layer_norm, &epsilon, x, scale, offset);
}

static sd_node example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 1, true);
    sd_node x = sd__example_real(e, n.shape), scale = sd__example_real(e, n.channels);
    return sd_layer_norm(x, scale, sd__example_real(e, n.channels), n.epsilon);
}

const sd_op sd__op_layer_norm = {
    .name = "layer_norm",
    .doc = "normalises each row (last axis) by its mean and variance, which are results 1 and 2",
    .source = "Ba et al. 2016, Layer normalization",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(double),
    .infer = infer,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .print = sd__print_epsilon,
    .example = example,
};

/* ---- layer_norm_grad: x, scale, mean, variance, dy -> dx, dscale, doffset ---- */

static sd_status grad_infer(sd_infer *c)
{
    static const char *const name[] = {"scale"};
    SD_TRY(sd__check_norm(c, 1));
    SD_TRY(sd__check_per_channel(c, 1, name));
    SD_TRY(sd__check_shape(c, 2, "mean", sd__leading(c->in[0].shape), "one number a row of x"));
    SD_TRY(sd__check_shape(c, 3, "variance", sd__leading(c->in[0].shape), "one number a row of x"));
    SD_TRY(sd__check_shape(c, 4, "dy", c->in[0].shape, "the shape of x"));
    sd__norm_results(c, c->in[1].shape);
    return SD_OK;
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node x = in[0], scale = in[1], mean = sd__column(in[2]), variance = sd__column(in[3]), dy = in[4];
    double epsilon = *(const double *)attr;
    uint32_t last = sd__last_axis(sd_node_shape(x)), rows = sd__leading_axes(sd_node_shape(x));
    sd_node u = sd__normalised(x, mean, variance, epsilon), g = sd_mul(dy, scale);
    sd_node rest = sd_sub(sd_sub(g, sd_mean(g, last, true)), sd_mul(u, sd_mean(sd_mul(u, g), last, true)));
    result[0] = sd_mul(rest, sd_rsqrt(sd_shift(variance, epsilon)));
    result[1] = sd_sum(sd_mul(u, dy), rows, false);
    result[2] = sd_sum(dy, rows, false);
}

static double grad_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 12.0 * (double)sd_shape_count(in[0].shape);
}

static sd_node grad_example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 1, true);
    sd_node in[5];
    in[0] = sd__example_real(e, n.shape);
    in[1] = sd__example_real(e, n.channels);
    in[2] = sd__example_real(e, sd__leading(n.shape));
    in[3] = sd__example_variance(e, sd__leading(n.shape));
    in[4] = sd__example_real(e, n.shape);
    return sd__append(e->graph, &sd__op_layer_norm_grad, &n.epsilon, 5, in);
}

const sd_op sd__op_layer_norm_grad = {
    .name = "layer_norm_grad",
    .doc = "derivative of layer_norm: dx, dscale and doffset from x, scale, mean, variance and dy",
    .kind = SD_COMPOSITE,
    .arity = 5,
    .attr_size = sizeof(double),
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = grad_flops,
    .print = sd__print_epsilon,
    .example = grad_example,
};
