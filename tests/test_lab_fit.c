/*
 * test_lab_fit.c -- what experiments on permuted labels rest on: that permuting keeps what it should and forgets the rest, and
 * that "train until" knows when it got there.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/record.h"
#include "lab/trial.h"
#include "law.h"

enum { CLASSES = 4 };

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

/* Each class keeps its number, and no more labels change than were chosen. */
static void permuting_keeps_the_classes(void **state)
{
    for (int trial = 0; trial < law_trials(200); trial++) {
        int32_t was[60], y[60];
        int n = law_int(1, 60), count[CLASSES] = {0}, changed = 0;
        double share = law_int(0, 4) / 4.0;
        for (int i = 0; i < n; i++)
            count[was[i] = y[i] = law_int(0, CLASSES - 1)]++;
        assert_int_equal(sd__permute_labels(law_random(), share, n, y), SD_OK);
        for (int i = 0; i < n; i++) {
            count[y[i]]--;
            changed += y[i] != was[i];
        }
        for (int c = 0; c < CLASSES; c++)
            assert_int_equal(count[c], 0);
        assert_true(changed <= lround(share * n));
    }
}

/* Of ten different labels each stays with chance (1 - s) + s / 10; four standard errors. */
static void permuting_is_by_chance(void **state)
{
    int rounds = law_trials(4000);
    for (double share = 0.5; share <= 1; share += 0.5) {
        int kept[10] = {0}, moved_first = 0;
        for (int round = 0; round < rounds; round++) {
            int32_t y[10];
            for (int i = 0; i < 10; i++)
                y[i] = i;
            assert_int_equal(sd__permute_labels(law_random(), share, 10, y), SD_OK);
            for (int i = 0; i < 10; i++)
                kept[i] += y[i] == i;
            moved_first += y[0] == 9; /* chance s (s * 10 - 1) / 9 / (s * 10) = s / 10 * (10 s - 1) / (9 s) */
        }
        double k = 10 * share, stay = 1 - share + share / k, there = share * (k - 1) / 9 / k;
        for (int i = 0; i < 10; i++)
            assert_true(fabs(kept[i] - rounds * stay) <= 4 * sqrt(rounds * stay * (1 - stay)));
        assert_true(fabs(moved_first - rounds * there) <= 4 * sqrt(rounds * there * (1 - there)));
    }
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Every row keeps its values; rows that were equal no longer are; the first value comes from everywhere. */
static void pixels_stay_in_their_image(void **state)
{
    float x[30][50], first = 0;
    for (int i = 0; i < 30; i++)
        for (int j = 0; j < 50; j++)
            x[i][j] = (float)j;
    assert_int_equal(sd__permute_pixels(law_random(), 30, 50, x[0]), SD_OK);
    assert_memory_not_equal(x[0], x[1], sizeof x[0]);
    for (int i = 0; i < 30; i++) {
        first += x[i][0] / 30;
        qsort(x[i], 50, sizeof x[i][0], ascending);
        for (int j = 0; j < 50; j++)
            assert_true(x[i][j] == (float)j);
    }
    assert_true(fabsf(first - 24.5F) < 4 * 14.4F / sqrtf(30)); /* deviation of 0..49: 14.4 */
}

static void agreement_has_its_closed_form(void **state)
{
    int32_t a[] = {0, 0, 0, 1}, b[] = {0, 1, 1, 2, 2};
    sd_examples first = {.n = 4, .classes = 3, .y = a}, second = {.n = 5, .classes = 3, .y = b};
    assert_true(fabs(sd__label_agreement(&first, &second) - (0.75 * 0.2 + 0.25 * 0.4)) < 1e-15);
}

/* Shares of 10000 coin throws scatter as they should; those of throws that come in tens, sqrt(10) times as much. */
static void the_excess_of_scatter_is_that_of_what_goes_together(void **state)
{
    enum { SHARES = 1000, THROWS = 400 };
    for (int together = 1; together <= 10; together += 9) {
        double share[SHARES] = {0};
        for (int i = 0; i < SHARES; i++)
            for (int t = 0; t < THROWS; t += together)
                share[i] += sd__random_uniform(law_random()) < 0.3 ? (double)together / THROWS : 0;
        double excess = sd__binomial_excess(SHARES, share, THROWS);
        assert_true(fabs(excess / sqrt(together) - 1) < 5 / sqrt(2.0 * SHARES));
    }
    double two = sd__binomial_excess(2, (double[]){0.4, 0.6}, 25); /* a variance of 0.02; of 25 answers, 0.01 */
    assert_true(fabs(two - sqrt(2)) < 1e-14);
}

/* n points on a line, class 1 far from 0; the last one a copy of the first, with its label or, if contradictory, the other. */
static sd_examples points(int n, bool contradictory, float *x, int32_t *y)
{
    for (int i = 0; i < n; i++) {
        y[i] = i / 2 % 2;
        x[i] = (float)((i % 2 ? 1 : -1) * (y[i] ? 2 + 1.0 * i / n : 1 - 0.5 * i / n));
    }
    x[n - 1] = x[0];
    y[n - 1] = contradictory;
    return (sd_examples){.n = n, .shape = SD_SHAPE(1), .classes = 2, .x = x, .y = y};
}

static void training_ends_when_no_mistake_is_left(void **state)
{
    enum { N = 40 };
    float x[N], fresh_x[N];
    int32_t y[N], fresh_y[N];
    sd_examples fresh = points(N, false, fresh_x, fresh_y);
    for (int i = 0; i < N; i++)
        fresh_y[i] = 1 - fresh_y[i]; /* so that the test accuracy is to be 0 */
    for (int contradictory = 0; contradictory < 2; contradictory++) {
        static sd_fit fit, again;
        sd_model *model;
        sd_examples train = points(N, contradictory, x, y);
        sd_fit_spec spec = {sd_optimizer_default(SD_MOMENTUM), 8, 7};
        assert_int_equal(sd__fit_model(context, &train, (sd_fit_net){.units = 16}, &model), SD_OK);
        assert_int_equal(sd__fit(model, &train, &fresh, &spec, &fit), SD_OK);
        assert_int_equal(fit.whole, !contradictory);
        if (contradictory) {
            assert_int_equal(fit.epochs, SD_FIT_EPOCHS);
            assert_true(fit.train <= (N - 1.0) / N);
        } else {
            assert_true(fit.epochs < SD_FIT_EPOCHS && fit.train == 1 && fit.test == 0);
            assert_true(fit.epochs > 1 && fit.course[fit.epochs - 2] < 1); /* no epoch more than needed */
            assert_true(fit.course[fit.epochs - 1] == 1 && fit.course[SD_FIT_EPOCHS - 1] == 1);
        }
        assert_int_equal(sd__fit(model, &train, &fresh, &spec, &again), SD_OK); /* starts anew: the same again */
        assert_memory_equal(&fit, &again, sizeof fit);
        sd_model_free(model);
    }
}

/* Two classes on either side of 0 are learnt from few examples; of labels turned round it names all wrong; and inside-out needs no line. */
static void the_linear_control_draws_a_line(void **state)
{
    enum { N = 20 };
    float x[N], inside[N];
    int32_t y[N], turned[N];
    double accuracy;
    for (int i = 0; i < N; i++) {
        x[i] = (float)(i - N / 2) + 0.5F;
        y[i] = x[i] > 0;
        turned[i] = !y[i];
        inside[i] = (float)(i % 2 ? 1 : -1) * (y[i] ? 2 : 1);
    }
    sd_examples train = {.n = N, .shape = SD_SHAPE(1), .classes = 2, .x = x, .y = y}, test = train;
    assert_int_equal(sd__linear_accuracy(context, &train, &test, 0.01, &accuracy), SD_OK);
    assert_true(accuracy == 1);
    test.y = turned;
    assert_int_equal(sd__linear_accuracy(context, &train, &test, 0.01, &accuracy), SD_OK);
    assert_true(accuracy == 0);
    train.x = inside;
    test = train;
    assert_int_equal(sd__linear_accuracy(context, &train, &test, 0.01, &accuracy), SD_OK);
    assert_true(accuracy < 1);
}

/* Steps of gradient descent on -log softmax(w x + b), all samples as one batch. */
static void descend(const sd_examples *s, double rate, int steps, double *theta)
{
    for (int t = 0; t < steps; t++) {
        double slope[4] = {0};
        for (int i = 0; i < s->n; i++) {
            double x = (double)s->x[i], second = 1 / (1 + exp((theta[0] - theta[1]) * x + theta[2] - theta[3]));
            double off = (second - s->y[i]) / (double)s->n; /* of class 1; of class 0 it is the negative */
            slope[0] -= off * x;
            slope[1] += off * x;
            slope[2] -= off;
            slope[3] += off;
        }
        for (int k = 0; k < 4; k++)
            theta[k] -= rate * slope[k];
    }
}

/* So many epochs, from the weights that are there. */
static void epochs_are_counted_and_weights_kept(void **state)
{
    enum { N = 40 };
    float x[N];
    int32_t y[N];
    sd_model *model;
    sd_examples all = points(N, false, x, y), part = sd__examples_part(&all, 10, 20);
    sd_fit_spec spec = {sd_optimizer_default(SD_SGD), 20, 7};
    spec.optimizer.lr = 0.5;
    assert_true(part.n == 20 && part.x == x + 10 && part.y == y + 10 && part.classes == 2);
    assert_int_equal(sd__fit_model(context, &part, (sd_fit_net){0}, &model), SD_OK);
    float *theta = sd_model_theta(model); /* w [1,2], b [2] */
    double wanted[4];
    assert_int_equal(sd_model_params(model).length, 4);
    for (int k = 0; k < 4; k++)
        wanted[k] = (double)theta[k];
    for (int epochs = 1; epochs <= 3; epochs++) {
        assert_int_equal(sd__train_epochs(model, &part, &spec, epochs), SD_OK);
        descend(&part, 0.5, epochs, wanted);
        for (int k = 0; k < 4; k++)
            assert_true(fabs((double)theta[k] - wanted[k]) < 1e-5);
    }
    sd_model_free(model);
}

/* A trial's runs start from the same labels each; different trials draw different examples; a number used twice is noticed. */
static void trials_are_independent_and_their_runs_paired(void **state)
{
    static sd_fit fit;
    sd_lab lab;
    sd_data data;
    sd_claim claim = {.id = "C99"};
    sd_trial one, other;
    const sd_trial_setup setup = {.n = 50, .net = {.units = 32}, .rate = 0.02};
    sd_examples test, before;
    sd_data_options options = {.name = "strokes", .strokes_train = 200, .strokes_test = 20, .normalize = SD_NORMALIZE_UNIT};
    assert_int_equal(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab), SD_OK);
    assert_int_equal(sd_data_open(&options, NULL, &data), SD_OK);
    assert_int_equal(sd__examples_read(data.test, &data.normalization, &test), SD_OK);
    assert_int_equal(sd__trial_begin(&lab, &data, &setup, 0, &one), SD_OK);
    assert_int_equal(sd__trial_begin(&lab, &data, &setup, 1, &other), SD_OK);
    assert_int_equal(lab.n_streams, 6);
    assert_memory_not_equal(one.train.x, other.train.x, 50 * 784 * sizeof(float));
    assert_int_equal(sd__examples_read(one.drawn, one.normalization, &before), SD_OK);
    assert_int_equal(sd__trial_run(&one, 1, true, &test, &fit), SD_OK);
    assert_memory_not_equal(one.train.y, before.y, 50 * sizeof(int32_t));
    assert_memory_not_equal(one.train.x, before.x, 50 * 784 * sizeof(float));
    assert_int_equal(sd__trial_run(&one, 0, false, &test, &fit), SD_OK);
    assert_memory_equal(one.train.y, before.y, 50 * sizeof(int32_t));
    assert_memory_equal(one.train.x, before.x, 50 * 784 * sizeof(float));
    assert_true(fit.whole);
    sd__trial_end(&one);
    sd__trial_end(&other);
    sd__examples_clear(&before);
    sd__examples_clear(&test);
    sd_data_close(&data);
    sd__lab_clear(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permuting_keeps_the_classes),
        cmocka_unit_test(permuting_is_by_chance),
        cmocka_unit_test(pixels_stay_in_their_image),
        cmocka_unit_test(agreement_has_its_closed_form),
        cmocka_unit_test(the_excess_of_scatter_is_that_of_what_goes_together),
        cmocka_unit_test(training_ends_when_no_mistake_is_left),
        cmocka_unit_test(epochs_are_counted_and_weights_kept),
        cmocka_unit_test(the_linear_control_draws_a_line),
        cmocka_unit_test(trials_are_independent_and_their_runs_paired),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
