/*
 * winograd.h -- the provider of convolutions by Winograd's algorithm: fewer products than the sums that define them.
 *
 * F(2x2, 3x3) computes four neighbouring results of a 3x3 filter with 16 products instead of 36: pixels and filters are taken to
 * 16 points each, multiplied there, and the sums over channels taken back [Winograd 1980; Lavin & Gray, arXiv:1509.09308]. Other
 * filters are cut into blocks of three and two taps along each axis: a 5x5 one takes 49 products instead of 100. A provider
 * of its own, so that it can be left out: its rounding errors are as small as those of the sums that define a
 * convolution measured by the largest pixel that a tile sees, but not by each result of its own.
 */
#ifndef SD_SIMD_WINOGRAD_H
#define SD_SIMD_WINOGRAD_H

#include "ops/kernel.h"

#define SD_WINOGRAD_KERNELS(X) X(conv2d) X(conv2d_dx) X(conv2d_norm) X(conv2d_pool) X(conv2d_dw)

typedef struct sd_winograd_table {
#define SD_WINOGRAD_FIELD(name) const sd_kernel *name;
    SD_WINOGRAD_KERNELS(SD_WINOGRAD_FIELD)
#undef SD_WINOGRAD_FIELD
} sd_winograd_table;

extern const sd_winograd_table sd__winograd_table_v2, sd__winograd_table_v3, sd__winograd_table_v4;

extern const sd_provider sd__provider_winograd;

#endif
