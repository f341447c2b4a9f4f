/* csv_text.c -- cuts CSV text (RFC 4180, any separator, any line end) into records and fields, each with its place. */
#include "data/csv_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

void sd__csv_begin(sd_csv_text *csv, const char *name, char *data, size_t bytes, char separator)
{
    *csv = (sd_csv_text){.name = name, .at = data, .end = data + bytes, .line_start = data, .line = 1, .separator = separator};
    if (bytes >= 3 && !memcmp(data, BYTE_ORDER_MARK, 3))
        csv->at = csv->line_start = data + 3;
}

void sd__csv_end(sd_csv_text *csv)
{
    free(csv->field);
    csv->field = NULL;
}

sd_status sd__csv_fail(const sd_csv_text *csv, const sd_csv_field *field, const char *format, ...)
{
    char message[384];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    return sd__fail(SD_EFORMAT, "%s:%d:%d: %s", csv->name, field->line, field->column, message);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void next_line(sd_csv_text *csv)
{
    csv->line_start = ++csv->at;
    csv->line++;
}

static void skip_blank_lines(sd_csv_text *csv)
{
    for (char *p = csv->at; p < csv->end && (is_blank(*p) || *p == '\n');)
        if (*p++ == '\n') {
            csv->at = p - 1;
            next_line(csv);
        }
}

/* Behind the last line there may be spaces without a line end. */
static bool only_blanks_left(const sd_csv_text *csv)
{
    for (const char *p = csv->at; p < csv->end; p++)
        if (!is_blank(*p))
            return false;
    return true;
}

static sd_status add_field(sd_csv_text *csv, sd_csv_field **field)
{
    if (csv->n == csv->capacity) {
        int capacity = csv->capacity ? 2 * csv->capacity : 64;
        sd_csv_field *more = capacity <= SD_CSV_MOST_COLUMNS ? sd__realloc(csv->field, (size_t)capacity, sizeof(*more)) : NULL;
        if (!more)
            return sd__fail(capacity > SD_CSV_MOST_COLUMNS ? SD_EFORMAT : SD_ENOMEM, "%s:%d: more columns than can be read",
                            csv->name, csv->line);
        csv->field = more;
        csv->capacity = capacity;
    }
    *field = &csv->field[csv->n++];
    **field =
        (sd_csv_field){.text = csv->at, .line = csv->line, .column = (int)SD_MIN(csv->at - csv->line_start, INT32_MAX - 1) + 1};
    return SD_OK;
}

/* From the opening quote to behind the closing one; a doubled quote stands for one. */
static sd_status quoted(sd_csv_text *csv, sd_csv_field *field)
{
    char *out = csv->at;
    for (csv->at++;;) {
        if (csv->at == csv->end)
            return sd__csv_fail(csv, field, "this quote is never closed");
        char c = *csv->at;
        if (c == '"' && (csv->at + 1 == csv->end || csv->at[1] != '"'))
            break;
        csv->at += c == '"';
        *out++ = c;
        if (c == '\n')
            next_line(csv);
        else
            csv->at++;
    }
    csv->at++;
    field->length = (size_t)(out - field->text);
    while (csv->at < csv->end && is_blank(*csv->at) && *csv->at != csv->separator)
        csv->at++;
    if (csv->at < csv->end && *csv->at != csv->separator && *csv->at != '\n')
        return sd__csv_fail(csv, field, "text after the closing quote; a quote inside a quoted field is written twice");
    return SD_OK;
}

static void plain(sd_csv_text *csv, sd_csv_field *field)
{
    while (csv->at < csv->end && *csv->at != csv->separator && *csv->at != '\n')
        csv->at++;
    char *end = csv->at;
    while (field->text < end && is_blank(end[-1]))
        end--;
    while (field->text < end && is_blank(*field->text))
        field->text++;
    field->length = (size_t)(end - field->text);
}

sd_status sd__csv_next(sd_csv_text *csv, bool *more)
{
    csv->n = 0;
    skip_blank_lines(csv);
    *more = !only_blanks_left(csv);
    for (bool another = *more; another;) {
        sd_csv_field *field;
        SD_TRY(add_field(csv, &field));
        if (csv->at < csv->end && *csv->at == '"')
            SD_TRY(quoted(csv, field));
        else
            plain(csv, field);
        another = csv->at < csv->end && *csv->at == csv->separator;
        if (another)
            csv->at++;
        else if (csv->at < csv->end)
            next_line(csv);
    }
    return SD_OK;
}
