/*
 * test_lab_race.c -- methods compared at equal gradients: gradient descent written out here, dampings of Newton's steps tried one by one
 * elsewhere (test_probe_newton.c), rates that diverge, and what several races together say.
 */
#include "law.h"

#include <sonde/nn.h>
#include <string.h>

#include "lab/race.h"
#include "lab/record.h"

enum { N = 12, D = 3, CLASSES = 3, PARAMETERS = (D + 1) * CLASSES, STEPS = 4 };

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

static sd_built build(sd_builder *b, void *user)
{
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = CLASSES});
    return sd_loss(b, z, (sd_loss_spec){user ? SD_MSE : SD_CROSS_ENTROPY, 0});
}

static const sd_model_spec spec = {.build = build, .input = {1, {D}}, .classes = CLASSES, .dtype = SD_F64, .seed = 3};

typedef struct samples {
    double x[N * D];
    int32_t y[N];
} samples;

static void draw(samples *s)
{
    law_draw_f64(s->x, N * D, -1, 1);
    for (int i = 0; i < N; i++)
        s->y[i] = law_int(0, CLASSES - 1);
}

/* Softmax regression in theta = W [D,CLASSES], b [CLASSES]; returns the mean loss. */
static double loss_of(const samples *s, const double *theta, double *gradient)
{
    double loss = 0;
    memset(gradient, 0, PARAMETERS * sizeof *gradient);
    for (int i = 0; i < N; i++) {
        double z[CLASSES], sum = 0;
        for (int c = 0; c < CLASSES; c++) {
            z[c] = theta[D * CLASSES + c];
            for (int j = 0; j < D; j++)
                z[c] += s->x[i * D + j] * theta[j * CLASSES + c];
            sum += exp(z[c]);
        }
        loss += (log(sum) - z[s->y[i]]) / N;
        for (int c = 0; c < CLASSES; c++) {
            double slope = (exp(z[c]) / sum - (c == s->y[i])) / N;
            gradient[D * CLASSES + c] += slope;
            for (int j = 0; j < D; j++)
                gradient[j * CLASSES + c] += slope * s->x[i * D + j];
        }
    }
    return loss;
}

/* All samples as one batch: gradient descent whose rate is rate (1 + cos(pi t / (T - 1))) / 2 in step t = 0 .. T - 1. */
static void first_order_methods_compute_as_many_gradients(void **state)
{
    for (int trial = 0; trial < law_trials(3); trial++) {
        samples s;
        sd_race race;
        sd_course course = {0};
        sd_optimizer_spec sgd = sd_optimizer_default(SD_SGD);
        double theta[PARAMETERS], gradient[PARAMETERS], wanted[STEPS + 1] = {0};
        draw(&s);
        sgd.lr = law_int(1, 20) / 10.0;
        assert_ok(sd__race_new(context, &spec, N, s.x, s.y, STEPS, &race));
        int cost = (int)sd__race_cost(&race), all = cost * STEPS;
        assert_int_equal(cost, PARAMETERS + 1 + 4); /* a Hessian by products, a gradient, 14 losses at a third */
        memcpy(theta, race.start, sizeof theta);
        for (int t = 0; t <= all; t++) {
            double loss = loss_of(&s, theta, gradient);
            if (t % cost == 0)
                wanted[t / cost] = loss;
            for (int i = 0; i < PARAMETERS; i++)
                theta[i] -= sgd.lr * (1 + cos(M_PI * t / (all - 1))) / 2 * gradient[i];
        }
        for (int again = 0; again < 2; again++) { /* every method starts where the first did */
            assert_ok(sd__race_optimizer(&race, &sgd, N, 5, &course));
            assert_near_f64(course.loss, wanted, STEPS + 1, 1e-10);
        }
        for (int t = 0; t <= STEPS; t++)
            assert_true(course.work[t] == t * cost);
        sd__race_free(&race);
    }
}

static void batches_come_in_a_drawn_order(void **state)
{
    samples s;
    sd_race race;
    sd_course a = {0}, b = {0}, c = {0};
    sd_optimizer_spec sgd = sd_optimizer_default(SD_SGD);
    draw(&s);
    sgd.lr = 1;
    assert_ok(sd__race_new(context, &spec, N, s.x, s.y, STEPS, &race));
    assert_ok(sd__race_optimizer(&race, &sgd, 3, 1, &a));
    assert_ok(sd__race_optimizer(&race, &sgd, 3, 1, &b));
    assert_ok(sd__race_optimizer(&race, &sgd, 3, 2, &c));
    assert_memory_equal(&a, &b, sizeof a);
    assert_true(a.loss[0] == c.loss[0] && a.loss[1] != c.loss[1]);
    sd__race_free(&race);
}

/* Of a convex loss: it falls at every step, from that of the start, and no eigenvalue is negative. */
static void newtons_steps_descend_from_the_start(void **state)
{
    samples s;
    sd_race race;
    double gradient[PARAMETERS];
    draw(&s);
    assert_ok(sd__race_new(context, &spec, N, s.x, s.y, STEPS, &race));
    for (int kind = SD_NEWTON; kind <= SD_SADDLE_FREE; kind++) {
        sd_course course = {0};
        assert_ok(sd__race_newton(&race, (sd_newton_kind)kind, &course));
        double start = loss_of(&s, race.start, gradient), end = loss_of(&s, sd_model_theta(race.model), gradient);
        assert_near_f64(&course.loss[0], &start, 1, 1e-13);
        assert_near_f64(&course.loss[STEPS], &end, 1, 1e-13);
        for (int t = 1; t <= STEPS; t++)
            assert_true(course.loss[t] <= course.loss[t - 1]);
        assert_true(course.loss[1] < course.loss[0] && course.first_index == 0 && course.last_index == 0);
    }
    sd__race_free(&race);
}

static void the_best_rate_is_the_one_that_ends_lowest(void **state)
{
    samples s;
    sd_race race;
    sd_optimizer_spec sgd = sd_optimizer_default(SD_SGD);
    sd_model_spec squares = spec; /* on a quadratic a rate that is too large leads to infinity */
    const double rate[3] = {1e-4, 0.3, 1e3};
    const uint64_t seed[3] = {1, 2, 3};
    double least = INFINITY, wanted = NAN, best;
    draw(&s);
    squares.user = &squares;
    assert_ok(sd__race_new(context, &squares, N, s.x, s.y, STEPS, &race));
    for (int i = 0; i < 3; i++) {
        sd_course course = {0};
        sgd.lr = rate[i];
        assert_ok(sd__race_optimizer(&race, &sgd, 4, seed[i], &course)); /* the last diverges: its result */
        assert_true(i < 2 || course.loss[STEPS] == INFINITY);
        wanted = course.loss[STEPS] < least ? rate[i] : wanted;
        least = fmin(least, course.loss[STEPS]);
    }
    assert_ok(sd__race_tune(&race, &sgd, 4, 3, rate, seed, &best));
    assert_true(best == wanted && best == rate[1]);
    const double turned[3] = {rate[2], rate[1], rate[0]};
    const uint64_t turned_seed[3] = {seed[2], seed[1], seed[0]};
    assert_ok(sd__race_tune(&race, &sgd, 4, 3, turned, turned_seed, &best));
    assert_true(best == wanted);
    assert_ok(sd__race_tune(&race, &sgd, 4, 1, rate + 2, seed, &best));
    assert_true(isnan(best));
    sd__race_free(&race);
}

static void what_cannot_race_is_refused(void **state)
{
    samples s;
    sd_race race;
    sd_model_spec single = spec;
    draw(&s);
    single.dtype = SD_F32;
    assert_status(sd__race_new(context, &single, N, s.x, s.y, STEPS, &race), SD_EINVAL);
    sd__race_free(&race);
    assert_status(sd__race_new(context, &spec, N, s.x, s.y, SD_RACE_STEPS + 1, &race), SD_EINVAL);
    sd__race_free(&race);
}

/* Three races of two methods over 10 steps; the last tenth is one step. */
static void several_races_are_compared_in_pairs(void **state)
{
    static const char *const method[] = {"one", "other"};
    sd_claim claim = {.id = "C63"};
    sd_lab lab;
    sd_runs runs;
    assert_ok(sd__runs_new(3, 2 * sizeof(sd_course), &runs));
    sd_course *course = runs.row;
    for (int i = 0; i < 3; i++)
        for (int m = 0; m < 2; m++) {
            course[2 * i + m].loss[0] = m ? 3 : 1.8;
            course[2 * i + m].loss[9] = 2;
            course[2 * i + m].loss[10] = m ? 1.5 : 1.8 + 0.1 * (i - 1);
            course[2 * i + m].work[10] = 70;
            course[2 * i + m].first_index = 4 + i;
        }
    sd_races races = {&runs, course, "task", method, 2, 1, 10};
    assert_ok(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab));
    double fall = sd__races_record(&lab, "e", &races), wanted = 0.25;
    assert_near_f64(&fall, &wanted, 1, 1e-15); /* of the other: 1 - 1.5 / 2 */
    assert_non_null(sd__races_idle(&races));
    assert_string_equal(sd__races_idle(&races), "one"); /* it ends where it began */
    course[0].loss[0] = 1.9;
    assert_null(sd__races_idle(&races));
    course[1].loss[0] = NAN;
    assert_string_equal(sd__races_idle(&races), "other");
    sd__races_record_index(&lab, &races);
    assert_int_equal(json_array_size(lab.measurements), 2 * 2 + 2);
    json_t *row = json_array_get(lab.measurements, 4);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "task, one: negative eigenvalues at the start");
    assert_true(json_real_value(json_object_get(row, "estimate")) == 5);
    sd_interval lead = sd__races_lead(&races, 0, 1, 0.95);
    wanted = 0.3;
    assert_near_f64(&lead.estimate, &wanted, 1, 1e-14);
    wanted = 0.3 - 0.1 / sqrt(3) * sd_t_quantile(0.975, 2);
    assert_near_f64(&lead.low, &wanted, 1, 1e-13);
    sd__lab_figure(&lab, "c", "x", "y", false, false);
    sd__races_draw(&lab, &races);
    char *text = json_dumps(lab.figures, JSON_COMPACT);
    assert_non_null(strstr(text, "[70.0,1.8")); /* the mean of 1.7, 1.8, 1.9 after all the work */
    assert_non_null(strstr(text, "[70.0,1.5"));
    free(text);
    sd__lab_clear(&lab);
    sd__runs_free(&runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_order_methods_compute_as_many_gradients),
        cmocka_unit_test(batches_come_in_a_drawn_order),
        cmocka_unit_test(newtons_steps_descend_from_the_start),
        cmocka_unit_test(the_best_rate_is_the_one_that_ends_lowest),
        cmocka_unit_test(what_cannot_race_is_refused),
        cmocka_unit_test(several_races_are_compared_in_pairs),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
