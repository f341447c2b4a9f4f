/*
 * winograd.h -- F(2x2, 3x3): how pixels, filters and results are taken to its 16 points and back, a vector of channels at a time.
 *
 * With B, G and A of Lavin & Gray (arXiv:1509.09308, section 4.1): results = A' [(G filter G') * (B' pixels B)] A. The gradient in
 * the filter is what the rules of derivatives make of it: G' [(A dy A') * (B' pixels B)] G. Point (i,j) has number 4 i + j.
 *
 * Along each axis these are the values of polynomials at 0, 1, -1 and infinity [Winograd 1980]. Two taps need but three points: without
 * -1, F(2, 2) has the same A as F(2, 3), so products of blocks of two and of three taps are added at the points that both have.
 */
#ifndef SD_SIMD_LEVEL_WINOGRAD_H
#define SD_SIMD_LEVEL_WINOGRAD_H

#include "base/base.h"
#include "kernels/simd/direct.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/micro.h"
#include "kernels/simd/winograd.h"

enum {
    POINTS = 16,
    TAPS = 9,
    LINE = 16, /* floats of a cache line */
    APART = 16 /* floats between rows and between points, so that those read together do not share a set of the cache */
};

#define PANEL MICRO_COLUMNS

/* Values `from_step` apart become values `to_step` apart. */
typedef void line_transform(const vf *from, const int from_step, vf *to, const int to_step);

/* Four become four B' values. */
V_INLINE void pixels_to_points(const vf *d, const int d_step, vf *v, const int v_step)
{
    v[0] = d[0] - d[2 * d_step];
    v[v_step] = d[d_step] + d[2 * d_step];
    v[2 * v_step] = d[2 * d_step] - d[d_step];
    v[3 * v_step] = d[d_step] - d[3 * d_step];
}

/* Of two taps: the first three become all but the third. */
V_INLINE void pixels_to_points_2(const vf *d, const int d_step, vf *v, const int v_step)
{
    v[0] = d[0] - d[d_step];
    v[v_step] = d[d_step];
    v[2 * v_step] = v_zero();
    v[3 * v_step] = d[d_step] - d[2 * d_step];
}

/* Three become G values. */
V_INLINE void taps_to_points(const vf *g, const int g_step, vf *u, const int u_step)
{
    const vf outer = g[0] + g[2 * g_step], middle = g[g_step];
    u[0] = g[0];
    u[u_step] = (outer + middle) * 0.5f;
    u[2 * u_step] = (outer - middle) * 0.5f;
    u[3 * u_step] = g[2 * g_step];
}

/* The first two alone. */
V_INLINE void taps_to_points_2(const vf *g, const int g_step, vf *u, const int u_step)
{
    u[0] = g[0];
    u[u_step] = g[0] + g[g_step];
    u[2 * u_step] = v_zero();
    u[3 * u_step] = g[g_step];
}

/* G' values: the transpose. */
V_INLINE void points_to_taps(const vf *u, const int u_step, vf *g, const int g_step)
{
    const vf sum = (u[u_step] + u[2 * u_step]) * 0.5f;
    g[0] = u[0] + sum;
    g[g_step] = (u[u_step] - u[2 * u_step]) * 0.5f;
    g[2 * g_step] = sum + u[3 * u_step];
}

V_INLINE void points_to_taps_2(const vf *u, const int u_step, vf *g, const int g_step)
{
    g[0] = u[0] + u[u_step];
    g[g_step] = u[u_step] + u[3 * u_step];
    g[2 * g_step] = v_zero();
}

/* Four become the two A' values. */
V_INLINE void points_to_results(const vf *m, const int m_step, vf *y, const int y_step)
{
    y[0] = m[0] + m[m_step] + m[2 * m_step];
    y[y_step] = m[m_step] - m[2 * m_step] - m[3 * m_step];
}

/* Two become the four A values. */
V_INLINE void results_to_points(const vf *y, const int y_step, vf *z, const int z_step)
{
    z[0] = y[0];
    z[z_step] = y[0] + y[y_step];
    z[2 * z_step] = y[0] - y[y_step];
    z[3 * z_step] = -y[y_step];
}

/* A square of n x n values becomes one of m x m: first along the height, then along the width. */
V_INLINE void transform(line_transform *along_height, line_transform *along_width, const vf *from, const int n, vf *to,
                        const int m)
{
    vf lines[POINTS];
#pragma GCC unroll 4
    for (int x = 0; x < n; x++)
        along_height(&from[x], n, &lines[x], n);
#pragma GCC unroll 4
    for (int y = 0; y < m; y++)
        along_width(&lines[n * y], 1, &to[m * y], 1);
}

/*
 * The tile below sees two more rows: what it alone will see of them, some floats here and as many a row on, is fetched a row of tiles
 * before. Otherwise reading images costs as much as multiplying, where there are few channels. (Fetched little by little
 * while they are multiplied, it costs more than it gains.) Nothing is read here, so any address will do.
 */
V_INLINE void fetch_below(const float *image, int64_t at, int64_t row, int64_t floats)
{
    for (int64_t i = at; i < at + floats; i += LINE) {
        __builtin_prefetch((const void *)((uintptr_t)image + (uintptr_t)i * sizeof *image));
        __builtin_prefetch((const void *)((uintptr_t)image + (uintptr_t)(i + row) * sizeof *image));
    }
}

/* Which tile of 2 x 2 results a number means. */
typedef struct sd_winograd_tile {
    int64_t image, y, x; /* of its first result */
} sd_winograd_tile;

static inline sd_winograd_tile sd__winograd_tile(const sd_winograd *w, int64_t tile)
{
    const int64_t row = tile / w->tiles[1];
    return (sd_winograd_tile){row / w->tiles[0], 2 * (row % w->tiles[0]), 2 * (tile % w->tiles[1])};
}

/* To the tile with the next number. */
static inline void sd__winograd_next(const sd_winograd *w, sd_winograd_tile *t)
{
    t->x += 2;
    if (t->x < 2 * w->tiles[1])
        return;
    t->x = 0;
    t->y += 2;
    if (t->y < 2 * w->tiles[0])
        return;
    t->y = 0;
    t->image++;
}

static inline int64_t sd__winograd_tiles(const sd_winograd *w) { return w->d.images * w->tiles[0] * w->tiles[1]; }

/* So many of the blocks along an axis are seen at its point `i`: those of two taps do without the third. */
static inline int64_t sd__winograd_seen(const sd_winograd *w, int axis, int i)
{
    return i == 2 ? w->threes[axis] : w->blocks[axis];
}

/* Numbers that a product at a point adds up: the channels of all blocks seen there. */
static inline int64_t sd__winograd_depth(const sd_winograd *w, int point)
{
    return sd__winograd_seen(w, 0, point / 4) * sd__winograd_seen(w, 1, point % 4) * w->d.channels;
}
static inline int64_t sd__winograd_most_depth(const sd_winograd *w) { return sd__winograd_depth(w, 0); }

/* One block of the filter. */
typedef struct sd_winograd_block {
    int64_t y, x;     /* of its first tap */
    bool tall, wide;  /* three taps, not two */
    int64_t place[4]; /* of its first channel among the numbers added up at points 4 i + j, by j */
} sd_winograd_block;

static inline sd_winograd_block sd__winograd_block(const sd_winograd *w, int64_t y, int64_t x)
{
    sd_winograd_block b = {.tall = y < w->threes[0], .wide = x < w->threes[1]};
    b.y = b.tall ? 3 * y : 2 * y + w->threes[0];
    b.x = b.wide ? 3 * x : 2 * x + w->threes[1];
    for (int j = 0; j < 4; j++)
        b.place[j] = (y * sd__winograd_seen(w, 1, j) + x) * w->d.channels;
    return b;
}

/* Whether a block has tap 3 i + j, and whether it is seen at point 4 i + j. */
V_INLINE bool has_tap(const bool tall, const bool wide, const int tap)
{
    return (tall || tap / 3 < 2) && (wide || tap % 3 < 2);
}
V_INLINE bool has_point(const bool tall, const bool wide, const int point)
{
    return (tall || point / 4 != 2) && (wide || point % 4 != 2);
}

/* Calls a function that is inlined, with `tall` and `wide` of a block, which it takes last, as constants. */
#define FOR_TAPS_OF(block, function, ...)                                                                     \
    ((block)->tall   ? (block)->wide ? function(__VA_ARGS__, true, true) : function(__VA_ARGS__, true, false) \
       : (block)->wide ? function(__VA_ARGS__, false, true)                                                   \
                     : function(__VA_ARGS__, false, false))

/* Of one vector taken to the points or back, and of one tile, of which so many vectors are: about nanoseconds, by which parts are cut. */
#define SD_WINOGRAD_VECTOR 30.0
static inline double sd__winograd_cost(const sd_winograd *w, int64_t vectors)
{
    return 0.02 * (double)(w->products * w->d.channels * w->d.filters) + SD_WINOGRAD_VECTOR * (double)vectors;
}

/* The points of tiles [begin,end): of tile i, a block and a channel at v[point * v_point + (i - begin) * v_row + place + channel]. */
void SD_LEVELED(sd__winograd_pixels)(const sd_winograd *w, const float *x, const float *zeros, int64_t begin, int64_t end,
                                     float *v, int64_t v_point, int64_t v_row);

/* The [rows of a] x [columns of b] products of one point. */
typedef struct sd_winograd_product {
    int64_t rows, columns, k;
    const float *a, *b;
    int64_t a_row, a_step, b_step;
    float *c;
    int64_t c_row;
    bool add;
} sd_winograd_product;

void SD_LEVELED(sd__winograd_multiply)(const sd_winograd_product *p);

extern const sd_kernel SD_LEVELED(sd__winograd_conv2d_dw);

#endif
