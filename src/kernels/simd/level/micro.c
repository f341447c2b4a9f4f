/* micro.c -- all sizes of the innermost loop of a matrix product, from one template. */
#include "kernels/simd/level/micro.h"

/* b's rows are prefetched this many k ahead: where b is not packed they may lie on as many pages. */
enum { AHEAD = 12 };

/* The sums of one tile go to memory; everything is decided outside the loops over rows. */
V_INLINE void finish(const micro_tile *t, vf sum[MICRO_ROWS][MICRO_VECTORS], const int rows, const int vectors)
{
    const int64_t last = t->columns - (vectors - 1) * V_LANES; /* columns in the last vector */
    if (t->add)
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sum[i][j] = v_load_n(t->c + i * t->c_row + j * V_LANES, j < vectors - 1 ? V_LANES : last) + sum[i][j];
    if (t->bias)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) {
            vf bias = v_load_n(t->bias + j * V_LANES, j < vectors - 1 ? V_LANES : last);
#pragma GCC unroll 16
            for (int i = 0; i < rows; i++)
                sum[i][j] = sum[i][j] + bias;
        }
    if (last == V_LANES)
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                v_store(t->c + i * t->c_row + j * V_LANES, sum[i][j]);
    else
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                v_store_n(t->c + i * t->c_row + j * V_LANES, sum[i][j], j < vectors - 1 ? V_LANES : last);
}

V_INLINE void micro(const micro_tile *t, const int rows, const int vectors, int64_t a_row, int64_t a_step)
{
    vf sum[MICRO_ROWS][MICRO_VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sum[i][j] = v_zero();

    const float *a = t->a, *b = t->b;
    const int64_t b_step = t->b_step;
    for (int64_t k = t->k; k > 0; k--) {
        vf vb[MICRO_VECTORS];
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++) {
            vb[j] = v_load(b + j * V_LANES);
            __builtin_prefetch((const void *)((uintptr_t)b + (uintptr_t)(4 * (AHEAD * b_step + j * V_LANES))));
        }
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            vf va = v_set(a[i * a_row]);
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sum[i][j] = v_fma(va, vb[j], sum[i][j]);
        }
        a += a_step;
        b += b_step;
    }

    finish(t, sum, rows, vectors);
}

#define MICRO(rows, vectors)                                                                                     \
    static void micro_columns_##rows##_##vectors(const micro_tile *t) { micro(t, rows, vectors, 1, t->a_step); } \
    static void micro_rows_##rows##_##vectors(const micro_tile *t) { micro(t, rows, vectors, t->a_row, 1); }
/* clang-format off */
#define MICROS(rows) MICRO(rows, 1) MICRO(rows, 2)
#define SIX(kind, vectors) \
    kind##_1_##vectors, kind##_2_##vectors, kind##_3_##vectors, kind##_4_##vectors, kind##_5_##vectors, kind##_6_##vectors
MICROS(1) MICROS(2) MICROS(3) MICROS(4) MICROS(5) MICROS(6)
#if MICRO_ROWS > 6
MICROS(7) MICROS(8) MICROS(9) MICROS(10) MICROS(11) MICROS(12) MICROS(13) MICROS(14)
#define SIZES(kind, vectors)                                                                                           \
    {SIX(kind, vectors), kind##_7_##vectors, kind##_8_##vectors, kind##_9_##vectors, kind##_10_##vectors,              \
     kind##_11_##vectors, kind##_12_##vectors, kind##_13_##vectors, kind##_14_##vectors}
#else
#define SIZES(kind, vectors) {SIX(kind, vectors)}
#endif
    /* clang-format on */

    micro_kernel *const SD_LEVELED(sd__micro)[2][MICRO_VECTORS][MICRO_ROWS] = {
        {SIZES(micro_columns, 1), SIZES(micro_columns, 2)},
        {SIZES(micro_rows, 1), SIZES(micro_rows, 2)},
};
