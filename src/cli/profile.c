/*
 * profile.c -- `sonde profile`: where the time of a training step goes, step by step of its plan.
 *
 * Runs that look at the clock after every step take turns with runs that do not. Of both the faster half counts: a run during
 * which another process took the core tells of that process, not of the plan. So the steps' times add up to the time of a run.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "cli/command.h"
#include "cli/source.h"
#include "exec/probe.h"
#include "train/trainer.h"

/* Everything that a run of the plan reads and writes. */
typedef struct bench {
    const sd_plan *plan;
    sd_workspace *workspace;
    void **binding;
    sd_step_profile *profile; /* [runs, steps of the plan] */
    int runs;
    sd_step_profile *mean; /* [steps of the plan] over the faster half of the runs */
    double sum;            /* of these means */
    double whole;          /* seconds of a run that does not look at the clock */
    double clock;          /* seconds that looking at the clock takes */
    sd_level level;        /* whose multiply-add rate is the limit */
    sd_machine machine;    /* all zero: not measured */
} bench;

static void bench_clear(bench *b)
{
    for (int i = 0; b->binding && i < sd_plan_slots(b->plan); i++)
        free(b->binding[i]);
    free(b->binding);
    free(b->profile);
    free(b->mean);
    sd_workspace_free(b->workspace);
}

/* Inputs are normal numbers, labels 0, weights those of the model: what a step costs does not depend on the data. */
static void fill_slot(const bench *b, int slot, sd_model *model)
{
    sd_random random = sd__random(1, (uint64_t)slot);
    const char *name = sd_plan_slot_name(b->plan, slot);
    int64_t n = sd_plan_slot_length(b->plan, slot);
    sd_dtype dtype = sd_plan_slot_dtype(b->plan, slot);
    if (!strcmp(name, "theta"))
        memcpy(b->binding[slot], sd_model_theta(model), (size_t)n * sd_dtype_size(dtype));
    else if (!strcmp(name, "state"))
        memcpy(b->binding[slot], sd_model_state(model), (size_t)n * sd_dtype_size(dtype));
    else if (!strcmp(name, "ids"))
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)b->binding[slot])[i] = (int32_t)i;
    else if (dtype == SD_F32)
        for (int64_t i = 0; i < n; i++)
            ((float *)b->binding[slot])[i] = (float)sd__random_normal(&random);
    else if (dtype == SD_F64)
        for (int64_t i = 0; i < n; i++)
            ((double *)b->binding[slot])[i] = sd__random_normal(&random);
}

static sd_status bench_make(bench *b, sd_model *model)
{
    int slots = sd_plan_slots(b->plan);
    b->binding = sd__alloc_zeroed((size_t)slots + 1, sizeof *b->binding);
    size_t steps = (size_t)sd_plan_steps(b->plan);
    b->profile = sd__alloc_zeroed((steps + 1) * (size_t)b->runs, sizeof *b->profile);
    b->mean = sd__alloc_zeroed(steps + 1, sizeof *b->mean);
    if (!b->binding || !b->profile || !b->mean)
        return sd__fail(SD_ENOMEM, "no memory for a profile");
    for (int i = 0; i < slots; i++) {
        size_t bytes = (size_t)sd_plan_slot_length(b->plan, i) * sd_dtype_size(sd_plan_slot_dtype(b->plan, i));
        b->binding[i] = sd__alloc_aligned(bytes + 64);
        if (!b->binding[i])
            return sd__fail(SD_ENOMEM, "no memory for a profile");
        memset(b->binding[i], 0, bytes);
        fill_slot(b, i, model);
    }
    return sd_workspace_new(b->plan, &b->workspace);
}

/* ---- measuring --------------------------------------------------------------------------------------------------------- */

typedef struct timed_run {
    double seconds;
    int number;
} timed_run;

static int by_seconds(const void *a, const void *b)
{
    double x = ((const timed_run *)a)->seconds, y = ((const timed_run *)b)->seconds;
    return (x > y) - (x < y);
}

/* Puts the faster half first and gives its mean. */
static double faster_half(timed_run *run, int n)
{
    double sum = 0;
    qsort(run, (size_t)n, sizeof *run, by_seconds);
    for (int i = 0; i < (n + 1) / 2; i++)
        sum += run[i].seconds;
    return sum / ((n + 1) / 2);
}

static sd_step_profile *profile_of(const bench *b, int run)
{
    return b->profile + (size_t)run * (size_t)sd_plan_steps(b->plan);
}

static void average(bench *b, timed_run *looked)
{
    int half = (b->runs + 1) / 2, n = sd_plan_steps(b->plan);
    b->sum = faster_half(looked, b->runs);
    for (int i = 0; i < n; i++) {
        b->mean[i] = profile_of(b, looked[0].number)[i];
        for (int k = 1; k < half; k++)
            b->mean[i].seconds += profile_of(b, looked[k].number)[i].seconds;
        b->mean[i].seconds /= half;
    }
}

static sd_status run_in_turn(bench *b, sd_pool *pool, timed_run *looked, timed_run *whole)
{
    int n = sd_plan_steps(b->plan);
    for (int k = 0; k < b->runs; k++) {
        sd_step_profile *profile = profile_of(b, k);
        SD_TRY(sd_run_profiled(b->plan, b->workspace, b->binding, pool, profile));
        looked[k] = (timed_run){0, k};
        for (int i = 0; i < n; i++)
            looked[k].seconds += profile[i].seconds;
        double start = sd__clock();
        SD_TRY(sd_run(b->plan, b->workspace, b->binding, pool));
        whole[k] = (timed_run){sd__clock() - start, k};
    }
    return SD_OK;
}

static double clock_seconds(void)
{
    enum { LOOKS = 1000 };
    double start = sd__clock(), end = start;
    for (int i = 0; i < LOOKS; i++)
        end = sd__clock();
    return (end - start) / LOOKS;
}

/* A few runs warm caches up before any counts. */
static sd_status bench_run(bench *b, sd_context *context)
{
    sd_pool *pool = sd_context_pool(context);
    timed_run *looked = sd__alloc((size_t)b->runs * 2, sizeof *looked), *whole = looked + b->runs;
    sd_status status = looked ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a profile");
    for (int i = 0; i < 3 && status == SD_OK; i++)
        status = sd_run(b->plan, b->workspace, b->binding, pool);
    if (status == SD_OK)
        status = run_in_turn(b, pool, looked, whole);
    if (status == SD_OK) {
        average(b, looked);
        b->whole = faster_half(whole, b->runs);
        b->clock = clock_seconds();
    }
    free(looked);
    return status;
}

/* Where there is no probe (another CPU), there are no per cents. */
static void bench_probe(bench *b, sd_context *context)
{
    sd__level_parse(sd_context_isa(context), &b->level);
    if (sd__machine_probe(sd_context_pool(context), 0.5, &b->machine) != SD_OK)
        b->machine = (sd_machine){0};
}

/* ---- reporting --------------------------------------------------------------------------------------------------------- */

/* How close a step comes to the machine's limit: the longer of computing and reading, over the time it took. */
static double limit_percent(const bench *b, const sd_step_profile *p)
{
    if (!b->machine.threads || !(p->seconds > 0))
        return 0;
    return 100 * sd__machine_bound(&b->machine, b->level, p->flops, p->bytes) / p->seconds;
}

static json_t *step_json(const bench *b, const sd_step_profile *p)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f, s:f}", "layer", p->layer, "op", p->op, "kernel", p->kernel,
                     "provider", p->provider, "seconds", p->seconds, "flops", p->flops, "bytes", p->bytes, "percent",
                     limit_percent(b, p));
}

static int print_json(const bench *b, const sd_source *source, const sd_context *context)
{
    json_t *steps = json_array();
    for (int i = 0; i < sd_plan_steps(b->plan); i++)
        json_array_append_new(steps, step_json(b, &b->mean[i]));
    const sd_machine *m = &b->machine;
    return sd__print_json(
        json_pack("{s:i, s:i, s:s, s:f, s:f, s:f, s:f, s:{s:f, s:f, s:f, s:f, s:f}, s:o}", "batch", source->batch, "threads",
                  sd_context_threads(context), "isa", sd_context_isa(context), "seconds", b->whole, "steps_seconds", b->sum,
                  "clock_seconds", b->clock * sd_plan_steps(b->plan), "flops", sd_plan_flops(b->plan), "probe", "flops",
                  sd__machine_flops(m, b->level), "cycles", m->fma[sd__vector_level(b->level)].cycles, "read",
                  m->read[SD_PROBE_SIZES - 1].all, "fork_join", m->fork_join, "handover", m->handover, "steps", steps));
}

static void print_step(const bench *b, const sd_step_profile *p)
{
    double per = p->seconds > 0 ? 1e-9 / p->seconds : 0;
    char flops[32], bytes[32];
    printf("%-20.20s %-26.26s %-10.10s %10.1f %5.1f %8s %8s %9.2f %8.2f", p->layer, p->op, p->provider, 1e6 * p->seconds,
           b->sum > 0 ? 100 * p->seconds / b->sum : 0, sd__count_text(p->flops, flops), sd__count_text(p->bytes, bytes),
           p->flops * per, p->bytes * per);
    printf(b->machine.threads ? " %7.0f\n" : "\n", limit_percent(b, p));
}

static bool has_step_by(const bench *b, const char *provider)
{
    for (int i = 0; i < sd_plan_steps(b->plan); i++)
        if (!strcmp(b->mean[i].provider, provider))
            return true;
    return false;
}

/* Why a step may pass the limit: FLOPs are those of the sums that define an op, and the limit is that of fp32 vectors. */
static void print_saving(const bench *b)
{
    if (has_step_by(b, "winograd"))
        printf("winograd: fewer products than FLOP counts, which are those of a plain convolution; so it may pass the limit\n");
    if (has_step_by(b, "amx"))
        printf("amx: fp32 products as sums of six of bf16 numbers, on tiles: faster than fp32 vectors; so it may pass the "
               "limit\n");
}

static void print_machine(const bench *b)
{
    const sd_machine *m = &b->machine;
    const sd_probe_fma *f = &m->fma[sd__vector_level(b->level)];
    if (!m->threads)
        return;
    printf(
        "this machine, %d threads: %.1f GFLOP/s fp32 at level %s (%.2f cycles an instruction%s), reads %.1f GB/s from memory, "
        "%.1f GB/s from 2 MB; a parallel region takes %.2f us",
        m->threads, 1e-9 * f->all, sd__level_name(b->level), f->cycles,
        f->best > 0 && f->best / f->cycles < 0.95 ? ", slower than its pipes allow: shared or throttled" : "",
        1e-9 * m->read[SD_PROBE_SIZES - 1].all, 1e-9 * m->read[2].all, 1e6 * m->fork_join);
    if (m->handover > 0)
        printf(", a cache line %.0f ns from core to core", 1e9 * m->handover);
    printf("\n");
}

static int print_text(const bench *b, const sd_source *source, const sd_context *context)
{
    int n = sd_plan_steps(b->plan);
    printf("%-20s %-26s %-10s %10s %5s %8s %8s %9s %8s%s\n", "layer", "op", "provider", "us", "%", "FLOP", "bytes", "GFLOP/s",
           "GB/s", b->machine.threads ? " % limit" : "");
    for (int i = 0; i < n; i++)
        print_step(b, &b->mean[i]);
    printf("\n%d steps, batch %d, %d threads, CPU level %s: %.1f us a run", n, source->batch, sd_context_threads(context),
           sd_context_isa(context), 1e6 * b->whole);
    printf(" (%.0f samples/s, %.2f GFLOP/s)\n", source->batch / b->whole, 1e-9 * sd_plan_flops(b->plan) / b->whole);
    printf("the steps add up to %.1f us, %.1f %% of a run; looking at the clock takes %.1f us of them\n", 1e6 * b->sum,
           100 * b->sum / b->whole, 1e6 * b->clock * n);
    print_saving(b);
    print_machine(b);
    return SD_EXIT_OK;
}

static int profile(const sd_cli *cli, const sd_source *source, sd_context *context)
{
    int64_t runs;
    bench b = {0};
    bool train = !sd__cli_has(cli, "--eval") && (sd_model_classes(source->model) || sd_model_targets(source->model));
    if (!sd__cli_int(cli, "--runs", 1, 100000, 20, &runs))
        return SD_EXIT_USAGE;
    b.runs = (int)runs;
    unsigned want = train ? SD_WANT_LOSS | SD_WANT_GRAD | SD_WANT_STATE : SD_WANT_OUTPUT | SD_FIXED_THETA;
    sd_status status = sd_model_plan(source->model, train ? SD_TRAIN : SD_EVAL, source->batch, want, &b.plan);
    if (status == SD_OK) {
        bench_probe(&b, context);
        status = bench_make(&b, source->model);
        if (status == SD_OK)
            status = bench_run(&b, context);
    }
    int code = status != SD_OK              ? sd__say_error(status)
               : sd__cli_has(cli, "--json") ? print_json(&b, source, context)
                                            : print_text(&b, source, context);
    if (b.plan)
        bench_clear(&b);
    return code;
}

static int run_in(const sd_cli *cli, const char *name, sd_context *context)
{
    sd_source source;
    int64_t batch;
    sd_status status = sd__source_open(context, name, sd__cli_get(cli, "--data-dir"), &source);
    if (status != SD_OK)
        return sd__say_error(status);
    int code = SD_EXIT_USAGE;
    if (sd__cli_int(cli, "--batch", 1, 1000000, source.batch, &batch)) {
        source.batch = (int)batch;
        code = profile(cli, &source, context);
    }
    sd__source_clear(&source);
    return code;
}

static int run(sd_cli *cli) { return sd__cli_on_run(cli, sd__cli_run(cli, 0), run_in); }

const sd_command sd__command_profile = {
    .name = "profile",
    .arguments = "[FILE|RUN|MODEL]",
    .doc = "time of every step of the plan",
    .text =
        "Runs a training step (with --eval: a forward pass) of the network of a YAML file, a run (default: runs/last) or a\n"
        "built-in model on random input, and prints for every step of its plan the mean time, GFLOP/s, GB/s, and how near\n"
        "this comes to what the machine can do (arithmetic or memory, whichever is slower), measured just before.",
    .most = 1,
    .option = {{"--batch", "N", "samples a step (default: the file's)", false},
               {"--eval", NULL, "profile a forward pass", false},
               {"--runs", "N", "repetitions (default: 20)", false},
               {"--threads", "N", "working threads (default: all cores)", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print JSON", false}},
    .run = run,
};
