/*
 * npy.c -- reads and writes npy files, NumPy's format for one array.
 *
 * A file is a magic, a version, the length of a header, the header (a Python dictionary in text: type, order, shape) and the
 * values. The header is read by a small scanner for just the dictionaries that NumPy writes, keys in any order.
 */
#include "format/npy.h"

#include <sonde/data.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define MAGIC "\x93NUMPY"
#define MAGIC_LENGTH 6
#define LONGEST_HEADER (1 << 20)
#define LARGEST_FILE ((size_t)1 << 36)
#define GATHERED ((size_t)1 << 16) /* bytes */

/* The types that are read, by their text in a header. i8 becomes i32 where it fits. */
static const struct type {
    const char *text;
    sd_dtype dtype;
    size_t size; /* in the file */
} types[] = {{"<f4", SD_F32, 4}, {"<f8", SD_F64, 8}, {"<i4", SD_I32, 4}, {"|u1", SD_U8, 1},
             {"<i8", SD_I32, 8}, {"|b1", SD_U8, 1},  {"<u1", SD_U8, 1}};

typedef struct header {
    const struct type *type;
    bool fortran, has_order, has_shape;
    sd_shape shape;
} header;

/* A place in the header's text. */
typedef struct scanner {
    const char *name; /* of the file */
    const char *at, *end;
} scanner;

static sd_status malformed(const scanner *s, const char *wanted)
{
    return sd__fail(SD_EFORMAT, "%s: malformed npy header: %s is expected at '%.*s'", s->name, wanted,
                    (int)SD_MIN(s->end - s->at, 20), s->at);
}

static void skip_space(scanner *s)
{
    while (s->at < s->end && strchr(" \t\n", *s->at) && *s->at)
        s->at++;
}

static bool accept(scanner *s, char c)
{
    skip_space(s);
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

/* A quoted string without escapes; *text is inside the header. */
static bool scan_string(scanner *s, const char **text, size_t *length)
{
    skip_space(s);
    char quote = s->at < s->end ? *s->at : 0;
    const char *close = quote == '\'' || quote == '"' ? memchr(s->at + 1, quote, (size_t)(s->end - s->at - 1)) : NULL;
    if (!close)
        return false;
    *text = s->at + 1;
    *length = (size_t)(close - *text);
    s->at = close + 1;
    return true;
}

static bool scan_word(scanner *s, const char *word)
{
    size_t length = strlen(word);
    skip_space(s);
    if ((size_t)(s->end - s->at) < length || memcmp(s->at, word, length))
        return false;
    s->at += length;
    return true;
}

static sd_status scan_number(scanner *s, int64_t *number)
{
    skip_space(s);
    if (s->at == s->end || *s->at < '0' || *s->at > '9')
        return malformed(s, "a size");
    for (*number = 0; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
        if (__builtin_mul_overflow(*number, 10, number) || __builtin_add_overflow(*number, *s->at - '0', number))
            return malformed(s, "a size below 2^63");
    return SD_OK;
}

static sd_status scan_shape(scanner *s, sd_shape *shape)
{
    *shape = (sd_shape){0};
    if (!accept(s, '('))
        return malformed(s, "a shape in parentheses");
    while (!accept(s, ')')) {
        if (shape->rank == SD_MAX_RANK)
            return sd__fail(SD_EFORMAT, "%s: more than %d axes", s->name, SD_MAX_RANK);
        SD_TRY(scan_number(s, &shape->dim[shape->rank++]));
        if (!accept(s, ',') && (s->at == s->end || *s->at != ')'))
            return malformed(s, "',' or ')'");
    }
    return SD_OK;
}

static sd_status scan_type(scanner *s, const struct type **type)
{
    const char *text;
    size_t length;
    if (!scan_string(s, &text, &length))
        return malformed(s, "a simple type such as '<f4'");
    for (size_t i = 0; i < SD_COUNT(types); i++)
        if (strlen(types[i].text) == length && !memcmp(types[i].text, text, length)) {
            *type = &types[i];
            return SD_OK;
        }
    return sd__fail(SD_EFORMAT,
                    "%s: values of type '%.*s'; little-endian f4, f8, i4, i8 and u1, b1 are read: convert with astype()",
                    s->name, (int)SD_MIN(length, 20), text);
}

static sd_status scan_entry(scanner *s, header *h)
{
    const char *key;
    size_t length;
    if (!scan_string(s, &key, &length) || !accept(s, ':'))
        return malformed(s, "a key and ':'");
    if (length == 5 && !memcmp(key, "descr", 5))
        return scan_type(s, &h->type);
    if (length == 5 && !memcmp(key, "shape", 5)) {
        h->has_shape = true;
        return scan_shape(s, &h->shape);
    }
    if (length != 13 || memcmp(key, "fortran_order", 13))
        return sd__fail(SD_EFORMAT, "%s: malformed npy header: unknown key '%.*s'", s->name, (int)SD_MIN(length, 20), key);
    h->has_order = true;
    h->fortran = scan_word(s, "True");
    return h->fortran || scan_word(s, "False") ? SD_OK : malformed(s, "True or False");
}

static sd_status scan_header(scanner *s, header *h)
{
    if (!accept(s, '{'))
        return malformed(s, "'{'");
    while (!accept(s, '}')) {
        SD_TRY(scan_entry(s, h));
        if (!accept(s, ',') && (s->at == s->end || *s->at != '}'))
            return malformed(s, "',' or '}'");
    }
    if (!h->type || !h->has_order || !h->has_shape)
        return sd__fail(SD_EFORMAT, "%s: malformed npy header: it needs descr, fortran_order and shape", s->name);
    if (h->fortran && h->shape.rank > 1)
        return sd__fail(SD_EFORMAT, "%s: the array is in Fortran order; save it with numpy.ascontiguousarray()", s->name);
    return SD_OK;
}

/* Magic, version and the length of the header, which is 2 bytes long in version 1 and 4 in 2 and 3. */
static sd_status find_header(const char *name, const uint8_t *p, size_t bytes, scanner *s, size_t *start)
{
    if (!bytes)
        return sd__fail(SD_EFORMAT, "%s: empty; an npy file is expected", name);
    if (memcmp(p, MAGIC, SD_MIN(bytes, MAGIC_LENGTH)))
        return sd__fail(SD_EFORMAT, "%s: not an npy file: it does not begin with \\x93NUMPY", name);
    if (bytes < 12)
        return sd__fail(SD_EFORMAT, "%s: truncated: it ends within the npy header", name);
    if (p[6] < 1 || p[6] > 3)
        return sd__fail(SD_EFORMAT, "%s: npy version %d.%d; 1.0, 2.0 and 3.0 are read", name, p[6], p[7]);
    size_t first = p[6] == 1 ? 10 : 12, length = p[8] | (size_t)p[9] << 8;
    if (p[6] > 1)
        length |= (size_t)p[10] << 16 | (size_t)p[11] << 24;
    if (length > LONGEST_HEADER)
        return sd__fail(SD_EFORMAT, "%s: an npy header of %zu bytes; at most %d are read", name, length, LONGEST_HEADER);
    if (length > bytes - first)
        return sd__fail(SD_EFORMAT, "%s: truncated: it ends within the npy header", name);
    *s = (scanner){.name = name, .at = (const char *)p + first, .end = (const char *)p + first + length};
    *start = first + length;
    return SD_OK;
}

static sd_status check_length(const char *name, const header *h, size_t available, size_t *count)
{
    char text[SD_SHAPE_TEXT];
    uint64_t n = 1, bytes;
    for (int i = 0; i < h->shape.rank; i++)
        if (__builtin_mul_overflow(n, (uint64_t)h->shape.dim[i], &n))
            return sd__fail(SD_EFORMAT, "%s: truncated: shape %s is larger than any file", name, sd_shape_text(h->shape, text));
    if (__builtin_mul_overflow(n, h->type->size, &bytes))
        bytes = UINT64_MAX;
    if (bytes != available)
        return sd__fail(SD_EFORMAT, "%s: %s: shape %s of %s takes %llu bytes, but %zu follow the header", name,
                        bytes > available ? "truncated" : "too long", sd_shape_text(h->shape, text), h->type->text,
                        (unsigned long long)bytes, available);
    *count = n;
    return SD_OK;
}

static sd_status narrow(const char *name, const uint8_t *p, size_t count, int32_t *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value;
        memcpy(&value, p + 8 * i, 8);
        if (value < INT32_MIN || value > INT32_MAX)
            return sd__fail(SD_EFORMAT, "%s: element %zu is %lld, which does not fit 32 bits", name, i, (long long)value);
        out[i] = (int32_t)value;
    }
    return SD_OK;
}

sd_status sd__npy_parse(const char *name, const void *data, size_t bytes, sd_tensor *tensor)
{
    header h = {0};
    scanner s;
    size_t start, count;
    SD_TRY(find_header(name, data, bytes, &s, &start));
    SD_TRY(scan_header(&s, &h));
    SD_TRY(check_length(name, &h, bytes - start, &count));
    const uint8_t *p = (const uint8_t *)data + start;
    void *values = sd__alloc(count, sd_dtype_size(h.type->dtype));
    if (!values)
        return sd__fail(SD_ENOMEM, "%s: out of memory for %zu values", name, count);
    sd_status status = SD_OK;
    if (h.type->size == 8 && h.type->dtype == SD_I32)
        status = narrow(name, p, count, values);
    else
        memcpy(values, p, count * h.type->size);
    if (status == SD_OK)
        *tensor = sd_tensor_dense(values, h.type->dtype, h.shape);
    else
        free(values);
    return status;
}

sd_status sd_npy_read(const char *path, sd_tensor *tensor)
{
    char *data;
    size_t bytes;
    *tensor = (sd_tensor){0};
    SD_TRY(sd__file_read(path, LARGEST_FILE, &data, &bytes));
    sd_status status = sd__npy_parse(path, data, bytes, tensor);
    free(data);
    return status;
}

/* The type's text in the header, or NULL if it is not written. */
static const char *type_text(sd_dtype dtype)
{
    for (size_t i = 0; i < SD_COUNT(types); i++)
        if (types[i].dtype == dtype && types[i].size == sd_dtype_size(dtype))
            return types[i].text;
    return NULL;
}

/* Version 1.0; spaces and a newline fill the header up to a multiple of 64 bytes. */
static void make_header(sd_string *out, const char *type, sd_shape shape)
{
    sd_string text = {0};
    sd__string_add(&text, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    for (int i = 0; i < shape.rank; i++)
        sd__string_add(&text, "%s%lld%s", i ? " " : "", (long long)shape.dim[i],
                       i + 1 < shape.rank || shape.rank == 1 ? "," : "");
    sd__string_add(&text, "), }");
    size_t total = (10 + text.length + 1 + 63) / 64 * 64, length = total - 10;
    const uint8_t start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, length & 255, (uint8_t)(length >> 8)};
    sd__string_add_bytes(out, start, sizeof(start));
    sd__string_add(out, "%s%*s\n", text.text ? text.text : "", (int)(length - text.length - 1), "");
    out->failed |= text.failed;
    free(text.text);
}

/* The innermost axes that lie dense: they are written in one piece. */
static int dense_axes(const sd_tensor *t, size_t *elements)
{
    int64_t expected = 1;
    int axis = t->shape.rank;
    while (axis > 0 && (t->stride[axis - 1] == expected || t->shape.dim[axis - 1] == 1))
        expected *= t->shape.dim[--axis];
    *elements = (size_t)expected;
    return axis;
}

/* Small pieces are gathered in `buffer`, so that a transposed array does not take a system call for every value. */
static sd_status flush(sd_file_writer *writer, sd_string *buffer)
{
    if (buffer->failed)
        return sd__fail(SD_ENOMEM, "%s: out of memory", writer->path);
    sd_status status = buffer->length ? sd__writer_write(writer, buffer->text, buffer->length) : SD_OK;
    buffer->length = 0;
    return status;
}

static sd_status put(sd_file_writer *writer, sd_string *buffer, const void *data, size_t bytes)
{
    if (buffer->length + bytes > GATHERED)
        SD_TRY(flush(writer, buffer));
    if (bytes > GATHERED)
        return sd__writer_write(writer, data, bytes);
    sd__string_add_bytes(buffer, data, bytes);
    return SD_OK;
}

/* Walks over the outer axes like an odometer. */
static sd_status write_values(sd_file_writer *writer, sd_string *buffer, const sd_tensor *t)
{
    size_t size = sd_dtype_size(t->dtype), elements;
    int outer = dense_axes(t, &elements), axis = 0;
    int64_t index[SD_MAX_RANK] = {0}, at = 0;
    if (!sd_shape_count(t->shape))
        return flush(writer, buffer);
    while (axis >= 0) {
        SD_TRY(put(writer, buffer, (const char *)t->data + at * (int64_t)size, elements * size));
        for (axis = outer - 1; axis >= 0; axis--) {
            at += t->stride[axis];
            if (++index[axis] < t->shape.dim[axis])
                break;
            at -= t->stride[axis] * t->shape.dim[axis];
            index[axis] = 0;
        }
    }
    return flush(writer, buffer);
}

sd_status sd_npy_write(const char *path, const sd_tensor *tensor)
{
    const char *type = type_text(tensor->dtype);
    sd_string buffer = {0};
    sd_file_writer writer;
    if (!type)
        return sd__fail(SD_EDTYPE, "%s: npy cannot hold %s; cast to f32, f64, i32 or u8", path, sd_dtype_name(tensor->dtype));
    make_header(&buffer, type, tensor->shape);
    sd_status status = buffer.failed ? sd__fail(SD_ENOMEM, "%s: out of memory", path) : sd__writer_begin(&writer, path);
    if (status == SD_OK) {
        status = write_values(&writer, &buffer, tensor);
        if (status == SD_OK)
            status = sd__writer_commit(&writer);
        else
            sd__writer_abandon(&writer);
    }
    free(buffer.text);
    return status;
}
