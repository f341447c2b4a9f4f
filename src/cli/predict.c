/* predict.c -- `sonde predict`: a run's answers for images (PNG, IDX), tables (CSV) and arrays (npy). */
#include <inttypes.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "train/run_source.h"

#define MOST_PIXELS ((uint64_t)1 << 28)

/* ---- reading ----------------------------------------------------------------------------------------------------------- */

/* Pixels as the model wants them: grey, RGB or RGBA; libpng converts. */
static sd_status png_pixels(const char *path, png_image *image, int64_t channels, uint8_t **pixels)
{
    static const png_uint_32 format[] = {0, PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};
    if (channels < 1 || channels > 4)
        return sd__fail(SD_ESHAPE, "%s: a PNG has 1 to 4 channels, but the model takes %" PRId64, path, channels);
    if ((uint64_t)image->width * image->height > MOST_PIXELS)
        return sd__fail(SD_EFORMAT, "%s: %u x %u pixels are too many", path, image->width, image->height);
    image->format = format[channels];
    *pixels = sd__alloc(PNG_IMAGE_SIZE(*image), 1);
    if (!*pixels)
        return sd__fail(SD_ENOMEM, "%s: no memory for its pixels", path);
    if (png_image_finish_read(image, NULL, *pixels, 0, NULL))
        return SD_OK;
    free(*pixels);
    *pixels = NULL;
    return sd__fail(SD_EFORMAT, "%s: %s", path, image->message);
}

static sd_status open_png(const char *path, const sd_model *model, sd_dataset **set)
{
    sd_shape shape = sd_model_input(model);
    png_image image = {.version = PNG_IMAGE_VERSION};
    uint8_t *pixels = NULL;
    if (!png_image_begin_read_from_file(&image, path))
        return sd__fail(SD_EFORMAT, "%s: %s", path, image.message);
    sd_status status = SD_OK;
    if (shape.rank != 3 || shape.dim[0] != (int64_t)image.height || shape.dim[1] != (int64_t)image.width) {
        char text[SD_SHAPE_TEXT];
        status = sd__fail(SD_ESHAPE, "%s: has %u x %u pixels (height x width), but the model takes %s", path, image.height,
                          image.width, sd_shape_text(shape, text));
    }
    if (status == SD_OK)
        status = png_pixels(path, &image, shape.dim[2], &pixels);
    png_image_free(&image);
    if (status == SD_OK) {
        sd_memory memory = {.name = path, .samples = 1, .shape = shape, .dtype = SD_U8, .input = pixels, .copy = true};
        status = sd_dataset_from_memory(&memory, set);
    }
    free(pixels);
    return status;
}

/* Columns mean what they meant in training; where that table is gone, every column is a feature. */
static sd_status open_csv(const char *path, const sd_dataset *like, sd_dataset **set)
{
    sd_csv csv = {.like = like && sd_dataset_get(like)->feature_names ? like : NULL};
    return sd_dataset_from_csv(path, &csv, set);
}

static sd_status open_input(const char *path, const sd_model *model, const sd_dataset *like, sd_dataset **set)
{
    if (sd__ends_with(path, ".png"))
        return open_png(path, model, set);
    if (sd__ends_with(path, ".csv"))
        return open_csv(path, like, set);
    if (sd__ends_with(path, ".npy")) {
        sd_npy npy = {.x = path};
        return sd_dataset_from_npy(&npy, set);
    }
    return sd_dataset_from_idx(path, NULL, 0, set);
}

/* ---- printing ---------------------------------------------------------------------------------------------------------- */

typedef struct answers {
    const sd_trained *trained;
    const char *file;
    int64_t samples, columns;
    const double *value; /* [samples, columns] */
    json_t *json;        /* list to append to; NULL: print */
} answers;

static const char *label_of(const sd_trained *t, int64_t label, char text[24])
{
    if (t->class_names && label < t->classes)
        return t->class_names[label];
    snprintf(text, 24, "%" PRId64, label);
    return text;
}

static int64_t largest(const double *value, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (value[i] > value[best])
            best = i;
    return best;
}

static void add_json(const answers *a, int64_t i, bool classes)
{
    char text[24];
    const double *row = a->value + i * a->columns;
    json_t *values = json_array();
    for (int64_t c = 0; c < a->columns; c++)
        json_array_append_new(values, sd__json_real(row[c]));
    json_t *one = json_pack("{s:s, s:I}", "file", a->file, "sample", (json_int_t)i);
    if (classes)
        json_object_set_new(one, "label", json_string(label_of(a->trained, largest(row, a->columns), text)));
    json_object_set_new(one, classes ? "probabilities" : "values", values);
    json_array_append_new(a->json, one);
}

static void print_row(const answers *a, int64_t i, bool classes)
{
    char text[24];
    const double *row = a->value + i * a->columns;
    printf("%s", a->file);
    if (a->samples > 1)
        printf(":%" PRId64, i);
    if (classes) {
        int64_t best = largest(row, a->columns);
        printf("\t%s\t%.4f", label_of(a->trained, best, text), row[best]);
    }
    for (int64_t c = 0; !classes && c < a->columns; c++)
        printf("\t%.9g", row[c]);
    putchar('\n');
}

/* ---- the command ------------------------------------------------------------------------------------------------------- */

static sd_status predict_set(const sd_trained *t, const char *path, sd_dataset *set, json_t *json)
{
    bool classes = sd_model_classes(t->model) > 0;
    answers a = {t, path, sd_dataset_get(set)->samples, sd_predict_columns(t->model, classes), NULL, json};
    double *value = sd__alloc((size_t)a.samples, (size_t)a.columns * sizeof *value);
    if (!value)
        return sd__fail(SD_ENOMEM, "%s: no memory for the answers", path);
    sd_status status = sd__fail_in(sd_predict(t->model, set, &t->normalization, classes, value), "%s", path);
    a.value = value;
    for (int64_t i = 0; status == SD_OK && i < a.samples; i++) {
        if (json)
            add_json(&a, i, classes);
        else
            print_row(&a, i, classes);
    }
    free(value);
    return status;
}

static int predict_files(const sd_cli *cli, const sd_trained *t, const sd_dataset *like)
{
    json_t *json = sd__cli_has(cli, "--json") ? json_array() : NULL;
    sd_status status = SD_OK;
    for (int i = 0; i < cli->n_arguments && status == SD_OK; i++) {
        sd_dataset *set = NULL;
        status = open_input(cli->argument[i], t->model, like, &set);
        if (status == SD_OK)
            status = predict_set(t, cli->argument[i], set, json);
        sd_dataset_free(set);
    }
    if (status == SD_OK)
        return json ? sd__print_json(json) : SD_EXIT_OK;
    json_decref(json);
    return sd__say_error(status);
}

static bool any_csv(const sd_cli *cli)
{
    for (int i = 0; i < cli->n_arguments; i++)
        if (sd__ends_with(cli->argument[i], ".csv"))
            return true;
    return false;
}

static int run_in(const sd_cli *cli, const char *run, sd_context *context)
{
    sd_trained trained;
    sd_data data = {0};
    sd_status status = sd_trained_open(context, run, &trained);
    if (status != SD_OK)
        return sd__say_error(status);
    if (any_csv(cli) && sd__run_data(run, sd__cli_get(cli, "--data-dir"), context, &data) != SD_OK)
        sd_data_close(&data); /* the table of the training part is gone: columns then are taken in their order */
    int code = predict_files(cli, &trained, data.train);
    sd_data_close(&data);
    sd_trained_close(&trained);
    return code;
}

static int run(sd_cli *cli)
{
    sd_cli no_arguments = *cli;
    no_arguments.n_arguments = 0;
    const char *named = sd__cli_get(cli, "--run");
    return sd__cli_on_run(cli, named ? named : sd__cli_run(&no_arguments, 0), run_in);
}

const sd_command sd__command_predict = {
    .name = "predict",
    .arguments = "FILE...",
    .doc = "a run's answers for images, tables and arrays",
    .text = "Prints a line for each sample: file (and number of the sample), label, probability; of real targets, the values.\n"
            "FILE is a PNG image of the size that the model takes, an IDX file (plain or gzip), a CSV file with the columns\n"
            "of training, or an npy array.",
    .least = 1,
    .most = SD_MOST_ARGUMENTS,
    .option = {{"--run", "RUN", "run folder or checkpoint (default: runs/last)", false},
               {"--threads", "N", "working threads (default: all cores)", false},
               {"--data-dir", "DIR", "folder searched first for data sets", false},
               {"--json", NULL, "print JSON with the probabilities of all classes", false}},
    .run = run,
};
