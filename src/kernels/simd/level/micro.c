/* micro.c -- all sizes of the innermost loop of a matrix product, from one template. */
#include "kernels/simd/level/micro.h"

/* ReLU, or times the slope of one. */
V_INLINE void finish_relu(const micro_tile *t, vf sum[MICRO_ROWS][MICRO_VECTORS], const int rows, const int vectors)
{
    const int64_t last = t->columns - (vectors - 1) * V_LANES;
    if (t->clip)
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sum[i][j] = v_relu(sum[i][j]);
    if (t->slope)
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sum[i][j] *= v_step(v_load_n(t->slope + i * t->c_row + j * V_LANES, j < vectors - 1 ? V_LANES : last));
}

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
    finish_relu(t, sum, rows, vectors);
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

enum { MICRO_THIRDS = (MICRO_ROWS + 2) / 3, LINE_BYTES = 64 };

/* Where the loop over k stands. Rows of a that lie apart are reached from every third one, so that no offset is spilled. */
typedef struct cursor {
    const float *a[MICRO_THIRDS], *b;
    float *copy;
} cursor;

/* Some steps of k: columns of a times rows of b, which are packed behind each other if `copies`. */
V_INLINE void multiply(const micro_tile *t, vf sum[MICRO_ROWS][MICRO_VECTORS], cursor *at, const int steps, const int rows,
                       const int vectors, const bool packed, const bool copies)
{
    const int64_t a_row = packed ? 1 : t->a_row, a_step = packed ? t->a_step : 1, b_step = t->b_step;
#pragma GCC unroll 4
    for (int k = 0; k < steps; k++) {
        vf vb[MICRO_VECTORS];
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            vb[j] = v_load(at->b + j * V_LANES);
#pragma GCC unroll 2
        for (int j = 0; copies && j < vectors; j++, at->copy += V_LANES)
            v_store(at->copy, vb[j]);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++) {
            vf va = v_set(packed ? at->a[0][i] : at->a[i / 3][i % 3 * a_row + k]);
#pragma GCC unroll 2
            for (int j = 0; j < vectors; j++)
                sum[i][j] = v_add_product(sum[i][j], va, vb[j]);
        }
        at->b += b_step;
        at->a[0] += packed ? a_step : 0;
    }
#pragma GCC unroll 16
    for (int i = 0; i < MICRO_THIRDS; i++)
        if (!packed && 3 * i < rows) {
            at->a[i] += steps;
            __asm__("" : "+r"(at->a[i])); /* a pointer of its own, whatever the compiler would make of it */
        }
}

/* Two neighbouring lines. */
V_INLINE void fetch(uintptr_t from, bool own)
{
    if (own) {
        __builtin_prefetch((const void *)from, 1);
        __builtin_prefetch((const void *)(from + LINE_BYTES), 1);
    } else {
        __builtin_prefetch((const void *)from);
        __builtin_prefetch((const void *)(from + LINE_BYTES));
    }
}

/* All k. The first steps fetch the rows of the tile itself, the others now and then two lines that somebody will need later. */
V_INLINE void multiply_all(const micro_tile *t, vf sum[MICRO_ROWS][MICRO_VECTORS], cursor *at, const int rows,
                           const int vectors, const bool packed, const bool copies)
{
    int64_t left = t->k;
    const float *c = t->c;
    uintptr_t ahead = t->ahead;
    for (int i = 0; i < rows && left > 0; i++, left--, c += t->c_row) {
        __builtin_prefetch(c, 1);
        __builtin_prefetch(c + t->columns - 1, 1);
        multiply(t, sum, at, 1, rows, vectors, packed, copies);
    }
    for (; left >= MICRO_FETCH; left -= MICRO_FETCH, ahead += (uintptr_t)t->ahead_step) {
        fetch(ahead, t->ahead_own);
        multiply(t, sum, at, MICRO_FETCH, rows, vectors, packed, copies);
    }
    for (; left > 0; left--)
        multiply(t, sum, at, 1, rows, vectors, packed, copies);
}

V_INLINE void micro(const micro_tile *t, const int rows, const int vectors, const bool packed, const bool copies)
{
    vf sum[MICRO_ROWS][MICRO_VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sum[i][j] = v_zero();
    cursor at = {.b = t->b, .copy = t->copy};
#pragma GCC unroll 16
    for (int i = 0; i < MICRO_THIRDS; i++)
        at.a[i] = 3 * i < rows ? t->a + 3 * i * (packed ? 1 : t->a_row) : t->a;
    multiply_all(t, sum, &at, rows, vectors, packed, copies);
    finish(t, sum, rows, vectors);
}

#define MICRO(name, rows, vectors, packed, copies) \
    static void name##_##rows##_##vectors(const micro_tile *t) { micro(t, rows, vectors, packed, copies); }
/* clang-format off */
#define MICROS(rows)                                                                                                    \
    MICRO(by_column, rows, 1, true, false) MICRO(by_column, rows, 2, true, false) MICRO(by_column_copy, rows, 2, true, true)  \
    MICRO(by_row, rows, 1, false, false) MICRO(by_row, rows, 2, false, false) MICRO(by_row_copy, rows, 2, false, true)
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
        {SIZES(by_column, 1), SIZES(by_column, 2)},
        {SIZES(by_row, 1), SIZES(by_row, 2)},
};
micro_kernel *const SD_LEVELED(sd__micro_copy)[2][MICRO_ROWS] = {SIZES(by_column_copy, 2), SIZES(by_row_copy, 2)};
