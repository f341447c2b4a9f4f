/* probe.c -- `sonde probe`: looks at a run with an instrument; the instruments are a table, each in a file of its own. */
#include "cli/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "format/config.h"
#include "optim/yaml.h"
#include "train/trainer.h"

static const sd_instrument *const instruments[] = {&sd__instrument_curvature};

static const char *const parts[] = {"train", "validation", "test"};

static const sd_instrument *find(const char *name)
{
    const char *names[SD_COUNT(instruments)];
    for (size_t i = 0; i < SD_COUNT(instruments); i++) {
        names[i] = instruments[i]->name;
        if (!strcmp(names[i], name))
            return instruments[i];
    }
    const char *near = sd__nearest(name, (int)SD_COUNT(names), names);
    sd__say(0, "there is no instrument '%s'%s%s%s; `sonde help probe` lists them", name, near ? "; did you mean '" : "",
            near ? near : "", near ? "'?" : "");
    return NULL;
}

static int choose_part(sd_probe *p, const sd_data *data)
{
    const char *wish = sd__cli_get(p->cli, "--part");
    sd_dataset *const part[] = {data->train, data->validation, data->test};
    for (size_t i = 0; i < SD_COUNT(parts); i++)
        if (!strcmp(wish ? wish : "train", parts[i])) {
            p->part = parts[i];
            p->subject.data = part[i];
            return part[i] ? SD_EXIT_OK : sd__say(SD_EXIT_FAILURE, "this run has no %s part", parts[i]);
        }
    return sd__say(SD_EXIT_USAGE, "--part %s: one of train, validation, test is wanted", wish);
}

/* The twin's weights and states live as long as the instrument runs. */
static int look(sd_probe *p, const sd_instrument *instrument)
{
    void *theta, *state;
    sd_status status = sd_untrained(p->subject.model, &theta, &state);
    if (status != SD_OK)
        return sd__say_error(status);
    p->untrained = p->subject;
    p->untrained.theta = theta;
    p->untrained.state = state;
    int code = instrument->run(p);
    free(theta);
    free(state);
    return code;
}

static int prepare(sd_probe *p, const sd_data *data, const sd_instrument *instrument)
{
    int64_t samples, batch;
    if (!sd__cli_int(p->cli, "--samples", 1, INT32_MAX, 1000, &samples) ||
        !sd__cli_int(p->cli, "--batch", 1, 1000000, 256, &batch))
        return SD_EXIT_USAGE;
    p->subject.model = p->trained->model;
    p->subject.normalization = &p->trained->normalization;
    p->subject.samples = samples;
    p->subject.batch = (int)batch;
    p->subject.training = sd__cli_has(p->cli, "--training");
    int code = choose_part(p, data);
    return code ? code : look(p, instrument);
}

/* The optimizer that the run's configuration names. */
static sd_status read_optimizer(const char *run, sd_optimizer_spec *optimizer)
{
    sd_config *config = NULL;
    char *folder = sd__run_folder(run), *path = folder ? sd__run_file(folder, "config.yaml") : NULL;
    sd_status status = path ? sd__config_read(path, &config) : sd__fail(SD_ENOMEM, "no memory for a path");
    if (status == SD_OK)
        status = sd__optimizer_from_config(config->root, optimizer);
    sd__config_free(config);
    free(folder);
    free(path);
    return status;
}

static int run_in(const sd_cli *cli, const sd_instrument *instrument, const char *run, sd_context *context)
{
    sd_trained trained;
    sd_data data = {0};
    const char *data_dir = sd__cli_get(cli, "--data-dir");
    sd_probe p = {.cli = cli, .trained = &trained};
    sd_status status = sd_trained_open(context, run, &trained);
    if (status == SD_OK)
        status = sd__open_run_data(run, data_dir, context, &data);
    if (status == SD_OK)
        status = read_optimizer(run, &p.optimizer);
    int code = status == SD_OK ? prepare(&p, &data, instrument) : sd__say_error(status);
    sd_data_close(&data);
    sd_trained_close(&trained);
    return code;
}

static int run(sd_cli *cli)
{
    int code;
    const sd_instrument *instrument = find(cli->argument[0]);
    const char *path = instrument ? sd__cli_run(cli, 1) : NULL;
    if (!path)
        return SD_EXIT_USAGE;
    sd_context *context = sd__cli_context(cli, &code);
    if (!context)
        return code;
    code = run_in(cli, instrument, path, context);
    sd_context_free(context);
    return code;
}

const sd_command sd__command_probe = {
    .name = "probe",
    .arguments = "NAME [RUN]",
    .doc = "look inside a run's model with an instrument",
    .text = "Measures and changes nothing. RUN is a run folder or a checkpoint inside one; default: runs/last. Every number\n"
            "stands beside the same network untrained, or says \"not compared\". Instruments:\n"
            "  curvature  second derivatives of the loss: largest eigenvalues, trace, spectral density, spectrum",
    .least = 1,
    .most = 2,
    .option = {{"--part", "PART", "train (default), validation or test", false},
               {"--samples", "N", "the first N samples of the part (default: 1000)", false},
               {"--batch", "N", "samples at a time (default: 256)", false},
               {"--training", NULL, "batch norm by each batch's statistics, dropout on (default: eval mode)", false},
               {"--matrix", "NAME", "curvature: hessian (default), gauss_newton or fisher", false},
               {"--layer", "NAME", "curvature: only the parameters of this layer or block", false},
               {"--pairs", "K", "curvature: how many eigenvalues (default: 10)", false},
               {"--trace", "N", "curvature: products for the trace (default: 30)", false},
               {"--density", "N", "curvature: random vectors for the spectral density (default: none)", false},
               {"--spectrum", NULL, "curvature: all eigenvalues, up to 5000 parameters", false},
               {"--layers", NULL, "curvature: also the largest eigenvalue of every layer", false},
               {"--seed", "N", "of the random vectors (default: 0)", false},
               {"--threads", "N", "working threads (default: all cores)", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print JSON", false}},
    .run = run,
};
