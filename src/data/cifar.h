/* cifar.h -- the binary layout of CIFAR-10, on bytes in memory. */
#ifndef SD_DATA_CIFAR_H
#define SD_DATA_CIFAR_H

#include "base/base.h"

enum {
    SD_CIFAR_SIDE = 32,
    SD_CIFAR_CHANNELS = 3,
    SD_CIFAR_IMAGE = SD_CIFAR_SIDE * SD_CIFAR_SIDE * SD_CIFAR_CHANNELS,
    SD_CIFAR_CLASSES = 10
};

/* How many records a file announces, at least one. errors SD_ENOMEM, SD_EFORMAT: empty, truncated, no whole number of records */
sd_status sd__cifar_count(const char *name, const void *data, size_t bytes, int64_t *records);

/* Reads that many records: images [records,32,32,3], labels [records]. errors SD_ENOMEM, SD_EFORMAT: another number, a label beyond 9 */
sd_status sd__cifar_fill(const char *name, const void *data, size_t bytes, int64_t records, uint8_t *images, int32_t *labels);

#endif
