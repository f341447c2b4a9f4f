/*
 * product.c -- matrix products on tiles: the small operand is split whole, the other by the panel, and what 32 rows and 32 columns
 * have in common stays in four tiles over a range of k.
 */
#include <stdlib.h>

#include "base/base.h"
#include "kernels/amx/amx.h"
#include "kernels/amx/tiles/split.h"
#include "kernels/simd/level/pack.h"

/* Sums of a panel of rows with one of columns, row after row: floats. */
enum { SUMS = AMX_PANEL * AMX_PANEL };

/* ---- operands ---------------------------------------------------------------------------------------------------------- */

static amx_lines operand(const sd_amx_cut *c, const sd_args *args, bool a)
{
    const sd_gemm *g = &c->g;
    if (a)
        return (amx_lines){args->in[g->a].data, g->a_row, g->a_step, g->m, g->k, false};
    return (amx_lines){args->in[g->b].data, g->b_column, g->b_step, g->n, g->k, true};
}

static char *split_operand(const sd_amx_cut *c, const sd_args *args) { return c->own ? args->own : args->scratch; }

static size_t split_bytes(const sd_amx_cut *c) { return (size_t)(c->small * c->steps * AMX_STEP_BYTES); }

/* A panel of the small operand in a range of k that begins at step `begin` and has so many. */
static char *split_panel(const sd_amx_cut *c, const sd_args *args, int64_t panel, int64_t begin, int64_t steps)
{
    return split_operand(c, args) + (c->small * begin + panel * steps) * AMX_STEP_BYTES;
}

static void split_part(const sd_amx_cut *c, const sd_args *args, int part)
{
    const amx_lines small = operand(c, args, !c->walks_a);
    int64_t first, last;
    sd__part(c->small, c->packers, part, &first, &last);
    for (int64_t range = 0; range < c->ranges; range++) {
        int64_t begin = sd__amx_range(c, range), end = sd__amx_range(c, range + 1);
        for (int64_t panel = first; panel < last; panel++)
            sd__amx_split(&small, panel, begin, end, split_panel(c, args, panel, begin, end - begin));
    }
}

/* ---- tiles ------------------------------------------------------------------------------------------------------------- */

/* Eight tiles of 16 rows by 64 bytes; per thread. */
static void open_tiles(void)
{
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    for (int i = 0; i < 8; i++)
        shape.bytes[i] = 64, shape.rows[i] = 16;
    _tile_loadconfig(&shape);
}

/*
 * What is read next from far away: pairs of neighbouring cache lines, 32 of them `line` bytes apart, the next 32 `group` bytes
 * behind. So many are fetched at a time.
 */
typedef struct amx_ahead {
    uintptr_t from; /* any address will do, nothing is read */
    int64_t line, group;
    int next, end, rate;
    bool own; /* as for writing: no other core keeps a copy */
} amx_ahead;

V_INLINE void fetch(amx_ahead *f)
{
    for (int i = 0; i < f->rate && f->next < f->end; i++, f->next++) {
        uintptr_t at = f->from + (uintptr_t)(f->next % AMX_PANEL * f->line + f->next / AMX_PANEL * f->group);
        if (f->own)
            __builtin_prefetch((const void *)at, 1), __builtin_prefetch((const void *)(at + 64), 1);
        else
            __builtin_prefetch((const void *)at), __builtin_prefetch((const void *)(at + 64));
    }
}

/*
 * sums = a b over so many steps; `pitch` floats from row to row of the sums. The small products come first, then those of the first
 * pieces, so that what is small is not rounded at what is large. Most products find one operand loaded.
 */
static void multiply(const char *a, const char *b, int64_t steps, float *sums, int64_t pitch, amx_ahead *ahead)
{
    const size_t row = (size_t)pitch * sizeof *sums;
    float *lower = sums + AMX_PANEL / 2 * pitch;
#define PIECE(of, step, piece) ((of) + (step)*AMX_STEP_BYTES + ((piece)-1) * 2 * AMX_TILE)
#define LOAD_A(step, piece)                    \
    _tile_loadd(4, PIECE(a, step, piece), 64); \
    _tile_loadd(5, PIECE(a, step, piece) + AMX_TILE, 64)
#define LOAD_B(step, piece)                    \
    _tile_loadd(6, PIECE(b, step, piece), 64); \
    _tile_loadd(7, PIECE(b, step, piece) + AMX_TILE, 64)
#define MULTIPLY()           \
    _tile_dpbf16ps(0, 4, 6); \
    _tile_dpbf16ps(1, 4, 7); \
    _tile_dpbf16ps(2, 5, 6); \
    _tile_dpbf16ps(3, 5, 7); \
    fetch(ahead)
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t step = 0; step < steps; step++) {
        LOAD_A(step, 1);
        LOAD_B(step, 3);
        MULTIPLY();
        LOAD_B(step, 2);
        MULTIPLY();
        LOAD_A(step, 2);
        MULTIPLY();
        LOAD_B(step, 1);
        MULTIPLY();
        LOAD_A(step, 3);
        MULTIPLY();
    }
    for (int64_t step = 0; step < steps; step++) {
        LOAD_A(step, 1);
        LOAD_B(step, 1);
        MULTIPLY();
    }
    _tile_stored(0, sums, row);
    _tile_stored(1, sums + AMX_PANEL / 2, row);
    _tile_stored(2, lower, row);
    _tile_stored(3, lower + AMX_PANEL / 2, row);
}

/* ---- results ----------------------------------------------------------------------------------------------------------- */

/* Sums that are whole become a piece of C from row, column on: bias, ReLU or slope are due. */
static void finish(const sd_gemm *g, const sd_args *args, const float *sums, int64_t row, int64_t column, int64_t rows,
                   int64_t columns)
{
    const int64_t pitch = args->out[0].shape.dim[args->out[0].shape.rank - 1];
    const float *bias = g->bias >= 0 ? (const float *)args->in[g->bias].data + column : NULL;
    const float *slope = g->slope >= 0 ? (const float *)args->in[g->slope].data + row * pitch + column : NULL;
    float *c = (float *)args->out[0].data + row * pitch + column;
    for (int64_t i = 0; i < rows; i++, c += pitch, sums += AMX_PANEL, slope += slope ? pitch : 0)
        for (int64_t j = 0; j < columns; j += V_LANES) {
            vf sum = v_load(sums + j);
            if (bias)
                sum += v_load_n(bias + j, columns - j);
            if (g->clip)
                sum = v_relu(sum);
            if (slope)
                sum *= v_step(v_load_n(slope + j, columns - j));
            v_store_n(c + j, sum, columns - j);
        }
}

static void store(const sd_amx_cut *c, const sd_args *args, const float *sums, int64_t row, int64_t column)
{
    _Alignas(64) float turned[SUMS];
    int64_t rows = SD_MIN(c->g.m - row, AMX_PANEL), columns = SD_MIN(c->g.n - column, AMX_PANEL);
    if (c->turned) {
        SD_LEVELED(sd__pack)(turned, AMX_PANEL, sums, 1, AMX_PANEL, AMX_PANEL, AMX_PANEL);
        finish(&c->g, args, turned, column, row, columns, rows);
    } else {
        finish(&c->g, args, sums, row, column, rows, columns);
    }
}

/* Tiles can be stored as C straight away. */
static bool is_plain(const sd_amx_cut *c, int64_t row, int64_t column)
{
    const sd_gemm *g = &c->g;
    return c->ranges == 1 && !c->turned && g->bias < 0 && g->slope < 0 && !g->clip && row + AMX_PANEL <= g->m &&
           column + AMX_PANEL <= g->n;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------- */

/* sums = a + b */
static void add(float *sums, const float *a, const float *b)
{
    for (int64_t i = 0; i < SUMS; i += V_LANES)
        v_store(sums + i, v_load(a + i) + v_load(b + i));
}

/* A panel that is walked along, split from step `begin` to `end`, meets a panel of the small operand. */
static void meet(const sd_amx_cut *c, const sd_args *args, const char *split, int64_t walked, int64_t small, int64_t begin,
                 int64_t end, amx_ahead *ahead)
{
    _Alignas(64) float own[SUMS];
    const char *other = split_panel(c, args, small, begin, end - begin);
    const char *a = c->walks_a ? split : other, *b = c->walks_a ? other : split;
    int64_t row = (c->walks_a ? walked : small) * AMX_PANEL, column = (c->walks_a ? small : walked) * AMX_PANEL;
    if (is_plain(c, row, column)) {
        multiply(a, b, end - begin, (float *)args->out[0].data + row * c->g.n + column, c->g.n, ahead);
        return;
    }
    float *before = (float *)((char *)args->scratch + (c->own ? 0 : split_bytes(c))) + (walked * c->small + small) * SUMS;
    bool first = begin == 0, last = end == c->steps;
    float *sums = first && !last ? before : own;
    multiply(a, b, end - begin, sums, AMX_PANEL, ahead);
    if (!first)
        add(last ? own : before, own, before);
    if (last)
        store(c, args, own, row, column);
}

/* The piece of a panel that is split next: in this range of k, in the next one, or the first of the next part. */
static amx_ahead next_piece(const sd_amx_cut *c, const amx_lines *walked, int64_t first, int64_t panel, int64_t last,
                            int64_t range)
{
    bool same = panel + 1 < last;
    range = same ? range : range + 1;
    panel = same ? panel + 1 : range < c->ranges ? first : last;
    range %= c->ranges;
    int64_t begin = sd__amx_range(c, range), steps = sd__amx_range(c, range + 1) - begin;
    const int64_t line = walked->line * (int64_t)sizeof(float), k = walked->k * (int64_t)sizeof(float);
    return (amx_ahead){.from = (uintptr_t)walked->data + (uintptr_t)(panel * AMX_PANEL * line + begin * AMX_STEP * k),
                       .line = SD_MAX(line, k),
                       .group = AMX_STEP * k,
                       .end = panel < c->walked ? (int)(AMX_PANEL * steps) : 0,
                       .rate = (int)sd__amx_up(AMX_PANEL, 6 * c->small),
                       .own = c->takes_over};
}

static void run_main(const sd_amx_cut *c, const sd_args *args)
{
    _Alignas(64) char split[AMX_MOST * AMX_STEP_BYTES];
    const amx_lines walked = operand(c, args, c->walks_a);
    int64_t first, last, from, to;
    sd__part(c->walked, c->walked_parts, args->part % c->walked_parts, &first, &last);
    sd__part(c->small, c->small_parts, args->part / c->walked_parts, &from, &to);
    open_tiles();
    for (int64_t range = 0; range < c->ranges; range++) {
        int64_t begin = sd__amx_range(c, range), end = sd__amx_range(c, range + 1);
        for (int64_t panel = first; panel < last; panel++) {
            amx_ahead ahead = next_piece(c, &walked, first, panel, last, range);
            sd__amx_split(&walked, panel, begin, end, split);
            for (int64_t small = from; small < to; small++)
                meet(c, args, split, panel, small, begin, end, &ahead);
        }
    }
    _tile_release();
}

/* ---- the kernels ------------------------------------------------------------------------------------------------------- */

static void run(const sd_args *args)
{
    const sd_amx_cut *c = args->state;
    if (args->phase == SD_OWN)
        split_part(c, args, 0);
    else if (args->phase == 0 && !c->own)
        split_part(c, args, args->part);
    else
        run_main(c, args);
}

static sd_status prepare(const sd_call *call, sd_work *work)
{
    sd_amx_cut *c = work->state = sd__alloc_zeroed(1, sizeof *c);
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory to prepare a matrix product");
    if (!sd__amx_cut(call, c))
        return sd__fail(SD_EINTERNAL, "%s: prepared for a call that was not accepted", call->op->name);
    work->phases = 0;
    if (c->own)
        work->own = split_bytes(c);
    else
        work->parts[work->phases++] = c->packers, work->scratch = split_bytes(c);
    work->parts[work->phases++] = c->walked_parts * c->small_parts;
    if (c->ranges > 1)
        work->scratch += (size_t)(c->walked * c->small * SUMS) * sizeof(float);
    return SD_OK;
}

#define KERNEL(name_) \
    const sd_kernel sd__amx_##name_ = {.name = #name_ "_amx", .prepare = prepare, .run = run, .release = free};
SD_AMX_KERNELS(KERNEL)
