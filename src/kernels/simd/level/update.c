/* update.c -- the optimizers' loops for both element types, from one template. */
#include "kernels/simd/update.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

/* Elements of theta after which a look ahead is due, and how many bytes ahead. */
enum { BLOCK = 256, AHEAD = 4096, LINE = 64 };

/* So that what is the same for all elements is decided outside the loop. */
#define INLINE static inline __attribute__((always_inline))

/* The square of a float is exact in double, so that a fused multiply-add rounds as two operations do. */
#if defined(__FMA__)
#define ADD_EXACT_SQUARE(sum, x) __builtin_fma(x, x, sum)
#else
#define ADD_EXACT_SQUARE(sum, x) ((sum) + (x) * (x))
#endif
#define ADD_ROUNDED_SQUARE(sum, x) ((sum) + (x) * (x))

/* As for writing: other threads have read theta, and an update would wait for every line of which they keep a copy. */
static inline void fetch(const void *theta, size_t bytes)
{
    for (size_t i = 0; i < bytes; i += LINE)
        __builtin_prefetch((const void *)((uintptr_t)theta + AHEAD + i), 1);
}

#define REAL float
#define SQRT sqrtf
#define ADD_SQUARE ADD_EXACT_SQUARE
#define NAME(name) name##_f32
#include "kernels/simd/level/update_rule.h"
#undef REAL
#undef SQRT
#undef ADD_SQUARE
#undef NAME

#define REAL double
#define SQRT sqrt
#define ADD_SQUARE ADD_ROUNDED_SQUARE
#define NAME(name) name##_f64
#include "kernels/simd/level/update_rule.h"

const sd_update_loops PASTE(sd__update_loops_, SD_LEVEL)[2] = {
    {sgd_f32, momentum_f32, nesterov_f32, adam_f32, square_sum_f32},
    {sgd_f64, momentum_f64, nesterov_f64, adam_f64, square_sum_f64},
};
