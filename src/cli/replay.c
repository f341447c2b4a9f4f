/* replay.c -- `sonde replay`: goes again through the step that a run refused because a number was not finite. */
#include <inttypes.h>
#include <stdio.h>

#include "cli/command.h"
#include "train/blackbox.h"

static int report(const sd_cli *cli, sd_status status, int64_t step, int samples)
{
    if (sd__cli_has(cli, "--json")) {
        json_t *json = json_pack("{s:I, s:i, s:b, s:s}", "step", (json_int_t)(step + 1), "samples", samples, "finite",
                                 status == SD_OK, "first", status == SD_OK ? "" : sd_error());
        int code = sd__print_json(json);
        return code ? code : status == SD_OK ? SD_EXIT_OK : SD_EXIT_NONFINITE;
    }
    if (status == SD_OK) {
        printf("step %" PRId64 " (%d samples): every value is finite\n", step + 1, samples);
        return SD_EXIT_OK;
    }
    printf("step %" PRId64 " (%d samples): %s\n", step + 1, samples, sd_error());
    return SD_EXIT_NONFINITE;
}

static int run_in(const sd_cli *cli, const char *path, sd_context *context)
{
    int samples = 0;
    int64_t step = 0;
    sd_status status = sd__replay(context, path, &step, &samples);
    bool replayed = status == SD_OK || (status == SD_ENONFINITE && samples);
    return replayed ? report(cli, status, step, samples) : sd__say_error(status);
}

static int run(sd_cli *cli) { return sd__cli_on_run(cli, sd__cli_run(cli, 0), run_in); }

const sd_command sd__command_replay = {
    .name = "replay",
    .arguments = "[RUN]",
    .doc = "go again through the step that was not finite",
    .text = "A run that meets a loss or gradient which is not finite stops before that step and keeps a black box: the state\n"
            "before the step, and its batch. This command runs that one step again, operation by operation, and names the\n"
            "first that makes a value which is not finite. Exit code 3 if there is one, 0 if the step is finite now.",
    .most = 1,
    .option = {{"--threads", "N", "working threads (default: all cores)", false}, {"--json", NULL, "print JSON", false}},
    .run = run,
};
