/*
 * csv.c -- a data set from a CSV file: every column has a role, every row becomes numbers.
 *
 * Numbers are read in the "C" locale whatever the program's own is. A label is kept as a place in the text until the file has
 * been read; then the distinct ones are sorted and become the classes.
 */
#define _GNU_SOURCE
#include "data/csv.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/bytes.h"
#include "data/csv_text.h"
#include "data/dataset.h"
#include "data/sha256.h"

#define LONGEST_NUMBER 127

typedef enum role { ROLE_FEATURE, ROLE_LABEL, ROLE_TARGET, ROLE_UNUSED } role;

typedef struct column {
    const char *name;
    role role;
    int index; /* among the features or the targets */
} column;

typedef struct reading {
    sd_csv_text text;
    const sd_csv *options;
    sd_arena names;
    locale_t c_locale;
    int n_columns, n_features, n_targets;
    bool has_label;
    column *columns;
    int64_t rows, capacity;
    double *features;     /* [rows, n_features] */
    double *targets;      /* [rows, n_targets] */
    sd_csv_field *labels; /* [rows] */
} reading;

static void reading_end(reading *r)
{
    sd__csv_end(&r->text);
    sd__arena_free(&r->names);
    if (r->c_locale)
        freelocale(r->c_locale);
    free(r->columns);
    free(r->features);
    free(r->targets);
    free(r->labels);
}

static sd_status no_memory(const reading *r) { return sd__fail(SD_ENOMEM, "%s: out of memory", r->text.name); }

/* -- the header ------------------------------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* A name that stands twice would make "the column of that name" ambiguous. */
static sd_status check_distinct(const reading *r)
{
    const char **sorted = sd__alloc((size_t)r->n_columns, sizeof(*sorted));
    sd_status status = sorted ? SD_OK : no_memory(r);
    for (int i = 0; sorted && i < r->n_columns; i++)
        sorted[i] = r->columns[i].name;
    if (sorted)
        qsort(sorted, (size_t)r->n_columns, sizeof(*sorted), compare_names);
    for (int i = 1; sorted && i < r->n_columns && status == SD_OK; i++)
        if (!strcmp(sorted[i - 1], sorted[i]))
            status = sd__fail(SD_EFORMAT, "%s:1:1: two columns are called \"%s\"; every column needs its own name",
                              r->text.name, sorted[i]);
    free(sorted);
    return status;
}

static sd_status name_columns(reading *r)
{
    r->n_columns = r->text.n;
    r->columns = sd__alloc_zeroed((size_t)r->n_columns, sizeof(*r->columns));
    if (!r->columns)
        return no_memory(r);
    for (int i = 0; i < r->n_columns; i++) {
        const sd_csv_field *f = &r->text.field[i];
        if (!f->length && !r->options->headerless)
            return sd__csv_fail(&r->text, f, "column %d has no name; an index, if this is one, is no feature: leave it out",
                                i + 1);
        r->columns[i].name = r->options->headerless
                                 ? sd__arena_format(&r->names, "%d", i + 1)
                                 : sd__arena_format(&r->names, "%.*s", (int)SD_MIN(f->length, 4096), f->text);
        if (!r->columns[i].name)
            return no_memory(r);
    }
    return check_distinct(r);
}

static column *find_column(const reading *r, const char *name)
{
    for (int i = 0; i < r->n_columns; i++)
        if (!strcmp(r->columns[i].name, name))
            return &r->columns[i];
    return NULL;
}

static sd_status missing_column(const reading *r, const char *name)
{
    const char **names = sd__alloc((size_t)r->n_columns, sizeof(*names));
    for (int i = 0; names && i < r->n_columns; i++)
        names[i] = r->columns[i].name;
    const char *near = names ? sd__nearest(name, SD_MIN(r->n_columns, 1000), names) : NULL;
    sd_status status = sd__fail(SD_EFORMAT, "%s:1:1: no column \"%s\" among its %d columns%s%s%s", r->text.name, name,
                                r->n_columns, near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    free(names);
    return status;
}

static sd_status give_role(reading *r, const char *name, role wanted, int index)
{
    column *c = find_column(r, name);
    if (!c)
        return missing_column(r, name);
    if (c->role != ROLE_UNUSED)
        return sd__fail(SD_EINVAL, "%s: column \"%s\" is asked for twice", r->text.name, name);
    c->role = wanted;
    c->index = index;
    return SD_OK;
}

/* Columns that are no target are features, in the order of the file. */
static sd_status assign_by_options(reading *r)
{
    const sd_csv *o = r->options;
    if (o->n_targets < 0 || (o->n_targets && !o->targets))
        return sd__fail(SD_EINVAL, "%s: %d targets without their names", r->text.name, o->n_targets);
    if (o->label && o->n_targets)
        return sd__fail(SD_EINVAL, "%s: both a label and targets; give one of the two", r->text.name);
    if (o->label)
        SD_TRY(give_role(r, o->label, ROLE_LABEL, 0));
    for (int i = 0; i < o->n_targets; i++)
        SD_TRY(give_role(r, o->targets[i], ROLE_TARGET, i));
    r->has_label = o->label != NULL;
    r->n_targets = o->n_targets;
    for (int i = 0; i < r->n_columns; i++)
        if (r->columns[i].role == ROLE_UNUSED) {
            r->columns[i].role = ROLE_FEATURE;
            r->columns[i].index = r->n_features++;
        }
    return SD_OK;
}

/* Columns by the names of another set; what it has no name for is not used. */
static sd_status assign_like(reading *r)
{
    const sd_dataset *like = r->options->like->root;
    const sd_dataset_info *info = &like->info;
    if (!info->feature_names)
        return sd__fail(SD_EINVAL, "%s: to be read like %s, whose features have no names", r->text.name, info->name);
    r->n_features = (int)sd_shape_count(info->shape);
    for (int i = 0; i < r->n_features; i++)
        SD_TRY(give_role(r, info->feature_names[i], ROLE_FEATURE, i));
    r->has_label = like->label_name && find_column(r, like->label_name);
    if (r->has_label)
        SD_TRY(give_role(r, like->label_name, ROLE_LABEL, 0));
    if (info->target != SD_TARGET_REAL || !find_column(r, info->target_names[0]))
        return SD_OK;
    r->n_targets = info->targets;
    for (int i = 0; i < r->n_targets; i++)
        SD_TRY(give_role(r, info->target_names[i], ROLE_TARGET, i));
    return SD_OK;
}

static sd_status assign_roles(reading *r)
{
    for (int i = 0; i < r->n_columns; i++)
        r->columns[i].role = ROLE_UNUSED;
    SD_TRY(r->options->like ? assign_like(r) : assign_by_options(r));
    if (!r->n_features)
        return sd__fail(SD_EFORMAT, "%s:1:1: no column is left as a feature", r->text.name);
    return SD_OK;
}

/* -- rows ------------------------------------------------------------------------------------------------------------- */

static bool grow(void **block, int64_t rows, int width, size_t size)
{
    size_t row;
    if (!width)
        return true;
    void *more = __builtin_mul_overflow((size_t)width, size, &row) ? NULL : sd__realloc(*block, (size_t)rows, row);
    if (more)
        *block = more;
    return more != NULL;
}

static sd_status reserve(reading *r)
{
    if (r->rows < r->capacity)
        return SD_OK;
    int64_t capacity = r->capacity ? 2 * r->capacity : 64;
    if (capacity > INT32_MAX)
        return sd__fail(SD_EFORMAT, "%s: more rows than can be read", r->text.name);
    if (!grow((void **)&r->features, capacity, r->n_features, sizeof(double)) ||
        !grow((void **)&r->targets, capacity, r->n_targets, sizeof(double)) ||
        !grow((void **)&r->labels, capacity, r->has_label, sizeof(*r->labels)))
        return no_memory(r);
    r->capacity = capacity;
    return SD_OK;
}

/* Only what a decimal number is written with: strtod() would also take hexadecimal digits and names. */
static bool parse_number(const reading *r, const sd_csv_field *f, double *value)
{
    char text[LONGEST_NUMBER + 1], *end;
    if (!f->length || f->length > LONGEST_NUMBER)
        return false;
    memcpy(text, f->text, f->length);
    text[f->length] = 0;
    if (strspn(text, "0123456789+-.eE") != f->length)
        return false;
    *value = strtod_l(text, &end, r->c_locale);
    return end == text + f->length;
}

static sd_status read_number(const reading *r, const column *c, const sd_csv_field *f, double *value)
{
    int shown = (int)SD_MIN(f->length, 40);
    if (!f->length)
        return sd__csv_fail(&r->text, f, "nothing in column \"%.100s\"; a number is expected", c->name);
    if (!parse_number(r, f, value))
        return sd__csv_fail(&r->text, f, "'%.*s' in column \"%.100s\"; a finite decimal number is expected", shown, f->text,
                            c->name);
    if (!isfinite(*value))
        return sd__csv_fail(&r->text, f, "'%.*s' in column \"%.100s\" is too large for a 64-bit number", shown, f->text,
                            c->name);
    return SD_OK;
}

static sd_status read_row(reading *r)
{
    const sd_csv_text *t = &r->text;
    if (t->n != r->n_columns)
        return sd__csv_fail(t, &t->field[t->n - 1], "a line of %d fields; the first line has %d", t->n, r->n_columns);
    SD_TRY(reserve(r));
    for (int i = 0; i < t->n; i++) {
        const column *c = &r->columns[i];
        const sd_csv_field *f = &t->field[i];
        if (c->role == ROLE_FEATURE)
            SD_TRY(read_number(r, c, f, &r->features[r->rows * r->n_features + c->index]));
        else if (c->role == ROLE_TARGET)
            SD_TRY(read_number(r, c, f, &r->targets[r->rows * r->n_targets + c->index]));
        else if (c->role == ROLE_LABEL && !f->length)
            return sd__csv_fail(t, f, "nothing in the label's column \"%.100s\"", c->name);
        else if (c->role == ROLE_LABEL)
            r->labels[r->rows] = *f;
    }
    r->rows++;
    return SD_OK;
}

static sd_status read_rows(reading *r)
{
    bool more;
    SD_TRY(sd__csv_next(&r->text, &more));
    if (!more)
        return sd__fail(SD_EFORMAT, "%s: empty; a header line and rows are expected", r->text.name);
    SD_TRY(name_columns(r));
    SD_TRY(assign_roles(r));
    if (r->options->headerless)
        SD_TRY(read_row(r));
    for (;;) {
        SD_TRY(sd__csv_next(&r->text, &more));
        if (!more)
            break;
        SD_TRY(read_row(r));
    }
    return r->rows ? SD_OK : sd__fail(SD_EFORMAT, "%s: no rows after the header", r->text.name);
}

/* -- classes ---------------------------------------------------------------------------------------------------------- */

static int compare_bytes(const sd_csv_field *a, const sd_csv_field *b)
{
    int order = memcmp(a->text, b->text, SD_MIN(a->length, b->length));
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

static int compare_labels(const void *a, const void *b) { return compare_bytes(a, b); }

static bool is_integer(const sd_csv_field *f)
{
    size_t sign = f->text[0] == '-' || f->text[0] == '+';
    if (f->length == sign || f->length > 18)
        return false;
    for (size_t i = sign; i < f->length; i++)
        if (f->text[i] < '0' || f->text[i] > '9')
            return false;
    return true;
}

static int64_t integer(const sd_csv_field *f)
{
    int64_t value = 0;
    size_t sign = f->text[0] == '-' || f->text[0] == '+';
    for (size_t i = sign; i < f->length; i++)
        value = value * 10 + (f->text[i] - '0');
    return f->text[0] == '-' ? -value : value;
}

/* By value, and by bytes where "1" and "01" are equal. */
static int compare_integers(const void *a, const void *b)
{
    int64_t x = integer(a), y = integer(b);
    return x != y ? (x > y) - (x < y) : compare_bytes(a, b);
}

/* The distinct labels, sorted, at the front of `all`. */
static int distinct(sd_csv_field *all, int64_t rows)
{
    bool integers = true;
    int64_t n = 0;
    qsort(all, (size_t)rows, sizeof(*all), compare_labels);
    for (int64_t i = 0; i < rows; i++)
        if (!i || compare_bytes(&all[i], &all[n - 1]))
            all[n++] = all[i];
    n = SD_MIN(n, SD_MAX_CLASSES + 1);
    for (int64_t i = 0; i < n; i++)
        integers = integers && is_integer(&all[i]);
    if (integers)
        qsort(all, (size_t)n, sizeof(*all), compare_integers);
    return (int)n;
}

static const char **find_classes(reading *r, int *classes)
{
    sd_csv_field *all = sd__alloc((size_t)r->rows, sizeof(*all));
    if (!all)
        return NULL;
    memcpy(all, r->labels, (size_t)r->rows * sizeof(*all));
    *classes = distinct(all, r->rows);
    const char **names = sd__arena_alloc(&r->names, (size_t)*classes, sizeof(*names));
    for (int i = 0; names && i < *classes; i++)
        names[i] = sd__arena_format(&r->names, "%.*s", (int)SD_MIN(all[i].length, 4096), all[i].text);
    free(all);
    return names && !r->names.failed ? names : NULL;
}

typedef struct class_name {
    const char *name;
    int32_t number;
} class_name;

static int compare_classes(const void *a, const void *b)
{
    return strcmp(((const class_name *)a)->name, ((const class_name *)b)->name);
}

static sd_status number_label(const reading *r, const sd_csv_field *f, int classes, const class_name *sorted, int32_t *label)
{
    char text[4097];
    size_t length = SD_MIN(f->length, sizeof(text) - 1);
    memcpy(text, f->text, length);
    text[length] = 0;
    const class_name key = {.name = text}, *found = bsearch(&key, sorted, (size_t)classes, sizeof(*sorted), compare_classes);
    if (!found)
        return sd__csv_fail(&r->text, f, "label '%.100s' is none of the %d classes of the training part", text, classes);
    *label = found->number;
    return SD_OK;
}

static sd_status number_labels(const reading *r, int classes, const char *const *names, int32_t *labels)
{
    class_name *sorted = sd__alloc((size_t)classes, sizeof(*sorted));
    sd_status status = sorted ? SD_OK : no_memory(r);
    for (int i = 0; sorted && i < classes; i++)
        sorted[i] = (class_name){names[i], i};
    if (sorted)
        qsort(sorted, (size_t)classes, sizeof(*sorted), compare_classes);
    for (int64_t i = 0; status == SD_OK && i < r->rows; i++)
        status = number_label(r, &r->labels[i], classes, sorted, &labels[i]);
    free(sorted);
    return status;
}

static sd_status set_classes(reading *r, sd_dataset *d, const char *label_name)
{
    const sd_dataset *like = r->options->like;
    int classes = like ? like->info.classes : 0;
    const char *const *names = like ? like->info.class_names : find_classes(r, &classes);
    int32_t *labels = sd__alloc((size_t)r->rows, sizeof(*labels));
    if (!names || !labels) {
        free(labels);
        return no_memory(r);
    }
    sd__dataset_own(d, labels);
    if (classes > SD_MAX_CLASSES)
        return sd__fail(SD_EFORMAT,
                        "%s: column \"%s\" has more than %d different labels; numbers to be predicted are targets, not labels",
                        r->text.name, label_name, SD_MAX_CLASSES);
    SD_TRY(number_labels(r, classes, names, labels));
    d->label_name = sd__arena_text(&d->names, label_name);
    return sd__dataset_set_labels(d, labels, classes, names, NULL);
}

/* -- the set ---------------------------------------------------------------------------------------------------------- */

/* Names of the columns with this role, in the order of their index. */
static const char *const *role_names(reading *r, role wanted, int n)
{
    const char **names = sd__arena_alloc(&r->names, (size_t)n, sizeof(*names));
    for (int i = 0; names && i < r->n_columns; i++)
        if (r->columns[i].role == wanted)
            names[r->columns[i].index] = r->columns[i].name;
    return names;
}

static const char *label_column(const reading *r)
{
    for (int i = 0; i < r->n_columns; i++)
        if (r->columns[i].role == ROLE_LABEL)
            return r->columns[i].name;
    return "";
}

static sd_status set_columns(reading *r, sd_dataset *d)
{
    d->input = sd__dataset_own(d, r->features);
    r->features = NULL;
    d->info.feature_names = sd__dataset_names(d, r->n_features, role_names(r, ROLE_FEATURE, r->n_features));
    if (r->has_label)
        SD_TRY(set_classes(r, d, label_column(r)));
    if (r->n_targets) {
        sd__dataset_set_targets(d, sd__dataset_own(d, r->targets), SD_F64, r->n_targets,
                                role_names(r, ROLE_TARGET, r->n_targets));
        r->targets = NULL;
    }
    return r->names.failed ? no_memory(r) : SD_OK;
}

static sd_status make_set(reading *r, sd_dataset **dataset)
{
    sd_dataset *d;
    SD_TRY(sd__dataset_new(r->text.name, r->rows, SD_SHAPE(r->n_features), SD_F64, &d));
    return sd__dataset_done(d, set_columns(r, d), dataset);
}

static bool can_separate(char c) { return c != '"' && c != '\n' && c != '\r' && !strchr("0123456789+-.eE", c); }

sd_status sd__csv_parse(const char *name, char *data, size_t bytes, const sd_csv *csv, sd_dataset **dataset)
{
    reading r = {.options = csv};
    char separator = csv->separator ? csv->separator : ',';
    *dataset = NULL;
    if (!can_separate(separator))
        return sd__fail(SD_EINVAL, "%s: '%c' cannot separate the columns of a CSV file", name, separator);
    sd__csv_begin(&r.text, name, data, bytes, separator);
    r.c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    sd_status status = r.c_locale ? read_rows(&r) : no_memory(&r);
    if (status == SD_OK)
        status = make_set(&r, dataset);
    reading_end(&r);
    return status;
}

/* The checksum comes first: reading changes the text. */
sd_status sd_dataset_from_csv(const char *path, const sd_csv *csv, sd_dataset **dataset)
{
    char *data;
    size_t bytes;
    char checksum[SD_SHA256_TEXT];
    *dataset = NULL;
    SD_TRY(sd__file_read(path, SD_LARGEST_FILE, &data, &bytes));
    sd__sha256(data, bytes, checksum);
    sd_status status = sd__csv_parse(path, data, bytes, csv, dataset);
    free(data);
    if (status != SD_OK)
        return status;
    (*dataset)->info.checksum = sd__arena_text(&(*dataset)->names, checksum);
    return sd__dataset_done(*dataset, SD_OK, dataset);
}
