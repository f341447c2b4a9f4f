/* c122_rbm.c -- C122: a restricted Boltzmann machine follows from its energy, and contrastive divergence climbs its likelihood. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "classic/rbm.h"
#include "lab/claim.h"

enum { V = 9, H = 8, SIZE = V * H + V + H, VISIBLE = 1 << V, PATTERNS = 14 };
enum { STAGES = 3, STEPS = 7, MOST_STEPS = 1 << 14, MOST_MACHINES = 200, DRAWN = 5, ESTIMATES = 1024, CURVE = 21 };

static const int stage_end[STAGES] = {500, 1000, 5000};
static const double rate = 0.1, near_one = 1e-6, margin = 0.1;

/* Bars and stripes: each of the 3 x 3 pictures whose rows, or whose columns, are all of one colour; each once. */
static void draw_patterns(double *x)
{
    for (int turned = 0; turned < 2; turned++)
        for (int lines = 0; lines < 8; lines++)
            for (int i = 0; i < V && !(turned && (lines == 0 || lines == 7)); i++)
                *x++ = lines >> (turned ? i % 3 : i / 3) & 1;
}

static double dot(const double *a, const double *b)
{
    double sum = 0;
    for (int i = 0; i < SIZE; i++)
        sum += a[i] * b[i];
    return sum;
}

static double cosine(const double *a, const double *b) { return dot(a, b) / sqrt(dot(a, a) * dot(b, b)); }

static sd_rbm begin(sd_random *random, double *theta)
{
    for (int i = 0; i < SIZE; i++)
        theta[i] = i < V * H ? 0.1 * sd__random_normal(random) : 0;
    return (sd_rbm){V, H, theta};
}

static void climb(const sd_rbm *r, const double *direction)
{
    for (int i = 0; i < SIZE; i++)
        r->theta[i] += rate * direction[i];
}

/* ---- part a: conditionals from energies alone ------------------------------------------------------------------------------------- */

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

/* ---- part b, c: the direction of contrastive divergence ----------------------------------------------------------------------------- */

typedef struct machine {
    double cosine[STAGES][STEPS]; /* of the expected CD-k, k = 2^column, with the gradient; by enumeration */
    double along[STAGES][STEPS];  /* the expected CD-k along the gradient, in units of the gradient's length */
    double drawn[STAGES]
                [DRAWN];   /* the same from drawn chains, the first so many k, without bias, as it is linear in the estimate */
    double single[STAGES]; /* mean cosine of one CD-1 estimate, its noise included */
    double enough;         /* the k from which the cosine is 1 within near_one, at every stage */
    double before, after, by_gradient, conditionals, log_z;
    double curve[CURVE]; /* log-likelihood along training by CD-1 */
} machine;

static void draw_estimates(const sd_rbm *r, const double *x, const double *gradient, int k, sd_random *random, double *along,
                           double *single)
{
    double estimate[SIZE];
    *along = *single = 0;
    for (int e = 0; e < ESTIMATES; e++) {
        sd__rbm_contrast(r, PATTERNS, x, k, random, estimate);
        *along += dot(estimate, gradient) / dot(gradient, gradient) / ESTIMATES;
        *single += dot(estimate, estimate) > 0 ? cosine(estimate, gradient) / ESTIMATES : 0; /* a chain may stay where it is */
    }
}

static void directions(const sd_rbm *r, const double *x, int stage, sd_random *random, machine *m)
{
    double p[VISIBLE] = {0}, data[SIZE], model[SIZE], expected[SIZE], gradient[SIZE], single, reached = 0;
    for (int i = 0; i < PATTERNS; i++)
        p[sd__rbm_number(V, x + (ptrdiff_t)i * V)] += 1.0 / PATTERNS;
    sd__rbm_moments(r, p, data);
    sd__rbm_gradient(r, PATTERNS, x, gradient);
    for (int k = 1, column = 0; k <= MOST_STEPS && (column < STEPS || reached < 1 - near_one); k++) {
        sd__rbm_gibbs(r, p);
        if (k & (k - 1))
            continue;
        sd__rbm_moments(r, p, model);
        for (int i = 0; i < SIZE; i++)
            expected[i] = data[i] - model[i];
        reached = cosine(expected, gradient);
        m->enough = fmax(m->enough, reached >= 1 - near_one ? k : 2 * k);
        if (column < STEPS) {
            m->cosine[stage][column] = reached;
            m->along[stage][column] = dot(expected, gradient) / dot(gradient, gradient);
        }
        if (column < DRAWN)
            draw_estimates(r, x, gradient, k, random, &m->drawn[stage][column], column ? &single : &m->single[stage]);
        column++;
    }
}

/* ---- part d: training ----------------------------------------------------------------------------------------------------------------- */

static void train(const sd_rbm *r, const double *x, sd_random *random, machine *m)
{
    double direction[SIZE], weights[SIZE];
    sd_rbm other = {V, H, memcpy(weights, r->theta, sizeof weights)};
    m->before = sd__rbm_log_likelihood(r, PATTERNS, x);
    for (int t = 0, stage = 0; t <= stage_end[STAGES - 1]; t++) {
        if (t % (stage_end[STAGES - 1] / (CURVE - 1)) == 0)
            m->curve[t * (CURVE - 1) / stage_end[STAGES - 1]] = sd__rbm_log_likelihood(r, PATTERNS, x);
        if (t == stage_end[stage])
            directions(r, x, stage++, random, m);
        if (stage == STAGES)
            break;
        sd__rbm_contrast(r, PATTERNS, x, 1, random, direction);
        climb(r, direction);
    }
    for (int t = 0; t < stage_end[STAGES - 1]; t++) {
        sd__rbm_gradient(&other, PATTERNS, x, direction);
        climb(&other, direction);
    }
    m->after = m->curve[CURVE - 1];
    m->by_gradient = sd__rbm_log_likelihood(&other, PATTERNS, x);
}

static void one_machine(sd_lab *lab, int number, machine *m)
{
    sd_random random = sd__lab_random(lab, "machine", number);
    double x[PATTERNS * V], theta[SIZE], p[VISIBLE];
    draw_patterns(x);
    sd_rbm r = begin(&random, theta);
    *m = (machine){0};
    train(&r, x, &random, m);
    m->conditionals = conditionals(&r);
    m->log_z = sd__rbm_distribution(&r, p);
}

/* ---- what the machines together say --------------------------------------------------------------------------------------------------- */

/* Mean of a member of all machines, found by its offset, less that of another (-1: of nothing). */
static sd_interval mean_of(int n, const machine *m, size_t plus, ptrdiff_t minus, double confidence)
{
    double value[MOST_MACHINES] = {0};
    for (int i = 0; i < n; i++) {
        value[i] = *(const double *)((const char *)&m[i] + plus);
        value[i] -= minus < 0 ? 0 : *(const double *)((const char *)&m[i] + minus);
    }
    return sd_interval_mean(n, value, confidence);
}

#define AT(member) offsetof(machine, member)

/* Do drawn chains do what the enumeration says, at every k and stage? */
static sd_verdict drawn_as_enumerated(sd_lab *lab, int n, const machine *m)
{
    sd_verdict all = SD_CONFIRMED;
    double confidence = sd__lab_confidence(STAGES * DRAWN);
    sd__lab_figure(lab, "CD-k along the gradient, in units of the gradient: the mean of all machines", "steps k",
                   "share of the gradient", true, false);
    for (int s = 0; s < STAGES; s++) {
        char name[96];
        snprintf(name, sizeof name, "theory: enumerated, after %d updates", stage_end[s]);
        sd__lab_series(lab, name, SD_SERIES_LINE);
        for (int c = 0; c < STEPS; c++)
            sd__lab_point(lab, 1 << c, mean_of(n, m, AT(along[s][c]), -1, confidence).estimate);
        snprintf(name, sizeof name, "drawn, after %d updates", stage_end[s]);
        sd__lab_series(lab, name, SD_SERIES_POINTS);
        for (int c = 0; c < DRAWN; c++) {
            double theory = mean_of(n, m, AT(along[s][c]), -1, confidence).estimate;
            sd_interval d = mean_of(n, m, AT(drawn[s][c]), (ptrdiff_t)AT(along[s][c]), confidence);
            sd__lab_point_interval(lab, 1 << c, (sd_interval){theory + d.estimate, theory + d.low, theory + d.high});
            sd__lab_measure(lab, "b", d, 0, "after %d updates, k = %d: drawn − enumerated share of the gradient (%.3f)",
                            stage_end[s], 1 << c, theory);
            all = sd__rule_both(all, sd__rule_equals(d, 0, margin));
        }
    }
    return all;
}

static void draw_cosines(sd_lab *lab, int n, const machine *m)
{
    double confidence = sd__lab_confidence(STAGES * STEPS);
    sd__lab_figure(lab, "Cosine of the expected CD-k with the gradient, over machines", "steps k", "cosine", true, false);
    sd__lab_series(lab, "theory: the limit", SD_SERIES_LINE);
    sd__lab_point(lab, 1, 1);
    sd__lab_point(lab, 1 << (STEPS - 1), 1);
    for (int s = 0; s < STAGES; s++) {
        char name[96];
        snprintf(name, sizeof name, "after %d updates", stage_end[s]);
        sd__lab_series(lab, name, SD_SERIES_POINTS);
        for (int c = 0; c < STEPS; c++) {
            sd_interval mean = mean_of(n, m, AT(cosine[s][c]), -1, confidence);
            sd__lab_point_interval(lab, 1 << c, mean);
            sd__lab_measure(lab, "c", mean, NAN, "after %d updates: cosine of the expected CD-%d with the gradient",
                            stage_end[s], 1 << c);
        }
    }
}

static void judge_limit(sd_lab *lab, int n, const machine *m)
{
    double enough = 0;
    for (int i = 0; i < n; i++)
        enough = fmax(enough, m[i].enough);
    sd_verdict limit = enough <= MOST_STEPS ? SD_CONFIRMED : SD_NOT_DECIDED, agrees = drawn_as_enumerated(lab, n, m);
    sd__lab_number(lab, "b", enough, NAN, "steps after which the enumerated cosine exceeds 1 − 1e-6 in every machine");
    sd__lab_judge(lab, "b", sd__rule_both(limit, agrees),
                  "with %.0f steps the enumerated cosine %s 1 − 1e-6 in all %d machines; drawn chains %s the enumeration",
                  enough, limit == SD_CONFIRMED ? "exceeds" : "does not yet exceed", n,
                  agrees == SD_CONFIRMED ? "agree with" : "are not shown to agree with");
}

static sd_status judge_trend(sd_lab *lab, int n, const machine *m)
{
    double rows[MOST_MACHINES * STEPS], p;
    const int end = STAGES - 1;
    for (int i = 0; i < n; i++)
        for (int c = 0; c < STEPS; c++)
            rows[i * STEPS + c] = m[i].cosine[end][c];
    SD_TRY(sd_test_page(n, STEPS, rows, &p));
    draw_cosines(lab, n, m);
    for (int s = 0; s < STAGES; s++)
        sd__lab_measure(lab, "", mean_of(n, m, AT(single[s]), -1, sd__lab_confidence(STAGES)), NAN,
                        "after %d updates: cosine of a single CD-1 estimate, its noise included", stage_end[s]);
    sd__lab_number(lab, "c", p, NAN, "p of Page's test against no rise of the cosine with k, after %d updates", stage_end[end]);
    sd__lab_judge(lab, "c", p <= 0.05 ? SD_CONFIRMED : SD_NOT_DECIDED,
                  "after %d updates the mean cosine is %.2f with one step and %.2f with %d (Page's test: p = %.1g)",
                  stage_end[end], mean_of(n, m, AT(cosine[end][0]), -1, 0.95).estimate,
                  mean_of(n, m, AT(cosine[end][STEPS - 1]), -1, 0.95).estimate, 1 << (STEPS - 1), p);
    return SD_OK;
}

static void judge_training(sd_lab *lab, int n, const machine *m)
{
    double confidence = sd__lab_confidence(2), most = -log(PATTERNS);
    sd_interval gain = mean_of(n, m, AT(after), (ptrdiff_t)AT(before), confidence),
                lag = mean_of(n, m, AT(by_gradient), (ptrdiff_t)AT(after), confidence);
    sd__lab_figure(lab, "Log-likelihood of bars and stripes while CD-1 trains", "updates", "nats per picture", false, false);
    sd__lab_series(lab, "theory: the most possible, −log 14", SD_SERIES_LINE);
    sd__lab_point(lab, 0, most);
    sd__lab_point(lab, stage_end[STAGES - 1], most);
    sd__lab_series(lab, "CD-1", SD_SERIES_POINTS);
    for (int c = 0; c < CURVE; c++)
        sd__lab_point_interval(lab, stage_end[STAGES - 1] / (CURVE - 1) * c,
                               mean_of(n, m, AT(curve[c]), -1, sd__lab_confidence(CURVE)));
    sd__lab_measure(lab, "d", mean_of(n, m, AT(after), -1, confidence), most, "log-likelihood after CD-1");
    sd__lab_measure(lab, "d", gain, NAN, "its gain since the random weights");
    sd__lab_measure(lab, "", mean_of(n, m, AT(by_gradient), -1, confidence), most,
                    "log-likelihood after as many updates by the exact gradient");
    sd__lab_measure(lab, "", lag, NAN, "exact gradient − CD-1");
    sd__lab_judge(lab, "d",
                  gain.low > 0    ? SD_CONFIRMED
                  : gain.high < 0 ? SD_REFUTED
                                  : SD_NOT_DECIDED,
                  "it rises by %.2f nats; the exact gradient ends %.2f higher (interval %.2f to %.2f)", gain.estimate,
                  lag.estimate, lag.low, lag.high);
}

static sd_status run(sd_lab *lab)
{
    int n = SD_MIN(sd__lab_repeats(lab, 10, 50), MOST_MACHINES);
    double worst = 0;
    machine *m = sd__alloc((size_t)n, sizeof *m);
    if (!m)
        return sd__fail(SD_ENOMEM, "no memory for %d machines", n);
    for (int i = 0; i < n; i++) {
        one_machine(lab, i, &m[i]);
        worst = fmax(worst, m[i].conditionals);
    }
    sd__lab_number(lab, "a", worst, 0, "largest deviation of a conditional, summed from e^−E, from the sigmoid");
    sd__lab_measure(lab, "a", mean_of(n, m, AT(log_z), -1, 0.95), NAN, "log Z after training; “=” in place of ∝ would need 0");
    sd__lab_judge(lab, "a", sd__rule_fact(worst < 1e-12), "in %d machines all conditionals agree within %.1g", n, worst);
    sd_status status = judge_trend(lab, n, m);
    judge_limit(lab, n, m);
    judge_training(lab, n, m);
    free(m);
    return status;
}

const sd_claim sd__claim_c122_rbm = {
    .id = "C122",
    .title = "A restricted Boltzmann machine, every state counted",
    .text = "p(x,h) ∝ e^−E(x,h) with E = −x'Wh − b'x − d'h. The log-likelihood is optimised with approximate Gibbs sampling, "
            "contrastive divergence.",
    .lecture = "D4",
    .slide = "Restricted Boltzmann machine (RBM)",
    .theory =
        "E is linear in each h_j when x is given, so the hidden units are then independent, with p(h_j = 1|x) = σ((W'x + "
        "d)_j), "
        "and likewise p(x_i = 1|h) = σ((Wh + b)_i). The gradient of log p(x) is the mean of −∂E/∂θ over the data less that "
        "over "
        "the model. CD-k puts in place of the model the distribution after k steps of Gibbs sampling from the data. That chain "
        "is irreducible with the model as its stationary distribution, so the expected CD-k tends to the gradient, and its "
        "cosine with it to 1; how fast depends on the weights.",
    .protocol =
        "9 visible and 8 hidden units, the 14 bars and stripes of 3 × 3 pixels, W from N(0, 0.1²); 10 machines (50 in full), "
        "5,000 updates by CD-1 at rate 0.1 with all patterns in each. After 500, 1,000 and 5,000 of them: the gradient and the "
        "expected CD-k by enumeration of all 2⁹ and 2⁸ states for k = 1, 2, 4 … 64, and up to k = 16 also 1,024 drawn "
        "estimates. "
        "Beside it the same machine trained with the exact gradient.",
    .caution =
        "The slide writes “∼” for “∝”: e^−E must be divided by Z, the sum over all states; log Z is in the table. The more "
        "CD-1 "
        "has learned, the less its direction has in common with the gradient: it approximates it well for small weights only.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "Given one layer, the units of the other are independent, with p(h|x) = σ(W'x + d) and p(x|h) = σ(Wh + b).",
              "Sums of e^−E over all states agree with the sigmoids within 1e-12.", SD_CONFIRMED},
             {"b", "The direction of CD-k tends to that of the gradient as k grows.",
              "The enumerated cosine exceeds 1 − 1e-6 in every machine after some k up to 16,384 (else not decided: a finite k "
              "refutes no limit), and drawn estimates follow the enumeration: projected on the gradient, simultaneous 95 % "
              "intervals "
              "of the difference hold 0 and stay within a tenth of the gradient's length.",
              SD_CONFIRMED},
             {"c", "The more steps, the closer to the gradient, after 5,000 updates.",
              "Page's test for a rise of the enumerated cosine over k = 1 … 64, with the machines as rows: p at most 0.05; "
              "else not "
              "decided.",
              SD_CONFIRMED},
             {"d", "Training by CD-1 raises the log-likelihood.", "95 % interval of the gain over all machines, above 0.",
              SD_CONFIRMED}},
    .run = run,
};
