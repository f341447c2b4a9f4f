/* source.c -- see source.h. Data files are not read where the table of named sets already says what they hold. */
#include "cli/source.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "nn/yaml.h"
#include "train/settings.h"
#include "train/trainer.h"

/* What the data says of the model: from the table, or by opening it; without either, the model alone must say it. */
static sd_model_data learn(const sd_settings *s, sd_context *context, bool *sized)
{
    const sd_named_set *set = s->data.name ? sd_named_set_find(s->data.name) : NULL;
    sd_data data = {0};
    *sized = true;
    if (set)
        return (sd_model_data){set->shape, set->classes, 0};
    if (sd_data_open(&s->data, sd_context_pool(context), &data) == SD_OK) {
        const sd_dataset_info *info = sd_dataset_get(data.train);
        sd_model_data found = {info->shape, info->classes, info->targets};
        sd_data_close(&data);
        return found;
    }
    *sized = false;
    return (sd_model_data){0};
}

/* A file may hold a model alone: then there is nothing to learn from data. */
static sd_status from_config(sd_context *context, const sd_config *config, const char *data_dir, sd_source *source)
{
    sd_settings settings = {0};
    bool alone = !sd__config_get(config->root, "data");
    sd_status status = sd__settings_read(config->root, data_dir, alone, &settings);
    sd_model_data data = {0};
    if (status == SD_OK && !alone)
        data = learn(&settings, context, &source->sized);
    source->batch = settings.train.batch;
    if (status == SD_OK)
        status = sd__model_from_config(context, config->root, &data, &source->model);
    sd__settings_clear(&settings);
    return status;
}

static sd_status from_file(sd_context *context, const char *path, const char *data_dir, sd_source *source)
{
    sd_config *config;
    source->yaml = strdup(path);
    if (!source->yaml)
        return sd__fail(SD_ENOMEM, "no memory for a path");
    SD_TRY(sd__config_read(path, &config));
    sd_status status = from_config(context, config, data_dir, source);
    sd__config_free(config);
    return status;
}

/* One class more or less changes no built-in model: its last layer says how many there are. */
static sd_status from_zoo(sd_context *context, const char *name, sd_source *source)
{
    const sd_zoo_entry *zoo;
    const char *names[64];
    sd_config *config;
    int n = SD_MIN(sd_zoo(&zoo), 64), found = -1;
    for (int i = 0; i < n; i++) {
        names[i] = zoo[i].name;
        if (!strcmp(name, names[i]))
            found = i;
    }
    const char *near = sd__nearest(name, n, names);
    if (found < 0)
        return sd__fail(SD_ENOTFOUND, "%s: no such file or run, and no built-in model has this name%s%s%s", name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    char *text = NULL;
    sd_string yaml = {0};
    sd__string_add(&yaml, "model: %s\n", name);
    text = yaml.text;
    sd_status status = text ? sd__config_parse(name, text, yaml.length, &config) : sd__fail(SD_ENOMEM, "no memory for a name");
    if (status == SD_OK) {
        sd_model_data data = {.classes = 10};
        status = sd__model_from_config(context, config->root, &data, &source->model);
        sd__config_free(config);
    }
    free(text);
    source->batch = 64;
    source->kind = "built-in model";
    return status;
}

sd_status sd__source_open(sd_context *context, const char *name, const char *data_dir, sd_source *source)
{
    struct stat info;
    *source = (sd_source){.kind = "file", .sized = true};
    sd_status status;
    if (stat(name, &info)) {
        status = from_zoo(context, name, source);
    } else if (S_ISDIR(info.st_mode)) {
        char *path = sd__run_file(name, "config.yaml");
        source->kind = "run";
        status = path ? from_file(context, path, data_dir, source) : SD_ENOMEM;
        free(path);
    } else {
        status = from_file(context, name, data_dir, source);
    }
    if (status != SD_OK)
        sd__source_clear(source);
    return status;
}

void sd__source_clear(sd_source *source)
{
    sd_model_free(source->model);
    free(source->yaml);
    *source = (sd_source){0};
}
