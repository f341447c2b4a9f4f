/* norm.h -- what the normalising ops share. All of them have one attribute: double epsilon. */
#ifndef SD_OPS_NORM_H
#define SD_OPS_NORM_H

#include "ops/op.h"

/* All operands real and of one type, operand 0 (x) with `lowest` axes at least, epsilon finite and not negative. */
sd_status sd__check_norm(sd_infer *c, int lowest);

/* Operand i is [C], C the last size of x. */
sd_status sd__check_per_channel(sd_infer *c, int i, const char *name);

void sd__print_epsilon(const void *attr, sd_string *text);

/* Shapes and an epsilon for examples: at least four numbers to normalise, so that their variance is not close to 0. */
sd_shape sd__example_norm(sd_example *e, int lowest, bool last_axis, double *epsilon);

/* A variance: an input in [0.5,2]. */
sd_node sd__example_variance(sd_example *e, sd_shape shape);

/* (x - mean) / sqrt(variance + epsilon); mean and variance broadcast to x. */
sd_node sd__normalised(sd_node x, sd_node mean, sd_node variance, double epsilon);

#endif
