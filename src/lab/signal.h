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
} sd_signal_spec;

/* Index 0 is the input, index l the output of layer l. Root mean squares; gradients of <last layer, v> for standard normal v. */
typedef struct sd_signal {
    double theory_size[SD_SIGNAL_LAYERS + 1], theory_gradient[SD_SIGNAL_LAYERS + 1];
    double theory_saturated[SD_SIGNAL_LAYERS + 1]; /* of tanh */
    sd_interval size[SD_SIGNAL_LAYERS + 1], gradient[SD_SIGNAL_LAYERS + 1];
    sd_interval saturated[SD_SIGNAL_LAYERS + 1]; /* share of units beyond 0.99 in size */
} sd_signal;

/* Means over `networks` networks, with intervals that hold together for every layer and the three quantities. */
sd_status sd__signal_measure(sd_lab *lab, const sd_signal_spec *spec, int networks, sd_signal *signal);

/* Is every layer's size that of the recursion, which is the limit of infinite width? sd__rule_within() 15 %, for all layers together.
 * Records them. */
sd_verdict sd__signal_follows(sd_lab *lab, const char *part, const sd_signal *signal, const char *name);

/* Two series, theory as line and measurement as points: sizes, or gradients. */
void sd__signal_draw(sd_lab *lab, const sd_signal *signal, bool gradients, const char *name);

#endif
