/* tally.h -- counts hits and sums losses batch by batch: the running numbers of an epoch, and scores of a data set. */
#ifndef SD_TRAIN_TALLY_H
#define SD_TRAIN_TALLY_H

#include <sonde/train.h>
#include <stdatomic.h>

#include "base/base.h"

typedef struct sd_tally {
    int classes;     /* 0: real targets */
    int64_t columns; /* of the model's output */
    int64_t samples;
    double loss; /* sum over samples */
    int64_t correct;
    int64_t *confusion; /* [classes, classes] */
    double squared;     /* sum of squared errors over samples and targets */
    double *mean, *m2;  /* [targets] Welford's running mean and sum of squared deviations */
} sd_tally;

sd_status sd__tally_init(sd_tally *tally, int classes, int64_t columns);
void sd__tally_clear(sd_tally *tally);

/* The class that a row of the output names: its first largest column; of one column, whether it is above 0; of a single class, that one. */
int sd__predicted_class(const void *output, sd_dtype dtype, int64_t row, int64_t columns, int classes);

/* Logits x [n] become probabilities. */
void sd__softmax(int64_t n, double *x);

/* How many of the first n rows name the right class. */
int64_t sd__count_correct(const void *output, sd_dtype dtype, int64_t columns, int classes, const int32_t *labels, int n);

/* Adds the first `valid` rows of a batch: losses [B], output [B,columns] of `dtype`. */
void sd__tally_add(sd_tally *tally, const sd_batch *batch, sd_dtype dtype, const void *losses, const void *output);

/* The scores; takes the confusion matrix out of the tally. */
sd_scores sd__tally_scores(sd_tally *tally);

/* How to look at a data set, beside what sd_evaluate() takes. */
typedef struct sd_look {
    int batch;                 /* 0: 256 */
    const void *theta, *state; /* weights and states to use; NULL: the model's own */
    const atomic_bool *cancel; /* ends with SD_ECANCELLED when it becomes true; or NULL */
} sd_look;
sd_status sd__evaluate(sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, sd_look look,
                       sd_scores *scores);

/* Elements of one output. */
int64_t sd__output_columns(const sd_model *model);

/* SD_ESHAPE unless samples of this set are inputs of the model, and (if targets) its targets what the model learns. */
sd_status sd__check_fit(const sd_model *model, const sd_dataset *dataset, bool targets);

#endif
