/*
 * ridge.h -- least squares with an L2 penalty: the linear model of real targets.
 *
 * Minimised is  mean over i of |x_i W + b - y_i|^2  +  strength s^2 |W|^2  over W [d,t] and b [t], where s^2 is the mean
 * squared length of x about its mean; so a strength means the same whatever the units of x. Products are the engine's, the
 * solution is LAPACK's (Cholesky).
 */
#ifndef SD_CLASSIC_RIDGE_H
#define SD_CLASSIC_RIDGE_H

#include <sonde/plan.h>

#include "base/base.h"

typedef struct sd_ridge {
    int64_t d, t;
    double *gram;            /* [d,d] covariance of x */
    double *cross;           /* [d,t] covariance of x with y */
    double *x_mean, *y_mean; /* [d], [t] */
} sd_ridge;

/* From n samples x [n,d] and y [n,t], from both of which it takes the mean off. To be cleared, also after an error. errors
 * SD_ENOMEM */
sd_status sd__ridge_begin(sd_context *context, int64_t n, int64_t d, int64_t t, double *x, double *y, sd_ridge *ridge);
void sd__ridge_clear(sd_ridge *ridge);

/* w [d,t]. errors SD_EINVAL (rounding leaves no solution: a stronger penalty is needed), SD_ENOMEM */
sd_status sd__ridge_solve(const sd_ridge *ridge, double strength, double *w);

/* y [t] of one sample x [d]. */
void sd__ridge_predict(const sd_ridge *ridge, const double *w, const double *x, double *y);

#endif
