/* page.h -- one claim's page, and the phrases that the index shares with it. */
#ifndef SD_REPORT_PAGE_H
#define SD_REPORT_PAGE_H

#include <jansson.h>

#include "lab/claim.h"

/* Appends the page; result NULL: not run yet. Figures' data goes to folder/ID-1.csv, ... */
sd_status sd__claim_page(const sd_catalogue_entry *entry, const json_t *result, const char *folder, sd_string *page);

/* "<span class=verdict ...>CONFIRMED</span>"; NULL: not run. */
void sd__verdict_html(sd_string *page, const char *verdict);

/* The parts' verdicts in a row: "a CONFIRMED, b REFUTED", or one word where they agree. */
void sd__headline_html(sd_string *page, const sd_claim *claim, const json_t *result);

/* An error of the slide: printed, correct, and what was measured of it, if it was. */
void sd__slide_error_html(sd_string *page, const sd_slide_error *error, const json_t *result);

/* Member `name` of an object as text, "" where it is absent. */
const char *sd__json_text(const json_t *object, const char *name);

/* The part of a result with this id, or NULL. */
const json_t *sd__result_part(const json_t *result, const char *id);

#endif
