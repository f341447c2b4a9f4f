/* memory.c -- allocation of count * size bytes that notices overflow. */
#define _DEFAULT_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "base/base.h"

enum { LINE = 64, HUGE_PAGE = 1 << 21 };

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

void *sd__grown(void *array, size_t count, size_t size)
{
    enum { LEAST = 16 };
    bool full = !count || (count >= LEAST && !(count & (count - 1)));
    return full ? sd__realloc(array, SD_MAX(2 * count, LEAST), size) : array;
}

/*
 * Vectors of megabytes lie on pages of 2 MB where the system grants them: rows a power of two apart would otherwise cost a look
 * at the page table each. The last page counts, too, unless most of a small vector's memory would be for nothing.
 */
static size_t with_last_page(size_t bytes)
{
    size_t rest = bytes % HUGE_PAGE ? HUGE_PAGE - bytes % HUGE_PAGE : 0;
    return bytes >= HUGE_PAGE && rest <= bytes / 4 ? bytes + rest : bytes;
}

static void ask_for_huge_pages(void *block, size_t bytes)
{
#if defined(MADV_HUGEPAGE)
    if (bytes >= HUGE_PAGE)
        madvise(block, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* a wish: it may fail */
#endif
}

void *sd__alloc_aligned(size_t bytes)
{
    void *block;
    bytes = with_last_page(SD_MIN(bytes, PTRDIFF_MAX));
    if (bytes > PTRDIFF_MAX - HUGE_PAGE || posix_memalign(&block, bytes >= HUGE_PAGE ? HUGE_PAGE : LINE, SD_MAX(bytes, 1)))
        return NULL;
    ask_for_huge_pages(block, bytes);
    return block;
}
