/*
 * fuzz_idx.c -- libFuzzer target: any bytes as an IDX file, plain or packed, are refused with a message or
 * give what they announce.
 */
#include <stdlib.h>

#include "data/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sd_shape shape;
    uint8_t *values;
    unsigned sum = 0;
    sd_status status = sd__idx_parse("fuzz", data, size, 1, 4, &shape, &values);
    if (status != SD_OK)
        return sd_error()[0] == 0 || values ? abort(), 0 : 0;
    for (int64_t i = 0; i < sd_shape_count(shape); i++) /* every value is there to be read */
        sum += values[i];
    free(values);
    return sum == 1 ? 0 : 0;
}
