/* loss.c -- what is minimised: one number an example, and their mean. */
#include <sonde/ops.h>
#include <string.h>

#include "base/base.h"
#include "nn/builder.h"

static const char *const names[] = {
#define NAME(kind, text, doc) [kind] = text,
    SD_LOSS_LIST(NAME)
#undef NAME
};

const char *sd_loss_name(sd_loss_kind kind) { return (unsigned)kind < SD_LOSS_COUNT ? names[kind] : "?"; }

sd_status sd_loss_parse(const char *name, sd_loss_kind *kind)
{
    for (int i = 0; i < SD_LOSS_COUNT; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        *kind = (sd_loss_kind)i;
        return SD_OK;
    }
    const char *near = sd__nearest(name, SD_LOSS_COUNT, names);
    return sd__fail(SD_EINVAL, "there is no loss \"%s\"; %s%s%spossible: cross_entropy, mse, hinge, logistic", name,
                    near ? "did you mean \"" : "", near ? near : "", near ? "\"? " : "");
}

bool sd_loss_needs_classes(sd_loss_kind kind) { return kind == SD_CROSS_ENTROPY || kind == SD_HINGE; }

/* The target as numbers like z: vectors as they are, labels one-hot, or, for one column, the label itself. */
static sd_node numbers(sd_builder *b, sd_node z)
{
    int64_t columns = sd_node_shape(z).dim[1];
    if (!b->classes)
        return b->target;
    if (columns == 1)
        return sd_reshape(sd_cast(b->target, b->dtype), SD_SHAPE(b->batch, 1));
    return sd_one_hot(b->target, columns, b->dtype);
}

static sd_node mse(sd_builder *b, sd_node z) { return sd_mean(sd_square(sd_sub(z, numbers(b, z))), SD_AXIS(1), false); }

static sd_node logistic(sd_builder *b, sd_node z)
{
    return sd_mean(sd_sub(sd_softplus(z), sd_mul(numbers(b, z), z)), SD_AXIS(1), false);
}

/* One column: t = 2 y - 1, max(0, 1 - t z). Several: the label's column is pushed below all others before their maximum. */
static sd_node hinge(sd_builder *b, sd_node z)
{
    sd_node t = numbers(b, z);
    if (sd_node_shape(z).dim[1] == 1)
        return sd_reshape(sd_relu(sd_shift(sd_neg(sd_mul(sd_shift(sd_scale(t, 2), -1), z)), 1)), SD_SHAPE(b->batch));
    sd_node right = sd_sum(sd_mul(t, z), SD_AXIS(1), false);
    sd_node is_label = sd_compare(t, SD_GT, sd_constant_like(t, 0.5));
    sd_node others = sd_select(is_label, sd_constant_like(z, -1e30), z);
    return sd_relu(sd_shift(sd_sub(sd_reduce_max(others, SD_AXIS(1), false), right), 1));
}

/* Columns must fit the target; binary problems may also have one column where the loss knows what that means. */
static bool columns_fit(sd_builder *b, sd_node z, sd_loss_kind kind)
{
    char text[SD_SHAPE_TEXT];
    sd_shape shape = sd_node_shape(z);
    if (shape.rank != 2) {
        sd_graph_fail(b->graph, SD_ESHAPE, "%s needs an output [B,C], not %s; end the model with flatten or dense",
                      sd_loss_name(kind), sd_shape_text(shape, text));
        return false;
    }
    if (!b->classes && sd_loss_needs_classes(kind)) {
        sd_graph_fail(b->graph, SD_EINVAL, "%s needs class labels, but the targets are numbers; use mse", sd_loss_name(kind));
        return false;
    }
    int64_t wanted = b->classes ? b->classes : b->targets;
    bool one = b->classes == 2 && shape.dim[1] == 1 && kind != SD_CROSS_ENTROPY;
    if (shape.dim[1] == wanted || one)
        return true;
    sd_graph_fail(b->graph, SD_ESHAPE,
                  "the model's output has %lld columns, but there are %lld %s; give its last layer %lld units",
                  (long long)shape.dim[1], (long long)wanted, b->classes ? "classes" : "targets", (long long)wanted);
    return false;
}

static sd_node examples(sd_builder *b, sd_node z, sd_loss_spec spec)
{
    switch (spec.kind) {
    case SD_CROSS_ENTROPY: return sd_softmax_cross_entropy(z, b->target, spec.smoothing);
    case SD_MSE: return mse(b, z);
    case SD_HINGE: return hinge(b, z);
    case SD_LOGISTIC: return logistic(b, z);
    default: return sd_graph_fail(b->graph, SD_EINVAL, "there is no loss %d", (int)spec.kind);
    }
}

sd_built sd_loss(sd_builder *builder, sd_node output, sd_loss_spec spec)
{
    sd_built built = {.output = output};
    bool target = builder->classes > 0 || builder->targets > 0;
    if (!target || !sd_node_ok(output))
        return built;
    sd_scope_push(builder->graph, "loss");
    if (columns_fit(builder, output, spec.kind)) {
        built.losses = examples(builder, output, spec);
        built.loss = sd_mean(built.losses, SD_ALL_AXES, false);
    }
    sd_scope_pop(builder->graph);
    return built;
}
