/* amx.c -- the provider of matrix products on tiles: which calls it takes. */
#include "kernels/amx/amx.h"

#include "kernels/amx/cut.h"
#include "ops/op.h"

static bool gemm_of(const sd_call *call, sd_gemm *g)
{
    bool dense = call->op == &sd__op_dense || call->op == &sd__op_dense_relu;
    return dense ? sd__gemm_of_dense(call, g) : sd__gemm_of_matmul(call, g);
}

static const sd_kernel *kernel_of(const sd_op *op)
{
#define ROW(name)             \
    if (op == &sd__op_##name) \
        return &sd__amx_##name;
    SD_AMX_KERNELS(ROW)
#undef ROW
    return NULL;
}

static const sd_kernel *find(const sd_call *call)
{
    sd_gemm g;
    sd_amx_cut cut;
    const sd_kernel *kernel = call->level >= SD_LEVEL_AMX ? kernel_of(call->op) : NULL;
    return kernel && gemm_of(call, &g) && sd__amx_cut(&g, call->threads, &cut) ? kernel : NULL;
}

const sd_provider sd__provider_amx = {.name = "amx", .find = find};
