/* c100_true_labels.c -- C100: the network that fits permuted labels generalises when the labels are true. */
#include <math.h>
#include <stdlib.h>

#include "classic/nearest.h"
#include "lab/runs.h"
#include "lab/trial.h"

enum { N = 1000, UNITS = 512, LEVELS = 5, TRUE = 0, PERMUTED = LEVELS - 1, INTERVALS = 2 * LEVELS + 6 };

static const double level[LEVELS] = {0, 0.25, 0.5, 0.75, 1}, strength = 1.0 / N;

typedef struct repetition {
    double gap[LEVELS], neighbour_gap[LEVELS]; /* training accuracy - test accuracy */
    double test, neighbour, linear;            /* test accuracies with true labels */
} repetition;

typedef struct table {
    sd_runs runs;
    double chance; /* that a permuted label is that of a test image */
} table;

/* Share of test images whose nearest training image has their label. */
static double agreeing(const sd_examples *train, const sd_examples *test, const int64_t *nearest)
{
    int64_t right = 0;
    for (int64_t i = 0; i < test->n; i++)
        right += train->y[nearest[i]] == test->y[i];
    return (double)right / (double)test->n;
}

/* One trial: the network at every level, and the nearest neighbour and the linear model on the same images. */
static sd_status one_trial(sd_lab *lab, sd_trial *trial, const sd_examples *test, int64_t *nearest, repetition *to)
{
    SD_TRY(sd__nearest_rows(sd__lab_context(lab), SD_F32, N, sd_shape_count(test->shape), trial->train.x, test->n, test->x,
                            nearest));
    SD_TRY(sd__linear_accuracy(sd__lab_context(lab), &trial->train, test, strength, &to->linear));
    to->neighbour = agreeing(&trial->train, test, nearest);
    for (int l = 0; l < LEVELS; l++) {
        sd_fit fit;
        SD_TRY(sd__trial_run(trial, level[l], false, test, &fit));
        to->gap[l] = fit.train - fit.test;
        to->neighbour_gap[l] = 1 - agreeing(&trial->train, test, nearest);
        to->test = l == TRUE ? fit.test : to->test;
    }
    return SD_OK;
}

static sd_status trials(sd_lab *lab, table *t)
{
    sd_data data = {0};
    sd_examples test = {0};
    int64_t *nearest = NULL;
    repetition *row = t->runs.row;
    sd_status status = sd__trial_images(lab, "mnist", &data);
    if (status == SD_OK)
        status = sd__examples_read(data.test, &data.normalization, &test);
    if (status == SD_OK && !(nearest = sd__alloc((size_t)test.n, sizeof *nearest)))
        status = sd__fail(SD_ENOMEM, "no memory for neighbours");
    for (int r = 0; r < t->runs.n && status == SD_OK; r++) {
        sd_trial trial;
        status = sd__trial_begin(lab, &data, N, UNITS, r, &trial);
        if (status == SD_OK)
            status = one_trial(lab, &trial, &test, nearest, &row[r]);
        if (status == SD_OK)
            t->chance = sd__label_agreement(&trial.train, &test);
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
    const repetition *row = t->runs.row;
    double beside[LEVELS];
    for (int l = 0; l < LEVELS; l++)
        beside[l] = level[l] + 0.01;
    sd__lab_figure(lab, "Gap between training and test accuracy", "share of labels that are permuted", "gap", false, false);
    sd__lab_series(lab, "theory: nearest neighbour", SD_SERIES_LINE);
    for (int l = 0; l < LEVELS; l++)
        sd__lab_point(lab, level[l], memoriser(level[l], neighbour, t->chance));
    sd__lab_series(lab, "nearest neighbour", SD_SERIES_POINTS);
    sd__runs_points(lab, &t->runs, LEVELS, level, row->neighbour_gap, 0.95);
    sd__lab_series(lab, "network", SD_SERIES_POINTS);
    sd__runs_points(lab, &t->runs, LEVELS, beside, row->gap, 0.95);
}

static void report(sd_lab *lab, const table *t)
{
    const sd_runs *runs = &t->runs;
    const repetition *row = runs->row;
    double confidence = sd__lab_confidence(INTERVALS);
    sd_interval less = sd__runs_paired(runs, &row->gap[TRUE], &row->gap[PERMUTED], confidence);
    double neighbour = sd__runs_mean(runs, &row->neighbour, confidence).estimate;
    sd__lab_measure(lab, "a", less, NAN, "gap with true labels − gap with permuted labels");
    for (int l = 0; l < LEVELS; l++) {
        sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->gap[l], confidence), l == PERMUTED ? 1 - t->chance : NAN,
                        "%g %% permuted: gap of the network", 100 * level[l]);
        sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->neighbour_gap[l], confidence),
                        l == TRUE ? NAN : memoriser(level[l], neighbour, t->chance),
                        "%g %% permuted: gap of the nearest neighbour", 100 * level[l]);
    }
    sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->test, confidence), NAN, "true labels: test accuracy of the network");
    sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->neighbour, confidence), NAN,
                    "true labels: test accuracy of the nearest neighbour");
    sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->linear, confidence), NAN,
                    "true labels: test accuracy of a linear model");
    sd__lab_measure(lab, NULL, sd__runs_paired(runs, &row->test, &row->neighbour, confidence), NAN,
                    "true labels: network − nearest neighbour");
    sd__lab_measure(lab, NULL, sd__runs_paired(runs, &row->test, &row->linear, confidence), NAN,
                    "true labels: network − linear model");
    draw(lab, t, neighbour);
    sd_interval with_true = sd__runs_mean(runs, &row->gap[TRUE], confidence),
                permuted = sd__runs_mean(runs, &row->gap[PERMUTED], confidence);
    sd__lab_judge(lab, "a", sd__rule_at_most(less, 0),
                  "the gap is %.3f with true labels and %.3f with permuted ones; the difference is %.3f (%.3f to %.3f)",
                  with_true.estimate, permuted.estimate, less.estimate, less.low, less.high);
}

static sd_status run(sd_lab *lab)
{
    table t;
    SD_TRY(sd__runs_new(sd__lab_repeats(lab, 5, 40), sizeof(repetition), &t.runs));
    sd_status status = trials(lab, &t);
    if (status == SD_OK)
        report(lab, &t);
    sd__runs_free(&t.runs);
    return status;
}

const sd_claim sd__claim_c100_true_labels = {
    .id = "C100",
    .title = "The same network generalises on true labels",
    .text = "A network so large that it fits permuted labels still generalises when the labels are true.",
    .lecture = "D2",
    .slide = "DNNs are overparameterized; Conclusion",
    .theory = "Size cannot explain it: both times the network, its training and the number of examples are the same, and every "
              "example is learnt by heart. With permuted labels the gap must be 1 − chance. With true labels a memoriser can "
              "do well, too: the nearest neighbour has a training accuracy of 1 and a test accuracy of a; if a share s of the "
              "labels is permuted, (1 − s)a + s·chance is left, so its gap is a straight line in s.",
    .protocol = "The trials of C99: 1,000 MNIST images, 512 ReLUs, trained until no mistake is left; 0, 25, 50, 75 and 100 % "
                "of the labels permuted, each with the same images, first weights and order; 5 repetitions (40 in full) with "
                "fresh draws of everything; the first 2,000 test images with their true labels. Beside it the nearest "
                "neighbour, and logistic regression with an L2 penalty of 1/1000.",
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
