/*
 * instrument.h -- what an instrument is to the command, the report and the trainer: a row of a table.
 *
 * instruments.def lists them; each is one file of src/probe/ with a public function (sonde/probe.h), and a `const
 * sd_instrument` whose `examine` calls it for the run and for its control and writes down what it found (section.h).
 * `sonde probe NAME`, its options and help, `--json`, the page of `--html` and the scalars of `probes:` during
 * training follow from the row.
 */
#ifndef SD_PROBE_INSTRUMENT_H
#define SD_PROBE_INSTRUMENT_H

#include <sonde/probe.h>
#include <sonde/train.h>

#include "probe/section.h"

enum { SD_KNOBS = 12 };

/* An option of an instrument: a switch, one of several words, a name, or a whole number. */
typedef struct sd_knob {
    const char *name;  /* "pairs"; on the command line --pairs */
    const char *value; /* what follows, "K"; NULL: a switch, whose number is 0 or 1 */
    const char *doc;   /* a few words, the default among them */
    int64_t low, high; /* of a number; both 0: the value is a word or a name */
    int64_t otherwise, in_quick,
        in_full;             /* number (or index of the word) of `sonde probe`, of the quick and of the full report */
    const char *const *word; /* [words] what may be given; the number is its index. NULL: any name */
    int words;
} sd_knob;

/* How thorough: numbers of knobs that are not given. */
typedef enum sd_effort { SD_EFFORT_PROBE, SD_EFFORT_QUICK, SD_EFFORT_FULL } sd_effort;

/* What an instrument looks at: a run, opened, and its untrained twin. */
typedef struct sd_examination {
    sd_trained trained;
    sd_data data;                /* all parts */
    const char *part;            /* of the data that run and untrained look at: "train", "validation", "test" */
    sd_optimizer_spec optimizer; /* of the run's configuration */
    sd_subject run;              /* the run's weights on the part */
    sd_subject untrained;        /* the control: the same with weights and states as they were before training */
    void *theta, *state;         /* the twin's; belong to the examination */
    sd_effort effort;
    uint64_t seed;                          /* of whatever an instrument draws */
    const struct sd_instrument *instrument; /* whose knobs these are */
    const char *given[SD_KNOBS];            /* values as text, NULL: not given; a switch that is on: "" */
} sd_examination;

/* Numbers during training. */
typedef struct sd_scalars {
    int n;
    struct {
        char name[64]; /* behind the tracker's name: "conv1/deviation"; that name itself: the only number */
        double value;
    } item[256]; /* what is too many is dropped, and counted */
    int dropped;
} sd_scalars;

void sd__scalars_add(sd_scalars *scalars, double value, const char *name, ...) SD_PRINTF(3, 4);

typedef struct sd_instrument {
    const char *name;     /* "curvature" */
    const char *doc;      /* one line, for lists */
    const char *title;    /* of its section */
    const char *question; /* what it asks of the network */
    const char *opposite; /* what would have meant the opposite, and what it cannot tell */
    sd_knob knob[SD_KNOBS];

    /*
     * Measures and records. A status is a reason why it cannot be measured, as a sentence: SD_EINVAL where it does not apply.
     */
    sd_status (*examine)(const sd_examination *e, sd_section *section);

    int cost;             /* of a quick report of LeNet it takes about so many hundredths: for guesses of what is left */
    int64_t most_samples; /* a report gives it no more; 0: all that it has */

    /* What `probes: {use: [...]}` calls it ("sharpness"); NULL: it is too slow to be used during training. */
    const char *track_name;
    /* A few numbers of the subject as it is now, for metrics.jsonl and TensorBoard. Changes nothing. */
    sd_status (*track)(const sd_subject *subject, sd_scalars *scalars);
} sd_instrument;

const sd_instrument *const *sd__instruments(int *count);

/* errors SD_ENOTFOUND, with the nearest name */
sd_status sd__instrument_find(const char *name, const sd_instrument **instrument);

/* ---- examinations -------------------------------------------------------------------------------------------------------- */

typedef struct sd_examination_options {
    const char *data_dir; /* searched first for data sets */
    const char *part;     /* NULL: "train" */
    int64_t samples;      /* 0: 1000 */
    int batch;            /* 0: 256 */
    bool training;        /* batch norm by each batch's statistics, dropout on */
    sd_effort effort;
    uint64_t seed;
} sd_examination_options;

/* Opens model, data, optimizer and twin of a run. To be closed, also after an error. errors SD_ENOTFOUND, SD_EFORMAT, ... */
sd_status sd__examination_open(sd_context *context, const char *run, const sd_examination_options *options, sd_examination *e);
void sd__examination_close(sd_examination *e);

/* Are the run's weights and states, but for rounding, those before training? */
bool sd__is_untrained(const sd_examination *e);

/*
 * Samples that training has not seen: the test part; without one, the validation part, unless that is
 * what is looked at. Or NULL.
 */
const sd_dataset *sd__judged_on(const sd_examination *e, const char **name);

/* Sets a knob of e->instrument from text. errors SD_EINVAL: what is wanted instead */
sd_status sd__examination_set(sd_examination *e, const char *knob, const char *text);

/* The number of a knob (index of its word; 0 or 1 of a switch). */
int64_t sd__knob(const sd_examination *e, const char *name);
/* The text of a knob, or NULL if it was not given. */
const char *sd__knob_text(const sd_examination *e, const char *name);

/*
 * Runs the instrument: {"instrument", "title", "question", "opposite", "facts", "found"}, to be dropped. The facts that all
 * share (part, samples, batch norm, dropout, dtype, weight decay) are in it. errors what examine returns
 */
sd_status sd__examine(const sd_examination *e, json_t **section);

#endif
