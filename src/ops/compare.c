/* compare.c -- comparisons, elementwise; the result is u8, 0 or 1. */
#include "ops/tile.h"

typedef struct compare_attr {
    int64_t op; /* sd_comparison */
} compare_attr;

static const char *const symbol[] = {
    [SD_EQ] = "==", [SD_NE] = "!=", [SD_LT] = "<", [SD_LE] = "<=", [SD_GT] = ">", [SD_GE] = ">="};

static bool comparable(sd_dtype dtype) { return dtype == SD_F32 || dtype == SD_F64 || dtype == SD_I32 || dtype == SD_U8; }

static sd_status infer(sd_infer *c)
{
    char left[SD_SHAPE_TEXT], right[SD_SHAPE_TEXT];
    const sd_type *a = &c->in[0], *b = &c->in[1];
    int64_t op = ((const compare_attr *)c->attr)->op;
    if (op < 0 || op >= (int64_t)SD_COUNT(symbol))
        return sd__infer_fail(c, SD_EINVAL, "there is no comparison number %lld", (long long)op);
    if (a->dtype != b->dtype || !comparable(a->dtype))
        return sd__infer_fail(c, SD_EDTYPE, "operands are %s and %s; both must be the same of f32, f64, i32, u8",
                              sd_dtype_name(a->dtype), sd_dtype_name(b->dtype));
    if (!sd_shape_equal(a->shape, b->shape))
        return sd__infer_fail(c, SD_ESHAPE, "operands are %s and %s; they must agree", sd_shape_text(a->shape, left),
                              sd_shape_text(b->shape, right));
    c->out[0] = (sd_type){SD_U8, a->shape};
    return SD_OK;
}

#define COMPARE(name, type)                                                                             \
    SD_TILE2(name##_eq, type, uint8_t, a == b)                                                          \
    SD_TILE2(name##_ne, type, uint8_t, a != b)                                                          \
    SD_TILE2(name##_lt, type, uint8_t, a < b)                                                           \
    SD_TILE2(name##_le, type, uint8_t, a <= b)                                                          \
    SD_TILE2(name##_gt, type, uint8_t, a > b)                                                           \
    SD_TILE2(name##_ge, type, uint8_t, a >= b)                                                          \
    static void name(size_t n, const void *const *in, void *out, const void *attr)                      \
    {                                                                                                   \
        static sd_tile *const tile[] = {[SD_EQ] = name##_eq, [SD_NE] = name##_ne, [SD_LT] = name##_lt,  \
                                        [SD_LE] = name##_le, [SD_GT] = name##_gt, [SD_GE] = name##_ge}; \
        tile[((const compare_attr *)attr)->op](n, in, out, attr);                                       \
    }
COMPARE(compare_f32, float)
COMPARE(compare_f64, double)
COMPARE(compare_i32, int32_t)
COMPARE(compare_u8, uint8_t)

static void print(const void *attr, sd_string *text) { sd__string_add(text, " %s", symbol[((const compare_attr *)attr)->op]); }

/* Small integers, so that equal pairs occur; or reals of the trial's type. */
static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    sd_dtype dtype = (sd_dtype[]){e->dtype, e->dtype, SD_I32, SD_U8}[sd__example_int(e, 0, 3)];
    double lo = dtype == SD_U8 ? 0 : -2;
    sd_node a = sd__example_input(e, dtype, shape, lo, 2);
    sd_node b = sd__example_input(e, dtype, shape, lo, 2);
    return sd_compare(a, (sd_comparison)sd__example_int(e, SD_EQ, SD_GE), b);
}

const sd_op sd__op_compare = {
    .name = "compare",
    .doc = "1 where a OP b holds, else 0, elementwise, u8; derivative zero",
    .kind = SD_ELEMENTWISE,
    .arity = 2,
    .attr_size = sizeof(compare_attr),
    .infer = infer,
    .tile = {[SD_F32] = compare_f32, [SD_F64] = compare_f64, [SD_I32] = compare_i32, [SD_U8] = compare_u8},
    .print = print,
    .example = example,
    .sample = {.ties = true},
};

sd_node sd_compare(sd_node a, sd_comparison op, sd_node b)
{
    compare_attr attr = {.op = op};
    sd_node operand[] = {a, b};
    return sd__broadcast_together("compare", 2, operand) ? sd__append(a.graph, &sd__op_compare, &attr, 2, operand)
                                                         : sd__poison(a);
}
