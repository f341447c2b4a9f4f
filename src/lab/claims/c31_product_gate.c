/* c31_product_gate.c -- C31: four hidden units multiply two numbers, as exactly as one likes. */
#include <math.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <stdio.h>

#include "lab/claim.h"

enum { GRID = 41, POINTS = GRID * GRID, KINDS = 3 };

/* An activation moved by `shift`, to where its second derivative is not 0; `second` and `fourth` are its derivatives there. */
typedef struct unit {
    const char *name;
    sd_node (*apply)(sd_node x);
    double shift, second, fourth;
} unit;

/* tanh'' = -2 t (1 - t^2), tanh'''' = (1 - t^2)(16 t - 24 t^3); the logistic function is (1 + tanh(x / 2)) / 2. */
static unit of_tanh(double shift)
{
    double t = tanh(shift);
    return (unit){"tanh(x + 0.5)", sd_tanh, shift, -2 * t * (1 - t * t), (1 - t * t) * (16 * t - 24 * t * t * t)};
}

static unit of_sigmoid(double shift)
{
    double t = tanh(shift / 2);
    return (unit){"sigmoid(x + 1)", sd_sigmoid, shift, -2 * t * (1 - t * t) / 8, (1 - t * t) * (16 * t - 24 * t * t * t) / 32};
}

/* The gate as a network: x [n,2] -> four units -> one number. */
static sd_status gate(sd_context *context, const unit *u, double lambda, double scale, double *x, double *y)
{
    double w[8] = {lambda, -lambda, lambda, -lambda, lambda, -lambda, -lambda, lambda}; /* [2,4]: s, -s, t, -t */
    double out[4] = {scale, scale, -scale, -scale};
    sd_graph *graph = sd_graph_new();
    sd_node in = sd_input(graph, "x", SD_F64, SD_SHAPE(POINTS, 2)), first = sd_input(graph, "w", SD_F64, SD_SHAPE(2, 4));
    sd_node last = sd_input(graph, "out", SD_F64, SD_SHAPE(4, 1));
    sd_node hidden = u->apply(sd_shift(sd_matmul(in, false, first, false), u->shift));
    sd_status status =
        sd_eval(context, sd_matmul(hidden, false, last, false), (sd_feed[]){{"x", x}, {"w", w}, {"out", out}, {0}}, y);
    sd_graph_free(graph);
    return status;
}

/* The largest |gate(u,v) - u v| on a grid over [-1,1]^2. */
static sd_status sup_error(sd_context *context, const unit *u, double lambda, double scale, double *error)
{
    double x[2 * POINTS], y[POINTS];
    for (int i = 0; i < POINTS; i++) {
        x[2 * i] = 2.0 * (i % GRID) / (GRID - 1) - 1;
        x[2 * i + 1] = 2.0 * (i / GRID) / (GRID - 1) - 1;
    }
    SD_TRY(gate(context, u, lambda, scale, x, y));
    *error = 0;
    for (int i = 0; i < POINTS; i++)
        *error = fmax(*error, fabs(y[i] - x[2 * i] * x[2 * i + 1]));
    return SD_OK;
}

static sd_status smooth(sd_lab *lab, const unit *u, double *worst)
{
    sd__lab_series(lab, u->name, SD_SERIES_POINTS);
    for (double lambda = 0.8; lambda > 1e-3; lambda /= 2) {
        double error, scale = 1 / (4 * u->second * lambda * lambda), theory = fabs(u->fourth / u->second) * lambda * lambda / 3;
        SD_TRY(sup_error(sd__lab_context(lab), u, lambda, scale, &error));
        sd__lab_point(lab, lambda, error);
        if (lambda > 0.06)
            continue;
        *worst = fmax(*worst, fabs(error / theory - 1));
        sd__lab_number(lab, "a", error, theory, "%s, λ = %.4g: sup error", u->name, lambda);
    }
    return SD_OK;
}

/* ReLUs: the sum is |s| - |t|, of degree 1, so lambda only scales it; the best of many scales is looked for. */
static sd_status kinked(sd_lab *lab, double *best)
{
    static const unit relu = {"relu", sd_relu, 0, 0, 0};
    *best = INFINITY;
    for (double c = 0.5; c < 1.1; c += 0.002) {
        double error;
        SD_TRY(sup_error(sd__lab_context(lab), &relu, 1, c / 2,
                         &error)); /* four units give c/2 (|u+v| - |u-v|) = c min(|u|,|v|) */
        *best = fmin(*best, error);
    }
    sd__lab_line(lab, "ReLU, best scale", SD_SERIES_DASHES, 1e-3, *best, 0.8, *best);
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    const unit units[KINDS] = {{"softplus", sd_softplus, 0, 0.25, -0.125}, of_tanh(0.5), of_sigmoid(1)};
    double worst = 0, best, rounded;
    sd__lab_figure(lab, "Error of the four-unit product on [−1,1]² against the scale λ", "λ", "sup error", true, true);
    sd__lab_series(lab, "theory for softplus: λ²/6", SD_SERIES_LINE);
    for (double lambda = 0.8; lambda > 1e-3; lambda /= 2)
        sd__lab_point(lab, lambda, lambda * lambda / 6);
    for (int i = 0; i < KINDS; i++)
        SD_TRY(smooth(lab, &units[i], &worst));
    SD_TRY(kinked(lab, &best));
    SD_TRY(sup_error(sd__lab_context(lab), &units[0], 1e-7, 1e14, &rounded));
    sd__lab_number(lab, "a", worst, 0, "largest |error / theory − 1| for λ ≤ 0.05");
    sd__lab_number(lab, "b", best, 3 - 2 * sqrt(2), "ReLU: sup error at the best scale, for every λ");
    sd__lab_number(lab, NULL, rounded, NAN, "softplus, λ = 10⁻⁷: sup error, rounding only");
    sd__lab_judge(lab, "a", sd__rule_fact(worst < 0.03),
                  "the error is |σ''''/σ''|λ²/3 within %.2g %% for every λ ≤ 0.05 and three activations", 100 * worst);
    sd__lab_judge(lab, "b", fabs(best - (3 - 2 * sqrt(2))) < 0.003 ? SD_REFUTED : SD_NOT_DECIDED,
                  "ReLUs come no nearer than %.3f (theory: 3 − 2√2 = 0.172), whatever λ is", best);
    return SD_OK;
}

const sd_claim sd__claim_c31_product_gate = {
    .id = "C31",
    .title = "Four units multiply two numbers",
    .text = "The laws of nature are low-order polynomials, and a network multiplies cheaply: four hidden units give the "
            "product of two numbers as exactly as one likes.",
    .lecture = "D4",
    .slide = "Why does deep learning seem to work? (cheap learning; Lin & Tegmark)",
    .theory = "σ(z) + σ(−z) = 2σ(0) + σ''(0)z² + σ''''(0)z⁴/12 + …, so with s = λ(u+v), t = λ(u−v) the combination "
              "[σ(s)+σ(−s)−σ(t)−σ(−t)] / (4σ''λ²) is uv + (σ''''/σ'')λ²uv(u²+v²)/6 + …: an error of |σ''''/σ''|λ²/3 at the "
              "corners of [−1,1]². It needs σ'' ≠ 0 somewhere, to which a bias moves (tanh, sigmoid). Four ReLUs give "
              "c·min(|u|,|v|)·sign(uv): no λ helps, and the best c leaves 3 − 2√2.",
    .protocol = "Softplus, tanh(x + 0.5), sigmoid(x + 1); λ = 0.8, 0.4, … 0.0016; the gate runs in the library, in f64, on a "
                "41 × 41 grid. For ReLUs, 300 scales.",
    .caution = "Rounding sets an end: in f64 λ below 10⁻⁴ makes it worse again.",
    .kind = SD_CONSTRUCTION,
    .question = SD_WHY_WELL,
    .part = {{"a", "Four smooth units multiply, with an error of order λ².",
              "Measured error within 3 % of theory's for every λ ≤ 0.05.", SD_CONFIRMED},
             {"b", "Any of the usual non-linearities will do.", "Refuted by ReLUs if their best error is 3 − 2√2 within 0.003.",
              SD_REFUTED}},
    .run = run,
};
