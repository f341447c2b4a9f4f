/*
 * bytes.h -- bytes to numbers through a table of 256, compiled once a CPU level.
 *
 * Nothing is computed, so all levels give the same bits.
 */
#ifndef SD_SIMD_BYTES_H
#define SD_SIMD_BYTES_H

#include "base/cpu.h"

/* out[i] = table[in[i]], i < n; table [256] */
typedef void sd_look_up_f32(const float *table, const uint8_t *in, float *out, int64_t n);

extern sd_look_up_f32 sd__look_up_f32_v2, sd__look_up_f32_v3, sd__look_up_f32_v4;

#endif
