/* data_files.h -- what the tests of data readers share: a scratch folder, files with given bytes, messages that must name. */
#ifndef SD_TESTS_DATA_FILES_H
#define SD_TESTS_DATA_FILES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <sonde/data.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#define DATA_UNUSED __attribute__((unused))

static char data_folder[64];

/* A path in the scratch folder; good until the fourth call after it. */
DATA_UNUSED static const char *data_path(const char *name)
{
    static char path[4][192];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof(path[next]), "%s/%s", data_folder, name);
    return path[next];
}

DATA_UNUSED static int data_setup(void **state)
{
    (void)state;
    strcpy(data_folder, "/tmp/sonde-test-XXXXXX");
    return mkdtemp(data_folder) ? 0 : -1;
}

DATA_UNUSED static int data_teardown(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", data_folder);
    return system(command);
}

DATA_UNUSED static const char *data_put(const char *name, const void *data, size_t bytes)
{
    const char *path = data_path(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, bytes, file), bytes);
    fclose(file);
    return path;
}

DATA_UNUSED static const char *data_put_text(const char *name, const char *text) { return data_put(name, text, strlen(text)); }

/* gzip in memory; returns its length. */
DATA_UNUSED static size_t data_gzip(const void *data, size_t bytes, uint8_t *out, size_t room)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)data;
    z.avail_in = (uInt)bytes;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

/* The status, and a message that contains each of the words (a list that ends with NULL). */
DATA_UNUSED static void data_refused(sd_status got, sd_status wanted, const char *const *words, const char *file, int line)
{
    if (got != wanted)
        print_error("%s, with \"%s\"; expected %s\n", sd_status_text(got), sd_error(), sd_status_text(wanted));
    _assert_int_equal((LargestIntegralType)got, (LargestIntegralType)wanted, file, line);
    for (; *words; words++)
        if (!strstr(sd_error(), *words)) {
            print_error("\"%s\" does not say \"%s\"\n", sd_error(), *words);
            _fail(file, line);
        }
}
#define REFUSED(call, status, ...) data_refused(call, status, (const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

DATA_UNUSED static void data_fine(sd_status got, const char *file, int line)
{
    if (got == SD_OK)
        return;
    print_error("%s: %s\n", sd_status_text(got), sd_error());
    _fail(file, line);
}
#define FINE(call) data_fine(call, __FILE__, __LINE__)

#endif
