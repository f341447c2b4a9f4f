/*
 * reader.c -- reads samples: stored or made on demand, converted and normalised.
 *
 * A value becomes (value - offset) / scale, computed in f64 and rounded once; a byte does so through a table of 256 entries, or
 * along the line on which they lie.
 * A pool shares the inputs of a batch: each part takes the same stretch of every sample, or some of the samples if they are
 * small. Stretches are what a first layer that is cut along its inputs reads, so the thread that will need one mostly makes it.
 * Denormals are flushed as in a plan's run, so that the same sample has the same bits whichever thread reads it.
 */
#include "data/reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "ops/kernel.h"

#define LARGEST_TABLE 64 /* pairs of offset and scale up to which bytes go through a table */

static double normalised(const sd_normalization *p, int c, double value)
{
    return p->n ? (value - p->offset[c]) / p->scale[c] : value;
}

static void store(sd_dtype dtype, void *out, int64_t i, double value)
{
    if (dtype == SD_F32)
        ((float *)out)[i] = (float)value;
    else
        ((double *)out)[i] = value;
}

/* A product instead of a quotient: each of the 256 numbers decides whether that is the same, in the mode of reading. */
static void find_line(sd_reader *r)
{
    static sd_bytes_f32 *const level[SD_VECTOR_LEVELS] = {sd__bytes_f32_v2, sd__bytes_f32_v3, sd__bytes_f32_v4};
    uint8_t byte[256];
    float number[256];
    const void *bits = number;
    for (int v = 0; v < 256; v++)
        byte[v] = (uint8_t)v;
    r->start = normalised(&r->normalization, 0, 0);
    r->slope = (normalised(&r->normalization, 0, 255) - r->start) / 255;
    unsigned mode = sd__fp_enter();
    level[sd__vector_level(sd__cpu_level())](r->slope, r->start, byte, number, 256);
    sd__fp_leave(mode);
    if (memcmp(bits, r->table, sizeof number) == 0)
        r->line = level[sd__vector_level(sd__cpu_level())];
}

static sd_status make_table(sd_reader *r)
{
    int rows = SD_MAX(r->normalization.n, 1);
    r->table = sd__alloc((size_t)rows * 256, sd_dtype_size(r->dtype));
    if (!r->table)
        return sd__fail(SD_ENOMEM, "%s: out of memory for reading", r->dataset->info.name);
    for (int c = 0; c < rows; c++)
        for (int v = 0; v < 256; v++)
            store(r->dtype, r->table, c * 256 + v, normalised(&r->normalization, c, v));
    if (rows == 1 && r->dtype == SD_F32)
        find_line(r);
    return SD_OK;
}

sd_status sd__reader_open(sd_reader *reader, const sd_dataset *dataset, sd_dtype dtype, const sd_normalization *normalization)
{
    const char *name = dataset->info.name;
    *reader = (sd_reader){.dataset = dataset, .dtype = dtype};
    if (!sd_dtype_is_real(dtype))
        return sd__fail(SD_EDTYPE, "%s: samples wanted as %s; f32 and f64 are possible", name, sd_dtype_name(dtype));
    if (normalization && normalization->n) {
        int n = sd_normalization_size(dataset);
        if (normalization->n != n)
            return sd__fail(SD_ESHAPE, "%s: normalised by %d features or channels, but has %d", name, normalization->n, n);
        SD_TRY(
            sd_normalization_copy(normalization->kind, n, normalization->offset, normalization->scale, &reader->normalization));
    }
    if (dataset->info.dtype == SD_U8 && reader->normalization.n <= LARGEST_TABLE)
        return make_table(reader);
    return SD_OK;
}

void sd__reader_close(sd_reader *reader)
{
    sd_normalization_clear(&reader->normalization);
    free(reader->table);
    free(reader->ids);
    free(reader->raw);
    free(reader->raw_targets);
    free(reader->raw_labels);
    *reader = (sd_reader){0};
}

static bool grow(void **block, int n, size_t size)
{
    free(*block);
    return (*block = sd__alloc((size_t)n, size)) != NULL;
}

/* Room for n samples; only what the root does not store needs any. */
static sd_status reserve(sd_reader *r, int n)
{
    const sd_dataset *root = r->dataset->root;
    if (n <= r->capacity)
        return SD_OK;
    r->capacity = 0;
    bool fine = grow((void **)&r->ids, n, sizeof(*r->ids)) && grow(&r->raw, n, sd__sample_bytes(root));
    if (fine && root->info.target == SD_TARGET_CLASS && !root->labels)
        fine = grow((void **)&r->raw_labels, n, sizeof(*r->raw_labels));
    if (fine && root->info.target == SD_TARGET_REAL && !root->targets)
        fine = grow(&r->raw_targets, n, (size_t)root->info.targets * sd_dtype_size(root->target_dtype));
    if (!fine)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %d samples", root->info.name, n);
    r->capacity = n;
    return SD_OK;
}

static sd_status check_positions(const sd_dataset *d, int n, const int32_t *positions)
{
    for (int i = 0; i < n; i++)
        if (positions[i] < 0 || positions[i] >= d->info.samples)
            return sd__fail(SD_EINVAL, "%s: sample %d of a set of %lld", d->info.name, positions[i],
                            (long long)d->info.samples);
    return SD_OK;
}

/* A function of the caller may answer with labels that a loss would use as indices. */
static sd_status check_labels(const sd_dataset *root, int n, const int32_t *ids, const int32_t *labels)
{
    for (int i = 0; labels && i < n; i++)
        if (labels[i] < 0 || labels[i] >= root->info.classes)
            return sd__fail(SD_EINVAL, "%s: label %d of sample %d is out of range; with %d classes labels are 0 to %d",
                            root->info.name, labels[i], ids[i], root->info.classes, root->info.classes - 1);
    return SD_OK;
}

/* Calls the root's function for n samples; its results are then in raw, raw_labels and raw_targets. */
static sd_status make(sd_reader *r, int n)
{
    const sd_dataset *root = r->dataset->root;
    sd_status status = root->fill(root->user, n, r->ids, r->raw, r->raw_labels, r->raw_targets);
    return status == SD_OK ? check_labels(root, n, r->ids, r->raw_labels) : sd__fail_in(status, "%s", root->info.name);
}

static sd_status resolve(sd_reader *r, int n, const int32_t *positions)
{
    SD_TRY(check_positions(r->dataset, n, positions));
    SD_TRY(reserve(r, n));
    for (int i = 0; i < n; i++)
        r->ids[i] = sd__root_position(r->dataset, positions[i]);
    return r->dataset->root->fill ? make(r, n) : SD_OK;
}

static const void *stored(const sd_reader *r, const void *all, const void *raw, int i, size_t bytes)
{
    size_t place = all ? (size_t)r->ids[i] : (size_t)i;
    return (const char *)(all ? all : raw) + place * bytes;
}

/* A stretch of one sample through the table: pixels of n channels. */
static void look_up_f32(const sd_reader *r, const uint8_t *in, float *out, int64_t m)
{
    const float *table = r->table;
    int n = SD_MAX(r->normalization.n, 1);
    if (r->line) {
        r->line(r->slope, r->start, in, out, m);
        return;
    }
    for (int64_t i = 0; i < m; i += n)
        for (int c = 0; c < n; c++)
            out[i + c] = table[c * 256 + in[i + c]];
}

static void look_up_f64(const sd_reader *r, const uint8_t *in, double *out, int64_t m)
{
    const double *table = r->table;
    int n = SD_MAX(r->normalization.n, 1);
    for (int64_t i = 0; i < m; i += n)
        for (int c = 0; c < n; c++)
            out[i + c] = table[c * 256 + in[i + c]];
}

/* A stretch of one sample value by value. */
#define CONVERT(name, from, to)                                                     \
    static void name(const sd_normalization *p, const from *in, to *out, int64_t m) \
    {                                                                               \
        int n = SD_MAX(p->n, 1);                                                    \
        for (int64_t i = 0; i < m; i += n)                                          \
            for (int c = 0; c < n; c++)                                             \
                out[i + c] = (to)normalised(p, c, (double)in[i + c]);               \
    }
CONVERT(u8_f32, uint8_t, float)
CONVERT(u8_f64, uint8_t, double)
CONVERT(f32_f32, float, float)
CONVERT(f32_f64, float, double)
CONVERT(f64_f32, double, float)
CONVERT(f64_f64, double, double)

static void convert(const sd_normalization *p, sd_dtype from, const void *in, sd_dtype to, void *out, int64_t m)
{
    bool wide = to == SD_F64;
    if (from == SD_U8)
        wide ? u8_f64(p, in, out, m) : u8_f32(p, in, out, m);
    else if (from == SD_F32)
        wide ? f32_f64(p, in, out, m) : f32_f32(p, in, out, m);
    else
        wide ? f64_f64(p, in, out, m) : f64_f32(p, in, out, m);
}

/* ---- inputs, in parts ---------------------------------------------------------------------------------------------------- */

#define LINE 64 /* bytes of a cache line */

enum { PART_VALUES = 1024 }; /* a fraction of a microsecond of work: for threads that look for other work in between */

/* Wide samples are cut into a stretch for every thread, so that it mostly makes the same one. */
static sd_inputs cut_inputs(const sd_reader *r, int n, char *out, const int32_t *ahead)
{
    int64_t count = sd_shape_count(r->dataset->root->info.shape), grain = LINE / 4 * (int64_t)SD_MAX(r->normalization.n, 1);
    int threads = SD_MIN(sd__pool_threads(r->pool), 16), columns = count / grain >= 4 * (int64_t)threads ? threads : 1;
    int64_t rows = count * n / columns / PART_VALUES;
    return (sd_inputs){.reader = r,
                       .n = n,
                       .out = out,
                       .ahead = r->dataset->root->input ? ahead : NULL,
                       .count = count,
                       .grain = grain,
                       .rows = (int)SD_MAX(SD_MIN(rows, n), 1),
                       .columns = columns};
}

static void read_stretch(const sd_reader *r, const void *in, void *out, int64_t m)
{
    if (!r->table)
        convert(&r->normalization, r->dataset->root->info.dtype, in, r->dtype, out, m);
    else if (r->dtype == SD_F32)
        look_up_f32(r, in, out, m);
    else
        look_up_f64(r, in, out, m);
}

static void fetch(const char *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += LINE)
        __builtin_prefetch(from + at, 0, 2);
}

/* Parts are numbered stretch by stretch. Whoever runs one may be in the midst of other work: in any mode. */
static void read_part(void *user, int part)
{
    const sd_inputs *j = user;
    const sd_reader *r = j->reader;
    const sd_dataset *root = r->dataset->root;
    size_t from = sd_dtype_size(root->info.dtype), to = sd_dtype_size(r->dtype), bytes = sd__sample_bytes(root);
    int column = part / j->rows;
    int64_t row, last, begin, end;
    sd__part(j->n, j->rows, part % j->rows, &row, &last);
    sd__part(j->count / j->grain, j->columns, column, &begin, &end);
    begin *= j->grain;
    end = column == j->columns - 1 ? j->count : end * j->grain;
    unsigned mode = sd__fp_enter();
    for (; row < last; row++) {
        const char *in = stored(r, root->input, r->raw, (int)row, bytes);
        read_stretch(r, in + (size_t)begin * from, j->out + (size_t)(row * j->count + begin) * to, end - begin);
        if (j->ahead)
            fetch((const char *)root->input + (size_t)sd__root_position(r->dataset, j->ahead[row]) * bytes +
                      (size_t)begin * from,
                  (size_t)(end - begin) * from);
    }
    sd__fp_leave(mode);
}

/* ---- targets, labels ----------------------------------------------------------------------------------------------------- */

static void read_targets(const sd_reader *r, int n, char *out)
{
    const sd_dataset *root = r->dataset->root;
    const sd_normalization none = {0};
    size_t bytes = (size_t)root->info.targets * sd_dtype_size(root->target_dtype);
    size_t step = (size_t)root->info.targets * sd_dtype_size(r->dtype);
    for (int i = 0; i < n; i++, out += step)
        convert(&none, root->target_dtype, stored(r, root->targets, r->raw_targets, i, bytes), r->dtype, out,
                root->info.targets);
}

static void read_labels(const sd_reader *r, int n, int32_t *out)
{
    for (int i = 0; i < n; i++)
        memcpy(&out[i], stored(r, r->dataset->root->labels, r->raw_labels, i, sizeof(*out)), sizeof(*out));
}

/* All but the inputs, which are cut. */
static sd_status prepare(sd_reader *reader, int n, const int32_t *positions, const int32_t *ahead, sd_samples to)
{
    const sd_dataset *root = reader->dataset->root;
    unsigned mode = sd__fp_enter();
    sd_status status = resolve(reader, n, positions);
    if (status == SD_OK && to.targets && root->info.target == SD_TARGET_REAL)
        read_targets(reader, n, to.targets);
    if (status == SD_OK && to.labels && root->info.target == SD_TARGET_CLASS)
        read_labels(reader, n, to.labels);
    sd__fp_leave(mode);
    if (status == SD_OK && to.ids)
        memcpy(to.ids, reader->ids, (size_t)n * sizeof(*to.ids));
    reader->inputs = cut_inputs(reader, n, to.input, ahead);
    return status;
}

sd_status sd__reader_read(sd_reader *reader, int n, const int32_t *positions, const int32_t *ahead, sd_samples to)
{
    sd_inputs *j = &reader->inputs;
    SD_TRY(prepare(reader, n, positions, ahead, to));
    if (to.input)
        sd__pool_run(reader->pool, read_part, j, j->rows * j->columns);
    return SD_OK;
}

sd_status sd__reader_begin(sd_reader *reader, int n, const int32_t *positions, const int32_t *ahead, sd_samples to)
{
    sd_inputs *j = &reader->inputs;
    SD_TRY(prepare(reader, n, positions, ahead, to));
    reader->aside = sd__pool_set_aside(reader->pool, read_part, j, j->rows * j->columns);
    if (!reader->aside)
        sd__pool_run(reader->pool, read_part, j, j->rows * j->columns);
    return SD_OK;
}

void sd__reader_finish(sd_reader *reader)
{
    if (reader->aside)
        sd__pool_finish_aside(reader->pool);
    reader->aside = false;
}

sd_status sd__reader_raw(sd_reader *reader, int n, const int32_t *positions, const void **first)
{
    const sd_dataset *root = reader->dataset->root;
    size_t bytes = sd__sample_bytes(root);
    unsigned mode = sd__fp_enter();
    sd_status status = resolve(reader, n, positions);
    sd__fp_leave(mode);
    if (status != SD_OK)
        return status;
    for (int i = 0; root->input && i < n; i++)
        memcpy((char *)reader->raw + (size_t)i * bytes, stored(reader, root->input, reader->raw, i, bytes), bytes);
    *first = reader->raw;
    return SD_OK;
}

sd_status sd_dataset_read(const sd_dataset *dataset, int n, const int32_t *positions, sd_dtype dtype,
                          const sd_normalization *normalization, void *input, int32_t *labels, void *targets)
{
    sd_reader reader;
    if (n < 0)
        return sd__fail(SD_EINVAL, "%s: %d samples wanted", dataset->info.name, n);
    sd_status status = sd__reader_open(&reader, dataset, dtype, normalization);
    if (status == SD_OK)
        status = sd__reader_read(&reader, n, positions, NULL, (sd_samples){input, labels, targets, NULL});
    sd__reader_close(&reader);
    return status;
}

#define LABELS_AT_ONCE 256

static sd_status make_labels(const sd_dataset *dataset, int32_t *labels)
{
    int32_t positions[LABELS_AT_ONCE];
    sd_reader reader;
    sd_status status = sd__reader_open(&reader, dataset, SD_F32, NULL);
    for (int64_t done = 0; status == SD_OK && done < dataset->info.samples; done += LABELS_AT_ONCE) {
        int n = (int)SD_MIN(LABELS_AT_ONCE, dataset->info.samples - done);
        for (int i = 0; i < n; i++)
            positions[i] = (int32_t)(done + i);
        status = sd__reader_read(&reader, n, positions, NULL, (sd_samples){.labels = labels + done});
    }
    sd__reader_close(&reader);
    return status;
}

sd_status sd__dataset_all_labels(const sd_dataset *dataset, int32_t **labels)
{
    const sd_dataset *root = dataset->root;
    *labels = NULL;
    if (root->info.target != SD_TARGET_CLASS)
        return sd__fail(SD_EINVAL, "%s: its samples have no classes", dataset->info.name);
    int32_t *all = sd__alloc((size_t)dataset->info.samples, sizeof(*all));
    if (!all)
        return sd__fail(SD_ENOMEM, "%s: out of memory for its labels", dataset->info.name);
    sd_status status = SD_OK;
    if (root->labels)
        for (int64_t i = 0; i < dataset->info.samples; i++)
            all[i] = root->labels[sd__root_position(dataset, (int32_t)i)];
    else
        status = make_labels(dataset, all);
    if (status == SD_OK)
        *labels = all;
    else
        free(all);
    return status;
}

sd_status sd_dataset_class_counts(const sd_dataset *dataset, int64_t *counts)
{
    int32_t *labels;
    SD_TRY(sd__dataset_all_labels(dataset, &labels));
    memset(counts, 0, (size_t)dataset->info.classes * sizeof(*counts));
    for (int64_t i = 0; i < dataset->info.samples; i++)
        counts[labels[i]]++;
    free(labels);
    return SD_OK;
}
