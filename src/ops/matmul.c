/* matmul.c -- matrix product over the last two axes, batched over those before, each operand transposed or not. */
#include "ops/matmul.h"

#include "ops/check.h"
#include "ops/element.h"
#include "ops/op.h"

/* What the product sums over: rows of b, columns of a (after transposing). */
static int64_t depth(sd_shape a, const sd_matmul_attr *attr) { return a.dim[a.rank - (attr->transposed_a ? 2 : 1)]; }

static sd_status infer_batch(sd_infer *c, sd_shape a, sd_shape b)
{
    char left[SD_SHAPE_TEXT], right[SD_SHAPE_TEXT];
    if (a.rank < 2 || b.rank != a.rank)
        return sd__infer_fail(c, SD_ESHAPE, "a %s, b %s: both must have the same number of axes, two at least",
                              sd_shape_text(a, left), sd_shape_text(b, right));
    for (int i = 0; i < a.rank - 2; i++)
        if (a.dim[i] != b.dim[i])
            return sd__infer_fail(c, SD_ESHAPE, "a %s, b %s: axis %d counts matrices and must be equal", sd_shape_text(a, left),
                                  sd_shape_text(b, right), i);
    return SD_OK;
}

static sd_status infer(sd_infer *c)
{
    const sd_matmul_attr *attr = c->attr;
    sd_shape a = c->in[0].shape, b = c->in[1].shape;
    SD_TRY(sd__check_real(c, 3));
    SD_TRY(infer_batch(c, a, b));
    int64_t inner = b.dim[b.rank - (attr->transposed_b ? 1 : 2)];
    if (depth(a, attr) != inner) {
        char left[SD_SHAPE_TEXT], right[SD_SHAPE_TEXT];
        return sd__infer_fail(
            c, SD_ESHAPE, "a%s %s, b%s %s: the product sums over %lld columns of a and %lld rows of b, which must be equal",
            attr->transposed_a ? " transposed from" : "", sd_shape_text(a, left), attr->transposed_b ? " transposed from" : "",
            sd_shape_text(b, right), (long long)depth(a, attr), (long long)inner);
    }
    c->out[0] = c->in[0];
    c->out[0].shape.dim[a.rank - 2] = a.dim[a.rank - (attr->transposed_a ? 1 : 2)];
    c->out[0].shape.dim[a.rank - 1] = b.dim[b.rank - (attr->transposed_b ? 2 : 1)];
    return sd__infer_shape(c, c->out[0].shape);
}

/* For y = a b: da = dy b', db = a' dy; a transposed operand asks for the transposed product, hence the swapped order. */
static void vjp(sd_vjp_rule *r)
{
    const sd_matmul_attr *attr = sd__attr(r->y);
    bool ta = attr->transposed_a, tb = attr->transposed_b;
    sd_node a = sd__operand(r->y, 0), b = sd__operand(r->y, 1), dy = r->dy[0];
    r->grad[0] = ta ? sd_matmul(b, tb, dy, true) : sd_matmul(dy, false, b, !tb);
    r->grad[1] = tb ? sd_matmul(dy, true, a, ta) : sd_matmul(a, !ta, dy, false);
}

/* Walks y with a repeated along its columns and b along its rows; each element is one inner product. */
static void run(const sd_args *args)
{
    const sd_matmul_attr *attr = args->attr;
    const sd_tensor *y = &args->out[0];
    sd_tensor a = args->in[0], b = args->in[1];
    int column = y->shape.rank - 1, row = column - 1;
    int a_inner = attr->transposed_a ? row : column, b_inner = attr->transposed_b ? column : row;
    int64_t n = depth(a.shape, attr), a_step = a.stride[a_inner], b_step = b.stride[b_inner];

    a.stride[row] = a.stride[row + column - a_inner];
    a.stride[column] = 0;
    b.stride[column] = b.stride[row + column - b_inner];
    b.stride[row] = 0;
    a.shape = b.shape = y->shape;
    const sd_tensor *operand[] = {y, &a, &b};
    for (sd_walk w = sd__walk(y->shape, 3, operand); w.left > 0; sd__walk_next(&w))
        sd__put(y, w.offset[0], sd__strided_dot(&a, w.offset[1], a_step, &b, w.offset[2], b_step, n));
}

static double flops(const sd_type *in, const sd_type *out, const void *attr)
{
    return 2.0 * (double)depth(in[0].shape, attr) * (double)sd_shape_count(out[0].shape);
}

static void print(const void *attr, sd_string *text)
{
    const sd_matmul_attr *a = attr;
    sd__string_add(text, " ta=%d tb=%d", (int)a->transposed_a, (int)a->transposed_b);
}

sd_node sd_matmul(sd_node a, bool transposed_a, sd_node b, bool transposed_b)
{
    sd_matmul_attr attr = {transposed_a, transposed_b};
    return sd__append2(&sd__op_matmul, &attr, a, b);
}

static sd_shape matrix(sd_shape batch, int64_t rows, int64_t columns)
{
    batch.dim[batch.rank++] = rows;
    batch.dim[batch.rank++] = columns;
    return batch;
}

static sd_node example(sd_example *e)
{
    bool ta = sd__example_int(e, 0, 1), tb = sd__example_int(e, 0, 1);
    int m = sd__example_int(e, 1, 9), k = sd__example_int(e, 1, 19), n = sd__example_int(e, 1, 9);
    sd_shape batch = sd__example_shape(e, sd__example_int(e, 0, 2), 3);
    sd_node a = sd__example_real(e, ta ? matrix(batch, k, m) : matrix(batch, m, k));
    sd_node b = sd__example_real(e, tb ? matrix(batch, n, k) : matrix(batch, k, n));
    return sd_matmul(a, ta, b, tb);
}

const sd_op sd__op_matmul = {
    .name = "matmul",
    .doc = "matrix product over the last two axes, batched over those before",
    .kind = SD_COMPUTE,
    .arity = 2,
    .attr_size = sizeof(sd_matmul_attr),
    .infer = infer,
    .vjp = vjp,
    .kernel = {[SD_F32] = run, [SD_F64] = run},
    .flops = flops,
    .print = print,
    .example = example,
};
