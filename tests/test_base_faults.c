/* test_base_faults.c -- what happens when memory runs out in base, tensor, graph and plan. */
#include "faults.h"

#include <sonde/sonde.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/pool.h"

/* ------------------------------------------------------------------------------------------------------------------ base */
static sd_status use_arena(void)
{
    sd_arena arena = {0};
    bool missing = false;
    for (int i = 0; i < 40; i++)
        missing |= !sd__arena_alloc(&arena, 100, 8);
    missing |= !sd__arena_copy(&arena, "bytes", 5);
    missing |= !sd__arena_text(&arena, "text");
    missing |= !sd__arena_format(&arena, "%0*d", 9000, 7);
    bool noticed = arena.failed;
    sd__arena_free(&arena);
    assert_int_equal(missing, noticed);
    return noticed ? SD_ENOMEM : SD_OK;
}

static sd_status use_string(void)
{
    sd_string string = {0};
    for (int i = 0; i < 100; i++) {
        sd__string_add(&string, "%d,", i);
        sd__string_add_bytes(&string, "0123456789", 10);
    }
    size_t length = string.length;
    char *text = sd__string_take(&string);
    if (text)
        assert_int_equal(strlen(text), length);
    free(text);
    return text ? SD_OK : SD_ENOMEM;
}

static sd_status use_pool(void)
{
    sd_pool *pool;
    SD_TRY(sd__pool_new(3, &pool));
    sd__pool_free(pool);
    return SD_OK;
}

static char folder[] = "/tmp/sonde-faults-XXXXXX";

static sd_status use_files_in(const char *path)
{
    char *data;
    size_t bytes;
    SD_TRY(sd__make_folders(path));
    char *name = sd__path_join(path, "file");
    if (!name)
        return SD_ENOMEM;
    sd_status status = sd__file_write_atomic(name, "abc", 3);
    if (status == SD_OK)
        status = sd__file_read("/proc/self/maps", 1 << 24, &data, &bytes);
    if (status == SD_OK)
        free(data);
    free(name);
    return status;
}

static sd_status use_files(void)
{
    int lock;
    SD_TRY(sd__folder_lock(folder, &lock));
    sd_status status = use_files_in(folder);
    sd__folder_unlock(lock);
    return status;
}

static void base_survives(void **state)
{
    assert_true(starve(use_arena, 0) >= 3);
    assert_true(starve(use_string, 0) >= 3);
    assert_true(starve(use_pool, 0) >= 2);
    assert_true(starve(use_files, 1) >= 5); /* without memory the folder is not flushed to disk: less safe, not wrong */
}

/* ---------------------------------------------------------------------------------------------------------------- engine */
static sd_status use_context(void)
{
    sd_context *context;
    SD_TRY(sd_context_new(&(sd_context_options){.threads = 2}, &context));
    sd_context_free(context);
    return SD_OK;
}

/* A network of two layers, its loss and its gradient. */
static sd_node build(sd_graph *graph, sd_node *gradient)
{
    sd_param_spec spec = {.init = {SD_INIT_HE, 0, 0}, .decayed = true};
    sd_node x = sd_input(graph, "x", SD_F32, SD_SHAPE(4, 5)), labels = sd_input(graph, "labels", SD_I32, SD_SHAPE(4));
    sd_scope_push(graph, "first");
    sd_node w1 = sd_param(graph, "weight", SD_F32, SD_SHAPE(5, 6), spec),
            b1 = sd_param(graph, "bias", SD_F32, SD_SHAPE(6), spec);
    sd_node hidden = sd_relu(sd_dense(x, w1, b1));
    sd_scope_pop(graph);
    sd_scope_push(graph, "second");
    sd_node w2 = sd_param(graph, "weight", SD_F32, SD_SHAPE(6, 3), spec),
            b2 = sd_param(graph, "bias", SD_F32, SD_SHAPE(3), spec);
    sd_node loss = sd_mean(sd_softmax_cross_entropy(sd_dense(sd_tanh(hidden), w2, b2), labels, 0), 1, false);
    sd_scope_pop(graph);
    sd_grad(loss, 4, (sd_node[]){w1, b1, w2, b2}, gradient);
    return loss;
}

static sd_status use_graph(void)
{
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return SD_ENOMEM;
    sd_node gradient[4];
    build(graph, gradient);
    sd_status status = sd_graph_status(graph);
    if (status == SD_OK) {
        char *text = sd_graph_print(graph);
        status = text ? SD_OK : SD_ENOMEM;
        free(text);
    }
    sd_graph_free(graph);
    return status;
}

static sd_status run_plan(const sd_plan *plan, sd_context *context)
{
    static float storage[8][64];
    void *binding[8];
    assert_in_range(sd_plan_slots(plan), 1, 8);
    for (int i = 0; i < sd_plan_slots(plan); i++) {
        assert_in_range(sd_plan_slot_length(plan, i), 1, 64);
        binding[i] = storage[i];
    }
    sd_workspace *workspace;
    SD_TRY(sd_workspace_new(plan, &workspace));
    sd_status status = sd_run(plan, workspace, binding, sd_context_pool(context));
    sd_workspace_free(workspace);
    if (status != SD_OK)
        return status;
    char *text = sd_plan_print(plan);
    free(text);
    return text ? SD_OK : SD_ENOMEM;
}

static sd_status compile_and_run(sd_context *context)
{
    sd_graph *graph = sd_graph_new();
    if (!graph)
        return SD_ENOMEM;
    sd_node gradient[4];
    sd_node loss = build(graph, gradient);
    sd_output outputs[] = {{"loss", 0, loss}, {"g0", 0, gradient[0]}, {"g2", 0, gradient[2]}};
    sd_plan *plan = NULL;
    sd_status status = sd_compile(context, SD_COUNT(outputs), outputs, NULL, &plan);
    sd_graph_free(graph);
    if (status == SD_OK)
        status = run_plan(plan, context);
    sd_plan_free(plan);
    return status;
}

static const char *providers;

static sd_status use_plan(void)
{
    sd_context *context;
    SD_TRY(sd_context_new(&(sd_context_options){.threads = 2, .kernels = providers}, &context));
    sd_status status = compile_and_run(context);
    sd_context_free(context);
    return status;
}

static void context_survives(void **state) { assert_true(starve(use_context, 0) >= 3); }

static void graph_survives(void **state) { assert_true(starve(use_graph, 0) >= 3); }

static void plan_survives(void **state)
{
    static const char *const choice[] = {NULL, "fused", "reference"};
    for (size_t i = 0; i < SD_COUNT(choice); i++) {
        providers = choice[i];
        int allocations = starve(use_plan, 0);
        print_message("%s: each of %d allocations failed once\n", providers ? providers : "all providers", allocations);
        assert_true(allocations >= 10);
    }
}

static int make_folder(void **state) { return mkdtemp(folder) ? 0 : -1; }

static int remove_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_survives),
        cmocka_unit_test(context_survives),
        cmocka_unit_test(graph_survives),
        cmocka_unit_test(plan_survives),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
