/* sqrt.c -- the square root and its reciprocal, elementwise. */
#include "ops/tile.h"

SD_TILES1(sqrt, sqrtf(a), sqrt(a))
SD_TILES1(rsqrt, 1 / sqrtf(a), 1 / sqrt(a))

/* dy/dx = 1 / (2 y). */
static void vjp_sqrt(sd_vjp_rule *r) { r->grad[0] = sd_div(sd_scale(r->dy[0], 0.5), r->y); }

/* dy/dx = -y^3 / 2. */
static void vjp_rsqrt(sd_vjp_rule *r) { r->grad[0] = sd_mul(sd_scale(r->dy[0], -0.5), sd_mul(r->y, sd_square(r->y))); }

const sd_op sd__op_sqrt = {
    .name = "sqrt",
    .doc = "square root, elementwise; NaN below 0",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_sqrt,
    .tile = SD_REAL_TILES(sqrt),
    .example = sd__example_elementwise,
    .sample = {.lo = 0.1, .hi = 4},
};

const sd_op sd__op_rsqrt = {
    .name = "rsqrt",
    .doc = "1 / sqrt(x), elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_rsqrt,
    .tile = SD_REAL_TILES(rsqrt),
    .example = sd__example_elementwise,
    .sample = {.lo = 0.1, .hi = 4},
};

sd_node sd_sqrt(sd_node x) { return sd__append1(&sd__op_sqrt, NULL, x); }

sd_node sd_rsqrt(sd_node x) { return sd__append1(&sd__op_rsqrt, NULL, x); }
