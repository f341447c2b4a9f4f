/*
 * cluster.h -- a fused cluster: a short list of elementwise ops that is run tile by tile, so that values between them stay
 * in the L1 cache. Made by the fuse pass, run by the fused provider. A lone elementwise node is a cluster of one.
 */
#ifndef SD_OPS_CLUSTER_H
#define SD_OPS_CLUSTER_H

#include "graph/op.h"

#define SD_CLUSTER_STEPS 24
#define SD_CLUSTER_IN SD_MAX_IN

/* Operand numbers: 0..n_in-1 are the cluster's operands, n_in + k the result of step k. */
typedef struct sd_cluster_step {
    const sd_op *op;
    const void *attr; /* points into the graph that was compiled; copied with the plan */
    sd_dtype dtype;   /* of its operand 0, which picks the tile */
    sd_dtype result;  /* of its result */
    int64_t n_in;
    int64_t in[3];
} sd_cluster_step;

typedef struct sd_cluster {
    int64_t n_in, n_steps, n_out;
    int64_t out[SD_MAX_OUT]; /* which steps are results of the cluster */
    sd_cluster_step step[SD_CLUSTER_STEPS];
} sd_cluster;

extern const sd_op sd__op_cluster; /* attr: sd_cluster */

#endif
