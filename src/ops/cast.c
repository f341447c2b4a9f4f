/*
 * cast.c -- elements converted to another type.
 *
 * Every conversion goes through double, which holds each value of the five types exactly, so there is one rounding at most.
 * Real to integer cuts towards zero; what lies outside the integer's range becomes its nearest end, NaN becomes 0.
 */
#include "ops/op.h"

typedef struct cast_attr {
    int64_t dtype; /* of the result */
} cast_attr;

static inline double from_f32(float x) { return x; }
static inline double from_f64(double x) { return x; }
static inline double from_i32(int32_t x) { return x; }
static inline double from_u8(uint8_t x) { return x; }

/* bf16 is the upper half of a float. */
static inline double from_bf16(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float to_f32(double x) { return (float)x; }
static inline double to_f64(double x) { return x; }
static inline int32_t to_i32(double x)
{
    return x != x ? 0 : x >= INT32_MAX ? INT32_MAX : x <= INT32_MIN ? INT32_MIN : (int32_t)x;
}
static inline uint8_t to_u8(double x) { return x > 0 ? x >= UINT8_MAX ? UINT8_MAX : (uint8_t)x : 0; }

/*
 * To nearest even from the bits of a float. Where the float itself was rounded, its last bit is set to 1 after cutting
 * towards zero ("round to odd"), so that the second rounding decides as if it saw the double.
 */
static inline uint16_t to_bf16(double x)
{
    float value = (float)x;
    uint32_t bits;
    if (x != x)
        return 0x7fc0;
    memcpy(&bits, &value, sizeof bits);
    if ((double)value != x && isfinite(x)) {
        if (fabs((double)value) > fabs(x))
            bits--;
        bits |= 1;
    }
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#define TYPE_f32 float
#define TYPE_f64 double
#define TYPE_i32 int32_t
#define TYPE_u8 uint8_t
#define TYPE_bf16 uint16_t

typedef void convert(size_t n, const void *in, void *out);

#define CAST(from, to)                                              \
    static void from##_to_##to(size_t n, const void *in, void *out) \
    {                                                               \
        const TYPE_##from *x = in;                                  \
        TYPE_##to *y = out;                                         \
        for (size_t i = 0; i < n; i++)                              \
            y[i] = to_##to(from_##from(x[i]));                      \
    }

/* All casts from one type, and the tile that picks one by the attribute. */
#define CASTS(from)                                                                       \
    CAST(from, f32)                                                                       \
    CAST(from, f64)                                                                       \
    CAST(from, i32)                                                                       \
    CAST(from, u8)                                                                        \
    CAST(from, bf16)                                                                      \
    static convert *const convert_##from[SD_DTYPE_COUNT] = {                              \
        [SD_F32] = from##_to_f32, [SD_F64] = from##_to_f64,   [SD_I32] = from##_to_i32,   \
        [SD_U8] = from##_to_u8,   [SD_BF16] = from##_to_bf16,                             \
    };                                                                                    \
    static void cast_##from(size_t n, const void *const *in, void *out, const void *attr) \
    {                                                                                     \
        convert_##from[((const cast_attr *)attr)->dtype](n, in[0], out);                  \
    }
CASTS(f32)
CASTS(f64)
CASTS(i32)
CASTS(u8)
CASTS(bf16)

static sd_status infer(sd_infer *c)
{
    int64_t dtype = ((const cast_attr *)c->attr)->dtype;
    if (dtype < 0 || dtype >= SD_DTYPE_COUNT)
        return sd__infer_fail(c, SD_EDTYPE, "there is no element type number %lld", (long long)dtype);
    c->out[0] = (sd_type){(sd_dtype)dtype, c->in[0].shape};
    return SD_OK;
}

static bool floating(sd_dtype dtype) { return sd_dtype_is_real(dtype) || dtype == SD_BF16; }

/* Through an integer the derivative is zero: the function is a staircase. */
static void vjp(sd_vjp_rule *r)
{
    sd_dtype from = sd_node_dtype(sd__operand(r->y, 0));
    if (floating(from) && floating(sd_node_dtype(r->y)))
        r->grad[0] = sd_cast(r->dy[0], from);
}

/* In f64, where derivatives are tested by differences, only casts that lose nothing. */
static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    bool from_integer = sd__example_int(e, 0, 3) == 0; /* drawn for both types, so that both go on with the same numbers */
    if (from_integer || e->dtype == SD_F64)
        return sd_cast(sd__example_input(e, sd__example_int(e, 0, 1) ? SD_I32 : SD_U8, shape, 0, 255), e->dtype);
    sd_dtype to = (sd_dtype[]){SD_F64, SD_I32, SD_U8, SD_BF16}[sd__example_int(e, 0, 3)];
    return sd_cast(sd__example_input(e, e->dtype, shape, -300, 300), to);
}

const sd_op sd__op_cast = {
    .name = "cast",
    .doc = "elements converted to another type",
    .kind = SD_ELEMENTWISE,
    .arity = 1,
    .attr_size = sizeof(cast_attr),
    .infer = infer,
    .vjp = vjp,
    .tile = {[SD_F32] = cast_f32, [SD_F64] = cast_f64, [SD_I32] = cast_i32, [SD_U8] = cast_u8, [SD_BF16] = cast_bf16},
    .flops = sd__no_flops,
    .example = example,
};

sd_node sd_cast(sd_node x, sd_dtype dtype)
{
    cast_attr attr = {.dtype = dtype};
    return sd_node_dtype(x) == dtype ? x : sd__append1(&sd__op_cast, &attr, x);
}
