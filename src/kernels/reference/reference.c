/*
 * reference.c -- the provider that takes everything: each op's own plain kernel.
 *
 * It is the oracle for all others, so it does nothing clever: one part, any strides, elementwise ops through rows of one
 * element or as many as lie side by side.
 */
#include "kernels/reference/reference.h"

#include <string.h>

#include "ops/op.h"

#define TILE 256

static void run_compute(const sd_args *a) { a->op->kernel[a->out[0].dtype](a); }

/* Elements of a strided row, side by side. */
static const void *gather(const char *row, int64_t stride, size_t size, size_t n, char *room)
{
    if (stride == 1)
        return row;
    for (size_t i = 0; i < n; i++)
        memcpy(room + i * size, row + (int64_t)i * stride * (int64_t)size, size);
    return room;
}

/* One row of the result, tile by tile. */
static void run_row(const sd_args *a, const char *const *in, char *out, int64_t n)
{
    char room[3][TILE * 8];
    int rank = a->out[0].shape.rank;
    size_t out_size = sd_dtype_size(a->out[0].dtype);
    for (int64_t at = 0; at < n; at += TILE) {
        size_t length = (size_t)SD_MIN(TILE, n - at);
        const void *operand[3];
        for (int i = 0; i < a->n_in; i++) {
            size_t size = sd_dtype_size(a->in[i].dtype);
            int64_t stride = rank ? a->in[i].stride[rank - 1] : 1;
            operand[i] = gather(in[i] + at * stride * (int64_t)size, stride, size, length, room[i]);
        }
        a->op->tile[a->in[0].dtype](length, operand, out + (size_t)at * out_size, a->attr);
    }
}

static void run_elementwise(const sd_args *a)
{
    const sd_tensor *out = &a->out[0], *walked[4] = {out};
    for (int i = 0; i < a->n_in; i++)
        walked[i + 1] = &a->in[i];
    sd_shape rows = out->shape;
    int64_t n = 1;
    if (rows.rank) {
        n = rows.dim[--rows.rank];
        rows.dim[rows.rank] = 0;
    }
    for (sd_walk w = sd__walk(rows, a->n_in + 1, walked); w.left; sd__walk_next(&w)) {
        const char *in[3];
        for (int i = 0; i < a->n_in; i++)
            in[i] = (const char *)a->in[i].data + w.offset[i + 1] * (int64_t)sd_dtype_size(a->in[i].dtype);
        run_row(a, in, (char *)out->data + w.offset[0] * (int64_t)sd_dtype_size(out->dtype), n);
    }
}

static const sd_kernel compute = {.name = "reference", .run = run_compute};
static const sd_kernel elementwise = {.name = "reference", .run = run_elementwise};

static const sd_kernel *find(const sd_call *call)
{
    if (call->op->kind == SD_ELEMENTWISE)
        return call->n_in <= 3 && call->op->tile[call->in[0].dtype] ? &elementwise : NULL;
    return call->op->kernel[call->out[0].dtype] ? &compute : NULL;
}

const sd_provider sd__provider_reference = {.name = "reference", .find = find};
