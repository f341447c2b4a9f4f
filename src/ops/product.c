/*
 * product.c -- matrix products that end in a ReLU, or in its slope: for kernels that do so while they store.
 *
 * The plan makes both (plan/product.c) after differentiation; no builder does, so neither has a derivative rule: whoever
 * differentiates one anyway goes through its decomposition.
 */
#include "ops/check.h"
#include "ops/matmul.h"
#include "ops/op.h"

/* ---- dense_relu: x [B,I], w [I,O], bias [O] -> relu(x w + bias) [B,O] ---- */

static sd_status infer(sd_infer *c) { return sd__op_dense.infer(c); }

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    result[0] = sd_relu(sd_dense(in[0], in[1], in[2]));
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return sd__op_dense.flops(in, out, attr) + (double)sd_shape_count(out[0].shape);
}

/* The bias is larger than any sum of up to 19 products of examples, up or down, so that no result lies near the kink. */
static sd_node example(sd_example *e)
{
    int rows = sd__example_int(e, 1, 9), in = sd__example_int(e, 1, 19), out = sd__example_int(e, 1, 19);
    sd_node side = sd_cast(sd__example_input(e, SD_I32, SD_SHAPE(out), 0, 1), e->dtype);
    sd_node x = sd__example_real(e, SD_SHAPE(rows, in)), w = sd__example_real(e, SD_SHAPE(in, out));
    sd_node operand[] = {x, w, sd_shift(sd_scale(side, 400), -200)};
    return sd__append(e->graph, &sd__op_dense_relu, NULL, 3, operand);
}

const sd_op sd__op_dense_relu = {
    .name = "dense_relu",
    .doc = "x times w plus bias, then max(y, 0)",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .infer = infer,
    .decompose = decompose,
    .flops = flops,
    .example = example,
};

/* ---- matmul_relu_grad: a, b, y -> (a b) step(y); attributes as matmul's ---- */

static sd_status grad_infer(sd_infer *c)
{
    char shape[SD_SHAPE_TEXT], wanted[SD_SHAPE_TEXT];
    SD_TRY(sd__check_real(c, 7));
    SD_TRY(sd__op_matmul.infer(c));
    if (sd_shape_equal(c->in[2].shape, c->out[0].shape))
        return SD_OK;
    return sd__infer_fail(c, SD_ESHAPE, "y is %s; it must be %s like the product", sd_shape_text(c->in[2].shape, shape),
                          sd_shape_text(c->out[0].shape, wanted));
}

static void grad_decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    result[0] = sd_mul(sd__append2(&sd__op_matmul, attr, in[0], in[1]), sd_step(in[2]));
}

static double grad_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return sd__op_matmul.flops(in, out, attr) + 2.0 * (double)sd_shape_count(out[0].shape);
}

/* y lies away from the kink: 0.6 to 2, or 0. */
static sd_node grad_example(sd_example *e)
{
    sd_node product = sd__op_matmul.example(e);
    sd_shape shape = sd_node_shape(product);
    sd_node side = sd_cast(sd__example_input(e, SD_I32, shape, 0, 1), e->dtype);
    sd_node operand[] = {sd__operand(product, 0), sd__operand(product, 1),
                         sd_mul(sd__example_input(e, e->dtype, shape, 0.6, 2), side)};
    return sd__append(e->graph, &sd__op_matmul_relu_grad, sd__attr(product), 3, operand);
}

static void grad_print(const void *attr, sd_string *text) { sd__op_matmul.print(attr, text); }

const sd_op sd__op_matmul_relu_grad = {
    .name = "matmul_relu_grad",
    .doc = "matrix product times the slope of a ReLU whose result is y",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(sd_matmul_attr),
    .infer = grad_infer,
    .decompose = grad_decompose,
    .flops = grad_flops,
    .print = grad_print,
    .example = grad_example,
};
