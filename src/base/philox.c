/* philox.c -- Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"), and a stream over it. */
#include "base/philox.h"

#include <math.h>

static void multiply(uint32_t a, uint32_t b, uint32_t *high, uint32_t *low)
{
    uint64_t product = (uint64_t)a * b;
    *high = (uint32_t)(product >> 32);
    *low = (uint32_t)product;
}

sd_philox sd__philox(uint64_t key, const uint32_t counter[4])
{
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    for (int round = 0; round < 10; round++) {
        uint32_t high0, low0, high1, low1;
        multiply(0xD2511F53u, c0, &high0, &low0);
        multiply(0xCD9E8D57u, c2, &high1, &low1);
        c0 = high1 ^ c1 ^ k0;
        c2 = high0 ^ c3 ^ k1;
        c1 = low1;
        c3 = low0;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    return (sd_philox){{c0, c1, c2, c3}};
}

sd_random sd__random(uint64_t seed, uint64_t stream) { return (sd_random){.key = seed, .stream = stream}; }

/* The 128-bit block that holds word number `position` of the stream. */
static sd_philox block(sd_random *random)
{
    uint64_t index = random->position / 4;
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32), (uint32_t)random->stream,
                                 (uint32_t)(random->stream >> 32)};
    if (random->block != index + 1) {
        random->words = sd__philox(random->key, counter);
        random->block = index + 1;
    }
    return random->words;
}

uint32_t sd__random_u32(sd_random *random)
{
    sd_philox words = block(random);
    return words.word[random->position++ % 4];
}

/* Skips to a multiple of `words`, so that what follows lies in one block: one evaluation of Philox instead of several. */
static sd_philox take(sd_random *random, unsigned words, unsigned *first)
{
    random->position = (random->position + words - 1) / words * words;
    sd_philox result = block(random);
    *first = random->position % 4;
    random->position += words;
    return result;
}

static uint64_t draw64(sd_random *random)
{
    unsigned i;
    sd_philox r = take(random, 2, &i);
    return (uint64_t)r.word[i] << 32 | r.word[i + 1];
}

/* The lowest 2^64 mod bound draws are refused: what is left is a multiple of bound. */
uint64_t sd__random_below(sd_random *random, uint64_t bound)
{
    uint64_t refused = -bound % bound, draw;
    do
        draw = draw64(random);
    while (draw < refused);
    return draw % bound;
}

double sd__random_uniform(sd_random *random)
{
    unsigned i;
    sd_philox r = take(random, 2, &i);
    return sd__unit_f64(r.word[i], r.word[i + 1]);
}

/* 1 - u lies in (0,1], where the logarithm is finite. The second number of the pair is dropped: the stream keeps no state. */
double sd__random_normal(sd_random *random)
{
    unsigned i;
    sd_philox r = take(random, 4, &i);
    double radius = sqrt(-2 * log(1 - sd__unit_f64(r.word[0], r.word[1])));
    return radius * cos(6.283185307179586477 * sd__unit_f64(r.word[2], r.word[3]));
}
