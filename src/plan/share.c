/*
 * share.c -- equal nodes become one, elementwise functions of fills become fills, multiplications by one vanish.
 *
 * Nodes are equal if op, attributes and (already shared) operands are equal. A barrier is never shared, which is what keeps
 * recomputed nodes apart from the original.
 */
#include <sonde/ops.h>
#include <stdlib.h>
#include <string.h>

#include "ops/constant.h"
#include "ops/op.h"
#include "plan/program.h"

typedef struct table {
    uint32_t *slot; /* node ids of the new graph; 0: empty */
    size_t size;    /* a power of two */
} table;

static uint64_t node_hash(const sd_node_data *node)
{
    uint64_t hash = sd__hash(SD_HASH_START, &node->op, sizeof node->op);
    hash = sd__hash(hash, node->in, node->n_in * sizeof *node->in);
    return sd__hash(hash, node->attr, node->op->attr_size);
}

static bool node_equal(const sd_node_data *a, const sd_node_data *b)
{
    return a->op == b->op && a->n_in == b->n_in && memcmp(a->in, b->in, a->n_in * sizeof *a->in) == 0 &&
           (!a->op->attr_size || memcmp(a->attr, b->attr, a->op->attr_size) == 0) && a->n_out == b->n_out &&
           a->out[0].dtype == b->out[0].dtype && sd_shape_equal(a->out[0].shape, b->out[0].shape);
}

/* The node equal to the newest one, which is entered if there is none. */
static uint32_t find_equal(table *t, const sd_graph *graph, uint32_t newest)
{
    const sd_node_data *node = &graph->node[newest];
    size_t i = node_hash(node) & (t->size - 1);
    while (t->slot[i] && !node_equal(&graph->node[t->slot[i]], node))
        i = (i + 1) & (t->size - 1);
    if (!t->slot[i])
        t->slot[i] = newest;
    return t->slot[i];
}

/* A number as one element of its type, and back. */
static void store(void *element, sd_dtype dtype, double value)
{
    if (dtype == SD_F32)
        *(float *)element = (float)value;
    else if (dtype == SD_F64)
        *(double *)element = value;
    else if (dtype == SD_I32)
        *(int32_t *)element = (int32_t)value;
    else
        *(uint8_t *)element = (uint8_t)value;
}

static double load(const void *element, sd_dtype dtype)
{
    if (dtype == SD_F32)
        return *(const float *)element;
    if (dtype == SD_F64)
        return *(const double *)element;
    return dtype == SD_I32 ? *(const int32_t *)element : *(const uint8_t *)element;
}

/* An elementwise function of fills, by its own reference kernel on one element. */
static bool fold_elementwise(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    double element[3], result;
    const void *in[3];
    if (node->op->barrier || node->n_in > SD_COUNT(element) || node->out[0].dtype == SD_BF16)
        return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const double *fill = sd__fill_value(sd__became(r, node->in[i]));
        if (!fill)
            return false;
        store(&element[i], sd__type(sd__became(r, node->in[i])).dtype, *fill);
        in[i] = &element[i];
    }
    sd_tile *tile = node->op->tile[sd__type(sd__became(r, node->in[0])).dtype];
    if (!tile)
        return false;
    tile(1, in, &result, node->attr);
    sd__becomes(r, id, 0, sd_constant(r->to, node->out[0].dtype, node->out[0].shape, load(&result, node->out[0].dtype)));
    return true;
}

/* A view of a view of a number is one view of it. */
static bool fold_view(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    sd_node operand = sd__became(r, node->in[0]);
    const double *fill = sd__data(operand)->op->kind == SD_VIEW ? sd__fill_value(operand) : NULL;
    if (fill)
        sd__becomes(r, id, 0, sd_constant(r->to, node->out[0].dtype, node->out[0].shape, *fill));
    return fill != NULL;
}

/* x * 1, 1 * x and x / 1 are x, bit for bit. */
static bool fold_one(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    if (node->op != &sd__op_mul && node->op != &sd__op_div)
        return false;
    for (int one = 1; one >= (node->op == &sd__op_mul ? 0 : 1); one--) {
        const double *fill = sd__fill_value(sd__became(r, node->in[one]));
        if (fill && *fill == 1) {
            sd__becomes(r, id, 0, sd__became(r, node->in[1 - one]));
            return true;
        }
    }
    return false;
}

/* Derivatives are taken before any pass runs, so what only stops them has done its work. */
static bool fold_stop(sd_rewrite *r, uint32_t id)
{
    if (r->from->node[id].op != &sd__op_stop_gradient)
        return false;
    sd__becomes(r, id, 0, sd__became(r, r->from->node[id].in[0]));
    return true;
}

static bool fold(sd_rewrite *r, uint32_t id)
{
    const sd_op *op = r->from->node[id].op;
    if (op->kind == SD_VIEW)
        return fold_view(r, id);
    return fold_stop(r, id) || (op->kind == SD_ELEMENTWISE && (fold_elementwise(r, id) || fold_one(r, id)));
}

static void visit(sd_rewrite *r, uint32_t id)
{
    if (fold(r, id)) {
        r->changed = true;
        return;
    }
    sd__keep(r, id);
    const sd_node_data *node = &r->from->node[id];
    if (node->op->barrier || r->program->options.no_share || r->to->status != SD_OK)
        return;
    uint32_t newest = r->to->count - 1, equal = find_equal(r->user, r->to, newest);
    if (equal == newest)
        return;
    r->to->count--; /* the copy just appended is not needed */
    for (uint32_t k = 0; k < node->n_out; k++)
        sd__becomes(r, id, k, (sd_node){r->to, equal, k});
}

static sd_status share_once(sd_program *program, bool *changed)
{
    table t = {.size = 64};
    while (t.size < 4 * (size_t)program->graph->count)
        t.size *= 2;
    t.slot = sd__alloc_zeroed(t.size, sizeof *t.slot);
    if (!t.slot)
        return sd__fail(SD_ENOMEM, "pass share: no memory for %zu entries", t.size);
    sd_status status = sd__rewrite(program, "share", visit, &t, changed);
    free(t.slot);
    return status;
}

/* A folded node is a new constant, which may make others equal: again, until nothing folds. */
sd_status sd__pass_share(sd_program *program)
{
    bool changed = true;
    while (changed)
        SD_TRY(share_once(program, &changed));
    return SD_OK;
}
