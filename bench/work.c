/* work.c -- the tasks that rows of the results are about: a training step, inference, a Hessian-vector product. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "bench.h"
#include "exec/probe.h"

static double floats(double count) { return count * sizeof(float); }
static double parameters(const sd_work *w) { return (double)sd_model_params(w->model).length; }
static double input_bytes(const sd_work *w) { return floats((double)(w->batch * sd_shape_count(sd_model_input(w->model)))); }

static double plan_flops(sd_model *model, sd_mode mode, int64_t batch, unsigned want)
{
    const sd_plan *plan;
    return sd_model_plan(model, mode, batch, want, &plan) == SD_OK ? sd_plan_flops(plan) : NAN;
}

/* ---- train: forward, backward, update, as the trainer does them -------------------------------------------------------- */

static sd_status train_make(sd_work *w)
{
    sd_optimizer_spec spec = sd_optimizer_default(strcmp(w->name, "mlp-small") ? SD_MOMENTUM : SD_SGD);
    w->lr = spec.lr;
    w->grad = sd_model_vector(w->model);
    if (!w->grad)
        return sd__fail(SD_ENOMEM, "no memory for a gradient");
    SD_TRY(sd_optimizer_new(&spec, sd_model_params(w->model), NULL, &w->optimizer));
    unsigned want = SD_WANT_LOSS | SD_WANT_GRAD | (sd_model_states(w->model).count ? SD_WANT_STATE : 0u);
    w->flops = plan_flops(w->model, SD_TRAIN, w->batch, want);
    /* theta and the moments are read and written, the gradient is written and read */
    w->bytes = floats(parameters(w) * (4 + 2 * sd_optimizer_vectors(w->optimizer))) + input_bytes(w);
    return SD_OK;
}

static sd_status train_on(sd_work *w, const void *x, const int32_t *y)
{
    sd_pool *pool = sd_context_pool(w->context);
    sd_model_io io = {.x = x, .y = y, .step = (int32_t)w->at++, .loss = &w->loss, .grad = w->grad, .next_state = true};
    SD_TRY(sd_model_run(w->model, SD_TRAIN, w->batch, &io));
    double norm = sd_optimizer_grad_norm(w->optimizer, w->grad, pool);
    if (!isfinite(w->loss))
        return sd__fail(SD_ENONFINITE, "the loss is not finite");
    SD_TRY(sd_optimizer_step(w->optimizer, sd_model_theta(w->model), w->grad, w->lr, norm, pool));
    sd_model_commit(w->model);
    return SD_OK;
}

static sd_status train_step(sd_work *w) { return train_on(w, w->x[w->at % BATCHES], w->y[w->at % BATCHES]); }

static sd_status update_step(sd_work *w)
{
    sd_pool *pool = sd_context_pool(w->context);
    double norm = sd_optimizer_grad_norm(w->optimizer, w->grad, pool);
    return sd_optimizer_step(w->optimizer, sd_model_theta(w->model), w->grad, 0, norm, pool);
}

/* The update alone, with a rate of zero. */
static sd_status train_more(sd_work *w, double seconds, json_t *result)
{
    double update;
    SD_TRY(sd__bench_time(w, update_step, seconds / 10, &update));
    json_object_set_new(result, "update_ms", json_real(1e3 * update));
    return SD_OK;
}

static void train_clear(sd_work *w) { sd_optimizer_free(w->optimizer); }

const sd_bench_task sd__bench_train = {.name = "train",
                                       .doc = "a training step: forward, backward, update",
                                       .make = train_make,
                                       .step = train_step,
                                       .more = train_more,
                                       .clear = train_clear};

/* ---- infer ------------------------------------------------------------------------------------------------------------- */

static sd_status infer_make(sd_work *w)
{
    w->output = sd__alloc_aligned((size_t)(w->batch * sd_shape_count(sd_model_output(w->model))) * sizeof(float) + 64);
    if (!w->output)
        return sd__fail(SD_ENOMEM, "no memory for an output");
    w->flops = plan_flops(w->model, SD_EVAL, w->batch, SD_WANT_OUTPUT);
    w->bytes = floats(parameters(w)) + input_bytes(w);
    return SD_OK;
}

static sd_status infer_step(sd_work *w)
{
    sd_model_io io = {.x = w->x[w->at++ % BATCHES], .theta_version = 1, .output = w->output};
    return sd_model_run(w->model, SD_EVAL, w->batch, &io);
}

static json_t *milliseconds(double bytes, double rate) { return json_real(rate > 0 ? 1e3 * bytes / rate : 0); }

/* The time to read the weights, once for every run: at the best rate, and on average, as a run's own time is one. */
static sd_status infer_more(sd_work *w, double seconds, json_t *result)
{
    double bytes = floats(parameters(w));
    sd_probe_rate rate = sd__probe_read_rate(sd_context_pool(w->context), (size_t)bytes, seconds / 2);
    json_object_set_new(result, "best_read_ms", milliseconds(bytes, rate.best));
    json_object_set_new(result, "read_ms", milliseconds(bytes, rate.mean));
    return SD_OK;
}

const sd_bench_task sd__bench_infer = {
    .name = "infer", .doc = "the output for one batch", .make = infer_make, .step = infer_step, .more = infer_more};

/* ---- hvp: one product; beside it a gradient, and a product at a point whose forward pass and gradient are kept -------------- */

enum { HVP_X, HVP_Y, HVP_THETA, HVP_DIRECTION, HVP_HV, HVP_LOSS, HVP_GRAD, HVP_SLOTS };
static const char *const hvp_slot[HVP_SLOTS] = {"x", "y", "theta", "direction", "hv", "loss", "grad"};

typedef struct runnable {
    sd_plan *plan;
    sd_workspace *workspace;
    void **binding;
} runnable;

typedef struct hvp {
    runnable whole, gradient, point, product;
    void *bound[HVP_SLOTS];
    float *direction, *hv;
    void *saved[SD_DTYPE_COUNT];
} hvp;

/* Slots of values that the second plan needs of the first have memory of their own, shared by both. */
static sd_status bind_saved(hvp *h, const sd_plan *plan, int slot, void **to)
{
    sd_dtype dtype = sd_plan_slot_dtype(plan, slot);
    if (!h->saved[dtype])
        h->saved[dtype] = sd__alloc_aligned((size_t)sd_plan_slot_length(plan, slot) * sd_dtype_size(dtype) + 64);
    *to = h->saved[dtype];
    return *to ? SD_OK : sd__fail(SD_ENOMEM, "no memory for saved values");
}

static sd_status prepare(hvp *h, runnable *r)
{
    int n = sd_plan_slots(r->plan);
    r->binding = sd__alloc_zeroed((size_t)n + 1, sizeof *r->binding);
    if (!r->binding)
        return sd__fail(SD_ENOMEM, "no memory for bindings");
    for (int i = 0; i < n; i++) {
        const char *name = sd_plan_slot_name(r->plan, i);
        for (int k = 0; k < HVP_SLOTS; k++)
            if (!strcmp(name, hvp_slot[k]))
                r->binding[i] = h->bound[k];
        if (!strncmp(name, "saved.", 6))
            SD_TRY(bind_saved(h, r->plan, i, &r->binding[i]));
    }
    return sd_workspace_new(r->plan, &r->workspace);
}

static sd_status run(sd_work *w, runnable *r) { return sd_run(r->plan, r->workspace, r->binding, sd_context_pool(w->context)); }

/* Outputs 0..n-1 are the products' slices, n..2n-1 the gradient's. */
static sd_status compile_hvp(sd_work *w, hvp *h, sd_graph *graph, sd_output *out)
{
    enum { MOST = 256 };
    sd_built built;
    sd_node wrt[MOST], v[MOST], hv[MOST], grad[MOST];
    int n = sd_model_params(w->model).count;
    if (n > MOST)
        return sd__fail(SD_EINVAL, "%d slices; at most %d", n, MOST);
    SD_TRY(sd_model_build(w->model, graph, SD_TRAIN, w->batch, &built));
    for (int i = 0; i < n; i++) {
        wrt[i] = sd_param_node(graph, i);
        v[i] = sd_param_like(graph, "direction", i);
    }
    sd_hvp(built.loss, n, wrt, v, hv);
    sd_grad(built.loss, n, wrt, grad);
    for (int i = 0; i < n; i++) {
        int64_t offset = sd_model_params(w->model).slice[i].offset;
        out[i] = (sd_output){"hv", offset, hv[i]};
        out[n + i] = (sd_output){"grad", offset, grad[i]};
    }
    SD_TRY(sd_compile(w->context, n, out, NULL, &h->whole.plan));
    SD_TRY(sd_compile(w->context, n, out + n, NULL, &h->gradient.plan));
    return sd_linearize(w->context, n, out, "direction", NULL, &h->point.plan, &h->product.plan);
}

static sd_status hvp_compile(sd_work *w, hvp *h)
{
    sd_graph *graph = sd_graph_new();
    sd_output *out = sd__alloc(2 * (size_t)sd_model_params(w->model).count, sizeof *out);
    sd_status status = graph && out ? compile_hvp(w, h, graph, out) : sd__fail(SD_ENOMEM, "no memory for a program");
    sd_graph_free(graph);
    free(out);
    return status;
}

static sd_status hvp_vectors(sd_work *w, hvp *h)
{
    sd_random random = sd__random(2, 0);
    h->direction = sd_model_vector(w->model);
    h->hv = sd_model_vector(w->model);
    w->grad = sd_model_vector(w->model);
    if (!h->direction || !h->hv || !w->grad)
        return sd__fail(SD_ENOMEM, "no memory for vectors");
    for (int64_t i = 0; i < sd_model_params(w->model).length; i++)
        h->direction[i] = (float)sd__random_normal(&random);
    void *const bound[HVP_SLOTS] = {w->x[0], w->y[0], sd_model_theta(w->model), h->direction, h->hv, &w->loss, w->grad};
    memcpy(h->bound, bound, sizeof bound);
    return SD_OK;
}

static sd_status hvp_make(sd_work *w)
{
    hvp *h = w->own = sd__alloc_zeroed(1, sizeof *h);
    if (!h)
        return sd__fail(SD_ENOMEM, "no memory for a product");
    SD_TRY(hvp_vectors(w, h));
    SD_TRY(hvp_compile(w, h));
    runnable *all[] = {&h->whole, &h->gradient, &h->point, &h->product};
    for (size_t i = 0; i < SD_COUNT(all); i++)
        SD_TRY(prepare(h, all[i]));
    w->flops = sd_plan_flops(h->whole.plan);
    w->bytes = floats(4 * parameters(w)) + input_bytes(w);
    return run(w, &h->point);
}

static sd_status hvp_step(sd_work *w) { return run(w, &((hvp *)w->own)->whole); }
static sd_status gradient_step(sd_work *w) { return run(w, &((hvp *)w->own)->gradient); }
static sd_status product_step(sd_work *w) { return run(w, &((hvp *)w->own)->product); }

static sd_status hvp_more(sd_work *w, double seconds, json_t *result)
{
    double gradient, kept;
    SD_TRY(sd__bench_time(w, gradient_step, seconds, &gradient));
    SD_TRY(sd__bench_time(w, product_step, seconds, &kept));
    json_object_set_new(result, "gradient_ms", json_real(1e3 * gradient));
    json_object_set_new(result, "kept_ms", json_real(1e3 * kept));
    return SD_OK;
}

static sd_status hvp_profile(sd_work *w, int runs, json_t *steps)
{
    runnable *r = &((hvp *)w->own)->whole;
    int n = sd_plan_steps(r->plan);
    sd_step_profile *profile = sd__alloc_zeroed((size_t)n + 1, sizeof *profile);
    sd_status status = profile ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a profile");
    for (int i = 0; i < runs && status == SD_OK; i++)
        status = sd_run_profiled(r->plan, r->workspace, r->binding, sd_context_pool(w->context), profile);
    for (int i = 0; i < n && status == SD_OK; i++) {
        const sd_step_profile *p = &profile[i];
        json_array_append_new(steps, json_pack("{s:s, s:s, s:s, s:s, s:f, s:f, s:f}", "layer", p->layer, "op", p->op, "kernel",
                                               p->kernel, "provider", p->provider, "seconds", p->seconds / runs, "flops",
                                               p->flops, "bytes", p->bytes));
    }
    free(profile);
    return status;
}

static void runnable_clear(runnable *r)
{
    sd_workspace_free(r->workspace);
    sd_plan_free(r->plan);
    free(r->binding);
}

static void hvp_clear(sd_work *w)
{
    hvp *h = w->own;
    if (!h)
        return;
    runnable_clear(&h->whole);
    runnable_clear(&h->gradient);
    runnable_clear(&h->point);
    runnable_clear(&h->product);
    for (int i = 0; i < SD_DTYPE_COUNT; i++)
        free(h->saved[i]);
    free(h->direction);
    free(h->hv);
    free(h);
}

const sd_bench_task sd__bench_hvp = {.name = "hvp",
                                     .doc = "a Hessian-vector product",
                                     .make = hvp_make,
                                     .step = hvp_step,
                                     .more = hvp_more,
                                     .profile = hvp_profile,
                                     .clear = hvp_clear};

/* ---- loader: training on MNIST as it comes from the loader, beside training on one cached batch -------------------------- */

typedef struct source {
    sd_data data;
    sd_loader *loader;
} source;

static sd_status loader_make(sd_work *w)
{
    SD_TRY(train_make(w));
    source *s = w->own = sd__alloc_zeroed(1, sizeof *s);
    if (!s)
        return sd__fail(SD_ENOMEM, "no memory for a loader");
    sd_data_options options = {.name = "mnist", .normalize = SD_NORMALIZE_STANDARD};
    SD_TRY(sd_data_open(&options, sd_context_pool(w->context), &s->data));
    sd_loader_options how = {.batch = (int)w->batch,
                             .shuffle = true,
                             .seed = 1,
                             .prefetch = true,
                             .normalization = &s->data.normalization,
                             .pool = sd_context_pool(w->context)};
    return sd_loader_new(s->data.train, &how, &s->loader);
}

static sd_status loader_step(sd_work *w)
{
    sd_batch batch;
    SD_TRY(sd_loader_next(((source *)w->own)->loader, &batch));
    return train_on(w, batch.input, batch.labels);
}

static sd_status loader_more(sd_work *w, double seconds, json_t *result)
{
    double cached;
    SD_TRY(sd__bench_time(w, train_step, seconds, &cached));
    json_object_set_new(result, "cached_ms", json_real(1e3 * cached));
    return SD_OK;
}

static void loader_clear(sd_work *w)
{
    source *s = w->own;
    train_clear(w);
    if (!s)
        return;
    sd_loader_free(s->loader);
    sd_data_close(&s->data);
    free(s);
}

const sd_bench_task sd__bench_loader = {.name = "loader",
                                        .doc = "training on MNIST through the loader",
                                        .make = loader_make,
                                        .step = loader_step,
                                        .more = loader_more,
                                        .clear = loader_clear};
