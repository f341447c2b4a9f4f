/*
 * probe.c -- `sonde probe NAME [RUN]`: looks at a run with an instrument. Options, help and output follow from the instrument's
 * row: the words behind NAME are read as those of a command of its own, made from that row.
 */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/section_text.h"
#include "probe/instrument.h"
#include "report/html.h"
#include "report/section.h"

/* Options that every instrument has. */
/* clang-format off */
#define COMMON_OPTIONS \
    {"--part", "PART", "train (default), validation or test", false}, \
    {"--samples", "N", "the first N samples of the part (default: 1000)", false}, \
    {"--batch", "N", "samples at a time (default: 256)", false}, \
    {"--training", NULL, "batch norm by each batch's statistics, dropout on (default: eval mode)", false}, \
    {"--seed", "N", "of whatever is drawn at random (default: 0)", false}, \
    {"--threads", "N", "working threads (default: all cores)", false}, \
    {"--data-dir", "DIR", "folder searched first for data sets", false}, \
    {"--html", "FILE", "write a page with figures; their data goes beside it, as CSV", false}, \
    {"--json", NULL, "print JSON", false}
/* clang-format on */

static const sd_cli_option common[] = {COMMON_OPTIONS};

/* The command `sonde probe NAME`, and room for its texts. */
typedef struct own_command {
    sd_command command; /* first: an sd_cli's command is one of these */
    const sd_instrument *instrument;
    char name[64], option[SD_KNOBS][40];
    sd_string text;
} own_command;

static void add_knobs(const sd_instrument *instrument, own_command *own)
{
    sd_cli_option *option = own->command.option;
    for (int i = 0; i < SD_KNOBS && instrument->knob[i].name; i++) {
        const sd_knob *knob = &instrument->knob[i];
        snprintf(own->option[i], sizeof own->option[i], "--%s", knob->name);
        *option++ = (sd_cli_option){own->option[i], knob->value, knob->doc, false};
    }
    memcpy(option, common, sizeof common);
}

_Static_assert(SD_KNOBS + sizeof common / sizeof common[0] <= SD_MOST_OPTIONS, "an instrument's options fit a command's table");

/* sd_cli_parse() wants a command whose `run` is never called here. */
static void make_command(const sd_instrument *instrument, own_command *own)
{
    *own = (own_command){.instrument = instrument};
    snprintf(own->name, sizeof own->name, "probe %s", instrument->name);
    sd__string_add(
        &own->text, "Asks: %s\nMeasures %s.\n%s", instrument->question, instrument->doc,
        "Nothing is changed. RUN is a run folder or a checkpoint inside one; default: runs/last. Every number stands\n"
        "beside the same network untrained, or says \"not compared\".");
    own->command = (sd_command){.name = own->name,
                                .arguments = "[RUN]",
                                .doc = instrument->doc,
                                .text = own->text.text ? own->text.text : instrument->doc,
                                .most = 1};
    add_knobs(instrument, own);
}

/* ---- running ------------------------------------------------------------------------------------------------------------- */

static bool read_options(const sd_cli *cli, sd_examination_options *o)
{
    int64_t samples, batch, seed;
    if (!sd__cli_int(cli, "--samples", 1, INT32_MAX, 1000, &samples) || !sd__cli_int(cli, "--batch", 1, 1000000, 256, &batch) ||
        !sd__cli_int(cli, "--seed", 0, INT64_MAX, 0, &seed))
        return false;
    *o = (sd_examination_options){.data_dir = sd__cli_get(cli, "--data-dir"),
                                  .part = sd__cli_get(cli, "--part"),
                                  .samples = samples,
                                  .batch = (int)batch,
                                  .training = sd__cli_has(cli, "--training"),
                                  .seed = (uint64_t)seed};
    return true;
}

static bool set_knobs(const sd_cli *cli, sd_examination *e)
{
    for (int i = 0; i < SD_KNOBS && e->instrument->knob[i].name; i++) {
        const char *value = sd__cli_get(cli, cli->command->option[i].name);
        if (value && sd__examination_set(e, e->instrument->knob[i].name, value) != SD_OK) {
            sd__say_error(SD_EINVAL);
            return false;
        }
    }
    return true;
}

/* The folder of a path, "." for a bare name. The caller frees. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

/* A page of one section, which needs nothing beside it. */
static sd_status write_page(const json_t *section, const char *path)
{
    sd_string page = {0};
    const char *title = json_string_value(json_object_get(section, "title"));
    char *folder = folder_of(path);
    sd__html_begin(&page, title ? title : "sonde");
    sd_status status = folder ? sd__section_html(section, folder, &page) : sd__fail(SD_ENOMEM, "no memory for a path");
    sd__html_end(&page);
    if (status == SD_OK)
        status = sd__html_write(&page, path);
    free(folder);
    free(page.text);
    return status;
}

static int examine(const sd_cli *cli, const sd_examination *e)
{
    json_t *section;
    const char *path = sd__cli_get(cli, "--html");
    sd_status status = sd__examine(e, &section);
    if (status == SD_OK && path)
        status = write_page(section, path);
    if (status != SD_OK) {
        json_decref(section);
        return sd__say_error(status);
    }
    if (sd__cli_has(cli, "--json"))
        return sd__print_json(section);
    sd__section_print(section);
    json_decref(section);
    return SD_EXIT_OK;
}

static int run_in(const sd_cli *cli, const char *run, sd_context *context)
{
    sd_examination e;
    sd_examination_options options;
    if (!read_options(cli, &options))
        return SD_EXIT_USAGE;
    sd_status status = sd__examination_open(context, run, &options, &e);
    e.instrument = ((const own_command *)cli->command)->instrument;
    int code = status != SD_OK ? sd__say_error(status) : set_knobs(cli, &e) ? examine(cli, &e) : SD_EXIT_USAGE;
    sd__examination_close(&e);
    return status == SD_EINVAL ? SD_EXIT_USAGE : code;
}

static int run_instrument(const sd_instrument *instrument, int argc, char **argv)
{
    sd_cli cli;
    own_command own;
    make_command(instrument, &own);
    int code = sd__cli_parse(&own.command, argc, argv, &cli);
    if (code < 0)
        code = sd__cli_on_run(&cli, sd__cli_run(&cli, 0), run_in);
    sd__cli_clear(&cli);
    free(own.text.text);
    return code;
}

static int run_words(int argc, char **argv)
{
    const sd_instrument *instrument;
    if (!argc || argv[0][0] == '-') {
        bool help = argc && (!strcmp(argv[0], "--help") || !strcmp(argv[0], "-h"));
        if (help)
            sd__print_help(&sd__command_probe);
        return help ? SD_EXIT_OK
                    : sd__say(SD_EXIT_USAGE, "probe needs the name of an instrument; `sonde help probe` lists them");
    }
    if (sd__instrument_find(argv[0], &instrument) != SD_OK)
        return sd__say(SD_EXIT_USAGE, "%s; `sonde help probe` lists them", sd_error());
    return run_instrument(instrument, argc - 1, argv + 1);
}

/* ---- help ---------------------------------------------------------------------------------------------------------------- */

static void print_instruments(void)
{
    int n;
    const sd_instrument *const *instruments = sd__instruments(&n);
    printf("\ninstruments:\n");
    for (int i = 0; i < n; i++) {
        printf("  %-12s %s\n", instruments[i]->name, instruments[i]->doc);
        for (int k = 0; k < SD_KNOBS && instruments[i]->knob[k].name; k++) {
            char left[48];
            const sd_knob *knob = &instruments[i]->knob[k];
            snprintf(left, sizeof left, "--%s%s%s", knob->name, knob->value ? " " : "", knob->value ? knob->value : "");
            printf("    %-22s %s\n", left, knob->doc);
        }
    }
}

const sd_command sd__command_probe = {
    .name = "probe",
    .arguments = "NAME [RUN]",
    .doc = "look inside a run's model with an instrument",
    .text = "Measures and changes nothing. RUN is a run folder or a checkpoint inside one; default: runs/last. Every number\n"
            "stands beside the same network untrained, or says \"not compared\". `sonde probe NAME --help`\n"
            "lists an instrument's own options.",
    .option = {COMMON_OPTIONS},
    .run_words = run_words,
    .print_more = print_instruments,
};
