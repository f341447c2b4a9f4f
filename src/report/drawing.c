/* drawing.c -- reads figures from JSON, has them drawn, and puts them into the page; pictures become PNG inside it. */
#include "report/drawing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "probe/section.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/page.h"
#include "report/png.h"

/* ---- from JSON ----------------------------------------------------------------------------------------------------------- */

static sd_figure_style style_of(const char *name)
{
    static const char *const names[] = {"line", "points", "bars", "dashes", "areas"};
    for (int i = 0; i < (int)SD_COUNT(names); i++)
        if (!strcmp(name, names[i]))
            return (sd_figure_style)i;
    return SD_FIGURE_POINTS;
}

static bool read_series(const json_t *from, sd_figure_series *series)
{
    const json_t *points = json_object_get(from, "points");
    sd_figure_point *point = sd__alloc_zeroed(json_array_size(points) + 1, sizeof *point);
    *series = (sd_figure_series){sd__json_text(from, "name"), style_of(sd__json_text(from, "style")),
                                 (int)json_array_size(points), point};
    for (int i = 0; point && i < series->n; i++) {
        const json_t *p = json_array_get(points, (size_t)i);
        point[i] = (sd_figure_point){sd__json_number(json_array_get(p, 0)), sd__json_number(json_array_get(p, 1)),
                                     sd__json_number(json_array_get(p, 2)), sd__json_number(json_array_get(p, 3))};
    }
    return point;
}

static void free_figure(sd_figure *figure)
{
    for (int i = 0; figure->series && i < figure->n_series; i++)
        free((void *)figure->series[i].point);
    free((void *)figure->series);
    free((void *)figure->tick);
}

/* The JSON must outlive the figure, whose texts it owns. */
static sd_status read_figure(const json_t *from, const char *name, sd_figure *figure)
{
    const json_t *list = json_object_get(from, "series"), *ticks = json_object_get(from, "ticks");
    *figure = (sd_figure){name,
                          sd__json_text(from, "x"),
                          sd__json_text(from, "y"),
                          json_is_true(json_object_get(from, "log_x")),
                          json_is_true(json_object_get(from, "log_y")),
                          0,
                          NULL,
                          0,
                          NULL};
    sd_figure_series *series = sd__alloc_zeroed(json_array_size(list) + 1, sizeof *series);
    sd_figure_tick *tick = sd__alloc_zeroed(json_array_size(ticks) + 1, sizeof *tick);
    bool good = series && tick;
    figure->series = series;
    figure->tick = tick;
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        good = read_series(json_array_get(list, i), &series[i]);
        figure->n_series++;
    }
    for (size_t i = 0; good && i < json_array_size(ticks); i++) {
        const json_t *t = json_array_get(ticks, i);
        const char *label = json_string_value(json_array_get(t, 1));
        tick[figure->n_ticks++] = (sd_figure_tick){sd__json_number(json_array_get(t, 0)), label ? label : ""};
    }
    return good ? SD_OK : sd__fail(SD_ENOMEM, "out of memory");
}

/* ---- figures ------------------------------------------------------------------------------------------------------------- */

/* A link to the file, or one that holds it. */
static sd_status data_link(const char *path, const char *name, bool inside, sd_string *page)
{
    char *text = NULL;
    size_t length;
    if (!inside) {
        sd__string_add(page, "<a href=\"%s.csv\">Data</a>", name);
        return SD_OK;
    }
    SD_TRY(sd__file_read(path, SIZE_MAX, &text, &length));
    sd__string_add(page, "<a download=\"%s.csv\" href=\"data:text/csv;base64,", name);
    sd__base64_encode(page, text, length);
    sd__string_add(page, "\">Data</a>");
    free(text);
    return SD_OK;
}

static sd_status put(const json_t *from, const char *svg, const char *path, const char *name, bool inside, sd_string *page)
{
    sd__string_add(page, "<figure role=\"img\" aria-label=\"");
    sd__html_text(page, sd__json_text(from, "caption"));
    sd__string_add(page, "\">\n");
    sd__string_add_bytes(page, svg, strlen(svg));
    sd__string_add(page, "<figcaption>");
    sd__html_text(page, sd__json_text(from, "caption"));
    sd__string_add(page, ". ");
    SD_TRY(data_link(path, name, inside, page));
    sd__string_add(page, "</figcaption></figure>\n");
    return SD_OK;
}

/* A figure without a point, a gradient that is 0 everywhere on a logarithmic axis say, is a sentence. */
static void put_nothing(const json_t *from, sd_string *page)
{
    sd__string_add(page, "<p class=\"soft\">");
    sd__html_text(page, sd__json_text(from, "caption"));
    sd__string_add(page, ": there is nothing to draw%s.</p>\n",
                   json_is_true(json_object_get(from, "log_y")) ? ", for no value is above 0" : "");
}

sd_status sd__drawing_figure(const json_t *from, const char *name, const char *folder, bool inside, sd_string *page)
{
    sd_figure figure;
    bool empty = false;
    char *svg = NULL;
    sd_string path = {0};
    sd__string_add(&path, "%s/%s.csv", folder, name);
    sd_status status = path.failed ? sd__fail(SD_ENOMEM, "out of memory") : read_figure(from, name, &figure);
    if (status == SD_OK) {
        status = sd__figure_csv(&figure, path.text);
        empty = !sd__figure_points(&figure);
        if (status == SD_OK && !empty)
            status = sd__figure_svg(&figure, &svg);
        free_figure(&figure);
    }
    if (status == SD_OK && empty)
        put_nothing(from, page);
    else if (status == SD_OK)
        status = put(from, svg, path.text, name, inside, page);
    free(svg);
    free(path.text);
    return status;
}

/* ---- pictures ------------------------------------------------------------------------------------------------------------ */

static int whole(const json_t *object, const char *key) { return (int)json_integer_value(json_object_get(object, key)); }

static sd_status encode(const json_t *picture, sd_string *png)
{
    size_t count = 0;
    int width = whole(picture, "width"), height = whole(picture, "height"), channels = whole(picture, "channels");
    uint8_t *pixels = sd__picture_pixels(picture, &count);
    bool fits = pixels && width > 0 && height > 0 && count == (size_t)width * (size_t)height * (size_t)channels;
    sd_status status =
        fits ? sd__png_encode(width, height, channels, pixels, png) : sd__fail(SD_EINVAL, "a picture's pixels are damaged");
    free(pixels);
    return status;
}

/* Small pictures are shown enlarged, pixel by pixel. */
static sd_status one_picture(const json_t *picture, sd_string *page)
{
    sd_string png = {0};
    sd_status status = encode(picture, &png);
    if (status == SD_OK) {
        sd__string_add(page, "<figure class=\"picture\"><img alt=\"");
        sd__html_text(page, sd__json_text(picture, "caption"));
        sd__string_add(page, "\" src=\"data:image/png;base64,");
        sd__base64_encode(page, png.text, png.length);
        sd__string_add(page, "\" style=\"width:%dpx\"><figcaption>", SD_MAX(whole(picture, "width"), 96));
        sd__html_text(page, sd__json_text(picture, "caption"));
        sd__string_add(page, "</figcaption></figure>\n");
    }
    free(png.text);
    return status;
}

sd_status sd__drawing_gallery(const json_t *gallery, sd_string *page)
{
    json_t *picture;
    size_t i;
    sd__string_add(page, "<p>");
    sd__html_text(page, sd__json_text(gallery, "caption"));
    sd__string_add(page, "</p>\n<div class=\"gallery\">\n");
    json_array_foreach(json_object_get(gallery, "pictures"), i, picture) { SD_TRY(one_picture(picture, page)); }
    sd__string_add(page, "</div>\n");
    return page->failed ? sd__fail(SD_ENOMEM, "out of memory") : SD_OK;
}
