/* expand.c -- composites that no provider takes become their decomposition. */
#include "plan/program.h"

static bool taken(const sd_program *program, const sd_graph *graph, uint32_t id)
{
    const sd_node_data *node = &graph->node[id];
    sd_tensor in[SD_MAX_IN], out[SD_MAX_OUT];
    sd__describe(graph, id, in, out);
    sd_call call = {node->op, node->attr, (int)node->n_in, (int)node->n_out, in, out, program->context->level, 0, 0};
    for (int p = 0; p < program->context->n_providers && !program->options.expand_all; p++)
        if (program->context->provider[p]->find(&call))
            return true;
    return false;
}

static void visit(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    if (node->op->kind != SD_COMPOSITE || taken(r->program, r->from, id)) {
        sd__keep(r, id);
        return;
    }
    sd__decompose(r, id);
    r->changed = true;
}

/* A decomposition may hold composites itself, so the pass repeats until nothing changes. */
sd_status sd__pass_expand(sd_program *program)
{
    bool changed = true;
    while (changed)
        SD_TRY(sd__rewrite(program, "expand", visit, NULL, &changed));
    return SD_OK;
}
