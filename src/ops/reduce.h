/* reduce.h -- what sum and maximum over axes have in common. */
#ifndef SD_OPS_REDUCE_H
#define SD_OPS_REDUCE_H

#include "ops/op.h"

/* The attribute of sum and reduce_max. axes has no bits beyond the operand's rank. */
typedef struct sd_reduce_attr {
    uint32_t axes, keep;
} sd_reduce_attr;

/* A reduction as three nested loops over `x`, whose axes are reordered: kept axes, then outer reduced axes, then the run. */
typedef struct sd_reduction {
    sd_tensor x;
    int64_t kept, terms, run; /* elements of the result, terms of each, elements of each term (1 if the last axis is kept) */
    bool dense;               /* the elements of a run follow each other in memory */
    int head;                 /* axes in front of the run */
} sd_reduction;

sd_reduction sd__reduction(const sd_tensor *x, uint32_t axes);

sd_status sd__infer_reduce(sd_infer *c);
double sd__flops_reduce(const sd_type *in, const sd_type *out, const void *attr);
void sd__print_reduce(const void *attr, sd_string *text);

/* Appends reduction `op` of x; x itself where there is nothing to reduce. */
sd_node sd__append_reduce(const sd_op *op, sd_node x, uint32_t axes, bool keep);

/* The shape of x with the axes of the set at size 1. */
sd_shape sd__shape_kept(sd_shape shape, uint32_t axes);

/* The example of sum and reduce_max. */
sd_node sd__example_reduce(sd_example *e);

#endif
