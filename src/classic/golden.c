/* golden.c -- the minimum of a function of one variable, by golden section. */
#include <math.h>

#include "classic/minimize.h"

/* The two inner points divide the interval so that one of them, with its value, is also an inner point of the smaller interval. */
sd_status sd__golden_section(sd_line_fn *function, void *user, double low, double high, double tolerance, double *x,
                             double *value)
{
    const double golden = (sqrt(5) - 1) / 2;
    double a = high - golden * (high - low), b = low + golden * (high - low), at_a, at_b;
    SD_TRY(function(user, a, &at_a));
    SD_TRY(function(user, b, &at_b));
    while (high - low > tolerance * high) {
        if (at_a < at_b) {
            high = b;
            b = a;
            at_b = at_a;
            a = high - golden * (high - low);
            SD_TRY(function(user, a, &at_a));
        } else {
            low = a;
            a = b;
            at_a = at_b;
            b = low + golden * (high - low);
            SD_TRY(function(user, b, &at_b));
        }
    }
    *x = (low + high) / 2;
    return function(user, *x, value);
}
