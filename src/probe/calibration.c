/* calibration.c -- is a network as sure as it may be: reliability bins, the expected calibration error, and what chance makes
 * of it. */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/philox.h"
#include "base/vector.h"
#include "probe/evidence.h"

enum { BINS = SD_RELIABILITY_BINS, RESAMPLES = 200 };

typedef struct bins {
    double right[BINS], confidence[BINS];
} bins;

static double confidence_of(const sd_judged *j, int64_t i) { return j->p[i * j->columns + j->guess[i]]; }

/* A bin holds its upper end. */
static int bin_of(double confidence)
{
    int b = (int)ceil(confidence * BINS) - 1;
    return SD_MIN(SD_MAX(b, 0), BINS - 1);
}

static double error_of(const bins *b, int64_t n)
{
    double error = 0;
    for (int i = 0; i < BINS; i++)
        error += fabs(b->right[i] - b->confidence[i]);
    return error / (double)n;
}

/* The error if every sample were right with the chance that the network gives it. */
static double error_by_chance(const sd_judged *j, sd_random *random)
{
    bins b = {0};
    for (int64_t i = 0; i < j->n; i++) {
        double p = confidence_of(j, i);
        b.confidence[bin_of(p)] += p;
        b.right[bin_of(p)] += sd__random_uniform(random) < p;
    }
    return error_of(&b, j->n);
}

static sd_interval chance_of(const sd_judged *j, uint64_t seed)
{
    double error[RESAMPLES], sum = 0;
    sd_random random = sd__random(seed, 0);
    for (int r = 0; r < RESAMPLES; r++)
        sum += error[r] = error_by_chance(j, &random);
    qsort(error, RESAMPLES, sizeof *error, sd__ascending);
    return (sd_interval){sum / RESAMPLES, error[RESAMPLES / 40], error[RESAMPLES - 1 - RESAMPLES / 40]};
}

sd_status sd__reliability(const sd_judged *j, uint64_t seed, sd_reliability *r)
{
    bins b = {0};
    *r = (sd_reliability){0};
    if (!j->classes || !j->n)
        return sd__fail(SD_EINVAL, "only classes have a confidence that could be calibrated");
    for (int64_t i = 0; i < j->n; i++) {
        int at = bin_of(confidence_of(j, i));
        r->count[at]++;
        b.confidence[at] += confidence_of(j, i);
        b.right[at] += j->guess[i] == j->label[i];
    }
    for (int i = 0; i < BINS; i++) {
        r->excess += (b.confidence[i] - b.right[i]) / (double)j->n;
        r->confidence[i] = r->count[i] ? b.confidence[i] / (double)r->count[i] : NAN;
        r->accuracy[i] = r->count[i] ? b.right[i] / (double)r->count[i] : NAN;
    }
    r->error = error_of(&b, j->n);
    r->chance = chance_of(j, seed);
    return SD_OK;
}
