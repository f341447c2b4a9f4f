/* nearest.c -- nearest neighbours by looking at every row, leaving a row as soon as it is too far. */
#include "classic/nearest.h"

#include <math.h>

/* Sixteen squares at a time; ends early once the sum exceeds `limit`, for then the row cannot win. */
static float distance(int64_t d, const float *a, const float *b, float limit)
{
    float sum = 0;
    int64_t j = 0;
    for (; j + 16 <= d && sum <= limit; j += 16) {
        float part = 0;
        for (int k = 0; k < 16; k++)
            part += (a[j + k] - b[j + k]) * (a[j + k] - b[j + k]);
        sum += part;
    }
    for (; j < d && sum <= limit; j++)
        sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

int64_t sd__nearest_other(int64_t n, int64_t d, const float *x, const float *q, int64_t skip)
{
    int64_t best = skip == 0 && n > 1 ? 1 : 0;
    float least = INFINITY;
    for (int64_t i = 0; i < n; i++) {
        if (i == skip)
            continue;
        float at = distance(d, x + i * d, q, least);
        if (at < least) {
            least = at;
            best = i;
        }
    }
    return best;
}

int64_t sd__nearest_row(int64_t n, int64_t d, const float *x, const float *q) { return sd__nearest_other(n, d, x, q, -1); }
