/**
 * @file statistics.h -- statistics for experiments: intervals, tests, and rules that give one of three verdicts.
 *
 * In the library sonde-lab. Every function is pure: what is random takes a seed. Confidence and levels are
 * fractions (0.95), p-values are two-sided unless said otherwise. Too little data gives the widest interval, (-inf,
 * inf), or p = 1, never an error.
 */
#ifndef SONDE_STATISTICS_H
#define SONDE_STATISTICS_H

#include <sonde/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- distributions ------------------------------------------------------------------------------------------------------- */

/** P(Z <= z) for a standard normal Z. */
SD_API double sd_normal_cdf(double z);

/** The z with P(Z <= z) = p, 0 < p < 1; -inf and inf at the ends. */
SD_API double sd_normal_quantile(double p);

/** P(X <= x) for X ~ Beta(a, b): the regularised incomplete beta function; a, b > 0. */
SD_API double sd_beta_cdf(double x, double a, double b);

/** The x with sd_beta_cdf(x, a, b) = p. */
SD_API double sd_beta_quantile(double p, double a, double b);

/** P(T <= t) for Student's T with df > 0 degrees of freedom. */
SD_API double sd_t_cdf(double t, double df);

/** The t with P(T <= t) = p. */
SD_API double sd_t_quantile(double p, double df);

/* -- intervals ------------------------------------------------------------------------------------------------------------ */

/** An estimate and the ends of its confidence interval. */
typedef struct sd_interval {
    double estimate; /**< the measured value */
    double low;      /**< lower end */
    double high;     /**< upper end */
} sd_interval;

/** Mean of n independent values with Student's interval. */
SD_API sd_interval sd_interval_mean(int64_t n, const double *x, double confidence);

/** Mean of the paired differences a[i] - b[i] with Student's interval: two methods on the same seeds. */
SD_API sd_interval sd_interval_paired(int64_t n, const double *a, const double *b, double confidence);

/** A share, hits of trials, with the interval that never covers less than it says; Clopper & Pearson 1934. */
SD_API sd_interval sd_interval_binomial(int64_t hits, int64_t trials, double confidence);

/** A share with the score interval: narrower, covers what it says on average over shares; Wilson 1927. No trials: [0,1]. */
SD_API sd_interval sd_interval_wilson(int64_t hits, int64_t trials, double confidence);

/** Difference of two independent shares, a less b, from their Wilson intervals; Newcombe 1998, method 10. No trials: [-1,1]. */
SD_API sd_interval sd_interval_difference(int64_t hits_a, int64_t trials_a, int64_t hits_b, int64_t trials_b,
                                          double confidence);

/** Any number computed from a sample; called again for every resample. */
typedef double sd_statistic(void *user, int64_t n, const double *x);

/**
 * The percentile bootstrap of a statistic over n independent values; Efron 1979.
 *
 * resamples  2000 is usual; seed: of the resampling
 * caution    covers less than it says where n is small (a mean of 20 normal values: 93 % for 95 %)
 * errors     SD_ENOMEM, SD_EINVAL (resamples below 100)
 */
SD_API sd_status sd_interval_bootstrap(int64_t n, const double *x, sd_statistic *statistic, void *user, int64_t resamples,
                                       uint64_t seed, double confidence, sd_interval *interval);

/** A straight line through n points by least squares. */
typedef struct sd_regression {
    sd_interval intercept; /**< value at x = 0 */
    sd_interval slope;     /**< change of y for a step of 1 in x */
    double residual;       /**< standard deviation about the line, n - 2 degrees of freedom */
    double explained;      /**< R^2 */
} sd_regression;

/** Fits y = intercept + slope * x with Student's intervals. */
SD_API sd_regression sd_regress(int64_t n, const double *x, const double *y, double confidence);

/* -- tests ---------------------------------------------------------------------------------------------------------------- */

/**
 * Do two samples have the same mean? Permutes the labels: every way where there are up to 16 values, else
 * `resamples` random ways.
 *
 * p       share of permutations whose means differ at least as much
 * errors  SD_ENOMEM, SD_EINVAL (an empty sample)
 */
SD_API sd_status sd_test_permutation(int64_t na, const double *a, int64_t nb, const double *b, int64_t resamples, uint64_t seed,
                                     double *p);

/** Is the mean of paired differences 0? Flips their signs: every way for n <= 16, else `resamples` random ways. Returns p. */
SD_API double sd_test_sign_flips(int64_t n, const double *difference, int64_t resamples, uint64_t seed);

/**
 * Page's test: do the columns rise from first to last, in rows that are independent repetitions? One-sided.
 *
 * x       [rows, columns], 2 <= columns; ties take the mean of their ranks
 * p       exact (conditional on the ties) for columns <= 10 and rows * columns^3 <= 20000, else by the normal approximation
 * source  Page 1963, "Ordered hypotheses for multiple treatments"
 * errors  SD_ENOMEM, SD_EINVAL
 */
SD_API sd_status sd_test_page(int rows, int columns, const double *x, double *p);

/** Holm's adjusted p-values of n tests, in the order given: all those at most 0.05 are significant together. */
SD_API void sd_holm(int n, const double *p, double *adjusted);

/**
 * Are two methods equal within a margin > 0 that was stated beforehand? Two one-sided t tests on paired differences.
 *
 * returns  p of the hypothesis that the mean difference is margin or more in size; small p: they are equivalent
 * source   Schuirmann 1987
 */
SD_API double sd_test_equivalence(int64_t n, const double *difference, double margin);

/** A rank correlation and the p-value of no association. */
typedef struct sd_correlation {
    double coefficient; /**< in [-1,1]; NaN if one side is constant */
    double p;           /**< two-sided */
} sd_correlation;

/** Spearman's rho; p exact up to n = 10, else by Student's approximation. errors SD_ENOMEM, SD_EINVAL (n < 2) */
SD_API sd_status sd_spearman(int n, const double *x, const double *y, sd_correlation *correlation);

/**
 * Kendall's tau-b; p exact without ties up to n = 100, else by the normal approximation. errors SD_ENOMEM, SD_EINVAL (n < 2)
 */
SD_API sd_status sd_kendall(int n, const double *x, const double *y, sd_correlation *correlation);

#ifdef __cplusplus
}
#endif
#endif
