/* pool.h -- the attributes of the pooling ops, which the providers read. */
#ifndef SD_OPS_POOL_H
#define SD_OPS_POOL_H

#include "ops/window.h"

/* maxpool, avgpool, avgpool_dx: dilation and groups are 1; image is that of x (of dx). Every window touches the image. */
typedef sd_window_attr sd_pool_attr;

/* pool_gather, pool_scatter: height and width of the larger image; an index counts h * width + w. */
typedef struct sd_pool_index_attr {
    int64_t image[2];
} sd_pool_index_attr;

#endif
