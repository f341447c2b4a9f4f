/*
 * cifar.c -- reads CIFAR-10's binary layout: records of a label byte and 3072 values, the planes R, G, B of 32 rows of 32.
 *
 * The records of all files are counted before any is read, so that the images get one block of the right size; then record by
 * record goes to its place, unpacked on the way. Beside that block no more than one file is in memory, as it is stored.
 */
#include "data/cifar.h"

#include <stdlib.h>

#include "base/file.h"
#include "data/bytes.h"
#include "data/dataset.h"

enum { PIXELS = SD_CIFAR_SIDE * SD_CIFAR_SIDE, RECORD = 1 + SD_CIFAR_IMAGE, MOST_FILES = 64 };

static const char *const class_names[SD_CIFAR_CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                                          "dog",      "frog",       "horse", "ship", "truck"};

sd_status sd__cifar_count(const char *name, const void *data, size_t bytes, int64_t *records)
{
    sd_bytes *in;
    uint64_t content = 0;
    SD_TRY(sd__bytes_open(name, data, bytes, &in));
    sd_status status = sd__bytes_announced(in, &content);
    sd__bytes_close(in);
    SD_TRY(status);
    if (!content)
        return sd__fail(SD_EFORMAT, "%s: empty; records of %d bytes are expected", name, RECORD);
    if (content % RECORD)
        return sd__fail(SD_EFORMAT,
                        "%s: truncated, or not CIFAR-10's binary layout: %llu bytes are no multiple of %d, a label and 32x32x3 "
                        "values",
                        name, (unsigned long long)content, RECORD);
    *records = (int64_t)(content / RECORD);
    return SD_OK;
}

static void planes_to_pixels(const uint8_t *planes, uint8_t *image)
{
    for (int p = 0; p < PIXELS; p++)
        for (int c = 0; c < SD_CIFAR_CHANNELS; c++)
            image[p * SD_CIFAR_CHANNELS + c] = planes[c * PIXELS + p];
}

static sd_status read_record(sd_bytes *in, const char *name, int64_t number, uint8_t *image, int32_t *label)
{
    uint8_t record[RECORD];
    SD_TRY(sd__bytes_read(in, record, RECORD));
    if (record[0] >= SD_CIFAR_CLASSES)
        return sd__fail(SD_EFORMAT, "%s: label %d of record %lld is out of range; CIFAR-10 has the labels 0 to %d", name,
                        record[0], (long long)number, SD_CIFAR_CLASSES - 1);
    *label = record[0];
    planes_to_pixels(record + 1, image);
    return SD_OK;
}

sd_status sd__cifar_fill(const char *name, const void *data, size_t bytes, int64_t records, uint8_t *images, int32_t *labels)
{
    sd_bytes *in;
    SD_TRY(sd__bytes_open(name, data, bytes, &in));
    sd_status status = SD_OK;
    for (int64_t i = 0; i < records && status == SD_OK; i++)
        status = read_record(in, name, i, images + i * SD_CIFAR_IMAGE, &labels[i]);
    if (status == SD_OK)
        status = sd__bytes_end(in);
    sd__bytes_close(in);
    return status;
}

static sd_status count_file(const char *path, int64_t *records)
{
    char *data;
    size_t bytes;
    SD_TRY(sd__file_read(path, SD_LARGEST_FILE, &data, &bytes));
    sd_status status = sd__cifar_count(path, data, bytes, records);
    free(data);
    return status;
}

static sd_status fill_file(const char *path, int64_t records, uint8_t *images, int32_t *labels, sd_dataset *d)
{
    char *data;
    size_t bytes;
    SD_TRY(sd__file_read(path, SD_LARGEST_FILE, &data, &bytes));
    sd_status status = sd__cifar_fill(path, data, bytes, records, images, labels);
    if (status == SD_OK)
        sd__dataset_add_checksum(d, data, bytes);
    free(data);
    return status;
}

static sd_status count_files(int n, const char *const *paths, int64_t *records, int64_t *total)
{
    *total = 0;
    for (int i = 0; i < n; i++) {
        SD_TRY(count_file(paths[i], &records[i]));
        *total += records[i]; /* each is below 2^38 */
    }
    return SD_OK;
}

static sd_status fill_files(sd_dataset *d, int n, const char *const *paths, const int64_t *records)
{
    size_t samples = (size_t)d->info.samples;
    uint8_t *images = sd__dataset_own(d, sd__alloc_aligned(samples * SD_CIFAR_IMAGE)); /* read in any order: on huge pages */
    int32_t *labels = sd__dataset_own(d, sd__alloc(samples, sizeof *labels));
    if (!images || !labels)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %zu images", d->info.name, samples);
    d->input = images;
    for (int64_t i = 0, at = 0; i < n; at += records[i++])
        SD_TRY(fill_file(paths[i], records[i], images + at * SD_CIFAR_IMAGE, labels + at, d));
    return sd__dataset_set_labels(d, labels, SD_CIFAR_CLASSES, class_names, NULL);
}

static sd_status read_files(int n, const char *const *paths, int64_t *records, sd_dataset **dataset)
{
    sd_dataset *d;
    int64_t total;
    SD_TRY(count_files(n, paths, records, &total));
    SD_TRY(sd__dataset_new(paths[0], total, SD_SHAPE(SD_CIFAR_SIDE, SD_CIFAR_SIDE, SD_CIFAR_CHANNELS), SD_U8, &d));
    return sd__dataset_done(d, fill_files(d, n, paths, records), dataset);
}

sd_status sd_dataset_from_cifar(int n, const char *const *paths, sd_dataset **dataset)
{
    *dataset = NULL;
    if (n < 1 || n > MOST_FILES)
        return sd__fail(SD_EINVAL, "CIFAR-10: %d files; 1 to %d can be read as one set", n, MOST_FILES);
    int64_t records[MOST_FILES];
    return read_files(n, paths, records, dataset);
}
