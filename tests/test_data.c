/* test_data.c -- data sets in memory and on demand, subsets, splits, normalisation, and opening them by options. */
#include "law.h"

#include "base/pool.h"
#include "data_files.h"

/* 30 samples [2]: (i, 10 i); labels: 15 of class 0, 10 of class 1, 5 of class 2. */
static float values[30][2];
static int32_t classes[30];

static sd_dataset *thirty(void)
{
    sd_dataset *set;
    for (int i = 0; i < 30; i++) {
        values[i][0] = (float)i;
        values[i][1] = 10 * (float)i;
        classes[i] = (i % 2 == 0) ? 0 : i % 6 == 1 ? 2 : 1;
    }
    const sd_memory memory = {
        .samples = 30, .shape = SD_SHAPE(2), .dtype = SD_F32, .input = values, .labels = classes, .copy = true};
    FINE(sd_dataset_from_memory(&memory, &set));
    return set;
}

/* The first value of every sample: which of the thirty it is. */
static void read_which(const sd_dataset *set, int n, int *which)
{
    float x[60];
    int32_t positions[30] = {0};
    for (int i = 0; i < n; i++)
        positions[i] = i;
    FINE(sd_dataset_read(set, n, positions, SD_F32, NULL, x, NULL, NULL));
    for (int i = 0; i < n; i++)
        which[i] = (int)x[2 * i];
}

static void memory_is_copied_or_borrowed(void **state)
{
    (void)state;
    float mine[4] = {1, 2, 3, 4}, x[4];
    const int32_t order[2] = {1, 0};
    sd_dataset *copied, *borrowed;
    sd_memory memory = {.samples = 2, .shape = SD_SHAPE(2), .dtype = SD_F32, .input = mine, .copy = true};
    FINE(sd_dataset_from_memory(&memory, &copied));
    memory.copy = false;
    FINE(sd_dataset_from_memory(&memory, &borrowed));
    mine[0] = 9;
    FINE(sd_dataset_read(copied, 2, order, SD_F32, NULL, x, NULL, NULL));
    assert_memory_equal(x, ((float[]){3, 4, 1, 2}), sizeof(x));
    FINE(sd_dataset_read(borrowed, 2, order, SD_F32, NULL, x, NULL, NULL));
    assert_memory_equal(x, ((float[]){3, 4, 9, 2}), sizeof(x));
    sd_dataset_free(copied);
    sd_dataset_free(borrowed);
}

static void impossible_sets_are_refused(void **state)
{
    (void)state;
    sd_dataset *set;
    const int32_t bad[2] = {0, -3};
    sd_memory memory = {.samples = 2, .shape = SD_SHAPE(2), .dtype = SD_F32, .input = values, .labels = bad};
    REFUSED(sd_dataset_from_memory(&memory, &set), SD_EINVAL, "label -3 of sample 1 is out of range");
    memory.targets = values;
    REFUSED(sd_dataset_from_memory(&memory, &set), SD_EINVAL, "both labels and targets");
    memory = (sd_memory){.samples = 2, .shape = SD_SHAPE(2), .dtype = SD_I32, .input = values};
    REFUSED(sd_dataset_from_memory(&memory, &set), SD_EDTYPE, "type i32");
    memory = (sd_memory){.samples = 2, .shape = SD_SHAPE(1 << 20, 1 << 20), .dtype = SD_F32, .input = values};
    REFUSED(sd_dataset_from_memory(&memory, &set), SD_EINVAL, "[1048576,1048576]");
    memory = (sd_memory){.samples = 0, .shape = SD_SHAPE(2), .dtype = SD_F32, .input = values};
    REFUSED(sd_dataset_from_memory(&memory, &set), SD_EINVAL, "0 samples");
    memory =
        (sd_memory){.samples = 2, .shape = SD_SHAPE(2), .dtype = SD_F32, .input = values, .targets = values, .n_targets = 0};
    REFUSED(sd_dataset_from_memory(&memory, &set), SD_EINVAL, "0 targets");
}

/* A subset of a subset, after its parents are gone. */
static void subsets_keep_what_they_need(void **state)
{
    (void)state;
    sd_dataset *all = thirty(), *odd, *few, *none;
    int32_t positions[15], label;
    int which[3];
    for (int i = 0; i < 15; i++)
        positions[i] = 2 * i + 1;
    FINE(sd_dataset_subset(all, 15, positions, &odd));
    FINE(sd_dataset_subset(odd, 3, (const int32_t[]){14, 0, 2}, &few));
    REFUSED(sd_dataset_subset(odd, 1, (const int32_t[]){15}, &none), SD_EINVAL, "position 15", "15 samples");
    assert_null(none);
    sd_dataset_free(odd);
    sd_dataset_free(all);
    read_which(few, 3, which);
    assert_int_equal(which[0], 29);
    assert_int_equal(which[1], 1);
    assert_int_equal(which[2], 5);
    FINE(sd_dataset_read(few, 1, (const int32_t[]){1}, SD_F32, NULL, NULL, &label, NULL));
    assert_int_equal(label, 2);
    REFUSED(sd_dataset_read(few, 1, (const int32_t[]){3}, SD_F32, NULL, NULL, &label, NULL), SD_EINVAL,
            "sample 3 of a set of 3");
    sd_dataset_free(few);
}

/* Every sample is in exactly one part, parts keep the order, and classes keep their share. */
static void splits_are_partitions_that_keep_shares(void **state)
{
    (void)state;
    for (int trial = 0; trial < law_trials(50); trial++) {
        sd_dataset *all = thirty(), *rest, *taken;
        int amount = law_int(1, 29), a[30], b[30], seen[30] = {0};
        int64_t total[3], counts[3];
        FINE(sd_dataset_split(all, sd__random_u32(law_random()), amount, &rest, &taken));
        assert_int_equal(sd_dataset_get(taken)->samples, amount);
        assert_int_equal(sd_dataset_get(rest)->samples, 30 - amount);
        read_which(taken, amount, a);
        read_which(rest, 30 - amount, b);
        for (int i = 0; i < 30; i++) {
            const int *part = i < amount ? a + i : b + i - amount;
            seen[*part]++;
            assert_true(i == 0 || i == amount || part[-1] < part[0]);
        }
        for (int i = 0; i < 30; i++)
            assert_int_equal(seen[i], 1);
        FINE(sd_dataset_class_counts(all, total));
        FINE(sd_dataset_class_counts(taken, counts));
        for (int c = 0; c < 3; c++)
            assert_true(fabs((double)counts[c] - (double)total[c] * amount / 30) < 1);
        sd_dataset_free(all);
        sd_dataset_free(rest);
        sd_dataset_free(taken);
    }
}

static void splits_depend_on_the_seed_alone(void **state)
{
    (void)state;
    sd_dataset *all = thirty(), *rest, *taken;
    int first[10], again[10], other[10];
    int *const into[3] = {first, again, other};
    for (int i = 0; i < 3; i++) {
        FINE(sd_dataset_split(all, i == 2 ? 8 : 7, i == 1 ? 1.0 / 3 : 10, &rest, &taken));
        read_which(taken, 10, into[i]);
        sd_dataset_free(rest);
        sd_dataset_free(taken);
    }
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, other, sizeof(first));
    const double bad[] = {0, -1, 30, 2.5, 0.01, NAN, INFINITY};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        REFUSED(sd_dataset_split(all, 1, bad[i], &rest, &taken), SD_EINVAL, "cannot set aside", "of 30 samples");
    sd_dataset_free(all);
}

/* Standardised features have mean 0 and deviation 1 (in two passes here), also where they are large beside their spread. */
static void standard_features_have_mean_0_and_deviation_1(void **state)
{
    (void)state;
    enum { N = 1000, M = 3 };
    static double x[N][M], z[N * M];
    static int32_t positions[N];
    sd_dataset *set;
    sd_normalization norm;
    for (int i = 0; i < N; i++) {
        positions[i] = i;
        x[i][0] = 1e6 + 1e-3 * sd__random_normal(law_random());
        x[i][1] = -5 + 100 * sd__random_uniform(law_random());
        x[i][2] = 42; /* constant */
    }
    const sd_memory memory = {.samples = N, .shape = SD_SHAPE(M), .dtype = SD_F64, .input = x};
    FINE(sd_dataset_from_memory(&memory, &set));
    assert_int_equal(sd_normalization_size(set), M);
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, set, NULL, &norm));
    FINE(sd_dataset_read(set, N, positions, SD_F64, &norm, z, NULL, NULL));
    for (int c = 0; c < M; c++) {
        double mean = 0, square = 0;
        for (int i = 0; i < N; i++)
            mean += z[i * M + c] / N;
        for (int i = 0; i < N; i++)
            square += (z[i * M + c] - mean) * (z[i * M + c] - mean) / N;
        assert_true(fabs(mean) < 1e-6);
        assert_true(c == 2 ? square == 0 : fabs(square - 1) < 1e-6);
    }
    sd_normalization_clear(&norm);
    FINE(sd_normalization_make(SD_NORMALIZE_UNIT, set, NULL, &norm));
    FINE(sd_dataset_read(set, N, positions, SD_F64, &norm, z, NULL, NULL));
    double low = 9, high = -9;
    for (int i = 0; i < N; i++) {
        low = fmin(low, z[i * M + 1]);
        high = fmax(high, z[i * M + 1]);
    }
    assert_true(low == 0 && high == 1);
    sd_normalization_clear(&norm);
    sd_dataset_free(set);
}

/* Three channels of bytes: sums by hand, the same with and without threads, and from the rows that a subset has. */
static void bytes_are_normalised_by_channel(void **state)
{
    (void)state;
    enum { N = 3000, PIXELS = 4, C = 3 };
    static uint8_t x[N][PIXELS][C];
    static float z[PIXELS * C];
    static int32_t half[N / 2];
    double mean[C] = {0}, deviation[C] = {0};
    sd_dataset *set, *part;
    sd_normalization one, many;
    sd_pool *pool;
    for (int i = 0; i < N * PIXELS * C; i++)
        x[i / (PIXELS * C)][i / C % PIXELS][i % C] = (uint8_t)(sd__random_u32(law_random()) >> (24 + i % C));
    for (int i = 0; i < N / 2; i++)
        half[i] = 2 * i;
    for (int i = 0; i < N * PIXELS / 2; i++)
        for (int c = 0; c < C; c++)
            mean[c] += x[i / PIXELS * 2][i % PIXELS][c] / (N * PIXELS / 2.0);
    for (int i = 0; i < N * PIXELS / 2; i++)
        for (int c = 0; c < C; c++)
            deviation[c] += pow(x[i / PIXELS * 2][i % PIXELS][c] - mean[c], 2) / (N * PIXELS / 2.0);
    const sd_memory memory = {.samples = N, .shape = SD_SHAPE(2, 2, C), .dtype = SD_U8, .input = x};
    FINE(sd_dataset_from_memory(&memory, &set));
    FINE(sd_dataset_subset(set, N / 2, half, &part));
    FINE(sd__pool_new(3, &pool));
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, part, NULL, &one));
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, part, pool, &many));
    assert_int_equal(one.n, C);
    assert_memory_equal(one.offset, many.offset, C * sizeof(double));
    assert_memory_equal(one.scale, many.scale, C * sizeof(double));
    for (int c = 0; c < C; c++) {
        assert_true(fabs(one.offset[c] - mean[c]) < 1e-9 * mean[c]);
        assert_true(fabs(one.scale[c] - sqrt(deviation[c])) < 1e-9 * mean[c]);
    }
    FINE(sd_dataset_read(set, 1, (const int32_t[]){5}, SD_F32, &one, z, NULL, NULL));
    for (int i = 0; i < PIXELS * C; i++)
        assert_true(z[i] == (float)((x[5][i / C][i % C] - one.offset[i % C]) / one.scale[i % C]));
    sd__pool_free(pool);
    sd_normalization_clear(&one);
    sd_normalization_clear(&many);
    sd_dataset_free(part);
    sd_dataset_free(set);
}

/* A byte becomes the same number whether it is computed along a line or, where 0 would not be 0, looked up in a table. */
static void bytes_become_what_the_formula_says(void **state)
{
    enum { BYTES = 256 };
    static const double offset[] = {0, 33.3184214, 127, 127.5, 255}, scale[] = {1, 3, 78.5674882, 255};
    uint8_t x[BYTES];
    float got[BYTES];
    sd_dataset *set;
    for (int v = 0; v < BYTES; v++)
        x[v] = (uint8_t)v;
    const sd_memory memory = {.samples = 1, .shape = SD_SHAPE(BYTES, 1, 1), .dtype = SD_U8, .input = x};
    FINE(sd_dataset_from_memory(&memory, &set));
    for (size_t i = 0; i < SD_COUNT(offset); i++)
        for (size_t k = 0; k < SD_COUNT(scale); k++) {
            sd_normalization norm;
            FINE(sd_normalization_copy(SD_NORMALIZE_STANDARD, 1, &offset[i], &scale[k], &norm));
            FINE(sd_dataset_read(set, 1, (int32_t[]){0}, SD_F32, &norm, got, NULL, NULL));
            for (int v = 0; v < BYTES; v++)
                assert_true(got[v] == (float)((v - offset[i]) / scale[k]));
            sd_normalization_clear(&norm);
        }
    sd_dataset_free(set);
}

static void normalisations_are_named_and_checked(void **state)
{
    (void)state;
    sd_normalize kind;
    sd_normalization norm;
    sd_dataset *set = thirty();
    float x[2];
    FINE(sd_normalize_parse("standard", &kind));
    assert_string_equal(sd_normalize_name(kind), "standard");
    REFUSED(sd_normalize_parse("standart", &kind), SD_EINVAL, "'standart'", "none, unit and standard");
    REFUSED(sd_normalization_copy(SD_NORMALIZE_UNIT, 1, (double[]){1}, (double[]){0}, &norm), SD_EINVAL, "scale 0");
    REFUSED(sd_normalization_copy(SD_NORMALIZE_UNIT, 1, (double[]){NAN}, (double[]){1}, &norm), SD_EINVAL, "offset nan");
    FINE(sd_normalization_copy(SD_NORMALIZE_UNIT, 3, (double[]){1, 1, 1}, (double[]){1, 1, 1}, &norm));
    REFUSED(sd_dataset_read(set, 1, (int32_t[]){0}, SD_F32, &norm, x, NULL, NULL), SD_ESHAPE, "3 features", "has 2");
    sd_normalization_clear(&norm);
    FINE(sd_normalization_make(SD_NORMALIZE_NONE, set, NULL, &norm));
    assert_int_equal(norm.n, 0);
    FINE(sd_dataset_read(set, 1, (int32_t[]){7}, SD_F32, &norm, x, NULL, NULL));
    assert_true(x[0] == 7 && x[1] == 70);
    sd_dataset_free(set);
}

/* Samples (id, user) with targets (2 id, 3 id); label id % 4, or 9 for sample 11. */
static sd_status fill(void *user, int n, const int32_t *ids, void *input, int32_t *labels, void *targets)
{
    for (int i = 0; i < n; i++) {
        ((float *)input)[2 * i] = (float)ids[i];
        ((float *)input)[2 * i + 1] = *(float *)user;
        if (labels)
            labels[i] = ids[i] == 11 ? 9 : ids[i] % 4;
        if (targets) {
            ((double *)targets)[2 * i] = 2 * ids[i];
            ((double *)targets)[2 * i + 1] = 3 * ids[i];
        }
        if (ids[i] == 19)
            return sd__fail(SD_EIO, "the tape is torn");
    }
    return SD_OK;
}

static void a_function_makes_samples(void **state)
{
    (void)state;
    float user = 5, x[4], y[4];
    int32_t labels[2];
    int64_t counts[4];
    sd_dataset *set;
    sd_callback callback = {.samples = 20,
                            .shape = SD_SHAPE(2),
                            .dtype = SD_F32,
                            .n_targets = 2,
                            .target_dtype = SD_F64,
                            .fill = fill,
                            .user = &user};
    FINE(sd_dataset_from_callback(&callback, &set));
    FINE(sd_dataset_read(set, 2, (const int32_t[]){3, 0}, SD_F32, NULL, x, NULL, y));
    assert_memory_equal(x, ((float[]){3, 5, 0, 5}), sizeof(x));
    assert_memory_equal(y, ((float[]){6, 9, 0, 0}), sizeof(y));
    REFUSED(sd_dataset_read(set, 1, (const int32_t[]){19}, SD_F32, NULL, x, NULL, y), SD_EIO, "the tape is torn");
    sd_dataset_free(set);
    callback.n_targets = 0;
    callback.classes = 4;
    FINE(sd_dataset_from_callback(&callback, &set));
    FINE(sd_dataset_read(set, 2, (const int32_t[]){10, 7}, SD_F32, NULL, NULL, labels, NULL));
    assert_true(labels[0] == 2 && labels[1] == 3);
    REFUSED(sd_dataset_read(set, 1, (const int32_t[]){11}, SD_F32, NULL, x, labels, NULL), SD_EINVAL, "label 9 of sample 11");
    REFUSED(sd_dataset_class_counts(set, counts), SD_EIO, "the tape is torn");
    sd_dataset_free(set);
    callback.samples = 11;
    FINE(sd_dataset_from_callback(&callback, &set));
    FINE(sd_dataset_class_counts(set, counts));
    assert_true(counts[0] == 3 && counts[1] == 3 && counts[2] == 3 && counts[3] == 2);
    sd_dataset_free(set);
}

/* Limit, validation and test parts share no sample, and statistics see the training part alone. */
static void opening_splits_and_measures(void **state)
{
    (void)state;
    sd_dataset *all = thirty();
    sd_data data;
    int which[30], seen[30] = {0};
    const sd_data_options options = {
        .custom = all, .seed = 3, .test = 6, .limit = 20, .validation = 0.25, .normalize = SD_NORMALIZE_UNIT};
    FINE(sd_data_open(&options, NULL, &data));
    sd_dataset *const parts[3] = {data.train, data.validation, data.test};
    const int sizes[3] = {15, 5, 6};
    double low = 30, high = 0;
    for (int p = 0; p < 3; p++) {
        assert_int_equal(sd_dataset_get(parts[p])->samples, sizes[p]);
        read_which(parts[p], sizes[p], which);
        for (int i = 0; i < sizes[p]; i++) {
            assert_int_equal(seen[which[i]]++, 0);
            low = p ? low : fmin(low, which[i]);
            high = p ? high : fmax(high, which[i]);
        }
    }
    assert_true(data.normalization.offset[0] == low && data.normalization.scale[0] == high - low);
    sd_data_close(&data);
    sd_data_options bad = options;
    bad.test = 0;
    bad.validation_is_test = true;
    REFUSED(sd_data_open(&bad, NULL, &data), SD_EINVAL, "validation on the test part");
    bad.custom_test = all;
    FINE(sd_data_open(&bad, NULL, &data));
    assert_ptr_equal(data.validation, data.test);
    sd_data_close(&data);
    bad.name = "mnist";
    REFUSED(sd_data_open(&bad, NULL, &data), SD_EINVAL, "more than one source");
    REFUSED(sd_data_open(&(sd_data_options){0}, NULL, &data), SD_EINVAL, "nothing to read");
    sd_dataset_free(all);
}

static void a_test_file_is_read_like_the_training_file(void **state)
{
    (void)state;
    sd_data data;
    char train[192], test[192];
    float x[2];
    int32_t y;
    snprintf(train, sizeof(train), "%s", data_put_text("train.csv", "a,b,kind\n1,2,x\n3,4,y\n5,6,x\n"));
    snprintf(test, sizeof(test), "%s", data_put_text("test.csv", "kind,b,a\ny,20,10\n"));
    const sd_data_options options = {.csv_train = train, .csv_test = test, .csv = {.label = "kind"}};
    FINE(sd_data_open(&options, NULL, &data));
    FINE(sd_dataset_read(data.test, 1, (const int32_t[]){0}, SD_F32, NULL, x, &y, NULL));
    assert_true(x[0] == 10 && x[1] == 20 && y == 1);
    sd_data_close(&data);
    data_put_text("test.csv", "b,a\n20,10\n");
    REFUSED(sd_data_open(&options, NULL, &data), SD_EFORMAT, "test.csv", "no column \"kind\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_copied_or_borrowed),         cmocka_unit_test(impossible_sets_are_refused),
        cmocka_unit_test(subsets_keep_what_they_need),          cmocka_unit_test(splits_are_partitions_that_keep_shares),
        cmocka_unit_test(splits_depend_on_the_seed_alone),      cmocka_unit_test(standard_features_have_mean_0_and_deviation_1),
        cmocka_unit_test(bytes_are_normalised_by_channel),      cmocka_unit_test(bytes_become_what_the_formula_says),
        cmocka_unit_test(normalisations_are_named_and_checked), cmocka_unit_test(a_function_makes_samples),
        cmocka_unit_test(opening_splits_and_measures),          cmocka_unit_test(a_test_file_is_read_like_the_training_file),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
