/*
 * newton.h -- second-order steps: Newton's, and the saddle-free one, from the eigenvalues of the whole Hessian.
 *
 * Along eigenvector i of the Hessian the loss is, to second order, f + c u + b u^2 / 2 with slope c and bend b. Newton's step
 * goes to where that is flat, u = -c / b, uphill where b < 0: it is drawn to saddles. The saddle-free step divides by |b|, so
 * it always goes down, and fast along directions that bend little (Dauphin et al. 2014).
 */
#ifndef SD_PROBE_NEWTON_H
#define SD_PROBE_NEWTON_H

#include <sonde/probe.h>

typedef enum sd_newton_kind { SD_NEWTON, SD_SADDLE_FREE } sd_newton_kind;

/* The loss at a point along the eigenvectors of its Hessian. */
typedef struct sd_bends {
    int64_t n;
    double *value;  /* [n] eigenvalues in rising order */
    double *vector; /* [n,n], row i: eigenvector i */
    double *slope;  /* [n] gradient along each eigenvector */
} sd_bends;

/* hessian [n,n] symmetric, gradient [n]. To be freed. errors SD_EINVAL (n > SD_SPECTRUM_MOST), SD_ENONFINITE, SD_ENOMEM */
sd_status sd__bends_of(int64_t n, const double *hessian, const double *gradient, sd_bends *bends);

/* The same for a matrix of curvature, by n products. */
sd_status sd__bends_at(sd_curvature *curvature, sd_bends *bends);

void sd__bends_free(sd_bends *bends);

/* Eigenvalues below -band. */
int64_t sd__bends_index(const sd_bends *bends, double band);

/*
 * step [n] = -(H + damping)^-1 g, or -(|H| + damping)^-1 g. A direction whose divisor is 1e-12 of the largest or less is left
 * out, as the pseudo-inverse does.
 */
void sd__newton_step(sd_newton_kind kind, const sd_bends *bends, double damping, double *step);

/* What one step of descent on a model did. */
typedef struct sd_newton_report {
    double before, after; /* mean loss, all samples as one batch */
    bool moved;           /* false: no damping lowered the loss, and theta is as it was */
    double damping;       /* the one chosen, relative to the largest |eigenvalue| */
    int64_t index;        /* eigenvalues below -1e-9 of the largest, before the step */
    int64_t products;     /* with the Hessian */
    int tried;            /* losses computed in the search for the damping */
} sd_newton_report;

/*
 * One step of descent on the loss of the subject's model, whose theta moves: of the dampings 10^3, 10^2, ... 10^-8 of the
 * largest |eigenvalue| and 0, that with the least loss. errors as sd_curvature_new(); SD_EINVAL (more than SD_SPECTRUM_MOST
 * parameters, f32, frozen parameters, weights of the subject's own)
 */
sd_status sd__newton_descend(const sd_subject *subject, sd_newton_kind kind, sd_newton_report *report);

#endif
