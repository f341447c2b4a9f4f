/* c122_rbm.c -- C122: a restricted Boltzmann machine follows from its energy, and contrastive divergence climbs its likelihood. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "classic/rbm.h"
#include "lab/draw.h"
#include "lab/runs.h"

enum { SIDE = 3, V = SIDE * SIDE, H = 8, SIZE = V * H + V + H, VISIBLE = 1 << V, PATTERNS = 14 };
enum { STAGES = 3, STEPS = 7, MOST_STEPS = 1 << 14, DRAWN = 5, ESTIMATES = 1024, CURVE = 21 };
enum { UPDATES = 5000, BETWEEN = UPDATES / (CURVE - 1) };

static const int stage_end[STAGES] = {500, 1000, UPDATES};
static const double rate = 0.1, near_one = 1e-6, margin = 0.1;
static const double chain[STEPS] = {1, 2, 4, 8, 16, 32, 64}; /* lengths k of chains */

typedef struct machine {
    double cosine[STAGES][STEPS]; /* of the expected CD-k with the gradient, by enumeration */
    double along[STAGES][STEPS];  /* the expected CD-k along the gradient, in units of the gradient's length */
    double drawn[STAGES][DRAWN];  /* the same from drawn chains, without bias, as it is linear in the estimate */
    double single[STAGES];        /* mean cosine of one CD-1 estimate, its noise included */
    double enough;                /* the k from which the cosine is 1 within near_one, at every stage */
    double before, after, by_gradient, conditionals, log_z;
    double curve[CURVE]; /* log-likelihood along training by CD-1 */
} machine;

/* ---- one machine ----------------------------------------------------------------------------------------------------------------------- */

/* The largest deviation of p(h_j = 1 | x) and p(x_i = 1 | h), summed from e^-E over all states, from the sigmoids. */
static double conditionals(const sd_rbm *r)
{
    static const int units[2] = {V, H};
    double worst = 0, state[2][SD_RBM_MOST], p[SD_RBM_MOST] = {0};
    for (int given = 0; given < 2; given++)
        for (int64_t s = 0; s < (int64_t)1 << units[given]; s++) {
            double all = 0, on[SD_RBM_MOST] = {0};
            sd__rbm_state(s, units[given], state[given]);
            for (int64_t t = 0; t < (int64_t)1 << units[!given]; t++) {
                sd__rbm_state(t, units[!given], state[!given]);
                double weight = exp(-sd__rbm_energy(r, state[0], state[1]));
                all += weight;
                for (int i = 0; i < units[!given]; i++)
                    on[i] += weight * state[!given][i];
            }
            (given ? sd__rbm_visible : sd__rbm_hidden)(r, state[given], p);
            for (int i = 0; i < units[!given]; i++)
                worst = fmax(worst, fabs(on[i] / all - p[i]));
        }
    return worst;
}

/* How much of the gradient there is in a direction: 1 for the gradient itself. */
static double share_of(const double *gradient, const double *direction)
{
    return sd__dot(SIZE, direction, gradient) / sd__dot(SIZE, gradient, gradient);
}

static void draw_estimates(const sd_rbm *r, const double *x, const double *gradient, int k, sd_random *random, double *along,
                           double *single)
{
    double estimate[SIZE];
    *along = *single = 0;
    for (int e = 0; e < ESTIMATES; e++) {
        sd__rbm_contrast(r, PATTERNS, x, k, random, estimate);
        bool moved = sd__dot(SIZE, estimate, estimate) > 0; /* a chain may stay where it is */
        *along += share_of(gradient, estimate) / ESTIMATES;
        *single += moved ? sd__cosine(SIZE, estimate, gradient) / ESTIMATES : 0;
    }
}

/* Contrastive divergence at the end of a stage, for k = 1, 2, 4 ... until its expectation has the direction of the gradient. */
static void directions(const sd_rbm *r, const double *x, int stage, sd_random *random, machine *m)
{
    double p[VISIBLE], data[SIZE], model[SIZE], expected[SIZE], gradient[SIZE], single, reached = 0;
    sd__rbm_shares(r, PATTERNS, x, p);
    sd__rbm_moments(r, p, data);
    sd__rbm_gradient(r, PATTERNS, x, gradient);
    for (int k = 1, column = 0; k <= MOST_STEPS && (column < STEPS || reached < 1 - near_one); k++) {
        sd__rbm_gibbs(r, p);
        if (k & (k - 1))
            continue;
        sd__rbm_moments(r, p, model);
        for (int i = 0; i < SIZE; i++)
            expected[i] = data[i] - model[i];
        reached = sd__cosine(SIZE, expected, gradient);
        m->enough = fmax(m->enough, reached >= 1 - near_one ? k : 2 * k);
        if (column < STEPS) {
            m->cosine[stage][column] = reached;
            m->along[stage][column] = share_of(gradient, expected);
        }
        if (column < DRAWN)
            draw_estimates(r, x, gradient, k, random, &m->drawn[stage][column], column ? &single : &m->single[stage]);
        column++;
    }
}

static void train(const sd_rbm *r, const double *x, sd_random *random, machine *m)
{
    double direction[SIZE];
    for (int t = 0, stage = 0; t <= UPDATES; t++) {
        if (t % BETWEEN == 0)
            m->curve[t / BETWEEN] = sd__rbm_log_likelihood(r, PATTERNS, x);
        if (t == stage_end[stage])
            directions(r, x, stage++, random, m);
        if (t == UPDATES)
            break;
        sd__rbm_contrast(r, PATTERNS, x, 1, random, direction);
        sd__rbm_climb(r, rate, direction);
    }
    m->before = m->curve[0];
    m->after = m->curve[CURVE - 1];
}

static double train_by_gradient(const sd_rbm *r, const double *x)
{
    double direction[SIZE];
    for (int t = 0; t < UPDATES; t++) {
        sd__rbm_gradient(r, PATTERNS, x, direction);
        sd__rbm_climb(r, rate, direction);
    }
    return sd__rbm_log_likelihood(r, PATTERNS, x);
}

static void one_machine(sd_lab *lab, int number, machine *m)
{
    sd_random random = sd__lab_random(lab, "machine", number);
    double x[PATTERNS * V], theta[SIZE], same[SIZE], p[VISIBLE];
    sd_rbm r = {V, H, theta}, other = {V, H, same};
    sd__bars_and_stripes(SIDE, x);
    sd__rbm_draw(&r, 0.1, &random);
    memcpy(same, theta, sizeof same);
    train(&r, x, &random, m);
    m->by_gradient = train_by_gradient(&other, x);
    m->conditionals = conditionals(&r);
    m->log_z = sd__rbm_distribution(&r, p);
}

/* ---- what the machines together say --------------------------------------------------------------------------------------------------- */

static void begin_series(sd_lab *lab, const char *what, int stage, sd_series_style style)
{
    char name[96];
    snprintf(name, sizeof name, "%safter %d updates", what, stage_end[stage]);
    sd__lab_series(lab, name, style);
}

/* Do drawn chains do what the enumeration says, at every k and stage? */
static sd_verdict drawn_as_enumerated(sd_lab *lab, const sd_runs *runs)
{
    const machine *m = runs->row;
    sd_verdict all = SD_CONFIRMED;
    double confidence = sd__lab_confidence(STAGES * DRAWN), theory[STEPS];
    sd__lab_figure(lab, "CD-k along the gradient, in units of the gradient: the mean of all machines", "steps k",
                   "share of the gradient", true, false);
    for (int s = 0; s < STAGES; s++) {
        begin_series(lab, "theory: enumerated, ", s, SD_SERIES_LINE);
        for (int c = 0; c < STEPS; c++) {
            theory[c] = sd__runs_mean(runs, &m->along[s][c], confidence).estimate;
            sd__lab_point(lab, chain[c], theory[c]);
        }
        begin_series(lab, "drawn, ", s, SD_SERIES_POINTS);
        for (int c = 0; c < DRAWN; c++) {
            sd_interval d = sd__runs_paired(runs, &m->drawn[s][c], &m->along[s][c], confidence);
            sd__lab_point_interval(lab, chain[c], (sd_interval){theory[c] + d.estimate, theory[c] + d.low, theory[c] + d.high});
            sd__lab_measure(lab, "b", d, 0, "after %d updates, k = %.0f: drawn − enumerated share of the gradient (%.3f)",
                            stage_end[s], chain[c], theory[c]);
            all = sd__rule_both(all, sd__rule_equals(d, 0, margin));
        }
    }
    return all;
}

static void judge_limit(sd_lab *lab, const sd_runs *runs)
{
    const machine *m = runs->row;
    double enough = sd__runs_largest(runs, &m->enough);
    sd_verdict limit = sd__rule_shown(enough <= MOST_STEPS), agrees = drawn_as_enumerated(lab, runs);
    sd__lab_number(lab, "b", enough, NAN, "steps after which the enumerated cosine exceeds 1 − 1e-6 in every machine");
    sd__lab_judge(lab, "b", sd__rule_both(limit, agrees),
                  "with %.0f steps the enumerated cosine %s 1 − 1e-6 in all %d machines; drawn chains %s the enumeration",
                  enough, limit == SD_CONFIRMED ? "exceeds" : "does not yet exceed", runs->n,
                  agrees == SD_CONFIRMED ? "agree with" : "are not shown to agree with");
}

static void draw_cosines(sd_lab *lab, const sd_runs *runs)
{
    const machine *m = runs->row;
    double confidence = sd__lab_confidence(STAGES * STEPS);
    sd__lab_figure(lab, "Cosine of the expected CD-k with the gradient, over machines", "steps k", "cosine", true, false);
    sd__lab_line(lab, "theory: the limit", SD_SERIES_LINE, 1, 1, chain[STEPS - 1], 1);
    for (int s = 0; s < STAGES; s++) {
        begin_series(lab, "", s, SD_SERIES_POINTS);
        sd__runs_points(lab, runs, STEPS, chain, m->cosine[s], confidence);
        for (int c = 0; c < STEPS; c++)
            sd__lab_measure(lab, "c", sd__runs_mean(runs, &m->cosine[s][c], confidence), NAN,
                            "after %d updates: cosine of the expected CD-%.0f with the gradient", stage_end[s], chain[c]);
    }
    for (int s = 0; s < STAGES; s++)
        sd__lab_measure(lab, "", sd__runs_mean(runs, &m->single[s], sd__lab_confidence(STAGES)), NAN,
                        "after %d updates: cosine of a single CD-1 estimate, its noise included", stage_end[s]);
}

static sd_status judge_trend(sd_lab *lab, const sd_runs *runs)
{
    const double *end = ((const machine *)runs->row)->cosine[STAGES - 1];
    double p;
    SD_TRY(sd__runs_page(runs, STEPS, end, &p));
    draw_cosines(lab, runs);
    sd__lab_number(lab, "c", p, NAN, "p of Page's test against no rise of the cosine with k, after %d updates", UPDATES);
    sd__lab_judge(lab, "c", sd__rule_shown(p <= 0.05),
                  "after %d updates the mean cosine is %.2f with one step and %.2f with %.0f (Page's test: p = %.1g)", UPDATES,
                  sd__runs_mean(runs, &end[0], 0.95).estimate, sd__runs_mean(runs, &end[STEPS - 1], 0.95).estimate,
                  chain[STEPS - 1], p);
    return SD_OK;
}

static void judge_training(sd_lab *lab, const sd_runs *runs)
{
    const machine *m = runs->row;
    double confidence = sd__lab_confidence(2), most = -log(PATTERNS), updates[CURVE];
    sd_interval gain = sd__runs_paired(runs, &m->after, &m->before, confidence);
    sd_interval lag = sd__runs_paired(runs, &m->by_gradient, &m->after, confidence);
    for (int c = 0; c < CURVE; c++)
        updates[c] = BETWEEN * c;
    sd__lab_figure(lab, "Log-likelihood of bars and stripes while CD-1 trains", "updates", "nats per picture", false, false);
    sd__lab_line(lab, "theory: the most possible, −log 14", SD_SERIES_LINE, 0, most, UPDATES, most);
    sd__lab_series(lab, "CD-1", SD_SERIES_POINTS);
    sd__runs_points(lab, runs, CURVE, updates, m->curve, sd__lab_confidence(CURVE));
    sd__lab_measure(lab, "d", sd__runs_mean(runs, &m->after, confidence), most, "log-likelihood after CD-1");
    sd__lab_measure(lab, "d", gain, NAN, "its gain since the random weights");
    sd__lab_measure(lab, "", sd__runs_mean(runs, &m->by_gradient, confidence), most,
                    "log-likelihood after as many updates by the exact gradient");
    sd__lab_measure(lab, "", lag, NAN, "exact gradient − CD-1");
    sd__lab_judge(lab, "d", sd__rule_above(gain, 0),
                  "it rises by %.2f nats; the exact gradient ends %.2f higher (interval %.2f to %.2f)", gain.estimate,
                  lag.estimate, lag.low, lag.high);
}

static sd_status run(sd_lab *lab)
{
    sd_runs runs;
    SD_TRY(sd__runs_new(sd__lab_repeats(lab, 10, 50), sizeof(machine), &runs));
    machine *m = runs.row;
    for (int i = 0; i < runs.n; i++)
        one_machine(lab, i, &m[i]);
    double worst = sd__runs_largest(&runs, &m->conditionals);
    sd__lab_number(lab, "a", worst, 0, "largest deviation of a conditional, summed from e^−E, from the sigmoid");
    sd__lab_measure(lab, "a", sd__runs_mean(&runs, &m->log_z, 0.95), NAN,
                    "log Z after training; “=” in place of ∝ would need 0");
    sd__lab_judge(lab, "a", sd__rule_fact(worst < 1e-12), "in %d machines all conditionals agree within %.1g", runs.n, worst);
    sd_status status = judge_trend(lab, &runs);
    judge_limit(lab, &runs);
    judge_training(lab, &runs);
    sd__runs_free(&runs);
    return status;
}

const sd_claim sd__claim_c122_rbm = {
    .id = "C122",
    .title = "A restricted Boltzmann machine, every state counted",
    .text = "p(x,h) ∝ e^−E(x,h) with E = −x'Wh − b'x − d'h. The log-likelihood is optimised with approximate Gibbs sampling, "
            "contrastive divergence.",
    .lecture = "D4",
    .slide = "Restricted Boltzmann machine (RBM)",
    .theory = "E is linear in each h_j when x is given, so the hidden units are then independent, with p(h_j = 1|x) = σ((W'x + "
              "d)_j), and likewise p(x_i = 1|h) = σ((Wh + b)_i). The gradient of log p(x) is the mean of −∂E/∂θ over the data "
              "less that over the model. CD-k puts in place of the model the distribution after k steps of Gibbs sampling from "
              "the data. That chain is irreducible with the model as its stationary distribution, so the expected CD-k tends "
              "to the gradient, and its cosine with it to 1; how fast depends on the weights.",
    .protocol = "9 visible and 8 hidden units, the 14 bars and stripes of 3 × 3 pixels, W from N(0, 0.1²); 10 machines (50 in "
                "full), 5,000 updates by CD-1 at rate 0.1 with all patterns in each. After 500, 1,000 and 5,000 of them: the "
                "gradient and the expected CD-k by enumeration of all 2⁹ and 2⁸ states for k = 1, 2, 4 … 64, and up to k = 16 "
                "also 1,024 drawn estimates. Beside it the same machine trained with the exact gradient.",
    .caution = "The slide writes “∼” for “∝”: e^−E must be divided by Z, the sum over all states; log Z is in the table. The "
               "more CD-1 has learned, the less its direction has in common with the gradient: it approximates it well for "
               "small weights only.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "Given one layer, the units of the other are independent, with p(h|x) = σ(W'x + d) and p(x|h) = σ(Wh + b).",
              "Sums of e^−E over all states agree with the sigmoids within 1e-12.", SD_CONFIRMED},
             {"b", "The direction of CD-k tends to that of the gradient as k grows.",
              "The enumerated cosine exceeds 1 − 1e-6 in every machine after some k up to 16,384 (else not decided: a finite k "
              "refutes no limit), and drawn estimates follow the enumeration: projected on the gradient, simultaneous 95 % "
              "intervals of the difference hold 0 and stay within a tenth of the gradient's length.",
              SD_CONFIRMED},
             {"c", "The more steps, the closer to the gradient, after 5,000 updates.",
              "Page's test for a rise of the enumerated cosine over k = 1 … 64, with the machines as rows: p at most 0.05; "
              "else not decided.",
              SD_CONFIRMED},
             {"d", "Training by CD-1 raises the log-likelihood.", "95 % interval of the gain over all machines, above 0.",
              SD_CONFIRMED}},
    .run = run,
};
