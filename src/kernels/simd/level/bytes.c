/* bytes.c -- bytes to numbers along a line, in f64, rounded once. */
#include "kernels/simd/bytes.h"

#include <string.h>

#include "kernels/simd/level/vector.h"

#if defined(SD_LEVEL_v4)
V_INLINE vi load_bytes(const uint8_t *in) { return (vi)_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)in)); }
#elif defined(SD_LEVEL_v3)
V_INLINE vi load_bytes(const uint8_t *in) { return (vi)_mm256_cvtepu8_epi32(_mm_loadu_si64(in)); }
#else
V_INLINE vi load_bytes(const uint8_t *in)
{
    int four;
    memcpy(&four, in, sizeof four);
    return (vi)_mm_cvtepu8_epi32(_mm_cvtsi32_si128(four));
}
#endif

void SD_LEVELED(sd__bytes_f32)(double slope, double start, const uint8_t *in, float *out, int64_t n)
{
    int64_t i = 0;
    for (; i + V_LANES <= n; i += V_LANES) {
        vf x = v_from_int(load_bytes(in + i));
        v_store(out + i, v_from_f64(slope * v_low_f64(x) + start, slope * v_high_f64(x) + start));
    }
    for (; i < n; i++)
        out[i] = (float)(slope * in[i] + start);
}
