/*
 * appender.h -- files that only grow (metrics, events): every piece is written at once; on resume they
 * are cut back to a length.
 */
#ifndef SD_FORMAT_APPENDER_H
#define SD_FORMAT_APPENDER_H

#include "base/base.h"

typedef struct sd_appender {
    int descriptor; /* -1: closed */
    int64_t bytes;  /* length of the file */
    char *path;
} sd_appender;

/* keep < 0: an empty file; else the existing one, cut back to `keep` bytes. SD_EIO; SD_EFORMAT if it is shorter than that. */
sd_status sd__appender_open(const char *path, int64_t keep, sd_appender *appender);

/* Appends all of it. After an error the file is cut back to its former length, so that no half record stays. */
sd_status sd__appender_write(sd_appender *appender, const void *data, size_t bytes);

void sd__appender_close(sd_appender *appender); /* a zeroed or closed one is allowed */

#endif
