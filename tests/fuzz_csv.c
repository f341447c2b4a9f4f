/* fuzz_csv.c -- libFuzzer target: any text as a CSV file is refused with a message, or gives a set that reads itself again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "data/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static sd_dataset *parse(const uint8_t *data, size_t size, const sd_csv *csv)
{
    sd_dataset *set;
    char *text = malloc(size + 1); /* exactly as long as a file in memory, so that reading beyond it is seen */
    memcpy(text, data, size);
    text[size] = 0;
    if (sd__csv_parse("fuzz", text, size, csv, &set) != SD_OK && (set || sd_error()[0] == 0))
        abort();
    free(text);
    return set;
}

static void check_first(sd_dataset *set)
{
    const sd_dataset_info *info = sd_dataset_get(set);
    const int32_t zero = 0;
    int32_t label = 0;
    double *x = calloc((size_t)sd_shape_count(info->shape), sizeof(*x));
    if (sd_dataset_read(set, 1, &zero, SD_F64, NULL, x, &label, NULL) != SD_OK || label < 0 ||
        (label && label >= info->classes))
        abort();
    for (int64_t i = 0; i < sd_shape_count(info->shape); i++)
        if (!isfinite(x[i]))
            abort();
    free(x);
}

/* The first byte chooses how the rest is read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    const char *const targets[] = {"b", "a"};
    const sd_csv options[] = {
        {.label = "a"}, {.targets = targets, .n_targets = 2}, {.headerless = true, .label = "2"}, {.separator = ';'}};
    sd_dataset *set = parse(data + 1, size - 1, &options[data[0] % 4]), *again;
    if (!set)
        return 0;
    check_first(set);
    const sd_csv like = {
        .like = set, .separator = options[data[0] % 4].separator, .headerless = options[data[0] % 4].headerless};
    if (!(again = parse(data + 1, size - 1, &like)) || sd_dataset_get(again)->samples != sd_dataset_get(set)->samples)
        abort();
    sd_dataset_free(again);
    sd_dataset_free(set);
    return 0;
}
