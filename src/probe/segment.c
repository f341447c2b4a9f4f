/* segment.c -- pieces of a network along straight lines between samples: all breakpoints, in order. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/philox.h"
#include "probe/regions.h"

bool sd__same_map(int dims, const double *lo, const double *hi, int64_t outputs, const double *a, const double *b,
                  double tolerance)
{
    for (int corner = 0; corner < 1 << dims; corner++)
        for (int64_t o = 0; o < outputs; o++) {
            double difference = a[o] - b[o];
            for (int k = 0; k < dims; k++)
                difference += (corner >> k & 1 ? hi[k] : lo[k]) * (a[(k + 1) * outputs + o] - b[(k + 1) * outputs + o]);
            if (!(fabs(difference) <= tolerance))
                return false;
        }
    return true;
}

/* ---- one segment ------------------------------------------------------------------------------------------------------- */

static const double zero = 0, one = 1; /* a segment's ends in its own coordinate */

typedef struct walk {
    const sd_explorer *explorer;
    sd_segment *segment;
    double *last; /* [2][outputs] the map of the piece before */
    int64_t most;
} walk;

/* The next cell along the segment. */
static sd_status step_on(void *user, const sd_forms *forms, const sd_cells *cells, const sd_cell *cell)
{
    walk *w = user;
    const double *map = forms->step[forms->net->output].form;
    int64_t outputs = forms->net->outputs;
    double tolerance = SD_SAME_MAP * w->explorer->size;
    w->segment->pieces += !w->segment->patterns || !sd__same_map(1, &zero, &one, outputs, map, w->last, tolerance);
    w->segment->patterns++;
    memcpy(w->last, map, (size_t)outputs * 2 * sizeof *map);
    return w->segment->patterns < w->most ? SD_OK : SD_ECANCELLED;
}

/* How far the last piece's value at the end is from the network's own there. output: room for [outputs] */
static sd_status compare_end(sd_explorer *e, const walk *w, const double *end, double *output, double *residual)
{
    int64_t outputs = e->net->outputs;
    double size = e->size;
    SD_TRY(sd__outputs_at(e, end, output));
    for (int64_t o = 0; o < outputs; o++)
        if (size > 0)
            *residual = fmax(*residual, fabs(w->last[o] + w->last[outputs + o] - output[o]) / size);
    return SD_OK;
}

/* room: [inputs] and 3 * [outputs] */
static sd_status walk_one(sd_explorer *e, const double *x, sd_segment *segment, int64_t most, double *room, double *residual)
{
    int64_t n = e->net->inputs;
    const double *from = x + segment->from * n, *to = x + segment->to * n;
    walk w = {.explorer = e, .segment = segment, .last = room + n, .most = most};
    for (int64_t i = 0; i < n; i++)
        room[i] = to[i] - from[i];
    sd_status status = sd__explore(e, from, room, &zero, &one, step_on, &w);
    segment->whole = status == SD_OK;
    if (status == SD_ECANCELLED)
        return SD_OK;
    SD_TRY(status);
    return compare_end(e, &w, to, room + n + 2 * e->net->outputs, residual);
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

enum { PARTS = 32 };

typedef struct result {
    sd_status status;
    char message[256];
    double residual;
} result;

typedef struct job {
    const sd_piecewise *net;
    const double *x;
    sd_segment *segment;
    int segments, parts;
    int64_t most;
    result result[PARTS];
} job;

static sd_status walk_some(const job *j, int part, double *residual)
{
    sd_explorer e;
    double *room = sd__alloc((size_t)(j->net->inputs + 3 * j->net->outputs), sizeof *room);
    sd_status status = room ? sd__explorer_new(j->net, 1, &e) : sd__fail(SD_ENOMEM, "no memory for a segment");
    if (status != SD_OK)
        return free(room), status;
    for (int i = part; status == SD_OK && i < j->segments; i += j->parts)
        status = walk_one(&e, j->x, &j->segment[i], j->most, room, residual);
    sd__explorer_free(&e);
    free(room);
    return status;
}

/* In one floating-point mode on every thread, so that bits do not depend on who runs a part. */
static void run_part(void *user, int part)
{
    job *j = user;
    unsigned mode = sd__fp_enter();
    result *r = &j->result[part];
    r->status = walk_some(j, part, &r->residual);
    if (r->status != SD_OK)
        snprintf(r->message, sizeof r->message, "%s", sd_error());
    sd__fp_leave(mode);
}

static double length_of(int64_t n, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum);
}

/* Disjoint pairs in a random order, without those of equal inputs; returns how many. */
static int draw_pairs(const sd_piecewise *net, const double *x, int32_t *order, int64_t samples, int want, uint64_t seed,
                      sd_segment *segment)
{
    sd_random random = sd__random(seed, 0);
    int count = 0;
    for (int64_t i = 0; i < samples; i++)
        order[i] = (int32_t)i;
    for (int64_t i = 0; i < samples - 1; i++) {
        int64_t j = i + (int64_t)sd__random_below(&random, (uint64_t)(samples - i));
        int32_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (int64_t i = 0; i + 1 < samples && count < want; i += 2) {
        double length = length_of(net->inputs, x + order[i] * net->inputs, x + order[i + 1] * net->inputs);
        if (length > 0)
            segment[count++] = (sd_segment){.from = order[i], .to = order[i + 1], .length = length};
    }
    return count;
}

static sd_status summarise(const sd_regions_options *o, sd_regions_report *r)
{
    double *value = sd__alloc(3 * (size_t)r->segments + 1, sizeof *value);
    if (!value)
        return sd__fail(SD_ENOMEM, "no memory for %d segments", r->segments);
    double *patterns = value + r->segments, *borders = patterns + r->segments;
    for (int i = 0; i < r->segments; i++) {
        value[i] = (double)r->segment[i].pieces;
        patterns[i] = (double)r->segment[i].patterns;
        borders[i] = (double)(r->segment[i].pieces - 1) / r->segment[i].length;
        r->unfinished += !r->segment[i].whole;
    }
    r->pieces = sd_interval_mean(r->segments, value, o->confidence);
    r->patterns = sd_interval_mean(r->segments, patterns, o->confidence);
    r->borders_a_length = sd_interval_mean(r->segments, borders, o->confidence);
    free(value);
    return SD_OK;
}

sd_status sd__regions_segments(sd_context *context, const sd_piecewise *net, const sd_region_samples *samples,
                               const sd_regions_options *options, sd_regions_report *report)
{
    job j = {.net = net, .x = samples->x, .most = options->most_pieces};
    int32_t *order = sd__alloc((size_t)samples->samples.n, sizeof *order);
    report->segment = sd__alloc_zeroed((size_t)options->segments, sizeof *report->segment);
    if (!order || !report->segment)
        return free(order), sd__fail(SD_ENOMEM, "no memory for %d segments", options->segments);
    report->segments =
        draw_pairs(net, samples->x, order, samples->samples.n, options->segments, options->seed, report->segment);
    free(order);
    if (!report->segments)
        return sd__fail(SD_EINVAL, "no two of the %lld samples differ, so there is no segment between them",
                        (long long)samples->samples.n);
    j.segment = report->segment;
    j.segments = report->segments;
    j.parts = SD_MIN(report->segments, PARTS);
    sd__pool_run(context->pool, run_part, &j, j.parts);
    for (int i = 0; i < j.parts; i++) {
        if (j.result[i].status != SD_OK)
            return sd__fail(j.result[i].status, "%s", j.result[i].message);
        report->residual = fmax(report->residual, j.result[i].residual);
    }
    return summarise(options, report);
}
