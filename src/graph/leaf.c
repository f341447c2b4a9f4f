/* leaf.c -- what is bound from outside: inputs, scalars, and the slices of the parameter and state vectors. */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

static sd_status infer_leaf(sd_infer *c) { return sd__infer_fail(c, SD_EINTERNAL, "a leaf's type is given, not inferred"); }

static void print_leaf(const void *attr, sd_string *text)
{
    static const char *const role[] = {"param", "state", "input", "scalar"};
    const sd_leaf_attr *leaf = attr;
    sd__string_add(text, " %s %s+%lld", role[leaf->role], leaf->slot, (long long)leaf->offset);
}

const sd_op sd__op_leaf = {
    .name = "leaf",
    .doc = "a value bound from outside when the plan runs",
    .kind = SD_LEAF,
    .arity = 0,
    .attr_size = sizeof(sd_leaf_attr),
    .infer = infer_leaf,
    .print = print_leaf,
};

/* Every size at least 1, and few enough elements that byte counts cannot overflow. */
static bool shape_fits(sd_shape shape)
{
    if (shape.rank < 0 || shape.rank > SD_MAX_RANK)
        return false;
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] < 1 || count > ((int64_t)1 << 40) / shape.dim[i])
            return false;
        count *= shape.dim[i];
    }
    return true;
}

static sd_node leaf(sd_graph *graph, sd_role role, const char *slot, int64_t offset, sd_type type)
{
    char text[SD_SHAPE_TEXT];
    if (!shape_fits(type.shape))
        return sd_graph_fail(graph, SD_ESHAPE, "%s: shape %s is not usable; sizes must be 1 or more, at most 2^40 elements",
                             slot, sd_shape_text(type.shape, text));
    if (sd_dtype_size(type.dtype) == 0)
        return sd_graph_fail(graph, SD_EDTYPE, "%s: unknown element type %d", slot, (int)type.dtype);
    sd_leaf_attr attr = {.role = role, .offset = offset};
    if (strlen(slot) >= sizeof attr.slot || !slot[0])
        return sd_graph_fail(graph, SD_EINVAL, "slot name \"%s\" must have 1 to %d characters", slot, SD_MAX_SLOT - 1);
    memcpy(attr.slot, slot, strlen(slot));
    return sd__append_typed(graph, &sd__op_leaf, &attr, 0, NULL, 1, &type, graph->path);
}

sd_node sd__leaf_of(sd_graph *graph, const char *slot)
{
    for (uint32_t id = 1; id < graph->count; id++) {
        const sd_node_data *node = &graph->node[id];
        if (node->op == &sd__op_leaf && strcmp(((const sd_leaf_attr *)node->attr)->slot, slot) == 0)
            return (sd_node){graph, id, 0};
    }
    return (sd_node){graph, 0, 0};
}

/* The vectors own the slots theta and state; every other slot is one leaf. */
static bool slot_taken(sd_graph *graph, const char *slot)
{
    return strcmp(slot, "theta") == 0 || strcmp(slot, "state") == 0 || sd__leaf_of(graph, slot).id;
}

sd_node sd_input(sd_graph *graph, const char *name, sd_dtype dtype, sd_shape shape)
{
    if (slot_taken(graph, name))
        return sd_graph_fail(graph, SD_EINVAL, "a second input named \"%s\"; each input needs its own name", name);
    return leaf(graph, SD_INPUT, name, 0, (sd_type){dtype, shape});
}

sd_node sd_scalar(sd_graph *graph, const char *name, sd_dtype dtype)
{
    if (slot_taken(graph, name))
        return sd_graph_fail(graph, SD_EINVAL, "a second scalar named \"%s\"; each needs its own name", name);
    return leaf(graph, SD_SCALAR, name, 0, (sd_type){dtype, sd_scalar_shape()});
}

static bool vector_grow(sd_vector *vector)
{
    size_t count = (size_t)vector->count;
    sd_slice *slice = sd__grown(vector->slice, count, sizeof *slice);
    if (slice)
        vector->slice = slice;
    sd_ref *leaf_ref = sd__grown(vector->leaf, count, sizeof *leaf_ref);
    if (leaf_ref)
        vector->leaf = leaf_ref;
    sd_ref *next = sd__grown(vector->next, count, sizeof *next);
    if (next)
        vector->next = next;
    return slice && leaf_ref && next;
}

static sd_status slice_fits(sd_graph *graph, const sd_vector *vector, const char *name, sd_dtype dtype)
{
    if (!sd_dtype_is_real(dtype))
        return sd_graph_fail(graph, SD_EDTYPE, "%s: a parameter is f32 or f64, not %s", name, sd_dtype_name(dtype)), SD_EDTYPE;
    if (vector->count && vector->slice[0].dtype != dtype)
        return sd_graph_fail(graph, SD_EDTYPE, "%s is %s, but %s is %s; all slices of a vector have one type", name,
                             sd_dtype_name(dtype), vector->slice[0].name, sd_dtype_name(vector->slice[0].dtype)),
               SD_EDTYPE;
    for (int i = 0; i < vector->count; i++)
        if (strcmp(vector->slice[i].name, name) == 0)
            return sd_graph_fail(graph, SD_EINVAL, "a second slice named \"%s\"; each needs its own name", name), SD_EINVAL;
    return SD_OK;
}

/* Order, names, shapes: what makes two vectors interchangeable. */
static uint64_t slice_hash(uint64_t hash, const sd_slice *slice)
{
    hash = sd__hash_text(hash ? hash : SD_HASH_START, slice->name);
    hash = sd__hash(hash, slice->shape.dim, sizeof slice->shape.dim);
    return sd__hash(hash, &slice->offset, sizeof slice->offset);
}

static sd_node add_slice(sd_graph *graph, sd_vector *vector, sd_role role, sd_slice slice)
{
    if (slice_fits(graph, vector, slice.name, slice.dtype) != SD_OK)
        return (sd_node){graph, 0, 0};
    sd_node node = leaf(graph, role, role == SD_PARAM ? "theta" : "state", vector->length, (sd_type){slice.dtype, slice.shape});
    if (!node.id)
        return node;
    if (!vector_grow(vector))
        return sd_graph_fail(graph, SD_ENOMEM, "no memory for slice %s", slice.name);
    slice.offset = vector->length;
    slice.length = sd_shape_count(slice.shape);
    vector->hash = slice_hash(vector->hash, &slice);
    vector->length += slice.length;
    vector->slice[vector->count] = slice;
    vector->next[vector->count] = (sd_ref){0, 0};
    vector->leaf[vector->count++] = (sd_ref){node.id, 0};
    return node;
}

static const char *slice_name(sd_graph *graph, const char *name)
{
    const char *full =
        graph->path[0] ? sd__arena_format(&graph->arena, "%s/%s", graph->path, name) : sd__arena_text(&graph->arena, name);
    if (!full)
        sd_graph_fail(graph, SD_ENOMEM, "no memory for the name %s", name);
    return full ? full : "";
}

sd_node sd_param(sd_graph *graph, const char *name, sd_dtype dtype, sd_shape shape, sd_param_spec spec)
{
    int64_t last = shape.rank > 0 ? shape.dim[shape.rank - 1] : 1;
    int64_t rest = last > 0 ? sd_shape_count(shape) / last : 1;
    sd_slice slice = {
        .name = slice_name(graph, name),
        .shape = shape,
        .init = spec.init,
        .fan_in = spec.fan_in ? spec.fan_in : rest,
        .fan_out = spec.fan_out ? spec.fan_out : last,
        .decayed = spec.decayed,
        .dtype = dtype,
    };
    return add_slice(graph, &graph->param, SD_PARAM, slice);
}

sd_node sd_state(sd_graph *graph, const char *name, sd_dtype dtype, sd_shape shape, sd_init init)
{
    sd_slice slice = {.name = slice_name(graph, name), .shape = shape, .init = init, .dtype = dtype};
    return add_slice(graph, &graph->state, SD_STATE, slice);
}

void sd_state_next(sd_node state, sd_node next)
{
    if (!state.id || !next.id)
        return;
    sd_graph *graph = state.graph;
    int i = 0;
    while (i < graph->state.count && graph->state.leaf[i].id != state.id)
        i++;
    if (i == graph->state.count)
        sd_graph_fail(graph, SD_EINVAL, "sd_state_next: the first value is not a state leaf");
    else if (!sd_shape_equal(sd_node_shape(state), sd_node_shape(next)) || sd_node_dtype(state) != sd_node_dtype(next))
        sd_graph_fail(graph, SD_ESHAPE, "%s: the next state must have the state's shape and type", graph->state.slice[i].name);
    else
        graph->state.next[i] = (sd_ref){next.id, next.result};
}

static sd_node slice_leaf(sd_graph *graph, const sd_vector *vector, int slice)
{
    if (slice < 0 || slice >= vector->count)
        return sd_graph_fail(graph, SD_EINVAL, "there is no slice %d; the vector has %d", slice, vector->count);
    return (sd_node){graph, vector->leaf[slice].id, 0};
}

sd_node sd_state_after(sd_graph *graph, int slice)
{
    sd_node node = slice_leaf(graph, &graph->state, slice);
    if (!node.id || !graph->state.next[slice].id)
        return node;
    return (sd_node){graph, graph->state.next[slice].id, graph->state.next[slice].result};
}

static sd_layout layout(const sd_vector *vector)
{
    return (sd_layout){vector->slice, vector->count, vector->length, vector->hash};
}

sd_layout sd_graph_params(const sd_graph *graph) { return layout(&graph->param); }

sd_layout sd_graph_states(const sd_graph *graph) { return layout(&graph->state); }

sd_node sd_param_node(sd_graph *graph, int slice) { return slice_leaf(graph, &graph->param, slice); }

sd_node sd_state_node(sd_graph *graph, int slice) { return slice_leaf(graph, &graph->state, slice); }

sd_node sd_param_like(sd_graph *graph, const char *slot, int slice)
{
    sd_node node = slice_leaf(graph, &graph->param, slice);
    if (!node.id)
        return node;
    return leaf(graph, SD_INPUT, slot, graph->param.slice[slice].offset, sd__type(node));
}
