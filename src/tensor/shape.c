/* shape.c -- sizes of axes: made, counted, compared, printed. */
#include <inttypes.h>
#include <sonde/tensor.h>
#include <stdio.h>
#include <string.h>

sd_shape sd_shape_make(int rank, const int64_t *dim)
{
    sd_shape shape = {0};
    shape.rank = rank < 0 || rank > SD_MAX_RANK ? -1 : rank;
    for (int i = 0; i < shape.rank; i++)
        shape.dim[i] = dim[i];
    return shape;
}

sd_shape sd_scalar_shape(void) { return (sd_shape){0}; }

/* Saturates, so that a product too large is refused by every bound that its user checks. */
int64_t sd_shape_count(sd_shape shape)
{
    int64_t count = shape.rank < 0 ? 0 : 1;
    bool over = false;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dim[i] == 0)
            return 0;
        over |= __builtin_mul_overflow(count, shape.dim[i], &count);
    }
    return over ? INT64_MAX : count;
}

bool sd_shape_equal(sd_shape a, sd_shape b)
{
    return a.rank == b.rank && (a.rank <= 0 || !memcmp(a.dim, b.dim, (size_t)a.rank * sizeof a.dim[0]));
}

/* The longest text, six times the most negative number, fits exactly. */
const char *sd_shape_text(sd_shape shape, char text[SD_SHAPE_TEXT])
{
    if (shape.rank < 0)
        return strcpy(text, "[?]");
    size_t length = 0;
    text[length++] = '[';
    for (int i = 0; i < shape.rank; i++)
        length += (size_t)snprintf(text + length, SD_SHAPE_TEXT - length, i ? ",%" PRId64 : "%" PRId64, shape.dim[i]);
    memcpy(text + length, "]", 2);
    return text;
}
