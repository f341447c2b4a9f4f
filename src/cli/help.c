/* help.c -- `sonde help [COMMAND]`: the table of commands, as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "optim/yaml.h"
#include "train/settings.h"

static void print_overview(void)
{
    printf("usage: sonde COMMAND [ARGUMENT]... [OPTION]...\n\n"
           "Trains deep networks from a short YAML file. A run is a folder, runs/NAME-NNN; commands that take\n"
           "a run take the latest one, runs/last, if none is named. Results go to standard output, progress\n"
           "and messages to standard error.\n\n"
           "commands:\n");
    for (int i = 0; i < sd__n_commands; i++)
        printf("  %-8s %s\n", sd__commands[i]->name, sd__commands[i]->doc);
    printf("\n`sonde help COMMAND` or `sonde COMMAND --help` says more; `sonde help yaml` lists what a YAML file may\n"
           "hold. `sonde --version` prints the version.\n\n"
           "exit codes:\n"
           "  0    success\n"
           "  1    failure: a file, the data, memory\n"
           "  2    wrong usage: a command, option or argument\n"
           "  3    a loss or gradient was not finite; the run keeps a black box\n"
           "  4    lab run --expect: a verdict differs from the one foreseen; 5: one was not reached\n"
           "  130  interrupted, after a checkpoint was written\n\n"
           "environment:\n"
           "  SONDE_DATA     folder with data sets (also searched: --data-dir, ~/.cache/sonde)\n"
           "  SONDE_DEBUG    1 plan, 2 timings, 3 graph after each pass, 4 value statistics, 5 check every step\n"
           "                 for numbers that are not finite; results have the same bits at every level\n"
           "  SONDE_KERNELS  providers of kernels in order (winograd, simd, onednn, fused), or reference\n"
           "  SONDE_ISA      highest CPU level to use: v2, v3, v4 or amx\n");
}

void sd__print_help(const sd_command *command)
{
    if (!command) {
        print_overview();
        return;
    }
    printf("usage: sonde %s%s%s [OPTION]...\n\n%s\n", command->name, *command->arguments ? " " : "", command->arguments,
           command->text);
    printf("\noptions:\n");
    for (int i = 0; i < SD_MOST_OPTIONS && command->option[i].name; i++) {
        char left[48];
        const sd_cli_option *o = &command->option[i];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
        printf("  %-24s %s%s\n", left, o->doc, o->many ? " (may be repeated)" : "");
    }
    printf("  %-24s this text\n", "--help");
    if (command->print_more)
        command->print_more();
}

/* All keys of a YAML file, from the tables that read them. */
static int print_yaml(void)
{
    sd_string text = {0};
    char *layers = sd_layers_help();
    sd__string_add(&text, "A file has the keys data, model, loss, optimizer, schedule, train, eval, init, freeze.\n\n");
    sd__settings_help(&text);
    sd__string_add(&text, "\n");
    sd__optim_help(&text);
    sd__string_add(&text, "\n%s", layers ? layers : "");
    int code = layers && !text.failed ? SD_EXIT_OK : sd__say(SD_EXIT_FAILURE, "out of memory");
    if (code == SD_EXIT_OK)
        printf("%s", text.text);
    free(layers);
    free(text.text);
    return code;
}

static int run(sd_cli *cli)
{
    if (cli->n_arguments == 0) {
        print_overview();
        return SD_EXIT_OK;
    }
    const char *names[64];
    for (int i = 0; i < sd__n_commands; i++) {
        names[i] = sd__commands[i]->name;
        if (!strcmp(names[i], cli->argument[0])) {
            sd__print_help(sd__commands[i]);
            return SD_EXIT_OK;
        }
    }
    if (!strcmp(cli->argument[0], "yaml"))
        return print_yaml();
    const char *near = sd__nearest(cli->argument[0], sd__n_commands, names);
    return sd__say(SD_EXIT_USAGE, "there is no command '%s'%s%s%s; `sonde help` lists them", cli->argument[0],
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const sd_command sd__command_help = {
    .name = "help",
    .arguments = "[COMMAND|yaml]",
    .doc = "explain a command, or the keys of a YAML file",
    .text = "Prints the commands, what one command does, or (yaml) every key that a file may hold.",
    .most = 1,
    .run = run,
};
