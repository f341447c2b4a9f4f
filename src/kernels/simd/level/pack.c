/* pack.c -- panels of a matrix copied together. */
#include "kernels/simd/level/pack.h"

#include <string.h>

#include "base/base.h"

/* Rows of a panel that lie consecutively already. */
static void copy_rows(float *to, int64_t width, const float *from, int64_t step, int64_t depth, int64_t columns)
{
    for (int64_t k = 0; k < depth; k++, to += width, from += step) {
        int64_t j = 0;
        for (; j + V_LANES <= columns; j += V_LANES)
            v_store(to + j, v_load(from + j));
        if (j < columns)
            v_store_n(to + j, v_load_part(from + j, columns - j), width - j);
    }
}

/* `columns` <= V_LANES columns, each consecutive along k: V_LANES values of k at a time through the registers. */
static void transpose_columns(float *to, int64_t width, const float *from, int64_t column, int64_t depth, int64_t columns,
                              int64_t room)
{
    for (int64_t k = 0; k < depth; k += V_LANES) {
        const int64_t count = depth - k < V_LANES ? depth - k : V_LANES;
        vf x[V_LANES];
#pragma GCC unroll 16
        for (int j = 0; j < V_LANES; j++)
            x[j] = j < columns ? v_load_n(from + j * column + k, count) : v_zero();
        v_transpose(x);
        if (count == V_LANES && room >= V_LANES) {
#pragma GCC unroll 16
            for (int i = 0; i < V_LANES; i++)
                v_store(to + (k + i) * width, x[i]);
        } else {
#pragma GCC unroll 16
            for (int i = 0; i < V_LANES; i++)
                if (i < count)
                    v_store_n(to + (k + i) * width, x[i], room);
        }
    }
}

static void copy_strided(float *to, int64_t width, const float *from, int64_t step, int64_t column, int64_t depth,
                         int64_t columns)
{
    for (int64_t k = 0; k < depth; k++)
        for (int64_t j = 0; j < columns; j++)
            to[k * width + j] = from[k * step + j * column];
}

/* Zeros behind the columns: up to `width` from the first column that no vector above has written. */
static void clear_columns(float *to, int64_t width, int64_t from, int64_t depth)
{
    if (from < width)
        for (int64_t k = 0; k < depth; k++)
            memset(to + k * width + from, 0, (size_t)(width - from) * sizeof *to);
}

void SD_LEVELED(sd__pack)(float *to, int64_t width, const float *from, int64_t step, int64_t column, int64_t depth,
                          int64_t columns)
{
    if (column == 1) {
        copy_rows(to, width, from, step, depth, columns);
    } else if (step == 1) {
        for (int64_t j = 0; j < columns; j += V_LANES)
            transpose_columns(to + j, width, from + j * column, column, depth, SD_MIN(columns - j, V_LANES), width - j);
    } else {
        copy_strided(to, width, from, step, column, depth, columns);
        clear_columns(to, width, columns, depth);
        return;
    }
    clear_columns(to, width, (columns + V_LANES - 1) / V_LANES * V_LANES, depth);
}
