/*
 * lower.c -- from nodes to steps: where each value lies, which kernel computes it, what must be copied for it.
 *
 * A value is a strided tensor over a base: a slot of the caller, a constant, or a buffer of the arena. Views add no step. A
 * kernel that declines an operand's strides is asked again with a dense operand, and a copy is put before it. A value that is
 * an output is computed where the caller wants it, if that is possible, and copied there at the end if not.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"
#include "plan/plan.h"
#include "plan/program.h"

#define NO_BUFFER (-1)

typedef struct value {
    sd_tensor tensor; /* data is NULL */
    sd_place place;   /* offset within its base; arena: within the buffer */
    int buffer;       /* arena: which; else NO_BUFFER */
    int dense_copy;   /* index + 1 of the value that is its dense copy; 0: none yet */
} value;

/* A step's own buffers, or NO_BUFFER. */
typedef struct private_buffers {
    int scratch, kept;
} private_buffers;

typedef struct lowering {
    sd_program *program;
    const sd_graph *graph;
    sd_plan *plan;
    value *values; /* one a result, at node * SD_MAX_OUT + result; behind them the dense copies */
    int n_values, value_capacity;
    uint32_t *root;     /* [count] the node whose memory a view sees; itself if none */
    uint32_t *last_use; /* [count] last node that reads this root's memory; UINT32_MAX: copied to an output at the end */
    int *bound;         /* [count * SD_MAX_OUT] output + 1 that this value is computed into; 0: none */
    sd_buffer *buffer;
    int n_buffers, buffer_capacity;
    int *tensor_buffer; /* [plan->n_tensors] */
    size_t tensor_buffer_capacity;
    private_buffers *own; /* [plan->n_steps] */
    int own_capacity;
} lowering;

/* Makes room for `wanted` elements. */
static sd_status reserve(void *array_address, size_t wanted, size_t *capacity, size_t size)
{
    void **array = array_address;
    if (wanted <= *capacity)
        return SD_OK;
    size_t larger = SD_MAX(wanted, *capacity * 2 + 16);
    void *block = sd__realloc(*array, larger, size);
    if (!block)
        return sd__fail(SD_ENOMEM, "no memory for a plan");
    *array = block;
    *capacity = larger;
    return SD_OK;
}

static sd_status reserve_int(void *array_address, int wanted, int *capacity, size_t size)
{
    size_t room = (size_t)*capacity;
    sd_status status = reserve(array_address, (size_t)wanted, &room, size);
    *capacity = (int)room;
    return status;
}

static size_t bytes_of(const sd_tensor *t) { return (size_t)sd_shape_count(t->shape) * sd_dtype_size(t->dtype); }

/* ---- slots ---- */

static sd_status find_slot(sd_plan *plan, const char *name, sd_dtype dtype, int64_t length, int *found)
{
    int i = sd_plan_slot(plan, name);
    if (i < 0) {
        SD_TRY(reserve_int(&plan->slot, plan->n_slots + 1, &plan->slot_capacity, sizeof *plan->slot));
        i = plan->n_slots++;
        plan->slot[i] = (sd_slot){.dtype = dtype};
        memcpy(plan->slot[i].name, name, strlen(name) + 1);
    }
    if (plan->slot[i].dtype != dtype)
        return sd__fail(SD_EDTYPE, "slot %s is %s and %s at once; a slot has one element type", name,
                        sd_dtype_name(plan->slot[i].dtype), sd_dtype_name(dtype));
    plan->slot[i].length = SD_MAX(plan->slot[i].length, length);
    *found = i;
    return SD_OK;
}

/* ---- values ---- */

static value *value_of(lowering *l, sd_ref ref) { return &l->values[(size_t)ref.id * SD_MAX_OUT + ref.result]; }

static sd_status new_buffer(lowering *l, size_t bytes, int step, int *index)
{
    SD_TRY(reserve_int(&l->buffer, l->n_buffers + 1, &l->buffer_capacity, sizeof *l->buffer));
    SD_ASSUME(l->buffer);
    l->buffer[l->n_buffers] = (sd_buffer){.bytes = bytes, .first = step, .last = step};
    *index = l->n_buffers++;
    return SD_OK;
}

static sd_status lower_leaf(lowering *l, uint32_t id)
{
    const sd_leaf_attr *leaf = l->graph->node[id].attr;
    sd_type type = l->graph->node[id].out[0];
    int slot;
    SD_TRY(find_slot(l->plan, leaf->slot, type.dtype, leaf->offset + sd_shape_count(type.shape), &slot));
    *value_of(l, (sd_ref){id, 0}) = (value){
        .tensor = sd_tensor_dense(NULL, type.dtype, type.shape),
        .place = {slot, (size_t)leaf->offset * sd_dtype_size(type.dtype)},
        .buffer = NO_BUFFER,
    };
    return SD_OK;
}

/* Runs the reference kernel of a value without operands, once and for all. */
static sd_status lower_constant(lowering *l, uint32_t id)
{
    const sd_node_data *node = &l->graph->node[id];
    sd_plan *plan = l->plan;
    sd_tensor out = sd_tensor_dense(NULL, node->out[0].dtype, node->out[0].shape);
    size_t at = (plan->constant_bytes + 63) / 64 * 64;
    SD_TRY(reserve(&plan->constants, at + bytes_of(&out), &plan->constant_capacity, 1));
    sd_tensor filled = out;
    filled.data = plan->constants + at;
    node->op->kernel[out.dtype](&(sd_args){.op = node->op, .n_out = 1, .out = &filled, .attr = node->attr});
    plan->constant_bytes = at + bytes_of(&out);
    *value_of(l, (sd_ref){id, 0}) = (value){.tensor = out, .place = {SD_PLACE_CONSTANT, at}, .buffer = NO_BUFFER};
    return SD_OK;
}

/* ---- steps ---- */

static sd_status add_tensor(lowering *l, const value *v, int step)
{
    sd_plan *plan = l->plan;
    size_t n = plan->n_tensors, room = plan->tensor_capacity;
    SD_TRY(reserve(&plan->tensor, n + 1, &room, sizeof *plan->tensor));
    room = plan->tensor_capacity;
    SD_TRY(reserve(&plan->place, n + 1, &room, sizeof *plan->place));
    plan->tensor_capacity = room;
    SD_TRY(reserve(&l->tensor_buffer, n + 1, &l->tensor_buffer_capacity, sizeof *l->tensor_buffer));
    SD_ASSUME(plan->tensor && plan->place && l->tensor_buffer);
    plan->tensor[n] = v->tensor;
    plan->place[n] = v->place;
    l->tensor_buffer[n] = v->buffer;
    SD_ASSUME(v->buffer == NO_BUFFER || l->buffer);
    if (v->buffer != NO_BUFFER)
        l->buffer[v->buffer].last = step;
    plan->n_tensors++;
    return SD_OK;
}

/* Bytes that a kernel must touch: repeated elements count once. */
static double traffic(const sd_tensor *t)
{
    double count = (double)sd_dtype_size(t->dtype);
    for (int i = 0; i < t->shape.rank; i++)
        count *= t->stride[i] ? (double)t->shape.dim[i] : 1;
    return count;
}

typedef struct choice {
    const sd_kernel *kernel;
    const sd_provider *provider;
} choice;

static unsigned fixed_operands(const lowering *l, int n_in, value *const *in)
{
    const char *fixed = l->program->options.fixed;
    unsigned bits = 0;
    for (int i = 0; fixed && i < n_in; i++)
        if (in[i]->place.base >= 0 && strcmp(l->plan->slot[in[i]->place.base].name, fixed) == 0)
            bits |= 1u << i;
    return bits;
}

/* What a step keeps shares its memory with nothing: it lives from one run to the next. */
static sd_status own_buffers(lowering *l, int number)
{
    const sd_work *work = &l->plan->step[number].work;
    SD_ASSUME(l->own);
    l->own[number] = (private_buffers){NO_BUFFER, NO_BUFFER};
    if (work->scratch)
        SD_TRY(new_buffer(l, work->scratch, number, &l->own[number].scratch));
    if (!work->kept)
        return SD_OK;
    SD_TRY(new_buffer(l, work->kept, 0, &l->own[number].kept));
    l->buffer[l->own[number].kept].last = INT_MAX;
    return SD_OK;
}

/* Operands in hand; results computed into the places of `out`. Appends the step and lets the kernel prepare. */
static sd_status add_step(lowering *l, const sd_op *op, const void *attr, const char *path, choice c, int n_in,
                          value *const *in, int n_out, const value *out)
{
    sd_plan *plan = l->plan;
    SD_TRY(reserve_int(&plan->step, plan->n_steps + 1, &plan->step_capacity, sizeof *plan->step));
    SD_TRY(reserve_int(&l->own, plan->n_steps + 1, &l->own_capacity, sizeof *l->own));
    int number = plan->n_steps;
    sd_plan_step *step = &plan->step[number];
    *step = (sd_plan_step){.kernel = c.kernel,
                           .provider = c.provider->name,
                           .op = op,
                           .attr = attr,
                           .path = path,
                           .n_in = n_in,
                           .n_out = n_out,
                           .first = plan->n_tensors,
                           .work = {.phases = 1, .parts = {1}}};
    for (int i = 0; i < n_in; i++)
        SD_TRY(add_tensor(l, in[i], number));
    for (int i = 0; i < n_out; i++)
        SD_TRY(add_tensor(l, &out[i], number));
    const sd_tensor *tensor = plan->tensor + step->first;
    sd_call call = {.op = op,
                    .attr = attr,
                    .n_in = n_in,
                    .n_out = n_out,
                    .in = tensor,
                    .out = tensor + n_in,
                    .level = plan->context->level,
                    .fixed = fixed_operands(l, n_in, in),
                    .threads = sd_context_threads(plan->context)};
    if (c.kernel->prepare)
        SD_TRY(sd__fail_in(c.kernel->prepare(&call, &step->work), "%s: %s", path, op->name));
    plan->n_steps++; /* from here on sd_plan_free() releases the kernel's state */
    SD_TRY(own_buffers(l, number));
    plan->own_bytes = SD_MAX(plan->own_bytes, step->work.own);
    for (int i = 0; i < n_in + n_out; i++)
        step->bytes += traffic(&tensor[i]);
    return SD_OK;
}

static choice ask(const lowering *l, const sd_call *call, int provider)
{
    const sd_provider *p = l->program->context->provider[provider];
    return (choice){p->find(call), p};
}

/* The dense copy of a value, made by a step of its own unless there is one already. */
static sd_status densify(lowering *l, value **in, const char *path)
{
    if (sd__dense(&(*in)->tensor))
        return SD_OK;
    if ((*in)->dense_copy) {
        *in = &l->values[(*in)->dense_copy - 1];
        return SD_OK;
    }
    value copy = {.tensor = sd_tensor_dense(NULL, (*in)->tensor.dtype, (*in)->tensor.shape), .place = {SD_PLACE_ARENA, 0}};
    SD_TRY(new_buffer(l, bytes_of(&copy.tensor), l->plan->n_steps, &copy.buffer));
    sd_call call = {&sd__op_copy, NULL, 1, 1, &(*in)->tensor, &copy.tensor, l->program->context->level, 0, 0};
    choice c = {0};
    for (int p = 0; p < l->program->context->n_providers && !c.kernel; p++)
        c = ask(l, &call, p);
    if (!c.kernel)
        return sd__fail(SD_EUNSUPPORTED, "no provider copies %s", sd_dtype_name(copy.tensor.dtype));
    SD_TRY(add_step(l, &sd__op_copy, NULL, path, c, 1, in, 1, &copy));
    if (l->n_values == l->value_capacity)
        return sd__fail(SD_EINTERNAL, "more dense copies than values");
    l->values[l->n_values++] = copy;
    (*in)->dense_copy = l->n_values;
    *in = &l->values[l->n_values - 1];
    return SD_OK;
}

static sd_status no_kernel(const lowering *l, const sd_node_data *node, const sd_call *call)
{
    char shape[SD_SHAPE_TEXT];
    SD_ASSUME(call->n_in >= 0 && call->n_out > 0);
    const sd_tensor *t = call->n_in ? &call->in[0] : &call->out[0];
    return sd__fail(SD_EUNSUPPORTED, "%s%s%s: no kernel provider takes %s %s", node->path, node->path[0] ? ": " : "",
                    node->op->name, sd_dtype_name(t->dtype), sd_shape_text(t->shape, shape));
}

/* The first provider that takes the operands as they lie, or else with dense ones (*copies is set). */
static sd_status choose(lowering *l, const sd_node_data *node, value *const *in, choice *chosen, bool *copies)
{
    sd_tensor lying[SD_MAX_IN], dense[SD_MAX_IN], out[SD_MAX_OUT];
    for (uint32_t i = 0; i < node->n_in; i++) {
        lying[i] = in[i]->tensor;
        dense[i] = sd_tensor_dense(NULL, lying[i].dtype, lying[i].shape);
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = sd_tensor_dense(NULL, node->out[i].dtype, node->out[i].shape);
    sd_call call = {node->op, node->attr, (int)node->n_in, (int)node->n_out, lying, out, l->program->context->level, 0, 0};
    for (int p = 0; p < l->program->context->n_providers; p++) {
        for (int attempt = 0; attempt < 2; attempt++) {
            call.in = attempt ? dense : lying;
            *chosen = ask(l, &call, p);
            *copies = attempt;
            if (chosen->kernel)
                return SD_OK;
        }
    }
    return no_kernel(l, node, &call);
}

/* ---- results ---- */

/* True if result 0 may be written over operand i: it dies here, has the same size, and no other operand sees it otherwise. */
static bool can_overwrite(const lowering *l, uint32_t id, value *const *in, uint32_t i, const value *out)
{
    const sd_node_data *node = &l->graph->node[id];
    const value *v = in[i];
    bool copy = v >= l->values + (size_t)l->graph->count * SD_MAX_OUT; /* dense copies may serve later nodes */
    if (copy || v->buffer == NO_BUFFER || v->place.offset || !sd__dense(&v->tensor) || v->tensor.dtype != out->tensor.dtype ||
        l->buffer[v->buffer].bytes != bytes_of(&out->tensor) || l->last_use[l->root[node->in[i].id]] != id)
        return false;
    for (uint32_t k = 0; k < node->n_in; k++)
        if (in[k]->buffer == v->buffer &&
            (in[k]->place.offset || memcmp(in[k]->tensor.stride, v->tensor.stride, sizeof v->tensor.stride) != 0))
            return false;
    return true;
}

static sd_status place_result(lowering *l, uint32_t id, uint32_t result, const sd_kernel *kernel, value *const *in, value *out)
{
    const sd_node_data *node = &l->graph->node[id];
    *out = (value){.tensor = sd_tensor_dense(NULL, node->out[result].dtype, node->out[result].shape), .buffer = NO_BUFFER};
    int output = l->bound[(size_t)id * SD_MAX_OUT + result];
    if (output) {
        const sd_program_output *o = &l->program->out[output - 1];
        int slot = sd_plan_slot(l->plan, o->slot);
        out->place = (sd_place){slot, (size_t)o->offset * sd_dtype_size(out->tensor.dtype)};
        return SD_OK;
    }
    out->place = (sd_place){SD_PLACE_ARENA, 0};
    for (uint32_t i = 0; i < node->n_in && result == 0; i++)
        if (kernel->in_place >> (i & 31) & 1 && can_overwrite(l, id, in, i, out)) {
            out->buffer = in[i]->buffer;
            return SD_OK;
        }
    return new_buffer(l, bytes_of(&out->tensor), l->plan->n_steps, &out->buffer);
}

static double node_flops(const lowering *l, uint32_t id)
{
    const sd_node_data *node = &l->graph->node[id];
    sd_type in[SD_MAX_IN];
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = l->graph->node[node->in[i].id].out[node->in[i].result];
    if (node->op->flops)
        return node->op->flops(in, node->out, node->attr);
    return node->op->kind == SD_ELEMENTWISE ? (double)sd_shape_count(node->out[0].shape) : 0;
}

static sd_status lower_compute(lowering *l, uint32_t id)
{
    const sd_node_data *node = &l->graph->node[id];
    value *in[SD_MAX_IN], out[SD_MAX_OUT];
    choice c;
    bool copies;
    for (uint32_t i = 0; i < node->n_in; i++)
        in[i] = value_of(l, node->in[i]);
    SD_TRY(choose(l, node, in, &c, &copies));
    for (uint32_t i = 0; copies && i < node->n_in; i++)
        SD_TRY(densify(l, &in[i], node->path));
    for (uint32_t k = 0; k < node->n_out; k++)
        SD_TRY(place_result(l, id, k, c.kernel, in, &out[k]));
    SD_TRY(add_step(l, node->op, node->attr, node->path, c, (int)node->n_in, in, (int)node->n_out, out));
    double flops = node_flops(l, id);
    l->plan->step[l->plan->n_steps - 1].flops = flops;
    l->plan->flops += flops;
    for (uint32_t k = 0; k < node->n_out; k++)
        *value_of(l, (sd_ref){id, k}) = out[k];
    return SD_OK;
}

static sd_status lower_view(lowering *l, uint32_t id)
{
    const sd_node_data *node = &l->graph->node[id];
    value *in = value_of(l, node->in[0]);
    sd_tensor out = {0};
    if (!node->op->view(&in->tensor, node->attr, &out)) {
        SD_TRY(densify(l, &in, node->path));
        if (!node->op->view(&in->tensor, node->attr, &out))
            return sd__fail(SD_EINTERNAL, "%s: a dense operand has no such view", node->op->name);
    }
    value view = {.tensor = out, .place = in->place, .buffer = in->buffer};
    view.place.offset += (size_t)(uintptr_t)out.data; /* the operand's address was NULL */
    view.tensor.data = NULL;
    *value_of(l, (sd_ref){id, 0}) = view;
    return SD_OK;
}

static sd_status lower_node(lowering *l, uint32_t id)
{
    const sd_node_data *node = &l->graph->node[id];
    if (node->op->kind == SD_LEAF)
        return lower_leaf(l, id);
    if (node->op->kind == SD_VIEW)
        return lower_view(l, id);
    if (node->n_in == 0 && node->op->kind == SD_COMPUTE)
        return lower_constant(l, id);
    return lower_compute(l, id);
}

/* ---- outputs and lifetimes ---- */

/* The value whose memory could be the output's: seen through reshapes, which keep the order of elements. */
static sd_ref through_reshapes(const sd_graph *graph, sd_ref ref)
{
    while (graph->node[ref.id].op == &sd__op_reshape)
        ref = graph->node[ref.id].in[0];
    return ref;
}

static bool computed(const sd_graph *graph, uint32_t id)
{
    const sd_node_data *node = &graph->node[id];
    return node->op->kind != SD_LEAF && node->op->kind != SD_VIEW && node->n_in > 0;
}

static sd_status bind_outputs(lowering *l)
{
    for (int k = 0; k < l->program->n_out; k++) {
        const sd_program_output *o = &l->program->out[k];
        sd_type type = l->graph->node[o->ref.id].out[o->ref.result];
        int slot;
        for (uint32_t id = 1; id < l->graph->count; id++)
            if (l->graph->node[id].op->kind == SD_LEAF &&
                strcmp(((const sd_leaf_attr *)l->graph->node[id].attr)->slot, o->slot) == 0)
                return sd__fail(SD_EINVAL, "slot %s is read and written by one plan; give the output a slot of its own",
                                o->slot);
        SD_TRY(find_slot(l->plan, o->slot, type.dtype, o->offset + sd_shape_count(type.shape), &slot));
        sd_ref ref = through_reshapes(l->graph, o->ref);
        int *bound = &l->bound[(size_t)ref.id * SD_MAX_OUT + ref.result];
        if (computed(l->graph, ref.id) && !*bound)
            *bound = k + 1;
    }
    return SD_OK;
}

static bool is_bound(const lowering *l, int k)
{
    sd_ref ref = through_reshapes(l->graph, l->program->out[k].ref);
    return l->bound[(size_t)ref.id * SD_MAX_OUT + ref.result] == k + 1;
}

static void find_last_uses(lowering *l)
{
    for (uint32_t id = 1; id < l->graph->count; id++) {
        const sd_node_data *node = &l->graph->node[id];
        l->root[id] = node->op->kind == SD_VIEW ? l->root[node->in[0].id] : id;
        for (uint32_t i = 0; i < node->n_in && node->op->kind != SD_VIEW; i++)
            l->last_use[l->root[node->in[i].id]] = id;
    }
    for (int k = 0; k < l->program->n_out; k++)
        if (!is_bound(l, k))
            l->last_use[l->root[l->program->out[k].ref.id]] = UINT32_MAX;
}

static sd_status copy_output(lowering *l, int k)
{
    const sd_program_output *o = &l->program->out[k];
    value *in = value_of(l, o->ref);
    value out = {.tensor = sd_tensor_dense(NULL, in->tensor.dtype, in->tensor.shape), .buffer = NO_BUFFER};
    out.place = (sd_place){sd_plan_slot(l->plan, o->slot), (size_t)o->offset * sd_dtype_size(in->tensor.dtype)};
    sd_call call = {&sd__op_copy, NULL, 1, 1, &in->tensor, &out.tensor, l->program->context->level, 0, 0};
    choice c = {0};
    for (int p = 0; p < l->program->context->n_providers && !c.kernel; p++)
        c = ask(l, &call, p);
    if (!c.kernel)
        return sd__fail(SD_EUNSUPPORTED, "no provider copies %s", sd_dtype_name(out.tensor.dtype));
    return add_step(l, &sd__op_copy, NULL, l->graph->node[o->ref.id].path, c, 1, &in, 1, &out);
}

static sd_status settle_places(lowering *l)
{
    sd_plan *plan = l->plan;
    plan->arena_bytes = sd__arrange(l->n_buffers, l->buffer);
    if (plan->arena_bytes == SIZE_MAX)
        return sd__fail(SD_ENOMEM, "no memory to arrange %d buffers", l->n_buffers);
    SD_ASSUME((l->tensor_buffer || !plan->n_tensors) && (l->own || !plan->n_steps));
    for (size_t t = 0; t < plan->n_tensors; t++)
        if (l->tensor_buffer[t] != NO_BUFFER)
            plan->place[t].offset += l->buffer[l->tensor_buffer[t]].offset;
    for (int s = 0; s < plan->n_steps; s++) {
        if (l->own[s].scratch != NO_BUFFER)
            plan->step[s].scratch = l->buffer[l->own[s].scratch].offset;
        if (l->own[s].kept != NO_BUFFER)
            plan->step[s].kept = l->buffer[l->own[s].kept].offset;
    }
    return SD_OK;
}

static sd_status run_lowering(lowering *l)
{
    if (!l->values || !l->root || !l->last_use || !l->bound)
        return sd__fail(SD_ENOMEM, "no memory to lower %u nodes", l->graph->count);
    SD_TRY(bind_outputs(l));
    find_last_uses(l);
    for (uint32_t id = 1; id < l->graph->count; id++)
        SD_TRY(lower_node(l, id));
    for (int k = 0; k < l->program->n_out; k++)
        if (!is_bound(l, k))
            SD_TRY(copy_output(l, k));
    return settle_places(l);
}

sd_status sd__lower(sd_program *program, sd_plan *plan)
{
    size_t n = program->graph->count;
    lowering l = {.program = program, .graph = program->graph, .plan = plan};
    l.n_values = (int)(n * SD_MAX_OUT);
    l.value_capacity = 2 * l.n_values; /* each value has at most one dense copy, so that addresses stay */
    l.values = sd__alloc_zeroed((size_t)l.value_capacity, sizeof *l.values);
    l.root = sd__alloc_zeroed(n, sizeof *l.root);
    l.last_use = sd__alloc_zeroed(n, sizeof *l.last_use);
    l.bound = sd__alloc_zeroed(n * SD_MAX_OUT, sizeof *l.bound);
    plan->graph = program->graph; /* before lowering: steps point into it */
    sd_status status = run_lowering(&l);
    program->graph = NULL;
    free(l.values);
    free(l.root);
    free(l.last_use);
    free(l.bound);
    free(l.buffer);
    free(l.tensor_buffer);
    free(l.own);
    return status;
}
