/*
 * winograd.c -- convolution by Winograd's algorithm, forward and in the images; what the filter's gradient shares with it.
 *
 * A phase before takes the filter to the points, in panels of filters. A part has some neighbouring tiles: their pixels at the
 * points, [points][tiles][depth], then for each panel 16 matrix products of that with the filter, and back to results. All of it
 * stays in the cache. A filter larger than 3x3 is cut into blocks of 3x3, which are as good as further channels: they are
 * multiplied with pixels further on, and added at the points.
 *
 * Every result is the sum over its depth in rising order, so its bits depend on none of tile, part, thread and batch.
 */
#include <stdlib.h>
#include <string.h>

#include "kernels/simd/level/conv_norm.h"
#include "kernels/simd/level/conv_pool.h"
#include "kernels/simd/level/pack.h"
#include "kernels/simd/level/winograd.h"

enum {
    MOST_PARTS = 16, /* each has memory of its own */
    GROUP = 16,      /* channels of a filter that are taken to the points together */
    ROOM = 1 << 14,  /* floats at the points that a part has at hand, ... */
    /*
     * ... unless so many tiles need more, in whole panels. The filter at the points is read anew for each so many; for 6 of them that
     * takes as long as multiplying.
     */
    FEWEST_TILES = 24 / MICRO_ROWS * MICRO_ROWS
};

/* ---- shared with the filter's gradient --------------------------------------------------------------------------------------- */

/* Where the first channel of each of the 16 pixels lies that a tile sees through one block; zeros beyond the image. */
static void find_pixels(const sd_direct *d, const float *image, const float *zeros, int64_t top, int64_t left,
                        const float *pixel[POINTS])
{
    for (int64_t i = 0; i < 4; i++)
        for (int64_t j = 0; j < 4; j++) {
            const int64_t y = top + i, x = left + j;
            const bool there = y >= 0 && y < d->in[0] && x >= 0 && x < d->in[1];
            pixel[4 * i + j] = there ? image + (y * d->in[1] + x) * d->channels : zeros;
        }
}

/* `pixel` has the address of the first pixel, if all lie within the image, or of each. */
V_INLINE void pixels_of_block(const float *const *pixel, int64_t row, int64_t channels, float *const v[4], int64_t v_point,
                              const bool inside, const bool tall, const bool wide)
{
    for (int64_t c = 0; c < channels; c += V_LANES) {
        vf d[POINTS], points[POINTS];
#pragma GCC unroll 16
        for (int i = 0; i < POINTS; i++) {
            const bool seen = (tall || i / 4 < 3) && (wide || i % 4 < 3);
            d[i] = seen ? v_load(c + (inside ? pixel[0] + i / 4 * row + i % 4 * channels : pixel[i])) : v_zero();
        }
        transform(tall ? pixels_to_points : pixels_to_points_2, wide ? pixels_to_points : pixels_to_points_2, d, 4, points, 4);
#pragma GCC unroll 16
        for (int i = 0; i < POINTS; i++)
            if (has_point(tall, wide, i))
                v_store(v[i % 4] + i * v_point + c, points[i]);
    }
}

/* One block of one tile; finding every pixel for itself takes as long as 16 channels of them. */
static void take_block(const sd_direct *d, const sd_winograd_block *b, const float *image, const float *zeros, int64_t top,
                       int64_t left, float *v, int64_t v_point)
{
    const int64_t row = d->in[1] * d->channels, height = b->tall ? 4 : 3, width = b->wide ? 4 : 3;
    const float *pixel[POINTS];
    float *const to[4] = {v + b->place[0], v + b->place[1], v + b->place[2], v + b->place[3]};
    if (top >= 0 && top + height <= d->in[0] && left >= 0 && left + width <= d->in[1]) {
        pixel[0] = image + top * row + left * d->channels;
        FOR_TAPS_OF(b, pixels_of_block, pixel, row, d->channels, to, v_point, true);
    } else {
        find_pixels(d, image, zeros, top, left, pixel);
        FOR_TAPS_OF(b, pixels_of_block, pixel, row, d->channels, to, v_point, false);
    }
}

void SD_LEVELED(sd__winograd_pixels)(const sd_winograd *w, const float *x, const float *zeros, int64_t begin, int64_t end,
                                     float *v, int64_t v_point, int64_t v_row)
{
    const sd_direct *d = &w->d;
    const int64_t row = d->in[1] * d->channels;
    sd_winograd_tile t = sd__winograd_tile(w, begin);
    for (int64_t i = begin; i < end; i++, v += v_row, sd__winograd_next(w, &t)) {
        const float *image = x + t.image * d->in[0] * row;
        const int64_t top = t.y - d->lo[0], left = t.x - d->lo[1];
        fetch_below(image, (top + d->size[0] + 1) * row + (left + d->size[1] - 1) * d->channels, row, 2 * d->channels);
        for (int64_t by = 0; by < w->blocks[0]; by++)
            for (int64_t bx = 0; bx < w->blocks[1]; bx++) {
                const sd_winograd_block b = sd__winograd_block(w, by, bx);
                take_block(d, &b, image, zeros, top + b.y, left + b.x, v, v_point);
            }
    }
}

void SD_LEVELED(sd__winograd_multiply)(const sd_winograd_product *p)
{
    const int64_t count = (p->rows + MICRO_ROWS - 1) / MICRO_ROWS;
    micro_tile t = {.k = p->k, .a_row = p->a_row, .a_step = p->a_step, .b_step = p->b_step, .c_row = p->c_row, .add = p->add};
    t.ahead_step = MICRO_FETCH * p->b_step * (int64_t)sizeof(float);
    for (int64_t j = 0; j < p->columns; j += PANEL) {
        t.columns = SD_MIN(p->columns - j, PANEL);
        t.b = p->b + j;
        t.ahead = (uintptr_t)(t.b + p->k * p->b_step);
        for (int64_t i = 0; i < count; i++) {
            const int64_t begin = p->rows * i / count, end = p->rows * (i + 1) / count;
            t.a = p->a + begin * p->a_row;
            t.c = p->c + begin * p->c_row + j;
            SD_LEVELED(sd__micro)[p->a_step == 1][(t.columns - 1) / V_LANES][end - begin - 1](&t);
        }
    }
}

/* ---- what prepare() leaves for the runs ------------------------------------------------------------------------------------- */

typedef struct conv {
    sd_winograd w;
    int64_t depth;   /* of the products, at most */
    int64_t block;   /* tiles at hand at once */
    bool norm, kept; /* kept: the filter stays at the points from run to run */
    int packers, parts;
    int64_t v_row, v_point, m_point; /* floats from tile to tile, and from point to point, of pixels and of sums */
    size_t filters;                  /* floats of the filter at the points */
    size_t factors, slots, slot;     /* floats: where the norm's factors and the parts' memory begin, and how much a part has */
} conv;

static int64_t panels(const sd_direct *d) { return (d->filters + PANEL - 1) / PANEL; }
static int64_t panel_width(const sd_direct *d, int64_t panel) { return SD_MIN(d->filters - panel * PANEL, PANEL); }
static int64_t u_point(const conv *c, int64_t width) { return c->depth * width + APART; }
static int64_t u_panel(const conv *c) { return POINTS * u_point(c, PANEL); }

/* ---- the filter ------------------------------------------------------------------------------------------------------------ */

/* One tap of some channels and one panel of filters: [GROUP,width]; turned for the adjoint. */
static void take_tap(const sd_direct *d, const float *w, int64_t y, int64_t x, int64_t channel, int64_t panel, float *to)
{
    const int64_t width = panel_width(d, panel), filter = panel * PANEL, area = d->channels * d->filters;
    const int64_t tap = y * d->size[1] + x, last = d->size[0] * d->size[1] - 1;
    const float *forward = w + tap * area + channel * d->filters + filter;
    const float *turned = w + (last - tap) * area + filter * d->channels + channel;
    SD_LEVELED(sd__pack)
    (to, width, d->adjoint ? turned : forward, d->adjoint ? 1 : d->filters, d->adjoint ? d->channels : 1, GROUP, width);
}

V_INLINE void filter_to_points(const float tap[TAPS][GROUP * PANEL], int64_t count, float *const u[4], int64_t u_point,
                               const bool tall, const bool wide)
{
    for (int64_t i = 0; i < count; i += V_LANES) {
        vf g[TAPS], points[POINTS];
#pragma GCC unroll 9
        for (int t = 0; t < TAPS; t++)
            g[t] = has_tap(tall, wide, t) ? v_load(&tap[t][i]) : v_zero();
        transform(tall ? taps_to_points : taps_to_points_2, wide ? taps_to_points : taps_to_points_2, g, 3, points, 4);
#pragma GCC unroll 16
        for (int p = 0; p < POINTS; p++)
            if (has_point(tall, wide, p))
                v_store(u[p % 4] + p * u_point + i, points[p]);
    }
}

/* Some channels of one block and one panel of filters. */
static void pack_block(const conv *c, const float *w, const sd_winograd_block *b, int64_t channel, int64_t panel, float *u)
{
    const sd_direct *d = &c->w.d;
    const int64_t width = panel_width(d, panel), point = u_point(c, width);
    _Alignas(64) float tap[TAPS][GROUP * PANEL];
    float *to[4];
    for (int j = 0; j < 4; j++)
        to[j] = u + (b->place[j] + channel) * width;
    for (int t = 0; t < TAPS; t++)
        if (has_tap(b->tall, b->wide, t))
            take_tap(d, w, b->y + t / 3, b->x + t % 3, channel, panel, tap[t]);
    FOR_TAPS_OF(b, filter_to_points, tap, GROUP * width, to, point);
}

/* u: [panels][points][depth][filters of a panel] */
static void pack(const conv *c, const sd_args *a, float *u, int part)
{
    const sd_direct *d = &c->w.d;
    const int64_t groups = d->channels / GROUP, blocks = c->w.blocks[0] * c->w.blocks[1];
    int64_t begin, end;
    sd__part(panels(d) * blocks * groups, c->packers, part, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        const int64_t panel = i / (blocks * groups), block = i / groups % blocks, channel = i % groups * GROUP;
        const sd_winograd_block b = sd__winograd_block(&c->w, block / c->w.blocks[1], block % c->w.blocks[1]);
        pack_block(c, a->in[1].data, &b, channel, panel, u + panel * u_panel(c));
    }
}

/* ---- results --------------------------------------------------------------------------------------------------------------- */

/* The four results of one tile and one vector of filters. */
V_INLINE void values_of_vector(const conv *c, const float *m, vf value[4])
{
    vf points[POINTS];
#pragma GCC unroll 16
    for (int i = 0; i < POINTS; i++)
        points[i] = v_load(m + i * c->m_point);
    transform(points_to_results, points_to_results, points, 4, value, 2);
}

/* One vector of filters of one tile, from number `filter` on; `rows` by `columns` of the tile exist. */
V_INLINE void results_of_vector(const conv *c, const sd_args *a, const float *m, int64_t at, int64_t filter, int64_t rows,
                                int64_t columns, const bool normed)
{
    const sd_direct *d = &c->w.d;
    vf value[4];
    values_of_vector(c, m, value);
    conv_norm norm;
    if (normed)
        norm = conv_norm_of(a, (const float *)a->scratch + c->factors, filter);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        if (i / 2 < rows && i % 2 < columns) {
            const int64_t to = at + (i / 2 * d->out[1] + i % 2) * d->filters + filter;
            v_store((float *)a->out[0].data + to, normed ? conv_norm_apply(&norm, to, value[i]) : value[i]);
        }
}

static void results(const conv *c, const sd_args *a, const float *m, int64_t begin, int64_t end, int64_t panel)
{
    const sd_direct *d = &c->w.d;
    const int64_t width = panel_width(d, panel);
    sd_winograd_tile t = sd__winograd_tile(&c->w, begin);
    for (int64_t i = begin; i < end; i++, m += width, sd__winograd_next(&c->w, &t)) {
        const int64_t at = ((t.image * d->out[0] + t.y) * d->out[1] + t.x) * d->filters;
        for (int64_t j = 0; j < width; j += V_LANES)
            if (c->norm)
                results_of_vector(c, a, m + j, at, panel * PANEL + j, d->out[0] - t.y, d->out[1] - t.x, true);
            else
                results_of_vector(c, a, m + j, at, panel * PANEL + j, d->out[0] - t.y, d->out[1] - t.x, false);
    }
}

/* A tile is a window that is pooled, if all of it exists. */
static void pooled_results(const conv *c, const sd_args *a, const float *m, int64_t begin, int64_t end, int64_t panel)
{
    const sd_direct *d = &c->w.d;
    const int64_t width = panel_width(d, panel), rows = d->out[0] / 2, columns = d->out[1] / 2;
    const float *bias = (const float *)a->in[2].data + panel * PANEL;
    sd_winograd_tile t = sd__winograd_tile(&c->w, begin);
    for (int64_t i = begin; i < end; i++, m += width, sd__winograd_next(&c->w, &t)) {
        const int64_t at = ((t.image * rows + t.y / 2) * columns + t.x / 2) * d->filters + panel * PANEL;
        const bool whole = t.y / 2 < rows && t.x / 2 < columns;
        for (int64_t j = 0; whole && j < width; j += V_LANES) {
            vf value[4];
            values_of_vector(c, m + j, value);
            pool_sums(value, v_load(bias + j), t.y * d->out[1] + t.x, d->out[1], (float *)a->out[0].data + at + j,
                      (int32_t *)a->out[1].data + at + j);
        }
    }
}

/* ---- the main phase ---------------------------------------------------------------------------------------------------------- */

/* Sums of tiles and of one panel of filters, at all points: m [points][tiles][width]. */
static void multiply(const conv *c, const float *v, const float *u, int64_t tiles, int64_t width, float *m)
{
    sd_winograd_product p = {.rows = tiles, .columns = width, .a = v, .a_row = c->v_row, .a_step = 1};
    p.b = u;
    p.b_step = width;
    p.c = m;
    p.c_row = width;
    for (int i = 0; i < POINTS; i++, p.a += c->v_point, p.b += u_point(c, width), p.c += c->m_point) {
        p.k = sd__winograd_depth(&c->w, i);
        SD_LEVELED(sd__winograd_multiply)(&p);
    }
}

/* Tiles [begin,end), with the memory of one part: zeros for what lies beyond an image, pixels, sums. */
static void compute_tiles(const conv *c, const sd_args *a, const float *u, float *slot, int64_t begin, int64_t end)
{
    const sd_direct *d = &c->w.d;
    float *v = slot + d->channels, *m = v + POINTS * c->v_point;
    SD_LEVELED(sd__winograd_pixels)(&c->w, a->in[0].data, slot, begin, end, v, c->v_point, c->v_row);
    for (int64_t panel = 0; panel < panels(d); panel++) {
        multiply(c, v, u + panel * u_panel(c), end - begin, panel_width(d, panel), m);
        (a->op == &sd__op_conv2d_pool ? pooled_results : results)(c, a, m, begin, end, panel);
    }
}

static void compute(const conv *c, const sd_args *a)
{
    float *slot = (float *)a->scratch + c->slots + (size_t)a->part * c->slot;
    const float *u = c->kept ? a->kept : a->scratch;
    int64_t begin, end;
    sd__part(sd__winograd_tiles(&c->w), c->parts, a->part, &begin, &end);
    const int64_t n = end - begin, count = (n + c->block - 1) / c->block;
    memset(slot, 0, (size_t)c->w.d.channels * sizeof *slot);
    for (int64_t i = 0; i < count; i++)
        compute_tiles(c, a, u, slot, begin + n * i / count, begin + n * (i + 1) / count);
}

/* ---- the kernels ---------------------------------------------------------------------------------------------------------------- */

/* Phases: the filter to the points, and a norm's factors, where there is something of it to do; then the convolution. */
static void run(const sd_args *a)
{
    const conv *c = a->state;
    const int main_phase = c->norm || !c->kept;
    if (a->phase == SD_KEEP)
        pack(c, a, a->kept, a->part);
    else if (a->phase == main_phase)
        compute(c, a);
    else if (!c->kept)
        pack(c, a, a->scratch, a->part);
    if (a->phase == 0 && a->part == 0 && c->norm)
        conv_norm_factors(a, c->w.d.filters, (float *)a->scratch + c->factors);
}

static void cut(conv *c)
{
    const sd_direct *d = &c->w.d;
    const int64_t tiles = sd__winograd_tiles(&c->w);
    c->depth = sd__winograd_most_depth(&c->w);
    c->packers = sd__parts(panels(d) * (c->depth / GROUP), SD_WINOGRAD_VECTOR * (double)(GROUP * MICRO_VECTORS));
    const int parts = sd__parts(tiles, sd__winograd_cost(&c->w, (c->depth + d->filters) / V_LANES));
    c->parts = (int)sd__even(SD_MIN(parts, MOST_PARTS));
    const int64_t most = ROOM / (c->w.products * d->channels + POINTS * PANEL) / MICRO_ROWS * MICRO_ROWS;
    c->block = SD_MIN(SD_MAX(most, FEWEST_TILES), (tiles + c->parts - 1) / c->parts);
}

/* Where everything lies: in scratch the filter at the points, a norm's factors, and the memory of the parts. */
static void lay_out(conv *c)
{
    const sd_direct *d = &c->w.d;
    c->v_row = c->depth + APART;
    c->v_point = c->block * c->v_row + APART;
    c->m_point = c->block * PANEL + APART;
    c->filters = (size_t)(panels(d) * u_panel(c));
    c->factors = c->kept ? 0 : c->filters;
    c->slots = c->factors + (c->norm ? (size_t)d->filters : 0);
    c->slot = (size_t)(d->channels + POINTS * (c->v_point + c->m_point));
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    conv *c = sd__alloc_zeroed(1, sizeof *c);
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory to prepare a convolution");
    work->state = c;
    if (!sd__winograd_of(call, &c->w))
        return sd__fail(SD_EINTERNAL, "%s: prepared for a call that was not accepted", call->op->name);
    c->norm = call->op == &sd__op_conv2d_norm;
    c->kept = call->fixed >> 1 & 1;
    cut(c);
    lay_out(c);
    work->phases = 0;
    if (!c->kept || c->norm)
        work->parts[work->phases++] = c->kept ? 1 : c->packers;
    work->parts[work->phases++] = c->parts;
    if (c->kept) {
        work->kept = c->filters * sizeof(float);
        work->keepers = c->packers;
    }
    work->scratch = (c->slots + (size_t)c->parts * c->slot) * sizeof(float);
    return SD_OK;
}

static const sd_kernel conv2d = {.name = SD_LEVELED_NAME("conv2d"), .prepare = prepare, .run = run, .release = free};
static const sd_kernel conv2d_dx = {.name = SD_LEVELED_NAME("conv2d_dx"), .prepare = prepare, .run = run, .release = free};
static const sd_kernel conv2d_norm = {.name = SD_LEVELED_NAME("conv2d_norm"), .prepare = prepare, .run = run, .release = free};
static const sd_kernel conv2d_pool = {.name = SD_LEVELED_NAME("conv2d_pool"), .prepare = prepare, .run = run, .release = free};

const sd_winograd_table SD_LEVELED(sd__winograd_table) = {.conv2d = &conv2d,
                                                          .conv2d_dx = &conv2d_dx,
                                                          .conv2d_norm = &conv2d_norm,
                                                          .conv2d_pool = &conv2d_pool,
                                                          .conv2d_dw = &SD_LEVELED(sd__winograd_conv2d_dw)};
