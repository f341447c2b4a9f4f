/*
 * regions.c -- the instrument: how finely a network of ReLUs and max pooling cuts its input space into
 * pieces on which it is affine.
 *
 * A finer cut is not a better answer: training often makes pieces fewer, and labels that make no sense make them more. So every
 * count wants the untrained network's beside it.
 */
#include "probe/regions.h"

#include <math.h>
#include <stdlib.h>

#include "nn/model.h"

static sd_regions_options defaults(const sd_regions_options *options)
{
    sd_regions_options o = options ? *options : (sd_regions_options){0};
    o.segments = o.segments ? o.segments : 20;
    o.most_pieces = o.most_pieces ? o.most_pieces : 1000000;
    o.most_polygons = o.most_polygons ? o.most_polygons : 200000;
    o.confidence = o.confidence > 0 ? o.confidence : 0.95;
    return o;
}

static sd_status check(const sd_regions_options *o)
{
    if (o->segments > 1000000 || o->most_pieces < 1 || o->most_polygons < 1)
        return sd__fail(SD_EINVAL, "regions: up to 1000000 segments, and at least one piece and polygon are possible");
    if (o->confidence >= 1)
        return sd__fail(SD_EINVAL, "regions: a confidence of %g; it lies between 0 and 1", o->confidence);
    if (!o->origin != !o->axis)
        return sd__fail(SD_EINVAL, "regions: a plane wants both origin and axis");
    return SD_OK;
}

static sd_regions_report nothing(void)
{
    const sd_interval none = {NAN, NAN, NAN};
    return (sd_regions_report){
        .pieces = none,
        .patterns = none,
        .borders_a_length = none,
        .slice_patterns = -1,
        .slice_regions = -1,
        .covered = NAN,
        .point = {{NAN, NAN}, {NAN, NAN}, {NAN, NAN}},
        .point_sample = {-1, -1, -1},
        .novel = {.share = none, .accuracy = none, .nearest = none, .other_accuracy = none, .other_nearest = none}};
}

static sd_status read_samples(const sd_subject *subject, int64_t inputs, sd_region_samples *s)
{
    SD_TRY(sd__samples_read(subject, &s->samples));
    s->x = sd__alloc((size_t)(s->samples.n * inputs), sizeof *s->x);
    if (!s->x)
        return sd__fail(SD_ENOMEM, "no memory for %lld samples", (long long)s->samples.n);
    for (int64_t i = 0; i < s->samples.n * inputs; i++)
        s->x[i] = sd__element(s->samples.x, subject->model->spec.dtype, i);
    return SD_OK;
}

static bool needs_samples(const sd_regions_options *o, int64_t inputs)
{
    bool window = o->window[0] != 0 || o->window[1] != 0 || o->window[2] != 0 || o->window[3] != 0;
    return o->segments > 0 || (o->slice && !o->origin && (inputs != 2 || !window));
}

static sd_status measure(const sd_subject *subject, const sd_piecewise *net, const sd_regions_options *o, sd_region_samples *s,
                         sd_regions_report *r)
{
    if (needs_samples(o, net->inputs))
        SD_TRY(read_samples(subject, net->inputs, s));
    r->samples = s->samples.n;
    r->inputs = net->inputs;
    r->outputs = net->outputs;
    r->units = net->units;
    if (o->segments > 0)
        SD_TRY(sd__regions_segments(subject->model->context, net, s, o, r));
    if (o->slice)
        SD_TRY(sd__regions_slice(subject, net, s, o, r));
    return o->test ? sd__regions_novel(subject, net, o, r) : SD_OK;
}

sd_status sd_probe_regions(const sd_subject *subject, const sd_regions_options *options, sd_regions_report *report)
{
    sd_piecewise *net;
    sd_region_samples samples = {0};
    sd_regions_options o = defaults(options);
    *report = nothing();
    SD_TRY(check(&o));
    SD_TRY(sd__piecewise_new(subject, &net));
    sd_status status = measure(subject, net, &o, &samples, report);
    sd__samples_free(&samples.samples);
    free(samples.x);
    sd__piecewise_free(net);
    if (status != SD_OK)
        sd_regions_report_clear(report);
    return status;
}

void sd_regions_report_clear(sd_regions_report *report)
{
    free(report->segment);
    free(report->polygon);
    free(report->own_corner);
    free(report->own_map);
    free(report->novel.layer);
    *report = (sd_regions_report){0};
}

/* ---- cells of any dimension ---------------------------------------------------------------------------------------------- */

static sd_status count_cell(void *user, const sd_forms *forms, const sd_cells *cells, const sd_cell *cell)
{
    ++*(int64_t *)user;
    return SD_OK;
}

/* The axes of the box are those of the input. */
static sd_status count_over_inputs(const sd_piecewise *net, const double *lo, const double *hi, int64_t *cells)
{
    int64_t d = net->inputs;
    double origin[SD_MOST_DIMS] = {0}, axis[SD_MOST_DIMS * SD_MOST_DIMS] = {0};
    sd_explorer e;
    if (d > SD_MOST_DIMS)
        return sd__fail(SD_EINVAL, "regions are counted over boxes of up to %d inputs, not %lld", SD_MOST_DIMS, (long long)d);
    for (int64_t k = 0; k < d; k++)
        axis[k * d + k] = 1;
    SD_TRY(sd__explorer_new(net, (int)d, &e));
    sd_status status = sd__explore(&e, origin, axis, lo, hi, count_cell, cells);
    sd__explorer_free(&e);
    return status;
}

sd_status sd__count_cells(const sd_subject *subject, const double *lo, const double *hi, int64_t *cells)
{
    sd_piecewise *net;
    *cells = 0;
    SD_TRY(sd__piecewise_new(subject, &net));
    sd_status status = count_over_inputs(net, lo, hi, cells);
    sd__piecewise_free(net);
    return status;
}
