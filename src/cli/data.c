/* data.c -- `sonde data`: which sets have a name, what is in them, and how they come onto this machine. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/fetch.h"

static const sd_named_set *find(const sd_cli *cli)
{
    if (cli->n_arguments < 2) {
        sd__say(SD_EXIT_USAGE, "data %s needs the name of a set; `sonde data list` shows them", cli->argument[0]);
        return NULL;
    }
    const sd_named_set *set = sd_named_set_find(cli->argument[1]);
    if (!set)
        sd__say(SD_EXIT_USAGE, "%s", sd_error());
    return set;
}

/* Where it lies; "" if nowhere. The caller frees. */
static char *place_of(const sd_cli *cli, const sd_named_set *set)
{
    char *folder = NULL;
    if (!set->n_files)
        return strdup("embedded");
    if (sd_named_set_locate(set, sd__cli_get(cli, "--data-dir"), &folder) != SD_OK)
        return strdup("");
    return folder;
}

static json_t *describe(const sd_cli *cli, const sd_named_set *set)
{
    char shape[SD_SHAPE_TEXT], *place = place_of(cli, set);
    json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:i, s:I, s:I, s:s}", "name", set->name, "doc", set->doc, "source",
                             set->source, "shape", sd_shape_text(set->shape, shape), "classes", set->classes, "train",
                             (json_int_t)set->train, "test", (json_int_t)set->test, "folder", place ? place : "");
    free(place);
    return json;
}

static int list(sd_cli *cli)
{
    const sd_named_set *set;
    json_t *all = json_array();
    for (int i = 0, n = sd_named_sets(&set); i < n; i++) {
        char *place = place_of(cli, &set[i]);
        if (sd__cli_has(cli, "--json"))
            json_array_append_new(all, describe(cli, &set[i]));
        else
            printf("%-14s %6" PRId64 " + %-6" PRId64 " %s\n%-14s %s%s\n", set[i].name, set[i].train, set[i].test, set[i].doc,
                   "", place && *place ? "in " : "not here; ", place && *place ? place : "sonde data fetch brings it");
        free(place);
    }
    if (sd__cli_has(cli, "--json"))
        return sd__print_json(all);
    json_decref(all);
    return SD_EXIT_OK;
}

/* ---- info -------------------------------------------------------------------------------------------------------------- */

static json_t *part_json(const sd_dataset *part)
{
    const sd_dataset_info *info = sd_dataset_get(part);
    json_t *json = json_pack("{s:I, s:s}", "samples", (json_int_t)info->samples, "sha256", info->checksum),
           *counts = json_array();
    int64_t *count = sd__alloc_zeroed((size_t)info->classes + 1, sizeof *count);
    if (count && info->classes && sd_dataset_class_counts(part, count) == SD_OK)
        for (int i = 0; i < info->classes; i++)
            json_array_append_new(counts, json_integer(count[i]));
    json_object_set_new(json, "per_class", counts);
    free(count);
    return json;
}

static json_t *normalization_json(const sd_data *data)
{
    json_t *offset = json_array(), *scale = json_array();
    for (int i = 0; i < data->normalization.n; i++) {
        json_array_append_new(offset, json_real(data->normalization.offset[i]));
        json_array_append_new(scale, json_real(data->normalization.scale[i]));
    }
    return json_pack("{s:o, s:o}", "mean", offset, "deviation", scale);
}

static void print_counts(const char *name, json_t *part)
{
    json_t *counts = json_object_get(part, "per_class"), *count;
    size_t i;
    printf("%s: %" PRId64 " samples; per class", name, (int64_t)json_integer_value(json_object_get(part, "samples")));
    json_array_foreach(counts, i, count) printf(" %" PRId64, (int64_t)json_integer_value(count));
    printf("\n");
}

static int show(const sd_cli *cli, const sd_named_set *set, const sd_data *data)
{
    json_t *json = describe(cli, set), *train = part_json(data->train),
           *test = data->test ? part_json(data->test) : json_null();
    json_t *numbers = normalization_json(data);
    json_object_set_new(json, "train", train);
    json_object_set_new(json, "test", test);
    json_object_set_new(json, "normalization", numbers);
    if (sd__cli_has(cli, "--json"))
        return sd__print_json(json);
    printf("%s: %s\nby %s\nsamples of %s, %d classes, in %s\n", set->name, set->doc, set->source,
           json_string_value(json_object_get(json, "shape")), set->classes, json_string_value(json_object_get(json, "folder")));
    print_counts("train", train);
    if (data->test)
        print_counts("test", test);
    for (int i = 0; i < data->normalization.n && i < 8; i++)
        printf("mean %.4f, deviation %.4f\n", data->normalization.offset[i], data->normalization.scale[i]);
    json_decref(json);
    return SD_EXIT_OK;
}

static int info(sd_cli *cli)
{
    sd_data data = {0};
    const sd_named_set *set = find(cli);
    if (!set)
        return SD_EXIT_USAGE;
    sd_data_options options = {
        .name = set->name, .dir = sd__cli_get(cli, "--data-dir"), .seed = 1, .normalize = SD_NORMALIZE_STANDARD};
    sd_status status = sd_data_open(&options, NULL, &data);
    int code = status == SD_OK ? show(cli, set, &data) : sd__say_error(status);
    sd_data_close(&data);
    return code;
}

/* ---- fetch ------------------------------------------------------------------------------------------------------------- */

static bool on_bytes(void *user, const char *file, int64_t done, int64_t total)
{
    int *shown = user; /* per cent, so that a terminal is not flooded */
    int per_cent = total > 0 ? (int)(100 * done / total) : 0;
    if (isatty(STDERR_FILENO) && per_cent != *shown)
        fprintf(stderr, "\r\033[K%s %3d %%", file, per_cent);
    *shown = per_cent;
    return true;
}

static int fetch(sd_cli *cli)
{
    int shown = -1;
    const sd_named_set *set = find(cli);
    if (!set)
        return SD_EXIT_USAGE;
    char *folder = sd_named_set_folder(set, sd__cli_get(cli, "--data-dir"));
    if (!folder)
        return sd__say(SD_EXIT_FAILURE, "there is no place for data sets: give --data-dir, or set SONDE_DATA or HOME");
    if (set->n_files)
        fprintf(stderr, "fetching %s to %s\n", set->name, folder);
    sd_status status = sd__fetch_set(set, folder, sd__cli_get(cli, "--url"), on_bytes, &shown);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    if (status == SD_OK)
        printf("%s is in %s\n", set->name, set->n_files ? folder : "the program itself");
    free(folder);
    return status == SD_OK ? SD_EXIT_OK : sd__say_error(status);
}

static int run(sd_cli *cli)
{
    static const char *const names[] = {"list", "info", "fetch"};
    static int (*const action[])(sd_cli *) = {list, info, fetch};
    for (size_t i = 0; i < SD_COUNT(names); i++)
        if (!strcmp(cli->argument[0], names[i]))
            return action[i](cli);
    const char *near = sd__nearest(cli->argument[0], (int)SD_COUNT(names), names);
    return sd__say(SD_EXIT_USAGE, "data has no action '%s'%s%s%s; there are list, info NAME, fetch NAME", cli->argument[0],
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

const sd_command sd__command_data = {
    .name = "data",
    .arguments = "list|info|fetch [NAME]",
    .doc = "list, describe or download data sets",
    .text = "list shows the sets that have a name, and where they lie; info counts what is in one; fetch downloads one,\n"
            "checking size and SHA-256. Sets lie in NAME/ below --data-dir, $SONDE_DATA or ~/.cache/sonde.",
    .least = 1,
    .most = 2,
    .option = {{"--data-dir", "DIR", "folder searched first, and into which sets are fetched", false},
               {"--url", "BASE", "fetch from BASE/NAME/FILE instead of the usual hosts", false},
               {"--json", NULL, "print JSON (list, info)", false}},
    .run = run,
};
