/* appender.c -- see appender.h. Unbuffered: a killed process loses nothing that it wrote, and the length is always known. */
#include "format/appender.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static sd_status cut_to(sd_appender *a, int64_t keep)
{
    struct stat info;
    if (fstat(a->descriptor, &info))
        return sd__fail(SD_EIO, "%s: %s", a->path, strerror(errno));
    if (info.st_size < keep)
        return sd__fail(SD_EFORMAT,
                        "%s: has %" PRId64 " bytes, but the checkpoint was written when it had %" PRId64
                        "; it was shortened since then",
                        a->path, (int64_t)info.st_size, keep);
    if (ftruncate(a->descriptor, keep) || lseek(a->descriptor, keep, SEEK_SET) < 0)
        return sd__fail(SD_EIO, "%s: cannot cut to %" PRId64 " bytes: %s", a->path, keep, strerror(errno));
    a->bytes = keep;
    return SD_OK;
}

sd_status sd__appender_open(const char *path, int64_t keep, sd_appender *a)
{
    *a = (sd_appender){.descriptor = -1, .path = strdup(path)};
    if (!a->path)
        return sd__fail(SD_ENOMEM, "%s: out of memory", path);
    a->descriptor = open(path, O_WRONLY | O_CLOEXEC | (keep < 0 ? O_CREAT | O_TRUNC : 0), 0666);
    sd_status status = a->descriptor < 0 ? sd__fail(SD_EIO, "%s: cannot open for writing: %s", path, strerror(errno))
                       : keep < 0        ? SD_OK
                                         : cut_to(a, keep);
    if (status != SD_OK)
        sd__appender_close(a);
    return status;
}

static ssize_t write_all(int descriptor, const char *data, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t n = write(descriptor, data + done, bytes - done);
        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return (ssize_t)done;
}

sd_status sd__appender_write(sd_appender *a, const void *data, size_t bytes)
{
    if (a->descriptor < 0)
        return sd__fail(SD_EINVAL, "appending to a closed file");
    if (write_all(a->descriptor, data, bytes) < 0) {
        int reason = errno;
        if (ftruncate(a->descriptor, a->bytes) == 0)
            lseek(a->descriptor, a->bytes, SEEK_SET);
        return sd__fail(SD_EIO, "%s: %s", a->path, strerror(reason));
    }
    a->bytes += (int64_t)bytes;
    return SD_OK;
}

void sd__appender_close(sd_appender *a)
{
    if (a->path && a->descriptor >= 0)
        close(a->descriptor);
    free(a->path);
    *a = (sd_appender){.descriptor = -1};
}
