/* hash.c -- FNV-1a, 64 bits: stable over versions and machines, since checkpoints and random keys hold its values. */
#include <string.h>

#include "base/base.h"

uint64_t sd__hash(uint64_t hash, const void *data, size_t bytes)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < bytes; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3ull;
    return hash;
}

/* The final NUL is hashed, too: "ab","c" and "a","bc" differ. */
uint64_t sd__hash_text(uint64_t hash, const char *text) { return sd__hash(hash, text, strlen(text) + 1); }
