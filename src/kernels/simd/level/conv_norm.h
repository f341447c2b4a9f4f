/*
 * conv_norm.h -- what conv2d_norm does to a vector of filters of a convolution: the operations of batch_norm_eval, add and relu,
 * in this order, so that its bits are those of the separate steps.
 */
#ifndef SD_SIMD_LEVEL_CONV_NORM_H
#define SD_SIMD_LEVEL_CONV_NORM_H

#include "kernels/simd/level/vector.h"
#include "ops/conv_norm.h"
#include "ops/kernel.h"

/* scale / sqrt(variance + epsilon) */
static inline void conv_norm_factors(const sd_args *a, int64_t filters, float *factor)
{
    const float *scale = a->in[2].data, *variance = a->in[5].data;
    const float epsilon = (float)((const sd_conv_norm_attr *)a->attr)->epsilon;
    for (int64_t j = 0; j < filters; j += V_LANES)
        v_store(factor + j, v_load(scale + j) * (1.0f / v_sqrt(v_load(variance + j) + epsilon)));
}

/* What is the same for all positions of a vector of filters. */
typedef struct conv_norm {
    vf factor, offset, mean;
    const float *residual; /* laid out like the result; NULL: none */
    bool clip;
} conv_norm;

V_INLINE conv_norm conv_norm_of(const sd_args *a, const float *factor, int64_t filter)
{
    const sd_conv_norm_attr *attr = a->attr;
    conv_norm n = {.residual = attr->residual ? a->in[6].data : NULL, .clip = attr->clip};
    n.factor = v_load(factor + filter);
    n.offset = v_load((const float *)a->in[3].data + filter);
    n.mean = v_load((const float *)a->in[4].data + filter);
    return n;
}

/* Of the sums that belong at element `at` of the result. */
V_INLINE vf conv_norm_apply(const conv_norm *n, int64_t at, vf value)
{
    value = (value - n->mean) * n->factor + n->offset;
    if (n->residual)
        value = value + v_load(n->residual + at);
    return n->clip ? v_relu(value) : value;
}

#endif
