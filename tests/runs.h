/*
 * runs.h -- what the tests of training share: a scratch folder, a context, assertions that say what is wrong, and a small run
 * with everything that has a state.
 */
#ifndef SD_TESTS_RUNS_H
#define SD_TESTS_RUNS_H

#include "law.h"

#include <sonde/sonde.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"

static char scratch[64];
static sd_context *context;

LAW_UNUSED static int begin(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/sonde-test-XXXXXX");
    sd_context_options options = {.threads = 2};
    return mkdtemp(scratch) && sd_context_new(&options, &context) == SD_OK ? 0 : -1;
}

LAW_UNUSED static int end(void **state)
{
    (void)state;
    char command[96];
    sd_context_free(context);
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command);
}

LAW_UNUSED static void ok(sd_status status)
{
    if (status != SD_OK)
        fail_msg("%s: %s", sd_status_text(status), sd_error());
}

/* A path in the scratch folder; the last eight stay valid. */
LAW_UNUSED static const char *in(const char *name)
{
    static char room[8][160];
    static int next;
    char *path = room[next++ % 8];
    snprintf(path, 160, "%s/%s", scratch, name);
    return path;
}

LAW_UNUSED static void put(const char *path, const char *text) { ok(sd__file_write_atomic(path, text, strlen(text))); }

/* Not inlined: GCC 12 would take what it returns for a pointer to its local variable. */
__attribute__((noinline)) LAW_UNUSED static char *get(const char *path)
{
    char *text = NULL;
    size_t bytes;
    ok(sd__file_read(path, 1 << 24, &text, &bytes));
    return text;
}

static const char flowers_yaml[] = "data: {csv: {train: flowers.csv, label: kind}, batch: 8, validation: 20, test: 16}\n"
                                   "model:\n"
                                   "  layers:\n"
                                   "    - dense: {units: 12, name: first}\n"
                                   "    - batch_norm\n"
                                   "    - tanh\n"
                                   "    - dropout: 0.2\n"
                                   "    - dense: {units: classes, name: last}\n"
                                   "optimizer: {adam: {lr: 0.01, clip_norm: 5}}\n"
                                   "schedule: {cosine: {warmup: 5}}\n"
                                   "train: {epochs: 4, seed: 5, log_steps: 3, checkpoint: {steps: 4}}\n";

LAW_UNUSED static void write_flowers(void)
{
    sd_random random = sd__random(11, 2);
    sd_string text = {0};
    sd__string_add(&text, "a,b,kind\n");
    for (int i = 0; i < 116; i++)
        sd__string_add(&text, "%.3f,%.3f,%s\n", sd__random_normal(&random) + (i % 3), sd__random_normal(&random) - (i % 2),
                       i % 3 == 0   ? "rose"
                       : i % 3 == 1 ? "lily"
                                    : "iris");
    put(in("flowers.csv"), text.text);
    put(in("flowers.yaml"), flowers_yaml);
    free(text.text);
}

/* Cancels when a report is the n-th. */
LAW_UNUSED static bool stop_at(void *user, const sd_progress *progress)
{
    (void)progress;
    return --*(int *)user != 0;
}

/* metrics.jsonl without what a clock says. */
LAW_UNUSED static char *metrics(const char *folder)
{
    char path[200];
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    char *text = get(path);
    static const char *const key[] = {"\"seconds\":", "\"samples_per_second\":"};
    for (size_t k = 0; k < SD_COUNT(key); k++)
        for (char *at = text; (at = strstr(at, key[k])) != NULL;) {
            char *from = at + strlen(key[k]), *to = from + strcspn(from, ",}");
            memmove(from, to, strlen(to) + 1);
            at = from;
        }
    return text;
}

#endif
