/* reader.h -- turns positions of a data set into normalised input, labels and targets: what loaders and one-off reads share. */
#ifndef SD_DATA_READER_H
#define SD_DATA_READER_H

#include "data/dataset.h"
#include "kernels/simd/bytes.h"

/* The inputs of a batch on their way, in rows x columns parts: of the samples, of stretches of each. */
typedef struct sd_inputs {
    const struct sd_reader *reader;
    int n;
    char *out;
    const int32_t *ahead;
    int64_t count, grain; /* values of a sample; stretches begin at multiples of grain: whole pixels, whole lines of f32 */
    int rows, columns;
} sd_inputs;

typedef struct sd_reader {
    const sd_dataset *dataset;
    sd_dtype dtype;                 /* of the result */
    sd_normalization normalization; /* a copy; n = 0: none */
    void *table;                    /* [n or 1][256] of dtype: what a byte becomes; NULL: computed value by value */
    sd_bytes_f32 *line;             /* what computes the table faster, to the last bit; NULL: nothing does */
    double slope, start;            /* of the line */
    sd_pool *pool;                  /* shares the work of converting; NULL: the caller alone. Set after opening. */
    int32_t *ids;                   /* [capacity] positions in the root */
    void *raw;                      /* [capacity, shape] as stored: samples made on demand */
    void *raw_targets;              /* [capacity, targets] */
    int32_t *raw_labels;            /* [capacity] */
    int capacity;
    sd_inputs inputs;
    bool aside; /* they are made by threads of the pool that have nothing else to do */
} sd_reader;

/* Zeroes the reader first, so that closing it is right whatever this returns. */
sd_status sd__reader_open(sd_reader *reader, const sd_dataset *dataset, sd_dtype dtype, const sd_normalization *normalization);
void sd__reader_close(sd_reader *reader);

/* Where the samples go: as sd_dataset_read(), and ids [n]. Each may be NULL: not wanted. */
typedef struct sd_samples {
    void *input;
    int32_t *labels;
    void *targets;
    int32_t *ids;
} sd_samples;

/* `ahead` [n]: positions that will be read next, fetched into the cache meanwhile; or NULL. */
sd_status sd__reader_read(sd_reader *reader, int n, const int32_t *positions, const int32_t *ahead, sd_samples to);

/* The same, but the inputs may be made later: until sd__reader_finish(), `to` and `ahead` must live, and nothing else be read. */
sd_status sd__reader_begin(sd_reader *reader, int n, const int32_t *positions, const int32_t *ahead, sd_samples to);
void sd__reader_finish(sd_reader *reader);

/* n samples as they are stored: sample i begins at *first + i * (bytes of a sample) if contiguous, else is copied to raw. */
sd_status sd__reader_raw(sd_reader *reader, int n, const int32_t *positions, const void **first);

#endif
