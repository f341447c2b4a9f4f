/*
 * gemm.h -- a matrix product as the kernels see it: C = A B (+ bias) with any strides, and how it is cut into parts.
 *
 * The cut depends on the shape, the strides and the CPU level alone.
 */
#ifndef SD_SIMD_GEMM_H
#define SD_SIMD_GEMM_H

#include "ops/kernel.h"

/* C [m,n] = A [m,k] B [k,n] over a batch; strides in elements. C is dense. */
typedef struct sd_gemm {
    int64_t m, n, k;
    int64_t a_row, a_step;    /* of A along m, along k */
    int64_t b_step, b_column; /* of B along k, along n */
    int a, b;                 /* which operands are A and B */
    int bias;                 /* operand added to every row, dense [n]; -1: none */
    int slope;                /* operand y, dense like C: C is multiplied by step(y) at last; -1: none */
    bool clip;                /* negative sums become 0 */
    sd_tensor batch[2];       /* shapes and strides of the batch axes of A and B; their product is batches */
    int64_t batches;
} sd_gemm;

/* The product behind a call of matmul or dense, or their kin with ReLU; false if its operands are not f32, or bias or y strided. */
bool sd__gemm_of_matmul(const sd_call *call, sd_gemm *g);
bool sd__gemm_of_dense(const sd_call *call, sd_gemm *g);

/* Becomes C' = B' A'. Bias and slope do not turn with it. */
void sd__gemm_turn(sd_gemm *g);

/* Offset, in elements, of matrix number `index` of the batch of operand 0 (A) or 1 (B). */
int64_t sd__gemm_batch(const sd_gemm *g, int operand, int64_t index);

#endif
