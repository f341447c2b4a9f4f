/*
 * simd.h -- our own kernels for f32 on x86-64: one table of them for each CPU level.
 *
 * The files under level/ are compiled once a level; each compilation exports one table. Which level a call uses is in the
 * call, so nothing is decided at load time.
 */
#ifndef SD_SIMD_SIMD_H
#define SD_SIMD_SIMD_H

#include "ops/kernel.h"

/* clang-format off */
/* Every elementwise op that has tiles here, by the name of its record. */
#define SD_SIMD_TILES(X)                                                                    \
    X(add) X(sub) X(mul) X(div) X(min) X(max) X(pow) X(compare) X(select)                   \
    X(neg) X(relu) X(step) X(abs) X(sign) X(sqrt) X(rsqrt)                                  \
    X(exp) X(log) X(log1p) X(tanh) X(sigmoid) X(erf) X(sin) X(cos)

/* Every other op that has a kernel here. */
#define SD_SIMD_KERNELS(X)                                                                  \
    X(matmul) X(matmul_relu_grad) X(dense) X(dense_relu) X(bias_relu) X(bias_relu_grad)                                       \
    X(conv2d) X(conv2d_dx) X(conv2d_norm) X(conv2d_pool)                                                   \
    X(sum) X(reduce_max) X(argmax)                                                          \
    X(softmax) X(softmax_grad) X(log_softmax)                                               \
    X(softmax_cross_entropy) X(softmax_cross_entropy_grad)                                  \
    X(batch_norm) X(batch_norm_grad) X(batch_norm_relu) X(batch_norm_relu_grad) X(batch_norm_eval) X(layer_norm) X(layer_norm_grad)    \
    X(maxpool) X(pool_gather) X(pool_scatter) X(avgpool) X(avgpool_dx)                      \
    X(random_uniform) X(random_normal) X(dropout)                                           \
    X(copy) X(pad) X(concat) X(gather) X(scatter_add)
/* clang-format on */

typedef struct sd_simd_tiles {
#define SD_SIMD_FIELD(name) sd_tile *name;
    SD_SIMD_TILES(SD_SIMD_FIELD)
#undef SD_SIMD_FIELD
    sd_tile *cast[SD_DTYPE_COUNT]; /* by dtype of the operand */
} sd_simd_tiles;

typedef struct sd_simd_table {
    const sd_simd_tiles *tiles;
#define SD_SIMD_FIELD(name) const sd_kernel *name;
    SD_SIMD_KERNELS(SD_SIMD_FIELD)
#undef SD_SIMD_FIELD
} sd_simd_table;

extern const sd_simd_table sd__simd_table_v2, sd__simd_table_v3, sd__simd_table_v4;

/* The tile of an elementwise op whose operand 0 has this dtype, or NULL. As sd_op.tile; the same bits at every level. */
sd_tile *sd__simd_tile(const sd_op *op, sd_dtype operand, sd_level level, const void *attr);

extern const sd_provider sd__provider_simd;

#endif
