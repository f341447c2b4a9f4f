/* amx.c -- the provider of matrix products on tiles: which calls it takes. */
#include "kernels/amx/amx.h"

#include "kernels/amx/cut.h"
#include "ops/op.h"

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
    sd_amx_cut cut;
    const sd_kernel *kernel = call->level >= SD_LEVEL_AMX ? kernel_of(call->op) : NULL;
    return kernel && sd__amx_cut(call, &cut) ? kernel : NULL;
}

const sd_provider sd__provider_amx = {.name = "amx", .find = find};
