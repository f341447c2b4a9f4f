/*
 * math.h -- exp, log, tanh, ... on vectors of floats, without FMA: the same bits at every CPU level.
 *
 * The polynomials were fitted by Remez exchange (40 digits, relative error of the function, coefficients then rounded to
 * float); the figure beside each is its largest relative error. The ulp in the comments are the largest over all 2^32 floats
 * (pow: over a dense sample) against libm in double; tests/test_simd.c holds them. Results that are denormal may be 0.
 */
#ifndef SD_SIMD_MATH_H
#define SD_SIMD_MATH_H

#include <math.h>

#include "kernels/simd/level/vector.h"

#define V_INF v_set(INFINITY)
#define V_NAN v_set(NAN)

/* 2^n for n in [-126, 127]. */
V_INLINE vf v_power_of_2(vi n) { return (vf)(((vu)n + 127) << 23); }

/* x 2^n for n in [-252, 254]: in two steps, because 2^n alone may not be a normal float. */
V_INLINE vf v_scale(vf x, vi n)
{
    vi half = n >> 1;
    return x * v_power_of_2(half) * v_power_of_2(n - half);
}

/* e^x of x in [-104, 89] or NaN. With n = round(x / ln 2): 2^n e^r, |r| <= ln(2)/2; 2^-28.3. */
V_INLINE vf v_exp_within(vf x)
{
    vi whole;
    vf n = v_round(x * 0x1.715476p+0f, &whole);
    vf r = x - n * 0x1.62ep-1f; /* ln 2 in two parts; n times the first is exact */
    r = r - n * 0x1.0bfbe8p-15f;
    vf p = r * 0x1.6a2372p-10f + 0x1.123a6cp-7f;
    p = p * r + 0x1.5558f4p-5f;
    p = p * r + 0x1.555490p-3f;
    p = p * r + 0x1.fffffcp-2f;
    return v_scale(r * r * p + r + 1.0f, whole);
}

/* e^x; 1.0 ulp. */
V_INLINE vf v_exp(vf x)
{
    x = v_select(v_lt(x, v_set(-104)), v_set(-104), x);
    x = v_select(v_lt(v_set(89), x), v_set(89), x);
    return v_exp_within(x);
}

/* log(1 + f) + e ln 2 for 1 + f in [sqrt(1/2), sqrt(2)]; 2^-30.3. */
V_INLINE vf v_log_parts(vf f, vi e)
{
    vf q = f * 0x1.145df6p-4f - 0x1.de3ed2p-4f;
    q = q * f + 0x1.e6ef22p-4f;
    q = q * f - 0x1.fc2180p-4f;
    q = q * f + 0x1.233774p-3f;
    q = q * f - 0x1.555c52p-3f;
    q = q * f + 0x1.99a4b4p-3f;
    q = q * f - 0x1.000006p-2f;
    q = q * f + 0x1.555548p-2f;
    vf square = f * f, n = v_from_int(e);
    vf tail = square * f * q + n * 0x1.0bfbe8p-15f;
    return (tail - 0.5f * square) + f + n * 0x1.62ep-1f;
}

/* The exponent e of x = m 2^e with m in [sqrt(1/2), sqrt(2)), of a normal x > 0. */
V_INLINE vi v_exponent(vf x) { return (vi)((vu)x - 0x3f3504f3) >> 23; }

/* x 2^-e, by taking e from x's exponent. */
V_INLINE vf v_take_exponent(vf x, vi e) { return (vf)((vu)x - ((vu)e << 23)); }

/* log x; 0.9 ulp. A denormal is scaled first (where the mode flushes denormals it is 0, whose logarithm is -inf). */
V_INLINE vf v_log(vf x)
{
    vm tiny = v_lt(x, v_set(0x1p-126f));
    vf scaled = v_select(tiny, x * 0x1p24f, x);
    vi e = v_exponent(scaled);
    vf f = v_take_exponent(scaled, e) - 1.0f;
    vf y = v_log_parts(f, e - v_selecti(tiny, v_seti(24), v_seti(0)));
    y = v_select(v_lt(x, V_INF), y, x); /* inf and NaN are their own logarithms */
    y = v_select(v_lt(x, v_zero()), V_NAN, y);
    return v_select(v_eq(x, v_zero()), -V_INF, y);
}

/* log(1 + x); 1.4 ulp. What 1 + x rounds away is added again after the exponent is taken off. */
V_INLINE vf v_log1p(vf x)
{
    vf u = x + 1.0f;
    vf lost = v_select(v_lt(x, v_set(1)), x - (u - 1.0f), 1.0f - (u - x));
    vi e = v_exponent(u), scale = v_selecti(v_lti(e, v_seti(127)), 127 - e, v_seti(0));
    vf f = (v_take_exponent(u, e) - 1.0f) + lost * (vf)((vu)scale << 23);
    vf y = v_log_parts(f, e);
    y = v_select(v_lt(v_abs(x), v_set(0x1p-26f)), x, y); /* keeps -0, and denormals */
    y = v_select(v_lt(x, V_INF), y, x);
    y = v_select(v_lt(x, v_set(-1)), V_NAN, y);
    return v_select(v_eq(x, v_set(-1)), -V_INF, y);
}

/* tanh x; 1.4 ulp. Odd polynomial (2^-32.6) below 0.625, else 1 - 2 / (e^2|x| + 1). */
V_INLINE vf v_tanh(vf x)
{
    vf a = v_abs(x), z = x * x;
    vf p = z * 0x1.18e0b2p-9f - 0x1.0bf4a2p-7f;
    p = p * z + 0x1.638b44p-6f;
    p = p * z - 0x1.b9ee8ep-5f;
    p = p * z + 0x1.111066p-3f;
    p = p * z - 0x1.555554p-2f;
    vf small = x + x * z * p;
    vf large = 1.0f - 2.0f / (v_exp_within(2.0f * v_select(v_lt(v_set(10), a), v_set(10), a)) + 1.0f);
    return v_select(v_lt(a, v_set(0.625f)), small, v_with_sign(large, x));
}

/* 1 / (1 + e^-x); 2.5 ulp. */
V_INLINE vf v_sigmoid(vf x) { return 1.0f / (1.0f + v_exp(-x)); }

/* erf x; 1.5 ulp. Odd polynomial (2^-31.7) below 0.9, else 1 - e^p(|x|), p fitted to log erfc up to 3.95 (2^-34.1 of erfc). */
V_INLINE vf v_erf(vf x)
{
    vf a = v_abs(x), z = x * x;
    vf p = z * 0x1.6510d6p-14f - 0x1.aca394p-11f;
    p = p * z + 0x1.550a44p-8f;
    p = p * z - 0x1.b81524p-6f;
    p = p * z + 0x1.ce2e54p-4f;
    p = p * z - 0x1.812744p-2f;
    p = p * z + 0x1.06eba8p-3f;
    vf small = v_select(v_lt(a, v_set(0x1p-64f)), x * 0x1.20dd76p+0f, x + x * p); /* so tiny that x p may be denormal */
    vf t = v_select(v_lt(v_set(3.95f), a), v_set(3.95f), a);
    vf q = 0x1.c54e98p-12f - t * 0x1.5ecf78p-16f;
    q = q * t - 0x1.10aa66p-8f;
    q = q * t + 0x1.9b1994p-6f;
    q = q * t - 0x1.bb5666p-4f;
    q = q * t - 0x1.444b3ep-1f;
    q = q * t - 0x1.212698p+0f;
    q = q * t + 0x1.65afcep-13f;
    vf large = v_with_sign(1.0f - v_exp_within(q), x);
    return v_select(v_lt(a, v_set(0.9f)), small, v_select(v_is_nan(x), x, large));
}

/* ---- sine and cosine ---------------------------------------------------------------------------------------------------- */

/* Beyond this |x| the four-part pi/2 below no longer has exact products. */
#define V_TRIG_MOST 12800.0f

/*
 * x - n pi/2 for any finite float, n modulo 4. A float is an integer m < 2^24 times 2^e, and only the bits of 2/pi at 2^(1-e)
 * and below matter: what is above gives multiples of 4. 96 of them leave more than 40 good bits below the point.
 */
static __attribute__((unused)) float v_reduce_large(float x, int32_t *quadrant)
{
    static const uint32_t two_over_pi[] = {0,          0,          0xa2f9836e, 0x4e441529, 0xfc2757d1,
                                           0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab};
    union {
        float x;
        uint32_t bits;
    } of = {x};
    uint64_t m = (of.bits & 0x7fffff) | 0x800000;
    int e = (int)(of.bits >> 23 & 255) - 150;
    int at = 64 + e - 2, word = at / 32, shift = at % 32; /* the window starts at the bit of weight 2^(1-e) */
    uint32_t window[3];
    for (int i = 0; i < 3; i++)
        window[i] = (uint32_t)((((uint64_t)two_over_pi[word + i] << 32) | two_over_pi[word + i + 1]) >> (32 - shift));
    uint64_t low = m * window[2], middle = m * window[1] + (low >> 32);
    uint64_t turns = (m * window[0] << 32) + middle; /* in units of 2^-62 quarter turns, modulo 4 */
    uint64_t n = (turns + ((uint64_t)1 << 61)) >> 62;
    double rest = (double)(int64_t)(turns - (n << 62)) * (0x1.921fb54442d18p+0 * 0x1p-62);
    *quadrant = (int32_t)(of.bits >> 31 ? -n : n);
    return (float)(of.bits >> 31 ? -rest : rest);
}

/* The same for the lanes beyond V_TRIG_MOST: NaN and infinity become NaN. */
static __attribute__((noinline, unused)) void v_reduce_lanes(const float *x, float *r, int32_t *n)
{
    for (int i = 0; i < V_LANES; i++)
        if (isfinite(x[i]) && fabsf(x[i]) > V_TRIG_MOST)
            r[i] = v_reduce_large(x[i], &n[i]);
        else if (!isfinite(x[i]))
            r[i] = NAN;
}

/* x = n pi/2 + the result, in [-pi/4, pi/4]. pi/2 has four parts, three of 11 bits, so that n times each of them is exact. */
V_INLINE vf v_reduce(vf x, vi *n)
{
    vm large = v_not(v_le(v_abs(x), v_set(V_TRIG_MOST)));
    vf within = v_select(large, v_zero(), x);
    vf k = v_round(within * 0x1.45f306p-1f, n);
    vf r = within - k * 0x1.92p+0f;
    r = r - k * 0x1.fb4p-12f;
    r = r - k * 0x1.444p-24f;
    r = r - k * 0x1.68c234p-39f;
    if (__builtin_expect(v_any(large), 0)) {
        float lanes[V_LANES], rest[V_LANES];
        int32_t quadrant[V_LANES];
        v_store(lanes, x);
        v_store(rest, r);
        v_storei(quadrant, *n);
        v_reduce_lanes(lanes, rest, quadrant);
        r = v_load(rest);
        *n = v_loadi(quadrant);
    }
    return r;
}

/* sin(r + n pi/2) for |r| <= pi/4; polynomials of 2^-37.5 and 2^-43. */
V_INLINE vf v_sin_quadrant(vf r, vi n)
{
    vf z = r * r;
    vf s = z * 0x1.6ccf5ep-19f - 0x1.a00f74p-13f;
    s = s * z + 0x1.111108p-7f;
    s = s * z - 0x1.555556p-3f;
    s = r + r * z * s;
    vf c = 0x1.a01118p-16f - z * 0x1.242908p-22f;
    c = c * z - 0x1.6c16b8p-10f;
    c = c * z + 0x1.555556p-5f;
    c = 1.0f - (0.5f * z - z * z * c);
    vf y = v_select(v_eqi(n & 1, v_seti(0)), s, c);
    return (vf)((vu)y ^ (((vu)n & 2) << 30));
}

/* sin x and cos x; 2.5 ulp. */
V_INLINE vf v_sin(vf x)
{
    vi n;
    vf r = v_reduce(x, &n);
    return v_sin_quadrant(r, n);
}

V_INLINE vf v_cos(vf x)
{
    vi n;
    vf r = v_reduce(x, &n);
    return v_sin_quadrant(r, (vi)((vu)n + 1));
}

/* ---- powers, in double: the logarithm needs 8 bits more than a float has ------------------------------------------------ */

/*
 * a^b for normal or denormal 0 < a < inf and finite b. log2 a = e + 2/ln2 atanh(s), s = (m-1)/(m+1), by its series, which is
 * exact to 2^-39 at |s| <= 0.1716; then 2^y by the series of e^(y ln 2) about the nearest integer, to 2^-32.
 */
V_INLINE vd v_pow_f64(vd a, vd b)
{
    vl e = (vl)((vw)a - 0x3fe6a09e667f3bcd) >> 52;
    vd m = (vd)((vw)a - ((vw)e << 52));
    vd s = (m - 1.0) / (m + 1.0), z = s * s;
    vd p = z * (2.0 / 15) + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    p = p * z + 2.0;
    vd exponent = (vd)((vw)e + (vw)(0x1.8p52 - (vd){0})) - 0x1.8p52; /* e as a double */
    vd y = b * (exponent + s * p * 1.4426950408889634);

    y = (vd)(((vl)(y < -200.0) & (vl)(-200.0 - (vd){0})) | (~(vl)(y < -200.0) & (vl)y));
    y = (vd)(((vl)(y > 200.0) & (vl)(200.0 - (vd){0})) | (~(vl)(y > 200.0) & (vl)y));
    vd shifted = y + 0x1.8p52;
    vw n = (vw)shifted - (vw)(0x1.8p52 - (vd){0});
    vd t = (y - (shifted - 0x1.8p52)) * 0.6931471805599453;
    vd q = t * (1.0 / 40320) + 1.0 / 5040;
    q = q * t + 1.0 / 720;
    q = q * t + 1.0 / 120;
    q = q * t + 1.0 / 24;
    q = q * t + 1.0 / 6;
    q = q * t + 0.5;
    q = q * t + 1.0;
    q = q * t + 1.0;
    return q * (vd)((n + 1023) << 52);
}

/* IEEE 754's cases with a <= 0, a or b infinite, NaN; `power` is |a|^b computed as if all were ordinary. */
static __attribute__((unused)) float v_pow_case(float a, float b, float power)
{
    if (b == 0 || a == 1)
        return 1;
    if (a != a || b != b)
        return a + b;
    bool whole = fabsf(b) >= 0x1p23f || (float)(int32_t)b == b;
    bool odd = whole && fabsf(b) < 0x1p24f && ((int32_t)b & 1);
    if (isinf(b))
        return fabsf(a) == 1 ? 1 : (fabsf(a) > 1) == (b > 0) ? INFINITY : 0;
    if (a == 0 || isinf(a)) {
        float size = (a == 0) == (b > 0) ? 0 : INFINITY;
        return odd ? copysignf(size, a) : size;
    }
    if (a < 0)
        return !whole ? NAN : odd ? -power : power;
    return power;
}

static __attribute__((noinline, unused)) void v_pow_lanes(const float *a, const float *b, float *power)
{
    for (int i = 0; i < V_LANES; i++)
        power[i] = v_pow_case(a[i], b[i], power[i]);
}

/* a^b; 0.51 ulp. */
V_INLINE vf v_pow(vf a, vf b)
{
    vm ordinary = v_lt(v_zero(), a) & v_lt(a, V_INF) & v_lt(v_abs(b), V_INF);
    vf base = v_abs(a), exponent = b;
    vm usable = v_lt(v_zero(), base) & v_lt(base, V_INF) & v_lt(v_abs(b), V_INF);
    base = v_select(usable, base, v_set(1));
    exponent = v_select(usable, exponent, v_set(0));
    vf y = v_from_f64(v_pow_f64(v_low_f64(base), v_low_f64(exponent)), v_pow_f64(v_high_f64(base), v_high_f64(exponent)));
    if (__builtin_expect(v_any(v_not(ordinary)), 0)) {
        float left[V_LANES], right[V_LANES], power[V_LANES];
        v_store(left, a);
        v_store(right, b);
        v_store(power, y);
        v_pow_lanes(left, right, power);
        y = v_load(power);
    }
    return y;
}

#endif
