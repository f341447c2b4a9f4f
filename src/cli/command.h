/*
 * command.h -- what a command is: a row of a table from which arguments are checked, `--help`, the
 * manual page and messages come.
 *
 * A command prints results to stdout, everything else to stderr, and returns the exit code.
 */
#ifndef SD_CLI_COMMAND_H
#define SD_CLI_COMMAND_H

#include <jansson.h>
#include <sonde/sonde.h>

#include "base/base.h"
#include "probe/figure_json.h"

/* Exit codes of the program. */
enum { SD_EXIT_OK = 0, SD_EXIT_FAILURE = 1, SD_EXIT_USAGE = 2, SD_EXIT_NONFINITE = 3, SD_EXIT_INTERRUPTED = 130 };

#define SD_MOST_OPTIONS 24
#define SD_MOST_ARGUMENTS 4096

typedef struct sd_cli_option {
    const char *name;  /* "--seed" */
    const char *value; /* what follows, "N"; NULL: a switch */
    const char *doc;
    bool many; /* may be given several times */
} sd_cli_option;

typedef struct sd_cli {
    const struct sd_command *command;
    int given[SD_MOST_OPTIONS];         /* how often */
    const char *value[SD_MOST_OPTIONS]; /* the last one; "" of a switch */
    int n_set;
    const char **set; /* values of the option that may be given several times */
    int n_arguments;
    const char **argument;
} sd_cli;

typedef struct sd_command {
    const char *name;
    const char *arguments; /* "FILE.yaml", "[RUN]" */
    const char *doc;       /* one line */
    const char *text;      /* what one should know, wrapped at 100 columns */
    int least, most;       /* arguments */
    sd_cli_option option[SD_MOST_OPTIONS];
    int (*run)(sd_cli *cli);
    int (*run_words)(int argc,
                     char **argv); /* instead of run: the words as they are, for a command whose first word is one, too */
    void (*print_more)(void);      /* behind the options in its help; NULL: nothing */
} sd_command;

extern const sd_command sd__command_new, sd__command_train, sd__command_eval, sd__command_predict, sd__command_info,
    sd__command_profile, sd__command_data, sd__command_replay, sd__command_lab, sd__command_probe, sd__command_why,
    sd__command_help;
extern const sd_command *const sd__commands[];
extern const int sd__n_commands;

/* ---- arguments --------------------------------------------------------------------------------------------------------- */

/* Fills cli from the words after the command's name. An exit code, or -1: go on. */
int sd__cli_parse(const sd_command *command, int argc, char **argv, sd_cli *cli);
void sd__cli_clear(sd_cli *cli);

/* The value of an option, or NULL if it was not given. */
const char *sd__cli_get(const sd_cli *cli, const char *name);
bool sd__cli_has(const sd_cli *cli, const char *name);

/* The value as whole number in [lo,hi], or `otherwise`; says what is wrong and returns false. */
bool sd__cli_int(const sd_cli *cli, const char *name, int64_t lo, int64_t hi, int64_t otherwise, int64_t *value);

/* Argument i, or runs/last, or NULL with a message that there is no run. */
const char *sd__cli_run(const sd_cli *cli, int i);

void sd__print_help(const sd_command *command);

/* ---- messages ---------------------------------------------------------------------------------------------------------- */

/* "sonde: MESSAGE" on stderr; returns code. */
int sd__say(int code, const char *format, ...) SD_PRINTF(2, 3);

/* "sonde: " and the library's message; the exit code for that status. */
int sd__say_error(sd_status status);

/* Prints a value as JSON to stdout and drops it. */
int sd__print_json(json_t *json);

/* ---- what commands share ----------------------------------------------------------------------------------------------- */

/* A context with --threads (if the command has it), debug lines to stderr. NULL: said why; *code is the exit code. */
sd_context *sd__cli_context(const sd_cli *cli, int *code);

/* What `work` returns for a run in such a context; path NULL: sd__cli_run() has said why, SD_EXIT_USAGE. */
typedef int sd_cli_work(const sd_cli *cli, const char *path, sd_context *context);
int sd__cli_on_run(const sd_cli *cli, const char *path, sd_cli_work *work);

bool sd__ends_with(const char *text, const char *end);

/* Loss and accuracy (or RMSE and R^2) in words: "loss 0.1234, accuracy 97.3 %". */
void sd__scores_text(const sd_scores *scores, char text[128]);
json_t *sd__scores_json(const sd_scores *scores, char *const *names);
void sd__print_confusion(const sd_scores *scores, char *const *names);

/* "1.2 M", "340 k", "17": for people. */
const char *sd__count_text(double count, char text[32]);

#endif
