/* base.h -- what every private file needs: failing with a message, arrays without overflow, hashing, lock-free small things. */
#ifndef SD_BASE_BASE_H
#define SD_BASE_BASE_H

#include <sonde/base.h>
#include <stdarg.h>

#define SD_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SD_MIN(a, b) ((a) < (b) ? (a) : (b))
#define SD_MAX(a, b) ((a) > (b) ? (a) : (b))

/*
 * Sets this thread's message; its value is `status`: `return sd__fail(SD_EIO, "%s: %s", path, why);`. A macro, so that compiler
 * and static analyser see at the call that it is no success.
 */
#define sd__fail(status, ...) (sd__complain(__VA_ARGS__), sd__failure(status))
void sd__complain(const char *format, ...) SD_PRINTF(1, 2);
static inline sd_status sd__failure(sd_status status) { return status; }
sd_status sd__vfail(sd_status status, const char *format, va_list arguments);

/* Puts "context: " before this thread's message; returns `status` unchanged (SD_OK: nothing happens). */
sd_status sd__fail_in(sd_status status, const char *format, ...) SD_PRINTF(2, 3);

#define SD_TRY(call)                       \
    do {                                   \
        sd_status sd_try_status_ = (call); \
        if (sd_try_status_ != SD_OK)       \
            return sd_try_status_;         \
    } while (0)

/* What holds here, though compiler and static analyser cannot see why. ./dev asan checks it. */
#define SD_ASSUME(condition)         \
    do {                             \
        if (!(condition))            \
            __builtin_unreachable(); \
    } while (0)

/* malloc, calloc, realloc of count * size bytes: NULL on overflow, too. Freed with free(). */
void *sd__alloc(size_t count, size_t size);
void *sd__alloc_zeroed(size_t count, size_t size);
void *sd__realloc(void *block, size_t count, size_t size);

/*
 * An array that grows one by one: the array with room for element number `count`, or NULL without memory, when nothing has
 * changed. There is always room for the next power of two, 16 at least, so nobody keeps a capacity.
 */
void *sd__grown(void *array, size_t count, size_t size);

/* 64-byte aligned; freed with free(). */
void *sd__alloc_aligned(size_t bytes);

/* FNV-1a over bytes, to be chained: start with SD_HASH_START. */
#define SD_HASH_START 0xcbf29ce484222325ull
uint64_t sd__hash(uint64_t hash, const void *data, size_t bytes);
uint64_t sd__hash_text(uint64_t hash, const char *text);

/* A growing string. Zero-initialise; text is NULL while empty; failed is set (and stays) without memory. */
typedef struct sd_string {
    char *text;
    size_t length, capacity;
    bool failed;
} sd_string;
void sd__string_add(sd_string *string, const char *format, ...) SD_PRINTF(2, 3);
void sd__string_vadd(sd_string *string, const char *format, va_list arguments);
void sd__string_add_bytes(sd_string *string, const void *bytes, size_t count);
char *sd__string_take(sd_string *string); /* the finished text, "" at least, which the caller frees; NULL if it failed */

/* Edit distance (insert, delete, replace, swap of neighbours), and the nearest of n names or NULL if none is near. */
int sd__edit_distance(const char *a, const char *b);
const char *sd__nearest(const char *wanted, int n, const char *const *names);

#endif
