/*
 * surface.h -- functions of two variables whose derivatives are written down, on which methods of descent can be followed step by step.
 */
#ifndef SD_LAB_SURFACE_H
#define SD_LAB_SURFACE_H

#include "lab/claim.h"
#include "probe/newton.h"

typedef struct sd_surface {
    double (*value)(const double z[2]);
    void (*derivatives)(const double z[2], double gradient[2], double hessian[4]);
} sd_surface;

/* x^2 - y^2. */
extern const sd_surface sd__surface_saddle;

/* x^3 - 3 x y^2 = Re z^3: three valleys, and between them three ridges that rise along the angles 0 and +-120 degrees. */
extern const sd_surface sd__surface_monkey;

/* One step without damping; z moves. errors those of sd__bends_of() */
sd_status sd__surface_step(const sd_surface *surface, sd_newton_kind kind, double z[2]);

/* A series of points: n starts, and where such steps from each of them lead; `points` of each path. */
sd_status sd__surface_draw(sd_lab *lab, const char *name, const sd_surface *surface, sd_newton_kind kind, int n,
                           const double (*start)[2], int points);

#endif
