/* perceptron.c -- the perceptron, and the exact margin that its theorems speak of. */
#include "classic/perceptron.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

sd_status sd__labelled_new(int64_t n, int64_t d, sd_labelled *points)
{
    *points = (sd_labelled){n, d, NULL, NULL};
    if (n < 1 || d < 1 || n > INT32_MAX || d > INT32_MAX)
        return sd__fail(SD_EINVAL, "%lld points in %lld dimensions; at least one of each is needed", (long long)n,
                        (long long)d);
    points->x = sd__alloc((size_t)n * (size_t)d, sizeof *points->x);
    points->y = sd__alloc((size_t)n, sizeof *points->y);
    if (points->x && points->y)
        return SD_OK;
    sd__labelled_free(points);
    return sd__fail(SD_ENOMEM, "no memory for %lld points", (long long)n);
}

void sd__labelled_free(sd_labelled *points)
{
    free(points->x);
    free(points->y);
    points->x = points->y = NULL;
}

double sd__cosine(int64_t n, const double *a, const double *b)
{
    return sd__dot(n, a, b) / sqrt(sd__dot(n, a, a) * sd__dot(n, b, b));
}

bool sd__perceptron_errs(int64_t d, const double *w, const double *x, double y) { return y * sd__dot(d, w, x) <= 0; }

bool sd__perceptron_show(int64_t d, double *w, const double *x, double y)
{
    if (!sd__perceptron_errs(d, w, x, y))
        return false;
    for (int64_t j = 0; j < d; j++)
        w[j] += y * x[j];
    return true;
}

int64_t sd__perceptron_pass(const sd_labelled *points, const int64_t *order, double *w)
{
    int64_t mistakes = 0;
    for (int64_t t = 0; t < points->n; t++) {
        int64_t i = order ? order[t] : t;
        mistakes += sd__perceptron_show(points->d, w, points->x + i * points->d, points->y[i]);
    }
    return mistakes;
}

double sd__radius(const sd_labelled *points)
{
    double most = 0;
    for (int64_t i = 0; i < points->n; i++)
        most = fmax(most, sd__dot(points->d, points->x + i * points->d, points->x + i * points->d));
    return sqrt(most);
}

double sd__margin(const sd_labelled *points, const double *w)
{
    double least = INFINITY;
    for (int64_t i = 0; i < points->n; i++)
        least = fmin(least, points->y[i] * sd__dot(points->d, w, points->x + i * points->d));
    return least / sqrt(sd__dot(points->d, w, w));
}

/* One sweep: each multiplier in turn takes its best value, so that its example is at distance 1 or the multiplier is 0. */
static void sweep(const sd_labelled *points, double *alpha, double *w)
{
    int64_t d = points->d;
    for (int64_t i = 0; i < points->n; i++) {
        const double *x = points->x + i * d;
        double norm = sd__dot(d, x, x), better = alpha[i] + (1 - points->y[i] * sd__dot(d, w, x)) / norm;
        double step = (better > 0 ? better : 0) - alpha[i];
        if (norm == 0 || step == 0)
            continue;
        alpha[i] += step;
        for (int64_t j = 0; j < d; j++)
            w[j] += step * points->y[i] * x[j];
    }
}

sd_status sd__largest_margin(const sd_labelled *points, double tolerance, int sweeps, double *w, double *low, double *high)
{
    double *alpha = sd__alloc_zeroed((size_t)points->n, sizeof *alpha);
    if (!alpha)
        return sd__fail(SD_ENOMEM, "no memory for %lld multipliers", (long long)points->n);
    memset(w, 0, (size_t)points->d * sizeof *w);
    *low = -INFINITY;
    *high = INFINITY;
    for (int s = 1; s <= sweeps && !(*low > 0 && *high - *low <= tolerance * *low); s++) {
        sweep(points, alpha, w);
        double sum = 0;
        for (int64_t i = 0; i < points->n; i++)
            sum += alpha[i];
        double dual =
            sum - sd__dot(points->d, w, w) / 2; /* at most half the squared norm of the best w, which is 1 / margin^2 */
        if (dual > 0)
            *high = fmin(*high, 1 / sqrt(2 * dual));
        *low = sd__margin(points, w);
    }
    free(alpha);
    return SD_OK;
}
