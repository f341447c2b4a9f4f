/* file.c -- files: whole reads with a bound, writes that are complete or absent, folders, locks. */
#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static sd_status fail_errno(const char *path, const char *doing)
{
    int error = errno;
    sd_status status = error == ENOENT || error == ENOTDIR ? SD_ENOTFOUND : error == ENOMEM ? SD_ENOMEM : SD_EIO;
    return sd__fail(status, "%s: cannot %s: %s", path, doing, strerror(error));
}

static ssize_t read_some(int descriptor, void *data, size_t bytes)
{
    ssize_t got;
    do
        got = read(descriptor, data, SD_MIN(bytes, (size_t)1 << 30));
    while (got < 0 && errno == EINTR);
    return got;
}

/* Reads to the end rather than st_size bytes: pipes and /proc have no size. One byte more than the limit shows excess. */
static sd_status read_all(int descriptor, const char *path, size_t limit, size_t guess, char **data, size_t *bytes)
{
    size_t capacity = SD_MIN(guess, limit) + 2, length = 0;
    char *buffer = sd__alloc(capacity, 1);
    for (ssize_t got = 1; buffer && got > 0;) {
        if (length + 1 == capacity) {
            capacity = capacity / 2 < limit ? 2 * capacity : limit + 2;
            char *larger = sd__realloc(buffer, capacity, 1);
            if (!larger)
                free(buffer);
            buffer = larger;
            continue;
        }
        got = read_some(descriptor, buffer + length, capacity - 1 - length);
        length += got > 0 ? (size_t)got : 0;
        if (got < 0 || length > limit) {
            free(buffer);
            return got < 0 ? fail_errno(path, "read")
                           : sd__fail(SD_EFORMAT, "%s: longer than the %zu bytes allowed", path, limit);
        }
    }
    if (!buffer)
        return sd__fail(SD_ENOMEM, "%s: no memory to read it (%zu bytes)", path, capacity);
    buffer[length] = 0;
    *data = buffer;
    *bytes = length;
    return SD_OK;
}

sd_status sd__file_read(const char *path, size_t limit, char **data, size_t *bytes)
{
    *data = NULL;
    *bytes = 0;
    limit = SD_MIN(limit, (size_t)PTRDIFF_MAX / 4);
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail_errno(path, "open");
    struct stat info;
    sd_status status;
    if (fstat(descriptor, &info) != 0)
        status = fail_errno(path, "examine");
    else if (S_ISDIR(info.st_mode))
        status = sd__fail(SD_EIO, "%s: is a folder; a file is wanted", path);
    else if (info.st_size > 0 && (uint64_t)info.st_size > limit)
        status = sd__fail(SD_EFORMAT, "%s: %lld bytes; at most %zu are allowed", path, (long long)info.st_size, limit);
    else
        status = read_all(descriptor, path, limit, SD_MAX((size_t)info.st_size, 4096), data, bytes);
    close(descriptor);
    return status;
}

/* A device or a pipe is written to, never replaced: a rename would put a file where /dev/stdout was. */
static bool is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

/* Where a writer's bytes go until they are complete. */
static const char *target(const sd_file_writer *writer) { return writer->temporary ? writer->temporary : writer->path; }

sd_status sd__writer_begin(sd_file_writer *writer, const char *path)
{
    *writer = (sd_file_writer){.descriptor = -1};
    size_t length = strlen(path);
    writer->path = sd__alloc(length + 1, 1);
    writer->temporary = sd__alloc(length + 5, 1);
    if (!writer->path || !writer->temporary) {
        sd__writer_abandon(writer);
        return sd__fail(SD_ENOMEM, "%s: no memory for its name", path);
    }
    memcpy(writer->path, path, length + 1);
    memcpy(writer->temporary, path, length);
    memcpy(writer->temporary + length, ".tmp", 5);
    if (is_special(path)) {
        free(writer->temporary);
        writer->temporary = NULL;
    }
    writer->descriptor = open(target(writer), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (writer->descriptor >= 0)
        return SD_OK;
    sd_status status = fail_errno(target(writer), "create");
    sd__writer_abandon(writer);
    return status;
}

sd_status sd__writer_write(sd_file_writer *writer, const void *data, size_t bytes)
{
    const char *from = data;
    while (bytes) {
        ssize_t put = write(writer->descriptor, from, SD_MIN(bytes, (size_t)1 << 30));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return fail_errno(target(writer), "write");
        from += put;
        bytes -= (size_t)put;
    }
    return SD_OK;
}

/*
 * The rename itself lies in the folder: without this a crash may bring the old file back. Best effort:
 * not every file system can.
 */
static void sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = sd__alloc(length + 2, 1);
    if (!folder)
        return;
    memcpy(folder, path, length);
    memcpy(folder + length, ".", 2);
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    free(folder);
}

/* Whatever fails, the writer is finished and the temporary file gone. */
sd_status sd__writer_commit(sd_file_writer *writer)
{
    bool file = writer->temporary != NULL;
    sd_status status = file && fsync(writer->descriptor) ? fail_errno(target(writer), "flush") : SD_OK;
    if (close(writer->descriptor) && status == SD_OK)
        status = fail_errno(target(writer), "close");
    writer->descriptor = -1;
    if (status == SD_OK && file && rename(writer->temporary, writer->path))
        status = fail_errno(writer->path, "replace");
    if (status == SD_OK && file) {
        sync_folder(writer->path);
        free(writer->temporary);
        writer->temporary = NULL;
    }
    sd__writer_abandon(writer);
    return status;
}

void sd__writer_abandon(sd_file_writer *writer)
{
    if (writer->descriptor >= 0)
        close(writer->descriptor);
    if (writer->temporary && writer->path)
        unlink(writer->temporary);
    free(writer->temporary);
    free(writer->path);
    *writer = (sd_file_writer){.descriptor = -1};
}

sd_status sd__file_write_atomic(const char *path, const void *data, size_t bytes)
{
    sd_file_writer writer;
    SD_TRY(sd__writer_begin(&writer, path));
    sd_status status = sd__writer_write(&writer, data, bytes);
    if (status == SD_OK)
        return sd__writer_commit(&writer);
    sd__writer_abandon(&writer);
    return status;
}

bool sd__file_exists(const char *path) { return access(path, F_OK) == 0; }

static sd_status make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0777) == 0)
        return SD_OK;
    if (errno != EEXIST)
        return fail_errno(path, "make this folder");
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return SD_OK;
    return sd__fail(SD_EIO, "%s: is in the way; a folder is wanted there", path);
}

sd_status sd__make_folders(const char *path)
{
    char *part = sd__alloc(strlen(path) + 1, 1);
    if (!part)
        return sd__fail(SD_ENOMEM, "%s: no memory for its name", path);
    strcpy(part, path);
    sd_status status = SD_OK;
    for (char *slash = part + 1; *part && status == SD_OK && (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        status = make_folder(part);
        *slash = '/';
    }
    if (status == SD_OK)
        status = make_folder(part);
    free(part);
    return status;
}

char *sd__path_join(const char *folder, const char *name)
{
    sd_string path = {0};
    size_t length = strlen(folder);
    bool bare = length == 0 || name[0] == '/';
    sd__string_add(&path, "%s%s%s", bare ? "" : folder, bare || folder[length - 1] == '/' ? "" : "/", name);
    return sd__string_take(&path);
}

sd_status sd__folder_lock(const char *folder, int *lock)
{
    *lock = -1;
    char *path = sd__path_join(folder, ".lock");
    if (!path)
        return sd__fail(SD_ENOMEM, "%s: no memory for its name", folder);
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    sd_status status = descriptor < 0 ? fail_errno(path, "create") : SD_OK;
    if (status == SD_OK && flock(descriptor, LOCK_EX | LOCK_NB)) {
        status = errno == EWOULDBLOCK ? sd__fail(SD_EBUSY, "%s: another process is using this folder", folder)
                                      : fail_errno(path, "lock");
        close(descriptor);
    }
    if (status == SD_OK)
        *lock = descriptor;
    free(path);
    return status;
}

void sd__folder_unlock(int lock)
{
    if (lock >= 0)
        close(lock);
}
