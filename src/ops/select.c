/*
 * select.c -- one of two values by a condition, elementwise.
 *
 * A tile is picked by the dtype of operand 0, the condition, which is always u8; so the attribute tells the dtype of the two
 * values, and the tile moves elements of that size.
 */
#include "ops/tile.h"

typedef struct select_attr {
    int64_t dtype; /* of both values and the result */
} select_attr;

static sd_status infer(sd_infer *c)
{
    char text[3][SD_SHAPE_TEXT];
    sd_dtype dtype = (sd_dtype)((const select_attr *)c->attr)->dtype;
    if (c->in[0].dtype != SD_U8)
        return sd__infer_fail(c, SD_EDTYPE, "the condition is %s; it must be u8, as sd_compare() gives it",
                              sd_dtype_name(c->in[0].dtype));
    if (c->in[1].dtype != dtype || c->in[2].dtype != dtype)
        return sd__infer_fail(c, SD_EDTYPE, "the values are %s and %s; they must agree (see sd_cast)",
                              sd_dtype_name(c->in[1].dtype), sd_dtype_name(c->in[2].dtype));
    if (!sd_shape_equal(c->in[0].shape, c->in[1].shape) || !sd_shape_equal(c->in[0].shape, c->in[2].shape))
        return sd__infer_fail(c, SD_ESHAPE, "condition %s, values %s and %s; they must agree",
                              sd_shape_text(c->in[0].shape, text[0]), sd_shape_text(c->in[1].shape, text[1]),
                              sd_shape_text(c->in[2].shape, text[2]));
    c->out[0] = c->in[1];
    return SD_OK;
}

#define SELECT(name, type)                                       \
    static void name(size_t n, const void *const *in, void *out) \
    {                                                            \
        const uint8_t *cond = in[0];                             \
        const type *a = in[1], *b = in[2];                       \
        type *y = out;                                           \
        for (size_t i = 0; i < n; i++)                           \
            y[i] = cond[i] ? a[i] : b[i];                        \
    }
SELECT(select_f32, float)
SELECT(select_f64, double)
SELECT(select_i32, int32_t)
SELECT(select_u8, uint8_t)
SELECT(select_bf16, uint16_t)

static void tile(size_t n, const void *const *in, void *out, const void *attr)
{
    static void (*const move[SD_DTYPE_COUNT])(size_t n, const void *const *in, void *out) = {
        [SD_F32] = select_f32, [SD_F64] = select_f64, [SD_I32] = select_i32, [SD_U8] = select_u8, [SD_BF16] = select_bf16};
    move[((const select_attr *)attr)->dtype](n, in, out);
}

/* Adding 0 * dy instead would let an infinite cotangent of the branch not taken through as NaN. */
static void vjp(sd_vjp_rule *r)
{
    sd_node cond = sd__operand(r->y, 0), zero = sd_constant_like(r->dy[0], 0);
    r->grad[1] = sd_select(cond, r->dy[0], zero);
    r->grad[2] = sd_select(cond, zero, r->dy[0]);
}

static sd_node example(sd_example *e)
{
    sd_shape shape = sd__example_any_shape(e, 0);
    sd_node cond = sd__example_input(e, SD_U8, shape, 0, 2);
    sd_node a = sd__example_real(e, shape);
    return sd_select(cond, a, sd__example_real(e, shape));
}

const sd_op sd__op_select = {
    .name = "select",
    .doc = "a where the condition is not 0, else b, elementwise",
    .kind = SD_ELEMENTWISE,
    .arity = 3,
    .attr_size = sizeof(select_attr),
    .infer = infer,
    .vjp = vjp,
    .tile = {[SD_U8] = tile},
    .example = example,
};

sd_node sd_select(sd_node cond, sd_node a, sd_node b)
{
    select_attr attr = {.dtype = sd_node_dtype(a)};
    sd_node operand[] = {cond, a, b};
    return sd__broadcast_together("select", 3, operand) ? sd__append(a.graph, &sd__op_select, &attr, 3, operand)
                                                        : sd__poison(a);
}
