/* activation.c -- elementwise nonlinearities as layers. */
#include <sonde/ops.h>

#include "nn/builder.h"

static const char *const names[] = {
#define NAME(kind, text, doc) [kind] = text,
    SD_ACTIVATION_LIST(NAME)
#undef NAME
};

static sd_node activation(sd_builder *b, sd_node x, sd_activation kind, double number)
{
    switch (kind) {
    case SD_SIGMOID: return sd_sigmoid(x);
    case SD_TANH: return sd_tanh(x);
    case SD_RELU: return sd_relu(x);
    case SD_LEAKY: return sd_leaky_relu(x, number);
    case SD_THRESHOLD: return sd_step(number == 0 ? x : sd_shift(x, -number));
    case SD_SOFTPLUS: return sd_softplus(x);
    case SD_GELU: return sd_gelu(x);
    default: return sd_graph_fail(b->graph, SD_EINVAL, "there is no activation %d", (int)kind);
    }
}

sd_node sd_layer_activation(sd_builder *builder, sd_node x, sd_activation kind, double number, const char *name)
{
    const char *text = (unsigned)kind < SD_ACTIVATION_COUNT ? names[kind] : "activation";
    return SD_LAYER(builder, text, name, SD_LAYER_NONLINEAR, activation(builder, x, kind, number));
}
