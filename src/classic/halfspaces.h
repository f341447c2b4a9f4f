/* halfspaces.h -- is there a hyperplane between two sets of points, decided with a certificate; and two of them at once. */
#ifndef SD_CLASSIC_HALFSPACES_H
#define SD_CLASSIC_HALFSPACES_H

#include "classic/perceptron.h"

/*
 * Is there w with y <w,x> > 0 for all points? By the simplex method on the alternative (a convex combination of the y x that is
 * 0), so that either answer comes with its proof, which is checked: w [d] if it is yes. n + d + 1 <= 64. (Points take a last
 * coordinate of 1 where the hyperplane need not go through the origin.)
 *
 * errors  SD_EINTERNAL (neither proof holds to 1e-9: the data is not of moderate integers), SD_EINVAL (too large)
 */
sd_status sd__separable(const sd_labelled *points, bool *yes, double *w);

/*
 * The 3-node network: are there two halfspaces whose intersection holds every point of label 1 and none of label -1? Tries
 * every way to give each negative point to one of the two; *tried counts them. errors as above
 */
sd_status sd__two_halfspaces(const sd_labelled *points, bool *yes, int64_t *tried);

#endif
