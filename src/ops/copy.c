/*
 * copy.c -- the operand's elements in row-major order: what the plan puts between a view and a kernel that wants dense memory.
 */
#include "ops/op.h"

static sd_status infer(sd_infer *c)
{
    c->out[0] = c->in[0];
    return SD_OK;
}

static void kernel(const sd_args *a) { sd__copy(&a->in[0], &a->out[0]); }

static sd_node example(sd_example *e)
{
    sd_node x = sd__example_real(e, sd__example_shape(e, 3, 9));
    return sd__append1(&sd__op_copy, NULL, sd_permute(x, (int[]){2, 0, 1}));
}

static void vjp(sd_vjp_rule *r) { r->grad[0] = r->dy[0]; }

const sd_op sd__op_copy = {
    .name = "copy",
    .doc = "x itself, dense in memory; appended by the plan",
    .kind = SD_COMPUTE,
    .arity = 1,
    .infer = infer,
    .vjp = vjp,
    .kernel = {[SD_F32] = kernel, [SD_F64] = kernel, [SD_I32] = kernel, [SD_U8] = kernel, [SD_BF16] = kernel},
    .flops = sd__no_flops,
    .example = example,
};
