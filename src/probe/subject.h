/* subject.h -- the samples of a subject in memory, and programs that run on them. */
#ifndef SD_PROBE_SUBJECT_H
#define SD_PROBE_SUBJECT_H

#include <sonde/plan.h>
#include <sonde/probe.h>
#include <stdlib.h>

#include "tensor/element.h"

typedef struct sd_samples {
    int64_t n;
    void *x;                 /* [n, input] of the model's type */
    void *y;                 /* [n] i32, or [n, targets] of the model's type */
    int32_t *ids;            /* [n] */
    size_t x_bytes, y_bytes; /* of one sample */
} sd_samples;

/* SD_ESHAPE where data and model do not fit. To be freed. */
sd_status sd__samples_read(const sd_subject *subject, sd_samples *samples);
void sd__samples_free(sd_samples *samples);

/*
 * Runs a plan on the samples from `first` on: x, y, ids, step, weights and states are bound, every other
 * slot where `output` says.
 *
 * errors  SD_EINVAL (a slot that samples do not fill, where output gives NULL), those of sd_run()
 */
typedef void *sd_output_fn(void *user, const char *slot);
sd_status sd__subject_run(const sd_subject *subject, const sd_samples *samples, int64_t first, const sd_plan *plan,
                          sd_workspace *workspace, sd_output_fn *output, void *user);

/* Samples that go into one batch, of n. */
int64_t sd__subject_batch(const sd_subject *subject, int64_t n);

/* sd_untrained() as another seed would have drawn it. */
sd_status sd__untrained_as(const sd_model *model, uint64_t seed, void **theta, void **state);

/* Runs a plan on slots bound by name; feeds end with slot NULL. SD_EINVAL for a slot without data. */
sd_status sd__run_fed(const sd_plan *plan, sd_workspace *workspace, const sd_feed *feeds, sd_pool *pool);

#endif
