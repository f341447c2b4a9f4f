/*
 * update.h -- the loops of the optimizers over a stretch of the parameter vector, compiled once a CPU level.
 *
 * No sum is contracted and every element is computed alone, or in 16 lanes and a fixed tree, so all levels give the same bits.
 */
#ifndef SD_SIMD_UPDATE_H
#define SD_SIMD_UPDATE_H

#include "base/cpu.h"

/* The numbers of one step. What is read from the gradient is d = scale * clamp(g, -limit, limit) + decay * theta. */
typedef struct sd_update {
    double limit;  /* infinity: none */
    double scale;  /* of clipping by norm; 1: none */
    double decay;  /* coupled weight decay of this stretch */
    double shrink; /* adam: what theta is multiplied with first (decoupled decay); 1: none */
    double lr;     /* learning rate; adam: lr / (1 - beta1^t) */
    double momentum;
    double beta1, beta2, epsilon;
    double root; /* adam: sqrt(1 - beta2^t) */
    bool plain;  /* d is g: no limit, no scale, no decay */
    bool large;  /* theta does not stay in a second cache: it is fetched ahead */
} sd_update;

/* theta, g, a, b: n elements that overlap nowhere. a, b: the moments, as the rule needs them. */
typedef void sd_update_rule(size_t n, void *theta, const void *g, void *a, void *b, const sd_update *u);

/* Sum of clamp(g, -limit, limit)^2 in 16 lanes; NaN if an element is not finite. */
typedef double sd_square_sum(size_t n, const void *g, double limit);

typedef struct sd_update_loops {
    sd_update_rule *sgd, *momentum, *nesterov, *adam;
    sd_square_sum *square_sum;
} sd_update_loops;

/* [0]: f32, [1]: f64 */
extern const sd_update_loops sd__update_loops_v2[2], sd__update_loops_v3[2], sd__update_loops_v4[2];

#endif
