/* ensemble.c -- the members of a network with dropout: by enumeration of all masks, and by drawing. */
#include "lab/ensemble.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void sd__log_softmax(int classes, const double *z, double *log_p)
{
    double largest = -INFINITY, sum = 0;
    for (int c = 0; c < classes; c++)
        largest = fmax(largest, z[c]);
    for (int c = 0; c < classes; c++)
        sum += exp(z[c] - largest);
    for (int c = 0; c < classes; c++)
        log_p[c] = z[c] - largest - log(sum);
}

static bool wrong(int classes, const double *score, int32_t label)
{
    int best = 0;
    for (int c = 1; c < classes; c++)
        best = score[c] > score[best] ? c : best;
    return best != label;
}

double sd__error_rate(int64_t n, int classes, const double *score, const int32_t *label)
{
    int64_t errors = 0;
    for (int64_t i = 0; i < n; i++)
        errors += wrong(classes, score + i * classes, label[i]);
    return (double)errors / (double)n;
}

/* ---- every mask ------------------------------------------------------------------------------------------------------------- */

/* What every member sees of x, and x itself. */
static void mask_all(sd_members *m, const double *x)
{
    for (int s = 0; s < m->count; s++)
        for (int i = 0; i < m->units; i++)
            m->x[s * m->units + i] = (s >> i & 1) * x[i] / m->keep;
    memcpy(m->x + (ptrdiff_t)m->count * m->units, x, (size_t)m->units * sizeof *x);
}

sd_status sd__members_of(sd_model *model, double rate, const double *x, sd_members *m)
{
    int64_t units = sd_shape_count(sd_model_input(model)), classes = sd_shape_count(sd_model_output(model));
    *m = (sd_members){0};
    if (sd_model_dtype(model) != SD_F64 || units > SD_MEMBER_UNITS)
        return sd__fail(SD_EINVAL, "all members can be counted of a model in f64 with up to %d inputs; this one has %lld",
                        SD_MEMBER_UNITS, (long long)units);
    *m = (sd_members){.units = (int)units, .classes = (int)classes, .keep = 1 - rate, .count = 1 << units};
    m->x = sd__alloc((size_t)(m->count + 1) * (size_t)units, sizeof *m->x);
    m->z = sd__alloc((size_t)(m->count + 1) * (size_t)classes, sizeof *m->z);
    m->log_p = sd__alloc((size_t)(m->count + 1) * (size_t)classes, sizeof *m->log_p);
    sd_status status = m->x && m->z && m->log_p ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d masks", m->count);
    if (status == SD_OK) {
        mask_all(m, x);
        status = sd_model_run(model, SD_EVAL, m->count + 1, &(sd_model_io){.x = m->x, .output = m->z});
    }
    for (int s = 0; s <= m->count && status == SD_OK; s++)
        sd__log_softmax(m->classes, m->z + (ptrdiff_t)s * m->classes, m->log_p + (ptrdiff_t)s * m->classes);
    if (status != SD_OK)
        sd__members_free(m);
    return status;
}

void sd__members_free(sd_members *m)
{
    free(m->x);
    free(m->z);
    free(m->log_p);
    *m = (sd_members){0};
}

void sd__members_scaled(const sd_members *m, double *p)
{
    for (int c = 0; c < m->classes; c++)
        p[c] = exp(m->log_p[m->count * m->classes + c]);
}

void sd__members_mean(const sd_members *m, double *p)
{
    memset(p, 0, (size_t)m->classes * sizeof *p);
    for (int s = 0; s < m->count; s++) {
        int on = __builtin_popcount((unsigned)s);
        for (int c = 0; c < m->classes; c++)
            p[c] += pow(m->keep, on) * pow(1 - m->keep, m->units - on) * m->log_p[s * m->classes + c];
    }
    sd__log_softmax(m->classes, p, p);
    for (int c = 0; c < m->classes; c++)
        p[c] = exp(p[c]);
}

int sd__members_find(const sd_members *m, const double *output)
{
    for (int s = 0; s < m->count; s++) {
        const double *z = m->z + (ptrdiff_t)s * m->classes;
        int same = 0;
        while (same < m->classes && fabs(z[same] - output[same]) < 1e-10)
            same++;
        if (same == m->classes)
            return s;
    }
    return -1;
}

sd_status sd__members_drawn(sd_model *model, const sd_members *m, int draws, int64_t *kept, int64_t *strangers)
{
    double *output = sd__alloc((size_t)m->classes, sizeof *output);
    sd_model_io io = {.x = m->x + (ptrdiff_t)m->count * m->units, .output = output};
    sd_status status = output ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d classes", m->classes);
    *kept = *strangers = 0;
    for (; io.step < draws && status == SD_OK; io.step++) {
        status = sd_model_run(model, SD_TRAIN, 1, &io);
        int member = status == SD_OK ? sd__members_find(m, output) : 0;
        *strangers += member < 0;
        *kept += member < 0 ? 0 : __builtin_popcount((unsigned)member);
    }
    free(output);
    return status;
}

/* ---- masks drawn in training mode ---------------------------------------------------------------------------------------------- */

/* Log-probabilities [n, classes] of outputs in f32. */
static void read_outputs(const sd_ensemble *e, const float *z, double *log_p)
{
    for (int64_t i = 0; i < e->n * e->classes; i++)
        log_p[i] = z[i];
    for (int64_t i = 0; i < e->n; i++)
        sd__log_softmax(e->classes, log_p + i * e->classes, log_p + i * e->classes);
}

static void add_mask(sd_ensemble *e, const double *log_p, const int32_t *label)
{
    for (int64_t i = 0; i < e->n * e->classes; i++) {
        e->p[i] += exp(log_p[i]) / e->masks;
        e->square[i] += exp(2 * log_p[i]) / e->masks;
        e->log_p[i] += log_p[i] / e->masks;
    }
    e->member_error += sd__error_rate(e->n, e->classes, log_p, label) / e->masks;
}

static sd_status draw(sd_model *model, const sd_examples *examples, float *z, double *log_p, sd_ensemble *e)
{
    sd_model_io io = {.x = examples->x, .output = z};
    for (io.step = 0; io.step < e->masks; io.step++) {
        SD_TRY(sd_model_run(model, SD_TRAIN, e->n, &io));
        read_outputs(e, z, log_p);
        add_mask(e, log_p, examples->y);
    }
    SD_TRY(sd_model_run(model, SD_EVAL, e->n, &io));
    read_outputs(e, z, e->scaled);
    return SD_OK;
}

sd_status sd__ensemble_draw(sd_model *model, const sd_examples *examples, int masks, sd_ensemble *e)
{
    *e = (sd_ensemble){.n = examples->n, .classes = examples->classes, .masks = masks};
    size_t numbers = (size_t)(e->n * e->classes);
    float *z = sd__alloc(numbers, sizeof *z);
    double *log_p = sd__alloc(numbers, sizeof *log_p);
    e->p = sd__alloc_zeroed(4 * numbers, sizeof *e->p);
    sd_status status = z && log_p && e->p ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %lld answers", (long long)e->n);
    if (status == SD_OK) {
        e->square = e->p + numbers;
        e->log_p = e->p + 2 * numbers;
        e->scaled = e->p + 3 * numbers;
        status = draw(model, examples, z, log_p, e);
    }
    free(z);
    free(log_p);
    if (status != SD_OK)
        sd__ensemble_free(e);
    return status;
}

void sd__ensemble_free(sd_ensemble *e)
{
    free(e->p);
    *e = (sd_ensemble){0};
}

/* Distances of one input, each of `share`. */
static void add_distances(const sd_ensemble *e, int64_t input, double share, sd_ensemble_scores *s)
{
    const double *log_p = e->log_p + input * e->classes;
    double total = 0;
    for (int c = 0; c < e->classes; c++)
        total += exp(log_p[c]);
    for (int c = 0; c < e->classes; c++) {
        double scaled = exp(e->scaled[input * e->classes + c]);
        s->to_mean += share * fabs(scaled - e->p[input * e->classes + c]);
        s->to_geometric += share * fabs(scaled - exp(log_p[c]) / total);
    }
}

sd_ensemble_scores sd__ensemble_judge(const sd_ensemble *e, const int32_t *label)
{
    sd_ensemble_scores s = {.member_error = 100 * e->member_error};
    s.scaled_error = 100 * sd__error_rate(e->n, e->classes, e->scaled, label);
    s.mean_error = 100 * sd__error_rate(e->n, e->classes, e->p, label);
    for (int64_t i = 0; i < e->n; i++) {
        s.scaled_loss -= e->scaled[i * e->classes + label[i]] / (double)e->n;
        s.mean_loss -= log(e->p[i * e->classes + label[i]]) / (double)e->n;
        add_distances(e, i, 1.0 / (double)(e->n * e->classes), &s);
    }
    return s;
}
