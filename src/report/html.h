/* html.h -- pages that stand alone: no request leaves them, readable on a phone, light and dark. */
#ifndef SD_REPORT_HTML_H
#define SD_REPORT_HTML_H

#include "base/base.h"

/* Text with the characters escaped that HTML gives a meaning. */
void sd__html_text(sd_string *page, const char *text);

/* Everything up to the content, with the style sheet; `title` also heads the page. */
void sd__html_begin(sd_string *page, const char *title);
void sd__html_end(sd_string *page);

/* Writes a finished page; complete, or the former one stays. errors SD_EIO, SD_ENOMEM (the string failed) */
sd_status sd__html_write(const sd_string *page, const char *path);

#endif
