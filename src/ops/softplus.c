/* softplus.c -- softplus(x) = log(1 + e^x), elementwise. */
#include "ops/op.h"

/*
 * max(x, 0) + log(1 + e^-|x|): exp never sees a positive argument, so nothing overflows. -|x| is written as min(x, -x), whose
 * derivative at 0 is 1 by the rule for ties; so this decomposition has the derivative 1/2 at 0, as the function has.
 */
static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    sd_node below = sd_min(in[0], sd_neg(in[0]));
    result[0] = sd_add(sd_relu(in[0]), sd_log1p(sd_exp(below)));
}

/* Emits nodes, so that the gradient can be differentiated itself. */
static void vjp(sd_vjp_rule *r) { r->grad[0] = sd_mul(r->dy[0], sd_sigmoid(sd__operand(r->y, 0))); }

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 6.0 * (double)sd_shape_count(out[0].shape);
}

sd_node sd_softplus(sd_node x) { return sd__append1(&sd__op_softplus, NULL, x); }

const sd_op sd__op_softplus = {
    .name = "softplus",
    .doc = "log(1 + e^x), elementwise",
    .source = "Dugas et al. 2000, NIPS 13",
    .kind = SD_COMPOSITE,
    .arity = 1,
    .infer = sd__infer_same,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .example = sd__example_elementwise,
    .sample = {.lo = -30, .hi = 30},
};
