/*
 * dropout.c -- dropout: each element zeroed with probability `rate`, the others divided by 1 - rate.
 *
 * Which elements stay is a pure function of the key, the step and the sample's id. So dropout is linear in x, its derivative
 * is dropout of the cotangent with the same key, and no mask needs to be kept.
 */
#include "ops/check.h"
#include "ops/op.h"
#include "ops/random.h"

typedef struct sd_dropout_attr {
    double rate;
    uint64_t key;
} sd_dropout_attr;

/* x [B,...], step [] i32, ids [B] i32 */
static sd_status infer(sd_infer *c)
{
    const sd_dropout_attr *attr = c->attr;
    SD_TRY(sd__check_real(c, 1));
    if (c->in[0].shape.rank < 1)
        return sd__infer_fail(c, SD_ESHAPE, "x is a scalar; it must be [B,...], one row a sample id");
    SD_TRY(sd__check_i32(c, 1, "step"));
    SD_TRY(sd__check_shape(c, 1, "step", sd_scalar_shape(), "one number"));
    SD_TRY(sd__check_i32(c, 2, "ids"));
    SD_TRY(sd__check_shape(c, 2, "ids", SD_SHAPE(c->in[0].shape.dim[0]), "one id a sample of x"));
    if (!(attr->rate >= 0 && attr->rate < 1))
        return sd__infer_fail(c, SD_EINVAL, "rate is %g; it must lie in [0,1)", attr->rate);
    c->out[0] = c->in[0];
    return SD_OK;
}

static sd_node uniform(uint64_t key, sd_node x, sd_node step, sd_node ids)
{
    sd_shape shape = sd_node_shape(x);
    sd_random_attr attr = {.key = key, .dtype = sd_node_dtype(x), .rank = shape.rank - 1};
    for (int i = 1; i < shape.rank; i++)
        attr.inner[i - 1] = shape.dim[i];
    return sd__append2(&sd__op_random_uniform, &attr, step, ids);
}

/* A uniform number is below `rate` with that very probability; selecting also removes a NaN or infinity. */
static void decompose(sd_graph *graph, const sd_node *in, const void *attr, sd_node *result)
{
    const sd_dropout_attr *a = attr;
    sd_node rate = sd_constant(graph, sd_node_dtype(in[0]), sd_scalar_shape(), a->rate);
    sd_node keeps = sd_compare(uniform(a->key, in[0], in[1], in[2]), SD_GE, rate);
    result[0] = sd_select(keeps, sd_scale(in[0], 1 / (1 - a->rate)), sd_constant_like(in[0], 0));
}

static void vjp(sd_vjp_rule *r)
{
    r->grad[0] = sd__append3(&sd__op_dropout, sd__attr(r->y), r->dy[0], sd__operand(r->y, 1), sd__operand(r->y, 2));
}

/* Making the random numbers is not counted: they are integer work. */
static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 2.0 * (double)sd_shape_count(in[0].shape);
}

static void print(const void *attr, sd_string *text)
{
    const sd_dropout_attr *a = attr;
    sd__string_add(text, " rate=%g key=%016llx", a->rate, (unsigned long long)a->key);
}

sd_node sd_dropout(sd_node x, double rate, sd_node step, sd_node ids)
{
    sd_dropout_attr attr = {rate, sd__random_key(x.graph)};
    return sd__append3(&sd__op_dropout, &attr, x, step, ids);
}

static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_shape(e, sd__example_int(e, 1, 4), 9);
    sd_node x = sd__example_real(e, shape);
    sd_node step = sd__example_input(e, SD_I32, sd_scalar_shape(), 0, 1000);
    sd_node ids = sd__example_input(e, SD_I32, SD_SHAPE(shape.dim[0]), 0, 1000);
    return sd_dropout(x, 0.1 * sd__example_int(e, 0, 9), step, ids);
}

const sd_op sd__op_dropout = {
    .name = "dropout",
    .doc = "each element zeroed with probability rate, the others divided by 1 - rate",
    .source = "Srivastava et al. 2014, JMLR 15",
    .kind = SD_COMPOSITE,
    .arity = 3,
    .attr_size = sizeof(sd_dropout_attr),
    .infer = infer,
    .vjp = vjp,
    .decompose = decompose,
    .flops = flops,
    .print = print,
    .example = example,
    .random = true,
};
