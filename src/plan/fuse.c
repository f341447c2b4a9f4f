/*
 * fuse.c -- elementwise nodes become clusters.
 *
 * A cluster grows downwards from its last node: an operand joins if it is elementwise, too, and everybody who uses it is
 * already inside. So no value leaves a cluster but its root's, and fusing never computes anything twice.
 */
#include <stdlib.h>
#include <string.h>

#include "ops/cluster.h"
#include "plan/program.h"

typedef struct groups {
    const sd_graph *graph;
    uint32_t *root;   /* [count] the cluster's last node; 0: in none */
    uint32_t *inside; /* [count] uses by members of the cluster that is growing */
    uint32_t *member; /* scratch: members of one cluster, descending */
} groups;

static bool fusible(const sd_graph *graph, uint32_t id)
{
    const sd_node_data *node = &graph->node[id];
    return node->op->kind == SD_ELEMENTWISE && !node->op->barrier && node->n_in <= 3;
}

static bool joins(const groups *g, const uint32_t *uses, uint32_t id, uint32_t root)
{
    return fusible(g->graph, id) && !g->root[id] && g->inside[id] == uses[id] &&
           sd_shape_equal(g->graph->node[id].out[0].shape, g->graph->node[root].out[0].shape);
}

/* Counts the operands of a new member, and enters those that are complete in the list of candidates. */
static int take(groups *g, const uint32_t *uses, uint32_t root, uint32_t id, int n)
{
    g->root[id] = root;
    const sd_node_data *node = &g->graph->node[id];
    for (uint32_t i = 0; i < node->n_in; i++)
        g->inside[node->in[i].id]++;
    for (uint32_t i = 0; i < node->n_in && n < SD_CLUSTER_STEPS; i++)
        if (joins(g, uses, node->in[i].id, root)) {
            g->root[node->in[i].id] = root;
            g->member[n++] = node->in[i].id;
        }
    return n;
}

static void grow_cluster(groups *g, const uint32_t *uses, uint32_t root)
{
    int n = 1;
    g->member[0] = root;
    for (int k = 0; k < n; k++)
        n = take(g, uses, root, g->member[k], n);
    for (int k = 0; k < n; k++)
        for (uint32_t i = 0; i < g->graph->node[g->member[k]].n_in; i++)
            g->inside[g->graph->node[g->member[k]].in[i].id] = 0;
}

static void form_groups(groups *g, const uint32_t *uses, bool alone)
{
    for (uint32_t id = g->graph->count; id-- > 1;) {
        if (!uses[id] || !fusible(g->graph, id) || g->root[id])
            continue;
        if (alone)
            g->root[id] = id;
        else
            grow_cluster(g, uses, id);
    }
}

/* Number of this operand in the cluster: an earlier step, or one of the cluster's own operands (entered if new). */
static int64_t operand_number(sd_cluster *cluster, sd_ref *in, const uint32_t *step_id, sd_ref ref)
{
    for (int64_t k = 0; k < cluster->n_steps; k++)
        if (step_id[k] == ref.id)
            return -1 - k; /* numbered once n_in is known */
    for (int64_t i = 0; i < cluster->n_in; i++)
        if (in[i].id == ref.id && in[i].result == ref.result)
            return i;
    in[cluster->n_in] = ref;
    return cluster->n_in++;
}

static void add_step(sd_rewrite *r, sd_cluster *cluster, sd_ref *in, uint32_t *step_id, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    sd_cluster_step step = {.op = node->op, .n_in = node->n_in, .result = node->out[0].dtype};
    step.attr = node->op->attr_size ? sd__arena_copy(&r->to->arena, node->attr, node->op->attr_size) : NULL;
    step.dtype = r->from->node[node->in[0].id].out[node->in[0].result].dtype;
    for (uint32_t i = 0; i < node->n_in; i++)
        step.in[i] = operand_number(cluster, in, step_id, node->in[i]);
    step_id[cluster->n_steps] = id;
    cluster->step[cluster->n_steps++] = step;
}

/* Emits the cluster at its root: members in ascending order, so that every step finds its operands done. */
static void emit(sd_rewrite *r, const groups *g, uint32_t root)
{
    sd_cluster *cluster = sd__arena_alloc(&r->to->arena, 1, sizeof *cluster);
    if (!cluster) {
        sd_graph_fail(r->to, SD_ENOMEM, "no memory for a cluster");
        return;
    }
    sd_ref in[3 * SD_CLUSTER_STEPS] = {0};
    uint32_t step_id[SD_CLUSTER_STEPS] = {0};
    for (int k = 0; g->member[k]; k++)
        add_step(r, cluster, in, step_id, g->member[k]);
    for (int64_t k = 0; k < cluster->n_steps; k++)
        for (int64_t i = 0; i < cluster->step[k].n_in; i++)
            if (cluster->step[k].in[i] < 0)
                cluster->step[k].in[i] = cluster->n_in - 1 - cluster->step[k].in[i];
    cluster->n_out = 1;
    cluster->out[0] = cluster->n_steps - 1;
    for (int64_t i = 0; i < cluster->n_in; i++) {
        sd_node operand = sd__became(r, in[i]);
        in[i] = (sd_ref){operand.id, operand.result};
    }
    sd_node node = sd__append_typed(r->to, &sd__op_cluster, cluster, (int)cluster->n_in, in, 1, r->from->node[root].out,
                                    sd__path_in(r, r->from->node[root].path));
    sd__becomes(r, root, 0, node);
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Members lie between operands and root; they are found again by walking down from the root. */
static void collect_members(groups *g, uint32_t root)
{
    int n = 1;
    g->member[0] = root;
    for (int k = 0; k < n; k++) {
        const sd_node_data *node = &g->graph->node[g->member[k]];
        for (uint32_t i = 0; i < node->n_in; i++) {
            uint32_t id = node->in[i].id;
            bool known = g->root[id] != root;
            for (int j = 0; j < n && !known; j++)
                known = g->member[j] == id;
            if (!known)
                g->member[n++] = id;
        }
    }
    qsort(g->member, (size_t)n, sizeof *g->member, ascending);
    g->member[n] = 0;
}

static void visit(sd_rewrite *r, uint32_t id)
{
    groups *g = r->user;
    if (!g->graph) { /* the first call: uses are counted now */
        g->graph = r->from;
        form_groups(g, r->uses, r->program->options.no_fuse);
    }
    if (!g->root[id]) {
        sd__keep(r, id);
    } else if (g->root[id] == id) {
        collect_members(g, id);
        emit(r, g, id);
    }
}

static bool wanted(const sd_context *context)
{
    for (int p = 0; p < context->n_providers; p++)
        if (context->provider[p]->fuses)
            return true;
    return false;
}

sd_status sd__pass_fuse(sd_program *program)
{
    if (!wanted(program->context))
        return SD_OK;
    size_t n = program->graph->count;
    groups g = {.root = sd__alloc_zeroed(n, sizeof(uint32_t)), .inside = sd__alloc_zeroed(n, sizeof(uint32_t))};
    uint32_t member[SD_CLUSTER_STEPS + 1];
    g.member = member;
    sd_status status = g.root && g.inside ? sd__rewrite(program, "fuse", visit, &g, NULL)
                                          : sd__fail(SD_ENOMEM, "pass fuse: no memory for %zu nodes", n);
    free(g.root);
    free(g.inside);
    return status;
}
