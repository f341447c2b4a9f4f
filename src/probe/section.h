/*
 * section.h -- what an instrument found, written down once: from it come the terminal's text, `--json`
 * and the report's section.
 *
 * A section is a list of *items* in the order in which they are to be read, each under a key of its own: sentences, numbers
 * beside the untrained network's, tables, figures, galleries of pictures. Beside them stand *facts*: what was measured, on how
 * much, in which mode. Recording never fails visibly; without memory the section is void, and sd__examine() says so.
 *
 *   {"instrument": "curvature", "title": ..., "question": ..., "opposite": ..., "facts": {"samples": 1000, ...},
 *    "found": {"trace": {"kind": "number", "name": "trace", "run": {"estimate", "low", "high"}, "untrained": {...}}, ...}}
 */
#ifndef SD_PROBE_SECTION_H
#define SD_PROBE_SECTION_H

#include "base/base.h"
#include "probe/figure_json.h"

typedef struct sd_section {
    json_t *facts, *found; /* objects, whose members keep their order */
    json_t *last;          /* the table, figure or gallery begun last; belongs to found */
    int sentences;
    bool failed;
} sd_section;

sd_status sd__section_begin(sd_section *section);
void sd__section_clear(sd_section *section);

/* What was measured; takes the value. Text does not repeat facts: say in a sentence what people must know. */
void sd__section_fact(sd_section *section, const char *key, json_t *value);

/* A sentence, which begins with a capital and ends with a full stop. */
void sd__section_say(sd_section *section, const char *format, ...) SD_PRINTF(2, 3);

/* ---- numbers beside their control ---------------------------------------------------------------------------------------- */

/* A number without interval: exact, or a single measurement. NaN: not measured. */
sd_interval sd__exactly(double value);

/* A number beside the untrained network's. */
void sd__section_number(sd_section *section, const char *key, sd_interval run, sd_interval untrained, const char *name, ...)
    SD_PRINTF(5, 6);

/* A number without control, and the reason: "not compared: REASON". */
void sd__section_alone(sd_section *section, const char *key, sd_interval run, const char *reason, const char *name, ...)
    SD_PRINTF(5, 6);

/* ---- tables -------------------------------------------------------------------------------------------------------------- */

typedef struct sd_column {
    const char *key;  /* for programs: "residual" */
    const char *name; /* for people: "residual, 2-norm" */
} sd_column;

/* Begins a table; rows belong to the one begun last. */
void sd__section_table(sd_section *section, const char *key, const char *caption, int columns, const sd_column *column);

/*
 * A cell a letter: s const char *, i int64_t, g double (not finite: empty), b bool as yes and no. Wants as
 * many as there are columns.
 */
void sd__section_row(sd_section *section, const char *format, ...);

/* A row of a matrix: a name, then n counts. */
void sd__section_row_counts(sd_section *section, const char *name, int n, const int64_t *count);

/* ---- figures and pictures ------------------------------------------------------------------------------------------------ */

/* Begins a figure; series and points belong to the one begun last, points to the series begun last. */
void sd__section_figure(sd_section *section, const char *key, const char *caption, const char *x_label, const char *y_label,
                        bool log_x, bool log_y);
void sd__section_series(sd_section *section, const char *name, sd_series_style style);
void sd__section_point(sd_section *section, double x, double y);
void sd__section_point_interval(sd_section *section, double x, sd_interval y);
void sd__section_tick(sd_section *section, double x, const char *label);

/* Begins a gallery; pictures belong to the one begun last and stand side by side. */
void sd__section_gallery(sd_section *section, const char *key, const char *caption);

/* pixels [height, width, channels] with 1 channel (grey) or 3 (RGB), 0..255, row by row from above; the caption may be "". */
void sd__section_picture(sd_section *section, const char *caption, int width, int height, int channels, const uint8_t *pixels);

/* The bytes of a picture's member "pixels" (base64), [*count], freed by the caller; NULL if it is damaged or without memory. */
uint8_t *sd__picture_pixels(const json_t *picture, size_t *count);

#endif
