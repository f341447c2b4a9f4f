/*
 * patterns.c -- see patterns.h. The program of a whole batch has the nodes that the network was read from, in the same order;
 * the operands of its kinks are written out, and what each unit chooses is read off them.
 */
#include "probe/patterns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "nn/model.h"
#include "probe/forms.h"
#include "train/tally.h"

enum { PARTS = 32, OPERANDS = 2 };

/* An operand of a kink that depends on the input. */
typedef struct operand {
    int kink, in;
    int64_t n; /* elements for one sample */
    void *row; /* [batch, n] of the model's type, which the program writes */
} operand;

typedef struct reader {
    const sd_subject *subject;
    const sd_piecewise *net;
    const sd_samples *samples;
    sd_patterns *made;
    operand *operand; /* [operands] */
    int operands;
    void *output;  /* [batch, outputs] */
    uint64_t *key; /* [units] of choice 1 */
    double *room;  /* [PARTS][OPERANDS][widest] */
    int64_t widest, first, batch;
} reader;

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for activation patterns; take smaller batches"); }

static bool is_kink(const sd_piece *step) { return step->rule && step->rule->kink != SD_LINEAR; }

/* ---- choices ----------------------------------------------------------------------------------------------------------- */

/* One sample's numbers of an operand. */
static void read_row(const reader *r, const operand *o, int64_t sample, double *row)
{
    for (int64_t i = 0; i < o->n; i++)
        row[i] = sd__element(o->row, r->subject->model->spec.dtype, sample * o->n + i);
}

static uint64_t sign_pattern(const reader *r, const sd_piece *step, const double *row)
{
    const uint64_t *key = r->key + step->first_unit;
    uint64_t sum = 0;
    for (int64_t i = 0; i < step->n; i++)
        sum += row[i] > 0 ? key[i] : 0;
    return sum;
}

/* Candidate j of a unit, from what was read for operand 0 and 1, or a constant. */
static double candidate(const sd_piece *step, const double *const row[OPERANDS], int64_t unit, int j)
{
    int which = j > 0;
    if (!step->paired)
        return row[0][step->in[0].route.member[step->in[0].route.start[unit] + j]];
    return step->in[which].step >= 0 ? row[which][unit] : step->in[which].constant[unit];
}

/* The largest candidate (or smallest), the first of equals. */
static uint64_t window_pattern(const sd_piece *step, const double *const row[OPERANDS])
{
    uint64_t sum = 0;
    double sign = step->smallest ? -1 : 1;
    for (int64_t i = 0; i < step->n; i++) {
        int best = 0, candidates = sd__candidates(step, i);
        for (int j = 1; j < candidates; j++)
            best = sign * candidate(step, row, i, j) > sign * candidate(step, row, i, best) ? j : best;
        sum += sd__pattern_key(step->first_unit + i, best);
    }
    return sum;
}

static void read_sample(const reader *r, int64_t sample, double *room)
{
    sd_patterns *p = r->made;
    const operand *o = r->operand;
    double *row[OPERANDS] = {room, room + r->widest};
    int64_t at = r->first + sample;
    p->hash[at] = 0;
    for (int k = 0; k < p->kinks; k++) {
        const sd_piece *step = &r->net->step[p->step[k]];
        for (; o < r->operand + r->operands && o->kink == k; o++)
            read_row(r, o, sample, row[o->in]);
        uint64_t pattern =
            step->rule->kink == SD_SIGN ? sign_pattern(r, step, row[0]) : window_pattern(step, (const double *const *)row);
        p->hash[(k + 1) * p->n + at] = pattern;
        p->hash[at] += pattern;
    }
    const sd_model_spec *spec = &r->subject->model->spec;
    p->guess[at] = spec->classes ? sd__predicted_class(r->output, spec->dtype, sample, r->net->outputs, spec->classes) : 0;
}

static void read_part(void *user, int part)
{
    const reader *r = user;
    for (int64_t i = part; i < r->batch; i += PARTS)
        read_sample(r, i, r->room + part * OPERANDS * r->widest);
}

/* ---- the program ------------------------------------------------------------------------------------------------------- */

/* The node that became a step. */
static uint32_t node_of(const sd_graph *graph, const int *step_of, int step)
{
    for (uint32_t id = 1; id < graph->count; id++)
        if (step_of[id] == step)
            return id;
    return 0;
}

/* The same steps by the same ops, whatever the batch is; else the units would not be those of the network. */
static bool agrees(const reader *r, const sd_graph *graph, const int *step_of, int steps)
{
    for (int k = 0; steps == r->net->steps && k < r->made->kinks; k++) {
        const sd_node_data *node = &graph->node[node_of(graph, step_of, r->made->step[k])];
        const sd_piece *step = &r->net->step[r->made->step[k]];
        if (strcmp(node->op->name, step->op) || sd_shape_count(node->out[0].shape) != r->batch * step->n)
            return false;
    }
    return steps == r->net->steps;
}

/* step_of [graph->count], output [operands + 1], slot [operands] */
static sd_status compile_operands(reader *r, const sd_program *program, int *step_of, sd_output *output, char (*slot)[16],
                                  sd_plan **plan)
{
    sd_graph *graph = program->graph;
    if (!agrees(r, graph, step_of, sd__piecewise_number(graph, step_of)))
        return sd__fail(SD_EINVAL,
                        "the model's graph for %lld samples has other layers than that for one, so they cannot be "
                        "looked at together; take a batch of 1",
                        (long long)r->batch);
    for (int i = 0; i < r->operands; i++) {
        const operand *o = &r->operand[i];
        sd_ref ref = graph->node[node_of(graph, step_of, r->made->step[o->kink])].in[o->in];
        snprintf(slot[i], sizeof slot[i], "at%d", i);
        output[i] = (sd_output){.slot = slot[i], .node = {graph, ref.id, ref.result}};
    }
    sd_ref out = program->out->ref;
    output[r->operands] = (sd_output){.slot = "output", .node = {graph, out.id, out.result}};
    return sd_compile(r->subject->model->context, r->operands + 1, output, NULL, plan);
}

static sd_status compile(reader *r, sd_plan **plan)
{
    sd_program program;
    sd_status status = sd__piecewise_program(r->subject, r->subject->model->spec.dtype, r->batch, &program);
    if (status == SD_OK) {
        int *step_of = sd__alloc(program.graph->count, sizeof *step_of);
        sd_output *output = sd__alloc((size_t)r->operands + 1, sizeof *output);
        char(*slot)[16] = sd__alloc((size_t)r->operands + 1, sizeof *slot);
        status = step_of && output && slot ? compile_operands(r, &program, step_of, output, slot, plan) : no_memory();
        free(step_of);
        free(output);
        free(slot);
    }
    sd__program_free(&program);
    return status;
}

static void *place_of(void *user, const char *slot)
{
    const reader *r = user;
    if (!strcmp(slot, "output"))
        return r->output;
    return !strncmp(slot, "at", 2) ? r->operand[atoi(slot + 2)].row : NULL;
}

/* Batches of r->batch, as many as go into the samples up to `until`. */
static sd_status read_batches(reader *r, int64_t until)
{
    sd_plan *plan = NULL;
    sd_workspace *workspace = NULL;
    sd_status status = compile(r, &plan);
    if (status == SD_OK)
        status = sd_workspace_new(plan, &workspace);
    for (; status == SD_OK && r->first + r->batch <= until; r->first += r->batch) {
        status = sd__subject_run(r->subject, r->samples, r->first, plan, workspace, place_of, r);
        if (status == SD_OK)
            sd__pool_run(sd_context_pool(r->subject->model->context), read_part, r, PARTS);
    }
    sd_workspace_free(workspace);
    sd_plan_free(plan);
    return status;
}

/* ---- together ---------------------------------------------------------------------------------------------------------- */

static sd_status list_kinks(reader *r)
{
    sd_patterns *p = r->made;
    p->step = sd__alloc((size_t)r->net->steps, sizeof *p->step);
    r->operand = sd__alloc((size_t)r->net->steps * OPERANDS, sizeof *r->operand);
    if (!p->step || !r->operand)
        return no_memory();
    for (int s = 1; s < r->net->steps; s++) {
        const sd_piece *step = &r->net->step[s];
        for (int i = 0; is_kink(step) && i < step->n_in; i++)
            if (step->in[i].step >= 0)
                r->operand[r->operands++] = (operand){.kink = p->kinks, .in = i, .n = step->in[i].n};
        if (is_kink(step))
            p->step[p->kinks++] = s;
    }
    return SD_OK;
}

static sd_status make_room(reader *r)
{
    sd_patterns *p = r->made;
    size_t size = sd_dtype_size(r->subject->model->spec.dtype);
    r->widest = 1;
    for (int i = 0; i < r->operands; i++) {
        r->operand[i].row = sd__alloc((size_t)(r->batch * r->operand[i].n), size);
        r->widest = SD_MAX(r->widest, r->operand[i].n);
        if (!r->operand[i].row)
            return no_memory();
    }
    r->output = sd__alloc((size_t)(r->batch * r->net->outputs), size);
    r->key = sd__alloc((size_t)r->net->units + 1, sizeof *r->key);
    r->room = sd__alloc(PARTS * OPERANDS * (size_t)r->widest, sizeof *r->room);
    p->hash = sd__alloc((size_t)(p->kinks + 1) * (size_t)p->n, sizeof *p->hash);
    p->guess = sd__alloc((size_t)p->n, sizeof *p->guess);
    if (!r->output || !r->key || !r->room || !p->hash || !p->guess)
        return no_memory();
    for (int64_t u = 0; u < r->net->units; u++)
        r->key[u] = sd__pattern_key(u, 1);
    return SD_OK;
}

static sd_status read_all(reader *r)
{
    int64_t n = r->samples->n;
    r->batch = sd__subject_batch(r->subject, n);
    SD_TRY(list_kinks(r));
    SD_TRY(make_room(r));
    SD_TRY(read_batches(r, n));
    r->batch = n - r->first; /* the last may be smaller */
    return r->batch ? read_batches(r, n) : SD_OK;
}

sd_status sd__patterns_read(const sd_subject *subject, const sd_piecewise *net, const sd_samples *samples,
                            sd_patterns *patterns)
{
    *patterns = (sd_patterns){.n = samples->n};
    reader r = {.subject = subject, .net = net, .samples = samples, .made = patterns};
    sd_status status = read_all(&r);
    for (int i = 0; i < r.operands; i++)
        free(r.operand[i].row);
    free(r.operand);
    free(r.output);
    free(r.key);
    free(r.room);
    return status;
}

void sd__patterns_free(sd_patterns *patterns)
{
    free(patterns->step);
    free(patterns->hash);
    free(patterns->guess);
    *patterns = (sd_patterns){0};
}
