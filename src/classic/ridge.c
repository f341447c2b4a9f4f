/* ridge.c -- see ridge.h. Means are taken off first, so the bias needs no column of its own and is not penalised. */
#include "classic/ridge.h"

#include <lapacke.h>
#include <sonde/ops.h>
#include <stdlib.h>
#include <string.h>

void sd__ridge_clear(sd_ridge *r)
{
    free(r->gram);
    free(r->cross);
    free(r->x_mean);
    free(r->y_mean);
    *r = (sd_ridge){0};
}

static void centre(int64_t n, int64_t d, double *x, double *mean)
{
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++)
            mean[j] += x[i * d + j] / (double)n;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < d; j++)
            x[i * d + j] -= mean[j];
}

/* a' b of a [n,d] and b [n,t]; to be freed. */
static sd_status compile(sd_context *context, int64_t n, int64_t d, int64_t t, sd_plan **plan)
{
    sd_graph *g = sd_graph_new();
    if (!g)
        return sd__fail(SD_ENOMEM, "no memory for a product");
    sd_node a = sd_input(g, "a", SD_F64, SD_SHAPE(n, d)), b = sd_input(g, "b", SD_F64, SD_SHAPE(n, t));
    sd_output output = {.slot = "product", .node = sd_matmul(a, true, b, false)};
    sd_status status = sd_compile(context, 1, &output, NULL, plan);
    sd_graph_free(g);
    return status;
}

static sd_status covariance(sd_context *context, int64_t n, int64_t d, int64_t t, const double *a, const double *b,
                            double *product)
{
    sd_plan *plan = NULL;
    sd_workspace *workspace = NULL;
    void *binding[3] = {0};
    sd_status status = compile(context, n, d, t, &plan);
    if (status == SD_OK)
        status = sd_workspace_new(plan, &workspace);
    if (status == SD_OK) {
        binding[sd_plan_slot(plan, "a")] = (void *)(uintptr_t)a;
        binding[sd_plan_slot(plan, "b")] = (void *)(uintptr_t)b;
        binding[sd_plan_slot(plan, "product")] = product;
        status = sd_run(plan, workspace, binding, sd_context_pool(context));
    }
    for (int64_t i = 0; status == SD_OK && i < d * t; i++)
        product[i] /= (double)n;
    sd_workspace_free(workspace);
    sd_plan_free(plan);
    return status;
}

sd_status sd__ridge_begin(sd_context *context, int64_t n, int64_t d, int64_t t, double *x, double *y, sd_ridge *r)
{
    *r = (sd_ridge){.d = d, .t = t};
    r->gram = sd__alloc_aligned((size_t)(d * d) * sizeof *r->gram);
    r->cross = sd__alloc_aligned((size_t)(d * t) * sizeof *r->cross);
    r->x_mean = sd__alloc_zeroed((size_t)d, sizeof *r->x_mean);
    r->y_mean = sd__alloc_zeroed((size_t)t, sizeof *r->y_mean);
    if (!r->gram || !r->cross || !r->x_mean || !r->y_mean)
        return sd__fail(SD_ENOMEM, "no memory for least squares with %lld inputs", (long long)d);
    centre(n, d, x, r->x_mean);
    centre(n, t, y, r->y_mean);
    SD_TRY(covariance(context, n, d, d, x, x, r->gram));
    return covariance(context, n, d, t, x, y, r->cross);
}

sd_status sd__ridge_solve(const sd_ridge *r, double strength, double *w)
{
    double trace = 0, *matrix = sd__alloc((size_t)(r->d * r->d), sizeof *matrix);
    if (!matrix)
        return sd__fail(SD_ENOMEM, "no memory for least squares with %lld inputs", (long long)r->d);
    memcpy(matrix, r->gram, (size_t)(r->d * r->d) * sizeof *matrix);
    memcpy(w, r->cross, (size_t)(r->d * r->t) * sizeof *w);
    for (int64_t j = 0; j < r->d; j++)
        trace += r->gram[j * r->d + j];
    for (int64_t j = 0; j < r->d; j++)
        matrix[j * r->d + j] += trace > 0 ? strength * trace : 1; /* x never varies: w = 0 */
    int d = (int)r->d, t = (int)r->t, info = LAPACKE_dposv(LAPACK_ROW_MAJOR, 'U', d, t, matrix, d, w, t);
    free(matrix);
    return info ? sd__fail(SD_EINVAL, "least squares has no solution to working precision at strength %g", strength) : SD_OK;
}

void sd__ridge_predict(const sd_ridge *r, const double *w, const double *x, double *y)
{
    memcpy(y, r->y_mean, (size_t)r->t * sizeof *y);
    for (int64_t j = 0; j < r->d; j++)
        for (int64_t k = 0; k < r->t; k++)
            y[k] += (x[j] - r->x_mean[j]) * w[j * r->t + k];
}
