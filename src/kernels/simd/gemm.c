/* gemm.c -- which matrix product a call is. */
#include "kernels/simd/gemm.h"

#include "ops/matmul.h"
#include "ops/op.h"

static bool all_f32(const sd_call *call)
{
    for (int i = 0; i < call->n_in; i++)
        if (call->in[i].dtype != SD_F32)
            return false;
    return call->out[0].dtype == SD_F32;
}

/* Strides along axes of one element mean nothing; make them such that the operand counts as consecutive where it can. */
static void normalize(sd_gemm *g)
{
    if (g->m == 1)
        g->a_row = g->a_step == 1 ? g->k : 1;
    if (g->k == 1) {
        g->a_step = g->a_row == 1 ? g->m : 1;
        g->b_step = g->b_column == 1 ? g->n : 1;
    }
    if (g->n == 1)
        g->b_column = g->b_step == 1 ? g->k : 1;
}

void sd__gemm_turn(sd_gemm *g)
{
    sd_gemm t = *g;
    t.m = g->n, t.n = g->m;
    t.a_row = g->b_column, t.a_step = g->b_step;
    t.b_step = g->a_step, t.b_column = g->a_row;
    t.a = g->b, t.b = g->a;
    t.batch[0] = g->batch[1], t.batch[1] = g->batch[0];
    *g = t;
}

/* A product with one column is the transposed product with one row: c' = b' a'. C, slope and all lie as they did. */
static void turn_column_to_row(sd_gemm *g)
{
    if (g->n == 1 && g->m != 1 && g->bias < 0)
        sd__gemm_turn(g);
}

static sd_tensor batch_axes(const sd_tensor *t)
{
    sd_tensor batch = *t;
    batch.data = NULL;
    batch.shape.rank -= 2;
    return batch;
}

bool sd__gemm_of_matmul(const sd_call *call, sd_gemm *g)
{
    const sd_matmul_attr *attr = call->attr;
    const sd_tensor *a = &call->in[0], *b = &call->in[1], *c = &call->out[0];
    if (!all_f32(call) || (call->n_in > 2 && !sd__dense(&call->in[2])))
        return false;
    int row = c->shape.rank - 2, column = row + 1;
    *g = (sd_gemm){.m = c->shape.dim[row], .n = c->shape.dim[column], .a = 0, .b = 1, .bias = -1, .batches = 1};
    g->slope = call->n_in > 2 ? 2 : -1;
    g->k = a->shape.dim[attr->transposed_a ? row : column];
    g->a_row = a->stride[attr->transposed_a ? column : row];
    g->a_step = a->stride[attr->transposed_a ? row : column];
    g->b_step = b->stride[attr->transposed_b ? column : row];
    g->b_column = b->stride[attr->transposed_b ? row : column];
    g->batch[0] = batch_axes(a);
    g->batch[1] = batch_axes(b);
    for (int i = 0; i < row; i++)
        g->batches *= c->shape.dim[i];
    turn_column_to_row(g);
    normalize(g);
    return true;
}

bool sd__gemm_of_dense(const sd_call *call, sd_gemm *g)
{
    const sd_tensor *x = &call->in[0], *w = &call->in[1];
    if (!all_f32(call) || !sd__dense(&call->in[2]))
        return false;
    *g = (sd_gemm){.m = x->shape.dim[0], .n = w->shape.dim[1], .k = w->shape.dim[0], .a = 0, .b = 1, .bias = 2, .batches = 1};
    g->slope = -1;
    g->clip = call->op == &sd__op_dense_relu;
    g->a_row = x->stride[0], g->a_step = x->stride[1];
    g->b_step = w->stride[0], g->b_column = w->stride[1];
    g->batch[0] = batch_axes(x);
    g->batch[1] = batch_axes(w);
    normalize(g);
    return true;
}

int64_t sd__gemm_batch(const sd_gemm *g, int operand, int64_t index)
{
    const sd_tensor *t = &g->batch[operand];
    int64_t offset = 0;
    for (int i = t->shape.rank - 1; i >= 0; i--) {
        offset += index % t->shape.dim[i] * t->stride[i];
        index /= t->shape.dim[i];
    }
    return offset;
}
