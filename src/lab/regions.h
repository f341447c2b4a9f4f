/* regions.h -- what the claims on linear regions share: networks of dense layers with given weights, counting, and maps of regions. */
#ifndef SD_LAB_REGIONS_H
#define SD_LAB_REGIONS_H

#include <sonde/probe.h>

#include "lab/claim.h"

enum { SD_REGION_LAYERS = 8 };

/* Hidden layers of ReLUs, and one output. */
typedef struct sd_region_net {
    int inputs, layers, width[SD_REGION_LAYERS];
} sd_region_net;

/* Number of weights and biases, layer by layer: weights [inputs, units], biases [units]. */
int sd__region_weights(const sd_region_net *net);

/* Makes the model in f64, with the given weights. */
sd_status sd__region_model(sd_context *context, const sd_region_net *net, const double *theta, sd_model **model);

/* Every weight and bias a standard normal number: hyperplanes in general position, with probability 1. */
void sd__region_draw(sd_random *random, const sd_region_net *net, double *theta);

/* A square around 0 that holds, twice over, a point of every line of a first layer of n units and every crossing: half its side. */
double sd__region_reach(int n, const double *theta);

/* Counts over the square -side..side in both inputs; the report is to be cleared. SD_EINTERNAL if the cells do not fill it. */
sd_status sd__region_count(sd_context *context, const sd_region_net *net, const double *theta, const double window[4],
                           sd_regions_report *report);

/* What a window shows. */
typedef struct sd_region_view {
    int64_t patterns, regions; /* of activation; affine ones */
    double smallest;           /* area of the smallest cell: a count that rounding made would hang on slivers */
} sd_region_view;

/* Counts them, and draws the map as a figure if there is a caption. errors those of sd__region_count() */
sd_status sd__region_look(sd_lab *lab, const sd_region_net *net, const double *theta, const double window[4],
                          const char *caption, sd_region_view *view);

/*
 * Hill climbing for regions in a window: from theta, which receives the result, `steps` random changes of a quarter of the weights, by sizes
 * from 1 down to 1/100; those that do not lose regions are kept. first, best: regions at the start and in the end.
 */
sd_status sd__region_climb(sd_lab *lab, const sd_region_net *net, const double window[4], int steps, sd_random *random,
                           double *theta, int64_t *first, int64_t *best);

/* sum_{j<=d} C(n,j): the cells into which n hyperplanes in general position cut d dimensions (Zaslavsky 1975). */
double sd__zaslavsky(int n, int d);

/* A map of the regions as a figure. */
void sd__lab_regions(sd_lab *lab, const char *caption, const sd_regions_report *report);

#endif
