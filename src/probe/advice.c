/*
 * advice.c -- what to try next: a list of rules, the most urgent first. Each is a condition on the findings, and a sentence
 * that holds the number by which it was met.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "probe/overview.h"

/* Thresholds that are taste, not statistics: below them a finding is no reason to act. */
#define MANY_UNITS 0.1       /* share of all units that are dead or saturated */
#define CALIBRATION_OFF 0.01 /* expected calibration error */
#define STILL_FALLING 0.1    /* by which part the training loss fell in the last epoch */
#define LOSS_ROSE 0.1        /* by which part the validation loss is above its least */
#define WIDE_INTERVAL 0.1    /* width of the score's interval */

enum { TEXT = sizeof((sd_advice *)0)->text };

bool sd__learned_nothing(const sd_findings *f) { return !f->step || f->unchanged; }

static bool usable(const sd_findings *f) { return !f->broken[0] && !sd__learned_nothing(f); }

static const sd_contender *rival(const sd_findings *f, sd_contender_kind kind) { return &f->contender[kind]; }

static bool compared(const sd_findings *f, sd_contender_kind kind) { return usable(f) && rival(f, kind)->n > 0; }

/* "1.22 points (0.90 to 1.54)", or, of real targets, in mean squared error. */
static const char *difference(const sd_findings *f, sd_interval d, char text[96])
{
    if (f->classes)
        snprintf(text, 96, "%.2f points (%.2f to %.2f)", 100 * d.estimate, 100 * d.low, 100 * d.high);
    else
        snprintf(text, 96, "%.4g in mean squared error (%.4g to %.4g)", d.estimate, d.low, d.high);
    return text;
}

static sd_interval negative(sd_interval d) { return (sd_interval){-d.estimate, -d.high, -d.low}; }

/* ---- over and under ------------------------------------------------------------------------------------------------------ */

bool sd__overfits(const sd_findings *f) { return usable(f) && f->held_out && f->gap.low > 0; }

/* The simpler model that is better on samples it has not seen than the network on those it has; SD_CONTENDERS: none. */
static sd_contender_kind better_than_training(const sd_findings *f)
{
    static const sd_contender_kind kinds[] = {SD_CONTENDER_LINEAR, SD_CONTENDER_NEAREST};
    for (size_t i = 0; i < SD_COUNT(kinds); i++)
        if (compared(f, kinds[i]) && rival(f, kinds[i])->score.low > f->train_score.high)
            return kinds[i];
    return SD_CONTENDERS;
}

bool sd__can_doubt(const sd_findings *f)
{
    bool learned = compared(f, SD_CONTENDER_CONSTANT) && rival(f, SD_CONTENDER_CONSTANT)->lead.low > 0;
    return learned && !(rival(f, SD_CONTENDER_LINEAR)->lead.high < 0) && !(rival(f, SD_CONTENDER_NEAREST)->lead.high < 0);
}

bool sd__underfits(const sd_findings *f) { return better_than_training(f) != SD_CONTENDERS; }

/* ---- rules: whether, and what to say ------------------------------------------------------------------------------------- */

static bool not_finite(const sd_findings *f, char *text)
{
    snprintf(text, TEXT, "Train again with a smaller step size than %g, or clip the gradient's norm: %s.", f->lr, f->broken);
    return f->not_finite;
}

static bool untrained(const sd_findings *f, char *text)
{
    if (f->step)
        snprintf(text, TEXT,
                 "Find out why nothing was learned, the step size (now %g) first: after %" PRId64
                 " steps the weights are still those before training, so what this page says of the network is chance.",
                 f->lr, f->step);
    else
        snprintf(text, TEXT, "Train it: these are the weights of step 0, so what this page says of the network is chance.");
    return sd__learned_nothing(f) && !f->broken[0] && !(f->step && f->only_class[0]); /* which would be reason enough */
}

static bool single_class(const sd_findings *f, char *text)
{
    snprintf(text, TEXT,
             "Look at the labels: all %s of the training part are %s, so there is 1 class and nothing to tell apart.", "labels",
             f->only_class);
    return f->only_class[0] != 0;
}

static bool duplicates(const sd_findings *f, char *text)
{
    snprintf(text, TEXT,
             "Take the duplicates out (%" PRId64 ", %.2f %% of the %s part): they can be remembered instead of recognised.",
             f->twins, 100 * (double)f->twins / (double)f->twins_of, f->part);
    return f->twins > 0;
}

static bool constant_as_good(const sd_findings *f, char *text)
{
    char lead[96];
    sd_interval d = rival(f, SD_CONTENDER_CONSTANT)->lead;
    bool worse = d.estimate < 0;
    snprintf(text, TEXT,
             "Find out why nothing was learned: beside the same answer for all the network is %s by %s. Step size, "
             "normalisation and "
             "labels come first.",
             worse ? "worse" : "better only", difference(f, worse ? negative(d) : d, lead));
    return compared(f, SD_CONTENDER_CONSTANT) && !f->only_class[0] && d.low <= 0;
}

static bool beaten(const sd_findings *f, sd_contender_kind kind, char *text)
{
    char lead[96];
    snprintf(text, TEXT, "Use the %s, or train on: on the same samples it is better by %s.",
             sd__contender_name(kind, f->classes), difference(f, negative(rival(f, kind)->lead), lead));
    return compared(f, kind) && rival(f, kind)->lead.high < 0;
}

static bool beaten_by_linear(const sd_findings *f, char *text) { return beaten(f, SD_CONTENDER_LINEAR, text); }

static bool beaten_by_nearest(const sd_findings *f, char *text) { return beaten(f, SD_CONTENDER_NEAREST, text); }

static bool linear_as_good(const sd_findings *f, char *text)
{
    char lead[96];
    sd_interval d = rival(f, SD_CONTENDER_LINEAR)->lead;
    bool behind = d.estimate < 0;
    snprintf(text, TEXT, "Take the %s, or judge on more samples: the network's %s of %s may be chance.",
             sd__contender_name(SD_CONTENDER_LINEAR, f->classes), behind ? "lag" : "lead",
             difference(f, behind ? negative(d) : d, lead));
    return compared(f, SD_CONTENDER_LINEAR) && d.low <= 0 && d.high >= 0;
}

static bool selected_on_test(const sd_findings *f, char *text)
{
    snprintf(text, TEXT,
             "Set a validation part aside: epoch %" PRId64
             " was chosen by the test samples on which the score is measured, which flatters it.",
             f->epoch);
    return f->selected_on_test;
}

static bool dead_units(const sd_findings *f, char *text)
{
    snprintf(text, TEXT, "Lower the step size (now %g), or use leaky ReLU: %" PRId64 " of %" PRId64 " units are dead.", f->lr,
             f->dead, f->units);
    return f->units > 0 && (double)f->dead >= MANY_UNITS * (double)f->units;
}

static bool saturated_units(const sd_findings *f, char *text)
{
    snprintf(text, TEXT,
             "Start from smaller weights, or normalise before the activations: %" PRId64 " of %" PRId64 " units are saturated.",
             f->saturated, f->units);
    return f->units > 0 && (double)f->saturated >= MANY_UNITS * (double)f->units;
}

static bool idle_layers(const sd_findings *f, char *text)
{
    snprintf(text, TEXT, "Take out the %" PRId64 " layers that change nothing (%s), and see whether the score stays.", f->idle,
             f->idle_names);
    return f->idle > 0;
}

static bool underfits(const sd_findings *f, char *text)
{
    sd_contender_kind kind = better_than_training(f);
    snprintf(text, TEXT,
             "Make the network larger, raise the step size (now %g) or train longer: even on training samples it is at %.4g, "
             "the %s at %.4g on "
             "new ones.",
             f->lr, f->train_score.estimate, sd__contender_name(kind == SD_CONTENDERS ? SD_CONTENDER_LINEAR : kind, f->classes),
             kind == SD_CONTENDERS ? NAN : rival(f, kind)->score.estimate);
    return kind != SD_CONTENDERS;
}

static bool overfits(const sd_findings *f, char *text)
{
    char gap[96];
    snprintf(text, TEXT,
             "Close the gap of %s between training and %s samples: more data, augmentation, dropout, weight decay (now %g).",
             difference(f, f->gap, gap), f->part, f->weight_decay);
    return sd__overfits(f);
}

static bool stop_earlier(const sd_findings *f, char *text)
{
    snprintf(text, TEXT,
             "Stop earlier: the validation loss was least in epoch %" PRId64 " of %" PRId64 " (%.4g), and %.4g at the end.",
             f->best_epoch, f->epochs, f->best_validation_loss, f->validation_loss);
    return usable(f) && f->best_epoch > 0 && f->best_epoch < f->epochs &&
           f->validation_loss > (1 + LOSS_ROSE) * f->best_validation_loss;
}

static bool still_falling(const sd_findings *f, char *text)
{
    snprintf(text, TEXT, "Train longer: in the last of %" PRId64 " epochs the training loss still fell from %.4g to %.4g.",
             f->epochs, f->previous_loss, f->last_loss);
    return usable(f) && f->epochs > 1 && f->last_loss < (1 - STILL_FALLING) * f->previous_loss &&
           !stop_earlier(f, (char[TEXT]){0});
}

static bool labels(const sd_findings *f, char *text)
{
    snprintf(text, TEXT,
             "Look at the suspected labels below (%" PRId64 ", %.2f %% of those looked at) before anything finer is tuned.",
             f->suspects, 100 * (double)f->suspects / (double)f->suspected_of);
    return sd__can_doubt(f) && f->suspects > 0;
}

static bool calibration(const sd_findings *f, char *text)
{
    const sd_reliability *r = &f->reliability;
    snprintf(text, TEXT,
             "Do not read probabilities as they are: confidence is off by %.2f points (by chance at most %.2f). A temperature "
             "fitted on held-out "
             "samples, or label smoothing.",
             100 * r->error, 100 * r->chance.high);
    return usable(f) && r->error > r->chance.high && r->error >= CALIBRATION_OFF;
}

static bool few_samples(const sd_findings *f, char *text)
{
    sd_interval s = rival(f, SD_CONTENDER_RUN)->score;
    snprintf(text, TEXT, "Judge on more samples: with %" PRId64 " of them the score lies anywhere from %.4g to %.4g.",
             rival(f, SD_CONTENDER_RUN)->n, s.low, s.high);
    return compared(f, SD_CONTENDER_RUN) && s.high - s.low > WIDE_INTERVAL;
}

typedef struct rule {
    const char *name;
    bool (*holds)(const sd_findings *f, char *text);
} rule;

static const rule rules[] = {
    {"not_finite", not_finite},
    {"untrained", untrained},
    {"single_class", single_class},
    {"duplicates", duplicates},
    {"constant_as_good", constant_as_good},
    {"beaten_by_linear", beaten_by_linear},
    {"beaten_by_nearest", beaten_by_nearest},
    {"linear_as_good", linear_as_good},
    {"selected_on_test", selected_on_test},
    {"underfits", underfits},
    {"dead_units", dead_units},
    {"saturated_units", saturated_units},
    {"stop_earlier", stop_earlier},
    {"overfits", overfits},
    {"idle_layers", idle_layers},
    {"still_falling", still_falling},
    {"labels", labels},
    {"calibration", calibration},
    {"few_samples", few_samples},
};

int sd__advise(const sd_findings *f, sd_advice advice[SD_ADVICE])
{
    int n = 0;
    for (size_t i = 0; i < SD_COUNT(rules) && n < SD_ADVICE; i++)
        if (rules[i].holds(f, advice[n].text))
            advice[n++].rule = rules[i].name;
    return n;
}

bool sd__rule_holds(const sd_findings *f, const char *name)
{
    char text[TEXT];
    for (size_t i = 0; i < SD_COUNT(rules); i++)
        if (!strcmp(rules[i].name, name))
            return rules[i].holds(f, text);
    return false;
}
