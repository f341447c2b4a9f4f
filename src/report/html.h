/* html.h -- pages that stand alone: no request leaves them, readable on a phone, light and dark. */
#ifndef SD_REPORT_HTML_H
#define SD_REPORT_HTML_H

#include "base/base.h"

/*
 * Text with the characters escaped that HTML gives a meaning, and numbers as people write them: 1e-05 as 10⁻⁵, 3.2e+07 as 3.2·10⁷,
 * -3 with a minus, 1234567 in groups. Fit for attributes, too.
 */
void sd__html_text(sd_string *page, const char *text);

/* The same, with what follows ^ and _ raised and lowered: 2^(k+1), e^−E, w_ij. Not for names that may hold these characters. */
void sd__html_formula(sd_string *page, const char *text);

/* Appends what is to be written for the number, or the part of one, at `at` in `text`; returns the bytes that it stands for, or 0. */
size_t sd__html_number(const char *text, const char *at, sd_string *out);

/* Everything up to the content, with the style sheet; `title` also heads the page. */
void sd__html_begin(sd_string *page, const char *title);
void sd__html_end(sd_string *page);

/* Writes a finished page; complete, or the former one stays. errors SD_EIO, SD_ENOMEM (the string failed) */
sd_status sd__html_write(const sd_string *page, const char *path);

#endif
