/*
 * named.c -- the sets that can be asked for by name, and where their files are looked for.
 *
 * Sizes and checksums are those of the original files; a file that was fetched is compared with them, so the address that it
 * came from need not be trusted.
 */
#include "data/named.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "data/dataset.h"

static const sd_named_file mnist_files[] = {
    {"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
    {"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
    {"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
    {"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"},
};

static const char *const mnist_urls[] = {
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "http://yann.lecun.com/exdb/mnist/",
};

static const sd_named_file fashion_files[] = {
    {"train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
    {"train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
    {"t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
    {"t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"},
};

static const char *const fashion_urls[] = {
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
};

static const char *const fashion_classes[] = {"T-shirt/top", "trouser", "pullover", "dress", "coat",
                                              "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};

/* Only the sum of the archive is published. */
static const sd_named_file cifar_files[] = {
    {"cifar-10-batches-bin/data_batch_1.bin", 30730000, NULL}, {"cifar-10-batches-bin/data_batch_2.bin", 30730000, NULL},
    {"cifar-10-batches-bin/data_batch_3.bin", 30730000, NULL}, {"cifar-10-batches-bin/data_batch_4.bin", 30730000, NULL},
    {"cifar-10-batches-bin/data_batch_5.bin", 30730000, NULL}, {"cifar-10-batches-bin/test_batch.bin", 30730000, NULL},
};

static const char *const cifar_urls[] = {"https://www.cs.toronto.edu/~kriz/"};

static const sd_named_set sets[] = {
    {.name = "mnist",
     .doc = "handwritten digits, 28x28 grey",
     .source = "Y. LeCun, C. Cortes, C. Burges",
     .shape = {3, {28, 28, 1}},
     .classes = 10,
     .train = 60000,
     .test = 10000,
     .n_files = SD_COUNT(mnist_files),
     .file = mnist_files,
     .n_urls = SD_COUNT(mnist_urls),
     .url = mnist_urls},
    {.name = "fashion-mnist",
     .doc = "articles of clothing, 28x28 grey: MNIST's format, but harder",
     .source = "H. Xiao, K. Rasul, R. Vollgraf (Zalando SE), MIT licence",
     .shape = {3, {28, 28, 1}},
     .classes = 10,
     .train = 60000,
     .test = 10000,
     .n_files = SD_COUNT(fashion_files),
     .file = fashion_files,
     .n_urls = SD_COUNT(fashion_urls),
     .url = fashion_urls},
    {.name = "cifar-10",
     .doc = "photographs of animals and vehicles, 32x32 in colour",
     .source = "A. Krizhevsky, V. Nair, G. Hinton",
     .shape = {3, {32, 32, 3}},
     .classes = 10,
     .train = 50000,
     .test = 10000,
     .n_files = SD_COUNT(cifar_files),
     .file = cifar_files,
     .archive = {"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
     .n_urls = SD_COUNT(cifar_urls),
     .url = cifar_urls},
    {.name = "strokes",
     .doc = "handwritten-like digits drawn by a program, 28x28 grey; needs no file",
     .source = "part of sonde",
     .shape = {3, {28, 28, 1}},
     .classes = 10,
     .train = 20000,
     .test = 2000},
};

int sd_named_sets(const sd_named_set **table)
{
    *table = sets;
    return SD_COUNT(sets);
}

const sd_named_set *sd_named_set_find(const char *name)
{
    const char *names[SD_COUNT(sets)], *near;
    for (size_t i = 0; i < SD_COUNT(sets); i++) {
        names[i] = sets[i].name;
        if (!strcmp(sets[i].name, name))
            return &sets[i];
    }
    near = sd__nearest(name, SD_COUNT(sets), names);
    sd__fail(SD_ENOTFOUND, "no data set is called '%s'%s%s%s; `sonde data list` shows those that there are", name,
             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return NULL;
}

/* -- folders ---------------------------------------------------------------------------------------------------------- */

#define PLACES 3

/* $HOME/.cache/sonde; the caller frees; NULL without memory or home. */
static char *cache_folder(void)
{
    const char *home = getenv("HOME");
    return home && *home ? sd__path_join(home, ".cache/sonde") : NULL;
}

static char *copy_text(const char *text)
{
    char *copy = text && *text ? sd__alloc(strlen(text) + 1, 1) : NULL;
    return copy ? strcpy(copy, text) : NULL;
}

/* The folders to look in, in order; the caller frees them. Those that are not given are left out. */
static int list_places(const char *dir, char *place[PLACES])
{
    char *all[PLACES] = {copy_text(dir), copy_text(getenv("SONDE_DATA")), cache_folder()};
    int n = 0;
    for (int i = 0; i < PLACES; i++)
        if (all[i])
            place[n++] = all[i];
    return n;
}

/* folder/name as it stands, or with another packing or none; NULL if there is no such file. */
static char *any_form(const char *folder, const char *name)
{
    static const char *const ending[] = {"", ".gz", ".xz"};
    char *path = sd__path_join(folder, name), *found = NULL;
    size_t n = path ? strlen(path) : 0;
    if (!path || sd__file_exists(path))
        return path;
    if (n > 3 && !strcmp(path + n - 3, ".gz"))
        path[n - 3] = 0;
    for (size_t i = 0; i < SD_COUNT(ending) && !found; i++) {
        sd_string form = {0};
        sd__string_add(&form, "%s%s", path, ending[i]);
        if (form.text && sd__file_exists(form.text))
            found = form.text;
        else
            free(form.text);
    }
    free(path);
    return found;
}

char *sd__named_file(const char *folder, const char *name)
{
    const char *slash = strrchr(name, '/');
    char *path = any_form(folder, name);
    return path || !slash ? path : any_form(folder, slash + 1);
}

/* The first file of the set that the folder lacks, or NULL. */
static const char *first_missing(const sd_named_set *set, const char *folder)
{
    for (int i = 0; i < set->n_files; i++) {
        char *path = sd__named_file(folder, set->file[i].name);
        if (!path)
            return set->file[i].name;
        free(path);
    }
    return NULL;
}

static sd_status not_found(const sd_named_set *set, int n, char *const *place)
{
    sd_string looked = {0};
    for (int i = 0; i < n; i++) {
        char *folder = sd__path_join(place[i], set->name);
        const char *missing = folder && sd__file_exists(folder) ? first_missing(set, folder) : NULL;
        sd__string_add(&looked, "%s%s", i ? ", " : "", folder ? folder : place[i]);
        if (missing)
            sd__string_add(&looked, " (lacks %s)", missing);
        free(folder);
    }
    sd_status status =
        sd__fail(SD_ENOTFOUND, "data set %s is not on this machine; `sonde data fetch %s` downloads it. Looked in: %s",
                 set->name, set->name, looked.text ? looked.text : "nowhere: neither SONDE_DATA nor HOME is set");
    free(looked.text);
    return status;
}

sd_status sd_named_set_locate(const sd_named_set *set, const char *dir, char **folder)
{
    char *place[PLACES];
    int n = list_places(dir, place);
    *folder = NULL;
    for (int i = 0; i < n && !*folder; i++) {
        char *candidate = sd__path_join(place[i], set->name);
        if (candidate && !first_missing(set, candidate))
            *folder = candidate;
        else
            free(candidate);
    }
    sd_status status = *folder ? SD_OK : not_found(set, n, place);
    for (int i = 0; i < n; i++)
        free(place[i]);
    return status;
}

char *sd_named_set_folder(const sd_named_set *set, const char *dir)
{
    char *place[PLACES];
    int n = list_places(dir, place);
    char *folder = n ? sd__path_join(place[0], set->name) : NULL;
    for (int i = 0; i < n; i++)
        free(place[i]);
    return folder;
}

/* -- opening ---------------------------------------------------------------------------------------------------------- */

static sd_status gone(const sd_named_set *set, const char *folder)
{
    return sd__fail(SD_ENOTFOUND, "%s: a file of %s is gone", folder, set->name);
}

static sd_status open_idx(const sd_named_set *set, const char *folder, int first, sd_dataset **dataset)
{
    char *images = sd__named_file(folder, set->file[first].name), *labels = sd__named_file(folder, set->file[first + 1].name);
    sd_status status = images && labels ? sd_dataset_from_idx(images, labels, set->classes, dataset) : gone(set, folder);
    free(images);
    free(labels);
    if (status == SD_OK && set->file == fashion_files)
        (*dataset)->info.class_names = fashion_classes;
    return status;
}

static sd_status open_cifar(const sd_named_set *set, const char *folder, int first, int n, sd_dataset **dataset)
{
    char *path[SD_COUNT(cifar_files)] = {NULL};
    sd_status status = SD_OK;
    for (int i = 0; i < n && status == SD_OK; i++)
        if (!(path[i] = sd__named_file(folder, set->file[first + i].name)))
            status = gone(set, folder);
    if (status == SD_OK)
        status = sd_dataset_from_cifar(n, (const char *const *)path, dataset);
    for (int i = 0; i < n; i++)
        free(path[i]);
    return status;
}

static sd_status open_part(const sd_named_set *set, const char *folder, bool test, sd_dataset **dataset)
{
    int train_files = set->n_files - 1;
    if (set->file != cifar_files)
        SD_TRY(open_idx(set, folder, test ? 2 : 0, dataset));
    else
        SD_TRY(test ? open_cifar(set, folder, train_files, 1, dataset) : open_cifar(set, folder, 0, train_files, dataset));
    (*dataset)->info.name = set->name;
    return SD_OK;
}

sd_status sd__named_open(const sd_named_set *set, const char *dir, sd_dataset **train, sd_dataset **test)
{
    char *folder;
    *train = *test = NULL;
    SD_TRY(sd_named_set_locate(set, dir, &folder));
    sd_status status = open_part(set, folder, false, train);
    if (status == SD_OK)
        status = open_part(set, folder, true, test);
    free(folder);
    return status;
}
