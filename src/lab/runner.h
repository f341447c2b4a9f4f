/*
 * runner.h -- runs claims: those about numbers side by side, one thread each; those about time alone, afterwards.
 *
 * A result is one JSON object: id, verdict, parts, measurements, figures, notes, and where it comes from (commit, seed, machine,
 * seconds, mode). Results are kept as lines of a file; the last line of an id counts.
 */
#ifndef SD_LAB_RUNNER_H
#define SD_LAB_RUNNER_H

#include "lab/record.h"

/* Called once a claim when it is done, never by two threads at once. `result` is the callee's to read, not to keep. */
typedef void sd_lab_done(void *user, const sd_claim *claim, const json_t *result);

/* Runs one claim on the calling thread. A claim that fails gives a result, too: not decided, with the reason. NULL: no memory. */
json_t *sd__lab_run_one(sd_context *context, const sd_claim *claim, const sd_lab_options *options);

/* errors  SD_ENOMEM, after all the others have run */
sd_status sd__lab_run(sd_context *context, int n, const sd_claim *const *claims, const sd_lab_options *options,
                      sd_lab_done *done, void *user);

/* Adds a line to the file, whose folder is made. errors SD_EIO, SD_ENOMEM */
sd_status sd__lab_keep(const char *path, const json_t *result);

/* The last result of each id in the file, as an object id -> result, to be dropped. errors SD_ENOTFOUND, SD_EFORMAT (names the line) */
sd_status sd__lab_results(const char *path, json_t **results);

/* How results compare with what the catalogue foresees. */
typedef enum sd_lab_match { SD_AS_EXPECTED, SD_DIFFERS, SD_UNDECIDED } sd_lab_match;
sd_lab_match sd__lab_compare(const json_t *result);

/* "x86_64, 4 cores, CPU model". The caller frees; NULL without memory. */
char *sd__lab_machine(void);

#endif
