/*
 * move.c -- elements of four bytes moved in rows: gather, scatter_add, pad, concat.
 *
 * Operands are dense; an op along one axis sees them as [outer, axis, inner].
 */
#include <string.h>

#include "kernels/simd/level/level.h"
#include "kernels/simd/shapes.h"

#define COST 0.3 /* of one element, about nanoseconds */

typedef uint32_t word; /* an element, whatever its type */

static const word *words(const sd_tensor *t) { return t->data; }

/* ---- gather: x [outer,N,inner], index [M] -> [outer,M,inner]; attr: int64_t axis ---- */

static int gather_parts(const sd_along *y) { return sd__parts(y->outer * y->size, COST * (double)y->inner + 2); }

static sd_status prepare_gather(const sd_call *call, sd_work *work)
{
    sd_along y = sd__along(call->out[0].shape, *(const int64_t *)call->attr);
    work->parts[0] = gather_parts(&y);
    return SD_OK;
}

static int64_t index_at(const sd_tensor *index, int64_t i) { return ((const int32_t *)index->data)[i * index->stride[0]]; }

static void gather(const sd_args *a)
{
    const int64_t axis = *(const int64_t *)a->attr;
    const sd_along x = sd__along(a->in[0].shape, axis), y = sd__along(a->out[0].shape, axis);
    const size_t bytes = (size_t)y.inner * sizeof(word);
    int64_t begin, end;
    sd__part(y.outer * y.size, gather_parts(&y), a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const int64_t from = index_at(&a->in[1], i % y.size);
        word *to = (word *)a->out[0].data + i * y.inner;
        if (from < 0 || from >= x.size)
            memset(to, 0, bytes);
        else
            memcpy(to, words(&a->in[0]) + (i / y.size * x.size + from) * x.inner, bytes);
    }
}

const sd_kernel SD_LEVELED(sd__simd_gather) = {.name = SD_LEVELED_NAME("gather"), .prepare = prepare_gather, .run = gather};

/* ---- scatter_add: x [outer,M,inner], index [M] -> [outer,size,inner]; attr: int64_t axis, size ---- */

/* A part owns strips of columns, so that slices of one index are added in order. */
#define STRIP 256

static int64_t strips(const sd_along *x) { return (x->inner + STRIP - 1) / STRIP; }

static int scatter_parts(const sd_along *x)
{
    return sd__parts(x->outer * strips(x), COST * (double)(x->size * SD_MIN(x->inner, STRIP)));
}

static sd_status prepare_scatter(const sd_call *call, sd_work *work)
{
    sd_along x = sd__along(call->in[0].shape, *(const int64_t *)call->attr);
    work->parts[0] = scatter_parts(&x);
    return SD_OK;
}

static void add_row(float *to, const float *from, int64_t n)
{
    for (int64_t j = 0; j < n; j += V_LANES)
        v_store_n(to + j, v_load_n(to + j, n - j) + v_load_n(from + j, n - j), n - j);
}

static void scatter_add(const sd_args *a)
{
    const int64_t axis = *(const int64_t *)a->attr;
    const sd_along x = sd__along(a->in[0].shape, axis), y = sd__along(a->out[0].shape, axis);
    int64_t begin, end;
    sd__part(x.outer * strips(&x), scatter_parts(&x), a->part, &begin, &end);
    for (int64_t strip = begin; strip < end; strip++) {
        const int64_t outer = strip / strips(&x), column = strip % strips(&x) * STRIP, n = SD_MIN(x.inner - column, STRIP);
        const float *from = (const float *)a->in[0].data + outer * x.size * x.inner + column;
        float *to = (float *)a->out[0].data + outer * y.size * y.inner + column;
        for (int64_t i = 0; i < y.size; i++)
            memset(to + i * y.inner, 0, (size_t)n * sizeof *to);
        for (int64_t i = 0; i < x.size; i++) {
            const int64_t at = index_at(&a->in[1], i);
            if (at >= 0 && at < y.size)
                add_row(to + at * y.inner, from + i * x.inner, n);
        }
    }
}

const sd_kernel SD_LEVELED(sd__simd_scatter_add) = {
    .name = SD_LEVELED_NAME("scatter_add"), .prepare = prepare_scatter, .run = scatter_add};

/* ---- concat; attr: int64_t axis. A row of the result is the operands' [axis,inner] one after the other ---- */

static int concat_parts(const sd_along *y) { return sd__parts(y->outer, COST * (double)(y->size * y->inner)); }

static sd_status prepare_concat(const sd_call *call, sd_work *work)
{
    sd_along y = sd__along(call->out[0].shape, *(const int64_t *)call->attr);
    work->parts[0] = concat_parts(&y);
    return SD_OK;
}

static void concat(const sd_args *a)
{
    const int64_t axis = *(const int64_t *)a->attr;
    const sd_along y = sd__along(a->out[0].shape, axis);
    int64_t begin, end;
    sd__part(y.outer, concat_parts(&y), a->part, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        word *to = (word *)a->out[0].data + row * y.size * y.inner;
        for (int i = 0; i < a->n_in; i++) {
            const int64_t n = a->in[i].shape.dim[axis] * y.inner;
            memcpy(to, words(&a->in[i]) + row * n, (size_t)n * sizeof(word));
            to += n;
        }
    }
}

const sd_kernel SD_LEVELED(sd__simd_concat) = {.name = SD_LEVELED_NAME("concat"), .prepare = prepare_concat, .run = concat};

/* ---- pad: zeros around, and between rows (within a row they are left to the reference); attr: int64_t lo[], hi[], inner[] ---- */

static int64_t last_axis(const sd_tensor *t) { return t->shape.dim[t->shape.rank - 1]; }

static int pad_parts(const sd_tensor *y)
{
    return sd__parts(sd_shape_count(y->shape) / last_axis(y), COST * (double)last_axis(y) + 2);
}

static sd_status prepare_pad(const sd_call *call, sd_work *work)
{
    work->parts[0] = pad_parts(&call->out[0]);
    return SD_OK;
}

/* The row of x that belongs in row `row` of y, or -1. */
static int64_t row_inside(const sd_tensor *x, const sd_tensor *y, const int64_t *lo, int64_t row)
{
    const int64_t *between = lo + 2 * SD_MAX_RANK;
    int64_t from = 0, stride = 1;
    for (int i = y->shape.rank - 2; i >= 0; i--) {
        const int64_t at = row % y->shape.dim[i] - lo[i], step = between[i] + 1;
        if (at < 0 || at % step || at / step >= x->shape.dim[i])
            return -1;
        from += at / step * stride;
        stride *= x->shape.dim[i];
        row /= y->shape.dim[i];
    }
    return from;
}

static void pad(const sd_args *a)
{
    const sd_tensor *x = &a->in[0], *y = &a->out[0];
    const int64_t *lo = a->attr, before = lo[y->shape.rank - 1], n = last_axis(x), width = last_axis(y);
    int64_t begin, end;
    sd__part(sd_shape_count(y->shape) / width, pad_parts(y), a->part, &begin, &end);
    for (int64_t row = begin; row < end; row++) {
        const int64_t from = row_inside(x, y, lo, row);
        word *to = (word *)y->data + row * width;
        memset(to, 0, (size_t)(from < 0 ? width : before) * sizeof(word));
        if (from < 0)
            continue;
        memcpy(to + before, words(x) + from * n, (size_t)n * sizeof(word));
        memset(to + before + n, 0, (size_t)(width - before - n) * sizeof(word));
    }
}

const sd_kernel SD_LEVELED(sd__simd_pad) = {.name = SD_LEVELED_NAME("pad"), .prepare = prepare_pad, .run = pad};
