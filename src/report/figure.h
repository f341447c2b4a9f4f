/*
 * figure.h -- figures for reports: data in, SVG and CSV out. gnuplot draws, as a process of its own.
 *
 * The SVG is meant to be put into a page: its text and axes take the page's text colour, its grid and series the CSS variables
 * --grid and --series-1, --series-2, ... (sd__html_style() sets them for light and dark), and it scales with the page's width.
 */
#ifndef SD_REPORT_FIGURE_H
#define SD_REPORT_FIGURE_H

#include "base/base.h"

enum { SD_FIGURE_COLOURS = 6 };

typedef enum sd_figure_style {
    SD_FIGURE_LINE,
    SD_FIGURE_POINTS,
    SD_FIGURE_BARS,
    SD_FIGURE_DASHES,
    SD_FIGURE_AREAS
} sd_figure_style;

typedef struct sd_figure_point {
    double x, y;
    double low, high; /* NAN: no error bar */
} sd_figure_point;

typedef struct sd_figure_series {
    const char *name; /* for the key */
    sd_figure_style style;
    int n;
    const sd_figure_point *point; /* [n] */
} sd_figure_series;

typedef struct sd_figure_tick {
    double x;
    const char *label;
} sd_figure_tick;

typedef struct sd_figure {
    const char *name; /* unique in its page: letters, digits, '-' */
    const char *x_label, *y_label;
    bool log_x, log_y;
    int n_series;
    const sd_figure_series *series; /* [n_series] */
    int n_ticks;                    /* 0: numbers along the x axis */
    const sd_figure_tick *tick;     /* [n_ticks] */
} sd_figure;

/* Writes "series,x,y,low,high" and a line a point. errors SD_EIO */
sd_status sd__figure_csv(const sd_figure *figure, const char *path);

/* How many points there are to draw: finite, and above 0 on a logarithmic axis. */
int sd__figure_points(const sd_figure *figure);

/*
 * Draws. *svg is freed by the caller. errors SD_ENOTFOUND (no gnuplot), SD_EIO (gnuplot failed), SD_EINVAL
 * (nothing to draw), SD_ENOMEM
 */
sd_status sd__figure_svg(const sd_figure *figure, char **svg);

#endif
