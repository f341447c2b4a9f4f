/*
 * conv2d.c -- 2-D cross-correlation of images with filters, and its adjoints in the images and in the filters.
 *
 * All three are one trilinear form, sum over positions and taps of x w y, with one of the three factors left out; so each
 * one's derivatives are the other two, and the family is closed under differentiation.
 */
#include "ops/conv.h"

#include <stdio.h>

#include "ops/check.h"
#include "ops/element.h"

/* The shapes of the three factors: x [B,H,W,C], w [R,S,C/groups,F], y [B,OH,OW,F]. */
typedef struct conv_shapes {
    sd_shape x, w, y;
} conv_shapes;

/* format says what is wrong with two numbers (%lld), in this order. */
static sd_status misfit(sd_infer *c, const conv_shapes *s, const char *format, int64_t have, int64_t want)
{
    char x[SD_SHAPE_TEXT], w[SD_SHAPE_TEXT], y[SD_SHAPE_TEXT], why[256];
    snprintf(why, sizeof why, format, (long long)have, (long long)want);
    return sd__infer_fail(c, SD_ESHAPE, "image %s, filter %s, result %s: %s", sd_shape_text(s->x, x), sd_shape_text(s->w, w),
                          sd_shape_text(s->y, y), why);
}

static sd_status check_channels(sd_infer *c, const conv_shapes *s, int64_t groups)
{
    if (s->w.dim[3] % groups)
        return misfit(c, s, "the filter makes %lld channels, which must be a multiple of the %lld groups", s->w.dim[3], groups);
    if (s->x.dim[3] != s->w.dim[2] * groups)
        return misfit(c, s, "the image has %lld channels, but the filter takes %lld (its third size times the groups)",
                      s->x.dim[3], s->w.dim[2] * groups);
    if (s->y.dim[3] != s->w.dim[3])
        return misfit(c, s, "the result has %lld channels, but the filter makes %lld (its fourth size)", s->y.dim[3],
                      s->w.dim[3]);
    if (s->y.dim[0] != s->x.dim[0])
        return misfit(c, s, "there are %lld results for %lld images", s->y.dim[0], s->x.dim[0]);
    return SD_OK;
}

static sd_status check_sizes(sd_infer *c, const conv_shapes *s, const sd_conv_attr *attr)
{
    for (int i = 0; i < 2; i++) {
        if (s->x.dim[1 + i] != attr->image[i])
            return misfit(c, s, "an image size is %lld, but %lld was announced", s->x.dim[1 + i], attr->image[i]);
        if (s->w.dim[i] != attr->window.size[i])
            return misfit(c, s, "a filter size is %lld, but %lld was announced", s->w.dim[i], attr->window.size[i]);
        int64_t positions = sd__window_positions(attr, i);
        if (s->y.dim[1 + i] != positions)
            return misfit(c, s, "a result size is %lld, but the filter has %lld positions along it", s->y.dim[1 + i],
                          positions);
    }
    return SD_OK;
}

static sd_status check(sd_infer *c, const conv_shapes *s, sd_shape result)
{
    SD_TRY(check_channels(c, s, ((const sd_conv_attr *)c->attr)->window.groups));
    SD_TRY(check_sizes(c, s, c->attr));
    c->out[0] = (sd_type){c->in[0].dtype, result};
    return sd__infer_shape(c, result);
}

static sd_status check_operands(sd_infer *c, const char *first, const char *second)
{
    SD_TRY(sd__check_real(c, 3));
    SD_TRY(sd__check_rank(c, 0, first, 4, "[B,H,W,channels]"));
    SD_TRY(sd__check_rank(c, 1, second, 4, c->op == &sd__op_conv2d_dw ? "[B,H,W,channels]" : "[R,S,C/groups,F]"));
    return sd__check_window(c, c->attr);
}

static sd_shape shape4(int64_t a, int64_t b, int64_t c, int64_t d) { return SD_SHAPE(a, b, c, d); }

static sd_status infer(sd_infer *c)
{
    const sd_conv_attr *attr = c->attr;
    SD_TRY(check_operands(c, "image", "filter"));
    conv_shapes s = {.x = c->in[0].shape, .w = c->in[1].shape};
    s.y = shape4(s.x.dim[0], sd__window_positions(attr, 0), sd__window_positions(attr, 1), s.w.dim[3]);
    return check(c, &s, s.y);
}

/* The filter's last size divides by the groups, so the product of groups and its third size is not larger than its count. */
static sd_status infer_dx(sd_infer *c)
{
    const sd_conv_attr *attr = c->attr;
    SD_TRY(check_operands(c, "dy", "filter"));
    conv_shapes s = {.y = c->in[0].shape, .w = c->in[1].shape};
    int64_t groups = s.w.dim[3] % attr->window.groups ? 1 : attr->window.groups;
    s.x = shape4(s.y.dim[0], attr->image[0], attr->image[1], s.w.dim[2] * groups);
    return check(c, &s, s.x);
}

static sd_status infer_dw(sd_infer *c)
{
    const sd_conv_attr *attr = c->attr;
    SD_TRY(check_operands(c, "image", "dy"));
    conv_shapes s = {.x = c->in[0].shape, .y = c->in[1].shape};
    if (s.x.dim[3] % attr->window.groups)
        return sd__infer_fail(c, SD_ESHAPE, "the image has %lld channels, which must be a multiple of the %lld groups",
                              (long long)s.x.dim[3], (long long)attr->window.groups);
    s.w = shape4(attr->window.size[0], attr->window.size[1], s.x.dim[3] / attr->window.groups, s.y.dim[3]);
    return check(c, &s, s.w);
}

/* ---- derivatives ---- */

static sd_node conv(const void *attr, sd_node x, sd_node w) { return sd__append2(&sd__op_conv2d, attr, x, w); }
static sd_node conv_dx(const void *attr, sd_node dy, sd_node w) { return sd__append2(&sd__op_conv2d_dx, attr, dy, w); }
static sd_node conv_dw(const void *attr, sd_node x, sd_node dy) { return sd__append2(&sd__op_conv2d_dw, attr, x, dy); }

static void vjp(sd_vjp_rule *r)
{
    const void *attr = sd__attr(r->y);
    r->grad[0] = conv_dx(attr, r->dy[0], sd__operand(r->y, 1));
    r->grad[1] = conv_dw(attr, sd__operand(r->y, 0), r->dy[0]);
}

static void vjp_dx(sd_vjp_rule *r)
{
    const void *attr = sd__attr(r->y);
    r->grad[0] = conv(attr, r->dy[0], sd__operand(r->y, 1));
    r->grad[1] = conv_dw(attr, r->dy[0], sd__operand(r->y, 0));
}

static void vjp_dw(sd_vjp_rule *r)
{
    const void *attr = sd__attr(r->y);
    r->grad[0] = conv_dx(attr, sd__operand(r->y, 1), r->dy[0]);
    r->grad[1] = conv(attr, sd__operand(r->y, 0), r->dy[0]);
}

/* ---- reference kernels: every element of the result is one sum of inner products ---- */

/* y[b,p,q,f]: over the taps inside the image, the channels of f's group. */
static double element_y(const sd_conv_attr *a, const sd_tensor *x, const sd_tensor *w, const int64_t i[4])
{
    int64_t n = w->shape.dim[2], group = i[3] / (w->shape.dim[3] / a->window.groups);
    double sum = 0;
    for (int64_t r = 0; r < a->window.size[0]; r++)
        for (int64_t s = 0; s < a->window.size[1]; s++) {
            int64_t h = sd__window_element(a, 0, i[1], r), v = sd__window_element(a, 1, i[2], s);
            if (h >= 0 && v >= 0)
                sum += sd__strided_dot(x, sd__at(x, i[0], h, v, group * n), x->stride[3], w, sd__at(w, r, s, 0, i[3]),
                                       w->stride[2], n);
        }
    return sum;
}

/* The position whose tap `tap` lies on image element `element`, or -1 if there is none. */
static int64_t position_of(const sd_conv_attr *a, int axis, int64_t element, int64_t tap)
{
    int64_t offset = element + a->window.pad_lo[axis] - tap * a->window.dilation[axis];
    if (offset < 0 || offset % a->window.stride[axis])
        return -1;
    int64_t position = offset / a->window.stride[axis];
    return position < sd__window_positions(a, axis) ? position : -1;
}

/* x[b,h,v,c]: over the taps and positions that saw this element, the filters of c's group. */
static double element_x(const sd_conv_attr *a, const sd_tensor *y, const sd_tensor *w, const int64_t i[4])
{
    int64_t n = w->shape.dim[3] / a->window.groups, group = i[3] / w->shape.dim[2], c = i[3] % w->shape.dim[2];
    double sum = 0;
    for (int64_t r = 0; r < a->window.size[0]; r++)
        for (int64_t s = 0; s < a->window.size[1]; s++) {
            int64_t p = position_of(a, 0, i[1], r), q = position_of(a, 1, i[2], s), f = group * n;
            if (p >= 0 && q >= 0)
                sum += sd__strided_dot(y, sd__at(y, i[0], p, q, f), y->stride[3], w, sd__at(w, r, s, c, f), w->stride[3], n);
        }
    return sum;
}

/* w[r,s,c,f]: over all images and the positions at which this tap lies inside. */
static double element_w(const sd_conv_attr *a, const sd_tensor *x, const sd_tensor *y, const int64_t i[4])
{
    int64_t per_group = y->shape.dim[3] / a->window.groups, channels = x->shape.dim[3] / a->window.groups;
    int64_t c = i[3] / per_group * channels + i[2], top, bottom, left, right;
    sd__window_inside(a, 0, i[0], &top, &bottom);
    sd__window_inside(a, 1, i[1], &left, &right);
    int64_t v = sd__window_element(a, 1, left, i[1]), step = a->window.stride[1] * x->stride[2];
    double sum = 0;
    for (int64_t b = 0; b < x->shape.dim[0] && left < right; b++)
        for (int64_t p = top; p < bottom; p++) {
            int64_t h = sd__window_element(a, 0, p, i[0]);
            sum += sd__strided_dot(x, sd__at(x, b, h, v, c), step, y, sd__at(y, b, p, left, i[3]), y->stride[2], right - left);
        }
    return sum;
}

typedef double conv_element(const sd_conv_attr *attr, const sd_tensor *a, const sd_tensor *b, const int64_t index[4]);

static void run_elements(const sd_args *args, conv_element *element)
{
    const sd_tensor *out = args->out;
    for (sd_walk w = sd__walk(out->shape, 1, &out); w.left > 0; sd__walk_next(&w))
        sd__put(out, w.offset[0], element(args->attr, &args->in[0], &args->in[1], w.index));
}

static void run(const sd_args *args) { run_elements(args, element_y); }
static void run_dx(const sd_args *args) { run_elements(args, element_x); }
static void run_dw(const sd_args *args) { run_elements(args, element_w); }

/* ---- cost ---- */

/* Two a tap inside the image, image, pair of channels: the same for all three. */
static double count(const sd_conv_attr *attr, int64_t images, int64_t channels, int64_t filters)
{
    return 2 * sd__window_taps(attr) * (double)images * (double)channels * (double)filters / (double)attr->window.groups;
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return count(attr, in[0].shape.dim[0], in[0].shape.dim[3], out[0].shape.dim[3]);
}

static double flops_dx(const sd_type *in, const sd_type *out, const void *attr)
{
    return count(attr, in[0].shape.dim[0], out[0].shape.dim[3], in[0].shape.dim[3]);
}

static double flops_dw(const sd_type *in, const sd_type *out, const void *attr)
{
    return count(attr, in[0].shape.dim[0], in[0].shape.dim[3], in[1].shape.dim[3]);
}

/* ---- builders ---- */

static int64_t size_of(sd_node node, int axis) { return sd_node_ok(node) ? sd_node_shape(node).dim[axis] : 0; }

sd_node sd_conv2d(sd_node x, sd_node w, sd_window window)
{
    window.size[0] = size_of(w, 0);
    window.size[1] = size_of(w, 1);
    sd_conv_attr attr = sd__window_attr(window, size_of(x, 1), size_of(x, 2));
    return conv(&attr, x, w);
}

sd_node sd_conv2d_dx(sd_node dy, sd_node w, sd_window window, int64_t height, int64_t width)
{
    window.size[0] = size_of(w, 0);
    window.size[1] = size_of(w, 1);
    sd_conv_attr attr = sd__window_attr(window, height, width);
    return conv_dx(&attr, dy, w);
}

sd_node sd_conv2d_dw(sd_node x, sd_node dy, sd_window window, int64_t rows, int64_t cols)
{
    window.size[0] = rows;
    window.size[1] = cols;
    sd_conv_attr attr = sd__window_attr(window, size_of(x, 1), size_of(x, 2));
    return conv_dw(&attr, x, dy);
}

/* ---- examples ---- */

/* Random attributes, and the shapes that go with them. */
static sd_conv_attr draw(sd_example *e, conv_shapes *s)
{
    sd_conv_attr attr = sd__window_example(e, false);
    int64_t groups = sd__example_int(e, 0, 1) ? 1 : sd__example_int(e, 1, 3);
    int64_t images = sd__example_int(e, 1, 3), channels = sd__example_int(e, 1, 5), filters = sd__example_int(e, 1, 5) * groups;
    attr.window.groups = groups;
    s->x = shape4(images, attr.image[0], attr.image[1], channels * groups);
    s->w = shape4(attr.window.size[0], attr.window.size[1], channels, filters);
    s->y = shape4(images, sd__window_positions(&attr, 0), sd__window_positions(&attr, 1), filters);
    return attr;
}

static sd_node example(sd_example *e)
{
    conv_shapes s;
    sd_conv_attr attr = draw(e, &s);
    sd_node x = sd__example_real(e, s.x);
    return conv(&attr, x, sd__example_real(e, s.w));
}

static sd_node example_dx(sd_example *e)
{
    conv_shapes s;
    sd_conv_attr attr = draw(e, &s);
    sd_node y = sd__example_real(e, s.y);
    return conv_dx(&attr, y, sd__example_real(e, s.w));
}

static sd_node example_dw(sd_example *e)
{
    conv_shapes s;
    sd_conv_attr attr = draw(e, &s);
    sd_node x = sd__example_real(e, s.x);
    return conv_dw(&attr, x, sd__example_real(e, s.y));
}

const sd_op sd__op_conv2d = {
    .name = "conv2d",
    .doc = "2-D cross-correlation of images [B,H,W,C] with filters [R,S,C/groups,F]",
    .source = "LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_conv_attr),
    .infer = infer,
    .vjp = vjp,
    .kernel = {[SD_F32] = run, [SD_F64] = run},
    .flops = flops,
    .print = sd__window_print,
    .example = example,
};

const sd_op sd__op_conv2d_dx = {
    .name = "conv2d_dx",
    .doc = "adjoint of conv2d in the images",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_conv_attr),
    .infer = infer_dx,
    .vjp = vjp_dx,
    .kernel = {[SD_F32] = run_dx, [SD_F64] = run_dx},
    .flops = flops_dx,
    .print = sd__window_print,
    .example = example_dx,
};

const sd_op sd__op_conv2d_dw = {
    .name = "conv2d_dw",
    .doc = "adjoint of conv2d in the filters",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_conv_attr),
    .infer = infer_dw,
    .vjp = vjp_dw,
    .kernel = {[SD_F32] = run_dw, [SD_F64] = run_dw},
    .flops = flops_dw,
    .print = sd__window_print,
    .example = example_dw,
};
