/* info.c -- `sonde info`: the layers of a network with their shapes, and what it takes to run and to train it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/source.h"
#include "optim/yaml.h"
#include "train/settings.h"
#include "train/weights.h"

typedef struct costs {
    double train_flops, eval_flops;       /* of a training step, of one forward pass of the batch */
    size_t train_bytes, eval_bytes;       /* working memory of each */
    size_t weight_bytes, optimizer_bytes; /* theta and states; gradient and moments */
} costs;

/* The optimizer of the file; for a built-in model: adam, the largest. */
static int moments(const char *yaml)
{
    sd_config *config;
    sd_optimizer_spec spec = sd_optimizer_default(SD_ADAM);
    if (yaml && sd__config_read(yaml, &config) == SD_OK) {
        if (sd__optimizer_from_config(config->root, &spec) != SD_OK)
            spec = sd_optimizer_default(SD_ADAM);
        sd__config_free(config);
    }
    return spec.kind == SD_SGD ? 0 : spec.kind == SD_ADAM || spec.kind == SD_ADAMW ? 2 : 1;
}

static sd_status measure(const sd_source *source, costs *c)
{
    sd_model *m = source->model;
    const sd_plan *train, *eval;
    size_t size = sd_dtype_size(sd_model_dtype(m)), theta = (size_t)sd_model_params(m).length * size;
    bool target = sd_model_classes(m) || sd_model_targets(m);
    *c = (costs){.weight_bytes = theta + (size_t)sd_model_states(m).length * size};
    SD_TRY(sd_model_plan(m, SD_EVAL, source->batch, SD_WANT_OUTPUT, &eval));
    c->eval_flops = sd_plan_flops(eval);
    c->eval_bytes = sd_plan_workspace_bytes(eval);
    if (!target)
        return SD_OK;
    SD_TRY(sd_model_plan(m, SD_TRAIN, source->batch, SD_WANT_LOSS | SD_WANT_GRAD | SD_WANT_STATE, &train));
    c->train_flops = sd_plan_flops(train);
    c->train_bytes = sd_plan_workspace_bytes(train);
    c->optimizer_bytes = theta * (size_t)(1 + moments(source->yaml));
    return SD_OK;
}

static json_t *layers_json(const sd_model_info *info)
{
    json_t *layers = json_array();
    for (int i = 0; i < info->layers; i++) {
        char shape[SD_SHAPE_TEXT];
        const sd_layer_info *l = &info->layer[i];
        json_array_append_new(layers, json_pack("{s:s, s:s, s:s, s:I, s:I, s:f}", "name", l->name, "kind", l->kind, "output",
                                                sd_shape_text(l->output, shape), "parameters", (json_int_t)l->parameters,
                                                "states", (json_int_t)l->states, "flops", l->flops));
    }
    return layers;
}

static int print_json(const sd_source *source, const sd_model_info *info, const costs *c)
{
    char shape[SD_SHAPE_TEXT];
    size_t total = c->weight_bytes + c->optimizer_bytes + SD_MAX(c->train_bytes, c->eval_bytes);
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:o}", "kind", source->kind, "input", sd_shape_text(sd_model_input(source->model), shape),
                  "batch", source->batch, "layers", layers_json(info));
    json_object_set_new(json, "parameters", json_integer(info->parameters));
    json_object_set_new(json, "trainable", json_integer(info->trainable));
    json_object_set_new(json, "states", json_integer(info->states));
    json_object_set_new(json, "flops", json_real(info->flops));
    json_object_set_new(json, "train_step_flops", json_real(c->train_flops));
    json_object_set_new(json, "memory", json_integer((json_int_t)total));
    json_object_set_new(json, "memory_weights", json_integer((json_int_t)c->weight_bytes));
    json_object_set_new(json, "memory_optimizer", json_integer((json_int_t)c->optimizer_bytes));
    json_object_set_new(json, "memory_train", json_integer((json_int_t)c->train_bytes));
    json_object_set_new(json, "memory_eval", json_integer((json_int_t)c->eval_bytes));
    json_object_set_new(json, "depth_path", json_integer(info->depth_path));
    json_object_set_new(json, "depth_nonlinear", json_integer(info->depth_nonlinear));
    return sd__print_json(json);
}

static void print_layers(const sd_source *source, const sd_model_info *info)
{
    char shape[SD_SHAPE_TEXT], flops[32];
    int widest = 5;
    for (int i = 0; i < info->layers; i++)
        widest = SD_MAX(widest, (int)strlen(info->layer[i].name));
    printf("%-*s  %-14s %-18s %12s %10s\n", widest, "layer", "kind", "output", "parameters", "flops");
    printf("%-*s  %-14s %-18s %12s %10s\n", widest, "input", "", sd_shape_text(sd_model_input(source->model), shape), "", "");
    for (int i = 0; i < info->layers; i++) {
        const sd_layer_info *l = &info->layer[i];
        printf("%-*s  %-14s %-18s %12" PRId64 " %10s\n", widest, l->name, l->kind, sd_shape_text(l->output, shape),
               l->parameters, sd__count_text(l->flops, flops));
    }
}

static int print_text(const sd_source *source, const sd_model_info *info, const costs *c)
{
    char a[32], b[32], d[32];
    print_layers(source, info);
    printf("\nparameters  %" PRId64 " (%" PRId64 " trained), states %" PRId64 "\n", info->parameters, info->trainable,
           info->states);
    printf("flops       %s forward for one example", sd__count_text(info->flops, a));
    if (c->train_flops > 0)
        printf(", %s for a training step of %d", sd__count_text(c->train_flops, b), source->batch);
    printf("\nmemory      %sB weights, %sB gradient and moments, ", sd__count_text((double)c->weight_bytes, a),
           sd__count_text((double)c->optimizer_bytes, b));
    printf("%sB for a %s of %d\n", sd__count_text((double)SD_MAX(c->train_bytes, c->eval_bytes), d),
           c->train_flops > 0 ? "training step" : "forward pass", source->batch);
    printf("depth       %d trained layers on the longest path, %d levels of nonlinear composition\n", info->depth_path,
           info->depth_nonlinear);
    if (!source->sized)
        printf("the data is not here, so the model was built without it: %s\n", sd_error());
    return SD_EXIT_OK;
}

static int model_info(const sd_cli *cli, const char *name, sd_context *context)
{
    sd_source source;
    costs c;
    sd_status status = sd__source_open(context, name, sd__cli_get(cli, "--data-dir"), &source);
    if (status == SD_OK)
        status = measure(&source, &c);
    const sd_model_info *info = status == SD_OK ? sd_model_describe(source.model) : NULL;
    int code = status != SD_OK              ? sd__say_error(status)
               : !info                      ? sd__say(SD_EXIT_FAILURE, "out of memory")
               : sd__cli_has(cli, "--json") ? print_json(&source, info, &c)
                                            : print_text(&source, info, &c);
    sd__source_clear(&source);
    return code;
}

/* ---- files of tensors -------------------------------------------------------------------------------------------------- */

static int tensors_info(const sd_cli *cli, const char *path)
{
    sd_tensors *file;
    sd_status status = sd_tensors_load(path, &file);
    if (status != SD_OK)
        return sd__say_error(status);
    json_t *list = json_array();
    int64_t elements = 0;
    for (int i = 0; i < sd_tensors_count(file); i++) {
        char shape[SD_SHAPE_TEXT];
        sd_named_tensor t = sd_tensors_at(file, i);
        elements += sd_shape_count(t.tensor.shape);
        if (!sd__cli_has(cli, "--json"))
            printf("%-32s %-5s %s\n", t.name, sd_dtype_name(t.tensor.dtype), sd_shape_text(t.tensor.shape, shape));
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "name", t.name, "type", sd_dtype_name(t.tensor.dtype), "shape",
                                              sd_shape_text(t.tensor.shape, shape)));
    }
    bool checked = sd_tensors_checked(file);
    sd_tensors_free(file);
    if (sd__cli_has(cli, "--json"))
        return sd__print_json(json_pack("{s:s, s:o, s:I, s:b}", "kind", "tensors", "tensors", list, "elements",
                                        (json_int_t)elements, "checksum", checked));
    json_decref(list);
    printf("%" PRId64 " elements; %s\n", elements, checked ? "the checksum is right" : "the file carries no checksum of sonde");
    return SD_EXIT_OK;
}

static int run(sd_cli *cli)
{
    const char *name = sd__cli_run(cli, 0);
    return name && sd__ends_with(name, ".safetensors") ? tensors_info(cli, name) : sd__cli_on_run(cli, name, model_info);
}

const sd_command sd__command_info = {
    .name = "info",
    .arguments = "[FILE|RUN|MODEL]",
    .doc = "layers, shapes, parameters, FLOPs, memory, depth",
    .text = "Describes the network of a YAML file, a run (default: runs/last) or a built-in model; of a .safetensors file,\n"
            "the tensors in it. Depth has two definitions: trained layers on the longest path from input to output, and\n"
            "levels of nonlinear composition.",
    .most = 1,
    .option = {{"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print JSON: parameters, flops, memory, layers, ...", false}},
    .run = run,
};
