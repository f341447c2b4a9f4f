/*
 * signal.c -- the instrument: how large signal and gradient are in every layer, which units are dead and which layers idle,
 * beside what the mean field of random weights expects.
 */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "nn/init.h"
#include "nn/model.h"
#include "probe/signal_program.h"
#include "probe/subject.h"

/* A unit is constant if it varies by less than this many roundings of its largest value; so is a layer idle. */
#define ROUNDINGS 16

typedef struct measurement {
    sd_model *model;
    const void *theta, *state;
    sd_mode mode;
    sd_samples samples;
    sd_signal_program program[2]; /* of a batch, and of the smaller last one */
    int64_t batch;
    double *sum;              /* [sums] over all samples */
    double *gradient;         /* theta's layout: of the sum of the losses */
    double *highest, *lowest; /* [units] over all samples */
    double *awake;            /* [units] of activations: above 0 where an element is not saturated */
    void *batch_sum, *batch_gradient, *batch_highest, *batch_lowest;
    double *batch_awake;
} measurement;

/* ---- running ----------------------------------------------------------------------------------------------------------- */

static void accumulate(measurement *m)
{
    sd_dtype dtype = m->model->spec.dtype;
    const sd_signal_program *p = &m->program[0];
    for (int i = 0; i < p->sums; i++)
        m->sum[i] += ((double *)m->batch_sum)[i];
    for (int64_t i = 0; p->has_loss && i < m->model->params.length; i++)
        m->gradient[i] += sd__element(m->batch_gradient, dtype, i);
    for (int64_t i = 0; i < p->units; i++) {
        m->highest[i] = fmax(m->highest[i], sd__element(m->batch_highest, dtype, i));
        m->lowest[i] = fmin(m->lowest[i], -sd__element(m->batch_lowest, dtype, i));
        m->awake[i] += m->batch_awake[i];
    }
}

static sd_status run(measurement *m, int64_t first, const sd_signal_program *p)
{
    int32_t step = 0;
    const sd_feed feeds[] = {{"x", (char *)m->samples.x + (size_t)first * m->samples.x_bytes},
                             {"y", (char *)m->samples.y + (size_t)first * m->samples.y_bytes},
                             {"ids", m->samples.ids + first},
                             {"step", &step},
                             {"theta", (void *)(uintptr_t)m->theta},
                             {"state", (void *)(uintptr_t)m->state},
                             {"sums", m->batch_sum},
                             {"grad", m->batch_gradient},
                             {"highest", m->batch_highest},
                             {"lowest", m->batch_lowest},
                             {"awake", m->batch_awake},
                             {NULL, NULL}};
    return sd__run_fed(p->plan, p->workspace, feeds, sd_context_pool(m->model->context));
}

static sd_status visit(measurement *m)
{
    for (int64_t first = 0; first < m->samples.n; first += m->batch) {
        bool whole = m->samples.n - first >= m->batch;
        SD_TRY(run(m, first, &m->program[!whole]));
        accumulate(m);
    }
    return SD_OK;
}

/* ---- making ------------------------------------------------------------------------------------------------------------- */

static sd_status make_room(measurement *m)
{
    size_t units = (size_t)m->program[0].units, sums = (size_t)m->program[0].sums, size = sizeof(double);
    m->sum = sd__alloc_zeroed(sums, size);
    m->gradient = sd__alloc_zeroed((size_t)m->model->params.length + 1, size);
    m->highest = sd__alloc(units, size);
    m->lowest = sd__alloc(units, size);
    m->awake = sd__alloc_zeroed(units, size);
    m->batch_awake = sd__alloc_zeroed(units, size);
    m->batch_sum = sd__alloc_aligned(sums * size);
    m->batch_gradient = sd_model_vector(m->model);
    m->batch_highest = sd__alloc_aligned(units * size);
    m->batch_lowest = sd__alloc_aligned(units * size);
    if (!m->sum || !m->gradient || !m->highest || !m->lowest || !m->awake || !m->batch_awake || !m->batch_sum ||
        !m->batch_gradient || !m->batch_highest || !m->batch_lowest)
        return sd__fail(SD_ENOMEM, "no memory for the signal in %d layers", m->program[0].layers);
    for (size_t i = 0; i < units; i++) {
        m->highest[i] = -INFINITY;
        m->lowest[i] = INFINITY;
    }
    return SD_OK;
}

static sd_status measure(measurement *m, const sd_subject *subject, bool brief)
{
    SD_TRY(sd__samples_read(subject, &m->samples));
    m->batch = sd__subject_batch(subject, m->samples.n);
    SD_TRY(sd__signal_program(m->model, m->mode, m->batch, brief, &m->program[0]));
    if (m->samples.n % m->batch)
        SD_TRY(sd__signal_program(m->model, m->mode, m->samples.n % m->batch, brief, &m->program[1]));
    SD_TRY(make_room(m));
    return visit(m);
}

static void clear(measurement *m)
{
    sd__samples_free(&m->samples);
    sd__signal_program_free(&m->program[0]);
    sd__signal_program_free(&m->program[1]);
    free(m->sum);
    free(m->gradient);
    free(m->highest);
    free(m->lowest);
    free(m->awake);
    free(m->batch_awake);
    free(m->batch_sum);
    free(m->batch_gradient);
    free(m->batch_highest);
    free(m->batch_lowest);
}

/* ---- from sums to numbers ------------------------------------------------------------------------------------------------ */

static double rounding(const measurement *m) { return ROUNDINGS * (m->model->spec.dtype == SD_F64 ? 0x1p-52 : 0x1p-23); }

/* A sum over samples and `count` elements of each as a mean; NaN where nothing was summed. */
static double mean_of(const measurement *m, const sd_signal_site *s, sd_signal_sum which, int64_t count)
{
    int place = s->place[which];
    return place < 0 ? NAN : m->sum[place] / ((double)m->samples.n * (double)count);
}

static bool is_dead(const measurement *m, int64_t unit)
{
    double highest = m->highest[unit], lowest = m->lowest[unit];
    return highest - lowest <= rounding(m) * fmax(fabs(highest), fabs(lowest));
}

/* Those that every element of every sample finds saturated. Dead ones are counted as that. */
static int64_t count_stuck(const measurement *m, const sd_signal_site *s)
{
    int64_t n = 0;
    for (int64_t i = s->first_unit; i < s->first_unit + s->units; i++)
        n += m->awake[i] == 0 && !is_dead(m, i);
    return n;
}

static sd_status find_dead(const measurement *m, const sd_signal_site *s, sd_layer_signal *l)
{
    bool varies = m->samples.n * (s->elements / s->units) > 1; /* one number is always constant */
    l->dead = s->computes && varies ? 0 : -1;
    if (l->dead < 0)
        return SD_OK;
    l->dead_unit = sd__alloc((size_t)s->units, sizeof *l->dead_unit);
    if (!l->dead_unit)
        return sd__fail(SD_ENOMEM, "no memory for dead units");
    for (int64_t i = 0; i < s->units; i++)
        if (is_dead(m, s->first_unit + i))
            l->dead_unit[l->dead++] = i;
    return SD_OK;
}

static sd_status fill_output(const measurement *m, const sd_signal_site *s, sd_layer_signal *l)
{
    double mean = mean_of(m, s, SD_SUM_VALUE, s->elements), square = mean_of(m, s, SD_SUM_SQUARE, s->elements);
    l->elements = s->elements;
    l->units = s->units;
    l->mean = mean;
    l->deviation = sqrt(fmax(0, square - mean * mean));
    l->rms = sqrt(square);
    l->saturated = mean_of(m, s, SD_SUM_FLAT, s->elements);
    l->stuck = s->place[SD_SUM_FLAT] < 0 ? -1 : count_stuck(m, s);
    l->gradient = sqrt(mean_of(m, s, SD_SUM_GRADIENT, s->elements));
    return find_dead(m, s, l);
}

static void fill_change(const measurement *m, const sd_signal_site *s, sd_layer_signal *l)
{
    double smallest = INFINITY;
    for (int i = 0; i < s->changes; i++) {
        double difference = m->sum[s->change + 2 * i], input = m->sum[s->change + 2 * i + 1];
        smallest = input > 0 ? fmin(smallest, sqrt(difference / input)) : smallest;
    }
    l->change = isfinite(smallest) ? smallest : NAN;
    l->idle = l->change <= (!strcmp(l->kind, "add") ? SD_IDLE_SUM : rounding(m));
}

/* ---- parameters ---------------------------------------------------------------------------------------------------------- */

/* Sum of squares over a slice: of the weights, or of the gradient of the mean loss. */
static double slice_squares(const measurement *m, int slice, bool gradient)
{
    double sum = 0;
    const sd_slice *s = &m->model->params.slice[slice];
    for (int64_t i = s->offset; i < s->offset + s->length; i++) {
        double x = gradient ? m->gradient[i] / (double)m->samples.n : sd__element(m->theta, m->model->spec.dtype, i);
        sum += x * x;
    }
    return sum;
}

static void fill_parameters(const measurement *m, int layer, sd_layer_signal *l)
{
    double weights = 0, gradients = 0;
    for (int i = 0; i < m->model->params.count; i++)
        if (m->program[0].owner[i] == layer) {
            l->parameters += m->model->params.slice[i].length;
            weights += slice_squares(m, i, false);
            gradients += slice_squares(m, i, true);
        }
    l->weight_norm = l->parameters ? sqrt(weights) : NAN;
    l->gradient_norm = l->parameters && m->program[0].has_loss ? sqrt(gradients) : NAN;
}

/* ---- the mean field ------------------------------------------------------------------------------------------------------ */

/* Mean squares of a layer's weights and of its offsets: as they are, or as the initialiser draws them. */
static void weight_squares(const measurement *m, int layer, int weight, bool initial, double *w, double *b)
{
    *w = *b = 0;
    for (int i = 0; i < m->model->params.count; i++) {
        const sd_slice *s = &m->model->params.slice[i];
        double square = initial ? sd__init_square(s) : slice_squares(m, i, false) / (double)s->length;
        if (i == weight)
            *w = initial && s->init.kind == SD_INIT_CONSTANT ? NAN : square; /* equal weights are not independent */
        else if (m->program[0].owner[i] == layer)
            *b += square;
    }
}

static void fill_linear(const measurement *m, int layer, const sd_signal_site *s, sd_layer_signal *l)
{
    double w, b, input = mean_of(m, s, SD_SUM_INPUT, s->windows);
    double spread = mean_of(m, s, SD_SUM_FAN, s->inputs) / mean_of(m, s, SD_SUM_GRADIENT, s->elements);
    weight_squares(m, layer, s->weight, false, &w, &b);
    l->predicted = sqrt(w * input + b);
    l->predicted_error = l->predicted / sqrt(2 * (double)s->units);
    l->predicted_chi = w * spread;
    weight_squares(m, layer, s->weight, true, &w, &b);
    l->initial = sqrt(w * input + b);
    l->initial_chi = w * spread;
}

static void fill_activation(const measurement *m, const sd_signal_site *s, sd_layer_signal *l)
{
    double square, slope;
    sd__activation_squares(l->kind, s->leak, mean_of(m, s, SD_SUM_INPUT, s->inputs), &square, &slope);
    l->predicted = sqrt(square);
    l->predicted_chi = m->program[0].has_loss ? slope : NAN;
}

static void fill_theory(const measurement *m, int layer, const sd_signal_site *s, sd_layer_signal *l)
{
    l->chi = mean_of(m, s, SD_SUM_BACK, s->inputs) / mean_of(m, s, SD_SUM_GRADIENT, s->elements);
    if (s->weight >= 0)
        fill_linear(m, layer, s, l);
    else if (s->place[SD_SUM_INPUT] >= 0)
        fill_activation(m, s, l);
}

/* ---- the report ---------------------------------------------------------------------------------------------------------- */

static const sd_layer_signal unmeasured = {.mean = NAN,
                                           .deviation = NAN,
                                           .rms = NAN,
                                           .saturated = NAN,
                                           .gradient = NAN,
                                           .weight_norm = NAN,
                                           .gradient_norm = NAN,
                                           .change = NAN,
                                           .predicted = NAN,
                                           .predicted_error = NAN,
                                           .initial = NAN,
                                           .chi = NAN,
                                           .predicted_chi = NAN,
                                           .initial_chi = NAN};

static sd_status fill_layer(const measurement *m, int i, sd_layer_signal *l)
{
    const sd_signal_site *s = &m->program[0].site[i];
    SD_TRY(fill_output(m, s, l));
    fill_parameters(m, i, l);
    fill_change(m, s, l);
    fill_theory(m, i, s, l);
    return SD_OK;
}

static char *copy_to(char **end, const char *text)
{
    char *copy = *end;
    size_t bytes = strlen(text) + 1;
    memcpy(copy, text, bytes);
    *end += bytes;
    return copy;
}

/* The names outlive the programs: one block for all. */
static sd_status copy_names(const measurement *m, sd_signal_report *r)
{
    size_t bytes = 0;
    const sd_signal_program *p = &m->program[0];
    for (int i = 0; i <= p->layers; i++)
        bytes += strlen(p->site[i].name) + strlen(p->site[i].kind) + 2;
    char *end = r->text = sd__alloc(bytes, 1);
    r->layer = sd__alloc_zeroed((size_t)p->layers + 1, sizeof *r->layer);
    if (!r->text || !r->layer)
        return sd__fail(SD_ENOMEM, "no memory for %d layers", p->layers);
    for (int i = 0; i <= p->layers; i++) {
        sd_layer_signal *l = i < p->layers ? &r->layer[i] : &r->input;
        *l = unmeasured;
        l->name = copy_to(&end, p->site[i].name);
        l->kind = copy_to(&end, p->site[i].kind);
    }
    r->layers = p->layers;
    return SD_OK;
}

/* In the order of building: what is not finite further on follows from it. */
static sd_status check_finite(const sd_signal_report *r)
{
    if (!isfinite(r->input.rms))
        return sd__fail(SD_ENONFINITE, "the samples hold a number that is not finite");
    for (int i = 0; i < r->layers; i++) {
        const sd_layer_signal *l = &r->layer[i];
        if (l->parameters && !isfinite(l->weight_norm))
            return sd__fail(SD_ENONFINITE, "the parameters of %s are not finite, those of the layers before it are", l->name);
        if (!isfinite(l->rms))
            return sd__fail(SD_ENONFINITE, "the output of %s is not finite, and that of every layer before it is", l->name);
    }
    return SD_OK;
}

/* In the order in which gradients are computed. */
static sd_status check_gradients(const sd_signal_report *r, bool has_loss)
{
    if (has_loss && !isfinite(r->loss))
        return sd__fail(SD_ENONFINITE, "the loss is not finite, though every layer's output is");
    for (int i = r->layers - 1; has_loss && i >= 0; i--)
        if (!isfinite(r->layer[i].gradient) || (r->layer[i].parameters && !isfinite(r->layer[i].gradient_norm)))
            return sd__fail(SD_ENONFINITE, "the gradient at %s is not finite, though the signal is", r->layer[i].name);
    return SD_OK;
}

static sd_status fill(const measurement *m, sd_signal_report *r)
{
    const sd_signal_program *p = &m->program[0];
    SD_TRY(copy_names(m, r));
    r->samples = m->samples.n;
    r->rounding = rounding(m);
    r->training = m->mode == SD_TRAIN;
    r->loss = p->has_loss ? m->sum[p->loss] / (double)m->samples.n : NAN;
    SD_TRY(fill_output(m, &p->site[p->layers], &r->input));
    for (int i = 0; i < r->layers; i++) {
        SD_TRY(fill_layer(m, i, &r->layer[i]));
        bool counts = r->layer[i].dead >= 0 && !isnan(r->layer[i].saturated);
        r->units += counts ? r->layer[i].units : 0;
        r->dead += counts ? r->layer[i].dead : 0;
        r->stuck += counts ? r->layer[i].stuck : 0;
    }
    SD_TRY(check_finite(r));
    return check_gradients(r, p->has_loss);
}

sd_status sd_probe_signal(const sd_subject *subject, const sd_signal_options *options, sd_signal_report *report)
{
    sd_model *model = subject->model;
    measurement m = {.model = model,
                     .theta = subject->theta ? subject->theta : model->theta,
                     .state = subject->state ? subject->state : model->state,
                     .mode = subject->training ? SD_TRAIN : SD_EVAL};
    *report = (sd_signal_report){0};
    sd_status status = measure(&m, subject, options && options->brief);
    if (status == SD_OK)
        status = fill(&m, report);
    clear(&m);
    if (status != SD_OK)
        sd_signal_report_clear(report);
    return status;
}

void sd_signal_report_clear(sd_signal_report *r)
{
    for (int i = 0; i < r->layers; i++)
        free(r->layer[i].dead_unit);
    free(r->input.dead_unit);
    free(r->layer);
    free(r->text);
    *r = (sd_signal_report){0};
}
