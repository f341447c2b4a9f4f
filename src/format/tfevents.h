/* tfevents.h -- TensorBoard event files: scalars by tag and step, appended as checksummed records. */
#ifndef SD_FORMAT_TFEVENTS_H
#define SD_FORMAT_TFEVENTS_H

#include "base/base.h"

typedef struct sd_tfevents sd_tfevents;

/* One number of an event. */
typedef struct sd_tfscalar {
    const char *tag; /* "train/loss": TensorBoard groups by the part before the slash */
    double value;
} sd_tfscalar;

/*
 * Opens an event file for appending. keep < 0: a new file, which begins with the version record (an old one is replaced);
 * else the file is first cut back to `keep` bytes. SD_EIO; SD_EFORMAT if it is shorter than `keep`.
 */
sd_status sd__tfevents_open(const char *path, int64_t keep, double wall_time, sd_tfevents **events);

/* Appends one event with n scalars. */
sd_status sd__tfevents_add(sd_tfevents *events, double wall_time, int64_t step, int n, const sd_tfscalar *scalar);

/* Bytes written so far: what a checkpoint notes, for `keep`. */
int64_t sd__tfevents_bytes(const sd_tfevents *events);

void sd__tfevents_close(sd_tfevents *events); /* NULL is allowed */

#endif
