/* subject.h -- the samples of a subject in memory, and vectors of the model's type read as f64. */
#ifndef SD_PROBE_SUBJECT_H
#define SD_PROBE_SUBJECT_H

#include <sonde/probe.h>
#include <stdlib.h>

typedef struct sd_samples {
    int64_t n;
    void *x;                 /* [n, input] of the model's type */
    void *y;                 /* [n] i32, or [n, targets] of the model's type */
    int32_t *ids;            /* [n] */
    size_t x_bytes, y_bytes; /* of one sample */
} sd_samples;

/* SD_ESHAPE where data and model do not fit. To be freed. */
sd_status sd__samples_read(const sd_subject *subject, sd_samples *samples);
void sd__samples_free(sd_samples *samples);

double sd__element(const void *vector, sd_dtype dtype, int64_t i);
void sd__set_element(void *vector, sd_dtype dtype, int64_t i, double value);

#endif
