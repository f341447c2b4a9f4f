/* matmul.h -- the attributes of a matrix product, which the providers read. */
#ifndef SD_OPS_MATMUL_H
#define SD_OPS_MATMUL_H

#include <stdint.h>

/* 0 or 1: the operand's last two axes are stored the other way round. */
typedef struct sd_matmul_attr {
    int64_t transposed_a, transposed_b;
} sd_matmul_attr;

#endif
