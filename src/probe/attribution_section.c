/*
 * attribution_section.c -- what the instrument *attribution* says of a run: maps beside those of untrained
 * networks, or a table of features.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probe/instrument.h"

enum { MOST_ROWS = 16, MOST_FEATURES = 20, PICTURES = 8, ROWS_OF_FEATURES = 100 };

static const char *const baselines[] = {"mean", "zero"};

/* Samples of images are [height, width, channels]. */
static bool has_pictures(const sd_examination *e) { return sd_dataset_get(e->run.data)->shape.rank == 3; }

/* ---- names --------------------------------------------------------------------------------------------------------------- */

/* The name from the list, or what stands for its number. */
static const char *name_of(const char *const *names, const char *kind, int64_t i, char text[48])
{
    snprintf(text, 48, "%s%lld", kind, (long long)i);
    return names ? names[i] : text;
}

/*
 * Whose output is explained: "7", "not yes" (of a single output for two classes, when it speaks against
 * the second), "output 3".
 */
static void explained_text(const sd_examination *e, const sd_attribution *a, char text[64])
{
    char name[48];
    const sd_dataset_info *info = sd_dataset_get(e->run.data);
    if (a->one_for_two)
        snprintf(text, 64, "%s", name_of(info->class_names, "", a->sign > 0, name));
    else if (info->classes > a->output)
        snprintf(text, 64, "%s", name_of(info->class_names, "", a->output, name));
    else
        snprintf(text, 64, "%s", name_of(info->targets > a->output ? info->target_names : NULL, "output ", a->output, name));
}

static const char *class_text(const sd_examination *e, int class, char text[48])
{
    return class < 0 ? "" : name_of(sd_dataset_get(e->run.data)->class_names, "", class, text);
}

/* "Sample 12: 7 taken for 1; explained: 1" */
static void title_of(const sd_examination *e, const sd_attribution *a, char text[256])
{
    char own[48], given[48], what[64];
    explained_text(e, a, what);
    if (a->label < 0)
        snprintf(text, 256, "Sample %lld; explained: %s", (long long)a->sample, what);
    else if (a->label == a->predicted)
        snprintf(text, 256, "Sample %lld: %s; explained: %s", (long long)a->sample, class_text(e, a->label, own), what);
    else
        snprintf(text, 256, "Sample %lld: %s taken for %s; explained: %s", (long long)a->sample, class_text(e, a->label, own),
                 class_text(e, a->predicted, given), what);
}

/* ---- what was measured --------------------------------------------------------------------------------------------------- */

/* The largest gap, and its share of the difference that is explained there. */
static double largest_gap(const sd_attribution_report *r, double *share)
{
    double gap = 0;
    *share = 0;
    for (int i = 0; i < r->items; i++) {
        const sd_attribution *a = &r->item[i];
        if (fabs(a->gap) >= gap) {
            gap = fabs(a->gap);
            *share = gap / fabs(a->value - a->baseline_value);
        }
    }
    return gap;
}

static void add_facts(const sd_attribution_report *r, sd_section *s)
{
    double share, gap = largest_gap(r, &share);
    sd__section_fact(s, "explained", json_integer(r->items));
    sd__section_fact(s, "mistakes", r->mistakes < 0 ? json_null() : json_integer(r->mistakes));
    sd__section_fact(s, "baseline", json_string(baselines[r->baseline]));
    sd__section_fact(s, "steps", json_integer(r->steps));
    sd__section_fact(s, "gap", sd__json_real(gap));
    sd__section_fact(s, "gap_share", sd__json_real(share));
    sd__section_fact(s, "cam_layer", r->layer ? json_string(r->layer) : json_null());
}

static void say_subject(const sd_examination *e, const sd_attribution_report *r, sd_section *s)
{
    const char *what = sd__knob(e, "output") ? "the output that was asked for"
                       : r->mistakes < 0     ? "the first output"
                                             : "the output of the predicted class, before any softmax";
    sd__section_say(
        s,
        "Measured: what in the input speaks for %s, in %d of the first %lld samples of the %s part%s; batch norm by running "
        "statistics, dropout off; %s.",
        what, r->items, (long long)r->samples, e->part,
        r->mistakes > 0    ? ", the worst mistakes first"
        : r->mistakes == 0 ? ", none of which is put into a wrong class"
                           : ", those with the largest loss first",
        sd_dtype_name(sd_model_dtype(e->run.model)));
    sd__section_say(
        s,
        "Integrated gradients: (x - b) times the mean gradient on the straight path from the baseline b, %s, to the sample "
        "x, by %d nodes of a Gauss-Legendre rule. Pixels or features as in the baseline get 0 in any network.",
        r->baseline == SD_BASELINE_MEAN ? "the mean of these samples" : "in which every value is 0 before normalization",
        r->steps);
    if (r->layer)
        sd__section_say(s, "Grad-CAM: the channels of %s (%d x %d places), weighted by their mean gradient, what is positive.",
                        r->layer, r->rows, r->columns);
    else
        sd__section_say(s, "%s", r->no_cam);
}

static void say_gap(const sd_attribution_report *r, sd_section *s)
{
    double share, gap = largest_gap(r, &share);
    if (isfinite(share))
        sd__section_say(
            s,
            "Completeness: the attributions should add up to output minus output at the baseline; the largest gap is %.2g, "
            "%.2g %% of that difference%s.",
            gap, 100 * share, share > 0.05 ? ": take more --steps before you trust these maps" : "");
    else
        sd__section_say(s, "Completeness: output and output at the baseline are equal; the attributions miss that by %.2g.",
                        gap);
}

/* A map that is the same everywhere has no order. */
static void say_constant(const sd_attribution_report *r, sd_section *s)
{
    int constant = 0;
    for (int i = 0; i < r->items; i++)
        constant += isnan(r->item[i].ranks.cam);
    if (constant)
        sd__section_say(s, "In %d of %d samples a Grad-CAM map is the same everywhere, so there is no rank correlation.",
                        constant, r->items);
}

/* ---- rank correlations --------------------------------------------------------------------------------------------------- */

static void add_ranks(const sd_attribution_report *r, sd_section *s)
{
    sd__section_number(s, "rank_values", r->values, r->chance_values,
                       "integrated gradients: rank correlation with an untrained network's");
    sd__section_number(s, "rank_sizes", r->sizes, r->chance_sizes, "the same of their sizes, without sign");
    if (r->layer)
        sd__section_number(s, "rank_cam", r->cam, r->chance_cam, "Grad-CAM: rank correlation with an untrained network's");
}

/*
 * Adebayo et al.: a map that random weights give as well says nothing of what was learned. Intervals
 * that do not overlap decide.
 */
static const char *verdict(sd_interval own, sd_interval chance)
{
    if (isnan(own.estimate) || isnan(chance.estimate))
        return "not compared with untrained networks, since a map was the same everywhere";
    if (own.high < chance.low)
        return "less like an untrained network's than two untrained ones' are like each other, so they depend on what was "
               "learned";
    if (own.low > chance.high)
        return "more like the untrained network's than two untrained ones' are like each other, so part of the order is that "
               "of the "
               "initial weights";
    if (own.low > 0.5 && chance.low > 0.5)
        return "as like an untrained network's as two untrained ones' are like each other, and mostly in the same order: what "
               "they show "
               "is largely the input, not what was learned";
    if (own.high < 0.5)
        return "as like an untrained network's as two untrained ones' are like each other, and that is little: they depend on "
               "the weights";
    return "as like an untrained network's as two untrained ones' are like each other; these samples do not tell how much is "
           "the input";
}

static void say_ranks(const char *name, sd_interval own, sd_interval chance, sd_section *s)
{
    sd__section_say(s, "%s: %s.", name, verdict(own, chance));
}

static void add_samples(const sd_examination *e, const sd_attribution_report *r, sd_section *s)
{
    static const sd_column columns[] = {{"sample", "sample"},
                                        {"label", "class"},
                                        {"predicted", "predicted"},
                                        {"explained", "explained"},
                                        {"loss", "loss"},
                                        {"value", "output"},
                                        {"baseline", "at baseline"},
                                        {"gap", "gap"},
                                        {"rank_values", "rank, values"},
                                        {"rank_sizes", "rank, sizes"},
                                        {"rank_cam", "rank, Grad-CAM"}};
    sd__section_table(s, "samples", "The samples, what is explained, and rank correlations with the untrained network's maps",
                      SD_COUNT(columns), columns);
    for (int i = 0; i < r->items && i < MOST_ROWS; i++) {
        const sd_attribution *a = &r->item[i];
        char number[24], own[48], given[48], what[64];
        snprintf(number, sizeof number, "%lld", (long long)a->sample);
        explained_text(e, a, what);
        sd__section_row(s, "ssssggggggg", number, class_text(e, a->label, own), class_text(e, a->predicted, given), what,
                        a->loss, a->value, a->baseline_value, a->gap, a->ranks.values, a->ranks.sizes, a->ranks.cam);
    }
    if (r->items > MOST_ROWS)
        sd__section_say(s, "The other %d samples are not listed.", r->items - MOST_ROWS);
}

/* ---- features ------------------------------------------------------------------------------------------------------------ */

typedef struct feature {
    int64_t index;
    double size, mean, random; /* mean |attribution|, mean attribution; the untrained network's mean size */
} feature;

static int by_size(const void *a, const void *b)
{
    const feature *x = a, *y = b;
    return x->size != y->size ? (x->size < y->size) - (x->size > y->size) : (x->index > y->index) - (x->index < y->index);
}

static void measure_features(const sd_attribution_report *r, int64_t n, feature *f)
{
    for (int64_t k = 0; k < n; k++) {
        f[k] = (feature){.index = k};
        for (int i = 0; i < r->items; i++) {
            f[k].size += fabs(r->item[i].integrated[k]) / r->items;
            f[k].mean += r->item[i].integrated[k] / r->items;
            f[k].random += fabs(r->item[i].random[k]) / r->items;
        }
    }
    qsort(f, (size_t)n, sizeof *f, by_size);
}

static void list_features(const sd_examination *e, const feature *f, int64_t n, sd_section *s)
{
    static const sd_column columns[] = {{"name", "feature"},
                                        {"size", "mean size of its attribution"},
                                        {"untrained", "untrained network's"},
                                        {"mean", "mean, with sign"}};
    char name[48];
    sd__section_table(s, "features", "The features that decide most, by integrated gradients over the explained samples",
                      SD_COUNT(columns), columns);
    for (int64_t k = 0; k < n && k < MOST_FEATURES; k++)
        sd__section_row(s, "sggg", name_of(sd_dataset_get(e->run.data)->feature_names, "feature ", f[k].index, name), f[k].size,
                        f[k].random, f[k].mean);
    sd__section_say(s, "The inputs are no pictures, so their numbers are listed%s.",
                    n > MOST_FEATURES ? ", those that decide most" : "");
}

static void add_features(const sd_examination *e, const sd_attribution_report *r, sd_section *s)
{
    int64_t n = sd_shape_count(r->input);
    feature *f = sd__alloc((size_t)n, sizeof *f);
    s->failed = s->failed || !f;
    if (f) {
        measure_features(r, n, f);
        list_features(e, f, n, s);
    }
    free(f);
}

/* ---- pictures ------------------------------------------------------------------------------------------------------------ */

/* A sample's picture, and room for one of colours. */
typedef struct canvas {
    int height, width, channels; /* of the samples */
    double *input;               /* [height, width, channels] as stored */
    uint8_t *pixel;              /* [height, width, 3] */
} canvas;

static sd_status canvas_open(const sd_examination *e, canvas *c)
{
    sd_shape shape = sd_dataset_get(e->run.data)->shape;
    *c = (canvas){(int)shape.dim[0], (int)shape.dim[1], (int)shape.dim[2], NULL, NULL};
    c->input = sd__alloc((size_t)sd_shape_count(shape), sizeof *c->input);
    c->pixel = sd__alloc((size_t)c->height * (size_t)c->width, 3);
    return c->input && c->pixel ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a picture");
}

static void canvas_close(canvas *c)
{
    free(c->input);
    free(c->pixel);
}

static uint8_t level(double share) { return (uint8_t)lrint(255 * fmin(fmax(share, 0), 1)); }

/* Bytes as they are; other numbers from the sample's smallest to its largest. Colours as they are, else the channels' mean. */
static void draw_input(const canvas *c, bool bytes)
{
    int64_t places = (int64_t)c->height * c->width;
    double low = INFINITY, high = -INFINITY;
    for (int64_t i = 0; i < places * c->channels; i++) {
        low = fmin(low, c->input[i]);
        high = fmax(high, c->input[i]);
    }
    low = bytes ? 0 : low;
    high = bytes ? 255 : high;
    for (int64_t p = 0; p < places; p++) {
        double mean = 0;
        for (int k = 0; k < c->channels; k++)
            mean += c->input[p * c->channels + k] / c->channels;
        for (int k = 0; k < 3; k++) {
            double value = c->channels == 3 ? c->input[p * 3 + k] : mean;
            c->pixel[3 * p + k] = level(high > low ? (value - low) / (high - low) : 0.5);
        }
    }
}

/* White is 0; red speaks for the output, blue against it, as strong as the largest of the map. */
static void draw_signed(const canvas *c, const double *map)
{
    int64_t places = (int64_t)c->height * c->width;
    double most = 0;
    for (int64_t p = 0; p < places; p++) {
        c->input[p] = 0;
        for (int k = 0; k < c->channels; k++)
            c->input[p] += map[p * c->channels + k];
        most = fmax(most, fabs(c->input[p]));
    }
    for (int64_t p = 0; p < places; p++) {
        double share = most > 0 ? c->input[p] / most : 0;
        c->pixel[3 * p] = level(share < 0 ? 1 + share : 1);
        c->pixel[3 * p + 1] = level(1 - fabs(share));
        c->pixel[3 * p + 2] = level(share > 0 ? 1 - share : 1);
    }
}

static double largest(const double *map, int places)
{
    double most = 0;
    for (int p = 0; p < places; p++)
        most = fmax(most, map[p]);
    return most;
}

/* A map of rows x columns places, stretched over the picture. */
static void draw_cam(const canvas *c, const double *map, int rows, int columns)
{
    double most = largest(map, rows * columns);
    for (int y = 0; y < c->height; y++)
        for (int x = 0; x < c->width; x++) {
            double value = map[(int64_t)y * rows / c->height * columns + (int64_t)x * columns / c->width];
            uint8_t *pixel = c->pixel + 3 * ((int64_t)y * c->width + x);
            pixel[0] = 255;
            pixel[1] = pixel[2] = level(most > 0 ? 1 - value / most : 1);
        }
}

static void add_picture(const canvas *c, const char *caption, sd_section *s)
{
    sd__section_picture(s, caption, c->width, c->height, 3, c->pixel);
}

static sd_status add_gallery(const sd_examination *e, const sd_attribution_report *r, int i, canvas *c, sd_section *s)
{
    char key[32], title[256];
    const sd_attribution *a = &r->item[i];
    int32_t position = (int32_t)a->sample;
    SD_TRY(sd_dataset_read(e->run.data, 1, &position, SD_F64, NULL, c->input, NULL, NULL));
    snprintf(key, sizeof key, "maps_%d", i + 1);
    title_of(e, a, title);
    sd__section_gallery(s, key, title);
    draw_input(c, sd_dataset_get(e->run.data)->dtype == SD_U8);
    add_picture(c, "input", s);
    draw_signed(c, a->integrated);
    add_picture(c, "integrated gradients", s);
    draw_signed(c, a->random);
    add_picture(c, "untrained", s);
    if (!a->cam)
        return SD_OK;
    draw_cam(c, a->cam, r->rows, r->columns);
    add_picture(c, largest(a->cam, r->rows * r->columns) > 0 ? "Grad-CAM" : "Grad-CAM: 0 everywhere", s);
    draw_cam(c, a->random_cam, r->rows, r->columns);
    add_picture(c, largest(a->random_cam, r->rows * r->columns) > 0 ? "untrained" : "untrained: 0 everywhere", s);
    return SD_OK;
}

static sd_status add_galleries(const sd_examination *e, const sd_attribution_report *r, sd_section *s)
{
    canvas c;
    sd__section_say(
        s, "Red speaks for the output that is explained, blue against it; each map is as strong as its largest number. "
           "Grad-CAM shows only what speaks for it.");
    sd_status status = canvas_open(e, &c);
    for (int i = 0; status == SD_OK && i < r->items && i < MOST_ROWS; i++)
        status = add_gallery(e, r, i, &c, s);
    canvas_close(&c);
    return status;
}

/* ---- the instrument ------------------------------------------------------------------------------------------------------ */

static sd_status record(const sd_examination *e, const sd_attribution_report *r, sd_section *s)
{
    add_facts(r, s);
    say_subject(e, r, s);
    add_ranks(r, s);
    sd__section_say(
        s, "The column \"untrained\" is the same correlation between two untrained networks that were drawn differently.");
    say_ranks("Integrated gradients", r->values, r->chance_values, s);
    say_ranks("Their sizes", r->sizes, r->chance_sizes, s);
    if (r->layer)
        say_ranks("Grad-CAM", r->cam, r->chance_cam, s);
    if (r->layer)
        say_constant(r, s);
    say_gap(r, s);
    if (has_pictures(e))
        SD_TRY(add_galleries(e, r, s));
    else
        add_features(e, r, s);
    add_samples(e, r, s);
    return SD_OK;
}

static sd_status examine(const sd_examination *e, sd_section *section)
{
    int64_t count = sd__knob(e, "count");
    sd_attribution_report r;
    sd_attribution_options o = {.baseline = (sd_baseline)sd__knob(e, "baseline"),
                                .steps = (int)sd__knob(e, "steps"),
                                .count = (int)(count             ? count
                                               : has_pictures(e) ? PICTURES
                                                                 : ROWS_OF_FEATURES),
                                .output = (int)sd__knob(e, "output"),
                                .layer = sd__knob_text(e, "layer")};
    SD_TRY(sd_probe_attribution(&e->run, &o, &r));
    sd_status status = record(e, &r, section);
    sd_attribution_report_clear(&r);
    return status;
}

const sd_instrument sd__instrument_attribution = {
    .name = "attribution",
    .doc = "which parts of an input speak for the network's answer: integrated gradients and Grad-CAM, beside random weights",
    .title = "Attribution",
    .question = "Which parts of an input speak for the answer, and is that what was learned?",
    .opposite =
        "Maps that random weights give as well would have meant that they show the input rather than what was learned, however "
        "convincing they look (Adebayo et al. 2018). A map says what the output depends on, not why, and for this baseline: "
        "another one gives another map.",
    .knob = {{"baseline", "KIND", "mean of the samples (default), or zero: every value 0 before normalization", 0, 0, 0, 0, 0,
              baselines, SD_COUNT(baselines)},
             {"steps", "N", "nodes along the path (default: 64)", 1, 1024, 64, 64, 128, NULL, 0},
             {"count", "N", "samples to explain, half of them the worst mistakes (default: 8 pictures, 100 others)", 1, 10000,
              0, 0, 0, NULL, 0},
             {"output", "K", "explain this output, counted from 1 (default: the predicted class, else the first)", 1, 1000000,
              0, 0, 0, NULL, 0},
             {"layer", "NAME", "whose channels Grad-CAM reads (default: the last with height and width)", 0, 0, 0, 0, 0, NULL,
              0}},
    .examine = examine,
    .cost = 1,
};
