/*
 * attribution_program.h -- the two programs behind the instrument *attribution*: a path from baseline to sample, and Grad-CAM.
 */
#ifndef SD_PROBE_ATTRIBUTION_PROGRAM_H
#define SD_PROBE_ATTRIBUTION_PROGRAM_H

#include <sonde/probe.h>

#include "probe/anatomy.h"

/* Weights to look at. */
typedef struct sd_weights {
    const void *theta, *state;
} sd_weights;

/* What is explained: sum of pick[c] times output c. */
typedef struct sd_explained {
    int output;
    double sign;
} sd_explained;

/* ---- integrated gradients ------------------------------------------------------------------------------------------------ */

typedef struct sd_path {
    sd_model *model;
    sd_plan *plan;
    sd_workspace *workspace;
    int steps;
    int64_t inputs, outputs;
    double *node;         /* [steps] of the rule on [0,1] */
    void *weight;         /* [steps + 2] of the rule, and 0 for the two ends */
    void *x, *pick;       /* [steps + 2, inputs] the path, then sample and baseline; [outputs] */
    double *mean, *value; /* [inputs] mean gradient along the path; [steps + 2] what is explained */
    int32_t *ids;
} sd_path;

/* To be freed, also after an error. */
sd_status sd__path_open(sd_model *model, int steps, sd_path *path);
void sd__path_free(sd_path *path);

/*
 * attribution [inputs] of the sample x against the baseline, both [inputs]; ends[0], ends[1]: what is explained
 * at x and at the baseline.
 */
sd_status sd__path_run(sd_path *path, const sd_weights *weights, const sd_explained *what, const double *x,
                       const double *baseline, double *attribution, double ends[2]);

/* ---- Grad-CAM ------------------------------------------------------------------------------------------------------------ */

typedef struct sd_cam {
    sd_model *model;
    sd_plan *plan;
    sd_workspace *workspace;
    int batch;
    int64_t outputs;
    char *layer; /* NULL: there is none with places */
    int rows, columns;
} sd_cam;

/* layer: NULL: the last with places. Finding none is no error: cam->layer is NULL then. To be freed, also after an error. */
sd_status sd__cam_open(sd_model *model, int batch, const char *layer, sd_cam *cam);
void sd__cam_free(sd_cam *cam);

/* map [batch, rows, columns] of samples x [batch, inputs] of the model's type; what [batch]. */
sd_status sd__cam_run(sd_cam *cam, const sd_weights *weights, const sd_explained *what, const void *x, double *map);

#endif
