/*
 * layout.h -- filters on their way between our layout [R,S,I,O] and the blocked one that a oneDNN primitive asks for.
 *
 * A blocked layout cuts some axes into blocks that lie innermost, e.g. 16 outputs by 16 inputs, and pads them with zeros to
 * whole blocks. So the place of an element is a sum over the axes of (index / block) * outer + (index % block) * inner.
 */
#ifndef SD_KERNELS_ONEDNN_LAYOUT_H
#define SD_KERNELS_ONEDNN_LAYOUT_H

#include <dnnl.h>

#include "base/base.h"

enum { SD_GROUP, SD_OUT, SD_IN, SD_ROW, SD_COL, SD_FILTER_AXES };

/* Most floats in one innermost block (64 outputs; 16 by 16). */
#define SD_FILTER_BLOCK 1024

typedef struct sd_filter_layout {
    struct {
        int64_t size, padded; /* per group for SD_OUT and SD_IN */
        int64_t block, outer, inner;
    } axis[SD_FILTER_AXES];
    int64_t count; /* floats, padding included */
} sd_filter_layout;

/* Reads the layout of a filter: [O,I,R,S] or, with groups, [G,O,I,R,S]. False if it is not of the form above. */
bool sd__filter_layout(const dnnl_memory_desc_t *desc, sd_filter_layout *layout);

/* How many parts packing or adding `slices` blocked filters is worth. */
int sd__filter_parts(const sd_filter_layout *layout, int slices);

/* Writes part `part` of the blocked filter, padding included. stride: of w [R,S,I,G*O]. */
void sd__filter_pack(const sd_filter_layout *layout, const float *w, const int64_t stride[4], float *packed, int parts,
                     int part);

/* w [R,S,I,G*O], dense, becomes the sum of `slices` blocked filters that lie `step` floats apart, added in index order. */
void sd__filter_sum(const sd_filter_layout *layout, const float *packed, size_t step, int slices, float *w, int parts,
                    int part);

#endif
