/* test_graph.c -- the graph: sticky first mistakes with names and shapes, vectors of slices, printer, verifier. */
#include "law.h"

#include <sonde/sonde.h>
#include <string.h>

#include "graph/graph.h"
#include "ops/op.h"

static void first_mistake_is_latched_with_layer_and_both_shapes(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(4, 3));
    sd_scope_push(g, "block1");
    sd_scope_push(g, "dense2");
    sd_node w = sd_param(g, "weight", SD_F32, SD_SHAPE(5, 2), (sd_param_spec){0});
    sd_node bad = sd_matmul(x, false, w, false);
    sd_scope_pop(g);
    sd_scope_pop(g);
    assert_false(sd_node_ok(bad));
    assert_int_equal(sd_graph_status(g), SD_ESHAPE);
    const char *message = sd_graph_message(g);
    assert_non_null(strstr(message, "block1/dense2"));
    assert_non_null(strstr(message, "[4,3]"));
    assert_non_null(strstr(message, "[5,2]"));
    char kept[512];
    strcpy(kept, message);
    sd_node later = sd_add(sd_relu(bad), x); /* poisoned handles pass through in silence */
    assert_false(sd_node_ok(later));
    sd_reshape(x, SD_SHAPE(7)); /* a second mistake does not replace the first */
    assert_string_equal(sd_graph_message(g), kept);
    sd_context *c;
    assert_ok(sd_context_new(NULL, &c));
    sd_plan *plan = (sd_plan *)1;
    assert_status(sd_compile(c, 1, &(sd_output){"y", 0, later}, NULL, &plan), SD_ESHAPE);
    assert_null(plan);
    assert_string_equal(sd_error(), kept);
    sd_context_free(c);
    sd_graph_free(g);
}

static void operands_of_another_graph_are_refused(void **state)
{
    sd_graph *a = sd_graph_new(), *b = sd_graph_new();
    sd_node x = sd_input(a, "x", SD_F32, SD_SHAPE(2)), y = sd_input(b, "y", SD_F32, SD_SHAPE(2));
    assert_false(sd_node_ok(sd_add(x, y)));
    assert_int_equal(sd_graph_status(a), SD_EINVAL);
    sd_graph_free(a);
    sd_graph_free(b);
}

static void leaves_refuse_what_cannot_be_bound(void **state)
{
    struct {
        const char *name;
        sd_shape shape;
        sd_status status;
    } bad[] = {
        {"", SD_SHAPE(1), SD_EINVAL},
        {"a name that is far too long to be the name of any slot", SD_SHAPE(1), SD_EINVAL},
        {"zero", SD_SHAPE(2, 0), SD_ESHAPE},
        {"negative", SD_SHAPE(-1), SD_ESHAPE},
        {"huge", SD_SHAPE(1 << 30, 1 << 30), SD_ESHAPE},
        {"theta", SD_SHAPE(1), SD_EINVAL},
        {"rank", SD_SHAPE(1, 1, 1, 1, 1, 1, 1), SD_ESHAPE},
    };
    for (size_t i = 0; i < SD_COUNT(bad); i++) {
        sd_graph *g = sd_graph_new();
        assert_false(sd_node_ok(sd_input(g, bad[i].name, SD_F32, bad[i].shape)));
        assert_int_equal(sd_graph_status(g), bad[i].status);
        sd_graph_free(g);
    }
    sd_graph *g = sd_graph_new();
    sd_input(g, "x", SD_F32, SD_SHAPE(1));
    sd_scalar(g, "x", SD_F32);
    assert_non_null(strstr(sd_graph_message(g), "\"x\""));
    sd_graph_free(g);
}

static void parameters_are_one_dense_vector(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_scope_push(g, "a");
    sd_param(g, "w", SD_F32, SD_SHAPE(3, 5), (sd_param_spec){.decayed = true});
    sd_param(g, "b", SD_F32, SD_SHAPE(5), (sd_param_spec){0});
    sd_scope_pop(g);
    sd_node s = sd_state(g, "mean", SD_F32, SD_SHAPE(5), (sd_init){0});
    sd_layout params = sd_graph_params(g), states = sd_graph_states(g);
    assert_int_equal(params.count, 2);
    assert_int_equal(params.length, 20);
    assert_int_equal(states.length, 5);
    assert_string_equal(params.slice[1].name, "a/b");
    assert_int_equal(params.slice[1].offset, 15);
    assert_int_equal(params.slice[0].fan_in, 3);
    assert_int_equal(params.slice[0].fan_out, 5);
    assert_true(params.slice[0].decayed);
    sd_state_next(s, sd_scale(s, 2));
    assert_int_not_equal(sd_state_after(g, 0).id, s.id);
    sd_scope_push(g, "a");
    assert_false(sd_node_ok(sd_param(g, "b", SD_F32, SD_SHAPE(1), (sd_param_spec){0})));
    assert_non_null(strstr(sd_graph_message(g), "a/b"));
    sd_graph_free(g);
}

static uint64_t hash_of(const char *name, int64_t size)
{
    sd_graph *g = sd_graph_new();
    sd_param(g, name, SD_F32, SD_SHAPE(size), (sd_param_spec){0});
    sd_param(g, "b", SD_F32, SD_SHAPE(2), (sd_param_spec){0});
    uint64_t hash = sd_graph_params(g).hash;
    sd_graph_free(g);
    return hash;
}

static void layout_hash_tells_layouts_apart(void **state)
{
    assert_int_equal(hash_of("w", 4), hash_of("w", 4));
    assert_int_not_equal(hash_of("w", 4), hash_of("w", 5));
    assert_int_not_equal(hash_of("w", 4), hash_of("v", 4));
}

static void random_keys_belong_to_scopes(void **state)
{
    uint64_t key[2][3];
    for (int extra = 0; extra < 2; extra++) {
        sd_graph *g = sd_graph_new();
        for (int layer = 0; layer < 3; layer++) {
            char name[8] = {'d', (char)('0' + layer)};
            sd_scope_push(g, name);
            if (layer == 1 && extra) { /* a probe in its own scope moves no key */
                sd_scope_push(g, "probe");
                sd__random_key(g);
                sd_scope_pop(g);
            }
            key[extra][layer] = sd__random_key(g);
            assert_int_not_equal(key[extra][layer], sd__random_key(g));
            sd_scope_pop(g);
        }
        sd_graph_free(g);
    }
    assert_memory_equal(key[0], key[1], sizeof key[0]);
    assert_int_not_equal(key[0][0], key[0][1]);
}

static void printer_shows_one_line_a_node(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(4, 3));
    sd_scope_push(g, "layer");
    sd_sum(sd_relu(x), SD_AXIS(1), true);
    sd_scope_pop(g);
    char *text = sd_graph_print(g);
    assert_string_equal(text, "%1 f32[4,3] = leaf() input x+0\n"
                              "%2 f32[4,3] = relu(%1)  # layer\n"
                              "%3 f32[4,1] = sum(%2) axes=1 keep=1  # layer\n");
    free(text);
    sd_graph_free(g);
}

/* Each planted fault must be found; the graph is whole before and after. */
static void verifier_finds_planted_faults(void **state)
{
    sd_graph *g = sd_graph_new();
    sd_node x = sd_input(g, "x", SD_F32, SD_SHAPE(4, 3));
    sd_node y = sd_sum(sd_add(x, sd_relu(x)), SD_AXIS(0), false);
    sd_node_data *add = &g->node[sd__operand(y, 0).id], kept = *add;
    assert_ok(sd__graph_verify(g));

    sd_ref later[2] = {{y.id, 0}, {x.id, 0}};
    add->in = later;
    assert_status(sd__graph_verify(g), SD_EINTERNAL);
    sd_ref no_result[2] = {{x.id, 1}, {x.id, 0}};
    add->in = no_result;
    assert_status(sd__graph_verify(g), SD_EINTERNAL);
    *add = kept;
    add->n_in = 1;
    assert_status(sd__graph_verify(g), SD_EINTERNAL);
    *add = kept;
    sd_type wrong = {SD_F64, SD_SHAPE(4, 3)};
    add->out = &wrong;
    assert_status(sd__graph_verify(g), SD_EINTERNAL);
    wrong = (sd_type){SD_F32, SD_SHAPE(3, 4)};
    assert_status(sd__graph_verify(g), SD_EINTERNAL);
    assert_non_null(strstr(sd_error(), "add"));
    *add = kept;
    assert_ok(sd__graph_verify(g));
    sd_graph_free(g);
}

static void every_row_is_documented_and_named_once(void **state)
{
    for (int i = 0; i < sd__n_ops; i++) {
        const sd_op *op = sd__ops[i];
        assert_true(op->name && op->name[0] && op->doc && op->doc[0]);
        assert_true(op->infer && op->example);
        assert_true((op->kind == SD_ELEMENTWISE) == (op->tile[SD_F32] || op->tile[SD_U8]));
        assert_true((op->kind == SD_VIEW) == (op->view != NULL));
        assert_true((op->kind == SD_COMPOSITE) == (op->decompose != NULL));
        for (int k = 0; k < i; k++)
            assert_string_not_equal(op->name, sd__ops[k]->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_mistake_is_latched_with_layer_and_both_shapes),
        cmocka_unit_test(operands_of_another_graph_are_refused),
        cmocka_unit_test(leaves_refuse_what_cannot_be_bound),
        cmocka_unit_test(parameters_are_one_dense_vector),
        cmocka_unit_test(layout_hash_tells_layouts_apart),
        cmocka_unit_test(random_keys_belong_to_scopes),
        cmocka_unit_test(printer_shows_one_line_a_node),
        cmocka_unit_test(verifier_finds_planted_faults),
        cmocka_unit_test(every_row_is_documented_and_named_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
