/* regions.h -- the parts of the instrument "regions": along segments, over a slice. */
#ifndef SD_PROBE_REGIONS_H
#define SD_PROBE_REGIONS_H

#include "probe/explore.h"
#include "probe/subject.h"

/* The subject's inputs in f64, with what they were read from. */
typedef struct sd_region_samples {
    sd_samples samples;
    double *x; /* [n, inputs] */
} sd_region_samples;

/* Two affine functions of dims coordinates, [planes][outputs], are one if they agree at every corner of the box. */
bool sd__same_map(int dims, const double *lo, const double *hi, int64_t outputs, const double *a, const double *b,
                  double tolerance);

/* Shares of the output's size within which maps are equal. */
#define SD_SAME_MAP 1e-9

sd_status sd__regions_segments(sd_context *context, const sd_piecewise *net, const sd_region_samples *samples,
                               const sd_regions_options *options, sd_regions_report *report);
sd_status sd__regions_slice(const sd_subject *subject, const sd_piecewise *net, const sd_region_samples *samples,
                            const sd_regions_options *options, sd_regions_report *report);

sd_status sd__regions_novel(const sd_subject *subject, const sd_piecewise *net, const sd_regions_options *options,
                            sd_regions_report *report);

/*
 * Number of cells (activation patterns) over a box of the input space, of up to SD_MOST_DIMS inputs; ends
 * may be infinite above two.
 */
sd_status sd__count_cells(const sd_subject *subject, const double *lo, const double *hi, int64_t *cells);

#endif
