/*
 * random.h -- which random number belongs to which element.
 *
 * Element e of a sample comes from the Philox block with key `key` and counter (step, sample id, e / 4 low, e / 4 high):
 * word e % 4 is its number. f64 takes 32 further bits from the same place under another key, below those of f32, so that both
 * types draw the same numbers up to rounding and a dropout mask does not depend on the type.
 * Normal numbers are made in pairs: elements 2k and 2k + 1 are r cos t and r sin t, r = sqrt(-2 log(1 - u)), t = 2 pi v, where
 * u and v are the uniform numbers of these two elements.
 */
#ifndef SD_OPS_RANDOM_H
#define SD_OPS_RANDOM_H

#include <sonde/tensor.h>

#include "base/philox.h"

/* The attribute of random_uniform and random_normal. */
typedef struct sd_random_attr {
    uint64_t key;
    int64_t dtype, rank, inner[SD_MAX_RANK]; /* shape of one sample; the unused tail is 0 */
} sd_random_attr;

#define SD_RANDOM_LOW_BITS 0x9e3779b97f4a7c15ull /* added to the key for the low bits of f64 */

static inline sd_philox sd__random_block(uint64_t key, int32_t step, int32_t id, int64_t block)
{
    const uint32_t counter[4] = {(uint32_t)step, (uint32_t)id, (uint32_t)block, (uint32_t)((uint64_t)block >> 32)};
    return sd__philox(key, counter);
}

#endif
