/*
 * bench.c -- the benchmark program: runs one task of one network, repeat by repeat, for a driver to interleave with others.
 *
 * sonde-bench MODEL TASK [--batch N] [--threads N] [--drop N] [--drop-seconds S] [--seconds S]
 *     takes the first steps (--drop, but no longer than --drop-seconds), prints a line of JSON (what is measured), then for
 *     every line on stdin measures for about --seconds and prints a line: `repeat`, or `profile` for the steps of the plan.
 * sonde-bench probe [--seconds S]
 * sonde-bench start FILE.yaml MONOTONIC
 */
#define _GNU_SOURCE
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "base/philox.h"
#include "nn/yaml.h"

typedef struct options {
    int64_t batch;
    int threads, drop;
    double drop_seconds, seconds;
} options;

double sd__bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int sd__bench_fail(void)
{
    fprintf(stderr, "sonde-bench: %s\n", sd_error());
    return 1;
}

int sd__bench_print(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_REAL_PRECISION(8) | JSON_COMPACT) : NULL;
    json_decref(json);
    if (!text)
        return fputs("sonde-bench: out of memory\n", stderr), 1;
    puts(text);
    fflush(stdout);
    free(text);
    return 0;
}

sd_status sd__bench_time(sd_work *work, sd_status (*step)(sd_work *), double seconds, double *mean)
{
    int steps = 0;
    double start = sd__bench_now(), spent = 0;
    for (int64_t group = 1; steps < 1 || spent < seconds; group = spent * 20 < seconds ? 2 * group : group) {
        for (int64_t i = 0; i < group; i++, steps++)
            SD_TRY(step(work)); /* in groups, so that the clock costs short steps nothing */
        spent = sd__bench_now() - start;
    }
    *mean = spent / steps;
    return SD_OK;
}

/* ---- what there is to work on ------------------------------------------------------------------------------------------ */

static sd_status make_model(sd_work *w)
{
    sd_config *config;
    sd_string yaml = {0};
    sd_model_data data = {.classes = 10};
    sd__string_add(&yaml, "model: %s\n", w->name);
    if (!yaml.text)
        return sd__fail(SD_ENOMEM, "no memory for a name");
    sd_status status = sd__config_parse(w->name, yaml.text, yaml.length, &config);
    free(yaml.text);
    SD_TRY(status);
    status = sd__model_from_config(w->context, config->root, &data, &w->model);
    sd__config_free(config);
    return status;
}

/* Normal numbers and any labels: what a step costs does not depend on them. */
static sd_status make_data(sd_work *w)
{
    sd_random random = sd__random(1, 0);
    int64_t n = w->batch * sd_shape_count(sd_model_input(w->model));
    for (int k = 0; k < BATCHES; k++) {
        w->x[k] = sd__alloc_aligned((size_t)n * sizeof(float) + 64);
        w->y[k] = sd__alloc((size_t)w->batch, sizeof(int32_t));
        if (!w->x[k] || !w->y[k])
            return sd__fail(SD_ENOMEM, "no memory for data");
        for (int64_t i = 0; i < n; i++)
            w->x[k][i] = (float)sd__random_normal(&random);
        for (int64_t i = 0; i < w->batch; i++)
            w->y[k][i] = (int32_t)sd__random_below(&random, 10);
    }
    return SD_OK;
}

static void clear(sd_work *w)
{
    if (w->task->clear)
        w->task->clear(w);
    for (int k = 0; k < BATCHES; k++) {
        free(w->x[k]);
        free(w->y[k]);
    }
    free(w->grad);
    free(w->output);
    sd_model_free(w->model);
    sd_context_free(w->context);
}

static sd_status make(sd_work *w, const options *o)
{
    SD_TRY(sd_context_new(&(sd_context_options){.threads = o->threads, .debug = -1}, &w->context));
    SD_TRY(make_model(w));
    SD_TRY(make_data(w));
    return w->task->make(w);
}

/* ---- repeats ----------------------------------------------------------------------------------------------------------- */

static double peak_megabytes(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1e3 * 1.024;
}

static double data_megabytes(const sd_work *w)
{
    return 1e-6 * BATCHES * (double)(w->batch * sd_shape_count(sd_model_input(w->model)) * 4 + w->batch * 4);
}

static int say_ready(const sd_work *w, int dropped)
{
    return sd__bench_print(json_pack("{s:s, s:I, s:s, s:I, s:i, s:s, s:i, s:f, s:f, s:f, s:f}", "model", w->name, "parameters",
                                     (json_int_t)sd_model_params(w->model).length, "task", w->task->name, "batch",
                                     (json_int_t)w->batch, "threads", sd_context_threads(w->context), "isa",
                                     sd_context_isa(w->context), "dropped", dropped, "flops", w->flops, "bytes", w->bytes,
                                     "peak_mb", peak_megabytes(), "data_mb", data_megabytes(w)));
}

static sd_status drop(sd_work *w, const options *o, int *dropped)
{
    double start = sd__bench_now();
    for (*dropped = 0; *dropped < 1 || (*dropped < o->drop && sd__bench_now() - start < o->drop_seconds); (*dropped)++)
        SD_TRY(w->task->step(w));
    return SD_OK;
}

static sd_status repeat(sd_work *w, double seconds, json_t *result)
{
    double mean;
    SD_TRY(sd__bench_time(w, w->task->step, seconds, &mean));
    json_object_set_new(result, "ms", json_real(1e3 * mean));
    return w->task->more ? w->task->more(w, seconds, result) : SD_OK;
}

static sd_status profile(sd_work *w, json_t *result)
{
    json_t *steps = json_array();
    sd_status status = w->task->profile ? w->task->profile(w, 5, steps) : SD_OK;
    json_object_set_new(result, "steps", steps);
    return status;
}

/* One answer for every line. */
static int serve(sd_work *w, const options *o)
{
    char line[64];
    while (fgets(line, sizeof line, stdin)) {
        json_t *result = json_object();
        sd_status status = strncmp(line, "profile", 7) ? repeat(w, o->seconds, result) : profile(w, result);
        if (status != SD_OK)
            return json_decref(result), sd__bench_fail();
        if (sd__bench_print(result))
            return 1;
    }
    return 0;
}

static int bench(const char *model, const sd_bench_task *task, const options *o)
{
    sd_work w = {.task = task, .name = model, .batch = o->batch};
    int dropped, code;
    sd_status status = make(&w, o);
    if (status == SD_OK)
        status = drop(&w, o, &dropped);
    code = status != SD_OK || say_ready(&w, dropped) ? sd__bench_fail() : serve(&w, o);
    clear(&w);
    return code;
}

/* ---- arguments --------------------------------------------------------------------------------------------------------- */

static const sd_bench_task *const tasks[] = {&sd__bench_train, &sd__bench_infer, &sd__bench_hvp, &sd__bench_loader,
                                             &sd__bench_matmul};

static int usage(void)
{
    fputs("usage: sonde-bench MODEL TASK [--batch N] [--threads N] [--drop N] [--drop-seconds S] [--seconds S]\n"
          "       sonde-bench probe [--seconds S]\n"
          "       sonde-bench start FILE.yaml MONOTONIC\n"
          "tasks:\n",
          stderr);
    for (size_t i = 0; i < SD_COUNT(tasks); i++)
        fprintf(stderr, "  %-8s %s\n", tasks[i]->name, tasks[i]->doc);
    return 2;
}

static const sd_bench_task *find_task(const char *name)
{
    for (size_t i = 0; i < SD_COUNT(tasks); i++)
        if (!strcmp(name, tasks[i]->name))
            return tasks[i];
    return NULL;
}

static bool set_option(options *o, const char *name, const char *value)
{
    char *end;
    double number = strtod(value, &end);
    if (end == value || *end || !(number > 0 && number < 1e6))
        return false;
    if (!strcmp(name, "--batch"))
        o->batch = (int64_t)number;
    else if (!strcmp(name, "--threads"))
        o->threads = (int)number;
    else if (!strcmp(name, "--drop"))
        o->drop = (int)number;
    else if (!strcmp(name, "--drop-seconds"))
        o->drop_seconds = number;
    else if (!strcmp(name, "--seconds"))
        o->seconds = number;
    else
        return false;
    return o->batch >= 1;
}

int main(int argc, char **argv)
{
    options o = {.batch = 1, .drop = 20, .drop_seconds = 20, .seconds = 0.5};
    int words = argc > 1 && !strcmp(argv[1], "probe") ? 2 : 3;
    if (argc < words)
        return usage();
    if (!strcmp(argv[1], "start"))
        return argc == 4 ? sd__bench_start(argv[2], strtod(argv[3], NULL)) : usage();
    for (int i = words; i < argc; i += 2)
        if (i + 1 >= argc || !set_option(&o, argv[i], argv[i + 1]))
            return usage();
    if (words == 2)
        return sd__bench_probe(o.seconds);
    const sd_bench_task *task = find_task(argv[2]);
    return task ? bench(argv[1], task, &o) : usage();
}
