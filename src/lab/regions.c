/* regions.c -- networks of dense layers with given weights, counting their regions, and maps of them. */
#include "lab/regions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sd_built build(sd_builder *b, void *user)
{
    const sd_region_net *net = user;
    sd_node h = b->input;
    for (int l = 0; l < net->layers; l++)
        h = sd_layer_activation(b, sd_layer_dense(b, h, (sd_dense_spec){.units = net->width[l]}), SD_RELU, 0, NULL);
    return (sd_built){.output = sd_layer_dense(b, h, (sd_dense_spec){.units = 1})};
}

int sd__region_weights(const sd_region_net *net)
{
    int count = 0, in = net->inputs;
    for (int l = 0; l < net->layers; l++) {
        count += (in + 1) * net->width[l];
        in = net->width[l];
    }
    return count + in + 1;
}

sd_status sd__region_model(sd_context *context, const sd_region_net *net, const double *theta, sd_model **model)
{
    int64_t inputs = net->inputs;
    sd_model_spec spec = {.build = build, .user = (void *)(uintptr_t)net, .input = sd_shape_make(1, &inputs), .dtype = SD_F64};
    SD_TRY(sd_model_new(context, &spec, model));
    memcpy(sd_model_theta(*model), theta, (size_t)sd__region_weights(net) * sizeof *theta);
    return SD_OK;
}

void sd__region_draw(sd_random *random, const sd_region_net *net, double *theta)
{
    for (int i = 0; i < sd__region_weights(net); i++)
        theta[i] = sd__random_normal(random);
}

double sd__region_reach(int n, const double *theta)
{
    const double *u = theta, *v = theta + n, *b = theta + 2 * n;
    double most = 0;
    for (int i = 0; i < n; i++) {
        most = fmax(most, fabs(b[i]) / hypot(u[i], v[i]));
        for (int j = 0; j < i; j++) {
            double det = u[i] * v[j] - u[j] * v[i];
            most = fmax(most, fabs((b[j] * v[i] - b[i] * v[j]) / det));
            most = fmax(most, fabs((b[i] * u[j] - b[j] * u[i]) / det));
        }
    }
    return 2 * most;
}

sd_status sd__region_count(sd_context *context, const sd_region_net *net, const double *theta, const double window[4],
                           sd_regions_report *report)
{
    sd_model *model;
    sd_regions_options options = {.segments = -1, .slice = true};
    memcpy(options.window, window, sizeof options.window);
    SD_TRY(sd__region_model(context, net, theta, &model));
    sd_status status = sd_probe_regions(&(sd_subject){.model = model}, &options, report);
    sd_model_free(model);
    SD_TRY(status);
    if (fabs(report->covered - 1) < 1e-9)
        return SD_OK;
    sd_regions_report_clear(report);
    return sd__fail(SD_EINTERNAL, "the cells of a slice do not fill its window");
}

double sd__zaslavsky(int n, int d)
{
    double sum = 0, choose = 1;
    for (int j = 0; j <= d && j <= n; j++) {
        sum += choose;
        choose = choose * (n - j) / (j + 1);
    }
    return sum;
}

static void draw_polygon(sd_lab *lab, const sd_polygon *p)
{
    for (int i = 0; i < p->corners; i++)
        sd__lab_point(lab, p->corner[2 * i], p->corner[2 * i + 1]);
    sd__lab_point(lab, NAN, NAN);
}

void sd__lab_regions(sd_lab *lab, const char *caption, const sd_regions_report *report)
{
    sd__lab_figure(lab, caption, "first input", "second input", false, false);
    for (int colour = 0; colour < 6; colour++) {
        char name[32];
        snprintf(name, sizeof name, "regions in colour %d", colour + 1);
        sd__lab_series(lab, name, SD_SERIES_AREAS);
        for (int64_t p = 0; p < report->polygons; p++)
            if (report->polygon[p].colour == colour)
                draw_polygon(lab, &report->polygon[p]);
    }
}

static double area_of(const sd_polygon *p)
{
    double area = 0;
    for (int i = 0; i < p->corners; i++) {
        const double *a = p->corner + 2 * i, *b = p->corner + (i + 1) % p->corners * 2;
        area += (a[0] * b[1] - b[0] * a[1]) / 2;
    }
    return fabs(area);
}

sd_status sd__region_look(sd_lab *lab, const sd_region_net *net, const double *theta, const double window[4],
                          const char *caption, sd_region_view *view)
{
    sd_regions_report r;
    SD_TRY(sd__region_count(sd__lab_context(lab), net, theta, window, &r));
    *view = (sd_region_view){r.slice_patterns, r.slice_regions, INFINITY};
    for (int64_t p = 0; p < r.polygons; p++)
        view->smallest = fmin(view->smallest, area_of(&r.polygon[p]));
    if (caption)
        sd__lab_regions(lab, caption, &r);
    sd_regions_report_clear(&r);
    return SD_OK;
}

static sd_status climb(sd_lab *lab, const sd_region_net *net, const double window[4], int steps, sd_random *random,
                       double *theta, double *tried, int64_t *best)
{
    sd_region_view view;
    int weights = sd__region_weights(net);
    for (int s = 0; s < steps; s++) {
        double size = pow(10, -2 * sd__random_uniform(random));
        for (int i = 0; i < weights; i++)
            tried[i] = theta[i] + (sd__random_below(random, 4) ? 0 : size * sd__random_normal(random));
        SD_TRY(sd__region_look(lab, net, tried, window, NULL, &view));
        if (view.regions < *best)
            continue;
        *best = view.regions;
        memcpy(theta, tried, (size_t)weights * sizeof *theta);
    }
    return SD_OK;
}

sd_status sd__region_climb(sd_lab *lab, const sd_region_net *net, const double window[4], int steps, sd_random *random,
                           double *theta, int64_t *first, int64_t *best)
{
    sd_region_view view;
    SD_TRY(sd__region_look(lab, net, theta, window, NULL, &view));
    *first = *best = view.regions;
    double *tried = sd__alloc((size_t)sd__region_weights(net), sizeof *tried);
    if (!tried)
        return sd__fail(SD_ENOMEM, "no memory for %d weights", sd__region_weights(net));
    sd_status status = climb(lab, net, window, steps, random, theta, tried, best);
    free(tried);
    return status;
}
