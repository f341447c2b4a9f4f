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

/* One image x [image] and what is pooled of it, y [pooled]: who has won each window, and what moves between the two. */
typedef struct winners {
    float *x, *y;
    const int32_t *index;
    int64_t image[2], pooled[2], channels;
} winners;

/* Moves the channels of one position, whose window begins with pixel `first`; false if its winner is none of two pixels of two rows. */
typedef bool move_window(const winners *w, int64_t position, int64_t first);

/* Windows of 2 x 2 side by side, which cover the image. False if they were others, or a winner lies elsewhere. */
V_INLINE bool move_pairs(const winners *w, move_window *const move)
{
    if (w->image[0] != 2 * w->pooled[0] || w->image[1] != 2 * w->pooled[1] || w->channels % V_LANES)
        return false;
    bool inside = true;
    for (int64_t row = 0; inside && row < w->pooled[0]; row++)
        for (int64_t column = 0; column < w->pooled[1]; column++)
            inside &= move(w, row * w->pooled[1] + column, 2 * (row * w->image[1] + column));
    return inside;
}

/* Moves one image's. */
typedef void move_image(const winners *w);

V_INLINE void each_image(const sd_args *a, const sd_tensor *x, const sd_tensor *y, move_image *const move)
{
    const int64_t *d = a->in[1].shape.dim, *image = ((const sd_pool_index_attr *)a->attr)->image;
    const int64_t pooled = d[1] * d[2] * d[3], size = image[0] * image[1] * d[3];
    int64_t begin, end;
    sd__part(d[0], image_parts(&a->in[1], INDEX_COST), a->part, &begin, &end);
    for (int64_t b = begin; b < end; b++) {
        winners w = {.image = {image[0], image[1]}, .pooled = {d[1], d[2]}, .channels = d[3]};
        w.x = (float *)x->data + b * size;
        w.y = (float *)y->data + b * pooled;
        w.index = (const int32_t *)a->in[1].data + b * pooled;
        move(&w);
    }
}

/* Whatever the windows were. */
static void gather_any(const winners *w)
{
    const int64_t size = w->image[0] * w->image[1], channels = w->channels;
    for (int64_t p = 0; p < w->pooled[0] * w->pooled[1]; p++)
        for (int64_t c = 0; c < channels; c++) {
            const int32_t at = w->index[p * channels + c];
            w->y[p * channels + c] = at >= 0 && at < size ? w->x[at * channels + c] : 0;
        }
}

V_INLINE bool gather_window(const winners *w, int64_t position, int64_t first)
{
    vm elsewhere = v_lt(v_zero(), v_zero());
    for (int64_t c = position * w->channels, j = 0; j < w->channels; j += V_LANES) {
        const vi winner = v_loadi(w->index + c + j);
        vf value = v_zero();
        vm found = v_lt(v_zero(), v_zero());
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const int64_t at = first + i / 2 * w->image[1] + i % 2;
            const vm here = v_eqi(winner, v_seti((int32_t)at));
            value = v_select(here, v_load(w->x + at * w->channels + j), value);
            found |= here;
        }
        v_store(w->y + c + j, value);
        elsewhere |= v_not(found);
    }
    return !v_any(elsewhere);
}

static void gather_image(const winners *w)
{
    if (!move_pairs(w, gather_window))
        gather_any(w);
}

static void pool_gather(const sd_args *a) { each_image(a, &a->in[0], &a->out[0], gather_image); }

const sd_kernel SD_LEVELED(sd__simd_pool_gather) = {
    .name = SD_LEVELED_NAME("pool_gather"), .prepare = prepare_index, .run = pool_gather};

/* Whatever the windows were. */
static void scatter_any(const winners *w)
{
    const int64_t size = w->image[0] * w->image[1], channels = w->channels;
    memset(w->x, 0, (size_t)(size * channels) * sizeof(float));
    for (int64_t p = 0; p < w->pooled[0] * w->pooled[1]; p++)
        for (int64_t c = 0; c < channels; c++) {
            const int32_t at = w->index[p * channels + c];
            if (at >= 0 && at < size)
                w->x[at * channels + c] += w->y[p * channels + c];
        }
}

/* Every element of the image is written once, and nothing is read back. */
V_INLINE bool scatter_window(const winners *w, int64_t position, int64_t first)
{
    vm elsewhere = v_lt(v_zero(), v_zero());
    for (int64_t c = position * w->channels, j = 0; j < w->channels; j += V_LANES) {
        const vi winner = v_loadi(w->index + c + j);
        const vf value = v_load(w->y + c + j) + v_zero(); /* as if added to zero: -0 becomes 0 */
        vm found = v_lt(v_zero(), v_zero());
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            const int64_t at = first + i / 2 * w->image[1] + i % 2;
            const vm here = v_eqi(winner, v_seti((int32_t)at));
            v_store(w->x + at * w->channels + j, v_select(here, value, v_zero()));
            found |= here;
        }
        elsewhere |= v_not(found);
    }
    return !v_any(elsewhere);
}

static void scatter_image(const winners *w)
{
    if (!move_pairs(w, scatter_window))
        scatter_any(w);
}

static void pool_scatter(const sd_args *a) { each_image(a, &a->out[0], &a->in[0], scatter_image); }

const sd_kernel SD_LEVELED(sd__simd_pool_scatter) = {
    .name = SD_LEVELED_NAME("pool_scatter"), .prepare = prepare_index, .run = pool_scatter};
