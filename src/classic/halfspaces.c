/*
 * halfspaces.c -- separating hyperplanes by the simplex method with certificates, and the exact solver
 * of the 3-node AND network.
 */
#include "classic/halfspaces.h"

#include <math.h>
#include <string.h>

enum { MOST = 64 };

static const double tiny = 1e-9;

/*
 * Phase one: look for v >= 0 with sum_i v_i y_i x_i = 0 and sum v = 1, minimising the sum of one artificial variable a row. The
 * tableau holds the rows, then the reduced costs; the columns are v, the artificials, the right side.
 */
typedef struct tableau {
    int rows, columns; /* columns without the right side */
    double cell[MOST + 1][MOST + 1];
    int basis[MOST];
} tableau;

static void fill(const sd_labelled *p, tableau *t)
{
    int d = (int)p->d, n = (int)p->n;
    memset(t, 0, sizeof *t);
    t->rows = d + 1;
    t->columns = n + d + 1;
    for (int r = 0; r < t->rows; r++) {
        for (int i = 0; i < n; i++)
            t->cell[r][i] = r < d ? p->y[i] * p->x[i * d + r] : 1;
        t->cell[r][n + r] = 1;
        t->cell[r][t->columns] = r == d;
        t->basis[r] = n + r;
        for (int c = 0; c <= t->columns; c++) /* costs: the artificials' sum, expressed by the others */
            t->cell[t->rows][c] -= c >= n && c < t->columns ? 0 : t->cell[r][c];
    }
}

static void pivot(tableau *t, int row, int column)
{
    double by = t->cell[row][column];
    for (int c = 0; c <= t->columns; c++)
        t->cell[row][c] /= by;
    for (int r = 0; r <= t->rows; r++) {
        double times = t->cell[r][column];
        for (int c = 0; r != row && times != 0 && c <= t->columns; c++)
            t->cell[r][c] -= times * t->cell[row][c];
    }
    t->basis[row] = column;
}

/* Bland's rule (the first column and the first basis variable that will do) cannot cycle. */
static void minimise(tableau *t)
{
    for (;;) {
        int column = 0, row = -1;
        while (column < t->columns && t->cell[t->rows][column] > -tiny)
            column++;
        if (column == t->columns)
            return;
        for (int r = 0; r < t->rows; r++) {
            if (t->cell[r][column] <= tiny)
                continue;
            double gain =
                row < 0 ? 1 : t->cell[row][t->columns] / t->cell[row][column] - t->cell[r][t->columns] / t->cell[r][column];
            if (gain > tiny || (gain > -tiny && row >= 0 && t->basis[r] < t->basis[row]))
                row = r;
        }
        if (row < 0)
            return; /* unbounded below, which a sum of non-negative variables is not */
        pivot(t, row, column);
    }
}

/* Does the combination that the tableau holds vanish? */
static bool vanishes(const sd_labelled *p, const tableau *t)
{
    double sum[MOST] = {0}, total = 0;
    for (int r = 0; r < t->rows; r++) {
        int i = t->basis[r];
        double v = t->cell[r][t->columns];
        if (i >= p->n)
            continue;
        total += v;
        for (int64_t j = 0; j < p->d; j++)
            sum[j] += v * p->y[i] * p->x[i * p->d + j];
    }
    for (int64_t j = 0; j < p->d; j++)
        if (fabs(sum[j]) > tiny)
            return false;
    return fabs(total - 1) < tiny;
}

sd_status sd__separable(const sd_labelled *points, bool *yes, double *w)
{
    tableau t;
    if (points->n + points->d + 1 > MOST)
        return sd__fail(SD_EINVAL, "%lld points in %lld dimensions are too many for the exact separator", (long long)points->n,
                        (long long)points->d);
    fill(points, &t);
    minimise(&t);
    for (int64_t j = 0; j < points->d; j++) /* the dual solution stands in the artificials' costs */
        w[j] = t.cell[t.rows][points->n + j] - 1;
    *yes = true;
    for (int64_t i = 0; i < points->n && *yes; i++)
        *yes = points->y[i] * sd__dot(points->d, w, points->x + i * points->d) > tiny;
    if (*yes || vanishes(points, &t))
        return SD_OK;
    return sd__fail(SD_EINTERNAL, "the separator found neither a hyperplane nor a proof that there is none");
}

/* The positive points and those negative ones whose bit in `mask` is `bit`, in order. */
static sd_labelled half(const sd_labelled *p, uint64_t mask, unsigned bit, double *x, double *y)
{
    sd_labelled part = {0, p->d, x, y};
    int negatives = 0;
    for (int64_t i = 0; i < p->n; i++) {
        if (p->y[i] < 0 && (mask >> negatives++ & 1) != bit)
            continue;
        memcpy(x + part.n * p->d, p->x + i * p->d, (size_t)p->d * sizeof *x);
        y[part.n++] = p->y[i];
    }
    return part;
}

sd_status sd__two_halfspaces(const sd_labelled *points, bool *yes, int64_t *tried)
{
    double x[2][MOST * MOST], y[2][MOST], w[MOST];
    int negatives = 0;
    for (int64_t i = 0; i < points->n; i++)
        negatives += points->y[i] < 0;
    *yes = false;
    *tried = 0;
    if (points->n + points->d + 1 > MOST || negatives > 20)
        return sd__fail(SD_EINVAL, "%lld points, %d of them negative, are too many for the exact solver", (long long)points->n,
                        negatives);
    for (uint64_t mask = 0; mask < 1ull << negatives && !*yes; mask++) {
        bool each[2] = {false, false};
        ++*tried;
        for (unsigned h = 0; h < 2; h++) {
            sd_labelled part = half(points, mask, h, x[h], y[h]);
            if (h == 0 || each[0])
                SD_TRY(sd__separable(&part, &each[h], w));
        }
        *yes = each[0] && each[1];
    }
    return SD_OK;
}
