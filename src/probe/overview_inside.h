/* overview_inside.h -- what overview.c gathers and overview_folded.c draws. */
#ifndef SD_PROBE_OVERVIEW_INSIDE_H
#define SD_PROBE_OVERVIEW_INSIDE_H

#include "probe/overview.h"

typedef struct sd_overview {
    const sd_examination *e;
    sd_findings f;
    sd_contest contest;
    sd_dataset *part;                 /* the part that is judged, whole; contest.held are samples of it */
    sd_judged run;                    /* on contest.held */
    sd_judged learned;                /* on contest.train */
    int64_t *suspect, *train_suspect; /* positions in contest.held and contest.train */
    sd_twin *twin;                    /* of the training part and the whole part that is judged */
    sd_history history;
} sd_overview;

/* The name of a class; text has room for it. */
const char *sd__class_name(const sd_examination *e, int class, char text[64]);

/* The section of an instrument, or NULL. */
const json_t *sd__section_of(const json_t *sections, const char *instrument);

/* Tables and facts of page one. */
void sd__overview_write(const sd_overview *overview, const json_t *sections, sd_section *page_one);

/* Reliability, confusion, curves, mistakes, suspected labels, duplicates. */
void sd__overview_fold(const sd_overview *overview, sd_section *folded);

#endif
