/* anatomy.c -- reading a program's graph by layers. */
#include "probe/anatomy.h"

#include "graph/graph.h"
#include "ops/conv.h"
#include "ops/op.h"

sd_status sd__anatomy_open(sd_model *model, sd_mode mode, int64_t batch, sd_anatomy *a)
{
    *a = (sd_anatomy){.model = model, .graph = sd_graph_new()};
    if (!a->graph)
        return sd__fail(SD_ENOMEM, "no memory for a program");
    SD_TRY(sd__model_build(model, a->graph, mode, batch, &a->built, &a->book));
    a->input = sd__leaf_of(a->graph, "x");
    return SD_OK;
}

void sd__anatomy_close(sd_anatomy *a)
{
    sd__book_free(&a->book);
    sd_graph_free(a->graph);
    *a = (sd_anatomy){0};
}

/* ---- what a layer reads -------------------------------------------------------------------------------------------------- */

/* A value that carries the signal: computed, or the input itself. */
static bool carries_signal(const sd_anatomy *a, sd_ref ref)
{
    const sd_node_data *node = &a->graph->node[ref.id];
    bool computed = node->op->kind != SD_LEAF && node->n_in > 0;
    return sd_dtype_is_real(node->out[ref.result].dtype) && (computed || ref.id == a->input.id);
}

static int add_once(sd_graph *graph, sd_ref ref, int n, sd_node input[SD_MAX_IN])
{
    for (int i = 0; i < n; i++)
        if (input[i].id == ref.id && input[i].result == ref.result)
            return n;
    if (n < SD_MAX_IN)
        input[n++] = (sd_node){graph, ref.id, ref.result};
    return n;
}

int sd__layer_inputs(const sd_anatomy *a, const sd_layer_row *row, sd_node input[SD_MAX_IN])
{
    int n = 0;
    for (uint32_t id = row->first; id < row->end; id++) {
        const sd_node_data *node = &a->graph->node[id];
        for (uint32_t i = 0; i < node->n_in; i++)
            if (node->in[i].id < row->first && carries_signal(a, node->in[i]))
                n = add_once(a->graph, node->in[i], n, input);
    }
    return n ? n : add_once(a->graph, (sd_ref){row->output.id, row->output.result}, 0, input);
}

bool sd__layer_computes(const sd_anatomy *a, const sd_layer_row *row)
{
    for (uint32_t id = row->first; id < row->end; id++)
        if (a->graph->node[id].op->kind != SD_VIEW && a->graph->node[id].op->kind != SD_LEAF)
            return true;
    return false;
}

bool sd__depends(sd_graph *graph, sd_node node, sd_node on)
{
    if (on.id > node.id)
        return false;
    bool *needed = sd__alloc_zeroed((size_t)node.id + 1, sizeof *needed);
    if (!needed) {
        sd_graph_fail(graph, SD_ENOMEM, "no memory to follow a value");
        return false;
    }
    needed[node.id] = true;
    for (uint32_t id = node.id; id > on.id; id--)
        for (uint32_t i = 0; needed[id] && i < graph->node[id].n_in; i++)
            needed[graph->node[id].in[i].id] = true;
    bool depends = needed[on.id];
    free(needed);
    return depends;
}

/* ---- the linear map ------------------------------------------------------------------------------------------------------ */

sd_node sd__layer_node(const sd_anatomy *a, const sd_layer_row *row, const sd_op *op)
{
    for (uint32_t id = row->first; id < row->end; id++)
        if (a->graph->node[id].op == op)
            return (sd_node){a->graph, id, 0};
    return (sd_node){a->graph, 0, 0};
}

/* The slice of theta that a node is, also behind views; -1: it is none. */
static int slice_of(const sd_anatomy *a, sd_ref ref)
{
    while (a->graph->node[ref.id].op->kind == SD_VIEW)
        ref = a->graph->node[ref.id].in[0];
    for (int i = 0; i < a->model->params.count; i++)
        if (sd_param_node(a->graph, i).id == ref.id)
            return i;
    return -1;
}

/* The only product of a value with a slice of theta; poisoned if there are none or several. */
static sd_node only_product(const sd_anatomy *a, const sd_layer_row *row)
{
    sd_node found = {a->graph, 0, 0};
    for (uint32_t id = row->first; id < row->end; id++) {
        const sd_op *op = a->graph->node[id].op;
        if (op != &sd__op_dense && op != &sd__op_matmul && op != &sd__op_conv2d)
            continue;
        if (found.id)
            return (sd_node){a->graph, 0, 0};
        found.id = id;
    }
    return found;
}

/* Is the layer's output the product, or the product plus a slice of theta? */
static bool ends_with(const sd_anatomy *a, sd_node output, sd_node product)
{
    const sd_node_data *node = &a->graph->node[output.id];
    if (output.id == product.id)
        return true;
    return node->op == &sd__op_add && node->in[0].id == product.id && slice_of(a, node->in[1]) >= 0;
}

bool sd__layer_linear(const sd_anatomy *a, const sd_layer_row *row, sd_linear_map *map)
{
    sd_node product = only_product(a, row);
    if (!product.id || !ends_with(a, row->output, product))
        return false;
    const sd_node_data *node = &a->graph->node[product.id];
    map->weight = slice_of(a, node->in[1]);
    map->x = sd__operand(product, 0);
    if (map->weight < 0 || sd_node_shape(sd__operand(product, 1)).rank != (node->op == &sd__op_conv2d ? 4 : 2))
        return false;
    map->window = node->op == &sd__op_conv2d ? &((const sd_conv_attr *)sd__attr(product))->window : NULL;
    map->inputs = sd_node_shape(sd__operand(product, 1)).dim[map->window ? 2 : 0];
    return true;
}
