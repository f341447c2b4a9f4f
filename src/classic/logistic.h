/*
 * logistic.h -- multinomial logistic regression with an L2 penalty: the linear classifier that is a convex problem.
 *
 * Minimised is  mean over i of -log softmax(x_i W + b)_{y_i}  +  strength / 2 |W|^2  over W [d,C] and b [C]; the bias is not
 * penalised. Loss and gradient are a compiled program, so the engine's kernels do the work.
 */
#ifndef SD_CLASSIC_LOGISTIC_H
#define SD_CLASSIC_LOGISTIC_H

#include <sonde/plan.h>

#include "classic/minimize.h"

/* Samples with classes; the caller's. */
typedef struct sd_classified {
    int64_t n, d;
    int classes;      /* C >= 2; each of them must occur, or its bias has no optimum */
    sd_dtype dtype;   /* of x: f32, or f64 where optima are wanted to many digits */
    const void *x;    /* [n,d] */
    const int32_t *y; /* [n] in [0,C) */
} sd_classified;

typedef struct sd_logistic sd_logistic;

/* The samples must outlive it. errors SD_EINVAL (one class, a class without sample, a label out of range), SD_ENOMEM */
sd_status sd__logistic_new(sd_context *context, const sd_classified *samples, sd_logistic **logistic);
void sd__logistic_free(sd_logistic *logistic);

/* Numbers of W and b together: (d + 1) C. W comes first, row by row. */
int64_t sd__logistic_size(const sd_logistic *logistic);

/* Loss with penalty, and its gradient, at w [size]. */
sd_status sd__logistic_loss(sd_logistic *logistic, double strength, const double *w, double *loss, double *gradient);

/* The norm of the gradient at w = 0, where the penalty has no part in it: what the tolerance of a fit is relative to. */
sd_status sd__logistic_start(sd_logistic *logistic, double *norm);

/*
 * From w [size], which receives the optimum, until the gradient's norm is at most `tolerance` times that at w = 0. In f32,
 * rounding ends the search early; minimum->converged and gradient_norm say how far it came.
 */
sd_status sd__logistic_fit(sd_logistic *logistic, double strength, double tolerance, double *w, sd_minimum *minimum);

/* The class with the largest score of each of n rows x [n,d]; the first of equals. */
void sd__logistic_classify(const double *w, int64_t d, int classes, int64_t n, sd_dtype dtype, const void *x, int32_t *class);

#endif
