/*
 * witness.c -- trains a model step by step and writes down everything that a step makes, for another library to follow.
 *
 * usage: witness CONFIG.yaml IN.safetensors OUT.safetensors
 *
 * CONFIG is what a user writes: `model`, `loss`, `optimizer`, `schedule`, `train`. IN holds the weights and states to start
 * from, by name, and the batches; OUT the history, one row a step. slow_witness.py writes the one and reads the other.
 *
 *   IN   x [S,B,input...]; y i32 [S,B] or [S,B,targets]; ids i32 [S,B]; classes, targets, epoch_steps i32 [1]; initial slices
 *   OUT  lr, norm, loss f64 [S]; losses [S,B]; output, eval [S,B,output...]; grad [S,P]; theta [S+1,P]; state [S+1,N]; moment
 *        vectors by their names [S+1,P]; notes "theta" and "state": a line "NAME decayed|not" a slice
 *
 * Without y, only the output in training mode is written: this shows what dropout does to known numbers.
 */
#include <sonde/format.h>
#include <sonde/nn.h>
#include <sonde/optim.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "format/config.h"
#include "optim/yaml.h"

enum { MOST = 32 }; /* tensors in OUT */

typedef struct history {
    int n;
    sd_named_tensor tensor[MOST];
} history;

typedef struct session {
    sd_context *context;
    sd_config *config;
    sd_model *model;
    sd_optimizer *optimizer;
    sd_schedule schedule;
    sd_tensors *in;
    sd_tensor x, ids;
    const sd_tensor *y;
    int64_t steps, batch;
    history out;
} session;

static void must(sd_status status)
{
    if (status == SD_OK)
        return;
    fprintf(stderr, "witness: %s\n", sd_error());
    exit(1);
}

static void require(bool right, const char *what)
{
    if (right)
        return;
    fprintf(stderr, "witness: %s\n", what);
    exit(1);
}

/* ---- what comes in -------------------------------------------------------------------------------------------------- */

static int number(const session *s, const char *name)
{
    const sd_tensor *t = sd_tensors_find(s->in, name);
    return t ? *(const int32_t *)t->data : 0;
}

static size_t bytes_of(sd_shape shape, sd_dtype dtype) { return (size_t)sd_shape_count(shape) * sd_dtype_size(dtype); }

/* Every slice must be in the file: what is not named there would start from other numbers than the other side's. */
static void load(session *s, sd_layout layout, void *vector)
{
    for (int i = 0; i < layout.count; i++) {
        const sd_slice *slice = &layout.slice[i];
        const sd_tensor *t = sd_tensors_find(s->in, slice->name);
        require(t && sd_shape_equal(t->shape, slice->shape) && t->dtype == slice->dtype, slice->name);
        memcpy((char *)vector + (size_t)slice->offset * sd_dtype_size(slice->dtype), t->data, bytes_of(t->shape, t->dtype));
    }
}

static void open_batches(session *s)
{
    const sd_tensor *x = sd_tensors_find(s->in, "x"), *ids = sd_tensors_find(s->in, "ids");
    require(x && ids && x->shape.rank >= 2 && x->dtype == sd_model_dtype(s->model), "IN needs x of the model's type, and ids");
    s->x = *x;
    s->ids = *ids;
    s->y = sd_tensors_find(s->in, "y");
    s->steps = x->shape.dim[0];
    s->batch = x->shape.dim[1];
}

/* Row `step` of a tensor. */
static void *row(const sd_tensor *t, int64_t step)
{
    return (char *)t->data + (size_t)step * (bytes_of(t->shape, t->dtype) / (size_t)t->shape.dim[0]);
}

/* ---- what goes out ---------------------------------------------------------------------------------------------------- */

/* One more tensor [steps, batch, each...]; batch 0 leaves that axis out. */
static sd_tensor *record(session *s, const char *name, sd_dtype dtype, int64_t steps, int64_t batch, sd_shape each)
{
    sd_shape shape = {.rank = 1, .dim = {steps}};
    if (batch)
        shape.dim[shape.rank++] = batch;
    for (int i = 0; i < each.rank; i++)
        shape.dim[shape.rank++] = each.dim[i];
    void *data = calloc(bytes_of(shape, dtype) + 1, 1);
    require(data && s->out.n < MOST, "no memory");
    s->out.tensor[s->out.n] = (sd_named_tensor){name, sd_tensor_dense(data, dtype, shape)};
    return &s->out.tensor[s->out.n++].tensor;
}

static void copy(sd_tensor *to, int64_t step, const void *from)
{
    memcpy(row(to, step), from, bytes_of(to->shape, to->dtype) / (size_t)to->shape.dim[0]);
}

static char *describe(sd_layout layout)
{
    sd_string text = {0};
    for (int i = 0; i < layout.count; i++)
        sd__string_add(&text, "%s %s\n", layout.slice[i].name, layout.slice[i].decayed ? "decayed" : "not");
    return text.text ? text.text : calloc(1, 1);
}

static void save(session *s, const char *path)
{
    sd_note notes[] = {{"theta", describe(sd_model_params(s->model))}, {"state", describe(sd_model_states(s->model))}};
    int n = 0;
    for (int i = 0; i < s->out.n; i++) /* vectors of length 0 have nothing to show */
        if (sd_shape_count(s->out.tensor[i].tensor.shape))
            s->out.tensor[n++] = s->out.tensor[i];
        else
            free(s->out.tensor[i].tensor.data);
    must(sd_tensors_save(path, n, s->out.tensor, 2, notes));
    for (int i = 0; i < n; i++)
        free(s->out.tensor[i].tensor.data);
    free((char *)(uintptr_t)notes[0].text);
    free((char *)(uintptr_t)notes[1].text);
}

/* ---- training --------------------------------------------------------------------------------------------------------- */

static void only_run(session *s)
{
    sd_tensor *output = record(s, "output", sd_model_dtype(s->model), s->steps, s->batch, sd_model_output(s->model));
    for (int64_t step = 0; step < s->steps; step++)
        must(sd_model_run(
            s->model, SD_TRAIN, s->batch,
            &(sd_model_io){
                .x = row(&s->x, step), .ids = row(&s->ids, step), .step = (int32_t)step, .output = row(output, step)}));
}

/* What is written down of every step. */
typedef struct tracks {
    sd_tensor *lr, *norm, *loss, *losses, *output, *eval, *grad, *theta, *state, *moment[2];
    int moments;
} tracks;

static tracks open_tracks(session *s)
{
    sd_dtype dtype = sd_model_dtype(s->model);
    sd_shape one = sd_scalar_shape(), output = sd_model_output(s->model);
    sd_shape params = SD_SHAPE(sd_model_params(s->model).length), states = SD_SHAPE(sd_model_states(s->model).length);
    tracks t = {
        .lr = record(s, "lr", SD_F64, s->steps, 0, one),
        .norm = record(s, "norm", SD_F64, s->steps, 0, one),
        .loss = record(s, "loss", SD_F64, s->steps, 0, one),
        .losses = record(s, "losses", dtype, s->steps, s->batch, one),
        .output = record(s, "output", dtype, s->steps, s->batch, output),
        .eval = record(s, "eval", dtype, s->steps, s->batch, output),
        .grad = record(s, "grad", dtype, s->steps, 0, params),
        .theta = record(s, "theta", dtype, s->steps + 1, 0, params),
        .state = record(s, "state", dtype, s->steps + 1, 0, states),
        .moments = sd_optimizer_vectors(s->optimizer),
    };
    for (int i = 0; i < t.moments; i++)
        t.moment[i] = record(s, sd_optimizer_vector_name(s->optimizer, i), dtype, s->steps + 1, 0, params);
    copy(t.theta, 0, sd_model_theta(s->model));
    copy(t.state, 0, sd_model_state(s->model));
    return t;
}

static void forward_backward(session *s, tracks *t, int64_t step)
{
    sd_model_io io = {.x = row(&s->x, step),
                      .y = row(s->y, step),
                      .ids = row(&s->ids, step),
                      .step = (int32_t)step,
                      .loss = row(t->loss, step),
                      .losses = row(t->losses, step),
                      .output = row(t->output, step),
                      .grad = row(t->grad, step),
                      .next_state = true};
    must(sd_model_run(s->model, SD_TRAIN, s->batch, &io));
}

static void update(session *s, tracks *t, int64_t step)
{
    sd_pool *pool = sd_context_pool(s->context);
    double lr = sd_schedule_lr(&s->schedule, sd_optimizer_get(s->optimizer)->lr, step, number(s, "epoch_steps"), s->steps);
    double norm = sd_optimizer_grad_norm(s->optimizer, row(t->grad, step), pool);
    must(sd_optimizer_step(s->optimizer, sd_model_theta(s->model), row(t->grad, step), lr, norm, pool));
    sd_model_commit(s->model);
    copy(t->lr, step, &lr);
    copy(t->norm, step, &norm);
    copy(t->theta, step + 1, sd_model_theta(s->model));
    copy(t->state, step + 1, sd_model_state(s->model));
    for (int i = 0; i < t->moments; i++)
        copy(t->moment[i], step + 1, sd_optimizer_vector(s->optimizer, i));
}

static void train(session *s)
{
    tracks t = open_tracks(s);
    for (int64_t step = 0; step < s->steps; step++) {
        forward_backward(s, &t, step);
        update(s, &t, step);
        must(sd_model_run(s->model, SD_EVAL, s->batch, &(sd_model_io){.x = row(&s->x, step), .output = row(t.eval, step)}));
    }
}

static void open_session(session *s, char **word)
{
    sd_optimizer_spec spec;
    must(sd_context_new(NULL, &s->context));
    must(sd_tensors_load(word[2], &s->in));
    must(sd_model_from_file(s->context, word[1], number(s, "classes"), number(s, "targets"), &s->model));
    open_batches(s);
    load(s, sd_model_params(s->model), sd_model_theta(s->model));
    load(s, sd_model_states(s->model), sd_model_state(s->model));
    must(sd__config_read(word[1], &s->config));
    must(sd__optimizer_from_config(s->config->root, &spec));
    must(sd__schedule_from_config(s->config->root, &s->schedule));
    must(sd_optimizer_new(&spec, sd_model_params(s->model), sd_model_trainable(s->model), &s->optimizer));
}

static void close_session(session *s)
{
    sd_optimizer_free(s->optimizer);
    sd__config_free(s->config);
    sd_model_free(s->model);
    sd_tensors_free(s->in);
    sd_context_free(s->context);
}

int main(int count, char **word)
{
    session s = {0};
    require(count == 4, "usage: witness CONFIG.yaml IN.safetensors OUT.safetensors");
    open_session(&s, word);
    if (s.y)
        train(&s);
    else
        only_run(&s);
    save(&s, word[3]);
    close_session(&s);
    return 0;
}
