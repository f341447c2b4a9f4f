/*
 * runs.h -- a table of runs: what each repetition measured, and what all of them say together.
 *
 * A row is the caller's struct, all of whose members are doubles (or arrays of them); a column is one member of all rows, named by its
 * address in the first row: &row[0].loss[3]. Rows are independent repetitions; two members of one row are a pair.
 */
#ifndef SD_LAB_RUNS_H
#define SD_LAB_RUNS_H

#include "lab/claim.h"

typedef struct sd_runs {
    int n;                  /* rows; may be lowered, so that only the first so many count */
    size_t size;            /* of a row */
    void *row;              /* [n] structs, zero at first */
    double *column, *other; /* [n] room for a column, and for its partner */
} sd_runs;

/* errors SD_ENOMEM. To be freed. */
sd_status sd__runs_new(int n, size_t size, sd_runs *runs);
void sd__runs_free(sd_runs *runs);

/* The column [n] without gaps, until the next call. */
const double *sd__runs_column(const sd_runs *runs, const double *member);

/* Mean of a column; mean of the paired differences member - less; the largest value. */
sd_interval sd__runs_mean(const sd_runs *runs, const double *member, double confidence);
sd_interval sd__runs_paired(const sd_runs *runs, const double *member, const double *less, double confidence);
double sd__runs_largest(const sd_runs *runs, const double *member);

/* p of Page's test for a rise over the n elements of a member that is an array. errors those of sd_test_page() */
sd_status sd__runs_page(const sd_runs *runs, int n, const double *member, double *p);

/* Adds n points with intervals to the series begun last: at x[i] the mean of member[i], a member that is an array of n. */
void sd__runs_points(sd_lab *lab, const sd_runs *runs, int n, const double *x, const double *member, double confidence);

#endif
