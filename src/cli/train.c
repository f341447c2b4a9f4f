/* train.c -- `sonde train`: trains the network of a YAML file, or goes on with a run; shows how it goes. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <sonde/probe.h>

#include "cli/command.h"
#include "train/trainer.h"

/* ---- interrupts -------------------------------------------------------------------------------------------------------- */

/* The one thing that a signal handler can reach. */
static sd_trainer *volatile interrupted_trainer;
static volatile sig_atomic_t interrupts;

static void on_interrupt(int number)
{
    (void)number;
    if (interrupts++)
        _exit(SD_EXIT_INTERRUPTED);
    if (interrupted_trainer)
        sd_trainer_cancel(interrupted_trainer);
}

static void catch_interrupts(sd_trainer *trainer)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    interrupted_trainer = trainer;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void release_interrupts(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    interrupted_trainer = NULL;
}

/* ---- progress ---------------------------------------------------------------------------------------------------------- */

typedef struct display {
    bool terminal, quiet;
    bool on_test;
    double shown;       /* clock when a line was last written */
    double began;       /* clock and step when this call of train began, for the time that is left */
    int64_t began_step; /* -1: not yet */
} display;

static const char *duration(double seconds, char text[32])
{
    int64_t s = seconds > 0 && seconds < 1e9 ? (int64_t)(seconds + 0.5) : 0;
    if (s >= 3600)
        snprintf(text, 32, "%" PRId64 ":%02d:%02d", s / 3600, (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(text, 32, "%d:%02d", (int)(s / 60), (int)(s % 60));
    return text;
}

static void accuracy(double value, char text[32])
{
    text[0] = 0;
    if (!isnan(value))
        snprintf(text, 32, ", accuracy %.2f %%", 100 * value);
}

static double left(const display *d, const sd_progress *p)
{
    double done = (double)(p->step - d->began_step);
    return done > 0 ? (sd__clock() - d->began) * (double)(p->steps - p->step) / done : 0;
}

/* Columns of the terminal: a line that is wider would not be wiped by the next one. */
static size_t columns(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

static void show_bar(const sd_progress *p, const char *hits, const char *rate, const char *eta)
{
    char bar[21], line[256];
    int64_t steps = p->steps > 0 ? p->steps : 1;
    int full = (int)(20 * p->step / steps);
    memset(bar, '#', (size_t)full);
    memset(bar + full, '.', (size_t)(20 - full));
    bar[20] = 0;
    snprintf(line, sizeof line, "epoch %" PRId64 "/%" PRId64 " [%s] %3d %%  loss %.4f%s  %s/s  ETA %s", p->epoch, p->epochs,
             bar, (int)(100 * p->step / steps), p->loss, hits, rate, eta);
    fprintf(stderr, "\r\033[K%.*s", (int)SD_MIN(columns() - 1, sizeof line), line);
}

static void show_step(display *d, const sd_progress *p)
{
    char hits[32], eta[32], rate[32];
    accuracy(p->accuracy, hits);
    duration(left(d, p), eta);
    sd__count_text(p->samples_per_second, rate);
    if (d->terminal)
        show_bar(p, hits, rate, eta);
    else
        fprintf(stderr, "epoch %" PRId64 "/%" PRId64 "  step %" PRId64 "/%" PRId64 "  train loss %.4f%s  %s/s  ETA %s\n",
                p->epoch, p->epochs, p->step, p->steps, p->loss, hits, rate, eta);
    fflush(stderr);
}

/* Train and validation in one line. */
static void show_epoch(const display *d, const sd_progress *p)
{
    char hits[32], scores[128], time[32];
    accuracy(p->accuracy, hits);
    fprintf(stderr, "%sepoch %" PRId64 "/%" PRId64 "  train loss %.4f%s", d->terminal ? "\r\033[K" : "", p->epoch, p->epochs,
            p->loss, hits);
    if (p->validation) {
        sd__scores_text(p->validation, scores);
        fprintf(stderr, "  %s %s%s", d->on_test ? "test (used for selection)" : "validation", scores, p->best ? "  best" : "");
    }
    fprintf(stderr, "  %s\n", duration(p->seconds, time));
}

static bool on_progress(void *user, const sd_progress *p)
{
    display *d = user;
    double now = sd__clock(), wait = d->terminal ? 0.1 : 10;
    if (d->quiet)
        return true;
    if (d->began_step < 0) {
        d->began = d->shown = now;
        d->began_step = p->step - 1;
    }
    if (p->kind == SD_PROGRESS_EPOCH) {
        show_epoch(d, p);
        d->shown = now;
    } else if (p->kind == SD_PROGRESS_STEP && now - d->shown >= wait) {
        show_step(d, p);
        d->shown = now;
    } else if (p->kind == SD_PROGRESS_END && p->note) {
        fprintf(stderr, "%s\n", p->note);
    }
    return true;
}

/* ---- the end ----------------------------------------------------------------------------------------------------------- */

static char *const *class_names(const sd_trainer *trainer)
{
    return (char *const *)(uintptr_t)sd_dataset_get(sd_trainer_data(trainer)->train)->class_names;
}

static int report_json(sd_trainer *t)
{
    char hash[17];
    sd_progress p = sd_trainer_progress(t);
    const sd_scores *test = sd_trainer_test(t);
    snprintf(hash, sizeof hash, "%016" PRIx64, sd_model_hash(sd_trainer_model(t)));
    json_t *json = json_pack("{s:s?, s:I, s:I, s:f, s:s}", "run", sd_trainer_folder(t), "steps", (json_int_t)p.step, "epochs",
                             (json_int_t)t->at.epoch, "seconds", p.seconds, "weights", hash);
    json_object_set_new(json, "train_loss", sd__json_real(p.loss));
    if (p.validation)
        json_object_set_new(json, "validation", sd__scores_json(p.validation, class_names(t)));
    if (test)
        json_object_set_new(json, "test", sd__scores_json(test, class_names(t)));
    if (t->best)
        json_object_set_new(json, "best_epoch", json_integer(t->at.best_epoch));
    if (p.note)
        json_object_set_new(json, "note", json_string(p.note));
    json_object_set_new(json, "selected_on_test", json_boolean(t->on_test));
    return sd__print_json(json);
}

static int report(sd_trainer *t)
{
    char text[128];
    const sd_scores *test = sd_trainer_test(t);
    if (test) {
        sd__scores_text(test, text);
        printf("test %s%s\n", text, t->on_test ? " (selected on the test set)" : "");
    }
    if (t->best)
        printf("best epoch %" PRId64 " of %" PRId64 ", by validation %s %.6g%s\n", t->at.best_epoch, t->at.epoch,
               t->options.monitor == SD_MONITOR_LOSS ? "loss" : "accuracy", t->at.best,
               t->on_test ? " (selected on the test set)" : "");
    printf("run %s\n", t->folder);
    return SD_EXIT_OK;
}

static int finish(const sd_cli *cli, sd_trainer *t, sd_status status)
{
    if (status == SD_OK)
        return sd__cli_has(cli, "--json") ? report_json(t) : report(t);
    int code = sd__say_error(status);
    if (status == SD_ECANCELLED)
        fprintf(stderr, "sonde: a checkpoint is written; go on with: sonde train --resume %s\n", t->folder);
    return code;
}

/* ---- the start --------------------------------------------------------------------------------------------------------- */

/* Trains, with the bar on a terminal. */
static int train(const sd_cli *cli, sd_trainer *t)
{
    display d = {
        .terminal = isatty(STDERR_FILENO), .quiet = sd__cli_has(cli, "--quiet"), .on_test = t->on_test, .began_step = -1};
    if (!d.quiet)
        fprintf(stderr, "run %s: %" PRId64 " parameters, %" PRId64 " samples, %" PRId64 " steps%s\n", t->folder,
                sd_model_params(t->model).length, sd_dataset_get(t->data.train)->samples, t->total_steps,
                t->on_test ? "; the test part serves as validation: results are selected on the test set" : "");
    if (!d.quiet && t->at.done)
        fprintf(stderr, "this run is complete; to go on, give more epochs: --set train.epochs=N\n");
    catch_interrupts(t);
    sd_status status = sd_trainer_train(t, on_progress, &d);
    release_interrupts();
    if (d.terminal && !d.quiet && status != SD_OK)
        fputc('\n', stderr);
    return finish(cli, t, status);
}

/* --set in order, then --seed. *sets is to be freed. */
static bool gather_sets(const sd_cli *cli, char seed[64], const char ***sets, int *n)
{
    int64_t number;
    *sets = sd__alloc((size_t)cli->n_set + 1, sizeof **sets);
    if (!*sets || !sd__cli_int(cli, "--seed", 0, (int64_t)1 << 53, 0, &number))
        return false;
    for (*n = 0; *n < cli->n_set; ++*n)
        (*sets)[*n] = cli->set[*n];
    if (sd__cli_has(cli, "--seed")) {
        snprintf(seed, 64, "train.seed=%" PRId64, number);
        (*sets)[(*n)++] = seed;
    }
    return true;
}

static int check_usage(const sd_cli *cli)
{
    bool resume = sd__cli_has(cli, "--resume");
    if (resume && cli->n_arguments)
        return sd__say(SD_EXIT_USAGE, "train: --resume goes on with a run, so no file is needed beside it; leave out '%s'",
                       cli->argument[0]);
    if (!resume && !cli->n_arguments)
        return sd__say(SD_EXIT_USAGE, "train needs FILE.yaml, or --resume RUN; `sonde new` writes a file to start from");
    if (resume && (sd__cli_has(cli, "--out") || sd__cli_has(cli, "--seed")))
        return sd__say(SD_EXIT_USAGE, "train: %s has no meaning with --resume, which goes on with a run as it is",
                       sd__cli_has(cli, "--out") ? "--out" : "--seed");
    return -1;
}

static int run_in(const sd_cli *cli, sd_context *context)
{
    char seed[64];
    sd_trainer *t = NULL;
    sd_run_options options = {
        .folder = sd__cli_get(cli, "--out"), .data_dir = sd__cli_get(cli, "--data-dir"), .probes = sd_probes_attach};
    const char **sets, *resume = sd__cli_get(cli, "--resume");
    int code = SD_EXIT_USAGE;
    if (gather_sets(cli, seed, &sets, &options.sets)) {
        options.set = sets;
        sd_status status = resume ? sd_trainer_resume(context, resume, &options, &t)
                                  : sd_trainer_from_file(context, cli->argument[0], &options, &t);
        code = status == SD_OK ? train(cli, t) : sd__say_error(status);
    }
    sd_trainer_free(t);
    free(sets);
    return code;
}

static int run(sd_cli *cli)
{
    int code = check_usage(cli);
    if (code >= 0)
        return code;
    sd_context *context = sd__cli_context(cli, &code);
    if (!context)
        return code;
    code = run_in(cli, context);
    sd_context_free(context);
    return code;
}

const sd_command sd__command_train = {
    .name = "train",
    .arguments = "FILE.yaml",
    .doc = "train the network of a YAML file, or go on with a run",
    .text = "Trains, and writes a run folder: config.yaml (with all defaults), metrics.jsonl, checkpoints (last, best), an\n"
            "event file for TensorBoard. With a validation part, `best` is the epoch with the best validation number; the\n"
            "test part is read once, at the end. The first Ctrl-C writes a checkpoint and ends, the second ends at once.\n"
            "A run that was interrupted or killed goes on with --resume as if nothing had happened, bit for bit.",
    .most = 1,
    .option = {{"--set", "KEY=VALUE", "change a key of the file, e.g. train.epochs=3", true},
               {"--out", "DIR", "the run folder (default: the next free runs/NAME-NNN)", false},
               {"--resume", "RUN", "go on with this run; --set may give it more epochs", false},
               {"--seed", "N", "short for --set train.seed=N", false},
               {"--threads", "N", "working threads (default: all cores); results do not depend on it", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--quiet", NULL, "no progress", false},
               {"--json", NULL, "print the results as JSON", false}},
    .run = run,
};
