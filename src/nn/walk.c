/*
 * walk.c -- building a model from a list of layers.
 *
 * The tree itself is the model's description: it is walked anew for every program. A mistake in the tree is kept with its line;
 * one that a builder finds is latched in the graph, and the walk remembers at which layer that was.
 */
#include "nn/walk.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"

/* ---- mistakes ---------------------------------------------------------------------------------------------------- */

sd_node sd__walk_fail(sd_walk *walk, sd_status status)
{
    if (walk->status == SD_OK) {
        const char *text = sd_error();
        size_t bytes = strlen(text) + 1;
        walk->status = status;
        walk->message = sd__alloc(bytes, 1);
        if (walk->message)
            memcpy(walk->message, text, bytes);
    }
    return sd_graph_fail(walk->builder->graph, status, "%s", walk->message ? walk->message : sd_status_text(status));
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

void sd__walk_enter(sd_walk *walk, const char *kind, const char *name) { sd__block_begin(walk->builder, kind, name); }

sd_node sd__walk_leave(sd_walk *walk, sd_node output)
{
    sd_walk_block *block = sd__grown(walk->block, (size_t)walk->blocks, sizeof *block);
    if (!block) {
        sd_block_end(walk->builder);
        return sd__walk_fail(walk, sd__fail(SD_ENOMEM, "no memory for a block"));
    }
    walk->block = block;
    walk->block[walk->blocks++] = (sd_walk_block){sd_scope_path(walk->builder->graph), output};
    sd_block_end(walk->builder);
    return output;
}

/* The result of the layer or block with this full path. */
static bool find_path(const sd_walk *walk, const char *path, sd_node *output)
{
    const sd_layer_book *book = walk->builder->book;
    for (int i = book->rows - 1; i >= 0; i--)
        if (strcmp(book->row[i].path, path) == 0)
            return *output = book->row[i].output, true;
    for (int i = walk->blocks - 1; i >= 0; i--)
        if (strcmp(walk->block[i].path, path) == 0)
            return *output = walk->block[i].output, true;
    return false;
}

/* Looks in the block that is open, then in those around it. */
static bool find_name(const sd_walk *walk, const char *name, sd_node *output)
{
    char path[1024];
    const char *scope = sd_scope_path(walk->builder->graph);
    size_t length = strlen(scope);
    for (;;) {
        int written = snprintf(path, sizeof path, "%.*s%s%s", (int)length, scope, length ? "/" : "", name);
        if (written < 0 || (size_t)written >= sizeof path)
            return false;
        if (find_path(walk, path, output))
            return true;
        if (!length)
            return false;
        do
            length--;
        while (length && scope[length] != '/');
    }
}

static sd_node unknown_name(sd_walk *walk, const sd_config_node *node)
{
    const sd_layer_book *book = walk->builder->book;
    const char **names = sd__alloc((size_t)book->rows + (size_t)walk->blocks + 2, sizeof *names);
    int n = 0;
    for (int i = 0; names && i < book->rows; i++)
        names[n++] = book->row[i].path;
    for (int i = 0; names && i < walk->blocks; i++)
        names[n++] = walk->block[i].path;
    if (names) {
        names[n++] = "input";
        names[n++] = "previous";
    }
    const char *near = sd__nearest(node->text, n, names);
    sd_status status =
        near ? sd__config_fail(node, "from names \"%s\", but no layer before this one is called so; did you mean \"%s\"?",
                               node->text, near)
             : sd__config_fail(node, "from names \"%s\", but no layer before this one is called so", node->text);
    free(names);
    return sd__walk_fail(walk, status);
}

static sd_node resolve(sd_walk *walk, const sd_config_node *node, sd_node previous)
{
    const char *name;
    sd_node output;
    sd_status status = sd__config_text(node, &name);
    if (status != SD_OK)
        return sd__walk_fail(walk, status);
    if (strcmp(name, "previous") == 0)
        return previous;
    if (find_name(walk, name, &output))
        return output;
    return strcmp(name, "input") == 0 ? walk->builder->input : unknown_name(walk, node);
}

/* ---- one layer --------------------------------------------------------------------------------------------------- */

static const sd_layer_kind *find_kind(const char *name)
{
    for (int i = 0; i < sd__n_layer_kinds; i++)
        if (strcmp(sd__layer_kinds[i].name, name) == 0)
            return &sd__layer_kinds[i];
    return NULL;
}

static sd_status unknown_kind(const sd_config_node *node, const char *name)
{
    const char *names[64];
    sd_string list = {0};
    int n = (int)SD_MIN(sd__n_layer_kinds, (int)SD_COUNT(names));
    for (int i = 0; i < n; i++) {
        names[i] = sd__layer_kinds[i].name;
        sd__string_add(&list, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = sd__nearest(name, n, names);
    sd_status status =
        near ? sd__config_fail(node, "there is no layer \"%s\"; did you mean \"%s\"?", name, near)
             : sd__config_fail(node, "there is no layer \"%s\"; possible: %s", name, list.failed ? "?" : list.text);
    free(list.text);
    return status;
}

/* The kind's own options, and those that all kinds have. */
static int options_of(const sd_layer_kind *kind, sd_option table[16])
{
    static const sd_option common[] = {
        {"from", SD_OPTION_NODE, offsetof(sd_layer_options, from), "", 0, 0, "name|list of names",
         "layers that this one reads, instead of the one before: names, `previous`, `input`"},
        {"name", SD_OPTION_TEXT, offsetof(sd_layer_options, name), "", 0, 0, NULL, "its name (kind and number)"},
    };
    if (kind->options)
        memcpy(table, kind->option, (size_t)kind->options * sizeof *table);
    memcpy(table + kind->options, common, sizeof common);
    return kind->options + (int)SD_COUNT(common);
}

/* Where the layer is named: the list's element, not the value under the kind. */
static sd_status read_layer(const sd_config_node *node, const sd_layer_kind **kind, sd_layer_options *options)
{
    const char *name;
    const sd_config_node *value;
    sd_option table[16];
    char what[64];
    SD_TRY(sd__config_named("a layer", node, &name, &value));
    *kind = find_kind(name);
    if (!*kind)
        return unknown_kind(node, name);
    int n = options_of(*kind, table);
    snprintf(what, sizeof what, "layer %s", name);
    *options = (sd_layer_options){.bias = true};
    return sd__config_options(what, value, n, table, (*kind)->shorthand || (*kind)->joins, node, options);
}

/* What the layer reads; returns how many, or 0 after a mistake. */
static int inputs(sd_walk *walk, const sd_config_node *node, const sd_layer_kind *kind, const sd_layer_options *options,
                  sd_node previous, sd_node x[SD_MOST_FROM])
{
    const sd_config_node *from = options->from;
    x[0] = previous;
    if (!from && kind->joins) {
        sd__walk_fail(walk, sd__config_fail(node, "layer %s needs the names of what it joins, e.g. %s: [previous, relu1]",
                                            kind->name, kind->name));
        return 0;
    }
    if (!from)
        return 1;
    bool list = from->kind == SD_CONFIG_LIST;
    int n = list ? from->count : 1;
    if (n < 1 || n > (kind->joins ? SD_MOST_FROM : 1)) {
        sd__walk_fail(walk, sd__config_fail(from, "layer %s cannot read %d layers; it reads %s", kind->name, n,
                                            kind->joins ? "1 to 64" : "one"));
        return 0;
    }
    for (int i = 0; i < n; i++)
        x[i] = resolve(walk, list ? from->child[i] : from, previous);
    return n;
}

static sd_node walk_layer(sd_walk *walk, const sd_config_node *node, sd_node previous)
{
    const sd_layer_kind *kind;
    sd_layer_options options = {0};
    sd_node x[SD_MOST_FROM];
    if (++walk->count > SD_MOST_LAYERS)
        return sd__walk_fail(walk,
                             sd__config_fail(node, "more than %d layers, repeated ones counted; repeat less", SD_MOST_LAYERS));
    sd_status status = read_layer(node, &kind, &options);
    if (status != SD_OK)
        return sd__walk_fail(walk, status);
    int n = inputs(walk, node, kind, &options, previous, x);
    sd_node y = {.graph = walk->builder->graph};
    if (n)
        y = kind->build(walk, kind, node, n, x, &options);
    if (sd_graph_status(walk->builder->graph) != SD_OK && !walk->failed)
        walk->failed = node;
    return y;
}

sd_node sd__walk_layers(sd_walk *walk, const sd_config_node *list, sd_node x)
{
    for (int i = 0; i < list->count && sd_graph_status(walk->builder->graph) == SD_OK; i++)
        x = walk_layer(walk, list->child[i], x);
    return x;
}

/* ---- documentation ----------------------------------------------------------------------------------------------- */

char *sd_layers_help(void)
{
    sd_string text = {0};
    sd__string_add(
        &text,
        "## Layers\n\nA list of kinds: `- relu`, `- maxpool: 2` (the first option), `- conv: {filters: 32, kernel: 5}`.\n");
    for (int i = 0; i < sd__n_layer_kinds; i++) {
        const sd_layer_kind *kind = &sd__layer_kinds[i];
        sd_option table[16];
        int n = options_of(kind, table);
        sd__string_add(&text, "\n### %s\n\n%s\n\n", kind->name, kind->doc);
        sd__option_help(n, table, &text);
    }
    if (text.failed) {
        free(text.text);
        return NULL;
    }
    return text.text;
}
