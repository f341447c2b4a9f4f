/* draw.c -- random points and orders. */
#include "lab/draw.h"

#include <math.h>

void sd__draw_sphere(sd_random *random, int64_t d, double *x)
{
    double norm = 0;
    while (norm == 0) {
        for (int64_t j = 0; j < d; j++)
            x[j] = sd__random_normal(random);
        norm = sqrt(sd__dot(d, x, x));
    }
    for (int64_t j = 0; j < d; j++)
        x[j] /= norm;
}

/* A uniform direction in the complement of the axis, and then the component along it. */
void sd__draw_at(sd_random *random, int64_t d, const double *axis, double along, double *x)
{
    double norm = 0;
    while (norm < 1e-6) {
        sd__draw_sphere(random, d, x);
        double part = sd__dot(d, x, axis);
        for (int64_t j = 0; j < d; j++)
            x[j] -= part * axis[j];
        norm = sqrt(sd__dot(d, x, x));
    }
    double across = sqrt(1 - along * along) / norm;
    for (int64_t j = 0; j < d; j++)
        x[j] = across * x[j] + along * axis[j];
}

void sd__draw_order(sd_random *random, int64_t n, int64_t *order)
{
    for (int64_t i = 0; i < n; i++) {
        int64_t at = (int64_t)sd__random_below(random, (uint64_t)i + 1);
        order[i] = order[at];
        order[at] = i;
    }
}
