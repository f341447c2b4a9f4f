/*
 * overview.c -- page one of a report: the score beside its controls, under- and overfitting, units, calibration, labels and duplicates, and
 * what to try next. Sentences are templates filled by rules; every one holds the number that it rests on.
 */
#include "probe/overview.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "nn/model.h"
#include "probe/overview_inside.h"

#define MOST_CELLS ((int64_t)1 << 26) /* of a matrix of probabilities */

static sd_contest_amounts amounts_of(const sd_examination *e)
{
    static const sd_contest_amounts quick = {
        .judged = 10000, .linear = 6250, .reference = 20000, .asked = 2000, .features = 1024};
    static const sd_contest_amounts full = {
        .judged = 100000, .linear = 25000, .reference = 100000, .asked = 10000, .features = 1024};
    return e->effort == SD_EFFORT_FULL ? full : quick;
}

static const sd_interval unknown = {NAN, NAN, NAN};

const char *sd__class_name(const sd_examination *e, int class, char text[64])
{
    const char *const *names = sd_dataset_get(e->data.train)->class_names;
    if (e->trained.class_names && class < e->trained.classes)
        snprintf(text, 64, "%s", e->trained.class_names[class]);
    else if (names && class < sd_dataset_get(e->data.train)->classes)
        snprintf(text, 64, "%s", names[class]);
    else
        snprintf(text, 64, "%d", class);
    return text;
}

/* ---- gathering: which samples ------------------------------------------------------------------------------------------------- */

static void choose_part(sd_overview *o)
{
    const sd_data *d = &o->e->data;
    o->part = d->test ? d->test : d->validation ? d->validation : d->train;
    o->f.part = d->test ? "test" : d->validation ? "validation" : "train";
    o->f.held_out = o->part != d->train;
}

/* At most so many samples of a part, in an order drawn by chance, since a set may be sorted. */
static sd_status draw(sd_dataset *part, int64_t most, uint64_t seed, uint64_t stream, sd_dataset **drawn)
{
    int64_t n = sd_dataset_get(part)->samples;
    int32_t *position = sd__alloc((size_t)n, sizeof *position);
    if (!position)
        return sd__fail(SD_ENOMEM, "no memory for the order of %lld samples", (long long)n);
    for (int64_t i = 0; i < n; i++)
        position[i] = (int32_t)i;
    sd__shuffle(position, n, seed, stream);
    sd_status status = sd_dataset_subset(part, SD_MIN(most, n), position, drawn);
    free(position);
    return status;
}

static sd_status draw_samples(sd_overview *o)
{
    sd_contest *t = &o->contest;
    const sd_data *d = &o->e->data;
    int64_t most = SD_MAX(t->amount.judged, SD_MAX(t->amount.linear, t->amount.reference));
    SD_TRY(draw(d->train, most, o->e->seed, 1, &t->train));
    return draw(o->part, t->amount.judged, o->e->seed, 2, &t->held);
}

/* ---- gathering: scores -------------------------------------------------------------------------------------------------------- */

static sd_status judge_on(const sd_overview *o, sd_dataset *samples, sd_judged *judged)
{
    sd_subject subject = o->e->run;
    subject.data = samples;
    subject.samples = SD_MIN(o->contest.amount.judged, MOST_CELLS / SD_MAX(1, sd_shape_count(sd_model_output(subject.model))));
    return sd__judge(&subject, judged);
}

/* A network that cannot be judged is a finding. */
static sd_status judge(sd_overview *o)
{
    sd_status status = judge_on(o, o->contest.held, &o->run);
    if (status == SD_OK)
        status = judge_on(o, o->contest.train, &o->learned);
    if (status == SD_OK || status == SD_ENOMEM)
        return status;
    snprintf(o->f.broken, sizeof o->f.broken, "%s", sd_error());
    o->f.not_finite = status == SD_ENONFINITE;
    return SD_OK;
}

/* From the intervals of two independent estimates: Newcombe 1998, method 10, with intervals of means for those of shares. */
static sd_interval difference_of_means(sd_interval a, sd_interval b)
{
    double d = a.estimate - b.estimate;
    return (sd_interval){d, d - hypot(a.estimate - a.low, b.high - b.estimate),
                         d + hypot(a.high - a.estimate, b.estimate - b.low)};
}

static int64_t hits(const sd_judged *j)
{
    int64_t n = 0;
    for (int64_t i = 0; i < j->n; i++)
        n += j->error[i] == 0;
    return n;
}

static sd_status compare_with_training(sd_overview *o)
{
    sd_findings *f = &o->f;
    sd_contender learned;
    sd_contest on_training = o->contest;
    on_training.run = &o->learned;
    SD_TRY(sd__contender(&on_training, SD_CONTENDER_RUN, &learned));
    f->train_judged = learned.n;
    f->train_score = learned.score;
    f->train_rmse = learned.rmse;
    sd__contender_clear(&learned);
    if (!f->held_out)
        return SD_OK;
    if (f->classes) {
        f->gap = sd_interval_difference(hits(&o->learned), o->learned.n, hits(&o->run), o->run.n, 0.95);
        return SD_OK;
    }
    double per = (double)o->run.columns;
    sd_interval d = difference_of_means(sd_interval_mean(o->run.n, o->run.error, 0.95),
                                        sd_interval_mean(o->learned.n, o->learned.error, 0.95));
    f->gap = (sd_interval){d.estimate / per, d.low / per, d.high / per};
    return SD_OK;
}

static sd_status score(sd_overview *o)
{
    for (int kind = 0; kind < SD_CONTENDERS; kind++)
        SD_TRY(sd__contender(&o->contest, (sd_contender_kind)kind, &o->f.contender[kind]));
    return compare_with_training(o);
}

/* ---- gathering: labels and data ----------------------------------------------------------------------------------------------- */

static sd_status suspects_of(const sd_judged *judged, int64_t **suspect, int64_t *count, int64_t *of)
{
    *suspect = sd__alloc((size_t)judged->n, sizeof **suspect);
    *of = judged->n;
    return *suspect ? sd__label_suspects(judged, *suspect, count) : sd__fail(SD_ENOMEM, "no memory for suspected labels");
}

static sd_status look_at_classes(sd_overview *o)
{
    sd_findings *f = &o->f;
    /* Label smoothing, hinge or squared error: the softmax is then not what was trained. */
    f->other_loss = fabs(o->run.surprise - o->run.loss) > 1e-3 * (1 + fabs(o->run.loss));
    SD_TRY(sd__reliability(&o->run, o->e->seed, &f->reliability));
    SD_TRY(suspects_of(&o->run, &o->suspect, &f->suspects, &f->suspected_of));
    return suspects_of(&o->learned, &o->train_suspect, &f->train_suspects, &f->train_suspected_of);
}

static sd_status find_only_class(sd_overview *o)
{
    const sd_dataset_info *info = sd_dataset_get(o->e->data.train);
    int64_t occur = 0, *count = info->classes ? sd__alloc_zeroed((size_t)info->classes, sizeof *count) : NULL;
    if (!info->classes)
        return SD_OK;
    sd_status status = count ? sd_dataset_class_counts(o->e->data.train, count) : sd__fail(SD_ENOMEM, "no memory for counts");
    int last = 0;
    for (int c = 0; status == SD_OK && c < info->classes; c++)
        if (count[c]) {
            occur++;
            last = c;
        }
    if (occur == 1)
        sd__class_name(o->e, last, o->f.only_class);
    free(count);
    return status;
}

static sd_status look_for_twins(sd_overview *o)
{
    sd_findings *f = &o->f;
    if (!f->held_out)
        return SD_OK;
    SD_TRY(sd__exact_twins(o->e->data.train, o->part, 64, &o->twin, &f->twins));
    f->twins_of = sd_dataset_get(o->part)->samples;
    f->contradictions = 0;
    for (int64_t i = 0; i < f->twins; i++)
        f->contradictions += o->twin[i].contradiction;
    return SD_OK;
}

static void look_at_log(sd_overview *o)
{
    sd_findings *f = &o->f;
    const char *run = o->e->trained.checkpoint;
    if (!run || sd__history_read(run, &o->history) != SD_OK || !o->history.epochs)
        return; /* a page without curves */
    const sd_logged *epoch = o->history.epoch;
    int64_t last = o->history.epochs - 1;
    f->epochs = epoch[last].epoch;
    f->last_loss = epoch[last].train_loss;
    f->previous_loss = last ? epoch[last - 1].train_loss : NAN;
    f->validation_loss = epoch[last].validation_loss;
    for (int64_t i = 0; i <= last; i++)
        if (!isnan(epoch[i].validation_loss) && !(epoch[i].validation_loss >= f->best_validation_loss)) {
            f->best_validation_loss = epoch[i].validation_loss;
            f->best_epoch = epoch[i].epoch;
        }
}

/* ---- gathering: instruments --------------------------------------------------------------------------------------------------- */

static const json_t *section_of(const json_t *sections, const char *instrument)
{
    size_t i;
    json_t *section;
    json_array_foreach((json_t *)(uintptr_t)sections, i, section) /* the macro takes no const */
    {
        const char *name = json_string_value(json_object_get(section, "instrument"));
        if (name && !strcmp(name, instrument))
            return section;
    }
    return NULL;
}

static int64_t count_fact(const json_t *facts, const char *key)
{
    const json_t *value = json_object_get(facts, key);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

static void join_names(const json_t *names, char text[160])
{
    size_t used = 0;
    for (size_t i = 0; i < json_array_size(names) && used < 120; i++) {
        const char *name = json_string_value(json_array_get(names, i));
        used += (size_t)snprintf(text + used, 160 - used, "%s%.30s", i ? ", " : "", name ? name : "?");
    }
    if (json_array_size(names) > 0 && used >= 120)
        snprintf(text + SD_MIN(used, (size_t)150), 8, ", ...");
}

static void look_at_sections(const json_t *sections, sd_findings *f)
{
    const json_t *facts = json_object_get(section_of(sections, "signal"), "facts");
    const json_t *idle = json_object_get(facts, "idle_layers");
    f->units = count_fact(facts, "units");
    f->dead = count_fact(facts, "dead_units");
    f->saturated = count_fact(facts, "saturated_units");
    f->idle = json_is_array(idle) ? (int64_t)json_array_size(idle) : -1;
    join_names(idle, f->idle_names);
}

/* ---- page one: words ------------------------------------------------------------------------------------------------------------ */

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

static void say_task(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    const sd_dataset_info *info = sd_dataset_get(o->e->data.train);
    char shape[SD_SHAPE_TEXT];
    sd_string t = {0};
    if (info->classes)
        sd__string_add(&t, "Tell %d classes apart", info->classes);
    else if (info->targets)
        sd__string_add(&t, "Predict %d number%s", info->targets, info->targets > 1 ? "s" : "");
    else
        sd__string_add(&t, "No labels and no targets");
    sd__string_add(&t, ", from inputs of shape %s. The network has %" PRId64 " parameters", sd_shape_text(info->shape, shape),
                   sd_model_params(o->e->run.model).length);
    if (f->step)
        sd__string_add(&t, " and was trained for %" PRId64 " steps.", f->step);
    else
        sd__string_add(&t, " and has not been trained: these are the weights of step 0.");
    line(s, "task", &t);
}

static void say_data(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    const sd_data *d = &o->e->data;
    const sd_dataset_info *info = sd_dataset_get(d->train);
    int64_t all = sd_dataset_get(o->part)->samples, judged = o->run.n;
    sd_string t = {0};
    sd__string_add(&t, "%s: %" PRId64 " training", info->name, info->samples);
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
    if (f->step == 0)
        sd__string_add(&t, " An untrained network fits nothing.");
    else if (sd__underfits(f))
        sd__string_add(&t, " It underfits: a simpler model does better on new samples than it does on those it learned from.");
    if (sd__overfits(f))
        sd__string_add(&t, " It overfits: the difference is more than chance.");
    else if (f->step && !sd__underfits(f))
        sd__string_add(&t, " No over- or underfitting that these samples could show.");
    line(s, "fit", &t);
}

/* ---- page one: units and layers --------------------------------------------------------------------------------------------------- */

/* What the instrument said instead, or that it was not run. */
static void add_missing(const json_t *sections, sd_string *t)
{
    const char *reason = json_string_value(json_object_get(section_of(sections, "signal"), "reason"));
    sd__string_add(t, "Not measured%s%s.", reason ? ": " : "", reason ? reason : "");
}

static void say_units(const sd_overview *o, const json_t *sections, sd_section *s)
{
    const sd_findings *f = &o->f;
    sd_string units = {0}, layers = {0};
    if (f->units < 0 || (f->dead < 0 && f->saturated < 0))
        add_missing(sections, &units);
    else
        sd__string_add(&units, "Of %" PRId64 " units", f->units);
    if (f->units >= 0 && f->dead >= 0)
        sd__string_add(&units, " %" PRId64 " %s dead", f->dead, f->dead == 1 ? "is" : "are");
    if (f->units >= 0 && f->saturated >= 0)
        sd__string_add(&units, "%s %" PRId64 " %s saturated", f->dead >= 0 ? "," : "", f->saturated,
                       f->saturated == 1 ? "is" : "are");
    if (f->units >= 0 && (f->dead >= 0 || f->saturated >= 0))
        sd__string_add(&units, ".");
    line(s, "units", &units);
    if (f->idle < 0)
        add_missing(sections, &layers);
    else if (!f->idle)
        sd__string_add(&layers, "Every layer changes what passes through it.");
    else
        sd__string_add(&layers, "%" PRId64 " change nothing: %s.", f->idle, f->idle_names);
    line(s, "layers", &layers);
}

/* ---- page one: calibration, labels, duplicates --------------------------------------------------------------------------------------- */

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
    if (r->error > r->chance.high)
        sd__string_add(&t, " On average it is %.2f points too %s.", 100 * fabs(r->excess), r->excess > 0 ? "sure" : "unsure");
    if (f->other_loss)
        sd__string_add(&t, " Confidence is the softmax of the outputs, whose likelihood is not what was trained.");
    line(s, "calibration", &t);
}

static void say_labels(const sd_overview *o, sd_section *s)
{
    const sd_findings *f = &o->f;
    sd_string t = {0};
    if (f->held_out)
        sd__string_add(&t,
                       "%" PRId64 " of %" PRId64
                       " %s labels are suspected of being wrong (confident learning; from probabilities of samples "
                       "that the network was not trained on).",
                       f->suspects, f->suspected_of, f->part);
    sd__string_add(
        &t, "%s%" PRId64 " of %" PRId64 " training labels %ssuspected: these the network has learned, so it finds too few.",
        f->held_out ? " " : "", f->train_suspects, f->train_suspected_of, f->held_out ? "" : "are ");
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
                       "%" PRId64 " of %" PRId64 " %s samples stand, value for value, in the training part; %" PRId64
                       " of them with another "
                       "answer.",
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

/* ---- page one: the tables ------------------------------------------------------------------------------------------------------------ */

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
    static const sd_column targets[] = {
        {"name", "who"},      {"score", "R^2"},    {"low", "from"}, {"high", "to"}, {"lead", "run better by (squared error)"},
        {"lead_low", "from"}, {"lead_high", "to"}, {"note", "how"}};
    const sd_findings *f = &o->f;
    sd__section_table(s, "scores", "The score beside simpler models, on the same samples", SD_COUNT(classes),
                      f->classes ? classes : targets);
    for (int k = 0; k < SD_CONTENDERS; k++) {
        const sd_contender *c = &f->contender[k];
        sd_interval lead = k == SD_CONTENDER_RUN ? unknown : c->lead;
        sd__section_row(s, "sggggggs", sd__contender_name((sd_contender_kind)k, f->classes), c->score.estimate, c->score.low,
                        c->score.high, lead.estimate, lead.low, lead.high, c->note);
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

/* ---- the whole ------------------------------------------------------------------------------------------------------------------------ */

static void begin(sd_overview *o, const sd_examination *e)
{
    sd_findings *f = &o->f;
    *o = (sd_overview){.e = e, .contest = {.e = e, .amount = amounts_of(e), .run = &o->run}};
    f->classes = sd_model_classes(e->run.model) > 0;
    f->step = e->trained.step;
    f->epoch = e->trained.epoch;
    f->selected_on_test = e->trained.selected_on_test;
    f->lr = e->optimizer.lr;
    f->weight_decay = e->optimizer.weight_decay;
    f->train_score = f->gap = unknown;
    f->train_rmse = f->reliability.error = NAN;
    f->last_loss = f->previous_loss = f->validation_loss = f->best_validation_loss = NAN;
    f->suspects = f->train_suspects = f->twins = f->contradictions = -1;
    for (int k = 0; k < SD_CONTENDERS; k++)
        f->contender[k].score = f->contender[k].lead = unknown;
    choose_part(o);
    o->contest.held_out = f->held_out;
}

static void finish(sd_overview *o)
{
    for (int k = 0; k < SD_CONTENDERS; k++)
        sd__contender_clear(&o->f.contender[k]);
    sd__judged_clear(&o->run);
    sd__judged_clear(&o->learned);
    sd__history_clear(&o->history);
    sd_dataset_free(o->contest.train);
    sd_dataset_free(o->contest.held);
    free(o->suspect);
    free(o->train_suspect);
    free(o->twin);
}

static sd_status gather(sd_overview *o, const json_t *sections)
{
    look_at_sections(sections, &o->f);
    look_at_log(o);
    SD_TRY(draw_samples(o));
    SD_TRY(find_only_class(o));
    SD_TRY(look_for_twins(o));
    SD_TRY(judge(o));
    if (o->f.broken[0])
        return SD_OK;
    SD_TRY(score(o));
    return o->f.classes ? look_at_classes(o) : SD_OK;
}

sd_status sd__overview(const sd_examination *e, const json_t *sections, sd_section *page_one, sd_section *folded)
{
    sd_overview o;
    begin(&o, e);
    sd_status status = gather(&o, sections);
    if (status == SD_OK) {
        write_table(&o, sections, page_one);
        if (!o.f.broken[0])
            write_scores(&o, page_one);
        write_facts(&o, page_one);
        sd__overview_fold(&o, folded);
    }
    finish(&o);
    return status;
}
