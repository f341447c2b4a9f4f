/* checkpoint.h -- the state of a run in one safetensors file, from which it goes on bit for bit. */
#ifndef SD_TRAIN_CHECKPOINT_H
#define SD_TRAIN_CHECKPOINT_H

#include <jansson.h>

#include "train/trainer.h"
#include "train/weights.h"

#define SD_LAST "checkpoints/last.safetensors"
#define SD_BEST "checkpoints/best.safetensors"

/* Writes weights, states, normalisation, counters and (moments) the optimizer's vectors to a file. */
sd_status sd__checkpoint_write(sd_trainer *trainer, const char *path, bool moments);

/* Reads all of that back; verifies checksum, layout, and (config != 0) that the configuration is the same. */
sd_status sd__checkpoint_read(sd_trainer *trainer, const char *path, uint64_t config);

/* Reads the best weights, if the file is of the epoch that the counters name; otherwise the best is made again on the way. */
sd_status sd__checkpoint_read_best(sd_trainer *trainer, const char *path);

/* What a checkpoint says of its model and its place in the run. */
typedef struct sd_checkpoint_facts {
    sd_shape input;
    int classes, targets;
    json_t *names; /* list of the classes' names, or NULL; to be json_decref'ed */
    int64_t epoch, step;
    bool on_test;
    uint64_t layout;
} sd_checkpoint_facts;
sd_status sd__checkpoint_facts(const sd_tensors *file, const char *path, sd_checkpoint_facts *facts);

#endif
