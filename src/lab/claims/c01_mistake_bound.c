/* c01_mistake_bound.c -- C01: on separable data the perceptron makes at most R^2 / margin^2 mistakes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/claim.h"
#include "lab/draw.h"

enum { POINTS = 40, SHOWN = 4 /* every so many-th run is in the figure */ };

static const int dimensions[] = {2, 10, 100};

/* Unit vectors with labels, at least `margin` from the hyperplane across a random axis, half of them exactly so. */
static void plant(sd_random *random, double margin, sd_labelled *points)
{
    double axis[100];
    sd__draw_sphere(random, points->d, axis);
    for (int64_t i = 0; i < points->n; i++) {
        double along = i % 2 ? margin : margin + (1 - margin) * sd__random_uniform(random) / 2;
        points->y[i] = sd__random_u32(random) >> 31 ? 1 : -1;
        sd__draw_at(random, points->d, axis, points->y[i] * along, points->x + i * points->d);
    }
}

/* The mistake that helps least: it lies nearest to the hyperplane, so that |w| grows most. -1: there is none. */
static int64_t adversary(const sd_labelled *points, const double *w)
{
    int64_t worst = -1;
    double nearest = -INFINITY;
    for (int64_t i = 0; i < points->n; i++) {
        double at = points->y[i] * sd__dot(points->d, w, points->x + i * points->d);
        if (at <= 0 && at > nearest) {
            nearest = at;
            worst = i;
        }
    }
    return worst;
}

/* What the slide's sum counts: mistakes, where its bracket belongs; examples put on the positive side, where it is printed. */
typedef struct sums {
    int64_t mistakes, positive;
} sums;

static bool show(const sd_labelled *points, int64_t i, double *w, sums *s)
{
    const double *x = points->x + i * points->d;
    s->positive += sd__dot(points->d, w, x) > 0;
    bool mistake = sd__perceptron_show(points->d, w, x, points->y[i]);
    s->mistakes += mistake;
    return mistake;
}

/* One pass in random order, or the one example that the adversary chooses. Was there a mistake? */
static bool pass(sd_random *random, const sd_labelled *points, bool adversarial, double *w, sums *s)
{
    bool mistake = false;
    int64_t order[POINTS] = {adversarial ? adversary(points, w) : 0}, shown = adversarial ? order[0] >= 0 : points->n;
    if (!adversarial)
        sd__draw_order(random, points->n, order);
    for (int64_t i = 0; i < shown; i++)
        mistake |= show(points, order[i], w, s);
    return mistake;
}

/* All passes until there is no mistake, or until there are more than `limit`. */
static sums train(sd_random *random, const sd_labelled *points, bool adversarial, int64_t limit)
{
    double w[100] = {0};
    sums s = {0};
    while (pass(random, points, adversarial, w, &s) && s.mistakes <= limit)
        ;
    return s;
}

/* R^2 / margin^2 with the certified margin. */
static sd_status bound_of(const sd_labelled *points, double *bound, double *gap)
{
    double w[100], low, high;
    SD_TRY(sd__largest_margin(points, 1e-3, 20000, w, &low, &high));
    *bound = pow(sd__radius(points) / low, 2);
    *gap = fmax(*gap, (high - low) / low);
    return low > 0 ? SD_OK : sd__fail(SD_EINTERNAL, "planted data was not separated");
}

/* e_1 ... e_n with label 1: R = 1, margin 1/sqrt(n), and every example is a mistake once. */
static sd_status orthonormal(sd_lab *lab, int n, bool *equal)
{
    sd_labelled points;
    double bound = NAN, gap = 0;
    SD_TRY(sd__labelled_new(n, n, &points));
    memset(points.x, 0, (size_t)(n * n) * sizeof *points.x);
    for (int i = 0; i < n; i++)
        points.x[i * n + i] = points.y[i] = 1;
    sd_status status = bound_of(&points, &bound, &gap);
    double w[100] = {0};
    int64_t mistakes = sd__perceptron_pass(&points, NULL, w) + sd__perceptron_pass(&points, NULL, w);
    sd__lab_point(lab, bound, (double)mistakes);
    *equal = *equal && status == SD_OK && mistakes == llround(bound) && fabs(bound - n) < 1e-6 * n;
    sd__labelled_free(&points);
    return status;
}

/* ratio, printed: the two sums over the bound */
static sd_status one_run(sd_lab *lab, int run, double *ratio, double *printed, double *gap)
{
    sd_random random = sd__lab_random(lab, "run", run);
    sd_labelled points;
    double bound = NAN, margin = 0.02 * pow(25, sd__random_uniform(&random)); /* 0.02 to 0.5 */
    SD_TRY(sd__labelled_new(POINTS, dimensions[run % 3], &points));
    plant(&random, margin, &points);
    sd_status status = bound_of(&points, &bound, gap);
    if (status == SD_OK) {
        sums s = train(&random, &points, run / 3 % 2, (int64_t)(2 * bound) + 10);
        *ratio = (double)s.mistakes / bound;
        *printed = (double)s.positive / bound;
        if (run % SHOWN == 0)
            sd__lab_point(lab, bound, (double)s.mistakes);
    }
    sd__labelled_free(&points);
    return status;
}

static sd_status run(sd_lab *lab)
{
    int runs = sd__lab_repeats(lab, 1000, 10000), violations = 0, misread = 0;
    double worst = 0, gap = 0;
    bool equal = true;
    sd__lab_figure(lab, "Mistakes until none is left, against the bound of each data set", "R² / margin²", "mistakes", true,
                   true);
    sd__lab_line(lab, "theory: at most the bound", SD_SERIES_LINE, 1, 1, 3000, 3000);
    sd__lab_series(lab, "planted data, random and adversarial order", SD_SERIES_POINTS);
    for (int i = 0; i < runs; i++) {
        double ratio = 0, printed = 0;
        SD_TRY(one_run(lab, i, &ratio, &printed, &gap));
        violations += ratio > 1;
        misread += printed > 1;
        worst = fmax(worst, ratio);
    }
    sd__lab_series(lab, "orthonormal set", SD_SERIES_POINTS);
    for (int n = 1; n <= 100; n = n < 10 ? n + 1 : n * 2)
        SD_TRY(orthonormal(lab, n, &equal));
    sd__lab_measure(lab, "a", sd_interval_binomial(violations, runs, sd__lab_confidence(1)), 0,
                    "share of runs above the bound");
    sd__lab_number(lab, "a", worst, 1, "largest mistakes / bound");
    sd__lab_number(lab, "a", misread, NAN,
                   "runs in which examples put on the positive side, what is printed, exceed the bound");
    sd__lab_number(lab, "a", gap, NAN, "largest relative gap of a certified margin");
    sd__lab_judge(lab, "a", sd__rule_fact(violations == 0),
                  "%d of %d runs made more mistakes than R²/margin²; the closest came to %.3f of it. The sum as printed, of "
                  "the signs and not of the mistakes, exceeds it in %d runs",
                  violations, runs, worst, misread);
    sd__lab_judge(lab, "b", sd__rule_fact(equal), "the orthonormal sets of 1 to 80 vectors made %s n = R²/margin² mistakes",
                  equal ? "exactly" : "not always");
    return SD_OK;
}

const sd_claim sd__claim_c01_mistake_bound = {
    .id = "C01",
    .title = "The perceptron's mistake bound",
    .text = "If the data can be separated by a hyperplane through the origin with margin γ, and no example is longer than R, "
            "then the "
            "perceptron makes at most R²/γ² mistakes, in whatever order the examples come and however often.",
    .lecture = "D1",
    .slide = "Perceptron: Mistake Bound; Bonus: Perceptron Mistake Bound (1), (2)",
    .theory =
        "Let w* be the unit normal of the best hyperplane. Each mistake adds yx to w, so ⟨w,w*⟩ grows by at least γ: after T "
        "mistakes ⟨w,w*⟩ ≥ Tγ. And ‖w‖² grows by 2y⟨w,x⟩ + ‖x‖² ≤ R², since y⟨w,x⟩ ≤ 0 at a mistake: ‖w‖² ≤ TR². By "
        "Cauchy and Schwarz Tγ ≤ ‖w‖ ≤ R√T, so T ≤ R²/γ². For e₁ … eₙ, all labelled +1, R = 1 and γ = 1/√n, and each vector "
        "is a mistake exactly once: the bound cannot be improved.",
    .protocol =
        "1,000 data sets (10,000 in full) of 40 unit vectors in 2, 10 and 100 dimensions with a planted margin between 0.02 "
        "and 0.5; half of the runs in random order, half with an adversary that always shows the mistake nearest to the "
        "hyperplane. The margin is that of the hard-margin problem, certified from both sides. All passes are counted, and "
        "sign(0) counts as a mistake.",
    .caution = "γ must belong to a separator through the origin: a constant feature changes both R and γ.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "No run makes more than R²/γ² mistakes.", "Confirmed if not one run exceeds the bound, refuted if one does.",
              SD_CONFIRMED},
             {"b", "The orthonormal set reaches the bound: n mistakes with R²/γ² = n.", "Exact equality for every n tried.",
              SD_CONFIRMED}},
    .error = {{"E04", "Σ 1(sign⟨w,x⟩) ≠ y)", "Σ 1(sign⟨w,x⟩ ≠ y): a bracket is misplaced, twice", "a"}},
    .run = run,
};
