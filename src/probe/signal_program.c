/*
 * signal_program.c -- builds the program that sums up a batch's signal and gradient in every layer.
 *
 * Sums are taken in f64 inside the program, so no activation is copied out and a mean far from 0 costs no
 * digits of the deviation.
 */
#include "probe/signal_program.h"

#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <string.h>

#include "classic/mean_field.h"
#include "ops/op.h"

/* A program under construction. */
typedef struct maker {
    sd_anatomy a;
    sd_signal_program *program;
    sd_output *output;
    int outputs;
    bool brief;
} maker;

/* ---- outputs ----------------------------------------------------------------------------------------------------------- */

static void put(maker *m, const char *slot, int64_t offset, sd_node node)
{
    sd_output *output = sd__grown(m->output, (size_t)m->outputs, sizeof *output);
    if (!output) {
        sd_graph_fail(m->a.graph, SD_ENOMEM, "no memory for the sums of a program");
        return;
    }
    m->output = output;
    m->output[m->outputs++] = (sd_output){.slot = slot, .offset = offset, .node = node};
}

static int put_sum(maker *m, sd_node x)
{
    put(m, "sums", m->program->sums, sd_sum(x, SD_ALL_AXES, false));
    return m->program->sums++;
}

static sd_node wide(sd_node x) { return sd_node_dtype(x) == SD_F64 ? x : sd_cast(x, SD_F64); }
static sd_node squared(sd_node x) { return sd_square(wide(x)); }
static int64_t elements(sd_node x) { return sd_shape_count(sd__example_of(sd_node_shape(x))); }

/* Every axis but the last, which counts the units; all of a vector [B]. */
static uint32_t all_but_units(sd_shape shape) { return shape.rank < 2 ? SD_ALL_AXES : (1u << (shape.rank - 1)) - 1; }

static void add_output(maker *m, sd_signal_site *s, sd_node y)
{
    sd_shape shape = sd_node_shape(y);
    uint32_t axes = all_but_units(shape);
    s->elements = elements(y);
    s->units = shape.rank < 2 ? 1 : shape.dim[shape.rank - 1];
    s->first_unit = m->program->units;
    m->program->units += s->units;
    s->place[SD_SUM_VALUE] = put_sum(m, wide(y));
    s->place[SD_SUM_SQUARE] = put_sum(m, squared(y));
    put(m, "highest", s->first_unit, sd_reduce_max(y, axes, false));
    put(m, "lowest", s->first_unit, sd_reduce_max(sd_neg(y), axes, false));
}

/* How far the output is from each input with as many elements. */
static void add_changes(maker *m, sd_signal_site *s, sd_node y, int n, const sd_node *x)
{
    for (int i = 0; i < n; i++)
        if (elements(x[i]) == s->elements) {
            int place = put_sum(m, sd_square(sd_sub(wide(y), wide(sd_reshape(x[i], sd_node_shape(y))))));
            s->change = s->changes++ ? s->change : place;
            put_sum(m, squared(x[i]));
        }
}

/* The gradient that reaches x through y alone: other readers of x do not count. */
static sd_node through(sd_node y, sd_node gradient, sd_node x)
{
    sd_node back;
    sd_vjp(1, &y, &gradient, 1, &x, &back);
    return back;
}

/* ---- activations --------------------------------------------------------------------------------------------------------- */

static void add_activation(maker *m, sd_signal_site *s, const sd_layer_row *row, sd_node x)
{
    sd_node y = row->output, slope = through(y, sd_constant_like(y, 1), x);
    sd_node limit = sd_constant_like(slope, SD_SATURATED * sd__steepest(row->kind));
    sd_node flat = sd_cast(sd_compare(sd_abs(slope), SD_LT, limit), SD_F64);
    sd_node leaky = sd__layer_node(&m->a, row, &sd__op_leaky_relu);
    s->place[SD_SUM_FLAT] = put_sum(m, flat);
    put(m, "awake", s->first_unit, sd_reduce_max(sd_shift(sd_neg(flat), 1), all_but_units(sd_node_shape(y)), false));
    s->leak = leaky.id ? *(const double *)sd__attr(leaky) : NAN;
}

/* ---- linear maps --------------------------------------------------------------------------------------------------------- */

static sd_node ones(sd_graph *graph, sd_shape shape) { return sd_constant(graph, SD_F64, shape, 1); }

/* A filter of ones over one channel, and the window that it slides by. */
static sd_node one_filter(const sd_window *window, sd_graph *graph, sd_window *one)
{
    *one = *window;
    one->groups = 1;
    return ones(graph, SD_SHAPE(window->size[0], window->size[1], 1, 1));
}

/* For every element of an image the number of windows that it lies in, [1,H,W,1]. */
static sd_node windows_at(const sd_window *window, sd_node x, sd_node y)
{
    sd_window one;
    sd_shape in = sd_node_shape(x), out = sd_node_shape(y);
    sd_node filter = one_filter(window, x.graph, &one);
    return sd_conv2d_dx(ones(x.graph, SD_SHAPE(1, out.dim[1], out.dim[2], 1)), filter, one, in.dim[1], in.dim[2]);
}

/* For every position of the window the taps inside the image, [1,OH,OW,1]. */
static sd_node taps_at(const sd_window *window, sd_node x)
{
    sd_window one;
    sd_shape in = sd_node_shape(x);
    sd_node filter = one_filter(window, x.graph, &one);
    return sd_conv2d(ones(x.graph, SD_SHAPE(1, in.dim[1], in.dim[2], 1)), filter, one);
}

static void add_linear(maker *m, sd_signal_site *s, const sd_linear_map *map, sd_node y, sd_node gradient)
{
    const sd_window *window = map->window;
    sd_shape out = sd_node_shape(y);
    sd_node input = squared(map->x);
    s->weight = map->weight;
    s->windows = window ? out.dim[1] * out.dim[2] * window->groups : 1;
    s->place[SD_SUM_INPUT] = put_sum(m, window ? sd_mul(input, windows_at(window, map->x, y)) : input);
    if (!gradient.id)
        return;
    sd_node fan = sd_scale(squared(gradient), (double)map->inputs);
    s->place[SD_SUM_FAN] = put_sum(m, window ? sd_mul(fan, taps_at(window, map->x)) : fan);
}

/* ---- layers -------------------------------------------------------------------------------------------------------------- */

static void start_site(sd_signal_program *p, const char *name, const char *kind, sd_signal_site *s)
{
    *s = (sd_signal_site){
        .name = sd__arena_text(&p->arena, name), .kind = sd__arena_text(&p->arena, kind), .weight = -1, .leak = NAN};
    for (int i = 0; i < SD_SIGNAL_SUMS; i++)
        s->place[i] = -1;
}

/* What the mean field is compared with. */
static void add_theory(maker *m, const sd_layer_row *row, sd_signal_site *s, sd_node x, bool activation, sd_node gradient)
{
    sd_linear_map map;
    bool linear = sd__layer_linear(&m->a, row, &map);
    if (linear)
        add_linear(m, s, &map, row->output, gradient);
    else if (activation)
        s->place[SD_SUM_INPUT] = put_sum(m, squared(x));
    if ((linear || activation) && gradient.id)
        s->place[SD_SUM_BACK] = put_sum(m, squared(through(row->output, gradient, x)));
}

/* gradient: of the loss in the layer's output; poisoned where there is no loss. */
static void add_layer(maker *m, const sd_layer_row *row, sd_signal_site *s, sd_node gradient)
{
    sd_node x[SD_MAX_IN], y = row->output;
    int n = sd__layer_inputs(&m->a, row, x);
    bool activation = n == 1 && isfinite(sd__steepest(row->kind)) && elements(x[0]) == elements(y);
    s->computes = sd__layer_computes(&m->a, row);
    s->inputs = elements(x[0]);
    add_output(m, s, y);
    if (gradient.id)
        s->place[SD_SUM_GRADIENT] = put_sum(m, squared(gradient));
    if (activation)
        add_activation(m, s, row, x[0]);
    if (m->brief)
        return;
    if (s->computes)
        add_changes(m, s, y, n, x);
    if (n == 1)
        add_theory(m, row, s, x[0], activation, gradient);
}

static void add_input(maker *m, sd_signal_site *s, sd_node gradient)
{
    add_output(m, s, m->a.input);
    s->computes = true;
    if (gradient.id)
        s->place[SD_SUM_GRADIENT] = put_sum(m, squared(gradient));
}

/*
 * The gradients of the sum of the losses: in the layers' outputs and, last, in the input; those in theta are put out at once.
 */
static sd_status add_gradients(maker *m, sd_node *gradient)
{
    int count = m->a.model->params.count, layers = m->a.book.rows, n = layers + 1 + count;
    sd_node *wrt = sd__alloc((size_t)n, sizeof *wrt), *grad = sd__alloc((size_t)n, sizeof *grad);
    sd_status status = wrt && grad ? SD_OK : sd__fail(SD_ENOMEM, "no memory for the gradients of %d layers", layers);
    if (status == SD_OK) {
        for (int i = 0; i < layers; i++)
            wrt[i] = m->a.book.row[i].output;
        wrt[layers] = m->a.input;
        for (int i = 0; i < count; i++)
            wrt[layers + 1 + i] = sd_param_node(m->a.graph, i);
        m->program->loss = put_sum(m, wide(m->a.built.losses));
        sd_grad(sd_sum(m->a.built.losses, SD_ALL_AXES, false), n, wrt, grad);
        memcpy(gradient, grad, ((size_t)layers + 1) * sizeof *gradient);
        for (int i = 0; i < count; i++)
            put(m, "grad", m->a.model->params.slice[i].offset, grad[layers + 1 + i]);
    }
    free(wrt);
    free(grad);
    return status;
}

static sd_status add_layers(maker *m, sd_node *gradient)
{
    sd_signal_program *p = m->program;
    if (p->has_loss)
        SD_TRY(add_gradients(m, gradient));
    for (int i = 0; i < p->layers; i++)
        start_site(p, m->a.book.row[i].path, m->a.book.row[i].kind, &p->site[i]);
    start_site(p, "input", "input", &p->site[p->layers]);
    if (p->arena.failed)
        return sd__fail(SD_ENOMEM, "no memory for the names of %d layers", p->layers);
    for (int i = 0; i < p->layers; i++)
        add_layer(m, &m->a.book.row[i], &p->site[i], gradient[i]);
    add_input(m, &p->site[p->layers], gradient[p->layers]);
    return SD_OK;
}

static sd_status make(maker *m)
{
    sd_signal_program *p = m->program;
    int slices = m->a.model->params.count;
    p->layers = m->a.book.rows;
    p->has_loss = sd_node_ok(m->a.built.loss) && sd_node_ok(m->a.built.losses);
    sd_node *gradient = sd__alloc_zeroed((size_t)p->layers + 1, sizeof *gradient);
    p->site = sd__alloc_zeroed((size_t)p->layers + 1, sizeof *p->site);
    p->owner = sd__alloc((size_t)slices + 1, sizeof *p->owner);
    for (int i = 0; p->owner && i < slices; i++)
        p->owner[i] = sd__book_find(&m->a.book, m->a.model->params.slice[i].name);
    sd_status status =
        gradient && p->site && p->owner ? add_layers(m, gradient) : sd__fail(SD_ENOMEM, "no memory for %d layers", p->layers);
    free(gradient);
    SD_TRY(status);
    SD_TRY(sd_compile(m->a.model->context, m->outputs, m->output, NULL, &p->plan));
    return sd_workspace_new(p->plan, &p->workspace);
}

sd_status sd__signal_program(sd_model *model, sd_mode mode, int64_t batch, bool brief, sd_signal_program *program)
{
    maker m = {.program = program, .brief = brief};
    *program = (sd_signal_program){0};
    sd_status status = sd__anatomy_open(model, mode, batch, &m.a);
    if (status == SD_OK)
        status = make(&m);
    sd__anatomy_close(&m.a);
    free(m.output);
    return status;
}

void sd__signal_program_free(sd_signal_program *p)
{
    sd_workspace_free(p->workspace);
    sd_plan_free(p->plan);
    free(p->site);
    free(p->owner);
    sd__arena_free(&p->arena);
    *p = (sd_signal_program){0};
}

/* ---- the mean field ------------------------------------------------------------------------------------------------------ */

/* Kinds of layers that are activations, their largest slope, and the function; without one, a leaky ReLU. */
static const struct {
    const char *kind;
    double steepest;
    const sd_phi *phi;
} activations[] = {
    {"sigmoid", 0.25, &sd__phi_sigmoid}, {"tanh", 1, &sd__phi_tanh},      {"relu", 1, &sd__phi_relu}, {"leaky", 1, NULL},
    {"softplus", 1, &sd__phi_softplus},  {"gelu", 1.1289, &sd__phi_gelu}, /* at the square root of 2 */
};

static int activation_of(const char *kind)
{
    for (int i = 0; i < (int)SD_COUNT(activations); i++)
        if (!strcmp(kind, activations[i].kind))
            return i;
    return -1;
}

double sd__steepest(const char *kind)
{
    int i = activation_of(kind);
    return i < 0 ? NAN : activations[i].steepest;
}

void sd__activation_squares(const char *kind, double leak, double q, double *square, double *slope)
{
    int i = activation_of(kind);
    const sd_phi *phi = i < 0 ? NULL : activations[i].phi;
    *slope = i < 0 ? NAN : phi ? sd__mean_field_back(phi, 1, q) : (1 + leak * leak) / 2;
    *square = i < 0 ? NAN : phi ? sd__mean_field_next(phi, 1, q) : q * (1 + leak * leak) / 2;
}
