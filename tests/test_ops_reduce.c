/* test_ops_reduce.c -- sums, maxima and their places: values, the fixed order of summation, ties, accuracy, mistakes. */
#include <float.h>
#include <sonde/autodiff.h>

#include "interpret.h"
#include "ops/sum.h"

#define MOST 20000

/* Element k of x [shape] in row-major order belongs to this element of the reduction over `axes`. */
static int64_t target_of(sd_shape shape, uint32_t axes, int64_t k)
{
    int64_t target = 0, scale = 1;
    for (int i = shape.rank - 1; i >= 0; i--) {
        int64_t index = k % shape.dim[i];
        k /= shape.dim[i];
        if (axes & SD_AXIS(i))
            continue;
        target += index * scale;
        scale *= shape.dim[i];
    }
    return target;
}

static sd_shape random_shape(int rank, int most)
{
    int64_t dim[SD_MAX_RANK] = {0};
    for (int i = 0; i < rank; i++)
        dim[i] = law_int(1, most);
    return sd_shape_make(rank, dim);
}

/* Random shapes and axes, among them runs beyond a block and more terms than a group. */
static sd_shape random_case(uint32_t *axes)
{
    static const int most[] = {0, 5000, 130, 22, 9, 6, 4};
    int rank = law_int(1, SD_MAX_RANK);
    *axes = (uint32_t)law_int(1, (1 << rank) - 1);
    return random_shape(rank, most[rank]);
}

static void sums_are_the_sums_of_their_elements(void **state)
{
    static double x[MOST], got[MOST], wanted[MOST];
    static float x32[MOST], got32[MOST];
    for (int trial = 0; trial < law_trials(150); trial++) {
        uint32_t axes;
        sd_shape shape = random_case(&axes);
        int64_t n = sd_shape_count(shape);
        law_draw_f64(x, (size_t)n, -1, 1);
        memset(wanted, 0, sizeof wanted);
        for (int64_t k = 0; k < n; k++) {
            x32[k] = (float)x[k];
            wanted[target_of(shape, axes, k)] += x[k];
        }
        sd_graph *g = sd_graph_new();
        sd_feed feeds[] = {{"x", x}, {"x32", x32}, {0}};
        sd_node y = sd_sum(sd_input(g, "x", SD_F64, shape), axes, trial % 2);
        sd_node y32 = sd_sum(sd_input(g, "x32", SD_F32, shape), axes, false);
        size_t m = (size_t)sd_shape_count(sd_node_shape(y));
        interpret(y, feeds, got);
        interpret(y32, feeds, got32);
        assert_near_f64(got, wanted, m, 1e-12);
        for (size_t i = 0; i < m; i++)
            assert_true(fabs((double)got32[i] - wanted[i]) < 2e-4);
        sd_graph_free(g);
    }
}

/* The order as sum.h words it, from an index computed for every element: terms, groups, runs, blocks, lanes. */
static float sum_in_order(const float *x, int64_t terms, int64_t run, int64_t term_stride)
{
    float total = 0, group = 0;
    for (int64_t t = 0; t < terms; t++) {
        float term = 0;
        for (int64_t b = 0; b < run; b += 1024) {
            float lane[16] = {0};
            for (int64_t i = b; i < run && i < b + 1024; i++)
                lane[(i - b) % 16] += x[t * term_stride + i];
            for (int l = 0; l < 8; l++)
                lane[l] += lane[l + 8];
            for (int l = 0; l < 4; l++)
                lane[l] += lane[l + 4];
            lane[0] += lane[2];
            lane[1] += lane[3];
            term += lane[0] + lane[1];
        }
        group += term;
        if (t % 64 == 63 || t == terms - 1) {
            total += group;
            group = 0;
        }
    }
    return total;
}

/* x [A,B,C]: over the last axis, over both outer axes, over first and last; bit for bit. */
static void sums_are_in_the_documented_order(void **state)
{
    static float x[MOST], got[MOST];
    for (int trial = 0; trial < law_trials(60); trial++) {
        int64_t a = law_int(1, 140), b = law_int(1, 4), c = trial % 3 ? law_int(2, 30) : law_int(1000, 3000);
        if (a * b * c > MOST)
            a = 1;
        sd_graph *g = sd_graph_new();
        sd_node v = sd_input(g, "x", SD_F32, SD_SHAPE(a, b, c));
        sd_feed feeds[] = {{"x", x}, {0}};
        law_draw(x, (size_t)(a * b * c), -1, 1);

        interpret(sd_sum(v, SD_AXIS(2), false), feeds, got);
        for (int64_t i = 0; i < a * b; i++)
            assert_true(got[i] == sum_in_order(x + i * c, 1, c, 0));
        interpret(sd_sum(v, SD_AXIS(0) | SD_AXIS(2), false), feeds, got);
        for (int64_t i = 0; i < b; i++)
            assert_true(got[i] == (b == 1 ? sum_in_order(x, 1, a * c, 0) : sum_in_order(x + i * c, a, c, b * c)));
        interpret(sd_sum(v, SD_AXIS(0) | SD_AXIS(1), false), feeds, got);
        for (int64_t i = 0; i < c; i++)
            assert_true(got[i] == sum_in_order(x + i, a * b, 1, c));
        interpret(sd_sum(v, SD_ALL_AXES, false), feeds, got);
        assert_true(got[0] == sum_in_order(x, 1, a * b * c, 0));
        sd_graph_free(g);
    }
}

/* A transposed view of the transposed data: the same logical tensor, the same bits. */
static void strides_do_not_change_bits(void **state)
{
    static float x[MOST], turned[MOST], got[MOST], wanted[MOST];
    for (int trial = 0; trial < law_trials(40); trial++) {
        int64_t a = law_int(1, 140), b = law_int(1, 140);
        uint32_t axes = (uint32_t)law_int(1, 3);
        law_draw(x, (size_t)(a * b), -1, 1);
        for (int64_t i = 0; i < a * b; i++)
            turned[i % b * a + i / b] = x[i];
        sd_graph *g = sd_graph_new();
        sd_feed feeds[] = {{"x", x}, {"turned", turned}, {0}};
        sd_node dense = sd_sum(sd_input(g, "x", SD_F32, SD_SHAPE(a, b)), axes, false);
        sd_node strided = sd_sum(sd_transpose(sd_input(g, "turned", SD_F32, SD_SHAPE(b, a))), axes, false);
        interpret(dense, feeds, wanted);
        interpret(strided, feeds, got);
        assert_memory_equal(got, wanted, (size_t)sd_shape_count(sd_node_shape(dense)) * sizeof *got);
        sd_graph_free(g);
    }
}

/* 60,000 times 0.1f: adding one by one in float is off by 3e-3 of the sum; the worst case here is 1,000 roundings. */
static void long_means_are_accurate(void **state)
{
    enum { ROWS = 60000 };
    float *x = malloc(ROWS * 2 * sizeof *x), got[2];
    assert_non_null(x);
    for (int i = 0; i < ROWS * 2; i++)
        x[i] = 0.1f;
    sd_graph *g = sd_graph_new();
    sd_feed feeds[] = {{"rows", x}, {"run", x}, {0}};
    interpret(sd_mean(sd_input(g, "rows", SD_F32, SD_SHAPE(ROWS, 2)), SD_AXIS(0), false), feeds, got);
    assert_true(fabsf(got[0] - 0.1f) < 0.1f * 2e-5f && got[0] == got[1]);
    interpret(sd_mean(sd_input(g, "run", SD_F32, SD_SHAPE(2 * ROWS)), SD_ALL_AXES, true), feeds, got);
    assert_true(fabsf(got[0] - 0.1f) < 0.1f * 5e-6f);
    sd_graph_free(g);
    free(x);
}

static void means_divide_by_what_was_summed(void **state)
{
    double x[] = {1, 2, 3, 4, 5, 9}, got[3];
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(2, 3));
    sd_feed feeds[] = {{"x", x}, {0}};
    interpret(sd_mean(v, SD_AXIS(0), false), feeds, got);
    assert_near_f64(got, ((double[]){2.5, 3.5, 6}), 3, 0);
    interpret(sd_mean(v, SD_ALL_AXES, false), feeds, got);
    assert_true(got[0] == 4);
    assert_true(sd_sum(v, 0, false).id == v.id); /* nothing to sum */
    sd_graph_free(g);
}

static void maxima_and_their_places(void **state)
{
    static double x[MOST], got[MOST], wanted[MOST];
    static int32_t place[MOST];
    for (int trial = 0; trial < law_trials(100); trial++) {
        uint32_t axes;
        sd_shape shape = random_case(&axes);
        int64_t n = sd_shape_count(shape);
        for (int64_t k = 0; k < n; k++)
            x[k] = law_int(-4, 4); /* many equals */
        sd_graph *g = sd_graph_new();
        sd_feed feeds[] = {{"x", x}, {0}};
        sd_node v = sd_input(g, "x", SD_F64, shape), y = sd_reduce_max(v, axes, trial % 2);
        size_t m = (size_t)sd_shape_count(sd_node_shape(y));
        for (size_t i = 0; i < m; i++)
            wanted[i] = -INFINITY;
        for (int64_t k = 0; k < n; k++) {
            double *best = &wanted[target_of(shape, axes, k)];
            *best = x[k] > *best ? x[k] : *best;
        }
        interpret(y, feeds, got);
        assert_near_f64(got, wanted, m, 0);

        int axis = law_int(0, shape.rank - 1);
        int64_t inner = 1;
        for (int i = axis + 1; i < shape.rank; i++)
            inner *= shape.dim[i];
        interpret(sd_argmax(v, axis), feeds, place);
        for (int64_t k = 0; k < n; k++) {
            int64_t along = k / inner % shape.dim[axis], column = target_of(shape, SD_AXIS(axis), k);
            double best = x[k + (place[column] - along) * inner];
            assert_true(x[k] < best || (x[k] == best && along >= place[column]));
        }
        sd_graph_free(g);
    }
}

static void nan_counts_as_largest(void **state)
{
    float x[] = {1, NAN, 3, NAN, 7, 2, 3, 5}, got[2];
    int32_t place[2];
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_F32, SD_SHAPE(2, 4));
    interpret(sd_reduce_max(v, SD_AXIS(1), false), (sd_feed[]){{"x", x}, {0}}, got);
    interpret(sd_argmax(v, 1), (sd_feed[]){{"x", x}, {0}}, place);
    assert_true(isnan(got[0]) && got[1] == 7 && place[0] == 1 && place[1] == 0);
    sd_graph_free(g);
}

static void argmax_takes_integers(void **state)
{
    int32_t x[] = {INT32_MIN, 5, 5, -1, -1, INT32_MIN}, got[3];
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_I32, SD_SHAPE(2, 3));
    interpret(sd_argmax(v, 1), (sd_feed[]){{"x", x}, {0}}, got);
    assert_true(got[0] == 1 && got[1] == 0);
    interpret(sd_argmax(v, 0), (sd_feed[]){{"x", x}, {0}}, got);
    assert_true(got[0] == 1 && got[1] == 0 && got[2] == 0);
    sd_graph_free(g);
}

/* x [2,3,2], maximum over the outer axes: of equals the first in row-major order gets all of the cotangent. */
static void ties_give_the_gradient_to_the_first(void **state)
{
    double x[] = {1, 8, 7, 8, 7, 2, 7, 8, 0, 3, 7, 8}, got[12];
    double wanted[] = {0, 16, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0}, second[] = {0, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0};
    sd_graph *g = sd_graph_new();
    sd_node v = sd_input(g, "x", SD_F64, SD_SHAPE(2, 3, 2)), slope, bend;
    sd_feed feeds[] = {{"x", x}, {0}};
    sd_grad(sd_sum(sd_square(sd_reduce_max(v, SD_AXIS(0) | SD_AXIS(1), false)), SD_ALL_AXES, false), 1, &v, &slope);
    interpret(slope, feeds, got);
    assert_near_f64(got, wanted, 12, 0);
    sd_grad(sd_sum(slope, SD_ALL_AXES, false), 1, &v, &bend);
    interpret(bend, feeds, got);
    assert_near_f64(got, second, 12, 0);
    sd_graph_free(g);
}

static void mistake(sd_graph *g, sd_node bad, sd_status status, const char *text)
{
    assert_false(sd_node_ok(bad));
    assert_int_equal(sd_graph_status(g), status);
    if (!strstr(sd_graph_message(g), text))
        fail_msg("message \"%s\" lacks \"%s\"", sd_graph_message(g), text);
    assert_false(sd_node_ok(sd_mean(sd_reduce_max(sd_sum(bad, 1, false), 1, true), SD_ALL_AXES, false)));
    sd_graph_free(g);
}

static void mistakes_are_named(void **state)
{
    sd_graph *g = sd_graph_new();
    mistake(g, sd_sum(sd_input(g, "x", SD_F32, SD_SHAPE(2, 3)), SD_AXIS(2), false), SD_EINVAL, "sum: the set of axes 0x4");
    g = sd_graph_new();
    mistake(g, sd_mean(sd_input(g, "x", SD_I32, SD_SHAPE(2, 3)), SD_AXIS(1), false), SD_EDTYPE, "sum: the operand is i32");
    g = sd_graph_new();
    mistake(g, sd_argmax(sd_input(g, "x", SD_F32, SD_SHAPE(2, 3)), 2), SD_EINVAL, "argmax: [2,3] has no axis 2");
    g = sd_graph_new();
    mistake(g, sd_argmax(sd_input(g, "x", SD_U8, SD_SHAPE(2, 3)), 1), SD_EDTYPE, "argmax: the operand is u8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_the_sums_of_their_elements),
        cmocka_unit_test(sums_are_in_the_documented_order),
        cmocka_unit_test(strides_do_not_change_bits),
        cmocka_unit_test(long_means_are_accurate),
        cmocka_unit_test(means_divide_by_what_was_summed),
        cmocka_unit_test(maxima_and_their_places),
        cmocka_unit_test(nan_counts_as_largest),
        cmocka_unit_test(argmax_takes_integers),
        cmocka_unit_test(ties_give_the_gradient_to_the_first),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
