/*
 * micro.h -- the innermost loop of a matrix product: one tile of C that stays in registers while k runs.
 *
 * A tile is up to MICRO_ROWS rows by one or two vectors of columns. C's element is the sum over k in rising order.
 */
#ifndef SD_SIMD_MICRO_H
#define SD_SIMD_MICRO_H

#include "kernels/simd/level/vector.h"

/* 28 accumulators, two vectors of b, and one of a fill the 32 registers of v4; 12, two and one nearly the 16 of the others. */
#if defined(SD_LEVEL_v4)
#define MICRO_ROWS 14
#else
#define MICRO_ROWS 6
#endif
#define MICRO_VECTORS 2
#define MICRO_COLUMNS (MICRO_VECTORS * V_LANES)

/* Two neighbouring lines are fetched with so many k: more at once would keep the loads of the first cache waiting. */
enum { MICRO_FETCH = 4 };

typedef struct micro_tile {
    int64_t k;
    const float *a;
    int64_t a_row, a_step; /* from one row of a to the next, from one k to the next; one of the two is 1 */
    const float *b;        /* k rows of whole vectors */
    int64_t b_step;
    float *copy;        /* sd__micro_copy: where the rows of b are packed on the way */
    uintptr_t ahead;    /* address of the first of two lines to fetch; any will do, nothing is read */
    int64_t ahead_step; /* bytes to those that are fetched MICRO_FETCH k later */
    bool ahead_own;     /* they are fetched as for writing: no other core keeps a copy */
    float *c;
    int64_t c_row;
    int64_t columns; /* of c that exist: the last vector may be partial */
    bool add;        /* c += instead of c = */
    /* Done last, in this order: */
    const float *bias;  /* [columns] added; NULL: none */
    bool clip;          /* negative sums become 0 */
    const float *slope; /* y, laid out like c: times step(y); NULL: none */
} micro_tile;

typedef void micro_kernel(const micro_tile *t);

/* By whether a_step is 1, vectors - 1, rows - 1. */
extern micro_kernel *const SD_LEVELED(sd__micro)[2][MICRO_VECTORS][MICRO_ROWS];

/* The same for MICRO_VECTORS vectors, packing b on the way: arithmetic hides the stores. By whether a_step is 1, rows - 1. */
extern micro_kernel *const SD_LEVELED(sd__micro_copy)[2][MICRO_ROWS];

#endif
