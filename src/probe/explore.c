/* explore.c -- cutting a box along all kinks of a network, depth first. */
#include "probe/explore.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a form may be off by through rounding, as a share of the values around it. */
static const double precision = 1e-11;

/* Numbers the blocks of all steps; returns how many. */
static int64_t number_blocks(const sd_piecewise *net, int64_t *first)
{
    int64_t blocks = 0;
    for (int s = 0; s < net->steps; s++) {
        first[s] = blocks;
        blocks += net->step[s].n / net->step[s].block;
    }
    return blocks;
}

static sd_status make_room(sd_explorer *e)
{
    e->tolerance = sd__alloc_zeroed((size_t)e->net->steps, sizeof *e->tolerance);
    e->first = sd__alloc((size_t)e->net->steps, sizeof *e->first);
    if (e->first)
        e->blocks = number_blocks(e->net, e->first);
    e->stay = e->first ? sd__alloc((size_t)e->blocks, sizeof *e->stay) : NULL;
    if (!e->tolerance || !e->stay)
        return sd__fail(SD_ENOMEM, "no memory to count linear regions");
    return sd__forms_new(e->net, e->cells.dims, &e->forms);
}

sd_status sd__explorer_new(const sd_piecewise *net, int dims, sd_explorer *explorer)
{
    *explorer = (sd_explorer){.net = net, .cells = {.dims = dims}};
    sd_status status = make_room(explorer);
    if (status != SD_OK)
        sd__explorer_free(explorer);
    return status;
}

void sd__explorer_free(sd_explorer *explorer)
{
    sd__forms_free(explorer->forms);
    sd__cells_free(&explorer->cells);
    free(explorer->tolerance);
    free(explorer->first);
    free(explorer->stay);
    *explorer = (sd_explorer){0};
}

/* ---- one unit ---------------------------------------------------------------------------------------------------------- */

/* A cell about to be cut at a unit, or one of its parts with the choice made there. */
typedef struct place {
    int step;
    int64_t unit;
    sd_cell cell;
} place;

typedef struct part {
    sd_cell cell;
    int32_t choice;
} part;

static sd_status lead_sides(sd_explorer *e, const place *p, int i, int j, int *sides)
{
    sd_form lead = sd__forms_lead(e->forms, p->step, p->unit, i, j);
    return sd__cell_sides(&e->cells, &p->cell, &lead, e->tolerance[p->step], sides);
}

/*
 * The candidate that is ahead at the cell's inner point, the first of equals: no other can be clearly ahead all over the cell.
 */
static int ahead(const sd_explorer *e, const place *p, int candidates)
{
    int best = 0;
    for (int j = 1; j < candidates; j++) {
        sd_form lead = sd__forms_lead(e->forms, p->step, p->unit, j, best);
        best = sd__form_at(&lead, e->cells.dims, p->cell.centre) > e->tolerance[p->step] ? j : best;
    }
    return best;
}

/* The one candidate that is ahead all over the cell, or -1. */
static sd_status decide(sd_explorer *e, const place *p, int candidates, int *choice)
{
    int best = ahead(e, p, candidates), sides;
    *choice = best;
    for (int i = 0; i < candidates && *choice >= 0; i++) {
        if (i == best)
            continue;
        SD_TRY(lead_sides(e, p, i, best, &sides));
        *choice = sides & SD_POSITIVE ? -1 : best;
    }
    return SD_OK;
}

/* Is candidate j equal to an earlier one all over the cell? */
static sd_status repeats(sd_explorer *e, const place *p, int j, bool *yes)
{
    *yes = false;
    for (int i = 0; i < j && !*yes; i++) {
        int sides;
        SD_TRY(lead_sides(e, p, i, j, &sides));
        *yes = !sides;
    }
    return SD_OK;
}

/* Where candidate j is ahead of all others; .count 0: nowhere. The border between i and j carries one number on both sides. */
static sd_status part_of(sd_explorer *e, const place *p, int candidates, const bool *repeated, int j, sd_cell *made)
{
    place rest = *p;
    made->count = 0;
    for (int i = 0; i < candidates; i++) {
        int sides;
        if (i == j || repeated[i])
            continue;
        SD_TRY(lead_sides(e, &rest, j, i, &sides));
        if (!(sides & SD_POSITIVE))
            return SD_OK;
        if (!(sides & SD_NEGATIVE))
            continue;
        int64_t cut = e->cuts + (int64_t)SD_MIN(i, j) * candidates + SD_MAX(i, j);
        sd_form lead = sd__forms_lead(e->forms, p->step, p->unit, j, i);
        sd_cell left;
        SD_TRY(sd__cell_cut(&e->cells, &rest.cell, &lead, e->tolerance[p->step], 2 * cut + (j > i), &left));
        rest.cell = left;
    }
    *made = rest.cell;
    return SD_OK;
}

static int by_place(const void *a, const void *b)
{
    double x = ((const part *)a)->cell.centre[0], y = ((const part *)b)->cell.centre[0];
    return (x > y) - (x < y);
}

/* Cuts the cell into the parts where each candidate is ahead, in the order of the first coordinate. */
static sd_status cut(sd_explorer *e, const place *p, int candidates, bool *repeated, part *made, int *parts)
{
    *parts = 0;
    for (int j = 0; j < candidates; j++)
        SD_TRY(repeats(e, p, j, &repeated[j]));
    for (int j = 0; j < candidates; j++) {
        if (repeated[j])
            continue;
        SD_TRY(part_of(e, p, candidates, repeated, j, &made[*parts].cell));
        made[*parts].choice = j;
        *parts += made[*parts].cell.count > 0;
    }
    e->cuts += (int64_t)candidates * candidates;
    qsort(made, (size_t)*parts, sizeof *made, by_place);
    return SD_OK;
}

/* ---- many units at once ------------------------------------------------------------------------------------------------- */

/*
 * Most units of a cell are nowhere near their border, and a look at the box around the cell shows it. What follows decides as
 * decide() does, only from fewer numbers; where it cannot tell, it leaves the unit to decide(). Along a line it also notes how
 * far a whole block of units keeps its choices, so that blocks whose operands have not changed are passed over.
 */
static bool has_box(const sd_explorer *e, const sd_piece *step) { return e->cells.dims <= 2 && !step->paired; }

/* An element of the operand at the cell's centre, and how far it goes from there at most. */
typedef struct look {
    double middle, reach;
} look;

static look look_at(const sd_explorer *e, const place *p, int64_t element)
{
    const sd_piece_in *in = &e->net->step[p->step].in[0];
    const double *form = e->forms->step[in->step].form + element;
    look l = {form[0], 0};
    for (int k = 0; k < e->cells.dims; k++) {
        double slope = form[(k + 1) * in->n];
        l.middle += p->cell.centre[k] * slope;
        l.reach += p->cell.half[k] * fabs(slope);
    }
    return l;
}

/* Along a line: keeps the part of `stay` where sign * (element a - element b) <= limit; b < 0: 0. */
static void keep_below(const sd_explorer *e, const place *p, double sign, int64_t a, int64_t b, double limit, sd_stay *stay)
{
    const sd_piece_in *in = &e->net->step[p->step].in[0];
    const double *form = e->forms->step[in->step].form;
    double value = sign * (form[a] - (b < 0 ? 0 : form[b])), slope = sign * (form[in->n + a] - (b < 0 ? 0 : form[in->n + b]));
    if (slope > 0)
        stay->to = fmin(stay->to, (limit - value) / slope);
    else if (slope < 0)
        stay->from = fmax(stay->from, (limit - value) / slope);
    else if (value > limit)
        stay->from = INFINITY;
}

/* Units from p->unit up to `end`, or to the first that is left. */
static void decide_signs(sd_explorer *e, place *p, int64_t end, sd_stay *stay)
{
    const int32_t *choice = e->forms->choice + e->net->step[p->step].first_unit;
    double tolerance = e->tolerance[p->step];
    for (; p->unit < end; p->unit++) {
        look l = look_at(e, p, p->unit);
        bool on = l.middle > tolerance;
        if (l.reach + (on ? -l.middle : l.middle) > tolerance)
            return;
        if (choice[p->unit] != on)
            sd__forms_choose(e->forms, p->step, p->unit, on);
        if (stay)
            keep_below(e, p, on ? -1 : 1, p->unit, -1, on ? -tolerance : tolerance, stay);
    }
}

/* The candidate ahead at the cell's centre; false if another may be ahead elsewhere in it. */
static bool plainly_ahead(const sd_explorer *e, const place *p, const int64_t *member, int candidates, int *best)
{
    double tolerance = e->tolerance[p->step], sign = e->net->step[p->step].smallest ? -1 : 1;
    look ahead = look_at(e, p, member[0]);
    *best = 0;
    for (int j = 1; j < candidates; j++) {
        look l = look_at(e, p, member[j]);
        if (sign * (l.middle - ahead.middle) <= tolerance)
            continue;
        ahead = l;
        *best = j;
    }
    for (int j = 0; j < candidates; j++) {
        look l = look_at(e, p, member[j]);
        if (j != *best && sign * (l.middle - ahead.middle) + l.reach + ahead.reach > tolerance)
            return false;
    }
    return true;
}

static void decide_windows(sd_explorer *e, place *p, int64_t end, sd_stay *stay)
{
    const sd_piece *step = &e->net->step[p->step];
    const sd_incidence *window = &step->in[0].route;
    const int32_t *choice = e->forms->choice + step->first_unit;
    double tolerance = e->tolerance[p->step], sign = step->smallest ? -1 : 1;
    for (; p->unit < end; p->unit++) {
        const int64_t *member = window->member + window->start[p->unit];
        int best, candidates = sd__candidates(step, p->unit);
        if (!plainly_ahead(e, p, member, candidates, &best))
            return;
        if (choice[p->unit] != best)
            sd__forms_choose(e->forms, p->step, p->unit, best);
        for (int j = 0; stay && j < candidates; j++)
            if (j != best)
                keep_below(e, p, sign, member[j], member[best], j < best ? -tolerance : tolerance, stay);
    }
}

static bool stays(const sd_explorer *e, const place *p, int64_t block)
{
    const sd_stay *stay = &e->stay[e->first[p->step] + block];
    double centre = p->cell.centre[0], half = p->cell.half[0];
    return !e->forms->step[p->step].marked[block] && stay->from <= centre - half && centre + half <= stay->to;
}

/* Decides units of the block that p->unit lies in, up to the first that is left, which is not the block's end then. */
static void decide_block(sd_explorer *e, place *p)
{
    const sd_piece *step = &e->net->step[p->step];
    int64_t block = p->unit / step->block, begin = block * step->block, end = begin + step->block;
    bool line = e->cells.dims == 1, all = p->unit == begin;
    sd_stay stay = {-INFINITY, INFINITY}, *known = &e->stay[e->first[p->step] + block];
    if (line && all && stays(e, p, block)) {
        p->unit = end;
        return;
    }
    *known = (sd_stay){INFINITY, -INFINITY};
    (step->rule->kink == SD_SIGN ? decide_signs : decide_windows)(e, p, end, line && all ? &stay : NULL);
    if (line && all && p->unit == end)
        *known = stay;
}

/* ---- the walk down ------------------------------------------------------------------------------------------------------ */

static sd_status descend(sd_explorer *e, place p);

static sd_status descend_parts(sd_explorer *e, const place *p, int candidates)
{
    enum { FEW = 9 };
    part few[FEW], *made = candidates <= FEW ? few : sd__alloc((size_t)candidates, sizeof *made);
    bool few_repeated[FEW], *repeated = candidates <= FEW ? few_repeated : sd__alloc((size_t)candidates, sizeof *repeated);
    int parts = 0;
    int64_t top = e->cells.count;
    sd_status status = made && repeated ? cut(e, p, candidates, repeated, made, &parts)
                                        : sd__fail(SD_ENOMEM, "no memory to cut a linear region");
    for (int i = 0; status == SD_OK && i < parts; i++) {
        sd__forms_choose(e->forms, p->step, p->unit, made[i].choice);
        status = descend(e, (place){p->step, p->unit + 1, made[i].cell});
    }
    e->cells.count = top;
    if (candidates > FEW) {
        free(made);
        free(repeated);
    }
    return status;
}

/* Units in order, from p.unit of p.step on; at the first that is undecided the parts go on by themselves. */
static sd_status descend(sd_explorer *e, place p)
{
    for (; p.step < e->net->steps; p.step++, p.unit = 0) {
        const sd_piece *step = &e->net->step[p.step];
        if (!step->rule || step->rule->kink == SD_LINEAR) {
            sd__forms_settle(e->forms, p.step);
            continue;
        }
        while (p.unit < step->n) {
            int64_t before = p.unit;
            if (has_box(e, step))
                decide_block(e, &p);
            if (p.unit == step->n || (p.unit > before && p.unit % step->block == 0))
                continue;
            int choice, candidates = sd__candidates(step, p.unit);
            SD_TRY(decide(e, &p, candidates, &choice));
            if (choice < 0)
                return descend_parts(e, &p, candidates);
            sd__forms_choose(e->forms, p.step, p.unit++, choice);
        }
        sd__forms_emit(e->forms, p.step);
    }
    return e->visit(e->user, e->forms, &e->cells, &p.cell);
}

static sd_status search(sd_explorer *e, const double *origin, const double *axis, const double *lo, const double *hi,
                        sd_visit_cell *visit, void *user)
{
    place root = {0};
    e->visit = visit;
    e->user = user;
    e->cells.count = 0;
    for (int64_t b = 0; b < e->blocks; b++)
        e->stay[b] = (sd_stay){INFINITY, -INFINITY};
    sd__forms_start(e->forms, origin, axis);
    SD_TRY(sd__cell_box(&e->cells, lo, hi, &root.cell));
    return descend(e, root);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------- */

static double largest(const sd_forms *forms, int step)
{
    double most = 0;
    for (int64_t i = 0; i < forms->net->step[step].n; i++)
        most = fmax(most, fabs(forms->step[step].form[i]));
    return most;
}

/* At a point: how large the operands of each kink are there. */
static sd_status note_sizes(void *user, const sd_forms *forms, const sd_cells *cells, const sd_cell *cell)
{
    sd_explorer *e = user;
    for (int s = 1; s < e->net->steps; s++) {
        const sd_piece *step = &e->net->step[s];
        for (int i = 0; step->rule->kink != SD_LINEAR && i < step->n_in; i++)
            if (step->in[i].step >= 0)
                e->tolerance[s] = fmax(e->tolerance[s], precision * largest(forms, step->in[i].step));
    }
    double size = largest(forms, e->net->output);
    e->size = fmax(e->size, size);
    return isfinite(size)
               ? SD_OK
               : sd__fail(SD_ENONFINITE, "the network's output is not finite, so there are no linear regions; `sonde "
                                         "probe signal` says where that begins");
}

/* At a point no form varies, so nothing is cut. */
static sd_status at_point(sd_explorer *e, const double *input, sd_visit_cell *visit, void *user)
{
    static const double nowhere[SD_MOST_DIMS];
    double *still = sd__alloc_zeroed((size_t)e->net->inputs * (size_t)SD_MAX(e->cells.dims, 1), sizeof *still);
    int dims = e->cells.dims;
    if (!still)
        return sd__fail(SD_ENOMEM, "no memory for an input");
    e->cells.dims = SD_MIN(dims, 1);
    sd_status status = search(e, input, still, nowhere, nowhere, visit, user);
    e->cells.dims = dims;
    free(still);
    return status;
}

static double inside(double at, double lo, double hi) { return fmin(fmax(at, lo), hi); }

/* Corner number `corner` of the box; one more is its centre. An infinite box is looked at from -1 to 1. */
static void corner_of(const sd_explorer *e, int corner, const double *origin, const double *axis, const double *lo,
                      const double *hi, double *input)
{
    int64_t n = e->net->inputs;
    memcpy(input, origin, (size_t)n * sizeof *input);
    for (int k = 0; k < e->cells.dims; k++) {
        double low = isfinite(lo[k]) ? lo[k] : inside(-1, lo[k], hi[k]),
               high = isfinite(hi[k]) ? hi[k] : inside(1, lo[k], hi[k]);
        double x = corner >> e->cells.dims ? (low + high) / 2 : corner >> k & 1 ? high : low;
        for (int64_t i = 0; i < n; i++)
            input[i] += x * axis[k * n + i];
    }
}

static sd_status take_sizes(sd_explorer *e, const double *origin, const double *axis, const double *lo, const double *hi)
{
    double *input = sd__alloc((size_t)e->net->inputs, sizeof *input);
    sd_status status = input ? SD_OK : sd__fail(SD_ENOMEM, "no memory for an input");
    memset(e->tolerance, 0, (size_t)e->net->steps * sizeof *e->tolerance);
    e->size = 0;
    for (int corner = 0; status == SD_OK && corner <= 1 << e->cells.dims; corner++) {
        corner_of(e, corner, origin, axis, lo, hi, input);
        status = at_point(e, input, note_sizes, e);
    }
    free(input);
    return status;
}

sd_status sd__explore(sd_explorer *e, const double *origin, const double *axis, const double *lo, const double *hi,
                      sd_visit_cell *visit, void *user)
{
    SD_TRY(take_sizes(e, origin, axis, lo, hi));
    return search(e, origin, axis, lo, hi, visit, user);
}

static sd_status note_output(void *user, const sd_forms *forms, const sd_cells *cells, const sd_cell *cell)
{
    memcpy(user, forms->step[forms->net->output].form, (size_t)forms->net->outputs * sizeof(double));
    return SD_OK;
}

sd_status sd__outputs_at(sd_explorer *e, const double *input, double *output)
{
    return at_point(e, input, note_output, output);
}
