/*
 * linear_probe.c -- how well classes can be told apart, by a linear classifier and by the nearest neighbour, by what
 * comes out of each layer.
 *
 * Samples are of three kinds. The classifier is fitted to some of the subject's, its penalty chosen by the others, and
 * what is reported is its accuracy on test samples, which neither has seen. In a matrix of features the rows lie in this
 * order: fit, validation, test.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "classic/logistic.h"
#include "classic/nearest.h"
#include "nn/model.h"
#include "probe/features.h"
#include "probe/linear_probe.h"

#define MOST_MATRICES ((int64_t)1 << 30) /* bytes of features in memory at once */
enum { LEAST_SAMPLES = 10 };

static const double strengths[] = SD_PROBE_STRENGTHS;

typedef struct probing {
    sd_subject train, test;
    sd_linear_options o;
    sd_dtype dtype;
    size_t size;
    sd_samples samples[2]; /* of train, of test */
    int64_t *row[2];       /* where each of them lies in a matrix */
    int64_t fit, validation, rows;
    int32_t *label; /* [rows] numbered by the classes that occur among the fit samples; -1: it does not */
    int32_t *guess; /* [rows] */
    int64_t *near;  /* [test] */
    int classes;
    sd_feature_place *place;
    int places;
    double *error; /* [test] 1 where the classifier misses, else 0: then it reads the raw input alone. NULL: every place */
} probing;

static int64_t tests(const probing *p) { return p->rows - p->fit - p->validation; }

/* ---- which samples ----------------------------------------------------------------------------------------------------- */

static sd_linear_options defaults(const sd_linear_options *options)
{
    sd_linear_options o = options ? *options : (sd_linear_options){0};
    o.test_samples = o.test_samples > 0 ? o.test_samples : 2000;
    o.validation = o.validation > 0 ? o.validation : 0.2;
    o.features = o.features > 0 ? o.features : 1024;
    o.tolerance = o.tolerance > 0 ? o.tolerance : 1e-3;
    o.confidence = o.confidence > 0 ? o.confidence : 0.95;
    return o;
}

static sd_status check(const sd_subject *subject, const sd_linear_options *o)
{
    if (!subject->model->spec.classes)
        return sd__fail(SD_EINVAL, "linear probes tell classes apart; this model has none");
    if (!o->test)
        return sd__fail(SD_EINVAL, "linear probes are judged on samples that they were not fitted to; there is no test part");
    if (o->test == subject->data)
        return sd__fail(SD_EINVAL, "the probes would be judged on the samples that they are fitted to; look at another part");
    if (o->validation >= 1 || o->confidence >= 1)
        return sd__fail(SD_EINVAL, "validation share %g and confidence %g: both lie below 1", o->validation, o->confidence);
    return SD_OK;
}

/* Which samples are fitted to is drawn, since a set may be sorted by class. */
static sd_status split(probing *p)
{
    int64_t n = p->samples[0].n, m = p->samples[1].n;
    p->validation = SD_MAX(1, (int64_t)((double)n * p->o.validation + 0.5));
    p->fit = n - p->validation;
    p->rows = n + m;
    if (n < LEAST_SAMPLES || p->fit < 2)
        return sd__fail(SD_EINVAL, "linear probes need at least %d samples, here are %lld", LEAST_SAMPLES, (long long)n);
    p->row[0] = sd__alloc((size_t)n, sizeof *p->row[0]);
    p->row[1] = sd__alloc((size_t)m, sizeof *p->row[1]);
    if (!p->row[0] || !p->row[1])
        return sd__fail(SD_ENOMEM, "no memory for %lld samples", (long long)p->rows);
    sd_random random = sd__random(p->o.seed, 0);
    for (int64_t i = 0; i < n; i++) { /* a permutation, built from inside */
        int64_t j = (int64_t)sd__random_below(&random, (uint64_t)i + 1);
        p->row[0][i] = i;
        p->row[0][i] = p->row[0][j];
        p->row[0][j] = i;
    }
    for (int64_t i = 0; i < m; i++)
        p->row[1][i] = n + i;
    return SD_OK;
}

/*
 * number [classes] receives 0, 1, 2, ... for those that occur among the fit samples, -1 for others:
 * their biases have no optimum.
 */
static void number_labels(probing *p, int32_t *number)
{
    int classes = p->train.model->spec.classes;
    for (int part = 0; part < 2; part++)
        for (int64_t i = 0; i < p->samples[part].n; i++)
            p->label[p->row[part][i]] = ((const int32_t *)p->samples[part].y)[i];
    for (int c = 0; c < classes; c++)
        number[c] = -1;
    for (int64_t r = 0; r < p->fit; r++)
        number[p->label[r]] = 0;
    for (int c = 0; c < classes; c++)
        number[c] = number[c] < 0 ? -1 : p->classes++;
    for (int64_t r = 0; r < p->rows; r++)
        p->label[r] = number[p->label[r]];
}

static sd_status number_classes(probing *p)
{
    int32_t *number = sd__alloc((size_t)p->train.model->spec.classes, sizeof *number);
    p->label = sd__alloc((size_t)p->rows, sizeof *p->label);
    p->guess = sd__alloc((size_t)p->rows, sizeof *p->guess);
    p->near = sd__alloc((size_t)tests(p), sizeof *p->near);
    bool room = number && p->label && p->guess && p->near;
    if (room)
        number_labels(p, number);
    free(number);
    if (!room)
        return sd__fail(SD_ENOMEM, "no memory for %lld labels", (long long)p->rows);
    return p->classes > 1
               ? SD_OK
               : sd__fail(SD_EINVAL, "all %lld samples to be fitted are of one class: there is nothing to tell apart",
                          (long long)p->fit);
}

/* ---- one matrix of features -------------------------------------------------------------------------------------------- */

/*
 * Takes the fit samples' mean off and divides all by one number, so that their mean squared length is 1. No optimum without
 * penalty changes by it, and with penalty its strength means the same at every layer.
 */
static sd_status scale(const probing *p, int64_t d, void *x)
{
    double square = 0, *mean = sd__alloc_zeroed((size_t)d, sizeof *mean);
    if (!mean)
        return sd__fail(SD_ENOMEM, "no memory for the means of %lld features", (long long)d);
    for (int64_t i = 0; i < p->fit; i++)
        for (int64_t j = 0; j < d; j++)
            mean[j] += sd__element(x, p->dtype, i * d + j) / (double)p->fit;
    for (int64_t i = 0; i < p->fit; i++)
        for (int64_t j = 0; j < d; j++) {
            double gap = sd__element(x, p->dtype, i * d + j) - mean[j];
            square += gap * gap / (double)p->fit;
        }
    double factor = square > 0 ? 1 / sqrt(square) : 1; /* all samples alike: there is nothing to scale */
    for (int64_t i = 0; i < p->rows; i++)
        for (int64_t j = 0; j < d; j++)
            sd__set_element(x, p->dtype, i * d + j, factor * (sd__element(x, p->dtype, i * d + j) - mean[j]));
    free(mean);
    return SD_OK;
}

static const void *row_of(const probing *p, int64_t d, const void *x, int64_t row)
{
    return (const char *)x + (size_t)(row * d) * p->size;
}

/* How many of the rows from..to the classifier w puts into their class. */
static int64_t right(const probing *p, const double *w, int64_t d, const void *x, int64_t from, int64_t to)
{
    int64_t hits = 0;
    sd__logistic_classify(w, d, p->classes, to - from, p->dtype, row_of(p, d, x, from), p->guess);
    for (int64_t r = from; r < to; r++)
        hits += p->guess[r - from] == p->label[r];
    return hits;
}

typedef struct fitted {
    double *w, *best; /* [size] */
    int64_t hits;     /* of the best, on the validation samples */
    size_t which;
    sd_minimum minimum;
} fitted;

/* Every strength from the strongest on, each from where the last one ended; the best by the validation samples alone. */
static sd_status choose_strength(const probing *p, sd_logistic *l, int64_t d, const void *x, fitted *f)
{
    size_t bytes = (size_t)sd__logistic_size(l) * sizeof *f->w;
    f->hits = -1;
    for (size_t s = 0; s < SD_COUNT(strengths); s++) {
        sd_minimum minimum;
        SD_TRY(sd__logistic_fit(l, strengths[s], p->o.tolerance, f->w, &minimum));
        int64_t hits = right(p, f->w, d, x, p->fit, p->fit + p->validation);
        if (hits <= f->hits)
            continue;
        f->hits = hits;
        f->which = s;
        f->minimum = minimum;
        memcpy(f->best, f->w, bytes);
    }
    return SD_OK;
}

static sd_status judge(const probing *p, sd_logistic *l, int64_t d, const void *x, fitted *f, sd_probed_layer *layer)
{
    double norm;
    SD_TRY(choose_strength(p, l, d, x, f));
    SD_TRY(sd__logistic_start(l, &norm));
    layer->strength = strengths[f->which];
    layer->loss = f->minimum.value;
    layer->gradient = norm > 0 ? f->minimum.gradient_norm / norm : 0;
    layer->converged = f->minimum.converged;
    layer->validation = (double)f->hits / (double)p->validation;
    layer->fit_accuracy = (double)right(p, f->best, d, x, 0, p->fit) / (double)p->fit;
    layer->accuracy = sd_interval_binomial(right(p, f->best, d, x, p->fit + p->validation, p->rows), tests(p), p->o.confidence);
    for (int64_t i = 0; p->error && i < tests(p); i++) /* right() leaves the guesses of the rows it looked at */
        p->error[i] = p->guess[i] != p->label[p->fit + p->validation + i];
    return SD_OK;
}

static sd_status classify(const probing *p, int64_t d, const void *x, sd_probed_layer *layer)
{
    sd_logistic *l;
    fitted f = {0};
    sd_classified samples = {.n = p->fit, .d = d, .classes = p->classes, .dtype = p->dtype, .x = x, .y = p->label};
    SD_TRY(sd__logistic_new(p->train.model->context, &samples, &l));
    f.w = sd__alloc_zeroed((size_t)sd__logistic_size(l), sizeof *f.w);
    f.best = sd__alloc_zeroed((size_t)sd__logistic_size(l), sizeof *f.best);
    sd_status status = f.w && f.best ? judge(p, l, d, x, &f, layer) : sd__fail(SD_ENOMEM, "no memory for a classifier");
    free(f.w);
    free(f.best);
    sd__logistic_free(l);
    return status;
}

static sd_status nearest(const probing *p, int64_t d, const void *x, sd_probed_layer *layer)
{
    int64_t hits = 0, first = p->fit + p->validation;
    SD_TRY(sd__nearest_rows(p->train.model->context, p->dtype, p->fit, d, x, tests(p), row_of(p, d, x, first), p->near));
    for (int64_t i = 0; i < tests(p); i++)
        hits += p->label[p->near[i]] == p->label[first + i];
    layer->nearest = sd_interval_binomial(hits, tests(p), p->o.confidence);
    return SD_OK;
}

static sd_status probe_place(const probing *p, const sd_feature_place *place, void *x, sd_probed_layer *layer)
{
    *layer = (sd_probed_layer){.name = place->name,
                               .features = sd_shape_count(place->shape),
                               .read = place->read,
                               .grid = {place->grid[0], place->grid[1]}};
    SD_TRY(scale(p, place->read, x));
    SD_TRY(classify(p, place->read, x, layer));
    return p->error ? SD_OK : nearest(p, place->read, x, layer);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------- */

static sd_status read_matrices(const probing *p, int first, int count, void **matrix)
{
    for (int k = 0; k < count; k++) {
        matrix[k] = sd__alloc_aligned((size_t)p->rows * (size_t)p->place[first + k].read * p->size);
        if (!matrix[k])
            return sd__fail(SD_ENOMEM, "no memory for the features of %s; take fewer samples", p->place[first + k].name);
    }
    SD_TRY(sd__features_read(&p->train, &p->samples[0], count, p->place + first, p->row[0], matrix));
    return sd__features_read(&p->test, &p->samples[1], count, p->place + first, p->row[1], matrix);
}

/* As many layers from `first` on as there is room for, one at least. */
static int group_of(const probing *p, int first)
{
    int count = 0;
    int64_t bytes = 0;
    while (first + count < p->places) {
        bytes += p->rows * p->place[first + count].read * (int64_t)p->size;
        if (count && bytes > MOST_MATRICES)
            break;
        count++;
    }
    return count;
}

static sd_status probe_group(const probing *p, int first, int count, void **matrix, sd_linear_report *r)
{
    SD_TRY(read_matrices(p, first, count, matrix));
    for (int k = 0; k < count; k++) {
        const sd_feature_place *place = &p->place[first + k];
        SD_TRY(sd__fail_in(probe_place(p, place, matrix[k], &r->layer[first + k]), "%s", place->name));
        r->layers++;
        free(matrix[k]);
        matrix[k] = NULL;
    }
    return SD_OK;
}

static void free_all(int n, void **matrix)
{
    for (int k = 0; matrix && k < n; k++)
        free(matrix[k]);
    free(matrix);
}

static sd_status probe_places(const probing *p, sd_linear_report *r)
{
    void **matrix = sd__alloc_zeroed((size_t)p->places, sizeof *matrix);
    r->layer = sd__alloc_zeroed((size_t)p->places, sizeof *r->layer);
    sd_status status = matrix && r->layer ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a table of layers");
    for (int first = 0, count; status == SD_OK && first < p->places; first += count) {
        count = group_of(p, first);
        status = probe_group(p, first, count, matrix, r);
    }
    free_all(p->places, matrix);
    return status;
}

/* The most frequent class of the fit samples, judged like everything else. */
static sd_status control(const probing *p, sd_linear_report *r)
{
    int64_t hits = 0, *count = sd__alloc_zeroed((size_t)p->classes, sizeof *count);
    int most = 0;
    if (!count)
        return sd__fail(SD_ENOMEM, "no memory for %d classes", p->classes);
    for (int64_t i = 0; i < p->fit; i++)
        count[p->label[i]]++;
    for (int c = 1; c < p->classes; c++)
        most = count[c] > count[most] ? c : most;
    for (int64_t i = p->fit + p->validation; i < p->rows; i++)
        hits += p->label[i] == most;
    r->majority = sd_interval_binomial(hits, tests(p), p->o.confidence);
    free(count);
    return SD_OK;
}

static sd_status probe(probing *p, sd_linear_report *r)
{
    SD_TRY(check(&p->train, &p->o));
    SD_TRY(sd__samples_read(&p->train, &p->samples[0]));
    SD_TRY(sd__fail_in(sd__samples_read(&p->test, &p->samples[1]), "test samples"));
    SD_TRY(split(p));
    SD_TRY(number_classes(p));
    SD_TRY(sd__feature_places(p->train.model, p->o.features, &p->place, &p->places));
    p->places = p->error ? 1 : p->places; /* the input comes first */
    r->fit = p->fit;
    r->validation = p->validation;
    r->test = tests(p);
    r->classes = p->classes;
    SD_TRY(control(p, r));
    return probe_places(p, r);
}

static sd_status probe_subject(const sd_subject *subject, const sd_linear_options *options, double *error,
                               sd_linear_report *report)
{
    probing p = {.train = *subject, .test = *subject, .o = defaults(options), .error = error};
    *report = (sd_linear_report){0};
    p.test.data = p.o.test;
    p.test.samples = p.o.test_samples;
    p.dtype = subject->model->spec.dtype;
    p.size = sd_dtype_size(p.dtype);
    sd_status status = probe(&p, report);
    for (int part = 0; part < 2; part++) {
        sd__samples_free(&p.samples[part]);
        free(p.row[part]);
    }
    free(p.label);
    free(p.guess);
    free(p.near);
    free(p.place);
    if (status != SD_OK)
        sd_linear_report_clear(report);
    return status;
}

sd_status sd_probe_linear(const sd_subject *subject, const sd_linear_options *options, sd_linear_report *report)
{
    return probe_subject(subject, options, NULL, report);
}

sd_status sd__probe_input(const sd_subject *subject, const sd_linear_options *options, double *error, sd_linear_report *report)
{
    return probe_subject(subject, options, error, report);
}

void sd_linear_report_clear(sd_linear_report *report)
{
    free(report->layer);
    *report = (sd_linear_report){0};
}
