/* test_overview_faults.c -- what happens when memory runs out while page one of a report is made. */
#include "faults.h"

#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "probe/overview.h"

enum { N = 24, SIDE = 3 };

static sd_context *context;
static sd_examination e;

static sd_built network(sd_builder *b, void *user)
{
    (void)user;
    sd_node h = sd_layer_flatten(b, b->input, NULL);
    sd_node z = sd_layer_dense(b, h, (sd_dense_spec){.units = b->classes ? b->classes : b->targets});
    return sd_loss(b, z, (sd_loss_spec){b->classes ? SD_CROSS_ENTROPY : SD_MSE, 0});
}

static sd_dataset *images(bool classes)
{
    static uint8_t x[N][SIDE * SIDE];
    static int32_t y[N];
    static double t[N];
    sd_random random = sd__random(3, 0);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < SIDE * SIDE; j++)
            x[i][j] = (uint8_t)sd__random_below(&random, 256);
        y[i] = i % 2;
        t[i] = i;
    }
    sd_memory m = {.samples = N, .shape = SD_SHAPE(SIDE, SIDE, 1), .dtype = SD_U8, .input = x, .copy = true};
    m.labels = classes ? y : NULL;
    m.classes = classes ? 2 : 0;
    m.targets = classes ? NULL : t;
    m.n_targets = !classes;
    m.target_dtype = SD_F64;
    sd_dataset *data;
    assert_ok(sd_dataset_from_memory(&m, &data));
    return data;
}

static sd_status look(void)
{
    sd_section one, folded;
    SD_TRY(sd__section_begin(&one)); /* its memory is jansson's */
    SD_TRY(sd__section_begin(&folded));
    sd_status status = sd__overview(&e, NULL, &one, &folded);
    if (status == SD_OK && (one.failed || folded.failed))
        status = sd__fail(SD_ENOMEM, "a section is void");
    sd__section_clear(&one);
    sd__section_clear(&folded);
    return status;
}

/* Every sample has its equal in the other part, and a log is there, so that every part of the page is made. */
static void page_one_without_memory(void **state)
{
    (void)state;
    char folder[] = "/tmp/sonde-test-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    const char *const files[][2] = {
        {"config.yaml", "model: {}\n"},
        {"metrics.jsonl", "{\"event\":\"epoch\",\"step\":3,\"epoch\":1,\"train_loss\":1,\"train_accuracy\":0.5}\n"}};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i][0]);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fputs(files[i][1], file);
        assert_int_equal(fclose(file), 0);
    }
    for (int classes = 0; classes < 2; classes++) {
        sd_model *model;
        sd_model_spec spec = {
            .build = network, .input = SD_SHAPE(SIDE, SIDE, 1), .classes = classes ? 2 : 0, .targets = !classes};
        assert_ok(sd_model_new(context, &spec, &model));
        e = (sd_examination){.part = "train", .effort = SD_EFFORT_QUICK};
        e.trained = (sd_trained){.model = model, .step = 3, .epoch = 1, .checkpoint = folder};
        e.data = (sd_data){.train = images(classes), .test = images(classes)};
        e.run = (sd_subject){.model = model, .data = e.data.train};
        assert_ok(sd_untrained(model, &e.theta, &e.state));
        assert_ok(look()); /* the model's programs are made and kept */
        assert_true(starve(look, 0) > 100);
        free(e.theta);
        free(e.state);
        sd_dataset_free(e.data.train);
        sd_dataset_free(e.data.test);
        sd_model_free(model);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, files[i][0]);
        unlink(path);
    }
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(page_one_without_memory)};
    if (sd_context_new(&(sd_context_options){.threads = 1}, &context) != SD_OK)
        return 1;
    int status = cmocka_run_group_tests_name("page one without memory", tests, NULL, NULL);
    sd_context_free(context);
    return status;
}
