/* why.h -- the report of a run: page one, a section an instrument, the rest folded; one page that needs nothing beside it. */
#ifndef SD_REPORT_WHY_H
#define SD_REPORT_WHY_H

#include "probe/instrument.h"

/*
 * Told before each part of the work: its name, its number from 1, how many there are, and the seconds that the rest
 * may take (NaN: unknown).
 */
typedef void sd_why_progress(void *user, const char *what, int number, int all, double left);

typedef struct sd_why_options {
    const char *data_dir; /* searched first for data sets; or NULL */
    sd_effort effort;     /* SD_EFFORT_QUICK or SD_EFFORT_FULL */
    double budget;        /* seconds after which no further instrument is begun; 0: no limit */
    uint64_t seed;        /* of whatever instruments draw */
    sd_why_progress *progress;
    void *user;
} sd_why_options;

/*
 * Examines a run (or the run of a checkpoint) with every instrument. Nothing of the run is changed.
 *
 *   {"run": "lenet-001", "checkpoint", "epoch", "weights", "part", "samples", "seed", "effort", "budget",
 *   "commit", "date", "machine",
 *    "seconds", "overview": SECTION, "folded": SECTION, "sections": [SECTION, ...]}
 *
 * A SECTION is as sd__examine() makes it (those of "sections" with "seconds"); one that could not be made has "reason" in
 * place of "facts" and "found".
 *
 * report  to be dropped
 * errors  those of sd__examination_open(), SD_ENOMEM
 */
sd_status sd__why(sd_context *context, const char *run, const sd_why_options *options, json_t **report);

/*
 * Writes FOLDER/report.html (complete, or the former one stays), and the data of its figures to FOLDER/report/ as CSV.
 *
 * errors  SD_EIO, SD_ENOMEM, those of sd__drawing_figure()
 */
sd_status sd__why_page(const json_t *report, const char *folder);

#endif
