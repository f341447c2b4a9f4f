/* test_data_loader.c -- batches: each sample once an epoch, padding, the same bits with a thread or without, resumed or not. */
#include "law.h"

#include <stdatomic.h>

#include "base/pool.h"
#include "data_files.h"

enum { N = 23, B = 4, EPOCHS = 3 };

static sd_dataset *set;
static sd_normalization norm;
static sd_context *context; /* of three threads */

static int setup(void **state)
{
    (void)state;
    static uint8_t x[N][2][2];
    static int32_t labels[N];
    for (int i = 0; i < N; i++) {
        labels[i] = i % 3;
        for (int j = 0; j < 4; j++)
            x[i][j / 2][j % 2] = (uint8_t)(i * 7 + j * 31);
    }
    const sd_memory memory = {.samples = N, .shape = SD_SHAPE(2, 2, 1), .dtype = SD_U8, .input = x, .labels = labels};
    FINE(sd_dataset_from_memory(&memory, &set));
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, set, NULL, &norm));
    FINE(sd_context_new(&(sd_context_options){.threads = 3, .debug = -1}, &context));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sd_dataset_free(set);
    sd_normalization_clear(&norm);
    sd_context_free(context);
    return 0;
}

static sd_loader *new_loader(const sd_loader_options *options)
{
    sd_loader *loader;
    FINE(sd_loader_new(set, options, &loader));
    return loader;
}

/* All that a batch is, in a form that can be compared. */
typedef struct record {
    float input[B * 4], weights[B];
    int32_t labels[B], ids[B];
    int64_t epoch, index;
    int valid;
} record;

static record next(sd_loader *loader)
{
    sd_batch batch;
    record r;
    memset(&r, 0, sizeof(r));
    FINE(sd_loader_next(loader, &batch));
    assert_int_equal(batch.size, B);
    memcpy(r.input, batch.input, sizeof(r.input));
    memcpy(r.weights, batch.weights, sizeof(r.weights));
    memcpy(r.labels, batch.labels, sizeof(r.labels));
    memcpy(r.ids, batch.ids, sizeof(r.ids));
    r.epoch = batch.epoch;
    r.index = batch.index;
    r.valid = batch.valid;
    return r;
}

static const sd_loader_options training = {.batch = B, .shuffle = true, .seed = 11, .normalization = &norm};

/* Five whole batches an epoch, no sample twice, another order each epoch; values are those of the sample that ids names. */
static void shuffled_epochs_are_permutations(void **state)
{
    (void)state;
    sd_loader *loader = new_loader(&training);
    int32_t order[EPOCHS][20];
    assert_int_equal(sd_loader_batches(loader), 5);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        int seen[N] = {0};
        for (int i = 0; i < 5; i++) {
            record r = next(loader);
            assert_true(r.epoch == epoch && r.index == i && r.valid == B);
            for (int j = 0; j < B; j++) {
                float x[4];
                assert_int_equal(seen[r.ids[j]]++, 0);
                assert_int_equal(r.labels[j], r.ids[j] % 3);
                assert_true(r.weights[j] == 1);
                FINE(sd_dataset_read(set, 1, &r.ids[j], SD_F32, &norm, x, NULL, NULL));
                assert_memory_equal(x, r.input + 4 * j, sizeof(x));
                order[epoch][i * B + j] = r.ids[j];
            }
        }
    }
    assert_memory_not_equal(order[0], order[1], sizeof(order[0]));
    assert_memory_not_equal(order[1], order[2], sizeof(order[1]));
    sd_loader_free(loader);
}

/* Each sample stands first about equally often: a shuffle that leaves sample 0 in place shows (chi-squared, 22 degrees). */
static void shuffles_are_uniform(void **state)
{
    (void)state;
    enum { TRIALS = 2300 };
    int first[N] = {0};
    double chi = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        sd_loader_options options = training;
        options.seed = sd__random_u32(law_random());
        sd_loader *loader = new_loader(&options);
        first[next(loader).ids[0]]++;
        sd_loader_free(loader);
    }
    for (int i = 0; i < N; i++)
        chi += pow(first[i] - TRIALS / N, 2) / (TRIALS / N);
    assert_true(chi < 60); /* p < 1e-4 */
}

static void evaluation_reads_all_in_order_and_pads(void **state)
{
    (void)state;
    const sd_loader_options options = {.batch = B, .pad = true};
    sd_loader *loader = new_loader(&options);
    int32_t id = 0;
    assert_int_equal(sd_loader_batches(loader), 6);
    for (int i = 0; i < 6; i++) {
        record r = next(loader);
        assert_int_equal(r.valid, i < 5 ? B : 3);
        for (int j = 0; j < B; j++) {
            assert_int_equal(r.ids[j], j < r.valid ? id++ : 20);
            assert_true(r.weights[j] == (j < r.valid));
        }
    }
    assert_int_equal(id, N);
    record again = next(loader);
    assert_true(again.epoch == 1 && again.index == 0 && again.ids[0] == 0);
    sd_loader_free(loader);
}

static void run(const sd_loader_options *options, int from, record *out, int n)
{
    sd_loader *loader = new_loader(options);
    int batches = (int)sd_loader_batches(loader);
    FINE(sd_loader_seek(loader, from / batches, from % batches));
    for (int i = 0; i < n; i++)
        out[i] = next(loader);
    sd_loader_free(loader);
}

static void a_thread_changes_no_bit(void **state)
{
    (void)state;
    static record alone[40], ahead[40];
    for (int pad = 0; pad < 2; pad++) {
        sd_loader_options options = training;
        options.pad = pad;
        run(&options, 0, alone, 40);
        options.prefetch = true;
        run(&options, 0, ahead, 40);
        assert_memory_equal(alone, ahead, sizeof(alone));
    }
}

/* What batches are when the threads of a pool share their making: (byte - offset) / scale of the samples that ids names. */
static void check_shared(sd_shape shape, sd_dtype dtype, sd_pool *pool)
{
    enum { SAMPLES = 90 };
    int64_t count = sd_shape_count(shape);
    uint8_t *x = sd__alloc(SAMPLES, (size_t)count);
    sd_dataset *d;
    sd_loader *loader;
    sd_normalization p;
    sd_batch batch;
    for (int64_t i = 0; i < SAMPLES * count; i++)
        x[i] = (uint8_t)law_int(0, 255);
    FINE(sd_dataset_from_memory(&(sd_memory){.samples = SAMPLES, .shape = shape, .dtype = SD_U8, .input = x}, &d));
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, d, NULL, &p));
    sd_loader_options options = {
        .batch = law_int(1, 40), .dtype = dtype, .shuffle = true, .seed = 5, .normalization = &p, .pool = pool};
    FINE(sd_loader_new(d, &options, &loader));
    for (int n = 0; n < 2 * SAMPLES / options.batch; n++) {
        FINE(sd_loader_next(loader, &batch));
        for (int64_t i = 0; i < options.batch * count; i++) {
            int64_t c = i % count % p.n;
            double value = (x[batch.ids[i / count] * count + i % count] - p.offset[c]) / p.scale[c];
            double made = dtype == SD_F32 ? ((const float *)batch.input)[i] : ((const double *)batch.input)[i];
            assert_true(made == (dtype == SD_F32 ? (double)(float)value : value));
        }
    }
    sd_loader_free(loader);
    sd_normalization_clear(&p);
    sd_dataset_free(d);
    free(x);
}

/* Samples of every kind: small ones, of which a part takes some; large ones, of which it takes a stretch; channels, features. */
static void a_pool_changes_no_bit(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(12); trial++) {
        const sd_shape shape[] = {SD_SHAPE(law_int(1, 9)),
                                  SD_SHAPE(law_int(100, 300)),
                                  SD_SHAPE(28, 28, 1),
                                  SD_SHAPE(law_int(20, 50), law_int(20, 50), 1),
                                  SD_SHAPE(law_int(5, 40), 20, 3),
                                  SD_SHAPE(law_int(30, 40), 31, 3),
                                  SD_SHAPE(law_int(1, 4), 3, 65),
                                  SD_SHAPE(law_int(1, 20), 3, law_int(2, 70))};
        for (size_t i = 0; i < SD_COUNT(shape); i++)
            check_shared(shape[i], trial % 2 ? SD_F32 : SD_F64, trial % 3 ? sd_context_pool(context) : NULL);
    }
}

/* From every batch of two epochs. */
static void a_resumed_loader_gives_the_same_batches(void **state)
{
    (void)state;
    static record whole[20], rest[20];
    for (int way = 0; way < 3; way++) {
        sd_loader_options options = training;
        options.prefetch = way == 1;
        options.pool = way == 2 ? sd_context_pool(context) : NULL;
        run(&options, 0, whole, 20);
        for (int from = 0; from < 10; from++) {
            run(&options, from, rest, 10);
            assert_memory_equal(whole + from, rest, 10 * sizeof(*rest));
        }
    }
}

static void do_nothing(void *user, int part) { (void)user, (void)part; }

/* No loader has left anything aside. */
static void check_nothing_aside(void)
{
    sd_pool *pool = sd_context_pool(context);
    assert_true(sd__pool_set_aside(pool, do_nothing, NULL, 1));
    sd__pool_finish_aside(pool);
}

/* Back, forth and to where it stands already, with batches made ahead. */
static void seek_about(const sd_loader_options *options, const record *whole)
{
    sd_loader *loader = new_loader(options);
    for (int trial = 0; trial < law_trials(300); trial++) {
        int to = law_int(0, 40);
        FINE(sd_loader_seek(loader, to / 5, to % 5));
        for (int n = law_int(0, 3); n > 0; n--, to++) {
            record r = next(loader);
            assert_memory_equal(&r, &whole[to], sizeof(r));
        }
        FINE(sd_loader_seek(loader, to / 5, to % 5));
        if (trial % 3 == 0)
            usleep(200); /* the thread gets ahead */
    }
    REFUSED(sd_loader_seek(loader, 0, 5), SD_EINVAL, "batch 5 of epoch 0", "5 batches");
    REFUSED(sd_loader_seek(loader, -1, 0), SD_EINVAL, "epoch -1");
    sd_loader_free(loader);
    check_nothing_aside();
}

static void seeking_goes_anywhere(void **state)
{
    (void)state;
    static record whole[50];
    sd_loader_options options = training;
    run(&options, 0, whole, 50);
    options.prefetch = true;
    seek_about(&options, whole);
    options.pool = sd_context_pool(context);
    seek_about(&options, whole);
}

/* What is set aside is one loader's at a time; the others make theirs at once, and a loader that is freed leaves nothing. */
static void loaders_share_a_pool(void **state)
{
    (void)state;
    enum { LOADERS = 3 };
    static record whole[60];
    sd_loader_options options = training;
    run(&options, 0, whole, 60);
    options.pool = sd_context_pool(context);
    sd_loader *loader[LOADERS];
    int at[LOADERS] = {0};
    for (int i = 0; i < LOADERS; i++)
        loader[i] = new_loader(&options);
    for (int trial = 0; trial < law_trials(400); trial++) {
        int i = law_int(0, LOADERS - 1);
        if (at[i] == 60 || law_int(0, 20) == 0) {
            sd_loader_free(loader[i]);
            loader[i] = new_loader(&options);
            at[i] = 0;
        }
        record r = next(loader[i]);
        assert_memory_equal(&r, &whole[at[i]++], sizeof(r));
    }
    for (int i = 0; i < LOADERS; i++)
        sd_loader_free(loader[i]);
    check_nothing_aside();
}

static void f64_batches_hold_the_exact_values(void **state)
{
    (void)state;
    sd_loader_options options = training;
    sd_batch batch;
    double x[4];
    options.dtype = SD_F64;
    sd_loader *loader = new_loader(&options);
    FINE(sd_loader_next(loader, &batch));
    for (int j = 0; j < B; j++) {
        FINE(sd_dataset_read(set, 1, &batch.ids[j], SD_F64, &norm, x, NULL, NULL));
        assert_memory_equal(x, (const double *)batch.input + 4 * j, sizeof(x));
        assert_true(((const double *)batch.weights)[j] == 1);
    }
    sd_loader_free(loader);
}

static void impossible_loaders_are_refused(void **state)
{
    (void)state;
    sd_loader *loader;
    REFUSED(sd_loader_new(set, &(sd_loader_options){.batch = 0}, &loader), SD_EINVAL, "batches of 0");
    REFUSED(sd_loader_new(set, &(sd_loader_options){.batch = 24}, &loader), SD_EINVAL, "batches of 24", "only 23");
    REFUSED(sd_loader_new(set, &(sd_loader_options){.batch = 4, .dtype = SD_I32}, &loader), SD_EDTYPE, "i32");
    FINE(sd_loader_new(set, &(sd_loader_options){.batch = 24, .pad = true}, &loader));
    sd_loader_free(loader);
}

/* Fails while the switch is on. */
static sd_status fill(void *user, int n, const int32_t *ids, void *input, int32_t *labels, void *targets)
{
    (void)labels, (void)targets;
    for (int i = 0; i < n; i++)
        ((float *)input)[i] = (float)ids[i];
    return atomic_load((atomic_bool *)user) ? sd__fail(SD_EIO, "the tape is torn") : SD_OK;
}

/* The message crosses from the loader's thread to the caller's; and when the trouble is over, no batch has been lost. */
static void a_failing_source_is_reported_and_can_recover(void **state)
{
    (void)state;
    for (int prefetch = 0; prefetch < 2; prefetch++) {
        atomic_bool torn = false;
        sd_dataset *tape;
        sd_loader *loader;
        sd_batch batch;
        const sd_callback callback = {.samples = 100, .shape = SD_SHAPE(1), .dtype = SD_F32, .fill = fill, .user = &torn};
        FINE(sd_dataset_from_callback(&callback, &tape));
        FINE(sd_loader_new(tape, &(sd_loader_options){.batch = 2, .prefetch = prefetch}, &loader));
        FINE(sd_loader_next(loader, &batch));
        atomic_store(&torn, true);
        int good = 1;
        while (good < 5 && sd_loader_next(loader, &batch) == SD_OK)
            good++;
        assert_in_range(good, 1, 3); /* a batch or two may have been made before */
        REFUSED(sd_loader_next(loader, &batch), SD_EIO, "callback: the tape is torn");
        atomic_store(&torn, false);
        FINE(sd_loader_seek(loader, 0, good));
        while (sd_loader_next(loader, &batch) != SD_OK)
            assert_true(good < 50); /* what was being made while the tape was torn is reported once more */
        assert_int_equal(batch.index, good);
        assert_true(*(const float *)batch.input == (float)(2 * good));
        sd_loader_free(loader);
        sd_dataset_free(tape);
    }
}

/* Started, used a little or not at all, and freed at once. */
static void loaders_shut_down_cleanly(void **state)
{
    (void)state;
    sd_loader_options options = training;
    options.prefetch = true;
    for (int trial = 0; trial < law_trials(200); trial++) {
        options.pool = trial % 2 ? sd_context_pool(context) : NULL;
        sd_loader *loader = new_loader(&options);
        for (int n = law_int(0, 3); n > 0; n--)
            next(loader);
        sd_loader_free(loader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shuffled_epochs_are_permutations),
        cmocka_unit_test(shuffles_are_uniform),
        cmocka_unit_test(evaluation_reads_all_in_order_and_pads),
        cmocka_unit_test(a_thread_changes_no_bit),
        cmocka_unit_test(a_pool_changes_no_bit),
        cmocka_unit_test(a_resumed_loader_gives_the_same_batches),
        cmocka_unit_test(seeking_goes_anywhere),
        cmocka_unit_test(loaders_share_a_pool),
        cmocka_unit_test(f64_batches_hold_the_exact_values),
        cmocka_unit_test(impossible_loaders_are_refused),
        cmocka_unit_test(a_failing_source_is_reported_and_can_recover),
        cmocka_unit_test(loaders_shut_down_cleanly),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
