/*
 * fit.h -- "train until": networks trained until they make no mistake on their training examples, with which experiments on capacity begin.
 *
 * What a network can fit, and what it then does on fresh examples, is a question about the end of training, not about so many epochs. For
 * other questions there is training for so many epochs, and a linear classifier to compare with.
 */
#ifndef SD_LAB_FIT_H
#define SD_LAB_FIT_H

#include <sonde/train.h>

#include "base/base.h"

/* Examples of classes in memory, so that an experiment may change them. */
typedef struct sd_examples {
    int64_t n;
    sd_shape shape; /* of one input */
    int classes;
    float *x;   /* [n, shape] */
    int32_t *y; /* [n] in [0,classes) */
} sd_examples;

/* All samples of a set. normalization may be NULL. errors SD_EINVAL (no classes), SD_ENOMEM, what reading returns */
sd_status sd__examples_read(const sd_dataset *dataset, const sd_normalization *normalization, sd_examples *examples);
void sd__examples_clear(sd_examples *examples);

/* n of them, from the first-th on: a view, not to be cleared. */
sd_examples sd__examples_part(const sd_examples *examples, int64_t first, int64_t n);

/* A network of ReLUs; with nothing of this a linear one. */
typedef struct sd_fit_net {
    int64_t filters; /* for images: of a 3x3 convolution with stride 2, followed by another with twice as many; 0: none */
    int64_t units;   /* of a hidden layer; 0: none */
} sd_fit_net;

/* A classifier of such examples, f32. To be freed. */
sd_status sd__fit_model(sd_context *context, const sd_examples *examples, sd_fit_net net, sd_model **model);

enum { SD_FIT_EPOCHS = 200 }; /* most that are spent */

/* How to train. */
typedef struct sd_fit_spec {
    sd_optimizer_spec optimizer;
    int batch;
    uint64_t seed; /* of the order of examples; for sd__fit() also of the first weights */
} sd_fit_spec;

/* Trains for so many epochs from the weights that the model has. */
sd_status sd__train_epochs(sd_model *model, const sd_examples *train, const sd_fit_spec *spec, int64_t epochs);

/* How "train until" went. */
typedef struct sd_fit {
    bool whole;                   /* every training example was classified right in the end */
    int64_t epochs;               /* so many it took; without `whole`, SD_FIT_EPOCHS */
    double train, test;           /* accuracy in the end */
    double course[SD_FIT_EPOCHS]; /* training accuracy after each epoch; 1 after the last that was needed */
} sd_fit;

/* Draws the weights anew and trains until every training example is classified right. Not to get there is no error: see `whole`. */
sd_status sd__fit(sd_model *model, const sd_examples *train, const sd_examples *test, const sd_fit_spec *spec, sd_fit *fit);

/*
 * What a linear classifier makes of the same examples: logistic regression with an L2 penalty of that strength, to convergence; the
 * accuracy on fresh ones. errors SD_ENOMEM
 */
sd_status sd__linear_accuracy(sd_context *context, const sd_examples *train, const sd_examples *test, double strength,
                              double *accuracy);

#endif
