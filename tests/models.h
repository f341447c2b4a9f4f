/* models.h -- what tests of instruments share: a context of two threads, closeness, models of a build function, data from arrays. */
#ifndef SD_TESTS_MODELS_H
#define SD_TESTS_MODELS_H

#include <math.h>
#include <sonde/data.h>
#include <sonde/nn.h>

#include "law.h"

static sd_context *context;

LAW_UNUSED static void near(double a, double b, double tolerance, const char *what)
{
    if (!(fabs(a - b) <= tolerance))
        fail_msg("%s: %.17g, should be %.17g +- %g", what, a, b, tolerance);
}

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

/* Labels, or n_targets targets a sample, or neither. */
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
