/*
 * test_probe_regions.c -- linear regions against Zaslavsky's formula, linear programs over sign patterns, the network itself at
 * random points, and bisection along lines; what is no region (a pattern alone), and degenerate cuts.
 */
#include "models.h"

#include <sonde/nn.h>
#include <sonde/ops.h>
#include <sonde/probe.h>
#include <stdio.h>
#include <string.h>

#include "classic/halfspaces.h"
#include "probe/patterns.h"
#include "probe/regions.h"

static void same(int64_t got, int64_t wanted, const char *what)
{
    if (got != wanted)
        fail_msg("%s: %lld, should be %lld", what, (long long)got, (long long)wanted);
}

/* ---- models ------------------------------------------------------------------------------------------------------------ */

/* Hidden layers of ReLUs. */
typedef struct shape {
    int inputs, outputs, layers, width[4];
} shape;

static sd_built dense_net(sd_builder *b, void *user)
{
    const shape *s = user;
    sd_node h = b->input;
    for (int l = 0; l < s->layers; l++)
        h = sd_layer_activation(b, sd_layer_dense(b, h, (sd_dense_spec){.units = s->width[l]}), SD_RELU, 0, NULL);
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = s->outputs})};
}

static sd_model *network(sd_build_fn *build, void *user, sd_shape input) { return model_of(build, user, input, 0, 0, SD_F64); }

/* Every weight and bias from N(0, 1 / 4), so that biases are as large as what they are added to. */
static void randomise(sd_model *model)
{
    double *theta = sd_model_theta(model), *state = sd_model_state(model);
    for (int64_t i = 0; i < sd_model_params(model).length; i++)
        theta[i] = sd__random_normal(law_random()) / 2;
    for (int64_t i = 0; i < sd_model_states(model).length; i++)
        state[i] = 0.5 + sd__random_uniform(law_random());
}

static sd_model *random_dense(shape *s)
{
    sd_model *model = network(dense_net, s, SD_SHAPE(s->inputs));
    randomise(model);
    return model;
}

static sd_model *weighted(shape *s, const double *theta)
{
    sd_model *model = network(dense_net, s, SD_SHAPE(s->inputs));
    memcpy(sd_model_theta(model), theta, (size_t)sd_model_params(model).length * sizeof *theta);
    return model;
}

/* The library's own forward pass, in f64 and eval mode. */
static void forward(sd_model *model, int64_t rows, const double *x, double *y)
{
    assert_ok(sd_model_run(model, SD_EVAL, rows, &(sd_model_io){.x = x, .output = y}));
}

/* ---- shallow networks: Zaslavsky ----------------------------------------------------------------------------------------- */

static int64_t zaslavsky(int n, int d)
{
    int64_t sum = 0, choose = 1;
    for (int j = 0; j <= d && j <= n; j++) {
        sum += choose;
        choose = choose * (n - j) / (j + 1);
    }
    return sum;
}

/* Half the side of a square that holds a point of every line w[0] x + w[1] y + b = 0 and every crossing, twice over. */
static double reach(int n, const double *w, const double *b)
{
    double most = 1;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(b[i]) / hypot(w[i], w[n + i]));
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double det = w[i] * w[n + j] - w[j] * w[n + i];
            if (i == j)
                continue;
            most = fmax(most, fabs((b[j] * w[n + i] - b[i] * w[n + j]) / det));
            most = fmax(most, fabs((b[i] * w[j] - b[j] * w[i]) / det));
        }
    return 2 * most;
}

static void count_slice(sd_model *model, double side, int64_t *patterns, int64_t *regions)
{
    sd_regions_report r;
    sd_regions_options o = {.segments = -1, .slice = true, .window = {-side, side, -side, side}};
    assert_ok(sd_probe_regions(&(sd_subject){.model = model}, &o, &r));
    same(r.polygons, r.slice_patterns, "a pattern in two cells");
    law_near(r.covered, 1, 0, 1e-9, __FILE__, __LINE__);
    *patterns = r.slice_patterns;
    *regions = r.slice_regions;
    sd_regions_report_clear(&r);
}

static void one_layer_has_zaslavskys_number(void **state)
{
    for (int trial = 0; trial < law_trials(60); trial++) {
        int n = law_int(1, 12);
        int64_t patterns, regions;
        shape s = {2, 2, 1, {n}};
        sd_model *model = random_dense(&s);
        const double *theta = sd_model_theta(model);
        count_slice(model, reach(n, theta, theta + 2 * n), &patterns, &regions);
        same(patterns, zaslavsky(n, 2), "patterns of lines in general position");
        same(regions, zaslavsky(n, 2), "regions of lines in general position");
        sd_model_free(model);
    }
}

static void one_layer_in_any_dimension(void **state)
{
    const double lo[] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY}, hi[] = {INFINITY, INFINITY, INFINITY, INFINITY};
    for (int trial = 0; trial < law_trials(20); trial++) {
        int n = law_int(1, trial % 2 ? 7 : 9), d = 3 + trial % 2;
        int64_t cells;
        shape s = {d, 1, 1, {n}};
        sd_model *model = random_dense(&s);
        assert_ok(sd__count_cells(&(sd_subject){.model = model}, lo, hi, &cells));
        same(cells, zaslavsky(n, d), "cells of hyperplanes in general position");
        sd_model_free(model);
    }
    same(zaslavsky(3, 2), 7, "three lines");
    same(zaslavsky(3, 3), 8, "three planes");
    same(zaslavsky(8, 2), 37, "eight lines");
    same(zaslavsky(12, 2), 79, "twelve lines");
}

/* ---- deep networks: every sign pattern by a linear program --------------------------------------------------------------- */

/* Half-planes a x + b y + c > 0 as rows (a, b, c); the last row says that the point is not at infinity. */
typedef struct halves {
    int n;
    double row[40][3];
    bool unsure; /* a linear program ended without a proof of either answer: the region is too thin for it */
} halves;

static bool meets(halves *h)
{
    double y[40], w[3], copy[40][3];
    bool yes;
    memcpy(copy, h->row, sizeof copy);
    for (int i = 0; i < h->n; i++) {
        double norm = sqrt(h->row[i][0] * h->row[i][0] + h->row[i][1] * h->row[i][1] + h->row[i][2] * h->row[i][2]);
        y[i] = 1;
        for (int k = 0; k < 3; k++)
            copy[i][k] /= norm > 0 ? norm : 1;
    }
    h->unsure = h->unsure || sd__separable(&(sd_labelled){h->n, 3, copy[0], y}, &yes, w) != SD_OK;
    return !h->unsure && yes;
}

/*
 * Units from (layer, unit) on; before: the layer's input as affine functions, after: its output so far.
 * Sees no code of the counter.
 */
static int64_t enumerate(const shape *s, const double *theta, int layer, int unit, halves *h, double (*before)[3],
                         double (*after)[3])
{
    int in = layer ? s->width[layer - 1] : s->inputs, out = s->width[layer];
    if (unit == out) {
        double next[8][3];
        if (layer + 1 == s->layers)
            return 1;
        return enumerate(s, theta + (in + 1) * out, layer + 1, 0, h, after, next);
    }
    double z[3] = {0, 0, theta[in * out + unit]};
    int64_t count = 0;
    for (int i = 0; i < in; i++)
        for (int k = 0; k < 3; k++)
            z[k] += theta[i * out + unit] * before[i][k];
    for (int on = 0; on < 2; on++) {
        if (z[0] == 0 && z[1] == 0 && on != (z[2] > 0))
            continue;
        h->n++;
        for (int k = 0; k < 3; k++) {
            h->row[h->n - 1][k] = on ? z[k] : -z[k];
            after[unit][k] = on ? z[k] : 0;
        }
        if ((z[0] == 0 && z[1] == 0) || meets(h)) {
            h->n -= z[0] == 0 && z[1] == 0;
            count += enumerate(s, theta, layer, unit + 1, h, before, after);
            h->n += z[0] == 0 && z[1] == 0;
        }
        h->n--;
    }
    return count;
}

/* -1: cannot be told. */
static int64_t patterns_by_linear_programs(const shape *s, const double *theta, double side)
{
    halves h = {5, {{0, 0, 1}, {1, 0, side}, {-1, 0, side}, {0, 1, side}, {0, -1, side}}, false};
    double x[2][3] = {{1, 0, 0}, {0, 1, 0}}, room[8][3];
    int64_t patterns = enumerate(s, theta, 0, 0, &h, x, room);
    return h.unsure ? -1 : patterns;
}

static void deep_patterns_agree_with_linear_programs(void **state)
{
    int trials = law_trials(40), compared = 0;
    for (int trial = 0; trial < trials; trial++) {
        int64_t patterns, regions;
        shape s = {2, 3, law_int(1, 3), {law_int(1, 6), law_int(1, 6), law_int(1, 6)}};
        sd_model *model = random_dense(&s);
        count_slice(model, 3, &patterns, &regions);
        int64_t wanted = patterns_by_linear_programs(&s, sd_model_theta(model), 3);
        same(patterns, wanted < 0 ? patterns : wanted, "patterns of a deep network");
        assert_true(regions <= patterns);
        compared += wanted >= 0;
        sd_model_free(model);
    }
    assert_true(10 * compared >= 9 * trials);
}

/* ---- every layer: the network itself at random points -------------------------------------------------------------------- */

static sd_node relu(sd_builder *b, sd_node x) { return sd_layer_activation(b, x, SD_RELU, 0, NULL); }

static sd_node conv(sd_builder *b, sd_node x, int filters, int stride, int groups)
{
    return sd_layer_conv(
        b, x, (sd_conv_spec){.filters = filters, .kernel = {3}, .stride = {stride}, .groups = groups, .padding = SD_PAD_SAME});
}

static sd_built conv_pool(sd_builder *b, void *user)
{
    sd_node h = relu(b, conv(b, b->input, 4, 1, 1));
    h = sd_layer_maxpool(b, h, (sd_pool_spec){.size = {2}});
    h = sd_layer_activation(b, conv(b, h, 4, 2, 2), SD_LEAKY, 0.2, NULL);
    h = sd_layer_avgpool(b, h, (sd_pool_spec){.size = {2}, .stride = {1}});
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = 3})};
}

static sd_built overlapping(sd_builder *b, void *user)
{
    sd_node h = sd_layer_maxpool(b, conv(b, b->input, 3, 1, 1),
                                 (sd_pool_spec){.size = {3}, .stride = {2}, .padding = SD_PAD_NUMBER, .pad = {1, 1}});
    h = sd_layer_global_avgpool(b, relu(b, h), NULL);
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = 2})};
}

static sd_built residual(sd_builder *b, void *user)
{
    sd_node h = sd_layer_batch_norm(b, conv(b, b->input, 3, 1, 1), (sd_norm_spec){0});
    sd_node y = sd_layer_batch_norm(b, conv(b, relu(b, h), 3, 1, 1), (sd_norm_spec){0});
    h = relu(b, sd_layer_add(b, 2, (sd_node[]){h, y}, NULL));
    y = conv(b, h, 5, 2, 1);
    h = sd_layer_add(b, 2, (sd_node[]){y, sd_layer_pad_shortcut(b, h, y, NULL)}, NULL);
    h = sd_layer_dropout(b, sd_layer_concat(b, 2, (sd_node[]){h, relu(b, h)}, NULL), 0.5, NULL);
    return (sd_built){.output = sd_layer_dense(b, sd_layer_flatten(b, h, NULL), (sd_dense_spec){.units = 2})};
}

/* Units that choose between two operands, or between an operand and a number. */
static sd_built pairs(sd_builder *b, void *user)
{
    sd_node x = sd_layer_flatten(b, b->input, NULL);
    sd_node one = sd_layer_dense(b, x, (sd_dense_spec){.units = 8}), other = sd_layer_dense(b, x, (sd_dense_spec){.units = 8});
    sd_node some = sd_min(sd_constant_like(one, 0.1), sd_max(sd_neg(one), sd_constant_like(one, -0.3)));
    sd_node h = sd_concat(3, (sd_node[]){sd_max(one, other), sd_min(one, other), some}, 1);
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = 2})};
}

/* Ops that layers do not use, but a build function may: 1 - x, x / 2, |x|, minima, maxima, transposed products, a step. */
static sd_built by_hand(sd_builder *b, void *user)
{
    sd_node x = sd_reshape(b->input, SD_SHAPE(b->batch, 6, 6));
    sd_node h = sd_max(sd_sub(sd_constant_like(x, 1), x), sd_div(sd_transpose(x), sd_constant_like(x, 2)));
    h = sd_add(sd_abs(sd_shift(h, -0.8)), sd_min(h, sd_neg(x)));
    sd_node top = sd_reduce_max(h, SD_AXIS(1), false), sum = sd_mean(h, SD_AXIS(2), false);
    h = sd_concat(2, (sd_node[]){top, sd_bias_relu(sum, sd_constant(b->graph, b->dtype, SD_SHAPE(6), -0.1))}, 1);
    sd_node w = sd_param(b->graph, "w", b->dtype, SD_SHAPE(4, 12), (sd_param_spec){.init = {SD_INIT_NORMAL, 1, 0}});
    sd_node y = sd_transpose(sd_matmul(w, false, h, true));
    sd_node edge = sd_step(sd_slice_of(y, (int64_t[]){0, 0}, (int64_t[]){b->batch, 1}, NULL));
    return (sd_built){.output = sd_add(y, sd_broadcast(edge, sd_node_shape(y)))};
}

static const struct zoo {
    const char *name;
    sd_build_fn *build;
} zoo[] = {{"conv, max pool, leaky, average pool", conv_pool},
           {"overlapping windows with a border", overlapping},
           {"batch norm, skips, concatenation", residual},
           {"two operands", pairs},
           {"ops by hand", by_hand}};

enum { ZOO = sizeof zoo / sizeof *zoo, PIXELS = 36, MOST_OUT = 4 };

static bool holds(const sd_polygon *p, const double at[2])
{
    int sign = 0;
    for (int i = 0; i < p->corners; i++) {
        const double *a = p->corner + 2 * i, *b = p->corner + (i + 1) % p->corners * 2;
        double turn = (b[0] - a[0]) * (at[1] - a[1]) - (b[1] - a[1]) * (at[0] - a[0]);
        int s = turn > 0 ? 1 : -1;
        if (sign && s != sign)
            return false;
        sign = s;
    }
    return true;
}

/* Each point lies in one cell, whose map gives what the network gives there. */
static void maps_are_the_network(sd_model *model, const sd_regions_report *r, const double *origin, const double *axis)
{
    enum { POINTS = 200 };
    double at[POINTS][2], *x = malloc(sizeof(double[POINTS][PIXELS])), y[POINTS * MOST_OUT];
    int out = (int)r->outputs;
    for (int i = 0; i < POINTS; i++) {
        law_draw_f64(at[i], 2, r->window[0], r->window[1]);
        for (int k = 0; k < PIXELS; k++)
            x[i * PIXELS + k] = origin[k] + at[i][0] * axis[k] + at[i][1] * axis[PIXELS + k];
    }
    forward(model, POINTS, x, y);
    for (int i = 0; i < POINTS; i++) {
        int found = 0;
        for (int64_t p = 0; p < r->polygons; p++) {
            const double *map = r->polygon[p].map;
            if (!holds(&r->polygon[p], at[i]))
                continue;
            found++;
            for (int o = 0; o < out; o++)
                law_near(map[o] + at[i][0] * map[out + o] + at[i][1] * map[2 * out + o], y[i * out + o], (size_t)o, 1e-10,
                         __FILE__, __LINE__);
        }
        same(found, 1, "cells at a point");
    }
    free(x);
}

static void cells_of_every_layer_carry_the_networks_own_maps(void **state)
{
    int trials = law_trials(3 * ZOO);
    int64_t cells = 0;
    for (int trial = 0; trial < trials; trial++) {
        double origin[PIXELS], axis[2 * PIXELS];
        sd_regions_report r;
        sd_model *model = network(zoo[trial % ZOO].build, NULL, SD_SHAPE(6, 6, 1));
        randomise(model);
        law_draw_f64(origin, PIXELS, -1, 1);
        law_draw_f64(axis, 2 * PIXELS, -1, 1);
        sd_regions_options o = {
            .segments = -1, .slice = true, .origin = origin, .axis = axis, .window = {-0.5, 0.5, -0.5, 0.5}};
        assert_ok(sd_probe_regions(&(sd_subject){.model = model}, &o, &r));
        law_near(r.covered, 1, 0, 1e-9, __FILE__, __LINE__);
        cells += r.polygons;
        maps_are_the_network(model, &r, origin, axis);
        sd_regions_report_clear(&r);
        sd_model_free(model);
    }
    assert_true(cells > 100 * trials);
}

/* ---- segments: bisection ------------------------------------------------------------------------------------------------- */

typedef struct line {
    sd_model *model;
    int inputs, outputs;
    const double *from, *to;
} line;

static void along(const line *l, int n, const double *t, double *y)
{
    double x[8 * PIXELS];
    for (int i = 0; i < n; i++)
        for (int k = 0; k < l->inputs; k++)
            x[i * l->inputs + k] = l->from[k] + t[i] * (l->to[k] - l->from[k]);
    forward(l->model, n, x, y);
}

/* Straight at six places of different spacing? */
static bool straight(const line *l, double a, double b)
{
    static const double share[] = {0, 0.13, 0.31, 0.5, 0.77, 1};
    double t[6], y[6 * MOST_OUT];
    for (int i = 0; i < 6; i++)
        t[i] = a + share[i] * (b - a);
    along(l, 6, t, y);
    for (int i = 1; i < 5; i++)
        for (int o = 0; o < l->outputs; o++)
            if (fabs(y[i * l->outputs + o] - (1 - share[i]) * y[o] - share[i] * y[5 * l->outputs + o]) >
                1e-13 * (1 + fabs(y[o])))
                return false;
    return true;
}

/*
 * Number of breaks in (a,b). One so close to a half's end that neither half shows it is still there: the whole is not straight.
 */
static int breaks(const line *l, double a, double b)
{
    double middle = a + 0.4871 * (b - a);
    if (straight(l, a, b))
        return 0;
    int halves_show = b - a < 1e-7 ? 1 : breaks(l, a, middle) + breaks(l, middle, b);
    return halves_show > 1 ? halves_show : 1;
}

static int pieces_by_bisection(const line *l)
{
    enum { PARTS = 997 };
    int count = 1;
    for (int i = 0; i < PARTS; i++)
        count += breaks(l, (double)i / PARTS, (i + 1.0) / PARTS);
    return count;
}

static sd_dataset *points_of(int n, sd_shape input, const double *x) { return data_of(n, input, x, NULL, 0, NULL, 0); }

static void walk(sd_model *model, sd_shape input, int inputs, int outputs, const char *name)
{
    double x[2 * PIXELS];
    sd_regions_report r;
    law_draw_f64(x, 2 * PIXELS, -1.5, 1.5);
    sd_dataset *data = points_of(2, input, x);
    assert_ok(sd_probe_regions(&(sd_subject){.model = model, .data = data}, &(sd_regions_options){.segments = 1}, &r));
    same(r.segments, 1, "segments");
    const sd_segment *s = &r.segment[0];
    line l = {model, inputs, outputs, x + s->from * inputs, x + s->to * inputs};
    same(s->pieces, pieces_by_bisection(&l), name);
    assert_true(s->whole && s->patterns >= s->pieces && r.residual < 1e-11);
    sd_regions_report_clear(&r);
    sd_dataset_free(data);
}

static void pieces_along_lines_agree_with_bisection(void **state)
{
    for (int trial = 0; trial < law_trials(12); trial++) {
        shape s = {law_int(1, 5), law_int(1, 3), law_int(1, 4), {law_int(2, 8), law_int(2, 8), law_int(2, 8), law_int(2, 8)}};
        sd_model *model = random_dense(&s);
        walk(model, SD_SHAPE(s.inputs), s.inputs, s.outputs, "pieces of a dense network");
        sd_model_free(model);
    }
    for (int trial = 0; trial < law_trials(ZOO - 1); trial++) { /* without the step: where it jumps, nothing is straight */
        sd_model *model = network(zoo[trial % (ZOO - 1)].build, NULL, SD_SHAPE(6, 6, 1));
        randomise(model);
        walk(model, SD_SHAPE(6, 6, 1), PIXELS, trial % (ZOO - 1) ? 2 : 3, zoo[trial % (ZOO - 1)].name);
        sd_model_free(model);
    }
}

/* ---- constructions ------------------------------------------------------------------------------------------------------- */

/* R(x) - R(-x) = x: two patterns, one region. A unit that nobody hears makes no border either. */
static void a_pattern_is_no_region(void **state)
{
    int64_t patterns, regions;
    shape cancel = {2, 1, 1, {2}}, dead = {2, 1, 2, {1, 1}};
    const double sum[] = {1, -1, 0, 0, 0, 0, 1, -1, 0}, deaf[] = {1, 0, 0, -1, -1, 1, 0.5};
    sd_model *model = weighted(&cancel, sum);
    count_slice(model, 1, &patterns, &regions);
    same(patterns, 2, "patterns of R(x) - R(-x)");
    same(regions, 1, "regions of R(x) - R(-x)");
    sd_model_free(model);
    model = weighted(&dead, deaf);
    count_slice(model, 1, &patterns, &regions);
    same(patterns, 2, "patterns before a unit that is always off");
    same(regions, 1, "regions before a unit that is always off");
    sd_model_free(model);
}

/* A tent over [0,1] is R(2x) - R(4x - 2). Layers of four units fold both axes; the last draws four lines into the square. */
static int fold(int layers, double *theta)
{
    const double first[] = {2, 4, 0, 0, 0, 0, 2, 4, 0, -2, 0, -2};
    const double again[] = {2, 4, 0, 0, -2, -4, 0, 0, 0, 0, 2, 4, 0, 0, -2, -4, 0, -2, 0, -2};
    const double lines[] = {1, 0, 1, -1, -1, 0, -1, 1, 0, -1, 1, 1, 0, 1, -1, -1, -0.45, 0.45, -1.05, 0.05};
    const double out[] = {1, 2, 3, 5, 0};
    int at = 0;
    memcpy(theta, first, sizeof first);
    at += 12;
    for (int l = 2; l < layers; l++, at += 20)
        memcpy(theta + at, again, sizeof again);
    memcpy(theta + at, lines, sizeof lines);
    at += 20;
    memcpy(theta + at, out, sizeof out);
    return at + 5;
}

static void folding_makes_44_and_176(void **state)
{
    for (int layers = 2; layers <= 3; layers++) {
        double theta[64];
        sd_regions_report r;
        shape s = {2, 1, layers, {4, 4, 4}};
        fold(layers, theta);
        sd_model *model = weighted(&s, theta);
        sd_regions_options o = {.segments = -1, .slice = true, .window = {0, 1, 0, 1}};
        assert_ok(sd_probe_regions(&(sd_subject){.model = model}, &o, &r));
        same(r.slice_patterns, layers == 2 ? 44 : 176, "patterns of the folded lines");
        same(r.slice_regions, layers == 2 ? 44 : 176, "regions of the folded lines");
        sd_regions_report_clear(&r);
        sd_model_free(model);
    }
}

/*
 * Two units a layer on a line: R(t), R(1-t); then R(s-2), R(3-s) of their sum s, then R(3s-4), R(5-3s) as often as wanted. Each
 * layer meets every branch of the sum twice: 2^(k+1) - 1 pieces. `blocks` such networks side by side read an input each.
 */
static sd_model *zigzag(int layers, int blocks, bool second_only, shape *s)
{
    const double slope[][2] = {{1, -1}, {1, -1}, {3, -3}}, offset[][2] = {{0, 1}, {-2, 3}, {-4, 5}};
    double theta[128] = {0};
    int at = 0, width = 2 * blocks;
    *s = (shape){blocks, 1, layers, {width, width, width, width}};
    for (int l = 0; l < layers; l++) {
        int kind = l < 2 ? l : 2, in = l ? 2 : 1, rows = blocks * in;
        for (int b = 0; b < blocks; b++)
            for (int u = 0; u < 2; u++) {
                for (int i = 0; i < in; i++)
                    theta[at + (b * in + i) * width + 2 * b + u] = slope[kind][u];
                theta[at + rows * width + 2 * b + u] = offset[kind][u];
            }
        at += (rows + 1) * width;
    }
    for (int u = 0; u < width; u++)
        theta[at + u] = second_only && u % 2 == 0 ? 0 : 1;
    return weighted(s, theta);
}

static void zigzags_reach_49_and_225(void **state)
{
    static const int pieces[] = {0, 3, 7, 15, 31};
    for (int layers = 1; layers <= 4; layers++) {
        shape s;
        sd_regions_report r;
        double ends[] = {-50, 50};
        sd_dataset *data = points_of(2, SD_SHAPE(1), ends);
        sd_model *model = zigzag(layers, 1, false, &s);
        assert_ok(sd_probe_regions(&(sd_subject){.model = model, .data = data}, &(sd_regions_options){.segments = 1}, &r));
        same(r.segment[0].pieces, pieces[layers], "pieces of a line of width 2");
        sd_regions_report_clear(&r);
        sd_dataset_free(data);
        sd_model_free(model);

        int64_t patterns, regions;
        model = zigzag(layers, 2, false, &s);
        count_slice(model, 50, &patterns, &regions);
        same(regions, pieces[layers] * pieces[layers], "regions of two lines side by side");
        same(patterns, pieces[layers] * pieces[layers], "patterns of two lines side by side");
        sd_model_free(model);
    }
}

/* Reading one unit of each pair leaves the 49 patterns, but only 5 x 5 affine pieces. */
static void forty_nine_patterns_may_be_25_regions(void **state)
{
    shape s;
    int64_t patterns, regions;
    sd_model *model = zigzag(2, 2, true, &s);
    count_slice(model, 50, &patterns, &regions);
    same(patterns, 49, "patterns");
    same(regions, 25, "affine regions");
    sd_model_free(model);
}

/* ---- maps ---------------------------------------------------------------------------------------------------------------- */

/* The cell on the other side of the middle of p's edge i: a brute-force look at every cell; -1 beyond the window. */
static int64_t across(const sd_regions_report *r, int64_t p, int i)
{
    const sd_polygon *own = &r->polygon[p];
    const double *a = own->corner + 2 * i, *b = own->corner + (i + 1) % own->corners * 2;
    double dx = b[0] - a[0], dy = b[1] - a[1], length = hypot(dx, dy);
    for (int side = -1; side <= 1; side += 2) {
        double at[] = {(a[0] + b[0]) / 2 + side * 1e-7 * dy / length, (a[1] + b[1]) / 2 - side * 1e-7 * dx / length};
        if (holds(own, at))
            continue;
        for (int64_t q = 0; q < r->polygons; q++)
            if (q != p && holds(&r->polygon[q], at))
                return q;
    }
    return -1;
}

/* Regions that meet have different colours, and the cells of one region have one. */
static void neighbours_differ_in_colour(void **state)
{
    int seen = 0, trials = law_trials(6);
    for (int trial = 0; trial < trials; trial++) {
        sd_regions_report r;
        shape s = {2, 2, 2, {6, 6}};
        sd_regions_options o = {.segments = -1, .slice = true, .window = {-2, 2, -2, 2}};
        sd_model *model = random_dense(&s);
        assert_ok(sd_probe_regions(&(sd_subject){.model = model}, &o, &r));
        for (int64_t p = 0; p < r.polygons; p++)
            for (int i = 0; i < r.polygon[p].corners; i++) {
                int64_t q = across(&r, p, i);
                if (q < 0)
                    continue;
                bool one = r.polygon[p].region == r.polygon[q].region;
                if (one != (r.polygon[p].colour == r.polygon[q].colour))
                    fail_msg("cells %lld and %lld: regions %lld and %lld, colours %d and %d", (long long)p, (long long)q,
                             (long long)r.polygon[p].region, (long long)r.polygon[q].region, r.polygon[p].colour,
                             r.polygon[q].colour);
                seen++;
            }
        sd_regions_report_clear(&r);
        sd_model_free(model);
    }
    assert_true(seen > 20 * trials);
}

/* ---- novel regions ------------------------------------------------------------------------------------------------------- */

/* The patterns of points, by the forward pass in batches of 16 and a smaller last one. */
static void read_patterns(sd_model *model, int points, const double *x, sd_patterns *patterns)
{
    sd_dataset *data = points_of(points, SD_SHAPE(6, 6, 1), x);
    sd_subject subject = {.model = model, .data = data, .batch = 16};
    sd_piecewise *net;
    sd_samples samples;
    assert_ok(sd__piecewise_new(&subject, &net));
    assert_ok(sd__samples_read(&subject, &samples));
    assert_ok(sd__patterns_read(&subject, net, &samples, patterns));
    sd__samples_free(&samples);
    sd__piecewise_free(net);
    sd_dataset_free(data);
}

/*
 * Without the ops by hand: there |h - 0.8| + min(h, -x) is 0.8 over whole areas, and which of equals is the
 * largest hangs on rounding.
 */
static void samples_have_the_patterns_of_their_cells(void **state)
{
    enum { POINTS = 50 };
    for (int trial = 0; trial < law_trials(2 * (ZOO - 1)); trial++) {
        double origin[PIXELS], axis[2 * PIXELS], at[POINTS][2], x[POINTS * PIXELS];
        sd_regions_report r;
        sd_patterns patterns;
        sd_model *model = network(zoo[trial % (ZOO - 1)].build, NULL, SD_SHAPE(6, 6, 1));
        randomise(model);
        law_draw_f64(origin, PIXELS, -1, 1);
        law_draw_f64(axis, 2 * PIXELS, -1, 1);
        sd_regions_options o = {
            .segments = -1, .slice = true, .origin = origin, .axis = axis, .window = {-0.5, 0.5, -0.5, 0.5}};
        assert_ok(sd_probe_regions(&(sd_subject){.model = model}, &o, &r));
        for (int i = 0; i < POINTS; i++) {
            law_draw_f64(at[i], 2, -0.5, 0.5);
            for (int k = 0; k < PIXELS; k++)
                x[i * PIXELS + k] = origin[k] + at[i][0] * axis[k] + at[i][1] * axis[PIXELS + k];
        }
        read_patterns(model, POINTS, x, &patterns);
        for (int i = 0; i < POINTS; i++)
            for (int64_t p = 0; p < r.polygons; p++)
                if (holds(&r.polygon[p], at[i]) && r.polygon[p].pattern != patterns.hash[i])
                    fail_msg("%s: point %d has another pattern than its cell", zoo[trial % (ZOO - 1)].name, i);
        sd__patterns_free(&patterns);
        sd_regions_report_clear(&r);
        sd_model_free(model);
    }
}

enum { TRAIN = 25, TEST = 60, CLASSES = 3 };

/* Which units of one hidden layer are on, as bits, and the class predicted: by loops that see no code of the library. */
static int signs_at(const shape *s, const double *theta, const double *x, int *class)
{
    int n = s->width[0], bits = 0;
    double out[CLASSES];
    const double *w = theta + 3 * n;
    memcpy(out, w + n * CLASSES, sizeof out);
    for (int u = 0; u < n; u++) {
        double z = x[0] * theta[u] + x[1] * theta[n + u] + theta[2 * n + u];
        bits |= (z > 0) << u;
        for (int c = 0; c < CLASSES && z > 0; c++)
            out[c] += z * w[u * CLASSES + c];
    }
    *class = 0;
    for (int c = 1; c < CLASSES; c++)
        *class = out[c] > out[*class] ? c : *class;
    return bits;
}

static int nearest_of(const double *x, const double *to)
{
    int best = 0;
    for (int i = 1; i < TRAIN; i++)
        if (hypot(x[2 * i] - to[0], x[2 * i + 1] - to[1]) < hypot(x[2 * best] - to[0], x[2 * best + 1] - to[1]))
            best = i;
    return best;
}

static sd_dataset *labelled(int n, const double *x, const int32_t *y)
{
    return data_of(n, SD_SHAPE(2), x, y, CLASSES, NULL, 0);
}

static void share_is(sd_interval got, int hits, int of, const char *what)
{
    if (of ? fabs(got.estimate - (double)hits / of) > 1e-15 || got.low > got.estimate || got.high < got.estimate
           : !isnan(got.estimate))
        fail_msg("%s: %g, should be %d of %d", what, got.estimate, hits, of);
}

/* What loops find; hits: of the network and of the nearest sample, elsewhere and in novel regions. */
typedef struct found {
    double x[2 * TRAIN], q[2 * TEST];
    int32_t y[TRAIN], label[TEST];
    int signs[TRAIN], different, novel, hits[2][2];
} found;

static void find_by_loops(const shape *s, const double *theta, found *f)
{
    int class;
    for (int i = 0; i < TRAIN; i++) {
        bool seen = false;
        f->signs[i] = signs_at(s, theta, f->x + 2 * i, &class);
        for (int j = 0; j < i; j++)
            seen = seen || f->signs[j] == f->signs[i];
        f->different += !seen;
    }
    for (int i = 0; i < TEST; i++) {
        bool fresh = true;
        int signs = signs_at(s, theta, f->q + 2 * i, &class);
        for (int j = 0; j < TRAIN; j++)
            fresh = fresh && f->signs[j] != signs;
        f->novel += fresh;
        f->hits[fresh][0] += class == f->label[i];
        f->hits[fresh][1] += f->y[nearest_of(f->x, f->q + 2 * i)] == f->label[i];
    }
}

static void compare_novelty(const sd_novelty *n, const found *f)
{
    int others = TEST - f->novel;
    same(n->train, TRAIN, "training samples");
    same(n->novel, f->novel, "test samples in novel regions");
    same(n->patterns, f->different, "patterns of the training samples");
    share_is(n->share, f->novel, TEST, "share");
    share_is(n->accuracy, f->hits[1][0], f->novel, "accuracy in novel regions");
    share_is(n->nearest, f->hits[1][1], f->novel, "the nearest sample's in novel regions");
    share_is(n->other_accuracy, f->hits[0][0], others, "accuracy elsewhere");
    share_is(n->other_nearest, f->hits[0][1], others, "the nearest sample's elsewhere");
    same(n->layers, 1, "layers that choose");
    same(n->layer[0].patterns, f->different, "patterns of the only layer");
    share_is(n->layer[0].share, f->novel, TEST, "share by the only layer");
}

static sd_model *random_classifier(shape *s)
{
    sd_model *model = model_of(dense_net, s, SD_SHAPE(2), CLASSES, 0, SD_F64);
    randomise(model);
    return model;
}

static void novel_regions_agree_with_brute_force(void **state)
{
    int novel = 0, trials = law_trials(20);
    for (int trial = 0; trial < trials; trial++) {
        found f = {0};
        shape s = {2, CLASSES, 1, {5}};
        sd_regions_report r;
        sd_model *model = random_classifier(&s);
        law_draw_f64(f.x, 2 * TRAIN, -2, 2);
        law_draw_f64(f.q, 2 * TEST, -2, 2);
        for (int i = 0; i < TRAIN; i++)
            f.y[i] = law_int(0, CLASSES - 1);
        for (int i = 0; i < TEST; i++)
            f.label[i] = law_int(0, CLASSES - 1);
        find_by_loops(&s, sd_model_theta(model), &f);
        sd_dataset *train = labelled(TRAIN, f.x, f.y), *test = labelled(TEST, f.q, f.label);
        sd_subject subject = {.model = model, .data = train, .batch = 7};
        assert_ok(sd_probe_regions(&subject, &(sd_regions_options){.segments = -1, .test = test}, &r));
        compare_novelty(&r.novel, &f);
        novel += f.novel;
        sd_regions_report_clear(&r);
        assert_status(sd_probe_regions(&subject, &(sd_regions_options){.segments = -1, .test = train}, &r), SD_EINVAL);
        sd_dataset_free(train);
        sd_dataset_free(test);
        sd_model_free(model);
    }
    assert_true(novel > 0 && novel < trials * TEST);
}

/* ---- degenerate cuts ----------------------------------------------------------------------------------------------------- */

/* Without biases every unit switches at the middle of a segment from -x to x: one break, unless the output is odd. */
static void units_that_switch_together_make_one_break(void **state)
{
    for (int trial = 0; trial < law_trials(20); trial++) {
        shape s = {3, 2, 3, {7, 6, 5}};
        double x[6], y[4];
        sd_regions_report r;
        sd_model *model = random_dense(&s);
        double *theta = sd_model_theta(model);
        sd_layout layout = sd_model_params(model);
        for (int i = 1; i < layout.count; i += 2)
            memset(theta + layout.slice[i].offset, 0, (size_t)layout.slice[i].length * sizeof *theta);
        law_draw_f64(x, 3, -1, 1);
        for (int k = 0; k < 3; k++)
            x[3 + k] = -x[k];
        sd_dataset *data = points_of(2, SD_SHAPE(3), x);
        assert_ok(sd_probe_regions(&(sd_subject){.model = model, .data = data}, &(sd_regions_options){.segments = 1}, &r));
        same(r.segment[0].patterns, 2, "patterns through the origin");
        forward(model, 2, x, y);
        same(r.segment[0].pieces, fabs(y[0] + y[2]) + fabs(y[1] + y[3]) > 1e-9 ? 2 : 1, "pieces through the origin");
        sd_regions_report_clear(&r);
        sd_dataset_free(data);
        sd_model_free(model);
    }
}

/* Copies of units, and units that are 0 wherever they are looked at, add nothing. */
static void copies_and_dead_units_add_nothing(void **state)
{
    for (int trial = 0; trial < law_trials(20); trial++) {
        shape once = {2, 1, 1, {4}}, twice = {2, 1, 1, {9}};
        double theta[27 + 10] = {0}, w[12];
        int64_t patterns, regions;
        law_draw_f64(w, 12, -1, 1);
        for (int u = 0; u < 8; u++) /* 8 units are 4 lines, every second one turned round; the ninth is 0 everywhere */
            for (int k = 0; k < 3; k++)
                theta[k * 9 + u] = (u < 4 ? 1 : -2) * w[k * 4 + u % 4];
        for (int u = 0; u < 10; u++)
            theta[27 + u] = u < 4 ? 1 : 0;
        sd_model *model = weighted(&twice, theta);
        double first[17];
        memcpy(first, w, sizeof w);
        for (int u = 0; u < 5; u++)
            first[12 + u] = u < 4;
        double side = reach(4, w, w + 8);
        count_slice(model, side, &patterns, &regions);
        same(patterns, 11, "patterns of four lines drawn twice");
        same(regions, 11, "regions of four lines drawn twice");
        sd_model_free(model);
        model = weighted(&once, first);
        count_slice(model, side, &patterns, &regions);
        same(regions, 11, "regions of four lines");
        sd_model_free(model);
    }
}

/* ---- what it says where there is nothing to count ------------------------------------------------------------------------ */

static sd_built with_tanh(sd_builder *b, void *user)
{
    sd_node h = sd_layer_activation(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = 3}), SD_TANH, 0, "curve");
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = 1})};
}

static sd_built squares(sd_builder *b, void *user) { return (sd_built){.output = sd_square(b->input)}; }

static void what_is_not_piecewise_affine_is_named(void **state)
{
    sd_regions_report r;
    sd_regions_options o = {.segments = -1, .slice = true, .window = {-1, 1, -1, 1}};
    sd_model *model = network(with_tanh, NULL, SD_SHAPE(2));
    assert_status(sd_probe_regions(&(sd_subject){.model = model}, &o, &r), SD_EINVAL);
    assert_string_equal(sd_error(), "linear regions do not apply: layer curve has tanh, which is not piecewise affine");
    sd_model_free(model);
    model = network(squares, NULL, SD_SHAPE(2));
    assert_status(sd_probe_regions(&(sd_subject){.model = model}, &o, &r), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "mul, both of whose operands depend on the input"));
    sd_model_free(model);
}

static void without_kinks_there_is_one_region(void **state)
{
    shape s = {2, 2, 0, {0}};
    sd_regions_report r;
    sd_regions_options o = {.segments = -1, .slice = true, .window = {-1, 1, -1, 1}};
    sd_model *model = random_dense(&s);
    assert_ok(sd_probe_regions(&(sd_subject){.model = model}, &o, &r));
    same(r.units, 0, "units");
    same(r.slice_regions, 1, "regions");
    sd_regions_report_clear(&r);
    assert_status(sd_probe_regions(&(sd_subject){.model = model, .training = true}, &o, &r), SD_EINVAL);
    ((double *)sd_model_theta(model))[0] = NAN;
    assert_status(sd_probe_regions(&(sd_subject){.model = model}, &o, &r), SD_ENONFINITE);
    o.window[1] = -1;
    assert_status(sd_probe_regions(&(sd_subject){.model = model}, &o, &r), SD_ENONFINITE);
    sd_model_free(model);
}

/* Whatever is left out is said: a slice or segment that is left, a window that was halved. */
static void what_is_left_out_is_said(void **state)
{
    shape s = {2, 2, 2, {16, 16}};
    double x[40];
    sd_regions_report r;
    sd_model *model = random_dense(&s);
    law_draw_f64(x, 40, -1, 1);
    sd_dataset *data = points_of(20, SD_SHAPE(2), x);
    sd_subject subject = {.model = model, .data = data};
    sd_regions_options o = {.slice = true, .most_polygons = 10, .most_pieces = 2};
    assert_ok(sd_probe_regions(&subject, &o, &r));
    same(r.segments, 10, "disjoint pairs of 20 samples");
    assert_true(r.unfinished > 0 && !r.segment[0].whole == (r.segment[0].patterns == 2));
    same(r.polygons, 10, "polygons");
    assert_true(r.covered < 0.99 && r.halvings == 0);
    sd_regions_report_clear(&r);
    o.shrink = true;
    assert_ok(sd_probe_regions(&subject, &o, &r));
    assert_true(r.halvings > 0 && r.polygons < 10);
    law_near(r.covered, 1, 0, 1e-9, __FILE__, __LINE__);
    sd_regions_report_clear(&r);
    sd_dataset_free(data);
    sd_model_free(model);
}

/* The same call for other weights, and the model is as it was. */
static void the_twin_is_the_same_call(void **state)
{
    shape s = {2, 2, 2, {8, 8}};
    int64_t own, regions;
    void *theta, *twin_state;
    sd_regions_report r;
    sd_regions_options o = {.segments = -1, .slice = true, .window = {-2, 2, -2, 2}};
    sd_model *model = random_dense(&s);
    assert_ok(sd_untrained(model, &theta, &twin_state));
    size_t bytes = (size_t)sd_model_params(model).length * sizeof(double);
    double *before = malloc(bytes);
    memcpy(before, sd_model_theta(model), bytes);
    count_slice(model, 2, &own, &regions);
    assert_ok(sd_probe_regions(&(sd_subject){.model = model, .theta = theta, .state = twin_state}, &o, &r));
    assert_memory_equal(before, sd_model_theta(model), bytes);
    memcpy(sd_model_theta(model), theta, bytes);
    count_slice(model, 2, &own, &regions);
    same(r.slice_patterns, own, "patterns of the untrained twin");
    sd_regions_report_clear(&r);
    free(before);
    free(theta);
    free(twin_state);
    sd_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_layer_has_zaslavskys_number),
        cmocka_unit_test(one_layer_in_any_dimension),
        cmocka_unit_test(deep_patterns_agree_with_linear_programs),
        cmocka_unit_test(cells_of_every_layer_carry_the_networks_own_maps),
        cmocka_unit_test(pieces_along_lines_agree_with_bisection),
        cmocka_unit_test(a_pattern_is_no_region),
        cmocka_unit_test(folding_makes_44_and_176),
        cmocka_unit_test(zigzags_reach_49_and_225),
        cmocka_unit_test(forty_nine_patterns_may_be_25_regions),
        cmocka_unit_test(neighbours_differ_in_colour),
        cmocka_unit_test(samples_have_the_patterns_of_their_cells),
        cmocka_unit_test(novel_regions_agree_with_brute_force),
        cmocka_unit_test(units_that_switch_together_make_one_break),
        cmocka_unit_test(copies_and_dead_units_add_nothing),
        cmocka_unit_test(what_is_not_piecewise_affine_is_named),
        cmocka_unit_test(without_kinks_there_is_one_region),
        cmocka_unit_test(what_is_left_out_is_said),
        cmocka_unit_test(the_twin_is_the_same_call),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
