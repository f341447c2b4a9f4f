/*
 * attribution_program.c -- gradients of one output along a path of inputs, and the weighted sum of channels of Grad-CAM.
 *
 * A path is a batch: in eval mode the rows know nothing of each other, so one run gives the gradient at all nodes of the rule,
 * and the sum that is the integral is taken inside the program, in f64.
 */
#include "probe/attribution_program.h"

#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <string.h>

#include "base/base.h"
#include "probe/lanczos.h"
#include "probe/subject.h"

static sd_node wide(sd_node x) { return sd_node_dtype(x) == SD_F64 ? x : sd_cast(x, SD_F64); }

/* The outputs of each sample as a row. */
static sd_node rows_of(const sd_anatomy *a, int64_t batch) { return sd_reshape(a->built.output, SD_SHAPE(batch, -1)); }

static sd_node gradient(sd_node z, sd_node pick, sd_node wrt)
{
    sd_node found;
    sd_vjp(1, &z, &pick, 1, &wrt, &found);
    return found;
}

/* ---- integrated gradients ------------------------------------------------------------------------------------------------ */

static sd_status compile_path(sd_path *p, sd_anatomy *a)
{
    int64_t batch = p->steps + 2;
    sd_dtype dtype = p->model->spec.dtype;
    SD_TRY(sd__anatomy_open(p->model, SD_EVAL, batch, a));
    sd_node z = rows_of(a, batch);
    p->outputs = sd_shape_count(sd_node_shape(z)) / batch;
    sd_node pick = sd_broadcast(sd_input(a->graph, "pick", dtype, SD_SHAPE(1, p->outputs)), sd_node_shape(z));
    sd_node g = sd_reshape(gradient(z, pick, a->input), SD_SHAPE(batch, p->inputs));
    sd_node weight = sd_input(a->graph, "weight", dtype, SD_SHAPE(batch, 1));
    sd_node mean = sd_sum(sd_mul(wide(g), wide(weight)), SD_AXIS(0), false);
    sd_node value = sd_sum(sd_mul(wide(z), wide(pick)), SD_AXIS(1), false);
    const sd_output out[] = {{"mean", 0, mean}, {"value", 0, value}};
    return sd_compile(p->model->context, SD_COUNT(out), out, NULL, &p->plan);
}

/* The Gauss-Legendre rule on [0,1] from its recursion's matrix. */
static sd_status make_rule(sd_path *p)
{
    size_t n = (size_t)p->steps;
    double *diagonal = sd__alloc(n, sizeof *diagonal), *beside = sd__alloc(n, sizeof *beside),
           *weight = sd__alloc(n, sizeof *weight);
    sd_status status = SD_OK;
    if (diagonal && beside && weight) {
        for (int k = 1; k <= p->steps; k++) {
            diagonal[k - 1] = 0.5;
            beside[k - 1] = 0.5 * k / sqrt(4.0 * k * k - 1);
        }
        status = sd__tridiagonal_rule(p->steps, diagonal, beside, p->node, weight);
        for (int i = 0; status == SD_OK && i < p->steps + 2; i++)
            sd__set_element(p->weight, p->model->spec.dtype, i, i < p->steps ? weight[i] : 0);
    } else {
        status = sd__fail(SD_ENOMEM, "no memory for a rule of %d steps", p->steps);
    }
    free(diagonal);
    free(beside);
    free(weight);
    return status;
}

static sd_status make_room(sd_path *p)
{
    size_t batch = (size_t)p->steps + 2, size = sd_dtype_size(p->model->spec.dtype), inputs = (size_t)p->inputs;
    p->node = sd__alloc((size_t)p->steps, sizeof *p->node);
    p->weight = sd__alloc_aligned(batch * size);
    p->x = sd__alloc_aligned(batch * inputs * size);
    p->pick = sd__alloc_aligned((size_t)p->outputs * size);
    p->mean = sd__alloc_aligned(inputs * sizeof *p->mean);
    p->value = sd__alloc_aligned(batch * sizeof *p->value);
    p->ids = sd__alloc_zeroed(batch, sizeof *p->ids);
    return p->node && p->weight && p->x && p->pick && p->mean && p->value && p->ids
               ? SD_OK
               : sd__fail(SD_ENOMEM, "no memory for a path of %d steps; take fewer", p->steps);
}

sd_status sd__path_open(sd_model *model, int steps, sd_path *path)
{
    sd_anatomy a = {0};
    *path = (sd_path){.model = model, .steps = steps, .inputs = sd_shape_count(model->spec.input)};
    sd_status status = compile_path(path, &a);
    sd__anatomy_close(&a);
    SD_TRY(status);
    SD_TRY(sd_workspace_new(path->plan, &path->workspace));
    SD_TRY(make_room(path));
    return make_rule(path);
}

void sd__path_free(sd_path *p)
{
    sd_workspace_free(p->workspace);
    sd_plan_free(p->plan);
    free(p->node);
    free(p->weight);
    free(p->x);
    free(p->pick);
    free(p->mean);
    free(p->value);
    free(p->ids);
    *p = (sd_path){0};
}

static void write_pick(void *pick, sd_dtype dtype, int64_t outputs, const sd_explained *what)
{
    for (int64_t c = 0; c < outputs; c++)
        sd__set_element(pick, dtype, c, c == what->output ? what->sign : 0);
}

/* Row by row: the nodes of the rule, then the sample, then the baseline. */
static void write_path(sd_path *p, const double *x, const double *baseline)
{
    for (int row = 0; row < p->steps + 2; row++) {
        double t = row < p->steps ? p->node[row] : row == p->steps;
        for (int64_t i = 0; i < p->inputs; i++)
            sd__set_element(p->x, p->model->spec.dtype, row * p->inputs + i, baseline[i] + t * (x[i] - baseline[i]));
    }
}

sd_status sd__path_run(sd_path *p, const sd_weights *weights, const sd_explained *what, const double *x, const double *baseline,
                       double *attribution, double ends[2])
{
    int32_t step = 0;
    write_pick(p->pick, p->model->spec.dtype, p->outputs, what);
    write_path(p, x, baseline);
    const sd_feed feeds[] = {{"x", p->x},
                             {"ids", p->ids},
                             {"step", &step},
                             {"theta", (void *)(uintptr_t)weights->theta},
                             {"state", (void *)(uintptr_t)weights->state},
                             {"pick", p->pick},
                             {"weight", p->weight},
                             {"mean", p->mean},
                             {"value", p->value},
                             {NULL, NULL}};
    SD_TRY(sd__run_fed(p->plan, p->workspace, feeds, sd_context_pool(p->model->context)));
    for (int64_t i = 0; i < p->inputs; i++)
        attribution[i] = (x[i] - baseline[i]) * p->mean[i];
    ends[0] = p->value[p->steps];
    ends[1] = p->value[p->steps + 1];
    return SD_OK;
}

/* ---- Grad-CAM ------------------------------------------------------------------------------------------------------------ */

static bool has_places(sd_node node)
{
    sd_shape shape = sd_node_shape(node);
    return shape.rank == 4 && shape.dim[1] * shape.dim[2] > 1;
}

/* The layer of that name, or the last with places that the output depends on; -1: there is none. */
static int find_layer(sd_anatomy *a, const char *name)
{
    for (int i = a->book.rows - 1; i >= 0; i--) {
        const sd_layer_row *row = &a->book.row[i];
        if (name ? !strcmp(row->path, name) : has_places(row->output) && sd__depends(a->graph, a->built.output, row->output))
            return i;
    }
    return -1;
}

/* relu(sum over k of a_k A_k), a_k the mean over places of the gradient in A_k. */
static sd_node cam_node(sd_node map, sd_node slope)
{
    sd_node a = sd_mean(wide(slope), SD_AXIS(1) | SD_AXIS(2), true);
    return sd_relu(sd_sum(sd_mul(a, wide(map)), SD_AXIS(3), false));
}

static sd_status compile_cam(sd_cam *c, sd_anatomy *a, const char *layer)
{
    SD_TRY(sd__anatomy_open(c->model, SD_EVAL, c->batch, a));
    int row = find_layer(a, layer);
    if (row < 0)
        return layer ? sd__fail(SD_ENOTFOUND, "the model has no layer \"%s\"; `sonde info` lists its layers", layer) : SD_OK;
    sd_node map = a->book.row[row].output, z = rows_of(a, c->batch);
    if (!has_places(map))
        return sd__fail(SD_EINVAL, "Grad-CAM needs a layer with places: the output of %s has no height and width", layer);
    c->outputs = sd_shape_count(sd_node_shape(z)) / c->batch;
    c->rows = (int)sd_node_shape(map).dim[1];
    c->columns = (int)sd_node_shape(map).dim[2];
    c->layer = strdup(a->book.row[row].path);
    if (!c->layer)
        return sd__fail(SD_ENOMEM, "no memory for the name of a layer");
    sd_node pick = sd_input(a->graph, "pick", c->model->spec.dtype, SD_SHAPE(c->batch, c->outputs));
    const sd_output out = {"cam", 0, cam_node(map, gradient(z, pick, map))};
    return sd_compile(c->model->context, 1, &out, NULL, &c->plan);
}

sd_status sd__cam_open(sd_model *model, int batch, const char *layer, sd_cam *cam)
{
    sd_anatomy a = {0};
    *cam = (sd_cam){.model = model, .batch = batch};
    sd_status status = compile_cam(cam, &a, layer);
    if (status == SD_OK && sd_graph_status(a.graph) != SD_OK)
        status = sd__fail(sd_graph_status(a.graph), "%s", sd_graph_message(a.graph));
    sd__anatomy_close(&a);
    return status == SD_OK && cam->plan ? sd_workspace_new(cam->plan, &cam->workspace) : status;
}

void sd__cam_free(sd_cam *c)
{
    sd_workspace_free(c->workspace);
    sd_plan_free(c->plan);
    free(c->layer);
    *c = (sd_cam){0};
}

sd_status sd__cam_run(sd_cam *c, const sd_weights *weights, const sd_explained *what, const void *x, double *map)
{
    int32_t step = 0;
    size_t size = sd_dtype_size(c->model->spec.dtype);
    char *pick = sd__alloc_aligned((size_t)c->batch * (size_t)c->outputs * size);
    int32_t *ids = sd__alloc_zeroed((size_t)c->batch, sizeof *ids);
    sd_status status = pick && ids ? SD_OK : sd__fail(SD_ENOMEM, "no memory for Grad-CAM");
    if (status == SD_OK) {
        for (int i = 0; i < c->batch; i++)
            write_pick(pick + (size_t)i * (size_t)c->outputs * size, c->model->spec.dtype, c->outputs, &what[i]);
        const sd_feed feeds[] = {{"x", (void *)(uintptr_t)x},
                                 {"ids", ids},
                                 {"step", &step},
                                 {"theta", (void *)(uintptr_t)weights->theta},
                                 {"state", (void *)(uintptr_t)weights->state},
                                 {"pick", pick},
                                 {"cam", map},
                                 {NULL, NULL}};
        status = sd__run_fed(c->plan, c->workspace, feeds, sd_context_pool(c->model->context));
    }
    free(pick);
    free(ids);
    return status;
}
