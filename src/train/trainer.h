/* trainer.h -- what a trainer holds. */
#ifndef SD_TRAIN_TRAINER_H
#define SD_TRAIN_TRAINER_H

#include <sonde/train.h>
#include <stdatomic.h>

#include "format/config.h"
#include "train/recorder.h"
#include "train/settings.h"

#define SD_NOTE_ROOM 256

/* Where a run stands: all that a checkpoint holds beside vectors. */
typedef struct sd_counters {
    int64_t step;             /* steps taken */
    int64_t observed;         /* what observers saw at all steps before this number is written */
    int64_t epoch, index;     /* next batch to be consumed; index == batches of an epoch: its end is still to be dealt with */
    double loss_sum;          /* over the batches of this epoch */
    int64_t batches, correct; /* batches summed up, and samples of theirs that were classified right */
    bool scored;              /* there is a best score */
    double best;              /* its value */
    int64_t best_epoch;       /* epochs that were finished with it, from 1 */
    int64_t waited;           /* epochs since then */
    bool done;                /* nothing is left to train */
    char note[SD_NOTE_ROOM];  /* why it ended early; "" */
    double seconds;           /* spent in training */
    int64_t metrics_bytes, events_bytes; /* lengths of these files at the time */
} sd_counters;

struct sd_trainer {
    sd_model *model;
    sd_data data; /* parts are shared, normalization belongs to the caller */
    sd_train_options options;
    char *folder;    /* NULL: nothing is written */
    int lock;        /* of the folder; -1: none */
    bool on_test;    /* the validation part is the test part */
    uint64_t config; /* hash of config.yaml as the run was started with it; 0: none */

    sd_optimizer *optimizer;
    sd_loader *loader;
    int64_t epoch_steps, total_steps;
    sd_recorder recorder;
    sd_counters at;
    atomic_bool cancel;

    sd_observer *observer; /* [observers] */
    int observers;
    sd_probes_wish probes; /* of the file */
    bool probes_attached;  /* the observers that it names are there */

    void *grad;             /* like theta */
    void *output;           /* [batch, columns]; NULL without classes */
    void *best;             /* theta, then state, as of the best epoch; NULL until there is one */
    double lr, norm;        /* of the last step */
    double resumed_seconds; /* at.seconds when the present call of train began */
    double started, saved;  /* clock when it began; when `last` was written */
    double epoch_started;
    int64_t epoch_samples; /* since then */

    sd_progress report; /* the last one */
    sd_scores validation, test;
    bool has_validation, has_test;

    /* Of a trainer made from a file: what it owns. */
    sd_config *yaml;
    sd_model *own_model;
    sd_data own_data;
    bool owns;
};

/* The trainer without opening its files: for resuming, which knows their lengths. */
sd_status sd__trainer_make(sd_model *model, const sd_data *data, const sd_train_options *options, sd_trainer **trainer);
/* Opens the run's files anew, or cut back to the lengths in the counters. */
sd_status sd__trainer_open_files(sd_trainer *trainer, bool resume);
/* Takes the folder for its own: SD_EBUSY if another process has it. */
sd_status sd__trainer_take_folder(sd_trainer *trainer, const char *folder);
/* Has the observers look whose turn it is, and writes what they saw; counters then say so. */
sd_status sd__observe(sd_trainer *trainer);
void sd__observers_free(sd_trainer *trainer);
/* Puts the loader where the counters stand. */
sd_status sd__trainer_seek(sd_trainer *trainer);

double sd__clock(void); /* seconds, monotonic */

/* Path of a file in the run folder; NULL without memory (SD_ENOMEM is set). The caller frees. */
char *sd__run_file(const char *folder, const char *name);

/* Keeps the present weights as the best ones; makes those the model's again. */
sd_status sd__best_keep(sd_trainer *trainer);
void sd__best_restore(sd_trainer *trainer);

#endif
