/* eval.c -- `sonde eval`: how good a run's model is on a part of its data. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "train/run_source.h"
#include "train/trainer.h"

static const char *const parts[] = {"test", "validation", "train"};

/* The part that is asked for; without a wish, the first that there is. */
static sd_dataset *choose(const sd_data *data, const char *wish, const char **name)
{
    sd_dataset *const part[] = {data->test, data->validation, data->train};
    for (size_t i = 0; i < SD_COUNT(parts); i++)
        if (wish ? !strcmp(wish, parts[i]) : part[i] != NULL) {
            *name = parts[i];
            return part[i];
        }
    return NULL;
}

static int report(const sd_cli *cli, const sd_trained *t, const char *part, const sd_scores *scores)
{
    char text[128], hash[17];
    char *const *names = t->class_names;
    snprintf(hash, sizeof hash, "%016" PRIx64, sd_model_hash(t->model));
    if (sd__cli_has(cli, "--json")) {
        json_t *json = sd__scores_json(scores, names);
        json_object_set_new(json, "part", json_string(part));
        json_object_set_new(json, "checkpoint", json_string(t->checkpoint));
        json_object_set_new(json, "epoch", json_integer(t->epoch));
        json_object_set_new(json, "weights", json_string(hash));
        json_object_set_new(json, "selected_on_test", json_boolean(t->selected_on_test));
        return sd__print_json(json);
    }
    sd__scores_text(scores, text);
    printf("%s: %s on %" PRId64 " samples%s\n", part, text, scores->samples,
           t->selected_on_test ? " (selected on the test set)" : "");
    printf("checkpoint %s, epoch %" PRId64 ", weights %s\n", t->checkpoint, t->epoch, hash);
    sd__print_confusion(scores, names);
    return SD_EXIT_OK;
}

static int judge(const sd_cli *cli, const sd_trained *trained, const sd_data *data)
{
    const char *name = NULL, *wish = sd__cli_get(cli, "--part");
    int64_t batch;
    sd_scores scores;
    if (!sd__cli_int(cli, "--batch", 1, 1000000, 0, &batch))
        return SD_EXIT_USAGE;
    sd_dataset *part = choose(data, wish, &name);
    if (!part)
        return sd__say(name ? SD_EXIT_FAILURE : SD_EXIT_USAGE,
                       name ? "this run has no %s part" : "--part %s: one of test, validation, train is wanted", wish);
    sd_status status = sd_evaluate(trained->model, part, &trained->normalization, (int)batch, &scores);
    if (status != SD_OK)
        return sd__say_error(status);
    int code = report(cli, trained, name, &scores);
    sd_scores_clear(&scores);
    return code;
}

/* The checkpoint of a run that --checkpoint names, or the path as it is. The caller frees. */
static char *checkpoint_path(const sd_cli *cli, const char *run)
{
    char name[64];
    const char *which = sd__cli_get(cli, "--checkpoint");
    if (!which)
        return strdup(run);
    snprintf(name, sizeof name, "checkpoints/%.32s.safetensors", which);
    return sd__run_file(run, name);
}

static int run_in(const sd_cli *cli, const char *run, sd_context *context)
{
    sd_trained trained;
    sd_data data = {0};
    char *path = checkpoint_path(cli, run);
    if (!path)
        return sd__say(SD_EXIT_FAILURE, "out of memory");
    sd_status status = sd_trained_open(context, path, &trained);
    if (status == SD_OK)
        status = sd__run_data(run, sd__cli_get(cli, "--data-dir"), context, &data);
    int code = status == SD_OK ? judge(cli, &trained, &data) : sd__say_error(status);
    sd_data_close(&data);
    sd_trained_close(&trained);
    free(path);
    return code;
}

static int run(sd_cli *cli)
{
    const char *which = sd__cli_get(cli, "--checkpoint");
    if (which && strcmp(which, "best") && strcmp(which, "last"))
        return sd__say(SD_EXIT_USAGE, "--checkpoint %s: best or last is wanted", which);
    return sd__cli_on_run(cli, sd__cli_run(cli, 0), run_in);
}

const sd_command sd__command_eval = {
    .name = "eval",
    .arguments = "[RUN]",
    .doc = "judge a run on its test part",
    .text = "Prints loss, accuracy and the confusion matrix (for real targets: RMSE and R2) of a run's best, else last\n"
            "checkpoint. RUN is a run folder or a checkpoint inside one; default: runs/last.",
    .most = 1,
    .option = {{"--part", "PART", "test (default), validation or train", false},
               {"--checkpoint", "WHICH", "best or last (default: best, where there is one)", false},
               {"--batch", "N", "samples at a time (default: 256)", false},
               {"--threads", "N", "working threads (default: all cores)", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print JSON: accuracy, loss, confusion, ...", false}},
    .run = run,
};
