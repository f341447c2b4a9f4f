/* rows.h -- a dense tensor seen as rows of its last axis, and which rows a part takes. */
#ifndef SD_SIMD_ROWS_H
#define SD_SIMD_ROWS_H

#include "ops/kernel.h"

typedef struct sd_rows {
    int64_t columns, count;
    int64_t begin, end; /* of this part */
} sd_rows;

static inline int64_t sd__columns(const sd_tensor *t) { return t->shape.rank ? t->shape.dim[t->shape.rank - 1] : 1; }
static inline int64_t sd__row_count(const sd_tensor *t) { return sd_shape_count(t->shape) / sd__columns(t); }

/* Parts of the work on all rows, at `cost` nanoseconds an element. */
static inline int sd__row_parts(const sd_tensor *t, double cost)
{
    return sd__parts(sd__row_count(t), cost * (double)sd__columns(t));
}

static inline sd_rows sd__rows(const sd_tensor *t, double cost, int part)
{
    sd_rows r = {.columns = sd__columns(t), .count = sd__row_count(t)};
    sd__part(r.count, sd__row_parts(t, cost), part, &r.begin, &r.end);
    return r;
}

/* A prepare function for kernels of one phase, whose parts are rows of operand 0. */
#define SD_PREPARE_ROWS(name, cost)                           \
    static sd_status name(const sd_call *call, sd_work *work) \
    {                                                         \
        work->parts[0] = sd__row_parts(&call->in[0], cost);   \
        return SD_OK;                                         \
    }

#endif
