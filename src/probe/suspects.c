/* suspects.c -- labels in doubt, by confident learning. */
#define _GNU_SOURCE /* qsort_r */
#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "probe/evidence.h"

/* Mean probability of each class over the samples labelled so; infinite, which none reaches, where there are none. */
static void find_thresholds(const sd_judged *j, double *threshold, int64_t *count)
{
    for (int64_t i = 0; i < j->n; i++) {
        threshold[j->label[i]] += j->p[i * j->columns + j->label[i]];
        count[j->label[i]]++;
    }
    for (int64_t c = 0; c < j->columns; c++)
        threshold[c] = count[c] ? threshold[c] / (double)count[c] : INFINITY;
}

/* The most probable class that reaches its threshold, or -1. */
static int64_t confident_class(const sd_judged *j, const double *threshold, int64_t i)
{
    int64_t best = -1;
    const double *p = j->p + i * j->columns;
    for (int64_t c = 0; c < j->columns; c++)
        if (p[c] >= threshold[c] && (best < 0 || p[c] > p[best]))
            best = c;
    return best;
}

static int by_probability(const void *a, const void *b, void *user)
{
    const sd_judged *j = user;
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    double px = j->p[x * j->columns + j->label[x]], py = j->p[y * j->columns + j->label[y]];
    return px != py ? (px > py) - (px < py) : (x > y) - (x < y);
}

static int64_t collect(const sd_judged *j, const double *threshold, int64_t *suspect)
{
    int64_t n = 0;
    for (int64_t i = 0; i < j->n; i++) {
        int64_t c = confident_class(j, threshold, i);
        if (c >= 0 && c != j->label[i])
            suspect[n++] = i;
    }
    qsort_r(suspect, (size_t)n, sizeof *suspect, by_probability, (void *)(uintptr_t)j);
    return n;
}

sd_status sd__label_suspects(const sd_judged *j, int64_t *suspect, int64_t *count)
{
    *count = 0;
    if (!j->classes)
        return sd__fail(SD_EINVAL, "real targets are not looked through as labels are");
    double *threshold = sd__alloc_zeroed((size_t)j->columns, sizeof *threshold);
    int64_t *labelled = sd__alloc_zeroed((size_t)j->columns, sizeof *labelled);
    bool room = threshold && labelled;
    if (room) {
        find_thresholds(j, threshold, labelled);
        *count = collect(j, threshold, suspect);
    }
    free(threshold);
    free(labelled);
    return room ? SD_OK : sd__fail(SD_ENOMEM, "no memory for the thresholds of %d classes", j->classes);
}
