/* cut.c -- when tiles are faster than vectors, and how a product on them is cut. */
#include "kernels/amx/cut.h"

#include "base/base.h"
#include "ops/op.h"

/* Core cycles, measured on Emerald and Granite Rapids: of a multiply-add on vectors and on tiles, of splitting a number, of turning it. */
#define VECTOR_COST (1 / 25.0)
#define TILE_COST (1 / 50.0)
#define SPLIT_COST 0.8
#define TURN_COST 0.25
#define TURN_SPLIT_COST 0.4

/* About nanoseconds a cycle. */
#define CYCLE 0.4

/* Panels of the small operand that a part meets at most: in one range of k they stay in a second cache. */
enum { MOST_SMALL = 32 };

/* Half of a second cache. */
enum { NEAR_BYTES = 1 << 20 };

/* More threads than these share the small operand, which each would split for itself; so does everyone where it is large. */
enum { MOST_ALONE = 4, OWN_BYTES = 1 << 21 };

static int64_t panels(int64_t lines) { return sd__amx_up(lines, AMX_PANEL); }

/* Tiles of A have k along their rows, tiles of B across them: what lies the other way is turned while it is split. */
static bool turns_a(const sd_gemm *g) { return g->a_step != 1; }
static bool turns_b(const sd_gemm *g) { return g->b_column != 1; }

static double split_cost(bool turns, int64_t lines, int64_t k)
{
    return (SPLIT_COST + (turns ? TURN_SPLIT_COST : 0)) * (double)panels(lines) * AMX_PANEL * (double)k;
}

static double cost(const sd_gemm *g, bool turned)
{
    double tiles = TILE_COST * (double)(panels(g->m) * panels(g->n) * AMX_PANEL * AMX_PANEL) *
                   (double)(sd__amx_up(g->k, AMX_STEP) * AMX_STEP);
    double turning = turned ? TURN_COST * (double)g->m * (double)g->n : 0;
    return tiles + turning + split_cost(turns_a(g), g->m, g->k) + split_cost(turns_b(g), g->n, g->k);
}

static bool consecutive(const sd_gemm *g) { return (g->a_row == 1 || g->a_step == 1) && (g->b_step == 1 || g->b_column == 1); }

static int64_t split_bytes(const sd_amx_cut *c) { return c->small * c->steps * AMX_STEP_BYTES; }

/*
 * Parts along the panels that are walked, and, if there are many, along those of the small operand. A part has at least four panels where
 * the small operand in one range of k is better met by some while it is near: it is large, or lines of B, which lie a power of two apart,
 * push it out of their sets of the second cache.
 */
static void cut_parts(sd_amx_cut *c)
{
    int wanted = (int)sd__even(sd__parts(c->walked * c->small, c->cycles * CYCLE / (double)(c->walked * c->small)));
    c->small_parts = (int)sd__amx_up(c->small, MOST_SMALL);
    bool far = !c->walks_a || split_bytes(c) > NEAR_BYTES;
    int64_t most = far ? SD_MAX(c->walked / 4, SD_MIN(c->walked, 4)) : c->walked;
    c->walked_parts = (int)SD_MIN(SD_MAX(wanted / c->small_parts, 1), most);
}

static bool gemm_of(const sd_call *call, sd_gemm *g)
{
    bool dense = call->op == &sd__op_dense || call->op == &sd__op_dense_relu;
    return dense ? sd__gemm_of_dense(call, g) : sd__gemm_of_matmul(call, g);
}

/* As it is, or turned, whichever costs less; false if both cost more than vectors do. */
static bool choose(const sd_gemm *g, sd_amx_cut *c)
{
    sd_gemm turned = *g;
    sd__gemm_turn(&turned);
    double as_it_is = cost(g, false), if_turned = cost(&turned, true);
    c->turned = if_turned < as_it_is;
    c->g = c->turned ? turned : *g;
    c->cycles = SD_MIN(as_it_is, if_turned);
    return c->cycles <= VECTOR_COST * (double)(g->m * g->n) * (double)g->k;
}

bool sd__amx_cut(const sd_call *call, sd_amx_cut *c)
{
    sd_gemm g;
    *c = (sd_amx_cut){0};
    if (!gemm_of(call, &g) || g.batches != 1 || !consecutive(&g) || !choose(&g, c))
        return false;
    const int64_t more = SD_MAX(g.m, g.n), fewer = SD_MIN(g.m, g.n);
    c->walks_a = c->g.m >= c->g.n;
    c->walked = panels(more);
    c->small = panels(fewer);
    c->steps = sd__amx_up(g.k, AMX_STEP);
    c->ranges = c->steps <= AMX_MOST ? 1 : sd__amx_up(c->steps, AMX_DEPTH);
    cut_parts(c);
    c->takes_over = c->small_parts == 1 && more * g.k * (int64_t)sizeof(float) > 2 * NEAR_BYTES;
    c->own = call->threads > 0 && call->threads <= MOST_ALONE && split_bytes(c) <= OWN_BYTES;
    double panel = SPLIT_COST * CYCLE * AMX_PANEL * (double)g.k;
    c->packers = c->own ? 1 : (int)sd__even(sd__parts(c->small, panel));
    return true;
}
