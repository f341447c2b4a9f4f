/* signal.h -- how large activations and gradients are in every layer of a wide random network: measured, beside the mean field. */
#ifndef SD_LAB_SIGNAL_H
#define SD_LAB_SIGNAL_H

#include <sonde/ops.h>

#include "classic/mean_field.h"
#include "lab/claim.h"

enum { SD_SIGNAL_LAYERS = 10, SD_SIGNAL_WIDTH = 500, SD_SIGNAL_BATCH = 64 };

/* Ten layers of 500 units without biases, standard normal inputs, weights N(0, deviation^2). */
typedef struct sd_signal_spec {
    const char *name; /* names its random streams */
    double deviation;
    sd_node (*apply)(sd_node x);
    const sd_phi *phi; /* the same function, for the recursion */
    int kinds;         /* of networks that the claim measures: intervals hold together for all of them */
} sd_signal_spec;

/* Index 0 is the input, index l the output of layer l. Root mean squares; gradients of <last layer, v> for standard normal v. */
typedef struct sd_signal {
    double theory_size[SD_SIGNAL_LAYERS + 1], theory_gradient[SD_SIGNAL_LAYERS + 1];
    double theory_saturated[SD_SIGNAL_LAYERS + 1]; /* of tanh */
    sd_interval size[SD_SIGNAL_LAYERS + 1], gradient[SD_SIGNAL_LAYERS + 1];
    sd_interval saturated[SD_SIGNAL_LAYERS + 1]; /* share of units beyond 0.99 in size */

    /*
     * One step of the recursion, from layer l - 1 as it is in this network, to the layer l that was measured. Given layer l - 1, the mean
     * squares over the batch X_i of the units i of layer l are independent with expectation p = 1/B sum over samples b of F(q_b), where q_b is
     * the mean square of sample b in layer l - 1 and F is the recursion: exactly so, at every width. So their mean over N units, q_l, is
     * p up to a sampling error of s / sqrt(N), where s is the deviation of the X_i; and the mean of q_l / p over networks is 1 up to
     * 1/networks sqrt(sum of s^2 / (N p^2)).
     */
    sd_interval step[SD_SIGNAL_LAYERS +
                     1]; /* size measured / size predicted: the root of that mean; its interval is the sampling error */
    sd_interval
        scatter; /* root mean square of (q_l / p - 1) / (s / (sqrt(N) p)) over layers and networks: 1 if that is the sampling error */
} sd_signal;

/* Means over `networks` networks, with intervals that hold together for every layer and quantity. */
sd_status sd__signal_measure(sd_lab *lab, const sd_signal_spec *spec, int networks, sd_signal *signal);

/* Is every layer's size that of the recursion, which is the limit of infinite width? sd__rule_within() 15 %, for all layers together.
 * Records them. */
sd_verdict sd__signal_follows(sd_lab *lab, const char *part, const sd_signal *signal, const char *name);

/* The derivation of sd_signal.step, and the part of a claim that sd__signal_steps() judges, for the pages. */
#define SD_SIGNAL_THEORY                                                                                                       \
    " At finite width the recursion holds exactly for one step, from layer l−1 as it was measured: given that layer, the "   \
    "units of "                                                                                                                \
    "layer l are independent, and the mean square of each over the batch has the expectation (1/B) Σ_b F(q_b), where q_b is " \
    "the mean "                                                                                                                \
    "square of sample b in layer l−1 and F the recursion. So their mean over 500 units differs from it by a sampling error " \
    "of s/√500, s "                                                                                                          \
    "the deviation between units; over R networks by 1/√R of that."
#define SD_SIGNAL_PART(letter)                                                                                              \
    {                                                                                                                       \
        letter, "Every layer's deviation is that of the recursion from the layer before, within sampling error.",           \
            "Simultaneous 95 % intervals of measured/predicted, whose width is the derived sampling error: refuted if one " \
            "excludes 1, "                                                                                                  \
            "confirmed if all stay within 5 % of it and the residuals scatter as derived (to a factor of 1.5).",            \
            SD_CONFIRMED                                                                                                    \
    }

/*
 * Is every layer's size that of one step of the recursion, within sampling error, and is the sampling error the derived one? Records the
 * ratios and the scatter.
 */
sd_verdict sd__signal_steps(sd_lab *lab, const char *part, const sd_signal *signal, const char *name);

/* Judges that part: `verdict` is that of all kinds of networks, the sentence speaks of one. */
void sd__signal_judge_steps(sd_lab *lab, const char *part, sd_verdict verdict, const sd_signal *signal);

/* A figure of n kinds of networks: size measured over size predicted, layer by layer. */
void sd__signal_draw_steps(sd_lab *lab, int n, const sd_signal *const *signal, const char *const *name);

/* Two series, theory as line and measurement as points: sizes, or gradients. */
void sd__signal_draw(sd_lab *lab, const sd_signal *signal, bool gradients, const char *name);

#endif
