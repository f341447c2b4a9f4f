/* test_ops_composite.c -- softmax and its losses, the norms, dropout and the activations: what is known in closed form. */
#include "evaluate.h"
#include "ops/op.h"

/* ---- softmax and cross-entropy ---- */

/* Rows sum to 1 whatever the logits, and adding a number to a row changes nothing but rounding. */
static void softmax_rows_sum_to_one(void **state)
{
    enum { ROWS = 4, CLASSES = 7 };
    double x[ROWS * CLASSES], y[ROWS * CLASSES], shifted[ROWS * CLASSES];
    for (int trial = 0; trial < law_trials(50); trial++) {
        double range = trial % 2 ? 3 : 5000, sum;
        law_draw_f64(x, SD_COUNT(x), -range, range);
        sd_graph *g = sd_graph_new();
        sd_node logits = sd_input(g, "x", SD_F64, SD_SHAPE(ROWS, CLASSES));
        evaluate(sd_softmax(logits), (sd_feed[]){{"x", x}, {0}}, y);
        evaluate(sd_softmax(sd_shift(logits, 512)), (sd_feed[]){{"x", x}, {0}}, shifted);
        sd_graph_free(g);
        assert_near_f64(shifted, y, SD_COUNT(y), 1e-11);
        for (int i = 0; i < ROWS; i++) {
            sum = 0;
            for (int j = 0; j < CLASSES; j++) {
                assert_true(y[i * CLASSES + j] >= 0);
                sum += y[i * CLASSES + j];
            }
            assert_number(sum, 1, 1e-14);
        }
    }
}

/* Two classes: softmax is the logistic function of the difference, log_softmax its logarithm without underflow. */
static void two_classes_are_logistic(void **state)
{
    double x[] = {1, -1, 700, -700, 0, 0}, y[6], log_y[6];
    sd_graph *g = sd_graph_new();
    sd_node logits = sd_input(g, "x", SD_F64, SD_SHAPE(3, 2));
    evaluate(sd_softmax(logits), (sd_feed[]){{"x", x}, {0}}, y);
    evaluate(sd_log_softmax(logits), (sd_feed[]){{"x", x}, {0}}, log_y);
    sd_graph_free(g);
    const double p = 1 / (1 + exp(-2));
    assert_near_f64(y, ((double[]){p, 1 - p, 1, 0, 0.5, 0.5}), 6, 1e-15);
    assert_near_f64(log_y, ((double[]){log(p), log(1 - p), 0, -1400, -M_LN2, -M_LN2}), 6, 1e-15);
}

/* losses [B] and probabilities [B,C] of one evaluation; either may be NULL. */
static void cross_entropy(int rows, int classes, double *x, int32_t *labels, double smoothing, double *loss, double *p)
{
    const sd_feed feeds[] = {{"x", x}, {"labels", labels}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node node = sd_softmax_cross_entropy(sd_input(g, "x", SD_F64, SD_SHAPE(rows, classes)),
                                            sd_input(g, "labels", SD_I32, SD_SHAPE(rows)), smoothing);
    if (loss)
        evaluate(node, feeds, loss);
    if (p)
        evaluate(sd_node_result(node, 1), feeds, p);
    sd_graph_free(g);
}

/* Equal logits: ln C for every label and every smoothing. */
static void uniform_logits_cost_ln_classes(void **state)
{
    for (int classes = 1; classes < 40; classes += 3) {
        double x[40], loss, wanted = log(classes);
        int32_t label = law_int(0, classes - 1);
        for (int i = 0; i < classes; i++)
            x[i] = 17;
        for (int k = 0; k < 3; k++) {
            cross_entropy(1, classes, x, &label, 0.3 * k, &loss, NULL);
            assert_number(loss, wanted, 1e-15);
        }
    }
}

/* -sum t log p with t = (1 - s) onehot + s / C, written out; result 1 is the softmax. */
static void cross_entropy_is_its_definition(void **state)
{
    enum { ROWS = 3, CLASSES = 5 };
    double x[ROWS * CLASSES], loss[ROWS], p[ROWS * CLASSES];
    int32_t labels[ROWS];
    for (int trial = 0; trial < law_trials(50); trial++) {
        double smoothing = trial % 3 ? 0.9 * sd__random_uniform(law_random()) : 0;
        law_draw_f64(x, SD_COUNT(x), -5, 5);
        for (int i = 0; i < ROWS; i++)
            labels[i] = law_int(0, CLASSES - 1);
        cross_entropy(ROWS, CLASSES, x, labels, smoothing, loss, p);
        for (int i = 0; i < ROWS; i++) {
            double sum = 0, wanted = 0;
            for (int j = 0; j < CLASSES; j++)
                sum += exp(x[i * CLASSES + j]);
            for (int j = 0; j < CLASSES; j++) {
                double q = exp(x[i * CLASSES + j]) / sum;
                wanted -= ((1 - smoothing) * (j == labels[i]) + smoothing / CLASSES) * log(q);
                assert_number(p[i * CLASSES + j], q, 1e-14);
            }
            assert_number(loss[i], wanted, 1e-13);
        }
    }
}

/* d loss / d logits = p - t: sums to zero in every row, is p - 1 + s - s/C at the label without its s/C. */
static void cross_entropy_gradient_is_p_minus_target(void **state)
{
    enum { CLASSES = 4 };
    double x[] = {1, 2, -1, 0.5}, p[CLASSES], d[CLASSES], smoothing = 0.2;
    int32_t label = 1;
    cross_entropy(1, CLASSES, x, &label, smoothing, NULL, p);
    sd_graph *g = sd_graph_new();
    sd_node logits = sd_input(g, "x", SD_F64, SD_SHAPE(1, CLASSES)), grad;
    sd_node loss = sd_softmax_cross_entropy(logits, sd_input(g, "labels", SD_I32, SD_SHAPE(1)), smoothing);
    sd_grad(sd_sum(loss, SD_ALL_AXES, false), 1, &logits, &grad);
    evaluate(grad, (sd_feed[]){{"x", x}, {"labels", &label}, {0}}, d);
    sd_graph_free(g);
    for (int j = 0; j < CLASSES; j++) {
        double wanted = p[j] - (j == label ? 0.8 + 0.05 : 0.05);
        assert_number(d[j], wanted, 1e-15);
    }
}

/* A label that is no class makes its own row NaN, loss and gradient, and no other. */
static void wrong_labels_give_nan(void **state)
{
    double x[] = {1, 2, 3, /**/ 1, 2, 3, /**/ 1, 2, 3}, loss[3], d[9];
    int32_t labels[] = {-1, 2, 3};
    cross_entropy(3, 3, x, labels, 0.1, loss, NULL);
    assert_true(isnan(loss[0]) && isfinite(loss[1]) && isnan(loss[2]));
    sd_graph *g = sd_graph_new();
    sd_node logits = sd_input(g, "x", SD_F64, SD_SHAPE(3, 3)), grad;
    sd_node node = sd_softmax_cross_entropy(logits, sd_input(g, "labels", SD_I32, SD_SHAPE(3)), 0);
    sd_grad(sd_sum(node, SD_ALL_AXES, false), 1, &logits, &grad);
    evaluate(grad, (sd_feed[]){{"x", x}, {"labels", labels}, {0}}, d);
    sd_graph_free(g);
    for (int i = 0; i < 9; i++)
        assert_int_equal(isnan(d[i]) != 0, i / 3 != 1);
}

/* A class ruled out by a logit of -inf has probability 0 and does not spoil the loss of another label. */
static void impossible_classes_do_no_harm(void **state)
{
    double x[] = {-INFINITY, 0, 0}, loss, p[3];
    cross_entropy(1, 3, x, &(int32_t){1}, 0, &loss, p);
    assert_number(loss, M_LN2, 1e-15);
    assert_true(p[0] == 0 && p[1] == 0.5 && p[2] == 0.5);
}

/* ---- norms ---- */

/*
 * Numbers m - 1 and m + 1 in equal parts have mean m and variance 1, exactly, even at m = 2^20 in f32: where the mean of
 * squares minus the squared mean would be rounding noise.
 */
static void statistics_are_exact_at_a_large_mean(void **state)
{
    enum { ROWS = 64, CHANNELS = 3 };
    float x[ROWS * CHANNELS], mean[CHANNELS], variance[CHANNELS];
    const float centre[] = {0, 1 << 20, -(1 << 20)};
    for (int i = 0; i < ROWS * CHANNELS; i++)
        x[i] = centre[i % CHANNELS] + (i / CHANNELS % 2 ? 1 : -1);
    float ones[] = {1, 1, 1};
    const sd_feed feeds[] = {{"x", x}, {"p", ones}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node p = sd_input(g, "p", SD_F32, SD_SHAPE(CHANNELS));
    sd_node node = sd_batch_norm(sd_input(g, "x", SD_F32, SD_SHAPE(4, 4, 4, CHANNELS)), p, p, 1e-5);
    evaluate(sd_node_result(node, 1), feeds, mean);
    evaluate(sd_node_result(node, 2), feeds, variance);
    sd_graph_free(g);
    assert_memory_equal(mean, centre, sizeof mean);
    assert_memory_equal(variance, ones, sizeof variance);
}

enum { BATCH = 6, WIDTH = 5, ALL = BATCH * WIDTH };

/* Mean and biased variance of n numbers, `step` apart. */
static void moments(const double *x, int n, int step, double *mean, double *variance)
{
    *mean = *variance = 0;
    for (int i = 0; i < n; i++)
        *mean += x[i * step] / n;
    for (int i = 0; i < n; i++)
        *variance += (x[i * step] - *mean) * (x[i * step] - *mean) / n;
}

/* Columns of batch norm have mean offset and variance scale^2 var / (var + epsilon); in evaluation mode, the same line. */
static void batch_norm_sets_mean_and_variance(void **state)
{
    double x[ALL], y[ALL], again[ALL], scale[WIDTH], offset[WIDTH], mean[WIDTH], variance[WIDTH];
    for (int trial = 0; trial < law_trials(20); trial++) {
        law_draw_f64(x, ALL, -3, 5);
        law_draw_f64(scale, WIDTH, -2, 2);
        law_draw_f64(offset, WIDTH, -2, 2);
        const sd_feed feeds[] = {{"x", x}, {"scale", scale}, {"offset", offset}, {0}};
        sd_graph *g = sd_graph_new();
        sd_node in = sd_input(g, "x", SD_F64, SD_SHAPE(BATCH, WIDTH)), s = sd_input(g, "scale", SD_F64, SD_SHAPE(WIDTH));
        sd_node o = sd_input(g, "offset", SD_F64, SD_SHAPE(WIDTH)), node = sd_batch_norm(in, s, o, 0.25);
        sd_node m = sd_node_result(node, 1), v = sd_node_result(node, 2);
        evaluate(node, feeds, y);
        evaluate(m, feeds, mean);
        evaluate(v, feeds, variance);
        evaluate(sd_batch_norm_eval(in, s, o, m, v, 0.25), feeds, again);
        sd_graph_free(g);
        assert_near_f64(again, y, ALL, 1e-14);
        for (int c = 0; c < WIDTH; c++) {
            double got[2], wanted[2];
            moments(x + c, BATCH, WIDTH, &wanted[0], &wanted[1]);
            assert_number(mean[c], wanted[0], 1e-14);
            assert_number(variance[c], wanted[1], 1e-14);
            moments(y + c, BATCH, WIDTH, &got[0], &got[1]);
            assert_number(got[0], offset[c], 1e-13);
            assert_number(got[1], scale[c] * scale[c] * variance[c] / (variance[c] + 0.25), 1e-13);
            double slope = (y[WIDTH + c] - y[c]) / (x[WIDTH + c] - x[c]), by_hand = scale[c] / sqrt(variance[c] + 0.25);
            assert_number(slope, by_hand, 1e-9);
        }
    }
}

/* Layer norm of x is batch norm of x transposed, where scale and offset are 1 and 0; and it scales and shifts columns. */
static void layer_norm_is_batch_norm_of_the_transpose(void **state)
{
    double x[ALL], y[ALL], wanted[ALL], moment[2][BATCH], moment_wanted[2][BATCH], scale[WIDTH], offset[WIDTH];
    law_draw_f64(x, ALL, -3, 5);
    law_draw_f64(scale, WIDTH, -2, 2);
    law_draw_f64(offset, WIDTH, -2, 2);
    const sd_feed feeds[] = {{"x", x}, {"scale", scale}, {"offset", offset}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node in = sd_input(g, "x", SD_F64, SD_SHAPE(BATCH, WIDTH)), ones = sd_constant(g, SD_F64, SD_SHAPE(BATCH), 1);
    sd_node s = sd_input(g, "scale", SD_F64, SD_SHAPE(WIDTH)), o = sd_input(g, "offset", SD_F64, SD_SHAPE(WIDTH));
    sd_node batch = sd_batch_norm(sd_transpose(in), ones, sd_constant_like(ones, 0), 0.25);
    sd_node layer = sd_layer_norm(in, s, o, 0.25);
    evaluate(layer, feeds, y);
    evaluate(sd_add(sd_mul(sd_transpose(batch), s), o), feeds, wanted);
    for (int k = 0; k < 2; k++) {
        evaluate(sd_node_result(layer, 1 + k), feeds, moment[k]);
        evaluate(sd_node_result(batch, 1 + k), feeds, moment_wanted[k]);
    }
    sd_graph_free(g);
    assert_near_f64(y, wanted, ALL, 1e-14);
    assert_near_f64(&moment[0][0], &moment_wanted[0][0], 2 * BATCH, 1e-14);
}

/* d<y, c>/d offset is the column sum of c, and d<y, c>/d scale that of c u, where u is y at scale 1 and offset 0. */
static void norm_parameters_collect_columns(void **state)
{
    double x[ALL], c[ALL], u[ALL], scale[WIDTH], offset[WIDTH], dscale[WIDTH], doffset[WIDTH];
    const sd_feed feeds[] = {{"x", x}, {"c", c}, {"scale", scale}, {"offset", offset}, {0}};
    for (int layer = 0; layer < 2; layer++) {
        law_draw_f64(x, ALL, -2, 3);
        law_draw_f64(c, ALL, -1, 1);
        law_draw_f64(scale, WIDTH, -2, 2);
        law_draw_f64(offset, WIDTH, -2, 2);
        sd_node (*norm)(sd_node, sd_node, sd_node, double) = layer ? sd_layer_norm : sd_batch_norm;
        sd_graph *g = sd_graph_new();
        sd_node in = sd_input(g, "x", SD_F64, SD_SHAPE(BATCH, WIDTH)), ones = sd_constant(g, SD_F64, SD_SHAPE(WIDTH), 1), d[2];
        sd_node wrt[] = {sd_input(g, "scale", SD_F64, SD_SHAPE(WIDTH)), sd_input(g, "offset", SD_F64, SD_SHAPE(WIDTH))};
        sd_node y = norm(in, wrt[0], wrt[1], 1e-3);
        sd_grad(evaluate_inner(y, sd_input(g, "c", SD_F64, SD_SHAPE(BATCH, WIDTH))), 2, wrt, d);
        evaluate(norm(in, ones, sd_constant_like(ones, 0), 1e-3), feeds, u);
        evaluate(d[0], feeds, dscale);
        evaluate(d[1], feeds, doffset);
        sd_graph_free(g);
        for (int i = 0; i < WIDTH; i++) {
            double sum = 0, product = 0;
            for (int row = 0; row < BATCH; row++) {
                sum += c[row * WIDTH + i];
                product += c[row * WIDTH + i] * u[row * WIDTH + i];
            }
            assert_number(doffset[i], sum, 1e-14);
            assert_number(dscale[i], product, 1e-14);
        }
    }
}

/* A loss of batch norm (or layer norm) of x at scale 1 and offset 0, as nonlinear as any: sum of sin(c y) over elements. */
static sd_node normalised_loss(sd_node x, bool layer)
{
    sd_node ones = sd_constant(x.graph, SD_F64, SD_SHAPE(WIDTH), 1), zeros = sd_constant_like(ones, 0);
    sd_node y = layer ? sd_layer_norm(x, ones, zeros, 0) : sd_batch_norm(x, ones, zeros, 0);
    sd_node factor = sd_shift(sd_scale(sd_iota(x.graph, SD_F64, SD_SHAPE(ALL), 0), 0.3), 1);
    return sd_sum(sd_sin(sd_mul(sd_reshape(y, SD_SHAPE(ALL)), factor)), SD_ALL_AXES, false);
}

/*
 * With epsilon 0 the loss does not change when all of x is shifted or scaled: L(a x + b) = L(x). Hence its gradient g
 * satisfies <g, x> = 0 and <g, 1> = 0, and, since g(a x + b) = g(x) / a, its Hessian satisfies H x = -g and H 1 = 0. These
 * hold only if first and second derivative run through the batch statistics.
 */
static void derivatives_know_the_statistics(void **state)
{
    double x[ALL], ones[ALL], g[ALL], hx[ALL], h1[ALL], along_x, along_ones;
    for (int i = 0; i < ALL; i++)
        ones[i] = 1;
    for (int layer = 0; layer < 2; layer++) {
        law_draw_f64(x, ALL, -2, 3);
        const sd_feed feeds[] = {{"x", x}, {"ones", ones}, {0}};
        sd_graph *graph = sd_graph_new();
        sd_node in = sd_input(graph, "x", SD_F64, SD_SHAPE(BATCH, WIDTH)), grad, hessian_x, hessian_1;
        sd_node direction = sd_input(graph, "ones", SD_F64, SD_SHAPE(BATCH, WIDTH)), still = sd_stop_gradient(in);
        sd_node loss = normalised_loss(in, layer);
        sd_grad(loss, 1, &in, &grad);
        sd_hvp(loss, 1, &in, &still, &hessian_x);
        sd_hvp(loss, 1, &in, &direction, &hessian_1);
        evaluate(grad, feeds, g);
        evaluate(hessian_x, feeds, hx);
        evaluate(hessian_1, feeds, h1);
        along_x = evaluate_number(evaluate_inner(grad, in), feeds);
        along_ones = evaluate_number(evaluate_inner(grad, direction), feeds);
        sd_graph_free(graph);
        assert_number(along_x, 0, 1e-11);
        assert_number(along_ones, 0, 1e-11);
        for (int i = 0; i < ALL; i++) {
            assert_true(fabs(g[i]) > 1e-6); /* the law is not about zeros */
            assert_number(hx[i], -g[i], 1e-9);
            assert_number(h1[i], 0, 1e-9);
        }
    }
}

/* ---- dropout ---- */

/* 64 samples of 100 ones through dropout: y [6400]. */
static void drop(double rate, int32_t step, const int32_t *ids, float *y, float *grad)
{
    static float x[6400];
    for (int i = 0; i < 6400; i++)
        x[i] = 1;
    const sd_feed feeds[] = {{"x", x}, {"step", &step}, {"ids", (void *)(uintptr_t)ids}, {0}};
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "drop");
    sd_node in = sd_input(g, "x", SD_F32, SD_SHAPE(64, 100)), d;
    sd_node at_step = sd_input(g, "step", SD_I32, sd_scalar_shape());
    sd_node node = sd_dropout(in, rate, at_step, sd_input(g, "ids", SD_I32, SD_SHAPE(64)));
    evaluate(node, feeds, y);
    sd_grad(sd_sum(node, SD_ALL_AXES, false), 1, &in, &d);
    if (grad)
        evaluate(d, feeds, grad);
    sd_graph_free(g);
}

/* Kept elements are exactly 1 / (1 - rate); their number is binomial: within five standard deviations. */
static void dropout_keeps_the_right_share(void **state)
{
    static float y[6400], grad[6400];
    int32_t ids[64];
    for (int i = 0; i < 64; i++)
        ids[i] = i;
    for (int k = 0; k < 10; k++) {
        double rate = 0.1 * k, kept = 0;
        drop(rate, 3, ids, y, grad);
        for (int i = 0; i < 6400; i++) {
            assert_true(y[i] == 0 || y[i] == (float)(1 / (1 - rate)));
            kept += y[i] != 0;
        }
        assert_true(fabs(kept - 6400 * (1 - rate)) <= 5 * sqrt(6400 * rate * (1 - rate)));
        assert_memory_equal(y, grad, sizeof y); /* of ones: the derivative is the same mask */
    }
}

/* The mask belongs to the sample's id and the step, not to its place in the batch. */
static void dropout_follows_sample_and_step(void **state)
{
    static float y[6400], other[6400];
    int32_t ids[64], reversed[64];
    for (int i = 0; i < 64; i++)
        ids[i] = reversed[63 - i] = 1000 + i;
    drop(0.5, 3, ids, y, NULL);
    drop(0.5, 3, reversed, other, NULL);
    for (int i = 0; i < 64; i++)
        assert_memory_equal(y + 100 * i, other + 100 * (63 - i), 100 * sizeof *y);
    drop(0.5, 4, ids, other, NULL);
    assert_memory_not_equal(y, other, sizeof y);
}

/* ---- activations ---- */

/* Value, first and second derivative of one activation at n points, whole or through its decomposition. */
static void differentiate(sd_node activation(sd_node), bool expanded, int n, double *x, double *value, double *first,
                          double *second)
{
    const sd_feed feeds[] = {{"x", x}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node in = sd_input(g, "x", SD_F64, SD_SHAPE(n)), y = activation(in), d, dd;
    if (expanded)
        sd__data(y)->op->decompose(g, &in, sd__attr(y), &y);
    sd_grad(sd_sum(y, SD_ALL_AXES, false), 1, &in, &d);
    sd_grad(sd_sum(d, SD_ALL_AXES, false), 1, &in, &dd);
    evaluate(y, feeds, value);
    evaluate(d, feeds, first);
    evaluate(dd, feeds, second);
    sd_graph_free(g);
}

/* softplus(x) - softplus(-x) = x, also where e^x overflows; the derivative is the logistic function, 1/2 at 0 either way. */
static void softplus_is_smooth_and_does_not_overflow(void **state)
{
    double x[] = {0, 1, -1, 30, -30, 800, -800}, y[7], first[7], second[7];
    for (int expanded = 0; expanded < 2; expanded++) {
        differentiate(sd_softplus, expanded, 7, x, y, first, second);
        assert_near_f64(y, ((double[]){M_LN2, log(1 + M_E)}), 2, 1e-15);
        for (int i = 1; i < 7; i += 2) {
            double odd = y[i] - y[i + 1];
            assert_number(odd, x[i], 1e-15);
        }
        assert_true(fabs(y[4] / exp(-30) - 1) < 1e-13 && y[6] == 0);
        for (int i = 0; i < 7; i++) {
            double s = 1 / (1 + exp(-x[i])), slope = s * (1 - s);
            assert_number(first[i], s, 1e-15);
            assert_number(second[i], slope, 1e-15);
        }
    }
}

/* x Phi(x): gelu(x) - gelu(-x) = x, Phi(1) from a table; derivative Phi + x phi, second derivative (2 - x^2) phi. */
static void gelu_is_x_times_the_normal_distribution(void **state)
{
    double x[] = {0, 1, -1, 2.5, -2.5}, y[5], first[5], second[5];
    differentiate(sd_gelu, false, 5, x, y, first, second);
    assert_near_f64(y, ((double[]){0, 0.841344746068542949}), 2, 1e-15);
    for (int i = 0; i < 5; i++) {
        double phi = exp(-x[i] * x[i] / 2) / sqrt(2 * M_PI), Phi = erfc(-x[i] / M_SQRT2) / 2;
        assert_number(y[i], x[i] * Phi, 1e-15);
        assert_number(first[i], Phi + x[i] * phi, 1e-15);
        assert_number(second[i], (2 - x[i] * x[i]) * phi, 1e-15);
    }
}

static sd_node leaky(sd_node x) { return sd_leaky_relu(x, 0.125); }

/* The slope counts at 0 itself, as documented; the second derivative is 0 everywhere. */
static void leaky_relu_has_its_slope_at_zero(void **state)
{
    double x[] = {2, -2, 0, NAN}, y[4], first[4], second[4];
    for (int expanded = 0; expanded < 2; expanded++) {
        differentiate(leaky, expanded, 4, x, y, first, second);
        assert_memory_equal(y, ((double[]){2, -0.25, 0}), 3 * sizeof *y);
        assert_true(isnan(y[3]));
        assert_memory_equal(first, ((double[]){1, 0.125, 0.125}), 3 * sizeof *first);
        assert_true(second[0] == 0 && second[1] == 0 && second[2] == 0);
    }
}

/* At x + bias = 0 the derivative is 0; the bias collects what its column lets through. */
static void bias_relu_clips_and_collects(void **state)
{
    double x[] = {1, -3, /**/ -1, 2, /**/ 4, 0.5}, bias[] = {1, -0.5}, c[] = {10, 20, 30, 40, 50, 60}, y[6], dx[6], db[2];
    const sd_feed feeds[] = {{"x", x}, {"bias", bias}, {"c", c}, {0}};
    sd_graph *g = sd_graph_new();
    sd_node wrt[] = {sd_input(g, "x", SD_F64, SD_SHAPE(3, 2)), sd_input(g, "bias", SD_F64, SD_SHAPE(2))}, d[2];
    sd_node node = sd_bias_relu(wrt[0], wrt[1]);
    sd_grad(evaluate_inner(node, sd_input(g, "c", SD_F64, SD_SHAPE(3, 2))), 2, wrt, d);
    evaluate(node, feeds, y);
    evaluate(d[0], feeds, dx);
    evaluate(d[1], feeds, db);
    sd_graph_free(g);
    assert_memory_equal(y, ((double[]){2, 0, 0, 1.5, 5, 0}), sizeof y);
    assert_memory_equal(dx, ((double[]){10, 0, 0, 40, 50, 0}), sizeof dx);
    assert_memory_equal(db, ((double[]){60, 40}), sizeof db);
}

/* ---- messages ---- */

static sd_node in(sd_graph *g, const char *name, sd_dtype dtype, sd_shape shape) { return sd_input(g, name, dtype, shape); }

static void wrong_losses_are_explained(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "loss");
    sd_node x = in(g, "x", SD_F32, SD_SHAPE(64, 10));
    assert_refused(g, sd_softmax_cross_entropy(x, in(g, "l", SD_I32, SD_SHAPE(32)), 0), SD_ESHAPE,
                   "loss: softmax_cross_entropy", "labels is [32]", "must be [64]", "one label a row");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(64, 10));
    assert_refused(g, sd_softmax_cross_entropy(x, in(g, "l", SD_F32, SD_SHAPE(64)), 0), SD_EDTYPE, "labels is f32", "i32");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(64, 10));
    assert_refused(g, sd_softmax_cross_entropy(x, in(g, "l", SD_I32, SD_SHAPE(64)), 1), SD_EINVAL, "smoothing is 1", "[0,1)");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(10));
    assert_refused(g, sd_softmax_cross_entropy(x, in(g, "l", SD_I32, SD_SHAPE(10)), 0), SD_ESHAPE, "[10]", "2 axes, [B,C]");

    g = sd_graph_new();
    assert_refused(g, sd_softmax(in(g, "x", SD_F32, sd_scalar_shape())), SD_ESHAPE, "softmax", "last axis");

    g = sd_graph_new();
    assert_refused(g, sd_log_softmax(in(g, "x", SD_I32, SD_SHAPE(3))), SD_EDTYPE, "log_softmax", "i32", "f32 or f64");
}

static void wrong_norms_are_explained(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "bn1");
    sd_node x = in(g, "x", SD_F32, SD_SHAPE(8, 5, 5, 16)), p = in(g, "p", SD_F32, SD_SHAPE(16));
    assert_refused(g, sd_batch_norm(x, p, in(g, "o", SD_F32, SD_SHAPE(5)), 1e-5), SD_ESHAPE, "bn1: batch_norm", "offset is [5]",
                   "must be [16]", "a channel");

    g = sd_graph_new();
    p = in(g, "p", SD_F32, SD_SHAPE(16));
    assert_refused(g, sd_batch_norm(p, p, p, 1e-5), SD_ESHAPE, "x is [16]", "2 axes at least");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(8, 16)), p = in(g, "p", SD_F32, SD_SHAPE(16));
    assert_refused(g, sd_layer_norm(x, p, p, NAN), SD_EINVAL, "layer_norm", "epsilon is nan", "finite and not negative");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(8, 16)), p = in(g, "p", SD_F64, SD_SHAPE(16));
    assert_refused(g, sd_layer_norm(x, p, p, 1e-5), SD_EDTYPE, "f32", "f64", "sd_cast");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(8, 16)), p = in(g, "p", SD_F32, SD_SHAPE(16));
    sd_node v = in(g, "v", SD_F32, SD_SHAPE(8));
    assert_refused(g, sd_batch_norm_eval(x, p, p, p, v, 1e-5), SD_ESHAPE, "batch_norm_eval", "variance is [8]", "must be [16]");
}

static void wrong_dropouts_are_explained(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node x = in(g, "x", SD_F32, SD_SHAPE(8, 4)), step = in(g, "step", SD_I32, sd_scalar_shape());
    assert_refused(g, sd_dropout(x, 1, step, in(g, "ids", SD_I32, SD_SHAPE(8))), SD_EINVAL, "rate is 1", "[0,1)");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(8, 4)), step = in(g, "step", SD_I32, sd_scalar_shape());
    assert_refused(g, sd_dropout(x, 0.5, step, in(g, "ids", SD_I32, SD_SHAPE(4))), SD_ESHAPE, "ids is [4]", "must be [8]");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(8, 4)), step = in(g, "step", SD_F32, sd_scalar_shape());
    assert_refused(g, sd_dropout(x, 0.5, step, in(g, "ids", SD_I32, SD_SHAPE(8))), SD_EDTYPE, "step is f32", "i32");

    g = sd_graph_new();
    assert_refused(g, sd_leaky_relu(in(g, "x", SD_F32, SD_SHAPE(4)), INFINITY), SD_EINVAL, "slope is inf", "finite");

    g = sd_graph_new();
    x = in(g, "x", SD_F32, SD_SHAPE(8, 4));
    assert_refused(g, sd_bias_relu(x, in(g, "bias", SD_F32, SD_SHAPE(8))), SD_ESHAPE, "bias is [8]", "must be [4]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_rows_sum_to_one),
        cmocka_unit_test(two_classes_are_logistic),
        cmocka_unit_test(uniform_logits_cost_ln_classes),
        cmocka_unit_test(cross_entropy_is_its_definition),
        cmocka_unit_test(cross_entropy_gradient_is_p_minus_target),
        cmocka_unit_test(wrong_labels_give_nan),
        cmocka_unit_test(impossible_classes_do_no_harm),
        cmocka_unit_test(statistics_are_exact_at_a_large_mean),
        cmocka_unit_test(batch_norm_sets_mean_and_variance),
        cmocka_unit_test(layer_norm_is_batch_norm_of_the_transpose),
        cmocka_unit_test(norm_parameters_collect_columns),
        cmocka_unit_test(derivatives_know_the_statistics),
        cmocka_unit_test(dropout_keeps_the_right_share),
        cmocka_unit_test(dropout_follows_sample_and_step),
        cmocka_unit_test(softplus_is_smooth_and_does_not_overflow),
        cmocka_unit_test(gelu_is_x_times_the_normal_distribution),
        cmocka_unit_test(leaky_relu_has_its_slope_at_zero),
        cmocka_unit_test(bias_relu_clips_and_collects),
        cmocka_unit_test(wrong_losses_are_explained),
        cmocka_unit_test(wrong_norms_are_explained),
        cmocka_unit_test(wrong_dropouts_are_explained),
    };
    return cmocka_run_group_tests(tests, evaluate_setup, evaluate_teardown);
}
