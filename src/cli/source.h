/* source.h -- a model from whatever a user names: a YAML file, a run, a built-in model. */
#ifndef SD_CLI_SOURCE_H
#define SD_CLI_SOURCE_H

#include "cli/command.h"

typedef struct sd_source {
    sd_model *model;
    const char *kind; /* "file", "run", "built-in model" */
    char *yaml;       /* the configuration's path; NULL: built in */
    int batch;        /* of training */
    bool sized;       /* the data was not needed or was there, so classes and input are those of training */
} sd_source;

/* SD_ENOTFOUND names the nearest built-in model. To be cleared. */
sd_status sd__source_open(sd_context *context, const char *name, const char *data_dir, sd_source *source);
void sd__source_clear(sd_source *source);

#endif
