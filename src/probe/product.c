/*
 * product.c -- products of a vector with the Hessian, Gauss-Newton or Fisher matrix of a model's loss, over a set of samples.
 *
 * The program of one batch is cut in two (sd_linearize()): what belongs to the point runs once a batch, what belongs to the
 * direction once a product. Where there is room, every batch keeps its point; otherwise it is computed again for every product.
 */
#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <string.h>

#include "base/base.h"
#include "base/vector.h"
#include "nn/model.h"
#include "probe/subject.h"

#define MOST_SAVED ((size_t)2 << 30) /* bytes that all batches together may keep */
#define N_SAVED 4

static const char *const saved_slot[N_SAVED] = {"saved.f32", "saved.f64", "saved.i32", "saved.u8"};

/* What the point of one batch hands to its products. */
typedef struct chunk {
    int64_t first, size; /* samples */
    void *saved[N_SAVED];
} chunk;

/* The programs for one batch size: there are at most two, since the last batch may be smaller. */
typedef struct program {
    int64_t batch;
    sd_plan *plan[2]; /* point, product */
    sd_workspace *workspace[2];
    size_t saved[N_SAVED]; /* bytes */
} program;

struct sd_curvature {
    sd_model *model;
    sd_samples samples;
    const void *theta, *state;
    sd_mode mode;
    sd_curvature_kind kind;
    bool *chosen; /* [params.count] */
    int64_t size;
    program program[2];
    chunk *chunk; /* [chunks] */
    int chunks;
    bool kept;             /* every chunk has saved memory of its own; else the first one's is shared */
    void *direction, *out; /* theta's layout */
    union {
        float f32;
        double f64;
    } batch_loss;
    int32_t step;
    double loss, *gradient;
};

static const char *const names[] = {
    [SD_HESSIAN] = "Hessian", [SD_GAUSS_NEWTON] = "Gauss-Newton matrix", [SD_FISHER] = "empirical Fisher matrix"};

const char *sd_curvature_name(sd_curvature_kind kind) { return (unsigned)kind < SD_COUNT(names) ? names[kind] : "?"; }

/* ---- the program ------------------------------------------------------------------------------------------------------- */

/* J' H J v. sd_jvp() of the loss's gradient rather than sd_hvp(): J v must not itself be differentiated in the outputs. */
static void gauss_newton(const sd_built *built, int n, const sd_node *wrt, const sd_node *v, sd_node *product)
{
    sd_node z = built->output, gradient, jv = sd_jvp(z, n, wrt, v);
    sd_grad(built->loss, 1, &z, &gradient);
    sd_node hjv = sd_jvp(gradient, 1, &z, &jv);
    sd_vjp(1, &z, &hjv, n, wrt, product);
}

/* mean of g (g'v): the losses of the samples are m outputs, whose Jacobian has the rows g'. */
static void fisher(const sd_built *built, int64_t batch, int n, const sd_node *wrt, const sd_node *v, sd_node *product)
{
    sd_node losses = built->losses, along = sd_scale(sd_jvp(losses, n, wrt, v), 1 / (double)batch);
    sd_vjp(1, &losses, &along, n, wrt, product);
}

static void product_nodes(const sd_curvature *c, const sd_built *built, int64_t batch, int n, const sd_node *wrt,
                          const sd_node *v, sd_node *product)
{
    if (c->kind == SD_GAUSS_NEWTON)
        gauss_newton(built, n, wrt, v, product);
    else if (c->kind == SD_FISHER)
        fisher(built, batch, n, wrt, v, product);
    else
        sd_hvp(built->loss, n, wrt, v, product);
}

/* nodes: room for 4 * params.count; output: for 2 * params.count + 1. */
static sd_status compile_into(sd_curvature *c, sd_graph *graph, program *p, sd_node *nodes, sd_output *output)
{
    sd_built built;
    int n = 0, count = c->model->params.count, out = 0;
    sd_node *wrt = nodes, *v = nodes + count, *gradient = nodes + 2 * count, *product = nodes + 3 * count;
    SD_TRY(sd_model_build(c->model, graph, c->mode, p->batch, &built));
    if (!sd_node_ok(built.loss) || !sd_node_ok(built.losses))
        return sd__fail(SD_EINVAL, "the model has no loss, so there is no curvature; give it classes or targets");
    for (int i = 0; i < count; i++)
        if (c->chosen[i]) {
            wrt[n] = sd_param_node(graph, i);
            v[n++] = sd_param_like(graph, "direction", i);
        }
    sd_grad(built.loss, n, wrt, gradient);
    product_nodes(c, &built, p->batch, n, wrt, v, product);
    output[out++] = (sd_output){.slot = "loss", .node = built.loss};
    n = 0;
    for (int i = 0; i < count; i++)
        if (c->chosen[i]) {
            int64_t offset = c->model->params.slice[i].offset;
            output[out++] = (sd_output){.slot = "grad", .offset = offset, .node = gradient[n]};
            output[out++] = (sd_output){.slot = "product", .offset = offset, .node = product[n++]};
        }
    return sd_linearize(c->model->context, out, output, "direction", NULL, &p->plan[0], &p->plan[1]);
}

static sd_status compile(sd_curvature *c, program *p)
{
    size_t count = (size_t)c->model->params.count;
    sd_graph *graph = sd_graph_new();
    sd_node *nodes = sd__alloc(4 * count + 1, sizeof *nodes);
    sd_output *output = sd__alloc(2 * count + 1, sizeof *output);
    sd_status status = graph && nodes && output ? compile_into(c, graph, p, nodes, output)
                                                : sd__fail(SD_ENOMEM, "no memory for a matrix of curvature");
    sd_graph_free(graph);
    free(nodes);
    free(output);
    for (int i = 0; status == SD_OK && i < 2; i++)
        status = sd_workspace_new(p->plan[i], &p->workspace[i]);
    for (int s = 0; status == SD_OK && s < N_SAVED; s++)
        for (int i = 0; i < 2; i++) {
            int slot = sd_plan_slot(p->plan[i], saved_slot[s]);
            size_t bytes =
                slot < 0 ? 0
                         : (size_t)sd_plan_slot_length(p->plan[i], slot) * sd_dtype_size(sd_plan_slot_dtype(p->plan[i], slot));
            p->saved[s] = SD_MAX(p->saved[s], bytes);
        }
    return status;
}

/* ---- running ----------------------------------------------------------------------------------------------------------- */

static program *program_of(sd_curvature *c, const chunk *k) { return &c->program[k->size != c->program[0].batch]; }

static sd_status run(sd_curvature *c, const chunk *k, int which)
{
    const program *p = program_of(c, k);
    void *const *saved = c->kept ? k->saved : c->chunk[0].saved;
    const sd_feed feeds[] = {{saved_slot[0], saved[0]},
                             {saved_slot[1], saved[1]},
                             {saved_slot[2], saved[2]},
                             {saved_slot[3], saved[3]},
                             {"x", (char *)c->samples.x + (size_t)k->first * c->samples.x_bytes},
                             {"y", (char *)c->samples.y + (size_t)k->first * c->samples.y_bytes},
                             {"ids", c->samples.ids + k->first},
                             {"step", &c->step},
                             {"theta", (void *)(uintptr_t)c->theta},
                             {"state", (void *)(uintptr_t)c->state},
                             {"loss", &c->batch_loss},
                             {"direction", c->direction},
                             {"grad", c->out},
                             {"product", c->out},
                             {NULL, NULL}};
    return sd__run_fed(p->plan[which], p->workspace[which], feeds, sd_context_pool(c->model->context));
}

/* sum[] += weight * the chosen slices of c->out. */
static void gather(const sd_curvature *c, double weight, double *sum)
{
    for (int i = 0; i < c->model->params.count; i++) {
        const sd_slice *slice = &c->model->params.slice[i];
        for (int64_t e = 0; c->chosen[i] && e < slice->length; e++)
            *sum++ += weight * sd__element(c->out, c->model->spec.dtype, slice->offset + e);
    }
}

static void scatter(const sd_curvature *c, const double *v)
{
    for (int i = 0; i < c->model->params.count; i++) {
        const sd_slice *slice = &c->model->params.slice[i];
        for (int64_t e = 0; c->chosen[i] && e < slice->length; e++)
            sd__set_element(c->direction, c->model->spec.dtype, slice->offset + e, *v++);
    }
}

/* Loss and gradient; what products need of every point is left in the chunks. */
static sd_status visit(sd_curvature *c)
{
    for (int k = 0; k < c->chunks; k++) {
        double weight = (double)c->chunk[k].size / (double)c->samples.n;
        SD_TRY(run(c, &c->chunk[k], 0));
        c->loss += weight * sd__element(&c->batch_loss, c->model->spec.dtype, 0);
        gather(c, weight, c->gradient);
    }
    return isfinite(c->loss) && isfinite(sd__dot(c->size, c->gradient, c->gradient))
               ? SD_OK
               : sd__fail(SD_ENONFINITE,
                          "the loss or its gradient is not finite, so curvature has no meaning here; `sonde probe "
                          "signal` says where that begins");
}

sd_status sd_curvature_product(sd_curvature *c, const double *v, double *product)
{
    scatter(c, v);
    memset(product, 0, (size_t)c->size * sizeof *product);
    for (int k = 0; k < c->chunks; k++) {
        if (!c->kept)
            SD_TRY(run(c, &c->chunk[k], 0));
        SD_TRY(run(c, &c->chunk[k], 1));
        gather(c, (double)c->chunk[k].size / (double)c->samples.n, product);
    }
    return SD_OK;
}

/* ---- making ------------------------------------------------------------------------------------------------------------ */

static bool belongs(const char *slice, const char *layer)
{
    size_t length = layer ? strlen(layer) : 0;
    return !layer || (!strncmp(slice, layer, length) && (!slice[length] || slice[length] == '/'));
}

static sd_status choose(sd_curvature *c, const char *layer)
{
    bool any = false;
    int count = c->model->params.count;
    c->chosen = sd__alloc_zeroed((size_t)count + 1, sizeof *c->chosen);
    if (!c->chosen)
        return sd__fail(SD_ENOMEM, "no memory for a matrix of curvature");
    for (int i = 0; i < count; i++) {
        const sd_slice *slice = &c->model->params.slice[i];
        any |= belongs(slice->name, layer);
        c->chosen[i] = belongs(slice->name, layer) && c->model->trainable[i];
        c->size += c->chosen[i] ? slice->length : 0;
    }
    if (!any && layer)
        return sd__fail(SD_ENOTFOUND, "the model has no layer \"%s\" with parameters; `sonde info` lists its layers", layer);
    return c->size ? SD_OK : sd__fail(SD_EINVAL, "no parameter is trained here: there is no curvature to measure");
}

/* Memory for what points save: for every chunk if there is room, else once. */
static sd_status make_room(sd_curvature *c)
{
    size_t all = 0;
    for (int k = 0; k < c->chunks; k++)
        for (int s = 0; s < N_SAVED; s++)
            all += program_of(c, &c->chunk[k])->saved[s];
    c->kept = all <= MOST_SAVED;
    for (int k = 0; k < (c->kept ? c->chunks : 1); k++)
        for (int s = 0; s < N_SAVED; s++) {
            size_t bytes = SD_MAX(c->program[0].saved[s], c->program[1].saved[s]);
            if (bytes && !(c->chunk[k].saved[s] = sd__alloc_aligned(bytes)))
                return sd__fail(SD_ENOMEM, "no memory for the products of %lld samples; take fewer, or smaller batches",
                                (long long)c->samples.n);
        }
    return SD_OK;
}

static sd_status split(sd_curvature *c, int64_t batch)
{
    int64_t n = c->samples.n;
    c->chunks = (int)((n + batch - 1) / batch);
    c->chunk = sd__alloc_zeroed((size_t)c->chunks, sizeof *c->chunk);
    if (!c->chunk)
        return sd__fail(SD_ENOMEM, "no memory for %d batches", c->chunks);
    for (int k = 0; k < c->chunks; k++)
        c->chunk[k] = (chunk){.first = k * batch, .size = SD_MIN(batch, n - k * batch)};
    c->program[0].batch = batch;
    c->program[1].batch = n % batch;
    SD_TRY(compile(c, &c->program[0]));
    if (n % batch)
        SD_TRY(compile(c, &c->program[1]));
    return make_room(c);
}

static sd_status make(const sd_subject *subject, const char *layer, sd_curvature *c)
{
    SD_TRY(choose(c, layer));
    SD_TRY(sd__samples_read(subject, &c->samples));
    c->direction = sd_model_vector(c->model);
    c->out = sd_model_vector(c->model);
    c->gradient = sd__alloc_zeroed((size_t)c->size, sizeof *c->gradient);
    if (!c->direction || !c->out || !c->gradient)
        return sd__fail(SD_ENOMEM, "no memory for vectors of %lld parameters", (long long)c->size);
    SD_TRY(split(c, sd__subject_batch(subject, c->samples.n)));
    return visit(c);
}

sd_status sd_curvature_new(const sd_subject *subject, sd_curvature_kind kind, const char *layer, sd_curvature **curvature)
{
    sd_model *model = subject->model;
    sd_curvature *c = sd__alloc_zeroed(1, sizeof *c);
    *curvature = NULL;
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory for a matrix of curvature");
    c->model = model;
    c->kind = kind;
    c->mode = subject->training ? SD_TRAIN : SD_EVAL;
    c->theta = subject->theta ? subject->theta : model->theta;
    c->state = subject->state ? subject->state : model->state;
    sd_status status = make(subject, layer, c);
    if (status != SD_OK)
        return sd_curvature_free(c), status;
    *curvature = c;
    return SD_OK;
}

void sd_curvature_free(sd_curvature *c)
{
    if (!c)
        return;
    for (int i = 0; i < 2; i++)
        for (int w = 0; w < 2; w++) {
            sd_workspace_free(c->program[i].workspace[w]);
            sd_plan_free(c->program[i].plan[w]);
        }
    for (int k = 0; c->chunk && k < c->chunks; k++)
        for (int s = 0; s < N_SAVED; s++)
            free(c->chunk[k].saved[s]);
    sd__samples_free(&c->samples);
    free(c->chunk);
    free(c->chosen);
    free(c->direction);
    free(c->out);
    free(c->gradient);
    free(c);
}

int64_t sd_curvature_size(const sd_curvature *c) { return c->size; }
double sd_curvature_loss(const sd_curvature *c) { return c->loss; }
const double *sd_curvature_gradient(const sd_curvature *c) { return c->gradient; }
