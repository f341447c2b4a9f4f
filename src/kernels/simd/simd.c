/* simd.c -- the provider of our own kernels: which calls it takes, and the kernel of the call's CPU level. */
#include "kernels/simd/simd.h"

#include "kernels/simd/gemm.h"
#include "ops/op.h"

static const sd_simd_table *table_of(sd_level level)
{
    static const sd_simd_table *const table[SD_LEVEL_COUNT] = {
        [SD_LEVEL_V2] = &sd__simd_table_v2, [SD_LEVEL_V3] = &sd__simd_table_v3, [SD_LEVEL_V4] = &sd__simd_table_v4};
    return table[level];
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
