/* cut.c -- a convolution cut into smaller convolutions by its shape alone. */
#include "kernels/onednn/cut.h"

#include "ops/kernel.h"

static double filter_bytes(const sd_conv_shape *s)
{
    return (double)s->groups * (double)s->channels * (double)s->filters * (double)(s->size[0] * s->size[1]) * sizeof(float);
}

/* About nanoseconds for one row of output of one image, at 100 floating-point operations each. */
static double row_cost(const sd_conv_shape *s) { return 2 * filter_bytes(s) / sizeof(float) * (double)s->out[1] / 100; }

/*
 * Every piece of the filter's gradient is a filter in scratch memory, to be read once more when they are added. So it covers
 * at least 64 positions (adding then costs a fifth of the product, for large filters less), and there are at most 16 pieces,
 * or 8 where 16 would take more than 16 MiB.
 */
static int limit_filters(const sd_conv_shape *s, int pieces)
{
    const double budget = 16 << 20;
    double positions = (double)s->images * (double)s->out[0] * (double)s->out[1];
    double most = SD_MIN(SD_MAX(budget / filter_bytes(s), 8), 16);
    return (int)SD_MAX(1, SD_MIN(SD_MIN((double)pieces, most), positions / 64));
}

/* The largest number of equal parts that is at most `wanted` and more than half of it (equal parts share one primitive). */
static int even_parts(int64_t images, int wanted)
{
    for (int parts = wanted; 2 * parts > wanted; parts--)
        if (images % parts == 0)
            return parts;
    return wanted;
}

sd_conv_cut sd__conv_cut(const sd_conv_shape *s, sd_conv_kind kind)
{
    int wanted = sd__parts(s->images * s->out[0], row_cost(s));
    if (kind == SD_CONV_BACKWARD_FILTER)
        wanted = limit_filters(s, wanted);
    if (s->images >= wanted)
        return (sd_conv_cut){even_parts(s->images, wanted), 1};
    int64_t rows = kind == SD_CONV_BACKWARD_DATA ? s->in[0] : s->out[0];
    int64_t bands = SD_MIN((wanted + s->images / 2) / s->images, rows / 2);
    bool can = kind != SD_CONV_BACKWARD_DATA || s->stride[0] == 1;
    return (sd_conv_cut){(int)s->images, can && bands > 1 ? (int)bands : 1};
}

/* Output rows [begin,end) read the input rows from `in_row` on; hi is what the last of them reaches below those rows. */
static bool band_of_output(const sd_conv_shape *s, int64_t begin, int64_t end, sd_conv_piece *piece)
{
    int64_t reach = s->dilation[0] * (s->size[0] - 1) + 1;
    int64_t first = begin * s->stride[0] - s->lo[0];
    int64_t last = (end - 1) * s->stride[0] - s->lo[0] + reach;
    int64_t in_begin = SD_MAX(first, 0), in_end = SD_MIN(last, s->in[0]);
    piece->in_row = in_begin;
    piece->out_row = begin;
    piece->shape.in[0] = in_end - in_begin;
    piece->shape.out[0] = end - begin;
    piece->shape.lo[0] = in_begin - first;
    piece->shape.hi[0] = last - in_end;
    return in_end > in_begin;
}

/* Input rows [begin,end) take part in output rows that reach further: the padding of that band is up to the filter's reach. */
static bool band_of_input(const sd_conv_shape *s, int64_t begin, int64_t end, sd_conv_piece *piece)
{
    int64_t reach = s->dilation[0] * (s->size[0] - 1) + 1;
    int64_t out_begin = SD_MAX(begin + s->lo[0] - (reach - 1), 0); /* stride 1: output row o reads rows o - lo .. + reach */
    int64_t out_end = SD_MIN(end + s->lo[0], s->out[0]);
    piece->in_row = begin;
    piece->out_row = out_begin;
    piece->shape.in[0] = end - begin;
    piece->shape.out[0] = out_end - out_begin;
    piece->shape.lo[0] = begin + s->lo[0] - out_begin;
    piece->shape.hi[0] = out_end - out_begin - 1 + reach - (end - begin) - piece->shape.lo[0];
    return out_end > out_begin && piece->shape.hi[0] >= 0;
}

bool sd__conv_piece(const sd_conv_shape *whole, sd_conv_kind kind, sd_conv_cut cut, int index, sd_conv_piece *piece)
{
    int64_t begin, end;
    sd__part(whole->images, cut.images, index / cut.bands, &begin, &end);
    *piece = (sd_conv_piece){.shape = *whole, .image = begin};
    piece->shape.images = end - begin;
    if (cut.bands == 1)
        return true;
    bool by_input = kind == SD_CONV_BACKWARD_DATA;
    sd__part(by_input ? whole->in[0] : whole->out[0], cut.bands, index % cut.bands, &begin, &end);
    return by_input ? band_of_input(whole, begin, end, piece) : band_of_output(whole, begin, end, piece);
}
