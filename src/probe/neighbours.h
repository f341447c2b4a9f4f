/* neighbours.h -- the cells of a slice, and which of them make one affine region. */
#ifndef SD_PROBE_NEIGHBOURS_H
#define SD_PROBE_NEIGHBOURS_H

#include "probe/explore.h"

/* What a slice consists of, in the order of the search. */
typedef struct sd_slice_cells {
    const sd_explorer *explorer;
    sd_polygon *polygon;
    int64_t *first; /* corner of each polygon */
    int64_t polygons, room, most;
    double *corner; /* [corners][2] */
    int64_t *cut;   /* [corners] */
    int64_t corners, corner_room;
    double *map; /* [polygons][3][outputs] */
    double area;
} sd_slice_cells;

/* Gives every polygon the number of its region and a colour that no neighbouring region has, as far as six colours go. */
sd_status sd__find_regions(sd_slice_cells *cells, const double window[4], int64_t *regions);

#endif
