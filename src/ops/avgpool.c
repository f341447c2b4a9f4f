/* avgpool.c -- the mean of each window over its elements inside the image, and the adjoint; each is the other's derivative. */
#include "ops/check.h"
#include "ops/element.h"
#include "ops/pooling.h"

/* What a window covers of the image: rows [begin[0],end[0]), columns [begin[1],end[1]), and how many elements; never empty. */
typedef struct box {
    int64_t begin[2], end[2], count;
} box;

/* index: [b,h,w,c], of which h and w are the window's position */
static box covered(const sd_pool_attr *attr, const int64_t *index)
{
    box b = {.count = 1};
    for (int i = 0; i < 2; i++) {
        int64_t first = index[1 + i] * attr->window.stride[i] - attr->window.pad_lo[i];
        b.begin[i] = SD_MAX(first, 0);
        b.end[i] = SD_MIN(first + attr->window.size[i], attr->image[i]);
        b.count *= b.end[i] - b.begin[i];
    }
    return b;
}

/* ---- avgpool ---- */

static sd_status infer(sd_infer *c)
{
    c->out[0].dtype = c->in[0].dtype;
    return sd__infer_pooling(c, &c->out[0].shape);
}

static void run(const sd_args *args)
{
    const sd_tensor *x = &args->in[0], *y = &args->out[0];
    for (sd_walk k = sd__walk(y->shape, 1, &y); k.left > 0; sd__walk_next(&k)) {
        box b = covered(args->attr, k.index);
        double sum = 0;
        for (int64_t h = b.begin[0]; h < b.end[0]; h++)
            for (int64_t w = b.begin[1]; w < b.end[1]; w++)
                sum += sd__get(x, sd__at(x, k.index[0], h, w, k.index[3]));
        sd__put(y, k.offset[0], sum / (double)b.count);
    }
}

static void vjp(sd_vjp_rule *r) { r->grad[0] = sd__append1(&sd__op_avgpool_dx, sd__attr(r->y), r->dy[0]); }

sd_node sd_avgpool(sd_node x, sd_window window) { return sd__append_pooling(&sd__op_avgpool, x, window); }

const sd_op sd__op_avgpool = {
    .name = "avgpool",
    .doc = "mean of each window of [B,H,W,C] over its elements inside the image",
    .source = "LeCun et al. 1989, Backpropagation applied to handwritten zip code recognition",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(sd_pool_attr),
    .infer = infer,
    .vjp = vjp,
    .kernel = {[SD_F32] = run, [SD_F64] = run},
    .flops = sd__pooling_flops,
    .print = sd__window_print,
    .example = sd__example_pooling,
};

/* ---- avgpool_dx ---- */

static sd_status infer_dx(sd_infer *c)
{
    const sd_pool_attr *attr = c->attr;
    SD_TRY(sd__check_real(c, 1));
    SD_TRY(sd__check_rank(c, 0, "dy", 4, "[B,OH,OW,C]"));
    SD_TRY(sd__check_pooling(c));
    sd_shape dx = c->in[0].shape;
    for (int i = 0; i < 2; i++) {
        int64_t positions = sd__window_positions(attr, i);
        char text[SD_SHAPE_TEXT];
        if (dx.dim[1 + i] != positions)
            return sd__infer_fail(c, SD_ESHAPE, "dy is %s, but the window has %lld positions along the %s",
                                  sd_shape_text(dx, text), (long long)positions, i ? "width" : "height");
        dx.dim[1 + i] = attr->image[i];
    }
    c->out[0] = (sd_type){c->in[0].dtype, dx};
    return sd__infer_shape(c, dx);
}

static void run_dx(const sd_args *args)
{
    const sd_tensor *dy = &args->in[0], *dx = &args->out[0];
    sd__clear(dx);
    for (sd_walk k = sd__walk(dy->shape, 1, &dy); k.left > 0; sd__walk_next(&k)) {
        box b = covered(args->attr, k.index);
        double share = sd__get(dy, k.offset[0]) / (double)b.count;
        for (int64_t h = b.begin[0]; h < b.end[0]; h++)
            for (int64_t w = b.begin[1]; w < b.end[1]; w++) {
                int64_t to = sd__at(dx, k.index[0], h, w, k.index[3]);
                sd__put(dx, to, sd__get(dx, to) + share);
            }
    }
}

static void vjp_dx(sd_vjp_rule *r) { r->grad[0] = sd__append1(&sd__op_avgpool, sd__attr(r->y), r->dy[0]); }

sd_node sd_avgpool_dx(sd_node dy, sd_window window, int64_t height, int64_t width)
{
    sd_pool_attr attr = sd__window_attr(window, height, width);
    return sd__append1(&sd__op_avgpool_dx, &attr, dy);
}

static sd_node example_dx(sd_example *e)
{
    sd_shape x, y;
    sd_pool_attr attr = sd__pooling_example(e, &x, &y);
    return sd__append1(&sd__op_avgpool_dx, &attr, sd__example_real(e, y));
}

const sd_op sd__op_avgpool_dx = {
    .name = "avgpool_dx",
    .doc = "adjoint of avgpool: each element shared equally among the image elements of its window",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(sd_pool_attr),
    .infer = infer_dx,
    .vjp = vjp_dx,
    .kernel = {[SD_F32] = run_dx, [SD_F64] = run_dx},
    .flops = sd__pooling_flops,
    .print = sd__window_print,
    .example = example_dx,
};
