/* record.c -- what experiments record, kept as JSON; random streams that cannot be used twice; the rules of verdicts. */
#include "lab/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

sd_status sd__lab_begin(sd_context *context, const sd_claim *claim, const sd_lab_options *options, sd_lab *lab)
{
    *lab = (sd_lab){.context = context, .claim = claim, .options = *options};
    lab->measurements = json_array();
    lab->figures = json_array();
    lab->notes = json_array();
    if (lab->measurements && lab->figures && lab->notes)
        return SD_OK;
    sd__lab_clear(lab);
    return sd__fail(SD_ENOMEM, "%s: out of memory", claim->id);
}

void sd__lab_clear(sd_lab *lab)
{
    for (int i = 0; i < SD_CLAIM_PARTS; i++)
        free(lab->reason[i]);
    json_decref(lab->measurements);
    json_decref(lab->figures);
    json_decref(lab->notes);
    free(lab->streams);
    free(lab->blame);
    *lab = (sd_lab){0};
}

static char *say(sd_lab *lab, const char *format, va_list arguments)
{
    sd_string string = {0};
    sd__string_vadd(&string, format, arguments);
    char *text = sd__string_take(&string);
    lab->failed = lab->failed || !text;
    return text;
}

void sd__lab_void(sd_lab *lab, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (!lab->blame)
        lab->blame = say(lab, format, arguments);
    va_end(arguments);
}

/* ---- what was asked for ---------------------------------------------------------------------------------------------------- */

sd_context *sd__lab_context(const sd_lab *lab) { return lab->context; }
bool sd__lab_full(const sd_lab *lab) { return lab->options.full; }

int sd__lab_repeats(const sd_lab *lab, int quick, int full)
{
    int n = lab->options.seeds ? lab->options.seeds : lab->options.full ? full : quick;
    ((sd_lab *)lab)->repeats = SD_MAX(lab->repeats, n);
    return n;
}

static void remember(sd_lab *lab, uint64_t key)
{
    if (lab->n_streams == lab->room) {
        size_t room = lab->room ? 2 * lab->room : 64;
        uint64_t *more = sd__realloc(lab->streams, room, sizeof *more);
        if (!more) {
            lab->failed = true;
            return;
        }
        lab->streams = more;
        lab->room = room;
    }
    lab->streams[lab->n_streams++] = key;
}

uint64_t sd__lab_seed(sd_lab *lab, const char *purpose, int repetition)
{
    uint64_t key = sd__hash_text(sd__hash_text(SD_HASH_START, lab->claim->id), purpose);
    key = sd__hash(key, &lab->options.seed, sizeof lab->options.seed);
    key = sd__hash(key, &repetition, sizeof repetition);
    remember(lab, key);
    return key;
}

sd_random sd__lab_random(sd_lab *lab, const char *purpose, int repetition)
{
    return sd__random(sd__lab_seed(lab, purpose, repetition), 0);
}

double sd__lab_confidence(int n) { return 1 - 0.05 / (n > 0 ? n : 1); }

/* ---- recording --------------------------------------------------------------------------------------------------------------- */

static void append(sd_lab *lab, json_t *list, json_t *item)
{
    if (!item || json_array_append_new(list, item))
        lab->failed = true;
}

/* A row of the table of measurements; takes the name, which say() made. */
static void row(sd_lab *lab, const char *part, char *name, sd_interval measured, double theory)
{
    append(lab, lab->measurements,
           json_pack("{s:s, s:s, s:o, s:o, s:o, s:o}", "part", part ? part : "", "name", name ? name : "", "estimate",
                     sd__json_real(measured.estimate), "low", sd__json_real(measured.low), "high", sd__json_real(measured.high),
                     "theory", sd__json_real(theory)));
    free(name);
}

void sd__lab_measure(sd_lab *lab, const char *part, sd_interval measured, double theory, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    row(lab, part, say(lab, name, arguments), measured, theory);
    va_end(arguments);
}

void sd__lab_number(sd_lab *lab, const char *part, double value, double theory, const char *name, ...)
{
    va_list arguments;
    va_start(arguments, name);
    row(lab, part, say(lab, name, arguments), (sd_interval){value, NAN, NAN}, theory);
    va_end(arguments);
}

void sd__lab_note(sd_lab *lab, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = say(lab, format, arguments);
    va_end(arguments);
    append(lab, lab->notes, text ? json_string(text) : NULL);
    free(text);
}

void sd__lab_judge(sd_lab *lab, const char *part, sd_verdict verdict, const char *format, ...)
{
    for (int i = 0; i < sd__claim_parts(lab->claim); i++) {
        if (strcmp(lab->claim->part[i].id, part))
            continue;
        if (lab->reason[i])
            sd__lab_void(lab, "part %s was judged twice", part);
        va_list arguments;
        va_start(arguments, format);
        free(lab->reason[i]);
        lab->reason[i] = say(lab, format, arguments);
        va_end(arguments);
        lab->verdict[i] = verdict;
        return;
    }
    sd__lab_void(lab, "part %s was judged, but the claim has no such part", part);
}

/* ---- figures ------------------------------------------------------------------------------------------------------------------- */

static json_t *last(json_t *list) { return json_array_get(list, json_array_size(list) - 1); }

static void note_failure(sd_lab *lab, bool good) { lab->failed = lab->failed || !good; }

void sd__lab_figure(sd_lab *lab, const char *caption, const char *x_label, const char *y_label, bool log_x, bool log_y)
{
    append(lab, lab->figures, sd__figure_json(caption, x_label, y_label, log_x, log_y));
}

void sd__lab_series(sd_lab *lab, const char *name, sd_series_style style)
{
    note_failure(lab, sd__figure_series(last(lab->figures), name, style));
}

void sd__lab_point(sd_lab *lab, double x, double y) { note_failure(lab, sd__figure_point(last(lab->figures), x, y)); }

void sd__lab_point_interval(sd_lab *lab, double x, sd_interval y)
{
    note_failure(lab, sd__figure_point_interval(last(lab->figures), x, y));
}

void sd__lab_line(sd_lab *lab, const char *name, sd_series_style style, double x0, double y0, double x1, double y1)
{
    sd__lab_series(lab, name, style);
    sd__lab_point(lab, x0, y0);
    sd__lab_point(lab, x1, y1);
}

void sd__lab_tick(sd_lab *lab, double x, const char *label)
{
    note_failure(lab, sd__figure_tick(last(lab->figures), x, label));
}

/* ---- the result ------------------------------------------------------------------------------------------------------------------ */

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* What voids a result, whatever the experiment says. */
static void inspect(sd_lab *lab)
{
    if (lab->n_streams)
        qsort(lab->streams, lab->n_streams, sizeof *lab->streams, by_value);
    for (size_t i = 1; i < lab->n_streams; i++)
        if (lab->streams[i] == lab->streams[i - 1])
            sd__lab_void(lab, "a random stream was used twice: the repetitions are not independent");
    for (int i = 0; i < sd__claim_parts(lab->claim); i++)
        if (!lab->reason[i])
            sd__lab_void(lab, "part %s was not judged", lab->claim->part[i].id);
    if (lab->failed)
        sd__lab_void(lab, "out of memory");
}

static sd_verdict verdict_of(const sd_lab *lab, int part) { return lab->blame ? SD_NOT_DECIDED : lab->verdict[part]; }

void sd__lab_headline(const sd_lab *lab, sd_string *text)
{
    int n = sd__claim_parts(lab->claim);
    bool same = true;
    for (int i = 1; i < n; i++)
        same = same && verdict_of(lab, i) == verdict_of(lab, 0);
    for (int i = 0; i < (same ? 1 : n); i++) {
        if (same)
            sd__string_add(text, "%s", sd__verdict_name(verdict_of(lab, i)));
        else
            sd__string_add(text, "%s%s %s", i ? ", " : "", lab->claim->part[i].id, sd__verdict_name(verdict_of(lab, i)));
    }
}

json_t *sd__lab_result(const sd_lab *lab)
{
    inspect((sd_lab *)lab);
    json_t *parts = json_array();
    for (int i = 0; i < sd__claim_parts(lab->claim); i++) {
        const sd_claim_part *part = &lab->claim->part[i];
        const char *reason = lab->blame ? lab->blame : lab->reason[i];
        json_array_append_new(parts, json_pack("{s:s, s:s, s:s, s:s}", "id", part->id, "verdict",
                                               sd__verdict_name(verdict_of(lab, i)), "expected",
                                               sd__verdict_name(part->expected), "reason", reason ? reason : "out of memory"));
    }
    sd_string headline = {0};
    sd__lab_headline(lab, &headline);
    json_t *result = json_pack("{s:s, s:s*, s:o, s:O, s:O, s:O}", "id", lab->claim->id, "verdict", headline.text, "parts",
                               parts, "measurements", lab->measurements, "figures", lab->figures, "notes", lab->notes);
    free(headline.text);
    return result;
}

/* ---- rules --------------------------------------------------------------------------------------------------------------------- */

sd_verdict sd__rule_at_most(sd_interval measured, double bound)
{
    return measured.high <= bound ? SD_CONFIRMED : measured.low > bound ? SD_REFUTED : SD_NOT_DECIDED;
}

sd_verdict sd__rule_at_least(sd_interval measured, double bound)
{
    return measured.low >= bound ? SD_CONFIRMED : measured.high < bound ? SD_REFUTED : SD_NOT_DECIDED;
}

sd_verdict sd__rule_above(sd_interval measured, double bound)
{
    return measured.low > bound ? SD_CONFIRMED : measured.high < bound ? SD_REFUTED : SD_NOT_DECIDED;
}

sd_verdict sd__rule_equals(sd_interval measured, double theory, double margin)
{
    if (!(measured.low <= theory && theory <= measured.high))
        return isnan(measured.low) ? SD_NOT_DECIDED : SD_REFUTED;
    return measured.low >= theory - margin && measured.high <= theory + margin ? SD_CONFIRMED : SD_NOT_DECIDED;
}

sd_verdict sd__rule_within(sd_interval measured, double theory, double margin)
{
    if (measured.low > theory + margin || measured.high < theory - margin)
        return SD_REFUTED;
    return measured.low >= theory - margin && measured.high <= theory + margin ? SD_CONFIRMED : SD_NOT_DECIDED;
}

sd_verdict sd__rule_fact(bool holds) { return holds ? SD_CONFIRMED : SD_REFUTED; }

sd_verdict sd__rule_both(sd_verdict a, sd_verdict b)
{
    return a == SD_REFUTED || b == SD_REFUTED       ? SD_REFUTED
           : a == SD_CONFIRMED && b == SD_CONFIRMED ? SD_CONFIRMED
                                                    : SD_NOT_DECIDED;
}

sd_verdict sd__rule_not(sd_verdict a)
{
    return a == SD_CONFIRMED ? SD_REFUTED : a == SD_REFUTED ? SD_CONFIRMED : SD_NOT_DECIDED;
}

sd_verdict sd__rule_shown(bool holds) { return holds ? SD_CONFIRMED : SD_NOT_DECIDED; }
