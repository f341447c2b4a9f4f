/* perceptron.h -- Rosenblatt's perceptron: one unit with a sign, w <- w + y x at each mistake; and the margin of its data. */
#ifndef SD_CLASSIC_PERCEPTRON_H
#define SD_CLASSIC_PERCEPTRON_H

#include "base/base.h"
#include "base/vector.h"

/* Points with labels. */
typedef struct sd_labelled {
    int64_t n, d;
    double *x; /* [n,d] */
    double *y; /* [n], -1 or 1 */
} sd_labelled;

sd_status sd__labelled_new(int64_t n, int64_t d, sd_labelled *points);
void sd__labelled_free(sd_labelled *points);

/* <a,b> / (|a| |b|): the cosine of the angle between them; NAN if one is 0. */
double sd__cosine(int64_t n, const double *a, const double *b);

/* True if sign(w x) differs from y; sign(0) is neither label, so from w = 0 every example is a mistake. */
bool sd__perceptron_errs(int64_t d, const double *w, const double *x, double y);

/* Shows one example; returns whether it was a mistake. w [d] is corrected then. */
bool sd__perceptron_show(int64_t d, double *w, const double *x, double y);

/* Shows all examples once in the order given (NULL: as they lie); returns the mistakes. */
int64_t sd__perceptron_pass(const sd_labelled *points, const int64_t *order, double *w);

/* The largest norm of an example. */
double sd__radius(const sd_labelled *points);

/* The smallest y <w,x> / |w|: positive if w separates. */
double sd__margin(const sd_labelled *points, const double *w);

/*
 * The largest margin of a hyperplane through the origin, by coordinate ascent in the dual of the hard-margin SVM, with both
 * ends certified: *low is the margin of the vector w [d] that is returned, *high follows from the dual value. Stops when they
 * agree to `tolerance` (relative) or after `sweeps`. *low <= 0: no separator was found. errors SD_ENOMEM
 */
sd_status sd__largest_margin(const sd_labelled *points, double tolerance, int sweeps, double *w, double *low, double *high);

#endif
