/* threads.c -- the only calls that this library makes into OpenMP. */
#include "kernels/onednn/threads.h"

/* Declared here since clang has no <omp.h> without a second OpenMP runtime, and oneDNN is bound to GCC's. */
extern int omp_get_max_threads(void);
extern void omp_set_num_threads(int threads);

int sd__openmp_enter(void)
{
    int former = omp_get_max_threads();
    if (former != 1)
        omp_set_num_threads(1);
    return former;
}

void sd__openmp_leave(int former)
{
    if (former != 1)
        omp_set_num_threads(former);
}
