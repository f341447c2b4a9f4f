/*
 * test_simd.c -- our own kernels: elementwise tiles against libm in double, products and the rest against sums written out.
 *
 * Every buffer ends at a page that must not be touched, so that reading or writing one element too far ends the test. Each
 * check runs at every CPU level that this machine has; where the bits must not depend on the level, they are compared.
 */
#define _GNU_SOURCE
#include "law.h"

#include <sonde/plan.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cpu.h"
#include "base/pool.h"
#include "kernels/simd/bytes.h"
#include "kernels/simd/simd.h"
#include "ops/matmul.h"
#include "ops/op.h"
#include "ops/pool.h"
#include "ops/random.h"
#include "ops/reduce.h"

/* ---- memory with a wall behind it ---- */

typedef struct wall {
    char *pages;
    size_t bytes; /* of pages, the wall included */
    void *data;
} wall;

/* `bytes` bytes that end where the wall begins. */
static wall wall_new(size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), rounded = (bytes + page - 1) / page * page;
    wall w = {.bytes = rounded + page};
    w.pages = mmap(NULL, w.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(w.pages != MAP_FAILED);
    assert_int_equal(mprotect(w.pages + rounded, page, PROT_NONE), 0);
    w.data = w.pages + rounded - bytes;
    return w;
}

static void wall_free(wall *w) { munmap(w->pages, w->bytes); }

#define EACH_LEVEL(level) for (sd_level level = SD_LEVEL_V2; level <= sd__vector_level(sd__cpu_level()); level++)

/* ---- elementwise functions against double ---- */

typedef struct function {
    const char *name;
    const sd_op *op;
    double (*exact)(double);
    double ulp; /* largest error allowed */
} function;

static double exact_rsqrt(double x) { return 1 / sqrt(x); }
static double exact_sigmoid(double x) { return 1 / (1 + exp(-x)); }

static const function functions[] = {
    {"exp", &sd__op_exp, exp, 1.0},       {"log", &sd__op_log, log, 0.9},
    {"log1p", &sd__op_log1p, log1p, 1.4}, {"tanh", &sd__op_tanh, tanh, 1.4},
    {"erf", &sd__op_erf, erf, 1.5},       {"sigmoid", &sd__op_sigmoid, exact_sigmoid, 2.5},
    {"sin", &sd__op_sin, sin, 2.5},       {"cos", &sd__op_cos, cos, 2.5},
    {"sqrt", &sd__op_sqrt, sqrt, 0.5001}, {"rsqrt", &sd__op_rsqrt, exact_rsqrt, 1.5},
};

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Error of y in units of the last place of the exact value; results below the normal range may be flushed to 0. */
static double ulps(float y, double exact)
{
    if (isnan(exact) || isnan(y))
        return isnan(exact) && isnan(y) ? 0 : INFINITY;
    float rounded = (float)exact;
    if (isinf(y) || isinf(rounded))
        return y == rounded ? 0 : isinf(y) && fabs(exact) > 0x1.fffffdp127 && (exact > 0) == (y > 0) ? 1 : INFINITY;
    if (fabs(exact) < 0x1p-126)
        return fabs((double)y) <= 0x1p-126 ? 0 : INFINITY;
    return fabs((double)y - exact) / (ldexp(1, ilogb(exact) - 23));
}

enum { CHUNK = 4096 };

static void sweep(const function *f, sd_level level, uint32_t stride)
{
    sd_tile *tile = sd__simd_tile(f->op, SD_F32, level, NULL);
    assert_non_null(tile);
    static float x[CHUNK], y[CHUNK];
    double worst = 0;
    float at = 0;
    uint64_t bits = (uint64_t)law_int(0, (int)stride - 1);
    while (bits <= UINT32_MAX) {
        size_t n = 0;
        for (; n < CHUNK && bits <= UINT32_MAX; bits += stride)
            x[n++] = float_of((uint32_t)bits);
        tile(n, (const void *[]){x}, y, NULL);
        for (size_t i = 0; i < n; i++) {
            double error = ulps(y[i], f->exact((double)x[i]));
            if (error > worst)
                worst = error, at = x[i];
        }
    }
    print_message("%-8s %s: %.3f ulp at %a (allowed %g)\n", f->name, sd__level_name(level), worst, (double)at, f->ulp);
    assert_true(worst <= f->ulp);
}

/* SONDE_ITERS=4999 or more: all floats. */
static void functions_are_as_accurate_as_they_say(void **state)
{
    uint32_t stride = (uint32_t)SD_MAX(4999 / law_trials(1), 1);
    for (size_t i = 0; i < SD_COUNT(functions); i++)
        sweep(&functions[i], sd__cpu_level(), stride);
}

/* In the mode of a run, where denormals count as 0, before and after. */
static void functions_are_accurate_without_denormals(void **state)
{
    unsigned mode = sd__fp_enter();
    for (size_t i = 0; i < SD_COUNT(functions); i++)
        sweep(&functions[i], sd__cpu_level(), 19997);
    sd__fp_leave(mode);
}

static void special_numbers_stay_special(void **state)
{
    static const float special[] = {0,         -0.0f, 1,      -1,     INFINITY, -INFINITY, NAN,    0x1p-149f,       -0x1p-149f,
                                    0x1p-126f, 88.8f, -88.8f, 104.5f, -104.5f,  1e30f,     -1e30f, 0x1.fffffep127f, 12801,
                                    -12799,    3e38f};
    EACH_LEVEL(level)
    for (size_t i = 0; i < SD_COUNT(functions); i++)
        for (size_t k = 0; k < SD_COUNT(special); k++) {
            float y;
            sd__simd_tile(functions[i].op, SD_F32, level, NULL)(1, (const void *[]){&special[k]}, &y, NULL);
            double exact = functions[i].exact((double)special[k]);
            if (ulps(y, exact) > functions[i].ulp)
                fail_msg("%s(%a) = %a at %s, wanted %a", functions[i].name, (double)special[k], (double)y,
                         sd__level_name(level), exact);
        }
}

static void powers_are_accurate(void **state)
{
    static const float special[] = {0,     -0.0f, 1,      -1,       2,         -2,  3,         -3,      0.5f,
                                    -0.5f, 1e30f, 1e-30f, INFINITY, -INFINITY, NAN, 0x1p-149f, 16777217};
    enum { N = SD_COUNT(special) };
    EACH_LEVEL(level)
    {
        sd_tile *tile = sd__simd_tile(&sd__op_pow, SD_F32, level, NULL);
        float a[N * N], b[N * N], y[N * N];
        for (int i = 0; i < N * N; i++)
            a[i] = special[i / N], b[i] = special[i % N];
        tile(N * N, (const void *[]){a, b}, y, NULL);
        for (int i = 0; i < N * N; i++)
            if (ulps(y[i], pow((double)a[i], (double)b[i])) > 0.51)
                fail_msg("pow(%a, %a) = %a", (double)a[i], (double)b[i], (double)y[i]);
        double worst = 0;
        for (int trial = 0; trial < law_trials(100); trial++) {
            float base[CHUNK], exponent[CHUNK], power[CHUNK];
            for (int i = 0; i < CHUNK; i++) {
                base[i] = float_of(sd__random_u32(law_random()) & 0x7fffffff);
                double most = 140 / fabs(log2((double)base[i]));
                exponent[i] = (float)((2 * sd__random_uniform(law_random()) - 1) * most);
            }
            tile(CHUNK, (const void *[]){base, exponent}, power, NULL);
            for (int i = 0; i < CHUNK; i++)
                worst = fmax(worst, ulps(power[i], pow((double)base[i], (double)exponent[i])));
        }
        print_message("pow %s: %.3f ulp (allowed 0.51)\n", sd__level_name(level), worst);
        assert_true(worst <= 0.51);
    }
}

/* ---- every tile: against the op's own, at every length, in place, between walls, the same bits at every level ---- */

typedef struct tile_case {
    const sd_op *op;
    sd_dtype operand[3], result;
    int64_t attr;
    double ulp; /* against the op's own tile */
} tile_case;

#define MATH_ULP 4
static const tile_case rows[] = {
#define FLOATS {SD_F32, SD_F32, SD_F32}, SD_F32
    {&sd__op_add, FLOATS, 0, 0},
    {&sd__op_sub, FLOATS, 0, 0},
    {&sd__op_mul, FLOATS, 0, 0},
    {&sd__op_div, FLOATS, 0, 0},
    {&sd__op_min, FLOATS, 0, 0},
    {&sd__op_max, FLOATS, 0, 0},
    {&sd__op_neg, FLOATS, 0, 0},
    {&sd__op_relu, FLOATS, 0, 0},
    {&sd__op_step, FLOATS, 0, 0},
    {&sd__op_abs, FLOATS, 0, 0},
    {&sd__op_sign, FLOATS, 0, 0},
    {&sd__op_sqrt, FLOATS, 0, 0},
    {&sd__op_rsqrt, FLOATS, 0, 0},
    {&sd__op_exp, FLOATS, 0, MATH_ULP},
    {&sd__op_log, FLOATS, 0, MATH_ULP},
    {&sd__op_log1p, FLOATS, 0, MATH_ULP},
    {&sd__op_tanh, FLOATS, 0, MATH_ULP},
    {&sd__op_sigmoid, FLOATS, 0, MATH_ULP},
    {&sd__op_erf, FLOATS, 0, MATH_ULP},
    {&sd__op_sin, FLOATS, 0, MATH_ULP},
    {&sd__op_cos, FLOATS, 0, MATH_ULP},
    {&sd__op_pow, FLOATS, 0, MATH_ULP},
    {&sd__op_compare, {SD_F32, SD_F32}, SD_U8, SD_EQ, 0},
    {&sd__op_compare, {SD_F32, SD_F32}, SD_U8, SD_NE, 0},
    {&sd__op_compare, {SD_F32, SD_F32}, SD_U8, SD_LT, 0},
    {&sd__op_compare, {SD_F32, SD_F32}, SD_U8, SD_LE, 0},
    {&sd__op_compare, {SD_F32, SD_F32}, SD_U8, SD_GT, 0},
    {&sd__op_compare, {SD_F32, SD_F32}, SD_U8, SD_GE, 0},
    {&sd__op_select, {SD_U8, SD_F32, SD_F32}, SD_F32, SD_F32, 0},
    {&sd__op_cast, {SD_F32}, SD_F64, SD_F64, 0},
    {&sd__op_cast, {SD_F32}, SD_I32, SD_I32, 0},
    {&sd__op_cast, {SD_F32}, SD_U8, SD_U8, 0},
    {&sd__op_cast, {SD_F32}, SD_BF16, SD_BF16, 0},
    {&sd__op_cast, {SD_F64}, SD_F32, SD_F32, 0},
    {&sd__op_cast, {SD_I32}, SD_F32, SD_F32, 0},
    {&sd__op_cast, {SD_U8}, SD_F32, SD_F32, 0},
    {&sd__op_cast, {SD_BF16}, SD_F32, SD_F32, 0},
};

/* Ordinary numbers, some of them equal, some special. */
static void draw_any(sd_dtype dtype, void *data, size_t n)
{
    static const float special[] = {0, -0.0f, NAN, INFINITY, -INFINITY, 1, 3e9f, -3e9f, 255, 255.5f, 2147483520.0f, 1.5f, 2.5f};
    for (size_t i = 0; i < n; i++) {
        float x = law_int(0, 5) ? (float)(4 * sd__random_normal(law_random())) : special[law_int(0, SD_COUNT(special) - 1)];
        if (dtype == SD_F32)
            ((float *)data)[i] = x;
        else if (dtype == SD_F64)
            ((double *)data)[i] = (double)x * (1 + 0x1p-30);
        else if (dtype == SD_I32)
            ((int32_t *)data)[i] = (int32_t)sd__random_u32(law_random());
        else if (dtype == SD_U8)
            ((uint8_t *)data)[i] = (uint8_t)law_int(0, 1) * (uint8_t)law_int(0, 255);
        else
            ((uint16_t *)data)[i] = (uint16_t)law_int(0, 0x7f80);
    }
}

static void compare_results(const tile_case *r, size_t n, const void *got, const void *wanted, sd_level level)
{
    for (size_t i = 0; i < n; i++) {
        if (r->result == SD_F32) {
            float a = ((const float *)got)[i], b = ((const float *)wanted)[i];
            if (a == b || (isnan(a) && isnan(b)) || ulps(a, (double)b) <= r->ulp)
                continue;
            fail_msg("%s at %s: element %zu of %zu is %a, wanted %a", r->op->name, sd__level_name(level), i, n, (double)a,
                     (double)b);
        }
        size_t size = sd_dtype_size(r->result);
        const char *a = (const char *)got + i * size, *b = (const char *)wanted + i * size;
        bool both_nan = r->result == SD_F64 && isnan(((const double *)got)[i]) && isnan(((const double *)wanted)[i]);
        if (memcmp(a, b, size) != 0 && !both_nan)
            fail_msg("%s to %s at %s: element %zu of %zu differs", r->op->name, sd_dtype_name(r->result), sd__level_name(level),
                     i, n);
    }
}

static void try_tile(const tile_case *r, sd_level level, size_t n, const wall *in, const void *wanted, void *first)
{
    sd_tile *tile = sd__simd_tile(r->op, r->operand[0], level, &r->attr);
    if (!tile)
        fail_msg("%s has no tile at %s", r->op->name, sd__level_name(level));
    wall out = wall_new(n * sd_dtype_size(r->result));
    const void *operand[] = {in[0].data, in[1].data, in[2].data};
    tile(n, operand, out.data, &r->attr);
    compare_results(r, n, out.data, wanted, level);
    if (level == SD_LEVEL_V2)
        memcpy(first, out.data, n * sd_dtype_size(r->result));
    if (r->result != SD_F32)
        assert_memory_equal(first, out.data, n * sd_dtype_size(r->result));
    else
        for (size_t i = 0; i < n; i++)
            assert_true(memcmp((char *)first + 4 * i, (char *)out.data + 4 * i, 4) == 0 || isnan(((float *)first)[i]));
    for (int i = 0; i < 3 && r->op->arity > i; i++) /* the result on top of an operand */
        if (r->operand[i] == r->result) {
            memcpy(out.data, in[i].data, n * sd_dtype_size(r->result));
            const void *over[] = {operand[0], operand[1], operand[2]};
            over[i] = out.data;
            tile(n, over, out.data, &r->attr);
            compare_results(r, n, out.data, wanted, level);
        }
    wall_free(&out);
}

static void tiles_do_what_the_ops_say(void **state)
{
    for (size_t k = 0; k < SD_COUNT(rows); k++)
        for (int trial = 0; trial < law_trials(40); trial++) {
            const tile_case *r = &rows[k];
            size_t n = trial < 36 ? (size_t)trial : (size_t)law_int(36, 1100);
            wall in[3] = {0};
            for (int i = 0; i < r->op->arity; i++) {
                in[i] = wall_new(n * sd_dtype_size(r->operand[i]));
                draw_any(r->operand[i], in[i].data, n);
            }
            char *wanted = malloc(n * 8 + 1), *first = malloc(n * 8 + 1);
            r->op->tile[r->operand[0]](n, (const void *[]){in[0].data, in[1].data, in[2].data}, wanted, &r->attr);
            EACH_LEVEL(level)
            try_tile(r, level, n, in, wanted, first);
            free(wanted), free(first);
            for (int i = 0; i < r->op->arity; i++)
                wall_free(&in[i]);
        }
}

/* ---- running a kernel by hand ---- */

typedef struct call {
    sd_call call;
    sd_tensor in[SD_MAX_IN], out[SD_MAX_OUT];
    wall in_wall[SD_MAX_IN], out_wall[SD_MAX_OUT];
} call;

/* A fresh operand with random numbers; axes lie in memory in the order `order` (outermost first; NULL: row-major). */
static sd_tensor *add_operand(call *c, sd_shape shape, const int *order)
{
    int i = c->call.n_in++;
    int64_t count = sd_shape_count(shape), stride = 1;
    c->in_wall[i] = wall_new((size_t)count * 4);
    sd_tensor *t = &c->in[i];
    *t = sd_tensor_dense(c->in_wall[i].data, SD_F32, shape);
    for (int k = shape.rank - 1; order && k >= 0; k--) {
        t->stride[order[k]] = stride;
        stride *= shape.dim[order[k]];
    }
    law_draw(t->data, (size_t)count, -1, 1);
    c->call.in = c->in;
    return t;
}

static sd_tensor *add_result(call *c, sd_dtype dtype, sd_shape shape)
{
    int i = c->call.n_out++;
    c->out_wall[i] = wall_new((size_t)sd_shape_count(shape) * sd_dtype_size(dtype));
    c->out[i] = sd_tensor_dense(c->out_wall[i].data, dtype, shape);
    c->call.out = c->out;
    return &c->out[i];
}

static void call_free(call *c)
{
    for (int i = 0; i < c->call.n_in; i++)
        wall_free(&c->in_wall[i]);
    for (int i = 0; i < c->call.n_out; i++)
        wall_free(&c->out_wall[i]);
}

static void run_phase(const sd_kernel *kernel, sd_args args, int parts, bool backwards)
{
    for (int p = 0; p < parts; p++) {
        args.part = backwards ? parts - 1 - p : p;
        kernel->run(&args);
    }
}

/* After SD_KEEP the fixed operand (there is one at most) is not read again: meanwhile it holds NaN. */
static void run_phases(const call *c, const sd_kernel *kernel, const sd_work *work, sd_args args, bool backwards)
{
    const sd_tensor *fixed = &c->in[c->call.fixed >> 1];
    size_t bytes = work->kept ? (size_t)sd_shape_count(fixed->shape) * sizeof(float) : 0;
    void *saved = malloc(bytes + 1);
    if (work->kept) {
        args.phase = SD_KEEP;
        run_phase(kernel, args, work->keepers, backwards);
        memcpy(saved, fixed->data, bytes);
        memset(fixed->data, 0xff, bytes);
    }
    for (args.phase = 0; args.phase < work->phases; args.phase++)
        run_phase(kernel, args, work->parts[args.phase], backwards);
    if (work->kept)
        memcpy(fixed->data, saved, bytes);
    free(saved);
}

/* Runs the call at a level; parts in falling order if `backwards`: none may need another of its phase. False: not taken. */
static bool run_call(call *c, sd_level level, bool backwards)
{
    sd_call plan = c->call;
    sd_tensor in[SD_MAX_IN], out[SD_MAX_OUT];
    for (int i = 0; i < plan.n_in; i++)
        in[i] = c->in[i], in[i].data = NULL;
    for (int i = 0; i < plan.n_out; i++)
        out[i] = c->out[i], out[i].data = NULL;
    plan.in = in, plan.out = out, plan.level = level;
    const sd_kernel *kernel = sd__provider_simd.find(&plan);
    if (!kernel)
        return false;
    sd_work work = {.phases = 1, .parts = {1}};
    if (kernel->prepare)
        assert_ok(kernel->prepare(&plan, &work));
    wall scratch = wall_new((work.scratch + 63) / 64 * 64), kept = wall_new(work.kept);
    memset(scratch.data, 0xff, work.scratch); /* NaN */
    memset(kept.data, 0xff, work.kept);
    for (int i = 0; i < plan.n_out; i++)
        memset(out[i].data = c->out[i].data, 0xff, (size_t)sd_shape_count(out[i].shape) * sd_dtype_size(out[i].dtype));
    sd_args args = {.op = plan.op,
                    .n_in = plan.n_in,
                    .n_out = plan.n_out,
                    .in = c->in,
                    .out = c->out,
                    .attr = plan.attr,
                    .state = work.state,
                    .scratch = scratch.data,
                    .kept = kept.data};
    run_phases(c, kernel, &work, args, backwards);
    if (kernel->release)
        kernel->release(work.state);
    wall_free(&scratch);
    wall_free(&kept);
    return true;
}

/* ---- products ---- */

static double at(const sd_tensor *t, const int64_t *index)
{
    int64_t offset = 0;
    for (int i = 0; i < t->shape.rank; i++)
        offset += index[i] * t->stride[i];
    return (double)((const float *)t->data)[offset];
}

/* C's element must lie within k roundings of the sum of products: |error| <= 2^-24 k sum |a||b|, generously. */
static void check_product(const call *c, const sd_matmul_attr *attr, sd_level level)
{
    const sd_tensor *a = &c->in[0], *b = &c->in[1], *y = &c->out[0];
    int rank = y->shape.rank, row = rank - 2, column = rank - 1;
    int64_t k = a->shape.dim[attr->transposed_a ? row : column], index[SD_MAX_RANK] = {0};
    for (int64_t e = 0; e < sd_shape_count(y->shape); e++) {
        int64_t rest = e, ia[SD_MAX_RANK], ib[SD_MAX_RANK];
        for (int i = rank - 1; i >= 0; i--) {
            index[i] = rest % y->shape.dim[i];
            rest /= y->shape.dim[i];
            ia[i] = ib[i] = index[i];
        }
        double sum = 0, size = 0;
        for (int64_t i = 0; i < k; i++) {
            ia[attr->transposed_a ? column : row] = index[row], ia[attr->transposed_a ? row : column] = i;
            ib[attr->transposed_b ? row : column] = index[column], ib[attr->transposed_b ? column : row] = i;
            double product = at(a, ia) * at(b, ib);
            sum += product;
            size += fabs(product);
        }
        if (c->call.n_in == 3) {
            double bias = at(&c->in[2], &index[column]);
            sum += bias;
            size += fabs(bias);
        }
        double got = (double)((const float *)y->data)[e], allowed = 0x1p-23 * (1 + sqrt((double)k)) * size;
        if (!(fabs(got - sum) <= allowed))
            fail_msg("%s at %s: element %lld is %.9g, wanted %.9g; m,n,k = %lld,%lld,%lld", c->call.op->name,
                     sd__level_name(level), (long long)e, got, sum, (long long)y->shape.dim[row],
                     (long long)y->shape.dim[column], (long long)k);
    }
}

/* Runs at every level, forwards and backwards through the parts. */
static void check_call(call *c, void (*check)(const call *c, const void *attr, sd_level level))
{
    size_t bytes = (size_t)sd_shape_count(c->out[0].shape) * sd_dtype_size(c->out[0].dtype);
    char *forwards = malloc(bytes);
    EACH_LEVEL(level)
    {
        if (!run_call(c, level, false))
            fail_msg("%s is not taken", c->call.op->name);
        check(c, c->call.attr, level);
        memcpy(forwards, c->out[0].data, bytes);
        run_call(c, level, true);
        assert_memory_equal(forwards, c->out[0].data, bytes);
    }
    free(forwards);
}

/* The op's kin that ends in a ReLU, or (with a third operand y) in the slope of one: the same bits, then clipped or multiplied. */
static void check_kin(call *c, const sd_op *kin, const float *y)
{
    int64_t count = sd_shape_count(c->out[0].shape);
    float *wanted = malloc((size_t)count * sizeof *wanted), *got = c->out[0].data;
    call other = *c;
    other.call.op = kin;
    c->call.n_in -= y ? 1 : 0;
    EACH_LEVEL(level)
    {
        run_call(c, level, false);
        memcpy(wanted, got, (size_t)count * sizeof *wanted);
        assert_true(run_call(&other, level, false));
        for (int64_t e = 0; e < count; e++) {
            float slope = y && isnan(y[e]) ? y[e] : (float)(y ? y[e] > 0 : wanted[e] > 0);
            if (got[e] != wanted[e] * slope && !(isnan(got[e]) && isnan(slope)))
                fail_msg("%s: element %lld is %.9g, wanted %.9g", kin->name, (long long)e, (double)got[e],
                         (double)(wanted[e] * slope));
        }
    }
    c->call.n_in += y ? 1 : 0;
    free(wanted);
}

/* Products of one row or column are tried with none, the first, and the second operand fixed. */
static unsigned most_fixed(int64_t m, int64_t n) { return m == 1 || n == 1 ? 2 : 0; }

static void check_matmul(const call *c, const void *attr, sd_level level) { check_product(c, attr, level); }

static void try_matmul(int64_t batch, int64_t m, int64_t n, int64_t k, sd_matmul_attr attr, const int *order_a,
                       const int *order_b)
{
    call c = {.call = {.op = &sd__op_matmul, .attr = &attr}};
    add_operand(&c, attr.transposed_a ? SD_SHAPE(batch, k, m) : SD_SHAPE(batch, m, k), order_a);
    add_operand(&c, attr.transposed_b ? SD_SHAPE(batch, n, k) : SD_SHAPE(batch, k, n), order_b);
    add_result(&c, SD_F32, SD_SHAPE(batch, m, n));
    float *y = add_operand(&c, SD_SHAPE(batch, m, n), NULL)->data;
    y[0] = law_int(0, 1) ? NAN : 0;
    for (; c.call.fixed <= most_fixed(m, n); c.call.fixed++) {
        c.call.n_in = 2;
        check_call(&c, check_matmul);
        c.call.n_in = 3;
        check_kin(&c, &sd__op_matmul_relu_grad, y);
    }
    call_free(&c);
}

static void products_are_sums_of_products(void **state)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}};
    for (int trial = 0; trial < law_trials(150); trial++) {
        int most = trial % 3 ? 40 : 100;
        int64_t size[3];
        for (int i = 0; i < 3; i++)
            size[i] = law_int(0, 4) ? law_int(1, most) : 1;
        sd_matmul_attr attr = {law_int(0, 1), law_int(0, 1)};
        int batch = law_int(0, 2) ? 1 : law_int(2, 4);
        try_matmul(batch, size[0], size[1], size[2], attr, orders[law_int(0, 5)], orders[law_int(0, 5)]);
    }
}

/* Sizes at which a product is cut in another way: k in blocks, k in parts, one row, one column, copied A, turned, many parts. */
static void products_of_every_cut(void **state)
{
    static const int64_t size[][4] = {
        {1, 33, 65, 700}, {1, 10, 12, 5000}, {1, 1, 515, 1200}, {1, 1, 40, 3001}, {1, 300, 1, 700},  {1, 1, 1, 70000},
        {1, 1, 3, 9000},  {1, 30, 140, 512}, {1, 90, 310, 60},  {40, 9, 33, 17},  {1, 64, 100, 784}, {3, 1, 200, 90},
        {1, 1, 9000, 3},  {1, 7, 2100, 20},  {2, 9, 10, 3000},  {1, 130, 3, 90},  {1, 1, 130, 7},    {1, 1, 90, 33}};
    for (size_t i = 0; i < SD_COUNT(size); i++)
        for (int t = 0; t < 4; t++)
            try_matmul(size[i][0], size[i][1], size[i][2], size[i][3], (sd_matmul_attr){t & 1, t >> 1}, NULL, NULL);
    try_matmul(2, 9, 130, 512, (sd_matmul_attr){0, 0}, NULL, NULL); /* A copied, over a batch */
    try_matmul(1, 9000, 10, 3, (sd_matmul_attr){1, 0}, NULL, NULL); /* turned in several parts */
}

static void check_dense(const call *c, const void *attr, sd_level level) { check_product(c, &(sd_matmul_attr){0, 0}, level); }

static void try_dense(int64_t m, int64_t n, int64_t k)
{
    for (int transposed = 0; transposed < 2; transposed++) {
        call c = {.call = {.op = &sd__op_dense}};
        add_operand(&c, SD_SHAPE(m, k), NULL);
        add_operand(&c, SD_SHAPE(k, n), transposed ? (const int[]){1, 0} : NULL);
        add_operand(&c, SD_SHAPE(n), NULL);
        add_result(&c, SD_F32, SD_SHAPE(m, n));
        for (; c.call.fixed <= most_fixed(m, n); c.call.fixed++) {
            check_call(&c, check_dense);
            check_kin(&c, &sd__op_dense_relu, NULL);
        }
        call_free(&c);
    }
}

static void dense_adds_its_bias(void **state)
{
    static const int64_t size[][3] = {{32, 100, 784}, {32, 10, 100}, {1, 1024, 300}, {1, 10, 1024},  {5, 1, 70},    {1, 1, 9},
                                      {8, 10, 6000},  {17, 33, 65},  {64, 48, 1000}, {1, 2000, 700}, {1, 6000, 520}};
    for (size_t i = 0; i < SD_COUNT(size); i++)
        try_dense(size[i][0], size[i][1], size[i][2]);
}

/* Many rows: B packed whole, in several ranges of k, over a batch, cut along columns, beside strides of 2 KB. */
static void tall_products_are_sums_of_products(void **state)
{
    static const int64_t size[][4] = {{1, 300, 70, 700}, {2, 290, 33, 200}, {1, 257, 1700, 200}, {1, 512, 40, 256}};
    for (size_t i = 0; i < SD_COUNT(size); i++)
        for (int t = 0; t < 4; t++)
            try_matmul(size[i][0], size[i][1], size[i][2], size[i][3], (sd_matmul_attr){t & 1, t >> 1}, NULL, NULL);
    try_matmul(1, 257, 1030, 1030, (sd_matmul_attr){1, 0}, NULL, NULL);
    try_dense(300, 100, 400);
}

/* ---- every other kernel against the reference provider ---- */

typedef struct operand {
    sd_dtype dtype;
    sd_shape shape;
    double lo, hi;
    const int *order;           /* of axes in memory, outermost first; NULL: row-major */
    bool repeated;              /* one element, all strides 0 */
    void (*fill)(sd_tensor *t); /* draws it; NULL: uniformly, numbers or integers between lo and hi */
} operand;

typedef struct trial {
    const sd_op *op;
    const void *attr;
    int n;
    operand in[5];
    double tolerance; /* 0: the same bits as the reference */
} trial;

/* Whole numbers, so that equal ones occur, and a NaN now and then. */
static void fill_coarse(sd_tensor *t)
{
    for (int64_t i = 0; i < sd_shape_count(t->shape); i++)
        ((float *)t->data)[i] = law_int(0, 30) ? (float)law_int(-2, 2) : NAN;
}

static void draw_operand(const operand *o, call *c)
{
    sd_tensor *t = add_operand(c, o->repeated ? sd_scalar_shape() : o->shape, o->order);
    int64_t count = sd_shape_count(t->shape);
    t->dtype = o->dtype;
    for (int64_t i = 0; i < count && !o->fill; i++)
        if (o->dtype == SD_F32)
            ((float *)t->data)[i] = (float)(o->lo + (o->hi - o->lo) * sd__random_uniform(law_random()));
        else
            ((int32_t *)t->data)[i] = law_int((int)o->lo, (int)o->hi);
    if (o->repeated)
        memset(t->stride, 0, sizeof t->stride);
    t->shape = o->shape;
    if (o->fill)
        o->fill(t);
}

/* The operand's elements in row-major order, as a feed wants them. */
static void *dense_copy(const sd_tensor *t)
{
    int64_t count = sd_shape_count(t->shape);
    int32_t *copy = malloc((size_t)count * 4);
    for (int64_t e = 0; e < count; e++) {
        int64_t rest = e, offset = 0;
        for (int i = t->shape.rank - 1; i >= 0; i--) {
            offset += rest % t->shape.dim[i] * t->stride[i];
            rest /= t->shape.dim[i];
        }
        copy[e] = ((const int32_t *)t->data)[offset];
    }
    return copy;
}

/* Results of the op on the reference provider, and room for them in the call. */
static void evaluate(const trial *t, call *c, void **wanted)
{
    static const char *const slot[] = {"a", "b", "c", "d", "e"};
    sd_context *context;
    assert_ok(sd_context_new(&(sd_context_options){.threads = 1, .kernels = "reference"}, &context));
    sd_graph *graph = sd_graph_new();
    sd_node in[5];
    sd_feed feed[6] = {{0}};
    for (int i = 0; i < t->n; i++) {
        in[i] = sd_input(graph, slot[i], t->in[i].dtype, t->in[i].shape);
        feed[i] = (sd_feed){slot[i], dense_copy(&c->in[i])};
    }
    sd_node y = sd__append(graph, t->op, t->attr, t->n, in);
    if (sd_graph_status(graph) != SD_OK)
        fail_msg("%s", sd_graph_message(graph));
    for (int k = 0; sd_node_ok(sd_node_result(y, k)) && k < SD_MAX_OUT; k++) {
        sd_node result = sd_node_result(y, k);
        sd_tensor *out = add_result(c, sd_node_dtype(result), sd_node_shape(result));
        wanted[k] = malloc((size_t)sd_shape_count(out->shape) * 4);
        sd_feed used[6];
        memcpy(used, feed, sizeof used);
        assert_ok(sd_eval(context, result, used, wanted[k]));
        if (k + 1 == (int)sd__data(y)->n_out)
            break;
    }
    for (int i = 0; i < t->n; i++)
        free(feed[i].data);
    sd_graph_free(graph);
    sd_context_free(context);
}

static void compare_with_reference(const trial *t, const call *c, void *const *wanted, sd_level level)
{
    for (int k = 0; k < c->call.n_out; k++) {
        int64_t count = sd_shape_count(c->out[k].shape);
        double square = 0;
        for (int64_t i = 0; i < count && c->out[k].dtype == SD_F32; i++)
            square += (double)((float *)wanted[k])[i] * (double)((float *)wanted[k])[i];
        double rms = sqrt(square / (double)count);
        for (int64_t i = 0; i < count; i++) {
            float got = ((float *)c->out[k].data)[i], exact = ((float *)wanted[k])[i];
            if (memcmp(&got, &exact, 4) == 0)
                continue;
            double error = fabs((double)got - (double)exact);
            if (c->out[k].dtype != SD_F32 || !(error <= t->tolerance * (rms + fabs((double)exact))))
                fail_msg("%s at %s: result %d, element %lld of %lld is %a, wanted %a", t->op->name, sd__level_name(level), k,
                         (long long)i, (long long)count, (double)got, (double)exact);
        }
    }
}

/* At every level, forwards and backwards; the same bits everywhere. */
static void check_trial(const trial *t)
{
    call c = {.call = {.op = t->op, .attr = t->attr}};
    void *wanted[SD_MAX_OUT] = {0}, *first[SD_MAX_OUT] = {0};
    for (int i = 0; i < t->n; i++)
        draw_operand(&t->in[i], &c);
    evaluate(t, &c, wanted);
    EACH_LEVEL(level)
    for (int backwards = 0; backwards < 2; backwards++) {
        if (!run_call(&c, level, backwards))
            fail_msg("%s is not taken", t->op->name);
        compare_with_reference(t, &c, wanted, level);
        for (int k = 0; k < c.call.n_out; k++) {
            size_t bytes = (size_t)sd_shape_count(c.out[k].shape) * 4;
            if (!first[k])
                first[k] = memcpy(malloc(bytes), c.out[k].data, bytes);
            assert_memory_equal(first[k], c.out[k].data, bytes);
        }
    }
    for (int k = 0; k < c.call.n_out; k++)
        free(wanted[k]), free(first[k]);
    call_free(&c);
}

#define COARSE(...)                                                    \
    {                                                                  \
        SD_F32, SD_SHAPE(__VA_ARGS__), -2, 2, NULL, false, fill_coarse \
    }
#define REAL(...)                                               \
    {                                                           \
        SD_F32, SD_SHAPE(__VA_ARGS__), -2, 2, NULL, false, NULL \
    }

static void reductions(void **state)
{
    static const struct {
        int64_t dim[4];
        uint32_t axes;
    } c[] = {{{1, 1, 1, 70001}, 8}, {{3, 1, 50, 1030}, 12}, {{1, 1, 7000, 10}, 4}, {{4, 40, 9, 33}, 6},
             {{1, 5000, 3, 16}, 2}, {{70, 1, 1, 65}, 1},    {{2, 3, 5, 7}, 15},    {{3, 200, 1, 48}, 2},
             {{64, 8, 8, 24}, 7},   {{900, 1, 1, 3}, 8},    {{40, 300, 5, 20}, 2}};
    for (size_t i = 0; i < SD_COUNT(c); i++)
        for (uint32_t keep = 0; keep < 2; keep++) {
            sd_reduce_attr attr = {c[i].axes, keep};
            operand x = REAL(c[i].dim[0], c[i].dim[1], c[i].dim[2], c[i].dim[3]);
            check_trial(&(trial){&sd__op_sum, &attr, 1, {x}, 0});
            if (c[i].axes & 8)
                check_trial(&(trial){&sd__op_reduce_max, &attr, 1, {x}, 0});
        }
    for (int trial_ = 0; trial_ < law_trials(20); trial_++) {
        int64_t axis = 1;
        operand x = REAL(law_int(1, 300), law_int(1, 70)), y = COARSE(law_int(1, 300), law_int(1, 70));
        sd_reduce_attr last = {SD_AXIS(1), 0};
        check_trial(&(trial){&sd__op_argmax, &axis, 1, {x}, 0});
        check_trial(&(trial){&sd__op_argmax, &axis, 1, {y}, 0});
        check_trial(&(trial){&sd__op_reduce_max, &last, 1, {y}, 0});
    }
}

static void softmax_and_losses(void **state)
{
    static const int64_t size[][2] = {{1, 1}, {5, 10}, {33, 17}, {400, 100}, {3, 3000}, {64, 1000}, {2000, 3}};
    for (size_t i = 0; i < SD_COUNT(size); i++)
        for (int smooth = 0; smooth < 2; smooth++) {
            int64_t height = size[i][0], n = size[i][1];
            double smoothing = 0.1 * smooth;
            operand x = {SD_F32, SD_SHAPE(height, n), -30, 30, NULL, false, NULL},
                    y = {SD_F32, x.shape, 0, 1, NULL, false, NULL};
            operand labels = {SD_I32, SD_SHAPE(height), 0, (double)n - 1, NULL, false, NULL}, dy = REAL(height);
            dy.repeated = smooth;
            check_trial(&(trial){&sd__op_softmax, NULL, 1, {x}, 1e-5});
            check_trial(&(trial){&sd__op_log_softmax, NULL, 1, {x}, 1e-5});
            check_trial(&(trial){&sd__op_softmax_grad, NULL, 2, {y, x}, 1e-4});
            check_trial(&(trial){&sd__op_softmax_cross_entropy, &smoothing, 2, {x, labels}, 1e-5});
            check_trial(&(trial){&sd__op_softmax_cross_entropy_grad, &smoothing, 3, {y, labels, dy}, 1e-5});
        }
}

static void a_label_that_does_not_exist_gives_nan(void **state)
{
    EACH_LEVEL(level)
    {
        double smoothing = 0;
        call c = {.call = {.op = &sd__op_softmax_cross_entropy, .attr = &smoothing}};
        draw_operand(&(operand)REAL(3, 10), &c);
        draw_operand(&(operand){SD_I32, SD_SHAPE(3), 0, 9, NULL, false, NULL}, &c);
        ((int32_t *)c.in[1].data)[0] = -1;
        ((int32_t *)c.in[1].data)[2] = 10;
        add_result(&c, SD_F32, SD_SHAPE(3));
        add_result(&c, SD_F32, SD_SHAPE(3, 10));
        assert_true(run_call(&c, level, false));
        const float *loss = c.out[0].data;
        assert_true(isnan(loss[0]) && isfinite(loss[1]) && isnan(loss[2]));
        call_free(&c);
    }
}

static void norms(void **state)
{
    static const int64_t size[][2] = {{2, 1},     {5, 10},    {64, 16}, {65, 33}, {1000, 24},
                                      {3000, 16}, {257, 100}, {4, 700}, {600, 64}};
    double epsilon = 1e-5;
    for (size_t i = 0; i < SD_COUNT(size); i++) {
        int64_t height = size[i][0], n = size[i][1];
        operand x = {SD_F32, SD_SHAPE(height, n), 3, 5, NULL, false, NULL}, dy = REAL(height, n), channel = REAL(n),
                row = {SD_F32, SD_SHAPE(height), 3, 5, NULL, false, NULL};
        operand mean = {SD_F32, SD_SHAPE(n), 3, 5, NULL, false, NULL},
                variance = {SD_F32, SD_SHAPE(n), 0.5, 2, NULL, false, NULL};
        operand row_variance = {SD_F32, SD_SHAPE(height), 0.5, 2, NULL, false, NULL};
        check_trial(&(trial){&sd__op_bias_relu, NULL, 2, {dy, channel}, 0});
        check_trial(&(trial){&sd__op_bias_relu_grad, NULL, 2, {dy, dy}, 0});
        check_trial(&(trial){&sd__op_batch_norm, &epsilon, 3, {x, channel, channel}, 3e-5});
        check_trial(&(trial){&sd__op_batch_norm_eval, &epsilon, 5, {x, channel, channel, mean, variance}, 1e-5});
        check_trial(&(trial){&sd__op_batch_norm_grad, &epsilon, 5, {x, channel, mean, variance, dy}, 3e-5});
        check_trial(&(trial){&sd__op_layer_norm_grad, &epsilon, 5, {x, channel, row, row_variance, dy}, 3e-5});
        if (n > 1)
            check_trial(&(trial){&sd__op_layer_norm, &epsilon, 3, {x, channel, channel}, 3e-5});
    }
}

/*
 * Values near 10,000 with a spread of 1: the variance must survive. The mean is stored in fp32, half a unit in whose last place
 * is 4.9e-4 there; over a deviation of 1/sqrt(12) that is 1.7e-3 in what is normalised, and scales of 0.5 to 1 keep it below
 * 3.4e-3 of the results' size. A variance by E[x^2] - E[x]^2 is off by more than 1.
 */
static void variance_far_from_zero(void **state)
{
    double epsilon = 0;
    operand x = {SD_F32, SD_SHAPE(1000, 20), 9999.5, 10000.5, NULL, false, NULL},
            channel = {SD_F32, SD_SHAPE(20), 0.5, 1, NULL, false, NULL},
            wide = {SD_F32, SD_SHAPE(20, 1000), 9999.5, 10000.5, NULL, false, NULL},
            many = {SD_F32, SD_SHAPE(1000), 0.5, 1, NULL, false, NULL};
    check_trial(&(trial){&sd__op_batch_norm, &epsilon, 3, {x, channel, channel}, 3.4e-3});
    check_trial(&(trial){&sd__op_layer_norm, &epsilon, 3, {wide, many, many}, 3.4e-3});
}

/* Numbers among which are a NaN and zeros of both signs. */
static void fill_special(sd_tensor *t)
{
    static const float special[] = {0, -0.0f, NAN, 1e-30f};
    for (int64_t i = 0; i < sd_shape_count(t->shape); i++)
        ((float *)t->data)[i] = law_int(0, 2) ? (float)law_int(-9, 9) / 8 : special[law_int(0, SD_COUNT(special) - 1)];
}

/* Winners of windows of 2 x 2 side by side. */
static void fill_pairs(sd_tensor *t)
{
    const int64_t *d = t->shape.dim;
    for (int64_t i = 0; i < sd_shape_count(t->shape); i++) {
        int64_t row = i / d[3] / d[2] % d[1], column = i / d[3] % d[2];
        ((int32_t *)t->data)[i] = (int32_t)((2 * row + law_int(0, 1)) * 2 * d[2] + 2 * column + law_int(0, 1));
    }
}

/* The same but for one, in the last image: in a neighbouring window, or none at all. */
static void fill_all_but_one(sd_tensor *t)
{
    const int64_t *d = t->shape.dim, image = d[1] * d[2] * d[3];
    int32_t *one = (int32_t *)t->data + (d[0] - 1) * image + law_int(0, (int)image - 1);
    fill_pairs(t);
    *one = law_int(0, 1) ? (*one + 2) % (int32_t)(4 * d[1] * d[2]) : law_int(0, 1) ? -1 : (int32_t)(4 * d[1] * d[2]);
}

static void winners_move(void **state)
{
    void (*const fill[])(sd_tensor * t) = {fill_pairs, fill_all_but_one};
    for (int i = 0; i < law_trials(100); i++) {
        const int64_t channels = i % 4 ? 16 * law_int(1, 3) : law_int(1, 40);
        sd_shape shape = SD_SHAPE(law_int(1, 19), law_int(1, 5), law_int(1, 5), channels);
        sd_pool_index_attr place = {{2 * shape.dim[1], 2 * shape.dim[2]}};
        operand y = {.dtype = SD_F32, .shape = shape, .fill = fill_special};
        operand index = {.dtype = SD_I32, .shape = shape, .fill = fill[i / 4 % 2]};
        operand x = {.dtype = SD_F32, .shape = SD_SHAPE(shape.dim[0], place.image[0], place.image[1], channels)};
        x.fill = fill_special;
        check_trial(&(trial){&sd__op_pool_scatter, &place, 2, {y, index}, 0});
        check_trial(&(trial){&sd__op_pool_gather, &place, 2, {x, index}, 0});
    }
}

static void pools(void **state)
{
    static const struct {
        int64_t image[2], channels;
        sd_window window;
    } c[] = {{{8, 8}, 16, {{2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}, 1}},
             {{9, 7}, 5, {{3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}, 1}},
             {{14, 14}, 33, {{2, 3}, {1, 2}, {1, 0}, {0, 2}, {1, 1}, 1}},
             {{6, 6}, 40, {{6, 6}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, 1}}};
    for (size_t i = 0; i < SD_COUNT(c); i++)
        for (int64_t images = 1; images < 20; images += 17) {
            sd_pool_attr attr = {c[i].window, {c[i].image[0], c[i].image[1]}};
            sd_pool_index_attr place = {{c[i].image[0], c[i].image[1]}};
            int64_t h = sd__window_positions(&attr, 0), w = sd__window_positions(&attr, 1), n = c[i].channels;
            operand x = REAL(images, place.image[0], place.image[1], n), y = REAL(images, h, w, n);
            operand index = {SD_I32, y.shape, -1, (double)(place.image[0] * place.image[1]), NULL, false, NULL};
            operand ties = COARSE(images, place.image[0], place.image[1], n);
            check_trial(&(trial){&sd__op_maxpool, &attr, 1, {x}, 0});
            check_trial(&(trial){&sd__op_maxpool, &attr, 1, {ties}, 0});
            check_trial(&(trial){&sd__op_avgpool, &attr, 1, {x}, 1e-6});
            check_trial(&(trial){&sd__op_avgpool_dx, &attr, 1, {y}, 1e-6});
            check_trial(&(trial){&sd__op_pool_gather, &place, 2, {x, index}, 0});
            check_trial(&(trial){&sd__op_pool_scatter, &place, 2, {y, index}, 0});
        }
}

static void random_numbers(void **state)
{
    static const int64_t size[][2] = {{1, 1}, {3, 5}, {2, 64}, {5, 65}, {1, 40000}, {70, 700}};
    for (size_t i = 0; i < SD_COUNT(size); i++) {
        int64_t samples = size[i][0], n = size[i][1];
        sd_random_attr attr = {.key = 0x0123456789abcdef + i, .dtype = SD_F32, .rank = 1, .inner = {n}};
        struct {
            double rate;
            uint64_t key;
        } dropout = {0.3, 77 + i};
        operand step = {SD_I32, sd_scalar_shape(), 0, 1e6, NULL, false, NULL},
                ids = {SD_I32, SD_SHAPE(samples), 0, 1e6, NULL, false, NULL};
        operand x = REAL(samples, n);
        check_trial(&(trial){&sd__op_random_uniform, &attr, 2, {step, ids}, 0});
        check_trial(&(trial){&sd__op_random_normal, &attr, 2, {step, ids}, 1e-5});
        check_trial(&(trial){&sd__op_dropout, &dropout, 3, {x, step, ids}, 1e-7});
    }
}

static void copies(void **state)
{
    static const int orders[][4] = {{0, 1, 2, 3}, {0, 1, 3, 2}, {3, 2, 1, 0}, {2, 3, 0, 1},
                                    {1, 0, 2, 3}, {0, 3, 1, 2}, {2, 0, 3, 1}};
    for (int k = 0; k < law_trials(60); k++) {
        operand x = REAL(law_int(1, 5), law_int(1, 40), law_int(0, 2) ? law_int(1, 70) : 1, law_int(1, 40));
        x.order = orders[law_int(0, SD_COUNT(orders) - 1)];
        x.repeated = law_int(0, 9) == 0;
        if (x.repeated)
            x.order = NULL;
        check_trial(&(trial){&sd__op_copy, NULL, 1, {x}, 0});
    }
}

static void slices_move(void **state)
{
    for (int k = 0; k < law_trials(60); k++) {
        int64_t axis = law_int(0, 2), size[3] = {law_int(1, 30), law_int(1, 30), law_int(1, 300)}, m = law_int(1, 40);
        operand x = REAL(size[0], size[1], size[2]),
                index = {SD_I32, SD_SHAPE(m), -1, (double)size[axis], NULL, law_int(0, 5) == 0, false};
        check_trial(&(trial){&sd__op_gather, &axis, 2, {x, index}, 0});

        int64_t scatter[2] = {axis, law_int(1, 20)};
        index = (operand){SD_I32, SD_SHAPE(size[axis]), -1, (double)scatter[1], NULL, false, NULL};
        check_trial(&(trial){&sd__op_scatter_add, scatter, 2, {x, index}, 0});

        int64_t zeros[3][SD_MAX_RANK] = {{law_int(0, 2), law_int(0, 3), law_int(0, 4)}, {law_int(0, 2), 1, law_int(0, 9)}, {0}};
        check_trial(&(trial){&sd__op_pad, zeros, 1, {x}, 0});

        operand y = x, z = x;
        y.shape.dim[axis] = law_int(1, 9);
        z.shape.dim[axis] = law_int(1, 50);
        check_trial(&(trial){&sd__op_concat, &axis, 3, {x, y, z}, 0});
    }
}

static void bytes_lie_on_their_line(void **state)
{
    static sd_bytes_f32 *const bytes[SD_VECTOR_LEVELS] = {sd__bytes_f32_v2, sd__bytes_f32_v3, sd__bytes_f32_v4};
    for (int n = 0; n <= 70; n++) {
        wall in = wall_new((size_t)n), out = wall_new((size_t)n * sizeof(float));
        double line[2];
        law_draw_f64(line, 2, -3, 3);
        for (int i = 0; i < n; i++)
            ((uint8_t *)in.data)[i] = (uint8_t)law_int(0, 255);
        EACH_LEVEL(level)
        {
            memset(out.data, 0xff, (size_t)n * sizeof(float));
            bytes[level](line[0], line[1], in.data, out.data, n);
            for (int i = 0; i < n; i++)
                assert_true(((float *)out.data)[i] == (float)(line[0] * ((uint8_t *)in.data)[i] + line[1]));
        }
        wall_free(&in);
        wall_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_are_as_accurate_as_they_say),
        cmocka_unit_test(functions_are_accurate_without_denormals),
        cmocka_unit_test(special_numbers_stay_special),
        cmocka_unit_test(powers_are_accurate),
        cmocka_unit_test(tiles_do_what_the_ops_say),
        cmocka_unit_test(products_are_sums_of_products),
        cmocka_unit_test(products_of_every_cut),
        cmocka_unit_test(dense_adds_its_bias),
        cmocka_unit_test(reductions),
        cmocka_unit_test(softmax_and_losses),
        cmocka_unit_test(a_label_that_does_not_exist_gives_nan),
        cmocka_unit_test(norms),
        cmocka_unit_test(variance_far_from_zero),
        cmocka_unit_test(pools),
        cmocka_unit_test(winners_move),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(copies),
        cmocka_unit_test(slices_move),
        cmocka_unit_test(bytes_lie_on_their_line),
        cmocka_unit_test(tall_products_are_sums_of_products),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
