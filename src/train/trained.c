/*
 * trained.c -- the model of a finished (or unfinished) run, ready for use: its configuration builds it, a checkpoint fills it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "nn/yaml.h"
#include "train/checkpoint.h"
#include "train/tally.h"

/* RUN/checkpoints/best.safetensors -> RUN/config.yaml. The caller frees. */
static char *config_beside(const char *checkpoint)
{
    char *folder = strdup(checkpoint), *path = NULL;
    for (int up = 0; folder && up < 2; up++) {
        char *slash = strrchr(folder, '/');
        if (slash)
            *slash = 0;
        else
            strcpy(folder, up == 0 ? ".." : "."); /* "best.safetensors" lies in RUN/checkpoints, one step below RUN */
        if (!slash && up == 0)
            break;
    }
    if (folder)
        path = sd__path_join(folder, "config.yaml");
    free(folder);
    return path;
}

static sd_status take_names(sd_trained *t, json_t *names)
{
    int n = (int)json_array_size(names);
    if (!n)
        return SD_OK;
    t->class_names = sd__alloc_zeroed((size_t)n, sizeof *t->class_names);
    for (int i = 0; t->class_names && i < n; i++) {
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        t->class_names[i] = strdup(name ? name : "");
        if (!t->class_names[i])
            return sd__fail(SD_ENOMEM, "no memory for the classes' names");
        t->classes = i + 1;
    }
    return t->class_names ? SD_OK : sd__fail(SD_ENOMEM, "no memory for the classes' names");
}

static sd_status build(sd_context *context, const char *yaml, const sd_checkpoint_facts *facts, sd_model **model)
{
    sd_config *config;
    sd_model_data data = {facts->input, facts->classes, facts->targets};
    SD_TRY(sd__config_read(yaml, &config));
    sd_status status = sd__model_from_config(context, config->root, &data, model);
    sd__config_free(config);
    return status;
}

static sd_status fill(sd_context *context, const sd_tensors *file, sd_trained *t)
{
    sd_checkpoint_facts facts;
    char *yaml = config_beside(t->checkpoint);
    if (!yaml)
        return sd__fail(SD_ENOMEM, "no memory for a path");
    sd_status status = sd__checkpoint_facts(file, t->checkpoint, &facts);
    if (status == SD_OK && !sd__file_exists(yaml))
        status = sd__fail(SD_ENOTFOUND, "%s: there is no %s, which describes its model; keep checkpoints in their run's folder",
                          t->checkpoint, yaml);
    if (status == SD_OK)
        status = build(context, yaml, &facts, &t->model);
    if (status == SD_OK)
        status = sd__weights_take(t->model, file, t->checkpoint, 0, NULL, sd_model_theta(t->model), sd_model_state(t->model));
    if (status == SD_OK)
        status = sd__normalization_take(file, t->checkpoint, &t->normalization);
    if (status == SD_OK)
        status = take_names(t, facts.names);
    t->epoch = facts.epoch;
    t->step = facts.step;
    t->selected_on_test = facts.on_test;
    json_decref(facts.names);
    free(yaml);
    return status;
}

sd_status sd_trained_open(sd_context *context, const char *path, sd_trained *trained)
{
    sd_status status;
    sd_tensors *file = NULL;
    *trained = (sd_trained){0};
    trained->checkpoint = sd__checkpoint_path(path, &status);
    if (status == SD_OK)
        status = sd_tensors_load(trained->checkpoint, &file);
    if (status == SD_OK)
        status = fill(context, file, trained);
    sd_tensors_free(file);
    if (status != SD_OK)
        sd_trained_close(trained);
    return status;
}

void sd_trained_close(sd_trained *t)
{
    sd_model_free(t->model);
    sd_normalization_clear(&t->normalization);
    for (int i = 0; i < t->classes; i++)
        free(t->class_names[i]);
    free(t->class_names);
    free(t->checkpoint);
    *t = (sd_trained){0};
}
