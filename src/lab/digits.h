/* digits.h -- small pictures of digits, on which networks of a few hundred parameters can be trained. */
#ifndef SD_LAB_DIGITS_H
#define SD_LAB_DIGITS_H

#include "lab/claim.h"
#include "lab/fit.h"

enum { SD_DIGIT_PIXELS = 100 };

/*
 * n training images drawn by seed, averaged over 3 x 3 pixels to 10 x 10 (28 x 28 with a border of one), values in [0,1]: of MNIST where
 * $SONDE_DATA or the cache has it, else of the embedded strokes, which *name then says.
 *
 * x [n,100], y [n] in 0..9; errors of sd_data_open()
 */
sd_status sd__small_digits(int n, uint64_t seed, double *x, int32_t *y, const char **name);

/* The same in f32; to be cleared. */
sd_status sd__small_digit_examples(int n, uint64_t seed, sd_examples *examples, const char **name);

/* Notes that a set is not on this machine, what is taken in its place, and how to have it. */
void sd__note_missing(sd_lab *lab, const char *wanted);

/* Notes whose digits `name` of the functions above are, and why. */
void sd__note_digits(sd_lab *lab, const char *name);

/* Sets of such images that share none, in f64: one for each repetition. */
typedef struct sd_digit_sets {
    int sets, samples; /* number; images in each */
    double *x;         /* [sets, samples, 100] */
    int32_t *y;        /* [sets, samples] */
} sd_digit_sets;

/* Draws them by the laboratory's stream "images", and notes whose digits they are. To be freed. */
sd_status sd__digit_sets_draw(sd_lab *lab, int sets, int samples, sd_digit_sets *digits);
void sd__digit_sets_free(sd_digit_sets *digits);

#endif
