/* tile.c -- the elementwise ops on tiles of floats. NaN, infinities and zeros do as the ops' records say. */
#include "kernels/simd/level/tile.h"

#include <sonde/ops.h>

#include "kernels/simd/level/level.h"
#include "kernels/simd/level/math.h"

SD_VECTOR_TILE2(tile_add, a + b)
SD_VECTOR_TILE2(tile_sub, a - b)
SD_VECTOR_TILE2(tile_mul, (a * b))
SD_VECTOR_TILE2(tile_div, a / b)
SD_VECTOR_TILE2(tile_min, v_select(v_le(a, b) | v_is_nan(a), a, b))
SD_VECTOR_TILE2(tile_max, v_select(v_le(b, a) | v_is_nan(a), a, b))
SD_VECTOR_TILE2(tile_pow, v_pow(a, b))

SD_VECTOR_TILE1(tile_neg, -a)
SD_VECTOR_TILE1(tile_relu, v_relu(a))
SD_VECTOR_TILE1(tile_step, v_step(a))
SD_VECTOR_TILE1(tile_abs, v_abs(a))
SD_VECTOR_TILE1(tile_sign,
                v_select(v_ne(a, v_zero()) & v_eq(a, a), v_with_sign(v_set(1), a), v_select(v_is_nan(a), a, v_zero())))
SD_VECTOR_TILE1(tile_sqrt, v_sqrt(a))
SD_VECTOR_TILE1(tile_rsqrt, 1.0f / v_sqrt(a))
SD_VECTOR_TILE1(tile_exp, v_exp(a))
SD_VECTOR_TILE1(tile_log, v_log(a))
SD_VECTOR_TILE1(tile_log1p, v_log1p(a))
SD_VECTOR_TILE1(tile_tanh, v_tanh(a))
SD_VECTOR_TILE1(tile_sigmoid, v_sigmoid(a))
SD_VECTOR_TILE1(tile_erf, v_erf(a))
SD_VECTOR_TILE1(tile_sin, v_sin(a))
SD_VECTOR_TILE1(tile_cos, v_cos(a))

/*
 * What changes the element size is left to the compiler's vectoriser. ivdep: where the result is the memory of an operand,
 * element i stands at or before its place there, so no later element is lost.
 */
#define COMPARE(name, sign)                                                        \
    static void name(size_t n, const float *a, const float *b, uint8_t *y)         \
    {                                                                              \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) y[i] = a[i] sign b[i]; \
    }
COMPARE(compare_eq, ==)
COMPARE(compare_ne, !=)
COMPARE(compare_lt, <)
COMPARE(compare_le, <=)
COMPARE(compare_gt, >)
COMPARE(compare_ge, >=)

/* attr of compare: int64_t, a sd_comparison */
static void tile_compare(size_t n, const void *const *in, void *out, const void *attr)
{
    static void (*const compare[])(size_t, const float *, const float *,
                                   uint8_t *) = {[SD_EQ] = compare_eq, [SD_NE] = compare_ne, [SD_LT] = compare_lt,
                                                 [SD_LE] = compare_le, [SD_GT] = compare_gt, [SD_GE] = compare_ge};
    compare[*(const int64_t *)attr](n, in[0], in[1], out);
}

static void tile_select(size_t n, const void *const *in, void *out, const void *attr)
{
    const uint8_t *condition = in[0];
    const float *a = in[1], *b = in[2];
    float *y = out;
#pragma GCC ivdep
    for (size_t i = 0; i < n; i++)
        y[i] = condition[i] ? a[i] : b[i];
}

#define CAST(name, from, to, expression)                    \
    static void name(size_t n, const void *in, void *out)   \
    {                                                       \
        const from *x = in;                                 \
        to *y = out;                                        \
        _Pragma("GCC ivdep") for (size_t i = 0; i < n; i++) \
        {                                                   \
            const from a = x[i];                            \
            y[i] = (to)(expression);                        \
        }                                                   \
    }

static inline uint32_t bits_of(float x)
{
    union {
        float x;
        uint32_t bits;
    } u = {x};
    return u.bits;
}

static inline float of_bits(uint32_t bits)
{
    union {
        uint32_t bits;
        float x;
    } u = {bits};
    return u.x;
}

/* Towards zero, the nearest end outside the range, NaN to 0. Compared first, so that the conversion is defined. */
static inline float clip(float x, float lo, float hi)
{
    x = x > lo ? x : lo;
    return x < hi ? x : hi;
}

CAST(f32_to_f32, float, float, a)
CAST(f32_to_f64, float, double, a)
CAST(f32_to_u8, float, uint8_t, (int32_t)clip(a, 0, 255))
CAST(f32_to_i32, float, int32_t, a >= 0x1p31f ? INT32_MAX : (int32_t)clip(a == a ? a : 0, -0x1p31f, 0x1.fffffep30f))
CAST(f32_to_bf16, float, uint16_t, a != a ? 0x7fc0 : (bits_of(a) + 0x7fff + (bits_of(a) >> 16 & 1)) >> 16)
CAST(f64_to_f32, double, float, a)
CAST(i32_to_f32, int32_t, float, a)
CAST(u8_to_f32, uint8_t, float, a)
CAST(bf16_to_f32, uint16_t, float, of_bits((uint32_t)a << 16))

/* attr of cast: int64_t, the result's sd_dtype */
static void cast_from_f32(size_t n, const void *const *in, void *out, const void *attr)
{
    static void (*const convert[])(size_t, const void *, void *) = {
        [SD_F32] = f32_to_f32, [SD_F64] = f32_to_f64, [SD_I32] = f32_to_i32, [SD_U8] = f32_to_u8, [SD_BF16] = f32_to_bf16};
    convert[*(const int64_t *)attr](n, in[0], out);
}

#define CAST_TO_F32(name) \
    static void cast_##name(size_t n, const void *const *in, void *out, const void *attr) { name(n, in[0], out); }
CAST_TO_F32(f64_to_f32)
CAST_TO_F32(i32_to_f32)
CAST_TO_F32(u8_to_f32)
CAST_TO_F32(bf16_to_f32)

#define FIELD(name) .name = tile_##name,
const sd_simd_tiles SD_LEVELED(sd__simd_tiles) = {
    SD_SIMD_TILES(FIELD) /* each ends in a comma */
        .cast = {[SD_F32] = cast_from_f32,
                 [SD_F64] = cast_f64_to_f32,
                 [SD_I32] = cast_i32_to_f32,
                 [SD_U8] = cast_u8_to_f32,
                 [SD_BF16] = cast_bf16_to_f32},
};
