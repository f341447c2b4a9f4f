/* paths.c -- the path formula of ReLU and max-pooling networks, by walking every path. */
#include "classic/paths.h"

#include <math.h>
#include <string.h>

int sd__path_inputs(const sd_path_net *net, int layer) { return net->width[layer] / SD_MAX(net->pool[layer], 1); }

/* The maxima of groups, in place; opens only the winners. */
static void pool(const sd_path_net *net, int layer, double *h, bool *open)
{
    int group = SD_MAX(net->pool[layer], 1);
    for (int g = 0; group > 1 && g < net->width[layer] / group; g++) {
        int best = g * group;
        for (int j = best; j < (g + 1) * group; j++)
            if (h[j] > h[best])
                best = j;
        for (int j = g * group; j < (g + 1) * group; j++)
            open[j] = open[j] && j == best;
        h[g] = h[best]; /* g <= best: nothing still to be read is overwritten */
    }
}

double sd__path_forward(const sd_path_net *net, const double *x, bool **open, double *room)
{
    int widest = 0;
    for (int l = 0; l <= net->layers; l++)
        widest = SD_MAX(widest, net->width[l]);
    double *h = room, *next = room + widest;
    memcpy(h, x, (size_t)net->width[0] * sizeof *h);
    for (int j = 0; j < net->width[0]; j++)
        open[0][j] = true;
    pool(net, 0, h, open[0]);
    for (int l = 0; l < net->layers; l++) {
        for (int j = 0; j < net->width[l + 1]; j++) {
            next[j] = 0;
            for (int i = 0; i < sd__path_inputs(net, l); i++)
                next[j] += h[i] * net->w[l][i * net->width[l + 1] + j];
            open[l + 1][j] = l + 1 == net->layers || next[j] > 0;
            next[j] = open[l + 1][j] ? next[j] : 0;
        }
        double *kept = h;
        h = next;
        next = kept;
        pool(net, l + 1, h, open[l + 1]);
    }
    return h[0];
}

typedef struct walk {
    const sd_path_net *net;
    const double *x;
    bool *const *open;
    double sum, paths, size;
} walk;

/* All paths that go on from unit j of a layer back to the inputs, the weights so far multiplied to `product`. */
static void step(walk *w, int layer, int j, double product, bool open)
{
    open = open && w->open[layer][j];
    if (layer == 0) {
        w->paths++;
        w->size += fabs(product * w->x[j]);
        w->sum += open ? product * w->x[j] : 0;
        return;
    }
    int group = SD_MAX(w->net->pool[layer - 1], 1);
    for (int i = 0; i < w->net->width[layer - 1]; i++) /* every member of a group reads the weight of its group */
        step(w, layer - 1, i, product * w->net->w[layer - 1][i / group * w->net->width[layer] + j], open);
}

double sd__path_sum(const sd_path_net *net, const double *x, bool *const *open, double *paths, double *size)
{
    walk w = {.net = net, .x = x, .open = open};
    step(&w, net->layers, 0, 1, true);
    *paths = w.paths;
    *size = w.size;
    return w.sum;
}
