/**
 * @file train.h -- training, judging and using a model in a few calls.
 *
 * From C: make a data set (data.h) and a model (nn.h), then sd_trainer_new(), sd_trainer_train(), sd_model_save(). From a YAML
 * file: sd_trainer_from_file() does the rest. A trainer belongs to one thread; sd_trainer_cancel() may come from anywhere.
 *
 * A step is taken only if its loss and its gradient are finite; otherwise weights, states and moments stay as they were
 * before it. Weights after a run do not depend on threads, prefetching or debug level, nor on how often it was interrupted.
 */
#ifndef SONDE_TRAIN_H
#define SONDE_TRAIN_H

#include <sonde/data.h>
#include <sonde/nn.h>
#include <sonde/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* -- judging and using a model ------------------------------------------------------------------------------------------- */

/** How good a model is on a data set. */
typedef struct sd_scores {
    int64_t samples; /**< how many were looked at */
    double loss;     /**< mean loss */
    double accuracy; /**< fraction of samples whose class is right; NaN without classes */
    double rmse;     /**< root of the mean squared error over all targets; NaN with classes */
    double r2;       /**< 1 - squared error / squared deviation from each target's mean; NaN with classes or constant targets */
    int classes;     /**< number of classes, or 0 */
    int64_t *confusion; /**< [classes, classes] samples by true (row) and predicted (column) class; NULL without classes */
} sd_scores;

/** Frees the matrix and zeroes the struct. */
SD_API void sd_scores_clear(sd_scores *scores);

/**
 * Runs a model in eval mode over a data set and compares with its targets.
 *
 * normalization  that of the training data; NULL: values as they are
 * batch          samples at a time; 0: 256. The result depends on it by rounding alone
 * scores         to be cleared
 * errors         SD_ESHAPE, SD_EINVAL (data and model do not fit), SD_ENOMEM, what the data set's fill returns
 */
SD_API sd_status sd_evaluate(sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, int batch,
                             sd_scores *scores);

/**
 * The model's output for every sample of a data set, whose targets are not looked at.
 *
 * probabilities  true: softmax of the output (for one column: the probabilities of class 0 and class 1; of a single class: 1)
 * output         [samples, columns], columns = sd_predict_columns()
 */
SD_API sd_status sd_predict(sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, bool probabilities,
                            double *output);

/** Numbers that sd_predict() gives for a sample. */
SD_API int64_t sd_predict_columns(const sd_model *model, bool probabilities);

/* -- models in files ----------------------------------------------------------------------------------------------------- */

/**
 * Writes weights and states by name, and how inputs are normalised (NULL: not), to a safetensors file (format.h).
 *
 * errors  SD_EIO (the former file then is as it was), SD_ENOMEM
 */
SD_API sd_status sd_model_save(sd_model *model, const char *path, const sd_normalization *normalization);

/**
 * Reads weights and states by name from a file that sd_model_save(), a run, or another program wrote.
 *
 * path           a safetensors file, or a run folder: its best, else its last checkpoint
 * n, layers      n = 0: everything; else only these layers, blocks or slices, by name, as for freezing
 * normalization  receives what the file says (to be cleared); NULL: not wanted
 * errors         SD_ENOTFOUND; SD_EFORMAT (damaged); SD_ESHAPE (names the slice and both shapes); the model is then unchanged
 */
SD_API sd_status sd_model_load(sd_model *model, const char *path, int n, const char *const *layers,
                               sd_normalization *normalization);

/** Hash of all weights and states, bit for bit: equal hashes are equal models. */
SD_API uint64_t sd_model_hash(sd_model *model);

/* -- training ------------------------------------------------------------------------------------------------------------ */

/** Which number of the validation part decides what is best and when to stop. */
typedef enum sd_monitor {
    SD_MONITOR_LOSS,    /**< smaller is better */
    SD_MONITOR_ACCURACY /**< larger is better; of real targets: R^2 */
} sd_monitor;

/** How to train. Zero what is not used. */
typedef struct sd_train_options {
    sd_optimizer_spec optimizer; /**< sgd with a rate of 0: the defaults of sgd */
    sd_schedule schedule;        /**< all zero: constant */
    int64_t epochs;              /**< 0: 1 */
    int64_t steps;               /**< stop after so many, whatever epochs says; 0: no limit */
    int batch;                   /**< 0: 64; the incomplete last batch of an epoch is dropped */
    int eval_batch;              /**< 0: 256 */
    uint64_t seed;               /**< of the order of samples */
    bool no_prefetch;            /**< make batches on the calling thread */
    int64_t patience;            /**< stop after so many epochs without a better validation score; 0: never */
    double min_delta;            /**< a score must be better by more than this to count */
    sd_monitor monitor;          /**< what is compared */
    int64_t log_steps;           /**< steps between two lines of metrics; 0: 50 */
    const char *folder;          /**< of the run: metrics, events, checkpoints go there; must exist. NULL: nothing is written */
    int64_t checkpoint_steps;    /**< write `last` after so many steps, too; 0: at the end of epochs, and by time */
    double checkpoint_seconds;   /**< write `last` after so many seconds, too; 0: 60 */
} sd_train_options;

/** What a progress report is about. */
typedef enum sd_progress_kind {
    SD_PROGRESS_STEP,  /**< a step was taken */
    SD_PROGRESS_EPOCH, /**< an epoch ended, and the validation part was looked at */
    SD_PROGRESS_END    /**< training ended: all epochs, all steps, or early */
} sd_progress_kind;

/** Where training stands. */
typedef struct sd_progress {
    sd_progress_kind kind;       /**< what happened */
    int64_t step, steps;         /**< steps taken, steps planned */
    int64_t epoch, epochs;       /**< epoch from 1, epochs planned */
    double loss;                 /**< training loss: mean over the epoch so far */
    double accuracy;             /**< training accuracy over the epoch so far; NaN without classes */
    const sd_scores *validation; /**< at the end of an epoch, where there is a validation part; else NULL */
    bool best;                   /**< this epoch's validation score is the best so far */
    double lr, grad_norm;        /**< of the last step */
    double seconds;              /**< spent in training so far, earlier parts of a resumed run included */
    double samples_per_second;   /**< over the epoch so far */
    const char *note;            /**< why training ended early, else NULL */
} sd_progress;

/** Receives every report; false ends training as sd_trainer_cancel() does. */
typedef bool sd_progress_fn(void *user, const sd_progress *progress);

/** Training of one model on one data set. */
typedef struct sd_trainer sd_trainer;

/**
 * Makes a trainer of the caller's model and data, both of which must outlive it.
 *
 * errors  SD_EINVAL (no training part, or numbers out of range), SD_ESHAPE (data does not fit the model), SD_EBUSY (the folder
 *         is in use), SD_EIO, SD_ENOMEM
 */
SD_API sd_status sd_trainer_new(sd_model *model, const sd_data *data, const sd_train_options *options, sd_trainer **trainer);

/* -- looking on during training ------------------------------------------------------------------------------------------ */

/** What an observer sees. Nothing of it may be changed; it lives as long as the call. */
typedef struct sd_observation {
    sd_model *model;                 /**< may be run in both modes, not committed */
    const sd_data *data;             /**< all parts */
    const sd_train_options *options; /**< how the run trains */
    int64_t step;                    /**< steps taken; 0: the untrained model */
    int64_t epoch;                   /**< from 1 */
    double lr;                       /**< learning rate of the step to come */
    struct sd_observed *observed;    /**< where sd_observation_add() puts numbers */
} sd_observation;

/**
 * Adds a number to the line of this step: "OBSERVER/NAME" in metrics.jsonl, "probe/OBSERVER/NAME" in TensorBoard.
 *
 * name    what it is, with '/' between layer and quantity; NULL: the observer's name alone
 * value   not finite: null in metrics.jsonl, left out of TensorBoard
 * errors  SD_ENOMEM
 */
SD_API sd_status sd_observation_add(const sd_observation *seen, const char *name, double value);

/**
 * Looks at the model between two steps. A status other than SD_OK ends training with it, and the step is observed again later.
 */
typedef sd_status sd_observe_fn(void *user, const sd_observation *seen);

/** Who looks on. */
typedef struct sd_observer {
    const char *name;            /**< begins the names of its numbers; copied */
    int64_t every;               /**< looks at steps 0, every, 2 * every, ... */
    sd_observe_fn *observe;      /**< its numbers must follow from what it sees alone */
    void *user;                  /**< passed to observe */
    void (*release)(void *user); /**< called once when the trainer is freed, or when attaching fails; NULL: nothing */
} sd_observer;

/**
 * Has an observer look on, before or between calls of sd_trainer_train(); a resumed trainer needs it anew.
 *
 * It is called on the training thread after a step was committed. What it adds is one line {"event": "probe", "step": ..} of
 * metrics.jsonl, written exactly once however often the run is interrupted. The run keeps its bits: the model is compared
 * before and after, and the caller's rounding mode restored.
 *
 * errors  SD_EINVAL (no name, every below 1, a name that is taken), SD_ENOMEM
 */
SD_API sd_status sd_trainer_observe(sd_trainer *trainer, const sd_observer *observer);

/* -- runs from files ----------------------------------------------------------------------------------------------------- */

/** Attaches the observers that the key `probes` of a run's file names; SD_OK where there is no such key. */
typedef sd_status sd_attach_fn(sd_trainer *trainer);

/** What a run takes beside its YAML file. Zero what is not used. */
typedef struct sd_run_options {
    const char *const *set;   /**< [sets] changes, "train.epochs=3" */
    int sets;                 /**< number of them */
    const char *folder;       /**< run folder to make; NULL: the next free runs/NAME-NNN, to which runs/last then points */
    bool no_folder;           /**< write nothing at all */
    const char *data_dir;     /**< searched first for data sets */
    sd_dataset *train, *test; /**< data of the caller's in place of the file's source (shared); test may be NULL */
    sd_attach_fn *probes;     /**< sd_probes_attach() of probe.h; NULL: attached later, or the file has no key `probes` */
} sd_run_options;

/**
 * Makes model, data, optimizer and trainer of a YAML file, and the run folder. options may be NULL. errors with "FILE:LINE: ".
 */
SD_API sd_status sd_trainer_from_file(sd_context *context, const char *path, const sd_run_options *options,
                                      sd_trainer **trainer);

/**
 * Makes the trainer that goes on where the run's last checkpoint stands; folder and no_folder of the options are not read.
 *
 * errors  SD_EBUSY (the run is still going on); SD_EFORMAT (checkpoint damaged, configuration or data changed since)
 */
SD_API sd_status sd_trainer_resume(sd_context *context, const char *folder, const sd_run_options *options,
                                   sd_trainer **trainer);

/** Frees the trainer, and what sd_trainer_from_file() made for it. NULL is allowed. */
SD_API void sd_trainer_free(sd_trainer *trainer);

/**
 * Trains to the end. With a validation part, the model then holds the weights of its best epoch, else the last.
 *
 * progress  NULL: no reports
 * errors    SD_ECANCELLED (after a checkpoint, if there is a folder; calling again goes on); SD_ENONFINITE: the message names
 *           the step, layer, operation and samples, and the state before that step is in FOLDER/blackbox; SD_EINVAL (the file
 *           asks for probes, and nobody attached them), SD_EIO, SD_ENOMEM, what an observer returns
 */
SD_API sd_status sd_trainer_train(sd_trainer *trainer, sd_progress_fn *progress, void *user);

/** Asks training to stop after the step under way. May be called by other threads and by signal handlers. */
SD_API void sd_trainer_cancel(sd_trainer *trainer);

/** Writes FOLDER/checkpoints/last.safetensors now. errors SD_EINVAL (no folder), SD_EIO (the former one is then as it was). */
SD_API sd_status sd_trainer_checkpoint(sd_trainer *trainer);

/** The model under training. */
SD_API sd_model *sd_trainer_model(sd_trainer *trainer);

/** The data under training. */
SD_API const sd_data *sd_trainer_data(const sd_trainer *trainer);

/** The run folder, or NULL. */
SD_API const char *sd_trainer_folder(const sd_trainer *trainer);

/** True if the results were selected on the test part (validation: test). */
SD_API bool sd_trainer_selected_on_test(const sd_trainer *trainer);

/** Scores of the test part, read once when training ended, or NULL: not ended, or there is no test part. */
SD_API const sd_scores *sd_trainer_test(const sd_trainer *trainer);

/** Where training stands; pointers in it live until the next call on this trainer. */
SD_API sd_progress sd_trainer_progress(const sd_trainer *trainer);

/* -- finished runs ------------------------------------------------------------------------------------------------------- */

/** A model with what it takes to use it: from a run folder or checkpoint. */
typedef struct sd_trained {
    sd_model *model;                /**< with its weights */
    sd_normalization normalization; /**< of its inputs */
    int classes;                    /**< number of names, or 0 */
    char **class_names;             /**< [classes], or NULL: the numbers are the names */
    char *checkpoint;               /**< path of the file that was read */
    int64_t epoch, step;            /**< when it was written */
    bool selected_on_test;          /**< the run's validation part was the test part */
} sd_trained;

/**
 * Opens the model of a run.
 *
 * path    a run folder (its best checkpoint, else its last), or a checkpoint inside one
 * errors  SD_ENOTFOUND, SD_EFORMAT, SD_EIO, SD_ENOMEM
 */
SD_API sd_status sd_trained_open(sd_context *context, const char *path, sd_trained *trained);

/** Frees all of it and zeroes the struct. */
SD_API void sd_trained_close(sd_trained *trained);

#ifdef __cplusplus
}
#endif
#endif
