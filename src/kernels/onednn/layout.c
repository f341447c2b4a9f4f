/* layout.c -- filters on their way between [R,S,I,O] and oneDNN's blocked layouts. */
#include "kernels/onednn/layout.h"

#include <string.h>

#include "ops/kernel.h"

/* What one run of outputs has in common: the place of group, input, row and column in either layout. */
typedef struct place {
    int64_t group, in, row, col;
    int64_t packed; /* offset of output 0 */
} place;

bool sd__filter_layout(const dnnl_memory_desc_t *desc, sd_filter_layout *layout)
{
    const dnnl_blocking_desc_t *blocking = &desc->format_desc.blocking;
    int first = SD_FILTER_AXES - desc->ndims; /* without groups the group axis is missing */
    if (desc->format_kind != dnnl_blocked || desc->extra.flags || desc->offset0 || first < 0 || first > SD_OUT)
        return false;
    for (int i = 0; i < SD_FILTER_AXES; i++) {
        bool there = i >= first;
        layout->axis[i].size = there ? desc->dims[i - first] : 1;
        layout->axis[i].padded = there ? desc->padded_dims[i - first] : 1;
        layout->axis[i].outer = there ? blocking->strides[i - first] : 0;
        layout->axis[i].block = 1;
        layout->axis[i].inner = 0;
    }
    int64_t inner = 1;
    for (int b = blocking->inner_nblks - 1; b >= 0; b--) {
        int i = (int)blocking->inner_idxs[b] + first;
        if (layout->axis[i].block != 1)
            return false; /* an axis that is blocked twice: made for other element types */
        layout->axis[i].block = blocking->inner_blks[b];
        layout->axis[i].inner = inner;
        inner *= blocking->inner_blks[b];
    }
    if (inner > SD_FILTER_BLOCK)
        return false;
    layout->count = (int64_t)(dnnl_memory_desc_get_size(desc) / sizeof(float));
    return true;
}

static int64_t axis_offset(const sd_filter_layout *layout, int axis, int64_t index)
{
    int64_t block = layout->axis[axis].block;
    return index / block * layout->axis[axis].outer + index % block * layout->axis[axis].inner;
}

/*
 * A unit is one block of inputs at one (group, row, column): the runs of a unit share the cache lines of the blocked side.
 * Unit numbers run over the padded axes.
 */
static int64_t unit_count(const sd_filter_layout *layout)
{
    return layout->axis[SD_GROUP].padded * layout->axis[SD_ROW].size * layout->axis[SD_COL].size *
           (layout->axis[SD_IN].padded / layout->axis[SD_IN].block);
}

static place unit_place(const sd_filter_layout *layout, int64_t unit)
{
    place p = {0};
    int64_t blocks = layout->axis[SD_IN].padded / layout->axis[SD_IN].block;
    p.in = unit % blocks * layout->axis[SD_IN].block;
    unit /= blocks;
    p.col = unit % layout->axis[SD_COL].size;
    unit /= layout->axis[SD_COL].size;
    p.row = unit % layout->axis[SD_ROW].size;
    p.group = unit / layout->axis[SD_ROW].size;
    return p;
}

static void locate(const sd_filter_layout *layout, place *p)
{
    p->packed = axis_offset(layout, SD_GROUP, p->group) + axis_offset(layout, SD_IN, p->in) +
                axis_offset(layout, SD_ROW, p->row) + axis_offset(layout, SD_COL, p->col);
}

int sd__filter_parts(const sd_filter_layout *layout, int slices)
{
    int64_t units = unit_count(layout);
    return sd__parts(units, (double)layout->count / (double)units * 0.5 * slices);
}

static void copy_strided(int64_t n, const float *from, int64_t from_stride, float *to, int64_t to_stride)
{
    if (from_stride == 1 && to_stride == 1)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        for (int64_t i = 0; i < n; i++)
            to[i * to_stride] = from[i * from_stride];
}

/* Outputs 0..padded of one place; w points at output 0 of its group, or is NULL in the padding. */
static void pack_outputs(const sd_filter_layout *layout, const float *w, int64_t stride, float *packed)
{
    int64_t block = layout->axis[SD_OUT].block, inner = layout->axis[SD_OUT].inner;
    int64_t there = w ? layout->axis[SD_OUT].size : 0;
    for (int64_t o = 0; o < layout->axis[SD_OUT].padded; o += block) {
        float *to = packed + o / block * layout->axis[SD_OUT].outer;
        int64_t n = SD_MAX(SD_MIN(there - o, block), 0);
        if (n > 0)
            copy_strided(n, w + o * stride, stride, to, inner);
        for (int64_t i = n; i < block; i++)
            to[i * inner] = 0;
    }
}

void sd__filter_pack(const sd_filter_layout *layout, const float *w, const int64_t stride[4], float *packed, int parts,
                     int part)
{
    int64_t begin, end;
    sd__part(unit_count(layout), parts, part, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        place p = unit_place(layout, unit);
        for (int64_t i = 0; i < layout->axis[SD_IN].block; i++, p.in++) {
            bool there = p.group < layout->axis[SD_GROUP].size && p.in < layout->axis[SD_IN].size;
            int64_t from =
                p.row * stride[0] + p.col * stride[1] + p.in * stride[2] + p.group * layout->axis[SD_OUT].size * stride[3];
            locate(layout, &p);
            pack_outputs(layout, there ? w + from : NULL, stride[3], packed + p.packed);
        }
    }
}

/* to = the sum of `slices` runs of n numbers, added in order. */
static void sum_slices(int64_t n, const float *from, size_t step, int slices, float *to)
{
    memcpy(to, from, (size_t)n * sizeof *to);
    for (int slice = 1; slice < slices; slice++) {
        from += step;
        for (int64_t i = 0; i < n; i++)
            to[i] += from[i];
    }
}

/* What the innermost blocks hold: as many floats that lie one after the other. */
static int64_t block_volume(const sd_filter_layout *layout)
{
    int64_t volume = 1;
    for (int i = 0; i < SD_FILTER_AXES; i++)
        volume *= layout->axis[i].block;
    return volume;
}

/* Takes block `sum` apart: outputs o .. of the inputs p->in .. go to rows of w, which are `stride` floats long. */
static void unpack_block(const sd_filter_layout *layout, const place *p, const float *sum, int64_t o, float *w, int64_t stride)
{
    int64_t outputs = SD_MIN(layout->axis[SD_OUT].block, layout->axis[SD_OUT].size - o);
    int64_t inputs = SD_MIN(layout->axis[SD_IN].block, layout->axis[SD_IN].size - p->in);
    const float *from = sum + p->group % layout->axis[SD_GROUP].block * layout->axis[SD_GROUP].inner;
    for (int64_t i = 0; i < inputs; i++)
        copy_strided(outputs, from + i * layout->axis[SD_IN].inner, layout->axis[SD_OUT].inner, w + i * stride + o, 1);
}

/* Blocks are added whole, for their lines lie together in every slice, and then taken apart. */
void sd__filter_sum(const sd_filter_layout *layout, const float *packed, size_t step, int slices, float *w, int parts, int part)
{
    int64_t begin, end, volume = block_volume(layout), block = layout->axis[SD_OUT].block;
    int64_t outputs = layout->axis[SD_GROUP].size * layout->axis[SD_OUT].size;
    float sum[SD_FILTER_BLOCK];
    sd__part(unit_count(layout), parts, part, &begin, &end);
    for (int64_t unit = begin; unit < end; unit++) {
        place p = unit_place(layout, unit);
        if (p.group >= layout->axis[SD_GROUP].size)
            continue;
        int64_t row = (p.row * layout->axis[SD_COL].size + p.col) * layout->axis[SD_IN].size + p.in;
        float *to = w + row * outputs + p.group * layout->axis[SD_OUT].size;
        locate(layout, &p);
        p.packed -= p.group % layout->axis[SD_GROUP].block * layout->axis[SD_GROUP].inner;
        for (int64_t o = 0; o < layout->axis[SD_OUT].size; o += block) {
            sum_slices(volume, packed + p.packed + o / block * layout->axis[SD_OUT].outer, step, slices, sum);
            unpack_block(layout, &p, sum, o, to, outputs);
        }
    }
}
