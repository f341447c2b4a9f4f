/* shared.c -- what several commands do: messages, contexts, scores and tables as text and JSON. */
#include "cli/command.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

int sd__say(int code, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    fputs("sonde: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return code;
}

int sd__say_error(sd_status status)
{
    sd__say(0, "%s", *sd_error() ? sd_error() : sd_status_text(status));
    return status == SD_ENONFINITE ? SD_EXIT_NONFINITE : status == SD_ECANCELLED ? SD_EXIT_INTERRUPTED : SD_EXIT_FAILURE;
}

int sd__print_json(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_REAL_PRECISION(12)) : NULL;
    json_decref(json);
    if (!text)
        return sd__say(SD_EXIT_FAILURE, "out of memory for the JSON of the results");
    puts(text);
    free(text);
    return SD_EXIT_OK;
}

const char *sd__count_text(double count, char text[32])
{
    static const char *const unit[] = {"", " k", " M", " G", " T", " P"};
    size_t u = 0;
    while (count >= 999.5 && u + 1 < SD_COUNT(unit)) {
        count /= 1000;
        u++;
    }
    snprintf(text, 32, u ? "%.3g%s" : "%.0f%s", count, unit[u]);
    return text;
}

/* ---- contexts ------------------------------------------------------------------------------------------------------ */

static void log_line(void *user, const char *line)
{
    (void)user;
    fprintf(stderr, "%s\n", line);
}

sd_context *sd__cli_context(const sd_cli *cli, int *code)
{
    int64_t threads;
    sd_context *context;
    *code = SD_EXIT_USAGE;
    if (!sd__cli_int(cli, "--threads", 1, 1024, 0, &threads))
        return NULL;
    sd_context_options options = {.threads = (int)threads, .debug = -1, .log = log_line};
    sd_status status = sd_context_new(&options, &context);
    *code = status == SD_OK ? SD_EXIT_OK : sd__say_error(status);
    return status == SD_OK ? context : NULL;
}

int sd__cli_on_run(const sd_cli *cli, const char *path, sd_cli_work *work)
{
    int code = SD_EXIT_USAGE;
    sd_context *context = path ? sd__cli_context(cli, &code) : NULL;
    if (!context)
        return code;
    code = work(cli, path, context);
    sd_context_free(context);
    return code;
}

bool sd__ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

/* ---- scores ------------------------------------------------------------------------------------------------------------ */

void sd__scores_text(const sd_scores *s, char text[128])
{
    if (s->classes)
        snprintf(text, 128, "loss %.4f, accuracy %.2f %%", s->loss, 100 * s->accuracy);
    else
        snprintf(text, 128, "loss %.6g, RMSE %.6g, R2 %.4f", s->loss, s->rmse, s->r2);
}

static json_t *confusion_json(const sd_scores *s)
{
    json_t *rows = json_array();
    for (int i = 0; i < s->classes; i++) {
        json_t *row = json_array();
        for (int j = 0; j < s->classes; j++)
            json_array_append_new(row, json_integer(s->confusion[i * s->classes + j]));
        json_array_append_new(rows, row);
    }
    return rows;
}

json_t *sd__scores_json(const sd_scores *s, char *const *names)
{
    json_t *json = json_pack("{s:I, s:o}", "samples", (json_int_t)s->samples, "loss", sd__json_real(s->loss));
    if (!s->classes) {
        json_object_set_new(json, "rmse", sd__json_real(s->rmse));
        json_object_set_new(json, "r2", sd__json_real(s->r2));
        return json;
    }
    json_object_set_new(json, "accuracy", sd__json_real(s->accuracy));
    json_object_set_new(json, "confusion", confusion_json(s));
    json_t *list = json_array();
    for (int i = 0; i < s->classes; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        json_array_append_new(list, json_string(names ? names[i] : number));
    }
    json_object_set_new(json, "classes", list);
    return json;
}

void sd__print_confusion(const sd_scores *s, char *const *names)
{
    if (!s->classes || s->classes > 20)
        return; /* wider than a screen: --json has it */
    printf("confusion (row: true, column: predicted)\n%12s", "");
    for (int j = 0; j < s->classes; j++) {
        char number[16];
        snprintf(number, sizeof number, "%d", j);
        printf(" %6.6s", names ? names[j] : number);
    }
    putchar('\n');
    for (int i = 0; i < s->classes; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        printf("%12.12s", names ? names[i] : number);
        for (int j = 0; j < s->classes; j++)
            printf(" %6" PRId64, s->confusion[i * s->classes + j]);
        putchar('\n');
    }
}
