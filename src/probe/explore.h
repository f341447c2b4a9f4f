/*
 * explore.h -- every activation pattern of a network over a box in its input space, each with its cell, by
 * cutting kink after kink.
 *
 * A cell goes down the network. At each kink a unit whose border runs through the cell cuts it, and the parts go on one after
 * the other; a cell that has passed the last kink lies in one pattern. Nothing is sampled, so nothing can be missed but what is
 * thinner than rounding: a form below 1e-11 of what the kink's operand reaches in the box counts as 0.
 */
#ifndef SD_PROBE_EXPLORE_H
#define SD_PROBE_EXPLORE_H

#include "probe/cell.h"

/* Sees a cell, with the forms and choices that hold in it. SD_ECANCELLED ends the search, and is what it returns. */
typedef sd_status sd_visit_cell(void *user, const sd_forms *forms, const sd_cells *cells, const sd_cell *cell);

/* Along a line: from where to where a block of units keeps its choices, while its operands stay as they are. */
typedef struct sd_stay {
    double from, to; /* from > to: not known */
} sd_stay;

typedef struct sd_explorer {
    const sd_piecewise *net;
    sd_forms *forms;
    sd_cells cells;
    double *tolerance; /* [steps] below which a kink's operand is 0 */
    sd_stay *stay;     /* [blocks] of all steps */
    int64_t blocks;
    int64_t *first; /* [steps] block of a step */
    double size;    /* the largest |output| at the points where the tolerances were taken */
    int64_t cuts;   /* so far; the number of the next one */
    sd_visit_cell *visit;
    void *user;
} sd_explorer;

/* For boxes of dims dimensions, 0 to SD_MOST_DIMS. */
sd_status sd__explorer_new(const sd_piecewise *net, int dims, sd_explorer *explorer);
void sd__explorer_free(sd_explorer *explorer);

/*
 * Input = origin + sum_k x_k axis[k] for lo <= x <= hi; more than two dimensions may be infinite. In one dimension cells come
 * in the order of x. The output's largest values (.size) come from corners and centre.
 */
sd_status sd__explore(sd_explorer *explorer, const double *origin, const double *axis, const double *lo, const double *hi,
                      sd_visit_cell *visit, void *user);

/* The outputs at one input, by the same steps. output: [outputs] */
sd_status sd__outputs_at(sd_explorer *explorer, const double *input, double *output);

#endif
