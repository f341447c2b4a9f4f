/*
 * trial.h -- networks fitted to examples that have been spoilt: labels permuted among each other, pixels permuted in every image.
 *
 * A trial draws examples, first weights and an order once; its runs differ in nothing but how the examples are spoilt, so runs of one trial
 * are pairs, and different trials are independent.
 */
#ifndef SD_LAB_TRIAL_H
#define SD_LAB_TRIAL_H

#include "lab/claim.h"
#include "lab/fit.h"

/*
 * Opens a named set of images with values in [0,1] and the first 2,000 of its test part. Where it is not on this machine, a quick run takes
 * the embedded digits and notes it. errors SD_ENOTFOUND (a full run), those of sd_data_open()
 */
sd_status sd__trial_images(sd_lab *lab, const char *name, sd_data *data);

/*
 * Permutes the labels of a `share` of n examples, chosen by chance, among themselves: each class keeps its number of examples. With a share
 * of 1 the labels say nothing about the inputs. errors SD_ENOMEM
 */
sd_status sd__permute_labels(sd_random *random, double share, int64_t n, int32_t *y);

/* Puts the d values of each of n rows x [n,d] into an order of its own: left is how often each value occurs. errors SD_ENOMEM */
sd_status sd__permute_pixels(sd_random *random, int64_t n, int64_t d, float *x);

/* The chance that a label drawn from a equals one drawn from b: the sum over classes of the products of their shares. */
double sd__label_agreement(const sd_examples *a, const sd_examples *b);

/* The scatter of n shares around their mean over that of shares of so many independent answers: 1 if answers are independent. */
double sd__binomial_excess(int n, const double *share, int64_t answers);

/* What trials on permuted labels are made on. */
typedef struct sd_trial_setup {
    const char *set;
    int64_t n; /* training examples */
    sd_fit_net net;
    double rate;    /* of learning, whatever the labels */
    bool full_only; /* a quick run leaves it out */
} sd_trial_setup;

enum { SD_TRIAL_SETUPS = 2 };

/* 1,000 images of MNIST and 512 units; in full also 5,000 of CIFAR-10 and convolutions. */
extern const sd_trial_setup sd__trial_setup[SD_TRIAL_SETUPS];

typedef struct sd_trial {
    sd_dataset *drawn; /* n of the training part, with their true labels */
    const sd_normalization *normalization;
    sd_examples train; /* as the last run spoilt them */
    sd_model *model;
    double rate;
    uint64_t seed;
    sd_random random; /* of the permutations */
} sd_trial;

/* Draws training examples, and the first weights of a network. `data` must outlive the trial. To be ended, also after a failure. */
sd_status sd__trial_begin(sd_lab *lab, const sd_data *data, const sd_trial_setup *setup, int number, sd_trial *trial);
void sd__trial_end(sd_trial *trial);

/* Spoils the examples and trains on them until no mistake is left: momentum 0.9, batches of 20. */
sd_status sd__trial_run(sd_trial *trial, double share, bool pixels, const sd_examples *test, sd_fit *fit);

#endif
