/*
 * model.c -- a network as one vector and the programs over it.
 *
 * One program (eval, batch 1) is built when the model is made: its layouts are the model's. Each further one is built when it
 * is first asked for, and must come out with the same layouts.
 */
#include "nn/model.h"

#include <sonde/autodiff.h>
#include <string.h>

#include "base/base.h"
#include "base/pool.h"
#include "nn/init.h"

/* ---- building ---------------------------------------------------------------------------------------------------- */

static sd_status build(const sd_model_spec *spec, sd_graph *graph, sd_mode mode, int64_t batch, sd_layer_book *book,
                       sd_built *built)
{
    sd_builder builder;
    sd__builder_open(&builder, graph, spec, mode, batch, book);
    if (sd_graph_status(graph) == SD_OK)
        *built = spec->build(&builder, spec->user);
    if (sd_graph_status(graph) != SD_OK)
        return sd__fail(sd_graph_status(graph), "%s", sd_graph_message(graph));
    if (book->depth || sd_scope_path(graph)[0])
        return sd__fail(SD_EINVAL, "a layer or block was opened and not closed: %s", sd_scope_path(graph));
    if (!sd_node_ok(built->output))
        return sd__fail(SD_EINVAL, "the build function returned no output");
    return SD_OK;
}

sd_status sd__model_build(sd_model *model, sd_graph *graph, sd_mode mode, int64_t batch, sd_built *built, sd_layer_book *book)
{
    *built = (sd_built){0};
    *book = (sd_layer_book){0};
    if (batch < 1)
        return sd__fail(SD_EINVAL, "the batch is %lld; it must be at least 1", (long long)batch);
    sd_graph_seed(graph, model->spec.seed); /* dropout masks of another seed are others */
    SD_TRY(build(&model->spec, graph, mode, batch, book, built));
    if (sd_graph_params(graph).hash != model->params.hash || sd_graph_states(graph).hash != model->states.hash)
        return sd__fail(SD_EINVAL,
                        "the build function declares other parameters or states for batch %lld in %s than for batch 1 in eval; "
                        "they must not depend on batch and mode",
                        (long long)batch, mode == SD_TRAIN ? "train" : "eval");
    return SD_OK;
}

sd_status sd_model_build(sd_model *model, sd_graph *graph, sd_mode mode, int64_t batch, sd_built *built)
{
    sd_layer_book book;
    sd_status status = sd__model_build(model, graph, mode, batch, built, &book);
    sd__book_free(&book);
    return status;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

static sd_status check_spec(const sd_model_spec *spec)
{
    char text[SD_SHAPE_TEXT];
    if (!spec->build)
        return sd__fail(SD_EINVAL, "the model has no build function");
    if (!sd_dtype_is_real(spec->dtype))
        return sd__fail(SD_EDTYPE, "the model's type is %s; it must be f32 or f64", sd_dtype_name(spec->dtype));
    if (spec->input.rank < 0 || spec->input.rank >= SD_MAX_RANK)
        return sd__fail(SD_ESHAPE, "the model's input has shape %s; one example has 0 to %d axes",
                        sd_shape_text(spec->input, text), SD_MAX_RANK - 1);
    if (spec->classes < 0 || spec->targets < 0 || (spec->classes && spec->targets))
        return sd__fail(SD_EINVAL, "the model has %d classes and %d targets; one of the two is 0, none is negative",
                        spec->classes, spec->targets);
    return SD_OK;
}

/* Bytes behind a vector: hardware that fetches ahead runs beyond its end, and should not take another vector from another core. */
enum { GUARD = 1 << 16 };

static void *vector_of(const sd_model *model, int64_t length)
{
    size_t bytes = (size_t)SD_MAX(length, 1) * sd_dtype_size(model->spec.dtype);
    void *vector = sd__alloc_aligned(bytes + GUARD);
    return vector ? memset(vector, 0, bytes) : NULL;
}

static sd_status make(sd_model *model, const sd_model_spec *spec)
{
    SD_TRY(check_spec(spec));
    model->graph = sd_graph_new();
    if (!model->graph)
        return sd__fail(SD_ENOMEM, "no memory for a model");
    SD_TRY(build(spec, model->graph, SD_EVAL, 1, &model->book, &model->built));
    model->params = sd_graph_params(model->graph);
    model->states = sd_graph_states(model->graph);
    model->theta = vector_of(model, model->params.length);
    model->state = vector_of(model, model->states.length);
    model->state_next = vector_of(model, model->states.length);
    model->trainable = sd__alloc((size_t)model->params.count + 1, sizeof *model->trainable);
    if (!model->theta || !model->state || !model->state_next || !model->trainable)
        return sd__fail(SD_ENOMEM, "no memory for a model of %lld parameters", (long long)model->params.length);
    for (int i = 0; i < model->params.count; i++)
        model->trainable[i] = true;
    return sd_model_init(model, spec->seed);
}

sd_status sd_model_new(sd_context *context, const sd_model_spec *spec, sd_model **model)
{
    *model = NULL;
    sd_model *made = sd__alloc_zeroed(1, sizeof *made);
    if (!made) {
        if (spec->release)
            spec->release(spec->user);
        return sd__fail(SD_ENOMEM, "no memory for a model");
    }
    made->context = context;
    made->spec = *spec;
    sd_status status = make(made, spec);
    if (status != SD_OK)
        sd_model_free(made);
    else
        *model = made;
    return status;
}

/* Frees the programs that compute one of these results. */
static void forget(sd_model *model, unsigned want)
{
    for (sd_model_program **at = &model->programs; *at;) {
        sd_model_program *program = *at;
        if (program->want & want) {
            *at = program->next;
            sd__model_program_free(program);
        } else {
            at = &program->next;
        }
    }
}

void sd_model_free(sd_model *model)
{
    if (!model)
        return;
    forget(model, ~0u);
    if (model->spec.release)
        model->spec.release(model->spec.user);
    sd__book_free(&model->book);
    sd_graph_free(model->graph);
    free(model->theta);
    free(model->state);
    free(model->state_next);
    free(model->trainable);
    free(model->layer);
    free(model);
}

/* ---- what it is -------------------------------------------------------------------------------------------------- */

sd_context *sd_model_context(const sd_model *model) { return model->context; }
sd_dtype sd_model_dtype(const sd_model *model) { return model->spec.dtype; }
sd_shape sd_model_input(const sd_model *model) { return model->spec.input; }
sd_shape sd_model_output(const sd_model *model) { return sd__example_of(sd_node_shape(model->built.output)); }
int sd_model_classes(const sd_model *model) { return model->spec.classes; }
int sd_model_targets(const sd_model *model) { return model->spec.targets; }
sd_layout sd_model_params(const sd_model *model) { return model->params; }
sd_layout sd_model_states(const sd_model *model) { return model->states; }
void *sd_model_theta(sd_model *model) { return model->theta; }
void *sd_model_state(sd_model *model) { return model->state; }
void *sd_model_vector(const sd_model *model) { return vector_of(model, model->params.length); }
const bool *sd_model_trainable(const sd_model *model) { return model->trainable; }

/* ---- initial values ---------------------------------------------------------------------------------------------- */

enum { STRETCH = 1 << 14 }; /* elements drawn by one part */

typedef struct drawing {
    const sd_layout *layout;
    char *vector;
    size_t size; /* of an element */
    uint64_t seed;
} drawing;

/* Part number `part` is a stretch of the whole vector; it may cover several slices, or begin inside one. */
static void draw_part(void *user, int part)
{
    const drawing *d = user;
    int64_t begin = (int64_t)part * STRETCH, end = begin + STRETCH;
    for (int i = 0; i < d->layout->count; i++) {
        const sd_slice *s = &d->layout->slice[i];
        /* Pairs of elements are drawn together: a slice is cut at even places of its own. */
        int64_t from = SD_MAX(begin - s->offset + 1, 0) / 2 * 2, to = SD_MIN(SD_MAX(end - s->offset + 1, 0) / 2 * 2, s->length);
        if (from < to && sd__init_elementwise(s))
            sd__init_stretch(s, d->seed, from, to, d->vector + (size_t)s->offset * d->size);
    }
}

static sd_status draw(const sd_model *model, const sd_layout *layout, uint64_t seed, void *vector)
{
    drawing d = {layout, vector, sd_dtype_size(model->spec.dtype), seed};
    for (int i = 0; i < layout->count; i++) {
        const sd_slice *s = &layout->slice[i];
        SD_TRY(sd__init_check(s));
        if (!sd__init_elementwise(s))
            SD_TRY(sd_init_draw(s, seed, d.vector + (size_t)s->offset * d.size));
    }
    sd__pool_run(sd_context_pool(model->context), draw_part, &d, (int)((layout->length + STRETCH) / STRETCH));
    return SD_OK;
}

sd_status sd_model_init(sd_model *model, uint64_t seed)
{
    SD_TRY(draw(model, &model->params, seed, model->theta));
    return draw(model, &model->states, seed, model->state);
}

/* ---- frozen layers ----------------------------------------------------------------------------------------------- */

static bool names_slice(const char *name, const char *slice)
{
    size_t length = strlen(name);
    return length && strncmp(name, slice, length) == 0 && (slice[length] == 0 || slice[length] == '/');
}

static sd_status no_such_layer(const sd_model *model, const char *name)
{
    int n = 0;
    const char **candidate = sd__alloc((size_t)model->book.rows + (size_t)model->params.count + 1, sizeof *candidate);
    for (int i = 0; candidate && i < model->book.rows; i++) {
        if (strcmp(model->book.row[i].path, name) == 0) {
            free(candidate);
            return sd__fail(SD_ENOTFOUND, "layer \"%s\" has no parameters; there is nothing to freeze", name);
        }
        candidate[n++] = model->book.row[i].path;
    }
    for (int i = 0; candidate && i < model->params.count; i++)
        candidate[n++] = model->params.slice[i].name;
    const char *near = sd__nearest(name, n, candidate);
    if (near)
        sd__fail(SD_ENOTFOUND, "there is no layer \"%s\"; did you mean \"%s\"?", name, near);
    else
        sd__fail(SD_ENOTFOUND, "there is no layer \"%s\"; `sonde info` lists the names", name);
    free(candidate);
    return SD_ENOTFOUND;
}

static sd_status freeze(const sd_model *model, bool *trainable, int n, const char *const *names)
{
    int left = model->params.count;
    for (int i = 0; i < n; i++) {
        bool found = false;
        for (int k = 0; k < model->params.count; k++) {
            if (!names_slice(names[i], model->params.slice[k].name))
                continue;
            found = true;
            left -= trainable[k];
            trainable[k] = false;
        }
        if (!found)
            return no_such_layer(model, names[i]);
    }
    return n && !left ? sd__fail(SD_EINVAL, "all layers are frozen; nothing is left to train") : SD_OK;
}

sd_status sd_model_set_frozen(sd_model *model, int n, const char *const *names)
{
    size_t count = (size_t)model->params.count;
    bool *trainable = sd__alloc(count + 1, sizeof *trainable);
    if (!trainable)
        return sd__fail(SD_ENOMEM, "no memory to freeze layers");
    for (size_t i = 0; i < count; i++)
        trainable[i] = true;
    sd_status status = freeze(model, trainable, n, names);
    if (status == SD_OK) {
        memcpy(model->trainable, trainable, count * sizeof *trainable);
        forget(model, SD_WANT_GRAD);
    }
    free(trainable);
    return status;
}
