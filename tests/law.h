/*
 * law.h -- what the law tests share: random input that can be replayed, and assertions that say what is wrong.
 *
 * A law test draws input and asserts what must hold for every input. SONDE_SEED=N replays (the seed is the first thing
 * a test program prints; without the variable it is 1, so that two runs agree; `./dev soak` draws others),
 * SONDE_ITERS=N multiplies the trials.
 */
#ifndef SD_TESTS_LAW_H
#define SD_TESTS_LAW_H

#include <math.h>
#include <setjmp.h>
#include <sonde/base.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/philox.h"

#define LAW_UNUSED __attribute__((unused))

LAW_UNUSED static uint64_t law_number(const char *variable, uint64_t otherwise)
{
    const char *text = getenv(variable);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

/* The stream from which this test program draws; the first use prints the seed. */
LAW_UNUSED static sd_random *law_random(void)
{
    static sd_random random;
    static bool started;
    if (!started) {
        uint64_t seed = law_number("SONDE_SEED", 1);
        print_message("SONDE_SEED=%llu\n", (unsigned long long)seed);
        random = sd__random(seed, 0);
        started = true;
    }
    return &random;
}

LAW_UNUSED static int law_trials(int trials)
{
    uint64_t times = law_number("SONDE_ITERS", 1);
    return (int)((uint64_t)trials * (times < 1 ? 1 : times > 100000 ? 100000 : times));
}

/* Uniform in [lo,hi). */
LAW_UNUSED static void law_draw(float *x, size_t n, double lo, double hi)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(lo + (hi - lo) * sd__random_uniform(law_random()));
}

LAW_UNUSED static void law_draw_f64(double *x, size_t n, double lo, double hi)
{
    for (size_t i = 0; i < n; i++)
        x[i] = lo + (hi - lo) * sd__random_uniform(law_random());
}

/* An integer, both ends included. */
LAW_UNUSED static int law_int(int lo, int hi)
{
    return lo + (int)sd__random_below(law_random(), (uint64_t)((int64_t)hi - lo + 1));
}

LAW_UNUSED static void law_near(double got, double wanted, size_t i, double tolerance, const char *file, int line)
{
    double scale = fabs(wanted) > 1 ? fabs(wanted) : 1;
    if (got == wanted || fabs(got - wanted) <= tolerance * scale)
        return;
    print_error("element %zu: got %.17g, wanted %.17g, off by %.3g, allowed %.3g\n", i, got, wanted, fabs(got - wanted),
                tolerance * scale);
    _fail(file, line);
}

/* |got - wanted| <= tolerance * max(1, |wanted|) for each of n numbers; a NaN fails. */
LAW_UNUSED static void law_near_f32(const float *got, const float *wanted, size_t n, double tolerance, const char *file,
                                    int line)
{
    for (size_t i = 0; i < n; i++)
        law_near((double)got[i], (double)wanted[i], i, tolerance, file, line);
}

LAW_UNUSED static void law_near_f64(const double *got, const double *wanted, size_t n, double tolerance, const char *file,
                                    int line)
{
    for (size_t i = 0; i < n; i++)
        law_near(got[i], wanted[i], i, tolerance, file, line);
}

#define assert_near(got, wanted, n, tolerance) law_near_f32(got, wanted, n, tolerance, __FILE__, __LINE__)
#define assert_near_f64(got, wanted, n, tolerance) law_near_f64(got, wanted, n, tolerance, __FILE__, __LINE__)

/* The same as an absolute bound on one number, which the message names. */
LAW_UNUSED static void near(double a, double b, double tolerance, const char *what)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%s: %.17g, should be %.17g +- %g", what, a, b, tolerance);
}

LAW_UNUSED static void law_status(sd_status got, sd_status wanted, const char *call, const char *file, int line)
{
    if (got == wanted)
        return;
    print_error("%s: %s (%s), wanted: %s\n", call, sd_status_text(got), got == SD_OK ? "" : sd_error(), sd_status_text(wanted));
    _fail(file, line);
}

#define assert_ok(call) law_status(call, SD_OK, #call, __FILE__, __LINE__)
#define assert_status(call, wanted) law_status(call, wanted, #call, __FILE__, __LINE__)

/* This thread's message has these words in it. */
LAW_UNUSED static void says(const char *words)
{
    if (!strstr(sd_error(), words))
        fail_msg("the message is \"%s\", but \"%s\" was expected in it", sd_error(), words);
}

#endif
