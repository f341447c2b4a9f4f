/*
 * rank.c -- tests that only look at order or at relabelling: permutations, Page, Holm, Spearman, Kendall.
 *
 * Page's L and Spearman's rho are both sums of products position * rank, so one exact distribution serves the two: it is built
 * column by column over the sets of ranks already given away. Ranks are doubled so that ties (mean ranks) stay integers.
 */
#include <sonde/statistics.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/philox.h"

enum { EXACT_COLUMNS = 10, EXACT_VALUES = 16, EXACT_TABLE = 20000, EXACT_KENDALL = 100 };

/* ---- relabelling --------------------------------------------------------------------------------------------------------- */

static double sum_where(int64_t n, const double *x, uint64_t mask)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += mask >> i & 1 ? x[i] : 0;
    return sum;
}

/* Rounding must not decide whether two arrangements are equally extreme. */
static bool as_extreme(double value, double seen, double scale) { return value >= seen - 1e-12 * scale; }

static double size_of(int64_t n, const double *x)
{
    double size = 0;
    for (int64_t i = 0; i < n; i++)
        size += fabs(x[i]);
    return size;
}

/* |sum over the first sample - its expectation| decides as well as the difference of means: the total is fixed. */
static double permute_all(int64_t n, int64_t na, const double *x, double expected, double seen, double scale)
{
    int64_t ways = 0, extreme = 0;
    for (uint64_t mask = 0; mask < 1ull << n; mask++) {
        if (__builtin_popcountll(mask) != na)
            continue;
        ways++;
        extreme += as_extreme(fabs(sum_where(n, x, mask) - expected), seen, scale);
    }
    return (double)extreme / (double)ways;
}

static double permute_some(int64_t n, int64_t na, double *x, double expected, double seen, double scale, int64_t resamples,
                           uint64_t seed)
{
    sd_random random = sd__random(seed, 1);
    int64_t extreme = 0;
    for (int64_t r = 0; r < resamples; r++) {
        double sum = 0;
        for (int64_t i = 0; i < na; i++) {
            int64_t j = i + (int64_t)sd__random_below(&random, (uint64_t)(n - i));
            double kept = x[i];
            x[i] = x[j];
            x[j] = kept;
            sum += x[i];
        }
        extreme += as_extreme(fabs(sum - expected), seen, scale);
    }
    return (double)(1 + extreme) / (double)(1 + resamples);
}

sd_status sd_test_permutation(int64_t na, const double *a, int64_t nb, const double *b, int64_t resamples, uint64_t seed,
                              double *p)
{
    *p = 1;
    if (na < 1 || nb < 1 || na > INT32_MAX || nb > INT32_MAX)
        return sd__fail(SD_EINVAL, "permutation test: samples of %lld and %lld values; each needs at least 1", (long long)na,
                        (long long)nb);
    int64_t n = na + nb;
    double *x = sd__alloc((size_t)n, sizeof *x);
    if (!x)
        return sd__fail(SD_ENOMEM, "permutation test: out of memory");
    memcpy(x, a, (size_t)na * sizeof *x);
    memcpy(x + na, b, (size_t)nb * sizeof *x);
    double total = 0, sum = 0, scale = size_of(n, x);
    for (int64_t i = 0; i < n; i++) {
        total += x[i];
        sum += i < na ? x[i] : 0;
    }
    double expected = total * (double)na / (double)n, seen = fabs(sum - expected);
    *p = n <= EXACT_VALUES ? permute_all(n, na, x, expected, seen, scale)
                           : permute_some(n, na, x, expected, seen, scale, resamples, seed);
    free(x);
    return SD_OK;
}

double sd_test_sign_flips(int64_t n, const double *difference, int64_t resamples, uint64_t seed)
{
    double sum = 0, scale = size_of(n, difference);
    for (int64_t i = 0; i < n; i++)
        sum += difference[i];
    int64_t extreme = 0;
    if (n <= EXACT_VALUES) {
        for (uint64_t mask = 0; mask < 1ull << n; mask++)
            extreme += as_extreme(fabs(sum - 2 * sum_where(n, difference, mask)), fabs(sum), scale);
        return (double)extreme / (double)(1ull << n);
    }
    sd_random random = sd__random(seed, 2);
    for (int64_t r = 0; r < resamples; r++) {
        double flipped = 0;
        for (int64_t i = 0; i < n; i++)
            flipped += sd__random_u32(&random) >> 31 ? difference[i] : -difference[i];
        extreme += as_extreme(fabs(flipped), fabs(sum), scale);
    }
    return (double)(1 + extreme) / (double)(1 + resamples);
}

void sd_holm(int n, const double *p, double *adjusted)
{
    for (int i = 0; i < n; i++) { /* the largest of (n - rank) * p over all p-values up to this one, at most 1 */
        adjusted[i] = 0;
        for (int j = 0; j < n; j++) {
            int below = 0;
            for (int k = 0; k < n; k++)
                below += p[k] < p[j] || (p[k] == p[j] && k < j);
            if (p[j] <= p[i])
                adjusted[i] = fmax(adjusted[i], fmin(1, (n - below) * p[j]));
        }
    }
}

/* ---- ranks --------------------------------------------------------------------------------------------------------------- */

/* Twice the rank of each of n values, from 2 on; ties share the mean. */
static void double_ranks(int n, const double *x, int *rank)
{
    for (int i = 0; i < n; i++) {
        int below = 0, equal = 0;
        for (int j = 0; j < n; j++) {
            below += x[j] < x[i];
            equal += x[j] == x[i];
        }
        rank[i] = 2 * below + equal + 1;
    }
}

static int sum_products(int n, const int *weight, const int *rank)
{
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += weight[i] * rank[i];
    return sum;
}

/* The largest sum of products any order of the ranks can give, so far as array sizes care. */
static int bound_products(int n, const int *weight, const int *rank)
{
    int most = 0;
    for (int i = 0; i < n; i++)
        most = SD_MAX(most, rank[i]);
    int sum = 0;
    for (int i = 0; i < n; i++)
        sum += weight[i] * most;
    return sum + 1;
}

/* Probability of each value of sum weight[i] * rank[order(i)] over all orders: [size] doubles to be freed, or NULL. */
static double *products(int n, const int *weight, const int *rank, int size)
{
    size_t sets = (size_t)1 << n;
    double *ways = sd__alloc_zeroed(sets * (size_t)size, sizeof *ways);
    if (!ways)
        return NULL;
    ways[0] = 1;
    for (size_t set = 0; set < sets; set++) {
        int column = __builtin_popcountll(set);
        for (int r = 0; r < n; r++) {
            if (set >> r & 1)
                continue;
            const double *from = ways + set * (size_t)size;
            double *to = ways + (set | (size_t)1 << r) * (size_t)size + weight[column] * rank[r];
            for (int v = 0; v < size - weight[column] * rank[r]; v++)
                to[v] += from[v] / (n - column);
        }
    }
    memmove(ways, ways + (sets - 1) * (size_t)size, (size_t)size * sizeof *ways);
    return ways;
}

/* ---- Page ---------------------------------------------------------------------------------------------------------------- */

/* c = a * b, distributions of independent sums. */
static void convolve(int na, const double *a, int nb, const double *b, double *c)
{
    memset(c, 0, (size_t)(na + nb - 1) * sizeof *c);
    for (int i = 0; i < na; i++)
        for (int j = 0; a[i] != 0 && j < nb; j++)
            c[i + j] += a[i] * b[j];
}

/* P(L >= seen), L the sum over independent rows. rank: [rows,columns] doubled. */
static sd_status page_exact(int rows, int columns, const int *weight, const int *rank, int seen, double *p)
{
    int size = bound_products(columns, weight, rank);
    for (int r = 1; r < rows; r++)
        size = SD_MAX(size, bound_products(columns, weight, rank + r * columns));
    double *total = sd__alloc_zeroed((size_t)size * (size_t)rows, sizeof *total);
    double *next = sd__alloc_zeroed((size_t)size * (size_t)rows, sizeof *next);
    sd_status status = total && next ? SD_OK : sd__fail(SD_ENOMEM, "Page's test: out of memory");
    if (status == SD_OK)
        total[0] = 1;
    int length = 1;
    for (int r = 0; r < rows && status == SD_OK; r++) {
        double *row = products(columns, weight, rank + r * columns, size);
        if (!row) {
            status = sd__fail(SD_ENOMEM, "Page's test: out of memory");
            break;
        }
        convolve(length, total, size, row, next);
        length += size - 1;
        double *kept = total;
        total = next;
        next = kept;
        free(row);
    }
    *p = 0;
    for (int v = seen; v < length && status == SD_OK; v++)
        *p += total[v];
    *p = fmin(*p, 1);
    free(total);
    free(next);
    return status;
}

static double page_normal(int rows, int columns, const int *weight, const int *rank, double seen)
{
    double expected = 0, variance = 0, middle = (columns + 1) / 2.0, spread = 0;
    for (int j = 0; j < columns; j++)
        spread += (weight[j] - middle) * (weight[j] - middle);
    for (int r = 0; r < rows; r++) {
        double ranks = 0;
        for (int j = 0; j < columns; j++)
            ranks += (rank[r * columns + j] - 2 * middle) * (rank[r * columns + j] - 2 * middle);
        expected += columns * middle * 2 * middle;
        variance += spread * ranks / (columns - 1);
    }
    return variance > 0 ? 1 - sd_normal_cdf((seen - expected) / sqrt(variance)) : 1;
}

sd_status sd_test_page(int rows, int columns, const double *x, double *p)
{
    *p = 1;
    if (rows < 1 || columns < 2 || columns > 10000 || rows > 1000000)
        return sd__fail(SD_EINVAL, "Page's test: %d rows and %d columns; at least 1 and 2 are needed", rows, columns);
    int *rank = sd__alloc((size_t)rows * (size_t)columns, sizeof *rank), *weight = sd__alloc((size_t)columns, sizeof *weight);
    sd_status status = rank && weight ? SD_OK : sd__fail(SD_ENOMEM, "Page's test: out of memory");
    int64_t seen = 0;
    for (int j = 0; j < columns && status == SD_OK; j++)
        weight[j] = j + 1;
    for (int r = 0; r < rows && status == SD_OK; r++) {
        double_ranks(columns, x + (size_t)r * (size_t)columns, rank + r * columns);
        seen += sum_products(columns, weight, rank + r * columns);
    }
    if (status == SD_OK && columns <= EXACT_COLUMNS && (int64_t)rows * columns * columns * columns <= EXACT_TABLE)
        status = page_exact(rows, columns, weight, rank, (int)seen, p);
    else if (status == SD_OK)
        *p = page_normal(rows, columns, weight, rank, (double)seen);
    free(rank);
    free(weight);
    return status;
}

/* ---- rank correlation ---------------------------------------------------------------------------------------------------- */

static double spearman_rho(int n, const int *a, const int *b)
{
    double aa = 0, bb = 0, ab = 0;
    for (int i = 0; i < n; i++) {
        aa += (double)(a[i] - n - 1) * (a[i] - n - 1);
        bb += (double)(b[i] - n - 1) * (b[i] - n - 1);
        ab += (double)(a[i] - n - 1) * (b[i] - n - 1);
    }
    return ab / sqrt(aa * bb);
}

/* Two-sided: sums of products at least as far from their mean as the one seen. */
static sd_status spearman_exact(int n, const int *a, const int *b, double *p)
{
    int size = bound_products(n, a, b), seen = sum_products(n, a, b);
    double *chance = products(n, a, b, size), mean = n * (n + 1.0) * (n + 1.0);
    if (!chance)
        return sd__fail(SD_ENOMEM, "Spearman's rho: out of memory");
    *p = 0;
    for (int v = 0; v < size; v++)
        *p += fabs(v - mean) >= fabs(seen - mean) ? chance[v] : 0;
    *p = fmin(*p, 1);
    free(chance);
    return SD_OK;
}

sd_status sd_spearman(int n, const double *x, const double *y, sd_correlation *correlation)
{
    *correlation = (sd_correlation){NAN, 1};
    if (n < 2 || n > 100000)
        return sd__fail(SD_EINVAL, "Spearman's rho: %d pairs; 2 to 100000 are possible", n);
    int *a = sd__alloc((size_t)n, sizeof *a), *b = sd__alloc((size_t)n, sizeof *b);
    sd_status status = a && b ? SD_OK : sd__fail(SD_ENOMEM, "Spearman's rho: out of memory");
    if (status == SD_OK) {
        double_ranks(n, x, a);
        double_ranks(n, y, b);
        double rho = correlation->coefficient = spearman_rho(n, a, b);
        if (n <= EXACT_COLUMNS && isfinite(rho))
            status = spearman_exact(n, a, b, &correlation->p);
        else if (isfinite(rho))
            correlation->p = fabs(rho) >= 1 ? 0 : 2 * sd_t_cdf(-fabs(rho) * sqrt((n - 2) / (1 - rho * rho)), n - 2);
    }
    free(a);
    free(b);
    return status;
}

/* Pairs in order minus pairs out of order, and the pairs tied on each side. */
static void count_pairs(int n, const double *x, const double *y, double *score, double *tied_x, double *tied_y)
{
    *score = *tied_x = *tied_y = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) {
            int dx = (x[i] > x[j]) - (x[i] < x[j]), dy = (y[i] > y[j]) - (y[i] < y[j]);
            *score += dx * dy;
            *tied_x += dx == 0;
            *tied_y += dy == 0;
        }
}

/* P(|score| >= seen) without ties: pairs out of order are a sum of independent uniforms on 0..i (Kendall 1938). */
static sd_status kendall_exact(int n, double seen, double *p)
{
    int pairs = n * (n - 1) / 2;
    double *chance = sd__alloc_zeroed((size_t)pairs + 1, sizeof *chance),
           *next = sd__alloc_zeroed((size_t)pairs + 1, sizeof *next);
    sd_status status = chance && next ? SD_OK : sd__fail(SD_ENOMEM, "Kendall's tau: out of memory");
    if (status == SD_OK)
        chance[0] = 1;
    for (int i = 1, length = 1; i < n && status == SD_OK; length += i++) {
        double uniform[EXACT_KENDALL];
        for (int j = 0; j <= i; j++)
            uniform[j] = 1.0 / (i + 1);
        convolve(length, chance, i + 1, uniform, next);
        double *kept = chance;
        chance = next;
        next = kept;
    }
    *p = 0;
    for (int out = 0; out <= pairs && status == SD_OK; out++)
        *p += abs(pairs - 2 * out) >= seen ? chance[out] : 0;
    *p = fmin(*p, 1);
    free(chance);
    free(next);
    return status;
}

/* Sums over groups of t equal values: t(t-1)(2t+5), t(t-1), t(t-1)(t-2). */
static void tie_sums(int n, const double *x, double sum[3])
{
    sum[0] = sum[1] = sum[2] = 0;
    for (int i = 0; i < n; i++) {
        double t = 0;
        for (int j = 0; j < n; j++)
            t += x[j] == x[i];
        sum[0] += (t - 1) * (2 * t + 5);
        sum[1] += t - 1;
        sum[2] += (t - 1) * (t - 2);
    }
}

static double kendall_normal(int n, const double *x, const double *y, double score)
{
    double tx[3], ty[3], m = n;
    tie_sums(n, x, tx);
    tie_sums(n, y, ty);
    double variance = (m * (m - 1) * (2 * m + 5) - tx[0] - ty[0]) / 18 + tx[1] * ty[1] / (2 * m * (m - 1));
    if (n > 2)
        variance += tx[2] * ty[2] / (9 * m * (m - 1) * (m - 2));
    return variance > 0 ? 2 * sd_normal_cdf(-fabs(score) / sqrt(variance)) : 1;
}

sd_status sd_kendall(int n, const double *x, const double *y, sd_correlation *correlation)
{
    *correlation = (sd_correlation){NAN, 1};
    if (n < 2 || n > 20000)
        return sd__fail(SD_EINVAL, "Kendall's tau: %d pairs; 2 to 20000 are possible", n);
    double score, tied_x, tied_y, pairs = n * (n - 1.0) / 2;
    count_pairs(n, x, y, &score, &tied_x, &tied_y);
    correlation->coefficient = score / sqrt((pairs - tied_x) * (pairs - tied_y));
    if (tied_x == 0 && tied_y == 0 && n <= EXACT_KENDALL)
        return kendall_exact(n, fabs(score), &correlation->p);
    correlation->p = isfinite(correlation->coefficient) ? kendall_normal(n, x, y, score) : 1;
    return SD_OK;
}
