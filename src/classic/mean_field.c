/* mean_field.c -- Gaussian expectations, and the recursion of wide random networks. */
#include "classic/mean_field.h"

#include <math.h>

static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }
static double relu_value(double x) { return x > 0 ? x : 0; }
static double relu_slope(double x)
{
    return x > 0 ? 1 : x < 0 ? 0 : M_SQRT1_2;
} /* at the kink half the square: the rule then is exact */

const sd_phi sd__phi_tanh = {tanh, tanh_slope}, sd__phi_relu = {relu_value, relu_slope};

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
