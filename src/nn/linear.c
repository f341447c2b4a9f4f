/* linear.c -- the layers with a trained linear map: dense and convolution. */
#include <sonde/ops.h>

#include "base/base.h"
#include "nn/builder.h"

static const sd_init he = {SD_INIT_HE, 0, 0}, zeros = {SD_INIT_ZEROS, 0, 0};

static sd_node weight(sd_builder *b, sd_shape shape, const sd_init *init, int64_t fan_in, int64_t fan_out)
{
    sd_param_spec spec = {.init = init ? *init : he, .fan_in = fan_in, .fan_out = fan_out, .decayed = true};
    return sd_param(b->graph, "weight", b->dtype, shape, spec);
}

static sd_node bias(sd_builder *b, int64_t size, const sd_init *init, int64_t fan_in, int64_t fan_out)
{
    sd_param_spec spec = {.init = init ? *init : zeros, .fan_in = fan_in, .fan_out = fan_out};
    return sd_param(b->graph, "bias", b->dtype, SD_SHAPE(size), spec);
}

static sd_node flat(sd_node x)
{
    sd_shape shape = sd_node_shape(x);
    return shape.rank == 2 || shape.rank < 1 ? x : sd_reshape(x, SD_SHAPE(shape.dim[0], -1));
}

static sd_node dense(sd_builder *b, sd_node x, sd_dense_spec spec)
{
    x = flat(x);
    if (!sd_node_ok(x))
        return x;
    sd_shape shape = sd_node_shape(x);
    if (shape.rank != 2)
        return sd_graph_fail(b->graph, SD_ESHAPE, "dense needs an input [B,I], not a single number");
    int64_t in = shape.dim[1];
    sd_node w = weight(b, SD_SHAPE(in, spec.units), spec.init, in, spec.units);
    if (spec.no_bias)
        return sd_matmul(x, false, w, false);
    return sd_dense(x, w, bias(b, spec.units, spec.bias_init, in, spec.units));
}

sd_node sd_layer_dense(sd_builder *builder, sd_node x, sd_dense_spec spec)
{
    return SD_LAYER(builder, "dense", spec.name, SD_LAYER_ADAPTIVE, dense(builder, x, spec));
}

static sd_node conv(sd_builder *b, sd_node x, sd_conv_spec spec)
{
    sd_shape shape = sd_node_shape(x);
    char text[SD_SHAPE_TEXT];
    if (!sd_node_ok(x))
        return x;
    if (shape.rank != 4)
        return sd_graph_fail(b->graph, SD_ESHAPE, "conv needs images [B,height,width,channels], not %s",
                             sd_shape_text(shape, text));
    int64_t channels = shape.dim[3], groups = spec.groups ? spec.groups : 1;
    if (groups < 1 || channels % groups || spec.filters % groups)
        return sd_graph_fail(b->graph, SD_ESHAPE, "%lld groups do not divide %lld channels and %lld filters", (long long)groups,
                             (long long)channels, (long long)spec.filters);
    sd_window window = sd__window(spec.kernel, spec.stride, spec.dilation, spec.padding, spec.pad, shape);
    window.groups = groups;
    int64_t taps = window.size[0] * window.size[1];
    sd_shape filter = SD_SHAPE(window.size[0], window.size[1], channels / groups, spec.filters);
    int64_t fan_in = taps * (channels / groups), fan_out = taps * (spec.filters / groups);
    sd_node w = weight(b, filter, spec.init, fan_in, fan_out);
    sd_node y = sd_conv2d(x, w, window);
    return spec.no_bias ? y : sd_add(y, bias(b, spec.filters, spec.bias_init, fan_in, fan_out));
}

sd_node sd_layer_conv(sd_builder *builder, sd_node x, sd_conv_spec spec)
{
    return SD_LAYER(builder, "conv", spec.name, SD_LAYER_ADAPTIVE, conv(builder, x, spec));
}
