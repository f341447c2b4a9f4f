/*
 * test_overview.c -- page one of a report: its parts against closed forms and brute force, its rules one by one, and the
 * sentences for runs that have something missing.
 */
#include "runs.h"

#include <math.h>

#include "classic/ridge.h"
#include "probe/overview.h"

/* ---- calibration --------------------------------------------------------------------------------------------------------- */

enum { MANY = 1000 };

/* Answers of a model with two classes: sample i names class 0 with probability `sure`, which is right or not. */
typedef struct answers {
    sd_judged j;
    double p[2 * MANY], error[MANY];
    int32_t label[MANY], guess[MANY];
} answers;

static void add_answers(answers *a, int n, double sure, int right)
{
    for (int i = 0; i < n; i++) {
        int64_t at = a->j.n++;
        a->p[2 * at] = sure;
        a->p[2 * at + 1] = 1 - sure;
        a->guess[at] = 0;
        a->label[at] = i >= right;
        a->error[at] = i >= right;
    }
    a->j.classes = 2;
    a->j.columns = 2;
    a->j.p = a->p;
    a->j.label = a->label;
    a->j.guess = a->guess;
    a->j.error = a->error;
}

/* 20 at 0.8 of which 14 are right (0.7), 10 at 0.95 all right, 10 at 0.6, the upper end of bin 8, of which 6 are right. */
static void calibration_error_is_that_by_hand(void **state)
{
    (void)state;
    static answers a;
    sd_reliability r;
    memset(&a, 0, sizeof a);
    add_answers(&a, 20, 0.8, 14);
    add_answers(&a, 10, 0.95, 10);
    add_answers(&a, 10, 0.6, 6);
    ok(sd__reliability(&a.j, 1, &r));
    near(r.error, (20 * 0.1 + 10 * 0.05 + 10 * 0.0) / 40, 1e-12, "expected calibration error");
    near(r.excess, (20 * 0.1 - 10 * 0.05) / 40, 1e-12, "mean confidence less accuracy");
    assert_int_equal(r.count[8], 10);
    assert_int_equal(r.count[11], 20); /* (11/15, 12/15] = (0.733, 0.8] */
    assert_int_equal(r.count[14], 10);
    near(r.accuracy[11], 0.7, 1e-12, "accuracy of a bin");
    near(r.confidence[11], 0.8, 1e-12, "confidence of a bin");
    assert_true(isnan(r.accuracy[0]) && isnan(r.confidence[0]));
}

/* Too sure in half of a bin and too unsure in the other half: within one bin that cancels, across bins it does not. */
static void calibration_errors_cancel_only_within_a_bin(void **state)
{
    (void)state;
    static answers a;
    sd_reliability r;
    memset(&a, 0, sizeof a);
    add_answers(&a, 10, 0.71, 9); /* (10/15, 11/15] */
    add_answers(&a, 10, 0.72, 5);
    ok(sd__reliability(&a.j, 1, &r));
    near(r.error, 0.015, 1e-12, "one bin");
    memset(&a, 0, sizeof a);
    add_answers(&a, 10, 0.71, 9);
    add_answers(&a, 10, 0.81, 5);
    ok(sd__reliability(&a.j, 1, &r));
    near(r.error, (0.19 + 0.31) / 2, 1e-12, "two bins");
}

/* n coins: the mean of |share - 1/2| is sqrt(2/pi) / (2 sqrt n). Certainty leaves nothing to chance. */
static void chance_makes_the_error_that_theory_says(void **state)
{
    (void)state;
    static answers a;
    sd_reliability r;
    memset(&a, 0, sizeof a);
    add_answers(&a, MANY, 0.5, 500);
    ok(sd__reliability(&a.j, 3, &r));
    near(r.chance.estimate, sqrt(2 / M_PI) / 2 / sqrt(MANY), 0.002,
         "mean error by chance"); /* 3 standard errors of 200 draws */
    near(r.chance.high, 2.2414 / 2 / sqrt(MANY), 0.006, "its 97.5th percentile");
    assert_true(r.chance.low < r.chance.estimate && r.chance.estimate < r.chance.high);
    memset(&a, 0, sizeof a);
    add_answers(&a, MANY, 1, 990);
    ok(sd__reliability(&a.j, 3, &r));
    near(r.chance.high, 0, 1e-15, "error by chance of who is certain");
    near(r.error, 0.01, 1e-12, "error of who is certain");
    a.j.classes = 0;
    assert_int_equal(sd__reliability(&a.j, 3, &r), SD_EINVAL);
}

/* ---- labels in doubt ----------------------------------------------------------------------------------------------------- */

/* Three classes, of which the third has no sample. The thresholds are the means of the two columns: see below. */
static void a_flipped_label_is_suspected_and_a_hard_sample_is_not(void **state)
{
    (void)state;
    double p[9][3] = {{0.9, 0.1, 0},      {0.9, 0.1, 0}, {0.8, 0.2, 0}, /* labelled 0, rightly */
                      {0.1, 0.9, 0},      {0.2, 0.8, 0},                /* labelled 1, rightly */
                      {0.05, 0.95, 0},                                  /* labelled 0, flipped */
                      {0.40, 0.60, 0},    /* labelled 0, called 1, but not with the usual confidence */
                      {0.02, 0.03, 0.95}, /* labelled 1; nobody knows how sure of 2 one must be */
                      {0.01, 0.99, 0}};   /* labelled 0, flipped, and still less probable */
    int32_t label[9] = {0, 0, 0, 1, 1, 0, 0, 1, 0}, guess[9] = {0, 0, 0, 1, 1, 1, 1, 2, 1};
    sd_judged j = {.n = 9, .classes = 3, .columns = 3, .p = &p[0][0], .label = label, .guess = guess};
    int64_t suspect[9], count;
    /* of 0: (0.9 + 0.9 + 0.8 + 0.05 + 0.4 + 0.01) / 6 = 0.51; of 1: (0.9 + 0.8 + 0.03) / 3 = 0.577. So 0.60 reaches it */
    ok(sd__label_suspects(&j, suspect, &count));
    assert_int_equal(count, 3);
    assert_int_equal(suspect[0], 8);
    assert_int_equal(suspect[1], 5);
    assert_int_equal(suspect[2], 6);
    label[7] = 0; /* now of 1: 0.85, which 0.60 does not reach */
    ok(sd__label_suspects(&j, suspect, &count));
    assert_int_equal(count, 2);
    assert_int_equal(suspect[0], 8);
    assert_int_equal(suspect[1], 5);
    j.classes = 0;
    assert_int_equal(sd__label_suspects(&j, suspect, &count), SD_EINVAL);
}

/* ---- data and models ----------------------------------------------------------------------------------------------------- */

static sd_dataset *labelled(int64_t n, int64_t d, const double *x, const int32_t *label, int classes)
{
    sd_dataset *data;
    sd_memory m = {
        .samples = n, .shape = SD_SHAPE(d), .dtype = SD_F64, .input = x, .labels = label, .classes = classes, .copy = true};
    ok(sd_dataset_from_memory(&m, &data));
    return data;
}

static sd_dataset *valued(int64_t n, int64_t d, const double *x, int targets, const double *y)
{
    sd_dataset *data;
    sd_memory m = {.samples = n,
                   .shape = SD_SHAPE(d),
                   .dtype = SD_F64,
                   .input = x,
                   .targets = y,
                   .n_targets = targets,
                   .target_dtype = SD_F64,
                   .copy = true};
    ok(sd_dataset_from_memory(&m, &data));
    return data;
}

/* One affine layer: theta is bias and weights, in the layout's order. */
static sd_built affine(sd_builder *b, void *user)
{
    (void)user;
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = b->classes ? b->classes : b->targets, .name = "last"});
    return sd_loss(b, z, (sd_loss_spec){b->classes ? SD_CROSS_ENTROPY : SD_MSE, 0});
}

static sd_built one_logit(sd_builder *b, void *user)
{
    (void)user;
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = 1, .name = "last"});
    return sd_loss(b, z, (sd_loss_spec){SD_LOGISTIC, 0});
}

static sd_built flat(sd_builder *b, void *user)
{
    (void)user;
    sd_node z = sd_layer_dense(b, sd_layer_flatten(b, b->input, NULL), (sd_dense_spec){.units = b->classes, .name = "last"});
    return sd_loss(b, z, (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

/* In train mode it would say something else. */
static sd_built normed(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_dropout(b, sd_layer_batch_norm(b, b->input, (sd_norm_spec){.epsilon = 3}), 0.5, NULL);
    sd_node z = sd_layer_dense(b, h, (sd_dense_spec){.units = b->classes, .name = "last"});
    return sd_loss(b, z, (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static sd_model *model_of(sd_build_fn *build, int64_t d, int classes, int targets)
{
    sd_model *model;
    sd_model_spec spec = {
        .build = build, .input = SD_SHAPE(d), .classes = classes, .targets = targets, .dtype = SD_F64, .seed = 3};
    ok(sd_model_new(context, &spec, &model));
    return model;
}

/* Sets a slice of theta. */
static void set_slice(sd_model *model, const char *name, int64_t n, const double *values)
{
    sd_layout layout = sd_model_params(model);
    for (int i = 0; i < layout.count; i++)
        if (!strcmp(layout.slice[i].name, name)) {
            assert_int_equal(layout.slice[i].length, n);
            memcpy((double *)sd_model_theta(model) + layout.slice[i].offset, values, (size_t)n * sizeof *values);
            return;
        }
    fail_msg("there is no slice %s", name);
}

/* ---- equal samples ------------------------------------------------------------------------------------------------------- */

static void twins_are_equal_value_for_value(void **state)
{
    (void)state;
    double first[6][2] = {{1, 2}, {0.0, 3}, {5, 6}, {5, 6}, {7, 8}, {0.1, 0.2}};
    double second[6][2] = {{5, 6}, {-0.0, 3}, {2, 1}, {7, 8}, {0.1 + 1e-12, 0.2}, {1, 2}};
    int32_t a[6] = {0, 1, 0, 1, 1, 0}, b[6] = {0, 1, 0, 0, 0, 1};
    sd_dataset *one = labelled(6, 2, &first[0][0], a, 2), *other = labelled(6, 2, &second[0][0], b, 2);
    sd_twin *twin;
    int64_t count;
    const sd_twin want[4] = {{2, 0, false}, {1, 1, false}, {4, 3, true}, {0, 5, true}};
    for (int bits = 1; bits <= 64; bits += 63) { /* with one bit, most samples have the hash of another */
        ok(sd__exact_twins(one, other, bits, &twin, &count));
        assert_int_equal(count, 4);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(twin[i].first, want[i].first);
            assert_int_equal(twin[i].second, want[i].second);
            assert_int_equal(twin[i].contradiction, want[i].contradiction);
        }
        free(twin);
    }
    sd_dataset_free(one);
    sd_dataset_free(other);
}

static void twins_compare_real_targets(void **state)
{
    (void)state;
    double x[3] = {1, 2, 3}, y[3][2] = {{0, 0}, {0, 1}, {1, 1}}, z[3][2] = {{0, 0}, {0, 2}, {1, 1}};
    sd_dataset *one = valued(3, 1, x, 2, &y[0][0]), *other = valued(3, 1, x, 2, &z[0][0]);
    sd_twin *twin;
    int64_t count;
    ok(sd__exact_twins(one, other, 64, &twin, &count));
    assert_int_equal(count, 3);
    assert_true(!twin[0].contradiction && twin[1].contradiction && !twin[2].contradiction);
    free(twin);
    sd_dataset_free(other);
    double wide[6] = {0};
    other = valued(3, 2, wide, 2, &y[0][0]);
    assert_int_equal(sd__exact_twins(one, other, 64, &twin, &count), SD_ESHAPE);
    sd_dataset_free(one);
    sd_dataset_free(other);
}

/* ---- least squares ------------------------------------------------------------------------------------------------------- */

/* In one dimension w = cov(x,y) / (var(x) + strength var(x)); in several an affine function is found again. */
static void least_squares_has_its_closed_form(void **state)
{
    (void)state;
    double x[4] = {1, 2, 4, 9}, y[4] = {3, 1, 4, 8}, w, said, cov = 0, var = 0; /* means 4 and 4 */
    for (int i = 0; i < 4; i++) {
        cov += (x[i] - 4) * (y[i] - 4) / 4;
        var += (x[i] - 4) * (x[i] - 4) / 4;
    }
    sd_ridge r;
    ok(sd__ridge_begin(context, 4, 1, 1, x, y, &r));
    ok(sd__ridge_solve(&r, 0.5, &w));
    near(w, cov / (1.5 * var), 1e-14, "slope with penalty");
    sd__ridge_predict(&r, &w, &(double){6}, &said);
    near(said, 4 + 2 * w, 1e-14, "prediction");
    sd__ridge_clear(&r);

    double a[20][3], b[20][2], weights[6], at[3] = {0.3, -2, 5}, two[2];
    sd_random random = sd__random(4, 0);
    for (int i = 0; i < 20; i++) {
        for (int j = 0; j < 3; j++)
            a[i][j] = sd__random_normal(&random);
        b[i][0] = 2 * a[i][0] - a[i][1] + 7;
        b[i][1] = a[i][2] / 2 - 1;
    }
    ok(sd__ridge_begin(context, 20, 3, 2, &a[0][0], &b[0][0], &r));
    ok(sd__ridge_solve(&r, 0, weights));
    sd__ridge_predict(&r, weights, at, two);
    near(two[0], 2 * 0.3 + 2 + 7, 1e-12, "first target");
    near(two[1], 2.5 - 1, 1e-12, "second target");
    sd__ridge_clear(&r);
}

/* ---- judging ------------------------------------------------------------------------------------------------------------- */

static void judging_agrees_with_evaluation(void **state)
{
    (void)state;
    enum { N = 300 };
    double x[N][3];
    int32_t y[N];
    sd_random random = sd__random(8, 0);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 3; j++)
            x[i][j] = sd__random_normal(&random);
        y[i] = (int32_t)sd__random_below(&random, 2);
    }
    sd_dataset *data = labelled(N, 3, &x[0][0], y, 2);
    sd_build_fn *const builds[] = {affine, one_logit, normed};
    for (size_t k = 0; k < SD_COUNT(builds); k++) {
        sd_model *model = model_of(builds[k], 3, 2, 0);
        sd_scores scores;
        sd_judged j;
        ok(sd_evaluate(model, data, NULL, 0, &scores));
        ok(sd__judge(&(sd_subject){.model = model, .data = data, .batch = 77}, &j));
        double wrong = 0;
        for (int64_t i = 0; i < j.n; i++) {
            wrong += j.error[i];
            near(j.p[2 * i] + j.p[2 * i + 1], 1, 1e-12, "sum of probabilities");
        }
        assert_int_equal(j.n, N);
        near(1 - wrong / N, scores.accuracy, 1e-12, "accuracy");
        near(j.loss, scores.loss, 1e-12, "loss");
        near(j.surprise, scores.loss, 1e-12, "-log p of the labels");
        sd__judged_clear(&j);
        sd_scores_clear(&scores);
        sd_model_free(model);
    }
    sd_dataset_free(data);
}

/* ---- rules --------------------------------------------------------------------------------------------------------------- */

static const sd_interval unknown = {NAN, NAN, NAN};

/* A good run of 1000 steps: no rule has anything to say. */
static sd_findings good_run(void)
{
    sd_findings f = {.classes = true,
                     .held_out = true,
                     .part = "test",
                     .step = 1000,
                     .epoch = 10,
                     .train_score = {0.99, 0.98, 0.995},
                     .gap = {0.01, -0.01, 0.02},
                     .units = 100,
                     .dead = 9,
                     .saturated = 9,
                     .suspected_of = 500,
                     .train_suspects = 4,
                     .twins_of = 500,
                     .epochs = 10,
                     .best_epoch = 10,
                     .last_loss = 0.095,
                     .previous_loss = 0.1,
                     .validation_loss = 0.2,
                     .best_validation_loss = 0.2};
    for (int k = 0; k < SD_CONTENDERS; k++) {
        f.contender[k].n = 500;
        f.contender[k].score = (sd_interval){0.9, 0.88, 0.93};
        f.contender[k].lead = (sd_interval){0.08, 0.05, 0.11};
    }
    f.contender[SD_CONTENDER_RUN].score = (sd_interval){0.98, 0.96, 0.99};
    f.reliability.error = 0.009;
    f.reliability.chance = (sd_interval){0.004, 0.002, 0.008};
    return f;
}

/* Each change makes one rule hold; `number` must then stand in its sentence. */
static void broken(sd_findings *f)
{
    strcpy(f->broken, "the weights of last/weight are not finite");
    f->not_finite = true;
    f->lr = 0.25;
}
static void step_zero(sd_findings *f) { f->step = 0; }
static void as_drawn(sd_findings *f) { f->unchanged = true; }
static void one_class(sd_findings *f) { strcpy(f->only_class, "rose"); }
static void twins(sd_findings *f) { f->twins = 5; }
static void no_better_than_constant(sd_findings *f)
{
    f->contender[SD_CONTENDER_CONSTANT].lead = (sd_interval){0.02, -0.01, 0.05};
}
static void worse_than_linear(sd_findings *f) { f->contender[SD_CONTENDER_LINEAR].lead = (sd_interval){-0.03, -0.05, -0.01}; }
static void worse_than_nearest(sd_findings *f) { f->contender[SD_CONTENDER_NEAREST].lead = (sd_interval){-0.04, -0.05, -0.03}; }
static void like_linear(sd_findings *f) { f->contender[SD_CONTENDER_LINEAR].lead = (sd_interval){0.0123, -0.01, 0.04}; }
static void barely_behind_linear(sd_findings *f)
{
    f->contender[SD_CONTENDER_LINEAR].lead = (sd_interval){-0.012, -0.04, 0.01};
}
static void chosen_on_test(sd_findings *f) { f->selected_on_test = true; }
static void below_nearest(sd_findings *f) { f->train_score = (sd_interval){0.7654, 0.75, 0.78}; }
static void dead(sd_findings *f) { f->dead = 10; }
static void saturated(sd_findings *f) { f->saturated = 13; }
static void rising(sd_findings *f)
{
    f->best_epoch = 4;
    f->best_validation_loss = 0.15;
}
static void gap(sd_findings *f) { f->gap = (sd_interval){0.0234, 0.01, 0.04}; }
static void idle(sd_findings *f)
{
    f->idle = 2;
    strcpy(f->idle_names, "block3, block4");
}
static void falling(sd_findings *f) { f->last_loss = 0.0777; }
static void suspects(sd_findings *f) { f->suspects = 7; }
static void sure(sd_findings *f) { f->reliability.error = 0.0345; }
static void few(sd_findings *f) { f->contender[SD_CONTENDER_RUN].score.low = 0.8765; }

static const struct {
    const char *rule, *number;
    void (*change)(sd_findings *f);
} cases[] = {
    {"not_finite", "0.25", broken},
    {"untrained", "step 0", step_zero},
    {"untrained", "after 1000 steps", as_drawn},
    {"single_class", "rose", one_class},
    {"duplicates", "(5, 1.00 % of the test part)", twins},
    {"constant_as_good", "2.00 points (-1.00 to 5.00)", no_better_than_constant},
    {"beaten_by_linear", "3.00 points (1.00 to 5.00)", worse_than_linear},
    {"beaten_by_nearest", "4.00 points (3.00 to 5.00)", worse_than_nearest},
    {"linear_as_good", "lead of 1.23 points (-1.00 to 4.00)", like_linear},
    {"linear_as_good", "lag of 1.20 points (-1.00 to 4.00)", barely_behind_linear},
    {"selected_on_test", "epoch 10", chosen_on_test},
    {"underfits", "0.7654", below_nearest},
    {"dead_units", "10 of 100", dead},
    {"saturated_units", "13 of 100", saturated},
    {"stop_earlier", "epoch 4 of 10 (0.15)", rising},
    {"overfits", "2.34 points (1.00 to 4.00)", gap},
    {"idle_layers", "2 layers", idle},
    {"still_falling", "from 0.1 to 0.0777", falling},
    {"labels", "(7, 1.40 %", suspects},
    {"calibration", "3.45 points", sure},
    {"few_samples", "0.8765", few},
};

static void every_rule_holds_where_it_should_and_is_silent_elsewhere(void **state)
{
    (void)state;
    sd_advice advice[SD_ADVICE];
    sd_findings f = good_run();
    for (int n = sd__advise(&f, advice), i = 0; i < n; i++)
        fail_msg("of a good run: %s", advice[i].text);
    for (size_t c = 0; c < SD_COUNT(cases); c++) {
        f = good_run();
        cases[c].change(&f);
        for (size_t other = 0; other < SD_COUNT(cases); other++) {
            bool own = !strcmp(cases[other].rule, cases[c].rule);
            if (sd__rule_holds(&f, cases[other].rule) != own)
                fail_msg("after the change for %s, %s is %d", cases[c].rule, cases[other].rule, !own);
        }
        assert_int_equal(sd__advise(&f, advice), 1);
        assert_string_equal(advice[0].rule, cases[c].rule);
        if (!strstr(advice[0].text, cases[c].number))
            fail_msg("%s: \"%s\" is not in \"%s\"", cases[c].rule, cases[c].number, advice[0].text);
        assert_true(strlen(advice[0].text) < sizeof advice[0].text - 1 && strrchr(advice[0].text, '.')[1] == 0);
    }
    assert_false(sd__rule_holds(&f, "no such rule"));
}

static void only_three_things_are_said_the_most_urgent_first(void **state)
{
    (void)state;
    sd_advice advice[SD_ADVICE];
    sd_findings f = good_run();
    suspects(&f);
    gap(&f);
    twins(&f);
    worse_than_linear(&f);
    assert_int_equal(sd__advise(&f, advice), 3);
    assert_string_equal(advice[0].rule, "duplicates");
    assert_string_equal(advice[1].rule, "beaten_by_linear");
    assert_string_equal(advice[2].rule, "overfits");
}

/* Who is no better than a simpler model suspects labels for want of knowledge. */
static void only_a_good_network_may_doubt_labels(void **state)
{
    (void)state;
    void (*const bad[])(sd_findings * f) = {no_better_than_constant, worse_than_linear, worse_than_nearest, step_zero, broken};
    for (size_t i = 0; i < SD_COUNT(bad); i++) {
        sd_findings f = good_run();
        suspects(&f);
        assert_true(sd__rule_holds(&f, "labels"));
        bad[i](&f);
        assert_false(sd__rule_holds(&f, "labels"));
    }
}

/* What was not measured is no reason for anything. */
static void what_was_not_measured_leads_to_no_advice(void **state)
{
    (void)state;
    sd_advice advice[SD_ADVICE];
    sd_findings f = good_run();
    f.held_out = false;
    f.gap = f.train_score = unknown;
    f.units = f.dead = f.saturated = f.idle = f.suspects = f.twins = -1;
    f.reliability.error = f.last_loss = f.previous_loss = f.validation_loss = f.best_validation_loss = NAN;
    f.best_epoch = 0;
    for (int k = 0; k < SD_CONTENDERS; k++)
        f.contender[k] = (sd_contender){.score = unknown, .lead = unknown};
    assert_int_equal(sd__advise(&f, advice), 0);
    assert_false(sd__overfits(&f));
    assert_false(sd__underfits(&f));
}

/* ---- the whole: classes -------------------------------------------------------------------------------------------------- */

/* An examination of a model and its data, without a run folder. */
typedef struct scene {
    sd_examination e;
    sd_section one, folded;
} scene;

static void open_scene(scene *s, sd_model *model, sd_dataset *train, sd_dataset *validation, sd_dataset *test)
{
    *s = (scene){.e = {.part = "train", .effort = SD_EFFORT_QUICK, .seed = 5}};
    s->e.trained = (sd_trained){.model = model, .step = 100, .epoch = 2};
    s->e.data = (sd_data){.train = train, .validation = validation, .test = test};
    s->e.run = (sd_subject){.model = model, .data = train};
    ok(sd_untrained(model, &s->e.theta, &s->e.state));
    ok(sd__section_begin(&s->one));
    ok(sd__section_begin(&s->folded));
}

static void look(scene *s, const char *sections)
{
    json_t *list = sections ? json_loads(sections, 0, NULL) : NULL;
    ok(sd__overview(&s->e, list, &s->one, &s->folded));
    json_decref(list);
    assert_false(s->one.failed);
    assert_false(s->folded.failed);
}

static void close_scene(scene *s)
{
    sd__section_clear(&s->one);
    sd__section_clear(&s->folded);
    free(s->e.theta);
    free(s->e.state);
    sd_model_free(s->e.trained.model);
    if (s->e.data.validation != s->e.data.test)
        sd_dataset_free(s->e.data.validation);
    sd_dataset_free(s->e.data.train);
    sd_dataset_free(s->e.data.test);
}

/* The sentence of a line of page one; NULL if there is no such line. */
static const char *sentence(const scene *s, const char *what)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(json_object_get(s->one.found, "overview"), "rows"), i,
                       row) if (!strcmp(json_string_value(json_object_get(row, "what")),
                                        what)) return json_string_value(json_object_get(row, "finding"));
    return NULL;
}

static void line_says(const scene *s, const char *what, const char *words)
{
    const char *text = sentence(s, what);
    if (!text || !strstr(text, words))
        fail_msg("line %s: \"%s\" is not in \"%s\"", what, words, text ? text : "(no such line)");
}

static double number_of(const scene *s, const char *fact) { return json_number_value(json_object_get(s->one.facts, fact)); }

static double score_cell(const scene *s, const char *name, const char *column)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(json_object_get(s->one.found, "scores"), "rows"), i,
                       row) if (!strcmp(json_string_value(json_object_get(row, "name")), name))
    {
        json_t *cell = json_object_get(row, column);
        return json_is_number(cell) ? json_number_value(cell) : NAN;
    }
    fail_msg("there is no row %s", name);
    return 0;
}

enum { TRAIN = 400, TEST = 200, WRONG = 10, TWINS = 3 };

/*
 * Points of the plane, class 1 where x > 0, but for the first WRONG test samples, whose labels are the other ones; the last
 * TWINS test samples stand in the training part. The network is told the truth: its weights are (-w, w) for x.
 */
static void make_plane(double x[][2], int32_t *y, int n, int wrong, uint64_t seed)
{
    sd_random random = sd__random(seed, 0);
    for (int i = 0; i < n; i++) {
        x[i][0] = (sd__random_below(&random, 3) ? 1 : -1) * (0.5 + sd__random_uniform(&random)); /* two thirds are of class 1 */
        x[i][1] = sd__random_normal(&random);
        y[i] = (x[i][0] > 0) != (i < wrong);
    }
}

static void open_plane(scene *s, double w)
{
    static double train[TRAIN][2], test[TEST][2];
    static int32_t a[TRAIN], b[TEST];
    make_plane(train, a, TRAIN, 0, 1);
    make_plane(test, b, TEST, WRONG, 2);
    for (int i = 0; i < TWINS; i++) {
        memcpy(test[TEST - 1 - i], train[i], sizeof train[i]);
        b[TEST - 1 - i] = a[i];
    }
    sd_model *model = model_of(affine, 2, 2, 0);
    open_scene(s, model, labelled(TRAIN, 2, &train[0][0], a, 2), NULL, labelled(TEST, 2, &test[0][0], b, 2));
    set_slice(model, "last/weight", 4, (double[]){-w, w, 0, 0});
    set_slice(model, "last/bias", 2, (double[]){0, 0});
}

static void page_one_holds_the_numbers_of_a_known_run(void **state)
{
    (void)state;
    scene s;
    char text[128];
    open_plane(&s, 4);
    int32_t label[TEST], position[TEST], trained[TRAIN], at[TRAIN];
    for (int i = 0; i < TEST; i++)
        position[i] = i;
    for (int i = 0; i < TRAIN; i++)
        at[i] = i;
    ok(sd_dataset_read(s.e.data.test, TEST, position, SD_F64, NULL, NULL, label, NULL));
    ok(sd_dataset_read(s.e.data.train, TRAIN, at, SD_F64, NULL, NULL, trained, NULL));
    int ones = 0, majority = 0;
    for (int i = 0; i < TRAIN; i++)
        ones += trained[i];
    assert_true(ones > TRAIN / 2);
    for (int i = 0; i < TEST; i++)
        majority += label[i] == 1;
    look(&s, "[{\"instrument\": \"signal\", \"facts\": {\"units\": 40, \"dead_units\": 4, \"untrained_dead_units\": 2, "
             "\"saturated_units\": 1, "
             "\"idle_layers\": [\"b1\", "
             "\"b2\"]}}]");
    sd_interval right = sd_interval_binomial(TEST - WRONG, TEST, 0.95), most = sd_interval_binomial(majority, TEST, 0.95);
    near(score_cell(&s, "this run", "score"), right.estimate, 1e-12, "score");
    near(score_cell(&s, "this run", "low"), right.low, 1e-12, "its interval");
    near(score_cell(&s, "this run", "high"), right.high, 1e-12, "its interval");
    near(score_cell(&s, "most frequent class", "score"), most.estimate, 1e-12, "majority");
    near(score_cell(&s, "most frequent class", "low"), most.low, 1e-12, "its interval");
    near(score_cell(&s, "most frequent class", "lead"), right.estimate - most.estimate, 1e-12, "its lead");
    near(number_of(&s, "train_score"), 1, 1e-12, "training score");
    assert_true(isnan(score_cell(&s, "this run", "lead")));
    line_says(&s, "task",
              "Tell 2 classes apart, from inputs of shape [2]. The network has 6 parameters; these are the weights after 100 "
              "steps, 2 epochs.");
    line_says(&s, "data", "400 training, 200 test samples. Judged on all 200 of the test part.");
    line_says(&s, "score", "95.00 % right");
    line_says(&s, "fit", "100.00 %");
    line_says(&s, "fit", "a difference of 5.00 points");
    line_says(&s, "fit", "It overfits");
    line_says(&s, "units", "Of 40 units: 4 dead (untrained: 2), 1 saturated.");
    line_says(&s, "layers", "2 layers change nothing: b1, b2.");
    snprintf(text, sizeof text, ": %d of %d test labels, from probabilities", WRONG, TEST);
    line_says(&s, "labels", text);
    line_says(&s, "labels", "not trained on");
    line_says(&s, "labels", "0 of 400 training labels, which the network has learned");
    line_says(&s, "duplicates",
              "In the training part there stand, value for value, 3 of 200 test samples; 0 of them with another answer.");
    line_says(&s, "to try, 1", "(3, 1.50 % of the test part)");
    assert_string_equal(json_string_value(json_array_get(json_object_get(s.one.facts, "advice"), 0)), "duplicates");
    close_scene(&s);
}

/* Mean confidence less accuracy of the network that says (-w, w) x, from the samples themselves. */
static double excess_by_hand(const scene *s, double w)
{
    static double x[TEST][2];
    int32_t label[TEST], position[TEST];
    double excess = 0;
    for (int i = 0; i < TEST; i++)
        position[i] = i;
    ok(sd_dataset_read(s->e.data.test, TEST, position, SD_F64, NULL, x, label, NULL));
    for (int i = 0; i < TEST; i++)
        excess += (1 / (1 + exp(-2 * w * fabs(x[i][0]))) - ((x[i][0] > 0) == label[i])) / TEST;
    return excess;
}

/* Large weights are surer than right, small ones more right than sure: the sentence says which. */
static void page_one_says_whether_it_is_too_sure_or_too_unsure(void **state)
{
    (void)state;
    static const double weights[] = {4, 0.1};
    for (int k = 0; k < 2; k++) {
        scene s;
        char text[64];
        open_plane(&s, weights[k]);
        look(&s, NULL);
        double excess = excess_by_hand(&s, weights[k]);
        assert_true(k ? excess < -0.3 : excess > 0.02);
        snprintf(text, sizeof text, "On average it is %.2f points too %s.", 100 * fabs(excess), k ? "unsure" : "sure");
        line_says(&s, "calibration", text);
        close_scene(&s);
    }
}

/* The nearest neighbour and the linear model by brute force and by construction: classes that a line separates. */
static void controls_are_what_they_say(void **state)
{
    (void)state;
    scene s;
    open_plane(&s, -4); /* the opposite of the truth: right only where the labels are wrong */
    look(&s, NULL);
    near(score_cell(&s, "this run", "score"), (double)WRONG / TEST, 1e-12, "score");
    near(score_cell(&s, "linear model on the raw input", "score"), 1 - (double)WRONG / TEST, 1e-12, "linear");
    int32_t *label[2], position[TRAIN];
    double *x[2];
    sd_dataset *part[2] = {s.e.data.train, s.e.data.test};
    for (int i = 0; i < TRAIN; i++)
        position[i] = i;
    for (int k = 0; k < 2; k++) {
        int n = k ? TEST : TRAIN;
        label[k] = malloc((size_t)n * sizeof(int32_t));
        x[k] = malloc((size_t)n * 2 * sizeof(double));
        ok(sd_dataset_read(part[k], n, position, SD_F64, NULL, x[k], label[k], NULL));
    }
    int hits = 0;
    for (int i = 0; i < TEST; i++) {
        int best = 0;
        double least = INFINITY;
        for (int t = 0; t < TRAIN; t++) {
            double d = hypot(x[0][2 * t] - x[1][2 * i], x[0][2 * t + 1] - x[1][2 * i + 1]);
            if (d < least)
                least = d, best = t;
        }
        hits += label[0][best] == label[1][i];
    }
    near(score_cell(&s, "nearest neighbour", "score"), (double)hits / TEST, 1e-12, "nearest neighbour");
    line_says(&s, "score",
              "Not better beyond chance than: most frequent class, linear model on the raw input, nearest neighbour");
    line_says(&s, "fit", "It underfits");
    line_says(&s, "units", "Not measured.");
    line_says(&s, "layers", "Not measured.");
    line_says(&s, "to try, 1", "duplicates");
    line_says(&s, "to try, 2", "Find out why nothing was learned: beside the same answer for all the network is worse by");
    line_says(&s, "labels", "says more of itself than of the labels");
    assert_null(json_object_get(s.folded.found, "suspects"));
    for (int k = 0; k < 2; k++) {
        free(label[k]);
        free(x[k]);
    }
    close_scene(&s);
}

/* Two thirds of the training samples are of class 1, one third of the test samples. */
static void the_constant_is_that_of_the_training_part(void **state)
{
    (void)state;
    static double x[TRAIN][2], test[TEST][2];
    static int32_t y[TRAIN], b[TEST];
    scene s;
    int ones = 0;
    make_plane(x, y, TRAIN, 0, 1);
    make_plane(test, b, TEST, TEST, 2); /* all labels turned */
    for (int i = 0; i < TEST; i++)
        ones += b[i];
    assert_true(ones < TEST / 2);
    open_scene(&s, model_of(affine, 2, 2, 0), labelled(TRAIN, 2, &x[0][0], y, 2), NULL, labelled(TEST, 2, &test[0][0], b, 2));
    look(&s, NULL);
    near(score_cell(&s, "most frequent class", "score"), (double)ones / TEST, 1e-12, "majority of the training part");
    close_scene(&s);
}

/* Sets that are sorted by class, and larger than what a quick report looks at: samples are drawn, and keep their numbers. */
static void sorted_sets_are_drawn_from(void **state)
{
    (void)state;
    enum { LARGE = 26000, JUDGED = 12000, LAST = JUDGED - 300 };
    double *x = malloc(LARGE * sizeof *x);
    int32_t *y = malloc(LARGE * sizeof *y);
    scene s;
    sd_model *model = model_of(affine, 1, 2, 0);
    for (int i = 0; i < LARGE; i++) {
        y[i] = i >= LARGE / 2;
        x[i] = (y[i] ? 1 : -1) * (1 + 1e-4 * i);
    }
    sd_dataset *train = labelled(LARGE, 1, x, y, 2);
    for (int i = 0; i < JUDGED; i++) {
        y[i] = i >= JUDGED / 2;
        x[i] = (y[i] ? 1 : -1) * (1.00003 + 1e-4 * i);
        y[i] = i < LAST ? y[i] : 0; /* the last are wrong */
    }
    open_scene(&s, model, train, NULL, labelled(JUDGED, 1, x, y, 2));
    set_slice(model, "last/weight", 2, (double[]){-4, 4});
    look(&s, NULL);
    line_says(&s, "data", "Judged on 10000 of the test part, drawn by chance.");
    near(number_of(&s, "judged"), 10000, 0, "judged");
    near(score_cell(&s, "this run", "score"), 1 - 300.0 / JUDGED, 0.0025,
         "score"); /* 3.7 deviations of drawing without replacement */
    assert_true(score_cell(&s, "linear model on the raw input", "score") > 0.9);
    near(score_cell(&s, "nearest neighbour", "score"), 1 - 300.0 / JUDGED, 0.015, "nearest neighbour of 2000");
    json_t *rows = json_object_get(json_object_get(s.folded.found, "mistakes"), "rows"), *row;
    size_t i;
    json_array_foreach(rows, i, row) assert_in_range(json_integer_value(json_object_get(row, "sample")), LAST, JUDGED - 1);
    assert_true(i > 5);
    free(x);
    free(y);
    close_scene(&s);
}

static sd_built by_hinge(sd_builder *b, void *user)
{
    (void)user;
    sd_node z = sd_layer_dense(b, b->input, (sd_dense_spec){.units = b->classes, .name = "last"});
    return sd_loss(b, z, (sd_loss_spec){SD_HINGE, 0});
}

static void a_softmax_that_was_not_trained_is_called_so(void **state)
{
    (void)state;
    static double x[TEST][2];
    static int32_t y[TEST];
    sd_build_fn *const builds[] = {affine, by_hinge};
    for (int k = 0; k < 2; k++) {
        scene s;
        make_plane(x, y, TEST, 0, 3);
        open_scene(&s, model_of(builds[k], 2, 2, 0), labelled(TEST, 2, &x[0][0], y, 2), NULL,
                   labelled(TEST, 2, &x[0][0], y, 2));
        s.e.trained.selected_on_test = true;
        look(&s, NULL);
        assert_int_equal(k == 1, strstr(sentence(&s, "calibration"), "likelihood is not what was trained") != NULL);
        line_says(&s, "data", "selected on the test part, which flatters");
        close_scene(&s);
    }
}

/* ---- the whole: what is missing ------------------------------------------------------------------------------------------ */

static void an_instrument_that_could_not_run_says_why(void **state)
{
    (void)state;
    scene s;
    open_plane(&s, 4);
    look(&s,
         "[{\"instrument\": \"curvature\", \"facts\": {\"units\": 3}}, {\"instrument\": \"signal\", \"reason\": \"there are no "
         "activations\"}]");
    line_says(&s, "units", "Not measured: there are no activations.");
    line_says(&s, "layers", "Not measured: there are no activations.");
    close_scene(&s);
    open_plane(&s, 4); /* some facts only, and one of another type */
    look(&s, "[{\"instrument\": \"signal\", \"facts\": {\"units\": 8, \"dead_units\": \"few\", \"saturated_units\": 1, "
             "\"idle_layers\": []}}]");
    line_says(&s, "units", "Of 8 units: dead not measured, 1 saturated.");
    line_says(&s, "layers", "Every layer changes what passes through it.");
    close_scene(&s);
}

/* A log that ends while the loss still falls is no reason to train on from weights that are not finite. */
static void what_is_not_finite_is_not_trained_on(void **state)
{
    (void)state;
    sd_findings f = good_run();
    falling(&f);
    assert_true(sd__rule_holds(&f, "still_falling"));
    broken(&f);
    assert_false(sd__rule_holds(&f, "still_falling"));
    rising(&f);
    assert_false(sd__rule_holds(&f, "stop_earlier"));
}

static void weights_that_are_not_finite_are_a_sentence(void **state)
{
    (void)state;
    scene s;
    open_plane(&s, 4);
    s.e.optimizer.lr = 0.5;
    set_slice(s.e.trained.model, "last/weight", 4, (double[]){1, NAN, 0, 0});
    look(&s, NULL);
    line_says(&s, "score", "Not measured: the weights of last/weight are not finite.");
    line_says(&s, "duplicates", "3 of 200");
    line_says(&s, "to try, 1", "smaller step size than 0.5");
    assert_null(sentence(&s, "fit"));
    assert_null(json_object_get(s.one.found, "scores"));
    close_scene(&s);
    open_plane(&s, 1.7e308); /* finite weights, outputs that are not */
    look(&s, NULL);
    line_says(&s, "score", "Not measured: what the network says of sample");
    close_scene(&s);
}

static void an_untrained_run_says_so(void **state)
{
    (void)state;
    scene s;
    open_plane(&s, 4);
    s.e.trained.step = 0;
    memcpy(sd_model_theta(s.e.trained.model), s.e.theta, 6 * sizeof(double));
    look(&s, NULL);
    line_says(&s, "task", "has not been trained");
    line_says(&s, "fit", "An untrained network fits nothing.");
    line_says(&s, "to try, 1", "Train it");
    near(score_cell(&s, "this network untrained", "lead"), 0, 1e-15, "lead over itself");
    close_scene(&s);
    open_plane(&s, 4); /* as trained with a step of nearly 0: a bias is no longer 0 */
    memcpy(sd_model_theta(s.e.trained.model), s.e.theta, 6 * sizeof(double));
    set_slice(s.e.trained.model, "last/bias", 2, (double[]){1e-30, -1e-30});
    look(&s, NULL);
    line_says(&s, "task", "But for rounding, they are those before training.");
    line_says(&s, "fit", "An untrained network fits nothing.");
    line_says(&s, "labels", "of which the network has learned none");
    line_says(&s, "to try, 1", "after 100 steps the weights are still those before training");
    close_scene(&s);
}

static void a_single_class_is_nothing_to_tell_apart(void **state)
{
    (void)state;
    enum { N = 40 };
    static double x[N][2];
    static int32_t y[N];
    scene s;
    for (int classes = 1; classes <= 3; classes++) { /* of which only class 0 occurs */
        make_plane(x, y, N, 0, 4);
        memset(y, 0, sizeof y);
        open_scene(&s, model_of(affine, 2, classes, 0), labelled(N, 2, &x[0][0], y, classes), NULL,
                   labelled(N / 2, 2, &x[0][0], y, classes));
        look(&s, NULL);
        line_says(&s, "data", "All training labels are 0: there is nothing to tell apart.");
        line_says(&s, "score", "Not compared: linear model on the raw input.");
        line_says(&s, "to try, 1", "Look at the labels");
        near(score_cell(&s, "most frequent class", "score"), 1, 1e-15, "majority");
        if (classes == 1)
            near(score_cell(&s, "this run", "score"), 1, 1e-15, "score of who has no choice");
        close_scene(&s);
    }
}

static void without_held_out_samples_nothing_is_compared_with_them(void **state)
{
    (void)state;
    static double x[TRAIN][2];
    static int32_t y[TRAIN];
    scene s;
    make_plane(x, y, TRAIN, 0, 1);
    open_scene(&s, model_of(affine, 2, 2, 0), labelled(TRAIN, 2, &x[0][0], y, 2), NULL, NULL);
    set_slice(s.e.trained.model, "last/weight", 4, (double[]){-1, 1, 0, 0});
    look(&s, NULL);
    line_says(&s, "data", "No samples were held out");
    line_says(&s, "score", "Not compared: linear model on the raw input, nearest neighbour.");
    line_says(&s, "fit", "no samples were held out");
    line_says(&s, "labels", "of 400 training labels, which the network has learned");
    line_says(&s, "duplicates", "Not measured");
    assert_string_equal(json_string_value(json_object_get(s.one.facts, "part")), "train");
    close_scene(&s);
    make_plane(x, y, TRAIN, 0, 1);
    open_scene(&s, model_of(affine, 2, 2, 0), labelled(TRAIN / 2, 2, &x[0][0], y, 2),
               labelled(TRAIN / 2, 2, &x[TRAIN / 2][0], y + TRAIN / 2, 2), NULL);
    look(&s, NULL);
    assert_string_equal(json_string_value(json_object_get(s.one.facts, "part")), "validation");
    line_says(&s, "data", "Judged on all 200 of the validation part. There is no test part");
    close_scene(&s);
}

/* ---- what is folded: reading it ------------------------------------------------------------------------------------------ */

static json_t *item(const scene *s, const char *key)
{
    json_t *found = json_object_get(s->folded.found, key);
    if (!found)
        fail_msg("nothing is folded under %s", key);
    return found;
}

static json_t *row_of(const scene *s, const char *key, size_t i)
{
    json_t *row = json_array_get(json_object_get(item(s, key), "rows"), i);
    assert_non_null(row);
    return row;
}

static double real(const json_t *row, const char *column) { return json_number_value(json_object_get(row, column)); }

static const json_t *series_of(const scene *s, const char *key, const char *name)
{
    size_t i;
    json_t *series;
    json_array_foreach(
        json_object_get(item(s, key), "series"), i,
        series) if (!strcmp(json_string_value(json_object_get(series, "name")), name)) return json_object_get(series, "points");
    fail_msg("figure %s has no series %s", key, name);
    return NULL;
}

static double coordinate(const json_t *points, size_t i, size_t axis)
{
    return json_number_value(json_array_get(json_array_get(points, i), axis));
}

/* ---- the whole: real targets --------------------------------------------------------------------------------------------- */

/* The penalty in the note on least squares. */
static double penalty_of(const scene *s)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(json_object_get(s->one.found, "scores"), "rows"), i, row)
    {
        const char *at = strstr(json_string_value(json_object_get(row, "note")), "penalty ");
        if (at)
            return atof(at + strlen("penalty "));
    }
    fail_msg("no penalty is named");
    return NAN;
}

/* Training targets are affine but for `noise` (1: noise alone); targets of held samples are `truth` times the affine function. */
static double penalty_for(double noise, double truth)
{
    enum { FEW = 100, HELD = 50, INPUTS = 20 };
    static double x[FEW + HELD][INPUTS], y[FEW + HELD];
    scene s;
    sd_random random = sd__random(12, 0);
    for (int i = 0; i < FEW + HELD; i++) {
        for (int j = 0; j < INPUTS; j++)
            x[i][j] = sd__random_normal(&random);
        y[i] = i < FEW ? (noise < 1 ? x[i][0] : 0) + noise * sd__random_normal(&random) : truth * x[i][0];
    }
    open_scene(&s, model_of(affine, INPUTS, 0, 1), valued(FEW, INPUTS, &x[0][0], 1, y), NULL,
               valued(HELD, INPUTS, &x[FEW][0], 1, y + FEW));
    look(&s, NULL);
    double penalty = penalty_of(&s);
    close_scene(&s);
    return penalty;
}

/* By samples that are neither fitted to nor judged on: it is strong where there is only noise, whatever the held samples ask for. */
static void the_penalty_is_chosen_without_the_held_samples(void **state)
{
    (void)state;
    near(penalty_for(1, 1), 0.1, 0, "penalty where there is only noise");
    double weak = penalty_for(0.01, 1);
    assert_true(weak < 1e-2);
    near(penalty_for(0.01, 0.5), weak, 0, "penalty beside held samples that ask for a stronger one");
}

/* y = 2 x0 - x1 + 1 and x0 + x1; the network's second target is off by `shift`. */
static void regression_has_its_own_controls(void **state)
{
    (void)state;
    static double x[TRAIN][2], y[TRAIN][2], a[TEST][2], b[TEST][2];
    scene s;
    sd_random random = sd__random(6, 0);
    double shift = 0.25, mean[2] = {0}, own[2] = {0}, constant = 0, spread = 0, nearest = 0;
    for (int i = 0; i < TRAIN + TEST; i++) {
        double *in = i < TRAIN ? x[i] : a[i - TRAIN], *out = i < TRAIN ? y[i] : b[i - TRAIN];
        in[0] = sd__random_normal(&random);
        in[1] = sd__random_normal(&random);
        out[0] = 2 * in[0] - in[1] + 1;
        out[1] = in[0] + in[1];
        for (int k = 0; k < 2; k++)
            *(i < TRAIN ? &mean[k] : &own[k]) += out[k] / (i < TRAIN ? TRAIN : TEST);
    }
    for (int i = 0; i < TEST; i++) {
        int best = 0;
        for (int t = 1; t < TRAIN; t++)
            if (hypot(x[t][0] - a[i][0], x[t][1] - a[i][1]) < hypot(x[best][0] - a[i][0], x[best][1] - a[i][1]))
                best = t;
        for (int k = 0; k < 2; k++) {
            constant += (b[i][k] - mean[k]) * (b[i][k] - mean[k]);
            spread += (b[i][k] - own[k]) * (b[i][k] - own[k]);
            nearest += (b[i][k] - y[best][k]) * (b[i][k] - y[best][k]);
        }
    }
    sd_model *model = model_of(affine, 2, 0, 2);
    open_scene(&s, model, valued(TRAIN, 2, &x[0][0], 2, &y[0][0]), NULL, valued(TEST, 2, &a[0][0], 2, &b[0][0]));
    set_slice(model, "last/weight", 4, (double[]){2, 1, -1, 1});
    set_slice(model, "last/bias", 2, (double[]){1, shift});
    look(&s, NULL);
    near(score_cell(&s, "this run", "score"), 1 - TEST * shift * shift / spread, 1e-12, "R^2");
    near(score_cell(&s, "mean of the training targets", "score"), 1 - constant / spread, 1e-12, "R^2 of the mean");
    near(score_cell(&s, "mean of the training targets", "lead"), constant / (2 * TEST) - shift * shift / 2, 1e-12,
         "lead over the mean");
    near(score_cell(&s, "least squares on the raw input", "score"), 1, 1e-9, "R^2 of least squares");
    near(score_cell(&s, "nearest neighbour", "score"), 1 - nearest / spread, 1e-12, "R^2 of the nearest neighbour");
    assert_true(score_cell(&s, "this run", "low") < score_cell(&s, "this run", "score"));
    assert_true(score_cell(&s, "this run", "high") > score_cell(&s, "this run", "score"));
    line_says(&s, "task", "Predict 2 numbers");
    line_says(&s, "score", "root of the mean squared error 0.1768"); /* 0.25 / sqrt(2) */
    line_says(&s, "fit", "It underfits");
    line_says(
        &s, "to try, 1",
        "Use the least squares on the raw input, or train on: on the same samples it is better by 0.03125 in mean squared");
    assert_null(sentence(&s, "calibration"));
    assert_null(sentence(&s, "labels"));
    const json_t *points = series_of(&s, "agreement", "this run");
    assert_int_equal(json_array_size(points), TEST);
    for (size_t i = 0; i < TEST; i++)
        near(coordinate(points, i, 0), coordinate(points, i, 1), 1e-12, "the first target is exact");
    near(real(row_of(&s, "mistakes", 0), "error"), shift * shift, 1e-12, "largest error");
    close_scene(&s);

    model = model_of(affine, 2, 0, 2);
    open_scene(&s, model, valued(TRAIN, 2, &x[0][0], 2, &y[0][0]), NULL, valued(TEST, 2, &a[0][0], 2, &b[0][0]));
    set_slice(model, "last/weight", 4, (double[]){2, 1, -1, 1});
    set_slice(model, "last/bias", 2, (double[]){1, 0});
    look(&s, NULL);
    line_says(&s, "fit", "No over- or underfitting");
    close_scene(&s);

    for (int i = 0; i < TEST; i++)
        b[i][0] += i % 2 ? 1 : -1; /* which nobody can know from the training samples */
    model = model_of(affine, 2, 0, 2);
    open_scene(&s, model, valued(TRAIN, 2, &x[0][0], 2, &y[0][0]), NULL, valued(TEST, 2, &a[0][0], 2, &b[0][0]));
    set_slice(model, "last/weight", 4, (double[]){2, 1, -1, 1});
    set_slice(model, "last/bias", 2, (double[]){1, 0});
    look(&s, NULL);
    line_says(&s, "fit", "the mean squared error is higher by 0.5 (0.5 to 0.5). It overfits");
    close_scene(&s);
}

/* ---- folded -------------------------------------------------------------------------------------------------------------- */

/* Mistakes in the order of the label's probability, found again by sorting; the confusion matrix is that of the evaluation. */
static void what_is_folded_of_a_run_without_pictures(void **state)
{
    (void)state;
    scene s;
    sd_scores scores;
    open_plane(&s, 4);
    ok(sd_evaluate(s.e.trained.model, s.e.data.test, NULL, 0, &scores));
    look(&s, NULL);
    assert_int_equal(json_array_size(json_object_get(item(&s, "confusion"), "rows")), 2);
    for (int c = 0; c < 2; c++) {
        assert_int_equal((int)real(row_of(&s, "confusion", (size_t)c), "said_0"), scores.confusion[2 * c]);
        assert_int_equal((int)real(row_of(&s, "confusion", (size_t)c), "said_1"), scores.confusion[2 * c + 1]);
    }
    assert_string_equal(json_string_value(json_object_get(item(&s, "mistakes"), "kind")), "table");
    assert_int_equal(json_array_size(json_object_get(item(&s, "mistakes"), "rows")), WRONG);
    for (size_t i = 0; i < WRONG; i++) {
        json_t *row = row_of(&s, "mistakes", i);
        int32_t id = (int32_t)real(row, "sample"), label;
        double x[2];
        assert_in_range(id, 0, WRONG - 1); /* the first samples have the wrong labels */
        ok(sd_dataset_read(s.e.data.test, 1, &id, SD_F64, NULL, x, &label, NULL));
        near(real(row, "p_label"), 1 / (1 + exp(8 * fabs(x[0]))), 1e-12, "probability of a label"); /* logits -+4x */
        near(real(row, "p_said"), 1 / (1 + exp(-8 * fabs(x[0]))), 1e-12, "probability of what is said");
        if (i)
            assert_true(real(row, "p_label") >= real(row_of(&s, "mistakes", i - 1), "p_label"));
    }
    assert_int_equal(json_array_size(json_object_get(item(&s, "suspects"), "rows")), WRONG);
    json_t *twin = row_of(&s, "duplicates", 0); /* in the order of the test part */
    assert_int_equal((int)real(twin, "sample"), TEST - TWINS);
    assert_int_equal((int)real(twin, "train"), TWINS - 1);
    assert_true(json_is_false(json_object_get(twin, "contradiction")));
    const json_t *points = series_of(&s, "reliability", "this run");
    double surest = 0, right = 0, all = 0;
    for (size_t i = 0; i < json_array_size(points); i++) {
        assert_true(coordinate(points, i, 2) <= coordinate(points, i, 1) &&
                    coordinate(points, i, 1) <= coordinate(points, i, 3));
        surest = fmax(surest, coordinate(points, i, 0));
    }
    assert_true(surest > 0.99);
    for (int c = 0; c < 2; c++) {
        right += real(row_of(&s, "confusion", (size_t)c), c ? "said_1" : "said_0");
        all += real(row_of(&s, "confusion", (size_t)c), "said_0") + real(row_of(&s, "confusion", (size_t)c), "said_1");
    }
    near(right, TEST - WRONG, 0, "diagonal");
    near(all, TEST, 0, "all cells");
    assert_null(json_object_get(s.folded.found, "loss_curve"));
    sd_scores_clear(&scores);
    close_scene(&s);
}

/* Images: a white pixel whose place is the class. The network reads the place, so the one with the wrong label is the worst
 * mistake. */
static void mistakes_of_images_are_pictures(void **state)
{
    (void)state;
    enum { N = 60, SIDE = 4, CLASSES = 4, FLIPPED = 17 };
    static uint8_t x[N][SIDE * SIDE];
    static int32_t y[N], z[N];
    static double weight[SIDE * SIDE * CLASSES];
    const char *const names[CLASSES] = {"north", "east", "south", "west"};
    memset(x, 0, sizeof x);
    for (int i = 0; i < N; i++) {
        y[i] = z[i] = i % CLASSES;
        x[i][y[i]] = 255;
        x[i][15 - i / CLASSES % 8] = (uint8_t)(2 * i + 1); /* no two are equal */
    }
    z[FLIPPED] = 3; /* 17 is a 1 */
    for (int c = 0; c < CLASSES; c++)
        weight[c * CLASSES + c] = 6.0 / 255;
    sd_memory m = {.samples = N,
                   .shape = SD_SHAPE(SIDE, SIDE, 1),
                   .dtype = SD_U8,
                   .input = x,
                   .labels = y,
                   .classes = CLASSES,
                   .class_names = names,
                   .copy = true};
    sd_dataset *train, *test;
    ok(sd_dataset_from_memory(&m, &train));
    m.labels = z;
    ok(sd_dataset_from_memory(&m, &test));
    sd_model *model;
    sd_model_spec spec = {.build = flat, .input = SD_SHAPE(SIDE, SIDE, 1), .classes = CLASSES, .dtype = SD_F64, .seed = 1};
    ok(sd_model_new(context, &spec, &model));
    set_slice(model, "last/weight", SIDE * SIDE * CLASSES, weight);
    scene s;
    open_scene(&s, model, train, NULL, test);
    look(&s, NULL);
    const char *const keys[] = {"mistakes", "suspects"};
    for (int k = 0; k < 2; k++) {
        json_t *pictures = json_object_get(item(&s, keys[k]), "pictures"), *first = json_array_get(pictures, 0);
        assert_int_equal(json_array_size(pictures), 1);
        const char *caption = json_string_value(json_object_get(first, "caption"));
        if (!strstr(caption, "test 17: labelled west") || !strstr(caption, "said east"))
            fail_msg("caption \"%s\"", caption);
        size_t count;
        uint8_t *pixels = sd__picture_pixels(first, &count);
        assert_int_equal(count, SIDE * SIDE);
        assert_memory_equal(pixels, x[FLIPPED], SIDE * SIDE);
        free(pixels);
    }
    line_says(&s, "duplicates", "there stand, value for value, 60 of 60 test samples; 1 of them with another answer.");
    assert_true(json_array_size(json_object_get(item(&s, "duplicate_pictures"), "pictures")) > 1);
    assert_string_equal(json_string_value(json_object_get(row_of(&s, "confusion", 3), "true")), "west");
    close_scene(&s);
}

static void many_classes_are_confused_in_pairs(void **state)
{
    (void)state;
    enum { CLASSES = 30, N = 90 };
    static double x[N][CLASSES], weight[CLASSES * CLASSES];
    static int32_t y[N];
    memset(x, 0, sizeof x);
    memset(weight, 0, sizeof weight);
    for (int i = 0; i < N; i++) {
        y[i] = i % CLASSES;
        x[i][i < 3 ? 7 : i < 33 && y[i] == 3 ? 8 : y[i]] = 1; /* 0, 1 and 2 once, and 3 once, look like others */
    }
    x[63][3] = 0;
    x[63][8] = 1; /* 3 again */
    for (int c = 0; c < CLASSES; c++)
        weight[c * CLASSES + c] = 5;
    sd_model *model = model_of(affine, CLASSES, CLASSES, 0);
    set_slice(model, "last/weight", CLASSES * CLASSES, weight);
    scene s;
    open_scene(&s, model, labelled(N, CLASSES, &x[0][0], y, CLASSES), NULL, labelled(N, CLASSES, &x[0][0], y, CLASSES));
    look(&s, NULL);
    json_t *first = row_of(&s, "confusions", 0);
    assert_string_equal(json_string_value(json_object_get(first, "true")), "3");
    assert_string_equal(json_string_value(json_object_get(first, "said")), "8");
    near(real(first, "count"), 2, 0, "pairs");
    assert_int_equal(json_array_size(json_object_get(item(&s, "confusions"), "rows")), 4);
    assert_null(json_object_get(s.folded.found, "confusion"));
    close_scene(&s);
}

static void curves_come_from_the_log(void **state)
{
    (void)state;
    scene s;
    sd_string log = {0};
    char *const checkpoint = (char[160]){0};
    put(in("config.yaml"), "model: {}\n");
    for (int i = 1; i <= 1000; i++)
        sd__string_add(&log, "{\"event\":\"step\",\"step\":%d,\"epoch\":1,\"loss\":%g}\n", i, 2.0 / i);
    for (int i = 1; i <= 4; i++)
        sd__string_add(
            &log,
            "{\"event\":\"epoch\",\"step\":%d,\"epoch\":%d,\"train_loss\":%g,\"train_accuracy\":0.%d,\"validation_loss\":%g}\n",
            250 * i, i, 1.0 / i, i, i == 2 ? 0.25 : 0.5);
    put(in("metrics.jsonl"), log.text);
    free(log.text);
    open_plane(&s, 4);
    snprintf(checkpoint, 160, "%s", in("checkpoints/last.safetensors"));
    s.e.trained.checkpoint = checkpoint;
    look(&s, NULL);
    const json_t *batches = series_of(&s, "loss_curve", "batches"), *training = series_of(&s, "loss_curve", "training");
    assert_int_equal(json_array_size(batches), 500);
    near(coordinate(batches, 0, 0), 1.5, 1e-12, "step of the first pair");
    near(coordinate(batches, 0, 1), 1.5, 1e-12, "mean loss of the first pair");
    assert_int_equal(json_array_size(training), 4);
    near(coordinate(training, 2, 0), 750, 0, "step");
    near(coordinate(training, 2, 1), 1.0 / 3, 1e-5, "loss");
    near(coordinate(series_of(&s, "loss_curve", "validation"), 1, 1), 0.25, 0, "validation loss");
    near(coordinate(series_of(&s, "score_curve", "training"), 3, 1), 0.4, 0, "accuracy");
    assert_true(json_is_true(json_object_get(item(&s, "loss_curve"), "log_y")));
    line_says(&s, "task", "2 of 4 epochs");
    line_says(&s, "to try, 3", "the validation loss was least in epoch 2 of 4 (0.25), and 0.5 at the end");
    close_scene(&s);
    unlink(in("metrics.jsonl"));
}

/* ---- the log ------------------------------------------------------------------------------------------------------------- */

static void the_log_is_read_as_it_was_written(void **state)
{
    (void)state;
    sd_history h;
    put(in("config.yaml"), "model: {}\n");
    put(in("metrics.jsonl"),
        "{\"event\":\"step\",\"step\":5,\"epoch\":1,\"loss\":0.5,\"lr\":0.1}\n"
        "{\"event\":\"step\",\"step\":10,\"epoch\":1,\"loss\":null}\n"
        "not json\n"
        "{\"event\":\"epoch\",\"step\":12,\"epoch\":1,\"train_loss\":0.4,\"train_accuracy\":0.8,\"validation_loss\":0.6,"
        "\"validation_accuracy\":0.7}\n"
        "{\"event\":\"test\",\"step\":12,\"epoch\":1,\"test_loss\":0.6}\n"
        "{\"event\":\"epoch\",\"step\":24,\"epoch\":2,\"train_loss\":0.3,\"validation_loss\":0.5,\"validation_r2\":0.9}");
    ok(sd__history_read(in("checkpoints/best.safetensors"), &h));
    assert_int_equal(h.steps, 2);
    assert_int_equal(h.epochs, 2);
    assert_int_equal(h.step[0].step, 5);
    near(h.step[0].train_loss, 0.5, 0, "loss");
    assert_true(isnan(h.step[1].train_loss));
    near(h.epoch[0].train_accuracy, 0.8, 0, "training accuracy");
    near(h.epoch[0].validation_accuracy, 0.7, 0, "validation accuracy");
    assert_int_equal(h.epoch[1].step, 24);
    assert_true(isnan(h.epoch[1].train_accuracy));
    near(h.epoch[1].validation_r2, 0.9, 0, "R^2");
    sd__history_clear(&h);
    unlink(in("metrics.jsonl"));
    assert_int_equal(sd__history_read(scratch, &h), SD_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calibration_error_is_that_by_hand),
        cmocka_unit_test(calibration_errors_cancel_only_within_a_bin),
        cmocka_unit_test(chance_makes_the_error_that_theory_says),
        cmocka_unit_test(a_flipped_label_is_suspected_and_a_hard_sample_is_not),
        cmocka_unit_test(twins_are_equal_value_for_value),
        cmocka_unit_test(twins_compare_real_targets),
        cmocka_unit_test(least_squares_has_its_closed_form),
        cmocka_unit_test(judging_agrees_with_evaluation),
        cmocka_unit_test(every_rule_holds_where_it_should_and_is_silent_elsewhere),
        cmocka_unit_test(only_three_things_are_said_the_most_urgent_first),
        cmocka_unit_test(only_a_good_network_may_doubt_labels),
        cmocka_unit_test(what_was_not_measured_leads_to_no_advice),
        cmocka_unit_test(page_one_holds_the_numbers_of_a_known_run),
        cmocka_unit_test(page_one_says_whether_it_is_too_sure_or_too_unsure),
        cmocka_unit_test(controls_are_what_they_say),
        cmocka_unit_test(the_constant_is_that_of_the_training_part),
        cmocka_unit_test(sorted_sets_are_drawn_from),
        cmocka_unit_test(a_softmax_that_was_not_trained_is_called_so),
        cmocka_unit_test(an_instrument_that_could_not_run_says_why),
        cmocka_unit_test(what_is_not_finite_is_not_trained_on),
        cmocka_unit_test(weights_that_are_not_finite_are_a_sentence),
        cmocka_unit_test(an_untrained_run_says_so),
        cmocka_unit_test(a_single_class_is_nothing_to_tell_apart),
        cmocka_unit_test(without_held_out_samples_nothing_is_compared_with_them),
        cmocka_unit_test(the_penalty_is_chosen_without_the_held_samples),
        cmocka_unit_test(regression_has_its_own_controls),
        cmocka_unit_test(what_is_folded_of_a_run_without_pictures),
        cmocka_unit_test(mistakes_of_images_are_pictures),
        cmocka_unit_test(many_classes_are_confused_in_pairs),
        cmocka_unit_test(curves_come_from_the_log),
        cmocka_unit_test(the_log_is_read_as_it_was_written),
    };
    return cmocka_run_group_tests_name("overview", tests, begin, end);
}
