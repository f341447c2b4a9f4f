/* jacobi.h -- eigenvalues of a small symmetric matrix without LAPACK, for experiments whose subject is what the library computes with it. */
#ifndef SD_CLASSIC_JACOBI_H
#define SD_CLASSIC_JACOBI_H

#include "base/base.h"

/* The largest |eigenvalue| of the symmetric matrix m [n,n], which is overwritten: its diagonal then holds all eigenvalues. */
double sd__spectral_radius(int n, double *m);

#endif
