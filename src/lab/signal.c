/* signal.c -- measures wide random networks on the library's graphs, in f32, and compares them with the recursion. */
#include "lab/signal.h"

#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/plan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { L = SD_SIGNAL_LAYERS, N = SD_SIGNAL_WIDTH, B = SD_SIGNAL_BATCH, NUMBERS = 3 * (L + 1) };

static const double margin = 0.15;

/* The slots: x [B,N], v [B,N], w [L,N,N], out [NUMBERS]. */
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

static sd_status build(sd_context *context, const sd_signal_spec *spec, program *p)
{
    sd_graph *graph = sd_graph_new();
    sd_node h[L + 1], gradient[L + 1], v = sd_input(graph, "v", SD_F32, SD_SHAPE(B, N));
    sd_node w = sd_input(graph, "w", SD_F32, SD_SHAPE(L, N, N));
    sd_output out[NUMBERS];
    h[0] = sd_input(graph, "x", SD_F32, SD_SHAPE(B, N));
    for (int l = 0; l < L; l++) {
        sd_node one = sd_slice_of(w, (int64_t[]){l, 0, 0}, (int64_t[]){l + 1, N, N}, NULL);
        h[l + 1] = spec->apply(sd_matmul(h[l], false, sd_reshape(one, SD_SHAPE(N, N)), false));
    }
    sd_vjp(1, &h[L], &v, L + 1, h, gradient);
    for (int l = 0; l <= L; l++) {
        out[3 * l] = (sd_output){"out", 3 * l, mean_square(h[l])};
        out[3 * l + 1] = (sd_output){"out", 3 * l + 1, mean_square(gradient[l])};
        out[3 * l + 2] = (sd_output){"out", 3 * l + 2, share_beyond(h[l])};
    }
    sd_status status = sd_compile(context, NUMBERS, out, NULL, &p->plan);
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

/* values [networks, NUMBERS]: sizes and gradients become root mean squares. */
static void summarise(int networks, const float *values, double *column, sd_signal *s)
{
    double confidence = sd__lab_confidence(NUMBERS);
    for (int k = 0; k < NUMBERS; k++) {
        for (int i = 0; i < networks; i++)
            column[i] = k % 3 == 2 ? values[i * NUMBERS + k] : sqrt(values[i * NUMBERS + k]);
        sd_interval mean = sd_interval_mean(networks, column, confidence);
        *(k % 3 == 0 ? &s->size[k / 3] : k % 3 == 1 ? &s->gradient[k / 3] : &s->saturated[k / 3]) = mean;
    }
}

sd_status sd__signal_measure(sd_lab *lab, const sd_signal_spec *spec, int networks, sd_signal *s)
{
    program p = {.x = sd__alloc_aligned(sizeof(float) * B * N),
                 .v = sd__alloc_aligned(sizeof(float) * B * N),
                 .w = sd__alloc_aligned(sizeof(float) * L * N * N)};
    float *values = sd__alloc((size_t)networks, sizeof p.out);
    double *column = sd__alloc((size_t)networks, sizeof *column);
    bool room = p.x && p.v && p.w && values && column;
    sd_status status = room ? build(sd__lab_context(lab), spec, &p) : sd__fail(SD_ENOMEM, "no memory for a random network");
    for (int i = 0; i < networks && status == SD_OK; i++) {
        status = one_network(lab, spec, i, &p);
        memcpy(values + (size_t)i * NUMBERS, p.out, sizeof p.out);
    }
    if (status == SD_OK) {
        theory(spec, s);
        summarise(networks, values, column, s);
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
