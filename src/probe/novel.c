/* novel.c -- test samples whose activation pattern no training sample has, and how well the network does on them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "classic/nearest.h"
#include "nn/model.h"
#include "probe/patterns.h"
#include "probe/regions.h"

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory to compare activation patterns"); }

/* One side of the comparison. */
typedef struct side {
    sd_subject subject;
    sd_samples samples;
    sd_patterns patterns;
} side;

static sd_status read_side(const sd_piecewise *net, side *s)
{
    SD_TRY(sd__samples_read(&s->subject, &s->samples));
    return sd__patterns_read(&s->subject, net, &s->samples, &s->patterns);
}

static void free_side(side *s)
{
    sd__samples_free(&s->samples);
    sd__patterns_free(&s->patterns);
}

/* ---- which are new ----------------------------------------------------------------------------------------------------- */

/*
 * Row `row` of the hashes; room [train->n]; is_new [test->n]. Returns how many are new; *different: patterns
 * of the training samples.
 */
static int64_t compare(const sd_patterns *train, const sd_patterns *test, int row, uint64_t *room, bool *is_new,
                       int64_t *different)
{
    const uint64_t *hash = test->hash + row * test->n;
    int64_t count = 0;
    memcpy(room, train->hash + row * train->n, (size_t)train->n * sizeof *room);
    qsort(room, (size_t)train->n, sizeof *room, sd__ascending_u64);
    *different = 1;
    for (int64_t i = 1; i < train->n; i++)
        *different += room[i] != room[i - 1];
    for (int64_t i = 0; i < test->n; i++) {
        is_new[i] = !bsearch(&hash[i], room, (size_t)train->n, sizeof *room, sd__ascending_u64);
        count += is_new[i];
    }
    return count;
}

/* Layers one by one, then all units together, whose answers stay in is_new. */
static sd_status compare_rows(const sd_piecewise *net, const side *train, const side *test, double confidence, bool *is_new,
                              sd_novelty *n)
{
    uint64_t *room = sd__alloc((size_t)train->samples.n, sizeof *room);
    int64_t tests = test->samples.n;
    n->layer = sd__alloc_zeroed((size_t)train->patterns.kinks + 1, sizeof *n->layer);
    if (!room || !n->layer || !train->patterns.hash || !test->patterns.hash)
        return free(room), no_memory();
    for (int k = 0; k < train->patterns.kinks; k++) {
        const sd_piece *step = &net->step[train->patterns.step[k]];
        sd_novel_layer *layer = &n->layer[n->layers++];
        snprintf(layer->name, sizeof layer->name, "%s", step->path);
        layer->units = step->n;
        int64_t count = compare(&train->patterns, &test->patterns, k + 1, room, is_new, &layer->patterns);
        layer->share = sd_interval_binomial(count, tests, confidence);
    }
    n->novel = compare(&train->patterns, &test->patterns, 0, room, is_new, &n->patterns);
    n->share = sd_interval_binomial(n->novel, tests, confidence);
    n->train = train->samples.n;
    n->test = tests;
    free(room);
    return SD_OK;
}

/* ---- how well ----------------------------------------------------------------------------------------------------------- */

/* Hits among the new (new: 1) and the other (0) samples. guess and label: [n] */
static void count_hits(int64_t n, const bool *is_new, const int32_t *guess, const int32_t *label, int64_t hits[2])
{
    hits[0] = hits[1] = 0;
    for (int64_t i = 0; i < n; i++)
        hits[is_new[i]] += guess[i] == label[i];
}

static void accuracies(int64_t n, const sd_novelty *novelty, const int64_t hits[2], double confidence, sd_interval *on_new,
                       sd_interval *on_others)
{
    if (novelty->novel)
        *on_new = sd_interval_binomial(hits[1], novelty->novel, confidence);
    if (novelty->novel < n)
        *on_others = sd_interval_binomial(hits[0], n - novelty->novel, confidence);
}

/* The network's accuracies, and those of the nearest training sample's class. near, guess: room [test] */
static sd_status judge(const side *train, const side *test, const bool *is_new, double confidence, int64_t *near,
                       int32_t *guess, sd_novelty *n)
{
    const sd_model *model = train->subject.model;
    const int32_t *label = test->samples.y, *known = train->samples.y;
    int64_t hits[2], tests = test->samples.n;
    count_hits(tests, is_new, test->patterns.guess, label, hits);
    accuracies(tests, n, hits, confidence, &n->accuracy, &n->other_accuracy);
    SD_TRY(sd__nearest_rows(model->context, model->spec.dtype, train->samples.n, sd_shape_count(model->spec.input),
                            train->samples.x, tests, test->samples.x, near));
    for (int64_t i = 0; i < tests; i++)
        guess[i] = known[near[i]];
    count_hits(tests, is_new, guess, label, hits);
    accuracies(tests, n, hits, confidence, &n->nearest, &n->other_nearest);
    return SD_OK;
}

static sd_status measure(const sd_piecewise *net, const side *train, const side *test, double confidence, sd_novelty *n)
{
    size_t tests = (size_t)test->samples.n;
    bool *is_new = sd__alloc(tests, sizeof *is_new);
    int64_t *near = sd__alloc(tests, sizeof *near);
    int32_t *guess = sd__alloc(tests, sizeof *guess);
    sd_status status = is_new && near && guess ? compare_rows(net, train, test, confidence, is_new, n) : no_memory();
    if (status == SD_OK && sd_model_classes(train->subject.model))
        status = judge(train, test, is_new, confidence, near, guess, n);
    free(is_new);
    free(near);
    free(guess);
    return status;
}

sd_status sd__regions_novel(const sd_subject *subject, const sd_piecewise *net, const sd_regions_options *o,
                            sd_regions_report *report)
{
    side train = {.subject = *subject}, test = {.subject = *subject};
    train.subject.data = o->train ? o->train : subject->data;
    train.subject.samples = o->train_samples > 0 ? o->train_samples : INT64_MAX;
    test.subject.data = o->test;
    test.subject.samples = o->test_samples > 0 ? o->test_samples : 2000;
    if (train.subject.data == o->test)
        return sd__fail(SD_EINVAL, "the test samples are the training samples, so none of their regions is novel");
    sd_status status = read_side(net, &train);
    if (status == SD_OK)
        status = sd__fail_in(read_side(net, &test), "test samples");
    if (status == SD_OK)
        status = measure(net, &train, &test, o->confidence, &report->novel);
    free_side(&train);
    free_side(&test);
    return status;
}
