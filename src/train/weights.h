/* weights.h -- a model's slices as named tensors, into files and out of them. */
#ifndef SD_TRAIN_WEIGHTS_H
#define SD_TRAIN_WEIGHTS_H

#include <sonde/format.h>
#include <sonde/train.h>

#include "base/base.h"

/* A list of tensors to be written; names of `sonde.` are not slices. */
typedef struct sd_tensor_list {
    sd_named_tensor *item;
    int count;
} sd_tensor_list;

/* Adds one tensor; the name must outlive the list. */
sd_status sd__list_add(sd_tensor_list *list, const char *name, void *data, sd_dtype dtype, sd_shape shape);
/* Adds all slices of theta and the states, which lie in these vectors. */
sd_status sd__list_add_model(sd_tensor_list *list, const sd_model *model, const void *theta, const void *state);
/* Adds offset and scale, if there are any. */
sd_status sd__list_add_normalization(sd_tensor_list *list, const sd_normalization *normalization);
void sd__list_clear(sd_tensor_list *list);

/*
 * Reads slices into theta and state (vectors of the model's layouts) by name: all of them, or those of n layers. Element types
 * are converted. SD_ENOTFOUND (a slice is not in the file, no such layer), SD_ESHAPE; the vectors may then be partly written.
 */
sd_status sd__weights_take(const sd_model *model, const sd_tensors *file, const char *path, int n, const char *const *layers,
                           void *theta, void *state);

/* The numbers beside the weights; an empty one if there are none. `kind` is read from note "sonde.normalize". */
sd_status sd__normalization_take(const sd_tensors *file, const char *path, sd_normalization *normalization);

/*
 * The file that a path means: itself, or, of a run folder, its best, else its last checkpoint. The caller
 * frees; NULL: sd_error().
 */
char *sd__checkpoint_path(const char *path, sd_status *status);

#endif
