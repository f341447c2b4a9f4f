/* test_nn_faults.c -- what happens when memory runs out in configurations, models and optimizers. */
#include "faults.h"

#include <sonde/nn.h>
#include <sonde/optim.h>
#include <string.h>

#include "format/config.h"
#include "nn/yaml.h"

static sd_context *context;

static sd_config *tree; /* of the scenario that runs: freed by its end whatever happens */

static sd_status change(void)
{
    SD_TRY(sd__config_set(tree, "a.b.c=[1, {x: y}]"));
    SD_TRY(sd__config_put(tree, "list", "[~, {}]"));
    return sd__config_put_text(tree, "note", "yes");
}

static sd_status write_copy(void)
{
    sd_config *copy;
    sd_string text = {0};
    SD_TRY(sd__config_copy(tree->root, &copy));
    sd_status status = sd__config_write(copy->root, &text);
    assert_int_equal(status != SD_OK, text.failed);
    free(text.text);
    sd__config_free(copy);
    return status;
}

static sd_status use_config(void)
{
    static const char *const text = "a: &x {p: 1, q: [2, 3, 4, 5, 6]}\nb: *x\nc: [*x, \"text\", ~]\n";
    SD_TRY(sd__config_parse("a.yaml", text, strlen(text), &tree));
    sd_status status = change();
    if (status == SD_OK)
        status = write_copy();
    sd__config_free(tree);
    return status;
}

/* The number of a bad value is a message: without memory for it, the call says so. */
static sd_status use_messages(void)
{
    const char *const names[] = {"one", "two"};
    int value;
    SD_TRY(sd__config_parse("a.yaml", "a: tow", 6, &tree));
    sd_status status = sd__config_choice(sd__config_get(tree->root, "a"), 2, names, &value);
    sd__config_free(tree);
    assert_int_not_equal(status, SD_OK);
    return status == SD_EFORMAT ? SD_OK : status;
}

static const char *const text_of_model = "model:\n"
                                         "  input: [4, 4, 1]\n"
                                         "  layers:\n"
                                         "    - conv: {filters: 2, padding: same}\n"
                                         "    - batch_norm\n"
                                         "    - residual: [relu, block: [dropout: 0.5]]\n"
                                         "    - maxpool: 2\n"
                                         "    - dense: {units: classes, init: orthogonal}\n"
                                         "freeze: [conv1]\n";

static sd_status use(sd_model *model)
{
    float x[2 * 16] = {0};
    int32_t y[2] = {0, 1};
    double loss;
    const char *frozen = "dense1";
    float *grad = sd_model_vector(model);
    sd_status status = grad ? SD_OK : SD_ENOMEM;
    if (status == SD_OK)
        status =
            sd_model_run(model, SD_TRAIN, 2, &(sd_model_io){.x = x, .y = y, .loss = &loss, .grad = grad, .next_state = true});
    if (status == SD_OK)
        status = sd_model_describe(model) ? SD_OK : SD_ENOMEM;
    if (status == SD_OK)
        status = sd_model_set_frozen(model, 1, &frozen);
    free(grad);
    return status;
}

static sd_status use_model(void)
{
    const sd_model_data data = {.classes = 3};
    sd_model *model;
    SD_TRY(sd__config_parse("a.yaml", text_of_model, strlen(text_of_model), &tree));
    sd_status status = sd__model_from_config(context, tree->root, &data, &model);
    sd__config_free(tree);
    if (status == SD_OK)
        status = use(model);
    sd_model_free(model);
    return status;
}

static sd_status use_help(void)
{
    char *text = sd_layers_help();
    free(text);
    return text ? SD_OK : SD_ENOMEM;
}

static sd_status use_optimizer(void)
{
    static const sd_slice slice = {.name = "w", .length = 40000, .dtype = SD_F32};
    sd_optimizer_spec spec = sd_optimizer_default(SD_ADAM);
    sd_optimizer *optimizer;
    SD_TRY(sd_optimizer_new(&spec, (sd_layout){.slice = &slice, .count = 1, .length = 40000}, NULL, &optimizer));
    sd_optimizer_free(optimizer);
    return SD_OK;
}

static void memory_runs_out(void **state)
{
    assert_ok(sd_context_new(&(sd_context_options){.threads = 2, .kernels = "reference"}, &context));
    assert_true(starve(use_config, 0) > 5);
    assert_true(starve(use_messages, 0) > 1);
    assert_true(starve(use_model, 0) > 50);
    assert_true(starve(use_help, 0) > 0);
    assert_true(starve(use_optimizer, 0) == 8);
    sd_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
