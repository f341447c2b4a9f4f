/* describe.c -- a model in numbers: a row a layer, floating-point operations, and both definitions of depth. */
#include <string.h>

#include "base/base.h"
#include "graph/graph.h"
#include "nn/model.h"

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static void count_slices(sd_model *model)
{
    for (int i = 0; i < model->params.count; i++) {
        int row = sd__book_find(&model->book, model->params.slice[i].name);
        if (row >= 0)
            model->layer[row].parameters += model->params.slice[i].length;
    }
    for (int i = 0; i < model->states.count; i++) {
        int row = sd__book_find(&model->book, model->states.slice[i].name);
        if (row >= 0)
            model->layer[row].states += model->states.slice[i].length;
    }
}

/* ---- floating-point operations --------------------------------------------------------------------------------------- */

/* As the plan counts them: what the op says, or one an element of an elementwise op. */
static double node_flops(const sd_graph *graph, const sd_node_data *node)
{
    sd_type in[SD_MAX_IN];
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = graph->node[node->in[i].id].out[node->in[i].result];
    if (node->op->flops)
        return node->op->flops(in, node->out, node->attr);
    return node->op->kind == SD_ELEMENTWISE ? (double)sd_shape_count(node->out[0].shape) : 0;
}

/* Marks what the output depends on: the loss does not count. */
static void mark_needed(const sd_graph *graph, uint32_t output, bool *needed)
{
    needed[output] = true;
    for (uint32_t id = output; id > 0; id--)
        for (uint32_t i = 0; needed[id] && i < graph->node[id].n_in; i++)
            needed[graph->node[id].in[i].id] = true;
}

static void count_flops(sd_model *model, const bool *needed)
{
    const sd_graph *graph = model->graph;
    const char *path = NULL;
    int row = -1;
    for (uint32_t id = 1; id <= model->built.output.id; id++) {
        const sd_node_data *node = &graph->node[id];
        if (!needed[id])
            continue;
        if (node->path != path) /* nodes of one layer follow each other */
            row = sd__book_find(&model->book, path = node->path);
        double flops = node_flops(graph, node);
        model->info.flops += flops;
        if (row >= 0)
            model->layer[row].flops += flops;
    }
}

/* ---- depth ------------------------------------------------------------------------------------------------------- */

/* For every node up to the output the most layers of this role on a path to it. */
static int depth(const sd_model *model, unsigned role, int *deepest)
{
    const sd_graph *graph = model->graph;
    uint32_t output = model->built.output.id;
    memset(deepest, 0, (output + 1) * sizeof *deepest);
    for (uint32_t id = 1; id <= output; id++) {
        const sd_node_data *node = &graph->node[id];
        for (uint32_t i = 0; i < node->n_in; i++)
            deepest[id] = SD_MAX(deepest[id], deepest[node->in[i].id]);
        for (int row = 0; row < model->book.rows; row++)
            if (model->book.row[row].output.id == id && (model->book.row[row].role & role))
                deepest[id]++;
    }
    return deepest[output];
}

/* ---- the table --------------------------------------------------------------------------------------------------- */

static bool describe(sd_model *model)
{
    const sd_layer_book *book = &model->book;
    size_t nodes = (size_t)model->built.output.id + 1;
    int *deepest = sd__alloc(nodes, sizeof *deepest);
    bool *needed = sd__alloc_zeroed(nodes, sizeof *needed);
    model->layer = sd__alloc_zeroed((size_t)book->rows + 1, sizeof *model->layer);
    if (deepest && needed && model->layer) {
        for (int i = 0; i < book->rows; i++) {
            const sd_layer_row *row = &book->row[i];
            model->layer[i] = (sd_layer_info){
                .kind = row->kind, .name = row->path, .role = row->role, .output = sd__example_of(sd_node_shape(row->output))};
        }
        mark_needed(model->graph, model->built.output.id, needed);
        count_slices(model);
        count_flops(model, needed);
        model->info.layer = model->layer;
        model->info.layers = book->rows;
        model->info.parameters = model->params.length;
        model->info.states = model->states.length;
        model->info.depth_path = depth(model, SD_LAYER_ADAPTIVE, deepest);
        model->info.depth_nonlinear = depth(model, SD_LAYER_NONLINEAR, deepest);
    } else {
        free(model->layer);
        model->layer = NULL;
    }
    free(deepest);
    free(needed);
    return model->layer != NULL;
}

const sd_model_info *sd_model_describe(sd_model *model)
{
    if (!model->layer && !describe(model)) {
        sd__fail(SD_ENOMEM, "no memory to describe a model");
        return NULL;
    }
    model->info.trainable = 0;
    for (int i = 0; i < model->params.count; i++)
        if (model->trainable[i])
            model->info.trainable += model->params.slice[i].length;
    return &model->info;
}
