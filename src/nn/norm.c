/* norm.c -- batch norm, whose running statistics are state, and layer norm. */
#include <sonde/ops.h>

#include "nn/builder.h"

static const sd_init zeros = {SD_INIT_ZEROS, 0, 0}, ones = {SD_INIT_CONSTANT, 1, 0};

/* The last axis, or 0 for what a norm cannot take. */
static int64_t features(sd_node x)
{
    sd_shape shape = sd_node_shape(x);
    return sd_node_ok(x) && shape.rank >= 1 ? shape.dim[shape.rank - 1] : 0;
}

static sd_node parameter(sd_builder *b, const char *name, int64_t size, sd_init init)
{
    return sd_param(b->graph, name, b->dtype, SD_SHAPE(size), (sd_param_spec){.init = init, .fan_in = 1, .fan_out = 1});
}

/* (1 - momentum) running + momentum batch */
static sd_node towards(sd_node running, sd_node batch, double momentum)
{
    return sd_add(sd_scale(running, 1 - momentum), sd_scale(batch, momentum));
}

static sd_node batch_norm(sd_builder *b, sd_node x, sd_norm_spec spec)
{
    int64_t size = features(x);
    if (!size)
        return sd_node_ok(x) ? sd_graph_fail(b->graph, SD_ESHAPE, "batch_norm needs an input [B,...,C]") : x;
    double momentum = spec.momentum ? spec.momentum : 0.1, epsilon = spec.epsilon ? spec.epsilon : 1e-5;
    sd_node scale = parameter(b, "scale", size, ones), offset = parameter(b, "offset", size, zeros);
    sd_node mean = sd_state(b->graph, "mean", b->dtype, SD_SHAPE(size), zeros);
    sd_node variance = sd_state(b->graph, "variance", b->dtype, SD_SHAPE(size), ones);
    if (b->mode == SD_EVAL)
        return sd_batch_norm_eval(x, scale, offset, mean, variance, epsilon);
    double n = (double)(sd_shape_count(sd_node_shape(x)) / size), unbiased = n > 1 ? n / (n - 1) : 1;
    sd_node y = sd_batch_norm(x, scale, offset, epsilon);
    sd_state_next(mean, towards(mean, sd_node_result(y, 1), momentum));
    sd_state_next(variance, towards(variance, sd_scale(sd_node_result(y, 2), unbiased), momentum));
    return y;
}

sd_node sd_layer_batch_norm(sd_builder *builder, sd_node x, sd_norm_spec spec)
{
    return SD_LAYER(builder, "batch_norm", spec.name, SD_LAYER_PLAIN, batch_norm(builder, x, spec));
}

static sd_node layer_norm(sd_builder *b, sd_node x, sd_norm_spec spec)
{
    int64_t size = features(x);
    if (!size)
        return sd_node_ok(x) ? sd_graph_fail(b->graph, SD_ESHAPE, "layer_norm needs an input [B,...,C]") : x;
    sd_node scale = parameter(b, "scale", size, ones), offset = parameter(b, "offset", size, zeros);
    return sd_layer_norm(x, scale, offset, spec.epsilon ? spec.epsilon : 1e-5);
}

sd_node sd_layer_layer_norm(sd_builder *builder, sd_node x, sd_norm_spec spec)
{
    return SD_LAYER(builder, "layer_norm", spec.name, SD_LAYER_NONLINEAR, layer_norm(builder, x, spec));
}
