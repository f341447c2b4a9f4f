/* signal.c -- measures wide random networks on the library's graphs, in f32, and compares them with the recursion. */
#include "lab/signal.h"

#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/plan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { L = SD_SIGNAL_LAYERS, N = SD_SIGNAL_WIDTH, B = SD_SIGNAL_BATCH };
enum { SIZE, GRADIENT, SATURATED, UNITS, QUANTITIES, SAMPLES = QUANTITIES * (L + 1), NUMBERS = SAMPLES + L * B };

static const double margin = 0.15, step_margin = 0.05, scatter_margin = 0.5;

/*
 * The slots: x [B,N], v [B,N], w [L,N,N], out [NUMBERS]: of each layer mean squares of activations and gradients, share saturated, relative
 * variance between units; then, of each layer but the last, the mean square of each sample.
 */
typedef struct program {
    sd_plan *plan;
    sd_workspace *workspace;
    float *x, *v, *w, out[NUMBERS];
} program;

static sd_node mean_square(sd_node x) { return sd_mean(sd_square(x), SD_ALL_AXES, false); }

static sd_node share_beyond(sd_node x)
{
    sd_node beyond = sd_compare(sd_abs(x), SD_GT, sd_constant_like(x, 0.99));
    return sd_mean(sd_cast(beyond, SD_F32), SD_ALL_AXES, false);
}

/* Variance between the units' mean squares over the batch, relative to the square of their mean. */
static sd_node unit_variance(sd_node h)
{
    sd_node unit = sd_mean(sd_square(h), SD_AXIS(0), false);
    return sd_mean(sd_square(sd_shift(sd_div(unit, sd_mean(unit, SD_ALL_AXES, false)), -1)), SD_ALL_AXES, false);
}

static sd_status build(sd_context *context, const sd_signal_spec *spec, program *p)
{
    sd_graph *graph = sd_graph_new();
    sd_node h[L + 1], gradient[L + 1], v = sd_input(graph, "v", SD_F32, SD_SHAPE(B, N));
    sd_node w = sd_input(graph, "w", SD_F32, SD_SHAPE(L, N, N));
    sd_output out[SAMPLES + L];
    h[0] = sd_input(graph, "x", SD_F32, SD_SHAPE(B, N));
    for (int l = 0; l < L; l++) {
        sd_node one = sd_slice_of(w, (int64_t[]){l, 0, 0}, (int64_t[]){l + 1, N, N}, NULL);
        h[l + 1] = spec->apply(sd_matmul(h[l], false, sd_reshape(one, SD_SHAPE(N, N)), false));
    }
    sd_vjp(1, &h[L], &v, L + 1, h, gradient);
    for (int l = 0; l <= L; l++) {
        sd_node of[QUANTITIES] = {mean_square(h[l]), mean_square(gradient[l]), share_beyond(h[l]), unit_variance(h[l])};
        for (int k = 0; k < QUANTITIES; k++)
            out[QUANTITIES * l + k] = (sd_output){"out", QUANTITIES * l + k, of[k]};
        if (l < L)
            out[SAMPLES + l] = (sd_output){"out", SAMPLES + l * B, sd_mean(sd_square(h[l]), SD_AXIS(1), false)};
    }
    sd_status status = sd_compile(context, SAMPLES + L, out, NULL, &p->plan);
    sd_graph_free(graph);
    return status == SD_OK ? sd_workspace_new(p->plan, &p->workspace) : status;
}

static void normals(sd_random *random, size_t n, double deviation, float *to)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (float)(deviation * sd__random_normal(random));
}

static sd_status one_network(sd_lab *lab, const sd_signal_spec *spec, int number, program *p)
{
    sd_random random = sd__lab_random(lab, spec->name, number);
    void *bind[4] = {0};
    normals(&random, (size_t)B * N, 1, p->x);
    normals(&random, (size_t)B * N, 1, p->v);
    normals(&random, (size_t)L * N * N, spec->deviation, p->w);
    for (int i = 0; i < sd_plan_slots(p->plan) && i < 4; i++) {
        const char *name = sd_plan_slot_name(p->plan, i);
        bind[i] = name[0] == 'x' ? p->x : name[0] == 'v' ? p->v : name[0] == 'w' ? p->w : p->out;
    }
    return sd_run(p->plan, p->workspace, bind, NULL);
}

static void theory(const sd_signal_spec *spec, sd_signal *s)
{
    double gain = N * spec->deviation * spec->deviation, q[L + 1] = {1}, back = 1;
    for (int l = 0; l < L; l++) {
        q[l + 1] = sd__mean_field_next(spec->phi, gain, q[l]);
        s->theory_saturated[l + 1] = 2 * sd_normal_cdf(-atanh(0.99) / sqrt(gain * q[l]));
    }
    for (int l = L; l >= 0; l--) {
        s->theory_size[l] = sqrt(q[l]);
        s->theory_gradient[l] = sqrt(back);
        back *= l ? sd__mean_field_back(spec->phi, gain, q[l - 1]) : 1;
    }
}

/* Relative residuals of one step: ratio[l] = q_l / p, and the variance of its sampling error; from the numbers of one network. */
static void one_step(const sd_signal_spec *spec, const float *out, double *ratio, double *variance)
{
    double gain = N * spec->deviation * spec->deviation;
    for (int l = 1; l <= L; l++) {
        double p = 0;
        for (int b = 0; b < B; b++)
            p += sd__mean_field_next(spec->phi, gain, out[SAMPLES + (l - 1) * B + b]) / B;
        ratio[l] = out[QUANTITIES * l + SIZE] / p;
        variance[l] = out[QUANTITIES * l + UNITS] * ratio[l] * ratio[l] / (N - 1);
    }
}

static sd_interval root(sd_interval i) { return (sd_interval){sqrt(i.estimate), sqrt(fmax(i.low, 0)), sqrt(i.high)}; }

static void steps(const sd_signal_spec *spec, int networks, const float *values, double confidence, double *column,
                  sd_signal *s)
{
    double ratio[L + 1], variance[L + 1], sum[L + 1] = {0}, error[L + 1] = {0};
    double reach = sd_normal_quantile(0.5 + confidence / 2);
    for (int i = 0; i < networks; i++) {
        one_step(spec, values + (ptrdiff_t)i * NUMBERS, ratio, variance);
        for (int l = 1; l <= L; l++) {
            sum[l] += ratio[l] / networks;
            error[l] += variance[l] / networks / networks;
            column[i * L + l - 1] = (ratio[l] - 1) * (ratio[l] - 1) / variance[l];
        }
    }
    for (int l = 1; l <= L; l++)
        s->step[l] = root((sd_interval){sum[l], sum[l] - reach * sqrt(error[l]), sum[l] + reach * sqrt(error[l])});
    s->scatter = root(
        sd_interval_mean((int64_t)networks * L, column, confidence)); /* uncorrelated: the expectation is 1 given all before */
}

/* values [networks, NUMBERS], room for a column [networks, L]: sizes and gradients become root mean squares. */
static void summarise(const sd_signal_spec *spec, int networks, const float *values, double *column, sd_signal *s)
{
    double confidence = sd__lab_confidence(spec->kinds * (3 * (L + 1) + L + 1));
    for (int k = 0; k < SAMPLES; k++) {
        sd_interval *const to[QUANTITIES] = {&s->size[k / QUANTITIES], &s->gradient[k / QUANTITIES],
                                             &s->saturated[k / QUANTITIES]};
        int quantity = k % QUANTITIES;
        if (!to[quantity])
            continue;
        for (int i = 0; i < networks; i++)
            column[i] = quantity == SATURATED ? values[i * NUMBERS + k] : sqrt(values[i * NUMBERS + k]);
        *to[quantity] = sd_interval_mean(networks, column, confidence);
    }
    steps(spec, networks, values, confidence, column, s);
}

sd_status sd__signal_measure(sd_lab *lab, const sd_signal_spec *spec, int networks, sd_signal *s)
{
    program p = {.x = sd__alloc_aligned(sizeof(float) * B * N),
                 .v = sd__alloc_aligned(sizeof(float) * B * N),
                 .w = sd__alloc_aligned(sizeof(float) * L * N * N)};
    float *values = sd__alloc((size_t)networks, sizeof p.out);
    double *column = sd__alloc((size_t)networks, L * sizeof *column);
    bool room = p.x && p.v && p.w && values && column;
    sd_status status = room ? build(sd__lab_context(lab), spec, &p) : sd__fail(SD_ENOMEM, "no memory for a random network");
    for (int i = 0; i < networks && status == SD_OK; i++) {
        status = one_network(lab, spec, i, &p);
        memcpy(values + (size_t)i * NUMBERS, p.out, sizeof p.out);
    }
    if (status == SD_OK) {
        theory(spec, s);
        summarise(spec, networks, values, column, s);
    }
    sd_workspace_free(p.workspace);
    sd_plan_free(p.plan);
    free(p.x);
    free(p.v);
    free(p.w);
    free(values);
    free(column);
    return status;
}

sd_verdict sd__signal_follows(sd_lab *lab, const char *part, const sd_signal *s, const char *name)
{
    sd_verdict all = SD_CONFIRMED;
    for (int l = 1; l <= L; l++) {
        sd__lab_measure(lab, part, s->size[l], s->theory_size[l], "%s, layer %d: root mean square of the activations", name, l);
        all = sd__rule_both(all, sd__rule_within(s->size[l], s->theory_size[l], margin * s->theory_size[l]));
    }
    return all;
}

sd_verdict sd__signal_steps(sd_lab *lab, const char *part, const sd_signal *s, const char *name)
{
    sd_verdict all = sd__rule_equals(s->scatter, 1, scatter_margin);
    for (int l = 1; l <= L; l++) {
        sd__lab_measure(lab, part, s->step[l], 1, "%s, layer %d: deviation / that of one step of the recursion", name, l);
        all = sd__rule_both(all, sd__rule_equals(s->step[l], 1, step_margin));
    }
    sd__lab_measure(lab, part, s->scatter, 1, "%s: scatter of the residuals / derived sampling error", name);
    return all;
}

void sd__signal_judge_steps(sd_lab *lab, const char *part, sd_verdict verdict, const sd_signal *s)
{
    double worst = 0, error = 0;
    for (int l = 1; l <= L; l++) {
        worst = fmax(worst, fabs(s->step[l].estimate - 1));
        error = fmax(error, s->step[l].high - s->step[l].estimate);
    }
    sd__lab_judge(
        lab, part, verdict,
        "the ten deviations differ from the recursion's by %.2f %% at most, with intervals of up to ±%.2f %%; the residuals of "
        "single networks scatter %.2f times as much as derived",
        100 * worst, 100 * error, s->scatter.estimate);
}

void sd__signal_draw_steps(sd_lab *lab, int n, const sd_signal *const *signal, const char *const *name)
{
    sd__lab_figure(lab, "Deviation of a layer, relative to one step of the recursion", "layer", "measured / predicted", false,
                   false);
    sd__lab_series(lab, "theory", SD_SERIES_LINE);
    for (int l = 1; l <= L; l++)
        sd__lab_point(lab, l, 1);
    for (int k = 0; k < n; k++) {
        sd__lab_series(lab, name[k], SD_SERIES_POINTS);
        for (int l = 1; l <= L; l++)
            sd__lab_point_interval(lab, l + 0.1 * k, signal[k]->step[l]); /* beside each other */
    }
}

void sd__signal_draw(sd_lab *lab, const sd_signal *s, bool gradients, const char *name)
{
    char text[128];
    snprintf(text, sizeof text, "theory: %s", name);
    sd__lab_series(lab, text, SD_SERIES_LINE);
    for (int l = 0; l <= L; l++)
        sd__lab_point(lab, l, gradients ? s->theory_gradient[l] : s->theory_size[l]);
    sd__lab_series(lab, name, SD_SERIES_POINTS);
    for (int l = 0; l <= L; l++)
        sd__lab_point_interval(lab, l, gradients ? s->gradient[l] : s->size[l]);
}
