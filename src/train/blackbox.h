/* blackbox.h -- what is kept of a step that was not taken because a number was not finite, and how it is gone through again. */
#ifndef SD_TRAIN_BLACKBOX_H
#define SD_TRAIN_BLACKBOX_H

#include "train/trainer.h"

#define SD_BLACKBOX "blackbox"

/*
 * Writes FOLDER/blackbox/ (state.safetensors: a checkpoint before the step; batch.safetensors: inputs, targets, ids), finds the
 * first value that is not finite, and fails with a message that names step, layer, operation, samples, and the replay command.
 */
sd_status sd__blackbox(sd_trainer *trainer, const sd_batch *batch, double loss);

/*
 * Runs one training step of a model op by op and stops at the first that makes a value which is not finite: SD_ENONFINITE
 * with a message "LAYER: OP ..."; SD_OK if there is none. Nothing of the model changes.
 */
sd_status sd__find_nonfinite(sd_model *model, const sd_batch *batch, int32_t step);

/* Goes through the step in FOLDER/blackbox again, with the model of FOLDER/config.yaml. SD_ENONFINITE as above, or SD_OK. */
sd_status sd__replay(sd_context *context, const char *folder, int64_t *step, int *samples);

#endif
