/*
 * dataset.h -- what a data set is inside.
 *
 * A root owns samples: stored values, or a function that makes them. A subset is a list of positions in a root, never in
 * another subset, so reading takes one look-up and a sample's id is its position in the root.
 */
#ifndef SD_DATA_DATASET_H
#define SD_DATA_DATASET_H

#include <sonde/data.h>
#include <stdatomic.h>

#include "base/arena.h"

#define SD_MAX_CLASSES 65536

struct sd_dataset {
    atomic_int owners;
    sd_dataset_info info;
    sd_arena names;

    sd_dataset *root;        /* itself, unless this is a subset */
    const int32_t *position; /* subset: [samples] in the root; root: NULL */

    /* Of a root only. What is not stored is made by fill. */
    const void *input;     /* [samples, shape], or NULL */
    const int32_t *labels; /* [samples], or NULL */
    const void *targets;   /* [samples, targets], or NULL */
    sd_dtype target_dtype;
    const char *label_name; /* CSV: the column of the labels */
    sd_fill *fill;
    void *user;
    bool concurrent;             /* fill may be called from several threads at once */
    void (*release)(void *user); /* NULL: user belongs to the caller */
    int64_t statistics;          /* samples that normalisation looks at; 0: all */
    void *owned[4];              /* blocks to free with the root */
};

/* An empty root with this name, shape and dtype, all checked. */
sd_status sd__dataset_new(const char *name, int64_t samples, sd_shape shape, sd_dtype dtype, sd_dataset **dataset);

/* Gives a malloc'ed block to the root, which frees it; returns it. */
void *sd__dataset_own(sd_dataset *dataset, void *block);

/*
 * Sets labels [samples] and classes, checking 0 <= label < classes (0: finds the number). `where` names the file in messages
 * and may be NULL.
 */
sd_status sd__dataset_set_labels(sd_dataset *dataset, const int32_t *labels, int classes, const char *const *names,
                                 const char *where);
void sd__dataset_set_targets(sd_dataset *dataset, const void *targets, sd_dtype dtype, int n, const char *const *names);

/* Copies n texts into the set's memory; NULL for NULL, or without memory (names.failed). */
const char *const *sd__dataset_names(sd_dataset *dataset, int n, const char *const *names);

/* Frees the half-made set and returns status, for the end of a constructor. */
sd_status sd__dataset_done(sd_dataset *made, sd_status status, sd_dataset **dataset);

/* Appends the checksum of one more file. */
void sd__dataset_add_checksum(sd_dataset *dataset, const void *data, size_t bytes);

static inline int32_t sd__root_position(const sd_dataset *dataset, int32_t position)
{
    return dataset->position ? dataset->position[position] : position;
}
size_t sd__sample_bytes(const sd_dataset *dataset);

/* Labels of all samples [samples]; the caller frees. Makes the samples if they are made on demand. */
sd_status sd__dataset_all_labels(const sd_dataset *dataset, int32_t **labels);

/* The first n samples. */
sd_status sd__dataset_first(sd_dataset *dataset, int64_t n, sd_dataset **first);

/* Split by chance with a stream of its own: sets for validation, for testing and for a limit must not be the same. */
typedef enum sd_split_use { SD_SPLIT_PUBLIC, SD_SPLIT_VALIDATION, SD_SPLIT_TEST, SD_SPLIT_LIMIT } sd_split_use;
sd_status sd__dataset_split(sd_dataset *dataset, uint64_t seed, sd_split_use use, double amount, sd_dataset **rest,
                            sd_dataset **taken);

/* values[0..n) shuffled in place: a pure function of (seed, stream). */
void sd__shuffle(int32_t *values, int64_t n, uint64_t seed, uint64_t stream);

#endif
