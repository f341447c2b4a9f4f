/* bytes.h -- bytes to numbers along a line, compiled once a CPU level. All levels give the same bits. */
#ifndef SD_SIMD_BYTES_H
#define SD_SIMD_BYTES_H

#include "base/cpu.h"

/* out[i] = slope * in[i] + start, in f64, rounded once to f32; i < n */
typedef void sd_bytes_f32(double slope, double start, const uint8_t *in, float *out, int64_t n);

extern sd_bytes_f32 sd__bytes_f32_v2, sd__bytes_f32_v3, sd__bytes_f32_v4;

#endif
