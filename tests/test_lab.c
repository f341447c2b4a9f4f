/*
 * test_lab.c -- the laboratory itself: what voids a result, the rules of verdicts, running side by side, keeping results,
 * figures and the site. slow_experiments.c has the experiments, slow_mutants.c faults planted in them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <sonde/data.h>

#include "base/file.h"
#include "classic/halfspaces.h"
#include "classic/mean_field.h"
#include "classic/nearest.h"
#include "lab/digits.h"
#include "lab/draw.h"
#include "lab/runner.h"
#include "lab/runs.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/site.h"

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 2}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

/* An experiment that fails, one that judges nothing, one that uses a stream twice, one without data for an interval. */
static sd_status fails(sd_lab *lab) { return sd__fail(SD_EIO, "the data is gone"); }
static sd_status silent(sd_lab *lab) { return SD_OK; }
static sd_status repeats(sd_lab *lab)
{
    for (int i = 0; i < 2; i++)
        sd__lab_random(lab, "data", i / 2);
    sd__lab_judge(lab, "a", SD_CONFIRMED, "as it seems");
    return SD_OK;
}
static sd_status judges(sd_lab *lab)
{
    sd__lab_measure(lab, "a", sd_interval_mean(0, NULL, 0.95), 1, "nothing measured, %d %%", 5);
    sd__lab_figure(lab, "c", "x", "y", false, true);
    sd__lab_series(lab, "s", SD_SERIES_POINTS);
    sd__lab_point_interval(lab, 1, (sd_interval){2, 1, 3});
    sd__lab_judge(lab, "a", SD_CONFIRMED, "it holds");
    return SD_OK;
}

static void what_is_void_is_not_decided(void **state)
{
    const struct {
        sd_status (*run)(sd_lab *lab);
        const char *verdict, *reason;
    } table[] = {{fails, "NOT DECIDED", "data is gone"},
                 {silent, "NOT DECIDED", "not judged"},
                 {repeats, "NOT DECIDED", "used twice"},
                 {judges, "CONFIRMED", "it holds"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        sd_claim claim = {.id = "C99", .part = {{"a", "", "", SD_CONFIRMED}}, .run = table[i].run};
        json_t *result = sd__lab_run_one(context, &claim, &(sd_lab_options){.seed = 1});
        assert_string_equal(json_string_value(json_object_get(result, "verdict")), table[i].verdict);
        json_t *part = json_array_get(json_object_get(result, "parts"), 0);
        assert_non_null(strstr(json_string_value(json_object_get(part, "reason")), table[i].reason));
        json_decref(result);
    }
}

static void rules_have_three_answers(void **state)
{
    assert_int_equal(sd__rule_at_most((sd_interval){1, 0, 2}, 2), SD_CONFIRMED);
    assert_int_equal(sd__rule_at_most((sd_interval){1, 0, 2}, 1), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_at_most((sd_interval){1, 0.5, 2}, 0.4), SD_REFUTED);
    assert_int_equal(sd__rule_at_least((sd_interval){1, 0, 2}, 0), SD_CONFIRMED);
    assert_int_equal(sd__rule_at_least((sd_interval){1, 0, 2}, 2.1), SD_REFUTED);
    assert_int_equal(sd__rule_above((sd_interval){1, 0.5, 2}, 0.4), SD_CONFIRMED);
    assert_int_equal(sd__rule_above((sd_interval){1, 0.5, 2}, 0.5), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_above((sd_interval){0, 0, 0}, 0), SD_NOT_DECIDED); /* nothing happened */
    assert_int_equal(sd__rule_above((sd_interval){1, 0.5, 2}, 2.1), SD_REFUTED);
    assert_int_equal(sd__rule_equals((sd_interval){1, 0.9, 1.1}, 1, 0.2), SD_CONFIRMED);
    assert_int_equal(sd__rule_equals((sd_interval){1, 0.5, 1.5}, 1, 0.2), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_equals((sd_interval){1, 0.9, 1.1}, 1.2, 0.2), SD_REFUTED);
    assert_int_equal(sd__rule_equals(sd_interval_mean(1, (double[]){1}, 0.95), 1, 0.2), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_within((sd_interval){1, 0.9, 0.99}, 1, 0.2), SD_CONFIRMED);
    assert_int_equal(sd__rule_within((sd_interval){1, 0.7, 1.1}, 1, 0.2), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_within((sd_interval){1, 0.6, 0.7}, 1, 0.2), SD_REFUTED);
    assert_int_equal(sd__rule_both(SD_CONFIRMED, SD_NOT_DECIDED), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_both(SD_REFUTED, SD_NOT_DECIDED), SD_REFUTED);
    assert_int_equal(sd__rule_not(SD_CONFIRMED), SD_REFUTED);
    assert_int_equal(sd__rule_not(SD_REFUTED), SD_CONFIRMED);
    assert_int_equal(sd__rule_not(SD_NOT_DECIDED), SD_NOT_DECIDED);
    assert_int_equal(sd__rule_shown(true), SD_CONFIRMED);
    assert_int_equal(sd__rule_shown(false), SD_NOT_DECIDED);
}

/* Of rows {a, b[2]} with a = 1, 2, 3 ... and b = a^2, 10 a: means and differences are those of the columns written out. */
static void columns_of_runs_are_members_of_rows(void **state)
{
    struct row {
        double a, b[2];
    } * row;
    sd_runs runs;
    double a[5], b[2][5], x[2] = {7, 8};
    assert_int_equal(sd__runs_new(5, sizeof *row, &runs), SD_OK);
    row = runs.row;
    assert_true(row[4].b[1] == 0);
    for (int i = 0; i < 5; i++) {
        a[i] = row[i].a = i + 1;
        b[0][i] = row[i].b[0] = (i + 1) * (i + 1);
        b[1][i] = row[i].b[1] = 10 * (i + 1);
    }
    for (runs.n = 5; runs.n >= 3; runs.n -= 2) {
        sd_interval mean = sd_interval_mean(runs.n, b[1], 0.9), got = sd__runs_mean(&runs, &row->b[1], 0.9);
        assert_memory_equal(&got, &mean, sizeof mean);
        mean = sd_interval_paired(runs.n, b[0], a, 0.9);
        got = sd__runs_paired(&runs, &row->b[0], &row->a, 0.9);
        assert_memory_equal(&got, &mean, sizeof mean);
        assert_memory_equal(sd__runs_column(&runs, &row->b[0]), b[0], (size_t)runs.n * sizeof(double));
        assert_true(sd__runs_largest(&runs, &row->b[1]) == 10 * runs.n);
    }
    sd_claim claim = {.id = "C99"};
    sd_lab lab;
    assert_int_equal(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab), SD_OK);
    sd__lab_figure(&lab, "c", "x", "y", false, false);
    sd__lab_series(&lab, "s", SD_SERIES_POINTS);
    runs.n = 3;
    double p, wanted, table[] = {1, 10, 4, 20, 9, 30}; /* the rows' b */
    assert_int_equal(sd_test_page(3, 2, table, &wanted), SD_OK);
    assert_int_equal(sd__runs_page(&runs, 2, row->b, &p), SD_OK);
    assert_true(p == wanted && p < 1);
    sd__runs_points(&lab, &runs, 2, x, row->b, 0.9);
    sd__lab_line(&lab, "l", SD_SERIES_LINE, 1, 2, 3, 4);
    char *text = json_dumps(lab.figures, JSON_COMPACT);
    assert_non_null(strstr(text, "[7.0,4.666666666666667,")); /* the mean of 1, 4, 9 */
    assert_non_null(strstr(text, "[8.0,20.0,"));
    assert_non_null(strstr(text, "[3.0,4.0"));
    free(text);
    sd__lab_clear(&lab);
    sd__runs_free(&runs);
}

/* ---- runner -------------------------------------------------------------------------------------------------------------- */

typedef struct seen {
    int results;
    char text[8][4000];
} seen;

static void on_result(void *user, const sd_claim *claim, const json_t *result)
{
    seen *s = user;
    char *text = json_dumps(json_object_get(result, "measurements"), JSON_REAL_PRECISION(17));
    int at = claim->id[2] - '0'; /* C23 -> 3, C30 -> 0, C31 -> 1, C65 -> 5 */
    snprintf(s->text[at], sizeof s->text[at], "%s", text);
    free(text);
    s->results++;
    assert_int_equal(sd__lab_compare(result), SD_AS_EXPECTED);
    assert_int_equal(sd__lab_keep("lab-test/deep/results.jsonl", result), SD_OK);
}

/* Side by side or one after the other: the same numbers, bit for bit; and the site has a page for every claim. */
static void threads_change_no_number(void **state)
{
    static const char *const ids[] = {"C23", "C30", "C31", "C65"};
    const sd_claim *claims[4];
    static seen two, one;
    sd_context *single;
    unlink("lab-test/deep/results.jsonl");
    for (int i = 0; i < 4; i++)
        claims[i] = sd__catalogue_find(ids[i])->claim;
    assert_int_equal(sd_context_new(&(sd_context_options){.threads = 1}, &single), SD_OK);
    assert_int_equal(sd__lab_run(context, 4, claims, &(sd_lab_options){.seed = 5}, on_result, &two), SD_OK);
    assert_int_equal(sd__lab_run(single, 4, claims, &(sd_lab_options){.seed = 5}, on_result, &one), SD_OK);
    sd_context_free(single);
    assert_int_equal(two.results, 4);
    assert_int_equal(one.results, 4);
    assert_memory_equal(two.text, one.text, sizeof two.text);

    json_t *results;
    assert_int_equal(sd__lab_results("lab-test/deep/results.jsonl", &results), SD_OK);
    assert_int_equal(json_object_size(results), 4);
    sd_status status = sd__lab_site("lab-test/site", results);
    json_decref(results);
    if (status == SD_ENOTFOUND) {
        print_message("  the site was not drawn: %s\n", sd_error());
        return;
    }
    assert_int_equal(status, SD_OK);
    assert_int_equal(access("lab-test/site/index.html", R_OK), 0);
    assert_int_equal(access("lab-test/site/C31.html", R_OK), 0);
    assert_int_equal(access("lab-test/site/C31-1.csv", R_OK), 0);
    assert_int_equal(access("lab-test/site/C01.html", R_OK), 0); /* not run, has its page all the same */
}

static int occurrences(const char *text, const char *words)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
        n++;
    return n;
}

/* A result of the claim whose parts give these words as the reason, and no figure. */
static json_t *made_up(const sd_claim *claim, const char *reason)
{
    json_t *parts = json_array();
    for (int i = 0; i < sd__claim_parts(claim); i++)
        json_array_append_new(parts,
                              json_pack("{s:s, s:s, s:s}", "id", claim->part[i].id, "verdict", "CONFIRMED", "reason", reason));
    return json_pack("{s:s, s:o}", "id", claim->id, "parts", parts);
}

/* Every error of a slide stands beside what was measured of it, on the first page and on its claim's. */
static void every_slide_error_has_its_measurement(void **state)
{
    static const char *const errors[] = {"E01", "E04", "E08", "E09", "E12", "E23", "E38", "E39"};
    int n, listed = 0;
    char *text;
    size_t length;
    json_t *results = json_object();
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    for (int i = 0; i < n; i++) {
        json_object_set_new(results, entries[i].claim->id, made_up(entries[i].claim, "seven of nine"));
        for (int e = 0; e < SD_SLIDE_ERRORS && entries[i].claim->error[e].id; e++)
            listed++;
    }
    assert_int_equal(listed, sizeof errors / sizeof *errors);
    assert_int_equal(sd__lab_site("lab-test/errors", results), SD_OK);
    json_decref(results);
    assert_int_equal(sd__file_read("lab-test/errors/index.html", SIZE_MAX, &text, &length), SD_OK);
    assert_int_equal(occurrences(text, "<br>Measured: seven of nine."), listed);
    for (int e = 0; e < listed; e++)
        assert_non_null(strstr(text, errors[e]));
    free(text);
    assert_int_equal(sd__file_read("lab-test/errors/C52.html", SIZE_MAX, &text, &length), SD_OK);
    assert_non_null(strstr(text, "quadratics only<br>Measured: seven of nine."));
    free(text);
}

static void broken_results_are_named(void **state)
{
    json_t *results;
    assert_int_equal(sd__lab_results("lab-test/none.jsonl", &results), SD_ENOTFOUND);
    FILE *file = fopen("lab-test/broken.jsonl", "w");
    assert_non_null(file);
    fputs("{\"id\": \"C01\"}\n{\"id\": \"C0", file);
    fclose(file);
    assert_int_equal(sd__lab_results("lab-test/broken.jsonl", &results), SD_EFORMAT);
    assert_non_null(strstr(sd_error(), "broken.jsonl:2"));
}

/* ---- figures ------------------------------------------------------------------------------------------------------------- */

/* Whoever compares bars compares lengths: 0 is on the axis, however far away the ends are. */
static void bars_begin_at_zero(void **state)
{
    const sd_figure_point points[] = {{1, 5, NAN, NAN}, {2, 6, NAN, NAN}};
    const sd_figure_series series[] = {{"bars", SD_FIGURE_BARS, 2, points}};
    sd_figure figure = {"F-2", "x", "y", false, false, 1, series, 0, NULL};
    char *svg = NULL;
    sd_status status = sd__figure_svg(&figure, &svg);
    if (status == SD_ENOTFOUND)
        return; /* no gnuplot */
    assert_int_equal(status, SD_OK);
    assert_non_null(strstr(svg, ">0<"));
    free(svg);
}

/* What a reader could type into a label must not reach gnuplot as a command, nor the page as markup. */
static void labels_are_text(void **state)
{
    const sd_figure_point points[] = {{1, 2, 1, 3}, {10, 20, NAN, NAN}, {100, -1, NAN, NAN}, {NAN, 1, NAN, NAN}};
    const sd_figure_series series[] = {{"it's `touch lab-test/owned`\n\"<b>\"", SD_FIGURE_POINTS, 4, points},
                                       {"nothing", SD_FIGURE_LINE, 0, points}};
    sd_figure figure = {"F-1", "x' ; system('touch lab-test/owned') #", "y", true, true, 2, series, 0, NULL};
    char *svg = NULL;
    unlink("lab-test/owned");
    sd_status status = sd__figure_svg(&figure, &svg);
    if (status == SD_ENOTFOUND)
        return; /* no gnuplot: the runner's test has said so */
    assert_int_equal(status, SD_OK);
    assert_int_equal(access("lab-test/owned", F_OK), -1);
    assert_null(strstr(svg, "<b>"));
    assert_null(strstr(svg, "black"));
    assert_null(strstr(svg, "white"));
    assert_non_null(strstr(svg, "var(--series-1)"));
    assert_non_null(strstr(svg, "F-1-gpPt"));
    free(svg);
    figure.n_series = 1;
    figure.series = &series[1];
    assert_int_equal(sd__figure_svg(&figure, &svg), SD_EINVAL);
}

static void writes(void (*write)(sd_string *page, const char *text), const char *text, const char *wanted)
{
    sd_string page = {0};
    write(&page, text);
    assert_string_equal(page.text ? page.text : "", wanted);
    free(page.text);
}

/* Numbers as people write them, and nothing else: names, versions, options and dates stay as they are. */
static void numbers_are_written_as_people_do(void **state)
{
    writes(sd__html_text, "within 1e-12, at 3.25e+05 or -7e-3", "within 10⁻¹², at 3.25·10⁵ or −7·10⁻³");
    writes(sd__html_text, "-0.5 (-1 to 2) [-3] x=-4", "−0.5 (−1 to 2) [−3] x=−4");
    writes(sd__html_text, "1663370 weights, 54000 samples, 12345678", "1,663,370 weights, 54000 samples, 12,345,678");
    writes(sd__html_text, "64ed3a6e94860107 2026-11-28 100-64-10 --top-5 c1e-5x v1.2345678 a_1234567",
           "64ed3a6e94860107 2026-11-28 100-64-10 --top-5 c1e-5x v1.2345678 a_1234567");
    writes(sd__html_text, "<b> & \"q\"", "&lt;b&gt; &amp; &quot;q&quot;");
    writes(sd__html_formula, "2^((k−1)n₀) + e^−E(x,h) over 2^1.002.",
           "2<sup>(k−1)n₀</sup> + e<sup>−E(x,h)</sup> over 2<sup>1.002</sup>.");
    writes(sd__html_formula, "Σ_P w_ij, p_train(c), (Wh)_j = R_D+1 and a _ or ^",
           "Σ<sub>P</sub> w<sub>ij</sub>, p<sub>train</sub>(c), (Wh)<sub>j</sub> = R<sub>D</sub>+1 and a _ or ^");
    writes(sd__html_formula, "1e-6 and x^(a < b", "10⁻⁶ and x^(a &lt; b");
}

/* The axes, from the one path of the frame: down its left side and along its foot. */
static bool find_frame(const char *svg, double *left, double *right, double *top, double *foot)
{
    double x[3], y[3];
    for (const char *at = svg; (at = strstr(at, " d='M")); at++)
        if (sscanf(at, " d='M%lf,%lf L%lf,%lf L%lf,%lf M", &x[0], &y[0], &x[1], &y[1], &x[2], &y[2]) == 6 && x[0] == x[1] &&
            y[1] == y[2]) {
            *left = x[0];
            *right = x[2];
            *top = y[0];
            *foot = y[2];
            return true;
        }
    return false;
}

/* A mark is 4 units wide on either side: the outermost stay clear of the frame, on an axis of either kind. */
static void points_keep_clear_of_the_frame(void **state)
{
    const sd_figure_point points[] = {{1, 2, 1, 3}, {10, 20, 15, 25}, {100, 3, 2, 4}};
    const sd_figure_series series = {"measured", SD_FIGURE_POINTS, 3, points};
    for (int logarithmic = 0; logarithmic < 2; logarithmic++) {
        sd_figure figure = {"F", "x", "y", logarithmic, false, 1, &series, 0, NULL};
        char *svg = NULL;
        double left = 0, right = 0, top = 0, foot = 0, x = 0, y = 0;
        int marks = 0;
        if (sd__figure_svg(&figure, &svg) == SD_ENOTFOUND)
            return;
        assert_non_null(svg);
        assert_true(find_frame(svg, &left, &right, &top, &foot));
        for (const char *at = svg; (at = strstr(at, "gpPt6' transform='translate(")); at++) {
            assert_int_equal(sscanf(at, "gpPt6' transform='translate(%lf,%lf)", &x, &y), 2);
            marks += y > top; /* the key's is above */
            if (!(x - left > 6 && right - x > 6))
                fail_msg("a mark at %g, between %g and %g", x, left, right);
        }
        assert_int_equal(marks, 2 * 3); /* each is drawn on a rim of its own */
        free(svg);
    }
}

/* Likewise on a logarithmic axis upwards, where the least value is a power of ten, on which gnuplot's own axis would begin. */
static void points_keep_clear_of_the_foot(void **state)
{
    const sd_figure_point points[] = {{1, 1, NAN, NAN}, {2, 30, NAN, NAN}, {3, 1000, NAN, NAN}};
    const sd_figure_series series = {"measured", SD_FIGURE_POINTS, 3, points};
    sd_figure figure = {"F", "x", "y", false, true, 1, &series, 0, NULL};
    char *svg = NULL;
    double left = 0, right = 0, top = 0, x, y, lowest = 0, foot = 0;
    if (sd__figure_svg(&figure, &svg) == SD_ENOTFOUND)
        return;
    assert_true(find_frame(svg, &left, &right, &top, &foot));
    for (const char *at = svg; (at = strstr(at, "gpPt6' transform='translate(")); at++)
        if (sscanf(at, "gpPt6' transform='translate(%lf,%lf)", &x, &y) == 2)
            lowest = fmax(lowest, y);
    if (!(lowest > top && foot - lowest > 6))
        fail_msg("a mark at %g, between %g and %g", lowest, top, foot);
    free(svg);
}

/* Names of categories that do not fit side by side are all there, at an angle; short ones lie flat. */
static void long_names_stand_at_an_angle(void **state)
{
    static const char *const names[2][6] = {
        {"a1", "a2", "a3", "a4", "a5", "a6"},
        {"convolution1", "normalisation1", "activation1", "convolution2", "normalisation2", "activation2"}};
    sd_figure_point points[6];
    sd_figure_tick ticks[6];
    const sd_figure_series series = {"measured", SD_FIGURE_POINTS, 6, points};
    for (int many = 0; many < 2; many++) {
        for (int i = 0; i < 6; i++) {
            points[i] = (sd_figure_point){i, i, NAN, NAN};
            ticks[i] = (sd_figure_tick){i, names[many][i]};
        }
        sd_figure figure = {"F", "x", "y", false, false, 1, &series, 6, ticks};
        char *svg = NULL;
        if (sd__figure_svg(&figure, &svg) == SD_ENOTFOUND)
            return;
        for (int i = 0; i < 6; i++)
            assert_non_null(strstr(svg, names[many][i]));
        assert_int_equal(occurrences(svg, ") rotate(-35"), many ? 6 : 0);
        free(svg);
    }
}

static void csv_holds_every_number(void **state)
{
    const sd_figure_point points[] = {{0.1, 1.0 / 3, NAN, 1e300}};
    const sd_figure_series series = {"a \"quoted\" name", SD_FIGURE_POINTS, 1, points};
    sd_figure figure = {.name = "F", .x_label = "x", .y_label = "y", .n_series = 1, .series = &series};
    char text[256] = {0};
    assert_int_equal(sd__figure_csv(&figure, "lab-test/f.csv"), SD_OK);
    FILE *file = fopen("lab-test/f.csv", "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    assert_true(length > 0);
    assert_string_equal(
        text,
        "series,x,y,low,high\n\"a \"\"quoted\"\" name\",0.10000000000000001,0.33333333333333331,,1.0000000000000001e+300\n");
}

/* ---- classic learners ---------------------------------------------------------------------------------------------------- */

/* e_1 ... e_n: the largest margin is 1/sqrt(n); two points at distance 2r on one axis: r. */
static void margins_have_their_closed_forms(void **state)
{
    double w[8], low, high;
    sd_labelled p;
    assert_int_equal(sd__labelled_new(8, 8, &p), SD_OK);
    memset(p.x, 0, 64 * sizeof *p.x);
    for (int i = 0; i < 8; i++)
        p.x[i * 9] = p.y[i] = i % 2 ? 1 : -1;
    assert_int_equal(sd__largest_margin(&p, 1e-9, 1000, w, &low, &high), SD_OK);
    assert_true(fabs(low - sqrt(1 / 8.0)) < 1e-9 && fabs(high - sqrt(1 / 8.0)) < 1e-9);
    p.n = 2; /* x and -x with the same label cannot be separated through the origin */
    p.x[8] = -1, p.x[9] = 0, p.y[0] = p.y[1] = 1, p.x[0] = 1;
    assert_int_equal(sd__largest_margin(&p, 1e-9, 1000, w, &low, &high), SD_OK);
    assert_true(!(low > 0));
    sd__labelled_free(&p);
    assert_int_equal(sd__labelled_new(0, 8, &p), SD_EINVAL);
}

/* AND is separable, exclusive or is not, and two halfspaces settle exclusive or. */
static void halfspaces_know_and_from_xor(void **state)
{
    double x[12] = {0, 0, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1}, and[4] = {-1, -1, -1, 1}, xor[4] = {1, -1, -1, 1}, w[3];
    sd_labelled p = {4, 3, x, and};
    bool yes;
    int64_t tried;
    assert_int_equal(sd__separable(&p, &yes, w), SD_OK);
    assert_true(yes);
    p.y = xor;
    assert_int_equal(sd__separable(&p, &yes, w), SD_OK);
    assert_false(yes);
    assert_int_equal(sd__two_halfspaces(&p, &yes, &tried), SD_OK);
    assert_true(yes);
    assert_int_equal(tried, 2); /* both negatives to one unit fails, one each works */
}

/*
 * A ReLU keeps half: E relu(s z)^2 = s^2 / 2 and E relu'^2 = 1/2. A narrow tanh is a line: E tanh(s
 * z)^2 = s^2 - 2 s^4 + O(s^6).
 */
static void mean_field_has_its_closed_forms(void **state)
{
    assert_true(fabs(sd__mean_field_next(&sd__phi_relu, 2, 0.7) - 0.7) < 1e-12);
    assert_true(fabs(sd__mean_field_back(&sd__phi_relu, 2, 0.7) - 1) < 1e-12);
    double q = 1e-4, next = sd__mean_field_next(&sd__phi_tanh, 1, q);
    assert_true(fabs(next - (q - 2 * q * q)) < 20 * q * q * q);
    assert_true(fabs(sd__mean_field_back(&sd__phi_tanh, 1, q) - (1 - 2 * q)) < 20 * q * q);
}

static void nearest_is_nearest(void **state)
{
    sd_random random = sd__random(3, 3);
    float x[40 * 20], q[20];
    for (int i = 0; i < 40 * 20; i++)
        x[i] = (float)sd__random_normal(&random);
    for (int trial = 0; trial < 50; trial++) {
        int64_t best = 0;
        double least = INFINITY;
        for (int j = 0; j < 20; j++)
            q[j] = (float)sd__random_normal(&random);
        for (int i = 0; i < 40; i++) {
            double at = 0;
            for (int j = 0; j < 20; j++)
                at += ((double)x[i * 20 + j] - q[j]) * ((double)x[i * 20 + j] - q[j]);
            if (at < least)
                least = at, best = i;
        }
        assert_int_equal(sd__nearest_row(40, 20, x, q), best);
        assert_int_equal(sd__nearest_row(40, 20, x, x + trial % 40 * 20), trial % 40);
        assert_int_not_equal(sd__nearest_other(40, 20, x, x + trial % 40 * 20, trial % 40), trial % 40);
    }
}

static void sets_of_digits_are_parts_of_one_draw(void)
{
    static double x[6 * SD_DIGIT_PIXELS];
    int32_t y[6];
    const char *name;
    sd_claim claim = {.id = "C63"};
    sd_lab lab;
    sd_digit_sets digits;
    assert_int_equal(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab), SD_OK);
    uint64_t seed = sd__lab_seed(&lab, "images", 0);
    assert_int_equal(sd__digit_sets_draw(&lab, 2, 3, &digits), SD_OK);
    assert_int_equal(lab.n_streams, 2);
    assert_int_equal(sd__small_digits(6, seed, x, y, &name), SD_OK);
    assert_memory_equal(digits.x, x, sizeof x);
    assert_memory_equal(digits.y, y, sizeof y);
    assert_non_null(strstr(json_string_value(json_array_get(lab.notes, 0)), name));
    sd__digit_sets_free(&digits);
    sd__lab_clear(&lab);
}

/* A border of one, then the mean of each block of 3 x 3: from the set itself, padded. Equal seeds give equal digits. */
static void small_digits_are_means_of_blocks(void **state)
{
    enum { N = 20 };
    static double x[N * SD_DIGIT_PIXELS], again[N * SD_DIGIT_PIXELS], image[28 * 28], padded[30][30];
    int32_t y[N], label, position;
    const char *name;
    sd_data data;
    assert_int_equal(sd__small_digits(N, 3, x, y, &name), SD_OK);
    assert_int_equal(
        sd_data_open(&(sd_data_options){.name = name, .seed = 3, .limit = N, .strokes_train = N, .strokes_test = 1}, NULL,
                     &data),
        SD_OK);
    for (position = 0; position < N; position++) {
        assert_int_equal(sd_dataset_read(data.train, 1, &position, SD_F64, NULL, image, &label, NULL), SD_OK);
        assert_int_equal(label, y[position]);
        for (int r = 0; r < 28; r++)
            memcpy(&padded[r + 1][1], image + (ptrdiff_t)r * 28, 28 * sizeof *image);
        for (int k = 0; k < SD_DIGIT_PIXELS; k++) {
            double sum = 0;
            for (int b = 0; b < 9; b++)
                sum += padded[k / 10 * 3 + b / 3][k % 10 * 3 + b % 3];
            assert_true(fabs(x[position * SD_DIGIT_PIXELS + k] - sum / 9 / 255) < 1e-12);
        }
    }
    sd_data_close(&data);
    assert_int_equal(sd__small_digits(N, 3, again, y, &name), SD_OK);
    assert_memory_equal(x, again, sizeof x);
    sd_examples examples;
    assert_int_equal(sd__small_digit_examples(N, 3, &examples, &name), SD_OK);
    for (int i = 0; i < N * SD_DIGIT_PIXELS; i++)
        assert_true(examples.x[i] == (float)x[i]);
    assert_memory_equal(examples.y, y, sizeof y);
    assert_true(examples.n == N && examples.classes == 10 && sd_shape_count(examples.shape) == SD_DIGIT_PIXELS);
    sd__examples_clear(&examples);
    sets_of_digits_are_parts_of_one_draw();
    assert_int_equal(sd__small_digits(N, 4, again, y, &name), SD_OK);
    assert_true(memcmp(x, again, sizeof x) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_void_is_not_decided),
        cmocka_unit_test(rules_have_three_answers),
        cmocka_unit_test(columns_of_runs_are_members_of_rows),
        cmocka_unit_test(threads_change_no_number),
        cmocka_unit_test(every_slide_error_has_its_measurement),
        cmocka_unit_test(broken_results_are_named),
        cmocka_unit_test(bars_begin_at_zero),
        cmocka_unit_test(labels_are_text),
        cmocka_unit_test(numbers_are_written_as_people_do),
        cmocka_unit_test(points_keep_clear_of_the_frame),
        cmocka_unit_test(points_keep_clear_of_the_foot),
        cmocka_unit_test(long_names_stand_at_an_angle),
        cmocka_unit_test(csv_holds_every_number),
        cmocka_unit_test(margins_have_their_closed_forms),
        cmocka_unit_test(halfspaces_know_and_from_xor),
        cmocka_unit_test(mean_field_has_its_closed_forms),
        cmocka_unit_test(nearest_is_nearest),
        cmocka_unit_test(small_digits_are_means_of_blocks),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
