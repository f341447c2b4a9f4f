/* bytes.h -- a file's content behind gzip, xz or neither, read in pieces: what binary readers take numbers from. */
#ifndef SD_DATA_BYTES_H
#define SD_DATA_BYTES_H

#include "base/base.h"

#define SD_LARGEST_FILE ((size_t)1 << 36)

typedef struct sd_bytes sd_bytes;

/*
 * Reads from data (borrowed), which is unpacked if it begins like gzip or xz. `name` is for messages.
 * errors SD_ENOMEM; SD_EFORMAT: xz, but built without liblzma
 */
sd_status sd__bytes_open(const char *name, const void *data, size_t bytes, sd_bytes **stream);
void sd__bytes_close(sd_bytes *stream);

/* No stream of this file can be longer than this: nothing larger is to be allocated on a header's word. */
uint64_t sd__bytes_most(const sd_bytes *stream);

/* How long the content says it is, at most sd__bytes_most(); to be asked before reading. errors SD_EFORMAT: it does not say. */
sd_status sd__bytes_announced(const sd_bytes *stream, uint64_t *bytes);

/* Exactly n bytes, or SD_EFORMAT: truncated, or damaged packed data. */
sd_status sd__bytes_read(sd_bytes *stream, void *out, size_t n);

/* Nothing may follow, and the checksum of packed data must be right; else SD_EFORMAT. */
sd_status sd__bytes_end(sd_bytes *stream);

#endif
