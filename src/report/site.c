/* site.c -- the laboratory's site: the index by lecture, kind, question and verdict, and every claim's page. */
#include "report/site.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "report/html.h"
#include "report/page.h"

static const char *const outcomes[] = {"CONFIRMED", "REFUTED", "NOT DECIDED", ""}; /* "": not run */

static int outcome_of(const json_t *result, const char *part)
{
    const char *verdict = sd__json_text(sd__result_part(result, part), "verdict");
    for (int i = 0; i < (int)SD_COUNT(outcomes); i++)
        if (!strcmp(verdict, outcomes[i]))
            return i;
    return (int)SD_COUNT(outcomes) - 1;
}

/* ---- counts -------------------------------------------------------------------------------------------------------------- */

/* Does the claim belong to group g of this grouping? A claim of two lectures counts in both. */
typedef bool belongs(const sd_claim *claim, int g);

static bool of_kind(const sd_claim *claim, int g) { return (int)claim->kind == g; }
static bool of_question(const sd_claim *claim, int g) { return (int)claim->question == g; }
static bool of_lecture(const sd_claim *claim, int g) { return strstr(claim->lecture, sd__lectures[g]); }

static const char *kind_name(int g) { return sd__claim_kind_name((sd_claim_kind)g); }
static const char *question_name(int g) { return sd__question_name((sd_question)g); }
static const char *lecture_name(int g) { return sd__lecture_name(sd__lectures[g]); }
static const char *lecture_key(int g) { return sd__lectures[g]; }
static const char *no_key(int g) { return (void)g, ""; }

static const struct grouping {
    const char *title;
    int groups;
    belongs *belongs;
    const char *(*key)(int g); /* what claims and errors call it by */
    const char *(*name)(int g);
} groupings[] = {
    {"lecture", SD_LECTURES, of_lecture, lecture_key, lecture_name},
    {"kind", SD_CLAIM_KINDS, of_kind, no_key, kind_name},
    {"question", SD_QUESTIONS, of_question, no_key, question_name},
};

static void counts(const struct grouping *by, const json_t *results, sd_string *page)
{
    int n;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    sd__string_add(page,
                   "<tbody><tr><th>By %s</th><th class=\"n\">confirmed</th><th class=\"n\">refuted</th>"
                   "<th class=\"n\">not decided</th><th class=\"n\">not run</th></tr>\n",
                   by->title);
    for (int g = 0; g < by->groups; g++) {
        int count[SD_COUNT(outcomes)] = {0}, all = 0;
        for (int i = 0; i < n; i++)
            for (int p = 0; by->belongs(entries[i].claim, g) && p < sd__claim_parts(entries[i].claim); p++, all++)
                count[outcome_of(json_object_get(results, entries[i].claim->id), entries[i].claim->part[p].id)]++;
        if (!all)
            continue;
        sd__string_add(page, "<tr><td><a href=\"#%s-%d\">%s%s%s</a></td>", by->title, g, by->key(g), *by->key(g) ? " · " : "",
                       by->name(g));
        for (size_t o = 0; o < SD_COUNT(outcomes); o++)
            sd__string_add(page, "<td class=\"n\">%d</td>", count[o]);
        sd__string_add(page, "</tr>\n");
    }
    sd__string_add(page, "</tbody>\n");
}

/* ---- lists --------------------------------------------------------------------------------------------------------------- */

static void item(const sd_claim *claim, const json_t *results, sd_string *page)
{
    sd__string_add(page, "<li><span class=\"id\">%s</span><a href=\"%s.html\">", claim->id, claim->id);
    sd__html_text(page, claim->title);
    sd__string_add(page, "</a><br><span class=\"small\">");
    sd__headline_html(page, claim, json_object_get(results, claim->id));
    sd__string_add(page, " <span class=\"soft\">· %s · %s</span></span></li>\n", sd__claim_kind_name(claim->kind),
                   sd__question_name(claim->question));
}

static void lists(const struct grouping *by, const json_t *results, sd_string *page)
{
    int n;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    for (int g = 0; g < by->groups; g++) {
        int shown = 0;
        for (int i = 0; i < n; i++) {
            if (!by->belongs(entries[i].claim, g))
                continue;
            if (!shown++)
                sd__string_add(page, "<h2 id=\"%s-%d\">By %s: %s%s%s</h2>\n<ul class=\"claims\">\n", by->title, g, by->title,
                               by->key(g), *by->key(g) ? " · " : "", by->name(g));
            item(entries[i].claim, results, page);
        }
        if (shown)
            sd__string_add(page, "</ul>\n");
    }
}

static void by_verdict(const json_t *results, sd_string *page)
{
    int n;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    for (size_t o = 0; o < SD_COUNT(outcomes); o++) {
        int shown = 0;
        for (int i = 0; i < n; i++)
            for (int p = 0; p < sd__claim_parts(entries[i].claim); p++) {
                const sd_claim *claim = entries[i].claim;
                const json_t *result = json_object_get(results, claim->id);
                if (outcome_of(result, claim->part[p].id) != (int)o)
                    continue;
                if (!shown++)
                    sd__string_add(page, "<h2 id=\"verdict-%zu\">By verdict: %s</h2>\n<ul class=\"claims\">\n", o,
                                   *outcomes[o] ? outcomes[o] : "not run");
                sd__string_add(page, "<li><span class=\"id\"><a href=\"%s.html\">%s%s</a></span>", claim->id, claim->id,
                               claim->part[p].id);
                sd__html_formula(page, claim->part[p].statement);
                sd__string_add(page, "</li>\n");
            }
        if (shown)
            sd__string_add(page, "</ul>\n");
    }
}

/* ---- slide errors -------------------------------------------------------------------------------------------------------- */

static void slide_errors(const json_t *results, sd_string *page)
{
    int n, shown = 0;
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    for (int i = 0; i < n; i++)
        for (int e = 0; e < SD_SLIDE_ERRORS && entries[i].claim->error[e].id; e++) {
            const sd_claim *claim = entries[i].claim;
            if (!shown++)
                sd__string_add(page, "<h2 id=\"errors\">Errors of the slides that these claims show</h2>\n");
            sd__string_add(page, "<div class=\"card\"><p><b>%s</b> (<a href=\"%s.html\">%s</a>, %s) ", claim->error[e].id,
                           claim->id, claim->id, claim->lecture);
            sd__slide_error_html(page, &claim->error[e], json_object_get(results, claim->id));
            sd__string_add(page, "</p></div>\n");
        }
}

/* ---- the site ------------------------------------------------------------------------------------------------------------ */

static void fill_index(const json_t *results, sd_string *page)
{
    sd__html_begin(page, "sonde lab: what five lectures claim about deep learning");
    sd__string_add(
        page,
        "<h1>What five lectures claim about deep learning, as experiments</h1>\n"
        "<p>Each claim is judged in parts by rules that theory gives: confirmed, refuted, or not decided. A theorem checked "
        "a thousand times is not the same evidence as a trend over five seeds, so verdicts are counted by kind.</p>\n");
    sd__string_add(page, "<table>\n");
    for (size_t g = 0; g < SD_COUNT(groupings); g++)
        counts(&groupings[g], results, page);
    sd__string_add(page, "</table>\n<p class=\"small soft\">Numbers of parts; a claim of two lectures counts in both.</p>\n");
    slide_errors(results, page);
    for (size_t g = 0; g < SD_COUNT(groupings); g++)
        lists(&groupings[g], results, page);
    by_verdict(results, page);
    sd__html_end(page);
}

static sd_status write_page(sd_status status, sd_string *page, const char *folder, const char *name)
{
    sd_string path = {0};
    sd__string_add(&path, "%s/%s.html", folder, name);
    if (status == SD_OK)
        status = path.failed ? sd__fail(SD_ENOMEM, "out of memory") : sd__html_write(page, path.text);
    free(path.text);
    free(page->text);
    *page = (sd_string){0};
    return status;
}

sd_status sd__lab_site(const char *folder, const json_t *results)
{
    int n;
    sd_string page = {0};
    const sd_catalogue_entry *entries = sd__catalogue(&n);
    if (mkdir(folder, 0777) && errno != EEXIST)
        return sd__fail(SD_EIO, "%s: cannot be made: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        const char *id = entries[i].claim->id;
        sd_status status = sd__claim_page(&entries[i], json_object_get(results, id), folder, &page);
        SD_TRY(sd__fail_in(write_page(status, &page, folder, id), "%s", id));
    }
    fill_index(results, &page);
    return write_page(SD_OK, &page, folder, "index");
}
