/*
 * test_probe_curvature.c -- curvature against closed forms (linear and softmax regression, matrices with known spectra), and
 * through batch norm and skips against differences of gradients.
 */
#include "models.h"

#include <sonde/probe.h>
#include <sonde/sonde.h>

#include "probe/lanczos.h"

#define N 23 /* samples; batches of 7 leave a smaller last one */
#define D 4
#define C 3

static double x[N * D], target[N];
static int32_t label[N];

static int draw_and_begin(void **state)
{
    sd_random random = sd__random(5, 0);
    for (int i = 0; i < N * D; i++)
        x[i] = sd__random_normal(&random);
    for (int i = 0; i < N; i++) {
        target[i] = sd__random_normal(&random);
        label[i] = (int32_t)sd__random_below(&random, C);
    }
    return begin(state);
}

/* ---- models ------------------------------------------------------------------------------------------------------------ */

static sd_built linear(sd_builder *b, void *user)
{
    (void)user;
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 1, .no_bias = true});
    return sd_loss(b, z, (sd_loss_spec){SD_MSE, 0});
}

static sd_built softmax(sd_builder *b, void *user)
{
    (void)user;
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = C, .no_bias = true});
    return sd_loss(b, z, (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

/* Batch norm, a skip, and an output that is not linear. */
static sd_built deep(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 5});
    h = sd_layer_batch_norm(b, h, (sd_norm_spec){0});
    sd_node a = sd_layer_activation(b, h, SD_TANH, 0, NULL);
    a = sd_layer_dense(b, a, (sd_dense_spec){.units = 5});
    h = sd_layer_add(b, 2, (sd_node[]){h, a}, NULL);
    sd_node z = sd_layer_dense(b, h, (sd_dense_spec){.units = C});
    return sd_loss(b, sd_layer_activation(b, z, SD_TANH, 0, NULL), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static sd_built without_loss(sd_builder *b, void *user)
{
    (void)user;
    return (sd_built){.output = sd_layer_dense(b, b->input, (sd_dense_spec){.units = C})};
}

static sd_model *model_for(sd_build_fn *build, int classes, int targets)
{
    return model_of(build, NULL, SD_SHAPE(D), classes, targets, SD_F64);
}

static sd_dataset *drawn(bool classes) { return data_of(N, SD_SHAPE(D), x, classes ? label : NULL, C, target, 1); }

/* The whole matrix by products with unit vectors. */
static double *matrix(const sd_subject *subject, sd_curvature_kind kind, int64_t *size)
{
    sd_curvature *c;
    assert_ok(sd_curvature_new(subject, kind, NULL, &c));
    int64_t n = *size = sd_curvature_size(c);
    double *h = malloc((size_t)(n * n) * sizeof *h), *v = calloc((size_t)n, sizeof *v);
    for (int64_t i = 0; i < n; i++) {
        v[i] = 1;
        assert_ok(sd_curvature_product(c, v, h + i * n));
        v[i] = 0;
    }
    free(v);
    sd_curvature_free(c);
    return h;
}

/* ---- closed forms ------------------------------------------------------------------------------------------------------ */

/* The mean of (x'w - t)^2 has the Hessian 2 X'X / n, wherever it is taken. */
static void linear_regression_has_the_hessian_2xx_n(void **state)
{
    (void)state;
    int64_t n;
    sd_model *model = model_for(linear, 0, 1);
    sd_dataset *data = drawn(false);
    sd_subject subject = {.model = model, .data = data, .batch = 7};
    for (int kind = SD_HESSIAN; kind <= SD_GAUSS_NEWTON; kind++) {
        double *h = matrix(&subject, (sd_curvature_kind)kind, &n);
        assert_int_equal(n, D);
        for (int a = 0; a < D; a++)
            for (int b = 0; b < D; b++) {
                double sum = 0;
                for (int i = 0; i < N; i++)
                    sum += 2 * x[i * D + a] * x[i * D + b] / N;
                near(h[a * D + b], sum, 1e-12, "2 X'X / n");
            }
        free(h);
    }
    sd_dataset_free(data);
    sd_model_free(model);
}

/* p = softmax(W'x) of one sample. */
static void probabilities(const double *w, const double *input, double *p)
{
    double sum = 0;
    for (int c = 0; c < C; c++) {
        double z = 0;
        for (int d = 0; d < D; d++)
            z += input[d] * w[d * C + c];
        sum += p[c] = exp(z);
    }
    for (int c = 0; c < C; c++)
        p[c] /= sum;
}

/*
 * Entry (a c, b e) is the mean over samples of x_a x_b times: Hessian and Gauss-Newton p_c [c = e] - p_c p_e, empirical Fisher
 * (p_c - y_c) (p_e - y_e).
 */
static double softmax_entry(sd_curvature_kind kind, const double *w, int row, int column)
{
    double sum = 0, p[C];
    int a = row / C, c = row % C, b = column / C, e = column % C;
    for (int i = 0; i < N; i++) {
        probabilities(w, x + i * D, p);
        double middle = kind == SD_FISHER ? (p[c] - (label[i] == c)) * (p[e] - (label[i] == e)) : p[c] * (c == e) - p[c] * p[e];
        sum += middle * x[i * D + a] * x[i * D + b] / N;
    }
    return sum;
}

static void softmax_regression_has_its_closed_forms(void **state)
{
    (void)state;
    int64_t n;
    sd_model *model = model_for(softmax, C, 0);
    sd_dataset *data = drawn(true);
    sd_subject subject = {.model = model, .data = data, .batch = 7};
    for (int kind = SD_HESSIAN; kind <= SD_FISHER; kind++) {
        double *h = matrix(&subject, (sd_curvature_kind)kind, &n);
        assert_int_equal(n, D * C);
        for (int i = 0; i < D * C; i++)
            for (int j = 0; j < D * C; j++)
                near(h[i * D * C + j], softmax_entry((sd_curvature_kind)kind, sd_model_theta(model), i, j), 1e-12,
                     sd_curvature_name((sd_curvature_kind)kind));
        free(h);
    }
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- through batch norm, skips and a tanh -------------------------------------------------------------------------------- */

static void gradient_at(sd_model *model, bool training, const double *theta, double *gradient)
{
    double loss;
    assert_ok(sd_model_run(model, training ? SD_TRAIN : SD_EVAL, N,
                           &(sd_model_io){.x = x, .y = label, .theta = theta, .loss = &loss, .grad = gradient}));
}

/* hv += scale * gradient(w + step v). */
static void add_gradient(sd_model *model, bool training, int64_t n, const double *v, double step, double scale, double *hv)
{
    const double *theta = sd_model_theta(model);
    double *there = sd_model_vector(model), *gradient = sd_model_vector(model);
    for (int64_t i = 0; i < n; i++)
        there[i] = theta[i] + step * v[i];
    gradient_at(model, training, there, gradient);
    for (int64_t i = 0; i < n; i++)
        hv[i] += scale * gradient[i];
    free(there);
    free(gradient);
}

/* (8 (g(h) - g(-h)) - (g(2h) - g(-2h))) / 12h: the error is of the fourth order in h. */
static void differences(sd_model *model, bool training, int64_t n, const double *v, double *hv)
{
    const double h = 1e-4;
    memset(hv, 0, (size_t)n * sizeof *hv);
    for (int side = -1; side <= 1; side += 2) {
        add_gradient(model, training, n, v, side * h, side * 8 / (12 * h), hv);
        add_gradient(model, training, n, v, side * 2 * h, -side / (12 * h), hv);
    }
}

static void products_are_differences_of_gradients(void **state)
{
    (void)state;
    sd_model *model = model_for(deep, C, 0);
    sd_dataset *data = drawn(true);
    int64_t n = sd_model_params(model).length;
    double *v = calloc((size_t)n, sizeof *v), *hv = calloc((size_t)n, sizeof *hv), *fd = calloc((size_t)n, sizeof *fd);
    sd_random random = sd__random(8, 0);
    for (int training = 0; training < 2; training++) {
        sd_curvature *c;
        assert_ok(sd_curvature_new(&(sd_subject){.model = model, .data = data, .training = training}, SD_HESSIAN, NULL, &c));
        for (int64_t i = 0; i < n; i++)
            v[i] = sd__random_normal(&random);
        assert_ok(sd_curvature_product(c, v, hv));
        differences(model, training, n, v, fd);
        for (int64_t i = 0; i < n; i++)
            near(hv[i], fd[i], 1e-7, training ? "batch norm in training" : "batch norm in eval");
        gradient_at(model, training, NULL, fd);
        for (int64_t i = 0; i < n; i++)
            near(sd_curvature_gradient(c)[i], fd[i], 1e-12, "gradient");
        sd_curvature_free(c);
    }
    free(v);
    free(hv);
    free(fd);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* J'HJ is positive semidefinite here though the network's output, a tanh, reads itself in its own derivative. */
static void gauss_newton_sees_a_nonlinear_output(void **state)
{
    (void)state;
    sd_model *model = model_for(deep, C, 0);
    sd_dataset *data = drawn(true);
    sd_curvature_report r;
    sd_subject subject = {.model = model, .data = data, .batch = 7};
    sd_curvature_options o = {
        .kind = SD_GAUSS_NEWTON, .spectrum = true, .density = 40, .density_steps = 100, .confidence = 0.9999};
    assert_ok(sd_probe_curvature(&subject, &o, &r));
    assert_int_equal(r.index, 0);
    assert_true(r.negative.estimate == 0); /* whatever share lies above */
    sd_curvature_report_clear(&r);
    o.kind = SD_HESSIAN;
    assert_ok(sd_probe_curvature(&subject, &o, &r));
    double below = (double)r.index / (double)r.parameters;
    assert_true(r.index > 0 && r.negative.low <= below && below <= r.negative.high);
    sd_curvature_report_clear(&r);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* ---- matrices with known spectra ----------------------------------------------------------------------------------------- */

#define SIZE 60

/* I - 2 u u' turns the diagonal: the eigenvalues are those of the diagonal, the eigenvectors are not unit vectors. */
static double diagonal[SIZE], mirror[SIZE];

static void reflect(double *v)
{
    double sum = 0;
    for (int i = 0; i < SIZE; i++)
        sum += mirror[i] * v[i];
    for (int i = 0; i < SIZE; i++)
        v[i] -= 2 * sum * mirror[i];
}

static sd_status known(void *user, const double *v, double *product)
{
    (void)user;
    memcpy(product, v, SIZE * sizeof *v);
    reflect(product);
    for (int i = 0; i < SIZE; i++)
        product[i] *= diagonal[i];
    reflect(product);
    return SD_OK;
}

static sd_symmetric known_matrix(void)
{
    double sum = 0;
    for (int i = 0; i < SIZE; i++) {
        mirror[i] = 1 + i % 7;
        sum += mirror[i] * mirror[i];
        diagonal[i] = i < 5 ? 100 - 10 * i : i == 5 ? -20 : 0.01 * i;
    }
    for (int i = 0; i < SIZE; i++)
        mirror[i] /= sqrt(sum);
    return (sd_symmetric){.n = SIZE, .product = known};
}

static void lanczos_finds_the_ends_of_a_known_spectrum(void **state)
{
    (void)state;
    sd_eigenpair pair[5];
    sd_extremes e = {.largest = pair};
    sd_symmetric a = known_matrix();
    assert_ok(sd__lanczos(&a, 5, 60, 1e-8, 1, &e));
    for (int i = 0; i < 5; i++) {
        near(pair[i].value, 100 - 10 * i, 1e-9, "a large eigenvalue");
        assert_true(pair[i].residual <= 1e-6);
    }
    near(e.smallest.value, -20, 1e-9, "the smallest eigenvalue");
    assert_int_equal(e.converged, 5);
}

/* Two steps cannot be enough, and the residuals must say so. */
static void residuals_tell_what_has_not_converged(void **state)
{
    (void)state;
    sd_eigenpair pair[2];
    sd_extremes e = {.largest = pair};
    sd_symmetric a = known_matrix();
    assert_ok(sd__lanczos(&a, 2, 2, 1e-3, 1, &e));
    assert_true(e.converged < 2);
    assert_true(pair[1].residual > 0.1);
}

static sd_status one_two_four(void *user, const double *v, double *product)
{
    for (int i = 0; i < 3; i++)
        product[i] = (1 << i) * v[i];
    return SD_OK;
}

/*
 * Two of three steps leave the tridiagonal matrix's last entries out: a3 = trace - (theta1 + theta2), and b2, whose square is the sum
 * of the two squared residuals. The squares of all entries add up to those of the eigenvalues: 1 + 4 + 16.
 */
static void residuals_are_what_two_steps_leave_out(void **state)
{
    (void)state;
    sd_eigenpair pair[2];
    sd_extremes e = {.largest = pair};
    sd_symmetric a = {.n = 3, .product = one_two_four};
    assert_ok(sd__lanczos(&a, 2, 2, 1e-3, 1, &e));
    double a3 = 7 - pair[0].value - pair[1].value;
    double b2 = (21 - pow(pair[0].value, 2) - pow(pair[1].value, 2) - a3 * a3) / 2;
    near(pow(pair[0].residual, 2) + pow(pair[1].residual, 2), b2, 1e-10, "the squared residuals");
    assert_true(b2 > 0.01);
}

/* A space that is invariant at once (the identity has one eigenvalue, n times) must not end the search. */
static sd_status identity(void *user, const double *v, double *product)
{
    (void)user;
    memcpy(product, v, SIZE * sizeof *v);
    return SD_OK;
}

static void multiple_eigenvalues_are_all_found(void **state)
{
    (void)state;
    sd_eigenpair pair[4];
    sd_extremes e = {.largest = pair};
    sd_symmetric a = {.n = SIZE, .product = identity};
    assert_ok(sd__lanczos(&a, 4, 60, 1e-8, 1, &e));
    for (int i = 0; i < 4; i++)
        near(pair[i].value, 1, 1e-12, "an eigenvalue of the identity");
}

static void the_spectrum_is_the_diagonal(void **state)
{
    (void)state;
    double value[SIZE], sum = 0;
    sd_symmetric a = known_matrix();
    assert_ok(sd__spectrum(&a, value));
    near(value[0], -20, 1e-10, "smallest");
    near(value[SIZE - 1], 100, 1e-10, "largest");
    for (int i = 0; i < SIZE; i++)
        sum += value[i] - diagonal[i];
    near(sum, 0, 1e-9, "trace");
}

/* With as many products as columns the trace is exact; with fewer the 95 % interval holds it in at least 85 of 100 tries. */
static void the_trace_lies_in_its_interval(void **state)
{
    (void)state;
    bool exact;
    double trace = 0;
    int inside = 0;
    sd_interval t;
    sd_symmetric a = known_matrix();
    for (int i = 0; i < SIZE; i++)
        trace += diagonal[i];
    assert_ok(sd__hutchpp(&a, SIZE, 0.95, 1, &t, &exact));
    assert_true(exact);
    near(t.estimate, trace, 1e-9, "trace");
    for (uint64_t seed = 0; seed < 100; seed++) {
        assert_ok(sd__hutchpp(&a, 30, 0.95, seed, &t, &exact));
        assert_false(exact);
        near(t.estimate, trace, 0.1 * trace, "estimate of the trace"); /* six large eigenvalues lie in the sketch */
        inside += t.low <= trace && trace <= t.high;
    }
    assert_true(inside >= 85);
}

/* Laguerre's matrix of two rows: nodes 2 -+ sqrt 2 with the weights (2 +- sqrt 2) / 4. Last components would swap them. */
static void weights_are_squared_first_components(void **state)
{
    (void)state;
    double node[2], weight[2];
    assert_ok(sd__tridiagonal_rule(2, (double[]){1, 3}, (double[]){1}, node, weight));
    near(node[0], 2 - sqrt(2), 1e-14, "node");
    near(weight[0], (2 + sqrt(2)) / 4, 1e-14, "weight of the smaller node");
    near(weight[1], (2 - sqrt(2)) / 4, 1e-14, "weight of the larger node");
}

/* Averaged over vectors, the first two moments are tr A / n and tr A^2 / n; 400 vectors leave a few per cent. */
static void the_density_has_the_moments_of_the_matrix(void **state)
{
    (void)state;
    double node[30], weight[30], moment[3] = {0}, truth[2] = {0};
    sd_symmetric a = known_matrix();
    for (int i = 0; i < SIZE; i++) {
        truth[0] += diagonal[i] / SIZE;
        truth[1] += diagonal[i] * diagonal[i] / SIZE;
    }
    for (uint64_t v = 0; v < 400; v++) {
        int count;
        assert_ok(sd__lanczos_quadrature(&a, 30, 1, v, node, weight, &count));
        for (int j = 0; j < count; j++) {
            moment[0] += weight[j] / 400;
            moment[1] += weight[j] * node[j] / 400;
            moment[2] += weight[j] * node[j] * node[j] / 400;
        }
    }
    near(moment[0], 1, 1e-12, "sum of the weights");
    near(moment[1], truth[0], 0.1 * truth[0], "first moment");
    near(moment[2], truth[1], 0.1 * truth[1], "second moment");
}

/* ---- the instrument ------------------------------------------------------------------------------------------------------ */

/* Everything at once, twice: the same numbers, an unchanged model, and parts that fit each other. */
static void measuring_changes_nothing_and_repeats(void **state)
{
    (void)state;
    sd_curvature_report a, b;
    sd_model *model = model_for(deep, C, 0);
    sd_dataset *data = drawn(true);
    sd_subject subject = {.model = model, .data = data, .batch = 7, .training = true};
    sd_curvature_options all = {.trace = 30, .density = 3, .spectrum = true, .layers = true};
    uint64_t before = sd_model_hash(model);
    assert_ok(sd_probe_curvature(&subject, &all, &a));
    assert_ok(sd_probe_curvature(&subject, &all, &b));
    assert_true(sd_model_hash(model) == before);
    assert_memory_equal(a.spectrum, b.spectrum, (size_t)a.parameters * sizeof *a.spectrum);
    near(a.pair[0].value, a.spectrum[a.parameters - 1], 1e-8, "largest eigenvalue");
    near(a.smallest.value, a.spectrum[0], 1e-8, "smallest eigenvalue");
    int64_t sum = 0;
    for (int i = 0; i < a.layers; i++) {
        sum += a.layer[i].parameters;
        assert_true(a.layer[i].largest.value <= a.pair[0].value + 1e-9); /* Cauchy's interlacing */
    }
    assert_int_equal(sum, a.parameters);
    assert_int_equal(a.parameters, sd_model_params(model).length);
    sd_curvature_report_clear(&a);
    sd_curvature_report_clear(&b);
    sd_dataset_free(data);
    sd_model_free(model);
}

static void fails(sd_subject *subject, const sd_curvature_options *options, sd_status wanted, const char *words)
{
    sd_curvature_report r;
    assert_int_equal(sd_probe_curvature(subject, options, &r), wanted);
    says(words);
}

static void what_cannot_be_measured_is_said(void **state)
{
    (void)state;
    sd_model *model = model_for(deep, C, 0), *lossless = model_for(without_loss, 0, 0);
    sd_dataset *data = drawn(true), *bare, *numbers = drawn(false);
    bare = data_of(N, SD_SHAPE(D), x, NULL, 0, NULL, 0);
    sd_subject subject = {.model = model, .data = data};
    fails(&subject, &(sd_curvature_options){.layer = "dense9"}, SD_ENOTFOUND, "dense9");
    fails(&subject, &(sd_curvature_options){.trace = 3}, SD_EINVAL, "interval");
    subject.data = numbers;
    fails(&subject, NULL, SD_ESHAPE, "targets");
    subject.data = data;
    ((double *)sd_model_theta(model))[0] = NAN;
    fails(&subject, NULL, SD_ENONFINITE, "not finite");
    subject = (sd_subject){.model = lossless, .data = bare};
    fails(&subject, NULL, SD_EINVAL, "no loss");
    sd_dataset_free(data);
    sd_dataset_free(bare);
    sd_dataset_free(numbers);
    sd_model_free(model);
    sd_model_free(lossless);
}

/* The control: weights as they were drawn, whatever has become of the model's. */
static void the_untrained_twin_is_the_model_as_it_was(void **state)
{
    (void)state;
    void *theta, *states;
    sd_model *model = model_for(deep, C, 0);
    size_t bytes = (size_t)sd_model_params(model).length * sizeof(double);
    double *before = malloc(bytes);
    memcpy(before, sd_model_theta(model), bytes);
    memset(sd_model_theta(model), 0, bytes);
    assert_ok(sd_untrained(model, &theta, &states));
    assert_memory_equal(theta, before, bytes);
    assert_memory_equal(states, sd_model_state(model), (size_t)sd_model_states(model).length * sizeof(double));
    free(theta);
    free(states);
    free(before);
    sd_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_regression_has_the_hessian_2xx_n),
        cmocka_unit_test(softmax_regression_has_its_closed_forms),
        cmocka_unit_test(products_are_differences_of_gradients),
        cmocka_unit_test(gauss_newton_sees_a_nonlinear_output),
        cmocka_unit_test(lanczos_finds_the_ends_of_a_known_spectrum),
        cmocka_unit_test(residuals_tell_what_has_not_converged),
        cmocka_unit_test(residuals_are_what_two_steps_leave_out),
        cmocka_unit_test(multiple_eigenvalues_are_all_found),
        cmocka_unit_test(the_spectrum_is_the_diagonal),
        cmocka_unit_test(the_trace_lies_in_its_interval),
        cmocka_unit_test(weights_are_squared_first_components),
        cmocka_unit_test(the_density_has_the_moments_of_the_matrix),
        cmocka_unit_test(measuring_changes_nothing_and_repeats),
        cmocka_unit_test(what_cannot_be_measured_is_said),
        cmocka_unit_test(the_untrained_twin_is_the_model_as_it_was),
    };
    return cmocka_run_group_tests(tests, draw_and_begin, end);
}
