/* c10_memoriser.c -- C10: the printed definition of generalisation has its inequality the wrong way round: a memoriser passes it. */
#include <math.h>
#include <stdlib.h>

#include "classic/nearest.h"
#include "lab/claim.h"

enum { N = 100, D = 10, FRESH = 1000, LEVELS = 4 };

static const double level[LEVELS] = {0.01, 0.1, 0.2, 0.4}, chance_of_one = 0.5, delta = 0.05;

/* Gaussian points with coin-flip labels. */
static void draw(sd_random *random, int n, float *x, int *y)
{
    for (int i = 0; i < n * D; i++)
        x[i] = (float)sd__random_normal(random);
    for (int i = 0; i < n; i++)
        y[i] = sd__random_uniform(random) < chance_of_one;
}

static double error_rate(const float *x, const int *y, int n, const float *queries, const int *truth)
{
    int wrong = 0;
    for (int i = 0; i < n; i++)
        wrong += y[sd__nearest_row(N, D, x, queries + i * D)] != truth[i];
    return (double)wrong / n;
}

/* Empirical risk and risk of the nearest neighbour learned from one data set. */
static void one_set(sd_lab *lab, int repetition, double *empirical, double *risk)
{
    sd_random data = sd__lab_random(lab, "training examples", repetition),
              rest = sd__lab_random(lab, "fresh examples", repetition);
    float x[N * D], fresh[FRESH * D];
    int y[N], truth[FRESH];
    draw(&data, N, x, y);
    draw(&rest, FRESH, fresh, truth);
    *empirical = error_rate(x, y, N, x, y);
    *risk = error_rate(x, y, FRESH, fresh, truth);
}

typedef struct outcome {
    sd_interval empirical, risk;
    sd_interval printed[LEVELS], turned[LEVELS]; /* Pr(R_D >= R + e), Pr(R >= R_D + e) */
} outcome;

static sd_status measure(sd_lab *lab, int sets, outcome *o)
{
    double *empirical = sd__alloc((size_t)sets, sizeof *empirical), *risk = sd__alloc((size_t)sets, sizeof *risk);
    sd_status status = empirical && risk ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d data sets", sets);
    double confidence = sd__lab_confidence(2 + 2 * LEVELS);
    for (int s = 0; s < sets && status == SD_OK; s++)
        one_set(lab, s, &empirical[s], &risk[s]);
    for (int e = 0; e < LEVELS && status == SD_OK; e++) {
        int printed = 0, turned = 0;
        for (int s = 0; s < sets; s++) {
            printed += empirical[s] >= risk[s] + level[e];
            turned += risk[s] >= empirical[s] + level[e];
        }
        o->printed[e] = sd_interval_binomial(printed, sets, confidence);
        o->turned[e] = sd_interval_binomial(turned, sets, confidence);
    }
    if (status == SD_OK) {
        o->empirical = sd_interval_mean(sets, empirical, confidence);
        o->risk = sd_interval_mean(sets, risk, confidence);
    }
    free(empirical);
    free(risk);
    return status;
}

static void draw_figure(sd_lab *lab, const outcome *o)
{
    static const char *const label[] = {"R_D", "R", "Pr(R_D ≥ R+ε)", "Pr(R ≥ R_D+ε)"};
    const sd_interval bar[] = {o->empirical, o->risk, o->printed[1], o->turned[1]};
    const double theory[] = {0, 0.5, 0, 1};
    sd__lab_figure(lab, "A memoriser of random labels; probabilities for ε = 0.1", "", "risk or probability", false, false);
    sd__lab_series(lab, "measured", SD_SERIES_BARS);
    for (int i = 0; i < 4; i++)
        sd__lab_point_interval(lab, i, bar[i]);
    sd__lab_series(lab, "theory", SD_SERIES_POINTS);
    for (int i = 0; i < 4; i++) {
        sd__lab_point(lab, i, theory[i]);
        sd__lab_tick(lab, i, label[i]);
    }
}

static sd_status run(sd_lab *lab)
{
    outcome o;
    sd_verdict passes = SD_CONFIRMED, rejected = SD_CONFIRMED, useless;
    SD_TRY(measure(lab, sd__lab_repeats(lab, 200, 2000), &o));
    sd__lab_measure(lab, "a", o.empirical, 0, "empirical risk R_D");
    sd__lab_measure(lab, "a", o.risk, 0.5, "risk R");
    for (int e = 0; e < LEVELS; e++) {
        sd__lab_measure(lab, "a", o.printed[e], 0, "Pr(R_D ≥ R + %.2f), as printed", level[e]);
        sd__lab_measure(lab, "b", o.turned[e], 1, "Pr(R ≥ R_D + %.2f), turned round", level[e]);
        passes = sd__rule_both(passes, sd__rule_at_most(o.printed[e], delta));
        rejected = sd__rule_both(rejected, sd__rule_at_least(o.turned[e], 1 - delta));
    }
    draw_figure(lab, &o);
    useless = sd__rule_both(sd__rule_equals(o.risk, 0.5, 0.02), sd__rule_at_most(o.empirical, 0.01));
    sd_verdict counterexample = sd__rule_both(passes, useless); /* confirmed: there is one; else nothing follows */
    sd__lab_judge(
        lab, "a", counterexample == SD_CONFIRMED ? SD_REFUTED : SD_NOT_DECIDED,
        "the memoriser has R_D = %.3f and R = %.3f, and Pr(R_D ≥ R+ε) = %.2f: by the printed definition it generalises",
        o.empirical.estimate, o.risk.estimate, o.printed[0].estimate);
    sd__lab_judge(lab, "b", rejected, "Pr(R ≥ R_D+ε) is %.2f for ε = 0.01 and %.2f for ε = 0.4", o.turned[0].estimate,
                  o.turned[LEVELS - 1].estimate);
    sd__lab_judge(lab, "c", useless == SD_CONFIRMED ? SD_REFUTED : SD_NOT_DECIDED,
                  "its empirical risk is %.3f, and on fresh examples it errs as often as a coin (%.3f)", o.empirical.estimate,
                  o.risk.estimate);
    return SD_OK;
}

const sd_claim sd__claim_c10_memoriser = {
    .id = "C10",
    .title = "A definition that a memoriser passes",
    .text = "The slide defines: f̂ generalises if Pr(R_D ≥ R + ε) ≤ δ for some ε and δ, where R_D is the risk on the training "
            "data and R the "
            "risk on new data; and f̂ is then good with high probability if its empirical risk is small.",
    .lecture = "D1",
    .slide = "Bonus: Towards Generalization Bounds",
    .theory = "The nearest neighbour of a training point is itself, so the memoriser has R_D = 0 whatever the labels are. With "
              "labels that "
              "do not depend on x its risk is ½. So Pr(R_D ≥ R+ε) = 0 for every ε > 0: it satisfies the printed definition for "
              "every ε and δ, "
              "and knows nothing. Turned round, Pr(R ≥ R_D+ε) is 1 for every ε < ½: rejected, as it should be.",
    .protocol = "1-nearest neighbour on 100 Gaussian points in ten dimensions with coin-flip labels, 200 data sets (2,000 in "
                "full), risk on "
                "1,000 fresh points each; ε = 0.01, 0.1, 0.2, 0.4; δ = 0.05.",
    .caution = "“There are ε and δ” is satisfied by every learner (ε = 1); a definition needs them small, or for every ε.",
    .kind = SD_ARITHMETIC,
    .question = SD_WHY_WELL,
    .part = {{"a", "What satisfies the printed definition, Pr(R_D ≥ R+ε) ≤ δ, does about as well on new data as in training.",
              "Refuted by one counterexample: all four probabilities are at most δ (simultaneous 95 % intervals), R_D is at "
              "most 0.01, "
              "and R is ½ within 0.02.",
              SD_REFUTED},
             {"b", "With the inequality turned round, Pr(R ≥ R_D+ε) ≤ δ, the memoriser is rejected.",
              "All four probabilities are at least 1 − δ (simultaneous 95 % intervals).", SD_CONFIRMED},
             {"c", "f̂ is good with high probability if its empirical risk is small.",
              "Refuted by one counterexample: R_D at most 0.01 and R = ½ within 0.02.", SD_REFUTED}},
    .error = {{"E01", "Pr(R_D ≥ R + ε) ≤ δ", "Pr(R ≥ R_D + ε) ≤ δ", "a"},
              {"E38", "f̂ is good with high probability if the empirical risk is small",
               "only for an f̂ that generalises in the sense of the corrected definition", "c"}},
    .run = run,
};
