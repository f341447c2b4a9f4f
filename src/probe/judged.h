/* judged.h -- what a model says of samples, beside what is true of them: the material of a report's first page. */
#ifndef SD_PROBE_JUDGED_H
#define SD_PROBE_JUDGED_H

#include <sonde/probe.h>

typedef struct sd_judged {
    int64_t n;       /* samples; 0: nothing was judged */
    int classes;     /* 0: real targets */
    int64_t columns; /* of p and target: classes, or targets */
    double *p;       /* [n, columns] probabilities: softmax of the outputs; of real targets: the outputs */
    int32_t *label;  /* [n], or NULL */
    double *target;  /* [n, columns], or NULL */
    int32_t *guess;  /* [n] the class that the network names, or NULL */
    double *error;   /* [n] 1 where the guess is wrong, else 0; of real targets: squared error, summed over the targets */
    double *spread;  /* [n] squared distance of the targets from their means over these samples; NULL with classes */
    double loss;     /* mean of the model's own loss */
    double surprise; /* mean of -log p[label], in nats: the loss, if p is what the model was trained by; NaN without classes */
} sd_judged;

/*
 * Runs the subject's weights in eval mode on its first samples. To be cleared.
 *
 * errors  SD_ESHAPE (data does not fit), SD_EINVAL (neither labels nor targets; outputs that answer to neither), SD_ENONFINITE
 *         (names the first weights that are not finite, or the sample), SD_ENOMEM
 */
sd_status sd__judge(const sd_subject *subject, sd_judged *judged);
void sd__judged_clear(sd_judged *judged);

#endif
