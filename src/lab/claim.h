/*
 * claim.h -- what a claim of the lectures is to the laboratory: its words and its theory as data, and one function that experiments.
 *
 * The function gets a `sd_lab`, asks it for random streams and numbers of repetitions, and records measurements, figures and a verdict
 * for each part. Verdicts come from rules that theory gives; what an experiment cannot settle stays SD_NOT_DECIDED. Recording never
 * fails visibly: without memory the result is void, and the runner says so.
 */
#ifndef SD_LAB_CLAIM_H
#define SD_LAB_CLAIM_H

#include <sonde/statistics.h>

#include "base/base.h"
#include "base/philox.h"
#include "probe/figure_json.h"

/* What sort of statement it is: a theorem checked a thousand times is not the same evidence as a trend over five seeds. */
typedef enum sd_claim_kind {
    SD_THEOREM,
    SD_CONSTRUCTION,
    SD_ARITHMETIC,
    SD_MEASUREMENT,
    SD_OPINION,
    SD_CLAIM_KINDS
} sd_claim_kind;

/* The question it speaks to: why deep learning works well, why better than other models, why at all. */
typedef enum sd_question { SD_WHY_WELL, SD_WHY_BETTER, SD_WHY_AT_ALL, SD_QUESTIONS } sd_question;

typedef enum sd_verdict { SD_NOT_DECIDED, SD_CONFIRMED, SD_REFUTED, SD_VERDICTS } sd_verdict;

enum { SD_CLAIM_PARTS = 6, SD_SLIDE_ERRORS = 4, SD_LECTURES = 5 };

/* One statement that gets its own verdict. */
typedef struct sd_claim_part {
    const char *id;        /* "a" */
    const char *statement; /* what is judged */
    const char *rule;      /* how, so that the verdict follows from the measurements */
    sd_verdict expected;   /* what the catalogue foresees */
} sd_claim_part;

/* An error of the slide, both versions. */
typedef struct sd_slide_error {
    const char *id; /* "E04" */
    const char *printed, *correct;
    const char *part; /* the part whose measurement shows it */
} sd_slide_error;

typedef struct sd_lab sd_lab;

typedef struct sd_claim {
    const char *id;       /* "C01" */
    const char *title;    /* a few words */
    const char *text;     /* the claim, in plain words */
    const char *lecture;  /* "D1"; several: "D0 D2" */
    const char *slide;    /* title of the slide */
    const char *theory;   /* the derivation in a few lines */
    const char *protocol; /* what is run */
    const char *caution;  /* what to keep in mind when reading the result; NULL: nothing */
    sd_claim_kind kind;
    sd_question question;
    bool alone; /* it measures time: nothing runs beside it */
    sd_claim_part part[SD_CLAIM_PARTS];
    sd_slide_error error[SD_SLIDE_ERRORS];
    sd_status (*run)(sd_lab *lab);
} sd_claim;

const char *sd__claim_kind_name(sd_claim_kind kind); /* "theorem" */
const char *sd__question_name(sd_question question); /* "why well" */
const char *sd__verdict_name(sd_verdict verdict);    /* "NOT DECIDED" */
const char *sd__lecture_name(const char *lecture);   /* "D1" -> "Mishkin 2019" */
extern const char *const sd__lectures[SD_LECTURES];  /* "D0", ... */
int sd__claim_parts(const sd_claim *claim);          /* number of parts */

/* ---- the catalogue: claims.def lists NAME of each src/lab/claims/NAME.c, in the order of ids ------------------------------------ */

typedef struct sd_catalogue_entry {
    const sd_claim *claim;
    const char *file; /* "src/lab/claims/c01_mistake_bound.c" */
} sd_catalogue_entry;

const sd_catalogue_entry *sd__catalogue(int *count);
const sd_catalogue_entry *sd__catalogue_find(const char *id); /* NULL: not there */

/* ---- for experiments: what the run was asked for ------------------------------------------------------------------------------ */

sd_context *sd__lab_context(const sd_lab *lab);
bool sd__lab_full(const sd_lab *lab);

/* Number of repetitions: what --seeds said, else `quick` or `full`. */
int sd__lab_repeats(const sd_lab *lab, int quick, int full);

/*
 * The random stream of one repetition of one purpose. Asking twice for the same stream voids the result: repetitions that are copies
 * of each other would make every interval too narrow.
 */
sd_random sd__lab_random(sd_lab *lab, const char *purpose, int repetition);

/* The same as a seed, for sd_model_init() and the like. */
uint64_t sd__lab_seed(sd_lab *lab, const char *purpose, int repetition);

/* Confidence of each of n intervals that hold together with 95 % (Bonferroni). */
double sd__lab_confidence(int n);

/* ---- for experiments: what came out --------------------------------------------------------------------------------------------- */

/* A measurement with its interval beside theory's number (NAN: theory gives none). part NULL: context only. */
void sd__lab_measure(sd_lab *lab, const char *part, sd_interval measured, double theory, const char *name, ...) SD_PRINTF(5, 6);

/* A number that is exact, or has no interval. */
void sd__lab_number(sd_lab *lab, const char *part, double value, double theory, const char *name, ...) SD_PRINTF(5, 6);

/* A sentence about what the run showed. */
void sd__lab_note(sd_lab *lab, const char *format, ...) SD_PRINTF(2, 3);

/* The verdict of a part, with the sentence that says why. */
void sd__lab_judge(sd_lab *lab, const char *part, sd_verdict verdict, const char *format, ...) SD_PRINTF(4, 5);

/* ---- figures: theory is a line, a measurement is points with error bars ----------------------------------------------------------- */

/* Begins a figure; series and points belong to the one begun last. */
void sd__lab_figure(sd_lab *lab, const char *caption, const char *x_label, const char *y_label, bool log_x, bool log_y);
void sd__lab_series(sd_lab *lab, const char *name, sd_series_style style);
void sd__lab_point(sd_lab *lab, double x, double y);
void sd__lab_point_interval(sd_lab *lab, double x, sd_interval y);
/* A series that is one straight line, from (x0,y0) to (x1,y1). */
void sd__lab_line(sd_lab *lab, const char *name, sd_series_style style, double x0, double y0, double x1, double y1);
/* Names the place x on an axis of categories (bars). */
void sd__lab_tick(sd_lab *lab, double x, const char *label);

/* ---- rules -------------------------------------------------------------------------------------------------------------------------- */

/* CONFIRMED if the whole interval is at most `bound`, REFUTED if it is wholly above, else NOT DECIDED. */
sd_verdict sd__rule_at_most(sd_interval measured, double bound);
sd_verdict sd__rule_at_least(sd_interval measured, double bound);

/* CONFIRMED if the whole interval lies above `bound`, REFUTED if wholly below, else NOT DECIDED: no change at all is no gain. */
sd_verdict sd__rule_above(sd_interval measured, double bound);

/* REFUTED if the interval excludes `theory`; CONFIRMED if it includes it and stays within +- margin of it; else NOT DECIDED. */
sd_verdict sd__rule_equals(sd_interval measured, double theory, double margin);

/*
 * For a theory that holds in a limit: CONFIRMED if the whole interval lies within +- margin of it, REFUTED if it lies wholly outside, else
 * NOT DECIDED. Unlike the rule before, it does not refute a theory for being off by less than anyone cares about.
 */
sd_verdict sd__rule_within(sd_interval measured, double theory, double margin);

/* CONFIRMED or REFUTED by a fact that has no uncertainty. */
sd_verdict sd__rule_fact(bool holds);

/* Both: REFUTED if one is refuted, CONFIRMED if both are confirmed. */
sd_verdict sd__rule_both(sd_verdict a, sd_verdict b);

/* The verdict on the opposite of a statement. */
sd_verdict sd__rule_not(sd_verdict a);

/* For a rule that can confirm, or whose failure says nothing: CONFIRMED or NOT DECIDED. */
sd_verdict sd__rule_shown(bool holds);

#endif
