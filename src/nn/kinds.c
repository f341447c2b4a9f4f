/* kinds.c -- the table of layer kinds that YAML files know: options, meaning, and the call that builds each. */
#include <stdio.h>
#include <string.h>

#include "nn/walk.h"

#define FIELD(name) offsetof(sd_layer_options, name)
#define MOST 1048576 /* of any count */

typedef sd_layer_options options;

/* ---- options that take more than a number ------------------------------------------------------------------------ */

/* valid, same, 2, [1, 2]. */
static sd_status read_padding(const sd_config_node *node, sd_padding *padding, int64_t pad[2])
{
    static const char *const names[] = {"valid", "same"};
    int choice = 0;
    *padding = SD_PAD_VALID;
    if (!node)
        return SD_OK;
    bool number = node->kind == SD_CONFIG_LIST || (node->kind == SD_CONFIG_TEXT && strspn(node->text, "0123456789-") > 0);
    if (number) {
        const sd_option option = {"padding", SD_OPTION_PAIR, 0, "", 0, MOST, NULL, ""};
        *padding = SD_PAD_NUMBER;
        return sd__config_options("padding", node, 1, &option, true, node, pad);
    }
    SD_TRY(sd__config_choice(node, 2, names, &choice));
    *padding = choice ? SD_PAD_SAME : SD_PAD_VALID;
    return SD_OK;
}

/* 512, or "classes": as many as the data has. */
static sd_status read_units(const sd_walk *walk, const sd_config_node *node, int64_t *units)
{
    if (node->kind != SD_CONFIG_TEXT || strcmp(node->text, "classes") != 0) {
        sd_status status = sd__config_int(node, 1, (int64_t)1 << 31, units);
        return status;
    }
    const sd_builder *b = walk->builder;
    *units = b->classes ? b->classes : b->targets ? b->targets : 10;
    return SD_OK;
}

static const char *const init_names[] = {"zeros", "constant", "normal", "uniform", "xavier", "he", "lecun", "orthogonal"};

static sd_status read_bounds(const sd_config_node *node, sd_init *init)
{
    if (node->kind != SD_CONFIG_LIST) {
        SD_TRY(sd__config_real(node, 0, 1e30, &init->b));
        init->a = -init->b;
        return SD_OK;
    }
    if (node->count != 2)
        return sd__config_fail(node, "uniform has %d numbers; write [lowest, highest], or one number for both sides",
                               node->count);
    SD_TRY(sd__config_real(node->child[0], -1e30, 1e30, &init->a));
    return sd__config_real(node->child[1], init->a, 1e30, &init->b);
}

sd_status sd__init_from_config(const sd_config_node *node, sd_init *init)
{
    const char *word;
    const sd_config_node *value;
    int kind = 0;
    SD_TRY(sd__config_named("init", node, &word, &value));
    sd_config_node named = *node;
    named.kind = SD_CONFIG_TEXT;
    named.text = word;
    SD_TRY(sd__config_choice(&named, (int)SD_COUNT(init_names), init_names, &kind));
    *init = (sd_init){.kind = (sd_init_kind)kind, .a = kind == SD_INIT_ORTHOGONAL ? 1 : 0};
    bool needed = kind == SD_INIT_CONSTANT || kind == SD_INIT_NORMAL || kind == SD_INIT_UNIFORM;
    if (needed && !value)
        return sd__config_fail(node, "init %s needs a number; write {%s: %s}", word, word,
                               kind == SD_INIT_CONSTANT ? "0.1" : "0.01");
    if (!value)
        return SD_OK;
    if (kind == SD_INIT_UNIFORM)
        return read_bounds(value, init);
    if (kind == SD_INIT_ORTHOGONAL || needed)
        return sd__config_real(value, kind == SD_INIT_NORMAL ? 0 : -1e30, 1e30, &init->a);
    return sd__config_fail(value, "init %s takes no number; write %s alone", word, word);
}

/* Fills what is given; *use is then `init`, else NULL. */
static sd_status read_init(const sd_config_node *node, sd_init *init, const sd_init **use)
{
    *use = NULL;
    if (!node)
        return SD_OK;
    *use = init;
    return sd__init_from_config(node, init);
}

/* ---- build functions: x[0] is the input, but for kinds that join ------------------------------------------------- */

#define BUILD(kind_name)                                                                                                  \
    static sd_node kind_name(sd_walk *w, const sd_layer_kind *kind, const sd_config_node *place, int n, const sd_node *x, \
                             options *o)
#define WALK_TRY(w, call)                          \
    do {                                           \
        sd_status walk_status_ = (call);           \
        if (walk_status_ != SD_OK)                 \
            return sd__walk_fail(w, walk_status_); \
    } while (0)

BUILD(build_dense)
{
    sd_init init, bias_init;
    sd_dense_spec spec = {.name = o->name, .no_bias = !o->bias};
    WALK_TRY(w, read_units(w, o->units, &spec.units));
    WALK_TRY(w, read_init(o->init, &init, &spec.init));
    WALK_TRY(w, read_init(o->bias_init, &bias_init, &spec.bias_init));
    return sd_layer_dense(w->builder, x[0], spec);
}

BUILD(build_conv)
{
    sd_init init, bias_init;
    sd_conv_spec spec = {.name = o->name, .filters = o->filters, .groups = o->groups, .no_bias = !o->bias};
    memcpy(spec.kernel, o->kernel, sizeof spec.kernel);
    memcpy(spec.stride, o->stride, sizeof spec.stride);
    memcpy(spec.dilation, o->dilation, sizeof spec.dilation);
    WALK_TRY(w, read_padding(o->padding, &spec.padding, spec.pad));
    WALK_TRY(w, read_init(o->init, &init, &spec.init));
    WALK_TRY(w, read_init(o->bias_init, &bias_init, &spec.bias_init));
    return sd_layer_conv(w->builder, x[0], spec);
}

BUILD(build_pool)
{
    sd_pool_spec spec = {.name = o->name};
    memcpy(spec.size, o->size, sizeof spec.size);
    memcpy(spec.stride, o->stride, sizeof spec.stride);
    WALK_TRY(w, read_padding(o->padding, &spec.padding, spec.pad));
    return kind->number ? sd_layer_avgpool(w->builder, x[0], spec) : sd_layer_maxpool(w->builder, x[0], spec);
}

BUILD(build_global) { return sd_layer_global_avgpool(w->builder, x[0], o->name); }
BUILD(build_flatten) { return sd_layer_flatten(w->builder, x[0], o->name); }
BUILD(build_activation) { return sd_layer_activation(w->builder, x[0], (sd_activation)kind->number, o->number, o->name); }
BUILD(build_dropout) { return sd_layer_dropout(w->builder, x[0], o->rate, o->name); }
BUILD(build_add) { return sd_layer_add(w->builder, n, x, o->name); }
BUILD(build_concat) { return sd_layer_concat(w->builder, n, x, o->name); }

BUILD(build_norm)
{
    sd_norm_spec spec = {.name = o->name, .momentum = o->momentum, .epsilon = o->epsilon};
    return kind->number ? sd_layer_layer_norm(w->builder, x[0], spec) : sd_layer_batch_norm(w->builder, x[0], spec);
}

BUILD(build_block)
{
    sd_node y = x[0];
    WALK_TRY(w, sd__config_list(o->layers));
    for (int64_t i = 1; i <= o->repeat && sd_node_ok(y); i++) {
        char name[256];
        snprintf(name, sizeof name, o->repeat > 1 ? "%s%d" : "%s", o->name ? o->name : "", (int)i);
        sd__walk_enter(w, kind->name, o->name ? name : NULL);
        y = sd__walk_leave(w, sd__walk_layers(w, o->layers, y));
    }
    return y;
}

/* The 1x1 convolution that brings x to the shape of y: stride and filters are read off the two. */
static sd_node project(sd_walk *w, sd_node x, sd_node y)
{
    sd_shape from = sd_node_shape(x), to = sd_node_shape(y);
    sd_conv_spec spec = {.kernel = {1, 1}, .no_bias = true};
    if (!sd_node_ok(x) || !sd_node_ok(y))
        return (sd_node){.graph = w->builder->graph};
    if (from.rank != 4 || to.rank != 4)
        return sd_layer_dense(w->builder, x, (sd_dense_spec){.units = to.dim[to.rank - 1], .no_bias = true});
    spec.filters = to.dim[3];
    spec.stride[0] = (from.dim[1] + to.dim[1] - 1) / to.dim[1];
    spec.stride[1] = (from.dim[2] + to.dim[2] - 1) / to.dim[2];
    return sd_layer_conv(w->builder, x, spec);
}

static sd_node shortcut(sd_walk *w, const sd_config_node *node, sd_node x, sd_node y)
{
    static const char *const names[] = {"identity", "pad", "project"};
    int choice = 0;
    if (node && node->kind == SD_CONFIG_LIST) {
        sd__walk_enter(w, "shortcut", "shortcut");
        return sd__walk_leave(w, sd__walk_layers(w, node, x));
    }
    if (node)
        WALK_TRY(w, sd__config_choice(node, 3, names, &choice));
    if (choice == 1)
        return sd_layer_pad_shortcut(w->builder, x, y, "shortcut");
    return choice ? project(w, x, y) : x;
}

BUILD(build_residual)
{
    WALK_TRY(w, sd__config_list(o->layers));
    sd__walk_enter(w, kind->name, o->name);
    sd_node y = sd__walk_layers(w, o->layers, x[0]);
    sd_node both[2] = {y, shortcut(w, o->shortcut, x[0], y)};
    return sd__walk_leave(w, sd_layer_add(w->builder, 2, both, NULL));
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

/* Options that several kinds have, as they stand between the braces of a row. */
#define PADDING \
    "padding", SD_OPTION_NODE, FIELD(padding), "", 0, 0, "valid|same|number|[rows, columns]", "zeros at the border (none)"
#define BIAS "bias", SD_OPTION_BOOL, FIELD(bias), "true", 0, 0, NULL, "add a trained number to each output"
#define INIT_NAMES "zeros|constant|normal|uniform|xavier|he|lecun|orthogonal"
#define INIT "init", SD_OPTION_NODE, FIELD(init), "", 0, 0, INIT_NAMES, "how weights are drawn: a name or {NAME: number} (he)"
#define BIAS_INIT "bias_init", SD_OPTION_NODE, FIELD(bias_init), "", 0, 0, "as init", "how the bias is drawn (zeros)"
#define EPSILON "epsilon", SD_OPTION_REAL, FIELD(epsilon), "1e-5", 1e-30, 1, NULL, "added to the variance"
#define LAYERS "layers", SD_OPTION_NODE, FIELD(layers), NULL, 0, 0, "list of layers", "what the block holds"

static const sd_option dense_options[] = {
    {"units", SD_OPTION_NODE, FIELD(units), NULL, 0, 0, "whole number|classes", "outputs; `classes`: as many as the data has"},
    {BIAS},
    {INIT},
    {BIAS_INIT},
};

static const sd_option conv_options[] = {
    {"filters", SD_OPTION_INT, FIELD(filters), NULL, 1, MOST, NULL, "output channels"},
    {"kernel", SD_OPTION_PAIR, FIELD(kernel), "3", 1, MOST, NULL, "size of the window"},
    {"stride", SD_OPTION_PAIR, FIELD(stride), "1", 1, MOST, NULL, "positions from one window to the next"},
    {PADDING},
    {"dilation", SD_OPTION_PAIR, FIELD(dilation), "1", 1, MOST, NULL, "positions from one tap of the window to the next"},
    {"groups", SD_OPTION_INT, FIELD(groups), "1", 1, MOST, NULL, "groups of channels that do not see each other"},
    {BIAS},
    {INIT},
    {BIAS_INIT},
};

static const sd_option pool_options[] = {
    {"size", SD_OPTION_PAIR, FIELD(size), "2", 1, MOST, NULL, "size of the window"},
    {"stride", SD_OPTION_PAIR, FIELD(stride), "", 1, MOST, NULL, "positions from one window to the next (the size)"},
    {PADDING},
};

static const sd_option leaky_options[] = {{"slope", SD_OPTION_REAL, FIELD(number), "0.01", -1e6, 1e6, NULL, "slope below 0"}};
static const sd_option threshold_options[] = {
    {"at", SD_OPTION_REAL, FIELD(number), "0", -1e30, 1e30, NULL, "place of the step"}};
static const sd_option dropout_options[] = {
    {"rate", SD_OPTION_REAL, FIELD(rate), "0.5", 0, 0.999999, NULL, "probability of a zero"}};
static const sd_option epsilon_option[] = {{EPSILON}};
static const sd_option batch_norm_options[] = {
    {"momentum", SD_OPTION_REAL, FIELD(momentum), "0.1", 1e-9, 1, NULL, "share of the batch in the running statistics"},
    {EPSILON},
};

static const sd_option block_options[] = {
    {LAYERS},
    {"repeat", SD_OPTION_INT, FIELD(repeat), "1", 1, SD_MOST_LAYERS, NULL, "how often, each with weights of its own"},
};
static const sd_option residual_options[] = {
    {LAYERS},
    {"shortcut", SD_OPTION_NODE, FIELD(shortcut), "", 0, 0, "identity|pad|project|list of layers",
     "what is added to the layers' result: the input (identity); strided and padded with zero channels (pad); by a 1x1 "
     "convolution (project); by layers"},
};

#define TABLE(table) .option = table, .options = SD_COUNT(table)
#define SHORT(table) TABLE(table), .shorthand = true
#define ACTIVATION(kind, text, text_doc) .name = text, .doc = text_doc, .build = build_activation, .number = kind

const sd_layer_kind sd__layer_kinds[] = {
    {.name = "dense", .doc = "x w + bias; images are flattened first", SHORT(dense_options), .build = build_dense},
    {.name = "conv", .doc = "2-D convolution of images [height, width, channels]", SHORT(conv_options), .build = build_conv},
    {.name = "maxpool", .doc = "largest element of each window", SHORT(pool_options), .build = build_pool},
    {.name = "avgpool",
     .doc = "mean of each window, the border not counted",
     SHORT(pool_options),
     .build = build_pool,
     .number = 1},
    {.name = "global_avgpool", .doc = "mean over all positions of an image", .build = build_global},
    {.name = "flatten", .doc = "an image as one vector", .build = build_flatten},
    {ACTIVATION(SD_SIGMOID, "sigmoid", "1 / (1 + e^-x)")},
    {ACTIVATION(SD_TANH, "tanh", "hyperbolic tangent")},
    {ACTIVATION(SD_RELU, "relu", "max(x, 0)")},
    {ACTIVATION(SD_LEAKY, "leaky", "x if x > 0, else slope * x"), SHORT(leaky_options)},
    {ACTIVATION(SD_THRESHOLD, "threshold", "1 if x > at, else 0; its derivative is zero"), SHORT(threshold_options)},
    {ACTIVATION(SD_SOFTPLUS, "softplus", "log(1 + e^x)")},
    {ACTIVATION(SD_GELU, "gelu", "x times the normal distribution function of x")},
    {.name = "batch_norm",
     .doc = "mean 0, deviation 1 over the batch (in eval: over running statistics), then a trained scale and offset",
     TABLE(batch_norm_options),
     .build = build_norm},
    {.name = "layer_norm",
     .doc = "mean 0, deviation 1 over the last axis, then a trained scale and offset",
     TABLE(epsilon_option),
     .build = build_norm,
     .number = 1},
    {.name = "dropout",
     .doc = "in training zeroes elements by chance and scales the others up",
     SHORT(dropout_options),
     .build = build_dropout},
    {.name = "block", .doc = "layers under a name of their own, once or repeated", SHORT(block_options), .build = build_block},
    {.name = "residual", .doc = "the layers' result plus a shortcut", SHORT(residual_options), .build = build_residual},
    {.name = "add", .doc = "sum of the layers that `from` lists", .joins = true, .build = build_add},
    {.name = "concat",
     .doc = "the layers that `from` lists, side by side along the last axis",
     .joins = true,
     .build = build_concat},
};

const int sd__n_layer_kinds = SD_COUNT(sd__layer_kinds);
