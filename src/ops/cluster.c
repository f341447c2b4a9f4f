/* cluster.c -- the record of a fused cluster. It has no derivative: clusters are made after differentiation. */
#include "ops/cluster.h"

#include "ops/op.h"

static sd_status infer(sd_infer *c)
{
    const sd_cluster *cluster = c->attr;
    c->n_out = (int)cluster->n_out;
    for (int k = 0; k < c->n_out; k++)
        c->out[k] = (sd_type){cluster->step[cluster->out[k]].result, c->in[0].shape};
    return SD_OK;
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    const sd_cluster *cluster = attr;
    double total = 0;
    for (int64_t k = 0; k < cluster->n_steps; k++) {
        sd_type type = {cluster->step[k].dtype, in[0].shape};
        const sd_op *op = cluster->step[k].op;
        total += op->flops ? op->flops(&type, out, cluster->step[k].attr) : (double)sd_shape_count(in[0].shape);
    }
    return total;
}

static void print(const void *attr, sd_string *text)
{
    const sd_cluster *cluster = attr;
    for (int64_t k = 0; k < cluster->n_steps; k++)
        sd__string_add(text, "%s%s", k ? "+" : " ", cluster->step[k].op->name);
}

const sd_op sd__op_cluster = {
    .name = "cluster",
    .doc = "several elementwise ops run tile by tile; made by the plan",
    .kind = SD_COMPUTE,
    .arity = SD_VARIADIC,
    .attr_size = sizeof(sd_cluster),
    .infer = infer,
    .flops = flops,
    .print = print,
};
