/* runner.c -- runs claims over the threads of a context, and keeps their results as lines of JSON. */
#include "lab/runner.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/pool.h"
#include "commit.h"

/* ---- one claim ------------------------------------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

char *sd__lab_machine(void)
{
    char line[256], model[200] = "unknown CPU";
    struct utsname host;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "model name : %199[^\n]", model) == 1)
            break;
    if (file)
        fclose(file);
    if (uname(&host))
        strcpy(host.machine, "unknown");
    sd_string text = {0};
    sd__string_add(&text, "%s, %ld cores, %s", host.machine, sysconf(_SC_NPROCESSORS_ONLN), model);
    return sd__string_take(&text);
}

/* Where the result comes from. */
static int sign(json_t *result, const sd_lab *lab, double seconds)
{
    char *machine = sd__lab_machine(), when[32];
    time_t t = time(NULL);
    struct tm day;
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &day));
    int bad = json_object_set_new(result, "commit", json_string(SD_COMMIT));
    bad |= json_object_set_new(result, "version", json_string(sd_version()));
    bad |= json_object_set_new(result, "mode", json_string(lab->options.full ? "full" : "quick"));
    bad |= json_object_set_new(result, "seed", json_integer((json_int_t)lab->options.seed));
    bad |= json_object_set_new(result, "repetitions", json_integer(lab->repeats));
    if (lab->options.seeds) /* asked for, not the claim's own number */
        bad |= json_object_set_new(result, "seeds", json_integer(lab->options.seeds));
    bad |= json_object_set_new(result, "seconds", json_real(seconds));
    bad |= json_object_set_new(result, "date", json_string(when));
    bad |= json_object_set_new(result, "machine", json_string(machine ? machine : ""));
    free(machine);
    return bad;
}

json_t *sd__lab_run_one(sd_context *context, const sd_claim *claim, const sd_lab_options *options)
{
    sd_lab lab;
    if (sd__lab_begin(context, claim, options, &lab) != SD_OK)
        return NULL;
    double start = now();
    if (claim->run(&lab) != SD_OK)
        sd__lab_void(&lab, "the experiment could not be run: %s", sd_error());
    json_t *result = sd__lab_result(&lab);
    if (result && sign(result, &lab, now() - start)) {
        json_decref(result);
        result = NULL;
    }
    sd__lab_clear(&lab);
    return result;
}

/* ---- several ------------------------------------------------------------------------------------------------------------------ */

typedef struct bench {
    sd_context *context;
    const sd_claim *const *claims; /* [n]; those of the other sort are passed over */
    const sd_lab_options *options;
    sd_lab_done *done;
    void *user;
    pthread_mutex_t lock; /* around done and failed */
    bool failed;
} bench;

static void run_part(bench *b, const sd_claim *claim)
{
    json_t *result = sd__lab_run_one(b->context, claim, b->options);
    pthread_mutex_lock(&b->lock);
    if (result)
        b->done(b->user, claim, result);
    else
        b->failed = true;
    pthread_mutex_unlock(&b->lock);
    json_decref(result);
}

static void side_by_side(void *user, int part)
{
    bench *b = user;
    if (!b->claims[part]->alone)
        run_part(b, b->claims[part]);
}

sd_status sd__lab_run(sd_context *context, int n, const sd_claim *const *claims, const sd_lab_options *options,
                      sd_lab_done *done, void *user)
{
    bench b = {context, claims, options, done, user, PTHREAD_MUTEX_INITIALIZER, false};
    sd__pool_run(sd_context_pool(context), side_by_side, &b, n);
    for (int i = 0; i < n; i++)
        if (claims[i]->alone)
            run_part(&b, claims[i]);
    pthread_mutex_destroy(&b.lock);
    return b.failed ? sd__fail(SD_ENOMEM, "the laboratory ran out of memory") : SD_OK;
}

/* ---- keeping ------------------------------------------------------------------------------------------------------------------ */

static sd_status make_folders(const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return sd__fail(SD_ENOMEM, "out of memory");
    for (char *slash = strchr(copy + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(copy, 0777) && errno != EEXIST) {
            sd_status status = sd__fail(SD_EIO, "%s: cannot be made: %s", copy, strerror(errno));
            free(copy);
            return status;
        }
        *slash = '/';
    }
    free(copy);
    return SD_OK;
}

sd_status sd__lab_keep(const char *path, const json_t *result)
{
    SD_TRY(make_folders(path));
    char *line = json_dumps(result, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!line)
        return sd__fail(SD_ENOMEM, "%s: out of memory", path);
    FILE *file = fopen(path, "a");
    bool good = file && fprintf(file, "%s\n", line) > 0;
    if (file)
        good = fclose(file) == 0 && good;
    free(line);
    return good ? SD_OK : sd__fail(SD_EIO, "%s: cannot be written: %s", path, strerror(errno));
}

sd_status sd__lab_results(const char *path, json_t **results)
{
    FILE *file = fopen(path, "r");
    if (!file)
        return sd__fail(SD_ENOTFOUND, "%s: %s; `sonde lab run all` makes results", path, strerror(errno));
    *results = json_object();
    sd_status status = *results ? SD_OK : sd__fail(SD_ENOMEM, "%s: out of memory", path);
    char *line = NULL;
    size_t room = 0;
    for (int number = 1; status == SD_OK && getline(&line, &room, file) > 0; number++) {
        json_error_t error;
        json_t *result = json_loads(line, 0, &error);
        const char *id = json_string_value(json_object_get(result, "id"));
        if (!id)
            status = sd__fail(SD_EFORMAT, "%s:%d: no result: %s; every line is one JSON object with an id", path, number,
                              result ? "it has no id" : error.text);
        else if (json_object_set(*results, id, result))
            status = sd__fail(SD_ENOMEM, "%s: out of memory", path);
        json_decref(result);
    }
    free(line);
    fclose(file);
    if (status != SD_OK) {
        json_decref(*results);
        *results = NULL;
    }
    return status;
}

sd_lab_match sd__lab_compare(const json_t *result)
{
    sd_lab_match match = SD_AS_EXPECTED;
    json_t *part;
    size_t i;
    json_array_foreach(json_object_get(result, "parts"), i, part)
    {
        const char *seen = json_string_value(json_object_get(part, "verdict"));
        const char *expected = json_string_value(json_object_get(part, "expected"));
        if (!seen || !expected || !strcmp(seen, expected))
            continue;
        if (strcmp(seen, "NOT DECIDED"))
            return SD_DIFFERS;
        match = SD_UNDECIDED;
    }
    return match;
}
