/* abs.c -- absolute value and sign, elementwise. */
#include "ops/tile.h"

SD_TILES1(abs, fabsf(a), fabs(a))
SD_TILES1(sign, a > 0 ? 1 : a < 0 ? -1 : a != a ? a : 0, a > 0 ? 1 : a < 0 ? -1 : a != a ? a : 0)

static void vjp(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], sd_sign(sd__operand(r->y, 0))); }

const sd_op sd__op_abs = {
    .name = "abs",
    .doc = "|x|, elementwise; derivative at 0 is 0",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp,
    .tile = SD_REAL_TILES(abs),
    .example = sd__example_elementwise,
    .sample = {.kink = {0}, .n_kinks = 1},
};

const sd_op sd__op_sign = {
    .name = "sign",
    .doc = "-1, 0 or 1, elementwise (NaN stays NaN); derivative zero",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .tile = SD_REAL_TILES(sign),
    .example = sd__example_elementwise,
    .sample = {.kink = {0}, .n_kinks = 1},
};

sd_node sd_abs(sd_node x) { return sd__append1(&sd__op_abs, NULL, x); }

sd_node sd_sign(sd_node x) { return sd__append1(&sd__op_sign, NULL, x); }
