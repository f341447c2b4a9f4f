/*
 * figure_json.h -- figures as JSON, as experiments and instruments record them: {caption, x, y, log_x, log_y, series, ticks}.
 *
 * A series is {name, style, points}, a point [x, y] or [x, y, low, high]; what is not finite is null. Nothing here draws: that
 * is the report's business. Every function returns false without memory.
 */
#ifndef SD_PROBE_FIGURE_JSON_H
#define SD_PROBE_FIGURE_JSON_H

#include <jansson.h>
#include <sonde/statistics.h>

typedef enum sd_series_style {
    SD_SERIES_LINE,
    SD_SERIES_POINTS,
    SD_SERIES_BARS,
    SD_SERIES_DASHES,
    SD_SERIES_AREAS, /* polygons, a point that is not finite after each; neighbours may share a series: it has no key */
    SD_SERIES_STYLES
} sd_series_style;

/* "line", ... */
const char *sd__series_style_name(sd_series_style style);

/* A figure without series, to be dropped; NULL without memory. */
json_t *sd__figure_json(const char *caption, const char *x_label, const char *y_label, bool log_x, bool log_y);

/* Begins a series; points belong to the one begun last. */
bool sd__figure_series(json_t *figure, const char *name, sd_series_style style);
bool sd__figure_point(json_t *figure, double x, double y);
bool sd__figure_point_interval(json_t *figure, double x, sd_interval y);

/* Names the place x on an axis of categories (bars). */
bool sd__figure_tick(json_t *figure, double x, const char *label);

/* A real, or null if it is not finite (JSON knows no infinity). */
json_t *sd__json_real(double value);

/* And back: NaN for what is no number. */
double sd__json_number(const json_t *value);

#endif
