/* site.h -- the laboratory's results as a static site: an index, a page a claim, the data of every figure beside it. */
#ifndef SD_REPORT_SITE_H
#define SD_REPORT_SITE_H

#include <jansson.h>

#include "base/base.h"

/*
 * Writes folder/index.html, folder/C01.html, ... and folder/C01-1.csv, ... for the whole catalogue; a claim without
 * a result gets its page, too. results: id -> result, as sd__lab_results() reads them. errors SD_EIO, SD_ENOMEM,
 * those of sd__figure_svg()
 */
sd_status sd__lab_site(const char *folder, const json_t *results);

#endif
