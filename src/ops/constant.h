/* constant.h -- recognising numbers that are known while a graph is compiled. */
#ifndef SD_OPS_CONSTANT_H
#define SD_OPS_CONSTANT_H

#include "graph/op.h"

/* The number in every element of a constant, seen through views; NULL for any other value. */
const double *sd__fill_value(sd_node value);

#endif
