/* forms.c -- affine functions of all values of a network, and how a change runs through it. */
#include "probe/forms.h"

#include <stdlib.h>
#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------------------------------ */

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory for the values of a network as affine functions"); }

static void make_step(sd_forms *f, const sd_piece *from, sd_forms_step *to)
{
    size_t numbers = (size_t)from->n * (size_t)f->planes;
    to->blocks = from->n / from->block;
    to->form = from->kept ? sd__arena_alloc(&f->arena, numbers, sizeof *to->form) : NULL;
    to->change = sd__arena_alloc(&f->arena, numbers, sizeof *to->change);
    to->marked = sd__arena_alloc(&f->arena, (size_t)to->blocks, sizeof *to->marked);
    to->list = sd__arena_alloc(&f->arena, (size_t)to->blocks, sizeof *to->list);
}

static sd_status make(sd_forms *f)
{
    const sd_piecewise *net = f->net;
    int64_t largest = 1;
    f->step = sd__arena_alloc(&f->arena, (size_t)net->steps, sizeof *f->step);
    f->choice = sd__arena_alloc(&f->arena, (size_t)net->units, sizeof *f->choice);
    for (int s = 0; f->step && s < net->steps; s++) {
        make_step(f, &net->step[s], &f->step[s]);
        for (int i = 0; s && i < net->step[s].n_in; i++)
            largest = SD_MAX(largest, net->step[s].in[i].n);
    }
    f->room = sd__arena_alloc(&f->arena, (size_t)largest * (size_t)f->planes, sizeof *f->room);
    return f->arena.failed ? no_memory() : SD_OK;
}

sd_status sd__forms_new(const sd_piecewise *net, int dims, sd_forms **forms)
{
    *forms = NULL;
    sd_forms *f = sd__alloc_zeroed(1, sizeof *f);
    if (!f)
        return no_memory();
    f->net = net;
    f->planes = dims + 1;
    sd_status status = make(f);
    if (status != SD_OK)
        return sd__forms_free(f), status;
    *forms = f;
    return SD_OK;
}

void sd__forms_free(sd_forms *f)
{
    if (!f)
        return;
    sd__arena_free(&f->arena);
    free(f);
}

/* ---- changes ----------------------------------------------------------------------------------------------------------- */

void sd__forms_mark(sd_forms *f, int step, int64_t begin, int64_t end)
{
    sd_forms_step *s = &f->step[step];
    int64_t block = f->net->step[step].block;
    for (int64_t b = begin / block; b * block < end; b++)
        if (!s->marked[b]) {
            s->marked[b] = true;
            s->list[s->listed++] = b;
        }
}

static void push(sd_forms *f, int to, int operand, int64_t begin, int64_t end, const double *change, int64_t stride)
{
    const sd_piece *step = &f->net->step[to];
    step->rule->push(&(sd_push){.step = step,
                                .in = &step->in[operand],
                                .operand = operand,
                                .planes = f->planes,
                                .begin = begin,
                                .end = end,
                                .change = change,
                                .stride = stride,
                                .out = f->step[to].change,
                                .forms = f,
                                .to = to});
}

/* A block of an operand changed, so a kink's results may. */
static void mark_kink(sd_forms *f, const sd_piece_user *user, int64_t block, int64_t size)
{
    const sd_piece *step = &f->net->step[user->step];
    const sd_incidence *watched = &step->in[0].watched;
    if (!watched->start) {
        sd__forms_mark(f, user->step, block * size, (block + 1) * size);
        return;
    }
    for (int64_t m = watched->start[block]; m < watched->start[block + 1]; m++)
        sd__forms_mark(f, user->step, watched->member[m] * step->block, (watched->member[m] + 1) * step->block);
}

static void pass_block(sd_forms *f, int step, int64_t block)
{
    const sd_piece *from = &f->net->step[step];
    int64_t begin = block * from->block;
    for (int u = 0; u < from->users; u++)
        if (f->net->step[from->user[u].step].rule->kink == SD_LINEAR)
            push(f, from->user[u].step, from->user[u].operand, begin, begin + from->block, f->step[step].change, from->n);
        else
            mark_kink(f, &from->user[u], block, from->block);
}

/* Hands the marked blocks to everyone who reads them, and forgets them. Kinks read forms, not changes. */
static void pass_on(sd_forms *f, int step)
{
    const sd_piece *from = &f->net->step[step];
    sd_forms_step *s = &f->step[step];
    for (int64_t l = 0; l < s->listed; l++) {
        pass_block(f, step, s->list[l]);
        for (int k = 0; k < f->planes; k++)
            memset(s->change + k * from->n + s->list[l] * from->block, 0, (size_t)from->block * sizeof *s->change);
        s->marked[s->list[l]] = false;
    }
    s->listed = 0;
}

void sd__forms_settle(sd_forms *f, int step)
{
    const sd_piece *from = &f->net->step[step];
    sd_forms_step *s = &f->step[step];
    for (int64_t l = 0; s->form && l < s->listed; l++)
        for (int k = 0; k < f->planes; k++) {
            double *form = s->form + k * from->n + s->list[l] * from->block;
            const double *change = s->change + k * from->n + s->list[l] * from->block;
            for (int64_t i = 0; i < from->block; i++)
                form[i] += change[i];
        }
    pass_on(f, step);
}

/* ---- start ------------------------------------------------------------------------------------------------------------- */

static void clear(sd_forms *f)
{
    for (int s = 0; s < f->net->steps; s++) {
        sd_forms_step *step = &f->step[s];
        size_t bytes = (size_t)f->net->step[s].n * (size_t)f->planes * sizeof *step->change;
        memset(step->change, 0, bytes);
        if (step->form)
            memset(step->form, 0, bytes);
        memset(step->marked, 0, (size_t)step->blocks * sizeof *step->marked);
        step->listed = 0;
    }
    memset(f->choice, 0, (size_t)f->net->units * sizeof *f->choice);
    f->pattern = 0;
}

/* Constant terms: biases, offsets, what a concatenation puts beside the values. */
static void add_constants(sd_forms *f, int to)
{
    const sd_piece *step = &f->net->step[to];
    for (int i = 0; step->rule->adds && i < step->n_in; i++) {
        const sd_piece_in *in = &step->in[i];
        if (in->step >= 0)
            continue;
        memset(f->room, 0, (size_t)in->n * (size_t)f->planes * sizeof *f->room);
        memcpy(f->room, in->constant, (size_t)in->n * sizeof *f->room);
        push(f, to, i, 0, in->n, f->room, in->n);
    }
}

void sd__forms_start(sd_forms *f, const double *origin, const double *axis)
{
    clear(f);
    for (int s = 1; s < f->net->steps; s++) {
        add_constants(f, s);
        if (f->net->step[s].rule->kink != SD_LINEAR)
            sd__forms_mark(f, s, 0, f->net->step[s].n);
    }
    size_t bytes = (size_t)f->net->inputs * sizeof *origin;
    memcpy(f->step[0].change, origin, bytes);
    for (int k = 1; k < f->planes; k++)
        memcpy(f->step[0].change + k * f->net->inputs, axis + (k - 1) * f->net->inputs, bytes);
    sd__forms_mark(f, 0, 0, f->net->inputs);
}

/* ---- kinks ------------------------------------------------------------------------------------------------------------- */

uint64_t sd__pattern_key(int64_t unit, int32_t choice)
{
    uint64_t x = (uint64_t)unit * 0x9e3779b97f4a7c15ull + (uint64_t)choice * 0xd1b54a32d192ed03ull + 0x2545f4914f6cdd1dull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return choice ? x ^ x >> 31 : 0;
}

void sd__forms_choose(sd_forms *f, int step, int64_t unit, int32_t choice)
{
    int64_t u = f->net->step[step].first_unit + unit;
    if (choice == f->choice[u])
        return;
    f->pattern += sd__pattern_key(u, choice) - sd__pattern_key(u, f->choice[u]);
    f->choice[u] = choice;
    sd__forms_mark(f, step, unit, unit + 1);
}

sd_form sd__forms_get(const sd_forms *f, int step, int64_t element)
{
    sd_form form = {{0}};
    for (int k = 0; k < f->planes; k++)
        form.c[k] = f->step[step].form[k * f->net->step[step].n + element];
    return form;
}

static sd_form operand(const sd_forms *f, const sd_piece_in *in, int64_t element)
{
    return in->step >= 0 ? sd__forms_get(f, in->step, element) : (sd_form){{in->constant[element]}};
}

static sd_form candidate(const sd_forms *f, const sd_piece *step, int64_t unit, int j)
{
    const sd_incidence *window = &step->in[0].route;
    if (step->rule->kink == SD_SIGN)
        return j ? operand(f, &step->in[0], unit) : (sd_form){{0}};
    return step->paired ? operand(f, &step->in[j], unit) : operand(f, &step->in[0], window->member[window->start[unit] + j]);
}

int sd__candidates(const sd_piece *step, int64_t unit)
{
    const sd_incidence *window = &step->in[0].route;
    return step->rule->kink == SD_SIGN || step->paired ? 2 : (int)(window->start[unit + 1] - window->start[unit]);
}

sd_form sd__forms_lead(const sd_forms *f, int step, int64_t unit, int i, int j)
{
    const sd_piece *s = &f->net->step[step];
    sd_form a = candidate(f, s, unit, s->smallest ? j : i), b = candidate(f, s, unit, s->smallest ? i : j);
    for (int k = 0; k < f->planes; k++)
        a.c[k] -= b.c[k];
    return a;
}

/* Elements [begin,end) of plane k of what the choices make of the operands. */
static void signed_results(const sd_forms *f, const sd_piece *step, int k, int64_t begin, int64_t end, double *now)
{
    const double *from = f->step[step->in[0].step].form + k * step->n;
    const int32_t *choice = f->choice + step->first_unit;
    for (int64_t i = begin; i < end; i++)
        now[i - begin] = step->gain[choice[i]] * from[i] + (k ? 0 : step->jump[choice[i]]);
}

static void chosen_results(const sd_forms *f, const sd_piece *step, int k, int64_t begin, int64_t end, double *now)
{
    const sd_incidence *window = &step->in[0].route;
    for (int64_t i = begin; i < end; i++) {
        int32_t choice = f->choice[step->first_unit + i];
        const sd_piece_in *in = &step->in[step->paired ? choice : 0];
        int64_t element = step->paired ? i : window->member[window->start[i] + choice];
        if (in->step >= 0)
            now[i - begin] = f->step[in->step].form[k * in->n + element];
        else
            now[i - begin] = k ? 0 : in->constant[element];
    }
}

/* Results are set, not added to, so that what is switched off is exactly 0. */
static bool set_results(sd_forms *f, int step, int k, int64_t begin, int64_t end)
{
    const sd_piece *from = &f->net->step[step];
    double *form = f->step[step].form + k * from->n, *change = f->step[step].change + k * from->n, *now = f->room;
    bool changed = false;
    (from->rule->kink == SD_SIGN ? signed_results : chosen_results)(f, from, k, begin, end, now);
    for (int64_t i = begin; i < end; i++) {
        change[i] = now[i - begin] - form[i];
        changed |= change[i] != 0;
        form[i] = now[i - begin];
    }
    return changed;
}

static bool set_block(sd_forms *f, int step, int64_t block)
{
    int64_t size = f->net->step[step].block, begin = block * size;
    bool changed = false;
    for (int k = 0; k < f->planes; k++)
        changed |= set_results(f, step, k, begin, begin + size);
    return changed;
}

/* Of the blocks that may have changed those stay marked that have. */
void sd__forms_emit(sd_forms *f, int step)
{
    sd_forms_step *s = &f->step[step];
    int64_t kept = 0;
    for (int64_t l = 0; l < s->listed; l++) {
        s->marked[s->list[l]] = set_block(f, step, s->list[l]);
        if (s->marked[s->list[l]])
            s->list[kept++] = s->list[l];
    }
    s->listed = kept;
    pass_on(f, step);
}
