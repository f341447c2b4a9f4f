/* evidence.h -- what the first page of a report rests on beside instruments: calibration, labels in doubt, equal samples, the
 * run's own log. */
#ifndef SD_PROBE_EVIDENCE_H
#define SD_PROBE_EVIDENCE_H

#include "probe/judged.h"

/* ---- calibration --------------------------------------------------------------------------------------------------------- */

enum { SD_RELIABILITY_BINS = 15 };

/* Is a share c right of the samples of which the network is c sure? Bin b holds confidences in (b / BINS, (b + 1) / BINS]. */
typedef struct sd_reliability {
    int64_t count[SD_RELIABILITY_BINS];
    double confidence[SD_RELIABILITY_BINS], accuracy[SD_RELIABILITY_BINS]; /* means; NaN in an empty bin */
    double error;                                                          /* expected calibration error, 0..1 */
    double excess; /* mean confidence less accuracy: above 0 it is too sure */
    sd_interval
        chance; /* the error of a network with these confidences that is exactly as right as it is sure: mean, middle 95 % */
} sd_reliability;

/*
 * The expected calibration error is the mean over samples of |accuracy - mean confidence| of the sample's bin. It cannot be
 * negative, so chance alone makes it positive; how much is found by drawing rights and wrongs from the confidences themselves,
 * 200 times.
 *
 * source  Naeini, Cooper & Hauskrecht 2015; consistency resampling: Broecker & Smith 2007
 * errors  SD_EINVAL (real targets), SD_ENOMEM
 */
sd_status sd__reliability(const sd_judged *judged, uint64_t seed, sd_reliability *reliability);

/* ---- labels in doubt ----------------------------------------------------------------------------------------------------- */

/*
 * Labels in doubt by confident learning: the threshold of a class is its mean probability over the samples labelled so; a
 * sample is in doubt if, of the classes whose thresholds its probabilities reach, the most probable is not its label.
 *
 * The method asks for probabilities of samples that the network was not trained on. One that was trained on a wrong label may
 * have learned it by heart, and then finds too few.
 *
 * suspect  [n] receives the samples, that with the least probable label first; *count how many
 * source   Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels"
 * errors   SD_EINVAL (real targets), SD_ENOMEM
 */
sd_status sd__label_suspects(const sd_judged *judged, int64_t *suspect, int64_t *count);

/* ---- equal samples ------------------------------------------------------------------------------------------------------- */

/* A sample of one set that stands, value for value, in another. */
typedef struct sd_twin {
    int32_t first, second; /* positions in the two sets; `first` is the first of all that are equal */
    bool contradiction;    /* their labels (or targets) differ */
} sd_twin;

/*
 * All samples of `second` that `first` holds too: found by a hash, decided by comparing values, 0 and -0 being equal (and, as
 * everywhere in reading, numbers too small to be normal being 0).
 *
 * hash_bits  1 to 64: how many are used. The result does not depend on it, only the time
 * twin       [count], in the order of `second`; to be freed
 * errors     SD_ESHAPE, SD_ENOMEM, those of reading
 */
sd_status sd__exact_twins(const sd_dataset *first, const sd_dataset *second, int hash_bits, sd_twin **twin, int64_t *count);

/* ---- the run's log ------------------------------------------------------------------------------------------------------- */

/* A line of metrics.jsonl; NaN: not there. */
typedef struct sd_logged {
    int64_t step, epoch;
    double train_loss, train_accuracy;                          /* of a step: loss of its batch */
    double validation_loss, validation_accuracy, validation_r2; /* of an epoch */
} sd_logged;

typedef struct sd_history {
    sd_logged *step, *epoch; /* [steps], [epochs] in the order of writing */
    int64_t steps, epochs;
} sd_history;

/* Reads the log of a run, or of the run of a checkpoint. Lines it does not know are passed over. To be cleared. errors
 * SD_ENOTFOUND, SD_EIO, SD_ENOMEM */
sd_status sd__history_read(const char *run, sd_history *history);
void sd__history_clear(sd_history *history);

#endif
