/* tile.h -- elementwise f32 tiles from one expression over vectors a, b; any n, nothing read or written behind element n. */
#ifndef SD_SIMD_TILE_H
#define SD_SIMD_TILE_H

#include "kernels/simd/level/vector.h"

/* The result may be the memory of an operand: every vector is read before it is written. */
#define SD_VECTOR_TILE1(name, expression)                                          \
    static void name(size_t n, const void *const *in, void *out, const void *attr) \
    {                                                                              \
        const float *pa = in[0];                                                   \
        float *y = out;                                                            \
        size_t i = 0;                                                              \
        for (; i + V_LANES <= n; i += V_LANES) {                                   \
            const vf a = v_load(pa + i);                                           \
            v_store(y + i, expression);                                            \
        }                                                                          \
        if (i < n) {                                                               \
            const vf a = v_load_part(pa + i, (int64_t)(n - i));                    \
            v_store_part(y + i, expression, (int64_t)(n - i));                     \
        }                                                                          \
    }

#define SD_VECTOR_TILE2(name, expression)                                                                  \
    static void name(size_t n, const void *const *in, void *out, const void *attr)                         \
    {                                                                                                      \
        const float *pa = in[0], *pb = in[1];                                                              \
        float *y = out;                                                                                    \
        size_t i = 0;                                                                                      \
        for (; i + V_LANES <= n; i += V_LANES) {                                                           \
            const vf a = v_load(pa + i), b = v_load(pb + i);                                               \
            v_store(y + i, expression);                                                                    \
        }                                                                                                  \
        if (i < n) {                                                                                       \
            const vf a = v_load_part(pa + i, (int64_t)(n - i)), b = v_load_part(pb + i, (int64_t)(n - i)); \
            v_store_part(y + i, expression, (int64_t)(n - i));                                             \
        }                                                                                                  \
    }

#endif
