/* log.c -- natural logarithms, elementwise. */
#include "ops/tile.h"

SD_TILES1(log, logf(a), log(a))
SD_TILES1(log1p, log1pf(a), log1p(a))

static void vjp_log(sd_vjp_rule *r) { r->grad[0] = sd_div(r->dy[0], sd__operand(r->y, 0)); }

static void vjp_log1p(sd_vjp_rule *r) { r->grad[0] = sd_div(r->dy[0], sd_shift(sd__operand(r->y, 0), 1)); }

const sd_op sd__op_log = {
    .name = "log",
    .doc = "natural logarithm, elementwise; -inf at 0, NaN below",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_log,
    .tile = SD_REAL_TILES(log),
    .example = sd__example_elementwise,
    .sample = {.lo = 0.1, .hi = 4},
};

const sd_op sd__op_log1p = {
    .name = "log1p",
    .doc = "log(1 + x) without cancellation, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_log1p,
    .tile = SD_REAL_TILES(log1p),
    .example = sd__example_elementwise,
    .sample = {.lo = -0.9, .hi = 4},
};

sd_node sd_log(sd_node x) { return sd__append1(&sd__op_log, NULL, x); }

sd_node sd_log1p(sd_node x) { return sd__append1(&sd__op_log1p, NULL, x); }
