/*
 * direct.h -- a convolution as the direct kernel sees it, and which calls it takes.
 *
 * The adjoint in the images of a convolution of stride 1 is itself a convolution of stride 1, with the filter turned by 180
 * degrees and its last two axes exchanged. So both are one thing here.
 */
#ifndef SD_SIMD_DIRECT_H
#define SD_SIMD_DIRECT_H

#include "ops/kernel.h"

/* The convolution to be computed, of operand 0 [images,in,channels] with operand 1. For an adjoint, operand 0 is dy. */
typedef struct sd_direct {
    int64_t images, channels, filters;
    int64_t in[2], out[2], size[2], stride[2]; /* along height and width; out: before pooling */
    int64_t lo[2];                             /* padding before; an adjoint's may be negative */
    int64_t dilation;                          /* along the height; along the width it is 1 */
    int64_t row;                               /* floats of one row of one image, with padding */
    bool adjoint;                              /* operand 1 must be turned */
} sd_direct;

/* Floats of padded rows that a part has at hand: 64 KB, on the stack. */
#define SD_DIRECT_ROOM 16384

/* Positions of a row that is pooled, at most: two rows of a panel are on the stack, too. */
#define SD_DIRECT_POOLED 256

/* The convolution behind a call of conv2d, conv2d_dx, conv2d_norm or conv2d_pool; false if the direct kernel does not take it. */
bool sd__direct_of(const sd_call *call, sd_direct *d);

/*
 * A convolution of stride 1 as Winograd's kernels see it: tiles of 2 x 2 results, and the filter cut into blocks, along height and
 * width first of three taps, then of two. The last tile may be partial.
 */
typedef struct sd_winograd {
    sd_direct d;
    int64_t tiles[2], blocks[2], threes[2]; /* threes: so many of the blocks have three taps */
    int64_t products;                       /* of one tile, for a channel and a filter */
} sd_winograd;

/* The convolution behind a call of these or of conv2d_dw; false if it would save little. */
bool sd__winograd_of(const sd_call *call, sd_winograd *w);

#endif
