/* section.c -- what an instrument found, as HTML: one function for each kind of item. */
#include "report/section.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/figure_json.h"
#include "report/drawing.h"
#include "report/html.h"
#include "report/page.h"

void sd__number_html(sd_string *page, double value)
{
    char text[32];
    bool whole = fabs(value) < 1e9 && (value == trunc(value) || fabs(value) >= 1e4);
    if (!isfinite(value)) {
        sd__string_add(page, "–");
    } else if (whole && fabs(value) >= 1e4) { /* in groups of three */
        long long n = llabs(llround(value));
        sd__string_add(page, value < 0 ? "−" : "");
        if (n >= 1000000)
            sd__string_add(page, "%lld,%03lld,%03lld", n / 1000000, n / 1000 % 1000, n % 1000);
        else
            sd__string_add(page, "%lld,%03lld", n / 1000, n % 1000);
    } else {
        snprintf(text, sizeof text, whole ? "%.0f" : "%.4g", value);
        sd__html_text(page, text);
    }
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

/* A string is a control that was not run: it says so. */
static void interval(const json_t *value, sd_string *page)
{
    double low = sd__json_number(json_object_get(value, "low")), high = sd__json_number(json_object_get(value, "high"));
    if (json_is_string(value)) {
        sd__string_add(page, "<span class=\"soft\">");
        sd__html_text(page, json_string_value(value));
        sd__string_add(page, "</span>");
        return;
    }
    sd__number_html(page, sd__json_number(json_object_get(value, "estimate")));
    if (isfinite(low) && isfinite(high)) {
        sd__string_add(page, " <span class=\"soft\">(");
        sd__number_html(page, low);
        sd__string_add(page, " to ");
        sd__number_html(page, high);
        sd__string_add(page, ")</span>");
    }
}

static void number(const json_t *item, sd_string *page)
{
    sd__string_add(page, "<tr><td class=\"q\">");
    sd__html_text(page, sd__json_text(item, "name"));
    sd__string_add(page, "</td><td class=\"n\" data-name=\"this run\">");
    interval(json_object_get(item, "run"), page);
    sd__string_add(page, "</td><td class=\"%s\" data-name=\"untrained\">",
                   json_is_string(json_object_get(item, "untrained")) ? "q" : "n");
    interval(json_object_get(item, "untrained"), page);
    sd__string_add(page, "</td></tr>\n");
}

static const char numbers_head[] = "<table class=\"numbers\"><thead><tr><th></th><th class=\"n\">This run</th>"
                                   "<th class=\"n\">Untrained</th></tr></thead><tbody>\n";

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

static void cell(const json_t *value, const json_t *column, sd_string *page)
{
    bool words = json_is_string(value) || json_is_boolean(value);
    sd__string_add(page, "<td class=\"%s\" data-name=\"", words ? "q" : "n");
    sd__html_text(page, sd__json_text(column, "name"));
    sd__string_add(page, "\">");
    if (json_is_string(value))
        sd__html_text(page, json_string_value(value));
    else if (json_is_boolean(value))
        sd__string_add(page, "%s", json_is_true(value) ? "yes" : "no");
    else
        sd__number_html(page, sd__json_number(value));
    sd__string_add(page, "</td>");
}

enum { DENSE = 9 }; /* so many columns would be wider than the page */

/* A column is set to the right if its first cell is a number. */
static void head(const json_t *columns, const json_t *first, bool matrix, sd_string *page)
{
    json_t *column;
    size_t i;
    sd__string_add(page, "<div class=\"wide\"><table class=\"%s%s\"><thead><tr>", matrix ? "matrix" : "numbers",
                   json_array_size(columns) >= DENSE ? " dense" : "");
    json_array_foreach(columns, i, column)
    {
        const json_t *value = json_object_get(first, sd__json_text(column, "key"));
        sd__string_add(page, "<th%s>", json_is_string(value) || json_is_boolean(value) ? "" : " class=\"n\"");
        sd__html_text(page, sd__json_text(column, "name"));
        sd__string_add(page, "</th>");
    }
    sd__string_add(page, "</tr></thead><tbody>\n");
}

static void table(const json_t *item, sd_string *page)
{
    json_t *row, *column;
    size_t r, c;
    const json_t *rows = json_object_get(item, "rows"), *columns = json_object_get(item, "columns");
    sd__string_add(page, "<p class=\"caption\">");
    sd__html_text(page, sd__json_text(item, "caption"));
    sd__string_add(page, "</p>\n");
    head(columns, json_array_get(rows, 0), json_is_true(json_object_get(item, "matrix")), page);
    json_array_foreach(rows, r, row)
    {
        sd__string_add(page, "<tr>");
        json_array_foreach(columns, c, column) { cell(json_object_get(row, sd__json_text(column, "key")), column, page); }
        sd__string_add(page, "</tr>\n");
    }
    sd__string_add(page, "</tbody></table></div>\n");
}

/* ---- items --------------------------------------------------------------------------------------------------------------- */

static sd_status figure(const json_t *item, const char *name, const char *key, const char *folder, sd_string *page)
{
    char full[96];
    snprintf(full, sizeof full, "%s-%s", name, key);
    for (char *c = full; *c; c++)
        if (*c == '_')
            *c = '-'; /* a figure's name has no '_' */
    return sd__drawing_figure(item, full, folder, true, page);
}

static sd_status one_item(const json_t *item, const char *name, const char *key, const char *folder, sd_string *page)
{
    const char *kind = sd__json_text(item, "kind");
    if (!strcmp(kind, "figure"))
        return figure(item, name, key, folder, page);
    if (!strcmp(kind, "gallery"))
        return sd__drawing_gallery(item, page);
    if (!strcmp(kind, "table")) {
        table(item, page);
    } else if (!strcmp(kind, "number")) {
        number(item, page);
    } else {
        sd__string_add(page, "<p>");
        sd__html_text(page, sd__json_text(item, "text"));
        sd__string_add(page, "</p>\n");
    }
    return SD_OK;
}

/* Numbers that follow each other share a table. */
sd_status sd__items_html(const json_t *items, const char *name, const char *folder, sd_string *page)
{
    bool open = false;
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)items, key, item)
    {
        bool is_number = !strcmp(sd__json_text(item, "kind"), "number");
        if (is_number != open)
            sd__string_add(page, "%s", is_number ? numbers_head : "</tbody></table>\n");
        open = is_number;
        SD_TRY(one_item(item, name, key, folder, page));
    }
    if (open)
        sd__string_add(page, "</tbody></table>\n");
    return page->failed ? sd__fail(SD_ENOMEM, "out of memory") : SD_OK;
}

sd_status sd__section_html(const json_t *section, const char *folder, sd_string *page)
{
    const char *name = sd__json_text(section, "instrument");
    sd__string_add(page, "<section id=\"%s\">\n<h2>", name);
    sd__html_text(page, sd__json_text(section, "title"));
    sd__string_add(page, "</h2>\n<p class=\"soft\">");
    sd__html_text(page, sd__json_text(section, "question"));
    sd__string_add(page, "</p>\n");
    SD_TRY(sd__items_html(json_object_get(section, "found"), name, folder, page));
    sd__string_add(page, "<p class=\"small soft\">");
    sd__html_text(page, sd__json_text(section, "opposite"));
    sd__string_add(page, "</p>\n</section>\n");
    return page->failed ? sd__fail(SD_ENOMEM, "out of memory") : SD_OK;
}
