/* norm.h -- what the normalising ops share. All of them but conv2d_norm have one attribute: double epsilon. */
#ifndef SD_OPS_NORM_H
#define SD_OPS_NORM_H

#include "ops/op.h"

/* All operands real and of one type, operand 0 (x) with `lowest` axes at least, epsilon finite and not negative. */
sd_status sd__check_norm(sd_infer *c, int lowest);
sd_status sd__check_epsilon(sd_infer *c, double epsilon);

/* Operands 1..n are [C], C the last size of x; name[i] is what messages call operand i + 1. */
sd_status sd__check_per_channel(sd_infer *c, int n, const char *const *name);

/* Three results, as forward ops and derivatives have them: one like x, two of another shape. */
void sd__norm_results(sd_infer *c, sd_shape other);

/* Shape rule of batch_norm and batch_norm_relu: x, scale [C], offset [C] -> like x, mean [C], variance [C]. */
sd_status sd__infer_batch_norm(sd_infer *c);

void sd__print_epsilon(const void *attr, sd_string *text);

/* The derivative through result 0, by the op `grad` of x, scale, mean, variance and dy. */
void sd__norm_vjp(sd_vjp_rule *r, const sd_op *grad);

/* term, added to what is known of dx already. */
void sd__norm_add(sd_vjp_rule *r, sd_node term);

/* Shapes and an epsilon for examples: at least four numbers to normalise, so that their variance is not close to 0. */
typedef struct sd_norm_example {
    sd_shape shape, channels; /* [...,C], [C] */
    double epsilon;
} sd_norm_example;

sd_norm_example sd__example_norm(sd_example *e, int lowest, bool last_axis);
double sd__example_epsilon(sd_example *e);

/* A variance: an input in [0.5,2]. */
sd_node sd__example_variance(sd_example *e, sd_shape shape);

/* 50 or -50 by channel: an offset so large against what is normalised that no result lies near the kink of a ReLU. */
sd_node sd__example_far_offset(sd_example *e, sd_shape channels);

/* (x - mean) / sqrt(variance + epsilon); mean and variance broadcast to x. */
sd_node sd__normalised(sd_node x, sd_node mean, sd_node variance, double epsilon);

#endif
