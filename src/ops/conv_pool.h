/* conv_pool.h -- the attributes of conv2d_pool, which the plan makes and the providers read. */
#ifndef SD_OPS_CONV_POOL_H
#define SD_OPS_CONV_POOL_H

#include "ops/conv.h"
#include "ops/pool.h"

typedef struct sd_conv_pool_attr {
    sd_conv_attr conv; /* first, so that it is also that of a conv2d */
    sd_pool_attr pool; /* of the convolution's result */
} sd_conv_pool_attr;

#endif
