/* test_plan.c -- compiled programs compute what their graphs say, whatever is shared, viewed, overwritten or cut in two. */
#include "law.h"

#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "interpret.h"
#include "plan/plan.h"

static sd_context *context_with(const char *kernels, int threads)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = threads, .kernels = kernels}, &context));
    return context;
}

/* ---- random programs against the interpreter ---- */

#define NODES 40

static sd_node random_node(sd_graph *g, const sd_node *pool, int n)
{
    sd_node a = pool[law_int(0, n - 1)], b = pool[law_int(0, n - 1)];
    sd_shape shape = sd_node_shape(a);
    switch (law_int(0, 9)) {
    case 0: return sd_add(a, b);
    case 1: return sd_mul(a, sd_transpose(b));
    case 2: return sd_tanh(a);
    case 3: return sd_sub(a, sd_sum(b, SD_AXIS(law_int(0, 1)), true));
    case 4: return sd_transpose(a);
    case 5: return sd_scale(sd_matmul(a, law_int(0, 1), b, law_int(0, 1)), 0.1);
    case 6: /* the upper left part, put back at the lower right */
        return sd_pad(sd_slice_of(a, (int64_t[]){0, 0}, (int64_t[]){shape.dim[0] - 1, shape.dim[1] - 2}, NULL),
                      (int64_t[]){1, 2}, (int64_t[]){0, 0}, NULL);
    case 7: return sd_reshape(sd_transpose(sd_reshape(a, SD_SHAPE(shape.dim[0] * shape.dim[1], 1))), shape);
    case 8: return sd_select(sd_compare(a, SD_GT, b), a, sd_constant_like(b, 0.5));
    default: return sd_broadcast(sd_mean(a, SD_AXIS(0), true), shape);
    }
}

static void run_and_compare(sd_context *context, int n, const sd_node *value, float *x, int64_t count, float *const *wanted)
{
    sd_output output[8];
    char name[8][16];
    float *got[8];
    sd_plan *plan;
    sd_workspace *workspace;
    for (int k = 0; k < n; k++) {
        snprintf(name[k], sizeof name[k], "r%d", k);
        output[k] = (sd_output){name[k], 0, value[k]};
        got[k] = malloc((size_t)count * sizeof(float));
    }
    assert_ok(sd_compile(context, n, output, NULL, &plan));
    assert_ok(sd_workspace_new(plan, &workspace));
    void *binding[16];
    for (int s = 0; s < sd_plan_slots(plan); s++) {
        const char *slot = sd_plan_slot_name(plan, s);
        binding[s] = slot[0] == 'x' ? x : got[atoi(slot + 1)];
    }
    for (int again = 0; again < 2; again++) { /* a second run must not see the first one's memory */
        assert_ok(sd_run(plan, workspace, binding, sd_context_pool(context)));
        for (int k = 0; k < n; k++)
            assert_near(got[k], wanted[k], (size_t)count, 1e-4);
    }
    for (int k = 0; k < n; k++)
        free(got[k]);
    sd_workspace_free(workspace);
    sd_plan_free(plan);
}

static void random_programs_equal_their_interpretation(void **state)
{
    sd_context *context[] = {context_with("reference", 1), context_with("fused", 1), context_with(NULL, 2)};
    for (int trial = 0; trial < law_trials(60); trial++) {
        sd_graph *g = sd_graph_new();
        int64_t side = law_int(3, 9), count = side * side;
        sd_node node[NODES], value[4];
        float *x = malloc((size_t)count * sizeof *x), *wanted[4];
        law_draw(x, (size_t)count, -1, 1);
        node[0] = sd_input(g, "x", SD_F32, SD_SHAPE(side, side));
        for (int i = 1; i < NODES; i++)
            node[i] = random_node(g, node, i);
        for (int k = 0; k < 4; k++) { /* any node may be an output: the input itself, a view, one node twice */
            value[k] = k == 3 ? value[0] : node[law_int(k == 0 ? NODES - 8 : 0, NODES - 1)];
            wanted[k] = malloc((size_t)count * sizeof(float));
            interpret(value[k], (sd_feed[]){{"x", x}, {NULL, NULL}}, wanted[k]);
        }
        assert_int_equal(sd_graph_status(g), SD_OK);
        for (size_t c = 0; c < SD_COUNT(context); c++)
            run_and_compare(context[c], 4, value, x, count, wanted);
        for (int k = 0; k < 4; k++)
            free(wanted[k]);
        free(x);
        sd_graph_free(g);
    }
    for (size_t c = 0; c < SD_COUNT(context); c++)
        sd_context_free(context[c]);
}

/* ---- the arena ---- */

static void buffers_alive_together_never_overlap(void **state)
{
    for (int trial = 0; trial < law_trials(200); trial++) {
        sd_buffer buffer[60];
        int n = law_int(1, 60), steps = 40;
        for (int i = 0; i < n; i++) {
            int first = law_int(0, steps - 1);
            buffer[i] = (sd_buffer){.bytes = (size_t)law_int(1, 5000), .first = first, .last = law_int(first, steps - 1)};
        }
        size_t total = sd__arrange(n, buffer), sum = 0;
        for (int i = 0; i < n; i++) {
            assert_int_equal(buffer[i].offset % 64, 0);
            assert_true(buffer[i].offset + buffer[i].bytes <= total);
            sum += (buffer[i].bytes + 63) / 64 * 64;
            for (int k = 0; k < i; k++) {
                bool together = buffer[i].first <= buffer[k].last && buffer[k].first <= buffer[i].last;
                bool apart = buffer[i].offset + buffer[i].bytes <= buffer[k].offset ||
                             buffer[k].offset + buffer[k].bytes <= buffer[i].offset;
                assert_true(!together || apart);
            }
        }
        assert_true(total <= sum);
    }
}

static sd_node deep_network(sd_graph *g, int layers, int64_t width, sd_dtype dtype)
{
    sd_node y = sd_input(g, "x", dtype, SD_SHAPE(8, width));
    for (int i = 0; i < layers; i++) {
        char name[24];
        snprintf(name, sizeof name, "layer%d", i);
        sd_scope_push(g, name);
        sd_node w = sd_param(g, "weight", dtype, SD_SHAPE(width, width), (sd_param_spec){0});
        sd_node b = sd_param(g, "bias", dtype, SD_SHAPE(width), (sd_param_spec){0});
        y = sd_tanh(sd_dense(y, w, b));
        sd_scope_pop(g);
    }
    return sd_mean(sd_square(y), SD_ALL_AXES, false);
}

/* Forward only, a chain needs memory for two layers, however deep it is. */
static void dead_buffers_are_used_again(void **state)
{
    sd_context *context = context_with(NULL, 1);
    size_t bytes[2];
    for (int k = 0; k < 2; k++) {
        sd_graph *g = sd_graph_new();
        sd_node loss = deep_network(g, k ? 50 : 5, 64, SD_F32);
        sd_plan *plan;
        assert_ok(sd_compile(context, 1, &(sd_output){"loss", 0, loss}, NULL, &plan));
        bytes[k] = sd_plan_workspace_bytes(plan);
        sd_plan_free(plan);
        sd_graph_free(g);
    }
    assert_true(bytes[1] < bytes[0] + 4096);
    sd_context_free(context);
}

static void a_graph_of_5000_nodes_compiles_in_100_ms(void **state)
{
    sd_context *context = context_with(NULL, 1);
    sd_graph *g = sd_graph_new();
    int layers = 40;
    sd_node loss = deep_network(g, layers, 8, SD_F32);
    int n = 2 * layers;
    sd_node wrt[80], grad[80], v[80], hv[80];
    for (int i = 0; i < n; i++) {
        wrt[i] = sd_param_node(g, i);
        v[i] = sd_param_like(g, "v", i);
    }
    sd_grad(loss, n, wrt, grad);
    sd_hvp(loss, n, wrt, v, hv);
    for (sd_node extra = loss; g->count < 5000;) /* further nodes, none of which is shared */
        loss = extra = sd_sin(sd_add(extra, sd_constant_like(extra, g->count)));
    sd_layout layout = sd_graph_params(g);
    sd_output output[81] = {{"loss", 0, loss}};
    for (int i = 0; i < n; i++)
        output[1 + i] = (sd_output){"hv", layout.slice[i].offset, hv[i]};
    double best = 1e9;
    for (int repeat = 0; repeat < 5; repeat++) {
        struct timespec a, b;
        sd_plan *plan;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        assert_ok(sd_compile(context, n + 1, output, NULL, &plan));
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        sd_plan_free(plan);
        best = fmin(best, (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
    }
    print_message("%u nodes compile in %.1f ms\n", g->count, best * 1e3);
#if defined(NDEBUG)
    assert_true(best < 0.1 || getenv("SONDE_SANITIZE")); /* clang names no sanitizer in a macro; ctest does */
#endif
    sd_graph_free(g);
    sd_context_free(context);
}

/* ---- slots ---- */

static void slots_are_checked(void **state)
{
    sd_context *context = context_with(NULL, 1);
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(4)), y = sd_exp(x);
    sd_plan *plan;
    sd_workspace *workspace;
    assert_status(sd_compile(context, 1, &(sd_output){"x", 0, y}, NULL, &plan), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "slot x"));
    assert_status(sd_compile(context, 1, &(sd_output){"y", -1, y}, NULL, &plan), SD_EINVAL);
    assert_status(sd_compile(context, 1, &(sd_output){"", 0, y}, NULL, &plan), SD_EINVAL);
    sd_output mixed[] = {{"y", 0, y}, {"y", 4, sd_cast(y, SD_F64)}};
    assert_status(sd_compile(context, 2, mixed, NULL, &plan), SD_EDTYPE);
    sd_output packed[] = {{"y", 6, y}, {"y", 1, sd_neg(y)}};
    assert_ok(sd_compile(context, 2, packed, NULL, &plan));
    assert_int_equal(sd_plan_slot_length(plan, sd_plan_slot(plan, "y")), 10);
    assert_int_equal(sd_plan_slot(plan, "z"), -1);
    assert_ok(sd_workspace_new(plan, &workspace));
    float in[4] = {0, 1, 2, 3}, out[10] = {0};
    void *binding[2] = {NULL, NULL};
    binding[sd_plan_slot(plan, "x")] = in;
    assert_status(sd_run(plan, workspace, binding, NULL), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "slot y"));
    binding[sd_plan_slot(plan, "y")] = out;
    assert_ok(sd_run(plan, workspace, binding, NULL));
    for (int i = 0; i < 4; i++) {
        assert_true(fabs((double)out[6 + i] - exp(i)) < 1e-5);
        assert_true(out[1 + i] == -out[6 + i]);
    }
    assert_true(out[0] == 0 && out[5] == 0);
    sd_workspace_free(workspace);
    sd_plan_free(plan);
    sd_graph_free(g);
    sd_context_free(context);
}

static void barriers_keep_equal_nodes_apart(void **state)
{
    sd_context *context = context_with("reference", 1);
    int steps[2];
    for (int k = 0; k < 2; k++) {
        sd_graph *g = sd_graph_new();
        sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(4));
        sd_node a = sd_exp(x), b = sd_exp(k ? sd_barrier(x) : x);
        sd_plan *plan;
        assert_ok(sd_compile(context, 1, &(sd_output){"y", 0, sd_mul(a, b)}, NULL, &plan));
        steps[k] = sd_plan_steps(plan);
        sd_plan_free(plan);
        sd_graph_free(g);
    }
    assert_int_equal(steps[0], 2); /* one exp, one product */
    assert_int_equal(steps[1], 4);
    sd_context_free(context);
}

static void bad_contexts_are_refused(void **state)
{
    sd_context *context;
    assert_status(sd_context_new(&(sd_context_options){.kernels = "simd,oops"}, &context), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "\"oops\""));
    assert_status(sd_context_new(&(sd_context_options){.isa = "v9"}, &context), SD_EINVAL);
    assert_status(sd_context_new(&(sd_context_options){.threads = -1}, &context), SD_EINVAL);
    assert_status(sd_context_new(&(sd_context_options){.debug = 6}, &context), SD_EINVAL);
    assert_null(context);
}

/* ---- elementwise work behind pooling ---- */

/* Value, gradients and Hessian-vector products of max pooling over relu(conv + bias), with and without the pass, in f64. */
static void work_behind_pooling_computes_the_same(void **state)
{
    sd_context *context = context_with(NULL, 1);
    for (int trial = 0; trial < law_trials(20); trial++) {
        sd_graph *g = sd_graph_new();
        int64_t size = law_int(5, 9), channels = law_int(1, 3);
        const sd_param_spec spec = {.decayed = false};
        sd_window conv = sd_window_default(), pool = sd_window_default();
        pool.size[0] = pool.size[1] = law_int(2, 3);
        pool.stride[0] = pool.stride[1] = 2; /* windows of 3 overlap: one winner may have two followers */
        sd_node x = sd_input(g, "x", SD_F64, SD_SHAPE(2, size, size, 1));
        sd_node wrt[2] = {sd_param(g, "w", SD_F64, SD_SHAPE(2, 2, 1, channels), spec),
                          sd_param(g, "b", SD_F64, SD_SHAPE(channels), spec)};
        sd_node v[2] = {sd_param_like(g, "v", 0), sd_param_like(g, "v", 1)}, grad[2], hv[2];
        sd_node y = sd_maxpool(sd_relu(sd_add(sd_conv2d(x, wrt[0], conv), wrt[1])), pool);
        sd_node loss = sd_sum(sd_sin(y), SD_ALL_AXES, false);
        sd_grad(loss, 2, wrt, grad);
        sd_hvp(loss, 2, wrt, v, hv);
        assert_int_equal(sd_graph_status(g), SD_OK);
        int64_t n = 5 * channels, at = 4 * channels, pooled = sd_shape_count(sd_node_shape(y));
        sd_output output[] = {{"y", 0, y}, {"grad", 0, grad[0]}, {"grad", at, grad[1]}, {"hv", 0, hv[0]}, {"hv", at, hv[1]}};
        double in[2 * 81], theta[15], direction[15], value[2][2 * 16 * 3], slope[2][15], product[2][15], work[2];
        assert_true(pooled <= (int64_t)SD_COUNT(value[0]));
        law_draw_f64(in, SD_COUNT(in), -1, 1);
        law_draw_f64(theta, SD_COUNT(theta), -1, 1);
        law_draw_f64(direction, SD_COUNT(direction), -1, 1);
        for (int k = 0; k < 2; k++) {
            sd_plan *plan;
            sd_workspace *workspace;
            assert_ok(sd_compile(context, 5, output, &(sd_compile_options){.no_share = k}, &plan));
            assert_ok(sd_workspace_new(plan, &workspace));
            void *binding[6];
            for (int s = 0; s < sd_plan_slots(plan); s++) {
                const char *name = sd_plan_slot_name(plan, s);
                binding[s] = !strcmp(name, "x")       ? (void *)in
                             : !strcmp(name, "theta") ? theta
                             : !strcmp(name, "v")     ? direction
                             : !strcmp(name, "y")     ? value[k]
                             : !strcmp(name, "grad")  ? slope[k]
                                                      : product[k];
            }
            assert_ok(sd_run(plan, workspace, binding, NULL));
            work[k] = sd_plan_flops(plan);
            sd_workspace_free(workspace);
            sd_plan_free(plan);
        }
        assert_memory_equal(value[0], value[1], (size_t)pooled * sizeof(double));
        assert_near_f64(slope[0], slope[1], (size_t)n, 1e-12);
        assert_near_f64(product[0], product[1], (size_t)n, 1e-12);
        assert_true(work[0] < work[1]);
        sd_graph_free(g);
    }
    sd_context_free(context);
}

/* ---- ReLU within batch norm ---- */

/*
 * relu(batch_norm(x w)) and its derivatives, with and without the pass; joined[k] says whether plan k shows the joint kernels.
 */
static void compare_clipped_norm(sd_context *context, sd_dtype dtype, double tolerance, bool joined[2])
{
    enum { ROWS = 12, IN = 3, OUT = 4, N = IN * OUT + 2 * OUT };
    const sd_param_spec spec = {.decayed = false};
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", dtype, SD_SHAPE(ROWS, IN)), grad[3];
    sd_node wrt[3] = {sd_param(g, "w", dtype, SD_SHAPE(IN, OUT), spec), sd_param(g, "scale", dtype, SD_SHAPE(OUT), spec),
                      sd_param(g, "offset", dtype, SD_SHAPE(OUT), spec)};
    sd_node norm = sd_batch_norm(sd_matmul(x, false, wrt[0], false), wrt[1], wrt[2], 1e-3);
    sd_grad(sd_sum(sd_sin(sd_relu(norm)), SD_ALL_AXES, false), 3, wrt, grad);
    sd_output output[4] = {{"mean", 0, sd_node_result(norm, 1)}};
    for (int i = 0; i < 3; i++)
        output[1 + i] = (sd_output){"grad", sd_graph_params(g).slice[i].offset, grad[i]};
    double wide[3][ROWS * IN > N ? ROWS * IN : N];
    float narrow[3][ROWS * IN > N ? ROWS * IN : N];
    double got[2][N + OUT];
    law_draw_f64(wide[0], ROWS * IN, -1, 1);
    law_draw_f64(wide[1], N, -1, 1);
    for (int i = 0; i < ROWS * IN; i++)
        narrow[0][i] = (float)wide[0][i];
    for (int i = 0; i < N; i++)
        narrow[1][i] = (float)wide[1][i];
    for (int k = 0; k < 2; k++) {
        sd_plan *plan;
        sd_workspace *workspace;
        assert_ok(sd_compile(context, 4, output, &(sd_compile_options){.no_share = k}, &plan));
        assert_ok(sd_workspace_new(plan, &workspace));
        char *text = sd_plan_print(plan);
        assert_non_null(text);
        joined[k] = strstr(text, "/batch_norm_relu_v") && strstr(text, "/batch_norm_relu_grad_v");
        free(text);
        double mean64[OUT];
        float mean32[OUT];
        void *binding[4];
        for (int s = 0; s < sd_plan_slots(plan); s++) {
            const char *name = sd_plan_slot_name(plan, s);
            int which = !strcmp(name, "x") ? 0 : !strcmp(name, "theta") ? 1 : 2;
            binding[s] = dtype == SD_F64 ? (void *)wide[which] : narrow[which];
            if (!strcmp(name, "mean"))
                binding[s] = dtype == SD_F64 ? (void *)mean64 : mean32;
        }
        assert_ok(sd_run(plan, workspace, binding, NULL));
        for (int i = 0; i < N; i++)
            got[k][i] = dtype == SD_F64 ? wide[2][i] : (double)narrow[2][i];
        for (int i = 0; i < OUT; i++)
            got[k][N + i] = dtype == SD_F64 ? mean64[i] : (double)mean32[i];
        sd_workspace_free(workspace);
        sd_plan_free(plan);
    }
    assert_near_f64(got[0], got[1], N + OUT, tolerance);
    sd_graph_free(g);
}

static void a_clip_within_batch_norm_computes_the_same(void **state)
{
    sd_context *context = context_with(NULL, 1);
    bool joined[2];
    for (int trial = 0; trial < law_trials(20); trial++) {
        compare_clipped_norm(context, SD_F64, 1e-12, joined);
        compare_clipped_norm(context, SD_F32, 1e-4, joined);
        assert_true(joined[0] && !joined[1]);
    }
    sd_context_free(context);
}

/* ---- what evaluation does behind a convolution ---- */

enum { SIDE = 6, DEPTH = 16, NORMS = 4 };

/*
 * Inputs x, "f0".. (filters) and "n0".. (scale, offset, mean, variance, each DEPTH numbers); a norm
 * over a 3x3 convolution of x.
 */
static sd_node normed(sd_graph *g, sd_node x, int number)
{
    char filter[8], norm[8];
    snprintf(filter, sizeof filter, "f%d", number);
    snprintf(norm, sizeof norm, "n%d", number);
    sd_dtype dtype = sd_node_dtype(x);
    sd_node w = sd_input(g, filter, dtype, SD_SHAPE(3, 3, DEPTH, DEPTH)), n = sd_input(g, norm, dtype, SD_SHAPE(4, DEPTH)),
            part[4];
    for (int i = 0; i < 4; i++)
        part[i] = sd_reshape(sd_slice_of(n, (int64_t[]){i, 0}, (int64_t[]){i + 1, DEPTH}, NULL), SD_SHAPE(DEPTH));
    sd_window window = {.pad_lo = {1, 1}, .pad_hi = {1, 1}};
    return sd_batch_norm_eval(sd_conv2d(x, w, window), part[0], part[1], part[2], part[3], 1e-3);
}

/* Two residual blocks; the norm of the second shortcut is read twice, so nothing may join it. */
static void residual_blocks(sd_graph *g, sd_dtype dtype, sd_node result[2])
{
    sd_node x = sd_input(g, "x", dtype, SD_SHAPE(2, SIDE, SIDE, DEPTH));
    sd_node y = sd_relu(sd_add(normed(g, sd_relu(normed(g, x, 0)), 1), x));
    sd_node shortcut = normed(g, y, 3);
    result[0] = sd_relu(sd_add(shortcut, normed(g, y, 2)));
    result[1] = sd_tanh(shortcut);
}

static int occurrences(const char *text, const char *word)
{
    int n = 0;
    for (; (text = strstr(text, word)); text++)
        n++;
    return n;
}

/* Runs a plan with the numbers of `bound` (x, f0.., n0.., as doubles) and gives results in doubles. */
static void run_blocks(const sd_plan *plan, sd_dtype dtype, double *const bound[1 + 2 * NORMS], double *result)
{
    enum { COUNT = 2 * SIDE * SIDE * DEPTH };
    sd_workspace *workspace;
    void *binding[2 + 2 * NORMS + 1];
    assert_ok(sd_workspace_new(plan, &workspace));
    for (int s = 0; s < sd_plan_slots(plan); s++) {
        const char *name = sd_plan_slot_name(plan, s);
        int64_t n = sd_plan_slot_length(plan, s);
        const double *from = name[0] == 'x'   ? bound[0]
                             : name[0] == 'f' ? bound[1 + atoi(name + 1)]
                             : name[0] == 'n' ? bound[1 + NORMS + atoi(name + 1)]
                                              : result;
        binding[s] = malloc((size_t)n * sizeof(double));
        for (int64_t i = 0; i < n && from != result; i++)
            dtype == SD_F64 ? (((double *)binding[s])[i] = from[i]) : (((float *)binding[s])[i] = (float)from[i]);
    }
    assert_ok(sd_run(plan, workspace, binding, NULL));
    for (int s = 0; s < sd_plan_slots(plan); s++) {
        const char *name = sd_plan_slot_name(plan, s);
        for (int i = 0; i < COUNT && name[0] == 'r'; i++)
            result[atoi(name + 1) * COUNT + i] = dtype == SD_F64 ? ((double *)binding[s])[i] : (double)((float *)binding[s])[i];
        free(binding[s]);
    }
    sd_workspace_free(workspace);
}

/*
 * The joint nodes stand for the very operations they replace: bits agree, in f64 (where they are taken apart again) and in f32.
 */
static void compare_blocks(sd_context *context, sd_dtype dtype)
{
    enum { COUNT = 2 * SIDE * SIDE * DEPTH };
    static double x[COUNT], filter[NORMS][9 * DEPTH * DEPTH], norm[NORMS][4 * DEPTH], got[2][2 * COUNT];
    double *bound[1 + 2 * NORMS] = {x};
    sd_graph *g = sd_graph_new();
    sd_node result[2];
    sd_plan *plan[2];
    residual_blocks(g, dtype, result);
    const sd_output output[] = {{"r0", 0, result[0]}, {"r1", 0, result[1]}};
    for (int k = 0; k < 2; k++) {
        assert_ok(sd_compile(context, 2, output, &(sd_compile_options){.no_share = k}, &plan[k]));
        char *text = sd_plan_print(plan[k]);
        assert_int_equal(occurrences(text, "/conv2d_norm_v"), k || dtype == SD_F64 ? 0 : NORMS);
        assert_int_equal(occurrences(text, " clip"), k || dtype == SD_F64 ? 0 : 3);
        free(text);
    }
    for (int run = 0; run < 2; run++) { /* weights and statistics are inputs: the second run has others */
        law_draw_f64(x, COUNT, -1, 1);
        for (int i = 0; i < NORMS; i++) {
            law_draw_f64(filter[i], 9 * DEPTH * DEPTH, -0.2, 0.2);
            law_draw_f64(norm[i], 4 * DEPTH, 0.5, 1.5);
            bound[1 + i] = filter[i];
            bound[1 + NORMS + i] = norm[i];
        }
        for (int k = 0; k < 2; k++)
            run_blocks(plan[k], dtype, bound, got[k]);
        assert_memory_equal(got[0], got[1], sizeof got[0]);
    }
    sd_plan_free(plan[0]);
    sd_plan_free(plan[1]);
    sd_graph_free(g);
}

static void norm_sum_and_clip_join_a_convolution(void **state)
{
    static const char *const level[] = {"v2", "v3", "v4", "amx"};
    for (size_t l = 0; l < SD_COUNT(level); l++) {
        sd_context *context;
        sd_level wanted;
        if (!sd__level_parse(level[l], &wanted) || wanted > sd__cpu_level())
            continue;
        assert_ok(sd_context_new(&(sd_context_options){.threads = 2, .isa = level[l]}, &context));
        compare_blocks(context, SD_F64);
        compare_blocks(context, SD_F32);
        sd_context_free(context);
    }
}

/* ---- max pooling behind a convolution ---- */

typedef struct pooled {
    int images, side[2], channels, filters, size, pad, stride, window, step;
    const char *taken; /* the kernel that takes conv, maxpool, bias and ReLU together; NULL: none */
} pooled;

static const pooled pooled_cases[] = {
    {3, {28, 28}, 1, 32, 5, 2, 1, 2, 2, "simd/conv2d_pool_v"},   /* LeNet */
    {2, {9, 7}, 3, 48, 3, 1, 1, 2, 2, "simd/conv2d_pool_v"},     /* a last row, a last column and half a panel are left over */
    {2, {19, 23}, 2, 16, 4, 0, 2, 2, 2, "simd/conv2d_pool_v"},   /* other strides */
    {1, {2, 2}, 5, 80, 1, 0, 1, 2, 2, "simd/conv2d_pool_v"},     /* a single window */
    {1, {10, 500}, 10, 16, 1, 0, 2, 2, 2, "simd/conv2d_pool_v"}, /* what two rows of sums see just fits on the stack */
    {1, {6, 500}, 12, 16, 1, 0, 2, 2, 2, NULL},                  /* and here only what one sees */
    {2, {3, 258}, 8, 16, 2, 0, 1, 2, 2, NULL},                   /* too wide to be pooled at hand */
    {2, {14, 14}, 32, 64, 5, 2, 1, 2, 2, "winograd/conv2d_pool_v"}, /* LeNet */
    {3, {9, 7}, 32, 48, 3, 1, 1, 2, 2, "winograd/conv2d_pool_v"},
    {2, {9, 9}, 2, 16, 3, 1, 1, 3, 2, NULL}, /* windows that overlap */
    {2, {9, 9}, 2, 16, 3, 1, 1, 2, 1, NULL},
    {2, {8, 8}, 2, 12, 3, 1, 1, 2, 2, NULL}, /* no vector of filters */
};

enum { POOLED_THETA = 25 * 32 * 64 + 64, POOLED_RESULTS = 3 * 28 * 28 * 32, POOLED_IMAGES = 50 * 1024 };

/* What a plan gives: y, the winners, the gradient of sum sin(y). */
typedef struct pooled_results {
    float y[POOLED_RESULTS], grad[POOLED_THETA];
    int32_t index[POOLED_RESULTS];
} pooled_results;

static sd_node pooled_graph(sd_graph *g, const pooled *c, int read_twice, sd_output output[5])
{
    const sd_param_spec spec = {.decayed = false};
    sd_window conv = {.stride = {c->stride, c->stride}, .pad_lo = {c->pad, c->pad}, .pad_hi = {c->pad, c->pad}};
    sd_window pool = {.size = {c->window, c->window}, .stride = {c->step, c->step}};
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(c->images, c->side[0], c->side[1], c->channels));
    sd_node wrt[2] = {sd_param(g, "w", SD_F32, SD_SHAPE(c->size, c->size, c->channels, c->filters), spec),
                      sd_param(g, "b", SD_F32, SD_SHAPE(c->filters), spec)};
    sd_node sums = sd_conv2d(x, wrt[0], conv), pooling = sd_maxpool(sums, pool), grad[2];
    sd_node y = sd_relu(sd_add(pooling, wrt[1]));
    sd_grad(sd_sum(sd_sin(y), SD_ALL_AXES, false), 2, wrt, grad);
    output[0] = (sd_output){"y", 0, y};
    output[1] = (sd_output){"index", 0, sd_node_result(pooling, 1)};
    output[2] = (sd_output){"grad", 0, grad[0]};
    output[3] = (sd_output){"grad", sd_shape_count(sd_node_shape(wrt[0])), grad[1]};
    output[4] = (sd_output){"more", 0, sd_sum(sd_sin(read_twice == 1 ? sums : pooling), SD_ALL_AXES, false)};
    assert_int_equal(sd_graph_status(g), SD_OK);
    return y;
}

static void run_pooled(sd_plan *plan, sd_pool *pool, float *x, float *theta, pooled_results *r)
{
    sd_workspace *workspace;
    float more;
    void *binding[8];
    assert_ok(sd_workspace_new(plan, &workspace));
    for (int s = 0; s < sd_plan_slots(plan); s++) {
        const char *name = sd_plan_slot_name(plan, s);
        binding[s] = !strcmp(name, "x")       ? (void *)x
                     : !strcmp(name, "theta") ? theta
                     : !strcmp(name, "y")     ? r->y
                     : !strcmp(name, "index") ? (void *)r->index
                     : !strcmp(name, "grad")  ? r->grad
                                              : &more;
    }
    assert_ok(sd_run(plan, workspace, binding, pool));
    sd_workspace_free(workspace);
}

/* Small integers make many ties; read_twice 1: the sums, 2: what is pooled, which then must not join. */
static void compare_pooled(sd_context *context, const pooled *c, int read_twice, bool infinite)
{
    static float x[POOLED_IMAGES], theta[POOLED_THETA];
    static pooled_results r[2];
    sd_graph *g = sd_graph_new();
    sd_output output[5];
    size_t count = (size_t)sd_shape_count(sd_node_shape(pooled_graph(g, c, read_twice, output)));
    size_t images = (size_t)(c->images * c->side[0] * c->side[1] * c->channels);
    assert_true(count <= POOLED_RESULTS && images <= POOLED_IMAGES);
    for (size_t i = 0; i < images; i++)
        x[i] = (float)law_int(-2, 2);
    for (size_t i = 0; i < POOLED_THETA; i++)
        theta[i] = (float)law_int(-2, 2);
    if (infinite)
        x[images / 2] = INFINITY, x[images / 3] = NAN;
    for (int k = 0; k < 2; k++) {
        sd_plan *plan;
        assert_ok(sd_compile(context, read_twice ? 5 : 4, output, &(sd_compile_options){.expand_all = k}, &plan));
        char *text = sd_plan_print(plan);
        assert_int_equal(occurrences(text, "/conv2d_pool_v"), c->taken && !read_twice && !k);
        assert_true(!c->taken || read_twice || k || strstr(text, c->taken));
        free(text);
        memset(&r[k], 1, sizeof r[k]); /* what lies behind the results must stay */
        run_pooled(plan, sd_context_pool(context), x, theta, &r[k]);
        sd_plan_free(plan);
    }
    assert_memory_equal(r[0].y, r[1].y, sizeof r[0].y);
    assert_memory_equal(r[0].index, r[1].index, sizeof r[0].index);
    assert_true(infinite || !memcmp(r[0].grad, r[1].grad, sizeof r[0].grad));
    sd_graph_free(g);
}

/* One number for all channels is added, too, but by a step of its own. */
static void a_shared_bias_stays_behind_pooling(void **state)
{
    sd_context *context = context_with(NULL, 1);
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(1, 4, 4, 1)), w = sd_input(g, "w", SD_F32, SD_SHAPE(1, 1, 1, 16));
    sd_window pool = {.size = {2, 2}, .stride = {2, 2}};
    sd_node sums = sd_conv2d(x, w, sd_window_default()), bias = sd_input(g, "b", SD_F32, SD_SHAPE(1));
    sd_node y = sd_relu(sd_add(sd_maxpool(sums, pool), bias));
    const float wanted[4] = {2, 4, 10, 12}; /* the largest of each quarter of 0 .. 15, less 3 */
    float image[16], filter[16], number = -3, out[4 * 16];
    for (int i = 0; i < 16; i++)
        image[i] = (float)i, filter[i] = 1;
    const sd_feed feeds[] = {{"x", image}, {"w", filter}, {"b", &number}, {NULL, NULL}};
    assert_ok(sd_eval(context, y, feeds, out));
    for (int i = 0; i < 4 * 16; i++)
        assert_true(out[i] == wanted[i / 16]);
    sd_graph_free(g);
    sd_context_free(context);
}

static void pooling_joins_a_convolution(void **state)
{
    static const char *const level[] = {"v2", "v3", "v4", "amx"};
    for (size_t l = 0; l < SD_COUNT(level); l++)
        for (int threads = 1; threads <= 3; threads += 2) {
            sd_context *context;
            sd_level wanted;
            if (!sd__level_parse(level[l], &wanted) || wanted > sd__cpu_level())
                continue;
            assert_ok(sd_context_new(&(sd_context_options){.threads = threads, .isa = level[l]}, &context));
            for (size_t i = 0; i < SD_COUNT(pooled_cases); i++)
                for (int read_twice = 0; read_twice < 3; read_twice++)
                    for (int infinite = 0; infinite < 2; infinite++)
                        compare_pooled(context, &pooled_cases[i], read_twice, infinite);
            sd_context_free(context);
        }
}

/* ---- one point, many directions ---- */

static void cut_program_equals_whole(void **state)
{
    sd_context *context = context_with(NULL, 1);
    sd_graph *g = sd_graph_new();
    sd_node loss = deep_network(g, 3, 5, SD_F64), wrt[6], v[6], grad[6], hv[6];
    for (int i = 0; i < 6; i++) {
        wrt[i] = sd_param_node(g, i);
        v[i] = sd_param_like(g, "v", i);
    }
    sd_grad(loss, 6, wrt, grad);
    sd_hvp(loss, 6, wrt, v, hv);
    sd_layout layout = sd_graph_params(g);
    sd_output output[13] = {{"loss", 0, loss}};
    for (int i = 0; i < 6; i++) {
        output[1 + i] = (sd_output){"grad", layout.slice[i].offset, grad[i]};
        output[7 + i] = (sd_output){"hv", layout.slice[i].offset, hv[i]};
    }
    sd_plan *whole, *point, *product;
    assert_ok(sd_compile(context, 13, output, NULL, &whole));
    assert_ok(sd_linearize(context, 13, output, "v", NULL, &point, &product));
    assert_true(sd_plan_flops(product) < sd_plan_flops(whole));
    assert_int_equal(sd_plan_slot(point, "v"), -1);

    double x[40], theta[90], direction[90], saved[4000], gradient[2][90], product_of[2][90], value[2];
    assert_int_equal(layout.length, 90);
    law_draw_f64(x, 40, -1, 1);
    law_draw_f64(theta, 90, -0.7, 0.7);
    sd_plan *plan[] = {whole, point, product};
    for (int round = 0; round < 3; round++) {
        law_draw_f64(direction, 90, -1, 1);
        for (int p = 0; p < 3; p++) {
            if (p == 1 && round)
                continue; /* the point is computed once */
            void *binding[8];
            sd_workspace *workspace;
            for (int s = 0; s < sd_plan_slots(plan[p]); s++) {
                const char *name = sd_plan_slot_name(plan[p], s);
                int k = p > 0;
                binding[s] = !strcmp(name, "x")           ? (void *)x
                             : !strcmp(name, "theta")     ? theta
                             : !strcmp(name, "v")         ? direction
                             : !strcmp(name, "grad")      ? gradient[k]
                             : !strcmp(name, "hv")        ? product_of[k]
                             : !strcmp(name, "loss")      ? &value[k]
                             : !strcmp(name, "saved.f64") ? saved
                                                          : NULL;
                if (binding[s] == saved)
                    assert_true(sd_plan_slot_length(plan[p], s) <= 4000);
            }
            assert_ok(sd_workspace_new(plan[p], &workspace));
            assert_ok(sd_run(plan[p], workspace, binding, NULL));
            sd_workspace_free(workspace);
        }
        assert_near_f64(value + 1, value, 1, 0);
        assert_near_f64(gradient[1], gradient[0], 90, 0);
        assert_near_f64(product_of[1], product_of[0], 90, 1e-14);
    }
    sd_plan *a, *b;
    assert_status(sd_linearize(context, 7, output, "v", NULL, &a, &b), SD_EINVAL); /* nothing depends on v */
    sd_plan_free(whole);
    sd_plan_free(point);
    sd_plan_free(product);
    sd_graph_free(g);
    sd_context_free(context);
}

/* ---- bits ---- */

/* Few threads pack operands for themselves, more of them for each other; a pool may have more threads than the plan's context. */
static void bits_do_not_depend_on_threads(void **state)
{
    enum { MOST = 6 };
    uint64_t hash, first = 0;
    sd_context *wide = context_with(NULL, MOST);
    for (int threads = 1; threads <= MOST; threads++) {
        sd_context *context = context_with(NULL, threads);
        sd_graph *g = sd_graph_new();
        sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(300, 500)), w = sd_input(g, "w", SD_F32, SD_SHAPE(500, 200));
        sd_node y = sd_tanh(sd_matmul(x, false, w, false));
        sd_node grad[2];
        sd_grad(sd_sum(sd_square(sd_softmax(y)), SD_ALL_AXES, false), 2, (sd_node[]){x, w}, grad);
        sd_output output[] = {{"gx", 0, grad[0]}, {"gw", 0, grad[1]}};
        sd_plan *plan;
        sd_workspace *workspace;
        assert_ok(sd_compile(context, 2, output, NULL, &plan));
        assert_ok(sd_workspace_new(plan, &workspace));
        static float in[150000], weight[100000], gx[150000], gw[100000];
        sd_random random = sd__random(5, 0);
        for (int i = 0; i < 150000; i++)
            in[i] = (float)sd__random_normal(&random);
        for (int i = 0; i < 100000; i++)
            weight[i] = (float)sd__random_normal(&random) * 0.04f;
        void *binding[4];
        binding[sd_plan_slot(plan, "x")] = in;
        binding[sd_plan_slot(plan, "w")] = weight;
        binding[sd_plan_slot(plan, "gx")] = gx;
        binding[sd_plan_slot(plan, "gw")] = gw;
        sd_pool *const pool[] = {sd_context_pool(context), NULL, sd_context_pool(wide), sd_context_pool(context)};
        for (int run = 0; run < 4; run++) {
            in[0] = run == 2 ? 1 : 0; /* a run must not find what the one before has packed */
            assert_ok(sd_run(plan, workspace, binding, pool[run]));
            hash = sd__hash(sd__hash(SD_HASH_START, gx, sizeof gx), gw, sizeof gw);
            if (threads == 1 && run == 0)
                first = hash;
            assert_int_equal(hash == first, run != 2);
        }
        sd_workspace_free(workspace);
        sd_plan_free(plan);
        sd_graph_free(g);
        sd_context_free(context);
    }
    sd_context_free(wide);
}

/* ---- debug level 5 ---- */

static void first_step_that_is_not_finite_is_named(void **state)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.debug = 5, .kernels = "reference"}, &context));
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(3));
    sd_scope_push(g, "head");
    sd_node y = sd_log(sd_sub(x, sd_constant_like(x, 1)));
    sd_scope_pop(g);
    float in[3] = {2, 1, 3}, out[3];
    assert_status(sd_eval(context, sd_exp(y), (sd_feed[]){{"x", in}, {NULL, NULL}}, out), SD_ENONFINITE);
    assert_non_null(strstr(sd_error(), "head: log"));
    sd_graph_free(g);
    sd_context_free(context);
}

/* ---- ReLU joins the products before it ---- */

/* Two dense layers with ReLU, and the derivative by the first one's weights; their sums before the first ReLU, too, if asked for. */
static int two_layers(sd_graph *g, sd_dtype dtype, bool show, sd_output output[2])
{
    sd_node x = sd_input(g, "x", dtype, SD_SHAPE(5, 7)), w = sd_input(g, "w", dtype, SD_SHAPE(7, 6)), grad;
    sd_node sum = sd_dense(x, w, sd_input(g, "b", dtype, SD_SHAPE(6))), first = sd_relu(sum);
    sd_node second = sd_relu(sd_dense(first, sd_input(g, "v", dtype, SD_SHAPE(6, 4)), sd_input(g, "c", dtype, SD_SHAPE(4))));
    sd_grad(sd_sum(sd_sin(second), SD_ALL_AXES, false), 1, &w, &grad);
    output[0] = (sd_output){"grad", 0, grad};
    output[1] = (sd_output){"sum", 0, sum};
    return 1 + show;
}

/* Operands are functions of slot and place; returns the derivative. */
static void run_layers(const sd_plan *plan, sd_dtype dtype, double grad[7 * 6])
{
    enum { MOST = 64 };
    double memory[8][MOST];
    void *binding[8];
    sd_workspace *workspace;
    for (int s = 0; s < sd_plan_slots(plan); s++) {
        binding[s] = memory[s];
        for (int i = 0; i < MOST; i++) {
            double value = sin(3.0 * sd_plan_slot_name(plan, s)[0] + 1.7 * i);
            dtype == SD_F64 ? (memory[s][i] = value) : (((float *)binding[s])[i] = (float)value);
        }
    }
    assert_ok(sd_workspace_new(plan, &workspace));
    assert_ok(sd_run(plan, workspace, binding, NULL));
    int s = sd_plan_slot(plan, "grad");
    for (int i = 0; i < 7 * 6; i++)
        grad[i] = dtype == SD_F64 ? memory[s][i] : (double)((float *)binding[s])[i];
    sd_workspace_free(workspace);
}

/* Bits do not change, in f64 (where joint nodes are taken apart again) and in f32; sums that somebody reads stay sums. */
static void relu_joins_products(void **state)
{
    sd_context *context;
    assert_ok(sd_context_new(NULL, &context));
    for (int trial = 0; trial < 4; trial++) {
        sd_dtype dtype = trial & 1 ? SD_F64 : SD_F32;
        bool show = trial >> 1;
        sd_graph *g = sd_graph_new();
        sd_output output[2];
        int n = two_layers(g, dtype, show, output);
        double grad[2][7 * 6], norm = 0;
        for (int k = 0; k < 2; k++) {
            sd_plan *plan;
            assert_ok(sd_compile(context, n, output, &(sd_compile_options){.no_share = k}, &plan));
            char *text = sd_plan_print(plan);
            assert_int_equal(occurrences(text, "/dense_relu_v"), k || dtype == SD_F64 ? 0 : 2 - show);
            assert_int_equal(occurrences(text, "/matmul_relu_grad_v"), k || dtype == SD_F64 ? 0 : 1);
            free(text);
            run_layers(plan, dtype, grad[k]);
            sd_plan_free(plan);
        }
        assert_memory_equal(grad[0], grad[1], sizeof grad[0]);
        for (int i = 0; i < 7 * 6; i++)
            norm += fabs(grad[0][i]);
        assert_true(norm > 0.1);
        sd_graph_free(g);
    }
    sd_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_equal_their_interpretation),
        cmocka_unit_test(buffers_alive_together_never_overlap),
        cmocka_unit_test(dead_buffers_are_used_again),
        cmocka_unit_test(a_graph_of_5000_nodes_compiles_in_100_ms),
        cmocka_unit_test(slots_are_checked),
        cmocka_unit_test(barriers_keep_equal_nodes_apart),
        cmocka_unit_test(bad_contexts_are_refused),
        cmocka_unit_test(work_behind_pooling_computes_the_same),
        cmocka_unit_test(a_clip_within_batch_norm_computes_the_same),
        cmocka_unit_test(norm_sum_and_clip_join_a_convolution),
        cmocka_unit_test(pooling_joins_a_convolution),
        cmocka_unit_test(a_shared_bias_stays_behind_pooling),
        cmocka_unit_test(cut_program_equals_whole),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(first_step_that_is_not_finite_is_named),
        cmocka_unit_test(relu_joins_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
