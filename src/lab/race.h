/*
 * race.h -- methods of training compared: from one start, on one set of samples, by the training loss after equal numbers of gradients.
 *
 * The unit of work is a gradient over all samples. The methods are looked at after the work of 0, 1, 2, ... second-order steps, each
 * with the whole Hessian, so that first-order methods get as many gradients in between as such a step costs.
 */
#ifndef SD_LAB_RACE_H
#define SD_LAB_RACE_H

#include <sonde/optim.h>

#include "lab/runs.h"
#include "probe/newton.h"

enum { SD_RACE_STEPS = 40 }; /* most second-order steps of a race */

typedef struct sd_race {
    sd_model *model;
    sd_dataset *data;
    const double *x; /* [samples, input] the caller's */
    const int32_t *y;
    int64_t samples;
    double *start; /* [parameters] where every method begins */
    int steps;     /* length, in second-order steps */
} sd_race;

/* How one method fared; only doubles, so that it may be part of a row of sd_runs. */
typedef struct sd_course {
    double work[SD_RACE_STEPS + 1]; /* gradients computed by then */
    double
        loss[SD_RACE_STEPS + 1]; /* over all samples, after the work of so many second-order steps; infinite once it diverged */
    double first_index, last_index; /* of second-order methods: negative eigenvalues at the start, and before the last step */
} sd_course;

/*
 * spec   of a classifier, in f64; its weights, drawn from its seed, are the start
 * x, y   [samples, input], [samples]: not copied
 * steps  1..SD_RACE_STEPS
 *
 * errors  SD_EINVAL, SD_ENOMEM, those of sd_model_new(). To be freed, also after a failure.
 */
sd_status sd__race_new(sd_context *context, const sd_model_spec *spec, int64_t samples, const double *x, const int32_t *y,
                       int steps, sd_race *race);
void sd__race_free(sd_race *race);

/* Gradients that a second-order step costs: a product with the Hessian counts as one, the loss of a trial as a third of one. */
int64_t sd__race_cost(const sd_race *race);

/* Newton's method, or the saddle-free one, with the damping searched for in every step: sd__newton_descend(). */
sd_status sd__race_newton(const sd_race *race, sd_newton_kind kind, sd_course *course);

/*
 * A first-order method, in batches whose order is drawn by the seed. The rate falls from the spec's to 0 along half a cosine: one that
 * stays never settles, and would be a weak opponent. To diverge is a result, no error.
 */
sd_status sd__race_optimizer(const sd_race *race, const sd_optimizer_spec *spec, int batch, uint64_t seed, sd_course *course);

/* Of n rates that with the least loss at the end, seed[i] for rate[i]. NAN: all of them diverged. */
sd_status sd__race_tune(const sd_race *race, const sd_optimizer_spec *spec, int batch, int n, const double *rate,
                        const uint64_t *seed, double *best);

/* ---- what races on several sets of samples together say ------------------------------------------------------------------------- */

typedef struct sd_races {
    const sd_runs *runs;       /* a row a race, which holds the courses of all methods side by side */
    const sd_course *first;    /* [methods] in the first row */
    const char *task;          /* begins the names of what is recorded */
    const char *const *method; /* [methods] their names */
    int methods, second_order; /* number; so many of them, the first ones, are second-order */
    int steps;
} sd_races;

/* A series a method: mean loss against work, with intervals that hold for all methods together. */
void sd__races_draw(sd_lab *lab, const sd_races *races);

/* A method whose mean loss did not fall: it lags behind no other, nor leads one, in anything that a race could tell. NULL: all fell. */
const char *sd__races_idle(const sd_races *races);

/*
 * Records the final loss of every method (for the part), and how much the last tenth of the race lowered it. Returns the largest share by
 * which it changed a mean loss: a plateau has little of it.
 */
double sd__races_record(sd_lab *lab, const char *part, const sd_races *races);

/* Records how many negative eigenvalues the second-order methods met. */
void sd__races_record_index(sd_lab *lab, const sd_races *races);

/* Final loss of a method less that of another, paired. */
sd_interval sd__races_lead(const sd_races *races, int method, int other, double confidence);

#endif
