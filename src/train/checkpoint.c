/*
 * checkpoint.c -- see checkpoint.h.
 *
 * Vectors are tensors: every slice under its name, moments as whole vectors under "sonde.optimizer.NAME". Everything else is
 * JSON in two notes: "sonde.counters" and "sonde.model".
 */
#include "train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- counters as JSON -------------------------------------------------------------------------------------------------- */

/* The table of counters, read and written by one loop. */
typedef struct counter {
    const char *name;
    size_t offset;
    char type; /* i: int64_t, r: double, b: bool; n: int64_t that a file may lack: it then is 0 */
} counter;

#define COUNTER(name, type)                      \
    {                                            \
#name, offsetof(sd_counters, name), type \
    }
static const counter counters[] = {
    COUNTER(step, 'i'),          COUNTER(epoch, 'i'),        COUNTER(index, 'i'),    COUNTER(loss_sum, 'r'),
    COUNTER(batches, 'i'),       COUNTER(correct, 'i'),      COUNTER(scored, 'b'),   COUNTER(best, 'r'),
    COUNTER(best_epoch, 'i'),    COUNTER(waited, 'i'),       COUNTER(done, 'b'),     COUNTER(seconds, 'r'),
    COUNTER(metrics_bytes, 'i'), COUNTER(events_bytes, 'i'), COUNTER(observed, 'n'),
};

static json_t *counters_json(const sd_counters *at)
{
    json_t *json = json_object();
    for (size_t i = 0; i < SD_COUNT(counters); i++) {
        const char *field = (const char *)at + counters[i].offset;
        char type = counters[i].type;
        json_object_set_new(json, counters[i].name,
                            type == 'r'   ? json_real(*(const double *)(const void *)field)
                            : type == 'b' ? json_boolean(*(const bool *)field)
                                          : json_integer(*(const int64_t *)(const void *)field));
    }
    json_object_set_new(json, "note", json_string(at->note));
    return json;
}

static sd_status parse_counter(const counter *c, json_t *value, const char *path, sd_counters *at)
{
    char *field = (char *)at + c->offset;
    if (!value && c->type == 'n')
        return SD_OK;
    bool right = c->type == 'r' ? json_is_real(value) : c->type == 'b' ? json_is_boolean(value) : json_is_integer(value);
    if (!right || (json_is_integer(value) && json_integer_value(value) < 0))
        return sd__fail(SD_EFORMAT, "%s: counter '%s' is missing or of the wrong type; this is no checkpoint of sonde %s", path,
                        c->name, sd_version());
    if (c->type == 'r')
        *(double *)(void *)field = json_real_value(value);
    else if (c->type == 'b')
        *(bool *)field = json_is_true(value);
    else
        *(int64_t *)(void *)field = json_integer_value(value);
    return SD_OK;
}

static sd_status parse_counters(const sd_tensors *file, const char *path, sd_counters *at)
{
    const char *text = sd_tensors_note(file, "sonde.counters");
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    sd_status status = SD_OK;
    *at = (sd_counters){0};
    for (size_t i = 0; i < SD_COUNT(counters) && status == SD_OK; i++)
        status = parse_counter(&counters[i], json_object_get(json, counters[i].name), path, at);
    const char *note = json_string_value(json_object_get(json, "note"));
    snprintf(at->note, sizeof at->note, "%s", note ? note : "");
    json_decref(json);
    return status;
}

/* ---- facts about the model --------------------------------------------------------------------------------------------- */

static json_t *hex(uint64_t value)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, value);
    return json_string(text);
}

static json_t *facts_json(const sd_trainer *t)
{
    json_t *input = json_array(), *names = NULL;
    const sd_dataset_info *info = sd_dataset_get(t->data.train);
    sd_shape shape = sd_model_input(t->model);
    for (int i = 0; i < shape.rank; i++)
        json_array_append_new(input, json_integer(shape.dim[i]));
    if (info->class_names) {
        names = json_array();
        for (int i = 0; i < info->classes; i++)
            json_array_append_new(names, json_string(info->class_names[i]));
    }
    return json_pack("{s:o, s:i, s:i, s:o*, s:b, s:o, s:o}", "input", input, "classes", sd_model_classes(t->model), "targets",
                     sd_model_targets(t->model), "class_names", names, "selected_on_test", t->on_test, "layout",
                     hex(sd_model_params(t->model).hash), "config", hex(t->config));
}

static json_t *load_facts(const sd_tensors *file, const char *path)
{
    const char *text = sd_tensors_note(file, "sonde.model");
    json_t *json = text ? json_loads(text, 0, NULL) : NULL;
    if (!json)
        sd__fail(SD_EFORMAT, "%s: does not say what model it is of; a checkpoint of a run is wanted", path);
    return json;
}

static uint64_t unhex(json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));
    return text ? strtoull(text, NULL, 16) : 0;
}

static sd_status parse_input(json_t *json, const char *path, sd_shape *shape)
{
    json_t *input = json_object_get(json, "input");
    int64_t dim[SD_MAX_RANK] = {0};
    size_t rank = json_array_size(input);
    for (size_t i = 0; i < rank && i < SD_MAX_RANK; i++)
        dim[i] = json_integer_value(json_array_get(input, i));
    *shape = sd_shape_make(rank <= SD_MAX_RANK ? (int)rank : -1, dim);
    for (int i = 0; i < shape->rank; i++)
        if (dim[i] < 1 || dim[i] > INT32_MAX)
            shape->rank = -1;
    return shape->rank < 1 ? sd__fail(SD_EFORMAT, "%s: the shape of the model's input is not valid", path) : SD_OK;
}

sd_status sd__checkpoint_facts(const sd_tensors *file, const char *path, sd_checkpoint_facts *facts)
{
    sd_counters at;
    *facts = (sd_checkpoint_facts){0};
    SD_TRY(parse_counters(file, path, &at));
    json_t *json = load_facts(file, path);
    if (!json)
        return SD_EFORMAT;
    facts->classes = (int)json_integer_value(json_object_get(json, "classes"));
    facts->targets = (int)json_integer_value(json_object_get(json, "targets"));
    facts->on_test = json_is_true(json_object_get(json, "selected_on_test"));
    facts->layout = unhex(json, "layout");
    facts->epoch = at.epoch;
    facts->step = at.step;
    sd_status status = parse_input(json, path, &facts->input);
    json_t *names = json_object_get(json, "class_names");
    if (status == SD_OK && json_is_array(names))
        facts->names = json_incref(names);
    json_decref(json);
    return status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

/* Moments, each as one vector; names are kept in `room`. */
static sd_status add_moments(sd_tensor_list *list, sd_trainer *t, char room[2][64])
{
    int64_t length = sd_model_params(t->model).length;
    for (int i = 0; i < sd_optimizer_vectors(t->optimizer) && i < 2; i++) {
        snprintf(room[i], sizeof room[i], "sonde.optimizer.%s", sd_optimizer_vector_name(t->optimizer, i));
        SD_TRY(sd__list_add(list, room[i], sd_optimizer_vector(t->optimizer, i), sd_model_dtype(t->model),
                            sd_shape_make(1, &length)));
    }
    return SD_OK;
}

static sd_status save(sd_trainer *t, const char *path, const sd_tensor_list *list)
{
    json_t *at = counters_json(&t->at), *model = facts_json(t);
    char *at_text = at ? json_dumps(at, JSON_COMPACT) : NULL, *model_text = model ? json_dumps(model, JSON_COMPACT) : NULL;
    sd_note note[] = {{"sonde.version", sd_version()},
                      {"sonde.counters", at_text},
                      {"sonde.model", model_text},
                      {"sonde.normalize", sd_normalize_name(t->data.normalization.kind)}};
    sd_status status = at_text && model_text ? sd_tensors_save(path, list->count, list->item, (int)SD_COUNT(note), note)
                                             : sd__fail(SD_ENOMEM, "%s: no memory to describe the checkpoint", path);
    free(at_text);
    free(model_text);
    json_decref(at);
    json_decref(model);
    return status;
}

sd_status sd__checkpoint_write(sd_trainer *t, const char *path, bool moments)
{
    sd_tensor_list list = {0};
    char room[2][64];
    t->at.metrics_bytes = t->recorder.metrics.bytes;
    t->at.events_bytes = t->recorder.events ? sd__tfevents_bytes(t->recorder.events) : 0;
    sd_status status = sd__list_add_model(&list, t->model, sd_model_theta(t->model), sd_model_state(t->model));
    if (status == SD_OK)
        status = sd__list_add_normalization(&list, &t->data.normalization);
    if (status == SD_OK && moments)
        status = add_moments(&list, t, room);
    if (status == SD_OK)
        status = save(t, path, &list);
    sd__list_clear(&list);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

static sd_status check_identity(const sd_trainer *t, const sd_tensors *file, const char *path, uint64_t config)
{
    if (!sd_tensors_checked(file))
        return sd__fail(SD_EFORMAT, "%s: damaged, or not written by sonde: it carries no checksum", path);
    json_t *json = load_facts(file, path);
    if (!json)
        return SD_EFORMAT;
    uint64_t layout = unhex(json, "layout"), was = unhex(json, "config");
    json_decref(json);
    if (layout != sd_model_params(t->model).hash)
        return sd__fail(SD_EFORMAT,
                        "%s: the parameters' layout differs (%016" PRIx64 ", the model has %016" PRIx64
                        "): the model was changed since",
                        path, layout, sd_model_params(t->model).hash);
    if (config && was != config)
        return sd__fail(SD_EFORMAT,
                        "%s: config.yaml was changed since this checkpoint was written; undo that, or give the changes with "
                        "--set",
                        path);
    return SD_OK;
}

static sd_status take_moments(sd_trainer *t, const sd_tensors *file, const char *path)
{
    int64_t length = sd_model_params(t->model).length;
    for (int i = 0; i < sd_optimizer_vectors(t->optimizer); i++) {
        char name[64];
        snprintf(name, sizeof name, "sonde.optimizer.%s", sd_optimizer_vector_name(t->optimizer, i));
        const sd_tensor *m = sd_tensors_find(file, name);
        if (!m || m->dtype != sd_model_dtype(t->model) || sd_shape_count(m->shape) != length)
            return sd__fail(SD_EFORMAT, "%s: holds no '%s' of %" PRId64 " %s: the optimizer was changed since", path, name,
                            length, sd_dtype_name(sd_model_dtype(t->model)));
        memcpy(sd_optimizer_vector(t->optimizer, i), m->data, (size_t)length * sd_dtype_size(m->dtype));
    }
    sd_optimizer_set_steps(t->optimizer, t->at.step);
    return SD_OK;
}

static sd_status check_counters(const sd_trainer *t, const char *path)
{
    if (t->at.index > t->epoch_steps || t->at.batches > t->at.index)
        return sd__fail(SD_EFORMAT,
                        "%s: stands at batch %" PRId64 " of an epoch, which has %" PRId64 ": data or batch size changed", path,
                        t->at.index, t->epoch_steps);
    return SD_OK;
}

static sd_status read_all(sd_trainer *t, const sd_tensors *file, const char *path, uint64_t config)
{
    SD_TRY(check_identity(t, file, path, config));
    SD_TRY(parse_counters(file, path, &t->at));
    SD_TRY(check_counters(t, path));
    SD_TRY(sd__weights_take(t->model, file, path, 0, NULL, sd_model_theta(t->model), sd_model_state(t->model)));
    return take_moments(t, file, path);
}

sd_status sd__checkpoint_read(sd_trainer *t, const char *path, uint64_t config)
{
    sd_tensors *file;
    SD_TRY(sd_tensors_load(path, &file));
    sd_status status = read_all(t, file, path, config);
    sd_tensors_free(file);
    return status;
}

sd_status sd__checkpoint_read_best(sd_trainer *t, const char *path)
{
    sd_tensors *file;
    sd_counters then;
    SD_TRY(sd_tensors_load(path, &file));
    sd_status status = check_identity(t, file, path, 0);
    if (status == SD_OK)
        status = parse_counters(file, path, &then);
    if (status == SD_OK && then.epoch == t->at.best_epoch && (status = sd__best_keep(t)) == SD_OK) {
        size_t params = (size_t)sd_model_params(t->model).length * sd_dtype_size(sd_model_dtype(t->model));
        status = sd__weights_take(t->model, file, path, 0, NULL, t->best, (char *)t->best + params);
    }
    sd_tensors_free(file);
    return status;
}
