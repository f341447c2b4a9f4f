/* runs.c -- tables of runs: columns of members, means and paired differences of them. */
#include "lab/runs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

sd_status sd__runs_new(int n, size_t size, sd_runs *runs)
{
    *runs = (sd_runs){.n = n, .size = size};
    runs->row = sd__alloc_zeroed((size_t)n, size);
    runs->column = sd__alloc((size_t)n, sizeof *runs->column);
    runs->other = sd__alloc((size_t)n, sizeof *runs->other);
    if (runs->row && runs->column && runs->other)
        return SD_OK;
    sd__runs_free(runs);
    return sd__fail(SD_ENOMEM, "no memory for a table of %d runs", n);
}

void sd__runs_free(sd_runs *runs)
{
    free(runs->row);
    free(runs->column);
    free(runs->other);
    *runs = (sd_runs){0};
}

static double value_of(const sd_runs *runs, const double *member, int row)
{
    return *(const double *)((const char *)member + (size_t)row * runs->size);
}

static const double *gather(const sd_runs *runs, const double *member, double *to)
{
    for (int i = 0; i < runs->n; i++)
        to[i] = value_of(runs, member, i);
    return to;
}

const double *sd__runs_column(const sd_runs *runs, const double *member) { return gather(runs, member, runs->column); }

sd_interval sd__runs_mean(const sd_runs *runs, const double *member, double confidence)
{
    return sd_interval_mean(runs->n, gather(runs, member, runs->column), confidence);
}

sd_interval sd__runs_paired(const sd_runs *runs, const double *member, const double *less, double confidence)
{
    return sd_interval_paired(runs->n, gather(runs, member, runs->column), gather(runs, less, runs->other), confidence);
}

double sd__runs_largest(const sd_runs *runs, const double *member)
{
    double most = -INFINITY;
    for (int i = 0; i < runs->n; i++)
        most = fmax(most, value_of(runs, member, i));
    return most;
}

sd_status sd__runs_page(const sd_runs *runs, int n, const double *member, double *p)
{
    double *table = sd__alloc((size_t)runs->n * (size_t)n, sizeof *table);
    if (!table)
        return sd__fail(SD_ENOMEM, "no memory for a table of %d runs", runs->n);
    for (int i = 0; i < runs->n; i++)
        memcpy(table + (ptrdiff_t)i * n, (const char *)member + (size_t)i * runs->size, (size_t)n * sizeof *table);
    sd_status status = sd_test_page(runs->n, n, table, p);
    free(table);
    return status;
}

void sd__runs_points(sd_lab *lab, const sd_runs *runs, int n, const double *x, const double *member, double confidence)
{
    for (int i = 0; i < n; i++)
        sd__lab_point_interval(lab, x[i], sd__runs_mean(runs, member + i, confidence));
}
