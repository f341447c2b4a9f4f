/*
 * slice.c -- the cells of a network over a rectangle of a plane: choosing the plane, collecting the cells,
 * halving what holds too many.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "probe/neighbours.h"
#include "probe/regions.h"

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

static sd_status make_room(sd_slice_cells *c, int64_t outputs, int corners)
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
    sd_slice_cells *c = user;
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

/* ---- counting -------------------------------------------------------------------------------------------------------- */

static sd_status count_patterns(const sd_slice_cells *c, int64_t *patterns)
{
    uint64_t *hash = sd__alloc((size_t)c->polygons, sizeof *hash);
    if (!hash)
        return no_memory();
    for (int64_t p = 0; p < c->polygons; p++)
        hash[p] = c->polygon[p].pattern;
    qsort(hash, (size_t)c->polygons, sizeof *hash, sd__ascending_u64);
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

/*
 * Three samples: the first, and the first of two further classes, or the next ones without classes. False: there are not three.
 */
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

/* The plane through three samples in coordinates that keep lengths: the first is the origin, the second lies on the u axis. */
static sd_status through_points(const sd_subject *subject, const sd_piecewise *net, const sd_region_samples *s, plane *p,
                                sd_regions_report *r)
{
    int64_t n = net->inputs;
    double *origin = p->own, *u = p->own + n, *v = p->own + 2 * n;
    if (!choose_points(subject, s, r->point_sample))
        return sd__fail(SD_EINVAL, "a plane needs three samples, there are %lld", (long long)s->samples.n);
    memcpy(origin, s->x + r->point_sample[0] * n, (size_t)n * sizeof *origin);
    for (int64_t i = 0; i < n; i++) {
        u[i] = s->x[r->point_sample[1] * n + i] - origin[i];
        v[i] = s->x[r->point_sample[2] * n + i] - origin[i];
    }
    double first = sd__normalise(n, u), along = sd__dot(n, u, v), reach = sd__dot(n, v, v);
    sd__add_scaled(n, -along, u, v);
    double second = sd__normalise(n, v);
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

static sd_status count_window(sd_explorer *e, const plane *p, sd_slice_cells *c, double *covered)
{
    const double *w = p->window, lo[2] = {w[0], w[2]}, hi[2] = {w[1], w[3]};
    c->polygons = c->corners = 0;
    c->area = 0;
    sd_status status = sd__explore(e, p->origin, p->axis, lo, hi, collect, c);
    *covered = c->area / ((w[1] - w[0]) * (w[3] - w[2]));
    return status;
}

static sd_status count(sd_explorer *e, plane *p, const sd_regions_options *o, sd_slice_cells *c, sd_regions_report *r)
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
    SD_TRY(sd__find_regions(c, p->window, &r->slice_regions));
    memcpy(r->window, p->window, sizeof r->window);
    return SD_OK;
}

/* The arrays become the report's. */
static void hand_over(sd_slice_cells *c, int64_t outputs, sd_regions_report *r)
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
    sd_slice_cells c = {.explorer = &e, .most = options->most_polygons};
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
