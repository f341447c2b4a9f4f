/*
 * observe.c -- functions of the caller's that look at the model between steps, and whose numbers become a line of metrics.
 *
 * That the observations of a step were written is a counter of the run (at.observed), which a checkpoint holds beside the
 * lengths of the files: interrupted before or after that line, a run goes on with the next thing that is not done.
 */
#include <fenv.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "train/trainer.h"

#define GROUP "probe/" /* TensorBoard shows these numbers under this heading */

/* The numbers of one step. Tags and names are in the arena; a name is its tag without the group. */
struct sd_observed {
    const char *observer;
    sd_metric *metric; /* [n] */
    int n;
    sd_arena arena;
};

/* ---- attaching --------------------------------------------------------------------------------------------------------- */

static sd_status check(const sd_trainer *t, const sd_observer *observer)
{
    if (!observer->name || !observer->name[0] || !observer->observe)
        return sd__fail(SD_EINVAL, "an observer needs a name and a function");
    if (observer->every < 1)
        return sd__fail(SD_EINVAL, "observer %s: every %" PRId64 " steps; it must be at least 1", observer->name,
                        observer->every);
    for (int i = 0; i < t->observers; i++)
        if (!strcmp(t->observer[i].name, observer->name))
            return sd__fail(SD_EINVAL, "there is an observer %s already; give this one another name", observer->name);
    return SD_OK;
}

static sd_status attach(sd_trainer *t, const sd_observer *observer)
{
    SD_TRY(check(t, observer));
    sd_observer *grown = sd__grown(t->observer, (size_t)t->observers, sizeof *grown);
    if (grown)
        t->observer = grown;
    char *name = strdup(observer->name);
    if (!grown || !name) {
        free(name);
        return sd__fail(SD_ENOMEM, "no memory for an observer");
    }
    t->observer[t->observers] = *observer;
    t->observer[t->observers++].name = name;
    return SD_OK;
}

sd_status sd_trainer_observe(sd_trainer *trainer, const sd_observer *observer)
{
    sd_status status = attach(trainer, observer);
    if (status != SD_OK && observer->release)
        observer->release(observer->user);
    return status;
}

void sd__observers_free(sd_trainer *t)
{
    for (int i = 0; i < t->observers; i++) {
        if (t->observer[i].release)
            t->observer[i].release(t->observer[i].user);
        free((char *)(uintptr_t)t->observer[i].name);
    }
    free(t->observer);
}

/* ---- numbers ----------------------------------------------------------------------------------------------------------- */

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for what was observed"); }

sd_status sd_observation_add(const sd_observation *seen, const char *name, double value)
{
    struct sd_observed *o = seen->observed;
    sd_metric *metric = sd__grown(o->metric, (size_t)o->n, sizeof *metric);
    if (!metric)
        return no_memory();
    o->metric = metric;
    const char *tag = sd__arena_format(&o->arena, GROUP "%s%s%s", o->observer, name ? "/" : "", name ? name : "");
    if (!tag)
        return no_memory();
    o->metric[o->n++] = (sd_metric){tag + strlen(GROUP), tag, value};
    return SD_OK;
}

/* ---- observing --------------------------------------------------------------------------------------------------------- */

static bool due(const sd_trainer *t, const sd_observer *observer) { return t->at.step % observer->every == 0; }

/* Whoever looks must not change what is looked at: neither the model, nor how this thread rounds. */
static sd_status look(sd_trainer *t, const sd_observer *observer, const sd_observation *seen)
{
    uint64_t before = sd_model_hash(t->model);
    fenv_t rounding;
    fegetenv(&rounding);
    sd_status status = observer->observe(observer->user, seen);
    fesetenv(&rounding);
    if (sd_model_hash(t->model) != before)
        return sd__fail(SD_EINVAL, "observer %s changed the model at step %" PRId64 "; an observer only looks", observer->name,
                        t->at.step);
    return sd__fail_in(status, "observer %s at step %" PRId64, observer->name, t->at.step);
}

static sd_status look_with_all(sd_trainer *t, struct sd_observed *observed)
{
    sd_observation seen = {
        .model = t->model,
        .data = &t->data,
        .options = &t->options,
        .step = t->at.step,
        .epoch = t->at.epoch + 1,
        .lr = sd_schedule_lr(&t->options.schedule, t->options.optimizer.lr, t->at.step, t->epoch_steps, t->total_steps),
        .observed = observed};
    for (int i = 0; i < t->observers; i++) {
        observed->observer = t->observer[i].name;
        if (due(t, &t->observer[i]))
            SD_TRY(look(t, &t->observer[i], &seen));
    }
    return SD_OK;
}

/* All or nothing: what one observer found is not written if a later one fails, since the step is then observed again. */
sd_status sd__observe(sd_trainer *t)
{
    struct sd_observed observed = {0};
    sd_status status = look_with_all(t, &observed);
    if (status == SD_OK && observed.n)
        status = sd__recorder_add(&t->recorder, "probe", t->at.step, t->at.epoch + 1, observed.n, observed.metric);
    if (status == SD_OK)
        t->at.observed = t->at.step + 1;
    free(observed.metric);
    sd__arena_free(&observed.arena);
    return status;
}
