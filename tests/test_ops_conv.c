/* test_ops_conv.c -- convolution and pooling: delta filters, counting by filters of ones, adjoints, and wrong windows. */
#include "evaluate.h"
#include "ops/conv.h"
#include "ops/pool.h"

#define MOST 8192

/* A random geometry with the shapes that go with it. */
typedef struct geometry {
    sd_window window;
    int64_t image[2];
    sd_shape x, w, y;
} geometry;

static int64_t positions(const sd_window *w, int64_t image, int i)
{
    return (image + w->pad_lo[i] + w->pad_hi[i] - w->dilation[i] * (w->size[i] - 1) - 1) / w->stride[i] + 1;
}

static geometry draw_geometry(bool pooling)
{
    geometry k = {.window = sd_window_default()};
    sd_window *w = &k.window;
    for (int i = 0; i < 2; i++) {
        w->size[i] = law_int(1, 4);
        w->stride[i] = law_int(1, 3);
        w->dilation[i] = pooling ? 1 : law_int(1, 2);
        w->pad_lo[i] = law_int(0, pooling ? (int)w->size[i] - 1 : 3);
        w->pad_hi[i] = law_int(0, pooling ? (int)w->size[i] - 1 : 3);
        k.image[i] = w->dilation[i] * (w->size[i] - 1) + 1 + law_int(0, 5);
    }
    w->groups = pooling ? 1 : law_int(1, 3);
    int64_t images = law_int(1, 3), channels = law_int(1, 3), filters = law_int(1, 3) * w->groups;
    k.x = SD_SHAPE(images, k.image[0], k.image[1], channels * w->groups);
    k.w = SD_SHAPE(w->size[0], w->size[1], channels, filters);
    k.y = SD_SHAPE(images, positions(w, k.image[0], 0), positions(w, k.image[1], 1), pooling ? channels : filters);
    return k;
}

static size_t count(sd_shape shape) { return (size_t)sd_shape_count(shape); }

static size_t at(sd_shape s, int64_t i, int64_t j, int64_t k, int64_t l)
{
    return (size_t)(((i * s.dim[1] + j) * s.dim[2] + k) * s.dim[3] + l);
}

static double inner(const double *a, const double *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* ---- convolution ---- */

/* The definition, tap by tap: what each adds to all results of one image and filter. */
static void convolve(const geometry *k, const double *x, const double *w, int64_t n, int64_t f, double *y)
{
    const sd_window *v = &k->window;
    int64_t channels = k->w.dim[2], first = f / (k->w.dim[3] / v->groups) * channels;
    for (int64_t p = 0; p < k->y.dim[1]; p++)
        for (int64_t q = 0; q < k->y.dim[2]; q++)
            y[at(k->y, n, p, q, f)] = 0;
    for (int64_t r = 0; r < v->size[0]; r++)
        for (int64_t s = 0; s < v->size[1]; s++)
            for (int64_t p = 0; p < k->y.dim[1]; p++)
                for (int64_t q = 0; q < k->y.dim[2]; q++) {
                    int64_t i = p * v->stride[0] + r * v->dilation[0] - v->pad_lo[0];
                    int64_t j = q * v->stride[1] + s * v->dilation[1] - v->pad_lo[1];
                    bool inside = i >= 0 && i < k->image[0] && j >= 0 && j < k->image[1];
                    for (int64_t c = 0; c < channels && inside; c++)
                        y[at(k->y, n, p, q, f)] += x[at(k->x, n, i, j, first + c)] * w[at(k->w, r, s, c, f)];
                }
}

static void conv_is_its_definition(void **state)
{
    static double x[MOST], w[MOST], y[MOST], wanted[MOST];
    for (int trial = 0; trial < law_trials(60); trial++) {
        geometry k = draw_geometry(false);
        law_draw_f64(x, count(k.x), -1, 1);
        law_draw_f64(w, count(k.w), -1, 1);
        sd_graph *g = sd_graph_new();
        sd_node node = sd_conv2d(sd_input(g, "x", SD_F64, k.x), sd_input(g, "w", SD_F64, k.w), k.window);
        assert_true(sd_shape_equal(sd_node_shape(node), k.y));
        evaluate(node, (sd_feed[]){{"x", x}, {"w", w}, {0}}, y);
        sd_graph_free(g);
        for (int64_t n = 0; n < k.x.dim[0]; n++)
            for (int64_t f = 0; f < k.y.dim[3]; f++)
                convolve(&k, x, w, n, f, wanted);
        assert_near_f64(y, wanted, count(k.y), 1e-13);
    }
}

/* A filter that is 1 at tap (r, s) and 0 elsewhere moves the image by its distance from the centre, bit for bit. */
static void delta_filter_shifts(void **state)
{
    enum { H = 5, W = 7 };
    float x[H * W], w[9], y[H * W];
    law_draw(x, H * W, -1, 1);
    for (int tap = 0; tap < 9; tap++) {
        memset(w, 0, sizeof w);
        w[tap] = 1;
        sd_window window = {.size = {3, 3}};
        sd_window_pad_same(&window, H, W);
        sd_graph *g = sd_graph_new();
        sd_node image = sd_input(g, "x", SD_F32, SD_SHAPE(1, H, W, 1)), filter = sd_input(g, "w", SD_F32, SD_SHAPE(3, 3, 1, 1));
        evaluate(sd_conv2d(image, filter, window), (sd_feed[]){{"x", x}, {"w", w}, {0}}, y);
        sd_graph_free(g);
        for (int i = 0; i < H * W; i++) {
            int h = i / W + tap / 3 - 1, v = i % W + tap % 3 - 1;
            assert_true(y[i] == (h < 0 || h >= H || v < 0 || v >= W ? 0 : x[h * W + v]));
        }
    }
}

static double plan_flops(sd_node node)
{
    sd_plan *plan;
    assert_ok(sd_compile(evaluate_context, 1, &(sd_output){"out", 0, node}, NULL, &plan));
    double flops = sd_plan_flops(plan);
    sd_plan_free(plan);
    return flops;
}

/* Image and filter of ones: each result counts the taps inside the image, and two operations a tap is what is announced. */
static void flops_count_taps_inside_the_image(void **state)
{
    static double x[MOST], w[MOST], y[MOST];
    for (size_t i = 0; i < MOST; i++)
        x[i] = w[i] = 1;
    for (int trial = 0; trial < law_trials(30); trial++) {
        geometry k = draw_geometry(false);
        sd_graph *g = sd_graph_new();
        sd_node a = sd_input(g, "x", SD_F64, k.x), b = sd_input(g, "w", SD_F64, k.w), dy = sd_input(g, "dy", SD_F64, k.y);
        sd_node conv = sd_conv2d(a, b, k.window);
        evaluate(conv, (sd_feed[]){{"x", x}, {"w", w}, {0}}, y);
        double taps = inner(y, w, count(k.y));
        assert_true(plan_flops(conv) == 2 * taps);
        assert_true(plan_flops(sd_conv2d_dx(dy, b, k.window, k.image[0], k.image[1])) == 2 * taps);
        assert_true(plan_flops(sd_conv2d_dw(a, dy, k.window, k.window.size[0], k.window.size[1])) == 2 * taps);
        sd_graph_free(g);
    }
}

/* <conv(x, w), y> = <x, conv_dx(y, w)> = <w, conv_dw(x, y)>: one trilinear form. */
static void conv_adjoints_agree(void **state)
{
    static double x[MOST], w[MOST], y[MOST], out[MOST];
    for (int trial = 0; trial < law_trials(60); trial++) {
        geometry k = draw_geometry(false);
        law_draw_f64(x, count(k.x), -1, 1);
        law_draw_f64(w, count(k.w), -1, 1);
        law_draw_f64(y, count(k.y), -1, 1);
        const sd_feed feeds[] = {{"x", x}, {"w", w}, {"y", y}, {0}};
        sd_graph *g = sd_graph_new();
        sd_node a = sd_input(g, "x", SD_F64, k.x), b = sd_input(g, "w", SD_F64, k.w), dy = sd_input(g, "y", SD_F64, k.y);
        evaluate(sd_conv2d(a, b, k.window), feeds, out);
        double form = inner(out, y, count(k.y));
        evaluate(sd_conv2d_dx(dy, b, k.window, k.image[0], k.image[1]), feeds, out);
        double in_x = inner(out, x, count(k.x));
        evaluate(sd_conv2d_dw(a, dy, k.window, k.window.size[0], k.window.size[1]), feeds, out);
        double in_w = inner(out, w, count(k.w));
        sd_graph_free(g);
        assert_number(in_x, form, 1e-12);
        assert_number(in_w, form, 1e-12);
    }
}

/* Dilation is a filter with zeros between its taps. */
static void dilation_stuffs_the_filter(void **state)
{
    float x[7 * 8 * 2], w[2 * 3 * 2 * 2], wide[5 * 5 * 2], stuffed[5 * 5 * 2];
    law_draw(x, SD_COUNT(x), -1, 1);
    law_draw(w, SD_COUNT(w), -1, 1);
    const sd_feed feeds[] = {{"x", x}, {"w", w}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node image = sd_input(g, "x", SD_F32, SD_SHAPE(1, 7, 8, 2)), filter = sd_input(g, "w", SD_F32, SD_SHAPE(2, 3, 2, 2));
    sd_node zeros = sd_pad(filter, (int64_t[4]){0}, (int64_t[4]){0}, (int64_t[]){2, 1, 0, 0});
    sd_window window = {.pad_hi = {1, 1}}; /* what is 0 means 1 */
    evaluate(sd_conv2d(image, zeros, window), feeds, stuffed);
    window.dilation[0] = 3;
    window.dilation[1] = 2;
    evaluate(sd_conv2d(image, filter, window), feeds, wide);
    sd_graph_free(g);
    assert_near(wide, stuffed, SD_COUNT(wide), 0);
}

/* Groups are separate convolutions side by side. */
static void groups_stand_side_by_side(void **state)
{
    float x[4 * 4 * 6], w[3 * 3 * 2 * 6], together[2 * 2 * 6], apart[2 * 2 * 6];
    law_draw(x, SD_COUNT(x), -1, 1);
    law_draw(w, SD_COUNT(w), -1, 1);
    const sd_feed feeds[] = {{"x", x}, {"w", w}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node image = sd_input(g, "x", SD_F32, SD_SHAPE(1, 4, 4, 6)), filter = sd_input(g, "w", SD_F32, SD_SHAPE(3, 3, 2, 6));
    sd_node part[3];
    for (int64_t i = 0; i < 3; i++) {
        sd_node channels = sd_slice_of(image, (int64_t[]){0, 0, 0, 2 * i}, (int64_t[]){1, 4, 4, 2 * i + 2}, NULL);
        sd_node filters = sd_slice_of(filter, (int64_t[]){0, 0, 0, 2 * i}, (int64_t[]){3, 3, 2, 2 * i + 2}, NULL);
        part[i] = sd_conv2d(channels, filters, sd_window_default());
    }
    evaluate(sd_concat(3, part, 3), feeds, apart);
    evaluate(sd_conv2d(image, filter, (sd_window){.groups = 3}), feeds, together);
    sd_graph_free(g);
    assert_memory_equal(together, apart, sizeof apart);
}

/* An image stored NCHW and seen as NHWC through its strides gives the bits of its dense copy. */
static void strided_images_change_nothing(void **state)
{
    float x[2 * 3 * 4 * 5], w[2 * 2 * 3 * 2], y[2][2 * 3 * 4 * 2];
    law_draw(x, SD_COUNT(x), -1, 1);
    law_draw(w, SD_COUNT(w), -1, 1);
    for (int dense = 0; dense < 2; dense++) {
        sd_graph *g = sd_graph_new();
        sd_node image = sd_permute(sd_input(g, "x", SD_F32, SD_SHAPE(2, 3, 4, 5)), (int[]){0, 2, 3, 1});
        if (dense)
            image = sd_add(sd_barrier(image), sd_barrier(sd_constant_like(image, 0)));
        sd_node filter = sd_input(g, "w", SD_F32, SD_SHAPE(2, 2, 3, 2));
        evaluate(sd_conv2d(image, filter, sd_window_default()), (sd_feed[]){{"x", x}, {"w", w}, {0}}, y[dense]);
        sd_graph_free(g);
    }
    assert_memory_equal(y[0], y[1], sizeof y[0]);
}

static void same_padding_keeps_the_size(void **state)
{
    for (int trial = 0; trial < law_trials(500); trial++) {
        sd_window w = sd_window_default();
        int64_t image[2] = {law_int(1, 40), law_int(1, 40)};
        for (int i = 0; i < 2; i++) {
            w.size[i] = law_int(1, 7);
            w.stride[i] = law_int(1, 4);
            w.dilation[i] = law_int(1, 3);
        }
        sd_window_pad_same(&w, image[0], image[1]);
        for (int i = 0; i < 2; i++) {
            assert_true(positions(&w, image[i], i) == (image[i] + w.stride[i] - 1) / w.stride[i]);
            assert_true(w.pad_hi[i] - w.pad_lo[i] == 0 || w.pad_hi[i] - w.pad_lo[i] == 1);
        }
    }
}

/* ---- pooling ---- */

/* Windows of 2 x 2 with stride 2 over known numbers: values, and positions counted as h * W + w. */
static void maxpool_finds_value_and_place(void **state)
{
    float x[] = {1, 2, 3, 4, /**/ 5, 6, 7, 8, /**/ 9, 1, 0, 0, /**/ 1, 1, 0, -1}, y[4];
    int32_t index[4];
    sd_graph *g = sd_graph_new();
    sd_node node = sd_maxpool(sd_input(g, "x", SD_F32, SD_SHAPE(1, 4, 4, 1)), (sd_window){.size = {2, 2}, .stride = {2, 2}});
    evaluate(node, (sd_feed[]){{"x", x}, {0}}, y);
    evaluate(sd_node_result(node, 1), (sd_feed[]){{"x", x}, {0}}, index);
    sd_graph_free(g);
    assert_memory_equal(y, ((float[]){6, 8, 9, 0}), sizeof y);
    assert_memory_equal(index, ((int32_t[]){5, 7, 8, 10}), sizeof index); /* the last window is a tie: the first wins */
}

/* The place h * W + w of the first of the largest elements of the image that lie in the window of result [n,p,q,c]. */
static int32_t first_largest(const geometry *k, const double *x, int64_t n, int64_t p, int64_t q, int64_t c)
{
    int64_t top = p * k->window.stride[0] - k->window.pad_lo[0], left = q * k->window.stride[1] - k->window.pad_lo[1];
    double best = -INFINITY;
    int32_t place = -1;
    for (int32_t i = 0; i < k->image[0] * k->image[1]; i++) {
        int64_t h = i / k->image[1], w = i % k->image[1];
        bool inside = h >= top && h < top + k->window.size[0] && w >= left && w < left + k->window.size[1];
        if (inside && x[at(k->x, n, h, w, c)] > best) {
            best = x[at(k->x, n, h, w, c)];
            place = i;
        }
    }
    return place;
}

/* Numbers with ties, all below what padding would give; pool_gather finds the values again at the index. */
static void maxpool_is_its_definition(void **state)
{
    static double x[MOST], y[MOST], gathered[MOST];
    static int32_t index[MOST];
    for (int trial = 0; trial < law_trials(60); trial++) {
        geometry k = draw_geometry(true);
        for (size_t i = 0; i < count(k.x); i++)
            x[i] = -law_int(1, 6);
        const sd_feed feeds[] = {{"x", x}, {0}};
        sd_graph *g = sd_graph_new();
        sd_node image = sd_input(g, "x", SD_F64, k.x), node = sd_maxpool(image, k.window);
        assert_true(sd_shape_equal(sd_node_shape(node), k.y));
        evaluate(node, feeds, y);
        evaluate(sd_node_result(node, 1), feeds, index);
        evaluate(sd_pool_gather(image, sd_node_result(node, 1)), feeds, gathered);
        sd_graph_free(g);
        assert_memory_equal(y, gathered, count(k.y) * sizeof *y);
        for (int64_t i = 0; i < (int64_t)count(k.y); i++) {
            int64_t c = i % k.y.dim[3], q = i / k.y.dim[3] % k.y.dim[2], p = i / k.y.dim[3] / k.y.dim[2] % k.y.dim[1];
            int64_t n = i / k.y.dim[3] / k.y.dim[2] / k.y.dim[1];
            assert_int_equal(index[i], first_largest(&k, x, n, p, q, c));
            assert_true(y[i] == x[at(k.x, n, index[i] / k.image[1], index[i] % k.image[1], c)]);
        }
    }
}

/* A NaN wins, so that a broken value is seen; and the derivative at a tie goes to the first of equals alone. */
static void maxpool_at_its_edges(void **state)
{
    double x[] = {1, NAN, 3, 2, 5, 5}, y[3], dx[6];
    const sd_feed feeds[] = {{"x", x}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node image = sd_input(g, "x", SD_F64, SD_SHAPE(1, 1, 6, 1)), d;
    sd_node node = sd_maxpool(image, (sd_window){.size = {1, 2}, .stride = {1, 2}});
    evaluate(node, feeds, y);
    assert_true(isnan(y[0]) && y[1] == 3 && y[2] == 5);
    sd_grad(sd_sum(node, SD_ALL_AXES, false), 1, &image, &d);
    evaluate(d, feeds, dx);
    assert_memory_equal(dx, ((double[]){0, 1, 1, 0, 1, 0}), sizeof dx);
    sd_graph_free(g);
}

/* <gather(x, i), y> = <x, scatter(y, i)>, also where windows overlap and indices lie outside the image. */
static void gather_and_scatter_are_adjoint(void **state)
{
    static double x[MOST], y[MOST], out[MOST];
    static int32_t index[MOST];
    for (int trial = 0; trial < law_trials(40); trial++) {
        geometry k = draw_geometry(true);
        int pixels = (int)(k.image[0] * k.image[1]);
        law_draw_f64(x, count(k.x), -1, 1);
        law_draw_f64(y, count(k.y), -1, 1);
        for (size_t i = 0; i < count(k.y); i++)
            index[i] = law_int(-1, pixels);
        const sd_feed feeds[] = {{"x", x}, {"y", y}, {"index", index}, {0}};
        sd_graph *g = sd_graph_new();
        sd_node at_index = sd_input(g, "index", SD_I32, k.y), back;
        evaluate(sd_pool_gather(sd_input(g, "x", SD_F64, k.x), at_index), feeds, out);
        double form = inner(out, y, count(k.y));
        for (size_t i = 0; i < count(k.y); i++)
            assert_true((index[i] >= 0 && index[i] < pixels) || out[i] == 0);
        back = sd_pool_scatter(sd_input(g, "y", SD_F64, k.y), at_index, k.image[0], k.image[1]);
        assert_true(sd_shape_equal(sd_node_shape(back), k.x));
        evaluate(back, feeds, out);
        double adjoint = inner(out, x, count(k.x));
        sd_graph_free(g);
        assert_number(adjoint, form, 1e-13);
    }
}

/* The mean of equal numbers is that number, however much of a window is padding; the adjoint keeps the sum. */
static void avgpool_leaves_out_padding(void **state)
{
    static double x[MOST], y[MOST], out[MOST];
    for (int trial = 0; trial < law_trials(60); trial++) {
        geometry k = draw_geometry(true);
        for (size_t i = 0; i < count(k.x); i++)
            x[i] = 3;
        law_draw_f64(y, count(k.y), -1, 1);
        const sd_feed feeds[] = {{"x", x}, {"y", y}, {0}};
        sd_graph *g = sd_graph_new();
        sd_node image = sd_input(g, "x", SD_F64, k.x), dy = sd_input(g, "y", SD_F64, k.y);
        sd_node pooled = sd_avgpool(image, k.window), back = sd_avgpool_dx(dy, k.window, k.image[0], k.image[1]);
        evaluate(pooled, feeds, out);
        for (size_t i = 0; i < count(k.y); i++)
            assert_true(out[i] == 3);
        evaluate(back, feeds, out);
        double before = 0, after = 0;
        for (size_t i = 0; i < count(k.y); i++)
            before += y[i];
        for (size_t i = 0; i < count(k.x); i++)
            after += out[i];
        assert_number(after, before, 1e-13);

        law_draw_f64(x, count(k.x), -1, 1);
        double adjoint = inner(out, x, count(k.x));
        evaluate(pooled, feeds, out);
        double form = inner(out, y, count(k.y));
        assert_number(adjoint, form, 1e-13);
        sd_graph_free(g);
    }
}

/* A pooling counts one operation an image element that a window reads, which avgpool of ones times the window's part gives. */
static void pooling_flops_leave_out_padding(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(2, 4, 4, 3));
    sd_window window = {.size = {3, 3}, .stride = {2, 2}, .pad_lo = {1, 1}};
    assert_true(plan_flops(sd_maxpool(x, window)) == 2 * 3 * (2 + 3) * (2 + 3)); /* along an axis: 2 and 3 elements */
    assert_true(plan_flops(sd_avgpool(x, window)) == 2 * 3 * (2 + 3) * (2 + 3));
    sd_graph_free(g);
}

/* ---- messages ---- */

static sd_node image_of(sd_graph *g, int64_t h, int64_t w, int64_t c) { return sd_input(g, "x", SD_F32, SD_SHAPE(2, h, w, c)); }

static sd_node filter_of(sd_graph *g, int64_t size, int64_t c, int64_t f)
{
    return sd_input(g, "w", SD_F32, SD_SHAPE(size, size, c, f));
}

static void wrong_convolutions_are_explained(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "block1");
    sd_scope_push(g, "conv");
    assert_refused(g, sd_conv2d(image_of(g, 5, 5, 3), filter_of(g, 3, 4, 8), sd_window_default()), SD_ESHAPE,
                   "block1/conv: conv2d", "[2,5,5,3]", "[3,3,4,8]", "3 channels", "takes 4");

    g = sd_graph_new();
    assert_refused(g, sd_conv2d(image_of(g, 5, 5, 4), filter_of(g, 3, 2, 7), (sd_window){.groups = 2}), SD_ESHAPE, "7 channels",
                   "multiple of the 2 groups");

    g = sd_graph_new();
    assert_refused(g, sd_conv2d(image_of(g, 5, 6, 3), filter_of(g, 7, 3, 8), (sd_window){.pad_hi = {2, 0}}), SD_ESHAPE,
                   "along the width", "window of 7", "image has 6", "padding 0 + 0", "smaller window");

    g = sd_graph_new();
    assert_refused(g, sd_conv2d(image_of(g, 5, 5, 3), filter_of(g, 3, 3, 8), (sd_window){.stride = {1, -2}}), SD_EINVAL,
                   "stride along the width is -2", "1 at least");

    g = sd_graph_new();
    assert_refused(g, sd_conv2d(image_of(g, 5, 5, 3), filter_of(g, 3, 3, 8), (sd_window){.pad_lo = {-1, 0}}), SD_EINVAL,
                   "pad_lo along the height is -1", "0 at least");

    g = sd_graph_new();
    assert_refused(g, sd_conv2d(image_of(g, 5, 5, 3), filter_of(g, 3, 3, 8), (sd_window){.dilation = {INT64_MAX, 1}}),
                   SD_EINVAL, "dilation along the height", "at most 2^30");

    g = sd_graph_new();
    sd_node flat = sd_input(g, "flat", SD_F32, SD_SHAPE(64, 784));
    assert_refused(g, sd_conv2d(flat, filter_of(g, 3, 3, 8), sd_window_default()), SD_ESHAPE, "image is [64,784]",
                   "4 axes, [B,H,W,channels]");

    g = sd_graph_new();
    assert_refused(g, sd_conv2d_dx(image_of(g, 5, 5, 8), filter_of(g, 3, 3, 8), sd_window_default(), 9, 7), SD_ESHAPE,
                   "conv2d_dx", "result size is 5", "has 7 positions");

    g = sd_graph_new();
    sd_node dy = sd_input(g, "dy", SD_F32, SD_SHAPE(3, 3, 3, 8));
    assert_refused(g, sd_conv2d_dw(image_of(g, 5, 5, 3), dy, sd_window_default(), 3, 3), SD_ESHAPE, "conv2d_dw",
                   "3 results for 2 images");
}

static void wrong_poolings_are_explained(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "pool");
    assert_refused(g, sd_maxpool(image_of(g, 5, 5, 3), (sd_window){.size = {2, 2}, .pad_lo = {0, 2}}), SD_EINVAL,
                   "pool: maxpool", "along the width", "smaller than the window of 2");

    g = sd_graph_new();
    assert_refused(g, sd_maxpool(image_of(g, 5, 5, 3), (sd_window){.size = {2, 2}, .pad_hi = {2, 0}}), SD_EINVAL,
                   "padding 0 + 2 along the height", "outside the image");

    g = sd_graph_new();
    assert_refused(g, sd_avgpool(image_of(g, 5, 5, 3), (sd_window){.size = {2, 2}, .dilation = {2, 1}}), SD_EINVAL, "avgpool",
                   "dilation 2 x 1", "must be 1");

    g = sd_graph_new();
    assert_refused(g, sd_avgpool(image_of(g, 5, 5, 3), (sd_window){.size = {2, 2}, .groups = 3}), SD_EINVAL, "3 groups");

    g = sd_graph_new();
    assert_refused(g, sd_maxpool(image_of(g, 5, 5, 3), (sd_window){.stride = {2, 2}}), SD_EINVAL,
                   "window size along the height is 0", "1 at least");

    g = sd_graph_new();
    assert_refused(g, sd_avgpool_dx(image_of(g, 3, 3, 1), (sd_window){.size = {2, 2}}, 5, 5), SD_ESHAPE, "dy is [2,3,3,1]",
                   "4 positions");

    g = sd_graph_new();
    assert_refused(g, sd_pool_gather(image_of(g, 5, 5, 3), sd_input(g, "i", SD_I32, SD_SHAPE(2, 2, 2, 4))), SD_ESHAPE,
                   "[2,5,5,3]", "[2,2,2,4]", "first and last sizes");

    g = sd_graph_new();
    assert_refused(g, sd_pool_scatter(image_of(g, 2, 2, 3), sd_input(g, "i", SD_I32, SD_SHAPE(2, 2, 2, 3)), 1 << 16, 1 << 16),
                   SD_ESHAPE, "65536 x 65536", "below 2^31");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conv_is_its_definition),
        cmocka_unit_test(delta_filter_shifts),
        cmocka_unit_test(flops_count_taps_inside_the_image),
        cmocka_unit_test(conv_adjoints_agree),
        cmocka_unit_test(dilation_stuffs_the_filter),
        cmocka_unit_test(groups_stand_side_by_side),
        cmocka_unit_test(strided_images_change_nothing),
        cmocka_unit_test(same_padding_keeps_the_size),
        cmocka_unit_test(maxpool_finds_value_and_place),
        cmocka_unit_test(maxpool_is_its_definition),
        cmocka_unit_test(maxpool_at_its_edges),
        cmocka_unit_test(gather_and_scatter_are_adjoint),
        cmocka_unit_test(avgpool_leaves_out_padding),
        cmocka_unit_test(pooling_flops_leave_out_padding),
        cmocka_unit_test(wrong_convolutions_are_explained),
        cmocka_unit_test(wrong_poolings_are_explained),
    };
    return cmocka_run_group_tests(tests, evaluate_setup, evaluate_teardown);
}
