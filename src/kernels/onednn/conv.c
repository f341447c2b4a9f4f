/*
 * conv.c -- 2-D convolution and its two adjoints by oneDNN, fp32.
 *
 * Images stay NHWC. The filter takes the layout that oneDNN asks for: packed into scratch memory in phase 0 of every run
 * (forward, data), or left there as partial sums over pieces of the batch, which the last phase adds in order (filter).
 *
 * oneDNN picks its code by the CPU; a context's lower CPU level does not bind it (its own variable does: ONEDNN_MAX_CPU_ISA).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/onednn/describe.h"
#include "kernels/onednn/layout.h"
#include "kernels/onednn/onednn.h"
#include "kernels/onednn/threads.h"
#include "ops/conv.h"
#include "ops/op.h"

/* One part of the main phase. */
typedef struct conv_part {
    int primitive;
    int64_t x, y; /* offsets of its first row, in floats */
} conv_part;

/* What prepare() leaves for the runs. */
typedef struct conv {
    sd_conv_kind kind;
    dnnl_engine_t engine;
    dnnl_memory_desc_t filter; /* as all primitives of this call want it */
    sd_filter_layout layout;
    int filter_parts;    /* parts of the phase that packs or adds filters */
    size_t filter_bytes; /* of one blocked filter, in whole cache lines */
    size_t scratch_step; /* oneDNN's scratch memory of one part */
    int n_parts, n_primitives;
    conv_part *part;         /* [n_parts] */
    sd_conv_shape *shape;    /* [n_primitives], at most n_parts */
    sd_primitive *primitive; /* [n_primitives] */
} conv;

/* The three tensors of a call, whichever of them is the result. */
typedef struct triple {
    const sd_tensor *x, *w, *y;
} triple;

static triple operands(sd_conv_kind kind, const sd_tensor *in, const sd_tensor *out)
{
    switch (kind) {
    case SD_CONV_FORWARD: return (triple){&in[0], &in[1], &out[0]};
    case SD_CONV_BACKWARD_DATA: return (triple){&out[0], &in[1], &in[0]};
    default: return (triple){&in[0], &out[0], &in[1]};
    }
}

static const sd_op *const family[] = {
    [SD_CONV_FORWARD] = &sd__op_conv2d,
    [SD_CONV_BACKWARD_DATA] = &sd__op_conv2d_dx,
    [SD_CONV_BACKWARD_FILTER] = &sd__op_conv2d_dw,
};

/* SD_COUNT(family) if the op is none of them. */
static sd_conv_kind kind_of(const sd_op *op)
{
    unsigned kind = 0;
    while (kind < SD_COUNT(family) && family[kind] != op)
        kind++;
    return (sd_conv_kind)kind;
}

static sd_conv_shape shape_of(const sd_call *call)
{
    triple t = operands(kind_of(call->op), call->in, call->out);
    const sd_window *window = &((const sd_conv_attr *)call->attr)->window;
    sd_conv_shape s = {.images = t.x->shape.dim[0], .groups = window->groups};
    s.channels = t.w->shape.dim[2];
    s.filters = t.w->shape.dim[3] / s.groups;
    for (int i = 0; i < 2; i++) {
        s.in[i] = t.x->shape.dim[1 + i];
        s.out[i] = t.y->shape.dim[1 + i];
        s.size[i] = t.w->shape.dim[i];
        s.stride[i] = window->stride[i];
        s.dilation[i] = window->dilation[i];
        s.lo[i] = window->pad_lo[i];
        s.hi[i] = window->pad_hi[i];
    }
    return s;
}

/* ---- prepare -------------------------------------------------------------------------------------------------------- */

/* The primitive for this shape: an earlier one, or a new one that takes the filter's layout from the first. */
static sd_status primitive_for(conv *c, const sd_conv_shape *s, int *index)
{
    for (*index = 0; *index < c->n_primitives; ++*index)
        if (memcmp(&c->shape[*index], s, sizeof *s) == 0)
            return SD_OK;
    sd_primitive *p = &c->primitive[c->n_primitives++];
    c->shape[*index] = *s;
    p->engine = c->engine;
    SD_TRY(sd__conv_describe(p, c->kind, s, *index > 0 ? &c->filter : NULL));
    c->filter = p->md[SD_ARG_W];
    return SD_OK;
}

static sd_status make_parts(conv *c, const sd_conv_shape *whole, sd_conv_cut cut)
{
    for (int i = 0; i < c->n_parts; i++) {
        sd_conv_piece piece;
        if (!sd__conv_piece(whole, c->kind, cut, i, &piece))
            return sd__fail(SD_EUNSUPPORTED, "a band of this convolution is empty");
        SD_TRY(primitive_for(c, &piece.shape, &c->part[i].primitive));
        c->part[i].x = (piece.image * whole->in[0] + piece.in_row) * whole->in[1] * whole->groups * whole->channels;
        c->part[i].y = (piece.image * whole->out[0] + piece.out_row) * whole->out[1] * whole->groups * whole->filters;
    }
    if (!sd__filter_layout(&c->filter, &c->layout))
        return sd__fail(SD_EUNSUPPORTED, "oneDNN wants an unknown filter layout");
    return SD_OK;
}

static size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

/*
 * Scratch memory of a primitive. What a 1x1 filter sees in steps, oneDNN gathers side by side, as if channels came in whole
 * vectors; but it asks for memory for the channels alone, and writes behind it (uxlfoundation/oneDNN, issue 6035).
 */
static size_t scratch_of(const sd_primitive *p, const sd_conv_shape *s)
{
    enum { LANES = 16 };
    const bool gathers = s->size[0] == 1 && s->size[1] == 1 && (s->stride[0] > 1 || s->stride[1] > 1);
    const size_t channels = (size_t)s->channels, vectors = (channels + LANES - 1) / LANES;
    return whole_lines(gathers ? (p->scratch + channels - 1) / channels * vectors * LANES : p->scratch);
}

static sd_status make_primitives(conv *c)
{
    int cores = sd__cpu_count();
    for (int i = 0; i < c->n_primitives; i++) {
        int uses = 0;
        for (int j = 0; j < c->n_parts; j++)
            uses += c->part[j].primitive == i;
        SD_TRY(sd__primitive_make(&c->primitive[i], SD_MIN(uses, cores)));
        c->scratch_step = SD_MAX(c->scratch_step, scratch_of(&c->primitive[i], &c->shape[i]));
    }
    return SD_OK;
}

static void release(void *state)
{
    conv *c = state;
    for (int i = 0; c->primitive && i < c->n_primitives; i++)
        sd__primitive_free(&c->primitive[i]);
    if (c->engine)
        dnnl_engine_destroy(c->engine);
    free(c->part);
    free(c->shape);
    free(c->primitive);
    free(c);
}

static sd_status conv_fill(conv *c, const sd_conv_shape *whole, sd_conv_cut cut)
{
    size_t n = (size_t)c->n_parts;
    c->part = sd__alloc_zeroed(n, sizeof *c->part);
    c->shape = sd__alloc_zeroed(n, sizeof *c->shape);
    c->primitive = sd__alloc_zeroed(n, sizeof *c->primitive);
    if (!c->part || !c->shape || !c->primitive)
        return sd__fail(SD_ENOMEM, "no memory for %d parts of a convolution", c->n_parts);
    SD_TRY_DNNL(dnnl_engine_create(&c->engine, dnnl_cpu, 0));
    SD_TRY(make_parts(c, whole, cut));
    SD_TRY(make_primitives(c));
    c->filter_bytes = whole_lines((size_t)c->layout.count * sizeof(float));
    c->filter_parts = sd__filter_parts(&c->layout, c->kind == SD_CONV_BACKWARD_FILTER ? c->n_parts : 1);
    return SD_OK;
}

static sd_status conv_make(const sd_conv_shape *whole, sd_conv_kind kind, sd_conv_cut cut, conv **made)
{
    conv *c = sd__alloc_zeroed(1, sizeof *c);
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory for a convolution");
    c->kind = kind;
    c->n_parts = sd__conv_pieces(cut);
    int threads = sd__openmp_enter();
    sd_status status = conv_fill(c, whole, cut);
    if (status == SD_OK)
        *made = c;
    else
        release(c);
    sd__openmp_leave(threads);
    return status;
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    sd_conv_kind kind = kind_of(call->op);
    sd_conv_shape whole = shape_of(call);
    conv *c = NULL;
    /* Whatever oneDNN dislikes about a cut (a filter layout that only some pieces can take), the whole has no such trouble. */
    sd_status status = conv_make(&whole, kind, sd__conv_cut(&whole, kind), &c);
    if (status != SD_OK && status != SD_ENOMEM)
        status = conv_make(&whole, kind, (sd_conv_cut){1, 1}, &c);
    if (status != SD_OK)
        return status;
    bool sums = kind == SD_CONV_BACKWARD_FILTER;
    work->state = c;
    work->phases = 2;
    work->parts[0] = sums ? c->n_parts : c->filter_parts;
    work->parts[1] = sums ? c->filter_parts : c->n_parts;
    work->scratch = c->filter_bytes * (sums ? (size_t)c->n_parts : 1) + c->scratch_step * (size_t)c->n_parts;
    return SD_OK;
}

/* ---- run ---------------------------------------------------------------------------------------------------------------- */

/* A run has no way to fail, but must not pass off garbage as a result: NaN stops the training step. */
static void fill_nan(float *data, size_t bytes)
{
    for (size_t i = 0; i < bytes / sizeof *data; i++)
        data[i] = NAN;
}

static void run_part(const conv *c, int index, triple t, float *filter, char *scratch)
{
    static const int written[] = {
        [SD_CONV_FORWARD] = SD_ARG_Y, [SD_CONV_BACKWARD_DATA] = SD_ARG_X, [SD_CONV_BACKWARD_FILTER] = SD_ARG_W};
    const conv_part *part = &c->part[index];
    const sd_primitive *p = &c->primitive[part->primitive];
    void *const data[SD_PRIMITIVE_ARGS] = {
        [SD_ARG_X] = (float *)t.x->data + part->x,
        [SD_ARG_W] = filter,
        [SD_ARG_Y] = (float *)t.y->data + part->y,
        [SD_ARG_SCRATCH] = scratch + c->scratch_step * (size_t)index,
    };
    if (!sd__primitive_run(p, index, data))
        fill_nan(data[written[c->kind]], dnnl_memory_desc_get_size(&p->md[written[c->kind]]));
}

static void run_images(const sd_args *a)
{
    const conv *c = a->state;
    triple t = operands(c->kind, a->in, a->out);
    float *packed = a->scratch;
    if (a->phase == 0)
        sd__filter_pack(&c->layout, t.w->data, t.w->stride, packed, c->filter_parts, a->part);
    else
        run_part(c, a->part, t, packed, (char *)a->scratch + c->filter_bytes);
}

static void run_filter(const sd_args *a)
{
    const conv *c = a->state;
    triple t = operands(c->kind, a->in, a->out);
    size_t step = c->filter_bytes / sizeof(float);
    float *partial = a->scratch, *scratch = partial + step * (size_t)c->n_parts;
    if (a->phase == 0)
        run_part(c, a->part, t, partial + step * (size_t)a->part, (char *)scratch);
    else
        sd__filter_sum(&c->layout, partial, step, c->n_parts, t.w->data, c->filter_parts, a->part);
}

/* ---- the provider ---------------------------------------------------------------------------------------------------- */

static bool takes_tensor(const sd_tensor *t, bool dense)
{
    bool fits = t->dtype == SD_F32 && (!dense || sd__dense(t));
    for (int i = 0; i < t->shape.rank; i++)
        fits = fits && t->shape.dim[i] > 0 && t->shape.dim[i] <= INT32_MAX;
    return fits;
}

static const sd_kernel *find(const sd_call *call)
{
    static const sd_kernel kernel[] = {
        [SD_CONV_FORWARD] = {.name = "conv2d", .prepare = prepare, .run = run_images, .release = release},
        [SD_CONV_BACKWARD_DATA] = {.name = "conv2d_dx", .prepare = prepare, .run = run_images, .release = release},
        [SD_CONV_BACKWARD_FILTER] = {.name = "conv2d_dw", .prepare = prepare, .run = run_filter, .release = release},
    };
    sd_conv_kind kind = kind_of(call->op);
    if (kind >= SD_COUNT(kernel))
        return NULL;
    triple t = operands(kind, call->in, call->out);
    bool takes = takes_tensor(t.x, true) && takes_tensor(t.y, true) && takes_tensor(t.w, kind == SD_CONV_BACKWARD_FILTER);
    return takes ? &kernel[kind] : NULL;
}

const sd_provider sd__provider_onednn = {.name = "onednn", .find = find};
