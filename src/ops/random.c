/* random.c -- random numbers as a pure function of key, step, sample id and element (random.h). */
#include "ops/random.h"

#include "ops/op.h"

static sd_status infer(sd_infer *c)
{
    const sd_random_attr *attr = c->attr;
    char text[SD_SHAPE_TEXT];
    if (attr->dtype != SD_F32 && attr->dtype != SD_F64)
        return sd__infer_fail(c, SD_EDTYPE, "random numbers must be f32 or f64, not %s", sd_dtype_name((sd_dtype)attr->dtype));
    if (c->in[0].dtype != SD_I32 || c->in[0].shape.rank != 0)
        return sd__infer_fail(c, SD_EDTYPE, "the step is %s %s; it must be i32 []", sd_dtype_name(c->in[0].dtype),
                              sd_shape_text(c->in[0].shape, text));
    if (c->in[1].dtype != SD_I32 || c->in[1].shape.rank != 1)
        return sd__infer_fail(c, SD_EDTYPE, "the sample ids are %s %s; they must be i32 [B]", sd_dtype_name(c->in[1].dtype),
                              sd_shape_text(c->in[1].shape, text));
    if (attr->rank < 0 || attr->rank >= SD_MAX_RANK)
        return sd__infer_fail(c, SD_ESHAPE, "one sample may have 0 to %d axes", SD_MAX_RANK - 1);
    c->out[0] = (sd_type){(sd_dtype)attr->dtype, {.rank = (int)attr->rank + 1, .dim = {c->in[1].shape.dim[0]}}};
    memcpy(c->out[0].shape.dim + 1, attr->inner, (size_t)attr->rank * sizeof *attr->inner);
    return sd__infer_shape(c, c->out[0].shape);
}

static void fill_uniform_f32(uint64_t key, int32_t step, int32_t id, int64_t n, float *y)
{
    for (int64_t e = 0; e < n; e += 4) {
        sd_philox block = sd__random_block(key, step, id, e / 4);
        for (int64_t i = e; i < e + 4 && i < n; i++)
            y[i] = sd__unit_f32(block.word[i - e]);
    }
}

static void fill_uniform_f64(uint64_t key, int32_t step, int32_t id, int64_t n, double *y)
{
    for (int64_t e = 0; e < n; e += 4) {
        sd_philox high = sd__random_block(key, step, id, e / 4);
        sd_philox low = sd__random_block(key + SD_RANDOM_LOW_BITS, step, id, e / 4);
        for (int64_t i = e; i < e + 4 && i < n; i++)
            y[i] = sd__unit_f64(high.word[i - e], low.word[i - e]);
    }
}

/* Box & Muller 1958, four elements of a block at a time; the last block may be longer than the sample. */
#define FILL_NORMAL(suffix, type, log, sqrt, cos, sin)                                   \
    static void normal_block_##suffix(type u[4])                                         \
    {                                                                                    \
        for (int i = 0; i < 4; i += 2) {                                                 \
            type radius = sqrt(-2 * log(1 - u[i])), angle = (type)(2 * M_PI) * u[i + 1]; \
            u[i] = radius * cos(angle);                                                  \
            u[i + 1] = radius * sin(angle);                                              \
        }                                                                                \
    }
FILL_NORMAL(f32, float, logf, sqrtf, cosf, sinf)
FILL_NORMAL(f64, double, log, sqrt, cos, sin)

static void fill_normal_f32(uint64_t key, int32_t step, int32_t id, int64_t n, float *y)
{
    for (int64_t e = 0; e < n; e += 4) {
        sd_philox block = sd__random_block(key, step, id, e / 4);
        float u[4];
        for (int i = 0; i < 4; i++)
            u[i] = sd__unit_f32(block.word[i]);
        normal_block_f32(u);
        memcpy(y + e, u, (size_t)SD_MIN(n - e, 4) * sizeof *y);
    }
}

static void fill_normal_f64(uint64_t key, int32_t step, int32_t id, int64_t n, double *y)
{
    for (int64_t e = 0; e < n; e += 4) {
        sd_philox high = sd__random_block(key, step, id, e / 4);
        sd_philox low = sd__random_block(key + SD_RANDOM_LOW_BITS, step, id, e / 4);
        double u[4];
        for (int i = 0; i < 4; i++)
            u[i] = sd__unit_f64(high.word[i], low.word[i]);
        normal_block_f64(u);
        memcpy(y + e, u, (size_t)SD_MIN(n - e, 4) * sizeof *y);
    }
}

/* A kernel that fills one sample after the other. */
#define SAMPLES(name, type)                                                                                             \
    static void name(const sd_args *args)                                                                               \
    {                                                                                                                   \
        const int32_t *step = args->in[0].data, *id = args->in[1].data;                                                 \
        int64_t samples = args->in[1].shape.dim[0];                                                                     \
        int64_t n = sd_shape_count(args->out[0].shape) / samples;                                                       \
        type *y = args->out[0].data;                                                                                    \
        for (int64_t b = 0; b < samples; b++)                                                                           \
            fill_##name(((const sd_random_attr *)args->attr)->key, *step, id[b * args->in[1].stride[0]], n, y + b * n); \
    }
SAMPLES(uniform_f32, float)
SAMPLES(uniform_f64, double)
SAMPLES(normal_f32, float)
SAMPLES(normal_f64, double)

static void print(const void *attr, sd_string *text)
{
    sd__string_add(text, " key=%016llx", (unsigned long long)((const sd_random_attr *)attr)->key);
}

static sd_node append(const sd_op *op, sd_node step, sd_node ids, sd_dtype dtype, sd_shape inner)
{
    if (!sd__has(step) || !sd__has(ids))
        return sd__poison(step);
    sd_random_attr attr = {.key = sd__random_key(step.graph), .dtype = dtype, .rank = inner.rank};
    for (int i = 0; i < inner.rank; i++)
        attr.inner[i] = inner.dim[i];
    return sd__append2(op, &attr, step, ids);
}

static sd_node example(sd_example *e)
{
    sd_node step = sd__example_input(e, SD_I32, sd_scalar_shape(), 0, 1000);
    sd_node ids = sd__example_input(e, SD_I32, sd__example_shape(e, 1, 5), 0, 1e6);
    return append(e->op, step, ids, e->dtype, sd__example_any_shape(e, 0));
}

const sd_op sd__op_random_uniform = {
    .name = "random_uniform",
    .doc = "uniform numbers in [0,1)",
    .source = "Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_random_attr),
    .infer = infer,
    .kernel = {[SD_F32] = uniform_f32, [SD_F64] = uniform_f64},
    .flops = sd__no_flops,
    .print = print,
    .example = example,
    .random = true,
};

const sd_op sd__op_random_normal = {
    .name = "random_normal",
    .doc = "standard normal numbers",
    .source = "Box & Muller 1958, A note on the generation of random normal deviates",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_random_attr),
    .infer = infer,
    .kernel = {[SD_F32] = normal_f32, [SD_F64] = normal_f64},
    .flops = sd__no_flops,
    .print = print,
    .example = example,
    .random = true,
};

sd_node sd_random_uniform(sd_node step, sd_node ids, sd_dtype dtype, sd_shape inner)
{
    return append(&sd__op_random_uniform, step, ids, dtype, inner);
}

sd_node sd_random_normal(sd_node step, sd_node ids, sd_dtype dtype, sd_shape inner)
{
    return append(&sd__op_random_normal, step, ids, dtype, inner);
}
