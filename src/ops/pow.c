/*
 * pow.c -- powers, elementwise.
 *
 * The derivatives b a^(b-1) and a^b log a are finite almost everywhere that a^b is, but the formulas meet 0 * infinity at
 * a = 0. There the exponent or the base is replaced *before* the function is called: choosing afterwards would leave the
 * infinity in the graph, and the next derivative would multiply it by zero.
 */
#include "ops/tile.h"

SD_TILES2(pow, powf(a, b), pow(a, b))

/* b a^(b-1); 0 at a = b = 0, where a^0 is constant. */
static sd_node base_slope(sd_node a, sd_node b)
{
    sd_node zero = sd_constant_like(a, 0), less = sd_shift(b, -1);
    sd_node constant_there = sd_select(sd_compare(b, SD_EQ, zero), sd_constant_like(b, 1), less);
    sd_node exponent = sd_select(sd_compare(a, SD_EQ, zero), constant_there, less);
    return sd_mul(b, sd_pow(a, exponent));
}

/* a^b log a; 0 at a = 0. */
static sd_node exponent_slope(sd_node a, sd_node b)
{
    sd_node at_zero = sd_compare(a, SD_EQ, sd_constant_like(a, 0));
    sd_node base = sd_select(at_zero, sd_constant_like(a, 1), a); /* its logarithm is 0 */
    return sd_mul(sd_pow(base, b), sd_log(base));
}

static void vjp(sd_vjp_rule *r)
{
    sd_node a = sd__operand(r->y, 0), b = sd__operand(r->y, 1);
    r->grad[0] = sd_mul(r->dy[0], base_slope(a, b));
    r->grad[1] = sd_mul(r->dy[0], exponent_slope(a, b));
}

static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    sd_node a = sd__example_input(e, e->dtype, shape, 0.2, 2.5);
    return sd_pow(a, sd__example_input(e, e->dtype, shape, -2, 3));
}

const sd_op sd__op_pow = {
    .name = "pow",
    .doc = "a^b, elementwise, for a >= 0 or b an integer",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .infer = sd__infer_same,
    .vjp = vjp,
    .tile = SD_REAL_TILES(pow),
    .example = example,
    .sample = {.lo = 0.2, .hi = 2.5},
};

sd_node sd_pow(sd_node a, sd_node b)
{
    sd_node operand[] = {a, b};
    return sd__broadcast_together("pow", 2, operand) ? sd__append(a.graph, &sd__op_pow, NULL, 2, operand) : sd__poison(a);
}
