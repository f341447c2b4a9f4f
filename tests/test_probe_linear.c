/*
 * test_probe_linear.c -- linear probes against what must be so: an affine layer gains nothing, a feature map that makes XOR
 * linear gains everything; and that neither test samples nor the wrong mode of a layer get into what is reported.
 */
#include "models.h"

#include <sonde/probe.h>
#include <sonde/sonde.h>

#include "classic/logistic.h"
#include "probe/features.h"

/* ---- models and data ----------------------------------------------------------------------------------------------------- */

static sd_model *classifier(sd_build_fn *build, sd_shape input, int classes)
{
    return model_of(build, NULL, input, classes, 0, SD_F64);
}

static sd_dataset *labelled(int n, sd_shape shape, const double *x, const int32_t *label, int classes)
{
    return data_of(n, shape, x, label, classes, NULL, 0);
}

static sd_built end_with(sd_builder *b, sd_node h)
{
    sd_node z = sd_layer_dense(b, h, (sd_dense_spec){.units = b->classes});
    return sd_loss(b, z, (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static sd_built affine(sd_builder *b, void *user)
{
    (void)user;
    return end_with(b, b->input);
}

/* Two units that see the sum, two that see the difference, with either sign. */
static sd_built four_relus(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 4});
    return end_with(b, sd_layer_activation(b, h, SD_RELU, 0, NULL));
}

static sd_built everything(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_conv(b, b->input, (sd_conv_spec){.filters = 3, .kernel = {3, 3}, .padding = SD_PAD_SAME});
    h = sd_layer_batch_norm(b, h, (sd_norm_spec){0});
    h = sd_layer_activation(b, h, SD_RELU, 0, "first");
    sd_block_begin(b, "skip");
    sd_node a = sd_layer_activation(b, h, SD_TANH, 0, NULL);
    h = sd_layer_add(b, 2, (sd_node[]){h, a}, NULL);
    sd_block_end(b);
    h = sd_layer_maxpool(b, h, (sd_pool_spec){.size = {2, 2}});
    h = sd_layer_dropout(b, sd_layer_flatten(b, h, NULL), 0.5, NULL);
    h = sd_layer_dense(b, h, (sd_dense_spec){.units = 5});
    return end_with(b, sd_layer_activation(b, h, SD_SIGMOID, 0, NULL));
}

static sd_built normed(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_batch_norm(b, b->input, (sd_norm_spec){.epsilon = 1e-3});
    h = sd_layer_activation(b, h, SD_TANH, 0, NULL);
    return end_with(b, sd_layer_dropout(b, h, 0.5, NULL));
}

static void draw(sd_random *random, int64_t n, double *x)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = sd__random_normal(random);
}

/* Features of one place for all samples, in their order. To be freed. */
static double *features_of(const sd_subject *subject, int64_t most, const char *name, sd_feature_place *found)
{
    sd_feature_place *place;
    sd_samples samples;
    int count;
    double *x = NULL;
    assert_ok(sd__feature_places(subject->model, most, &place, &count));
    assert_ok(sd__samples_read(subject, &samples));
    int64_t *row = malloc((size_t)samples.n * sizeof *row);
    for (int64_t i = 0; i < samples.n; i++)
        row[i] = i;
    for (int k = 0; k < count && !x; k++)
        if (!strcmp(place[k].name, name)) {
            *found = place[k];
            x = malloc((size_t)(samples.n * place[k].read) * sizeof *x);
            assert_ok(sd__features_read(subject, &samples, 1, &place[k], row, (void *const[]){x}));
        }
    assert_non_null(x);
    free(row);
    free(place);
    sd__samples_free(&samples);
    return x;
}

/* ---- an affine layer gains nothing --------------------------------------------------------------------------------------- */

enum { N = 240, C = 3, WIDE = 5 };

static double best_loss(int64_t d, const double *x, const int32_t *y)
{
    sd_logistic *l;
    sd_minimum m;
    assert_ok(sd__logistic_new(context, &(sd_classified){.n = N, .d = d, .classes = C, .dtype = SD_F64, .x = x, .y = y}, &l));
    double *w = calloc((size_t)sd__logistic_size(l), sizeof *w);
    assert_ok(sd__logistic_fit(l, 0, 1e-9, w, &m));
    assert_true(m.converged);
    free(w);
    sd__logistic_free(l);
    return m.value;
}

/*
 * Without penalty, whatever a classifier of Wx + b says, one of x can say: the best training loss of the former is at least
 * that of the latter, and equal if W can be inverted. Labels are noisy, so that there is an optimum.
 */
static void an_affine_layer_gains_nothing(void **state)
{
    (void)state;
    static double x[N * WIDE];
    static int32_t y[N];
    sd_random random = sd__random(4, 0);
    for (int d = C; d <= WIDE; d += WIDE - C) {
        draw(&random, N * d, x);
        for (int i = 0; i < N; i++)
            y[i] = sd__random_below(&random, 4) ? (x[i * d] > 0) + (x[i * d + 1] > 0.5) : (int32_t)sd__random_below(&random, C);
        sd_model *model = classifier(affine, SD_SHAPE(d), C);
        sd_dataset *data = labelled(N, SD_SHAPE(d), x, y, C);
        sd_feature_place place;
        double *after = features_of(&(sd_subject){.model = model, .data = data, .batch = 100}, 1000, "output", &place);
        assert_int_equal(place.read, C);
        double raw = best_loss(d, x, y), layer = best_loss(C, after, y);
        assert_true(raw > 0.1 && raw < log(3));
        if (d == C)
            near(layer / raw, 1, 1e-6, "training optimum behind an invertible layer");
        else
            assert_true(layer > raw * 1.001); /* five numbers seen through three: never better, here worse */
        free(after);
        sd_dataset_free(data);
        sd_model_free(model);
    }
}

/* ---- a feature map that makes XOR linear --------------------------------------------------------------------------------- */

static void draw_xor(sd_random *random, int n, double *x, int32_t *y)
{
    for (int i = 0; i < n; i++) {
        int a = i & 1, b = i >> 1 & 1;
        x[2 * i] = (a ? 1 : -1) + 0.15 * sd__random_normal(random);
        x[2 * i + 1] = (b ? 1 : -1) + 0.15 * sd__random_normal(random);
        y[i] = a ^ b;
    }
}

static void xor_is_linear_behind_four_relus(void **state)
{
    (void)state;
    static double x[400 * 2], t[600 * 2];
    static int32_t y[400], ty[600];
    static const double map[8] = {1, -1, 1, -1, 1, -1, -1, 1};
    sd_random random = sd__random(5, 0);
    draw_xor(&random, 400, x, y);
    draw_xor(&random, 600, t, ty);
    sd_model *model = classifier(four_relus, SD_SHAPE(2), 2);
    memcpy(sd_model_theta(model), map, sizeof map);
    uint64_t hash = sd_model_hash(model);
    sd_dataset *train = labelled(400, SD_SHAPE(2), x, y, 2), *test = labelled(600, SD_SHAPE(2), t, ty, 2);
    sd_linear_report r;
    sd_subject subject = {.model = model, .data = train};
    assert_ok(sd_probe_linear(&subject, &(sd_linear_options){.test = test}, &r));
    assert_true(r.fit == 320 && r.validation == 80 && r.test == 600 && r.classes == 2);
    near(r.majority.estimate, 0.5, 1e-12, "majority class");
    assert_int_equal(r.layers, 3);
    /* Four blobs: a line has two right at best, or three, if it cuts one off. */
    assert_true(r.layer[0].accuracy.estimate < 0.77);
    assert_true(r.layer[1].accuracy.estimate == 1 && r.layer[1].fit_accuracy == 1 && r.layer[1].validation == 1);
    assert_true(r.layer[1].accuracy.low > 0.99 && r.layer[1].accuracy.high == 1);
    assert_true(r.layer[0].nearest.estimate == 1); /* what is near is alike, before and behind */
    assert_true(r.layer[1].nearest.estimate == 1);
    for (int i = 0; i < r.layers; i++)
        assert_true(r.layer[i].converged && r.layer[i].gradient <= 1e-3);
    sd_linear_report_clear(&r);
    assert_true(sd_model_hash(model) == hash);

    /* The control is the same call with other weights: units that see nothing tell nothing apart. */
    double *theta = sd_model_vector(model);
    subject.theta = theta;
    assert_ok(sd_probe_linear(&subject, &(sd_linear_options){.test = test}, &r));
    near(r.layer[1].accuracy.estimate, r.majority.estimate, 1e-12, "behind dead units");
    near(r.layer[1].nearest.estimate, 0.5, 1e-12, "nearest behind dead units");
    sd_linear_report_clear(&r);
    free(theta);
    sd_dataset_free(train);
    sd_dataset_free(test);
    sd_model_free(model);
}

static void what_a_line_separates_is_told_apart(void **state)
{
    (void)state;
    static double x[200 * 2], t[200 * 2];
    static int32_t y[200];
    sd_random random = sd__random(6, 0);
    for (int i = 0; i < 200; i++) {
        y[i] = i % 2;
        for (int k = 0; k < 2; k++) {
            double *p = k ? t + 2 * i : x + 2 * i, along = sd__random_normal(&random);
            double across = (y[i] ? 1 : -1) * (1 + sd__random_uniform(&random));
            p[0] = 3 * along + across;
            p[1] = -3 * along + across;
        }
    }
    sd_model *model = classifier(affine, SD_SHAPE(2), 2);
    sd_dataset *train = labelled(200, SD_SHAPE(2), x, y, 2), *test = labelled(200, SD_SHAPE(2), t, y, 2);
    sd_linear_report r;
    assert_ok(sd_probe_linear(&(sd_subject){.model = model, .data = train}, &(sd_linear_options){.test = test}, &r));
    assert_true(r.layer[0].accuracy.estimate == 1 && r.layer[0].fit_accuracy == 1);
    sd_linear_report_clear(&r);
    sd_dataset_free(train);
    sd_dataset_free(test);
    sd_model_free(model);
}

/* ---- which layers, and what comes out of them ---------------------------------------------------------------------------- */

enum { IMAGES = 40, HEIGHT = 6, WIDTH = 5, PIXELS = HEIGHT * WIDTH };

static void every_nonlinear_layer_is_looked_at(void **state)
{
    (void)state;
    static const char *const wanted[] = {"input", "first", "skip/tanh1", "maxpool1", "sigmoid1", "output"};
    static const int64_t numbers[] = {PIXELS, 3 * PIXELS, 3 * PIXELS, 18, 5, 4};
    static double x[IMAGES * PIXELS];
    static int32_t y[IMAGES];
    sd_random random = sd__random(7, 0);
    draw(&random, IMAGES * PIXELS, x);
    for (int i = 0; i < IMAGES; i++)
        y[i] = i % 4;
    sd_shape shape = SD_SHAPE(HEIGHT, WIDTH, 1);
    sd_model *model = classifier(everything, shape, 4);
    sd_dataset *train = labelled(IMAGES, shape, x, y, 4), *test = labelled(IMAGES / 2, shape, x, y, 4);
    sd_linear_report r;
    assert_ok(sd_probe_linear(&(sd_subject){.model = model, .data = train, .batch = 16},
                              &(sd_linear_options){.test = test, .features = 60}, &r));
    assert_int_equal(r.layers, (int)(sizeof wanted / sizeof wanted[0]));
    for (int i = 0; i < r.layers; i++) {
        assert_string_equal(r.layer[i].name, wanted[i]);
        assert_int_equal(r.layer[i].features, numbers[i]);
        bool map = i == 1 || i == 2; /* 90 numbers are more than 60: 4 x 4 averages of each of 3 channels */
        assert_int_equal(r.layer[i].read, map ? 48 : numbers[i]);
        assert_true(r.layer[i].grid[0] == (map ? 4 : 0) && r.layer[i].grid[1] == (map ? 4 : 0));
    }
    sd_linear_report_clear(&r);
    sd_dataset_free(train);
    sd_dataset_free(test);
    sd_model_free(model);
}

/* Four rows of six: rows 0-1, 1-2, 3-4, 4-5. Four columns of five: 0-1, 1-2, 2-3, 3-4. */
static void maps_are_averaged_over_a_grid(void **state)
{
    (void)state;
    static const int top[] = {0, 1, 3, 4}, left[] = {0, 1, 2, 3};
    static double x[IMAGES * PIXELS];
    static int32_t y[IMAGES];
    sd_feature_place place;
    sd_random random = sd__random(8, 0);
    draw(&random, IMAGES * PIXELS, x);
    sd_shape shape = SD_SHAPE(HEIGHT, WIDTH, 1);
    sd_model *model = classifier(everything, shape, 4);
    sd_dataset *data = labelled(IMAGES, shape, x, y, 4);
    double *averages = features_of(&(sd_subject){.model = model, .data = data}, 16, "input", &place);
    assert_true(place.read == 16 && place.grid[0] == 4 && place.grid[1] == 4);
    for (int n = 0; n < IMAGES; n++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                const double *p = x + n * PIXELS + top[i] * WIDTH + left[j];
                near(averages[n * 16 + i * 4 + j], (p[0] + p[1] + p[WIDTH] + p[WIDTH + 1]) / 4, 1e-14, "an average");
            }
    free(averages);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* Running statistics that are not the batch's; no dropout; a last batch that is smaller than the others. */
static void features_are_those_of_eval_mode(void **state)
{
    (void)state;
    static double x[37 * 2];
    static int32_t y[37];
    sd_feature_place place;
    sd_random random = sd__random(9, 0);
    draw(&random, 37 * 2, x);
    sd_model *model = classifier(normed, SD_SHAPE(2), 2);
    sd_dataset *data = labelled(37, SD_SHAPE(2), x, y, 2);
    double running[4] = {0.5, -1, 4, 0.25};
    memcpy(sd_model_state(model), running, sizeof running);
    sd_subject subject = {.model = model, .data = data, .batch = 10};
    double *h = features_of(&subject, 100, "tanh1", &place);
    for (int i = 0; i < 37 * 2; i++)
        near(h[i], tanh((x[i] - running[i % 2]) / sqrt(running[2 + i % 2] + 1e-3)), 1e-12, "a feature behind batch norm");
    free(h);
    subject.training = true; /* asked for, the batch's own statistics */
    h = features_of(&subject, 100, "tanh1", &place);
    double sum = 0;
    for (int i = 0; i < 10; i++)
        sum += atanh(h[2 * i]);
    near(sum, 0, 1e-9, "mean over a batch in training mode");
    free(h);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- samples of three kinds ---------------------------------------------------------------------------------------------- */

/* Labels are chance and inputs are many: whatever has seen the answers beats chance by far. */
static void test_samples_are_not_fitted_to(void **state)
{
    (void)state;
    enum { FEW = 120, TESTS = 400, MANY = 60 };
    static double x[FEW * MANY], t[TESTS * MANY];
    static int32_t y[FEW], ty[TESTS];
    sd_random random = sd__random(10, 0);
    draw(&random, FEW * MANY, x);
    draw(&random, TESTS * MANY, t);
    for (int i = 0; i < FEW; i++)
        y[i] = (int32_t)sd__random_below(&random, 2);
    for (int i = 0; i < TESTS; i++)
        ty[i] = (int32_t)sd__random_below(&random, 2);
    sd_model *model = classifier(affine, SD_SHAPE(MANY), 2);
    sd_dataset *train = labelled(FEW, SD_SHAPE(MANY), x, y, 2), *test = labelled(TESTS, SD_SHAPE(MANY), t, ty, 2);
    sd_linear_report r;
    assert_ok(sd_probe_linear(&(sd_subject){.model = model, .data = train},
                              &(sd_linear_options){.test = test, .confidence = 0.99}, &r));
    assert_true(r.layer[0].accuracy.low < 0.5 && r.layer[0].accuracy.high > 0.5);
    assert_true(r.layer[0].nearest.low < 0.5 && r.layer[0].nearest.high > 0.5);
    assert_true(r.layer[0].fit_accuracy > 0.9 || r.layer[0].strength > 1e-3);
    assert_true(r.layer[0].validation < 0.8);
    sd_linear_report_clear(&r);
    sd_dataset_free(train);
    sd_dataset_free(test);
    sd_model_free(model);
}

/* Labels by lot, and the samples themselves as test samples: the fit samples find themselves, the validation samples a stranger. */
static void neighbours_are_looked_for_among_fit_samples(void **state)
{
    (void)state;
    enum { SAMPLES = 500, CLASSES = 10 };
    static double x[SAMPLES * 2];
    static int32_t y[SAMPLES];
    sd_random random = sd__random(14, 0);
    draw(&random, SAMPLES * 2, x);
    for (int i = 0; i < SAMPLES; i++)
        y[i] = (int32_t)sd__random_below(&random, CLASSES);
    sd_model *model = classifier(affine, SD_SHAPE(2), CLASSES);
    sd_dataset *train = labelled(SAMPLES, SD_SHAPE(2), x, y, CLASSES), *test = labelled(SAMPLES, SD_SHAPE(2), x, y, CLASSES);
    sd_linear_report r;
    assert_ok(sd_probe_linear(&(sd_subject){.model = model, .data = train}, &(sd_linear_options){.test = test}, &r));
    assert_true(r.fit == 400 && r.validation == 100);
    assert_true(r.layer[0].nearest.estimate >= 0.8 && r.layer[0].nearest.estimate < 0.87); /* 0.82 expected */
    sd_linear_report_clear(&r);
    sd_dataset_free(train);
    sd_dataset_free(test);
    sd_model_free(model);
}

/* Two test sets whose best strengths are the two ends: one follows the truth, one is all of the most frequent class. */
static void the_strength_is_chosen_without_the_test_samples(void **state)
{
    (void)state;
    enum { FEW = 300, TESTS = 200, MANY = 10 };
    static double x[FEW * MANY], t[TESTS * MANY];
    static int32_t y[FEW], truth[TESTS], frequent[TESTS];
    sd_random random = sd__random(11, 0);
    draw(&random, FEW * MANY, x);
    draw(&random, TESTS * MANY, t);
    for (int i = 0; i < FEW; i++)
        y[i] = x[i * MANY] + x[i * MANY + 1] > 1;
    for (int i = 0; i < TESTS; i++)
        truth[i] = t[i * MANY] + t[i * MANY + 1] > 1;
    sd_model *model = classifier(affine, SD_SHAPE(MANY), 2);
    sd_dataset *train = labelled(FEW, SD_SHAPE(MANY), x, y, 2);
    sd_dataset *test[2] = {labelled(TESTS, SD_SHAPE(MANY), t, truth, 2), labelled(TESTS, SD_SHAPE(MANY), t, frequent, 2)};
    sd_linear_report r[2];
    for (int k = 0; k < 2; k++)
        assert_ok(sd_probe_linear(&(sd_subject){.model = model, .data = train}, &(sd_linear_options){.test = test[k]}, &r[k]));
    assert_int_equal(r[0].layers, r[1].layers);
    for (int i = 0; i < r[0].layers; i++) {
        assert_true(r[0].layer[i].strength == r[1].layer[i].strength);
        assert_true(r[0].layer[i].validation == r[1].layer[i].validation);
        assert_true(r[0].layer[i].loss == r[1].layer[i].loss);
    }
    assert_true(r[0].layer[0].strength < 1e-1); /* the truth is linear: the strongest penalty is not the best */
    assert_true(r[0].layer[0].accuracy.estimate > 0.95);
    for (int k = 0; k < 2; k++) {
        sd_linear_report_clear(&r[k]);
        sd_dataset_free(test[k]);
    }
    sd_dataset_free(train);
    sd_model_free(model);
}

static double fit_loss(const sd_model *model, int n, const double *x, const int32_t *y, int tests, const double *t)
{
    sd_dataset *train = labelled(n, SD_SHAPE(2), x, y, 2), *test = labelled(tests, SD_SHAPE(2), t, y, 2);
    sd_linear_report r;
    assert_ok(
        sd_probe_linear(&(sd_subject){.model = (sd_model *)model, .data = train}, &(sd_linear_options){.test = test}, &r));
    double loss = r.layer[0].loss;
    sd_linear_report_clear(&r);
    sd_dataset_free(train);
    sd_dataset_free(test);
    return loss;
}

/*
 * Features are scaled by the fit samples alone: neither far-away test inputs nor a validation input that is moved changes a bit of what
 * is fitted. Of 20 samples 4 are for validation, whichever they are.
 */
static void features_are_scaled_by_the_fit_samples(void **state)
{
    (void)state;
    enum { FEW = 20 };
    double x[FEW * 2], far[FEW * 2];
    int32_t y[FEW];
    int kept = 0;
    sd_random random = sd__random(15, 0);
    draw(&random, FEW * 2, x);
    for (int i = 0; i < FEW; i++)
        y[i] = x[2 * i] + 0.5 * sd__random_normal(&random) > 0;
    for (int i = 0; i < FEW * 2; i++)
        far[i] = 1000 + 50 * x[i];
    sd_model *model = classifier(affine, SD_SHAPE(2), 2);
    double loss = fit_loss(model, FEW, x, y, FEW, x);
    assert_true(loss > 0 && loss < log(2));
    assert_true(fit_loss(model, FEW, x, y, FEW, far) == loss);
    for (int i = 0; i < FEW; i++) {
        double here = x[2 * i];
        x[2 * i] += y[i] ? 0.5 : -0.5; /* not so far that another strength is the best */
        kept += fit_loss(model, FEW, x, y, FEW, far) == loss;
        x[2 * i] = here;
    }
    assert_int_equal(kept, 4);
    sd_model_free(model);
}

/* Class 2 is met at the test alone: nobody can predict it, and it counts as wrong. */
static void a_class_without_fit_samples_is_missed(void **state)
{
    (void)state;
    static double x[80], t[60];
    static int32_t y[80], ty[60];
    for (int i = 0; i < 80; i++) {
        y[i] = i % 2 ? 3 : 0;
        x[i] = i % 2 ? 1 + 0.001 * i : -1 - 0.001 * i;
    }
    for (int i = 0; i < 60; i++) {
        ty[i] = i % 3 == 0 ? 2 : i % 3 == 1 ? 3 : 0;
        t[i] = i % 3 == 2 ? -1 : 1;
    }
    sd_model *model = classifier(affine, SD_SHAPE(1), 4);
    sd_dataset *train = labelled(80, SD_SHAPE(1), x, y, 4), *test = labelled(60, SD_SHAPE(1), t, ty, 4);
    sd_linear_report r;
    assert_ok(sd_probe_linear(&(sd_subject){.model = model, .data = train}, &(sd_linear_options){.test = test}, &r));
    assert_int_equal(r.classes, 2);
    near(r.layer[0].accuracy.estimate, 2.0 / 3, 1e-12, "accuracy");
    near(r.layer[0].nearest.estimate, 2.0 / 3, 1e-12, "nearest");
    sd_linear_report_clear(&r);
    sd_dataset_free(train);
    sd_dataset_free(test);
    sd_model_free(model);
}

/* ---- what cannot be measured --------------------------------------------------------------------------------------------- */

static void fails(const sd_subject *subject, const sd_dataset *test, sd_status wanted, const char *words)
{
    sd_linear_report r;
    assert_int_equal(sd_probe_linear(subject, &(sd_linear_options){.test = test}, &r), wanted);
    assert_null(r.layer);
    says(words);
}

static sd_built numbers(sd_builder *b, void *user)
{
    (void)user;
    return sd_loss(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = 1}), (sd_loss_spec){SD_MSE, 0});
}

static void what_cannot_be_measured_is_said(void **state)
{
    (void)state;
    static double x[80];
    static int32_t y[40], alike[40];
    sd_random random = sd__random(12, 0);
    draw(&random, 80, x);
    for (int i = 0; i < 40; i++)
        y[i] = i % 2;
    sd_model *model = classifier(four_relus, SD_SHAPE(2), 2), *regression;
    sd_dataset *train = labelled(40, SD_SHAPE(2), x, y, 2), *test = labelled(20, SD_SHAPE(2), x, y, 2),
               *one = labelled(40, SD_SHAPE(2), x, alike, 2), *wide = labelled(20, SD_SHAPE(4), x, y, 2), *real;
    sd_subject subject = {.model = model, .data = train};
    fails(&subject, NULL, SD_EINVAL, "there is no test part");
    fails(&subject, train, SD_EINVAL, "judged on the samples that they are fitted to");
    fails(&subject, wide, SD_ESHAPE, "test samples: ");
    subject.samples = 9;
    fails(&subject, test, SD_EINVAL, "at least 10 samples, here are 9");
    subject = (sd_subject){.model = model, .data = one};
    fails(&subject, test, SD_EINVAL, "of one class");
    subject.data = train;
    ((double *)sd_model_theta(model))[2] = NAN;
    fails(&subject, test, SD_ENONFINITE, "relu1 is not finite");

    real = data_of(40, SD_SHAPE(2), x, NULL, 0, x, 1);
    regression = model_of(numbers, NULL, SD_SHAPE(2), 0, 1, SD_F64);
    subject = (sd_subject){.model = regression, .data = real};
    fails(&subject, test, SD_EINVAL, "this model has none");
    sd_dataset *set[] = {train, test, one, wide, real};
    for (size_t i = 0; i < sizeof set / sizeof set[0]; i++)
        sd_dataset_free(set[i]);
    sd_model_free(model);
    sd_model_free(regression);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_affine_layer_gains_nothing),
        cmocka_unit_test(xor_is_linear_behind_four_relus),
        cmocka_unit_test(what_a_line_separates_is_told_apart),
        cmocka_unit_test(every_nonlinear_layer_is_looked_at),
        cmocka_unit_test(maps_are_averaged_over_a_grid),
        cmocka_unit_test(features_are_those_of_eval_mode),
        cmocka_unit_test(test_samples_are_not_fitted_to),
        cmocka_unit_test(neighbours_are_looked_for_among_fit_samples),
        cmocka_unit_test(the_strength_is_chosen_without_the_test_samples),
        cmocka_unit_test(features_are_scaled_by_the_fit_samples),
        cmocka_unit_test(a_class_without_fit_samples_is_missed),
        cmocka_unit_test(what_cannot_be_measured_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
