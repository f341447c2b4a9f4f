/* interval.c -- confidence intervals of means, shares, arbitrary statistics and straight lines; equivalence. */
#include <sonde/statistics.h>

#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "base/philox.h"
#include "base/vector.h"

static const sd_interval unknown = {NAN, -INFINITY, INFINITY};

static double mean_of(int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* Mean and its standard error. */
static void moments(int64_t n, const double *x, double *mean, double *error)
{
    double squares = 0;
    *mean = mean_of(n, x);
    for (int64_t i = 0; i < n; i++)
        squares += (x[i] - *mean) * (x[i] - *mean);
    *error = sqrt(squares / (double)(n - 1) / (double)n);
}

static sd_interval around(double estimate, double error, double df, double confidence)
{
    double reach = error > 0 ? error * sd_t_quantile(0.5 + confidence / 2, df) : 0;
    return (sd_interval){estimate, estimate - reach, estimate + reach};
}

sd_interval sd_interval_mean(int64_t n, const double *x, double confidence)
{
    sd_interval result = unknown;
    if (n == 1)
        result.estimate = x[0];
    if (n < 2)
        return result;
    double mean, error;
    moments(n, x, &mean, &error);
    return around(mean, error, (double)(n - 1), confidence);
}

/* The moments of differences, without an array for them. */
sd_interval sd_interval_paired(int64_t n, const double *a, const double *b, double confidence)
{
    sd_interval result = unknown;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] - b[i];
    if (n >= 1)
        result.estimate = sum / (double)n;
    if (n < 2)
        return result;
    for (int64_t i = 0; i < n; i++)
        squares += (a[i] - b[i] - result.estimate) * (a[i] - b[i] - result.estimate);
    return around(result.estimate, sqrt(squares / (double)(n - 1) / (double)n), (double)(n - 1), confidence);
}

sd_interval sd_interval_binomial(int64_t hits, int64_t trials, double confidence)
{
    if (trials < 1 || hits < 0 || hits > trials)
        return (sd_interval){NAN, 0, 1};
    double tail = (1 - confidence) / 2, h = (double)hits, t = (double)trials;
    return (sd_interval){h / t, hits == 0 ? 0 : sd_beta_quantile(tail, h, t - h + 1),
                         hits == trials ? 1 : sd_beta_quantile(1 - tail, h + 1, t - h)};
}

/* The shares p for which |hits / trials - p| is at most z standard errors *at p*: the roots of a quadratic. */
sd_interval sd_interval_wilson(int64_t hits, int64_t trials, double confidence)
{
    if (trials < 1 || hits < 0 || hits > trials)
        return (sd_interval){NAN, 0, 1};
    double z = sd_normal_quantile(0.5 + confidence / 2), n = (double)trials, p = (double)hits / n;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double reach = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    return (sd_interval){p, hits == 0 ? 0 : middle - reach, hits == trials ? 1 : middle + reach};
}

sd_interval sd_interval_difference(int64_t hits_a, int64_t trials_a, int64_t hits_b, int64_t trials_b, double confidence)
{
    sd_interval a = sd_interval_wilson(hits_a, trials_a, confidence), b = sd_interval_wilson(hits_b, trials_b, confidence);
    if (isnan(a.estimate) || isnan(b.estimate))
        return (sd_interval){NAN, -1, 1};
    double d = a.estimate - b.estimate;
    return (sd_interval){d, d - hypot(a.estimate - a.low, b.high - b.estimate),
                         d + hypot(a.high - a.estimate, b.estimate - b.low)};
}

sd_status sd_interval_bootstrap(int64_t n, const double *x, sd_statistic *statistic, void *user, int64_t resamples,
                                uint64_t seed, double confidence, sd_interval *interval)
{
    *interval = unknown;
    if (n < 1 || resamples < 100)
        return sd__fail(SD_EINVAL, "bootstrap: %lld values, %lld resamples; at least 1 and 100 are needed", (long long)n,
                        (long long)resamples);
    double *drawn = sd__alloc((size_t)n, sizeof *drawn), *value = sd__alloc((size_t)resamples, sizeof *value);
    if (!drawn || !value) {
        free(drawn);
        free(value);
        return sd__fail(SD_ENOMEM, "bootstrap: out of memory");
    }
    sd_random random = sd__random(seed, 0);
    for (int64_t r = 0; r < resamples; r++) {
        for (int64_t i = 0; i < n; i++)
            drawn[i] = x[sd__random_below(&random, (uint64_t)n)];
        value[r] = statistic(user, n, drawn);
    }
    qsort(value, (size_t)resamples, sizeof *value, sd__ascending);
    int64_t cut = (int64_t)((1 - confidence) / 2 * (double)resamples);
    *interval = (sd_interval){statistic(user, n, x), value[cut], value[resamples - 1 - cut]};
    free(drawn);
    free(value);
    return SD_OK;
}

sd_regression sd_regress(int64_t n, const double *x, const double *y, double confidence)
{
    sd_regression fit = {unknown, unknown, NAN, NAN};
    double xx = 0, xy = 0, yy = 0, rest = 0;
    double mx = n > 0 ? mean_of(n, x) : NAN, my = n > 0 ? mean_of(n, y) : NAN;
    for (int64_t i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
        yy += (y[i] - my) * (y[i] - my);
    }
    if (n < 2 || xx == 0)
        return fit;
    fit.slope.estimate = xy / xx;
    fit.intercept.estimate = my - fit.slope.estimate * mx;
    if (n < 3)
        return fit;
    for (int64_t i = 0; i < n; i++) {
        double off = y[i] - fit.intercept.estimate - fit.slope.estimate * x[i];
        rest += off * off;
    }
    double df = (double)(n - 2);
    fit.residual = sqrt(rest / df);
    fit.explained = yy > 0 ? 1 - rest / yy : 1;
    fit.slope = around(fit.slope.estimate, fit.residual / sqrt(xx), df, confidence);
    fit.intercept = around(fit.intercept.estimate, fit.residual * sqrt(1 / (double)n + mx * mx / xx), df, confidence);
    return fit;
}

double sd_test_equivalence(int64_t n, const double *difference, double margin)
{
    if (n < 2 || !(margin > 0))
        return 1;
    double mean, error;
    moments(n, difference, &mean, &error);
    if (error == 0)
        return fabs(mean) < margin ? 0 : 1;
    return sd_t_cdf((fabs(mean) - margin) / error, (double)(n - 1)); /* the nearer margin decides */
}
