/* idx.h -- the IDX format, on bytes in memory. */
#ifndef SD_DATA_IDX_H
#define SD_DATA_IDX_H

#include <sonde/tensor.h>

#include "base/base.h"

/* Unpacks an array of unsigned bytes with `low` to `high` axes; the caller frees *values. */
sd_status sd__idx_parse(const char *name, const void *data, size_t bytes, int low, int high, sd_shape *shape, uint8_t **values);

#endif
