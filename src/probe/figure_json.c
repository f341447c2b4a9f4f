/* figure_json.c -- figures as JSON: what is recorded, before anybody draws it. */
#include "probe/figure_json.h"

#include <math.h>

#include "base/base.h"

json_t *sd__json_real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

double sd__json_number(const json_t *value) { return json_is_number(value) ? json_number_value(value) : NAN; }

const char *sd__series_style_name(sd_series_style style)
{
    static const char *const names[SD_SERIES_STYLES] = {"line", "points", "bars", "dashes", "areas"};
    return (unsigned)style < SD_SERIES_STYLES ? names[style] : "?";
}

json_t *sd__figure_json(const char *caption, const char *x_label, const char *y_label, bool log_x, bool log_y)
{
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:[], s:[]}", "caption", caption, "x", x_label, "y", y_label, "log_x", log_x,
                     "log_y", log_y, "series", "ticks");
}

static bool append(json_t *list, json_t *item) { return item && json_array_append_new(list, item) == 0; }

bool sd__figure_series(json_t *figure, const char *name, sd_series_style style)
{
    return append(json_object_get(figure, "series"),
                  json_pack("{s:s, s:s, s:[]}", "name", name, "style", sd__series_style_name(style), "points"));
}

static json_t *points(json_t *figure)
{
    json_t *series = json_object_get(figure, "series");
    return json_object_get(json_array_get(series, json_array_size(series) - 1), "points");
}

bool sd__figure_point(json_t *figure, double x, double y)
{
    return append(points(figure), json_pack("[o, o]", sd__json_real(x), sd__json_real(y)));
}

bool sd__figure_point_interval(json_t *figure, double x, sd_interval y)
{
    return append(points(figure), json_pack("[o, o, o, o]", sd__json_real(x), sd__json_real(y.estimate), sd__json_real(y.low),
                                            sd__json_real(y.high)));
}

bool sd__figure_tick(json_t *figure, double x, const char *label)
{
    return append(json_object_get(figure, "ticks"), json_pack("[o, s]", sd__json_real(x), label));
}
