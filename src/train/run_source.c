/* run_source.c -- opens the data of a finished run, and reads its optimizer, from the configuration kept in its folder. */
#include "train/run_source.h"

#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "optim/yaml.h"
#include "train/settings.h"
#include "train/trainer.h"

char *sd__run_folder(const char *path)
{
    char *folder = strdup(path);
    char *config = folder ? sd__path_join(folder, "config.yaml") : NULL;
    for (int up = 0; folder && config && up < 2 && !sd__file_exists(config); up++) {
        char *slash = strrchr(folder, '/');
        if (!slash)
            break;
        *slash = 0;
        free(config);
        config = sd__path_join(folder, "config.yaml");
    }
    if (!config) {
        free(folder);
        folder = NULL;
    }
    free(config);
    return folder;
}

static sd_status read_config(const char *run, sd_config **config)
{
    char *folder = sd__run_folder(run), *path = folder ? sd__run_file(folder, "config.yaml") : NULL;
    *config = NULL;
    sd_status status = path ? sd__config_read(path, config) : sd__fail(SD_ENOMEM, "no memory for a path");
    free(folder);
    free(path);
    return status;
}

/* A run outlives the folder that its data was in. */
static sd_status say_where(const sd_data_options *data, sd_status status)
{
    if (status != SD_ENOTFOUND || !data->name)
        return status;
    return sd__fail(status, "%s. If it lies elsewhere: --data-dir DIR, or SONDE_DATA, names the folder that holds %s/",
                    sd_error(), data->name);
}

sd_status sd__run_data(const char *run, const char *data_dir, sd_context *context, sd_data *data)
{
    sd_config *config;
    sd_settings settings = {0};
    *data = (sd_data){0};
    SD_TRY(read_config(run, &config));
    sd_status status = sd__settings_read(config->root, data_dir, false, &settings);
    if (status == SD_OK)
        status = say_where(&settings.data, sd_data_open(&settings.data, sd_context_pool(context), data));
    /* Files may be packed otherwise, or replaced on purpose: no error, but nobody should take new figures for the old ones. */
    if (status == SD_OK && sd__settings_check_data(config, data) != SD_OK)
        sd__log(context, 0, "note: %s", sd_error());
    sd__settings_clear(&settings);
    sd__config_free(config);
    return status;
}

sd_status sd__run_optimizer(const char *run, sd_optimizer_spec *optimizer)
{
    sd_config *config;
    SD_TRY(read_config(run, &config));
    sd_status status = sd__optimizer_from_config(config->root, optimizer);
    sd__config_free(config);
    return status;
}
