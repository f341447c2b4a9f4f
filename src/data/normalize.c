/*
 * normalize.c -- offset and scale of features or channels, taken from a data set.
 *
 * Samples are cut into parts by their number alone; each part sums x - first and its square, and partial sums are added in
 * order: the result does not depend on threads. Subtracting the first sample's value keeps the digits of features that are
 * large beside their spread, and gives a constant feature deviation exactly 0. Sums of bytes are integers anyway.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "data/reader.h"

static const char *const kind_names[] = {"none", "unit", "standard"};

const char *sd_normalize_name(sd_normalize kind) { return (unsigned)kind < SD_COUNT(kind_names) ? kind_names[kind] : "?"; }

sd_status sd_normalize_parse(const char *name, sd_normalize *kind)
{
    for (size_t i = 0; i < SD_COUNT(kind_names); i++)
        if (!strcmp(name, kind_names[i])) {
            *kind = (sd_normalize)i;
            return SD_OK;
        }
    return sd__fail(SD_EINVAL, "unknown normalisation '%s'; none, unit and standard are possible", name);
}

int sd_normalization_size(const sd_dataset *dataset)
{
    sd_shape shape = dataset->info.shape;
    return shape.rank == 1 || shape.rank >= 3 ? (int)shape.dim[shape.rank - 1] : 1;
}

void sd_normalization_clear(sd_normalization *normalization)
{
    free(normalization->offset);
    free(normalization->scale);
    *normalization = (sd_normalization){0};
}

static sd_status allocate(sd_normalize kind, int n, sd_normalization *out)
{
    *out = (sd_normalization){.kind = kind, .n = n};
    out->offset = sd__alloc_zeroed((size_t)n, sizeof(double));
    out->scale = sd__alloc_zeroed((size_t)n, sizeof(double));
    if (out->offset && out->scale)
        return SD_OK;
    sd_normalization_clear(out);
    return sd__fail(SD_ENOMEM, "out of memory for the normalisation of %d features", n);
}

sd_status sd_normalization_copy(sd_normalize kind, int n, const double *offset, const double *scale, sd_normalization *out)
{
    *out = (sd_normalization){.kind = kind};
    if (n <= 0)
        return SD_OK;
    for (int c = 0; c < n; c++)
        if (!isfinite(offset[c]) || !isfinite(scale[c]) || scale[c] == 0)
            return sd__fail(SD_EINVAL,
                            "normalisation: feature %d has offset %g and scale %g; finite numbers are needed, and a scale "
                            "that is not 0",
                            c, offset[c], scale[c]);
    SD_TRY(allocate(kind, n, out));
    memcpy(out->offset, offset, (size_t)n * sizeof(double));
    memcpy(out->scale, scale, (size_t)n * sizeof(double));
    return SD_OK;
}

/* What one part knows of one feature. */
typedef struct moments {
    double sum, square; /* of x - first */
    double low, high;
} moments;

/* The message of a thread is seen in that thread alone, so it is carried from there. */
typedef struct outcome {
    sd_status status;
    char message[256];
} outcome;

typedef struct measurement {
    const sd_dataset *dataset;
    int64_t samples;
    int n, parts;
    double *first;    /* [n] a value of each feature */
    moments *partial; /* [parts, n] */
    outcome *outcome; /* [parts] */
} measurement;

static void add_bytes_one_channel(const uint8_t *x, int64_t m, moments *out)
{
    int64_t sum = 0, square = 0;
    for (int64_t i = 0; i < m; i++) {
        sum += x[i];
        square += (uint32_t)x[i] * x[i];
    }
    out->sum += (double)sum;
    out->square += (double)square;
}

#define ADD(name, type)                                                                  \
    static void name(const type *x, int64_t m, int n, const double *first, moments *out) \
    {                                                                                    \
        for (int64_t i = 0; i < m; i += n)                                               \
            for (int c = 0; c < n; c++) {                                                \
                double d = (double)x[i + c] - first[c];                                  \
                out[c].sum += d;                                                         \
                out[c].square += d * d;                                                  \
                out[c].low = fmin(out[c].low, (double)x[i + c]);                         \
                out[c].high = fmax(out[c].high, (double)x[i + c]);                       \
            }                                                                            \
    }
ADD(add_u8, uint8_t)
ADD(add_f32, float)
ADD(add_f64, double)

static void add(sd_dtype dtype, const void *x, int64_t m, int n, const double *first, moments *out)
{
    if (dtype == SD_U8 && n == 1)
        add_bytes_one_channel(x, m, out);
    else if (dtype == SD_U8)
        add_u8(x, m, n, first, out);
    else if (dtype == SD_F32)
        add_f32(x, m, n, first, out);
    else
        add_f64(x, m, n, first, out);
}

#define SAMPLES_AT_ONCE 64

static sd_status measure_range(const measurement *m, int64_t begin, int64_t end, moments *out)
{
    const sd_dataset *d = m->dataset;
    int32_t positions[SAMPLES_AT_ONCE];
    const void *values;
    sd_reader reader;
    sd_status status = sd__reader_open(&reader, d, SD_F64, NULL);
    for (int64_t done = begin; status == SD_OK && done < end; done += SAMPLES_AT_ONCE) {
        int n = (int)SD_MIN(SAMPLES_AT_ONCE, end - done);
        for (int i = 0; i < n; i++)
            positions[i] = (int32_t)(done + i);
        status = sd__reader_raw(&reader, n, positions, &values);
        if (status == SD_OK)
            add(d->info.dtype, values, n * sd_shape_count(d->info.shape), m->n, m->first, out);
    }
    sd__reader_close(&reader);
    return status;
}

static void measure_part(void *user, int part)
{
    measurement *m = user;
    int64_t begin = m->samples * part / m->parts, end = m->samples * (part + 1) / m->parts;
    moments *out = m->partial + (size_t)part * (size_t)m->n;
    for (int c = 0; c < m->n; c++)
        out[c] = (moments){.low = INFINITY, .high = -INFINITY};
    outcome *o = &m->outcome[part];
    o->status = measure_range(m, begin, end, out);
    snprintf(o->message, sizeof(o->message), "%s", o->status == SD_OK ? "" : sd_error());
}

/* The first sample's values; bytes are counted from 0, which keeps their sums whole numbers. */
static sd_status read_first(const measurement *m)
{
    const sd_dataset *d = m->dataset;
    double *sample = sd__alloc((size_t)sd_shape_count(d->info.shape), sizeof(*sample));
    int32_t zero = 0;
    if (!sample)
        return sd__fail(SD_ENOMEM, "%s: out of memory for its statistics", d->info.name);
    sd_status status = sd_dataset_read(d, 1, &zero, SD_F64, NULL, sample, NULL, NULL);
    for (int c = 0; status == SD_OK && c < m->n; c++)
        m->first[c] = d->info.dtype == SD_U8 ? 0 : sample[c];
    free(sample);
    return status;
}

/* Adds the parts in order, into the first. */
static void combine(const measurement *m)
{
    for (int part = 1; part < m->parts; part++)
        for (int c = 0; c < m->n; c++) {
            moments *to = m->partial + c, *from = to + (size_t)part * (size_t)m->n;
            to->sum += from->sum;
            to->square += from->square;
            to->low = fmin(to->low, from->low);
            to->high = fmax(to->high, from->high);
        }
}

/* Samples without a pool where a function of the caller makes them: it need not bear calls from several threads. */
static sd_status measure(measurement *m, sd_pool *pool)
{
    SD_TRY(read_first(m));
    sd__pool_run(m->dataset->root->concurrent ? pool : NULL, measure_part, m, m->parts);
    for (int part = 0; part < m->parts; part++)
        if (m->outcome[part].status != SD_OK)
            return sd__fail(m->outcome[part].status, "%s", m->outcome[part].message);
    combine(m);
    return SD_OK;
}

static void conclude(const measurement *m, sd_normalization *out)
{
    double count = (double)m->samples * (double)sd_shape_count(m->dataset->info.shape) / m->n;
    for (int c = 0; c < m->n; c++) {
        const moments *x = &m->partial[c];
        double mean = x->sum / count, variance = fmax(x->square / count - mean * mean, 0);
        bool unit = out->kind == SD_NORMALIZE_UNIT;
        out->offset[c] = unit ? x->low : m->first[c] + mean;
        out->scale[c] = unit ? x->high - x->low : sqrt(variance);
        if (!(out->scale[c] > 0))
            out->scale[c] = 1;
    }
}

static sd_status check_finite(const measurement *m, const sd_normalization *out)
{
    for (int c = 0; c < out->n; c++)
        if (!isfinite(out->offset[c]) || !isfinite(out->scale[c]))
            return sd__fail(SD_EFORMAT, "%s: feature %d has values that are not finite; they cannot be normalised",
                            m->dataset->info.name, c);
    return SD_OK;
}

static sd_status run_measurement(measurement *m, sd_pool *pool, sd_normalization *out)
{
    m->first = sd__alloc_zeroed((size_t)m->n, sizeof(*m->first));
    m->partial = sd__alloc((size_t)m->n * (size_t)m->parts, sizeof(*m->partial));
    m->outcome = sd__alloc_zeroed((size_t)m->parts, sizeof(*m->outcome));
    sd_status status =
        m->first && m->partial && m->outcome ? measure(m, pool) : sd__fail(SD_ENOMEM, "out of memory for statistics");
    if (status == SD_OK) {
        conclude(m, out);
        status = check_finite(m, out);
    }
    free(m->first);
    free(m->partial);
    free(m->outcome);
    return status;
}

sd_status sd_normalization_make(sd_normalize kind, const sd_dataset *dataset, sd_pool *pool, sd_normalization *out)
{
    int n = sd_normalization_size(dataset);
    int64_t samples = dataset->info.samples, limit = dataset->root->statistics;
    *out = (sd_normalization){.kind = kind};
    if (kind == SD_NORMALIZE_NONE)
        return SD_OK;
    if (kind != SD_NORMALIZE_UNIT && kind != SD_NORMALIZE_STANDARD)
        return sd__fail(SD_EINVAL, "normalisation number %d; sd_normalize has 0 to 2", (int)kind);
    SD_TRY(allocate(kind, n, out));
    if (kind == SD_NORMALIZE_UNIT && dataset->info.dtype == SD_U8) {
        for (int c = 0; c < n; c++)
            out->scale[c] = 255;
        return SD_OK;
    }
    measurement m = {.dataset = dataset, .samples = limit > 0 ? SD_MIN(limit, samples) : samples, .n = n};
    int64_t most = SD_MAX(1, SD_MIN(64, (1 << 20) / n));
    m.parts = (int)SD_MIN(most, (m.samples + 255) / 256);
    sd_status status = run_measurement(&m, pool, out);
    if (status != SD_OK)
        sd_normalization_clear(out);
    return status;
}
