/*
 * cut.h -- a convolution cut into smaller convolutions, which differ in images, rows and padding alone.
 *
 * The images of a batch are shared out evenly; where there are fewer images than parts are wanted, each image is cut into
 * bands of rows. A band of a larger convolution is itself a convolution: of the rows that it touches, padded where it touches
 * the border. The cut depends on shapes alone, so bits do not depend on threads.
 */
#ifndef SD_KERNELS_ONEDNN_CUT_H
#define SD_KERNELS_ONEDNN_CUT_H

#include "base/base.h"

typedef enum sd_conv_kind { SD_CONV_FORWARD, SD_CONV_BACKWARD_DATA, SD_CONV_BACKWARD_FILTER } sd_conv_kind;

/* A convolution of x [images,in[0],in[1],groups*channels] with w [size[0],size[1],channels,groups*filters]. */
typedef struct sd_conv_shape {
    int64_t images;
    int64_t in[2], out[2];     /* height and width */
    int64_t channels, filters; /* per group */
    int64_t groups;
    int64_t size[2], stride[2], dilation[2], lo[2], hi[2];
} sd_conv_shape;

/* One piece: a convolution of its own, and where its images and rows begin in the whole. */
typedef struct sd_conv_piece {
    sd_conv_shape shape;
    int64_t image, in_row, out_row;
} sd_conv_piece;

typedef struct sd_conv_cut {
    int images; /* parts of the batch */
    int bands;  /* of each such part's rows; more than one only where a part is one image */
} sd_conv_cut;

/* The cut that balances well: pieces of 10 us or more, and for the filter's gradient not too many partial results. */
sd_conv_cut sd__conv_cut(const sd_conv_shape *whole, sd_conv_kind kind);
static inline int sd__conv_pieces(sd_conv_cut cut) { return cut.images * cut.bands; }

/* Piece `index` of a cut; false if it is no convolution (a band that touches no row of the image). */
bool sd__conv_piece(const sd_conv_shape *whole, sd_conv_kind kind, sd_conv_cut cut, int index, sd_conv_piece *piece);

#endif
