/*
 * cut.h -- how a matrix product is cut: which way it goes, in which parts, and what is packed for it (matmul.c has the ways).
 */
#ifndef SD_SIMD_LEVEL_CUT_H
#define SD_SIMD_LEVEL_CUT_H

#include "kernels/simd/gemm.h"
#include "kernels/simd/level/micro.h"

/*
 * Range of k: 256 x 32 floats of B and 14 x 256 of A are 32 + 14 KB, which fill a first cache of 48 KB. Shorter ranges, which
 * leave room in it, read and write C more often: 208 was up to 3 % slower.
 */
#define DEPTH 256

/* Floats of B that a part of a tall product goes through again and again: half of a second cache of 2 MB. */
#define NEAR (1 << 18)

enum { LINE = 64 / sizeof(float) };

typedef enum way { BLOCK, STREAM, DOT, PANELS } way;

typedef struct cut {
    sd_gemm g;
    int threads;  /* of the context, 0: unknown */
    bool fixed_b; /* B stays the same from run to run */
    bool falling; /* threads take their parts from the last to the first, see sd__pool_run_falling() */
    way way;
    int64_t row_panels, column_panels, k_blocks;
    int rows, columns, ks, batches; /* parts along each: the main phase has their product */
    bool tall;                      /* B is packed whole; else by the panel */
    bool turned;                    /* g is the product of the transposes: C' lands in scratch, and is turned at last */
    bool pack_a;                    /* A is packed whole, by the panel */
    int64_t pitch;                  /* or its rows are copied, so many floats apart in a range of k; 0: they are not */
    bool own;                       /* every thread packs all for itself; else there is a phase that packs */
    int a_packers, b_packers;       /* parts that pack: first B's, then A's */
    int ahead;                      /* `panels`: bytes that B is fetched ahead */
    int adders;                     /* parts of the last phase: adds if ks > 1, turns C' */
    size_t packed_a, partials; /* where, in floats, packed A begins behind packed B, and the sums of ranges of k in scratch */
} cut;

static inline int64_t up(int64_t n, int64_t by) { return (n + by - 1) / by; }

/* So many floats in whole cache lines. */
static inline size_t lines(int64_t floats) { return (size_t)up(floats, LINE) * LINE; }

/* Fills the cut of c->g; c->threads and c->fixed_b are set already, all else is zero. */
void SD_LEVELED(sd__cut)(cut *c);

#endif
