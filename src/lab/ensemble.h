/*
 * ensemble.h -- a network with dropout as the ensemble of its members, one for each mask: all of them, or many that are drawn.
 *
 * A member keeps each unit with probability q = 1 - rate and divides what it keeps by q, so that the network with every unit on, as eval
 * mode runs it, is the one with normalised weights.
 */
#ifndef SD_LAB_ENSEMBLE_H
#define SD_LAB_ENSEMBLE_H

#include "lab/fit.h"

/* log_p [classes] = log softmax(z) */
void sd__log_softmax(int classes, const double *z, double *log_p);

/* ---- every mask ------------------------------------------------------------------------------------------------------------- */

enum { SD_MEMBER_UNITS = 16 };

/* All members of a network that drops units of its input and nothing else, at one input. */
typedef struct sd_members {
    int units, classes;
    double keep;       /* q */
    int count;         /* 2^units members; bit i of a member's number: unit i is on */
    double *x;         /* [count + 1, units] the input as each of them sees it; last as it is */
    double *z, *log_p; /* [count + 1, classes] their outputs and log-probabilities; last, with normalised weights */
} sd_members;

/* model: in f64, of one output a class; x [units]. errors SD_EINVAL, SD_ENOMEM, those of sd_model_run(). To be freed. */
sd_status sd__members_of(sd_model *model, double rate, const double *x, sd_members *members);
void sd__members_free(sd_members *members);

/* p [classes]: of the network with normalised weights. */
void sd__members_scaled(const sd_members *members, double *p);

/* p [classes]: the geometric mean of the members' probabilities, each counted with the probability of its mask; normalised. */
void sd__members_mean(const sd_members *members, double *p);

/* The first member whose output this is, within 1e-10; -1: none. */
int sd__members_find(const sd_members *members, const double *output);

/* What training mode draws at the steps 0 .. draws - 1: units kept in all, and outputs that no member gives. */
sd_status sd__members_drawn(sd_model *model, const sd_members *members, int draws, int64_t *kept, int64_t *strangers);

/* ---- masks drawn in training mode ---------------------------------------------------------------------------------------------- */

/* Means over masks, for each of n inputs. */
typedef struct sd_ensemble {
    int64_t n;
    int classes, masks;
    double *p, *square, *log_p; /* [n, classes] of probabilities, of their squares, of their logarithms */
    double *scaled;             /* [n, classes] log-probabilities with normalised weights */
    double member_error;        /* share of inputs that a single mask gets wrong, mean of all masks */
} sd_ensemble;

/* The model, in f32, in training mode at the steps 0 .. masks - 1, and in eval mode. errors SD_ENOMEM, those of sd_model_run(). To be freed. */
sd_status sd__ensemble_draw(sd_model *model, const sd_examples *examples, int masks, sd_ensemble *ensemble);
void sd__ensemble_free(sd_ensemble *ensemble);

/* What they say against labels; only doubles, so that it may be a row of sd_runs. Errors in percent. */
typedef struct sd_ensemble_scores {
    double scaled_error, mean_error, member_error; /* of normalised weights, of the mean of all masks, of one mask */
    double scaled_loss, mean_loss;                 /* cross-entropy of the first two */
    double to_mean,
        to_geometric; /* mean |difference| of a probability between normalised weights and either mean of the masks */
} sd_ensemble_scores;
sd_ensemble_scores sd__ensemble_judge(const sd_ensemble *ensemble, const int32_t *label);

/* The share of rows whose largest score [n, classes], the first of equals, is not at the label. */
double sd__error_rate(int64_t n, int classes, const double *score, const int32_t *label);

#endif
