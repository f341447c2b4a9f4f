/* sha256.h -- SHA-256 of a stream of bytes (FIPS 180-4): names the version of a data set, and checks what was fetched. */
#ifndef SD_DATA_SHA256_H
#define SD_DATA_SHA256_H

#include "base/base.h"

#define SD_SHA256_TEXT 65 /* 64 hex digits and the end */

typedef struct sd_sha256 {
    uint32_t state[8];
    uint64_t length; /* bytes so far */
    uint8_t block[64];
} sd_sha256;

void sd__sha256_begin(sd_sha256 *hash);
void sd__sha256_add(sd_sha256 *hash, const void *data, size_t bytes);
void sd__sha256_end(sd_sha256 *hash, char text[SD_SHA256_TEXT]);
void sd__sha256(const void *data, size_t bytes, char text[SD_SHA256_TEXT]);

#endif
