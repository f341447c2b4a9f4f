/*
 * loader.c -- batches, epoch after epoch.
 *
 * Batch (epoch, index) is a function of the set, the options and these two numbers: the order of an epoch is drawn anew from
 * (seed, epoch), so resuming is seeking. With prefetch a thread makes the batch after the one that the caller holds; two slots
 * go round, and everything the two threads share is under one mutex. The thread starts with the first batch that is asked for.
 * Samples that are stored need none if there is a pool: its threads make the next batch whenever they would wait for one
 * another during the step, and a thread more would only take time from them.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/reader.h"

#define SLOTS 2

typedef enum slot_state { SLOT_FREE, SLOT_FILLING, SLOT_READY, SLOT_HELD } slot_state;

typedef struct slot {
    slot_state state;
    sd_batch batch;
    void *input, *targets, *weights; /* what batch points to */
    int32_t *labels, *ids;
    int32_t *positions; /* [B] */
    sd_status status;
    char message[512]; /* why it failed: sd_error() of the thread that made it */
} slot;

struct sd_loader {
    sd_dataset *dataset;
    sd_loader_options options;
    sd_reader reader;
    int64_t batches;
    slot slot[SLOTS];

    int32_t *order; /* [samples] of epoch order_epoch; of whoever makes batches */
    int64_t order_epoch;

    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t thread;
    bool started, stop;
    int64_t next_epoch, next_index; /* to be delivered */
    int64_t make_epoch, make_index; /* to be made */
};

static sd_status slot_new(slot *s, const sd_loader *loader)
{
    const sd_dataset_info *info = &loader->dataset->info;
    size_t batch = (size_t)loader->options.batch, size = sd_dtype_size(loader->options.dtype);
    size_t count = (size_t)sd_shape_count(info->shape) * size, targets = (size_t)info->targets * size;
    s->positions = sd__alloc(batch, sizeof(*s->positions));
    s->ids = sd__alloc(batch, sizeof(*s->ids));
    s->weights = sd__alloc_aligned(batch * size);
    s->input = batch <= PTRDIFF_MAX / count ? sd__alloc_aligned(batch * count) : NULL;
    bool fine = s->positions && s->ids && s->weights && s->input;
    if (info->target == SD_TARGET_CLASS)
        fine = (s->labels = sd__alloc_aligned(batch * sizeof(*s->labels))) && fine;
    if (info->target == SD_TARGET_REAL)
        fine = (s->targets = sd__alloc_aligned(batch * targets)) && fine;
    s->batch = (sd_batch){.size = loader->options.batch,
                          .input = s->input,
                          .labels = s->labels,
                          .targets = s->targets,
                          .weights = s->weights,
                          .ids = s->ids};
    return fine ? SD_OK : sd__fail(SD_ENOMEM, "%s: out of memory for batches of %d samples", info->name, loader->options.batch);
}

static void slot_free(slot *s)
{
    free(s->positions);
    free(s->ids);
    free(s->weights);
    free(s->input);
    free(s->labels);
    free(s->targets);
}

static void order_epoch(sd_loader *loader, int64_t epoch)
{
    int64_t samples = loader->dataset->info.samples;
    if (loader->order_epoch == epoch || (loader->order_epoch >= 0 && !loader->options.shuffle))
        return;
    for (int64_t i = 0; i < samples; i++)
        loader->order[i] = (int32_t)i;
    if (loader->options.shuffle)
        sd__shuffle(loader->order, samples, loader->options.seed, sd__hash_text(SD_HASH_START, "epoch") + (uint64_t)epoch);
    loader->order_epoch = epoch;
}

static void set_weights(slot *s, sd_dtype dtype)
{
    for (int i = 0; i < s->batch.size; i++)
        if (dtype == SD_F32)
            ((float *)s->weights)[i] = i < s->batch.valid;
        else
            ((double *)s->weights)[i] = i < s->batch.valid;
}

/* Makes one batch, or begins to. Runs in the loader's thread, or in the caller's where there is none. */
static void fill_slot(sd_loader *loader, slot *s, int64_t epoch, int64_t index)
{
    int size = loader->options.batch;
    int64_t first = index * size, samples = loader->dataset->info.samples;
    order_epoch(loader, epoch);
    s->batch.epoch = epoch;
    s->batch.index = index;
    s->batch.valid = (int)SD_MIN(size, samples - first);
    for (int i = 0; i < size; i++)
        s->positions[i] = loader->order[i < s->batch.valid ? first + i : first];
    set_weights(s, loader->options.dtype);
    const int32_t *ahead = first + 2 * size <= samples ? loader->order + first + size : NULL;
    sd_samples to = {s->input, s->labels, s->targets, s->ids};
    s->status = sd__reader_begin(&loader->reader, size, s->positions, ahead, to);
    if (s->status != SD_OK)
        snprintf(s->message, sizeof(s->message), "%s", sd_error());
}

static void advance(const sd_loader *loader, int64_t *epoch, int64_t *index)
{
    if (++*index < loader->batches)
        return;
    *index = 0;
    ++*epoch;
}

static slot *find_slot(sd_loader *loader, slot_state state)
{
    for (int i = 0; i < SLOTS; i++)
        if (loader->slot[i].state == state)
            return &loader->slot[i];
    return NULL;
}

/* Of the batch that a pool makes the inputs may be still to come. A loader's own thread ends what it begins. */
static void finish_inputs(sd_loader *loader)
{
    if (loader->reader.pool)
        sd__reader_finish(&loader->reader);
}

/* With the mutex held, except while a batch is made. */
static void make_next(sd_loader *loader, slot *s)
{
    int64_t epoch = loader->make_epoch, index = loader->make_index;
    advance(loader, &loader->make_epoch, &loader->make_index);
    s->state = SLOT_FILLING;
    pthread_mutex_unlock(&loader->mutex);
    fill_slot(loader, s, epoch, index);
    pthread_mutex_lock(&loader->mutex);
    s->state = SLOT_READY;
    pthread_cond_broadcast(&loader->changed);
}

/* One batch ahead: the next is made only after the last one has been taken. */
static void *run_thread(void *user)
{
    sd_loader *loader = user;
    pthread_mutex_lock(&loader->mutex);
    while (!loader->stop) {
        slot *s = find_slot(loader, SLOT_READY) ? NULL : find_slot(loader, SLOT_FREE);
        if (s)
            make_next(loader, s);
        else
            pthread_cond_wait(&loader->changed, &loader->mutex);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

/* Signals belong to the program's own threads. Without a thread the caller makes its batches: the same bits. */
static void start_thread(sd_loader *loader)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    loader->started = pthread_create(&loader->thread, NULL, run_thread, loader) == 0;
    loader->options.prefetch = loader->started;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static sd_status check_options(const sd_dataset *dataset, const sd_loader_options *options)
{
    if (options->batch < 1 || options->batch > (1 << 24))
        return sd__fail(SD_EINVAL, "%s: batches of %d samples; 1 to 2^24 are possible", dataset->info.name, options->batch);
    if (!options->pad && options->batch > dataset->info.samples)
        return sd__fail(SD_EINVAL, "%s: batches of %d samples, but there are only %lld", dataset->info.name, options->batch,
                        (long long)dataset->info.samples);
    return SD_OK;
}

static sd_status open_loader(sd_loader *loader)
{
    SD_TRY(sd__reader_open(&loader->reader, loader->dataset, loader->options.dtype, loader->options.normalization));
    if (loader->dataset->root->input)
        loader->reader.pool = loader->options.pool;
    if (loader->reader.pool)
        loader->options.prefetch = false;
    for (int i = 0; i < SLOTS; i++)
        SD_TRY(slot_new(&loader->slot[i], loader));
    loader->order = sd__alloc((size_t)loader->dataset->info.samples, sizeof(*loader->order));
    return loader->order ? SD_OK : sd__fail(SD_ENOMEM, "%s: out of memory for its order", loader->dataset->info.name);
}

sd_status sd_loader_new(sd_dataset *dataset, const sd_loader_options *options, sd_loader **loader)
{
    *loader = NULL;
    SD_TRY(check_options(dataset, options));
    sd_loader *l = sd__alloc_zeroed(1, sizeof(*l));
    if (!l)
        return sd__fail(SD_ENOMEM, "%s: out of memory for a loader", dataset->info.name);
    int64_t samples = dataset->info.samples, batch = options->batch;
    l->dataset = sd_dataset_share(dataset);
    l->options = *options;
    l->order_epoch = -1;
    l->batches = options->pad ? (samples + batch - 1) / batch : samples / batch;
    pthread_mutex_init(&l->mutex, NULL);
    pthread_cond_init(&l->changed, NULL);
    sd_status status = open_loader(l);
    l->options.normalization = NULL; /* the reader has its copy */
    if (status == SD_OK)
        *loader = l;
    else
        sd_loader_free(l);
    return status;
}

static void stop_thread(sd_loader *loader)
{
    pthread_mutex_lock(&loader->mutex);
    loader->stop = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
    pthread_join(loader->thread, NULL);
}

void sd_loader_free(sd_loader *loader)
{
    if (!loader)
        return;
    if (loader->started)
        stop_thread(loader);
    finish_inputs(loader);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->mutex);
    for (int i = 0; i < SLOTS; i++)
        slot_free(&loader->slot[i]);
    free(loader->order);
    sd__reader_close(&loader->reader);
    sd_dataset_free(loader->dataset);
    free(loader);
}

int64_t sd_loader_batches(const sd_loader *loader) { return loader->batches; }

/* Drops what was made ahead; what is being made is waited for, then dropped. */
static void restart_at(sd_loader *loader, int64_t epoch, int64_t index)
{
    finish_inputs(loader);
    pthread_mutex_lock(&loader->mutex);
    while (find_slot(loader, SLOT_FILLING))
        pthread_cond_wait(&loader->changed, &loader->mutex);
    for (int i = 0; i < SLOTS; i++)
        if (loader->slot[i].state == SLOT_READY)
            loader->slot[i].state = SLOT_FREE;
    loader->next_epoch = loader->make_epoch = epoch;
    loader->next_index = loader->make_index = index;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->mutex);
}

sd_status sd_loader_seek(sd_loader *loader, int64_t epoch, int64_t index)
{
    if (epoch < 0 || index < 0 || index >= loader->batches)
        return sd__fail(SD_EINVAL, "%s: batch %lld of epoch %lld; an epoch has %lld batches", loader->dataset->info.name,
                        (long long)index, (long long)epoch, (long long)loader->batches);
    if (epoch != loader->next_epoch || index != loader->next_index)
        restart_at(loader, epoch, index);
    return SD_OK;
}

/* The slot with the next batch; with a pool the one after it is begun. With the mutex held. */
static slot *obtain(sd_loader *loader)
{
    slot *held = find_slot(loader, SLOT_HELD), *s;
    if (held)
        held->state = SLOT_FREE;
    if (!loader->options.prefetch && !find_slot(loader, SLOT_READY))
        make_next(loader, find_slot(loader, SLOT_FREE));
    finish_inputs(loader);
    pthread_cond_broadcast(&loader->changed);
    while (!(s = find_slot(loader, SLOT_READY)))
        pthread_cond_wait(&loader->changed, &loader->mutex);
    s->state = SLOT_HELD;
    pthread_cond_broadcast(&loader->changed);
    if (loader->reader.pool && s->status == SD_OK)
        make_next(loader, find_slot(loader, SLOT_FREE));
    return s;
}

sd_status sd_loader_next(sd_loader *loader, sd_batch *batch)
{
    if (loader->options.prefetch && !loader->started)
        start_thread(loader);
    pthread_mutex_lock(&loader->mutex);
    slot *s = obtain(loader);
    pthread_mutex_unlock(&loader->mutex);
    if (s->status != SD_OK) {
        restart_at(loader, s->batch.epoch, s->batch.index);
        return sd__fail(s->status, "%s", s->message);
    }
    advance(loader, &loader->next_epoch, &loader->next_index);
    *batch = s->batch;
    return SD_OK;
}
