/* shapes.c -- general shapes seen as simple ones. */
#include "kernels/simd/shapes.h"

#include <sonde/ops.h>

bool sd__reduced_shape(sd_shape shape, uint32_t axes, sd_reduced *r)
{
    *r = (sd_reduced){1, 1, 1};
    enum { OUTER, TERMS, WIDTH } at = OUTER;
    for (int i = 0; i < shape.rank; i++) {
        bool reduced = axes & SD_AXIS(i);
        if (shape.dim[i] == 1)
            continue;
        if (reduced && at == WIDTH)
            return false;
        if (reduced) {
            at = TERMS;
            r->terms *= shape.dim[i];
        } else if (at == OUTER) {
            r->outer *= shape.dim[i];
        } else {
            at = WIDTH;
            r->width *= shape.dim[i];
        }
    }
    return true;
}

sd_strided sd__strided(const sd_tensor *t)
{
    sd_strided s = {.rank = 0};
    for (int i = 0; i < t->shape.rank; i++) {
        if (t->shape.dim[i] == 1)
            continue;
        int last = s.rank - 1;
        if (last >= 0 && s.stride[last] == t->stride[i] * t->shape.dim[i]) {
            s.dim[last] *= t->shape.dim[i];
            s.stride[last] = t->stride[i];
        } else {
            s.dim[s.rank] = t->shape.dim[i];
            s.stride[s.rank++] = t->stride[i];
        }
    }
    return s;
}

sd_along sd__along(sd_shape shape, int64_t axis)
{
    sd_along a = {1, shape.dim[axis], 1};
    for (int i = 0; i < shape.rank; i++) {
        if (i < axis)
            a.outer *= shape.dim[i];
        else if (i > axis)
            a.inner *= shape.dim[i];
    }
    return a;
}
