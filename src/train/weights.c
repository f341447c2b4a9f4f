/* weights.c -- see weights.h. */
#include "train/weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "tensor/element.h"

sd_status sd__list_add(sd_tensor_list *list, const char *name, void *data, sd_dtype dtype, sd_shape shape)
{
    sd_named_tensor *item = sd__grown(list->item, (size_t)list->count, sizeof *item);
    if (!item)
        return sd__fail(SD_ENOMEM, "no memory for a list of more than %d tensors", list->count);
    list->item = item;
    list->item[list->count++] = (sd_named_tensor){name, sd_tensor_dense(data, dtype, shape)};
    return SD_OK;
}

static sd_status add_layout(sd_tensor_list *list, sd_layout layout, const void *vector, sd_dtype dtype)
{
    for (int i = 0; i < layout.count; i++) {
        const sd_slice *s = &layout.slice[i];
        char *data =
            (char *)(uintptr_t)vector + (size_t)s->offset * sd_dtype_size(dtype); /* only read, when the list is written */
        SD_TRY(sd__list_add(list, s->name, data, dtype, s->shape));
    }
    return SD_OK;
}

sd_status sd__list_add_model(sd_tensor_list *list, const sd_model *model, const void *theta, const void *state)
{
    SD_TRY(add_layout(list, sd_model_params(model), theta, sd_model_dtype(model)));
    return add_layout(list, sd_model_states(model), state, sd_model_dtype(model));
}

sd_status sd__list_add_normalization(sd_tensor_list *list, const sd_normalization *n)
{
    if (!n || n->n == 0)
        return SD_OK;
    int64_t dim = n->n;
    SD_TRY(sd__list_add(list, "sonde.normalize.offset", n->offset, SD_F64, sd_shape_make(1, &dim)));
    return sd__list_add(list, "sonde.normalize.scale", n->scale, SD_F64, sd_shape_make(1, &dim));
}

void sd__list_clear(sd_tensor_list *list)
{
    free(list->item);
    *list = (sd_tensor_list){0};
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

/* True if `name` is the slice or a layer or block that holds it. */
static bool within(const char *slice, const char *name)
{
    size_t length = strlen(name);
    return length > 0 && !strncmp(slice, name, length) && (slice[length] == 0 || slice[length] == '/');
}

static bool wanted(const char *slice, int n, const char *const *layers)
{
    for (int i = 0; i < n; i++)
        if (within(slice, layers[i]))
            return true;
    return n == 0;
}

static sd_status check_layer(const sd_model *model, const char *name)
{
    sd_layout params = sd_model_params(model), states = sd_model_states(model);
    const char **names = sd__alloc((size_t)(params.count + states.count) + 1, sizeof *names);
    bool found = false;
    int n = 0;
    if (!names)
        return sd__fail(SD_ENOMEM, "no memory for the names of layers");
    for (int i = 0; i < params.count + states.count; i++) {
        names[n++] = i < params.count ? params.slice[i].name : states.slice[i - params.count].name;
        found = found || within(names[n - 1], name);
    }
    const char *near = found ? NULL : sd__nearest(name, n, names);
    sd_status status = SD_OK;
    if (!found)
        status = sd__fail(SD_ENOTFOUND, "no layer with weights is called '%s'; %s%s%s", name,
                          near ? "the nearest slice is '" : "`", near ? near : "sonde info", near ? "'" : "` lists them");
    free(names);
    return status;
}

static double as_double(const sd_tensor *t, int64_t i)
{
    if (t->dtype != SD_BF16)
        return sd__element(t->data, t->dtype, i);
    uint32_t bits = (uint32_t)((const uint16_t *)t->data)[i] << 16; /* bf16: the upper half of a float */
    float value;
    memcpy(&value, &bits, 4);
    return (double)value;
}

static void convert(const sd_tensor *from, sd_dtype dtype, void *to)
{
    int64_t n = sd_shape_count(from->shape);
    if (from->dtype == dtype)
        memcpy(to, from->data, (size_t)n * sd_dtype_size(dtype));
    else
        for (int64_t i = 0; i < n; i++)
            sd__set_element(to, dtype, i, as_double(from, i));
}

static sd_status take_slice(const sd_slice *s, sd_dtype dtype, const sd_tensors *file, const char *path, void *vector)
{
    char a[SD_SHAPE_TEXT], b[SD_SHAPE_TEXT];
    const sd_tensor *t = sd_tensors_find(file, s->name);
    if (!t)
        return sd__fail(SD_ENOTFOUND, "%s: holds no '%s' %s, which the model has", path, s->name, sd_shape_text(s->shape, a));
    if (!sd_shape_equal(t->shape, s->shape))
        return sd__fail(SD_ESHAPE, "%s: '%s' is %s, but the model's is %s", path, s->name, sd_shape_text(t->shape, a),
                        sd_shape_text(s->shape, b));
    if (!sd_dtype_is_real(t->dtype) && t->dtype != SD_BF16)
        return sd__fail(SD_EDTYPE, "%s: '%s' holds %s; weights are f32, f64 or bf16", path, s->name, sd_dtype_name(t->dtype));
    convert(t, dtype, (char *)vector + (size_t)s->offset * sd_dtype_size(dtype));
    return SD_OK;
}

static sd_status take_layout(sd_layout layout, sd_dtype dtype, const sd_tensors *file, const char *path, int n,
                             const char *const *layers, void *vector)
{
    for (int i = 0; i < layout.count; i++)
        if (wanted(layout.slice[i].name, n, layers))
            SD_TRY(take_slice(&layout.slice[i], dtype, file, path, vector));
    return SD_OK;
}

sd_status sd__weights_take(const sd_model *model, const sd_tensors *file, const char *path, int n, const char *const *layers,
                           void *theta, void *state)
{
    sd_dtype dtype = sd_model_dtype(model);
    for (int i = 0; i < n; i++)
        SD_TRY(check_layer(model, layers[i]));
    SD_TRY(take_layout(sd_model_params(model), dtype, file, path, n, layers, theta));
    return take_layout(sd_model_states(model), dtype, file, path, n, layers, state);
}

sd_status sd__normalization_take(const sd_tensors *file, const char *path, sd_normalization *normalization)
{
    const char *name = sd_tensors_note(file, "sonde.normalize");
    const sd_tensor *offset = sd_tensors_find(file, "sonde.normalize.offset"),
                    *scale = sd_tensors_find(file, "sonde.normalize.scale");
    sd_normalize kind = SD_NORMALIZE_NONE;
    *normalization = (sd_normalization){0};
    if (!name || !offset || !scale)
        return SD_OK;
    SD_TRY(sd__fail_in(sd_normalize_parse(name, &kind), "%s", path));
    if (offset->dtype != SD_F64 || scale->dtype != SD_F64 || offset->shape.rank != 1 ||
        !sd_shape_equal(offset->shape, scale->shape))
        return sd__fail(SD_EFORMAT, "%s: offset and scale of the inputs are not two equal rows of f64", path);
    return sd__fail_in(sd_normalization_copy(kind, (int)offset->shape.dim[0], offset->data, scale->data, normalization), "%s",
                       path);
}

char *sd__checkpoint_path(const char *path, sd_status *status)
{
    static const char *const place[] = {"checkpoints/best.safetensors", "checkpoints/last.safetensors"};
    struct stat info;
    *status = SD_OK;
    if (stat(path, &info) || !S_ISDIR(info.st_mode)) {
        char *copy = strdup(path);
        *status = copy ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a path");
        return copy;
    }
    for (size_t i = 0; i < SD_COUNT(place); i++) {
        char *file = sd__path_join(path, place[i]);
        if (!file || sd__file_exists(file)) {
            *status = file ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a path");
            return file;
        }
        free(file);
    }
    *status = sd__fail(SD_ENOTFOUND,
                       "%s: a folder without checkpoints/last.safetensors; a run folder or a checkpoint is wanted", path);
    return NULL;
}

/* ---- the public calls -------------------------------------------------------------------------------------------------- */

sd_status sd_model_save(sd_model *model, const char *path, const sd_normalization *normalization)
{
    sd_tensor_list list = {0};
    sd_note note[2] = {{"sonde.version", sd_version()}};
    int notes = 1;
    if (normalization && normalization->n)
        note[notes++] = (sd_note){"sonde.normalize", sd_normalize_name(normalization->kind)};
    sd_status status = sd__list_add_model(&list, model, sd_model_theta(model), sd_model_state(model));
    if (status == SD_OK)
        status = sd__list_add_normalization(&list, normalization);
    if (status == SD_OK)
        status = sd_tensors_save(path, list.count, list.item, notes, note);
    sd__list_clear(&list);
    return status;
}

static size_t vector_bytes(sd_layout layout, const sd_model *model)
{
    return (size_t)layout.length * sd_dtype_size(sd_model_dtype(model));
}

/* Reads into copies first, so that a file which does not fit leaves the model as it was. */
static sd_status load_weights(sd_model *model, const sd_tensors *file, const char *path, int n, const char *const *layers)
{
    size_t params = vector_bytes(sd_model_params(model), model), states = vector_bytes(sd_model_states(model), model);
    char *copy = sd__alloc(params + states + 1, 1);
    if (!copy)
        return sd__fail(SD_ENOMEM, "%s: no memory for the weights", path);
    memcpy(copy, sd_model_theta(model), params);
    if (states)
        memcpy(copy + params, sd_model_state(model), states);
    sd_status status = sd__weights_take(model, file, path, n, layers, copy, copy + params);
    if (status == SD_OK) {
        memcpy(sd_model_theta(model), copy, params);
        if (states)
            memcpy(sd_model_state(model), copy + params, states);
    }
    free(copy);
    return status;
}

sd_status sd_model_load(sd_model *model, const char *path, int n, const char *const *layers, sd_normalization *normalization)
{
    sd_status status;
    sd_tensors *file = NULL;
    sd_normalization found = {0};
    char *place = sd__checkpoint_path(path, &status);
    if (status == SD_OK)
        status = sd_tensors_load(place, &file);
    if (status == SD_OK && normalization)
        status = sd__normalization_take(file, place, &found);
    if (status == SD_OK)
        status = load_weights(model, file, place, n, layers);
    if (status == SD_OK && normalization)
        *normalization = found;
    else
        sd_normalization_clear(&found);
    sd_tensors_free(file);
    free(place);
    return status;
}

uint64_t sd_model_hash(sd_model *model)
{
    uint64_t hash = sd__hash(SD_HASH_START, sd_model_theta(model), vector_bytes(sd_model_params(model), model));
    size_t states = vector_bytes(sd_model_states(model), model);
    return states ? sd__hash(hash, sd_model_state(model), states) : hash;
}
