/* test_config.c -- configuration trees: what is read, every message with its line, overrides, writing, bounds. */
#include <stdio.h>
#include <string.h>

#include "format/config.h"
#include "law.h"

static sd_config *parse(const char *text)
{
    sd_config *config = NULL;
    assert_ok(sd__config_parse("a.yaml", text, strlen(text), &config));
    return config;
}

/* The text is refused with exactly this message. */
static void refuse(const char *text, const char *message)
{
    sd_config *config = (sd_config *)&config;
    assert_status(sd__config_parse("a.yaml", text, strlen(text), &config), SD_EFORMAT);
    assert_null(config);
    assert_string_equal(sd_error(), message);
}

static const char *const example = "data:      {name: mnist, batch: 64, validation: 0.1}\n"
                                   "model:\n"
                                   "  input: [28, 28, 1]\n"
                                   "  layers:\n"
                                   "    - conv: {filters: 32, kernel: 5, padding: same}\n"
                                   "    - relu\n"
                                   "    - maxpool: 2\n"
                                   "train:     {epochs: 5, shuffle: yes, note: \"5\", lr: 1e-3, empty: }\n";

static void values_are_read(void **state)
{
    sd_config *config = parse(example);
    int64_t integer;
    double real;
    bool truth;
    const char *text;
    assert_ok(sd__config_int(sd__config_at(config->root, "data.batch"), 1, 100, &integer));
    assert_int_equal(integer, 64);
    assert_ok(sd__config_real(sd__config_at(config->root, "train.lr"), 0, 1, &real));
    assert_true(real == 1e-3);
    assert_ok(sd__config_bool(sd__config_at(config->root, "train.shuffle"), &truth));
    assert_true(truth);
    assert_ok(sd__config_text(sd__config_at(config->root, "train.note"), &text));
    assert_string_equal(text, "5");
    assert_null(sd__config_at(config->root, "train.empty"));
    assert_null(sd__config_at(config->root, "train.epochs.more"));
    const sd_config_node *layers = sd__config_at(config->root, "model.layers");
    assert_int_equal(layers->count, 3);
    assert_int_equal(layers->child[1]->line, 6);
    assert_int_equal(layers->child[1]->column, 7);
    sd__config_free(config);
}

static void places_of_every_kind_of_node(void **state)
{
    sd_config *config = parse(example);
    sd__config_fail(sd__config_at(config->root, "model"), "x");
    assert_string_equal(sd_error(), "a.yaml:2: x");
    sd__config_fail(sd__config_at(config->root, "model.input")->child[2], "x");
    assert_string_equal(sd_error(), "a.yaml:3: x");
    sd__config_free(config);
}

typedef struct numbers {
    int64_t count, size[2];
    double rate;
    bool on;
    const char *name;
    int mode;
    const sd_config_node *raw;
} numbers;

static const sd_option table[] = {
    {"count", SD_OPTION_INT, offsetof(numbers, count), NULL, 1, 100, NULL, "how many"},
    {"rate", SD_OPTION_REAL, offsetof(numbers, rate), "0.5", 0, 1, NULL, "how fast"},
    {"size", SD_OPTION_PAIR, offsetof(numbers, size), "3", 1, 9, NULL, "how large"},
    {"on", SD_OPTION_BOOL, offsetof(numbers, on), "true", 0, 0, NULL, "whether"},
    {"name", SD_OPTION_TEXT, offsetof(numbers, name), "none", 0, 0, NULL, "what"},
    {"mode", SD_OPTION_CHOICE, offsetof(numbers, mode), "same", 0, 0, "valid|same", "which"},
    {"raw", SD_OPTION_NODE, offsetof(numbers, raw), "", 0, 0, NULL, "anything"},
};

static sd_status read_numbers(const char *text, numbers *out)
{
    static sd_config *config; /* texts of the last call stay valid */
    sd__config_free(config);
    config = NULL;
    *out = (numbers){0};
    if (!text)
        return SD_OK;
    config = parse(text);
    const sd_config_node *node = sd__config_get(config->root, "a");
    return sd__config_options("thing", node, SD_COUNT(table), table, true, config->root, out);
}

static void options_fill_a_struct(void **state)
{
    numbers n;
    assert_ok(read_numbers("a: 7", &n));
    assert_int_equal(n.count, 7);
    assert_true(n.rate == 0.5 && n.on && n.size[0] == 3 && n.size[1] == 3 && n.mode == 1 && !n.raw);
    assert_string_equal(n.name, "none");
    assert_ok(read_numbers("a: {count: 1e2, size: [2, 5], on: off, name: x, mode: valid, rate: 1, raw: [1]}", &n));
    assert_int_equal(n.count, 100);
    assert_true(n.size[0] == 2 && n.size[1] == 5 && !n.on && n.rate == 1 && n.mode == 0 && n.raw->count == 1);
    read_numbers(NULL, &n);
}

static void option_messages(void **state)
{
    static const char *const row[][2] = {
        {"\na: {rate: 1}", "a.yaml:2: thing needs \"count\": how many"},
        {"a:\n  count: 3\n  rat: 1\n", "a.yaml:3: unknown key \"rat\" in thing; did you mean \"rate\"? Possible: count, rate, "
                                       "size, on, name, mode, raw"},
        {"a: {count: 0}", "a.yaml:1: count is \"0\"; it must be a whole number from 1 to 100"},
        {"a: {count: 1.5}", "a.yaml:1: count is \"1.5\"; it must be a whole number from 1 to 100"},
        {"a: {count: \"5\"}", "a.yaml:1: count is \"5\"; it must be a whole number from 1 to 100"},
        {"a: {count: 99999999999999999999}",
         "a.yaml:1: count is \"99999999999999999999\"; it must be a whole number from 1 to 100"},
        {"a:\n  count:\n    x: 1", "a.yaml:2: count is a map; it must be a whole number from 1 to 100"},
        {"a: {count: 1, rate: fast}", "a.yaml:1: rate is \"fast\"; it must be a number from 0 to 1"},
        {"a: {count: 1, rate: .nan}", "a.yaml:1: rate is \".nan\"; it must be a number from 0 to 1"},
        {"a: {count: 1, rate: 0x1}", "a.yaml:1: rate is \"0x1\"; it must be a number from 0 to 1"},
        {"a: {count: 1, rate: 1e999}", "a.yaml:1: rate is \"1e999\"; it must be a number from 0 to 1"},
        {"a: {count: 1, on: maybe}", "a.yaml:1: on is \"maybe\"; it must be true or false"},
        {"a: {count: 1, name: [x]}", "a.yaml:1: name is a list; it must be a text"},
        {"a: {count: 1, mode: sane}",
         "a.yaml:1: mode is \"sane\", which is not known; did you mean \"same\"? Possible: valid, same"},
        {"a: {count: 1, mode: [1]}", "a.yaml:1: mode is a list; it must be valid, same"},
        {"a: {count: 1, size: [1]}", "a.yaml:1: size has 1 numbers; write one, or two as [height, width]"},
        {"a: {count: 1,\n size: [1,\n 10]}", "a.yaml:3: found \"10\"; this must be a whole number from 1 to 9"},
    };
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        numbers n;
        assert_status(read_numbers(row[i][0], &n), SD_EFORMAT);
        assert_string_equal(sd_error(), row[i][1]);
        read_numbers(NULL, &n);
    }
}

static void broken_text(void **state)
{
    refuse("a: {b: 1\nc: 2\n",
           "a.yaml:2: not YAML: did not find expected ',' or '}', while parsing a flow mapping that begins in line 1");
    refuse("a: 1\nb: 2\na: 3\n", "a.yaml:3: \"a\" is already given in line 1; remove one of the two");
    refuse("a: 1\n---\nb: 2\n", "a.yaml:2: a second document begins here; a file holds one");
    refuse("? [1]\n: 2\n", "a.yaml:1: a key must be a word");
    refuse("a:\n  - *b\n", "a.yaml:2: *b names nothing; mark a value before it with &b");
    refuse("a: &b\n  - *b\n", "a.yaml:2: *b stands inside the value that it names; use it after that value");
    refuse("a: \"x\\0y\"\n", "a.yaml:1: a text holds a NUL byte; remove it");
    refuse("\xff\xfe", "a.yaml:1: not YAML: invalid leading UTF-8 octet");
}

/* Nine levels of nine aliases each are 9^9 values in 200 bytes of text. */
static void alias_bomb(void **state)
{
    sd_string text = {0};
    sd__string_add(&text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        sd__string_add(&text, "a%d: &a%d [", i, i);
        for (int k = 0; k < 9; k++)
            sd__string_add(&text, "%s*a%d", k ? "," : "", i - 1);
        sd__string_add(&text, "]\n");
    }
    refuse(text.text, "a.yaml:1: more than 100000 values, aliases counted as copies; use fewer aliases");
    free(text.text);
}

static void aliases_are_copies(void **state)
{
    sd_config *config = parse("a: &x {p: 1, q: [2]}\nb: *x\nc: [*x]\n");
    assert_ok(sd__config_set(config, "b.p=5"));
    assert_string_equal(sd__config_at(config->root, "a.p")->text, "1");
    assert_string_equal(sd__config_at(config->root, "b.p")->text, "5");
    assert_null(sd__config_at(config->root, "c")->child[0]->key);
    sd__config_free(config);
}

static void depth_and_length_are_bounded(void **state)
{
    char deep[201];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    deep[200] = 0;
    refuse(deep, "a.yaml:1: nested deeper than 64 levels; write it flatter");
    char *large = sd__alloc_zeroed(SD_CONFIG_BYTES + 2, 1);
    memset(large, ' ', SD_CONFIG_BYTES + 1);
    refuse(large, "a.yaml: longer than 1048576 bytes; this is not a configuration");
    free(large);
    sd_string keys = {0};
    for (int i = 0; i <= SD_CONFIG_KEYS; i++)
        sd__string_add(&keys, "k%d: 1\n", i);
    refuse(keys.text, "a.yaml:1001: a map of more than 1000 keys");
    free(keys.text);
}

static void overrides(void **state)
{
    static const char *const row[][3] = {
        {"data.batch=128", "data.batch", "128"},
        {"data.name=fashion-mnist", "data.name", "fashion-mnist"},
        {"new.sub.key=x", "new.sub.key", "x"},
        {"schedule.cosine.warmup=100", "schedule.cosine.warmup", "100"}, /* schedule: cosine becomes a map */
        {"model.layers.0.conv.filters=8", "model.layers", NULL},
        {"optimizer={adam: {lr: 0.5}}", "optimizer.adam.lr", "0.5"},
        {"train.note=a=b", "train.note", "a=b"},
    };
    sd_config *config = parse(example);
    assert_ok(sd__config_put(config, "schedule", "cosine"));
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        assert_ok(sd__config_set(config, row[i][0]));
        if (row[i][2])
            assert_string_equal(sd__config_at(config->root, row[i][1])->text, row[i][2]);
    }
    const sd_config_node *layers = sd__config_at(config->root, "model.layers");
    assert_string_equal(sd__config_at(layers->child[0], "conv.filters")->text, "8");
    assert_string_equal(sd__config_at(layers->child[0], "conv.kernel")->text, "5");
    assert_ok(sd__config_set(config, "data.batch="));
    assert_null(sd__config_at(config->root, "data.batch"));
    sd__config_free(config);
}

static void override_messages(void **state)
{
    static const char *const row[][2] = {
        {"data", "--set data: there is no \"=\"; write KEY=VALUE, e.g. train.epochs=3"},
        {"=3", "--set : \"\" names no key; write KEY=VALUE or KEY.SUB=VALUE"},
        {"a..b=3", "--set a..b: \"a..b\" names no key; write KEY=VALUE or KEY.SUB=VALUE"},
        {"data.batch.size=3", "--set data.batch.size: \"64\" is a plain value and has no \"size\"; set it as a whole"},
        {"model.layers.7=relu", "--set model.layers.7: \"7\" is no element of the list; the elements are 0 to 2"},
        {"model.layers.x=relu", "--set model.layers.x: \"x\" is no element of the list; the elements are 0 to 2"},
        {"a={b", "--set a: not YAML: did not find expected ',' or '}', while parsing a flow mapping"},
    };
    sd_config *config = parse(example);
    for (size_t i = 0; i < SD_COUNT(row); i++) {
        assert_status(sd__config_set(config, row[i][0]), SD_EFORMAT);
        assert_string_equal(sd_error(), row[i][1]);
    }
    assert_ok(sd__config_set(config, "train.epochs=many"));
    int64_t epochs;
    assert_status(sd__config_int(sd__config_at(config->root, "train.epochs"), 1, 10, &epochs), SD_EFORMAT);
    assert_string_equal(sd_error(), "--set train.epochs: epochs is \"many\"; it must be a whole number from 1 to 10");
    sd__config_free(config);
}

static void assert_equal_trees(const sd_config_node *a, const sd_config_node *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->count, b->count);
    /* Quotes may be added where bare text cannot be written, which no number or truth value is. */
    if (a->quoted || strspn(a->text, "0123456789.-abcdefghijklmnopqrstuvwxyz") == strlen(a->text))
        assert_int_equal(a->quoted, b->quoted);
    assert_string_equal(a->text, b->text);
    for (int i = 0; i < a->count; i++) {
        if (a->kind == SD_CONFIG_MAP)
            assert_string_equal(a->child[i]->key, b->child[i]->key);
        assert_equal_trees(a->child[i], b->child[i]);
    }
}

static void written_is_read_again(void **state)
{
    sd_config *config = parse(example), *copy;
    assert_ok(sd__config_put_text(config, "note", "yes: [#1]\n\"two\" \xc3\xa4"));
    assert_ok(sd__config_put_text(config, "truth", "no"));
    assert_ok(sd__config_put_text(config, "hash", "1e5"));
    assert_ok(sd__config_put(config, "list", "[[], {}, ~, {a: [1, {b: c}]}]"));
    assert_ok(sd__config_copy(config->root, &copy));
    assert_equal_trees(config->root, copy->root);
    sd__config_free(config);
    sd_string text = {0};
    assert_ok(sd__config_write(copy->root, &text));
    sd_config *again = parse(text.text);
    assert_equal_trees(copy->root, again->root);
    assert_non_null(strstr(text.text, "- conv: {filters: 32, kernel: 5, padding: same}"));
    assert_non_null(strstr(text.text, "truth: \"no\""));
    free(text.text);
    sd__config_free(copy);
    sd__config_free(again);
}

static void empty_file_is_an_empty_map(void **state)
{
    static const char *const text[] = {"", "# nothing\n", "---\n", "~\n"};
    for (size_t i = 0; i < SD_COUNT(text); i++) {
        sd_config *config = parse(text[i]);
        assert_int_equal(config->root->kind, SD_CONFIG_MAP);
        assert_int_equal(config->root->count, 0);
        sd__config_free(config);
    }
}

static void named_choices(void **state)
{
    sd_config *config = parse("a: adam\nb: {adam: {lr: 1}}\nc: {adam: 1, sgd: 2}\nd: [adam]\ne: {adam: }\n");
    const char *name;
    const sd_config_node *options;
    assert_ok(sd__config_named("optimizer", sd__config_get(config->root, "a"), &name, &options));
    assert_string_equal(name, "adam");
    assert_null(options);
    assert_ok(sd__config_named("optimizer", sd__config_get(config->root, "b"), &name, &options));
    assert_non_null(sd__config_get(options, "lr"));
    assert_ok(sd__config_named("optimizer", sd__config_get(config->root, "e"), &name, &options));
    assert_null(options);
    assert_status(sd__config_named("optimizer", sd__config_get(config->root, "c"), &name, &options), SD_EFORMAT);
    assert_string_equal(sd_error(),
                        "a.yaml:3: optimizer has 2 keys, \"adam\", \"sgd\"; write one name with its options, NAME: {...}");
    assert_status(sd__config_named("optimizer", sd__config_get(config->root, "d"), &name, &options), SD_EFORMAT);
    assert_string_equal(sd_error(), "a.yaml:4: optimizer is a list; write a name, or {NAME: {option: value}}");
    sd__config_free(config);
}

static void missing_file(void **state)
{
    sd_config *config;
    assert_status(sd__config_read("/nonexistent/a.yaml", &config), SD_ENOTFOUND);
    assert_null(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(places_of_every_kind_of_node),
        cmocka_unit_test(options_fill_a_struct),
        cmocka_unit_test(option_messages),
        cmocka_unit_test(broken_text),
        cmocka_unit_test(alias_bomb),
        cmocka_unit_test(aliases_are_copies),
        cmocka_unit_test(depth_and_length_are_bounded),
        cmocka_unit_test(overrides),
        cmocka_unit_test(override_messages),
        cmocka_unit_test(written_is_read_again),
        cmocka_unit_test(empty_file_is_an_empty_map),
        cmocka_unit_test(named_choices),
        cmocka_unit_test(missing_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
