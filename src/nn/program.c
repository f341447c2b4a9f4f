/* program.c -- the programs of a model: compiled for a mode, a batch and a set of results, kept, and run. */
#include <sonde/autodiff.h>
#include <string.h>

#include "base/base.h"
#include "nn/model.h"
#include "tensor/element.h"

/* ---- compiling --------------------------------------------------------------------------------------------------- */

typedef struct outputs {
    sd_output *output;
    int n;
} outputs;

static void add(outputs *out, const char *slot, int64_t offset, sd_node node)
{
    out->output[out->n++] = (sd_output){.slot = slot, .offset = offset, .node = node};
}

/* The gradient of the trained slices only: nothing is computed for the others. */
static sd_status add_gradient(const sd_model *model, sd_graph *graph, sd_node loss, outputs *out)
{
    int n = 0, count = model->params.count;
    sd_node *wrt = sd__alloc((size_t)count + 1, sizeof *wrt), *grad = sd__alloc((size_t)count + 1, sizeof *grad);
    if (!wrt || !grad) {
        free(wrt);
        free(grad);
        return sd__fail(SD_ENOMEM, "no memory for a gradient");
    }
    for (int i = 0; i < count; i++)
        if (model->trainable[i])
            wrt[n++] = sd_param_node(graph, i);
    sd_grad(loss, n, wrt, grad);
    n = 0;
    for (int i = 0; i < count; i++)
        if (model->trainable[i])
            add(out, "grad", model->params.slice[i].offset, grad[n++]);
    free(wrt);
    free(grad);
    return SD_OK;
}

static sd_status collect(const sd_model *model, sd_graph *graph, const sd_built *built, unsigned want, outputs *out)
{
    bool loss = sd_node_ok(built->loss) && sd_node_ok(built->losses);
    if ((want & (SD_WANT_LOSS | SD_WANT_LOSSES | SD_WANT_GRAD)) && !loss)
        return sd__fail(SD_EINVAL,
                        "the model has no loss; give it classes or targets, and return sd_loss() from its build function");
    if (want & SD_WANT_LOSS)
        add(out, "loss", 0, built->loss);
    if (want & SD_WANT_LOSSES)
        add(out, "losses", 0, built->losses);
    if (want & SD_WANT_OUTPUT)
        add(out, "output", 0, built->output);
    if (want & SD_WANT_GRAD)
        SD_TRY(add_gradient(model, graph, built->loss, out));
    for (int i = 0; (want & SD_WANT_STATE) && i < model->states.count; i++)
        add(out, "state_next", model->states.slice[i].offset, sd_state_after(graph, i));
    return out->n ? SD_OK : sd__fail(SD_EINVAL, "nothing is asked of the program");
}

static sd_status compile(sd_model *model, sd_graph *graph, sd_model_program *program)
{
    sd_compile_options options = {.fixed = program->want & SD_FIXED_THETA ? "theta" : NULL};
    sd_built built;
    outputs out = {0};
    SD_TRY(sd_model_build(model, graph, program->mode, program->batch, &built));
    out.output = sd__alloc((size_t)model->params.count + (size_t)model->states.count + 4, sizeof *out.output);
    if (!out.output)
        return sd__fail(SD_ENOMEM, "no memory for a program");
    sd_status status = collect(model, graph, &built, program->want, &out);
    if (status == SD_OK)
        status = sd_compile(model->context, out.n, out.output, &options, &program->plan);
    free(out.output);
    return status;
}

static const char *const bound_name[SD_BOUND_COUNT] = {
    [SD_BOUND_X] = "x",
    [SD_BOUND_Y] = "y",
    [SD_BOUND_IDS] = "ids",
    [SD_BOUND_STEP] = "step",
    [SD_BOUND_THETA] = "theta",
    [SD_BOUND_STATE] = "state",
    [SD_BOUND_LOSS] = "loss",
    [SD_BOUND_LOSSES] = "losses",
    [SD_BOUND_OUTPUT] = "output",
    [SD_BOUND_GRAD] = "grad",
    [SD_BOUND_STATE_NEXT] = "state_next",
};

static sd_status prepare(sd_model *model, sd_model_program *program)
{
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return sd__fail(SD_ENOMEM, "no memory for a program");
    sd_status status = compile(model, graph, program);
    sd_graph_free(graph);
    SD_TRY(status);
    for (int i = 0; i < SD_BOUND_COUNT; i++)
        program->slot[i] = sd_plan_slot(program->plan, bound_name[i]);
    return SD_OK;
}

void sd__model_program_free(sd_model_program *program)
{
    sd_workspace_free(program->workspace);
    sd_plan_free(program->plan);
    free(program->binding);
    free(program->ids);
    free(program);
}

static sd_status find(sd_model *model, sd_mode mode, int64_t batch, unsigned want, sd_model_program **program)
{
    for (sd_model_program *p = model->programs; p; p = p->next)
        if (p->mode == mode && p->batch == batch && p->want == want)
            return *program = p, SD_OK;
    sd_model_program *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return sd__fail(SD_ENOMEM, "no memory for a program");
    made->mode = mode;
    made->batch = batch;
    made->want = want;
    sd_status status = prepare(model, made);
    if (status != SD_OK)
        return sd__model_program_free(made), status;
    made->next = model->programs;
    model->programs = made;
    *program = made;
    return SD_OK;
}

sd_status sd_model_plan(sd_model *model, sd_mode mode, int64_t batch, unsigned want, const sd_plan **plan)
{
    sd_model_program *program;
    *plan = NULL;
    SD_TRY(find(model, mode, batch, want, &program));
    *plan = program->plan;
    return SD_OK;
}

/* ---- running ----------------------------------------------------------------------------------------------------- */

/* What sd_model_run() needs beside the plan, made at the first run. */
static sd_status make_runnable(sd_model_program *program)
{
    if (program->workspace)
        return SD_OK;
    int slots = sd_plan_slots(program->plan), bound = 0;
    for (int i = 0; i < SD_BOUND_COUNT; i++)
        bound += program->slot[i] >= 0;
    if (bound != slots)
        return sd__fail(SD_EINVAL, "the build function makes inputs of its own; run its plan (sd_model_plan()) with sd_run()");
    if (!program->binding)
        program->binding = sd__alloc_zeroed((size_t)slots + 1, sizeof *program->binding);
    if (!program->ids)
        program->ids = sd__alloc((size_t)program->batch, sizeof *program->ids);
    if (!program->binding || !program->ids)
        return sd__fail(SD_ENOMEM, "no memory to run a program of batch %lld", (long long)program->batch);
    for (int64_t i = 0; i < program->batch; i++)
        program->ids[i] = (int32_t)i;
    return sd_workspace_new(program->plan, &program->workspace);
}

static void *changeable(const void *data) { return (void *)(uintptr_t)data; }

static sd_status bind(sd_model *model, sd_model_program *program, const sd_model_io *io)
{
    program->step = io->step;
    void *const to[SD_BOUND_COUNT] = {
        [SD_BOUND_X] = changeable(io->x),
        [SD_BOUND_Y] = changeable(io->y),
        [SD_BOUND_IDS] = io->ids ? changeable(io->ids) : program->ids,
        [SD_BOUND_STEP] = &program->step,
        [SD_BOUND_THETA] = io->theta ? changeable(io->theta) : model->theta,
        [SD_BOUND_STATE] = io->state ? changeable(io->state) : model->state,
        [SD_BOUND_LOSS] = &program->loss,
        [SD_BOUND_LOSSES] = io->losses,
        [SD_BOUND_OUTPUT] = io->output,
        [SD_BOUND_GRAD] = io->grad,
        [SD_BOUND_STATE_NEXT] = model->state_next,
    };
    for (int i = 0; i < SD_BOUND_COUNT; i++) {
        if (program->slot[i] < 0)
            continue;
        if (!to[i])
            return sd__fail(SD_EINVAL, "the run needs \"%s\", which is NULL", bound_name[i]);
        program->binding[program->slot[i]] = to[i];
    }
    return SD_OK;
}

static void clear_frozen(const sd_model *model, void *grad)
{
    size_t size = sd_dtype_size(model->spec.dtype);
    for (int i = 0; i < model->params.count; i++)
        if (!model->trainable[i])
            memset((char *)grad + (size_t)model->params.slice[i].offset * size, 0,
                   (size_t)model->params.slice[i].length * size);
}

static unsigned wanted(const sd_model *model, sd_mode mode, const sd_model_io *io)
{
    return (mode == SD_EVAL && io->theta_version ? SD_FIXED_THETA : 0u) | (io->loss ? SD_WANT_LOSS : 0u) |
           (io->losses ? SD_WANT_LOSSES : 0u) | (io->output ? SD_WANT_OUTPUT : 0u) | (io->grad ? SD_WANT_GRAD : 0u) |
           (io->next_state && model->states.count ? SD_WANT_STATE : 0u);
}

sd_status sd_model_run(sd_model *model, sd_mode mode, int64_t batch, const sd_model_io *io)
{
    sd_model_program *program;
    SD_TRY(find(model, mode, batch, wanted(model, mode, io), &program));
    SD_TRY(make_runnable(program));
    SD_TRY(bind(model, program, io));
    if (program->theta_version != io->theta_version)
        sd_workspace_refresh(program->workspace);
    program->theta_version = io->theta_version;
    SD_TRY(sd_run(program->plan, program->workspace, program->binding, sd_context_pool(model->context)));
    if (io->loss)
        *io->loss = sd__element(&program->loss, model->spec.dtype, 0);
    if (io->grad)
        clear_frozen(model, io->grad);
    return SD_OK;
}

void sd_model_commit(sd_model *model)
{
    void *state = model->state;
    model->state = model->state_next;
    model->state_next = state;
}
