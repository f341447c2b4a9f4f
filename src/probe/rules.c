/*
 * rules.c -- what each op is to the counter of linear regions: how a change of an operand changes the result,
 * or which choices it makes.
 *
 * Where elements are only moved or added, the op itself says where they go: its own kernel (or derivative) is run on the
 * numbers of the elements.
 */
#include <sonde/autodiff.h>
#include <stdlib.h>
#include <string.h>

#include "ops/conv.h"
#include "ops/matmul.h"
#include "ops/op.h"
#include "ops/pool.h"
#include "probe/forms.h"

static sd_status no_memory(void) { return sd__fail(SD_ENOMEM, "no memory to read a model"); }

/* ---- incidences -------------------------------------------------------------------------------------------------------- */

typedef struct pairs {
    int64_t *from, *to;
    double *weight; /* or NULL */
    int64_t count;
} pairs;

static sd_status pairs_new(int64_t most, bool weighted, pairs *p)
{
    *p = (pairs){.from = sd__alloc((size_t)most, sizeof *p->from), .to = sd__alloc((size_t)most, sizeof *p->to)};
    p->weight = weighted ? sd__alloc((size_t)most, sizeof *p->weight) : NULL;
    return p->from && p->to && (p->weight || !weighted) ? SD_OK : no_memory();
}

static void pairs_free(pairs *p)
{
    free(p->from);
    free(p->to);
    free(p->weight);
}

static void pair(pairs *p, int64_t from, int64_t to, double weight)
{
    p->from[p->count] = from;
    p->to[p->count] = to;
    if (p->weight)
        p->weight[p->count] = weight;
    p->count++;
}

/* Sorts by `from`, of which there are n; the order of equals stays. */
static sd_status incidence(sd_arena *arena, int64_t n, const pairs *p, sd_incidence *made)
{
    made->start = sd__arena_alloc(arena, (size_t)n + 2, sizeof *made->start);
    made->member = sd__arena_alloc(arena, (size_t)p->count, sizeof *made->member);
    made->weight = p->weight ? sd__arena_alloc(arena, (size_t)p->count, sizeof *made->weight) : NULL;
    if (arena->failed)
        return no_memory();
    int64_t *next = made->start + 1; /* shifted by one: filling moves each start to its place */
    for (int64_t i = 0; i < p->count; i++)
        next[p->from[i] + 1]++;
    for (int64_t i = 0; i < n; i++)
        next[i + 1] += next[i];
    for (int64_t i = 0; i < p->count; i++) {
        int64_t at = next[p->from[i]]++;
        made->member[at] = p->to[i];
        if (p->weight)
            made->weight[at] = p->weight[i];
    }
    return SD_OK;
}

static void drop_repetitions(int64_t n, sd_incidence *list)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = list->start[i], end = list->start[i + 1];
        list->start[i] = kept;
        for (int64_t m = first; m < end; m++)
            if (m == first || list->member[m] != list->member[m - 1])
                list->member[kept++] = list->member[m];
    }
    list->start[n] = kept;
}

/* Of a step with windows in `route`. Units come in order, so repetitions stand side by side. */
static sd_status watch(sd_arena *arena, sd_piece *step)
{
    sd_piece_in *in = &step->in[0];
    int64_t block = in->shape.rank ? in->shape.dim[in->shape.rank - 1] : 1;
    pairs p;
    sd_status status = pairs_new(in->route.start[step->n], false, &p);
    for (int64_t u = 0; status == SD_OK && u < step->n; u++)
        for (int64_t m = in->route.start[u]; m < in->route.start[u + 1]; m++)
            pair(&p, in->route.member[m] / block, u / step->block, 1);
    if (status == SD_OK)
        status = incidence(arena, in->n / block, &p, &in->watched);
    if (status == SD_OK)
        drop_repetitions(in->n / block, &in->watched);
    pairs_free(&p);
    return status;
}

/* ---- elementwise ------------------------------------------------------------------------------------------------------- */

static void push_elementwise(const sd_push *p)
{
    const double *weight = p->in->weight, factor = p->in->factor;
    for (int k = 0; k < p->planes; k++) {
        const double *change = p->change + k * p->stride;
        double *out = p->out + k * p->step->n;
        for (int64_t i = p->begin; i < p->end; i++)
            out[i] += factor * (weight ? weight[i] : 1) * change[i];
    }
    sd__forms_mark(p->forms, p->to, p->begin, p->end);
}

static sd_status prepare_sub(sd_context *context, sd_arena *arena, sd_piece *step)
{
    step->in[1].factor = -1;
    return SD_OK;
}

static sd_status prepare_neg(sd_context *context, sd_arena *arena, sd_piece *step)
{
    step->in[0].factor = -1;
    return SD_OK;
}

static sd_status two_vary(const sd_piece *step)
{
    return sd__no_regions(step->path, step->op, "both of whose operands depend on the input");
}

static sd_status prepare_mul(sd_context *context, sd_arena *arena, sd_piece *step)
{
    if (step->in[0].step >= 0 && step->in[1].step >= 0)
        return two_vary(step);
    step->in[0].weight = step->in[1].constant;
    step->in[1].weight = step->in[0].constant;
    return SD_OK;
}

static sd_status prepare_div(sd_context *context, sd_arena *arena, sd_piece *step)
{
    if (step->in[1].step >= 0)
        return sd__no_regions(step->path, step->op, "which divides by what depends on the input");
    double *inverse = sd__arena_alloc(arena, (size_t)step->n, sizeof *inverse);
    for (int64_t i = 0; inverse && i < step->n; i++)
        inverse[i] = 1 / step->in[1].constant[i];
    step->in[0].weight = inverse;
    return inverse ? SD_OK : no_memory();
}

/* ---- moving and adding -------------------------------------------------------------------------------------------------- */

static void push_route(const sd_push *p)
{
    const sd_incidence *route = &p->in->route;
    for (int64_t i = p->begin; i < p->end; i++)
        for (int64_t m = route->start[i]; m < route->start[i + 1]; m++) {
            double weight = route->weight ? route->weight[m] : 1;
            bool any = false;
            for (int k = 0; k < p->planes; k++) {
                double change = p->change[k * p->stride + i];
                p->out[k * p->step->n + route->member[m]] += weight * change;
                any = any || change != 0;
            }
            if (any)
                sd__forms_mark(p->forms, p->to, route->member[m], route->member[m] + 1);
        }
}

/* Names of the inputs of a graph that holds one op. */
typedef char names[SD_MAX_IN][4];

/* The step's op (or another with its attributes) on a graph of its own. */
static sd_node alone(sd_graph *graph, const sd_op *op, const sd_piece *step, names name, sd_node *in)
{
    for (int i = 0; i < step->n_in; i++) {
        name[i][0] = (char)('0' + i / 10);
        name[i][1] = (char)('0' + i % 10);
        name[i][2] = 0;
        in[i] = sd_input(graph, name[i], SD_F64, step->in[i].shape);
    }
    return sd__append(graph, op, step->attr, step->n_in, in);
}

static void count_up(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)(i + 1);
}

/* Operand `which` holds 1, 2, 3, ..., the others 0: y tells which element each of the result's is; 0: none of these. */
static sd_status trace(sd_context *context, const sd_piece *step, int which, double *x, double *y)
{
    names name;
    sd_node in[SD_MAX_IN];
    sd_feed feeds[SD_MAX_IN + 1] = {{0}};
    int64_t at = 0;
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return no_memory();
    sd_node node = alone(graph, step->rule->op, step, name, in);
    for (int i = 0; i < step->n_in; i++) {
        int64_t n = step->in[i].n;
        feeds[i] = (sd_feed){name[i], x + at};
        memset(x + at, 0, (size_t)n * sizeof *x);
        if (i == which)
            count_up(x + at, n);
        at += n;
    }
    sd_status status = sd_eval(context, node, feeds, y);
    sd_graph_free(graph);
    return status;
}

static sd_status move_operand(sd_context *context, sd_arena *arena, sd_piece *step, int which, double *x, double *y)
{
    pairs p;
    SD_TRY(trace(context, step, which, x, y));
    sd_status status = pairs_new(step->n, false, &p);
    for (int64_t o = 0; status == SD_OK && o < step->n; o++)
        if (y[o] > 0)
            pair(&p, (int64_t)y[o] - 1, o, 1);
    if (status == SD_OK)
        status = incidence(arena, step->in[which].n, &p, &step->in[which].route);
    pairs_free(&p);
    return status;
}

/* Every element of the result is one element of an operand, or 0. */
static sd_status prepare_move(sd_context *context, sd_arena *arena, sd_piece *step)
{
    int64_t all = 0;
    for (int i = 0; i < step->n_in; i++)
        all += step->in[i].n;
    double *x = sd__alloc((size_t)all, sizeof *x), *y = sd__alloc((size_t)step->n, sizeof *y);
    sd_status status = x && y ? SD_OK : no_memory();
    for (int i = 0; status == SD_OK && i < step->n_in; i++)
        status = move_operand(context, arena, step, i, x, y);
    free(x);
    free(y);
    return status;
}

/* The derivative of a sum hands 1, 2, 3, ... back to the elements that went into each; x [operand] receives it. */
static sd_status trace_sum(sd_context *context, const sd_piece *step, double *x, double *y)
{
    names name;
    sd_node in[SD_MAX_IN], back = {0};
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return no_memory();
    sd_node sum = alone(graph, &sd__op_sum, step, name, in);
    sd_node numbers = sd_input(graph, "numbers", SD_F64, step->shape);
    sd_vjp(1, &sum, &numbers, 1, in, &back);
    count_up(y, step->n);
    sd_status status = sd_eval(context, back, (sd_feed[]){{"numbers", y}, {0}}, x);
    sd_graph_free(graph);
    return status;
}

/* Which element of the result an element of the operand goes to; for windows the other way round. */
static sd_status prepare_sum(sd_context *context, sd_arena *arena, sd_piece *step)
{
    pairs p = {0};
    bool window = step->rule->kink == SD_WINDOW;
    int64_t n = step->in[0].n;
    double *x = sd__alloc((size_t)n, sizeof *x), *y = sd__alloc((size_t)step->n, sizeof *y);
    sd_status status = x && y ? trace_sum(context, step, x, y) : no_memory();
    if (status == SD_OK)
        status = pairs_new(n, false, &p);
    for (int64_t i = 0; status == SD_OK && i < n; i++)
        pair(&p, window ? (int64_t)x[i] - 1 : i, window ? i : (int64_t)x[i] - 1, 1);
    if (status == SD_OK)
        status = incidence(arena, window ? step->n : n, &p, &step->in[0].route);
    if (status == SD_OK && window)
        status = watch(arena, step);
    pairs_free(&p);
    free(x);
    free(y);
    return status;
}

/* ---- pooling ----------------------------------------------------------------------------------------------------------- */

/* The elements of the window of one unit, in row-major order. Returns how many. */
static int window_of(const sd_piece *step, int64_t unit, int64_t *element)
{
    const sd_pool_attr *a = step->attr;
    int64_t channels = step->shape.dim[3], width = step->shape.dim[2];
    int64_t c = unit % channels, q = unit / channels % width, p = unit / channels / width;
    int count = 0;
    for (int64_t r = 0; r < a->window.size[0]; r++)
        for (int64_t s = 0; s < a->window.size[1]; s++) {
            int64_t h = sd__window_element(a, 0, p, r), w = sd__window_element(a, 1, q, s);
            if (h >= 0 && w >= 0)
                element[count++] = (h * a->image[1] + w) * channels + c;
        }
    return count;
}

/* A mean leads from elements to the windows that they lie in, a maximum from windows to their elements. */
static sd_status prepare_pool(sd_context *context, sd_arena *arena, sd_piece *step)
{
    const sd_window *w = &((const sd_pool_attr *)step->attr)->window;
    bool mean = step->rule->kink == SD_LINEAR;
    int64_t taps = w->size[0] * w->size[1];
    pairs p = {0};
    int64_t *element = sd__alloc((size_t)taps, sizeof *element);
    sd_status status = element ? pairs_new(step->n * taps, mean, &p) : no_memory();
    for (int64_t u = 0; status == SD_OK && u < step->n; u++) {
        int count = window_of(step, u, element);
        for (int i = 0; i < count; i++)
            pair(&p, mean ? element[i] : u, mean ? u : element[i], 1.0 / count);
    }
    if (status == SD_OK)
        status = incidence(arena, mean ? step->in[0].n : step->n, &p, &step->in[0].route);
    if (status == SD_OK && !mean)
        status = watch(arena, step);
    pairs_free(&p);
    free(element);
    return status;
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

static bool changes(const sd_push *p, int64_t element)
{
    for (int k = 0; k < p->planes; k++)
        if (p->change[k * p->stride + element] != 0)
            return true;
    return false;
}

/* n elements of the result from `at` on, one after the other, change by change_k * w[j * w_step]. */
static void add_row(const sd_push *p, int64_t element, int64_t at, int64_t n, const double *w, int64_t w_step)
{
    for (int k = 0; k < p->planes; k++) {
        double change = p->change[k * p->stride + element], *out = p->out + k * p->step->n + at;
        for (int64_t j = 0; change != 0 && w_step == 1 && j < n; j++)
            out[j] += change * w[j];
        for (int64_t j = 0; change != 0 && w_step != 1 && j < n; j++)
            out[j] += change * w[j * w_step];
    }
    sd__forms_mark(p->forms, p->to, at, at + n);
}

/* a [..., m,k] b [..., k,n] */
typedef struct product {
    int64_t m, k, n;
    bool turned_a, turned_b; /* stored the other way round */
} product;

static product product_of(const sd_piece *step)
{
    const sd_matmul_attr *attr = step->attr;
    const sd_shape *y = &step->shape, *a = &step->in[0].shape;
    return (product){.m = y->dim[y->rank - 2],
                     .k = a->dim[a->rank - (attr->transposed_a ? 2 : 1)],
                     .n = y->dim[y->rank - 1],
                     .turned_a = attr->transposed_a,
                     .turned_b = attr->transposed_b};
}

/* An element of a reaches a row of the result through a row of b. */
static void push_left(const sd_push *p, const product *s, int64_t e)
{
    int64_t matrix = e / (s->m * s->k), in = e % (s->m * s->k);
    int64_t row = s->turned_a ? in % s->m : in / s->k, column = s->turned_a ? in / s->m : in % s->k;
    const double *b = p->step->in[1].constant + matrix * s->k * s->n + column * (s->turned_b ? 1 : s->n);
    add_row(p, e, (matrix * s->m + row) * s->n, s->n, b, s->turned_b ? s->k : 1);
}

/* An element of b reaches a column of the result through a column of a. */
static void push_right(const sd_push *p, const product *s, int64_t e)
{
    int64_t matrix = e / (s->k * s->n), in = e % (s->k * s->n);
    int64_t row = s->turned_b ? in % s->k : in / s->n, column = s->turned_b ? in / s->k : in % s->n;
    const double *a = p->step->in[0].constant + matrix * s->m * s->k + row * (s->turned_a ? s->m : 1);
    for (int64_t i = 0; i < s->m; i++)
        add_row(p, e, (matrix * s->m + i) * s->n + column, 1, a + i * (s->turned_a ? 1 : s->k), 1);
}

static void push_matmul(const sd_push *p)
{
    product s = product_of(p->step);
    for (int64_t e = p->begin; e < p->end; e++)
        if (changes(p, e) && p->operand == 0)
            push_left(p, &s, e);
        else if (changes(p, e))
            push_right(p, &s, e);
}

static sd_status prepare_matmul(sd_context *context, sd_arena *arena, sd_piece *step)
{
    return step->in[0].step >= 0 && step->in[1].step >= 0 ? two_vary(step) : SD_OK;
}

/* The position whose tap `tap` lies on image element `element`, or -1. */
static int64_t position_of(const sd_conv_attr *a, int axis, int64_t element, int64_t tap)
{
    int64_t offset = element + a->window.pad_lo[axis] - tap * a->window.dilation[axis], stride = a->window.stride[axis];
    return offset < 0 || offset % stride || offset / stride >= sd__window_positions(a, axis) ? -1 : offset / stride;
}

/* An element reaches, at each position whose window covers it, all filters of its group. */
static void push_pixel(const sd_push *p, int64_t e)
{
    const sd_conv_attr *a = p->step->attr;
    int64_t filters = p->step->shape.dim[3], width = p->step->shape.dim[2], channels = p->in->shape.dim[3];
    int64_t per_group = channels / a->window.groups, made = filters / a->window.groups;
    int64_t c = e % channels, v = e / channels % a->image[1], h = e / channels / a->image[1], first = c / per_group * made;
    for (int64_t r = 0; r < a->window.size[0]; r++)
        for (int64_t s = 0; s < a->window.size[1]; s++) {
            int64_t row = position_of(a, 0, h, r), column = position_of(a, 1, v, s);
            int64_t tap = ((r * a->window.size[1] + s) * per_group + c % per_group) * filters + first;
            if (row >= 0 && column >= 0)
                add_row(p, e, (row * width + column) * filters + first, made, p->step->in[1].constant + tap, 1);
        }
}

static void push_conv(const sd_push *p)
{
    for (int64_t e = p->begin; e < p->end; e++)
        if (changes(p, e))
            push_pixel(p, e);
}

static sd_status prepare_conv(sd_context *context, sd_arena *arena, sd_piece *step)
{
    return step->in[1].step >= 0 ? sd__no_regions(step->path, step->op, "whose filter depends on the input") : SD_OK;
}

/* ---- kinks ------------------------------------------------------------------------------------------------------------- */

static sd_status sign(sd_piece *step, double gain_off, double gain_on, double jump_on)
{
    step->gain[0] = gain_off;
    step->gain[1] = gain_on;
    step->jump[1] = jump_on;
    return SD_OK;
}

static sd_status prepare_relu(sd_context *context, sd_arena *arena, sd_piece *step) { return sign(step, 0, 1, 0); }
static sd_status prepare_abs(sd_context *context, sd_arena *arena, sd_piece *step) { return sign(step, -1, 1, 0); }
static sd_status prepare_step(sd_context *context, sd_arena *arena, sd_piece *step) { return sign(step, 0, 0, 1); }

static sd_status prepare_leaky(sd_context *context, sd_arena *arena, sd_piece *step)
{
    return sign(step, *(const double *)step->attr, 1, 0);
}

static sd_status prepare_paired(sd_context *context, sd_arena *arena, sd_piece *step)
{
    step->paired = true;
    step->smallest = step->rule->op == &sd__op_min;
    return SD_OK;
}

/* ---- the table --------------------------------------------------------------------------------------------------------- */

static const sd_rule rules[] = {
    {&sd__op_add, SD_LINEAR, true, NULL, push_elementwise},
    {&sd__op_sub, SD_LINEAR, true, prepare_sub, push_elementwise},
    {&sd__op_neg, SD_LINEAR, false, prepare_neg, push_elementwise},
    {&sd__op_mul, SD_LINEAR, false, prepare_mul, push_elementwise},
    {&sd__op_div, SD_LINEAR, false, prepare_div, push_elementwise},
    {&sd__op_reshape, SD_LINEAR, false, NULL, push_elementwise},
    {&sd__op_barrier, SD_LINEAR, false, NULL, push_elementwise},
    {&sd__op_stop_gradient, SD_LINEAR, false, NULL, push_elementwise},
    {&sd__op_permute, SD_LINEAR, false, prepare_move, push_route},
    {&sd__op_broadcast, SD_LINEAR, false, prepare_move, push_route},
    {&sd__op_slice, SD_LINEAR, false, prepare_move, push_route},
    {&sd__op_pad, SD_LINEAR, false, prepare_move, push_route},
    {&sd__op_concat, SD_LINEAR, true, prepare_move, push_route},
    {&sd__op_sum, SD_LINEAR, false, prepare_sum, push_route},
    {&sd__op_avgpool, SD_LINEAR, false, prepare_pool, push_route},
    {&sd__op_matmul, SD_LINEAR, false, prepare_matmul, push_matmul},
    {&sd__op_conv2d, SD_LINEAR, false, prepare_conv, push_conv},
    {&sd__op_relu, SD_SIGN, false, prepare_relu, NULL},
    {&sd__op_leaky_relu, SD_SIGN, false, prepare_leaky, NULL},
    {&sd__op_abs, SD_SIGN, false, prepare_abs, NULL},
    {&sd__op_step, SD_SIGN, false, prepare_step, NULL}, /* cuts too, and jumps there */
    {&sd__op_maxpool, SD_WINDOW, false, prepare_pool, NULL},
    {&sd__op_reduce_max, SD_WINDOW, false, prepare_sum, NULL},
    {&sd__op_max, SD_WINDOW, false, prepare_paired, NULL},
    {&sd__op_min, SD_WINDOW, false, prepare_paired, NULL},
};

const sd_rule *sd__rule_of(const sd_op *op)
{
    for (size_t i = 0; i < SD_COUNT(rules); i++)
        if (rules[i].op == op)
            return &rules[i];
    return NULL;
}

bool sd__rule_expands(const sd_op *op)
{
    return op == &sd__op_dense || op == &sd__op_bias_relu || op == &sd__op_batch_norm_eval;
}
