/*
 * amx.h -- the provider of large fp32 matrix products on AMX, Intel's tiles of bf16.
 *
 * Every fp32 number is the sum of three bf16 numbers, up to 2^-26 of it: x = x1 + x2 + x3, each the nearest to what the ones before
 * leave. Of the nine products of two such sums the six largest, x1 y1, x1 y2, x2 y1, x2 y2, x1 y3 and x3 y1, are computed, each
 * exact in fp32; the other three are below 2^-25 of x y, half an fp32 rounding. Tiles add up 32 of them at a time in fp32, so sums
 * have fewer roundings, and smaller errors, than a chain of fused multiply-adds (Henry, Tang, Heinecke, "Leveraging the bfloat16
 * artificial intelligence datatype for higher-precision computations", 2019).
 *
 * What differs from fp32: numbers beyond 3.39e38, the largest of bf16, count as infinite, an infinite operand makes sums NaN, and
 * parts of numbers below 2^-118 are lost as denormals are.
 */
#ifndef SD_KERNELS_AMX_AMX_H
#define SD_KERNELS_AMX_AMX_H

#include "ops/kernel.h"

/* Takes matmul, dense and their kin with ReLU at level AMX, where that is faster than vectors are. */
extern const sd_provider sd__provider_amx;

#define SD_AMX_KERNELS(X) X(matmul) X(matmul_relu_grad) X(dense) X(dense_relu)
#define SD_AMX_DECLARE(name) extern const sd_kernel sd__amx_##name;
SD_AMX_KERNELS(SD_AMX_DECLARE)
#undef SD_AMX_DECLARE

#endif
