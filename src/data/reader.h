/* reader.h -- turns positions of a data set into normalised input, labels and targets: what loaders and one-off reads share. */
#ifndef SD_DATA_READER_H
#define SD_DATA_READER_H

#include "data/dataset.h"

typedef struct sd_reader {
    const sd_dataset *dataset;
    sd_dtype dtype;                 /* of the result */
    sd_normalization normalization; /* a copy; n = 0: none */
    void *table;                    /* [n or 1][256] of dtype: what a byte becomes; NULL: computed value by value */
    int32_t *ids;                   /* [capacity] positions in the root */
    void *raw;                      /* [capacity, shape] as stored: samples made on demand */
    void *raw_targets;              /* [capacity, targets] */
    int32_t *raw_labels;            /* [capacity] */
    int capacity;
} sd_reader;

/* Zeroes the reader first, so that closing it is right whatever this returns. */
sd_status sd__reader_open(sd_reader *reader, const sd_dataset *dataset, sd_dtype dtype, const sd_normalization *normalization);
void sd__reader_close(sd_reader *reader);

/* As sd_dataset_read(); ids [n] may be NULL. Each of the results may be NULL: not wanted. */
sd_status sd__reader_read(sd_reader *reader, int n, const int32_t *positions, void *input, int32_t *labels, void *targets,
                          int32_t *ids);

/* n samples as they are stored: sample i begins at *first + i * (bytes of a sample) if contiguous, else is copied to raw. */
sd_status sd__reader_raw(sd_reader *reader, int n, const int32_t *positions, const void **first);

#endif
