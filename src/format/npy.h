/* npy.h -- the npy format, on bytes in memory. */
#ifndef SD_FORMAT_NPY_H
#define SD_FORMAT_NPY_H

#include <sonde/tensor.h>

#include "base/base.h"

/* Unpacks a whole npy file; the caller frees tensor->data. `name` is for messages. Errors as sd_npy_read(). */
sd_status sd__npy_parse(const char *name, const void *data, size_t bytes, sd_tensor *tensor);

#endif
