/** @file base.h -- what every part of sonde needs: status codes, the error message, and the context. */
#ifndef SONDE_BASE_H
#define SONDE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SD_API __attribute__((visibility("default")))

#if defined(__GNUC__)
#define SD_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define SD_PRINTF(text, first)
#endif

/** Every status with the sentence that explains it; the enum and sd_status_text() expand from this list. */
#define SD_STATUS_LIST(X)                                      \
    X(SD_OK, "success")                                        \
    X(SD_ENOMEM, "out of memory")                              \
    X(SD_EINVAL, "invalid argument")                           \
    X(SD_ESHAPE, "shapes do not fit")                          \
    X(SD_EDTYPE, "element types do not fit")                   \
    X(SD_EDERIV, "derivative is undefined")                    \
    X(SD_EUNSUPPORTED, "not supported by any kernel provider") \
    X(SD_EIO, "input or output failed")                        \
    X(SD_EFORMAT, "malformed data")                            \
    X(SD_ENOTFOUND, "not found")                               \
    X(SD_EBUSY, "in use by another process")                   \
    X(SD_ENONFINITE, "a value is not finite")                  \
    X(SD_ECANCELLED, "cancelled by the caller")                \
    X(SD_EINTERNAL, "internal inconsistency")

/** What a call that can fail returns; sd_error() has the sentence that names the particulars. */
typedef enum sd_status {
#define SD_STATUS_ENUM(name, text) name,
    SD_STATUS_LIST(SD_STATUS_ENUM)
#undef SD_STATUS_ENUM
        SD_STATUS_COUNT
} sd_status;

/** The general meaning of a status, e.g. "shapes do not fit". Never NULL; the string is static. */
SD_API const char *sd_status_text(sd_status status);

/**
 * The message of this thread's last failed call: what, where, and what would be right.
 *
 * The string belongs to the library and lives until the thread's next failing call; "" before the first failure.
 */
SD_API const char *sd_error(void);

/** The version of the library, "MAJOR.MINOR.PATCH". */
SD_API const char *sd_version(void);

/** Threads that run the parts of a plan. Opaque; belongs to a context. */
typedef struct sd_pool sd_pool;

/** Thread pool, kernel table for this CPU, log. Nothing mutable is global: two contexts do not know of each other. */
typedef struct sd_context sd_context;

/** How to make a context. All-zero means: every core, the best CPU level, all kernel providers, silent. */
typedef struct sd_context_options {
    int threads;         /**< working threads, the caller included; 0: all cores this process may use */
    const char *isa;     /**< "v2", "v3", "v4", "amx": highest CPU level to use; NULL: $SONDE_ISA, else the best */
    const char *kernels; /**< comma list of providers in order, or "reference"; NULL: $SONDE_KERNELS, else all */
    int debug;           /**< level 0..5 of the debug ladder; -1: $SONDE_DEBUG, else 0 */
    void (*log)(void *user, const char *line); /**< receives debug lines and, at every level, notes; NULL: they are dropped */
    void *log_user;                            /**< passed to log */
} sd_context_options;

/**
 * Makes a context.
 *
 * options  NULL for the defaults
 * errors   SD_EINVAL (unknown level or provider, level above this CPU), SD_ENOMEM
 */
SD_API sd_status sd_context_new(const sd_context_options *options, sd_context **context);

/** Stops the threads and frees the context. Plans made from it must be freed before. NULL is allowed. */
SD_API void sd_context_free(sd_context *context);

/** The context's thread pool, for sd_run(). Never NULL. */
SD_API sd_pool *sd_context_pool(sd_context *context);

/** Number of threads that take part in a run, the caller included. */
SD_API int sd_context_threads(const sd_context *context);

/** The name of the CPU level in use: "v2", "v3", "v4" or "amx". */
SD_API const char *sd_context_isa(const sd_context *context);

#ifdef __cplusplus
}
#endif
#endif
