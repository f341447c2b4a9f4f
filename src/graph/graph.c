/* graph.c -- appending nodes: the arena, the sticky first mistake, scopes. */
#include "graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sd_graph *sd_graph_new(void)
{
    sd_graph *graph = sd__alloc_zeroed(1, sizeof *graph);
    if (!graph)
        return NULL;
    graph->count = 1; /* id 0 is the poisoned handle */
    graph->path = "";
    graph->message = "";
    return graph;
}

static void vector_free(sd_vector *vector)
{
    free(vector->slice);
    free(vector->leaf);
    free(vector->next);
}

void sd_graph_free(sd_graph *graph)
{
    if (!graph)
        return;
    vector_free(&graph->param);
    vector_free(&graph->state);
    free(graph->outer);
    free(graph->scope);
    free(graph->node);
    sd__arena_free(&graph->arena);
    free(graph);
}

void sd_graph_seed(sd_graph *graph, uint64_t seed) { graph->seed = seed; }

sd_status sd_graph_status(const sd_graph *graph) { return graph->status; }

const char *sd_graph_message(const sd_graph *graph) { return graph->message; }

static void latch(sd_graph *graph, sd_status status, const char *format, va_list arguments)
{
    if (graph->status != SD_OK)
        return;
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    graph->status = status;
    graph->message =
        graph->path[0] ? sd__arena_format(&graph->arena, "%s: %s", graph->path, text) : sd__arena_text(&graph->arena, text);
    if (!graph->message)
        graph->message = sd_status_text(status);
}

sd_node sd_graph_fail(sd_graph *graph, sd_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    latch(graph, status, format, arguments);
    va_end(arguments);
    return (sd_node){graph, 0, 0};
}

sd_status sd__infer_fail(sd_infer *c, sd_status status, const char *format, ...)
{
    char text[768];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sd_graph_fail(c->graph, status, "%s: %s", c->op->name, text);
    return status;
}

void sd_scope_push(sd_graph *graph, const char *name)
{
    const char **outer = sd__grown(graph->outer, (size_t)graph->depth, sizeof *outer);
    if (!outer) {
        sd_graph_fail(graph, SD_ENOMEM, "no memory for scope %s", name);
        return;
    }
    graph->outer = outer;
    const char *path =
        graph->path[0] ? sd__arena_format(&graph->arena, "%s/%s", graph->path, name) : sd__arena_text(&graph->arena, name);
    graph->outer[graph->depth++] = graph->path;
    if (path)
        graph->path = path;
    else
        sd_graph_fail(graph, SD_ENOMEM, "no memory for scope %s", name);
}

void sd_scope_pop(sd_graph *graph)
{
    if (graph->depth > 0)
        graph->path = graph->outer[--graph->depth];
}

const char *sd_scope_path(const sd_graph *graph) { return graph->path; }

uint64_t sd__random_key(sd_graph *graph)
{
    uint64_t hash = sd__hash_text(sd__hash(SD_HASH_START, &graph->seed, sizeof graph->seed), graph->path);
    int i = 0;
    while (i < graph->n_scopes && graph->scope[i].hash != hash)
        i++;
    if (i == graph->n_scopes) {
        struct sd_scope_count *scope = sd__grown(graph->scope, (size_t)i, sizeof *scope);
        if (!scope) {
            sd_graph_fail(graph, SD_ENOMEM, "no memory for a random key");
            return hash;
        }
        graph->scope = scope;
        graph->scope[graph->n_scopes++] = (struct sd_scope_count){.hash = hash};
    }
    uint64_t ordinal = graph->scope[i].randoms++;
    return sd__hash(hash, &ordinal, sizeof ordinal);
}

static bool grow_nodes(sd_graph *graph)
{
    if (graph->count < graph->capacity)
        return true;
    uint32_t wanted = graph->capacity ? graph->capacity * 2 : 64;
    sd_node_data *larger = sd__realloc(graph->node, wanted, sizeof *larger);
    if (!larger)
        return false;
    graph->node = larger;
    graph->capacity = wanted;
    return true;
}

sd_node sd__append_typed(sd_graph *graph, const sd_op *op, const void *attr, int n_in, const sd_ref *in, int n_out,
                         const sd_type *out, const char *path)
{
    sd_node_data data = {.op = op, .n_in = (uint32_t)n_in, .n_out = (uint32_t)n_out, .path = path};
    data.in = sd__arena_copy(&graph->arena, in, (size_t)n_in * sizeof *in);
    data.out = sd__arena_copy(&graph->arena, out, (size_t)n_out * sizeof *out);
    data.attr = op->attr_size ? sd__arena_copy(&graph->arena, attr, op->attr_size) : NULL;
    if (graph->arena.failed || !grow_nodes(graph))
        return sd_graph_fail(graph, SD_ENOMEM, "%s: no memory for a node", op->name);
    graph->node[graph->count] = data;
    return (sd_node){graph, graph->count++, 0};
}

/* A fault in the handles themselves: poisoned, from another graph, too many. Sets *poisoned where no message is due. */
static bool operands_fit(sd_graph *graph, const sd_op *op, int n_in, const sd_node *in, bool *poisoned)
{
    if (n_in > SD_MAX_IN || (op->arity != SD_VARIADIC && op->arity != n_in)) {
        sd_graph_fail(graph, SD_EINVAL, "%s: %d operands given; it takes %d", op->name, n_in,
                      op->arity == SD_VARIADIC ? SD_MAX_IN : op->arity);
        return false;
    }
    for (int i = 0; i < n_in; i++) {
        if (in[i].id == 0)
            *poisoned = true;
        else if (in[i].graph != graph) {
            sd_graph_fail(graph, SD_EINVAL, "%s: operand %d belongs to another graph", op->name, i);
            return false;
        }
    }
    return !*poisoned;
}

sd_node sd__append(sd_graph *graph, const sd_op *op, const void *attr, int n_in, const sd_node *in)
{
    const sd_node poison = {graph, 0, 0};
    bool poisoned = false;
    if (!operands_fit(graph, op, n_in, in, &poisoned))
        return poison;
    sd_ref ref[SD_MAX_IN];
    sd_type type[SD_MAX_IN];
    for (int i = 0; i < n_in; i++) {
        ref[i] = (sd_ref){in[i].id, in[i].result};
        type[i] = sd__type(in[i]);
    }
    sd_infer c = {.graph = graph, .op = op, .attr = attr, .n_in = n_in, .in = type, .n_out = 1};
    if (op->infer(&c) != SD_OK)
        return poison;
    return sd__append_typed(graph, op, attr, n_in, ref, c.n_out, c.out, graph->path);
}

sd_node sd__append1(const sd_op *op, const void *attr, sd_node a) { return sd__append(a.graph, op, attr, 1, &a); }

sd_node sd__append2(const sd_op *op, const void *attr, sd_node a, sd_node b)
{
    return sd__append(a.graph, op, attr, 2, (sd_node[]){a, b});
}

sd_node sd__append3(const sd_op *op, const void *attr, sd_node a, sd_node b, sd_node c)
{
    return sd__append(a.graph, op, attr, 3, (sd_node[]){a, b, c});
}

const sd_node_data *sd__data(sd_node node) { return &node.graph->node[node.id]; }

sd_node sd__operand(sd_node node, int i)
{
    sd_ref ref = sd__data(node)->in[i];
    return (sd_node){node.graph, ref.id, ref.result};
}

const void *sd__attr(sd_node node) { return sd__data(node)->attr; }

sd_type sd__type(sd_node node) { return sd__data(node)->out[node.result]; }

sd_shape sd_node_shape(sd_node node) { return node.id ? sd__type(node).shape : (sd_shape){.rank = -1}; }

sd_dtype sd_node_dtype(sd_node node) { return node.id ? sd__type(node).dtype : SD_DTYPE_COUNT; }

bool sd_node_ok(sd_node node) { return node.id != 0; }

sd_node sd_node_result(sd_node node, int result)
{
    if (!node.id)
        return node;
    if (result < 0 || (uint32_t)result >= sd__data(node)->n_out)
        return sd_graph_fail(node.graph, SD_EINVAL, "%s has no result %d; it has %u", sd__data(node)->op->name, result,
                             sd__data(node)->n_out);
    return (sd_node){node.graph, node.id, (uint32_t)result};
}
