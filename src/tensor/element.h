/* element.h -- single numbers of vectors that are f32 or f64, read and written as f64. */
#ifndef SD_TENSOR_ELEMENT_H
#define SD_TENSOR_ELEMENT_H

#include <sonde/tensor.h>

static inline double sd__element(const void *vector, sd_dtype dtype, int64_t i)
{
    return dtype == SD_F64 ? ((const double *)vector)[i] : (double)((const float *)vector)[i];
}

static inline void sd__set_element(void *vector, sd_dtype dtype, int64_t i, double value)
{
    if (dtype == SD_F64)
        ((double *)vector)[i] = value;
    else
        ((float *)vector)[i] = (float)value;
}

#endif
