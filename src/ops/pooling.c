/* pooling.c -- what the files of the pooling ops share. */
#include "ops/pooling.h"

#include "ops/check.h"

sd_node sd__append_pooling(const sd_op *op, sd_node x, sd_window window)
{
    sd_shape shape = sd_node_shape(x);
    sd_pool_attr attr = sd__window_attr(window, shape.rank == 4 ? shape.dim[1] : 0, shape.rank == 4 ? shape.dim[2] : 0);
    return sd__append1(op, &attr, x);
}

sd_status sd__check_image(sd_infer *c, const int64_t image[2])
{
    int64_t height = image[0], width = image[1];
    if (height >= 1 && width >= 1 && height <= INT32_MAX && width <= INT32_MAX / height)
        return SD_OK;
    return sd__infer_fail(c, SD_ESHAPE, "an image of %lld x %lld; both sizes must be at least 1, their product below 2^31",
                          (long long)height, (long long)width);
}

sd_status sd__check_announced(sd_infer *c, const int64_t image[2])
{
    char text[SD_SHAPE_TEXT];
    sd_shape x = c->in[0].shape;
    if (x.dim[1] == image[0] && x.dim[2] == image[1])
        return SD_OK;
    return sd__infer_fail(c, SD_ESHAPE, "x is %s, but an image of %lld x %lld was announced", sd_shape_text(x, text),
                          (long long)image[0], (long long)image[1]);
}

sd_status sd__check_pooling(sd_infer *c)
{
    const sd_pool_attr *attr = c->attr;
    const sd_window *w = &attr->window;
    SD_TRY(sd__check_window(c, attr));
    SD_TRY(sd__check_image(c, attr->image));
    if (w->dilation[0] != 1 || w->dilation[1] != 1 || w->groups != 1)
        return sd__infer_fail(c, SD_EINVAL, "dilation %lld x %lld and %lld groups; pooling takes neither, all must be 1",
                              (long long)w->dilation[0], (long long)w->dilation[1], (long long)w->groups);
    for (int i = 0; i < 2; i++)
        if (w->pad_lo[i] >= w->size[i] || w->pad_hi[i] >= w->size[i])
            return sd__infer_fail(c, SD_EINVAL,
                                  "padding %lld + %lld along the %s; it must be smaller than the window of %lld, which would "
                                  "lie outside the image otherwise",
                                  (long long)w->pad_lo[i], (long long)w->pad_hi[i], i ? "width" : "height",
                                  (long long)w->size[i]);
    return SD_OK;
}

sd_status sd__infer_pooling(sd_infer *c, sd_shape *shape)
{
    const sd_pool_attr *attr = c->attr;
    SD_TRY(sd__check_real(c, 1));
    SD_TRY(sd__check_rank(c, 0, "x", 4, "[B,H,W,C]"));
    SD_TRY(sd__check_pooling(c));
    SD_TRY(sd__check_announced(c, attr->image));
    *shape = c->in[0].shape;
    for (int i = 0; i < 2; i++)
        shape->dim[1 + i] = sd__window_positions(attr, i);
    return sd__infer_shape(c, *shape);
}

double sd__pooling_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return sd__window_taps(attr) * (double)in[0].shape.dim[0] * (double)in[0].shape.dim[3];
}

sd_pool_attr sd__pooling_example(sd_example *e, sd_shape *x, sd_shape *y)
{
    sd_pool_attr attr = sd__window_example(e, true);
    int images = sd__example_int(e, 1, 3), channels = sd__example_int(e, 1, 5);
    *x = SD_SHAPE(images, attr.image[0], attr.image[1], channels);
    *y = SD_SHAPE(images, sd__window_positions(&attr, 0), sd__window_positions(&attr, 1), channels);
    return attr;
}

sd_node sd__example_pooling(sd_example *e)
{
    sd_shape x, y;
    sd_pool_attr attr = sd__pooling_example(e, &x, &y);
    return sd__append1(e->op, &attr, sd__example_real(e, x));
}
