/* example.c -- what the .example functions of ops draw shapes and inputs with. */
#include "ops/op.h"

#include <stdio.h>

static sd_shape reversed(sd_shape shape)
{
    sd_shape result = {.rank = shape.rank};
    for (int i = 0; i < shape.rank; i++)
        result.dim[i] = shape.dim[shape.rank - 1 - i];
    return result;
}

sd_node sd__example_input(sd_example *e, sd_dtype dtype, sd_shape shape, double lo, double hi)
{
    if (e->n_inputs == SD_MAX_IN)
        return sd_graph_fail(e->graph, SD_EINTERNAL, "an example has more than %d inputs", SD_MAX_IN);
    char name[16];
    snprintf(name, sizeof name, "x%d", e->n_inputs);
    sd_shape stored = e->memory == SD_EXAMPLE_STRIDED ? reversed(shape) : shape;
    sd_node node = sd_input(e->graph, name, dtype, stored);
    e->input[e->n_inputs].node = node;
    e->input[e->n_inputs].lo = lo;
    e->input[e->n_inputs].hi = hi;
    e->n_inputs++;
    if (e->memory == SD_EXAMPLE_STRIDED)
        return sd_permute(node, (int[]){5, 4, 3, 2, 1, 0} + (SD_MAX_RANK - shape.rank));
    return e->memory == SD_EXAMPLE_FRESH && sd_dtype_is_real(dtype) ? sd_barrier(node) : node;
}

sd_node sd__example_real(sd_example *e, sd_shape shape)
{
    bool preset = e->op->sample.lo == 0 && e->op->sample.hi == 0;
    return sd__example_input(e, e->dtype, shape, preset ? -2 : e->op->sample.lo, preset ? 2 : e->op->sample.hi);
}

int sd__example_int(sd_example *e, int lo, int hi) { return lo + (int)sd__random_below(&e->random, (uint64_t)(hi - lo + 1)); }

sd_shape sd__example_shape(sd_example *e, int rank, int max)
{
    int64_t dim[SD_MAX_RANK] = {0};
    for (int i = 0; i < rank; i++)
        dim[i] = sd__example_int(e, 1, max);
    return sd_shape_make(rank, dim);
}

sd_shape sd__example_any_shape(sd_example *e, int lowest)
{
    static const int64_t odd[] = {1, 2, 3, 7, 16, 17, 33};
    static const int64_t most[] = {1, 2200, 800, 900, 1000}; /* elements, by rank */
    int rank = sd__example_int(e, lowest, 4);
    sd_shape shape = sd__example_shape(e, rank, 5);
    if (rank == 1)
        shape.dim[0] = sd__example_int(e, 1, (int)most[1]);
    for (int i = rank > 1 ? 0 : rank; i < rank; i++) {
        int64_t before = shape.dim[i];
        shape.dim[i] = odd[sd__example_int(e, 0, (int)SD_COUNT(odd) - 1)];
        if (sd_shape_count(shape) > most[rank])
            shape.dim[i] = before;
    }
    return shape;
}

sd_node sd__example_elementwise(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    sd_node operand[3];
    for (int i = 0; i < e->op->arity; i++)
        operand[i] = sd__example_real(e, shape);
    return sd__append(e->graph, e->op, NULL, e->op->arity, operand);
}
