/* dataset.c -- making, sharing and freeing data sets. */
#include "data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "data/sha256.h"

const sd_dataset_info *sd_dataset_get(const sd_dataset *dataset) { return &dataset->info; }

sd_dataset *sd_dataset_share(sd_dataset *dataset)
{
    atomic_fetch_add_explicit(&dataset->owners, 1, memory_order_relaxed);
    return dataset;
}

void sd_dataset_free(sd_dataset *dataset)
{
    if (!dataset || atomic_fetch_sub_explicit(&dataset->owners, 1, memory_order_acq_rel) > 1)
        return;
    if (dataset->root != dataset)
        sd_dataset_free(dataset->root);
    if (dataset->release)
        dataset->release(dataset->user);
    for (size_t i = 0; i < SD_COUNT(dataset->owned); i++)
        free(dataset->owned[i]);
    sd__arena_free(&dataset->names);
    free(dataset);
}

size_t sd__sample_bytes(const sd_dataset *dataset)
{
    return (size_t)sd_shape_count(dataset->info.shape) * sd_dtype_size(dataset->info.dtype);
}

/* Elements of one sample must fit an int, so that products with any dtype's size and batch cannot overflow 64 bits. */
static sd_status check_shape(const char *name, sd_shape shape)
{
    int64_t count = 1;
    char text[SD_SHAPE_TEXT];
    if (shape.rank < 0 || shape.rank > SD_MAX_RANK)
        return sd__fail(SD_EINVAL, "%s: a sample of %d axes; 0 to %d are possible", name, shape.rank, SD_MAX_RANK);
    for (int i = 0; i < shape.rank; i++)
        if (shape.dim[i] < 1 || __builtin_mul_overflow(count, shape.dim[i], &count) || count > INT32_MAX)
            return sd__fail(SD_EINVAL, "%s: samples of shape %s; every size must be at least 1 and their product below 2^31",
                            name, sd_shape_text(shape, text));
    return SD_OK;
}

sd_status sd__dataset_new(const char *name, int64_t samples, sd_shape shape, sd_dtype dtype, sd_dataset **dataset)
{
    if (samples < 1 || samples > INT32_MAX)
        return sd__fail(SD_EINVAL, "%s: %lld samples; there must be 1 to 2^31 - 1", name, (long long)samples);
    if (dtype != SD_U8 && dtype != SD_F32 && dtype != SD_F64)
        return sd__fail(SD_EDTYPE, "%s: samples of type %s; u8, f32 and f64 are possible", name, sd_dtype_name(dtype));
    SD_TRY(check_shape(name, shape));
    sd_dataset *d = sd__alloc_zeroed(1, sizeof(*d));
    if (!d)
        return sd__fail(SD_ENOMEM, "%s: out of memory", name);
    atomic_init(&d->owners, 1);
    d->root = d;
    d->concurrent = true;
    d->info = (sd_dataset_info){
        .name = sd__arena_text(&d->names, name), .samples = samples, .shape = shape, .dtype = dtype, .checksum = ""};
    *dataset = d;
    return SD_OK;
}

void *sd__dataset_own(sd_dataset *dataset, void *block)
{
    size_t i = 0;
    while (dataset->owned[i])
        i++;
    return dataset->owned[i] = block;
}

sd_status sd__dataset_done(sd_dataset *made, sd_status status, sd_dataset **dataset)
{
    if (status == SD_OK && made->names.failed)
        status = sd__fail(SD_ENOMEM, "out of memory for the names of a data set");
    if (status != SD_OK) {
        sd_dataset_free(made);
        made = NULL;
    }
    *dataset = made;
    return status;
}

void sd__dataset_add_checksum(sd_dataset *dataset, const void *data, size_t bytes)
{
    char text[SD_SHA256_TEXT];
    const char *before = dataset->info.checksum;
    sd__sha256(data, bytes, text);
    const char *joined = sd__arena_format(&dataset->names, "%s%s%s", before, *before ? "+" : "", text);
    dataset->info.checksum = joined ? joined : "";
}

const char *const *sd__dataset_names(sd_dataset *dataset, int n, const char *const *names)
{
    const char **copy = names ? sd__arena_alloc(&dataset->names, (size_t)n, sizeof(*copy)) : NULL;
    for (int i = 0; copy && i < n; i++)
        if (!(copy[i] = sd__arena_text(&dataset->names, names[i])))
            return NULL;
    return copy;
}

/* Classes by the largest label: as many as labels say, if that is believable. */
static sd_status find_classes(const sd_dataset *dataset, const int32_t *labels, const char *where, int *classes)
{
    int32_t largest = 0;
    for (int64_t i = 0; i < dataset->info.samples; i++)
        largest = SD_MAX(largest, labels[i]);
    if (largest >= SD_MAX_CLASSES)
        return sd__fail(SD_EFORMAT, "%s: label %d; labels are class numbers below %d", where, largest, SD_MAX_CLASSES);
    *classes = largest + 1;
    return SD_OK;
}

static sd_status check_classes(const char *name, int classes)
{
    if (classes < 0 || classes > SD_MAX_CLASSES)
        return sd__fail(SD_EINVAL, "%s: %d classes; there can be 1 to %d", name, classes, SD_MAX_CLASSES);
    return SD_OK;
}

sd_status sd__dataset_set_labels(sd_dataset *dataset, const int32_t *labels, int classes, const char *const *names,
                                 const char *where)
{
    where = where ? where : dataset->info.name;
    SD_TRY(check_classes(where, classes));
    if (!classes)
        SD_TRY(find_classes(dataset, labels, where, &classes));
    for (int64_t i = 0; i < dataset->info.samples; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return sd__fail(SD_EFORMAT, "%s: label %d of sample %lld is out of range; with %d classes labels are 0 to %d",
                            where, labels[i], (long long)i, classes, classes - 1);
    dataset->labels = labels;
    dataset->info.target = SD_TARGET_CLASS;
    dataset->info.classes = classes;
    dataset->info.class_names = sd__dataset_names(dataset, classes, names);
    return SD_OK;
}

void sd__dataset_set_targets(sd_dataset *dataset, const void *targets, sd_dtype dtype, int n, const char *const *names)
{
    dataset->targets = targets;
    dataset->target_dtype = dtype;
    dataset->info.target = SD_TARGET_REAL;
    dataset->info.targets = n;
    dataset->info.target_names = sd__dataset_names(dataset, n, names);
}

static sd_status check_targets(const char *name, int n, sd_dtype dtype)
{
    if (n < 1 || n > (1 << 24))
        return sd__fail(SD_EINVAL, "%s: %d targets a sample; there can be 1 to 2^24", name, n);
    if (!sd_dtype_is_real(dtype))
        return sd__fail(SD_EDTYPE, "%s: targets of type %s; f32 and f64 are possible", name, sd_dtype_name(dtype));
    return SD_OK;
}

/* The caller's block, or a copy that the data set owns. */
static const void *keep(sd_dataset *dataset, const void *data, size_t sample_bytes, bool copy)
{
    size_t samples = (size_t)dataset->info.samples;
    void *mine = copy ? sd__alloc(samples, sample_bytes) : NULL;
    if (mine)
        memcpy(sd__dataset_own(dataset, mine), data, samples * sample_bytes);
    return copy ? mine : data;
}

static sd_status memory_targets(sd_dataset *d, const sd_memory *m)
{
    if (m->labels) {
        const int32_t *labels = keep(d, m->labels, sizeof(*labels), m->copy);
        if (!labels)
            return sd__fail(SD_ENOMEM, "%s: out of memory", d->info.name);
        sd_status status = sd__dataset_set_labels(d, labels, m->classes, m->classes ? m->class_names : NULL, NULL);
        return status == SD_EFORMAT ? SD_EINVAL : status;
    }
    if (!m->targets)
        return SD_OK;
    SD_TRY(check_targets(d->info.name, m->n_targets, m->target_dtype));
    const void *targets = keep(d, m->targets, (size_t)m->n_targets * sd_dtype_size(m->target_dtype), m->copy);
    if (!targets)
        return sd__fail(SD_ENOMEM, "%s: out of memory", d->info.name);
    sd__dataset_set_targets(d, targets, m->target_dtype, m->n_targets, NULL);
    return SD_OK;
}

sd_status sd_dataset_from_memory(const sd_memory *memory, sd_dataset **dataset)
{
    const char *name = memory->name ? memory->name : "memory";
    sd_dataset *d;
    *dataset = NULL;
    if (!memory->input)
        return sd__fail(SD_EINVAL, "%s: no input; a pointer to the samples is needed", name);
    if (memory->labels && memory->targets)
        return sd__fail(SD_EINVAL, "%s: both labels and targets; give one of the two", name);
    SD_TRY(sd__dataset_new(name, memory->samples, memory->shape, memory->dtype, &d));
    d->input = keep(d, memory->input, sd__sample_bytes(d), memory->copy);
    sd_status status = d->input ? memory_targets(d, memory) : sd__fail(SD_ENOMEM, "%s: out of memory", name);
    return sd__dataset_done(d, status, dataset);
}

static sd_status callback_targets(sd_dataset *d, const sd_callback *c)
{
    if (c->classes && c->n_targets)
        return sd__fail(SD_EINVAL, "%s: both classes and targets; give one of the two", d->info.name);
    if (c->classes) {
        SD_TRY(check_classes(d->info.name, c->classes));
        d->info.target = SD_TARGET_CLASS;
        d->info.classes = c->classes;
        d->info.class_names = sd__dataset_names(d, c->classes, c->class_names);
    } else if (c->n_targets) {
        SD_TRY(check_targets(d->info.name, c->n_targets, c->target_dtype));
        sd__dataset_set_targets(d, NULL, c->target_dtype, c->n_targets, NULL);
    }
    return SD_OK;
}

sd_status sd_dataset_from_callback(const sd_callback *callback, sd_dataset **dataset)
{
    const char *name = callback->name ? callback->name : "callback";
    sd_dataset *d;
    *dataset = NULL;
    if (!callback->fill)
        return sd__fail(SD_EINVAL, "%s: no function that fills in samples", name);
    SD_TRY(sd__dataset_new(name, callback->samples, callback->shape, callback->dtype, &d));
    d->fill = callback->fill;
    d->user = callback->user;
    d->concurrent = false;
    d->statistics = callback->statistics;
    return sd__dataset_done(d, callback_targets(d, callback), dataset);
}

static sd_dataset *new_subset(sd_dataset *parent, int64_t n, int32_t *positions)
{
    sd_dataset *s = sd__alloc_zeroed(1, sizeof(*s));
    if (!s)
        return NULL;
    atomic_init(&s->owners, 1);
    s->info = parent->info;
    s->info.samples = n;
    s->root = sd_dataset_share(parent->root);
    s->position = sd__dataset_own(s, positions);
    return s;
}

sd_status sd_dataset_subset(sd_dataset *dataset, int64_t n, const int32_t *positions, sd_dataset **subset)
{
    const char *name = dataset->info.name;
    *subset = NULL;
    if (n < 1 || n > INT32_MAX)
        return sd__fail(SD_EINVAL, "%s: a subset of %lld samples; there must be 1 to 2^31 - 1", name, (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (positions[i] < 0 || positions[i] >= dataset->info.samples)
            return sd__fail(SD_EINVAL, "%s: position %d in a subset of a set of %lld samples", name, positions[i],
                            (long long)dataset->info.samples);
    int32_t *copy = sd__alloc((size_t)n, sizeof(*copy));
    for (int64_t i = 0; copy && i < n; i++)
        copy[i] = sd__root_position(dataset, positions[i]);
    *subset = copy ? new_subset(dataset, n, copy) : NULL;
    if (*subset)
        return SD_OK;
    free(copy);
    return sd__fail(SD_ENOMEM, "%s: out of memory for a subset", name);
}

sd_status sd__dataset_first(sd_dataset *dataset, int64_t n, sd_dataset **first)
{
    int32_t *positions = sd__alloc((size_t)n, sizeof(*positions));
    *first = NULL;
    if (!positions)
        return sd__fail(SD_ENOMEM, "%s: out of memory for a subset", dataset->info.name);
    for (int64_t i = 0; i < n; i++)
        positions[i] = (int32_t)i;
    sd_status status = sd_dataset_subset(dataset, n, positions, first);
    free(positions);
    return status;
}
