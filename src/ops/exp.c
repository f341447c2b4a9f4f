/* exp.c -- the exponential function, elementwise. */
#include "ops/tile.h"

SD_TILES1(exp, expf(a), exp(a))

static void vjp(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], r->y); }

const sd_op sd__op_exp = {
    .name = "exp",
    .doc = "e^x, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp,
    .tile = SD_REAL_TILES(exp),
    .example = sd__example_elementwise,
    .sample = {.lo = -4, .hi = 4},
};

sd_node sd_exp(sd_node x) { return sd__append1(&sd__op_exp, NULL, x); }
