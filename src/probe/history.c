/* history.c -- reads metrics.jsonl, the log that a run keeps of its own training. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "probe/evidence.h"
#include "train/run_source.h"

enum { MOST_BYTES = 1 << 28 };

void sd__history_clear(sd_history *h)
{
    free(h->step);
    free(h->epoch);
    *h = (sd_history){0};
}

/* A number that is not finite is written as null. */
static double number(const json_t *line, const char *key)
{
    const json_t *value = json_object_get(line, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

static sd_logged logged(const json_t *line, bool epoch)
{
    return (sd_logged){.step = json_integer_value(json_object_get(line, "step")),
                       .epoch = json_integer_value(json_object_get(line, "epoch")),
                       .train_loss = number(line, epoch ? "train_loss" : "loss"),
                       .train_accuracy = number(line, "train_accuracy"),
                       .validation_loss = number(line, "validation_loss"),
                       .validation_accuracy = number(line, "validation_accuracy"),
                       .validation_r2 = number(line, "validation_r2")};
}

static void take_line(const char *text, size_t length, sd_history *h)
{
    json_t *line = json_loadb(text, length, 0, NULL);
    const char *event = json_string_value(json_object_get(line, "event"));
    if (event && !strcmp(event, "step"))
        h->step[h->steps++] = logged(line, false);
    else if (event && !strcmp(event, "epoch"))
        h->epoch[h->epochs++] = logged(line, true);
    json_decref(line);
}

static sd_status take_lines(const char *text, sd_history *h)
{
    size_t lines = 1;
    for (const char *c = text; (c = strchr(c, '\n')); c++)
        lines++;
    h->step = sd__alloc(lines, sizeof *h->step);
    h->epoch = sd__alloc(lines, sizeof *h->epoch);
    if (!h->step || !h->epoch)
        return sd__fail(SD_ENOMEM, "no memory for %zu lines of metrics", lines);
    for (size_t length; *text; text += length + (text[length] == '\n')) {
        length = strcspn(text, "\n");
        take_line(text, length, h);
    }
    return SD_OK;
}

sd_status sd__history_read(const char *run, sd_history *h)
{
    char *folder = sd__run_folder(run), *path = folder ? sd__path_join(folder, "metrics.jsonl") : NULL, *text = NULL;
    size_t bytes;
    *h = (sd_history){0};
    sd_status status = path ? sd__file_read(path, MOST_BYTES, &text, &bytes) : sd__fail(SD_ENOMEM, "no memory for a path");
    if (status == SD_OK)
        status = take_lines(text, h);
    free(text);
    free(path);
    free(folder);
    if (status != SD_OK)
        sd__history_clear(h);
    return status;
}
