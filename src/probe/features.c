/* features.c -- see features.h. A program of its own gives the layers' outputs; averages are taken from what it writes. */
#include "probe/features.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "base/pool.h"
#include "nn/model.h"

enum { INPUT = -1, OUTPUT = -2 };

/* ---- places ------------------------------------------------------------------------------------------------------------ */

static sd_feature_place place_of(const char *name, int row, sd_shape shape, int64_t most)
{
    sd_feature_place p = {.name = name, .row = row, .shape = shape, .read = sd_shape_count(shape)};
    if (p.read <= most || shape.rank != 3)
        return p;
    int side = SD_MAX(1, (int)sqrt((double)most / (double)shape.dim[2]));
    p.grid[0] = (int)SD_MIN((int64_t)side, shape.dim[0]);
    p.grid[1] = (int)SD_MIN((int64_t)side, shape.dim[1]);
    p.read = p.grid[0] * p.grid[1] * shape.dim[2];
    return p;
}

sd_status sd__feature_places(const sd_model *model, int64_t most, sd_feature_place **places, int *count)
{
    const sd_layer_book *book = &model->book;
    sd_feature_place *p = *places = sd__alloc((size_t)book->rows + 2, sizeof *p);
    uint32_t last = 0;
    *count = 0;
    if (!p)
        return sd__fail(SD_ENOMEM, "no memory for a list of layers");
    p[(*count)++] = place_of("input", INPUT, model->spec.input, most);
    for (int i = 0; i < book->rows; i++)
        if (book->row[i].role & SD_LAYER_NONLINEAR) {
            last = book->row[i].output.id;
            p[(*count)++] = place_of(book->row[i].path, i, sd__example_of(sd_node_shape(book->row[i].output)), most);
        }
    if (last != model->built.output.id)
        p[(*count)++] = place_of("output", OUTPUT, sd__example_of(sd_node_shape(model->built.output)), most);
    return SD_OK;
}

/* ---- the program ------------------------------------------------------------------------------------------------------- */

typedef struct reader {
    const sd_subject *subject;
    const sd_samples *samples;
    int n;
    const sd_feature_place *place;
    const int64_t *row;
    void *const *matrix;
    size_t size;          /* of a number */
    int64_t first, batch; /* of the samples under way */
    void **output;        /* [n] what the program writes: [batch, shape] */
} reader;

static sd_status compile_into(const reader *r, sd_graph *g, sd_output *output, char (*slot)[16], sd_layer_book *book,
                              sd_plan **plan)
{
    sd_built built;
    sd_model *model = r->subject->model;
    SD_TRY(sd__model_build(model, g, r->subject->training ? SD_TRAIN : SD_EVAL, r->batch, &built, book));
    for (int i = 0; i < r->n; i++) {
        int row = r->place[i].row;
        snprintf(slot[i], sizeof slot[i], "at%d", i);
        output[i] = (sd_output){.slot = slot[i], .node = row == OUTPUT ? built.output : book->row[row].output};
    }
    return sd_compile(model->context, r->n, output, NULL, plan);
}

static sd_status compile(const reader *r, sd_plan **plan)
{
    sd_layer_book book = {0};
    sd_graph *g = sd_graph_new();
    sd_output *output = sd__alloc((size_t)r->n, sizeof *output);
    char(*slot)[16] = sd__alloc((size_t)r->n, sizeof *slot);
    sd_status status =
        g && output && slot ? compile_into(r, g, output, slot, &book, plan) : sd__fail(SD_ENOMEM, "no memory for a program");
    sd__book_free(&book);
    sd_graph_free(g);
    free(output);
    free(slot);
    return status;
}

static void *output_of(void *user, const char *slot)
{
    const reader *r = user;
    return !strncmp(slot, "at", 2) ? r->output[atoi(slot + 2)] : NULL;
}

/* ---- averages ---------------------------------------------------------------------------------------------------------- */

/*
 * Cell i of a side of n numbers cut into `cells`: from floor(i n / cells) to ceil((i+1) n / cells), so
 * that every number counts.
 */
static void span(int64_t n, int cells, int i, int64_t *from, int64_t *to)
{
    *from = i * n / cells;
    *to = ((i + 1) * n + cells - 1) / cells;
}

static double cell(const sd_feature_place *p, sd_dtype dtype, const void *map, int64_t offset, int i, int j, int64_t channel)
{
    double sum = 0;
    int64_t top, bottom, left, right, width = p->shape.dim[1], channels = p->shape.dim[2];
    span(p->shape.dim[0], p->grid[0], i, &top, &bottom);
    span(width, p->grid[1], j, &left, &right);
    for (int64_t y = top; y < bottom; y++)
        for (int64_t x = left; x < right; x++)
            sum += sd__element(map, dtype, offset + (y * width + x) * channels + channel);
    return sum / (double)((bottom - top) * (right - left));
}

/* One sample's numbers of place k go to its row. */
static void store(const reader *r, int k, int64_t sample)
{
    const sd_feature_place *p = &r->place[k];
    sd_dtype dtype = r->subject->model->spec.dtype;
    int64_t count = sd_shape_count(p->shape), from = (sample - r->first) * count, to = r->row[sample] * p->read;
    if (!p->grid[0]) {
        memcpy((char *)r->matrix[k] + (size_t)to * r->size, (char *)r->output[k] + (size_t)from * r->size,
               (size_t)count * r->size);
        return;
    }
    for (int i = 0; i < p->grid[0]; i++)
        for (int j = 0; j < p->grid[1]; j++)
            for (int64_t c = 0; c < p->shape.dim[2]; c++)
                sd__set_element(r->matrix[k], dtype, to++, cell(p, dtype, r->output[k], from, i, j, c));
}

static void store_sample(void *user, int part)
{
    const reader *r = user;
    for (int k = 0; k < r->n; k++)
        store(r, k, r->first + part);
}

static sd_status check_finite(const reader *r)
{
    sd_dtype dtype = r->subject->model->spec.dtype;
    for (int k = 0; k < r->n; k++)
        for (int64_t i = 0; i < r->batch; i++)
            for (int64_t j = 0; j < r->place[k].read; j++)
                if (!isfinite(sd__element(r->matrix[k], dtype, r->row[r->first + i] * r->place[k].read + j)))
                    return sd__fail(SD_ENONFINITE,
                                    "what comes out of %s is not finite; `sonde probe signal` says where that begins",
                                    r->place[k].name);
    return SD_OK;
}

/* ---- together ---------------------------------------------------------------------------------------------------------- */

static sd_status read_batches(reader *r, int64_t until)
{
    sd_plan *plan = NULL;
    sd_workspace *workspace = NULL;
    sd_status status = compile(r, &plan);
    if (status == SD_OK)
        status = sd_workspace_new(plan, &workspace);
    for (; status == SD_OK && r->first + r->batch <= until; r->first += r->batch) {
        status = sd__subject_run(r->subject, r->samples, r->first, plan, workspace, output_of, r);
        if (status != SD_OK)
            break;
        sd__pool_run(sd_context_pool(r->subject->model->context), store_sample, r, (int)r->batch);
        status = check_finite(r);
    }
    sd_workspace_free(workspace);
    sd_plan_free(plan);
    return status;
}

static sd_status read_layers(reader *r)
{
    int64_t n = r->samples->n, batch = sd__subject_batch(r->subject, n);
    for (int k = 0; k < r->n; k++) {
        r->output[k] = sd__alloc((size_t)batch * (size_t)sd_shape_count(r->place[k].shape), r->size);
        if (!r->output[k])
            return sd__fail(SD_ENOMEM, "no memory for what comes out of %s; take smaller batches", r->place[k].name);
    }
    r->batch = batch;
    SD_TRY(read_batches(r, n));
    r->batch = n - r->first; /* the last may be smaller */
    return r->batch ? read_batches(r, n) : SD_OK;
}

/* The input needs no program: the samples are it. */
static sd_status read_input(reader r)
{
    void *output = r.samples->x;
    r.n = 1;
    r.output = &output;
    r.batch = r.samples->n;
    for (int64_t i = 0; i < r.samples->n; i++)
        store(&r, 0, i);
    return check_finite(&r);
}

sd_status sd__features_read(const sd_subject *subject, const sd_samples *samples, int n, const sd_feature_place *places,
                            const int64_t *row, void *const *matrix)
{
    reader r = {.subject = subject,
                .samples = samples,
                .n = n,
                .place = places,
                .row = row,
                .matrix = matrix,
                .size = sd_dtype_size(subject->model->spec.dtype)};
    if (n && places[0].row == INPUT) {
        SD_TRY(read_input(r));
        r.n--;
        r.place++;
        r.matrix++;
    }
    if (!r.n)
        return SD_OK;
    r.output = sd__alloc_zeroed((size_t)r.n, sizeof *r.output);
    sd_status status = r.output ? read_layers(&r) : sd__fail(SD_ENOMEM, "no memory for features");
    for (int k = 0; r.output && k < r.n; k++)
        free(r.output[k]);
    free(r.output);
    return status;
}
