/*
 * pool.c -- elementwise work moves behind max pooling, where there is a quarter as much of it.
 *
 * Adding a bias and clipping at zero do not change which of two numbers is larger (rounding is monotonous, too), so
 *     maxpool(relu(z)) = relu(maxpool(z)),    maxpool(z + bias) = maxpool(z) + bias,
 * and on the way back, where the winner's slope is that of the pooled value y,
 *     scatter(d) step(relu(z)) = scatter(d step(y)),    sum scatter(d) = sum d,    gather(a step(relu(z))) = gather(a) step(y).
 * Values stay the same bit for bit. Where clipping or rounding made a tie, another element of the tie may win; clipped ones
 * have slope zero, so only the ties of rounding can give their derivative to a neighbour.
 */
#include <sonde/ops.h>

#include "ops/op.h"
#include "ops/reduce.h"
#include "plan/program.h"

/* The operand's node if it is of this op, else NULL. */
static const sd_node_data *operand_is(const sd_rewrite *r, const sd_node_data *node, uint32_t i, const sd_op *op)
{
    const sd_node_data *operand = &r->from->node[node->in[i].id];
    return operand->op == op ? operand : NULL;
}

static bool same(sd_ref a, sd_ref b) { return a.id == b.id && a.result == b.result; }

/* maxpool's node if `index` is its index and `slope` is step() of what it pooled; else NULL. */
static const sd_node_data *pool_of_slope(const sd_rewrite *r, sd_ref index, const sd_node_data *slope)
{
    const sd_node_data *pool = &r->from->node[index.id];
    if (pool->op != &sd__op_maxpool || index.result != 1 || !slope)
        return NULL;
    return same(slope->in[0], pool->in[0]) && operand_is(r, pool, 0, &sd__op_relu) ? pool : NULL;
}

static sd_node pooled_slope(const sd_rewrite *r, sd_ref index) { return sd_step(sd__became(r, (sd_ref){index.id, 0})); }

static bool smaller(const sd_rewrite *r, const sd_node_data *pool)
{
    return 2 * sd_shape_count(pool->out[0].shape) <=
           sd_shape_count(r->from->node[pool->in[0].id].out[pool->in[0].result].shape);
}

/* scatter(d) * step(relu(z)) */
static bool move_product(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    for (uint32_t i = 0; i < 2; i++) {
        const sd_node_data *scatter = operand_is(r, node, i, &sd__op_pool_scatter);
        const sd_node_data *slope = operand_is(r, node, 1 - i, &sd__op_step);
        const sd_node_data *pool = scatter ? pool_of_slope(r, scatter->in[1], slope) : NULL;
        if (!pool || !smaller(r, pool))
            continue;
        sd_node small = sd_mul(sd__became(r, scatter->in[0]), pooled_slope(r, scatter->in[1]));
        sd__becomes(r, id, 0, sd__append2(&sd__op_pool_scatter, scatter->attr, small, sd__became(r, scatter->in[1])));
        return true;
    }
    return false;
}

/* gather(a * step(relu(z))), which nobody else reads */
static bool move_gather(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    const sd_node_data *product = operand_is(r, node, 0, &sd__op_mul);
    for (uint32_t i = 0; product && r->uses[node->in[0].id] == 1 && i < 2; i++) {
        const sd_node_data *pool = pool_of_slope(r, node->in[1], operand_is(r, product, i, &sd__op_step));
        if (!pool || !smaller(r, pool))
            continue;
        sd_node small =
            sd__append2(&sd__op_pool_gather, node->attr, sd__became(r, product->in[1 - i]), sd__became(r, node->in[1]));
        sd__becomes(r, id, 0, sd_mul(small, pooled_slope(r, node->in[1])));
        return true;
    }
    return false;
}

/* Sum of a scatter over everything but channels: every number lands somewhere. */
static bool move_sum(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    const sd_node_data *scatter = operand_is(r, node, 0, &sd__op_pool_scatter);
    const sd_reduce_attr *attr = node->attr;
    uint32_t images = SD_AXIS(1) | SD_AXIS(2);
    if (!scatter || (attr->axes & images) != images)
        return false;
    sd__becomes(r, id, 0, sd_sum(sd__became(r, scatter->in[0]), attr->axes, attr->keep));
    return true;
}

static void pool_then(sd_rewrite *r, uint32_t id, sd_ref image, sd_ref bias)
{
    const sd_node_data *node = &r->from->node[id];
    sd_node pooled = sd__append1(node->op, node->attr, sd__became(r, image));
    sd_node y = bias.id ? sd_add(pooled, sd__became(r, r->from->node[bias.id].in[0])) : sd_relu(pooled);
    sd__becomes(r, id, 0, y);
    sd__becomes(r, id, 1, sd_node_result(pooled, 1));
}

/* maxpool(relu(z)) and maxpool(z + bias), where nobody else reads what is pooled */
static bool move_pool(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id], *before = &r->from->node[node->in[0].id];
    if (r->uses[node->in[0].id] != 1 || !smaller(r, node))
        return false;
    if (before->op == &sd__op_relu) {
        pool_then(r, id, before->in[0], (sd_ref){0, 0});
        return true;
    }
    for (uint32_t i = 0; before->op == &sd__op_add && i < 2; i++)
        if (sd__is_bias(r, before->in[i]) && !sd__is_bias(r, before->in[1 - i])) {
            pool_then(r, id, before->in[1 - i], before->in[i]);
            return true;
        }
    return false;
}

static bool move(sd_rewrite *r, uint32_t id)
{
    const sd_op *op = r->from->node[id].op;
    return (op == &sd__op_mul && move_product(r, id)) || (op == &sd__op_pool_gather && move_gather(r, id)) ||
           (op == &sd__op_sum && move_sum(r, id)) || (op == &sd__op_maxpool && move_pool(r, id));
}

static void visit(sd_rewrite *r, uint32_t id)
{
    r->to->path = sd__path_in(r, r->from->node[id].path);
    if (move(r, id))
        r->changed = true;
    else
        sd__keep(r, id);
}

/* Every move brings the next one within reach: first the slope leaves, then nobody but the pooling reads relu(z). */
sd_status sd__pass_pool(sd_program *program)
{
    bool changed = !program->options.no_share;
    while (changed)
        SD_TRY(sd__rewrite(program, "pool", visit, NULL, &changed));
    return SD_OK;
}
