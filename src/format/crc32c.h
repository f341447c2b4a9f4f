/* crc32c.h -- the Castagnoli checksum: guards checkpoints against flipped bytes and frames TensorBoard records. */
#ifndef SD_FORMAT_CRC32C_H
#define SD_FORMAT_CRC32C_H

#include "base/base.h"

/* CRC-32C of `bytes` more bytes behind those that gave `crc`; start with 0. RFC 3720, appendix B.4 has test vectors. */
uint32_t sd__crc32c(uint32_t crc, const void *data, size_t bytes);

/* The masked form of TensorFlow's record files: a checksum of data that holds checksums is a poor one. */
uint32_t sd__crc32c_mask(uint32_t crc);

#endif
