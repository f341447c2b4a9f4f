/*
 * test_lab_signal.c -- the comparison of wide random networks with one step of the mean-field recursion holds,
 * and sees a wrong constant.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lab/record.h"
#include "lab/signal.h"

static sd_context *context;

static int setup(void **state) { return sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK; }

static int teardown(void **state)
{
    sd_context_free(context);
    return 0;
}

static double tanh_slope(double x) { return 1 - tanh(x) * tanh(x); }
static double large_tanh(double x) { return 1.01 * tanh(x); }
static double relu_slope(double x) { return x > 0; }
static double large_relu(double x) { return x > 0 ? 1.1 * x : 0; }
static const sd_phi wrong_tanh = {large_tanh, tanh_slope}, wrong_relu = {large_relu, relu_slope};

/* The verdict on networks measured anew; networks 0: on what `s` says. */
static sd_verdict steps(const sd_signal_spec *spec, int networks, sd_signal *s)
{
    static const sd_claim claim = {.id = "C84", .part = {{"c", "", "", SD_CONFIRMED}}};
    sd_lab lab;
    assert_int_equal(sd__lab_begin(context, &claim, &(sd_lab_options){.seed = 1}, &lab), SD_OK);
    assert_int_equal(networks ? sd__signal_measure(&lab, spec, networks, s) : SD_OK, SD_OK);
    sd_verdict verdict = sd__signal_steps(&lab, "c", s, spec->name);
    sd__lab_clear(&lab);
    return verdict;
}

static void one_step_is_exact_at_finite_width(void **state)
{
    static const double deviation[] = {0.01, 1};
    sd_signal s;
    for (int i = 0; i < 2; i++) {
        sd_signal_spec spec = {"tanh", deviation[i], sd_tanh, &sd__phi_tanh, 1};
        assert_int_equal(steps(&spec, 10, &s), SD_CONFIRMED);
        /*
         * s / sqrt(500) for samples that are nearly independent: a relative deviation of sqrt(2 / 64 / 500) of q in layer 1,
         * half of it of its root; less where tanh bends
         */
        double most = 0.5 * sqrt(2.0 / 64 / 500 / 10) * sd_normal_quantile(1 - 0.025 / (4 * (SD_SIGNAL_LAYERS + 1)));
        assert_true(s.step[1].high - s.step[1].estimate < 1.15 * most);
        if (i == 0)
            assert_true(s.step[1].high - s.step[1].estimate > 0.8 * most);
        s.scatter = (sd_interval){2, 1.9, 2.1}; /* a sampling error that is not the derived one */
        assert_int_equal(steps(&spec, 0, &s), SD_REFUTED);
    }
}

static void a_wrong_constant_is_refuted(void **state)
{
    sd_signal s;
    sd_signal_spec tanh_spec = {"tanh", 0.01, sd_tanh, &wrong_tanh, 1}, relu_spec = {"relu", 0.06, sd_relu, &wrong_relu, 1};
    assert_int_equal(steps(&tanh_spec, 10, &s), SD_REFUTED);
    assert_int_equal(steps(&relu_spec, 10, &s), SD_REFUTED);
}

/* Too few networks to say so: not decided, though nothing speaks against it. */
static void few_networks_decide_nothing(void **state)
{
    sd_signal s;
    sd_signal_spec spec = {"relu", 0.06, sd_relu, &sd__phi_relu, 1};
    assert_int_equal(steps(&spec, 2, &s), SD_NOT_DECIDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_is_exact_at_finite_width),
        cmocka_unit_test(a_wrong_constant_is_refuted),
        cmocka_unit_test(few_networks_decide_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
