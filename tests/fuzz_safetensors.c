/* fuzz_safetensors.c -- arbitrary bytes as a file of tensors: what is accepted can be read to its last element. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sonde/format.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Sums every byte, so that the sanitizer sees each. */
static unsigned touch(const sd_tensors *tensors)
{
    unsigned sum = 0;
    for (int i = 0; i < sd_tensors_count(tensors); i++) {
        sd_named_tensor t = sd_tensors_at(tensors, i);
        size_t bytes = (size_t)sd_shape_count(t.tensor.shape) * sd_dtype_size(t.tensor.dtype);
        for (size_t k = 0; k < bytes; k++)
            sum += ((const uint8_t *)t.tensor.data)[k];
        sum += (unsigned)strlen(t.name);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    static volatile unsigned seen;
    if (!path[0])
        snprintf(path, sizeof path, "/tmp/sonde-fuzz-%ld.safetensors", (long)getpid());
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size)
        abort();
    fclose(file);
    sd_tensors *tensors;
    if (sd_tensors_load(path, &tensors) == SD_OK) {
        seen += touch(tensors);
        sd_tensors_free(tensors);
    }
    unlink(path);
    return 0;
}
