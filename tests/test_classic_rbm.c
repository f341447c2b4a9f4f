/*
 * test_classic_rbm.c -- the restricted Boltzmann machine against sums over all states of both layers, written out here
 * from the energy: conditionals, Z, the gradient by differences, the Gibbs chain as a matrix; and drawn chains against
 * what is expected of them.
 */
#include "law.h"

#include <string.h>

#include "classic/rbm.h"

enum { MOST_V = 5, MOST_H = 4, ROOM = MOST_V * MOST_H + MOST_V + MOST_H, SAMPLES = 6 };

typedef struct drawn {
    sd_rbm rbm;
    double theta[ROOM], x[SAMPLES * MOST_V];
} drawn;

static void draw(drawn *d, double size)
{
    d->rbm = (sd_rbm){law_int(1, MOST_V), law_int(1, MOST_H), d->theta};
    law_draw_f64(d->theta, ROOM, -size, size);
    for (int i = 0; i < SAMPLES * MOST_V; i++)
        d->x[i] = law_int(0, 1);
}

/* The energy from its definition; x and h as bits. */
static double energy(const sd_rbm *r, int x, int h)
{
    const double *w = r->theta, *b = w + r->visible * r->hidden, *c = b + r->visible;
    double e = 0;
    for (int i = 0; i < r->visible; i++)
        for (int j = 0; j < r->hidden; j++)
            e -= w[i * r->hidden + j] * (x >> i & 1) * (h >> j & 1);
    for (int i = 0; i < r->visible; i++)
        e -= b[i] * (x >> i & 1);
    for (int j = 0; j < r->hidden; j++)
        e -= c[j] * (h >> j & 1);
    return e;
}

static double partition(const sd_rbm *r)
{
    double z = 0;
    for (int x = 0; x < 1 << r->visible; x++)
        for (int h = 0; h < 1 << r->hidden; h++)
            z += exp(-energy(r, x, h));
    return z;
}

/* Sum over h of e^-E(x,h). */
static double weight(const sd_rbm *r, int x)
{
    double sum = 0;
    for (int h = 0; h < 1 << r->hidden; h++)
        sum += exp(-energy(r, x, h));
    return sum;
}

static int bits(const sd_rbm *r, const double *x)
{
    int s = 0;
    for (int i = 0; i < r->visible; i++)
        s |= (x[i] == 1) << i;
    return s;
}

static double log_likelihood(const sd_rbm *r, const double *x)
{
    double sum = 0, log_z = log(partition(r));
    for (int k = 0; k < SAMPLES; k++)
        sum += (log(weight(r, bits(r, x + (ptrdiff_t)k * r->visible))) - log_z) / SAMPLES;
    return sum;
}

/* ---- energies ---------------------------------------------------------------------------------------------------------- */

static void energies_and_conditionals_are_those_of_the_definition(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        drawn d;
        draw(&d, 2);
        const sd_rbm *r = &d.rbm;
        int sx = law_int(0, (1 << r->visible) - 1), sh = law_int(0, (1 << r->hidden) - 1);
        double x[MOST_V], h[MOST_H], p[MOST_V] = {0}, wanted[MOST_V] = {0}, got, sum;
        sd__rbm_state(sx, r->visible, x);
        sd__rbm_state(sh, r->hidden, h);
        assert_int_equal(sd__rbm_number(r->visible, x), sx);
        assert_int_equal(bits(r, x), sx);
        got = sd__rbm_energy(r, x, h);
        sum = energy(r, sx, sh);
        assert_near_f64(&got, &sum, 1, 1e-13);
        got = sd__rbm_free_energy(r, x);
        sum = -log(weight(r, sx));
        assert_near_f64(&got, &sum, 1, 1e-13);
        for (int other = 0; other < 1 << r->hidden; other++)
            for (int j = 0; j < r->hidden; j++)
                wanted[j] += (other >> j & 1) * exp(-energy(r, sx, other)) / weight(r, sx);
        sd__rbm_hidden(r, x, p);
        assert_near_f64(p, wanted, (size_t)r->hidden, 1e-13);
        memset(wanted, 0, sizeof wanted);
        sum = 0;
        for (int other = 0; other < 1 << r->visible; other++)
            sum += exp(-energy(r, other, sh));
        for (int other = 0; other < 1 << r->visible; other++)
            for (int i = 0; i < r->visible; i++)
                wanted[i] += (other >> i & 1) * exp(-energy(r, other, sh)) / sum;
        sd__rbm_visible(r, h, p);
        assert_near_f64(p, wanted, (size_t)r->visible, 1e-13);
    }
}

/* Nothing overflows where e^-E does: weights of 1000 are certain, and the free energy is linear. */
static void large_weights_do_not_overflow(void **state)
{
    double theta[3] = {1000, 0, 0}, p[2], one = 1, on;
    sd_rbm r = {1, 1, theta};
    double log_z = sd__rbm_distribution(&r, p), wanted = 1000;
    assert_near_f64(&log_z, &wanted, 1, 1e-15);
    assert_true(p[1] == 1 && p[0] < 1e-300);
    sd__rbm_hidden(&r, &one, &on);
    assert_true(on == 1);
    theta[0] = -1000;
    sd__rbm_hidden(&r, &one, &on);
    assert_true(on == 0);
    assert_true(sd__rbm_free_energy(&r, &one) == 0);
}

/* Weights have the deviation asked for, biases are 0; climbing adds. */
static void weights_are_drawn_and_moved(void **state)
{
    double theta[12 * 12 + 24], direction[12 * 12 + 24], square = 0;
    sd_rbm r = {12, 12, theta};
    sd__rbm_draw(&r, 0.5, law_random());
    for (int i = 0; i < 144; i++)
        square += theta[i] * theta[i] / 144;
    assert_true(fabs(square / 0.25 - 1) < 5 * sqrt(2.0 / 144));
    for (int i = 144; i < 168; i++)
        assert_true(theta[i] == 0);
    law_draw_f64(direction, 168, -1, 1);
    double wanted[168];
    for (int i = 0; i < 168; i++)
        wanted[i] = theta[i] + 0.1 * direction[i];
    sd__rbm_climb(&r, 0.1, direction);
    assert_near_f64(theta, wanted, 168, 1e-15);
}

static void shares_count_samples(void **state)
{
    double x[] = {1, 0, 0, 1, 1, 0}, p[4], wanted[4] = {0, 2 / 3.0, 1 / 3.0, 0};
    sd_rbm r = {2, 1, (double[5]){0}};
    sd__rbm_shares(&r, 3, x, p);
    assert_near_f64(p, wanted, 4, 1e-15);
}

/* ---- distributions ----------------------------------------------------------------------------------------------------- */

static void the_distribution_sums_over_the_hidden_units(void **state)
{
    for (int trial = 0; trial < law_trials(100); trial++) {
        drawn d;
        draw(&d, 2);
        double p[1 << MOST_V], wanted[1 << MOST_V], z = partition(&d.rbm), log_z = log(z), got;
        got = sd__rbm_distribution(&d.rbm, p);
        assert_near_f64(&got, &log_z, 1, 1e-13);
        for (int x = 0; x < 1 << d.rbm.visible; x++)
            wanted[x] = weight(&d.rbm, x) / z;
        assert_near_f64(p, wanted, (size_t)1 << d.rbm.visible, 1e-13);
        got = sd__rbm_log_likelihood(&d.rbm, SAMPLES, d.x);
        log_z = log_likelihood(&d.rbm, d.x);
        assert_near_f64(&got, &log_z, 1, 1e-12);
    }
}

/* One step moves p by the matrix sum_h p(h|x) p(x'|h), and leaves the model's distribution as it is. */
static void gibbs_is_its_transition_matrix(void **state)
{
    for (int trial = 0; trial < law_trials(50); trial++) {
        drawn d;
        draw(&d, 2);
        const sd_rbm *r = &d.rbm;
        int states = 1 << r->visible;
        double p[1 << MOST_V], wanted[1 << MOST_V] = {0}, model[1 << MOST_V], before[1 << MOST_V], sum = 0;
        law_draw_f64(p, (size_t)states, 0, 1);
        for (int s = 0; s < states; s++)
            sum += p[s];
        for (int s = 0; s < states; s++)
            p[s] /= sum;
        for (int h = 0; h < 1 << r->hidden; h++) {
            double column = 0;
            for (int s = 0; s < states; s++)
                column += exp(-energy(r, s, h));
            for (int from = 0; from < states; from++)
                for (int to = 0; to < states; to++)
                    wanted[to] += p[from] * exp(-energy(r, from, h)) / weight(r, from) * exp(-energy(r, to, h)) / column;
        }
        sd__rbm_gibbs(r, p);
        assert_near_f64(p, wanted, (size_t)states, 1e-13);
        sd__rbm_distribution(r, model);
        memcpy(before, model, sizeof model);
        sd__rbm_gibbs(r, model);
        assert_near_f64(model, before, (size_t)states, 1e-13);
    }
}

/* ---- learning ---------------------------------------------------------------------------------------------------------- */

static void the_gradient_is_that_of_differences(void **state)
{
    for (int trial = 0; trial < law_trials(30); trial++) {
        drawn d;
        draw(&d, 1);
        double g[ROOM], wanted[ROOM], step = 1e-5;
        sd__rbm_gradient(&d.rbm, SAMPLES, d.x, g);
        for (int i = 0; i < sd__rbm_size(&d.rbm); i++) {
            double was = d.theta[i], up, down;
            d.theta[i] = was + step;
            up = log_likelihood(&d.rbm, d.x);
            d.theta[i] = was - step;
            down = log_likelihood(&d.rbm, d.x);
            d.theta[i] = was;
            wanted[i] = (up - down) / (2 * step);
        }
        assert_near_f64(g, wanted, (size_t)sd__rbm_size(&d.rbm), 1e-9);
    }
}

/*
 * The mean of drawn estimates is data's moments less those after k enumerated steps: within 5 standard errors in every element.
 */
static void drawn_chains_have_the_enumerated_mean(void **state)
{
    enum { DRAWS = 20000 };
    for (int k = 0; k <= 3; k++) {
        drawn d;
        draw(&d, 1.5);
        const sd_rbm *r = &d.rbm;
        int size = sd__rbm_size(r);
        double p[1 << MOST_V] = {0}, data[ROOM], model[ROOM], estimate[ROOM], mean[ROOM] = {0}, square[ROOM] = {0};
        for (int i = 0; i < SAMPLES; i++)
            p[bits(r, d.x + (ptrdiff_t)i * r->visible)] += 1.0 / SAMPLES;
        sd__rbm_moments(r, p, data);
        for (int t = 0; t < k; t++)
            sd__rbm_gibbs(r, p);
        sd__rbm_moments(r, p, model);
        for (int draws = 0; draws < DRAWS; draws++) {
            sd__rbm_contrast(r, SAMPLES, d.x, k, law_random(), estimate);
            for (int i = 0; i < size; i++) {
                mean[i] += estimate[i] / DRAWS;
                square[i] += estimate[i] * estimate[i] / DRAWS;
            }
        }
        for (int i = 0; i < size; i++) {
            double error = sqrt(fmax(square[i] - mean[i] * mean[i], 0) / DRAWS);
            assert_true(fabs(mean[i] - (data[i] - model[i])) <= 5 * error + 1e-12);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(energies_and_conditionals_are_those_of_the_definition),
        cmocka_unit_test(large_weights_do_not_overflow),
        cmocka_unit_test(weights_are_drawn_and_moved),
        cmocka_unit_test(shares_count_samples),
        cmocka_unit_test(the_distribution_sums_over_the_hidden_units),
        cmocka_unit_test(gibbs_is_its_transition_matrix),
        cmocka_unit_test(the_gradient_is_that_of_differences),
        cmocka_unit_test(drawn_chains_have_the_enumerated_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
