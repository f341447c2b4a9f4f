/*
 * norm.c -- a ReLU behind a batch norm is done while normalising, and its slope while going back.
 *
 * Forward, relu(batch_norm(x)) becomes one node if nobody else reads the norm's result. Back, the slope relu'(y) dy
 * that feeds the norm's derivative becomes part of it, if nobody else reads that product. Each spares writing and
 * reading the whole tensor.
 */
#include <stdlib.h>

#include "ops/op.h"
#include "plan/program.h"

/* Of each batch norm: the one ReLU that is all that reads result 0 (0: none), found once a walk. */
typedef struct readers {
    uint32_t *relu;  /* [count] */
    uint32_t *reads; /* [count] how many operands are result 0 of this node */
    bool counted;
} readers;

static void count_readers(const sd_rewrite *r, readers *f)
{
    for (uint32_t id = 1; id < r->from->count; id++) {
        const sd_node_data *node = &r->from->node[id];
        for (uint32_t i = 0; r->uses[id] && i < node->n_in; i++) {
            if (node->in[i].result == 0)
                f->reads[node->in[i].id]++;
            if (node->op == &sd__op_relu && node->in[0].result == 0)
                f->relu[node->in[0].id] = id;
        }
    }
    for (int k = 0; k < r->program->n_out; k++)
        if (r->program->out[k].ref.result == 0)
            f->reads[r->program->out[k].ref.id]++;
    f->counted = true;
}

static bool clip_forward(sd_rewrite *r, uint32_t id)
{
    const readers *f = r->user;
    const sd_node_data *node = &r->from->node[id];
    if (node->op != &sd__op_batch_norm || f->reads[id] != 1 || !f->relu[id])
        return false;
    sd_node in[] = {sd__became(r, node->in[0]), sd__became(r, node->in[1]), sd__became(r, node->in[2])};
    sd_node fused = sd__append(r->to, &sd__op_batch_norm_relu, node->attr, 3, in);
    sd__becomes(r, f->relu[id], 0, fused);
    sd__becomes(r, id, 1, sd_node_result(fused, 1));
    sd__becomes(r, id, 2, sd_node_result(fused, 2));
    return true;
}

/* True if `ref` is relu() of result 0 of the norm whose statistics the derivative `grad` takes. */
static bool is_clip_of(const sd_rewrite *r, sd_ref ref, const sd_node_data *grad)
{
    const sd_node_data *relu = &r->from->node[ref.id];
    if (relu->op != &sd__op_relu || relu->in[0].result != 0)
        return false;
    return r->from->node[relu->in[0].id].op == &sd__op_batch_norm && relu->in[0].id == grad->in[2].id &&
           relu->in[0].id == grad->in[3].id && grad->in[2].result == 1 && grad->in[3].result == 2;
}

static bool clip_back(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    if (node->op != &sd__op_batch_norm_grad || r->uses[node->in[4].id] != 1)
        return false;
    const sd_node_data *product = &r->from->node[node->in[4].id];
    for (uint32_t i = 0; product->op == &sd__op_mul && i < 2; i++) {
        const sd_node_data *step = &r->from->node[product->in[i].id];
        if (step->op != &sd__op_step || !is_clip_of(r, step->in[0], node))
            continue;
        sd_ref offset = r->from->node[node->in[2].id].in[2];
        sd_node in[] = {sd__became(r, node->in[0]), sd__became(r, node->in[1]), sd__became(r, offset),
                        sd__became(r, node->in[2]), sd__became(r, node->in[3]), sd__became(r, product->in[1 - i])};
        sd_node fused = sd__append(r->to, &sd__op_batch_norm_relu_grad, node->attr, 6, in);
        for (int k = 0; k < 3; k++)
            sd__becomes(r, id, (uint32_t)k, sd_node_result(fused, k));
        return true;
    }
    return false;
}

static void visit(sd_rewrite *r, uint32_t id)
{
    readers *f = r->user;
    if (!f->counted)
        count_readers(r, f);
    const sd_node_data *node = &r->from->node[id];
    r->to->path = sd__path_in(r, node->path);
    if (node->op == &sd__op_relu && sd__has(sd__became(r, (sd_ref){id, 0})))
        return; /* done while normalising */
    if (!clip_forward(r, id) && !clip_back(r, id))
        sd__keep(r, id);
}

sd_status sd__pass_norm(sd_program *program)
{
    size_t n = program->graph->count;
    readers f = {.relu = sd__alloc_zeroed(n, sizeof *f.relu), .reads = sd__alloc_zeroed(n, sizeof *f.reads)};
    sd_status status = SD_OK;
    if (!f.relu || !f.reads)
        status = sd__fail(SD_ENOMEM, "pass norm: no memory for %zu nodes", n);
    else if (!program->options.no_share)
        status = sd__rewrite(program, "norm", visit, &f, NULL);
    free(f.relu);
    free(f.reads);
    return status;
}
