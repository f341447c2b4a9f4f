/*
 * minimize.c -- L-BFGS: steps along an approximate Newton direction that is made from the last few
 * changes of point and gradient.
 *
 * The inverse Hessian is never written down: applied to a vector, it is two passes over the pairs kept (Nocedal 1980).
 */
#include "classic/minimize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"

enum { MEMORY = 12, TRIALS = 40 };

static const double decrease = 1e-4, flatter = 0.9, noise = 1e-6; /* Wolfe's two, and Hager & Zhang's share of the value */

typedef struct point {
    double *w, *gradient; /* [n] */
    double value, slope;  /* along the direction */
} point;

typedef struct walk {
    int64_t n;
    sd_smooth_fn *function;
    void *user;
    point here, next;
    double *direction;               /* [n] */
    double *ds[MEMORY], *dg[MEMORY]; /* [n] changes of point and gradient, in a ring */
    double curvature[MEMORY];        /* <ds, dg>, positive */
    int pairs, newest;               /* kept; place of the last */
    double *room;                    /* all of these vectors */
    int visits;
} walk;

static sd_status make_room(walk *k)
{
    size_t n = (size_t)k->n;
    double *next = k->room = sd__alloc(n, (5 + 2 * MEMORY) * sizeof *k->room);
    if (!next)
        return sd__fail(SD_ENOMEM, "no memory to minimise over %lld variables", (long long)k->n);
    double **vector[5] = {&k->here.w, &k->here.gradient, &k->next.w, &k->next.gradient, &k->direction};
    for (int i = 0; i < 5; i++, next += n)
        *vector[i] = next;
    for (int i = 0; i < MEMORY; i++, next += 2 * n) {
        k->ds[i] = next;
        k->dg[i] = next + n;
    }
    return SD_OK;
}

/* direction = -H gradient, H the approximate inverse Hessian. */
static void choose_direction(walk *k)
{
    double share[MEMORY] = {0};
    for (int64_t i = 0; i < k->n; i++)
        k->direction[i] = -k->here.gradient[i];
    for (int j = 0; j < k->pairs; j++) {
        int p = (k->newest - j + MEMORY) % MEMORY;
        share[p] = sd__dot(k->n, k->ds[p], k->direction) / k->curvature[p];
        sd__add_scaled(k->n, -share[p], k->dg[p], k->direction);
    }
    if (k->pairs) {
        double scale = k->curvature[k->newest] / sd__dot(k->n, k->dg[k->newest], k->dg[k->newest]);
        for (int64_t i = 0; i < k->n; i++)
            k->direction[i] *= scale;
    }
    for (int j = k->pairs - 1; j >= 0; j--) {
        int p = (k->newest - j + MEMORY) % MEMORY;
        sd__add_scaled(k->n, share[p] - sd__dot(k->n, k->dg[p], k->direction) / k->curvature[p], k->ds[p], k->direction);
    }
    k->here.slope = sd__dot(k->n, k->here.gradient, k->direction);
}

static sd_status visit(walk *k, double step)
{
    memcpy(k->next.w, k->here.w, (size_t)k->n * sizeof *k->next.w);
    sd__add_scaled(k->n, step, k->direction, k->next.w);
    k->visits++;
    SD_TRY(k->function(k->user, k->next.w, &k->next.value, k->next.gradient));
    k->next.slope = sd__dot(k->n, k->next.gradient, k->direction);
    return SD_OK;
}

static bool low_enough(const walk *k, double step)
{
    const point *a = &k->here, *b = &k->next;
    bool wolfe = b->value <= a->value + decrease * step * a->slope;
    return wolfe || (b->value <= a->value + noise * fabs(a->value) && b->slope <= (2 * decrease - 1) * a->slope);
}

/* Halves between what is too far and what is too near. *found is false where no step is right. */
static sd_status search(walk *k, double step, bool *found)
{
    double near = 0, far = INFINITY;
    *found = false;
    for (int trial = 0; trial < TRIALS && !*found; trial++) {
        SD_TRY(visit(k, step));
        if (!isfinite(k->next.value) || !isfinite(k->next.slope) || !low_enough(k, step))
            far = step;
        else if (k->next.slope < flatter * k->here.slope)
            near = step;
        else
            *found = true;
        step = isfinite(far) ? 0.5 * (near + far) : 2 * step;
    }
    return SD_OK;
}

static void remember(walk *k)
{
    int p = k->pairs ? (k->newest + 1) % MEMORY : 0;
    for (int64_t i = 0; i < k->n; i++) {
        k->ds[p][i] = k->next.w[i] - k->here.w[i];
        k->dg[p][i] = k->next.gradient[i] - k->here.gradient[i];
    }
    k->curvature[p] = sd__dot(k->n, k->ds[p], k->dg[p]);
    if (k->curvature[p] > 1e-14 * sd__dot(k->n, k->dg[p], k->dg[p])) { /* rounding alone can make it 0 */
        k->newest = p;
        k->pairs = SD_MIN(k->pairs + 1, MEMORY);
    }
    point old = k->here;
    k->here = k->next;
    k->next = old;
}

static sd_status go(walk *k, double tolerance, int most, sd_minimum *m)
{
    bool found = true;
    double norm = sqrt(sd__dot(k->n, k->here.gradient, k->here.gradient));
    for (m->iterations = 0; norm > tolerance && m->iterations < most && found; m->iterations++) {
        choose_direction(k);
        SD_TRY(search(k, k->pairs ? 1 : SD_MIN(1, 1 / norm), &found));
        if (found)
            remember(k);
        norm = sqrt(sd__dot(k->n, k->here.gradient, k->here.gradient));
        if (!found && k->pairs) { /* what is remembered may mislead: once more along the gradient */
            k->pairs = 0;
            found = true;
        }
    }
    m->value = k->here.value;
    m->gradient_norm = norm;
    m->converged = norm <= tolerance;
    return SD_OK;
}

static sd_status begin(walk *k, const double *w)
{
    SD_TRY(make_room(k));
    memcpy(k->here.w, w, (size_t)k->n * sizeof *w);
    k->visits++;
    SD_TRY(k->function(k->user, k->here.w, &k->here.value, k->here.gradient));
    return isfinite(k->here.value) && isfinite(sd__dot(k->n, k->here.gradient, k->here.gradient))
               ? SD_OK
               : sd__fail(SD_ENONFINITE, "the function to be minimised is not finite where the search starts");
}

sd_status sd__minimize(int64_t n, sd_smooth_fn *function, void *user, double tolerance, int most, double *w,
                       sd_minimum *minimum)
{
    walk k = {.n = n, .function = function, .user = user};
    *minimum = (sd_minimum){.value = NAN, .gradient_norm = NAN};
    sd_status status = begin(&k, w);
    if (status == SD_OK)
        status = go(&k, tolerance, most, minimum);
    if (status == SD_OK)
        memcpy(w, k.here.w, (size_t)n * sizeof *w);
    minimum->visits = k.visits;
    free(k.room);
    return status;
}
