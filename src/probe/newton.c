/* newton.c -- eigenvalues of the whole Hessian, and the steps that are taken along its eigenvectors. */
#include "probe/newton.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "probe/lanczos.h"
#include "probe/subject.h"

/* Tried in this order, relative to the largest |eigenvalue|. */
static const double dampings[] = {1e3, 1e2, 1e1, 1, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 0};

/* ---- the Hessian in its own axes --------------------------------------------------------------------------------------- */

void sd__bends_free(sd_bends *bends)
{
    free(bends->value);
    free(bends->vector);
    free(bends->slope);
    *bends = (sd_bends){0};
}

static sd_status make_room(int64_t n, sd_bends *bends)
{
    *bends = (sd_bends){.n = n};
    if (n < 1 || n > SD_SPECTRUM_MOST)
        return sd__fail(SD_EINVAL, "a Newton step takes 1 to %d parameters, here are %lld", SD_SPECTRUM_MOST, (long long)n);
    bends->value = sd__alloc((size_t)n, sizeof *bends->value);
    bends->vector = sd__alloc((size_t)n * (size_t)n, sizeof *bends->vector);
    bends->slope = sd__alloc_zeroed((size_t)n, sizeof *bends->slope);
    return bends->value && bends->vector && bends->slope
               ? SD_OK
               : sd__fail(SD_ENOMEM, "no memory for the Hessian of %lld parameters", (long long)n);
}

/* bends->vector holds the matrix, and afterwards the vectors. LAPACK reads it by columns, so vectors come out as rows. */
static sd_status resolve(const double *gradient, sd_bends *bends)
{
    int n = (int)bends->n;
    for (int64_t i = 0; i < bends->n * bends->n; i++)
        if (!isfinite(bends->vector[i]) || !isfinite(gradient[i % bends->n]))
            return sd__fail(SD_ENONFINITE, "the gradient or the Hessian has an element that is not finite");
    if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', n, bends->vector, n, bends->value))
        return sd__fail(SD_EINTERNAL, "LAPACK's dsyevd did not converge");
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++)
            bends->slope[i] += bends->vector[i * n + j] * gradient[j];
    return SD_OK;
}

sd_status sd__bends_of(int64_t n, const double *hessian, const double *gradient, sd_bends *bends)
{
    sd_status status = make_room(n, bends);
    if (status == SD_OK) {
        memcpy(bends->vector, hessian, (size_t)(n * n) * sizeof *hessian);
        status = resolve(gradient, bends);
    }
    if (status != SD_OK)
        sd__bends_free(bends);
    return status;
}

sd_status sd__bends_at(sd_curvature *curvature, sd_bends *bends)
{
    sd_symmetric matrix = sd__matrix_of(curvature);
    sd_status status = make_room(matrix.n, bends);
    if (status == SD_OK)
        status = sd__assemble(&matrix, bends->vector);
    if (status == SD_OK)
        status = resolve(sd_curvature_gradient(curvature), bends);
    if (status != SD_OK)
        sd__bends_free(bends);
    return status;
}

static double scale_of(const sd_bends *bends) { return SD_MAX(fabs(bends->value[0]), fabs(bends->value[bends->n - 1])); }

int64_t sd__bends_index(const sd_bends *bends, double band)
{
    int64_t index = 0;
    while (index < bends->n && bends->value[index] < -band)
        index++;
    return index;
}

void sd__newton_step(sd_newton_kind kind, const sd_bends *bends, double damping, double *step)
{
    int64_t n = bends->n;
    double least = 1e-12 * (scale_of(bends) + damping);
    memset(step, 0, (size_t)n * sizeof *step);
    for (int64_t i = 0; i < n; i++) {
        double divisor = (kind == SD_NEWTON ? bends->value[i] : fabs(bends->value[i])) + damping;
        if (fabs(divisor) <= least)
            continue;
        for (int64_t j = 0; j < n; j++)
            step[j] -= bends->slope[i] / divisor * bends->vector[i * n + j];
    }
}

/* ---- descent on a model ------------------------------------------------------------------------------------------------ */

typedef struct descent {
    const sd_subject *subject;
    sd_samples samples;
    sd_bends bends;
    double *theta, *step, *there, *best; /* [n]; theta is the model's own */
} descent;

/* The loss at theta + step, of all samples as one batch; dropout drops what it dropped for the Hessian. */
static sd_status look(const descent *d, double *loss)
{
    for (int64_t i = 0; i < d->bends.n; i++)
        d->there[i] = d->theta[i] + d->step[i];
    return sd_model_run(
        d->subject->model, d->subject->training ? SD_TRAIN : SD_EVAL, d->samples.n,
        &(sd_model_io){.x = d->samples.x, .y = d->samples.y, .theta = d->there, .state = d->subject->state, .loss = loss});
}

static sd_status search(descent *d, sd_newton_kind kind, sd_newton_report *report)
{
    double loss;
    memset(d->step, 0, (size_t)d->bends.n * sizeof *d->step);
    SD_TRY(look(d, &report->before));
    report->after = report->before;
    for (report->tried = 0; report->tried < (int)SD_COUNT(dampings); report->tried++) {
        double damping = dampings[report->tried];
        sd__newton_step(kind, &d->bends, damping * scale_of(&d->bends), d->step);
        SD_TRY(look(d, &loss));
        if (!(loss < report->after))
            continue;
        report->moved = true;
        report->after = loss;
        report->damping = damping;
        memcpy(d->best, d->there, (size_t)d->bends.n * sizeof *d->best);
    }
    if (report->moved)
        memcpy(d->theta, d->best, (size_t)d->bends.n * sizeof *d->theta);
    return SD_OK;
}

static sd_status bend(descent *d, sd_newton_report *report)
{
    sd_curvature *curvature;
    SD_TRY(sd_curvature_new(d->subject, SD_HESSIAN, NULL, &curvature));
    sd_status status = sd_curvature_size(curvature) == sd_model_params(d->subject->model).length
                           ? sd__bends_at(curvature, &d->bends)
                           : sd__fail(SD_EINVAL, "a Newton step moves all parameters; unfreeze the model");
    report->products = sd_curvature_size(curvature);
    sd_curvature_free(curvature);
    if (status == SD_OK)
        report->index = sd__bends_index(&d->bends, 1e-9 * scale_of(&d->bends));
    return status;
}

static sd_status descend(descent *d, sd_newton_kind kind, sd_newton_report *report)
{
    sd_model *model = d->subject->model;
    d->theta = sd_model_theta(model);
    d->step = sd_model_vector(model);
    d->there = sd_model_vector(model);
    d->best = sd_model_vector(model);
    if (!d->step || !d->there || !d->best)
        return sd__fail(SD_ENOMEM, "no memory for a Newton step");
    SD_TRY(sd__samples_read(d->subject, &d->samples));
    SD_TRY(bend(d, report));
    return search(d, kind, report);
}

sd_status sd__newton_descend(const sd_subject *subject, sd_newton_kind kind, sd_newton_report *report)
{
    descent d = {.subject = subject};
    *report = (sd_newton_report){0};
    if (sd_model_dtype(subject->model) != SD_F64)
        return sd__fail(SD_EINVAL, "a Newton step needs a model in f64; set train.precision to fp64");
    if (subject->theta)
        return sd__fail(SD_EINVAL, "a Newton step moves the model's own weights; leave the subject's theta NULL");
    sd_status status = descend(&d, kind, report);
    sd__samples_free(&d.samples);
    sd__bends_free(&d.bends);
    free(d.step);
    free(d.there);
    free(d.best);
    return status;
}
