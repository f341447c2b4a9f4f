/* instrument.c -- the table of instruments, their knobs, and running one. */
#include "probe/instrument.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SD_INSTRUMENT(name) extern const sd_instrument sd__instrument_##name;
#include "probe/instruments.def"
#undef SD_INSTRUMENT

static const sd_instrument *const table[] = {
#define SD_INSTRUMENT(name) &sd__instrument_##name,
#include "probe/instruments.def"
#undef SD_INSTRUMENT
};

const sd_instrument *const *sd__instruments(int *count)
{
    *count = (int)SD_COUNT(table);
    return table;
}

sd_status sd__instrument_find(const char *name, const sd_instrument **instrument)
{
    const char *names[SD_COUNT(table)];
    for (size_t i = 0; i < SD_COUNT(table); i++) {
        names[i] = table[i]->name;
        if (!strcmp(names[i], name)) {
            *instrument = table[i];
            return SD_OK;
        }
    }
    const char *near = sd__nearest(name, (int)SD_COUNT(names), names);
    return sd__fail(SD_ENOTFOUND, "there is no instrument '%s'%s%s%s", name, near ? "; did you mean '" : "", near ? near : "",
                    near ? "'?" : "");
}

/* ---- knobs --------------------------------------------------------------------------------------------------------------- */

static int knob_index(const sd_instrument *instrument, const char *name)
{
    for (int i = 0; i < SD_KNOBS && instrument->knob[i].name; i++)
        if (!strcmp(instrument->knob[i].name, name))
            return i;
    return -1;
}

static bool whole_number(const char *text, int64_t low, int64_t high, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return end != text && !*end && !errno && *number >= low && *number <= high;
}

static int word_index(const sd_knob *knob, const char *text)
{
    for (int i = 0; i < knob->words; i++)
        if (!strcmp(knob->word[i], text))
            return i;
    return -1;
}

static sd_status refuse_word(const sd_knob *knob, const char *text)
{
    sd_string list = {0};
    for (int i = 0; i < knob->words; i++)
        sd__string_add(&list, "%s%s", i ? ", " : "", knob->word[i]);
    sd_status status = sd__fail(SD_EINVAL, "--%s %s: one of %s is wanted", knob->name, text, list.text ? list.text : "...");
    free(list.text);
    return status;
}

sd_status sd__examination_set(sd_examination *e, const char *name, const char *text)
{
    int64_t number;
    int i = knob_index(e->instrument, name);
    if (i < 0)
        return sd__fail(SD_ENOTFOUND, "%s has no option --%s", e->instrument->name, name);
    const sd_knob *knob = &e->instrument->knob[i];
    if (knob->word && word_index(knob, text) < 0)
        return refuse_word(knob, text);
    if (knob->value && !knob->word && knob->high && !whole_number(text, knob->low, knob->high, &number))
        return sd__fail(SD_EINVAL, "--%s %s: a whole number from %lld to %lld is wanted", name, text, (long long)knob->low,
                        (long long)knob->high);
    e->given[i] = text;
    return SD_OK;
}

int64_t sd__knob(const sd_examination *e, const char *name)
{
    int64_t number = 0;
    int i = knob_index(e->instrument, name);
    SD_ASSUME(i >= 0);
    const sd_knob *knob = &e->instrument->knob[i];
    const char *text = e->given[i];
    if (!text)
        return e->effort == SD_EFFORT_QUICK ? knob->in_quick : e->effort == SD_EFFORT_FULL ? knob->in_full : knob->otherwise;
    if (knob->word)
        return word_index(knob, text);
    return !knob->value || !whole_number(text, knob->low, knob->high, &number) ? 1 : number;
}

const char *sd__knob_text(const sd_examination *e, const char *name)
{
    int i = knob_index(e->instrument, name);
    return i < 0 ? NULL : e->given[i];
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

/* What every instrument has to name: the subset, the modes, the element type, and that the loss has no weight decay in it. */
static void common_facts(const sd_examination *e, sd_section *s)
{
    sd__section_fact(s, "part", json_string(e->part));
    sd__section_fact(s, "samples", json_integer(sd_subject_samples(&e->run)));
    sd__section_fact(s, "batch_norm", json_string(e->run.training ? "batch" : "running"));
    sd__section_fact(s, "dropout", json_boolean(e->run.training));
    sd__section_fact(s, "dtype", json_string(sd_dtype_name(sd_model_dtype(e->run.model))));
    sd__section_fact(s, "weight_decay", json_real(e->optimizer.weight_decay));
    sd__section_fact(s, "weight_decay_counted", json_false());
}

sd_status sd__examine(const sd_examination *e, json_t **json)
{
    sd_section section;
    const sd_instrument *i = e->instrument;
    *json = NULL;
    SD_TRY(sd__section_begin(&section));
    common_facts(e, &section);
    if (sd__is_untrained(e))
        sd__section_say(&section,
                        "These are, but for rounding, the weights before training: run and control are the same network.");
    sd_status status = i->examine(e, &section);
    if (status == SD_OK &&
        (section.failed ||
         !(*json = json_pack("{s:s, s:s, s:s, s:s, s:O, s:O}", "instrument", i->name, "title", i->title, "question",
                             i->question, "opposite", i->opposite, "facts", section.facts, "found", section.found))))
        status = sd__fail(SD_ENOMEM, "%s: no memory for what was found", i->name);
    sd__section_clear(&section);
    return status;
}

void sd__scalars_add(sd_scalars *s, double value, const char *name, ...)
{
    va_list arguments;
    if (s->n == (int)SD_COUNT(s->item)) {
        s->dropped++;
        return;
    }
    va_start(arguments, name);
    vsnprintf(s->item[s->n].name, sizeof s->item[s->n].name, name, arguments);
    va_end(arguments);
    s->item[s->n++].value = value;
}
