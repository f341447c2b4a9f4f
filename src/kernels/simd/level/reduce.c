/*
 * reduce.c -- sums, maxima and the place of the maximum of dense tensors; sums in the order of ops/sum.h.
 *
 * Two shapes: the last axes are reduced (runs of consecutive elements), or axes before them (columns of rows). Each result is a
 * sum of pieces (blocks of a run, groups of rows): they are summed in parts (phase 0) and then added up in order (phase 1).
 */
#include "ops/reduce.h"

#include <math.h>

#include "kernels/simd/level/columns.h"
#include "kernels/simd/level/lanes.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/shapes.h"

#define COST 0.2 /* of one element, about nanoseconds */

typedef struct cut {
    sd_reduced r;
    bool runs;      /* nothing is kept behind the reduced axes: r.width is 1 */
    int64_t pieces; /* of each outer index */
    int parts;      /* of phase 0, over all pieces */
    int adders; /* parts of phase 1, over the outer indices; 0: phase 0 is one part, or has one piece a result, and does all */
} cut;

static cut cut_of(const sd_tensor *x, const void *attr)
{
    cut c = {.pieces = 1};
    sd_reduced *r = &c.r;
    sd__reduced_shape(x->shape, ((const sd_reduce_attr *)attr)->axes, r);
    c.runs = r->width == 1;
    c.pieces = c.runs ? (r->terms + SD_SUM_BLOCK - 1) / SD_SUM_BLOCK : v_groups(r->terms);
    c.parts = sd__parts(r->outer * c.pieces, COST * (double)(r->terms * r->width) / (double)c.pieces);
    if (c.parts > 1 && c.pieces > 1)
        c.adders = sd__parts(r->outer, COST * (double)(c.pieces * r->width));
    return c;
}

static sd_status prepare_sum(const sd_call *call, sd_work *work)
{
    cut c = cut_of(&call->in[0], call->attr);
    work->parts[0] = c.parts;
    if (c.adders) {
        work->phases = 2;
        work->parts[1] = c.adders;
    }
    if (c.pieces > 1)
        work->scratch = (size_t)(c.r.outer * c.pieces * c.r.width) * sizeof(float);
    return SD_OK;
}

typedef struct matrix {
    const float *x;
    int64_t width;
} matrix;

V_INLINE vf element(const void *context, int64_t row, int64_t column, int64_t n)
{
    const matrix *m = context;
    return v_load_n(m->x + row * m->width + column, n);
}

/* The sums of pieces [first,last) of outer index `outer`. */
static void sum_pieces(const cut *c, const float *x, int64_t outer, int64_t first, int64_t last, float *sums)
{
    const sd_reduced *r = &c->r;
    x += outer * r->terms * r->width;
    sums += (outer * c->pieces + first) * r->width;
    if (!c->runs)
        v_group_sums(sums, r->width, r->terms, first, last, element, &(matrix){x, r->width});
    else
        for (int64_t i = first; i < last; i++)
            sums[i - first] = v_sum_block(x + i * SD_SUM_BLOCK, SD_MIN(r->terms - i * SD_SUM_BLOCK, SD_SUM_BLOCK));
}

static void add_pieces(const cut *c, const float *sums, float *y, int64_t begin, int64_t end)
{
    for (int64_t outer = begin; outer < end; outer++)
        v_add_groups(y + outer * c->r.width, sums + outer * c->pieces * c->r.width, c->r.width, c->pieces);
}

static void sum(const sd_args *a)
{
    cut c = cut_of(&a->in[0], a->attr);
    float *y = a->out[0].data, *sums = c.pieces > 1 ? a->scratch : y;
    int64_t begin, end;
    if (a->phase == 1) {
        sd__part(c.r.outer, c.adders, a->part, &begin, &end);
        add_pieces(&c, sums, y, begin, end);
        return;
    }
    sd__part(c.r.outer * c.pieces, c.parts, a->part, &begin, &end);
    for (int64_t i = begin; i < end;) {
        int64_t outer = i / c.pieces, first = i % c.pieces, last = SD_MIN(c.pieces, first + end - i);
        sum_pieces(&c, a->in[0].data, outer, first, last, sums);
        i += last - first;
    }
    if (c.pieces > 1 && !c.adders)
        add_pieces(&c, sums, y, 0, c.r.outer);
}

const sd_kernel SD_LEVELED(sd__simd_sum) = {.name = SD_LEVELED_NAME("sum"), .prepare = prepare_sum, .run = sum};

/* ---- maxima of runs ---- */

static int run_parts(const sd_reduced *r) { return sd__parts(r->outer, COST * (double)r->terms); }

static sd_status prepare_max(const sd_call *call, sd_work *work)
{
    sd_reduced r;
    sd__reduced_shape(call->in[0].shape, ((const sd_reduce_attr *)call->attr)->axes, &r);
    work->parts[0] = run_parts(&r);
    return SD_OK;
}

static void reduce_max(const sd_args *a)
{
    sd_reduced r;
    int64_t begin, end;
    sd__reduced_shape(a->in[0].shape, ((const sd_reduce_attr *)a->attr)->axes, &r);
    sd__part(r.outer, run_parts(&r), a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        ((float *)a->out[0].data)[i] = v_max_run((const float *)a->in[0].data + i * r.terms, r.terms);
}

const sd_kernel SD_LEVELED(sd__simd_reduce_max) = {
    .name = SD_LEVELED_NAME("reduce_max"), .prepare = prepare_max, .run = reduce_max};

/* The first element that is the maximum, or the first NaN. */
static int32_t place(const float *x, int64_t n)
{
    float most = v_max_run(x, n);
    int64_t i = 0;
    while (x[i] != most && !(isnan(most) && isnan(x[i])))
        i++;
    return (int32_t)i;
}

static sd_status prepare_argmax(const sd_call *call, sd_work *work)
{
    sd_reduced r;
    sd__reduced_shape(call->in[0].shape, 1u << *(const int64_t *)call->attr, &r);
    work->parts[0] = run_parts(&r);
    return SD_OK;
}

/* attr: int64_t axis, the last */
static void argmax(const sd_args *a)
{
    sd_reduced r;
    int64_t begin, end;
    sd__reduced_shape(a->in[0].shape, 1u << *(const int64_t *)a->attr, &r);
    sd__part(r.outer, run_parts(&r), a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        ((int32_t *)a->out[0].data)[i] = place((const float *)a->in[0].data + i * r.terms, r.terms);
}

const sd_kernel SD_LEVELED(sd__simd_argmax) = {.name = SD_LEVELED_NAME("argmax"), .prepare = prepare_argmax, .run = argmax};
