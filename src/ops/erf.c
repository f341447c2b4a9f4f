/* erf.c -- the error function, elementwise. */
#include "ops/tile.h"

SD_TILES1(erf, erff(a), erf(a))

/* dy/dx = 2/sqrt(pi) exp(-x^2). */
static void vjp(sd_vjp_rule *r)
{
    r->grad[0] = sd_mul(r->dy[0], sd_scale(sd_exp(sd_neg(sd_square(sd__operand(r->y, 0)))), 2 / sqrt(M_PI)));
}

const sd_op sd__op_erf = {
    .name = "erf",
    .doc = "error function 2/sqrt(pi) * integral of exp(-t^2) from 0 to x, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp,
    .tile = SD_REAL_TILES(erf),
    .example = sd__example_elementwise,
    .sample = {.lo = -3, .hi = 3},
};

sd_node sd_erf(sd_node x) { return sd__append1(&sd__op_erf, NULL, x); }
