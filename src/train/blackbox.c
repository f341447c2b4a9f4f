/*
 * blackbox.c -- see blackbox.h.
 *
 * The step is run once more in a program of its own: compiled without fusion, so that an operation is a step of the plan, on a
 * copy of the context at debug level 5, where every result is looked at.
 */
#include "train/blackbox.h"

#include <inttypes.h>
#include <math.h>
#include <sonde/autodiff.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/file.h"
#include "nn/yaml.h"
#include "tensor/element.h"
#include "train/checkpoint.h"

/* ---- finding the operation --------------------------------------------------------------------------------------------- */

static sd_status check_vector(const char *what, sd_layout layout, sd_dtype dtype, const void *vector)
{
    for (int i = 0; i < layout.count; i++) {
        const sd_slice *s = &layout.slice[i];
        for (int64_t j = s->offset; j < s->offset + s->length; j++)
            if (!isfinite(sd__element(vector, dtype, j)))
                return sd__fail(SD_ENONFINITE,
                                "%s: %s was not finite before the step: the update before made it so (learning rate too "
                                "large?)",
                                s->name, what);
    }
    return SD_OK;
}

static sd_status check_input(const sd_model *model, const sd_batch *batch)
{
    int64_t each = sd_shape_count(sd_model_input(model));
    for (int64_t i = 0; i < each * batch->size; i++)
        if (!isfinite(sd__element(batch->input, sd_model_dtype(model), i)))
            return sd__fail(SD_ENONFINITE, "input: sample %" PRId32 " holds a value that is not finite", batch->ids[i / each]);
    return SD_OK;
}

/* The outputs of a training step: the loss, and the gradient of every slice that is trained. */
static int step_outputs(sd_model *model, sd_graph *graph, sd_node loss, sd_output *output)
{
    sd_layout params = sd_graph_params(graph);
    const bool *trained = sd_model_trainable(model);
    sd_node *wrt = sd__alloc((size_t)params.count + 1, sizeof *wrt), *grad = sd__alloc((size_t)params.count + 1, sizeof *grad);
    int n = 0, k = 0;
    for (int i = 0; wrt && grad && i < params.count; i++)
        if (trained[i])
            wrt[n++] = sd_param_node(graph, i);
    output[k++] = (sd_output){"loss", 0, loss};
    if (n)
        sd_grad(loss, n, wrt, grad);
    for (int i = 0, j = 0; n && i < params.count; i++)
        if (trained[i])
            output[k++] = (sd_output){"grad", params.slice[i].offset, grad[j++]};
    free(wrt);
    free(grad);
    return k;
}

static sd_status compile_step(sd_model *model, sd_context *context, int64_t batch, sd_plan **plan)
{
    sd_built built;
    sd_graph *graph = sd_graph_new();
    sd_output *output = sd__alloc((size_t)sd_model_params(model).count + 1, sizeof *output);
    sd_status status = graph && output ? sd_model_build(model, graph, SD_TRAIN, batch, &built)
                                       : sd__fail(SD_ENOMEM, "no memory to go through a step again");
    if (status == SD_OK) {
        sd_compile_options options = {.no_fuse = true};
        int n = step_outputs(model, graph, built.loss, output);
        status = sd_compile(context, n, output, &options, plan);
    }
    free(output);
    sd_graph_free(graph);
    return status;
}

/* Runs the plan; what it writes goes to vectors that are thrown away. */
static sd_status run_step(sd_plan *plan, sd_model *model, const sd_batch *batch, int32_t step, sd_pool *pool)
{
    const void *y = batch->labels ? (const void *)batch->labels : batch->targets;
    const struct {
        const char *slot;
        const void *data;
    } given[] = {
        {"x", batch->input},
        {"y", y},
        {"ids", batch->ids},
        {"step", &step},
        {"theta", sd_model_theta(model)},
        {"state", sd_model_state(model)},
    };
    int slots = sd_plan_slots(plan);
    void **binding = sd__alloc_zeroed((size_t)slots + 1, sizeof *binding),
         **made = sd__alloc_zeroed((size_t)slots + 1, sizeof *made);
    sd_workspace *workspace = NULL;
    sd_status status = binding && made ? sd_workspace_new(plan, &workspace) : sd__fail(SD_ENOMEM, "no memory to run a step");
    for (int i = 0; i < slots && status == SD_OK; i++) {
        for (size_t k = 0; k < SD_COUNT(given); k++)
            if (!strcmp(sd_plan_slot_name(plan, i), given[k].slot))
                binding[i] = (void *)(uintptr_t)given[k].data; /* a plan only reads its inputs */
        if (!binding[i])
            binding[i] = made[i] =
                sd__alloc_aligned((size_t)sd_plan_slot_length(plan, i) * sd_dtype_size(sd_plan_slot_dtype(plan, i)));
        if (!binding[i])
            status = sd__fail(SD_ENOMEM, "no memory to run a step");
    }
    if (status == SD_OK)
        status = sd_run(plan, workspace, binding, pool);
    for (int i = 0; made && i < slots; i++)
        free(made[i]);
    free(made);
    free(binding);
    sd_workspace_free(workspace);
    return status;
}

/* "step 7, relu1: cluster relu made ..." -> "plan step 7, relu1: relu made ...": a cluster of one op is that op. */
static sd_status say_plainly(void)
{
    char text[512];
    snprintf(text, sizeof text, "plan %s", sd_error());
    char *cluster = strstr(text, ": cluster ");
    if (cluster)
        memmove(cluster + 2, cluster + 10, strlen(cluster + 10) + 1);
    return sd__fail(SD_ENONFINITE, "%s", text);
}

sd_status sd__find_nonfinite(sd_model *model, const sd_batch *batch, int32_t step)
{
    struct sd_context watching = *sd_model_context(model);
    watching.debug = 5;
    watching.log = NULL; /* level 5 also logs what lower levels do, and only the finding is wanted */
    sd_plan *plan;
    SD_TRY(check_input(model, batch));
    SD_TRY(check_vector("a weight", sd_model_params(model), sd_model_dtype(model), sd_model_theta(model)));
    SD_TRY(check_vector("a state", sd_model_states(model), sd_model_dtype(model), sd_model_state(model)));
    SD_TRY(compile_step(model, &watching, batch->size, &plan));
    sd_status status = run_step(plan, model, batch, step, watching.pool);
    sd_plan_free(plan);
    return status == SD_ENONFINITE ? say_plainly() : status;
}

/* ---- keeping the step -------------------------------------------------------------------------------------------------- */

static sd_status write_batch(const sd_trainer *t, const char *path, const sd_batch *batch)
{
    sd_tensor_list list = {0};
    sd_dtype dtype = sd_model_dtype(t->model);
    sd_shape shape = sd_model_input(t->model), x = {.rank = shape.rank + 1, .dim = {batch->size}};
    int64_t n = batch->size, y[2] = {batch->size, sd_model_targets(t->model)};
    if (x.rank > SD_MAX_RANK) { /* then flat: the number of elements is all that replaying needs */
        x = sd_shape_make(2, (int64_t[]){n, sd_shape_count(shape)});
    } else {
        memcpy(x.dim + 1, shape.dim, (size_t)shape.rank * sizeof *x.dim);
    }
    sd_status status = sd__list_add(&list, "x", (void *)(uintptr_t)batch->input, dtype, x);
    if (status == SD_OK)
        status = sd__list_add(&list, "ids", (void *)(uintptr_t)batch->ids, SD_I32, sd_shape_make(1, &n));
    if (status == SD_OK && batch->labels)
        status = sd__list_add(&list, "y", (void *)(uintptr_t)batch->labels, SD_I32, sd_shape_make(1, &n));
    else if (status == SD_OK)
        status = sd__list_add(&list, "y", (void *)(uintptr_t)batch->targets, dtype, sd_shape_make(2, y));
    if (status == SD_OK)
        status = sd_tensors_save(path, list.count, list.item, 0, NULL);
    sd__list_clear(&list);
    return status;
}

static sd_status keep(sd_trainer *t, const sd_batch *batch)
{
    char *folder = sd__run_file(t->folder, SD_BLACKBOX), *state = sd__run_file(t->folder, SD_BLACKBOX "/state.safetensors"),
         *input = sd__run_file(t->folder, SD_BLACKBOX "/batch.safetensors");
    sd_status status = folder && state && input ? sd__make_folders(folder) : SD_ENOMEM;
    if (status == SD_OK)
        status = sd__checkpoint_write(t, state, true);
    if (status == SD_OK)
        status = write_batch(t, input, batch);
    free(folder);
    free(state);
    free(input);
    return status;
}

/* The samples whose own loss is not finite; where there is none (the gradient alone overflowed), the batch's first ones. */
static void name_samples(sd_trainer *t, const sd_batch *batch, sd_string *text)
{
    sd_dtype dtype = sd_model_dtype(t->model);
    void *losses = sd__alloc((size_t)batch->size, sd_dtype_size(dtype));
    sd_model_io io = {.x = batch->input,
                      .y = batch->labels ? (const void *)batch->labels : batch->targets,
                      .ids = batch->ids,
                      .step = (int32_t)t->at.step,
                      .losses = losses};
    bool known = losses && sd_model_run(t->model, SD_TRAIN, batch->size, &io) == SD_OK;
    int named = 0;
    for (int i = 0; known && i < batch->valid; i++) {
        if (isfinite(sd__element(losses, dtype, i)))
            continue;
        if (++named <= 8)
            sd__string_add(text, "%s%" PRId32, named > 1 ? ", " : "samples ", batch->ids[i]);
    }
    if (named > 8)
        sd__string_add(text, " and %d more of %d", named - 8, batch->valid);
    for (int i = 0; named == 0 && i < batch->valid && i < 8; i++)
        sd__string_add(text, "%s%" PRId32, i ? ", " : "the loss of each sample is finite; the batch begins with samples ",
                       batch->ids[i]);
    free(losses);
}

sd_status sd__blackbox(sd_trainer *t, const sd_batch *batch, double loss)
{
    sd_string text = {0};
    sd__string_add(&text, "step %" PRId64 " (epoch %" PRId64 ", batch %" PRId64 ") is not taken: ", t->at.step + 1,
                   t->at.epoch + 1, t->at.index + 1);
    double bad = isfinite(loss) ? t->norm : loss;
    sd__string_add(&text, "the %s is %s; ", isfinite(loss) ? "norm of the gradient" : "loss",
                   isnan(bad) ? "not a number" : "infinite");
    sd_status kept = t->folder ? keep(t, batch) : SD_OK;
    if (kept != SD_OK)
        sd__string_add(&text, "(the black box could not be written: %s); ", sd_error());
    sd_status found = sd__find_nonfinite(t->model, batch, (int32_t)t->at.step);
    sd__string_add(&text, "%s%s; ",
                   found == SD_ENONFINITE ? "the first value that is not finite: " : "going through it again: ",
                   found == SD_OK ? "every value is finite, so the sum of squares overflows" : sd_error());
    name_samples(t, batch, &text);
    if (t->folder && kept == SD_OK)
        sd__string_add(&text, "; see it again with: sonde replay %s", t->folder);
    sd_status status = sd__fail(SD_ENONFINITE, "%s", text.text ? text.text : "a value is not finite");
    free(text.text);
    return status;
}

/* ---- replaying --------------------------------------------------------------------------------------------------------- */

/* The stored batch as the loader gave it. */
static sd_status read_batch(const sd_tensors *file, const char *path, const sd_model *model, sd_batch *batch)
{
    const sd_tensor *x = sd_tensors_find(file, "x"), *y = sd_tensors_find(file, "y"), *ids = sd_tensors_find(file, "ids");
    bool labels = sd_model_classes(model) > 0;
    int64_t n = ids && ids->dtype == SD_I32 ? sd_shape_count(ids->shape) : 0;
    if (!x || !y || n < 1 || n > INT32_MAX || x->dtype != sd_model_dtype(model) ||
        sd_shape_count(x->shape) != n * sd_shape_count(sd_model_input(model)) || y->dtype != (labels ? SD_I32 : x->dtype) ||
        sd_shape_count(y->shape) != n * (labels ? 1 : sd_model_targets(model)))
        return sd__fail(SD_EFORMAT, "%s: is not the batch of a step of this model", path);
    *batch = (sd_batch){.size = (int)n, .valid = (int)n, .input = x->data, .ids = ids->data};
    if (labels)
        batch->labels = y->data;
    else
        batch->targets = y->data;
    return SD_OK;
}

static sd_status replay_model(sd_model *model, const sd_tensors *state, const char *path, const char *batch_path, int64_t step,
                              int *samples)
{
    sd_tensors *file;
    sd_batch batch;
    SD_TRY(sd__weights_take(model, state, path, 0, NULL, sd_model_theta(model), sd_model_state(model)));
    SD_TRY(sd_tensors_load(batch_path, &file));
    sd_status status = read_batch(file, batch_path, model, &batch);
    if (status == SD_OK) {
        *samples = batch.size;
        status = sd__find_nonfinite(model, &batch, (int32_t)step);
    }
    sd_tensors_free(file);
    return status;
}

static sd_status replay_state(sd_context *context, const sd_config *config, const char *path, const char *batch, int64_t *step,
                              int *samples)
{
    sd_tensors *state;
    sd_checkpoint_facts facts = {0};
    sd_model *model = NULL;
    SD_TRY(sd_tensors_load(path, &state));
    sd_status status = sd__checkpoint_facts(state, path, &facts);
    sd_model_data data = {facts.input, facts.classes, facts.targets};
    if (status == SD_OK)
        status = sd__model_from_config(context, config->root, &data, &model);
    *step = facts.step;
    if (status == SD_OK)
        status = replay_model(model, state, path, batch, facts.step, samples);
    json_decref(facts.names);
    sd_model_free(model);
    sd_tensors_free(state);
    return status;
}

sd_status sd__replay(sd_context *context, const char *folder, int64_t *step, int *samples)
{
    char *yaml = sd__run_file(folder, "config.yaml"), *state = sd__run_file(folder, SD_BLACKBOX "/state.safetensors"),
         *batch = sd__run_file(folder, SD_BLACKBOX "/batch.safetensors");
    sd_config *config = NULL;
    sd_status status = yaml && state && batch ? SD_OK : SD_ENOMEM;
    if (status == SD_OK && !sd__file_exists(state))
        status = sd__fail(SD_ENOTFOUND, "%s: has no black box: no step of this run was refused", folder);
    if (status == SD_OK)
        status = sd__config_read(yaml, &config);
    if (status == SD_OK)
        status = replay_state(context, config, state, batch, step, samples);
    sd__config_free(config);
    free(yaml);
    free(state);
    free(batch);
    return status;
}
