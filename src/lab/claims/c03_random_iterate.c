/* c03_random_iterate.c -- C03: after one pass, a random iterate of the perceptron has expected risk at most R^2 / (n margin^2). */
#include <math.h>
#include <stdlib.h>

#include "lab/claim.h"
#include "lab/draw.h"

enum { D = 10, SIZES = 7, SMALLEST = 50, LOOKS = 100, FRESH = 25 };

static const double margin = 0.1, identity_margin = 0.15;

/* An example of the distribution: uniform on the sphere outside the band |<axis,x>| < margin, labelled by the side. */
static double draw(sd_random *random, const double *axis, double *x)
{
    double along = 0;
    while (fabs(along) < margin) {
        sd__draw_sphere(random, D, x);
        along = sd__dot(D, axis, x);
    }
    return along > 0 ? 1 : -1;
}

/* Share of mistakes of w on examples that it has never seen. */
static double risk(sd_random *random, const double *axis, const double *w)
{
    double x[D];
    int wrong = 0;
    for (int i = 0; i < FRESH; i++) {
        double y = draw(random, axis, x);
        wrong += sd__perceptron_errs(D, w, x, y);
    }
    return (double)wrong / FRESH;
}

/* One pass over n examples: the mistakes made, and the risk of iterates at LOOKS random times, both per example. */
static void one_pass(sd_lab *lab, int n, int stream, double *mistakes, double *iterate_risk)
{
    sd_random data = sd__lab_random(lab, "training examples", stream);
    sd_random fresh = sd__lab_random(lab, "fresh examples", stream);
    double axis[D], w[D] = {0}, x[D];
    sd__draw_sphere(&data, D, axis);
    *mistakes = *iterate_risk = 0;
    double next = sd__random_uniform(&fresh); /* one time in each LOOKS-th of the pass: every time is equally likely */
    for (int t = 0, look = 0; t < n; t++) {
        while (look < LOOKS && (look + next) * n < (double)(t + 1) * LOOKS) {
            *iterate_risk += risk(&fresh, axis, w) / LOOKS;
            next = sd__random_uniform(&fresh);
            look++;
        }
        double y = draw(&data, axis, x);
        *mistakes += (double)sd__perceptron_show(D, w, x, y) / n;
    }
}

typedef struct curve {
    sd_interval risk, mistakes, difference;
    double bound;
    int n;
} curve;

static sd_status measure(sd_lab *lab, int runs, int size, curve *c)
{
    double *risks = sd__alloc((size_t)runs, sizeof *risks), *mistakes = sd__alloc((size_t)runs, sizeof *mistakes);
    sd_status status = risks && mistakes ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d runs", runs);
    for (int r = 0; r < runs && status == SD_OK; r++)
        one_pass(lab, c->n, r * SIZES + size, &mistakes[r], &risks[r]);
    if (status == SD_OK) {
        double confidence = sd__lab_confidence(3 * SIZES);
        c->risk = sd_interval_mean(runs, risks, confidence);
        c->mistakes = sd_interval_mean(runs, mistakes, confidence);
        c->difference = sd_interval_paired(runs, risks, mistakes, confidence);
        c->bound = 1 / (c->n * margin * margin);
    }
    free(risks);
    free(mistakes);
    return status;
}

static void draw_figure(sd_lab *lab, const curve *c)
{
    sd__lab_figure(lab, "Risk after one pass: measured, counted while learning, and bounded", "examples n", "risk", true, true);
    sd__lab_series(lab, "theory: R²/(nγ²)", SD_SERIES_LINE);
    for (int s = 0; s < SIZES; s++)
        sd__lab_point(lab, c[s].n, c[s].bound);
    sd__lab_series(lab, "risk of a random iterate, fresh examples", SD_SERIES_POINTS);
    for (int s = 0; s < SIZES; s++)
        sd__lab_point_interval(lab, c[s].n, c[s].risk);
    sd__lab_series(lab, "mistakes while learning / n", SD_SERIES_POINTS);
    for (int s = 0; s < SIZES; s++)
        sd__lab_point_interval(lab, c[s].n * 1.08, c[s].mistakes); /* beside the other, so that both can be seen */
}

/* The size whose difference is farthest from 0 for the width of its interval. */
static const curve *farthest(const curve *c)
{
    const curve *far = c;
    double most = -1;
    for (int s = 0; s < SIZES; s++) {
        double at = fabs(c[s].difference.estimate) / (c[s].difference.high - c[s].difference.low);
        if (at > most) {
            most = at;
            far = &c[s];
        }
    }
    return far;
}

static sd_status run(sd_lab *lab)
{
    int runs = sd__lab_repeats(lab, 200, 2000);
    sd_verdict identity = SD_CONFIRMED, bounded = SD_CONFIRMED;
    curve c[SIZES];
    for (int s = 0; s < SIZES; s++) {
        c[s].n = SMALLEST << s;
        SD_TRY(measure(lab, runs, s, &c[s]));
        sd__lab_measure(lab, "a", c[s].difference, 0, "n = %d: risk of a random iterate − mistakes / n", c[s].n);
        sd__lab_measure(lab, "b", c[s].risk, c[s].bound, "n = %d: risk of a random iterate", c[s].n);
        sd__lab_measure(lab, "b", c[s].mistakes, c[s].bound, "n = %d: mistakes / n", c[s].n);
        identity = sd__rule_both(identity, sd__rule_equals(c[s].difference, 0, identity_margin * c[s].mistakes.estimate));
        bounded = sd__rule_both(
            bounded, sd__rule_both(sd__rule_at_most(c[s].risk, c[s].bound), sd__rule_at_most(c[s].mistakes, c[s].bound)));
    }
    draw_figure(lab, c);
    const curve *far = farthest(c);
    sd__lab_judge(lab, "a", identity,
                  "of all sizes the two differ most, beside the width of the interval, at n = %d: by %.2g (%.2g to %.2g)",
                  far->n, far->difference.estimate, far->difference.low, far->difference.high);
    sd__lab_judge(lab, "b", bounded, "at n = 400 the risk is %.3f, mistakes/n %.3f, the bound %.3f", c[3].risk.estimate,
                  c[3].mistakes.estimate, c[3].bound);
    return SD_OK;
}

const sd_claim sd__claim_c03_random_iterate = {
    .id = "C03",
    .title = "One pass, a random iterate: the first risk bound",
    .text = "Run the perceptron once over n examples and pick one of its n weight vectors w₀ … wₙ₋₁ at random. Its expected "
            "risk is the "
            "expected number of mistakes made while learning, divided by n, and so at most R²/(nγ²).",
    .lecture = "D1",
    .slide = "Perceptron: First Risk Bound",
    .theory = "The vector w_t depends on the first t examples only, so example t is fresh for it: its risk is the chance that "
              "it errs on "
              "example t. Averaged over t, that is the expected number of mistakes over n, and C01 bounds the number by R²/γ². "
              "The rule "
              "needs R and γ of the distribution; one pass only.",
    .protocol = "Ten dimensions, unit sphere without the band |⟨w*,x⟩| < 0.1, so R = 1 and γ = 0.1; n = 50, 100, … 3200; 200 "
                "repetitions "
                "(2,000 in full). In each, iterates at 100 random times, one in each hundredth of the pass, are tried on 25 "
                "fresh examples.",
    .caution =
        "A margin measured on the sample instead would give E[R²/γ_D²]/n. For n ≤ 100 the bound is above 1 and says nothing.",
    .kind = SD_THEOREM,
    .question = SD_WHY_WELL,
    .part = {{"a", "The risk of a random iterate equals the expected mistakes divided by n.",
              "Simultaneous 95 % intervals of the paired difference: refuted if one excludes 0, confirmed if all lie within 15 "
              "% of "
              "mistakes/n around it.",
              SD_CONFIRMED},
             {"b", "Both are at most R²/(nγ²).", "Upper ends of simultaneous 95 % intervals against the bound, at every n.",
              SD_CONFIRMED}},
    .run = run,
};
