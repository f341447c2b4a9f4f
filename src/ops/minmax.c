/* minmax.c -- the smaller and the larger of two values, elementwise. A tie is a, and gives its derivative to a; NaN wins. */
#include "ops/tile.h"

SD_TILES2(min, a <= b || a != a ? a : b, a <= b || a != a ? a : b)
SD_TILES2(max, a >= b || a != a ? a : b, a >= b || a != a ? a : b)

static void vjp_by(sd_vjp_rule *r, sd_comparison a_wins)
{
    sd_node a = sd__operand(r->y, 0), b = sd__operand(r->y, 1), zero = sd_constant_like(a, 0);
    sd_node chosen = sd_compare(a, a_wins, b);
    r->grad[0] = sd_select(chosen, r->dy[0], zero);
    r->grad[1] = sd_select(chosen, zero, r->dy[0]);
}

static void vjp_min(sd_vjp_rule *r) { vjp_by(r, SD_LE); }

static void vjp_max(sd_vjp_rule *r) { vjp_by(r, SD_GE); }

const sd_op sd__op_min = {
    .name = "min",
    .doc = "the smaller of a and b, elementwise; a tie gives its derivative to a",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp_min,
    .tile = SD_REAL_TILES(min),
    .example = sd__example_elementwise,
    .sample = {.ties = true},
};

const sd_op sd__op_max = {
    .name = "max",
    .doc = "the larger of a and b, elementwise; a tie gives its derivative to a",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp_max,
    .tile = SD_REAL_TILES(max),
    .example = sd__example_elementwise,
    .sample = {.ties = true},
};

sd_node sd_min(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("min", 2, operand) ? sd__append(a.graph, &sd__op_min, NULL, 2, operand) : sd__poison(a);
}

sd_node sd_max(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("max", 2, operand) ? sd__append(a.graph, &sd__op_max, NULL, 2, operand) : sd__poison(a);
}
