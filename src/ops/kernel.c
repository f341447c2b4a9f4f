/* kernel.c -- small questions that every provider asks: is this operand dense, into how many parts is work cut. */
#include "ops/kernel.h"

bool sd__dense(const sd_tensor *t)
{
    int64_t expected = 1;
    for (int i = t->shape.rank - 1; i >= 0; i--) {
        if (t->shape.dim[i] != 1 && t->stride[i] != expected)
            return false;
        expected *= t->shape.dim[i];
    }
    return true;
}

/*
 * A part takes 10 us or more: handing one out costs up to 2 us. At most 64 parts, which balances well on 16 threads and keeps
 * the sum over partial results short.
 */
int sd__parts(int64_t n, double cost)
{
    enum { MOST = 64, PART_NS = 10000 };
    double parts = (double)n * cost / PART_NS;
    if (!(parts >= 2) || n < 2)
        return 1;
    return (int)SD_MIN(SD_MIN(parts, (double)MOST), (double)n);
}
