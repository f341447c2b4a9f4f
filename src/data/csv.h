/* csv.h -- a data set from CSV text in memory. */
#ifndef SD_DATA_CSV_H
#define SD_DATA_CSV_H

#include <sonde/data.h>

/* As sd_dataset_from_csv(), of text that is changed while it is read. */
sd_status sd__csv_parse(const char *name, char *data, size_t bytes, const sd_csv *csv, sd_dataset **dataset);

#endif
