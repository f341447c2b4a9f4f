/* philox.h -- Philox 4x32-10: 128 random bits as a pure function of a 128-bit counter and a 64-bit key (Salmon et al. 2011). */
#ifndef SD_BASE_PHILOX_H
#define SD_BASE_PHILOX_H

#include "base/base.h"

typedef struct sd_philox {
    uint32_t word[4];
} sd_philox;

sd_philox sd__philox(uint64_t key, const uint32_t counter[4]);

/* A stream of numbers over that function, for host code (initialisers, shuffles, synthetic data). */
typedef struct sd_random {
    uint64_t key;
    uint64_t stream, position;
    uint64_t block; /* which one `words` are, from 1; 0: none. What was computed last serves the draws that lie in it. */
    sd_philox words;
} sd_random;

sd_random sd__random(uint64_t seed, uint64_t stream);
uint32_t sd__random_u32(sd_random *random);
uint64_t sd__random_below(sd_random *random, uint64_t bound); /* uniform in [0,bound), unbiased; bound > 0 */
double sd__random_uniform(sd_random *random);                 /* [0,1), 53 bits */
double sd__random_normal(sd_random *random);                  /* Box-Muller */

/* A uniform number in [0,1) from one word, exact in float: the top 24 bits. */
static inline float sd__unit_f32(uint32_t word) { return (float)(word >> 8) * 0x1p-24f; }
static inline double sd__unit_f64(uint32_t high, uint32_t low)
{
    return (double)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53;
}

#endif
