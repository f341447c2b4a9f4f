/* test_data_faults.c -- what happens when memory runs out while data is read: SD_ENOMEM, and nothing is left behind. */
#include "faults.h"

#include "data_files.h"

static char idx_x[192], idx_y[192], cifar[2][192], csv_path[192], npy_x[192], npy_y[192];

/* The scenarios fail on purpose: only memory may be the reason. */
static sd_status release(sd_dataset *set, sd_status status)
{
    sd_dataset_free(set);
    return status;
}

static sd_status open_idx(void)
{
    sd_dataset *set;
    SD_TRY(sd_dataset_from_idx(idx_x, idx_y, 10, &set));
    return release(set, SD_OK);
}

static sd_status open_cifar(void)
{
    sd_dataset *set;
    SD_TRY(sd_dataset_from_cifar(2, (const char *const[]){cifar[0], cifar[1]}, &set));
    return release(set, SD_OK);
}

static sd_status open_npy(void)
{
    sd_dataset *set;
    SD_TRY(sd_dataset_from_npy(&(sd_npy){.x = npy_x, .y = npy_y}, &set));
    return release(set, SD_OK);
}

static sd_status write_npy(void)
{
    sd_tensor t = sd_tensor_dense((float[]){1, 2, 3}, SD_F32, SD_SHAPE(3));
    return sd_npy_write(data_path("w.npy"), &t);
}

static sd_status open_csv(void)
{
    sd_dataset *set, *like;
    SD_TRY(sd_dataset_from_csv(csv_path, &(sd_csv){.label = "kind"}, &set));
    sd_status status = sd_dataset_from_csv(csv_path, &(sd_csv){.like = set}, &like);
    if (status == SD_OK)
        sd_dataset_free(like);
    return release(set, status);
}

static sd_status open_and_split(void)
{
    sd_data data;
    const sd_data_options options = {.csv_train = csv_path,
                                     .csv = {.label = "kind"},
                                     .test = 1,
                                     .limit = 3,
                                     .validation = 1,
                                     .normalize = SD_NORMALIZE_STANDARD};
    SD_TRY(sd_data_open(&options, NULL, &data));
    sd_data_close(&data);
    return SD_OK;
}

static sd_status load(sd_dataset *set, bool prefetch)
{
    sd_loader *loader;
    sd_batch batch;
    sd_normalization norm;
    SD_TRY(sd_normalization_make(SD_NORMALIZE_STANDARD, set, NULL, &norm));
    sd_status status =
        sd_loader_new(set, &(sd_loader_options){.batch = 4, .prefetch = prefetch, .normalization = &norm}, &loader);
    sd_normalization_clear(&norm);
    for (int i = 0; status == SD_OK && i < 3; i++)
        status = sd_loader_next(loader, &batch);
    sd_loader_free(loader);
    return status;
}

static sd_status load_strokes(void)
{
    sd_dataset *set;
    SD_TRY(sd_dataset_strokes(1, "train", 20, &set));
    return release(set, load(set, false));
}

static sd_status load_strokes_ahead(void)
{
    sd_dataset *set;
    SD_TRY(sd_dataset_strokes(1, "train", 20, &set));
    return release(set, load(set, true));
}

static void memory_may_run_out(void **state)
{
    (void)state;
    int n = 0;
    const uint8_t x[18] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2}, y[10] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 3};
    static const uint8_t record[3073];
    uint8_t packed[200];
    strcpy(idx_x, data_put("x.gz", packed, data_gzip(x, sizeof(x), packed, sizeof(packed))));
    strcpy(idx_y, data_put("y", y, sizeof(y)));
    strcpy(cifar[0], data_put("c.gz", packed, data_gzip(record, sizeof(record), packed, sizeof(packed))));
    strcpy(cifar[1], data_put("c", record, sizeof(record)));
    strcpy(csv_path, data_put_text("a.csv", "a,kind,b\n1,x,2\n3,y,4\n5,x,6\n7,\"y\",8\n9,x,10\n"));
    sd_tensor t = sd_tensor_dense((float[]){1, 2, 3}, SD_F32, SD_SHAPE(3));
    FINE(sd_npy_write(strcpy(npy_x, data_path("x.npy")), &t));
    t = sd_tensor_dense((uint8_t[]){1, 0, 3}, SD_U8, SD_SHAPE(3));
    FINE(sd_npy_write(strcpy(npy_y, data_path("y.npy")), &t));
    scenario *const scenarios[] = {open_idx, open_cifar,     open_npy,     write_npy,
                                   open_csv, open_and_split, load_strokes, load_strokes_ahead};
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++)
        n += starve(scenarios[i], scenarios[i] == write_npy); /* to flush the folder it is written to is done without */
    print_message("%d allocations were made to fail\n", n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(memory_may_run_out)};
    return cmocka_run_group_tests(tests, data_setup, data_teardown);
}
