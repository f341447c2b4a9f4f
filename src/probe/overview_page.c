/*
 * overview_page.c -- page one of a report in words: a table that reads like prose. Sentences are templates filled by rules;
 * every one holds the number that it rests on.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/model.h"
#include "probe/overview_inside.h"

static const sd_interval unknown = {NAN, NAN, NAN};

/* ---- page one: words ----------------------------------------------------------------------------------------------------- */

static void line(sd_section *s, const char *what, sd_string *text)
{
    char *sentence = sd__string_take(text);
    s->failed = s->failed || !sentence;
    if (sentence)
        sd__section_row(s, "ss", what, sentence);
    free(sentence);
}

/* "98.38 %", or "R^2 0.9312". */
static const char *score_text(const sd_findings *f, double score, char text[48])
{
    if (f->classes)
        snprintf(text, 48, "%.2f %%", 100 * score);
    else
        snprintf(text, 48, "R^2 %.4f", score);
    return text;
}

/* " (98.12 to 98.62)"; nothing where there is no interval. */
static const char *range_text(const sd_findings *f, sd_interval x, char text[64])
{
    text[0] = 0;
    if (!isnan(x.low))
        snprintf(text, 64, f->classes ? " (%.2f to %.2f)" : " (%.4f to %.4f)", (f->classes ? 100 : 1) * x.low,
                 (f->classes ? 100 : 1) * x.high);
    return text;
}

/* "1 layer", "2 layers". */
static const char *plural(int64_t n) { return n == 1 ? "" : "s"; }

static void say_task(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    const sd_dataset_info *info = sd_dataset_get(o->e->data.train);
    char shape[SD_SHAPE_TEXT];
    sd_string t = {0};
    if (info->classes)
        sd__string_add(&t, info->classes > 1 ? "Tell %d classes apart" : "Name the only class (%d)", info->classes);
    else if (info->targets)
        sd__string_add(&t, "Predict %d number%s", info->targets, plural(info->targets));
    else
        sd__string_add(&t, "No labels and no targets");
    sd__string_add(&t, ", from inputs of shape %s. The network has %" PRId64 " parameters", sd_shape_text(info->shape, shape),
                   sd_model_params(o->e->run.model).length);
    if (!f->step)
        sd__string_add(&t, " and has not been trained: these are the weights of step 0.");
    else if (f->epochs > f->epoch)
        sd__string_add(&t, "; these are the weights after %" PRId64 " steps, %" PRId64 " of %" PRId64 " epochs.", f->step,
                       f->epoch, f->epochs);
    else
        sd__string_add(&t, "; these are the weights after %" PRId64 " step%s, %" PRId64 " epoch%s.", f->step, plural(f->step),
                       f->epoch, plural(f->epoch));
    if (f->step && f->unchanged)
        sd__string_add(&t, " But for rounding, they are those before training.");
    line(s, "task", &t);
}

static void say_data(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    const sd_data *d = &o->e->data;
    const sd_dataset_info *info = sd_dataset_get(d->train);
    int64_t all = sd_dataset_get(o->part)->samples, judged = o->run.n;
    sd_string t = {0};
    const char *slash = strrchr(info->name, '/');
    sd__string_add(&t, "%s: %" PRId64 " training", slash ? slash + 1 : info->name, info->samples);
    if (d->validation && d->validation != d->test)
        sd__string_add(&t, ", %" PRId64 " validation", sd_dataset_get(d->validation)->samples);
    if (d->test)
        sd__string_add(&t, ", %" PRId64 " test", sd_dataset_get(d->test)->samples);
    sd__string_add(&t, " samples.");
    if (f->only_class[0])
        sd__string_add(&t, " All training labels are %s: there is nothing to tell apart.", f->only_class);
    if (judged)
        sd__string_add(&t, " Judged on %s%" PRId64 " of the %s part%s.", judged < all ? "" : "all ", judged, f->part,
                       judged < all ? ", drawn by chance" : "");
    if (!f->held_out)
        sd__string_add(
            &t, " No samples were held out: what is said of the score is said of samples that were learned, and flatters.");
    else if (!d->test)
        sd__string_add(&t,
                       " There is no test part; by the validation part the best epoch was chosen, which flatters the score.");
    if (f->selected_on_test)
        sd__string_add(&t, " The weights were selected on the test part, which flatters the score.");
    line(s, "data", &t);
}

/* "most frequent class 11.35 %, ..."; those that were not compared at the end. */
static void add_controls(const sd_findings *f, sd_string *t)
{
    char score[48];
    int listed = 0, missing = 0;
    for (int k = SD_CONTENDER_CONSTANT; k < SD_CONTENDERS; k++)
        if (f->contender[k].n)
            sd__string_add(t, "%s%s %s", listed++ ? ", " : " Beside it: ", sd__contender_name((sd_contender_kind)k, f->classes),
                           score_text(f, f->contender[k].score.estimate, score));
    sd__string_add(t, listed ? "." : "");
    for (int k = SD_CONTENDER_CONSTANT; k < SD_CONTENDERS; k++)
        if (!f->contender[k].n)
            sd__string_add(t, "%s%s",
                           missing++ ? ", " : " Not compared: ", sd__contender_name((sd_contender_kind)k, f->classes));
    sd__string_add(t, missing ? "." : "");
}

/* Better: the interval of the difference on the same samples lies above 0. */
static void add_verdict(const sd_findings *f, sd_string *t)
{
    int better = 0, all = 0, listed = 0;
    for (int k = SD_CONTENDER_CONSTANT; k < SD_CONTENDERS; k++) {
        all += f->contender[k].n > 0;
        better += f->contender[k].lead.low > 0;
    }
    if (all && better == all) {
        sd__string_add(t, " On the same samples it is better than %s, beyond chance.", all > 1 ? "all of them" : "that");
        return;
    }
    for (int k = SD_CONTENDER_CONSTANT; k < SD_CONTENDERS; k++)
        if (f->contender[k].n && !(f->contender[k].lead.low > 0))
            sd__string_add(t, "%s%s", listed++ ? ", " : " Not better beyond chance than: ",
                           sd__contender_name((sd_contender_kind)k, f->classes));
    sd__string_add(t, listed ? "." : "");
}

static void say_score(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    const sd_contender *run = &f->contender[SD_CONTENDER_RUN];
    char score[48], range[64];
    sd_string t = {0};
    sd__string_add(&t, "%s%s%s, mean loss %.4g", score_text(f, run->score.estimate, score), f->classes ? " right" : "",
                   range_text(f, run->score, range), o->run.loss);
    if (!f->classes)
        sd__string_add(&t, ", root of the mean squared error %.4g", run->rmse);
    sd__string_add(&t, ".");
    add_controls(f, &t);
    add_verdict(f, &t);
    line(s, "score", &t);
}

static void say_fit(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    char score[48], range[64], own[48];
    sd_string t = {0};
    sd__string_add(&t, "%s%s on %" PRId64 " training samples", score_text(f, f->train_score.estimate, score),
                   range_text(f, f->train_score, range), f->train_judged);
    if (!f->held_out) {
        sd__string_add(&t, "; not compared with others, since no samples were held out.");
        line(s, "fit", &t);
        return;
    }
    sd__string_add(&t, ", %s on the %s part: ", score_text(f, f->contender[SD_CONTENDER_RUN].score.estimate, own), f->part);
    if (f->classes)
        sd__string_add(&t, "a difference of %.2f points%s.", 100 * f->gap.estimate, range_text(f, f->gap, range));
    else
        sd__string_add(&t, "the mean squared error is higher by %.4g (%.4g to %.4g).", f->gap.estimate, f->gap.low,
                       f->gap.high);
    if (sd__learned_nothing(f))
        sd__string_add(&t, " An untrained network fits nothing.");
    else if (sd__underfits(f))
        sd__string_add(&t, " It underfits: a simpler model does better on new samples than it does on those it learned from.");
    if (sd__overfits(f))
        sd__string_add(&t, " It overfits: the difference is more than chance.");
    else if (!sd__learned_nothing(f) && !sd__underfits(f))
        sd__string_add(&t, " No over- or underfitting that these samples could show.");
    line(s, "fit", &t);
}

/* ---- page one: units and layers ------------------------------------------------------------------------------------------ */

/* What the instrument said instead, or that it was not run. */
static void add_missing(const json_t *sections, sd_string *t)
{
    const char *reason = json_string_value(json_object_get(sd__section_of(sections, "signal"), "reason"));
    sd__string_add(t, "Not measured%s%s.", reason ? ": " : "", reason ? reason : "");
}

static void add_count(int64_t n, int64_t untrained, const char *what, const char *end, sd_string *t)
{
    if (n < 0)
        sd__string_add(t, "%s not measured%s", what, end);
    else if (untrained < 0)
        sd__string_add(t, "%" PRId64 " %s%s", n, what, end);
    else
        sd__string_add(t, "%" PRId64 " %s (untrained: %" PRId64 ")%s", n, what, untrained, end);
}

static void say_units(const sd_overview *o, const json_t *sections, sd_section *s)
{
    const sd_findings *f = &o->f;
    sd_string t = {0};
    if (f->units < 0) {
        add_missing(sections, &t);
    } else {
        sd__string_add(&t, "Of %" PRId64 " units: ", f->units);
        add_count(f->dead, f->untrained_dead, "dead", ", ", &t);
        add_count(f->saturated, f->untrained_saturated, "saturated", ".", &t);
    }
    line(s, "units", &t);
}

static void say_layers(const sd_overview *o, const json_t *sections, sd_section *s)
{
    const sd_findings *f = &o->f;
    sd_string t = {0};
    if (f->idle < 0)
        add_missing(sections, &t);
    else if (!f->idle)
        sd__string_add(&t, "Every layer changes what passes through it.");
    else
        sd__string_add(&t, "%" PRId64 " layer%s nothing: %s.", f->idle, f->idle == 1 ? " changes" : "s change", f->idle_names);
    line(s, "layers", &t);
}

/* ---- page one: calibration, labels, duplicates --------------------------------------------------------------------------- */

static void say_calibration(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    const sd_reliability *r = &f->reliability;
    sd_string t = {0};
    sd__string_add(
        &t,
        "Expected calibration error %.2f points in %d bins; a network exactly as right as it is sure would show %.2f (%.2f to "
        "%.2f) on so many samples.",
        100 * r->error, SD_RELIABILITY_BINS, 100 * r->chance.estimate, 100 * r->chance.low, 100 * r->chance.high);
    if (r->error > r->chance.high && fabs(r->excess) >= 5e-5)
        sd__string_add(&t, " On average it is %.2f points too %s.", 100 * fabs(r->excess), r->excess > 0 ? "sure" : "unsure");
    if (f->other_loss)
        sd__string_add(&t, " Confidence is the softmax of the outputs, whose likelihood is not what was trained.");
    line(s, "calibration", &t);
}

static void say_labels(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    sd_string t = {0};
    sd__string_add(&t, "Suspected of being wrong (confident learning): ");
    if (f->held_out)
        sd__string_add(
            &t, "%" PRId64 " of %" PRId64 " %s labels, from probabilities of samples that the network was not trained on; and ",
            f->suspects, f->suspected_of, f->part);
    sd__string_add(&t, "%" PRId64 " of %" PRId64 " training labels, %s.", f->train_suspects, f->train_suspected_of,
                   sd__learned_nothing(f) ? "of which the network has learned none"
                                          : "which the network has learned, so it finds too few");
    if (!sd__can_doubt(f))
        sd__string_add(&t, " But a network that is no better than simpler models says more of itself than of the labels.");
    line(s, "labels", &t);
}

static void say_twins(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    sd_string t = {0};
    if (!f->held_out)
        sd__string_add(&t, "Not measured: there is no other part that training samples could stand in.");
    else if (f->twins)
        sd__string_add(&t,
                       "In the training part there stand, value for value, %" PRId64 " of %" PRId64 " %s samples; %" PRId64
                       " of them with another answer.",
                       f->twins, f->twins_of, f->part, f->contradictions);
    else
        sd__string_add(&t, "None of %" PRId64 " %s samples stands, value for value, in the training part.", f->twins_of,
                       f->part);
    line(s, "duplicates", &t);
}

static void say_advice(const sd_overview *o, sd_section *s)
{
    sd_advice advice[SD_ADVICE];
    char what[24];
    int n = sd__advise(&o->f, advice);
    json_t *rules = json_array();
    for (int i = 0; i < n; i++) {
        snprintf(what, sizeof what, "to try, %d", i + 1);
        sd__section_row(s, "ss", what, advice[i].text);
        json_array_append_new(rules, json_string(advice[i].rule));
    }
    if (!n)
        sd__section_row(s, "ss", "to try", "No rule of this page suggests anything.");
    sd__section_fact(s, "advice", rules);
}

/* ---- page one: the tables ------------------------------------------------------------------------------------------------ */

static void write_table(const sd_overview *o, const json_t *sections, sd_section *s)
{
    static const sd_column columns[] = {{"what", "what"}, {"finding", "finding"}};
    sd__section_table(s, "overview", "This run in short (intervals are 95 %)", SD_COUNT(columns), columns);
    say_task(o, s);
    say_data(o, s);
    if (o->f.broken[0]) {
        sd_string t = {0};
        sd__string_add(&t, "Not measured: %s.", o->f.broken);
        line(s, "score", &t);
    } else {
        say_score(o, s);
        say_fit(o, s);
    }
    say_units(o, sections, s);
    say_layers(o, sections, s);
    if (o->f.classes && !o->f.broken[0]) {
        say_calibration(o, s);
        say_labels(o, s);
    }
    say_twins(o, s);
    say_advice(o, s);
}

static void write_scores(const sd_overview *o, sd_section *s)
{
    static const sd_column classes[] = {{"name", "who"},           {"score", "right"},   {"low", "from"},     {"high", "to"},
                                        {"lead", "run better by"}, {"lead_low", "from"}, {"lead_high", "to"}, {"note", "how"}};
    static const sd_column targets[] = {{"name", "who"},      {"score", "R^2"},    {"low", "from"},
                                        {"high", "to"},       {"rmse", "RMSE"},    {"lead", "run better by (squared error)"},
                                        {"lead_low", "from"}, {"lead_high", "to"}, {"note", "how"}};
    const sd_findings *f = &o->f;
    sd__section_table(s, "scores", "The score beside simpler models, on the same samples",
                      f->classes ? SD_COUNT(classes) : SD_COUNT(targets), f->classes ? classes : targets);
    for (int k = 0; k < SD_CONTENDERS; k++) {
        const sd_contender *c = &f->contender[k];
        const char *name = sd__contender_name((sd_contender_kind)k, f->classes);
        sd_interval lead = k == SD_CONTENDER_RUN ? unknown : c->lead;
        if (f->classes)
            sd__section_row(s, "sggggggs", name, c->score.estimate, c->score.low, c->score.high, lead.estimate, lead.low,
                            lead.high, c->note);
        else
            sd__section_row(s, "sgggggggs", name, c->score.estimate, c->score.low, c->score.high, c->n ? c->rmse : NAN,
                            lead.estimate, lead.low, lead.high, c->note);
    }
}

static void write_facts(const sd_overview *o, sd_section *s)
{
    static const char *const key[SD_CONTENDERS] = {"score", "score_constant", "score_linear", "score_nearest",
                                                   "score_untrained"};
    const sd_findings *f = &o->f;
    sd__section_fact(s, "part", json_string(f->part));
    sd__section_fact(s, "judged", json_integer(o->run.n));
    sd__section_fact(s, "train_judged", json_integer(f->train_judged));
    sd__section_fact(s, "linear_samples",
                     json_integer(SD_MIN(o->contest.amount.linear, sd_dataset_get(o->contest.train)->samples)));
    sd__section_fact(s, "linear_tolerance", json_real(o->contest.amount.tolerance));
    sd__section_fact(s, "nearest_reference",
                     json_integer(SD_MIN(o->contest.amount.reference, sd_dataset_get(o->contest.train)->samples)));
    sd__section_fact(s, "nearest_asked", json_integer(f->contender[SD_CONTENDER_NEAREST].n));
    sd__section_fact(s, "seed", json_integer((json_int_t)o->e->seed));
    sd__section_fact(s, "step", json_integer(f->step));
    for (int k = 0; k < SD_CONTENDERS; k++)
        sd__section_fact(s, key[k], sd__json_real(f->contender[k].score.estimate));
    sd__section_fact(s, "train_score", sd__json_real(f->train_score.estimate));
    sd__section_fact(s, "calibration_error", sd__json_real(f->reliability.error));
    sd__section_fact(s, "suspects", json_integer(f->suspects));
    sd__section_fact(s, "train_suspects", json_integer(f->train_suspects));
    sd__section_fact(s, "duplicates", json_integer(f->twins));
}

void sd__overview_write(const sd_overview *o, const json_t *sections, sd_section *s)
{
    write_table(o, sections, s);
    if (!o->f.broken[0])
        write_scores(o, s);
    write_facts(o, s);
}
