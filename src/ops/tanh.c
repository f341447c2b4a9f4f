/* tanh.c -- the hyperbolic tangent, elementwise. */
#include "ops/tile.h"

SD_TILES1(tanh, tanhf(a), tanh(a))

/* dy/dx = 1 - y^2. */
static void vjp(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], sd_shift(sd_neg(sd_square(r->y)), 1)); }

const sd_op sd__op_tanh = {
    .name = "tanh",
    .doc = "hyperbolic tangent, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp,
    .tile = SD_REAL_TILES(tanh),
    .example = sd__example_elementwise,
    .sample = {.lo = -3, .hi = 3},
};

sd_node sd_tanh(sd_node x) { return sd__append1(&sd__op_tanh, NULL, x); }
