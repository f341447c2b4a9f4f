/* npy_set.c -- a data set from two npy files, inputs and targets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/bytes.h"
#include "data/dataset.h"
#include "format/npy.h"

static sd_status check_finite(const char *path, const sd_tensor *t)
{
    int64_t count = sd_shape_count(t->shape);
    for (int64_t i = 0; i < count; i++) {
        double value = t->dtype == SD_F32 ? (double)((float *)t->data)[i] : t->dtype == SD_F64 ? ((double *)t->data)[i] : 0;
        if (!isfinite(value))
            return sd__fail(SD_EFORMAT, "%s: element %lld is %g; only finite numbers can be learnt from", path, (long long)i,
                            value);
    }
    return SD_OK;
}

/* Integers become f64, which holds each exactly. */
static sd_status widen(const char *path, sd_tensor *t)
{
    int64_t count = sd_shape_count(t->shape);
    const int32_t *from = t->data;
    if (t->dtype != SD_I32)
        return SD_OK;
    double *to = sd__alloc((size_t)count, sizeof(*to));
    if (!to)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %lld values", path, (long long)count);
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
    free(t->data);
    *t = sd_tensor_dense(to, SD_F64, t->shape);
    return SD_OK;
}

static sd_status use_inputs(const char *path, sd_tensor *t, sd_dataset **dataset)
{
    char text[SD_SHAPE_TEXT];
    sd_shape sample = {.rank = t->shape.rank - 1};
    if (t->shape.rank < 1 || !sd_shape_count(t->shape))
        return sd__fail(SD_EFORMAT, "%s: shape %s; inputs are [samples, ...], at least one", path,
                        sd_shape_text(t->shape, text));
    memcpy(sample.dim, t->shape.dim + 1, (size_t)sample.rank * sizeof(*sample.dim));
    SD_TRY(check_finite(path, t));
    SD_TRY(widen(path, t));
    SD_TRY(sd__dataset_new(path, t->shape.dim[0], sample, t->dtype, dataset));
    (*dataset)->input = sd__dataset_own(*dataset, t->data);
    t->data = NULL;
    return SD_OK;
}

static sd_status bytes_to_labels(const char *path, sd_tensor *t)
{
    if (t->dtype != SD_U8)
        return SD_OK;
    int64_t count = sd_shape_count(t->shape);
    const uint8_t *from = t->data;
    int32_t *to = sd__alloc((size_t)count, sizeof(*to));
    if (!to)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %lld labels", path, (long long)count);
    for (int64_t i = 0; i < count; i++)
        to[i] = from[i];
    free(t->data);
    *t = sd_tensor_dense(to, SD_I32, t->shape);
    return SD_OK;
}

static sd_status use_labels(sd_dataset *d, const sd_npy *npy, sd_tensor *t)
{
    char text[SD_SHAPE_TEXT];
    if (t->shape.rank != 1 && sd_shape_count(t->shape) != d->info.samples)
        return sd__fail(SD_EFORMAT, "%s: labels of shape %s; one integer a sample is expected", npy->y,
                        sd_shape_text(t->shape, text));
    SD_TRY(bytes_to_labels(npy->y, t));
    int32_t *labels = sd__dataset_own(d, t->data);
    t->data = NULL;
    return sd__dataset_set_labels(d, labels, npy->classes, NULL, npy->y);
}

static sd_status use_targets(sd_dataset *d, const sd_npy *npy, sd_tensor *t)
{
    int64_t n = sd_shape_count(t->shape) / d->info.samples;
    if (n < 1 || n > (1 << 24))
        return sd__fail(SD_EFORMAT, "%s: %lld targets a sample; 1 to 2^24 are possible", npy->y, (long long)n);
    SD_TRY(check_finite(npy->y, t));
    SD_TRY(widen(npy->y, t));
    if (t->dtype == SD_U8)
        return sd__fail(SD_EFORMAT, "%s: bytes as real targets; save them as float32", npy->y);
    void *targets = sd__dataset_own(d, t->data);
    t->data = NULL;
    sd__dataset_set_targets(d, targets, t->dtype, (int)n, NULL);
    return SD_OK;
}

static sd_status use_y(sd_dataset *d, const sd_npy *npy, sd_tensor *t)
{
    int64_t n = t->shape.rank ? t->shape.dim[0] : 1;
    if (n != d->info.samples)
        return sd__fail(SD_EFORMAT, "%s: targets of %lld samples, but %s has %lld", npy->y, (long long)n, npy->x,
                        (long long)d->info.samples);
    return sd_dtype_is_real(t->dtype) || npy->regression ? use_targets(d, npy, t) : use_labels(d, npy, t);
}

/* Reads one file, gives its array to the set, and notes its checksum there. */
static sd_status read_file(const char *path, bool inputs, const sd_npy *npy, sd_dataset **dataset)
{
    char *data;
    size_t bytes;
    sd_tensor t = {0};
    SD_TRY(sd__file_read(path, SD_LARGEST_FILE, &data, &bytes));
    sd_status status = sd__npy_parse(path, data, bytes, &t);
    if (status == SD_OK)
        status = inputs ? use_inputs(path, &t, dataset) : use_y(*dataset, npy, &t);
    if (status == SD_OK)
        sd__dataset_add_checksum(*dataset, data, bytes);
    free(t.data);
    free(data);
    return status;
}

sd_status sd_dataset_from_npy(const sd_npy *npy, sd_dataset **dataset)
{
    sd_dataset *d = NULL;
    *dataset = NULL;
    if (!npy->x)
        return sd__fail(SD_EINVAL, "npy data: no file of inputs; x names it");
    SD_TRY(read_file(npy->x, true, npy, &d));
    return sd__dataset_done(d, npy->y ? read_file(npy->y, false, npy, &d) : SD_OK, dataset);
}
