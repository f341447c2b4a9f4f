/* test_optim.c -- optimizers against their published recurrences and closed forms; schedules; equal bits for any threads. */
#include <math.h>
#include <sonde/optim.h>
#include <string.h>

#include "base/pool.h"
#include "format/config.h"
#include "kernels/simd/update.h"
#include "law.h"
#include "optim/yaml.h"

enum { N = 4, STEPS = 5 };

static const double theta_0[N] = {0.5, -1.25, 2.0, 1e-3};
static const double gradient[STEPS][N] = {
    {0.1, -0.2, 3.0, 0.0}, {0.3, 0.25, -1.5, 1e-4}, {-0.7, 0.125, 0.5, -2e-3}, {1.0, -1.0, 0.0, 0.5}, {0.05, 0.6, -0.25, 1.0}};

static sd_slice slice_of(int64_t offset, int64_t length, bool decayed, sd_dtype dtype)
{
    return (sd_slice){
        .name = "w", .shape = SD_SHAPE(length), .offset = offset, .length = length, .decayed = decayed, .dtype = dtype};
}

static sd_layout one_slice(sd_slice *slice, int64_t length, sd_dtype dtype)
{
    *slice = slice_of(0, length, true, dtype);
    return (sd_layout){.slice = slice, .count = 1, .length = length};
}

static sd_optimizer_spec spec_of(sd_optimizer_kind kind)
{
    sd_optimizer_spec spec = sd_optimizer_default(kind);
    spec.lr = 0.1;
    spec.momentum = 0.8;
    spec.beta1 = 0.8;
    spec.beta2 = 0.95;
    spec.epsilon = 1e-6;
    spec.weight_decay = 0.01;
    return spec;
}

/* Runs five gradients over one decayed slice. */
static void run_gradients(const sd_optimizer_spec *spec, const double grad[STEPS][N], double theta[N])
{
    sd_slice slice;
    sd_optimizer *o;
    assert_ok(sd_optimizer_new(spec, one_slice(&slice, N, SD_F64), NULL, &o));
    memcpy(theta, theta_0, sizeof theta_0);
    for (int i = 0; i < STEPS; i++)
        assert_ok(sd_optimizer_step(o, theta, grad[i], spec->lr, sd_optimizer_grad_norm(o, grad[i], NULL), NULL));
    assert_int_equal(sd_optimizer_steps(o), STEPS);
    sd_optimizer_free(o);
}

static void run_steps(const sd_optimizer_spec *spec, double theta[N]) { run_gradients(spec, gradient, theta); }

/* What PyTorch 1.13's torch.optim makes of the same gradients in float64, without and with clip_grad_norm_(1). */
static void agrees_with_pytorch(void **state)
{
    static const struct {
        sd_optimizer_kind kind;
        double clip, theta[N];
    } row[] = {
        {SD_SGD, 0, {0.42259491507248947, -1.2213424550612288, 1.815868581059698, -0.14876535983998501}},
        {SD_MOMENTUM, 0, {0.35809910998608946, -1.1528057975292287, 1.3176316191460977, -0.18850368486942182}},
        {SD_NESTEROV, 0, {0.30927597938900175, -1.1437488577326371, 1.2723696485432252, -0.30029699392066733}},
        {SD_ADAM, 0, {0.27335648992240108, -1.1423156173386633, 1.8176770018549704, -0.07349578694990877}},
        {SD_ADAMW, 0, {0.27377223922667643, -1.1507877865154379, 1.8122379436506866, -0.15364703499461471}},
        {SD_SGD, 1, {0.47396891922184392, -1.2493589847051731, 1.9582216609010004, -0.11588251136621876}},
        {SD_MOMENTUM, 1, {0.47255921827566011, -1.2216072788385999, 1.8271952022638427, -0.14228057698403951}},
        {SD_NESTEROV, 1, {0.4520232871021882, -1.2266781990266789, 1.8206036613282419, -0.23045968425208629}},
        {SD_ADAM, 1, {0.32698196594387058, -1.2087561776725291, 1.8675475519831484, -0.071014953262310346}},
        {SD_ADAMW, 1, {0.32840186908148611, -1.2229997381759079, 1.8676528555695981, -0.15006622047678381}},
    };
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        sd_optimizer_spec spec = spec_of(row[i].kind);
        double theta[N];
        spec.clip_norm = row[i].clip;
        run_steps(&spec, theta);
        assert_near_f64(theta, row[i].theta, N, 1e-14);
    }
}

/* A limit does what clamped gradients do without one, also where nothing else is done to a gradient. */
static void a_limit_clamps_each_gradient(void **state)
{
    for (int kind = 0; kind < SD_OPTIMIZER_COUNT; kind++) {
        sd_optimizer_spec spec = spec_of((sd_optimizer_kind)kind);
        double clamped[STEPS][N], theta[N], wanted[N];
        for (int i = 0; i < STEPS; i++)
            for (int w = 0; w < N; w++)
                clamped[i][w] = fmax(-0.25, fmin(0.25, gradient[i][w]));
        spec.weight_decay = 0;
        run_gradients(&spec, clamped, wanted);
        spec.clip_value = 0.25;
        run_steps(&spec, theta);
        assert_memory_equal(theta, wanted, sizeof theta);
    }
}

/* Algorithm 1 of Kingma & Ba, written out with the corrected moments, weight by weight. */
static void adam_is_its_paper(void **state)
{
    sd_optimizer_spec spec = spec_of(SD_ADAM);
    double theta[N], wanted[N];
    spec.weight_decay = 0;
    run_steps(&spec, theta);
    for (int w = 0; w < N; w++) {
        double x = theta_0[w], m = 0, v = 0;
        for (int t = 1; t <= STEPS; t++) {
            double g = gradient[t - 1][w];
            m = 0.8 * m + 0.2 * g;
            v = 0.95 * v + 0.05 * g * g;
            x -= 0.1 * (m / (1 - pow(0.8, t))) / (sqrt(v / (1 - pow(0.95, t))) + 1e-6);
        }
        wanted[w] = x;
    }
    assert_near_f64(theta, wanted, N, 1e-13);
}

/* On a x^2 / 2 every step of SGD multiplies x with 1 - lr a. */
static void sgd_contracts_a_quadratic(void **state)
{
    static const double a[3] = {0.5, 1, 3};
    sd_optimizer_spec spec = sd_optimizer_default(SD_SGD);
    sd_slice slice;
    sd_optimizer *o;
    double x[3] = {1, 1, 1}, g[3], wanted[3];
    assert_ok(sd_optimizer_new(&spec, one_slice(&slice, 3, SD_F64), NULL, &o));
    for (int t = 0; t < 20; t++) {
        for (int i = 0; i < 3; i++)
            g[i] = a[i] * x[i];
        assert_ok(sd_optimizer_step(o, x, g, 0.5, 1, NULL));
    }
    for (int i = 0; i < 3; i++)
        wanted[i] = pow(1 - 0.5 * a[i], 20);
    assert_near_f64(x, wanted, 3, 1e-14);
    sd_optimizer_free(o);
}

/*
 * On a quadratic, momentum with equal roots, momentum = (1 - sqrt(lr a))^2, is critically damped: from x_0 and no velocity
 * x_t = (1 + c t) r^t x_0 with r = 1 - sqrt(lr a) and c = (1 - lr a) / r - 1.
 */
static void momentum_is_critically_damped(void **state)
{
    double lr = 0.09, a = 1, r = 1 - sqrt(lr * a), c = (1 - lr * a) / r - 1, x = 1;
    sd_optimizer_spec spec = sd_optimizer_default(SD_MOMENTUM);
    sd_slice slice;
    sd_optimizer *o;
    spec.momentum = r * r;
    assert_ok(sd_optimizer_new(&spec, one_slice(&slice, 1, SD_F64), NULL, &o));
    for (int t = 1; t <= 30; t++) {
        double g = a * x, wanted = (1 + c * t) * pow(r, t);
        assert_ok(sd_optimizer_step(o, &x, &g, lr, 1, NULL));
        assert_near_f64(&x, &wanted, 1, 1e-14);
    }
    sd_optimizer_free(o);
}

/* The first step of Adam has the length lr in every coordinate, whatever the gradient's size. */
static void adam_is_free_of_scale(void **state)
{
    sd_optimizer_spec spec = sd_optimizer_default(SD_ADAM);
    sd_slice slice;
    sd_optimizer *o;
    spec.epsilon = 1e-30;
    float x[3] = {0, 0, 0}, g[3] = {1e-6f, -1, 1e6f}, wanted[3] = {-0.01f, 0.01f, -0.01f};
    assert_ok(sd_optimizer_new(&spec, one_slice(&slice, 3, SD_F32), NULL, &o));
    assert_ok(sd_optimizer_step(o, x, g, 0.01, 1, NULL));
    for (int i = 0; i < 3; i++)
        assert_true(fabsf(x[i] - wanted[i]) < 1e-8f);
    sd_optimizer_free(o);
}

/* Elements of a vector larger than a cache go the way that they would go alone, in a vector of a few: bit for bit. */
static void elements_go_their_own_way(void **state)
{
    enum { LONG = 600001, FEW = 97 };
    float *theta = sd__alloc_aligned(LONG * sizeof *theta), *grad = sd__alloc_aligned(LONG * sizeof *grad);
    for (int kind = 0; kind < SD_OPTIMIZER_COUNT; kind++) {
        sd_optimizer_spec spec = spec_of((sd_optimizer_kind)kind);
        sd_slice slice, short_slice;
        sd_optimizer *all, *few;
        int chosen[FEW];
        float few_theta[FEW], few_grad[FEW];
        assert_ok(sd_optimizer_new(&spec, one_slice(&slice, LONG, SD_F32), NULL, &all));
        assert_ok(sd_optimizer_new(&spec, one_slice(&short_slice, FEW, SD_F32), NULL, &few));
        law_draw(theta, LONG, -1, 1);
        for (int j = 0; j < FEW; j++) {
            chosen[j] = law_int(0, LONG - 1);
            few_theta[j] = theta[chosen[j]];
        }
        for (int step = 0; step < 3; step++) {
            law_draw(grad, LONG, -1, 1);
            for (int j = 0; j < FEW; j++)
                few_grad[j] = grad[chosen[j]];
            assert_ok(sd_optimizer_step(all, theta, grad, 0.1, 1, NULL));
            assert_ok(sd_optimizer_step(few, few_theta, few_grad, 0.1, 1, NULL));
            for (int j = 0; j < FEW; j++)
                assert_memory_equal(&theta[chosen[j]], &few_theta[j], sizeof few_theta[j]);
        }
        sd_optimizer_free(all);
        sd_optimizer_free(few);
    }
    free(theta);
    free(grad);
}

static void frozen_and_undecayed_slices(void **state)
{
    sd_slice slice[4];
    for (int i = 0; i < 4; i++)
        slice[i] = slice_of(i * 10000, 10000, i % 2 == 0, SD_F32);
    sd_layout layout = {.slice = slice, .count = 4, .length = 40000};
    static const bool trainable[4] = {true, true, false, true};
    float *theta = sd__alloc_zeroed(40000, sizeof *theta), *grad = sd__alloc_zeroed(40000, sizeof *grad);
    for (int i = 0; i < 40000; i++)
        theta[i] = 1;
    grad[25000] = NAN; /* in the frozen slice: nobody may look at it */
    sd_optimizer_spec spec = sd_optimizer_default(SD_SGD);
    spec.weight_decay = 0.5;
    sd_optimizer *o;
    assert_ok(sd_optimizer_new(&spec, layout, trainable, &o));
    double norm = sd_optimizer_grad_norm(o, grad, NULL);
    assert_true(norm == 0);
    assert_ok(sd_optimizer_step(o, theta, grad, 0.5, norm, NULL));
    for (int i = 0; i < 40000; i++)
        assert_true(theta[i] == (i < 10000 ? 0.75f : 1));
    sd_optimizer_free(o);
    free(theta);
    free(grad);
}

static void norms_and_clipping(void **state)
{
    enum { LARGE = 100003 };
    double *grad = sd__alloc_zeroed(LARGE, sizeof *grad), sum = 0;
    double *theta = sd__alloc_zeroed(LARGE, sizeof *theta);
    law_draw_f64(grad, LARGE, -2, 2);
    for (int i = 0; i < LARGE; i++)
        sum += grad[i] * grad[i];
    sd_optimizer_spec spec = sd_optimizer_default(SD_SGD);
    sd_slice slice;
    sd_optimizer *o;
    assert_ok(sd_optimizer_new(&spec, one_slice(&slice, LARGE, SD_F64), NULL, &o));
    double norm = sd_optimizer_grad_norm(o, grad, NULL), wanted = sqrt(sum);
    assert_near_f64(&norm, &wanted, 1, 1e-12);
    sd_optimizer_free(o);

    spec.clip_norm = 3;
    spec.clip_value = 0.25;
    assert_ok(sd_optimizer_new(&spec, one_slice(&slice, LARGE, SD_F64), NULL, &o));
    norm = sd_optimizer_grad_norm(o, grad, NULL);
    assert_ok(sd_optimizer_step(o, theta, grad, 1, norm, NULL));
    sum = 0;
    for (int i = 0; i < LARGE; i++) {
        assert_true(theta[i] * grad[i] <= 0 && fabs(theta[i]) <= 0.25 * 3 / norm);
        sum += theta[i] * theta[i];
    }
    assert_true(fabs(sqrt(sum) - 3) < 1e-6);
    grad[LARGE - 1] = INFINITY; /* clip_value must not hide it */
    assert_false(isfinite(sd_optimizer_grad_norm(o, grad, NULL)));
    grad[LARGE - 1] = NAN;
    assert_false(isfinite(sd_optimizer_grad_norm(o, grad, NULL)));
    double before = theta[0];
    assert_status(sd_optimizer_step(o, theta, grad, 1, NAN, NULL), SD_ENONFINITE);
    assert_true(theta[0] == before && sd_optimizer_steps(o) == 1);
    sd_optimizer_free(o);
    free(grad);
    free(theta);
}

/* Three steps on a vector of several parts, with slices whose ends fall inside parts. */
static uint64_t hash_of_run(sd_optimizer_kind kind, sd_dtype dtype, int threads)
{
    enum { LARGE = 70001 };
    sd_slice slice[3] = {slice_of(0, 5, false, dtype), slice_of(5, 33333, true, dtype),
                         slice_of(33338, LARGE - 33338, false, dtype)};
    sd_layout layout = {.slice = slice, .count = 3, .length = LARGE};
    size_t bytes = LARGE * sd_dtype_size(dtype);
    void *theta = sd__alloc_aligned(bytes), *grad = sd__alloc_aligned(bytes);
    sd_random random = sd__random(7, 1);
    sd_pool *pool = NULL;
    sd_optimizer *o;
    sd_optimizer_spec spec = spec_of(kind);
    spec.clip_norm = 1;
    uint64_t hash = SD_HASH_START;
    assert_ok(sd__pool_new(threads, &pool));
    assert_ok(sd_optimizer_new(&spec, layout, NULL, &o));
    memset(theta, 0, bytes);
    for (int step = 0; step < 3; step++) {
        for (int i = 0; i < LARGE; i++) {
            double value = sd__random_uniform(&random) - 0.5;
            dtype == SD_F32 ? (void)(((float *)grad)[i] = (float)value) : (void)(((double *)grad)[i] = value);
        }
        double norm = sd_optimizer_grad_norm(o, grad, pool);
        hash = sd__hash(hash, &norm, sizeof norm);
        assert_ok(sd_optimizer_step(o, theta, grad, 0.1, norm, pool));
    }
    hash = sd__hash(hash, theta, bytes);
    for (int i = 0; i < sd_optimizer_vectors(o); i++)
        hash = sd__hash(hash, sd_optimizer_vector(o, i), bytes);
    sd_optimizer_free(o);
    sd__pool_free(pool);
    free(theta);
    free(grad);
    return hash;
}

static void bits_do_not_depend_on_threads(void **state)
{
    for (int kind = 0; kind < SD_OPTIMIZER_COUNT; kind++)
        for (sd_dtype dtype = SD_F32; dtype <= SD_F64; dtype++) {
            uint64_t one = hash_of_run((sd_optimizer_kind)kind, dtype, 1);
            for (int threads = 2; threads <= 4; threads++)
                assert_true(hash_of_run((sd_optimizer_kind)kind, dtype, threads) == one);
        }
}

/* Every loop of every level that this CPU has, on lengths around its vectors. */
static void bits_do_not_depend_on_the_level(void **state)
{
    static const sd_update_loops *const level[] = {sd__update_loops_v2, sd__update_loops_v3, sd__update_loops_v4};
    const sd_update u = {.limit = 0.8,
                         .scale = 0.7,
                         .decay = 0.1,
                         .shrink = 0.99,
                         .lr = 0.1,
                         .momentum = 0.9,
                         .beta1 = 0.9,
                         .beta2 = 0.99,
                         .epsilon = 1e-6,
                         .root = 0.3};
    enum { MOST = 150 };
    for (int wide = 0; wide < 2; wide++)
        for (size_t n = 1; n <= MOST; n++) {
            double start[4 * MOST], one[4 * MOST], other[4 * MOST]; /* theta, g, a, b; as floats, the first half */
            wide ? law_draw_f64(start, 4 * MOST, 0, 1) : law_draw((float *)start, 4 * MOST, 0, 1);
            for (int rule = 0; rule < 4; rule++)
                for (int l = 0; l <= (int)sd__vector_level(sd__cpu_level()); l++) {
                    const sd_update_loops *loops = &level[l][wide];
                    sd_update_rule *const rules[] = {loops->sgd, loops->momentum, loops->nesterov, loops->adam};
                    char *at = (char *)(l ? other : one);
                    size_t step = MOST * (wide ? sizeof(double) : sizeof(float));
                    memcpy(at, start, sizeof start);
                    rules[rule](n, at, at + step, at + 2 * step, at + 3 * step, &u);
                    double sum = loops->square_sum(n, at + step, 0.8), first = level[0][wide].square_sum(n, at + step, 0.8);
                    assert_memory_equal(&sum, &first, sizeof sum);
                    if (l)
                        assert_memory_equal(one, other, 4 * step);
                }
        }
}

/* Gradients that stop leave moments that shrink into denormals; they are flushed, on the caller, too. */
static void moments_do_not_stay_denormal(void **state)
{
    sd_optimizer_spec spec = sd_optimizer_default(SD_ADAM);
    sd_slice slice;
    sd_optimizer *o;
    float theta = 0, grad = 1e-18f;
    assert_ok(sd_optimizer_new(&spec, one_slice(&slice, 1, SD_F32), NULL, &o));
    for (int i = 0; i < 10; i++)
        assert_ok(sd_optimizer_step(o, &theta, &grad, 0.1, 1, NULL));
    float v = *(float *)sd_optimizer_vector(o, 1);
    assert_true(v == 0 || v >= 0x1p-126f);
    sd_optimizer_free(o);
}

static void schedules(void **state)
{
    sd_schedule s = {.kind = SD_SCHEDULE_CONSTANT, .warmup = 4};
    static const double warm[] = {0.25, 0.5, 0.75, 1, 1, 1};
    for (int i = 0; i < 6; i++)
        assert_true(sd_schedule_lr(&s, 1, i, 10, 100) == warm[i]);
    s = (sd_schedule){.kind = SD_SCHEDULE_STEP, .every = 2, .factor = 0.5};
    assert_true(sd_schedule_lr(&s, 1, 19, 10, 100) == 1 && sd_schedule_lr(&s, 1, 20, 10, 100) == 0.5);
    assert_true(sd_schedule_lr(&s, 1, 99, 10, 100) == 0.0625);
    s = (sd_schedule){.kind = SD_SCHEDULE_STEP, .milestone = {1.5, 3}, .milestones = 2, .factor = 0.5};
    assert_true(sd_schedule_lr(&s, 1, 14, 10, 100) == 1 && sd_schedule_lr(&s, 1, 15, 10, 100) == 0.5);
    assert_true(sd_schedule_lr(&s, 1, 30, 10, 100) == 0.25);
    s = (sd_schedule){.kind = SD_SCHEDULE_COSINE, .final = 0.1, .warmup = 2};
    double middle = sd_schedule_lr(&s, 2, 51, 10, 101), wanted = 2 * 0.55;
    assert_near_f64(&middle, &wanted, 1, 1e-15);
    assert_true(sd_schedule_lr(&s, 2, 2, 10, 101) == 2 && sd_schedule_lr(&s, 2, 0, 10, 101) == 1);
    assert_true(fabs(sd_schedule_lr(&s, 2, 100, 10, 101) - 0.2) < 1e-15);
    assert_true(fabs(sd_schedule_lr(&s, 2, 1000, 10, 101) - 0.2) < 1e-15);
    for (int i = 3; i < 101; i++)
        assert_true(sd_schedule_lr(&s, 2, i, 10, 101) < sd_schedule_lr(&s, 2, i - 1, 10, 101));
}

static sd_status from_text(const char *text, sd_optimizer_spec *spec, sd_schedule *schedule)
{
    sd_config *config;
    assert_ok(sd__config_parse("a.yaml", text, strlen(text), &config));
    sd_status status = sd__optimizer_from_config(config->root, spec);
    if (status == SD_OK)
        status = sd__schedule_from_config(config->root, schedule);
    sd__config_free(config);
    return status;
}

static void from_yaml(void **state)
{
    sd_optimizer_spec spec;
    sd_schedule schedule;
    assert_ok(from_text("optimizer: {adamw: {lr: 3e-4, clip_norm: 1}}\nschedule: {cosine: {warmup: 100}}\n", &spec, &schedule));
    assert_true(spec.kind == SD_ADAMW && spec.lr == 3e-4 && spec.weight_decay == 0.01 && spec.beta2 == 0.999 &&
                spec.clip_norm == 1);
    assert_true(schedule.kind == SD_SCHEDULE_COSINE && schedule.warmup == 100 && schedule.final == 0);
    assert_ok(from_text("optimizer: {sgd: 0.3}\nschedule: {step: {at: [2, 4.5]}}\n", &spec, &schedule));
    assert_true(spec.kind == SD_SGD && spec.lr == 0.3 && spec.weight_decay == 0);
    assert_true(schedule.milestones == 2 && schedule.milestone[1] == 4.5 && schedule.factor == 0.1);
    assert_ok(from_text("a: 1\n", &spec, &schedule));
    assert_true(spec.kind == SD_SGD && spec.lr == 0.01 && schedule.kind == SD_SCHEDULE_CONSTANT);
}

static void yaml_messages(void **state)
{
    static const char *const row[][2] = {
        {"optimizer: adm\n",
         "a.yaml:1: optimizer is \"adm\", which is not known; did you mean \"adam\"? Possible: sgd, momentum, "
         "nesterov, adam, adamw"},
        {"optimizer:\n  adam:\n    lr: fast\n", "a.yaml:3: lr is \"fast\"; it must be a number from 0 to 1000000"},
        {"optimizer:\n  sgd: {momentum: 0.9}\n",
         "a.yaml:2: unknown key \"momentum\" in optimizer sgd; possible: lr, weight_decay, "
         "clip_norm, clip_value"},
        {"schedule: {step: {}}\n",
         "a.yaml:1: schedule step needs \"every\", e.g. {step: {every: 30}}, or \"at\", e.g. {step: {at: "
         "[80, 120]}}"},
        {"schedule: {step: {at: [2,\n 1]}}\n", "a.yaml:2: epoch 1 follows 2; they must grow"},
        {"schedule: {cosine: 3}\n", "a.yaml:1: schedule cosine is \"3\"; it takes {option: value, ...}"},
    };
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        sd_optimizer_spec spec;
        sd_schedule schedule;
        assert_status(from_text(row[i][0], &spec, &schedule), SD_EFORMAT);
        assert_string_equal(sd_error(), row[i][1]);
    }
}

static void bad_numbers(void **state)
{
    sd_slice slice;
    sd_optimizer *o;
    sd_optimizer_spec spec = sd_optimizer_default(SD_ADAM);
    spec.beta1 = 1;
    assert_status(sd_optimizer_new(&spec, one_slice(&slice, 4, SD_F32), NULL, &o), SD_EINVAL);
    assert_string_equal(sd_error(), "optimizer: beta1 is 1; it must be at least 0 and below 1");
    spec = sd_optimizer_default(SD_SGD);
    spec.lr = NAN;
    assert_status(sd_optimizer_new(&spec, one_slice(&slice, 4, SD_F32), NULL, &o), SD_EINVAL);
    assert_null(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_pytorch),
        cmocka_unit_test(a_limit_clamps_each_gradient),
        cmocka_unit_test(adam_is_its_paper),
        cmocka_unit_test(sgd_contracts_a_quadratic),
        cmocka_unit_test(momentum_is_critically_damped),
        cmocka_unit_test(adam_is_free_of_scale),
        cmocka_unit_test(elements_go_their_own_way),
        cmocka_unit_test(frozen_and_undecayed_slices),
        cmocka_unit_test(norms_and_clipping),
        cmocka_unit_test(bits_do_not_depend_on_threads),
        cmocka_unit_test(bits_do_not_depend_on_the_level),
        cmocka_unit_test(moments_do_not_stay_denormal),
        cmocka_unit_test(schedules),
        cmocka_unit_test(from_yaml),
        cmocka_unit_test(yaml_messages),
        cmocka_unit_test(bad_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
