/* shapes.h -- the simple shapes behind general calls: what a kernel here takes, and how it sees the operands. */
#ifndef SD_SIMD_SHAPES_H
#define SD_SIMD_SHAPES_H

#include "ops/kernel.h"

/* A reduction of a dense tensor over neighbouring axes: x is [outer, terms, width], y [outer, width]. */
typedef struct sd_reduced {
    int64_t outer, terms, width;
} sd_reduced;

/* False if the reduced axes are not neighbours (axes of size 1 do not matter). */
bool sd__reduced_shape(sd_shape shape, uint32_t axes, sd_reduced *r);

/* A copy to dense memory: axes of more than one element, neighbours merged where they are one axis in memory. */
typedef struct sd_strided {
    int rank;
    int64_t dim[SD_MAX_RANK], stride[SD_MAX_RANK];
} sd_strided;
sd_strided sd__strided(const sd_tensor *t);

/* A dense tensor seen along one axis: [outer, size, inner]. */
typedef struct sd_along {
    int64_t outer, size, inner;
} sd_along;
sd_along sd__along(sd_shape shape, int64_t axis);

#endif
