/* table.c -- the table of all ops, in the order of ops.def. */
#include "ops/op.h"

const sd_op *const sd__ops[] = {
#define SD_OP(name) &sd__op_##name,
#include "ops/ops.def"
#undef SD_OP
};

const int sd__n_ops = (int)SD_COUNT(sd__ops);
