/* base64.h -- bytes as text and back: pictures in JSON and in pages. */
#ifndef SD_BASE_BASE64_H
#define SD_BASE_BASE64_H

#include <stdlib.h>

#include "base/base.h"

/* Appends the text of `count` bytes. */
void sd__base64_encode(sd_string *string, const void *bytes, size_t count);

/* The bytes, freed by the caller; NULL if the text is no base64, or without memory. */
uint8_t *sd__base64_decode(const char *text, size_t *count);

#endif
