/*
 * curvature.c -- the instrument: eigenvalues of the loss's second derivatives, their trace and density, at a model's weights.
 *
 * The gradient's norm belongs to every statement: where it is not 0, a negative eigenvalue says that the loss bends down along
 * some direction, not that the point is a saddle.
 */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "base/vector.h"
#include "probe/lanczos.h"
#include "probe/subject.h"

static sd_status multiply(void *user, const double *v, double *product) { return sd_curvature_product(user, v, product); }

sd_symmetric sd__matrix_of(sd_curvature *c)
{
    return (sd_symmetric){.n = sd_curvature_size(c), .product = multiply, .user = c};
}

static sd_curvature_options defaults(const sd_curvature_options *options)
{
    sd_curvature_options o = options ? *options : (sd_curvature_options){0};
    o.pairs = o.pairs ? o.pairs : 10;
    o.tolerance = o.tolerance > 0 ? o.tolerance : 1e-3;
    o.steps = o.steps ? o.steps : 200;
    o.density_steps = o.density_steps ? o.density_steps : 60;
    o.confidence = o.confidence > 0 ? o.confidence : 0.95;
    return o;
}

static sd_status check(const sd_curvature_options *o, int64_t n)
{
    if (o->pairs < 1 || o->steps < 1 || o->density < 0 || o->density_steps < 1 || o->density > 10000 ||
        o->density_steps > 10000 || o->steps > 10000 || o->pairs > 10000 || o->trace > 1000000)
        return sd__fail(SD_EINVAL, "curvature: pairs, steps, and vectors of the density must lie in 1..10000");
    if (o->trace && o->trace < 6)
        return sd__fail(SD_EINVAL, "curvature: a trace from %d products has no interval; give it at least 6", o->trace);
    if (o->confidence >= 1)
        return sd__fail(SD_EINVAL, "curvature: a confidence of %g; it lies between 0 and 1", o->confidence);
    if (o->spectrum && n > SD_SPECTRUM_MOST)
        return sd__fail(SD_EINVAL, "curvature: the full spectrum takes at most %d parameters, here are %lld; choose a layer",
                        SD_SPECTRUM_MOST, (long long)n);
    return SD_OK;
}

/* ---- the parts --------------------------------------------------------------------------------------------------------- */

static sd_status eigenpairs(sd_symmetric *a, const sd_curvature_options *o, sd_curvature_report *r)
{
    r->pairs = (int)SD_MIN((int64_t)o->pairs, a->n);
    r->pair = sd__alloc_zeroed((size_t)r->pairs, sizeof *r->pair);
    if (!r->pair)
        return sd__fail(SD_ENOMEM, "no memory for %d eigenvalues", r->pairs);
    sd_extremes extremes = {.largest = r->pair};
    SD_TRY(sd__lanczos(a, r->pairs, o->steps, o->tolerance, o->seed, &extremes));
    r->smallest = extremes.smallest;
    r->converged = extremes.converged;
    r->steps = extremes.steps;
    return SD_OK;
}

/* Every vector's rule has weight 1; together they are divided by their number. share[i]: what vector i puts below -band. */
static sd_status add_vectors(sd_symmetric *a, const sd_curvature_options *o, double *share, sd_curvature_report *r)
{
    for (int i = 0; i < o->density; i++) {
        int count, first = r->nodes;
        SD_TRY(
            sd__lanczos_quadrature(a, o->density_steps, o->seed, (uint64_t)i + 2, r->node + first, r->weight + first, &count));
        r->nodes += count;
        for (int j = first; j < r->nodes; j++) {
            share[i] += r->node[j] < -r->band ? r->weight[j] : 0;
            r->weight[j] /= o->density;
        }
    }
    return SD_OK;
}

static sd_status density(sd_symmetric *a, const sd_curvature_options *o, sd_curvature_report *r)
{
    size_t room = (size_t)o->density * (size_t)o->density_steps;
    double *share = sd__alloc_zeroed((size_t)o->density, sizeof *share);
    r->node = sd__alloc(room, sizeof *r->node);
    r->weight = sd__alloc(room, sizeof *r->weight);
    sd_status status =
        share && r->node && r->weight ? add_vectors(a, o, share, r) : sd__fail(SD_ENOMEM, "no memory for a spectral density");
    if (status == SD_OK)
        r->negative = sd_interval_mean(o->density, share, o->confidence);
    free(share);
    return status;
}

static sd_status spectrum(sd_symmetric *a, sd_curvature_report *r)
{
    r->spectrum = sd__alloc((size_t)a->n, sizeof *r->spectrum);
    if (!r->spectrum)
        return sd__fail(SD_ENOMEM, "no memory for a spectrum");
    SD_TRY(sd__spectrum(a, r->spectrum));
    r->index = r->zeros = 0;
    for (int64_t i = 0; i < a->n; i++) {
        r->index += r->spectrum[i] < -r->band;
        r->zeros += fabs(r->spectrum[i]) <= r->band;
    }
    return SD_OK;
}

static sd_status layer(const sd_subject *subject, const sd_curvature_options *o, sd_layer_curvature *row, int64_t *products)
{
    sd_curvature *c;
    SD_TRY(sd_curvature_new(subject, o->kind, row->name, &c));
    sd_symmetric a = sd__matrix_of(c);
    sd_extremes extremes = {.largest = &row->largest};
    row->parameters = a.n;
    sd_status status = sd__lanczos(&a, 1, o->steps, o->tolerance, o->seed, &extremes);
    *products += a.products;
    sd_curvature_free(c);
    return status;
}

static bool is_trained(const sd_model *model, const char *name)
{
    sd_layout params = sd_model_params(model);
    size_t length = strlen(name);
    for (int i = 0; i < params.count; i++)
        if (!strncmp(params.slice[i].name, name, length) && params.slice[i].name[length] == '/' && sd_model_trainable(model)[i])
            return true;
    return false;
}

static sd_status layers(const sd_subject *subject, const sd_curvature_options *o, sd_curvature_report *r)
{
    const sd_model_info *info = sd_model_describe(subject->model);
    r->layer = info ? sd__alloc_zeroed((size_t)info->layers + 1, sizeof *r->layer) : NULL;
    if (!r->layer)
        return sd__fail(SD_ENOMEM, "no memory for a table of layers");
    for (int i = 0; i < info->layers; i++)
        if (is_trained(subject->model, info->layer[i].name)) {
            r->layer[r->layers].name = info->layer[i].name;
            SD_TRY(layer(subject, o, &r->layer[r->layers++], &r->products));
        }
    return SD_OK;
}

/* ---- together ---------------------------------------------------------------------------------------------------------- */

static void describe(const sd_subject *subject, sd_curvature *c, sd_curvature_report *r)
{
    const double *gradient = sd_curvature_gradient(c);
    r->samples = sd_subject_samples(subject);
    r->parameters = sd_curvature_size(c);
    r->loss = sd_curvature_loss(c);
    r->gradient_norm = sqrt(sd__dot(r->parameters, gradient, gradient));
}

/* What rounding can make of 0: a share of the largest eigenvalue that the products' type can tell from it. */
static double zero_band(const sd_subject *subject, const sd_curvature_report *r)
{
    double scale = SD_MAX(fabs(r->pair[0].value), fabs(r->smallest.value));
    return scale * (sd_model_dtype(subject->model) == SD_F64 ? 1e-9 : 1e-4);
}

static sd_status probe(const sd_subject *subject, sd_curvature *c, const sd_curvature_options *o, sd_curvature_report *r)
{
    sd_symmetric a = sd__matrix_of(c);
    describe(subject, c, r);
    SD_TRY(check(o, a.n));
    SD_TRY(eigenpairs(&a, o, r));
    r->band = zero_band(subject, r);
    if (o->trace)
        SD_TRY(sd__hutchpp(&a, o->trace, o->confidence, o->seed, &r->trace, &r->trace_exact));
    if (o->density)
        SD_TRY(density(&a, o, r));
    if (o->spectrum)
        SD_TRY(spectrum(&a, r));
    r->products += a.products;
    return o->layers ? layers(subject, o, r) : SD_OK;
}

sd_status sd_probe_curvature(const sd_subject *subject, const sd_curvature_options *options, sd_curvature_report *report)
{
    sd_curvature *c;
    sd_curvature_options o = defaults(options);
    *report = (sd_curvature_report){.trace = {NAN, NAN, NAN}, .negative = {NAN, NAN, NAN}, .index = -1, .zeros = -1};
    SD_TRY(sd_curvature_new(subject, o.kind, o.layer, &c));
    sd_status status = probe(subject, c, &o, report);
    sd_curvature_free(c);
    if (status != SD_OK)
        sd_curvature_report_clear(report);
    return status;
}

void sd_curvature_report_clear(sd_curvature_report *report)
{
    free(report->pair);
    free(report->node);
    free(report->weight);
    free(report->spectrum);
    free(report->layer);
    *report = (sd_curvature_report){0};
}
