/* bytes.c -- bytes to numbers through a table of 256: by the vector where the level can gather. */
#include "kernels/simd/bytes.h"

#include "kernels/simd/level/vector.h"

#if defined(SD_LEVEL_v4)
V_INLINE vf look_up(const float *table, const uint8_t *in)
{
    return (vf)_mm512_i32gather_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)in)), table, sizeof *table);
}
#elif defined(SD_LEVEL_v3)
V_INLINE vf look_up(const float *table, const uint8_t *in)
{
    return (vf)_mm256_i32gather_ps(table, _mm256_cvtepu8_epi32(_mm_loadu_si64(in)), sizeof *table);
}
#else
V_INLINE vf look_up(const float *table, const uint8_t *in)
{
    return (vf){table[in[0]], table[in[1]], table[in[2]], table[in[3]]};
}
#endif

void SD_LEVELED(sd__look_up_f32)(const float *table, const uint8_t *in, float *out, int64_t n)
{
    int64_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES)
        v_store(out + i, look_up(table, in + i));
    for (; i < n; i++)
        out[i] = table[in[i]];
}
