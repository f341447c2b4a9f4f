/*
 * slice.c -- the cells of a network over a rectangle of a plane, and which of them make one affine region.
 *
 * Every cut has a number, and a cell remembers for each edge which cut made it and on which side it lies. Two cells are neighbours where an
 * edge on one side of a cut overlaps one on the other; neighbours with one affine map belong to one region.
 */
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

typedef struct collector {
    const sd_explorer *explorer;
    sd_polygon *polygon;
    int64_t *first; /* corner of each polygon */
    int64_t polygons, room, most;
    double *corner; /* [corners][2] */
    int64_t *cut;   /* [corners] */
    int64_t corners, corner_room;
    double *map; /* [polygons][3][outputs] */
    double area;
} collector;

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for the linear regions of a slice"); }

/* ---- collecting -------------------------------------------------------------------------------------------------------- */

static sd_status grow(void **array, int64_t count, size_t size)
{
    void *more = sd__realloc(*array, (size_t)count, size);
    if (!more)
        return no_memory();
    *array = more;
    return SD_OK;
}

static sd_status make_room(collector *c, int64_t outputs, int corners)
{
    if (c->polygons == c->room) {
        int64_t room = c->room ? 2 * c->room : 256;
        SD_TRY(grow((void **)&c->polygon, room, sizeof *c->polygon));
        SD_TRY(grow((void **)&c->first, room, sizeof *c->first));
        SD_TRY(grow((void **)&c->map, room * 3 * outputs, sizeof *c->map));
        c->room = room;
    }
    if (c->corners + corners > c->corner_room) {
        int64_t room = 2 * c->corner_room + corners + 1024;
        SD_TRY(grow((void **)&c->corner, 2 * room, sizeof *c->corner));
        SD_TRY(grow((void **)&c->cut, room, sizeof *c->cut));
        c->corner_room = room;
    }
    return SD_OK;
}

static double area_of(int n, const double *corner)
{
    double twice = 0;
    for (int i = 0; i < n; i++) {
        const double *a = corner + 2 * i, *b = corner + (i + 1) % n * 2;
        twice += a[0] * b[1] - a[1] * b[0];
    }
    return fabs(twice) / 2;
}

static sd_status collect(void *user, const sd_forms *forms, const sd_cells *cells, const sd_cell *cell)
{
    collector *c = user;
    int64_t outputs = forms->net->outputs;
    SD_TRY(make_room(c, outputs, cell->count));
    double *corner = c->corner + 2 * c->corners;
    for (int i = 0; i < cell->count; i++) {
        const sd_corner *from = &cells->corner[cell->first + i];
        corner[2 * i] = from->at.c[0];
        corner[2 * i + 1] = from->at.c[1];
        c->cut[c->corners + i] = from->edge;
    }
    memcpy(c->map + c->polygons * 3 * outputs, forms->step[forms->net->output].form, (size_t)outputs * 3 * sizeof *c->map);
    c->first[c->polygons] = c->corners;
    c->polygon[c->polygons++] = (sd_polygon){.corners = cell->count, .pattern = forms->pattern};
    c->corners += cell->count;
    c->area += area_of(cell->count, corner);
    return c->polygons < c->most ? SD_OK : SD_ECANCELLED;
}

/* ---- neighbours -------------------------------------------------------------------------------------------------------- */

static int by_cut(const void *a, const void *b)
{
    const edge *x = a, *y = b;
    if (x->cut != y->cut)
        return x->cut < y->cut ? -1 : 1;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

/* Edges that cuts made, sorted by cut. Returns how many. */
static int64_t list_edges(const collector *c, edge *list)
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

static int64_t root_of(sd_polygon *polygon, int64_t p)
{
    while (polygon[p].region != p)
        p = polygon[p].region = polygon[polygon[p].region].region;
    return p;
}

static void meet(const collector *c, const double *window, int64_t a, int64_t b)
{
    int64_t outputs = c->explorer->net->outputs, size = 3 * outputs;
    double lo[2] = {window[0], window[2]}, hi[2] = {window[1], window[3]};
    int64_t x = root_of(c->polygon, a), y = root_of(c->polygon, b);
    if (x != y && sd__same_map(2, lo, hi, outputs, c->map + a * size, c->map + b * size, SD_SAME_MAP * c->explorer->size))
        c->polygon[SD_MAX(x, y)].region = SD_MIN(x, y);
}

/* Two rows of edges along one cut, each in order: every pair that overlaps. */
static void meet_along(const collector *c, const double *window, double least, const edge *a, int64_t na, const edge *b,
                       int64_t nb)
{
    for (int64_t i = 0, j = 0; i < na && j < nb;) {
        if (fmin(a[i].hi, b[j].hi) - fmax(a[i].lo, b[j].lo) > least)
            meet(c, window, a[i].polygon, b[j].polygon);
        if (a[i].hi < b[j].hi)
            i++;
        else
            j++;
    }
}

static sd_status merge(collector *c, const double *window)
{
    edge *list = sd__alloc((size_t)c->corners, sizeof *list);
    double least = 1e-10 * (window[1] - window[0] + window[3] - window[2]);
    if (!list)
        return no_memory();
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].region = p;
    int64_t count = list_edges(c, list), end, middle;
    for (int64_t first = 0; first < count; first = end) {
        for (end = first; end < count && list[end].cut / 2 == list[first].cut / 2;)
            end++;
        order_along(list + first, end - first);
        for (middle = first; middle < end && list[middle].cut % 2 == 0;)
            middle++;
        meet_along(c, window, least, list + first, middle - first, list + middle, end - middle);
    }
    free(list);
    return SD_OK;
}

/* Regions get the numbers 0, 1, 2, ... in the order of their first cells; a root is the first cell of its region. */
static int64_t number_regions(collector *c)
{
    int64_t regions = 0;
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].region = root_of(c->polygon, p);
    for (int64_t p = 0; p < c->polygons; p++)
        c->polygon[p].region = c->polygon[p].region == p ? regions++ : c->polygon[c->polygon[p].region].region;
    return regions;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static sd_status count_patterns(const collector *c, int64_t *patterns)
{
    uint64_t *hash = sd__alloc((size_t)c->polygons, sizeof *hash);
    if (!hash)
        return no_memory();
    for (int64_t p = 0; p < c->polygons; p++)
        hash[p] = c->polygon[p].pattern;
    qsort(hash, (size_t)c->polygons, sizeof *hash, by_number);
    *patterns = c->polygons > 0;
    for (int64_t p = 1; p < c->polygons; p++)
        *patterns += hash[p] != hash[p - 1];
    free(hash);
    return SD_OK;
}

/* ---- the plane --------------------------------------------------------------------------------------------------------- */

typedef struct plane {
    const double *origin, *axis;
    double *own; /* [3][inputs] memory of a plane that was not given */
    double window[4];
} plane;

/* Three samples: the first, and the first of two further classes, or the next ones without classes. False: there are not three. */
static bool choose_points(const sd_subject *subject, const sd_region_samples *s, int32_t point[3])
{
    const int32_t *label = sd_model_classes(subject->model) ? s->samples.y : NULL;
    int found = 0;
    for (int wanted = 3; wanted >= 1 && found < 3; wanted--) { /* as many classes as there are */
        found = 0;
        for (int64_t i = 0; i < s->samples.n && found < 3; i++) {
            bool fresh = true;
            for (int k = 0; label && k < found && found < wanted; k++)
                fresh = fresh && label[point[k]] != label[i];
            if (fresh)
                point[found++] = (int32_t)i;
        }
    }
    return found == 3;
}

static double scale_to_one(int64_t n, double *v)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += v[i] * v[i];
    for (int64_t i = 0; i < n && sum > 0; i++)
        v[i] /= sqrt(sum);
    return sqrt(sum);
}

/* The plane through three samples in coordinates that keep lengths: the first is the origin, the second lies on the u axis. */
static sd_status through_points(const sd_subject *subject, const sd_piecewise *net, const sd_region_samples *s, plane *p,
                                sd_regions_report *r)
{
    int64_t n = net->inputs;
    double *origin = p->own, *u = p->own + n, *v = p->own + 2 * n, along = 0;
    if (!choose_points(subject, s, r->point_sample))
        return sd__fail(SD_EINVAL, "a plane needs three samples, there are %lld", (long long)s->samples.n);
    memcpy(origin, s->x + r->point_sample[0] * n, (size_t)n * sizeof *origin);
    for (int64_t i = 0; i < n; i++) {
        u[i] = s->x[r->point_sample[1] * n + i] - origin[i];
        v[i] = s->x[r->point_sample[2] * n + i] - origin[i];
    }
    double first = scale_to_one(n, u), reach = 0;
    for (int64_t i = 0; i < n; i++) {
        along += u[i] * v[i];
        reach += v[i] * v[i];
    }
    for (int64_t i = 0; i < n; i++)
        v[i] -= along * u[i];
    double second = scale_to_one(n, v);
    if (!(second > 1e-9 * sqrt(reach)) || !(first > 0))
        return sd__fail(SD_EINVAL, "the samples %d, %d and %d lie on one line, so no plane goes through them; give one",
                        r->point_sample[0], r->point_sample[1], r->point_sample[2]);
    double point[3][2] = {{0, 0}, {first, 0}, {along, second}};
    memcpy(r->point, point, sizeof point);
    double window[4] = {fmin(0, along), fmax(first, along), 0, second};
    memcpy(p->window, window, sizeof window);
    return SD_OK;
}

/* Two inputs are a plane already; the window holds all samples. */
static void of_inputs(const sd_region_samples *s, plane *p)
{
    p->own[2] = p->own[5] = 1;
    for (int k = 0; k < 2 && s->x; k++) {
        p->window[2 * k] = INFINITY;
        p->window[2 * k + 1] = -INFINITY;
        for (int64_t i = 0; i < s->samples.n; i++) {
            p->window[2 * k] = fmin(p->window[2 * k], s->x[2 * i + k]);
            p->window[2 * k + 1] = fmax(p->window[2 * k + 1], s->x[2 * i + k]);
        }
    }
}

static bool given(const double window[4]) { return window[0] != 0 || window[1] != 0 || window[2] != 0 || window[3] != 0; }

static sd_status make_plane(const sd_subject *subject, const sd_piecewise *net, const sd_region_samples *s,
                            const sd_regions_options *o, plane *p, sd_regions_report *r)
{
    if (net->inputs < 2)
        return sd__fail(SD_EINVAL, "a slice needs two inputs at least, the network has one");
    p->own = sd__alloc_zeroed(3 * (size_t)net->inputs, sizeof *p->own);
    if (!p->own)
        return no_memory();
    p->origin = o->origin ? o->origin : p->own;
    p->axis = o->origin ? o->axis : p->own + net->inputs;
    if (!o->origin && net->inputs == 2)
        of_inputs(s, p);
    else if (!o->origin)
        SD_TRY(through_points(subject, net, s, p, r));
    if (given(o->window))
        memcpy(p->window, o->window, sizeof p->window);
    for (int k = 0; k < 4; k += 2)
        if (!(p->window[k] < p->window[k + 1]) || !isfinite(p->window[k]) || !isfinite(p->window[k + 1]))
            return sd__fail(SD_EINVAL, "the window of a slice goes from %g to %g; it must be finite and have a width",
                            p->window[k], p->window[k + 1]);
    return SD_OK;
}

/* ---- together ---------------------------------------------------------------------------------------------------------- */

/* A window half as wide, as often as is likely to be needed for what did not fit. */
static void halve(double *window, double covered, sd_regions_report *r)
{
    int times = 1;
    while (times < 20 && ldexp(1, -2 * times) > covered)
        times++;
    for (int k = 0; k < 4; k += 2) {
        double middle = (window[k] + window[k + 1]) / 2, half = ldexp(window[k + 1] - window[k], -1 - times);
        window[k] = middle - half;
        window[k + 1] = middle + half;
    }
    r->halvings += times;
}

static sd_status count_window(sd_explorer *e, const plane *p, collector *c, double *covered)
{
    const double *w = p->window, lo[2] = {w[0], w[2]}, hi[2] = {w[1], w[3]};
    c->polygons = c->corners = 0;
    c->area = 0;
    sd_status status = sd__explore(e, p->origin, p->axis, lo, hi, collect, c);
    *covered = c->area / ((w[1] - w[0]) * (w[3] - w[2]));
    return status;
}

static sd_status count(sd_explorer *e, plane *p, const sd_regions_options *o, collector *c, sd_regions_report *r)
{
    enum { MOST_HALVINGS = 40 };
    sd_status status = count_window(e, p, c, &r->covered);
    while (status == SD_ECANCELLED && o->shrink && r->halvings < MOST_HALVINGS) {
        halve(p->window, r->covered, r);
        status = count_window(e, p, c, &r->covered);
    }
    if (status != SD_OK && status != SD_ECANCELLED)
        return status;
    SD_TRY(count_patterns(c, &r->slice_patterns));
    SD_TRY(merge(c, p->window));
    r->slice_regions = number_regions(c);
    memcpy(r->window, p->window, sizeof r->window);
    return SD_OK;
}

/* The arrays become the report's. */
static void hand_over(collector *c, int64_t outputs, sd_regions_report *r)
{
    for (int64_t i = 0; i < c->polygons; i++) {
        c->polygon[i].corner = c->corner + 2 * c->first[i];
        c->polygon[i].map = c->map + i * 3 * outputs;
    }
    r->polygon = c->polygon;
    r->polygons = c->polygons;
    r->own_corner = c->corner;
    r->own_map = c->map;
    c->polygon = NULL;
    c->corner = c->map = NULL;
}

sd_status sd__regions_slice(const sd_subject *subject, const sd_piecewise *net, const sd_region_samples *samples,
                            const sd_regions_options *options, sd_regions_report *report)
{
    plane p = {0};
    sd_explorer e = {0};
    collector c = {.explorer = &e, .most = options->most_polygons};
    sd_status status = make_plane(subject, net, samples, options, &p, report);
    if (status == SD_OK)
        status = sd__explorer_new(net, 2, &e);
    if (status == SD_OK)
        status = count(&e, &p, options, &c, report);
    if (status == SD_OK)
        hand_over(&c, net->outputs, report);
    sd__explorer_free(&e);
    free(p.own);
    free(c.polygon);
    free(c.first);
    free(c.corner);
    free(c.cut);
    free(c.map);
    return status;
}
