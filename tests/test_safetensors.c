/*
 * test_safetensors.c -- named tensors in files: round trips, files of other makers, and every way in which a file can be bad.
 */
#include <inttypes.h>
#include <jansson.h>
#include <setjmp.h>
#include <sonde/format.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "format/crc32c.h"

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sonde-test-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void put(const void *data, size_t bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
}

/* A file as another program would write it: header as given, then `bytes` of data. */
static void put_foreign(const char *header, const void *data, size_t bytes)
{
    size_t length = strlen(header);
    char *all = calloc(1, 8 + length + bytes + 1);
    for (int i = 0; i < 8; i++)
        all[i] = (char)((uint64_t)length >> (8 * i));
    memcpy(all + 8, header, length);
    memcpy(all + 8 + length, data, bytes);
    put(all, 8 + length + bytes);
    free(all);
}

static void refuses(const char *header, const void *data, size_t bytes, const char *words)
{
    sd_tensors *tensors = NULL;
    put_foreign(header, data, bytes);
    assert_int_equal(sd_tensors_load(path, &tensors), SD_EFORMAT);
    assert_null(tensors);
    if (!strstr(sd_error(), words) || !strstr(sd_error(), path))
        fail_msg("header %s gives \"%s\", expected \"%s\" and the path", header, sd_error(), words);
}

static const float w[6] = {1, -2, 3.5f, 0, 1e-38f, -0.0f};
static const int32_t ids[3] = {7, -1, INT32_MAX};
static const double d[1] = {0.1};
static const uint8_t bytes5[5] = {0, 1, 2, 254, 255};
static const uint16_t half[2] = {0x3f80, 0xc000};

static void save_five(void)
{
    sd_named_tensor t[] = {
        {"layer/weight", sd_tensor_dense((void *)w, SD_F32, SD_SHAPE(2, 3))},
        {"bytes \"5\"", sd_tensor_dense((void *)bytes5, SD_U8, SD_SHAPE(5))},
        {"one", sd_tensor_dense((void *)d, SD_F64, sd_scalar_shape())},
        {"ids", sd_tensor_dense((void *)ids, SD_I32, SD_SHAPE(3))},
        {"half", sd_tensor_dense((void *)half, SD_BF16, SD_SHAPE(2, 1))},
    };
    sd_note notes[] = {{"kind", "test"}, {"text", "a \"b\"\n\xc3\xa4"}};
    assert_int_equal(sd_tensors_save(path, 5, t, 2, notes), SD_OK);
}

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    save_five();
    sd_tensors *t = NULL;
    assert_int_equal(sd_tensors_load(path, &t), SD_OK);
    assert_int_equal(sd_tensors_count(t), 5);
    assert_true(sd_tensors_checked(t));
    assert_string_equal(sd_tensors_at(t, 0).name, "layer/weight");
    const sd_tensor *x = sd_tensors_find(t, "layer/weight");
    assert_true(x->dtype == SD_F32 && sd_shape_equal(x->shape, SD_SHAPE(2, 3)));
    assert_memory_equal(x->data, w, sizeof w);
    assert_memory_equal(sd_tensors_find(t, "bytes \"5\"")->data, bytes5, sizeof bytes5);
    x = sd_tensors_find(t, "one"); /* lies 29 bytes into the data: not where a double may lie */
    assert_int_equal(x->shape.rank, 0);
    assert_true((uintptr_t)x->data % 8 == 0 && *(double *)x->data == 0.1);
    assert_memory_equal(sd_tensors_find(t, "ids")->data, ids, sizeof ids);
    assert_memory_equal(sd_tensors_find(t, "half")->data, half, sizeof half);
    assert_string_equal(sd_tensors_note(t, "text"), "a \"b\"\n\xc3\xa4");
    assert_null(sd_tensors_note(t, "nothing"));
    assert_null(sd_tensors_find(t, "nothing"));
    sd_tensors_free(t);
}

/* The layout that the format's description asks for, read with nothing of ours: length, JSON, offsets, no holes. */
static void the_file_is_what_the_format_says(void **state)
{
    (void)state;
    save_five();
    char *file;
    size_t bytes;
    assert_int_equal(sd__file_read(path, 1 << 20, &file, &bytes), SD_OK);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | (uint8_t)file[i];
    assert_true(length + 8 < bytes && (length + 8) % 64 == 0 && file[8] == '{');
    json_t *header = json_loadb(file + 8, length, 0, NULL);
    assert_non_null(header);
    json_t *entry = json_object_get(header, "ids");
    assert_string_equal(json_string_value(json_object_get(entry, "dtype")), "I32");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(entry, "shape"), 0)), 3);
    json_int_t begin = json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 0));
    assert_int_equal(json_integer_value(json_array_get(json_object_get(entry, "data_offsets"), 1)), begin + 12);
    assert_memory_equal(file + 8 + length + begin, ids, sizeof ids);
    assert_int_equal(bytes, 8 + length + 24 + 5 + 8 + 12 + 4);
    json_decref(header);
    free(file);
}

/*
 * Every single byte of the file, changed in every bit in turn: the file is refused, or (the mark itself) no longer vouched for.
 */
static void every_flipped_bit_is_noticed(void **state)
{
    (void)state;
    save_five();
    char *file;
    size_t bytes;
    int unmarked = 0;
    assert_int_equal(sd__file_read(path, 1 << 20, &file, &bytes), SD_OK);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        sd_tensors *t = NULL;
        file[bit / 8] ^= (char)(1 << bit % 8);
        put(file, bytes);
        if (sd_tensors_load(path, &t) == SD_OK) {
            assert_false(sd_tensors_checked(t));
            unmarked++;
        }
        sd_tensors_free(t);
        file[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(unmarked <= 8 * 34); /* only inside {"__metadata__":{"sonde.crc32c":" */
    free(file);
}

static void every_cut_is_noticed(void **state)
{
    (void)state;
    save_five();
    char *file;
    size_t bytes;
    assert_int_equal(sd__file_read(path, 1 << 20, &file, &bytes), SD_OK);
    for (size_t keep = 0; keep < bytes; keep++) {
        sd_tensors *t = NULL;
        put(file, keep);
        assert_int_equal(sd_tensors_load(path, &t), SD_EFORMAT);
    }
    file = realloc(file, bytes + 1);
    file[bytes] = 0;
    put(file, bytes + 1);
    sd_tensors *t = NULL;
    assert_int_equal(sd_tensors_load(path, &t), SD_EFORMAT);
    free(file);
}

static void files_of_other_makers_are_read(void **state)
{
    (void)state;
    int64_t wide[2] = {-5, INT32_MAX};
    put_foreign("{\"n\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[0,16]},\"empty\":{\"dtype\":\"F32\",\"shape\":[0,3]"
                ",\"data_offsets\":[16,16]}}  ",
                wide, sizeof wide);
    sd_tensors *t = NULL;
    assert_int_equal(sd_tensors_load(path, &t), SD_OK);
    assert_false(sd_tensors_checked(t));
    const sd_tensor *n = sd_tensors_find(t, "n");
    assert_true(n->dtype == SD_I32 && ((int32_t *)n->data)[0] == -5 && ((int32_t *)n->data)[1] == INT32_MAX);
    sd_tensors_free(t);
    put_foreign("{}", "", 0);
    assert_int_equal(sd_tensors_load(path, &t), SD_OK);
    assert_int_equal(sd_tensors_count(t), 0);
    sd_tensors_free(t);
}

static void bad_headers_are_refused(void **state)
{
    (void)state;
    float four[4] = {0};
    int64_t wide = (int64_t)INT32_MAX + 1;
#define F32(shape, from, to) "{\"a\":{\"dtype\":\"F32\",\"shape\":[" shape "],\"data_offsets\":[" from "," to "]}}"
    refuses("[]", "", 0, "not a JSON object");
    refuses("{", "", 0, "not a JSON object");
    refuses("{\"a\":1}", "", 0, "type (none)");
    refuses("{\"a\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]}}", four, 2, "type F16");
    refuses(F32("4", "0", "20"), four, 16, "ends at byte 20");
    refuses(F32("5", "0", "16"), four, 16, "16 bytes for 5 elements of 4");
    refuses(F32("0,4611686018427387904,4611686018427387904", "0", "0"), "", 0, "larger than the file");
    refuses(F32("3", "0", "12"), four, 16, "the tensors take 12");
    refuses(F32("2", "8", "16"), four, 16, "where 0 is due");
    refuses(F32("4", "16", "0"), four, 16, "begin <= end");
    refuses(F32("4", "-1", "15"), four, 16, "begin <= end");
    refuses(F32("-4", "0", "16"), four, 16, "negative");
    refuses(F32("4294967296,4294967296,4", "0", "16"), four, 16, "larger than the file");
    refuses(F32("1,1,1,1,1,1,4", "0", "16"), four, 16, "at most 6");
    refuses(F32("\"4\"", "0", "16"), four, 16, "size");
    refuses("{\"a\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0]}}", four, 16, "two numbers");
    refuses("{\"a\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[0,8]}}", &wide, 8, "2147483648");
    refuses("{\"__metadata__\":{\"a\":1}}", "", 0, "must be text");
    refuses("{\"__metadata__\":[]}", "", 0, "map of text");
    refuses("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},\"a\":{\"dtype\":\"U8\",\"shape\":[0],"
            "\"data_offsets\":[0,0]}}",
            "", 0, "duplicate");
#undef F32
    uint64_t huge[2] = {UINT64_MAX, 0};
    put(huge, sizeof huge);
    sd_tensors *t = NULL;
    assert_int_equal(sd_tensors_load(path, &t), SD_EFORMAT);
    unlink(path);
    assert_int_equal(sd_tensors_load(path, &t), SD_ENOTFOUND);
}

static void saving_refuses_what_cannot_be_stored(void **state)
{
    (void)state;
    save_five();
    sd_named_tensor two[2] = {{"a", sd_tensor_dense((void *)w, SD_F32, SD_SHAPE(3))},
                              {"a", sd_tensor_dense((void *)w, SD_F32, SD_SHAPE(3))}};
    assert_int_equal(sd_tensors_save(path, 2, two, 0, NULL), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "'a'"));
    two[0].tensor.stride[0] = 2;
    assert_int_equal(sd_tensors_save(path, 1, two, 0, NULL), SD_EINVAL);
    sd_note notes[2] = {{"k", "1"}, {"k", "2"}};
    assert_int_equal(sd_tensors_save(path, 0, NULL, 2, notes), SD_EINVAL);
    sd_tensors *t = NULL; /* and the former file is still there */
    assert_int_equal(sd_tensors_load(path, &t), SD_OK);
    assert_int_equal(sd_tensors_count(t), 5);
    sd_tensors_free(t);
    assert_int_not_equal(sd_tensors_save("/nowhere/at/all", 0, NULL, 0, NULL), SD_OK);
}

/* RFC 3720, appendix B.4, and the check value of the catalogue of parametrised CRC algorithms. */
static void crc32c_gives_the_published_values(void **state)
{
    (void)state;
    uint8_t zeros[32] = {0}, ones[32], up[32], down[32];
    memset(ones, 0xff, 32);
    for (int i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(sd__crc32c(0, zeros, 32), 0x8a9136aa);
    assert_int_equal(sd__crc32c(0, ones, 32), 0x62a8ab43);
    assert_int_equal(sd__crc32c(0, up, 32), 0x46dd794e);
    assert_int_equal(sd__crc32c(0, down, 32), 0x113fdb5c);
    assert_int_equal(sd__crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(sd__crc32c(sd__crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
    assert_int_equal(sd__crc32c(0, "", 0), 0);
}

/* The way for long data gives what the definition gives: x^8 mod the polynomial, a bit at a time. */
static void long_data_has_the_checksum_of_its_bits(void **state)
{
    (void)state;
    size_t n = 100003;
    uint8_t *data = malloc(n);
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < n; i++) {
        data[i] = (uint8_t)(i * i >> 7 ^ i);
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82f63b78 : crc >> 1;
    }
    assert_int_equal(sd__crc32c(0, data, n), ~crc);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(the_file_is_what_the_format_says),
        cmocka_unit_test(every_flipped_bit_is_noticed),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(files_of_other_makers_are_read),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(saving_refuses_what_cannot_be_stored),
        cmocka_unit_test(crc32c_gives_the_published_values),
        cmocka_unit_test(long_data_has_the_checksum_of_its_bits),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
