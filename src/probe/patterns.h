/* patterns.h -- the activation patterns of samples, by the library's own forward pass in the model's own type. */
#ifndef SD_PROBE_PATTERNS_H
#define SD_PROBE_PATTERNS_H

#include "probe/piecewise.h"
#include "probe/subject.h"

typedef struct sd_patterns {
    int64_t n;      /* samples */
    int kinks;      /* layers whose units choose */
    int *step;      /* [kinks] of the network */
    uint64_t *hash; /* [kinks + 1][n] of all units, then of each kink's alone; as an explorer's */
    int32_t *guess; /* [n] the class predicted; 0 without classes */
} sd_patterns;

/* The subject's samples, which are samples->n. To be freed, also after an error. errors SD_ENOMEM, those of sd_run() */
sd_status sd__patterns_read(const sd_subject *subject, const sd_piecewise *net, const sd_samples *samples,
                            sd_patterns *patterns);
void sd__patterns_free(sd_patterns *patterns);

#endif
