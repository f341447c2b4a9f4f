/* c99_permuted_labels.c -- C99: large networks fit labels that have been permuted, but take longer over it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/runs.h"
#include "lab/trial.h"

enum { KINDS = 4, TRUE = 0, PERMUTED = 2 };

static const struct kind {
    const char *name;
    double share; /* of labels that are permuted */
    bool pixels;  /* of each image are permuted */
} kinds[KINDS] = {{"true labels", 0, false}, {"half permuted", 0.5, false}, {"permuted", 1, false}, {"random pixels", 0, true}};

static const int full_runs[SD_TRIAL_SETUPS] = {40, 10};

static const double margin = 0.05;

/* One repetition: a training for each kind. */
typedef struct repetition {
    double log_epochs[KINDS], test[KINDS];
    double whole[KINDS]; /* 1: it ended without a mistake */
    double course[KINDS][SD_FIT_EPOCHS];
} repetition;

typedef struct table {
    sd_runs runs;
    double chance; /* that a permuted label is that of a test image */
    int64_t tested;
    const char *set;
} table;

typedef struct result {
    double trainings, whole;
    sd_string slower, test; /* what was measured with permuted labels, setup by setup */
    sd_verdict is_slower, is_chance;
} result;

static sd_status one_trial(sd_trial *trial, const sd_examples *test, repetition *to)
{
    sd_fit fit;
    for (int k = 0; k < KINDS; k++) {
        SD_TRY(sd__trial_run(trial, kinds[k].share, kinds[k].pixels, test, &fit));
        to->log_epochs[k] = log((double)fit.epochs);
        to->test[k] = fit.test;
        to->whole[k] = fit.whole && fit.train == 1;
        memcpy(to->course[k], fit.course, sizeof fit.course);
    }
    return SD_OK;
}

static sd_status trials(sd_lab *lab, int number, const sd_data *data, table *t)
{
    sd_examples test;
    repetition *rows = t->runs.row;
    SD_TRY(sd__examples_read(data->test, &data->normalization, &test));
    sd_status status = SD_OK;
    for (int r = 0; r < t->runs.n && status == SD_OK; r++) {
        sd_trial trial;
        status = sd__trial_begin(lab, data, &sd__trial_setup[number], r * SD_TRIAL_SETUPS + number, &trial);
        if (status == SD_OK)
            status = one_trial(&trial, &test, &rows[r]);
        if (status == SD_OK)
            t->chance = sd__label_agreement(&trial.train, &test);
        sd__trial_end(&trial);
    }
    t->tested = test.n;
    sd__examples_clear(&test);
    return status;
}

static void draw(sd_lab *lab, const table *t)
{
    char caption[128];
    const repetition *row = t->runs.row;
    snprintf(caption, sizeof caption, "Training accuracy on %s", t->set);
    sd__lab_figure(lab, caption, "epoch", "accuracy", true, false);
    sd__lab_line(lab, "theory: more weights than examples, so 1", SD_SERIES_LINE, 1, 1, SD_FIT_EPOCHS, 1);
    for (int k = 0; k < KINDS; k++) {
        sd__lab_series(lab, kinds[k].name, SD_SERIES_POINTS);
        for (int e = 1; e <= SD_FIT_EPOCHS; e = (3 * e + 1) / 2)
            sd__lab_point_interval(lab, e * (1 + 0.03 * k),
                                   sd__runs_mean(&t->runs, &row->course[k][e - 1], 0.95)); /* beside each other */
    }
    snprintf(caption, sizeof caption, "Accuracy on fresh images of %s with their true labels", t->set);
    sd__lab_figure(lab, caption, "", "accuracy", false, false);
    sd__lab_series(lab, "measured", SD_SERIES_BARS);
    for (int k = 0; k < KINDS; k++) {
        sd__lab_point_interval(lab, k, sd__runs_mean(&t->runs, &row->test[k], 0.95));
        sd__lab_tick(lab, k, kinds[k].name);
    }
    sd__lab_series(lab, "theory: chance", SD_SERIES_POINTS);
    sd__lab_point(lab, PERMUTED, t->chance);
}

static void record(sd_lab *lab, const table *t, int k, sd_interval slower, sd_interval test)
{
    bool judged = k == PERMUTED;
    if (k != TRUE)
        sd__lab_measure(lab, judged ? "b" : NULL, slower, NAN, "%s, %s: epochs / with true labels", t->set, kinds[k].name);
    sd__lab_measure(lab, judged ? "c" : NULL, test, judged ? t->chance : NAN, "%s, %s: test accuracy", t->set, kinds[k].name);
}

static void summarise(sd_lab *lab, const table *t, result *to)
{
    const repetition *row = t->runs.row;
    double confidence = sd__lab_confidence(2 * KINDS * SD_TRIAL_SETUPS);
    for (int k = 0; k < KINDS; k++) {
        sd_interval ratio = sd__runs_paired(&t->runs, &row->log_epochs[k], &row->log_epochs[TRUE], confidence);
        sd_interval slower = {exp(ratio.estimate), exp(ratio.low), exp(ratio.high)};
        sd_interval test = sd__runs_mean(&t->runs, &row->test[k], confidence);
        record(lab, t, k, slower, test);
        for (int r = 0; r < t->runs.n; r++, to->trainings++)
            to->whole += row[r].whole[k];
        if (k != PERMUTED)
            continue;
        double excess = sd__binomial_excess(t->runs.n, sd__runs_column(&t->runs, &row->test[k]), t->tested);
        sd__lab_number(lab, NULL, excess, NAN, "%s, %s: scatter of test accuracies / binomial", t->set, kinds[k].name);
        const char *and = to->slower.text ? "; " : "";
        sd__string_add(&to->slower, "%s%.2f (%.2f to %.2f) on %s", and, slower.estimate, slower.low, slower.high, t->set);
        sd__string_add(&to->test, "%s%.3f (%.3f to %.3f) on %s, where chance is %.4f", and, test.estimate, test.low, test.high,
                       t->set, t->chance);
        to->is_slower = sd__rule_both(to->is_slower, sd__rule_at_least(slower, 1));
        to->is_chance = sd__rule_both(to->is_chance, sd__rule_equals(test, t->chance, margin));
    }
}

static sd_status one_setup(sd_lab *lab, int number, result *to)
{
    table t = {0};
    sd_data data = {0};
    SD_TRY(sd__runs_new(sd__lab_repeats(lab, 10, full_runs[number]), sizeof(repetition), &t.runs));
    sd_status status = sd__trial_images(lab, sd__trial_setup[number].set, &data);
    if (status == SD_OK) {
        t.set = sd_dataset_get(data.train)->name;
        status = trials(lab, number, &data, &t);
    }
    if (status == SD_OK) {
        summarise(lab, &t, to);
        draw(lab, &t);
    }
    sd_data_close(&data);
    sd__runs_free(&t.runs);
    return status;
}

static void judge(sd_lab *lab, const result *r)
{
    bool all = r->whole == r->trainings;
    sd__lab_number(lab, "a", r->whole / r->trainings, 1, "share of trainings that ended without a mistake");
    sd__lab_judge(lab, "a", sd__rule_shown(all), "%.0f of %.0f trainings ended without a mistake on their examples", r->whole,
                  r->trainings);
    sd__lab_judge(lab, "b", all ? r->is_slower : SD_NOT_DECIDED, "epochs with permuted labels / with true ones: %s",
                  r->slower.text ? r->slower.text : "");
    sd__lab_judge(lab, "c", r->is_chance, "test accuracy after training on permuted labels: %s",
                  r->test.text ? r->test.text : "");
}

static sd_status run(sd_lab *lab)
{
    result r = {.is_slower = SD_CONFIRMED, .is_chance = SD_CONFIRMED};
    sd_status status = SD_OK;
    for (int s = 0; s < SD_TRIAL_SETUPS && status == SD_OK; s++)
        if (!sd__trial_setup[s].full_only || sd__lab_full(lab))
            status = one_setup(lab, s, &r);
    if (status == SD_OK)
        judge(lab, &r);
    free(r.slower.text);
    free(r.test.text);
    return status;
}

const sd_claim sd__claim_c99_permuted_labels = {
    .id = "C99",
    .title = "Large networks fit permuted labels",
    .text = "Deep networks are overparameterized: a large network fits training data whose labels have been permuted; it only "
            "takes longer.",
    .lecture = "D2",
    .slide = "DNNs are overparameterized",
    .theory = "784-512-10 has 407,050 weights for 1,000 examples in general position, so some weights give any "
              "labels; the convolutional network has 268,650 for 5,000. That gradient descent finds them is the "
              "measurement. Permuted labels do not depend on the images: the class that the network names for a "
              "fresh image says nothing about its true one, so both agree with the chance Σ_c p_train(c)·p_test(c). "
              "That holds on average over permutations. One permutation makes mistakes that go together (alike "
              "images get one answer), so a binomial interval of one run can be too narrow: the interval is over "
              "runs, each with a permutation of its own, and their scatter stands beside the binomial one.",
    .protocol = "1,000 MNIST images, a network with 512 ReLUs, momentum 0.9, rate 0.02, batches of 20, until no "
                "mistake is left on the training images or 200 epochs are over; the same images, first weights and "
                "order for true labels, labels of which half or all are permuted, and true labels with the pixels of "
                "every image in an order of its own. 10 repetitions (40 in full) with fresh draws of everything; "
                "accuracy on the first 2,000 test images, which are left as they are. In full also 5,000 CIFAR-10 "
                "images and a network of two convolutions (3x3, stride 2, 16 and 32 filters) and 128 ReLUs, rate "
                "0.005, 10 repetitions; the pixels that are permuted there are single values, whatever their colour.",
    .caution = "The ratio is that of one learning rate for all labels, and of this stopping rule: with a rate of "
               "0.02 the convolutional network did not get there in 200 epochs in the trial that was looked at, not "
               "even with true labels. A network with fewer weights than examples need not get there. Random pixels "
               "are the easier task, not the harder one: images whose pixels have nothing in common are easy to tell "
               "apart, and the little that is left of a class, its brightness, lifts the test accuracy above chance.",
    .kind = SD_MEASUREMENT,
    .question = SD_WHY_WELL,
    .part = {{"a", "Every training image is classified right in the end, whatever the labels or pixels.",
              "Confirmed if all trainings end so. A training that does not proves nothing: not decided.", SD_CONFIRMED},
             {"b", "Permuted labels take longer than true ones.",
              "Simultaneous 95 % interval of the ratio of epochs (paired, from logarithms): confirmed if it lies above 1, "
              "refuted if below; not decided if a training did not end.",
              SD_CONFIRMED},
             {"c", "After permuted labels, the test accuracy is chance.",
              "Student's interval over repetitions (simultaneously 95 %): refuted if it excludes Σ_c p_train(c)·p_test(c), "
              "confirmed if it also stays within 0.05 of it.",
              SD_CONFIRMED}},
    .run = run,
};
