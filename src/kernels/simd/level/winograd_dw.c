/*
 * winograd_dw.c -- the gradient of a convolution in its filter, by Winograd's algorithm.
 *
 * At each point it is one matrix product: pixels turned, [depth,tiles], times dy, [tiles,filters], both taken to the points. A part
 * has a run of tiles and a column of filters; it takes some tiles to the points at a time, and adds their products to sums of its
 * own. The last phase adds these in order and takes them back to taps.
 */
#include <stdlib.h>
#include <string.h>

#include "kernels/simd/level/winograd.h"

enum {
    MOST_PARTS = 16,     /* each has memory of its own */
    WIDTH = 64,          /* filters of a part: the pixels are taken to the points anew for each column of them */
    MOST_SUMS = 1 << 20, /* floats of all sums, unless two parts need more */
    ROOM = 1 << 15,      /* floats at the points that a part has at hand, ... */
    /*
     * ... unless so many tiles need more: with fewer, reading and writing the sums costs too much. It costs most at v3: on a Zen 3, 64
     * take 3 to 8 % less than 32; 128 take more memory, and more time where images are small.
     */
    FEWEST_TILES = V_LANES == 16 ? 32 : 64
};

typedef struct gradient {
    sd_winograd w;
    int64_t depth, block;                       /* rows of the products, at most; tiles at hand at once */
    int columns, runs, adders;                  /* of filters; of tiles; parts of the last phase */
    int64_t v_row, v_point, z_point, sum_point; /* floats from tile to tile, and from point to point */
    size_t sums, slots, slot; /* floats: of the sums of one run; where the parts' memory begins, how much each has */
} gradient;

static int64_t width_of(const gradient *g, int64_t column) { return SD_MIN(g->w.d.filters - column * WIDTH, WIDTH); }

/* ---- dy at the points -------------------------------------------------------------------------------------------------------- */

V_INLINE void results_of_vector(const float *const dy[4], int64_t filter, float *z, int64_t z_point)
{
    vf y[4], points[POINTS];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        y[i] = v_load(dy[i] + filter);
    transform(results_to_points, results_to_points, y, 2, points, 4);
#pragma GCC unroll 16
    for (int p = 0; p < POINTS; p++)
        v_store(z + p * z_point + filter, points[p]);
}

/* z: [points][tiles][width]; beyond the results dy is zero. */
static void take_results(const gradient *g, const float *dy, const float *zeros, int64_t begin, int64_t end, int64_t column,
                         float *z)
{
    const sd_direct *d = &g->w.d;
    const int64_t width = width_of(g, column);
    const int64_t row = d->out[1] * d->filters;
    sd_winograd_tile t = sd__winograd_tile(&g->w, begin);
    for (int64_t i = begin; i < end; i++, z += width, sd__winograd_next(&g->w, &t)) {
        const int64_t at = (t.image * d->out[0] + t.y) * row + t.x * d->filters + column * WIDTH;
        const float *result[4];
        for (int r = 0; r < 4; r++) {
            const bool there = t.y + r / 2 < d->out[0] && t.x + r % 2 < d->out[1];
            result[r] = there ? dy + at + r / 2 * row + r % 2 * d->filters : zeros;
        }
        fetch_below(dy, at + 2 * row, row, width);
        fetch_below(dy, at + 2 * row + d->filters, row, width);
        for (int64_t j = 0; j < width; j += V_LANES)
            results_of_vector(result, j, z, g->z_point);
    }
}

/* ---- the sums ---------------------------------------------------------------------------------------------------------------- */

/* Adds tiles [begin,end) to the sums of one part, or begins them. */
static void add_tiles(const gradient *g, const sd_args *a, float *slot, int64_t begin, int64_t end, int64_t column, float *sums,
                      bool add)
{
    const int64_t width = width_of(g, column);
    float *v = slot + SD_MAX(g->w.d.channels, WIDTH), *z = v + POINTS * g->v_point;
    SD_LEVELED(sd__winograd_pixels)(&g->w, a->in[0].data, slot, begin, end, v, g->v_point, g->v_row);
    take_results(g, a->in[1].data, slot, begin, end, column, z);
    sd_winograd_product p = {.columns = width, .k = end - begin, .a = v, .a_row = 1, .a_step = g->v_row};
    p.b = z;
    p.b_step = width;
    p.c = sums;
    p.c_row = width;
    p.add = add;
    for (int i = 0; i < POINTS; i++, p.a += g->v_point, p.b += g->z_point, p.c += g->sum_point) {
        p.rows = sd__winograd_depth(&g->w, i);
        SD_LEVELED(sd__winograd_multiply)(&p);
    }
}

static void add_up(const gradient *g, const sd_args *a)
{
    const int64_t column = a->part % g->columns, run = a->part / g->columns;
    float *slot = (float *)a->scratch + g->slots + (size_t)a->part * g->slot;
    float *sums = (float *)a->scratch + (size_t)run * g->sums + column * POINTS * g->sum_point;
    int64_t begin, end;
    sd__part(sd__winograd_tiles(&g->w), g->runs, (int)run, &begin, &end);
    const int64_t n = end - begin, count = (n + g->block - 1) / g->block;
    memset(slot, 0, (size_t)SD_MAX(g->w.d.channels, WIDTH) * sizeof *slot);
    for (int64_t i = 0; i < count; i++)
        add_tiles(g, a, slot, begin + n * i / count, begin + n * (i + 1) / count, column, sums, i > 0);
}

/* ---- back to taps -------------------------------------------------------------------------------------------------------------- */

/* The sums of all runs of one vector of filters, at one point. */
static vf sum_of_runs(const gradient *g, const float *sums)
{
    vf sum = v_load(sums);
    for (int r = 1; r < g->runs; r++)
        sum = sum + v_load(sums + (size_t)r * g->sums);
    return sum;
}

/* One vector of filters of one channel of a block; `sums` by the point's column. */
V_INLINE void taps_of_vector(const gradient *g, const float *const sums[4], int64_t filter, vf tap[TAPS], const bool tall,
                             const bool wide)
{
    vf points[POINTS];
    for (int p = 0; p < POINTS; p++)
        points[p] = has_point(tall, wide, p) ? sum_of_runs(g, sums[p % 4] + p * g->sum_point + filter) : v_zero();
    transform(tall ? points_to_taps : points_to_taps_2, wide ? points_to_taps : points_to_taps_2, points, 4, tap, 3);
}

/* One channel of a block of taps, of one column of filters. */
V_INLINE void finish_row(const gradient *g, const float *const sums[4], const sd_winograd_block *b, int64_t width, float *dw,
                         const bool tall, const bool wide)
{
    const int64_t area = g->w.d.channels * g->w.d.filters;
    for (int64_t j = 0; j < width; j += V_LANES) {
        vf tap[TAPS];
        taps_of_vector(g, sums, j, tap, tall, wide);
#pragma GCC unroll 9
        for (int t = 0; t < TAPS; t++)
            if (has_tap(tall, wide, t))
                v_store(dw + ((b->y + t / 3) * g->w.d.size[1] + b->x + t % 3) * area + j, tap[t]);
    }
}

static void finish_block(const gradient *g, const float *sums, const sd_winograd_block *b, int64_t channel, int64_t column,
                         float *dw)
{
    const int64_t width = width_of(g, column);
    const float *from[4];
    for (int j = 0; j < 4; j++)
        from[j] = sums + column * POINTS * g->sum_point + (b->place[j] + channel) * width;
    dw += channel * g->w.d.filters + column * WIDTH;
    FOR_TAPS_OF(b, finish_row, g, from, b, width, dw);
}

static void finish(const gradient *g, const sd_args *a)
{
    int64_t begin, end;
    sd__part(g->columns * g->depth, g->adders, a->part, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const int64_t block = i % g->depth / g->w.d.channels;
        const sd_winograd_block b = sd__winograd_block(&g->w, block / g->w.blocks[1], block % g->w.blocks[1]);
        finish_block(g, a->scratch, &b, i % g->w.d.channels, i / g->depth, a->out[0].data);
    }
}

/* ---- the kernel ---------------------------------------------------------------------------------------------------------------- */

static void run(const sd_args *a)
{
    if (a->phase == 0)
        add_up(a->state, a);
    else
        finish(a->state, a);
}

static void cut(gradient *g)
{
    const sd_direct *d = &g->w.d;
    const int64_t tiles = sd__winograd_tiles(&g->w);
    g->depth = sd__winograd_most_depth(&g->w);
    g->columns = (int)((d->filters + WIDTH - 1) / WIDTH);
    const int parts = sd__parts(tiles, sd__winograd_cost(&g->w, (g->depth * g->columns + d->filters) / V_LANES));
    const int64_t least = g->columns > 1 ? 1 : 2; /* a single part would leave all threads but one idle */
    const int64_t room = SD_MAX(MOST_SUMS / (g->w.products * d->channels * d->filters), least);
    g->runs = (int)sd__even(SD_MAX(SD_MIN(SD_MIN(parts, MOST_PARTS) / g->columns, room), 1));
    g->block = SD_MAX(ROOM / (g->w.products * d->channels + POINTS * SD_MIN(d->filters, WIDTH)), FEWEST_TILES);
    g->block = SD_MIN(g->block, (tiles + g->runs - 1) / g->runs);
    g->adders = sd__parts(g->columns * g->depth, SD_WINOGRAD_VECTOR * (double)(g->runs * SD_MIN(d->filters, WIDTH) / V_LANES));
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    gradient *g = sd__alloc_zeroed(1, sizeof *g);
    if (!g)
        return sd__fail(SD_ENOMEM, "no memory to prepare a convolution's gradient");
    work->state = g;
    if (!sd__winograd_of(call, &g->w))
        return sd__fail(SD_EINTERNAL, "%s: prepared for a call that was not accepted", call->op->name);
    cut(g);
    const int64_t width = SD_MIN(g->w.d.filters, WIDTH);
    g->v_row = g->depth + APART;
    g->v_point = g->block * g->v_row + APART;
    g->z_point = g->block * width + APART;
    g->sum_point = g->depth * width + APART;
    g->sums = (size_t)(g->columns * POINTS * g->sum_point);
    g->slots = (size_t)g->runs * g->sums;
    g->slot = (size_t)(SD_MAX(g->w.d.channels, WIDTH) + POINTS * (g->v_point + g->z_point));
    work->phases = 2;
    work->parts[0] = g->runs * g->columns;
    work->parts[1] = g->adders;
    work->scratch = (g->slots + (size_t)work->parts[0] * g->slot) * sizeof(float);
    return SD_OK;
}

const sd_kernel SD_LEVELED(sd__winograd_conv2d_dw) = {
    .name = SD_LEVELED_NAME("conv2d_dw"), .prepare = prepare, .run = run, .release = free};
