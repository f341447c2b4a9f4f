/* probe_curvature.c -- `sonde probe curvature`: the curvature of a run's loss, beside the untrained network's and the step size. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/probe.h"

static const char *const kinds[] = {"hessian", "gauss_newton", "fisher"};

/* ---- the stability limit ----------------------------------------------------------------------------------------------- */

/*
 * The curvature at which steps of this size begin to oscillate with growing amplitude on a quadratic; NaN where there is no one number
 * (adam and adamw scale every direction by itself). Of sgd's two relatives: Polyak 1964; Cohen et al. 2021, section 2.
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

static void print_limit(const sd_optimizer_spec *o, const sd_curvature_report *r)
{
    double limit = stability_limit(o), largest = r->pair[0].value;
    if (isnan(limit))
        printf("stability limit: not compared (%s has a step size of its own for every parameter)\n",
               sd_optimizer_kind_name(o->kind));
    else
        printf("stability limit of %s at its base rate %g: %.6g; the largest eigenvalue is %.3g of it%s\n",
               sd_optimizer_kind_name(o->kind), o->lr, limit, largest / limit,
               o->weight_decay > 0 ? " (weight decay, not counted here, adds to it)" : "");
}

/* ---- text -------------------------------------------------------------------------------------------------------------- */

static void print_subject(const sd_probe *p, const sd_curvature_options *o, const sd_curvature_report *r)
{
    printf("|gradient| %.6g: %s\n", r->gradient_norm,
           "where this is not 0, a negative eigenvalue is a direction that bends down, not a saddle");
    printf("%s of the mean loss %.6g over the first %" PRId64 " samples of the %s part, %" PRId64 " parameters%s%s\n",
           sd_curvature_name(o->kind), r->loss, r->samples, p->part, r->parameters, o->layer ? " of " : "",
           o->layer ? o->layer : "");
    printf("%s; %s; weight decay (%g in this run) is not part of the loss\n",
           p->subject.training ? "batch norm by each batch's statistics, dropout on"
                               : "batch norm by running statistics, dropout off",
           sd_dtype_name(sd_model_dtype(p->subject.model)), p->optimizer.weight_decay);
}

static void print_pairs(const sd_curvature_report *r, const sd_curvature_report *twin)
{
    printf("%4s %14s %12s %22s\n", "", "eigenvalue", "residual", "untrained network's");
    for (int i = 0; i < r->pairs; i++)
        printf("%4d %14.6g %12.2g %22.6g\n", i + 1, r->pair[i].value, r->pair[i].residual, twin->pair[i].value);
    printf("%4s %14.6g %12.2g %22.6g\n", "last", r->smallest.value, r->smallest.residual, twin->smallest.value);
    printf("%d of %d have converged after %d Lanczos steps%s\n", r->converged, r->pairs, r->steps,
           r->converged < r->pairs ? "; the others are rough" : "");
}

static void print_trace(const sd_curvature_report *r, const sd_curvature_report *twin)
{
    if (r->trace_exact)
        printf("trace %.6g (added up); untrained %.6g\n", r->trace.estimate, twin->trace.estimate);
    else
        printf("trace %.6g, 95 %% interval %.6g to %.6g; untrained %.6g, %.6g to %.6g\n", r->trace.estimate, r->trace.low,
               r->trace.high, twin->trace.estimate, twin->trace.low, twin->trace.high);
}

static void print_rest(const sd_curvature_report *r, const sd_curvature_report *twin)
{
    if (r->nodes)
        printf("share of eigenvalues below -%.3g: %.4f, 95 %% interval %.4f to %.4f; untrained: %.4f below -%.3g\n", r->band,
               r->negative.estimate, fmax(0, r->negative.low), fmin(1, r->negative.high), twin->negative.estimate, twin->band);
    if (r->spectrum)
        printf("spectrum: %" PRId64 " eigenvalues below -%.3g, %" PRId64 " within it, %" PRId64 " above; untrained: %" PRId64
               " below -%.3g\n",
               r->index, r->band, r->zeros, r->parameters - r->index - r->zeros, twin->index, twin->band);
    if (r->layers)
        printf("%-24s %12s %14s %12s %22s\n", "layer", "parameters", "largest", "residual", "untrained network's");
    for (int i = 0; i < r->layers; i++)
        printf("%-24s %12" PRId64 " %14.6g %12.2g %22.6g\n", r->layer[i].name, r->layer[i].parameters,
               r->layer[i].largest.value, r->layer[i].largest.residual, twin->layer[i].largest.value);
}

/* ---- JSON -------------------------------------------------------------------------------------------------------------- */

static json_t *pair_json(const sd_eigenpair *pair)
{
    return json_pack("{s:o, s:o}", "value", sd__json_real(pair->value), "residual", sd__json_real(pair->residual));
}

static json_t *interval_json(const sd_interval *x)
{
    return isnan(x->estimate) ? json_null()
                              : json_pack("{s:o, s:o, s:o}", "estimate", sd__json_real(x->estimate), "low",
                                          sd__json_real(x->low), "high", sd__json_real(x->high));
}

static json_t *reals_json(int64_t n, const double *x)
{
    json_t *list = json_array();
    for (int64_t i = 0; x && i < n; i++)
        json_array_append_new(list, sd__json_real(x[i]));
    return list;
}

static json_t *report_json(const sd_curvature_report *r)
{
    json_t *pairs = json_array(), *layers = json_array();
    for (int i = 0; i < r->pairs; i++)
        json_array_append_new(pairs, pair_json(&r->pair[i]));
    for (int i = 0; i < r->layers; i++)
        json_array_append_new(layers,
                              json_pack("{s:s, s:I, s:o}", "name", r->layer[i].name, "parameters",
                                        (json_int_t)r->layer[i].parameters, "largest", pair_json(&r->layer[i].largest)));
    json_t *json =
        json_pack("{s:o, s:o, s:o, s:o, s:i, s:i, s:I, s:o, s:o, s:o, s:o}", "gradient_norm", sd__json_real(r->gradient_norm),
                  "loss", sd__json_real(r->loss), "eigenpairs", pairs, "smallest", pair_json(&r->smallest), "converged",
                  r->converged, "steps", r->steps, "products", (json_int_t)r->products, "trace", interval_json(&r->trace),
                  "negative_share", interval_json(&r->negative), "band", sd__json_real(r->band), "layers", layers);
    json_object_set_new(
        json, "density",
        json_pack("{s:o, s:o}", "nodes", reals_json(r->nodes, r->node), "weights", reals_json(r->nodes, r->weight)));
    json_object_set_new(json, "spectrum", reals_json(r->parameters, r->spectrum));
    json_object_set_new(json, "index", r->index < 0 ? json_null() : json_integer(r->index));
    return json;
}

static int print_json(const sd_probe *p, const sd_curvature_options *o, const sd_curvature_report *r,
                      const sd_curvature_report *twin)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s?, s:s, s:b, s:s, s:b, s:f}", "instrument", "curvature", "matrix",
                  sd_curvature_name(o->kind), "part", p->part, "samples", (json_int_t)r->samples, "parameters",
                  (json_int_t)r->parameters, "layer", o->layer, "batch_norm", p->subject.training ? "batch" : "running",
                  "dropout", p->subject.training, "dtype", sd_dtype_name(sd_model_dtype(p->subject.model)),
                  "weight_decay_counted", false, "weight_decay", p->optimizer.weight_decay);
    json_object_set_new(json, "stability_limit", sd__json_real(stability_limit(&p->optimizer)));
    json_object_set_new(json, "run", report_json(r));
    json_object_set_new(json, "untrained", report_json(twin));
    return sd__print_json(json);
}

/* ---- the command ------------------------------------------------------------------------------------------------------- */

static int print(const sd_probe *p, const sd_curvature_options *o, const sd_curvature_report *r,
                 const sd_curvature_report *twin)
{
    if (sd__cli_has(p->cli, "--json"))
        return print_json(p, o, r, twin);
    print_subject(p, o, r);
    print_pairs(r, twin);
    print_limit(&p->optimizer, r);
    print_trace(r, twin);
    print_rest(r, twin);
    return SD_EXIT_OK;
}

static bool read_kind(const sd_cli *cli, sd_curvature_kind *kind)
{
    const char *wish = sd__cli_get(cli, "--matrix");
    for (size_t i = 0; i < SD_COUNT(kinds); i++)
        if (!strcmp(wish ? wish : "hessian", kinds[i])) {
            *kind = (sd_curvature_kind)i;
            return true;
        }
    sd__say(0, "--matrix %s: one of hessian, gauss_newton, fisher is wanted", wish);
    return false;
}

static bool read_options(const sd_cli *cli, sd_curvature_options *o)
{
    int64_t pairs, trace, density, seed;
    if (!read_kind(cli, &o->kind) || !sd__cli_int(cli, "--pairs", 1, 10000, 10, &pairs) ||
        !sd__cli_int(cli, "--trace", 6, 1000000, 30, &trace) || !sd__cli_int(cli, "--density", 2, 10000, 0, &density) ||
        !sd__cli_int(cli, "--seed", 0, INT64_MAX, 0, &seed))
        return false;
    o->layer = sd__cli_get(cli, "--layer");
    o->pairs = (int)pairs;
    o->trace = (int)trace;
    o->density = (int)density;
    o->spectrum = sd__cli_has(cli, "--spectrum");
    o->layers = sd__cli_has(cli, "--layers");
    o->seed = (uint64_t)seed;
    return true;
}

static int run(const sd_probe *p)
{
    sd_curvature_options o = {0};
    sd_curvature_report r = {0}, twin = {0};
    if (!read_options(p->cli, &o))
        return SD_EXIT_USAGE;
    sd_status status = sd_probe_curvature(&p->subject, &o, &r);
    if (status == SD_OK)
        status = sd_probe_curvature(&p->untrained, &o, &twin);
    int code = status == SD_OK ? print(p, &o, &r, &twin) : sd__say_error(status);
    sd_curvature_report_clear(&r);
    sd_curvature_report_clear(&twin);
    return code;
}

const sd_instrument sd__instrument_curvature = {"curvature", run};
