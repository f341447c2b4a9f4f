/* split.h -- panels of fp32 numbers as tiles of bf16 numbers. */
#ifndef SD_KERNELS_AMX_SPLIT_H
#define SD_KERNELS_AMX_SPLIT_H

#include "kernels/amx/cut.h"

/* Lines of one operand of a product: rows of A or columns of B. Distances are in floats; one of the two is 1. */
typedef struct amx_lines {
    const float *data;
    int64_t line, k;       /* from one line to the next, from one k to the next */
    int64_t lines, length; /* lines there are, numbers along k */
    bool across;           /* B's tiles: k pair after k pair, in each line after line; else A's: line after line */
} amx_lines;

/*
 * Panel number `panel` from step `begin` to `end`, to `to`: step after step, in it the first, second and third pieces, of each two
 * tiles. What is behind the last line or number is zero.
 */
void sd__amx_split(const amx_lines *from, int64_t panel, int64_t begin, int64_t end, char *to);

#endif
