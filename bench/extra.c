/* extra.c -- what the results say beside the rows: the machine's limits, a large matrix product, the time to the first step. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "bench.h"
#include "exec/probe.h"

/* ---- probe ------------------------------------------------------------------------------------------------------------- */

static json_t *fma_json(const sd_machine *machine)
{
    json_t *rows = json_array();
    for (int i = 0; i <= (int)sd__vector_level(machine->level); i++) {
        const sd_probe_fma *f = &machine->fma[i];
        json_array_append_new(rows, json_pack("{s:s, s:f, s:f, s:f, s:f}", "isa", sd__level_name((sd_level)i), "core_gflops",
                                              1e-9 * f->core, "all_gflops", 1e-9 * f->all, "cycles", f->cycles, "best_cycles",
                                              f->best));
    }
    return rows;
}

static json_t *read_json(const sd_machine *machine)
{
    json_t *rows = json_array();
    for (int i = 0; i < SD_PROBE_SIZES; i++) {
        const sd_probe_read *r = &machine->read[i];
        json_array_append_new(rows, json_pack("{s:I, s:f, s:f}", "bytes", (json_int_t)r->bytes, "core_gbs", 1e-9 * r->core,
                                              "all_gbs", 1e-9 * r->all));
    }
    return rows;
}

int sd__bench_probe(double seconds)
{
    sd_context *context;
    sd_machine m;
    if (sd_context_new(NULL, &context) != SD_OK)
        return sd__bench_fail();
    sd_status status = sd__machine_probe(sd_context_pool(context), seconds, &m);
    sd_context_free(context);
    if (status != SD_OK)
        return sd__bench_fail();
    return sd__bench_print(json_pack("{s:i, s:s, s:b, s:b, s:f, s:f, s:o, s:o}", "threads", m.threads, "isa",
                                     sd__level_name(m.level), "amx", m.amx, "counters", m.counters, "fork_join_us",
                                     1e6 * m.fork_join, "handover_ns", 1e9 * m.handover, "fma", fma_json(&m), "read",
                                     read_json(&m)));
}

/* ---- matmul: 1024 x 1024 x 1024 ---------------------------------------------------------------------------------------- */

enum { SIDE = 1024 };

typedef struct product {
    sd_plan *plan;
    sd_workspace *workspace;
    void *binding[3];
    float *matrix[3];
} product;

static sd_status compile_product(sd_work *w, product *p)
{
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return sd__fail(SD_ENOMEM, "no memory for a graph");
    sd_node a = sd_input(graph, "a", SD_F32, (sd_shape){2, {SIDE, SIDE}}),
            b = sd_input(graph, "b", SD_F32, (sd_shape){2, {SIDE, SIDE}});
    sd_output out = {"c", 0, sd_matmul(a, false, b, false)};
    sd_status status = sd_compile(w->context, 1, &out, NULL, &p->plan);
    sd_graph_free(graph);
    return status;
}

static sd_status matmul_make(sd_work *w)
{
    static const char *const slot[3] = {"a", "b", "c"};
    sd_random random = sd__random(3, 0);
    product *p = w->own = sd__alloc_zeroed(1, sizeof *p);
    if (!p)
        return sd__fail(SD_ENOMEM, "no memory for a product");
    SD_TRY(compile_product(w, p));
    for (int k = 0; k < 3; k++) {
        p->matrix[k] = sd__alloc_aligned(SIDE * SIDE * sizeof(float));
        if (!p->matrix[k])
            return sd__fail(SD_ENOMEM, "no memory for a matrix");
        for (int i = 0; i < SIDE * SIDE; i++)
            p->matrix[k][i] = (float)sd__random_normal(&random);
        p->binding[sd_plan_slot(p->plan, slot[k])] = p->matrix[k];
    }
    w->flops = sd_plan_flops(p->plan);
    w->bytes = 3.0 * SIDE * SIDE * sizeof(float);
    return sd_workspace_new(p->plan, &p->workspace);
}

static sd_status matmul_step(sd_work *w)
{
    product *p = w->own;
    return sd_run(p->plan, p->workspace, p->binding, sd_context_pool(w->context));
}

static void matmul_clear(sd_work *w)
{
    product *p = w->own;
    if (!p)
        return;
    sd_workspace_free(p->workspace);
    sd_plan_free(p->plan);
    for (int k = 0; k < 3; k++)
        free(p->matrix[k]);
    free(p);
}

const sd_bench_task sd__bench_matmul = {.name = "matmul",
                                        .doc = "a product of two matrices of 1024 x 1024; the model does not matter",
                                        .make = matmul_make,
                                        .step = matmul_step,
                                        .clear = matmul_clear};

/* ---- start ------------------------------------------------------------------------------------------------------------- */

typedef struct first {
    double at;
} first;

static bool note_first(void *user, const sd_progress *progress)
{
    first *f = user;
    if (progress->kind == SD_PROGRESS_STEP && f->at == 0)
        f->at = sd__bench_now();
    return false;
}

int sd__bench_start(const char *path, double start)
{
    sd_context *context;
    sd_trainer *trainer;
    first f = {0};
    sd_run_options options = {.no_folder = true};
    if (sd_context_new(NULL, &context) != SD_OK)
        return sd__bench_fail();
    sd_status status = sd_trainer_from_file(context, path, &options, &trainer);
    if (status == SD_OK) {
        status = sd_trainer_train(trainer, note_first, &f);
        sd_trainer_free(trainer);
    }
    sd_context_free(context);
    if (f.at == 0)
        return status == SD_OK ? 1 : sd__bench_fail();
    return sd__bench_print(json_pack("{s:f}", "ms", 1e3 * (f.at - start)));
}
