/* context.h -- what a context holds. Made by kernels/context.c, which knows the providers. */
#ifndef SD_BASE_CONTEXT_H
#define SD_BASE_CONTEXT_H

#include "base/cpu.h"
#include "base/pool.h"

#define SD_MAX_PROVIDERS 8

struct sd_provider; /* ops/kernel.h */

struct sd_context {
    sd_pool *pool;
    sd_level level;
    int n_providers;
    const struct sd_provider *provider[SD_MAX_PROVIDERS]; /* asked in this order; the last is the reference */
    int debug;
    void (*log)(void *user, const char *line);
    void *log_user;
};

/* Sends one line to the context's log, if it has one and its debug level is at least `level`. */
void sd__log(const sd_context *context, int level, const char *format, ...) SD_PRINTF(3, 4);

#endif
