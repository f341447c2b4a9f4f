/* recorder.h -- what a run leaves behind while it goes on: metrics.jsonl, and the same numbers for TensorBoard. */
#ifndef SD_TRAIN_RECORDER_H
#define SD_TRAIN_RECORDER_H

#include <sonde/train.h>

#include "format/appender.h"
#include "format/tfevents.h"

typedef struct sd_recorder {
    sd_appender metrics;
    sd_tfevents *events;
} sd_recorder;

/* One number of a record. Numbers that are not finite become null in JSON and are left out of events. */
typedef struct sd_metric {
    const char *name; /* in metrics.jsonl */
    const char *tag;  /* in events; NULL: not there */
    double value;
} sd_metric;

/* keep < 0: new files; else those of a resumed run, cut back to these lengths. */
sd_status sd__recorder_open(sd_recorder *recorder, const char *folder, int64_t keep_metrics, int64_t keep_events);

/* Appends {"event": EVENT, "step": .., "epoch": .., name: value, ...} as one line, and one event. */
sd_status sd__recorder_add(sd_recorder *recorder, const char *event, int64_t step, int64_t epoch, int n,
                           const sd_metric *metric);

void sd__recorder_close(sd_recorder *recorder);

#endif
