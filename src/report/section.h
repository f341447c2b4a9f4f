/* section.h -- an instrument's section (probe/section.h) in a page. */
#ifndef SD_REPORT_SECTION_H
#define SD_REPORT_SECTION_H

#include <jansson.h>

#include "base/base.h"

/*
 * Appends a section as sd__examine() made it: heading with id=INSTRUMENT, question, items in order, what would have
 * meant the opposite. Figures' data goes to FOLDER/INSTRUMENT-KEY.csv, and into the page. errors SD_EIO, SD_ENOMEM,
 * those of sd__drawing_figure()
 */
sd_status sd__section_html(const json_t *section, const char *folder, sd_string *page);

/* Appends only the items of an object of items ("found"), under names that begin with `name`. */
sd_status sd__items_html(const json_t *items, const char *name, const char *folder, sd_string *page);

/* A number for people: whole ones as they are, others with four digits; what is not finite as a dash. */
void sd__number_html(sd_string *page, double value);

#endif
