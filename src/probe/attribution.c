/*
 * attribution.c -- the instrument: which parts of an input speak for the network's answer, and how much of that
 * map is what was learned.
 *
 * A map can look convincing and yet show edges that any network would show. So every map stands beside those of two
 * untrained networks: its rank correlation with the first says whether it depends on the weights, that between the two says
 * how low such a number can be.
 */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "nn/model.h"
#include "probe/attribution_program.h"
#include "probe/subject.h"
#include "train/tally.h"

enum { OWN, TWIN, OTHER, NETWORKS }; /* whose maps are made */

typedef struct study {
    sd_model *model;
    const sd_subject *subject;
    sd_attribution_options o;
    sd_samples samples;
    sd_weights weights[NETWORKS];
    void *drawn[NETWORKS][2]; /* theta and state of the untrained ones */
    int64_t inputs, outputs;
    double *output; /* [n, outputs] */
    double *loss;   /* [n], or NULL */
    sd_path path;
    sd_cam cam;
    double *map, *cams; /* [NETWORKS, inputs] of one sample; [NETWORKS, items, places] */
} study;

/* ---- what is asked for --------------------------------------------------------------------------------------------------- */

static sd_status check_task(const study *s)
{
    if (s->model->spec.classes == 1)
        return sd__fail(SD_EINVAL, "attribution does not apply: there is a single class, so nothing speaks for or against it");
    if (s->subject->training)
        return sd__fail(SD_EINVAL, "attribution looks at each sample by itself, but batch statistics and dropout mix in others "
                                   "and chance; leave out training mode");
    return SD_OK;
}

static sd_status check_numbers(const study *s)
{
    const sd_attribution_options *o = &s->o;
    int64_t there = sd_subject_samples(s->subject);
    if (o->steps < 1 || o->steps > 1024)
        return sd__fail(SD_EINVAL, "attribution: %d steps; 1 to 1024 are possible", o->steps);
    if (o->count < 1 || o->count > 10000)
        return sd__fail(SD_EINVAL, "attribution: %d samples; 1 to 10000 are possible", o->count);
    if (o->output < 0 || o->output > s->outputs)
        return sd__fail(SD_EINVAL, "attribution: the model has no output %d; its %lld outputs are counted from 1", o->output,
                        (long long)s->outputs);
    for (int i = 0; o->sample && i < o->count; i++)
        if (o->sample[i] < 0 || o->sample[i] >= there)
            return sd__fail(SD_EINVAL, "attribution: sample %lld is not among the first %lld; look at more of them",
                            (long long)o->sample[i], (long long)there);
    return SD_OK;
}

/* ---- the answers of the network ------------------------------------------------------------------------------------------ */

static sd_status answer(study *s, int64_t first, int64_t size, void *output, void *loss)
{
    sd_dtype dtype = s->model->spec.dtype;
    sd_model_io io = {.x = (char *)s->samples.x + (size_t)first * s->samples.x_bytes,
                      .y = (char *)s->samples.y + (size_t)first * s->samples.y_bytes,
                      .ids = s->samples.ids + first,
                      .theta = s->weights[OWN].theta,
                      .state = s->weights[OWN].state,
                      .output = output,
                      .losses = s->loss ? loss : NULL};
    SD_TRY(sd_model_run(s->model, SD_EVAL, size, &io));
    for (int64_t i = 0; i < size * s->outputs; i++)
        s->output[first * s->outputs + i] = sd__element(output, dtype, i);
    for (int64_t i = 0; s->loss && i < size; i++)
        s->loss[first + i] = sd__element(loss, dtype, i);
    return SD_OK;
}

static sd_status check_finite(const study *s)
{
    for (int64_t i = 0; i < s->samples.n * s->outputs; i++)
        if (!isfinite(s->output[i]))
            return sd__fail(SD_ENONFINITE,
                            "the network's output for sample %lld is not finite: there is nothing to explain; "
                            "`sonde probe signal` says where it comes from",
                            (long long)(i / s->outputs));
    return SD_OK;
}

static sd_status answer_all(study *s)
{
    int64_t n = s->samples.n, batch = sd__subject_batch(s->subject, n);
    size_t size = sd_dtype_size(s->model->spec.dtype);
    bool has_loss = sd_node_ok(s->model->built.losses);
    void *output = sd__alloc_aligned((size_t)(batch * s->outputs) * size), *loss = sd__alloc_aligned((size_t)batch * size);
    s->output = sd__alloc((size_t)(n * s->outputs), sizeof *s->output);
    s->loss = has_loss ? sd__alloc((size_t)n, sizeof *s->loss) : NULL;
    sd_status status = output && loss && s->output && (s->loss || !has_loss)
                           ? SD_OK
                           : sd__fail(SD_ENOMEM, "no memory for the answers to %lld samples", (long long)n);
    for (int64_t first = 0; status == SD_OK && first < n; first += batch)
        status = answer(s, first, SD_MIN(batch, n - first), output, loss);
    free(output);
    free(loss);
    return status == SD_OK ? check_finite(s) : status;
}

static bool one_for_two(const study *s) { return s->model->spec.classes == 2 && s->outputs == 1; }

/* The class of the largest output, or -1 without classes. */
static int predicted(const study *s, int64_t i)
{
    int classes = s->model->spec.classes;
    return classes ? sd__predicted_class(s->output, SD_F64, i, s->outputs, classes) : -1;
}

static int label(const study *s, int64_t i) { return s->model->spec.classes ? ((const int32_t *)s->samples.y)[i] : -1; }

static sd_explained explained(const study *s, int64_t i)
{
    int class = predicted(s, i);
    if (s->o.output)
        return (sd_explained){s->o.output - 1, 1};
    if (one_for_two(s))
        return (sd_explained){0, class ? 1 : -1};
    return (sd_explained){SD_MAX(class, 0), 1};
}

/* ---- which samples ------------------------------------------------------------------------------------------------------- */

/* What is left with the largest loss; with classes only what is put into a wrong one. -1: nothing. */
static int64_t worst(const study *s, const bool *taken)
{
    int64_t best = -1;
    for (int64_t i = 0; s->loss && i < s->samples.n; i++)
        if (!taken[i] && (!s->model->spec.classes || predicted(s, i) != label(s, i)) &&
            (best < 0 || s->loss[i] > s->loss[best]))
            best = i;
    return best;
}

/* The first that is left: put into its class, which is this one; put into its class; any. */
static int64_t next_other(const study *s, const bool *taken, int class)
{
    int64_t right = -1, any = -1;
    for (int64_t i = 0; i < s->samples.n; i++) {
        if (taken[i])
            continue;
        bool is_right = predicted(s, i) == label(s, i);
        if (is_right && label(s, i) == class)
            return i;
        right = right < 0 && is_right ? i : right;
        any = any < 0 ? i : any;
    }
    return right >= 0 ? right : any;
}

static sd_status choose(const study *s, int64_t *sample)
{
    int n = s->o.count, classes = SD_MAX(s->model->spec.classes, 1);
    bool *taken = sd__alloc_zeroed((size_t)s->samples.n, sizeof *taken);
    if (!taken)
        return sd__fail(SD_ENOMEM, "no memory to choose among %lld samples", (long long)s->samples.n);
    for (int i = 0; i < n; i++) {
        int64_t bad = i < n / 2 ? worst(s, taken) : -1;
        sample[i] = bad >= 0 ? bad : next_other(s, taken, i % classes);
        taken[sample[i]] = true;
    }
    free(taken);
    return SD_OK;
}

/* ---- the baseline -------------------------------------------------------------------------------------------------------- */

static double input_at(const study *s, int64_t sample, int64_t i)
{
    return sd__element((char *)s->samples.x + (size_t)sample * s->samples.x_bytes, s->model->spec.dtype, i);
}

static void write_reference(const study *s, double *reference)
{
    const sd_normalization *z = s->subject->normalization;
    for (int64_t i = 0; i < s->inputs; i++) {
        double sum = 0;
        for (int64_t k = 0; k < s->samples.n; k++)
            sum += input_at(s, k, i);
        bool given = z && z->n; /* pairs count channels or features: the last axis */
        double zero = given ? -z->offset[i % z->n] / z->scale[i % z->n] : 0;
        reference[i] = s->o.baseline == SD_BASELINE_MEAN ? sum / (double)s->samples.n : zero;
    }
}

/* ---- maps ---------------------------------------------------------------------------------------------------------------- */

static double *copy(const double *from, int64_t n)
{
    double *to = sd__alloc((size_t)n, sizeof *to);
    return to ? memcpy(to, from, (size_t)n * sizeof *to) : NULL;
}

static sd_status spearman(int64_t n, const double *a, const double *b, double *rho)
{
    sd_correlation c = {NAN, NAN};
    if (n >= 2)
        SD_TRY(sd_spearman((int)n, a, b, &c));
    *rho = c.coefficient;
    return SD_OK;
}

/* The maps are made absolute in place, after their values were compared. */
static sd_status compare_integrated(study *s, sd_attribution *a)
{
    double *own = s->map, *twin = own + s->inputs, *other = twin + s->inputs;
    SD_TRY(spearman(s->inputs, own, twin, &a->ranks.values));
    SD_TRY(spearman(s->inputs, twin, other, &a->chance.values));
    for (int64_t i = 0; i < NETWORKS * s->inputs; i++)
        s->map[i] = fabs(s->map[i]);
    SD_TRY(spearman(s->inputs, own, twin, &a->ranks.sizes));
    return spearman(s->inputs, twin, other, &a->chance.sizes);
}

static sd_status integrate(study *s, const double *reference, const double *x, sd_attribution *a)
{
    sd_explained what = {a->output, a->sign};
    double ends[2];
    for (int k = NETWORKS - 1; k >= OWN; k--) /* the own one last: its ends stay */
        SD_TRY(sd__path_run(&s->path, &s->weights[k], &what, x, reference, s->map + k * s->inputs, ends));
    a->value = ends[0];
    a->baseline_value = ends[1];
    a->gap = -(ends[0] - ends[1]);
    for (int64_t i = 0; i < s->inputs; i++)
        a->gap += s->map[i];
    a->integrated = copy(s->map, s->inputs);
    a->random = copy(s->map + s->inputs, s->inputs);
    if (!a->integrated || !a->random)
        return sd__fail(SD_ENOMEM, "no memory for a map");
    return compare_integrated(s, a);
}

static sd_status integrate_all(study *s, sd_attribution_report *r)
{
    double *x = sd__alloc((size_t)s->inputs, sizeof *x);
    sd_status status = x ? SD_OK : sd__fail(SD_ENOMEM, "no memory for a sample");
    for (int i = 0; status == SD_OK && i < r->items; i++) {
        for (int64_t k = 0; k < s->inputs; k++)
            x[k] = input_at(s, r->item[i].sample, k);
        status = integrate(s, r->reference, x, &r->item[i]);
    }
    free(x);
    return status;
}

/* ---- Grad-CAM ------------------------------------------------------------------------------------------------------------ */

static sd_status run_cams(study *s, const sd_attribution_report *r)
{
    size_t bytes = s->samples.x_bytes, items = (size_t)r->items;
    int64_t places = (int64_t)r->items * s->cam.rows * s->cam.columns;
    sd_explained *what = sd__alloc(items, sizeof *what);
    char *x = sd__alloc_aligned(items * bytes);
    sd_status status = what && x ? SD_OK : sd__fail(SD_ENOMEM, "no memory for Grad-CAM");
    for (int i = 0; status == SD_OK && i < r->items; i++) {
        what[i] = (sd_explained){r->item[i].output, r->item[i].sign};
        memcpy(x + (size_t)i * bytes, (char *)s->samples.x + (size_t)r->item[i].sample * bytes, bytes);
    }
    for (int k = 0; status == SD_OK && k < NETWORKS; k++)
        status = sd__cam_run(&s->cam, &s->weights[k], what, x, s->cams + k * places);
    free(what);
    free(x);
    return status;
}

static sd_status keep_cams(const study *s, sd_attribution_report *r)
{
    int64_t places = (int64_t)s->cam.rows * s->cam.columns, all = places * r->items;
    for (int i = 0; i < r->items; i++) {
        sd_attribution *a = &r->item[i];
        const double *own = s->cams + i * places, *twin = own + all, *other = twin + all;
        a->cam = copy(own, places);
        a->random_cam = copy(twin, places);
        if (!a->cam || !a->random_cam)
            return sd__fail(SD_ENOMEM, "no memory for a map");
        SD_TRY(spearman(places, own, twin, &a->ranks.cam));
        SD_TRY(spearman(places, twin, other, &a->chance.cam));
    }
    return SD_OK;
}

static sd_status cam_all(study *s, sd_attribution_report *r)
{
    SD_TRY(sd__cam_open(s->model, r->items, s->o.layer, &s->cam));
    const char *why =
        s->cam.layer ? NULL : "No Grad-CAM: no layer's output has height and width, so there are no places to show.";
    r->layer = s->cam.layer ? strdup(s->cam.layer) : NULL;
    r->no_cam = why ? strdup(why) : NULL;
    if (!r->layer && !r->no_cam)
        return sd__fail(SD_ENOMEM, "no memory for a name");
    if (why)
        return SD_OK;
    r->rows = s->cam.rows;
    r->columns = s->cam.columns;
    s->cams = sd__alloc_aligned(NETWORKS * sizeof(double) * (size_t)r->items * (size_t)r->rows * (size_t)r->columns);
    if (!s->cams)
        return sd__fail(SD_ENOMEM, "no memory for Grad-CAM");
    SD_TRY(run_cams(s, r));
    return keep_cams(s, r);
}

/* ---- the report ---------------------------------------------------------------------------------------------------------- */

/* The mean of one rank over the items in which it exists. */
static sd_interval mean_rank(const sd_attribution_report *r, size_t offset, double *column)
{
    int n = 0;
    for (int i = 0; i < r->items; i++) {
        double rank = *(const double *)((const char *)&r->item[i] + offset);
        if (!isnan(rank))
            column[n++] = rank;
    }
    sd_interval mean = n ? sd_interval_mean(n, column, 0.95) : (sd_interval){NAN, NAN, NAN};
    if (n) { /* of few samples Student's interval may leave what a correlation can be */
        mean.low = fmax(mean.low, -1);
        mean.high = fmin(mean.high, 1);
    }
    return mean;
}

static sd_status summarise(sd_attribution_report *r)
{
    double *column = sd__alloc((size_t)r->items, sizeof *column);
    if (!column)
        return sd__fail(SD_ENOMEM, "no memory for means");
    r->values = mean_rank(r, offsetof(sd_attribution, ranks.values), column);
    r->sizes = mean_rank(r, offsetof(sd_attribution, ranks.sizes), column);
    r->cam = mean_rank(r, offsetof(sd_attribution, ranks.cam), column);
    r->chance_values = mean_rank(r, offsetof(sd_attribution, chance.values), column);
    r->chance_sizes = mean_rank(r, offsetof(sd_attribution, chance.sizes), column);
    r->chance_cam = mean_rank(r, offsetof(sd_attribution, chance.cam), column);
    free(column);
    return SD_OK;
}

static void start_item(const study *s, int64_t sample, sd_attribution *a)
{
    sd_explained what = explained(s, sample);
    *a = (sd_attribution){.sample = sample,
                          .label = label(s, sample),
                          .predicted = predicted(s, sample),
                          .output = what.output,
                          .one_for_two = one_for_two(s),
                          .sign = what.sign,
                          .loss = s->loss ? s->loss[sample] : NAN,
                          .ranks = {NAN, NAN, NAN},
                          .chance = {NAN, NAN, NAN}};
}

static sd_status start_report(study *s, sd_attribution_report *r)
{
    int64_t *sample = sd__alloc((size_t)s->o.count, sizeof *sample);
    r->samples = s->samples.n;
    r->mistakes = s->model->spec.classes ? 0 : -1;
    r->input = s->model->spec.input;
    r->baseline = s->o.baseline;
    r->steps = s->o.steps;
    r->reference = sd__alloc((size_t)s->inputs, sizeof *r->reference);
    r->item = sd__alloc_zeroed((size_t)s->o.count, sizeof *r->item);
    sd_status status = sample && r->reference && r->item ? SD_OK : sd__fail(SD_ENOMEM, "no memory for %d samples", s->o.count);
    if (status == SD_OK && s->o.sample)
        memcpy(sample, s->o.sample, (size_t)s->o.count * sizeof *sample);
    else if (status == SD_OK)
        status = choose(s, sample);
    for (int64_t i = 0; status == SD_OK && r->mistakes >= 0 && i < r->samples; i++)
        r->mistakes += predicted(s, i) != label(s, i);
    for (; status == SD_OK && r->items < s->o.count; r->items++)
        start_item(s, sample[r->items], &r->item[r->items]);
    free(sample);
    return status;
}

/* ---- together ------------------------------------------------------------------------------------------------------------ */

static sd_status draw_networks(study *s)
{
    s->weights[OWN].theta = s->subject->theta ? s->subject->theta : s->model->theta;
    s->weights[OWN].state = s->subject->state ? s->subject->state : s->model->state;
    for (int k = TWIN; k < NETWORKS; k++) {
        SD_TRY(sd__untrained_as(s->model, s->model->spec.seed + (uint64_t)(k - TWIN), &s->drawn[k][0], &s->drawn[k][1]));
        s->weights[k] = (sd_weights){s->drawn[k][0], s->drawn[k][1]};
    }
    return SD_OK;
}

static sd_status study_samples(study *s, sd_attribution_report *r)
{
    SD_TRY(check_task(s));
    s->inputs = sd_shape_count(s->model->spec.input);
    s->outputs = sd_shape_count(sd_model_output(s->model));
    SD_TRY(check_numbers(s));
    SD_TRY(sd__samples_read(s->subject, &s->samples));
    s->o.count = s->o.sample ? s->o.count : (int)SD_MIN((int64_t)s->o.count, s->samples.n);
    SD_TRY(draw_networks(s));
    SD_TRY(answer_all(s));
    SD_TRY(start_report(s, r));
    write_reference(s, r->reference);
    SD_TRY(sd__path_open(s->model, s->o.steps, &s->path));
    s->map = sd__alloc(NETWORKS * (size_t)s->inputs, sizeof *s->map);
    if (!s->map)
        return sd__fail(SD_ENOMEM, "no memory for maps");
    SD_TRY(integrate_all(s, r));
    SD_TRY(cam_all(s, r));
    return summarise(r);
}

static void clear(study *s)
{
    sd__samples_free(&s->samples);
    for (int k = 0; k < NETWORKS; k++)
        for (int i = 0; i < 2; i++)
            free(s->drawn[k][i]);
    free(s->output);
    free(s->loss);
    sd__path_free(&s->path);
    sd__cam_free(&s->cam);
    free(s->map);
    free(s->cams);
}

sd_status sd_probe_attribution(const sd_subject *subject, const sd_attribution_options *options, sd_attribution_report *report)
{
    study s = {.model = subject->model, .subject = subject, .o = options ? *options : (sd_attribution_options){0}};
    s.o.steps = s.o.steps ? s.o.steps : 64;
    s.o.count = s.o.count ? s.o.count : 8;
    *report = (sd_attribution_report){0};
    sd_status status = study_samples(&s, report);
    clear(&s);
    if (status != SD_OK)
        sd_attribution_report_clear(report);
    return status;
}

void sd_attribution_report_clear(sd_attribution_report *r)
{
    for (int i = 0; i < r->items; i++) {
        free(r->item[i].integrated);
        free(r->item[i].random);
        free(r->item[i].cam);
        free(r->item[i].random_cam);
    }
    free(r->reference);
    free(r->layer);
    free(r->no_cam);
    free(r->item);
    *r = (sd_attribution_report){0};
}
