/* bias.c -- relu(x + bias) along the last axis, and its derivative with the bias's sums, in one pass each. */
#include "kernels/simd/level/columns.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/rows.h"

#define COST 0.2 /* of one element, about nanoseconds */

static void bias_relu(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], COST, a->part);
    const float *bias = a->in[1].data;
    for (int64_t row = r.begin; row < r.end; row++) {
        const float *x = (const float *)a->in[0].data + row * r.columns;
        float *y = (float *)a->out[0].data + row * r.columns;
        for (int64_t j = 0; j < r.columns; j += V_LANES) {
            vf sum = v_load_n(x + j, r.columns - j) + v_load_n(bias + j, r.columns - j);
            v_store_n(y + j, v_relu(sum), r.columns - j);
        }
    }
}

SD_PREPARE_ROWS(prepare_bias_relu, COST)

const sd_kernel SD_LEVELED(sd__simd_bias_relu) = {
    .name = SD_LEVELED_NAME("bias_relu"), .prepare = prepare_bias_relu, .run = bias_relu, .in_place = 1};

/* ---- bias_relu_grad: y, dy -> dx = dy step(y), dbias = sum of dx over rows (phase 1 adds up the groups) ---- */

static int group_parts(const sd_tensor *y)
{
    int64_t groups = v_groups(sd__row_count(y));
    return sd__parts(groups, COST * (double)sd_shape_count(y->shape) / (double)groups);
}

static sd_status prepare_grad(const sd_call *call, sd_work *work)
{
    work->phases = 2;
    work->parts[0] = group_parts(&call->in[0]);
    work->parts[1] = 1;
    work->scratch = (size_t)(v_groups(sd__row_count(&call->in[0])) * sd__columns(&call->in[0])) * sizeof(float);
    return SD_OK;
}

typedef struct gradient {
    const float *y, *dy;
    float *dx;
    int64_t width;
} gradient;

/* Writes dx on the way. As dy * step(y) says, an infinite dy where y is 0 gives NaN, and so does y = NaN. */
V_INLINE vf term(const void *context, int64_t row, int64_t column, int64_t n)
{
    const gradient *g = context;
    const int64_t at = row * g->width + column;
    vf dx = v_load_n(g->dy + at, n) * v_step(v_load_n(g->y + at, n));
    v_store_n(g->dx + at, dx, n);
    return dx;
}

static void bias_relu_grad(const sd_args *a)
{
    int64_t width = sd__columns(&a->in[0]), rows = sd__row_count(&a->in[0]), begin, end;
    if (a->phase == 1) {
        v_add_groups(a->out[1].data, a->scratch, width, v_groups(rows));
        return;
    }
    gradient g = {a->in[0].data, a->in[1].data, a->out[0].data, width};
    sd__part(v_groups(rows), group_parts(&a->in[0]), a->part, &begin, &end);
    v_group_sums((float *)a->scratch + begin * width, width, rows, begin, end, term, &g);
}

const sd_kernel SD_LEVELED(sd__simd_bias_relu_grad) = {
    .name = SD_LEVELED_NAME("bias_relu_grad"), .prepare = prepare_grad, .run = bias_relu_grad, .in_place = 3};
