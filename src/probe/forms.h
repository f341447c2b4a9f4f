/*
 * forms.h -- every value of a network as an affine function of d coordinates, kept up to date while units change their choice.
 *
 * A *form* is d + 1 numbers: the value at the origin, then the change with each coordinate. Changes are passed on from step to
 * step, so a unit that switches costs what hangs on it, not a pass through the network. Each change adds a rounding error of
 * about 1e-16 of the values, which is why whoever compares forms leaves 1e-11 of them.
 */
#ifndef SD_PROBE_FORMS_H
#define SD_PROBE_FORMS_H

#include "probe/piecewise.h"

enum { SD_MOST_DIMS = 6, SD_MOST_PLANES = SD_MOST_DIMS + 1 };

/* c[0] + sum_k c[k] x_k */
typedef struct sd_form {
    double c[SD_MOST_PLANES];
} sd_form;

typedef struct sd_forms_step {
    double *form;   /* [planes][n]; NULL where nobody looks */
    double *change; /* [planes][n] not yet passed on */
    bool *marked;   /* [blocks] that hold a change; of a kink before sd__forms_emit(), whose result may have changed */
    int64_t *list;  /* [listed] those blocks */
    int64_t listed, blocks;
} sd_forms_step;

typedef struct sd_forms {
    const sd_piecewise *net;
    sd_arena arena;
    int planes;
    sd_forms_step *step; /* [steps] */
    int32_t *choice;     /* [units] */
    uint64_t pattern;    /* hash of all choices */
    double *room;        /* [planes][largest operand] */
} sd_forms;

/* dims coordinates, 0 (numbers only) to SD_MOST_DIMS. To be freed; NULL is allowed. */
sd_status sd__forms_new(const sd_piecewise *net, int dims, sd_forms **forms);
void sd__forms_free(sd_forms *forms);

/* Input = origin + sum_k x_k axis[k]; every choice is 0. axis: [dims][inputs]. */
void sd__forms_start(sd_forms *forms, const double *origin, const double *axis);

/* A linear step takes its changes over and passes them on. */
void sd__forms_settle(sd_forms *forms, int step);

/* A unit of a kink chooses; sd__forms_emit() passes on what all its choices make of the operands. */
void sd__forms_choose(sd_forms *forms, int step, int64_t unit, int32_t choice);
void sd__forms_emit(sd_forms *forms, int step);

/* A number for (unit, choice) that looks random; choice 0 counts nothing. A pattern's hash is the sum over all units. */
uint64_t sd__pattern_key(int64_t unit, int32_t choice);

/* The form of an element of a step whose forms are kept. */
sd_form sd__forms_get(const sd_forms *forms, int step, int64_t element);

/* Candidates of a unit, and by how much candidate i is ahead of candidate j. Of a SD_SIGN unit 0 is zero, 1 its operand. */
int sd__candidates(const sd_piece *step, int64_t unit);
sd_form sd__forms_lead(const sd_forms *forms, int step, int64_t unit, int i, int j);

/* Elements [begin,end) of the step's change were added to. */
void sd__forms_mark(sd_forms *forms, int step, int64_t begin, int64_t end);

#endif
