/* identity.c -- ops that give their operand back, and tell the passes or the derivative to stop there. */
#include "ops/op.h"

static sd_status infer(sd_infer *c)
{
    c->out[0] = c->in[0];
    return SD_OK;
}

#define IDENTITY(name, type)                                                       \
    static void name(size_t n, const void *const *in, void *out, const void *attr) \
    {                                                                              \
        if (out != in[0])                                                          \
            memcpy(out, in[0], n * sizeof(type));                                  \
    }
IDENTITY(identity_4, float)
IDENTITY(identity_8, double)
IDENTITY(identity_1, uint8_t)
IDENTITY(identity_2, uint16_t)

#define IDENTITY_TILES                                                                                                    \
    {                                                                                                                     \
        [SD_F32] = identity_4, [SD_F64] = identity_8, [SD_I32] = identity_4, [SD_U8] = identity_1, [SD_BF16] = identity_2 \
    }

/* In f64, where tests take differences, the operand is an integer: the derivative is zero by definition, not as their limit. */
static sd_node example_stop(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    return sd_stop_gradient(e->dtype == SD_F64 ? sd__example_input(e, SD_I32, shape, -9, 9) : sd__example_real(e, shape));
}

static void vjp_barrier(sd_vjp_rule *r) { r->grad[0] = r->dy[0]; }

const sd_op sd__op_barrier = {
    .name = "barrier",
    .doc = "the operand; passes neither share nor fold nor fuse across it",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = infer,
    .vjp = vjp_barrier,
    .tile = IDENTITY_TILES,
    .flops = sd__no_flops,
    .example = sd__example_elementwise,
    .barrier = true,
};

const sd_op sd__op_stop_gradient = {
    .name = "stop_gradient",
    .doc = "the operand; derivative zero",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .infer = infer,
    .tile = IDENTITY_TILES,
    .flops = sd__no_flops,
    .example = example_stop,
};

sd_node sd_barrier(sd_node x) { return sd__append1(&sd__op_barrier, NULL, x); }

sd_node sd_stop_gradient(sd_node x) { return sd__append1(&sd__op_stop_gradient, NULL, x); }
