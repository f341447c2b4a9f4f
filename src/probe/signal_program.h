/*
 * signal_program.h -- the program behind the instrument *signal*: what it sums up in every layer, over the samples of a batch.
 */
#ifndef SD_PROBE_SIGNAL_PROGRAM_H
#define SD_PROBE_SIGNAL_PROGRAM_H

#include <sonde/probe.h>

#include "probe/anatomy.h"

/* Sums over samples and elements, in f64. The loss is the *sum* of the samples' losses, so that batches of all sizes add up. */
typedef enum sd_signal_sum {
    SD_SUM_VALUE,    /* the output */
    SD_SUM_SQUARE,   /* its square */
    SD_SUM_GRADIENT, /* the squared gradient of the loss in the output */
    SD_SUM_BACK,     /* the squared gradient that goes on through this layer to its input */
    SD_SUM_FLAT,     /* 1 where an activation is saturated */
    SD_SUM_INPUT,    /* the squared input; convolution: of all that lies in a window, one after the other */
    SD_SUM_FAN,      /* linear maps: the squared gradient in the output, times the inputs that this output reads */
    SD_SIGNAL_SUMS
} sd_signal_sum;

/* What the program measures at one layer, and what the sums are divided by. */
typedef struct sd_signal_site {
    const char *name, *kind;
    bool computes;             /* not only passes on or rearranges */
    int place[SD_SIGNAL_SUMS]; /* in the slot "sums"; -1: not summed */
    int change, changes;       /* first place of `changes` pairs: squared difference from an input, squared input */
    int64_t elements, inputs;  /* of output and input, for one sample */
    int64_t first_unit, units; /* in the slots "highest", "lowest", "awake" */
    int64_t windows;           /* linear maps: windows of one sample, those of each group by themselves; dense: 1 */
    int weight;                /* slice; -1: no linear map */
    double leak;               /* slope below 0 of a leaky ReLU */
} sd_signal_site;

typedef struct sd_signal_program {
    sd_plan *plan;
    sd_workspace *workspace;
    sd_signal_site *site;   /* [layers + 1]: the last is the input */
    int layers, sums, loss; /* loss: the place of the sum of the losses */
    int64_t units;
    int *owner; /* [slices of theta] the layer that a slice belongs to, or -1 */
    bool has_loss;
    sd_arena arena; /* the names */
} sd_signal_program;

/*
 * Slots: those of the model; "sums" f64 [sums]; "highest" and "lowest" [units] of the model's type, of every unit its largest
 * value and its largest negative one; "awake" f64 [units], of activations: 1 where a unit has an element that is not saturated;
 * "grad", theta's layout. brief: neither changes nor what the mean field needs. To be freed, also after an error.
 */
sd_status sd__signal_program(sd_model *model, sd_mode mode, int64_t batch, bool brief, sd_signal_program *program);
void sd__signal_program_free(sd_signal_program *program);

/* ---- the mean field ------------------------------------------------------------------------------------------------------ */

/* The largest slope of an activation of this kind; NaN: unknown, or not an activation. */
double sd__steepest(const char *kind);

/* E f(x)^2 and E f'(x)^2 for x ~ N(0, q) and the activation f of this kind; NaN where the kind is unknown. */
void sd__activation_squares(const char *kind, double leak, double q, double *square, double *slope);

#endif
