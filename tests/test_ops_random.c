/* test_ops_random.c -- random numbers are a pure function of key, step, sample id and element, and have their distribution. */
#include "interpret.h"

#include "base/vector.h"
#include "ops/random.h"

typedef sd_node builder(sd_node step, sd_node ids, sd_dtype dtype, sd_shape inner);

static builder *const builders[] = {sd_random_uniform, sd_random_normal};

/* Draws [n, inner...] numbers in a fresh graph, as the `ordinal`-th random node of scope `scope`. */
static void draw(builder *build, const char *scope, int ordinal, int32_t step, int n, const int32_t *ids, sd_dtype dtype,
                 sd_shape inner, void *out)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, scope);
    sd_node s = sd_scalar(g, "step", SD_I32), i = sd_input(g, "ids", SD_I32, SD_SHAPE(n)), y = {0};
    for (int k = 0; k <= ordinal; k++)
        y = build(s, i, dtype, inner);
    interpret(y, (sd_feed[]){{"step", &step}, {"ids", (void *)ids}, {0}}, out);
    sd_graph_free(g);
}

/* A sample's numbers depend on its id, not on its place in the batch nor on the batch's size. */
static void samples_carry_their_numbers_along(void **state)
{
    float many[3 * 21], one[21];
    const int32_t ids[] = {7, 100000, 7}, alone[] = {100000};
    for (size_t k = 0; k < SD_COUNT(builders); k++) {
        draw(builders[k], "a", 0, 3, 3, ids, SD_F32, SD_SHAPE(3, 7), many);
        draw(builders[k], "a", 0, 3, 1, alone, SD_F32, SD_SHAPE(21), one);
        assert_memory_equal(many, many + 42, sizeof one);
        assert_memory_equal(many + 21, one, sizeof one);
        assert_memory_not_equal(many, one, sizeof one);
    }
}

/* Scope, ordinal, step and id each give other numbers; the same of all gives the same. */
static void every_coordinate_matters(void **state)
{
    double base[9], other[9];
    const int32_t id = 5, next = 6, negative = -1;
    for (size_t k = 0; k < SD_COUNT(builders); k++) {
        builder *b = builders[k];
        draw(b, "a", 0, 3, 1, &id, SD_F64, SD_SHAPE(9), base);
        draw(b, "a", 0, 3, 1, &id, SD_F64, SD_SHAPE(9), other);
        assert_memory_equal(base, other, sizeof base);
        draw(b, "b", 0, 3, 1, &id, SD_F64, SD_SHAPE(9), other);
        assert_memory_not_equal(base, other, sizeof base);
        draw(b, "a", 1, 3, 1, &id, SD_F64, SD_SHAPE(9), other);
        assert_memory_not_equal(base, other, sizeof base);
        draw(b, "a", 0, 4, 1, &id, SD_F64, SD_SHAPE(9), other);
        assert_memory_not_equal(base, other, sizeof base);
        draw(b, "a", 0, 3, 1, &next, SD_F64, SD_SHAPE(9), other);
        assert_memory_not_equal(base, other, sizeof base);
        draw(b, "a", 0, 3, 1, &negative, SD_F64, SD_SHAPE(9), other);
        assert_memory_not_equal(base, other, sizeof base);
    }
}

/* Element e is word e % 4 of block e / 4. */
static void uniform_numbers_are_philox_words(void **state)
{
    float got[23];
    const int32_t id = 12, step = 9;
    sd_graph *g = sd_graph_new();
    sd_node y = sd_random_uniform(sd_scalar(g, "step", SD_I32), sd_input(g, "ids", SD_I32, SD_SHAPE(1)), SD_F32, SD_SHAPE(23));
    uint64_t key = ((const sd_random_attr *)sd__attr(y))->key;
    interpret(y, (sd_feed[]){{"step", (void *)&step}, {"ids", (void *)&id}, {0}}, got);
    for (uint32_t e = 0; e < 23; e++) {
        sd_philox block = sd__philox(key, (const uint32_t[4]){9, 12, e / 4, 0});
        assert_true(got[e] == (float)(block.word[e % 4] >> 8) / 16777216.0f);
    }
    sd_philox far = sd__philox(key, (const uint32_t[4]){9, 12, 5, 7}),
              block = sd__random_block(key, 9, 12, (int64_t)7 << 32 | 5);
    assert_memory_equal(&far, &block, sizeof far); /* samples of more than 2^34 elements do not repeat */
    sd_graph_free(g);
}

/*
 * f32 has the upper bits of f64, so a mask made by comparing with a rate is the same in both. The normal numbers of one
 * key are made of its uniform ones; where u is near 1, the 24 bits of 1 - u are too few to compare.
 */
static void types_draw_the_same_numbers(void **state)
{
    enum { COUNT = 5000 };
    static float f32[COUNT];
    static double u[COUNT], f64[COUNT];
    const int32_t id = 3;
    draw(sd_random_uniform, "a", 0, 1, 1, &id, SD_F32, SD_SHAPE(COUNT), f32);
    draw(sd_random_uniform, "a", 0, 1, 1, &id, SD_F64, SD_SHAPE(COUNT), u);
    for (int i = 0; i < COUNT; i++)
        assert_true((double)f32[i] == floor(u[i] * 0x1p24) * 0x1p-24);
    draw(sd_random_normal, "a", 0, 1, 1, &id, SD_F32, SD_SHAPE(COUNT), f32);
    draw(sd_random_normal, "a", 0, 1, 1, &id, SD_F64, SD_SHAPE(COUNT), f64);
    for (int i = 0; i < COUNT; i++)
        assert_true(u[i - i % 2] > 0.99 || fabs((double)f32[i] - f64[i]) < 4e-4);
}

/* Kolmogorov-Smirnov: sqrt(n) * distance of n numbers exceeds 1.95 for one key in a thousand; this one is fixed. */
static void numbers_have_their_distribution(void **state)
{
    enum { SAMPLES = 40, EACH = 501, COUNT = SAMPLES * EACH };
    static double x[COUNT];
    int32_t ids[SAMPLES];
    for (int i = 0; i < SAMPLES; i++)
        ids[i] = i;
    for (size_t k = 0; k < SD_COUNT(builders); k++) {
        draw(builders[k], "a", 0, 0, SAMPLES, ids, SD_F64, SD_SHAPE(EACH), x);
        qsort(x, COUNT, sizeof *x, sd__ascending);
        double distance = 0;
        for (int i = 0; i < COUNT; i++) {
            double p = k == 0 ? x[i] : 0.5 * erfc(-x[i] / sqrt(2.0));
            distance = fmax(distance, fmax(fabs(p - (double)i / COUNT), fabs(p - (double)(i + 1) / COUNT)));
        }
        assert_true(sqrt((double)COUNT) * distance < 1.95);
        assert_true(k == 1 || (x[0] >= 0 && x[COUNT - 1] < 1));
    }
}

/* Neighbours in element, sample and step, and the two numbers of a Box-Muller pair, are uncorrelated. */
static void neighbours_are_uncorrelated(void **state)
{
    enum { SAMPLES = 64, EACH = 256 };
    static double x[2][SAMPLES][EACH];
    int32_t ids[SAMPLES];
    double by_element = 0, by_sample = 0, by_step = 0;
    for (int i = 0; i < SAMPLES; i++)
        ids[i] = i;
    for (int step = 0; step < 2; step++)
        draw(sd_random_normal, "a", 0, step, SAMPLES, ids, SD_F64, SD_SHAPE(EACH), x[step]);
    for (int s = 0; s < SAMPLES; s++)
        for (int e = 0; e < EACH; e++) {
            by_element += x[0][s][e] * x[0][s][e ^ 1];
            by_sample += x[0][s][e] * x[0][s ^ 1][e];
            by_step += x[0][s][e] * x[1][s][e];
        }
    double bound = 4.5 * sqrt(2.0 * SAMPLES * EACH); /* each sum has half as many independent products, counted twice */
    assert_true(fabs(by_element) < bound && fabs(by_sample) < bound && fabs(by_step) < bound);
}

static void mistakes_are_named(void **state)
{
    const struct {
        sd_dtype step, ids, dtype;
        sd_shape step_shape, ids_shape, inner;
        sd_status status;
        const char *text;
    } row[] = {
        {SD_F32, SD_I32, SD_F32, SD_SHAPE(1), SD_SHAPE(3), SD_SHAPE(2), SD_EDTYPE, "random_uniform: the step is f32 [1]"},
        {SD_I32, SD_F32, SD_F32, sd_scalar_shape(), SD_SHAPE(3), SD_SHAPE(2), SD_EDTYPE, "the sample ids are f32 [3]"},
        {SD_I32, SD_I32, SD_I32, sd_scalar_shape(), SD_SHAPE(3), SD_SHAPE(2), SD_EDTYPE, "must be f32 or f64, not i32"},
        {SD_I32, SD_I32, SD_F32, sd_scalar_shape(), SD_SHAPE(3), SD_SHAPE(1, 1, 1, 1, 1, 2), SD_ESHAPE, "0 to 5 axes"},
        {SD_I32, SD_I32, SD_F32, sd_scalar_shape(), SD_SHAPE(3), SD_SHAPE(2, -4), SD_ESHAPE, "[3,2,-4]"},
    };
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        sd_graph *g = sd_graph_new();
        sd_node step = sd_input(g, "step", row[i].step, row[i].step_shape),
                ids = sd_input(g, "ids", row[i].ids, row[i].ids_shape);
        assert_false(sd_node_ok(sd_random_uniform(step, ids, row[i].dtype, row[i].inner)));
        assert_int_equal(sd_graph_status(g), row[i].status);
        if (!strstr(sd_graph_message(g), row[i].text))
            fail_msg("message \"%s\" lacks \"%s\"", sd_graph_message(g), row[i].text);
        sd_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_carry_their_numbers_along),
        cmocka_unit_test(every_coordinate_matters),
        cmocka_unit_test(uniform_numbers_are_philox_words),
        cmocka_unit_test(types_draw_the_same_numbers),
        cmocka_unit_test(numbers_have_their_distribution),
        cmocka_unit_test(neighbours_are_uncorrelated),
        cmocka_unit_test(mistakes_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
