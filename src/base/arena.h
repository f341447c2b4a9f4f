/* arena.h -- memory that is freed all at once: what a graph or a plan is made of. */
#ifndef SD_BASE_ARENA_H
#define SD_BASE_ARENA_H

#include "base/base.h"

typedef struct sd_arena {
    struct sd_arena_block *block; /* newest first */
    bool failed;                  /* an allocation failed; stays set */
} sd_arena;

/* 16-byte aligned, zeroed; NULL without memory. */
void *sd__arena_alloc(sd_arena *arena, size_t count, size_t size);
void *sd__arena_copy(sd_arena *arena, const void *data, size_t bytes);
const char *sd__arena_text(sd_arena *arena, const char *text);
const char *sd__arena_format(sd_arena *arena, const char *format, ...) SD_PRINTF(2, 3);
void sd__arena_free(sd_arena *arena);

#endif
