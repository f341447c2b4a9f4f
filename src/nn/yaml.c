/* yaml.c -- a model from a configuration tree: its layers, its loss, its type, what is frozen. */
#include "nn/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "nn/walk.h"

/* ---- the build function ------------------------------------------------------------------------------------------ */

static void walk_free(void *user)
{
    sd_walk *walk = user;
    sd__config_free(walk->config);
    free(walk->block);
    free(walk->message);
    free(walk);
}

static sd_built build(sd_builder *builder, void *user)
{
    sd_walk *walk = user;
    walk->builder = builder;
    walk->blocks = walk->count = 0;
    sd_node output = sd__walk_layers(walk, walk->layers, builder->input);
    sd_built built = sd_loss(builder, output, walk->loss);
    walk->builder = NULL;
    return built;
}

/* ---- loss -------------------------------------------------------------------------------------------------------- */

static sd_status read_loss(const sd_config_node *node, sd_loss_spec *loss)
{
    static const sd_option smoothing[] = {{"smoothing", SD_OPTION_REAL, offsetof(sd_loss_spec, smoothing), "0", 0, 0.999999,
                                           NULL, "share of the target that is spread over all classes"}};
    const char *word, *names[SD_LOSS_COUNT];
    const sd_config_node *value;
    int kind = 0;
    for (int i = 0; i < SD_LOSS_COUNT; i++)
        names[i] = sd_loss_name((sd_loss_kind)i);
    SD_TRY(sd__config_named("loss", node, &word, &value));
    sd_config_node named = *node;
    named.kind = SD_CONFIG_TEXT;
    named.text = word;
    named.key = "loss";
    SD_TRY(sd__config_choice(&named, SD_LOSS_COUNT, names, &kind));
    loss->kind = (sd_loss_kind)kind;
    return sd__config_options(word, value, kind == SD_CROSS_ENTROPY, smoothing, kind == SD_CROSS_ENTROPY, node, loss);
}

sd_status sd__loss_from_config(const sd_config_node *root, const sd_model_data *data, sd_loss_spec *loss)
{
    const sd_config_node *node = sd__config_get(root, "loss");
    *loss = (sd_loss_spec){.kind = data->targets ? SD_MSE : SD_CROSS_ENTROPY};
    if (!node)
        return SD_OK;
    SD_TRY(read_loss(node, loss));
    if (data->targets && sd_loss_needs_classes(loss->kind))
        return sd__config_fail(node, "%s needs classes, but the data has numbers as targets; use mse",
                               sd_loss_name(loss->kind));
    return SD_OK;
}

/* ---- the model's part of the tree -------------------------------------------------------------------------------- */

/* The walk's own copy of what stands under `model`, and the parts of it. */
typedef struct model_part {
    const sd_config_node *place; /* of `model` in the file */
    const sd_config_node *input; /* or NULL */
    bool usual_input;            /* that of a built-in model: the data may have another */
} model_part;

static sd_status from_zoo(const sd_config_node *node, sd_config **config)
{
    const sd_zoo_entry *zoo;
    const char *names[32];
    char label[64];
    int n = SD_MIN(sd_zoo(&zoo), 32), choice = 0;
    for (int i = 0; i < n; i++)
        names[i] = zoo[i].name;
    SD_TRY(sd__config_choice(node, n, names, &choice));
    snprintf(label, sizeof label, "model %s", zoo[choice].name);
    return sd__config_parse(label, zoo[choice].yaml, strlen(zoo[choice].yaml), config);
}

/* lenet, or {name: lenet, input: [32, 32, 3]}. */
static sd_status read_named(const sd_config_node *node, const sd_config_node *name, sd_walk *walk, model_part *part)
{
    static const char *const keys[] = {"name", "input"};
    if (node->kind == SD_CONFIG_MAP)
        SD_TRY(sd__config_known(node, "model (which has a name)", SD_COUNT(keys), keys));
    SD_TRY(from_zoo(name, &walk->config));
    walk->layers = sd__config_get(walk->config->root, "layers");
    part->input = sd__config_get(node, "input");
    part->usual_input = !part->input;
    if (!part->input)
        part->input = sd__config_get(walk->config->root, "input");
    return SD_OK;
}

/* A list of layers, or {input: ..., layers: [...]}. */
static sd_status read_layers(const sd_config_node *node, sd_walk *walk, model_part *part)
{
    static const char *const keys[] = {"input", "layers", "name"};
    SD_TRY(sd__config_copy(node, &walk->config));
    walk->layers = walk->config->root;
    if (node->kind == SD_CONFIG_LIST)
        return SD_OK;
    SD_TRY(sd__config_known(node, "model", SD_COUNT(keys), keys));
    walk->layers = sd__config_get(walk->config->root, "layers");
    part->input = sd__config_get(walk->config->root, "input");
    return walk->layers ? SD_OK : sd__config_fail(node, "model needs \"layers\", a list such as [flatten, dense: 10]");
}

static sd_status read_model(const sd_config_node *node, sd_walk *walk, model_part *part)
{
    const sd_config_node *name = node->kind == SD_CONFIG_TEXT ? node : sd__config_get(node, "name");
    *part = (model_part){.place = node};
    SD_TRY(name ? read_named(node, name, walk, part) : read_layers(node, walk, part));
    SD_TRY(sd__config_list(walk->layers));
    return walk->layers->count ? SD_OK : sd__config_fail(walk->layers, "the list of layers is empty");
}

static sd_status read_shape(const sd_config_node *node, sd_shape *shape)
{
    int64_t dim[SD_MAX_RANK];
    int rank = node->kind == SD_CONFIG_LIST ? node->count : 1;
    if (rank >= SD_MAX_RANK)
        return sd__config_fail(node, "input has %d sizes; at most %d are possible", rank, SD_MAX_RANK - 1);
    for (int i = 0; i < rank; i++)
        SD_TRY(sd__config_int(node->kind == SD_CONFIG_LIST ? node->child[i] : node, 1, 1 << 24, &dim[i]));
    *shape = sd_shape_make(rank, dim);
    return SD_OK;
}

/* The data's shape, unless the file says another of the same size: bytes are the same, only their axes differ. */
static sd_status input_shape(const model_part *part, const sd_model_data *data, sd_shape *shape)
{
    char said[SD_SHAPE_TEXT], has[SD_SHAPE_TEXT];
    bool known = data->input.rank > 0;
    *shape = data->input;
    if (known && (part->usual_input || !part->input))
        return SD_OK;
    if (!part->input)
        return sd__config_fail(part->place, "model needs \"input\", the shape of one example, e.g. input: [28, 28, 1]");
    SD_TRY(read_shape(part->input, shape));
    if (known && sd_shape_count(*shape) != sd_shape_count(data->input))
        return sd__config_fail(part->input, "input is %s, but the data's samples are %s; write input: %s, or leave it out",
                               sd_shape_text(*shape, said), sd_shape_text(data->input, has), has);
    return SD_OK;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static sd_status read_spec(const sd_config_node *root, const sd_model_data *data, sd_walk *walk, sd_model_spec *spec)
{
    static const char *const precisions[] = {"fp32", "fp64"};
    const sd_config_node *node = sd__config_get(root, "model");
    const sd_config_node *precision = sd__config_at(root, "train.precision"), *seed = sd__config_at(root, "train.seed");
    model_part part;
    int choice = 0;
    int64_t number = 1;
    if (!node)
        return sd__config_fail(root, "there is no \"model\"; write model: lenet, or model: {layers: [...]}");
    SD_TRY(read_model(node, walk, &part));
    SD_TRY(input_shape(&part, data, &spec->input));
    SD_TRY(sd__loss_from_config(root, data, &walk->loss));
    if (precision)
        SD_TRY(sd__config_choice(precision, 2, precisions, &choice));
    if (seed)
        SD_TRY(sd__config_int(seed, 0, INT64_MAX, &number));
    spec->dtype = choice ? SD_F64 : SD_F32;
    spec->seed = (uint64_t)number;
    spec->classes = data->classes;
    spec->targets = data->targets;
    return SD_OK;
}

/* After a failed call: the tree's own mistakes have their place; to those of builders the layer's is added. */
static sd_status place_mistake(const sd_walk *walk, const sd_config_node *model, sd_status status)
{
    if (walk->status != SD_OK)
        return sd__fail(walk->status, "%s", walk->message ? walk->message : sd_status_text(walk->status));
    return sd__config_fail_in(walk->failed ? walk->failed : model, status);
}

static sd_status apply_freeze(const sd_config_node *node, sd_model *model)
{
    bool list = node->kind == SD_CONFIG_LIST;
    int n = list ? node->count : 1;
    const char **names = sd__alloc((size_t)n + 1, sizeof *names);
    if (!names)
        return sd__fail(SD_ENOMEM, "no memory to freeze layers");
    sd_status status = SD_OK;
    for (int i = 0; i < n && status == SD_OK; i++)
        status = sd__config_text(list ? node->child[i] : node, &names[i]);
    if (status == SD_OK)
        status = sd__config_fail_in(node, sd_model_set_frozen(model, n, names));
    free(names);
    return status;
}

sd_status sd__model_from_config(sd_context *context, const sd_config_node *root, const sd_model_data *data, sd_model **model)
{
    *model = NULL;
    sd_walk *walk = sd__alloc_zeroed(1, sizeof *walk);
    if (!walk)
        return sd__fail(SD_ENOMEM, "no memory for a model");
    sd_model_spec spec = {.build = build, .user = walk};
    sd_status status = read_spec(root, data, walk, &spec);
    if (status == SD_OK) {
        status = sd_model_new(context, &spec, model);
        if (status != SD_OK)
            status = place_mistake(walk, sd__config_get(root, "model"), status);
    }
    if (status != SD_OK) {
        walk_free(walk);
        return status;
    }
    (*model)->spec.release = walk_free; /* only now: a failed sd_model_new() would have taken the message along */
    const sd_config_node *frozen = sd__config_get(root, "freeze");
    if (frozen)
        status = apply_freeze(frozen, *model);
    if (status != SD_OK) {
        sd_model_free(*model);
        *model = NULL;
    }
    return status;
}

sd_status sd_model_from_file(sd_context *context, const char *path, int classes, int targets, sd_model **model)
{
    const sd_model_data data = {.classes = classes, .targets = targets};
    sd_config *config;
    *model = NULL;
    SD_TRY(sd__config_read(path, &config));
    sd_status status = sd__model_from_config(context, config->root, &data, model);
    sd__config_free(config);
    return status;
}
