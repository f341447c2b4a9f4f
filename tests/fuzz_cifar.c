/*
 * fuzz_cifar.c -- libFuzzer target: any bytes as a file of CIFAR-10, plain or packed, are refused with a message or give the records
 * that they announce.
 */
#include <stdlib.h>

#include "data/cifar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int refused(void) { return sd_error()[0] == 0 ? abort(), 0 : 0; }

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t n;
    unsigned sum = 0;
    if (sd__cifar_count("fuzz", data, size, &n) != SD_OK)
        return refused();
    uint8_t *images = malloc((size_t)n * SD_CIFAR_IMAGE);
    int32_t *labels = malloc((size_t)n * sizeof *labels);
    if (images && labels && sd__cifar_fill("fuzz", data, size, n, images, labels) == SD_OK) {
        for (int64_t i = 0; i < n * SD_CIFAR_IMAGE; i++) /* every value is there to be read */
            sum += images[i];
        for (int64_t i = 0; i < n; i++)
            if (labels[i] < 0 || labels[i] >= SD_CIFAR_CLASSES)
                abort();
    }
    free(images);
    free(labels);
    return sum == 1 ? 0 : 0;
}
