/* rbm.c -- the restricted Boltzmann machine: its energy, its exact likelihood and gradient, and contrastive divergence. */
#include "classic/rbm.h"

#include <math.h>
#include <string.h>

enum { STATES = 1 << SD_RBM_MOST };

static const double *weights(const sd_rbm *r, int i) { return r->theta + (ptrdiff_t)i * r->hidden; }
static const double *visible_bias(const sd_rbm *r) { return r->theta + (ptrdiff_t)r->visible * r->hidden; }
static const double *hidden_bias(const sd_rbm *r) { return visible_bias(r) + r->visible; }

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }
static double softplus(double z) { return fmax(z, 0) + log1p(exp(-fabs(z))); }

int sd__rbm_size(const sd_rbm *r) { return r->visible * r->hidden + r->visible + r->hidden; }

void sd__rbm_state(int64_t number, int units, double *x)
{
    for (int i = 0; i < units; i++)
        x[i] = (double)(number >> i & 1);
}

int64_t sd__rbm_number(int units, const double *x)
{
    int64_t number = 0;
    for (int i = 0; i < units; i++)
        number |= (int64_t)(x[i] > 0.5) << i;
    return number;
}

/* ---- energies and conditionals ----------------------------------------------------------------------------------------- */

/* d + W'x */
static void hidden_input(const sd_rbm *r, const double *x, double *z)
{
    memcpy(z, hidden_bias(r), (size_t)r->hidden * sizeof *z);
    for (int i = 0; i < r->visible; i++)
        for (int j = 0; j < r->hidden; j++)
            z[j] += x[i] * weights(r, i)[j];
}

void sd__rbm_draw(const sd_rbm *r, double deviation, sd_random *random)
{
    for (int i = 0; i < sd__rbm_size(r); i++)
        r->theta[i] = i < r->visible * r->hidden ? deviation * sd__random_normal(random) : 0;
}

double sd__rbm_energy(const sd_rbm *r, const double *x, const double *h)
{
    double z[SD_RBM_MOST], energy = 0;
    hidden_input(r, x, z);
    for (int j = 0; j < r->hidden; j++)
        energy -= z[j] * h[j];
    for (int i = 0; i < r->visible; i++)
        energy -= visible_bias(r)[i] * x[i];
    return energy;
}

double sd__rbm_free_energy(const sd_rbm *r, const double *x)
{
    double z[SD_RBM_MOST], energy = 0;
    hidden_input(r, x, z);
    for (int j = 0; j < r->hidden; j++)
        energy -= softplus(z[j]);
    for (int i = 0; i < r->visible; i++)
        energy -= visible_bias(r)[i] * x[i];
    return energy;
}

void sd__rbm_hidden(const sd_rbm *r, const double *x, double *p)
{
    hidden_input(r, x, p);
    for (int j = 0; j < r->hidden; j++)
        p[j] = sigmoid(p[j]);
}

void sd__rbm_visible(const sd_rbm *r, const double *h, double *p)
{
    for (int i = 0; i < r->visible; i++) {
        double z = visible_bias(r)[i];
        for (int j = 0; j < r->hidden; j++)
            z += weights(r, i)[j] * h[j];
        p[i] = sigmoid(z);
    }
}

/* ---- distributions over all states ------------------------------------------------------------------------------------- */

double sd__rbm_distribution(const sd_rbm *r, double *p)
{
    int64_t states = (int64_t)1 << r->visible;
    double x[SD_RBM_MOST], largest = -INFINITY, sum = 0;
    for (int64_t s = 0; s < states; s++) {
        sd__rbm_state(s, r->visible, x);
        p[s] = -sd__rbm_free_energy(r, x);
        largest = fmax(largest, p[s]);
    }
    for (int64_t s = 0; s < states; s++)
        sum += p[s] = exp(p[s] - largest);
    for (int64_t s = 0; s < states; s++)
        p[s] /= sum;
    /* cppcheck-suppress invalidFunctionArg ; the largest adds 1 */
    return largest + log(sum);
}

/* total[s] += mass * product of p_i or 1 - p_i: units that are independent. */
static void spread(int units, const double *p, double mass, double *total)
{
    double product[STATES];
    memset(product, 0, sizeof *product << units);
    product[0] = mass;
    for (int i = 0; i < units; i++) {
        double *off = product, *on = product + ((size_t)1 << i);
        for (int64_t s = 0; s < (int64_t)1 << i; s++) {
            on[s] = off[s] * p[i];
            off[s] -= on[s];
        }
    }
    for (int64_t s = 0; s < (int64_t)1 << units; s++)
        total[s] += product[s];
}

void sd__rbm_shares(const sd_rbm *r, int n, const double *x, double *p)
{
    memset(p, 0, sizeof *p << r->visible);
    for (int k = 0; k < n; k++)
        p[sd__rbm_number(r->visible, x + (ptrdiff_t)k * r->visible)] += 1.0 / n;
}

void sd__rbm_gibbs(const sd_rbm *r, double *p)
{
    double q[STATES] = {0}, unit[SD_RBM_MOST], on[SD_RBM_MOST];
    for (int64_t s = 0; s < (int64_t)1 << r->visible; s++) {
        sd__rbm_state(s, r->visible, unit);
        sd__rbm_hidden(r, unit, on);
        spread(r->hidden, on, p[s], q);
        p[s] = 0;
    }
    for (int64_t s = 0; s < (int64_t)1 << r->hidden; s++) {
        sd__rbm_state(s, r->hidden, unit);
        sd__rbm_visible(r, unit, on);
        spread(r->visible, on, q[s], p);
    }
}

/* mean += weight * E(-dE/dtheta | x) */
static void add_moments(const sd_rbm *r, const double *x, double weight, double *mean)
{
    double on[SD_RBM_MOST];
    sd__rbm_hidden(r, x, on);
    for (int i = 0; i < r->visible; i++)
        for (int j = 0; j < r->hidden; j++)
            *mean++ += weight * x[i] * on[j];
    for (int i = 0; i < r->visible; i++)
        *mean++ += weight * x[i];
    for (int j = 0; j < r->hidden; j++)
        *mean++ += weight * on[j];
}

void sd__rbm_moments(const sd_rbm *r, const double *p, double *mean)
{
    double x[SD_RBM_MOST];
    memset(mean, 0, (size_t)sd__rbm_size(r) * sizeof *mean);
    for (int64_t s = 0; s < (int64_t)1 << r->visible; s++) {
        sd__rbm_state(s, r->visible, x);
        add_moments(r, x, p[s], mean);
    }
}

/* ---- learning ---------------------------------------------------------------------------------------------------------- */

double sd__rbm_log_likelihood(const sd_rbm *r, int n, const double *x)
{
    double p[STATES], log_z = sd__rbm_distribution(r, p), sum = 0;
    for (int k = 0; k < n; k++)
        sum -= sd__rbm_free_energy(r, x + (ptrdiff_t)k * r->visible) + log_z;
    return sum / n;
}

void sd__rbm_gradient(const sd_rbm *r, int n, const double *x, double *gradient)
{
    double p[STATES];
    sd__rbm_distribution(r, p);
    sd__rbm_moments(r, p, gradient);
    for (int i = 0; i < sd__rbm_size(r); i++)
        gradient[i] = -gradient[i];
    for (int k = 0; k < n; k++)
        add_moments(r, x + (ptrdiff_t)k * r->visible, 1.0 / n, gradient);
}

static void flip(sd_random *random, int units, double *p)
{
    for (int i = 0; i < units; i++)
        p[i] = sd__random_uniform(random) < p[i];
}

void sd__rbm_contrast(const sd_rbm *r, int n, const double *x, int k, sd_random *random, double *contrast)
{
    memset(contrast, 0, (size_t)sd__rbm_size(r) * sizeof *contrast);
    for (int sample = 0; sample < n; sample++) {
        double at[SD_RBM_MOST], h[SD_RBM_MOST];
        memcpy(at, x + (ptrdiff_t)sample * r->visible, (size_t)r->visible * sizeof *at);
        add_moments(r, at, 1.0 / n, contrast);
        for (int t = 0; t < k; t++) {
            sd__rbm_hidden(r, at, h);
            flip(random, r->hidden, h);
            sd__rbm_visible(r, h, at);
            flip(random, r->visible, at);
        }
        add_moments(r, at, -1.0 / n, contrast);
    }
}

void sd__rbm_climb(const sd_rbm *r, double rate, const double *direction)
{
    for (int i = 0; i < sd__rbm_size(r); i++)
        r->theta[i] += rate * direction[i];
}
