/* draw.c -- random points, orders and matrices; bars and stripes. */
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

/* H <- (1 - 2 v v') H (1 - 2 v v') for a random direction v keeps the eigenvalues. */
static void reflect(sd_random *random, int n, double *h)
{
    double v[SD_DRAW_MOST], hv[SD_DRAW_MOST], norm = 0, vhv = 0;
    for (int i = 0; i < n; i++) {
        v[i] = sd__random_normal(random);
        norm += v[i] * v[i];
    }
    for (int i = 0; i < n; i++) {
        hv[i] = sd__dot(n, h + (ptrdiff_t)i * n, v);
        vhv += v[i] * hv[i];
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++)
            h[i * n + j] += (4 * v[i] * v[j] * vhv / norm - 2 * (v[i] * hv[j] + hv[i] * v[j])) / norm;
}

void sd__draw_symmetric(sd_random *random, int n, const double *eigenvalue, double *h)
{
    for (int i = 0; i < n * n; i++)
        h[i] = i % (n + 1) ? 0 : eigenvalue[i / n];
    for (int turn = 0; turn < 4; turn++)
        reflect(random, n, h);
}

int sd__bars_and_stripes(int side, double *x)
{
    int pictures = 0, all = (1 << side) - 1;
    for (int turned = 0; turned < 2; turned++)
        for (int lines = 0; lines <= all; lines++) {
            if (turned && (lines == 0 || lines == all)) /* of one colour: drawn as rows already */
                continue;
            for (int i = 0; i < side * side; i++)
                *x++ = lines >> (turned ? i % side : i / side) & 1;
            pictures++;
        }
    return pictures;
}
