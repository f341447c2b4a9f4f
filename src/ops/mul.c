/* mul.c -- multiplication and division, elementwise. */
#include "ops/tile.h"

SD_TILES2(mul, (a * b), (a * b))
SD_TILES2(div, a / b, a / b)

static void vjp_mul(sd_vjp_rule *r)
{
    r->grad[0] = sd_mul(r->dy[0], sd__operand(r->y, 1));
    r->grad[1] = sd_mul(r->dy[0], sd__operand(r->y, 0));
}

/* y = a / b: dy/da = 1 / b, dy/db = -y / b. */
static void vjp_div(sd_vjp_rule *r)
{
    r->grad[0] = sd_div(r->dy[0], sd__operand(r->y, 1));
    r->grad[1] = sd_neg(sd_mul(r->grad[0], r->y));
}

/* The divisor stays away from 0. */
static sd_node example_div(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    sd_node a = sd__example_input(e, e->dtype, shape, -2, 2);
    return sd_div(a, sd__example_input(e, e->dtype, shape, 0.5, 2));
}

const sd_op sd__op_mul = {
    .name = "mul",
    .doc = "a * b, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp_mul,
    .tile = SD_REAL_TILES(mul),
    .example = sd__example_elementwise,
};

const sd_op sd__op_div = {
    .name = "div",
    .doc = "a / b, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp_div,
    .tile = SD_REAL_TILES(div),
    .example = example_div,
};

sd_node sd_mul(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("mul", 2, operand) ? sd__append(a.graph, &sd__op_mul, NULL, 2, operand) : sd__poison(a);
}

sd_node sd_div(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("div", 2, operand) ? sd__append(a.graph, &sd__op_div, NULL, 2, operand) : sd__poison(a);
}

sd_node sd_square(sd_node x) { return sd_mul(x, x); }

sd_node sd_scale(sd_node x, double s) { return sd_mul(x, sd_constant_like(x, s)); }
