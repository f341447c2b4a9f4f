/* verify.c -- what every graph must fulfil; run after each pass in debug builds, and by the tests. */
#include <stdlib.h>

#include "graph/graph.h"

static sd_status broken(const sd_graph *graph, uint32_t id, const char *what)
{
    sd_string line = {0};
    sd__print_node(graph, id, &line);
    sd_status status = sd__fail(SD_EINTERNAL, "graph: %s in %s", what, line.text ? line.text : "a node");
    free(line.text);
    return status;
}

static const char *operands_fault(const sd_graph *graph, uint32_t id)
{
    const sd_node_data *node = &graph->node[id];
    if (node->op->arity != SD_VARIADIC && (uint32_t)node->op->arity != node->n_in)
        return "wrong number of operands";
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (node->in[i].id == 0 || node->in[i].id >= id)
            return "an operand that does not come before";
        if (node->in[i].result >= graph->node[node->in[i].id].n_out)
            return "an operand that is no result of its node";
    }
    return NULL;
}

/* The shape rule, run again, must give the stored types. It may latch a message, so it sees an empty graph. */
static const char *types_fault(const sd_graph *graph, const sd_node_data *node)
{
    if (node->op->kind == SD_LEAF)
        return NULL;
    sd_type in[SD_MAX_IN];
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = graph->node[node->in[i].id].out[node->in[i].result];
    sd_graph scratch = {.path = "", .message = ""};
    sd_infer c = {.graph = &scratch, .op = node->op, .attr = node->attr, .n_in = (int)node->n_in, .in = in, .n_out = 1};
    sd_status status = node->op->infer(&c);
    sd__arena_free(&scratch.arena);
    if (status != SD_OK)
        return "operands that the shape rule refuses";
    if ((uint32_t)c.n_out != node->n_out)
        return "a wrong number of results";
    for (int i = 0; i < c.n_out; i++)
        if (c.out[i].dtype != node->out[i].dtype || !sd_shape_equal(c.out[i].shape, node->out[i].shape))
            return "a result whose stored type is not what the shape rule gives";
    return NULL;
}

sd_status sd__graph_verify(const sd_graph *graph)
{
    for (uint32_t id = 1; id < graph->count; id++) {
        const char *fault = operands_fault(graph, id);
        if (!fault)
            fault = types_fault(graph, &graph->node[id]);
        if (fault)
            return broken(graph, id, fault);
    }
    return SD_OK;
}
