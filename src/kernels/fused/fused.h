/* fused.h -- the provider of clusters of elementwise ops. */
#ifndef SD_KERNELS_FUSED_FUSED_H
#define SD_KERNELS_FUSED_FUSED_H

#include "ops/kernel.h"

extern const sd_provider sd__provider_fused;

#endif
