/* norm.c -- what the normalising ops share. */
#include "ops/norm.h"

#include "ops/check.h"

sd_status sd__check_norm(sd_infer *c, int lowest)
{
    double epsilon = *(const double *)c->attr;
    char text[SD_SHAPE_TEXT];
    SD_TRY(sd__check_real(c, (1u << c->n_in) - 1));
    if (c->in[0].shape.rank < lowest)
        return sd__infer_fail(c, SD_ESHAPE, "x is %s; it must have %d axes at least, the last one for the channels",
                              sd_shape_text(c->in[0].shape, text), lowest);
    if (!(epsilon >= 0 && isfinite(epsilon)))
        return sd__infer_fail(c, SD_EINVAL, "epsilon is %g; it must be finite and not negative", epsilon);
    return SD_OK;
}

sd_status sd__check_per_channel(sd_infer *c, int i, const char *name)
{
    return sd__check_shape(c, i, name, SD_SHAPE(sd__last(c->in[0].shape)), "one number a channel, the last axis of x");
}

void sd__print_epsilon(const void *attr, sd_string *text) { sd__string_add(text, " epsilon=%g", *(const double *)attr); }

sd_shape sd__example_norm(sd_example *e, int lowest, bool last_axis, double *epsilon)
{
    static const double choice[] = {1e-5, 1e-3, 0.1};
    sd_shape shape = sd__example_shape(e, sd__example_int(e, lowest, 4), 4);
    shape.dim[last_axis ? shape.rank - 1 : sd__example_int(e, 0, shape.rank - 2)] += 3;
    *epsilon = choice[sd__example_int(e, 0, 2)];
    return shape;
}

sd_node sd__example_variance(sd_example *e, sd_shape shape) { return sd__example_input(e, e->dtype, shape, 0.5, 2); }

sd_node sd__normalised(sd_node x, sd_node mean, sd_node variance, double epsilon)
{
    return sd_mul(sd_sub(x, mean), sd_rsqrt(sd_shift(variance, epsilon)));
}
