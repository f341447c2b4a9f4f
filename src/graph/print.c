/* print.c -- a graph as text, one line a node: what the debug ladder and error reports show. */
#include "graph/graph.h"

static void print_results(const sd_node_data *node, sd_string *text)
{
    char shape[SD_SHAPE_TEXT];
    for (uint32_t i = 0; i < node->n_out; i++)
        sd__string_add(text, "%s%s%s", i ? ", " : " ", sd_dtype_name(node->out[i].dtype),
                       sd_shape_text(node->out[i].shape, shape));
}

static void print_operands(const sd_node_data *node, sd_string *text)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        sd__string_add(text, "%s%%%u", i ? ", " : "", node->in[i].id);
        if (node->in[i].result)
            sd__string_add(text, ".%u", node->in[i].result);
    }
}

void sd__print_node(const sd_graph *graph, uint32_t id, sd_string *text)
{
    const sd_node_data *node = &graph->node[id];
    sd__string_add(text, "%%%u", id);
    print_results(node, text);
    sd__string_add(text, " = %s(", node->op->name);
    print_operands(node, text);
    sd__string_add(text, ")");
    if (node->op->print)
        node->op->print(node->attr, text);
    if (node->path[0])
        sd__string_add(text, "  # %s", node->path);
}

char *sd_graph_print(const sd_graph *graph)
{
    sd_string text = {0};
    for (uint32_t id = 1; id < graph->count; id++) {
        sd__print_node(graph, id, &text);
        sd__string_add(&text, "\n");
    }
    return sd__string_take(&text);
}
