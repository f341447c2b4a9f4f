/* record.h -- the inside of sd_lab: what an experiment was asked for and what it has recorded, as the JSON of its result. */
#ifndef SD_LAB_RECORD_H
#define SD_LAB_RECORD_H

#include <jansson.h>

#include "lab/claim.h"

typedef struct sd_lab_options {
    bool full;
    int seeds;     /* repetitions; 0: what the claim foresees */
    uint64_t seed; /* from which all random streams are derived */
} sd_lab_options;

struct sd_lab {
    sd_context *context;
    const sd_claim *claim;
    sd_lab_options options;
    int repeats; /* the largest number that the experiment asked for */
    sd_verdict verdict[SD_CLAIM_PARTS];
    char *reason[SD_CLAIM_PARTS]; /* NULL: not judged */
    json_t *measurements, *figures, *notes;
    uint64_t *streams; /* keys handed out */
    size_t n_streams, room;
    char *blame; /* why the result is void; NULL: it is not */
    bool failed; /* memory ran out */
};

sd_status sd__lab_begin(sd_context *context, const sd_claim *claim, const sd_lab_options *options, sd_lab *lab);
void sd__lab_clear(sd_lab *lab);

/* All parts NOT DECIDED, for this reason. The first call counts. */
void sd__lab_void(sd_lab *lab, const char *format, ...) SD_PRINTF(2, 3);

/* "CONFIRMED", or "a CONFIRMED, b REFUTED" where the parts differ. */
void sd__lab_headline(const sd_lab *lab, sd_string *text);

/* The parts, measurements, figures and notes; NULL without memory. */
json_t *sd__lab_result(const sd_lab *lab);

#endif
