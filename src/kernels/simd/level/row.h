/* row.h -- one row times a matrix, and what is done to a row of finished sums. */
#ifndef SD_SIMD_ROW_H
#define SD_SIMD_ROW_H

#include "kernels/simd/level/vector.h"

/* c[0..n) = sum of a[i * a_step] b[i * b_step + 0..n) over i < k: the rows of b are read in order. */
void SD_LEVELED(sd__row_stream)(float *c, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n, int64_t k);

/* Most vectors of columns in a panel of B, of which rows follow one another: as many sums stay in registers. */
enum { ROW_VECTORS = 8 };

/* Bytes that a panel is best fetched ahead on this machine; 0: not at all. */
int SD_LEVELED(sd__row_ahead)(void);

/* c[0..n) = sum of a[i * a_step] b[i * vectors * V_LANES + 0..n) over i < k; n in 1 to ROW_VECTORS vectors. */
void SD_LEVELED(sd__row_panel)(float *c, const float *a, int64_t a_step, const float *b, int vectors, int64_t n, int64_t k,
                               int ahead);

/* c[j] = a[0..k) . column j of b for j < n; the columns are consecutive, b_column apart. */
void SD_LEVELED(sd__row_dot)(float *c, const float *a, const float *b, int64_t b_column, int64_t n, int64_t k);

/* Of n neighbours in a row: adds the bias (NULL: none), then ReLU, then times step(slope) (NULL: none). All lie as c does. */
void SD_LEVELED(sd__row_finish)(float *c, const float *bias, bool clip, const float *slope, int64_t n);

#endif
