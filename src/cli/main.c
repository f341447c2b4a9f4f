/* main.c -- the command `sonde`: finds the command in the table and runs it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

const sd_command *const sd__commands[] = {
    &sd__command_new,  &sd__command_train,  &sd__command_eval, &sd__command_predict, &sd__command_info, &sd__command_profile,
    &sd__command_data, &sd__command_replay, &sd__command_lab,  &sd__command_probe,   &sd__command_why,  &sd__command_help,
};
const int sd__n_commands = (int)SD_COUNT(sd__commands);

static const sd_command *find(const char *name)
{
    for (int i = 0; i < sd__n_commands; i++)
        if (!strcmp(sd__commands[i]->name, name))
            return sd__commands[i];
    return NULL;
}

static int unknown_command(const char *word)
{
    const char *names[64];
    for (int i = 0; i < sd__n_commands; i++)
        names[i] = sd__commands[i]->name;
    const char *near = sd__nearest(word, sd__n_commands, names);
    bool option = word[0] == '-';
    return sd__say(SD_EXIT_USAGE, "there is no %s '%s'%s%s%s; `sonde help` lists %s", option ? "option" : "command", word,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                   option ? "what there is" : "the commands");
}

static int run(const sd_command *command, int argc, char **argv)
{
    sd_cli cli = {0};
    int code = command->run_words ? command->run_words(argc, argv) : sd__cli_parse(command, argc, argv, &cli);
    if (code < 0)
        code = command->run(&cli);
    sd__cli_clear(&cli);
    if (fflush(stdout) || ferror(stdout))
        return sd__say(SD_EXIT_FAILURE, "the results could not be written to standard output");
    return code;
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its write, which says so */
    if (argc < 2) {
        sd__print_help(NULL);
        return SD_EXIT_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("sonde %s\n", sd_version());
        return SD_EXIT_OK;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
        sd__print_help(NULL);
        return SD_EXIT_OK;
    }
    const sd_command *command = find(argv[1]);
    return command ? run(command, argc - 2, argv + 2) : unknown_command(argv[1]);
}
