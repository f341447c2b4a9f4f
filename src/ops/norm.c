/* norm.c -- what the normalising ops share. */
#include "ops/norm.h"

#include "ops/check.h"

/* ---- shape rules ---- */

sd_status sd__check_epsilon(sd_infer *c, double epsilon)
{
    if (epsilon >= 0 && isfinite(epsilon))
        return SD_OK;
    return sd__infer_fail(c, SD_EINVAL, "epsilon is %g; it must be finite and not negative", epsilon);
}

sd_status sd__check_norm(sd_infer *c, int lowest)
{
    char text[SD_SHAPE_TEXT];
    SD_TRY(sd__check_real(c, (1u << c->n_in) - 1));
    if (c->in[0].shape.rank < lowest)
        return sd__infer_fail(c, SD_ESHAPE, "x is %s; it must have %d axes at least, the last one for the channels",
                              sd_shape_text(c->in[0].shape, text), lowest);
    return sd__check_epsilon(c, *(const double *)c->attr);
}

sd_status sd__check_per_channel(sd_infer *c, int n, const char *const *name)
{
    sd_shape channels = SD_SHAPE(sd__last(c->in[0].shape));
    for (int i = 0; i < n; i++)
        SD_TRY(sd__check_shape(c, i + 1, name[i], channels, "one number a channel, the last axis of x"));
    return SD_OK;
}

void sd__norm_results(sd_infer *c, sd_shape other)
{
    c->n_out = 3;
    c->out[0] = c->in[0];
    c->out[1] = c->out[2] = (sd_type){c->in[0].dtype, other};
}

sd_status sd__infer_batch_norm(sd_infer *c)
{
    static const char *const name[] = {"scale", "offset"};
    SD_TRY(sd__check_norm(c, 2));
    SD_TRY(sd__check_per_channel(c, 2, name));
    sd__norm_results(c, c->in[1].shape);
    return SD_OK;
}

void sd__print_epsilon(const void *attr, sd_string *text) { sd__string_add(text, " epsilon=%g", *(const double *)attr); }

/* ---- derivatives ---- */

void sd__norm_vjp(sd_vjp_rule *r, const sd_op *grad)
{
    if (!sd__has(r->dy[0]))
        return;
    sd_node x = sd__operand(r->y, 0), scale = sd__operand(r->y, 1);
    sd_node in[] = {x, scale, sd_node_result(r->y, 1), sd_node_result(r->y, 2), r->dy[0]};
    sd_node result = sd__append(x.graph, grad, sd__attr(r->y), 5, in);
    for (int i = 0; i < 3; i++)
        r->grad[i] = sd_node_result(result, i);
}

void sd__norm_add(sd_vjp_rule *r, sd_node term) { r->grad[0] = sd__has(r->grad[0]) ? sd_add(r->grad[0], term) : term; }

sd_node sd__normalised(sd_node x, sd_node mean, sd_node variance, double epsilon)
{
    return sd_mul(sd_sub(x, mean), sd_rsqrt(sd_shift(variance, epsilon)));
}

/* ---- examples ---- */

double sd__example_epsilon(sd_example *e)
{
    static const double choice[] = {1e-5, 1e-3, 0.1};
    return choice[sd__example_int(e, 0, 2)];
}

sd_norm_example sd__example_norm(sd_example *e, int lowest, bool last_axis)
{
    sd_shape shape = sd__example_shape(e, sd__example_int(e, lowest, 4), 4);
    shape.dim[last_axis ? shape.rank - 1 : sd__example_int(e, 0, shape.rank - 2)] += 3;
    return (sd_norm_example){shape, SD_SHAPE(sd__last(shape)), sd__example_epsilon(e)};
}

sd_node sd__example_variance(sd_example *e, sd_shape shape) { return sd__example_input(e, e->dtype, shape, 0.5, 2); }

sd_node sd__example_far_offset(sd_example *e, sd_shape channels)
{
    sd_node side = sd_cast(sd__example_input(e, SD_I32, channels, 0, 1), e->dtype);
    return sd_shift(sd_scale(side, 100), -50);
}
