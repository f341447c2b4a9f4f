/* check.c -- what shape rules ask of their operands again and again, with the message for a wrong one. */
#include "ops/check.h"

#include <sonde/ops.h>

sd_status sd__check_real(sd_infer *c, unsigned which)
{
    int first = -1;
    for (int i = 0; i < c->n_in; i++) {
        if (!(which >> i & 1))
            continue;
        sd_dtype dtype = c->in[i].dtype;
        if (!sd_dtype_is_real(dtype))
            return sd__infer_fail(c, SD_EDTYPE, "operand %d is %s; it must be f32 or f64", i, sd_dtype_name(dtype));
        if (first < 0)
            first = i;
        else if (dtype != c->in[first].dtype)
            return sd__infer_fail(c, SD_EDTYPE, "operand %d is %s but operand %d is %s; they must be equal (sd_cast converts)",
                                  first, sd_dtype_name(c->in[first].dtype), i, sd_dtype_name(dtype));
    }
    return SD_OK;
}

sd_status sd__check_rank(sd_infer *c, int i, const char *name, int rank, const char *layout)
{
    char text[SD_SHAPE_TEXT];
    if (c->in[i].shape.rank == rank)
        return SD_OK;
    return sd__infer_fail(c, SD_ESHAPE, "%s is %s; it must have %d axes, %s", name, sd_shape_text(c->in[i].shape, text), rank,
                          layout);
}

sd_status sd__check_shape(sd_infer *c, int i, const char *name, sd_shape wanted, const char *reason)
{
    char have[SD_SHAPE_TEXT], want[SD_SHAPE_TEXT];
    if (sd_shape_equal(c->in[i].shape, wanted))
        return SD_OK;
    return sd__infer_fail(c, SD_ESHAPE, "%s is %s; it must be %s: %s", name, sd_shape_text(c->in[i].shape, have),
                          sd_shape_text(wanted, want), reason);
}

sd_status sd__check_i32(sd_infer *c, int i, const char *name)
{
    if (c->in[i].dtype == SD_I32)
        return SD_OK;
    return sd__infer_fail(c, SD_EDTYPE, "%s is %s; it must be i32", name, sd_dtype_name(c->in[i].dtype));
}

sd_status sd__check_range(sd_infer *c, const char *name, double value, double lo, double hi)
{
    if (value >= lo && value <= hi)
        return SD_OK;
    return sd__infer_fail(c, SD_EINVAL, "%s is %g; it must lie in [%g,%g]", name, value, lo, hi);
}

sd_shape sd__leading(sd_shape shape) { return sd_shape_make(shape.rank - 1, shape.dim); }

int64_t sd__last(sd_shape shape) { return shape.rank < 1 ? 0 : shape.dim[shape.rank - 1]; }

uint32_t sd__last_axis(sd_shape shape) { return shape.rank < 1 ? 0 : SD_AXIS(shape.rank - 1); }

uint32_t sd__leading_axes(sd_shape shape) { return shape.rank < 1 ? 0 : sd__last_axis(shape) - 1; }

sd_node sd__column(sd_node x)
{
    sd_shape shape = sd_node_shape(x);
    if (shape.rank < 0 || shape.rank == SD_MAX_RANK)
        return sd_reshape(x, sd_shape_make(-1, NULL)); /* poisoned, or refused by the shape rule */
    shape.dim[shape.rank++] = 1;
    return sd_reshape(x, shape);
}
