/*
 * test_probe_newton.c -- Newton's and the saddle-free step against closed forms: quadratics, the saddle, the
 * monkey saddle, regression.
 */
#include <sonde/sonde.h>

#include "models.h"
#include "probe/newton.h"

enum { D = 7, N = 30, IN = 3, CLASSES = 3 };

static double uniform(double low, double high) { return low + (high - low) * sd__random_uniform(law_random()); }

/* ---- quadratics ---------------------------------------------------------------------------------------------------------- */

/* A symmetric matrix; the diagonal, added to it, makes it positive definite or leaves it indefinite. */
static void draw_symmetric(double diagonal, double *h)
{
    for (int i = 0; i < D; i++)
        for (int j = 0; j <= i; j++)
            h[i * D + j] = h[j * D + i] = uniform(-1, 1) + (i == j ? diagonal : 0);
}

static double product(const double *h, const double *x, int i)
{
    double sum = 0;
    for (int j = 0; j < D; j++)
        sum += h[i * D + j] * x[j];
    return sum;
}

/* g + H s = 0 after Newton's step, whatever the signs of the eigenvalues: any quadratic's critical point is reached at once. */
static void newton_solves_every_quadratic_at_once(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        double h[D * D], g[D], step[D], size = 0;
        sd_bends b;
        draw_symmetric(0, h);
        for (int i = 0; i < D; i++)
            g[i] = uniform(-1, 1);
        assert_ok(sd__bends_of(D, h, g, &b));
        sd__newton_step(SD_NEWTON, &b, 0, step);
        for (int i = 0; i < D; i++)
            size += fabs(step[i]);
        for (int i = 0; i < D; i++)
            near(g[i] + product(h, step, i), 0, 1e-12 * (1 + size), "gradient after the step");
        sd__bends_free(&b);
    }
}

/* |H| s = -g, and |H|^2 = H^2: so |H s| = |g|, and g's < 0. Where all eigenvalues are positive it is Newton's step. */
static void saddle_free_steps_go_down(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        double h[D * D], g[D], step[D], newton[D], down = 0, twice = 0, gg = 0;
        sd_bends b;
        bool convex = trial % 2;
        draw_symmetric(convex ? D + 1 : 0, h);
        for (int i = 0; i < D; i++)
            g[i] = uniform(-1, 1);
        assert_ok(sd__bends_of(D, h, g, &b));
        sd__newton_step(SD_SADDLE_FREE, &b, 0, step);
        sd__newton_step(SD_NEWTON, &b, 0, newton);
        for (int i = 0; i < D; i++) {
            down += g[i] * step[i];
            gg += g[i] * g[i];
            twice += product(h, step, i) * product(h, step, i);
            if (convex)
                near(step[i], newton[i], 1e-13, "a convex quadratic");
        }
        assert_true(down < 0);
        near(twice, gg, 1e-11 * gg, "|H s| = |g|");
        sd__bends_free(&b);
    }
}

/* With damping d along an axis of bend b: -c / (|b| + d). A flat direction is left out, as the pseudo-inverse does. */
static void damping_and_flat_directions(void **state)
{
    double h[9] = {-4, 0, 0, 0, 0, 0, 0, 0, 2}, g[3] = {1, 1, 1}, step[3];
    sd_bends b;
    assert_ok(sd__bends_of(3, h, g, &b));
    assert_int_equal(sd__bends_index(&b, 1e-9), 1);
    sd__newton_step(SD_SADDLE_FREE, &b, 0.5, step);
    near(step[0], -1 / 4.5, 1e-15, "bend -4");
    near(step[1], -1 / 0.5, 1e-15, "bend 0");
    near(step[2], -1 / 2.5, 1e-15, "bend 2");
    sd__newton_step(SD_NEWTON, &b, 0, step);
    near(step[0], 1 / 4.0, 1e-15, "bend -4");
    near(step[1], 0, 0, "bend 0");
    near(step[2], -1 / 2.0, 1e-15, "bend 2");
    sd__bends_free(&b);
}

/* ---- saddles ------------------------------------------------------------------------------------------------------------- */

/* x^2 - y^2: Newton lands on the saddle, the saddle-free step takes (x,y) to (0,2y). */
static void the_saddle(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        double x = uniform(-3, 3), y = uniform(-3, 3), step[2];
        sd_bends b;
        assert_ok(sd__bends_of(2, (double[]){2, 0, 0, -2}, (double[]){2 * x, -2 * y}, &b));
        sd__newton_step(SD_NEWTON, &b, 0, step);
        near(x + step[0], 0, 1e-15, "Newton, x");
        near(y + step[1], 0, 1e-15, "Newton, y");
        sd__newton_step(SD_SADDLE_FREE, &b, 0, step);
        near(x + step[0], 0, 1e-15, "saddle-free, x");
        near(y + step[1], 2 * y, 1e-15, "saddle-free, y");
        sd__bends_free(&b);
    }
}

/* Re z^3 for z = x + iy: Newton halves z; the Hessian's |.| is 6 |z|, so the saddle-free step is -(|z|/2) e^{-2i arg z}. */
static void the_monkey_saddle(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        double x = uniform(-3, 3), y = uniform(-3, 3), step[2], r = hypot(x, y), angle = atan2(y, x);
        sd_bends b;
        assert_ok(
            sd__bends_of(2, (double[]){6 * x, -6 * y, -6 * y, -6 * x}, (double[]){3 * x * x - 3 * y * y, -6 * x * y}, &b));
        sd__newton_step(SD_NEWTON, &b, 0, step);
        near(x + step[0], x / 2, 1e-14, "Newton, x");
        near(y + step[1], y / 2, 1e-14, "Newton, y");
        sd__newton_step(SD_SADDLE_FREE, &b, 0, step);
        near(step[0], -r / 2 * cos(2 * angle), 1e-14, "saddle-free, x");
        near(step[1], r / 2 * sin(2 * angle), 1e-14, "saddle-free, y");
        sd__bends_free(&b);
    }
}

/* ---- models -------------------------------------------------------------------------------------------------------------- */

static double x[N * IN], target[N];
static int32_t label[N];

static sd_built linear(sd_builder *b, void *user)
{
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 1, .no_bias = true});
    return sd_loss(b, z, (sd_loss_spec){SD_MSE, 0});
}

static sd_built deep(sd_builder *b, void *user)
{
    sd_node h = sd_layer_activation(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = 4}), SD_TANH, 0, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = CLASSES}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static sd_subject subject_of(sd_build_fn *build, sd_dtype dtype)
{
    bool classes = build != linear;
    sd_subject subject = {.batch = 11}; /* which leaves a smaller last one */
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < IN; j++)
            x[i * IN + j] = uniform(-1, 1);
        target[i] = uniform(-1, 1);
        label[i] = i % CLASSES;
    }
    subject.model = model_of(build, NULL, SD_SHAPE(IN), classes ? CLASSES : 0, !classes, dtype);
    subject.data = data_of(N, SD_SHAPE(IN), x, classes ? label : NULL, CLASSES, target, 1);
    return subject;
}

static void drop(sd_subject *subject)
{
    sd_dataset_free((sd_dataset *)(uintptr_t)subject->data);
    sd_model_free(subject->model);
}

/*
 * Linear regression is a quadratic: one step of either kind reaches X'(Xw - y) = 0. The smallest damping, 1e-8, changes its loss by less
 * than a rounding, which may decide for it.
 */
static void regression_takes_one_step(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        sd_newton_report report;
        sd_subject subject = subject_of(linear, SD_F64);
        assert_ok(sd__newton_descend(&subject, (sd_newton_kind)kind, &report));
        const double *w = sd_model_theta(subject.model);
        assert_true(report.moved && report.damping <= 1e-8);
        assert_int_equal(report.index, 0);
        assert_int_equal(report.products, IN);
        for (int j = 0; j < IN; j++) {
            double sum = 0;
            for (int i = 0; i < N; i++)
                sum += x[i * IN + j] * (w[0] * x[i * IN] + w[1] * x[i * IN + 1] + w[2] * x[i * IN + 2] - target[i]);
            near(sum, 0, report.damping > 0 ? 1e-6 : 1e-12, "normal equation");
        }
        assert_ok(sd__newton_descend(&subject, (sd_newton_kind)kind, &report));
        near(report.after, report.before, 1e-14, "loss at the optimum");
        drop(&subject);
    }
}

/* What is reported is so: the losses are the model's, they fall, and the index is that of the instrument's spectrum. */
static void descent_reports_what_it_did(void **state)
{
    for (int kind = 0; kind < 2; kind++) {
        sd_newton_report report;
        double former = INFINITY, loss;
        sd_subject subject = subject_of(deep, SD_F64);
        for (int t = 0; t < 12; t++) {
            sd_curvature_report r;
            assert_ok(sd_probe_curvature(&subject, &(sd_curvature_options){.spectrum = true, .pairs = 1}, &r));
            assert_ok(sd__newton_descend(&subject, (sd_newton_kind)kind, &report));
            assert_int_equal(report.index, r.index);
            sd_curvature_report_clear(&r);
            assert_true(report.after <= report.before && report.before <= former + 1e-12);
            assert_ok(sd_model_run(subject.model, SD_EVAL, N, &(sd_model_io){.x = x, .y = label, .loss = &loss}));
            near(loss, report.after, 1e-12, "loss after the step");
            former = report.after;
        }
        drop(&subject);
    }
}

static sd_built random_and_normed(sd_builder *b, void *user)
{
    sd_node h = sd_layer_batch_norm(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = 4}), (sd_norm_spec){0});
    h = sd_layer_dropout(b, sd_layer_activation(b, h, SD_TANH, 0, NULL), 0.5, NULL);
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = CLASSES}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static double loss_of(const sd_subject *subject)
{
    sd_curvature *curvature;
    assert_ok(sd_curvature_new(subject, SD_HESSIAN, NULL, &curvature));
    double loss = sd_curvature_loss(curvature);
    sd_curvature_free(curvature);
    return loss;
}

/*
 * The step is judged by the loss whose Hessian was taken: with the masks of dropout in training, with the
 * subject's states otherwise.
 */
static void the_loss_is_that_of_the_hessian(void **state)
{
    for (int training = 0; training < 2; training++) {
        double states[8];
        sd_newton_report report;
        sd_subject subject = subject_of(random_and_normed, SD_F64);
        for (int i = 0; i < 8; i++)
            states[i] = uniform(0.5, 2);
        subject.training = training;
        subject.batch = N;
        subject.state = training ? NULL : states;
        double before = loss_of(&subject);
        assert_ok(sd__newton_descend(&subject, SD_SADDLE_FREE, &report));
        assert_true(report.moved);
        near(report.before, before, 1e-13, "loss before");
        near(report.after, loss_of(&subject), 1e-13, "loss after");
        drop(&subject);
    }
}

static void refused(sd_subject subject, sd_status wanted, const char *words)
{
    sd_newton_report report;
    assert_int_equal(sd__newton_descend(&subject, SD_SADDLE_FREE, &report), wanted);
    says(words);
}

static void what_cannot_be_done_is_said(void **state)
{
    sd_bends b;
    sd_subject half = subject_of(deep, SD_F32), subject = subject_of(deep, SD_F64), own = subject;
    refused(half, SD_EINVAL, "fp64");
    own.theta = sd_model_theta(subject.model);
    refused(own, SD_EINVAL, "NULL");
    assert_ok(sd_model_set_frozen(subject.model, 1, (const char *[]){"dense1"}));
    refused(subject, SD_EINVAL, "unfreeze");
    assert_int_equal(sd__bends_of(1, (double[]){NAN}, (double[]){0}, &b), SD_ENONFINITE);
    assert_int_equal(sd__bends_of(1, (double[]){1}, (double[]){NAN}, &b), SD_ENONFINITE);
    assert_int_equal(sd__bends_of(SD_SPECTRUM_MOST + 1, NULL, NULL, &b), SD_EINVAL);
    assert_null(b.value);
    drop(&half);
    drop(&subject);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newton_solves_every_quadratic_at_once),
        cmocka_unit_test(saddle_free_steps_go_down),
        cmocka_unit_test(damping_and_flat_directions),
        cmocka_unit_test(the_saddle),
        cmocka_unit_test(the_monkey_saddle),
        cmocka_unit_test(regression_takes_one_step),
        cmocka_unit_test(descent_reports_what_it_did),
        cmocka_unit_test(the_loss_is_that_of_the_hessian),
        cmocka_unit_test(what_cannot_be_done_is_said),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
