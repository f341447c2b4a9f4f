/* row.c -- one row times a matrix: what is left of a matrix product at batch 1, and what is done to finished sums. */
#include "kernels/simd/level/row.h"

#include "base/base.h"
#include "base/cpu.h"

/* Columns of c that stay in the first cache while the rows of b go by. */
enum { STREAM_COLUMNS = 2048 };

/* Rows that `stream` reads side by side, and how far ahead: the hardware stops where a page ends, often that is with a row. */
enum { STREAM_ROWS = 4, STREAM_AHEAD = 8 * V_LANES };

/* So few columns that what is added to c in memory would wait for the addition before. */
enum { FEW_COLUMNS = 3 * V_LANES };

/* Some rows of b side by side, and what they are multiplied by. */
typedef struct stream {
    const float *b;
    int64_t b_step;
    vf factor[STREAM_ROWS];
} stream;

/* c[begin..end) = (or +=) sum of factor[i] b[i][begin..end), in whole vectors; lines `ahead` floats behind are fetched. */
V_INLINE void stream_whole(float *c, const stream *s, int64_t begin, int64_t end, int64_t ahead, const int rows, const bool add)
{
    const uintptr_t row = (uintptr_t)s->b_step * sizeof *c, next = (uintptr_t)ahead * sizeof *c;
    for (int64_t j = begin; j < end; j += V_LANES) {
        vf sum = add ? v_load(c + j) : v_zero();
        uintptr_t from = (uintptr_t)(s->b + j);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) {
            if (rows == STREAM_ROWS)
                __builtin_prefetch((const void *)(from + (uintptr_t)i * row + next));
            sum = v_fma(s->factor[i], v_load((const float *)(from + (uintptr_t)i * row)), sum);
        }
        v_store(c + j, sum);
    }
}

/* c[0..n) = (or +=) sum of a[i] b[i][0..n) over `rows` <= STREAM_ROWS rows of b */
V_INLINE void stream_rows(float *c, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n, const int rows,
                          const bool add)
{
    stream s = {.b = b, .b_step = b_step};
    const int64_t whole = n / V_LANES * V_LANES, near = SD_MAX(whole - STREAM_AHEAD, 0);
    for (int i = 0; i < rows; i++)
        s.factor[i] = v_set(a[i * a_step]);
    stream_whole(c, &s, 0, near, STREAM_AHEAD, rows, add);
    stream_whole(c, &s, near, whole, STREAM_ROWS * b_step - near, rows, add); /* ahead: the rows that follow, if any */
    if (whole == n)
        return;
    vf sum = add ? v_load_part(c + whole, n - whole) : v_zero();
    for (int i = 0; i < rows; i++)
        sum = v_fma(s.factor[i], v_load_part(b + i * b_step + whole, n - whole), sum);
    v_store_part(c + whole, sum, n - whole);
}

/* A vector of columns, or the first n of it: four sums in registers, so that hardly a multiply-add waits for the one before. */
V_INLINE vf stream_vector(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n, int64_t k)
{
    vf sum[STREAM_ROWS];
    int64_t i = 0;
    for (int r = 0; r < STREAM_ROWS; r++)
        sum[r] = v_zero();
    for (; i + STREAM_ROWS <= k; i += STREAM_ROWS)
#pragma GCC unroll 4
        for (int r = 0; r < STREAM_ROWS; r++)
            sum[r] = v_fma(v_set(a[(i + r) * a_step]), v_load_n(b + (i + r) * b_step, n), sum[r]);
    for (; i < k; i++)
        sum[0] = v_fma(v_set(a[i * a_step]), v_load_n(b + i * b_step, n), sum[0]);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

void SD_LEVELED(sd__row_stream)(float *c, const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n, int64_t k)
{
    for (int64_t j = 0; j < n && n <= FEW_COLUMNS; j += V_LANES)
        v_store_n(c + j, stream_vector(a, a_step, b + j, b_step, n - j, k), n - j);
    for (int64_t j = 0; j < n && n > FEW_COLUMNS; j += STREAM_COLUMNS) {
        const int64_t columns = SD_MIN(n - j, STREAM_COLUMNS);
        int64_t i = k < STREAM_ROWS ? 1 : STREAM_ROWS;
        if (k < STREAM_ROWS)
            stream_rows(c + j, a, a_step, b + j, b_step, columns, 1, false);
        else
            stream_rows(c + j, a, a_step, b + j, b_step, columns, STREAM_ROWS, false);
        for (; i + STREAM_ROWS <= k; i += STREAM_ROWS)
            stream_rows(c + j, a + i * a_step, a_step, b + i * b_step + j, b_step, columns, STREAM_ROWS, true);
        for (; i < k; i++)
            stream_rows(c + j, a + i * a_step, a_step, b + i * b_step + j, b_step, columns, 1, true);
    }
}

/*
 * v4: a Zen 4 fetches ahead by itself as fast as its third cache gives; from 384 bytes on, on some machines from 640, being told to
 * costs 1.3 times the time. A Zen 5 reads from its third cache 7 % faster by any distance from 640 bytes to 4 KB; 512 are worse than
 * none. v3, v2: a Zen 3 reads 5 % faster by 1 KB, and 2 KB, than by 512 bytes.
 */
int SD_LEVELED(sd__row_ahead)(void)
{
#if defined(SD_LEVEL_v4)
    const unsigned family = sd__cpu_amd_family();
    return family >= 26 ? 1024 : family ? 0 : 512;
#else
    return 1024;
#endif
}

enum { FETCH_LANES = 64 / sizeof(float) };

V_INLINE void row_panel(float *c, const float *a, int64_t a_step, const float *b, int64_t n, int64_t k, int ahead,
                        const int vectors, const bool fetches)
{
    vf sum[ROW_VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        sum[v] = v_zero();
    for (int64_t i = 0; i < k; i++, b += vectors * V_LANES) {
        vf factor = v_set(a[i * a_step]);
#pragma GCC unroll 8
        for (int v = 0; v < vectors; v++) {
            if (fetches && v * V_LANES % FETCH_LANES == 0)
                __builtin_prefetch((const void *)((uintptr_t)(b + v * V_LANES) + (uintptr_t)ahead));
            sum[v] = v_fma(factor, v_load(b + v * V_LANES), sum[v]);
        }
    }
#pragma GCC unroll 8
    for (int v = 0; v < vectors; v++)
        v_store_n(c + v * V_LANES, sum[v], n - v * V_LANES);
}

void SD_LEVELED(sd__row_panel)(float *c, const float *a, int64_t a_step, const float *b, int vectors, int64_t n, int64_t k,
                               int ahead)
{
#define PANEL(vectors_)                                              \
    case vectors_:                                                   \
        if (ahead)                                                   \
            row_panel(c, a, a_step, b, n, k, ahead, vectors_, true); \
        else                                                         \
            row_panel(c, a, a_step, b, n, k, 0, vectors_, false);    \
        break
    switch (vectors) {
        PANEL(1);
        PANEL(2);
        PANEL(3);
        PANEL(4);
        PANEL(5);
        PANEL(6);
        PANEL(7);
        PANEL(8);
    }
#undef PANEL
}

/* The lanes of x added by halves. */
static float add_lanes(vf x)
{
    float lane[V_LANES];
    v_store(lane, x);
    for (int half = V_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* c[j] = a . column j of b, for `columns` <= 4 columns at once */
V_INLINE void dot_columns(float *c, const float *a, const float *b, int64_t b_column, int64_t k, const int columns)
{
    vf sum[4][2];
    for (int j = 0; j < columns; j++)
        sum[j][0] = sum[j][1] = v_zero();
    int64_t i = 0;
    for (; i + 2 * V_LANES <= k; i += 2 * V_LANES)
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            vf x = v_load(a + i + half * V_LANES);
#pragma GCC unroll 4
            for (int j = 0; j < columns; j++)
                sum[j][half] = v_fma(x, v_load(b + j * b_column + i + half * V_LANES), sum[j][half]);
        }
    for (; i < k; i += V_LANES) {
        vf x = v_load_n(a + i, k - i);
#pragma GCC unroll 4
        for (int j = 0; j < columns; j++)
            sum[j][0] = v_fma(x, v_load_n(b + j * b_column + i, k - i), sum[j][0]);
    }
    for (int j = 0; j < columns; j++)
        c[j] = add_lanes(sum[j][0] + sum[j][1]);
}

void SD_LEVELED(sd__row_dot)(float *c, const float *a, const float *b, int64_t b_column, int64_t n, int64_t k)
{
    int64_t j = 0;
    for (; j + 4 <= n; j += 4)
        dot_columns(c + j, a, b + j * b_column, b_column, k, 4);
    for (; j < n; j++)
        dot_columns(c + j, a, b + j * b_column, b_column, k, 1);
}

void SD_LEVELED(sd__row_finish)(float *c, const float *bias, bool clip, const float *slope, int64_t n)
{
    for (int64_t j = 0; j < n; j += V_LANES) {
        vf sum = v_load_n(c + j, n - j);
        if (bias)
            sum = sum + v_load_n(bias + j, n - j);
        if (clip)
            sum = v_relu(sum);
        if (slope)
            sum *= v_step(v_load_n(slope + j, n - j));
        v_store_n(c + j, sum, n - j);
    }
}
