/*
 * cell.h -- the convex pieces into which hyperplanes cut an interval, a polygon, or a polytope of up to six dimensions.
 *
 * In one and two dimensions a cell is the list of its corners, and cutting clips it. Above that it is a list of half-spaces,
 * and whether a hyperplane meets it is a linear program. Cells lie on a stack: what was cut last is dropped first.
 */
#ifndef SD_PROBE_CELL_H
#define SD_PROBE_CELL_H

#include "probe/forms.h"

/* A corner (at.c[0..dims)) with the edge from it to the next one, or a half-space where the form `at` is not negative. */
typedef struct sd_corner {
    sd_form at;
    int64_t edge; /* number of the cut that made the edge, times 2, plus 1 on its positive side; below 0: the domain's border */
} sd_corner;

typedef struct sd_cell {
    int64_t first; /* in the stack */
    int count;
    double centre[SD_MOST_DIMS]; /* an inner point */
    double half[SD_MOST_DIMS];   /* no corner is farther from it along an axis; inf for polytopes */
} sd_cell;

typedef struct sd_cells {
    int dims;
    sd_corner *corner; /* [count] */
    int64_t count, capacity;
} sd_cells;

/*
 * On which sides of the hyperplane form = 0 the cell has a part whose values exceed `tolerance`: bits; 0:
 * the form is 0 all over it.
 */
enum { SD_POSITIVE = 1, SD_NEGATIVE = 2 };
sd_status sd__cell_sides(const sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance, int *sides);

/* Puts the part where form >= 0 on the stack; there must be one. `edge` names the new border; part is not cell. */
sd_status sd__cell_cut(sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance, int64_t edge,
                       sd_cell *part);

/* The box lo <= x <= hi, by corners (1 or 2 dimensions) or half-spaces (infinite ends are left out); with lo = hi, a point. */
sd_status sd__cell_box(sd_cells *cells, const double *lo, const double *hi, sd_cell *cell);

/* The value of a form at a point. */
double sd__form_at(const sd_form *form, int dims, const double *x);

void sd__cells_free(sd_cells *cells);

#endif
