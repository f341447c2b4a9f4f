/*
 * optimizer.c -- one update of the parameter vector, cut into parts by its length.
 *
 * The trained slices are merged into stretches of one decay; a part covers a fixed range of the vector and runs the loop of the
 * rule over every stretch in it. Elements are computed alone and sums are added in the order of the vector, so
 * threads change no bit.
 *
 * Parts are taken in the order of their places within their slices, not within the vector: the first half of the parts is then the
 * first half of every large slice. Products cut a gradient of weights by rows, too, so a thread mostly updates what it has
 * just written, and has in its own cache.
 */
#include <math.h>
#include <sonde/optim.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "kernels/simd/update.h"

enum { PART = 1 << 13 };         /* elements: a few microseconds of work */
enum { SECOND_CACHE = 1 << 21 }; /* bytes: what one holds at most */

typedef struct stretch {
    int64_t begin, end;
    bool decayed;
} stretch;

struct sd_optimizer {
    sd_optimizer_spec spec;
    sd_dtype dtype;
    int64_t length, steps;
    const sd_update_loops *loops;
    sd_update_rule *rule;
    stretch *run; /* [runs] growing, trained elements only */
    int runs;
    int parts;
    int *order;      /* [parts] which part is taken first, second, ... */
    int *first;      /* [parts] the first stretch that ends behind the part's begin */
    double *partial; /* [parts] sums of squares */
    int vectors;
    void *vector[2]; /* moments */
};

/* ---- rules ---------------------------------------------------------------------------------------------------------- */

typedef struct rule {
    const char *name;
    int vectors;
    const char *vector[2];
} rule;

static const rule rules[] = {
    [SD_SGD] = {"sgd", 0, {NULL, NULL}},
    [SD_MOMENTUM] = {"momentum", 1, {"momentum", NULL}},
    [SD_NESTEROV] = {"nesterov", 1, {"momentum", NULL}},
    [SD_ADAM] = {"adam", 2, {"adam/m", "adam/v"}},
    [SD_ADAMW] = {"adamw", 2, {"adam/m", "adam/v"}},
};

const char *sd_optimizer_kind_name(sd_optimizer_kind kind)
{
    return (unsigned)kind < SD_OPTIMIZER_COUNT ? rules[kind].name : "?";
}

static bool is_adam(sd_optimizer_kind kind) { return kind == SD_ADAM || kind == SD_ADAMW; }

sd_optimizer_spec sd_optimizer_default(sd_optimizer_kind kind)
{
    return (sd_optimizer_spec){
        .kind = kind,
        .lr = is_adam(kind) ? 1e-3 : 1e-2,
        .momentum = 0.9,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .weight_decay = kind == SD_ADAMW ? 1e-2 : 0,
    };
}

static sd_update_rule *loop_of(const sd_update_loops *loops, sd_optimizer_kind kind)
{
    switch (kind) {
    case SD_SGD: return loops->sgd;
    case SD_MOMENTUM: return loops->momentum;
    case SD_NESTEROV: return loops->nesterov;
    default: return loops->adam;
    }
}

static sd_status check(const char *name, double value, double lo, double below)
{
    if (value >= lo && value < below)
        return SD_OK;
    if (below > 1e300)
        return sd__fail(SD_EINVAL, "optimizer: %s is %g; it must be finite and at least %g", name, value, lo);
    return sd__fail(SD_EINVAL, "optimizer: %s is %g; it must be at least %g and below %g", name, value, lo, below);
}

static sd_status check_spec(const sd_optimizer_spec *s)
{
    if ((unsigned)s->kind >= SD_OPTIMIZER_COUNT)
        return sd__fail(SD_EINVAL, "optimizer: there is no kind %d", (int)s->kind);
    SD_TRY(check("lr", s->lr, 0, INFINITY));
    SD_TRY(check("weight_decay", s->weight_decay, 0, INFINITY));
    SD_TRY(check("clip_norm", s->clip_norm, 0, INFINITY));
    SD_TRY(check("clip_value", s->clip_value, 0, INFINITY));
    if (s->kind == SD_MOMENTUM || s->kind == SD_NESTEROV)
        SD_TRY(check("momentum", s->momentum, 0, 1));
    if (!is_adam(s->kind))
        return SD_OK;
    SD_TRY(check("beta1", s->beta1, 0, 1));
    SD_TRY(check("beta2", s->beta2, 0, 1));
    return s->epsilon > 0 ? check("epsilon", s->epsilon, 0, INFINITY)
                          : sd__fail(SD_EINVAL, "optimizer: epsilon is %g; it must be above 0", s->epsilon);
}

/* ---- making ---------------------------------------------------------------------------------------------------------- */

static void merge_slices(sd_optimizer *o, sd_layout params, const bool *trainable)
{
    for (int i = 0; i < params.count; i++) {
        const sd_slice *slice = &params.slice[i];
        stretch *last = o->runs ? &o->run[o->runs - 1] : NULL;
        if ((trainable && !trainable[i]) || !slice->length)
            continue;
        if (last && last->end == slice->offset && last->decayed == slice->decayed)
            last->end += slice->length;
        else
            o->run[o->runs++] = (stretch){slice->offset, slice->offset + slice->length, slice->decayed};
    }
}

static void find_first(sd_optimizer *o)
{
    for (int part = 0, run = 0; part < o->parts; part++) {
        while (run < o->runs && o->run[run].end <= (int64_t)part * PART)
            run++;
        o->first[part] = run;
    }
}

typedef struct placed {
    double place; /* of the middle of a part, within its slice */
    int part;
} placed;

static int by_place(const void *a, const void *b)
{
    const placed *x = a, *y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->part - y->part;
}

static sd_status find_order(sd_optimizer *o, sd_layout params)
{
    placed *all = sd__alloc((size_t)o->parts + 1, sizeof *all);
    if (!all)
        return sd__fail(SD_ENOMEM, "no memory for an optimizer");
    for (int part = 0, i = 0; part < o->parts; part++) {
        int64_t begin = (int64_t)part * PART, middle = (begin + SD_MIN(begin + PART, o->length)) / 2;
        while (i < params.count && params.slice[i].offset + params.slice[i].length <= middle)
            i++;
        const sd_slice *slice = i < params.count ? &params.slice[i] : NULL;
        all[part] = (placed){slice ? (double)(middle - slice->offset) / (double)slice->length : 1, part};
    }
    qsort(all, (size_t)o->parts, sizeof *all, by_place);
    for (int i = 0; i < o->parts; i++)
        o->order[i] = all[i].part;
    free(all);
    return SD_OK;
}

static sd_status make(sd_optimizer *o, sd_layout params, const bool *trainable)
{
    static const sd_update_loops *const level[] = {
        [SD_LEVEL_V2] = sd__update_loops_v2, [SD_LEVEL_V3] = sd__update_loops_v3, [SD_LEVEL_V4] = sd__update_loops_v4};
    o->dtype = params.count ? params.slice[0].dtype : SD_F32;
    if (!sd_dtype_is_real(o->dtype))
        return sd__fail(SD_EDTYPE, "optimizer: parameters are %s; they must be f32 or f64", sd_dtype_name(o->dtype));
    o->length = params.length;
    o->loops = &level[sd__vector_level(sd__cpu_level())][o->dtype == SD_F64];
    o->rule = loop_of(o->loops, o->spec.kind);
    o->parts = (int)((params.length + PART - 1) / PART);
    o->run = sd__alloc_zeroed((size_t)params.count + 1, sizeof *o->run);
    o->order = sd__alloc_zeroed((size_t)o->parts + 1, sizeof *o->order);
    o->first = sd__alloc_zeroed((size_t)o->parts + 1, sizeof *o->first);
    o->partial = sd__alloc_zeroed((size_t)o->parts + 1, sizeof *o->partial);
    bool made = o->run && o->order && o->first && o->partial;
    size_t bytes = (size_t)SD_MAX(o->length, 1) * sd_dtype_size(o->dtype);
    for (o->vectors = 0; made && o->vectors < rules[o->spec.kind].vectors; o->vectors++) {
        void *vector = o->vector[o->vectors] = sd__alloc_aligned(bytes);
        made = vector != NULL;
        if (made)
            memset(vector, 0, bytes);
    }
    if (!made)
        return sd__fail(SD_ENOMEM, "no memory for an optimizer of %lld parameters", (long long)o->length);
    merge_slices(o, params, trainable);
    find_first(o);
    return find_order(o, params);
}

sd_status sd_optimizer_new(const sd_optimizer_spec *spec, sd_layout params, const bool *trainable, sd_optimizer **optimizer)
{
    *optimizer = NULL;
    SD_TRY(check_spec(spec));
    sd_optimizer *o = sd__alloc_zeroed(1, sizeof *o);
    if (!o)
        return sd__fail(SD_ENOMEM, "no memory for an optimizer");
    o->spec = *spec;
    sd_status status = make(o, params, trainable);
    if (status != SD_OK)
        sd_optimizer_free(o);
    else
        *optimizer = o;
    return status;
}

void sd_optimizer_free(sd_optimizer *o)
{
    if (!o)
        return;
    free(o->run);
    free(o->order);
    free(o->first);
    free(o->partial);
    free(o->vector[0]);
    free(o->vector[1]);
    free(o);
}

/* ---- parts ------------------------------------------------------------------------------------------------------------ */

static void *at(const sd_optimizer *o, const void *vector, int64_t element)
{
    return vector ? (char *)(uintptr_t)vector + element * (int64_t)sd_dtype_size(o->dtype) : NULL;
}

/* Cuts stretch *run at the part's ends; false behind the part's last. */
static bool next_stretch(const sd_optimizer *o, int part, int run, stretch *piece)
{
    int64_t begin = (int64_t)part * PART, end = SD_MIN(begin + PART, o->length);
    if (run == o->runs || o->run[run].begin >= end)
        return false;
    *piece = (stretch){SD_MAX(o->run[run].begin, begin), SD_MIN(o->run[run].end, end), o->run[run].decayed};
    return true;
}

typedef struct job {
    const sd_optimizer *optimizer;
    void *theta;
    const void *grad;
    sd_update update[2]; /* of slices that are not, and that are decayed */
} job;

static void norm_part(void *user, int i)
{
    const job *j = user;
    const sd_optimizer *o = j->optimizer;
    const int part = o->order[i];
    double sum = 0;
    stretch s;
    for (int run = o->first[part]; next_stretch(o, part, run, &s); run++)
        sum += o->loops->square_sum((size_t)(s.end - s.begin), at(o, j->grad, s.begin), j->update[0].limit);
    o->partial[part] = sum;
}

static void step_part(void *user, int i)
{
    const job *j = user;
    const sd_optimizer *o = j->optimizer;
    const int part = o->order[i];
    stretch s;
    for (int run = o->first[part]; next_stretch(o, part, run, &s); run++)
        o->rule((size_t)(s.end - s.begin), at(o, j->theta, s.begin), at(o, j->grad, s.begin), at(o, o->vector[0], s.begin),
                at(o, o->vector[1], s.begin), &j->update[s.decayed]);
}

/* The caller works, too, and Adam's moments decay into denormals. */
static void run_parts(sd_pool *pool, sd_task *task, job *j)
{
    unsigned mode = sd__fp_enter();
    sd__pool_run(pool, task, j, j->optimizer->parts);
    sd__fp_leave(mode);
}

static double limit_of(const sd_optimizer_spec *spec) { return spec->clip_value > 0 ? spec->clip_value : INFINITY; }

double sd_optimizer_grad_norm(sd_optimizer *optimizer, const void *grad, sd_pool *pool)
{
    job j = {.optimizer = optimizer, .grad = grad, .update[0].limit = limit_of(&optimizer->spec)};
    run_parts(pool, norm_part, &j);
    double sum = 0;
    for (int part = 0; part < optimizer->parts; part++)
        sum += optimizer->partial[part];
    return sqrt(sum);
}

/* ---- a step ------------------------------------------------------------------------------------------------------- */

static sd_update numbers(const sd_optimizer *o, bool decayed, double lr, double norm)
{
    const sd_optimizer_spec *s = &o->spec;
    double decay = decayed ? s->weight_decay : 0, t = (double)(o->steps + 1);
    sd_update u = {.limit = limit_of(s),
                   .scale = 1,
                   .shrink = 1,
                   .lr = lr,
                   .momentum = s->momentum,
                   .beta1 = s->beta1,
                   .beta2 = s->beta2,
                   .epsilon = s->epsilon,
                   .root = 1,
                   .large = o->length * (int64_t)sd_dtype_size(o->dtype) > SECOND_CACHE};
    if (s->clip_norm > 0)
        u.scale = fmin(1, s->clip_norm / (norm + 1e-6));
    if (s->kind == SD_ADAMW)
        u.shrink = 1 - lr * decay;
    else
        u.decay = decay;
    u.plain = isinf(u.limit) && u.scale == 1 && u.decay == 0;
    if (is_adam(s->kind)) {
        u.lr = lr / (1 - pow(s->beta1, t));
        u.root = sqrt(1 - pow(s->beta2, t));
    }
    return u;
}

sd_status sd_optimizer_step(sd_optimizer *optimizer, void *theta, const void *grad, double lr, double norm, sd_pool *pool)
{
    if (!isfinite(norm) || !isfinite(lr))
        return sd__fail(SD_ENONFINITE, "step %lld: the gradient's norm is %g, the learning rate %g; both must be finite",
                        (long long)optimizer->steps, norm, lr);
    job j = {.optimizer = optimizer, .theta = theta, .grad = grad};
    j.update[0] = numbers(optimizer, false, lr, norm);
    j.update[1] = numbers(optimizer, true, lr, norm);
    run_parts(pool, step_part, &j);
    optimizer->steps++;
    return SD_OK;
}

/* ---- what a checkpoint needs ---------------------------------------------------------------------------------------- */

const sd_optimizer_spec *sd_optimizer_get(const sd_optimizer *optimizer) { return &optimizer->spec; }
int64_t sd_optimizer_steps(const sd_optimizer *optimizer) { return optimizer->steps; }
void sd_optimizer_set_steps(sd_optimizer *optimizer, int64_t steps) { optimizer->steps = steps; }
int sd_optimizer_vectors(const sd_optimizer *optimizer) { return optimizer->vectors; }

const char *sd_optimizer_vector_name(const sd_optimizer *optimizer, int i)
{
    return i >= 0 && i < optimizer->vectors ? rules[optimizer->spec.kind].vector[i] : NULL;
}

void *sd_optimizer_vector(sd_optimizer *optimizer, int i)
{
    return i >= 0 && i < optimizer->vectors ? optimizer->vector[i] : NULL;
}
