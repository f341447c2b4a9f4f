/* bytes.h -- a file's content behind gzip or not, read in pieces: what binary readers take numbers from. */
#ifndef SD_DATA_BYTES_H
#define SD_DATA_BYTES_H

#include "base/base.h"

#define SD_LARGEST_FILE ((size_t)1 << 36)

typedef struct sd_bytes sd_bytes;

/* Reads from data (borrowed), which is unpacked if it begins like gzip. `name` is for messages. errors SD_ENOMEM. */
sd_status sd__bytes_open(const char *name, const void *data, size_t bytes, sd_bytes **stream);
void sd__bytes_close(sd_bytes *stream);

/* No stream of this file can be longer than this: nothing larger is to be allocated on a header's word. */
uint64_t sd__bytes_most(const sd_bytes *stream);

/* Exactly n bytes, or SD_EFORMAT: truncated, or damaged gzip data. */
sd_status sd__bytes_read(sd_bytes *stream, void *out, size_t n);

/* Nothing may follow, and the gzip checksum must be right; else SD_EFORMAT. */
sd_status sd__bytes_end(sd_bytes *stream);

#endif
