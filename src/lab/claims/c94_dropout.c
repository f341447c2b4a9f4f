/* c94_dropout.c -- C94: dropout trains an ensemble, of which the network with normalised weights is a mean. */
#include <math.h>
#include <sonde/train.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lab/claim.h"
#include "lab/digits.h"

enum { INPUTS = 10, CLASSES = 10, SUBNETS = 1 << INPUTS, DRAWN = 256, RATES = 3 };
enum { TRAINING = 3000, TEST = 1000, UNITS = 64, MASKS = 1000, EPOCHS = 40, MOST_RUNS = 50, SHOWN = 20 };

static const double rates[RATES] = {0.2, 0.5, 0.8}, margin = 1; /* percentage points of test error */

/* Turns one row of outputs into log-probabilities. */
static void log_softmax(const double *z, double *log_p)
{
    double largest = -INFINITY, sum = 0;
    for (int c = 0; c < CLASSES; c++)
        largest = fmax(largest, z[c]);
    for (int c = 0; c < CLASSES; c++)
        sum += exp(z[c] - largest);
    for (int c = 0; c < CLASSES; c++)
        log_p[c] = z[c] - largest - log(sum);
}

/* ---- one softmax layer: every mask ---------------------------------------------------------------------------------------------------- */

typedef struct layer_spec {
    double rate;
    bool deep; /* a hidden ReLU layer behind the masks */
} layer_spec;

static sd_built build_layer(sd_builder *b, void *user)
{
    const layer_spec *spec = user;
    static const sd_init normal = {.kind = SD_INIT_NORMAL, .a = 1};
    sd_node x = sd_layer_dropout(b, b->input, spec->rate, NULL);
    if (spec->deep)
        x = sd_layer_activation(b, sd_layer_dense(b, x, (sd_dense_spec){.units = INPUTS}), SD_RELU, 0, NULL);
    return (sd_built){.output = sd_layer_dense(b, x, (sd_dense_spec){.units = CLASSES, .init = &normal, .bias_init = &normal})};
}

typedef struct layer_result {
    double worst, deep;  /* largest |normalised weights - mean of all masks|; the same with a ReLU layer between */
    int64_t kept, drawn; /* units that training mode kept, of how many */
    int strangers;       /* outputs of training mode that no mask gives */
} layer_result;

/* rows [SUBNETS + 1, INPUTS]: x under every mask, as training scales it, and x itself. */
static void mask_all(const double *x, double keep, double *rows)
{
    for (int s = 0; s <= SUBNETS; s++)
        for (int i = 0; i < INPUTS; i++)
            rows[s * INPUTS + i] = s == SUBNETS ? x[i] : (s >> i & 1) * x[i] / keep;
}

/* The normalised geometric mean of all members, each with its probability; z [SUBNETS, CLASSES]. */
static void geometric_mean(const double *z, double keep, double *p)
{
    double log_p[CLASSES], mean[CLASSES] = {0};
    for (int s = 0; s < SUBNETS; s++) {
        int on = __builtin_popcount((unsigned)s);
        log_softmax(z + (ptrdiff_t)s * CLASSES, log_p);
        for (int c = 0; c < CLASSES; c++)
            mean[c] += pow(keep, on) * pow(1 - keep, INPUTS - on) * log_p[c];
    }
    log_softmax(mean, p);
    for (int c = 0; c < CLASSES; c++)
        p[c] = exp(p[c]);
}

/* The mask whose member gives this output, or -1. */
static int member_of(const double *z, const double *output)
{
    for (int s = 0; s < SUBNETS; s++) {
        bool same = true;
        for (int c = 0; c < CLASSES && same; c++)
            same = fabs(z[s * CLASSES + c] - output[c]) < 1e-10;
        if (same)
            return s;
    }
    return -1;
}

/* What the library's own training mode draws, step by step. */
static sd_status draw_members(sd_model *model, const double *x, const double *z, layer_result *r)
{
    for (int t = 0; t < DRAWN; t++) {
        double output[CLASSES];
        SD_TRY(sd_model_run(model, SD_TRAIN, 1, &(sd_model_io){.x = x, .step = t, .output = output}));
        int s = member_of(z, output);
        r->strangers += s < 0;
        r->kept += s < 0 ? 0 : __builtin_popcount((unsigned)s);
        r->drawn += INPUTS;
    }
    return SD_OK;
}

/* scaled, mean [CLASSES]: what the network says with normalised weights, and what its members mean. */
static sd_status one_layer(sd_context *context, layer_spec spec, uint64_t seed, const double *x, double *scaled, double *mean,
                           layer_result *r)
{
    static const int rows_of_z = SUBNETS + 1;
    double *rows = sd__alloc((size_t)rows_of_z * (INPUTS + CLASSES), sizeof *rows);
    sd_model *model = NULL;
    sd_model_spec how = {.build = build_layer, .user = &spec, .input = SD_SHAPE(INPUTS), .dtype = SD_F64, .seed = seed};
    sd_status status = rows ? sd_model_new(context, &how, &model) : sd__fail(SD_ENOMEM, "no memory for %d masks", SUBNETS);
    if (status == SD_OK) {
        double *z = rows + (ptrdiff_t)rows_of_z * INPUTS;
        mask_all(x, 1 - spec.rate, rows);
        status = sd_model_run(model, SD_EVAL, rows_of_z, &(sd_model_io){.x = rows, .output = z});
        geometric_mean(z, 1 - spec.rate, mean);
        log_softmax(z + (ptrdiff_t)SUBNETS * CLASSES, scaled);
        for (int c = 0; c < CLASSES; c++)
            scaled[c] = exp(scaled[c]);
        if (status == SD_OK && r)
            status = draw_members(model, x, z, r);
    }
    sd_model_free(model);
    free(rows);
    return status;
}

static double distance(const double *a, const double *b)
{
    double most = 0;
    for (int c = 0; c < CLASSES; c++)
        most = fmax(most, fabs(a[c] - b[c]));
    return most;
}

static sd_status all_layers(sd_lab *lab, int rate, int layers, layer_result *r)
{
    for (int i = 0; i < layers; i++) {
        sd_random random = sd__lab_random(lab, "input", i * RATES + rate);
        uint64_t seed = sd__lab_seed(lab, "layer", i * RATES + rate);
        double x[INPUTS], scaled[CLASSES], mean[CLASSES];
        for (int j = 0; j < INPUTS; j++)
            x[j] = sd__random_normal(&random);
        SD_TRY(one_layer(sd__lab_context(lab), (layer_spec){rates[rate], true}, seed, x, scaled, mean, NULL));
        r->deep = fmax(r->deep, distance(scaled, mean));
        SD_TRY(one_layer(sd__lab_context(lab), (layer_spec){rates[rate], false}, seed, x, scaled, mean, r));
        r->worst = fmax(r->worst, distance(scaled, mean));
        for (int c = 0; c < CLASSES; c++)
            sd__lab_point(lab, mean[c], scaled[c]);
    }
    return SD_OK;
}

static void diagonal(sd_lab *lab)
{
    sd__lab_series(lab, "theory: equal", SD_SERIES_LINE);
    sd__lab_point(lab, 0, 0);
    sd__lab_point(lab, 1, 1);
}

static sd_status judge_layer(sd_lab *lab, int layers)
{
    layer_result r[RATES] = {0};
    double worst = 0, deep = 0;
    int strangers = 0;
    sd_verdict shares = SD_CONFIRMED;
    sd__lab_figure(lab,
                   "One softmax layer: each class probability with normalised weights, against the mean of all 1,024 masks",
                   "normalised geometric mean", "normalised weights", false, false);
    diagonal(lab);
    sd__lab_series(lab, "random layers", SD_SERIES_POINTS);
    for (int i = 0; i < RATES; i++) {
        SD_TRY(all_layers(lab, i, layers, &r[i]));
        sd_interval kept = sd_interval_binomial(r[i].kept, r[i].drawn, sd__lab_confidence(RATES));
        sd__lab_number(lab, "a", r[i].worst, 0, "rate %.1f: largest |normalised weights − mean of all masks|", rates[i]);
        sd__lab_measure(lab, "a", kept, 1 - rates[i], "rate %.1f: share of units that training mode keeps", rates[i]);
        sd__lab_number(lab, "", r[i].deep, NAN, "rate %.1f: the same distance with a ReLU layer between", rates[i]);
        shares = sd__rule_both(shares, sd__rule_within(kept, 1 - rates[i], 0.01));
        worst = fmax(worst, r[i].worst);
        deep = fmax(deep, r[i].deep);
        strangers += r[i].strangers;
    }
    sd__lab_judge(lab, "a", sd__rule_both(sd__rule_fact(worst < 1e-12 && !strangers), shares),
                  "in %d layers they differ by %.1g at most; with a ReLU layer between by up to %.2f", RATES * layers, worst,
                  deep);
    return SD_OK;
}

/* ---- a deep network: drawn masks --------------------------------------------------------------------------------------------------------- */

static sd_built build_deep(sd_builder *b, void *user)
{
    sd_node h = sd_layer_dropout(b, b->input, 0.2, NULL);
    for (int l = 0; l < 2; l++) {
        h = sd_layer_activation(b, sd_layer_dense(b, h, (sd_dense_spec){.units = UNITS}), SD_RELU, 0, NULL);
        h = sd_layer_dropout(b, h, 0.5, NULL);
    }
    return sd_loss(b, sd_layer_dense(b, h, (sd_dense_spec){.units = CLASSES}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

/* Test errors in percent, and distances between probabilities. */
typedef struct outcome {
    double scaled_error, mean_error, member_error;
    double to_mean, to_geometric; /* mean |difference| of a probability between normalised weights and the masks' means */
    double scaled_loss, mean_loss;
} outcome;

typedef struct digits {
    double x[(TRAINING + TEST) * SD_DIGIT_PIXELS]; /* what is learned from comes first */
    int32_t y[TRAINING + TEST];
    float test[TEST * SD_DIGIT_PIXELS], z[TEST * CLASSES];
    double p[TEST * CLASSES], square[TEST * CLASSES], log_p[TEST * CLASSES], scaled[TEST * CLASSES];
} digits;

static sd_status train(sd_model *model, const digits *d, uint64_t seed)
{
    sd_data data = {0};
    sd_trainer *trainer = NULL;
    sd_train_options options = {.optimizer = sd_optimizer_default(SD_MOMENTUM), .epochs = EPOCHS, .batch = 50, .seed = seed};
    options.no_prefetch = true;
    options.optimizer.lr = 0.05;
    SD_TRY(sd_dataset_from_memory(&(sd_memory){.samples = TRAINING,
                                               .shape = SD_SHAPE(SD_DIGIT_PIXELS),
                                               .dtype = SD_F64,
                                               .input = d->x,
                                               .labels = d->y,
                                               .classes = CLASSES},
                                  &data.train));
    sd_status status = sd_trainer_new(model, &data, &options, &trainer);
    if (status == SD_OK)
        status = sd_trainer_train(trainer, NULL, NULL);
    sd_trainer_free(trainer);
    sd_dataset_free(data.train);
    return status;
}

/* Log-probabilities of row i of d->z. */
static void read_row(const digits *d, int i, double *log_p)
{
    double z[CLASSES];
    for (int c = 0; c < CLASSES; c++)
        z[c] = (double)d->z[i * CLASSES + c];
    log_softmax(z, log_p);
}

static bool wrong(const double *score, int32_t label)
{
    int best = 0;
    for (int c = 1; c < CLASSES; c++)
        best = score[c] > score[best] ? c : best;
    return best != label;
}

static sd_status run_masks(sd_model *model, digits *d, outcome *o)
{
    const int32_t *label = d->y + TRAINING;
    memset(d->p, 0, sizeof d->p);
    memset(d->square, 0, sizeof d->square);
    memset(d->log_p, 0, sizeof d->log_p);
    for (int m = 0; m < MASKS; m++) {
        SD_TRY(sd_model_run(model, SD_TRAIN, TEST, &(sd_model_io){.x = d->test, .step = m, .output = d->z}));
        for (int i = 0; i < TEST; i++) {
            double log_p[CLASSES];
            read_row(d, i, log_p);
            o->member_error += 100.0 * wrong(log_p, label[i]) / TEST / MASKS;
            for (int c = 0; c < CLASSES; c++) {
                d->p[i * CLASSES + c] += exp(log_p[c]) / MASKS;
                d->square[i * CLASSES + c] += exp(2 * log_p[c]) / MASKS;
                d->log_p[i * CLASSES + c] += log_p[c] / MASKS;
            }
        }
    }
    return SD_OK;
}

static sd_status run_scaled(sd_model *model, digits *d, outcome *o)
{
    const int32_t *label = d->y + TRAINING;
    SD_TRY(sd_model_run(model, SD_EVAL, TEST, &(sd_model_io){.x = d->test, .output = d->z}));
    for (int i = 0; i < TEST; i++) {
        double log_p[CLASSES], geometric[CLASSES], *mean = d->p + (ptrdiff_t)i * CLASSES;
        read_row(d, i, log_p);
        log_softmax(d->log_p + (ptrdiff_t)i * CLASSES, geometric);
        o->scaled_error += 100.0 * wrong(log_p, label[i]) / TEST;
        o->mean_error += 100.0 * wrong(mean, label[i]) / TEST;
        o->scaled_loss -= log_p[label[i]] / TEST;
        o->mean_loss -= log(mean[label[i]]) / TEST;
        for (int c = 0; c < CLASSES; c++) {
            d->scaled[i * CLASSES + c] = exp(log_p[c]);
            o->to_mean += fabs(exp(log_p[c]) - mean[c]) / (TEST * CLASSES);
            o->to_geometric += fabs(exp(log_p[c]) - exp(geometric[c])) / (TEST * CLASSES);
        }
    }
    return SD_OK;
}

static sd_status one_network(sd_lab *lab, int run, digits *d, outcome *o)
{
    const char *name;
    sd_model *model;
    sd_model_spec spec = {.build = build_deep, .input = SD_SHAPE(SD_DIGIT_PIXELS), .classes = CLASSES};
    spec.seed = sd__lab_seed(lab, "weights", run);
    *o = (outcome){0};
    SD_TRY(sd__small_digits(TRAINING + TEST, sd__lab_seed(lab, "images", run), d->x, d->y, &name));
    for (int i = 0; i < TEST * SD_DIGIT_PIXELS; i++)
        d->test[i] = (float)d->x[TRAINING * SD_DIGIT_PIXELS + i];
    if (!run)
        sd__lab_note(lab, "The digits are those of %s.", name);
    SD_TRY(sd_model_new(sd__lab_context(lab), &spec, &model));
    sd_status status = train(model, d, sd__lab_seed(lab, "order", run));
    if (status == SD_OK)
        status = run_masks(model, d, o);
    if (status == SD_OK)
        status = run_scaled(model, d, o);
    sd_model_free(model);
    return status;
}

/* The first digits of a run; the interval is that of a mean of MASKS masks. */
static void scatter(sd_lab *lab, const digits *d)
{
    sd__lab_figure(lab, "Trained ReLU network: each class probability with normalised weights, against the mean of 1,000 masks",
                   "normalised weights", "mean of 1,000 masks", false, false);
    diagonal(lab);
    sd__lab_series(lab, "20 test digits of one network", SD_SERIES_POINTS);
    for (int k = 0; k < SHOWN * CLASSES; k++) {
        double error = 1.96 * sqrt(fmax(d->square[k] - d->p[k] * d->p[k], 0) / MASKS);
        sd__lab_point_interval(lab, d->scaled[k], (sd_interval){d->p[k], d->p[k] - error, d->p[k] + error});
    }
}

/* Mean over runs of a member of outcome, or of the difference of two. */
static sd_interval mean_of(int runs, const outcome *o, size_t plus, ptrdiff_t minus, double confidence)
{
    double value[MOST_RUNS] = {0};
    for (int i = 0; i < runs; i++) {
        value[i] = *(const double *)((const char *)&o[i] + plus);
        value[i] -= minus < 0 ? 0 : *(const double *)((const char *)&o[i] + minus);
    }
    return sd_interval_mean(runs, value, confidence);
}

#define AT(member) offsetof(outcome, member)

static void judge_deep(sd_lab *lab, int runs, const outcome *o)
{
    double confidence = sd__lab_confidence(2);
    sd_interval apart = mean_of(runs, o, AT(scaled_error), (ptrdiff_t)AT(mean_error), confidence);
    sd_interval gain = mean_of(runs, o, AT(member_error), (ptrdiff_t)AT(mean_error), confidence);
    sd_interval distance_to_mean = mean_of(runs, o, AT(to_mean), -1, 0.95);
    sd__lab_measure(lab, "b", apart, 0, "test error, %%: normalised weights − mean of 1,000 masks");
    sd__lab_measure(lab, "b", distance_to_mean, NAN, "mean |normalised weights − mean of 1,000 masks| of a probability");
    sd__lab_measure(lab, "", mean_of(runs, o, AT(to_geometric), -1, 0.95), NAN,
                    "mean |normalised weights − normalised geometric mean of 1,000 masks|");
    sd__lab_measure(lab, "", mean_of(runs, o, AT(scaled_error), -1, 0.95), NAN, "test error, %%: normalised weights");
    sd__lab_measure(lab, "", mean_of(runs, o, AT(mean_error), -1, 0.95), NAN, "test error, %%: mean of 1,000 masks");
    sd__lab_measure(lab, "", mean_of(runs, o, AT(scaled_loss), -1, 0.95), NAN, "test loss: normalised weights");
    sd__lab_measure(lab, "", mean_of(runs, o, AT(mean_loss), -1, 0.95), NAN, "test loss: mean of 1,000 masks");
    sd__lab_measure(lab, "c", mean_of(runs, o, AT(member_error), -1, confidence), NAN, "test error, %%: one mask");
    sd__lab_measure(lab, "c", gain, NAN, "test error, %%: one mask − mean of 1,000 masks");
    sd__lab_judge(lab, "b", sd__rule_within(apart, 0, margin),
                  "the test errors differ by %.2f points (interval %.2f to %.2f), a probability by %.3f on average",
                  apart.estimate, apart.low, apart.high, distance_to_mean.estimate);
    sd__lab_judge(lab, "c", sd__rule_at_least(gain, 0), "a single mask errs more often by %.1f points (interval %.1f to %.1f)",
                  gain.estimate, gain.low, gain.high);
}

static sd_status run(sd_lab *lab)
{
    int runs = SD_MIN(sd__lab_repeats(lab, 16, 50), MOST_RUNS);
    outcome o[MOST_RUNS];
    SD_TRY(judge_layer(lab, sd__lab_full(lab) ? 200 : 20));
    digits *d = sd__alloc(1, sizeof *d);
    sd_status status = d ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d digits", TRAINING + TEST);
    for (int i = 0; i < runs && status == SD_OK; i++) {
        status = one_network(lab, i, d, &o[i]);
        if (status == SD_OK && !i)
            scatter(lab, d);
    }
    free(d);
    if (status == SD_OK)
        judge_deep(lab, runs, o);
    return status;
}

const sd_claim sd__claim_c94_dropout = {
    .id = "C94",
    .title = "Dropout is related to an ensemble",
    .text = "Dropout is related to an ensemble of models; weights are normalised at inference.",
    .lecture = "D2",
    .slide = "Dropout [Hinton 2012]",
    .theory = "Let each of n inputs of a softmax layer be kept with probability q. The log of a member's p_c is linear in the "
              "mask up to a "
              "constant of the class, so the mean of the logs over all 2ⁿ masks, normalised, is the softmax with each weight "
              "times q: for "
              "q = ½ the halved weights are the normalised geometric mean of all members, exactly. With a ReLU between, the "
              "logits are "
              "no longer linear in the mask, and nothing of the kind holds but approximately.",
    .protocol =
        "Random layers with 10 inputs and 10 classes, all 1,024 masks, rates 0.2, 0.5 and 0.8, 20 layers each (200 in full); "
        "the "
        "library's own dropout, which divides what it keeps by q in training instead, must draw members of that set, and units "
        "as "
        "often as q says. Then networks 100-64-64-10 with ReLU, rates 0.2 on the input and 0.5 on the hidden layers, trained "
        "on "
        "3,000 digits of 10 × 10 pixels for 40 epochs, 16 sets (50 in full): normalised weights against 1,000 masks drawn in "
        "training mode, on 1,000 other digits.",
    .caution = "What normalised weights approximate is the geometric mean, which is printed as well; the slide does not say "
               "which mean "
               "it means. Whether the network is better than one trained without dropout is another claim.",
    .kind = SD_THEOREM,
    .question = SD_WHY_WELL,
    .part =
        {{"a", "For one softmax layer the network with normalised weights is the normalised geometric mean of all its members.",
          "Equal within 1e-12 for every layer; all that training mode draws are members, and the 95 % interval of the share of "
          "units kept lies within 0.01 of q.",
          SD_CONFIRMED},
         {"b", "In a ReLU network normalised weights predict about as the mean of 1,000 masks does.",
          "95 % interval of the difference of test errors, within ±1 percentage point.", SD_CONFIRMED},
         {"c", "It is an ensemble: the mean of the masks errs less often than one of them.",
          "95 % interval of the paired difference of test errors, at least 0.", SD_CONFIRMED}},
    .run = run,
};
