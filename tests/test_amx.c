/*
 * test_amx.c -- matrix products on tiles of bf16: fp32's accuracy for random shapes, strides and endings, the same bits on any number
 * of threads, and what becomes of numbers that fp32 has and bf16 has not.
 *
 * The oracle is the sum in double. Where the CPU has no tiles, only what is refused can be tested.
 */
#include "law.h"

#include <float.h>
#include <sonde/sonde.h>
#include <string.h>

#include "base/cpu.h"
#include "plan/plan.h"

/* What is done with the sums: nothing, bias and ReLU, the slope of a ReLU. */
enum { PLAIN, DENSE_RELU, RELU_GRAD, KINDS };
static const char *const op_name[KINDS] = {"matmul", "dense_relu", "matmul_relu_grad"};

typedef struct problem {
    int kind, m, k, n;
    bool ta, tb; /* operands lie transposed */
    float *a, *b, *third, *result;
    double *wanted, *size; /* sums, and those of magnitudes */
    sd_graph *graph;
    sd_node value;
} problem;

static float *numbers(int64_t n)
{
    float *x = malloc((size_t)(n + 1) * sizeof *x);
    assert_non_null(x);
    law_draw(x, (size_t)n, -1, 1);
    return x;
}

static double a_at(const problem *p, int i, int q) { return (double)(p->ta ? p->a[q * p->m + i] : p->a[i * p->k + q]); }
static double b_at(const problem *p, int q, int j) { return (double)(p->tb ? p->b[j * p->k + q] : p->b[q * p->n + j]); }

static void solve(problem *p)
{
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++) {
            double sum = p->kind == DENSE_RELU ? (double)p->third[j] : 0, size = fabs(sum);
            for (int q = 0; q < p->k; q++) {
                sum += a_at(p, i, q) * b_at(p, q, j);
                size += fabs(a_at(p, i, q) * b_at(p, q, j));
            }
            if (p->kind == DENSE_RELU)
                sum = fmax(sum, 0);
            if (p->kind == RELU_GRAD)
                sum *= p->third[i * p->n + j] > 0;
            p->wanted[i * p->n + j] = sum;
            p->size[i * p->n + j] = size;
        }
}

static problem problem_make(int kind, int m, int k, int n, bool ta, bool tb)
{
    problem p = {.kind = kind, .m = m, .k = k, .n = n, .ta = ta, .tb = tb, .graph = sd_graph_new()};
    p.a = numbers(m * k), p.b = numbers(k * n), p.third = numbers(m * n), p.result = numbers(m * n);
    p.wanted = malloc((size_t)(m * n) * sizeof *p.wanted), p.size = malloc((size_t)(m * n) * sizeof *p.size);
    assert_true(p.wanted && p.size);
    sd_node a = sd_input(p.graph, "a", SD_F32, ta ? SD_SHAPE(k, m) : SD_SHAPE(m, k));
    sd_node b = sd_input(p.graph, "b", SD_F32, tb ? SD_SHAPE(n, k) : SD_SHAPE(k, n));
    if (kind == DENSE_RELU)
        p.value = sd_relu(sd_dense(a, b, sd_input(p.graph, "third", SD_F32, SD_SHAPE(n))));
    else
        p.value = sd_matmul(a, ta, b, tb);
    if (kind == RELU_GRAD)
        p.value = sd_mul(p.value, sd_step(sd_input(p.graph, "third", SD_F32, SD_SHAPE(m, n))));
    if (!sd_node_ok(p.value))
        fail_msg("%s", sd_graph_message(p.graph));
    return p;
}

static void problem_free(problem *p)
{
    free(p->a), free(p->b), free(p->third), free(p->result), free(p->wanted), free(p->size);
    sd_graph_free(p->graph);
}

static sd_context *context_of(const char *isa, int threads)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = threads, .isa = isa}, &context));
    return context;
}

static void run(const problem *p, sd_context *context)
{
    const sd_feed feeds[] = {{"a", p->a}, {"b", p->b}, {p->kind == PLAIN ? NULL : "third", p->third}, {NULL, NULL}};
    memset(p->result, 0xff, (size_t)(p->m * p->n) * sizeof *p->result);
    sd_plan *plan;
    sd_workspace *workspace;
    sd_output output = {"y", 0, p->value};
    assert_ok(sd_compile(context, 1, &output, NULL, &plan));
    assert_ok(sd_workspace_new(plan, &workspace));
    void *bindings[4] = {NULL};
    for (const sd_feed *f = feeds; f->slot; f++)
        bindings[sd_plan_slot(plan, f->slot)] = f->data;
    bindings[sd_plan_slot(plan, "y")] = p->result;
    assert_ok(sd_run(plan, workspace, bindings, sd_context_pool(context)));
    sd_workspace_free(workspace);
    sd_plan_free(plan);
}

/* The op is one step of the plan, by this provider. */
static bool taken_by(const problem *p, sd_context *context, const char *provider)
{
    sd_plan *plan;
    sd_output output = {"y", 0, p->value};
    assert_ok(sd_compile(context, 1, &output, NULL, &plan));
    assert_int_equal(plan->n_steps, 1);
    assert_string_equal(plan->step[0].op->name, op_name[p->kind]);
    bool taken = !strcmp(plan->step[0].provider, provider);
    sd_plan_free(plan);
    return taken;
}

/* Mean square of the errors, in roundings of the sum of magnitudes; the worst must stay below `allowed`. */
static double mean_square(const problem *p, double allowed)
{
    double sum = 0;
    for (int i = 0; i < p->m * p->n; i++) {
        double error = fabs((double)p->result[i] - p->wanted[i]) / (p->size[i] * FLT_EPSILON / 2);
        if (!(error <= allowed))
            fail_msg("%s %dx%dx%d, transposed %d %d, element %d,%d: %.9g, wanted %.9g: %.3g roundings", op_name[p->kind], p->m,
                     p->k, p->n, p->ta, p->tb, i / p->n, i % p->n, (double)p->result[i], p->wanted[i], error);
        sum += error * error;
    }
    return sum / (p->m * p->n);
}

static bool has_tiles(void)
{
    if (sd__cpu_level() >= SD_LEVEL_AMX)
        return true;
    print_message("no tiles on this CPU, skipped\n");
    return false;
}

/* All ends of panels, tiles and ranges; few and many rows; small operands of one to three panels and of more than a part meets. */
static const int shapes[][3] = {{128, 1024, 256}, {100, 784, 256}, {1024, 128, 128}, {190, 300, 333},
                                {333, 190, 300},  {160, 129, 500}, {400, 512, 127},  {1100, 100, 1030},
                                {1030, 64, 1100}, {160, 991, 160}, {97, 991, 380}};

/* Split in three, a number has 24 bits again; and sums of 32 products at a time are rounded less often than one after the other. */
static void sums_are_nearer_than_those_of_vectors(void **state)
{
    if (!has_tiles())
        return;
    sd_context *tiles = context_of("amx", 2), *vectors = context_of("v4", 2);
    int taken = 0, trials = 0;
    for (size_t s = 0; s < SD_COUNT(shapes); s++)
        for (int t = 0; t < 4; t++)
            for (int kind = 0; kind < (t ? KINDS - (t % 2 ? 1 : 0) : KINDS); kind++) {
                if (kind == DENSE_RELU && t)
                    continue;
                problem p = problem_make(kind, shapes[s][0], shapes[s][1], shapes[s][2], t & 1, t & 2);
                solve(&p);
                bool on_tiles = taken_by(&p, tiles, "amx");
                run(&p, tiles);
                double error = mean_square(&p, on_tiles ? 3 : 20);
                run(&p, vectors);
                if (on_tiles && !(error < mean_square(&p, 20)))
                    fail_msg("%dx%dx%d: tiles are off by %g", p.m, p.k, p.n, error);
                taken += on_tiles, trials++;
                problem_free(&p);
            }
    print_message("%d of %d products on tiles\n", taken, trials);
    assert_true(taken * 2 >= trials);
    sd_context_free(tiles), sd_context_free(vectors);
}

/* Two threads split the small operand each for itself, eight share it. */
static void bits_do_not_depend_on_threads(void **state)
{
    if (!has_tiles())
        return;
    static const int threads[] = {1, 2, 3, 8};
    for (size_t s = 0; s < SD_COUNT(shapes); s++) {
        problem p = problem_make(PLAIN, shapes[s][0], shapes[s][1], shapes[s][2], s & 1, s & 2);
        size_t bytes = (size_t)(p.m * p.n) * sizeof(float);
        float *first = malloc(bytes);
        assert_non_null(first);
        for (size_t i = 0; i < SD_COUNT(threads); i++) {
            sd_context *context = context_of("amx", threads[i]);
            run(&p, context);
            if (i)
                assert_memory_equal(p.result, first, bytes);
            memcpy(first, p.result, bytes);
            sd_context_free(context);
        }
        free(first);
        problem_free(&p);
    }
}

/* A number that is not finite makes its row so, and no other; denormals are zero, and tiny numbers keep what fp32 does. */
static void numbers_that_bf16_has_not(void **state)
{
    if (!has_tiles())
        return;
    enum { M = 128, K = 256, N = 192 };
    sd_context *context = context_of("amx", 2);
    problem p = problem_make(PLAIN, M, K, N, false, false);
    assert_true(taken_by(&p, context, "amx"));
    p.a[3 * K + 7] = INFINITY;
    p.a[5 * K + 9] = NAN;
    p.a[6 * K + 1] = FLT_MAX; /* beyond bf16 */
    for (int q = 0; q < K; q++)
        p.a[8 * K + q] = 0x1p-130f, p.a[9 * K + q] = ldexpf(p.a[9 * K + q], -100);
    solve(&p);
    run(&p, context);
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            float got = p.result[i * N + j];
            if (i == 3 || i == 5 || i == 6)
                assert_false(isfinite(got));
            else if (i == 8)
                assert_true(got == 0);
            else
                assert_true(fabs((double)got - p.wanted[i * N + j]) <= 3 * p.size[i * N + j] * FLT_EPSILON / 2);
        }
    problem_free(&p);
    sd_context_free(context);
}

/* Small products, few rows and narrow ones are quicker on vectors; level v4 has no tiles. */
static void little_work_is_left_to_vectors(void **state)
{
    if (!has_tiles())
        return;
    static const int little[][3] = {{1, 1024, 1024}, {8, 1024, 1024}, {16, 16, 16},
                                    {128, 1024, 10}, {128, 10, 1024}, {1024, 1024, 1}};
    sd_context *tiles = context_of("amx", 2), *vectors = context_of("v4", 2);
    for (size_t s = 0; s < SD_COUNT(little); s++) {
        problem p = problem_make(PLAIN, little[s][0], little[s][1], little[s][2], false, false);
        assert_false(taken_by(&p, tiles, "amx"));
        problem_free(&p);
    }
    problem p = problem_make(PLAIN, 128, 1024, 1024, false, false);
    assert_true(taken_by(&p, tiles, "amx"));
    assert_true(taken_by(&p, vectors, "simd"));
    problem_free(&p);
    sd_context_free(tiles), sd_context_free(vectors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_are_nearer_than_those_of_vectors),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(numbers_that_bf16_has_not),
        cmocka_unit_test(little_work_is_left_to_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
