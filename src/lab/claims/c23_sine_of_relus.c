/* c23_sine_of_relus.c -- C23: sin on [-A,A] is a sum of N + 1 shifted ReLUs up to A^2 / (2 N^2). */
#include <math.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <stdio.h>

#include "lab/claim.h"

enum { PER_PIECE = 64, MOST_UNITS = 1025 };

/* Knots a [units] and heights alpha [units] so that sum alpha R(x - a) interpolates sin at -A, -A + h, ..., A. Returns the units. */
static int construct(double A, int pieces, double *a, double *alpha)
{
    double h = 2 * A / pieces, before = 0;
    for (int i = 0; i <= pieces; i++) {
        a[i] = -A + (i - 1) * h;                                  /* the first lies left of -A: it makes the value there */
        double slope = (sin(a[i] + h) - (i ? sin(a[i]) : 0)) / h; /* of the piece that begins at a[i] */
        alpha[i] = slope - before;
        before = slope;
    }
    return pieces + 1;
}

/* The network as the library runs it, in f64: sum_i alpha_i relu(x - a_i). x, y [n]. */
static sd_status forward(sd_context *context, int64_t n, double *x, int64_t units, double *a, double *alpha, double *y)
{
    sd_graph *graph = sd_graph_new();
    sd_node in = sd_input(graph, "x", SD_F64, SD_SHAPE(n, 1)), knots = sd_input(graph, "a", SD_F64, SD_SHAPE(units));
    sd_node out = sd_input(graph, "alpha", SD_F64, SD_SHAPE(units, 1));
    sd_node hidden = sd_relu(sd_sub(in, knots)); /* [n,units] */
    sd_status status =
        sd_eval(context, sd_matmul(hidden, false, out, false), (sd_feed[]){{"x", x}, {"a", a}, {"alpha", alpha}, {0}}, y);
    sd_graph_free(graph);
    return status;
}

/* The largest |network - sin| over a grid that holds every knot, piece by piece. */
static sd_status sup_error(sd_context *context, double A, int pieces, double *worst)
{
    double a[MOST_UNITS], alpha[MOST_UNITS], x[PER_PIECE], y[PER_PIECE];
    int units = construct(A, pieces, a, alpha);
    *worst = 0;
    for (int piece = 0; piece < pieces; piece++) {
        for (int i = 0; i < PER_PIECE; i++)
            x[i] = -A + (piece + (double)i / (PER_PIECE - 1)) * 2 * A / pieces;
        SD_TRY(forward(context, PER_PIECE, x, units, a, alpha, y));
        for (int i = 0; i < PER_PIECE; i++)
            *worst = fmax(*worst, fabs(y[i] - sin(x[i])));
    }
    return SD_OK;
}

static double bound_of(double A, int pieces) { return A * A / (2.0 * pieces * pieces); }

/* Every N of one width A: is the error below the bound everywhere, and does it reach it in the end? */
static sd_status sweep(sd_lab *lab, double A, bool *below, double *last)
{
    for (int pieces = 8; pieces <= (sd__lab_full(lab) ? 1024 : 256); pieces *= 2) {
        double error;
        SD_TRY(sup_error(sd__lab_context(lab), A, pieces, &error));
        *below = *below && error <= bound_of(A, pieces) * (1 + 1e-9);
        *last = error / bound_of(A, pieces);
        sd__lab_number(lab, "a", error, bound_of(A, pieces), "A = %.3g, N = %d: sup error", A, pieces);
        sd__lab_point(lab, pieces / A, error); /* the bound depends on N / A alone */
    }
    return SD_OK;
}

/* N = A / sqrt(2 e) pieces suffice for e; half as many do not. */
static sd_status enough(sd_lab *lab, double A, bool *suffices, bool *needed)
{
    for (double e = 1e-1; e > 0.9e-4; e /= 10) {
        int pieces = (int)ceil(A / sqrt(2 * e));
        double error, half;
        SD_TRY(sup_error(sd__lab_context(lab), A, pieces, &error));
        SD_TRY(sup_error(sd__lab_context(lab), A, SD_MAX(pieces / 2, 1), &half));
        *suffices = *suffices && error <= e;
        *needed = *needed && half > e;
        sd__lab_number(lab, "b", error, e, "A = %.3g, N = %d: sup error against the ε asked for", A, pieces);
    }
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    static const double widths[] = {2, M_PI, 10};
    static const char *const names[] = {"A = 2", "A = π", "A = 10"};
    bool below = true, suffices = true, needed = true;
    double last[3], worst = 0;
    sd__lab_figure(lab, "Error of sin as a sum of ReLUs against pieces per unit of A", "N / A", "sup error", true, true);
    sd__lab_series(lab, "theory: A²/(2N²)", SD_SERIES_LINE);
    for (double x = 0.5; x < 300; x *= 2)
        sd__lab_point(lab, x, 1 / (2 * x * x));
    for (int i = 0; i < 3; i++) {
        sd__lab_series(lab, names[i], SD_SERIES_POINTS);
        SD_TRY(sweep(lab, widths[i], &below, &last[i]));
        SD_TRY(enough(lab, widths[i], &suffices, &needed));
        worst = fmax(worst, fabs(last[i] - 1));
    }
    sd__lab_number(lab, "a", worst, 0, "largest |error / bound − 1| at the largest N");
    sd__lab_judge(lab, "a", sd__rule_fact(below && worst < 0.01),
                  "the error is %s the bound everywhere and within %.2g %% of it in the end",
                  below ? "below" : "not always below", 100 * worst);
    sd__lab_judge(lab, "b", sd__rule_fact(suffices && needed), "%s; half as many pieces %s",
                  suffices ? "it suffices for every ε" : "it does not always suffice",
                  needed ? "never do" : "sometimes do, too");
    return SD_OK;
}

const sd_claim sd__claim_c23_sine_of_relus = {
    .id = "C23",
    .title = "A sine is a sum of ReLUs",
    .text = "For every A and ε there are N, αₙ and aₙ with |sin x − Σ αₙ R(x − aₙ)| ≤ ε on [−A, A], where R is the ReLU.",
    .lecture = "D2",
    .slide = "MLP = Universal approximators: Proof",
    .theory =
        "A piecewise linear interpolant with pieces of length h is off by at most h² max|f''| / 8; here h = 2A/N and |sin''| ≤ "
        "1, so "
        "A²/(2N²), and N = A/√(2ε) pieces do. A unit at each knot bends the line by αₙ. The slide's sum has no constant and "
        "sin(−A) ≠ 0 in general: one further unit, a piece left of −A, makes the value there, N + 1 in all. For large N the "
        "error "
        "tends to the bound, since |sin''| comes close to 1 in some piece.",
    .protocol = "A = 2, π, 10; N = 8, 16, … 256 (1,024 in full); the network runs in the library, in f64; the largest error "
                "over 64 points "
                "a piece. Then, for ε = 0.1 … 10⁻⁴, N = A/√(2ε) and half of it.",
    .kind = SD_CONSTRUCTION,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "The error is at most A²/(2N²), and the bound is sharp.",
              "Confirmed if no error exceeds the bound, and all come within 1 % of it at the largest N.", SD_CONFIRMED},
             {"b", "N ≈ A/√(2ε) pieces are enough, and needed by this construction.",
              "Confirmed if A/√(2ε), rounded up, meets every ε and half of it none.", SD_CONFIRMED}},
    .run = run,
};
