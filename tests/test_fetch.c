/* test_fetch.c -- downloads from a loopback server that misbehaves: what arrives is whole and checked. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/file.h"
#include "cli/fetch.h"

#define LENGTH 10240

/* SHA-256 of bytes 0..255 forty times, by Python's hashlib. */
static const char good_sum[] = "e96760a87768717bcebcfd25ddc7d46b4dbc95a4b0014def080c08539f7d90d0";

static pid_t server;
static int port;
static char folder[64], path[128];

static int start_server(void **state)
{
    (void)state;
    int out[2];
    char script[4096], line[32] = "";
    const char *source = getenv("SONDE_SOURCE");
    snprintf(script, sizeof(script), "%s/tests/fetch_server.py", source ? source : ".");
    if (pipe(out) || (server = fork()) < 0)
        return -1;
    if (!server) {
        dup2(out[1], 1);
        execlp("python3", "python3", script, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    for (size_t n = 0; n + 1 < sizeof(line) && read(out[0], line + n, 1) == 1 && line[n] != '\n';)
        n++;
    close(out[0]);
    port = atoi(line);
    strcpy(folder, "/tmp/sonde-test-XXXXXX");
    if (!port || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/file", folder);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    char command[128];
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command);
}

static int forget(void **state)
{
    (void)state;
    unlink(path);
    return 0;
}

static sd_status fetch(const char *name, const char *sum, int64_t bound)
{
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", port, name);
    return sd__fetch(url, path, sum, bound, NULL, NULL);
}

/* Neither the file nor a piece of it. */
static void assert_nothing_left(void)
{
    char temporary[160];
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    assert_false(sd__file_exists(path));
    assert_false(sd__file_exists(temporary));
}

static void assert_content(void)
{
    char *data;
    size_t bytes;
    assert_int_equal(sd__file_read(path, 1 << 20, &data, &bytes), SD_OK);
    assert_int_equal(bytes, LENGTH);
    for (size_t i = 0; i < bytes; i++)
        assert_int_equal((uint8_t)data[i], i % 256);
    free(data);
}

static void a_right_file_arrives(void **state)
{
    (void)state;
    assert_int_equal(fetch("good", good_sum, LENGTH), SD_OK);
    assert_content();
    assert_int_equal(fetch("moved", good_sum, LENGTH), SD_OK);
    assert_content();
}

static void refused(const char *name, const char *sum, int64_t bound, sd_status status, const char *words)
{
    assert_int_equal(fetch(name, sum, bound), status);
    if (!strstr(sd_error(), words))
        fail_msg("\"%s\" does not say \"%s\"", sd_error(), words);
    assert_nothing_left();
}

static void a_wrong_checksum_is_refused(void **state)
{
    (void)state;
    refused("other", good_sum, LENGTH, SD_EFORMAT, good_sum);
}

static void an_over_long_file_is_refused(void **state)
{
    (void)state;
    refused("good", good_sum, LENGTH - 1, SD_EFORMAT, "longer than the 10239 bytes");
    refused("endless", good_sum, LENGTH, SD_EFORMAT, "longer than the 10240 bytes");
}

static void an_http_error_is_reported(void **state)
{
    (void)state;
    refused("missing", good_sum, LENGTH, SD_EIO, "404");
}

static void a_cut_connection_is_reported(void **state)
{
    (void)state;
    refused("cut", good_sum, LENGTH, SD_EIO, "/cut");
}

/* A server may not make us read a local file. */
static void a_redirection_to_a_file_is_refused(void **state)
{
    (void)state;
    refused("elsewhere", NULL, LENGTH, SD_EIO, "file");
}

static void nobody_listening_is_reported(void **state)
{
    (void)state;
    assert_int_equal(sd__fetch("http://127.0.0.1:1/x", path, NULL, 1, NULL, NULL), SD_EIO);
    assert_nothing_left();
}

static void an_older_file_survives_a_failure(void **state)
{
    (void)state;
    assert_int_equal(fetch("good", good_sum, LENGTH), SD_OK);
    assert_int_equal(fetch("cut", good_sum, LENGTH), SD_EIO);
    assert_content();
}

typedef struct seen {
    int64_t done, total;
    bool go_on;
} seen;

static bool look(void *user, const char *file, int64_t done, int64_t total)
{
    seen *s = user;
    assert_string_equal(file, "file");
    s->done = done;
    s->total = total > s->total ? total : s->total;
    return s->go_on;
}

static void progress_counts_and_cancels(void **state)
{
    (void)state;
    char url[64];
    seen s = {.go_on = true};
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/good", port);
    assert_int_equal(sd__fetch(url, path, good_sum, LENGTH, look, &s), SD_OK);
    assert_int_equal(s.done, LENGTH);
    assert_int_equal(s.total, LENGTH);
    s.go_on = false;
    assert_int_equal(sd__fetch(url, path, good_sum, LENGTH, look, &s), SD_ECANCELLED);
    assert_content();
}

/* Two files, the first of which the first address does not have. */
static void a_set_is_fetched_from_the_first_address_that_has_it(void **state)
{
    (void)state;
    char bad[64], good[64], into[96], file[128];
    snprintf(bad, sizeof(bad), "http://127.0.0.1:%d/other?", port);
    snprintf(good, sizeof(good), "http://127.0.0.1:%d/", port);
    snprintf(into, sizeof(into), "%s/deep/set", folder);
    const sd_named_file files[] = {{"a", LENGTH, good_sum}, {"b", LENGTH, good_sum}};
    const char *const urls[] = {bad, good}, *const only_bad[] = {bad};
    sd_named_set set = {.name = "set", .n_files = 2, .file = files, .n_urls = 1, .url = only_bad};
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_EFORMAT);
    set.n_urls = 2;
    set.url = urls;
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_OK);
    snprintf(file, sizeof(file), "%s/b", into);
    assert_true(sd__file_exists(file));
    set.n_urls = 0; /* all there: nobody need be asked */
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_OK);
    assert_int_equal(truncate(file, 100), 0);
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_ENOTFOUND);
    setenv("SONDE_DATA_URL", good, 1);
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_OK);
    unsetenv("SONDE_DATA_URL");
}

/* Two files are taken out of an archive that has more, and it is removed; what is damaged or poor is refused and leaves no half file. */
static void a_set_is_taken_out_of_its_archive(void **state)
{
    (void)state;
    char base[64], into[96], file[128];
    snprintf(base, sizeof(base), "http://127.0.0.1:%d/", port);
    snprintf(into, sizeof(into), "%s/packed", folder);
    sd_named_file files[] = {{"in/a", LENGTH, NULL}, {"in/b", LENGTH, NULL}};
    const char *const urls[] = {base};
    sd_named_set set = {.name = "set", .n_files = 2, .file = files, .n_urls = 1, .url = urls};
    set.archive = (sd_named_file){"torn.tar.gz", 1 << 20, NULL};
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_EFORMAT);
    assert_non_null(strstr(sd_error(), "damaged archive"));
    set.archive.name = "poor.tar.gz";
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_EFORMAT);
    assert_non_null(strstr(sd_error(), "1 files of set are in it; 2 are expected"));
    set.archive.name = "whole.tar.gz";
    files[1].bytes = LENGTH - 1;
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_EFORMAT);
    assert_non_null(strstr(sd_error(), "in/b in it has 10240 bytes; 10239 are expected"));
    files[1].bytes = LENGTH;
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_OK);
    strcpy(path, into);
    strcat(path, "/in/b");
    assert_content();
    snprintf(file, sizeof(file), "%s/whole.tar.gz", into);
    assert_false(sd__file_exists(file));
    snprintf(file, sizeof(file), "%s/in/readme", into);
    assert_false(sd__file_exists(file));
    snprintf(file, sizeof(file), "%s/escaped", folder);
    assert_false(sd__file_exists(file));
    set.n_urls = 0; /* all there: nobody need be asked */
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_OK);
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(sd__fetch_set(&set, into, NULL, NULL, NULL), SD_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_right_file_arrives, forget),
        cmocka_unit_test_teardown(a_wrong_checksum_is_refused, forget),
        cmocka_unit_test_teardown(an_over_long_file_is_refused, forget),
        cmocka_unit_test_teardown(an_http_error_is_reported, forget),
        cmocka_unit_test_teardown(a_cut_connection_is_reported, forget),
        cmocka_unit_test_teardown(a_redirection_to_a_file_is_refused, forget),
        cmocka_unit_test_teardown(nobody_listening_is_reported, forget),
        cmocka_unit_test_teardown(an_older_file_survives_a_failure, forget),
        cmocka_unit_test_teardown(progress_counts_and_cancels, forget),
        cmocka_unit_test_teardown(a_set_is_fetched_from_the_first_address_that_has_it, forget),
        cmocka_unit_test_teardown(a_set_is_taken_out_of_its_archive, forget),
    };
    unsetenv("http_proxy");
    setenv("no_proxy", "127.0.0.1", 1);
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
