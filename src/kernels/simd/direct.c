/* direct.c -- which convolution a call is, and whether the direct kernel takes it. */
#include "kernels/simd/direct.h"

#include "ops/conv.h"
#include "ops/op.h"

static bool all_f32(const sd_call *call)
{
    for (int i = 0; i < call->n_in; i++)
        if (call->in[i].dtype != SD_F32 || !sd__dense(&call->in[i]))
            return false;
    return call->out[0].dtype == SD_F32;
}

static sd_direct geometry(const sd_call *call, const sd_window *window)
{
    const sd_tensor *x = &call->in[0], *w = &call->in[1], *y = &call->out[0];
    sd_direct d = {.images = x->shape.dim[0], .channels = x->shape.dim[3], .filters = y->shape.dim[3]};
    d.dilation = window->dilation[0];
    d.adjoint = call->op == &sd__op_conv2d_dx;
    for (int i = 0; i < 2; i++) {
        d.in[i] = x->shape.dim[1 + i];
        d.out[i] = y->shape.dim[1 + i];
        d.size[i] = w->shape.dim[i];
        d.stride[i] = window->stride[i];
        d.lo[i] = d.adjoint ? (d.size[i] - 1) * window->dilation[i] - window->pad_lo[i] : window->pad_lo[i];
    }
    d.row = ((d.out[1] - 1) * d.stride[1] + d.size[1]) * d.channels;
    return d;
}

bool sd__direct_of(const sd_call *call, sd_direct *d)
{
    const sd_window *window = &((const sd_conv_attr *)call->attr)->window;
    if (!all_f32(call) || window->groups != 1 || window->dilation[1] != 1)
        return false;
    *d = geometry(call, window);
    if (d->adjoint && (d->stride[0] != 1 || d->stride[1] != 1))
        return false;
    int64_t reach = (d->size[0] - 1) * d->dilation + 1;
    return d->filters % 16 == 0 && d->row * reach <= SD_DIRECT_ROOM;
}
