/* test_data_idx.c -- IDX files: what a hand-made file holds is read, and every way in which a file can be bad is named. */
#include "data_files.h"

/* Two images of 2x3 and their labels, byte by byte as the format's description has them. */
static const uint8_t images[28] = {0, 0, 8, 3, 0, 0, 0, 2, 0,   0,   0,   2,   0,   0,
                                   0, 3, 1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255};
static const uint8_t labels[10] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};

static void assert_two_images(const sd_dataset *set)
{
    const sd_dataset_info *info = sd_dataset_get(set);
    const int32_t order[2] = {1, 0};
    float x[12];
    int32_t y[2];
    assert_int_equal(info->samples, 2);
    assert_true(sd_shape_equal(info->shape, SD_SHAPE(2, 3, 1)));
    assert_int_equal(info->dtype, SD_U8);
    assert_int_equal(info->target, SD_TARGET_CLASS);
    FINE(sd_dataset_read(set, 2, order, SD_F32, NULL, x, y, NULL));
    for (int i = 0; i < 6; i++) {
        assert_true(x[i] == 250 + i);
        assert_true(x[6 + i] == 1 + i);
    }
    assert_int_equal(y[0], 3);
    assert_int_equal(y[1], 7);
}

static void plain_and_packed_files_are_read(void **state)
{
    (void)state;
    uint8_t packed[200];
    sd_dataset *set;
    const char *x = data_put("x", images, sizeof(images)), *y = data_put("y", labels, sizeof(labels));
    FINE(sd_dataset_from_idx(x, y, 10, &set));
    assert_two_images(set);
    assert_int_equal(sd_dataset_get(set)->classes, 10);
    assert_int_equal(strlen(sd_dataset_get(set)->checksum), 64 + 1 + 64);
    sd_dataset_free(set);
    x = data_put("x.gz", packed, data_gzip(images, sizeof(images), packed, sizeof(packed)));
    y = data_put("y.gz", packed, data_gzip(labels, sizeof(labels), packed, sizeof(packed)));
    FINE(sd_dataset_from_idx(x, y, 0, &set));
    assert_two_images(set);
    assert_int_equal(sd_dataset_get(set)->classes, 8);
    sd_dataset_free(set);
    FINE(sd_dataset_from_idx(x, NULL, 0, &set));
    assert_int_equal(sd_dataset_get(set)->target, SD_TARGET_NONE);
    sd_dataset_free(set);
}

/* A file of images with these bytes is refused with these words and its own name. */
static void images_refused(const void *data, size_t bytes, const char *words)
{
    sd_dataset *set = (sd_dataset *)1;
    const char *x = data_put("bad", data, bytes);
    REFUSED(sd_dataset_from_idx(x, NULL, 0, &set), SD_EFORMAT, words, "/bad");
    assert_null(set);
}

static void an_empty_file_is_refused(void **state)
{
    (void)state;
    images_refused("", 0, "empty");
    const uint8_t none[16] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3};
    images_refused(none, sizeof(none), "empty");
}

static void a_wrong_magic_is_refused(void **state)
{
    (void)state;
    uint8_t bad[28];
    for (int i = 0; i < 4; i++) {
        memcpy(bad, images, sizeof(bad));
        bad[i] ^= 0x40;
        images_refused(bad, sizeof(bad), "wrong magic 0x");
    }
    images_refused(labels, sizeof(labels), "wrong magic 0x00000801");
}

/* Cut anywhere, plain or packed. */
static void a_truncated_file_is_refused(void **state)
{
    (void)state;
    uint8_t packed[200];
    size_t n = data_gzip(images, sizeof(images), packed, sizeof(packed));
    for (size_t cut = 1; cut < sizeof(images); cut++)
        images_refused(images, cut, "truncated");
    for (size_t cut = 2; cut < n; cut++)
        images_refused(packed, cut, "truncated");
}

static void an_over_long_file_is_refused(void **state)
{
    (void)state;
    uint8_t more[29], packed[200];
    memcpy(more, images, sizeof(images));
    more[28] = 0;
    images_refused(more, sizeof(more), "too long");
    images_refused(packed, data_gzip(more, sizeof(more), packed, sizeof(packed)), "too long");
    size_t n = data_gzip(images, sizeof(images), packed, sizeof(packed));
    packed[n] = 0;
    images_refused(packed, n + 1, "too long");
}

/* One bit in the packed data: it no longer unpacks, its checksum is wrong, or it was padding and the content is the same. */
static void a_flipped_bit_in_a_packed_file_is_noticed(void **state)
{
    (void)state;
    uint8_t packed[200];
    int noticed = 0;
    size_t n = data_gzip(images, sizeof(images), packed, sizeof(packed));
    const char *y = data_put("y", labels, sizeof(labels));
    for (size_t bit = 8 * 10; bit < 8 * n; bit++) {
        sd_dataset *set;
        packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const char *x = data_put("bad", packed, n);
        if (sd_dataset_from_idx(x, y, 10, &set) == SD_OK) {
            assert_two_images(set);
            sd_dataset_free(set);
        } else {
            REFUSED(sd_dataset_from_idx(x, y, 10, &set), SD_EFORMAT, "/bad");
            noticed++;
        }
        packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_in_range(noticed, 8 * (n - 10) - 7, 8 * (n - 10));
}

/* The product of the sizes overflows 64 bits, or announces more than a small file can unpack to. */
static void impossible_sizes_are_refused(void **state)
{
    (void)state;
    const uint8_t huge[24] = {0, 0, 8, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    const uint8_t large[16] = {0, 0, 8, 3, 0, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28};
    uint8_t packed[200];
    images_refused(huge, sizeof(huge), "truncated");
    images_refused(large, sizeof(large), "[16777215,28,28]");
    images_refused(packed, data_gzip(large, sizeof(large), packed, sizeof(packed)), "[16777215,28,28]");
}

static void labels_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    sd_dataset *set;
    const char *x = data_put("x", images, sizeof(images)), *y = data_put("y", labels, sizeof(labels));
    REFUSED(sd_dataset_from_idx(x, y, 7, &set), SD_EFORMAT, "label 7 of sample 0", "out of range", "7 classes", "/y");
    const uint8_t three[11] = {0, 0, 8, 1, 0, 0, 0, 3, 1, 1, 1};
    y = data_put("three", three, sizeof(three));
    REFUSED(sd_dataset_from_idx(x, y, 10, &set), SD_EFORMAT, "3 labels", "2 images", "/three");
    REFUSED(sd_dataset_from_idx(x, x, 10, &set), SD_EFORMAT, "wrong magic");
    REFUSED(sd_dataset_from_idx(x, data_path("nowhere"), 10, &set), SD_ENOTFOUND, "nowhere");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_packed_files_are_read), cmocka_unit_test(an_empty_file_is_refused),
        cmocka_unit_test(a_wrong_magic_is_refused),        cmocka_unit_test(a_truncated_file_is_refused),
        cmocka_unit_test(an_over_long_file_is_refused),    cmocka_unit_test(a_flipped_bit_in_a_packed_file_is_noticed),
        cmocka_unit_test(impossible_sizes_are_refused),    cmocka_unit_test(labels_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
