/* config_option.c -- tables of options: one table reads a map into a struct, checks it, and documents it. */
#include <stdlib.h>
#include <string.h>

#include "format/config.h"

enum { MOST_CHOICES = 32, MOST_OPTIONS = 64, CHOICE_TEXT = 512 };

/* Splits "same|valid" in `room`; returns the number of names. */
static int split(const char *choices, char room[CHOICE_TEXT], const char *names[MOST_CHOICES])
{
    int n = 0;
    size_t length = SD_MIN(strlen(choices), (size_t)CHOICE_TEXT - 1);
    memcpy(room, choices, length);
    room[length] = 0;
    for (char *at = room; at && n < MOST_CHOICES;) {
        names[n++] = at;
        at = strchr(at, '|');
        if (at)
            *at++ = 0;
    }
    return n;
}

static sd_status read_choice(const sd_option *option, const sd_config_node *node, int *value)
{
    char room[CHOICE_TEXT];
    const char *names[MOST_CHOICES];
    int n = split(option->choices, room, names);
    return sd__config_choice(node, n, names, value);
}

/* 3, or [3, 5]. */
static sd_status read_pair(const sd_option *option, const sd_config_node *node, int64_t value[2])
{
    int64_t lo = (int64_t)option->lo, hi = (int64_t)option->hi, pair[2];
    if (node->kind == SD_CONFIG_LIST && node->count != 2)
        return sd__config_fail(node, "%s has %d numbers; write one, or two as [height, width]", option->name, node->count);
    if (node->kind == SD_CONFIG_LIST) {
        SD_TRY(sd__config_int(node->child[0], lo, hi, &pair[0]));
        SD_TRY(sd__config_int(node->child[1], lo, hi, &pair[1]));
    } else {
        SD_TRY(sd__config_int(node, lo, hi, &pair[0]));
        pair[1] = pair[0];
    }
    memcpy(value, pair, sizeof pair);
    return SD_OK;
}

static sd_status read_option(const sd_option *option, const sd_config_node *node, void *out)
{
    void *field = (char *)out + option->offset;
    switch (option->type) {
    case SD_OPTION_INT: return sd__config_int(node, (int64_t)option->lo, (int64_t)option->hi, field);
    case SD_OPTION_REAL: return sd__config_real(node, option->lo, option->hi, field);
    case SD_OPTION_BOOL: return sd__config_bool(node, field);
    case SD_OPTION_TEXT: return sd__config_text(node, field);
    case SD_OPTION_CHOICE: return read_choice(option, node, field);
    case SD_OPTION_PAIR: return read_pair(option, node, field);
    case SD_OPTION_NODE: *(const sd_config_node **)field = node; return SD_OK;
    }
    return sd__fail(SD_EINTERNAL, "option %s has no type", option->name);
}

/* A default is read like a value that somebody wrote; a text lives in the table. */
static sd_status set_default(const sd_option *option, void *out)
{
    if (!option->initial || !option->initial[0])
        return SD_OK;
    sd_config_node node = {.kind = SD_CONFIG_TEXT, .file = "default", .key = option->name, .text = option->initial};
    return option->type == SD_OPTION_NODE ? SD_OK : read_option(option, &node, out);
}

static sd_status check_keys(const char *what, const sd_config_node *map, int n, const sd_option *table)
{
    const char *names[MOST_OPTIONS] = {0};
    for (int i = 0; i < n; i++)
        names[i] = table[i].name;
    return sd__config_known(map, what, n, names);
}

sd_status sd__config_options(const char *what, const sd_config_node *node, int n, const sd_option *table, bool shorthand,
                             const sd_config_node *place, void *out)
{
    char room[80];
    if (n > MOST_OPTIONS)
        return sd__fail(SD_EINTERNAL, "%s has more than %d options", what, MOST_OPTIONS);
    for (int i = 0; i < n; i++)
        SD_TRY(set_default(&table[i], out));
    bool given = node && node->kind != SD_CONFIG_NULL, map = given && node->kind == SD_CONFIG_MAP;
    if (given && !map && !shorthand)
        return sd__config_fail(node, "%s is %s; it takes {option: value, ...}", what, sd__config_what(node, room));
    if (map)
        SD_TRY(check_keys(what, node, n, table));
    for (int i = 0; i < n; i++) {
        const sd_config_node *value = map ? sd__config_get(node, table[i].name) : given && i == 0 ? node : NULL;
        if (value)
            SD_TRY(read_option(&table[i], value, out));
        else if (!table[i].initial)
            return sd__config_fail(place, "%s needs \"%s\": %s", what, table[i].name, table[i].doc);
    }
    return SD_OK;
}

/* ---- documentation ----------------------------------------------------------------------------------------------- */

static const char *type_text(const sd_option *option)
{
    static const char *const text[] = {
        "whole number", "number", "true, false", "text", "", "whole number or [height, width]", ""};
    return text[option->type];
}

static void add_choices(const char *choices, sd_string *string)
{
    char room[CHOICE_TEXT];
    const char *names[MOST_CHOICES];
    int n = split(choices, room, names);
    for (int i = 0; i < n; i++)
        sd__string_add(string, "%s`%s`", i ? ", " : "", names[i]);
}

void sd__option_help(int n, const sd_option *table, sd_string *string)
{
    if (n)
        sd__string_add(string, "| option | type | default | meaning |\n|---|---|---|---|\n");
    for (int i = 0; i < n; i++) {
        const sd_option *o = &table[i];
        sd__string_add(string, "| `%s` | %s", o->name, type_text(o));
        if (o->choices)
            add_choices(o->choices, string);
        sd__string_add(string, " | %s | %s |\n", !o->initial ? "required" : o->initial, o->doc);
    }
}
