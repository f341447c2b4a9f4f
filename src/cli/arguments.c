/* arguments.c -- reads the words of a command line by the command's table. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"

static int option_index(const sd_command *command, const char *name, size_t length)
{
    for (int i = 0; i < SD_MOST_OPTIONS && command->option[i].name; i++)
        if (strlen(command->option[i].name) == length && !strncmp(command->option[i].name, name, length))
            return i;
    return -1;
}

static int unknown_option(const sd_command *command, const char *word)
{
    const char *names[SD_MOST_OPTIONS + 1];
    char name[64];
    int n = 0;
    for (; n < SD_MOST_OPTIONS && command->option[n].name; n++)
        names[n] = command->option[n].name;
    names[n++] = "--help";
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
    const char *near = sd__nearest(name, n, names);
    return sd__say(SD_EXIT_USAGE, "%s has no option %s%s%s%s; `sonde %s --help` lists them", command->name, name,
                   near ? "; did you mean " : "", near ? near : "", near ? "?" : "", command->name);
}

/* --name=value, --name value, --switch. Returns the number of further words used, or -1 - code. */
static int take_option(sd_cli *cli, char **word, int left)
{
    const char *equals = strchr(word[0], '=');
    size_t length = equals ? (size_t)(equals - word[0]) : strlen(word[0]);
    int i = option_index(cli->command, word[0], length);
    if (i < 0)
        return -1 - unknown_option(cli->command, word[0]);
    const sd_cli_option *option = &cli->command->option[i];
    if (!option->value && equals)
        return -1 - sd__say(SD_EXIT_USAGE, "%s is a switch and takes no value", option->name);
    if (option->value && !equals && left < 1)
        return -1 - sd__say(SD_EXIT_USAGE, "%s needs a value: %s %s", option->name, option->name, option->value);
    if (cli->given[i]++ && !option->many)
        return -1 - sd__say(SD_EXIT_USAGE, "%s is given twice", option->name);
    cli->value[i] = !option->value ? "" : equals ? equals + 1 : word[1];
    if (option->many)
        cli->set[cli->n_set++] = cli->value[i];
    return option->value && !equals;
}

static int check_count(const sd_cli *cli)
{
    const sd_command *c = cli->command;
    if (cli->n_arguments < c->least)
        return sd__say(SD_EXIT_USAGE, "%s needs %s; usage: sonde %s %s [OPTION]...", c->name, c->arguments, c->name,
                       c->arguments);
    if (cli->n_arguments > c->most)
        return sd__say(SD_EXIT_USAGE, "%s: '%s' is one argument too many; usage: sonde %s %s [OPTION]...", c->name,
                       cli->argument[c->most], c->name, c->arguments);
    return -1;
}

int sd__cli_parse(const sd_command *command, int argc, char **argv, sd_cli *cli)
{
    *cli = (sd_cli){.command = command};
    cli->set = sd__alloc((size_t)argc + 1, sizeof *cli->set);
    cli->argument = sd__alloc((size_t)argc + 1, sizeof *cli->argument);
    if (!cli->set || !cli->argument)
        return sd__say(SD_EXIT_FAILURE, "out of memory");
    bool words_only = false;
    for (int i = 0; i < argc; i++) {
        if (!words_only && !strcmp(argv[i], "--")) {
            words_only = true;
        } else if (!words_only && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))) {
            sd__print_help(command);
            return SD_EXIT_OK;
        } else if (!words_only && argv[i][0] == '-' && argv[i][1]) {
            int used = take_option(cli, argv + i, argc - i - 1);
            if (used < 0)
                return -1 - used;
            i += used;
        } else {
            cli->argument[cli->n_arguments++] = argv[i];
        }
    }
    return check_count(cli);
}

void sd__cli_clear(sd_cli *cli)
{
    free(cli->set);
    free(cli->argument);
    *cli = (sd_cli){0};
}

const char *sd__cli_get(const sd_cli *cli, const char *name)
{
    int i = option_index(cli->command, name, strlen(name));
    return i >= 0 && cli->given[i] ? cli->value[i] : NULL;
}

bool sd__cli_has(const sd_cli *cli, const char *name) { return sd__cli_get(cli, name) != NULL; }

bool sd__cli_int(const sd_cli *cli, const char *name, int64_t lo, int64_t hi, int64_t otherwise, int64_t *value)
{
    const char *text = sd__cli_get(cli, name);
    *value = otherwise;
    if (!text)
        return true;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || number < lo || number > hi) {
        sd__say(SD_EXIT_USAGE, "%s %s: a whole number from %lld to %lld is wanted", name, text, (long long)lo, (long long)hi);
        return false;
    }
    *value = number;
    return true;
}

const char *sd__cli_run(const sd_cli *cli, int i)
{
    struct stat info;
    if (i < cli->n_arguments)
        return cli->argument[i];
    if (stat("runs/last", &info) == 0)
        return "runs/last";
    sd__say(SD_EXIT_USAGE,
            "%s: no run is given, and there is no runs/last here; name a run folder, or `sonde train FILE.yaml` first",
            cli->command->name);
    return NULL;
}
