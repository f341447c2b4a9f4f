/* cut.h -- which matrix products are computed on tiles, and how they are cut: by shape and strides alone, but for who packs. */
#ifndef SD_KERNELS_AMX_CUT_H
#define SD_KERNELS_AMX_CUT_H

#include "kernels/simd/gemm.h"

/* Lines (rows of A or columns of B) of a panel: two tiles. Numbers along k of a step: a row of a tile. */
enum { AMX_PANEL = 32, AMX_STEP = 32 };

/* bf16 numbers whose sum is an fp32 number. */
enum { AMX_PIECES = 3 };

/* Bytes of a tile, of what a panel has in one step: 6 KB. */
enum { AMX_TILE = 1024, AMX_STEP_BYTES = AMX_PIECES * 2 * AMX_TILE };

/* Steps of a range of k: so much of two panels fills three quarters of a first cache of 48 KB. One more if that is all. */
enum { AMX_DEPTH = 3, AMX_MOST = AMX_DEPTH + 1 };

/*
 * One operand is small: it is split whole beforehand. Of the other, a part walks along panels, splits what one has in a range of k on
 * the stack, and multiplies it with all panels of the small one.
 */
typedef struct sd_amx_cut {
    sd_gemm g;             /* if turned, of the transposes: C' = B' A' */
    double cycles;         /* that it costs, about */
    bool turned;           /* C is turned while it is stored */
    bool walks_a;          /* the operand that is walked along is A, else B */
    int64_t walked, small; /* panels of both */
    int64_t steps, ranges; /* of k; steps of all ranges */
    int walked_parts, small_parts;
    bool takes_over; /* the walked operand is fetched as for writing */
    bool own;        /* every thread splits the small operand for itself */
    int packers;     /* parts that do so */
} sd_amx_cut;

/* Of a call of matmul or dense, or their kin with ReLU. False if it is no product of two fp32 matrices, or vectors are faster. */
bool sd__amx_cut(const sd_call *call, sd_amx_cut *cut);

static inline int64_t sd__amx_up(int64_t n, int64_t by) { return (n + by - 1) / by; }

/* Where range number `range` of k begins, in steps. */
static inline int64_t sd__amx_range(const sd_amx_cut *c, int64_t range) { return c->steps * range / c->ranges; }

#endif
