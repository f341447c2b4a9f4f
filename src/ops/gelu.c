/* gelu.c -- x Phi(x), Phi the distribution function of the normal distribution, elementwise. */
#include "ops/op.h"

/*
 * Phi(x) = (1 + erf(x / sqrt 2)) / 2; there is no approximation by tanh. Far below 0 the sum cancels: the absolute error stays
 * at rounding, but not the relative one of a result that is nearly 0 (hence the domain of the tests).
 */
static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node twice_phi = sd_shift(sd_erf(sd_scale(in[0], M_SQRT1_2)), 1);
    result[0] = sd_mul(sd_scale(in[0], 0.5), twice_phi);
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 5.0 * (double)sd_shape_count(out[0].shape);
}

sd_node sd_gelu(sd_node x) { return sd__append1(&sd__op_gelu, NULL, x); }

const sd_op sd__op_gelu = {
    .name = "gelu",
    .doc = "x Phi(x), elementwise, Phi the normal distribution function",
    .source = "Hendrycks & Gimpel 2016, Gaussian error linear units",
    .kind = SD_COMPOSITE,
    .arity = 1,
    .infer = sd__infer_same,
    .decompose = decompose,
    .flops = flops,
    .example = sd__example_elementwise,
    .sample = {.lo = -2.5, .hi = 4},
};
