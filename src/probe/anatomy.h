/* anatomy.h -- a program of an instrument's own with its layers laid open: what each reads, and the linear map inside. */
#ifndef SD_PROBE_ANATOMY_H
#define SD_PROBE_ANATOMY_H

#include "graph/op.h"
#include "nn/model.h"

/* The graph may grow by the instrument's nodes; the rows of the book keep what the build function made. */
typedef struct sd_anatomy {
    const sd_model *model;
    sd_graph *graph;
    sd_layer_book book;
    sd_node input; /* the samples, before any layer */
    sd_built built;
} sd_anatomy;

/* Builds the program. To be closed, also after an error. errors those of sd_model_build() */
sd_status sd__anatomy_open(sd_model *model, sd_mode mode, int64_t batch, sd_anatomy *anatomy);
void sd__anatomy_close(sd_anatomy *anatomy);

/*
 * The values from outside that a layer computes with, in the order of reading; a layer without nodes reads what it returns.
 * Returns how many, at most SD_MAX_IN. Parameters, states and constants do not count.
 */
int sd__layer_inputs(const sd_anatomy *anatomy, const sd_layer_row *row, sd_node input[SD_MAX_IN]);

/* False if a layer only passes on or rearranges what it reads: flatten, dropout in eval mode. */
bool sd__layer_computes(const sd_anatomy *anatomy, const sd_layer_row *row);

/* The first node of this op that a layer made; poisoned if there is none. */
sd_node sd__layer_node(const sd_anatomy *anatomy, const sd_layer_row *row, const sd_op *op);

/* A layer that is z = W x, or W x and an offset of its own, W being one slice of theta. */
typedef struct sd_linear_map {
    sd_node x;
    int weight;              /* slice */
    const sd_window *window; /* of a convolution; NULL: dense */
    int64_t inputs;          /* numbers that one output reads at one tap: channels of a group; dense: all */
} sd_linear_map;

bool sd__layer_linear(const sd_anatomy *anatomy, const sd_layer_row *row, sd_linear_map *map);

/* Does `node` depend on `on`? Without memory that is latched in the graph. */
bool sd__depends(sd_graph *graph, sd_node node, sd_node on);

#endif
