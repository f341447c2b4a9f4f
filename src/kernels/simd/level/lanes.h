/*
 * lanes.h -- sums and maxima of contiguous floats in 16 lanes, whatever the width of a vector: the order of ops/sum.h.
 *
 * Vector number j of a run goes to accumulator j % V_PARTS, so lane l of the 16 gets the elements l, l + 16, l + 32, ... at
 * every CPU level.
 */
#ifndef SD_SIMD_LANES_H
#define SD_SIMD_LANES_H

#include "kernels/simd/level/vector.h"
#include "ops/sum.h"

#define V_PARTS (SD_SUM_LANES / V_LANES)

typedef struct v_lanes {
    vf part[V_PARTS];
} v_lanes;

V_INLINE v_lanes v_lanes_of(float x)
{
    v_lanes s;
#pragma GCC unroll 4
    for (int p = 0; p < V_PARTS; p++)
        s.part[p] = v_set(x);
    return s;
}

/* lane[l] += lane[l + 8], then + 4, 2, 1: lane[0]. */
V_INLINE float v_lanes_sum(v_lanes s)
{
    float lane[SD_SUM_LANES];
#pragma GCC unroll 4
    for (int p = 0; p < V_PARTS; p++)
        v_store(lane + p * V_LANES, s.part[p]);
#pragma GCC unroll 4
    for (int half = SD_SUM_LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

/* The larger; a NaN counts as largest. */
V_INLINE vf v_larger(vf best, vf x) { return v_select(v_lt(best, x) | v_is_nan(x), x, best); }

V_INLINE float v_lanes_max(v_lanes s)
{
    float lane[SD_SUM_LANES];
#pragma GCC unroll 4
    for (int p = 0; p < V_PARTS; p++)
        v_store(lane + p * V_LANES, s.part[p]);
#pragma GCC unroll 4
    for (int half = SD_SUM_LANES / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int l = 0; l < half; l++)
            lane[l] = (lane[l] < lane[l + half]) | (lane[l + half] != lane[l + half]) ? lane[l + half] : lane[l];
    return lane[0];
}

/* Up to V_LANES elements; the lanes behind them get `fill`. */
V_INLINE vf v_load_or(const float *p, int64_t n, vf fill)
{
    static const int32_t count[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    if (n >= V_LANES)
        return v_load(p);
    return v_select(v_lti(v_loadi(count), v_seti((int32_t)n)), v_load_part(p, n), fill);
}

/*
 * Runs over n elements in steps of 16: BODY sees p (which accumulator), i (first element) and left (how many there are, at
 * most V_LANES of which count). Steps in which left <= 0 are left out.
 */
#define V_EACH(n, i, left, p, ...)                                       \
    for (int64_t i##_base = 0; i##_base < (n); i##_base += SD_SUM_LANES) \
        for (int p = 0; p < V_PARTS; p++) {                              \
            const int64_t i = i##_base + p * V_LANES, left = (n)-i;      \
            if (left > 0) {                                              \
                __VA_ARGS__                                              \
            }                                                            \
        }

/* Maximum of n >= 1 floats. */
V_INLINE float v_max_run(const float *x, int64_t n)
{
    v_lanes best = v_lanes_of(-__builtin_inff());
    V_EACH(n, i, left, p, best.part[p] = v_larger(best.part[p], v_load_or(x + i, left, v_set(-__builtin_inff())));)
    return v_lanes_max(best);
}

/* Sum of one block of ops/sum.h, n <= SD_SUM_BLOCK. */
V_INLINE float v_sum_block(const float *x, int64_t n)
{
    v_lanes s = v_lanes_of(0);
    V_EACH(n, i, left, p, s.part[p] = s.part[p] + v_load_n(x + i, left);)
    return v_lanes_sum(s);
}

V_INLINE float v_sum_run(const float *x, int64_t n)
{
    float total = 0;
    for (int64_t i = 0; i < n; i += SD_SUM_BLOCK)
        total += v_sum_block(x + i, n - i < SD_SUM_BLOCK ? n - i : SD_SUM_BLOCK);
    return total;
}

#endif
