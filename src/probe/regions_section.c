/*
 * regions_section.c -- what the instrument *regions* says of a run: pieces along segments, over a slice, novel regions;
 * beside the untrained network.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/instrument.h"

/* What was measured: of the run and of its twin. */
typedef struct pair {
    sd_regions_report run, twin;
} pair;

static void clear(pair *p)
{
    sd_regions_report_clear(&p->run);
    sd_regions_report_clear(&p->twin);
}

static sd_status measure(const sd_examination *e, const sd_regions_options *o, pair *p)
{
    sd_status status = sd_probe_regions(&e->run, o, &p->run);
    return status == SD_OK ? sd_probe_regions(&e->untrained, o, &p->twin) : status;
}

/* ---- along segments ---------------------------------------------------------------------------------------------------- */

static void say_segments(const sd_examination *e, const sd_regions_report *r, sd_section *s)
{
    sd__section_fact(s, "segments", json_integer(r->segments));
    sd__section_fact(s, "unfinished", json_integer(r->unfinished));
    sd__section_fact(s, "inputs", json_integer(r->inputs));
    sd__section_fact(s, "units", json_integer(r->units));
    sd__section_say(s,
                    "Measured: all pieces along %d segments, each between two of the first %lld samples of the %s part as the "
                    "network gets them, no sample at two segments. Counted in f64, nothing between was sampled; batch norm by "
                    "running statistics, dropout off. The network chooses at %lld places (%s).",
                    r->segments, (long long)r->samples, e->part, (long long)r->units,
                    r->units ? "ReLUs, windows of max pooling" : "none, so it is affine, one region in all");
}

static void add_segments(const pair *p, sd_section *s)
{
    static const sd_column columns[] = {{"from", "from sample"},
                                        {"to", "to sample"},
                                        {"length", "length"},
                                        {"pieces", "affine pieces"},
                                        {"untrained", "pieces, untrained"},
                                        {"patterns", "patterns"},
                                        {"untrained_patterns", "patterns, untrained"}};
    sd__section_table(s, "segment_table", "The pieces of every segment", SD_COUNT(columns), columns);
    for (int i = 0; i < p->run.segments; i++) {
        const sd_segment *a = &p->run.segment[i], *b = &p->twin.segment[i];
        sd__section_row(s, "iigiiii", (int64_t)a->from, (int64_t)a->to, a->length, a->pieces, b->pieces, a->patterns,
                        b->patterns);
    }
}

static void segment_series(const char *name, const sd_regions_report *r, sd_section *s)
{
    sd__section_series(s, name, SD_SERIES_POINTS);
    for (int i = 0; i < r->segments; i++)
        sd__section_point(s, i + 1, (double)r->segment[i].pieces);
}

/* Between whole numbers there is no segment; of many, the axis takes care. */
static void add_ticks(const sd_regions_report *r, sd_section *s)
{
    enum { MOST = 12 };
    char label[16];
    for (int i = 1; i <= r->segments && r->segments <= MOST; i++) {
        snprintf(label, sizeof label, "%d", i);
        sd__section_tick(s, i, label);
    }
}

/* The difference segment by segment, since both networks walk the same ones. */
static sd_status say_difference(const pair *p, sd_section *s)
{
    int n = p->run.segments;
    double *own = sd__alloc(2 * (size_t)n, sizeof *own);
    if (!own)
        return sd__fail(SD_ENOMEM, "no memory for %d segments", n);
    for (int i = 0; i < n; i++) {
        own[i] = (double)p->run.segment[i].pieces;
        own[n + i] = (double)p->twin.segment[i].pieces;
    }
    sd_interval d = sd_interval_paired(n, own, own + n, 0.95);
    free(own);
    sd__section_fact(s, "difference", sd__json_real(d.estimate));
    if (d.low > 0 || d.high < 0)
        sd__section_say(s, "Training made the pieces %s: by %.4g a segment, from %.4g to %.4g with 95 %% confidence.",
                        d.low > 0 ? "more" : "fewer", fabs(d.estimate), fmin(fabs(d.low), fabs(d.high)),
                        fmax(fabs(d.low), fabs(d.high)));
    else
        sd__section_say(s, "These segments do not tell whether training made the pieces more or fewer.");
    return SD_OK;
}

static sd_status add_along(const sd_examination *e, const pair *p, sd_section *s)
{
    const sd_regions_report *r = &p->run, *twin = &p->twin;
    say_segments(e, r, s);
    sd__section_number(s, "pieces", r->pieces, twin->pieces, "affine pieces a segment");
    sd__section_number(s, "patterns", r->patterns, twin->patterns, "activation patterns a segment");
    sd__section_number(s, "borders_a_length", r->borders_a_length, twin->borders_a_length,
                       "borders of affine pieces a unit of length");
    SD_TRY(say_difference(p, s));
    if (r->unfinished || twin->unfinished)
        sd__section_say(s, "%d segments (untrained: %d) were left after 1000000 patterns: the means are too small.",
                        r->unfinished, twin->unfinished);
    add_segments(p, s);
    sd__section_figure(s, "segments", "Affine pieces of every segment", "segment, in the order of the table", "pieces", false,
                       false);
    segment_series("trained", r, s);
    segment_series("untrained", twin, s);
    add_ticks(r, s);
    return SD_OK;
}

/* ---- over a slice ------------------------------------------------------------------------------------------------------ */

/* The same window for both: the largest tried that holds fewer than `most` cells of either network. window NULL: all of it. */
static sd_status measure_window(const sd_examination *e, int64_t most, const double *window, pair *p, int *halvings)
{
    sd_regions_options o = {.segments = -1, .slice = true, .shrink = true, .most_polygons = most};
    if (window)
        memcpy(o.window, window, sizeof o.window);
    SD_TRY(sd_probe_regions(&e->run, &o, &p->run));
    memcpy(o.window, p->run.window, sizeof o.window);
    SD_TRY(sd_probe_regions(&e->untrained, &o, &p->twin));
    *halvings = p->run.halvings + p->twin.halvings;
    if (!p->twin.halvings)
        return SD_OK;
    memcpy(o.window, p->twin.window, sizeof o.window);
    sd_regions_report_clear(&p->run);
    return sd_probe_regions(&e->run, &o, &p->run);
}

static void draw_polygon(const sd_polygon *p, sd_section *s)
{
    for (int i = 0; i < p->corners; i++)
        sd__section_point(s, p->corner[2 * i], p->corner[2 * i + 1]);
    sd__section_point(s, NAN, NAN);
}

static void draw_map(const char *key, const char *caption, const sd_regions_report *r, sd_section *s)
{
    bool inputs = r->inputs == 2;
    sd__section_figure(s, key, caption, inputs ? "first input" : "along, towards the second sample (units of the input)",
                       inputs ? "second input" : "across, towards the third", false, false);
    for (int colour = 0; colour < 6; colour++) {
        char name[32];
        snprintf(name, sizeof name, "regions in colour %d", colour + 1);
        sd__section_series(s, name, SD_SERIES_AREAS);
        for (int64_t i = 0; i < r->polygons; i++)
            if (r->polygon[i].colour == colour)
                draw_polygon(&r->polygon[i], s);
    }
}

static void say_plane(const sd_regions_report *r, int halvings, sd_section *s)
{
    if (r->inputs == 2)
        sd__section_say(s, "The slice is the plane of the two inputs, over the rectangle that holds the samples.");
    else
        sd__section_say(s, "The slice is the plane through the samples %d, %d and %d, over the rectangle that holds these.",
                        r->point_sample[0], r->point_sample[1], r->point_sample[2]);
    if (halvings)
        sd__section_say(s,
                        "In all of it there are too many regions to count: both sides were halved about the middle %d times. "
                        "What follows holds for that part, %.3g by %.3g wide.",
                        halvings, r->window[1] - r->window[0], r->window[3] - r->window[2]);
}

static void record_slice(const pair *p, int halvings, sd_section *s)
{
    const sd_regions_report *r = &p->run, *twin = &p->twin;
    sd__section_fact(s, "slice_halvings", json_integer(halvings));
    sd__section_fact(s, "slice_window", json_pack("[f,f,f,f]", r->window[0], r->window[1], r->window[2], r->window[3]));
    sd__section_fact(s, "slice_covered", sd__json_real(r->covered));
    say_plane(r, halvings, s);
    sd__section_number(s, "slice_regions", sd__exactly((double)r->slice_regions), sd__exactly((double)twin->slice_regions),
                       "affine regions in the slice");
    sd__section_number(s, "slice_patterns", sd__exactly((double)r->slice_patterns), sd__exactly((double)twin->slice_patterns),
                       "activation patterns in the slice");
    sd__section_say(s, "A pattern is no region: where the units that choose otherwise do not reach the output, or cancel each "
                       "other, the map stays the same. Thin lines part patterns, colours regions.");
}

/* Of what was counted, or of its middle where that is too much for a drawing. */
static sd_status draw_maps(const sd_examination *e, const pair *counted, sd_section *s)
{
    pair part = {0};
    int halvings = 0;
    int64_t most = sd__knob(e, "cells");
    if (counted->run.polygons <= most && counted->twin.polygons <= most) {
        draw_map("slice", "Affine regions in the slice", &counted->run, s);
        draw_map("slice_untrained", "The same slice, untrained", &counted->twin, s);
        return SD_OK;
    }
    sd_status status = measure_window(e, most, counted->run.window, &part, &halvings);
    if (status == SD_OK) {
        const double *w = part.run.window;
        sd__section_say(s, "The maps show the middle of it, %.3g by %.3g wide.", w[1] - w[0], w[3] - w[2]);
        draw_map("slice", "Affine regions in the middle of the slice", &part.run, s);
        draw_map("slice_untrained", "The same, untrained", &part.twin, s);
    }
    clear(&part);
    return status;
}

/* A cell costs about as much as there are units, so of small networks more can be counted than drawn. */
static int64_t countable(const sd_examination *e, int64_t units)
{
    int64_t many = 20000000 / SD_MAX(units, 200);
    return SD_MAX(many, sd__knob(e, "cells"));
}

/* What has no slice has its sentence instead. */
static sd_status add_slice(const sd_examination *e, int64_t units, sd_section *s)
{
    pair p = {0};
    int halvings = 0;
    sd_status status = measure_window(e, countable(e, units), NULL, &p, &halvings);
    if (status == SD_EINVAL) {
        sd__section_say(s, "There is no slice to draw: %s.", sd_error());
        status = SD_OK;
    } else if (status == SD_OK) {
        record_slice(&p, halvings, s);
        status = draw_maps(e, &p, s);
    }
    clear(&p);
    return status;
}

/* ---- novel regions ----------------------------------------------------------------------------------------------------- */

static void say_novel(const sd_examination *e, const sd_novelty *n, const char *judge, sd_section *s)
{
    int64_t all = sd_dataset_get(e->data.train)->samples;
    sd__section_fact(s, "novel_train", json_integer(n->train));
    sd__section_fact(s, "novel_judged", json_integer(n->test));
    sd__section_fact(s, "judged_part", json_string(judge));
    sd__section_say(s,
                    "Novel regions: the patterns of %s%lld training samples beside those of the first %lld samples of the %s "
                    "part, by the forward pass in %s.",
                    n->train < all ? "the first " : "all ", (long long)n->train, (long long)n->test, judge,
                    sd_dtype_name(sd_model_dtype(e->run.model)));
    if (n->train < all)
        sd__section_say(s, "There are %lld training samples; beside all of them fewer patterns would be novel.",
                        (long long)all);
}

static void add_layers(const sd_novelty *n, const sd_novelty *twin, sd_section *s)
{
    static const sd_column columns[] = {{"name", "layer"},
                                        {"units", "units"},
                                        {"patterns", "patterns of training samples"},
                                        {"share", "novel"},
                                        {"untrained_patterns", "patterns, untrained"},
                                        {"untrained", "novel, untrained"}};
    sd__section_table(s, "novel_layers", "Share of test samples with a novel pattern of one layer's units alone",
                      SD_COUNT(columns), columns);
    for (int i = 0; i < n->layers; i++)
        sd__section_row(s, "siigig", n->layer[i].name, n->layer[i].units, n->layer[i].patterns, n->layer[i].share.estimate,
                        twin->layer[i].patterns, twin->layer[i].share.estimate);
}

static void add_accuracies(const sd_novelty *n, const sd_novelty *twin, sd_section *s)
{
    if (n->novel) {
        sd__section_number(s, "novel_accuracy", n->accuracy, twin->accuracy, "accuracy in novel regions");
        sd__section_number(s, "novel_nearest", n->nearest, twin->nearest,
                           "accuracy of the nearest training sample's class there");
    }
    if (n->novel < n->test) {
        sd__section_number(s, "other_accuracy", n->other_accuracy, twin->other_accuracy, "accuracy in the other regions");
        sd__section_number(s, "other_nearest", n->other_nearest, twin->other_nearest,
                           "accuracy of the nearest training sample's class there");
    }
}

/* Intervals that do not overlap tell two accuracies apart; the others are left open. */
static void say_against_nearest(const sd_novelty *n, sd_section *s)
{
    const char *verdict = n->accuracy.low > n->nearest.high   ? "does better than the nearest training sample"
                          : n->accuracy.high < n->nearest.low ? "does worse than the nearest training sample"
                                                              : "and the nearest training sample cannot be told apart";
    if (n->novel)
        sd__section_say(s, "In regions that no training sample lies in, the network %s.", verdict);
    if (n->novel == n->test)
        sd__section_say(s, "All test samples lie in novel regions: with so many units hardly two samples have one pattern. "
                           "The table says how it is layer by layer.");
}

static void record_novel(const sd_examination *e, const pair *p, const char *judge, sd_section *s)
{
    const sd_novelty *n = &p->run.novel, *twin = &p->twin.novel;
    say_novel(e, n, judge, s);
    sd__section_number(s, "novel_share", n->share, twin->share, "share of test samples in novel regions");
    if (sd_model_classes(e->run.model)) {
        add_accuracies(n, twin, s);
        say_against_nearest(n, s);
    } else {
        sd__section_say(s, "This run predicts numbers, so there is no accuracy to compare in novel regions.");
    }
    add_layers(n, twin, s);
    if (!e->data.test)
        sd__section_say(s, "This run has no test part. By its validation part the run's best epoch was chosen, which favours "
                           "the trained network.");
}

/* ---- the instrument ---------------------------------------------------------------------------------------------------- */

static sd_status examine(const sd_examination *e, sd_section *section)
{
    const char *judge;
    pair p = {0};
    sd_regions_options o = {.segments = (int)sd__knob(e, "segments"),
                            .test = sd__judged_on(e, &judge),
                            .test_samples = sd__knob(e, "judge"),
                            .train = e->data.train,
                            .train_samples = sd__knob(e, "train"),
                            .seed = e->seed};
    sd_status status = measure(e, &o, &p);
    if (status == SD_OK)
        status = add_along(e, &p, section);
    if (status == SD_OK)
        status = add_slice(e, p.run.units, section);
    if (status == SD_OK && o.test)
        record_novel(e, &p, judge, section);
    if (status == SD_OK && !o.test)
        sd__section_say(section, "Novel regions were not measured: there is no part of the data besides the one looked at "
                                 "that training has not seen.");
    clear(&p);
    return status;
}

const sd_instrument sd__instrument_regions = {
    .name = "regions",
    .doc = "the pieces on which a network of ReLUs and max pooling is affine: along segments, over a slice, at test samples",
    .title = "Linear regions",
    .question = "Into how many pieces does the network cut its input space, and how does it do where no training sample lies?",
    .opposite =
        "More pieces than the untrained network's would have meant that training cut the space between samples more finely, "
        "fewer that it laid flat what lies between them. A finer cut is not a better answer: an untrained network may have "
        "more pieces than a trained one, and labels drawn by lot make more than true ones. In novel regions an accuracy no "
        "higher than the nearest training sample's would have meant that the network does no more there than look up its "
        "neighbour. Which of the regions matter for the data, counts do not say.",
    .knob = {{"segments", "N", "between pairs of samples (default: 10)", 1, 1000000, 10, 4, 50, NULL, 0},
             {"cells", "N", "most patterns of a slice that are drawn, of large networks counted (default: 2000)", 1, 1000000,
              2000, 1000, 4000, NULL, 0},
             {"train", "N", "training samples whose patterns are known (default: all)", 1, INT32_MAX, 0, 5000, 0, NULL, 0},
             {"judge", "N", "samples of the test part (default: 2000)", 1, INT32_MAX, 2000, 1000, 10000, NULL, 0}},
    .examine = examine,
    .cost = 6,
};
