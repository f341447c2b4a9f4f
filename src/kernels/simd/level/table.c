/* table.c -- the one name that a CPU level exports to the dispatch: everything compiled for it. */
#include "kernels/simd/level/level.h"

#define ENTRY(name) .name = &SD_LEVELED(sd__simd_##name),
const sd_simd_table SD_LEVELED(sd__simd_table) = {.tiles = &SD_LEVELED(sd__simd_tiles), SD_SIMD_KERNELS(ENTRY)};
