/* settings.c -- see settings.h: tables of options, and the few values that a table cannot hold. */
#include "train/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

/* ---- the tables -------------------------------------------------------------------------------------------------------- */

typedef struct data_keys {
    const char *name, *dir;
    int64_t batch;
    int normalize;
    const sd_config_node *validation, *csv, *npy, *strokes;
    double test;
    int64_t limit, limit_test;
    bool prefetch;
} data_keys;

#define AT(type, field) offsetof(type, field)
#define MANY 2147483647.0

static const sd_option data_table[] = {
    {"name", SD_OPTION_TEXT, AT(data_keys, name), "", 0, 0, NULL, "a named set: see `sonde data list`"},
    {"dir", SD_OPTION_TEXT, AT(data_keys, dir), "", 0, 0, NULL,
     "folder searched first for data; as --data-dir, which goes before"},
    {"batch", SD_OPTION_INT, AT(data_keys, batch), "64", 1, 1e6, NULL, "samples a step"},
    {"normalize", SD_OPTION_CHOICE, AT(data_keys, normalize), "standard", 0, 0, "none|unit|standard",
     "values as they are, in [0,1], or with mean 0 and deviation 1 over the training part"},
    {"validation", SD_OPTION_NODE, AT(data_keys, validation), "0.1", 0, 0, "fraction or number of samples, or test",
     "how much of the training part is set aside to choose by; 0: nothing; test: the test part, and every result says so"},
    {"csv", SD_OPTION_NODE, AT(data_keys, csv), "", 0, 0, "{train, test, label, targets, separator, header}", "own CSV files"},
    {"npy", SD_OPTION_NODE, AT(data_keys, npy), "", 0, 0, "{x, y, test_x, test_y, classes, regression}", "own npy files"},
    {"strokes", SD_OPTION_NODE, AT(data_keys, strokes), "", 0, 0, "{train, test}", "sizes of the embedded set's parts"},
    {"test", SD_OPTION_REAL, AT(data_keys, test), "0", 0, MANY, NULL,
     "without a test part: fraction or number of samples that are set aside as one"},
    {"limit", SD_OPTION_INT, AT(data_keys, limit), "0", 0, MANY, NULL, "train on so many samples only; 0: all"},
    {"limit_test", SD_OPTION_INT, AT(data_keys, limit_test), "0", 0, MANY, NULL,
     "test on the first so many samples only; 0: all"},
    {"prefetch", SD_OPTION_BOOL, AT(data_keys, prefetch), "true", 0, 0, NULL,
     "make the next batch while the present one is used"},
};

typedef struct csv_keys {
    const char *train, *test, *label, *separator;
    const sd_config_node *targets;
    bool header;
} csv_keys;

static const sd_option csv_table[] = {
    {"train", SD_OPTION_TEXT, AT(csv_keys, train), NULL, 0, 0, NULL, "the file to learn from"},
    {"test", SD_OPTION_TEXT, AT(csv_keys, test), "", 0, 0, NULL, "the file to judge by"},
    {"label", SD_OPTION_TEXT, AT(csv_keys, label), "", 0, 0, NULL, "the column of the class"},
    {"targets", SD_OPTION_NODE, AT(csv_keys, targets), "", 0, 0, "a column or a list of columns", "numbers to predict"},
    {"separator", SD_OPTION_TEXT, AT(csv_keys, separator), ",", 0, 0, NULL, "one character"},
    {"header", SD_OPTION_BOOL, AT(csv_keys, header), "true", 0, 0, NULL,
     "the first line names the columns; else they are 1, 2, ..."},
};

typedef struct npy_keys {
    const char *x, *y, *test_x, *test_y;
    int64_t classes;
    bool regression;
} npy_keys;

static const sd_option npy_table[] = {
    {"x", SD_OPTION_TEXT, AT(npy_keys, x), NULL, 0, 0, NULL, "inputs of the training part"},
    {"y", SD_OPTION_TEXT, AT(npy_keys, y), NULL, 0, 0, NULL, "its labels or targets"},
    {"test_x", SD_OPTION_TEXT, AT(npy_keys, test_x), "", 0, 0, NULL, "inputs of the test part"},
    {"test_y", SD_OPTION_TEXT, AT(npy_keys, test_y), "", 0, 0, NULL, "its labels or targets"},
    {"classes", SD_OPTION_INT, AT(npy_keys, classes), "0", 0, 65536, NULL, "number of classes; 0: the largest label + 1"},
    {"regression", SD_OPTION_BOOL, AT(npy_keys, regression), "false", 0, 0, NULL, "whole numbers in y are targets, not labels"},
};

typedef struct strokes_keys {
    int64_t train, test;
} strokes_keys;

static const sd_option strokes_table[] = {
    {"train", SD_OPTION_INT, AT(strokes_keys, train), "0", 0, 1e7, NULL, "samples in the training part; 0: the default"},
    {"test", SD_OPTION_INT, AT(strokes_keys, test), "0", 0, 1e7, NULL, "samples in the test part; 0: the default"},
};

typedef struct train_keys {
    int64_t epochs, steps, seed, log_steps;
    const char *precision; /* read with the model */
    const sd_config_node *early_stopping, *checkpoint;
    int monitor;
} train_keys;

static const sd_option train_table[] = {
    {"epochs", SD_OPTION_INT, AT(train_keys, epochs), "5", 1, 1e9, NULL, "passes over the training part"},
    {"steps", SD_OPTION_INT, AT(train_keys, steps), "0", 0, MANY, NULL, "stop after so many steps in any case; 0: no limit"},
    {"seed", SD_OPTION_INT, AT(train_keys, seed), "1", 0, 9.007199254740992e15, NULL,
     "of weights, order of samples, splits, dropout: equal seeds give equal runs"},
    {"precision", SD_OPTION_TEXT, AT(train_keys, precision), "fp32", 0, 0, NULL, "fp32 or fp64"},
    {"monitor", SD_OPTION_CHOICE, AT(train_keys, monitor), "loss", 0, 0, "loss|accuracy",
     "validation number that says which epoch is best (accuracy: R^2 for real targets)"},
    {"early_stopping", SD_OPTION_NODE, AT(train_keys, early_stopping), "", 0, 0, "patience, or {patience, min_delta}",
     "stop after so many epochs without a better validation number"},
    {"checkpoint", SD_OPTION_NODE, AT(train_keys, checkpoint), "", 0, 0, "{steps, seconds}",
     "write `last` so often beside the ends of epochs"},
    {"log_steps", SD_OPTION_INT, AT(train_keys, log_steps), "50", 1, MANY, NULL, "steps between two lines of metrics"},
};

typedef struct stopping_keys {
    int64_t patience;
    double min_delta;
} stopping_keys;

static const sd_option stopping_table[] = {
    {"patience", SD_OPTION_INT, AT(stopping_keys, patience), NULL, 1, 1e9, NULL, "epochs to wait"},
    {"min_delta", SD_OPTION_REAL, AT(stopping_keys, min_delta), "0", 0, 1e300, NULL, "an improvement must be larger than this"},
};

typedef struct checkpoint_keys {
    int64_t steps;
    double seconds;
} checkpoint_keys;

static const sd_option checkpoint_table[] = {
    {"steps", SD_OPTION_INT, AT(checkpoint_keys, steps), "0", 0, MANY, NULL, "every so many steps; 0: by time alone"},
    {"seconds", SD_OPTION_REAL, AT(checkpoint_keys, seconds), "60", 1e-3, 1e9, NULL, "every so many seconds"},
};

typedef struct eval_keys {
    int64_t batch;
} eval_keys;

static const sd_option eval_table[] = {
    {"batch", SD_OPTION_INT, AT(eval_keys, batch), "256", 1, 1e6, NULL, "samples at a time"},
};

static const sd_option probes_table[] = {
    {"use", SD_OPTION_NODE, AT(sd_probes_wish, use), NULL, 0, 0, "a name or a list of names",
     "instruments that look on during training: see `sonde help probe`"},
    {"every", SD_OPTION_INT, AT(sd_probes_wish, every), "100", 1, MANY, NULL,
     "steps between two looks; the first is before step 1"},
    {"samples", SD_OPTION_INT, AT(sd_probes_wish, samples), "256", 1, MANY, NULL,
     "they look at the first so many samples of the training part"},
};

/* What a file may hold at its top. `sonde` is written into resolved files. */
static const char *const top_keys[] = {"data", "model", "loss",   "optimizer", "schedule", "train",
                                       "eval", "init",  "probes", "freeze",    "sonde"};

#define READ(what, node, table, shorthand, out) \
    sd__config_options(what, node, (int)SD_COUNT(table), table, shorthand, node, out)

/* ---- files of data ----------------------------------------------------------------------------------------------------- */

/* folder/name in the arena, or NULL. */
static const char *joined(sd_arena *arena, const char *folder, const char *name)
{
    return folder && *folder ? sd__arena_format(arena, "%s/%s", folder, name) : NULL;
}

static const char *folder_of(sd_arena *arena, const char *file)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    return slash ? sd__arena_format(arena, "%.*s", (int)(slash - file), file) : NULL;
}

/* An absolute path of an existing file, so that a resumed run finds it from any folder. */
static const char *absolute(sd_arena *arena, const char *path)
{
    char *real = realpath(path, NULL);
    const char *kept = real ? sd__arena_text(arena, real) : path;
    free(real);
    return kept;
}

/* Where `wanted` would be in a folder. A path from the root is looked for there, and, by its name alone, in the folder asked for. */
static const char *candidate_in(sd_arena *arena, const char *folder, const char *wanted, bool asked_for)
{
    if (*wanted != '/')
        return joined(arena, folder, wanted);
    return asked_for ? joined(arena, folder, strrchr(wanted, '/') + 1) : NULL;
}

/* Finds a data file that `node` names; *path is replaced by where it is. */
static sd_status locate(sd_settings *s, const sd_config_node *node, const char *data_dir, const char **path)
{
    const char *wanted = *path;
    if (!wanted)
        return SD_OK;
    const char *home = getenv("HOME"), *cache = joined(&s->arena, home, ".cache/sonde");
    const char *place[] = {NULL, folder_of(&s->arena, node->file), data_dir, getenv("SONDE_DATA"), cache};
    sd_string looked = {0};
    for (size_t i = 0; i < SD_COUNT(place); i++) {
        const char *candidate = i ? candidate_in(&s->arena, place[i], wanted, i == 2) : wanted;
        if (!candidate)
            continue;
        if (sd__file_exists(candidate)) {
            *path = absolute(&s->arena, candidate);
            free(looked.text);
            return *path ? SD_OK : sd__fail(SD_ENOMEM, "no memory for the name of a data file");
        }
        if (i || *wanted != '/')
            sd__string_add(&looked, "%s%s", looked.length ? ", " : "; looked in: ", i ? place[i] : "the working folder");
    }
    sd_status status = sd__config_fail(node, "no file %s%s; --data-dir DIR%s names a folder that has it", wanted,
                                       looked.text ? looked.text : "", *wanted == '/' ? "" : ", or SONDE_DATA,");
    free(looked.text);
    return status;
}

/* A column, or a list of columns. */
static sd_status read_names(sd_settings *s, const sd_config_node *node, int *n, const char ***names)
{
    bool list = node->kind == SD_CONFIG_LIST;
    *n = list ? node->count : 1;
    if (*n == 0)
        return sd__config_fail(node, "the list is empty; at least one name is wanted");
    *names = sd__arena_alloc(&s->arena, (size_t)*n, sizeof **names);
    if (!*names)
        return sd__fail(SD_ENOMEM, "no memory for names");
    for (int i = 0; i < *n; i++)
        SD_TRY(sd__config_text(list ? node->child[i] : node, &(*names)[i]));
    return SD_OK;
}

static sd_status read_csv(sd_settings *s, const sd_config_node *node, const char *data_dir)
{
    csv_keys keys = {0};
    const char **targets = NULL;
    SD_TRY(READ("data.csv", node, csv_table, false, &keys));
    if (strlen(keys.separator) != 1)
        return sd__config_fail(sd__config_get(node, "separator"), "the separator is one character, like \",\" or \";\"");
    if (!keys.label == !keys.targets)
        return sd__config_fail(node, "csv needs either `label: COLUMN` (classes) or `targets: [COLUMN, ...]` (numbers)");
    s->data.csv.separator = keys.separator[0];
    s->data.csv.headerless = !keys.header;
    s->data.csv.label = keys.label;
    if (keys.targets) {
        SD_TRY(read_names(s, keys.targets, &s->data.csv.n_targets, &targets));
        s->data.csv.targets = targets;
    }
    s->data.csv_train = keys.train;
    s->data.csv_test = keys.test;
    SD_TRY(locate(s, node, data_dir, &s->data.csv_train));
    return locate(s, node, data_dir, &s->data.csv_test);
}

static sd_status read_npy(sd_settings *s, const sd_config_node *node, const char *data_dir)
{
    npy_keys keys = {0};
    SD_TRY(READ("data.npy", node, npy_table, false, &keys));
    if (!keys.test_x != !keys.test_y)
        return sd__config_fail(node, "npy needs both test_x and test_y, or neither");
    s->data.npy_x = keys.x;
    s->data.npy_y = keys.y;
    s->data.npy_test_x = keys.test_x;
    s->data.npy_test_y = keys.test_y;
    s->data.classes = (int)keys.classes;
    s->data.regression = keys.regression;
    const char **path[] = {&s->data.npy_x, &s->data.npy_y, &s->data.npy_test_x, &s->data.npy_test_y};
    for (size_t i = 0; i < SD_COUNT(path); i++)
        SD_TRY(locate(s, node, data_dir, path[i]));
    return SD_OK;
}

static sd_status read_validation(sd_settings *s, const sd_config_node *node)
{
    s->data.validation = 0.1;
    if (!node)
        return SD_OK;
    if (node->kind == SD_CONFIG_TEXT && !strcmp(node->text, "test")) {
        s->data.validation = 0;
        s->data.validation_is_test = true;
        return SD_OK;
    }
    if (sd__config_real(node, 0, MANY, &s->data.validation) != SD_OK)
        return sd__config_fail(node, "validation is a fraction like 0.1, a number of samples, 0, or test");
    return SD_OK;
}

static sd_status read_strokes(sd_settings *s, const sd_config_node *node)
{
    strokes_keys keys = {0};
    SD_TRY(READ("data.strokes", node, strokes_table, false, &keys));
    s->data.strokes_train = keys.train;
    s->data.strokes_test = keys.test;
    if (!s->data.name)
        s->data.name = "strokes";
    return SD_OK;
}

static sd_status check_source(const sd_settings *s, const sd_config_node *node, const data_keys *keys, bool in_memory)
{
    int given = !!s->data.name + !!keys->csv + !!keys->npy;
    if (in_memory || given == 1)
        return SD_OK;
    return sd__config_fail(node, "data names %s; give one of `name: mnist`, `csv: {...}`, `npy: {...}`",
                           given ? "more than one source" : "no source");
}

static sd_status read_data(sd_settings *s, const sd_config_node *root, const char *data_dir, bool in_memory)
{
    data_keys keys = {0};
    const sd_config_node *node = s->data_node = sd__config_get(root, "data");
    if (!node && !in_memory)
        return sd__config_fail(root, "there is no key `data`; write for example `data: {name: mnist}`");
    SD_TRY(READ("data", node, data_table, true, &keys));
    s->data.name = keys.name;
    s->data.dir = data_dir = data_dir ? data_dir : keys.dir;
    s->data.normalize = (sd_normalize)keys.normalize;
    s->data.test = keys.test;
    s->data.limit = keys.limit;
    s->data.limit_test = keys.limit_test;
    s->train.batch = (int)keys.batch;
    s->train.no_prefetch = !keys.prefetch;
    SD_TRY(read_validation(s, keys.validation));
    if (keys.strokes)
        SD_TRY(read_strokes(s, keys.strokes));
    SD_TRY(check_source(s, node, &keys, in_memory));
    if (keys.csv && !in_memory)
        SD_TRY(read_csv(s, keys.csv, data_dir));
    return keys.npy && !in_memory ? read_npy(s, keys.npy, data_dir) : SD_OK;
}

/* ---- train, eval, init ------------------------------------------------------------------------------------------------- */

static sd_status read_train(sd_settings *s, const sd_config_node *root)
{
    train_keys keys = {0};
    stopping_keys stopping = {0};
    checkpoint_keys checkpoint = {0};
    eval_keys eval = {0};
    SD_TRY(READ("train", sd__config_get(root, "train"), train_table, false, &keys));
    if (keys.early_stopping)
        SD_TRY(READ("train.early_stopping", keys.early_stopping, stopping_table, true, &stopping));
    SD_TRY(READ("train.checkpoint", keys.checkpoint, checkpoint_table, false, &checkpoint));
    SD_TRY(READ("eval", sd__config_get(root, "eval"), eval_table, false, &eval));
    s->train.epochs = keys.epochs;
    s->train.steps = keys.steps;
    s->train.seed = s->data.seed = (uint64_t)keys.seed;
    s->train.monitor = (sd_monitor)keys.monitor;
    s->train.log_steps = keys.log_steps;
    s->train.patience = stopping.patience;
    s->train.min_delta = stopping.min_delta;
    s->train.checkpoint_steps = checkpoint.steps;
    s->train.checkpoint_seconds = checkpoint.seconds;
    s->train.eval_batch = (int)eval.batch;
    if (keys.early_stopping && s->data.validation == 0 && !s->data.validation_is_test)
        return sd__config_fail(keys.early_stopping, "early stopping needs a validation part; set data.validation, e.g. to 0.1");
    return SD_OK;
}

/* The names are words here; what they mean is known to who attaches the observers. */
static sd_status read_probes(sd_settings *s, const sd_config_node *root)
{
    int n;
    const char **names;
    const sd_config_node *node = sd__config_get(root, "probes");
    if (!node)
        return SD_OK;
    SD_TRY(READ("probes", node, probes_table, false, &s->probes));
    return read_names(s, s->probes.use, &n, &names);
}

typedef struct init_keys {
    const char *from;
    const sd_config_node *layers;
} init_keys;

static const sd_option init_table[] = {
    {"from", SD_OPTION_TEXT, AT(init_keys, from), NULL, 0, 0, NULL, "run folder or safetensors file"},
    {"layers", SD_OPTION_NODE, AT(init_keys, layers), "", 0, 0, "a list of names",
     "take only these layers; the others are drawn"},
};

static sd_status read_init(sd_settings *s, const sd_config_node *root)
{
    init_keys keys = {0};
    s->init_node = sd__config_get(root, "init");
    if (!s->init_node)
        return SD_OK;
    SD_TRY(READ("init", s->init_node, init_table, true, &keys));
    s->init_from = keys.from;
    return keys.layers ? read_names(s, keys.layers, &s->init_layers, &s->init_layer) : SD_OK;
}

sd_status sd__settings_read(const sd_config_node *root, const char *data_dir, bool in_memory, sd_settings *s)
{
    *s = (sd_settings){0};
    SD_TRY(sd__config_known(root, "the file", (int)SD_COUNT(top_keys), top_keys));
    SD_TRY(read_data(s, root, data_dir, in_memory));
    SD_TRY(read_train(s, root));
    SD_TRY(read_probes(s, root));
    SD_TRY(read_init(s, root));
    return s->arena.failed ? sd__fail(SD_ENOMEM, "no memory for settings") : SD_OK;
}

void sd__settings_clear(sd_settings *s)
{
    sd__arena_free(&s->arena);
    *s = (sd_settings){0};
}

/* ---- the resolved file ------------------------------------------------------------------------------------------------- */

/* Notes the defaults of a table whose owner is a map, or absent. */
static sd_status put_defaults(sd_config *config, const char *owner, int n, const sd_option *table)
{
    const sd_config_node *node = sd__config_get(config->root, owner);
    char path[128];
    if (node && node->kind != SD_CONFIG_MAP)
        return SD_OK;
    for (int i = 0; i < n; i++) {
        if (!table[i].initial || !table[i].initial[0] || sd__config_get(node, table[i].name))
            continue;
        snprintf(path, sizeof path, "%s.%s", owner, table[i].name);
        SD_TRY(sd__config_put(config, path, table[i].initial));
        node = sd__config_get(config->root, owner);
    }
    return SD_OK;
}

/* A shorthand `data: mnist` becomes {name: mnist}. */
static sd_status spell_out(sd_config *config)
{
    const sd_config_node *node = sd__config_get(config->root, "data");
    if (!node || node->kind != SD_CONFIG_TEXT)
        return SD_OK;
    const char *name = sd__arena_text(&config->arena, node->text);
    SD_TRY(sd__config_put(config, "data", "{}"));
    return sd__config_put_text(config, "data.name", name);
}

static sd_status put_path(sd_config *config, const char *path, const char *file)
{
    return file ? sd__config_put_text(config, path, file) : SD_OK;
}

#define TRAIN_CHECKSUM "sonde.train_sha256"
#define TEST_CHECKSUM "sonde.test_sha256"

static sd_status put_checksum(sd_config *config, const char *path, const sd_dataset *part)
{
    const char *checksum = part ? sd_dataset_get(part)->checksum : "";
    return *checksum ? sd__config_put_text(config, path, checksum) : SD_OK;
}

/* `init: RUN` or {from: RUN}: an absolute path, as for data. */
static sd_status put_init(sd_config *config, const sd_settings *s)
{
    if (!s->init_from)
        return SD_OK;
    const char *from = absolute(&config->arena, s->init_from);
    return sd__config_put_text(config, s->init_node->kind == SD_CONFIG_MAP ? "init.from" : "init", from);
}

sd_status sd__settings_resolve(sd_config *config, const sd_settings *s, const sd_data *data)
{
    SD_TRY(spell_out(config));
    SD_TRY(put_defaults(config, "data", (int)SD_COUNT(data_table), data_table));
    SD_TRY(put_defaults(config, "train", (int)SD_COUNT(train_table), train_table));
    SD_TRY(put_defaults(config, "eval", (int)SD_COUNT(eval_table), eval_table));
    if (s->probes.use)
        SD_TRY(put_defaults(config, "probes", (int)SD_COUNT(probes_table), probes_table));
    SD_TRY(put_path(config, "data.dir", s->data.dir ? absolute(&config->arena, s->data.dir) : NULL));
    SD_TRY(put_path(config, "data.csv.train", s->data.csv_train));
    SD_TRY(put_path(config, "data.csv.test", s->data.csv_test));
    SD_TRY(put_path(config, "data.npy.x", s->data.npy_x));
    SD_TRY(put_path(config, "data.npy.y", s->data.npy_y));
    SD_TRY(put_path(config, "data.npy.test_x", s->data.npy_test_x));
    SD_TRY(put_path(config, "data.npy.test_y", s->data.npy_test_y));
    SD_TRY(put_init(config, s));
    SD_TRY(sd__config_put_text(config, "sonde.version", sd_version()));
    SD_TRY(put_checksum(config, TRAIN_CHECKSUM, data->train));
    return put_checksum(config, TEST_CHECKSUM, data->test);
}

static sd_status check_checksum(const sd_config *config, const char *path, const sd_dataset *part)
{
    const sd_config_node *node = sd__config_at(config->root, path);
    if (!node || !part || !strcmp(node->text, sd_dataset_get(part)->checksum))
        return SD_OK;
    return sd__config_fail(node, "the data of %s has changed since the run began: its SHA-256 was %.12s..., now it is %.12s...",
                           sd_dataset_get(part)->name, node->text, sd_dataset_get(part)->checksum);
}

sd_status sd__settings_check_data(const sd_config *config, const sd_data *data)
{
    SD_TRY(check_checksum(config, TRAIN_CHECKSUM, data->train));
    return check_checksum(config, TEST_CHECKSUM, data->test);
}

void sd__settings_help(sd_string *string)
{
    sd__string_add(string, "### data\n\n");
    sd__option_help((int)SD_COUNT(data_table), data_table, string);
    sd__string_add(string, "\n### data.csv\n\n");
    sd__option_help((int)SD_COUNT(csv_table), csv_table, string);
    sd__string_add(string, "\n### data.npy\n\n");
    sd__option_help((int)SD_COUNT(npy_table), npy_table, string);
    sd__string_add(string, "\n### train\n\n");
    sd__option_help((int)SD_COUNT(train_table), train_table, string);
    sd__string_add(string, "\n### train.early_stopping\n\n");
    sd__option_help((int)SD_COUNT(stopping_table), stopping_table, string);
    sd__string_add(string, "\n### train.checkpoint\n\n");
    sd__option_help((int)SD_COUNT(checkpoint_table), checkpoint_table, string);
    sd__string_add(string, "\n### eval\n\n");
    sd__option_help((int)SD_COUNT(eval_table), eval_table, string);
    sd__string_add(string, "\n### probes\n\n");
    sd__option_help((int)SD_COUNT(probes_table), probes_table, string);
    sd__string_add(string, "\n### init\n\n");
    sd__option_help((int)SD_COUNT(init_table), init_table, string);
}
