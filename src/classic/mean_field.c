/* mean_field.c -- Gaussian expectations, and the recursion of wide random networks. */
#include "classic/mean_field.h"

#include <math.h>

static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }
static double relu_value(double x) { return x > 0 ? x : 0; }
static double relu_slope(double x)
{
    return x > 0 ? 1 : x < 0 ? 0 : M_SQRT1_2;
} /* at the kink half the square: the rule then is exact */

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double sigmoid_slope(double x) { return sigmoid(x) * sigmoid(-x); }
static double softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double normal_cdf(double x) { return 0.5 * erfc(-M_SQRT1_2 * x); }
static double gelu(double x) { return x * normal_cdf(x); }
static double gelu_slope(double x) { return normal_cdf(x) + x * exp(-0.5 * x * x) / sqrt(2 * M_PI); }

const sd_phi sd__phi_tanh = {tanh, tanh_slope}, sd__phi_relu = {relu_value, relu_slope},
             sd__phi_sigmoid = {sigmoid, sigmoid_slope}, sd__phi_softplus = {softplus, sigmoid},
             sd__phi_gelu = {gelu, gelu_slope};

double sd__gaussian_square(double (*f)(double x), double deviation)
{
    const double step = 1.0 / 256;
    double sum = 0;
    for (int i = -12 * 256; i <= 12 * 256; i++) {
        double z = i * step, value = f(deviation * z);
        sum += value * value * exp(-0.5 * z * z);
    }
    return sum * step / sqrt(2 * M_PI);
}

double sd__mean_field_next(const sd_phi *phi, double gain, double q) { return sd__gaussian_square(phi->value, sqrt(gain * q)); }

double sd__mean_field_back(const sd_phi *phi, double gain, double q)
{
    return gain * sd__gaussian_square(phi->slope, sqrt(gain * q));
}
