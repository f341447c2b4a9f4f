/*
 * curvature_section.c -- what the instrument *curvature* says of a run: its eigenvalues beside the untrained
 * network's and the step size.
 */
#include <math.h>
#include <stdlib.h>

#include "probe/instrument.h"

static const char *const matrices[] = {"hessian", "gauss_newton", "fisher"};

/* ---- the stability limit ----------------------------------------------------------------------------------------------- */

/*
 * The curvature at which steps of this size begin to oscillate with growing amplitude on a quadratic; NaN where there is no one
 * number (adam and adamw scale every direction by itself). Of sgd's two relatives: Polyak 1964; Cohen et al. 2021, section 2.
 */
static double stability_limit(const sd_optimizer_spec *o)
{
    double m = o->momentum;
    switch (o->kind) {
    case SD_SGD: return 2 / o->lr;
    case SD_MOMENTUM: return 2 * (1 + m) / o->lr;
    case SD_NESTEROV: return 2 * (1 + m) / ((1 + 2 * m) * o->lr);
    default: return NAN;
    }
}

static void say_limit(const sd_optimizer_spec *o, const sd_curvature_report *r, sd_section *s)
{
    double limit = stability_limit(o), largest = r->pair[0].value;
    const char *name = sd_optimizer_kind_name(o->kind);
    sd__section_fact(s, "stability_limit", sd__json_real(limit));
    if (isnan(limit))
        sd__section_say(s, "Stability limit: not compared, since %s has a step size of its own for every parameter.", name);
    else
        sd__section_say(s, "The stability limit of %s at its base rate %g is %.6g; the largest eigenvalue is %.3g of it%s.",
                        name, o->lr, limit, largest / limit,
                        o->weight_decay > 0 ? " (weight decay, not counted here, adds to it)" : "");
}

/* ---- sentences, numbers, tables ------------------------------------------------------------------------------------------ */

static void say_subject(const sd_examination *e, const sd_curvature_options *o, const sd_curvature_report *r,
                        const sd_curvature_report *twin, sd_section *s)
{
    sd__section_number(s, "gradient_norm", sd__exactly(r->gradient_norm), sd__exactly(twin->gradient_norm),
                       "norm of the gradient");
    sd__section_say(s, "%s",
                    r->gradient_norm > 0 ? "Where the gradient is not 0, a negative eigenvalue is a direction that "
                                           "bends down, not a saddle."
                                         : "The gradient is 0: the point is critical.");
    sd__section_number(s, "loss", sd__exactly(r->loss), sd__exactly(twin->loss), "mean loss");
    sd__section_say(
        s,
        "Measured: the %s of the mean loss over the first %lld samples of the %s part, %lld parameters%s%s; %s; %s. "
        "Weight decay (%g in this run) is not part of the loss.",
        sd_curvature_name(o->kind), (long long)r->samples, e->part, (long long)r->parameters, o->layer ? " of " : "",
        o->layer ? o->layer : "",
        e->run.training ? "batch norm by each batch's statistics, dropout on" : "batch norm by running statistics, dropout off",
        sd_dtype_name(sd_model_dtype(e->run.model)), e->optimizer.weight_decay);
}

static void add_pairs(const sd_curvature_report *r, const sd_curvature_report *twin, sd_section *s)
{
    static const sd_column columns[] = {{"rank", "rank"},
                                        {"value", "eigenvalue"},
                                        {"residual", "residual"},
                                        {"untrained", "untrained network's"},
                                        {"untrained_residual", "its residual"}};
    sd__section_table(s, "eigenpairs", "The largest eigenvalues, and the smallest", SD_COUNT(columns), columns);
    for (int i = 0; i < r->pairs; i++) {
        char rank[16];
        snprintf(rank, sizeof rank, "%d", i + 1);
        sd__section_row(s, "sgggg", rank, r->pair[i].value, r->pair[i].residual, twin->pair[i].value, twin->pair[i].residual);
    }
    sd__section_row(s, "sgggg", "last", r->smallest.value, r->smallest.residual, twin->smallest.value, twin->smallest.residual);
    sd__section_fact(s, "converged", json_integer(r->converged));
    sd__section_fact(s, "steps", json_integer(r->steps));
    sd__section_fact(s, "products", json_integer(r->products));
    if (r->pair[0].value == 0 && r->smallest.value == 0)
        sd__section_say(s, "The matrix is 0: to second order the loss is the same everywhere around these weights.");
    sd__section_say(s, "%d of %d eigenvalues have converged after %d Lanczos steps%s.", r->converged, r->pairs, r->steps,
                    r->converged < r->pairs ? "; the others are rough" : "");
}

static void add_trace(const sd_curvature_report *r, const sd_curvature_report *twin, sd_section *s)
{
    if (isnan(r->trace.estimate))
        sd__section_say(s, "The trace was not measured.");
    else
        sd__section_number(s, "trace", r->trace, twin->trace, "trace%s", r->trace_exact ? ", added up" : ", by Hutch++");
}

typedef struct weighted {
    double node, weight;
} weighted;

static int by_node(const void *a, const void *b)
{
    const weighted *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

/*
 * A density as the share of eigenvalues below x: the weights of all random vectors' quadratures added up
 * in rising order of nodes.
 */
static void density_series(const char *name, const sd_curvature_report *r, sd_section *s)
{
    double sum = 0;
    weighted *w = sd__alloc((size_t)r->nodes, sizeof *w);
    s->failed = s->failed || !w;
    for (int i = 0; w && i < r->nodes; i++)
        w[i] = (weighted){r->node[i], r->weight[i]};
    if (w)
        qsort(w, (size_t)r->nodes, sizeof *w, by_node);
    sd__section_series(s, name, SD_SERIES_LINE);
    for (int i = 0; w && i < r->nodes; i++) {
        sd__section_point(s, w[i].node, sum);
        sum += w[i].weight;
        sd__section_point(s, w[i].node, sum);
    }
    free(w);
}

static void add_density(const sd_curvature_report *r, const sd_curvature_report *twin, sd_section *s)
{
    if (!r->nodes)
        return;
    sd__section_figure(s, "density", "Share of the eigenvalues below a value, by stochastic Lanczos quadrature", "eigenvalue",
                       "share below", false, false);
    density_series("trained", r, s);
    density_series("untrained", twin, s);
    sd__section_number(s, "negative_share", r->negative, twin->negative,
                       "share of eigenvalues below -%.3g (the untrained network's: -%.3g)", r->band, twin->band);
}

static void spectrum_series(const char *name, const sd_curvature_report *r, sd_section *s)
{
    sd__section_series(s, name, SD_SERIES_LINE);
    for (int64_t i = 0; i < r->parameters; i++)
        sd__section_point(s, (double)(i + 1), r->spectrum[i]);
}

static void add_spectrum(const sd_curvature_report *r, const sd_curvature_report *twin, sd_section *s)
{
    if (!r->spectrum)
        return;
    sd__section_figure(s, "spectrum", "All eigenvalues in rising order", "rank", "eigenvalue", false, false);
    spectrum_series("trained", r, s);
    spectrum_series("untrained", twin, s);
    sd__section_number(s, "index", sd__exactly((double)r->index), sd__exactly((double)twin->index),
                       "index: eigenvalues below -%.3g (the untrained network's: -%.3g)", r->band, twin->band);
    sd__section_number(s, "zeros", sd__exactly((double)r->zeros), sd__exactly((double)twin->zeros),
                       "eigenvalues within that band");
}

static void add_layers(const sd_curvature_report *r, const sd_curvature_report *twin, sd_section *s)
{
    static const sd_column columns[] = {{"name", "layer"},
                                        {"parameters", "parameters"},
                                        {"value", "largest"},
                                        {"residual", "residual"},
                                        {"untrained", "untrained network's"}};
    if (!r->layers)
        return;
    sd__section_table(s, "layers", "The largest eigenvalue of every layer's own block", SD_COUNT(columns), columns);
    for (int i = 0; i < r->layers; i++)
        sd__section_row(s, "siggg", r->layer[i].name, r->layer[i].parameters, r->layer[i].largest.value,
                        r->layer[i].largest.residual, twin->layer[i].largest.value);
}

/* ---- the instrument ------------------------------------------------------------------------------------------------------ */

static void record(const sd_examination *e, const sd_curvature_options *o, const sd_curvature_report *r,
                   const sd_curvature_report *twin, sd_section *s)
{
    sd__section_fact(s, "matrix", json_string(sd_curvature_name(o->kind)));
    sd__section_fact(s, "parameters", json_integer(r->parameters));
    sd__section_fact(s, "layer", o->layer ? json_string(o->layer) : json_null());
    sd__section_fact(s, "band", sd__json_real(r->band));
    say_subject(e, o, r, twin, s);
    add_pairs(r, twin, s);
    say_limit(&e->optimizer, r, s);
    add_trace(r, twin, s);
    add_density(r, twin, s);
    add_spectrum(r, twin, s);
    add_layers(r, twin, s);
}

static sd_curvature_options options_of(const sd_examination *e)
{
    return (sd_curvature_options){.kind = (sd_curvature_kind)sd__knob(e, "matrix"),
                                  .layer = sd__knob_text(e, "layer"),
                                  .pairs = (int)sd__knob(e, "pairs"),
                                  .trace = (int)sd__knob(e, "trace"),
                                  .density = (int)sd__knob(e, "density"),
                                  .spectrum = sd__knob(e, "spectrum"),
                                  .layers = sd__knob(e, "layers"),
                                  .seed = e->seed};
}

static sd_status examine(const sd_examination *e, sd_section *section)
{
    sd_curvature_options o = options_of(e);
    sd_curvature_report r = {0}, twin = {0};
    sd_status status = sd_probe_curvature(&e->run, &o, &r);
    if (status == SD_OK)
        status = sd_probe_curvature(&e->untrained, &o, &twin);
    if (status == SD_OK)
        record(e, &o, &r, &twin, section);
    sd_curvature_report_clear(&r);
    sd_curvature_report_clear(&twin);
    return status;
}

/* Two digits of the largest eigenvalue are enough to see whether it approaches the stability limit. */
static sd_status track(const sd_subject *subject, sd_scalars *scalars)
{
    sd_curvature_report r = {0};
    sd_status status = sd_probe_curvature(subject, &(sd_curvature_options){.pairs = 1, .tolerance = 1e-2}, &r);
    if (status == SD_OK)
        sd__scalars_add(scalars, r.pair[0].value, "sharpness");
    sd_curvature_report_clear(&r);
    return status;
}

const sd_instrument sd__instrument_curvature = {
    .name = "curvature",
    .doc = "second derivatives of the loss: largest eigenvalues, trace, spectral density, spectrum",
    .title = "Curvature of the loss",
    .question = "How sharply does the loss bend around these weights, and in how many directions?",
    .opposite =
        "A largest eigenvalue far above the untrained network's would have meant that training moved to a sharper place; one "
        "above the stability limit, that steps of this size cannot stay there. Sharpness by itself says nothing about "
        "generalisation: rescaling the weights of a ReLU network changes it and leaves the function as it is.",
    .knob = {{"matrix", "NAME", "hessian (default), gauss_newton or fisher", 0, 0, SD_HESSIAN, SD_HESSIAN, SD_HESSIAN, matrices,
              SD_COUNT(matrices)},
             {"layer", "NAME", "only the parameters of this layer or block", 0, 0, 0, 0, 0, NULL, 0},
             {"pairs", "K", "how many eigenvalues (default: 10)", 1, 10000, 10, 5, 10, NULL, 0},
             {"trace", "N", "products for the trace (default: 30)", 6, 1000000, 30, 12, 60, NULL, 0},
             {"density", "N", "random vectors for the spectral density (default: none)", 2, 10000, 0, 0, 4, NULL, 0},
             {"spectrum", NULL, "all eigenvalues, up to 5000 parameters", 0, 0, 0, 0, 0, NULL, 0},
             {"layers", NULL, "also the largest eigenvalue of every layer", 0, 0, 0, 0, 1, NULL, 0}},
    .examine = examine,
    .cost = 36,
    .most_samples = 500,
    .track_name = "sharpness",
    .track = track,
};
