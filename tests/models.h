/* models.h -- what tests of instruments share: a context of two threads, models of a build function, data from arrays. */
#ifndef SD_TESTS_MODELS_H
#define SD_TESTS_MODELS_H

#include <sonde/data.h>
#include <sonde/nn.h>

#include "law.h"

static sd_context *context;

/* Group set-up and tear-down. */
LAW_UNUSED static int begin(void **state)
{
    (void)state;
    return sd_context_new(&(sd_context_options){.threads = 2}, &context) == SD_OK ? 0 : -1;
}

LAW_UNUSED static int end(void **state)
{
    (void)state;
    sd_context_free(context);
    return 0;
}

/* A model whose seed the law draws. */
LAW_UNUSED static sd_model *model_of(sd_build_fn *build, void *user, sd_shape input, int classes, int targets, sd_dtype dtype)
{
    sd_model *model;
    assert_ok(sd_model_new(context,
                           &(sd_model_spec){.build = build,
                                            .user = user,
                                            .input = input,
                                            .classes = classes,
                                            .targets = targets,
                                            .dtype = dtype,
                                            .seed = law_random()->key},
                           &model));
    return model;
}

/* Copies the slices that both have. */
LAW_UNUSED static void copy_slices(sd_layout from, const double *source, sd_layout to, double *target)
{
    for (int i = 0; i < to.count; i++)
        for (int j = 0; j < from.count; j++)
            if (!strcmp(to.slice[i].name, from.slice[j].name))
                memcpy(target + to.slice[i].offset, source + from.slice[j].offset, (size_t)to.slice[i].length * sizeof(double));
}

LAW_UNUSED static void copy_weights(sd_model *from, sd_model *to)
{
    copy_slices(sd_model_params(from), sd_model_theta(from), sd_model_params(to), sd_model_theta(to));
    copy_slices(sd_model_states(from), sd_model_state(from), sd_model_states(to), sd_model_state(to));
}

/* Labels, or n_targets targets a sample, or neither; the arrays outlive the set. */
LAW_UNUSED static sd_dataset *data_of(int n, sd_shape shape, const double *x, const int32_t *label, int classes,
                                      const double *target, int n_targets)
{
    sd_dataset *data;
    sd_memory memory = {.samples = n, .shape = shape, .dtype = SD_F64, .input = x};
    if (label) {
        memory.labels = label;
        memory.classes = classes;
    } else if (target) {
        memory.targets = target;
        memory.n_targets = n_targets;
        memory.target_dtype = SD_F64;
    }
    assert_ok(sd_dataset_from_memory(&memory, &data));
    return data;
}

#endif
