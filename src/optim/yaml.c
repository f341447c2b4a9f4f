/* yaml.c -- optimizer and schedule from a configuration tree: the tables of their options. */
#include "optim/yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- optimizers ------------------------------------------------------------------------------------------------------ */

#define BIT(kind) (1u << (kind))
#define FIELD(name) offsetof(sd_optimizer_spec, name)

enum { ALL = (1 << SD_OPTIMIZER_COUNT) - 1, ADAMS = BIT(SD_ADAM) | BIT(SD_ADAMW), HEAVY = BIT(SD_MOMENTUM) | BIT(SD_NESTEROV) };

/* The defaults differ by kind: they are those of sd_optimizer_default(). */
static const struct {
    unsigned kinds;
    sd_option option;
} optimizer_option[] = {
    {ALL, {"lr", SD_OPTION_REAL, FIELD(lr), "", 0, 1e6, NULL, "learning rate"}},
    {HEAVY, {"momentum", SD_OPTION_REAL, FIELD(momentum), "", 0, 0.999999, NULL, "share of the last update that is kept"}},
    {ADAMS, {"beta1", SD_OPTION_REAL, FIELD(beta1), "", 0, 0.999999, NULL, "decay of the mean gradient"}},
    {ADAMS, {"beta2", SD_OPTION_REAL, FIELD(beta2), "", 0, 0.99999999, NULL, "decay of the mean squared gradient"}},
    {ADAMS, {"epsilon", SD_OPTION_REAL, FIELD(epsilon), "", 1e-30, 1, NULL, "added to the root of the mean square"}},
    {ALL, {"weight_decay", SD_OPTION_REAL, FIELD(weight_decay), "", 0, 1e6, NULL, "pulls weights (not biases and norms) to 0"}},
    {ALL, {"clip_norm", SD_OPTION_REAL, FIELD(clip_norm), "", 0, 1e30, NULL, "largest norm of the gradient; 0: any"}},
    {ALL, {"clip_value", SD_OPTION_REAL, FIELD(clip_value), "", 0, 1e30, NULL, "largest size of an element of it; 0: any"}},
};

typedef struct optimizer_table {
    int n;
    sd_option option[SD_COUNT(optimizer_option)];
    char initial[SD_COUNT(optimizer_option)][32];
} optimizer_table;

/* The options of one kind, with its defaults as text. */
static void table_of(sd_optimizer_kind kind, optimizer_table *table)
{
    sd_optimizer_spec spec = sd_optimizer_default(kind);
    table->n = 0;
    for (size_t i = 0; i < SD_COUNT(optimizer_option); i++) {
        if (!(optimizer_option[i].kinds & BIT(kind)))
            continue;
        sd_option *option = &table->option[table->n];
        double value;
        *option = optimizer_option[i].option;
        memcpy(&value, (const char *)&spec + option->offset, sizeof value);
        snprintf(table->initial[table->n], sizeof table->initial[0], "%g", value);
        option->initial = table->initial[table->n++];
    }
}

static sd_status choose(const char *what, const sd_config_node *node, int n, const char *const *names, int *kind,
                        const sd_config_node **options)
{
    const char *word;
    SD_TRY(sd__config_named(what, node, &word, options));
    sd_config_node named = *node;
    named.kind = SD_CONFIG_TEXT;
    named.text = word;
    named.key = what;
    return sd__config_choice(&named, n, names, kind);
}

sd_status sd__optimizer_from_config(const sd_config_node *root, sd_optimizer_spec *spec)
{
    const sd_config_node *node = sd__config_get(root, "optimizer"), *options = NULL;
    const char *names[SD_OPTIMIZER_COUNT];
    char what[64];
    int kind = SD_SGD;
    for (int i = 0; i < SD_OPTIMIZER_COUNT; i++)
        names[i] = sd_optimizer_kind_name((sd_optimizer_kind)i);
    if (node)
        SD_TRY(choose("optimizer", node, SD_OPTIMIZER_COUNT, names, &kind, &options));
    optimizer_table table;
    table_of((sd_optimizer_kind)kind, &table);
    *spec = sd_optimizer_default((sd_optimizer_kind)kind);
    snprintf(what, sizeof what, "optimizer %s", names[kind]);
    return sd__config_options(what, options, table.n, table.option, true, node, spec);
}

/* ---- schedules ---------------------------------------------------------------------------------------------------------- */

typedef struct schedule_options {
    sd_schedule schedule;
    const sd_config_node *at;
} schedule_options;

#define SCHEDULE(name) offsetof(schedule_options, schedule.name)

static const sd_option warmup_option = {
    "warmup", SD_OPTION_INT, SCHEDULE(warmup), "0", 0, 1e12, NULL, "first steps, in which the rate grows linearly from 0"};

static const sd_option step_options[] = {
    {"every", SD_OPTION_REAL, SCHEDULE(every), "0", 0, 1e9, NULL, "epochs between two drops of the rate"},
    {"at", SD_OPTION_NODE, offsetof(schedule_options, at), "", 0, 0, "list of epochs",
     "where the rate drops, instead of `every`"},
    {"factor", SD_OPTION_REAL, SCHEDULE(factor), "0.1", 0, 1, NULL, "what a drop multiplies the rate with"},
};

static const sd_option cosine_options[] = {
    {"final", SD_OPTION_REAL, SCHEDULE(final), "0", 0, 1, NULL, "last rate, as a fraction of lr"},
};

static const struct {
    const char *name, *doc;
    int n;
    const sd_option *option;
} schedule_table[] = {
    [SD_SCHEDULE_CONSTANT] = {"constant", "the rate stays", 0, NULL},
    [SD_SCHEDULE_STEP] = {"step", "the rate drops at certain epochs", SD_COUNT(step_options), step_options},
    [SD_SCHEDULE_COSINE] = {"cosine", "the rate falls along half a cosine until the last step", SD_COUNT(cosine_options),
                            cosine_options},
};

static sd_status read_milestones(const sd_config_node *at, sd_schedule *s)
{
    SD_TRY(sd__config_list(at));
    if (at->count > SD_MAX_MILESTONES)
        return sd__config_fail(at, "at has %d epochs; at most %d are possible", at->count, SD_MAX_MILESTONES);
    for (int i = 0; i < at->count; i++) {
        SD_TRY(sd__config_real(at->child[i], 0, 1e9, &s->milestone[i]));
        if (i && s->milestone[i] <= s->milestone[i - 1])
            return sd__config_fail(at->child[i], "epoch %g follows %g; they must grow", s->milestone[i], s->milestone[i - 1]);
    }
    s->milestones = at->count;
    return SD_OK;
}

static sd_status finish_step(const sd_config_node *place, schedule_options *o)
{
    if (o->at && o->schedule.every > 0)
        return sd__config_fail(o->at, "schedule step has both \"every\" and \"at\"; remove one of the two");
    if (o->at)
        return read_milestones(o->at, &o->schedule);
    if (!(o->schedule.every > 0))
        return sd__config_fail(
            place, "schedule step needs \"every\", e.g. {step: {every: 30}}, or \"at\", e.g. {step: {at: [80, 120]}}");
    return SD_OK;
}

/* The options of one kind, with the warm-up that all have. */
static int schedule_options_of(int kind, sd_option option[8])
{
    int n = schedule_table[kind].n;
    if (n)
        memcpy(option, schedule_table[kind].option, (size_t)n * sizeof *option);
    option[n] = warmup_option;
    return n + 1;
}

sd_status sd__schedule_from_config(const sd_config_node *root, sd_schedule *schedule)
{
    const sd_config_node *node = sd__config_get(root, "schedule"), *options = NULL;
    const char *names[SD_COUNT(schedule_table)];
    char what[64];
    int kind = SD_SCHEDULE_CONSTANT;
    for (size_t i = 0; i < SD_COUNT(schedule_table); i++)
        names[i] = schedule_table[i].name;
    if (node)
        SD_TRY(choose("schedule", node, SD_COUNT(names), names, &kind, &options));
    sd_option option[8];
    int n = schedule_options_of(kind, option);
    schedule_options read = {.schedule.kind = (sd_schedule_kind)kind};
    snprintf(what, sizeof what, "schedule %s", names[kind]);
    SD_TRY(sd__config_options(what, options, n, option, false, node, &read));
    if (kind == SD_SCHEDULE_STEP)
        SD_TRY(finish_step(options ? options : node, &read));
    *schedule = read.schedule;
    return SD_OK;
}

/* ---- documentation ------------------------------------------------------------------------------------------------------- */

void sd__optim_help(sd_string *string)
{
    static const char *const doc[] = {
#define TEXT(name, text, rule) [name] = rule,
        SD_OPTIMIZER_LIST(TEXT)
#undef TEXT
    };
    sd__string_add(string,
                   "## Optimizers\n\n`optimizer: NAME` or `optimizer: {NAME: {option: value}}`; a number alone is the rate.\n");
    for (int kind = 0; kind < SD_OPTIMIZER_COUNT; kind++) {
        optimizer_table table;
        table_of((sd_optimizer_kind)kind, &table);
        sd__string_add(string, "\n### %s\n\n%s\n\n", sd_optimizer_kind_name((sd_optimizer_kind)kind), doc[kind]);
        sd__option_help(table.n, table.option, string);
    }
    sd__string_add(string, "\n## Schedules\n\n`schedule: NAME` or `schedule: {NAME: {option: value}}`.\n");
    for (int kind = 0; kind < (int)SD_COUNT(schedule_table); kind++) {
        sd_option option[8];
        int n = schedule_options_of(kind, option);
        sd__string_add(string, "\n### %s\n\n%s\n\n", schedule_table[kind].name, schedule_table[kind].doc);
        sd__option_help(n, option, string);
    }
}
