/*
 * test_tfevents.c -- TensorBoard event files, taken apart by a reader of the test's own; and files that are cut back on resume.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "format/appender.h"
#include "format/crc32c.h"
#include "format/tfevents.h"

static char path[64];

static int make_file(void **state)
{
    (void)state;
    strcpy(path, "/tmp/sonde-test-XXXXXX");
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static uint64_t little(const uint8_t *byte, int n)
{
    uint64_t value = 0;
    for (int i = n - 1; i >= 0; i--)
        value = value << 8 | byte[i];
    return value;
}

/* The masked CRC as TensorFlow's record_writer defines it, from the unmasked one. */
static bool guarded(const uint8_t *data, size_t bytes, const uint8_t *stored)
{
    uint32_t masked = (uint32_t)little(stored, 4), rotated = masked - 0xa282ead8u;
    return ((rotated >> 17) | (rotated << 15)) == sd__crc32c(0, data, bytes);
}

/* The start of every event file since 2015: length 24, its checksum, field 1 (double), field 3 "brain.Event:2". */
static void a_new_file_begins_as_tensorboard_expects(void **state)
{
    (void)state;
    static const uint8_t start[13] = {24, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09};
    sd_tfevents *events;
    assert_int_equal(sd__tfevents_open(path, -1, 1.5e9, &events), SD_OK);
    assert_int_equal(sd__tfevents_bytes(events), 40);
    sd__tfevents_close(events);
    char *file;
    size_t bytes;
    assert_int_equal(sd__file_read(path, 1000, &file, &bytes), SD_OK);
    assert_int_equal(bytes, 40);
    assert_memory_equal(file, start, sizeof start);
    double wall;
    memcpy(&wall, file + 13, 8);
    assert_true(wall == 1.5e9);
    assert_memory_equal(file + 21,
                        "\x1a\x0d"
                        "brain.Event:2",
                        15);
    assert_true(guarded((uint8_t *)file + 12, 24, (uint8_t *)file + 36));
    free(file);
}

/* Field by field: 1 wall time, 2 step, 5 summary { 1 value { 1 tag, 2 simple_value } }. */
static void a_scalar_is_one_guarded_record(void **state)
{
    (void)state;
    sd_tfevents *events;
    sd_tfscalar two[2] = {{"train/loss", 0.25}, {"acc", 0}};
    assert_int_equal(sd__tfevents_open(path, -1, 0, &events), SD_OK);
    int64_t before = sd__tfevents_bytes(events);
    assert_int_equal(sd__tfevents_add(events, 2, 300, 2, two), SD_OK);
    sd__tfevents_close(events);
    char *file;
    size_t bytes;
    assert_int_equal(sd__file_read(path, 1000, &file, &bytes), SD_OK);
    const uint8_t *record = (uint8_t *)file + before;
    static const uint8_t expected[] = "\x09\0\0\0\0\0\0\0\x40"
                                      "\x10\xac\x02"
                                      "\x2a\x1f"
                                      "\x0a\x11"
                                      "\x0a\x0a"
                                      "train/loss"
                                      "\x15\0\0\x80\x3e"
                                      "\x0a\x0a"
                                      "\x0a\x03"
                                      "acc"
                                      "\x15\0\0\0\0";
    size_t length = sizeof expected - 1;
    assert_int_equal(little(record, 8), length);
    assert_true(guarded(record, 8, record + 8));
    assert_memory_equal(record + 12, expected, length);
    assert_true(guarded(record + 12, length, record + 12 + length));
    assert_int_equal(bytes, (size_t)before + 16 + length);
    free(file);
}

static void a_file_cut_back_goes_on_as_if_never_written_further(void **state)
{
    (void)state;
    sd_tfevents *events;
    sd_tfscalar scalar = {"loss", 1};
    assert_int_equal(sd__tfevents_open(path, -1, 0, &events), SD_OK);
    assert_int_equal(sd__tfevents_add(events, 1, 1, 1, &scalar), SD_OK);
    int64_t keep = sd__tfevents_bytes(events);
    assert_int_equal(sd__tfevents_add(events, 2, 2, 1, &scalar), SD_OK);
    int64_t whole = sd__tfevents_bytes(events);
    sd__tfevents_close(events);
    char *once, *again;
    size_t bytes, bytes_again;
    assert_int_equal(sd__file_read(path, 1000, &once, &bytes), SD_OK);
    assert_int_equal(sd__tfevents_open(path, keep, 99, &events), SD_OK);
    assert_int_equal(sd__tfevents_bytes(events), keep);
    assert_int_equal(sd__tfevents_add(events, 2, 2, 1, &scalar), SD_OK);
    sd__tfevents_close(events);
    assert_int_equal(sd__file_read(path, 1000, &again, &bytes_again), SD_OK);
    assert_int_equal(bytes_again, bytes);
    assert_memory_equal(again, once, bytes);
    assert_int_equal(sd__tfevents_open(path, whole + 1, 0, &events), SD_EFORMAT);
    assert_null(events);
    free(once);
    free(again);
}

/* /dev/full takes no byte: the reason is named. */
static void a_full_disk_is_reported(void **state)
{
    (void)state;
    sd_appender full = {.descriptor = -1};
    if (access("/dev/full", W_OK))
        skip();
    assert_int_equal(sd__appender_open("/dev/full", -1, &full), SD_OK);
    assert_int_equal(sd__appender_write(&full, "x", 1), SD_EIO);
    assert_non_null(strstr(sd_error(), "No space left"));
    assert_int_equal(full.bytes, 0);
    sd__appender_close(&full);
    assert_int_equal(sd__appender_open("/nowhere/at/all", -1, &full), SD_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file_begins_as_tensorboard_expects),
        cmocka_unit_test(a_scalar_is_one_guarded_record),
        cmocka_unit_test(a_file_cut_back_goes_on_as_if_never_written_further),
        cmocka_unit_test(a_full_disk_is_reported),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
