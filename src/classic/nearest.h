/* nearest.h -- the nearest neighbour: the learner that memorises. */
#ifndef SD_CLASSIC_NEAREST_H
#define SD_CLASSIC_NEAREST_H

#include <sonde/tensor.h>

#include "base/base.h"

/* Index of the row of x [n,d] nearest to q [d] in Euclidean distance; the first of equals. n >= 1. */
int64_t sd__nearest_row(int64_t n, int64_t d, const float *x, const float *q);

/* The same, passing over row `skip` (-1: none): the nearest *other* row. */
int64_t sd__nearest_other(int64_t n, int64_t d, const float *x, const float *q, int64_t skip);

/*
 * For each of m rows of q [m,d] the index of the nearest row of x [n,d], of f32 or f64: the same rows that comparing
 * every pair in f64 would find (the first of equals). A matrix product finds the few that may be nearest; these are
 * compared. errors SD_ENOMEM
 */
sd_status sd__nearest_rows(sd_context *context, sd_dtype dtype, int64_t n, int64_t d, const void *x, int64_t m, const void *q,
                           int64_t *nearest);

#endif
