/* section.c -- recording what an instrument found, as JSON. */
#include "probe/section.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"

sd_status sd__section_begin(sd_section *s)
{
    *s = (sd_section){.facts = json_object(), .found = json_object()};
    if (s->facts && s->found)
        return SD_OK;
    sd__section_clear(s);
    return sd__fail(SD_ENOMEM, "no memory for an instrument's section");
}

void sd__section_clear(sd_section *s)
{
    json_decref(s->facts);
    json_decref(s->found);
    *s = (sd_section){0};
}

static void check(sd_section *s, bool good) { s->failed = s->failed || !good; }

void sd__section_fact(sd_section *s, const char *key, json_t *value)
{
    check(s, value && json_object_set_new(s->facts, key, value) == 0);
}

static char *format_text(sd_section *s, const char *format, va_list arguments)
{
    sd_string string = {0};
    sd__string_vadd(&string, format, arguments);
    char *text = sd__string_take(&string);
    check(s, text);
    return text;
}

/* Adds an item; a key is used once. */
static void add(sd_section *s, const char *key, json_t *item)
{
    bool fresh = item && !json_object_get(s->found, key);
    s->last = fresh ? item : NULL;
    if (!fresh)
        json_decref(item);
    check(s, fresh && json_object_set_new(s->found, key, item) == 0);
}

void sd__section_say(sd_section *s, const char *format, ...)
{
    char key[24];
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(s, format, arguments);
    va_end(arguments);
    snprintf(key, sizeof key, "sentence-%d", ++s->sentences);
    if (text)
        add(s, key, json_pack("{s:s, s:s}", "kind", "sentence", "text", text));
    free(text);
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------ */

sd_interval sd__exactly(double value) { return (sd_interval){value, NAN, NAN}; }

static json_t *interval_json(sd_interval x)
{
    return json_pack("{s:o, s:o, s:o}", "estimate", sd__json_real(x.estimate), "low", sd__json_real(x.low), "high",
                     sd__json_real(x.high));
}

/* Takes the control. */
static void number(sd_section *s, const char *key, sd_interval run, json_t *control, const char *name, va_list arguments)
{
    char *text = format_text(s, name, arguments);
    if (text)
        add(s, key,
            json_pack("{s:s, s:s, s:o, s:o}", "kind", "number", "name", text, "run", interval_json(run), "untrained", control));
    else
        json_decref(control);
    free(text);
}

void sd__section_number(sd_section *s, const char *key, sd_interval run, sd_interval untrained, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    number(s, key, run, interval_json(untrained), name, arguments);
    va_end(arguments);
}

void sd__section_alone(sd_section *s, const char *key, sd_interval run, const char *reason, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    number(s, key, run, json_sprintf("not compared: %s", reason), name, arguments);
    va_end(arguments);
}

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

void sd__section_table(sd_section *s, const char *key, const char *caption, int columns, const sd_column *column)
{
    json_t *list = json_array();
    for (int i = 0; i < columns; i++)
        check(s, json_array_append_new(list, json_pack("{s:s, s:s}", "key", column[i].key, "name", column[i].name)) == 0);
    add(s, key, json_pack("{s:s, s:s, s:o, s:[]}", "kind", "table", "caption", caption, "columns", list, "rows"));
}

static json_t *cell(char letter, va_list *arguments)
{
    switch (letter) {
    case 's': return json_string(va_arg(*arguments, const char *));
    case 'i': return json_integer(va_arg(*arguments, int64_t));
    case 'g': return sd__json_real(va_arg(*arguments, double));
    case 'b': return json_boolean(va_arg(*arguments, int));
    default: return NULL;
    }
}

/* A row is an object, so that programs read cells by name. Takes the value. */
static void set_cell(sd_section *s, json_t *row, size_t column, json_t *value)
{
    const char *key = json_string_value(json_object_get(json_array_get(json_object_get(s->last, "columns"), column), "key"));
    check(s, key && value && json_object_set_new(row, key, value) == 0);
}

/* A row that is to have so many cells. */
static json_t *begin_row(sd_section *s, size_t cells)
{
    check(s, cells == json_array_size(json_object_get(s->last, "columns")));
    return json_object();
}

static void end_row(sd_section *s, json_t *row) { check(s, json_array_append_new(json_object_get(s->last, "rows"), row) == 0); }

void sd__section_row(sd_section *s, const char *format, ...)
{
    va_list arguments;
    json_t *row = begin_row(s, strlen(format));
    va_start(arguments, format);
    for (size_t i = 0; format[i] && !s->failed; i++)
        set_cell(s, row, i, cell(format[i], &arguments));
    va_end(arguments);
    end_row(s, row);
}

void sd__section_row_counts(sd_section *s, const char *name, int n, const int64_t *count)
{
    json_t *row = begin_row(s, (size_t)n + 1);
    check(s, json_object_set_new(s->last, "matrix", json_true()) == 0);
    if (!s->failed)
        set_cell(s, row, 0, json_string(name));
    for (int i = 0; i < n && !s->failed; i++)
        set_cell(s, row, (size_t)i + 1, json_integer(count[i]));
    end_row(s, row);
}

/* ---- figures ------------------------------------------------------------------------------------------------------------- */

void sd__section_figure(sd_section *s, const char *key, const char *caption, const char *x_label, const char *y_label,
                        bool log_x, bool log_y)
{
    json_t *figure = sd__figure_json(caption, x_label, y_label, log_x, log_y);
    check(s, figure && json_object_set_new(figure, "kind", json_string("figure")) == 0);
    add(s, key, figure);
}

void sd__section_series(sd_section *s, const char *name, sd_series_style style)
{
    check(s, sd__figure_series(s->last, name, style));
}

void sd__section_point(sd_section *s, double x, double y) { check(s, sd__figure_point(s->last, x, y)); }

void sd__section_point_interval(sd_section *s, double x, sd_interval y) { check(s, sd__figure_point_interval(s->last, x, y)); }

void sd__section_tick(sd_section *s, double x, const char *label) { check(s, sd__figure_tick(s->last, x, label)); }

/* ---- pictures ------------------------------------------------------------------------------------------------------------ */

void sd__section_gallery(sd_section *s, const char *key, const char *caption)
{
    add(s, key, json_pack("{s:s, s:s, s:[]}", "kind", "gallery", "caption", caption, "pictures"));
}

void sd__section_picture(sd_section *s, const char *caption, int width, int height, int channels, const uint8_t *pixels)
{
    sd_string text = {0};
    sd__base64_encode(&text, pixels, (size_t)width * (size_t)height * (size_t)channels);
    check(s, !text.failed && text.text &&
                 json_array_append_new(json_object_get(s->last, "pictures"),
                                       json_pack("{s:s, s:i, s:i, s:i, s:s}", "caption", caption, "width", width, "height",
                                                 height, "channels", channels, "pixels", text.text)) == 0);
    free(text.text);
}

uint8_t *sd__picture_pixels(const json_t *picture, size_t *count)
{
    const char *text = json_string_value(json_object_get(picture, "pixels"));
    return text ? sd__base64_decode(text, count) : NULL;
}
