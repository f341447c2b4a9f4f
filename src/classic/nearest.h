/* nearest.h -- the nearest neighbour: the learner that memorises. */
#ifndef SD_CLASSIC_NEAREST_H
#define SD_CLASSIC_NEAREST_H

#include "base/base.h"

/* Index of the row of x [n,d] nearest to q [d] in Euclidean distance; the first of equals. n >= 1. */
int64_t sd__nearest_row(int64_t n, int64_t d, const float *x, const float *q);

/* The same, passing over row `skip` (-1: none): the nearest *other* row. */
int64_t sd__nearest_other(int64_t n, int64_t d, const float *x, const float *q, int64_t skip);

#endif
