/* recorder.c -- see recorder.h. */
#include "train/recorder.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"

static double wall_time(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

sd_status sd__recorder_open(sd_recorder *r, const char *folder, int64_t keep_metrics, int64_t keep_events)
{
    char *metrics = sd__path_join(folder, "metrics.jsonl"), *events = sd__path_join(folder, "events.out.tfevents.sonde");
    *r = (sd_recorder){.metrics = {.descriptor = -1}};
    sd_status status = metrics && events ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a path");
    if (status == SD_OK)
        status = sd__appender_open(metrics, keep_metrics, &r->metrics);
    if (status == SD_OK)
        status = sd__tfevents_open(events, keep_events, wall_time(), &r->events);
    if (status != SD_OK)
        sd__recorder_close(r);
    free(metrics);
    free(events);
    return status;
}

static sd_status add_line(sd_recorder *r, json_t *line)
{
    sd_string text = {0};
    char *json = json_dumps(line, JSON_COMPACT);
    if (json)
        sd__string_add(&text, "%s\n", json);
    sd_status status = json && !text.failed ? sd__appender_write(&r->metrics, text.text, text.length)
                                            : sd__fail(SD_ENOMEM, "no memory for a line of metrics");
    free(json);
    free(text.text);
    return status;
}

static json_t *line_of(const char *event, int64_t step, int64_t epoch, int n, const sd_metric *metric)
{
    json_t *line = json_pack("{s:s, s:I, s:I}", "event", event, "step", (json_int_t)step, "epoch", (json_int_t)epoch);
    for (int i = 0; i < n; i++)
        json_object_set_new(line, metric[i].name, isfinite(metric[i].value) ? json_real(metric[i].value) : json_null());
    return line;
}

static sd_status add_event(sd_recorder *r, int64_t step, int n, const sd_metric *metric)
{
    int scalars = 0;
    sd_tfscalar *scalar = sd__alloc((size_t)n + 1, sizeof *scalar);
    if (!scalar)
        return sd__fail(SD_ENOMEM, "no memory for an event");
    for (int i = 0; i < n; i++)
        if (isfinite(metric[i].value) && metric[i].tag)
            scalar[scalars++] = (sd_tfscalar){metric[i].tag, metric[i].value};
    sd_status status = scalars ? sd__tfevents_add(r->events, wall_time(), step, scalars, scalar) : SD_OK;
    free(scalar);
    return status;
}

sd_status sd__recorder_add(sd_recorder *r, const char *event, int64_t step, int64_t epoch, int n, const sd_metric *metric)
{
    if (!r->events)
        return SD_OK; /* a trainer without a folder */
    json_t *line = line_of(event, step, epoch, n, metric);
    sd_status status = add_line(r, line);
    json_decref(line);
    return status == SD_OK ? add_event(r, step, n, metric) : status;
}

void sd__recorder_close(sd_recorder *r)
{
    sd__appender_close(&r->metrics);
    sd__tfevents_close(r->events);
    r->events = NULL;
}
