/* distribution.c -- normal, beta and Student's t: distribution functions and their inverses. */
#include <sonde/statistics.h>

#include <float.h>
#include <math.h>

double sd_normal_cdf(double z) { return 0.5 * erfc(-z * 0x1.6a09e667f3bcdp-1); }

/* The inverse of an increasing function on [low,high] by halving, to the last bit that doubles can tell apart. */
static double invert(double (*cdf)(double, double, double), double a, double b, double p, double low, double high)
{
    for (int step = 0; step < 2000; step++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (cdf(middle, a, b) < p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static double normal_cdf3(double z, double a, double b) { return sd_normal_cdf(z); }

double sd_normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return p <= 0 ? -INFINITY : p >= 1 ? INFINITY : NAN;
    if (p > 0.5) /* near 1 the upper tail keeps its digits, the lower does not */
        return -sd_normal_quantile(1 - p);
    return invert(normal_cdf3, 0, 0, p, -40, 0);
}

static double keep_apart(double x) { return fabs(x) < DBL_MIN ? DBL_MIN : x; }

/*
 * The continued fraction of the incomplete beta function (Abramowitz & Stegun 26.5.8), evaluated from the front (Lentz 1976).
 */
static double fraction(double x, double a, double b)
{
    double c = 1, d = 1 / keep_apart(1 - (a + b) * x / (a + 1)), result = d;
    for (int m = 1; m <= 100000; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / keep_apart(1 + even * d);
        c = keep_apart(1 + even / c);
        result *= d * c;
        d = 1 / keep_apart(1 + odd * d);
        c = keep_apart(1 + odd / c);
        result *= d * c;
        if (fabs(d * c - 1) < DBL_EPSILON)
            break;
    }
    return result;
}

/* lgamma() writes a global sign, so it is no function for several threads; the one with the suffix is. */
static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

double sd_beta_cdf(double x, double a, double b)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2)) /* on this side the fraction converges fast */
        return front * fraction(x, a, b) / a;
    return 1 - front * fraction(1 - x, b, a) / b;
}

double sd_beta_quantile(double p, double a, double b)
{
    if (!(p > 0 && p < 1))
        return p <= 0 ? 0 : p >= 1 ? 1 : NAN;
    return invert(sd_beta_cdf, a, b, p, 0, 1);
}

double sd_t_cdf(double t, double df)
{
    double tail = sd_beta_cdf(df / (df + t * t), df / 2, 0.5) / 2;
    return t < 0 ? tail : 1 - tail;
}

double sd_t_quantile(double p, double df)
{
    if (!(p > 0 && p < 1))
        return p <= 0 ? -INFINITY : p >= 1 ? INFINITY : NAN;
    if (p == 0.5)
        return 0;
    double x = sd_beta_quantile(2 * (p < 0.5 ? p : 1 - p), df / 2, 0.5);
    double t = sqrt(df * (1 / x - 1));
    return p < 0.5 ? -t : t;
}
