/* fetch.h -- downloads a file whose size and checksum are known, and the files of a named data set. */
#ifndef SD_CLI_FETCH_H
#define SD_CLI_FETCH_H

#include <sonde/data.h>

/* Called as bytes arrive; `file` is the name of what is fetched, total -1 while unknown. False cancels. */
typedef bool sd_fetch_progress(void *user, const char *file, int64_t done, int64_t total);

/*
 * Fetches url (http or https, redirections followed) to path, which is complete and checked, or left as it was.
 *
 * sha256   64 hex digits that the content must have, or NULL
 * bound    most bytes that are taken
 * progress may be NULL
 * errors   SD_EIO (no connection, HTTP error, cut off, disk full), SD_EFORMAT (beyond bound, another checksum), SD_ECANCELLED
 */
sd_status sd__fetch(const char *url, const char *path, const char *sha256, int64_t bound, sd_fetch_progress *progress,
                    void *user);

/*
 * Fetches the files of a set that `folder` (made if need be) does not have already, as they should be. Each address of the set
 * is tried in turn; base, if not NULL, or $SONDE_DATA_URL replaces them: files are then at BASE/SET/FILE. Where the set comes as an
 * archive, that is fetched, unpacked and removed.
 */
sd_status sd__fetch_set(const sd_named_set *set, const char *folder, const char *base, sd_fetch_progress *progress, void *user);

#endif
