/*
 * maxpool.c -- the largest element of each window, and the two ops that move elements by the winners' index.
 *
 * The index of the winner is a result of its own. Given the index, pooling is linear: pool_gather reads the elements at it,
 * pool_scatter adds elements to it, and each is the other's derivative. So the family is closed under differentiation.
 */
#include "ops/check.h"
#include "ops/element.h"
#include "ops/pool.h"
#include "ops/pooling.h"

/* ---- maxpool ---- */

static sd_status infer(sd_infer *c)
{
    sd_shape shape;
    SD_TRY(sd__infer_pooling(c, &shape));
    c->n_out = 2;
    c->out[0] = (sd_type){c->in[0].dtype, shape};
    c->out[1] = (sd_type){SD_I32, shape};
    return SD_OK;
}

/* A NaN beats every number, so that it is seen; the first of equals wins. */
static bool beats(double value, double best) { return value > best || (isnan(value) && !isnan(best)); }

/* h * W + w of the winner in the window at position i; every window has an element inside the image. */
static int64_t winner(const sd_pool_attr *a, const sd_tensor *x, const int64_t i[4], double *best)
{
    int64_t found = -1;
    for (int64_t r = 0; r < a->window.size[0]; r++)
        for (int64_t s = 0; s < a->window.size[1]; s++) {
            int64_t h = sd__window_element(a, 0, i[1], r), w = sd__window_element(a, 1, i[2], s);
            if (h < 0 || w < 0)
                continue;
            double value = sd__get(x, sd__at(x, i[0], h, w, i[3]));
            if (found < 0 || beats(value, *best)) {
                found = h * a->image[1] + w;
                *best = value;
            }
        }
    return found;
}

static void run(const sd_args *args)
{
    const sd_tensor *y = &args->out[0];
    int32_t *index = args->out[1].data;
    for (sd_walk k = sd__walk(y->shape, 1, &y); k.left > 0; sd__walk_next(&k)) {
        double best = 0;
        index[k.offset[0]] = (int32_t)winner(args->attr, &args->in[0], k.index, &best);
        sd__put(y, k.offset[0], best);
    }
}

static void vjp(sd_vjp_rule *r)
{
    const sd_pool_attr *attr = sd__attr(r->y);
    if (sd__has(r->dy[0]))
        r->grad[0] = sd_pool_scatter(r->dy[0], sd_node_result(r->y, 1), attr->image[0], attr->image[1]);
}

sd_node sd_maxpool(sd_node x, sd_window window) { return sd__append_pooling(&sd__op_maxpool, x, window); }

const sd_op sd__op_maxpool = {
    .name = "maxpool",
    .doc = "largest element of each window of [B,H,W,C]; result 1: the winner's h*W+w, the first of equals",
    .source = "Ranzato et al. 2007, CVPR",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(sd_pool_attr),
    .infer = infer,
    .vjp = vjp,
    .kernel = {[SD_F32] = run, [SD_F64] = run},
    .flops = sd__pooling_flops,
    .print = sd__window_print,
    .example = sd__example_pooling,
    .sample = {.ties = true},
};

/* ---- pool_gather and pool_scatter ---- */

static sd_status check_index(sd_infer *c, const char *name)
{
    const sd_pool_index_attr *attr = c->attr;
    SD_TRY(sd__check_real(c, 1));
    SD_TRY(sd__check_rank(c, 0, name, 4, "[B,H,W,C]"));
    SD_TRY(sd__check_i32(c, 1, "index"));
    SD_TRY(sd__check_rank(c, 1, "index", 4, "[B,OH,OW,C]"));
    return sd__check_image(c, attr->image);
}

static sd_status infer_gather(sd_infer *c)
{
    const sd_pool_index_attr *attr = c->attr;
    SD_TRY(check_index(c, "x"));
    sd_shape x = c->in[0].shape, index = c->in[1].shape;
    char have[SD_SHAPE_TEXT], other[SD_SHAPE_TEXT];
    if (x.dim[0] != index.dim[0] || x.dim[3] != index.dim[3])
        return sd__infer_fail(c, SD_ESHAPE, "x %s, index %s: the first and last sizes must be equal", sd_shape_text(x, have),
                              sd_shape_text(index, other));
    SD_TRY(sd__check_announced(c, attr->image));
    c->out[0] = (sd_type){c->in[0].dtype, index};
    return SD_OK;
}

static sd_status infer_scatter(sd_infer *c)
{
    const sd_pool_index_attr *attr = c->attr;
    SD_TRY(check_index(c, "y"));
    SD_TRY(sd__check_shape(c, 1, "index", c->in[0].shape, "one index an element of y"));
    c->out[0] = c->in[0];
    c->out[0].shape.dim[1] = attr->image[0];
    c->out[0].shape.dim[2] = attr->image[1];
    return sd__infer_shape(c, c->out[0].shape);
}

/* Where in the larger image the index at i points, or -1: an index outside it stands for no element. */
static int64_t target(const sd_pool_index_attr *attr, const sd_tensor *index, const sd_tensor *image, const int64_t i[4])
{
    int64_t to = ((const int32_t *)index->data)[sd__at(index, i[0], i[1], i[2], i[3])];
    if (to < 0 || to >= attr->image[0] * attr->image[1])
        return -1;
    return sd__at(image, i[0], to / attr->image[1], to % attr->image[1], i[3]);
}

static void run_gather(const sd_args *args)
{
    const sd_tensor *x = &args->in[0], *y = &args->out[0];
    for (sd_walk k = sd__walk(y->shape, 1, &y); k.left > 0; sd__walk_next(&k)) {
        int64_t from = target(args->attr, &args->in[1], x, k.index);
        sd__put(y, k.offset[0], from < 0 ? 0 : sd__get(x, from));
    }
}

/* Windows that overlap add to one element, in the order of their positions. */
static void run_scatter(const sd_args *args)
{
    const sd_tensor *y = &args->in[0], *x = &args->out[0];
    sd__clear(x);
    for (sd_walk k = sd__walk(y->shape, 1, &y); k.left > 0; sd__walk_next(&k)) {
        int64_t to = target(args->attr, &args->in[1], x, k.index);
        if (to >= 0)
            sd__put(x, to, sd__get(x, to) + sd__get(y, k.offset[0]));
    }
}

static void vjp_gather(sd_vjp_rule *r)
{
    const sd_pool_index_attr *attr = sd__attr(r->y);
    r->grad[0] = sd_pool_scatter(r->dy[0], sd__operand(r->y, 1), attr->image[0], attr->image[1]);
}

static void vjp_scatter(sd_vjp_rule *r) { r->grad[0] = sd_pool_gather(r->dy[0], sd__operand(r->y, 1)); }

static double scatter_flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return (double)sd_shape_count(in[0].shape);
}

static void print_image(const void *attr, sd_string *text)
{
    const sd_pool_index_attr *a = attr;
    sd__string_add(text, " image=%lldx%lld", (long long)a->image[0], (long long)a->image[1]);
}

sd_node sd_pool_gather(sd_node x, sd_node index)
{
    sd_shape shape = sd_node_shape(x);
    sd_pool_index_attr attr = {{shape.rank == 4 ? shape.dim[1] : 0, shape.rank == 4 ? shape.dim[2] : 0}};
    return sd__append2(&sd__op_pool_gather, &attr, x, index);
}

sd_node sd_pool_scatter(sd_node y, sd_node index, int64_t height, int64_t width)
{
    sd_pool_index_attr attr = {{height, width}};
    return sd__append2(&sd__op_pool_scatter, &attr, y, index);
}

static sd_node draw_index(sd_example *e, sd_shape image, sd_shape shape)
{
    return sd__example_input(e, SD_I32, shape, 0, (double)(image.dim[1] * image.dim[2] - 1));
}

static sd_node example_gather(sd_example *e)
{
    sd_shape x, y;
    sd__pooling_example(e, &x, &y);
    sd_node image = sd__example_real(e, x);
    return sd_pool_gather(image, draw_index(e, x, y));
}

static sd_node example_scatter(sd_example *e)
{
    sd_shape x, y;
    sd__pooling_example(e, &x, &y);
    sd_node pooled = sd__example_real(e, y);
    return sd_pool_scatter(pooled, draw_index(e, x, y), x.dim[1], x.dim[2]);
}

const sd_op sd__op_pool_gather = {
    .name = "pool_gather",
    .doc = "the elements of an image at given h*W+w, channel by channel; zero for an index outside it",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_pool_index_attr),
    .infer = infer_gather,
    .vjp = vjp_gather,
    .kernel = {[SD_F32] = run_gather, [SD_F64] = run_gather},
    .flops = sd__no_flops,
    .print = print_image,
    .example = example_gather,
};

const sd_op sd__op_pool_scatter = {
    .name = "pool_scatter",
    .doc = "adjoint of pool_gather: elements added into a zero image at given h*W+w, channel by channel",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_pool_index_attr),
    .infer = infer_scatter,
    .vjp = vjp_scatter,
    .kernel = {[SD_F32] = run_scatter, [SD_F64] = run_scatter},
    .flops = scatter_flops,
    .print = print_image,
    .example = example_scatter,
};
