/* file.h -- files: whole reads with a bound, writes that are complete or absent, folders, locks. */
#ifndef SD_BASE_FILE_H
#define SD_BASE_FILE_H

#include "base/base.h"

/*
 * The whole file, NUL-terminated behind its last byte; at most `limit` bytes. The caller frees *data. SD_ENOTFOUND,
 * SD_EIO, SD_EFORMAT (too long).
 */
sd_status sd__file_read(const char *path, size_t limit, char **data, size_t *bytes);

/*
 * Writes path.tmp, flushes it to disk and renames it: after a crash or a full disk the old file is
 * whole. A device is written to.
 */
sd_status sd__file_write_atomic(const char *path, const void *data, size_t bytes);

/* The same in pieces, for what is too large for one buffer: begin, write..., then commit or abandon. */
typedef struct sd_file_writer {
    int descriptor;
    char *path, *temporary;
} sd_file_writer;
sd_status sd__writer_begin(sd_file_writer *writer, const char *path);
sd_status sd__writer_write(sd_file_writer *writer, const void *data, size_t bytes);
sd_status sd__writer_commit(sd_file_writer *writer);
void sd__writer_abandon(sd_file_writer *writer);

bool sd__file_exists(const char *path);
sd_status sd__make_folders(const char *path);              /* like mkdir -p */
char *sd__path_join(const char *folder, const char *name); /* the caller frees; NULL without memory */

/* An exclusive lock on folder/.lock, held until unlock or exit. SD_EBUSY if another process holds it. */
sd_status sd__folder_lock(const char *folder, int *lock);
void sd__folder_unlock(int lock);

#endif
