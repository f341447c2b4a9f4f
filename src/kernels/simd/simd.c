/* simd.c -- the provider of our own kernels: which calls it takes, and the kernel of the call's CPU level. */
#include "kernels/simd/simd.h"

#include "kernels/simd/direct.h"
#include "kernels/simd/gemm.h"
#include "kernels/simd/shapes.h"
#include "ops/op.h"
#include "ops/reduce.h"

static const sd_simd_table *table_of(sd_level level)
{
    static const sd_simd_table *const table[SD_VECTOR_LEVELS] = {
        [SD_LEVEL_V2] = &sd__simd_table_v2, [SD_LEVEL_V3] = &sd__simd_table_v3, [SD_LEVEL_V4] = &sd__simd_table_v4};
    return table[sd__vector_level(level)];
}

/* ---- tiles ---- */

sd_tile *sd__simd_tile(const sd_op *op, sd_dtype operand, sd_level level, const void *attr)
{
    const sd_simd_tiles *tiles = table_of(level)->tiles;
    if (op == &sd__op_cast)
        return operand == SD_F32 || *(const int64_t *)attr == SD_F32 ? tiles->cast[operand] : NULL;
    if (op == &sd__op_select)
        return *(const int64_t *)attr == SD_F32 ? tiles->select : NULL;
    if (operand != SD_F32)
        return NULL;
#define ROW(name)             \
    if (op == &sd__op_##name) \
        return tiles->name;
    SD_SIMD_TILES(ROW)
#undef ROW
    return NULL;
}

/* ---- kernels ---- */

/* What all kernels but matmul, dense and copy ask of their operands: real ones f32, all dense but those in `strided`. */
static bool plain(const sd_call *call, unsigned strided)
{
    for (int i = 0; i < call->n_in; i++)
        if (call->in[i].dtype == SD_F64 || (!(strided >> i & 1) && !sd__dense(&call->in[i])))
            return false;
    return call->out[0].dtype != SD_F64;
}

static bool takes_matmul(const sd_call *call)
{
    sd_gemm g;
    return sd__gemm_of_matmul(call, &g);
}

static bool takes_dense(const sd_call *call)
{
    sd_gemm g;
    return sd__gemm_of_dense(call, &g);
}

static bool takes_matmul_relu_grad(const sd_call *call) { return takes_matmul(call); }
static bool takes_dense_relu(const sd_call *call) { return takes_dense(call); }

static bool takes_conv2d(const sd_call *call)
{
    sd_direct d;
    return sd__direct_of(call, &d);
}
static bool takes_conv2d_dx(const sd_call *call) { return takes_conv2d(call); }
static bool takes_conv2d_norm(const sd_call *call) { return takes_conv2d(call); }
static bool takes_conv2d_pool(const sd_call *call) { return takes_conv2d(call); }

static bool takes_sum(const sd_call *call)
{
    sd_reduced r;
    return plain(call, 0) && sd__reduced_shape(call->in[0].shape, ((const sd_reduce_attr *)call->attr)->axes, &r);
}

static bool takes_reduce_max(const sd_call *call)
{
    sd_reduced r;
    return plain(call, 0) && sd__reduced_shape(call->in[0].shape, ((const sd_reduce_attr *)call->attr)->axes, &r) &&
           r.width == 1;
}

static bool takes_argmax(const sd_call *call)
{
    sd_reduced r;
    return plain(call, 0) && call->in[0].dtype == SD_F32 &&
           sd__reduced_shape(call->in[0].shape, SD_AXIS(*(const int64_t *)call->attr), &r) && r.width == 1;
}

/* Labels and the cotangent, one number a row, may be strided: often one number repeated. */
static bool takes_softmax_cross_entropy(const sd_call *call) { return plain(call, 1 << 1); }
static bool takes_softmax_cross_entropy_grad(const sd_call *call) { return plain(call, 1 << 1 | 1 << 2); }

static bool takes_random_uniform(const sd_call *call) { return plain(call, 1 << 1); }
static bool takes_random_normal(const sd_call *call) { return plain(call, 1 << 1); }
static bool takes_dropout(const sd_call *call) { return plain(call, 1 << 2); }

/* Moving elements does not ask what they are. */
static bool words(const sd_call *call, unsigned strided)
{
    return sd_dtype_size(call->in[0].dtype) == 4 && plain(call, strided);
}

static bool takes_copy(const sd_call *call) { return sd_dtype_size(call->in[0].dtype) == 4; }
static bool takes_concat(const sd_call *call) { return words(call, 0); }
static bool takes_gather(const sd_call *call) { return words(call, 1 << 1); }
static bool takes_scatter_add(const sd_call *call) { return plain(call, 1 << 1); }

/* attr: lo, hi, inner; without zeros between the elements, and with a last axis to go along */
static bool takes_pad(const sd_call *call)
{
    const int64_t *between = (const int64_t *)call->attr + 2 * SD_MAX_RANK;
    int rank = call->in[0].shape.rank;
    return rank > 0 && between[rank - 1] == 0 && words(call, 0);
}

#define TAKES_PLAIN(name) \
    static bool takes_##name(const sd_call *call) { return plain(call, 0); }
TAKES_PLAIN(bias_relu)
TAKES_PLAIN(bias_relu_grad)
TAKES_PLAIN(softmax)
TAKES_PLAIN(softmax_grad)
TAKES_PLAIN(log_softmax)
TAKES_PLAIN(batch_norm)
TAKES_PLAIN(batch_norm_grad)
TAKES_PLAIN(batch_norm_relu)
TAKES_PLAIN(batch_norm_relu_grad)
TAKES_PLAIN(batch_norm_eval)
TAKES_PLAIN(layer_norm)
TAKES_PLAIN(layer_norm_grad)
TAKES_PLAIN(maxpool)
TAKES_PLAIN(pool_gather)
TAKES_PLAIN(pool_scatter)
TAKES_PLAIN(avgpool)
TAKES_PLAIN(avgpool_dx)

static const sd_kernel *find(const sd_call *call)
{
    const sd_simd_table *table = table_of(call->level);
#define ROW(name)                   \
    if (call->op == &sd__op_##name) \
        return takes_##name(call) ? table->name : NULL;
    SD_SIMD_KERNELS(ROW)
#undef ROW
    return NULL;
}

const sd_provider sd__provider_simd = {.name = "simd", .find = find};
