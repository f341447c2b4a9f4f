/* sum.c -- sums and means over axes, in the order that sum.h fixes. */
#include "ops/sum.h"
#include "ops/reduce.h"

/*
 * Elements that do not follow each other are copied together first, a block at a time, so that any strides give the same bits.
 */
#define SUM(suffix, type)                                                                         \
    static type sum_apart_##suffix(const type *x, sd_walk *walk, int64_t n)                       \
    {                                                                                             \
        type block[SD_SUM_BLOCK], total = 0;                                                      \
        for (int64_t done = 0; done < n;) {                                                       \
            int64_t count = SD_MIN(n - done, SD_SUM_BLOCK);                                       \
            for (int64_t i = 0; i < count; i++, sd__walk_next(walk))                              \
                block[i] = x[walk->offset[0]];                                                    \
            total += sd__sum_block_##suffix(block, count);                                        \
            done += count;                                                                        \
        }                                                                                         \
        return total;                                                                             \
    }                                                                                             \
    static type sum_run_##suffix(const sd_reduction *r, sd_walk *walk)                            \
    {                                                                                             \
        if (!r->dense)                                                                            \
            return sum_apart_##suffix(r->x.data, walk, r->run);                                   \
        type total = sd__sum_run_##suffix((const type *)r->x.data + walk->offset[0], r->run);     \
        sd__walk_next(walk);                                                                      \
        return total;                                                                             \
    }                                                                                             \
    static type sum_terms_##suffix(const sd_reduction *r, sd_walk *walk)                          \
    {                                                                                             \
        type total = 0, group = 0;                                                                \
        for (int64_t i = 0; i < r->terms; i++) {                                                  \
            group += sum_run_##suffix(r, walk);                                                   \
            if ((i + 1) % SD_SUM_GROUP == 0 || i + 1 == r->terms) {                               \
                total += group;                                                                   \
                group = 0;                                                                        \
            }                                                                                     \
        }                                                                                         \
        return total;                                                                             \
    }                                                                                             \
    static void sum_##suffix(const sd_args *args)                                                 \
    {                                                                                             \
        sd_reduction r = sd__reduction(&args->in[0], ((const sd_reduce_attr *)args->attr)->axes); \
        sd_shape walked = sd_shape_make(r.dense ? r.head : r.x.shape.rank, r.x.shape.dim);        \
        sd_walk walk = sd__walk(walked, 1, (const sd_tensor *[]){&r.x});                          \
        type *y = args->out[0].data;                                                              \
        for (int64_t i = 0; i < r.kept; i++)                                                      \
            y[i] = sum_terms_##suffix(&r, &walk);                                                 \
    }
SUM(f32, float)
SUM(f64, double)

static void vjp(sd_vjp_rule *r)
{
    const sd_reduce_attr *attr = sd__attr(r->y);
    sd_shape shape = sd_node_shape(sd__operand(r->y, 0));
    r->grad[0] = sd_broadcast(sd_reshape(r->dy[0], sd__shape_kept(shape, attr->axes)), shape);
}

const sd_op sd__op_sum = {
    .name = "sum",
    .doc = "sum over a set of axes",
    .kind = SD_COMPUTE,
    .arity = 1,
    .attr_size = sizeof(sd_reduce_attr),
    .infer = sd__infer_reduce,
    .vjp = vjp,
    .kernel = {[SD_F32] = sum_f32, [SD_F64] = sum_f64},
    .flops = sd__flops_reduce,
    .print = sd__print_reduce,
    .example = sd__example_reduce,
};

sd_node sd_sum(sd_node x, uint32_t axes, bool keep) { return sd__append_reduce(&sd__op_sum, x, axes, keep); }

/* Divided, not multiplied by 1/n: the mean of equal numbers whose sum is exact is that number. */
sd_node sd_mean(sd_node x, uint32_t axes, bool keep)
{
    sd_node sum = sd_sum(x, axes, keep);
    if (!sd__has(sum))
        return sum;
    double n = (double)sd_shape_count(sd_node_shape(x)) / (double)sd_shape_count(sd_node_shape(sum));
    return n == 1 ? sum : sd_div(sum, sd_constant_like(sum, n));
}
