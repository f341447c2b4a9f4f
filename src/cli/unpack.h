/* unpack.h -- takes the files of a named data set out of an archive. */
#ifndef SD_CLI_UNPACK_H
#define SD_CLI_UNPACK_H

#include <sonde/data.h>

/*
 * Writes the files of the set that the archive (tar, packed or not) holds into `folder`, each under its name there; nothing else is
 * taken out. errors SD_EFORMAT (damaged, a file is missing or has another size than the original), SD_EIO, SD_ENOMEM
 */
sd_status sd__unpack_set(const sd_named_set *set, const char *archive, const char *folder);

#endif
