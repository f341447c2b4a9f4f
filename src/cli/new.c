/* new.c -- `sonde new`: writes a YAML file with comments, from which a first training starts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cli/command.h"

static const char text[] =
    "# A network and how it is trained. `sonde train THIS-FILE` runs it; `sonde help yaml` lists every key.\n"
    "\n"
    "data:\n"
    "  name: %s            # a named set (`sonde data list`), or your own files instead:\n"
    "  # csv: {train: a.csv, test: b.csv, label: species}    # classes; numbers to predict: targets: [price]\n"
    "  # npy: {x: x.npy, y: y.npy, test_x: tx.npy, test_y: ty.npy}\n"
    "  batch: 64                # samples a step\n"
    "  normalize: standard      # none, unit ([0,1]) or standard (mean 0, deviation 1)\n"
    "  validation: 0.1          # share of the training part to choose by; 0: none\n"
    "\n"
    "model:\n"
    "  # input: [28, 28, 1]     # height, width, channels; the data says it, too\n"
    "  layers:                  # a list; `residual:` and `from:` make skips\n"
    "    - conv: {filters: 16, kernel: 5, padding: same}\n"
    "    - relu\n"
    "    - maxpool: 2\n"
    "    - conv: {filters: 32, kernel: 5, padding: same}\n"
    "    - relu\n"
    "    - maxpool: 2\n"
    "    - flatten\n"
    "    - dense: 128\n"
    "    - relu\n"
    "    - dropout: 0.25\n"
    "    - dense: 10            # one output a class\n"
    "\n"
    "loss: cross_entropy        # mse, hinge, logistic\n"
    "optimizer: {adam: {lr: 1e-3}}      # sgd, momentum, nesterov, adam, adamw\n"
    "schedule: {cosine: {warmup: 100}}  # constant, step, cosine\n"
    "\n"
    "train:\n"
    "  epochs: 5\n"
    "  seed: 1                  # equal seeds give equal runs, bit for bit, for any number of threads\n"
    "  # early_stopping: {patience: 3}    # epochs without a better validation loss\n"
    "  # checkpoint: {steps: 1000}        # beside the ends of epochs and every 60 seconds\n"
    "\n"
    "# probes: {every: 100, use: [signal, sharpness]}    # instruments that look on, into metrics.jsonl and TensorBoard\n"
    "# init: {from: runs/last, layers: [conv1, conv2]}   # start from another run's weights\n"
    "# freeze: [conv1, conv2]                            # and do not train these\n";

static int write_text(const char *path, const char *name)
{
    sd_string file = {0};
    sd__string_add(&file, text, name);
    sd_status status = file.failed ? sd__fail(SD_ENOMEM, "out of memory") : sd__file_write_atomic(path, file.text, file.length);
    free(file.text);
    return status == SD_OK ? SD_EXIT_OK : sd__say_error(status);
}

static int run(sd_cli *cli)
{
    const char *path = cli->argument[0], *name = sd__cli_get(cli, "--data");
    if (name && !sd_named_set_find(name))
        return sd__say(SD_EXIT_USAGE, "%s", sd_error());
    if (!strcmp(path, "-")) {
        printf(text, name ? name : "strokes");
        return SD_EXIT_OK;
    }
    if (sd__file_exists(path) && !sd__cli_has(cli, "--force"))
        return sd__say(SD_EXIT_FAILURE, "%s exists already; give another name, or --force to write over it", path);
    int code = write_text(path, name ? name : "strokes");
    if (code == SD_EXIT_OK)
        printf("wrote %s; next: sonde train %s\n", path, path);
    return code;
}

const sd_command sd__command_new = {
    .name = "new",
    .arguments = "FILE.yaml",
    .doc = "write a commented YAML file to start from",
    .text = "Writes a small convolutional network for images of 28x28 with every key commented. FILE.yaml may be - for\n"
            "standard output.",
    .least = 1,
    .most = 1,
    .option = {{"--data", "NAME", "the data set (default: strokes, which needs no file)", false},
               {"--force", NULL, "write over a file that exists", false}},
    .run = run,
};
