/* jacobi.c -- rotations, each of which makes one pair of elements off the diagonal 0; sweep after sweep the others die out (Jacobi 1846). */
#include "classic/jacobi.h"

#include <math.h>

enum { SWEEPS = 30 };

/* The angle that makes m[p,q] zero; the smaller of the two. */
static void angle(const double *m, int n, int p, int q, double *cosine, double *sine)
{
    double theta = (m[q * n + q] - m[p * n + p]) / (2 * m[p * n + q]);
    double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    *cosine = 1 / sqrt(t * t + 1);
    *sine = t * *cosine;
}

/* Turns the n pairs a[k * stride], b[k * stride]. */
static void turn(int n, int stride, double cosine, double sine, double *a, double *b)
{
    for (int k = 0; k < n * stride; k += stride) {
        double x = a[k], y = b[k];
        a[k] = cosine * x - sine * y;
        b[k] = sine * x + cosine * y;
    }
}

double sd__spectral_radius(int n, double *m)
{
    double most = 0, cosine, sine;
    for (int sweep = 0; sweep < SWEEPS; sweep++)
        for (int p = 0; p < n; p++)
            for (int q = p + 1; q < n; q++) {
                if (fabs(m[p * n + q]) < 1e-300)
                    continue;
                angle(m, n, p, q, &cosine, &sine);
                turn(n, n, cosine, sine, m + p, m + q);
                turn(n, 1, cosine, sine, m + (ptrdiff_t)p * n, m + (ptrdiff_t)q * n);
            }
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(m[i * n + i]));
    return most;
}
