/*
 * neighbours.c -- which cells of a slice are neighbours, which of these make one affine region, and colours for a map of them.
 *
 * Every cut has a number, and a cell remembers for each edge which cut made it and on which side it lies. Two cells are
 * neighbours where an edge on one side of a cut overlaps one on the other; neighbours with one affine map belong to one region.
 */
#include "probe/neighbours.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probe/regions.h"

/* An edge of a cell, and where it lies along its cut: by the coordinate in which the cut is longer. */
typedef struct edge {
    int64_t cut; /* times 2, plus the side */
    int64_t polygon;
    double a[2], b[2]; /* its ends */
    double lo, hi;
} edge;

/* Two cells on the two sides of a cut. */
typedef struct border {
    int64_t a, b;
} border;

typedef struct borders {
    border *item; /* [count] */
    int64_t count;
} borders;

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for the linear regions of a slice"); }

static sd_status add(borders *list, int64_t a, int64_t b)
{
    border *item = sd__grown(list->item, (size_t)list->count, sizeof *item);
    if (!item)
        return no_memory();
    list->item = item;
    list->item[list->count++] = (border){a, b};
    return SD_OK;
}

/* ---- edges ------------------------------------------------------------------------------------------------------------ */

static int by_cut(const void *a, const void *b)
{
    const edge *x = a, *y = b;
    if (x->cut != y->cut)
        return x->cut < y->cut ? -1 : 1;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Edges that cuts made, sorted by cut. Returns how many. */
static int64_t list_edges(const sd_slice_cells *c, edge *list)
{
    int64_t count = 0;
    for (int64_t p = 0; p < c->polygons; p++)
        for (int i = 0; i < c->polygon[p].corners; i++) {
            const double *a = c->corner + 2 * (c->first[p] + i);
            const double *b = c->corner + 2 * (c->first[p] + (i + 1) % c->polygon[p].corners);
            int64_t cut = c->cut[c->first[p] + i];
            if (cut >= 0)
                list[count++] = (edge){.cut = cut, .polygon = p, .a = {a[0], a[1]}, .b = {b[0], b[1]}};
        }
    qsort(list, (size_t)count, sizeof *list, by_cut);
    return count;
}

/* Puts the n edges of one cut, both sides, in their order along it. */
static void order_along(edge *list, int64_t n)
{
    double wide[2];
    for (int k = 0; k < 2; k++) {
        double lo = INFINITY, hi = -INFINITY;
        for (int64_t i = 0; i < n; i++) {
            lo = fmin(lo, fmin(list[i].a[k], list[i].b[k]));
            hi = fmax(hi, fmax(list[i].a[k], list[i].b[k]));
        }
        wide[k] = hi - lo;
    }
    int along = wide[1] > wide[0];
    for (int64_t i = 0; i < n; i++) {
        list[i].lo = fmin(list[i].a[along], list[i].b[along]);
        list[i].hi = fmax(list[i].a[along], list[i].b[along]);
    }
    qsort(list, (size_t)n, sizeof *list, by_cut);
}

/* Two rows of edges along one cut, each in order: every pair that overlaps by more than `least`. */
static sd_status meet(double least, const edge *a, int64_t na, const edge *b, int64_t nb, borders *list)
{
    for (int64_t i = 0, j = 0; i < na && j < nb;) {
        if (fmin(a[i].hi, b[j].hi) - fmax(a[i].lo, b[j].lo) > least)
            SD_TRY(add(list, a[i].polygon, b[j].polygon));
        if (a[i].hi < b[j].hi)
            i++;
        else
            j++;
    }
    return SD_OK;
}

static sd_status find_borders(const sd_slice_cells *c, const double window[4], borders *list)
{
    edge *edges = sd__alloc((size_t)c->corners, sizeof *edges);
    double least = 1e-10 * (window[1] - window[0] + window[3] - window[2]);
    sd_status status = edges ? SD_OK : no_memory();
    int64_t count = edges ? list_edges(c, edges) : 0, end, middle;
    for (int64_t first = 0; first < count && status == SD_OK; first = end) {
        for (end = first; end < count && edges[end].cut / 2 == edges[first].cut / 2;)
            end++;
        order_along(edges + first, end - first);
        for (middle = first; middle < end && edges[middle].cut % 2 == 0;)
            middle++;
        status = meet(least, edges + first, middle - first, edges + middle, end - middle, list);
    }
    free(edges);
    return status;
}

/* ---- regions ----------------------------------------------------------------------------------------------------------- */

static int64_t root_of(sd_polygon *polygon, int64_t p)
{
    while (polygon[p].region != p)
        p = polygon[p].region = polygon[polygon[p].region].region;
    return p;
}

static void join(const sd_slice_cells *c, const double window[4], const border *b)
{
    int64_t outputs = c->explorer->net->outputs, size = 3 * outputs;
    double lo[2] = {window[0], window[2]}, hi[2] = {window[1], window[3]}, tolerance = SD_SAME_MAP * c->explorer->size;
    int64_t x = root_of(c->polygon, b->a), y = root_of(c->polygon, b->b);
    if (x != y && sd__same_map(2, lo, hi, outputs, c->map + b->a * size, c->map + b->b * size, tolerance))
        c->polygon[SD_MAX(x, y)].region = SD_MIN(x, y);
}

/* Regions get the numbers 0, 1, 2, ... in the order of their first cells; a root is the first cell of its region. */
static int64_t number_regions(sd_slice_cells *c)
{
    int64_t regions = 0;
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].region = root_of(c->polygon, p);
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].region = c->polygon[p].region == p ? regions++ : c->polygon[c->polygon[p].region].region;
    return regions;
}

/* ---- colours ----------------------------------------------------------------------------------------------------------- */

static int by_regions(const void *a, const void *b)
{
    const border *x = a, *y = b;
    return x->a != y->a ? (x->a > y->a) - (x->a < y->a) : (x->b > y->b) - (x->b < y->b);
}

/*
 * Region after region takes the first colour that none of its neighbours with a smaller number has. list: borders of regions.
 */
static void take_colours(borders *list, int64_t regions, int *colour)
{
    enum { COLOURS = 6 };
    if (list->count)
        qsort(list->item, (size_t)list->count, sizeof *list->item, by_regions);
    for (int64_t r = 0, i = 0; r < regions; r++) {
        unsigned taken = 0;
        for (; i < list->count && list->item[i].a == r; i++)
            taken |= 1u << colour[list->item[i].b];
        for (colour[r] = 0; colour[r] < COLOURS - 1 && taken >> colour[r] & 1;)
            colour[r]++;
    }
}

static sd_status colour_regions(sd_slice_cells *c, borders *list, int64_t regions)
{
    int *colour = sd__alloc((size_t)regions + 1, sizeof *colour);
    if (!colour)
        return no_memory();
    for (int64_t i = 0; i < list->count; i++) {
        int64_t a = c->polygon[list->item[i].a].region, b = c->polygon[list->item[i].b].region;
        list->item[i] = a == b ? (border){regions, 0} : (border){SD_MAX(a, b), SD_MIN(a, b)};
    }
    take_colours(list, regions, colour);
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].colour = colour[c->polygon[p].region];
    free(colour);
    return SD_OK;
}

sd_status sd__find_regions(sd_slice_cells *c, const double window[4], int64_t *regions)
{
    borders list = {0};
    sd_status status = find_borders(c, window, &list);
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].region = p;
    for (int64_t i = 0; i < list.count; i++)
        join(c, window, &list.item[i]);
    *regions = number_regions(c);
    if (status == SD_OK)
        status = colour_regions(c, &list, *regions);
    free(list.item);
    return status;
}
