/* yaml.h -- optimizer and schedule from a configuration tree. */
#ifndef SD_OPTIM_YAML_H
#define SD_OPTIM_YAML_H

#include <sonde/optim.h>

#include "format/config.h"

/* Reads key `optimizer` of a whole file's tree: "adam", {adam: {lr: 1e-3}}. Absent: sgd with its defaults. */
sd_status sd__optimizer_from_config(const sd_config_node *root, sd_optimizer_spec *spec);

/* Reads key `schedule`: "cosine", {cosine: {warmup: 100}}. Absent: constant. */
sd_status sd__schedule_from_config(const sd_config_node *root, sd_schedule *schedule);

/* The options of optimizers and schedules as Markdown. */
void sd__optim_help(sd_string *string);

#endif
