/* features.h -- what comes out of the layers of a model for given samples, as rows of numbers that a classifier can read. */
#ifndef SD_PROBE_FEATURES_H
#define SD_PROBE_FEATURES_H

#include "probe/subject.h"

/* One place to look at. */
typedef struct sd_feature_place {
    const char *name; /* "input", a layer's path, "output" */
    int row;          /* of the layer book; -1: the model's input, -2: its output */
    sd_shape shape;   /* for one sample */
    int64_t read;     /* numbers of a row of features */
    int grid[2];      /* averages over so many rows and columns of a map; 0: as it is */
} sd_feature_place;

/*
 * The input, every nonlinear layer in the order of building, the output (unless the last of them is the output). Maps of more
 * than `most` numbers are averaged over the largest square grid that has no more. *places is to be freed.
 */
sd_status sd__feature_places(const sd_model *model, int64_t most, sd_feature_place **places, int *count);

/*
 * Features of n places for all samples of the subject. matrix[k] [.., places[k].read] of the model's type;
 * sample i goes to row row[i].
 *
 * errors  SD_ENONFINITE, with the place
 */
sd_status sd__features_read(const sd_subject *subject, const sd_samples *samples, int n, const sd_feature_place *places,
                            const int64_t *row, void *const *matrix);

#endif
