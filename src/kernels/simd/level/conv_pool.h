/* conv_pool.h -- what max pooling keeps of a window; and what conv2d_pool makes of the four sums of one, with the bits of its parts. */
#ifndef SD_SIMD_LEVEL_CONV_POOL_H
#define SD_SIMD_LEVEL_CONV_POOL_H

#include "kernels/simd/level/vector.h"

/* A NaN beats every number; the first of equals wins. `at`: h * W + w of x. */
V_INLINE void keep_larger(vf *best, vi *winner, vf x, int64_t at)
{
    const vm wins = v_lt(*best, x) | (v_is_nan(x) & v_eq(*best, *best));
    *best = v_select(wins, x, *best);
    *winner = v_selecti(wins, v_seti((int32_t)at), *winner);
}

/* A window of 2 x 2 sums whose first is number `first` of an image so wide. */
V_INLINE void pool_sums(const vf sum[4], vf bias, int64_t first, int64_t width, float *y, int32_t *index)
{
    vf best = sum[0];
    vi winner = v_seti((int32_t)first);
#pragma GCC unroll 4
    for (int i = 1; i < 4; i++)
        keep_larger(&best, &winner, sum[i], first + i / 2 * width + i % 2);
    v_store(y, v_relu(best + bias));
    v_storei(index, winner);
}

#endif
