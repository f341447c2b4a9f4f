/* softmax.c -- softmax, its logarithm, its cross-entropy and their derivatives, row by row (last axis). */
#include "kernels/simd/level/lanes.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/math.h"
#include "kernels/simd/level/rows.h"

/* About nanoseconds an element: with an exponential, and without. */
#define EXP_COST 1.0
#define PLAIN_COST 0.3

/* y = e^(x - most); returns the sum. y may be x; NULL: only the sum. Lanes behind the row get e^-inf = 0. */
V_INLINE float exp_row(const float *x, float most, float *y, int64_t n)
{
    float total = 0;
    for (int64_t block = 0; block < n; block += SD_SUM_BLOCK) {
        v_lanes sum = v_lanes_of(0);
        V_EACH(SD_MIN(n - block, SD_SUM_BLOCK), i, left, p, {
            vf e = v_exp(v_load_or(x + block + i, left, v_set(-INFINITY)) - v_set(most));
            if (y)
                v_store_n(y + block + i, e, left);
            sum.part[p] = sum.part[p] + e;
        })
        total += v_lanes_sum(sum);
    }
    return total;
}

static float log_of(float x) { return v_log(v_set(x))[0]; }

static void divide_row(float *y, float by, int64_t n)
{
    for (int64_t i = 0; i < n; i += V_LANES)
        v_store_n(y + i, v_load_n(y + i, n - i) / v_set(by), n - i);
}

/* y = e^(x - most) over its sum, which it returns. A short row stays in a register meanwhile. */
static float softmax_row(const float *x, float most, float *y, int64_t n)
{
    if (n > V_LANES) {
        const float sum = exp_row(x, most, y, n);
        divide_row(y, sum, n);
        return sum;
    }
    v_lanes lanes = v_lanes_of(0);
    const vf e = v_exp(v_load_or(x, n, v_set(-INFINITY)) - v_set(most));
    lanes.part[0] = lanes.part[0] + e;
    const float sum = v_lanes_sum(lanes);
    v_store_n(y, e / v_set(sum), n);
    return sum;
}

/* ---- softmax, log_softmax ---- */

static void softmax(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], EXP_COST, a->part);
    for (int64_t row = r.begin; row < r.end; row++) {
        const float *x = (const float *)a->in[0].data + row * r.columns;
        softmax_row(x, v_max_run(x, r.columns), (float *)a->out[0].data + row * r.columns, r.columns);
    }
}

static void log_softmax(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], EXP_COST, a->part);
    for (int64_t row = r.begin; row < r.end; row++) {
        const float *x = (const float *)a->in[0].data + row * r.columns;
        float *y = (float *)a->out[0].data + row * r.columns;
        float most = v_max_run(x, r.columns), log_sum = log_of(exp_row(x, most, NULL, r.columns));
        for (int64_t i = 0; i < r.columns; i += V_LANES)
            v_store_n(y + i, (v_load_n(x + i, r.columns - i) - v_set(most)) - v_set(log_sum), r.columns - i);
    }
}

SD_PREPARE_ROWS(prepare_exp, EXP_COST)

const sd_kernel SD_LEVELED(sd__simd_softmax) = {
    .name = SD_LEVELED_NAME("softmax"), .prepare = prepare_exp, .run = softmax, .in_place = 1};
const sd_kernel SD_LEVELED(sd__simd_log_softmax) = {
    .name = SD_LEVELED_NAME("log_softmax"), .prepare = prepare_exp, .run = log_softmax, .in_place = 1};

/* ---- softmax_grad: y (dy - sum y dy) ---- */

static float dot_row(const float *a, const float *b, int64_t n)
{
    float total = 0;
    for (int64_t block = 0; block < n; block += SD_SUM_BLOCK) {
        v_lanes sum = v_lanes_of(0);
        V_EACH(SD_MIN(n - block, SD_SUM_BLOCK), i, left, p,
               sum.part[p] = sum.part[p] + v_load_n(a + block + i, left) * v_load_n(b + block + i, left);)
        total += v_lanes_sum(sum);
    }
    return total;
}

static void softmax_grad(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], PLAIN_COST, a->part);
    for (int64_t row = r.begin; row < r.end; row++) {
        const float *y = (const float *)a->in[0].data + row * r.columns, *dy = (const float *)a->in[1].data + row * r.columns;
        float *dx = (float *)a->out[0].data + row * r.columns;
        vf sum = v_set(dot_row(y, dy, r.columns));
        for (int64_t i = 0; i < r.columns; i += V_LANES)
            v_store_n(dx + i, v_load_n(y + i, r.columns - i) * (v_load_n(dy + i, r.columns - i) - sum), r.columns - i);
    }
}

SD_PREPARE_ROWS(prepare_plain, PLAIN_COST)

const sd_kernel SD_LEVELED(sd__simd_softmax_grad) = {
    .name = SD_LEVELED_NAME("softmax_grad"), .prepare = prepare_plain, .run = softmax_grad, .in_place = 3};

/* ---- softmax_cross_entropy and its derivative; attr: double smoothing ---- */

static int32_t label_of(const sd_tensor *labels, int64_t row)
{
    return ((const int32_t *)labels->data)[row * labels->stride[0]];
}

/* Sum of x - most. */
static float sum_shifted(const float *x, float most, int64_t n)
{
    float total = 0;
    for (int64_t block = 0; block < n; block += SD_SUM_BLOCK) {
        v_lanes sum = v_lanes_of(0);
        V_EACH(SD_MIN(n - block, SD_SUM_BLOCK), i, left, p,
               sum.part[p] = sum.part[p] + (v_load_or(x + block + i, left, v_set(most)) - v_set(most));)
        total += v_lanes_sum(sum);
    }
    return total;
}

/* What is taken from the logarithm of the sum; NaN: there is no such label. */
static float expected_of_row(const float *x, float most, int64_t n, int32_t label, double smoothing)
{
    if (label < 0 || label >= n)
        return NAN;
    float expected = (x[label] - most) * (float)(1 - smoothing);
    if (smoothing > 0)
        expected += sum_shifted(x, most, n) * (float)(smoothing / (double)n);
    return expected;
}

/* The logarithms of some rows are taken together. */
static void cross_entropy(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], EXP_COST, a->part);
    float *loss = a->out[0].data, sum[V_LANES], expected[V_LANES];
    for (int64_t first = r.begin, rows; first < r.end; first += rows) {
        rows = SD_MIN(r.end - first, V_LANES);
        for (int64_t i = 0; i < rows; i++) {
            const float *x = (const float *)a->in[0].data + (first + i) * r.columns;
            const float most = v_max_run(x, r.columns);
            sum[i] = softmax_row(x, most, (float *)a->out[1].data + (first + i) * r.columns, r.columns);
            expected[i] = expected_of_row(x, most, r.columns, label_of(&a->in[1], first + i), *(const double *)a->attr);
        }
        v_store_n(loss + first, v_log(v_load_n(sum, rows)) - v_load_n(expected, rows), rows);
    }
}

/* (p - target) dy: as if every column were off target, then the label's own. */
static void grad_row(const float *p, float *dx, int64_t n, int32_t label, float dy, double smoothing)
{
    double base = smoothing / (double)n;
    bool valid = label >= 0 && label < n;
    float own = valid ? p[label] : 0;
    vf off = v_set((float)base), factor = v_set(valid ? dy : NAN);
    for (int64_t i = 0; i < n; i += V_LANES)
        v_store_n(dx + i, (v_load_n(p + i, n - i) - off) * factor, n - i);
    if (valid)
        dx[label] = (own - (float)(1 - smoothing + base)) * dy;
}

static void cross_entropy_grad(const sd_args *a)
{
    sd_rows r = sd__rows(&a->in[0], PLAIN_COST, a->part);
    const sd_tensor *dy = &a->in[2];
    for (int64_t row = r.begin; row < r.end; row++)
        grad_row((const float *)a->in[0].data + row * r.columns, (float *)a->out[0].data + row * r.columns, r.columns,
                 label_of(&a->in[1], row), ((const float *)dy->data)[row * dy->stride[0]], *(const double *)a->attr);
}

const sd_kernel SD_LEVELED(sd__simd_softmax_cross_entropy) = {
    .name = SD_LEVELED_NAME("softmax_cross_entropy"), .prepare = prepare_exp, .run = cross_entropy};
const sd_kernel SD_LEVELED(sd__simd_softmax_cross_entropy_grad) = {
    .name = SD_LEVELED_NAME("softmax_cross_entropy_grad"), .prepare = prepare_plain, .run = cross_entropy_grad, .in_place = 1};
