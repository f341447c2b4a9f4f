/* regions.c -- networks of dense layers with given weights, counting their regions, and maps of them. */
#include "lab/regions.h"

#include <math.h>
#include <stdio.h>
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
