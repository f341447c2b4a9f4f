/*
 * run.c -- from a YAML file to a trainer with a run folder, and from a run folder back to the trainer.
 *
 * A run folder holds config.yaml (resolved), metrics.jsonl, events, checkpoints/. What config.yaml says is all that resuming
 * reads beside the checkpoint, so the file that the run was started from may change or vanish.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "nn/yaml.h"
#include "optim/yaml.h"
#include "train/checkpoint.h"
#include "train/settings.h"
#include "train/trainer.h"

#define MOST_RUNS 999999

/* ---- folders ----------------------------------------------------------------------------------------------------------- */

/* "path/to/mnist-mlp.yaml" -> "mnist-mlp"; what has no place in a folder's name becomes '-'. */
static void run_name(const char *path, char name[64])
{
    const char *base = strrchr(path, '/');
    snprintf(name, 64, "%s", base ? base + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = 0;
    for (char *c = name; *c; c++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c))
            *c = '-';
    if (!name[0] || name[0] == '.')
        snprintf(name, 64, "run");
}

/* Makes the next free runs/NAME-NNN. mkdir is what decides, so two that start at once get two folders. */
static sd_status make_numbered(const char *path, char **folder)
{
    char name[64], text[96];
    run_name(path, name);
    SD_TRY(sd__make_folders("runs"));
    for (int i = 1; i <= MOST_RUNS; i++) {
        snprintf(text, sizeof text, "runs/%s-%03d", name, i);
        if (mkdir(text, 0777) == 0) {
            *folder = strdup(text);
            return *folder ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a path");
        }
        if (errno != EEXIST)
            return sd__fail(SD_EIO, "%s: cannot make the run folder: %s; give another with --out", text, strerror(errno));
    }
    return sd__fail(SD_EIO, "runs/%s-001 to -%d exist already; remove some", name, MOST_RUNS);
}

/* A folder that the caller named: it must not hold a run already. */
static sd_status make_named(const char *wanted, char **folder)
{
    char *config = sd__run_file(wanted, "config.yaml");
    if (!config)
        return SD_ENOMEM;
    bool taken = sd__file_exists(config);
    free(config);
    if (taken)
        return sd__fail(SD_EINVAL, "%s: holds a run already; go on with it by --resume %s, or give another folder", wanted,
                        wanted);
    SD_TRY(sd__make_folders(wanted));
    if (access(wanted, W_OK | X_OK))
        return sd__fail(SD_EIO, "%s: cannot write there: %s", wanted, strerror(errno));
    *folder = strdup(wanted);
    return *folder ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a path");
}

/*
 * runs/last points to the newest run. Made aside and renamed, so that it is never missing. Without it the
 * run goes on all the same.
 */
static void point_last(const char *folder)
{
    const char *name = strrchr(folder, '/');
    char aside[64];
    snprintf(aside, sizeof aside, "runs/.last-%ld", (long)getpid());
    unlink(aside);
    if (symlink(name ? name + 1 : folder, aside) == 0 && rename(aside, "runs/last") != 0)
        unlink(aside);
}

/* ---- what a file asks for ---------------------------------------------------------------------------------------------- */

/* What is made on the way; what was handed over to the trainer is NULL again. */
typedef struct making {
    sd_config *yaml;
    sd_settings settings;
    sd_data data;
    sd_model *model;
    char *folder;
} making;

static void making_clear(making *m)
{
    sd_model_free(m->model);
    sd_data_close(&m->data);
    sd__settings_clear(&m->settings);
    sd__config_free(m->yaml);
    free(m->folder);
}

static sd_status open_data(sd_context *context, const sd_run_options *o, making *m)
{
    sd_data_options *d = &m->settings.data;
    if (o->train) {
        d->name = d->csv_train = d->npy_x = NULL;
        d->custom = o->train;
        d->custom_test = o->test;
    }
    sd_status status = sd_data_open(d, sd_context_pool(context), &m->data);
    return status != SD_OK && m->settings.data_node ? sd__config_fail_in(m->settings.data_node, status) : status;
}

static sd_status make_model(sd_context *context, making *m)
{
    const sd_dataset_info *info = sd_dataset_get(m->data.train);
    sd_model_data data = {info->shape, info->classes, info->targets};
    return sd__model_from_config(context, m->yaml->root, &data, &m->model);
}

static sd_status init_weights(making *m)
{
    sd_settings *s = &m->settings;
    if (!s->init_from)
        return SD_OK;
    sd_status status = sd_model_load(m->model, s->init_from, s->init_layers, s->init_layer, NULL);
    return status != SD_OK ? sd__config_fail_in(s->init_node, status) : SD_OK;
}

static sd_status prepare(sd_context *context, const sd_run_options *o, making *m)
{
    for (int i = 0; i < o->sets; i++)
        SD_TRY(sd__config_set(m->yaml, o->set[i]));
    SD_TRY(sd__settings_read(m->yaml->root, o->data_dir, o->train != NULL, &m->settings));
    SD_TRY(sd__optimizer_from_config(m->yaml->root, &m->settings.train.optimizer));
    SD_TRY(sd__schedule_from_config(m->yaml->root, &m->settings.train.schedule));
    SD_TRY(open_data(context, o, m));
    return make_model(context, m);
}

/* The trainer takes over what was made. */
static sd_status hand_over(making *m, sd_trainer **trainer)
{
    m->settings.train.folder = m->folder;
    SD_TRY(sd__trainer_make(m->model, &m->data, &m->settings.train, trainer));
    (*trainer)->probes = m->settings.probes;
    (*trainer)->own_model = m->model;
    (*trainer)->own_data = m->data;
    (*trainer)->yaml = m->yaml;
    m->model = NULL;
    m->data = (sd_data){0};
    m->yaml = NULL;
    return SD_OK;
}

/* Writes the resolved tree and remembers its hash. */
static sd_status write_config(sd_trainer *t, const sd_settings *settings)
{
    sd_string text = {0};
    sd_status status = sd__settings_resolve(t->yaml, settings, &t->data);
    sd__string_add(&text, "# The configuration of this run with all its defaults, written by sonde %s.\n", sd_version());
    if (status == SD_OK)
        status = sd__config_write(t->yaml->root, &text);
    if (status == SD_OK && text.failed)
        status = sd__fail(SD_ENOMEM, "no memory for config.yaml");
    char *path = status == SD_OK ? sd__run_file(t->folder, "config.yaml") : NULL;
    if (status == SD_OK)
        status = path ? sd__file_write_atomic(path, text.text, text.length) : SD_ENOMEM;
    if (status == SD_OK)
        t->config = sd__hash(SD_HASH_START, text.text, text.length);
    free(path);
    free(text.text);
    return status;
}

/* Frees the trainer after a failure, keeping the message. */
static sd_status give_up(sd_trainer **trainer, sd_status status)
{
    if (status != SD_OK) {
        sd_trainer_free(*trainer);
        *trainer = NULL;
    }
    return status;
}

/* ---- a new run --------------------------------------------------------------------------------------------------------- */

static sd_status begin_folder(const char *path, const sd_run_options *o, making *m, sd_trainer *t)
{
    SD_TRY(o->folder ? make_named(o->folder, &m->folder) : make_numbered(path, &m->folder));
    SD_TRY(sd__trainer_take_folder(t, m->folder));
    SD_TRY(write_config(t, &m->settings));
    SD_TRY(sd__trainer_open_files(t, false));
    if (!o->folder)
        point_last(m->folder);
    return SD_OK;
}

/* Everything that can be wrong with the file is found before a folder is made. */
static sd_status start(sd_context *context, const char *path, const sd_run_options *o, making *m, sd_trainer **trainer)
{
    SD_TRY(sd__config_read(path, &m->yaml));
    SD_TRY(prepare(context, o, m));
    SD_TRY(init_weights(m));
    SD_TRY(hand_over(m, trainer));
    sd_status status = o->probes ? o->probes(*trainer) : SD_OK;
    if (status == SD_OK && !o->no_folder)
        status = begin_folder(path, o, m, *trainer);
    return give_up(trainer, status);
}

sd_status sd_trainer_from_file(sd_context *context, const char *path, const sd_run_options *options, sd_trainer **trainer)
{
    static const sd_run_options none;
    making m = {0};
    *trainer = NULL;
    sd_status status = start(context, path, options ? options : &none, &m, trainer);
    if (status != SD_OK && m.folder && !(options && options->folder))
        rmdir(m.folder); /* a numbered folder in which nothing was written yet */
    making_clear(&m);
    return status;
}

/* ---- resuming ---------------------------------------------------------------------------------------------------------- */

/* With changed settings, a run that had ended may have more to do. */
static void reopen(sd_trainer *t)
{
    bool waited_out = t->options.patience && t->at.waited >= t->options.patience;
    if (t->at.done && t->at.epoch < t->options.epochs && t->at.step < t->total_steps && !waited_out) {
        t->at.done = false;
        t->at.note[0] = 0;
    }
}

static sd_status read_checkpoints(sd_trainer *t, bool changed)
{
    char *last = sd__run_file(t->folder, SD_LAST), *best = sd__run_file(t->folder, SD_BEST);
    sd_status status = last && best ? SD_OK : SD_ENOMEM;
    bool any = status == SD_OK && sd__file_exists(last);
    if (any)
        status = sd__checkpoint_read(t, last, changed ? 0 : t->config);
    if (status == SD_OK && any && t->at.scored && sd__file_exists(best))
        status = sd__checkpoint_read_best(t, best);
    if (status == SD_OK && changed)
        reopen(t);
    if (status == SD_OK && !t->at.done)
        status = sd__trainer_open_files(t, any);
    free(last);
    free(best);
    return status;
}

static sd_status hash_config(sd_trainer *t, const char *path)
{
    char *text;
    size_t bytes;
    SD_TRY(sd__file_read(path, SD_CONFIG_BYTES, &text, &bytes));
    t->config = sd__hash(SD_HASH_START, text, bytes);
    free(text);
    return SD_OK;
}

/*
 * Without a checkpoint (killed before the first), the weights of the start are made again; with one, their source may be gone.
 */
static sd_status init_unless_begun(const char *folder, making *m)
{
    char *last = sd__run_file(folder, SD_LAST);
    if (!last)
        return SD_ENOMEM;
    sd_status status = sd__file_exists(last) ? SD_OK : init_weights(m);
    free(last);
    return status;
}

static sd_status resume(sd_context *context, const char *folder, const char *path, const sd_run_options *o, making *m,
                        sd_trainer **trainer)
{
    SD_TRY(sd__config_read(path, &m->yaml));
    SD_TRY(prepare(context, o, m));
    SD_TRY(init_unless_begun(folder, m));
    m->folder = strdup(folder);
    if (!m->folder)
        return sd__fail(SD_ENOMEM, "no memory for a path");
    SD_TRY(hand_over(m, trainer));
    sd_trainer *t = *trainer;
    sd_status status = o->probes ? o->probes(t) : SD_OK;
    if (status == SD_OK)
        status = hash_config(t, path);
    if (status == SD_OK)
        status = sd__settings_check_data(t->yaml, &t->data);
    if (status == SD_OK)
        status = read_checkpoints(t, o->sets > 0);
    if (status == SD_OK && o->sets > 0)
        status = write_config(t, &m->settings);
    return give_up(trainer, status);
}

sd_status sd_trainer_resume(sd_context *context, const char *folder, const sd_run_options *options, sd_trainer **trainer)
{
    static const sd_run_options none;
    making m = {0};
    *trainer = NULL;
    char *path = sd__run_file(folder, "config.yaml");
    if (!path)
        return SD_ENOMEM;
    sd_status status = sd__file_exists(path) ? resume(context, folder, path, options ? options : &none, &m, trainer)
                                             : sd__fail(SD_ENOTFOUND, "%s: is not a run folder: it has no config.yaml", folder);
    free(path);
    making_clear(&m);
    return status;
}
