/* pool.c -- pooling of NHWC images, a vector of channels at a time; parts take rows of positions, or whole images. */
#include "ops/pool.h"

#include <string.h>

#include "kernels/simd/level/conv_pool.h"
#include "kernels/simd/level/level.h"

#define COST 0.3 /* of one tap of one element, about nanoseconds */

/* The part [*begin,*end) of the image that the window at a position covers along an axis; never empty. */
static void covered(const sd_pool_attr *attr, int axis, int64_t position, int64_t *begin, int64_t *end)
{
    int64_t first = position * attr->window.stride[axis] - attr->window.pad_lo[axis];
    *begin = SD_MAX(first, 0);
    *end = SD_MIN(first + attr->window.size[axis], attr->image[axis]);
}

typedef struct window {
    int64_t top, bottom, left, right;
} window;

static window window_at(const sd_pool_attr *attr, int64_t row, int64_t column)
{
    window w;
    covered(attr, 0, row, &w.top, &w.bottom);
    covered(attr, 1, column, &w.left, &w.right);
    return w;
}

static int64_t taps(const sd_pool_attr *attr) { return attr->window.size[0] * attr->window.size[1]; }

/* Parts over the rows of positions of all images. */
static int position_parts(const sd_tensor *pooled, double per_element)
{
    const int64_t *d = pooled->shape.dim;
    return sd__parts(d[0] * d[1], (double)(d[2] * d[3]) * per_element);
}

static sd_status prepare_positions(const sd_call *call, sd_work *work)
{
    work->parts[0] = position_parts(&call->out[0], COST * (double)taps(call->attr));
    return SD_OK;
}

/* Calls f for every position of the part: the image, the window, and where the position's channels begin. */
typedef void visit(const sd_args *a, const float *image, window w, int64_t at);

V_INLINE void each_position(const sd_args *a, visit *const f)
{
    const sd_pool_attr *attr = a->attr;
    const int64_t *d = a->out[0].shape.dim, size = attr->image[0] * attr->image[1] * d[3];
    int64_t begin, end;
    sd__part(d[0] * d[1], position_parts(&a->out[0], COST * (double)taps(attr)), a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        for (int64_t column = 0; column < d[2]; column++)
            f(a, (const float *)a->in[0].data + i / d[1] * size, window_at(attr, i % d[1], column), (i * d[2] + column) * d[3]);
}

/* ---- maxpool ---- */

V_INLINE void max_of_window(const sd_args *a, const float *image, window w, int64_t at)
{
    const int64_t width = ((const sd_pool_attr *)a->attr)->image[1], channels = a->out[0].shape.dim[3];
    float *y = (float *)a->out[0].data + at;
    int32_t *index = (int32_t *)a->out[1].data + at;
    for (int64_t j = 0; j < channels; j += V_LANES) {
        const int64_t n = channels - j, first = w.top * width + w.left;
        vf best = v_load_n(image + first * channels + j, n);
        vi winner = v_seti((int32_t)first);
        for (int64_t h = w.top; h < w.bottom; h++)
            for (int64_t k = h * width + w.left; k < h * width + w.right; k++)
                keep_larger(&best, &winner, v_load_n(image + k * channels + j, n), k);
        v_store_n(y + j, best, n);
        if (n >= V_LANES)
            v_storei(index + j, winner);
        else
            v_storei_part(index + j, winner, n);
    }
}

static void maxpool(const sd_args *a) { each_position(a, max_of_window); }

const sd_kernel SD_LEVELED(sd__simd_maxpool) = {
    .name = SD_LEVELED_NAME("maxpool"), .prepare = prepare_positions, .run = maxpool};

/* ---- avgpool ---- */

V_INLINE void mean_of_window(const sd_args *a, const float *image, window w, int64_t at)
{
    const int64_t width = ((const sd_pool_attr *)a->attr)->image[1], channels = a->out[0].shape.dim[3];
    const vf count = v_set((float)((w.bottom - w.top) * (w.right - w.left)));
    float *y = (float *)a->out[0].data + at;
    for (int64_t j = 0; j < channels; j += V_LANES) {
        vf sum = v_zero();
        for (int64_t h = w.top; h < w.bottom; h++)
            for (int64_t k = h * width + w.left; k < h * width + w.right; k++)
                sum = sum + v_load_n(image + k * channels + j, channels - j);
        v_store_n(y + j, sum / count, channels - j);
    }
}

static void avgpool(const sd_args *a) { each_position(a, mean_of_window); }

const sd_kernel SD_LEVELED(sd__simd_avgpool) = {
    .name = SD_LEVELED_NAME("avgpool"), .prepare = prepare_positions, .run = avgpool};

/* ---- avgpool_dx: an image at a time, because windows may overlap ---- */

static int image_parts(const sd_tensor *pooled, double per_element)
{
    return sd__parts(pooled->shape.dim[0], (double)(sd_shape_count(pooled->shape) / pooled->shape.dim[0]) * per_element);
}

static sd_status prepare_avgpool_dx(const sd_call *call, sd_work *work)
{
    work->parts[0] = image_parts(&call->in[0], COST * (double)taps(call->attr));
    return SD_OK;
}

/* Adds the shares of one position to the image. */
static void share(float *image, const float *dy, int64_t channels, window w, int64_t width)
{
    const vf count = v_set((float)((w.bottom - w.top) * (w.right - w.left)));
    for (int64_t j = 0; j < channels; j += V_LANES) {
        const int64_t n = channels - j;
        const vf part = v_load_n(dy + j, n) / count;
        for (int64_t h = w.top; h < w.bottom; h++)
            for (int64_t k = h * width + w.left; k < h * width + w.right; k++) {
                float *x = image + k * channels + j;
                v_store_n(x, v_load_n(x, n) + part, n);
            }
    }
}

static void avgpool_dx(const sd_args *a)
{
    const sd_pool_attr *attr = a->attr;
    const int64_t *d = a->in[0].shape.dim, size = attr->image[0] * attr->image[1] * d[3];
    int64_t begin, end;
    sd__part(d[0], image_parts(&a->in[0], COST * (double)taps(attr)), a->part, &begin, &end);
    memset((float *)a->out[0].data + begin * size, 0, (size_t)((end - begin) * size) * sizeof(float));
    for (int64_t b = begin; b < end; b++)
        for (int64_t row = 0; row < d[1]; row++)
            for (int64_t column = 0; column < d[2]; column++)
                share((float *)a->out[0].data + b * size,
                      (const float *)a->in[0].data + ((b * d[1] + row) * d[2] + column) * d[3], d[3],
                      window_at(attr, row, column), attr->image[1]);
}

const sd_kernel SD_LEVELED(sd__simd_avgpool_dx) = {
    .name = SD_LEVELED_NAME("avgpool_dx"), .prepare = prepare_avgpool_dx, .run = avgpool_dx};

/* ---- pool_gather, pool_scatter: an index outside the image stands for no element ---- */

#define INDEX_COST 2.0

static sd_status prepare_index(const sd_call *call, sd_work *work)
{
    work->parts[0] = image_parts(&call->in[1], INDEX_COST);
    return SD_OK;
}

static void pool_gather(const sd_args *a)
{
    const int64_t *d = a->in[1].shape.dim, *image = ((const sd_pool_index_attr *)a->attr)->image;
    const int64_t positions = d[1] * d[2], channels = d[3], size = image[0] * image[1];
    int64_t begin, end;
    sd__part(d[0], image_parts(&a->in[1], INDEX_COST), a->part, &begin, &end);
    for (int64_t p = begin * positions; p < end * positions; p++) {
        const int32_t *index = (const int32_t *)a->in[1].data + p * channels;
        const float *x = (const float *)a->in[0].data + p / positions * size * channels;
        float *y = (float *)a->out[0].data + p * channels;
        for (int64_t c = 0; c < channels; c++)
            y[c] = index[c] >= 0 && index[c] < size ? x[index[c] * channels + c] : 0;
    }
}

const sd_kernel SD_LEVELED(sd__simd_pool_gather) = {
    .name = SD_LEVELED_NAME("pool_gather"), .prepare = prepare_index, .run = pool_gather};

/* One image [image] of pooled ones [pooled]: sizes as in the attributes and the operands. */
typedef struct scattering {
    const float *y;
    const int32_t *index;
    float *x;
    int64_t image[2], pooled[2], channels;
} scattering;

/* Whatever the windows were. */
static void scatter_any(const scattering *s)
{
    const int64_t size = s->image[0] * s->image[1], channels = s->channels;
    memset(s->x, 0, (size_t)(size * channels) * sizeof(float));
    for (int64_t p = 0; p < s->pooled[0] * s->pooled[1]; p++)
        for (int64_t c = 0; c < channels; c++) {
            const int32_t at = s->index[p * channels + c];
            if (at >= 0 && at < size)
                s->x[at * channels + c] += s->y[p * channels + c];
        }
}

/* Two pixels of two rows, the first of which is number `first`. False if a winner is none of them. */
V_INLINE bool scatter_window(const scattering *s, int64_t position, int64_t first)
{
    vm elsewhere = v_lt(v_zero(), v_zero());
    for (int64_t c = position * s->channels, j = 0; j < s->channels; j += V_LANES) {
        const vi winner = v_loadi(s->index + c + j);
        const vf value = v_load(s->y + c + j) + v_zero(); /* as if added to zero: -0 becomes 0 */
        vm found = v_lt(v_zero(), v_zero());
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const int64_t at = first + i / 2 * s->image[1] + i % 2;
            const vm here = v_eqi(winner, v_seti((int32_t)at));
            v_store(s->x + at * s->channels + j, v_select(here, value, v_zero()));
            found |= here;
        }
        elsewhere |= v_not(found);
    }
    return !v_any(elsewhere);
}

/*
 * Windows of 2 x 2 side by side cover the image: each element is written once, and nothing is read back. False if the windows were
 * others, or a winner lies elsewhere.
 */
static bool scatter_pairs(const scattering *s)
{
    if (s->image[0] != 2 * s->pooled[0] || s->image[1] != 2 * s->pooled[1] || s->channels % V_LANES)
        return false;
    bool inside = true;
    for (int64_t row = 0; inside && row < s->pooled[0]; row++)
        for (int64_t column = 0; column < s->pooled[1]; column++)
            inside &= scatter_window(s, row * s->pooled[1] + column, 2 * (row * s->image[1] + column));
    return inside;
}

static void pool_scatter(const sd_args *a)
{
    const int64_t *d = a->in[1].shape.dim, *image = ((const sd_pool_index_attr *)a->attr)->image;
    const int64_t pooled = d[1] * d[2] * d[3], size = image[0] * image[1] * d[3];
    int64_t begin, end;
    sd__part(d[0], image_parts(&a->in[1], INDEX_COST), a->part, &begin, &end);
    for (int64_t b = begin; b < end; b++) {
        scattering s = {.image = {image[0], image[1]}, .pooled = {d[1], d[2]}, .channels = d[3]};
        s.y = (const float *)a->in[0].data + b * pooled;
        s.index = (const int32_t *)a->in[1].data + b * pooled;
        s.x = (float *)a->out[0].data + b * size;
        if (!scatter_pairs(&s))
            scatter_any(&s);
    }
}

const sd_kernel SD_LEVELED(sd__simd_pool_scatter) = {
    .name = SD_LEVELED_NAME("pool_scatter"), .prepare = prepare_index, .run = pool_scatter};
