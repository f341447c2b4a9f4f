/*
 * constant.c -- values that need no operand: a number, and counting.
 *
 * Both ops make the smallest tensor that holds the information (one number, one axis); the builders repeat it with broadcast
 * views, which cost no memory.
 */
#include "ops/constant.h"
#include "ops/op.h"

typedef struct constant_attr {
    double value;
    int64_t dtype;
} constant_attr;

typedef struct iota_attr {
    int64_t length, dtype;
} iota_attr;

static sd_status infer_constant(sd_infer *c)
{
    const constant_attr *attr = c->attr;
    if (attr->dtype != SD_F32 && attr->dtype != SD_F64 && attr->dtype != SD_I32 && attr->dtype != SD_U8)
        return sd__infer_fail(c, SD_EDTYPE, "a constant must be f32, f64, i32 or u8, not %s",
                              sd_dtype_name((sd_dtype)attr->dtype));
    double low = attr->dtype == SD_I32 ? INT32_MIN : 0, high = attr->dtype == SD_I32 ? INT32_MAX : UINT8_MAX;
    bool integer = attr->dtype == SD_I32 || attr->dtype == SD_U8;
    if (integer && !(attr->value >= low && attr->value <= high && attr->value == floor(attr->value)))
        return sd__infer_fail(c, SD_EINVAL, "%g is no value of %s", attr->value, sd_dtype_name((sd_dtype)attr->dtype));
    c->out[0] = (sd_type){(sd_dtype)attr->dtype, sd_scalar_shape()};
    return SD_OK;
}

#define CONSTANT(name, type) \
    static void name(const sd_args *args) { *(type *)args->out[0].data = (type)((const constant_attr *)args->attr)->value; }
CONSTANT(constant_f32, float)
CONSTANT(constant_f64, double)
CONSTANT(constant_i32, int32_t)
CONSTANT(constant_u8, uint8_t)

static void print_constant(const void *attr, sd_string *text)
{
    sd__string_add(text, " value=%.9g", ((const constant_attr *)attr)->value);
}

static sd_node example_constant(sd_example *e)
{
    sd_dtype dtype = (sd_dtype[]){e->dtype, e->dtype, SD_I32, SD_U8}[sd__example_int(e, 0, 3)];
    constant_attr attr = {.value = sd__example_int(e, 0, 255) * (sd_dtype_is_real(dtype) ? -0.125 : 1), .dtype = dtype};
    return sd__append(e->graph, &sd__op_constant, &attr, 0, NULL);
}

const sd_op sd__op_constant = {
    .name = "constant",
    .doc = "one number, known when the graph is built",
    .kind = SD_COMPUTE,
    .attr_size = sizeof(constant_attr),
    .infer = infer_constant,
    .kernel = {[SD_F32] = constant_f32, [SD_F64] = constant_f64, [SD_I32] = constant_i32, [SD_U8] = constant_u8},
    .print = print_constant,
    .example = example_constant,
};

sd_node sd_constant(sd_graph *graph, sd_dtype dtype, sd_shape shape, double value)
{
    constant_attr attr = {.value = value, .dtype = dtype};
    return sd_broadcast(sd__append(graph, &sd__op_constant, &attr, 0, NULL), shape);
}

sd_node sd_constant_like(sd_node like, double value)
{
    if (!sd__has(like))
        return sd__poison(like);
    return sd_constant(like.graph, sd_node_dtype(like), sd_node_shape(like), value);
}

static sd_status infer_iota(sd_infer *c)
{
    const iota_attr *attr = c->attr;
    if (attr->dtype != SD_F32 && attr->dtype != SD_F64 && attr->dtype != SD_I32)
        return sd__infer_fail(c, SD_EDTYPE, "must be f32, f64 or i32, not %s", sd_dtype_name((sd_dtype)attr->dtype));
    if (attr->length > (attr->dtype == SD_F32 ? 1 << 24 : INT32_MAX))
        return sd__infer_fail(c, SD_ESHAPE, "%lld numbers do not fit into %s", (long long)attr->length,
                              sd_dtype_name((sd_dtype)attr->dtype));
    c->out[0] = (sd_type){(sd_dtype)attr->dtype, SD_SHAPE(attr->length)};
    return sd__infer_shape(c, c->out[0].shape);
}

#define IOTA(name, type)                                        \
    static void name(const sd_args *args)                       \
    {                                                           \
        type *y = args->out[0].data;                            \
        for (int64_t i = 0; i < args->out[0].shape.dim[0]; i++) \
            y[i] = (type)i;                                     \
    }
IOTA(iota_f32, float)
IOTA(iota_f64, double)
IOTA(iota_i32, int32_t)

static void print_iota(const void *attr, sd_string *text)
{
    sd__string_add(text, " length=%lld", (long long)((const iota_attr *)attr)->length);
}

static sd_node example_iota(sd_example *e)
{
    sd_dtype dtype = sd__example_int(e, 0, 3) ? e->dtype : SD_I32;
    iota_attr attr = {.length = sd__example_int(e, 1, 100), .dtype = dtype};
    return sd__append(e->graph, &sd__op_iota, &attr, 0, NULL);
}

const sd_op sd__op_iota = {
    .name = "iota",
    .doc = "0, 1, 2, ...",
    .kind = SD_COMPUTE,
    .attr_size = sizeof(iota_attr),
    .infer = infer_iota,
    .kernel = {[SD_F32] = iota_f32, [SD_F64] = iota_f64, [SD_I32] = iota_i32},
    .print = print_iota,
    .example = example_iota,
};

sd_node sd_iota(sd_graph *graph, sd_dtype dtype, sd_shape shape, int axis)
{
    if (axis < 0 || axis >= shape.rank)
        return sd_graph_fail(graph, SD_EINVAL, "iota: axis %d does not exist in a shape of %d axes", axis, shape.rank);
    iota_attr attr = {.length = shape.dim[axis], .dtype = dtype};
    sd_shape line = shape;
    for (int i = 0; i < shape.rank; i++)
        line.dim[i] = i == axis ? shape.dim[i] : 1;
    return sd_broadcast(sd_reshape(sd__append(graph, &sd__op_iota, &attr, 0, NULL), line), shape);
}

const double *sd__fill_value(sd_node value)
{
    while (sd__data(value)->op->kind == SD_VIEW)
        value = sd__operand(value, 0);
    return sd__data(value)->op == &sd__op_constant ? &((const constant_attr *)sd__attr(value))->value : NULL;
}
