/*
 * loop.c -- the training loop: a step, the end of an epoch, the end of training.
 *
 * Everything that decides what comes next lies in the counters (trainer.h), which a checkpoint holds: the loop is "look at the
 * counters, do the next thing", so that one resumed does exactly what one never interrupted would have done.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/blackbox.h"
#include "train/checkpoint.h"
#include "train/tally.h"
#include "train/trainer.h"

/* ---- reports ----------------------------------------------------------------------------------------------------------- */

static double epoch_loss(const sd_trainer *t) { return t->at.batches ? t->at.loss_sum / (double)t->at.batches : NAN; }

static double epoch_accuracy(const sd_trainer *t)
{
    return t->output && t->at.batches ? (double)t->at.correct / (double)(t->at.batches * t->options.batch) : NAN;
}

static void make_report(sd_trainer *t, sd_progress_kind kind, bool best)
{
    double now = sd__clock(), spent = now - t->epoch_started;
    t->at.seconds = t->resumed_seconds + now - t->started;
    t->report = (sd_progress){.kind = kind,
                              .step = t->at.step,
                              .steps = t->total_steps,
                              .epoch = t->at.epoch + 1,
                              .epochs = t->options.epochs,
                              .loss = epoch_loss(t),
                              .accuracy = epoch_accuracy(t),
                              .validation = t->has_validation ? &t->validation : NULL,
                              .best = best,
                              .lr = t->lr,
                              .grad_norm = t->norm,
                              .seconds = t->at.seconds,
                              .samples_per_second = spent > 0 ? (double)t->epoch_samples / spent : 0};
}

static void send_report(sd_trainer *t, sd_progress_fn *progress, void *user)
{
    t->report.note = t->at.note[0] ? t->at.note : NULL;
    if (progress && !progress(user, &t->report))
        sd_trainer_cancel(t);
}

/* Appends loss and accuracy (or RMSE and R^2) of a part to a row of metrics. */
static int add_scores(sd_metric *metric, int n, const sd_scores *s, const char *const name[4], const char *const tag[4])
{
    metric[n++] = (sd_metric){name[0], tag[0], s->loss};
    if (s->classes) {
        metric[n++] = (sd_metric){name[1], tag[1], s->accuracy};
    } else {
        metric[n++] = (sd_metric){name[2], tag[2], s->rmse};
        metric[n++] = (sd_metric){name[3], tag[3], s->r2};
    }
    return n;
}

static sd_status record_step(sd_trainer *t, double loss)
{
    sd_metric metric[] = {{"loss", "train/loss", loss}, {"lr", "train/lr", t->lr}, {"grad_norm", "train/grad_norm", t->norm}};
    return sd__recorder_add(&t->recorder, "step", t->at.step, t->at.epoch + 1, (int)SD_COUNT(metric), metric);
}

static sd_status record_epoch(sd_trainer *t)
{
    static const char *const name[4] = {"validation_loss", "validation_accuracy", "validation_rmse", "validation_r2"};
    static const char *const tag[4] = {"validation/loss", "validation/accuracy", "validation/rmse", "validation/r2"};
    sd_metric metric[10] = {{"train_loss", "epoch/loss", t->report.loss},
                            {"seconds", NULL, t->report.seconds},
                            {"samples_per_second", "epoch/samples_per_second", t->report.samples_per_second}};
    int n = 3;
    if (t->output)
        metric[n++] = (sd_metric){"train_accuracy", "epoch/accuracy", t->report.accuracy};
    if (t->has_validation)
        n = add_scores(metric, n, &t->validation, name, tag);
    if (t->on_test)
        metric[n++] = (sd_metric){"selected_on_test", NULL, 1};
    return sd__recorder_add(&t->recorder, "epoch", t->at.step, t->report.epoch, n, metric);
}

static sd_status record_test(sd_trainer *t)
{
    static const char *const name[4] = {"test_loss", "test_accuracy", "test_rmse", "test_r2"};
    static const char *const tag[4] = {"test/loss", "test/accuracy", "test/rmse", "test/r2"};
    sd_metric metric[5];
    int n = add_scores(metric, 0, &t->test, name, tag);
    if (t->on_test)
        metric[n++] = (sd_metric){"selected_on_test", NULL, 1};
    return sd__recorder_add(&t->recorder, "test", t->at.step, t->best ? t->at.best_epoch : t->at.epoch, n, metric);
}

/* ---- one step ---------------------------------------------------------------------------------------------------------- */

/* Loss, gradient and next states of a batch; nothing of the model changes. SD_ENONFINITE if a number is not. */
static sd_status compute(sd_trainer *t, const sd_batch *batch, double *loss)
{
    sd_model_io io = {.x = batch->input,
                      .y = batch->labels ? (const void *)batch->labels : batch->targets,
                      .ids = batch->ids,
                      .step = (int32_t)t->at.step,
                      .loss = loss,
                      .output = t->output,
                      .grad = t->grad,
                      .next_state = true};
    *loss = NAN;
    t->norm = NAN;
    SD_TRY(sd_model_run(t->model, SD_TRAIN, batch->size, &io));
    t->norm = sd_optimizer_grad_norm(t->optimizer, t->grad, sd_context_pool(sd_model_context(t->model)));
    return isfinite(*loss) && isfinite(t->norm) ? SD_OK : SD_ENONFINITE;
}

static void count_step(sd_trainer *t, const sd_batch *batch, double loss)
{
    t->at.step++;
    t->at.index++;
    t->at.batches++;
    t->at.loss_sum += loss;
    if (t->output)
        t->at.correct += sd__count_correct(t->output, sd_model_dtype(t->model), sd__output_columns(t->model),
                                           sd_model_classes(t->model), batch->labels, batch->size);
    t->epoch_samples += batch->size;
}

/* Writes `last` if so many steps or seconds have passed. */
static sd_status checkpoint_if_due(sd_trainer *t)
{
    const sd_train_options *o = &t->options;
    bool steps = o->checkpoint_steps && t->at.step % o->checkpoint_steps == 0;
    if (!t->folder || (!steps && sd__clock() - t->saved < o->checkpoint_seconds))
        return SD_OK;
    t->saved = sd__clock();
    return sd_trainer_checkpoint(t);
}

static sd_status take_step(sd_trainer *t)
{
    sd_batch batch;
    double loss;
    SD_TRY(sd_loader_next(t->loader, &batch));
    sd_status status = compute(t, &batch, &loss);
    if (status == SD_ENONFINITE)
        return sd__blackbox(t, &batch, loss);
    SD_TRY(status);
    double lr = t->options.optimizer.lr;
    t->lr = sd_schedule_lr(&t->options.schedule, lr, t->at.step, t->epoch_steps, t->total_steps);
    sd_pool *pool = sd_context_pool(sd_model_context(t->model));
    SD_TRY(sd_optimizer_step(t->optimizer, sd_model_theta(t->model), t->grad, t->lr, t->norm, pool));
    sd_model_commit(t->model);
    count_step(t, &batch, loss);
    t->has_validation = false;
    make_report(t, SD_PROGRESS_STEP, false);
    if (t->at.step % t->options.log_steps == 0)
        SD_TRY(record_step(t, loss));
    return checkpoint_if_due(t);
}

/* ---- the end of an epoch ----------------------------------------------------------------------------------------------- */

static sd_status look(sd_trainer *t, sd_dataset *part, bool best, sd_scores *scores, bool *has)
{
    size_t bytes = (size_t)sd_model_params(t->model).length * sd_dtype_size(sd_model_dtype(t->model));
    sd_look how = {.batch = t->options.eval_batch, .cancel = &t->cancel};
    if (best && t->best) {
        how.theta = t->best;
        how.state = (const char *)t->best + bytes;
    }
    sd_scores_clear(scores);
    *has = false;
    SD_TRY(sd__evaluate(t->model, part, &t->data.normalization, how, scores));
    *has = true;
    return SD_OK;
}

/* Whether this epoch's score beats the best so far, which it then becomes. A score that is not a number never does. */
static bool is_best(sd_trainer *t)
{
    const sd_scores *s = &t->validation;
    bool small = t->options.monitor == SD_MONITOR_LOSS;
    double score = small ? s->loss : s->classes ? s->accuracy : s->r2;
    double gain = small ? t->at.best - score : score - t->at.best;
    if (!isfinite(score) || (t->at.scored && !(gain > t->options.min_delta)))
        return false;
    t->at.scored = true;
    t->at.best = score;
    t->at.best_epoch = t->at.epoch + 1;
    t->at.waited = 0;
    return true;
}

static const char *monitored(const sd_trainer *t)
{
    return t->options.monitor == SD_MONITOR_LOSS ? "loss" : sd_model_classes(t->model) ? "accuracy" : "R^2";
}

/* Moves the counters into the next epoch, or to the end. */
static void close_epoch(sd_trainer *t)
{
    sd_counters *at = &t->at;
    at->epoch++;
    at->index = at->batches = at->correct = 0;
    at->loss_sum = 0;
    at->done = at->epoch >= t->options.epochs || at->step >= t->total_steps;
    if (!at->done && t->options.patience && at->waited >= t->options.patience) {
        at->done = true;
        snprintf(at->note, sizeof at->note,
                 "early stopping: validation %s has not improved for %" PRId64 " epochs (best: %.4g in epoch %" PRId64 ")",
                 monitored(t), at->waited, at->best, at->best_epoch);
    }
}

static sd_status write_checkpoint(sd_trainer *t, const char *name, bool moments)
{
    if (!t->folder)
        return SD_OK;
    char *path = sd__run_file(t->folder, name);
    sd_status status = path ? sd__checkpoint_write(t, path, moments) : SD_ENOMEM;
    free(path);
    t->saved = sd__clock();
    return status;
}

/* What takes time and can be cancelled: looking at data. Moves the counters. */
static sd_status judge_epoch(sd_trainer *t, bool *best)
{
    if (t->data.validation)
        SD_TRY(look(t, t->data.validation, false, &t->validation, &t->has_validation));
    if (t->has_validation) {
        t->at.waited++;
        *best = is_best(t);
    }
    if (*best)
        SD_TRY(sd__best_keep(t));
    make_report(t, SD_PROGRESS_EPOCH, *best);
    close_epoch(t);
    return t->at.done && t->data.test ? look(t, t->data.test, true, &t->test, &t->has_test) : SD_OK;
}

static sd_status write_epoch(sd_trainer *t, bool best)
{
    SD_TRY(record_epoch(t));
    if (t->has_test)
        SD_TRY(record_test(t));
    if (best)
        SD_TRY(write_checkpoint(t, SD_BEST, false));
    return write_checkpoint(t, SD_LAST, true);
}

/* After a failure the counters are as before, so that a further call of train does the whole end of the epoch again. */
static sd_status end_epoch(sd_trainer *t, sd_progress_fn *progress, void *user)
{
    bool best = false;
    sd_counters before = t->at;
    t->has_validation = false;
    sd_status status = judge_epoch(t, &best);
    if (status == SD_OK)
        status = write_epoch(t, best);
    if (status != SD_OK) {
        t->at = before;
        return status;
    }
    t->epoch_started = sd__clock();
    t->epoch_samples = 0;
    send_report(t, progress, user);
    return SD_OK;
}

/* ---- training ---------------------------------------------------------------------------------------------------------- */

sd_status sd__trainer_seek(sd_trainer *t)
{
    bool over =
        t->at.index >= t->epoch_steps; /* the epoch's end is still to be dealt with: the next batch is the next epoch's */
    return sd_loader_seek(t->loader, t->at.epoch + over, over ? 0 : t->at.index);
}

static sd_status stop(sd_trainer *t)
{
    atomic_store(&t->cancel, false);
    make_report(t, SD_PROGRESS_STEP, false);
    if (t->folder)
        SD_TRY(sd_trainer_checkpoint(t));
    return sd__fail(SD_ECANCELLED, "training was stopped after step %" PRId64 " of %" PRId64, t->at.step, t->total_steps);
}

static sd_status advance(sd_trainer *t, sd_progress_fn *progress, void *user)
{
    if (atomic_load(&t->cancel))
        return SD_ECANCELLED;
    if (t->at.observed <= t->at.step)
        SD_TRY(sd__observe(t));
    if (t->at.index >= t->epoch_steps || t->at.step >= t->total_steps)
        return end_epoch(t, progress, user);
    SD_TRY(take_step(t));
    send_report(t, progress, user);
    return SD_OK;
}

/* A run never goes without the probes that its file names. */
static sd_status check_probes(const sd_trainer *t)
{
    if (!t->probes.use || t->probes_attached)
        return SD_OK;
    return sd__config_fail_in(
        t->probes.use, sd__fail(SD_EINVAL, "probes are instruments of the library sonde-lab: give sd_probes_attach() in the "
                                           "options or call it before training, or leave the key `probes` out"));
}

sd_status sd_trainer_train(sd_trainer *t, sd_progress_fn *progress, void *user)
{
    SD_TRY(check_probes(t));
    t->started = t->saved = t->epoch_started = sd__clock();
    t->resumed_seconds = t->at.seconds;
    t->epoch_samples = 0;
    SD_TRY(sd__trainer_seek(t));
    while (!t->at.done) {
        sd_status status = advance(t, progress, user);
        if (status == SD_ECANCELLED)
            return stop(t);
        if (status != SD_OK)
            return status;
    }
    sd__best_restore(t);
    t->report.kind = SD_PROGRESS_END;
    send_report(t, progress, user);
    return SD_OK;
}
