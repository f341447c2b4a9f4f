/*
 * open.c -- from "what to train on" to the parts of a data set.
 *
 * Order matters: first the test part is set aside, then the limit, then validation; statistics are taken from what is left.
 */
#include "data/dataset.h"
#include "data/named.h"

static void replace(sd_dataset **part, sd_dataset *with)
{
    sd_dataset_free(*part);
    *part = with;
}

static sd_status open_strokes(const sd_data_options *o, const sd_named_set *set, sd_data *data)
{
    SD_TRY(sd_dataset_strokes(o->seed, "train", o->strokes_train ? o->strokes_train : set->train, &data->train));
    return sd_dataset_strokes(o->seed, "test", o->strokes_test ? o->strokes_test : set->test, &data->test);
}

static sd_status open_named(const sd_data_options *o, sd_data *data)
{
    const sd_named_set *set = sd_named_set_find(o->name);
    if (!set)
        return SD_ENOTFOUND;
    return set->n_files ? sd__named_open(set, o->dir, &data->train, &data->test) : open_strokes(o, set, data);
}

/* The test part is read like the training part, so that columns and classes mean the same. */
static sd_status open_csv(const sd_data_options *o, sd_data *data)
{
    sd_csv csv = o->csv;
    SD_TRY(sd_dataset_from_csv(o->csv_train, &csv, &data->train));
    csv.like = data->train;
    if (!o->csv_test)
        return SD_OK;
    SD_TRY(sd_dataset_from_csv(o->csv_test, &csv, &data->test));
    if (sd_dataset_get(data->test)->target != sd_dataset_get(data->train)->target)
        return sd__fail(SD_EFORMAT, "%s:1:1: no column \"%s\", which is to be predicted", o->csv_test,
                        csv.label ? csv.label : csv.targets[0]);
    return SD_OK;
}

static sd_status open_npy(const sd_data_options *o, sd_data *data)
{
    sd_npy npy = {.x = o->npy_x, .y = o->npy_y, .classes = o->classes, .regression = o->regression};
    SD_TRY(sd_dataset_from_npy(&npy, &data->train));
    if (!o->npy_test_x)
        return SD_OK;
    npy = (sd_npy){o->npy_test_x, o->npy_test_y, sd_dataset_get(data->train)->classes, o->regression};
    return sd_dataset_from_npy(&npy, &data->test);
}

static sd_status open_custom(const sd_data_options *o, sd_data *data)
{
    data->train = sd_dataset_share(o->custom);
    data->test = o->custom_test ? sd_dataset_share(o->custom_test) : NULL;
    return SD_OK;
}

static sd_status open_source(const sd_data_options *o, sd_data *data)
{
    int given = !!o->name + !!o->csv_train + !!o->npy_x + !!o->custom;
    if (given != 1)
        return sd__fail(SD_EINVAL, "data: %s; a name, a CSV file, npy files or a set in memory must be given",
                        given ? "more than one source" : "nothing to read");
    if (o->name)
        return open_named(o, data);
    if (o->csv_train)
        return open_csv(o, data);
    return o->npy_x ? open_npy(o, data) : open_custom(o, data);
}

/* A model for one part must fit the other. */
static sd_status check_parts(const sd_data *data)
{
    char a[SD_SHAPE_TEXT], b[SD_SHAPE_TEXT];
    const sd_dataset_info *train = sd_dataset_get(data->train), *test = data->test ? sd_dataset_get(data->test) : train;
    if (!sd_shape_equal(train->shape, test->shape))
        return sd__fail(SD_ESHAPE, "%s has samples of shape %s, but its test part %s of shape %s", train->name,
                        sd_shape_text(train->shape, a), test->name, sd_shape_text(test->shape, b));
    if (train->target != test->target || train->targets != test->targets || train->classes < test->classes)
        return sd__fail(SD_ESHAPE, "%s and its test part %s differ in what is to be predicted", train->name, test->name);
    return SD_OK;
}

/* Replaces `from` by the rest of a split, whose other part goes to `to`. */
static sd_status set_aside(const sd_data_options *o, sd_split_use use, double amount, sd_dataset **from, sd_dataset **to)
{
    sd_dataset *rest, *taken;
    SD_TRY(sd__dataset_split(*from, o->seed, use, amount, &rest, &taken));
    replace(from, rest);
    replace(to, taken);
    return SD_OK;
}

static sd_status limit_train(const sd_data_options *o, sd_data *data)
{
    sd_dataset *dropped = NULL, *kept = data->train;
    if (o->limit < 0)
        return sd__fail(SD_EINVAL, "data: limit %lld; a number of samples is expected", (long long)o->limit);
    if (!o->limit || o->limit >= sd_dataset_get(data->train)->samples)
        return SD_OK;
    SD_TRY(sd__dataset_split(data->train, o->seed, SD_SPLIT_LIMIT, (double)o->limit, &dropped, &kept));
    sd_dataset_free(dropped);
    replace(&data->train, kept);
    return SD_OK;
}

static sd_status limit_test(const sd_data_options *o, sd_data *data)
{
    if (o->limit_test < 0)
        return sd__fail(SD_EINVAL, "data: limit of the test part %lld; a number of samples is expected",
                        (long long)o->limit_test);
    if (!data->test || !o->limit_test || o->limit_test >= sd_dataset_get(data->test)->samples)
        return SD_OK;
    sd_dataset *first;
    SD_TRY(sd__dataset_first(data->test, o->limit_test, &first));
    replace(&data->test, first);
    return SD_OK;
}

static sd_status make_validation(const sd_data_options *o, sd_data *data)
{
    if (!o->validation_is_test)
        return o->validation != 0 ? set_aside(o, SD_SPLIT_VALIDATION, o->validation, &data->train, &data->validation) : SD_OK;
    if (!data->test)
        return sd__fail(SD_EINVAL, "data: validation on the test part, but %s has none", sd_dataset_get(data->train)->name);
    data->validation = sd_dataset_share(data->test);
    return SD_OK;
}

static sd_status prepare(const sd_data_options *o, sd_pool *pool, sd_data *data)
{
    SD_TRY(open_source(o, data));
    if (!data->test && o->test != 0)
        SD_TRY(set_aside(o, SD_SPLIT_TEST, o->test, &data->train, &data->test));
    SD_TRY(check_parts(data));
    SD_TRY(limit_train(o, data));
    SD_TRY(limit_test(o, data));
    SD_TRY(make_validation(o, data));
    return sd_normalization_make(o->normalize, data->train, pool, &data->normalization);
}

sd_status sd_data_open(const sd_data_options *options, sd_pool *pool, sd_data *data)
{
    *data = (sd_data){0};
    sd_status status = prepare(options, pool, data);
    if (status != SD_OK)
        sd_data_close(data);
    return status;
}

void sd_data_close(sd_data *data)
{
    sd_dataset_free(data->train);
    sd_dataset_free(data->validation);
    sd_dataset_free(data->test);
    sd_normalization_clear(&data->normalization);
    *data = (sd_data){0};
}
