/* c65_path_sum.c -- C65: the output of a ReLU network is a sum over its active paths, and piecewise linear in the input. */
#include <math.h>
#include <sonde/ops.h>
#include <sonde/plan.h>
#include <string.h>

#include "classic/paths.h"
#include "lab/claim.h"

enum { WIDEST = 12, ROOM = WIDEST * WIDEST * SD_PATH_LAYERS, NETS = 4 };

/* One to three hidden layers, and one with max pooling behind the first: at most 12 * 12 * 8 * 8 paths. */
static const sd_path_net shape[NETS] = {
    {2, {8, 10, 1}, {0}, {0}}, {3, {8, 8, 8, 1}, {0}, {0}}, {4, {8, 8, 8, 8, 1}, {0}, {0}}, {3, {8, 12, 8, 1}, {0, 3}, {0}}};

static void draw(sd_random *random, sd_path_net *net, double *weights, double *x)
{
    for (int l = 0; l < net->layers; l++) {
        net->w[l] = weights;
        for (int i = 0; i < sd__path_inputs(net, l) * net->width[l + 1]; i++)
            *weights++ = sd__random_normal(random) / sqrt(sd__path_inputs(net, l));
    }
    for (int i = 0; i < net->width[0]; i++)
        x[i] = sd__random_normal(random);
}

/* The same network as the library runs it, at x [rows, inputs]: y [rows]. */
static sd_status forward(sd_context *context, const sd_path_net *net, int64_t rows, double *x, double *y)
{
    static const char *const names[] = {"w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7"};
    sd_feed feeds[SD_PATH_LAYERS + 2] = {{"x", x}};
    sd_graph *graph = sd_graph_new();
    sd_node h = sd_input(graph, "x", SD_F64, SD_SHAPE(rows, net->width[0]));
    for (int l = 0; l < net->layers; l++) {
        sd_node w = sd_input(graph, names[l], SD_F64, SD_SHAPE(sd__path_inputs(net, l), net->width[l + 1]));
        feeds[l + 1] = (sd_feed){names[l], (void *)net->w[l]};
        h = sd_matmul(h, false, w, false);
        if (l + 1 < net->layers)
            h = sd_relu(h);
        if (net->pool[l + 1] > 1)
            h = sd_reduce_max(sd_reshape(h, SD_SHAPE(rows, net->width[l + 1] / net->pool[l + 1], net->pool[l + 1])), SD_AXIS(2),
                              false);
    }
    sd_status status = sd_eval(context, sd_reshape(h, SD_SHAPE(rows)), feeds, y);
    sd_graph_free(graph);
    return status;
}

/* Goes from x towards x + direction, half as far each time, to a point of the same pattern; false if there is none at 1/1000. */
static bool same_pattern(const sd_path_net *net, const double *x, const double *direction, bool **open, double *end)
{
    double room[2 * WIDEST];
    bool other[SD_PATH_LAYERS + 1][WIDEST], *there[SD_PATH_LAYERS + 1], same = false;
    for (int l = 0; l <= net->layers; l++)
        there[l] = other[l];
    for (double length = 1; !same && length > 1e-3; length /= 2) {
        for (int i = 0; i < net->width[0]; i++)
            end[i] = x[i] + length * direction[i];
        sd__path_forward(net, end, there, room);
        same = true;
        for (int l = 1; l < net->layers; l++)
            same = same && !memcmp(open[l], other[l], (size_t)net->width[l] * sizeof(bool));
    }
    return same;
}

typedef struct worst {
    double formula, linear, paths, reach; /* reach: largest output */
    int held;                             /* networks in which a second point of the pattern was found */
} worst;

static sd_status one_net(sd_lab *lab, int repetition, worst *w)
{
    sd_random random = sd__lab_random(lab, "network", repetition);
    sd_path_net net = shape[repetition % NETS];
    double weights[ROOM], x[3 * WIDEST] = {0}, direction[WIDEST], room[2 * WIDEST], y[3], paths, size;
    bool on[SD_PATH_LAYERS + 1][WIDEST], *open[SD_PATH_LAYERS + 1];
    for (int l = 0; l <= net.layers; l++)
        open[l] = on[l];
    int d = net.width[0];
    draw(&random, &net, weights, x);
    for (int i = 0; i < d; i++)
        direction[i] = sd__random_normal(&random);
    sd__path_forward(&net, x, open, room);
    double sum = sd__path_sum(&net, x, open, &paths, &size);
    bool held = same_pattern(&net, x, direction, open, x + 2 * d); /* rows of x: start, middle, end */
    for (int i = 0; i < d; i++)
        x[d + i] = (x[i] + x[2 * d + i]) / 2;
    SD_TRY(forward(sd__lab_context(lab), &net, 3, x, y));
    w->formula = fmax(w->formula, fabs(sum - y[0]) / size);
    w->linear = fmax(w->linear, held ? fabs(y[0] + y[2] - 2 * y[1]) / size : 0);
    w->held += held;
    w->paths = fmax(w->paths, paths);
    w->reach = fmax(w->reach, fabs(y[0]));
    sd__lab_point(lab, y[0], sum);
    return SD_OK;
}

static sd_status run(sd_lab *lab)
{
    worst w = {0};
    int nets = sd__lab_repeats(lab, 200, 5000);
    sd__lab_figure(lab, "Sum over all active paths against the forward pass", "forward pass", "sum over paths", false, false);
    sd__lab_series(lab, "networks with 1 to 3 hidden layers, some with pooling", SD_SERIES_POINTS);
    for (int i = 0; i < nets; i++)
        SD_TRY(one_net(lab, i, &w));
    sd__lab_line(lab, "theory: equal", SD_SERIES_DASHES, -w.reach, -w.reach, w.reach, w.reach);
    sd__lab_number(lab, "a", w.formula, 0, "largest |sum over paths − forward pass|, relative to the sum of sizes");
    sd__lab_number(lab, "a", w.paths, NAN, "paths of the largest network");
    sd__lab_number(lab, "b", w.linear, 0, "largest deviation from a straight line inside one pattern, relative");
    sd__lab_judge(lab, "a", sd__rule_fact(w.formula < 1e-12), "%d networks of up to %.0f paths differ by %.1g at most", nets,
                  w.paths, w.formula);
    sd__lab_judge(
        lab, "b", 10 * w.held < 9 * nets ? SD_NOT_DECIDED : sd__rule_fact(w.linear < 1e-12),
        "in %d of %d networks, half way between two points of one pattern, the output is the mean of theirs within %.1g",
        w.held, nets, w.linear);
    return SD_OK;
}

const sd_claim sd__claim_c65_path_sum = {
    .id = "C65",
    .title = "A ReLU network is a sum over active paths",
    .text = "With ReLU and max pooling the output is ŷ = Σ_P δ_P ∏ w_ij x_start, a sum over all paths P from an input to the "
            "output, where δ_P is 1 if every unit on the path is active; so the function is piecewise linear.",
    .lecture = "D2",
    .slide = "While NN optimization is reasonably easy",
    .theory =
        "A ReLU that is on passes its sum on unchanged, one that is off passes 0; a pool passes the winner. Multiplying out "
        "the nested sums gives one term for each path. As long as no δ changes, the output is one linear function of x.",
    .protocol = "200 random networks (5,000 in full) of one to three hidden layers with up to 4,096 paths, a quarter with max "
                "pooling over three units. Every path is walked; the forward pass is the library's, in f64. For part b a "
                "second point of the same pattern, and the point half way.",
    .caution = "There are no biases in the formula: a bias is the weight of a further input that is always 1.",
    .kind = SD_THEOREM,
    .question = SD_WHY_AT_ALL,
    .part = {{"a", "The sum over active paths is the output.",
              "Equal to 1e-12 of the sum of the paths' sizes, for every network.", SD_CONFIRMED},
             {"b", "The function is piecewise linear.",
              "Inside one activation pattern the middle is the mean, to 1e-12; not decided if in more than a tenth of the "
              "networks no second point was found at a distance where a curved function would show (1/1000).",
              SD_CONFIRMED}},
    .run = run,
};
