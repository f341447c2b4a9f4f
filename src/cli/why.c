/* why.c -- `sonde why`: examines a run with every instrument and writes its report. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/command.h"
#include "cli/section_text.h"
#include "report/why.h"
#include "train/run_source.h"

/* ---- progress ------------------------------------------------------------------------------------------------------------ */

static void time_text(double seconds, char text[32])
{
    if (isnan(seconds))
        *text = 0;
    else if (seconds < 100)
        snprintf(text, 32, ", about %.0f s left", seconds);
    else
        snprintf(text, 32, ", about %.0f min left", seconds / 60);
}

static void on_progress(void *user, const char *what, int number, int all, double left)
{
    char text[32];
    (void)user;
    time_text(left, text);
    fprintf(stderr, "[%d/%d] %s%s\n", number, all, what, text);
}

/* ---- page one as text ---------------------------------------------------------------------------------------------------- */

/* The table of page one, its second column wrapped; without it, the reason. */
static void print_overview(const json_t *section)
{
    json_t *row;
    size_t i;
    const char *reason = json_string_value(json_object_get(section, "reason"));
    if (reason)
        printf("page one: not measured: %s\n", reason);
    json_array_foreach(json_object_get(json_object_get(json_object_get(section, "found"), "overview"), "rows"), i, row)
    {
        const char *what = json_string_value(json_object_get(row, "what"));
        const char *finding = json_string_value(json_object_get(row, "finding"));
        sd__print_beside(what ? what : "", finding ? finding : "");
    }
}

static void print_absent(const json_t *report)
{
    json_t *section;
    size_t i;
    json_array_foreach(json_object_get(report, "sections"), i, section)
    {
        const char *reason = json_string_value(json_object_get(section, "reason"));
        if (reason)
            printf("%s: not measured: %s\n", json_string_value(json_object_get(section, "instrument")), reason);
    }
}

/* ---- the command --------------------------------------------------------------------------------------------------------- */

static int say_result(const sd_cli *cli, json_t *report, const char *folder)
{
    char *path = sd__path_join(folder, "report.html");
    if (!path)
        return sd__say(SD_EXIT_FAILURE, "out of memory");
    if (sd__cli_has(cli, "--json")) {
        json_object_set_new(report, "report", json_string(path));
        free(path);
        return sd__print_json(json_incref(report));
    }
    print_overview(json_object_get(report, "overview"));
    print_absent(report);
    printf("report: %s\n", path);
    free(path);
    return SD_EXIT_OK;
}

static int examine(const sd_cli *cli, const char *run, const char *folder, const sd_why_options *options, sd_context *context)
{
    json_t *report;
    sd_status status = sd__why(context, run, options, &report);
    if (status == SD_OK)
        status = sd__why_page(report, folder);
    int code = status == SD_OK ? say_result(cli, report, folder) : sd__say_error(status);
    json_decref(report);
    return code;
}

static int run_in(const sd_cli *cli, const char *run, const sd_why_options *options)
{
    int code;
    char *folder = sd__run_folder(run);
    sd_context *context = folder ? sd__cli_context(cli, &code) : NULL;
    if (!folder)
        code = sd__say(SD_EXIT_FAILURE, "out of memory");
    if (context)
        code = examine(cli, run, folder, options, context);
    sd_context_free(context);
    free(folder);
    return code;
}

static bool read_budget(const sd_cli *cli, double *budget)
{
    char *end;
    const char *text = sd__cli_get(cli, "--budget");
    *budget = text ? strtod(text, &end) : 0;
    if (!text || (end != text && !*end && isfinite(*budget) && *budget > 0))
        return true;
    sd__say(SD_EXIT_USAGE, "--budget %s: a number of seconds above 0 is wanted", text);
    return false;
}

static int run(sd_cli *cli)
{
    int64_t seed;
    double budget;
    const char *path = sd__cli_run(cli, 0);
    if (!path || !read_budget(cli, &budget) || !sd__cli_int(cli, "--seed", 0, INT64_MAX, 0, &seed))
        return SD_EXIT_USAGE;
    if (sd__cli_has(cli, "--quick") && sd__cli_has(cli, "--full"))
        return sd__say(SD_EXIT_USAGE, "--quick and --full exclude each other");
    sd_why_options options = {.data_dir = sd__cli_get(cli, "--data-dir"),
                              .effort = sd__cli_has(cli, "--full") ? SD_EFFORT_FULL : SD_EFFORT_QUICK,
                              .budget = budget,
                              .seed = (uint64_t)seed,
                              .progress = on_progress};
    return run_in(cli, path, &options);
}

const sd_command sd__command_why = {
    .name = "why",
    .arguments = "[RUN]",
    .doc = "explain a run: every instrument in one report",
    .text = "Writes report.html into the run's folder: one file that needs nothing beside it. Page one, which is also\n"
            "printed, has the score beside its controls (majority class, linear model, nearest neighbour, the same\n"
            "network untrained), what is odd about the data, and things to try, each tied to a number; then a section for\n"
            "each instrument, whose figures' data goes to the folder report/ as CSV. RUN is a run folder or a checkpoint\n"
            "inside one; default: runs/last. Nothing of the run is changed.",
    .most = 1,
    .option = {{"--quick", NULL, "1000 samples an instrument, a minute or so for a small network (the default)", false},
               {"--full", NULL,
                "10000 samples (curvature: 1000), all that instruments can do; a quarter of an hour for a million weights",
                false},
               {"--budget", "SECONDS", "begin no instrument after so many; the report names those left out", false},
               {"--seed", "N", "of whatever is drawn at random (default: 0)", false},
               {"--threads", "N", "working threads (default: all cores)", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print the whole report as JSON", false}},
    .run = run,
};
