/* builder.c -- what a build function builds with: the leaves of the program, and the names of its layers. */
#include "nn/builder.h"

#include <string.h>

#include "base/base.h"
#include "graph/graph.h"

/* ---- names ------------------------------------------------------------------------------------------------------- */

/* The entry of a hash, made if it is new; NULL without memory. */
static sd_layer_name *entry(sd_layer_book *book, uint64_t hash)
{
    for (int i = 0; i < book->names; i++)
        if (book->name[i].hash == hash)
            return &book->name[i];
    sd_layer_name *name = sd__grown(book->name, (size_t)book->names, sizeof *name);
    if (!name)
        return NULL;
    book->name = name;
    book->name[book->names] = (sd_layer_name){hash, 0};
    return &book->name[book->names++];
}

static sd_layer_name *ordinal_of(sd_builder *b, const char *kind)
{
    uint64_t hash = sd__hash_text(SD_HASH_START, "kind");
    return entry(b->book, sd__hash_text(sd__hash_text(hash, sd_scope_path(b->graph)), kind));
}

static sd_layer_name *path_of(sd_builder *b, const char *name)
{
    uint64_t hash = sd__hash_text(SD_HASH_START, "path");
    return entry(b->book, sd__hash_text(sd__hash_text(hash, sd_scope_path(b->graph)), name));
}

static bool no_memory(sd_builder *b)
{
    sd_graph_fail(b->graph, SD_ENOMEM, "no memory for the name of a layer");
    return false;
}

/* Opens the scope NAME or KIND<ordinal>. The ordinal counts named layers, too: naming one renames no other. */
static bool open_scope(sd_builder *b, const char *kind, const char *name)
{
    sd_layer_name *ordinal = ordinal_of(b, kind);
    if (!ordinal)
        return no_memory(b);
    ordinal->count++;
    if (!name)
        name = sd__arena_format(&b->book->arena, "%s%d", kind, ordinal->count);
    sd_layer_name *path = name ? path_of(b, name) : NULL;
    if (!path)
        return no_memory(b);
    if (path->count++)
        sd_graph_fail(b->graph, SD_EINVAL, "a second layer named \"%s\"; give one of them another name", name);
    if (!name[0] || strchr(name, '/'))
        sd_graph_fail(b->graph, SD_EINVAL, "a layer cannot be named \"%s\"; a name has at least one character and no '/'",
                      name);
    sd_scope_push(b->graph, name);
    return true;
}

/* ---- layers and blocks ------------------------------------------------------------------------------------------- */

void sd_layer_begin(sd_builder *builder, const char *kind, const char *name)
{
    sd_layer_book *book = builder->book;
    sd_layer_row *open = sd__grown(book->open, (size_t)book->depth, sizeof *open);
    if (open)
        book->open = open;
    if (!open || !open_scope(builder, kind, name)) {
        no_memory(builder);
        return;
    }
    book->open[book->depth++] = (sd_layer_row){
        .kind = sd__arena_text(&book->arena, kind),
        .path = sd__arena_text(&book->arena, sd_scope_path(builder->graph)),
        .first = builder->graph->count,
    };
    if (book->arena.failed)
        no_memory(builder);
}

sd_node sd_layer_end(sd_builder *builder, sd_node output, unsigned role)
{
    sd_layer_book *book = builder->book;
    if (!book->depth) /* nothing was opened, or there was no memory, which is latched */
        return sd_graph_fail(builder->graph, SD_EINVAL, "sd_layer_end() without sd_layer_begin()");
    sd_layer_row row = book->open[--book->depth];
    row.output = output;
    row.end = builder->graph->count;
    row.role = role;
    sd_scope_pop(builder->graph);
    sd_layer_row *rows = sd__grown(book->row, (size_t)book->rows, sizeof *rows);
    if (!rows) {
        no_memory(builder);
        return output;
    }
    book->row = rows;
    book->row[book->rows++] = row;
    return output;
}

void sd__block_begin(sd_builder *builder, const char *kind, const char *name)
{
    if (!open_scope(builder, kind, name))
        sd_scope_push(builder->graph, kind);
}

void sd_block_begin(sd_builder *builder, const char *name) { sd__block_begin(builder, "block", name); }

void sd_block_end(sd_builder *builder) { sd_scope_pop(builder->graph); }

int sd__book_find(const sd_layer_book *book, const char *path)
{
    int best = -1;
    size_t longest = 0;
    for (int i = 0; i < book->rows; i++) {
        const char *name = book->row[i].path;
        size_t length = strlen(name);
        if (length <= longest || strncmp(path, name, length) != 0 || (path[length] && path[length] != '/'))
            continue;
        best = i;
        longest = length;
    }
    return best;
}

void sd__book_free(sd_layer_book *book)
{
    sd__arena_free(&book->arena);
    free(book->row);
    free(book->open);
    free(book->name);
    *book = (sd_layer_book){0};
}

/* ---- leaves ------------------------------------------------------------------------------------------------------ */

sd_shape sd__example_of(sd_shape shape) { return shape.rank < 1 ? shape : sd_shape_make(shape.rank - 1, shape.dim + 1); }

sd_shape sd__batch_of(int64_t batch, sd_shape shape)
{
    int64_t dim[SD_MAX_RANK + 1] = {batch};
    if (shape.rank < 0 || shape.rank >= SD_MAX_RANK)
        return sd_shape_make(-1, NULL);
    memcpy(dim + 1, shape.dim, (size_t)shape.rank * sizeof *dim);
    return sd_shape_make(shape.rank + 1, dim);
}

void sd__builder_open(sd_builder *builder, sd_graph *graph, const sd_model_spec *spec, sd_mode mode, int64_t batch,
                      sd_layer_book *book)
{
    *builder = (sd_builder){.graph = graph,
                            .mode = mode,
                            .batch = batch,
                            .dtype = spec->dtype,
                            .classes = spec->classes,
                            .targets = spec->targets,
                            .book = book};
    builder->input = sd_input(graph, "x", spec->dtype, sd__batch_of(batch, spec->input));
    builder->target = (sd_node){.graph = graph};
    if (spec->classes > 0)
        builder->target = sd_input(graph, "y", SD_I32, SD_SHAPE(batch));
    else if (spec->targets > 0)
        builder->target = sd_input(graph, "y", spec->dtype, SD_SHAPE(batch, spec->targets));
    builder->step = sd_scalar(graph, "step", SD_I32);
    builder->ids = sd_input(graph, "ids", SD_I32, SD_SHAPE(batch));
}
