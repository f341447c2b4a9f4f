/* trainer.c -- making a trainer, its files, and what is known about it from outside. */
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "train/checkpoint.h"
#include "train/tally.h"

double sd__clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

char *sd__run_file(const char *folder, const char *name)
{
    char *path = sd__path_join(folder, name);
    if (!path)
        sd__fail(SD_ENOMEM, "no memory for a path");
    return path;
}

/* ---- the best weights -------------------------------------------------------------------------------------------------- */

static size_t theta_bytes(const sd_trainer *t)
{
    return (size_t)sd_model_params(t->model).length * sd_dtype_size(sd_model_dtype(t->model));
}

static size_t state_bytes(const sd_trainer *t)
{
    return (size_t)sd_model_states(t->model).length * sd_dtype_size(sd_model_dtype(t->model));
}

sd_status sd__best_keep(sd_trainer *t)
{
    if (!t->best)
        t->best = sd__alloc_aligned(theta_bytes(t) + state_bytes(t) + 64);
    if (!t->best)
        return sd__fail(SD_ENOMEM, "no memory to keep the best weights");
    memcpy(t->best, sd_model_theta(t->model), theta_bytes(t));
    if (state_bytes(t))
        memcpy((char *)t->best + theta_bytes(t), sd_model_state(t->model), state_bytes(t));
    return SD_OK;
}

void sd__best_restore(sd_trainer *t)
{
    if (!t->best)
        return;
    memcpy(sd_model_theta(t->model), t->best, theta_bytes(t));
    if (state_bytes(t))
        memcpy(sd_model_state(t->model), (char *)t->best + theta_bytes(t), state_bytes(t));
}

/* ---- making ------------------------------------------------------------------------------------------------------------ */

static void set_defaults(sd_train_options *o)
{
    if (o->optimizer.kind == SD_SGD && o->optimizer.lr == 0)
        o->optimizer = sd_optimizer_default(SD_SGD);
    if (o->batch == 0)
        o->batch = 64;
    if (o->eval_batch == 0)
        o->eval_batch = 256;
    if (o->log_steps == 0)
        o->log_steps = 50;
    if (o->checkpoint_seconds == 0)
        o->checkpoint_seconds = 60;
}

static sd_status check_options(const sd_train_options *o)
{
    if (o->batch < 1 || o->eval_batch < 1)
        return sd__fail(SD_EINVAL, "batch is %d and eval batch %d; both must be at least 1", o->batch, o->eval_batch);
    if (o->epochs < 0 || o->steps < 0 || o->patience < 0 || o->log_steps < 0 || o->checkpoint_steps < 0)
        return sd__fail(SD_EINVAL, "epochs, steps, patience, log_steps, checkpoint_steps must not be negative");
    if (!(o->min_delta >= 0) || !(o->checkpoint_seconds >= 0))
        return sd__fail(SD_EINVAL, "min_delta is %g and checkpoint_seconds %g; neither may be negative", o->min_delta,
                        o->checkpoint_seconds);
    return SD_OK;
}

/* Steps of the whole training: both limits count; without epochs, as many as the steps need. */
static sd_status plan_steps(sd_trainer *t)
{
    sd_train_options *o = &t->options;
    t->epoch_steps = sd_loader_batches(t->loader);
    if (o->epochs == 0)
        o->epochs = o->steps ? (o->steps - 1) / t->epoch_steps + 1 : 1;
    if (o->epochs > INT32_MAX / t->epoch_steps)
        return sd__fail(SD_EINVAL, "%lld epochs of %lld steps are more than 2^31 steps", (long long)o->epochs,
                        (long long)t->epoch_steps);
    t->total_steps = o->epochs * t->epoch_steps;
    if (o->steps && o->steps < t->total_steps)
        t->total_steps = o->steps;
    return SD_OK;
}

static sd_status make_loader(sd_trainer *t)
{
    const sd_train_options *o = &t->options;
    sd_loader_options options = {.batch = o->batch,
                                 .dtype = sd_model_dtype(t->model),
                                 .shuffle = true,
                                 .seed = o->seed,
                                 .prefetch = !o->no_prefetch,
                                 .normalization = &t->data.normalization,
                                 .pool = o->no_prefetch ? NULL : sd_context_pool(sd_model_context(t->model))};
    return sd_loader_new(t->data.train, &options, &t->loader);
}

static sd_status make_vectors(sd_trainer *t)
{
    size_t size = sd_dtype_size(sd_model_dtype(t->model)), columns = (size_t)sd__output_columns(t->model);
    t->grad = sd_model_vector(t->model);
    if (sd_model_classes(t->model))
        t->output = sd__alloc((size_t)t->options.batch * columns, size);
    if (!t->grad || (sd_model_classes(t->model) && !t->output))
        return sd__fail(SD_ENOMEM, "no memory for the gradient");
    return SD_OK;
}

static sd_status check_data(const sd_trainer *t)
{
    if (!t->data.train)
        return sd__fail(SD_EINVAL, "there is no training part");
    SD_TRY(sd__check_fit(t->model, t->data.train, true));
    if (t->data.validation)
        SD_TRY(sd__fail_in(sd__check_fit(t->model, t->data.validation, true), "validation part"));
    return t->data.test ? sd__fail_in(sd__check_fit(t->model, t->data.test, true), "test part") : SD_OK;
}

static void take_data(sd_trainer *t, const sd_data *data)
{
    t->data = *data;
    t->on_test = data->validation && data->validation == data->test;
    sd_dataset *const part[] = {data->train, data->validation, data->test};
    for (size_t i = 0; i < SD_COUNT(part); i++)
        if (part[i])
            sd_dataset_share(part[i]);
}

static sd_status setup(sd_trainer *t)
{
    SD_TRY(check_options(&t->options));
    SD_TRY(check_data(t));
    SD_TRY(make_loader(t));
    SD_TRY(plan_steps(t));
    SD_TRY(make_vectors(t));
    SD_TRY(sd_optimizer_new(&t->options.optimizer, sd_model_params(t->model), sd_model_trainable(t->model), &t->optimizer));
    return t->options.folder ? sd__trainer_take_folder(t, t->options.folder) : SD_OK;
}

sd_status sd__trainer_take_folder(sd_trainer *t, const char *folder)
{
    t->options.folder = t->folder = strdup(folder);
    return t->folder ? sd__folder_lock(t->folder, &t->lock) : sd__fail(SD_ENOMEM, "no memory for a path");
}

sd_status sd__trainer_make(sd_model *model, const sd_data *data, const sd_train_options *options, sd_trainer **trainer)
{
    *trainer = NULL;
    sd_trainer *t = sd__alloc_zeroed(1, sizeof *t);
    if (!t)
        return sd__fail(SD_ENOMEM, "no memory for a trainer");
    t->model = model;
    t->lock = -1;
    t->recorder.metrics.descriptor = -1;
    t->options = *options;
    set_defaults(&t->options);
    take_data(t, data);
    sd_status status = setup(t);
    if (status == SD_OK)
        *trainer = t;
    else
        sd_trainer_free(t);
    return status;
}

sd_status sd__trainer_open_files(sd_trainer *t, bool resume)
{
    if (!t->folder)
        return SD_OK;
    char *folder = sd__run_file(t->folder, "checkpoints");
    sd_status status = folder ? sd__make_folders(folder) : SD_ENOMEM;
    free(folder);
    if (status != SD_OK)
        return status;
    return sd__recorder_open(&t->recorder, t->folder, resume ? t->at.metrics_bytes : -1, resume ? t->at.events_bytes : -1);
}

sd_status sd_trainer_new(sd_model *model, const sd_data *data, const sd_train_options *options, sd_trainer **trainer)
{
    SD_TRY(sd__trainer_make(model, data, options, trainer));
    sd_status status = sd__trainer_open_files(*trainer, false);
    if (status != SD_OK) {
        sd_trainer_free(*trainer);
        *trainer = NULL;
    }
    return status;
}

void sd_trainer_free(sd_trainer *t)
{
    if (!t)
        return;
    sd__observers_free(t);
    sd__recorder_close(&t->recorder);
    sd_loader_free(t->loader);
    sd_optimizer_free(t->optimizer);
    sd_scores_clear(&t->validation);
    sd_scores_clear(&t->test);
    free(t->grad);
    free(t->output);
    free(t->best);
    if (t->lock >= 0)
        sd__folder_unlock(t->lock);
    free(t->folder);
    sd_dataset_free(t->data.train);
    sd_dataset_free(t->data.validation);
    sd_dataset_free(t->data.test);
    sd_model_free(t->own_model);
    sd_data_close(&t->own_data);
    sd__config_free(t->yaml);
    free(t);
}

/* ---- from outside ------------------------------------------------------------------------------------------------------ */

void sd_trainer_cancel(sd_trainer *t) { atomic_store(&t->cancel, true); }

sd_status sd_trainer_checkpoint(sd_trainer *t)
{
    if (!t->folder)
        return sd__fail(SD_EINVAL, "a trainer without a folder has no place for checkpoints");
    if (t->at.done)
        return SD_OK; /* was written when training ended; the model now may hold the best weights instead of the last */
    char *path = sd__run_file(t->folder, SD_LAST);
    sd_status status = path ? sd__checkpoint_write(t, path, true) : SD_ENOMEM;
    free(path);
    return status;
}

sd_model *sd_trainer_model(sd_trainer *t) { return t->model; }

const sd_data *sd_trainer_data(const sd_trainer *t) { return &t->data; }

const char *sd_trainer_folder(const sd_trainer *t) { return t->folder; }

bool sd_trainer_selected_on_test(const sd_trainer *t) { return t->on_test; }

const sd_scores *sd_trainer_test(const sd_trainer *t) { return t->has_test ? &t->test : NULL; }

sd_progress sd_trainer_progress(const sd_trainer *t)
{
    sd_progress p = t->report;
    p.step = t->at.step;
    p.steps = t->total_steps;
    p.epochs = t->options.epochs;
    p.seconds = t->at.seconds;
    p.note = t->at.note[0] ? t->at.note : NULL;
    return p;
}
