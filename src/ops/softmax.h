/* softmax.h -- what softmax shares with the losses made from it. */
#ifndef SD_OPS_SOFTMAX_H
#define SD_OPS_SOFTMAX_H

#include <sonde/graph.h>

/* x minus the maximum of its row (last axis), which counts as a constant. */
sd_node sd__shifted_by_max(sd_node x);

/* Sum along the last axis. */
sd_node sd__sum_last(sd_node x, bool keep);

/* The cotangent of x, from y = softmax(x) and dy. */
sd_node sd__softmax_grad(sd_node y, sd_node dy);

#endif
