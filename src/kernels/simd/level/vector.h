/*
 * vector.h -- vectors of floats at the width of the CPU level that a file is compiled for: 4, 8 or 16 lanes.
 *
 * Kernels of this folder are written once in these terms and compiled three times. Everything here rounds as one IEEE operation
 * a lane, so a kernel gives the same bits at every level, unless it calls v_fma(), which rounds once where the level has FMA
 * (v3, v4) and twice where it has not.
 */
#ifndef SD_SIMD_VECTOR_H
#define SD_SIMD_VECTOR_H

#include <immintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SD_LEVELED(name) is name_v2, name_v3 or name_v4. */
#define SD_LEVELED_2(name, level) name##_##level
#define SD_LEVELED_1(name, level) SD_LEVELED_2(name, level)
#define SD_LEVELED(name) SD_LEVELED_1(name, SD_LEVEL)
#define SD_TEXT_1(text) #text
#define SD_TEXT(text) SD_TEXT_1(text)
/* "name_v4": what profiles call a kernel. */
#define SD_LEVELED_NAME(name) name "_" SD_TEXT(SD_LEVEL)

/* Vectors are passed between functions of one file only, all of them inlined: no calling convention is at stake. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define V_INLINE static inline __attribute__((always_inline, unused))

#if defined(SD_LEVEL_v4)
#define V_LANES 16
#elif defined(SD_LEVEL_v3)
#define V_LANES 8
#else
#define V_LANES 4
#endif

typedef float vf __attribute__((vector_size(4 * V_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * V_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * V_LANES)));
typedef double vd __attribute__((vector_size(4 * V_LANES))); /* half as many lanes */
typedef int64_t vl __attribute__((vector_size(4 * V_LANES)));
typedef uint64_t vw __attribute__((vector_size(4 * V_LANES)));
typedef vf vf_unaligned __attribute__((aligned(4), may_alias));
typedef vi vi_unaligned __attribute__((aligned(4), may_alias));

/* A condition a lane. */
#if defined(SD_LEVEL_v4)
typedef __mmask16 vm;
#else
typedef vi vm; /* -1 or 0 */
#endif

V_INLINE vf v_set(float x) { return x - (vf){0}; }
V_INLINE vi v_seti(int32_t x) { return x - (vi){0}; }
V_INLINE vf v_zero(void) { return (vf){0}; }
V_INLINE vf v_load(const float *p) { return *(const vf_unaligned *)p; }
V_INLINE void v_store(float *p, vf x) { *(vf_unaligned *)p = x; }
V_INLINE vi v_loadi(const int32_t *p) { return *(const vi_unaligned *)p; }
V_INLINE void v_storei(int32_t *p, vi x) { *(vi_unaligned *)p = x; }
V_INLINE vf v_from_int(vi x) { return __builtin_convertvector(x, vf); }

/* ---- what differs between levels ---------------------------------------------------------------------------------- */

#if defined(SD_LEVEL_v4)

/* The first n lanes, 0 <= n < V_LANES; nothing behind them is touched. Lanes not loaded are 0. */
V_INLINE vf v_load_part(const float *p, int64_t n) { return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
V_INLINE void v_store_part(float *p, vf x, int64_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)x); }
V_INLINE vi v_loadi_part(const int32_t *p, int64_t n) { return (vi)_mm512_maskz_loadu_epi32((__mmask16)((1u << n) - 1), p); }
V_INLINE void v_storei_part(int32_t *p, vi x, int64_t n)
{
    _mm512_mask_storeu_epi32(p, (__mmask16)((1u << n) - 1), (__m512i)x);
}

V_INLINE vf v_select(vm m, vf a, vf b) { return (vf)_mm512_mask_blend_ps(m, (__m512)b, (__m512)a); }
V_INLINE vi v_selecti(vm m, vi a, vi b) { return (vi)_mm512_mask_blend_epi32(m, (__m512i)b, (__m512i)a); }
V_INLINE vm v_lt(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LT_OQ); }
V_INLINE vm v_le(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_LE_OQ); }
V_INLINE vm v_eq(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_EQ_OQ); }
V_INLINE vm v_ne(vf a, vf b) { return _mm512_cmp_ps_mask((__m512)a, (__m512)b, _CMP_NEQ_UQ); }
V_INLINE vm v_lti(vi a, vi b) { return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b); }
V_INLINE vm v_eqi(vi a, vi b) { return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b); }
V_INLINE vm v_not(vm a) { return (vm)~a; }
V_INLINE bool v_any(vm a) { return a != 0; }
V_INLINE vf v_sqrt(vf x) { return (vf)_mm512_sqrt_ps((__m512)x); }
V_INLINE vf v_fma(vf a, vf b, vf c) { return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
V_INLINE vd v_low_f64(vf x) { return (vd)_mm512_cvtps_pd(_mm512_castps512_ps256((__m512)x)); }
V_INLINE vd v_high_f64(vf x) { return (vd)_mm512_cvtps_pd(_mm512_extractf32x8_ps((__m512)x, 1)); }
V_INLINE vf v_from_f64(vd low, vd high)
{
    return (vf)_mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps((__m512d)low)), _mm512_cvtpd_ps((__m512d)high), 1);
}

#else

#if defined(SD_LEVEL_v3)
V_INLINE vi v_first(int64_t n) { return (vi){0, 1, 2, 3, 4, 5, 6, 7} < (int32_t)n; }
V_INLINE vf v_load_part(const float *p, int64_t n) { return (vf)_mm256_maskload_ps(p, (__m256i)v_first(n)); }
V_INLINE void v_store_part(float *p, vf x, int64_t n) { _mm256_maskstore_ps(p, (__m256i)v_first(n), (__m256)x); }
V_INLINE vi v_loadi_part(const int32_t *p, int64_t n) { return (vi)_mm256_maskload_epi32(p, (__m256i)v_first(n)); }
V_INLINE void v_storei_part(int32_t *p, vi x, int64_t n) { _mm256_maskstore_epi32(p, (__m256i)v_first(n), (__m256i)x); }
V_INLINE vf v_select(vm m, vf a, vf b) { return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m); }
V_INLINE bool v_any(vm a) { return _mm256_movemask_epi8((__m256i)a) != 0; }
V_INLINE vf v_sqrt(vf x) { return (vf)_mm256_sqrt_ps((__m256)x); }
V_INLINE vf v_fma(vf a, vf b, vf c) { return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
V_INLINE vd v_low_f64(vf x) { return (vd)_mm256_cvtps_pd(_mm256_castps256_ps128((__m256)x)); }
V_INLINE vd v_high_f64(vf x) { return (vd)_mm256_cvtps_pd(_mm256_extractf128_ps((__m256)x, 1)); }
V_INLINE vf v_from_f64(vd low, vd high)
{
    return (vf)_mm256_set_m128(_mm256_cvtpd_ps((__m256d)high), _mm256_cvtpd_ps((__m256d)low));
}
#else
V_INLINE vf v_load_part(const float *p, int64_t n)
{
    vf x = {0};
    for (int64_t i = 0; i < n; i++)
        x[i] = p[i];
    return x;
}
V_INLINE void v_store_part(float *p, vf x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = x[i];
}
V_INLINE vi v_loadi_part(const int32_t *p, int64_t n)
{
    vi x = {0};
    for (int64_t i = 0; i < n; i++)
        x[i] = p[i];
    return x;
}
V_INLINE void v_storei_part(int32_t *p, vi x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        p[i] = x[i];
}
V_INLINE vf v_select(vm m, vf a, vf b) { return (vf)_mm_blendv_ps((__m128)b, (__m128)a, (__m128)m); }
V_INLINE bool v_any(vm a) { return _mm_movemask_epi8((__m128i)a) != 0; }
V_INLINE vf v_sqrt(vf x) { return (vf)_mm_sqrt_ps((__m128)x); }
V_INLINE vf v_fma(vf a, vf b, vf c) { return a * b + c; }
V_INLINE vd v_low_f64(vf x) { return (vd)_mm_cvtps_pd((__m128)x); }
V_INLINE vd v_high_f64(vf x) { return (vd)_mm_cvtps_pd(_mm_movehl_ps((__m128)x, (__m128)x)); }
V_INLINE vf v_from_f64(vd low, vd high) { return (vf)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)low), _mm_cvtpd_ps((__m128d)high)); }
#endif

V_INLINE vi v_selecti(vm m, vi a, vi b) { return (vi)v_select(m, (vf)a, (vf)b); }
V_INLINE vm v_lt(vf a, vf b) { return a < b; }
V_INLINE vm v_le(vf a, vf b) { return a <= b; }
V_INLINE vm v_eq(vf a, vf b) { return a == b; }
V_INLINE vm v_ne(vf a, vf b) { return a != b; }
V_INLINE vm v_lti(vi a, vi b) { return a < b; }
V_INLINE vm v_eqi(vi a, vi b) { return a == b; }
V_INLINE vm v_not(vm a) { return ~a; }
#endif

/* ---- made of the above ----------------------------------------------------------------------------------------------- */

V_INLINE vf v_load_n(const float *p, int64_t n) { return n >= V_LANES ? v_load(p) : v_load_part(p, n); }
V_INLINE void v_store_n(float *p, vf x, int64_t n)
{
    if (n >= V_LANES)
        v_store(p, x);
    else
        v_store_part(p, x, n);
}
V_INLINE vf v_abs(vf x) { return (vf)((vi)x & 0x7fffffff); }
V_INLINE vf v_sign_of(vf x) { return (vf)((vi)x & (int32_t)0x80000000); } /* 0 or -0 */
V_INLINE vf v_with_sign(vf x, vf sign) { return (vf)((vi)x | ((vi)sign & (int32_t)0x80000000)); }
V_INLINE vm v_is_nan(vf x) { return v_ne(x, x); }

/*
 * v_fma(a, b, c) in c's own register: in an unrolled loop gcc 12 would keep a sum in one register now and in another then, and with
 * the 16 of v2 and v3 in memory at times.
 */
V_INLINE vf v_add_product(vf c, vf a, vf b)
{
#if defined(SD_LEVEL_v3)
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
#else
    c = v_fma(a, b, c);
#endif
#if defined(SD_LEVEL_v2)
    __asm__("" : "+x"(c));
#endif
    return c;
}

/* max(x, 0) and its slope, which at 0 is 0; NaN remains. */
V_INLINE vf v_relu(vf x) { return v_select(v_le(x, v_zero()), v_zero(), x); }
V_INLINE vf v_step(vf x) { return v_select(v_lt(v_zero(), x), v_set(1), v_select(v_is_nan(x), x, v_zero())); }

/* To nearest even; |x| < 2^22. The sum has no bits below 1, and the number is in its lowest ones. */
#define V_ROUNDER 0x1.8p23f
V_INLINE vf v_round(vf x, vi *whole)
{
    vf shifted = x + V_ROUNDER;
    *whole = (vi)((vu)shifted - (vu)v_set(V_ROUNDER));
    return shifted - V_ROUNDER;
}

#endif
