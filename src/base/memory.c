/* memory.c -- allocation of count * size bytes that notices overflow. */
#include <stdlib.h>

#include "base/base.h"

/* At least one byte, so that NULL always means failure. */
static bool total(size_t count, size_t size, size_t *bytes)
{
    if (__builtin_mul_overflow(count, size, bytes) || *bytes > PTRDIFF_MAX)
        return false;
    *bytes = SD_MAX(*bytes, 1);
    return true;
}

void *sd__alloc(size_t count, size_t size)
{
    size_t bytes;
    return total(count, size, &bytes) ? malloc(bytes) : NULL;
}

void *sd__alloc_zeroed(size_t count, size_t size)
{
    size_t bytes;
    return total(count, size, &bytes) ? calloc(1, bytes) : NULL;
}

void *sd__realloc(void *block, size_t count, size_t size)
{
    size_t bytes;
    return total(count, size, &bytes) ? realloc(block, bytes) : NULL;
}

void *sd__alloc_aligned(size_t bytes)
{
    enum { LINE = 64 };
    if (bytes > PTRDIFF_MAX - LINE)
        return NULL;
    return aligned_alloc(LINE, SD_MAX((bytes + LINE - 1) / LINE, 1) * LINE);
}
