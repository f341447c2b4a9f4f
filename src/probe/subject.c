/* subject.c -- what an instrument looks at: samples in memory, and the untrained twin that statements are compared with. */
#include "probe/subject.h"

#include <string.h>

#include "base/base.h"
#include "nn/model.h"

int64_t sd_subject_samples(const sd_subject *subject)
{
    int64_t there = sd_dataset_get(subject->data)->samples;
    return SD_MIN(subject->samples > 0 ? subject->samples : 1000, there);
}

int64_t sd__subject_batch(const sd_subject *subject, int64_t n) { return SD_MIN(subject->batch > 0 ? subject->batch : 256, n); }

static sd_status draw(sd_layout layout, uint64_t seed, void **vector)
{
    size_t size = layout.count ? sd_dtype_size(layout.slice[0].dtype) : 1;
    *vector = layout.length ? sd__alloc_aligned((size_t)layout.length * size) : NULL;
    if (layout.length && !*vector)
        return sd__fail(SD_ENOMEM, "no memory for the untrained weights");
    for (int i = 0; i < layout.count; i++)
        SD_TRY(sd_init_draw(&layout.slice[i], seed, (char *)*vector + (size_t)layout.slice[i].offset * size));
    return SD_OK;
}

sd_status sd__untrained_as(const sd_model *model, uint64_t seed, void **theta, void **state)
{
    *theta = *state = NULL;
    sd_status status = draw(model->params, seed, theta);
    if (status == SD_OK)
        status = draw(model->states, seed, state);
    if (status == SD_OK)
        return SD_OK;
    free(*theta);
    free(*state);
    *theta = *state = NULL;
    return status;
}

sd_status sd_untrained(const sd_model *model, void **theta, void **state)
{
    return sd__untrained_as(model, model->spec.seed, theta, state);
}

/* ---- samples ----------------------------------------------------------------------------------------------------------- */

static sd_status check(const sd_subject *subject)
{
    char want[SD_SHAPE_TEXT], have[SD_SHAPE_TEXT];
    const sd_dataset_info *info = sd_dataset_get(subject->data);
    const sd_model_spec *spec = &subject->model->spec;
    if (!sd_shape_equal(info->shape, spec->input))
        return sd__fail(SD_ESHAPE, "the samples of %s are %s, but the model takes %s", info->name,
                        sd_shape_text(info->shape, have), sd_shape_text(spec->input, want));
    if (info->classes > spec->classes || info->targets != spec->targets || (spec->classes && !info->classes))
        return sd__fail(SD_ESHAPE, "%s has %d classes and %d targets, but the model was made for %d and %d", info->name,
                        info->classes, info->targets, spec->classes, spec->targets);
    return SD_OK;
}

static sd_status read_all(const sd_subject *subject, sd_samples *s)
{
    const sd_model_spec *spec = &subject->model->spec;
    int32_t *position = sd__alloc((size_t)s->n, sizeof *position);
    s->x = sd__alloc((size_t)s->n * (size_t)s->x_bytes, 1);
    s->y = sd__alloc((size_t)s->n * (size_t)s->y_bytes + 1, 1);
    s->ids = position;
    if (!position || !s->x || !s->y)
        return sd__fail(SD_ENOMEM, "no memory for %lld samples", (long long)s->n);
    for (int64_t i = 0; i < s->n; i++)
        position[i] = (int32_t)i;
    return sd_dataset_read(subject->data, (int)s->n, position, spec->dtype, subject->normalization, s->x,
                           spec->classes ? s->y : NULL, spec->targets ? s->y : NULL);
}

sd_status sd__samples_read(const sd_subject *subject, sd_samples *samples)
{
    const sd_model_spec *spec = &subject->model->spec;
    size_t size = sd_dtype_size(spec->dtype);
    SD_TRY(check(subject));
    *samples = (sd_samples){.n = sd_subject_samples(subject),
                            .x_bytes = (size_t)sd_shape_count(spec->input) * size,
                            .y_bytes = spec->classes ? sizeof(int32_t) : (size_t)spec->targets * size};
    sd_status status = read_all(subject, samples);
    if (status != SD_OK)
        sd__samples_free(samples);
    return status;
}

void sd__samples_free(sd_samples *samples)
{
    free(samples->x);
    free(samples->y);
    free(samples->ids);
    *samples = (sd_samples){0};
}

/* ---- programs ---------------------------------------------------------------------------------------------------------- */

/* Runs a plan on what `find` gives for the name of each slot. */
static sd_status run_bound(const sd_plan *plan, sd_workspace *workspace, sd_output_fn *find, void *user, sd_pool *pool)
{
    int slots = sd_plan_slots(plan);
    void **binding = sd__alloc((size_t)slots, sizeof *binding);
    sd_status status = binding ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a program");
    for (int i = 0; status == SD_OK && i < slots; i++) {
        const char *slot = sd_plan_slot_name(plan, i);
        binding[i] = find(user, slot);
        if (!binding[i])
            status = sd__fail(SD_EINVAL, "the model reads the slot \"%s\", which samples do not fill", slot);
    }
    if (status == SD_OK)
        status = sd_run(plan, workspace, binding, pool);
    free(binding);
    return status;
}

static void *fed(void *user, const char *slot)
{
    for (const sd_feed *feeds = user; feeds->slot; feeds++)
        if (!strcmp(feeds->slot, slot))
            return feeds->data;
    return NULL;
}

sd_status sd__run_fed(const sd_plan *plan, sd_workspace *workspace, const sd_feed *feeds, sd_pool *pool)
{
    return run_bound(plan, workspace, fed, (void *)(uintptr_t)feeds, pool);
}

/* What samples fill, and who fills the rest. */
typedef struct filling {
    const sd_feed *known;
    sd_output_fn *output;
    void *user;
} filling;

static void *filled(void *user, const char *slot)
{
    const filling *f = user;
    void *known = fed((void *)(uintptr_t)f->known, slot);
    return known ? known : f->output(f->user, slot);
}

sd_status sd__subject_run(const sd_subject *subject, const sd_samples *samples, int64_t first, const sd_plan *plan,
                          sd_workspace *workspace, sd_output_fn *output, void *user)
{
    int32_t step = 0;
    const sd_model *model = subject->model;
    const sd_feed known[] = {{"x", (char *)samples->x + (size_t)first * samples->x_bytes},
                             {"y", (char *)samples->y + (size_t)first * samples->y_bytes},
                             {"ids", samples->ids + first},
                             {"step", &step},
                             {"theta", (void *)(uintptr_t)(subject->theta ? subject->theta : model->theta)},
                             {"state", (void *)(uintptr_t)(subject->state ? subject->state : model->state)},
                             {NULL, NULL}};
    filling f = {known, output, user};
    return run_bound(plan, workspace, filled, &f, sd_context_pool(model->context));
}
