/* leaky_relu.c -- x where x > 0, else slope * x, elementwise. */
#include "ops/op.h"

/* attr: double slope */

static sd_node where_positive(sd_node x, sd_node value, double slope)
{
    return sd_select(sd_compare(x, SD_GT, sd_constant_like(x, 0)), value, sd_scale(value, slope));
}

static sd_status infer(sd_infer *c)
{
    double slope = *(const double *)c->attr;
    if (!isfinite(slope))
        return sd__infer_fail(c, SD_EINVAL, "slope is %g; it must be finite", slope);
    return sd__infer_same(c);
}

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    result[0] = where_positive(in[0], in[0], *(const double *)attr);
}

/* The same selection, applied to the cotangent. */
static void vjp(sd_vjp_rule *r)
{
    r->grad[0] = where_positive(sd__operand(r->y, 0), r->dy[0], *(const double *)sd__attr(r->y));
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 2.0 * (double)sd_shape_count(out[0].shape);
}

static void print(const void *attr, sd_string *text) { sd__string_add(text, " slope=%g", *(const double *)attr); }

sd_node sd_leaky_relu(sd_node x, double slope) { return sd__append1(&sd__op_leaky_relu, &slope, x); }

static sd_node example(sd_example *e)
{
    return sd_leaky_relu(sd__example_real(e, sd__example_any_shape(e, 0)), 0.1 * sd__example_int(e, -2, 5));
}

const sd_op sd__op_leaky_relu = {
    .name = "leaky_relu",
    .doc = "x where x > 0, else slope * x, elementwise; derivative at 0 is slope",
    .source = "Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models",
    .kind = SD_COMPOSITE,
    .arity = 1,
    .attr_size = sizeof(double),
    .infer = infer,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .print = print,
    .example = example,
    .sample = {.kink = {0}, .n_kinks = 1},
};
