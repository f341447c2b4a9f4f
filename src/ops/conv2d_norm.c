/*
 * conv2d_norm.c -- what evaluation does behind a convolution, as one node: batch norm with given statistics, a residual sum,
 * ReLU.
 *
 * The plan makes it (plan/conv.c) for kernels that do all this before a row of the result leaves the cache. No builder does, so
 * there is no derivative rule: whoever differentiates it anyway goes through its decomposition.
 */
#include "ops/check.h"
#include "ops/conv_norm.h"
#include "ops/norm.h"

enum { X, W, SCALE, OFFSET, MEAN, VARIANCE, RESIDUAL };

/* Operands: x, w, scale, offset, mean, variance, and perhaps a residual of the result's shape. */
static sd_status infer(sd_infer *c)
{
    static const char *const name[] = {[SCALE] = "scale", [OFFSET] = "offset", [MEAN] = "mean", [VARIANCE] = "variance"};
    const sd_conv_norm_attr *attr = c->attr;
    if (c->n_in != RESIDUAL + (attr->residual != 0))
        return sd__infer_fail(c, SD_EINVAL, "%d operands; there must be 6, or 7 with a residual", c->n_in);
    SD_TRY(sd__check_real(c, (1u << c->n_in) - 1));
    sd_infer conv = *c;
    conv.attr = &attr->conv;
    conv.n_in = 2;
    SD_TRY(sd__op_conv2d.infer(&conv));
    c->out[0] = conv.out[0];
    for (int i = SCALE; i <= VARIANCE; i++)
        SD_TRY(sd__check_shape(c, i, name[i], SD_SHAPE(sd__last(c->out[0].shape)), "one number a filter"));
    SD_TRY(sd__check_epsilon(c, attr->epsilon));
    return attr->residual ? sd__check_shape(c, RESIDUAL, "residual", c->out[0].shape, "the shape of the result") : SD_OK;
}

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    const sd_conv_norm_attr *a = attr;
    sd_node y = sd__append2(&sd__op_conv2d, &a->conv, in[X], in[W]);
    y = sd_batch_norm_eval(y, in[SCALE], in[OFFSET], in[MEAN], in[VARIANCE], a->epsilon);
    if (a->residual)
        y = sd_add(y, in[RESIDUAL]);
    result[0] = a->clip ? sd_relu(y) : y;
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    const sd_conv_norm_attr *a = attr;
    return sd__op_conv2d.flops(in, out, &a->conv) + (double)(3 + a->residual + a->clip) * (double)sd_shape_count(out[0].shape);
}

static void print(const void *attr, sd_string *text)
{
    const sd_conv_norm_attr *a = attr;
    sd__window_print(&a->conv, text);
    sd__string_add(text, " epsilon=%g%s", a->epsilon, a->clip ? " clip" : "");
}

/*
 * Pixels and filters are small, so that |y| < 20 before the offset of 50 or -50: no result lies near the kink. Some have 16
 * filters, which fast kernels take.
 */
static sd_node example(sd_example *e)
{
    sd_conv_norm_attr attr = {.conv = sd__window_example(e, false)};
    attr.epsilon = sd__example_epsilon(e);
    attr.residual = sd__example_int(e, 0, 1);
    attr.clip = sd__example_int(e, 0, 1);
    const int64_t *size = attr.conv.window.size, *image = attr.conv.image, images = sd__example_int(e, 1, 2);
    int64_t channels = sd__example_int(e, 1, 4), filters = sd__example_int(e, 0, 1) ? 16 : sd__example_int(e, 1, 5);
    sd_shape each = SD_SHAPE(filters), y = SD_SHAPE(images, 0, 0, filters);
    sd_node in[RESIDUAL + 1];
    in[X] = sd__example_input(e, e->dtype, SD_SHAPE(images, image[0], image[1], channels), -0.25, 0.25);
    in[W] = sd__example_input(e, e->dtype, SD_SHAPE(size[0], size[1], channels, filters), -0.25, 0.25);
    in[SCALE] = sd__example_real(e, each);
    in[OFFSET] = sd__example_far_offset(e, each);
    in[MEAN] = sd__example_real(e, each);
    in[VARIANCE] = sd__example_variance(e, each);
    y.dim[1] = sd__window_positions(&attr.conv, 0);
    y.dim[2] = sd__window_positions(&attr.conv, 1);
    if (attr.residual)
        in[RESIDUAL] = sd__example_real(e, y);
    return sd__append(e->graph, &sd__op_conv2d_norm, &attr, RESIDUAL + (int)attr.residual, in);
}

const sd_op sd__op_conv2d_norm = {
    .name = "conv2d_norm",
    .doc = "conv2d, then batch norm with given statistics, then perhaps a residual sum and max(y, 0)",
    .source = "He et al. 2015, section 3.4 (arXiv:1512.03385)",
    .kind = SD_COMPOSITE,
    .arity = SD_VARIADIC,
    .attr_size = sizeof(sd_conv_norm_attr),
    .infer = infer,
    .decompose = decompose,
    .flops = flops,
    .print = print,
    .example = example,
};
