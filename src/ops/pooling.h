/* pooling.h -- what the files of the pooling ops share. */
#ifndef SD_OPS_POOLING_H
#define SD_OPS_POOLING_H

#include "ops/pool.h"

/* Appends pooling `op` of x [B,H,W,C] over `window`. */
sd_node sd__append_pooling(const sd_op *op, sd_node x, sd_window window);

/* Checks a pooling of operand 0 [B,H,W,C] and gives the shape of what comes out, [B,OH,OW,C]. */
sd_status sd__infer_pooling(sd_infer *c, sd_shape *shape);

/* Checks the window of a pooling: padding smaller than the window, so that every window touches the image. */
sd_status sd__check_pooling(sd_infer *c);

/* An image of height by width, whose h * width + w fits an i32. */
sd_status sd__check_image(sd_infer *c, const int64_t image[2]);

/* Operand 0, x [B,H,W,C], is made of such images. */
sd_status sd__check_announced(sd_infer *c, const int64_t image[2]);

/* One an element that a window reads; padding is not counted. */
double sd__pooling_flops(const sd_type *in, const sd_type *out, const void *attr);

/* Random attributes with the shapes of image and result. */
sd_pool_attr sd__pooling_example(sd_example *e, sd_shape *x, sd_shape *y);

/* The example of maxpool and avgpool. */
sd_node sd__example_pooling(sd_example *e);

#endif
