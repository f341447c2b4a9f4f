/*
 * test_statistics.c -- intervals and tests against published tables and closed forms; their error rates on simulated null data.
 */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <sonde/statistics.h>

#include "base/philox.h"

#define NEAR(a, b, tolerance) near_((a), (b), (tolerance), #a, __LINE__)

static void near_(double a, double b, double tolerance, const char *what, int line)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("line %d: %s = %.17g, should be %.17g +- %g", line, what, a, b, tolerance);
}

/* ---- distributions ------------------------------------------------------------------------------------------------------- */

/* Published values to the digits shown; t with 1 and 2 degrees of freedom has a closed form. */
static void quantiles_are_those_of_the_tables(void **state)
{
    NEAR(sd_normal_quantile(0.975), 1.959963984540054, 1e-14);
    NEAR(sd_normal_quantile(0.5), 0, 1e-15);
    NEAR(sd_normal_quantile(1e-10), -6.361340902404056, 1e-12);
    NEAR(sd_t_quantile(0.975, 1), tan(M_PI * 0.475), 1e-11);
    NEAR(sd_t_quantile(0.975, 2), 0.95 / sqrt(2 * 0.975 * 0.025), 1e-11);
    NEAR(sd_t_quantile(0.975, 5), 2.570581835636314, 1e-12);
    NEAR(sd_t_quantile(0.995, 10), 3.169272672616951, 1e-12);
    NEAR(sd_t_quantile(0.025, 30), -2.042272456301238, 1e-12);
    NEAR(sd_t_quantile(0.975, 1e6), 1.959966, 1e-6);
}

static void beta_has_its_closed_forms(void **state)
{
    for (double x = 0.05; x < 1; x += 0.1) {
        NEAR(sd_beta_cdf(x, 1, 7), 1 - pow(1 - x, 7), 1e-14);
        NEAR(sd_beta_cdf(x, 3, 1), x * x * x, 1e-14);
        NEAR(sd_beta_cdf(x, 2, 3), 6 * x * x - 8 * x * x * x + 3 * x * x * x * x, 1e-14);
        NEAR(sd_beta_cdf(x, 0.5, 0.5), 2 / M_PI * asin(sqrt(x)), 1e-13);
        NEAR(sd_beta_quantile(sd_beta_cdf(x, 12, 30), 12, 30), x, 1e-9 + (x > 0.7));
        NEAR(sd_t_cdf(x, 1), 0.5 + atan(x) / M_PI, 1e-14);
    }
}

/* ---- intervals ----------------------------------------------------------------------------------------------------------- */

/* Student's sleep data (1908), ten patients, two drugs: mean gain 1.58 hours, 95 % from 0.7001142 to 2.4598858. */
static const double drug1[10] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
static const double drug2[10] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

static void students_sleep_data(void **state)
{
    sd_interval gain = sd_interval_paired(10, drug2, drug1, 0.95);
    NEAR(gain.estimate, 1.58, 1e-12);
    NEAR(gain.low, 0.7001142, 5e-8);
    NEAR(gain.high, 2.4598858, 5e-8);
    double difference[10];
    for (int i = 0; i < 10; i++)
        difference[i] = drug2[i] - drug1[i];
    sd_interval mean = sd_interval_mean(10, difference, 0.95);
    NEAR(mean.low, gain.low, 1e-12);
    NEAR(mean.high, gain.high, 1e-12);
    sd_interval one = sd_interval_mean(1, difference, 0.95);
    assert_true(isinf(one.low) && isinf(one.high) && one.estimate == difference[0]);
}

/* No hits: the upper end solves (1-p)^n = 0.025. 10 of 20 and 1 of 10 are in every table. */
static void clopper_pearson_is_that_of_the_tables(void **state)
{
    sd_interval none = sd_interval_binomial(0, 50, 0.95), all = sd_interval_binomial(50, 50, 0.95);
    NEAR(none.high, 1 - pow(0.025, 1 / 50.0), 1e-13);
    assert_true(none.low == 0 && all.high == 1);
    NEAR(all.low, pow(0.025, 1 / 50.0), 1e-13);
    sd_interval half = sd_interval_binomial(10, 20, 0.95), tenth = sd_interval_binomial(1, 10, 0.95);
    NEAR(half.low, 0.2719578, 1e-7);
    NEAR(half.high, 0.7280422, 1e-7);
    NEAR(tenth.low, 0.0025286, 1e-7);
    NEAR(tenth.high, 0.4450161, 1e-7);
    sd_interval nothing = sd_interval_binomial(0, 0, 0.95);
    assert_true(nothing.low == 0 && nothing.high == 1);
}

/* Anscombe (1973), first set: intercept 3.00, slope 0.500 with standard error 0.118, R^2 0.667. */
static void anscombes_first_line(void **state)
{
    const double x[11] = {10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5};
    const double y[11] = {8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68};
    sd_regression fit = sd_regress(11, x, y, 0.95);
    NEAR(fit.slope.estimate, 0.50009091, 1e-8);
    NEAR(fit.intercept.estimate, 3.00009091, 1e-8);
    NEAR(fit.explained, 0.66654246, 1e-8);
    NEAR((fit.slope.high - fit.slope.estimate) / sd_t_quantile(0.975, 9), 0.11790550, 1e-8);
    NEAR((fit.intercept.estimate - fit.intercept.low) / sd_t_quantile(0.975, 9), 1.12474679, 1e-8);
    NEAR(fit.residual, 1.23660332, 1e-8);
}

static double mean_statistic(void *user, int64_t n, const double *x)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

/* Two values: the resampled mean is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4. Many values: the interval of the normal theory. */
static void bootstrap_finds_the_known_intervals(void **state)
{
    const double two[2] = {0, 1};
    sd_interval interval;
    assert_int_equal(sd_interval_bootstrap(2, two, mean_statistic, NULL, 2000, 1, 0.95, &interval), SD_OK);
    assert_true(interval.low == 0 && interval.high == 1 && interval.estimate == 0.5);
    assert_int_equal(sd_interval_bootstrap(2, two, mean_statistic, NULL, 2000, 1, 0.4, &interval), SD_OK);
    assert_true(interval.low == 0.5 && interval.high == 0.5);
    double many[400];
    for (int i = 0; i < 400; i++)
        many[i] = i % 2; /* mean 1/2, deviation 1/2: 1/2 +- 1.96 / 40 */
    assert_int_equal(sd_interval_bootstrap(400, many, mean_statistic, NULL, 20000, 2, 0.95, &interval), SD_OK);
    NEAR(interval.low, 0.5 - 1.96 / 40, 0.003);
    NEAR(interval.high, 0.5 + 1.96 / 40, 0.003);
    assert_int_equal(sd_interval_bootstrap(2, two, mean_statistic, NULL, 10, 1, 0.95, &interval), SD_EINVAL);
}

/*
 * Wilson's ends are where (share - p)^2 = z^2 p (1 - p) / n, found there by bisection in another program; the ends of a
 * difference are put together from those by the formula of Newcombe 1998 (method 10).
 */
static void score_intervals_solve_their_equation(void **state)
{
    (void)state;
    const struct {
        int hits, trials;
        double low, high;
    } share[] = {{81, 263, 0.2552885199, 0.3662095770},
                 {15, 148, 0.0623863995, 0.1604872417},
                 {0, 20, 0, 0.1611251581},
                 {1, 29, 0.0061132143, 0.1717552188}};
    for (size_t i = 0; i < sizeof share / sizeof *share; i++) {
        sd_interval w = sd_interval_wilson(share[i].hits, share[i].trials, 0.95);
        NEAR(w.low, share[i].low, 1e-9);
        NEAR(w.high, share[i].high, 1e-9);
    }
    const struct {
        int a, m, b, n;
        double low, high;
    } pair[] = {{56, 70, 48, 80, 0.0524314724, 0.3338726540},
                {9, 10, 3, 10, 0.1705227239, 0.8090179735},
                {10, 10, 0, 20, 0.6790860371, 1.0000000000},
                {5, 56, 0, 29, -0.0381371479, 0.1925600139}};
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        sd_interval d = sd_interval_difference(pair[i].a, pair[i].m, pair[i].b, pair[i].n, 0.95);
        NEAR(d.low, pair[i].low, 1e-9);
        NEAR(d.high, pair[i].high, 1e-9);
    }
    sd_interval none = sd_interval_wilson(0, 0, 0.95), nothing = sd_interval_difference(1, 2, 0, 0, 0.95);
    assert_true(isnan(none.estimate) && none.low == 0 && none.high == 1);
    assert_true(isnan(nothing.estimate) && nothing.low == -1 && nothing.high == 1);
}

/* ---- tests --------------------------------------------------------------------------------------------------------------- */

/* {1,2,3} against {4,5,6} is the most extreme of 20 splits, on either side. */
static void permutation_counts_arrangements(void **state)
{
    const double a[3] = {1, 2, 3}, b[3] = {4, 5, 6};
    double p;
    assert_int_equal(sd_test_permutation(3, a, 3, b, 0, 1, &p), SD_OK);
    NEAR(p, 2.0 / 20, 1e-15);
    double many[40];
    for (int i = 0; i < 40; i++)
        many[i] = i;
    assert_int_equal(sd_test_permutation(20, many, 20, many + 20, 999, 1, &p), SD_OK);
    NEAR(p, 1.0 / 1000, 1e-15);
    assert_int_equal(sd_test_permutation(0, a, 3, b, 0, 1, &p), SD_EINVAL);
}

/* Darwin's maize, as Fisher (1935, section 21) counted it: 863 of 32768 sign patterns reach 314 eighths of an inch. */
static void fishers_count_of_darwins_maize(void **state)
{
    const double difference[15] = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
    NEAR(sd_test_sign_flips(15, difference, 0, 1), 2 * 863.0 / 32768, 1e-15);
    double risen[20];
    for (int i = 0; i < 20; i++)
        risen[i] = 1 + i;
    NEAR(sd_test_sign_flips(20, risen, 9999, 1), 1e-4, 1e-5);
}

/* A random order of 0..k-1 in each row; returns L. */
static int shuffled_rows(sd_random *random, int rows, int k, double *x)
{
    int sum = 0;
    for (int r = 0; r < rows; r++) {
        for (int j = 0; j < k; j++) {
            int at = (int)sd__random_below(random, (uint64_t)j + 1);
            x[r * k + j] = x[r * k + at];
            x[r * k + at] = j;
        }
        for (int j = 0; j < k; j++)
            sum += (j + 1) * ((int)x[r * k + j] + 1);
    }
    return sum;
}

static double page_at(sd_random *random, int rows, int k, int wanted)
{
    double x[25], p = NAN;
    while (shuffled_rows(random, rows, k, x) != wanted)
        ;
    assert_int_equal(sd_test_page(rows, k, x, &p), SD_OK);
    return p;
}

/* Page's own table of critical values at 5 %; and the largest L there is has chance k!^-rows. */
static void pages_table(void **state)
{
    const struct {
        int columns, rows, critical;
    } table[] = {{3, 2, 28}, {3, 3, 41}, {3, 5, 66}, {4, 2, 58}, {4, 3, 84}, {5, 2, 103}, {5, 3, 150}};
    sd_random random = sd__random(7, 7);
    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        int k = table[t].columns, rows = table[t].rows;
        double x[25], p;
        for (int i = 0; i < k * rows; i++)
            x[i] = i % k;
        assert_int_equal(sd_test_page(rows, k, x, &p), SD_OK);
        NEAR(p, pow(tgamma(k + 1), -rows), 1e-12);
        assert_true(page_at(&random, rows, k, table[t].critical) <= 0.05);
        assert_true(page_at(&random, rows, k, table[t].critical - 1) > 0.05);
    }
    const double tied[4] = {1, 1, 1, 1};
    double p;
    assert_int_equal(sd_test_page(2, 2, tied, &p), SD_OK);
    NEAR(p, 1, 1e-15);
}

/* The example of R's help page on p.adjust, method holm. */
static void holm_steps_down(void **state)
{
    const double p[4] = {0.01, 0.04, 0.03, 0.005};
    double adjusted[4];
    sd_holm(4, p, adjusted);
    NEAR(adjusted[0], 0.03, 1e-15);
    NEAR(adjusted[1], 0.06, 1e-15);
    NEAR(adjusted[2], 0.06, 1e-15);
    NEAR(adjusted[3], 0.02, 1e-15);
}

/* Two differences leave one degree of freedom, where t is Cauchy: mean 0, standard error 1, margin 1 gives 1/4. */
static void equivalence_of_two_values_is_cauchy(void **state)
{
    const double difference[2] = {-1, 1}, same[3] = {0.1, 0.1, 0.1};
    NEAR(sd_test_equivalence(2, difference, 1), 0.25, 1e-14);
    NEAR(sd_test_equivalence(2, difference, sqrt(3)), 0.5 - atan(sqrt(3)) / M_PI, 1e-14);
    assert_true(sd_test_equivalence(3, same, 0.2) < 1e-9 && sd_test_equivalence(3, same, 0.05) > 1 - 1e-9);
}

/* n = 5: rho = 0.9 or more in 5 of 120 orders (Zar's table: 0.0417 one-sided); tau = 0.8 or more in 5 of 120. */
static void rank_correlations_count_orders(void **state)
{
    const double x[5] = {1, 2, 3, 4, 5}, y[5] = {1, 2, 3, 5, 4}, z[5] = {9, 7, 5, 3, 1}, ties[5] = {1, 1, 2, 2, 2};
    sd_correlation c;
    assert_int_equal(sd_spearman(5, x, y, &c), SD_OK);
    NEAR(c.coefficient, 0.9, 1e-14);
    NEAR(c.p, 10.0 / 120, 1e-12);
    assert_int_equal(sd_kendall(5, x, y, &c), SD_OK);
    NEAR(c.coefficient, 0.8, 1e-14);
    NEAR(c.p, 10.0 / 120, 1e-12);
    assert_int_equal(sd_spearman(5, x, z, &c), SD_OK);
    NEAR(c.coefficient, -1, 1e-14);
    NEAR(c.p, 2.0 / 120, 1e-12);
    assert_int_equal(sd_kendall(5, x, ties, &c), SD_OK); /* 6 of 10 pairs in order, 4 tied on one side */
    NEAR(c.coefficient, 6 / sqrt(10 * 6), 1e-14);
    assert_int_equal(sd_spearman(1, x, y, &c), SD_EINVAL);
}

/* ---- error rates on null data -------------------------------------------------------------------------------------------- */

enum { TRIALS = 3000 };

/* Rate within what 3000 trials allow (99.99 %), and printed. */
static void rate(const char *rule, int hits, double lowest, double highest)
{
    sd_interval seen = sd_interval_binomial(hits, TRIALS, 0.9999);
    print_message("  %-24s %.4f of %d null data sets called significant at 0.05\n", rule, (double)hits / TRIALS, TRIALS);
    if (seen.low > highest || seen.high < lowest)
        fail_msg("%s: false-positive rate %.4f, should be in [%g,%g]", rule, (double)hits / TRIALS, lowest, highest);
}

static bool excludes(sd_interval interval, double value) { return value < interval.low || value > interval.high; }

static void normals(sd_random *random, int n, double *x)
{
    for (int i = 0; i < n; i++)
        x[i] = sd__random_normal(random);
}

static void intervals_cover(void **state)
{
    sd_random random = sd__random(20240601, 1);
    double a[24], b[24], line[24];
    int mean = 0, paired = 0, share = 0, boot = 0, slope = 0;
    for (int i = 0; i < 24; i++)
        line[i] = i;
    for (int trial = 0; trial < TRIALS; trial++) {
        sd_interval interval;
        normals(&random, 24, a);
        normals(&random, 24, b);
        mean += excludes(sd_interval_mean(12, a, 0.95), 0);
        paired += excludes(sd_interval_paired(12, a, b, 0.95), 0);
        slope += excludes(sd_regress(12, line, a, 0.95).slope, 0);
        int hits = 0;
        for (int i = 0; i < 60; i++)
            hits += sd__random_uniform(&random) < 0.1;
        share += excludes(sd_interval_binomial(hits, 60, 0.95), 0.1);
        if (trial % 3 == 0) { /* three times as costly as all the others */
            assert_int_equal(sd_interval_bootstrap(24, a, mean_statistic, NULL, 400, (uint64_t)trial, 0.95, &interval), SD_OK);
            boot += 3 * excludes(interval, 0);
        }
    }
    rate("mean, t", mean, 0.05, 0.05);
    rate("paired, t", paired, 0.05, 0.05);
    rate("regression slope", slope, 0.05, 0.05);
    rate("binomial", share, 0, 0.05);
    rate("bootstrap of 24", boot, 0.05, 0.09); /* the percentile bootstrap covers too little; documented */
}

static void tests_keep_their_level(void **state)
{
    sd_random random = sd__random(20240601, 2);
    int permuted = 0, flipped = 0, page = 0, rho = 0, tau = 0, holm = 0, equivalent = 0, large = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        double x[30], p[5], adjusted[5];
        sd_correlation c;
        normals(&random, 30, x);
        assert_int_equal(sd_test_permutation(5, x, 5, x + 5, 0, 1, p), SD_OK);
        permuted += p[0] <= 0.05;
        flipped += sd_test_sign_flips(9, x, 0, 1) <= 0.05;
        assert_int_equal(sd_test_page(6, 4, x, p), SD_OK);
        page += p[0] <= 0.05;
        assert_int_equal(sd_spearman(7, x, x + 7, &c), SD_OK);
        rho += c.p <= 0.05;
        assert_int_equal(sd_spearman(15, x, x + 15, &c), SD_OK);
        large += c.p <= 0.05;
        assert_int_equal(sd_kendall(15, x, x + 15, &c), SD_OK);
        tau += c.p <= 0.05;
        for (int i = 0; i < 5; i++)
            p[i] = 2 * sd_normal_cdf(-fabs(x[i]));
        sd_holm(5, p, adjusted);
        holm += fmin(fmin(adjusted[0], adjusted[1]), fmin(fmin(adjusted[2], adjusted[3]), adjusted[4])) <= 0.05;
        for (int i = 0; i < 12; i++)
            x[i] = x[i] + 0.5; /* exactly at the margin: not equivalent */
        equivalent += sd_test_equivalence(12, x, 0.5) <= 0.05;
    }
    rate("permutation, exact", permuted, 0, 0.05);
    rate("sign flips, exact", flipped, 0, 0.05);
    rate("Page, exact", page, 0, 0.05);
    rate("Spearman, exact", rho, 0, 0.05);
    rate("Spearman, approximate", large, 0.04, 0.055);
    rate("Kendall, exact", tau, 0, 0.05);
    rate("Holm, five tests", holm, 0, 0.05);
    rate("equivalence at margin", equivalent, 0, 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_the_tables),
        cmocka_unit_test(beta_has_its_closed_forms),
        cmocka_unit_test(students_sleep_data),
        cmocka_unit_test(clopper_pearson_is_that_of_the_tables),
        cmocka_unit_test(score_intervals_solve_their_equation),
        cmocka_unit_test(anscombes_first_line),
        cmocka_unit_test(bootstrap_finds_the_known_intervals),
        cmocka_unit_test(permutation_counts_arrangements),
        cmocka_unit_test(fishers_count_of_darwins_maize),
        cmocka_unit_test(pages_table),
        cmocka_unit_test(holm_steps_down),
        cmocka_unit_test(equivalence_of_two_values_is_cauchy),
        cmocka_unit_test(rank_correlations_count_orders),
        cmocka_unit_test(intervals_cover),
        cmocka_unit_test(tests_keep_their_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
