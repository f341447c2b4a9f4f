/* probe.h -- what `sonde probe NAME` hands to the instrument's own file: the run, opened, and its untrained twin. */
#ifndef SD_CLI_PROBE_H
#define SD_CLI_PROBE_H

#include <sonde/probe.h>

#include "cli/command.h"

typedef struct sd_probe {
    const sd_cli *cli;
    const sd_trained *trained;
    const char *part;            /* "train", ... */
    sd_optimizer_spec optimizer; /* of the run's configuration */
    sd_subject subject;          /* the run */
    sd_subject untrained;        /* the control: the same with weights and states as they were before training */
} sd_probe;

/* A row of the table of instruments. */
typedef struct sd_instrument {
    const char *name;
    int (*run)(const sd_probe *probe);
} sd_instrument;

extern const sd_instrument sd__instrument_curvature;

#endif
