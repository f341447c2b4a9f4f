/* conv_norm.h -- the attributes of conv2d_norm, which the plan makes and the providers read. */
#ifndef SD_OPS_CONV_NORM_H
#define SD_OPS_CONV_NORM_H

#include "ops/conv.h"

typedef struct sd_conv_norm_attr {
    sd_conv_attr conv; /* first, so that it is also that of a conv2d */
    double epsilon;
    int64_t residual; /* 1: operand 6, of the result's shape, is added */
    int64_t clip;     /* 1: then max(y, 0) */
} sd_conv_norm_attr;

#endif
