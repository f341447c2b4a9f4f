/* join.c -- layers that move or join values: flatten, dropout, residual addition, concatenation, shortcut by padding. */
#include <sonde/ops.h>

#include "base/base.h"
#include "nn/builder.h"

static sd_node flatten(sd_builder *b, sd_node x)
{
    sd_shape shape = sd_node_shape(x);
    if (sd_node_ok(x) && shape.rank < 1)
        return sd_graph_fail(b->graph, SD_ESHAPE, "flatten needs an input [B,...], not a single number");
    return shape.rank == 2 || !sd_node_ok(x) ? x : sd_reshape(x, SD_SHAPE(shape.dim[0], sd_shape_count(sd__example_of(shape))));
}

sd_node sd_layer_flatten(sd_builder *builder, sd_node x, const char *name)
{
    return SD_LAYER(builder, "flatten", name, SD_LAYER_PLAIN, flatten(builder, x));
}

static sd_node dropout(sd_builder *b, sd_node x, double rate)
{
    if (!(rate >= 0 && rate < 1))
        return sd_graph_fail(b->graph, SD_EINVAL, "dropout's rate is %g; it must lie in [0,1)", rate);
    return b->mode == SD_EVAL || rate == 0 ? x : sd_dropout(x, rate, b->step, b->ids);
}

sd_node sd_layer_dropout(sd_builder *builder, sd_node x, double rate, const char *name)
{
    return SD_LAYER(builder, "dropout", name, SD_LAYER_PLAIN, dropout(builder, x, rate));
}

static sd_node add(sd_builder *b, int n, const sd_node *x)
{
    char one[SD_SHAPE_TEXT], two[SD_SHAPE_TEXT];
    if (n < 1)
        return sd_graph_fail(b->graph, SD_EINVAL, "add needs at least one value");
    sd_node sum = x[0];
    for (int i = 1; i < n; i++) {
        sd_shape so_far = sd_node_shape(sum), next = sd_node_shape(x[i]);
        /* sd_add() would broadcast, which is never what a skip means. */
        if (sd_node_ok(sum) && sd_node_ok(x[i]) && !sd_shape_equal(so_far, next))
            return sd_graph_fail(b->graph, SD_ESHAPE, "cannot add %s and %s; make the shapes equal, e.g. by a shortcut's conv",
                                 sd_shape_text(so_far, one), sd_shape_text(next, two));
        sum = sd_add(sum, x[i]);
    }
    return sum;
}

sd_node sd_layer_add(sd_builder *builder, int n, const sd_node *x, const char *name)
{
    return SD_LAYER(builder, "add", name, SD_LAYER_PLAIN, add(builder, n, x));
}

static sd_node concat(sd_builder *b, int n, const sd_node *x)
{
    if (n < 1)
        return sd_graph_fail(b->graph, SD_EINVAL, "concat needs at least one value");
    return sd_concat(n, x, sd_node_shape(x[0]).rank - 1);
}

sd_node sd_layer_concat(sd_builder *builder, int n, const sd_node *x, const char *name)
{
    return SD_LAYER(builder, "concat", name, SD_LAYER_PLAIN, concat(builder, n, x));
}

/* The stride at which `from` positions become `to`, or 0. */
static int64_t stride_of(int64_t from, int64_t to)
{
    int64_t stride = to > 0 ? (from + to - 1) / to : 0;
    return stride > 0 && (from + stride - 1) / stride == to ? stride : 0;
}

static sd_node pad_shortcut(sd_builder *b, sd_node x, sd_node like)
{
    char one[SD_SHAPE_TEXT], two[SD_SHAPE_TEXT];
    if (!sd_node_ok(x) || !sd_node_ok(like))
        return (sd_node){.graph = b->graph};
    sd_shape from = sd_node_shape(x), to = sd_node_shape(like);
    int64_t step[4] = {1, from.rank == 4 && to.rank == 4 ? stride_of(from.dim[1], to.dim[1]) : 0,
                       from.rank == 4 && to.rank == 4 ? stride_of(from.dim[2], to.dim[2]) : 0, 1};
    if (!step[1] || !step[2] || to.dim[3] < from.dim[3])
        return sd_graph_fail(b->graph, SD_ESHAPE, "no shortcut by padding leads from %s to %s; use one with a conv",
                             sd_shape_text(from, one), sd_shape_text(to, two));
    if (step[1] > 1 || step[2] > 1)
        x = sd_slice_of(x, (int64_t[4]){0}, from.dim, step);
    if (to.dim[3] > from.dim[3])
        x = sd_pad(x, (int64_t[4]){0}, (int64_t[4]){0, 0, 0, to.dim[3] - from.dim[3]}, NULL);
    return x;
}

sd_node sd_layer_pad_shortcut(sd_builder *builder, sd_node x, sd_node like, const char *name)
{
    return SD_LAYER(builder, "pad_shortcut", name, SD_LAYER_PLAIN, pad_shortcut(builder, x, like));
}
