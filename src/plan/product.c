/*
 * product.c -- a ReLU behind a dense layer becomes part of it, and its slope part of the product that goes back through it.
 *
 * Each spares reading and writing the whole result once more. Only a product that nobody else reads is joined.
 */
#include "ops/op.h"
#include "plan/program.h"

/* relu(dense(x, w, bias)) */
static bool clip(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *relu = &r->from->node[id], *dense = &r->from->node[relu->in[0].id];
    if (relu->op != &sd__op_relu || dense->op != &sd__op_dense || r->uses[relu->in[0].id] != 1)
        return false;
    sd_node in[] = {sd__became(r, dense->in[0]), sd__became(r, dense->in[1]), sd__became(r, dense->in[2])};
    sd__becomes(r, id, 0, sd__append(r->to, &sd__op_dense_relu, NULL, 3, in));
    return true;
}

/* matmul(a, b) step(y), in either order */
static bool clip_back(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *mul = &r->from->node[id];
    for (int i = 0; mul->op == &sd__op_mul && i < 2; i++) {
        const sd_node_data *product = &r->from->node[mul->in[i].id], *step = &r->from->node[mul->in[1 - i].id];
        if (product->op != &sd__op_matmul || step->op != &sd__op_step || r->uses[mul->in[i].id] != 1)
            continue;
        sd_node in[] = {sd__became(r, product->in[0]), sd__became(r, product->in[1]), sd__became(r, step->in[0])};
        sd__becomes(r, id, 0, sd__append(r->to, &sd__op_matmul_relu_grad, product->attr, 3, in));
        return true;
    }
    return false;
}

/* What has joined is left behind unread; the next pass drops it. */
static void visit(sd_rewrite *r, uint32_t id)
{
    r->to->path = sd__path_in(r, r->from->node[id].path);
    if (!clip(r, id) && !clip_back(r, id))
        sd__keep(r, id);
}

sd_status sd__pass_product(sd_program *program)
{
    return program->options.no_share ? SD_OK : sd__rewrite(program, "product", visit, NULL, NULL);
}
