/* piecewise.c -- reads a model's graph as linear steps and kinks. */
#include "probe/piecewise.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "nn/model.h"
#include "probe/subject.h"

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory to read a model"); }

sd_status sd__no_regions(const char *path, const char *op, const char *why)
{
    return sd__fail(SD_EINVAL, "linear regions do not apply: %s%s has %s, %s", *path ? "layer " : "the model", path, op, why);
}

/* ---- the graph --------------------------------------------------------------------------------------------------------- */

static void visit(sd_rewrite *r, uint32_t id)
{
    if (sd__rule_expands(r->from->node[id].op))
        sd__decompose(r, id);
    else
        sd__keep(r, id);
}

/* The nodes that lead to the output, and no others. */
static sd_status keep_live(sd_context *context, sd_node output, sd_program *program)
{
    *program = (sd_program){.context = context, .n_out = 1};
    program->out = sd__alloc_zeroed(1, sizeof *program->out);
    if (!program->out)
        return no_memory();
    memcpy(program->out->slot, "output", sizeof "output");
    program->out->ref = (sd_ref){output.id, output.result};
    SD_TRY(sd__borrow_graph(output.graph, program));
    return sd__rewrite(program, "regions", visit, NULL, NULL);
}

/* A twin of the model in another type: programs depend on the specification and on the layouts, which do not name one. */
sd_status sd__piecewise_program(const sd_subject *subject, sd_dtype dtype, int64_t batch, sd_program *program)
{
    *program = (sd_program){0};
    sd_model twin = *subject->model;
    sd_graph *graph = sd_graph_new();
    sd_built built;
    twin.spec.dtype = dtype;
    sd_status status = graph ? sd_model_build(&twin, graph, SD_EVAL, batch, &built) : no_memory();
    if (status == SD_OK)
        status = keep_live(twin.context, built.output, program);
    sd_graph_free(graph);
    return status;
}

/* ---- steps ------------------------------------------------------------------------------------------------------------- */

/* What reading needs: the step of each node that depends on the input, else -1; the constants met so far. */
typedef struct reader {
    sd_piecewise *net;
    const sd_graph *graph;
    int *step_of; /* [graph->count] */
    sd_output *constant;
    sd_piece_in **place; /* whose numbers each is */
    int constants;
    int64_t numbers;
} reader;

static bool is_input(const sd_node_data *node)
{
    return node->op == &sd__op_leaf && strcmp(((const sd_leaf_attr *)node->attr)->slot, "x") == 0;
}

int sd__piecewise_number(const sd_graph *graph, int *step_of)
{
    int steps = 0;
    for (uint32_t id = 1; id < graph->count; id++) {
        const sd_node_data *node = &graph->node[id];
        bool depends = is_input(node);
        for (uint32_t i = 0; i < node->n_in; i++)
            depends = depends || step_of[node->in[i].id] >= 0;
        step_of[id] = depends ? steps++ : -1;
    }
    return steps;
}

static sd_status operand(reader *r, const sd_node_data *node, uint32_t i, sd_piece_in *in)
{
    sd_ref ref = node->in[i];
    sd_type type = r->graph->node[ref.id].out[ref.result];
    *in = (sd_piece_in){.step = r->step_of[ref.id], .shape = type.shape, .n = sd_shape_count(type.shape), .factor = 1};
    if (type.dtype != SD_F64 || (in->step >= 0 && ref.result))
        return sd__no_regions(node->path, node->op->name, "which reads values that are not real numbers");
    if (in->step >= 0)
        return SD_OK;
    sd_node value = {r->net->program.graph, ref.id, ref.result};
    r->constant[r->constants] = (sd_output){.slot = "constants", .offset = r->numbers, .node = value};
    r->place[r->constants++] = in;
    r->numbers += in->n;
    return SD_OK;
}

static sd_status add_step(reader *r, const sd_node_data *node, sd_piece *step)
{
    sd_shape shape = node->out[0].shape;
    const sd_rule *rule = sd__rule_of(node->op);
    *step = (sd_piece){.rule = rule,
                       .attr = node->attr,
                       .path = node->path,
                       .op = node->op->name,
                       .shape = shape,
                       .n = sd_shape_count(shape),
                       .block = shape.rank ? shape.dim[shape.rank - 1] : 1,
                       .n_in = (int)node->n_in};
    if (is_input(node))
        return SD_OK;
    if (!rule)
        return sd__no_regions(node->path, node->op->name, "which is not piecewise affine");
    step->in = sd__arena_alloc(&r->net->arena, node->n_in, sizeof *step->in);
    if (!step->in)
        return no_memory();
    for (uint32_t i = 0; i < node->n_in; i++)
        SD_TRY(operand(r, node, i, &step->in[i]));
    return SD_OK;
}

static sd_status add_steps(reader *r)
{
    sd_piecewise *net = r->net;
    net->steps = sd__piecewise_number(r->graph, r->step_of);
    for (uint32_t id = 1; id < r->graph->count; id++)
        if (r->step_of[id] >= 0)
            SD_TRY(add_step(r, &r->graph->node[id], &net->step[r->step_of[id]]));
    net->output = r->step_of[net->program.out->ref.id];
    if (net->output < 0)
        return sd__fail(SD_EINVAL, "linear regions do not apply: the model's output does not depend on its input");
    net->inputs = net->step[0].n;
    net->outputs = net->step[net->output].n;
    return SD_OK;
}

/* ---- constants --------------------------------------------------------------------------------------------------------- */

static double *as_f64(const void *vector, sd_dtype dtype, int64_t n)
{
    double *copy = sd__alloc_aligned((size_t)SD_MAX(n, 1) * sizeof *copy);
    for (int64_t i = 0; copy && i < n; i++)
        copy[i] = sd__element(vector, dtype, i);
    return copy;
}

static sd_status run_constants(const sd_plan *plan, double *theta, double *state, double *constants)
{
    enum { MOST = 4 };
    void *binding[MOST];
    sd_workspace *workspace;
    for (int i = 0; i < sd_plan_slots(plan); i++) {
        const char *slot = sd_plan_slot_name(plan, i);
        double *data = !strcmp(slot, "theta")       ? theta
                       : !strcmp(slot, "state")     ? state
                       : !strcmp(slot, "constants") ? constants
                                                    : NULL;
        if (i >= MOST || !data)
            return sd__fail(SD_EINVAL, "the model reads the slot \"%s\", which no sample fills", slot);
        binding[i] = data;
    }
    SD_TRY(sd_workspace_new(plan, &workspace));
    sd_status status = sd_run(plan, workspace, binding, NULL);
    sd_workspace_free(workspace);
    return status;
}

/* The numbers reach the operands that they belong to. */
static sd_status place_constants(reader *r)
{
    const double *numbers = r->net->constants;
    for (int64_t i = 0; i < r->numbers; i++)
        if (!isfinite(numbers[i]))
            return sd__fail(SD_ENONFINITE,
                            "a weight is not finite, so there are no linear regions; `sonde probe signal` says in which layer");
    for (int i = 0; i < r->constants; i++)
        r->place[i]->constant = numbers + r->constant[i].offset;
    return SD_OK;
}

/* Weights, and whatever follows from them alone, by the library's own kernels. */
static sd_status evaluate_constants(reader *r, const sd_subject *subject)
{
    const sd_model *model = subject->model;
    sd_plan *plan = NULL;
    if (!r->constants)
        return SD_OK;
    sd_dtype dtype = model->spec.dtype;
    double *theta = as_f64(subject->theta ? subject->theta : model->theta, dtype, model->params.length);
    double *state = as_f64(subject->state ? subject->state : model->state, dtype, model->states.length);
    r->net->constants = sd__alloc_aligned((size_t)r->numbers * sizeof *r->net->constants);
    sd_status status =
        theta && state && r->net->constants ? sd_compile(model->context, r->constants, r->constant, NULL, &plan) : no_memory();
    if (status == SD_OK)
        status = run_constants(plan, theta, state, r->net->constants);
    if (status == SD_OK)
        status = place_constants(r);
    sd_plan_free(plan);
    free(theta);
    free(state);
    return status;
}

/* ---- together ---------------------------------------------------------------------------------------------------------- */

static sd_status link_users(sd_piecewise *net)
{
    for (int s = 1; s < net->steps; s++)
        for (int i = 0; i < net->step[s].n_in; i++)
            if (net->step[s].in[i].step >= 0)
                net->step[net->step[s].in[i].step].users++;
    for (int s = 0; s < net->steps; s++) {
        net->step[s].user = sd__arena_alloc(&net->arena, (size_t)net->step[s].users, sizeof *net->step[s].user);
        net->step[s].users = 0;
        if (!net->step[s].user)
            return no_memory();
    }
    for (int s = 1; s < net->steps; s++)
        for (int i = 0; i < net->step[s].n_in; i++) {
            int from = net->step[s].in[i].step;
            if (from < 0)
                continue;
            net->step[from].user[net->step[from].users++] = (sd_piece_user){s, i};
            net->step[from].kept = net->step[from].kept || net->step[s].rule->kink != SD_LINEAR;
        }
    net->step[net->output].kept = true;
    return SD_OK;
}

static sd_status prepare(sd_context *context, sd_piecewise *net)
{
    for (int s = 1; s < net->steps; s++) {
        sd_piece *step = &net->step[s];
        if (step->rule->prepare)
            SD_TRY(step->rule->prepare(context, &net->arena, step));
        if (step->rule->kink == SD_LINEAR)
            continue;
        step->kept = true;
        step->first_unit = net->units;
        net->units += step->n;
    }
    return SD_OK;
}

static sd_status read_graph(reader *r, const sd_subject *subject)
{
    sd_piecewise *net = r->net;
    size_t count = r->graph->count, operands = 1;
    for (uint32_t id = 1; id < r->graph->count; id++)
        operands += r->graph->node[id].n_in;
    net->step = sd__arena_alloc(&net->arena, count, sizeof *net->step);
    r->step_of = sd__alloc(count, sizeof *r->step_of);
    r->constant = sd__alloc(operands, sizeof *r->constant);
    r->place = sd__alloc(operands, sizeof(sd_piece_in *));
    if (!net->step || !r->step_of || !r->constant || !r->place)
        return no_memory();
    SD_TRY(add_steps(r));
    SD_TRY(evaluate_constants(r, subject));
    SD_TRY(link_users(net));
    return prepare(subject->model->context, net);
}

sd_status sd__piecewise_new(const sd_subject *subject, sd_piecewise **net)
{
    *net = NULL;
    if (subject->training)
        return sd__fail(SD_EINVAL, "linear regions are counted in eval mode: by the statistics of a batch, or with dropout, "
                                   "the network is another function for every batch");
    sd_piecewise *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return no_memory();
    reader r = {.net = made};
    sd_status status = sd__piecewise_program(subject, SD_F64, 1, &made->program);
    r.graph = made->program.graph;
    if (status == SD_OK)
        status = read_graph(&r, subject);
    free(r.step_of);
    free(r.constant);
    free(r.place);
    if (status != SD_OK)
        return sd__piecewise_free(made), status;
    *net = made;
    return SD_OK;
}

void sd__piecewise_free(sd_piecewise *net)
{
    if (!net)
        return;
    sd__program_free(&net->program);
    sd__arena_free(&net->arena);
    free(net->constants);
    free(net);
}
