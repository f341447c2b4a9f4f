/* cut.c -- when tiles are faster than vectors, and how a product on them is cut. */
#include "kernels/amx/cut.h"

#include "base/base.h"

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

/* Parts along the panels that are walked, and, if there are many, along those of the small operand. */
static void cut_parts(sd_amx_cut *c, double cycles)
{
    int wanted = (int)sd__even(sd__parts(c->walked * c->small, cycles * CYCLE / (double)(c->walked * c->small)));
    c->small_parts = (int)sd__amx_up(c->small, MOST_SMALL);
    bool far = !c->walks_a || c->small * c->steps * AMX_STEP_BYTES > NEAR_BYTES;
    int64_t most = far ? SD_MAX(c->walked / 4, SD_MIN(c->walked, 4)) : c->walked;
    c->walked_parts = (int)SD_MIN(SD_MAX(wanted / c->small_parts, 1), most);
}

bool sd__amx_cut(const sd_gemm *g, int threads, sd_amx_cut *c)
{
    sd_gemm turned = *g;
    sd__gemm_turn(&turned);
    double as_it_is = cost(g, false), if_turned = cost(&turned, true), best = SD_MIN(as_it_is, if_turned);
    if (g->batches != 1 || !consecutive(g) || best > VECTOR_COST * (double)(g->m * g->n) * (double)g->k)
        return false;
    *c = (sd_amx_cut){.g = if_turned < as_it_is ? turned : *g, .turned = if_turned < as_it_is};
    g = &c->g;
    c->walks_a = g->m >= g->n;
    c->walked = panels(SD_MAX(g->m, g->n));
    c->small = panels(SD_MIN(g->m, g->n));
    c->steps = sd__amx_up(g->k, AMX_STEP);
    c->ranges = c->steps <= AMX_MOST ? 1 : sd__amx_up(c->steps, AMX_DEPTH);
    cut_parts(c, best);
    int64_t bytes = c->small * c->steps * AMX_STEP_BYTES;
    c->own = threads > 0 && threads <= MOST_ALONE && bytes <= OWN_BYTES;
    c->takes_over = c->small_parts == 1 && SD_MAX(g->m, g->n) * g->k > 2 * NEAR_BYTES / (int64_t)sizeof(float);
    double number = SPLIT_COST * CYCLE * AMX_PANEL * (double)g->k;
    c->packers = c->own ? 1 : (int)sd__even(sd__parts(c->small, number));
    return true;
}
