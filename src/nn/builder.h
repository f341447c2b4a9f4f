/* builder.h -- the book that layers keep while a program is built: names that are taken, and one row a layer. */
#ifndef SD_NN_BUILDER_H
#define SD_NN_BUILDER_H

#include <sonde/nn.h>
#include <sonde/ops.h>
#include <stdlib.h>

#include "base/arena.h"

typedef struct sd_layer_row {
    const char *kind, *path;
    sd_node output;
    uint32_t first, end; /* its nodes: first <= id < end */
    unsigned role;
} sd_layer_row;

/* How many layers of one kind a scope has, or (count 0) a path that is taken; by hash. */
typedef struct sd_layer_name {
    uint64_t hash;
    int count;
} sd_layer_name;

struct sd_layer_book {
    sd_arena arena;
    sd_layer_row *row; /* closed layers, in the order of closing */
    int rows;
    sd_layer_row *open; /* stack of layers that are open */
    int depth;
    sd_layer_name *name;
    int names;
};

/* Fills the builder for one program over `graph`, leaves included; errors are latched in the graph. */
void sd__builder_open(sd_builder *builder, sd_graph *graph, const sd_model_spec *spec, sd_mode mode, int64_t batch,
                      sd_layer_book *book);
void sd__book_free(sd_layer_book *book);

/* The innermost layer that a path belongs to, or -1: "conv1" owns "conv1" and "conv1/weight". */
int sd__book_find(const sd_layer_book *book, const char *path);

/* sd_block_begin() with another kind than "block". */
void sd__block_begin(sd_builder *builder, const char *kind, const char *name);

/* The shape of one example: axis 0 removed. */
sd_shape sd__example_of(sd_shape shape);
/* shape with the batch in front; rank -1 if there are too many axes. */
sd_shape sd__batch_of(int64_t batch, sd_shape shape);

/* The geometry that a spec means over images [B,H,W,C]. A second size of 0 repeats the first; stride, dilation 0 are 1. */
sd_window sd__window(const int64_t size[2], const int64_t stride[2], const int64_t dilation[2], sd_padding padding,
                     const int64_t pad[2], sd_shape image);

/* Shortens what every layer does: open, and close with the result. */
#define SD_LAYER(builder, kind, name, role, expression) \
    (sd_layer_begin(builder, kind, name), sd_layer_end(builder, expression, role))

#endif
