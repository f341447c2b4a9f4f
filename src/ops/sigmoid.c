/* sigmoid.c -- the logistic function, elementwise. */
#include "ops/tile.h"

/* exp(-x) overflows to infinity for very negative x, and 1 / infinity is the 0 that is wanted. */
SD_TILES1(sigmoid, 1 / (1 + expf(-a)), 1 / (1 + exp(-a)))

/* dy/dx = y (1 - y). */
static void vjp(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], sd_mul(r->y, sd_shift(sd_neg(r->y), 1))); }

const sd_op sd__op_sigmoid = {
    .name = "sigmoid",
    .doc = "1 / (1 + e^-x), elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp,
    .tile = SD_REAL_TILES(sigmoid),
    .example = sd__example_elementwise,
    .sample = {.lo = -4, .hi = 4},
};

sd_node sd_sigmoid(sd_node x) { return sd__append1(&sd__op_sigmoid, NULL, x); }
