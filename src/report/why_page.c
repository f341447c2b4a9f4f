/* why_page.c -- the report of a run as a page that stands alone. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "report/html.h"
#include "report/page.h"
#include "report/section.h"
#include "report/why.h"

static double real(const json_t *object, const char *key) { return json_number_value(json_object_get(object, key)); }

static bool is_absent(const json_t *section) { return json_object_get(section, "reason") != NULL; }

/* ---- head ---------------------------------------------------------------------------------------------------------------- */

static void head(const json_t *report, sd_string *page)
{
    char title[256];
    snprintf(title, sizeof title, "Why %s does what it does", sd__json_text(report, "run"));
    sd__html_begin(page, title);
    sd__string_add(page, "<h1>");
    sd__html_text(page, title);
    sd__string_add(page, "</h1>\n");
}

static void link_to(const char *id, const char *title, sd_string *page)
{
    sd__string_add(page, "<a href=\"#%s\">", id);
    sd__html_text(page, title);
    sd__string_add(page, "</a>\n");
}

static void contents(const json_t *report, sd_string *page)
{
    json_t *section;
    size_t i;
    sd__string_add(page, "<nav>\n");
    json_array_foreach(json_object_get(report, "sections"), i, section)
    {
        link_to(sd__json_text(section, "instrument"), sd__json_text(section, "title"), page);
    }
    link_to("folded", sd__json_text(json_object_get(report, "folded"), "title"), page);
    sd__string_add(page, "</nav>\n");
}

/* ---- sections ------------------------------------------------------------------------------------------------------------ */

static void not_measured(const json_t *section, sd_string *page)
{
    sd__string_add(page, "<section id=\"%s\">\n<h2>", sd__json_text(section, "instrument"));
    sd__html_text(page, sd__json_text(section, "title"));
    sd__string_add(page, "</h2>\n<p class=\"soft\">");
    sd__html_text(page, sd__json_text(section, "question"));
    sd__string_add(page, "</p>\n<p>Not measured: ");
    sd__html_text(page, sd__json_text(section, "reason"));
    sd__string_add(page, ".</p>\n</section>\n");
}

static sd_status page_one(const json_t *section, const char *folder, sd_string *page)
{
    if (is_absent(section)) {
        not_measured(section, page);
        return SD_OK;
    }
    sd__string_add(page, "<section id=\"overview\">\n");
    SD_TRY(sd__items_html(json_object_get(section, "found"), "overview", folder, page));
    sd__string_add(page, "</section>\n");
    return SD_OK;
}

static sd_status instruments(const json_t *sections, const char *folder, sd_string *page)
{
    json_t *section;
    size_t i;
    json_array_foreach(sections, i, section)
    {
        if (is_absent(section))
            not_measured(section, page);
        else
            SD_TRY(sd__section_html(section, folder, page));
    }
    return SD_OK;
}

static sd_status folded(const json_t *section, const char *folder, sd_string *page)
{
    sd__string_add(page, "<details id=\"folded\">\n<summary>");
    sd__html_text(page, sd__json_text(section, "title"));
    sd__string_add(page, "</summary>\n");
    SD_TRY(sd__items_html(json_object_get(section, "found"), "folded", folder, page));
    sd__string_add(page, "</details>\n");
    return SD_OK;
}

/* ---- foot ---------------------------------------------------------------------------------------------------------------- */

static void source(const json_t *report, sd_string *page)
{
    double budget = real(report, "budget");
    sd__string_add(page, "<footer class=\"small soft\">\n<p>Checkpoint ");
    sd__html_text(page, sd__json_text(report, "checkpoint"));
    sd__string_add(page, ", epoch %.0f, weights %s. Instruments looked at the first %.0f samples of the %s part. Again: <code>",
                   real(report, "epoch"), sd__json_text(report, "weights"), real(report, "samples"),
                   sd__json_text(report, "part"));
    sd__string_add(page, "sonde why --%s --seed %.0f", sd__json_text(report, "effort"), real(report, "seed"));
    if (budget > 0)
        sd__string_add(page, " --budget %g", budget);
    sd__string_add(page, " ");
    sd__html_text(page, sd__json_text(report, "run"));
    sd__string_add(page, "</code>. Made %s in %.1f s by sonde %s, commit %s, on: ", sd__json_text(report, "date"),
                   real(report, "seconds"), sd__json_text(report, "version"), sd__json_text(report, "commit"));
    sd__html_text(page, sd__json_text(report, "machine"));
    sd__string_add(page, ".</p>\n</footer>\n");
}

/* ---- the page ------------------------------------------------------------------------------------------------------------ */

static sd_status compose(const json_t *report, const char *figures, sd_string *page)
{
    head(report, page);
    SD_TRY(page_one(json_object_get(report, "overview"), figures, page));
    contents(report, page);
    SD_TRY(instruments(json_object_get(report, "sections"), figures, page));
    SD_TRY(folded(json_object_get(report, "folded"), figures, page));
    source(report, page);
    sd__html_end(page);
    return SD_OK;
}

sd_status sd__why_page(const json_t *report, const char *folder)
{
    sd_string page = {0};
    char *figures = sd__path_join(folder, "report"), *path = sd__path_join(folder, "report.html");
    sd_status status = figures && path ? sd__make_folders(figures) : sd__fail(SD_ENOMEM, "no memory for a path");
    if (status == SD_OK)
        status = compose(report, figures, &page);
    if (status == SD_OK)
        status = sd__html_write(&page, path);
    free(figures);
    free(path);
    free(page.text);
    return status;
}
