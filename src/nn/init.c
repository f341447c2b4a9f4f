/*
 * init.c -- initial weights.
 *
 * The stream of random numbers belongs to the slice's name, and an element's place in it to its index. Two elements share one
 * block of Philox: that makes one pair of normal numbers by Box and Muller, or two uniform ones of 53 bits.
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

bool sd__init_elementwise(const sd_slice *slice) { return slice->init.kind != SD_INIT_ORTHOGONAL; }

/* ---- elements ---------------------------------------------------------------------------------------------------- */

/* Elements 2 i and 2 i + 1 of the stream. */
static void draw_pair(distribution d, uint64_t key, uint64_t stream, int64_t i, double pair[2])
{
    const uint32_t counter[4] = {(uint32_t)i, (uint32_t)(i >> 32), (uint32_t)stream, (uint32_t)(stream >> 32)};
    sd_philox r = sd__philox(key, counter);
    double u = sd__unit_f64(r.word[0], r.word[1]), v = sd__unit_f64(r.word[2], r.word[3]);
    if (d.law == UNIFORM) {
        pair[0] = d.a + d.b * u;
        pair[1] = d.a + d.b * v;
        return;
    }
    double radius = d.a * sqrt(-2 * log(1 - u)), angle = 6.283185307179586477 * v;
    pair[0] = radius * cos(angle);
    pair[1] = radius * sin(angle);
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

static double dot(const double *a, const double *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
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
    int64_t columns = slice->shape.rank ? slice->shape.dim[slice->shape.rank - 1] : 1, rows = slice->length / columns;
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
