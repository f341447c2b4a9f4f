/*
 * window.h -- geometry of a window that slides over an image: what convolution and pooling, and their adjoints, share.
 *
 * Position p of an axis covers the image elements p * stride - pad_lo + t * dilation for the taps t = 0..size-1; those
 * outside [0,image) are padding.
 */
#ifndef SD_OPS_WINDOW_H
#define SD_OPS_WINDOW_H

#include "ops/op.h"

/* The attributes of all those ops, forward or adjoint. Complete: nothing is 0, and both sizes are there whatever is derived. */
typedef struct sd_window_attr {
    sd_window window; /* size: height and width of the filter or pooling window */
    int64_t image[2]; /* height and width of the image, without padding */
} sd_window_attr;

/* The attributes for a caller's window: zeros become 1 where the header says so. */
sd_window_attr sd__window_attr(sd_window window, int64_t height, int64_t width);

/* SD_OK if every number is in its bounds and the window has at least one position along both axes. */
sd_status sd__check_window(sd_infer *c, const sd_window_attr *attr);

/* Number of positions along an axis (0: height, 1: width); 0 if the window does not fit. */
int64_t sd__window_positions(const sd_window_attr *attr, int axis);

/* The positions [*begin,*end) at which tap `tap` lies inside the image. */
void sd__window_inside(const sd_window_attr *attr, int axis, int64_t tap, int64_t *begin, int64_t *end);

/* The image element under tap `tap` at position `position`, or -1 in the padding. */
static inline int64_t sd__window_element(const sd_window_attr *attr, int axis, int64_t position, int64_t tap)
{
    const sd_window *w = &attr->window;
    int64_t at = position * w->stride[axis] - w->pad_lo[axis] + tap * w->dilation[axis];
    return at >= 0 && at < attr->image[axis] ? at : -1;
}

/* Pairs of position and tap inside the image, both axes together. */
double sd__window_taps(const sd_window_attr *attr);

void sd__window_print(const void *attr, sd_string *text);

/* A random window that fits its random image, for examples; `whole`: dilation 1, padding smaller than the window. */
sd_window_attr sd__window_example(sd_example *e, bool whole);

#endif
