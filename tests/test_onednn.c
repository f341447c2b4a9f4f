/*
 * test_onednn.c -- convolution by oneDNN: right numbers for random shapes, and the same bits whatever threads there are.
 *
 * The oracle is the definition, seven loops in double. The host programs of the last tests are this program itself, started
 * again with other OpenMP settings: it prints a hash of its results, and fails if OpenMP has started a thread.
 */
#include "law.h"

#include <dirent.h>
#include <float.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef SD_WITH_ONEDNN

int main(void)
{
    puts("skipped: built without oneDNN");
    return 77;
}

#else

#include "base/pool.h"
#include "kernels/onednn/onednn.h"
#include "ops/conv.h"
#include "ops/op.h"

/* libgomp's own names: what GCC makes of a parallel region, so that no compiler flag is needed. */
extern void GOMP_parallel(void (*body)(void *), void *user, unsigned threads, unsigned flags);
extern int omp_get_max_threads(void);

enum { FORWARD, DATA, FILTER, KINDS };

static const sd_op *const op_of[KINDS] = {&sd__op_conv2d, &sd__op_conv2d_dx, &sd__op_conv2d_dw};

/* One convolution with memory for its three tensors, of which one is a result. */
typedef struct problem {
    int kind;
    sd_conv_attr attr;
    sd_tensor x, w, y;
    float *block[3]; /* malloc'ed memory of x, w, y */
} problem;

typedef struct geometry {
    int images, height, width, channels, filters;
    int size[2], stride[2], lo[2], hi[2], dilation[2], groups;
} geometry;

static sd_tensor tensor(float **block, sd_shape shape, int misaligned)
{
    size_t n = (size_t)sd_shape_count(shape);
    *block = malloc((n + 16) * sizeof **block);
    assert_non_null(*block);
    law_draw(*block, n + 16, -1, 1);
    return sd_tensor_dense(*block + misaligned, SD_F32, shape);
}

static problem problem_make(int kind, geometry g, int misaligned)
{
    problem p = {.kind = kind};
    p.attr.window.groups = g.groups;
    for (int i = 0; i < 2; i++) {
        p.attr.window.size[i] = g.size[i];
        p.attr.window.stride[i] = g.stride[i];
        p.attr.window.pad_lo[i] = g.lo[i];
        p.attr.window.pad_hi[i] = g.hi[i];
        p.attr.window.dilation[i] = g.dilation[i];
    }
    p.attr.image[0] = g.height;
    p.attr.image[1] = g.width;
    int64_t out[2] = {sd__window_positions(&p.attr, 0), sd__window_positions(&p.attr, 1)};
    p.x = tensor(&p.block[0], SD_SHAPE(g.images, g.height, g.width, g.channels), misaligned);
    p.w = tensor(&p.block[1], SD_SHAPE(g.size[0], g.size[1], g.channels / g.groups, g.filters), misaligned);
    p.y = tensor(&p.block[2], SD_SHAPE(g.images, out[0], out[1], g.filters), misaligned);
    return p;
}

static void problem_free(problem *p)
{
    for (int i = 0; i < 3; i++)
        free(p->block[i]);
}

static sd_tensor *result(problem *p) { return p->kind == FORWARD ? &p->y : p->kind == DATA ? &p->x : &p->w; }

static size_t result_count(problem *p) { return (size_t)sd_shape_count(result(p)->shape); }

static uint64_t result_hash(problem *p) { return sd__hash(SD_HASH_START, result(p)->data, result_count(p) * sizeof(float)); }

/* A call that is ready to run, any number of times at once. */
typedef struct prepared {
    const sd_kernel *kernel;
    sd_work work;
    sd_tensor in[2], out[1];
    problem *problem;
} prepared;

static prepared prepare(problem *p)
{
    prepared r = {.problem = p, .work = {.phases = 1, .parts = {1}}};
    r.in[0] = p->kind == DATA ? p->y : p->x;
    r.in[1] = p->kind == FILTER ? p->y : p->w;
    r.out[0] = *result(p);
    sd_call call = {.op = op_of[p->kind], .attr = &p->attr, .n_in = 2, .n_out = 1, .in = r.in, .out = r.out};
    call.level = SD_LEVEL_V4;
    r.kernel = sd__provider_onednn.find(&call);
    assert_non_null(r.kernel);
    assert_ok(r.kernel->prepare(&call, &r.work));
    return r;
}

typedef struct step {
    const prepared *prepared;
    sd_args args;
} step;

static void run_part(void *user, int part)
{
    step *s = user;
    sd_args args = s->args;
    args.part = part;
    s->prepared->kernel->run(&args);
}

/* Into `out`, which has room for the result. Scratch memory starts as NaN and has a fence behind it. */
static void run_into(const prepared *r, float *out, sd_pool *pool)
{
    enum { FENCE = 1 << 16 };
    char *scratch = aligned_alloc(64, (r->work.scratch + FENCE + 63) / 64 * 64);
    assert_non_null(scratch);
    memset(scratch, 0xff, r->work.scratch + FENCE);
    sd_tensor result = r->out[0];
    result.data = out;
    step s = {r,
              {.n_in = 2,
               .n_out = 1,
               .in = r->in,
               .out = &result,
               .attr = &r->problem->attr,
               .state = r->work.state,
               .scratch = scratch}};
    for (; s.args.phase < r->work.phases; s.args.phase++)
        sd__pool_run(pool, run_part, &s, r->work.parts[s.args.phase]);
    for (size_t i = 0; i < FENCE; i++)
        assert_int_equal(scratch[r->work.scratch + i], -1);
    free(scratch);
}

static void run(problem *p, sd_pool *pool)
{
    prepared r = prepare(p);
    run_into(&r, result(p)->data, pool);
    r.kernel->release(r.work.state);
}

/* ---- the definition --------------------------------------------------------------------------------------------------- */

static int64_t index4(const sd_tensor *t, int64_t i, int64_t j, int64_t k, int64_t l)
{
    const int64_t *d = t->shape.dim;
    return ((i * d[1] + j) * d[2] + k) * d[3] + l;
}

/* A sum of products, and of their absolute values: what its rounding errors are measured by. */
typedef struct sum {
    double value, size;
    int64_t products;
} sum;

static void add_product(sum *s, float a, float b)
{
    s->value += (double)a * b;
    s->size += fabs((double)a * b);
    s->products++;
}

/* Adds to sums[], which has the result's shape, every product x w y of one element of y with the result's factor left out. */
static void define_at(const problem *p, int64_t b, int64_t i, int64_t j, int64_t f, sum *sums)
{
    const sd_window *v = &p->attr.window;
    const float *x = p->x.data, *w = p->w.data, *y = p->y.data;
    int64_t channels = p->w.shape.dim[2], group = f / (p->w.shape.dim[3] / v->groups);
    int64_t at_y = index4(&p->y, b, i, j, f);
    for (int64_t r = 0; r < v->size[0]; r++)
        for (int64_t s = 0; s < v->size[1]; s++) {
            int64_t h = i * v->stride[0] - v->pad_lo[0] + r * v->dilation[0];
            int64_t u = j * v->stride[1] - v->pad_lo[1] + s * v->dilation[1];
            if (h < 0 || h >= p->attr.image[0] || u < 0 || u >= p->attr.image[1])
                continue;
            for (int64_t c = 0; c < channels; c++) {
                int64_t at_x = index4(&p->x, b, h, u, group * channels + c), at_w = index4(&p->w, r, s, c, f);
                if (p->kind == FORWARD)
                    add_product(&sums[at_y], x[at_x], w[at_w]);
                else if (p->kind == DATA)
                    add_product(&sums[at_x], y[at_y], w[at_w]);
                else
                    add_product(&sums[at_w], x[at_x], y[at_y]);
            }
        }
}

static sum *define(problem *p)
{
    sum *sums = calloc(result_count(p), sizeof *sums);
    const int64_t *d = p->y.shape.dim;
    assert_non_null(sums);
    for (int64_t b = 0; b < d[0]; b++)
        for (int64_t i = 0; i < d[1]; i++)
            for (int64_t j = 0; j < d[2]; j++)
                for (int64_t f = 0; f < d[3]; f++)
                    define_at(p, b, i, j, f, sums);
    return sums;
}

/* A sum of n products in single precision, in whatever order, is off by sqrt(n) ulps of their size at most. */
static bool near_sum(float got, const sum *wanted)
{
    return fabs((double)got - wanted->value) <= sqrt((double)wanted->products) * FLT_EPSILON * wanted->size;
}

static void check_definition(problem *p)
{
    const float *got = result(p)->data;
    sum *wanted = define(p);
    for (size_t i = 0; i < result_count(p); i++)
        if (!near_sum(got[i], &wanted[i])) {
            char x[SD_SHAPE_TEXT], w[SD_SHAPE_TEXT], y[SD_SHAPE_TEXT];
            const sd_window *v = &p->attr.window;
            print_error("%s: x %s, w %s, y %s, groups %d\n", op_of[p->kind]->name, sd_shape_text(p->x.shape, x),
                        sd_shape_text(p->w.shape, w), sd_shape_text(p->y.shape, y), (int)v->groups);
            for (int k = 0; k < 2; k++)
                print_error("axis %d: stride %d, padding %d and %d, dilation %d\n", k, (int)v->stride[k], (int)v->pad_lo[k],
                            (int)v->pad_hi[k], (int)v->dilation[k]);
            fail_msg("element %zu: got %.9g, wanted %.9g", i, (double)got[i], wanted[i].value);
        }
    free(wanted);
}

/* ---- numbers --------------------------------------------------------------------------------------------------------- */

static int channel_count(void)
{
    static const int usual[] = {1, 2, 3, 4, 5, 8, 10, 16, 17, 32};
    return usual[law_int(0, (int)SD_COUNT(usual) - 1)];
}

/* False if the filter does not fit. */
static bool draw_axis(geometry *g, int axis, int image)
{
    g->size[axis] = law_int(1, 5);
    g->stride[axis] = law_int(0, 1) ? 1 : law_int(1, 3);
    g->dilation[axis] = law_int(0, 2) ? 1 : law_int(1, 3);
    g->lo[axis] = law_int(0, 4);
    g->hi[axis] = law_int(0, 1) ? g->lo[axis] : law_int(0, 4);
    return image + g->lo[axis] + g->hi[axis] >= g->dilation[axis] * (g->size[axis] - 1) + 1;
}

static geometry draw_geometry(void)
{
    for (;;) {
        geometry g = {.images = law_int(1, 5), .height = law_int(1, 10), .width = law_int(1, 10), .groups = 1};
        if (law_int(0, 3) == 0)
            g.groups = law_int(2, 4);
        bool depthwise = law_int(0, 9) == 0;
        g.channels = depthwise ? (g.groups = channel_count()) : channel_count() * g.groups;
        g.filters = depthwise ? g.groups : channel_count() * g.groups;
        if (draw_axis(&g, 0, g.height) && draw_axis(&g, 1, g.width))
            return g;
    }
}

static void random_shapes_agree_with_the_definition(void **state)
{
    (void)state;
    sd_pool *pool;
    assert_ok(sd__pool_new(2, &pool));
    for (int trial = 0; trial < law_trials(120); trial++) {
        problem p = problem_make(trial % KINDS, draw_geometry(), law_int(0, 1) ? 0 : law_int(1, 15));
        run(&p, pool);
        check_definition(&p);
        problem_free(&p);
    }
    sd__pool_free(pool);
}

/* Shapes that are cut in every way there is: by images evenly and not, by rows, both; first layers; strides; few rows. */
static const geometry cases[] = {
    {24, 28, 28, 1, 32, {5, 5}, {1, 1}, {2, 2}, {2, 2}, {1, 1}, 1},  /* LeNet, first layer */
    {3, 14, 14, 16, 32, {5, 5}, {1, 1}, {2, 2}, {2, 2}, {1, 1}, 1},  /* and second: few images */
    {37, 16, 16, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1}, /* ResNet-20; a prime number of images */
    {1, 32, 32, 16, 16, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 1},  /* one image: bands of rows */
    {1, 33, 17, 16, 32, {3, 3}, {2, 1}, {1, 1}, {1, 1}, {1, 1}, 1},  /* odd rows under stride 2 */
    {1, 40, 9, 8, 24, {5, 3}, {1, 1}, {4, 4}, {4, 4}, {2, 1}, 1},    /* dilated, padded by more than it reaches */
    {2, 24, 24, 3, 16, {3, 3}, {1, 1}, {0, 1}, {2, 1}, {1, 1}, 1},   /* padded on one side */
    {3, 20, 20, 32, 32, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 2},  /* groups */
    {4, 20, 20, 24, 24, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, 24}, /* depthwise */
    {32, 16, 16, 32, 64, {1, 1}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, 1}, /* a projection: scratch memory is used */
    {2, 64, 64, 10, 16, {1, 1}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, 1},  /* and more of it than oneDNN asks for */
    {1, 64, 8, 20, 20, {9, 1}, {1, 1}, {12, 0}, {12, 0}, {1, 1}, 1}, /* rows of padding alone, more than the filter reaches */
};

static void chosen_shapes_agree_with_the_definition(void **state)
{
    (void)state;
    for (size_t i = 0; i < SD_COUNT(cases) * KINDS; i++) {
        problem p = problem_make((int)(i % KINDS), cases[i / KINDS], 0);
        run(&p, NULL);
        check_definition(&p);
        problem_free(&p);
    }
}

/* A filter is packed from wherever its strides say: here from its transpose in the last two axes. */
static void strided_filter_is_taken(void **state)
{
    (void)state;
    problem p = problem_make(FORWARD, cases[2], 0);
    sd_tensor turned = p.w;
    run(&p, NULL);
    uint64_t plain = result_hash(&p);
    float *block = malloc((size_t)sd_shape_count(p.w.shape) * sizeof *block);
    assert_non_null(block);
    int64_t c = p.w.shape.dim[2], f = p.w.shape.dim[3];
    for (int64_t i = 0; i < sd_shape_count(p.w.shape); i++)
        block[i / (c * f) * c * f + i % f * c + i / f % c] = ((float *)p.w.data)[i];
    turned.data = block;
    turned.stride[2] = 1;
    turned.stride[3] = c;
    p.w = turned;
    run(&p, NULL);
    assert_true(plain == result_hash(&p));
    free(block);
    problem_free(&p);
}

static void refuses_what_it_cannot_do(void **state)
{
    (void)state;
    problem p = problem_make(FORWARD, cases[2], 0);
    sd_tensor in[2] = {p.x, p.w}, out = p.y;
    sd_call call = {.op = &sd__op_conv2d, .attr = &p.attr, .n_in = 2, .n_out = 1, .in = in, .out = &out, .level = SD_LEVEL_V4};
    assert_non_null(sd__provider_onednn.find(&call));
    in[0].stride[3] = 2; /* every second channel of something */
    assert_null(sd__provider_onednn.find(&call));
    in[0] = p.x;
    in[0].dtype = in[1].dtype = out.dtype = SD_F64;
    assert_null(sd__provider_onednn.find(&call));
    in[0] = p.x;
    in[1] = p.w;
    out = p.y;
    call.op = &sd__op_matmul;
    assert_null(sd__provider_onednn.find(&call));
    problem_free(&p);
}

/* ---- bits ------------------------------------------------------------------------------------------------------------- */

/* The pieces that oneDNN was given, not the whole in one go because it would not have some piece. */
static void shapes_decide_the_parts(void **state)
{
    (void)state;
    static const struct {
        int which, parts[KINDS];
    } wanted[] = {{0, {24, 24, 12}}, {2, {37, 37, 16}}, {3, {4, 4, 4}}, {5, {3, 3, 3}}};
    for (size_t i = 0; i < SD_COUNT(wanted) * KINDS; i++) {
        int kind = (int)(i % KINDS);
        problem p = problem_make(kind, cases[wanted[i / KINDS].which], 0);
        prepared r = prepare(&p);
        assert_int_equal(r.work.phases, 2);
        assert_int_equal(r.work.parts[kind == FILTER ? 0 : 1], wanted[i / KINDS].parts[kind]);
        r.kernel->release(r.work.state);
        problem_free(&p);
    }
}

static void threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for (size_t i = 0; i < SD_COUNT(cases) * KINDS; i++) {
        problem p = problem_make((int)(i % KINDS), cases[i / KINDS], 0);
        run(&p, NULL);
        uint64_t alone = result_hash(&p);
        for (int threads = 1; threads <= 4; threads *= 2) {
            sd_pool *pool;
            assert_ok(sd__pool_new(threads, &pool));
            memset(result(&p)->data, 0xff, result_count(&p) * sizeof(float));
            run(&p, pool);
            assert_true(alone == result_hash(&p));
            sd__pool_free(pool);
        }
        problem_free(&p);
    }
}

typedef struct racer {
    const prepared *prepared;
    float *out;
    uint64_t hash;
    bool same;
} racer;

static void *race(void *user)
{
    racer *r = user;
    size_t bytes = result_count(r->prepared->problem) * sizeof(float);
    r->same = true;
    for (int i = 0; i < 4; i++) {
        memset(r->out, 0xff, bytes);
        run_into(r->prepared, r->out, NULL);
        r->same = r->same && r->hash == sd__hash(SD_HASH_START, r->out, bytes);
    }
    return NULL;
}

static void race_all(problem *p, const prepared *r)
{
    enum { RACERS = 6 }; /* more than there are argument sets */
    racer racers[RACERS];
    pthread_t thread[RACERS];
    for (int i = 0; i < RACERS; i++) {
        racers[i] = (racer){r, malloc(result_count(p) * sizeof(float)), result_hash(p), false};
        assert_non_null(racers[i].out);
        assert_int_equal(pthread_create(&thread[i], NULL, race, &racers[i]), 0);
    }
    for (int i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_true(racers[i].same);
        free(racers[i].out);
    }
}

/* Many runs of one plan at the same time, each with memory of its own. */
static void concurrent_runs_share_a_state(void **state)
{
    (void)state;
    const size_t which[] = {0, 3, 9}; /* oneDNN's GEMM, batch-reduced GEMM, and direct code with scratch memory among them */
    for (size_t i = 0; i < SD_COUNT(which) * KINDS; i++) {
        problem p = problem_make((int)(i % KINDS), cases[which[i / KINDS]], 0);
        prepared r = prepare(&p);
        run_into(&r, result(&p)->data, NULL);
        race_all(&p, &r);
        r.kernel->release(r.work.state);
        problem_free(&p);
    }
}

/* ---- host programs that use OpenMP --------------------------------------------------------------------------------------- */

/* The same for every host: numbers that no seed changes, from every case and kind. */
static uint64_t hash_of_all(void)
{
    uint64_t hash = SD_HASH_START;
    for (size_t i = 0; i < SD_COUNT(cases) * KINDS; i++) {
        problem p = problem_make((int)(i % KINDS), cases[i / KINDS], 0);
        run(&p, NULL);
        hash = sd__hash(hash, result(&p)->data, result_count(&p) * sizeof(float));
        problem_free(&p);
    }
    return hash;
}

static _Atomic uint64_t region_hash;

static void nothing(void *user) { (void)user; }

static void hash_in_region(void *user)
{
    static _Atomic int first;
    (void)user;
    if (first++ == 0) /* one thread of the team works, the others wait at the region's end */
        region_hash = hash_of_all();
}

static int thread_count(void)
{
    int n = 0;
    DIR *dir = opendir("/proc/self/task");
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    if (dir)
        closedir(dir);
    return n;
}

/* What the child does: mode "plain" or "region". In a region, the team is there before the count of threads starts. */
static int host(const char *mode)
{
    bool region = strcmp(mode, "region") == 0;
    int openmp = omp_get_max_threads();
    if (region)
        GOMP_parallel(nothing, NULL, 2, 0);
    int threads = thread_count();
    if (region)
        GOMP_parallel(hash_in_region, NULL, 2, 0);
    uint64_t hash = region ? region_hash : hash_of_all();
    printf("\nhash %016llx\n", (unsigned long long)hash);
    if (thread_count() == threads && omp_get_max_threads() == openmp)
        return 0;
    fprintf(stderr, "threads: %d before, %d after; OpenMP's number: %d before, %d after\n", threads, thread_count(), openmp,
            omp_get_max_threads());
    return 1;
}

static uint64_t host_hash(const char *program, const char *omp_threads, const char *mode)
{
    char command[512], line[256];
    unsigned long long hash = 0;
    snprintf(command, sizeof command, "OMP_NUM_THREADS=%s timeout 60 '%s' --host %s", omp_threads, program, mode);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    while (fgets(line, sizeof line, pipe))
        sscanf(line, "hash %llx", &hash);
    int status = pclose(pipe);
    if (status != 0 || hash == 0)
        fail_msg("%s: status %d", command, status);
    return hash;
}

static char program[256];

static void openmp_of_the_host_does_not_change_a_bit(void **state)
{
    (void)state;
    uint64_t wanted = host_hash(program, "1", "plain");
    assert_true(wanted == host_hash(program, "2", "plain"));
    assert_true(wanted == host_hash(program, "8", "plain"));
    assert_true(wanted == host_hash(program, "1", "region"));
    assert_true(wanted == host_hash(program, "8", "region"));
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--host") == 0)
        return host(argv[2]);
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[SD_MAX(length, 0)] = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes_agree_with_the_definition),
        cmocka_unit_test(chosen_shapes_agree_with_the_definition),
        cmocka_unit_test(strided_filter_is_taken),
        cmocka_unit_test(refuses_what_it_cannot_do),
        cmocka_unit_test(shapes_decide_the_parts),
        cmocka_unit_test(threads_do_not_change_a_bit),
        cmocka_unit_test(concurrent_runs_share_a_state),
        cmocka_unit_test(openmp_of_the_host_does_not_change_a_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
