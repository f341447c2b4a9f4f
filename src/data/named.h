/* named.h -- sets by name, for opening. */
#ifndef SD_DATA_NAMED_H
#define SD_DATA_NAMED_H

#include <sonde/data.h>

/* The path of a set's file in `folder`, packed or not, in the folder of its archive or not; NULL if there is none. The caller frees. */
char *sd__named_file(const char *folder, const char *name);

/* Both parts of a set that lies in files. On an error either may be set and is to be freed. */
sd_status sd__named_open(const sd_named_set *set, const char *dir, sd_dataset **train, sd_dataset **test);

#endif
