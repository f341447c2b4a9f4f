/*
 * safetensors.c -- named tensors in a file: u64 length of the header, header (JSON), the tensors' bytes without holes.
 *
 * The checksum covers the whole file with its own eight digits read as zeros. They lie at a fixed place: sonde's header begins
 * with PREFIX, which no other writer is likely to produce, and a flipped byte inside PREFIX itself loses the mark, so
 * that a reader who insists on a checksum (a checkpoint's) notices that, too.
 */
#include <endian.h>
#include <inttypes.h>
#include <jansson.h>
#include <sonde/format.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "format/crc32c.h"

#define PREFIX "{\"__metadata__\":{\"sonde.crc32c\":\""
#define DIGITS_AT (8 + sizeof PREFIX - 1) /* place in the file */
#define ZEROS "00000000"
#define MAX_HEADER 100000000u /* as in the format's own reader */
#define MAX_FILE ((size_t)1 << 40)

typedef struct stored_type {
    const char *name;
    sd_dtype dtype; /* in memory */
    size_t size;    /* in the file */
} stored_type;

static const stored_type types[] = {
    {"F32", SD_F32, 4}, {"F64", SD_F64, 8}, {"I32", SD_I32, 4}, {"U8", SD_U8, 1}, {"BF16", SD_BF16, 2}, {"I64", SD_I32, 8},
};

typedef struct entry {
    const char *name; /* in the header's JSON */
    const stored_type *type;
    uint64_t begin, end; /* in the data section */
    sd_tensor tensor;
    void *copy; /* owned, where the bytes in the file could not be used in place */
} entry;

struct sd_tensors {
    char *path;
    char *file; /* all its bytes */
    json_t *header;
    int count;
    entry *entry; /* by place */
    bool checked;
};

/* ---- writing ----------------------------------------------------------------------------------------------------------- */

static const char *type_name(sd_dtype dtype)
{
    for (size_t i = 0; i < SD_COUNT(types); i++)
        if (types[i].dtype == dtype)
            return types[i].name;
    return NULL;
}

static bool is_dense(const sd_tensor *t)
{
    int64_t expected = 1;
    for (int axis = t->shape.rank - 1; axis >= 0; axis--) {
        if (t->shape.dim[axis] != 1 && t->stride[axis] != expected)
            return false;
        expected *= t->shape.dim[axis];
    }
    return t->shape.rank >= 0;
}

static uint64_t tensor_bytes(const sd_tensor *t) { return (uint64_t)sd_shape_count(t->shape) * sd_dtype_size(t->dtype); }

static json_t *describe(const sd_tensor *t, uint64_t begin)
{
    json_t *shape = json_array();
    for (int axis = 0; axis < t->shape.rank; axis++)
        json_array_append_new(shape, json_integer(t->shape.dim[axis]));
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", type_name(t->dtype), "shape", shape, "data_offsets", (json_int_t)begin,
                     (json_int_t)(begin + tensor_bytes(t)));
}

static sd_status add_notes(json_t *map, const char *path, int n, const sd_note *notes)
{
    for (int i = 0; i < n; i++) {
        if (json_object_get(map, notes[i].key))
            return sd__fail(SD_EINVAL, "%s: two notes are called '%s'", path, notes[i].key);
        if (json_object_set_new(map, notes[i].key, json_string(notes[i].text)))
            return sd__fail(SD_EINVAL, "%s: note '%s' is not UTF-8 text", path, notes[i].key);
    }
    return SD_OK;
}

static sd_status add_tensors(json_t *header, const char *path, int n, const sd_named_tensor *tensors)
{
    uint64_t place = 0;
    for (int i = 0; i < n; i++) {
        const sd_tensor *t = &tensors[i].tensor;
        if (!is_dense(t) || !type_name(t->dtype))
            return sd__fail(SD_EINVAL, "%s: tensor '%s' is not dense", path, tensors[i].name);
        if (json_object_get(header, tensors[i].name))
            return sd__fail(SD_EINVAL, "%s: two tensors are called '%s'", path, tensors[i].name);
        if (json_object_set_new(header, tensors[i].name, describe(t, place)))
            return sd__fail(SD_EINVAL, "%s: the name of tensor %d is not UTF-8 text", path, i);
        place += tensor_bytes(t);
    }
    return SD_OK;
}

/* The start of the file: length and header, padded with blanks so that the data begins on a multiple of 64 bytes. */
static sd_status make_start(const char *path, json_t *header, sd_string *start)
{
    char *text = json_dumps(header, JSON_COMPACT | JSON_ENSURE_ASCII);
    if (!text)
        return sd__fail(SD_ENOMEM, "%s: out of memory for the header", path);
    uint64_t length = strlen(text), padded = (length + 8 + 63) / 64 * 64 - 8, stored = htole64(padded);
    sd__string_add_bytes(start, &stored, 8);
    sd__string_add(start, "%s%*s", text, (int)(padded - length), "");
    free(text);
    return start->failed ? sd__fail(SD_ENOMEM, "%s: out of memory for the header", path) : SD_OK;
}

static sd_status build_start(const char *path, int n, const sd_named_tensor *tensors, int n_notes, const sd_note *notes,
                             sd_string *start)
{
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "sonde.crc32c", ZEROS);
    if (!header)
        return sd__fail(SD_ENOMEM, "%s: out of memory for the header", path);
    sd_status status = add_notes(json_object_get(header, "__metadata__"), path, n_notes, notes);
    if (status == SD_OK)
        status = add_tensors(header, path, n, tensors);
    if (status == SD_OK)
        status = make_start(path, header, start);
    json_decref(header);
    return status;
}

static sd_status write_file(const char *path, const sd_string *start, int n, const sd_named_tensor *tensors)
{
    sd_file_writer writer;
    SD_TRY(sd__writer_begin(&writer, path));
    sd_status status = sd__writer_write(&writer, start->text, start->length);
    for (int i = 0; i < n && status == SD_OK; i++)
        status = sd__writer_write(&writer, tensors[i].tensor.data, tensor_bytes(&tensors[i].tensor));
    if (status != SD_OK) {
        sd__writer_abandon(&writer);
        return status;
    }
    return sd__writer_commit(&writer);
}

sd_status sd_tensors_save(const char *path, int n, const sd_named_tensor *tensors, int n_notes, const sd_note *notes)
{
    sd_string start = {0};
    sd_status status = build_start(path, n, tensors, n_notes, notes, &start);
    if (status == SD_OK) {
        uint32_t crc = sd__crc32c(0, start.text, start.length);
        for (int i = 0; i < n; i++)
            crc = sd__crc32c(crc, tensors[i].tensor.data, tensor_bytes(&tensors[i].tensor));
        char digits[9];
        snprintf(digits, sizeof digits, "%08" PRIx32, crc);
        memcpy(start.text + DIGITS_AT, digits, 8);
        status = write_file(path, &start, n, tensors);
    }
    free(start.text);
    return status;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

/* Verifies the checksum, if the file is of sonde's making. */
static sd_status check_sum(sd_tensors *t, size_t bytes)
{
    if (bytes < DIGITS_AT + 8 || memcmp(t->file + 8, PREFIX, sizeof PREFIX - 1))
        return SD_OK;
    char digits[9] = "";
    memcpy(digits, t->file + DIGITS_AT, 8);
    uint32_t crc = sd__crc32c(0, t->file, DIGITS_AT);
    crc = sd__crc32c(crc, ZEROS, 8);
    crc = sd__crc32c(crc, t->file + DIGITS_AT + 8, bytes - DIGITS_AT - 8);
    char expected[9];
    snprintf(expected, sizeof expected, "%08" PRIx32, crc);
    if (memcmp(digits, expected, 8))
        return sd__fail(SD_EFORMAT, "%s: damaged: the file notes checksum %.8s, its content has %s; use another copy", t->path,
                        digits, expected);
    t->checked = true;
    return SD_OK;
}

static sd_status parse_header(sd_tensors *t, size_t bytes, size_t *data_at)
{
    uint64_t length;
    if (bytes < 8)
        return sd__fail(SD_EFORMAT, "%s: not a safetensors file: it has %zu bytes, and the length of the header alone takes 8",
                        t->path, bytes);
    memcpy(&length, t->file, 8);
    length = le64toh(length);
    if (length > MAX_HEADER || length > bytes - 8)
        return sd__fail(SD_EFORMAT, "%s: not a safetensors file, or cut off: a header of %" PRIu64 " bytes in a file of %zu",
                        t->path, length, bytes);
    SD_TRY(check_sum(t, bytes));
    json_error_t error;
    t->header = json_loadb(t->file + 8, length, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(t->header))
        return sd__fail(SD_EFORMAT, "%s: not a safetensors file: the header is not a JSON object (%s)", t->path,
                        t->header ? "another value" : error.text);
    *data_at = 8 + length;
    return SD_OK;
}

static const stored_type *find_type(const char *name)
{
    for (size_t i = 0; name && i < SD_COUNT(types); i++)
        if (!strcmp(name, types[i].name))
            return &types[i];
    return NULL;
}

/* Reads the sizes and gives the number of elements, which is bounded by the data section before it is multiplied further. */
static sd_status parse_shape(const sd_tensors *t, const char *name, json_t *sizes, uint64_t limit, sd_shape *shape,
                             uint64_t *count)
{
    int64_t dim[SD_MAX_RANK] = {0};
    size_t rank = json_array_size(sizes);
    if (!json_is_array(sizes) || rank > SD_MAX_RANK)
        return sd__fail(SD_EFORMAT, "%s: tensor '%s': the shape must be a list of at most %d sizes", t->path, name,
                        SD_MAX_RANK);
    uint64_t bound = 1; /* the product without sizes of 0, so that strides do not overflow either */
    *count = 1;
    for (size_t axis = 0; axis < rank; axis++) {
        json_t *size = json_array_get(sizes, axis);
        json_int_t value = json_is_integer(size) ? json_integer_value(size) : -1;
        if (value < 0 || (value > 0 && bound > limit / (uint64_t)value))
            return sd__fail(SD_EFORMAT, "%s: tensor '%s': a size of its shape is negative or larger than the file", t->path,
                            name);
        dim[axis] = value;
        *count *= (uint64_t)value;
        bound *= value ? (uint64_t)value : 1;
    }
    *shape = sd_shape_make((int)rank, dim);
    return SD_OK;
}

static sd_status parse_entry(const sd_tensors *t, const char *name, json_t *value, uint64_t data_bytes, entry *e)
{
    const char *type = json_string_value(json_object_get(value, "dtype"));
    json_t *offsets = json_object_get(value, "data_offsets");
    json_t *begin = json_array_get(offsets, 0), *end = json_array_get(offsets, 1);
    sd_shape shape;
    uint64_t count;
    *e = (entry){.name = name, .type = find_type(type)};
    if (!e->type)
        return sd__fail(SD_EFORMAT, "%s: tensor '%s' has type %s; sonde reads F32, F64, I32, I64, U8, BF16", t->path, name,
                        type ? type : "(none)");
    SD_TRY(parse_shape(t, name, json_object_get(value, "shape"), data_bytes, &shape, &count));
    if (json_array_size(offsets) != 2 || !json_is_integer(begin) || !json_is_integer(end) || json_integer_value(begin) < 0 ||
        json_integer_value(end) < json_integer_value(begin))
        return sd__fail(SD_EFORMAT, "%s: tensor '%s': data_offsets must be two numbers, begin <= end", t->path, name);
    e->begin = (uint64_t)json_integer_value(begin);
    e->end = (uint64_t)json_integer_value(end);
    if (e->end > data_bytes)
        return sd__fail(SD_EFORMAT, "%s: cut off: tensor '%s' ends at byte %" PRIu64 " of the data, which has %" PRIu64,
                        t->path, name, e->end, data_bytes);
    if (e->end - e->begin != count * e->type->size)
        return sd__fail(SD_EFORMAT, "%s: tensor '%s': %" PRIu64 " bytes for %" PRIu64 " elements of %zu", t->path, name,
                        e->end - e->begin, count, e->type->size);
    e->tensor = sd_tensor_dense(NULL, e->type->dtype, shape);
    return SD_OK;
}

static int by_place(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static sd_status parse_entries(sd_tensors *t, uint64_t data_bytes)
{
    const char *name;
    json_t *value;
    t->entry = sd__alloc_zeroed(json_object_size(t->header) + 1, sizeof *t->entry);
    if (!t->entry)
        return sd__fail(SD_ENOMEM, "%s: out of memory", t->path);
    json_object_foreach(t->header, name, value)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        SD_TRY(parse_entry(t, name, value, data_bytes, &t->entry[t->count]));
        t->count++;
    }
    qsort(t->entry, (size_t)t->count, sizeof *t->entry, by_place);
    uint64_t place = 0;
    for (int i = 0; i < t->count; i++) {
        if (t->entry[i].begin != place)
            return sd__fail(SD_EFORMAT,
                            "%s: tensor '%s' begins at byte %" PRIu64 " of the data, where %" PRIu64 " is due: tensors "
                            "lie one after the other",
                            t->path, t->entry[i].name, t->entry[i].begin, place);
        place = t->entry[i].end;
    }
    if (place != data_bytes)
        return sd__fail(SD_EFORMAT, "%s: the tensors take %" PRIu64 " bytes, but the file has %" PRIu64, t->path, place,
                        data_bytes);
    return SD_OK;
}

/* I64 as i32, into memory of its own. */
static sd_status narrow(const sd_tensors *t, entry *e, const char *bytes)
{
    int64_t count = sd_shape_count(e->tensor.shape);
    int32_t *to = e->copy;
    for (int64_t i = 0; i < count; i++) {
        uint64_t raw;
        memcpy(&raw, bytes + 8 * i, 8);
        int64_t value = (int64_t)le64toh(raw);
        if (value != (int32_t)value)
            return sd__fail(SD_EFORMAT, "%s: tensor '%s': element %" PRId64 " is %" PRId64 ", which does not fit in 32 bits",
                            t->path, e->name, i, value);
        to[i] = (int32_t)value;
    }
    return SD_OK;
}

/* Points the tensor at its bytes, or at a copy where they are not aligned or of another size. */
static sd_status place_entry(const sd_tensors *t, entry *e, char *data)
{
    char *bytes = data + e->begin;
    bool same = e->type->size == sd_dtype_size(e->type->dtype);
    e->tensor.data = bytes;
    if (same && (uintptr_t)bytes % e->type->size == 0)
        return SD_OK;
    e->copy = sd__alloc((size_t)(e->end - e->begin) + 1, 1);
    if (!e->copy)
        return sd__fail(SD_ENOMEM, "%s: out of memory for tensor '%s'", t->path, e->name);
    e->tensor.data = e->copy;
    if (!same)
        return narrow(t, e, bytes);
    memcpy(e->copy, bytes, (size_t)(e->end - e->begin));
    return SD_OK;
}

static sd_status check_notes(const sd_tensors *t)
{
    json_t *map = json_object_get(t->header, "__metadata__"), *value;
    const char *key;
    if (map && !json_is_object(map))
        return sd__fail(SD_EFORMAT, "%s: __metadata__ must be a map of text", t->path);
    json_object_foreach(map, key, value) if (!json_is_string(value)) return sd__fail(
        SD_EFORMAT, "%s: __metadata__: '%s' must be text", t->path, key);
    return SD_OK;
}

static sd_status load(sd_tensors *t)
{
    size_t bytes, data_at;
    SD_TRY(sd__file_read(t->path, MAX_FILE, &t->file, &bytes));
    SD_TRY(parse_header(t, bytes, &data_at));
    SD_TRY(check_notes(t));
    SD_TRY(parse_entries(t, bytes - data_at));
    for (int i = 0; i < t->count; i++)
        SD_TRY(place_entry(t, &t->entry[i], t->file + data_at));
    return SD_OK;
}

sd_status sd_tensors_load(const char *path, sd_tensors **tensors)
{
    *tensors = NULL;
    sd_tensors *t = sd__alloc_zeroed(1, sizeof *t);
    if (!t || !(t->path = strdup(path))) {
        free(t);
        return sd__fail(SD_ENOMEM, "%s: out of memory", path);
    }
    sd_status status = load(t);
    if (status == SD_OK)
        *tensors = t;
    else
        sd_tensors_free(t);
    return status;
}

void sd_tensors_free(sd_tensors *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        free(t->entry[i].copy);
    free(t->entry);
    json_decref(t->header);
    free(t->file);
    free(t->path);
    free(t);
}

int sd_tensors_count(const sd_tensors *t) { return t->count; }

sd_named_tensor sd_tensors_at(const sd_tensors *t, int i) { return (sd_named_tensor){t->entry[i].name, t->entry[i].tensor}; }

const sd_tensor *sd_tensors_find(const sd_tensors *t, const char *name)
{
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->entry[i].name, name))
            return &t->entry[i].tensor;
    return NULL;
}

const char *sd_tensors_note(const sd_tensors *t, const char *key)
{
    return json_string_value(json_object_get(json_object_get(t->header, "__metadata__"), key));
}

bool sd_tensors_checked(const sd_tensors *t) { return t->checked; }
