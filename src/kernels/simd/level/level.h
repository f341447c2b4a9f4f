/* level.h -- what the files of one CPU level export to each other's table. */
#ifndef SD_SIMD_LEVEL_H
#define SD_SIMD_LEVEL_H

#include "kernels/simd/level/vector.h"
#include "kernels/simd/simd.h"

extern const sd_simd_tiles SD_LEVELED(sd__simd_tiles);

#define SD_SIMD_DECLARE(name) extern const sd_kernel SD_LEVELED(sd__simd_##name);
SD_SIMD_KERNELS(SD_SIMD_DECLARE)
#undef SD_SIMD_DECLARE

#endif
