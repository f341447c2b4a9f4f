/* tally.c -- see tally.h. Sums run in the order of the samples, so they do not depend on threads. */
#include "train/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/element.h"

sd_status sd__tally_init(sd_tally *t, int classes, int64_t columns)
{
    *t = (sd_tally){.classes = classes, .columns = columns};
    if (classes) {
        t->confusion = sd__alloc_zeroed((size_t)classes * (size_t)classes, sizeof *t->confusion);
    } else {
        t->mean = sd__alloc_zeroed((size_t)columns, sizeof *t->mean);
        t->m2 = sd__alloc_zeroed((size_t)columns, sizeof *t->m2);
    }
    if (classes ? t->confusion != NULL : t->mean && t->m2)
        return SD_OK;
    sd__tally_clear(t);
    return sd__fail(SD_ENOMEM, "no memory to compare %d classes", classes);
}

void sd__tally_clear(sd_tally *t)
{
    free(t->confusion);
    free(t->mean);
    free(t->m2);
    *t = (sd_tally){0};
}

int sd__predicted_class(const void *output, sd_dtype dtype, int64_t row, int64_t columns, int classes)
{
    if (columns == 1)
        return classes > 1 && sd__element(output, dtype, row) > 0;
    int best = 0;
    double most = sd__element(output, dtype, row * columns);
    for (int c = 1; c < columns; c++) {
        double value = sd__element(output, dtype, row * columns + c);
        if (value > most) {
            most = value;
            best = c;
        }
    }
    return best;
}

void sd__softmax(int64_t n, double *x)
{
    double most = x[0], sum = 0;
    for (int64_t i = 1; i < n; i++)
        most = SD_MAX(most, x[i]);
    for (int64_t i = 0; i < n; i++)
        sum += x[i] = exp(x[i] - most);
    for (int64_t i = 0; i < n; i++)
        x[i] /= sum;
}

int64_t sd__count_correct(const void *output, sd_dtype dtype, int64_t columns, int classes, const int32_t *labels, int n)
{
    int64_t correct = 0;
    for (int i = 0; i < n; i++)
        correct += sd__predicted_class(output, dtype, i, columns, classes) == labels[i];
    return correct;
}

static void add_class(sd_tally *t, int32_t label, int predicted)
{
    t->correct += label == predicted;
    if (label >= 0 && label < t->classes && predicted < t->classes)
        t->confusion[(int64_t)label * t->classes + predicted]++;
}

static void add_targets(sd_tally *t, const void *targets, const void *output, sd_dtype dtype, int64_t row)
{
    for (int64_t c = 0; c < t->columns; c++) {
        double y = sd__element(targets, dtype, row * t->columns + c);
        double error = sd__element(output, dtype, row * t->columns + c) - y, off = y - t->mean[c];
        t->squared += error * error;
        t->mean[c] += off / (double)t->samples;
        t->m2[c] += off * (y - t->mean[c]);
    }
}

void sd__tally_add(sd_tally *t, const sd_batch *batch, sd_dtype dtype, const void *losses, const void *output)
{
    for (int i = 0; i < batch->valid; i++) {
        t->samples++;
        t->loss += sd__element(losses, dtype, i);
        if (t->classes)
            add_class(t, batch->labels[i], sd__predicted_class(output, dtype, i, t->columns, t->classes));
        else
            add_targets(t, batch->targets, output, dtype, i);
    }
}

sd_scores sd__tally_scores(sd_tally *t)
{
    double n = (double)t->samples, spread = 0;
    for (int64_t c = 0; !t->classes && c < t->columns; c++)
        spread += t->m2[c];
    sd_scores scores = {
        .samples = t->samples,
        .loss = t->loss / n,
        .accuracy = t->classes ? (double)t->correct / n : NAN,
        .rmse = t->classes ? NAN : sqrt(t->squared / n / (double)t->columns),
        .r2 = t->classes || spread == 0 ? NAN : 1 - t->squared / spread,
        .classes = t->classes,
        .confusion = t->confusion,
    };
    t->confusion = NULL;
    return scores;
}

void sd_scores_clear(sd_scores *scores)
{
    free(scores->confusion);
    *scores = (sd_scores){0};
}
