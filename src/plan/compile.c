/* compile.c -- sd_compile(): copy the graph, run the passes, lower. */
#include <stdlib.h>
#include <string.h>

#include "plan/plan.h"
#include "plan/program.h"

static sd_status copy_output(const sd_output *from, sd_program_output *to, const sd_graph *graph)
{
    if (!from->slot || !from->slot[0] || strlen(from->slot) >= SD_MAX_SLOT)
        return sd__fail(SD_EINVAL, "an output's slot name must have 1 to %d characters", SD_MAX_SLOT - 1);
    if (from->offset < 0)
        return sd__fail(SD_EINVAL, "output %s: offset %lld; it must be 0 or more", from->slot, (long long)from->offset);
    if (!from->node.id)
        return sd__fail(SD_EINVAL, "output %s is a poisoned value", from->slot);
    if (from->node.graph != graph)
        return sd__fail(SD_EINVAL, "output %s belongs to another graph than the first one", from->slot);
    memcpy(to->slot, from->slot, strlen(from->slot) + 1);
    to->offset = from->offset;
    to->ref = (sd_ref){from->node.id, from->node.result};
    return SD_OK;
}

sd_status sd__borrow_graph(const sd_graph *graph, sd_program *program)
{
    program->graph = sd_graph_new();
    if (!program->graph)
        return sd__fail(SD_ENOMEM, "no memory for a plan");
    program->graph->node = sd__alloc(graph->count, sizeof *graph->node);
    if (!program->graph->node)
        return sd__fail(SD_ENOMEM, "no memory for %u nodes", graph->count);
    memcpy(program->graph->node, graph->node, graph->count * sizeof *graph->node);
    program->graph->count = program->graph->capacity = graph->count;
    return SD_OK;
}

sd_status sd__program_begin(sd_context *context, int n, const sd_output *outputs, const sd_compile_options *options,
                            sd_program *program)
{
    *program = (sd_program){.context = context, .options = options ? *options : (sd_compile_options){0}};
    if (n < 1 || !outputs[0].node.graph)
        return sd__fail(SD_EINVAL, "to compile, at least one output is needed");
    const sd_graph *graph = outputs[0].node.graph;
    if (graph->status != SD_OK)
        return sd__fail(graph->status, "%s", graph->message);
    program->out = sd__alloc((size_t)n, sizeof *program->out);
    if (!program->out)
        return sd__fail(SD_ENOMEM, "no memory for %d outputs", n);
    for (int k = 0; k < n; k++)
        SD_TRY(copy_output(&outputs[k], &program->out[k], graph));
    program->n_out = n;
    SD_TRY(sd__borrow_graph(graph, program));
    SD_TRY(sd__pass_share(program));
    SD_TRY(sd__pass_pool(program));
    SD_TRY(sd__pass_norm(program));
    SD_TRY(sd__pass_conv(program));
    SD_TRY(sd__pass_conv_pool(program));
    SD_TRY(sd__pass_product(program));
    SD_TRY(sd__pass_expand(program));
    return sd__pass_share(program); /* what expansion made anew */
}

void sd__program_free(sd_program *program)
{
    sd_graph_free(program->graph);
    free(program->out);
}

static void log_plan(const sd_plan *plan)
{
    char *text = plan->context->debug >= 1 ? sd_plan_print(plan) : NULL;
    sd__log(plan->context, 1, "%s", text ? text : "");
    free(text);
}

static sd_status lower_into(sd_program *program, sd_plan *plan)
{
    SD_TRY(sd__pass_fuse(program));
    return sd__lower(program, plan);
}

sd_status sd__program_end(sd_program *program, sd_plan **plan)
{
    sd_plan *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made)
        return sd__fail(SD_ENOMEM, "no memory for a plan");
    made->context = program->context;
    sd_status status = lower_into(program, made);
    if (status != SD_OK) {
        sd_plan_free(made);
        return status;
    }
    log_plan(made);
    *plan = made;
    return SD_OK;
}

sd_status sd_compile(sd_context *context, int n, const sd_output *outputs, const sd_compile_options *options, sd_plan **plan)
{
    *plan = NULL;
    sd_program program;
    sd_status status = sd__program_begin(context, n, outputs, options, &program);
    if (status == SD_OK)
        status = sd__program_end(&program, plan);
    sd__program_free(&program);
    return status;
}

void sd_plan_free(sd_plan *plan)
{
    if (!plan)
        return;
    for (int i = 0; i < plan->n_steps; i++)
        if (plan->step[i].work.state && plan->step[i].kernel->release)
            plan->step[i].kernel->release(plan->step[i].work.state);
    sd_graph_free(plan->graph);
    free(plan->step);
    free(plan->tensor);
    free(plan->place);
    free(plan->slot);
    free(plan->constants);
    free(plan);
}

int sd_plan_slots(const sd_plan *plan) { return plan->n_slots; }

int sd_plan_slot(const sd_plan *plan, const char *name)
{
    for (int i = 0; i < plan->n_slots; i++)
        if (strcmp(plan->slot[i].name, name) == 0)
            return i;
    return -1;
}

const char *sd_plan_slot_name(const sd_plan *plan, int slot) { return plan->slot[slot].name; }

sd_dtype sd_plan_slot_dtype(const sd_plan *plan, int slot) { return plan->slot[slot].dtype; }

int64_t sd_plan_slot_length(const sd_plan *plan, int slot) { return plan->slot[slot].length; }

size_t sd_plan_workspace_bytes(const sd_plan *plan)
{
    return plan->arena_bytes + plan->own_bytes * (size_t)sd_context_threads(plan->context);
}

int sd_plan_steps(const sd_plan *plan) { return plan->n_steps; }

double sd_plan_flops(const sd_plan *plan) { return plan->flops; }

static void print_place(const sd_plan *plan, size_t tensor, sd_string *text)
{
    char shape[SD_SHAPE_TEXT];
    sd_place place = plan->place[tensor];
    sd__string_add(text, "%s%s@", sd_dtype_name(plan->tensor[tensor].dtype), sd_shape_text(plan->tensor[tensor].shape, shape));
    if (place.base >= 0)
        sd__string_add(text, "%s", plan->slot[place.base].name);
    else
        sd__string_add(text, "%s", place.base == SD_PLACE_ARENA ? "arena" : "constant");
    sd__string_add(text, "+%zu%s", place.offset, sd__dense(&plan->tensor[tensor]) ? "" : "~"); /* ~: strided */
}

static void print_step(const sd_plan *plan, int number, sd_string *text)
{
    const sd_plan_step *step = &plan->step[number];
    sd__string_add(text, "%4d  %s/%s ", number, step->provider, step->kernel->name);
    for (int i = 0; i < step->n_in + step->n_out; i++) {
        sd__string_add(text, "%s", i == step->n_in ? " -> " : " ");
        print_place(plan, step->first + (size_t)i, text);
    }
    if (step->op->print)
        step->op->print(step->attr, text);
    if (step->work.scratch)
        sd__string_add(text, " scratch=%zu", step->work.scratch);
    if (step->work.kept)
        sd__string_add(text, " kept=%zu", step->work.kept);
    if (step->work.own)
        sd__string_add(text, " own=%zu", step->work.own);
    sd__string_add(text, " parts=%d%s%s\n", step->work.parts[step->work.phases > 1], step->path[0] ? "  # " : "", step->path);
}

char *sd_plan_print(const sd_plan *plan)
{
    sd_string text = {0};
    sd__string_add(&text, "plan: %d steps, %.3f MFLOP, arena %.3f MB, constants %zu bytes\n", plan->n_steps, plan->flops * 1e-6,
                   (double)plan->arena_bytes * 1e-6, plan->constant_bytes);
    for (int i = 0; i < plan->n_steps; i++)
        print_step(plan, i, &text);
    return sd__string_take(&text);
}
