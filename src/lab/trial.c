/* trial.c -- spoils examples, and fits networks to them. */
#include "lab/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/digits.h"
#include "lab/draw.h"

sd_status sd__trial_images(sd_lab *lab, const char *name, sd_data *data)
{
    char *folder = NULL;
    sd_status found = sd_named_set_locate(sd_named_set_find(name), NULL, &folder);
    free(folder);
    if (found != SD_OK && sd__lab_full(lab))
        return sd__fail(found, "%s. If it lies elsewhere: --data-dir DIR, or SONDE_DATA, names the folder that holds %s/",
                        sd_error(), name);
    if (found != SD_OK)
        sd__note_missing(lab, name);
    sd_data_options options = {.name = found == SD_OK ? name : "strokes",
                               .limit_test = 2000,
                               .strokes_train = 10000,
                               .strokes_test = 2000,
                               .normalize = SD_NORMALIZE_UNIT};
    return sd_data_open(&options, sd_context_pool(sd__lab_context(lab)), data);
}

const sd_trial_setup sd__trial_setup[SD_TRIAL_SETUPS] = {
    {"mnist", 1000, {.units = 512}, 0.02, false},
    {"cifar-10", 5000, {.filters = 16, .units = 128}, 0.005, true},
};

/* ---- spoiling -------------------------------------------------------------------------------------------------------------- */

sd_status sd__permute_labels(sd_random *random, double share, int64_t n, int32_t *y)
{
    int64_t k = llround(share * (double)n), *chosen = sd__alloc((size_t)n, sizeof *chosen);
    int64_t *from = sd__alloc((size_t)n, sizeof *from);
    int32_t *was = sd__alloc((size_t)n, sizeof *was);
    bool room = chosen && from && was;
    if (room) {
        memcpy(was, y, (size_t)n * sizeof *was);
        sd__draw_order(random, n, chosen);
        sd__draw_order(random, k, from);
        for (int64_t i = 0; i < k; i++)
            y[chosen[i]] = was[chosen[from[i]]];
    }
    free(chosen);
    free(from);
    free(was);
    return room ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %lld labels", (long long)n);
}

sd_status sd__permute_pixels(sd_random *random, int64_t n, int64_t d, float *x)
{
    int64_t *order = sd__alloc((size_t)d, sizeof *order);
    float *was = sd__alloc((size_t)d, sizeof *was);
    bool room = order && was;
    for (int64_t i = 0; room && i < n; i++) {
        memcpy(was, x + i * d, (size_t)d * sizeof *was);
        sd__draw_order(random, d, order);
        for (int64_t j = 0; j < d; j++)
            x[i * d + j] = was[order[j]];
    }
    free(order);
    free(was);
    return room ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %lld pixels", (long long)d);
}

static double share(const sd_examples *s, int class)
{
    int64_t count = 0;
    for (int64_t i = 0; i < s->n; i++)
        count += s->y[i] == class;
    return (double)count / (double)s->n;
}

double sd__label_agreement(const sd_examples *a, const sd_examples *b)
{
    double sum = 0;
    for (int c = 0; c < a->classes; c++)
        sum += share(a, c) * share(b, c);
    return sum;
}

double sd__binomial_excess(int n, const double *share, int64_t answers)
{
    double mean = 0, squares = 0;
    for (int i = 0; i < n; i++)
        mean += share[i] / n;
    for (int i = 0; i < n; i++)
        squares += (share[i] - mean) * (share[i] - mean);
    return sqrt(squares / (n - 1) / (mean * (1 - mean) / (double)answers));
}

/* ---- trials ---------------------------------------------------------------------------------------------------------------- */

sd_status sd__trial_begin(sd_lab *lab, const sd_data *data, const sd_trial_setup *setup, int number, sd_trial *trial)
{
    sd_dataset *rest = NULL;
    *trial = (sd_trial){.normalization = &data->normalization,
                        .rate = setup->rate,
                        .seed = sd__lab_seed(lab, "network", number),
                        .random = sd__lab_random(lab, "permutations", number)};
    SD_TRY(sd_dataset_split(data->train, sd__lab_seed(lab, "examples", number), (double)setup->n, &rest, &trial->drawn));
    sd_dataset_free(rest);
    SD_TRY(sd__examples_read(trial->drawn, trial->normalization, &trial->train));
    return sd__fit_model(sd__lab_context(lab), &trial->train, setup->net, &trial->model);
}

void sd__trial_end(sd_trial *trial)
{
    sd__examples_clear(&trial->train);
    sd_model_free(trial->model);
    sd_dataset_free(trial->drawn);
    *trial = (sd_trial){0};
}

sd_status sd__trial_run(sd_trial *t, double share, bool pixels, const sd_examples *test, sd_fit *fit)
{
    sd_fit_spec spec = {.optimizer = sd_optimizer_default(SD_MOMENTUM), .batch = 20, .seed = t->seed};
    spec.optimizer.lr = t->rate;
    sd__examples_clear(&t->train);
    SD_TRY(sd__examples_read(t->drawn, t->normalization, &t->train));
    SD_TRY(sd__permute_labels(&t->random, share, t->train.n, t->train.y));
    if (pixels)
        SD_TRY(sd__permute_pixels(&t->random, t->train.n, sd_shape_count(t->train.shape), t->train.x));
    return sd__fit(t->model, &t->train, test, &spec, fit);
}
