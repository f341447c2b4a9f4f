/* drawing.h -- figures and pictures recorded as JSON (probe/figure_json.h, probe/section.h), put into a page. */
#ifndef SD_REPORT_DRAWING_H
#define SD_REPORT_DRAWING_H

#include <jansson.h>

#include "base/base.h"

/*
 * Appends <figure> with the SVG, its caption and a link to its data, which goes to FOLDER/NAME.csv.
 *
 * name    unique in its page: letters, digits, '-'
 * inside  the page is to stand alone: the link holds the data itself; the file is written all the same
 * errors  SD_EIO, SD_ENOMEM, those of sd__figure_svg()
 */
sd_status sd__drawing_figure(const json_t *figure, const char *name, const char *folder, bool inside, sd_string *page);

/* Appends a gallery's pictures side by side, each as PNG inside the page. errors SD_ENOMEM, SD_EINVAL (damaged) */
sd_status sd__drawing_gallery(const json_t *gallery, sd_string *page);

#endif
