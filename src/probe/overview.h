/*
 * overview.h -- page one of a report: how good a run is beside simpler models, whether it over- or underfits, what is odd about
 * its data, and three things to try; and what is folded below it.
 */
#ifndef SD_PROBE_OVERVIEW_H
#define SD_PROBE_OVERVIEW_H

#include "probe/contenders.h"
#include "probe/evidence.h"
#include "probe/instrument.h"

/*
 * Records page one (tables "overview" and "scores"), and into `folded` the figures, tables and pictures that belong to it.
 * Looks at the test part; where there is none at the validation part, else at the training part.
 *
 * sections  array of the sections of instruments that were run before, as sd__examine() makes them, or of {"instrument",
 *           "title", "reason"} where one could not be; NULL: none. From "signal" the facts units, dead_units, saturated_units
 *           and idle_layers are taken
 * errors    SD_ENOMEM, SD_ESHAPE, those of reading. Weights that are not finite, a control that cannot be run, what is not
 *           there: sentences
 */
sd_status sd__overview(const sd_examination *e, const json_t *sections, sd_section *page_one, sd_section *folded);

/* ---- its parts, on their own --------------------------------------------------------------------------------------------- */

enum { SD_ADVICE = 3 };

/* All that page one rests on. A count of -1 and a NaN: not measured. */
typedef struct sd_findings {
    bool classes, held_out, selected_on_test;
    const char *part;    /* that is judged: "test", "validation", "train" */
    int64_t step, epoch; /* of training; step 0: untrained */
    bool unchanged;      /* weights and states are, but for rounding, those before training */
    char broken[192];    /* why nothing could be judged; "": it could */
    bool not_finite;     /* that is the reason */
    char only_class[64]; /* the name of the only class that occurs in the training part; "": there are more */
    double lr, weight_decay;
    sd_contender contender[SD_CONTENDERS];
    int64_t train_judged;
    sd_interval train_score; /* as a contender's, on training samples */
    double train_rmse;
    sd_interval gap; /* how much better on training samples than on those held out: share right, or mean squared error */
    int64_t units, dead, saturated, idle;
    int64_t untrained_dead, untrained_saturated; /* of the control */
    char idle_names[160];
    sd_reliability reliability;     /* error NaN: not measured */
    bool other_loss;                /* the network was not trained by the likelihood of its probabilities */
    int64_t suspects, suspected_of; /* among the samples judged */
    int64_t train_suspects, train_suspected_of;
    int64_t twins, contradictions, twins_of; /* of the whole part that is judged */
    int64_t epochs, best_epoch;      /* of the log; 0: no log. best: with the least validation loss; 0: none was logged */
    double last_loss, previous_loss; /* training loss of the last two epochs of the log */
    double validation_loss, best_validation_loss; /* of the last epoch of the log, and the least */
} sd_findings;

/* A thing to try, and the rule that led to it. */
typedef struct sd_advice {
    const char *rule; /* "duplicates" */
    char text[400];   /* sentences, with the number that it is tied to */
} sd_advice;

/* The first SD_ADVICE rules that hold, the most urgent first; returns how many. */
int sd__advise(const sd_findings *findings, sd_advice advice[SD_ADVICE]);

/* Whether one rule holds: "duplicates", ...; also false if there is no such rule. */
bool sd__rule_holds(const sd_findings *findings, const char *rule);

/* Is the network as it was before training? */
bool sd__learned_nothing(const sd_findings *findings);

/* Is the network better on training samples than chance lets it be? Is a simpler model better on new samples than it on
 * training samples? */
bool sd__overfits(const sd_findings *findings);
bool sd__underfits(const sd_findings *findings);

/* Is the network good enough for its doubts of labels to mean something: better than a constant, not worse than a simpler
 * model? */
bool sd__can_doubt(const sd_findings *findings);

#endif
