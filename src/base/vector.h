/* vector.h -- vectors of f64. Sums run in the order of the index. */
#ifndef SD_BASE_VECTOR_H
#define SD_BASE_VECTOR_H

#include <math.h>
#include <stdint.h>

static inline double sd__dot(int64_t n, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* b += scale a */
static inline void sd__add_scaled(int64_t n, double scale, const double *a, double *b)
{
    for (int64_t i = 0; i < n; i++)
        b[i] += scale * a[i];
}

/* Scales to length 1 what is not 0; returns the former length. */
static inline double sd__normalise(int64_t n, double *v)
{
    double length = sqrt(sd__dot(n, v, v));
    for (int64_t i = 0; length > 0 && i < n; i++)
        v[i] /= length;
    return length;
}

/* Orders numbers for qsort(): f64, and whole ones. */
static inline int sd__ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static inline int sd__ascending_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

#endif
