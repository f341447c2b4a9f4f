/* yaml.h -- models from a configuration tree: what the trainer and the command call. */
#ifndef SD_NN_YAML_H
#define SD_NN_YAML_H

#include <sonde/nn.h>

#include "format/config.h"

/* What the data says; all zero if there is none. */
typedef struct sd_model_data {
    sd_shape input; /* of one example; rank 0: the model must say it */
    int classes, targets;
} sd_model_data;

/*
 * Makes the model of a whole file's tree: reads `model`, `loss` (default cross_entropy, or mse for real targets), `freeze`,
 * train.precision and train.seed; other keys are not looked at. Nothing of the tree is needed afterwards.
 */
sd_status sd__model_from_config(sd_context *context, const sd_config_node *root, const sd_model_data *data, sd_model **model);

/* The loss that a file's tree asks for. */
sd_status sd__loss_from_config(const sd_config_node *root, const sd_model_data *data, sd_loss_spec *loss);

#endif
