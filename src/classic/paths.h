/* paths.h -- a bias-free ReLU network as a sum over its paths from an input to the output, path by path. */
#ifndef SD_CLASSIC_PATHS_H
#define SD_CLASSIC_PATHS_H

#include "base/base.h"

enum { SD_PATH_LAYERS = 8 };

/*
 * Layers of units; unit j of layer l+1 is relu(sum_i w[l][i * width[l+1] + j] h_i); the last layer is linear. Where
 * pool[l] > 1, layer l is followed by max pooling over groups of so many neighbours, which must divide width[l]; the
 * next layer reads the maxima.
 */
typedef struct sd_path_net {
    int layers;                      /* of weights */
    int width[SD_PATH_LAYERS + 1];   /* units of each layer, inputs first */
    int pool[SD_PATH_LAYERS + 1];    /* 0 or 1: none */
    const double *w[SD_PATH_LAYERS]; /* [width[l] / pool[l], width[l+1]] */
} sd_path_net;

/* Units that layer l+1 reads: width[l] / pool[l]. */
int sd__path_inputs(const sd_path_net *net, int layer);

/*
 * Forward pass in the order of the formula. open[l] [width[l]] receives whether unit j of layer l lets paths through: its ReLU
 * is on, and it wins its pool (the first of equals); inputs are always open. Returns output 0. room: 2 * the largest width.
 */
double sd__path_forward(const sd_path_net *net, const double *x, bool **open, double *room);

/* sum over paths of (all units open) * product of weights * input, for output 0; counts the paths, and sums their sizes. */
double sd__path_sum(const sd_path_net *net, const double *x, bool *const *open, double *paths, double *size);

#endif
