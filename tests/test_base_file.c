/* test_base_file.c -- files: bounded reads, writes that are whole or absent, folders, locks, a full disk. */
#define _GNU_SOURCE
#include "law.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"

static char folder[] = "/tmp/sonde-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }

static int remove_folder(void **state)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void what_is_written_is_read(void **state)
{
    for (int trial = 0; trial < law_trials(30); trial++) {
        size_t n = (size_t)(law_int(0, 1) ? law_int(0, 10) : law_int(0, 100000)), got;
        char *wanted = malloc(n + 1), *data;
        for (size_t i = 0; i < n; i++)
            wanted[i] = (char)law_int(0, 255);
        assert_ok(sd__file_write_atomic(in_folder("data"), wanted, n));
        assert_ok(sd__file_read(in_folder("data"), n, &data, &got));
        assert_int_equal(got, n);
        assert_memory_equal(data, wanted, n);
        assert_int_equal(data[n], 0);
        assert_false(sd__file_exists(in_folder("data.tmp")));
        free(data);
        free(wanted);
    }
}

static void reads_are_bounded(void **state)
{
    char *data;
    size_t bytes;
    assert_ok(sd__file_write_atomic(in_folder("ten"), "0123456789", 10));
    assert_status(sd__file_read(in_folder("ten"), 9, &data, &bytes), SD_EFORMAT);
    assert_null(data);
    assert_non_null(strstr(sd_error(), "at most 9"));
    assert_ok(sd__file_read(in_folder("ten"), SIZE_MAX, &data, &bytes));
    free(data);
    /* These say nothing of their length, or lie about it. */
    assert_status(sd__file_read("/dev/zero", 100000, &data, &bytes), SD_EFORMAT);
    assert_ok(sd__file_read("/proc/self/status", 100000, &data, &bytes));
    assert_true(bytes > 100 && strlen(data) == bytes);
    free(data);
}

static void what_cannot_be_read_is_named(void **state)
{
    char *data;
    size_t bytes;
    assert_status(sd__file_read(in_folder("absent"), 10, &data, &bytes), SD_ENOTFOUND);
    assert_non_null(strstr(sd_error(), "absent"));
    assert_status(sd__file_read(folder, 10, &data, &bytes), SD_EIO);
    assert_non_null(strstr(sd_error(), "folder"));
}

static void an_abandoned_write_leaves_the_old_file(void **state)
{
    sd_file_writer writer;
    char *data;
    size_t bytes;
    assert_ok(sd__file_write_atomic(in_folder("kept"), "old", 3));
    assert_ok(sd__writer_begin(&writer, in_folder("kept")));
    assert_ok(sd__writer_write(&writer, "new and long", 12));
    assert_true(sd__file_exists(in_folder("kept.tmp")));
    sd__writer_abandon(&writer);
    assert_false(sd__file_exists(in_folder("kept.tmp")));
    assert_ok(sd__file_read(in_folder("kept"), 100, &data, &bytes));
    assert_string_equal(data, "old");
    free(data);
}

/* A limit on the size of files stands for a full disk: write() fails half-way. In a child, since the limit stays. */
static int write_on_a_full_disk(void)
{
    static char large[1 << 16];
    signal(SIGXFSZ, SIG_IGN);
    if (setrlimit(RLIMIT_FSIZE, &(struct rlimit){.rlim_cur = 1000, .rlim_max = 1000}))
        return 1;
    if (sd__file_write_atomic(in_folder("kept"), large, sizeof large) != SD_EIO)
        return 2;
    return sd__file_exists(in_folder("kept.tmp")) ? 3 : strstr(sd_error(), "kept.tmp") ? 0 : 4;
}

static void a_full_disk_leaves_the_old_file(void **state)
{
    char *data;
    size_t bytes;
    int status;
    assert_ok(sd__file_write_atomic(in_folder("kept"), "old", 3));
    pid_t child = fork();
    if (child == 0)
        _exit(write_on_a_full_disk());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_ok(sd__file_read(in_folder("kept"), 100, &data, &bytes));
    assert_string_equal(data, "old");
    free(data);
}

/* As /dev/stdout would be: what is no file is written to, and stays what it was. */
static void a_pipe_is_not_replaced(void **state)
{
    (void)state;
    char got[4] = {0};
    struct stat info;
    const char *path = in_folder("pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDWR | O_NONBLOCK);
    assert_true(reader >= 0);
    assert_ok(sd__file_write_atomic(path, "abc", 3));
    assert_int_equal(stat(path, &info), 0);
    assert_true(S_ISFIFO(info.st_mode));
    assert_int_equal(read(reader, got, 3), 3);
    assert_string_equal(got, "abc");
    close(reader);
}

static void writing_where_no_folder_is_fails(void **state)
{
    assert_status(sd__file_write_atomic(in_folder("no/such/file"), "x", 1), SD_ENOTFOUND);
    assert_non_null(strstr(sd_error(), "no/such/file"));
    assert_ok(sd__make_folders(in_folder("is-a-folder")));
    assert_status(sd__file_write_atomic(in_folder("is-a-folder"), "x", 1), SD_EIO);
    assert_false(sd__file_exists(in_folder("is-a-folder.tmp")));
}

static void folders_are_made_with_their_parents(void **state)
{
    struct stat info;
    assert_ok(sd__make_folders(in_folder("a/b//c/")));
    assert_int_equal(stat(in_folder("a/b/c"), &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    assert_ok(sd__make_folders(in_folder("a/b/c")));
    assert_ok(sd__make_folders("/"));
    assert_ok(sd__file_write_atomic(in_folder("file"), "", 0));
    assert_status(sd__make_folders(in_folder("file")), SD_EIO);
    assert_int_not_equal(sd__make_folders(in_folder("file/below")), SD_OK);
    assert_int_not_equal(sd__make_folders(""), SD_OK);
}

static void paths_join_with_one_slash(void **state)
{
    static const char *const row[][3] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"", "b", "b"}, {"/", "b", "/b"}, {"a", "/b", "/b"}, {"a", "", "a/"},
    };
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        char *path = sd__path_join(row[i][0], row[i][1]);
        assert_string_equal(path, row[i][2]);
        free(path);
    }
}

static void a_locked_folder_is_busy(void **state)
{
    int first, second;
    assert_ok(sd__folder_lock(folder, &first));
    assert_status(sd__folder_lock(folder, &second), SD_EBUSY);
    assert_int_equal(second, -1);
    sd__folder_unlock(first);
    assert_ok(sd__folder_lock(folder, &second));
    sd__folder_unlock(second);
    sd__folder_unlock(-1);
    assert_status(sd__folder_lock(in_folder("absent"), &first), SD_ENOTFOUND);
}

/* The lock goes with its holder: a killed training run leaves none behind. */
static void a_lock_dies_with_its_process(void **state)
{
    int held, ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        byte = sd__folder_lock(folder, &held) == SD_OK;
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    assert_status(sd__folder_lock(folder, &held), SD_EBUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_ok(sd__folder_lock(folder, &held));
    sd__folder_unlock(held);
    close(ready[0]);
    close(ready[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),          cmocka_unit_test(reads_are_bounded),
        cmocka_unit_test(what_cannot_be_read_is_named),     cmocka_unit_test(an_abandoned_write_leaves_the_old_file),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),  cmocka_unit_test(a_pipe_is_not_replaced),
        cmocka_unit_test(writing_where_no_folder_is_fails), cmocka_unit_test(folders_are_made_with_their_parents),
        cmocka_unit_test(paths_join_with_one_slash),        cmocka_unit_test(a_locked_folder_is_busy),
        cmocka_unit_test(a_lock_dies_with_its_process),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
