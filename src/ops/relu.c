/* relu.c -- max(x, 0) and its derivative, the step function. */
#include "ops/tile.h"

/* Written so that NaN goes through: a network that made one must show it. */
SD_TILES1(relu, a > 0 || a != a ? a : 0, a > 0 || a != a ? a : 0)
SD_TILES1(step, a > 0 ? 1 : a != a ? a : 0, a > 0 ? 1 : a != a ? a : 0)

/* y > 0 exactly where x > 0; asking y lets x's memory go. */
static void vjp_relu(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], sd_step(r->y)); }

const sd_op sd__op_relu = {
    .name = "relu",
    .doc = "max(x, 0), elementwise; derivative at 0 is 0",
    .source = "Nair & Hinton 2010, ICML",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp_relu,
    .tile = SD_REAL_TILES(relu),
    .example = sd__example_elementwise,
    .sample = {.kink = {0}, .n_kinks = 1},
};

const sd_op sd__op_step = {
    .name = "step",
    .doc = "1 where x > 0, else 0, elementwise; derivative zero",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .tile = SD_REAL_TILES(step),
    .example = sd__example_elementwise,
    .sample = {.kink = {0}, .n_kinks = 1},
};

sd_node sd_relu(sd_node x) { return sd__append1(&sd__op_relu, NULL, x); }

sd_node sd_step(sd_node x) { return sd__append1(&sd__op_step, NULL, x); }
