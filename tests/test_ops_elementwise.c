/* test_ops_elementwise.c -- elementwise ops: values and derivatives against closed forms, kinks, special values, mistakes. */
#include <float.h>
#include <sonde/autodiff.h>

#include "interpret.h"
#include "ops/constant.h"

#define N 200

/* ---- one operand: value, first and second derivative ------------------------------------------------------------ */

static double reciprocal_root(double x) { return pow(x, -0.5); }
static double logistic(double x) { return 0.5 * (1 + tanh(x / 2)); }
static double logistic_slope(double x) { return logistic(x) * logistic(-x); }
static double logistic_bend(double x) { return logistic_slope(x) * (logistic(-x) - logistic(x)); }
static double identity(double x) { return x; }
static double zero(double x) { return 0 * x; }
static double one(double x) { return 1 + 0 * x; }
static double minus(double x) { return -x; }
static double minus_one(double x) { return -1 + 0 * x; }
static double two_x(double x) { return 2 * x; }
static double two(double x) { return 2 + 0 * x; }
static double square(double x) { return x * x; }
static double inverse(double x) { return 1 / x; }
static double minus_inverse_square(double x) { return -1 / (x * x); }
static double inverse_1p(double x) { return 1 / (1 + x); }
static double minus_inverse_1p_square(double x) { return -1 / ((1 + x) * (1 + x)); }
static double half_root(double x) { return 0.5 * pow(x, -0.5); }
static double root_bend(double x) { return -0.25 * pow(x, -1.5); }
static double rsqrt_slope(double x) { return -0.5 * pow(x, -1.5); }
static double rsqrt_bend(double x) { return 0.75 * pow(x, -2.5); }
static double tanh_slope(double x) { return 1 / (cosh(x) * cosh(x)); }
static double tanh_bend(double x) { return -2 * tanh(x) / (cosh(x) * cosh(x)); }
static double ramp(double x) { return x > 0 ? x : 0; }
static double heaviside(double x) { return x > 0; }
static double signum(double x) { return (x > 0) - (x < 0); }
static double erf_slope(double x) { return 1.1283791670955126 * exp(-x * x); }
static double erf_bend(double x) { return -2 * x * erf_slope(x); }
static double minus_sin(double x) { return -sin(x); }
static double minus_cos(double x) { return -cos(x); }

typedef struct unary {
    const char *name;
    sd_node (*build)(sd_node x);
    double (*value)(double x), (*slope)(double x), (*bend)(double x);
    double lo, hi;
} unary;

static const unary unaries[] = {
    {"neg", sd_neg, minus, minus_one, zero, -3, 3},
    {"exp", sd_exp, exp, exp, exp, -4, 4},
    {"log", sd_log, log, inverse, minus_inverse_square, 0.05, 9},
    {"log1p", sd_log1p, log1p, inverse_1p, minus_inverse_1p_square, -0.9, 9},
    {"sqrt", sd_sqrt, sqrt, half_root, root_bend, 0.05, 9},
    {"rsqrt", sd_rsqrt, reciprocal_root, rsqrt_slope, rsqrt_bend, 0.1, 9},
    {"tanh", sd_tanh, tanh, tanh_slope, tanh_bend, -3, 3},
    {"sigmoid", sd_sigmoid, logistic, logistic_slope, logistic_bend, -6, 6},
    {"relu", sd_relu, ramp, heaviside, zero, -2, 2},
    {"step", sd_step, heaviside, zero, zero, -2, 2},
    {"abs", sd_abs, fabs, signum, zero, -2, 2},
    {"sign", sd_sign, signum, zero, zero, -2, 2},
    {"erf", sd_erf, erf, erf_slope, erf_bend, -3, 3},
    {"sin", sd_sin, sin, cos, minus_sin, -6, 6},
    {"cos", sd_cos, cos, minus_sin, minus_cos, -6, 6},
    {"square", sd_square, square, two_x, two, -3, 3},
    {"barrier", sd_barrier, identity, one, zero, -3, 3},
    {"stop_gradient", sd_stop_gradient, identity, zero, zero, -3, 3},
};

/* The sum of build(x), differentiated `order` times in x, each time through the sum of the derivative. */
static sd_node derivative(const unary *u, sd_node x, int order)
{
    sd_node y = u->build(x);
    for (int i = 0; i < order; i++) {
        sd_node slope;
        sd_grad(sd_sum(y, SD_ALL_AXES, false), 1, &x, &slope);
        y = slope;
    }
    return y;
}

static void unary_values_and_derivatives(void **state)
{
    double x[N], got[N], wanted[N];
    for (size_t k = 0; k < SD_COUNT(unaries); k++) {
        const unary *u = &unaries[k];
        double (*const truth[])(double) = {u->value, u->slope, u->bend};
        law_draw_f64(x, N, u->lo, u->hi);
        for (int order = 0; order < 3; order++) {
            sd_graph *g = sd_graph_new();
            sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(N));
            interpret(derivative(u, v, order), (sd_feed[]){{"x", x}, {0}}, got);
            for (int i = 0; i < N; i++)
                wanted[i] = truth[order](x[i]);
            print_message("%s, derivative %d\n", u->name, order);
            assert_near_f64(got, wanted, N, 1e-13);
            sd_graph_free(g);
        }
    }
}

/* f32 differs from f64 by a few roundings of float. */
static void unary_f32_agrees_with_f64(void **state)
{
    float x[N], got[N], wanted[N];
    for (size_t k = 0; k < SD_COUNT(unaries); k++) {
        const unary *u = &unaries[k];
        law_draw(x, N, u->lo, u->hi);
        sd_graph *g = sd_graph_new();
        sd_node v = sd_input(g, "x", SD_F32, SD_SHAPE(N));
        interpret(u->build(v), (sd_feed[]){{"x", x}, {0}}, got);
        for (int i = 0; i < N; i++)
            wanted[i] = (float)u->value((double)x[i]);
        print_message("%s\n", u->name);
        assert_near(got, wanted, N, 4 * FLT_EPSILON);
        sd_graph_free(g);
    }
}

/* erf to ten digits: Abramowitz & Stegun, table 7.1. */
static void erf_has_the_published_values(void **state)
{
    double x[] = {0.5, 1, 2}, got[3], wanted[] = {0.5204998778, 0.8427007929, 0.9953222650};
    sd_graph *g = sd_graph_new();
    interpret(sd_erf(sd_input(g, "x", SD_F64, SD_SHAPE(3))), (sd_feed[]){{"x", x}, {0}}, got);
    assert_near_f64(got, wanted, 3, 5.1e-11);
    sd_graph_free(g);
}

/* At a kink the documented derivative, and a second derivative of zero. */
static void kinks_have_their_documented_derivative(void **state)
{
    sd_node (*const build[])(sd_node) = {sd_relu, sd_step, sd_abs, sd_sign};
    for (size_t k = 0; k < SD_COUNT(build); k++)
        for (int order = 1; order < 3; order++) {
            double x[] = {0, -0.0}, got[] = {1, 1};
            sd_graph *g = sd_graph_new();
            unary u = {.build = build[k]};
            sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(2));
            interpret(derivative(&u, v, order), (sd_feed[]){{"x", x}, {0}}, got);
            assert_true(got[0] == 0 && got[1] == 0);
            sd_graph_free(g);
        }
}

static void unary_special_values(void **state)
{
    const struct {
        sd_node (*build)(sd_node);
        double x, y;
    } row[] = {
        {sd_relu, NAN, NAN},
        {sd_step, NAN, NAN},
        {sd_sign, NAN, NAN},
        {sd_log, 0, -INFINITY},
        {sd_log, -1, NAN},
        {sd_sqrt, -1, NAN},
        {sd_sqrt, 0, 0},
        {sd_rsqrt, 0, INFINITY},
        {sd_sigmoid, -2000, 0},
        {sd_sigmoid, 2000, 1},
        {sd_exp, 2000, INFINITY},
        {sd_tanh, 2000, 1},
        {sd_relu, INFINITY, INFINITY},
        {sd_relu, -INFINITY, 0},
        {sd_log1p, 1e-20, 1e-20},
        {sd_abs, -INFINITY, INFINITY},
    };
    for (size_t i = 0; i < SD_COUNT(row); i++)
        for (int dtype = SD_F32; dtype <= SD_F64; dtype++) {
            sd_graph *g = sd_graph_new();
            double y;
            float x32 = (float)row[i].x;
            sd_node v = row[i].build(sd_input(g, "x", (sd_dtype)dtype, SD_SHAPE(1)));
            interpret(sd_cast(v, SD_F64), (sd_feed[]){{"x", dtype == SD_F32 ? (void *)&x32 : (void *)&row[i].x}, {0}}, &y);
            if (isnan(row[i].y) ? !isnan(y) : !(fabs(y - row[i].y) <= 1e-26 || y == row[i].y))
                fail_msg("row %zu: %g gives %g, not %g", i, row[i].x, y, row[i].y);
            sd_graph_free(g);
        }
}

/* ---- two operands -------------------------------------------------------------------------------------------------- */

typedef struct binary {
    const char *name;
    sd_node (*build)(sd_node a, sd_node b);
    double a, b, y, da, db; /* one point: value and both slopes */
} binary;

static const binary binaries[] = {
    {"add", sd_add, 2, 5, 7, 1, 1},
    {"sub", sd_sub, 2, 5, -3, 1, -1},
    {"mul", sd_mul, 2, 5, 10, 5, 2},
    {"div", sd_div, 3, 4, 0.75, 0.25, -0.1875},
    {"pow", sd_pow, 3, 4, 81, 108, 88.98759538211689}, /* 81 ln 3 */
    {"pow at 0", sd_pow, 0, 2, 0, 0, 0},
    {"pow 0^1", sd_pow, 0, 1, 0, 1, 0},
    {"pow 0^0", sd_pow, 0, 0, 1, 0, 0},
    {"pow 2^0", sd_pow, 2, 0, 1, 0, 0.6931471805599453},
    {"min", sd_min, 2, 5, 2, 1, 0},
    {"min", sd_min, 5, 2, 2, 0, 1},
    {"min tie", sd_min, 3, 3, 3, 1, 0},
    {"max", sd_max, 2, 5, 5, 0, 1},
    {"max", sd_max, 5, 2, 5, 1, 0},
    {"max tie", sd_max, 3, 3, 3, 1, 0},
    {"min with NaN", sd_min, NAN, 1, NAN, 0, 1},
    {"min with NaN", sd_min, 1, NAN, NAN, 0, 1},
    {"max with NaN", sd_max, NAN, 1, NAN, 0, 1},
    {"max with NaN", sd_max, 1, NAN, NAN, 0, 1},
};

static void same_or_nan(double got, double wanted, const char *what)
{
    if (isnan(wanted) ? !isnan(got) : !(fabs(got - wanted) <= 1e-14 * fmax(1, fabs(wanted))))
        fail_msg("%s: got %.17g, wanted %.17g", what, got, wanted);
}

static void binary_values_and_slopes(void **state)
{
    for (size_t i = 0; i < SD_COUNT(binaries); i++) {
        binary row = binaries[i];
        sd_graph *g = sd_graph_new();
        sd_node x[] = {sd_input(g, "a", SD_F64, sd_scalar_shape()), sd_input(g, "b", SD_F64, sd_scalar_shape())}, slope[2];
        sd_node y = row.build(x[0], x[1]);
        sd_feed feeds[] = {{"a", &row.a}, {"b", &row.b}, {0}};
        double got;
        interpret(y, feeds, &got);
        same_or_nan(got, row.y, row.name);
        if (!isnan(row.y)) {
            sd_grad(y, 2, x, slope);
            interpret(slope[0], feeds, &got);
            same_or_nan(got, row.da, row.name);
            interpret(slope[1], feeds, &got);
            same_or_nan(got, row.db, row.name);
        }
        sd_graph_free(g);
    }
}

/* d2/da2 of a^2 is 2 and d2/dadb is 0 at a = 0: no 0 * infinity is left in the graph. */
static void pow_is_twice_differentiable_at_zero(void **state)
{
    double a = 0, b = 2, got;
    sd_graph *g = sd_graph_new();
    sd_node x[] = {sd_input(g, "a", SD_F64, sd_scalar_shape()), sd_input(g, "b", SD_F64, sd_scalar_shape())};
    sd_node first, second[2];
    sd_grad(sd_pow(x[0], x[1]), 1, x, &first);
    sd_grad(first, 2, x, second);
    interpret(second[0], (sd_feed[]){{"a", &a}, {"b", &b}, {0}}, &got);
    assert_true(got == 2);
    interpret(second[1], (sd_feed[]){{"a", &a}, {"b", &b}, {0}}, &got);
    assert_true(got == 0);
    sd_graph_free(g);
}

/* ---- compare, select, cast --------------------------------------------------------------------------------------------- */

static void compare_is_right_for_every_type(void **state)
{
    const double a[] = {1, 2, 3, NAN}, b[] = {2, 2, 2, 2};
    const uint8_t wanted[6][4] = {{0, 1, 0, 0}, {1, 0, 1, 1}, {1, 0, 0, 0}, {1, 1, 0, 0}, {0, 0, 1, 0}, {0, 1, 1, 0}};
    const sd_dtype dtypes[] = {SD_F32, SD_F64, SD_I32, SD_U8};
    for (size_t d = 0; d < SD_COUNT(dtypes); d++)
        for (int op = SD_EQ; op <= SD_GE; op++) {
            size_t n = sd_dtype_is_real(dtypes[d]) ? 4 : 3; /* integers have no NaN */
            uint8_t got[4];
            sd_graph *g = sd_graph_new();
            sd_shape shape = SD_SHAPE((int64_t)n);
            sd_node x = sd_cast(sd_input(g, "a", SD_F64, shape), dtypes[d]);
            sd_node y = sd_cast(sd_input(g, "b", SD_F64, shape), dtypes[d]);
            interpret(sd_compare(x, (sd_comparison)op, y), (sd_feed[]){{"a", (void *)a}, {"b", (void *)b}, {0}}, got);
            assert_memory_equal(got, wanted[op], n);
            sd_graph_free(g);
        }
}

static void select_moves_every_type(void **state)
{
    for (int dtype = 0; dtype < SD_DTYPE_COUNT; dtype++) {
        uint8_t cond[] = {0, 1, 255};
        double a[] = {10, 20, 30}, b[] = {1, 2, 3}, got[3], wanted[] = {1, 20, 30};
        sd_graph *g = sd_graph_new();
        sd_node x = sd_cast(sd_input(g, "a", SD_F64, SD_SHAPE(3)), (sd_dtype)dtype);
        sd_node y = sd_cast(sd_input(g, "b", SD_F64, SD_SHAPE(3)), (sd_dtype)dtype);
        sd_node s = sd_select(sd_input(g, "c", SD_U8, SD_SHAPE(3)), x, y);
        interpret(sd_cast(s, SD_F64), (sd_feed[]){{"a", a}, {"b", b}, {"c", cond}, {0}}, got);
        assert_near_f64(got, wanted, 3, 0);
        sd_graph_free(g);
    }
}

/* An infinite cotangent of one branch leaves the other branch's gradient alone. */
static void select_keeps_branches_apart(void **state)
{
    uint8_t cond[] = {1, 0};
    double x[] = {0, 0}, got[2];
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(2));
    sd_node y = sd_select(sd_input(g, "c", SD_U8, SD_SHAPE(2)), v, sd_neg(v)), slope;
    sd_grad(sd_sum(sd_mul(y, sd_constant(g, SD_F64, SD_SHAPE(2), INFINITY)), SD_ALL_AXES, false), 1, &v, &slope);
    interpret(slope, (sd_feed[]){{"x", x}, {"c", cond}, {0}}, got);
    assert_true(got[0] == INFINITY && got[1] == -INFINITY);
    sd_graph_free(g);
}

static void cast_to_integers_cuts_and_saturates(void **state)
{
    const double x[] = {1.9, -1.9, 0.5, 255.5, 256, -3, 1e300, -1e300, NAN, 2147483646.9};
    const int32_t i32[] = {1, -1, 0, 255, 256, -3, INT32_MAX, INT32_MIN, 0, 2147483646};
    const uint8_t u8[] = {1, 0, 0, 255, 255, 0, 255, 0, 0, 255};
    int32_t got_i32[10];
    uint8_t got_u8[10];
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(10));
    interpret(sd_cast(v, SD_I32), (sd_feed[]){{"x", (void *)x}, {0}}, got_i32);
    interpret(sd_cast(v, SD_U8), (sd_feed[]){{"x", (void *)x}, {0}}, got_u8);
    assert_memory_equal(got_i32, i32, sizeof i32);
    assert_memory_equal(got_u8, u8, sizeof u8);
    sd_graph_free(g);
}

/* Ties go to the even neighbour; 1 + 2^-8 + 2^-40 is above the tie, though a float cannot tell. */
static void cast_to_bf16_rounds_once(void **state)
{
    const double x[] = {1,
                        1 + 0x1p-8,
                        1 + 3 * 0x1p-8,
                        1 + 0x1p-8 + 0x1p-40,
                        1 + 0x1p-8 - 0x1p-40,
                        -1 - 0x1p-8 - 0x1p-40,
                        3.0e38,
                        3.4e38,
                        INFINITY,
                        -INFINITY,
                        0,
                        -0.0};
    const uint16_t wanted[] = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x3f80, 0xbf81, 0x7f62, 0x7f80, 0x7f80, 0xff80, 0, 0x8000};
    uint16_t got[SD_COUNT(x)], nan;
    double back[SD_COUNT(x)], not_a_number = NAN;
    sd_graph *g = sd_graph_new();
    sd_node v = sd_cast(sd_input(g, "x", SD_F64, SD_SHAPE(SD_COUNT(x))), SD_BF16);
    interpret(v, (sd_feed[]){{"x", (void *)x}, {0}}, got);
    assert_memory_equal(got, wanted, sizeof wanted);
    interpret(sd_cast(v, SD_F64), (sd_feed[]){{"x", (void *)x}, {0}}, back);
    assert_true(back[2] == 1 + 0x1p-6 && back[8] == INFINITY && back[9] == -INFINITY);
    sd_node quiet = sd_cast(sd_input(g, "nan", SD_F64, sd_scalar_shape()), SD_BF16);
    interpret(quiet, (sd_feed[]){{"nan", &not_a_number}, {0}}, &nan);
    assert_true((nan & 0x7f80) == 0x7f80 && (nan & 0x7f));
    sd_graph_free(g);
}

static void cast_passes_the_gradient_between_reals_only(void **state)
{
    double x = 1.5, got;
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_F64, sd_scalar_shape()), slope;
    sd_grad(sd_square(sd_cast(v, SD_F32)), 1, &v, &slope);
    interpret(slope, (sd_feed[]){{"x", &x}, {0}}, &got);
    assert_true(got == 3);
    sd_grad(sd_square(sd_cast(sd_cast(v, SD_I32), SD_F64)), 1, &v, &slope);
    interpret(slope, (sd_feed[]){{"x", &x}, {0}}, &got);
    assert_true(got == 0);
    sd_graph_free(g);
}

/* ---- broadcasting, constants, mistakes -------------------------------------------------------------------------------- */

/* [2,1] - [3] is the table of differences, and its gradients add up over what was repeated. */
static void operands_broadcast_as_in_numpy(void **state)
{
    double a[] = {10, 20}, b[] = {1, 2, 3}, got[6], wanted[] = {9, 8, 7, 19, 18, 17};
    sd_graph *g = sd_graph_new();
    sd_node x[] = {sd_input(g, "a", SD_F64, SD_SHAPE(2, 1)), sd_input(g, "b", SD_F64, SD_SHAPE(3))}, slope[2];
    sd_feed feeds[] = {{"a", a}, {"b", b}, {0}};
    sd_node y = sd_sub(x[0], x[1]);
    interpret(y, feeds, got);
    assert_near_f64(got, wanted, 6, 0);
    sd_grad(sd_sum(sd_square(y), SD_ALL_AXES, false), 2, x, slope);
    interpret(slope[0], feeds, got);
    assert_near_f64(got, ((double[]){48, 108}), 2, 0);
    interpret(slope[1], feeds, got);
    assert_near_f64(got, ((double[]){-56, -52, -48}), 3, 0);
    sd_graph_free(g);
}

static void constants_have_every_type_and_shape(void **state)
{
    float f[6];
    int32_t i[6], count[6];
    uint8_t u;
    sd_graph *g = sd_graph_new();
    interpret(sd_constant(g, SD_F32, SD_SHAPE(2, 3), -2.5), NULL, f);
    assert_near(f, ((float[]){-2.5f, -2.5f, -2.5f, -2.5f, -2.5f, -2.5f}), 6, 0);
    interpret(sd_constant(g, SD_I32, SD_SHAPE(6), -7), NULL, i);
    interpret(sd_constant(g, SD_U8, sd_scalar_shape(), 255), NULL, &u);
    assert_true(i[0] == -7 && i[5] == -7 && u == 255);
    interpret(sd_iota(g, SD_I32, SD_SHAPE(2, 3), 1), NULL, count);
    assert_memory_equal(count, ((int32_t[]){0, 1, 2, 0, 1, 2}), sizeof count);
    interpret(sd_iota(g, SD_F32, SD_SHAPE(2, 3), 0), NULL, f);
    assert_near(f, ((float[]){0, 0, 0, 1, 1, 1}), 6, 0);
    assert_true(sd__fill_value(sd_scale(sd_iota(g, SD_F32, SD_SHAPE(2), 0), 3)) == NULL);
    assert_true(*sd__fill_value(sd_constant(g, SD_F64, SD_SHAPE(2, 2), 0.25)) == 0.25);
    sd_graph_free(g);
}

static void one_hot_marks_the_label(void **state)
{
    int32_t labels[] = {2, 0, 5};
    float got[9];
    sd_graph *g = sd_graph_new();
    interpret(sd_one_hot(sd_input(g, "l", SD_I32, SD_SHAPE(3)), 3, SD_F32), (sd_feed[]){{"l", labels}, {0}}, got);
    assert_near(got, ((float[]){0, 0, 1, 1, 0, 0, 0, 0, 0}), 9, 0);
    sd_graph_free(g);
}

#define F32(...) sd_input(g, "f32", SD_F32, SD_SHAPE(__VA_ARGS__))
#define F64(...) sd_input(g, "f64", SD_F64, SD_SHAPE(__VA_ARGS__))
#define I32(...) sd_input(g, "i32", SD_I32, SD_SHAPE(__VA_ARGS__))
#define U8(...) sd_input(g, "u8", SD_U8, SD_SHAPE(__VA_ARGS__))

/* The first mistake is latched with op, shapes or types; what is built on it stays silent. */
#define MISTAKE(status, text, call)                                                            \
    do {                                                                                       \
        sd_graph *g = sd_graph_new();                                                          \
        sd_scope_push(g, "layer7");                                                            \
        sd_node bad = (call);                                                                  \
        assert_false(sd_node_ok(bad));                                                         \
        assert_false(sd_node_ok(sd_relu(sd_add(bad, bad))));                                   \
        assert_int_equal(sd_graph_status(g), status);                                          \
        if (!strstr(sd_graph_message(g), text) || strncmp(sd_graph_message(g), "layer7: ", 8)) \
            fail_msg("message \"%s\" lacks \"%s\"", sd_graph_message(g), text);                \
        sd_graph_free(g);                                                                      \
    } while (0)

static void mistakes_are_named(void **state)
{
    MISTAKE(SD_ESHAPE, "add: shapes [2,3] and [4] do not fit", sd_add(F32(2, 3), sd_input(g, "b", SD_F32, SD_SHAPE(4))));
    MISTAKE(SD_EDTYPE, "mul: operand 0 is f32, operand 1 is f64", sd_mul(F32(2), F64(2)));
    MISTAKE(SD_EDTYPE, "exp: operand 0 is i32", sd_exp(I32(2)));
    MISTAKE(SD_EDTYPE, "compare: operands are f32 and i32", sd_compare(F32(2), SD_LT, I32(2)));
    MISTAKE(SD_EINVAL, "compare: there is no comparison number 9",
            sd_compare(F32(2), (sd_comparison)9, sd_input(g, "b", SD_F32, SD_SHAPE(2))));
    MISTAKE(SD_EDTYPE, "select: the condition is f32", sd_select(F32(2), F64(2), U8(2)));
    MISTAKE(SD_EDTYPE, "select: the values are f32 and f64", sd_select(U8(2), F32(2), F64(2)));
    MISTAKE(SD_ESHAPE, "select: shapes [2] and [3] do not fit", sd_select(U8(2), F32(3), F64(3)));
    MISTAKE(SD_EDTYPE, "constant: a constant must be", sd_constant(g, SD_BF16, SD_SHAPE(2), 1));
    MISTAKE(SD_EINVAL, "constant: 1.5 is no value of i32", sd_constant(g, SD_I32, SD_SHAPE(2), 1.5));
    MISTAKE(SD_EINVAL, "constant: 256 is no value of u8", sd_constant(g, SD_U8, SD_SHAPE(2), 256));
    MISTAKE(SD_EINVAL, "constant: nan is no value of i32", sd_constant(g, SD_I32, SD_SHAPE(2), NAN));
    MISTAKE(SD_ESHAPE, "every size must be at least 1", sd_constant(g, SD_F32, SD_SHAPE(2, 0), 1));
    MISTAKE(SD_ESHAPE, "more than 2^40 elements", sd_constant(g, SD_F32, SD_SHAPE(INT64_MAX, INT64_MAX, 3), 1));
    MISTAKE(SD_EINVAL, "iota: axis 1 does not exist", sd_iota(g, SD_F32, SD_SHAPE(2), 1));
    MISTAKE(SD_EDTYPE, "iota: must be f32, f64 or i32, not u8", sd_iota(g, SD_U8, SD_SHAPE(2), 0));
    MISTAKE(SD_ESHAPE, "do not fit into f32", sd_iota(g, SD_F32, SD_SHAPE(1 << 25), 0));
    MISTAKE(SD_EDTYPE, "cast: there is no element type number 9", sd_cast(F32(2), (sd_dtype)9));
    MISTAKE(SD_ESHAPE, "one_hot: ", sd_one_hot(I32(2, 2), 3, SD_F32));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unary_values_and_derivatives),
        cmocka_unit_test(unary_f32_agrees_with_f64),
        cmocka_unit_test(erf_has_the_published_values),
        cmocka_unit_test(kinks_have_their_documented_derivative),
        cmocka_unit_test(unary_special_values),
        cmocka_unit_test(binary_values_and_slopes),
        cmocka_unit_test(pow_is_twice_differentiable_at_zero),
        cmocka_unit_test(compare_is_right_for_every_type),
        cmocka_unit_test(select_moves_every_type),
        cmocka_unit_test(select_keeps_branches_apart),
        cmocka_unit_test(cast_to_integers_cuts_and_saturates),
        cmocka_unit_test(cast_to_bf16_rounds_once),
        cmocka_unit_test(cast_passes_the_gradient_between_reals_only),
        cmocka_unit_test(operands_broadcast_as_in_numpy),
        cmocka_unit_test(constants_have_every_type_and_shape),
        cmocka_unit_test(one_hot_marks_the_label),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
