/*
 * columns.h -- sums over rows for every column at once, in the order of ops/sum.h: groups of rows, added one by one.
 *
 * One column vector of one group is one chain of additions. Where rows are short, four groups run side by side; where they
 * are long, a few rows are added along all columns before the next, so that memory is read in its order. The number of a group
 * is that of its first row, whatever part it belongs to.
 */
#ifndef SD_SIMD_COLUMNS_H
#define SD_SIMD_COLUMNS_H

#include "base/base.h"
#include "kernels/simd/level/vector.h"
#include "ops/sum.h"

/* The term that row `row` adds in the `n` columns from `column` on (at most V_LANES count). */
typedef vf v_term(const void *context, int64_t row, int64_t column, int64_t n);

/* So many columns make rows long: as many chains as four groups have, four times over. */
#define V_LONG_ROW (16 * V_LANES)

/* sums[j] = sum of the terms of the rows [from,to), ROWS at a time. */
V_INLINE void v_sum_long_rows(float *sums, int64_t width, int64_t from, int64_t to, v_term *const term, const void *context)
{
    enum { ROWS = 4 };
    for (int64_t i = from; i < to; i += ROWS) {
        const int64_t rows = SD_MIN(to - i, ROWS);
        for (int64_t j = 0; j < width; j += V_LANES) {
            const int64_t n = width - j;
            vf sum = i == from ? v_zero() : v_load_n(sums + j, n);
            if (rows == ROWS && n >= V_LANES)
#pragma GCC unroll 4
                for (int64_t r = 0; r < ROWS; r++)
                    sum = sum + term(context, i + r, j, V_LANES);
            else
                for (int64_t r = 0; r < rows; r++)
                    sum = sum + term(context, i + r, j, n);
            v_store_n(sums + j, sum, n);
        }
    }
}

/* Up to four groups of short rows. */
V_INLINE void v_sum_short_rows(float *sums, int64_t width, int64_t rows, int64_t group, int64_t groups, v_term *const term,
                               const void *context)
{
    const int64_t from = group * SD_SUM_GROUP;
    const bool whole = groups == 4 && from + 4 * SD_SUM_GROUP <= rows;
    for (int64_t j = 0; j < width; j += V_LANES) {
        const int64_t n = width - j;
        vf sum[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
        if (whole && n >= V_LANES)
            for (int64_t i = from; i < from + SD_SUM_GROUP; i++)
#pragma GCC unroll 4
                for (int g = 0; g < 4; g++)
                    sum[g] = sum[g] + term(context, i + g * SD_SUM_GROUP, j, V_LANES);
        else
            for (int64_t g = 0; g < groups; g++)
                for (int64_t i = from + g * SD_SUM_GROUP; i < SD_MIN(from + (g + 1) * SD_SUM_GROUP, rows); i++)
                    sum[g] = sum[g] + term(context, i, j, n);
        for (int64_t g = 0; g < groups; g++)
            v_store_n(sums + g * width + j, sum[g], n);
    }
}

/*
 * sums[(g - first) * width + j] = sum of the terms of group g in column j, for the groups [first,last) of `rows` rows.
 */
V_INLINE void v_group_sums(float *sums, int64_t width, int64_t rows, int64_t first, int64_t last, v_term *const term,
                           const void *context)
{
    if (width >= V_LONG_ROW)
        for (int64_t g = first; g < last; g++, sums += width)
            v_sum_long_rows(sums, width, g * SD_SUM_GROUP, SD_MIN((g + 1) * SD_SUM_GROUP, rows), term, context);
    else
        for (int64_t g = first; g < last; g += 4, sums += 4 * width)
            v_sum_short_rows(sums, width, rows, g, SD_MIN(last - g, 4), term, context);
}

/* total[j] = the groups' sums, one after the other from +0. */
V_INLINE void v_add_groups(float *total, const float *sums, int64_t width, int64_t groups)
{
    for (int64_t j = 0; j < width; j += V_LANES) {
        vf sum = v_zero();
        for (int64_t g = 0; g < groups; g++)
            sum = sum + v_load_n(sums + g * width + j, width - j);
        v_store_n(total + j, sum, width - j);
    }
}

static inline int64_t v_groups(int64_t rows) { return (rows + SD_SUM_GROUP - 1) / SD_SUM_GROUP; }

#endif
