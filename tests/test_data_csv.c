/* test_data_csv.c -- CSV files: what they mean, and where exactly they are wrong. */
#include "data_files.h"

static sd_status open_text(const char *text, const sd_csv *csv, sd_dataset **set)
{
    return sd_dataset_from_csv(data_put_text("a.csv", text), csv, set);
}

static void assert_values(const sd_dataset *set, int n, int m, const double *wanted)
{
    double x[64];
    int32_t positions[16];
    for (int i = 0; i < n; i++)
        positions[i] = i;
    assert_int_equal(sd_dataset_get(set)->samples, n);
    assert_true(sd_shape_equal(sd_dataset_get(set)->shape, SD_SHAPE(m)));
    FINE(sd_dataset_read(set, n, positions, SD_F64, NULL, x, NULL, NULL));
    for (int i = 0; i < n * m; i++)
        assert_true(x[i] == wanted[i]);
}

static void assert_labels(const sd_dataset *set, int n, const int32_t *wanted)
{
    int32_t y[16], positions[16];
    for (int i = 0; i < n; i++)
        positions[i] = i;
    FINE(sd_dataset_read(set, n, positions, SD_F32, NULL, NULL, y, NULL));
    assert_memory_equal(y, wanted, (size_t)n * sizeof(*y));
}

static void numbers_and_labels_are_read(void **state)
{
    (void)state;
    sd_dataset *set;
    const sd_csv csv = {.label = "kind"};
    FINE(open_text("a,kind,b\n1,zebra,-2.5\n 3e2 ,ape, +.5\n4,zebra,1E-3\n", &csv, &set));
    const sd_dataset_info *info = sd_dataset_get(set);
    assert_values(set, 3, 2, (const double[]){1, -2.5, 300, 0.5, 4, 1e-3});
    assert_labels(set, 3, (const int32_t[]){1, 0, 1});
    assert_int_equal(info->classes, 2);
    assert_string_equal(info->class_names[0], "ape");
    assert_string_equal(info->class_names[1], "zebra");
    assert_string_equal(info->feature_names[0], "a");
    assert_string_equal(info->feature_names[1], "b");
    sd_dataset_free(set);
}

/* Separators, doubled quotes and line ends within quotes; CRLF; a byte order mark; blank lines; no line end at the end. */
static void quotes_and_line_ends(void **state)
{
    (void)state;
    sd_dataset *set;
    const sd_csv csv = {.label = "the \"kind\", quoted"};
    FINE(open_text("\xef\xbb\xbf\"a\",\"the \"\"kind\"\", quoted\"\r\n\r\n1,\"x,\ny\"\r\n\"2\" ,\"\"\"\"\n \t\n3,\"x,\ny\"  ",
                   &csv, &set));
    assert_values(set, 3, 1, (const double[]){1, 2, 3});
    assert_labels(set, 3, (const int32_t[]){1, 0, 1});
    assert_string_equal(sd_dataset_get(set)->class_names[0], "\"");
    assert_string_equal(sd_dataset_get(set)->class_names[1], "x,\ny");
    sd_dataset_free(set);
}

static void integer_labels_are_sorted_by_value(void **state)
{
    (void)state;
    sd_dataset *set;
    const sd_csv csv = {.label = "3", .headerless = true, .separator = ';'};
    FINE(open_text("1;2;10\n3;4;9\n5;6;-1\n", &csv, &set));
    assert_values(set, 3, 2, (const double[]){1, 2, 3, 4, 5, 6});
    assert_labels(set, 3, (const int32_t[]){2, 1, 0});
    assert_string_equal(sd_dataset_get(set)->class_names[0], "-1");
    assert_string_equal(sd_dataset_get(set)->feature_names[1], "2");
    sd_dataset_free(set);
}

static void several_targets_are_read(void **state)
{
    (void)state;
    sd_dataset *set;
    const char *const targets[] = {"y2", "y1"};
    const sd_csv csv = {.targets = targets, .n_targets = 2};
    const int32_t positions[2] = {1, 0};
    double y[4];
    FINE(open_text("y1,x,y2\n1,2,3\n4,5,6\n", &csv, &set));
    assert_values(set, 2, 1, (const double[]){2, 5});
    assert_int_equal(sd_dataset_get(set)->target, SD_TARGET_REAL);
    assert_int_equal(sd_dataset_get(set)->targets, 2);
    assert_string_equal(sd_dataset_get(set)->target_names[0], "y2");
    FINE(sd_dataset_read(set, 2, positions, SD_F64, NULL, NULL, NULL, y));
    assert_memory_equal(y, ((const double[]){6, 4, 3, 1}), sizeof(y));
    sd_dataset_free(set);
}

/* Columns in another order, one more and no label: what a trained model is shown. */
static void a_file_is_read_like_another(void **state)
{
    (void)state;
    sd_dataset *train, *test;
    const sd_csv csv = {.label = "kind"};
    FINE(open_text("a,b,kind\n1,2,x\n3,4,y\n5,6,z\n", &csv, &train));
    const sd_csv like = {.like = train};
    FINE(open_text("extra,b,kind,a\nword,20,z,10\n,40,x,30\n", &like, &test));
    assert_values(test, 2, 2, (const double[]){10, 20, 30, 40});
    assert_labels(test, 2, (const int32_t[]){2, 0});
    assert_int_equal(sd_dataset_get(test)->classes, 3);
    sd_dataset_free(test);
    FINE(open_text("b,a\n20,10\n", &like, &test));
    assert_int_equal(sd_dataset_get(test)->target, SD_TARGET_NONE);
    assert_values(test, 1, 2, (const double[]){10, 20});
    sd_dataset_free(test);
    REFUSED(open_text("a,b,kind\n1,2,w\n", &like, &test), SD_EFORMAT, "a.csv:2:5: ", "label 'w'", "3 classes");
    REFUSED(open_text("a,c,kind\n1,2,x\n", &like, &test), SD_EFORMAT, "no column \"b\"");
    sd_dataset_free(train);
}

static void refused(const char *text, const sd_csv *csv, const char *place, const char *words)
{
    sd_dataset *set = (sd_dataset *)1;
    REFUSED(open_text(text, csv, &set), SD_EFORMAT, place, words);
    assert_null(set);
}

static void what_is_no_number_is_refused_with_its_place(void **state)
{
    (void)state;
    const sd_csv csv = {.label = "kind"};
    refused("a,b,kind\n1,2,x\n3,nan,y\n", &csv, "a.csv:3:3: ", "'nan' in column \"b\"");
    refused("a,b,kind\n1,2,x\n3,NA,y\n", &csv, "a.csv:3:3: ", "'NA' in column \"b\"");
    refused("a,b,kind\n1,2,x\n3, abc,y\n", &csv, "a.csv:3:3: ", "'abc' in column \"b\"");
    refused("a,b,kind\n1,,x\n", &csv, "a.csv:2:3: ", "nothing in column \"b\"");
    refused("a,b,kind\n0x10,1,x\n", &csv, "a.csv:2:1: ", "'0x10'");
    refused("a,b,kind\n1e999,1,x\n", &csv, "a.csv:2:1: ", "too large");
    refused("a,b,kind\n-inf,1,x\n", &csv, "a.csv:2:1: ", "'-inf'");
    refused("a,b,kind\n1.2.3,1,x\n", &csv, "a.csv:2:1: ", "'1.2.3'");
    refused("a,b,kind\n\"p\nq\",1,x\n1,2,\n", &csv, "a.csv:2:1: ", "in column \"a\"");
    refused("a,b,kind\n1,2,\"x\n\ny\"\n3,?,z\n", &csv, "a.csv:5:3: ", "'?' in column \"b\"");
    refused("a,b,kind\n1,2,\n", &csv, "a.csv:2:5: ", "nothing in the label's column");
}

static void lines_and_columns_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    const sd_csv csv = {.label = "species"};
    const char *const twice[] = {"a", "a"};
    sd_dataset *set;
    refused("a,specie\n1,x\n", &csv, "a.csv:1:1: ", "did you mean \"specie\"?");
    refused("a,species\n1,x\n2\n", &csv, "a.csv:3:1: ", "a line of 1 fields; the first line has 2");
    refused("a,species\n1,x,7\n", &csv, "a.csv:2:5: ", "a line of 3 fields");
    refused("a,a,species\n1,2,x\n", &csv, "a.csv:1:1: ", "two columns are called \"a\"");
    refused(",a,species\n0,1,x\n", &csv, "a.csv:1:1: ", "column 1 has no name");
    refused("species\nx\n", &csv, "a.csv:1:1: ", "no column is left as a feature");
    refused("a,species\n1,\"x\n", &csv, "a.csv:2:3: ", "never closed");
    refused("a,species\n1,\"x\"y\n", &csv, "a.csv:2:3: ", "text after the closing quote");
    refused("", &csv, "a.csv", "empty");
    refused("\n \n", &csv, "a.csv", "empty");
    refused("a,species\n", &csv, "a.csv", "no rows");
    REFUSED(open_text("a,b\n1,2\n", &(sd_csv){.targets = twice, .n_targets = 2}, &set), SD_EINVAL, "\"a\" is asked for twice");
    REFUSED(open_text("a,b\n1,2\n", &(sd_csv){.separator = '.'}, &set), SD_EINVAL, "'.' cannot separate");
    REFUSED(sd_dataset_from_csv(data_path("nowhere.csv"), &csv, &set), SD_ENOTFOUND, "nowhere.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_labels_are_read),
        cmocka_unit_test(quotes_and_line_ends),
        cmocka_unit_test(integer_labels_are_sorted_by_value),
        cmocka_unit_test(several_targets_are_read),
        cmocka_unit_test(a_file_is_read_like_another),
        cmocka_unit_test(what_is_no_number_is_refused_with_its_place),
        cmocka_unit_test(lines_and_columns_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
