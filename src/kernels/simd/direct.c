/* direct.c -- which convolution a call is, and whether the direct kernel takes it. */
#include "kernels/simd/direct.h"

#include "ops/conv_pool.h"
#include "ops/op.h"

static bool all_f32(const sd_call *call)
{
    for (int i = 0; i < call->n_in; i++)
        if (call->in[i].dtype != SD_F32 || !sd__dense(&call->in[i]))
            return false;
    return call->out[0].dtype == SD_F32;
}

/* Of operand 0; the filter's gradient has dy as operand 1, and is itself what lies where the others have the filter. */
static sd_direct geometry(const sd_call *call, const sd_window *window)
{
    const bool filter = call->op == &sd__op_conv2d_dw;
    const sd_tensor *x = &call->in[0], *w = filter ? &call->out[0] : &call->in[1], *y = filter ? &call->in[1] : &call->out[0];
    sd_direct d = {.images = x->shape.dim[0], .channels = x->shape.dim[3], .filters = y->shape.dim[3]};
    d.dilation = window->dilation[0];
    d.adjoint = call->op == &sd__op_conv2d_dx;
    for (int i = 0; i < 2; i++) {
        d.in[i] = x->shape.dim[1 + i];
        d.out[i] = d.adjoint ? y->shape.dim[1 + i] : sd__window_positions(call->attr, i);
        d.size[i] = w->shape.dim[i];
        d.stride[i] = window->stride[i];
        d.lo[i] = d.adjoint ? (d.size[i] - 1) * window->dilation[i] - window->pad_lo[i] : window->pad_lo[i];
    }
    d.row = ((d.out[1] - 1) * d.stride[1] + d.size[1]) * d.channels;
    return d;
}

/* Windows of 2 x 2 side by side, whose sums are at hand together. */
static bool pools_pairs(const sd_call *call)
{
    const sd_window *w = &((const sd_conv_pool_attr *)call->attr)->pool.window;
    for (int i = 0; i < 2; i++)
        if (w->size[i] != 2 || w->stride[i] != 2 || w->pad_lo[i] || w->pad_hi[i])
            return false;
    return true;
}

static bool geometry_of(const sd_call *call, sd_direct *d)
{
    const sd_window *window = &((const sd_conv_attr *)call->attr)->window;
    if (!all_f32(call) || window->groups != 1 || window->dilation[1] != 1)
        return false;
    if (call->op == &sd__op_conv2d_pool && !pools_pairs(call))
        return false;
    *d = geometry(call, window);
    return !d->adjoint || (d->stride[0] == 1 && d->stride[1] == 1);
}

bool sd__direct_of(const sd_call *call, sd_direct *d)
{
    if (!geometry_of(call, d))
        return false;
    const bool pool = call->op == &sd__op_conv2d_pool; /* two rows of sums at once */
    const int64_t reach = (d->size[0] - 1) * d->dilation + 1 + (pool ? d->stride[0] : 0);
    return d->filters % 16 == 0 && d->row * reach <= SD_DIRECT_ROOM && (!pool || d->out[1] <= SD_DIRECT_POOLED);
}

/*
 * Numbers that a product at one point adds up: so many at least, or beginning and ending its tiles costs what is saved. With 16 the
 * direct kernel is 15 to 25 % faster on a Zen 3 (v3), and as much slower on a Zen 4. A gradient in the filter adds up tiles.
 */
static int64_t least_depth(const sd_call *call)
{
    return call->level >= SD_LEVEL_V4 || call->op == &sd__op_conv2d_dw ? 16 : 32;
}

bool sd__winograd_of(const sd_call *call, sd_winograd *w)
{
    enum { MOST_DEPTH = 1024 }; /* every part holds as many for 14 tiles at 16 points */
    sd_direct *d = &w->d;
    if (!geometry_of(call, d) || d->stride[0] != 1 || d->stride[1] != 1 || d->dilation != 1)
        return false;
    w->products = 1;
    for (int i = 0; i < 2; i++) {
        const int64_t twos = (3 - d->size[i] % 3) % 3;
        if (d->size[i] == 1)
            return false;
        w->tiles[i] = (d->out[i] + 1) / 2;
        w->threes[i] = (d->size[i] - 2 * twos) / 3;
        w->blocks[i] = w->threes[i] + twos;
        w->products *= 4 * w->threes[i] + 3 * twos;
    }
    const int64_t products = w->tiles[0] * w->tiles[1] * w->products, depth = w->blocks[0] * w->blocks[1] * d->channels;
    const int64_t direct = d->out[0] * d->out[1] * d->size[0] * d->size[1];
    return d->channels % 16 == 0 && d->filters % 16 == 0 && depth >= least_depth(call) && depth <= MOST_DEPTH &&
           10 * products <= (d->channels < 32 ? 5 : 7) * direct;
}
