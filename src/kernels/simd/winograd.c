/* winograd.c -- which convolutions are computed by Winograd's algorithm, and with which kernel. */
#include "kernels/simd/winograd.h"

#include "kernels/simd/direct.h"
#include "ops/op.h"

static const sd_winograd_table *table_of(sd_level level)
{
    static const sd_winograd_table *const table[SD_VECTOR_LEVELS] = {
        [SD_LEVEL_V2] = &sd__winograd_table_v2, [SD_LEVEL_V3] = &sd__winograd_table_v3, [SD_LEVEL_V4] = &sd__winograd_table_v4};
    return table[sd__vector_level(level)];
}

static const sd_kernel *kernel_of(const sd_op *op, const sd_winograd_table *table)
{
#define ROW(name)             \
    if (op == &sd__op_##name) \
        return table->name;
    SD_WINOGRAD_KERNELS(ROW)
#undef ROW
    return NULL;
}

static const sd_kernel *find(const sd_call *call)
{
    sd_winograd w;
    const sd_kernel *kernel = kernel_of(call->op, table_of(call->level));
    return kernel && sd__winograd_of(call, &w) ? kernel : NULL;
}

const sd_provider sd__provider_winograd = {.name = "winograd", .find = find};
