/*
 * matmul.c -- matrix products: matmul; dense, which adds a bias on the way out; and both with ReLU or its slope behind.
 *
 * Three ways, by shape:
 *   block   tiles of C that stay in registers (micro.h), over ranges of k so short that a panel of A and one of B stay in the
 *           first cache.
 *           Few rows (a batch times weights): a panel of B (two vectors of columns) is copied together on the stack while the
 *           first rows of A meet it, and the others fetch the next one; so B, which is large, is read once. A is read where it
 *           lies, or copied whole beforehand (a phase of its own) where its strides would fight over the same cache sets: range
 *           after range of k, its rows a line apart, so that those of a panel take as many lines of every set.
 *           Many rows (`tall`: a gradient of weights): B is packed whole beforehand and stays in the second cache. A panel of
 *           A, packed on the stack, meets all of it and fetches the next, so that C, which is large, is written row by row:
 *           down its columns, a power of two apart, every line would fall into the same few cache sets.
 *           Few columns of many rows (`turned`: a gradient of a last layer's weights): the transposed product.
 *   stream  one row times a row-major B (batch 1): B is read once, in order; parts take ranges of k, whose sums are then added in
 *           order (a last phase).
 *   dot     one row times the columns of a B that are consecutive in memory.
 *   panels  one row times a B that stays the same from run to run: it is kept as panels of columns, so that a part reads one
 *           stretch of memory, and its sums stay in registers and are whole.
 * In `block`, k is cut if there are too few tiles of C for all threads, or (`thin`) few rows meet weights that stay in the
 * second cache.
 */
#include <stdlib.h>

#include "kernels/simd/level/cut.h"
#include "kernels/simd/level/level.h"
#include "kernels/simd/level/pack.h"
#include "kernels/simd/level/row.h"

/* Rows of B that are packed along all panels of a part in one go. */
enum { ROWS_AT_ONCE = 8 };

/* ---- packing: A whole, panel after panel; in a panel k after k, in a k row after row ------------------------------ */

/* What is packed: first B, then A. */
static float *packed(const cut *c, const sd_args *args) { return c->own ? args->own : args->scratch; }

static void panel_rows(const cut *c, int64_t panel, int64_t *begin, int64_t *end)
{
    *begin = c->g.m * panel / c->row_panels;
    *end = c->g.m * (panel + 1) / c->row_panels;
}

/* Where range number `block` of k begins, among those of a part that goes from `from` to `to`. */
static int64_t block_begin(const cut *c, int64_t from, int64_t to, int64_t block)
{
    return from + (to - from) * block / c->k_blocks;
}

/* Range number `i` of k, of all parts. */
static void range_of(const cut *c, int64_t i, int64_t *begin, int64_t *end)
{
    int64_t from, to;
    sd__part(c->g.k, c->ks, (int)(i / c->k_blocks), &from, &to);
    *begin = block_begin(c, from, to, i % c->k_blocks);
    *end = block_begin(c, from, to, i % c->k_blocks + 1);
}

/* Floats of one A that is packed. */
static int64_t packed_size(const cut *c) { return c->g.m * (c->pitch ? c->ks * c->k_blocks * c->pitch : c->g.k); }

/* Rows [first,last), each read in one go, to where they lie range after range of k, in it row after row. */
static void copy_a(const cut *c, float *to, const float *a, int64_t first, int64_t last)
{
    for (int64_t row = first; row < last; row++)
        for (int64_t i = 0, begin, end; i < c->ks * c->k_blocks; i++) {
            range_of(c, i, &begin, &end);
            SD_LEVELED(sd__pack)
            (to + (i * c->g.m + row) * c->pitch, c->pitch, a + row * c->g.a_row + begin, c->g.a_row, 1, 1, end - begin);
        }
}

static void pack_a(const cut *c, const sd_args *args, int part)
{
    const sd_gemm *g = &c->g;
    int64_t begin, end, first, last;
    sd__part(g->batches * c->row_panels, c->a_packers, part, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        int64_t batch = i / c->row_panels;
        panel_rows(c, i % c->row_panels, &first, &last);
        const float *a = (const float *)args->in[g->a].data + sd__gemm_batch(g, 0, batch);
        float *to = packed(c, args) + c->packed_a + batch * packed_size(c);
        if (c->pitch)
            copy_a(c, to, a, first, last);
        else
            SD_LEVELED(sd__pack)
        (to + first * g->k, last - first, a + first * g->a_row, g->a_step, g->a_row, g->k, last - first);
    }
}

/* Rows [k,k+rows) of panel number i of all batches, in the range of k that begins at `from`. */
static void pack_rows_of_b(const cut *c, const sd_args *args, int64_t i, int64_t from, int64_t depth, int64_t k, int64_t rows)
{
    const sd_gemm *g = &c->g;
    int64_t batch = i / c->column_panels, panel = i % c->column_panels, column = panel * MICRO_COLUMNS;
    const float *b = (const float *)args->in[g->b].data + sd__gemm_batch(g, 1, batch) + column * g->b_column;
    float *to = packed(c, args) + (batch * g->k * c->column_panels + from * c->column_panels + panel * depth) * MICRO_COLUMNS;
    SD_LEVELED(sd__pack)
    (to + (k - from) * MICRO_COLUMNS, MICRO_COLUMNS, b + k * g->b_step, g->b_step, g->b_column, rows,
     SD_MIN(g->n - column, MICRO_COLUMNS));
}

/*
 * B as the parts will read it: range after range of k, in each panel after panel. Where rows are consecutive a few of them are
 * packed along all panels before the next, so that they are read in one go.
 */
static void pack_b(const cut *c, const sd_args *args, int part)
{
    const sd_gemm *g = &c->g;
    int64_t begin, end, rows = g->b_column == 1 ? ROWS_AT_ONCE : g->k;
    sd__part(g->batches * c->column_panels, c->b_packers, part, &begin, &end);
    for (int64_t block = 0; block < c->k_blocks; block++) {
        int64_t from = block_begin(c, 0, g->k, block), to = block_begin(c, 0, g->k, block + 1);
        for (int64_t k = from; k < to; k += rows)
            for (int64_t i = begin; i < end; i++)
                pack_rows_of_b(c, args, i, from, to - from, k, SD_MIN(rows, to - k));
    }
}

/* ---- block ------------------------------------------------------------------------------------------------------------ */

/* One part's share of one product. */
typedef struct share {
    const float *a, *b; /* a: packed if the cut says so */
    const float *bias, *slope;
    bool clip;
    float *c;
    int64_t row_begin, row_end, column_begin, column_end; /* panels */
    int64_t k_begin, k_end;
} share;

/* Rows of B that are fetched ahead where they are read for the first time. */
enum { AHEAD = 4 };

/* Two neighbouring lines are fetched with every MICRO_FETCH k: from here on, `step` floats apart. */
static void fetch(micro_tile *t, const float *from, int64_t step)
{
    t->ahead = (uintptr_t)from;
    t->ahead_step = step * (int64_t)sizeof *from;
}

static void fetch_rows_of_b(micro_tile *t)
{
    fetch(t, t->b, MICRO_FETCH * t->b_step);
    t->ahead += (uintptr_t)(AHEAD * t->ahead_step);
}

/*
 * A panel that is packed next is fetched by tile after tile: two lines each of some of its k, or of all that lies across k. Its
 * elements lie `step` apart along k and `across` between its rows (A) or columns (B).
 */
static int64_t fetched_k(const micro_tile *t, int64_t across)
{
    return across == 1 ? SD_MAX((t->k - MICRO_ROWS) / MICRO_FETCH, 1) : 2 * LINE;
}

/* Share number `i`; false if there are fewer. */
static bool fetch_panel(micro_tile *t, const float *next, int64_t step, int64_t across, int64_t i)
{
    int64_t k = i * fetched_k(t, across);
    if (k >= t->k || (across != 1 && step != 1))
        return false;
    fetch(t, next + k * step, across == 1 ? step : across);
    return true;
}

/* A row of A is consecutive where the tiles read it. */
static bool by_row(const cut *c) { return !c->pack_a && c->g.a_step == 1 && c->g.a_row != 1; }

/* A's panel of rows [first,last) from k on: where it was packed, or where it lies. */
static void set_a(const cut *c, const share *s, micro_tile *t, int64_t first, int64_t last, int64_t k)
{
    const sd_gemm *g = &c->g;
    if (c->pitch)
        t->a = s->a + first * c->pitch, t->a_row = c->pitch, t->a_step = 1;
    else if (c->pack_a)
        t->a = s->a + first * g->k + k * (last - first), t->a_row = 1, t->a_step = last - first;
    else
        t->a = s->a + first * g->a_row + k * g->a_step, t->a_row = g->a_row, t->a_step = g->a_step;
}

/* The tile is whole once k = end is reached: then bias, ReLU or slope are due. */
static void set_finish(const share *s, micro_tile *t, int64_t column, int64_t end)
{
    bool whole = end == s->k_end;
    t->bias = whole && s->bias ? s->bias + column : NULL;
    t->clip = whole && s->clip;
    t->slope = whole && s->slope ? s->slope + (t->c - s->c) : NULL;
}

/* All row panels of the share meet one panel of B, and fetch the next. The first of them packs it, if `t.copy` says where. */
static void multiply_panel(const cut *c, const share *s, micro_tile t, int64_t k, int64_t column, const float *next)
{
    const sd_gemm *g = &c->g;
    int vectors = t.columns > V_LANES ? 2 : 1;
    bool steps = by_row(c);
    /* Rows a power of two apart share a few sets of the caches, where their lines get lost: they are fetched again. */
    int64_t shares = g->b_column == 1 ? up(t.k, fetched_k(&t, 1)) : INT64_MAX;
    for (int64_t panel = s->row_begin; panel < s->row_end; panel++) {
        int64_t first, last;
        panel_rows(c, panel, &first, &last);
        set_a(c, s, &t, first, last, k);
        t.c = s->c + first * g->n + column;
        set_finish(s, &t, column, k + t.k);
        if (next && !fetch_panel(&t, next, g->b_step, g->b_column, (panel - s->row_begin) % shares))
            fetch(&t, t.b, 0);
        if (t.copy) {
            SD_LEVELED(sd__micro_copy)[steps][last - first - 1](&t);
            t.b = t.copy, t.b_step = MICRO_COLUMNS, t.copy = NULL;
        } else {
            SD_LEVELED(sd__micro)[steps][vectors - 1][last - first - 1](&t);
        }
    }
}

/* Row k of B's panel. */
static const float *panel_of(const cut *c, const share *s, int64_t panel, int64_t k)
{
    return s->b + k * c->g.b_step + panel * MICRO_COLUMNS * c->g.b_column;
}

/*
 * The panel that is packed after this one: of this share, or the first of the next part, which mostly is this thread's too. Not
 * where k is cut: there every thread has the weights that it updates in its own cache, and nobody should take them away.
 */
static const float *next_panel(const cut *c, const share *s, int64_t panel, int64_t begin, int64_t end)
{
    if (panel + 1 < s->column_end)
        return panel_of(c, s, panel + 1, begin);
    if (end < s->k_end)
        return panel_of(c, s, s->column_begin, end);
    return c->ks == 1 && s->column_end < c->column_panels ? panel_of(c, s, s->column_end, s->k_begin) : NULL;
}

/*
 * Weights of which no other part reads these. An update writes them next, and waits long for every line of which another core keeps
 * a copy: so they are taken over while they are read, if they are large or cut along k. Other small ones stay in the second
 * caches of all who read them.
 */
static bool takes_over(const cut *c) { return c->falling || (c->rows == 1 && c->g.batches == 1 && c->g.k * c->g.n > 2 * NEAR); }

/* One panel of columns from k = begin to end. */
static void multiply_columns(const cut *c, const share *s, int64_t panel, int64_t begin, int64_t end)
{
    const sd_gemm *g = &c->g;
    _Alignas(64) float packed[DEPTH * MICRO_COLUMNS];
    int64_t column = panel * MICRO_COLUMNS, columns = SD_MIN(g->n - column, MICRO_COLUMNS);
    int64_t width = columns > V_LANES ? 2 * V_LANES : V_LANES;
    micro_tile t = {.k = end - begin, .c_row = g->n, .columns = columns, .add = begin > s->k_begin};
    t.b = panel_of(c, s, panel, begin), t.b_step = g->b_step;
    t.ahead_own = takes_over(c);
    fetch_rows_of_b(&t);
    bool pack = g->b_column != 1 || columns < width || s->row_end - s->row_begin > 1;
    if (pack && g->b_column == 1 && columns == MICRO_COLUMNS) {
        t.copy = packed;
    } else if (pack) {
        SD_LEVELED(sd__pack)(packed, width, t.b, g->b_step, g->b_column, t.k, columns);
        t.b = packed, t.b_step = width;
    }
    multiply_panel(c, s, t, begin, column, pack ? next_panel(c, s, panel, begin, end) : NULL);
}

/* The tile's rows of A side by side: row after row, or k after k. */
static void pack_panel(micro_tile *t, float *packed, int64_t rows, bool steps)
{
    int64_t pitch = steps ? (int64_t)lines(t->k) : rows;
    if (steps)
        SD_LEVELED(sd__pack)(packed, pitch, t->a, t->a_row, 1, rows, t->k);
    else
        SD_LEVELED(sd__pack)(packed, pitch, t->a, t->a_step, 1, t->k, rows);
    t->a = packed;
    t->a_row = steps ? pitch : 1;
    t->a_step = steps ? 1 : pitch;
}

/* One panel of rows from k = begin to end, along all columns of the share: C is written row by row. */
static void multiply_rows(const cut *c, const share *s, int64_t panel, int64_t begin, int64_t end)
{
    const sd_gemm *g = &c->g;
    _Alignas(64) float packed[DEPTH * MICRO_ROWS];
    int64_t first, last;
    panel_rows(c, panel, &first, &last);
    micro_tile t = {.k = end - begin, .b_step = MICRO_COLUMNS, .c_row = g->n, .add = begin > s->k_begin};
    set_a(c, s, &t, first, last, begin);
    const float *next = !c->pack_a && last < g->m ? t.a + (last - first) * g->a_row : NULL;
    bool steps = by_row(c);
    if (!c->pack_a)
        pack_panel(&t, packed, last - first, steps);
    for (int64_t j = s->column_begin; j < s->column_end; j++) {
        int64_t column = j * MICRO_COLUMNS;
        t.b = s->b + (begin * c->column_panels + j * t.k) * MICRO_COLUMNS;
        if (!next || !fetch_panel(&t, next, g->a_step, g->a_row, j - s->column_begin))
            fetch_rows_of_b(&t);
        t.c = s->c + first * g->n + column;
        t.columns = SD_MIN(g->n - column, MICRO_COLUMNS);
        set_finish(s, &t, column, end);
        SD_LEVELED(sd__micro)[steps][t.columns > V_LANES][last - first - 1](&t);
    }
}

/* Ranges of k outside: the same part of A (few rows) or of B (tall) is used again while it is in the second cache. */
static void multiply(const cut *c, share s)
{
    for (int64_t block = 0; block < c->k_blocks; block++) {
        int64_t begin = block_begin(c, s.k_begin, s.k_end, block), end = block_begin(c, s.k_begin, s.k_end, block + 1);
        for (int64_t panel = s.column_begin; panel < s.column_end && !c->tall; panel++)
            multiply_columns(c, &s, panel, begin, end);
        for (int64_t panel = s.row_begin; panel < s.row_end && c->tall; panel++)
            multiply_rows(c, &s, panel, begin, end);
        s.a += c->g.m * c->pitch;
    }
}

/* ---- stream, dot ------------------------------------------------------------------------------------------------------ */

/* Floats of a row that are fetched at once: half of a first cache of 32 KB. */
enum { FETCHED = 4096 };

/*
 * Of the row, another core has often written a half just before, and cores that share no cache take 200 ns for a line: all lines at
 * once are soon there, one after the other would keep every sum waiting.
 */
static void fetch_row(const float *a, int64_t a_step, int64_t k)
{
    for (int64_t i = 0; a_step == 1 && i < SD_MIN(k, FETCHED); i += LINE)
        __builtin_prefetch(a + i);
}

/* One row: the share's columns and k. */
static void multiply_row(const cut *c, const share *s)
{
    const sd_gemm *g = &c->g;
    int64_t grain = c->way == STREAM ? 4 * V_LANES : 4;
    int64_t begin = SD_MIN(s->column_begin * grain, g->n), end = SD_MIN(s->column_end * grain, g->n);
    const float *a = s->a + s->k_begin * g->a_step, *b = s->b + s->k_begin * g->b_step + begin * g->b_column;
    fetch_row(a, g->a_step, s->k_end - s->k_begin);
    if (c->way == STREAM)
        SD_LEVELED(sd__row_stream)(s->c + begin, a, g->a_step, b, g->b_step, end - begin, s->k_end - s->k_begin);
    else
        SD_LEVELED(sd__row_dot)(s->c + begin, a, b, g->b_column, end - begin, s->k_end - s->k_begin);
    if (s->bias || s->clip || s->slope)
        SD_LEVELED(sd__row_finish)
    (s->c + begin, s->bias ? s->bias + begin : NULL, s->clip, s->slope ? s->slope + begin : NULL, end - begin);
}

/* ---- panels that are kept ---------------------------------------------------------------------------------------------- */

/* Panel number `panel`: vectors of columns, the first of them, and where it is kept. */
typedef struct kept_panel {
    int64_t first, vectors;
    float *b;
} kept_panel;

static kept_panel find_panel(const cut *c, const sd_args *args, int64_t panel)
{
    int64_t begin, end;
    sd__part(up(c->g.n, V_LANES), (int)c->column_panels, (int)panel, &begin, &end);
    return (kept_panel){begin * V_LANES, end - begin, (float *)args->kept + begin * V_LANES * c->g.k};
}

static void keep_panel(const cut *c, const sd_args *args)
{
    const sd_gemm *g = &c->g;
    kept_panel p = find_panel(c, args, args->part);
    const float *b = (const float *)args->in[g->b].data + p.first * g->b_column;
    SD_LEVELED(sd__pack)
    (p.b, p.vectors * V_LANES, b, g->b_step, g->b_column, g->k, SD_MIN(g->n - p.first, p.vectors * V_LANES));
}

static void run_panels(const cut *c, const sd_args *args)
{
    const sd_gemm *g = &c->g;
    const float *bias = g->bias >= 0 ? args->in[g->bias].data : NULL, *slope = g->slope >= 0 ? args->in[g->slope].data : NULL;
    const float *a = args->in[g->a].data;
    float *y = args->out[0].data;
    int64_t begin, end;
    sd__part(c->column_panels, c->columns, args->part, &begin, &end);
    fetch_row(a, g->a_step, g->k);
    for (int64_t i = begin; i < end; i++) {
        kept_panel p = find_panel(c, args, i);
        int64_t columns = SD_MIN(g->n - p.first, p.vectors * V_LANES);
        SD_LEVELED(sd__row_panel)(y + p.first, a, g->a_step, p.b, (int)p.vectors, columns, g->k, c->ahead);
        SD_LEVELED(sd__row_finish)
        (y + p.first, bias ? bias + p.first : NULL, g->clip, slope ? slope + p.first : NULL, columns);
    }
}

/* ---- the main phase, and the one that adds ------------------------------------------------------------ */

/* Panels (block) or grains (one row) along columns: what a column part is counted in. */
static int64_t column_units(const cut *c)
{
    if (c->way == BLOCK)
        return c->column_panels;
    return up(c->g.n, c->way == STREAM ? 4 * V_LANES : 4);
}

static void run_share(const cut *c, const sd_args *args, share s, int64_t batch, int k_part)
{
    const sd_gemm *g = &c->g;
    if (c->tall)
        s.b = packed(c, args) + batch * c->column_panels * MICRO_COLUMNS * g->k;
    else
        s.b = (const float *)args->in[g->b].data + sd__gemm_batch(g, 1, batch);
    if (c->pack_a || c->pitch)
        s.a = packed(c, args) + c->packed_a + batch * packed_size(c) + k_part * c->k_blocks * g->m * c->pitch;
    else
        s.a = (const float *)args->in[g->a].data + sd__gemm_batch(g, 0, batch);
    if (c->ks > 1 || c->turned) {
        s.c = (float *)args->scratch + c->partials + (k_part * g->batches + batch) * g->m * g->n;
    } else {
        s.c = (float *)args->out[0].data + batch * g->m * g->n;
        s.bias = g->bias >= 0 ? args->in[g->bias].data : NULL;
        s.slope = g->slope >= 0 ? (const float *)args->in[g->slope].data + batch * g->m * g->n : NULL;
        s.clip = g->clip;
    }
    if (c->way == BLOCK)
        multiply(c, s);
    else
        multiply_row(c, &s);
}

static void run_main(const cut *c, const sd_args *args)
{
    int part = args->part, within = part % (c->columns * c->rows);
    int column = c->tall ? within / c->rows : within % c->columns, row = c->tall ? within % c->rows : within / c->columns;
    int k_part = part / (c->columns * c->rows) % c->ks, batch_part = part / (c->columns * c->rows * c->ks);
    share s = {0};
    sd__part(column_units(c), c->columns, column, &s.column_begin, &s.column_end);
    sd__part(c->row_panels, c->rows, row, &s.row_begin, &s.row_end);
    sd__part(c->g.k, c->ks, k_part, &s.k_begin, &s.k_end);
    int64_t begin, end;
    sd__part(c->g.batches, c->batches, batch_part, &begin, &end);
    for (int64_t batch = begin; batch < end; batch++)
        run_share(c, args, s, batch, k_part);
}

/* Partial sums over ranges of k are added in their order; then what is done last, row by row. */
static void run_add(const cut *c, const sd_args *args)
{
    const sd_gemm *g = &c->g;
    int64_t count = g->batches * g->m * g->n, begin, end;
    const float *partial = (const float *)args->scratch + c->partials;
    const float *bias = g->bias >= 0 ? args->in[g->bias].data : NULL;
    const float *slope = g->slope >= 0 ? args->in[g->slope].data : NULL;
    float *y = args->out[0].data;
    sd__part(up(count, 64), c->adders, args->part, &begin, &end);
    end = SD_MIN(end * 64, count);
    begin *= 64;
    for (int64_t i = begin; i < end; i += V_LANES) {
        vf sum = v_load_n(partial + i, end - i);
        for (int k = 1; k < c->ks; k++)
            sum += v_load_n(partial + k * count + i, end - i);
        v_store_n(y + i, sum, end - i);
    }
    for (int64_t i = begin, columns; (bias || g->clip || slope) && i < end; i += columns) {
        columns = SD_MIN(g->n - i % g->n, end - i);
        SD_LEVELED(sd__row_finish)(y + i, bias ? bias + i % g->n : NULL, g->clip, slope ? slope + i : NULL, columns);
    }
}

/* Some columns of C' become rows of C. */
static void run_turn(const cut *c, const sd_args *args)
{
    const sd_gemm *g = &c->g;
    int64_t begin, end;
    sd__part(g->n, c->adders, args->part, &begin, &end);
    const float *from = (const float *)args->scratch + c->partials + begin;
    SD_LEVELED(sd__pack)((float *)args->out[0].data + begin * g->m, g->m, from, 1, g->n, end - begin, g->m);
}

static void pack_part(const cut *c, const sd_args *args, int part)
{
    if (part < c->b_packers)
        pack_b(c, args, part);
    else
        pack_a(c, args, part - c->b_packers);
}

static int packers(const cut *c) { return c->b_packers + c->a_packers; }

static void pack_own(const cut *c, const sd_args *args)
{
    for (int part = 0; part < packers(c); part++)
        pack_part(c, args, part);
}

static void run(const sd_args *args)
{
    const cut *c = args->state;
    int main_phase = packers(c) && !c->own;
    if (args->phase == SD_KEEP)
        keep_panel(c, args);
    else if (args->phase == SD_OWN)
        pack_own(c, args);
    else if (c->way == PANELS)
        run_panels(c, args);
    else if (args->phase < main_phase)
        pack_part(c, args, args->part);
    else if (args->phase == main_phase)
        run_main(c, args);
    else if (c->turned)
        run_turn(c, args);
    else
        run_add(c, args);
}

static sd_status prepare(const sd_gemm *g, unsigned fixed, int threads, sd_work *work)
{
    cut *c = sd__alloc_zeroed(1, sizeof *c);
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory to prepare a matrix product");
    c->g = *g;
    c->fixed_b = fixed >> g->b & 1;
    c->threads = threads;
    SD_LEVELED(sd__cut)(c);
    size_t floats = 0;
    work->phases = 0;
    if (packers(c) && !c->own)
        work->parts[work->phases++] = packers(c);
    if (c->tall)
        c->packed_a = floats = lines(g->batches * c->column_panels * MICRO_COLUMNS * g->k);
    if (c->a_packers > 0)
        floats += lines(g->batches * packed_size(c));
    if (c->own)
        work->own = floats * sizeof(float), floats = 0;
    work->falling = c->falling ? 1u << work->phases : 0;
    work->parts[work->phases++] = c->rows * c->columns * c->ks * c->batches;
    if (c->ks > 1 || c->turned) {
        work->parts[work->phases++] = c->adders;
        c->partials = floats;
        floats += (size_t)(c->ks * g->batches * g->m * g->n);
    }
    if (c->way == PANELS) {
        work->keepers = (int)c->column_panels;
        work->kept = (size_t)(up(g->n, V_LANES) * V_LANES * g->k) * sizeof(float);
    }
    work->scratch = floats * sizeof(float);
    work->state = c;
    return SD_OK;
}

static sd_status prepare_matmul(const sd_call *call, sd_work *work)
{
    sd_gemm g;
    if (!sd__gemm_of_matmul(call, &g))
        return sd__fail(SD_EINTERNAL, "matmul: prepared for a call that was not accepted");
    return prepare(&g, call->fixed, call->threads, work);
}

static sd_status prepare_dense(const sd_call *call, sd_work *work)
{
    sd_gemm g;
    if (!sd__gemm_of_dense(call, &g))
        return sd__fail(SD_EINTERNAL, "dense: prepared for a call that was not accepted");
    return prepare(&g, call->fixed, call->threads, work);
}

#define KERNEL(name_, prepare_)                      \
    const sd_kernel SD_LEVELED(sd__simd_##name_) = { \
        .name = SD_LEVELED_NAME(#name_), .prepare = prepare_, .run = run, .release = free};
KERNEL(matmul, prepare_matmul)
KERNEL(matmul_relu_grad, prepare_matmul)
KERNEL(dense, prepare_dense)
KERNEL(dense_relu, prepare_dense)
