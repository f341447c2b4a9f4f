/*
 * generic.h -- one random instance of an op, its inputs, and its evaluation: what the generic tests run
 * over every row of ops.def.
 *
 * An instance is built by the op's own .example from (row, trial), so a failure is replayed by its numbers.
 */
#ifndef SD_TESTS_GENERIC_H
#define SD_TESTS_GENERIC_H

#include <sonde/sonde.h>
#include <stdio.h>

#include "graph/graph.h"
#include "law.h"
#include "ops/op.h"
#include "plan/plan.h"

#define MOST_VALUES 32

typedef struct instance {
    sd_graph *graph;
    sd_example example;
    sd_node node; /* the op under test, result 0 */
    int n_inputs;
    double *data[SD_MAX_IN]; /* every input's numbers in double, whatever its type */
    int64_t count[SD_MAX_IN];
} instance;

LAW_UNUSED static sd_random instance_random(const sd_op *op, int trial, uint64_t stream)
{
    uint64_t seed = sd__hash_text(law_number("SONDE_SEED", 1) * 0x9e3779b97f4a7c15ull, op->name);
    return sd__random(seed + (uint64_t)trial, stream);
}

/* Moves x out of the neighbourhood of the points where the function has a kink. */
static double away_from_kinks(const sd_op *op, double x)
{
    for (int k = 0; k < op->sample.n_kinks; k++)
        if (fabs(x - op->sample.kink[k]) < 2e-3)
            x = op->sample.kink[k] + (x < op->sample.kink[k] ? -2e-3 : 2e-3);
    return x;
}

/* Distinct numbers, far enough apart that no difference step makes two of them equal: a shuffled ladder over all inputs. */
static void draw_ladder(instance *in, sd_random *random)
{
    int64_t total = 0, at = 0;
    for (int i = 0; i < in->n_inputs; i++)
        total += in->count[i];
    int64_t *rung = malloc((size_t)total * sizeof *rung);
    assert_non_null(rung);
    for (int64_t i = 0; i < total; i++) {
        int64_t j = (int64_t)sd__random_below(random, (uint64_t)i + 1);
        rung[i] = rung[j];
        rung[j] = i;
    }
    for (int i = 0; i < in->n_inputs; i++) {
        double lo = in->example.input[i].lo, hi = in->example.input[i].hi;
        for (int64_t k = 0; k < in->count[i] && sd_dtype_is_real(sd_node_dtype(in->example.input[i].node)); k++)
            in->data[i][k] = lo + (hi - lo) * ((double)rung[at + k] + 0.5) / (double)total;
        at += in->count[i];
    }
    free(rung);
}

static void draw_inputs(instance *in, sd_random *random)
{
    for (int i = 0; i < in->n_inputs; i++) {
        sd_node node = in->example.input[i].node;
        double lo = in->example.input[i].lo, hi = in->example.input[i].hi;
        in->count[i] = sd_shape_count(sd_node_shape(node));
        in->data[i] = malloc((size_t)in->count[i] * sizeof(double));
        assert_non_null(in->data[i]);
        for (int64_t k = 0; k < in->count[i]; k++)
            in->data[i][k] = sd_dtype_is_real(sd_node_dtype(node))
                                 ? away_from_kinks(in->example.op, lo + (hi - lo) * sd__random_uniform(random))
                                 : floor(lo + (hi - lo + 1) * sd__random_uniform(random));
    }
    if (in->example.op->sample.ties)
        draw_ladder(in, random);
}

/* Numbers of f64 that f32 holds exactly, so that both precisions see the same input. */
LAW_UNUSED static void round_inputs(instance *in)
{
    for (int i = 0; i < in->n_inputs; i++)
        for (int64_t k = 0; k < in->count[i]; k++)
            in->data[i][k] = (double)(float)in->data[i][k];
}

LAW_UNUSED static instance instance_new(const sd_op *op, int trial, sd_dtype dtype, int memory)
{
    instance in = {.graph = sd_graph_new()};
    assert_non_null(in.graph);
    in.example = (sd_example){.graph = in.graph, .random = instance_random(op, trial, 0), .dtype = dtype, .op = op};
    in.example.memory = memory;
    in.node = op->example(&in.example);
    if (!in.node.id)
        fail_msg("%s, trial %d: the example is not valid: %s", op->name, trial, sd_graph_message(in.graph));
    in.n_inputs = in.example.n_inputs;
    sd_random random = instance_random(op, trial, 1);
    draw_inputs(&in, &random);
    return in;
}

LAW_UNUSED static void instance_free(instance *in)
{
    for (int i = 0; i < in->n_inputs; i++)
        free(in->data[i]);
    sd_graph_free(in->graph);
}

LAW_UNUSED static int n_results(const instance *in) { return (int)sd__data(in->node)->n_out; }

/* The op's node: .example may return a view or function of it, which is then what is tested. */
LAW_UNUSED static bool real_result(const instance *in, int k) { return sd_dtype_is_real(sd__data(in->node)->out[k].dtype); }

/* ---- moving numbers between double and any element type ---- */

LAW_UNUSED static void *encode(const double *x, int64_t n, sd_dtype dtype)
{
    void *out = sd__alloc_aligned((size_t)n * 8 + 64);
    assert_non_null(out);
    for (int64_t i = 0; i < n; i++) {
        if (dtype == SD_F32)
            ((float *)out)[i] = (float)x[i];
        else if (dtype == SD_F64)
            ((double *)out)[i] = x[i];
        else if (dtype == SD_I32)
            ((int32_t *)out)[i] = (int32_t)x[i];
        else if (dtype == SD_U8)
            ((uint8_t *)out)[i] = (uint8_t)x[i];
        else
            ((uint16_t *)out)[i] = (uint16_t)x[i];
    }
    return out;
}

LAW_UNUSED static double decode(const void *data, int64_t i, sd_dtype dtype)
{
    if (dtype == SD_F32)
        return (double)((const float *)data)[i];
    if (dtype == SD_F64)
        return ((const double *)data)[i];
    if (dtype == SD_I32)
        return ((const int32_t *)data)[i];
    return dtype == SD_U8 ? ((const uint8_t *)data)[i] : ((const uint16_t *)data)[i];
}

/* ---- evaluation ---- */

/* A compiled set of values of one instance; fed from instance.data and `extra` vectors. */
typedef struct program {
    sd_plan *plan;
    sd_workspace *workspace;
    int n;
    sd_node value[MOST_VALUES];
    double *result[MOST_VALUES]; /* numbers of each value */
    int64_t count[MOST_VALUES];
} program;

LAW_UNUSED static program program_new(sd_context *context, int n, const sd_node *value, const sd_compile_options *options)
{
    program p = {.n = n};
    sd_output output[MOST_VALUES];
    static const char *const slot[MOST_VALUES] = {"r0",  "r1",  "r2",  "r3",  "r4",  "r5",  "r6",  "r7",  "r8",  "r9",  "r10",
                                                  "r11", "r12", "r13", "r14", "r15", "r16", "r17", "r18", "r19", "r20", "r21",
                                                  "r22", "r23", "r24", "r25", "r26", "r27", "r28", "r29", "r30", "r31"};
    assert_true(n <= MOST_VALUES);
    for (int i = 0; i < n; i++) {
        output[i] = (sd_output){slot[i], 0, value[i]};
        p.value[i] = value[i];
        p.count[i] = sd_shape_count(sd_node_shape(value[i]));
        p.result[i] = malloc((size_t)p.count[i] * sizeof(double));
        assert_non_null(p.result[i]);
    }
    assert_ok(sd_compile(context, n, output, options, &p.plan));
    assert_ok(sd_workspace_new(p.plan, &p.workspace));
    return p;
}

LAW_UNUSED static void program_free(program *p)
{
    for (int i = 0; i < p->n; i++)
        free(p->result[i]);
    sd_workspace_free(p->workspace);
    sd_plan_free(p->plan);
}

/* Which instance input feeds this slot ("x3"), or -1. */
static int input_of_slot(const char *name) { return name[0] == 'x' ? atoi(name + 1) : -1; }

/* Runs with the instance's numbers; slots "r.." are results, "v.." are fed from extra[..]. */
LAW_UNUSED static void program_run(program *p, const instance *in, double *const *extra, sd_pool *pool)
{
    void *binding[3 * SD_MAX_IN];
    int n = sd_plan_slots(p->plan);
    assert_true(n <= (int)SD_COUNT(binding));
    for (int s = 0; s < n; s++) {
        const char *name = sd_plan_slot_name(p->plan, s);
        int64_t length = sd_plan_slot_length(p->plan, s);
        sd_dtype dtype = sd_plan_slot_dtype(p->plan, s);
        const double *from = input_of_slot(name) >= 0 ? in->data[input_of_slot(name)] : NULL;
        if (name[0] == 'v')
            from = extra[atoi(name + 1)];
        if (from) {
            binding[s] = encode(from, length, dtype);
        } else {
            binding[s] = sd__alloc_aligned((size_t)length * 8 + 64);
            memset(binding[s], 0xff, (size_t)length * sd_dtype_size(dtype)); /* NaN: an element nobody wrote is seen */
        }
    }
    assert_ok(sd_run(p->plan, p->workspace, binding, pool));
    for (int s = 0; s < n; s++) {
        const char *name = sd_plan_slot_name(p->plan, s);
        int k = name[0] == 'r' ? atoi(name + 1) : -1;
        for (int64_t i = 0; k >= 0 && i < p->count[k]; i++)
            p->result[k][i] = decode(binding[s], i, sd_plan_slot_dtype(p->plan, s));
        free(binding[s]);
    }
}

LAW_UNUSED static sd_context *context_of(const char *kernels, const char *isa)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = 1, .kernels = kernels, .isa = isa}, &context));
    return context;
}

/* What the others are compared with: made and freed around a group of tests. */
static sd_context *reference;

LAW_UNUSED static int set_up(void **state)
{
    reference = context_of("reference", NULL);
    return 0;
}

LAW_UNUSED static int tear_down(void **state)
{
    sd_context_free(reference);
    return 0;
}

#endif
