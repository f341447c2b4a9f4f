/* judged.c -- runs a model over samples and keeps its probabilities beside the labels. */
#include "probe/judged.h"

#include <math.h>
#include <stdlib.h>

#include "base/base.h"
#include "nn/model.h"
#include "probe/subject.h"
#include "train/tally.h"

void sd__judged_clear(sd_judged *j)
{
    free(j->p);
    free(j->label);
    free(j->target);
    free(j->guess);
    free(j->error);
    free(j->spread);
    *j = (sd_judged){0};
}

static sd_status make_room(sd_judged *j)
{
    size_t n = (size_t)j->n, cells = n * (size_t)j->columns;
    j->p = sd__alloc(cells, sizeof *j->p);
    j->error = sd__alloc_zeroed(n, sizeof *j->error);
    if (j->classes) {
        j->label = sd__alloc(n, sizeof *j->label);
        j->guess = sd__alloc(n, sizeof *j->guess);
    } else {
        j->target = sd__alloc(cells, sizeof *j->target);
        j->spread = sd__alloc_zeroed(n, sizeof *j->spread);
    }
    bool good = j->p && j->error && (j->classes ? j->label && j->guess : j->target && j->spread);
    return good ? SD_OK : sd__fail(SD_ENOMEM, "no memory for the outputs of %lld samples", (long long)j->n);
}

/* ---- one sample --------------------------------------------------------------------------------------------------------- */

static void take_class(sd_judged *j, int64_t i, int32_t guess, int32_t label)
{
    double *p = j->p + i * j->columns;
    sd__softmax(j->columns, p);
    j->label[i] = label;
    j->guess[i] = guess;
    j->error[i] = guess != label;
    j->surprise -= log(fmax(p[label], 1e-300)) / (double)j->n;
}

static void take_target(sd_judged *j, int64_t i, const void *targets, sd_dtype dtype, int64_t row)
{
    for (int64_t c = 0; c < j->columns; c++) {
        double t = j->target[i * j->columns + c] = sd__element(targets, dtype, row * j->columns + c);
        double gap = j->p[i * j->columns + c] - t;
        j->error[i] += gap * gap;
    }
}

/* A single logit z is that of class 1 against class 0. False: an output is not finite. */
static bool take_output(sd_judged *j, int64_t i, const void *output, sd_dtype dtype, int64_t width, int64_t row)
{
    bool finite = true;
    double *p = j->p + i * j->columns;
    p[0] = 0;
    for (int64_t c = 0; c < width; c++) {
        double z = sd__element(output, dtype, row * width + c);
        p[c + j->columns - width] = z;
        finite = finite && isfinite(z);
    }
    return finite;
}

/* ---- all of them -------------------------------------------------------------------------------------------------------- */

typedef struct judging {
    const sd_subject *subject;
    sd_judged *j;
    sd_loader *loader;
    int64_t width; /* numbers that come out for one sample */
    void *output;  /* [batch, width] */
    void *losses;  /* [batch] */
} judging;

static sd_status take_batch(const judging *g, const sd_batch *batch, int64_t first)
{
    sd_dtype dtype = sd_model_dtype(g->subject->model);
    int64_t rows = SD_MIN((int64_t)batch->valid, g->j->n - first);
    for (int64_t row = 0; row < rows; row++) {
        int64_t i = first + row;
        if (!take_output(g->j, i, g->output, dtype, g->width, row))
            return sd__fail(SD_ENONFINITE, "what the network says of sample %d is not finite", batch->ids[row]);
        if (batch->labels)
            take_class(g->j, i, sd__predicted_class(g->output, dtype, row, g->width, g->j->classes), batch->labels[row]);
        else
            take_target(g->j, i, batch->targets, dtype, row);
        g->j->loss += sd__element(g->losses, dtype, row) / (double)g->j->n;
    }
    return SD_OK;
}

static sd_status run_all(judging *g)
{
    const sd_subject *s = g->subject;
    sd_batch batch;
    for (int64_t first = 0; first < g->j->n; first += batch.size) {
        SD_TRY(sd_loader_next(g->loader, &batch));
        sd_model_io io = {.x = batch.input,
                          .y = batch.labels ? (const void *)batch.labels : batch.targets,
                          .ids = batch.ids,
                          .theta = s->theta,
                          .state = s->state,
                          .losses = g->losses,
                          .output = g->output};
        SD_TRY(sd_model_run(s->model, SD_EVAL, batch.size, &io));
        SD_TRY(take_batch(g, &batch, first));
    }
    return SD_OK;
}

static void measure_spread(sd_judged *j)
{
    for (int64_t c = 0; c < j->columns; c++) {
        double mean = 0;
        for (int64_t i = 0; i < j->n; i++)
            mean += (j->target[i * j->columns + c] - mean) / (double)(i + 1);
        for (int64_t i = 0; i < j->n; i++) {
            double gap = j->target[i * j->columns + c] - mean;
            j->spread[i] += gap * gap;
        }
    }
}

static sd_status judge_batches(judging *g)
{
    const sd_subject *s = g->subject;
    sd_dtype dtype = sd_model_dtype(s->model);
    int batch = (int)sd__subject_batch(s, g->j->n);
    sd_loader_options options = {.batch = batch, .dtype = dtype, .pad = true, .normalization = s->normalization};
    g->output = sd__alloc((size_t)batch * (size_t)g->width, sd_dtype_size(dtype));
    g->losses = sd__alloc((size_t)batch, sd_dtype_size(dtype));
    sd_status status =
        g->output && g->losses ? make_room(g->j) : sd__fail(SD_ENOMEM, "no memory for the outputs of %d samples", batch);
    if (status == SD_OK)
        status = sd_loader_new((sd_dataset *)(uintptr_t)s->data, &options, &g->loader); /* counts one owner more for a while */
    if (status == SD_OK)
        status = run_all(g);
    if (status == SD_OK && !g->j->classes)
        measure_spread(g->j);
    sd_loader_free(g->loader);
    free(g->output);
    free(g->losses);
    return status;
}

static sd_status check_slices(sd_layout layout, const void *vector, const char *what)
{
    for (int i = 0; i < layout.count; i++)
        for (int64_t k = 0; k < layout.slice[i].length; k++)
            if (!isfinite(sd__element(vector, layout.slice[i].dtype, layout.slice[i].offset + k)))
                return sd__fail(SD_ENONFINITE, "the %s of %s are not finite", what, layout.slice[i].name);
    return SD_OK;
}

static sd_status judge(judging *g)
{
    const sd_subject *s = g->subject;
    sd_model *model = s->model;
    sd_judged *j = g->j;
    SD_TRY(sd__check_fit(model, s->data, true));
    SD_TRY(check_slices(sd_model_params(model), s->theta ? s->theta : model->theta, "weights"));
    SD_TRY(check_slices(sd_model_states(model), s->state ? s->state : model->state, "states"));
    g->width = sd__output_columns(model);
    j->n = sd_subject_samples(s);
    j->classes = sd_model_classes(model);
    j->columns = j->classes ? j->classes : sd_model_targets(model);
    j->surprise = j->classes ? 0 : NAN;
    if (g->width != j->columns && !(j->classes == 2 && g->width == 1))
        return sd__fail(SD_EINVAL, "the network has %lld outputs, which do not answer to %lld %s", (long long)g->width,
                        (long long)j->columns, j->classes ? "classes" : "targets");
    return judge_batches(g);
}

sd_status sd__judge(const sd_subject *subject, sd_judged *j)
{
    judging g = {.subject = subject, .j = j};
    *j = (sd_judged){0};
    sd_status status = judge(&g);
    if (status != SD_OK)
        sd__judged_clear(j);
    return status;
}
