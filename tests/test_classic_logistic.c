/*
 * test_classic_logistic.c -- the linear classifier that is a convex problem: against Newton's method written out here,
 * against liblinear, and from many starts; what it is built on, L-BFGS and nearest neighbours, against functions and rows
 * whose answers are known.
 */
#include "models.h"

#include <linear.h>
#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>

#include "classic/logistic.h"
#include "classic/nearest.h"

/* ---- L-BFGS ------------------------------------------------------------------------------------------------------------ */

enum { VARIABLES = 50 };

/* 3 + sum of c_i (w_i - i)^2 / 2 with c from 1 to 10^5. */
static sd_status quadratic(void *user, const double *w, double *value, double *gradient)
{
    (void)user;
    *value = 3;
    for (int i = 0; i < VARIABLES; i++) {
        double c = pow(10, 5.0 * i / (VARIABLES - 1));
        *value += 0.5 * c * (w[i] - i) * (w[i] - i);
        gradient[i] = c * (w[i] - i);
    }
    return SD_OK;
}

static sd_status rosenbrock(void *user, const double *w, double *value, double *gradient)
{
    (void)user;
    double a = 1 - w[0], b = w[1] - w[0] * w[0];
    *value = a * a + 100 * b * b;
    gradient[0] = -2 * a - 400 * w[0] * b;
    gradient[1] = 200 * b;
    return SD_OK;
}

static void known_minima_are_found(void **state)
{
    (void)state;
    sd_minimum m;
    double w[VARIABLES] = {0}, valley[2] = {-1.2, 1};
    assert_ok(sd__minimize(VARIABLES, quadratic, NULL, 1e-8, 5000, w, &m));
    assert_true(m.converged && m.gradient_norm <= 1e-8 && fabs(m.value - 3) < 1e-12);
    for (int i = 0; i < VARIABLES; i++)
        assert_true(fabs(w[i] - i) < 1e-7);
    assert_ok(sd__minimize(2, rosenbrock, NULL, 1e-9, 2000, valley, &m));
    assert_true(m.converged && fabs(valley[0] - 1) < 1e-8 && fabs(valley[1] - 1) < 1e-8);
    assert_ok(sd__minimize(2, rosenbrock, NULL, 1e-9, 3, (double[]){-1.2, 1}, &m));
    assert_false(m.converged); /* three steps are too few, and it says so */
    double nowhere[VARIABLES] = {NAN};
    assert_status(sd__minimize(VARIABLES, quadratic, NULL, 1e-8, 10, nowhere, &m), SD_ENONFINITE);
}

/* ---- a task, and its solution by Newton's method ----------------------------------------------------------------------- */

enum { N = 60, D = 3, C = 3, P = (D + 1) * C };

typedef struct task {
    double x[N * D];
    int32_t y[N];
} task;

static task draw_task(void)
{
    task p;
    law_draw_f64(p.x, N * D, -2, 2);
    for (int i = 0; i < N; i++)
        p.y[i] = i < C ? i : law_int(0, C - 1);
    return p;
}

static sd_logistic *solver_of(const task *p)
{
    sd_logistic *l;
    assert_ok(
        sd__logistic_new(context, &(sd_classified){.n = N, .d = D, .classes = C, .dtype = SD_F64, .x = p->x, .y = p->y}, &l));
    assert_int_equal(sd__logistic_size(l), P);
    return l;
}

static double feature(const task *p, int i, int j) { return j < D ? p->x[i * D + j] : 1; }

static void probabilities(const task *p, const double *w, int i, double q[C])
{
    double sum = 0;
    for (int c = 0; c < C; c++) {
        q[c] = 0;
        for (int j = 0; j <= D; j++)
            q[c] += feature(p, i, j) * w[j * C + c];
        sum += q[c] = exp(q[c]);
    }
    for (int c = 0; c < C; c++)
        q[c] /= sum;
}

static double loss_of(const task *p, double strength, const double *w)
{
    double loss = 0, q[C];
    for (int i = 0; i < N; i++) {
        probabilities(p, w, i, q);
        loss -= log(q[p->y[i]]) / N;
    }
    for (int i = 0; i < D * C; i++)
        loss += 0.5 * strength * w[i] * w[i];
    return loss;
}

/*
 * Gradient and Hessian from their definitions. The biases may all move together without effect: 1e-9 on
 * the diagonal holds them.
 */
static void derivatives(const task *p, double strength, const double *w, double g[P], double h[P][P])
{
    memset(g, 0, P * sizeof *g);
    memset(h, 0, P * sizeof *h);
    for (int i = 0; i < N; i++) {
        double q[C];
        probabilities(p, w, i, q);
        for (int a = 0; a < P; a++) {
            double xa = feature(p, i, a / C);
            g[a] += xa * (q[a % C] - (p->y[i] == a % C)) / N;
            for (int b = 0; b < P; b++)
                h[a][b] += xa * feature(p, i, b / C) * (q[a % C] * (a % C == b % C) - q[a % C] * q[b % C]) / N;
        }
    }
    for (int a = 0; a < P; a++) {
        g[a] += a < D * C ? strength * w[a] : 0;
        h[a][a] += a < D * C ? strength : 1e-9;
    }
}

/* g <- h^-1 g by Gauss's elimination; h is positive definite. */
static void solve(double h[P][P], double g[P])
{
    for (int k = 0; k < P; k++)
        for (int i = k + 1; i < P; i++) {
            double f = h[i][k] / h[k][k];
            for (int j = k; j < P; j++)
                h[i][j] -= f * h[k][j];
            g[i] -= f * g[k];
        }
    for (int k = P - 1; k >= 0; k--) {
        for (int j = k + 1; j < P; j++)
            g[k] -= h[k][j] * g[j];
        g[k] /= h[k][k];
    }
}

static void newton(const task *p, double strength, double w[P])
{
    double g[P], h[P][P];
    memset(w, 0, P * sizeof *w);
    for (int step = 0; step < 30; step++) {
        derivatives(p, strength, w, g, h);
        solve(h, g);
        for (int i = 0; i < P; i++)
            w[i] -= g[i];
    }
}

static void centre_biases(double *w)
{
    double mean = 0;
    for (int c = 0; c < C; c++)
        mean += w[D * C + c] / C;
    for (int c = 0; c < C; c++)
        w[D * C + c] -= mean;
}

/* ---- the classifier ---------------------------------------------------------------------------------------------------- */

static void loss_and_gradient_are_those_of_the_definition(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(10); trial++) {
        task p = draw_task();
        sd_logistic *l = solver_of(&p);
        double w[P], got[P], wanted[P], h[P][P], loss, reference;
        law_draw_f64(w, P, -1, 1);
        assert_ok(sd__logistic_loss(l, 0.3, w, &loss, got));
        derivatives(&p, 0.3, w, wanted, h);
        reference = loss_of(&p, 0.3, w);
        assert_near_f64(&loss, &reference, 1, 1e-12);
        assert_near_f64(got, wanted, P, 1e-12);
        sd__logistic_free(l);
    }
}

static void the_optimum_is_newtons(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(10); trial++) {
        task p = draw_task();
        sd_logistic *l = solver_of(&p);
        double w[P] = {0}, reference[P], strength = pow(10, -(trial % 4));
        sd_minimum m;
        assert_ok(sd__logistic_fit(l, strength, 1e-10, w, &m));
        newton(&p, strength, reference);
        centre_biases(w);
        centre_biases(reference);
        assert_true(m.converged);
        assert_true(fabs(m.value - loss_of(&p, strength, reference)) < 1e-12);
        assert_near_f64(w, reference, P, 1e-6);
        sd__logistic_free(l);
    }
}

/* The loss is convex, and with a penalty strictly so in the weights. */
static void five_starts_reach_one_optimum(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(5); trial++) {
        task p = draw_task();
        sd_logistic *l = solver_of(&p);
        double first[P], w[P], value = 0;
        sd_minimum m;
        for (int start = 0; start < 5; start++) {
            law_draw_f64(w, P, -5, 5);
            assert_ok(sd__logistic_fit(l, 0.01, 1e-9, w, &m));
            centre_biases(w);
            if (start == 0) {
                memcpy(first, w, sizeof w);
                value = m.value;
            }
            assert_true(m.converged);
            assert_true(fabs(m.value - value) <= 1e-6 * value);
            assert_near_f64(w, first, P, 1e-6);
        }
        sd__logistic_free(l);
    }
}

/* ---- liblinear --------------------------------------------------------------------------------------------------------- */

static void silent(const char *text) { (void)text; }

/* The minimum of |v|^2 / 2 + cost * sum of log(1 + exp(-y <v,x>)), by liblinear's trust-region Newton. */
static void liblinear(int n, int d, const double *x, const int32_t *y, double cost, double *v)
{
    struct feature_node *node = calloc((size_t)n * (size_t)(d + 1), sizeof *node), **row = calloc((size_t)n, sizeof *row);
    double *label = calloc((size_t)n, sizeof *label);
    for (int i = 0; i < n; i++) {
        row[i] = node + i * (d + 1);
        for (int j = 0; j < d; j++)
            row[i][j] = (struct feature_node){j + 1, x[i * d + j]};
        row[i][d].index = -1;
        label[i] = y[i] ? 1 : -1;
    }
    struct problem problem = {.l = n, .n = d, .y = label, .x = row, .bias = -1};
    struct parameter parameter = {.solver_type = L2R_LR, .C = cost, .eps = 1e-10};
    set_print_string_function(silent);
    struct model *model = train(&problem, &parameter);
    for (int j = 0; j < d; j++)
        v[j] = model->w[j] * (model->label[0] == 1 ? 1 : -1);
    free_and_destroy_model(&model);
    free(node);
    free(row);
    free(label);
}

/*
 * Every sample has a mirror image of the other class, so the best bias is 0, which liblinear has not. Two classes share one
 * vector: w_1 = -w_0 = v / 2, so that our penalty on both is strength / 4 |v|^2.
 */
static void two_classes_are_liblinears(void **state)
{
    (void)state;
    enum { HALF = 80, F = 6 };
    static double x[2 * HALF * F];
    static int32_t y[2 * HALF];
    double v[F], w[(F + 1) * 2] = {0}, strength = 0.02;
    law_draw_f64(x, HALF * F, -1, 1);
    for (int i = 0; i < HALF; i++) {
        y[i] = x[i * F] + 0.5 * x[i * F + 1] > law_int(-1, 1) * 0.5;
        y[HALF + i] = 1 - y[i];
        for (int j = 0; j < F; j++)
            x[(HALF + i) * F + j] = -x[i * F + j];
    }
    liblinear(2 * HALF, F, x, y, 2 / (2 * HALF * strength), v);
    sd_logistic *l;
    sd_minimum m;
    assert_ok(
        sd__logistic_new(context, &(sd_classified){.n = 2 * HALF, .d = F, .classes = 2, .dtype = SD_F64, .x = x, .y = y}, &l));
    assert_ok(sd__logistic_fit(l, strength, 1e-10, w, &m));
    for (int j = 0; j < F; j++) {
        double ours = w[j * 2 + 1] - w[j * 2];
        assert_near_f64(&ours, &v[j], 1, 1e-5);
    }
    assert_true(fabs(w[F * 2 + 1] - w[F * 2]) < 1e-6);
    sd__logistic_free(l);
}

/* ---- what has no optimum ----------------------------------------------------------------------------------------------- */

static void impossible_problems_are_refused(void **state)
{
    (void)state;
    task p = draw_task();
    sd_logistic *l;
    sd_classified s = {.n = N, .d = D, .classes = 1, .dtype = SD_F64, .x = p.x, .y = p.y};
    assert_status(sd__logistic_new(context, &s, &l), SD_EINVAL);
    s.classes = C + 1;
    assert_status(sd__logistic_new(context, &s, &l), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "class 3 has no sample"));
    s.classes = C - 1;
    assert_status(sd__logistic_new(context, &s, &l), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "is not in 0..1"));
}

static void ties_go_to_the_first_class(void **state)
{
    (void)state;
    double w[6] = {0}, x[4] = {1, 2, -3, 4};
    int32_t class[4] = {9, 9, 9, 9};
    sd__logistic_classify(w, 1, 3, 4, SD_F64, x, class);
    for (int i = 0; i < 4; i++)
        assert_int_equal(class[i], 0);
    w[1] = 1; /* class 1 likes positive x, class 2 negative */
    w[2] = -1;
    sd__logistic_classify(w, 1, 3, 4, SD_F64, x, class);
    assert_true(class[0] == 1 && class[1] == 1 && class[2] == 2 && class[3] == 1);
}

/* ---- nearest rows ------------------------------------------------------------------------------------------------------ */

static int64_t brute(int n, int d, const float *x, const float *q)
{
    double least = INFINITY;
    int64_t best = 0;
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < d; j++)
            sum += ((double)q[j] - (double)x[i * d + j]) * ((double)q[j] - (double)x[i * d + j]);
        if (sum < least) {
            least = sum;
            best = i;
        }
    }
    return best;
}

/*
 * Far from the origin, where the products lose the digits that tell rows apart; with equal rows, of which the first is to win.
 */
static void nearest_rows_are_those_of_comparing_all(void **state)
{
    (void)state;
    enum { ROWS = 300, ASKED = 520, WIDE = 37 };
    static float x[ROWS * WIDE], q[ASKED * WIDE];
    static double wide_x[ROWS * WIDE], wide_q[ASKED * WIDE];
    int64_t got[ASKED];
    for (int far = 0; far < 2; far++) {
        law_draw(x, ROWS * WIDE, far ? 999 : -1, far ? 1000 : 1);
        law_draw(q, ASKED * WIDE, far ? 999 : -1, far ? 1000 : 1);
        memcpy(x + 7 * WIDE, x + 3 * WIDE, WIDE * sizeof *x);
        memcpy(q, x + 3 * WIDE, WIDE * sizeof *x);
        for (int i = 0; i < ROWS * WIDE; i++)
            wide_x[i] = (double)x[i];
        for (int i = 0; i < ASKED * WIDE; i++)
            wide_q[i] = (double)q[i];
        assert_ok(sd__nearest_rows(context, SD_F32, ROWS, WIDE, x, ASKED, q, got));
        assert_int_equal(got[0], 3);
        for (int i = 0; i < ASKED; i++)
            assert_int_equal(got[i], brute(ROWS, WIDE, x, q + i * WIDE));
        assert_ok(sd__nearest_rows(context, SD_F64, ROWS, WIDE, wide_x, 5, wide_q, got));
        for (int i = 0; i < 5; i++)
            assert_int_equal(got[i], brute(ROWS, WIDE, x, q + i * WIDE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_minima_are_found),     cmocka_unit_test(loss_and_gradient_are_those_of_the_definition),
        cmocka_unit_test(the_optimum_is_newtons),     cmocka_unit_test(five_starts_reach_one_optimum),
        cmocka_unit_test(two_classes_are_liblinears), cmocka_unit_test(impossible_problems_are_refused),
        cmocka_unit_test(ties_go_to_the_first_class), cmocka_unit_test(nearest_rows_are_those_of_comparing_all),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
