/* section_text.c -- prints what an instrument found: one function for each kind of item. */
#include "cli/section_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "probe/figure_json.h"

enum { WIDTH = 100, CELL = 96, COLUMNS = 16, BESIDE = 14, NAME = 52 };

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Words up to the line's end; no word is cut. Further lines begin with `indent` blanks. */
static void print_words(const char *text, size_t indent)
{
    size_t column = 0;
    while (*text) {
        size_t word = strcspn(text, " ");
        if (column && indent + column + 1 + word > WIDTH) {
            printf("\n%*s", (int)indent, "");
            column = 0;
        }
        printf("%s%.*s", column ? " " : "", (int)word, text);
        column += word + (column > 0);
        text += word;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void print_wrapped(const char *text) { print_words(text, 0); }

void sd__print_beside(const char *word, const char *text)
{
    printf("%-*s", BESIDE, word);
    print_words(text, BESIDE);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------ */

static void value_text(const json_t *value, char cell[CELL])
{
    if (json_is_string(value))
        snprintf(cell, CELL, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(cell, CELL, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_boolean(value))
        snprintf(cell, CELL, "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_real(value))
        snprintf(cell, CELL, "%.6g", json_real_value(value));
    else
        snprintf(cell, CELL, "-");
}

/* "0.93 (0.91 to 0.95)"; a control that was not run is a string that says so. */
static void interval_text(const json_t *interval, char cell[CELL])
{
    double low = sd__json_number(json_object_get(interval, "low")), high = sd__json_number(json_object_get(interval, "high"));
    if (!json_is_object(interval)) {
        value_text(interval, cell);
        return;
    }
    value_text(json_object_get(interval, "estimate"), cell);
    size_t length = strlen(cell);
    if (isfinite(low) && isfinite(high))
        snprintf(cell + length, CELL - length, " (%.4g to %.4g)", low, high);
}

static void print_number(const json_t *item, bool first)
{
    char run[CELL], control[CELL];
    interval_text(json_object_get(item, "run"), run);
    interval_text(json_object_get(item, "untrained"), control);
    if (first)
        printf("\n  %-*s %-28s %s\n", NAME, "", "this run", "untrained");
    const char *name = text_of(item, "name");
    bool wide = strlen(name) > NAME; /* it then has a line of its own */
    if (wide)
        printf("  %s\n", name);
    printf("  %-*s %-28s %s\n", NAME, wide ? "" : name, run, control);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

static void cell_text(const json_t *row, const json_t *column, char cell[CELL])
{
    value_text(json_object_get(row, text_of(column, "key")), cell);
}

static int width_of(const json_t *rows, const json_t *column)
{
    char cell[CELL];
    json_t *row;
    size_t i, width = strlen(text_of(column, "name"));
    json_array_foreach(rows, i, row)
    {
        cell_text(row, column, cell);
        width = SD_MAX(width, strlen(cell));
    }
    return (int)width;
}

/* Words to the left, numbers to the right. */
static void print_cell(const char *cell, int width, bool left) { printf(left ? "  %-*s" : "  %*s", width, cell); }

static void print_row(const json_t *row, const json_t *columns, const int *width)
{
    json_t *column;
    size_t i;
    char cell[CELL];
    json_array_foreach(columns, i, column)
    {
        if (row)
            cell_text(row, column, cell);
        else
            snprintf(cell, sizeof cell, "%s", text_of(column, "name"));
        print_cell(cell, width[SD_MIN(i, COLUMNS - 1)], i == 0);
    }
    putchar('\n');
}

static void print_table(const json_t *item)
{
    int width[COLUMNS] = {0};
    size_t i;
    json_t *row, *column;
    const json_t *rows = json_object_get(item, "rows"), *columns = json_object_get(item, "columns");
    json_array_foreach(columns, i, column) { width[SD_MIN(i, COLUMNS - 1)] = width_of(rows, column); }
    printf("\n%s\n", text_of(item, "caption"));
    print_row(NULL, columns, width);
    json_array_foreach(rows, i, row) { print_row(row, columns, width); }
}

/* ---- sections ------------------------------------------------------------------------------------------------------------ */

void sd__section_print(const json_t *section)
{
    const char *key, *before = "";
    json_t *item;
    printf("%s\n", text_of(section, "title"));
    print_wrapped(text_of(section, "question"));
    json_object_foreach(json_object_get(section, "found"), key, item)
    {
        const char *kind = text_of(item, "kind");
        bool again = !strcmp(kind, before);
        if (!strcmp(kind, "number")) {
            print_number(item, !again);
        } else if (!strcmp(kind, "table")) {
            print_table(item);
        } else if (!strcmp(kind, "sentence")) {
            printf(again ? "" : "\n");
            print_wrapped(text_of(item, "text"));
        } else {
            printf("%s(%s: %s; its data is in --json, the picture in a page of --html)\n", again ? "" : "\n", kind,
                   text_of(item, "caption"));
        }
        before = kind;
    }
    putchar('\n');
    print_wrapped(text_of(section, "opposite"));
}
