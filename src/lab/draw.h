/* draw.h -- data that several experiments share: random points, orders and matrices; pictures of lines. */
#ifndef SD_LAB_DRAW_H
#define SD_LAB_DRAW_H

#include "base/philox.h"
#include "classic/perceptron.h"

/* A point on the unit sphere, uniformly. */
void sd__draw_sphere(sd_random *random, int64_t d, double *x);

/* A point on the unit sphere whose component along the unit vector `axis` is `along`; d >= 2. */
void sd__draw_at(sd_random *random, int64_t d, const double *axis, double along, double *x);

/* A random order of 0..n-1. */
void sd__draw_order(sd_random *random, int64_t n, int64_t *order);

/* A symmetric matrix h [n,n] with these eigenvalues [n], turned by four random reflections; n <= SD_DRAW_MOST. */
enum { SD_DRAW_MOST = 64 };
void sd__draw_symmetric(sd_random *random, int n, const double *eigenvalue, double *h);

/*
 * Bars and stripes: all pictures of side x side pixels, 0 or 1, whose rows, or whose columns, are of one colour each; each picture once.
 * x [2 * 2^side - 2, side * side]; returns their number.
 */
int sd__bars_and_stripes(int side, double *x);

#endif
