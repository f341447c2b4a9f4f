/*
 * linear_probe_section.c -- what the instrument *linear* says of a run: accuracies layer by layer, beside
 * the untrained network's.
 */
#include <stdio.h>

#include "probe/instrument.h"

/* ---- what was measured --------------------------------------------------------------------------------------------------- */

static void say_samples(const sd_examination *e, const sd_linear_report *r, const char *judge, sd_section *s)
{
    sd__section_fact(s, "samples", json_integer(r->fit + r->validation));
    sd__section_fact(s, "fit", json_integer(r->fit));
    sd__section_fact(s, "validation", json_integer(r->validation));
    sd__section_fact(s, "judged", json_integer(r->test));
    sd__section_fact(s, "judged_part", json_string(judge));
    sd__section_fact(s, "classes", json_integer(r->classes));
    sd__section_say(s,
                    "Measured: multinomial logistic regression and the nearest neighbour, fitted to %lld samples of the %s "
                    "part; the penalty's "
                    "strength chosen by %lld others of it; judged on the first %lld samples of the %s part; %s; %s.",
                    (long long)r->fit, e->part, (long long)r->validation, (long long)r->test, judge,
                    e->run.training ? "batch norm by each batch's statistics, dropout on"
                                    : "batch norm by running statistics, dropout off",
                    sd_dtype_name(sd_model_dtype(e->run.model)));
    if (!e->data.test)
        sd__section_say(s, "This run has no test part. By its validation part the run's best epoch was chosen, which favours "
                           "the trained network.");
    else if (e->trained.selected_on_test)
        sd__section_say(s, "This run's best epoch was chosen on the test part, which favours the trained network.");
}

/* ---- the layers ---------------------------------------------------------------------------------------------------------- */

static const char *read_text(const sd_probed_layer *l, char text[64])
{
    if (l->grid[0])
        snprintf(text, 64, "%lld: averages over %dx%d", (long long)l->read, l->grid[0], l->grid[1]);
    else
        snprintf(text, 64, "all");
    return text;
}

static void add_table(const sd_linear_report *r, const sd_linear_report *twin, sd_section *s)
{
    static const sd_column columns[] = {
        {"name", "after"},          {"features", "numbers"},   {"read", "read"},
        {"accuracy", "linear"},     {"low", "from"},           {"high", "to"},
        {"untrained", "untrained"}, {"nearest", "nearest"},    {"untrained_nearest", "untrained"},
        {"strength", "penalty"},    {"fit", "on fit samples"}, {"gradient", "gradient left"}};
    char read[64];
    sd__section_table(s, "layers", "Accuracy of a linear classifier and of the nearest neighbour, layer by layer",
                      SD_COUNT(columns), columns);
    for (int i = 0; i < r->layers; i++) {
        const sd_probed_layer *l = &r->layer[i], *t = &twin->layer[i];
        sd__section_row(s, "sisggggggggg", l->name, l->features, read_text(l, read), l->accuracy.estimate, l->accuracy.low,
                        l->accuracy.high, t->accuracy.estimate, l->nearest.estimate, t->nearest.estimate, l->strength,
                        l->fit_accuracy, l->gradient);
    }
}

/* `aside`: so that the intervals of one layer stand side by side. */
static void add_series(const char *name, const sd_linear_report *r, bool nearest, double aside, sd_section *s)
{
    sd__section_series(s, name, SD_SERIES_POINTS);
    for (int i = 0; i < r->layers; i++)
        sd__section_point_interval(s, i + aside, nearest ? r->layer[i].nearest : r->layer[i].accuracy);
}

static void add_figure(const sd_linear_report *r, const sd_linear_report *twin, sd_section *s)
{
    sd__section_figure(s, "accuracies", "Accuracy after each layer, with 95 % intervals", "layer", "accuracy", false, false);
    add_series("linear, trained", r, false, -0.18, s);
    add_series("linear, untrained", twin, false, -0.06, s);
    add_series("nearest, trained", r, true, 0.06, s);
    add_series("nearest, untrained", twin, true, 0.18, s);
    for (int i = 0; i < r->layers; i++)
        sd__section_tick(s, i, r->layer[i].name);
}

/* ---- sentences ----------------------------------------------------------------------------------------------------------- */

static bool above(sd_interval a, sd_interval b) { return a.low > b.high; }

/* Intervals that do not overlap tell two accuracies apart; the others are left open. */
static void say_verdict(const sd_linear_report *r, const sd_linear_report *twin, sd_section *s)
{
    int over_twin = 0, over_input = 0, below_twin = 0;
    for (int i = 1; i < r->layers; i++) {
        over_twin += above(r->layer[i].accuracy, twin->layer[i].accuracy);
        below_twin += above(twin->layer[i].accuracy, r->layer[i].accuracy);
        over_input += above(r->layer[i].accuracy, r->layer[0].accuracy);
    }
    sd__section_fact(s, "above_untrained", json_integer(over_twin));
    sd__section_fact(s, "below_untrained", json_integer(below_twin));
    sd__section_fact(s, "above_input", json_integer(over_input));
    sd__section_say(
        s,
        "After %d of %d layers the linear classifier does better than after the same layer untrained, after %d worse; "
        "after %d better than on the raw input. (Better: the intervals do not overlap.)",
        over_twin, r->layers - 1, below_twin, over_input);
}

static void say_limits(const sd_linear_report *r, const sd_linear_report *twin, sd_section *s)
{
    int averaged = 0, open = 0, weakest = 0;
    static const double strengths[] = SD_PROBE_STRENGTHS;
    for (int i = 0; i < r->layers; i++) {
        averaged += r->layer[i].grid[0] > 0;
        open += !r->layer[i].converged + !twin->layer[i].converged;
        weakest += r->layer[i].strength <= strengths[SD_COUNT(strengths) - 1];
    }
    if (averaged)
        sd__section_say(s,
                        "Of %d layers the probes read averages over a grid, not every number: what such a layer holds finer "
                        "than the grid was not measured.",
                        averaged);
    if (open)
        sd__section_say(s, "%d of %d fits ended before the gradient was as small as asked for; their accuracies are rough.",
                        open, 2 * r->layers);
    if (weakest)
        sd__section_say(s, "After %d layer%s the weakest penalty tried was the best: a still weaker one might do better.",
                        weakest, weakest == 1 ? "" : "s");
}

static void record(const sd_examination *e, const sd_linear_report *r, const sd_linear_report *twin, const char *judge,
                   sd_section *s)
{
    const sd_probed_layer *last = &r->layer[r->layers - 1], *other = &twin->layer[r->layers - 1];
    say_samples(e, r, judge, s);
    sd__section_alone(s, "majority", r->majority, "it looks at no network", "accuracy of the most frequent class");
    sd__section_alone(s, "input", r->layer[0].accuracy, "it looks at no network", "linear classifier on the raw input");
    sd__section_alone(s, "input_nearest", r->layer[0].nearest, "it looks at no network", "nearest neighbour on the raw input");
    sd__section_number(s, "output", last->accuracy, other->accuracy, "linear classifier after %s", last->name);
    add_table(r, twin, s);
    add_figure(r, twin, s);
    say_verdict(r, twin, s);
    say_limits(r, twin, s);
}

/* ---- the instrument ------------------------------------------------------------------------------------------------------ */

static sd_status examine(const sd_examination *e, sd_section *section)
{
    const char *judge;
    sd_subject run = e->run, untrained = e->untrained;
    sd_linear_report r = {0}, twin = {0};
    sd_linear_options o = {.test = sd__judged_on(e, &judge),
                           .test_samples = sd__knob(e, "judge"),
                           .features = sd__knob(e, "features"),
                           .seed = e->seed};
    if (sd__knob(e, "fit"))
        run.samples = untrained.samples = sd__knob(e, "fit");
    sd_status status = sd_probe_linear(&run, &o, &r);
    if (status == SD_OK)
        status = sd_probe_linear(&untrained, &o, &twin);
    if (status == SD_OK)
        record(e, &r, &twin, judge, section);
    sd_linear_report_clear(&r);
    sd_linear_report_clear(&twin);
    return status;
}

const sd_instrument sd__instrument_linear = {
    .name = "linear",
    .doc = "linear probes: how well a linear classifier, and the nearest neighbour, tell the classes apart after each layer",
    .title = "Linear probes",
    .question = "After which layer are the classes easy to tell apart?",
    .opposite = "Accuracies no higher than the untrained network's would have meant that training did not help these layers: "
                "width alone "
                "helps. An affine layer can add nothing that the classifier before it could not do itself, so only nonlinear "
                "layers are "
                "looked at. That a class can be read off a layer does not say that the network uses it.",
    .knob = {{"fit", "N", "samples to fit to and to choose the penalty by (default: as --samples)", 10, INT32_MAX, 0, 6250,
              20000, NULL, 0},
             {"judge", "N", "samples of the test part (default: 2000)", 1, INT32_MAX, 2000, 2000, 10000, NULL, 0},
             {"features", "N", "maps of more numbers are averaged over a grid (default: 1024)", 1, 1000000, 1024, 1024, 2048,
              NULL, 0}},
    .examine = examine,
    .cost = 13,
};
