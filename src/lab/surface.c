/* surface.c -- the saddle and the monkey saddle, and Newton's steps on them. */
#include "lab/surface.h"

#include <string.h>

static double saddle_value(const double z[2]) { return z[0] * z[0] - z[1] * z[1]; }

static void saddle(const double z[2], double g[2], double h[4])
{
    memcpy(g, (double[]){2 * z[0], -2 * z[1]}, 2 * sizeof *g);
    memcpy(h, (double[]){2, 0, 0, -2}, 4 * sizeof *h);
}

static double monkey_value(const double z[2]) { return z[0] * z[0] * z[0] - 3 * z[0] * z[1] * z[1]; }

static void monkey(const double z[2], double g[2], double h[4])
{
    memcpy(g, (double[]){3 * z[0] * z[0] - 3 * z[1] * z[1], -6 * z[0] * z[1]}, 2 * sizeof *g);
    memcpy(h, (double[]){6 * z[0], -6 * z[1], -6 * z[1], -6 * z[0]}, 4 * sizeof *h);
}

const sd_surface sd__surface_saddle = {saddle_value, saddle};
const sd_surface sd__surface_monkey = {monkey_value, monkey};

sd_status sd__surface_step(const sd_surface *surface, sd_newton_kind kind, double z[2])
{
    double g[2], h[4], move[2];
    sd_bends bends;
    surface->derivatives(z, g, h);
    SD_TRY(sd__bends_of(2, h, g, &bends));
    sd__newton_step(kind, &bends, 0, move);
    sd__bends_free(&bends);
    z[0] += move[0];
    z[1] += move[1];
    return SD_OK;
}

sd_status sd__surface_draw(sd_lab *lab, const char *name, const sd_surface *surface, sd_newton_kind kind, int n,
                           const double (*start)[2], int points)
{
    sd__lab_series(lab, name, SD_SERIES_POINTS);
    for (int i = 0; i < n; i++) {
        double z[2] = {start[i][0], start[i][1]};
        for (int t = 0; t < points; t++) {
            sd__lab_point(lab, z[0], z[1]);
            SD_TRY(sd__surface_step(surface, kind, z));
        }
    }
    return SD_OK;
}
