/* race.c -- runs second-order and first-order methods from one start, and notes the loss at equal amounts of work. */
#include "lab/race.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

sd_status sd__race_new(sd_context *context, const sd_model_spec *spec, int64_t samples, const double *x, const int32_t *y,
                       int steps, sd_race *race)
{
    *race = (sd_race){.x = x, .y = y, .samples = samples, .steps = steps};
    if (spec->dtype != SD_F64 || steps < 1 || steps > SD_RACE_STEPS)
        return sd__fail(SD_EINVAL, "a race is for a model in f64, over 1 to %d steps", SD_RACE_STEPS);
    sd_memory memory = {.samples = samples, .shape = spec->input, .dtype = SD_F64, .input = x, .labels = y};
    memory.classes = spec->classes;
    SD_TRY(sd_model_new(context, spec, &race->model));
    SD_TRY(sd_dataset_from_memory(&memory, &race->data));
    race->start = sd_model_vector(race->model);
    if (!race->start)
        return sd__fail(SD_ENOMEM, "no memory for a network's weights");
    memcpy(race->start, sd_model_theta(race->model), (size_t)sd_model_params(race->model).length * sizeof *race->start);
    return SD_OK;
}

void sd__race_free(sd_race *race)
{
    sd_model_free(race->model);
    sd_dataset_free(race->data);
    free(race->start);
    *race = (sd_race){0};
}

int64_t sd__race_cost(const sd_race *race) { return sd_model_params(race->model).length + 1 + 14 / 3; }

static void begin(const sd_race *race, sd_course *course)
{
    for (int i = 0; i <= race->steps; i++) {
        course->work[i] = (double)(i * sd__race_cost(race));
        course->loss[i] = INFINITY;
    }
    memcpy(sd_model_theta(race->model), race->start, (size_t)sd_model_params(race->model).length * sizeof *race->start);
}

sd_status sd__race_newton(const sd_race *race, sd_newton_kind kind, sd_course *course)
{
    sd_subject subject = {.model = race->model, .data = race->data};
    sd_newton_report report;
    begin(race, course);
    for (int i = 0; i < race->steps; i++) {
        SD_TRY(sd__newton_descend(&subject, kind, &report));
        course->loss[i] = report.before;
        course->loss[i + 1] = report.after;
        course->first_index = i ? course->first_index : (double)report.index;
        course->last_index = (double)report.index;
    }
    return SD_OK;
}

/* ---- first-order methods ------------------------------------------------------------------------------------------------------ */

typedef struct walk {
    const sd_race *race;
    sd_optimizer *optimizer;
    sd_loader *loader;
    double *gradient;
    int batch;
} walk;

static sd_status one_batch(const walk *w, int64_t epoch, int64_t all)
{
    const sd_schedule cosine = {.kind = SD_SCHEDULE_COSINE};
    sd_model *model = w->race->model;
    sd_batch batch;
    SD_TRY(sd_loader_next(w->loader, &batch));
    sd_model_io io = {.x = batch.input, .y = batch.labels, .grad = w->gradient};
    SD_TRY(sd_model_run(model, SD_TRAIN, w->batch, &io));
    double norm = sd_optimizer_grad_norm(w->optimizer, w->gradient, NULL), base = sd_optimizer_get(w->optimizer)->lr;
    double rate = sd_schedule_lr(&cosine, base, sd_optimizer_steps(w->optimizer), epoch, all);
    return sd_optimizer_step(w->optimizer, sd_model_theta(model), w->gradient, rate, norm, NULL);
}

static sd_status go(const walk *w, sd_course *course)
{
    const sd_race *race = w->race;
    int64_t epoch = race->samples / w->batch, some = sd__race_cost(race) * epoch;
    sd_model_io whole = {.x = race->x, .y = race->y};
    for (int i = 0; i <= race->steps; i++) {
        whole.loss = &course->loss[i];
        SD_TRY(sd_model_run(race->model, SD_EVAL, race->samples, &whole));
        for (int64_t b = 0; b < some && i < race->steps; b++)
            SD_TRY(one_batch(w, epoch, some * race->steps));
    }
    return SD_OK;
}

sd_status sd__race_optimizer(const sd_race *race, const sd_optimizer_spec *spec, int batch, uint64_t seed, sd_course *course)
{
    walk w = {.race = race, .gradient = sd_model_vector(race->model), .batch = batch};
    sd_loader_options options = {.batch = batch, .dtype = SD_F64, .shuffle = true, .seed = seed};
    begin(race, course);
    sd_status status = w.gradient ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a gradient");
    if (status == SD_OK)
        status = sd_optimizer_new(spec, sd_model_params(race->model), NULL, &w.optimizer);
    if (status == SD_OK)
        status = sd_loader_new(race->data, &options, &w.loader);
    if (status == SD_OK)
        status = go(&w, course);
    sd_loader_free(w.loader);
    sd_optimizer_free(w.optimizer);
    free(w.gradient);
    return status == SD_ENONFINITE ? SD_OK : status; /* it diverged */
}

sd_status sd__race_tune(const sd_race *race, const sd_optimizer_spec *spec, int batch, int n, const double *rate,
                        const uint64_t *seed, double *best)
{
    double least = INFINITY;
    *best = NAN;
    for (int i = 0; i < n; i++) {
        sd_course course = {0};
        sd_optimizer_spec tried = *spec;
        tried.lr = rate[i];
        SD_TRY(sd__race_optimizer(race, &tried, batch, seed[i], &course));
        if (!(course.loss[race->steps] < least))
            continue;
        least = course.loss[race->steps];
        *best = rate[i];
    }
    return SD_OK;
}

/* ---- several races ------------------------------------------------------------------------------------------------------------- */

void sd__races_draw(sd_lab *lab, const sd_races *r)
{
    for (int m = 0; m < r->methods; m++) {
        sd__lab_series(lab, r->method[m], SD_SERIES_POINTS);
        sd__runs_points(lab, r->runs, r->steps + 1, r->first[m].work, r->first[m].loss, sd__lab_confidence(r->methods));
    }
}

const char *sd__races_idle(const sd_races *r)
{
    for (int m = 0; m < r->methods; m++) {
        const double *loss = r->first[m].loss;
        if (!(sd__runs_mean(r->runs, &loss[r->steps], 0.95).estimate < sd__runs_mean(r->runs, &loss[0], 0.95).estimate))
            return r->method[m];
    }
    return NULL;
}

double sd__races_record(sd_lab *lab, const char *part, const sd_races *r)
{
    double most = 0;
    for (int m = 0; m < r->methods; m++) {
        const double *loss = r->first[m].loss;
        sd_interval end = sd__runs_mean(r->runs, &loss[r->steps], sd__lab_confidence(r->methods));
        double fall = 1 - end.estimate / sd__runs_mean(r->runs, &loss[r->steps - r->steps / 10], 0.95).estimate;
        sd__lab_measure(lab, part, end, NAN, "%s, %s: final training loss", r->task, r->method[m]);
        sd__lab_number(lab, "", fall, NAN, "%s, %s: fall in the last tenth of the budget", r->task, r->method[m]);
        most = fmax(most, fabs(fall));
    }
    return most;
}

void sd__races_record_index(sd_lab *lab, const sd_races *r)
{
    for (int m = 0; m < r->second_order; m++) {
        sd__lab_measure(lab, "", sd__runs_mean(r->runs, &r->first[m].first_index, 0.95), NAN,
                        "%s, %s: negative eigenvalues at the start", r->task, r->method[m]);
        sd__lab_measure(lab, "", sd__runs_mean(r->runs, &r->first[m].last_index, 0.95), NAN,
                        "%s, %s: negative eigenvalues before the last step", r->task, r->method[m]);
    }
}

sd_interval sd__races_lead(const sd_races *r, int method, int other, double confidence)
{
    return sd__runs_paired(r->runs, &r->first[method].loss[r->steps], &r->first[other].loss[r->steps], confidence);
}
