/*
 * test_conv.c -- the direct convolution, and Winograd's: right numbers for random shapes at every CPU level, the same bits
 * on any number of threads.
 *
 * The oracle is the reference kernel, which sums in double; what a joint evaluation node must give is what its parts give
 * (test_plan.c).
 */
#include "law.h"

#include <float.h>
#include <sonde/sonde.h>
#include <string.h>

#include "ops/conv.h"
#include "ops/op.h"
#include "plan/plan.h"

/* x [images,height,width,channels] by w [size,channels,filters]. */
typedef struct geometry {
    int images, height, width, channels, filters;
    int size[2], stride[2], lo[2], hi[2], dilation;
} geometry;

/* What is computed: y, the images' gradient dx, the filter's dw. */
enum { FORWARD, ADJOINT, GRADIENT, KINDS };
static const char *const kind_name[] = {"forward", "adjoint", "gradient"};
static const char *const operand[KINDS][2] = {{"x", "w"}, {"dy", "w"}, {"x", "dy"}};

/* The two operands and the result as numbers. */
typedef struct problem {
    int kind;
    geometry g;
    sd_graph *graph;
    sd_node value;
    float *in[2], *result;
    size_t n_in[2], n;
} problem;

static sd_window window_of(const geometry *g)
{
    sd_window w = sd_window_default();
    w.dilation[0] = g->dilation;
    for (int i = 0; i < 2; i++) {
        w.stride[i] = g->stride[i];
        w.pad_lo[i] = g->lo[i];
        w.pad_hi[i] = g->hi[i];
    }
    return w;
}

static float *numbers(size_t n)
{
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    law_draw(x, n, -1, 1);
    return x;
}

static size_t count_of(sd_node node) { return (size_t)sd_shape_count(sd_node_shape(node)); }

static problem problem_make(int kind, geometry g)
{
    problem p = {.kind = kind, .g = g, .graph = sd_graph_new()};
    sd_window window = window_of(&g);
    sd_node w = sd_input(p.graph, "w", SD_F32, SD_SHAPE(g.size[0], g.size[1], g.channels, g.filters));
    sd_node x = sd_input(p.graph, "x", SD_F32, SD_SHAPE(g.images, g.height, g.width, g.channels));
    p.value = sd_conv2d(x, w, window);
    sd_node dy = kind == FORWARD ? x : sd_input(p.graph, "dy", SD_F32, sd_node_shape(p.value));
    const sd_node in[KINDS][2] = {{x, w}, {dy, w}, {x, dy}};
    if (kind == ADJOINT)
        p.value = sd_conv2d_dx(dy, w, window, g.height, g.width);
    else if (kind == GRADIENT)
        p.value = sd_conv2d_dw(x, dy, window, g.size[0], g.size[1]);
    if (!sd_node_ok(p.value))
        fail_msg("%s", sd_graph_message(p.graph));
    for (int i = 0; i < 2; i++) {
        p.n_in[i] = count_of(in[kind][i]);
        p.in[i] = numbers(p.n_in[i]);
    }
    p.n = count_of(p.value);
    p.result = numbers(p.n);
    return p;
}

static void problem_free(problem *p)
{
    sd_graph_free(p->graph);
    free(p->in[0]);
    free(p->in[1]);
    free(p->result);
}

static void run(const problem *p, sd_context *context, float *result)
{
    const sd_feed feeds[] = {{operand[p->kind][0], p->in[0]}, {operand[p->kind][1], p->in[1]}, {NULL, NULL}};
    assert_ok(sd_eval(context, p->value, feeds, result));
}

/* True if this provider computes it: else nothing would be tested. */
static bool taken_by(const problem *p, sd_context *context, const char *provider)
{
    sd_plan *plan;
    sd_output output = {"y", 0, p->value};
    assert_ok(sd_compile(context, 1, &output, NULL, &plan));
    bool taken = plan->n_steps == 1 && !strcmp(plan->step[0].provider, provider);
    sd_plan_free(plan);
    return taken;
}

static sd_context *context_of(const char *kernels, const char *isa, int threads)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = threads, .kernels = kernels, .isa = isa}, &context));
    return context;
}

/* Products that an element of the result adds. */
static double products(const problem *p)
{
    const geometry *g = &p->g;
    return p->kind == GRADIENT ? (double)p->n_in[1] / g->filters
                               : (double)p->n_in[1] / (p->kind == ADJOINT ? g->channels : g->filters);
}

/*
 * n products of numbers in [-1,1] added in single precision, in whatever order: off by sqrt(n) units of
 * their size, about n / 2. Both algorithms stay within a third of it.
 */
static void check(const problem *p, const float *wanted, const char *provider, const char *isa)
{
    double n = products(p), allowed = (sqrt(n) + 2) * FLT_EPSILON * n / 2;
    for (size_t i = 0; i < p->n; i++) {
        double error = fabs((double)p->result[i] - (double)wanted[i]);
        if (!(error <= allowed)) {
            const geometry *g = &p->g;
            print_error(
                "%s by %s at %s: %d images %dx%dx%d, %d filters %dx%d, stride %d %d, padding %d %d and %d %d, dilation %d\n",
                kind_name[p->kind], provider, isa, g->images, g->height, g->width, g->channels, g->filters, g->size[0],
                g->size[1], g->stride[0], g->stride[1], g->lo[0], g->lo[1], g->hi[0], g->hi[1], g->dilation);
            fail_msg("element %zu of %zu: got %.9g, wanted %.9g", i, p->n, (double)p->result[i], (double)wanted[i]);
        }
    }
}

static const char *const levels[] = {"v2", "v3", "v4"};

static bool level_exists(const char *isa)
{
    sd_level level;
    return sd__level_parse(isa, &level) && level <= sd__cpu_level();
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------ */

static bool draw_axis(geometry *g, int axis, int image, int dilation)
{
    g->size[axis] = law_int(0, 2) ? law_int(1, 5) : 3;
    g->stride[axis] = law_int(0, 1) ? 1 : law_int(1, 3);
    g->lo[axis] = law_int(0, 6);
    g->hi[axis] = law_int(0, 1) ? g->lo[axis] : law_int(0, 6);
    return image + g->lo[axis] + g->hi[axis] >= dilation * (g->size[axis] - 1) + 1;
}

/* What the direct kernel takes: result channels in whole sixteens, and an adjoint of stride 1 only. */
static geometry draw_direct(int kind)
{
    for (;;) {
        geometry g = {.images = law_int(1, 3), .height = law_int(1, 12), .width = law_int(1, 40), .dilation = 1};
        int sixteens = 16 * law_int(1, 6), any = law_int(1, 20);
        g.channels = kind == ADJOINT ? sixteens : any;
        g.filters = kind == ADJOINT ? any : sixteens;
        g.dilation = law_int(0, 2) ? 1 : 2;
        if (!draw_axis(&g, 0, g.height, g.dilation) || !draw_axis(&g, 1, g.width, 1))
            continue;
        for (int i = 0; i < 2 && kind == ADJOINT; i++)
            g.stride[i] = 1;
        return g;
    }
}

/* What Winograd's takes at every level: 32, 48, ... channels and filters, stride 1, and not too much beyond the filter and the results. */
static geometry draw_winograd(int kind)
{
    geometry g = {.images = law_int(1, 4), .channels = 16 * law_int(2, 6), .filters = 16 * law_int(2, 6), .dilation = 1};
    int *side[] = {&g.height, &g.width};
    for (int i = 0; i < 2; i++) {
        g.stride[i] = 1;
        g.size[i] = law_int(2, 7);
        int out = g.size[i] == 3 ? law_int(3, 9) : 2 * law_int(2, 5); /* others save less, so no tile may be partial */
        g.lo[i] = law_int(0, g.size[i] + 1);
        g.hi[i] = law_int(0, SD_MIN(g.size[i] + 1, out + g.size[i] - 2 - g.lo[i] > 0 ? out + g.size[i] - 2 - g.lo[i] : 0));
        *side[i] = SD_MAX(out + g.size[i] - 1 - g.lo[i] - g.hi[i], 1);
    }
    return g;
}

/* Shapes whose rows, panels and blocks end in every way. */
static const geometry cases[] = {
    {2, 32, 32, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},  /* ResNet-20 */
    {1, 16, 16, 32, 64, {3, 3}, {2, 2}, {0, 0}, {1, 1}, 1},  /* and where it halves the image */
    {1, 28, 28, 1, 32, {5, 5}, {1, 1}, {2, 2}, {2, 2}, 1},   /* LeNet */
    {3, 8, 8, 256, 256, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},  /* packed; three blocks an image */
    {1, 200, 64, 16, 16, {1, 1}, {1, 1}, {0, 0}, {0, 0}, 1}, /* a part has more rows than fit at once */
    {1, 9, 64, 80, 80, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},   /* few rows fit; the last panel is narrow */
    {1, 5, 7, 16, 16, {3, 3}, {1, 1}, {4, 4}, {4, 4}, 1},    /* padded by more than the filter reaches */
    {1, 40, 3, 4, 48, {5, 1}, {1, 1}, {6, 0}, {6, 0}, 2},    /* rows of padding alone; dilated */
    {1, 4, 1, 16, 16, {1, 5}, {1, 1}, {0, 2}, {0, 2}, 1},    /* one pixel wide */
};

static const geometry winograd_cases[] = {
    {2, 16, 16, 32, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},  /* ResNet-20 */
    {16, 14, 14, 32, 64, {5, 5}, {1, 1}, {2, 2}, {2, 2}, 1}, /* LeNet: four blocks, of three and of two taps */
    {3, 10, 12, 32, 48, {4, 7}, {1, 1}, {1, 3}, {2, 3}, 1},  /* two blocks of two taps; one of three, then two of two */
    {2, 12, 8, 48, 32, {2, 6}, {1, 1}, {1, 3}, {0, 2}, 1},   /* a block of two taps; two of three */
    {3, 8, 8, 256, 256, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},  /* few tiles at a time; four columns of filters */
    {2, 7, 9, 48, 80, {3, 3}, {1, 1}, {0, 2}, {1, 1}, 1},    /* tiles beyond the results; the last panel is narrow */
    {1, 4, 4, 32, 32, {3, 3}, {1, 1}, {2, 2}, {2, 2}, 1},    /* tiles of padding alone */
    {40, 12, 12, 32, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}, /* several blocks of tiles a part */
};

static void check_levels(problem *p, const char *provider, const float *wanted)
{
    for (size_t l = 0; l < SD_COUNT(levels); l++) {
        if (!level_exists(levels[l]))
            continue;
        sd_context *context = context_of(provider, levels[l], 2);
        assert_true(taken_by(p, context, provider));
        memset(p->result, 0xff, p->n * sizeof(float));
        run(p, context, p->result);
        check(p, wanted, provider, levels[l]);
        sd_context_free(context);
    }
}

/* What the reference gives is compared at all levels, if the provider takes it at all; true if so. */
static bool compare(sd_context *reference, int kind, geometry g, const char *provider)
{
    problem p = problem_make(kind, g);
    sd_context *context = context_of(provider, NULL, 1);
    bool taken = taken_by(&p, context, provider);
    if (taken) {
        float *wanted = numbers(p.n);
        run(&p, reference, wanted);
        check_levels(&p, provider, wanted);
        free(wanted);
    }
    sd_context_free(context);
    problem_free(&p);
    return taken;
}

static void direct_agrees_with_the_reference(void **state)
{
    sd_context *reference = context_of("reference", NULL, 1);
    for (size_t i = 0; i < SD_COUNT(cases); i++)
        for (int kind = FORWARD; kind <= ADJOINT; kind++)
            assert_int_equal(compare(reference, kind, cases[i], "simd"),
                             kind == FORWARD || (cases[i].stride[0] == 1 && cases[i].channels % 16 == 0));
    for (int trial = 0; trial < law_trials(150); trial++)
        assert_true(compare(reference, trial % 2, draw_direct(trial % 2), "simd"));
    sd_context_free(reference);
}

static void winograd_agrees_with_the_reference(void **state)
{
    sd_context *reference = context_of("reference", NULL, 1);
    int taken = 0, trials = law_trials(90);
    for (size_t i = 0; i < SD_COUNT(winograd_cases); i++)
        for (int kind = 0; kind < KINDS; kind++)
            assert_true(compare(reference, kind, winograd_cases[i], "winograd"));
    for (int trial = 0; trial < trials; trial++)
        taken += compare(reference, trial % KINDS, draw_winograd(trial % KINDS), "winograd");
    print_message("%d of %d random convolutions were taken\n", taken, trials);
    assert_true(2 * taken > trials);
    sd_context_free(reference);
}

/* Sixteen channels are worth it for vectors of sixteen alone, but for a gradient in the filter: there tiles are summed. */
static void winograd_takes_few_channels_at_v4(void **state)
{
    sd_context *reference = context_of("reference", NULL, 1);
    for (int kind = 0; kind < KINDS; kind++) {
        problem p = problem_make(kind, (geometry){2, 32, 32, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}); /* ResNet-20 */
        float *wanted = numbers(p.n);
        run(&p, reference, wanted);
        for (size_t l = 0; l < SD_COUNT(levels); l++) {
            if (!level_exists(levels[l]))
                continue;
            sd_context *context = context_of("winograd", levels[l], 2);
            assert_int_equal(taken_by(&p, context, "winograd"), kind == GRADIENT || !strcmp(levels[l], "v4"));
            run(&p, context, p.result);
            check(&p, wanted, "winograd", levels[l]);
            sd_context_free(context);
        }
        free(wanted);
        problem_free(&p);
    }
    sd_context_free(reference);
}

static void compare_threads(int kind, geometry g, const char *provider)
{
    problem p = problem_make(kind, g);
    float *alone = numbers(p.n);
    for (int threads = 1; threads <= 4; threads++) {
        sd_context *context = context_of(provider, NULL, threads);
        run(&p, context, threads == 1 ? alone : p.result);
        assert_true(threads == 1 || !memcmp(alone, p.result, p.n * sizeof(float)));
        sd_context_free(context);
    }
    free(alone);
    problem_free(&p);
}

static void threads_do_not_change_a_bit(void **state)
{
    for (size_t i = 0; i < SD_COUNT(cases); i++)
        compare_threads(FORWARD, cases[i], "simd");
    for (size_t i = 0; i < SD_COUNT(winograd_cases); i++)
        for (int kind = 0; kind < KINDS; kind++)
            compare_threads(kind, winograd_cases[i], "winograd");
}

/* A result of Winograd's depends on its own image alone: not on those beside it, with which parts and blocks of tiles change. */
static void batches_do_not_change_a_bit(void **state)
{
    for (size_t i = 0; i < SD_COUNT(winograd_cases); i++)
        for (int kind = FORWARD; kind <= ADJOINT; kind++) {
            geometry g = winograd_cases[i];
            sd_context *context = context_of("winograd", NULL, 2);
            problem many = problem_make(kind, g), one;
            g.images = 1;
            one = problem_make(kind, g);
            memcpy(one.in[1], many.in[1], one.n_in[1] * sizeof(float));
            run(&many, context, many.result);
            for (int image = 0; image < many.g.images; image++) {
                memcpy(one.in[0], many.in[0] + (size_t)image * one.n_in[0], one.n_in[0] * sizeof(float));
                run(&one, context, one.result);
                assert_memory_equal(one.result, many.result + (size_t)image * one.n, one.n * sizeof(float));
            }
            problem_free(&many);
            problem_free(&one);
            sd_context_free(context);
        }
}

#ifdef SD_WITH_ONEDNN
#define WITHOUT "simd,onednn"
#else
#define WITHOUT "simd" /* then the reference computes dw, and there is nothing to compare */
#endif

/* Root mean square error against the reference, over the root mean square of what it gives. */
static double rounding(const problem *p, const float *wanted, const char *provider)
{
    sd_context *context = context_of(provider, NULL, 1);
    double error = 0, size = 0;
    run(p, context, p->result);
    for (size_t i = 0; i < p->n; i++) {
        error += pow((double)p->result[i] - (double)wanted[i], 2);
        size += pow((double)wanted[i], 2);
    }
    sd_context_free(context);
    return sqrt(error / size);
}

/*
 * Sums of fewer products make up for the differences between them: y and dx are as near to sums in double as the direct kernel's. dw
 * is not as near as oneDNN's, which sums far longer in parts; but within a few units of the last place.
 */
static void winograd_rounds_little(void **state)
{
    sd_context *reference = context_of("reference", NULL, 1);
    for (size_t i = 0; i < SD_COUNT(winograd_cases); i++)
        for (int kind = 0; kind < KINDS; kind++) {
            const geometry *g = &winograd_cases[i];
            problem p = problem_make(kind, *g);
            float *wanted = numbers(p.n);
            run(&p, reference, wanted);
            double winograd = rounding(&p, wanted, "winograd"), direct = rounding(&p, wanted, WITHOUT);
            print_message("%s, %dx%dx%d, %d filters %dx%d: rounding %.2e, without Winograd %.2e\n", kind_name[kind], g->height,
                          g->width, g->channels, g->filters, g->size[0], g->size[1], winograd, direct);
            assert_true(winograd < (kind == GRADIENT ? 4 * FLT_EPSILON : 1.2 * direct));
            free(wanted);
            problem_free(&p);
        }
    sd_context_free(reference);
}

/* Small integers come out exactly, in the filter's gradient too: halves and quarters are no trouble to a float. */
static void winograd_is_exact_in_integers(void **state)
{
    sd_context *reference = context_of("reference", NULL, 1), *context = context_of("winograd", NULL, 2);
    for (size_t i = 0; i < SD_COUNT(winograd_cases); i++)
        for (int kind = 0; kind < KINDS; kind++) {
            problem p = problem_make(kind, winograd_cases[i]);
            for (int k = 0; k < 2; k++)
                for (size_t j = 0; j < p.n_in[k]; j++)
                    p.in[k][j] = (float)law_int(-4, 4);
            float *wanted = numbers(p.n);
            run(&p, reference, wanted);
            run(&p, context, p.result);
            for (size_t j = 0; j < p.n; j++)
                assert_true(p.result[j] == wanted[j]);
            free(wanted);
            problem_free(&p);
        }
    sd_context_free(reference);
    sd_context_free(context);
}

/* Runs the plan of a convolution whose filter stays; afterwards the filter is NaN, and then another one. */
static void run_fixed(const problem *p, sd_plan *plan, float *w, float *result[3])
{
    sd_workspace *workspace;
    void *binding[3] = {NULL};
    assert_int_equal(sd_plan_slots(plan), 3);
    assert_ok(sd_workspace_new(plan, &workspace));
    for (int run = 0; run < 3; run++) {
        for (int s = 0; s < 3; s++) {
            const char *name = sd_plan_slot_name(plan, s);
            binding[s] = !strcmp(name, "w") ? w : !strcmp(name, "r") ? result[run] : p->in[0];
        }
        if (run == 2) {
            for (size_t i = 0; i < p->n_in[1]; i++)
                w[i] = 2 * p->in[1][i];
            sd_workspace_refresh(workspace);
        }
        assert_ok(sd_run(plan, workspace, binding, NULL));
        for (size_t i = 0; i < p->n_in[1]; i++)
            w[i] = NAN;
    }
    sd_workspace_free(workspace);
}

/* A filter that stays is taken to the points once: with the bits of one that does not. */
static void a_filter_that_stays_is_kept(void **state)
{
    sd_context *context = context_of("winograd", NULL, 2);
    for (size_t i = 0; i < SD_COUNT(winograd_cases); i++)
        for (int kind = FORWARD; kind <= ADJOINT; kind++) {
            problem p = problem_make(kind, winograd_cases[i]);
            sd_output output = {"r", 0, p.value};
            sd_plan *plan;
            assert_ok(sd_compile(context, 1, &output, &(sd_compile_options){.fixed = "w"}, &plan));
            float *w = numbers(p.n_in[1]), *got[3] = {numbers(p.n), numbers(p.n), numbers(p.n)};
            memcpy(w, p.in[1], p.n_in[1] * sizeof *w);
            run_fixed(&p, plan, w, got);
            run(&p, context, p.result);
            assert_memory_equal(got[0], p.result, p.n * sizeof(float));
            assert_memory_equal(got[1], p.result, p.n * sizeof(float));
            for (size_t j = 0; j < p.n; j++)
                assert_true(got[2][j] == 2 * p.result[j]);
            for (int k = 0; k < 3; k++)
                free(got[k]);
            free(w);
            sd_plan_free(plan);
            problem_free(&p);
        }
    sd_context_free(context);
}

/* Parts of one phase. */
static int parts_of(int kind, geometry g, const char *provider, int phase)
{
    problem p = problem_make(kind, g);
    sd_context *context = context_of(provider, NULL, 2);
    sd_output output = {"y", 0, p.value};
    sd_plan *plan;
    assert_ok(sd_compile(context, 1, &output, NULL, &plan));
    assert_int_equal(plan->n_steps, 1);
    assert_string_equal(plan->step[0].provider, provider);
    const int parts = plan->step[0].work.parts[phase];
    sd_plan_free(plan);
    sd_context_free(context);
    problem_free(&p);
    return parts;
}

/* Where there is little to cut, two threads still have something to do each. */
static void two_threads_have_work(void **state)
{
    const geometry lenet = {1, 28, 28, 1, 32, {5, 5}, {1, 1}, {2, 2}, {2, 2}, 1};
    const geometry resnet = {1, 32, 32, 3, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1};
    const geometry large_filter = {32, 14, 14, 256, 64, {5, 5}, {1, 1}, {2, 2}, {2, 2}, 1};
    assert_int_equal(parts_of(FORWARD, lenet, "simd", 0), 2);
    assert_int_equal(parts_of(FORWARD, resnet, "simd", 0), 2);
    assert_int_equal(parts_of(GRADIENT, large_filter, "winograd", 0), 2);
}

/* The sum of a position depends on neither its tile nor the width of the image: a strip gives what the whole gives. */
static void tiles_do_not_change_a_bit(void **state)
{
    enum { WIDTH = 29, CHANNELS = 5, FILTERS = 48 };
    const geometry whole = {1, 6, WIDTH, CHANNELS, FILTERS, {3, 3}, {1, 1}, {1, 0}, {1, 0}, 1};
    sd_context *context = context_of("simd", NULL, 1);
    problem p = problem_make(FORWARD, whole);
    run(&p, context, p.result);
    for (int width = 3; width < WIDTH; width++) {
        geometry g = whole;
        g.width = width;
        problem strip = problem_make(FORWARD, g);
        memcpy(strip.in[1], p.in[1], p.n_in[1] * sizeof(float));
        for (int row = 0; row < g.height; row++)
            memcpy(strip.in[0] + row * width * CHANNELS, p.in[0] + row * WIDTH * CHANNELS,
                   (size_t)(width * CHANNELS) * sizeof(float));
        run(&strip, context, strip.result);
        for (int row = 0; row < g.height; row++)
            assert_memory_equal(strip.result + row * (width - 2) * FILTERS, p.result + row * (WIDTH - 2) * FILTERS,
                                (size_t)((width - 2) * FILTERS) * sizeof(float));
        problem_free(&strip);
    }
    problem_free(&p);
    sd_context_free(context);
}

static void refuses(int kind, geometry g, const char *provider)
{
    sd_context *context = context_of(provider, NULL, 1);
    problem p = problem_make(kind, g);
    assert_false(taken_by(&p, context, provider));
    problem_free(&p);
    sd_context_free(context);
}

static void refuses_what_it_cannot_do(void **state)
{
    geometry strided = cases[0];
    strided.stride[0] = 2;
    refuses(ADJOINT, strided, "simd");
    refuses(FORWARD, (geometry){1, 8, 8, 16, 24, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
            "simd"); /* a vector of filters would be cut */
    refuses(FORWARD, (geometry){1, 8, 600, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},
            "simd"); /* three rows do not fit on the stack */
    for (int kind = 0; kind < KINDS; kind++) {
        refuses(kind, strided, "winograd");
        refuses(kind, (geometry){1, 8, 8, 16, 24, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}, "winograd");
        refuses(kind, (geometry){1, 8, 8, 24, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}, "winograd");
        refuses(kind, (geometry){1, 8, 8, 16, 16, {3, 3}, {1, 1}, {2, 1}, {2, 1}, 2}, "winograd"); /* dilated */
        refuses(kind, (geometry){1, 8, 8, 32, 32, {1, 3}, {1, 1}, {0, 1}, {0, 1}, 1}, "winograd"); /* a line of taps */
        refuses(kind, (geometry){1, 8, 8, 16, 16, {2, 2}, {1, 1}, {0, 0}, {1, 1}, 1}, "winograd"); /* few channels, few taps */
        refuses(kind, (geometry){1, 9, 7, 32, 32, {2, 4}, {1, 1}, {0, 1}, {1, 2}, 1}, "winograd"); /* too few products less */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(direct_agrees_with_the_reference),
        cmocka_unit_test(winograd_agrees_with_the_reference),
        cmocka_unit_test(winograd_takes_few_channels_at_v4),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(tiles_do_not_change_a_bit),
        cmocka_unit_test(batches_do_not_change_a_bit),
        cmocka_unit_test(two_threads_have_work),
        cmocka_unit_test(winograd_rounds_little),
        cmocka_unit_test(winograd_is_exact_in_integers),
        cmocka_unit_test(a_filter_that_stays_is_kept),
        cmocka_unit_test(refuses_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
