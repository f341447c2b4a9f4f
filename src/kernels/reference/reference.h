/* reference.h -- the provider of last resort, and the oracle. */
#ifndef SD_KERNELS_REFERENCE_REFERENCE_H
#define SD_KERNELS_REFERENCE_REFERENCE_H

#include "ops/kernel.h"

extern const sd_provider sd__provider_reference;

#endif
