/*
 * contenders.c -- the controls of a network's score. Each is judged sample by sample, so that it is compared with the network
 * on the same samples: the interval of a difference is then that of paired values, which is narrower than two intervals side by
 * side.
 */
#include "probe/contenders.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classic/nearest.h"
#include "classic/ridge.h"
#include "nn/model.h"
#include "probe/features.h"
#include "probe/linear_probe.h"

#define MOST_NUMBERS ((int64_t)1 << 26) /* of inputs in memory at once */
enum { MOST_LEAST_SQUARES = 4096, LEAST_FIT = 10, LEAST_BOOTSTRAP = 10, RESAMPLES = 1000 };

const char *sd__contender_name(sd_contender_kind kind, bool classes)
{
    static const char *const name[SD_CONTENDERS][2] = {
        [SD_CONTENDER_RUN] = {"this run", "this run"},
        [SD_CONTENDER_CONSTANT] = {"mean of the training targets", "most frequent class"},
        [SD_CONTENDER_LINEAR] = {"least squares on the raw input", "linear model on the raw input"},
        [SD_CONTENDER_NEAREST] = {"nearest neighbour", "nearest neighbour"},
        [SD_CONTENDER_UNTRAINED] = {"this network untrained", "this network untrained"},
    };
    return name[kind][classes];
}

void sd__contender_clear(sd_contender *c)
{
    free(c->error);
    *c = (sd_contender){0};
}

static void note(sd_contender *c, const char *format, ...) SD_PRINTF(2, 3);
static void note(sd_contender *c, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->note, sizeof c->note, format, arguments);
    va_end(arguments);
}

static sd_status make_errors(sd_contender *c, int64_t n)
{
    c->n = n;
    c->error = sd__alloc_zeroed((size_t)n, sizeof *c->error);
    return c->error ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %lld errors", (long long)n);
}

/* As many samples of d numbers as there is room for. */
static int64_t fitting(int64_t wanted, int64_t d) { return SD_MAX(1, SD_MIN(wanted, MOST_NUMBERS / SD_MAX(1, d))); }

static int64_t inputs(const sd_contest *t) { return sd_shape_count(sd_model_input(t->e->run.model)); }

static double squared_error(const sd_judged *run, int64_t i, const double *said)
{
    double error = 0;
    for (int64_t c = 0; c < run->columns; c++) {
        double gap = said[c] - run->target[i * run->columns + c];
        error += gap * gap;
    }
    return error;
}

/* ---- the run, and the network untrained ---------------------------------------------------------------------------------- */

static sd_status take_run(const sd_contest *t, sd_contender *c)
{
    SD_TRY(make_errors(c, t->run->n));
    memcpy(c->error, t->run->error, (size_t)c->n * sizeof *c->error);
    note(c, "judged on %lld samples", (long long)c->n);
    return SD_OK;
}

static sd_status take_untrained(const sd_contest *t, sd_contender *c)
{
    sd_judged judged;
    sd_subject twin = t->e->run;
    twin.data = t->held;
    twin.samples = t->run->n;
    twin.theta = t->e->theta;
    twin.state = t->e->state;
    SD_TRY(sd__judge(&twin, &judged));
    c->n = judged.n;
    c->error = judged.error;
    judged.error = NULL;
    sd__judged_clear(&judged);
    note(c, "the same network with the weights it had before training");
    return SD_OK;
}

/* ---- constants ----------------------------------------------------------------------------------------------------------- */

static sd_status most_frequent(const sd_contest *t, int *class, double *share)
{
    const sd_dataset_info *info = sd_dataset_get(t->e->data.train);
    int64_t *count = sd__alloc_zeroed((size_t)info->classes, sizeof *count);
    sd_status status = count ? sd_dataset_class_counts(t->e->data.train, count) : sd__fail(SD_ENOMEM, "no memory for counts");
    *class = 0;
    for (int c = 1; status == SD_OK && c < info->classes; c++)
        *class = count[c] > count[*class] ? c : *class;
    *share = status == SD_OK ? (double)count[*class] / (double)info->samples : NAN;
    free(count);
    return status;
}

static sd_status take_majority(const sd_contest *t, sd_contender *c)
{
    int class;
    double share;
    SD_TRY(most_frequent(t, &class, &share));
    SD_TRY(make_errors(c, t->run->n));
    for (int64_t i = 0; i < c->n; i++)
        c->error[i] = t->run->label[i] != class;
    if (t->e->trained.class_names && class < t->e->trained.classes)
        note(c, "always %s: %.4g %% of the training labels", t->e->trained.class_names[class], 100 * share);
    else
        note(c, "always class %d: %.4g %% of the training labels", class, 100 * share);
    return SD_OK;
}

/* Targets [n, columns] of the first n samples of a set, in f64; to be freed. */
static sd_status read_targets(sd_dataset *set, int64_t n, double **y)
{
    const sd_dataset_info *info = sd_dataset_get(set);
    int32_t *position = sd__alloc((size_t)n, sizeof *position);
    *y = sd__alloc((size_t)n * (size_t)info->targets, sizeof **y);
    sd_status status = position && *y ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %lld targets", (long long)n);
    for (int64_t i = 0; status == SD_OK && i < n; i++)
        position[i] = (int32_t)i;
    if (status == SD_OK)
        status = sd_dataset_read(set, (int)n, position, SD_F64, NULL, NULL, NULL, *y);
    free(position);
    return status;
}

static sd_status take_mean(const sd_contest *t, sd_contender *c)
{
    double *y, *mean = sd__alloc_zeroed((size_t)t->run->columns, sizeof *mean);
    int64_t n = fitting(sd_dataset_get(t->train)->samples, t->run->columns);
    sd_status status = read_targets(t->train, n, &y);
    if (status == SD_OK && mean)
        status = make_errors(c, t->run->n);
    for (int64_t k = 0; status == SD_OK && mean && k < n * t->run->columns; k++)
        mean[k % t->run->columns] += y[k] / (double)n;
    for (int64_t i = 0; status == SD_OK && mean && i < c->n; i++)
        c->error[i] = squared_error(t->run, i, mean);
    note(c, "the mean of %lld training targets, whatever the input", (long long)n);
    free(y);
    bool room = mean != NULL;
    free(mean);
    return room ? status : sd__fail(SD_ENOMEM, "no memory for a mean");
}

/* ---- linear: classes ----------------------------------------------------------------------------------------------------- */

static sd_status take_logistic(const sd_contest *t, sd_contender *c)
{
    sd_linear_report report;
    sd_subject train = t->e->run;
    int64_t n = fitting(t->run->n, inputs(t));
    train.data = t->train;
    train.samples = fitting(t->amount.linear, inputs(t));
    sd_linear_options options = {.test = t->held,
                                 .test_samples = n,
                                 .features = t->amount.features,
                                 .tolerance = t->amount.tolerance,
                                 .seed = t->e->seed};
    SD_TRY(make_errors(c, n));
    SD_TRY(sd__probe_input(&train, &options, c->error, &report));
    const sd_probed_layer *l = &report.layer[0];
    char grid[64] = "";
    if (l->grid[0])
        snprintf(grid, sizeof grid, " as averages over %dx%d", l->grid[0], l->grid[1]);
    note(c, "logistic regression on the raw input%s, fitted to %lld training samples, penalty %g chosen by %lld others%s", grid,
         (long long)report.fit, l->strength, (long long)report.validation,
         l->converged ? "" : "; the fit ended early, so it is rough");
    sd_linear_report_clear(&report);
    return SD_OK;
}

/* ---- linear: real targets ------------------------------------------------------------------------------------------------ */

/* Samples as rows of numbers. */
typedef struct rows {
    int64_t n, d, t;
    double *x, *y; /* [n,d], [n,t] */
} rows;

static void free_rows(rows *r)
{
    free(r->x);
    free(r->y);
}

static void widen(const void *from, sd_dtype dtype, int64_t n, double *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] = sd__element(from, dtype, i);
}

static sd_status fill_rows(const sd_subject *s, const sd_samples *samples, const sd_feature_place *place, rows *r)
{
    sd_dtype dtype = sd_model_dtype(s->model);
    *r = (rows){.n = samples->n, .d = place->read, .t = sd_model_targets(s->model)};
    int64_t *row = sd__alloc((size_t)r->n, sizeof *row);
    void *matrix = sd__alloc((size_t)(r->n * r->d), sd_dtype_size(dtype));
    r->x = sd__alloc_aligned((size_t)(r->n * r->d) * sizeof *r->x);
    r->y = sd__alloc_aligned((size_t)(r->n * r->t) * sizeof *r->y);
    bool room = row && matrix && r->x && r->y;
    sd_status status = room ? SD_OK : sd__fail(SD_ENOMEM, "no memory for least squares");
    for (int64_t i = 0; room && i < r->n; i++)
        row[i] = i;
    if (status == SD_OK)
        status = sd__features_read(s, samples, 1, place, row, &matrix);
    if (status == SD_OK) {
        widen(matrix, dtype, r->n * r->d, r->x);
        widen(samples->y, dtype, r->n * r->t, r->y);
    }
    free(row);
    free(matrix);
    return status;
}

static sd_status read_rows(const sd_contest *t, sd_dataset *set, int64_t n, const sd_feature_place *place, rows *r)
{
    sd_samples samples;
    sd_subject s = t->e->run;
    s.data = set;
    s.samples = n;
    SD_TRY(sd__samples_read(&s, &samples));
    sd_status status = fill_rows(&s, &samples, place, r);
    sd__samples_free(&samples);
    return status;
}

static double errors_of(const sd_ridge *ridge, const double *w, const rows *r, int64_t first, double *said, double *error)
{
    double sum = 0;
    for (int64_t i = first; i < r->n; i++) {
        double one = 0;
        sd__ridge_predict(ridge, w, r->x + i * r->d, said);
        for (int64_t k = 0; k < r->t; k++)
            one += (said[k] - r->y[i * r->t + k]) * (said[k] - r->y[i * r->t + k]);
        sum += one;
        if (error)
            error[i - first] = one;
    }
    return sum;
}

/* The penalty with the least error on the last fifth of the rows; the stronger of equals. w receives its solution. */
static sd_status choose_penalty(const sd_ridge *ridge, const rows *train, int64_t fit, double *w, double *said, double *best)
{
    static const double strength[] = {1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10};
    double least = INFINITY;
    for (size_t s = 0; s < SD_COUNT(strength); s++) {
        sd_status status = sd__ridge_solve(ridge, strength[s], w);
        if (status == SD_ENOMEM)
            return status;
        if (status != SD_OK)
            break; /* a weaker one would be worse still */
        double error = errors_of(ridge, w, train, fit, said, NULL);
        if (error < least) {
            least = error;
            *best = strength[s];
        }
    }
    return isfinite(least) ? sd__ridge_solve(ridge, *best, w) : sd__fail(SD_EINVAL, "least squares has no solution here");
}

static sd_status fit_rows(const sd_contest *t, rows *train, const rows *held, int64_t fit, sd_contender *c)
{
    sd_ridge ridge;
    double best = 0;
    double *w = sd__alloc((size_t)(train->d * train->t), sizeof *w), *said = sd__alloc((size_t)train->t, sizeof *said);
    double *centred = sd__alloc_aligned((size_t)(fit * (train->d + train->t)) * sizeof *centred);
    sd_status status = w && said && centred ? SD_OK : sd__fail(SD_ENOMEM, "no memory for least squares");
    if (status == SD_OK) {
        double *y = centred + fit * train->d; /* copies, for the means are taken off in place */
        memcpy(centred, train->x, (size_t)(fit * train->d) * sizeof *centred);
        memcpy(y, train->y, (size_t)(fit * train->t) * sizeof *y);
        status = sd__ridge_begin(sd_model_context(t->e->run.model), fit, train->d, train->t, centred, y, &ridge);
        if (status == SD_OK)
            status = choose_penalty(&ridge, train, fit, w, said, &best);
        if (status == SD_OK)
            errors_of(&ridge, w, held, 0, said, c->error);
        sd__ridge_clear(&ridge);
    }
    note(c, "least squares on the raw input, fitted to %lld training samples, penalty %g chosen by %lld others", (long long)fit,
         best, (long long)(train->n - fit));
    free(w);
    free(said);
    free(centred);
    return status;
}

static sd_status fit_least_squares(const sd_contest *t, const sd_feature_place *place, sd_contender *c)
{
    rows train = {0}, held = {0};
    int64_t room = SD_MAX(inputs(t), place->read + t->run->columns);
    int64_t n = fitting(SD_MIN(t->amount.linear, sd_dataset_get(t->train)->samples), room), fit = n - n / 5;
    if (place->read > MOST_LEAST_SQUARES || n < LEAST_FIT)
        return sd__fail(SD_EINVAL, "least squares on %lld numbers from %lld samples is not tried", (long long)place->read,
                        (long long)n);
    sd_status status = make_errors(c, fitting(t->run->n, room));
    if (status == SD_OK)
        status = read_rows(t, t->train, n, place, &train);
    if (status == SD_OK)
        status = read_rows(t, t->held, c->n, place, &held);
    if (status == SD_OK)
        status = fit_rows(t, &train, &held, fit, c);
    free_rows(&train);
    free_rows(&held);
    return status;
}

static sd_status take_least_squares(const sd_contest *t, sd_contender *c)
{
    sd_feature_place *place;
    int count;
    sd_status status = sd__feature_places(t->e->run.model, t->amount.features, &place, &count);
    if (status == SD_OK)
        status = fit_least_squares(t, &place[0], c); /* the input comes first */
    free(place);
    return status;
}

/* ---- the nearest neighbour ----------------------------------------------------------------------------------------------- */

static sd_status compare_nearest(const sd_contest *t, const sd_samples *train, const int64_t *near, sd_contender *c)
{
    sd_dtype dtype = sd_model_dtype(t->e->run.model);
    double *said = sd__alloc((size_t)t->run->columns, sizeof *said);
    for (int64_t i = 0; said && i < c->n; i++) {
        if (t->run->classes) {
            c->error[i] = ((const int32_t *)train->y)[near[i]] != t->run->label[i];
            continue;
        }
        for (int64_t k = 0; k < t->run->columns; k++)
            said[k] = sd__element(train->y, dtype, near[i] * t->run->columns + k);
        c->error[i] = squared_error(t->run, i, said);
    }
    bool room = said != NULL;
    free(said);
    return room ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a target");
}

static sd_status find_nearest(const sd_contest *t, const sd_samples *train, const sd_samples *held, sd_contender *c)
{
    sd_model *model = t->e->run.model;
    int64_t *near = sd__alloc((size_t)held->n, sizeof *near);
    sd_status status = near ? make_errors(c, held->n) : sd__fail(SD_ENOMEM, "no memory for neighbours");
    if (status == SD_OK)
        status = sd__nearest_rows(sd_model_context(model), sd_model_dtype(model), train->n, inputs(t), train->x, held->n,
                                  held->x, near);
    if (status == SD_OK)
        status = compare_nearest(t, train, near, c);
    free(near);
    return status;
}

static sd_status take_nearest(const sd_contest *t, sd_contender *c)
{
    sd_samples train = {0}, held = {0};
    sd_subject a = t->e->run, b = t->e->run;
    a.data = t->train;
    a.samples = fitting(t->amount.reference, inputs(t));
    b.data = t->held;
    b.samples = fitting(SD_MIN(t->amount.asked, t->run->n), inputs(t));
    sd_status status = sd__samples_read(&a, &train);
    if (status == SD_OK)
        status = sd__samples_read(&b, &held);
    if (status == SD_OK)
        status = find_nearest(t, &train, &held, c);
    note(c, "the nearest of %lld training samples (Euclidean, as the network gets them), asked for %lld samples",
         (long long)train.n, (long long)held.n);
    sd__samples_free(&train);
    sd__samples_free(&held);
    return status;
}

/* ---- scores -------------------------------------------------------------------------------------------------------------- */

typedef struct scoring {
    const double *error, *spread;
} scoring;

/* The sample is its positions, so that error and spread are drawn together. */
static double r_squared(void *user, int64_t n, const double *position)
{
    const scoring *s = user;
    double error = 0, spread = 0;
    for (int64_t i = 0; i < n; i++) {
        error += s->error[(int64_t)position[i]];
        spread += s->spread[(int64_t)position[i]];
    }
    return spread > 0 ? 1 - error / spread : NAN;
}

static sd_status score_targets(const sd_contest *t, sd_contender *c)
{
    double squares = 0, *position = sd__alloc((size_t)c->n, sizeof *position);
    scoring s = {c->error, t->run->spread};
    if (!position)
        return sd__fail(SD_ENOMEM, "no memory for a bootstrap");
    for (int64_t i = 0; i < c->n; i++) {
        position[i] = (double)i;
        squares += c->error[i];
    }
    c->rmse = sqrt(squares / (double)(c->n * t->run->columns));
    c->score = (sd_interval){r_squared(&s, c->n, position), NAN, NAN};
    sd_status status = SD_OK;
    if (c->n >= LEAST_BOOTSTRAP && !isnan(c->score.estimate))
        status = sd_interval_bootstrap(c->n, position, r_squared, &s, RESAMPLES, t->e->seed, 0.95, &c->score);
    free(position);
    return status;
}

static void score_classes(sd_contender *c)
{
    int64_t hits = c->n;
    for (int64_t i = 0; i < c->n; i++)
        hits -= c->error[i] != 0;
    c->score = sd_interval_binomial(hits, c->n, 0.95);
}

static void compare(const sd_contest *t, sd_contender *c)
{
    double per = t->run->classes ? 1 : (double)t->run->columns;
    sd_interval d = sd_interval_paired(c->n, c->error, t->run->error, 0.95);
    c->lead = (sd_interval){d.estimate / per, d.low / per, d.high / per};
}

/* ---- all of them --------------------------------------------------------------------------------------------------------- */

static sd_status take(const sd_contest *t, sd_contender_kind kind, sd_contender *c)
{
    bool classes = t->run->classes > 0;
    switch (kind) {
    case SD_CONTENDER_RUN: return take_run(t, c);
    case SD_CONTENDER_CONSTANT: return classes ? take_majority(t, c) : take_mean(t, c);
    case SD_CONTENDER_UNTRAINED: return take_untrained(t, c);
    default: break;
    }
    if (!t->held_out)
        return sd__fail(SD_EINVAL, "no samples were held out, and on training samples it would flatter itself");
    return kind == SD_CONTENDER_NEAREST ? take_nearest(t, c) : classes ? take_logistic(t, c) : take_least_squares(t, c);
}

sd_status sd__contender(const sd_contest *t, sd_contender_kind kind, sd_contender *c)
{
    *c = (sd_contender){0};
    sd_status status = take(t, kind, c);
    if (status == SD_OK && !t->run->classes)
        status = score_targets(t, c);
    else if (status == SD_OK)
        score_classes(c);
    if (status == SD_OK) {
        compare(t, c);
        return SD_OK;
    }
    sd__contender_clear(c);
    c->score = c->lead = (sd_interval){NAN, NAN, NAN};
    note(c, "not compared: %s", sd_error());
    return status == SD_ENOMEM ? status : SD_OK;
}
