/* c100_true_labels.c -- C100: the network that fits permuted labels generalises when the labels are true. */
#include <math.h>
#include <stdlib.h>

#include "classic/logistic.h"
#include "classic/nearest.h"
#include "lab/trial.h"

enum { N = 1000, UNITS = 512, LEVELS = 5, TRUE = 0, PERMUTED = LEVELS - 1, INTERVALS = 2 * LEVELS + 6 };

static const double level[LEVELS] = {0, 0.25, 0.5, 0.75, 1}, strength = 1.0 / N;

typedef struct table {
    int runs;
    double *gap[LEVELS], *neighbour_gap[LEVELS]; /* [runs] training accuracy - test accuracy */
    double *test, *neighbour, *linear;           /* [runs] test accuracies with true labels */
    double chance;
    double *all;
} table;

static sd_status table_new(int runs, table *t)
{
    *t = (table){.runs = runs, .all = sd__alloc((size_t)runs, (2 * LEVELS + 3) * sizeof *t->all)};
    if (!t->all)
        return sd__fail(SD_ENOMEM, "no memory for %d runs", runs);
    for (int l = 0; l < LEVELS; l++) {
        t->gap[l] = t->all + l * runs;
        t->neighbour_gap[l] = t->all + (LEVELS + l) * runs;
    }
    t->test = t->all + (ptrdiff_t)2 * LEVELS * runs;
    t->neighbour = t->test + runs;
    t->linear = t->neighbour + runs;
    return SD_OK;
}

/* Share of test images whose nearest training image has their label. */
static double agreeing(const sd_examples *train, const sd_examples *test, const int64_t *nearest)
{
    int64_t right = 0;
    for (int64_t i = 0; i < test->n; i++)
        right += train->y[nearest[i]] == test->y[i];
    return (double)right / (double)test->n;
}

static sd_status linear_accuracy(sd_context *context, const sd_examples *train, const sd_examples *test, double *accuracy)
{
    sd_logistic *logistic = NULL;
    sd_minimum minimum;
    int64_t d = sd_shape_count(train->shape), right = 0;
    sd_classified samples = {train->n, d, train->classes, SD_F32, train->x, train->y};
    double *w = sd__alloc_zeroed((size_t)((d + 1) * train->classes), sizeof *w);
    int32_t *named = sd__alloc((size_t)test->n, sizeof *named);
    sd_status status =
        w && named ? sd__logistic_new(context, &samples, &logistic) : sd__fail(SD_ENOMEM, "no memory for a linear model");
    if (status == SD_OK)
        status = sd__logistic_fit(logistic, strength, 1e-3, w, &minimum);
    if (status == SD_OK)
        sd__logistic_classify(w, d, train->classes, test->n, SD_F32, test->x, named);
    for (int64_t i = 0; i < test->n && status == SD_OK; i++)
        right += named[i] == test->y[i];
    *accuracy = (double)right / (double)test->n;
    sd__logistic_free(logistic);
    free(w);
    free(named);
    return status;
}

/* One trial: the network at every level, and the nearest neighbour and the linear model on the same images. */
static sd_status one_trial(sd_lab *lab, sd_trial *trial, const sd_examples *test, int r, int64_t *nearest, table *t)
{
    SD_TRY(sd__nearest_rows(sd__lab_context(lab), SD_F32, N, sd_shape_count(test->shape), trial->train.x, test->n, test->x,
                            nearest));
    SD_TRY(linear_accuracy(sd__lab_context(lab), &trial->train, test, &t->linear[r]));
    t->neighbour[r] = agreeing(&trial->train, test, nearest);
    for (int l = 0; l < LEVELS; l++) {
        sd_fit fit;
        SD_TRY(sd__trial_run(trial, level[l], false, test, &fit));
        t->gap[l][r] = fit.train - fit.test;
        t->neighbour_gap[l][r] = 1 - agreeing(&trial->train, test, nearest);
        t->test[r] = l == TRUE ? fit.test : t->test[r];
    }
    t->chance = sd__label_agreement(&trial->train, test);
    return SD_OK;
}

static sd_status trials(sd_lab *lab, table *t)
{
    sd_data data = {0};
    sd_examples test = {0};
    int64_t *nearest = NULL;
    sd_status status = sd__trial_images(lab, "mnist", &data);
    if (status == SD_OK)
        status = sd__examples_read(data.test, &data.normalization, &test);
    if (status == SD_OK && !(nearest = sd__alloc((size_t)test.n, sizeof *nearest)))
        status = sd__fail(SD_ENOMEM, "no memory for neighbours");
    for (int r = 0; r < t->runs && status == SD_OK; r++) {
        sd_trial trial;
        status = sd__trial_begin(lab, &data, N, UNITS, r, &trial);
        if (status == SD_OK)
            status = one_trial(lab, &trial, &test, r, nearest, t);
        sd__trial_end(&trial);
    }
    free(nearest);
    sd__examples_clear(&test);
    sd_data_close(&data);
    return status;
}

/* A memoriser right on a share a of fresh images keeps a label that was not permuted, and else is right by chance. */
static double memoriser(double share, double a, double chance) { return 1 - (1 - share) * a - share * chance; }

static void draw(sd_lab *lab, const table *t, double neighbour)
{
    sd__lab_figure(lab, "Gap between training and test accuracy", "share of labels that are permuted", "gap", false, false);
    sd__lab_series(lab, "theory: nearest neighbour", SD_SERIES_LINE);
    for (int l = 0; l < LEVELS; l++)
        sd__lab_point(lab, level[l], memoriser(level[l], neighbour, t->chance));
    sd__lab_series(lab, "nearest neighbour", SD_SERIES_POINTS);
    for (int l = 0; l < LEVELS; l++)
        sd__lab_point_interval(lab, level[l], sd_interval_mean(t->runs, t->neighbour_gap[l], 0.95));
    sd__lab_series(lab, "network", SD_SERIES_POINTS);
    for (int l = 0; l < LEVELS; l++)
        sd__lab_point_interval(lab, level[l] + 0.01, sd_interval_mean(t->runs, t->gap[l], 0.95)); /* beside the other */
}

static void report(sd_lab *lab, const table *t)
{
    double confidence = sd__lab_confidence(INTERVALS);
    sd_interval less = sd_interval_paired(t->runs, t->gap[TRUE], t->gap[PERMUTED], confidence);
    double neighbour = sd_interval_mean(t->runs, t->neighbour, confidence).estimate;
    sd__lab_measure(lab, "a", less, NAN, "gap with true labels − gap with permuted labels");
    for (int l = 0; l < LEVELS; l++) {
        sd__lab_measure(lab, NULL, sd_interval_mean(t->runs, t->gap[l], confidence), l == PERMUTED ? 1 - t->chance : NAN,
                        "%g %% permuted: gap of the network", 100 * level[l]);
        sd__lab_measure(lab, NULL, sd_interval_mean(t->runs, t->neighbour_gap[l], confidence),
                        l == TRUE ? NAN : memoriser(level[l], neighbour, t->chance),
                        "%g %% permuted: gap of the nearest neighbour", 100 * level[l]);
    }
    sd__lab_measure(lab, NULL, sd_interval_mean(t->runs, t->test, confidence), NAN,
                    "true labels: test accuracy of the network");
    sd__lab_measure(lab, NULL, sd_interval_mean(t->runs, t->neighbour, confidence), NAN,
                    "true labels: test accuracy of the nearest neighbour");
    sd__lab_measure(lab, NULL, sd_interval_mean(t->runs, t->linear, confidence), NAN,
                    "true labels: test accuracy of a linear model");
    sd__lab_measure(lab, NULL, sd_interval_paired(t->runs, t->test, t->neighbour, confidence), NAN,
                    "true labels: network − nearest neighbour");
    sd__lab_measure(lab, NULL, sd_interval_paired(t->runs, t->test, t->linear, confidence), NAN,
                    "true labels: network − linear model");
    draw(lab, t, neighbour);
    sd_interval with_true = sd_interval_mean(t->runs, t->gap[TRUE], confidence),
                permuted = sd_interval_mean(t->runs, t->gap[PERMUTED], confidence);
    sd__lab_judge(lab, "a", sd__rule_at_most(less, 0),
                  "the gap is %.3f with true labels and %.3f with permuted ones; the difference is %.3f (%.3f to %.3f)",
                  with_true.estimate, permuted.estimate, less.estimate, less.low, less.high);
}

static sd_status run(sd_lab *lab)
{
    table t;
    SD_TRY(table_new(sd__lab_repeats(lab, 5, 40), &t));
    sd_status status = trials(lab, &t);
    if (status == SD_OK)
        report(lab, &t);
    free(t.all);
    return status;
}

const sd_claim sd__claim_c100_true_labels = {
    .id = "C100",
    .title = "The same network generalises on true labels",
    .text = "A network so large that it fits permuted labels still generalises when the labels are true.",
    .lecture = "D2",
    .slide = "DNNs are overparameterized; Conclusion",
    .theory = "Size cannot explain it: both times the network, its training and the number of examples are the same, and every "
              "example is "
              "learnt by heart. With permuted labels the gap must be 1 − chance. With true labels a memoriser can do well, "
              "too: the nearest "
              "neighbour has a training accuracy of 1 and a test accuracy of a; if a share s of the labels is permuted, (1 − "
              "s)a + s·chance "
              "is left, so its gap is a straight line in s.",
    .protocol = "The trials of C99: 1,000 MNIST images, 512 ReLUs, trained until no mistake is left; 0, 25, 50, 75 and 100 % "
                "of the labels "
                "permuted, each with the same images, first weights and order; 5 repetitions (40 in full) with fresh draws of "
                "everything; the first "
                "2,000 test images with their true labels. Beside it the nearest neighbour, and logistic regression with an L2 "
                "penalty of 1/1000.",
    .caution = "Part a is nearly implied by C99. How much the network generalises is said by the comparison with the nearest "
               "neighbour and the linear model on the same images; the nearest neighbour, which learns everything by heart as "
               "well, has a small gap on true labels, too.",
    .kind = SD_MEASUREMENT,
    .question = SD_WHY_WELL,
    .part = {{"a", "The gap between training and test accuracy is smaller with true labels than with permuted ones.",
              "Simultaneous 95 % interval of the paired difference: confirmed if it lies below 0, refuted if above.",
              SD_CONFIRMED}},
    .run = run,
};
