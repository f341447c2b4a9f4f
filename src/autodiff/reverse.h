/* reverse.h -- the reverse sweep, shared by sd_grad() and by the expansion of composites without a rule. */
#ifndef SD_AUTODIFF_REVERSE_H
#define SD_AUTODIFF_REVERSE_H

#include "graph/graph.h"

/*
 * Appends the vector-Jacobian products of m values y with cotangents dy (poisoned: zero) in n values wrt; grad[i] stays
 * poisoned where it is zero. Only nodes from `first` on are differentiated: earlier ones count as given.
 */
void sd__reverse(sd_graph *graph, uint32_t first, int m, const sd_node *y, const sd_node *dy, int n, const sd_node *wrt,
                 sd_node *grad);

#endif
