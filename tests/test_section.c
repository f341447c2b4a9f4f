/*
 * test_section.c -- what instruments record: base64 by RFC 4648's vectors, sections in order, mistakes that
 * void them, knobs, pages.
 */
#include <math.h>
#include <png.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/base64.h"
#include "law.h"
#include "probe/instrument.h"
#include "report/section.h"

/* RFC 4648, section 10. */
static void base64_vectors(void **state)
{
    (void)state;
    static const char *const pair[][2] = {{"", ""},
                                          {"f", "Zg=="},
                                          {"fo", "Zm8="},
                                          {"foo", "Zm9v"},
                                          {"foob", "Zm9vYg=="},
                                          {"fooba", "Zm9vYmE="},
                                          {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < SD_COUNT(pair); i++) {
        sd_string text = {0};
        size_t count;
        sd__base64_encode(&text, pair[i][0], strlen(pair[i][0]));
        assert_string_equal(text.text ? text.text : "", pair[i][1]);
        uint8_t *back = sd__base64_decode(pair[i][1], &count);
        assert_non_null(back);
        assert_int_equal(count, strlen(pair[i][0]));
        assert_memory_equal(back, pair[i][0], count);
        free(back);
        free(text.text);
    }
    static const char *const wrong[] = {"Z", "Zg=", "Z===", "Zg==Zg==", "Zm9\n", "====", "Zg=A"};
    for (size_t i = 0; i < SD_COUNT(wrong); i++) {
        size_t count;
        assert_null(sd__base64_decode(wrong[i], &count));
    }
}

static const sd_column columns[] = {{"name", "layer"}, {"n", "count"}, {"x", "value"}, {"good", "good"}};

static void record(sd_section *s)
{
    static const uint8_t pixels[] = {0, 255, 128, 7, 9, 200};
    sd__section_fact(s, "samples", json_integer(7));
    sd__section_number(s, "trace", (sd_interval){1, 0.5, 1.5}, sd__exactly(NAN), "trace of <%s>", "H");
    sd__section_alone(s, "share", sd__exactly(2), "no twin", "share");
    sd__section_say(s, "A & B are %d.", 2);
    sd__section_table(s, "layers", "Layers", SD_COUNT(columns), columns);
    sd__section_row(s, "sigb", "dense1", (int64_t)3, 0.25, 1);
    sd__section_row(s, "sigb", "dense2", (int64_t)4, INFINITY, 0);
    sd__section_figure(s, "two_lines", "Lines", "x", "y", false, false);
    sd__section_series(s, "one", SD_SERIES_LINE);
    sd__section_point(s, 0, 1);
    sd__section_point_interval(s, 1, (sd_interval){2, 1, 3});
    sd__section_gallery(s, "shots", "Pictures");
    sd__section_picture(s, "six", 3, 2, 1, pixels);
}

static void sections_keep_order_and_values(void **state)
{
    (void)state;
    sd_section s;
    size_t count;
    assert_int_equal(sd__section_begin(&s), SD_OK);
    record(&s);
    assert_false(s.failed);
    static const char *const order[] = {"trace", "share", "sentence-1", "layers", "two_lines", "shots"};
    size_t i = 0;
    const char *key;
    json_t *item;
    json_object_foreach(s.found, key, item) { assert_string_equal(key, order[i++]); }
    assert_int_equal(i, SD_COUNT(order));
    const json_t *rows = json_object_get(json_object_get(s.found, "layers"), "rows");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(rows, 1), "n")), 4);
    assert_true(json_is_null(json_object_get(json_array_get(rows, 1), "x")));
    assert_true(json_is_false(json_object_get(json_array_get(rows, 1), "good")));
    const json_t *shots = json_object_get(json_object_get(s.found, "shots"), "pictures");
    uint8_t *pixels = sd__picture_pixels(json_array_get(shots, 0), &count);
    assert_int_equal(count, 6);
    assert_int_equal(pixels[5], 200);
    free(pixels);
    sd__section_clear(&s);
}

/* Each of these would otherwise lose something in silence. */
static void mistakes_void_a_section(void **state)
{
    (void)state;
    for (int mistake = 0; mistake < 5; mistake++) {
        sd_section s;
        assert_int_equal(sd__section_begin(&s), SD_OK);
        record(&s);
        if (mistake == 0)
            sd__section_number(&s, "trace", sd__exactly(1), sd__exactly(1), "a key used twice");
        if (mistake == 1)
            sd__section_row(&s, "s", "a row without table");
        if (mistake == 2)
            sd__section_point(&s, 1, 2); /* belongs to no figure: the gallery was begun last */
        if (mistake == 3) {
            sd__section_table(&s, "more", "More", SD_COUNT(columns), columns);
            sd__section_row(&s, "si", "too short", (int64_t)1);
        }
        if (mistake == 4) {
            sd__section_table(&s, "more", "More", 1, columns);
            sd__section_row(&s, "x", "no such letter");
        }
        assert_true(s.failed);
        sd__section_clear(&s);
    }
}

/* The bytes of the first PNG in a page, decoded again. */
static void check_png(const char *page, const uint8_t *want, size_t bytes)
{
    size_t count;
    uint8_t got[64];
    const char *from = strstr(page, "data:image/png;base64,");
    assert_non_null(from);
    from += strlen("data:image/png;base64,");
    char *text = strndup(from, strcspn(from, "\""));
    uint8_t *file = sd__base64_decode(text, &count);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, file, count));
    image.format = PNG_FORMAT_GRAY;
    assert_int_equal(PNG_IMAGE_SIZE(image), bytes);
    assert_true(png_image_finish_read(&image, NULL, got, 0, NULL));
    assert_memory_equal(got, want, bytes);
    free(file);
    free(text);
}

static void sections_become_html(void **state)
{
    (void)state;
    static const uint8_t want[] = {0, 255, 128, 7, 9, 200};
    sd_section s;
    sd_string page = {0};
    assert_int_equal(sd__section_begin(&s), SD_OK);
    record(&s);
    sd_status status = sd__items_html(s.found, "test", ".", &page);
    if (status == SD_ENOTFOUND) {
        sd__section_clear(&s);
        free(page.text);
        skip(); /* no gnuplot */
    }
    assert_int_equal(status, SD_OK);
    assert_non_null(strstr(page.text, "trace of &lt;H&gt;"));
    assert_non_null(strstr(page.text, "<span class=\"soft\">(0.5 to 1.5)</span>"));
    assert_non_null(strstr(page.text, "not compared: no twin"));
    assert_non_null(strstr(page.text, "A &amp; B are 2."));
    assert_non_null(strstr(page.text, "data:text/csv;base64,"));
    assert_non_null(strstr(page.text, "<svg"));
    check_png(page.text, want, sizeof want);
    remove("./test-two-lines.csv");
    free(page.text);
    sd__section_clear(&s);
}

static void knobs_are_checked(void **state)
{
    (void)state;
    sd_examination e = {0};
    assert_int_equal(sd__instrument_find("curvature", &e.instrument), SD_OK);
    assert_int_equal(sd__knob(&e, "pairs"), 10);
    e.effort = SD_EFFORT_QUICK;
    assert_int_equal(sd__knob(&e, "pairs"), 5);
    assert_int_equal(sd__examination_set(&e, "pairs", "3"), SD_OK);
    assert_int_equal(sd__knob(&e, "pairs"), 3);
    assert_int_equal(sd__examination_set(&e, "pairs", "0"), SD_EINVAL);
    assert_int_equal(sd__examination_set(&e, "pairs", "3x"), SD_EINVAL);
    assert_int_equal(sd__examination_set(&e, "matrix", "fischer"), SD_EINVAL);
    assert_non_null(strstr(sd_error(), "hessian, gauss_newton, fisher"));
    assert_int_equal(sd__examination_set(&e, "matrix", "fisher"), SD_OK);
    assert_int_equal(sd__knob(&e, "matrix"), SD_FISHER);
    assert_int_equal(sd__knob(&e, "spectrum"), 0);
    assert_int_equal(sd__examination_set(&e, "spectrum", ""), SD_OK);
    assert_int_equal(sd__knob(&e, "spectrum"), 1);
    assert_null(sd__knob_text(&e, "layer"));
    assert_int_equal(sd__examination_set(&e, "nonsense", "1"), SD_ENOTFOUND);
    assert_int_equal(sd__instrument_find("curvatur", &e.instrument), SD_ENOTFOUND);
    assert_non_null(strstr(sd_error(), "did you mean 'curvature'?"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_vectors),          cmocka_unit_test(sections_keep_order_and_values),
        cmocka_unit_test(mistakes_void_a_section), cmocka_unit_test(sections_become_html),
        cmocka_unit_test(knobs_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
