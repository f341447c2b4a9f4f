/*
 * batch_norm.c -- batch norm over all axes but the last, its derivative, and its evaluation with given statistics.
 *
 * Three phases: statistics of every group of rows (so that x is read from memory once: the mean of a group, then squares about
 * it while the group is in the cache), their combination, and the elementwise rest. With group means m_g of n_g rows, the sum
 * of squares about the common mean is the sum of those about each m_g, and of n_g (m_g - mean)^2.
 */
#include "kernels/simd/level/columns.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/rows.h"

#define COST 0.3 /* of one element in a phase, about nanoseconds */
#define BLOCK 64 /* rows for which a column's factors stay in registers */

static int group_parts(const sd_tensor *x)
{
    int64_t groups = v_groups(sd__row_count(x));
    return sd__parts(groups, COST * (double)sd_shape_count(x->shape) / (double)groups);
}

/* scratch: one row of factors a result needs, `factors` of them, then two rows a group */
static sd_status prepare(const sd_call *call, sd_work *work, int64_t factors)
{
    const sd_tensor *x = &call->in[0];
    work->phases = 3;
    work->parts[0] = group_parts(x);
    work->parts[1] = 1;
    work->parts[2] = sd__row_parts(x, COST);
    work->scratch = (size_t)((2 * v_groups(sd__row_count(x)) + factors) * sd__columns(x)) * sizeof(float);
    return SD_OK;
}

/* 1 / sqrt(variance + epsilon) */
V_INLINE vf scale_of(vf variance, const void *attr) { return 1.0f / v_sqrt(variance + (float)*(const double *)attr); }

/* ---- y = (x - mean) factor + offset, clipped at zero or not ---- */

V_INLINE void normalise(const sd_args *a, const float *mean, const float *factor, const float *offset, const bool clip)
{
    sd_rows r = sd__rows(&a->in[0], COST, a->part);
    for (int64_t block = r.begin; block < r.end; block += BLOCK)
        for (int64_t j = 0; j < r.columns; j += V_LANES) {
            const int64_t n = r.columns - j;
            const vf m = v_load_n(mean + j, n), f = v_load_n(factor + j, n), o = v_load_n(offset + j, n);
            const float *x = (const float *)a->in[0].data + j;
            float *y = (float *)a->out[0].data + j;
            for (int64_t i = block; i < SD_MIN(block + BLOCK, r.end); i++) {
                vf value = (v_load_n(x + i * r.columns, n) - m) * f + o;
                v_store_n(y + i * r.columns, clip ? v_relu(value) : value, n);
            }
        }
}

/* ---- training ---- */

typedef struct sample {
    const float *x, *mean; /* mean: a row for each group from `first` on */
    int64_t width, first;
} sample;

V_INLINE vf value(const void *context, int64_t row, int64_t column, int64_t n)
{
    const sample *s = context;
    return v_load_n(s->x + row * s->width + column, n);
}

V_INLINE vf square(const void *context, int64_t row, int64_t column, int64_t n)
{
    const sample *s = context;
    vf d = v_load_n(s->x + row * s->width + column, n) -
           v_load_n(s->mean + (row / SD_SUM_GROUP - s->first) * s->width + column, n);
    return d * d;
}

static float group_size(int64_t group, int64_t rows) { return (float)SD_MIN(rows - group * SD_SUM_GROUP, SD_SUM_GROUP); }

/* The mean of each group, and the sum of squares about it. */
static void group_statistics(const sd_args *a, float *mean, float *squares)
{
    const int64_t width = sd__columns(&a->in[0]), rows = sd__row_count(&a->in[0]);
    int64_t begin, end;
    sd__part(v_groups(rows), group_parts(&a->in[0]), a->part, &begin, &end);
    for (int64_t group = begin; group < end; group += 4) {
        int64_t last = SD_MIN(group + 4, end);
        float *m = mean + group * width;
        sample s = {a->in[0].data, m, width, group};
        v_group_sums(m, width, rows, group, last, value, &s);
        for (int64_t g = group; g < last; g++)
            for (int64_t j = 0; j < width; j++)
                m[(g - group) * width + j] /= group_size(g, rows);
        v_group_sums(squares + group * width, width, rows, group, last, square, &s);
    }
}

static void combine(const sd_args *a, const float *mean, const float *squares, float *factor)
{
    const int64_t width = sd__columns(&a->in[0]), rows = sd__row_count(&a->in[0]);
    const float *scale = a->in[1].data;
    for (int64_t j = 0; j < width; j += V_LANES) {
        const int64_t n = width - j;
        vf sum = v_zero(), about = v_zero();
        for (int64_t g = 0; g < v_groups(rows); g++)
            sum = sum + v_load_n(mean + g * width + j, n) * group_size(g, rows);
        const vf m = sum / (float)rows;
        for (int64_t g = 0; g < v_groups(rows); g++) {
            vf d = v_load_n(mean + g * width + j, n) - m;
            about = about + (v_load_n(squares + g * width + j, n) + d * d * group_size(g, rows));
        }
        const vf variance = about / (float)rows;
        v_store_n((float *)a->out[1].data + j, m, n);
        v_store_n((float *)a->out[2].data + j, variance, n);
        v_store_n(factor + j, v_load_n(scale + j, n) * scale_of(variance, a->attr), n);
    }
}

static sd_status prepare_train(const sd_call *call, sd_work *work) { return prepare(call, work, 1); }

V_INLINE void train(const sd_args *a, const bool clip)
{
    const int64_t width = sd__columns(&a->in[0]);
    float *factor = a->scratch, *mean = factor + width, *squares = mean + v_groups(sd__row_count(&a->in[0])) * width;
    if (a->phase == 0)
        group_statistics(a, mean, squares);
    else if (a->phase == 1)
        combine(a, mean, squares, factor);
    else
        normalise(a, a->out[1].data, factor, a->in[2].data, clip);
}

static void batch_norm(const sd_args *a) { train(a, false); }
static void batch_norm_relu(const sd_args *a) { train(a, true); }

const sd_kernel SD_LEVELED(sd__simd_batch_norm) = {
    .name = SD_LEVELED_NAME("batch_norm"), .prepare = prepare_train, .run = batch_norm, .in_place = 1};
const sd_kernel SD_LEVELED(sd__simd_batch_norm_relu) = {
    .name = SD_LEVELED_NAME("batch_norm_relu"), .prepare = prepare_train, .run = batch_norm_relu, .in_place = 1};

/* ---- evaluation: x, scale, offset, mean, variance ---- */

static sd_status prepare_eval(const sd_call *call, sd_work *work)
{
    work->phases = 2;
    work->parts[1] = sd__row_parts(&call->in[0], COST);
    work->scratch = (size_t)sd__columns(&call->in[0]) * sizeof(float);
    return SD_OK;
}

static void batch_norm_eval(const sd_args *a)
{
    const float *scale = a->in[1].data, *variance = a->in[4].data;
    float *factor = a->scratch;
    const int64_t width = sd__columns(&a->in[0]);
    if (a->phase == 1) {
        normalise(a, a->in[3].data, factor, a->in[2].data, false);
        return;
    }
    for (int64_t j = 0; j < width; j += V_LANES)
        v_store_n(factor + j, v_load_n(scale + j, width - j) * scale_of(v_load_n(variance + j, width - j), a->attr), width - j);
}

const sd_kernel SD_LEVELED(sd__simd_batch_norm_eval) = {
    .name = SD_LEVELED_NAME("batch_norm_eval"), .prepare = prepare_eval, .run = batch_norm_eval, .in_place = 1};

/*
 * ---- derivative: x, scale, mean, variance, dy -> dx, dscale, doffset; behind a clip: x, scale, offset, mean, variance, dy ----
 *
 * A clipped result had slope zero. Whether it was is computed again from x, with the very operations of the forward pass, which
 * costs less than reading the result.
 */

typedef struct gradient {
    const float *x, *scale, *offset, *mean, *variance, *dy; /* offset: NULL unless clipped */
    const float *factor;                                    /* scale / sqrt(variance + epsilon) */
    int64_t width;
} gradient;

V_INLINE gradient operands(const sd_args *a, const bool clip)
{
    const int shift = clip ? 1 : 0;
    return (gradient){.x = a->in[0].data,
                      .scale = a->in[1].data,
                      .offset = clip ? a->in[2].data : NULL,
                      .mean = a->in[2 + shift].data,
                      .variance = a->in[3 + shift].data,
                      .dy = a->in[4 + shift].data,
                      .width = sd__columns(&a->in[0])};
}

/* dy, or 0 where the forward pass clipped. */
V_INLINE vf slope(const gradient *g, int64_t at, int64_t column, int64_t n, const bool clip)
{
    const vf dy = v_load_n(g->dy + at, n);
    if (!clip)
        return dy;
    const vf centred = v_load_n(g->x + at, n) - v_load_n(g->mean + column, n);
    const vf y = centred * v_load_n(g->factor + column, n) + v_load_n(g->offset + column, n);
    return v_select(v_le(y, v_zero()), v_zero(), dy);
}

#define TERMS(name, clip)                                                                                \
    V_INLINE vf name(const void *context, int64_t row, int64_t column, int64_t n)                        \
    {                                                                                                    \
        const gradient *g = context;                                                                     \
        return slope(g, row * g->width + column, column, n, clip);                                       \
    }                                                                                                    \
    V_INLINE vf centred_##name(const void *context, int64_t row, int64_t column, int64_t n)              \
    {                                                                                                    \
        const gradient *g = context;                                                                     \
        const int64_t at = row * g->width + column;                                                      \
        return (v_load_n(g->x + at, n) - v_load_n(g->mean + column, n)) * slope(g, at, column, n, clip); \
    }
TERMS(cotangent, false)
TERMS(clipped_cotangent, true)

/* Each part makes the row of factors for itself: cheaper than a phase of its own. */
static void make_factor(const gradient *g, const void *attr, float *factor)
{
    for (int64_t j = 0; j < g->width; j += V_LANES) {
        const int64_t n = g->width - j;
        v_store_n(factor + j, v_load_n(g->scale + j, n) * scale_of(v_load_n(g->variance + j, n), attr), n);
    }
}

V_INLINE void gradient_sums(const sd_args *a, float *plain, float *centred, float *factors, const bool clip)
{
    gradient g = operands(a, clip);
    const int64_t width = g.width, rows = sd__row_count(&a->in[0]);
    int64_t begin, end;
    if (clip) {
        g.factor = factors + a->part * width;
        make_factor(&g, a->attr, factors + a->part * width);
    }
    sd__part(v_groups(rows), group_parts(&a->in[0]), a->part, &begin, &end);
    for (int64_t group = begin; group < end; group += 4) {
        const int64_t last = SD_MIN(group + 4, end);
        v_group_sums(plain + group * width, width, rows, group, last, clip ? clipped_cotangent : cotangent, &g);
        v_group_sums(centred + group * width, width, rows, group, last, clip ? centred_clipped_cotangent : centred_cotangent,
                     &g);
    }
}

/* factor, mean of dy, and what x - mean is multiplied with: dx = (dy - shift - (x - mean) tilt) factor */
static void combine_gradient(const sd_args *a, const gradient *g, const float *plain, const float *centred, float *factor,
                             float *shift, float *tilt)
{
    const int64_t width = g->width, rows = sd__row_count(&a->in[0]);
    float *dscale = a->out[1].data, *doffset = a->out[2].data;
    v_add_groups(doffset, plain, width, v_groups(rows));
    v_add_groups(dscale, centred, width, v_groups(rows));
    for (int64_t j = 0; j < width; j += V_LANES) {
        const int64_t n = width - j;
        const vf per_root = scale_of(v_load_n(g->variance + j, n), a->attr);
        const vf sum = v_load_n(dscale + j, n) * per_root;
        v_store_n(dscale + j, sum, n);
        v_store_n(factor + j, v_load_n(g->scale + j, n) * per_root, n);
        v_store_n(shift + j, v_load_n(doffset + j, n) / (float)rows, n);
        v_store_n(tilt + j, sum / (float)rows * per_root, n);
    }
}

V_INLINE void gradient_of_x(const sd_args *a, const float *factor, const float *shift, const float *tilt, const bool clip)
{
    gradient g = operands(a, clip);
    g.factor = factor;
    sd_rows r = sd__rows(&a->in[0], COST, a->part);
    for (int64_t block = r.begin; block < r.end; block += BLOCK)
        for (int64_t j = 0; j < r.columns; j += V_LANES) {
            const int64_t n = r.columns - j;
            const vf f = v_load_n(factor + j, n), s = v_load_n(shift + j, n), k = v_load_n(tilt + j, n);
            const vf mean = v_load_n(g.mean + j, n);
            float *dx = (float *)a->out[0].data + j;
            for (int64_t i = block; i < SD_MIN(block + BLOCK, r.end); i++) {
                const int64_t at = i * r.columns;
                const vf dy = slope(&g, at + j, j, n, clip);
                v_store_n(dx + at, ((dy - s) - (v_load_n(g.x + at + j, n) - mean) * k) * f, n);
            }
        }
}

/* scratch: factor, shift, tilt; two rows a group; a row of factors a part of phase 0 */
static sd_status prepare_grad(const sd_call *call, sd_work *work) { return prepare(call, work, 3 + group_parts(&call->in[0])); }

V_INLINE void run_grad(const sd_args *a, const bool clip)
{
    const gradient g = operands(a, clip);
    const int64_t groups = v_groups(sd__row_count(&a->in[0])) * g.width;
    float *factor = a->scratch, *shift = factor + g.width, *tilt = shift + g.width, *plain = tilt + g.width;
    float *centred = plain + groups, *factors = centred + groups;
    if (a->phase == 0)
        gradient_sums(a, plain, centred, factors, clip);
    else if (a->phase == 1)
        combine_gradient(a, &g, plain, centred, factor, shift, tilt);
    else
        gradient_of_x(a, factor, shift, tilt, clip);
}

static void batch_norm_grad(const sd_args *a) { run_grad(a, false); }
static void batch_norm_relu_grad(const sd_args *a) { run_grad(a, true); }

const sd_kernel SD_LEVELED(sd__simd_batch_norm_grad) = {
    .name = SD_LEVELED_NAME("batch_norm_grad"), .prepare = prepare_grad, .run = batch_norm_grad, .in_place = 1 | 1 << 4};
const sd_kernel SD_LEVELED(sd__simd_batch_norm_relu_grad) = {.name = SD_LEVELED_NAME("batch_norm_relu_grad"),
                                                             .prepare = prepare_grad,
                                                             .run = batch_norm_relu_grad,
                                                             .in_place = 1 | 1 << 5};
