/*
 * reverse.c -- reverse-mode differentiation of a graph, appended to the same graph.
 *
 * A node's id is larger than those of its operands, so walking ids downwards visits every consumer of a value before the value
 * itself. Each value has an adjoint, d(output)/d(value), which grows by one addition a consumer; when the walk reaches the
 * node, the adjoint is complete and the node's rule turns it into contributions to the operands. A rule only appends nodes, so
 * what comes out can be differentiated again.
 */
#include "autodiff/reverse.h"

#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <stdlib.h>

typedef struct sweep {
    sd_graph *graph;
    uint32_t first, end; /* the nodes differentiated: first <= id < end */
    bool *active;        /* [end-first] has an operand that is, or depends on, a wrt */
    sd_node *adjoint;    /* [end-first][SD_MAX_OUT]; id 0: zero */
    int n;
    const sd_node *wrt;
    sd_node *outer; /* [n] adjoints of those wrt that lie before `first` */
} sweep;

/* Where the adjoint of a value is kept, or NULL if nobody asks for it. */
static sd_node *adjoint_of(sweep *s, uint32_t id, uint32_t result)
{
    if (id >= s->first)
        return id < s->end ? &s->adjoint[(size_t)(id - s->first) * SD_MAX_OUT + result] : NULL;
    for (int i = 0; i < s->n; i++)
        if (s->wrt[i].id == id && s->wrt[i].result == result)
            return &s->outer[i];
    return NULL;
}

static bool is_wrt(const sweep *s, uint32_t id, uint32_t result)
{
    for (int i = 0; i < s->n; i++)
        if (s->wrt[i].id == id && s->wrt[i].result == result)
            return true;
    return false;
}

/* True if the value depends on a wrt and its type has derivatives. */
static bool value_active(const sweep *s, sd_ref ref)
{
    const sd_node_data *node = &s->graph->node[ref.id];
    if (!sd_dtype_is_real(node->out[ref.result].dtype))
        return false;
    return (ref.id >= s->first && s->active[ref.id - s->first]) || is_wrt(s, ref.id, ref.result);
}

static void mark_active(sweep *s)
{
    for (uint32_t id = s->first; id < s->end; id++) {
        const sd_node_data *node = &s->graph->node[id];
        for (uint32_t i = 0; i < node->n_in && !s->active[id - s->first]; i++)
            s->active[id - s->first] = value_active(s, node->in[i]);
    }
}

static void accumulate(sweep *s, sd_ref value, sd_node contribution)
{
    sd_node *adjoint = adjoint_of(s, value.id, value.result);
    if (!adjoint || !contribution.id)
        return;
    sd_type want = s->graph->node[value.id].out[value.result], got = sd__type(contribution);
    if (want.dtype != got.dtype || !sd_shape_equal(want.shape, got.shape)) {
        char a[SD_SHAPE_TEXT], b[SD_SHAPE_TEXT];
        sd_graph_fail(s->graph, SD_EINTERNAL, "a derivative rule gave %s %s for a value %s %s", sd_dtype_name(got.dtype),
                      sd_shape_text(got.shape, a), sd_dtype_name(want.dtype), sd_shape_text(want.shape, b));
        return;
    }
    *adjoint = adjoint->id ? sd_add(*adjoint, contribution) : contribution;
}

static void differentiate_rule(sweep *s, uint32_t id, const sd_node *dy)
{
    const sd_op *op = s->graph->node[id].op;
    int n_in = (int)s->graph->node[id].n_in;
    const sd_ref *in = s->graph->node[id].in; /* in the arena: stays while the rule appends nodes */
    sd_node grad[SD_MAX_IN] = {0};
    const char *undefined[SD_MAX_IN] = {0};
    sd_vjp_rule rule = {.y = {s->graph, id, 0}, .dy = dy, .n_in = n_in, .grad = grad, .undefined = undefined};
    op->vjp(&rule);
    for (int i = 0; i < n_in; i++) {
        if (!value_active(s, in[i]))
            continue;
        if (undefined[i])
            sd_graph_fail(s->graph, SD_EDERIV, "%s: the derivative in operand %d is undefined: %s", op->name, i, undefined[i]);
        else
            accumulate(s, in[i], grad[i]);
    }
}

/* A composite without a rule: its decomposition is appended and differentiated in its place. */
static void differentiate_expanded(sweep *s, uint32_t id, const sd_node *dy)
{
    const sd_op *op = s->graph->node[id].op;
    int n_in = (int)s->graph->node[id].n_in, n_out = (int)s->graph->node[id].n_out;
    sd_node operand[SD_MAX_IN] = {0}, unique[SD_MAX_IN], grad[SD_MAX_IN] = {0}, result[SD_MAX_OUT] = {0};
    int n_unique = 0;
    for (int i = 0; i < n_in; i++) {
        sd_ref ref = s->graph->node[id].in[i];
        operand[i] = (sd_node){s->graph, ref.id, ref.result};
        int j = 0;
        while (j < n_unique && (unique[j].id != ref.id || unique[j].result != ref.result))
            j++;
        if (j == n_unique && value_active(s, ref))
            unique[n_unique++] = operand[i];
    }
    uint32_t start = s->graph->count;
    op->decompose(s->graph, operand, s->graph->node[id].attr, result);
    sd__reverse(s->graph, start, n_out, result, dy, n_unique, unique, grad);
    for (int i = 0; i < n_unique; i++)
        accumulate(s, (sd_ref){unique[i].id, unique[i].result}, grad[i]);
}

static void visit(sweep *s, uint32_t id)
{
    const sd_op *op = s->graph->node[id].op;
    sd_node dy[SD_MAX_OUT];
    bool any = false;
    for (uint32_t r = 0; r < SD_MAX_OUT; r++) {
        dy[r] = s->adjoint[(size_t)(id - s->first) * SD_MAX_OUT + r];
        any |= dy[r].id != 0;
    }
    if (!any || !s->active[id - s->first] || op->kind == SD_LEAF)
        return;
    const char *path = s->graph->path; /* the derivative belongs to the layer of what is differentiated */
    s->graph->path = s->graph->node[id].path;
    if (op->vjp)
        differentiate_rule(s, id, dy);
    else if (op->kind == SD_COMPOSITE)
        differentiate_expanded(s, id, dy);
    s->graph->path = path;
}

static void seed(sweep *s, int m, const sd_node *y, const sd_node *dy)
{
    for (int k = 0; k < m; k++)
        if (y[k].id && dy[k].id)
            accumulate(s, (sd_ref){y[k].id, y[k].result}, dy[k]);
}

static void run_sweep(sweep *s, int m, const sd_node *y, const sd_node *dy, sd_node *grad)
{
    mark_active(s);
    seed(s, m, y, dy);
    for (uint32_t id = s->end; id-- > s->first && s->graph->status == SD_OK;)
        visit(s, id);
    for (int i = 0; i < s->n; i++) {
        sd_node *adjoint = adjoint_of(s, s->wrt[i].id, s->wrt[i].result);
        grad[i] = adjoint ? *adjoint : (sd_node){0};
    }
}

void sd__reverse(sd_graph *graph, uint32_t first, int m, const sd_node *y, const sd_node *dy, int n, const sd_node *wrt,
                 sd_node *grad)
{
    sweep s = {.graph = graph, .first = first, .end = graph->count, .n = n, .wrt = wrt};
    size_t nodes = s.end - first;
    s.active = sd__alloc_zeroed(nodes + 1, sizeof *s.active);
    s.adjoint = sd__alloc_zeroed((nodes + 1) * SD_MAX_OUT, sizeof *s.adjoint);
    s.outer = sd__alloc_zeroed((size_t)n + 1, sizeof *s.outer);
    if (s.active && s.adjoint && s.outer)
        run_sweep(&s, m, y, dy, grad);
    else
        sd_graph_fail(graph, SD_ENOMEM, "no memory for the derivative of %zu nodes", nodes);
    free(s.active);
    free(s.adjoint);
    free(s.outer);
}
