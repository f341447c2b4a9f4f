/*
 * config.c -- from YAML text to a bounded tree that knows its places, and changes to it.
 *
 * libyaml gives events; an alias becomes a copy of what it names, counted node by node, so that aliases of aliases run into the
 * limit of nodes instead of filling the memory.
 */
#include "format/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/file.h"

enum { MOST_ANCHORS = 1000 };

typedef struct anchor {
    const char *name;
    sd_config_node *node; /* NULL until the value is complete: an alias inside it would be endless */
} anchor;

typedef struct parse {
    sd_config *config;
    const char *file;
    yaml_parser_t yaml;
    yaml_event_t event;
    anchor anchor[MOST_ANCHORS];
    int anchors;
    bool whole_file; /* messages name a line */
} parse;

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for a configuration"); }

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static sd_status too_many(const char *file, int line)
{
    if (line)
        return sd__fail(SD_EFORMAT, "%s:%d: more than %d values, aliases counted as copies; use fewer aliases", file, line,
                        SD_CONFIG_NODES);
    return sd__fail(SD_EFORMAT, "%s: more than %d values, aliases counted as copies; use fewer aliases", file, SD_CONFIG_NODES);
}

static sd_status new_node(sd_config *config, sd_config_kind kind, const char *file, int line, int column, sd_config_node **node)
{
    if (config->nodes >= SD_CONFIG_NODES)
        return too_many(file, line);
    sd_config_node *made = sd__arena_alloc(&config->arena, 1, sizeof *made);
    if (!made)
        return no_memory();
    config->nodes++;
    *made = (sd_config_node){.kind = kind, .file = file, .line = line, .column = column, .text = ""};
    *node = made;
    return SD_OK;
}

static sd_status add_child(sd_config *config, sd_config_node *node, sd_config_node *child)
{
    if (node->count == node->capacity) {
        int capacity = node->capacity ? 2 * node->capacity : 4;
        sd_config_node **grown = sd__arena_alloc(&config->arena, (size_t)capacity, sizeof *grown);
        if (!grown)
            return no_memory();
        if (node->count)
            memcpy(grown, node->child, (size_t)node->count * sizeof *grown);
        node->child = grown;
        node->capacity = capacity;
    }
    node->child[node->count++] = child;
    return SD_OK;
}

static sd_status too_deep(const char *file, int line)
{
    if (line)
        return sd__fail(SD_EFORMAT, "%s:%d: nested deeper than %d levels; write it flatter", file, line, SD_CONFIG_DEPTH);
    return sd__fail(SD_EFORMAT, "%s: nested deeper than %d levels; write it flatter", file, SD_CONFIG_DEPTH);
}

/* Texts are shared if the arenas are: then only the shape is copied. */
static sd_status copy_node(sd_config *config, const sd_config_node *from, int depth, bool texts, sd_config_node **node)
{
    if (depth > SD_CONFIG_DEPTH)
        return too_deep(from->file, from->line);
    sd_config_node *made = NULL;
    SD_TRY(new_node(config, from->kind, from->file, from->line, from->column, &made));
    SD_ASSUME(made);
    made->quoted = from->quoted;
    made->key_line = from->key_line;
    made->text = from->text;
    made->key = from->key;
    if (texts) {
        made->file = sd__arena_text(&config->arena, from->file);
        made->text = sd__arena_text(&config->arena, from->text);
        made->key = from->key ? sd__arena_text(&config->arena, from->key) : NULL;
        if (config->arena.failed)
            return no_memory();
    }
    for (int i = 0; i < from->count; i++) {
        sd_config_node *child;
        SD_TRY(copy_node(config, from->child[i], depth + 1, texts, &child));
        SD_TRY(add_child(config, made, child));
    }
    *node = made;
    return SD_OK;
}

/* ---- events to nodes --------------------------------------------------------------------------------------------- */

static int line_of(const parse *p, yaml_mark_t mark) { return p->whole_file ? (int)SD_MIN(mark.line, 1u << 30) + 1 : 0; }

static sd_status fail_at(const parse *p, int line, const char *format, ...) SD_PRINTF(3, 4);
static sd_status fail_at(const parse *p, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    sd__vfail(SD_EFORMAT, format, arguments);
    va_end(arguments);
    return line ? sd__fail_in(SD_EFORMAT, "%s:%d", p->file, line) : sd__fail_in(SD_EFORMAT, "%s", p->file);
}

static sd_status syntax_error(const parse *p)
{
    const yaml_parser_t *yaml = &p->yaml;
    if (yaml->error == YAML_MEMORY_ERROR)
        return no_memory();
    bool placed = yaml->error == YAML_SCANNER_ERROR || yaml->error == YAML_PARSER_ERROR;
    /* The reader knows bytes, not lines: it stands where the parser has come to. */
    int line = line_of(p, placed ? yaml->problem_mark : yaml->mark);
    const char *problem = yaml->problem ? yaml->problem : "it cannot be read";
    if (!yaml->context)
        return fail_at(p, line, "not YAML: %s", problem);
    if (!p->whole_file)
        return fail_at(p, line, "not YAML: %s, %s", problem, yaml->context);
    return fail_at(p, line, "not YAML: %s, %s that begins in line %d", problem, yaml->context, line_of(p, yaml->context_mark));
}

static sd_status next_event(parse *p)
{
    yaml_event_delete(&p->event);
    if (!yaml_parser_parse(&p->yaml, &p->event))
        return syntax_error(p);
    return SD_OK;
}

/* Notes the anchor; its node is filled in by finish_anchor() when the value is complete. Returns its place, or -1. */
static sd_status begin_anchor(parse *p, const yaml_char_t *name, int line, int *place)
{
    *place = -1;
    if (!name)
        return SD_OK;
    if (p->anchors == MOST_ANCHORS)
        return fail_at(p, line, "more than %d anchors; write some values out", MOST_ANCHORS);
    const char *copy = sd__arena_text(&p->config->arena, (const char *)name);
    if (!copy)
        return no_memory();
    *place = p->anchors++;
    p->anchor[*place] = (anchor){copy, NULL};
    return SD_OK;
}

static sd_status parse_alias(parse *p, int depth, sd_config_node **node)
{
    const char *name = (const char *)p->event.data.alias.anchor;
    int line = line_of(p, p->event.start_mark);
    for (int i = p->anchors - 1; i >= 0; i--) {
        if (strcmp(p->anchor[i].name, name) != 0)
            continue;
        if (!p->anchor[i].node)
            return fail_at(p, line, "*%s stands inside the value that it names; use it after that value", name);
        sd_status status = copy_node(p->config, p->anchor[i].node, depth, false, node);
        if (status == SD_OK)
            (*node)->key = NULL;
        return status;
    }
    return fail_at(p, line, "*%s names nothing; mark a value before it with &%s", name, name);
}

static bool is_null(const char *text)
{
    static const char *const word[] = {"", "~", "null", "Null", "NULL"};
    for (size_t i = 0; i < SD_COUNT(word); i++)
        if (strcmp(text, word[i]) == 0)
            return true;
    return false;
}

static sd_status parse_scalar(parse *p, sd_config_node **node)
{
    const char *text = (const char *)p->event.data.scalar.value;
    size_t length = p->event.data.scalar.length;
    int line = line_of(p, p->event.start_mark);
    if (memchr(text, 0, length))
        return fail_at(p, line, "a text holds a NUL byte; remove it");
    bool plain = p->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    sd_config_kind kind = plain && is_null(text) ? SD_CONFIG_NULL : SD_CONFIG_TEXT;
    SD_TRY(new_node(p->config, kind, p->file, line, (int)SD_MIN(p->event.start_mark.column, 1u << 30) + 1, node));
    (*node)->quoted = !plain;
    if (kind == SD_CONFIG_TEXT)
        (*node)->text = sd__arena_copy(&p->config->arena, text, length + 1);
    return (*node)->text ? SD_OK : no_memory();
}

static sd_status parse_node(parse *p, int depth, sd_config_node **node);

static sd_status parse_list(parse *p, int depth, sd_config_node *list)
{
    for (;;) {
        SD_TRY(next_event(p));
        if (p->event.type == YAML_SEQUENCE_END_EVENT)
            return SD_OK;
        sd_config_node *child;
        SD_TRY(parse_node(p, depth + 1, &child));
        SD_TRY(add_child(p->config, list, child));
    }
}

static sd_status parse_key(parse *p, sd_config_node *map, const char **key, int *line)
{
    *line = line_of(p, p->event.start_mark);
    if (p->event.type != YAML_SCALAR_EVENT)
        return fail_at(p, *line, "a key must be a word");
    if (map->count == SD_CONFIG_KEYS)
        return fail_at(p, *line, "a map of more than %d keys", SD_CONFIG_KEYS);
    const char *text = (const char *)p->event.data.scalar.value;
    if (memchr(text, 0, p->event.data.scalar.length))
        return fail_at(p, *line, "a key holds a NUL byte; remove it");
    for (int i = 0; i < map->count; i++)
        if (strcmp(map->child[i]->key, text) == 0)
            return p->whole_file ? fail_at(p, *line, "\"%s\" is already given in line %d; remove one of the two", text,
                                           map->child[i]->key_line)
                                 : fail_at(p, *line, "\"%s\" is given twice; remove one of the two", text);
    *key = sd__arena_text(&p->config->arena, text);
    return *key ? SD_OK : no_memory();
}

static sd_status parse_map(parse *p, int depth, sd_config_node *map)
{
    for (;;) {
        const char *key = NULL;
        int line = 0;
        sd_config_node *child;
        SD_TRY(next_event(p));
        if (p->event.type == YAML_MAPPING_END_EVENT)
            return SD_OK;
        SD_TRY(parse_key(p, map, &key, &line));
        SD_TRY(next_event(p));
        SD_TRY(parse_node(p, depth + 1, &child));
        child->key = key;
        child->key_line = line;
        SD_TRY(add_child(p->config, map, child));
    }
}

static sd_status parse_collection(parse *p, int depth, sd_config_node **node)
{
    bool list = p->event.type == YAML_SEQUENCE_START_EVENT;
    int line = line_of(p, p->event.start_mark);
    if (depth > SD_CONFIG_DEPTH)
        return too_deep(p->file, line);
    SD_TRY(new_node(p->config, list ? SD_CONFIG_LIST : SD_CONFIG_MAP, p->file, line,
                    (int)SD_MIN(p->event.start_mark.column, 1u << 30) + 1, node));
    return list ? parse_list(p, depth, *node) : parse_map(p, depth, *node);
}

/* The value that begins with the current event. */
static sd_status parse_node(parse *p, int depth, sd_config_node **node)
{
    if (p->event.type == YAML_ALIAS_EVENT)
        return parse_alias(p, depth, node);
    const yaml_char_t *name = p->event.type == YAML_SCALAR_EVENT           ? p->event.data.scalar.anchor
                              : p->event.type == YAML_SEQUENCE_START_EVENT ? p->event.data.sequence_start.anchor
                                                                           : p->event.data.mapping_start.anchor;
    int place;
    SD_TRY(begin_anchor(p, name, line_of(p, p->event.start_mark), &place));
    if (p->event.type == YAML_SCALAR_EVENT)
        SD_TRY(parse_scalar(p, node));
    else
        SD_TRY(parse_collection(p, depth, node));
    if (place >= 0)
        p->anchor[place].node = *node;
    return SD_OK;
}

/* One document, or nothing: *node is then an empty map. */
static sd_status parse_document(parse *p, sd_config_node **node)
{
    do
        SD_TRY(next_event(p));
    while (p->event.type == YAML_STREAM_START_EVENT);
    if (p->event.type == YAML_STREAM_END_EVENT)
        return new_node(p->config, SD_CONFIG_MAP, p->file, p->whole_file ? 1 : 0, 1, node);
    SD_TRY(next_event(p));
    SD_TRY(parse_node(p, 1, node));
    do
        SD_TRY(next_event(p));
    while (p->event.type == YAML_DOCUMENT_END_EVENT);
    if (p->event.type != YAML_STREAM_END_EVENT)
        return fail_at(p, line_of(p, p->event.start_mark), "a second document begins here; a file holds one");
    return SD_OK;
}

/* Parses into an existing tree's memory, without attaching the result. */
static sd_status parse_into(sd_config *config, const char *file, bool whole_file, const char *text, size_t bytes,
                            sd_config_node **node)
{
    parse *p = sd__alloc_zeroed(1, sizeof *p);
    if (!p)
        return no_memory();
    p->config = config;
    p->file = file;
    p->whole_file = whole_file;
    if (!yaml_parser_initialize(&p->yaml)) {
        free(p);
        return no_memory();
    }
    yaml_parser_set_input_string(&p->yaml, (const unsigned char *)text, bytes);
    yaml_parser_set_encoding(&p->yaml, YAML_UTF8_ENCODING);
    sd_status status = parse_document(p, node);
    yaml_event_delete(&p->event);
    yaml_parser_delete(&p->yaml);
    free(p);
    return status;
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */

sd_status sd__config_parse(const char *name, const char *text, size_t bytes, sd_config **config)
{
    *config = NULL;
    if (bytes > SD_CONFIG_BYTES)
        return sd__fail(SD_EFORMAT, "%s: longer than %zu bytes; this is not a configuration", name, SD_CONFIG_BYTES);
    sd_config *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return no_memory();
    const char *file = sd__arena_text(&made->arena, name);
    sd_status status = file ? parse_into(made, file, true, text, bytes, &made->root) : no_memory();
    if (status == SD_OK && made->root->kind == SD_CONFIG_NULL)
        made->root->kind = SD_CONFIG_MAP;
    if (status != SD_OK)
        sd__config_free(made);
    else
        *config = made;
    return status;
}

sd_status sd__config_read(const char *path, sd_config **config)
{
    char *text;
    size_t bytes;
    *config = NULL;
    SD_TRY(sd__file_read(path, SD_CONFIG_BYTES, &text, &bytes));
    sd_status status = sd__config_parse(path, text, bytes, config);
    free(text);
    return status;
}

sd_status sd__config_copy(const sd_config_node *node, sd_config **config)
{
    *config = NULL;
    sd_config *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return no_memory();
    sd_status status = copy_node(made, node, 1, true, &made->root);
    if (status != SD_OK)
        sd__config_free(made);
    else
        *config = made;
    return status;
}

void sd__config_free(sd_config *config)
{
    if (!config)
        return;
    sd__arena_free(&config->arena);
    free(config);
}

/* ---- changes ----------------------------------------------------------------------------------------------------- */

/* The segment of a path that begins at `from`, copied; *next is where the following begins, or NULL. */
static const char *segment(sd_config *config, const char *from, const char **next)
{
    const char *dot = strchr(from, '.');
    size_t length = dot ? (size_t)(dot - from) : strlen(from);
    char *word = sd__arena_alloc(&config->arena, length + 1, 1);
    if (word)
        memcpy(word, from, length);
    *next = dot ? dot + 1 : NULL;
    return word;
}

static sd_status check_path(const char *label, const char *path)
{
    size_t length = strlen(path);
    int levels = 1;
    for (size_t i = 0; i < length; i++)
        levels += path[i] == '.';
    bool empty = length == 0 || path[0] == '.' || path[length - 1] == '.' || strstr(path, "..");
    if (empty)
        return sd__fail(SD_EFORMAT, "%s: \"%s\" names no key; write KEY=VALUE or KEY.SUB=VALUE", label, path);
    if (levels > SD_CONFIG_DEPTH)
        return too_deep(label, 0);
    return SD_OK;
}

/* The place in `list` that the word names. */
static sd_status list_place(const sd_config_node *list, const char *label, const char *word, int *place)
{
    char *end;
    long number = strtol(word, &end, 10);
    if (end == word || *end || word[0] < '0' || word[0] > '9' || number >= list->count)
        return list->count ? sd__fail(SD_EFORMAT, "%s: \"%s\" is no element of the list; the elements are 0 to %d", label, word,
                                      list->count - 1)
                           : sd__fail(SD_EFORMAT, "%s: the list is empty", label);
    *place = (int)number;
    return SD_OK;
}

/* Where in *parent the word leads; -1: a key that is not there yet. "adam" becomes {adam: null} if the word is adam. */
static sd_status enter(sd_config_node *parent, const char *label, const char *word, int *place)
{
    *place = -1;
    if (parent->kind == SD_CONFIG_LIST)
        return list_place(parent, label, word, place);
    if (parent->kind == SD_CONFIG_TEXT && strcmp(parent->text, word) != 0)
        return sd__fail(SD_EFORMAT, "%s: \"%s\" is a plain value and has no \"%s\"; set it as a whole", label, parent->text,
                        word);
    if (parent->kind != SD_CONFIG_MAP) {
        parent->kind = SD_CONFIG_MAP;
        parent->text = "";
        parent->quoted = false;
        return SD_OK;
    }
    for (int i = 0; i < parent->count; i++)
        if (strcmp(parent->child[i]->key, word) == 0)
            *place = i;
    if (*place < 0 && parent->count >= SD_CONFIG_KEYS)
        return sd__fail(SD_EFORMAT, "%s: a map of more than %d keys", label, SD_CONFIG_KEYS);
    return SD_OK;
}

static sd_status put_node(sd_config *config, const char *label, const char *path, sd_config_node *value)
{
    sd_config_node *parent = config->root;
    for (const char *next = path; next;) {
        int place;
        const char *word = segment(config, next, &next);
        if (!word)
            return no_memory();
        SD_TRY(enter(parent, label, word, &place));
        sd_config_node *child = next ? NULL : value;
        if (place >= 0 && next) {
            parent = parent->child[place];
            continue;
        }
        if (!child)
            SD_TRY(new_node(config, SD_CONFIG_MAP, label, 0, 0, &child));
        if (place >= 0) {
            child->key = parent->child[place]->key;
            child->key_line = 0;
            parent->child[place] = child;
        } else {
            child->key = word;
            SD_TRY(add_child(config, parent, child));
        }
        parent = child;
    }
    return SD_OK;
}

static sd_status put(sd_config *config, const char *label, const char *path, const char *value)
{
    sd_config_node *node = NULL;
    if (!label)
        return no_memory();
    SD_TRY(check_path(label, path));
    if (strlen(value) > SD_CONFIG_BYTES)
        return sd__fail(SD_EFORMAT, "%s: the value is longer than %zu bytes", label, SD_CONFIG_BYTES);
    SD_TRY(parse_into(config, label, false, value, strlen(value), &node));
    SD_ASSUME(node);
    if (node->kind == SD_CONFIG_MAP && !node->count && !strchr(value, '{'))
        node->kind = SD_CONFIG_NULL; /* "KEY=": nothing is no map here */
    return put_node(config, label, path, node);
}

sd_status sd__config_set(sd_config *config, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return sd__fail(SD_EFORMAT, "--set %s: there is no \"=\"; write KEY=VALUE, e.g. train.epochs=3", assignment);
    char *path = sd__arena_alloc(&config->arena, (size_t)(equals - assignment) + 1, 1);
    if (!path)
        return no_memory();
    memcpy(path, assignment, (size_t)(equals - assignment));
    return put(config, sd__arena_format(&config->arena, "--set %s", path), path, equals + 1);
}

sd_status sd__config_put(sd_config *config, const char *path, const char *value)
{
    return put(config, sd__arena_text(&config->arena, path), path, value);
}

/* What a reader of YAML could take for a number, a truth value or nothing is to be quoted. */
static bool bare_word(const char *text)
{
    static const char *const word[] = {"true", "false", "yes", "no", "on", "off", "y", "n"};
    for (size_t i = 0; i < SD_COUNT(word); i++)
        if (strcasecmp(text, word[i]) == 0)
            return false;
    char first = text[0];
    return !is_null(text) && ((first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '/');
}

sd_status sd__config_put_text(sd_config *config, const char *path, const char *text)
{
    sd_config_node *node;
    const char *label = sd__arena_text(&config->arena, path);
    if (!label)
        return no_memory();
    SD_TRY(check_path(label, path));
    SD_TRY(new_node(config, SD_CONFIG_TEXT, label, 0, 0, &node));
    node->text = sd__arena_text(&config->arena, text);
    node->quoted = !bare_word(text);
    return node->text ? put_node(config, label, path, node) : no_memory();
}
