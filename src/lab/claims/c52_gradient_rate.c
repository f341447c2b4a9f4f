/* c52_gradient_rate.c -- C52: the best rate of gradient descent, and where it diverges, follow from the Hessian's eigenvalues. */
#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <string.h>

#include "classic/jacobi.h"
#include "classic/minimize.h"
#include "lab/claim.h"
#include "lab/draw.h"

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

/* A Hessian with eigenvalues spread evenly in the logarithm from 1 to kappa. */
static void draw_hessian(sd_random *random, double kappa, double *h)
{
    double eigenvalue[D];
    for (int i = 0; i < D; i++)
        eigenvalue[i] = pow(kappa, (double)i / (D - 1));
    sd__draw_symmetric(random, D, eigenvalue, h);
}

/* The factor by which one step shrinks the error in the end: the spectral radius of the step's matrix, whose columns are its images
 * of the unit vectors. */
static sd_status factor(void *user, double rate, double *result)
{
    descent *s = user;
    double m[D * D];
    s->rate = rate;
    for (int j = 0; j < D; j++) {
        for (int i = 0; i < D; i++)
            s->w[i] = i == j;
        SD_TRY(step(s));
        for (int i = 0; i < D; i++)
            m[i * D + j] = s->next[i];
    }
    *result = sd__spectral_radius(D, m);
    return SD_OK;
}

/* Does the iteration, left alone, end larger than it began? */
static sd_status diverges(descent *s, sd_random *random, double rate, bool *yes)
{
    double start, end = 0;
    s->rate = rate;
    for (int i = 0; i < D; i++)
        s->w[i] = sd__random_normal(random);
    start = sd__dot(D, s->w, s->w);
    for (int t = 0; t < STEPS && end < 1e200; t++) {
        SD_TRY(step(s));
        memcpy(s->w, s->next, sizeof s->w);
        end = sd__dot(D, s->w, s->w);
    }
    *yes = end > start;
    return SD_OK;
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
    SD_TRY(sd__golden_section(factor, s, 1 / kappa, 2 / kappa, 1e-10, &rate, &least)); /* the factor is convex in the rate */
    double theory_rate = 2 / (1 + kappa), theory_least = (kappa - 1) / (kappa + 1);
    w->rate = fmax(w->rate, fabs(rate / theory_rate - 1));
    w->least = fmax(w->least, fabs(least - theory_least));
    sd__lab_number(lab, "b", rate, theory_rate, "κ = %g: best rate", kappa);
    sd__lab_number(lab, "b", least, theory_least, "κ = %g: factor of a step at the best rate", kappa);
    return SD_OK;
}

/* ---- the expansion behind it ------------------------------------------------------------------------------------------------------- */

/* What is left of C'(w + v) when C'(w) + C''(w) v is taken off, for C = w'Hw / 2 + bend * sum log(1 + e^w): length, over that of v. */
static sd_status remainder_of(sd_lab *lab, double *h, double *w, double *v, double bend, double *left)
{
    double rest[D];
    sd_graph *graph = sd_graph_new();
    sd_node at = sd_input(graph, "w", SD_F64, SD_SHAPE(1, D)), by = sd_input(graph, "v", SD_F64, SD_SHAPE(1, D));
    sd_node there = sd_add(at, by), hessian = sd_input(graph, "h", SD_F64, SD_SHAPE(D, D)), point[] = {at, there}, cost[2],
            g[2], hv;
    for (int i = 0; i < 2; i++) {
        sd_node squares = sd_scale(sd_mul(sd_matmul(point[i], false, hessian, false), point[i]), 0.5);
        cost[i] = sd_sum(sd_add(squares, sd_scale(sd_softplus(point[i]), bend)), SD_ALL_AXES, false);
        sd_grad(cost[i], 1, &point[i], &g[i]);
    }
    sd_hvp(cost[0], 1, &at, &by, &hv);
    sd_status status =
        sd_eval(sd__lab_context(lab), sd_sub(sd_sub(g[1], g[0]), hv), (sd_feed[]){{"w", w}, {"v", v}, {"h", h}, {0}}, rest);
    sd_graph_free(graph);
    *left = sqrt(sd__dot(D, rest, rest) / sd__dot(D, v, v));
    return status;
}

/* Its size on the quadratic, and, where the cost bends otherwise, how much smaller it is over half the way. */
static sd_status judge_expansion(sd_lab *lab)
{
    double h[D * D], w[D], v[D], half[D], quadratic, other, nearer;
    sd_random random = sd__lab_random(lab, "expansion", 0);
    draw_hessian(&random, conditions[0], h);
    for (int i = 0; i < D; i++) {
        w[i] = sd__random_normal(&random);
        v[i] = 0.1 * sd__random_normal(&random);
        half[i] = v[i] / 2;
    }
    SD_TRY(remainder_of(lab, h, w, v, 0, &quadratic));
    SD_TRY(remainder_of(lab, h, w, v, 1, &other));
    SD_TRY(remainder_of(lab, h, w, half, 1, &nearer));
    sd__lab_number(lab, "c", quadratic, 0, "quadratic: ‖C'(w+v) − C'(w) − C''(w)v‖ / ‖v‖");
    sd__lab_number(lab, "c", other, NAN, "with Σ log(1 + eʷ) added: the same");
    sd__lab_number(lab, "c", other / nearer, 2, "with Σ log(1 + eʷ) added: the same, over that of v/2");
    sd__lab_judge(lab, "c", sd__rule_fact(quadratic < 1e-12 && fabs(other / nearer - 2) < 0.2),
                  "what the expansion leaves out is %.1g of the step on a quadratic, where it is an equality, and %.2g with a "
                  "softplus added; half the step halves that share (%.2f-fold)",
                  quadratic, other, other / nearer);
    return SD_OK;
}

/* ---- together ----------------------------------------------------------------------------------------------------------------------- */

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
    sd__lab_line(lab, "above 1 it diverges", SD_SERIES_DASHES, 0, 1, 2.4, 1);
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
    return judge_expansion(lab);
}

const sd_claim sd__claim_c52_gradient_rate = {
    .id = "C52",
    .title = "The best learning rate follows from the Hessian",
    .text = "In first-order gradient descent the optimal value of the learning rate depends on the eigenvalues of the Hessian.",
    .lecture = "D2",
    .slide = "Optimal learning rate and convergence speed",
    .theory = "On a quadratic with Hessian H one step multiplies the error by 1 − ηH, whose eigenvalues are 1 − ηλ. The "
              "largest of their sizes is that of an end of the spectrum: it exceeds 1 exactly if η > 2/λmax, and is least "
              "where both ends are equal, at η = 2/(λmin + λmax), where it is (κ−1)/(κ+1) with κ = λmax/λmin. Elsewhere "
              "the gradient's expansion leaves out what is of second order in the step: of the step, a share that shrinks "
              "with it.",
    .protocol = "Quadratics in 12 dimensions with κ = 10 … 10⁴, turned at random; loss and gradient are the library's, in f64. "
                "Divergence: 6,000 steps at rates from 1.9/λmax to 2.1/λmax. Best rate: golden section on the spectral radius "
                "of the step's own matrix. The expansion: one random step, and half of it, with κ = 10.",
    .caution =
        "A network is no quadratic: its largest eigenvalue moves while it trains, and may hover at 2/η. Not compared here.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "Gradient descent diverges if and only if η > 2/λmax.",
              "Every rate tried ends on the side that theory says.", SD_CONFIRMED},
             {"b", "The best rate is 2/(λmin + λmax), with factor (κ−1)/(κ+1).", "Both to 1e-6, for every κ.", SD_CONFIRMED},
             {"c",
              "The expansion of the gradient from which this follows is an equality on a quadratic, else an approximation.",
              "On a quadratic it leaves out less than 1e-12 of the step; with a softplus added, a share that halves with the "
              "step, within 10 %.",
              SD_CONFIRMED}},
    .error = {{"E39", "∇C(w') = ∇C(w) + ∇²C(w)(w' − w)", "≈: equality holds for quadratics only", "c"}},
    .run = run,
};
