/* lanczos.h -- what symmetric matrices tell through their products alone: extreme eigenpairs, trace, spectral density. */
#ifndef SD_PROBE_LANCZOS_H
#define SD_PROBE_LANCZOS_H

#include <sonde/probe.h>

/* A symmetric matrix [n,n] by its products. */
typedef sd_status sd_product(void *user, const double *v, double *product);
typedef struct sd_symmetric {
    int64_t n;
    sd_product *product;
    void *user;
    int64_t products; /* counted here */
} sd_symmetric;

typedef struct sd_extremes {
    sd_eigenpair *largest;
    sd_eigenpair smallest;
    int converged, steps;
} sd_extremes;

/* The matrix of curvature by its products. */
sd_symmetric sd__matrix_of(sd_curvature *curvature);

/* The `pairs` <= n largest into extremes->largest (the caller's), residuals by products of their own. */
sd_status sd__lanczos(sd_symmetric *matrix, int pairs, int most_steps, double tolerance, uint64_t seed, sd_extremes *extremes);

/* The trace by Hutch++ with `budget` products; exact where n <= budget. */
sd_status sd__hutchpp(sd_symmetric *matrix, int budget, double confidence, uint64_t seed, sd_interval *trace, bool *exact);

/* One random vector's quadrature: up to `steps` nodes, whose weights add up to 1. *count receives how many. */
sd_status sd__lanczos_quadrature(sd_symmetric *matrix, int steps, uint64_t seed, uint64_t vector, double *node, double *weight,
                                 int *count);

/* Nodes and weights of the tridiagonal matrix with this diagonal [m] and this one beside it [m-1]; Golub & Welsch 1969. */
sd_status sd__tridiagonal_rule(int m, const double *diagonal, const double *beside, double *node, double *weight);

/* matrix [n,n] receives the matrix itself, by n products; its two halves are averaged, for they differ by rounding. */
sd_status sd__assemble(sd_symmetric *a, double *matrix);

/* All eigenvalues in rising order. */
sd_status sd__spectrum(sd_symmetric *matrix, double *value);

#endif
