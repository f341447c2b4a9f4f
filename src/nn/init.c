/*
 * init.c -- initial weights.
 *
 * The stream of random numbers belongs to the slice's name, and an element's place in it to its index. Two elements share one
 * block of Philox, which makes two uniform numbers of 53 bits; normal numbers are quantiles of uniform ones.
 */
#include "nn/init.h"

#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/philox.h"

/* ---- what is drawn ----------------------------------------------------------------------------------------------- */

typedef enum law { CONSTANT, UNIFORM, NORMAL, ORTHOGONAL } law;

/* a: the value, the lowest value, the deviation, the gain; b: the width of the interval. */
typedef struct distribution {
    law law;
    double a, b;
} distribution;

static double fan(int64_t inputs) { return (double)SD_MAX(inputs, 1); }

static distribution distribution_of(const sd_slice *s)
{
    switch (s->init.kind) {
    case SD_INIT_ZEROS: return (distribution){CONSTANT, 0, 0};
    case SD_INIT_CONSTANT: return (distribution){CONSTANT, s->init.a, 0};
    case SD_INIT_NORMAL: return (distribution){NORMAL, s->init.a, 0};
    case SD_INIT_UNIFORM: return (distribution){UNIFORM, s->init.a, s->init.b - s->init.a};
    case SD_INIT_HE: return (distribution){NORMAL, sqrt(2 / fan(s->fan_in)), 0};
    case SD_INIT_LECUN: return (distribution){NORMAL, sqrt(1 / fan(s->fan_in)), 0};
    case SD_INIT_ORTHOGONAL: return (distribution){ORTHOGONAL, s->init.a, 0};
    case SD_INIT_XAVIER: break;
    }
    double limit = sqrt(6 / fan(s->fan_in + s->fan_out));
    return (distribution){UNIFORM, -limit, 2 * limit};
}

sd_status sd__init_check(const sd_slice *slice)
{
    distribution d = distribution_of(slice);
    if (slice->init.kind > SD_INIT_ORTHOGONAL)
        return sd__fail(SD_EINVAL, "%s: there is no initialiser %d", slice->name, (int)slice->init.kind);
    if (!isfinite(d.a) || !isfinite(d.b) || d.b < 0)
        return sd__fail(SD_EINVAL, "%s: the initialiser's numbers %g, %g are not a lower and an upper bound", slice->name,
                        slice->init.a, slice->init.b);
    if (d.law == NORMAL && d.a < 0)
        return sd__fail(SD_EINVAL, "%s: the initialiser's deviation is %g; it must not be negative", slice->name, d.a);
    return SD_OK;
}

static int64_t last_axis(const sd_slice *slice) { return slice->shape.rank ? slice->shape.dim[slice->shape.rank - 1] : 1; }

double sd__init_square(const sd_slice *slice)
{
    distribution d = distribution_of(slice);
    int64_t columns = last_axis(slice), rows = slice->length / columns;
    switch (d.law) {
    case UNIFORM: return d.a * d.a + d.a * d.b + d.b * d.b / 3; /* on [a, a+b] */
    case ORTHOGONAL: return d.a * d.a / (double)SD_MAX(rows, columns);
    default: return d.a * d.a;
    }
}

bool sd__init_elementwise(const sd_slice *slice) { return slice->init.kind != SD_INIT_ORTHOGONAL; }

/* ---- elements ---------------------------------------------------------------------------------------------------- */

/* p[0] + p[1] x + ... + p[7] x^7 */
static double polynomial(const double p[8], double x)
{
    double sum = p[7];
    for (int i = 6; i >= 0; i--)
        sum = sum * x + p[i];
    return sum;
}

/*
 * The number below which a normal number lies with probability 1/2 + q, |q| < 1/2: algorithm AS 241 of Wichura
 * (1988), PPND16, whose relative error is 1e-16. A logarithm is needed in the tails alone, which makes it three times
 * as fast as Box and Muller.
 */
static double normal_quantile(double q)
{
    static const double a[2][8] = {
        {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
         4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3},
        {1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
         3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3}};
    static const double c[2][8] = {
        {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
         1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4},
        {1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1, 1.48103976427480074590e-1,
         1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9}};
    static const double e[2][8] = {
        {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
         2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7},
        {1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2, 7.86869131145613259100e-4,
         1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15}};
    if (fabs(q) <= 0.425) {
        double r = 0.180625 - q * q;
        return q * polynomial(a[0], r) / polynomial(a[1], r);
    }
    double r = sqrt(-log(0.5 - fabs(q)));
    double x =
        r <= 5 ? polynomial(c[0], r - 1.6) / polynomial(c[1], r - 1.6) : polynomial(e[0], r - 5) / polynomial(e[1], r - 5);
    return q < 0 ? -x : x;
}

/* Elements 2 i and 2 i + 1 of the stream. */
static void draw_pair(distribution d, uint64_t key, uint64_t stream, int64_t i, double pair[2])
{
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    sd_philox r = sd__philox(key, counter);
    for (int k = 0; k < 2; k++) {
        double u = sd__unit_f64(r.word[2 * k], r.word[2 * k + 1]);
        /* The middle of the uniform number's interval: never 0, where a quantile would be infinite. */
        pair[k] = d.law == UNIFORM ? d.a + d.b * u : d.a * normal_quantile(u - 0.5 + 0x1p-54);
    }
}

static void store(const sd_slice *slice, void *data, int64_t i, double value)
{
    if (slice->dtype == SD_F64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

/* Streams of weights are apart from those of masks and shuffles. */
static uint64_t stream_of(const sd_slice *slice) { return sd__hash_text(sd__hash_text(SD_HASH_START, "init"), slice->name); }

static void fill(const sd_slice *slice, distribution d, uint64_t seed, int64_t begin, int64_t end, void *data)
{
    uint64_t stream = stream_of(slice);
    for (int64_t i = begin; i < end; i++) {
        double pair[2] = {d.a, d.a};
        if (d.law != CONSTANT)
            draw_pair(d, seed, stream, i / 2, pair);
        store(slice, data, i, pair[0]);
        if (++i < end)
            store(slice, data, i, pair[1]);
    }
}

void sd__init_stretch(const sd_slice *slice, uint64_t seed, int64_t begin, int64_t end, void *data)
{
    fill(slice, distribution_of(slice), seed, begin, end, data);
}

/* ---- orthogonal matrices ----------------------------------------------------------------------------------------- */

/* In 8 lanes, which the compiler can keep in vectors. */
static double dot(const double *a, const double *b, int64_t n)
{
    double lane[8] = {0}, sum = 0;
    int64_t whole = n - n % 8;
    for (int64_t i = 0; i < whole; i += 8)
        for (int k = 0; k < 8; k++)
            lane[k] += a[i + k] * b[i + k];
    for (int64_t i = whole; i < n; i++)
        lane[i % 8] += a[i] * b[i];
    for (int k = 0; k < 8; k++)
        sum += lane[k];
    return sum;
}

/*
 * Makes the rows of q [n,length], n <= length, orthonormal by Gram and Schmidt, each row twice, which is enough for full
 * precision. Rows of independent normal numbers give the uniform distribution of such matrices.
 */
static void orthonormalize(double *q, int64_t n, int64_t length)
{
    for (int64_t row = 0; row < n; row++) {
        double *r = q + row * length;
        for (int64_t k = 0; k < 2 * row; k++) {
            const double *other = q + (k % row) * length;
            double along = dot(r, other, length);
            for (int64_t i = 0; i < length; i++)
                r[i] -= along * other[i];
        }
        double norm = sqrt(dot(r, r, length));
        for (int64_t i = 0; i < length; i++)
            r[i] /= norm;
    }
}

/* The slice as a matrix [rest, last axis]; its shorter side counts the orthonormal vectors. */
static sd_status draw_orthogonal(const sd_slice *slice, double gain, uint64_t seed, void *data)
{
    int64_t columns = last_axis(slice), rows = slice->length / columns;
    int64_t n = SD_MIN(rows, columns), length = SD_MAX(rows, columns);
    double *q = sd__alloc((size_t)slice->length, sizeof *q);
    if (!q)
        return sd__fail(SD_ENOMEM, "%s: no memory to draw an orthogonal matrix", slice->name);
    sd_slice normal = *slice;
    normal.dtype = SD_F64;
    fill(&normal, (distribution){NORMAL, 1, 0}, seed, 0, slice->length, q);
    orthonormalize(q, n, length);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < columns; column++)
            store(slice, data, row * columns + column,
                  gain * (rows <= columns ? q[row * length + column] : q[column * length + row]));
    free(q);
    return SD_OK;
}

sd_status sd_init_draw(const sd_slice *slice, uint64_t seed, void *data)
{
    SD_TRY(sd__init_check(slice));
    if (!sd__init_elementwise(slice))
        return draw_orthogonal(slice, slice->init.a, seed, data);
    sd__init_stretch(slice, seed, 0, slice->length, data);
    return SD_OK;
}
