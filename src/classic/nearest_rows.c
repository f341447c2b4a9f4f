/*
 * nearest_rows.c -- nearest neighbours of many rows at once: |q - x|^2 = |q|^2 - 2 <q,x> + |x|^2, and
 * the products are a matrix.
 *
 * That expression loses digits where the lengths are large beside the distance. So it only names the candidates: all rows that
 * rounding could make the nearest. Among these the distances themselves, in f64, decide.
 */
#include <math.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <stdlib.h>

#include "base/pool.h"
#include "classic/nearest.h"
#include "tensor/element.h"

enum { QUERIES = 256 };

typedef struct search {
    sd_dtype dtype;
    int64_t n, d, m, first; /* queries first .. first + QUERIES are under way */
    const char *x, *q;
    double *square; /* [n] |x|^2 */
    void *product;  /* [QUERIES, n] */
    int64_t *nearest;
} search;

static double square_of(const search *s, const void *rows, int64_t row)
{
    double sum = 0;
    for (int64_t j = 0; j < s->d; j++)
        sum += sd__element(rows, s->dtype, row * s->d + j) * sd__element(rows, s->dtype, row * s->d + j);
    return sum;
}

/* Ends early once the sum exceeds `limit`, for then the row cannot win. */
static double distance(const search *s, int64_t query, int64_t row, double limit)
{
    double sum = 0;
    for (int64_t j = 0; j < s->d && sum <= limit; j++) {
        double gap = sd__element(s->q, s->dtype, query * s->d + j) - sd__element(s->x, s->dtype, row * s->d + j);
        sum += gap * gap;
    }
    return sum;
}

/* How far off |q|^2 - 2 <q,x> + |x|^2 may be: d products are summed, each rounded, and so is every sum. */
static double slack(const search *s, double q, double x)
{
    return 2 * (s->dtype == SD_F64 ? 0x1p-52 : 0x1p-23) * ((double)s->d + 4) * sqrt(q * x);
}

static void decide(void *user, int part)
{
    const search *s = user;
    int64_t query = s->first + part, best = 0;
    double q = square_of(s, s->q, query), bound = INFINITY, least = INFINITY;
    for (int64_t i = 0; i < s->n; i++)
        bound = fmin(bound, s->square[i] - 2 * sd__element(s->product, s->dtype, part * s->n + i) + slack(s, q, s->square[i]));
    for (int64_t i = 0; i < s->n && least > 0; i++) {
        if (s->square[i] - 2 * sd__element(s->product, s->dtype, part * s->n + i) - slack(s, q, s->square[i]) > bound)
            continue;
        double there = distance(s, query, i, least);
        if (there < least) {
            least = there;
            best = i;
        }
    }
    s->nearest[query] = best;
}

static sd_status compile(sd_context *context, const search *s, int64_t queries, sd_plan **plan)
{
    sd_graph *g = sd_graph_new();
    if (!g)
        return sd__fail(SD_ENOMEM, "no memory for nearest neighbours");
    sd_node q = sd_input(g, "q", s->dtype, SD_SHAPE(queries, s->d)), x = sd_input(g, "x", s->dtype, SD_SHAPE(s->n, s->d));
    sd_output output = {.slot = "product", .node = sd_matmul(q, false, x, true)};
    sd_status status = sd_compile(context, 1, &output, NULL, plan);
    sd_graph_free(g);
    return status;
}

static sd_status run(sd_context *context, search *s, const sd_plan *plan, sd_workspace *workspace)
{
    void *binding[3] = {0};
    size_t size = sd_dtype_size(s->dtype);
    binding[sd_plan_slot(plan, "q")] = (void *)(uintptr_t)(s->q + (size_t)(s->first * s->d) * size);
    binding[sd_plan_slot(plan, "x")] = (void *)(uintptr_t)s->x;
    binding[sd_plan_slot(plan, "product")] = s->product;
    return sd_run(plan, workspace, binding, sd_context_pool(context));
}

/* All blocks of `queries` rows from s->first on that are whole. */
static sd_status blocks(sd_context *context, search *s, int64_t queries)
{
    sd_plan *plan = NULL;
    sd_workspace *workspace = NULL;
    sd_status status = compile(context, s, queries, &plan);
    if (status == SD_OK)
        status = sd_workspace_new(plan, &workspace);
    for (; status == SD_OK && s->first + queries <= s->m; s->first += queries) {
        status = run(context, s, plan, workspace);
        if (status == SD_OK)
            sd__pool_run(sd_context_pool(context), decide, s, (int)queries);
    }
    sd_workspace_free(workspace);
    sd_plan_free(plan);
    return status;
}

sd_status sd__nearest_rows(sd_context *context, sd_dtype dtype, int64_t n, int64_t d, const void *x, int64_t m, const void *q,
                           int64_t *nearest)
{
    int64_t queries = SD_MIN((int64_t)QUERIES, m);
    search s = {.dtype = dtype, .n = n, .d = d, .m = m, .x = x, .q = q, .nearest = nearest};
    s.square = sd__alloc((size_t)n, sizeof *s.square);
    s.product = sd__alloc((size_t)n * (size_t)queries, sd_dtype_size(dtype));
    sd_status status = s.square && s.product ? SD_OK : sd__fail(SD_ENOMEM, "no memory for nearest neighbours");
    for (int64_t i = 0; status == SD_OK && i < n; i++)
        s.square[i] = square_of(&s, x, i);
    if (status == SD_OK)
        status = blocks(context, &s, queries);
    if (status == SD_OK && s.first < m)
        status = blocks(context, &s, m - s.first);
    free(s.square);
    free(s.product);
    return status;
}
