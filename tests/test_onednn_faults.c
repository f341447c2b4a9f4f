/* test_onednn_faults.c -- what happens when memory runs out while convolutions are prepared for oneDNN. */
#include "faults.h"

#include <sonde/sonde.h>

#ifndef SD_WITH_ONEDNN

int main(void)
{
    print_message("skipped: built without oneDNN\n");
    return 77;
}

#else

static sd_context *context;

/* A convolution and both its adjoints: every kernel of the provider. */
static sd_status compile(sd_graph *graph)
{
    sd_window window = sd_window_default();
    sd_node x = sd_input(graph, "x", SD_F32, SD_SHAPE(20, 16, 16, 16)),
            w = sd_input(graph, "w", SD_F32, SD_SHAPE(3, 3, 16, 16));
    sd_node y = sd_conv2d(x, w, window);
    sd_output out[3] = {
        {"y", 0, y}, {"dx", 0, sd_conv2d_dx(y, w, window, 16, 16)}, {"dw", 0, sd_conv2d_dw(x, y, window, 3, 3)}};
    sd_plan *plan;
    SD_TRY(sd_compile(context, 3, out, NULL, &plan));
    sd_plan_free(plan);
    return SD_OK;
}

static sd_status use_convolution(void)
{
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return SD_ENOMEM;
    sd_status status = compile(graph);
    sd_graph_free(graph);
    return status;
}

static void convolution_survives(void **state)
{
    (void)state;
    assert_int_equal(sd_context_new(&(sd_context_options){.threads = 1, .kernels = "onednn"}, &context), SD_OK);
    assert_true(starve(use_convolution, 0) >= 15); /* five allocations each, and the graph's and plan's */
    sd_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(convolution_survives)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
