/* run_source.h -- what a run's configuration names beside its model: the data, and the optimizer. */
#ifndef SD_TRAIN_RUN_SOURCE_H
#define SD_TRAIN_RUN_SOURCE_H

#include <sonde/train.h>

/* The run folder of a path that may be a checkpoint inside one. The caller frees; NULL without memory. */
char *sd__run_folder(const char *path);

/* Opens the data of a run (or of the run of a checkpoint); tells the context's log if its files have changed. To be closed. */
sd_status sd__run_data(const char *run, const char *data_dir, sd_context *context, sd_data *data);

/* The optimizer with its numbers. */
sd_status sd__run_optimizer(const char *run, sd_optimizer_spec *optimizer);

#endif
