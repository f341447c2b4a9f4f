/* page.c -- the page of a claim: its words, theory, protocol, figures, numbers, verdicts, and how to run it again. */
#include "report/page.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/figure_json.h"
#include "report/drawing.h"
#include "report/html.h"
#include "report/section.h"

const char *sd__json_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

const json_t *sd__result_part(const json_t *result, const char *id)
{
    json_t *part;
    size_t i;
    json_array_foreach(json_object_get(result, "parts"), i, part)
    {
        if (!strcmp(sd__json_text(part, "id"), id))
            return part;
    }
    return NULL;
}

void sd__verdict_html(sd_string *page, const char *verdict)
{
    if (!verdict || !*verdict)
        sd__string_add(page, "<span class=\"soft\">not run</span>");
    else
        sd__string_add(page, "<span class=\"verdict %s\">%s</span>", verdict, verdict);
}

void sd__headline_html(sd_string *page, const sd_claim *claim, const json_t *result)
{
    int n = sd__claim_parts(claim);
    bool same = true;
    for (int i = 1; i < n; i++)
        same = same && !strcmp(sd__json_text(sd__result_part(result, claim->part[i].id), "verdict"),
                               sd__json_text(sd__result_part(result, claim->part[0].id), "verdict"));
    for (int i = 0; i < (same ? SD_MIN(n, 1) : n); i++) {
        if (!same)
            sd__string_add(page, "%s%s ", i ? ", " : "", claim->part[i].id);
        sd__verdict_html(page, sd__json_text(sd__result_part(result, claim->part[i].id), "verdict"));
    }
}

/* ---- sections ------------------------------------------------------------------------------------------------------------ */

static void paragraph(sd_string *page, const char *title, const char *text)
{
    if (!text)
        return;
    sd__string_add(page, "<h2>%s</h2>\n<p>", title);
    sd__html_formula(page, text);
    sd__string_add(page, "</p>\n");
}

static void header(const sd_claim *claim, sd_string *page)
{
    sd__string_add(page, "<p class=\"small\"><a href=\"index.html\">All claims</a></p>\n<h1>%s: ", claim->id);
    sd__html_text(page, claim->title);
    sd__string_add(page, "</h1>\n<p>");
    sd__html_formula(page, claim->text);
    sd__string_add(page, "</p>\n<p class=\"small soft\">");
    for (int i = 0, n = 0; i < SD_LECTURES; i++)
        if (strstr(claim->lecture, sd__lectures[i]))
            sd__string_add(page, "%s%s (%s)", n++ ? " and " : "", sd__lectures[i], sd__lecture_name(sd__lectures[i]));
    sd__string_add(page, ", slide: ");
    sd__html_text(page, claim->slide);
    sd__string_add(page, "<br>Kind: %s. Question: %s.</p>\n", sd__claim_kind_name(claim->kind),
                   sd__question_name(claim->question));
}

static void verdicts(const sd_claim *claim, const json_t *result, sd_string *page)
{
    sd__string_add(page, "<h2>Verdict</h2>\n");
    for (int i = 0; i < sd__claim_parts(claim); i++) {
        const json_t *part = sd__result_part(result, claim->part[i].id);
        sd__string_add(page, "<div class=\"card\"><p><b>%s</b> ", claim->part[i].id);
        sd__verdict_html(page, sd__json_text(part, "verdict"));
        if (part && strcmp(sd__json_text(part, "verdict"), sd__verdict_name(claim->part[i].expected)))
            sd__string_add(page, " <span class=\"soft\">(the catalogue foresaw: %s)</span>",
                           sd__verdict_name(claim->part[i].expected));
        sd__string_add(page, "<br>");
        sd__html_formula(page, claim->part[i].statement);
        sd__string_add(page, "</p>");
        if (part) {
            sd__string_add(page, "<p>Measured: ");
            sd__html_formula(page, sd__json_text(part, "reason"));
            sd__string_add(page, ".</p>");
        }
        sd__string_add(page, "<p class=\"small soft\">Rule: ");
        sd__html_formula(page, claim->part[i].rule);
        sd__string_add(page, "</p></div>\n");
    }
}

void sd__slide_error_html(sd_string *page, const sd_slide_error *error, const json_t *result)
{
    const json_t *part = sd__result_part(result, error->part);
    sd__string_add(page, "Printed: ");
    sd__html_formula(page, error->printed);
    sd__string_add(page, "<br>Correct: ");
    sd__html_formula(page, error->correct);
    if (part) {
        sd__string_add(page, "<br>Measured: ");
        sd__html_formula(page, sd__json_text(part, "reason"));
        sd__string_add(page, ".");
    }
}

static void errors(const sd_claim *claim, const json_t *result, sd_string *page)
{
    if (!claim->error[0].id)
        return;
    sd__string_add(page, "<h2>The slide's errors</h2>\n");
    for (int i = 0; i < SD_SLIDE_ERRORS && claim->error[i].id; i++) {
        sd__string_add(page, "<div class=\"card\"><p><b>%s</b> ", claim->error[i].id);
        sd__slide_error_html(page, &claim->error[i], result);
        sd__string_add(page, "</p></div>\n");
    }
}

/* ---- figures ------------------------------------------------------------------------------------------------------------- */

static sd_status figures(const sd_claim *claim, const json_t *result, const char *folder, sd_string *page)
{
    json_t *figure;
    size_t i;
    json_array_foreach(json_object_get(result, "figures"), i, figure)
    {
        if (!i)
            sd__string_add(page, "<h2>Theory and measurement</h2>\n");
        char name[64];
        snprintf(name, sizeof name, "%s-%zu", claim->id, i + 1);
        SD_TRY(sd__drawing_figure(figure, name, folder, false, page));
    }
    return SD_OK;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------------- */

static bool has_intervals(const json_t *rows)
{
    json_t *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        if (isfinite(sd__json_number(json_object_get(row, "low"))) || isfinite(sd__json_number(json_object_get(row, "high"))))
            return true;
    }
    return false;
}

static void table(const json_t *result, sd_string *page)
{
    json_t *row;
    size_t i;
    const json_t *rows = json_object_get(result, "measurements");
    if (!json_array_size(rows))
        return;
    bool intervals = has_intervals(rows);
    sd__string_add(page,
                   "<h2>Numbers</h2>\n<table class=\"numbers\"><thead><tr><th>Part</th><th>Quantity</th>"
                   "<th class=\"n\">Measured</th>%s<th class=\"n\">Theory</th></tr></thead><tbody>\n",
                   intervals ? "<th class=\"n\">Interval</th>" : "");
    json_array_foreach(rows, i, row)
    {
        double low = sd__json_number(json_object_get(row, "low")), high = sd__json_number(json_object_get(row, "high"));
        sd__string_add(page, "<tr><td class=\"part\">%s</td><td class=\"q\">", sd__json_text(row, "part"));
        sd__html_formula(page, sd__json_text(row, "name"));
        sd__string_add(page, "</td><td class=\"n\" data-name=\"measured\">");
        sd__number_html(page, sd__json_number(json_object_get(row, "estimate")));
        sd__string_add(page, "%s", intervals ? "</td><td class=\"n\" data-name=\"interval\">" : "");
        if (isfinite(low) || isfinite(high)) {
            sd__number_html(page, low);
            sd__string_add(page, " to ");
            sd__number_html(page, high);
        }
        sd__string_add(page, "</td><td class=\"n\" data-name=\"theory\">");
        sd__number_html(page, sd__json_number(json_object_get(row, "theory")));
        sd__string_add(page, "</td></tr>\n");
    }
    sd__string_add(
        page, "</tbody></table>\n<p class=\"small soft\">Intervals hold together with 95 %%. A row without interval is exact, "
              "or a single number shown for context.</p>\n");
}

static void notes(const json_t *result, sd_string *page)
{
    json_t *note;
    size_t i;
    json_array_foreach(json_object_get(result, "notes"), i, note)
    {
        sd__string_add(page, "<p>");
        sd__html_formula(page, json_string_value(note));
        sd__string_add(page, "</p>\n");
    }
}

static void provenance(const sd_catalogue_entry *entry, const json_t *result, sd_string *page)
{
    const char *mode = sd__json_text(result, "mode");
    sd__string_add(page, "<h2>Run it again</h2>\n<p><code>sonde lab run %s --%s", entry->claim->id, *mode ? mode : "quick");
    if (result)
        sd__string_add(page, " --seed %lld", (long long)json_integer_value(json_object_get(result, "seed")));
    if (json_object_get(result, "seeds"))
        sd__string_add(page, " --seeds %lld", (long long)json_integer_value(json_object_get(result, "seeds")));
    sd__string_add(page, "</code></p>\n<p class=\"small soft\">Source: %s", entry->file);
    if (result) {
        sd__string_add(page, ". Run on %s in %.1f s, commit %s, on: ", sd__json_text(result, "date"),
                       sd__json_number(json_object_get(result, "seconds")), sd__json_text(result, "commit"));
        sd__html_text(page, sd__json_text(result, "machine"));
    }
    sd__string_add(page, ".</p>\n");
}

sd_status sd__claim_page(const sd_catalogue_entry *entry, const json_t *result, const char *folder, sd_string *page)
{
    const sd_claim *claim = entry->claim;
    sd_string title = {0};
    sd__string_add(&title, "%s: %s", claim->id, claim->title);
    sd__html_begin(page, title.text ? title.text : claim->id);
    free(title.text);
    header(claim, page);
    verdicts(claim, result, page);
    SD_TRY(figures(claim, result, folder, page));
    notes(result, page);
    paragraph(page, "Theory", claim->theory);
    paragraph(page, "Protocol", claim->protocol);
    paragraph(page, "Caution", claim->caution);
    errors(claim, result, page);
    table(result, page);
    provenance(entry, result, page);
    sd__html_end(page);
    return SD_OK;
}
