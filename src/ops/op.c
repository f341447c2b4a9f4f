/* op.c -- what the files of many ops share: shape rules, broadcasting, walking and copying strided tensors. */
#include "ops/op.h"

/* As many as a leaf may have; products of sizes and of bytes per element below it cannot overflow. */
#define MOST_ELEMENTS ((int64_t)1 << 40)

sd_status sd__infer_shape(sd_infer *c, sd_shape shape)
{
    if (shape.rank < 0 || shape.rank > SD_MAX_RANK)
        return sd__infer_fail(c, SD_ESHAPE, "the result must have 0 to %d axes", SD_MAX_RANK);
    char text[SD_SHAPE_TEXT];
    int64_t count = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] < 1)
            return sd__infer_fail(c, SD_ESHAPE, "the result would be %s; every size must be at least 1",
                                  sd_shape_text(shape, text));
        if (shape.dim[i] > MOST_ELEMENTS / count)
            return sd__infer_fail(c, SD_ESHAPE, "the result would be %s, more than 2^40 elements", sd_shape_text(shape, text));
        count *= shape.dim[i];
    }
    return SD_OK;
}

sd_status sd__infer_same(sd_infer *c)
{
    char first[SD_SHAPE_TEXT], other[SD_SHAPE_TEXT];
    for (int i = 0; i < c->n_in; i++) {
        if (!sd_dtype_is_real(c->in[i].dtype))
            return sd__infer_fail(c, SD_EDTYPE, "operand %d is %s; it must be f32 or f64 (see sd_cast)", i,
                                  sd_dtype_name(c->in[i].dtype));
        if (c->in[i].dtype != c->in[0].dtype)
            return sd__infer_fail(c, SD_EDTYPE, "operand 0 is %s, operand %d is %s; they must agree (see sd_cast)",
                                  sd_dtype_name(c->in[0].dtype), i, sd_dtype_name(c->in[i].dtype));
        if (!sd_shape_equal(c->in[i].shape, c->in[0].shape))
            return sd__infer_fail(c, SD_ESHAPE, "operand 0 is %s, operand %d is %s; they must agree",
                                  sd_shape_text(c->in[0].shape, first), i, sd_shape_text(c->in[i].shape, other));
    }
    c->out[0] = c->in[0];
    return SD_OK;
}

/* Grows `shape` to what both shapes broadcast to; false if they do not fit. */
static bool merge(sd_shape *shape, sd_shape other)
{
    sd_shape longer = shape->rank >= other.rank ? *shape : other, shorter = shape->rank >= other.rank ? other : *shape;
    int shift = longer.rank - shorter.rank;
    for (int i = 0; i < shorter.rank; i++) {
        int64_t *size = &longer.dim[i + shift];
        if (*size != shorter.dim[i] && *size != 1 && shorter.dim[i] != 1)
            return false;
        *size = *size == 1 ? shorter.dim[i] : *size;
    }
    *shape = longer;
    return true;
}

bool sd__broadcast_together(const char *op, int n, sd_node *operand)
{
    for (int i = 0; i < n; i++)
        if (!sd__has(operand[i]))
            return false;
    sd_shape shape = sd_node_shape(operand[0]);
    for (int i = 1; i < n; i++) {
        sd_shape before = shape, other = sd_node_shape(operand[i]);
        char left[SD_SHAPE_TEXT], right[SD_SHAPE_TEXT];
        if (!merge(&shape, other)) {
            sd_graph_fail(operand[0].graph, SD_ESHAPE,
                          "%s: shapes %s and %s do not fit; sizes must agree from the last axis on, or be 1", op,
                          sd_shape_text(before, left), sd_shape_text(other, right));
            return false;
        }
    }
    for (int i = 0; i < n; i++)
        operand[i] = sd_broadcast(operand[i], shape);
    return true;
}

sd_shape_attr sd__shape_attr(sd_shape shape)
{
    sd_shape_attr attr = {.rank = shape.rank};
    for (int i = 0; i < shape.rank && i < SD_MAX_RANK; i++)
        attr.dim[i] = shape.dim[i];
    return attr;
}

sd_shape sd__attr_shape(sd_shape_attr attr) { return sd_shape_make((int)attr.rank, attr.dim); }

double sd__no_flops(const sd_type *in, const sd_type *out, const void *attr) { return 0; }

sd_walk sd__walk(sd_shape shape, int n, const sd_tensor *const *tensor)
{
    sd_walk walk = {.rank = shape.rank, .n = n, .left = sd_shape_count(shape)};
    for (int i = 0; i < shape.rank; i++) {
        walk.dim[i] = shape.dim[i];
        for (int k = 0; k < n; k++)
            walk.stride[k][i] = tensor[k]->stride[i];
    }
    return walk;
}

void sd__walk_next(sd_walk *walk)
{
    walk->left--;
    for (int i = walk->rank - 1; i >= 0; i--) {
        for (int k = 0; k < walk->n; k++)
            walk->offset[k] += walk->stride[k][i];
        if (++walk->index[i] < walk->dim[i])
            return;
        for (int k = 0; k < walk->n; k++)
            walk->offset[k] -= walk->dim[i] * walk->stride[k][i];
        walk->index[i] = 0;
    }
}

sd_tensor sd__subtensor(const sd_tensor *t, const int64_t *index, sd_shape shape, const int64_t *step)
{
    sd_tensor sub = {.dtype = t->dtype, .shape = shape};
    int64_t offset = 0;
    for (int i = 0; i < shape.rank; i++) {
        offset += index[i] * t->stride[i];
        sub.stride[i] = t->stride[i] * (step ? step[i] : 1);
    }
    /* As an integer: while a plan is made the memory may still be NULL. */
    sub.data = (void *)((uintptr_t)t->data + (uintptr_t)(offset * (int64_t)sd_dtype_size(t->dtype)));
    return sub;
}

/* A constant size, so that memcpy becomes one load and one store. */
#define COPY_ROW(name, bytes)                                                              \
    static void name(int64_t n, const char *from, int64_t step, char *to, int64_t to_step) \
    {                                                                                      \
        for (int64_t i = 0; i < n; i++)                                                    \
            memcpy(to + i * to_step * (bytes), from + i * step * (bytes), bytes);          \
    }
COPY_ROW(copy_row_1, 1)
COPY_ROW(copy_row_2, 2)
COPY_ROW(copy_row_4, 4)
COPY_ROW(copy_row_8, 8)

static void copy_row(size_t size, int64_t n, const char *from, int64_t step, char *to, int64_t to_step)
{
    if (step == 1 && to_step == 1)
        memcpy(to, from, (size_t)n * size);
    else if (size == 1)
        copy_row_1(n, from, step, to, to_step);
    else if (size == 2)
        copy_row_2(n, from, step, to, to_step);
    else if (size == 4)
        copy_row_4(n, from, step, to, to_step);
    else
        copy_row_8(n, from, step, to, to_step);
}

void sd__copy(const sd_tensor *from, const sd_tensor *to)
{
    int inner = from->shape.rank - 1;
    size_t size = sd_dtype_size(from->dtype);
    sd_shape outer = from->shape;
    int64_t n = 1, from_stride = 1, to_stride = 1;
    if (inner >= 0) {
        n = outer.dim[inner], from_stride = from->stride[inner], to_stride = to->stride[inner];
        outer.rank = inner;
        outer.dim[inner] = 0;
    }
    const char *source = from->data;
    char *target = to->data;
    for (sd_walk w = sd__walk(outer, 2, (const sd_tensor *[]){from, to}); w.left; sd__walk_next(&w))
        copy_row(size, n, source + w.offset[0] * (int64_t)size, from_stride, target + w.offset[1] * (int64_t)size, to_stride);
}

void sd__clear(const sd_tensor *t) { memset(t->data, 0, (size_t)sd_shape_count(t->shape) * sd_dtype_size(t->dtype)); }
