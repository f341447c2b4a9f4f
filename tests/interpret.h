/*
 * interpret.h -- runs a graph node by node with the reference kernels: no pass, no fusing, no arena.
 *
 * What a plan computes must be what this computes. Views stay views where they can, so reference kernels meet strided operands.
 */
#ifndef SD_TESTS_INTERPRET_H
#define SD_TESTS_INTERPRET_H

#include <sonde/plan.h>
#include <stdio.h>

#include "graph/graph.h"
#include "law.h"
#include "ops/op.h"

typedef struct interpreter {
    const sd_graph *graph;
    const sd_feed *feeds;
    sd_tensor *value; /* [count][SD_MAX_OUT] */
    void **memory;    /* everything allocated */
    size_t n_memory;
} interpreter;

LAW_UNUSED static sd_tensor interpret_new(interpreter *in, sd_type type)
{
    size_t bytes = (size_t)sd_shape_count(type.shape) * sd_dtype_size(type.dtype);
    void *data = malloc(bytes);
    in->memory = realloc(in->memory, (in->n_memory + 1) * sizeof *in->memory);
    assert_non_null(data);
    assert_non_null(in->memory);
    in->memory[in->n_memory++] = data;
    memset(data, 0xff, bytes); /* NaN, so that an element nobody wrote is seen */
    return sd_tensor_dense(data, type.dtype, type.shape);
}

LAW_UNUSED static sd_tensor interpret_dense(interpreter *in, const sd_tensor *t)
{
    if (sd__dense(t))
        return *t;
    sd_tensor copy = interpret_new(in, (sd_type){t->dtype, t->shape});
    sd__copy(t, &copy);
    return copy;
}

LAW_UNUSED static sd_tensor interpret_leaf(interpreter *in, const sd_node_data *node)
{
    const sd_leaf_attr *leaf = node->attr;
    for (const sd_feed *feed = in->feeds; feed && feed->slot; feed++)
        if (strcmp(feed->slot, leaf->slot) == 0)
            return sd_tensor_dense((char *)feed->data + (size_t)leaf->offset * sd_dtype_size(node->out[0].dtype),
                                   node->out[0].dtype, node->out[0].shape);
    fail_msg("no feed for slot %s", leaf->slot);
    return (sd_tensor){0};
}

LAW_UNUSED static void interpret_elementwise(interpreter *in, const sd_node_data *node, sd_tensor *operand, sd_tensor *out)
{
    const void *data[3];
    for (uint32_t i = 0; i < node->n_in; i++) {
        operand[i] = interpret_dense(in, &operand[i]);
        data[i] = operand[i].data;
    }
    assert_non_null(node->op->tile[operand[0].dtype]);
    node->op->tile[operand[0].dtype]((size_t)sd_shape_count(out->shape), data, out->data, node->attr);
}

LAW_UNUSED static sd_tensor interpret_view(interpreter *in, const sd_node_data *node, const sd_tensor *operand)
{
    sd_tensor out, dense;
    if (!node->op->view(operand, node->attr, &out)) {
        dense = interpret_dense(in, operand);
        assert_true(node->op->view(&dense, node->attr, &out));
    }
    assert_true(sd_shape_equal(out.shape, node->out[0].shape));
    assert_int_equal(out.dtype, node->out[0].dtype);
    return out;
}

LAW_UNUSED static void interpret_node(interpreter *in, uint32_t id)
{
    const sd_node_data *node = &in->graph->node[id];
    sd_tensor operand[SD_MAX_IN], *out = &in->value[(size_t)id * SD_MAX_OUT];
    for (uint32_t i = 0; i < node->n_in; i++)
        operand[i] = in->value[(size_t)node->in[i].id * SD_MAX_OUT + node->in[i].result];
    if (node->op->kind == SD_LEAF) {
        out[0] = interpret_leaf(in, node);
        return;
    }
    if (node->op->kind == SD_VIEW) {
        out[0] = interpret_view(in, node, operand);
        return;
    }
    for (uint32_t k = 0; k < node->n_out; k++)
        out[k] = interpret_new(in, node->out[k]);
    if (node->op->kind == SD_ELEMENTWISE) {
        interpret_elementwise(in, node, operand, out);
        return;
    }
    if (!node->op->kernel[out[0].dtype])
        fail_msg("%s has no reference kernel for %s", node->op->name, sd_dtype_name(out[0].dtype));
    sd_args args = {
        .op = node->op, .n_in = (int)node->n_in, .n_out = (int)node->n_out, .in = operand, .out = out, .attr = node->attr};
    node->op->kernel[out[0].dtype](&args);
}

/* The value of `node`, dense, into out. feeds ends with a NULL slot; NULL: none. */
LAW_UNUSED static void interpret(sd_node node, const sd_feed *feeds, void *out)
{
    if (!sd_node_ok(node))
        fail_msg("poisoned: %s", node.graph ? sd_graph_message(node.graph) : "no graph");
    interpreter in = {.graph = node.graph, .feeds = feeds};
    in.value = calloc((size_t)(node.id + 1) * SD_MAX_OUT, sizeof *in.value);
    bool *needed = calloc(node.id + 1, sizeof *needed);
    assert_non_null(in.value);
    assert_non_null(needed);
    needed[node.id] = true;
    for (uint32_t id = node.id; id > 0; id--)
        for (uint32_t i = 0; needed[id] && i < node.graph->node[id].n_in; i++)
            needed[node.graph->node[id].in[i].id] = true;
    for (uint32_t id = 1; id <= node.id; id++)
        if (needed[id])
            interpret_node(&in, id);
    sd_tensor *value = &in.value[(size_t)node.id * SD_MAX_OUT + node.result];
    sd_tensor target = sd_tensor_dense(out, value->dtype, value->shape);
    sd__copy(value, &target);
    while (in.n_memory)
        free(in.memory[--in.n_memory]);
    free(in.memory);
    free(in.value);
    free(needed);
}

#endif
