/* logistic.c -- see logistic.h. */
#include "classic/logistic.h"

#include <math.h>
#include <sonde/autodiff.h>
#include <sonde/ops.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "tensor/element.h"

struct sd_logistic {
    sd_classified samples;
    sd_context *context;
    sd_plan *plan;
    sd_workspace *workspace;
    void **binding;  /* [slots] */
    void *w, *grad;  /* [size] of the samples' type */
    void *loss;      /* one number of that type */
    double strength; /* of the fit that goes on */
};

enum { MOST_ITERATIONS = 2000 };

/* ---- the program ------------------------------------------------------------------------------------------------------- */

static sd_status compile(sd_logistic *l, sd_graph *g)
{
    const sd_classified *s = &l->samples;
    sd_node x = sd_input(g, "x", s->dtype, SD_SHAPE(s->n, s->d)), y = sd_input(g, "y", SD_I32, SD_SHAPE(s->n));
    sd_node w = sd_input(g, "w", s->dtype, SD_SHAPE(s->d, s->classes)), b = sd_input(g, "b", s->dtype, SD_SHAPE(s->classes));
    sd_node loss = sd_mean(sd_softmax_cross_entropy(sd_dense(x, w, b), y, 0), 1, false), wrt[2] = {w, b}, gradient[2];
    sd_grad(loss, 2, wrt, gradient);
    sd_output output[] = {{.slot = "loss", .node = loss},
                          {.slot = "grad", .node = gradient[0]},
                          {.slot = "grad", .offset = s->d * s->classes, .node = gradient[1]}};
    return sd_compile(l->context, (int)SD_COUNT(output), output, NULL, &l->plan);
}

static void bind(sd_logistic *l)
{
    size_t weights = (size_t)l->samples.d * (size_t)l->samples.classes * sd_dtype_size(l->samples.dtype);
    const struct {
        const char *slot;
        const void *data;
    } known[] = {{"x", l->samples.x},           {"y", l->samples.y}, {"w", l->w},
                 {"b", (char *)l->w + weights}, {"loss", l->loss},   {"grad", l->grad}};
    for (size_t i = 0; i < SD_COUNT(known); i++)
        l->binding[sd_plan_slot(l->plan, known[i].slot)] = (void *)(uintptr_t)known[i].data;
}

static sd_status check(const sd_classified *s)
{
    if (s->classes < 2)
        return sd__fail(SD_EINVAL, "logistic regression tells two classes or more apart; here is %d", s->classes);
    for (int c = 0; c < s->classes; c++) {
        bool found = false;
        for (int64_t i = 0; i < s->n && !found; i++)
            found = s->y[i] == c;
        if (!found)
            return sd__fail(SD_EINVAL, "class %d has no sample, so its bias has no optimum; leave it out", c);
    }
    for (int64_t i = 0; i < s->n; i++)
        if (s->y[i] < 0 || s->y[i] >= s->classes)
            return sd__fail(SD_EINVAL, "label %d of sample %lld is not in 0..%d", s->y[i], (long long)i, s->classes - 1);
    return SD_OK;
}

static sd_status prepare(sd_logistic *l)
{
    size_t size = sd_dtype_size(l->samples.dtype), bytes = (size_t)sd__logistic_size(l) * size;
    SD_TRY(check(&l->samples));
    sd_graph *g = sd_graph_new();
    sd_status status = g ? compile(l, g) : sd__fail(SD_ENOMEM, "no memory for logistic regression");
    sd_graph_free(g);
    SD_TRY(status);
    SD_TRY(sd_workspace_new(l->plan, &l->workspace));
    l->binding = sd__alloc_zeroed((size_t)sd_plan_slots(l->plan), sizeof *l->binding);
    l->w = sd__alloc_aligned(bytes);
    l->grad = sd__alloc_aligned(bytes);
    l->loss = sd__alloc_aligned(64);
    if (!l->binding || !l->w || !l->grad || !l->loss)
        return sd__fail(SD_ENOMEM, "no memory for logistic regression");
    bind(l);
    return SD_OK;
}

sd_status sd__logistic_new(sd_context *context, const sd_classified *samples, sd_logistic **logistic)
{
    sd_logistic *l = sd__alloc_zeroed(1, sizeof *l);
    *logistic = NULL;
    if (!l)
        return sd__fail(SD_ENOMEM, "no memory for logistic regression");
    l->context = context;
    l->samples = *samples;
    sd_status status = prepare(l);
    if (status == SD_OK)
        *logistic = l;
    else
        sd__logistic_free(l);
    return status;
}

void sd__logistic_free(sd_logistic *l)
{
    if (!l)
        return;
    sd_workspace_free(l->workspace);
    sd_plan_free(l->plan);
    free(l->binding);
    free(l->w);
    free(l->grad);
    free(l->loss);
    free(l);
}

int64_t sd__logistic_size(const sd_logistic *l) { return (l->samples.d + 1) * l->samples.classes; }

/* ---- fitting ----------------------------------------------------------------------------------------------------------- */

sd_status sd__logistic_loss(sd_logistic *l, double strength, const double *w, double *loss, double *gradient)
{
    sd_dtype dtype = l->samples.dtype;
    int64_t size = sd__logistic_size(l), penalised = l->samples.d * l->samples.classes;
    for (int64_t i = 0; i < size; i++)
        sd__set_element(l->w, dtype, i, w[i]);
    SD_TRY(sd_run(l->plan, l->workspace, l->binding, sd_context_pool(l->context)));
    for (int64_t i = 0; i < size; i++)
        gradient[i] = sd__element(l->grad, dtype, i) + (i < penalised ? strength * w[i] : 0);
    *loss = sd__element(l->loss, dtype, 0) + 0.5 * strength * sd__dot(penalised, w, w);
    return SD_OK;
}

static sd_status visit(void *user, const double *w, double *value, double *gradient)
{
    sd_logistic *l = user;
    return sd__logistic_loss(l, l->strength, w, value, gradient);
}

sd_status sd__logistic_start(sd_logistic *l, double *norm)
{
    int64_t size = sd__logistic_size(l);
    double loss, *zero = sd__alloc_zeroed((size_t)size, 2 * sizeof *zero);
    if (!zero)
        return sd__fail(SD_ENOMEM, "no memory for logistic regression");
    double *gradient = zero + size;
    sd_status status = sd__logistic_loss(l, 0, zero, &loss, gradient);
    *norm = status == SD_OK ? sqrt(sd__dot(size, gradient, gradient)) : 0;
    free(zero);
    return status;
}

sd_status sd__logistic_fit(sd_logistic *l, double strength, double tolerance, double *w, sd_minimum *minimum)
{
    double norm;
    SD_TRY(sd__logistic_start(l, &norm));
    l->strength = strength;
    return sd__minimize(sd__logistic_size(l), visit, l, tolerance * norm, MOST_ITERATIONS, w, minimum);
}

void sd__logistic_classify(const double *w, int64_t d, int classes, int64_t n, sd_dtype dtype, const void *x, int32_t *class)
{
    const double *bias = w + d * classes;
    for (int64_t i = 0; i < n; i++) {
        double best = -INFINITY;
        class[i] = 0;
        for (int c = 0; c < classes; c++) {
            double score = bias[c];
            for (int64_t j = 0; j < d; j++)
                score += sd__element(x, dtype, i * d + j) * w[j * classes + c];
            if (score > best) {
                best = score;
                class[i] = c;
            }
        }
    }
}
