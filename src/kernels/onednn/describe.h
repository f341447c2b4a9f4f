/* describe.h -- which of oneDNN's implementations computes a convolution, and in which filter layout. */
#ifndef SD_KERNELS_ONEDNN_DESCRIBE_H
#define SD_KERNELS_ONEDNN_DESCRIBE_H

#include "kernels/onednn/cut.h"
#include "kernels/onednn/primitive.h"

/*
 * Fills p->desc, p->arg and p->md for a convolution of shape s on p->engine. filter: the layout that w must have, NULL:
 * oneDNN's choice. To be called between sd__openmp_enter() and _leave().
 */
sd_status sd__conv_describe(sd_primitive *p, sd_conv_kind kind, const sd_conv_shape *s, const dnnl_memory_desc_t *filter);

#endif
