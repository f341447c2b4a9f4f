/* conv.h -- the attributes of conv2d, conv2d_dx and conv2d_dw, which the providers read: one struct for all three. */
#ifndef SD_OPS_CONV_H
#define SD_OPS_CONV_H

#include "ops/window.h"

/* window.size is the filter's height and width, image that of x, in each of the three. */
typedef sd_window_attr sd_conv_attr;

#endif
