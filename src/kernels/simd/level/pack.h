/* pack.h -- panels of a matrix copied together, so that the innermost loop of a product reads consecutive memory. */
#ifndef SD_SIMD_PACK_H
#define SD_SIMD_PACK_H

#include "kernels/simd/level/vector.h"

/*
 * to[k * width + j] = from[k * step + j * column] for k < depth, j < columns, and 0 for columns <= j < width.
 * Any strides; fast where one of them is 1. Writes nothing behind to[depth * width - 1].
 */
void SD_LEVELED(sd__pack)(float *to, int64_t width, const float *from, int64_t step, int64_t column, int64_t depth,
                          int64_t columns);

/* x[i][j] becomes x[j][i], for V_LANES vectors. At stage h, lane l of row i changes places with lane l - h of row i + h. */
V_INLINE void v_transpose(vf x[V_LANES])
{
#define LANES(...) __VA_ARGS__
#define PAIRS(h, low, high)                                   \
    for (int i = 0; i < V_LANES; i++)                         \
        if (!(i & (h))) {                                     \
            vf a = x[i], b = x[i + (h)];                      \
            x[i] = __builtin_shufflevector(a, b, low);        \
            x[i + (h)] = __builtin_shufflevector(a, b, high); \
        }
#if defined(SD_LEVEL_v4)
#pragma GCC unroll 16
    PAIRS(1, LANES(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
          LANES(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
#pragma GCC unroll 16
    PAIRS(2, LANES(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
          LANES(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
#pragma GCC unroll 16
    PAIRS(4, LANES(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
          LANES(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
#pragma GCC unroll 16
    PAIRS(8, LANES(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
          LANES(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#elif defined(SD_LEVEL_v3)
#pragma GCC unroll 8
    PAIRS(1, LANES(0, 8, 2, 10, 4, 12, 6, 14), LANES(1, 9, 3, 11, 5, 13, 7, 15))
#pragma GCC unroll 8
    PAIRS(2, LANES(0, 1, 8, 9, 4, 5, 12, 13), LANES(2, 3, 10, 11, 6, 7, 14, 15))
#pragma GCC unroll 8
    PAIRS(4, LANES(0, 1, 2, 3, 8, 9, 10, 11), LANES(4, 5, 6, 7, 12, 13, 14, 15))
#else
#pragma GCC unroll 4
    PAIRS(1, LANES(0, 4, 2, 6), LANES(1, 5, 3, 7))
#pragma GCC unroll 4
    PAIRS(2, LANES(0, 1, 4, 5), LANES(2, 3, 6, 7))
#endif
#undef PAIRS
#undef LANES
}

#endif
