/* layout.c -- filters on their way between [R,S,I,O] and oneDNN's blocked layouts. */
#include "kernels/onednn/layout.h"

#include <string.h>

#include "ops/kernel.h"

/*
 * A unit of work: some inputs at one (group, row, column), with all their outputs. Where inputs are blocked it is one block of
 * them, for their lines lie together, else 16.
 */
typedef struct unit {
    int64_t group, row, col, in; /* in: the first input */
    int64_t inputs;              /* padding included */
    int64_t there;               /* how many of them are not padding */
    int64_t packed;              /* blocked offset of output 0 of the first input */
    int64_t step;                /* from one input to the next */
} unit;

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

static int64_t unit_inputs(const sd_filter_layout *layout)
{
    enum { UNBLOCKED = 16 };
    int64_t block = layout->axis[SD_IN].block;
    return block > 1 ? block : UNBLOCKED;
}

/* Numbers of units run over the padded axes. */
static int64_t unit_rows(const sd_filter_layout *layout)
{
    int64_t inputs = unit_inputs(layout);
    return (layout->axis[SD_IN].padded + inputs - 1) / inputs;
}

static int64_t unit_count(const sd_filter_layout *layout)
{
    return layout->axis[SD_GROUP].padded * layout->axis[SD_ROW].size * layout->axis[SD_COL].size * unit_rows(layout);
}

static unit unit_at(const sd_filter_layout *layout, int64_t number)
{
    unit u = {0};
    bool blocked = layout->axis[SD_IN].block > 1;
    u.in = number % unit_rows(layout) * unit_inputs(layout);
    number /= unit_rows(layout);
    u.col = number % layout->axis[SD_COL].size;
    number /= layout->axis[SD_COL].size;
    u.row = number % layout->axis[SD_ROW].size;
    u.group = number / layout->axis[SD_ROW].size;
    u.inputs = SD_MIN(unit_inputs(layout), layout->axis[SD_IN].padded - u.in);
    u.there = SD_MAX(SD_MIN(u.inputs, layout->axis[SD_IN].size - u.in), 0);
    if (u.group >= layout->axis[SD_GROUP].size)
        u.there = 0;
    u.packed = axis_offset(layout, SD_GROUP, u.group) + axis_offset(layout, SD_IN, u.in) + axis_offset(layout, SD_ROW, u.row) +
               axis_offset(layout, SD_COL, u.col);
    u.step = blocked ? layout->axis[SD_IN].inner : layout->axis[SD_IN].outer;
    return u;
}

int sd__filter_parts(const sd_filter_layout *layout, int slices)
{
    int64_t units = unit_count(layout);
    return sd__parts(units, (double)layout->count / (double)units * 0.5 * slices);
}

static void copy_strided(int64_t n, const float *from, int64_t from_stride, float *to, int64_t to_stride)
{
    enum { USUAL = 16 };
    if (from_stride == 1 && to_stride == 1 && n == USUAL)
        memcpy(to, from, USUAL * sizeof *to); /* a constant: no call */
    else if (from_stride == 1 && to_stride == 1)
        memcpy(to, from, (size_t)n * sizeof *to);
    else
        for (int64_t i = 0; i < n; i++)
            to[i * to_stride] = from[i * from_stride];
}

/* One block of outputs of every input of a unit. from: its first output of its first input, of which `there` are no padding. */
static void pack_block(const sd_filter_layout *layout, const unit *u, const float *from, const int64_t stride[4], int64_t there,
                       float *to)
{
    int64_t block = layout->axis[SD_OUT].block, inner = layout->axis[SD_OUT].inner;
    for (int64_t i = 0; i < u->inputs; i++, to += u->step) {
        int64_t n = i < u->there ? there : 0;
        if (n > 0)
            copy_strided(n, from + i * stride[2], stride[3], to, inner);
        for (int64_t o = n; o < block; o++)
            to[o * inner] = 0;
    }
}

void sd__filter_pack(const sd_filter_layout *layout, const float *w, const int64_t stride[4], float *packed, int parts,
                     int part)
{
    int64_t begin, end, block = layout->axis[SD_OUT].block, outputs = layout->axis[SD_OUT].size;
    sd__part(unit_count(layout), parts, part, &begin, &end);
    for (int64_t number = begin; number < end; number++) {
        unit u = unit_at(layout, number);
        int64_t from = u.row * stride[0] + u.col * stride[1] + u.in * stride[2] + u.group * outputs * stride[3];
        float *to = packed + u.packed;
        for (int64_t o = 0; o < layout->axis[SD_OUT].padded; o += block, to += layout->axis[SD_OUT].outer) {
            int64_t there = u.there ? SD_MAX(SD_MIN(outputs - o, block), 0) : 0;
            pack_block(layout, &u, there ? w + from + o * stride[3] : w, stride, there, to);
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

/*
 * Outputs o .. of the inputs of unit u: adds the block that holds them, which lies in one piece in every slice, then takes it
 * apart. to: where output o of the first input goes, in rows of `stride` floats.
 */
static void sum_block(const sd_filter_layout *layout, const unit *u, const float *packed, size_t step, int slices, int64_t o,
                      float *to, int64_t stride)
{
    float sum[SD_FILTER_BLOCK];
    int64_t outputs = SD_MIN(layout->axis[SD_OUT].block, layout->axis[SD_OUT].size - o), rows = layout->axis[SD_IN].block;
    int64_t member = u->group % layout->axis[SD_GROUP].block * layout->axis[SD_GROUP].inner;
    for (int64_t i = 0; i < u->there; i++) {
        if (i % rows == 0)
            sum_slices(block_volume(layout), packed - member + i * u->step, step, slices, sum);
        const float *from = sum + member + i % rows * layout->axis[SD_IN].inner;
        copy_strided(outputs, from, layout->axis[SD_OUT].inner, to + i * stride, 1);
    }
}

void sd__filter_sum(const sd_filter_layout *layout, const float *packed, size_t step, int slices, float *w, int parts, int part)
{
    int64_t begin, end, block = layout->axis[SD_OUT].block, inputs = layout->axis[SD_IN].size;
    int64_t outputs = layout->axis[SD_OUT].size, stride = layout->axis[SD_GROUP].size * outputs;
    sd__part(unit_count(layout), parts, part, &begin, &end);
    for (int64_t number = begin; number < end; number++) {
        unit u = unit_at(layout, number);
        const float *from = packed + u.packed;
        float *to = w + ((u.row * layout->axis[SD_COL].size + u.col) * inputs + u.in) * stride + u.group * outputs;
        for (int64_t o = 0; u.there && o < outputs; o += block, from += layout->axis[SD_OUT].outer)
            sum_block(layout, &u, from, step, slices, o, to + o, stride);
    }
}
