/*
 * test_train_faults.c -- what happens when memory runs out while a model is trained, judged, saved or
 * loaded: SD_ENOMEM, no trace.
 */
#include "faults.h"

#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sd_context *context;
static sd_dataset *points;
static sd_model *model;
static char path[64], yaml[64];

static sd_built linear(sd_builder *b, void *user)
{
    (void)user;
    return sd_loss(b, sd_layer_dense(b, b->input, (sd_dense_spec){.units = 2}), (sd_loss_spec){SD_CROSS_ENTROPY, 0});
}

static int begin(void **state)
{
    (void)state;
    static const float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    static const int32_t y[8] = {0, 0, 0, 0, 1, 1, 1, 1};
    sd_memory memory = {.samples = 8, .shape = SD_SHAPE(1), .input = x, .labels = y, .classes = 2};
    sd_model_spec spec = {.build = linear, .input = SD_SHAPE(1), .classes = 2};
    sd_context_options options = {.threads = 1};
    snprintf(path, sizeof path, "/tmp/sonde-faults-%ld.safetensors", (long)getpid());
    snprintf(yaml, sizeof yaml, "/tmp/sonde-faults-%ld.yaml", (long)getpid());
    FILE *file = fopen(yaml, "w");
    if (!file)
        return -1;
    fputs("data: {batch: 4, validation: 2}\nmodel: {layers: [dense: classes]}\ntrain: {epochs: 2}\n", file);
    fclose(file);
    if (sd_context_new(&options, &context) || sd_dataset_from_memory(&memory, &points) ||
        sd_model_new(context, &spec, &model) || sd_model_save(model, path, NULL))
        return -1;
    return 0;
}

static int end(void **state)
{
    (void)state;
    sd_model_free(model);
    sd_dataset_free(points);
    sd_context_free(context);
    return unlink(path) | unlink(yaml);
}

static sd_status save(void) { return sd_model_save(model, path, NULL); }

static sd_status load(void)
{
    uint64_t before = sd_model_hash(model);
    sd_status status = sd_model_load(model, path, 0, NULL, NULL);
    assert_true(sd_model_hash(model) == before); /* the file holds these very weights, and a failure changes none */
    return status;
}

static sd_status judge(void)
{
    sd_scores scores;
    double answer[16];
    SD_TRY(sd_evaluate(model, points, NULL, 4, &scores));
    sd_scores_clear(&scores);
    return sd_predict(model, points, NULL, true, answer);
}

static sd_status observe(void *user, const sd_observation *seen)
{
    (void)user;
    return sd_observation_add(seen, "step", (double)seen->step);
}

static sd_status train(void)
{
    sd_trainer *trainer;
    sd_data data = {.train = points, .validation = points};
    sd_train_options options = {.optimizer = sd_optimizer_default(SD_ADAM), .epochs = 2, .batch = 4, .no_prefetch = true};
    SD_TRY(sd_trainer_new(model, &data, &options, &trainer));
    sd_status status = sd_trainer_observe(trainer, &(sd_observer){"clock", 1, observe, NULL, NULL});
    if (status == SD_OK)
        status = sd_trainer_train(trainer, NULL, NULL);
    sd_trainer_free(trainer);
    return status;
}

static sd_status train_file(void)
{
    sd_trainer *trainer;
    sd_run_options options = {.no_folder = true, .train = points};
    SD_TRY(sd_trainer_from_file(context, yaml, &options, &trainer));
    sd_status status = sd_trainer_train(trainer, NULL, NULL);
    sd_trainer_free(trainer);
    return status;
}

/* One it may do without: a folder that is not flushed is only a little less safe. */
static void saving(void **state) { (void)state, assert_true(starve(save, 1) > 3); }
static void loading(void **state) { (void)state, assert_true(starve(load, 0) > 3); }
static void judging(void **state) { (void)state, assert_true(starve(judge, 0) > 3); }
static void training(void **state) { (void)state, assert_true(starve(train, 0) > 3); }
static void training_from_a_file(void **state) { (void)state, assert_true(starve(train_file, 0) > 100); }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(saving),
        cmocka_unit_test(loading),
        cmocka_unit_test(judging),
        cmocka_unit_test(training),
        cmocka_unit_test(training_from_a_file),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
