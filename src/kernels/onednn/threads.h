/*
 * threads.h -- keeps oneDNN on the thread that calls it.
 *
 * oneDNN takes the number of OpenMP threads of the calling thread when a primitive is made (it fixes the order of its sums, the
 * size of its scratch memory and the number of threads that it will wait for), and some kernels ask again when they run. With
 * one thread it never opens a parallel region, neither in our threads nor in those of a host program that uses OpenMP itself.
 */
#ifndef SD_KERNELS_ONEDNN_THREADS_H
#define SD_KERNELS_ONEDNN_THREADS_H

/* From here on this thread's OpenMP regions have one thread; returns the former number for sd__openmp_leave(). About 3 ns. */
int sd__openmp_enter(void);
void sd__openmp_leave(int former);

#endif
