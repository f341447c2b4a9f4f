/*
 * cell.c -- intervals and polygons by their corners, polytopes by their half-spaces; on which sides of a
 * hyperplane they lie, and cutting.
 */
#include "probe/cell.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "classic/halfspaces.h"

double sd__form_at(const sd_form *form, int dims, const double *x)
{
    double value = form->c[0];
    for (int k = 0; k < dims; k++)
        value += form->c[k + 1] * x[k];
    return value;
}

static sd_status add(sd_cells *cells, sd_form at, int64_t edge, sd_cell *cell)
{
    if (cells->count == cells->capacity) {
        int64_t capacity = cells->capacity ? 2 * cells->capacity : 256;
        sd_corner *more = sd__realloc(cells->corner, (size_t)capacity, sizeof *more);
        if (!more)
            return sd__fail(SD_ENOMEM, "no memory for the corners of linear regions");
        cells->corner = more;
        cells->capacity = capacity;
    }
    cells->corner[cells->count++] = (sd_corner){at, edge};
    cell->count++;
    return SD_OK;
}

static sd_cell begin(const sd_cells *cells) { return (sd_cell){.first = cells->count}; }

void sd__cells_free(sd_cells *cells)
{
    free(cells->corner);
    *cells = (sd_cells){0};
}

/* ---- by corners -------------------------------------------------------------------------------------------------------- */

static bool by_corners(const sd_cells *cells) { return cells->dims <= 2; }

static void measure(const sd_cells *cells, sd_cell *cell)
{
    const sd_corner *corner = cells->corner + cell->first;
    for (int k = 0; k < cells->dims; k++) {
        double sum = 0, half = 0;
        for (int i = 0; i < cell->count; i++)
            sum += corner[i].at.c[k];
        cell->centre[k] = sum / cell->count;
        for (int i = 0; i < cell->count; i++)
            half = fmax(half, fabs(corner[i].at.c[k] - cell->centre[k]));
        cell->half[k] = half;
    }
}

static int side_of(double value, double tolerance)
{
    return value > tolerance ? SD_POSITIVE : value < -tolerance ? SD_NEGATIVE : 0;
}

/* Most hyperplanes miss the box around a cell; the others are asked at each corner. */
static int corner_sides(const sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance)
{
    double value = form->c[0], reach = 0;
    for (int k = 0; k < cells->dims; k++) {
        value += form->c[k + 1] * cell->centre[k];
        reach += fabs(form->c[k + 1]) * cell->half[k];
    }
    if (fabs(value) - reach > tolerance)
        return value > 0 ? SD_POSITIVE : SD_NEGATIVE;
    int sides = 0;
    for (int i = 0; i < cell->count; i++)
        sides |= side_of(sd__form_at(form, cells->dims, cells->corner[cell->first + i].at.c), tolerance);
    return sides;
}

static sd_form between(const sd_form *a, const sd_form *b, double share, int dims)
{
    sd_form point = *a;
    for (int k = 0; k < dims; k++)
        point.c[k] += (b->c[k] - a->c[k]) * share;
    return point;
}

/*
 * Sutherland and Hodgman's clipping at one line. A corner within the tolerance lies on the line and belongs to both parts, so
 * no part is thinner than what rounding can tell. An interval is a polygon with one edge.
 */
static sd_status clip(sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance, int64_t edge, sd_cell *part)
{
    *part = begin(cells);
    for (int i = 0; i < cell->count; i++) {
        sd_corner here = cells->corner[cell->first + i], next = cells->corner[cell->first + (i + 1) % cell->count];
        double a = sd__form_at(form, cells->dims, here.at.c), b = sd__form_at(form, cells->dims, next.at.c);
        int from = side_of(a, tolerance), to = side_of(b, tolerance);
        bool crosses = (from | to) == (SD_POSITIVE | SD_NEGATIVE) && (cells->dims > 1 || i == 0);
        if (from != SD_NEGATIVE)
            SD_TRY(add(cells, here.at, from == 0 && to == SD_NEGATIVE ? edge : here.edge, part));
        if (crosses)
            SD_TRY(
                add(cells, between(&here.at, &next.at, a / (a - b), cells->dims), to == SD_NEGATIVE ? edge : here.edge, part));
    }
    measure(cells, part);
    return SD_OK;
}

/* ---- by half-spaces ---------------------------------------------------------------------------------------------------- */

enum { MOST = 60 };

/* Is there a point strictly inside all half-spaces of the cell and, unless NULL, of `one`? It goes to `inner`. */
static sd_status feasible(const sd_cells *cells, const sd_cell *cell, const sd_form *one, bool *yes, double *inner)
{
    double x[MOST * SD_MOST_PLANES], y[MOST], w[SD_MOST_PLANES];
    int d = cells->dims, planes = d + 1, n = cell->count + (one != NULL);
    if (n + 1 >= MOST - planes)
        return sd__fail(SD_EINVAL, "a region with %d borders in %d dimensions; up to %d can be counted", n, d,
                        MOST - planes - 2);
    for (int i = 0; i <= n; i++) { /* the last: a point at infinity does not count */
        const sd_form *form = i == cell->count ? one : &cells->corner[cell->first + i].at;
        y[i] = 1;
        for (int k = 0; k < planes; k++)
            x[i * planes + k] = i == n ? k == d : form->c[k == d ? 0 : k + 1];
    }
    SD_TRY(sd__separable(&(sd_labelled){n + 1, planes, x, y}, yes, w));
    for (int k = 0; k < d && *yes && inner; k++)
        inner[k] = w[k] / w[d];
    return SD_OK;
}

/* Scaled so that the linear program's tolerances mean the same for every half-space. */
static sd_form unit(const sd_form *form, int dims, double sign)
{
    sd_form scaled = {{0}};
    double norm = 0;
    for (int k = 0; k <= dims; k++)
        norm = hypot(norm, form->c[k]);
    for (int k = 0; k <= dims; k++)
        scaled.c[k] = sign * form->c[k] / norm;
    return scaled;
}

static sd_status polytope_sides(const sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance, int *sides)
{
    double most = 0;
    *sides = 0;
    for (int k = 0; k <= cells->dims; k++)
        most = fmax(most, fabs(form->c[k]));
    for (int negative = 0; most > tolerance && negative < 2; negative++) {
        bool yes;
        sd_form half = unit(form, cells->dims, negative ? -1 : 1);
        SD_TRY(feasible(cells, cell, &half, &yes, NULL));
        *sides |= yes ? negative ? SD_NEGATIVE : SD_POSITIVE : 0;
    }
    return SD_OK;
}

static sd_status add_half(sd_cells *cells, const sd_cell *cell, const sd_form *form, int64_t edge, sd_cell *part)
{
    bool yes;
    *part = begin(cells);
    for (int i = 0; i < cell->count; i++)
        SD_TRY(add(cells, cells->corner[cell->first + i].at, cells->corner[cell->first + i].edge, part));
    SD_TRY(add(cells, unit(form, cells->dims, 1), edge, part));
    for (int k = 0; k < cells->dims; k++)
        part->half[k] = INFINITY;
    SD_TRY(feasible(cells, part, NULL, &yes, part->centre));
    return yes ? SD_OK : sd__fail(SD_EINTERNAL, "a part of a linear region is empty, though the region is cut");
}

/* ---- either ------------------------------------------------------------------------------------------------------------ */

sd_status sd__cell_sides(const sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance, int *sides)
{
    if (!by_corners(cells))
        return polytope_sides(cells, cell, form, tolerance, sides);
    *sides = corner_sides(cells, cell, form, tolerance);
    return SD_OK;
}

sd_status sd__cell_cut(sd_cells *cells, const sd_cell *cell, const sd_form *form, double tolerance, int64_t edge, sd_cell *part)
{
    if (!by_corners(cells))
        return add_half(cells, cell, form, edge, part);
    return clip(cells, cell, form, tolerance, edge, part);
}

/* The corners in order around the box. */
static sd_status box_by_corners(sd_cells *cells, const double *lo, const double *hi, sd_cell *cell)
{
    int corners = cells->dims == 0 || lo[0] == hi[0] ? 1 : cells->dims == 1 ? 2 : 4;
    for (int i = 0; i < corners; i++) {
        sd_form at = {{0}};
        for (int k = 0; k < cells->dims; k++)
            at.c[k] = (k == 0 ? i == 1 || i == 2 : i >= 2) ? hi[k] : lo[k];
        SD_TRY(add(cells, at, -1 - i, cell));
    }
    measure(cells, cell);
    return SD_OK;
}

sd_status sd__cell_box(sd_cells *cells, const double *lo, const double *hi, sd_cell *cell)
{
    bool yes;
    *cell = begin(cells);
    if (by_corners(cells))
        return box_by_corners(cells, lo, hi, cell);
    for (int k = 0; k < 2 * cells->dims; k++) {
        sd_form half = {{0}};
        double end = k % 2 ? hi[k / 2] : lo[k / 2];
        half.c[k / 2 + 1] = k % 2 ? -1 : 1;
        half.c[0] = k % 2 ? end : -end;
        if (isfinite(end))
            SD_TRY(add(cells, unit(&half, cells->dims, 1), -1 - k, cell));
    }
    for (int k = 0; k < cells->dims; k++)
        cell->half[k] = INFINITY;
    return feasible(cells, cell, NULL, &yes, cell->centre);
}
