/*
 * overview.c -- gathers what page one of a report says: which samples, the score beside its controls, under- and overfitting,
 * calibration, labels and duplicates, what instruments found. overview_page.c says it, overview_folded.c draws what belongs to
 * it.
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
        .judged = 10000, .linear = 12500, .reference = 60000, .asked = 2000, .tolerance = 1e-2, .features = 1024};
    static const sd_contest_amounts full = {
        .judged = 100000, .linear = 60000, .reference = 100000, .asked = 10000, .tolerance = 1e-3, .features = 1024};
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

/* ---- gathering: which samples -------------------------------------------------------------------------------------------- */

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

/* ---- gathering: scores --------------------------------------------------------------------------------------------------- */

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

/* ---- gathering: labels and data ------------------------------------------------------------------------------------------ */

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

static sd_status look_at_log(sd_overview *o)
{
    sd_findings *f = &o->f;
    const char *run = o->e->trained.checkpoint;
    sd_status status = run ? sd__history_read(run, &o->history) : SD_OK;
    if (status == SD_ENOMEM || !o->history.epochs)
        return status == SD_ENOMEM ? status : SD_OK; /* without a log it is a page without curves */
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
    return SD_OK;
}

/* ---- gathering: instruments ---------------------------------------------------------------------------------------------- */

const json_t *sd__section_of(const json_t *sections, const char *instrument)
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
    const json_t *facts = json_object_get(sd__section_of(sections, "signal"), "facts");
    const json_t *idle = json_object_get(facts, "idle_layers");
    f->units = count_fact(facts, "units");
    f->dead = count_fact(facts, "dead_units");
    f->saturated = count_fact(facts, "saturated_units");
    f->untrained_dead = count_fact(facts, "untrained_dead_units");
    f->untrained_saturated = count_fact(facts, "untrained_saturated_units");
    f->idle = json_is_array(idle) ? (int64_t)json_array_size(idle) : -1;
    join_names(idle, f->idle_names);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------- */

static void begin(sd_overview *o, const sd_examination *e)
{
    sd_findings *f = &o->f;
    *o = (sd_overview){.e = e, .contest = {.e = e, .amount = amounts_of(e), .run = &o->run}};
    f->classes = sd_model_classes(e->run.model) > 0;
    f->step = e->trained.step;
    f->epoch = e->trained.epoch;
    f->unchanged = sd__is_untrained(e);
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
    SD_TRY(look_at_log(o));
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
        sd__overview_write(&o, sections, page_one);
        sd__overview_fold(&o, folded);
    }
    finish(&o);
    return status;
}
