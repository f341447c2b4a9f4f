/*
 * element.h -- single elements of strided f32 and f64 tensors, for reference kernels that serve both types with one loop.
 *
 * Sums run in double and in index order, and are rounded once: slow and obvious, which is what an oracle should be.
 */
#ifndef SD_OPS_ELEMENT_H
#define SD_OPS_ELEMENT_H

#include "tensor/element.h"

/* Element number `at`, counted in elements from the data pointer. */
static inline double sd__get(const sd_tensor *t, int64_t at) { return sd__element(t->data, t->dtype, at); }

/* Where element [i,j,k,l] of a tensor of four axes is. */
static inline int64_t sd__at(const sd_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return i * t->stride[0] + j * t->stride[1] + k * t->stride[2] + l * t->stride[3];
}

static inline void sd__put(const sd_tensor *t, int64_t at, double value) { sd__set_element(t->data, t->dtype, at, value); }

static inline double sd__dot_f32(const float *a, int64_t a_step, const float *b, int64_t b_step, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i * a_step] * (double)b[i * b_step];
    return sum;
}

static inline double sd__dot_f64(const double *a, int64_t a_step, const double *b, int64_t b_step, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i * a_step] * b[i * b_step];
    return sum;
}

/* Sum of a[a_at + i * a_step] * b[b_at + i * b_step] for i < n; a and b of one type. */
static inline double sd__strided_dot(const sd_tensor *a, int64_t a_at, int64_t a_step, const sd_tensor *b, int64_t b_at,
                                     int64_t b_step, int64_t n)
{
    if (a->dtype == SD_F32)
        return sd__dot_f32((const float *)a->data + a_at, a_step, (const float *)b->data + b_at, b_step, n);
    return sd__dot_f64((const double *)a->data + a_at, a_step, (const double *)b->data + b_at, b_step, n);
}

#endif
