/* csv_text.h -- cuts CSV text into records and fields, each with its place. */
#ifndef SD_DATA_CSV_TEXT_H
#define SD_DATA_CSV_TEXT_H

#include "base/base.h"

#define SD_CSV_MOST_COLUMNS (1 << 20)

typedef struct sd_csv_field {
    char *text; /* in the file's buffer; not terminated; quotes removed, spaces around unquoted text, too */
    size_t length;
    int line, column; /* from 1; columns count bytes */
} sd_csv_field;

typedef struct sd_csv_text {
    const char *name; /* of the file */
    char *at, *end;
    char *line_start;
    int line;
    char separator;
    int n; /* fields of the record read last */
    int capacity;
    sd_csv_field *field;
} sd_csv_text;

/* The buffer is changed: quoted fields are unescaped in place. */
void sd__csv_begin(sd_csv_text *csv, const char *name, char *data, size_t bytes, char separator);
void sd__csv_end(sd_csv_text *csv);

/* Reads the next record that is not blank; *more is false at the end. errors SD_EFORMAT, SD_ENOMEM. */
sd_status sd__csv_next(sd_csv_text *csv, bool *more);

/* Sets this thread's message to "FILE:LINE:COLUMN: ...". */
sd_status sd__csv_fail(const sd_csv_text *csv, const sd_csv_field *field, const char *format, ...) SD_PRINTF(3, 4);

#endif
