/*
 * mean_field.h -- what a wide random network does to a signal, by recursion from layer to layer.
 *
 * Weights N(0, sigma^2), no biases, N units a layer: pre-activations are Gaussian with variance N sigma^2 q, where q is the
 * mean square of the layer before; so q of the next layer is E phi(sqrt(N sigma^2 q) z)^2, and a gradient's mean square
 * grows by N sigma^2 E phi'^2.
 */
#ifndef SD_CLASSIC_MEAN_FIELD_H
#define SD_CLASSIC_MEAN_FIELD_H

/* A function and its slope. */
typedef struct sd_phi {
    double (*value)(double x);
    double (*slope)(double x);
} sd_phi;

extern const sd_phi sd__phi_tanh, sd__phi_relu, sd__phi_sigmoid, sd__phi_softplus, sd__phi_gelu;

/* E f(deviation * z)^2 for a standard normal z: the trapezoidal rule over +-12, exact to rounding for smooth f. */
double sd__gaussian_square(double (*f)(double x), double deviation);

/* Mean square of the next layer: gain = N sigma^2, q of this one. */
double sd__mean_field_next(const sd_phi *phi, double gain, double q);

/* By which factor a gradient's mean square grows from the next layer back to this one. */
double sd__mean_field_back(const sd_phi *phi, double gain, double q);

#endif
