/*
 * test_lab_tools.c -- what experiments share: matrices with given eigenvalues against LAPACK, the search along a line, pictures of lines
 * against all pictures, surfaces against differences, windows on regions whose cells are known.
 */
#include "law.h"

#include <complex.h>
#include <lapacke.h>
#include <sonde/sonde.h>
#include <string.h>

#include "classic/jacobi.h"
#include "classic/minimize.h"
#include "lab/draw.h"
#include "lab/record.h"
#include "lab/regions.h"
#include "lab/surface.h"

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

/* ---- matrices ---------------------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void eigenvalues(int n, const double *m, double *value)
{
    double copy[SD_DRAW_MOST * SD_DRAW_MOST];
    memcpy(copy, m, (size_t)(n * n) * sizeof *copy);
    assert_int_equal(LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', n, copy, n, value), 0);
}

static void drawn_matrices_have_their_eigenvalues(void **state)
{
    for (int trial = 0; trial < law_trials(50); trial++) {
        double wanted[20], got[20], m[400], beside = 0;
        int n = law_int(1, 20);
        law_draw_f64(wanted, (size_t)n, -3, 3);
        sd__draw_symmetric(law_random(), n, wanted, m);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                assert_true(fabs(m[i * n + j] - m[j * n + i]) < 1e-13);
                beside = i == j ? beside : fmax(beside, fabs(m[i * n + j]));
            }
        assert_true(n < 3 || beside > 1e-3); /* it was turned */
        eigenvalues(n, m, got);
        qsort(wanted, (size_t)n, sizeof *wanted, ascending);
        assert_near_f64(got, wanted, (size_t)n, 1e-12);
    }
}

static void the_spectral_radius_is_that_of_lapack(void **state)
{
    for (int trial = 0; trial < law_trials(50); trial++) {
        double m[144], value[12], diagonal[12], radius, wanted;
        int n = law_int(1, 12);
        for (int i = 0; i < n; i++)
            for (int j = 0; j <= i; j++)
                m[i * n + j] = m[j * n + i] = law_int(0, 3) ? law_int(-1000, 1000) / 100.0 : 0;
        eigenvalues(n, m, value);
        wanted = fmax(fabs(value[0]), fabs(value[n - 1]));
        radius = sd__spectral_radius(n, m);
        assert_near_f64(&radius, &wanted, 1, 1e-12);
        for (int i = 0; i < n; i++)
            diagonal[i] = m[i * n + i];
        qsort(diagonal, (size_t)n, sizeof *diagonal, ascending);
        assert_near_f64(diagonal, value, (size_t)n, 1e-11);
    }
}

static void cosines_have_their_closed_form(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        double angle = law_int(0, 3141) / 1000.0, size = law_int(1, 100) / 10.0;
        double a[3] = {2, 0, 0}, b[3] = {size * cos(angle), 0, size * sin(angle)}, got = sd__cosine(3, a, b),
               wanted = cos(angle);
        assert_near_f64(&got, &wanted, 1, 1e-14);
    }
    assert_true(isnan(sd__cosine(2, (double[]){0, 0}, (double[]){1, 2})));
}

/* ---- a line -------------------------------------------------------------------------------------------------------------------- */

typedef struct valley {
    double at;
    int visits;
} valley;

/* Steep on one side: no parabola. */
static sd_status steep(void *user, double x, double *value)
{
    valley *v = user;
    v->visits++;
    *value = x < v->at ? 5 * (v->at - x) : exp(x - v->at) - 1;
    return SD_OK;
}

static sd_status broken(void *user, double x, double *value) { return sd__fail(SD_EIO, "no value"); }

static void golden_section_finds_the_valley(void **state)
{
    for (int trial = 0; trial < law_trials(200); trial++) {
        double low = law_int(1, 100) / 10.0, high = low + law_int(1, 100) / 10.0, x, value;
        valley v = {low + (high - low) * law_int(0, 1000) / 1000.0, 0};
        assert_ok(sd__golden_section(steep, &v, low, high, 1e-9, &x, &value));
        assert_true(fabs(x - v.at) <= 1e-9 * high);
        int steps = (int)ceil(log(1e-9 * v.at / (high - low)) / log(0.618033988749895));
        assert_true(v.visits <= steps + 5); /* one value a step */
        double wanted;
        assert_ok(steep(&v, x, &wanted));
        assert_true(value == wanted);
    }
    double x, value;
    assert_status(sd__golden_section(broken, NULL, 0, 1, 1e-3, &x, &value), SD_EIO);
}

/* ---- pictures ------------------------------------------------------------------------------------------------------------------ */

/* All rows, or all columns, of one colour. */
static bool is_bars_or_stripes(int side, int picture)
{
    bool rows = true, columns = true;
    for (int i = 0; i < side * side; i++) {
        int pixel = picture >> i & 1;
        rows = rows && pixel == (picture >> (i / side * side) & 1);
        columns = columns && pixel == (picture >> (i % side) & 1);
    }
    return rows || columns;
}

static void bars_and_stripes_are_all_there_are(void **state)
{
    for (int side = 2; side <= 4; side++) {
        double x[30 * 16];
        static bool seen[1 << 16];
        memset(seen, 0, sizeof seen);
        int n = sd__bars_and_stripes(side, x), all = 0;
        for (int k = 0; k < n; k++) {
            int picture = 0;
            for (int i = 0; i < side * side; i++)
                picture |= (x[k * side * side + i] == 1) << i;
            assert_true(is_bars_or_stripes(side, picture) && !seen[picture]);
            seen[picture] = true;
        }
        for (int picture = 0; picture < 1 << side * side; picture++)
            all += is_bars_or_stripes(side, picture);
        assert_int_equal(n, all);
    }
}

/* ---- surfaces ------------------------------------------------------------------------------------------------------------------ */

static void surfaces_have_their_derivatives(void **state)
{
    static const sd_surface *const surfaces[] = {&sd__surface_saddle, &sd__surface_monkey};
    const double e = 1e-5;
    for (int trial = 0; trial < law_trials(50); trial++)
        for (int k = 0; k < 2; k++) {
            double z[2], g[2], h[4], up[2], down[2], unused[4];
            law_draw_f64(z, 2, -2, 2);
            surfaces[k]->derivatives(z, g, h);
            for (int i = 0; i < 2; i++) {
                double plus[2] = {z[0] + e * (i == 0), z[1] + e * (i == 1)},
                       minus[2] = {z[0] - e * (i == 0), z[1] - e * (i == 1)};
                double slope = (surfaces[k]->value(plus) - surfaces[k]->value(minus)) / (2 * e);
                assert_near_f64(&g[i], &slope, 1, 1e-8);
                surfaces[k]->derivatives(plus, up, unused);
                surfaces[k]->derivatives(minus, down, unused);
                for (int j = 0; j < 2; j++) {
                    double bend = (up[j] - down[j]) / (2 * e);
                    assert_near_f64(&h[2 * i + j], &bend, 1, 1e-8);
                }
            }
        }
}

static void step_leads_to(const sd_surface *surface, sd_newton_kind kind, const double from[2], double x, double y)
{
    double z[2] = {from[0], from[1]}, wanted[2] = {x, y};
    assert_ok(sd__surface_step(surface, kind, z));
    assert_near_f64(z, wanted, 2, 1e-12);
}

/* On Re z^3 Newton halves z, and the saddle-free step is -conj(z)^2 / (2 |z|). */
static void steps_on_surfaces_are_those_of_theory(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        double z[2];
        law_draw_f64(z, 2, 0.1, 2);
        double complex at = z[0] + I * z[1], next = at - conj(at) * conj(at) / (2 * cabs(at));
        step_leads_to(&sd__surface_monkey, SD_NEWTON, z, z[0] / 2, z[1] / 2);
        step_leads_to(&sd__surface_monkey, SD_SADDLE_FREE, z, creal(next), cimag(next));
        step_leads_to(&sd__surface_saddle, SD_NEWTON, z, 0, 0);
        step_leads_to(&sd__surface_saddle, SD_SADDLE_FREE, z, 0, 2 * z[1]);
    }
}

static void paths_begin_at_their_starts(void **state)
{
    static const double start[2][2] = {{1, 0.5}, {-2, 3}};
    sd_claim claim = {.id = "C63"};
    sd_lab lab;
    assert_ok(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab));
    sd__lab_figure(&lab, "c", "x", "y", false, false);
    assert_ok(sd__surface_draw(&lab, "s", &sd__surface_saddle, SD_SADDLE_FREE, 2, start, 3));
    json_t *series = json_array_get(json_object_get(json_array_get(lab.figures, 0), "series"), 0);
    json_t *points = json_object_get(series, "points");
    const double wanted[6][2] = {{1, 0.5}, {0, 1}, {0, 2}, {-2, 3}, {0, 6}, {0, 12}};
    assert_int_equal(json_array_size(points), 6);
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 2; k++) {
            double got = json_number_value(json_array_get(json_array_get(points, (size_t)i), (size_t)k));
            assert_near_f64(&got, &wanted[i][k], 1, 1e-12);
        }
    sd__lab_clear(&lab);
}

/* ---- windows on regions -------------------------------------------------------------------------------------------------------- */

/* The lines x = 0 and y = 1/2 cut the square -1..1 into four cells, of which the two above have the area 1/2. */
static void windows_show_their_cells(void **state)
{
    const sd_region_net net = {2, 1, {2}};
    const double theta[] = {1, 0, 0, 1, 0, -0.5, 1, 2, 0}, window[] = {-1, 1, -1, 1};
    sd_claim claim = {.id = "C38"};
    sd_lab lab;
    sd_region_view view;
    assert_ok(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab));
    assert_ok(sd__region_look(&lab, &net, theta, window, NULL, &view));
    assert_int_equal(view.patterns, 4);
    assert_int_equal(view.regions, 4);
    assert_true(fabs(view.smallest - 0.5) < 1e-12);
    assert_int_equal(json_array_size(lab.figures), 0);
    assert_ok(sd__region_look(&lab, &net, theta, window, "a map", &view));
    assert_int_equal(json_array_size(lab.figures), 1);
    sd__lab_clear(&lab);
}

/* From three parallel lines, 4 regions, it finds the 7 that three lines make at most; and it ends where it says. */
static void climbing_gains_regions(void **state)
{
    const sd_region_net net = {2, 1, {3}};
    const double window[] = {-4, 4, -4, 4};
    sd_claim claim = {.id = "C39"};
    sd_lab lab;
    assert_ok(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab));
    for (int trial = 0; trial < 5; trial++) {
        double theta[] = {1, 1, 1, 0.1, 0.1, 0.1, -1, 0, 1, 1, 2, 3, 0};
        int64_t first, best;
        sd_region_view view;
        assert_ok(sd__region_climb(&lab, &net, window, 200, law_random(), theta, &first, &best));
        assert_ok(sd__region_look(&lab, &net, theta, window, NULL, &view));
        assert_int_equal(first, 4);
        assert_int_equal(best, 7);
        assert_int_equal(view.regions, 7);
    }
    sd__lab_clear(&lab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_matrices_have_their_eigenvalues),
        cmocka_unit_test(the_spectral_radius_is_that_of_lapack),
        cmocka_unit_test(cosines_have_their_closed_form),
        cmocka_unit_test(golden_section_finds_the_valley),
        cmocka_unit_test(bars_and_stripes_are_all_there_are),
        cmocka_unit_test(surfaces_have_their_derivatives),
        cmocka_unit_test(steps_on_surfaces_are_those_of_theory),
        cmocka_unit_test(paths_begin_at_their_starts),
        cmocka_unit_test(windows_show_their_cells),
        cmocka_unit_test(climbing_gains_regions),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
