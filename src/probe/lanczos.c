/*
 * lanczos.c -- eigenpairs, trace and density of a symmetric matrix that is known by its products.
 *
 * Lanczos builds an orthonormal basis of the Krylov space in which the matrix is tridiagonal. In exact arithmetic three terms
 * would do; rounding loses the orthogonality just where an eigenvalue has converged, and its copies ("ghosts") then appear.
 * Every new vector is therefore made orthogonal to all former ones, twice.
 */
#include "probe/lanczos.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/philox.h"
#include "base/vector.h"

static sd_status multiply(sd_symmetric *a, const double *v, double *product)
{
    a->products++;
    return a->product(a->user, v, product);
}

static sd_status no_memory(int64_t n) { return sd__fail(SD_ENOMEM, "no memory for vectors of %lld parameters", (long long)n); }

/* ---- the Krylov space -------------------------------------------------------------------------------------------------- */

typedef struct krylov {
    sd_symmetric *a;
    int m, most;
    double **basis;       /* [most + 1] of [n]; basis[m] is the next one */
    double *alpha, *beta; /* [most]: diagonal, and beside it (beta[i] joins i and i + 1) */
    double scale;         /* largest |alpha| or beta so far */
    bool exhausted;       /* the space is invariant: basis[m] is missing */
} krylov;

static void krylov_free(krylov *k)
{
    for (int i = 0; k->basis && i <= k->most; i++)
        free(k->basis[i]);
    free(k->basis);
    free(k->alpha);
    free(k->beta);
}

static sd_status krylov_new(krylov *k, sd_symmetric *a, int most)
{
    *k = (krylov){.a = a, .most = (int)SD_MIN((int64_t)most, a->n)};
    k->basis = sd__alloc_zeroed((size_t)k->most + 1, sizeof *k->basis);
    k->alpha = sd__alloc_zeroed((size_t)k->most + 1, sizeof *k->alpha);
    k->beta = sd__alloc_zeroed((size_t)k->most + 1, sizeof *k->beta);
    if (k->basis)
        k->basis[0] = sd__alloc((size_t)a->n, sizeof **k->basis);
    return k->basis && k->alpha && k->beta && k->basis[0] ? SD_OK : no_memory(a->n);
}

static void orthogonalise(krylov *k, int count, double *v)
{
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < count; i++)
            sd__add_scaled(k->a->n, -sd__dot(k->a->n, k->basis[i], v), k->basis[i], v);
}

static void random_direction(krylov *k, sd_random *random)
{
    double *v = k->basis[k->m];
    for (int64_t i = 0; i < k->a->n; i++)
        v[i] = sd__random_normal(random);
    orthogonalise(k, k->m, v);
    sd__normalise(k->a->n, v);
    k->exhausted = false;
}

/* One more column of the tridiagonal matrix. */
static sd_status krylov_step(krylov *k)
{
    int64_t n = k->a->n;
    int m = k->m;
    double *next = k->basis[m + 1] ? k->basis[m + 1] : sd__alloc((size_t)n, sizeof *next);
    if (!next)
        return no_memory(n);
    k->basis[m + 1] = next;
    SD_TRY(multiply(k->a, k->basis[m], next));
    k->alpha[m] = sd__dot(n, k->basis[m], next);
    orthogonalise(k, m + 1, next);
    k->beta[m] = sd__normalise(n, next);
    k->scale = SD_MAX(k->scale, SD_MAX(fabs(k->alpha[m]), m ? k->beta[m - 1] : 0));
    k->exhausted = k->beta[m] <= 1e-12 * k->scale || m + 1 == n;
    if (k->exhausted)
        k->beta[m] = 0;
    k->m++;
    return isfinite(k->alpha[m]) && isfinite(k->beta[m])
               ? SD_OK
               : sd__fail(SD_ENONFINITE, "a product with the matrix of curvature is not finite");
}

/* ---- the tridiagonal matrix -------------------------------------------------------------------------------------------- */

/* Eigenvalues in rising order, and vectors as columns: vector[i * m + j] is component i of vector j. */
static sd_status tridiagonal(int m, const double *diagonal, const double *beside, double *value, double *vector)
{
    double *off = sd__alloc((size_t)m, sizeof *off);
    if (!off)
        return no_memory(m);
    memcpy(value, diagonal, (size_t)m * sizeof *value);
    memcpy(off, beside, (size_t)(m - 1) * sizeof *off);
    int info = LAPACKE_dstev(LAPACK_ROW_MAJOR, 'V', m, value, off, vector, m);
    free(off);
    return info ? sd__fail(SD_EINTERNAL, "LAPACK's dstev did not converge (%d)", info) : SD_OK;
}

/* The weights are the squared *first* components of the eigenvectors: what the start vector has in common with each. */
sd_status sd__tridiagonal_rule(int m, const double *diagonal, const double *beside, double *node, double *weight)
{
    double *vector = sd__alloc((size_t)m * (size_t)m, sizeof *vector);
    if (!vector)
        return no_memory(m);
    sd_status status = tridiagonal(m, diagonal, beside, node, vector);
    for (int j = 0; status == SD_OK && j < m; j++)
        weight[j] = vector[j] * vector[j];
    free(vector);
    return status;
}

sd_status sd__lanczos_quadrature(sd_symmetric *a, int steps, uint64_t seed, uint64_t vector, double *node, double *weight,
                                 int *count)
{
    krylov k;
    sd_random random = sd__random(seed, vector);
    sd_status status = krylov_new(&k, a, steps);
    if (status == SD_OK)
        random_direction(&k, &random);
    while (status == SD_OK && k.m < k.most && !k.exhausted)
        status = krylov_step(&k);
    if (status == SD_OK)
        status = sd__tridiagonal_rule(k.m, k.alpha, k.beta, node, weight);
    *count = k.m;
    krylov_free(&k);
    return status;
}

/* ---- extreme eigenpairs ------------------------------------------------------------------------------------------------ */

/* Residual of Ritz pair j: beta times the last component of its vector. */
static double ritz_residual(const krylov *k, const double *vector, int j)
{
    return k->exhausted ? 0 : fabs(k->beta[k->m - 1] * vector[(size_t)(k->m - 1) * (size_t)k->m + (size_t)j]);
}

/* Have the largest `pairs` and the smallest all converged? With room to spare: what is reported is measured afterwards. */
static bool settled(const krylov *k, int pairs, double tolerance, const double *value, const double *vector)
{
    double scale = SD_MAX(fabs(value[0]), fabs(value[k->m - 1]));
    if (k->m < pairs)
        return false;
    for (int j = 0; j < pairs; j++)
        if (ritz_residual(k, vector, k->m - 1 - j) > 0.5 * tolerance * scale)
            return false;
    return ritz_residual(k, vector, 0) <= 0.5 * tolerance * scale;
}

/* |A v - value v| for Ritz vector j, by a product of its own. */
static sd_status measure(krylov *k, const double *value, const double *vector, int j, double *room, sd_eigenpair *pair)
{
    int64_t n = k->a->n;
    double *v = room, *av = room + n;
    memset(v, 0, (size_t)n * sizeof *v);
    for (int i = 0; i < k->m; i++)
        sd__add_scaled(n, vector[(size_t)i * (size_t)k->m + (size_t)j], k->basis[i], v);
    sd__normalise(n, v);
    SD_TRY(multiply(k->a, v, av));
    sd__add_scaled(n, -value[j], v, av);
    *pair = (sd_eigenpair){value[j], sqrt(sd__dot(n, av, av))};
    return SD_OK;
}

static sd_status harvest(krylov *k, int pairs, double tolerance, const double *value, const double *vector, sd_extremes *out)
{
    double scale = SD_MAX(fabs(value[0]), fabs(value[k->m - 1]));
    double *room = sd__alloc(2 * (size_t)k->a->n, sizeof *room);
    sd_status status = room ? SD_OK : no_memory(k->a->n);
    out->steps = k->m;
    out->converged = 0;
    for (int j = 0; status == SD_OK && j < pairs; j++) {
        status = measure(k, value, vector, k->m - 1 - j, room, &out->largest[j]);
        out->converged += status == SD_OK && out->largest[j].residual <= tolerance * scale;
    }
    if (status == SD_OK)
        status = measure(k, value, vector, 0, room, &out->smallest);
    free(room);
    return status;
}

/* An invariant space may still miss eigenvalues: Lanczos goes on from a random vector orthogonal to it. */
static sd_status grow(krylov *k, sd_random *random, int pairs, double tolerance, double *value, double *vector)
{
    for (;;) {
        SD_TRY(krylov_step(k));
        bool last = k->m == k->most;
        if (last || k->m % 5 == 0) {
            SD_TRY(tridiagonal(k->m, k->alpha, k->beta, value, vector));
            if (last || (!k->exhausted && settled(k, pairs, tolerance, value, vector)))
                return SD_OK;
        }
        if (k->exhausted)
            random_direction(k, random);
    }
}

sd_status sd__lanczos(sd_symmetric *a, int pairs, int most_steps, double tolerance, uint64_t seed, sd_extremes *out)
{
    krylov k;
    sd_random random = sd__random(seed, 0);
    sd_status status = krylov_new(&k, a, SD_MAX(most_steps, pairs));
    double *value = sd__alloc((size_t)k.most, sizeof *value);
    double *vector = sd__alloc((size_t)k.most * (size_t)k.most, sizeof *vector);
    if (status == SD_OK && (!value || !vector))
        status = no_memory(k.most);
    if (status == SD_OK) {
        random_direction(&k, &random);
        status = grow(&k, &random, pairs, tolerance, value, vector);
    }
    if (status == SD_OK)
        status = harvest(&k, pairs, tolerance, value, vector, out);
    free(value);
    free(vector);
    krylov_free(&k);
    return status;
}

/* ---- trace ------------------------------------------------------------------------------------------------------------- */

static sd_status add_diagonal(sd_symmetric *a, double *v, double *av, double *trace)
{
    *trace = 0;
    for (int64_t i = 0; i < a->n; i++) {
        memset(v, 0, (size_t)a->n * sizeof *v);
        v[i] = 1;
        SD_TRY(multiply(a, v, av));
        *trace += av[i];
    }
    return SD_OK;
}

static void signs(int64_t n, sd_random *random, double *v)
{
    for (int64_t i = 0; i < n; i++)
        v[i] = sd__random_u32(random) & 1 ? 1 : -1;
}

static void project_out(int64_t n, int columns, const double *q, double *v)
{
    for (int pass = 0; pass < 2; pass++)
        for (int j = 0; j < columns; j++)
            sd__add_scaled(n, -sd__dot(n, q + j * n, v), q + j * n, v);
}

/* An orthonormal basis q [columns, n] of A times random signs: it holds most of what is large in A. Returns its columns. */
static sd_status sketch(sd_symmetric *a, int third, sd_random *random, double *v, double *q, int *columns)
{
    *columns = 0;
    for (int j = 0; j < third; j++) {
        double *next = q + *columns * a->n;
        signs(a->n, random, v);
        SD_TRY(multiply(a, v, next));
        double before = sqrt(sd__dot(a->n, next, next));
        project_out(a->n, *columns, q, next);
        *columns += sd__normalise(a->n, next) > 1e-10 * before;
    }
    return SD_OK;
}

/* tr A = tr Q'AQ, exactly, + the trace of what is left, by Hutchinson's estimate. */
static sd_status hutchpp(sd_symmetric *a, int third, double confidence, sd_random *random, double *room, sd_interval *trace)
{
    int64_t n = a->n;
    int columns;
    double exact = 0, *v = room, *av = room + n, *q = room + 2 * n, *rest = q + third * n;
    SD_TRY(sketch(a, third, random, v, q, &columns));
    for (int j = 0; j < columns; j++) {
        SD_TRY(multiply(a, q + j * n, av));
        exact += sd__dot(n, q + j * n, av);
    }
    for (int j = 0; j < third; j++) {
        signs(n, random, v);
        project_out(n, columns, q, v);
        SD_TRY(multiply(a, v, av));
        rest[j] = sd__dot(n, v, av);
    }
    *trace = sd_interval_mean(third, rest, confidence);
    *trace = (sd_interval){trace->estimate + exact, trace->low + exact, trace->high + exact};
    return SD_OK;
}

sd_status sd__hutchpp(sd_symmetric *a, int budget, double confidence, uint64_t seed, sd_interval *trace, bool *exact)
{
    int third = budget / 3;
    sd_random random = sd__random(seed, 1);
    double *room = sd__alloc((size_t)a->n * (size_t)(third + 2) + (size_t)third, sizeof *room);
    if (!room)
        return no_memory(a->n);
    *exact = a->n <= budget;
    sd_status status =
        *exact ? add_diagonal(a, room, room + a->n, &trace->estimate) : hutchpp(a, third, confidence, &random, room, trace);
    if (*exact)
        trace->low = trace->high = trace->estimate;
    free(room);
    return status;
}

/* ---- the whole spectrum ------------------------------------------------------------------------------------------------ */

static sd_status columns(sd_symmetric *a, double *matrix, double *v)
{
    int64_t n = a->n;
    for (int64_t i = 0; i < n; i++) {
        memset(v, 0, (size_t)n * sizeof *v);
        v[i] = 1;
        SD_TRY(multiply(a, v, matrix + i * n));
    }
    for (int64_t i = 0; i < n; i++) /* the two halves differ by rounding */
        for (int64_t j = 0; j < i; j++)
            matrix[i * n + j] = matrix[j * n + i] = 0.5 * (matrix[i * n + j] + matrix[j * n + i]);
    return SD_OK;
}

sd_status sd__assemble(sd_symmetric *a, double *matrix)
{
    double *v = sd__alloc((size_t)a->n, sizeof *v);
    sd_status status = v ? columns(a, matrix, v) : no_memory(a->n);
    free(v);
    return status;
}

sd_status sd__spectrum(sd_symmetric *a, double *value)
{
    int n = (int)a->n;
    double *matrix = sd__alloc((size_t)n * (size_t)n, sizeof *matrix);
    sd_status status = matrix ? sd__assemble(a, matrix) : no_memory(n);
    if (status == SD_OK && LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'N', 'U', n, matrix, n, value))
        status = sd__fail(SD_EINTERNAL, "LAPACK's dsyevd did not converge");
    free(matrix);
    return status;
}
