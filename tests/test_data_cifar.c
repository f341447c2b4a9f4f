/*
 * test_data_cifar.c -- CIFAR-10's binary files: what a hand-made file holds is read, plain or packed, and every way in which a file can
 * be bad is named; the real test images are those that everybody has.
 */
#include "data_files.h"

#include "data/cifar.h"
#include "data/named.h"
#include "data/sha256.h"

#ifdef SD_WITH_XZ
#include <lzma.h>
#endif

enum { RECORDS = 3, RECORD = 3073, BYTES = RECORDS * RECORD, ROOM = 1 << 14 };

/* What record r is to have in channel c of the pixel in row y, column x. */
static uint8_t value(int r, int y, int x, int c) { return (uint8_t)(13 * r + 31 * y + 7 * x + 97 * c + (x * y) / 8); }

static uint8_t label(int r) { return (uint8_t)(9 - 4 * r); }

/* The file, byte by byte as the format's description has it. */
static void make_file(uint8_t *to)
{
    for (int r = 0; r < RECORDS; r++) {
        *to++ = label(r);
        for (int c = 0; c < 3; c++)
            for (int y = 0; y < 32; y++)
                for (int x = 0; x < 32; x++)
                    *to++ = value(r, y, x, c);
    }
}

#ifdef SD_WITH_XZ
static size_t data_xz(const void *data, size_t bytes, uint8_t *out, size_t room)
{
    size_t n = 0;
    assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, NULL, data, bytes, out, &n, room), LZMA_OK);
    return n;
}
#endif

typedef size_t packer(const void *data, size_t bytes, uint8_t *out, size_t room);
static packer *const packers[] = {
    data_gzip,
#ifdef SD_WITH_XZ
    data_xz,
#endif
};
enum { PACKERS = sizeof(packers) / sizeof(*packers) };

static void assert_records(const sd_dataset *set, int first, int n)
{
    static float x[2 * RECORDS][32][32][3];
    int32_t y[2 * RECORDS], positions[2 * RECORDS];
    for (int i = 0; i < n; i++)
        positions[i] = first + i;
    FINE(sd_dataset_read(set, n, positions, SD_F32, NULL, x, y, NULL));
    for (int r = 0; r < n; r++) {
        assert_int_equal(y[r], label(r));
        for (int row = 0; row < 32; row++)
            for (int column = 0; column < 32; column++)
                for (int c = 0; c < 3; c++)
                    assert_true(x[r][row][column][c] == value(r, row, column, c));
    }
}

static void plain_and_packed_files_are_read(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM];
    make_file(file);
    for (int p = -1; p < PACKERS; p++) {
        sd_dataset *set;
        const char *path = p < 0 ? data_put("plain", file, BYTES)
                                 : data_put("packed", packed, packers[p](file, BYTES, packed, sizeof(packed)));
        FINE(sd_dataset_from_cifar(1, &path, &set));
        const sd_dataset_info *info = sd_dataset_get(set);
        assert_int_equal(info->samples, RECORDS);
        assert_true(sd_shape_equal(info->shape, SD_SHAPE(32, 32, 3)));
        assert_int_equal(info->dtype, SD_U8);
        assert_int_equal(info->classes, 10);
        assert_string_equal(info->class_names[0], "airplane");
        assert_string_equal(info->class_names[9], "truck");
        assert_int_equal(strlen(info->checksum), 64);
        assert_records(set, 0, RECORDS);
        sd_dataset_free(set);
    }
}

static void several_files_are_one_set(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM];
    sd_dataset *set;
    make_file(file);
    const char *paths[3] = {data_put("one", file, BYTES), data_put("two", file, RECORD),
                            data_put("three", packed, data_gzip(file, BYTES, packed, sizeof(packed)))};
    FINE(sd_dataset_from_cifar(3, paths, &set));
    assert_int_equal(sd_dataset_get(set)->samples, 2 * RECORDS + 1);
    assert_int_equal(strlen(sd_dataset_get(set)->checksum), 3 * 64 + 2);
    assert_records(set, 0, RECORDS);
    assert_records(set, RECORDS, 1);
    assert_records(set, RECORDS + 1, RECORDS);
    sd_dataset_free(set);
    paths[1] = data_path("nowhere");
    REFUSED(sd_dataset_from_cifar(3, paths, &set), SD_ENOTFOUND, "nowhere");
    assert_null(set);
    REFUSED(sd_dataset_from_cifar(0, paths, &set), SD_EINVAL, "0 files");
    REFUSED(sd_dataset_from_cifar(65, paths, &set), SD_EINVAL, "65 files", "1 to 64");
}

/* Every channel has numbers of its own: record 0 alone, so that they can be added up here. */
static void channels_are_normalised_one_by_one(void **state)
{
    (void)state;
    static uint8_t file[BYTES];
    sd_dataset *set;
    sd_normalization norm;
    make_file(file);
    const char *path = data_put("x", file, RECORD);
    FINE(sd_dataset_from_cifar(1, &path, &set));
    FINE(sd_normalization_make(SD_NORMALIZE_STANDARD, set, NULL, &norm));
    assert_int_equal(norm.n, 3);
    for (int c = 0; c < 3; c++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < 1024; i++) {
            double v = value(0, i / 32, i % 32, c);
            sum += v, squares += v * v;
        }
        assert_true(norm.offset[c] == sum / 1024);
        double error = norm.scale[c] * norm.scale[c] / (squares / 1024 - sum / 1024 * sum / 1024) - 1;
        assert_true(error < 1e-12 && error > -1e-12);
    }
    sd_normalization_clear(&norm);
    sd_dataset_free(set);
}

/* A file with these bytes is refused with these words and its own name. */
static void refused(const void *data, size_t bytes, const char *words)
{
    sd_dataset *set = (sd_dataset *)1;
    const char *path = data_put("bad", data, bytes);
    REFUSED(sd_dataset_from_cifar(1, &path, &set), SD_EFORMAT, words, "/bad");
    assert_null(set);
}

static void what_is_no_whole_number_of_records_is_refused(void **state)
{
    (void)state;
    static uint8_t file[BYTES + 1], packed[ROOM];
    make_file(file);
    refused(file, 0, "empty");
    refused(file, BYTES - 1, "9218 bytes are no multiple of 3073");
    refused(file, BYTES + 1, "9220 bytes are no multiple of 3073");
    refused(file, 1, "no multiple");
    for (int p = 0; p < PACKERS; p++) {
        refused(packed, packers[p](file, 0, packed, sizeof(packed)), "empty");
        refused(packed, packers[p](file, BYTES - 1, packed, sizeof(packed)), "9218 bytes");
    }
}

/* Cut anywhere (at its ends, where the format's own fields are, after every byte), or with more behind it. */
static void a_packed_file_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM];
    make_file(file);
    for (int p = 0; p < PACKERS; p++) {
        size_t n = packers[p](file, BYTES, packed, sizeof(packed));
        for (size_t cut = 1; cut < n; cut += cut < 64 || cut + 64 > n ? 1 : 13)
            refused(packed, cut, cut < 6 ? "" : "truncated");
        memset(packed + n, 0, 4);
        refused(packed, n + 4, "");
    }
}

static void a_label_beyond_nine_is_refused(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM];
    make_file(file);
    file[2 * RECORD] = 10;
    refused(file, BYTES, "label 10 of record 2 is out of range; CIFAR-10 has the labels 0 to 9");
    refused(packed, data_gzip(file, BYTES, packed, sizeof(packed)), "label 10 of record 2");
}

/* One bit of packed data: what comes out is refused, or is the right content (gzip has bits that mean nothing). */
static void a_flipped_bit_in_packed_data_is_noticed(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM], images[2][RECORDS * SD_CIFAR_IMAGE];
    int32_t labels[2][RECORDS];
    make_file(file);
    FINE(sd__cifar_fill("sound", file, BYTES, RECORDS, images[0], labels[0]));
    for (int p = 0; p < PACKERS; p++) {
        int noticed = 0, flips = 0;
        size_t n = packers[p](file, BYTES, packed, sizeof(packed));
        for (size_t byte = 10; byte < n; byte++, flips++) {
            uint8_t bit = (uint8_t)(1 << byte % 8);
            int64_t records;
            packed[byte] ^= bit;
            sd_status status = sd__cifar_count("bad", packed, n, &records);
            if (status == SD_OK && records <= RECORDS)
                status = sd__cifar_fill("bad", packed, n, records, images[1], labels[1]);
            if (status == SD_OK)
                assert_memory_equal(images[0], images[1], sizeof(*images));
            noticed += status == SD_EFORMAT;
            packed[byte] ^= bit;
        }
        assert_in_range(noticed, flips - 7, flips);
    }
}

static void put32(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> 8 * i);
}

/* The length at the end of gzip data is believed only as far as the data can hold it, and must be right. */
static void a_false_length_is_refused(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM];
    make_file(file);
    size_t n = data_gzip(file, BYTES, packed, sizeof(packed));
    put32(packed + n - 4, 1300000U * RECORD);
    refused(packed, n, "announces 3994900000 bytes, more than the file can hold");
    put32(packed + n - 4, (RECORDS - 1) * RECORD);
    refused(packed, n, "too long");
    put32(packed + n - 4, (RECORDS + 1) * RECORD);
    refused(packed, n, "gzip data");
}

/* Between counting and reading a file may change. */
static void another_number_of_records_is_refused(void **state)
{
    (void)state;
    static uint8_t file[BYTES], images[(RECORDS + 1) * SD_CIFAR_IMAGE];
    int32_t labels[RECORDS + 1];
    make_file(file);
    REFUSED(sd__cifar_fill("now", file, BYTES, RECORDS - 1, images, labels), SD_EFORMAT, "now", "too long");
    REFUSED(sd__cifar_fill("now", file, BYTES, RECORDS + 1, images, labels), SD_EFORMAT, "now", "truncated");
}

#ifdef SD_WITH_XZ
/* The header of the block gets a dictionary of 4 GiB: nobody is to need that much memory for a file. */
static void xz_data_may_not_ask_for_any_memory(void **state)
{
    (void)state;
    static uint8_t file[BYTES], packed[ROOM];
    make_file(file);
    size_t n = data_xz(file, BYTES, packed, sizeof(packed)), header = 12, length = 4 * ((size_t)packed[header] + 1);
    uint8_t *filter = packed + header + 2 + (packed[header + 1] & 0x40 ? 2 : 0) + (packed[header + 1] & 0x80 ? 2 : 0);
    assert_int_equal(filter[0], 0x21); /* LZMA2 */
    assert_int_equal(filter[1], 1);
    filter[2] = 40;
    put32(packed + header + length - 4, (uint32_t)crc32(0, packed + header, (uInt)length - 4));
    refused(packed, n, "more than 256 MiB of memory");
}
#endif

static const char *real_data;

/* The last file of the set: its first thousand images were taken apart by another program; labels as everybody knows them. */
static void the_test_images_are_those_of_cifar_10(void **state)
{
    (void)state;
    static const int32_t first_labels[10] = {3, 8, 8, 0, 6, 6, 1, 6, 3, 1};
    static uint8_t first[1000 * SD_CIFAR_IMAGE];
    int64_t counts[10];
    int32_t y[1000], positions[1000];
    char sum[SD_SHA256_TEXT], *folder;
    const char *ci = getenv("CI");
    if (!real_data || sd_named_set_locate(sd_named_set_find("cifar-10"), real_data, &folder) != SD_OK) {
        print_message("cifar-10 is needed in $SONDE_DATA: %s\n", real_data ? sd_error() : "not set");
        if (ci && !strcmp(ci, "true"))
            fail();
        skip();
    }
    sd_dataset *set;
    float *x = malloc(1000 * SD_CIFAR_IMAGE * sizeof *x);
    char *path = sd__named_file(folder, "cifar-10-batches-bin/test_batch.bin");
    FINE(sd_dataset_from_cifar(1, (const char *const[]){path}, &set));
    FINE(sd_dataset_class_counts(set, counts));
    for (int c = 0; c < 10; c++)
        assert_int_equal(counts[c], 1000);
    for (int i = 0; i < 1000; i++)
        positions[i] = i;
    FINE(sd_dataset_read(set, 1000, positions, SD_F32, NULL, x, y, NULL));
    assert_memory_equal(y, first_labels, sizeof(first_labels));
    for (size_t i = 0; i < sizeof(first); i++)
        first[i] = (uint8_t)x[i];
    sd__sha256(first, sizeof(first), sum);
    assert_string_equal(sum, "da362006b99671213d1a5d856cab2bedf64d40bad4501630ee60f4ceb2d3ec7f");
    sd_dataset_free(set);
    free(path);
    free(folder);
    free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_packed_files_are_read),
        cmocka_unit_test(several_files_are_one_set),
        cmocka_unit_test(channels_are_normalised_one_by_one),
        cmocka_unit_test(what_is_no_whole_number_of_records_is_refused),
        cmocka_unit_test(a_packed_file_that_is_not_whole_is_refused),
        cmocka_unit_test(a_label_beyond_nine_is_refused),
        cmocka_unit_test(a_flipped_bit_in_packed_data_is_noticed),
        cmocka_unit_test(a_false_length_is_refused),
        cmocka_unit_test(another_number_of_records_is_refused),
#ifdef SD_WITH_XZ
        cmocka_unit_test(xz_data_may_not_ask_for_any_memory),
#endif
        cmocka_unit_test(the_test_images_are_those_of_cifar_10),
    };
    real_data = getenv("SONDE_DATA");
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
