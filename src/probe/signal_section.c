/*
 * signal_section.c -- what the instrument *signal* says of a run: signal and gradient layer by layer, beside the
 * mean field and the twin.
 */
#include <math.h>
#include <string.h>

#include "probe/instrument.h"

enum { MOST_NAMED = 6, MOST_TICKS = 32 };

/* ---- facts: what page one of a report reads ------------------------------------------------------------------------------ */

static json_t *idle_names(const sd_signal_report *r)
{
    json_t *names = json_array();
    for (int i = 0; i < r->layers; i++)
        if (r->layer[i].idle && json_array_append_new(names, json_string(r->layer[i].name)))
            break;
    return names;
}

static void add_facts(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    /* Units of all activations: the last axis of their output, so channels of images. */
    sd__section_fact(s, "units", json_integer(r->units));
    /* Of these, the units whose output is the same in every place of every sample, up to rounding. */
    sd__section_fact(s, "dead_units", json_integer(r->dead));
    /* Of the others, those whose slope is below this share of the activation's largest in every place of every sample. */
    sd__section_fact(s, "saturated_units", json_integer(r->stuck));
    sd__section_fact(s, "untrained_dead_units", json_integer(twin->dead));
    sd__section_fact(s, "untrained_saturated_units", json_integer(twin->stuck));
    sd__section_fact(s, "saturated_below", json_real(SD_SATURATED));
    /*
     * Layers whose output is their input (a sum: one of its summands, so that the rest of a residual block counts for nothing):
     * the root mean square of the difference over all samples is at most this share of the input's.
     */
    sd__section_fact(s, "idle_layers", idle_names(r));
    sd__section_fact(s, "idle_below", sd__json_real(r->rounding));
    sd__section_fact(s, "idle_sum_below", json_real(SD_IDLE_SUM));
    sd__section_fact(s, "layers", json_integer(r->layers));
}

/* ---- numbers and sentences ----------------------------------------------------------------------------------------------- */

static void say_subject(const sd_examination *e, const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    if (isnan(r->loss))
        sd__section_say(s, "This model has no loss, so gradients were not measured.");
    else
        sd__section_number(s, "loss", sd__exactly(r->loss), sd__exactly(twin->loss), "mean loss");
    if (!r->units) {
        sd__section_say(s, "No unit can be dead or saturated: no layer is an activation%s.",
                        r->samples > 1 ? "" : ", or there is too little to tell a constant by");
    } else {
        sd__section_number(s, "dead", sd__exactly((double)r->dead), sd__exactly((double)twin->dead),
                           "dead units, of %lld in activations", (long long)r->units);
        sd__section_number(s, "stuck", sd__exactly((double)r->stuck), sd__exactly((double)twin->stuck),
                           "saturated units: always, and not dead");
    }
    sd__section_say(
        s,
        "Measured: every layer's output and the gradient of the loss in it, over the first %lld samples of the %s part; "
        "%s; %s. Dead: constant over all samples and places. Saturated: a slope below %g %% of the largest; a ReLU is "
        "where it gives 0.",
        (long long)r->samples, e->part,
        e->run.training ? "batch norm by each batch's statistics, dropout on" : "batch norm by running statistics, dropout off",
        sd_dtype_name(sd_model_dtype(e->run.model)), 100 * SD_SATURATED);
}

/* "4, 17, 30 and 12 more" */
static void list_units(const sd_layer_signal *l, sd_string *text)
{
    for (int64_t i = 0; i < l->dead && i < MOST_NAMED; i++)
        sd__string_add(text, "%s%lld", i ? ", " : "", (long long)l->dead_unit[i]);
    if (l->dead > MOST_NAMED)
        sd__string_add(text, " and %lld more", (long long)(l->dead - MOST_NAMED));
}

static void say_dead(const sd_signal_report *r, sd_section *s)
{
    sd_string text = {0};
    for (int i = 0; i < r->layers; i++)
        if (r->layer[i].stuck >= 0 && r->layer[i].dead > 0) {
            sd__string_add(&text, "%s %s (of %lld): ", text.length ? ";" : "", r->layer[i].name, (long long)r->layer[i].units);
            list_units(&r->layer[i], &text);
        }
    s->failed = s->failed || text.failed;
    if (text.length)
        sd__section_say(s, "Dead units, counted from 0:%s.", text.text);
    free(text.text);
}

static void say_idle(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    sd_string text = {0};
    int idle = 0, idle_twin = 0;
    for (int i = 0; i < r->layers; i++) {
        idle_twin += twin->layer[i].idle;
        if (r->layer[i].idle)
            sd__string_add(&text, "%s%s (%.2g)", idle++ ? ", " : "", r->layer[i].name, r->layer[i].change);
    }
    s->failed = s->failed || text.failed;
    if (idle)
        sd__section_say(
            s,
            "Layers that change nothing: %s; in brackets the root mean square of output minus input, relative to the "
            "input's. Untrained, %d did.",
            text.text ? text.text : "", idle_twin);
    else
        sd__section_say(s, "Every layer that computes changes what it reads. Untrained, %s.",
                        idle_twin == 0   ? "every one did, too"
                        : idle_twin == 1 ? "one did not"
                                         : "several did not");
    free(text.text);
}

/*
 * How much larger the gradient is at the first layer's output than at the last's; NaN where one of them
 * is 0 or was not measured.
 */
static double growth(const sd_signal_report *r)
{
    double first = r->layer[0].gradient, last = r->layer[r->layers - 1].gradient;
    return first > 0 && last > 0 ? first / last : NAN;
}

static void say_gradient(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    if (r->layers > 1 && isfinite(growth(r)))
        sd__section_number(s, "gradient_growth", sd__exactly(growth(r)), sd__exactly(growth(twin)),
                           "gradient (rms) in the output of %s over that of %s", r->layer[0].name,
                           r->layer[r->layers - 1].name);
    else if (!isnan(r->loss) && r->layer[r->layers - 1].gradient == 0)
        sd__section_say(s, "The gradient of the loss in the last layer is 0: nothing is left to learn from these samples.");
}

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

static void signal_row(const sd_layer_signal *l, const sd_layer_signal *t, sd_section *s)
{
    sd__section_row(s, "sigggg", l->name, l->elements, l->mean, t->mean, l->deviation, t->deviation);
}

static void add_signal(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    static const sd_column columns[] = {{"name", "layer"},          {"elements", "numbers"},
                                        {"mean", "mean"},           {"untrained_mean", "untrained"},
                                        {"deviation", "deviation"}, {"untrained_deviation", "untrained"}};
    sd__section_table(s, "signal", "The output of each layer, over samples, places and units", SD_COUNT(columns), columns);
    signal_row(&r->input, &twin->input, s);
    for (int i = 0; i < r->layers; i++)
        signal_row(&r->layer[i], &twin->layer[i], s);
}

static void unit_row(const sd_layer_signal *l, const sd_layer_signal *t, sd_section *s)
{
    sd__section_row(s, "siiiiigg", l->name, l->units, l->dead, t->dead, l->stuck, t->stuck, l->saturated, t->saturated);
}

static void add_units(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    static const sd_column columns[] = {{"name", "activation"},
                                        {"units", "units"},
                                        {"dead", "dead"},
                                        {"untrained_dead", "untrained"},
                                        {"stuck", "saturated units"},
                                        {"untrained_stuck", "untrained"},
                                        {"saturated", "saturated share of all numbers"},
                                        {"untrained_saturated", "untrained"}};
    if (!r->units)
        return;
    sd__section_table(s, "units", "Dead and saturated units of the activations", SD_COUNT(columns), columns);
    for (int i = 0; i < r->layers; i++)
        if (r->layer[i].stuck >= 0 && r->layer[i].dead >= 0)
            unit_row(&r->layer[i], &twin->layer[i], s);
}

static void gradient_row(const sd_layer_signal *l, const sd_layer_signal *t, sd_section *s)
{
    sd__section_row(s, "sgggggg", l->name, l->gradient, t->gradient, l->gradient_norm, t->gradient_norm,
                    l->gradient_norm / l->weight_norm, t->gradient_norm / t->weight_norm);
}

static void add_gradients(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    static const sd_column columns[] = {{"name", "layer"},
                                        {"gradient", "in the output, rms"},
                                        {"untrained_gradient", "untrained"},
                                        {"gradient_norm", "in the parameters, norm"},
                                        {"untrained_gradient_norm", "untrained"},
                                        {"relative", "over the parameters' norm"},
                                        {"untrained_relative", "untrained"}};
    if (isnan(r->loss))
        return;
    sd__section_table(s, "gradients",
                      "Gradients: of a sample's loss in each layer's output, of the mean loss in its parameters",
                      SD_COUNT(columns), columns);
    gradient_row(&r->input, &twin->input, s);
    for (int i = 0; i < r->layers; i++)
        gradient_row(&r->layer[i], &twin->layer[i], s);
}

/* ---- the mean field ------------------------------------------------------------------------------------------------------ */

/* Why the mean field has nothing to say of a kind of layer. */
static const char *why_not(const sd_layer_signal *l)
{
    static const struct {
        const char *kind, *reason;
    } reasons[] = {{"batch_norm", "its statistics set the size"},
                   {"layer_norm", "its statistics set the size"},
                   {"maxpool", "the numbers in a window depend on each other"},
                   {"avgpool", "the numbers in a window depend on each other"},
                   {"global_avgpool", "the numbers in a map depend on each other"},
                   {"add", "the summands depend on each other"},
                   {"concat", "it only joins"},
                   {"pad_shortcut", "it only passes on"},
                   {"threshold", "its slope is 0"},
                   {"dropout", "it draws, and has no weights"}};
    for (size_t i = 0; i < SD_COUNT(reasons); i++)
        if (l->dead >= 0 && !strcmp(l->kind, reasons[i].kind))
            return reasons[i].reason;
    return l->dead < 0 ? "it computes nothing" : "neither a linear map of its own weights nor an activation";
}

static void mean_field_row(const sd_layer_signal *l, const sd_layer_signal *t, sd_section *s)
{
    char compared[96] = "yes";
    if (isnan(l->predicted))
        snprintf(compared, sizeof compared, "not compared: %s", why_not(l));
    sd__section_row(s, "sgggggggs", l->name, l->rms, l->predicted, t->rms, t->predicted, l->chi, l->predicted_chi, t->chi,
                    compared);
}

static void add_mean_field(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    static const sd_column columns[] = {{"name", "layer"},
                                        {"rms", "rms"},
                                        {"predicted", "mean field"},
                                        {"untrained", "untrained"},
                                        {"untrained_predicted", "mean field"},
                                        {"chi", "gradient ratio"},
                                        {"predicted_chi", "mean field"},
                                        {"untrained_chi", "untrained"},
                                        {"compared", "compared"}};
    sd__section_table(s, "mean_field",
                      "Beside the mean field: the output's root mean square, and the ratio of the gradient's mean square at a "
                      "layer's input to that at its output",
                      SD_COUNT(columns), columns);
    for (int i = 0; i < r->layers; i++)
        mean_field_row(&r->layer[i], &twin->layer[i], s);
}

/* The layer whose measured size is farthest from the expected one, as a factor above or below 1; *compared: how many were. */
static int farthest(const sd_signal_report *r, int *compared)
{
    int worst = -1;
    *compared = 0;
    for (int i = 0; i < r->layers; i++) {
        const sd_layer_signal *l = &r->layer[i];
        if (isnan(l->predicted) || !(l->predicted > 0 && l->rms > 0))
            continue;
        ++*compared;
        if (worst < 0 || fabs(log(l->rms / l->predicted)) > fabs(log(r->layer[worst].rms / r->layer[worst].predicted)))
            worst = i;
    }
    return worst;
}

static void say_mean_field(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    int compared, compared_twin, worst = farthest(r, &compared), worst_twin = farthest(twin, &compared_twin);
    sd__section_fact(s, "compared", json_integer(compared));
    if (worst < 0) {
        sd__section_say(s,
                        "Mean field: not compared, since no layer is a linear map of its own weights or a smooth activation.");
        return;
    }
    sd__section_say(
        s,
        "The mean field gives each layer its measured input and takes its weights as independent, of mean 0 and of the "
        "mean square that they have; an activation's input as Gaussian. Farthest from it, of %d layers, is %s: %.3g "
        "times as large as expected.",
        compared, r->layer[worst].name, r->layer[worst].rms / r->layer[worst].predicted);
    if (worst_twin >= 0)
        sd__section_say(s, "Untrained it is %s: %.3g times.", twin->layer[worst_twin].name,
                        twin->layer[worst_twin].rms / twin->layer[worst_twin].predicted);
}

/* ---- figures ------------------------------------------------------------------------------------------------------------- */

/* A tick a layer, and as many names as there is room for, at an angle. */
static void add_ticks(const sd_signal_report *r, sd_section *s)
{
    int step = (r->layers + MOST_TICKS - 1) / MOST_TICKS;
    for (int i = 0; i < r->layers; i++)
        sd__section_tick(s, i, i % step ? "" : r->layer[i].name);
}

static void rms_series(const char *name, const sd_signal_report *r, sd_series_style style, sd_section *s)
{
    sd__section_series(s, name, style);
    for (int i = 0; i < r->layers; i++)
        sd__section_point(s, i, r->layer[i].rms);
}

/* Two deviations of the choice of weights to both sides, where there is such a choice. */
static void predicted_series(const char *name, const sd_signal_report *r, sd_section *s)
{
    sd__section_series(s, name, SD_SERIES_POINTS);
    for (int i = 0; i < r->layers; i++) {
        double at = r->layer[i].predicted, error = 2 * r->layer[i].predicted_error;
        sd__section_point_interval(s, i, (sd_interval){at, at - error, at + error});
    }
}

static void gradient_series(const char *name, const sd_signal_report *r, sd_series_style style, sd_section *s)
{
    sd__section_series(s, name, style);
    for (int i = 0; i < r->layers; i++)
        sd__section_point(s, i, r->layer[i].gradient);
}

static void add_figures(const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    sd__section_figure(s, "depth",
                       "How large the output of each layer is, beside the mean field's expectation; bars: two deviations of "
                       "the choice of weights",
                       "layer", "root mean square", false, true);
    rms_series("trained", r, SD_SERIES_LINE, s);
    rms_series("untrained", twin, SD_SERIES_DASHES, s);
    predicted_series("mean field, trained weights", r, s);
    predicted_series("mean field, untrained weights", twin, s);
    add_ticks(r, s);
    if (isnan(r->loss))
        return;
    sd__section_figure(s, "gradient_depth", "How large the gradient of a sample's loss is in the output of each layer", "layer",
                       "root mean square", false, true);
    gradient_series("trained", r, SD_SERIES_LINE, s);
    gradient_series("untrained", twin, SD_SERIES_DASHES, s);
    add_ticks(r, s);
}

/* ---- the instrument ------------------------------------------------------------------------------------------------------ */

static void record(const sd_examination *e, const sd_signal_report *r, const sd_signal_report *twin, sd_section *s)
{
    add_facts(r, twin, s);
    say_subject(e, r, twin, s);
    add_units(r, twin, s);
    say_dead(r, s);
    say_idle(r, twin, s);
    add_signal(r, twin, s);
    add_figures(r, twin, s);
    say_gradient(r, twin, s);
    add_gradients(r, twin, s);
    add_mean_field(r, twin, s);
    say_mean_field(r, twin, s);
}

static sd_status examine(const sd_examination *e, sd_section *section)
{
    sd_signal_report r = {0}, twin = {0};
    sd_status status = sd_probe_signal(&e->run, NULL, &r);
    if (status == SD_OK)
        status = sd_probe_signal(&e->untrained, NULL, &twin);
    if (status == SD_OK)
        record(e, &r, &twin, section);
    sd_signal_report_clear(&r);
    sd_signal_report_clear(&twin);
    return status;
}

/* What was not measured is left out. */
static void add(sd_scalars *scalars, const sd_layer_signal *l, const char *what, double value)
{
    if (isfinite(value))
        sd__scalars_add(scalars, value, "%s/%s", l->name, what);
}

static sd_status track(const sd_subject *subject, sd_scalars *scalars)
{
    sd_signal_report r = {0};
    sd_status status = sd_probe_signal(subject, &(sd_signal_options){.brief = true}, &r);
    if (status == SD_OK) {
        sd__scalars_add(scalars, (double)r.dead, "dead");
        sd__scalars_add(scalars, (double)r.stuck, "stuck");
    }
    for (int i = 0; status == SD_OK && i < r.layers; i++) {
        const sd_layer_signal *l = &r.layer[i];
        if (l->dead < 0)
            continue; /* it only passes on */
        add(scalars, l, "deviation", l->deviation);
        add(scalars, l, "saturated", l->saturated);
        add(scalars, l, "gradient", l->gradient);
        add(scalars, l, "gradient_norm", l->gradient_norm);
    }
    sd_signal_report_clear(&r);
    return status;
}

const sd_instrument sd__instrument_signal = {
    .name = "signal",
    .doc = "how large signal and gradient are in each layer, beside the mean field: dead and saturated units, idle layers",
    .title = "Signal",
    .question = "Do signal and gradient come through every layer, and is every unit of use?",
    .opposite =
        "Sizes that grow or shrink from layer to layer, in the trained network more than in the untrained one, would have "
        "meant "
        "that depth loses the signal; sizes far from the mean field's, that a layer's weights are no longer like independent "
        "draws: they depend on each other, or on what they read. The trained network is expected to differ there: that is "
        "learning, not a fault. A unit that is dead on these samples may answer to others.",
    .examine = examine,
    .cost = 4,
    .track_name = "signal",
    .track = track,
};
