/*
 * conv_pool.c -- max pooling behind a convolution becomes part of it, and so do the bias and the ReLU that have moved behind
 * the pooling.
 *
 * Not if somebody else reads a value in between; the winners' index may have any readers. The joint node stands where the
 * pooling stood, before all of them.
 */
#include <sonde/ops.h>
#include <stdlib.h>

#include "ops/conv_pool.h"
#include "plan/program.h"

/* By the number of a pooling node. */
typedef struct found {
    uint32_t values; /* uses of result 0 */
    uint32_t relu;   /* the node that ends relu(maxpool(conv2d(x, w)) + bias); 0: none */
    sd_ref bias;
} found;

typedef struct chains {
    bool looked;
    found *at; /* [count] */
} chains;

static const sd_node_data *node_of(const sd_rewrite *r, sd_ref ref) { return &r->from->node[ref.id]; }

static void count_values(const sd_rewrite *r, found *at)
{
    for (int k = 0; k < r->program->n_out; k++)
        at[r->program->out[k].ref.id].values += r->program->out[k].ref.result == 0;
    for (uint32_t id = 1; id < r->from->count; id++)
        for (uint32_t i = 0; r->uses[id] && i < r->from->node[id].n_in; i++)
            at[r->from->node[id].in[i].id].values += r->from->node[id].in[i].result == 0;
}

/* A bias with a number for each of so many channels. */
static bool is_bias_of(const sd_rewrite *r, sd_ref bias, int64_t channels)
{
    const sd_node_data *view = node_of(r, bias);
    return sd__is_bias(r, bias) && node_of(r, view->in[0])->out[view->in[0].result].shape.dim[0] == channels;
}

static bool pools_convolution(const sd_rewrite *r, sd_ref ref)
{
    const sd_node_data *pool = node_of(r, ref);
    return pool->op == &sd__op_maxpool && ref.result == 0 && node_of(r, pool->in[0])->op == &sd__op_conv2d &&
           r->uses[pool->in[0].id] == 1;
}

static void find_chain(const sd_rewrite *r, chains *c, uint32_t id)
{
    const sd_node_data *relu = &r->from->node[id], *add = node_of(r, relu->in[0]);
    if (relu->op != &sd__op_relu || add->op != &sd__op_add || r->uses[relu->in[0].id] != 1)
        return;
    for (int i = 0; i < 2; i++) {
        const sd_ref pool = add->in[i], bias = add->in[1 - i];
        if (!pools_convolution(r, pool) || !is_bias_of(r, bias, add->out[0].shape.dim[3]) || c->at[pool.id].values != 1)
            continue;
        const sd_ref numbers = node_of(r, bias)->in[0];
        if (numbers.id < pool.id) /* so that it is there when the pooling is visited */
            c->at[pool.id].relu = id, c->at[pool.id].bias = numbers;
    }
}

/* The joint node in place of the pooling gives what the ReLU gave. */
static void join(sd_rewrite *r, uint32_t id, const found *chain)
{
    const sd_node_data *pool = &r->from->node[id], *conv = node_of(r, pool->in[0]);
    const sd_conv_pool_attr attr = {*(const sd_conv_attr *)conv->attr, *(const sd_pool_attr *)pool->attr};
    sd_node in[] = {sd__became(r, conv->in[0]), sd__became(r, conv->in[1]), sd__became(r, chain->bias)};
    sd_node joint = sd__append(r->to, &sd__op_conv2d_pool, &attr, 3, in);
    sd__becomes(r, id, 0, joint);
    sd__becomes(r, id, 1, sd_node_result(joint, 1));
    sd__becomes(r, chain->relu, 0, joint);
}

/* The sum in between is left behind unread; the next pass drops it. */
static void visit(sd_rewrite *r, uint32_t id)
{
    chains *c = r->user;
    if (!c->looked) {
        c->looked = true;
        count_values(r, c->at);
        for (uint32_t i = 1; i < r->from->count; i++)
            if (r->uses[i])
                find_chain(r, c, i);
    }
    r->to->path = sd__path_in(r, r->from->node[id].path);
    if (c->at[id].relu)
        join(r, id, &c->at[id]);
    else if (!sd__became(r, (sd_ref){id, 0}).id) /* else a chain's ReLU: joined already */
        sd__keep(r, id);
}

sd_status sd__pass_conv_pool(sd_program *program)
{
    if (program->options.no_share)
        return SD_OK;
    size_t n = program->graph->count;
    chains c = {.at = sd__alloc_zeroed(n, sizeof *c.at)};
    sd_status status = c.at ? sd__rewrite(program, "conv_pool", visit, &c, NULL)
                            : sd__fail(SD_ENOMEM, "pass conv_pool: no memory for %zu nodes", n);
    free(c.at);
    return status;
}
