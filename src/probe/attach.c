/*
 * attach.c -- instruments that look on during training: the names under `probes` in a run's file become
 * observers of its trainer.
 */
#include <stdlib.h>
#include <string.h>

#include "probe/instrument.h"
#include "train/trainer.h"

enum { MOST_TRACKERS = 32 };

/* An instrument at work on a trainer. */
typedef struct tracker {
    const sd_instrument *instrument;
    int64_t samples;
} tracker;

static sd_status observe(void *user, const sd_observation *seen)
{
    const tracker *t = user;
    sd_subject subject = {
        .model = seen->model, .data = seen->data->train, .normalization = &seen->data->normalization, .samples = t->samples};
    sd_scalars *scalars = sd__alloc_zeroed(1, sizeof *scalars);
    sd_status status = scalars ? t->instrument->track(&subject, scalars) : sd__fail(SD_ENOMEM, "no memory for probes");
    if (status == SD_ENONFINITE) /* a run that diverges is stopped by the trainer where it would have been without probes */
        status = SD_OK;
    for (int i = 0; status == SD_OK && i < scalars->n; i++) {
        const char *name = scalars->item[i].name;
        status = sd_observation_add(seen, strcmp(name, t->instrument->track_name) ? name : NULL, scalars->item[i].value);
    }
    free(scalars);
    return status;
}

/* Those instruments that can be used during training, and their names there. */
static int trackers(const sd_instrument *found[MOST_TRACKERS], const char *names[MOST_TRACKERS])
{
    int all, n = 0;
    const sd_instrument *const *instruments = sd__instruments(&all);
    for (int i = 0; i < all && n < MOST_TRACKERS; i++)
        if (instruments[i]->track) {
            found[n] = instruments[i];
            names[n++] = instruments[i]->track_name;
        }
    return n;
}

static sd_status attach_one(sd_trainer *trainer, const sd_config_node *name)
{
    int which;
    const char *names[MOST_TRACKERS];
    const sd_instrument *found[MOST_TRACKERS];
    int n = trackers(found, names);
    SD_TRY(sd__config_choice(name, n, names, &which));
    tracker *t = sd__alloc(1, sizeof *t);
    if (!t)
        return sd__fail(SD_ENOMEM, "no memory for probes");
    *t = (tracker){found[which], trainer->probes.samples};
    return sd_trainer_observe(
        trainer,
        &(sd_observer){.name = names[which], .every = trainer->probes.every, .observe = observe, .user = t, .release = free});
}

sd_status sd_probes_attach(sd_trainer *trainer)
{
    const sd_config_node *use = trainer->probes.use;
    if (!use || trainer->probes_attached)
        return SD_OK;
    if (use->kind != SD_CONFIG_LIST)
        SD_TRY(attach_one(trainer, use));
    for (int i = 0; use->kind == SD_CONFIG_LIST && i < use->count; i++)
        SD_TRY(attach_one(trainer, use->child[i]));
    trainer->probes_attached = true;
    return SD_OK;
}
