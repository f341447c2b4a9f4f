/* trig.c -- sine and cosine, elementwise, of angles in radians. */
#include "ops/tile.h"

SD_TILES1(sin, sinf(a), sin(a))
SD_TILES1(cos, cosf(a), cos(a))

static void vjp_sin(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], sd_cos(sd__operand(r->y, 0))); }

static void vjp_cos(sd_vjp_rule *r) { r->grad[0] = sd_neg(sd_mul(r->dy[0], sd_sin(sd__operand(r->y, 0)))); }

const sd_op sd__op_sin = {
    .name = "sin",
    .doc = "sine of x in radians, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_sin,
    .tile = SD_REAL_TILES(sin),
    .example = sd__example_elementwise,
    .sample = {.lo = -4, .hi = 4},
};

const sd_op sd__op_cos = {
    .name = "cos",
    .doc = "cosine of x in radians, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_cos,
    .tile = SD_REAL_TILES(cos),
    .example = sd__example_elementwise,
    .sample = {.lo = -4, .hi = 4},
};

sd_node sd_sin(sd_node x) { return sd__append1(&sd__op_sin, NULL, x); }

sd_node sd_cos(sd_node x) { return sd__append1(&sd__op_cos, NULL, x); }
