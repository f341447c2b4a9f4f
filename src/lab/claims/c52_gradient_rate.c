/* c52_gradient_rate.c -- C52: the best rate of gradient descent, and where it diverges, follow from the Hessian's eigenvalues. */
#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <stdlib.h>

#include "lab/claim.h"

enum { D = 12, STEPS = 6000 };

static const double conditions[] = {10, 100, 1000, 10000};

/* One step of gradient descent on w'Hw / 2 as a compiled program, differentiated by the library: slots w, h, rate -> next. */
typedef struct descent {
    sd_plan *plan;
    sd_workspace *workspace;
    double h[D * D], w[D], rate, next[D];
} descent;

static sd_status build(sd_context *context, descent *s)
{
    sd_graph *graph = sd_graph_new();
    sd_node w = sd_input(graph, "w", SD_F64, SD_SHAPE(1, D)), h = sd_input(graph, "h", SD_F64, SD_SHAPE(D, D)), gradient;
    sd_node loss = sd_scale(sd_sum(sd_mul(sd_matmul(w, false, h, false), w), SD_ALL_AXES, false), 0.5);
    sd_grad(loss, 1, &w, &gradient);
    sd_output next = {"next", 0, sd_sub(w, sd_mul(sd_scalar(graph, "rate", SD_F64), gradient))};
    sd_status status = sd_compile(context, 1, &next, NULL, &s->plan);
    if (status == SD_OK)
        status = sd_workspace_new(s->plan, &s->workspace);
    sd_graph_free(graph);
    return status;
}

static sd_status step(descent *s)
{
    void *bind[8];
    for (int i = 0; i < sd_plan_slots(s->plan); i++) {
        const char *name = sd_plan_slot_name(s->plan, i);
        bind[i] = name[0] == 'w' ? s->w : name[0] == 'h' ? s->h : name[0] == 'r' ? &s->rate : s->next;
    }
    return sd_run(s->plan, s->workspace, bind, NULL);
}

/* A Hessian with eigenvalues spread evenly in the logarithm from 1 to kappa, turned by random reflections. */
static void draw_hessian(sd_random *random, double kappa, double *h)
{
    for (int i = 0; i < D * D; i++)
        h[i] = i % (D + 1) ? 0 : pow(kappa, (double)(i / D) / (D - 1));
    for (int turn = 0; turn < 4; turn++) { /* H <- (1 - 2vv') H (1 - 2vv') keeps the eigenvalues */
        double v[D], hv[D], norm = 0, vhv = 0;
        for (int i = 0; i < D; i++) {
            v[i] = sd__random_normal(random);
            norm += v[i] * v[i];
        }
        for (int i = 0; i < D; i++) {
            hv[i] = 0;
            for (int j = 0; j < D; j++)
                hv[i] += h[i * D + j] * v[j];
            vhv += v[i] * hv[i];
        }
        for (int i = 0; i < D; i++)
            for (int j = 0; j < D; j++)
                h[i * D + j] += (4 * v[i] * v[j] * vhv / norm - 2 * (v[i] * hv[j] + hv[i] * v[j])) / norm;
    }
}

/* Off-diagonal squares removed by Jacobi rotations; the largest absolute diagonal entry then is the spectral radius of symmetric m. */
static double radius(double m[D][D])
{
    for (int sweep = 0; sweep < 30; sweep++)
        for (int p = 0; p < D; p++)
            for (int q = p + 1; q < D; q++) {
                if (fabs(m[p][q]) < 1e-300)
                    continue;
                double theta = (m[q][q] - m[p][p]) / (2 * m[p][q]);
                double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
                for (int k = 0; k < D; k++) {
                    double a = m[k][p], b = m[k][q];
                    m[k][p] = c * a - s * b;
                    m[k][q] = s * a + c * b;
                }
                for (int k = 0; k < D; k++) {
                    double a = m[p][k], b = m[q][k];
                    m[p][k] = c * a - s * b;
                    m[q][k] = s * a + c * b;
                }
            }
    double most = 0;
    for (int i = 0; i < D; i++)
        most = fmax(most, fabs(m[i][i]));
    return most;
}

/* The factor by which one step shrinks the error in the end: the spectral radius of the step's matrix, whose columns are its images
 * of the unit vectors. */
static sd_status factor(descent *s, double rate, double *result)
{
    double m[D][D];
    s->rate = rate;
    for (int j = 0; j < D; j++) {
        for (int i = 0; i < D; i++)
            s->w[i] = i == j;
        SD_TRY(step(s));
        for (int i = 0; i < D; i++)
            m[i][j] = s->next[i];
    }
    *result = radius(m);
    return SD_OK;
}

/* Does the iteration, left alone, end larger than it began? */
static sd_status diverges(descent *s, sd_random *random, double rate, bool *yes)
{
    double start = 0, end = 0;
    s->rate = rate;
    for (int i = 0; i < D; i++) {
        s->w[i] = sd__random_normal(random);
        start += s->w[i] * s->w[i];
    }
    for (int t = 0; t < STEPS && end < 1e200; t++) {
        SD_TRY(step(s));
        end = 0;
        for (int i = 0; i < D; i++) {
            s->w[i] = s->next[i];
            end += s->w[i] * s->w[i];
        }
    }
    *yes = end > start;
    return SD_OK;
}

/* The rate of the smallest factor, by golden section: the factor is convex in the rate. */
static sd_status best_rate(descent *s, double low, double high, double *rate, double *least)
{
    const double golden = (sqrt(5) - 1) / 2;
    double a = high - golden * (high - low), b = low + golden * (high - low), fa, fb;
    SD_TRY(factor(s, a, &fa));
    SD_TRY(factor(s, b, &fb));
    while (high - low > 1e-10 * high) {
        if (fa < fb) {
            high = b, b = a, fb = fa, a = high - golden * (high - low);
            SD_TRY(factor(s, a, &fa));
        } else {
            low = a, a = b, fa = fb, b = low + golden * (high - low);
            SD_TRY(factor(s, b, &fb));
        }
    }
    *rate = (low + high) / 2;
    return factor(s, *rate, least);
}

typedef struct worst {
    double rate, least;
    int wrong_sides, sides;
} worst;

static sd_status one_condition(sd_lab *lab, descent *s, int c, worst *w)
{
    double kappa = conditions[c], rate, least;
    sd_random random = sd__lab_random(lab, "hessian", c);
    draw_hessian(&random, kappa, s->h);
    for (double at = 1.9; at < 2.1; at += 0.0125) { /* 1.9, 1.9125, ... never 2 itself */
        bool yes, theory = at > 2;
        if (fabs(at - 2) < 1e-3)
            continue;
        SD_TRY(diverges(s, &random, at / kappa, &yes));
        w->wrong_sides += yes != theory;
        w->sides++;
    }
    SD_TRY(best_rate(s, 1 / kappa, 2 / kappa, &rate, &least));
    double theory_rate = 2 / (1 + kappa), theory_least = (kappa - 1) / (kappa + 1);
    w->rate = fmax(w->rate, fabs(rate / theory_rate - 1));
    w->least = fmax(w->least, fabs(least - theory_least));
    sd__lab_number(lab, "b", rate, theory_rate, "κ = %g: best rate", kappa);
    sd__lab_number(lab, "b", least, theory_least, "κ = %g: factor of a step at the best rate", kappa);
    return SD_OK;
}

static sd_status draw_curve(sd_lab *lab, descent *s)
{
    double kappa = 10;
    sd_random random = sd__lab_random(lab, "hessian of the figure", 0);
    draw_hessian(&random, kappa, s->h);
    sd__lab_figure(lab, "Factor of one step against the rate, condition number 10", "rate × largest eigenvalue", "factor",
                   false, false);
    sd__lab_series(lab, "theory: max |1 − ηλ|", SD_SERIES_LINE);
    for (double at = 0; at <= 2.41; at += 0.02)
        sd__lab_point(lab, at, fmax(fabs(1 - at), fabs(1 - at / kappa)));
    sd__lab_series(lab, "measured on the library's own step", SD_SERIES_POINTS);
    for (double at = 0.1; at < 2.41; at += 0.1) {
        double f;
        SD_TRY(factor(s, at / kappa, &f));
        sd__lab_point(lab, at, f);
    }
    sd__lab_series(lab, "above 1 it diverges", SD_SERIES_DASHES);
    sd__lab_point(lab, 0, 1);
    sd__lab_point(lab, 2.4, 1);
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    descent s = {0};
    worst w = {0};
    sd_status status = build(sd__lab_context(lab), &s);
    for (int c = 0; c < (int)SD_COUNT(conditions) && status == SD_OK; c++)
        status = one_condition(lab, &s, c, &w);
    if (status == SD_OK)
        status = draw_curve(lab, &s);
    sd_workspace_free(s.workspace);
    sd_plan_free(s.plan);
    SD_TRY(status);
    sd__lab_number(lab, "a", w.wrong_sides, 0, "rates that ended on the wrong side, of %d", w.sides);
    sd__lab_judge(lab, "a", sd__rule_fact(!w.wrong_sides), "%d of %d rates around 2/λmax ended on the wrong side",
                  w.wrong_sides, w.sides);
    sd__lab_judge(lab, "b", sd__rule_fact(w.rate < 1e-6 && w.least < 1e-6),
                  "best rate and factor agree with theory to %.1g and %.1g", w.rate, w.least);
    return SD_OK;
}

const sd_claim sd__claim_c52_gradient_rate = {
    .id = "C52",
    .title = "The best learning rate follows from the Hessian",
    .text = "In first-order gradient descent the optimal value of the learning rate depends on the eigenvalues of the Hessian.",
    .lecture = "D2",
    .slide = "Optimal learning rate and convergence speed",
    .theory = "On a quadratic with Hessian H one step multiplies the error by 1 − ηH, whose eigenvalues are 1 − ηλ. The "
              "largest of their "
              "sizes is that of an end of the spectrum: it exceeds 1 exactly if η > 2/λmax, and is least where both ends are "
              "equal, at "
              "η = 2/(λmin + λmax), where it is (κ−1)/(κ+1) with κ = λmax/λmin.",
    .protocol = "Quadratics in 12 dimensions with κ = 10 … 10⁴, turned at random; loss and gradient are the library's, in f64. "
                "Divergence: "
                "6,000 steps at rates from 1.9/λmax to 2.1/λmax. Best rate: golden section on the spectral radius of the "
                "step's own matrix.",
    .caution =
        "A network is no quadratic: its largest eigenvalue moves while it trains, and may hover at 2/η. Not compared here.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "Gradient descent diverges if and only if η > 2/λmax.",
              "Every rate tried ends on the side that theory says.", SD_CONFIRMED},
             {"b", "The best rate is 2/(λmin + λmax), with factor (κ−1)/(κ+1).", "Both to 1e-6, for every κ.", SD_CONFIRMED}},
    .error = {{"E39", "∇C(w') = ∇C(w) + ∇²C(w)(w' − w)", "≈: equality holds for quadratics only"}},
    .run = run,
};
