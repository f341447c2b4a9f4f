/* fetch.c -- downloads through libcurl: bounded, hashed while it streams, renamed into place only when all is right. */
#include "cli/fetch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/unpack.h"
#include "data/named.h"
#include "data/sha256.h"

#define CONNECT_SECONDS 30L
#define STALL_SECONDS 60L
#define MOST_REDIRECTIONS 5L

typedef struct transfer {
    const char *url, *file; /* file: the last part of the path, for progress */
    int64_t bound, done;
    sd_file_writer writer;
    sd_sha256 hash;
    sd_status status; /* why a callback stopped the transfer */
    sd_fetch_progress *progress;
    void *user;
} transfer;

static size_t on_data(char *data, size_t size, size_t count, void *user)
{
    transfer *t = user;
    size_t bytes = size * count;
    if (bytes > (uint64_t)(t->bound - t->done)) {
        t->status = sd__fail(SD_EFORMAT, "%s: longer than the %lld bytes it should have; this is another file", t->url,
                             (long long)t->bound);
        return CURL_WRITEFUNC_ERROR;
    }
    t->status = sd__writer_write(&t->writer, data, bytes);
    sd__sha256_add(&t->hash, data, bytes);
    t->done += (int64_t)bytes;
    return t->status == SD_OK ? bytes : CURL_WRITEFUNC_ERROR;
}

/* Called at least once a second, so that Ctrl-C is noticed on a silent connection, too. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    transfer *t = user;
    (void)now, (void)up_total, (void)up_now;
    if (!t->progress || t->progress(t->user, t->file, t->done, total > 0 ? total : -1))
        return 0;
    t->status = sd__fail(SD_ECANCELLED, "%s: cancelled", t->url);
    return 1;
}

static void set_options(CURL *curl, transfer *t, char *error)
{
    curl_easy_setopt(curl, CURLOPT_URL, t->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, MOST_REDIRECTIONS);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "sonde");
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
}

static sd_status perform(transfer *t)
{
    char error[CURL_ERROR_SIZE] = "";
    CURL *curl = curl_easy_init();
    if (!curl)
        return sd__fail(SD_ENOMEM, "%s: out of memory", t->url);
    set_options(curl, t, error);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    if (t->status != SD_OK)
        return t->status;
    if (code != CURLE_OK)
        return sd__fail(SD_EIO, "%s: %s", t->url, *error ? error : curl_easy_strerror(code));
    return SD_OK;
}

static sd_status check(transfer *t, const char *sha256)
{
    char found[SD_SHA256_TEXT];
    sd__sha256_end(&t->hash, found);
    if (sha256 && strcasecmp(sha256, found))
        return sd__fail(SD_EFORMAT, "%s: wrong checksum: its %lld bytes have SHA-256 %s, but %s is expected", t->url,
                        (long long)t->done, found, sha256);
    return SD_OK;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

sd_status sd__fetch(const char *url, const char *path, const char *sha256, int64_t bound, sd_fetch_progress *progress,
                    void *user)
{
    transfer t = {.url = url, .file = last_part(path), .bound = bound, .progress = progress, .user = user};
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return sd__fail(SD_EIO, "%s: libcurl does not start", url);
    sd_status status = sd__writer_begin(&t.writer, path);
    if (status == SD_OK) {
        sd__sha256_begin(&t.hash);
        status = perform(&t);
        if (status == SD_OK)
            status = check(&t, sha256);
        if (status == SD_OK)
            status = sd__writer_commit(&t.writer);
        else
            sd__writer_abandon(&t.writer);
    }
    curl_global_cleanup();
    return status;
}

/* -- sets ------------------------------------------------------------------------------------------------------------- */

static bool is_there(const sd_named_file *file, const char *path)
{
    char found[SD_SHA256_TEXT] = "", *data;
    size_t bytes;
    if (!sd__file_exists(path) || sd__file_read(path, (size_t)file->bytes, &data, &bytes) != SD_OK)
        return false;
    sd__sha256(data, bytes, found);
    free(data);
    return file->sha256 && !strcmp(found, file->sha256);
}

static void make_address(sd_string *out, const sd_named_set *set, const char *file, const char *base, int i)
{
    size_t length = base ? strlen(base) : 0;
    if (base)
        sd__string_add(out, "%s%s%s/%s", base, length && base[length - 1] == '/' ? "" : "/", set->name, file);
    else
        sd__string_add(out, "%s%s", set->url[i], file);
}

static sd_status fetch_from(const sd_named_set *set, const sd_named_file *file, const char *path, const char *base, int i,
                            sd_fetch_progress *progress, void *user)
{
    sd_string address = {0};
    make_address(&address, set, file->name, base, i);
    sd_status status = address.failed ? sd__fail(SD_ENOMEM, "%s: out of memory", path)
                                      : sd__fetch(address.text, path, file->sha256, file->bytes, progress, user);
    free(address.text);
    return status;
}

/* The first address that has the right file; if none has, the message says what was wrong with each. */
static sd_status fetch_file(const sd_named_set *set, const sd_named_file *file, const char *path, const char *base,
                            sd_fetch_progress *progress, void *user)
{
    sd_string reasons = {0};
    sd_status status = SD_ENOTFOUND;
    int n = base ? 1 : set->n_urls;
    for (int i = 0; i < n && status != SD_OK && status != SD_ECANCELLED; i++) {
        status = fetch_from(set, file, path, base, i, progress, user);
        if (status != SD_OK)
            sd__string_add(&reasons, "%s%s", i ? "; " : "", sd_error());
    }
    if (status != SD_OK)
        sd__fail(status, "%s", reasons.text ? reasons.text : "no address is known to fetch it from");
    free(reasons.text);
    return status;
}

/* A file that was packed since is taken for whole; reading it says if it is not. */
static bool was_unpacked(const sd_named_file *file, const char *folder)
{
    struct stat found;
    char *path = sd__named_file(folder, file->name);
    const char *end = path ? path + strlen(path) - 3 : "";
    bool packed = !strcmp(end, ".gz") || !strcmp(end, ".xz");
    bool there = path && stat(path, &found) == 0 && (packed || found.st_size == file->bytes);
    free(path);
    return there;
}

/* The archive goes when its files are there. */
static sd_status fetch_archive(const sd_named_set *set, const char *path, const char *folder, const char *base,
                               sd_fetch_progress *progress, void *user)
{
    int there = 0;
    for (int i = 0; i < set->n_files; i++)
        there += was_unpacked(&set->file[i], folder);
    if (there == set->n_files)
        return SD_OK;
    if (!is_there(&set->archive, path))
        SD_TRY(fetch_file(set, &set->archive, path, base, progress, user));
    SD_TRY(sd__unpack_set(set, path, folder));
    unlink(path);
    return SD_OK;
}

static sd_status fetch_member(const sd_named_set *set, const sd_named_file *file, const char *folder, const char *base,
                              sd_fetch_progress *progress, void *user)
{
    char *path = sd__path_join(folder, file->name);
    if (!path)
        return sd__fail(SD_ENOMEM, "%s: out of memory", folder);
    sd_status status = SD_OK;
    if (file == &set->archive)
        status = fetch_archive(set, path, folder, base, progress, user);
    else if (!is_there(file, path))
        status = fetch_file(set, file, path, base, progress, user);
    free(path);
    return status;
}

sd_status sd__fetch_set(const sd_named_set *set, const char *folder, const char *base, sd_fetch_progress *progress, void *user)
{
    const char *variable = getenv("SONDE_DATA_URL");
    if (!base && variable && *variable)
        base = variable;
    SD_TRY(sd__make_folders(folder));
    if (set->archive.name)
        return fetch_member(set, &set->archive, folder, base, progress, user);
    for (int i = 0; i < set->n_files; i++)
        SD_TRY(fetch_member(set, &set->file[i], folder, base, progress, user));
    return SD_OK;
}
