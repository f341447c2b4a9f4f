/* window.c -- layers with a sliding window: its geometry from a spec, and pooling. */
#include <sonde/ops.h>

#include "base/base.h"
#include "nn/builder.h"

sd_window sd__window(const int64_t size[2], const int64_t stride[2], const int64_t dilation[2], sd_padding padding,
                     const int64_t pad[2], sd_shape image)
{
    sd_window window = sd_window_default();
    for (int i = 0; i < 2; i++) {
        window.size[i] = size[i] ? size[i] : size[0];
        window.stride[i] = stride[i] ? stride[i] : stride[0] ? stride[0] : 1;
        window.dilation[i] = dilation[i] ? dilation[i] : dilation[0] ? dilation[0] : 1;
        if (padding == SD_PAD_NUMBER)
            window.pad_lo[i] = window.pad_hi[i] = pad[i];
    }
    if (padding == SD_PAD_SAME)
        sd_window_pad_same(&window, image.dim[1], image.dim[2]);
    return window;
}

/* Images, or a latched mistake. */
static bool images(sd_builder *b, sd_node x, const char *kind)
{
    char text[SD_SHAPE_TEXT];
    sd_shape shape = sd_node_shape(x);
    if (sd_node_ok(x) && shape.rank != 4)
        sd_graph_fail(b->graph, SD_ESHAPE, "%s needs images [B,height,width,channels], not %s", kind,
                      sd_shape_text(shape, text));
    return sd_node_ok(x) && shape.rank == 4;
}

static sd_node pool(sd_builder *b, sd_node x, sd_pool_spec spec, const char *kind, sd_node (*op)(sd_node, sd_window))
{
    static const int64_t one[2] = {1, 1};
    if (!images(b, x, kind))
        return (sd_node){.graph = b->graph};
    bool strided = spec.stride[0] || spec.stride[1];
    return op(x, sd__window(spec.size, strided ? spec.stride : spec.size, one, spec.padding, spec.pad, sd_node_shape(x)));
}

sd_node sd_layer_maxpool(sd_builder *builder, sd_node x, sd_pool_spec spec)
{
    return SD_LAYER(builder, "maxpool", spec.name, SD_LAYER_NONLINEAR, pool(builder, x, spec, "maxpool", sd_maxpool));
}

sd_node sd_layer_avgpool(sd_builder *builder, sd_node x, sd_pool_spec spec)
{
    return SD_LAYER(builder, "avgpool", spec.name, SD_LAYER_PLAIN, pool(builder, x, spec, "avgpool", sd_avgpool));
}

static sd_node global_mean(sd_builder *b, sd_node x)
{
    if (!images(b, x, "global_avgpool"))
        return (sd_node){.graph = b->graph};
    return sd_mean(x, SD_AXIS(1) | SD_AXIS(2), false);
}

sd_node sd_layer_global_avgpool(sd_builder *builder, sd_node x, const char *name)
{
    return SD_LAYER(builder, "global_avgpool", name, SD_LAYER_PLAIN, global_mean(builder, x));
}
