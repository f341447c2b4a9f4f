/*
 * tile.h -- elementwise reference kernels from one expression.
 *
 * The operands are named a, b, c and have type T in the expression. The result may share memory with an operand, so no
 * pointer is restrict; element i is read before it is written.
 */
#ifndef SD_OPS_TILE_H
#define SD_OPS_TILE_H

#include "ops/op.h"

#define SD_TILE1(name, type, expression)                                           \
    static void name(size_t n, const void *const *in, void *out, const void *attr) \
    {                                                                              \
        typedef type T;                                                            \
        const T *pa = in[0];                                                       \
        T *y = out;                                                                \
        for (size_t i = 0; i < n; i++) {                                           \
            const T a = pa[i];                                                     \
            y[i] = (T)(expression);                                                \
        }                                                                          \
    }

#define SD_TILE2(name, type, result, expression)                                   \
    static void name(size_t n, const void *const *in, void *out, const void *attr) \
    {                                                                              \
        typedef type T;                                                            \
        const T *pa = in[0], *pb = in[1];                                          \
        result *y = out;                                                           \
        for (size_t i = 0; i < n; i++) {                                           \
            const T a = pa[i], b = pb[i];                                          \
            y[i] = (result)(expression);                                           \
        }                                                                          \
    }

/* NAME_f32 and NAME_f64: one operand, the expressions of each type. */
#define SD_TILES1(name, f32, f64)    \
    SD_TILE1(name##_f32, float, f32) \
    SD_TILE1(name##_f64, double, f64)

/* NAME_f32 and NAME_f64: two operands. */
#define SD_TILES2(name, f32, f64)           \
    SD_TILE2(name##_f32, float, float, f32) \
    SD_TILE2(name##_f64, double, double, f64)

/* The field .tile of a record whose tiles were made by SD_TILES1 or SD_TILES2. */
#define SD_REAL_TILES(name)                          \
    {                                                \
        [SD_F32] = name##_f32, [SD_F64] = name##_f64 \
    }

#endif
