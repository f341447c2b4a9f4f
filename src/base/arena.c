/* arena.c -- memory that is freed all at once: a list of blocks, each twice as large as the one before. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct sd_arena_block {
    struct sd_arena_block *next;
    size_t used, size;
    _Alignas(ALIGN) unsigned char data[];
};

/* Blocks come zeroed and are never reused, so their memory is zero until handed out. */
static struct sd_arena_block *new_block(sd_arena *arena, size_t bytes)
{
    size_t size = arena->block ? SD_MIN(2 * arena->block->size, LARGEST_BLOCK) : FIRST_BLOCK;
    size = SD_MAX(size, bytes);
    if (size > PTRDIFF_MAX - sizeof(struct sd_arena_block))
        return NULL;
    struct sd_arena_block *block = sd__alloc_zeroed(1, sizeof *block + size);
    if (!block)
        return NULL;
    block->next = arena->block;
    block->size = size;
    return arena->block = block;
}

void *sd__arena_alloc(sd_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX - ALIGN)
        return arena->failed = true, NULL;
    bytes = (SD_MAX(bytes, 1) + ALIGN - 1) / ALIGN * ALIGN;
    struct sd_arena_block *block = arena->block;
    if (!block || block->size - block->used < bytes)
        block = new_block(arena, bytes);
    if (!block)
        return arena->failed = true, NULL;
    void *result = block->data + block->used;
    block->used += bytes;
    return result;
}

void *sd__arena_copy(sd_arena *arena, const void *data, size_t bytes)
{
    void *copy = sd__arena_alloc(arena, bytes, 1);
    if (copy && bytes)
        memcpy(copy, data, bytes);
    return copy;
}

const char *sd__arena_text(sd_arena *arena, const char *text) { return sd__arena_copy(arena, text, strlen(text) + 1); }

const char *sd__arena_format(sd_arena *arena, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : sd__arena_alloc(arena, (size_t)length + 1, 1);
    if (text)
        vsnprintf(text, (size_t)length + 1, format, again);
    else
        arena->failed = true;
    va_end(again);
    va_end(arguments);
    return text;
}

void sd__arena_free(sd_arena *arena)
{
    for (struct sd_arena_block *block = arena->block, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *arena = (sd_arena){0};
}
