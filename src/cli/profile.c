/* profile.c -- `sonde profile`: where the time of a training step goes, step by step of its plan. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "cli/command.h"
#include "cli/source.h"
#include "train/trainer.h"

/* Everything that a run of the plan reads and writes. */
typedef struct bench {
    const sd_plan *plan;
    sd_workspace *workspace;
    void **binding;
    sd_step_profile *profile;
    int steps;
} bench;

static void bench_clear(bench *b)
{
    for (int i = 0; b->binding && i < sd_plan_slots(b->plan); i++)
        free(b->binding[i]);
    free(b->binding);
    free(b->profile);
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
    b->profile = sd__alloc_zeroed((size_t)sd_plan_steps(b->plan) + 1, sizeof *b->profile);
    if (!b->binding || !b->profile)
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

/* A few runs warm caches up; then steps are timed one by one, and the whole once more without looking at parts. */
static sd_status bench_run(bench *b, sd_context *context, double *whole)
{
    sd_pool *pool = sd_context_pool(context);
    for (int i = 0; i < 3; i++)
        SD_TRY(sd_run(b->plan, b->workspace, b->binding, pool));
    for (int i = 0; i < b->steps; i++)
        SD_TRY(sd_run_profiled(b->plan, b->workspace, b->binding, pool, b->profile));
    double start = sd__clock();
    for (int i = 0; i < b->steps; i++)
        SD_TRY(sd_run(b->plan, b->workspace, b->binding, pool));
    *whole = (sd__clock() - start) / b->steps;
    return SD_OK;
}

static int print_json(const bench *b, const sd_source *source, const sd_context *context, double whole)
{
    json_t *steps = json_array();
    for (int i = 0; i < sd_plan_steps(b->plan); i++) {
        const sd_step_profile *p = &b->profile[i];
        json_array_append_new(steps, json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "layer", p->layer, "op", p->op, "kernel",
                                               p->kernel, "provider", p->provider, "seconds", p->seconds / b->steps, "flops",
                                               p->flops, "bytes", p->bytes));
    }
    return sd__print_json(json_pack("{s:i, s:i, s:s, s:f, s:f, s:o}", "batch", source->batch, "threads",
                                    sd_context_threads(context), "isa", sd_context_isa(context), "seconds", whole, "flops",
                                    sd_plan_flops(b->plan), "steps", steps));
}

static int print_text(const bench *b, const sd_source *source, const sd_context *context, double whole)
{
    double sum = 0;
    for (int i = 0; i < sd_plan_steps(b->plan); i++)
        sum += b->profile[i].seconds / b->steps;
    printf("%-20s %-22s %-12s %10s %6s %9s %9s\n", "layer", "op", "provider", "us", "%", "GFLOP/s", "GB/s");
    for (int i = 0; i < sd_plan_steps(b->plan); i++) {
        const sd_step_profile *p = &b->profile[i];
        double seconds = p->seconds / b->steps, per = seconds > 0 ? 1e-9 / seconds : 0;
        printf("%-20.20s %-22.22s %-12.12s %10.1f %6.1f %9.2f %9.2f\n", p->layer, p->op, p->provider, 1e6 * seconds,
               sum > 0 ? 100 * seconds / sum : 0, p->flops * per, p->bytes * per);
    }
    printf("\n%d steps, batch %d, %d threads, CPU level %s: %.1f us a run", sd_plan_steps(b->plan), source->batch,
           sd_context_threads(context), sd_context_isa(context), 1e6 * whole);
    printf(" (%.0f samples/s, %.2f GFLOP/s)\n", source->batch / whole, 1e-9 * sd_plan_flops(b->plan) / whole);
    return SD_EXIT_OK;
}

static int profile(const sd_cli *cli, const sd_source *source, sd_context *context)
{
    int64_t steps;
    double whole = 0;
    bench b = {0};
    bool train = !sd__cli_has(cli, "--eval") && (sd_model_classes(source->model) || sd_model_targets(source->model));
    if (!sd__cli_int(cli, "--runs", 1, 100000, 20, &steps))
        return SD_EXIT_USAGE;
    b.steps = (int)steps;
    sd_status status = sd_model_plan(source->model, train ? SD_TRAIN : SD_EVAL, source->batch,
                                     train ? SD_WANT_LOSS | SD_WANT_GRAD | SD_WANT_STATE : SD_WANT_OUTPUT, &b.plan);
    if (status == SD_OK) {
        status = bench_make(&b, source->model);
        if (status == SD_OK)
            status = bench_run(&b, context, &whole);
    }
    int code = status != SD_OK              ? sd__say_error(status)
               : sd__cli_has(cli, "--json") ? print_json(&b, source, context, whole)
                                            : print_text(&b, source, context, whole);
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

static int run(sd_cli *cli)
{
    int code;
    const char *name = sd__cli_run(cli, 0);
    if (!name)
        return SD_EXIT_USAGE;
    sd_context *context = sd__cli_context(cli, &code);
    if (!context)
        return code;
    code = run_in(cli, name, context);
    sd_context_free(context);
    return code;
}

const sd_command sd__command_profile = {
    .name = "profile",
    .arguments = "[FILE|RUN|MODEL]",
    .doc = "time of every step of the plan",
    .text =
        "Runs a training step (with --eval: a forward pass) of the network of a YAML file, a run (default: runs/last) or a\n"
        "built-in model on random input, and prints for every step of its plan the mean time, GFLOP/s and GB/s.",
    .most = 1,
    .option = {{"--batch", "N", "samples a step (default: the file's)", false},
               {"--eval", NULL, "profile a forward pass", false},
               {"--runs", "N", "repetitions (default: 20)", false},
               {"--threads", "N", "working threads (default: all cores)", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print JSON", false}},
    .run = run,
};
