/* split.c -- splits by chance that keep the share of each class, and the shuffle that splits and loaders use. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/philox.h"
#include "data/dataset.h"

/* Fisher-Yates. */
void sd__shuffle(int32_t *values, int64_t n, uint64_t seed, uint64_t stream)
{
    sd_random random = sd__random(seed, stream);
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = (int64_t)sd__random_below(&random, (uint64_t)i + 1);
        int32_t swap = values[i];
        values[i] = values[j];
        values[j] = swap;
    }
}

/* Positions of a set ordered by class (by chance within each), with the extent and the quota of every class. */
typedef struct strata {
    int classes;
    int32_t *order; /* [samples] */
    int64_t *begin; /* [classes + 1] in order */
    int64_t *quota; /* [classes] samples to take */
    bool *taken;    /* [samples] */
} strata;

static void strata_free(strata *s)
{
    free(s->order);
    free(s->begin);
    free(s->quota);
    free(s->taken);
}

static sd_status strata_new(strata *s, int64_t samples, int classes)
{
    *s = (strata){.classes = classes};
    s->order = sd__alloc((size_t)samples, sizeof(*s->order));
    s->begin = sd__alloc_zeroed((size_t)classes + 1, sizeof(*s->begin));
    s->quota = sd__alloc_zeroed((size_t)classes, sizeof(*s->quota));
    s->taken = sd__alloc_zeroed((size_t)samples, sizeof(*s->taken));
    if (s->order && s->begin && s->quota && s->taken)
        return SD_OK;
    strata_free(s);
    return sd__fail(SD_ENOMEM, "out of memory for splitting %lld samples", (long long)samples);
}

static void sort_by_class(strata *s, int64_t samples, const int32_t *labels)
{
    for (int64_t i = 0; i < samples; i++)
        s->begin[labels[i] + 1]++;
    for (int c = 0; c < s->classes; c++)
        s->begin[c + 1] += s->begin[c];
    for (int64_t i = 0; i < samples; i++)
        s->order[s->begin[labels[i]] + s->quota[labels[i]]++] = (int32_t)i;
}

/* The class that is furthest below its share; the first of several. Products stay below 2^62. */
static int neediest(const strata *s, int64_t samples, int64_t amount)
{
    int best = -1;
    int64_t lack = INT64_MIN;
    for (int c = 0; c < s->classes; c++) {
        int64_t size = s->begin[c + 1] - s->begin[c];
        int64_t missing = amount * size - s->quota[c] * samples;
        if (s->quota[c] < size && missing > lack) {
            best = c;
            lack = missing;
        }
    }
    return best;
}

/* Every class gets its share rounded down; what is left goes where most is missing. */
static void apportion(strata *s, int64_t samples, int64_t amount)
{
    int64_t left = amount;
    for (int c = 0; c < s->classes; c++) {
        s->quota[c] = amount * (s->begin[c + 1] - s->begin[c]) / samples;
        left -= s->quota[c];
    }
    for (; left > 0; left--)
        s->quota[neediest(s, samples, amount)]++;
}

/* Labels to keep the shares of; all zero (one class) where there are none, or none without making every sample. */
static sd_status strata_labels(const sd_dataset *dataset, int32_t **labels, int *classes)
{
    if (dataset->root->labels) {
        *classes = dataset->info.classes;
        return sd__dataset_all_labels(dataset, labels);
    }
    *classes = 1;
    *labels = sd__alloc_zeroed((size_t)dataset->info.samples, sizeof(**labels));
    return *labels ? SD_OK : sd__fail(SD_ENOMEM, "%s: out of memory for a split", dataset->info.name);
}

static sd_status choose(const sd_dataset *dataset, uint64_t seed, sd_split_use use, int64_t amount, strata *s)
{
    int32_t *labels;
    int classes;
    SD_TRY(strata_labels(dataset, &labels, &classes));
    sd_status status = strata_new(s, dataset->info.samples, classes);
    if (status == SD_OK) {
        sort_by_class(s, dataset->info.samples, labels);
        apportion(s, dataset->info.samples, amount);
    }
    free(labels);
    for (int c = 0; status == SD_OK && c < classes; c++) {
        sd__shuffle(s->order + s->begin[c], s->begin[c + 1] - s->begin[c], seed, (uint64_t)use << 32 | (uint64_t)c);
        for (int64_t i = 0; i < s->quota[c]; i++)
            s->taken[s->order[s->begin[c] + i]] = true;
    }
    return status;
}

/* The samples whose flag is `wanted`, in their order. `positions` is scratch of that many. */
static sd_status pick(sd_dataset *dataset, const bool *taken, bool wanted, int32_t *positions, sd_dataset **part)
{
    int64_t n = 0;
    for (int64_t i = 0; i < dataset->info.samples; i++)
        if (taken[i] == wanted)
            positions[n++] = (int32_t)i;
    return sd_dataset_subset(dataset, n, positions, part);
}

static sd_status count_taken(const sd_dataset *dataset, double amount, int64_t *count)
{
    int64_t samples = dataset->info.samples;
    double wanted = amount < 1 ? round(amount * (double)samples) : amount;
    if (!(amount > 0) || wanted != floor(wanted) || wanted < 1 || wanted > (double)samples - 1)
        return sd__fail(SD_EINVAL,
                        "%s: cannot set aside %g of %lld samples; a fraction below 1 or a whole number is needed, and at "
                        "least one sample on either side",
                        dataset->info.name, amount, (long long)samples);
    *count = (int64_t)wanted;
    return SD_OK;
}

sd_status sd__dataset_split(sd_dataset *dataset, uint64_t seed, sd_split_use use, double amount, sd_dataset **rest,
                            sd_dataset **taken)
{
    strata s;
    int64_t count;
    *rest = *taken = NULL;
    SD_TRY(count_taken(dataset, amount, &count));
    SD_TRY(choose(dataset, seed, use, count, &s));
    sd_status status = pick(dataset, s.taken, true, s.order, taken);
    if (status == SD_OK)
        status = pick(dataset, s.taken, false, s.order, rest);
    strata_free(&s);
    if (status != SD_OK) {
        sd_dataset_free(*taken);
        *taken = NULL;
    }
    return status;
}

sd_status sd_dataset_split(sd_dataset *dataset, uint64_t seed, double amount, sd_dataset **rest, sd_dataset **taken)
{
    return sd__dataset_split(dataset, seed, SD_SPLIT_PUBLIC, amount, rest, taken);
}
