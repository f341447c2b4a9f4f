/* unpack.c -- takes files out of an archive through libarchive: those that are expected, with the size that they should have. */
#include "cli/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

enum { PIECE = 1 << 16 };

static sd_status damaged(struct archive *a, const char *name)
{
    const char *why = archive_error_string(a);
    return sd__fail(SD_EFORMAT, "%s: damaged archive (%s)", name, why ? why : "no reason given");
}

static const sd_named_file *wanted(const sd_named_set *set, const char *name)
{
    for (int i = 0; i < set->n_files; i++)
        if (!strcmp(set->file[i].name, name))
            return &set->file[i];
    return NULL;
}

static sd_status copy(struct archive *a, const char *archive, sd_file_writer *writer)
{
    char piece[PIECE];
    for (;;) {
        la_ssize_t n = archive_read_data(a, piece, sizeof piece);
        if (n < 0)
            return damaged(a, archive);
        if (n == 0)
            return SD_OK;
        SD_TRY(sd__writer_write(writer, piece, (size_t)n));
    }
}

/* path: of the file to be made; the folder above it is made, too. */
static sd_status take_out(struct archive *a, const char *archive, char *path)
{
    sd_file_writer writer;
    char *slash = strrchr(path, '/');
    *slash = 0;
    sd_status made = sd__make_folders(path);
    *slash = '/';
    SD_TRY(made);
    SD_TRY(sd__writer_begin(&writer, path));
    sd_status status = copy(a, archive, &writer);
    if (status == SD_OK)
        return sd__writer_commit(&writer);
    sd__writer_abandon(&writer);
    return status;
}

/* An entry's size is known before it is read, so no more than that is written. */
static sd_status take_file(struct archive *a, const char *archive, const sd_named_file *file, int64_t bytes, const char *folder)
{
    if (bytes != file->bytes)
        return sd__fail(SD_EFORMAT, "%s: %s in it has %lld bytes; %lld are expected", archive, file->name, (long long)bytes,
                        (long long)file->bytes);
    char *path = sd__path_join(folder, file->name);
    if (!path)
        return sd__fail(SD_ENOMEM, "%s: out of memory", archive);
    sd_status status = take_out(a, archive, path);
    free(path);
    return status;
}

static sd_status take_files(struct archive *a, const sd_named_set *set, const char *archive, const char *folder)
{
    struct archive_entry *entry;
    int code, taken = 0;
    while ((code = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
        const char *name = archive_entry_pathname(entry);
        const sd_named_file *file = name ? wanted(set, name) : NULL;
        if (!file)
            continue;
        SD_TRY(take_file(a, archive, file, archive_entry_size(entry), folder));
        taken++;
    }
    if (code != ARCHIVE_EOF)
        return damaged(a, archive);
    return taken == set->n_files
               ? SD_OK
               : sd__fail(SD_EFORMAT, "%s: %d files of %s are in it; %d are expected", archive, taken, set->name, set->n_files);
}

sd_status sd__unpack_set(const sd_named_set *set, const char *archive, const char *folder)
{
    struct archive *a = archive_read_new();
    if (!a)
        return sd__fail(SD_ENOMEM, "%s: out of memory", archive);
    archive_read_support_filter_all(a);
    archive_read_support_format_tar(a);
    sd_status status =
        archive_read_open_filename(a, archive, PIECE) == ARCHIVE_OK ? take_files(a, set, archive, folder) : damaged(a, archive);
    archive_read_free(a);
    return status;
}
