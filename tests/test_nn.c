/*
 * test_nn.c -- layers, initialisers, losses, models from C and from YAML: shapes, counts, names, values, gradients, messages.
 */
#include <math.h>
#include <sonde/nn.h>
#include <sonde/ops.h>
#include <stdio.h>
#include <string.h>

#include "base/vector.h"
#include "format/config.h"
#include "law.h"
#include "nn/yaml.h"

static sd_context *context_of(int threads)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = threads}, &context));
    return context;
}

static sd_status from_text(sd_context *context, const char *text, sd_model_data data, sd_model **model)
{
    sd_config *config;
    assert_ok(sd__config_parse("a.yaml", text, strlen(text), &config));
    sd_status status = sd__model_from_config(context, config->root, &data, model);
    sd__config_free(config);
    return status;
}

static sd_model *model_of(sd_context *context, const char *text, sd_model_data data)
{
    sd_model *model;
    assert_ok(from_text(context, text, data, &model));
    return model;
}

static const sd_slice *find_slice(sd_layout layout, const char *name)
{
    for (int i = 0; i < layout.count; i++)
        if (strcmp(layout.slice[i].name, name) == 0)
            return &layout.slice[i];
    fail_msg("there is no slice %s", name);
    return NULL;
}

static void assert_shape(sd_shape got, sd_shape wanted)
{
    char one[SD_SHAPE_TEXT], two[SD_SHAPE_TEXT];
    assert_string_equal(sd_shape_text(got, one), sd_shape_text(wanted, two));
}

/* ---- counts, shapes, names, depth ------------------------------------------------------------------------------------- */

static void lenet_in_numbers(void **state)
{
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, "model: lenet\n", (sd_model_data){.classes = 10});
    const sd_model_info *info = sd_model_describe(model);
    assert_int_equal(info->parameters, 5 * 5 * 32 + 32 + 5 * 5 * 32 * 64 + 64 + 7 * 7 * 64 * 512 + 512 + 512 * 10 + 10);
    assert_int_equal(info->trainable, info->parameters);
    assert_int_equal(info->states, 0);
    assert_int_equal(info->layers, 10);
    static const char *const names[] = {"conv1",    "relu1",    "maxpool1", "conv2", "relu2",
                                        "maxpool2", "flatten1", "dense1",   "relu3", "dense2"};
    for (int i = 0; i < 10; i++)
        assert_string_equal(info->layer[i].name, names[i]);
    assert_shape(info->layer[0].output, SD_SHAPE(28, 28, 32));
    assert_shape(info->layer[5].output, SD_SHAPE(7, 7, 64));
    assert_shape(sd_model_output(model), SD_SHAPE(10));
    assert_int_equal(info->layer[3].parameters, 5 * 5 * 32 * 64 + 64);
    assert_int_equal(info->depth_path, 4);
    assert_int_equal(info->depth_nonlinear, 5); /* three ReLU, two pooling layers */
    const sd_slice *slice = find_slice(sd_model_params(model), "conv2/weight");
    assert_shape(slice->shape, SD_SHAPE(5, 5, 32, 64));
    assert_true(slice->decayed && slice->fan_in == 800 && slice->fan_out == 1600);
    assert_false(find_slice(sd_model_params(model), "conv2/bias")->decayed);
    sd_model_free(model);
    sd_context_free(context);
}

/* Two operations a multiplication with addition; padding is counted by no one. */
static void flops_of_dense_layers(void **state)
{
    sd_context *context = context_of(1);
    sd_model *model =
        model_of(context, "model: {input: 20, layers: [{dense: {units: 30, bias: false}}, {dense: {units: 7, bias: false}}]}\n",
                 (sd_model_data){0});
    const sd_model_info *info = sd_model_describe(model);
    assert_true(info->layer[0].flops == 2 * 20 * 30 && info->flops == 2 * 20 * 30 + 2 * 30 * 7);
    sd_model_free(model);
    sd_context_free(context);
}

static void resnets_in_numbers(void **state)
{
    static const struct {
        const char *text;
        int n;
    } row[] = {{"model: resnet20\n", 3}, {"model: resnet32\n", 5}, {"model: resnet56\n", 9}};
    sd_context *context = context_of(1);
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        sd_model *model = model_of(context, row[i].text, (sd_model_data){.classes = 10});
        const sd_model_info *info = sd_model_describe(model);
        int n = row[i].n,
            convs = 9 * (3 * 16 + 2 * n * 16 * 16 + 16 * 32 + (2 * n - 1) * 32 * 32 + 32 * 64 + (2 * n - 1) * 64 * 64);
        int norms = (2 * n + 1) * 16 + 2 * n * 32 + 2 * n * 64;
        assert_int_equal(info->parameters, convs + 2 * norms + 64 * 10 + 10);
        assert_int_equal(info->states, 2 * norms);
        assert_int_equal(info->depth_path, 6 * n + 2);
        assert_int_equal(info->depth_nonlinear, 6 * n + 1);
        find_slice(sd_model_params(model), "block1/residual1/conv2/weight");
        find_slice(sd_model_params(model), "residual1/batch_norm1/scale");
        find_slice(sd_model_states(model), "batch_norm1/variance");
        sd_model_free(model);
    }
    sd_context_free(context);
}

/* The two definitions of depth differ where a long path holds few nonlinear layers and a short one many. */
static void the_two_depths_differ(void **state)
{
    static const char *const text = "model:\n"
                                    "  input: 4\n"
                                    "  layers:\n"
                                    "    - block: {name: linear, layers: [dense: 4, dense: 4, dense: 4]}\n"
                                    "    - block: {name: curved, layers: [{relu: {from: input}}, tanh, dense: 4]}\n"
                                    "    - add: [linear, curved]\n";
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, text, (sd_model_data){0});
    const sd_model_info *info = sd_model_describe(model);
    assert_int_equal(info->depth_path, 3);
    assert_int_equal(info->depth_nonlinear, 2);
    sd_model_free(model);
    sd_context_free(context);
}

/* Windows that differ in the two directions, and what does not reach the output: it is listed, but costs nothing. */
static void windows_of_two_sizes(void **state)
{
    static const char *const text =
        "model:\n"
        "  input: [12, 20, 2]\n"
        "  layers:\n"
        "    - conv: {filters: 4, kernel: [3, 2], dilation: [2, 5], stride: [1, 3]}\n" /* (12 - 5) + 1, (20 - 6) / 3 + 1 */
        "    - maxpool: {size: [2, 1], padding: [1, 0]}\n"                             /* (8 + 2 - 2) / 2 + 1, 5 */
        "    - residual: {shortcut: project, layers: [conv: {filters: 4, stride: [2, 1], padding: same}]}\n"
        "    - dense: {units: 100, name: unused}\n"
        "    - dense: {units: 7, bias: false, from: residual1}\n";
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, text, (sd_model_data){0});
    const sd_model_info *info = sd_model_describe(model);
    assert_shape(info->layer[0].output, SD_SHAPE(8, 5, 4));
    assert_shape(info->layer[1].output, SD_SHAPE(5, 5, 4));
    assert_shape(info->layer[2].output, SD_SHAPE(3, 5, 4));
    assert_string_equal(info->layer[3].name, "residual1/conv2");
    assert_shape(info->layer[3].output, SD_SHAPE(3, 5, 4));
    assert_string_equal(info->layer[5].name, "unused");
    assert_true(info->layer[5].parameters == 60 * 100 + 100 && info->layer[5].flops == 0);
    assert_true(info->layer[6].flops == 2 * 60 * 7);
    sd_model_free(model);
    sd_context_free(context);
}

static void every_zoo_model_is_made(void **state)
{
    sd_context *context = context_of(1);
    const sd_zoo_entry *zoo;
    int n = sd_zoo(&zoo);
    for (int i = 0; i < n; i++) {
        char text[256];
        snprintf(text, sizeof text, "model: %s\n", zoo[i].name);
        sd_model *model = model_of(context, text, (sd_model_data){.classes = 7});
        assert_shape(sd_model_output(model), SD_SHAPE(7));
        sd_model_free(model);
        model = model_of(context, text, (sd_model_data){.input = SD_SHAPE(40, 36, 2), .classes = 3});
        assert_shape(sd_model_output(model), SD_SHAPE(3));
        sd_model_free(model);
    }
    assert_true(n >= 5);
    sd_context_free(context);
}

/* ---- initial weights ------------------------------------------------------------------------------------------------- */

enum { DRAWN = 40000 };

static void draw(const char *name, sd_init init, int64_t fan_in, int64_t fan_out, uint64_t seed, double *data)
{
    sd_slice slice = {.name = name,
                      .shape = SD_SHAPE(200, 200),
                      .length = DRAWN,
                      .init = init,
                      .fan_in = fan_in,
                      .fan_out = fan_out,
                      .dtype = SD_F64};
    assert_ok(sd_init_draw(&slice, seed, data));
}

static void moments(const double *x, double *mean, double *variance, double *kurtosis)
{
    double m = 0, v = 0, k = 0;
    for (int i = 0; i < DRAWN; i++)
        m += x[i] / DRAWN;
    for (int i = 0; i < DRAWN; i++)
        v += (x[i] - m) * (x[i] - m) / DRAWN;
    for (int i = 0; i < DRAWN; i++)
        k += pow((x[i] - m) / sqrt(v), 4) / DRAWN;
    *mean = m;
    *variance = v;
    *kurtosis = k;
}

/*
 * Kolmogorov and Smirnov's distance of a sample from the normal or the uniform law of mean 0; above 2 / sqrt(n) once in 1,500.
 */
static double distance(double *x, bool normal, double deviation)
{
    double largest = 0;
    qsort(x, DRAWN, sizeof *x, sd__ascending);
    for (int i = 0; i < DRAWN; i++) {
        double z = x[i] / deviation, below = normal ? 0.5 * erfc(-z / sqrt(2)) : 0.5 + z / sqrt(12);
        largest = fmax(largest, fmax(fabs(below - (double)i / DRAWN), fabs(below - (i + 1.0) / DRAWN)));
    }
    return largest;
}

/* Mean 0, the stated variance, and the fourth moment of the law (3 normal, 9/5 uniform), each within five standard errors. */
static void distributions_have_their_moments(void **state)
{
    static const struct {
        sd_init init;
        double variance, kurtosis, limit;
    } row[] = {
        {{SD_INIT_NORMAL, 0.3, 0}, 0.09, 3, 2},
        {{SD_INIT_UNIFORM, -2, 2}, 16.0 / 12, 1.8, 2},
        {{SD_INIT_HE, 0, 0}, 2.0 / 50, 3, 2},
        {{SD_INIT_LECUN, 0, 0}, 1.0 / 50, 3, 2},
        {{SD_INIT_XAVIER, 0, 0}, 2.0 / (50 + 70), 1.8, 0.2236068},
    };
    double *x = sd__alloc_zeroed(DRAWN, sizeof *x);
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        double mean, variance, kurtosis;
        draw("w", row[i].init, 50, 70, 3, x);
        moments(x, &mean, &variance, &kurtosis);
        assert_true(fabs(mean) < 5 * sqrt(row[i].variance / DRAWN));
        assert_true(fabs(variance / row[i].variance - 1) < 5 * sqrt((row[i].kurtosis - 1) / DRAWN));
        assert_true(fabs(kurtosis - row[i].kurtosis) < 5 * sqrt(96.0 / DRAWN));
        assert_true(distance(x, row[i].kurtosis == 3, sqrt(row[i].variance)) < 2 / sqrt(DRAWN));
        for (int k = 0; k < DRAWN; k++)
            assert_true(fabs(x[k]) <= row[i].limit);
    }
    draw("w", (sd_init){SD_INIT_CONSTANT, 0.5, 0}, 1, 1, 3, x);
    assert_true(x[0] == 0.5 && x[DRAWN - 1] == 0.5);
    draw("w", (sd_init){SD_INIT_ZEROS, 9, 9}, 1, 1, 3, x);
    assert_true(x[0] == 0 && x[DRAWN - 1] == 0);
    free(x);
}

static void names_and_seeds_are_apart(void **state)
{
    double *x = sd__alloc_zeroed(DRAWN, sizeof *x), *y = sd__alloc_zeroed(DRAWN, sizeof *y);
    const sd_init normal = {SD_INIT_NORMAL, 1, 0};
    double neighbours = 0;
    draw("w", normal, 1, 1, 1, x);
    for (int i = 1; i < DRAWN; i++)
        neighbours += x[i] * x[i - 1] / DRAWN;
    assert_true(fabs(neighbours) < 5 / sqrt(DRAWN));
    for (int other = 0; other < 3; other++) {
        double correlation = 0;
        draw("conv1/weight", normal, 1, 1, 1, x);
        draw(other == 1 ? "conv2/weight" : "conv1/weight", normal, 1, 1, other == 2 ? 2 : 1, y);
        for (int i = 0; i < DRAWN; i++)
            correlation += x[i] * y[i] / DRAWN;
        assert_true(other ? fabs(correlation) < 5 / sqrt(DRAWN) : memcmp(x, y, DRAWN * sizeof *x) == 0);
    }
    free(x);
    free(y);
}

/* Q'Q = gain^2 I on the shorter side, for filters as for matrices. */
static void orthogonal_is_orthogonal(void **state)
{
    static const int64_t shape[][2] = {{30, 12}, {12, 30}, {17, 17}, {1, 5}, {5, 1}};
    double q[30 * 30];
    for (size_t s = 0; s < SD_COUNT(shape); s++) {
        int64_t rows = shape[s][0], columns = shape[s][1];
        sd_slice slice = {.name = "q",
                          .shape = SD_SHAPE(rows, columns),
                          .length = rows * columns,
                          .init = {SD_INIT_ORTHOGONAL, 1.5, 0},
                          .dtype = SD_F64};
        assert_ok(sd_init_draw(&slice, 11, q));
        bool tall = rows >= columns;
        for (int64_t i = 0; i < SD_MIN(rows, columns); i++)
            for (int64_t j = 0; j < SD_MIN(rows, columns); j++) {
                double sum = 0, wanted = i == j ? 2.25 : 0;
                for (int64_t k = 0; k < SD_MAX(rows, columns); k++)
                    sum += tall ? q[k * columns + i] * q[k * columns + j] : q[i * columns + k] * q[j * columns + k];
                assert_near_f64(&sum, &wanted, 1, 1e-13);
            }
    }
}

static void bad_initialisers(void **state)
{
    sd_slice slice = {.name = "w", .shape = SD_SHAPE(2), .length = 2, .dtype = SD_F64};
    double x[2];
    slice.init = (sd_init){SD_INIT_NORMAL, -1, 0};
    assert_status(sd_init_draw(&slice, 1, x), SD_EINVAL);
    slice.init = (sd_init){SD_INIT_UNIFORM, 1, 0};
    assert_status(sd_init_draw(&slice, 1, x), SD_EINVAL);
    slice.init = (sd_init){SD_INIT_CONSTANT, NAN, 0};
    assert_status(sd_init_draw(&slice, 1, x), SD_EINVAL);
}

/* Another layer in between, other threads, the other precision: the weights of a name stay. */
static void weights_depend_on_seed_and_name_alone(void **state)
{
    static const char *const text[] = {
        "model: {input: 33, layers: [dense: {units: 301, name: a}, relu, dense: {units: 99, name: b, init: {orthogonal: "
        "2}}]}\n",
        "model: {input: 33, layers: [dense: {units: 301, name: a}, dense: 301, layer_norm, dense: {units: 99, name: b, init: "
        "{orthogonal: 2}}]}\n",
    };
    sd_context *one = context_of(1), *three = context_of(3);
    sd_model *a = model_of(one, text[0], (sd_model_data){0}), *b = model_of(three, text[1], (sd_model_data){0});
    static const char *const names[] = {"a/weight", "b/weight"};
    for (int i = 0; i < 2; i++) {
        const sd_slice *x = find_slice(sd_model_params(a), names[i]), *y = find_slice(sd_model_params(b), names[i]);
        float *alone = sd__alloc((size_t)x->length, sizeof *alone);
        assert_int_equal(x->length, y->length);
        assert_memory_equal((float *)sd_model_theta(a) + x->offset, (float *)sd_model_theta(b) + y->offset,
                            (size_t)x->length * 4);
        assert_ok(sd_init_draw(x, 1, alone));
        assert_memory_equal((float *)sd_model_theta(a) + x->offset, alone, (size_t)x->length * 4);
        free(alone);
    }
    sd_model_free(a);
    sd_model_free(b);
    sd_context_free(one);
    sd_context_free(three);
}

/* ---- values ------------------------------------------------------------------------------------------------------------ */

/* What goes into a build function that only returns its input through a loss. */
static sd_built build_loss(sd_builder *b, void *user) { return sd_loss(b, b->input, *(sd_loss_spec *)user); }

typedef double loss_formula(const double *z, int columns, int label, double smoothing);

static double formula_cross_entropy(const double *z, int c, int y, double s)
{
    double sum = 0, loss = 0;
    for (int j = 0; j < c; j++)
        sum += exp(z[j]);
    for (int j = 0; j < c; j++)
        loss -= ((1 - s) * (j == y) + s / c) * (z[j] - log(sum));
    return loss;
}

static double formula_mse(const double *z, int c, int y, double s)
{
    double sum = 0;
    for (int j = 0; j < c; j++)
        sum += pow(z[j] - (c == 1 ? y : j == y), 2) / c;
    return sum;
}

static double formula_hinge(const double *z, int c, int y, double s)
{
    if (c == 1)
        return fmax(0, 1 - (2 * y - 1) * z[0]);
    double worst = -1e300;
    for (int j = 0; j < c; j++)
        if (j != y)
            worst = fmax(worst, z[j]);
    return fmax(0, 1 + worst - z[y]);
}

static double formula_logistic(const double *z, int c, int y, double s)
{
    double sum = 0;
    for (int j = 0; j < c; j++)
        sum += log(1 + exp((c == 1 ? y : j == y) ? -z[j] : z[j])) / c;
    return sum;
}

static void losses_are_their_formulas(void **state)
{
    static loss_formula *const formula[] = {
        [SD_CROSS_ENTROPY] = formula_cross_entropy,
        [SD_MSE] = formula_mse,
        [SD_HINGE] = formula_hinge,
        [SD_LOGISTIC] = formula_logistic,
    };
    sd_context *context = context_of(1);
    for (int kind = 0; kind < SD_LOSS_COUNT; kind++)
        for (int columns = 1; columns <= 4; columns += 3) {
            enum { B = 6 };
            sd_loss_spec spec = {.kind = (sd_loss_kind)kind, .smoothing = kind == SD_CROSS_ENTROPY ? 0.2 : 0};
            double z[B * 4], losses[B], wanted[B], loss, mean = 0;
            int32_t y[B];
            if (columns == 1 && kind == SD_CROSS_ENTROPY)
                continue;
            law_draw_f64(z, B * 4, -2, 2);
            for (int i = 0; i < B; i++) {
                y[i] = law_int(0, columns == 1 ? 1 : columns - 1);
                wanted[i] = formula[kind](z + i * columns, columns, y[i], spec.smoothing);
                mean += wanted[i] / B;
            }
            sd_model *model;
            assert_ok(sd_model_new(context,
                                   &(sd_model_spec){.build = build_loss,
                                                    .user = &spec,
                                                    .input = SD_SHAPE(columns),
                                                    .classes = columns == 1 ? 2 : columns,
                                                    .dtype = SD_F64},
                                   &model));
            assert_ok(sd_model_run(model, SD_EVAL, B, &(sd_model_io){.x = z, .y = y, .loss = &loss, .losses = losses}));
            assert_near_f64(losses, wanted, B, 1e-13);
            assert_near_f64(&loss, &mean, 1, 1e-13);
            sd_model_free(model);
        }
    sd_context_free(context);
}

/* Real targets: mean squared error and, for targets in [0,1], the logistic loss. */
static void losses_of_real_targets(void **state)
{
    enum { B = 5, T = 3 };
    sd_context *context = context_of(1);
    for (int kind = SD_MSE; kind <= SD_LOGISTIC; kind += SD_LOGISTIC - SD_MSE) {
        sd_loss_spec spec = {.kind = (sd_loss_kind)kind};
        double z[B * T], t[B * T], losses[B], wanted[B] = {0};
        sd_model *model;
        law_draw_f64(z, B * T, -2, 2);
        law_draw_f64(t, B * T, 0, 1);
        for (int i = 0; i < B * T; i++)
            wanted[i / T] += (kind == SD_MSE ? (z[i] - t[i]) * (z[i] - t[i]) : log(1 + exp(z[i])) - t[i] * z[i]) / T;
        assert_ok(sd_model_new(
            context, &(sd_model_spec){.build = build_loss, .user = &spec, .input = SD_SHAPE(T), .targets = T, .dtype = SD_F64},
            &model));
        assert_ok(sd_model_run(model, SD_EVAL, B, &(sd_model_io){.x = z, .y = t, .losses = losses}));
        assert_near_f64(losses, wanted, B, 1e-13);
        sd_model_free(model);
    }
    sd_context_free(context);
}

static const char *const everything =
    "model:\n"
    "  input: [8, 8, 2]\n"
    "  layers:\n"
    "    - conv: {filters: 4, kernel: [3, 2], padding: same, init: lecun, bias_init: {uniform: 0.5}}\n"
    "    - batch_norm: {momentum: 0.3}\n"
    "    - softplus\n"
    "    - residual: {shortcut: pad, layers: [conv: {filters: 6, stride: 2, padding: 1, groups: 2}, gelu]}\n"
    "    - residual: {shortcut: project, layers: [conv: {filters: 6, dilation: 2, padding: 2}, tanh]}\n"
    "    - residual: {shortcut: [tanh], layers: [batch_norm, block: [dropout: {rate: 0.25, from: batch_norm1}]]}\n"
    "    - block:\n"
    "        name: twice\n"
    "        repeat: 2\n"
    "        layers:\n"
    "          - avgpool: {size: 2, stride: 1}\n"
    "          - sigmoid\n"
    "    - concat: {from: [previous, twice2/avgpool1], name: both}\n"
    "    - maxpool: {size: 2, stride: 1}\n"
    "    - global_avgpool\n"
    "    - layer_norm\n"
    "    - dense: {units: 9, init: {normal: 0.4}}\n"
    "    - leaky: 0.1\n"
    "    - dropout\n"
    "    - dense: {units: classes, init: xavier}\n"
    "loss: {cross_entropy: {smoothing: 0.1}}\n"
    "train: {precision: fp64, seed: 5}\n";

/* A model of nearly all kinds of layers: the gradient along a random direction is the central difference of the loss. */
static void gradient_of_everything(void **state)
{
    enum { B = 4 };
    sd_context *context = context_of(2);
    sd_model *model = model_of(context, everything, (sd_model_data){.classes = 5});
    int64_t n = sd_model_params(model).length;
    double *theta = sd_model_theta(model), *grad = sd_model_vector(model), *direction = sd_model_vector(model),
           *moved = sd_model_vector(model), x[B * 8 * 8 * 2], loss[2], slope = 0, h = 1e-5;
    int32_t y[B] = {0, 4, 2, 2}, ids[B] = {17, 3, 5, 90};
    law_draw_f64(x, SD_COUNT(x), -1, 1);
    law_draw_f64(direction, (size_t)n, -1, 1);
    sd_model_io io = {.x = x, .y = y, .ids = ids, .step = 3, .loss = &loss[0], .grad = grad};
    assert_ok(sd_model_run(model, SD_TRAIN, B, &io));
    for (int64_t i = 0; i < n; i++)
        slope += grad[i] * direction[i];
    for (int side = 0; side < 2; side++) {
        for (int64_t i = 0; i < n; i++)
            moved[i] = theta[i] + (side ? -h : h) * direction[i];
        io = (sd_model_io){.x = x, .y = y, .ids = ids, .step = 3, .theta = moved, .loss = &loss[side]};
        assert_ok(sd_model_run(model, SD_TRAIN, B, &io));
    }
    double difference = (loss[0] - loss[1]) / (2 * h);
    assert_near_f64(&difference, &slope, 1, 1e-7);
    assert_true(fabs(slope) > 1e-3);
    free(grad);
    free(direction);
    free(moved);
    sd_model_free(model);
    sd_context_free(context);
}

/* The same network, by C calls: same names, hence same weights, hence the same numbers. */
static sd_built build_skips(sd_builder *b, void *user)
{
    sd_node a = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 6, .name = "a"});
    sd_block_begin(b, "residual1");
    sd_node y = sd_layer_activation(b, sd_layer_dense(b, a, (sd_dense_spec){.units = 6}), SD_TANH, 0, NULL);
    y = sd_layer_add(b, 2, (sd_node[]){y, a}, NULL);
    sd_block_end(b);
    y = sd_layer_concat(b, 3, (sd_node[]){y, a, b->input}, NULL);
    return sd_loss(b, sd_layer_dense(b, y, (sd_dense_spec){.units = 3}), (sd_loss_spec){.kind = SD_CROSS_ENTROPY});
}

static void yaml_and_c_make_the_same_network(void **state)
{
    static const char *const text = "model:\n"
                                    "  input: 5\n"
                                    "  layers:\n"
                                    "    - dense: {units: 6, name: a}\n"
                                    "    - residual: [dense: 6, tanh]\n"
                                    "    - concat: [residual1, a, input]\n"
                                    "    - dense: 3\n";
    enum { B = 7 };
    sd_context *context = context_of(1);
    sd_model *c, *yaml = model_of(context, text, (sd_model_data){.classes = 3});
    float x[B * 5], one[B * 3], two[B * 3];
    assert_ok(sd_model_new(context, &(sd_model_spec){.build = build_skips, .input = SD_SHAPE(5), .classes = 3, .seed = 1}, &c));
    assert_true(sd_model_params(c).hash == sd_model_params(yaml).hash);
    law_draw(x, B * 5, -1, 1);
    assert_ok(sd_model_run(c, SD_EVAL, B, &(sd_model_io){.x = x, .output = one}));
    assert_ok(sd_model_run(yaml, SD_EVAL, B, &(sd_model_io){.x = x, .output = two}));
    assert_memory_equal(one, two, sizeof one);
    assert_true(one[0] != one[3]);
    sd_model_free(c);
    sd_model_free(yaml);
    sd_context_free(context);
}

/* Running statistics: (1 - m) old + m batch with the unbiased variance; they change by commit alone, and eval uses them. */
static void batch_norm_keeps_statistics(void **state)
{
    enum { B = 5, C = 2 };
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, "model: {input: 2, layers: [batch_norm: {momentum: 0.25}]}\ntrain: {precision: fp64}\n",
                               (sd_model_data){0});
    double x[B * C], output[B * C], wanted[B * C], mean[C] = {0}, variance[C] = {0}, statistics[2 * C];
    law_draw_f64(x, B * C, -3, 3);
    for (int i = 0; i < B * C; i++)
        mean[i % C] += x[i] / B;
    for (int i = 0; i < B * C; i++)
        variance[i % C] += (x[i] - mean[i % C]) * (x[i] - mean[i % C]) / B;
    for (int c = 0; c < C; c++) {
        statistics[c] = 0.25 * mean[c];
        statistics[C + c] = 0.75 + 0.25 * variance[c] * B / (B - 1);
    }
    assert_ok(sd_model_run(model, SD_TRAIN, B, &(sd_model_io){.x = x, .output = output, .next_state = true}));
    for (int i = 0; i < B * C; i++)
        wanted[i] = (x[i] - mean[i % C]) / sqrt(variance[i % C] + 1e-5);
    assert_near_f64(output, wanted, B * C, 1e-12);
    const double *running = sd_model_state(model);
    assert_true(running[0] == 0 && running[C] == 1);
    sd_model_commit(model);
    assert_near_f64(sd_model_state(model), statistics, 2 * C, 1e-13);
    assert_ok(sd_model_run(model, SD_EVAL, B, &(sd_model_io){.x = x, .output = output}));
    for (int i = 0; i < B * C; i++)
        wanted[i] = (x[i] - statistics[i % C]) / sqrt(statistics[C + i % C] + 1e-5);
    assert_near_f64(output, wanted, B * C, 1e-12);
    sd_model_free(model);
    sd_context_free(context);
}

static void run_output(sd_model *model, sd_mode mode, uint64_t version, const float *x, float *output)
{
    assert_ok(sd_model_run(model, mode, 1, &(sd_model_io){.x = x, .theta_version = version, .output = output}));
}

/*
 * Runs with a version of theta give what runs without one do. They read copies: what is written into theta shows with the next
 * version, not before (biases are read anew; here they stay 0). Training reads theta itself.
 */
static void a_version_of_theta_is_kept(void **state)
{
    enum { IN = 70, OUT = 300 };
    sd_context *context[] = {context_of(1), context_of(3)};
    sd_model *model[2];
    float x[IN], plain[OUT], doubled[OUT], kept[2][OUT], again[OUT];
    law_draw(x, IN, -1, 1);
    for (int i = 0; i < 2; i++)
        model[i] = model_of(context[i], "model: {input: 70, layers: [dense: 200, relu, dense: 300, relu, dense: 300]}\n",
                            (sd_model_data){0});
    for (uint64_t version = 1; version <= 2; version++)
        for (int i = 0; i < 2; i++) {
            float *theta = sd_model_theta(model[i]);
            run_output(model[i], SD_EVAL, 0, x, plain);
            run_output(model[i], SD_EVAL, version, x, kept[i]);
            run_output(model[i], SD_TRAIN, version, x, again);
            assert_near(kept[i], plain, OUT, 1e-5);
            assert_near(again, plain, OUT, 1e-5);
            assert_memory_equal(kept[i], kept[0], sizeof *kept);
            for (int64_t k = 0; k < sd_model_params(model[i]).length; k++)
                theta[k] *= 2;
            run_output(model[i], SD_EVAL, version, x, again);
            assert_memory_equal(again, kept[i], sizeof again);
            run_output(model[i], SD_EVAL, 0, x, doubled);
            run_output(model[i], SD_TRAIN, version, x, again);
            assert_near(again, doubled, OUT, 1e-5);
            assert_memory_not_equal(plain, doubled, sizeof plain);
        }
    for (int i = 0; i < 2; i++) {
        sd_model_free(model[i]);
        sd_context_free(context[i]);
    }
}

/* Masks belong to step and sample id, not to the place in the batch; eval drops nothing. */
static void dropout_by_step_and_id(void **state)
{
    enum { B = 50, N = 40 };
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, "model: {input: 40, layers: [dropout: 0.3]}\n", (sd_model_data){0});
    float x[B * N], one[B * N], two[B * N];
    int32_t ids[B], turned[B];
    int zeros = 0;
    for (int i = 0; i < B * N; i++)
        x[i] = 1;
    for (int i = 0; i < B; i++) {
        ids[i] = 100 + i;
        turned[i] = 100 + B - 1 - i;
    }
    assert_ok(sd_model_run(model, SD_TRAIN, B, &(sd_model_io){.x = x, .ids = ids, .step = 4, .output = one}));
    assert_ok(sd_model_run(model, SD_TRAIN, B, &(sd_model_io){.x = x, .ids = turned, .step = 4, .output = two}));
    for (int i = 0; i < B; i++)
        assert_memory_equal(one + i * N, two + (B - 1 - i) * N, N * sizeof *one);
    for (int i = 0; i < B * N; i++) {
        assert_true(one[i] == 0 || one[i] == 1 / 0.7f || fabsf(one[i] - 1 / 0.7f) < 1e-6f);
        zeros += one[i] == 0;
    }
    assert_true(abs(zeros - B * N * 3 / 10) < 5 * sqrt(B * N * 0.21));
    assert_ok(sd_model_run(model, SD_TRAIN, B, &(sd_model_io){.x = x, .ids = ids, .step = 5, .output = two}));
    assert_memory_not_equal(one, two, sizeof one);
    assert_ok(sd_model_run(model, SD_EVAL, B, &(sd_model_io){.x = x, .output = two}));
    assert_memory_equal(x, two, sizeof x);
    sd_model_free(model);
    sd_context_free(context);
}

/* Every second position, then zeros for the channels that x does not have. */
static void pad_shortcut_values(void **state)
{
    sd_context *context = context_of(1);
    sd_model *model =
        model_of(context,
                 "model: {input: [3, 4, 1], layers: [residual: {shortcut: pad, layers: [conv: {filters: 2, kernel: 1, "
                 "stride: 2, init: zeros, bias: false}]}]}\n",
                 (sd_model_data){0});
    float x[12], output[2 * 2 * 2];
    for (int i = 0; i < 12; i++)
        x[i] = (float)i;
    static const float wanted[8] = {0, 0, 2, 0, 8, 0, 10, 0};
    assert_ok(sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.x = x, .output = output}));
    assert_memory_equal(output, wanted, sizeof wanted);
    sd_model_free(model);
    sd_context_free(context);
}

/* ---- frozen layers ------------------------------------------------------------------------------------------------------- */

static void frozen_layers_have_no_gradient(void **state)
{
    static const char *const text =
        "model: {input: 4, layers: [dense: 5, tanh, block: [dense: 5], dense: 3]}\nfreeze: [dense1, block1]\n";
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, text, (sd_model_data){.classes = 3});
    sd_layout params = sd_model_params(model);
    float x[8] = {1, 2, 3, 4, -1, 0, 1, 2}, *all = sd_model_vector(model), *some = sd_model_vector(model);
    int32_t y[2] = {0, 2};
    assert_int_equal(sd_model_describe(model)->trainable, 5 * 3 + 3);
    for (int i = 0; i < params.count; i++)
        assert_int_equal(sd_model_trainable(model)[i], strncmp(params.slice[i].name, "dense2", 6) == 0);
    some[0] = 7; /* what is frozen is cleared */
    assert_ok(sd_model_run(model, SD_TRAIN, 2, &(sd_model_io){.x = x, .y = y, .grad = some}));
    assert_ok(sd_model_set_frozen(model, 0, NULL));
    assert_ok(sd_model_run(model, SD_TRAIN, 2, &(sd_model_io){.x = x, .y = y, .grad = all}));
    int64_t first = find_slice(params, "dense2/weight")->offset;
    for (int64_t i = 0; i < params.length; i++)
        assert_true(i < first ? some[i] == 0 : some[i] == all[i]);
    assert_true(all[0] != 0);
    const char *slice = "block1/dense1/weight", *layer = "dense3", *plain = "tanh1";
    assert_ok(sd_model_set_frozen(model, 1, &slice));
    assert_int_equal(sd_model_describe(model)->trainable, params.length - 25);
    assert_status(sd_model_set_frozen(model, 1, &layer), SD_ENOTFOUND);
    assert_string_equal(sd_error(), "there is no layer \"dense3\"; did you mean \"dense1\"?");
    assert_status(sd_model_set_frozen(model, 1, &plain), SD_ENOTFOUND);
    assert_status(sd_model_set_frozen(model, 3, (const char *const[]){"dense1", "dense2", "block1"}), SD_EINVAL);
    assert_int_equal(sd_model_describe(model)->trainable, params.length - 25);
    free(all);
    free(some);
    sd_model_free(model);
    sd_context_free(context);
}

/* ---- mistakes ------------------------------------------------------------------------------------------------------------ */

static void yaml_messages(void **state)
{
    static const char *const row[][2] = {
        {"a: 1\n", "a.yaml:1: there is no \"model\"; write model: lenet, or model: {layers: [...]}"},
        {"model: lenett\n",
         "a.yaml:1: model is \"lenett\", which is not known; did you mean \"lenet\"? Possible: mlp-small, mlp, lenet, "
         "vgg, resnet20, resnet32, resnet56"},
        {"model: {layers: [relu]}\n", "a.yaml:1: model needs \"input\", the shape of one example, e.g. input: [28, 28, 1]"},
        {"model: {input: 3}\n", "a.yaml:1: model needs \"layers\", a list such as [flatten, dense: 10]"},
        {"model: {input: 3, layers: []}\n", "a.yaml:1: the list of layers is empty"},
        {"model: {input: 3, layer: []}\n",
         "a.yaml:1: unknown key \"layer\" in model; did you mean \"layers\"? Possible: input, layers, name"},
        {"model: {input: 3, layers: relu}\n", "a.yaml:1: layers is \"relu\"; it must be a list"},
        {"model: {input: [3, x], layers: [relu]}\n", "a.yaml:1: found \"x\"; this must be a whole number from 1 to 16777216"},
        {"model:\n  input: 3\n  layers:\n    - relu\n    - rleu\n",
         "a.yaml:5: there is no layer \"rleu\"; did you mean \"relu\"?"},
        {"model:\n  input: 3\n  layers:\n    - dense: {unit: 3}\n",
         "a.yaml:4: unknown key \"unit\" in layer dense; did you mean \"units\"? Possible: units, bias, init, bias_init, from, "
         "name"},
        {"model:\n  input: 3\n  layers:\n    - dense:\n        bias: no\n",
         "a.yaml:4: layer dense needs \"units\": outputs; `classes`: as many as the data has"},
        {"model:\n  input: 3\n  layers:\n    - dense: ten\n",
         "a.yaml:4: dense is \"ten\"; it must be a whole number from 1 to 2147483648"},
        {"model:\n  input: 3\n  layers:\n    - relu: 2\n", "a.yaml:4: layer relu is \"2\"; it takes {option: value, ...}"},
        {"model:\n  input: 3\n  layers:\n    - dense: 3\n      relu: 2\n",
         "a.yaml:4: a layer has 2 keys, \"dense\", \"relu\"; write one name with its options, NAME: {...}"},
        {"model:\n  input: 3\n  layers:\n    - dense: {units: 3, init: hee}\n",
         "a.yaml:4: init is \"hee\", which is not known; did you mean \"he\"? Possible: zeros, constant, normal, uniform, "
         "xavier, he, lecun, "
         "orthogonal"},
        {"model:\n  input: 3\n  layers:\n    - dense: {units: 3, init: normal}\n",
         "a.yaml:4: init normal needs a number; write {normal: 0.01}"},
        {"model:\n  input: 3\n  layers:\n    - dense: {units: 3, init: {he: 1}}\n",
         "a.yaml:4: init he takes no number; write he alone"},
        {"model:\n  input: 3\n  layers:\n    - add: [previous, rellu1]\n",
         "a.yaml:4: from names \"rellu1\", but no layer before this one is called so"},
        {"model:\n  input: 3\n  layers:\n    - relu\n    - add: [previous, rellu1]\n",
         "a.yaml:5: from names \"rellu1\", but no layer before this one is called so; did you mean \"relu1\"?"},
        {"model:\n  input: 3\n  layers:\n    - add\n",
         "a.yaml:4: layer add needs the names of what it joins, e.g. add: [previous, relu1]"},
        {"model:\n  input: 3\n  layers:\n    - relu: {from: [input, input]}\n",
         "a.yaml:4: layer relu cannot read 2 layers; it reads one"},
        {"model:\n  input: 3\n  layers:\n    - block: {layers: [block: {layers: [relu], repeat: 10000}], repeat: 10000}\n",
         "a.yaml:4: more than 10000 layers, repeated ones counted; repeat less"},
        {"model:\n  input: [8, 8, 1]\n  layers:\n    - conv: {filters: 2, padding: sane}\n",
         "a.yaml:4: padding is \"sane\", which is not known; did you mean \"same\"? Possible: valid, same"},
        {"model:\n  input: [8, 8, 1]\n  layers:\n    - relu\n    - conv: {filters: 2, kernel: 9}\n", NULL},
        {"model:\n  input: 3\n  layers:\n    - relu\n    - conv: {filters: 2}\n",
         "a.yaml:5: conv1: conv needs images [B,height,width,channels], not [1,3]"},
        {"model:\n  input: 3\n  layers:\n    - residual:\n      - dense: 4\n",
         "a.yaml:4: residual1/add1: cannot add [1,4] and [1,3]; make the shapes equal, e.g. by a shortcut's conv"},
        {"model:\n  input: 3\n  layers:\n    - dense: {units: 3, name: a}\n    - relu: {name: a}\n",
         "a.yaml:5: a second layer named \"a\"; give one of them another name"},
        {"model:\n  input: 3\n  layers: [dense: 4]\n",
         "a.yaml:1: loss: the model's output has 4 columns, but there are 10 classes; give its last layer 10 units"},
        {"model: lenet\nloss: cross\n",
         "a.yaml:2: loss is \"cross\", which is not known; possible: cross_entropy, mse, hinge, logistic"},
        {"model: lenet\nloss: {mse: {smoothing: 1}}\n",
         "a.yaml:2: unknown key \"smoothing\" in mse, which has no options; remove it"},
        {"model: lenet\nfreeze: [conv1, conf2]\n", "a.yaml:2: there is no layer \"conf2\"; did you mean \"conv2\"?"},
        {"model: lenet\ntrain: {precision: fp16}\n",
         "a.yaml:2: precision is \"fp16\", which is not known; possible: fp32, fp64"},
        {"model: lenet\ntrain: {seed: 99999999999999999999}\n",
         "a.yaml:2: seed is \"99999999999999999999\"; it must be a whole number of at least 0"},
        {"model: {name: lenet, layers: [relu]}\n",
         "a.yaml:1: unknown key \"layers\" in model (which has a name); possible: name, input"},
        {"model: {input: [5, 5], layers: [relu]}\n", NULL},
    };
    sd_context *context = context_of(1);
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        sd_model *model = (sd_model *)&model;
        bool shape = i == SD_COUNT(row) - 1;
        sd_model_data data = {.classes = 10};
        if (shape)
            data.input = SD_SHAPE(4, 4, 1);
        assert_true(from_text(context, row[i][0], data, &model) != SD_OK);
        assert_null(model);
        if (row[i][1])
            assert_string_equal(sd_error(), row[i][1]);
        else if (shape)
            assert_string_equal(sd_error(),
                                "a.yaml:1: input is [5,5], but the data's samples are [4,4,1]; write input: [4,4,1], or "
                                "leave it out");
        else /* the op's own message, with the line of the layer */
            assert_non_null(strstr(sd_error(), "a.yaml:5: conv1: "));
    }
    sd_context_free(context);
}

/* Another digit in place of one, or a piece that may stand in such a file in place of a few characters. */
static void mutate(char *text, size_t room)
{
    static const char *const pieces[] = {"0", "-1", "3",  "99", "relu", "[", "]",  "{",
                                         "}", ": ", "- ", "\n", "*x",   "~", "\"", "from"};
    size_t length = strlen(text), at = (size_t)law_int(0, (int)length - 1), end = at + (size_t)law_int(0, 6);
    const char *piece = pieces[law_int(0, (int)SD_COUNT(pieces) - 1)];
    char *digit = law_int(0, 1) ? strpbrk(text + at, "0123456789") : NULL;
    if (digit) {
        *digit = (char)('0' + law_int(0, 9));
        return;
    }
    end = SD_MIN(end, length);
    if (strlen(piece) + length + 1 > room)
        return;
    memmove(text + at + strlen(piece), text + end, length - end + 1);
    memcpy(text + at, piece, strlen(piece));
}

/* Whatever is in the file: a model, or a message that begins with its place. */
static void damaged_files_are_models_or_messages(void **state)
{
    sd_context *context = context_of(1);
    int models = 0, messages = 0;
    for (int trial = 0; trial < law_trials(400); trial++) {
        char text[4096];
        sd_config *config;
        sd_model *model = NULL;
        snprintf(text, sizeof text, "%s", everything);
        for (int times = law_int(1, 3); times > 0; times--)
            mutate(text, sizeof text);
        sd_status status = sd__config_parse("a.yaml", text, strlen(text), &config);
        if (status == SD_OK) {
            status = sd__model_from_config(context, config->root, &(sd_model_data){.classes = 5}, &model);
            sd__config_free(config);
        }
        assert_true((status == SD_OK) == (model != NULL));
        if (status != SD_OK && strncmp(sd_error(), "a.yaml:", 7) != 0 && strncmp(sd_error(), "model ", 6) != 0)
            fail_msg("%s\n%s", sd_error(), text);
        models += status == SD_OK;
        messages += status != SD_OK;
        sd_model_free(model);
    }
    assert_true(models > 10 && messages > 100);
    sd_context_free(context);
}

static void number_targets_need_a_loss_for_numbers(void **state)
{
    sd_context *context = context_of(1);
    sd_model *model;
    const char *text = "model: {input: 3, layers: [dense: classes]}\nloss: hinge\n";
    assert_int_equal(from_text(context, text, (sd_model_data){.targets = 2}, &model), SD_EFORMAT);
    assert_string_equal(sd_error(), "a.yaml:2: hinge needs classes, but the data has numbers as targets; use mse");
    model = model_of(context, "model: {input: 3, layers: [dense: classes]}\n", (sd_model_data){.targets = 2});
    assert_shape(sd_model_output(model), SD_SHAPE(2));
    sd_model_free(model);
    sd_context_free(context);
}

static int released;
static void release(void *user) { released++; }

static sd_built build_unclosed(sd_builder *b, void *user)
{
    sd_layer_begin(b, "mine", NULL);
    return (sd_built){.output = b->input};
}

static sd_built build_by_mode(sd_builder *b, void *user)
{
    sd_node y = sd_layer_dense(b, b->input, (sd_dense_spec){.units = b->mode == SD_TRAIN ? 3 : 2});
    return (sd_built){.output = y};
}

static sd_built build_nothing(sd_builder *b, void *user) { return (sd_built){0}; }

static sd_built build_slash(sd_builder *b, void *user)
{
    return (sd_built){.output = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 3, .name = "a/b"})};
}

static void mistakes_in_c(void **state)
{
    static const struct {
        sd_build_fn *build;
        const char *message;
    } row[] = {
        {build_unclosed, "a layer or block was opened and not closed: mine1"},
        {build_nothing, "the build function returned no output"},
        {build_slash, "a layer cannot be named \"a/b\"; a name has at least one character and no '/'"},
        {NULL, "the model has no build function"},
    };
    sd_context *context = context_of(1);
    sd_model *model;
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        released = 0;
        assert_true(sd_model_new(context, &(sd_model_spec){.build = row[i].build, .release = release, .input = SD_SHAPE(4)},
                                 &model) != SD_OK);
        assert_string_equal(sd_error(), row[i].message);
        assert_null(model);
        assert_int_equal(released, 1);
    }
    float x[4] = {0}, output[3];
    double loss;
    assert_ok(sd_model_new(context, &(sd_model_spec){.build = build_by_mode, .input = SD_SHAPE(4)}, &model));
    assert_status(sd_model_run(model, SD_TRAIN, 1, &(sd_model_io){.x = x, .output = output}), SD_EINVAL);
    assert_status(sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.x = x, .loss = &loss}), SD_EINVAL);
    assert_string_equal(sd_error(),
                        "the model has no loss; give it classes or targets, and return sd_loss() from its build function");
    assert_status(sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.output = output}), SD_EINVAL);
    assert_string_equal(sd_error(), "the run needs \"x\", which is NULL");
    assert_status(sd_model_run(model, SD_EVAL, 1, &(sd_model_io){.x = x}), SD_EINVAL);
    assert_status(sd_model_run(model, SD_EVAL, 0, &(sd_model_io){.x = x, .output = output}), SD_EINVAL);
    sd_model_free(model);
    sd_context_free(context);
}

/* ---- programs and documentation ------------------------------------------------------------------------------------------ */

static void programs_are_kept(void **state)
{
    sd_context *context = context_of(1);
    sd_model *model = model_of(context, "model: mlp-small\n", (sd_model_data){.classes = 10});
    const sd_plan *a, *b, *c;
    assert_ok(sd_model_plan(model, SD_TRAIN, 4, SD_WANT_LOSS | SD_WANT_GRAD, &a));
    assert_ok(sd_model_plan(model, SD_TRAIN, 4, SD_WANT_LOSS | SD_WANT_GRAD, &b));
    assert_ok(sd_model_plan(model, SD_TRAIN, 8, SD_WANT_LOSS | SD_WANT_GRAD, &c));
    assert_ptr_equal(a, b);
    assert_ptr_not_equal(a, c);
    assert_int_equal(sd_plan_slot_length(a, sd_plan_slot(a, "grad")), 784 * 100 + 100 + 100 * 10 + 10);
    assert_true(sd_plan_slot(a, "ids") < 0 && sd_plan_slot(a, "state") < 0);
    sd_model_free(model);
    sd_context_free(context);
}

static void help_lists_every_kind(void **state)
{
    static const char *const kinds[] = {
        "dense",     "conv",     "maxpool", "avgpool",    "global_avgpool", "flatten", "sigmoid", "tanh",     "relu", "leaky",
        "threshold", "softplus", "gelu",    "batch_norm", "layer_norm",     "dropout", "block",   "residual", "add",  "concat"};
    char *text = sd_layers_help();
    for (size_t i = 0; i < SD_COUNT(kinds); i++) {
        char heading[64];
        snprintf(heading, sizeof heading, "\n### %s\n", kinds[i]);
        assert_non_null(strstr(text, heading));
    }
    assert_non_null(strstr(text, "| `filters` | whole number | required | output channels |"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lenet_in_numbers),
        cmocka_unit_test(flops_of_dense_layers),
        cmocka_unit_test(resnets_in_numbers),
        cmocka_unit_test(the_two_depths_differ),
        cmocka_unit_test(windows_of_two_sizes),
        cmocka_unit_test(every_zoo_model_is_made),
        cmocka_unit_test(distributions_have_their_moments),
        cmocka_unit_test(names_and_seeds_are_apart),
        cmocka_unit_test(orthogonal_is_orthogonal),
        cmocka_unit_test(bad_initialisers),
        cmocka_unit_test(weights_depend_on_seed_and_name_alone),
        cmocka_unit_test(losses_are_their_formulas),
        cmocka_unit_test(losses_of_real_targets),
        cmocka_unit_test(gradient_of_everything),
        cmocka_unit_test(yaml_and_c_make_the_same_network),
        cmocka_unit_test(batch_norm_keeps_statistics),
        cmocka_unit_test(a_version_of_theta_is_kept),
        cmocka_unit_test(dropout_by_step_and_id),
        cmocka_unit_test(pad_shortcut_values),
        cmocka_unit_test(frozen_layers_have_no_gradient),
        cmocka_unit_test(yaml_messages),
        cmocka_unit_test(damaged_files_are_models_or_messages),
        cmocka_unit_test(number_targets_need_a_loss_for_numbers),
        cmocka_unit_test(mistakes_in_c),
        cmocka_unit_test(programs_are_kept),
        cmocka_unit_test(help_lists_every_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
