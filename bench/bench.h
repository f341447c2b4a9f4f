/*
 * bench.h -- what the files of the benchmark program share.
 *
 * A task is work done step after step. The program drops the first steps, says what it is about to measure in one line of JSON,
 * and then measures one repeat for every line it reads: so a driver can interleave programs, repeat by repeat.
 */
#ifndef SD_BENCH_BENCH_H
#define SD_BENCH_BENCH_H

#include <jansson.h>
#include <sonde/sonde.h>

#include "base/base.h"

/* Batches of random data, used in turn. */
enum { BATCHES = 4 };

typedef struct sd_work {
    const struct sd_bench_task *task;
    const char *name; /* of the model */
    sd_context *context;
    sd_model *model;
    int64_t batch;
    float *x[BATCHES];   /* [batch, input] */
    int32_t *y[BATCHES]; /* [batch] */
    int64_t at;          /* steps taken */
    double loss;
    float *output, *grad;
    sd_optimizer *optimizer;
    double lr;
    double flops, bytes; /* of one step: FLOPs without padding; bytes that no program can avoid moving */
    void *own;           /* of the task */
} sd_work;

typedef struct sd_bench_task {
    const char *name;
    const char *doc;
    sd_status (*make)(sd_work *work);
    sd_status (*step)(sd_work *work);
    void (*clear)(sd_work *work);                                     /* NULL: nothing of its own */
    sd_status (*more)(sd_work *work, double seconds, json_t *result); /* further numbers of a repeat; NULL: none */
    sd_status (*profile)(sd_work *work, int runs, json_t *steps);     /* NULL: see `sonde profile` */
} sd_bench_task;

extern const sd_bench_task sd__bench_train, sd__bench_infer, sd__bench_hvp, sd__bench_matmul, sd__bench_loader;

/* Seconds of a step: the mean over as many as fit into `seconds`, one at least. */
sd_status sd__bench_time(sd_work *work, sd_status (*step)(sd_work *), double seconds, double *mean);

double sd__bench_now(void); /* seconds, monotonic */

/* Trains the YAML file's model on its data until the first step is taken; prints the seconds since `start` (monotonic clock). */
int sd__bench_start(const char *path, double start);

/* Measures the machine and prints it. */
int sd__bench_probe(double seconds);

/* The library's message on stderr; returns 1. */
int sd__bench_fail(void);

/* Prints one line of JSON and drops the value. */
int sd__bench_print(json_t *json);

#endif
