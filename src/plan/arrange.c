/*
 * arrange.c -- places in the arena: buffers that live at different times share memory.
 *
 * Largest first, each at the lowest offset that is free during its whole life. That is not optimal (the problem is NP-hard)
 * but stays within a few per cent of the lower bound, the largest sum of sizes alive at one step.
 */
#include <stdlib.h>

#include "plan/plan.h"

#define ALIGNMENT 64

static int larger_first(const void *a, const void *b)
{
    const sd_buffer *x = *(sd_buffer *const *)a, *y = *(sd_buffer *const *)b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x > y) - (x < y);
}

static size_t rounded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

static bool overlap(const sd_buffer *a, const sd_buffer *b) { return a->first <= b->last && b->first <= a->last; }

/* placed[] is kept in order of offset: the first gap that is wide enough wins. */
static void place(sd_buffer *buffer, sd_buffer **placed, int n)
{
    size_t offset = 0;
    for (int i = 0; i < n; i++) {
        if (!overlap(buffer, placed[i]))
            continue;
        if (placed[i]->offset >= offset + buffer->bytes)
            break;
        size_t end = placed[i]->offset + rounded(placed[i]->bytes);
        offset = SD_MAX(offset, end);
    }
    buffer->offset = offset;
    int at = n;
    for (; at > 0 && placed[at - 1]->offset > offset; at--)
        placed[at] = placed[at - 1];
    placed[at] = buffer;
}

size_t sd__arrange(int n, sd_buffer *buffer)
{
    sd_buffer **order = sd__alloc((size_t)n * 2 + 1, sizeof *order);
    if (!order)
        return SIZE_MAX;
    sd_buffer **placed = order + n;
    int live = 0;
    for (int i = 0; i < n; i++)
        if (buffer[i].first <= buffer[i].last)
            order[live++] = &buffer[i];
    qsort(order, (size_t)live, sizeof *order, larger_first);
    size_t total = 0;
    for (int i = 0; i < live; i++) {
        place(order[i], placed, i);
        total = SD_MAX(total, order[i]->offset + rounded(order[i]->bytes));
    }
    free(order);
    return total;
}
