/*
 * copy.c -- strided elements of four bytes brought into dense memory.
 *
 * Three inner loops: rows that are consecutive already; squares of a transposition through the registers, where another axis
 * than the last is the consecutive one; single elements else. Parts take ranges of the outermost axes.
 */
#include <string.h>

#include "kernels/simd/level/level.h"
#include "kernels/simd/level/pack.h"
#include "kernels/simd/shapes.h"

#define COST 0.3 /* of one element, about nanoseconds */

/* The copy as `outer` index tuples, each of a matrix rows x columns with any strides. */
typedef struct cut {
    sd_strided s;
    int64_t outer, rows, columns, row_stride, column_stride;
    int64_t to_row; /* from one row to the next in the result */
    int row_axis;   /* of s */
    int64_t to_stride[SD_MAX_RANK];
    int64_t slabs; /* ranges of SLAB rows in a matrix */
    int parts;
} cut;

enum { SLAB = 64 };

/* The rows of the matrix: the axis that is consecutive in memory, or the last but one. */
static int pick_row_axis(const sd_strided *s)
{
    for (int i = 0; i < s->rank - 1; i++)
        if (s->stride[i] == 1)
            return i;
    return s->rank - 2;
}

static cut cut_of(const sd_tensor *x)
{
    cut c = {.s = sd__strided(x), .outer = 1, .rows = 1, .columns = 1, .row_axis = -1};
    sd_strided *s = &c.s;
    int64_t stride = 1;
    for (int i = s->rank - 1; i >= 0; i--) {
        c.to_stride[i] = stride;
        stride *= s->dim[i];
    }
    if (s->rank > 0)
        c.columns = s->dim[s->rank - 1], c.column_stride = s->stride[s->rank - 1];
    if (s->rank > 1) {
        c.row_axis = pick_row_axis(s);
        c.rows = s->dim[c.row_axis], c.row_stride = s->stride[c.row_axis];
        c.to_row = c.to_stride[c.row_axis];
    }
    c.outer = stride / (c.rows * c.columns);
    c.slabs = (c.rows + SLAB - 1) / SLAB;
    c.parts = sd__parts(c.outer * c.slabs, COST * (double)(SD_MIN(c.rows, SLAB) * c.columns));
    return c;
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    work->parts[0] = cut_of(&call->in[0]).parts;
    return SD_OK;
}

/* Where matrix number `index` begins: the axes that are neither its rows nor its columns, the last one fastest. */
static void locate(const cut *c, int64_t index, int64_t *from, int64_t *to)
{
    *from = *to = 0;
    for (int i = c->s.rank - 2; i >= 0; i--) {
        if (i == c->row_axis)
            continue;
        *from += index % c->s.dim[i] * c->s.stride[i];
        *to += index % c->s.dim[i] * c->to_stride[i];
        index /= c->s.dim[i];
    }
}

static void copy_matrix(const cut *c, const float *from, float *to, int64_t rows)
{
    if (c->column_stride == 1)
        for (int64_t i = 0; i < rows; i++)
            memcpy(to + i * c->to_row, from + i * c->row_stride, (size_t)c->columns * sizeof *to);
    else if (c->column_stride == 0)
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < c->columns; j += V_LANES)
                v_store_n(to + i * c->to_row + j, v_set(from[i * c->row_stride]), c->columns - j);
    else
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < c->columns; j++)
                to[i * c->to_row + j] = from[i * c->row_stride + j * c->column_stride];
}

/* Rows are consecutive: squares of V_LANES rows and columns are turned in the registers. */
static void transpose_matrix(const cut *c, const float *from, float *to, int64_t rows)
{
    for (int64_t i = 0; i < rows; i += V_LANES)
        for (int64_t j = 0; j < c->columns; j += V_LANES) {
            const int64_t height = SD_MIN(rows - i, V_LANES), width = SD_MIN(c->columns - j, V_LANES);
            vf x[V_LANES];
#pragma GCC unroll 16
            for (int k = 0; k < V_LANES; k++)
                x[k] = k < width ? v_load_n(from + i + (j + k) * c->column_stride, height) : v_zero();
            v_transpose(x);
#pragma GCC unroll 16
            for (int k = 0; k < V_LANES; k++)
                if (k < height)
                    v_store_n(to + (i + k) * c->to_row + j, x[k], width);
        }
}

static void copy(const sd_args *a)
{
    cut c = cut_of(&a->in[0]);
    int64_t begin, end, from, to;
    sd__part(c.outer * c.slabs, c.parts, a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t row = i % c.slabs * SLAB, rows = SD_MIN(c.rows - row, SLAB);
        locate(&c, i / c.slabs, &from, &to);
        const float *x = (const float *)a->in[0].data + from + row * c.row_stride;
        float *y = (float *)a->out[0].data + to + row * c.to_row;
        if (c.row_stride == 1 && c.column_stride > 1)
            transpose_matrix(&c, x, y, rows);
        else
            copy_matrix(&c, x, y, rows);
    }
}

const sd_kernel SD_LEVELED(sd__simd_copy) = {.name = SD_LEVELED_NAME("copy"), .prepare = prepare, .run = copy};
