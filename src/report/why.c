/*
 * why.c -- examines a run for its report. The order of the work is its order of worth: first what page one rests on, then page
 * one, then the other instruments; a budget drops from the end.
 */
#include "report/why.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commit.h"
#include "lab/runner.h"
#include "probe/overview.h"
#include "train/run_source.h"
#include "train/trainer.h"

enum { QUICK_SAMPLES = 1000, FULL_SAMPLES = 10000, OVERVIEW_COST = 7 /* see sd_instrument.cost */ };

typedef struct work {
    const sd_why_options *options;
    double start;
    int done, all;
    int cost_done, cost_all; /* of the parts that are over, of all */
    sd_examination e;
    json_t *sections; /* in the order of the work */
    json_t *report;
} work;

/* ---- progress and budget ------------------------------------------------------------------------------------------------- */

static double spent(const work *w) { return sd__clock() - w->start; }

static bool out_of_budget(const work *w) { return w->options->budget > 0 && spent(w) > w->options->budget; }

/* A part begins. The rest is guessed from what those before took, as against what they usually do. */
static void tell(work *w, const char *what, int cost)
{
    double left = w->cost_done ? spent(w) / w->cost_done * (w->cost_all - w->cost_done) : NAN;
    if (w->options->progress)
        w->options->progress(w->options->user, what, w->done + 1, w->all, left);
    w->done++;
    w->cost_done += cost;
}

/* ---- sections ------------------------------------------------------------------------------------------------------------ */

/* A section that says only why there is nothing in it. */
static json_t *absent(const char *name, const char *title, const char *question, const char *reason)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "instrument", name, "title", title, "question", question, "reason", reason);
}

static sd_status put(json_t *section, double seconds, json_t *list)
{
    int bad = json_object_set_new(section, "seconds", json_real(seconds));
    bad |= json_array_append_new(list, section);
    return bad ? sd__fail(SD_ENOMEM, "no memory for a section of the report") : SD_OK;
}

static json_t *over_budget(const work *w, const sd_instrument *i)
{
    char reason[96];
    snprintf(reason, sizeof reason, "the budget of %g seconds was used up before it was its turn", w->options->budget);
    return absent(i->name, i->title, i->question, reason);
}

/* What an instrument cannot measure is its section's reason; only without memory does the report end. */
static sd_status run_instrument(work *w, const sd_instrument *i)
{
    json_t *section;
    if (out_of_budget(w)) {
        w->done++;
        return put(over_budget(w, i), 0, w->sections);
    }
    tell(w, i->name, i->cost);
    sd_examination e = w->e;
    e.instrument = i;
    if (i->most_samples && sd_subject_samples(&e.run) > i->most_samples)
        e.run.samples = e.untrained.samples = i->most_samples;
    double start = sd__clock();
    sd_status status = sd__examine(&e, &section);
    if (status == SD_ENOMEM)
        return status;
    if (status != SD_OK)
        section = absent(i->name, i->title, i->question, sd_error());
    return put(section, sd__clock() - start, w->sections);
}

static json_t *plain_section(const char *name, const char *title, const sd_section *s)
{
    return json_pack("{s:s, s:s, s:O, s:O}", "instrument", name, "title", title, "facts", s->facts, "found", s->found);
}

static sd_status write_overview(work *w, sd_section *page_one, sd_section *folded)
{
    sd_status status = sd__overview(&w->e, w->sections, page_one, folded);
    if (status == SD_ENOMEM || page_one->failed || folded->failed)
        return sd__fail(SD_ENOMEM, "no memory for page one of the report");
    json_t *section =
        status == SD_OK ? plain_section("overview", "In short", page_one) : absent("overview", "In short", "", sd_error());
    return json_object_set_new(w->report, "overview", section) ||
                   json_object_set_new(w->report, "folded", plain_section("folded", "Curves, mistakes, suspects", folded))
               ? sd__fail(SD_ENOMEM, "no memory for page one of the report")
               : SD_OK;
}

static sd_status run_overview(work *w)
{
    sd_section page_one, folded;
    tell(w, "overview", OVERVIEW_COST);
    SD_TRY(sd__section_begin(&page_one));
    sd_status status = sd__section_begin(&folded);
    if (status == SD_OK) {
        status = write_overview(w, &page_one, &folded);
        sd__section_clear(&folded);
    }
    sd__section_clear(&page_one);
    return status;
}

/* ---- the order ----------------------------------------------------------------------------------------------------------- */

/* Page one reads the facts of signal. */
static bool comes_first(const sd_instrument *i) { return !strcmp(i->name, "signal"); }

static sd_status run_those(work *w, bool first)
{
    int n;
    const sd_instrument *const *instruments = sd__instruments(&n);
    for (int i = 0; i < n; i++)
        if (comes_first(instruments[i]) == first)
            SD_TRY(run_instrument(w, instruments[i]));
    return SD_OK;
}

static sd_status run_all(work *w)
{
    SD_TRY(run_those(w, true));
    SD_TRY(run_overview(w));
    return run_those(w, false);
}

/* ---- where it comes from ------------------------------------------------------------------------------------------------- */

/* The folder's own name: runs/last is a link. The caller frees. */
static char *run_name(const char *run)
{
    char *folder = sd__run_folder(run), *real = folder ? realpath(folder, NULL) : NULL;
    const char *slash = real ? strrchr(real, '/') : NULL;
    char *name = slash && slash[1] ? strdup(slash + 1) : NULL;
    free(folder);
    free(real);
    return name;
}

static int sign(work *w, const char *run)
{
    char when[32], weights[17], *machine = sd__lab_machine(), *name = run_name(run);
    time_t t = time(NULL);
    struct tm day;
    const sd_why_options *o = w->options;
    const sd_trained *trained = &w->e.trained;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &day));
    snprintf(weights, sizeof weights, "%016" PRIx64, sd_model_hash(trained->model));
    json_t *source =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:s, s:f, s:s, s:s, s:s, s:s, s:f}", "run", name ? name : run,
                  "checkpoint", trained->checkpoint, "epoch", (json_int_t)trained->epoch, "weights", weights, "part", w->e.part,
                  "samples", (json_int_t)sd_subject_samples(&w->e.run), "seed", (json_int_t)o->seed, "effort",
                  o->effort == SD_EFFORT_FULL ? "full" : "quick", "budget", o->budget, "commit", SD_COMMIT, "version",
                  sd_version(), "date", when, "machine", machine ? machine : "", "seconds", spent(w));
    int bad = json_object_update(w->report, source);
    json_decref(source);
    free(machine);
    free(name);
    return bad;
}

static sd_status examine_all(work *w, const char *run)
{
    int n;
    const sd_instrument *const *instruments = sd__instruments(&n);
    w->all = n + 1;
    w->cost_all = OVERVIEW_COST;
    for (int i = 0; i < n; i++)
        w->cost_all += instruments[i]->cost;
    w->report = json_object();
    w->sections = json_array();
    sd_status status = w->report && w->sections ? run_all(w) : SD_ENOMEM;
    if (status == SD_OK && (json_object_set(w->report, "sections", w->sections) || sign(w, run)))
        status = SD_ENOMEM;
    json_decref(w->sections);
    return status == SD_ENOMEM ? sd__fail(SD_ENOMEM, "no memory for the report") : status;
}

sd_status sd__why(sd_context *context, const char *run, const sd_why_options *options, json_t **report)
{
    work w = {.options = options, .start = sd__clock()};
    bool full = options->effort == SD_EFFORT_FULL;
    sd_examination_options o = {.data_dir = options->data_dir,
                                .samples = full ? FULL_SAMPLES : QUICK_SAMPLES,
                                .effort = options->effort,
                                .seed = options->seed};
    *report = NULL;
    sd_status status = sd__examination_open(context, run, &o, &w.e);
    if (status == SD_OK)
        status = examine_all(&w, run);
    sd__examination_close(&w.e);
    if (status == SD_OK)
        *report = w.report;
    else
        json_decref(w.report);
    return status;
}
