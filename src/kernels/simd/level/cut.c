/*
 * cut.c -- how a matrix product is cut, by its shape and strides alone: the same sums for every number of threads. Only who packs
 * depends on them.
 */
#include "kernels/simd/level/cut.h"

#include "base/base.h"
#include "kernels/simd/level/row.h"
#include "ops/kernel.h"

/* What one multiply-add of a tile takes, one element that is packed, one of B in `stream`: about ns, by which parts are cut. */
#define TILE_COST 0.02
#define PACK_COST 0.25
#define STREAM_COST 0.15

enum { MOST_PARTS = 32 };

/* More threads than these share what is packed: each would spend too much of its time on packing. */
enum { MOST_ALONE = 4 };

/* More rows of C than these make a product tall: copying B is then below a hundredth of the work. */
#define TALL 256

/* So many more rows than k do, too: the work is writing C. */
#define FLAT 4

/* Parts along k of one row: more of them read no faster, but leave more to be added. */
enum { STREAM_PARTS = 8 };

/*
 * How well `rows` x `columns` parts balance: the largest part's share of the work times the rounds that 4 threads need, with
 * the overhead of packing B once more for every further range of rows.
 */
static double waste(const cut *c, int64_t rows, int64_t columns)
{
    double largest = (double)up(c->row_panels, rows) / (double)c->row_panels * (double)up(c->column_panels, columns) /
                     (double)c->column_panels;
    double rounds = (double)up(rows * columns, 4) * 4;
    double again = 1 + 16.0 * (double)rows / (double)c->g.m;
    return largest * rounds * again;
}

/*
 * Parts of one product: about `wanted`, no more than there are panels. Half as many will do where rows need not be cut then:
 * every panel of B is fetched and packed anew for each range of rows.
 */
static void cut_tiles(cut *c, int64_t wanted)
{
    double least = 1e300;
    int64_t most = SD_MIN(wanted + wanted / 2, c->row_panels * c->column_panels);
    for (int64_t columns = 1; columns <= SD_MIN(c->column_panels, most); columns++) {
        int64_t rows = SD_MAX(SD_MIN(c->row_panels, wanted / (2 * columns)), 1);
        for (; rows <= SD_MIN(c->row_panels, most / columns); rows++) {
            double w = waste(c, rows, columns) + 1e-3 * (double)(wanted > rows * columns ? wanted - rows * columns : 0);
            if (w < least)
                least = w, c->rows = (int)rows, c->columns = (int)columns;
        }
    }
}

/*
 * Parts of a tall product: rows, and columns so far that the packed B of a part stays near while one range of rows after the
 * other meets it; but not so far that reading A for every range of columns costs more than reading B for every range of rows.
 */
static void cut_rows(cut *c, int64_t wanted)
{
    const sd_gemm *g = &c->g;
    int64_t columns = 1;
    while (columns < SD_MIN(c->column_panels, MOST_PARTS) && g->k * g->n > columns * NEAR &&
           columns * columns * g->m < wanted * g->n)
        columns *= 2;
    c->columns = (int)SD_MIN(columns, c->column_panels);
    c->rows = (int)SD_MAX(SD_MIN(wanted / c->columns, c->row_panels / 2), 1);
}

/* A row of A, or what follows in k, lies a multiple of 2 KB behind: a panel's lines compete for two sets of the first cache. */
static bool conflicts(const sd_gemm *g)
{
    int64_t stride = g->a_step == 1 ? g->a_row : g->a_step;
    return g->m > 4 && stride * 4 % 2048 == 0;
}

/* Few rows times weights that stay in the second cache: cut along k, a thread reads those that it has updated itself. */
static bool thin(const sd_gemm *g) { return g->k >= 8 * g->m && g->k * g->n <= 2 * NEAR && g->b_column == 1; }

/* A thread that packs an operand for itself, although others do so, too. One of many batches is no use to all of them. */
static bool packs_alone(const cut *c) { return c->threads > 0 && c->threads <= MOST_ALONE && c->g.batches == 1; }

static int parts_that_pack(int64_t panels, double elements) { return (int)sd__even(sd__parts(panels, elements * PACK_COST)); }

static void plan_block(cut *c)
{
    const sd_gemm *g = &c->g;
    c->row_panels = up(g->m, MICRO_ROWS);
    c->column_panels = up(g->n, MICRO_COLUMNS);
    double cost = (double)g->m * (double)g->n * (double)g->k * (double)g->batches * TILE_COST;
    int64_t wanted = sd__even(sd__parts(MOST_PARTS, cost / MOST_PARTS));
    c->batches = (int)SD_MIN(wanted, g->batches);
    wanted = up(wanted, c->batches);
    c->tall = g->m > TALL || g->m >= FLAT * g->k;
    if (c->tall)
        cut_rows(c, wanted), c->falling = c->columns == 1 && g->m * g->n <= 2 * NEAR;
    else if (thin(g) && !c->turned)
        c->ks = (int)SD_MIN(wanted, g->k / (4 * g->m)), c->falling = true;
    else
        cut_tiles(c, wanted);
    int64_t tiles = c->row_panels * c->column_panels;
    if (!c->tall && !c->turned && c->ks == 1 && tiles < wanted && g->k >= 256)
        c->ks = (int)SD_MIN(wanted / tiles, g->k / 128);
    c->k_blocks = up(up(g->k, c->ks), DEPTH);
    bool fights = !c->tall && conflicts(g) && g->n >= 4 * MICRO_COLUMNS;
    if (fights && g->a_step == 1)
        c->pitch = (int64_t)lines(up(up(g->k, c->ks), c->k_blocks)) + LINE;
    else
        c->pack_a = fights || (g->a_row != 1 && g->a_step != 1);
    c->own = packs_alone(c) && (c->tall || c->pack_a || c->pitch);
    if (c->tall)
        c->b_packers = c->own ? 1 : parts_that_pack(c->column_panels * g->batches, (double)(MICRO_COLUMNS * g->k));
    if (c->pack_a || c->pitch)
        c->a_packers = c->own ? 1 : parts_that_pack(c->row_panels * g->batches, (double)up(g->m, c->row_panels) * (double)g->k);
}

static void plan_stream(cut *c)
{
    const sd_gemm *g = &c->g;
    double row = (double)g->n * STREAM_COST;
    c->batches = sd__parts(g->batches, row * (double)g->k);
    if (g->batches == 1)
        c->ks = (int)sd__even(SD_MIN(sd__parts(g->k, row) / 2 + 1, STREAM_PARTS));
    if (g->k < 4 * c->ks)
        c->ks = 1, c->columns = sd__parts(up(g->n, 4 * V_LANES), (double)g->k * 4 * V_LANES * STREAM_COST);
}

static void plan_dot(cut *c)
{
    const sd_gemm *g = &c->g;
    double column = (double)g->k * STREAM_COST;
    c->batches = sd__parts(g->batches, column * (double)g->n);
    if (g->batches > 1)
        return;
    c->columns = sd__parts(up(g->n, 4), 4 * column);
    if (c->columns == 1 && g->n < 8)
        c->ks = sd__parts(up(g->k, 1024), 1024 * (double)g->n * STREAM_COST);
}

/*
 * Few columns, and an A whose columns are consecutive (the gradient of a last layer's weights): C' = B' A' reads whole lines of
 * A, where panels of A would take a few columns of every row.
 */
static bool better_turned(const sd_gemm *g)
{
    return g->n > 1 && g->n <= MICRO_ROWS && g->m >= FLAT * g->n && g->m >= 2 * MICRO_COLUMNS && g->a_row == 1 &&
           g->a_step != 1 && g->batches == 1 && g->bias < 0 && g->slope < 0 && !g->clip;
}

/* Few columns are read quickly as they lie. */
static bool worth_keeping(const sd_gemm *g) { return g->m == 1 && g->batches == 1 && g->n >= 4 * V_LANES; }

/* Few panels; but up to eight, for as many threads, while each has four vectors. Two threads share evenly. */
static void plan_panels(cut *c)
{
    int64_t vectors = up(c->g.n, V_LANES), panels = SD_MAX(up(vectors, ROW_VECTORS), SD_MIN(up(vectors, ROW_VECTORS / 2), 8));
    c->column_panels = panels > 1 ? up(panels, 2) * 2 : 1;
    c->columns = sd__parts(c->column_panels, (double)c->g.k * (double)c->g.n / (double)c->column_panels * STREAM_COST);
    c->ahead = SD_LEVELED(sd__row_ahead)();
}

void SD_LEVELED(sd__cut)(cut *c)
{
    c->turned = better_turned(&c->g);
    if (c->turned)
        sd__gemm_turn(&c->g);
    const sd_gemm *g = &c->g;
    c->rows = c->columns = c->ks = c->batches = c->adders = 1;
    if (c->fixed_b && worth_keeping(g))
        c->way = PANELS, plan_panels(c);
    else if (g->m == 1 && g->b_column == 1)
        c->way = STREAM, plan_stream(c);
    else if (g->m == 1 && g->b_step == 1 && g->a_step == 1)
        c->way = DOT, plan_dot(c);
    else
        c->way = BLOCK, plan_block(c);
    if (c->turned)
        c->adders = sd__parts(g->n, (double)g->m * PACK_COST);
    else if (c->ks > 1)
        c->adders = sd__parts(up(g->batches * g->m * g->n, 64), 64 * 0.1 * c->ks);
}
