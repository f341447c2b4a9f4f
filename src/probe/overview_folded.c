/*
 * overview_folded.c -- what belongs to page one and is folded below it, for who wants to see for himself: curves, reliability,
 * the confusion matrix, the worst mistakes, labels in doubt, equal samples. Pictures where the samples are images, else tables.
 */
#define _GNU_SOURCE /* qsort_r */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "nn/model.h"
#include "probe/overview_inside.h"

enum { PICTURES = 12, ROWS = 20, MOST_MATRIX = 20, MOST_POINTS = 500, MOST_PIXELS = 512 * 512 };

/* ---- curves -------------------------------------------------------------------------------------------------------------- */

/* Means of groups of steps, so that a long run is no blot. */
static void add_steps(const sd_history *h, sd_section *s)
{
    int64_t group = (h->steps + MOST_POINTS - 1) / MOST_POINTS;
    for (int64_t first = 0; first < h->steps; first += group) {
        double loss = 0, step = 0;
        int64_t n = SD_MIN(group, h->steps - first);
        for (int64_t i = first; i < first + n; i++) {
            loss += h->step[i].train_loss / (double)n;
            step += (double)h->step[i].step / (double)n;
        }
        if (isfinite(loss))
            sd__section_point(s, step, loss);
    }
}

/* One number of every epoch of the log; the series is begun by its first point. */
static void add_epochs(const sd_history *h, size_t offset, const char *name, sd_section *s)
{
    bool begun = false;
    for (int64_t i = 0; i < h->epochs; i++) {
        double y;
        memcpy(&y, (const char *)&h->epoch[i] + offset, sizeof y);
        if (!isfinite(y))
            continue;
        if (!begun)
            sd__section_series(s, name, h->epochs > 1 ? SD_SERIES_LINE : SD_SERIES_POINTS);
        begun = true;
        sd__section_point(s, (double)h->epoch[i].step, y);
    }
}

/* Losses of very different size are drawn on a logarithmic axis, if all are positive. */
static bool spans_decades(const sd_history *h)
{
    double least = INFINITY, most = 0;
    for (int64_t i = 0; i < h->steps + h->epochs; i++) {
        double loss = i < h->steps ? h->step[i].train_loss : h->epoch[i - h->steps].train_loss;
        least = fmin(least, loss);
        most = fmax(most, loss);
    }
    return least > 0 && most > 20 * least;
}

static bool any_score(const sd_history *h)
{
    for (int64_t i = 0; i < h->epochs; i++)
        if (isfinite(h->epoch[i].train_accuracy) || isfinite(h->epoch[i].validation_accuracy) ||
            isfinite(h->epoch[i].validation_r2))
            return true;
    return false;
}

static void draw_curves(const sd_overview *o, sd_section *s)
{
    const sd_history *h = &o->history;
    if (!h->steps && !h->epochs) {
        sd__section_say(s, "There is no log of the training (metrics.jsonl), so there are no curves.");
        return;
    }
    sd__section_figure(
        s, "loss_curve",
        "Loss during training; in an epoch's mean the network still learns, so it can lie above the validation loss", "step",
        "mean loss", false, spans_decades(h));
    if (h->steps)
        sd__section_series(s, "batches", h->steps > 1 ? SD_SERIES_DASHES : SD_SERIES_POINTS);
    add_steps(h, s);
    add_epochs(h, offsetof(sd_logged, train_loss), "training", s);
    add_epochs(h, offsetof(sd_logged, validation_loss), "validation", s);
    if (!any_score(h))
        return;
    sd__section_figure(s, "score_curve", "Score during training", "step", o->f.classes ? "accuracy" : "R^2", false, false);
    add_epochs(h, offsetof(sd_logged, train_accuracy), "training", s);
    add_epochs(h, offsetof(sd_logged, validation_accuracy), "validation", s);
    add_epochs(h, offsetof(sd_logged, validation_r2), "validation", s);
}

/* ---- reliability, confusion, agreement ----------------------------------------------------------------------------------- */

static void draw_reliability(const sd_overview *o, sd_section *s)
{
    const sd_reliability *r = &o->f.reliability;
    sd__section_figure(s, "reliability", "Reliability: how often the network is right when it is so sure; 95 % intervals",
                       "confidence", "share that is right", false, false);
    sd__section_series(s, "as right as sure", SD_SERIES_DASHES);
    sd__section_point(s, 0, 0);
    sd__section_point(s, 1, 1);
    sd__section_series(s, "this run", SD_SERIES_POINTS);
    for (int b = 0; b < SD_RELIABILITY_BINS; b++)
        if (r->count[b])
            sd__section_point_interval(s, r->confidence[b],
                                       sd_interval_binomial(llround(r->accuracy[b] * (double)r->count[b]), r->count[b], 0.95));
}

static void write_matrix(const sd_overview *o, const int64_t *count, sd_section *s)
{
    int classes = o->run.classes;
    sd_column column[MOST_MATRIX + 1] = {{"true", "true class"}};
    char key[MOST_MATRIX][24], name[MOST_MATRIX][64];
    for (int c = 0; c < classes; c++) {
        snprintf(key[c], sizeof key[c], "said_%d", c);
        column[c + 1] = (sd_column){key[c], sd__class_name(o->e, c, name[c])};
    }
    sd__section_table(s, "confusion", "Confusion matrix: a row for each true class, a column for what the network says",
                      classes + 1, column);
    for (int c = 0; c < classes; c++)
        sd__section_row_counts(s, name[c], classes, count + (int64_t)c * classes);
}

/* Of many classes the pairs that are confused most often. Takes the counts to pieces. */
static void write_pairs(const sd_overview *o, int64_t *count, sd_section *s)
{
    static const sd_column columns[] = {{"true", "true class"}, {"said", "what the network says"}, {"count", "samples"}};
    int64_t classes = o->run.classes;
    char yes[64], no[64];
    sd__section_table(s, "confusions", "What is confused most often", SD_COUNT(columns), columns);
    for (int64_t c = 0; c < classes; c++)
        count[c * classes + c] = 0;
    for (int row = 0; row < ROWS; row++) {
        int64_t most = 0;
        for (int64_t i = 1; i < classes * classes; i++)
            most = count[i] > count[most] ? i : most;
        if (!count[most])
            return;
        sd__section_row(s, "ssi", sd__class_name(o->e, (int)(most / classes), yes),
                        sd__class_name(o->e, (int)(most % classes), no), count[most]);
        count[most] = 0;
    }
}

static void count_confusions(const sd_overview *o, sd_section *s)
{
    int64_t classes = o->run.classes, *count = sd__alloc_zeroed((size_t)(classes * classes), sizeof *count);
    if (!count) {
        s->failed = true;
        return;
    }
    for (int64_t i = 0; i < o->run.n; i++)
        count[o->run.label[i] * classes + o->run.guess[i]]++;
    if (classes <= MOST_MATRIX)
        write_matrix(o, count, s);
    else
        write_pairs(o, count, s);
    free(count);
}

/* What is said against what is true, of the first target. */
static void draw_agreement(const sd_overview *o, sd_section *s)
{
    const sd_judged *j = &o->run;
    double low = INFINITY, high = -INFINITY;
    sd__section_figure(s, "agreement", j->columns > 1 ? "What the network says of the first target" : "What the network says",
                       "true value", "predicted value", false, false);
    sd__section_series(s, "this run", SD_SERIES_POINTS);
    for (int64_t i = 0; i < SD_MIN(j->n, (int64_t)MOST_POINTS); i++) {
        double t = j->target[i * j->columns];
        sd__section_point(s, t, j->p[i * j->columns]);
        low = fmin(low, t);
        high = fmax(high, t);
    }
    sd__section_series(s, "exactly right", SD_SERIES_DASHES);
    sd__section_point(s, low, low);
    sd__section_point(s, high, high);
}

/* ---- samples: as pictures, or as rows ------------------------------------------------------------------------------------ */

static bool is_image(const sd_dataset *set)
{
    sd_shape shape = sd_dataset_get(set)->shape;
    return shape.rank == 3 && (shape.dim[2] == 1 || shape.dim[2] == 3) && shape.dim[0] * shape.dim[1] <= MOST_PIXELS;
}

/* Bytes as they are; other values from the smallest of the sample (black) to its largest (white). */
static void draw_sample(sd_dataset *set, int32_t position, const char *caption, sd_section *s)
{
    const sd_dataset_info *info = sd_dataset_get(set);
    size_t count = (size_t)sd_shape_count(info->shape);
    bool bytes = info->dtype == SD_U8;
    float *x = sd__alloc(count, sizeof *x), low = bytes ? 0 : INFINITY, high = bytes ? 255 : -INFINITY;
    uint8_t *pixels = sd__alloc(count, 1);
    if (x && pixels && sd_dataset_read(set, 1, &position, SD_F32, NULL, x, NULL, NULL) == SD_OK) {
        for (size_t i = 0; i < count && !bytes; i++) {
            low = fminf(low, x[i]);
            high = fmaxf(high, x[i]);
        }
        for (size_t i = 0; i < count; i++)
            pixels[i] = (uint8_t)lrintf(high > low ? 255 * ((x[i] - low) / (high - low)) : 0);
        sd__section_picture(s, caption, (int)info->shape.dim[1], (int)info->shape.dim[0], (int)info->shape.dim[2], pixels);
    } else {
        s->failed = true;
    }
    free(x);
    free(pixels);
}

/* Samples that were judged, in an order. */
typedef struct listing {
    const sd_overview *o;
    sd_dataset *set; /* that was judged */
    const sd_judged *judged;
    const char *part;
    const int64_t *sample; /* [n] positions in set */
    int64_t n;
} listing;

static void draw_listing(const listing *l, const char *key, const char *caption, sd_section *s)
{
    const sd_judged *j = l->judged;
    char text[256], yes[64], no[64];
    sd__section_gallery(s, key, caption);
    for (int64_t k = 0; k < SD_MIN(l->n, (int64_t)PICTURES); k++) {
        int64_t i = l->sample[k];
        int32_t id = sd__root_position(l->set, (int32_t)i);
        if (j->classes)
            snprintf(text, sizeof text, "%s %d: labelled %s (%.1f %%), said %s (%.1f %%)", l->part, id,
                     sd__class_name(l->o->e, j->label[i], yes), 100 * j->p[i * j->columns + j->label[i]],
                     sd__class_name(l->o->e, j->guess[i], no), 100 * j->p[i * j->columns + j->guess[i]]);
        else
            snprintf(text, sizeof text, "%s %d: true %.4g, said %.4g", l->part, id, j->target[i * j->columns],
                     j->p[i * j->columns]);
        draw_sample(l->set, (int32_t)i, text, s);
    }
}

static void write_listing(const listing *l, const char *key, const char *caption, sd_section *s)
{
    static const sd_column classes[] = {{"sample", "sample"},
                                        {"label", "label"},
                                        {"p_label", "its probability"},
                                        {"said", "said"},
                                        {"p_said", "its probability"}};
    static const sd_column targets[] = {
        {"sample", "sample"}, {"target", "true (first target)"}, {"said", "said"}, {"error", "squared error, all targets"}};
    const sd_judged *j = l->judged;
    char yes[64], no[64];
    sd__section_table(s, key, caption, j->classes ? SD_COUNT(classes) : SD_COUNT(targets), j->classes ? classes : targets);
    for (int64_t k = 0; k < SD_MIN(l->n, (int64_t)ROWS); k++) {
        int64_t i = l->sample[k], id = sd__root_position(l->set, (int32_t)i);
        const double *p = j->p + i * j->columns;
        if (j->classes)
            sd__section_row(s, "isgsg", id, sd__class_name(l->o->e, j->label[i], yes), p[j->label[i]],
                            sd__class_name(l->o->e, j->guess[i], no), p[j->guess[i]]);
        else
            sd__section_row(s, "iggg", id, j->target[i * j->columns], p[0], j->error[i]);
    }
}

static void list(const listing *l, const char *key, const char *caption, sd_section *s)
{
    if (l->n)
        (is_image(l->set) ? draw_listing : write_listing)(l, key, caption, s);
}

/* ---- mistakes, labels in doubt ------------------------------------------------------------------------------------------- */

static double badness(const sd_judged *j, int64_t i) { return j->classes ? -j->p[i * j->columns + j->label[i]] : j->error[i]; }

static int by_badness(const void *a, const void *b, void *user)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    double bad = badness(user, x), worse = badness(user, y);
    return bad != worse ? (bad < worse) - (bad > worse) : (x > y) - (x < y);
}

/* The wrong ones; of real targets, all that are not exact. */
static void list_mistakes(const sd_overview *o, sd_section *s)
{
    const sd_judged *j = &o->run;
    int64_t n = 0, *mistake = sd__alloc((size_t)j->n, sizeof *mistake);
    if (!mistake) {
        s->failed = true;
        return;
    }
    for (int64_t i = 0; i < j->n; i++)
        if (j->error[i] > 0)
            mistake[n++] = i;
    qsort_r(mistake, (size_t)n, sizeof *mistake, by_badness, (void *)(uintptr_t)j);
    listing l = {.o = o, .set = o->contest.held, .judged = j, .part = o->f.part, .sample = mistake, .n = n};
    list(&l, "mistakes", j->classes ? "The worst mistakes: the least probable true classes first" : "The largest errors", s);
    if (!n)
        sd__section_say(s, "Of %" PRId64 " %s samples none is wrong.", j->n, o->f.part);
    free(mistake);
}

static void list_suspects(const sd_overview *o, sd_section *s)
{
    listing held = {o, o->contest.held, &o->run, o->f.part, o->suspect, o->f.suspects};
    listing train = {o, o->contest.train, &o->learned, "train", o->train_suspect, o->f.train_suspects};
    if (!sd__can_doubt(&o->f))
        return; /* page one says so */
    if (o->f.held_out)
        list(&held, "suspects",
             "Labels in doubt, the least probable first. A hard sample cannot be told from a wrong label: look", s);
    list(&train, "train_suspects", "Training labels in doubt, though the network has learned them", s);
}

/* ---- equal samples ------------------------------------------------------------------------------------------------------- */

static sd_status answer_of(const sd_overview *o, sd_dataset *set, int32_t position, char text[64])
{
    int32_t label = 0;
    text[0] = 0;
    if (!sd_dataset_get(set)->classes)
        return SD_OK;
    SD_TRY(sd_dataset_read(set, 1, &position, SD_F32, NULL, NULL, &label, NULL));
    sd__class_name(o->e, label, text);
    return SD_OK;
}

static void list_twins(const sd_overview *o, sd_section *s)
{
    static const sd_column columns[] = {{"train", "training sample"},
                                        {"train_label", "its label"},
                                        {"sample", "equal sample"},
                                        {"label", "its label"},
                                        {"contradiction", "another answer"}};
    sd_dataset *train = o->e->data.train;
    if (o->f.twins <= 0)
        return;
    sd__section_table(s, "duplicates", "Samples that stand in the training part, too", SD_COUNT(columns), columns);
    for (int64_t i = 0; i < SD_MIN(o->f.twins, (int64_t)ROWS); i++) {
        const sd_twin *t = &o->twin[i];
        char one[64], other[64];
        bool read = answer_of(o, train, t->first, one) == SD_OK && answer_of(o, o->part, t->second, other) == SD_OK;
        s->failed = s->failed || !read;
        if (read)
            sd__section_row(s, "isisb", (int64_t)sd__root_position(train, t->first), one,
                            (int64_t)sd__root_position(o->part, t->second), other, t->contradiction);
    }
    if (!is_image(o->part))
        return;
    sd__section_gallery(s, "duplicate_pictures", "Samples that stand in the training part, too");
    for (int64_t i = 0; i < SD_MIN(o->f.twins, (int64_t)PICTURES); i++) {
        char text[64];
        snprintf(text, sizeof text, "%s %d = train %d", o->f.part, sd__root_position(o->part, o->twin[i].second),
                 sd__root_position(train, o->twin[i].first));
        draw_sample(o->part, o->twin[i].second, text, s);
    }
}

/* ---- all ----------------------------------------------------------------------------------------------------------------- */

void sd__overview_fold(const sd_overview *o, sd_section *s)
{
    sd__section_say(s, "Samples are numbered from 0 as they stand in the file that their part comes from.");
    draw_curves(o, s);
    if (!o->f.broken[0]) {
        if (o->f.classes) {
            draw_reliability(o, s);
            count_confusions(o, s);
        } else {
            draw_agreement(o, s);
        }
        list_mistakes(o, s);
        if (o->f.classes)
            list_suspects(o, s);
    }
    list_twins(o, s);
}
