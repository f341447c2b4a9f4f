/* twins.c -- samples of one data set that stand in another one, too: found by a hash of their values, then compared. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "probe/evidence.h"
#include "probe/subject.h"

typedef struct key {
    uint64_t hash;
    int32_t position;
} key;

/* One sample without normalisation, in a type that keeps every stored value as it is. */
typedef struct sample {
    void *x;         /* [values] */
    int32_t label;   /* -1: none */
    double *targets; /* [targets] */
} sample;

typedef struct search {
    const sd_dataset *first, *second;
    sd_dtype dtype;
    int64_t values, targets;
    uint64_t mask; /* of hashes */
    sample a, b;
    key *keys; /* [n] of first, sorted */
    int64_t n;
} search;

/* -0 equals 0, but has other bytes. */
static void unify_zeros(void *x, sd_dtype dtype, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (sd__element(x, dtype, i) == 0)
            sd__set_element(x, dtype, i, 0);
}

static sd_status read_input(const search *s, const sd_dataset *set, int32_t position, void *x)
{
    SD_TRY(sd_dataset_read(set, 1, &position, s->dtype, NULL, x, NULL, NULL));
    unify_zeros(x, s->dtype, s->values);
    return SD_OK;
}

static sd_status read_answer(const sd_dataset *set, int32_t position, sample *to)
{
    const sd_dataset_info *info = sd_dataset_get(set);
    to->label = -1;
    return sd_dataset_read(set, 1, &position, SD_F64, NULL, NULL, info->classes ? &to->label : NULL,
                           info->targets ? to->targets : NULL);
}

static size_t bytes_of(const search *s) { return (size_t)s->values * sd_dtype_size(s->dtype); }

/* ---- hashes -------------------------------------------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b)
{
    const key *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->position > y->position) - (x->position < y->position);
}

static uint64_t hash_of(const search *s, const void *x) { return sd__hash(SD_HASH_START, x, bytes_of(s)) & s->mask; }

static sd_status hash_first(search *s)
{
    for (int32_t i = 0; i < (int32_t)s->n; i++) {
        SD_TRY(read_input(s, s->first, i, s->a.x));
        s->keys[i] = (key){hash_of(s, s->a.x), i};
    }
    qsort(s->keys, (size_t)s->n, sizeof *s->keys, by_hash);
    return SD_OK;
}

/* The first key whose hash is not below; n if there is none. */
static int64_t find(const search *s, uint64_t hash)
{
    int64_t low = 0, high = s->n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (s->keys[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ---- comparing ----------------------------------------------------------------------------------------------------------- */

static sd_status compare_answers(search *s, sd_twin *twin)
{
    SD_TRY(read_answer(s->first, twin->first, &s->a));
    SD_TRY(read_answer(s->second, twin->second, &s->b));
    twin->contradiction = s->a.label != s->b.label;
    for (int64_t i = 0; i < s->targets; i++)
        twin->contradiction = twin->contradiction || s->a.targets[i] != s->b.targets[i];
    return SD_OK;
}

static sd_status look_up(search *s, int32_t position, sd_twin *twin, int64_t *count)
{
    SD_TRY(read_input(s, s->second, position, s->b.x));
    uint64_t hash = hash_of(s, s->b.x);
    for (int64_t k = find(s, hash); k < s->n && s->keys[k].hash == hash; k++) {
        SD_TRY(read_input(s, s->first, s->keys[k].position, s->a.x));
        if (memcmp(s->a.x, s->b.x, bytes_of(s)) != 0)
            continue;
        twin[*count] = (sd_twin){.first = s->keys[k].position, .second = position};
        return compare_answers(s, &twin[(*count)++]);
    }
    return SD_OK;
}

static sd_status run(search *s, sd_twin *twin, int64_t *count)
{
    SD_TRY(hash_first(s));
    for (int32_t i = 0; i < (int32_t)sd_dataset_get(s->second)->samples; i++)
        SD_TRY(look_up(s, i, twin, count));
    return SD_OK;
}

static bool make_room(search *s, const sd_dataset_info *second, sd_twin **twin)
{
    *twin = sd__alloc((size_t)second->samples, sizeof **twin);
    s->keys = sd__alloc((size_t)s->n, sizeof *s->keys);
    for (int i = 0; i < 2; i++) {
        sample *one = i ? &s->b : &s->a;
        one->x = sd__alloc((size_t)s->values, sd_dtype_size(s->dtype));
        one->targets = sd__alloc((size_t)s->targets + 1, sizeof *one->targets);
    }
    return *twin && s->keys && s->a.x && s->b.x && s->a.targets && s->b.targets;
}

sd_status sd__exact_twins(const sd_dataset *first, const sd_dataset *second, int hash_bits, sd_twin **twin, int64_t *count)
{
    const sd_dataset_info *one = sd_dataset_get(first), *other = sd_dataset_get(second);
    search s = {.first = first,
                .mask = UINT64_MAX >> (64 - hash_bits),
                .second = second,
                .n = one->samples,
                .values = sd_shape_count(one->shape),
                .targets = one->targets};
    s.dtype = one->dtype == SD_F64 || other->dtype == SD_F64 ? SD_F64 : SD_F32; /* bytes are exact in f32 */
    *count = 0;
    *twin = NULL;
    if (!sd_shape_equal(one->shape, other->shape) || one->targets != other->targets)
        return sd__fail(SD_ESHAPE, "samples of two shapes cannot be equal");
    sd_status status =
        make_room(&s, other, twin) ? run(&s, *twin, count) : sd__fail(SD_ENOMEM, "no memory for finding equal samples");
    free(s.keys);
    free(s.a.x);
    free(s.a.targets);
    free(s.b.x);
    free(s.b.targets);
    if (status != SD_OK) {
        free(*twin);
        *twin = NULL;
        *count = 0;
    }
    return status;
}
