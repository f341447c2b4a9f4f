/* c94_dropout.c -- C94: dropout trains an ensemble, of which the network with normalised weights is a mean. */
#include <math.h>

#include "lab/digits.h"
#include "lab/ensemble.h"
#include "lab/runs.h"

enum { INPUTS = 10, CLASSES = 10, DRAWN = 256, RATES = 3 };
enum { TRAINING = 3000, TEST = 1000, UNITS = 64, MASKS = 1000, EPOCHS = 40, SHOWN = 20 };

static const double rates[RATES] = {0.2, 0.5, 0.8}, margin = 1; /* percentage points of test error */

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
    double worst, deep;             /* largest |normalised weights - mean of all masks|; the same with a ReLU layer between */
    int64_t kept, strangers, drawn; /* units that training mode kept, outputs that no mask gives, units drawn in all */
} layer_result;

/* The largest distance; without a layer between also the point of the figure, and what training mode draws. */
static sd_status one_layer(sd_lab *lab, layer_spec spec, uint64_t seed, const double *x, double *distance, layer_result *r)
{
    sd_model *model;
    sd_members all = {0};
    int64_t kept = 0, strangers = 0;
    double scaled[CLASSES], mean[CLASSES];
    sd_model_spec how = {.build = build_layer, .user = &spec, .input = SD_SHAPE(INPUTS), .dtype = SD_F64, .seed = seed};
    SD_TRY(sd_model_new(sd__lab_context(lab), &how, &model));
    sd_status status = sd__members_of(model, spec.rate, x, &all);
    if (status == SD_OK) {
        sd__members_scaled(&all, scaled);
        sd__members_mean(&all, mean);
    }
    for (int c = 0; c < CLASSES && status == SD_OK; c++) {
        *distance = fmax(*distance, fabs(scaled[c] - mean[c]));
        if (!spec.deep)
            sd__lab_point(lab, mean[c], scaled[c]);
    }
    if (status == SD_OK && !spec.deep)
        status = sd__members_drawn(model, &all, DRAWN, &kept, &strangers);
    r->kept += kept;
    r->strangers += strangers;
    r->drawn += spec.deep ? 0 : DRAWN * INPUTS;
    sd__members_free(&all);
    sd_model_free(model);
    return status;
}

static sd_status all_layers(sd_lab *lab, int rate, int layers, layer_result *r)
{
    for (int i = 0; i < layers; i++) {
        sd_random random = sd__lab_random(lab, "input", i * RATES + rate);
        uint64_t seed = sd__lab_seed(lab, "layer", i * RATES + rate);
        double x[INPUTS];
        for (int j = 0; j < INPUTS; j++)
            x[j] = sd__random_normal(&random);
        SD_TRY(one_layer(lab, (layer_spec){rates[rate], true}, seed, x, &r->deep, r));
        SD_TRY(one_layer(lab, (layer_spec){rates[rate], false}, seed, x, &r->worst, r));
    }
    return SD_OK;
}

static sd_status judge_layer(sd_lab *lab, int layers)
{
    double worst = 0, deep = 0;
    int64_t strangers = 0;
    sd_verdict shares = SD_CONFIRMED;
    sd__lab_figure(lab,
                   "One softmax layer: each class probability with normalised weights, against the mean of all 1,024 masks",
                   "normalised geometric mean", "normalised weights", false, false);
    sd__lab_line(lab, "theory: equal", SD_SERIES_LINE, 0, 0, 1, 1);
    sd__lab_series(lab, "random layers", SD_SERIES_POINTS);
    for (int i = 0; i < RATES; i++) {
        layer_result r = {0};
        SD_TRY(all_layers(lab, i, layers, &r));
        sd_interval kept = sd_interval_binomial(r.kept, r.drawn, sd__lab_confidence(RATES));
        sd__lab_number(lab, "a", r.worst, 0, "rate %.1f: largest |normalised weights − mean of all masks|", rates[i]);
        sd__lab_measure(lab, "a", kept, 1 - rates[i], "rate %.1f: share of units that training mode keeps", rates[i]);
        sd__lab_number(lab, "", r.deep, NAN, "rate %.1f: the same distance with a ReLU layer between", rates[i]);
        shares = sd__rule_both(shares, sd__rule_within(kept, 1 - rates[i], 0.01));
        worst = fmax(worst, r.worst);
        deep = fmax(deep, r.deep);
        strangers += r.strangers;
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

/* The first digits of a run; the interval is that of a mean of MASKS masks. */
static void scatter(sd_lab *lab, const sd_ensemble *e)
{
    sd__lab_figure(lab, "Trained ReLU network: each class probability with normalised weights, against the mean of 1,000 masks",
                   "normalised weights", "mean of 1,000 masks", false, false);
    sd__lab_line(lab, "theory: equal", SD_SERIES_LINE, 0, 0, 1, 1);
    sd__lab_series(lab, "20 test digits of one network", SD_SERIES_POINTS);
    for (int k = 0; k < SHOWN * CLASSES; k++) {
        double error = 1.96 * sqrt(fmax(e->square[k] - e->p[k] * e->p[k], 0) / MASKS);
        sd__lab_point_interval(lab, exp(e->scaled[k]), (sd_interval){e->p[k], e->p[k] - error, e->p[k] + error});
    }
}

static sd_status train_and_draw(sd_lab *lab, int run, const sd_examples *digits, sd_ensemble *e)
{
    sd_model *model;
    sd_model_spec how = {.build = build_deep, .input = digits->shape, .classes = CLASSES};
    sd_fit_spec spec = {.optimizer = sd_optimizer_default(SD_MOMENTUM), .batch = 50};
    sd_examples train = sd__examples_part(digits, 0, TRAINING), test = sd__examples_part(digits, TRAINING, TEST);
    how.seed = sd__lab_seed(lab, "weights", run);
    spec.seed = sd__lab_seed(lab, "order", run);
    spec.optimizer.lr = 0.05;
    SD_TRY(sd_model_new(sd__lab_context(lab), &how, &model));
    sd_status status = sd__train_epochs(model, &train, &spec, EPOCHS);
    if (status == SD_OK)
        status = sd__ensemble_draw(model, &test, MASKS, e);
    sd_model_free(model);
    return status;
}

static sd_status one_network(sd_lab *lab, int run, sd_ensemble_scores *scores)
{
    const char *name;
    sd_examples digits;
    sd_ensemble e = {0};
    SD_TRY(sd__small_digit_examples(TRAINING + TEST, sd__lab_seed(lab, "images", run), &digits, &name));
    sd_status status = train_and_draw(lab, run, &digits, &e);
    if (status == SD_OK)
        *scores = sd__ensemble_judge(&e, digits.y + TRAINING);
    if (status == SD_OK && !run) {
        sd__note_digits(lab, name);
        scatter(lab, &e);
    }
    sd__ensemble_free(&e);
    sd__examples_clear(&digits);
    return status;
}

static void judge_deep(sd_lab *lab, const sd_runs *runs)
{
    const sd_ensemble_scores *o = runs->row;
    double confidence = sd__lab_confidence(2);
    sd_interval apart = sd__runs_paired(runs, &o->scaled_error, &o->mean_error, confidence);
    sd_interval gain = sd__runs_paired(runs, &o->member_error, &o->mean_error, confidence);
    sd_interval distance = sd__runs_mean(runs, &o->to_mean, 0.95);
    sd__lab_measure(lab, "b", apart, 0, "test error, %%: normalised weights − mean of 1,000 masks");
    sd__lab_measure(lab, "b", distance, NAN, "mean |normalised weights − mean of 1,000 masks| of a probability");
    sd__lab_measure(lab, "", sd__runs_mean(runs, &o->to_geometric, 0.95), NAN,
                    "mean |normalised weights − normalised geometric mean of 1,000 masks|");
    sd__lab_measure(lab, "", sd__runs_mean(runs, &o->scaled_error, 0.95), NAN, "test error, %%: normalised weights");
    sd__lab_measure(lab, "", sd__runs_mean(runs, &o->mean_error, 0.95), NAN, "test error, %%: mean of 1,000 masks");
    sd__lab_measure(lab, "", sd__runs_mean(runs, &o->scaled_loss, 0.95), NAN, "test loss: normalised weights");
    sd__lab_measure(lab, "", sd__runs_mean(runs, &o->mean_loss, 0.95), NAN, "test loss: mean of 1,000 masks");
    sd__lab_measure(lab, "c", sd__runs_mean(runs, &o->member_error, confidence), NAN, "test error, %%: one mask");
    sd__lab_measure(lab, "c", gain, NAN, "test error, %%: one mask − mean of 1,000 masks");
    sd__lab_judge(lab, "b", sd__rule_within(apart, 0, margin),
                  "the test errors differ by %.2f points (interval %.2f to %.2f), a probability by %.3f on average",
                  apart.estimate, apart.low, apart.high, distance.estimate);
    sd__lab_judge(lab, "c", sd__rule_above(gain, 0), "a single mask errs more often by %.1f points (interval %.1f to %.1f)",
                  gain.estimate, gain.low, gain.high);
}

static sd_status run(sd_lab *lab)
{
    sd_runs runs;
    SD_TRY(judge_layer(lab, sd__lab_full(lab) ? 200 : 20));
    SD_TRY(sd__runs_new(sd__lab_repeats(lab, 16, 50), sizeof(sd_ensemble_scores), &runs));
    sd_status status = SD_OK;
    for (int i = 0; i < runs.n && status == SD_OK; i++)
        status = one_network(lab, i, (sd_ensemble_scores *)runs.row + i);
    if (status == SD_OK)
        judge_deep(lab, &runs);
    sd__runs_free(&runs);
    return status;
}

const sd_claim sd__claim_c94_dropout = {
    .id = "C94",
    .title = "Dropout is related to an ensemble",
    .text = "Dropout is related to an ensemble of models; weights are normalised at inference.",
    .lecture = "D2",
    .slide = "Dropout [Hinton 2012]",
    .theory =
        "Let each of n inputs of a softmax layer be kept with probability q. The log of a member's p_c is linear in the mask "
        "up to a constant of the class, so the mean of the logs over all 2ⁿ masks, normalised, is the softmax with each weight "
        "times q: for q = ½ the halved weights are the normalised geometric mean of all members, exactly. With a ReLU between, "
        "the logits are no longer linear in the mask, and nothing of the kind holds but approximately.",
    .protocol = "Random layers with 10 inputs and 10 classes, all 1,024 masks, rates 0.2, 0.5 and 0.8, 20 layers each (200 in "
                "full); the library's own dropout, which divides what it keeps by q in training instead, must draw members of "
                "that set, and units as often as q says. Then networks 100-64-64-10 with ReLU, rates 0.2 on the input and 0.5 "
                "on the hidden layers, trained on 3,000 digits of 10 × 10 pixels for 40 epochs, 16 sets (50 in full): "
                "normalised weights against 1,000 masks drawn in training mode, on 1,000 other digits.",
    .caution = "What normalised weights approximate is the geometric mean, which is printed as well; the slide does not say "
               "which mean it means. Whether the network is better than one trained without dropout is another claim.",
    .kind = SD_THEOREM,
    .question = SD_WHY_WELL,
    .part = {{"a",
              "For one softmax layer the network with normalised weights is the normalised geometric mean of all its members.",
              "Equal within 1e-12 for every layer; all that training mode draws are members, and the 95 % interval of the "
              "share of units kept lies within 0.01 of q.",
              SD_CONFIRMED},
             {"b", "In a ReLU network normalised weights predict about as the mean of 1,000 masks does.",
              "95 % interval of the difference of test errors, within ±1 percentage point.", SD_CONFIRMED},
             {"c", "It is an ensemble: the mean of the masks errs less often than one of them.",
              "95 % interval of the paired difference of test errors, above 0.", SD_CONFIRMED}},
    .run = run,
};
