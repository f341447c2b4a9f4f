/* config_value.c -- typed values of a configuration tree, and messages that say where and what would be right. */
#define _GNU_SOURCE
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "format/config.h"

/* ---- places ------------------------------------------------------------------------------------------------------ */

sd_status sd__config_fail_in(const sd_config_node *node, sd_status status)
{
    if (!node)
        return status;
    bool holds = node->kind == SD_CONFIG_LIST || node->kind == SD_CONFIG_MAP;
    int line = holds && node->key && node->key_line ? node->key_line : node->line;
    return line ? sd__fail_in(status, "%s:%d", node->file, line) : sd__fail_in(status, "%s", node->file);
}

sd_status sd__config_fail(const sd_config_node *node, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sd__vfail(SD_EFORMAT, format, arguments);
    va_end(arguments);
    return sd__config_fail_in(node, SD_EFORMAT);
}

const char *sd__config_what(const sd_config_node *node, char room[80])
{
    if (!node || node->kind == SD_CONFIG_NULL)
        return "nothing";
    if (node->kind == SD_CONFIG_LIST)
        return "a list";
    if (node->kind == SD_CONFIG_MAP)
        return "a map";
    int length = (int)strlen(node->text);
    snprintf(room, 80, "\"%.*s%s\"", length > 60 ? 60 : length, node->text, length > 60 ? "..." : "");
    return room;
}

/* "lr is "abc"; it must be RIGHT", or without a key "expected RIGHT, found "abc"". */
static sd_status wrong(const sd_config_node *node, const char *right)
{
    char room[80];
    const char *what = sd__config_what(node, room);
    if (node->key)
        return sd__config_fail(node, "%s is %s; it must be %s", node->key, what, right);
    return sd__config_fail(node, "found %s; this must be %s", what, right);
}

/* ---- looking up -------------------------------------------------------------------------------------------------- */

static const sd_config_node *child_of(const sd_config_node *map, const char *key, size_t length)
{
    if (!map || map->kind != SD_CONFIG_MAP)
        return NULL;
    for (int i = 0; i < map->count; i++)
        if (strlen(map->child[i]->key) == length && memcmp(map->child[i]->key, key, length) == 0)
            return map->child[i]->kind == SD_CONFIG_NULL ? NULL : map->child[i];
    return NULL;
}

const sd_config_node *sd__config_get(const sd_config_node *map, const char *key) { return child_of(map, key, strlen(key)); }

const sd_config_node *sd__config_at(const sd_config_node *root, const char *path)
{
    while (root && path) {
        const char *dot = strchr(path, '.');
        root = child_of(root, path, dot ? (size_t)(dot - path) : strlen(path));
        path = dot ? dot + 1 : NULL;
    }
    return root;
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* Decimal numbers only, with a point whatever the program's locale: strtod() would also take "0x1p3", "inf" and "nan". */
static bool number(const char *text, double *value)
{
    if (!text[0] || strspn(text, "0123456789+-.eE") != strlen(text))
        return false;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c)
        return false;
    char *end;
    *value = strtod_l(text, &end, c);
    freelocale(c);
    return *end == 0 && isfinite(*value);
}

static sd_status out_of_bounds(const sd_config_node *node, const char *kind, double lo, double hi)
{
    char right[128];
    if (hi >= 9e15)
        snprintf(right, sizeof right, "%s of at least %.15g", kind, lo);
    else
        snprintf(right, sizeof right, "%s from %.15g to %.15g", kind, lo, hi);
    if (lo <= -9e15 && hi >= 9e15)
        snprintf(right, sizeof right, "%s", kind);
    return wrong(node, right);
}

sd_status sd__config_real(const sd_config_node *node, double lo, double hi, double *value)
{
    double read;
    if (node->kind != SD_CONFIG_TEXT || node->quoted || !number(node->text, &read) || !(read >= lo && read <= hi))
        return out_of_bounds(node, "a number", lo, hi);
    *value = read;
    return SD_OK;
}

/* "60000" exactly; "6e4" too, as long as the double is exact. */
static bool whole(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long read = strtoll(text, &end, 10);
    if (text[0] && strspn(text, "0123456789+-") == strlen(text)) {
        *value = read;
        return *end == 0 && errno == 0;
    }
    double real;
    if (!number(text, &real) || fabs(real) > 0x1p53 || real != floor(real))
        return false;
    *value = (int64_t)real;
    return true;
}

sd_status sd__config_int(const sd_config_node *node, int64_t lo, int64_t hi, int64_t *value)
{
    int64_t read;
    if (node->kind != SD_CONFIG_TEXT || node->quoted || !whole(node->text, &read) || read < lo || read > hi)
        return out_of_bounds(node, "a whole number", (double)lo, (double)hi);
    *value = read;
    return SD_OK;
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

sd_status sd__config_bool(const sd_config_node *node, bool *value)
{
    static const char *const word[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; node->kind == SD_CONFIG_TEXT && !node->quoted && i < SD_COUNT(word); i++) {
        if (strcasecmp(node->text, word[i]) != 0)
            continue;
        *value = i % 2 == 1;
        return SD_OK;
    }
    return wrong(node, "true or false");
}

sd_status sd__config_text(const sd_config_node *node, const char **value)
{
    if (node->kind != SD_CONFIG_TEXT)
        return wrong(node, "a text");
    *value = node->text;
    return SD_OK;
}

/* "a, b, c". */
static void add_names(sd_string *string, int n, const char *const *names)
{
    for (int i = 0; i < n; i++)
        sd__string_add(string, "%s%s", i ? ", " : "", names[i]);
}

/* What to write instead of `word`: the nearest name if one is near, and all of them if they are few. */
static void add_advice(sd_string *string, const char *word, int n, const char *const *names)
{
    const char *near = sd__nearest(word, n, names);
    if (near)
        sd__string_add(string, "did you mean \"%s\"?", near);
    if (near && n > 24)
        return;
    sd__string_add(string, near ? " Possible: " : "possible: ");
    add_names(string, n, names);
}

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for a message"); }

sd_status sd__config_choice(const sd_config_node *node, int n, const char *const *names, int *value)
{
    for (int i = 0; node->kind == SD_CONFIG_TEXT && i < n; i++) {
        if (strcmp(node->text, names[i]) != 0)
            continue;
        *value = i;
        return SD_OK;
    }
    sd_string advice = {0};
    if (node->kind == SD_CONFIG_TEXT)
        add_advice(&advice, node->text, n, names);
    else
        add_names(&advice, n, names);
    char room[80];
    const char *what = sd__config_what(node, room);
    sd_status status = advice.failed                  ? no_memory()
                       : node->kind != SD_CONFIG_TEXT ? wrong(node, advice.text)
                       : node->key ? sd__config_fail(node, "%s is %s, which is not known; %s", node->key, what, advice.text)
                                   : sd__config_fail(node, "%s is not known; %s", what, advice.text);
    free(advice.text);
    return status;
}

/* ---- structure --------------------------------------------------------------------------------------------------- */

sd_status sd__config_list(const sd_config_node *node) { return node->kind == SD_CONFIG_LIST ? SD_OK : wrong(node, "a list"); }

sd_status sd__config_map(const sd_config_node *node)
{
    return node->kind == SD_CONFIG_MAP ? SD_OK : wrong(node, "a map, {key: value, ...}");
}

static sd_status unknown_key(const sd_config_node *child, const char *what, int n, const char *const *names)
{
    sd_string advice = {0};
    add_advice(&advice, child->key, n, names);
    sd_status status = SD_OK;
    if (advice.failed)
        status = no_memory();
    else if (!n)
        status = sd__fail(SD_EFORMAT, "unknown key \"%s\" in %s, which has no options; remove it", child->key, what);
    else
        status = sd__fail(SD_EFORMAT, "unknown key \"%s\" in %s; %s", child->key, what, advice.text);
    free(advice.text);
    if (child->key_line)
        return sd__fail_in(status, "%s:%d", child->file, child->key_line);
    return sd__config_fail_in(child, status);
}

sd_status sd__config_known(const sd_config_node *map, const char *what, int n, const char *const *names)
{
    SD_TRY(sd__config_map(map));
    for (int i = 0; i < map->count; i++) {
        bool known = false;
        for (int k = 0; k < n; k++)
            known |= strcmp(map->child[i]->key, names[k]) == 0;
        if (!known)
            return unknown_key(map->child[i], what, n, names);
    }
    return SD_OK;
}

sd_status sd__config_named(const char *what, const sd_config_node *node, const char **name, const sd_config_node **options)
{
    *options = NULL;
    if (node->kind == SD_CONFIG_TEXT) {
        *name = node->text;
        return SD_OK;
    }
    if (node->kind != SD_CONFIG_MAP || node->count != 1) {
        char room[80];
        if (node->kind == SD_CONFIG_MAP && node->count > 1)
            return sd__config_fail(node, "%s has %d keys, \"%s\", \"%s\"%s; write one name with its options, NAME: {...}", what,
                                   node->count, node->child[0]->key, node->child[1]->key, node->count > 2 ? ", ..." : "");
        return sd__config_fail(node, "%s is %s; write a name, or {NAME: {option: value}}", what,
                               node->kind == SD_CONFIG_MAP ? "an empty map" : sd__config_what(node, room));
    }
    *name = node->child[0]->key;
    *options = node->child[0]->kind == SD_CONFIG_NULL ? NULL : node->child[0];
    return SD_OK;
}
