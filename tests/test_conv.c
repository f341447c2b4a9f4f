/*
 * test_conv.c -- the direct convolution: right numbers for random shapes at every CPU level, the same bits
 * on any number of threads.
 *
 * The oracle is the reference kernel, which sums in double; what a joint evaluation node must give is what its parts give.
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

enum { FORWARD, ADJOINT, KINDS };

/* The three factors as numbers; of y only the adjoint has need. */
typedef struct problem {
    int kind;
    geometry g;
    sd_graph *graph;
    sd_node value;
    float *x, *w, *result;
    size_t n_x, n_w, n;
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

/* The adjoint's first factor has the shape of the convolution's result. */
static problem problem_make(int kind, geometry g)
{
    problem p = {.kind = kind, .g = g, .graph = sd_graph_new()};
    sd_window window = window_of(&g);
    sd_node w = sd_input(p.graph, "w", SD_F32, SD_SHAPE(g.size[0], g.size[1], g.channels, g.filters));
    sd_node x = sd_input(p.graph, "x", SD_F32, SD_SHAPE(g.images, g.height, g.width, g.channels));
    p.value = sd_conv2d(x, w, window);
    if (kind == ADJOINT) {
        x = sd_input(p.graph, "dy", SD_F32, sd_node_shape(p.value));
        p.value = sd_conv2d_dx(x, w, window, g.height, g.width);
    }
    if (!sd_node_ok(p.value))
        fail_msg("%s", sd_graph_message(p.graph));
    p.n_x = (size_t)sd_shape_count(sd_node_shape(x));
    p.n_w = (size_t)sd_shape_count(sd_node_shape(w));
    p.n = (size_t)sd_shape_count(sd_node_shape(p.value));
    p.x = numbers(p.n_x);
    p.w = numbers(p.n_w);
    p.result = numbers(p.n);
    return p;
}

static void problem_free(problem *p)
{
    sd_graph_free(p->graph);
    free(p->x);
    free(p->w);
    free(p->result);
}

static void run(const problem *p, sd_context *context, float *result)
{
    const sd_feed feeds[] = {{p->kind == ADJOINT ? "dy" : "x", p->x}, {"w", p->w}, {NULL, NULL}};
    assert_ok(sd_eval(context, p->value, feeds, result));
}

/* True if the direct kernel computes it: else nothing would be tested. */
static bool is_direct(const problem *p, sd_context *context)
{
    sd_plan *plan;
    sd_output output = {"y", 0, p->value};
    assert_ok(sd_compile(context, 1, &output, NULL, &plan));
    bool direct = plan->n_steps == 1 && !strcmp(plan->step[0].provider, "simd");
    sd_plan_free(plan);
    return direct;
}

static sd_context *context_of(const char *kernels, const char *isa, int threads)
{
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = threads, .kernels = kernels, .isa = isa}, &context));
    return context;
}

/*
 * n products of numbers in [-1,1] added in single precision, in whatever order: off by sqrt(n) units of
 * their size, about n / 2.
 */
static void check(const problem *p, const float *wanted, const char *isa)
{
    double products = (double)p->n_w / (p->kind == ADJOINT ? p->g.channels : p->g.filters);
    double allowed = (sqrt(products) + 2) * FLT_EPSILON * products / 2;
    for (size_t i = 0; i < p->n; i++)
        if (!(fabs((double)p->result[i] - (double)wanted[i]) <= allowed)) {
            const geometry *g = &p->g;
            print_error("%s at %s: %d images %dx%dx%d, %d filters %dx%d, stride %d %d, padding %d %d and %d %d, dilation %d\n",
                        p->kind == ADJOINT ? "adjoint" : "forward", isa, g->images, g->height, g->width, g->channels,
                        g->filters, g->size[0], g->size[1], g->stride[0], g->stride[1], g->lo[0], g->lo[1], g->hi[0], g->hi[1],
                        g->dilation);
            fail_msg("element %zu of %zu: got %.9g, wanted %.9g", i, p->n, (double)p->result[i], (double)wanted[i]);
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
static geometry draw(int kind)
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

static void check_levels(problem *p, const float *wanted)
{
    for (size_t l = 0; l < SD_COUNT(levels); l++) {
        if (!level_exists(levels[l]))
            continue;
        sd_context *context = context_of("simd", levels[l], 2);
        assert_true(is_direct(p, context));
        memset(p->result, 0xff, p->n * sizeof(float));
        run(p, context, p->result);
        check(p, wanted, levels[l]);
        sd_context_free(context);
    }
}

static void shapes_agree_with_the_reference(void **state)
{
    sd_context *reference = context_of("reference", NULL, 1);
    int chosen = KINDS * (int)SD_COUNT(cases);
    for (int trial = 0; trial < law_trials(150) + chosen; trial++) {
        int kind = trial % KINDS;
        geometry g = trial < chosen ? cases[trial / KINDS] : draw(kind);
        if (kind == ADJOINT && (g.stride[0] != 1 || g.channels % 16))
            continue;
        problem p = problem_make(kind, g);
        float *wanted = numbers(p.n);
        run(&p, reference, wanted);
        check_levels(&p, wanted);
        free(wanted);
        problem_free(&p);
    }
    sd_context_free(reference);
}

static void threads_do_not_change_a_bit(void **state)
{
    for (size_t i = 0; i < SD_COUNT(cases); i++) {
        problem p = problem_make(FORWARD, cases[i]);
        float *alone = numbers(p.n);
        for (int threads = 1; threads <= 4; threads++) {
            sd_context *context = context_of("simd", NULL, threads);
            run(&p, context, threads == 1 ? alone : p.result);
            assert_true(threads == 1 || !memcmp(alone, p.result, p.n * sizeof(float)));
            sd_context_free(context);
        }
        free(alone);
        problem_free(&p);
    }
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
        memcpy(strip.w, p.w, p.n_w * sizeof(float));
        for (int row = 0; row < g.height; row++)
            memcpy(strip.x + row * width * CHANNELS, p.x + row * WIDTH * CHANNELS, (size_t)(width * CHANNELS) * sizeof(float));
        run(&strip, context, strip.result);
        for (int row = 0; row < g.height; row++)
            assert_memory_equal(strip.result + row * (width - 2) * FILTERS, p.result + row * (WIDTH - 2) * FILTERS,
                                (size_t)((width - 2) * FILTERS) * sizeof(float));
        problem_free(&strip);
    }
    problem_free(&p);
    sd_context_free(context);
}

static void refuses_what_it_cannot_do(void **state)
{
    const geometry refused[] = {
        {1, 8, 8, 16, 24, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1},   /* a vector of filters would be cut */
        {1, 8, 600, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, 1}, /* three rows do not fit on the stack */
    };
    sd_context *context = context_of("simd", NULL, 1);
    for (size_t i = 0; i < SD_COUNT(refused); i++) {
        problem p = problem_make(FORWARD, refused[i]);
        assert_false(is_direct(&p, context));
        problem_free(&p);
    }
    geometry strided = cases[0];
    strided.stride[0] = 2;
    problem p = problem_make(ADJOINT, strided);
    assert_false(is_direct(&p, context));
    problem_free(&p);
    sd_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shapes_agree_with_the_reference),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(tiles_do_not_change_a_bit),
        cmocka_unit_test(refuses_what_it_cannot_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
