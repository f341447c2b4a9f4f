/* test_ops_linear.c -- matrix product and dense layer against sums written out, and what they say about wrong operands. */
#include "evaluate.h"
#include "ops/op.h"

#define MOST 512

static sd_shape matrix(bool transposed, int batch, int rows, int columns)
{
    return transposed ? SD_SHAPE(batch, columns, rows) : SD_SHAPE(batch, rows, columns);
}

/* A list of matrices of one size, each stored row by row, or column by column if transposed. */
typedef struct matrices {
    const double *x;
    bool transposed;
    int rows, columns;
} matrices;

static double element(matrices m, int k, int i, int j)
{
    return m.x[k * m.rows * m.columns + (m.transposed ? j * m.rows + i : i * m.columns + j)];
}

/* Element (i, j) of the product of a[k] and b[k], by the definition. */
static double product(matrices a, matrices b, int k, int i, int j)
{
    double sum = 0;
    for (int m = 0; m < a.columns; m++)
        sum += element(a, k, i, m) * element(b, k, m, j);
    return sum;
}

static void product_is_the_sum_over_inner_index(void **state)
{
    for (int trial = 0; trial < law_trials(60); trial++) {
        bool ta = trial & 1, tb = trial & 2;
        int n = law_int(1, 3), rows = law_int(1, 7), inner = law_int(1, 8), columns = law_int(1, 7);
        double a[MOST], b[MOST], y[MOST];
        law_draw_f64(a, (size_t)(n * rows * inner), -1, 1);
        law_draw_f64(b, (size_t)(n * inner * columns), -1, 1);
        sd_graph *g = sd_graph_new();
        sd_node node = sd_matmul(sd_input(g, "a", SD_F64, matrix(ta, n, rows, inner)), ta,
                                 sd_input(g, "b", SD_F64, matrix(tb, n, inner, columns)), tb);
        evaluate(node, (sd_feed[]){{"a", a}, {"b", b}, {0}}, y);
        sd_graph_free(g);
        for (int i = 0; i < n * rows * columns; i++) {
            double wanted = product((matrices){a, ta, rows, inner}, (matrices){b, tb, inner, columns}, i / (rows * columns),
                                    i / columns % rows, i % columns);
            assert_number(y[i], wanted, 1e-14);
        }
    }
}

enum { ROWS = 3, INNER = 4, COLUMNS = 5 };

/* Every element of `got` is that of the product; sums of products of small integers are exact. */
static void is_product(matrices got, matrices a, matrices b)
{
    for (int i = 0; i < got.rows; i++)
        for (int j = 0; j < got.columns; j++)
            assert_true(element(got, 0, i, j) == product(a, b, 0, i, j));
}

static void draw_integers(double *x, int n)
{
    for (int i = 0; i < n; i++)
        x[i] = law_int(-9, 9);
}

/* d<a b, c>/da = c b' and d<a b, c>/db = a' c, stored the way a and b are. */
static void derivative_is_the_adjoint(void **state)
{
    double a[ROWS * INNER], b[INNER * COLUMNS], c[ROWS * COLUMNS], da[ROWS * INNER], db[INNER * COLUMNS];
    const sd_feed feeds[] = {{"a", a}, {"b", b}, {"c", c}, {0}};
    draw_integers(a, ROWS * INNER);
    draw_integers(b, INNER * COLUMNS);
    draw_integers(c, ROWS * COLUMNS);
    for (int flags = 0; flags < 4; flags++) {
        bool ta = flags & 1, tb = flags & 2;
        sd_graph *g = sd_graph_new();
        sd_node wrt[] = {sd_input(g, "a", SD_F64, matrix(ta, 1, ROWS, INNER)),
                         sd_input(g, "b", SD_F64, matrix(tb, 1, INNER, COLUMNS))};
        sd_node cotangent = sd_input(g, "c", SD_F64, SD_SHAPE(1, ROWS, COLUMNS)), d[2];
        sd_grad(evaluate_inner(sd_matmul(wrt[0], ta, wrt[1], tb), cotangent), 2, wrt, d);
        evaluate(d[0], feeds, da);
        evaluate(d[1], feeds, db);
        sd_graph_free(g);
        matrices dy = {c, false, ROWS, COLUMNS};
        is_product((matrices){da, ta, ROWS, INNER}, dy, (matrices){b, !tb, COLUMNS, INNER});
        is_product((matrices){db, tb, INNER, COLUMNS}, (matrices){a, !ta, INNER, ROWS}, dy);
    }
}

/* A transposed view, every second column of a matrix, a repeated row: the same bits as dense copies of them. */
static void strided_operands_change_nothing(void **state)
{
    float a[5 * 8], b[4], view[5 * 3], copy[5 * 3];
    law_draw(a, 5 * 8, -1, 1);
    law_draw(b, 4, -1, 1);
    const sd_feed feeds[] = {{"a", a}, {"b", b}, {0}};
    for (int dense = 0; dense < 2; dense++) {
        sd_graph *g = sd_graph_new();
        sd_node every =
            sd_slice_of(sd_input(g, "a", SD_F32, SD_SHAPE(5, 8)), (int64_t[]){0, 1}, (int64_t[]){5, 8}, (int64_t[]){1, 2});
        sd_node repeated = sd_transpose(sd_broadcast(sd_input(g, "b", SD_F32, SD_SHAPE(4)), SD_SHAPE(3, 4)));
        if (dense) { /* adding zero makes a new value */
            every = sd_add(sd_barrier(every), sd_barrier(sd_constant_like(every, 0)));
            repeated = sd_add(sd_barrier(repeated), sd_barrier(sd_constant_like(repeated, 0)));
        }
        evaluate(sd_matmul(every, false, repeated, false), feeds, dense ? copy : view);
        sd_graph_free(g);
    }
    assert_memory_equal(view, copy, sizeof view);
}

static void dense_adds_the_bias_to_each_row(void **state)
{
    float x[4 * 3], w[3 * 2], bias[2], y[4 * 2];
    for (int trial = 0; trial < law_trials(20); trial++) {
        law_draw(x, 12, -1, 1);
        law_draw(w, 6, -1, 1);
        law_draw(bias, 2, -1, 1);
        sd_graph *g = sd_graph_new();
        sd_node node = sd_dense(sd_input(g, "x", SD_F32, SD_SHAPE(4, 3)), sd_input(g, "w", SD_F32, SD_SHAPE(3, 2)),
                                sd_input(g, "bias", SD_F32, SD_SHAPE(2)));
        evaluate(node, (sd_feed[]){{"x", x}, {"w", w}, {"bias", bias}, {0}}, y);
        sd_graph_free(g);
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 2; j++) {
                float wanted = x[i * 3] * w[j] + x[i * 3 + 1] * w[2 + j] + x[i * 3 + 2] * w[4 + j] + bias[j];
                assert_near(&y[i * 2 + j], &wanted, 1, 1e-6);
            }
    }
}

/* The derivative in the bias of <y, c> is the sum of c's rows. */
static void dense_bias_collects_rows(void **state)
{
    double c[] = {1, 2, 3, 4, 5, 6}, x[3] = {1, 1, 1}, w[2] = {1, 1}, bias[2] = {0, 0}, grad[2];
    sd_graph *g = sd_graph_new();
    sd_node b = sd_input(g, "bias", SD_F64, SD_SHAPE(2)), d;
    sd_node y = sd_dense(sd_input(g, "x", SD_F64, SD_SHAPE(3, 1)), sd_input(g, "w", SD_F64, SD_SHAPE(1, 2)), b);
    sd_grad(evaluate_inner(y, sd_input(g, "c", SD_F64, SD_SHAPE(3, 2))), 1, &b, &d);
    evaluate(d, (sd_feed[]){{"c", c}, {"x", x}, {"w", w}, {"bias", bias}, {0}}, grad);
    assert_true(grad[0] == 9 && grad[1] == 12);
    sd_graph_free(g);
}

static void flops_are_two_a_product(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node a = sd_input(g, "a", SD_F32, SD_SHAPE(2, 5, 3)), b = sd_input(g, "b", SD_F32, SD_SHAPE(2, 5, 7));
    sd_output out = {"y", 0, sd_matmul(a, true, b, false)};
    sd_plan *plan;
    assert_ok(sd_compile(evaluate_context, 1, &out, NULL, &plan));
    assert_true(sd_plan_flops(plan) == 2 * 2 * 5 * 3 * 7);
    sd_plan_free(plan);
    sd_graph_free(g);
}

/* A wrong call names the layer, the op, both shapes and what would be right. */
static void wrong_operands_are_explained(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "block1");
    sd_node a = sd_input(g, "a", SD_F32, SD_SHAPE(64, 784)), b = sd_input(g, "b", SD_F32, SD_SHAPE(100, 10));
    assert_refused(g, sd_matmul(a, false, b, false), SD_ESHAPE, "block1: matmul", "[64,784]", "[100,10]", "784", "equal");

    g = sd_graph_new();
    a = sd_input(g, "a", SD_F32, SD_SHAPE(2, 3, 4)), b = sd_input(g, "b", SD_F32, SD_SHAPE(3, 4, 5));
    assert_refused(g, sd_matmul(a, false, b, false), SD_ESHAPE, "matmul", "[2,3,4]", "[3,4,5]", "axis 0");

    g = sd_graph_new();
    a = sd_input(g, "a", SD_F32, SD_SHAPE(3)), b = sd_input(g, "b", SD_F32, SD_SHAPE(3));
    assert_refused(g, sd_matmul(a, false, b, false), SD_ESHAPE, "[3]", "two at least");

    g = sd_graph_new();
    a = sd_input(g, "a", SD_F32, SD_SHAPE(3, 3)), b = sd_input(g, "b", SD_F64, SD_SHAPE(3, 3));
    assert_refused(g, sd_matmul(a, false, b, false), SD_EDTYPE, "f32", "f64", "sd_cast");

    g = sd_graph_new();
    a = sd_input(g, "a", SD_I32, SD_SHAPE(3, 3));
    assert_refused(g, sd_matmul(a, false, a, false), SD_EDTYPE, "i32", "f32 or f64");

    g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(8, 4)), w = sd_input(g, "w", SD_F32, SD_SHAPE(5, 3));
    assert_refused(g, sd_dense(x, w, sd_input(g, "bias", SD_F32, SD_SHAPE(3))), SD_ESHAPE, "dense", "[8,4]", "[5,3]",
                   "4 columns");

    g = sd_graph_new();
    x = sd_input(g, "x", SD_F32, SD_SHAPE(8, 4)), w = sd_input(g, "w", SD_F32, SD_SHAPE(4, 3));
    assert_refused(g, sd_dense(x, w, sd_input(g, "bias", SD_F32, SD_SHAPE(4))), SD_ESHAPE, "bias is [4]", "must be [3]");

    g = sd_graph_new();
    x = sd_input(g, "x", SD_F32, SD_SHAPE(8, 2, 2)), w = sd_input(g, "w", SD_F32, SD_SHAPE(4, 3));
    assert_refused(g, sd_dense(x, w, sd_input(g, "bias", SD_F32, SD_SHAPE(3))), SD_ESHAPE, "x is [8,2,2]", "2 axes, [B,I]");
}

/* Sizes that no machine holds are refused when the node is made. */
static void huge_products_are_refused(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node a = sd_input(g, "a", SD_F32, SD_SHAPE(1 << 25, 1)), b = sd_input(g, "b", SD_F32, SD_SHAPE(1, 1 << 25));
    assert_refused(g, sd_matmul(a, false, b, false), SD_ESHAPE, "matmul", "[33554432,33554432]", "more than");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_the_sum_over_inner_index),
        cmocka_unit_test(derivative_is_the_adjoint),
        cmocka_unit_test(strided_operands_change_nothing),
        cmocka_unit_test(dense_adds_the_bias_to_each_row),
        cmocka_unit_test(dense_bias_collects_rows),
        cmocka_unit_test(flops_are_two_a_product),
        cmocka_unit_test(wrong_operands_are_explained),
        cmocka_unit_test(huge_products_are_refused),
    };
    return cmocka_run_group_tests(tests, evaluate_setup, evaluate_teardown);
}
