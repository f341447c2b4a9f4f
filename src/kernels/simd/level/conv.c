/*
 * conv.c -- convolution without a detour: an image's pixels times vectors of filters, in registers.
 *
 * A tile is some neighbouring positions of one row of the result by one or two vectors of filters. Its sums stay in registers
 * while rows of the filter, channels and columns of the filter go by. In the usual sizes, 3 and 5 columns in steps of 1, the
 * columns are in registers, too, so that a pixel is read once for all positions that see it; what the loads cost is else the
 * limit. Otherwise the columns are as good as further channels, for what a position sees of a row lies in one piece.
 *
 * The order of a sum depends on none of tile, part and thread. Rows of the filter beyond the image are left out; along the
 * width the image is padded with zeros, in a copy of the few rows that are about to be used.
 *
 * The filter is read where it lies, a vector of filters at a time, so that inference has nothing to pack. Only where that would
 * touch too many pages, or where the filter must be turned (the adjoint), a phase before packs panels of it.
 */
#include <stdlib.h>
#include <string.h>

#include "kernels/simd/direct.h"
#include "kernels/simd/level/conv_norm.h"
#include "kernels/simd/level/conv_pool.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/pack.h"

#if defined(SD_LEVEL_v4)
#define VECTORS 2
#else
#define VECTORS 1 /* there are half as many registers */
#endif
#define PANEL (VECTORS * V_LANES)
enum { MOST_POSITIONS = 16, MOST_COLUMNS = 5, FILTERS_IN_PLACE = 64 };

/*
 * One multiply-add, one packed element: about nanoseconds, by which parts are cut. The first is over twice what it takes, so that
 * the first layer of one image, 10 to 15 us of work, is done in two parts.
 */
#define COST 0.05
#define PACK_COST 0.5

/* ---- tiles ------------------------------------------------------------------------------------------------------------ */

typedef struct tile {
    int64_t rows, depth;             /* rows of the filter within the image; channels */
    const float *x, *w;              /* the first pixel; the filter's first row, channel and column */
    int64_t x_row, x_step;           /* from one row of the filter to the next; from one position to the next */
    int64_t w_row, w_step, w_column; /* from one row, channel, column of the filter to the next */
    float *y;
    int64_t y_step;
} tile;

V_INLINE void store(const tile *t, vf sum[MOST_POSITIONS][VECTORS], const int positions, const int vectors)
{
#pragma GCC unroll 16
    for (int i = 0; i < positions; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            v_store(t->y + i * t->y_step + j * V_LANES, sum[i][j]);
}

/* One channel of one row: pixel i is seen by position i - c through column c. */
V_INLINE void add_channel(const tile *t, const float *x, const float *w, vf sum[MOST_POSITIONS][VECTORS], const int positions,
                          const int vectors, const int columns)
{
    vf filter[MOST_COLUMNS][VECTORS];
#pragma GCC unroll 5
    for (int c = 0; c < columns; c++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            filter[c][j] = v_load(w + c * t->w_column + j * V_LANES);
#pragma GCC unroll 20
    for (int i = 0; i < positions + columns - 1; i++) {
        const vf pixel = v_set(x[i * t->x_step]);
#pragma GCC unroll 5
        for (int c = 0; c < columns; c++)
            if (i >= c && i - c < positions)
#pragma GCC unroll 2
                for (int j = 0; j < vectors; j++)
                    sum[i - c][j] = v_fma(pixel, filter[c][j], sum[i - c][j]);
    }
}

V_INLINE void micro(const tile *shared, const int positions, const int vectors, const int columns)
{
    const tile t = *shared; /* the compiler need not fear that a result changes it */
    vf sum[MOST_POSITIONS][VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < positions; i++)
#pragma GCC unroll 2
        for (int j = 0; j < vectors; j++)
            sum[i][j] = v_zero();
    for (int64_t r = 0; r < t.rows; r++) {
        const float *x = t.x + r * t.x_row, *w = t.w + r * t.w_row;
        for (int64_t k = t.depth; k > 0; k--, x++, w += t.w_step)
            add_channel(&t, x, w, sum, positions, vectors, columns);
    }
    store(&t, sum, positions, vectors);
}

typedef void tile_kernel(const tile *t);

#define TO_10(X, v, c) \
    X(1, v, c) X(2, v, c) X(3, v, c) X(4, v, c) X(5, v, c) X(6, v, c) X(7, v, c) X(8, v, c) X(9, v, c) X(10, v, c)
#define TO_12(X, v, c) TO_10(X, v, c) X(11, v, c) X(12, v, c)
#define TO_16(X, v, c) TO_12(X, v, c) X(13, v, c) X(14, v, c) X(15, v, c) X(16, v, c)
#define TILE(p, v, c) \
    static void tile_##p##_##v##_##c(const tile *t) { micro(t, p, v, c); }
#define NAME(p, v, c) tile_##p##_##v##_##c,

/* Kernels for 1, 2, ... positions. Sums, columns of the filter and a pixel fill the registers. */
#if defined(SD_LEVEL_v4)
#define KERNELS(X) \
    X(TO_16, 16, 1, 1) X(TO_16, 16, 1, 3) X(TO_16, 16, 1, 5) X(TO_12, 12, 2, 1) X(TO_12, 12, 2, 3) X(TO_10, 10, 2, 5)
#else
#define KERNELS(X) X(TO_12, 12, 1, 1) X(TO_12, 12, 1, 3) X(TO_10, 10, 1, 5)
#endif

#define MAKE(list, most, v, c) list(TILE, v, c)
KERNELS(MAKE)

/* By vectors - 1 and columns / 2. */
static const struct {
    int most;
    tile_kernel *kernel[MOST_POSITIONS];
} tiles[VECTORS][3] = {
#define ENTRY(list, most, v, c) [(v)-1][(c) / 2] = {most, {list(NAME, v, c)}},
    KERNELS(ENTRY)
#undef ENTRY
};

/* ---- what prepare() leaves for the runs --------------------------------------------------------------------------------- */

typedef struct conv {
    sd_direct d;
    int64_t columns, depth; /* as the tiles see them: columns in registers, the others in the depth */
    int64_t block;          /* rows of sums whose images are at hand at once */
    bool packed, pool;
    int packers, parts;
    size_t factors; /* where the norm's factors begin in scratch, in floats */
} conv;

static int64_t panels(const sd_direct *d) { return (d->filters + PANEL - 1) / PANEL; }
static int64_t panel_width(const sd_direct *d, int64_t panel) { return SD_MIN(d->filters - panel * PANEL, PANEL); }
static int64_t taps(const sd_direct *d) { return d->size[0] * d->size[1]; }

/* ---- packing ---------------------------------------------------------------------------------------------------------------- */

/* One tap of one panel: [channels,width] of the filter, turned for the adjoint. */
static void pack_tap(const sd_direct *d, const float *w, float *packed, int64_t panel, int64_t tap)
{
    const int64_t width = panel_width(d, panel), area = d->channels * d->filters;
    float *to = packed + panel * PANEL * taps(d) * d->channels + tap * d->channels * width;
    const float *forward = w + tap * area + panel * PANEL;
    const float *turned = w + (taps(d) - 1 - tap) * area + panel * PANEL * d->channels;
    SD_LEVELED(sd__pack)
    (to, width, d->adjoint ? turned : forward, d->adjoint ? 1 : d->filters, d->adjoint ? d->channels : 1, d->channels, width);
}

static void pack(const conv *c, const sd_args *a)
{
    int64_t begin, end;
    sd__part(panels(&c->d) * taps(&c->d), c->packers, a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++)
        pack_tap(&c->d, a->in[1].data, a->scratch, i / taps(&c->d), i % taps(&c->d));
}

/* ---- the main phase ------------------------------------------------------------------------------------------------------ */

/* A row of the image, zeros beyond its borders. */
static void pad_row(const sd_direct *d, const float *image_row, float *to)
{
    const int64_t before = SD_MIN(SD_MAX(d->lo[1], 0) * d->channels, d->row), skipped = SD_MAX(-d->lo[1], 0) * d->channels;
    const int64_t there = SD_MAX(SD_MIN(d->in[1] * d->channels - skipped, d->row - before), 0);
    memset(to, 0, (size_t)before * sizeof *to);
    memcpy(to + before, image_row + skipped, (size_t)there * sizeof *to);
    memset(to + before + there, 0, (size_t)(d->row - before - there) * sizeof *to);
}

/* Of row `row` of the result: the filter's rows [*first,*last) that lie within the image; returns where row 0 lies. */
static int64_t filter_rows(const sd_direct *d, int64_t row, int64_t *first, int64_t *last)
{
    const int64_t top = row * d->stride[0] - d->lo[0];
    *first = top < 0 ? SD_MIN((d->dilation - 1 - top) / d->dilation, d->size[0]) : 0;
    *last = top < d->in[0] ? SD_MIN((d->in[0] - 1 - top) / d->dilation + 1, d->size[0]) : 0;
    *last = SD_MAX(*first, *last);
    return top;
}

/* One row of one panel. */
static void multiply_row(const conv *c, tile t, int64_t vectors)
{
    const int64_t most = tiles[vectors - 1][c->columns / 2].most, n = c->d.out[1], count = (n + most - 1) / most;
    const float *x = t.x;
    float *y = t.y;
    for (int64_t i = 0; i < count; i++) {
        const int64_t begin = n * i / count, end = n * (i + 1) / count;
        t.x = x + begin * t.x_step;
        t.y = y + begin * t.y_step;
        tiles[vectors - 1][c->columns / 2].kernel[end - begin - 1](&t);
    }
}

/* What a norm makes of a row of `width` filters from number `filter` on, which begins at element `row` of the result. */
static void finish_row(const conv *c, const sd_args *a, int64_t filter, int64_t width, int64_t row)
{
    float *y = a->out[0].data;
    for (int64_t j = 0; j < width; j += V_LANES) {
        const conv_norm norm = conv_norm_of(a, (const float *)a->scratch + c->factors, filter + j);
        for (int64_t i = 0; i < c->d.out[1]; i++) {
            const int64_t at = row + i * c->d.filters + j;
            v_store(y + at, conv_norm_apply(&norm, at, v_load(y + at)));
        }
    }
}

/* Rows of an image that lie padded in memory, from row `top` on. */
typedef struct padded {
    const float *row;
    int64_t image, top;
} padded;

/* A row of sums of one panel: `step` floats from one position to the next. */
static void compute_row(const conv *c, const sd_args *a, padded p, int64_t panel, int64_t row, float *y, int64_t step)
{
    const sd_direct *d = &c->d;
    const int64_t width = panel_width(d, panel);
    int64_t first, last, at = filter_rows(d, row, &first, &last);
    tile t = {.rows = last - first, .depth = c->depth, .x_row = d->dilation * d->row, .x_step = d->stride[1] * d->channels};
    t.w_step = c->packed ? width : d->filters;
    t.w_column = d->channels * t.w_step;
    t.w_row = d->size[1] * t.w_column;
    t.x = p.row + (at + first * d->dilation - p.top) * d->row;
    t.w = (c->packed ? (const float *)a->scratch + panel * PANEL * taps(d) * d->channels
                     : (const float *)a->in[1].data + panel * PANEL) +
          first * t.w_row;
    t.y = y;
    t.y_step = step;
    multiply_row(c, t, width / V_LANES);
}

/* One panel of rows [begin,end) of the result. */
static void compute_panel(const conv *c, const sd_args *a, padded p, int64_t panel, int64_t begin, int64_t end)
{
    const sd_direct *d = &c->d;
    for (int64_t row = begin; row < end; row++) {
        const int64_t at = (p.image * d->out[0] + row) * d->out[1] * d->filters + panel * PANEL;
        compute_row(c, a, p, panel, row, (float *)a->out[0].data + at, d->filters);
        if (a->op == &sd__op_conv2d_norm)
            finish_row(c, a, panel * PANEL, panel_width(d, panel), at);
    }
}

/* Two rows of sums of one panel, from row `row` on, become one row of the result. */
static void pool_rows(const conv *c, const sd_args *a, int64_t image, int64_t panel, int64_t row, const float *sums)
{
    const sd_direct *d = &c->d;
    const int64_t width = panel_width(d, panel), pairs = d->out[1] / 2;
    const int64_t at = (image * (d->out[0] / 2) + row / 2) * pairs * d->filters + panel * PANEL;
    for (int64_t j = 0; j < width; j += V_LANES) {
        const vf bias = v_load((const float *)a->in[2].data + panel * PANEL + j);
        for (int64_t i = 0; i < pairs; i++) {
            const float *first = sums + 2 * i * width + j, *below = first + d->out[1] * width;
            const vf sum[4] = {v_load(first), v_load(first + width), v_load(below), v_load(below + width)};
            pool_sums(sum, bias, row * d->out[1] + 2 * i, d->out[1], (float *)a->out[0].data + at + i * d->filters + j,
                      (int32_t *)a->out[1].data + at + i * d->filters + j);
        }
    }
}

/* One panel of rows [begin,end) of sums, which are pooled two by two. */
static void pool_panel(const conv *c, const sd_args *a, padded p, int64_t panel, int64_t begin, int64_t end)
{
    const int64_t width = panel_width(&c->d, panel);
    _Alignas(64) float sums[2 * SD_DIRECT_POOLED * PANEL];
    for (int64_t row = begin; row < end; row += 2) {
        compute_row(c, a, p, panel, row, sums, width);
        compute_row(c, a, p, panel, row + 1, sums + c->d.out[1] * width, width);
        pool_rows(c, a, p.image, panel, row, sums);
    }
}

/* Rows [begin,end) of one image, before pooling. */
static void compute_block(const conv *c, const sd_args *a, int64_t image, int64_t begin, int64_t end)
{
    const sd_direct *d = &c->d;
    _Alignas(64) float rows[SD_DIRECT_ROOM];
    const int64_t top = SD_MAX(begin * d->stride[0] - d->lo[0], 0);
    const int64_t bottom = SD_MIN((end - 1) * d->stride[0] - d->lo[0] + (d->size[0] - 1) * d->dilation + 1, d->in[0]);
    for (int64_t i = top; i < bottom; i++)
        pad_row(d, (const float *)a->in[0].data + (image * d->in[0] + i) * d->in[1] * d->channels, rows + (i - top) * d->row);
    for (int64_t panel = 0; panel < panels(d); panel++)
        (c->pool ? pool_panel : compute_panel)(c, a, (padded){rows, image, top}, panel, begin, end);
}

/* Rows of sums to a row of the result. */
static int64_t row_step(const conv *c) { return c->pool ? 2 : 1; }

static void compute(const conv *c, const sd_args *a)
{
    const sd_direct *d = &c->d;
    const int64_t step = row_step(c), of_image = d->out[0] / step, block = c->block / step;
    int64_t begin, end;
    sd__part(d->images * of_image, c->parts, a->part, &begin, &end);
    while (begin < end) {
        const int64_t row = begin % of_image, rows = SD_MIN(SD_MIN(block, of_image - row), end - begin);
        compute_block(c, a, begin / of_image, step * row, step * (row + rows));
        begin += rows;
    }
}

/* ---- the kernels ---------------------------------------------------------------------------------------------------------- */

static void run(const sd_args *a)
{
    const conv *c = a->state;
    if (c->packed && a->phase == 0)
        pack(c, a);
    else
        compute(c, a);
}

static void run_norm(const sd_args *a)
{
    const conv *c = a->state;
    if (a->phase == 1)
        compute(c, a);
    else if (c->packed)
        pack(c, a);
    if (a->phase == 0 && a->part == 0)
        conv_norm_factors(a, c->d.filters, (float *)a->scratch + c->factors);
}

static void cut(conv *c)
{
    const sd_direct *d = &c->d;
    const bool known = d->stride[1] == 1 && (d->size[1] == 3 || d->size[1] == 5);
    c->columns = known ? d->size[1] : 1;
    c->depth = known ? d->channels : d->channels * d->size[1];
    c->block = (SD_DIRECT_ROOM / d->row - (d->size[0] - 1) * d->dilation - 1) / d->stride[0] + 1;
    c->packed = d->adjoint || d->filters > FILTERS_IN_PLACE;
    c->packers = c->packed ? sd__parts(panels(d) * taps(d), PACK_COST * (double)d->channels * PANEL) : 1;
    const int64_t step = row_step(c);
    const double row = COST * (double)(step * d->out[1] * d->filters * taps(d) * d->channels);
    c->parts = (int)sd__even(sd__parts(d->images * (d->out[0] / step), row));
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    conv *c = sd__alloc_zeroed(1, sizeof *c);
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory to prepare a convolution");
    work->state = c;
    if (!sd__direct_of(call, &c->d))
        return sd__fail(SD_EINTERNAL, "%s: prepared for a call that was not accepted", call->op->name);
    c->pool = call->op == &sd__op_conv2d_pool;
    cut(c);
    const bool norm = call->op == &sd__op_conv2d_norm;
    work->phases = 0;
    if (c->packed || norm)
        work->parts[work->phases++] = c->packers;
    work->parts[work->phases++] = c->parts;
    c->factors = c->packed ? (size_t)(taps(&c->d) * c->d.channels * c->d.filters) : 0;
    work->scratch = (c->factors + (norm ? (size_t)c->d.filters : 0)) * sizeof(float);
    return SD_OK;
}

const sd_kernel SD_LEVELED(sd__simd_conv2d) = {
    .name = SD_LEVELED_NAME("conv2d"), .prepare = prepare, .run = run, .release = free};
const sd_kernel SD_LEVELED(sd__simd_conv2d_dx) = {
    .name = SD_LEVELED_NAME("conv2d_dx"), .prepare = prepare, .run = run, .release = free};
const sd_kernel SD_LEVELED(sd__simd_conv2d_norm) = {
    .name = SD_LEVELED_NAME("conv2d_norm"), .prepare = prepare, .run = run_norm, .release = free};
const sd_kernel SD_LEVELED(sd__simd_conv2d_pool) = {
    .name = SD_LEVELED_NAME("conv2d_pool"), .prepare = prepare, .run = run, .release = free};
