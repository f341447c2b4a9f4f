/* c30_parity.c -- C30: that shallow AND/OR circuits need exponential size for parity says nothing about shallow neural networks. */
#include <math.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <stdlib.h>
#include <string.h>

#include "lab/claim.h"

enum { LEAST = 2, MOST = 12 };

/* All inputs of n bits: x [2^n, n] of 0 and 1. */
static void all_inputs(int n, double *x)
{
    for (int64_t row = 0; row < 1 << n; row++)
        for (int j = 0; j < n; j++)
            x[row * n + j] = row >> j & 1;
}

static bool odd(int64_t row) { return __builtin_popcountll((unsigned long long)row) & 1; }

/* One hidden layer of n thresholds: unit k fires if more than k - 1/2 bits are set; they enter the output with alternating signs. */
static sd_node thresholds(sd_graph *graph, sd_node x, int n)
{
    sd_node count = sd_sum(x, SD_AXIS(1), true);                                   /* [2^n,1] */
    sd_node level = sd_shift(sd_iota(graph, SD_F64, SD_SHAPE(n), 0), 0.5);         /* 1/2, 3/2, ... */
    sd_node hidden = sd_step(sd_sub(count, level));                                /* [2^n,n] */
    sd_node sign = sd_cos(sd_scale(sd_iota(graph, SD_F64, SD_SHAPE(n), 0), M_PI)); /* 1, -1, 1, ... */
    return sd_sum(sd_mul(hidden, sign), SD_AXIS(1), false);
}

/* A tree of exclusive ors, each |a - b| = R(a - b) + R(b - a), two units; *units counts them. */
static sd_node relu_tree(sd_node x, int n, int *units)
{
    int64_t rows = sd_node_shape(x).dim[0];
    sd_node bit[MOST] = {{0}};
    for (int j = 0; j < n; j++)
        bit[j] = sd_slice_of(x, (int64_t[]){0, j}, (int64_t[]){rows, j + 1}, NULL);
    for (int left = n; left > 1; left = (left + 1) / 2)
        for (int j = 0; j < left / 2; j++, *units += 2) {
            sd_node a = bit[j], b = bit[left - 1 - j];
            bit[j] = sd_add(sd_relu(sd_sub(a, b)), sd_relu(sd_sub(b, a)));
        }
    return sd_reshape(bit[0], SD_SHAPE(rows));
}

/* Number of inputs on which the network's output is not the parity. */
static sd_status mistakes(sd_context *context, int n, bool tree, int *units, int *wrong)
{
    int64_t rows = (int64_t)1 << n;
    double *x = sd__alloc((size_t)(rows * n), sizeof *x), *y = sd__alloc((size_t)rows, sizeof *y);
    sd_graph *graph = sd_graph_new();
    sd_status status = x && y && graph ? SD_OK : sd__fail(SD_ENOMEM, "no memory for 2^%d inputs", n);
    *wrong = 0;
    *units = tree ? 0 : n;
    if (status == SD_OK) {
        sd_node in = sd_input(graph, "x", SD_F64, SD_SHAPE(rows, n));
        all_inputs(n, x);
        status = sd_eval(context, tree ? relu_tree(in, n, units) : thresholds(graph, in, n), (sd_feed[]){{"x", x}, {0}}, y);
    }
    for (int64_t row = 0; row < rows && status == SD_OK; row++)
        *wrong += fabs(y[row] - odd(row)) > 1e-9;
    sd_graph_free(graph);
    free(x);
    free(y);
    return status;
}

/*
 * The least number of terms of an OR of ANDs. An AND that leaves a variable out holds for two neighbouring inputs, of which one is
 * even; so each term fixes every variable and covers one odd input. Both facts are counted, not assumed.
 */
static int least_terms(int n)
{
    int terms = 0;
    for (int64_t row = 0; row < 1 << n; row++) {
        bool alone = odd(row);
        for (int j = 0; j < n; j++)
            alone = alone && !odd(row ^ (int64_t)1 << j);
        terms += alone;
    }
    return terms;
}

static sd_status run(sd_lab *lab)
{
    int wrong = 0, units[MOST + 1][2], terms[MOST + 1];
    bool counts = true, shallow_wins = true;
    for (int n = LEAST; n <= MOST; n++) {
        for (int tree = 0; tree < 2; tree++) {
            int w;
            SD_TRY(mistakes(sd__lab_context(lab), n, tree, &units[n][tree], &w));
            wrong += w;
        }
        terms[n] = least_terms(n);
        counts = counts && terms[n] == 1 << (n - 1) && units[n][1] == 2 * (n - 1);
        shallow_wins = shallow_wins && units[n][0] <= units[n][1];
    }
    static const char *const name[] = {"thresholds, one hidden layer (exact on all inputs)", "ReLU tree (exact on all inputs)"};
    sd__lab_figure(lab, "Units that compute the parity of n bits", "bits n", "units or terms", false, true);
    sd__lab_series(lab, "theory: 2ⁿ⁻¹ terms of the smallest OR of ANDs", SD_SERIES_LINE);
    for (int n = LEAST; n <= MOST; n++)
        sd__lab_point(lab, n, pow(2, n - 1));
    sd__lab_series(lab, "smallest OR of ANDs, counted", SD_SERIES_POINTS);
    for (int n = LEAST; n <= MOST; n++)
        sd__lab_point(lab, n, terms[n]);
    for (int tree = 0; tree < 2; tree++) {
        sd__lab_series(lab, name[tree], SD_SERIES_POINTS);
        for (int n = LEAST; n <= MOST; n++)
            sd__lab_point(lab, n, units[n][tree]);
    }
    sd__lab_number(lab, "a", terms[MOST], pow(2, MOST - 1), "n = %d: terms of the smallest OR of ANDs", MOST);
    sd__lab_number(lab, "b", units[MOST][0], MOST, "n = %d: hidden thresholds in one layer", MOST);
    sd__lab_number(lab, "b", units[MOST][1], 2 * (MOST - 1), "n = %d: ReLUs in a tree", MOST);
    sd__lab_number(lab, "b", wrong, 0, "wrong outputs over all inputs of n = %d to %d, both networks", LEAST, MOST);
    sd__lab_judge(lab, "a", sd__rule_fact(counts), "%d terms for n = %d; 2ⁿ⁻¹ at every n: %s", terms[MOST], MOST,
                  counts ? "yes" : "no");
    sd__lab_judge(lab, "b", wrong ? SD_NOT_DECIDED : sd__rule_fact(!shallow_wins),
                  "%d thresholds in one hidden layer, %d ReLUs in a tree, for %d bits; %d wrong outputs over all inputs",
                  units[MOST][0], units[MOST][1], MOST, wrong);
    return SD_OK;
}

const sd_claim sd__claim_c30_parity = {
    .id = "C30",
    .title = "Parity: what circuits say about networks",
    .text = "AND/OR circuits of small depth need exponential size for the parity of n bits; hence, it is implied, deep neural "
            "networks beat "
            "shallow ones there.",
    .lecture = "D3 D4",
    .slide = "Why do deep learning? (2); Motivation for deep structures",
    .theory = "An OR of ANDs (depth 2, negated inputs allowed) needs one term for every odd input: 2ⁿ⁻¹. But a threshold unit "
              "counts: unit "
              "k fires if at least k bits are set, and Σ (−1)ᵏ⁺¹ hₖ is 1 for an odd count and 0 for an even one. One hidden "
              "layer of n "
              "units. A tree of exclusive ors, |a − b| = R(a − b) + R(b − a), takes 2(n − 1) ReLUs in log₂ n layers.",
    .protocol = "n = 2 … 12: all 2ⁿ inputs through both networks, run by the library in f64; the smallest OR of ANDs by "
                "counting its prime "
                "implicants.",
    .caution =
        "This is about what networks can represent. Whether gradient descent finds parity is another, harder question, not "
        "measured here.",
    .kind = SD_CONSTRUCTION,
    .question = SD_WHY_BETTER,
    .part = {{"a", "Depth 2: the smallest OR of ANDs has 2ⁿ⁻¹ terms.", "Exact count for every n.", SD_CONFIRMED},
             {"b", "So a neural network with one hidden layer needs more units for parity than a deep one.",
              "Refuted if the one-layer network is exact on all inputs with no more units than the tree, for every n.",
              SD_REFUTED}},
    .run = run,
};
