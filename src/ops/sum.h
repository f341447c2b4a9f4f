/*
 * sum.h -- the one order in which sonde adds floating-point numbers, at every CPU level and with any number of threads.
 *
 * A sum over a set of axes is, for each element of the result, a list of *terms* that are added like this:
 *
 *   terms   The trailing axes of x that are summed (axes of size 1 count as summed) form a *run* of consecutive indices, in
 *           row-major order of x's logical shape (never of its memory). Where there is such a run, a term is the sum of one
 *           run (below); else a term is one element. The remaining summed axes number the terms, in row-major order.
 *   groups  A group is SD_SUM_GROUP terms, the last one shorter; its terms are added one by one, starting from +0. The groups
 *           are added one by one to the total, starting from +0.
 *   run     A run is cut into blocks of SD_SUM_BLOCK elements, the last one shorter; the block sums are added one by one,
 *           starting from +0.
 *   block   SD_SUM_LANES lanes start from +0; element i of the block is added to lane i % SD_SUM_LANES, i rising. Then
 *           lane[l] += lane[l + 8] for l < 8, lane[l] += lane[l + 4] for l < 4, then 2, then 1: lane[0] is the block's sum.
 *
 * No lane is ever -0 (it starts from +0), so a vector kernel may add +0 in the lanes that a short tail leaves out. Groups and
 * blocks bound the error: 60,000 equal-sized terms lose about 1,000 roundings in the worst case instead of 60,000.
 */
#ifndef SD_OPS_SUM_H
#define SD_OPS_SUM_H

#include <stdint.h>

#define SD_SUM_LANES 16
#define SD_SUM_BLOCK 1024
#define SD_SUM_GROUP 64

#define SD_SUM_FUNCTIONS(suffix, type)                                                           \
    /* The sum of one block, n <= SD_SUM_BLOCK. */                                               \
    static inline type sd__sum_block_##suffix(const type *x, int64_t n)                          \
    {                                                                                            \
        type lane[SD_SUM_LANES] = {0};                                                           \
        int64_t i = 0;                                                                           \
        for (; i + SD_SUM_LANES <= n; i += SD_SUM_LANES)                                         \
            for (int l = 0; l < SD_SUM_LANES; l++)                                               \
                lane[l] += x[i + l];                                                             \
        for (int l = 0; i < n; i++, l++)                                                         \
            lane[l] += x[i];                                                                     \
        for (int half = SD_SUM_LANES / 2; half > 0; half /= 2)                                   \
            for (int l = 0; l < half; l++)                                                       \
                lane[l] += lane[l + half];                                                       \
        return lane[0];                                                                          \
    }                                                                                            \
    /* The sum of a run of n contiguous elements. */                                             \
    static inline type sd__sum_run_##suffix(const type *x, int64_t n)                            \
    {                                                                                            \
        type total = 0;                                                                          \
        for (int64_t i = 0; i < n; i += SD_SUM_BLOCK)                                            \
            total += sd__sum_block_##suffix(x + i, n - i < SD_SUM_BLOCK ? n - i : SD_SUM_BLOCK); \
        return total;                                                                            \
    }
SD_SUM_FUNCTIONS(f32, float)
SD_SUM_FUNCTIONS(f64, double)

#endif
