/*
 * idx.c -- reads IDX files: two bytes 0, the type, the number of axes, their sizes (4 bytes each, big-endian), the values.
 *
 * A size in the header is believed only as far as the file can hold it.
 */
#include "data/idx.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/bytes.h"
#include "data/dataset.h"

#define TYPE_U8 0x08

static sd_status read_magic(sd_bytes *in, const char *name, int low, int high, int *rank)
{
    uint8_t m[4];
    SD_TRY(sd__bytes_read(in, m, 4));
    if (m[0] || m[1] || m[2] != TYPE_U8 || m[3] < low || m[3] > high)
        return sd__fail(SD_EFORMAT,
                        "%s: wrong magic 0x%02x%02x%02x%02x; IDX files of bytes with %d to %d axes begin with 0x000008%02x%s",
                        name, m[0], m[1], m[2], m[3], low, high, low, low == high ? "" : " or more");
    *rank = m[3];
    return SD_OK;
}

static sd_status read_sizes(sd_bytes *in, const char *name, int rank, sd_shape *shape, size_t *count)
{
    uint64_t most = sd__bytes_most(in), product = 1;
    uint8_t b[4];
    char text[SD_SHAPE_TEXT];
    *shape = (sd_shape){.rank = rank};
    for (int i = 0; i < rank; i++) {
        SD_TRY(sd__bytes_read(in, b, 4));
        shape->dim[i] = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
        if (__builtin_mul_overflow(product, (uint64_t)shape->dim[i], &product))
            product = UINT64_MAX;
    }
    sd_shape_text(*shape, text);
    if (!product)
        return sd__fail(SD_EFORMAT, "%s: empty: its header announces the shape %s", name, text);
    if (product > most)
        return sd__fail(SD_EFORMAT, "%s: truncated: its header announces the shape %s, more than the file can hold", name,
                        text);
    *count = product;
    return SD_OK;
}

static sd_status read_values(sd_bytes *in, const char *name, size_t count, uint8_t **values)
{
    uint8_t *v = sd__alloc_aligned(count); /* samples are read in any order: on huge pages */
    if (!v)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %zu bytes", name, count);
    sd_status status = sd__bytes_read(in, v, count);
    if (status == SD_OK)
        status = sd__bytes_end(in);
    if (status == SD_OK)
        *values = v;
    else
        free(v);
    return status;
}

sd_status sd__idx_parse(const char *name, const void *data, size_t bytes, int low, int high, sd_shape *shape, uint8_t **values)
{
    sd_bytes *in;
    int rank;
    size_t count;
    *values = NULL;
    if (!bytes)
        return sd__fail(SD_EFORMAT, "%s: empty; an IDX file is expected", name);
    SD_TRY(sd__bytes_open(name, data, bytes, &in));
    sd_status status = read_magic(in, name, low, high, &rank);
    if (status == SD_OK)
        status = read_sizes(in, name, rank, shape, &count);
    if (status == SD_OK)
        status = read_values(in, name, count, values);
    sd__bytes_close(in);
    return status;
}

/* Grey images get a channel axis: networks take [height,width,channels]. */
static sd_shape sample_shape(sd_shape all)
{
    sd_shape sample = {.rank = all.rank - 1};
    memcpy(sample.dim, all.dim + 1, (size_t)sample.rank * sizeof(*sample.dim));
    if (sample.rank == 2)
        sample.dim[sample.rank++] = 1;
    return sample;
}

/* The data set owns the values from here on. */
static sd_status use_images(const char *path, sd_shape shape, uint8_t **values, sd_dataset **dataset)
{
    SD_TRY(sd__dataset_new(path, shape.dim[0], sample_shape(shape), SD_U8, dataset));
    (*dataset)->input = sd__dataset_own(*dataset, *values);
    *values = NULL;
    return SD_OK;
}

static sd_status use_labels(sd_dataset *d, const char *path, int64_t n, const uint8_t *values, int classes)
{
    if (n != d->info.samples)
        return sd__fail(SD_EFORMAT, "%s: %lld labels, but %s has %lld images", path, (long long)n, d->info.name,
                        (long long)d->info.samples);
    int32_t *labels = sd__alloc((size_t)n, sizeof(*labels));
    if (!labels)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %lld labels", path, (long long)n);
    sd__dataset_own(d, labels);
    for (int64_t i = 0; i < n; i++)
        labels[i] = values[i];
    return sd__dataset_set_labels(d, labels, classes, NULL, path);
}

/* Reads one file, gives its values to the set, and notes its checksum there. */
static sd_status read_file(const char *path, bool images, int classes, sd_dataset **dataset)
{
    char *data;
    size_t bytes;
    sd_shape shape;
    uint8_t *values;
    SD_TRY(sd__file_read(path, SD_LARGEST_FILE, &data, &bytes));
    sd_status status = sd__idx_parse(path, data, bytes, images ? 2 : 1, images ? 4 : 1, &shape, &values);
    if (status == SD_OK)
        status = images ? use_images(path, shape, &values, dataset) : use_labels(*dataset, path, shape.dim[0], values, classes);
    if (status == SD_OK)
        sd__dataset_add_checksum(*dataset, data, bytes);
    free(values);
    free(data);
    return status;
}

sd_status sd_dataset_from_idx(const char *images, const char *labels, int classes, sd_dataset **dataset)
{
    sd_dataset *d = NULL;
    *dataset = NULL;
    SD_TRY(read_file(images, true, classes, &d));
    return sd__dataset_done(d, labels ? read_file(labels, false, classes, &d) : SD_OK, dataset);
}
