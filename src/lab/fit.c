/* fit.c -- trains a network until it makes no mistake on its training examples. */
#include "lab/fit.h"

#include <stdlib.h>

#include "classic/logistic.h"

/* ---- examples -------------------------------------------------------------------------------------------------------------- */

static sd_status read_all(const sd_dataset *dataset, const sd_normalization *normalization, sd_examples *s)
{
    int32_t *every = sd__alloc((size_t)s->n, sizeof *every);
    if (!every)
        return sd__fail(SD_ENOMEM, "no memory for %lld positions", (long long)s->n);
    for (int64_t i = 0; i < s->n; i++)
        every[i] = (int32_t)i;
    sd_status status = sd_dataset_read(dataset, (int)s->n, every, SD_F32, normalization, s->x, s->y, NULL);
    free(every);
    return status;
}

sd_status sd__examples_read(const sd_dataset *dataset, const sd_normalization *normalization, sd_examples *examples)
{
    const sd_dataset_info *info = sd_dataset_get(dataset);
    if (info->target != SD_TARGET_CLASS)
        return sd__fail(SD_EINVAL, "%s has no classes; examples with labels are expected", info->name);
    sd_examples s = {.n = info->samples, .shape = info->shape, .classes = info->classes};
    s.x = sd__alloc((size_t)(s.n * sd_shape_count(s.shape)), sizeof *s.x);
    s.y = sd__alloc((size_t)s.n, sizeof *s.y);
    sd_status status = s.x && s.y ? read_all(dataset, normalization, &s) : sd__fail(SD_ENOMEM, "%s: no memory", info->name);
    if (status != SD_OK)
        sd__examples_clear(&s);
    *examples = s;
    return status;
}

void sd__examples_clear(sd_examples *examples)
{
    free(examples->x);
    free(examples->y);
    *examples = (sd_examples){0};
}

sd_examples sd__examples_part(const sd_examples *examples, int64_t first, int64_t n)
{
    sd_examples part = *examples;
    part.n = n;
    part.x += first * sd_shape_count(part.shape);
    part.y += first;
    return part;
}

/* ---- the network ----------------------------------------------------------------------------------------------------------- */

typedef struct classifier {
    sd_fit_net net;
    int classes;
} classifier;

static sd_node relu(sd_builder *builder, sd_node x) { return sd_layer_activation(builder, x, SD_RELU, 0, NULL); }

static sd_node convolution(sd_builder *builder, sd_node x, int64_t filters)
{
    sd_conv_spec spec = {.filters = filters, .kernel = {3}, .stride = {2}, .padding = SD_PAD_SAME};
    return relu(builder, sd_layer_conv(builder, x, spec));
}

static sd_built build(sd_builder *builder, void *user)
{
    const classifier *c = user;
    sd_node h = builder->input;
    if (c->net.filters)
        h = convolution(builder, convolution(builder, h, c->net.filters), 2 * c->net.filters);
    if (c->net.units)
        h = relu(builder, sd_layer_dense(builder, h, (sd_dense_spec){.units = c->net.units}));
    h = sd_layer_dense(builder, h, (sd_dense_spec){.units = c->classes});
    return sd_loss(builder, h, (sd_loss_spec){.kind = SD_CROSS_ENTROPY});
}

sd_status sd__fit_model(sd_context *context, const sd_examples *examples, sd_fit_net net, sd_model **model)
{
    classifier *c = sd__alloc(1, sizeof *c);
    if (!c)
        return sd__fail(SD_ENOMEM, "no memory for a network");
    *c = (classifier){net, examples->classes};
    sd_model_spec spec = {.build = build, .user = c, .release = free, .input = examples->shape, .classes = examples->classes};
    return sd_model_new(context, &spec, model);
}

/* ---- training -------------------------------------------------------------------------------------------------------------- */

/* Ends training when the training part, which is also what is looked at after every epoch, has no mistake left. */
static bool watch(void *user, const sd_progress *progress)
{
    sd_fit *fit = user;
    if (progress->kind != SD_PROGRESS_EPOCH)
        return true;
    fit->epochs = progress->epoch;
    fit->whole = progress->validation->accuracy == 1;
    fit->course[progress->epoch - 1] = progress->validation->accuracy;
    return !fit->whole;
}

static sd_status as_dataset(const sd_examples *s, sd_dataset **dataset)
{
    return sd_dataset_from_memory(
        &(sd_memory){.samples = s->n, .shape = s->shape, .dtype = SD_F32, .input = s->x, .labels = s->y, .classes = s->classes},
        dataset);
}

/* fit: of "train until", or NULL: nobody watches, and nothing is looked at after an epoch. */
static sd_status train(sd_model *model, sd_dataset *train, const sd_fit_spec *spec, int64_t epochs, sd_fit *fit)
{
    sd_trainer *trainer;
    sd_data data = {.train = train, .validation = fit ? train : NULL};
    sd_train_options options = {.optimizer = spec->optimizer,
                                .epochs = epochs,
                                .batch = spec->batch,
                                .seed = spec->seed,
                                .no_prefetch = true,
                                .monitor = SD_MONITOR_ACCURACY};
    SD_TRY(sd_trainer_new(model, &data, &options, &trainer));
    sd_status status = sd_trainer_train(trainer, fit ? watch : NULL, fit);
    sd_trainer_free(trainer);
    return status;
}

sd_status sd__train_epochs(sd_model *model, const sd_examples *examples, const sd_fit_spec *spec, int64_t epochs)
{
    sd_dataset *dataset;
    SD_TRY(as_dataset(examples, &dataset));
    sd_status status = train(model, dataset, spec, epochs, NULL);
    sd_dataset_free(dataset);
    return status;
}

static sd_status train_until(sd_model *model, sd_dataset *examples, const sd_fit_spec *spec, sd_fit *fit)
{
    sd_status status = train(model, examples, spec, SD_FIT_EPOCHS, fit);
    for (int64_t e = fit->epochs; e < SD_FIT_EPOCHS; e++)
        fit->course[e] = 1;
    return status == SD_ECANCELLED && fit->whole ? SD_OK : status; /* that is how watch() ends it */
}

static sd_status accuracy(sd_model *model, sd_dataset *dataset, double *to)
{
    sd_scores scores;
    SD_TRY(sd_evaluate(model, dataset, NULL, 0, &scores));
    *to = scores.accuracy;
    sd_scores_clear(&scores);
    return SD_OK;
}

sd_status sd__fit(sd_model *model, const sd_examples *train, const sd_examples *test, const sd_fit_spec *spec, sd_fit *fit)
{
    sd_dataset *learnt = NULL, *fresh = NULL;
    *fit = (sd_fit){0};
    sd_status status = as_dataset(train, &learnt);
    if (status == SD_OK)
        status = as_dataset(test, &fresh);
    if (status == SD_OK)
        status = sd_model_init(model, spec->seed);
    if (status == SD_OK)
        status = train_until(model, learnt, spec, fit);
    if (status == SD_OK)
        status = accuracy(model, learnt, &fit->train);
    if (status == SD_OK)
        status = accuracy(model, fresh, &fit->test);
    sd_dataset_free(learnt);
    sd_dataset_free(fresh);
    return status;
}

/* ---- the linear control ------------------------------------------------------------------------------------------------------ */

sd_status sd__linear_accuracy(sd_context *context, const sd_examples *train, const sd_examples *test, double strength,
                              double *accuracy)
{
    sd_logistic *logistic = NULL;
    sd_minimum minimum;
    int64_t d = sd_shape_count(train->shape), right = 0;
    sd_classified samples = {train->n, d, train->classes, SD_F32, train->x, train->y};
    double *w = sd__alloc_zeroed((size_t)((d + 1) * train->classes), sizeof *w);
    int32_t *named = sd__alloc((size_t)test->n, sizeof *named);
    sd_status status =
        w && named ? sd__logistic_new(context, &samples, &logistic) : sd__fail(SD_ENOMEM, "no memory for a linear model");
    if (status == SD_OK)
        status = sd__logistic_fit(logistic, strength, 1e-3, w, &minimum);
    if (status == SD_OK)
        sd__logistic_classify(w, d, train->classes, test->n, SD_F32, test->x, named);
    for (int64_t i = 0; i < test->n && status == SD_OK; i++)
        right += named[i] == test->y[i];
    *accuracy = (double)right / (double)test->n;
    sd__logistic_free(logistic);
    free(w);
    free(named);
    return status;
}
