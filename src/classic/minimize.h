/* minimize.h -- a minimum of a smooth function of many variables, from its values and gradients; of one variable, from values. */
#ifndef SD_CLASSIC_MINIMIZE_H
#define SD_CLASSIC_MINIMIZE_H

#include "base/base.h"

/* Value and gradient [n] at w [n]. */
typedef sd_status sd_smooth_fn(void *user, const double *w, double *value, double *gradient);

typedef struct sd_minimum {
    double value;           /* where it ended */
    double gradient_norm;   /* there */
    int iterations, visits; /* of these as many evaluations of the function */
    bool converged;         /* gradient_norm is at most the tolerance; else no step led further down, or `most` was reached */
} sd_minimum;

/*
 * Walks from w [n], which receives the result, until the gradient's Euclidean norm is at most `tolerance`, for at most `most`
 * iterations. Of a convex function that is the minimum; of others, a critical point.
 *
 * source  L-BFGS: Liu & Nocedal 1989. Steps meet the Wolfe conditions, or near the end, where values differ by rounding alone,
 *         the approximate ones of Hager & Zhang 2005
 * errors  what the function returns; SD_ENONFINITE (its value or gradient at the start), SD_ENOMEM
 */
sd_status sd__minimize(int64_t n, sd_smooth_fn *function, void *user, double tolerance, int most, double *w,
                       sd_minimum *minimum);

/* Value at x. */
typedef sd_status sd_line_fn(void *user, double x, double *value);

/*
 * The minimum, in [low, high], of a function that first falls and then rises: a convex one, for instance. *x is within
 * `tolerance` * high of it, and *value is the function's there.
 *
 * source  golden section: Kiefer 1953, one value a step
 * errors  what the function returns
 */
sd_status sd__golden_section(sd_line_fn *function, void *user, double low, double high, double tolerance, double *x,
                             double *value);

#endif
