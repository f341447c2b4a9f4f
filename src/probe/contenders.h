/* contenders.h -- what a network's score is compared with: simpler models, and the network before training, on the same
 * samples. */
#ifndef SD_PROBE_CONTENDERS_H
#define SD_PROBE_CONTENDERS_H

#include "probe/instrument.h"
#include "probe/judged.h"

typedef enum sd_contender_kind {
    SD_CONTENDER_RUN,       /* the network itself */
    SD_CONTENDER_CONSTANT,  /* the training part's most frequent class; of real targets, its mean */
    SD_CONTENDER_LINEAR,    /* on the raw input: multinomial logistic regression; of real targets, least squares */
    SD_CONTENDER_NEAREST,   /* the label (or target) of the nearest training sample */
    SD_CONTENDER_UNTRAINED, /* the same network with the weights it had before training */
    SD_CONTENDERS
} sd_contender_kind;

typedef struct sd_contender {
    int64_t n;         /* judged on the first so many of the held samples; 0: not compared */
    double *error;     /* [n] as in sd_judged */
    sd_interval score; /* share that is right (Clopper & Pearson), or R^2 (percentile bootstrap); 95 %. NaN where n = 0 */
    sd_interval
        lead;       /* how much the run is better on the same samples (paired, 95 %): share that is right; of real targets, mean
                          squared error of the contender less the run's. NaN: not compared */
    double rmse;    /* of real targets, over all of them */
    char note[256]; /* how it was made; or why it was not */
} sd_contender;

/* How much is spent. */
typedef struct sd_contest_amounts {
    int64_t judged;    /* most samples of a part that the network is run on */
    int64_t linear;    /* most training samples for the linear model: four fifths to fit, the others to choose the penalty by */
    int64_t reference; /* most training samples among which the nearest is looked for */
    int64_t asked;     /* most samples whose nearest neighbour is looked for */
    double tolerance;  /* gradient left at the linear model's optimum, relative to that at zero weights */
    int64_t features;  /* larger maps are averaged over a grid for the linear model */
} sd_contest_amounts;

/* Where they meet. */
typedef struct sd_contest {
    const sd_examination *e;
    sd_contest_amounts amount;
    sd_dataset *train;    /* training samples, in an order drawn by chance */
    sd_dataset *held;     /* samples to be judged on, likewise */
    bool held_out;        /* false: these are training samples */
    const sd_judged *run; /* the run's weights on held */
    int batch;            /* 0: 256 */
} sd_contest;

/* "linear model on the raw input", ... */
const char *sd__contender_name(sd_contender_kind kind, bool classes);

/*
 * Makes and scores one contender. What cannot be compared is no error: n is 0, and the note says why. To be cleared.
 *
 * errors SD_ENOMEM
 */
sd_status sd__contender(const sd_contest *contest, sd_contender_kind kind, sd_contender *contender);
void sd__contender_clear(sd_contender *contender);

#endif
