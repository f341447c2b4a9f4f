/*
 * glyphs.c -- the ten digits as strokes of a pen, several ways of writing each.
 *
 * A corner is written as the end of one stroke and the beginning of the next at the same point: a single stroke is smooth.
 */
#include "data/glyphs.h"

#include "base/base.h"

/* Down at a point without ink from the one before; and on to a point. */
#define AT(x, y) \
    {            \
        x, y, 1  \
    }
#define TO(x, y) \
    {            \
        x, y, 0  \
    }
#define COUNT(...) (int)(sizeof((sd_glyph_point[]){__VA_ARGS__}) / sizeof(sd_glyph_point))
#define GLYPH(digit, ...)                          \
    {                                              \
        digit, COUNT(__VA_ARGS__), { __VA_ARGS__ } \
    }

/* clang-format off */
const sd_glyph sd__glyphs[] = {
    GLYPH(0, AT(50, 2), TO(22, 12), TO(8, 45), TO(20, 85), TO(50, 98), TO(80, 85), TO(92, 48), TO(78, 12), TO(50, 2)),
    GLYPH(0, AT(64, 10), TO(36, 4), TO(14, 35), TO(16, 75), TO(42, 97), TO(72, 86), TO(84, 46), TO(72, 14), TO(46, 3)),
    GLYPH(0, AT(44, 6), TO(70, 6), TO(90, 40), TO(76, 84), TO(42, 98), TO(14, 78), TO(14, 34), TO(40, 5), TO(60, 14)),

    GLYPH(1, AT(50, 2), TO(50, 98)),
    GLYPH(1, AT(30, 26), TO(54, 3), AT(54, 3), TO(52, 98)),
    GLYPH(1, AT(32, 22), TO(52, 3), AT(52, 3), TO(52, 97), AT(28, 97), TO(76, 97)),

    GLYPH(2, AT(15, 25), TO(30, 6), TO(60, 3), TO(80, 22), TO(70, 48), TO(40, 75), TO(12, 96), AT(12, 96), TO(88, 94)),
    GLYPH(2, AT(18, 22), TO(45, 3), TO(76, 18), TO(70, 48), TO(38, 80), TO(18, 93), TO(15, 80), TO(34, 78), TO(60, 92), TO(92, 86)),
    GLYPH(2, AT(12, 28), TO(40, 4), TO(74, 12), TO(76, 40), TO(50, 66), TO(14, 97), AT(14, 97), TO(50, 91), TO(88, 98)),

    GLYPH(3, AT(18, 12), TO(50, 2), TO(78, 18), TO(66, 42), TO(42, 48), AT(42, 48), TO(76, 56), TO(82, 80), TO(52, 98), TO(14, 88)),
    GLYPH(3, AT(16, 5), TO(80, 5), AT(80, 5), TO(45, 42), AT(45, 42), TO(80, 56), TO(78, 86), TO(46, 98), TO(14, 86)),
    GLYPH(3, AT(20, 16), TO(52, 2), TO(76, 22), TO(50, 46), TO(78, 66), TO(66, 94), TO(36, 98), TO(12, 84)),

    GLYPH(4, AT(66, 2), TO(10, 65), AT(10, 65), TO(90, 65), AT(66, 2), TO(66, 98)),
    GLYPH(4, AT(26, 4), TO(14, 54), AT(14, 54), TO(86, 54), AT(70, 6), TO(64, 98)),
    GLYPH(4, AT(20, 4), TO(13, 38), TO(28, 56), TO(74, 48), AT(78, 3), TO(72, 50), TO(64, 98)),

    GLYPH(5, AT(80, 4), TO(28, 4), AT(28, 4), TO(22, 44), AT(22, 44), TO(52, 36), TO(82, 56), TO(76, 86), TO(46, 98), TO(14, 88)),
    GLYPH(5, AT(82, 5), TO(45, 5), TO(26, 16), TO(24, 42), TO(58, 42), TO(82, 66), TO(66, 93), TO(34, 98), TO(12, 86)),
    GLYPH(5, AT(26, 5), TO(20, 46), TO(56, 42), TO(80, 66), TO(62, 95), TO(16, 94), AT(26, 5), TO(54, 8), TO(84, 3)),

    GLYPH(6, AT(70, 4), TO(36, 26), TO(14, 64), TO(28, 94), TO(62, 96), TO(82, 74), TO(64, 54), TO(34, 58), TO(17, 76)),
    GLYPH(6, AT(58, 2), TO(26, 36), TO(16, 72), TO(34, 97), TO(66, 92), TO(76, 68), TO(54, 54), TO(22, 70)),
    GLYPH(6, AT(34, 2), TO(20, 40), TO(18, 78), TO(44, 98), TO(74, 84), TO(66, 58), TO(38, 56), TO(20, 74)),

    GLYPH(7, AT(12, 6), TO(88, 6), AT(88, 6), TO(58, 48), TO(40, 98)),
    GLYPH(7, AT(12, 8), TO(86, 5), AT(86, 5), TO(60, 46), TO(40, 98), AT(36, 51), TO(80, 48)),
    GLYPH(7, AT(14, 20), TO(16, 6), AT(16, 6), TO(86, 6), AT(86, 6), TO(62, 40), TO(50, 98)),

    GLYPH(8, AT(70, 14), TO(44, 3), TO(22, 20), TO(38, 44), TO(68, 60), TO(80, 82), TO(52, 98), TO(22, 82), TO(34, 58), TO(66, 40),
          TO(80, 20), TO(66, 10)),
    GLYPH(8, AT(50, 2), TO(24, 14), TO(28, 38), TO(50, 48), TO(74, 36), TO(76, 14), TO(50, 2), AT(50, 48), TO(18, 64), TO(20, 90),
          TO(50, 98), TO(82, 88), TO(80, 62), TO(50, 48)),
    GLYPH(8, AT(78, 10), TO(46, 3), TO(24, 24), TO(54, 48), TO(76, 76), TO(52, 98), TO(24, 84), TO(44, 54), TO(80, 12)),

    GLYPH(9, AT(78, 22), TO(56, 4), TO(26, 10), TO(20, 36), TO(44, 50), TO(72, 38), TO(80, 16), AT(80, 12), TO(76, 55), TO(62, 98)),
    GLYPH(9, AT(80, 24), TO(52, 3), TO(20, 22), TO(32, 48), TO(62, 46), TO(80, 22), TO(81, 60), TO(62, 92), TO(26, 94)),
    GLYPH(9, AT(72, 14), TO(40, 3), TO(18, 28), TO(44, 46), TO(74, 18), AT(74, 14), TO(70, 98)),
};
/* clang-format on */

const int sd__glyph_count = SD_COUNT(sd__glyphs);
