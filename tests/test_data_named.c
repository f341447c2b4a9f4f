/* test_data_named.c -- sets by name: where they are looked for, what is said when they are missing, the real ones if there. */
#include "data_files.h"

#include <math.h>

#include "base/file.h"
#include "data/sha256.h"

/* FIPS 180-4's own examples, and a million times "a". */
static void sha256_gives_the_published_sums(void **state)
{
    (void)state;
    static char million[1000000];
    char sum[SD_SHA256_TEXT];
    sd__sha256("abc", 3, sum);
    assert_string_equal(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sd__sha256("", 0, sum);
    assert_string_equal(sum, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sd__sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, sum);
    assert_string_equal(sum, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(million, 'a', sizeof(million));
    sd_sha256 hash;
    sd__sha256_begin(&hash);
    for (size_t at = 0, n; at < sizeof(million); at += n) {
        n = at % 131 + 1;
        n = n < sizeof(million) - at ? n : sizeof(million) - at;
        sd__sha256_add(&hash, million + at, n);
    }
    sd__sha256_end(&hash, sum);
    assert_string_equal(sum, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void names_are_found_or_the_nearest_is_offered(void **state)
{
    (void)state;
    const sd_named_set *table;
    int n = sd_named_sets(&table);
    for (int i = 0; i < n; i++)
        assert_ptr_equal(sd_named_set_find(table[i].name), &table[i]);
    assert_null(sd_named_set_find("mnits"));
    assert_non_null(strstr(sd_error(), "did you mean 'mnist'?"));
}

/* Where it looked, in order, what is lacking there, and how to get it. */
static void a_missing_set_says_how_to_fetch_it(void **state)
{
    (void)state;
    char data[64 + 8], home[64 + 8];
    sd_data opened;
    snprintf(data, sizeof(data), "%s/data", data_folder);
    snprintf(home, sizeof(home), "%s/home", data_folder);
    setenv("SONDE_DATA", data, 1);
    setenv("HOME", home, 1);
    const sd_data_options options = {.name = "mnist", .dir = "/nonexistent"};
    REFUSED(sd_data_open(&options, NULL, &opened), SD_ENOTFOUND, "sonde data fetch mnist", "/nonexistent/mnist, ",
            "/data/mnist, ", "/home/.cache/sonde/mnist");
    FINE(sd__make_folders(data_path("data/mnist")));
    data_put("data/mnist/train-images-idx3-ubyte", "", 0);
    REFUSED(sd_data_open(&options, NULL, &opened), SD_ENOTFOUND, "/data/mnist (lacks train-labels-idx1-ubyte.gz)");
    unsetenv("SONDE_DATA");
    unsetenv("HOME");
    char *folder = sd_named_set_folder(sd_named_set_find("mnist"), NULL);
    assert_null(folder);
    REFUSED(sd_data_open(&(sd_data_options){.name = "mnist"}, NULL, &opened), SD_ENOTFOUND,
            "neither SONDE_DATA nor HOME is set");
}

/* Two images in the files of fashion-mnist: one part packed, the other not. */
static void a_set_is_found_and_opened(void **state)
{
    (void)state;
    const uint8_t images[16 + 4] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4},
                              labels[10] = {0, 0, 8, 1, 0, 0, 0, 2, 9, 0};
    uint8_t packed[100];
    sd_data data;
    setenv("SONDE_DATA", data_folder, 1);
    FINE(sd__make_folders(data_path("fashion-mnist")));
    data_put("fashion-mnist/train-images-idx3-ubyte.gz", packed, data_gzip(images, 20, packed, 100));
    data_put("fashion-mnist/train-labels-idx1-ubyte.gz", packed, data_gzip(labels, 10, packed, 100));
    data_put("fashion-mnist/t10k-images-idx3-ubyte", images, 20);
    data_put("fashion-mnist/t10k-labels-idx1-ubyte", labels, 10);
    FINE(sd_data_open(&(sd_data_options){.name = "fashion-mnist", .limit_test = 1}, NULL, &data));
    const sd_dataset_info *info = sd_dataset_get(data.train);
    assert_string_equal(info->name, "fashion-mnist");
    assert_string_equal(info->class_names[9], "ankle boot");
    assert_int_equal(info->samples, 2);
    assert_int_equal(sd_dataset_get(data.test)->samples, 1);
    sd_data_close(&data);
    char *folder = sd_named_set_folder(sd_named_set_find("mnist"), "/x");
    assert_string_equal(folder, "/x/mnist");
    free(folder);
}

static void assert_counts(const sd_dataset *set, const int64_t wanted[10])
{
    int64_t counts[10];
    FINE(sd_dataset_class_counts(set, counts));
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], wanted[c]);
}

/* The records of each file of cifar-10 have a label of their own; files lie packed or not, and where their archive puts them or not. */
static void colour_images_are_found_in_six_files(void **state)
{
    (void)state;
    static uint8_t record[2 * 3073], packed[200];
    char name[64];
    int64_t counts[10];
    sd_data data;
    setenv("SONDE_DATA", data_folder, 1);
    FINE(sd__make_folders(data_path("cifar-10/cifar-10-batches-bin")));
    for (int i = 5; i > 0; i--) {
        const sd_data_options options = {.name = "cifar-10"};
        snprintf(name, sizeof(name), "cifar-10/%sdata_batch_%d.bin%s", i % 2 ? "cifar-10-batches-bin/" : "", i,
                 i == 3 ? ".gz" : "");
        record[0] = record[3073] = (uint8_t)i;
        size_t n = i == 3 ? data_gzip(record, sizeof(record), packed, sizeof(packed)) : sizeof(record);
        REFUSED(sd_data_open(&options, NULL, &data), SD_ENOTFOUND, "lacks cifar-10-batches-bin/data_batch_1.bin");
        data_put(name, i == 3 ? packed : record, n);
    }
    REFUSED(sd_data_open(&(sd_data_options){.name = "cifar-10"}, NULL, &data), SD_ENOTFOUND, "test_batch.bin");
    record[0] = 7;
    data_put("cifar-10/test_batch.bin", record, 3073);
    FINE(sd_data_open(&(sd_data_options){.name = "cifar-10"}, NULL, &data));
    assert_string_equal(sd_dataset_get(data.train)->name, "cifar-10");
    assert_string_equal(sd_dataset_get(data.train)->class_names[7], "horse");
    assert_counts(data.train, (const int64_t[]){0, 2, 2, 2, 2, 2, 0, 0, 0, 0});
    FINE(sd_dataset_class_counts(data.test, counts));
    assert_int_equal(counts[7], 1);
    int32_t y[10], positions[10] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    FINE(sd_dataset_read(data.train, 10, positions, SD_F32, NULL, NULL, y, NULL));
    for (int i = 0; i < 10; i++)
        assert_int_equal(y[i], i / 2 + 1);
    sd_data_close(&data);
}

static char real_data[4096];

/* Opens the set from the real files that SONDE_DATA named when the test began; skips where there are none, except under CI. */
static void open_real(const char *name, sd_data *data)
{
    const char *ci = getenv("CI");
    if (*real_data && sd_data_open(&(sd_data_options){.name = name, .dir = real_data}, NULL, data) == SD_OK)
        return;
    print_message("%s is needed in $SONDE_DATA: %s\n", name, *real_data ? sd_error() : "not set");
    if (ci && !strcmp(ci, "true"))
        fail();
    skip();
}

/* Counts as the set's description has them; mean and deviation are the well-known 0.1307 and 0.3081 of [0,1]. */
static void mnist_is_mnist(void **state)
{
    (void)state;
    sd_data data;
    sd_normalization norm;
    open_real("mnist", &data);
    assert_counts(data.train, (const int64_t[]){5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949});
    assert_counts(data.test, (const int64_t[]){980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009});
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, data.train, NULL, &norm));
    assert_true(fabs(norm.offset[0] / 255 - 0.1307) < 5e-5 && fabs(norm.scale[0] / 255 - 0.3081) < 5e-5);
    const sd_named_set *set = sd_named_set_find("mnist");
    char both[130];
    snprintf(both, sizeof(both), "%s+%s", set->file[0].sha256, set->file[1].sha256);
    assert_string_equal(sd_dataset_get(data.train)->checksum, both);
    sd_normalization_clear(&norm);
    sd_data_close(&data);
}

static void fashion_mnist_is_fashion_mnist(void **state)
{
    (void)state;
    sd_data data;
    open_real("fashion-mnist", &data);
    assert_counts(data.train, (const int64_t[]){6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000, 6000});
    assert_counts(data.test, (const int64_t[]){1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000});
    sd_data_close(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_gives_the_published_sums),      cmocka_unit_test(names_are_found_or_the_nearest_is_offered),
        cmocka_unit_test(a_missing_set_says_how_to_fetch_it),   cmocka_unit_test(a_set_is_found_and_opened),
        cmocka_unit_test(colour_images_are_found_in_six_files), cmocka_unit_test(mnist_is_mnist),
        cmocka_unit_test(fashion_mnist_is_fashion_mnist),
    };
    const char *folder = getenv("SONDE_DATA");
    snprintf(real_data, sizeof(real_data), "%s", folder ? folder : "");
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
