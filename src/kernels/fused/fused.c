/*
 * fused.c -- clusters of elementwise ops, run tile by tile.
 *
 * A tile is a run of consecutive result elements, short enough that all values between the steps of a cluster stay in the L1
 * cache. Each step calls its op's one contiguous kernel on the tile, so fusing changes no bit. An operand that does not lie
 * densely is brought into a row of its own first.
 */
#include "kernels/fused/fused.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/simd/simd.h"
#include "ops/cluster.h"

#define TILE_BYTES 4096
#define MOST_ROWS (SD_MAX_IN + SD_CLUSTER_STEPS)

/* Where a step finds an operand: in the operand's own memory, or in a row. */
typedef enum access { DENSE, FILLED, GATHERED } access;

typedef struct fused_operand {
    access access;
    size_t size; /* bytes of an element */
    int row;     /* FILLED and GATHERED: its row */
    int rank;    /* GATHERED: the axes, neighbours merged where the strides allow */
    int64_t dim[SD_MAX_RANK], stride[SD_MAX_RANK];
} fused_operand;

typedef struct fused {
    int64_t count; /* elements of the result */
    int64_t tile;  /* elements of one tile */
    int parts;
    fused_operand operand[SD_MAX_IN];
    sd_tile *run[SD_CLUSTER_STEPS];
    int row[SD_CLUSTER_STEPS]; /* of each step's result; -1: the cluster's result itself */
} fused;

/* ---- preparing ---- */

static bool all_zero(const sd_tensor *t)
{
    for (int i = 0; i < t->shape.rank; i++)
        if (t->stride[i] && t->shape.dim[i] > 1)
            return false;
    return true;
}

/* Merges an axis into the one before where stepping over it is the same as stepping on. */
static void merge_axes(const sd_tensor *t, fused_operand *o)
{
    for (int i = 0; i < t->shape.rank; i++) {
        if (t->shape.dim[i] == 1)
            continue;
        int last = o->rank - 1;
        if (last >= 0 && o->stride[last] == t->stride[i] * t->shape.dim[i]) {
            o->dim[last] *= t->shape.dim[i];
            o->stride[last] = t->stride[i];
        } else {
            o->dim[o->rank] = t->shape.dim[i];
            o->stride[o->rank++] = t->stride[i];
        }
    }
}

static fused_operand describe(const sd_tensor *t, int *rows)
{
    fused_operand o = {.access = DENSE, .size = sd_dtype_size(t->dtype), .row = -1};
    if (sd__dense(t))
        return o;
    o.access = all_zero(t) ? FILLED : GATHERED;
    o.row = (*rows)++;
    merge_axes(t, &o);
    return o;
}

/* True if no step after `step` reads the result of step `which`. */
static bool dies(const sd_cluster *cluster, int64_t which, int64_t step)
{
    for (int64_t k = step + 1; k < cluster->n_steps; k++)
        for (int64_t i = 0; i < cluster->step[k].n_in; i++)
            if (cluster->step[k].in[i] == cluster->n_in + which)
                return false;
    return true;
}

/* A step may write over an operand of its own that dies with it, if the elements are of one size. */
static int row_of_step(const sd_cluster *cluster, const fused *f, int64_t k, int *rows)
{
    const sd_cluster_step *step = &cluster->step[k];
    if (k == cluster->out[0])
        return -1;
    for (int64_t i = 0; i < step->n_in; i++) {
        int64_t producer = step->in[i] - cluster->n_in;
        if (producer >= 0 && dies(cluster, producer, k) &&
            sd_dtype_size(cluster->step[producer].result) == sd_dtype_size(step->result))
            return f->row[producer];
    }
    return (*rows)++;
}

static bool tiles_found(const sd_call *call, sd_tile **run)
{
    const sd_cluster *cluster = call->attr;
    for (int64_t k = 0; k < cluster->n_steps; k++) {
        const sd_cluster_step *step = &cluster->step[k];
        sd_tile *tile = sd__simd_tile(step->op, step->dtype, call->level, step->attr);
        run[k] = tile ? tile : step->op->tile[step->dtype];
        if (!run[k])
            return false;
    }
    return true;
}

static size_t widest(const sd_call *call)
{
    const sd_cluster *cluster = call->attr;
    size_t size = 1;
    for (int i = 0; i < call->n_in; i++)
        size = SD_MAX(size, sd_dtype_size(call->in[i].dtype));
    for (int64_t k = 0; k < cluster->n_steps; k++)
        size = SD_MAX(size, sd_dtype_size(cluster->step[k].result));
    return size;
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    const sd_cluster *cluster = call->attr;
    fused *f = sd__alloc_zeroed(1, sizeof *f);
    if (!f)
        return sd__fail(SD_ENOMEM, "no memory for a cluster");
    int rows = 0;
    f->count = sd_shape_count(call->out[0].shape);
    f->tile = (int64_t)(TILE_BYTES / widest(call));
    for (int i = 0; i < call->n_in; i++)
        f->operand[i] = describe(&call->in[i], &rows);
    tiles_found(call, f->run);
    for (int64_t k = 0; k < cluster->n_steps; k++)
        f->row[k] = row_of_step(cluster, f, k, &rows);
    f->parts = sd__parts((f->count + f->tile - 1) / f->tile, (double)(f->tile * cluster->n_steps) * 0.25);
    work->parts[0] = f->parts;
    work->state = f;
    return SD_OK;
}

/* ---- running ---- */

static void fill(char *row, const char *element, size_t size, int64_t n)
{
    if (size == 4) {
        uint32_t bits;
        memcpy(&bits, element, 4);
        for (int64_t i = 0; i < n; i++)
            memcpy(row + i * 4, &bits, 4);
    } else {
        for (int64_t i = 0; i < n; i++)
            memcpy(row + i * (int64_t)size, element, size);
    }
}

static void copy_strided(char *row, const char *from, size_t size, int64_t stride, int64_t n)
{
    if (stride == 1)
        memcpy(row, from, (size_t)n * size);
    else if (stride == 0)
        fill(row, from, size, n);
    else if (size == 4)
        for (int64_t i = 0; i < n; i++)
            memcpy(row + i * 4, from + i * stride * 4, 4);
    else
        for (int64_t i = 0; i < n; i++)
            memcpy(row + i * (int64_t)size, from + i * stride * (int64_t)size, size);
}

/* Brings elements first .. first+n-1 (row-major) of an operand into a row, one innermost run after the other. */
static void gather(const fused_operand *o, const char *data, int64_t first, int64_t n, char *row)
{
    int inner = o->rank - 1;
    int64_t index[SD_MAX_RANK], rest = first, offset = 0;
    for (int i = inner; i >= 0; i--) {
        index[i] = rest % o->dim[i];
        rest /= o->dim[i];
        offset += index[i] * o->stride[i];
    }
    while (n > 0) {
        int64_t run = SD_MIN(n, o->dim[inner] - index[inner]);
        copy_strided(row, data + offset * (int64_t)o->size, o->size, o->stride[inner], run);
        row += run * (int64_t)o->size;
        n -= run;
        offset += run * o->stride[inner];
        index[inner] += run;
        for (int i = inner; i > 0 && index[i] == o->dim[i]; i--) {
            offset += o->stride[i - 1] - index[i] * o->stride[i];
            index[i] = 0;
            index[i - 1]++;
        }
    }
}

typedef char tile_row[TILE_BYTES];

/* Every operand of the tile that starts at element `first`, and where the steps leave their results. */
static void locate(const fused *f, const sd_args *a, int64_t first, int64_t n, tile_row *rows, const void **value)
{
    const sd_cluster *cluster = a->attr;
    for (int i = 0; i < a->n_in; i++) {
        const fused_operand *o = &f->operand[i];
        if (o->access == DENSE) {
            value[i] = (const char *)a->in[i].data + first * (int64_t)o->size;
        } else {
            value[i] = rows[o->row];
            if (o->access == GATHERED)
                gather(o, a->in[i].data, first, n, rows[o->row]);
        }
    }
    size_t size = sd_dtype_size(a->out[0].dtype);
    for (int64_t k = 0; k < cluster->n_steps; k++)
        value[a->n_in + k] = f->row[k] >= 0 ? rows[f->row[k]] : (char *)a->out[0].data + first * (int64_t)size;
}

static void run_tile(const fused *f, const sd_args *a, int64_t n, const void **value)
{
    const sd_cluster *cluster = a->attr;
    for (int64_t k = 0; k < cluster->n_steps; k++) {
        const sd_cluster_step *step = &cluster->step[k];
        const void *in[3];
        for (int64_t i = 0; i < step->n_in; i++)
            in[i] = value[step->in[i]];
        f->run[k]((size_t)n, in, (void *)value[a->n_in + k], step->attr);
    }
}

static void run(const sd_args *a)
{
    const fused *f = a->state;
    _Alignas(64) tile_row rows[MOST_ROWS];
    const void *value[SD_MAX_IN + SD_CLUSTER_STEPS];
    int64_t begin, end, tiles = (f->count + f->tile - 1) / f->tile;
    sd__part(tiles, f->parts, a->part, &begin, &end);
    for (int i = 0; i < a->n_in; i++)
        if (f->operand[i].access == FILLED)
            fill(rows[f->operand[i].row], a->in[i].data, f->operand[i].size, f->tile);
    for (int64_t t = begin; t < end; t++) {
        int64_t first = t * f->tile, n = SD_MIN(f->tile, f->count - first);
        locate(f, a, first, n, rows, value);
        run_tile(f, a, n, value);
    }
}

static const sd_kernel cluster_kernel = {.name = "cluster", .prepare = prepare, .run = run, .release = free, .in_place = ~0u};

static const sd_kernel *find(const sd_call *call)
{
    sd_tile *tile[SD_CLUSTER_STEPS];
    return call->op == &sd__op_cluster && tiles_found(call, tile) ? &cluster_kernel : NULL;
}

const sd_provider sd__provider_fused = {.name = "fused", .find = find, .fuses = true};
