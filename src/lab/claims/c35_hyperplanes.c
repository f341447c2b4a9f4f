/* c35_hyperplanes.c -- C35: three hidden units make seven regions of a plane; the general formula is of degree d, not quadratic. */
#include <math.h>
#include <string.h>

#include "lab/regions.h"
#include "probe/regions.h"

enum { UNITS = 12, DIMS = 4, ROOM = UNITS * (DIMS + 2) + 1 };

/* Cells of one hidden layer over all of R^d. On a line and in a plane by clipping a box that holds every crossing, above by linear programs. */
static sd_status cells_of(sd_context *context, const sd_region_net *net, const double *theta, int64_t *cells)
{
    double lo[DIMS], hi[DIMS], reach = INFINITY;
    int n = net->width[0];
    sd_model *model;
    if (net->inputs == 2)
        reach = sd__region_reach(n, theta);
    for (int i = 0; i < n && net->inputs == 1; i++)
        reach = i ? fmax(reach, 2 * fabs(theta[n + i] / theta[i])) : 2 * fabs(theta[n] / theta[0]);
    for (int k = 0; k < net->inputs; k++) {
        lo[k] = -reach;
        hi[k] = reach;
    }
    SD_TRY(sd__region_model(context, net, theta, &model));
    sd_status status = sd__count_cells(&(sd_subject){.model = model}, lo, hi, cells);
    sd_model_free(model);
    return status;
}

/* How many of the random networks of n units in d dimensions have the formula's number; the last count goes to *cells. */
static sd_status agree(sd_lab *lab, int n, int d, int networks, int *agreeing, int64_t *cells)
{
    *agreeing = 0;
    for (int i = 0; i < networks; i++) {
        double theta[ROOM];
        sd_region_net net = {d, 1, {n}};
        sd_random random = sd__lab_random(lab, "network", (i * UNITS + n) * DIMS + d);
        sd__region_draw(&random, &net, theta);
        SD_TRY(cells_of(sd__lab_context(lab), &net, theta, cells));
        *agreeing += *cells == (int64_t)sd__zaslavsky(n, d);
    }
    return SD_OK;
}

static void draw_theory(sd_lab *lab)
{
    static const char *const name[] = {"d = 1: n + 1", "d = 2: quadratic", "d = 3: cubic", "d = 4: of degree 4"};
    for (int d = 1; d <= DIMS; d++) {
        sd__lab_series(lab, name[d - 1], SD_SERIES_LINE);
        for (int n = 1; n <= UNITS; n++)
            sd__lab_point(lab, n, sd__zaslavsky(n, d));
    }
}

/* The lines of three units, and the seven regions between them. */
static sd_status draw_three(sd_lab *lab)
{
    const double theta[] = {1, -0.2, -0.6, 0.3, 1, -0.8, 0.5, 0.4, 0.7, 1, 1, 1, 0}, window[] = {-3, 3, -3, 3};
    sd_regions_report r;
    SD_TRY(sd__region_count(sd__lab_context(lab), &(sd_region_net){2, 1, {3}}, theta, window, &r));
    sd__lab_regions(lab, "Three hidden units on a plane: three lines, seven regions", &r);
    sd__lab_number(lab, "a", (double)r.slice_regions, 7, "regions in the drawing");
    sd_regions_report_clear(&r);
    return SD_OK;
}

/* Of the counts as a polynomial in n: the first order of differences at which all are equal. No units make one region. */
static int degree_of(const int64_t *count)
{
    int64_t row[UNITS + 1] = {1};
    memcpy(row + 1, count + 1, UNITS * sizeof *row);
    for (int k = 0; k < UNITS; k++) {
        bool equal = true;
        for (int n = 0; n < UNITS - k; n++)
            equal = equal && row[n] == row[n + 1];
        if (equal)
            return k;
        for (int n = 0; n < UNITS - k; n++)
            row[n] = row[n + 1] - row[n];
    }
    return UNITS;
}

typedef struct counts {
    int networks, wrong, three_right; /* of each n and d; all that differ from the formula; of n = 3, d = 2 those that do not */
    int64_t cells[DIMS + 1][UNITS + 1];
} counts;

static sd_status count_all(sd_lab *lab, counts *c)
{
    for (int d = 1; d <= DIMS; d++)
        for (int n = 1; n <= UNITS; n++) {
            int agreeing;
            SD_TRY(agree(lab, n, d, c->networks, &agreeing, &c->cells[d][n]));
            c->wrong += c->networks - agreeing;
            c->three_right += d == 2 && n == 3 ? agreeing : 0;
        }
    return SD_OK;
}

static void draw_counts(sd_lab *lab, const counts *c)
{
    sd__lab_figure(lab, "Regions of n hidden units with d inputs", "hidden units n", "regions", false, true);
    draw_theory(lab);
    sd__lab_series(lab, "counted", SD_SERIES_POINTS);
    for (int d = 1; d <= DIMS; d++)
        for (int n = 1; n <= UNITS; n++)
            sd__lab_point(lab, n, (double)c->cells[d][n]);
}

static void judge(sd_lab *lab, const counts *c)
{
    int degree[DIMS + 1], all = c->networks * UNITS * DIMS;
    bool quadratic = true;
    for (int d = 1; d <= DIMS; d++) {
        degree[d] = degree_of(c->cells[d]);
        quadratic = quadratic && degree[d] == 2;
        sd__lab_number(lab, "b", degree[d], d, "degree in n of the counts, %d input%s", d, d == 1 ? "" : "s");
    }
    sd__lab_judge(lab, "a", sd__rule_fact(c->three_right == c->networks), "%d of %d random networks have 7 regions",
                  c->three_right, c->networks);
    sd__lab_judge(lab, "b", c->wrong ? SD_NOT_DECIDED : sd__rule_fact(quadratic),
                  "for 1 to 4 inputs the counts are of degree %d, %d, %d and %d in the number of units; 3 units with 3 inputs "
                  "make %lld regions",
                  degree[1], degree[2], degree[3], degree[4], (long long)c->cells[3][3]);
    sd__lab_judge(lab, "c", sd__rule_fact(c->wrong == 0), "%d of %d networks have another count", c->wrong, all);
}

static sd_status run(sd_lab *lab)
{
    counts c = {.networks = sd__lab_repeats(lab, 10, 100)};
    SD_TRY(draw_three(lab));
    SD_TRY(count_all(lab, &c));
    draw_counts(lab, &c);
    sd__lab_number(lab, "a", (double)c.cells[2][3], sd__zaslavsky(3, 2), "3 units, 2 inputs: regions");
    sd__lab_number(lab, "b", (double)c.cells[3][3], sd__zaslavsky(3, 3), "3 units, 3 inputs: regions");
    sd__lab_number(lab, "c", (double)c.cells[4][12], sd__zaslavsky(12, 4), "12 units, 4 inputs: regions");
    sd__lab_number(lab, "c", c.wrong, 0, "networks with another count than Σ C(n, j), of %d", c.networks * UNITS * DIMS);
    judge(lab, &c);
    return SD_OK;
}

const sd_claim sd__claim_c35_hyperplanes = {
    .id = "C35",
    .title = "Three hidden units, seven regions",
    .text = "Three hidden units are three hyperplanes and make seven regions; the general formula is quadratic.",
    .lecture = "D0",
    .slide = "Distributed Representations: MLP example",
    .theory =
        "Hyperplane number n is cut by the n − 1 before it as a space of one dimension less, and each of its pieces cuts one "
        "region in two: r(n, d) = r(n − 1, d) + r(n − 1, d − 1), so r(n, d) = Σ C(n, j) over j ≤ d (Zaslavsky 1975), if no "
        "d + 1 hyperplanes meet in a point and none are parallel. In n that is a polynomial of degree d.",
    .protocol =
        "One hidden layer of n = 1 … 12 ReLUs with normal weights and biases over d = 1 … 4 inputs, ten of each (100 in "
        "full). On a "
        "line and in a plane the cells are clipped, in a box that holds every crossing; above that a linear program decides "
        "for each unit whether its hyperplane meets a cell of the whole space.",
    .caution = "The formula is the largest number. Hyperplanes that are parallel or meet in one point make fewer regions.",
    .kind = SD_THEOREM,
    .question = SD_WHY_BETTER,
    .part = {{"a", "Three units over two inputs make seven regions.", "Exact count, for every random network.", SD_CONFIRMED},
             {"b", "The general formula is quadratic.",
              "Confirmed if the counts are of degree 2 in n for every d, refuted if not; only where c holds.", SD_REFUTED},
             {"c", "n units over d inputs make Σ C(n, j), j ≤ d, regions.", "Exact count, for every n, d and network.",
              SD_CONFIRMED}},
    .error = {{"E23", "general formula is quadratic", "of degree d in the number of units: quadratic for two inputs only",
               "b"}},
    .run = run,
};
