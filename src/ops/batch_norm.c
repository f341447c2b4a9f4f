/*
 * batch_norm.c -- batch norm over all axes but the last: training with batch statistics, its derivative, evaluation.
 *
 * With n numbers a channel, u = (x - mean) / sqrt(var + epsilon) and y = scale u + offset, the derivative that also runs
 * through mean and variance is
 *     dx = scale / sqrt(var + epsilon) (dy - mean(dy) - u mean(u dy)),  dscale = sum(u dy),  doffset = sum(dy).
 * batch_norm_grad states it as a function of (x, scale, mean, var, dy). Mean and variance are results of the forward node,
 * so differentiating once more leads back to it, to the cotangents of these two results.
 */
#include "ops/check.h"
#include "ops/norm.h"

/* ---- batch_norm ---- */

/* x - mean first, then its square: the mean of squares minus the squared mean loses all digits where the mean is large. */
static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    double epsilon = *(const double *)attr;
    uint32_t axes = sd__leading_axes(sd_node_shape(in[0]));
    sd_node mean = sd_mean(in[0], axes, false), centred = sd_sub(in[0], mean);
    sd_node variance = sd_mean(sd_square(centred), axes, false);
    sd_node factor = sd_mul(in[1], sd_rsqrt(sd_shift(variance, epsilon)));
    result[0] = sd_add(sd_mul(centred, factor), in[2]);
    result[1] = mean;
    result[2] = variance;
}

/* d mean / dx = 1/n; d var / dx = 2 (x - mean) / n, for the part through the mean adds up to zero. */
static void vjp(sd_vjp_rule *r)
{
    sd_node x = sd__operand(r->y, 0), mean = sd_node_result(r->y, 1);
    sd_shape shape = sd_node_shape(x);
    double per_number = (double)sd__last(shape) / (double)sd_shape_count(shape);
    sd__norm_vjp(r, &sd__op_batch_norm_grad);
    if (sd__has(r->dy[1]))
        sd__norm_add(r, sd_broadcast(sd_scale(r->dy[1], per_number), shape));
    if (sd__has(r->dy[2]))
        sd__norm_add(r, sd_mul(sd_sub(x, mean), sd_scale(r->dy[2], 2 * per_number)));
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 6.0 * (double)sd_shape_count(in[0].shape);
}

sd_node sd_batch_norm(sd_node x, sd_node scale, sd_node offset, double epsilon)
{
    return sd__append3(&sd__op_batch_norm, &epsilon, x, scale, offset);
}

static sd_node example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 2, false);
    sd_node x = sd__example_real(e, n.shape), scale = sd__example_real(e, n.channels);
    return sd_batch_norm(x, scale, sd__example_real(e, n.channels), n.epsilon);
}

const sd_op sd__op_batch_norm = {
    .name = "batch_norm",
    .doc = "normalises each channel by the batch's mean and variance, which are results 1 and 2",
    .source = "Ioffe & Szegedy 2015, algorithm 1",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(double),
    .infer = sd__infer_batch_norm,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .print = sd__print_epsilon,
    .example = example,
};

/* ---- batch_norm_grad: x, scale, mean, variance, dy -> dx, dscale, doffset ---- */

static sd_status grad_infer(sd_infer *c)
{
    static const char *const name[] = {"scale", "mean", "variance"};
    SD_TRY(sd__check_norm(c, 2));
    SD_TRY(sd__check_per_channel(c, 3, name));
    SD_TRY(sd__check_shape(c, 4, "dy", c->in[0].shape, "the shape of x"));
    sd__norm_results(c, c->in[1].shape);
    return SD_OK;
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node x = in[0], scale = in[1], mean = in[2], variance = in[3], dy = in[4];
    double epsilon = *(const double *)attr;
    uint32_t axes = sd__leading_axes(sd_node_shape(x));
    sd_node u = sd__normalised(x, mean, variance, epsilon), u_dy = sd_mul(u, dy);
    sd_node rest = sd_sub(sd_sub(dy, sd_mean(dy, axes, false)), sd_mul(u, sd_mean(u_dy, axes, false)));
    result[0] = sd_mul(rest, sd_mul(scale, sd_rsqrt(sd_shift(variance, epsilon))));
    result[1] = sd_sum(u_dy, axes, false);
    result[2] = sd_sum(dy, axes, false);
}

static double grad_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 9.0 * (double)sd_shape_count(in[0].shape);
}

static sd_node grad_example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 2, false);
    sd_node in[5];
    in[0] = sd__example_real(e, n.shape);
    in[1] = sd__example_real(e, n.channels);
    in[2] = sd__example_real(e, n.channels);
    in[3] = sd__example_variance(e, n.channels);
    in[4] = sd__example_real(e, n.shape);
    return sd__append(e->graph, &sd__op_batch_norm_grad, &n.epsilon, 5, in);
}

const sd_op sd__op_batch_norm_grad = {
    .name = "batch_norm_grad",
    .doc = "derivative of batch_norm: dx, dscale and doffset from x, scale, mean, variance and dy",
    .source = "Ioffe & Szegedy 2015, section 3",
    .kind = SD_COMPOSITE,
    .arity = 5,
    .attr_size = sizeof(double),
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = grad_flops,
    .print = sd__print_epsilon,
    .example = grad_example,
};

/* ---- batch_norm_eval ---- */

static sd_status eval_infer(sd_infer *c)
{
    static const char *const name[] = {"scale", "offset", "mean", "variance"};
    SD_TRY(sd__check_norm(c, 1));
    SD_TRY(sd__check_per_channel(c, 4, name));
    c->out[0] = c->in[0];
    return SD_OK;
}

static void eval_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node factor = sd_mul(in[1], sd_rsqrt(sd_shift(in[4], *(const double *)attr)));
    result[0] = sd_add(sd_mul(sd_sub(in[0], in[3]), factor), in[2]);
}

static double eval_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 3.0 * (double)sd_shape_count(in[0].shape);
}

sd_node sd_batch_norm_eval(sd_node x, sd_node scale, sd_node offset, sd_node mean, sd_node variance, double epsilon)
{
    return sd__append(x.graph, &sd__op_batch_norm_eval, &epsilon, 5, (sd_node[]){x, scale, offset, mean, variance});
}

static sd_node eval_example(sd_example *e)
{
    sd_norm_example n = sd__example_norm(e, 2, false);
    sd_node x = sd__example_real(e, n.shape), scale = sd__example_real(e, n.channels);
    sd_node offset = sd__example_real(e, n.channels), mean = sd__example_real(e, n.channels);
    return sd_batch_norm_eval(x, scale, offset, mean, sd__example_variance(e, n.channels), n.epsilon);
}

const sd_op sd__op_batch_norm_eval = {
    .name = "batch_norm_eval",
    .doc = "normalises each channel by a given mean and variance",
    .source = "Ioffe & Szegedy 2015, algorithm 2",
    .kind = SD_COMPOSITE,
    .arity = 5,
    .attr_size = sizeof(double),
    .infer = eval_infer,
    .decompose = eval_decompose,
    .flops = eval_flops,
    .print = sd__print_epsilon,
    .example = eval_example,
};
