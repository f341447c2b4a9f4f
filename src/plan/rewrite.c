/* rewrite.c -- the walk that all passes share. */
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"
#include "plan/program.h"

sd_node sd__became(const sd_rewrite *r, sd_ref ref)
{
    sd_ref now = r->map[(size_t)ref.id * SD_MAX_OUT + ref.result];
    return (sd_node){r->to, now.id, now.result};
}

void sd__becomes(sd_rewrite *r, uint32_t id, uint32_t result, sd_node node)
{
    r->map[(size_t)id * SD_MAX_OUT + result] = (sd_ref){node.id, node.result};
}

bool sd__is_bias(const sd_rewrite *r, sd_ref ref)
{
    const sd_node_data *view = &r->from->node[ref.id];
    return view->op == &sd__op_broadcast && r->from->node[view->in[0].id].out[view->in[0].result].shape.rank == 1;
}

const char *sd__path_in(sd_rewrite *r, const char *path)
{
    if (path != r->last_from) {
        r->last_to = sd__arena_text(&r->to->arena, path);
        r->last_from = path;
    }
    return r->last_to ? r->last_to : "";
}

void sd__keep(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    sd_ref in[SD_MAX_IN];
    for (uint32_t i = 0; i < node->n_in; i++) {
        sd_node operand = sd__became(r, node->in[i]);
        in[i] = (sd_ref){operand.id, operand.result};
    }
    sd_node copy = sd__append_typed(r->to, node->op, node->attr, (int)node->n_in, in, (int)node->n_out, node->out,
                                    sd__path_in(r, node->path));
    for (uint32_t k = 0; k < node->n_out; k++)
        sd__becomes(r, id, k, (sd_node){r->to, copy.id, k});
}

void sd__decompose(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    sd_node operand[SD_MAX_IN], result[SD_MAX_OUT] = {0};
    for (uint32_t i = 0; i < node->n_in; i++)
        operand[i] = sd__became(r, node->in[i]);
    r->to->path = sd__path_in(r, node->path);
    node->op->decompose(r->to, operand, node->attr, result);
    for (uint32_t k = 0; k < node->n_out; k++)
        sd__becomes(r, id, k, result[k]);
}

void sd__describe(const sd_graph *graph, uint32_t id, sd_tensor in[SD_MAX_IN], sd_tensor out[SD_MAX_OUT])
{
    const sd_node_data *node = &graph->node[id];
    for (uint32_t i = 0; i < node->n_in; i++) {
        sd_type type = graph->node[node->in[i].id].out[node->in[i].result];
        in[i] = sd_tensor_dense(NULL, type.dtype, type.shape);
    }
    for (uint32_t i = 0; i < node->n_out; i++)
        out[i] = sd_tensor_dense(NULL, node->out[i].dtype, node->out[i].shape);
}

/* Users come after what they use, so one walk downwards finds every live node. */
static void count_uses(const sd_program *program, uint32_t *uses)
{
    const sd_graph *graph = program->graph;
    for (int k = 0; k < program->n_out; k++)
        uses[program->out[k].ref.id]++;
    for (uint32_t id = graph->count; id-- > 1;)
        for (uint32_t i = 0; uses[id] && i < graph->node[id].n_in; i++)
            uses[graph->node[id].in[i].id]++;
}

static sd_status finish(sd_rewrite *r, sd_program *program, const char *name)
{
    if (r->to->status != SD_OK)
        return sd__fail(r->to->status, "pass %s: %s", name, r->to->message);
    for (int k = 0; k < program->n_out; k++) {
        sd_node now = sd__became(r, program->out[k].ref);
        program->out[k].ref = (sd_ref){now.id, now.result};
    }
#ifndef NDEBUG
    SD_TRY(sd__fail_in(sd__graph_verify(r->to), "after pass %s", name));
#endif
    sd_graph_free(program->graph);
    program->graph = r->to;
    r->to = NULL;
    if (program->context->debug >= 3) {
        char *text = sd_graph_print(program->graph);
        sd__log(program->context, 3, "graph after %s:\n%s", name, text ? text : "");
        free(text);
    }
    return SD_OK;
}

static sd_status walk(sd_rewrite *r, sd_program *program, const char *name, sd_visit *visit)
{
    if (!r->to || !r->map || !r->uses)
        return sd__fail(SD_ENOMEM, "pass %s: no memory for %u nodes", name, program->graph->count);
    count_uses(program, r->uses);
    for (uint32_t id = 1; id < r->from->count && r->to->status == SD_OK; id++)
        if (r->uses[id])
            visit(r, id);
    return finish(r, program, name);
}

sd_status sd__rewrite(sd_program *program, const char *name, sd_visit *visit, void *user, bool *changed)
{
    size_t n = program->graph->count;
    sd_rewrite r = {.program = program, .from = program->graph, .to = sd_graph_new(), .user = user};
    r.map = sd__alloc_zeroed(n * SD_MAX_OUT, sizeof *r.map);
    r.uses = sd__alloc_zeroed(n, sizeof *r.uses);
    sd_status status = walk(&r, program, name, visit);
    if (changed)
        *changed = r.changed;
    sd_graph_free(r.to);
    free(r.map);
    free(r.uses);
    return status;
}
