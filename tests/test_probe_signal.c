/*
 * test_probe_signal.c -- signal against closed forms (a linear net, all signs of a filter, planted units and branches), against
 * models cut at every layer, and wide random networks against the mean field's recursion.
 */
#include "models.h"

#include <float.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <sonde/probe.h>
#include <sonde/sonde.h>

#include "classic/mean_field.h"
#include "probe/signal_program.h"

#define N 11 /* samples; batches of 4 leave a smaller last one */
#define C 3

/* ---- models and data ----------------------------------------------------------------------------------------------------- */

/* x [n, shape]; labels or targets [n, n_targets], or NULL. */
static const sd_layer_signal *row(const sd_signal_report *r, const char *name)
{
    for (int i = 0; i < r->layers; i++)
        if (!strcmp(r->layer[i].name, name))
            return &r->layer[i];
    fail_msg("the report has no layer %s", name);
    return NULL;
}

/* Mean, deviation and root mean square of n numbers by two passes. */
static void moments(size_t n, const double *x, double *mean, double *deviation, double *rms)
{
    double sum = 0, square = 0, centred = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i];
    *mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) {
        square += x[i] * x[i];
        centred += (x[i] - *mean) * (x[i] - *mean);
    }
    *deviation = sqrt(centred / (double)n);
    *rms = sqrt(square / (double)n);
}

static double rms_of(size_t n, const double *x)
{
    double mean, deviation, rms;
    moments(n, x, &mean, &deviation, &rms);
    return rms;
}

/* ---- a linear net by hand ------------------------------------------------------------------------------------------------ */

#define D 4
#define T 3

static sd_built linear(sd_builder *b, void *user)
{
    (void)user;
    return sd_loss(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = T}), (sd_loss_spec){SD_MSE, 0});
}

/* z = W'x + b, the loss of a sample is the mean of (z - t)^2, so dl/dz = 2 (z - t) / T. */
static void a_linear_net_is_as_by_hand(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(5); trial++) {
        double x[N * D], t[N * T], z[N * T], g[N * T], dx[N * D], gw[D * T + T] = {0};
        sd_signal_report r;
        sd_model *model = model_of(linear, NULL, SD_SHAPE(D), 0, T, SD_F64);
        double *theta = sd_model_theta(model), mean, deviation, rms;
        law_draw_f64(theta, D * T + T, -1, 1);
        law_draw_f64(x, N * D, 2, 5); /* far from 0 */
        law_draw_f64(t, N * T, -1, 1);
        for (int i = 0; i < N; i++)
            for (int j = 0; j < T; j++) {
                double *out = &z[i * T + j], *slope = &g[i * T + j];
                *out = theta[D * T + j];
                for (int d = 0; d < D; d++)
                    *out += x[i * D + d] * theta[d * T + j];
                *slope = 2 * (*out - t[i * T + j]) / T;
                for (int d = 0; d < D; d++)
                    gw[d * T + j] += x[i * D + d] * *slope / N;
                gw[D * T + j] += *slope / N;
            }
        for (int i = 0; i < N * D; i++) {
            dx[i] = 0;
            for (int j = 0; j < T; j++)
                dx[i] += g[i / D * T + j] * theta[i % D * T + j];
        }
        sd_dataset *data = data_of(N, SD_SHAPE(D), x, NULL, 0, t, T);
        assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .batch = 4}, NULL, &r));
        const sd_layer_signal *l = row(&r, "dense1");
        moments(N * T, z, &mean, &deviation, &rms);
        near(l->mean, mean, 1e-12, "mean");
        near(l->deviation, deviation, 1e-12, "deviation");
        near(l->rms, rms, 1e-12, "rms");
        near(l->gradient, rms_of(N * T, g), 1e-12, "gradient of the output");
        near(r.input.gradient, rms_of(N * D, dx), 1e-12, "gradient of the input");
        near(l->gradient_norm, rms_of(D * T + T, gw) * sqrt(D * T + T), 1e-12, "gradient of the parameters");
        near(l->weight_norm, rms_of(D * T + T, theta) * sqrt(D * T + T), 1e-12, "norm of the parameters");
        double w = rms_of(D * T, theta), b = rms_of(T, theta + D * T);
        near(l->predicted, sqrt(w * w * D * pow(rms_of(N * D, x), 2) + b * b), 1e-12, "predicted");
        near(l->predicted_chi, w * w * T, 1e-12, "predicted chi");
        near(l->initial, sqrt(2.0 / D * D) * rms_of(N * D, x), 1e-12, "initial, by He");
        near(l->initial_chi, 2.0 / D * T, 1e-12, "initial chi");
        near(l->chi, pow(rms_of(N * D, dx) / rms_of(N * T, g), 2), 1e-12, "chi");
        assert_int_equal(l->parameters, D * T + T);
        assert_int_equal(l->dead, 0);
        assert_true(isnan(l->saturated) && isnan(l->change) && r.samples == N && r.units == 0);
        sd_signal_report_clear(&r);
        sd_dataset_free(data);
        sd_model_free(model);
    }
}

/* ---- models cut at every layer ------------------------------------------------------------------------------------------- */

enum { CONV, NORM, POOL, RELU, CONV2, SKIP, FLATTEN, DENSE, TANH, DROP, LAST, LAYERS };
static const char *const names[LAYERS] = {"conv1",    "batch_norm1", "maxpool1", "relu1",    "conv2", "add1",
                                          "flatten1", "dense1",      "tanh1",    "dropout1", "dense2"};

/* The layers first..last of one network; the skip leads from RELU to SKIP. */
typedef struct range {
    int first, last;
} range;

static sd_node one_layer(sd_builder *b, int layer, sd_node x, sd_node skip)
{
    static const sd_conv_spec conv = {.name = "conv1", .filters = 4, .kernel = {3}, .padding = SD_PAD_SAME, .groups = 2};
    static const sd_conv_spec conv2 = {
        .name = "conv2", .filters = 4, .kernel = {3, 1}, .padding = SD_PAD_SAME, .no_bias = true};
    switch (layer) {
    case CONV: return sd_layer_conv(b, x, conv);
    case NORM: return sd_layer_batch_norm(b, x, (sd_norm_spec){.name = "batch_norm1"});
    case RELU: return sd_layer_activation(b, x, SD_RELU, 0, "relu1");
    case POOL: return sd_layer_maxpool(b, x, (sd_pool_spec){.name = "maxpool1", .size = {2}});
    case CONV2: return sd_layer_conv(b, x, conv2);
    case SKIP: return sd_layer_add(b, 2, (sd_node[]){x, skip}, "add1");
    case FLATTEN: return sd_layer_flatten(b, x, "flatten1");
    case DENSE: return sd_layer_dense(b, x, (sd_dense_spec){.name = "dense1", .units = 5});
    case TANH: return sd_layer_activation(b, x, SD_TANH, 0, "tanh1");
    case DROP: return sd_layer_dropout(b, x, 0.3, "dropout1");
    default: return sd_layer_dense(b, x, (sd_dense_spec){.name = "dense2", .units = C});
    }
}

static sd_built cut(sd_builder *b, void *user)
{
    const range *r = user;
    sd_node x = b->input, skip = b->input;
    for (int i = r->first; i <= r->last; i++) {
        x = one_layer(b, i, x, skip);
        skip = i == RELU ? x : skip;
    }
    return r->last == LAST ? sd_loss(b, x, (sd_loss_spec){SD_CROSS_ENTROPY, 0}) : (sd_built){.output = x};
}

static sd_model *cut_of(range *r, sd_shape input, sd_model *whole)
{
    sd_model *model = model_of(cut, r, input, r->last == LAST ? C : 0, 0, SD_F64);
    copy_weights(whole, model);
    return model;
}

static const int32_t ids[N] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

/* Runs in the batches that the instrument takes: 4, 4, 3. */
static void run_in_batches(sd_model *model, sd_mode mode, const double *x, const int32_t *y, double *losses, double *output)
{
    size_t in = (size_t)sd_shape_count(sd_model_input(model)), out = (size_t)sd_shape_count(sd_model_output(model));
    for (int first = 0; first < N; first += 4)
        assert_ok(sd_model_run(model, mode, first + 4 <= N ? 4 : N - first,
                               &(sd_model_io){.x = x + (size_t)first * in,
                                              .y = y ? y + first : NULL,
                                              .ids = ids + first,
                                              .losses = losses ? losses + first : NULL,
                                              .output = output ? output + (size_t)first * out : NULL}));
}

static double sum_of_losses(sd_model *model, sd_mode mode, const double *x, const int32_t *y)
{
    double losses[N], sum = 0;
    run_in_batches(model, mode, x, y, losses, NULL);
    for (int i = 0; i < N; i++)
        sum += losses[i];
    return sum;
}

/*
 * The root mean square of the gradient in what `rest` reads, by differences of the sum of the losses; NaN where the two sides
 * of an element differ: a kink lies between, and differences say nothing.
 */
static double gradient_by_differences(sd_model *rest, sd_mode mode, double *x, size_t n, const int32_t *y)
{
    const double h = 1e-5, here = sum_of_losses(rest, mode, x, y);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double at = x[i];
        x[i] = at + h;
        double up = sum_of_losses(rest, mode, x, y) - here;
        x[i] = at - h;
        double down = here - sum_of_losses(rest, mode, x, y), slope = (up + down) / (2 * h);
        x[i] = at;
        if (fabs(up - down) > 1e-3 * h)
            return NAN;
        sum += slope * slope;
    }
    return sqrt(sum / (double)n);
}

static void near_differences(double got, double wanted, const char *what)
{
    if (!isnan(wanted))
        near(got, wanted, 2e-8, what);
}

/* Of the cross-entropy: softmax(z) - onehot(y), in place. */
static void softmax_gradient(double *z, const int32_t *y)
{
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int c = 0; c < C; c++)
            sum += exp(z[i * C + c]);
        for (int c = 0; c < C; c++)
            z[i * C + c] = exp(z[i * C + c]) / sum - (y[i] == c);
    }
}

/* The layer's numbers as a cut that ends there, and the gradient by a cut that begins behind it. */
static void check_layer(sd_model *whole, const sd_layer_signal *l, int layer, sd_mode mode, const double *x, const int32_t *y)
{
    double out[N * 64], mean, deviation, rms;
    range before = {0, layer}, behind = {layer + 1, LAST};
    sd_model *head = cut_of(&before, sd_model_input(whole), whole);
    sd_shape shape = sd_model_output(head);
    size_t n = N * (size_t)sd_shape_count(shape);
    run_in_batches(head, mode, x, layer == LAST ? y : NULL, NULL, out);
    moments(n, out, &mean, &deviation, &rms);
    near(l->mean, mean, 1e-11, names[layer]);
    near(l->deviation, deviation, 1e-11, names[layer]);
    near(l->rms, rms, 1e-11, names[layer]);
    assert_int_equal(l->elements, sd_shape_count(shape));
    assert_int_equal(l->units, shape.dim[shape.rank - 1]);
    if (layer == LAST) {
        softmax_gradient(out, y);
        near(l->gradient, rms_of(n, out), 1e-12, names[layer]);
    } else if (layer != CONV2) { /* where the skip is not cut */
        sd_model *rest = cut_of(&behind, shape, whole);
        near_differences(l->gradient, gradient_by_differences(rest, mode, out, n, y), names[layer]);
        sd_model_free(rest);
    }
    sd_model_free(head);
}

/* Gradient norms by the trainer's own gradient, summed over the batches. */
static void check_parameters(sd_model *whole, const sd_signal_report *r, sd_mode mode, const double *x, const int32_t *y)
{
    sd_layout params = sd_model_params(whole);
    double *sum = sd_model_vector(whole), *grad = sd_model_vector(whole);
    for (int first = 0; first < N; first += 4) {
        int size = first + 4 <= N ? 4 : N - first;
        assert_ok(sd_model_run(whole, mode, size,
                               &(sd_model_io){.x = x + first * 32, .y = y + first, .ids = ids + first, .grad = grad}));
        for (int64_t i = 0; i < params.length; i++)
            sum[i] += grad[i] * size / N;
    }
    for (int layer = 0; layer < r->layers; layer++) {
        double square = 0;
        size_t length = strlen(r->layer[layer].name);
        for (int s = 0; s < params.count; s++)
            for (int64_t i = 0; !strncmp(params.slice[s].name, r->layer[layer].name, length) && i < params.slice[s].length; i++)
                square += sum[params.slice[s].offset + i] * sum[params.slice[s].offset + i];
        if (r->layer[layer].parameters)
            near(r->layer[layer].gradient_norm, sqrt(square), 1e-12, "gradient norm");
        else
            assert_true(isnan(r->layer[layer].gradient_norm));
    }
    free(sum);
    free(grad);
}

static void every_layer_is_as_a_model_cut_there(void **state)
{
    (void)state;
    double x[N * 32];
    int32_t y[N];
    range all = {0, LAST};
    sd_model *whole = model_of(cut, &all, SD_SHAPE(4, 4, 2), C, 0, SD_F64);
    sd_layout states = sd_model_states(whole);
    law_draw_f64(x, N * 32, -1, 1.5);
    law_draw_f64(sd_model_state(whole), (size_t)states.length, 0.5, 1.5);
    law_draw_f64(sd_model_theta(whole), (size_t)sd_model_params(whole).length, -0.8, 0.8);
    for (int i = 0; i < N; i++)
        y[i] = law_int(0, C - 1);
    sd_dataset *data = data_of(N, SD_SHAPE(4, 4, 2), x, y, C, NULL, 0);
    uint64_t before = sd_model_hash(whole);
    for (int training = 0; training < 2; training++) {
        sd_signal_report r;
        assert_ok(sd_probe_signal(&(sd_subject){.model = whole, .data = data, .batch = 4, .training = training}, NULL, &r));
        assert_int_equal(r.layers, LAYERS);
        for (int i = 0; i < LAYERS; i++) {
            assert_string_equal(r.layer[i].name, names[i]);
            check_layer(whole, &r.layer[i], i, training ? SD_TRAIN : SD_EVAL, x, y);
        }
        check_parameters(whole, &r, training ? SD_TRAIN : SD_EVAL, x, y);
        near(r.loss, sum_of_losses(whole, training ? SD_TRAIN : SD_EVAL, x, y) / N, 1e-12, "loss");
        near_differences(r.input.gradient, gradient_by_differences(whole, training ? SD_TRAIN : SD_EVAL, x, (size_t)N * 32, y),
                         "input");
        assert_true(isnan(r.layer[NORM].predicted) && isnan(r.layer[POOL].predicted) && isnan(r.layer[SKIP].predicted));
        assert_true(isnan(r.layer[FLATTEN].change) && r.layer[FLATTEN].dead == -1);
        assert_true(isnan(r.layer[DROP].change) == !training && !r.layer[DROP].idle);
        sd_signal_report_clear(&r);
    }
    assert_true(sd_model_hash(whole) == before);
    sd_dataset_free(data);
    sd_model_free(whole);
}

/* ---- the mean field, exactly: the mean over all signs of the weights ----------------------------------------------------- */

/* A loss that is linear in the output, so that its gradient there does not depend on the weights. */
static sd_built linear_loss(sd_builder *b, sd_node z)
{
    sd_node flat = sd_reshape(z, SD_SHAPE(b->batch, -1));
    sd_node factor = sd_cos(sd_shift(sd_iota(b->graph, b->dtype, sd_node_shape(flat), 1), 0.3));
    sd_node losses = sd_sum(sd_mul(flat, factor), SD_AXIS(1), false);
    return (sd_built){.loss = sd_mean(losses, SD_ALL_AXES, false), .losses = losses, .output = flat};
}

static sd_built map_only(sd_builder *b, void *user)
{
    const sd_conv_spec *conv = user;
    sd_node z = conv ? sd_layer_conv(b, b->input, *conv) : sd_layer_dense(b, b->input, (sd_dense_spec){.units = 2});
    return linear_loss(b, z);
}

/* Every weight is +-1/2, in all ways: E z^2 and E dx^2 are then exact means, padding, stride, dilation and groups included. */
static void all_signs(sd_conv_spec *conv, sd_shape input)
{
    enum { SAMPLES = 3 };
    double x[SAMPLES * 64], output = 0, back = 0, predicted = NAN, predicted_chi = NAN, out_gradient = 0;
    sd_model *model = model_of(map_only, conv, input, 0, 0, SD_F64);
    double *theta = sd_model_theta(model);
    int weights = (int)sd_model_params(model).slice[0].length, patterns = 1 << weights;
    law_draw_f64(x, SAMPLES * 64, -1, 1);
    law_draw_f64(theta + weights, (size_t)(sd_model_params(model).length - weights), 0,
                 0); /* no offset: its sign is not drawn */
    sd_dataset *data = data_of(SAMPLES, input, x, NULL, 0, NULL, 0);
    for (int p = 0; p < patterns; p++) {
        sd_signal_report r;
        for (int i = 0; i < weights; i++)
            theta[i] = p >> i & 1 ? 0.5 : -0.5;
        assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .batch = 2}, NULL, &r));
        output += r.layer[0].rms * r.layer[0].rms / patterns;
        back += r.input.gradient * r.input.gradient / patterns;
        out_gradient = r.layer[0].gradient;
        predicted = r.layer[0].predicted;
        predicted_chi = r.layer[0].predicted_chi;
        sd_signal_report_clear(&r);
    }
    near(predicted, sqrt(output), 1e-12, "predicted rms is the mean over all signs");
    near(predicted_chi, back / (out_gradient * out_gradient), 1e-12, "predicted chi is the mean over all signs");
    sd_dataset_free(data);
    sd_model_free(model);
}

static void the_prediction_is_the_mean_over_all_signs(void **state)
{
    (void)state;
    all_signs(NULL, SD_SHAPE(3)); /* dense */
    all_signs(&(sd_conv_spec){.filters = 1, .kernel = {3, 2}, .padding = SD_PAD_SAME, .stride = {1, 2}}, SD_SHAPE(4, 3, 1));
    all_signs(
        &(sd_conv_spec){
            .filters = 2, .kernel = {2, 2}, .dilation = {2, 1}, .groups = 2, .padding = SD_PAD_NUMBER, .pad = {1, 2}},
        SD_SHAPE(4, 4, 2));
}

/* ---- wide random networks ------------------------------------------------------------------------------------------------ */

enum { WIDTH = 400, DEPTH = 5, WIDE_SAMPLES = 40 };

static sd_built wide(sd_builder *b, void *user)
{
    sd_node h = b->input;
    (void)user;
    for (int i = 0; i < DEPTH; i++) {
        h = sd_layer_dense(b, h, (sd_dense_spec){.units = WIDTH});
        h = sd_layer_activation(b, h, SD_RELU, 0, NULL);
    }
    return linear_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = WIDTH}));
}

/*
 * He's weights: pre-activations have q = 2 E x^2 and keep it, a gradient's mean square is doubled by a dense layer and halved
 * by a ReLU. A layer of ReLUs varies by 5/WIDTH of q, which adds up over layers; four deviations are allowed.
 */
static void he_networks_follow_the_recursion(void **state)
{
    (void)state;
    sd_signal_report r;
    double *x = malloc(sizeof *x * WIDE_SAMPLES * WIDTH), q;
    for (int i = 0; i < WIDE_SAMPLES * WIDTH; i++)
        x[i] = sd__random_normal(law_random());
    sd_model *model = model_of(wide, NULL, SD_SHAPE(WIDTH), 0, 0, SD_F32);
    sd_dataset *data = data_of(WIDE_SAMPLES, SD_SHAPE(WIDTH), x, NULL, 0, NULL, 0);
    assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .batch = 16}, NULL, &r));
    q = r.input.rms * r.input.rms;
    for (int i = 0; i < DEPTH; i++) {
        const sd_layer_signal *dense = &r.layer[2 * i], *relu = dense + 1;
        double sampling = 4 * sqrt(5.0 * (i + 1) / WIDTH);
        near(dense->rms * dense->rms / (2 * q), 1, sampling, "a dense layer's q");
        q = sd__mean_field_next(&sd__phi_relu, 2, q); /* the recursion, from the input on */
        near(relu->rms * relu->rms / q, 1, sampling, "a ReLU's q");
        near(dense->predicted, dense->rms, 4 * dense->predicted_error, "predicted, from this layer's input");
        near(dense->initial, dense->rms, 4 * dense->predicted_error, "initial");
        near(dense->chi, 2, 8 * sqrt(2.0 / WIDTH), "chi of a dense layer");
        near(dense->predicted_chi, 2, 4 * 2 * sqrt(2.0) / WIDTH, "predicted chi of a dense layer");
        near(relu->chi, 0.5, 4 * sqrt(1.0 / WIDTH), "chi of a ReLU");
        near(relu->predicted_chi, 0.5, 1e-12, "predicted chi of a ReLU");
        near(relu->saturated, 0.5, 4 * 0.5 / sqrt(WIDTH), "half of a symmetric signal is 0");
        near(relu->predicted / relu->rms, 1, 4 * sqrt(5.0 / WIDTH), "predicted of a ReLU");
    }
    sd_signal_report_clear(&r);
    sd_dataset_free(data);
    sd_model_free(model);
    free(x);
}

/* Inits of a 40 x 60 matrix: what is expected of fresh weights is the mean square of the weights that the model drew. */
static sd_built drawn_by(sd_builder *b, void *user)
{
    return (sd_built){.output = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 60, .init = user})};
}

static void fresh_weights_are_as_large_as_those_drawn(void **state)
{
    (void)state;
    enum { IN = 40, OUT = 60 };
    /*
     * deviation of a square over its mean: sqrt(2) of a normal one, less of a uniform one about 0, nothing of
     * all together if orthogonal
     */
    static const struct {
        sd_init init;
        double deviation;
    } cases[] = {{{SD_INIT_NORMAL, 0.3, 0}, 1.5}, {{SD_INIT_UNIFORM, -0.2, 0.5}, 1.2}, {{SD_INIT_XAVIER, 0, 0}, 1.5},
                 {{SD_INIT_HE, 0, 0}, 1.5},       {{SD_INIT_LECUN, 0, 0}, 1.5},        {{SD_INIT_ORTHOGONAL, 1.7, 0}, 1e-9}};
    double x[N * IN];
    law_draw_f64(x, (size_t)N * IN, -1, 1);
    sd_dataset *data = data_of(N, SD_SHAPE(IN), x, NULL, 0, NULL, 0);
    for (size_t i = 0; i < SD_COUNT(cases); i++) {
        sd_signal_report r;
        sd_init init = cases[i].init;
        sd_model *model = model_of(drawn_by, &init, SD_SHAPE(IN), 0, 0, SD_F64);
        assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data}, NULL, &r));
        double drawn = pow(rms_of((size_t)IN * OUT, sd_model_theta(model)), 2),
               expected = pow(r.layer[0].initial / r.input.rms, 2) / IN;
        near(expected / drawn, 1, 5 * cases[i].deviation / sqrt(IN * OUT), "mean square of fresh weights");
        sd_signal_report_clear(&r);
        sd_model_free(model);
    }
    sd_dataset_free(data);
}

/* ---- activations --------------------------------------------------------------------------------------------------------- */

typedef struct chosen {
    sd_activation kind;
    double number;
} chosen;

static sd_built activation_only(sd_builder *b, void *user)
{
    const chosen *c = user;
    return (sd_built){.output = sd_layer_activation(b, b->input, c->kind, c->number, NULL)};
}

/* Where the slope is below 1 % of the largest, worked out by hand, just inside and just outside. */
static void saturation_begins_at_one_per_cent_of_the_largest_slope(void **state)
{
    (void)state;
    static const struct {
        chosen c;
        double x[4];
        double saturated;
    } cases[] = {
        {{SD_SIGMOID, 0}, {-5.99, -5.98, 5.98, 5.99}, 0.5}, /* s (1 - s) = 0.0025 at 5.9864 */
        {{SD_TANH, 0}, {-2.998, -2.99, 0, 2.999}, 0.5},     /* 1 - t^2 = 0.01 at 2.9932 */
        {{SD_RELU, 0}, {-1, 0, 1e-9, 3}, 0.5},
        {{SD_LEAKY, 0.02}, {-1, -5, 1, 2}, 0},
        {{SD_LEAKY, 0.005}, {-1, -5, 1, -2}, 0.75},
        {{SD_SOFTPLUS, 0}, {-4.6, -4.59, -9, 5}, 0.5}, /* s = 0.01 at -4.5951 */
        {{SD_GELU, 0}, {-4, 0, 1, 2}, 0.25},
    };
    for (size_t i = 0; i < SD_COUNT(cases); i++) {
        sd_signal_report r;
        chosen c = cases[i].c;
        sd_model *model = model_of(activation_only, &c, SD_SHAPE(1), 0, 0, SD_F64);
        sd_dataset *data = data_of(4, SD_SHAPE(1), cases[i].x, NULL, 0, NULL, 0);
        assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .batch = 3}, NULL, &r));
        near(r.layer[0].saturated, cases[i].saturated, 1e-12, r.layer[0].kind);
        sd_signal_report_clear(&r);
        sd_dataset_free(data);
        sd_model_free(model);
    }
}

/* E f(x)^2 and E f'(x)^2 of a Gaussian are what the layers themselves give for the quantiles of one. */
static void gaussian_squares_are_those_of_the_layers(void **state)
{
    (void)state;
    enum { QUANTILES = 40000 };
    double *x = malloc(sizeof *x * QUANTILES);
    for (int i = 0; i < QUANTILES; i++)
        x[i] = 1.3 * sd_normal_quantile((i + 0.5) / QUANTILES);
    sd_dataset *data = data_of(QUANTILES, SD_SHAPE(1), x, NULL, 0, NULL, 0);
    for (int kind = 0; kind < SD_ACTIVATION_COUNT; kind++) {
        sd_signal_report r;
        double square, slope, slopes = 0;
        chosen c = {(sd_activation)kind, kind == SD_LEAKY ? 0.2 : 0};
        sd_model *model = model_of(activation_only, &c, SD_SHAPE(1), 0, 0, SD_F64);
        assert_ok(
            sd_probe_signal(&(sd_subject){.model = model, .data = data, .samples = QUANTILES, .batch = QUANTILES}, NULL, &r));
        sd__activation_squares(r.layer[0].kind, 0.2, 1.3 * 1.3, &square, &slope);
        if (kind == SD_THRESHOLD) {
            assert_true(isnan(r.layer[0].predicted) && isnan(square) && isnan(r.layer[0].saturated));
        } else {
            double y[2][QUANTILES / 40], at[QUANTILES / 40];
            if (kind == SD_RELU || kind == SD_LEAKY) { /* half of the mass, or that and a part of the other half */
                near(square, 1.3 * 1.3 * (kind == SD_RELU ? 0.5 : 0.52), 1e-9, "E f(x)^2, closed form");
                near(slope, kind == SD_RELU ? 0.5 : 0.52, 1e-9, "E f'(x)^2, closed form");
            }
            near(r.layer[0].predicted, r.layer[0].rms, 2e-3, r.layer[0].kind);
            for (int side = 0; side < 2; side++) { /* slopes by differences, at every 40th quantile */
                for (int i = 0; i < QUANTILES / 40; i++)
                    at[i] = x[i * 40 + 20] + (side ? 1e-5 : -1e-5);
                assert_ok(sd_model_run(model, SD_EVAL, QUANTILES / 40, &(sd_model_io){.x = at, .output = y[side]}));
            }
            for (int i = 0; i < QUANTILES / 40; i++)
                slopes += pow((y[1][i] - y[0][i]) / 2e-5, 2) / (QUANTILES / 40);
            near(slope, slopes, 2e-3, r.layer[0].kind);
        }
        sd_signal_report_clear(&r);
        sd_model_free(model);
    }
    sd_dataset_free(data);
    free(x);
}

/* ---- what is planted is found, and nothing else -------------------------------------------------------------------------- */

static sd_built with_units(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_conv(b, b->input, (sd_conv_spec){.filters = 5, .kernel = {2}});
    h = sd_layer_activation(b, h, SD_RELU, 0, NULL);
    h = sd_layer_dense(b, h, (sd_dense_spec){.units = 6});
    h = sd_layer_activation(b, h, SD_TANH, 0, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = C}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static double *slice(sd_model *model, const char *name)
{
    sd_layout params = sd_model_params(model);
    for (int i = 0; i < params.count; i++)
        if (!strcmp(params.slice[i].name, name))
            return (double *)sd_model_theta(model) + params.slice[i].offset;
    fail_msg("no slice %s", name);
    return NULL;
}

static void planted_units_are_found_and_no_others(void **state)
{
    (void)state;
    double x[N * 9];
    int32_t y[N];
    sd_signal_report r;
    law_draw_f64(x, N * 9, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = i % C;
    sd_model *model = model_of(with_units, NULL, SD_SHAPE(3, 3, 1), C, 0, SD_F64);
    sd_dataset *data = data_of(N, SD_SHAPE(3, 3, 1), x, y, C, NULL, 0);
    sd_subject subject = {.model = model, .data = data, .batch = 4};
    law_draw_f64(slice(model, "conv1/weight"), (size_t)4 * 5, -0.5, 0.5);
    law_draw_f64(slice(model, "dense1/weight"), (size_t)20 * 6, -0.05, 0.05);
    for (int i = 0; i < 5; i++)
        slice(model, "conv1/bias")[i] = 3; /* more than four taps can take away: all awake, and tanh is not saturated */
    assert_ok(sd_probe_signal(&subject, NULL, &r));
    assert_int_equal(r.dead, 0);
    sd_signal_report_clear(&r);
    slice(model, "conv1/bias")[3] = -1e3; /* never positive */
    slice(model, "dense1/bias")[1] = 1e3; /* tanh gives 1 */
    assert_ok(sd_probe_signal(&subject, NULL, &r));
    assert_int_equal(r.dead, 2);
    assert_int_equal(r.units, 5 + 6);
    assert_int_equal(row(&r, "relu1")->dead, 1);
    assert_int_equal(row(&r, "relu1")->dead_unit[0], 3);
    assert_int_equal(row(&r, "tanh1")->dead, 1);
    assert_int_equal(row(&r, "tanh1")->dead_unit[0], 1);
    assert_int_equal(row(&r, "conv1")->dead, 0); /* its output varies */
    assert_int_equal(row(&r, "dense1")->dead, 0);
    near(row(&r, "relu1")->saturated, 0.2, 1e-12, "one channel of five is 0");
    assert_true(row(&r, "tanh1")->saturated >= 1.0 / 6 - 1e-12);
    assert_int_equal(r.stuck, 0); /* what is dead is counted as that */
    assert_int_equal(row(&r, "conv1")->stuck, -1);
    sd_signal_report_clear(&r);
    /* One sample wakes a unit up: it is in the first batch, or in the last, smaller one. */
    slice(model, "conv1/bias")[3] = 0;
    memset(slice(model, "conv1/weight"), 0, sizeof(double) * 4 * 5);
    for (int tap = 0; tap < 4; tap++)
        slice(model, "conv1/weight")[tap * 5 + 3] = 1;
    for (int last = 0; last < 2; last++) {
        for (int i = 0; i < N * 9; i++)
            x[i] = -1;
        x[last ? N * 9 - 1 : 0] = 5;
        assert_ok(sd_probe_signal(&subject, NULL, &r));
        assert_int_equal(row(&r, "relu1")->dead, 4); /* the others have no weights and give their bias */
        for (int i = 0; i < 4; i++)
            assert_true(row(&r, "relu1")->dead_unit[i] != 3);
        sd_signal_report_clear(&r);
    }
    sd_dataset_free(data);
    sd_model_free(model);
}

/*
 * Two units of tanh that vary, but only where the slope is below 1 %: one sample, in the first or in the last,
 * smaller batch, frees one.
 */
static void units_that_one_sample_frees_are_not_stuck(void **state)
{
    (void)state;
    static const int free_at[] = {-1, 0, N - 1};
    chosen c = {SD_TANH, 0};
    sd_model *model = model_of(activation_only, &c, SD_SHAPE(2), 0, 0, SD_F32);
    for (int k = 0; k < 3; k++) {
        double x[N * 2];
        sd_signal_report r;
        law_draw_f64(x, N * 2, 3.1, 4.5);
        if (free_at[k] >= 0)
            x[free_at[k] * 2 + 1] = 1;
        sd_dataset *data = data_of(N, SD_SHAPE(2), x, NULL, 0, NULL, 0);
        assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .batch = 4}, NULL, &r));
        assert_int_equal(r.layer[0].stuck, k ? 1 : 2);
        assert_int_equal(r.stuck, k ? 1 : 2);
        assert_int_equal(r.dead, 0);
        assert_int_equal(r.input.stuck, -1);
        sd_signal_report_clear(&r);
        sd_dataset_free(data);
    }
    sd_model_free(model);
}

static sd_built with_branch(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_activation(b, b->input, SD_RELU, 0, "first");
    h = sd_layer_activation(b, h, SD_RELU, 0, "again");
    sd_node branch = sd_layer_dense(b, h, (sd_dense_spec){.units = D, .name = "branch"});
    h = sd_layer_add(b, 2, (sd_node[]){branch, h}, "sum");
    return sd_loss(b, sd_layer_dropout(b, h, 0.5, "drop"), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

/* The branch is `size` times the identity, so it contributes `size` of the skip. */
static void idle_layers_are_found_and_no_others(void **state)
{
    (void)state;
    double x[N * D];
    int32_t y[N] = {0};
    law_draw_f64(x, N * D, -1, 1);
    sd_model *model = model_of(with_branch, NULL, SD_SHAPE(D), D, 0, SD_F64);
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, y, D, NULL, 0);
    static const double sizes[] = {0, 5e-4, 2e-3, -0.5, -1};
    for (size_t s = 0; s < SD_COUNT(sizes); s++) {
        sd_signal_report r;
        memset(slice(model, "branch/weight"), 0, sizeof(double) * D * D);
        for (int i = 0; i < D; i++)
            slice(model, "branch/weight")[i * D + i] = sizes[s];
        assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .batch = 4}, NULL, &r));
        near(row(&r, "sum")->change, fabs(sizes[s]), 1e-12, "contribution of the branch");
        near(row(&r, "branch")->chi, sizes[s] * sizes[s], 1e-12, "chi of the branch: what the skip passes on does not count");
        assert_int_equal(row(&r, "sum")->idle, fabs(sizes[s]) < 1e-3);
        assert_true(row(&r, "again")->change == 0 && row(&r, "again")->idle);
        assert_true(row(&r, "first")->change > 0.1 && !row(&r, "first")->idle);
        assert_true(!row(&r, "branch")->idle && !row(&r, "drop")->idle && isnan(row(&r, "drop")->change));
        sd_signal_report_clear(&r);
    }
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- the instrument ------------------------------------------------------------------------------------------------------ */

/* Subjects of one network: in f32, with other weights, in brief. */
static void types_weights_and_brevity(void **state)
{
    (void)state;
    double x[N * 32];
    int32_t y[N];
    range all = {0, LAST};
    sd_signal_report wide_r, narrow, twin, fresh, brief;
    void *theta, *states;
    sd_model *model = model_of(cut, &all, SD_SHAPE(4, 4, 2), C, 0, SD_F64);
    sd_model *single = model_of(cut, &all, SD_SHAPE(4, 4, 2), C, 0, SD_F32);
    law_draw_f64(x, N * 32, -1, 1);
    for (int i = 0; i < N; i++)
        y[i] = law_int(0, C - 1);
    sd_dataset *data = data_of(N, SD_SHAPE(4, 4, 2), x, y, C, NULL, 0);
    sd_subject subject = {.model = model, .data = data, .batch = 4};
    assert_ok(sd_probe_signal(&subject, NULL, &fresh));
    law_draw_f64(sd_model_theta(model), (size_t)sd_model_params(model).length, -0.7, 0.7);
    law_draw_f64(sd_model_state(model), (size_t)sd_model_states(model).length, 0.5, 1.5);
    for (int64_t i = 0; i < sd_model_params(model).length; i++)
        ((float *)sd_model_theta(single))[i] = (float)((double *)sd_model_theta(model))[i];
    for (int64_t i = 0; i < sd_model_states(model).length; i++)
        ((float *)sd_model_state(single))[i] = (float)((double *)sd_model_state(model))[i];
    assert_ok(sd_probe_signal(&subject, NULL, &wide_r));
    assert_ok(sd_probe_signal(&(sd_subject){.model = single, .data = data, .batch = 4}, NULL, &narrow));
    assert_ok(sd_probe_signal(&subject, &(sd_signal_options){.brief = true}, &brief));
    assert_ok(sd_untrained(model, &theta, &states));
    subject.theta = theta;
    subject.state = states;
    assert_ok(sd_probe_signal(&subject, NULL, &twin));
    for (int i = 0; i < LAYERS; i++) {
        const sd_layer_signal *a = &wide_r.layer[i], *b = &narrow.layer[i], *c = &brief.layer[i];
        near(b->rms, a->rms, 1e-5 * a->rms, "f32: rms");
        near(b->gradient, a->gradient, 1e-4 * a->gradient, "f32: gradient");
        assert_true(c->rms == a->rms && c->mean == a->mean && c->gradient == a->gradient && c->dead == a->dead);
        assert_true(isnan(c->predicted) && isnan(c->change));
        assert_true(twin.layer[i].rms == fresh.layer[i].rms && twin.layer[i].gradient == fresh.layer[i].gradient);
        assert_true(twin.layer[i].rms != a->rms);
    }
    sd_signal_report_clear(&wide_r);
    sd_signal_report_clear(&narrow);
    sd_signal_report_clear(&twin);
    sd_signal_report_clear(&fresh);
    sd_signal_report_clear(&brief);
    free(theta);
    free(states);
    sd_dataset_free(data);
    sd_model_free(model);
    sd_model_free(single);
}

static sd_built without_loss(sd_builder *b, void *user)
{
    (void)user;
    return (sd_built){.output = sd_layer_dense(b, b->input, (sd_dense_spec){.units = C})};
}

static sd_built one_class(sd_builder *b, void *user)
{
    (void)user;
    return sd_loss(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = 1}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static void fails(const sd_subject *subject, sd_status wanted, const char *words)
{
    sd_signal_report r;
    assert_int_equal(sd_probe_signal(subject, NULL, &r), wanted);
    says(words);
}

static void what_cannot_be_measured_is_said(void **state)
{
    (void)state;
    double x[N * D], t[N * T];
    int32_t y[N] = {0};
    sd_signal_report r;
    law_draw_f64(x, N * D, -1, 1);
    law_draw_f64(t, N * T, -1, 1);
    sd_model *model = model_of(linear, NULL, SD_SHAPE(D), 0, T, SD_F64);
    sd_model *lossless = model_of(without_loss, NULL, SD_SHAPE(D), 0, 0, SD_F64);
    sd_model *single = model_of(one_class, NULL, SD_SHAPE(D), 1, 0, SD_F64);
    sd_dataset *data = data_of(N, SD_SHAPE(D), x, NULL, 0, t, T), *bare = data_of(N, SD_SHAPE(D), x, NULL, 0, NULL, 0);
    sd_dataset *same = data_of(N, SD_SHAPE(D), x, y, 1, NULL, 0);
    assert_ok(sd_probe_signal(&(sd_subject){.model = lossless, .data = bare}, NULL, &r));
    assert_true(isnan(r.loss) && isnan(r.layer[0].gradient) && isnan(r.layer[0].gradient_norm) &&
                isfinite(r.layer[0].predicted));
    assert_true(isnan(r.layer[0].chi) && isnan(r.layer[0].predicted_chi));
    sd_signal_report_clear(&r);
    assert_ok(sd_probe_signal(&(sd_subject){.model = single, .data = same}, NULL, &r));
    assert_true(r.loss == 0 && r.layer[0].gradient == 0 && r.layer[0].gradient_norm == 0);
    sd_signal_report_clear(&r);
    assert_ok(sd_probe_signal(&(sd_subject){.model = model, .data = data, .samples = 1}, NULL, &r));
    assert_int_equal(r.layer[0].dead, -1); /* one number is always constant */
    sd_signal_report_clear(&r);
    fails(&(sd_subject){.model = model, .data = same}, SD_ESHAPE, "targets");
    ((double *)sd_model_theta(model))[D * T] = INFINITY;
    fails(&(sd_subject){.model = model, .data = data}, SD_ENONFINITE, "parameters of dense1");
    ((double *)sd_model_theta(model))[D * T] = 1e300;
    fails(&(sd_subject){.model = model, .data = data}, SD_ENONFINITE, "dense1");
    ((double *)sd_model_theta(model))[D * T] = 0;
    x[3] = NAN;
    fails(&(sd_subject){.model = model, .data = data}, SD_ENONFINITE, "samples");
    sd_dataset_free(data);
    sd_dataset_free(bare);
    sd_dataset_free(same);
    sd_model_free(model);
    sd_model_free(lossless);
    sd_model_free(single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_linear_net_is_as_by_hand),
        cmocka_unit_test(every_layer_is_as_a_model_cut_there),
        cmocka_unit_test(the_prediction_is_the_mean_over_all_signs),
        cmocka_unit_test(he_networks_follow_the_recursion),
        cmocka_unit_test(fresh_weights_are_as_large_as_those_drawn),
        cmocka_unit_test(saturation_begins_at_one_per_cent_of_the_largest_slope),
        cmocka_unit_test(gaussian_squares_are_those_of_the_layers),
        cmocka_unit_test(planted_units_are_found_and_no_others),
        cmocka_unit_test(units_that_one_sample_frees_are_not_stuck),
        cmocka_unit_test(idle_layers_are_found_and_no_others),
        cmocka_unit_test(types_weights_and_brevity),
        cmocka_unit_test(what_cannot_be_measured_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
