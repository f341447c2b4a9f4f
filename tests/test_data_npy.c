/* test_data_npy.c -- npy files: headers as NumPy writes them, round trips, sets made of them, and every kind of bad file. */
#include "data_files.h"

#include <math.h>

static uint8_t file[4096];

/* A file of version 1 (2, 3) with this dictionary and data; returns its length. */
static size_t make(int version, const char *dictionary, const void *data, size_t bytes)
{
    size_t length = strlen(dictionary), start = version == 1 ? 10 : 12;
    const uint8_t head[12] = {0x93, 'N', 'U', 'M', 'P', 'Y', (uint8_t)version, 0, (uint8_t)length, (uint8_t)(length >> 8)};
    memcpy(file, head, start);
    memcpy(file + start, dictionary, length);
    memcpy(file + start + length, data, bytes);
    return start + length + bytes;
}

static const float six[6] = {1, -2, 3.5f, 0, 1e-30f, 1e38f};

static void arrays_of_every_version_and_type_are_read(void **state)
{
    (void)state;
    sd_tensor t;
    for (int version = 1; version <= 3; version++) {
        size_t n = make(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n", six, sizeof(six));
        FINE(sd_npy_read(data_put("a.npy", file, n), &t));
        assert_int_equal(t.dtype, SD_F32);
        assert_true(sd_shape_equal(t.shape, SD_SHAPE(2, 3)));
        assert_memory_equal(t.data, six, sizeof(six));
        free(t.data);
    }
    const int64_t wide[3] = {-5, INT32_MAX, INT32_MIN};
    FINE(sd_npy_read(data_put("a.npy", file, make(1, "{\"shape\":(3,),\"fortran_order\":False,\"descr\":\"<i8\"}", wide, 24)),
                     &t));
    assert_int_equal(t.dtype, SD_I32);
    for (int i = 0; i < 3; i++)
        assert_true(((int32_t *)t.data)[i] == wide[i]);
    free(t.data);
    FINE(sd_npy_read(data_put("a.npy", file, make(1, "{'descr': '|b1', 'fortran_order': False, 'shape': (), }", "\1", 1)), &t));
    assert_true(t.dtype == SD_U8 && t.shape.rank == 0 && *(uint8_t *)t.data == 1);
    free(t.data);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    const double d[3] = {0.1, -0.0, 1e300};
    const int32_t i[4] = {1, -1, INT32_MAX, INT32_MIN};
    const uint8_t u[1] = {200};
    const sd_tensor all[] = {
        sd_tensor_dense((void *)six, SD_F32, SD_SHAPE(1, 6)), sd_tensor_dense((void *)d, SD_F64, SD_SHAPE(3)),
        sd_tensor_dense((void *)i, SD_I32, SD_SHAPE(2, 1, 2)), sd_tensor_dense((void *)u, SD_U8, sd_scalar_shape()),
        sd_tensor_dense((void *)u, SD_U8, SD_SHAPE(0, 3))};
    for (size_t k = 0; k < sizeof(all) / sizeof(*all); k++) {
        sd_tensor t;
        FINE(sd_npy_write(data_path("b.npy"), &all[k]));
        FINE(sd_npy_read(data_path("b.npy"), &t));
        assert_int_equal(t.dtype, all[k].dtype);
        assert_true(sd_shape_equal(t.shape, all[k].shape));
        assert_memory_equal(t.data, all[k].data, (size_t)sd_shape_count(t.shape) * sd_dtype_size(t.dtype));
        free(t.data);
    }
}

/* A transposed view, and one that repeats a row. */
static void strides_are_followed(void **state)
{
    (void)state;
    static float big[300][200];
    for (int i = 0; i < 300 * 200; i++)
        big[i / 200][i % 200] = (float)i;
    sd_tensor view = sd_tensor_dense(big, SD_F32, SD_SHAPE(200, 300)), t;
    view.stride[0] = 1;
    view.stride[1] = 200;
    FINE(sd_npy_write(data_path("c.npy"), &view));
    FINE(sd_npy_read(data_path("c.npy"), &t));
    for (int i = 0; i < 200; i++)
        for (int j = 0; j < 300; j++)
            assert_true(((float *)t.data)[i * 300 + j] == big[j][i]);
    free(t.data);
    view = sd_tensor_dense(big, SD_F32, SD_SHAPE(2, 3));
    view.stride[0] = 0;
    FINE(sd_npy_write(data_path("c.npy"), &view));
    FINE(sd_npy_read(data_path("c.npy"), &t));
    const float twice[6] = {0, 1, 2, 0, 1, 2};
    assert_memory_equal(t.data, twice, sizeof(twice));
    free(t.data);
}

/* The text that NumPy's own reader wants: magic, version 1.0, a header that ends with a newline at a multiple of 64. */
static void the_written_header_is_numpys(void **state)
{
    (void)state;
    const sd_tensor t = sd_tensor_dense((void *)six, SD_F32, SD_SHAPE(3, 2));
    char head[128];
    FINE(sd_npy_write(data_path("d.npy"), &t));
    FILE *in = fopen(data_path("d.npy"), "rb");
    assert_int_equal(fread(head, 1, 128, in), 128);
    fclose(in);
    assert_memory_equal(head, "\x93NUMPY\1\0\x76\0{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", 69);
    assert_int_equal(head[127], '\n');
}

static void refused(size_t bytes, const char *words)
{
    sd_tensor t;
    REFUSED(sd_npy_read(data_put("bad.npy", file, bytes), &t), SD_EFORMAT, words, "/bad.npy");
    assert_null(t.data);
}

static void bad_files_are_refused(void **state)
{
    (void)state;
    const char *const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
    refused(0, "empty");
    size_t n = make(1, good, six, sizeof(six));
    for (size_t cut = 6; cut < n; cut++)
        refused(cut, "truncated");
    refused(make(1, good, (char[25]){0}, 25), "too long");
    n = make(1, good, six, sizeof(six));
    file[1] = 'M';
    refused(n, "not an npy file");
    refused(make(4, good, six, sizeof(six)), "version 4");
    refused(make(1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", six, 24), "Fortran order");
    refused(make(1, "{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", six, 24), "'>f4'");
    refused(make(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (6,), }", six, 24), "simple type");
    refused(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1), }", six, 4), "more than 6 axes");
    refused(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", six, 4), "a size");
    refused(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", six, 4), "2^63");
    refused(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", six, 4), "truncated");
    refused(make(1, "{'descr': '<f4', 'fortran_order': False, }", six, 4), "descr, fortran_order and shape");
    refused(make(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", six, 24), "'}'");
    refused(make(1, "{'descr': '<f4', 'colour': 'red', 'shape': (2, 3)}", six, 24), "unknown key 'colour'");
    const int64_t wide[2] = {1, (int64_t)INT32_MAX + 1};
    refused(make(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", wide, 16), "element 1 is 2147483648");
    sd_tensor bf16 = sd_tensor_dense((void *)six, SD_BF16, SD_SHAPE(2));
    REFUSED(sd_npy_write(data_path("e.npy"), &bf16), SD_EDTYPE, "bf16");
}

static const char *put_array(const char *name, const void *data, sd_dtype dtype, sd_shape shape)
{
    sd_tensor t = sd_tensor_dense((void *)data, dtype, shape);
    FINE(sd_npy_write(data_path(name), &t));
    return data_path(name);
}

static void sets_for_classification_and_regression(void **state)
{
    (void)state;
    const int32_t labels[2] = {4, 0}, read[2] = {0, 1};
    const double targets[2] = {0.25, -1};
    double x[6], y[2];
    int32_t l[2];
    sd_dataset *set;
    sd_npy npy = {.x = put_array("x.npy", six, SD_F32, SD_SHAPE(2, 3)), .y = put_array("y.npy", labels, SD_I32, SD_SHAPE(2))};
    FINE(sd_dataset_from_npy(&npy, &set));
    assert_int_equal(sd_dataset_get(set)->classes, 5);
    assert_true(sd_shape_equal(sd_dataset_get(set)->shape, SD_SHAPE(3)));
    FINE(sd_dataset_read(set, 2, read, SD_F64, NULL, x, l, NULL));
    for (int i = 0; i < 6; i++)
        assert_true(x[i] == (double)six[i]);
    assert_memory_equal(l, labels, sizeof(l));
    sd_dataset_free(set);
    npy.regression = true;
    FINE(sd_dataset_from_npy(&npy, &set));
    assert_int_equal(sd_dataset_get(set)->targets, 1);
    FINE(sd_dataset_read(set, 2, read, SD_F64, NULL, NULL, NULL, y));
    assert_true(y[0] == 4 && y[1] == 0);
    sd_dataset_free(set);
    npy = (sd_npy){.x = data_path("x.npy"), .y = put_array("t.npy", targets, SD_F64, SD_SHAPE(2, 1))};
    FINE(sd_dataset_from_npy(&npy, &set));
    FINE(sd_dataset_read(set, 2, read, SD_F64, NULL, NULL, NULL, y));
    assert_memory_equal(y, targets, sizeof(y));
    sd_dataset_free(set);
}

static void sets_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    sd_dataset *set;
    const float bad[6] = {0, 0, 0, NAN, 0, 0};
    const int32_t labels[3] = {4, 0, -1};
    sd_npy npy = {.x = put_array("x.npy", six, SD_F32, SD_SHAPE(2, 3)), .y = put_array("y.npy", labels, SD_I32, SD_SHAPE(3))};
    REFUSED(sd_dataset_from_npy(&npy, &set), SD_EFORMAT, "3 samples", "has 2");
    npy.y = put_array("z.npy", labels, SD_I32, SD_SHAPE(2));
    npy.classes = 4;
    REFUSED(sd_dataset_from_npy(&npy, &set), SD_EFORMAT, "label 4 of sample 0 is out of range", "z.npy");
    npy = (sd_npy){.x = put_array("n.npy", bad, SD_F32, SD_SHAPE(2, 3))};
    REFUSED(sd_dataset_from_npy(&npy, &set), SD_EFORMAT, "element 3 is nan", "n.npy");
    npy = (sd_npy){.x = put_array("s.npy", six, SD_F32, sd_scalar_shape())};
    REFUSED(sd_dataset_from_npy(&npy, &set), SD_EFORMAT, "shape []");
    npy = (sd_npy){.x = data_path("x.npy"), .y = put_array("w.npy", labels + 1, SD_I32, SD_SHAPE(2))};
    REFUSED(sd_dataset_from_npy(&npy, &set), SD_EFORMAT, "label -1 of sample 1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_of_every_version_and_type_are_read),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(strides_are_followed),
        cmocka_unit_test(the_written_header_is_numpys),
        cmocka_unit_test(bad_files_are_refused),
        cmocka_unit_test(sets_for_classification_and_regression),
        cmocka_unit_test(sets_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
