/*
 * conv2d_pool.c -- a convolution, the largest of each window of its result, a bias and ReLU, as one node.
 *
 * The plan makes it (plan/conv_pool.c) for kernels that pool sums while these are in registers or near, so that what is pooled
 * is neither written nor read. No builder does, so there is no derivative rule: whoever differentiates it anyway goes through
 * its decomposition.
 */
#include "ops/check.h"
#include "ops/conv_pool.h"
#include "ops/norm.h"
#include "ops/pooling.h"

enum { X, W, BIAS };

/* Operands: x, w, bias. Result 0: y; result 1: the winners' index, as of maxpool. */
static sd_status infer(sd_infer *c)
{
    const sd_conv_pool_attr *attr = c->attr;
    SD_TRY(sd__check_real(c, 3));
    sd_infer conv = *c;
    conv.attr = &attr->conv;
    conv.n_in = 2;
    SD_TRY(sd__op_conv2d.infer(&conv));
    sd_infer pool = *c;
    pool.attr = &attr->pool;
    pool.in = conv.out;
    pool.n_in = 1;
    SD_TRY(sd__op_maxpool.infer(&pool));
    c->n_out = 2;
    c->out[0] = pool.out[0];
    c->out[1] = pool.out[1];
    return sd__check_shape(c, BIAS, "bias", SD_SHAPE(sd__last(c->out[0].shape)), "one number a filter");
}

static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    const sd_conv_pool_attr *a = attr;
    sd_node pooled = sd__append1(&sd__op_maxpool, &a->pool, sd__append2(&sd__op_conv2d, &a->conv, in[X], in[W]));
    result[0] = sd_relu(sd_add(pooled, in[BIAS]));
    result[1] = sd_node_result(pooled, 1);
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    const sd_conv_pool_attr *a = attr;
    return sd__op_conv2d.flops(in, out, &a->conv) + sd__op_maxpool.flops(out, out, &a->pool) +
           2.0 * (double)sd_shape_count(out[0].shape);
}

static void print(const void *attr, sd_string *text)
{
    const sd_conv_pool_attr *a = attr;
    sd__window_print(&a->conv, text);
    sd__string_add(text, "%s", " pool");
    sd__window_print(&a->pool, text);
}

/*
 * Where the filter is a single positive number, sums of one window are as far apart as its pixels; other sums might be as good
 * as equal, so each is pooled alone. Some have 16 filters, which fast kernels take. |sums| < 20, and the bias is 50 or -50: no
 * result lies near the kink.
 */
static void example_windows(sd_example *e, bool pools, sd_conv_pool_attr *attr)
{
    attr->conv = sd__window_example(e, false);
    attr->pool.window = sd_window_default();
    for (int i = 0; i < 2; i++) {
        if (pools) {
            attr->conv.window.size[i] = attr->conv.window.stride[i] = attr->conv.window.dilation[i] = 1;
            attr->conv.window.pad_lo[i] = attr->conv.window.pad_hi[i] = 0;
            attr->conv.image[i] = sd__example_int(e, 2, 9);
            attr->pool.window.size[i] = attr->pool.window.stride[i] = 2;
        }
        attr->pool.image[i] = sd__window_positions(&attr->conv, i);
    }
}

static sd_node example(sd_example *e)
{
    sd_conv_pool_attr attr;
    const bool pools = sd__example_int(e, 0, 1);
    example_windows(e, pools, &attr);
    const int64_t *size = attr.conv.window.size, *image = attr.conv.image, images = sd__example_int(e, 1, 2);
    int64_t channels = pools ? 1 : sd__example_int(e, 1, 4), filters = sd__example_int(e, 0, 1) ? 16 : sd__example_int(e, 1, 5);
    sd_node in[3];
    in[X] = sd__example_input(e, e->dtype, SD_SHAPE(images, image[0], image[1], channels), -0.25, 0.25);
    in[W] = sd__example_input(e, e->dtype, SD_SHAPE(size[0], size[1], channels, filters), 0.1, 0.25);
    in[BIAS] = sd__example_far_offset(e, SD_SHAPE(filters));
    return sd__append(e->graph, &sd__op_conv2d_pool, &attr, 3, in);
}

const sd_op sd__op_conv2d_pool = {
    .name = "conv2d_pool",
    .doc = "conv2d, then maxpool, then max(y + bias, 0); result 1: the winners' index",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(sd_conv_pool_attr),
    .infer = infer,
    .decompose = decompose,
    .flops = flops,
    .print = print,
    .example = example,
    .sample = {.ties = true},
};
