/* simd.h -- the provider of vectorised f32 kernels, compiled once a CPU level, and the tiles that the fused provider runs. */
#ifndef SD_KERNELS_SIMD_SIMD_H
#define SD_KERNELS_SIMD_SIMD_H

#include "ops/kernel.h"

extern const sd_provider sd__provider_simd;

/* The contiguous kernel of an elementwise op for this operand type and level; NULL: use the op's own. */
sd_tile *sd__simd_tile(const sd_op *op, sd_dtype operand, sd_level level, const void *attr);

#endif
