/* c100_true_labels.c -- C100: the network that fits permuted labels generalises when the labels are true. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "classic/nearest.h"
#include "lab/runs.h"
#include "lab/trial.h"

enum { LEVELS = 5, TRUE = 0, PERMUTED = LEVELS - 1, INTERVALS = 2 * LEVELS + 6 };

static const double level[LEVELS] = {0, 0.25, 0.5, 0.75, 1};

static const int full_runs[SD_TRIAL_SETUPS] = {40, 8};

typedef struct repetition {
    double gap[LEVELS], neighbour_gap[LEVELS]; /* training accuracy - test accuracy */
    double test, neighbour, linear;            /* test accuracies with true labels */
} repetition;

typedef struct table {
    sd_runs runs;
    double chance;   /* that a permuted label is that of a test image */
    const char *set; /* of images */
} table;

typedef struct result {
    sd_string gaps; /* setup by setup */
    sd_verdict smaller;
} result;

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
    int64_t n = trial->train.n;
    SD_TRY(sd__nearest_rows(sd__lab_context(lab), SD_F32, n, sd_shape_count(test->shape), trial->train.x, test->n, test->x,
                            nearest));
    SD_TRY(sd__linear_accuracy(sd__lab_context(lab), &trial->train, test, 1.0 / (double)n, &to->linear));
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

static sd_status trials(sd_lab *lab, int number, const sd_data *data, table *t)
{
    sd_examples test;
    repetition *row = t->runs.row;
    SD_TRY(sd__examples_read(data->test, &data->normalization, &test));
    int64_t *nearest = sd__alloc((size_t)test.n, sizeof *nearest);
    sd_status status = nearest ? SD_OK : sd__fail(SD_ENOMEM, "no memory for neighbours");
    for (int r = 0; r < t->runs.n && status == SD_OK; r++) {
        sd_trial trial;
        status = sd__trial_begin(lab, data, &sd__trial_setup[number], r * SD_TRIAL_SETUPS + number, &trial);
        if (status == SD_OK)
            status = one_trial(lab, &trial, &test, nearest, &row[r]);
        if (status == SD_OK)
            t->chance = sd__label_agreement(&trial.train, &test);
        sd__trial_end(&trial);
    }
    free(nearest);
    sd__examples_clear(&test);
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
    char caption[128];
    snprintf(caption, sizeof caption, "Gap between training and test accuracy on %s", t->set);
    sd__lab_figure(lab, caption, "share of labels that are permuted", "gap", false, false);
    sd__lab_series(lab, "theory: nearest neighbour", SD_SERIES_LINE);
    for (int l = 0; l < LEVELS; l++)
        sd__lab_point(lab, level[l], memoriser(level[l], neighbour, t->chance));
    sd__lab_series(lab, "nearest neighbour", SD_SERIES_POINTS);
    sd__runs_points(lab, &t->runs, LEVELS, level, row->neighbour_gap, 0.95);
    sd__lab_series(lab, "network", SD_SERIES_POINTS);
    sd__runs_points(lab, &t->runs, LEVELS, beside, row->gap, 0.95);
}

/* The true-label runs beside what learns by heart, too, and what cannot. */
static void compare(sd_lab *lab, const table *t, double confidence)
{
    const sd_runs *runs = &t->runs;
    const repetition *row = runs->row;
    sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->test, confidence), NAN,
                    "%s, true labels: test accuracy of the network", t->set);
    sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->neighbour, confidence), NAN,
                    "%s, true labels: test accuracy of the nearest neighbour", t->set);
    sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->linear, confidence), NAN,
                    "%s, true labels: test accuracy of a linear model", t->set);
    sd__lab_measure(lab, NULL, sd__runs_paired(runs, &row->test, &row->neighbour, confidence), NAN,
                    "%s, true labels: network − nearest neighbour", t->set);
    sd__lab_measure(lab, NULL, sd__runs_paired(runs, &row->test, &row->linear, confidence), NAN,
                    "%s, true labels: network − linear model", t->set);
}

static void report(sd_lab *lab, const table *t, result *to)
{
    const sd_runs *runs = &t->runs;
    const repetition *row = runs->row;
    double confidence = sd__lab_confidence(INTERVALS * (sd__lab_full(lab) ? SD_TRIAL_SETUPS : 1));
    sd_interval less = sd__runs_paired(runs, &row->gap[TRUE], &row->gap[PERMUTED], confidence);
    double neighbour = sd__runs_mean(runs, &row->neighbour, confidence).estimate, gap[LEVELS];
    sd__lab_measure(lab, "a", less, NAN, "%s: gap with true labels − gap with permuted labels", t->set);
    for (int l = 0; l < LEVELS; l++) {
        sd_interval network = sd__runs_mean(runs, &row->gap[l], confidence);
        gap[l] = network.estimate;
        sd__lab_measure(lab, NULL, network, l == PERMUTED ? 1 - t->chance : NAN, "%s, %g %% permuted: gap of the network",
                        t->set, 100 * level[l]);
        sd__lab_measure(lab, NULL, sd__runs_mean(runs, &row->neighbour_gap[l], confidence),
                        l == TRUE ? NAN : memoriser(level[l], neighbour, t->chance),
                        "%s, %g %% permuted: gap of the nearest neighbour", t->set, 100 * level[l]);
    }
    compare(lab, t, confidence);
    draw(lab, t, neighbour);
    to->smaller = sd__rule_both(to->smaller, sd__rule_at_most(less, 0));
    sd__string_add(&to->gaps, "%son %s %.3f with true labels, %.3f with permuted ones, a difference of %.3f (%.3f to %.3f)",
                   to->gaps.text ? "; " : "", t->set, gap[TRUE], gap[PERMUTED], less.estimate, less.low, less.high);
}

static sd_status one_setup(sd_lab *lab, int number, result *to)
{
    table t = {0};
    sd_data data = {0};
    SD_TRY(sd__runs_new(sd__lab_repeats(lab, 5, full_runs[number]), sizeof(repetition), &t.runs));
    sd_status status = sd__trial_images(lab, sd__trial_setup[number].set, &data);
    if (status == SD_OK) {
        t.set = sd_dataset_get(data.train)->name;
        status = trials(lab, number, &data, &t);
    }
    if (status == SD_OK)
        report(lab, &t, to);
    sd_data_close(&data);
    sd__runs_free(&t.runs);
    return status;
}

static sd_status run(sd_lab *lab)
{
    result r = {.smaller = SD_CONFIRMED};
    sd_status status = SD_OK;
    for (int s = 0; s < SD_TRIAL_SETUPS && status == SD_OK; s++)
        if (!sd__trial_setup[s].full_only || sd__lab_full(lab))
            status = one_setup(lab, s, &r);
    if (status == SD_OK)
        sd__lab_judge(lab, "a", r.smaller, "the gap is %s", r.gaps.text ? r.gaps.text : "");
    free(r.gaps.text);
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
                "fresh draws of everything; the first 2,000 test images with their true labels. In full also 5,000 CIFAR-10 "
                "images and C99's convolutional network, 8 repetitions. Beside it the nearest neighbour, and logistic "
                "regression with an L2 penalty of 1 / the number of examples.",
    .caution = "Part a is nearly implied by C99. How much the network generalises is said by the comparison with the nearest "
               "neighbour and the linear model on the same images; the nearest neighbour, which learns everything by heart as "
               "well, has a smaller gap with true labels, too.",
    .kind = SD_MEASUREMENT,
    .question = SD_WHY_WELL,
    .part = {{"a", "The gap between training and test accuracy is smaller with true labels than with permuted ones.",
              "Simultaneous 95 % interval of the paired difference: confirmed if it lies below 0, refuted if above.",
              SD_CONFIRMED}},
    .run = run,
};
