/* test_data_strokes.c -- the embedded digits: each sample a function of seed and number alone, whoever asks, in any order. */
#include "law.h"

#include "base/pool.h"
#include "data_files.h"

enum { N = 600, PIXELS = 784 };

static sd_dataset *strokes(uint64_t seed, const char *part, int64_t samples)
{
    sd_dataset *set;
    FINE(sd_dataset_strokes(seed, part, samples, &set));
    return set;
}

static void read_one(const sd_dataset *set, int32_t id, float *x)
{
    FINE(sd_dataset_read(set, 1, &id, SD_F32, NULL, x, NULL, NULL));
}

static void read_all(const sd_dataset *set, float *x)
{
    static int32_t positions[N];
    for (int i = 0; i < N; i++)
        positions[i] = i;
    FINE(sd_dataset_read(set, N, positions, SD_F32, NULL, x, NULL, NULL));
}

static float whole[N][PIXELS], other[N][PIXELS];

/* All at once; backwards one by one; a larger set; a second time from what is kept. */
static void a_sample_is_a_function_of_seed_and_number(void **state)
{
    (void)state;
    sd_dataset *a = strokes(5, "train", N), *b = strokes(5, "train", N), *c = strokes(5, "train", 10 * N);
    read_all(a, whole[0]);
    for (int i = N - 1; i >= 0; i--)
        read_one(b, i, other[i]);
    assert_memory_equal(whole, other, sizeof(whole));
    read_all(c, other[0]);
    assert_memory_equal(whole, other, sizeof(whole));
    read_all(a, other[0]);
    assert_memory_equal(whole, other, sizeof(whole));
    sd_dataset_free(a);
    sd_dataset_free(b);
    sd_dataset_free(c);
}

static int wrong[4];

static void ask(void *user, int part)
{
    float x[PIXELS];
    for (int i = 0; i < 200; i++) {
        int32_t id = i * (2 * part + 1) % 200; /* 1, 3, 5, 7: in another order each */
        sd_status status = sd_dataset_read(user, 1, &id, SD_F32, NULL, x, NULL, NULL);
        wrong[part] += status != SD_OK || memcmp(x, whole[id], sizeof(x));
    }
}

/* Threads that ask for the same samples at the same time (./dev tsan looks on). */
static void threads_may_ask_at_once(void **state)
{
    (void)state;
    sd_pool *pool;
    FINE(sd__pool_new(4, &pool));
    for (int trial = 0; trial < 5; trial++) {
        sd_dataset *set = strokes(5, "train", 200), *alone = strokes(5, "train", N);
        read_all(alone, whole[0]);
        sd__pool_run(pool, ask, set, 4);
        for (int part = 0; part < 4; part++)
            assert_int_equal(wrong[part], 0);
        sd_dataset_free(set);
        sd_dataset_free(alone);
    }
    sd__pool_free(pool);
}

static void seeds_and_parts_differ(void **state)
{
    (void)state;
    sd_dataset *sets[3] = {strokes(5, "train", N), strokes(6, "train", N), strokes(5, "test", N)}, *none;
    read_all(sets[0], whole[0]);
    for (int k = 1; k < 3; k++) {
        read_all(sets[k], other[0]);
        for (int i = 0; i < N; i++)
            assert_memory_not_equal(whole[i], other[i], sizeof(whole[i]));
    }
    for (int k = 0; k < 3; k++)
        sd_dataset_free(sets[k]);
    REFUSED(sd_dataset_strokes(1, "trian", 10, &none), SD_EINVAL, "'trian'");
    REFUSED(sd_dataset_strokes(1, "train", 0, &none), SD_EINVAL, "0 samples");
}

/*
 * Results that somebody noted must be found again with another compiler and in a later version: what gcc and clang drew, from
 * -O0 to -O3, when the set was made. Whoever changes the digits on purpose changes this number and says so in the change log.
 */
static void the_digits_stay_what_they_are(void **state)
{
    (void)state;
    sd_dataset *set = strokes(1, "train", N);
    uint64_t hash = SD_HASH_START;
    read_all(set, whole[0]);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < PIXELS; j++)
            hash = sd__hash(hash, &(uint8_t){(uint8_t)whole[i][j]}, 1);
    print_message("hash %016llx\n", (unsigned long long)hash);
    assert_true(hash == 0x7084cc8d3fbddeacull);
    sd_dataset_free(set);
}

static void classes_are_balanced_and_pictures_have_ink(void **state)
{
    (void)state;
    sd_dataset *set = strokes(1, "train", N);
    int64_t counts[10];
    FINE(sd_dataset_class_counts(set, counts));
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], N / 10);
    read_all(set, whole[0]);
    for (int i = 0; i < N; i++) {
        int bright = 0;
        for (int j = 0; j < PIXELS; j++) {
            assert_true(whole[i][j] >= 0 && whole[i][j] <= 255);
            bright += whole[i][j] > 100;
        }
        assert_in_range(bright, 8, PIXELS / 2);
    }
    sd_dataset_free(set);
}

static double distance(const float *a, const double *b)
{
    double sum = 0;
    for (int j = 0; j < PIXELS; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

/* Nearest class mean, the simplest classifier there is: far better than chance, so that labels belong to pictures, and far
 * from perfect, so that there is something to learn. */
static void the_task_is_neither_noise_nor_trivial(void **state)
{
    (void)state;
    sd_dataset *train = strokes(1, "train", N), *test = strokes(1, "test", N);
    static double mean[10][PIXELS];
    int right = 0;
    read_all(train, whole[0]);
    read_all(test, other[0]);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < PIXELS; j++)
            mean[i % 10][j] += whole[i][j] / (N / 10.0);
    for (int i = 0; i < N; i++) {
        int best = 0;
        for (int c = 1; c < 10; c++)
            best = distance(other[i], mean[c]) < distance(other[i], mean[best]) ? c : best;
        right += best == i % 10;
    }
    print_message("nearest class mean: %d of %d\n", right, N);
    assert_in_range(right, N / 2, N * 9 / 10);
    sd_dataset_free(train);
    sd_dataset_free(test);
}

/* A loader that runs ahead draws the same pictures. */
static void loaders_draw_the_same(void **state)
{
    (void)state;
    sd_dataset *a = strokes(2, "train", 200), *b = strokes(2, "train", 200);
    sd_loader *alone, *ahead;
    sd_batch x, y;
    const sd_loader_options options = {.batch = 16, .shuffle = true, .seed = 4};
    sd_loader_options thread = options;
    thread.prefetch = true;
    FINE(sd_loader_new(a, &options, &alone));
    FINE(sd_loader_new(b, &thread, &ahead));
    for (int i = 0; i < 30; i++) {
        FINE(sd_loader_next(alone, &x));
        FINE(sd_loader_next(ahead, &y));
        assert_memory_equal(x.input, y.input, 16 * PIXELS * sizeof(float));
        assert_memory_equal(x.labels, y.labels, 16 * sizeof(int32_t));
    }
    sd_loader_free(alone);
    sd_loader_free(ahead);
    sd_dataset_free(a);
    sd_dataset_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_a_function_of_seed_and_number),
        cmocka_unit_test(threads_may_ask_at_once),
        cmocka_unit_test(seeds_and_parts_differ),
        cmocka_unit_test(the_digits_stay_what_they_are),
        cmocka_unit_test(classes_are_balanced_and_pictures_have_ink),
        cmocka_unit_test(the_task_is_neither_noise_nor_trivial),
        cmocka_unit_test(loaders_draw_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
