/*
 * tfevents.c -- TensorBoard event files.
 *
 * A file is a row of records: length (u64), masked CRC-32C of the length, the bytes, masked CRC-32C of the bytes, all little
 * endian; the bytes are a protobuf message (tfevents.proto).
 */
#include "format/tfevents.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "format/appender.h"
#include "format/crc32c.h"
#include "tfevents.pb-c.h"

struct sd_tfevents {
    sd_appender file;
};

/* Frames `bytes` bytes that lie at record + 12 and appends the whole. */
static sd_status append_record(sd_tfevents *events, uint8_t *record, size_t bytes)
{
    uint64_t length = htole64(bytes);
    memcpy(record, &length, 8);
    uint32_t check = htole32(sd__crc32c_mask(sd__crc32c(0, record, 8)));
    memcpy(record + 8, &check, 4);
    check = htole32(sd__crc32c_mask(sd__crc32c(0, record + 12, bytes)));
    memcpy(record + 12 + bytes, &check, 4);
    return sd__appender_write(&events->file, record, bytes + 16);
}

static sd_status append_event(sd_tfevents *events, const Sonde__TfEvent *event)
{
    size_t bytes = sonde__tf_event__get_packed_size(event);
    uint8_t *record = sd__alloc(bytes + 16, 1);
    if (!record)
        return sd__fail(SD_ENOMEM, "%s: out of memory for an event", events->file.path);
    sonde__tf_event__pack(event, record + 12);
    sd_status status = append_record(events, record, bytes);
    free(record);
    return status;
}

sd_status sd__tfevents_open(const char *path, int64_t keep, double wall_time, sd_tfevents **out)
{
    *out = NULL;
    sd_tfevents *events = sd__alloc_zeroed(1, sizeof *events);
    if (!events)
        return sd__fail(SD_ENOMEM, "%s: out of memory", path);
    Sonde__TfEvent first = SONDE__TF_EVENT__INIT;
    first.wall_time = wall_time;
    first.what_case = SONDE__TF_EVENT__WHAT_FILE_VERSION;
    first.file_version = "brain.Event:2";
    sd_status status = sd__appender_open(path, keep, &events->file);
    if (status == SD_OK && keep < 0)
        status = append_event(events, &first);
    if (status == SD_OK)
        *out = events;
    else
        sd__tfevents_close(events);
    return status;
}

static void fill(int n, const sd_tfscalar *scalar, Sonde__TfValue *value, Sonde__TfValue **pointer)
{
    for (int i = 0; i < n; i++) {
        value[i] = (Sonde__TfValue)SONDE__TF_VALUE__INIT;
        value[i].tag = (char *)scalar[i].tag; /* protobuf-c only reads it */
        value[i].content_case = SONDE__TF_VALUE__CONTENT_SIMPLE_VALUE;
        value[i].simple_value = (float)scalar[i].value;
        pointer[i] = &value[i];
    }
}

static sd_status append_summary(sd_tfevents *events, double wall_time, int64_t step, int n, Sonde__TfValue **value)
{
    Sonde__TfSummary summary = SONDE__TF_SUMMARY__INIT;
    summary.n_value = (size_t)n;
    summary.value = value;
    Sonde__TfEvent event = SONDE__TF_EVENT__INIT;
    event.wall_time = wall_time;
    event.step = step;
    event.what_case = SONDE__TF_EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return append_event(events, &event);
}

sd_status sd__tfevents_add(sd_tfevents *events, double wall_time, int64_t step, int n, const sd_tfscalar *scalar)
{
    Sonde__TfValue *value = sd__alloc((size_t)n + 1, sizeof *value);
    Sonde__TfValue **pointer = sd__alloc((size_t)n + 1, sizeof *pointer);
    sd_status status = value && pointer ? SD_OK : sd__fail(SD_ENOMEM, "%s: out of memory for an event", events->file.path);
    if (status == SD_OK) {
        fill(n, scalar, value, pointer);
        status = append_summary(events, wall_time, step, n, pointer);
    }
    free(value);
    free(pointer);
    return status;
}

int64_t sd__tfevents_bytes(const sd_tfevents *events) { return events->file.bytes; }

void sd__tfevents_close(sd_tfevents *events)
{
    if (events)
        sd__appender_close(&events->file);
    free(events);
}
