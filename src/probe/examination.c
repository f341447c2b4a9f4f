/* examination.c -- opens what instruments look at: a run's model, data and optimizer, and its untrained twin. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "probe/instrument.h"
#include "probe/subject.h"
#include "train/run_source.h"

static sd_status choose_part(sd_examination *e)
{
    const struct {
        const char *name;
        const sd_dataset *part;
    } parts[] = {{"train", e->data.train}, {"validation", e->data.validation}, {"test", e->data.test}};
    for (size_t i = 0; i < SD_COUNT(parts); i++)
        if (!strcmp(e->part, parts[i].name)) {
            e->run.data = parts[i].part;
            return parts[i].part ? SD_OK : sd__fail(SD_ENOTFOUND, "this run has no %s part", e->part);
        }
    return sd__fail(SD_EINVAL, "--part %s: one of train, validation, test is wanted", e->part);
}

static sd_status make_subjects(sd_examination *e, const sd_examination_options *o)
{
    e->run = (sd_subject){.model = e->trained.model,
                          .normalization = &e->trained.normalization,
                          .samples = o->samples,
                          .batch = o->batch,
                          .training = o->training};
    SD_TRY(choose_part(e));
    SD_TRY(sd_untrained(e->trained.model, &e->theta, &e->state));
    e->untrained = e->run;
    e->untrained.theta = e->theta;
    e->untrained.state = e->state;
    return SD_OK;
}

sd_status sd__examination_open(sd_context *context, const char *run, const sd_examination_options *o, sd_examination *e)
{
    *e = (sd_examination){.part = o->part ? o->part : "train", .effort = o->effort, .seed = o->seed};
    SD_TRY(sd_trained_open(context, run, &e->trained));
    SD_TRY(sd__run_data(run, o->data_dir, context, &e->data));
    SD_TRY(sd__run_optimizer(run, &e->optimizer));
    return make_subjects(e, o);
}

void sd__examination_close(sd_examination *e)
{
    free(e->theta);
    free(e->state);
    sd_data_close(&e->data);
    sd_trained_close(&e->trained);
    *e = (sd_examination){0};
}

/* A step as small as rounding moves what was drawn as 0, so bits alone would not tell. False where a number is not finite. */
static bool same(sd_layout layout, const void *a, const void *b)
{
    double moved = 0, size = 0;
    sd_dtype dtype = layout.count ? layout.slice[0].dtype : SD_F32;
    for (int64_t i = 0; i < layout.length; i++) {
        double x = sd__element(a, dtype, i), y = sd__element(b, dtype, i);
        moved += (x - y) * (x - y);
        size += y * y;
    }
    return sqrt(moved) <= (dtype == SD_F64 ? DBL_EPSILON : (double)FLT_EPSILON) * sqrt(size);
}

bool sd__is_untrained(const sd_examination *e)
{
    sd_model *model = e->run.model;
    return same(sd_model_params(model), sd_model_theta(model), e->theta) &&
           same(sd_model_states(model), sd_model_state(model), e->state);
}

const sd_dataset *sd__judged_on(const sd_examination *e, const char **name)
{
    const sd_dataset *validation = e->data.validation != e->run.data ? e->data.validation : NULL;
    *name = e->data.test ? "test" : "validation";
    return e->data.test ? e->data.test : validation;
}
