/* add.c -- addition, subtraction and negation, elementwise. */
#include "ops/tile.h"

SD_TILES2(add, a + b, a + b)
SD_TILES2(sub, a - b, a - b)
SD_TILES1(neg, -a, -a)

static void vjp_add(sd_vjp_rule *r)
{
    r->grad[0] = r->dy[0];
    r->grad[1] = r->dy[0];
}

static void vjp_sub(sd_vjp_rule *r)
{
    r->grad[0] = r->dy[0];
    r->grad[1] = sd_neg(r->dy[0]);
}

static void vjp_neg(sd_vjp_rule *r) { r->grad[0] = sd_neg(r->dy[0]); }

const sd_op sd__op_add = {
    .name = "add",
    .doc = "a + b, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp_add,
    .tile = SD_REAL_TILES(add),
    .example = sd__example_elementwise,
};

const sd_op sd__op_sub = {
    .name = "sub",
    .doc = "a - b, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp_sub,
    .tile = SD_REAL_TILES(sub),
    .example = sd__example_elementwise,
};

const sd_op sd__op_neg = {
    .name = "neg",
    .doc = "-a, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_neg,
    .tile = SD_REAL_TILES(neg),
    .example = sd__example_elementwise,
};

sd_node sd_add(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("add", 2, operand) ? sd__append(a.graph, &sd__op_add, NULL, 2, operand) : sd__poison(a);
}

sd_node sd_sub(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("sub", 2, operand) ? sd__append(a.graph, &sd__op_sub, NULL, 2, operand) : sd__poison(a);
}

sd_node sd_neg(sd_node x) { return sd__append1(&sd__op_neg, NULL, x); }

sd_node sd_shift(sd_node x, double s) { return sd_add(x, sd_constant_like(x, s)); }
