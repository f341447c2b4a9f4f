/**
 * @file ops.h -- builders: functions that append nodes to a graph.
 *
 * All elementwise builders broadcast their operands as NumPy does (sizes are aligned at the last axis; 1 repeats), by
 * appending explicit broadcast nodes. Unless said otherwise: operands and result have the same dtype, f32 or f64; errors
 * SD_ESHAPE and SD_EDTYPE are latched in the graph and the builder returns a poisoned node. Where a function has a kink, the
 * documented value of its derivative there is taken, and second derivatives are zero.
 */
#ifndef SONDE_OPS_H
#define SONDE_OPS_H

#include <sonde/graph.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values without operands -------------------------------------------------------------------------------------- */

/** The number `value` in every element of `shape`. dtype any but bf16. */
SD_API sd_node sd_constant(sd_graph *graph, sd_dtype dtype, sd_shape shape, double value);

/** 0, 1, 2, ... along axis `axis`, repeated over the other axes. dtype f32, f64 or i32. */
SD_API sd_node sd_iota(sd_graph *graph, sd_dtype dtype, sd_shape shape, int axis);

/** The constant `value` with the shape and dtype of `like`. */
SD_API sd_node sd_constant_like(sd_node like, double value);

/**
 * Uniform numbers in [0,1) from Philox 4x32-10, a pure function of (key, step, sample id, element).
 *
 * key     the graph makes one from the open scope and the count of random nodes in it, so that a clone of
 *         the graph draws the same
 * step    i32 scalar, bound at run time
 * ids     i32 [B], the id of each sample; result [B, inner...]: element e of sample b depends on ids[b] and e alone
 * dtype   f32 or f64: the same numbers, f32 with their upper 24 bits
 * grad    zero by definition (nothing real goes in)
 * source  Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"
 */
SD_API sd_node sd_random_uniform(sd_node step, sd_node ids, sd_dtype dtype, sd_shape inner);

/** Standard normal numbers by Box-Muller from the same counters; as sd_random_uniform(). */
SD_API sd_node sd_random_normal(sd_node step, sd_node ids, sd_dtype dtype, sd_shape inner);

/* ---- elementwise, one operand -------------------------------------------------------------------------------------- */

SD_API sd_node sd_neg(sd_node x);     /**< -x */
SD_API sd_node sd_exp(sd_node x);     /**< e^x */
SD_API sd_node sd_log(sd_node x);     /**< natural logarithm; -inf at 0, NaN below */
SD_API sd_node sd_log1p(sd_node x);   /**< log(1 + x), exact for small x */
SD_API sd_node sd_sqrt(sd_node x);    /**< square root; NaN below 0 */
SD_API sd_node sd_rsqrt(sd_node x);   /**< 1 / sqrt(x) */
SD_API sd_node sd_tanh(sd_node x);    /**< hyperbolic tangent */
SD_API sd_node sd_sigmoid(sd_node x); /**< 1 / (1 + e^-x) */
SD_API sd_node sd_relu(sd_node x);    /**< max(x, 0); derivative at 0 is 0; relu(NaN) is NaN */
SD_API sd_node sd_step(sd_node x);    /**< 1 if x > 0, else 0 (NaN stays NaN); derivative zero */
SD_API sd_node sd_abs(sd_node x);     /**< |x|; derivative at 0 is 0 */
SD_API sd_node sd_sign(sd_node x);    /**< -1, 0 or 1; derivative zero */
SD_API sd_node sd_erf(sd_node x);     /**< error function */
SD_API sd_node sd_sin(sd_node x);     /**< sine, x in radians */
SD_API sd_node sd_cos(sd_node x);     /**< cosine, x in radians */
SD_API sd_node sd_square(sd_node x);  /**< x * x */

/**
 * x converted to another element type.
 *
 * values  to integers towards zero, beyond their range its nearest end, NaN to 0; to f32 and bf16 the nearest, ties to even
 * grad    the cotangent cast back; zero through integers
 */
SD_API sd_node sd_cast(sd_node x, sd_dtype dtype);

/** x itself, but passes neither share nor fold across it: keeps recomputed nodes apart. */
SD_API sd_node sd_barrier(sd_node x);

/** x itself with derivative zero. */
SD_API sd_node sd_stop_gradient(sd_node x);

/* ---- elementwise, two or three operands ------------------------------------------------------------------------------ */

SD_API sd_node sd_add(sd_node a, sd_node b); /**< a + b */
SD_API sd_node sd_sub(sd_node a, sd_node b); /**< a - b */
SD_API sd_node sd_mul(sd_node a, sd_node b); /**< a * b */
SD_API sd_node sd_div(sd_node a, sd_node b); /**< a / b */
SD_API sd_node sd_pow(sd_node a, sd_node b); /**< a^b for a >= 0 (or b an integer); d/db is a^b log a, 0 at a = 0 */
SD_API sd_node sd_min(sd_node a, sd_node b); /**< smaller; a tie gives its derivative to a; NaN wins */
SD_API sd_node sd_max(sd_node a, sd_node b); /**< larger; a tie gives its derivative to a; NaN wins */

/** How sd_compare() compares. */
typedef enum sd_comparison { SD_EQ, SD_NE, SD_LT, SD_LE, SD_GT, SD_GE } sd_comparison;

/** 1 where `a OP b` holds, else 0; dtype u8. Operands f32, f64, i32 or u8. No derivative: zero. */
SD_API sd_node sd_compare(sd_node a, sd_comparison op, sd_node b);

/** a where cond is not 0, else b. cond u8. */
SD_API sd_node sd_select(sd_node cond, sd_node a, sd_node b);

/** x * s for a number s. */
SD_API sd_node sd_scale(sd_node x, double s);

/** x + s for a number s. */
SD_API sd_node sd_shift(sd_node x, double s);

/* ---- reductions -------------------------------------------------------------------------------------------------------- */

/** A set of axes as bits: SD_AXIS(0) | SD_AXIS(2). */
#define SD_AXIS(i) (1u << (i))
/** Every axis. */
#define SD_ALL_AXES 0xffffffffu

/** Sum over `axes`; they keep size 1 if `keep`, else they vanish. Order of summation is fixed by the shape. */
SD_API sd_node sd_sum(sd_node x, uint32_t axes, bool keep);

/** Mean over `axes`. */
SD_API sd_node sd_mean(sd_node x, uint32_t axes, bool keep);

/** Maximum over `axes`; NaN wins; the derivative goes to the first of equals in row-major order. */
SD_API sd_node sd_reduce_max(sd_node x, uint32_t axes, bool keep);

/** Index of the first maximum (or first NaN) along `axis`, i32; the axis vanishes. x f32, f64 or i32. Derivative zero. */
SD_API sd_node sd_argmax(sd_node x, int axis);

/* ---- moving elements ----------------------------------------------------------------------------------------------------- */

/** The same elements in row-major order under another shape of equal count. One size may be -1: it is inferred. */
SD_API sd_node sd_reshape(sd_node x, sd_shape shape);

/** Axis i of the result is axis perm[i] of x. */
SD_API sd_node sd_permute(sd_node x, const int *perm);

/** x transposed in its last two axes. */
SD_API sd_node sd_transpose(sd_node x);

/** x repeated to `shape` (NumPy rules). */
SD_API sd_node sd_broadcast(sd_node x, sd_shape shape);

/** Elements start[i], start[i]+step[i], ... below stop[i] of each axis; step NULL: all 1; steps positive. */
SD_API sd_node sd_slice_of(sd_node x, const int64_t *start, const int64_t *stop, const int64_t *step);

/**
 * x with lo[i] zeros before, hi[i] after and inner[i] between the elements of each axis (inner NULL: none). The
 * adjoint of sd_slice_of().
 */
SD_API sd_node sd_pad(sd_node x, const int64_t *lo, const int64_t *hi, const int64_t *inner);

/** n values (1..64) one after the other along `axis`; the other sizes agree. */
SD_API sd_node sd_concat(int n, const sd_node *x, int axis);

/**
 * Slices of x along `axis` at the given indices: result[..., i, ...] = x[..., index[i], ...].
 *
 * shape   x [P..., N, Q...], index i32 [M]  ->  [P..., M, Q...]
 * errors  an index outside [0,N) gives zeros
 */
SD_API sd_node sd_gather(sd_node x, sd_node index, int axis);

/**
 * The adjoint of sd_gather(): zeros with `size` slices along `axis`, to which slice i of x is added at index[i], in order of i.
 */
SD_API sd_node sd_scatter_add(sd_node x, sd_node index, int axis, int64_t size);

/* ---- linear algebra ------------------------------------------------------------------------------------------------------ */

/**
 * Matrix product over the last two axes, batched over the equal axes before them.
 *
 * shape  a [..., M, K] (transposed_a: [..., K, M]), b [..., K, N] (transposed_b: [..., N, K])  ->  [..., M, N]
 */
SD_API sd_node sd_matmul(sd_node a, bool transposed_a, sd_node b, bool transposed_b);

/** Geometry of a 2-D convolution or pooling over NHWC images. */
typedef struct sd_window {
    int64_t size[2];     /**< kernel height and width (pooling only; a convolution takes them from the filter) */
    int64_t stride[2];   /**< >= 1; 0 means 1 */
    int64_t pad_lo[2];   /**< zeros above and left */
    int64_t pad_hi[2];   /**< zeros below and right */
    int64_t dilation[2]; /**< >= 1; 0 means 1 (convolution only) */
    int64_t groups;      /**< channel groups; 0 means 1 (convolution only) */
} sd_window;

/** Fills stride 1, no padding, dilation 1, one group. */
SD_API sd_window sd_window_default(void);

/** Padding of "same": the output has ceil(size / stride) positions, the odd zero goes below and right. */
SD_API void sd_window_pad_same(sd_window *window, int64_t height, int64_t width);

/**
 * 2-D cross-correlation, as deep learning means by convolution.
 *
 * shape   x [B,H,W,C], w [R,S,C/groups,F]  ->  [B, OH, OW, F],  OH = (H + lo + hi - dilation*(R-1) - 1) / stride + 1
 */
SD_API sd_node sd_conv2d(sd_node x, sd_node w, sd_window window);

/** Adjoint of sd_conv2d() in x: dy [B,OH,OW,F], w [R,S,C/groups,F] -> [B,height,width,C]. */
SD_API sd_node sd_conv2d_dx(sd_node dy, sd_node w, sd_window window, int64_t height, int64_t width);

/** Adjoint of sd_conv2d() in w: x [B,H,W,C], dy [B,OH,OW,F] -> [rows,cols,C/groups,F]. */
SD_API sd_node sd_conv2d_dw(sd_node x, sd_node dy, sd_window window, int64_t rows, int64_t cols);

/**
 * Largest element of each window, padding never wins: x [B,H,W,C] -> [B,OH,OW,C]; result 1 is the winner's h*W+w
 * as i32 (first of equals).
 */
SD_API sd_node sd_maxpool(sd_node x, sd_window window);

/** The elements of x [B,H,W,C] at index [B,OH,OW,C] (h*W+w per channel) -> [B,OH,OW,C]. */
SD_API sd_node sd_pool_gather(sd_node x, sd_node index);

/** Adjoint of sd_pool_gather(): y [B,OH,OW,C] added into zeros [B,height,width,C] at index. */
SD_API sd_node sd_pool_scatter(sd_node y, sd_node index, int64_t height, int64_t width);

/** Mean of each window over the elements inside the image: x [B,H,W,C] -> [B,OH,OW,C]. */
SD_API sd_node sd_avgpool(sd_node x, sd_window window);

/** Adjoint of sd_avgpool(): dy [B,OH,OW,C] -> [B,height,width,C]. */
SD_API sd_node sd_avgpool_dx(sd_node dy, sd_window window, int64_t height, int64_t width);

/* ---- composites: each has a decomposition into the above, which is its meaning ------------------------------------------- */

/** e^x / sum e^x along the last axis, shifted by the maximum. */
SD_API sd_node sd_softmax(sd_node x);

/** log of sd_softmax(). */
SD_API sd_node sd_log_softmax(sd_node x);

/**
 * Cross-entropy of softmax(logits) against class labels, one number an example.
 *
 * shape   logits [B,C], labels i32 [B]  ->  [B]; result 1: softmax(logits) [B,C]
 * units   nats
 * smoothing  in [0,1): the target is (1-smoothing) onehot + smoothing / C; Szegedy et al. 2016, section 7
 * grad    d/dlogits = softmax(logits) - target; d/dlabels is zero (integers)
 * errors  a label outside [0,C) gives NaN
 */
SD_API sd_node sd_softmax_cross_entropy(sd_node logits, sd_node labels, double smoothing);

/** x [B,I] times w [I,O] plus bias [O] -> [B,O]. */
SD_API sd_node sd_dense(sd_node x, sd_node w, sd_node bias);

/** relu(x + bias), bias along the last axis. */
SD_API sd_node sd_bias_relu(sd_node x, sd_node bias);

/**
 * x with each element zeroed with probability `rate`, the others divided by 1 - rate. step, ids as in
 * sd_random_uniform(). Srivastava et al. 2014.
 */
SD_API sd_node sd_dropout(sd_node x, double rate, sd_node step, sd_node ids);

/**
 * Batch norm in training mode over all axes but the last.
 *
 * shape   x [..., C], scale [C], offset [C]  ->  y [..., C]; result 1: batch mean [C]; result 2: biased batch variance [C]
 * source  Ioffe & Szegedy 2015, algorithm 1
 */
SD_API sd_node sd_batch_norm(sd_node x, sd_node scale, sd_node offset, double epsilon);

/** Batch norm with given statistics: scale (x - mean) / sqrt(variance + epsilon) + offset. Algorithm 2 of the same paper. */
SD_API sd_node sd_batch_norm_eval(sd_node x, sd_node scale, sd_node offset, sd_node mean, sd_node variance, double epsilon);

/**
 * Layer norm over the last axis: scale (x - mean) / sqrt(variance + epsilon) + offset.
 *
 * shape   x [..., C], scale [C], offset [C]  ->  y [..., C]; result 1: mean [...]; result 2: biased variance [...]
 * source  Ba et al. 2016, "Layer normalization"
 */
SD_API sd_node sd_layer_norm(sd_node x, sd_node scale, sd_node offset, double epsilon);

/** log(1 + e^x) without overflow; Dugas et al. 2000. */
SD_API sd_node sd_softplus(sd_node x);

/** x Phi(x), Phi the normal distribution function (exact, by erf); Hendrycks & Gimpel 2016. */
SD_API sd_node sd_gelu(sd_node x);

/** x if x > 0, else slope * x; derivative at 0 is slope. Maas et al. 2013. */
SD_API sd_node sd_leaky_relu(sd_node x, double slope);

/** 1 in column labels[b], else 0 (all 0 for a label outside [0,classes)): labels i32 [B] -> [B,classes]. */
SD_API sd_node sd_one_hot(sd_node labels, int64_t classes, sd_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif
