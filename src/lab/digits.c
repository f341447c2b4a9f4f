/* digits.c -- reads digits, and averages them down to 10 x 10 pixels. */
#include "lab/digits.h"

#include <sonde/data.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 28, SMALL = 10 };

static const char *const wanted_set = "mnist", *const embedded_set = "strokes";

static const char *available(void)
{
    char *folder = NULL;
    const sd_named_set *mnist = sd_named_set_find(wanted_set);
    bool there = mnist && sd_named_set_locate(mnist, NULL, &folder) == SD_OK;
    free(folder);
    return there ? wanted_set : embedded_set;
}

void sd__note_missing(sd_lab *lab, const char *wanted)
{
    sd__lab_note(
        lab,
        "%s is not on this machine: the run took the embedded digits (%s) instead. `sonde data fetch %s` downloads it; if "
        "it lies elsewhere, --data-dir DIR, or SONDE_DATA, names the folder that holds %s/.",
        wanted, embedded_set, wanted, wanted);
}

void sd__note_digits(sd_lab *lab, const char *name)
{
    if (strcmp(name, wanted_set))
        sd__note_missing(lab, wanted_set);
    else
        sd__lab_note(lab, "The digits are those of %s.", name);
}

/* Pixel (r,c) lies in the small pixel (r+1)/3, (c+1)/3: the border of one is empty. */
static void average(const double *image, double *small)
{
    memset(small, 0, sizeof *small * SD_DIGIT_PIXELS);
    for (int r = 0; r < SIDE; r++)
        for (int c = 0; c < SIDE; c++)
            small[(r + 1) / 3 * SMALL + (c + 1) / 3] += image[r * SIDE + c] / 9;
}

static sd_status read_all(const sd_data *data, int n, double *x, int32_t *y)
{
    double image[SIDE * SIDE];
    for (int32_t i = 0; i < n; i++) {
        SD_TRY(sd_dataset_read(data->train, 1, &i, SD_F64, &data->normalization, image, y + i, NULL));
        average(image, x + (ptrdiff_t)i * SD_DIGIT_PIXELS);
    }
    return SD_OK;
}

sd_status sd__small_digits(int n, uint64_t seed, double *x, int32_t *y, const char **name)
{
    sd_data data;
    *name = available();
    SD_TRY(sd_data_open(
        &(sd_data_options){
            .name = *name, .seed = seed, .limit = n, .strokes_train = n, .strokes_test = 1, .normalize = SD_NORMALIZE_UNIT},
        NULL, &data));
    sd_status status = read_all(&data, n, x, y);
    sd_data_close(&data);
    return status;
}

sd_status sd__small_digit_examples(int n, uint64_t seed, sd_examples *examples, const char **name)
{
    size_t numbers = (size_t)n * SD_DIGIT_PIXELS;
    double *x = sd__alloc(numbers, sizeof *x);
    *examples = (sd_examples){.n = n, .shape = SD_SHAPE(SD_DIGIT_PIXELS), .classes = 10};
    examples->x = sd__alloc(numbers, sizeof *examples->x);
    examples->y = sd__alloc((size_t)n, sizeof *examples->y);
    bool room = x && examples->x && examples->y;
    sd_status status =
        room ? sd__small_digits(n, seed, x, examples->y, name) : sd__fail(SD_ENOMEM, "no memory for %d digits", n);
    for (size_t i = 0; i < numbers && status == SD_OK; i++)
        examples->x[i] = (float)x[i];
    free(x);
    if (status != SD_OK)
        sd__examples_clear(examples);
    return status;
}

sd_status sd__digit_sets_draw(sd_lab *lab, int sets, int samples, sd_digit_sets *d)
{
    const char *name;
    size_t images = (size_t)sets * (size_t)samples;
    *d = (sd_digit_sets){sets, samples, sd__alloc(images * SD_DIGIT_PIXELS, sizeof *d->x), sd__alloc(images, sizeof *d->y)};
    sd_status status = d->x && d->y ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d sets of images", sets);
    if (status == SD_OK)
        status = sd__small_digits(sets * samples, sd__lab_seed(lab, "images", 0), d->x, d->y, &name);
    if (status == SD_OK)
        sd__note_digits(lab, name);
    else
        sd__digit_sets_free(d);
    return status;
}

void sd__digit_sets_free(sd_digit_sets *d)
{
    free(d->x);
    free(d->y);
    *d = (sd_digit_sets){0};
}
