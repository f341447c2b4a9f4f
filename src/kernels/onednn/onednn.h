/* onednn.h -- the provider that gives fp32 convolutions to oneDNN. */
#ifndef SD_KERNELS_ONEDNN_ONEDNN_H
#define SD_KERNELS_ONEDNN_ONEDNN_H

#include "ops/kernel.h"

extern const sd_provider sd__provider_onednn;

#endif
