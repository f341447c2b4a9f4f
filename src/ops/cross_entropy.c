/*
 * cross_entropy.c -- cross-entropy of softmax against class labels, one number an example.
 *
 * The probabilities that the derivative needs are a result of their own, so a kernel that makes them on the way keeps them.
 * A label outside [0,C) has no meaning: its loss and its derivative are NaN, which stops a run instead of misleading it.
 */
#include "ops/check.h"
#include "ops/op.h"
#include "ops/softmax.h"

/* attr of both ops: double smoothing */

/* [B,C] u8: 1 in the column of each row's label. */
static sd_node label_mask(sd_node labels, sd_shape shape)
{
    return sd_compare(sd_iota(labels.graph, SD_I32, shape, 1), SD_EQ, sd__column(labels));
}

/* [B]: 1 where the label is in [0,classes), else NaN. */
static sd_node label_factor(sd_node labels, int64_t classes, sd_dtype dtype)
{
    sd_shape scalar = sd_scalar_shape();
    sd_node low = sd_compare(labels, SD_GE, sd_constant(labels.graph, SD_I32, scalar, 0));
    sd_node high = sd_compare(labels, SD_LT, sd_constant(labels.graph, SD_I32, scalar, (double)classes));
    sd_node one = sd_constant(labels.graph, dtype, scalar, 1), nan = sd_constant(labels.graph, dtype, scalar, NAN);
    return sd_select(high, sd_select(low, one, nan), nan);
}

/* logits (or probabilities) [B,C], labels [B] */
static sd_status infer_operands(sd_infer *c)
{
    SD_TRY(sd__check_rank(c, 0, "operand 0", 2, "[B,C]"));
    SD_TRY(sd__check_i32(c, 1, "labels"));
    SD_TRY(sd__check_shape(c, 1, "labels", sd__leading(c->in[0].shape), "one label a row"));
    double smoothing = *(const double *)c->attr;
    if (!(smoothing >= 0 && smoothing < 1))
        return sd__infer_fail(c, SD_EINVAL, "smoothing is %g; it must lie in [0,1)", smoothing);
    return SD_OK;
}

static void print(const void *attr, sd_string *text)
{
    double smoothing = *(const double *)attr;
    if (smoothing != 0)
        sd__string_add(text, " smoothing=%g", smoothing);
}

static double draw_smoothing(sd_example *e) { return sd__example_int(e, 0, 1) ? 0.1 * sd__example_int(e, 1, 9) : 0; }

/* ---- softmax_cross_entropy ---- */

static sd_status infer(sd_infer *c)
{
    SD_TRY(sd__check_real(c, 1));
    SD_TRY(infer_operands(c));
    c->n_out = 2;
    c->out[0] = (sd_type){c->in[0].dtype, c->in[1].shape};
    c->out[1] = c->in[0];
    return SD_OK;
}

/*
 * With z the shifted logits: loss = log sum e^z - sum t z, because the target t sums to 1. The label's z is picked by a
 * selection, not by a product with t: a logit of -inf elsewhere must not make 0 * inf.
 */
static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    double smoothing = *(const double *)attr;
    sd_shape shape = sd_node_shape(in[0]);
    sd_dtype dtype = sd_node_dtype(in[0]);
    sd_node z = sd__shifted_by_max(in[0]), power = sd_exp(z), sum = sd__sum_last(power, true);
    sd_node zero = sd_constant(graph, dtype, sd_scalar_shape(), 0);
    sd_node expected = sd_scale(sd__sum_last(sd_select(label_mask(in[1], shape), z, zero), false), 1 - smoothing);
    if (smoothing > 0)
        expected = sd_add(expected, sd_scale(sd__sum_last(z, false), smoothing / (double)shape.dim[1]));
    sd_node loss = sd_sub(sd_log(sd_reshape(sum, sd_node_shape(in[1]))), expected);
    result[0] = sd_mul(loss, label_factor(in[1], shape.dim[1], dtype));
    result[1] = sd_div(power, sum);
}

static sd_node grad(sd_node probabilities, sd_node labels, sd_node dy, double smoothing)
{
    return sd__append3(&sd__op_softmax_cross_entropy_grad, &smoothing, probabilities, labels, dy);
}

/* The probabilities have a cotangent of their own where somebody uses them, e.g. the derivative of the derivative. */
static void vjp(sd_vjp_rule *r)
{
    sd_node p = sd_node_result(r->y, 1), labels = sd__operand(r->y, 1);
    if (sd__has(r->dy[0]))
        r->grad[0] = grad(p, labels, r->dy[0], *(const double *)sd__attr(r->y));
    if (!sd__has(r->dy[1]))
        return;
    sd_node through_p = sd__softmax_grad(p, r->dy[1]);
    r->grad[0] = sd__has(r->grad[0]) ? sd_add(r->grad[0], through_p) : through_p;
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 5.0 * (double)sd_shape_count(in[0].shape);
}

sd_node sd_softmax_cross_entropy(sd_node logits, sd_node labels, double smoothing)
{
    return sd__append2(&sd__op_softmax_cross_entropy, &smoothing, logits, labels);
}

static sd_node example(sd_example *e)
{
    int rows = sd__example_int(e, 1, 9), classes = sd__example_int(e, 1, 12);
    sd_node logits = sd__example_real(e, SD_SHAPE(rows, classes));
    sd_node labels = sd__example_input(e, SD_I32, SD_SHAPE(rows), 0, classes - 1);
    return sd_softmax_cross_entropy(logits, labels, draw_smoothing(e));
}

const sd_op sd__op_softmax_cross_entropy = {
    .name = "softmax_cross_entropy",
    .doc = "cross-entropy of softmax(logits) against labels, a number a row; result 1: softmax(logits)",
    .source = "Bridle 1990; smoothing: Szegedy et al. 2016, section 7",
    .kind = SD_COMPOSITE,
    .arity = 2,
    .attr_size = sizeof(double),
    .infer = infer,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .print = print,
    .example = example,
    .sample = {.lo = -4, .hi = 4},
};

/* ---- softmax_cross_entropy_grad: probabilities p [B,C], labels [B], dy [B] -> (p - target) dy [B,C] ---- */

static sd_status grad_infer(sd_infer *c)
{
    SD_TRY(sd__check_real(c, 5));
    SD_TRY(infer_operands(c));
    SD_TRY(sd__check_shape(c, 2, "dy", c->in[1].shape, "one number a row"));
    c->out[0] = c->in[0];
    return SD_OK;
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    double smoothing = *(const double *)attr;
    sd_shape shape = sd_node_shape(in[0]);
    sd_dtype dtype = sd_node_dtype(in[0]);
    double base = smoothing / (double)shape.dim[1];
    sd_node off = sd_constant(graph, dtype, sd_scalar_shape(), base);
    sd_node on = sd_constant(graph, dtype, sd_scalar_shape(), 1 - smoothing + base);
    sd_node target = sd_select(label_mask(in[1], shape), on, off);
    sd_node dy = sd_mul(in[2], label_factor(in[1], shape.dim[1], dtype));
    result[0] = sd_mul(sd_sub(in[0], target), sd__column(dy));
}

static double grad_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 2.0 * (double)sd_shape_count(out[0].shape);
}

static sd_node grad_example(sd_example *e)
{
    int rows = sd__example_int(e, 1, 9), classes = sd__example_int(e, 1, 12);
    sd_node p = sd__example_input(e, e->dtype, SD_SHAPE(rows, classes), 0, 1);
    sd_node labels = sd__example_input(e, SD_I32, SD_SHAPE(rows), 0, classes - 1);
    return grad(p, labels, sd__example_real(e, SD_SHAPE(rows)), draw_smoothing(e));
}

const sd_op sd__op_softmax_cross_entropy_grad = {
    .name = "softmax_cross_entropy_grad",
    .doc = "(probabilities - target) dy: the derivative of softmax_cross_entropy from its result 1",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(double),
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = grad_flops,
    .print = print,
    .example = grad_example,
};
