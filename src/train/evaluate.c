/* evaluate.c -- a model in eval mode over a whole data set: its scores, or its outputs. */
#include <stdlib.h>

#include "tensor/element.h"
#include "train/tally.h"

#define EVAL_BATCH 256

int64_t sd__output_columns(const sd_model *model) { return sd_shape_count(sd_model_output(model)); }

sd_status sd__check_fit(const sd_model *model, const sd_dataset *dataset, bool targets)
{
    char a[SD_SHAPE_TEXT], b[SD_SHAPE_TEXT];
    const sd_dataset_info *info = sd_dataset_get(dataset);
    if (!sd_shape_equal(info->shape, sd_model_input(model)))
        return sd__fail(SD_ESHAPE, "samples of %s have shape %s, but the model takes %s", info->name,
                        sd_shape_text(info->shape, a), sd_shape_text(sd_model_input(model), b));
    if (targets && info->classes != sd_model_classes(model))
        return sd__fail(SD_ESHAPE, "%s has %d classes, but the model was made for %d", info->name, info->classes,
                        sd_model_classes(model));
    if (targets && info->targets != sd_model_targets(model))
        return sd__fail(SD_ESHAPE, "%s has %d targets, but the model was made for %d", info->name, info->targets,
                        sd_model_targets(model));
    if (targets && info->target == SD_TARGET_NONE)
        return sd__fail(SD_EINVAL, "%s has neither labels nor targets to compare with", info->name);
    return SD_OK;
}

/* Room for the results of one batch, and where they go. */
typedef struct pass {
    sd_model *model;
    sd_loader *loader;
    int64_t columns;
    void *losses; /* [batch] */
    void *output; /* [batch, columns] */
} pass;

static void pass_end(pass *p)
{
    sd_loader_free(p->loader);
    free(p->losses);
    free(p->output);
}

static sd_status pass_begin(pass *p, sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, int batch)
{
    size_t size = sd_dtype_size(sd_model_dtype(model));
    *p = (pass){.model = model, .columns = sd__output_columns(model)};
    sd_loader_options options = {.batch = batch,
                                 .dtype = sd_model_dtype(model),
                                 .pad = true,
                                 .normalization = normalization,
                                 .pool = sd_context_pool(sd_model_context(model))};
    SD_TRY(sd_loader_new(dataset, &options, &p->loader));
    p->losses = sd__alloc((size_t)batch, size);
    p->output = sd__alloc((size_t)batch * (size_t)p->columns, size);
    if (p->losses && p->output)
        return SD_OK;
    pass_end(p);
    return sd__fail(SD_ENOMEM, "no memory for the outputs of %d samples", batch);
}

static sd_status tally_all(pass *p, sd_tally *tally, sd_look look)
{
    sd_batch batch;
    for (int64_t i = 0, n = sd_loader_batches(p->loader); i < n; i++) {
        if (look.cancel && atomic_load(look.cancel))
            return sd__fail(SD_ECANCELLED, "cancelled while a data set was being looked at");
        SD_TRY(sd_loader_next(p->loader, &batch));
        sd_model_io io = {.x = batch.input,
                          .y = batch.labels ? (const void *)batch.labels : batch.targets,
                          .ids = batch.ids,
                          .theta = look.theta,
                          .state = look.state,
                          .losses = p->losses,
                          .output = p->output};
        SD_TRY(sd_model_run(p->model, SD_EVAL, batch.size, &io));
        sd__tally_add(tally, &batch, sd_model_dtype(p->model), p->losses, p->output);
    }
    return SD_OK;
}

sd_status sd__evaluate(sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, sd_look look,
                       sd_scores *scores)
{
    pass p;
    sd_tally tally;
    *scores = (sd_scores){0};
    SD_TRY(sd__check_fit(model, dataset, true));
    SD_TRY(sd__tally_init(&tally, sd_model_classes(model), sd__output_columns(model)));
    sd_status status = pass_begin(&p, model, dataset, normalization, look.batch > 0 ? look.batch : EVAL_BATCH);
    if (status == SD_OK) {
        status = tally_all(&p, &tally, look);
        pass_end(&p);
    }
    if (status == SD_OK)
        *scores = sd__tally_scores(&tally);
    sd__tally_clear(&tally);
    return status;
}

sd_status sd_evaluate(sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, int batch, sd_scores *scores)
{
    return sd__evaluate(model, dataset, normalization, (sd_look){.batch = batch}, scores);
}

/* ---- outputs ----------------------------------------------------------------------------------------------------------- */

int64_t sd_predict_columns(const sd_model *model, bool probabilities)
{
    int64_t columns = sd__output_columns(model);
    return probabilities && columns == 1 && sd_model_classes(model) != 1 ? 2 : columns;
}

/* One row: the numbers as they are, or as probabilities. A single logit z is that of class 1 against 0. */
static void write_row(const pass *p, int64_t row, bool probabilities, double *to)
{
    sd_dtype dtype = sd_model_dtype(p->model);
    int64_t columns = sd_predict_columns(p->model, probabilities), skipped = columns - p->columns;
    to[0] = 0;
    for (int64_t c = 0; c < p->columns; c++)
        to[c + skipped] = sd__element(p->output, dtype, row * p->columns + c);
    if (probabilities)
        sd__softmax(columns, to);
}

static sd_status predict_all(pass *p, bool probabilities, double *output)
{
    sd_batch batch;
    for (int64_t i = 0, n = sd_loader_batches(p->loader); i < n; i++) {
        SD_TRY(sd_loader_next(p->loader, &batch));
        sd_model_io io = {.x = batch.input, .ids = batch.ids, .output = p->output};
        SD_TRY(sd_model_run(p->model, SD_EVAL, batch.size, &io));
        for (int row = 0; row < batch.valid; row++, output += sd_predict_columns(p->model, probabilities))
            write_row(p, row, probabilities, output);
    }
    return SD_OK;
}

sd_status sd_predict(sd_model *model, sd_dataset *dataset, const sd_normalization *normalization, bool probabilities,
                     double *output)
{
    pass p;
    SD_TRY(sd__check_fit(model, dataset, false));
    int64_t samples = sd_dataset_get(dataset)->samples;
    SD_TRY(pass_begin(&p, model, dataset, normalization, (int)SD_MIN(samples, EVAL_BATCH)));
    sd_status status = predict_all(&p, probabilities, output);
    pass_end(&p);
    return status;
}
