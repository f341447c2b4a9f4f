/* draw.h -- random data that several experiments share. */
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

#endif
