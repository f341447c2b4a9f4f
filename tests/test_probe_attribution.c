/*
 * test_probe_attribution.c -- attribution against closed forms: linear and polynomial models, whose integrals are known,
 * Grad-CAM of one convolution by hand, and the rule's order on a smooth net.
 */
#include "models.h"

#include <sonde/ops.h>
#include <sonde/probe.h>
#include <sonde/sonde.h>

#define N 13 /* samples; batches of 5 leave a smaller last one */
#define D 4
#define C 3

static void mean_input(int n, int inputs, const double *x, double *mean)
{
    for (int i = 0; i < inputs; i++) {
        mean[i] = 0;
        for (int k = 0; k < n; k++)
            mean[i] += x[k * inputs + i] / n;
    }
}

/* ---- linear models ------------------------------------------------------------------------------------------------------- */

static sd_built linear(sd_builder *b, void *user)
{
    const int *units = user;
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = *units});
    return sd_loss(b, z, (sd_loss_spec){b->classes ? SD_LOGISTIC : SD_MSE, 0});
}

/* z = W'x + v: attributions of output c are w_ic (x_i - b_i) for any number of steps, and nothing is missing. */
static void a_linear_model_gives_weight_times_difference(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(10); trial++) {
        double x[N * D], mean[D], *theta;
        int32_t y[N];
        int units = C;
        sd_attribution_report r;
        sd_model *model = model_of(linear, &units, SD_SHAPE(D), C, 0, SD_F64);
        theta = sd_model_theta(model);
        law_draw_f64(theta, D * C + C, -1, 1);
        law_draw_f64(x, N * D, -1, 2);
        for (int i = 0; i < N; i++)
            y[i] = law_int(0, C - 1);
        mean_input(N, D, x, mean);
        sd_dataset *data = data_of(N, SD_SHAPE(D), x, y, C, NULL, 0);
        sd_attribution_options o = {.steps = law_int(1, 9), .baseline = law_int(0, 1) ? SD_BASELINE_ZERO : SD_BASELINE_MEAN};
        assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data, .batch = 5}, &o, &r));
        assert_int_equal(r.items, 8);
        for (int k = 0; k < r.items; k++) {
            const sd_attribution *a = &r.item[k];
            double best = -INFINITY, value = 0, nothing = theta[D * C + a->output];
            for (int c = 0; c < C; c++) {
                double z = theta[D * C + c];
                for (int i = 0; i < D; i++)
                    z += x[a->sample * D + i] * theta[i * C + c];
                value = c == a->output ? z : value;
                best = fmax(best, z);
            }
            assert_true(value == best || fabs(value - best) < 1e-12); /* the predicted class */
            assert_int_equal(a->output, a->predicted);
            for (int i = 0; i < D; i++) {
                double baseline = o.baseline == SD_BASELINE_MEAN ? mean[i] : 0, w = theta[i * C + a->output];
                near(r.reference[i], baseline, 1e-14, "baseline");
                near(a->integrated[i], w * (x[a->sample * D + i] - baseline), 1e-13, "w (x - b)");
                nothing += w * baseline;
            }
            near(a->value, value, 1e-13, "value");
            near(a->baseline_value, nothing, 1e-13, "value at the baseline");
            near(a->gap, 0, 1e-13, "gap");
            assert_true(!a->cam && isnan(a->ranks.cam));
        }
        assert_true(!r.layer && strstr(r.no_cam, "No Grad-CAM"));
        sd_attribution_report_clear(&r);
        sd_dataset_free(data);
        sd_model_free(model);
    }
}

/* A single output for two classes: for class 0 its negative is explained. */
static void one_output_for_two_classes_changes_sign(void **state)
{
    (void)state;
    double x[N * D], *theta;
    int32_t y[N];
    int units = 1, seen[2] = {0};
    sd_attribution_report r;
    sd_model *model = model_of(linear, &units, SD_SHAPE(D), 2, 0, SD_F64);
    theta = sd_model_theta(model);
    law_draw_f64(theta, D, 0.5, 1);
    law_draw_f64(x, N * D, -1, 1);
    for (int i = 0; i < N; i++) {
        y[i] = i % 2;
        x[i * D] = i % 3 ? 4 : -4; /* both answers occur */
    }
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, y, 2, NULL, 0);
    sd_attribution_options o = {.baseline = SD_BASELINE_ZERO, .count = N};
    assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data}, &o, &r));
    for (int k = 0; k < r.items; k++) {
        const sd_attribution *a = &r.item[k];
        double sign = a->predicted ? 1 : -1;
        seen[a->predicted]++;
        assert_true(a->sign == sign && a->output == 0 && a->value > 0);
        for (int i = 0; i < D; i++)
            near(a->integrated[i], sign * theta[i] * x[a->sample * D + i], 1e-13, "signed attribution");
    }
    assert_true(seen[0] && seen[1]);
    assert_int_equal(r.mistakes, N - (int)(r.samples - r.mistakes));
    sd_attribution_report_clear(&r);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- polynomials --------------------------------------------------------------------------------------------------------- */

static sd_node column(sd_node x, int64_t batch, int i)
{
    return sd_slice_of(x, (int64_t[]){0, i}, (int64_t[]){batch, i + 1}, NULL);
}

/* Outputs: x0 x1, and x0 x1 x2. No parameters. */
static sd_built products(sd_builder *b, void *user)
{
    (void)user;
    sd_node two = sd_mul(column(b->input, b->batch, 0), column(b->input, b->batch, 1));
    sd_node three = sd_mul(two, column(b->input, b->batch, 2));
    return (sd_built){.output = sd_concat(2, (sd_node[]){two, three}, 1)};
}

/*
 * On the path b + t d: x0 x1 has the slope b1 + t d1 in x0, whose mean is b1 + d1/2, exact with one node. x0 x1 x2 has (b1 + t
 * d1) (b2 + t d2), mean b1 b2 + (b1 d2 + b2 d1)/2 + d1 d2/3, exact with two; with one the middle's: d1 d2 / 4, so the
 * attributions of all three lack d0 d1 d2 / 12.
 */
static void polynomials_have_their_integrals(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(10); trial++) {
        double x[N * 3], b[3];
        sd_model *model = model_of(products, NULL, SD_SHAPE(3), 0, 0, SD_F64);
        law_draw_f64(x, N * 3, -2, 2);
        mean_input(N, 3, x, b);
        sd_dataset *data = data_of(N, SD_SHAPE(3), x, NULL, 0, NULL, 0);
        for (int steps = 1; steps <= 2; steps++)
            for (int output = 1; output <= 2; output++) {
                sd_attribution_report r;
                int64_t sample[2] = {N - 1, 0};
                sd_attribution_options o = {.steps = steps, .count = 2, .sample = sample, .output = output};
                assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data}, &o, &r));
                for (int k = 0; k < 2; k++) {
                    const sd_attribution *a = &r.item[k];
                    const double *at = &x[sample[k] * 3], d[3] = {at[0] - b[0], at[1] - b[1], at[2] - b[2]};
                    assert_int_equal(a->sample, sample[k]);
                    for (int i = 0; output == 1 && i < 3; i++)
                        near(a->integrated[i], i == 2 ? 0 : d[i] * (b[1 - i] + d[1 - i] / 2), 1e-13, "of x0 x1");
                    for (int i = 0; output == 2 && steps == 2 && i < 3; i++) {
                        int p = (i + 1) % 3, q = (i + 2) % 3;
                        double mean = b[p] * b[q] + (b[p] * d[q] + b[q] * d[p]) / 2 + d[p] * d[q] / 3;
                        near(a->integrated[i], d[i] * mean, 1e-13, "of x0 x1 x2");
                    }
                    near(a->gap, output == 2 && steps == 1 ? -d[0] * d[1] * d[2] / 4 : 0, 1e-13, "gap");
                    near(a->value, output == 2 ? at[0] * at[1] * at[2] : at[0] * at[1], 1e-13, "value");
                }
                sd_attribution_report_clear(&r);
            }
        sd_dataset_free(data);
        sd_model_free(model);
    }
}

/* ---- order and types ----------------------------------------------------------------------------------------------------- */

static sd_built smooth(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 6});
    h = sd_layer_batch_norm(b, h, (sd_norm_spec){0});
    h = sd_layer_activation(b, h, SD_TANH, 0, NULL);
    h = sd_layer_dropout(b, h, 0.5, NULL);
    h = sd_layer_dense(b, h, (sd_dense_spec){.units = C});
    return sd_loss(b, h, (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static double largest_gap(const sd_attribution_report *r)
{
    double gap = 0;
    for (int i = 0; i < r->items; i++)
        gap = fmax(gap, fabs(r->item[i].gap));
    return gap;
}

/* A Gauss rule converges geometrically where the integrand is analytic: each doubling squares the error, until rounding. */
static void gaps_close_at_the_order_of_the_rule(void **state)
{
    (void)state;
    double x[N * D], gap[6];
    int32_t y[N];
    sd_attribution_report r;
    sd_model *model = model_of(smooth, NULL, SD_SHAPE(D), C, 0, SD_F64);
    law_draw_f64(x, N * D, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = i % C;
    law_draw_f64(sd_model_theta(model), (size_t)sd_model_params(model).length, -1, 1);
    law_draw_f64(sd_model_state(model), (size_t)sd_model_states(model).length, 0.5, 1.5);
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, y, C, NULL, 0);
    uint64_t before = sd_model_hash(model);
    for (int i = 0; i < 6; i++) {
        sd_attribution_options o = {.steps = 1 << i};
        assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data, .batch = 5}, &o, &r));
        gap[i] = largest_gap(&r);
        sd_attribution_report_clear(&r);
    }
    assert_true(gap[0] > 1e-4);
    for (int i = 2; i < 6; i++) /* a gap that is small by chance says nothing of the next */
        assert_true(gap[i] < 1e-13 || gap[i] < 0.3 * fmax(gap[i - 1], gap[i - 2]));
    assert_true(gap[4] < 1e-3 * fmax(gap[0], gap[1])); /* a rule of the second order would give 1/64 */
    near(gap[5], 0, 1e-10, "gap of 32 steps");
    assert_true(sd_model_hash(model) == before);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* The gradient along the path by differences of a model's own runs, and a rule of 20,000 equal steps: a slow second opinion. */
static void maps_are_those_of_a_slow_rule(void **state)
{
    (void)state;
    enum { STEPS = 2000 };
    double x[N * D], b[D], *path = malloc(sizeof *path * STEPS * D), *z[2];
    int32_t y[N];
    sd_attribution_report r;
    sd_model *model = model_of(smooth, NULL, SD_SHAPE(D), C, 0, SD_F64);
    law_draw_f64(x, N * D, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = i % C;
    law_draw_f64(sd_model_theta(model), (size_t)sd_model_params(model).length, -1, 1);
    law_draw_f64(sd_model_state(model), (size_t)sd_model_states(model).length, 0.5, 1.5);
    mean_input(N, D, x, b);
    for (int side = 0; side < 2; side++)
        z[side] = malloc(sizeof(double) * STEPS * C);
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, y, C, NULL, 0);
    assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data}, &(sd_attribution_options){.count = 2}, &r));
    for (int k = 0; k < r.items; k++)
        for (int i = 0; i < D; i++) {
            const double *at = &x[r.item[k].sample * D], h = 1e-5;
            double sum = 0;
            for (int side = 0; side < 2; side++) {
                for (int t = 0; t < STEPS; t++)
                    for (int e = 0; e < D; e++)
                        path[t * D + e] = b[e] + (t + 0.5) / STEPS * (at[e] - b[e]) + (e == i ? (side ? h : -h) : 0);
                assert_ok(sd_model_run(model, SD_EVAL, STEPS, &(sd_model_io){.x = path, .output = z[side]}));
            }
            for (int t = 0; t < STEPS; t++)
                sum += (z[1][t * C + r.item[k].output] - z[0][t * C + r.item[k].output]) / (2 * h) / STEPS;
            near(r.item[k].integrated[i], (at[i] - b[i]) * sum, 1e-6, "an attribution");
        }
    sd_attribution_report_clear(&r);
    for (int side = 0; side < 2; side++)
        free(z[side]);
    free(path);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- Grad-CAM ------------------------------------------------------------------------------------------------------------ */

enum { H = 4, W = 3, K = 2, PH = H - 1, PW = W - 1 };

/* One 2x2 convolution of K filters, then a linear map: class scores are sums over places and channels. */
static sd_built conv_linear(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_conv(b, b->input, (sd_conv_spec){.filters = K, .kernel = {2}});
    h = sd_layer_dense(b, sd_layer_flatten(b, h, NULL), (sd_dense_spec){.units = C});
    return sd_loss(b, h, (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

/* A [PH, PW, K] of one image, weights [2,2,1,K] and offsets [K]. */
static void convolve(const double *image, const double *w, const double *v, double *a)
{
    for (int r = 0; r < PH; r++)
        for (int c = 0; c < PW; c++)
            for (int k = 0; k < K; k++) {
                double sum = v[k];
                for (int i = 0; i < 2; i++)
                    for (int j = 0; j < 2; j++)
                        sum += image[(r + i) * W + c + j] * w[(i * 2 + j) * K + k];
                a[(r * PW + c) * K + k] = sum;
            }
}

/* relu of the sum over channels of (mean weight of the class over places) times A. */
static void cam_by_hand(const double *theta, const double *image, int class, double *map)
{
    const double *w = theta, *v = w + 4 * K, *u = v + K; /* u [PH*PW*K, C] */
    double a[PH * PW * K];
    convolve(image, w, v, a);
    for (int p = 0; p < PH * PW; p++) {
        double sum = 0;
        for (int k = 0; k < K; k++) {
            double alpha = 0;
            for (int q = 0; q < PH * PW; q++)
                alpha += u[(q * K + k) * C + class] / (PH * PW);
            sum += alpha * a[p * K + k];
        }
        map[p] = sum > 0 ? sum : 0;
    }
}

static void cams_are_as_by_hand(void **state)
{
    (void)state;
    int zeros = 0, all = 0;
    for (int trial = 0; trial < law_trials(10); trial++) {
        double x[N * H * W], map[PH * PW];
        void *theta, *states;
        int32_t y[N];
        sd_attribution_report r;
        sd_model *model = model_of(conv_linear, NULL, SD_SHAPE(H, W, 1), C, 0, SD_F64);
        law_draw_f64(sd_model_theta(model), (size_t)sd_model_params(model).length, -1, 1);
        law_draw_f64(x, N * H * W, -1, 1);
        for (int i = 0; i < N; i++)
            y[i] = law_int(0, C - 1);
        sd_dataset *data = data_of(N, SD_SHAPE(H, W, 1), x, y, C, NULL, 0);
        assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data, .batch = 5}, NULL, &r));
        assert_ok(sd_untrained(model, &theta, &states));
        assert_string_equal(r.layer, "conv1");
        assert_true(!r.no_cam && r.rows == PH && r.columns == PW);
        for (int k = 0; k < r.items; k++) {
            const double *image = &x[r.item[k].sample * H * W];
            cam_by_hand(sd_model_theta(model), image, r.item[k].output, map);
            for (int p = 0; p < PH * PW; p++) {
                near(r.item[k].cam[p], map[p], 1e-12, "Grad-CAM");
                zeros += map[p] == 0;
                all++;
            }
            cam_by_hand(theta, image, r.item[k].output, map);
            for (int p = 0; p < PH * PW; p++)
                near(r.item[k].random_cam[p], map[p], 1e-12, "the untrained network's Grad-CAM");
        }
        free(theta);
        free(states);
        sd_attribution_report_clear(&r);
        sd_dataset_free(data);
        sd_model_free(model);
    }
    assert_true(zeros > all / 10 && zeros < all - all / 10); /* the ReLU had something to do */
}

/* A network that can be cut: the layers first..last; dropout and batch norm tell the modes apart. */
enum { CONV, NORM, TANH, CONV2, TANH2, FLATTEN, DROP, DENSE, LAYERS };
static const char *const cut_names[LAYERS] = {"conv1", "norm", "tanh1", "conv2", "tanh2", "flatten", "drop", "dense1"};

typedef struct range {
    int first, last;
} range;

static sd_node one_layer(sd_builder *b, int layer, sd_node x)
{
    const char *name = cut_names[layer];
    switch (layer) {
    case CONV: return sd_layer_conv(b, x, (sd_conv_spec){.name = name, .filters = 3, .kernel = {2}});
    case NORM: return sd_layer_batch_norm(b, x, (sd_norm_spec){.name = name});
    case CONV2: return sd_layer_conv(b, x, (sd_conv_spec){.name = name, .filters = 2, .kernel = {2, 1}});
    case FLATTEN: return sd_layer_flatten(b, x, name);
    case DROP: return sd_layer_dropout(b, x, 0.5, name);
    case DENSE: return sd_layer_dense(b, x, (sd_dense_spec){.name = name, .units = C});
    default: return sd_layer_activation(b, x, SD_TANH, 0, name);
    }
}

static sd_built cut(sd_builder *b, void *user)
{
    const range *r = user;
    sd_node x = b->input;
    for (int i = r->first; i <= r->last && i < LAYERS; i++)
        x = one_layer(b, i, x);
    return b->classes ? sd_loss(b, x, (sd_loss_spec){SD_CROSS_ENTROPY, 0}) : (sd_built){.output = x};
}

static sd_model *cut_of(range *r, sd_shape input, sd_model *whole)
{
    sd_model *model = model_of(cut, r, input, 0, 0, SD_F64);
    copy_weights(whole, model);
    return model;
}

/* What is said of a sample is what the network says in eval mode. */
static void check_answers(const sd_attribution_report *r, sd_model *model, const double *x, const int32_t *y)
{
    double z[C], loss;
    for (int i = 0; i < r->items; i++) {
        int64_t at = r->item[i].sample;
        assert_ok(
            sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.x = x + at * H * W, .y = y + at, .output = z, .losses = &loss}));
        near(r->item[i].loss, loss, 1e-12, "loss of a sample");
        near(r->item[i].value, z[r->item[i].output], 1e-12, "output that is explained");
        for (int c = 0; c < C; c++)
            assert_true(z[c] <= z[r->item[i].predicted]);
    }
}

/* The maps of one layer: its output by a model that ends there, the gradients by differences of one that begins behind it. */
static void check_cams(const sd_attribution_report *r, sd_model *whole, int layer, const double *x)
{
    const double h = 1e-5;
    double a[64], z[2][C];
    range before = {0, layer}, behind = {layer + 1, DENSE};
    sd_model *head = cut_of(&before, sd_model_input(whole), whole);
    sd_shape shape = sd_model_output(head);
    sd_model *rest = cut_of(&behind, shape, whole);
    int places = (int)(shape.dim[0] * shape.dim[1]), channels = (int)shape.dim[2];
    assert_string_equal(r->layer, cut_names[layer]);
    assert_true(r->rows == shape.dim[0] && r->columns == shape.dim[1]);
    for (int i = 0; i < r->items; i++) {
        double alpha[4] = {0};
        assert_ok(sd_model_run(head, SD_EVAL, 1, &(sd_model_io){.x = x + r->item[i].sample * H * W, .output = a}));
        for (int e = 0; e < places * channels; e++) {
            for (int side = 0; side < 2; side++) {
                a[e] += side ? 2 * h : -h;
                assert_ok(sd_model_run(rest, SD_EVAL, 1, &(sd_model_io){.x = a, .output = z[side]}));
            }
            a[e] -= h;
            alpha[e % channels] += (z[1][r->item[i].output] - z[0][r->item[i].output]) / (2 * h) / places;
        }
        for (int p = 0; p < places; p++) {
            double sum = 0;
            for (int k = 0; k < channels; k++)
                sum += alpha[k] * a[p * channels + k];
            near(r->item[i].cam[p], sum > 0 ? sum : 0, 1e-8, "Grad-CAM by differences");
        }
    }
    sd_model_free(head);
    sd_model_free(rest);
}

static void cams_are_those_of_the_layer_in_eval_mode(void **state)
{
    (void)state;
    double x[N * H * W];
    int32_t y[N];
    range all = {0, DENSE};
    sd_model *model = model_of(cut, &all, SD_SHAPE(H, W, 1), C, 0, SD_F64);
    law_draw_f64(sd_model_theta(model), (size_t)sd_model_params(model).length, -1, 1);
    law_draw_f64(sd_model_state(model), (size_t)sd_model_states(model).length, 0.5, 1.5);
    law_draw_f64(x, N * H * W, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = law_int(0, C - 1);
    sd_dataset *data = data_of(N, SD_SHAPE(H, W, 1), x, y, C, NULL, 0);
    static const int layers[] = {TANH2, CONV, NORM, CONV2}; /* the first is found without a name: the last with places */
    for (size_t i = 0; i < SD_COUNT(layers); i++) {
        sd_attribution_report r;
        sd_attribution_options o = {.layer = i ? cut_names[layers[i]] : NULL, .steps = 1};
        assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data, .batch = 5}, &o, &r));
        check_answers(&r, model, x, y);
        check_cams(&r, model, layers[i], x);
        sd_attribution_report_clear(&r);
    }
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- controls ------------------------------------------------------------------------------------------------------------ */

static void untrained_maps_are_those_of_the_twin(void **state)
{
    (void)state;
    double x[N * H * W];
    int32_t y[N];
    void *theta, *states;
    sd_attribution_report own, twin;
    sd_model *model = model_of(conv_linear, NULL, SD_SHAPE(H, W, 1), C, 0, SD_F64);
    law_draw_f64(sd_model_theta(model), (size_t)sd_model_params(model).length, -1, 1);
    law_draw_f64(x, N * H * W, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = i % C;
    sd_dataset *data = data_of(N, SD_SHAPE(H, W, 1), x, y, C, NULL, 0);
    int64_t sample[3] = {2, 0, 12};
    sd_attribution_options o = {.count = 3, .sample = sample, .output = 2};
    assert_ok(sd_untrained(model, &theta, &states));
    sd_subject subject = {.model = model, .data = data};
    assert_ok(sd_probe_attribution(&subject, &o, &own));
    subject.theta = theta;
    subject.state = states;
    assert_ok(sd_probe_attribution(&subject, &o, &twin));
    for (int k = 0; k < 3; k++) {
        sd_correlation rho;
        const sd_attribution *a = &own.item[k], *b = &twin.item[k];
        for (int i = 0; i < H * W; i++) {
            assert_true(a->random[i] == b->integrated[i] && b->random[i] == b->integrated[i]);
            assert_true(a->integrated[i] != a->random[i]);
        }
        assert_true(b->ranks.values == 1 && b->ranks.sizes == 1); /* a map with itself */
        assert_true(a->ranks.values < 1 && a->chance.values < 1);
        assert_true(a->chance.values == b->chance.values && a->chance.sizes == b->chance.sizes);
        assert_ok(sd_spearman(H * W, a->integrated, a->random, &rho));
        near(a->ranks.values, rho.coefficient, 1e-14, "rank correlation of values");
        double size[2][H * W];
        for (int i = 0; i < H * W; i++) {
            size[0][i] = fabs(a->integrated[i]);
            size[1][i] = fabs(a->random[i]);
        }
        assert_ok(sd_spearman(H * W, size[0], size[1], &rho));
        near(a->ranks.sizes, rho.coefficient, 1e-14, "rank correlation of sizes");
        if (sd_spearman(PH * PW, a->cam, a->random_cam, &rho) == SD_OK && !isnan(rho.coefficient))
            near(a->ranks.cam, rho.coefficient, 1e-14, "rank correlation of Grad-CAM");
    }
    double mean = (own.item[0].ranks.values + own.item[1].ranks.values + own.item[2].ranks.values) / 3;
    near(own.values.estimate, mean, 1e-14, "mean rank correlation");
    assert_true(own.values.low < mean && mean < own.values.high);
    free(theta);
    free(states);
    sd_attribution_report_clear(&own);
    sd_attribution_report_clear(&twin);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* Half are the worst mistakes in falling order of loss, then right ones, a class at a time. */
static void mistakes_come_first(void **state)
{
    (void)state;
    double x[N * D];
    int32_t y[N];
    int units = C;
    sd_attribution_report r;
    sd_model *model = model_of(linear, &units, SD_SHAPE(D), C, 0, SD_F64);
    double *theta = sd_model_theta(model);
    memset(theta, 0, sizeof *theta * (D * C + C));
    for (int c = 0; c < C; c++)
        theta[c * C + c] = 1; /* the class is the largest of the first three features */
    memset(x, 0, sizeof x);
    for (int i = 0; i < N; i++) {
        y[i] = i % C;
        bool wrong = i == 3 || i == 7 || i == 8;
        x[i * D + (wrong ? (y[i] + 1) % C : y[i])] = wrong ? 1 + i : 1;
    }
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, y, C, NULL, 0);
    assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data, .batch = 5},
                                   &(sd_attribution_options){.count = 6}, &r));
    assert_int_equal(r.mistakes, 3);
    static const int64_t wanted[] = {8, 7, 3, 0, 1, 2};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(r.item[i].sample, wanted[i]);
        assert_int_equal(r.item[i].label, y[wanted[i]]);
        assert_int_equal(r.item[i].predicted == r.item[i].label, i >= 3);
    }
    sd_attribution_report_clear(&r);
    assert_ok(sd_probe_attribution(&(sd_subject){.model = model, .data = data, .batch = 5},
                                   &(sd_attribution_options){.count = 50}, &r));
    assert_int_equal(r.items, N); /* never more than there are, each once */
    int seen[N] = {0};
    for (int i = 0; i < N; i++)
        assert_int_equal(seen[r.item[i].sample]++, 0);
    sd_attribution_report_clear(&r);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- regression, normalization, f32, mistakes of the caller -------------------------------------------------------------- */

static void regression_and_the_black_image(void **state)
{
    (void)state;
    double x[N * D], t[N], offset[D], scale[D];
    int units = 1;
    sd_attribution_report r;
    sd_normalization z = {.kind = SD_NORMALIZE_STANDARD, .n = D, .offset = offset, .scale = scale};
    sd_model *model = model_of(linear, &units, SD_SHAPE(D), 0, 1, SD_F32);
    law_draw_f64(x, N * D, 0, 5);
    law_draw_f64(t, N, -1, 1);
    law_draw_f64(offset, D, 1, 2);
    law_draw_f64(scale, D, 0.5, 2);
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, NULL, 0, t, 1);
    sd_subject subject = {.model = model, .data = data, .normalization = &z};
    assert_ok(sd_probe_attribution(&subject, &(sd_attribution_options){.baseline = SD_BASELINE_ZERO}, &r));
    float *w = sd_model_theta(model);
    for (int k = 0; k < r.items; k++)
        for (int i = 0; i < D; i++) {
            near(r.reference[i], -offset[i] / scale[i], 1e-14, "0 before normalization");
            /* (x - offset)/scale - (0 - offset)/scale = x / scale */
            near(r.item[k].integrated[i], (double)w[i] * x[r.item[k].sample * D + i] / scale[i], 1e-5, "f32 attribution");
            assert_true(r.item[k].label == -1 && r.item[k].predicted == -1 && r.item[k].output == 0);
        }
    assert_int_equal(r.mistakes, -1);
    assert_true(r.item[0].loss >= r.item[1].loss); /* the worst come first */
    sd_attribution_report_clear(&r);
    sd_dataset_free(data);
    sd_model_free(model);
}

static void fails(const sd_subject *subject, const sd_attribution_options *options, sd_status wanted, const char *words)
{
    sd_attribution_report r;
    assert_int_equal(sd_probe_attribution(subject, options, &r), wanted);
    says(words);
}

static void what_cannot_be_explained_is_said(void **state)
{
    (void)state;
    double x[N * H * W];
    int32_t y[N] = {0};
    int units = 1;
    int64_t far = N;
    law_draw_f64(x, N * H * W, -1, 1);
    sd_model *model = model_of(conv_linear, NULL, SD_SHAPE(H, W, 1), C, 0, SD_F64);
    sd_model *single = model_of(linear, &units, SD_SHAPE(H, W, 1), 1, 0, SD_F64);
    sd_dataset *data = data_of(N, SD_SHAPE(H, W, 1), x, y, C, NULL, 0), *same = data_of(N, SD_SHAPE(H, W, 1), x, y, 1, NULL, 0);
    sd_subject subject = {.model = model, .data = data};
    fails(&(sd_subject){.model = single, .data = same}, NULL, SD_EINVAL, "single class");
    fails(&(sd_subject){.model = model, .data = data, .training = true}, NULL, SD_EINVAL, "by itself");
    fails(&subject, &(sd_attribution_options){.layer = "dense1"}, SD_EINVAL, "dense1");
    fails(&subject, &(sd_attribution_options){.layer = "conv7"}, SD_ENOTFOUND, "conv7");
    fails(&subject, &(sd_attribution_options){.output = 4}, SD_EINVAL, "no output 4");
    fails(&subject, &(sd_attribution_options){.steps = 5000}, SD_EINVAL, "5000 steps");
    fails(&subject, &(sd_attribution_options){.count = 1, .sample = &far}, SD_EINVAL, "sample 13");
    ((double *)sd_model_theta(model))[0] = NAN;
    fails(&subject, NULL, SD_ENONFINITE, "not finite");
    sd_dataset_free(data);
    sd_dataset_free(same);
    sd_model_free(model);
    sd_model_free(single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_model_gives_weight_times_difference),
        cmocka_unit_test(one_output_for_two_classes_changes_sign),
        cmocka_unit_test(polynomials_have_their_integrals),
        cmocka_unit_test(gaps_close_at_the_order_of_the_rule),
        cmocka_unit_test(maps_are_those_of_a_slow_rule),
        cmocka_unit_test(cams_are_as_by_hand),
        cmocka_unit_test(cams_are_those_of_the_layer_in_eval_mode),
        cmocka_unit_test(untrained_maps_are_those_of_the_twin),
        cmocka_unit_test(mistakes_come_first),
        cmocka_unit_test(regression_and_the_black_image),
        cmocka_unit_test(what_cannot_be_explained_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
