/*
 * rbm.h -- a restricted Boltzmann machine that is small enough for all its states to be counted.
 *
 * p(x,h) = e^-E(x,h) / Z over binary x [V] and h [H], with E = -x'Wh - b'x - d'h. The likelihood's gradient is the mean of
 * -dE/dtheta over the data less that over the model. The second mean needs Z; contrastive divergence replaces it by the
 * mean after k steps of Gibbs sampling that start at the data (Hinton 2002). Both are here, and so is the expectation of
 * the second, by enumeration.
 */
#ifndef SD_CLASSIC_RBM_H
#define SD_CLASSIC_RBM_H

#include "base/base.h"
#include "base/philox.h"

enum { SD_RBM_MOST = 12 }; /* units of a layer */

/* theta is the caller's: W [V,H] row by row, then b [V] of the visible units, then d [H] of the hidden ones. */
typedef struct sd_rbm {
    int visible, hidden; /* V, H: 1..SD_RBM_MOST */
    double *theta;       /* [V H + V + H] */
} sd_rbm;

int sd__rbm_size(const sd_rbm *rbm);

/* Weights from N(0, deviation^2), biases 0. */
void sd__rbm_draw(const sd_rbm *rbm, double deviation, sd_random *random);

double sd__rbm_energy(const sd_rbm *rbm, const double *x, const double *h);

/* -log sum over h of e^-E(x,h), in closed form. */
double sd__rbm_free_energy(const sd_rbm *rbm, const double *x);

void sd__rbm_hidden(const sd_rbm *rbm, const double *x, double *p);  /* p [H]: p(h_j = 1 | x) */
void sd__rbm_visible(const sd_rbm *rbm, const double *h, double *p); /* p [V]: p(x_i = 1 | h) */

/* Bit i of a state's number is unit i: what a distribution [2^V] is indexed by. */
void sd__rbm_state(int64_t number, int units, double *x);
int64_t sd__rbm_number(int units, const double *x);

/* p [2^V]: p(x) of every state. Returns log Z. */
double sd__rbm_distribution(const sd_rbm *rbm, double *p);

/* p [2^V]: the share of each state among n samples x [n,V]. */
void sd__rbm_shares(const sd_rbm *rbm, int n, const double *x, double *p);

/* p [2^V]: the distribution of x after one step of Gibbs sampling, all hidden and then all visible units. */
void sd__rbm_gibbs(const sd_rbm *rbm, double *p);

/* mean [size]: E of -dE(x,h)/dtheta for x from p [2^V] and h given x. Data's less the model's is the gradient. */
void sd__rbm_moments(const sd_rbm *rbm, const double *p, double *mean);

/* Mean log-likelihood of n samples x [n,V], in nats. */
double sd__rbm_log_likelihood(const sd_rbm *rbm, int n, const double *x);

/* The gradient of that, [size]. */
void sd__rbm_gradient(const sd_rbm *rbm, int n, const double *x, double *gradient);

/* Contrastive divergence [size]: a chain of k steps from each sample; the hidden units at both ends are averaged, not drawn. */
void sd__rbm_contrast(const sd_rbm *rbm, int n, const double *x, int k, sd_random *random, double *contrast);

/* theta += rate * direction. */
void sd__rbm_climb(const sd_rbm *rbm, double rate, const double *direction);

#endif
