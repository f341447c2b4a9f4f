/* layer_norm.c -- layer norm over the last axis, and its derivative. */
#include <math.h>

#include "kernels/simd/level/columns.h"
#include "kernels/simd/level/lanes.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/rows.h"

#define COST 0.5 /* of one element, about nanoseconds */

static float epsilon(const sd_args *a) { return (float)*(const double *)a->attr; }

/* Sum of (x - mean)^2. */
static float squares(const float *x, float mean, int64_t n)
{
    float total = 0;
    for (int64_t block = 0; block < n; block += SD_SUM_BLOCK) {
        v_lanes sum = v_lanes_of(0);
        V_EACH(SD_MIN(n - block, SD_SUM_BLOCK), i, left, p, {
            vf d = v_load_or(x + block + i, left, v_set(mean)) - v_set(mean);
            sum.part[p] = sum.part[p] + d * d;
        })
        total += v_lanes_sum(sum);
    }
    return total;
}

static void layer_norm(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], COST, a->part);
    const float *scale = a->in[1].data, *offset = a->in[2].data;
    for (int64_t row = r.begin; row < r.end; row++) {
        const float *x = (const float *)a->in[0].data + row * r.columns;
        float *y = (float *)a->out[0].data + row * r.columns;
        float mean = v_sum_run(x, r.columns) / (float)r.columns, variance = squares(x, mean, r.columns) / (float)r.columns;
        vf factor = v_set(1 / sqrtf(variance + epsilon(a)));
        ((float *)a->out[1].data)[row] = mean;
        ((float *)a->out[2].data)[row] = variance;
        for (int64_t j = 0; j < r.columns; j += V_LANES) {
            const int64_t n = r.columns - j;
            v_store_n(y + j, (v_load_n(x + j, n) - v_set(mean)) * factor * v_load_n(scale + j, n) + v_load_n(offset + j, n), n);
        }
    }
}

SD_PREPARE_ROWS(prepare_layer_norm, COST)

const sd_kernel SD_LEVELED(sd__simd_layer_norm) = {
    .name = SD_LEVELED_NAME("layer_norm"), .prepare = prepare_layer_norm, .run = layer_norm, .in_place = 1};

/* ---- derivative: x, scale, mean, variance, dy -> dx, dscale, doffset; sums over rows as in columns.h ---- */

typedef struct gradient {
    const float *x, *scale, *mean, *variance, *dy;
    float *dx, epsilon;
    int64_t width;
} gradient;

V_INLINE vf cotangent(const void *context, int64_t row, int64_t column, int64_t n)
{
    const gradient *g = context;
    return v_load_n(g->dy + row * g->width + column, n);
}

/* u dy, u the normalised x */
V_INLINE vf weighed_cotangent(const void *context, int64_t row, int64_t column, int64_t n)
{
    const gradient *g = context;
    const int64_t at = row * g->width + column;
    const vf factor = v_set(1 / sqrtf(g->variance[row] + g->epsilon));
    return (v_load_n(g->x + at, n) - v_set(g->mean[row])) * factor * v_load_n(g->dy + at, n);
}

/* dx = (g - mean(g) - u mean(u g)) / sqrt(variance + epsilon), g = scale dy */
static void gradient_row(const gradient *g, int64_t row)
{
    const int64_t width = g->width;
    const float *x = g->x + row * width, *dy = g->dy + row * width;
    const float root = 1 / sqrtf(g->variance[row] + g->epsilon);
    const vf mean = v_set(g->mean[row]), factor = v_set(root);
    float plain = 0, weighed = 0;
    for (int64_t block = 0; block < width; block += SD_SUM_BLOCK) {
        v_lanes s = v_lanes_of(0), t = v_lanes_of(0);
        V_EACH(SD_MIN(width - block, SD_SUM_BLOCK), i, left, p, {
            vf c = v_load_n(dy + block + i, left) * v_load_n(g->scale + block + i, left);
            s.part[p] = s.part[p] + c;
            t.part[p] = t.part[p] + (v_load_n(x + block + i, left) - mean) * factor * c;
        })
        plain += v_lanes_sum(s);
        weighed += v_lanes_sum(t);
    }
    const vf m = v_set(plain / (float)width), k = v_set(weighed / (float)width);
    for (int64_t j = 0; j < width; j += V_LANES) {
        const int64_t n = width - j;
        const vf u = (v_load_n(x + j, n) - mean) * factor, c = v_load_n(dy + j, n) * v_load_n(g->scale + j, n);
        v_store_n(g->dx + row * width + j, (c - m - u * k) * factor, n);
    }
}

static int group_parts(const sd_tensor *x)
{
    int64_t groups = v_groups(sd__row_count(x));
    return sd__parts(groups, 2 * COST * (double)sd_shape_count(x->shape) / (double)groups);
}

static sd_status prepare_grad(const sd_call *call, sd_work *work)
{
    const sd_tensor *x = &call->in[0];
    work->phases = 2;
    work->parts[0] = group_parts(x);
    work->parts[1] = 1;
    work->scratch = (size_t)(2 * v_groups(sd__row_count(x)) * sd__columns(x)) * sizeof(float);
    return SD_OK;
}

/* The sums come before dx, which may lie where x or dy does. */
static void layer_norm_grad(const sd_args *a)
{
    const int64_t width = sd__columns(&a->in[0]), rows = sd__row_count(&a->in[0]);
    float *weighed = a->scratch, *plain = weighed + v_groups(rows) * width;
    int64_t begin, end;
    if (a->phase == 1) {
        v_add_groups(a->out[1].data, weighed, width, v_groups(rows));
        v_add_groups(a->out[2].data, plain, width, v_groups(rows));
        return;
    }
    const gradient g = {a->in[0].data, a->in[1].data,  a->in[2].data, a->in[3].data,
                        a->in[4].data, a->out[0].data, epsilon(a),    width};
    sd__part(v_groups(rows), group_parts(&a->in[0]), a->part, &begin, &end);
    for (int64_t group = begin; group < end; group += 4) {
        int64_t last = SD_MIN(group + 4, end);
        v_group_sums(weighed + group * width, width, rows, group, last, weighed_cotangent, &g);
        v_group_sums(plain + group * width, width, rows, group, last, cotangent, &g);
        for (int64_t row = group * SD_SUM_GROUP; row < SD_MIN(last * SD_SUM_GROUP, rows); row++)
            gradient_row(&g, row);
    }
}

const sd_kernel SD_LEVELED(sd__simd_layer_norm_grad) = {
    .name = SD_LEVELED_NAME("layer_norm_grad"), .prepare = prepare_grad, .run = layer_norm_grad, .in_place = 1 | 1 << 4};
