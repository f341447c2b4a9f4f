/*
 * conv.c -- in evaluation, the batch norm behind a convolution becomes part of it, and so do a residual
 * sum and a ReLU behind that.
 *
 * Scale and shift of the norm are functions of parameters and state, which may change from run to run: the joint kernel makes
 * them anew in each, a few numbers a filter. The weights themselves are not touched, so nothing must be kept or compared. The
 * joint node stands for the very operations that it replaces, in their order. Only what nobody else reads joins.
 */
#include "ops/conv_norm.h"
#include "plan/program.h"

static sd_node append(sd_rewrite *r, sd_conv_norm_attr attr, const sd_node *in)
{
    return sd__append(r->to, &sd__op_conv2d_norm, &attr, 6 + (int)attr.residual, in);
}

/* batch_norm_eval(conv2d(x, w), scale, offset, mean, variance) */
static bool join_norm(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *norm = &r->from->node[id], *conv = &r->from->node[norm->in[0].id];
    if (norm->op != &sd__op_batch_norm_eval || conv->op != &sd__op_conv2d || r->uses[norm->in[0].id] != 1)
        return false;
    sd_conv_norm_attr attr = {.conv = *(const sd_conv_attr *)conv->attr, .epsilon = *(const double *)norm->attr};
    sd_node in[6] = {sd__became(r, conv->in[0]), sd__became(r, conv->in[1])};
    for (int i = 1; i < 5; i++)
        in[1 + i] = sd__became(r, norm->in[i]);
    sd__becomes(r, id, 0, append(r, attr, in));
    return true;
}

/* What operand i has become, if it is a joint node whose only reader this is and that ends without a clip; else NULL. */
static const sd_node_data *joint_operand(const sd_rewrite *r, const sd_node_data *node, int i)
{
    sd_node operand = sd__became(r, node->in[i]);
    const sd_node_data *joint = &r->to->node[operand.id];
    bool open = joint->op == &sd__op_conv2d_norm && !((const sd_conv_norm_attr *)joint->attr)->clip;
    return open && r->uses[node->in[i].id] == 1 ? joint : NULL;
}

static void operands_of(sd_rewrite *r, const sd_node_data *joint, sd_node in[7])
{
    for (uint32_t i = 0; i < joint->n_in; i++)
        in[i] = (sd_node){r->to, joint->in[i].id, joint->in[i].result};
}

static bool join_sum(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    for (int i = 0; node->op == &sd__op_add && i < 2; i++) {
        const sd_node_data *joint = joint_operand(r, node, i);
        if (!joint || ((const sd_conv_norm_attr *)joint->attr)->residual)
            continue;
        sd_conv_norm_attr attr = *(const sd_conv_norm_attr *)joint->attr;
        sd_node in[7];
        operands_of(r, joint, in);
        attr.residual = 1;
        in[6] = sd__became(r, node->in[1 - i]);
        sd__becomes(r, id, 0, append(r, attr, in));
        return true;
    }
    return false;
}

static bool join_relu(sd_rewrite *r, uint32_t id)
{
    const sd_node_data *node = &r->from->node[id];
    const sd_node_data *joint = node->op == &sd__op_relu ? joint_operand(r, node, 0) : NULL;
    if (!joint)
        return false;
    sd_conv_norm_attr attr = *(const sd_conv_norm_attr *)joint->attr;
    sd_node in[7];
    operands_of(r, joint, in);
    attr.clip = 1;
    sd__becomes(r, id, 0, append(r, attr, in));
    return true;
}

/* Each step leaves a node behind that nobody reads any more; the next pass drops it. */
static void visit(sd_rewrite *r, uint32_t id)
{
    r->to->path = sd__path_in(r, r->from->node[id].path);
    if (!join_norm(r, id) && !join_sum(r, id) && !join_relu(r, id))
        sd__keep(r, id);
}

sd_status sd__pass_conv(sd_program *program)
{
    return program->options.no_share ? SD_OK : sd__rewrite(program, "conv", visit, NULL, NULL);
}
