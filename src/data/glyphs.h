/* glyphs.h -- the ten digits as strokes of a pen, several ways of writing each. */
#ifndef SD_DATA_GLYPHS_H
#define SD_DATA_GLYPHS_H

#include <stdint.h>

#define SD_GLYPH_POINTS 20 /* at most, in one way of writing */

/* A point that a smooth stroke passes through, in a box of 100 x 100 with y downwards; `lift` begins a new stroke. */
typedef struct sd_glyph_point {
    int8_t x, y, lift;
} sd_glyph_point;

typedef struct sd_glyph {
    int digit, n;
    sd_glyph_point point[SD_GLYPH_POINTS];
} sd_glyph;

/* Sorted by digit. */
extern const sd_glyph sd__glyphs[];
extern const int sd__glyph_count;

#endif
